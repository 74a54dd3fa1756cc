"""Measures with answers that are known beforehand."""

import numpy as np
import pytest

from rencgan.core.errors import InputError
from rencgan.data.hops import seams
from rencgan.evaluate import measures

GREY = 1 / 127.5  # one step of 255 in the range [-1, 1]


def constant(frames=40, level=100):
    return np.full((frames, 6, 8, 3), level, np.uint8)


def ramp(frames=40, step=2):
    """Every pixel becomes brighter by the same step."""
    return np.broadcast_to(
        (np.arange(frames) * step)[:, None, None, None], (frames, 6, 8, 3)
    ).astype(np.uint8)


def jumps(frames=40, r=8, step=1, jump=10):
    """A ramp that leaps where clips of hop r meet."""
    rise = np.full(frames, step)
    rise[0] = 0
    rise[[s for s in range(r, frames - 15, r)]] = jump
    levels = rise.cumsum()
    return np.broadcast_to(levels[:, None, None, None], (frames, 6, 8, 3)).astype(np.uint8)


def random_video(frames=40, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (frames, 6, 8, 3), np.uint8)


def test_nothing_happens_in_a_constant_video():
    v = constant()
    assert measures.motion(v) == measures.motion(v, 8) == measures.sharpness(v) == 0
    assert measures.l1(v, v) == 0
    assert not measures.colour_drift(v).any() and measures.colour_drift(v).shape == (40,)
    assert np.isnan(measures.seam_ratio(v, 8))


def test_a_ramp_moves_evenly_and_has_no_seam():
    v = ramp(step=3)
    assert measures.frame_differences(v) == pytest.approx(np.full(39, 3 * GREY), rel=1e-4)
    assert measures.motion(v) == pytest.approx(3 * GREY, rel=1e-4)
    assert measures.seam_ratio(v, 8) == pytest.approx(1, rel=1e-4)
    assert measures.colour_drift(v) == pytest.approx(np.arange(40) * 3 * GREY, abs=1e-5)


@pytest.mark.parametrize("r", [1, 4, 8, 15])
def test_a_jump_at_every_junction_is_seen_and_only_there(r):
    v = jumps(16 + r * (24 // r), r)
    assert measures.seam_ratio(v, r) == pytest.approx(10, rel=1e-3)
    assert measures.motion(v, r) == pytest.approx(GREY, rel=1e-3)
    assert measures.motion(v) > 1.2 * measures.motion(v, r)


@pytest.mark.parametrize("r", [4, 8, 15])
def test_a_junction_close_to_the_end_of_a_video_that_was_cut_is_not_inside(r):
    v = jumps(16 + r * (48 // r), r, step=0)[:32]
    assert measures.motion(v, r) == 0 < measures.motion(v)
    assert np.isnan(measures.seam_ratio(v, r)), "nothing moves inside"


def test_jumps_elsewhere_are_no_seams():
    assert measures.seam_ratio(jumps()[4:], 8) < 1


def test_a_single_clip_has_no_junction():
    assert np.isnan(measures.seam_ratio(ramp(16), 8))
    assert measures.motion(ramp(16), 8) == pytest.approx(2 * GREY, rel=1e-4)


def test_l1_counts_the_frames_that_there_are():
    v = ramp(20)
    assert measures.l1(v, constant(40, 0)) == pytest.approx(19 * GREY, rel=1e-4)
    longer = np.concatenate([v, random_video(9)])
    assert measures.l1(v, longer) == 0
    assert measures.l1(constant(10, 0), constant(10, 255)) == pytest.approx(2)


def test_sharpness_is_the_mean_gradient_of_both_directions():
    stripes = constant(3, 0)
    stripes[:, :, ::2] = 51  # every step from column to column is 51, from row to row 0
    assert measures.sharpness(stripes) == pytest.approx(51 * GREY / 2, rel=1e-4)
    turned = stripes.swapaxes(1, 2)
    assert measures.sharpness(turned) == pytest.approx(51 * GREY / 2, rel=1e-4)


def test_drift_is_the_change_of_the_mean_colour_not_of_its_place():
    v = constant(5, 0)
    v[2:, ..., 0] = 30  # only red
    expected = [0, 0, *[30 * GREY / 3] * 3]
    assert measures.colour_drift(v) == pytest.approx(expected, abs=1e-5)
    shift = np.stack([np.roll(random_video(1)[0], t, axis=1) for t in range(5)])
    assert measures.colour_drift(shift) == pytest.approx(0, abs=1e-5)


def test_bytes_and_floats_are_the_same_video():
    v, r = random_video(), random_video(seed=1)
    floats = [x.astype(np.float32) / 127.5 - 1 for x in (v, r)]
    assert measures.summary(v, r, 8) == pytest.approx(measures.summary(*floats, 8))


def test_the_held_frame_and_the_shuffled_clips_are_what_they_say():
    v = ramp(64)
    held = measures.frozen(v, 32)
    assert held.shape == (32, 6, 8, 3) and (held == v[0]).all()
    assert measures.motion(held) == 0 and np.isnan(measures.seam_ratio(held, 8))
    mixed = measures.shuffled(v, 64, 8, seed=1)
    assert mixed.shape == v.shape and mixed.dtype == v.dtype
    assert sorted(mixed[:, 0, 0, 0]) == sorted(v[:, 0, 0, 0]) and not np.array_equal(mixed, v)
    within = mixed[:, 0, 0, 0].astype(int).reshape(8, 8)
    assert (np.diff(within, axis=1) == 2).all()  # pieces of 8 frames are kept whole
    assert measures.seam_ratio(mixed, 8) > 2
    assert measures.l1(mixed, v) > 0.05
    assert np.array_equal(mixed, measures.shuffled(v, 64, 8, seed=1))


@pytest.mark.parametrize("r", [3, 5, 7, 8, 15])
def test_shuffling_jumps_at_the_junctions_only(r):
    v = ramp(16 + 6 * r)
    mixed = measures.shuffled(v, len(v), r)
    assert sorted(mixed[:, 0, 0, 0]) == sorted(v[:, 0, 0, 0])
    steps = np.diff(mixed[:, 0, 0, 0].astype(int))
    jumps = {i + 1 for i in np.flatnonzero(steps != 2)}
    assert jumps and jumps <= set(seams(len(v), r))


def test_the_summary_holds_every_measure_as_a_number():
    v = jumps()
    s = measures.summary(v, v, 8)
    assert list(s) == ["l1", "motion", "seam_ratio", "sharpness", "colour_drift"]
    assert all(type(x) is float for x in s.values())
    assert s["l1"] == 0 and s["seam_ratio"] == pytest.approx(10, rel=1e-3)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: measures.motion(np.zeros((5, 8, 8))), r"not \(5, 8, 8\)"),
        (lambda: measures.sharpness(np.zeros((1, 8, 8, 3), np.uint8)), "at least 2 frames"),
        (lambda: measures.colour_drift(np.zeros((5, 3, 8, 8), np.uint8)), r"\(T, H, W, 3\)"),
        (lambda: measures.l1(ramp(20), ramp(10)), "cannot be compared"),
        (lambda: measures.l1(ramp(20), ramp(20)[:, :4]), "cannot be compared"),
        (lambda: measures.seam_ratio(ramp(15), 8), "at least 16 frames"),
        (lambda: measures.seam_ratio(ramp(40), 16), "from 1 to 15"),
    ],
)
def test_what_is_no_video_is_refused(call, words):
    with pytest.raises(InputError, match=words):
        call()


def test_spoilt_in_time():
    v = ramp(40)
    at = lambda x: x[:, 0, 0, 0].astype(int) // 2  # noqa: E731, the frame that is shown
    assert list(at(measures.reset(v, 15))) == [*range(15), *range(15), *range(10)]
    assert list(at(measures.looped(v, 4)))[:8] == [0, 1, 2, 3, 2, 1, 0, 1]
    assert list(at(measures.sped_up(v, 14, 3))) == [*range(0, 40, 3)]
    assert np.array_equal(measures.sped_up(v, 40, 1), v)
    for spoil in (lambda: measures.reset(v, 1), lambda: measures.looped(v, 1)):
        with pytest.raises(InputError, match="at least 2 frames, not 1"):
            spoil()
    with pytest.raises(InputError, match="15 frames at 3 times the pace need 43"):
        measures.sped_up(v, 15, 3)


SPOILT = {
    "reset": lambda v: measures.reset(v, 8),
    "looped": lambda v: measures.looped(v, 8),
    "faded": measures.faded,
    "trembling": measures.trembling,
    "grained": measures.grained,
    "blurred": lambda v: measures.blurred(v, 0.5 * measures.sharpness(v)),
}


@pytest.mark.parametrize("name", SPOILT)
def test_spoilt_video_keeps_its_shape_and_type_and_spares_the_original(name):
    v = random_video()
    before, made = v.copy(), SPOILT[name](v)
    assert made.shape == v.shape and made.dtype == v.dtype
    assert np.array_equal(v, before) and not np.array_equal(made, v)
    assert np.array_equal(made, SPOILT[name](v))
    floats = SPOILT[name](measures.as_unit(v))
    assert floats.dtype == np.float32 and np.abs(floats).max() <= 1
    assert np.abs(floats - measures.as_unit(made)).mean() < GREY


def test_fading_keeps_the_colour_and_loses_the_contrast():
    v = np.repeat(random_video(1), 21, 0)
    made = measures.as_unit(measures.faded(v, 0.2))
    assert np.array_equal(measures.faded(v, 0.2)[0], v[0])
    assert made.mean((1, 2)) == pytest.approx(measures.as_unit(v).mean((1, 2)), abs=GREY)
    assert made[[10, 20]].std((1, 2)) == pytest.approx(
        measures.as_unit(v)[:2].std((1, 2)) * [[0.6], [0.2]], rel=0.03
    )


def test_trembling_moves_and_grain_does_not():
    v = np.zeros((60, 9, 9, 3), np.uint8)
    v[:, 4, 4] = 200
    where = np.argwhere(measures.trembling(v, 2)[..., 0])
    assert len(where) == 60 and set(where[:, 1]) == set(where[:, 2]) == {2, 3, 4, 5, 6}
    grey = constant(40)
    noise = measures.grained(grey, 5).astype(float) - grey
    assert noise.std() == pytest.approx(5, rel=0.05) and noise.mean() == pytest.approx(0, abs=0.2)
    assert measures.motion(measures.grained(grey, 5)) > 0.03


@pytest.mark.parametrize("share", [0.9, 0.5, 0.1])
def test_a_blur_meets_its_sharpness(share):
    for v in (random_video(), random_video()[:, :, :3]):
        target = share * measures.sharpness(v)
        assert measures.sharpness(measures.blurred(v, target)) == pytest.approx(target, rel=0.01)


def test_a_blur_that_cannot_be():
    v = random_video()
    assert np.array_equal(measures.blurred(v, 2 * measures.sharpness(v)), v)
    with pytest.raises(InputError, match="no blur brings this video to a sharpness of 0"):
        measures.blurred(v, 0)
