"""What long video loses, on videos whose answers are known."""

import numpy as np
import pytest

from rencgan.core.errors import InputError
from rencgan.evaluate import horizon


def noise(frames, size=16, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (frames, size, size, 3), dtype=np.uint8)


def drifting(frames=64, size=16):
    """Colour goes from black to white, one level of grey a frame."""
    ramp = np.linspace(0, 255, frames).astype(np.uint8)
    return np.broadcast_to(ramp[:, None, None, None], (frames, size, size, 3)).copy()


def test_histograms_count_every_pixel_once():
    h = horizon.colour_histograms(noise(3))
    assert h.shape == (3, 512)
    assert np.allclose(h.sum(1), 1)
    one = np.zeros((1, 2, 2, 3), np.uint8)
    one[0, 0, 0] = (255, 0, 128)
    h = horizon.colour_histograms(one)[0]
    assert h[0] == 0.75 and h[(7 * 8 + 0) * 8 + 4] == 0.25


def test_colours_kept_are_blind_to_place_and_see_drift():
    frame = noise(1)[0]
    moved = np.stack([frame, frame[::-1], frame[:, ::-1]])
    assert np.allclose(horizon.colour_kept(moved), 1)
    kept = horizon.colour_kept(drifting())
    assert kept[0] == 1 and kept[-1] == 0
    half = np.zeros((2, 4, 4, 3), np.uint8)
    half[1, :2] = 255
    assert np.allclose(horizon.colour_kept(half), [1, 0.5])


def test_sharpness_over_time_falls_where_frames_are_blurred():
    video = noise(6)
    video[3:] = 90
    curve = horizon.sharpness_over_time(video)
    assert (curve[:3] > 0.3).all() and (curve[3:] == 0).all()
    step = np.zeros((2, 4, 4, 3), np.uint8)
    step[:, :, 2:] = 255  # one step of 2 in three differences, none downwards
    assert horizon.sharpness_over_time(step)[0] == pytest.approx(2 / 3 / 2)


@pytest.mark.parametrize("period", [7, 16])
def test_a_loop_is_found_at_its_period(period):
    loop = np.concatenate([noise(period)] * 6)
    found = horizon.repetition(loop)
    assert found.lag % period == 0 and found.height > 0.9
    assert horizon.self_similarity(loop)[period] == pytest.approx(1)


def test_noise_drift_and_standing_still_do_not_repeat():
    assert horizon.repetition(noise(80)).height < 0.1
    assert horizon.repetition(drifting()).height < 0.05
    assert horizon.repetition(np.full((20, 8, 8, 3), 7, np.uint8)).height == 0


def test_against_real_puts_both_sides_beside_each_other():
    looped, real = np.concatenate([noise(8)] * 4), noise(32, seed=3)
    rows = horizon.against_real([looped], [real])
    assert rows["repetition"][0] > 0.9 > 0.2 > rows["repetition"][1]
    faded = noise(32, seed=4)
    faded[24:] = 128
    rows = horizon.against_real([faded], [real])
    assert rows["sharpness at the end over the start"][0] == 0
    assert rows["sharpness at the end over the start"][1] == pytest.approx(1, abs=0.05)
    assert rows["colour kept at the end"][0] < rows["colour kept at the end"][1]


WRONG = {
    "a short video": (lambda: horizon.self_similarity(noise(3)), "at least 4 frames.* has 3"),
    "no videos": (lambda: horizon.against_real([], [noise(4)]), "at least one video"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_cannot_be_measured_is_told_in_a_sentence(kind):
    act, words = WRONG[kind]
    with pytest.raises(InputError, match=words):
        act()
