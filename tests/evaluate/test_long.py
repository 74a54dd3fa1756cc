"""Each measure tells its own way of going wrong from clean video, and does not mind the others."""

import numpy as np
import pytest
from samples import Sums

from rencgan.core.errors import InputError
from rencgan.data.procedural import catalogue
from rencgan.evaluate import long, measures

SIDE, FRAMES = 6, 128


@pytest.fixture(scope="module")
def skies():
    """Two sides of real video: clean against clean is what every measure is held against."""
    made = [v.frames(32) for v in catalogue("sky", videos=2 * SIDE, max_frames=FRAMES, seed=7)]
    return made[:SIDE], made[SIDE:]


def held(videos):
    return [measures.frozen(v, len(v)) for v in videos]


def waves(length, size=32, frames=4):
    """Stripes across, of so many pixels a wave."""
    row = 127.5 + 60 * np.sin(2 * np.pi * np.arange(size) / length)
    return np.broadcast_to(row[:, None], (frames, size, size, 3)).round().astype(np.uint8)


def test_small_pixels_are_means_of_cells():
    v = np.random.default_rng(0).integers(0, 256, (2, 16, 24, 3), np.uint8)
    x = long.small_pixels(v)
    assert x.shape == (2, 8 * 8 * 3)
    assert x[1, :3] == pytest.approx(measures.as_unit(v)[1, :2, :3].mean((0, 1)), abs=1e-6)
    odd = long.small_pixels(v[:, :13, :5])  # cells of one and two rows
    assert odd.shape == (2, 8 * 5 * 3)
    assert odd[0, -3:] == pytest.approx(measures.as_unit(v)[0, 11:13, 4].mean(0), abs=1e-6)


def test_resets_are_seen_where_all_videos_jump_back(skies):
    real, other = skies
    jumps = long.resets([measures.reset(v, 32) for v in other], real)
    clean, still = long.resets(other, real), long.resets(held(other), real)
    assert jumps.rise > 1 and jumps.largest > 1 and jumps.at % 32 == 0 and jumps.at > 0
    assert jumps.excess.shape == (FRAMES,) and jumps.excess[0] == pytest.approx(0)
    assert abs(clean.rise) < 0.4 and clean.largest < 0.5
    assert still.rise <= 0 and still.largest > 0.5, "stillness is like its start, and never returns"


def test_jumps_at_times_of_their_own_are_no_common_resets(skies):
    real, other = skies
    apart = [measures.reset(v, k) for v, k in zip(other, (29, 37, 43, 53, 61, 71), strict=True)]
    common = long.resets([measures.reset(v, 43) for v in other], real)
    assert long.resets(apart, real).rise < 0.7 * common.rise


def test_drift_is_in_units_of_real_videos_and_has_motion_beside_it(skies):
    real, other = skies
    same = long.drifts(real, real, 32)
    assert set(same) == set(long.LEVELS)
    assert all(d == long.Drift(pytest.approx(1), pytest.approx(1)) for d in same.values())
    fades = long.drifts([measures.faded(v) for v in real], real, 32)
    assert fades["contrast"].drift > 2 and fades["sharpness"].drift > 2
    assert fades["colour"].drift == pytest.approx(1, abs=0.1)
    still = long.drifts(held(real), real, 32)
    assert all(d == long.Drift(pytest.approx(0, abs=1e-6), 0) for d in still.values())


def test_wandering_leaves_a_short_last_chunk_out():
    levels = np.repeat([0, 51, 102, 255], [4, 4, 4, 3])
    v = np.broadcast_to(levels[:, None, None, None], (15, 2, 2, 3)).astype(np.uint8)
    assert long.wandering(v, long.LEVELS["colour"], 4) == pytest.approx(0.6)


def test_power_lies_in_the_octave_of_its_period():
    t = np.arange(64)[:, None]
    for period, octave in ((32, 1), (12, 2), (6, 3), (3, 4), (2, 4)):
        found = long.power(np.cos(2 * np.pi * t / period))
        assert found.shape == (5,) and found.argmax() == octave


def test_spectra_see_trembling_grain_and_stillness(skies):
    real, other = skies
    clean = long.spectra(other, real)
    shaken = long.spectra([measures.trembling(v) for v in other], real)
    assert clean.distance < 0.3
    assert shaken.distance > 3 * clean.distance
    assert (shaken.made - shaken.real)[-1] > 1, "trembling is quick"
    assert long.spectra([measures.reset(v, 16) for v in other], real).distance > 3 * clean.distance
    assert 2 < long.spectra(held(other), real).distance < 10
    assert long.spectra(real, real).distance == 0


def test_spectra_of_features_are_of_clips_in_order(skies):
    real, other = skies
    track = long.tracked(Sums(), clip=8, hop=4)
    assert track(real[0]).shape == (31, 4)
    assert track(real[0])[2] == pytest.approx(Sums()(real[0][None, 8:16])[0])
    clean, still = (long.spectra(side, real, track).distance for side in (other, held(other)))
    assert clean < 0.5 and still > 2


@pytest.mark.parametrize(("length", "band"), [(3, 0), (6, 1), (10, 2), (24, 3)])
def test_energy_lies_in_the_octave_of_its_waves(length, band):
    for v in (waves(length), waves(length).swapaxes(1, 2)):
        found = long.octave_energy(v)
        assert found.shape == (4,) and found.argmax() == band
    assert long.octave_energy(waves(length)[:, :, :16]).shape == (3,)


def test_octaves_see_blur_and_grain_at_the_fine_end(skies):
    real, _ = skies
    soft = long.octaves([measures.blurred(v, 0.6 * measures.sharpness(v)) for v in real], real)
    grain = long.octaves([measures.grained(v) for v in real], real)
    assert soft[0] < 0.2 and soft[-1] > 0.8 and (np.diff(soft) > 0).all()
    assert grain[0] > 1.3 and grain[-1] == pytest.approx(1, abs=0.05)
    assert long.octaves([measures.trembling(v) for v in real], real) == pytest.approx(1, abs=0.05)
    grey = [np.full((4, 32, 32, 3), 90, np.uint8)]
    assert np.isnan(long.octaves(real, grey)).all()


def test_acceleration_tells_trembling_from_motion(skies):
    real, _ = skies
    ramp = np.arange(20, dtype=np.uint8)[:, None, None, None] * np.full((1, 4, 4, 3), 3, np.uint8)
    assert long.acceleration(ramp) == pytest.approx(0, abs=1e-6)
    flicker = np.where(np.arange(20) % 2, 51, 0)[:, None, None, None] * np.ones((1, 4, 4, 3))
    assert long.acceleration(flicker.astype(np.uint8)) == pytest.approx(0.8)
    v = real[0]
    shaken = measures.trembling(v)
    grew = long.acceleration(shaken) / long.acceleration(v)
    assert grew > 1.5 * measures.motion(shaken) / measures.motion(v)


def test_peak_and_decay_of_motion():
    steps = np.r_[np.full(20, 8), np.full(60, 4), np.full(20, 2)]  # brighter and darker in turn
    levels = np.r_[0, (steps * np.tile([1, -1], 50)).cumsum()] + 100
    v = np.broadcast_to(levels[:, None, None, None], (101, 2, 2, 3)).astype(np.uint8)
    assert long.motion_peak(v) == pytest.approx(8 / 127.5, rel=1e-4)
    assert long.motion_decay(v) == pytest.approx((2 * 20 + 4 * 5) / (8 * 20 + 4 * 5), rel=1e-4)
    assert long.motion_decay(v[:1].repeat(9, 0)) == 1


def test_the_worst_octave_is_the_one_furthest_from_real():
    assert long.worst(np.array([1.2, 0.4, 1.9, np.nan])) == 0.4
    assert long.worst(np.array([1.2, 0.6, 1.9])) == 1.9
    assert np.isnan(long.worst(np.array([np.nan])))


def test_all_measures_by_name(skies):
    real, _ = skies
    found = long.against_real(real, real, 32, long.tracked(Sums()))
    for name, value in found.items():
        if isinstance(value, long.Drift):
            assert value == long.Drift(pytest.approx(1), pytest.approx(1)), name
        else:
            off = "reset" in name or "spectrum" in name
            assert value == pytest.approx(0 if off else 1, abs=1e-9), name
    assert len(found) == 17
    assert all(isinstance(v, long.Drift) for k, v in found.items() if "drift" in k or "decay" in k)
    assert found.keys() - long.against_real(real, real, 32).keys() == {
        "temporal spectrum of features"
    }


def test_videos_count_as_far_as_the_shortest_goes(skies):
    real, other = skies
    cut = [other[0][:70], *other[1:]]
    assert long.resets(cut, real).excess.shape == (70,)
    with pytest.raises(InputError, match="at least 128 frames are needed, not of 70"):
        long.drifts(cut, real)
    with pytest.raises(InputError, match="at least one video"):
        long.spectra([], real)
