import contextlib
import ctypes

import numpy as np
import pytest
import torch

from rencgan.core.errors import InputError
from rencgan.data.pixels import as_frames
from rencgan.evaluate import horizon
from rencgan.presets.preset import SMOKE
from rencgan.studies.benchmark import untrained


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


def test_the_nearest_training_clip_in_pixels():
    training = noise(5 * 4).reshape(5, 4, 16, 16, 3)
    made = training[[3, 1]].astype(int)
    made[1] = np.clip(made[1] + 5, 0, 255)
    found = horizon.nearest(made.astype(np.uint8), training)
    assert found.index.tolist() == [3, 1]
    assert found.distance[0] == 0 and 0.03 < found.distance[1] <= 5 / 127.5
    black, white = np.zeros((1, 2, 2, 2, 3), np.uint8), np.full((1, 2, 2, 2, 3), 255, np.uint8)
    assert horizon.nearest(black, white).distance[0] == 2


def test_the_nearest_training_clip_in_features():
    found = horizon.nearest(
        np.array([[0.0, 1.0]]), np.array([[3.0, 5.0], [0.0, 3.0]]), kind="features"
    )
    assert found.index[0] == 1 and found.distance[0] == 2


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


def pieces(n, size=4, piece=8):
    """At least n frames, in pieces; and one frame by itself."""
    yield np.zeros((size, size, 3), np.uint8)
    for _ in range(0, n, piece):
        yield np.zeros((piece, size, size, 3), np.uint8)


def test_cost_counts_frames_over_the_time_they_took(monkeypatch):
    real = horizon.seconds
    monkeypatch.setattr(horizon, "seconds", lambda work: real(work) * 0 + 0.5)
    rows = horizon.cost(pieces, [40, 9])
    assert [r["frames"] for r in rows] == [9, 40]
    assert [r["frames a second"] for r in rows] == [9 / 0.5, 41 / 0.5]  # 40 came as 1 + 5 * 8
    assert [r["seconds"] for r in rows] == [0.5, 0.5]


def test_cost_runs_the_shortest_once_before_and_asks_for_nothing_beyond():
    asked, frames = [], []

    def make(n):
        asked.append(n)
        for i in range(10 * n):
            frames.append(i)
            yield np.zeros((2, 2, 3), np.uint8)

    horizon.cost(make, (6, 3))
    assert asked == [3, 3, 6] and len(frames) == 3 + 3 + 6


@pytest.fixture
def nothing_spare():
    """What earlier tests freed goes back to the system: an array laid into memory that is still
    resident would raise no meter.
    """
    with contextlib.suppress(OSError, AttributeError):  # a system without glibc
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def test_peak_memory_grows_only_where_frames_are_held(monkeypatch, nothing_spare):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    if not horizon.meters():
        pytest.skip("this system has no meter of memory that can be set back")

    def stream(n):
        for _ in range(n):
            # 41 MB: more than an allocator ever keeps, whatever ran in this process before
            yield np.full((1, 3700, 3700, 3), 7, np.uint8)

    def hoard(n):
        yield from list(stream(n))

    short, long = (r["peak MB"] for r in horizon.cost(stream, (2, 6)))
    assert short > 50 and abs(long - short) < 60
    rows = horizon.cost(hoard, (2, 6))
    assert 120 < rows[1]["peak MB"] - rows[0]["peak MB"] < 250
    assert {r["memory"] for r in rows} == {"resident memory"}


def test_a_peak_is_set_back_before_every_length(monkeypatch, nothing_spare):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    if not horizon.meters():
        pytest.skip("this system has no meter of memory that can be set back")
    np.full(300_000_000, 1, np.uint8)
    level, peak = horizon.meters()["resident memory"]
    assert abs(peak() - level()) < 50e6
    held = np.full(100_000_000, 1, np.uint8)
    assert peak() >= level() > len(held)
    del held
    assert peak() - level() > 90e6


def test_without_a_meter_there_is_no_peak_and_of_two_the_gpu_counts_if_used(monkeypatch):
    monkeypatch.setattr(horizon, "meters", dict)
    row = horizon.cost(pieces, [4])[0]
    assert row["peak MB"] is None and row["memory"] is None and row["frames a second"] > 0
    for used, told in ((5_000_000, (5.0, "GPU memory")), (0, (7.0, "resident memory"))):
        both = {"GPU memory": (None, lambda u=used: u), "resident memory": (None, lambda: 7e6)}
        monkeypatch.setattr(horizon, "meters", lambda b=both: b)
        row = horizon.cost(pieces, [4])[0]
        assert (row["peak MB"], row["memory"]) == told


def test_the_cost_of_a_model_is_had_without_holding_its_video():
    model = untrained(SMOKE)
    size = model.preset.size
    real, lengths = noise(40, size), []

    def make(n):
        for piece in model.long_video(horizon.Looped(real, n + 16)):
            lengths.append(piece.shape[2])
            yield as_frames(piece[0])

    rows = horizon.cost(make, (20, 100))
    assert [r["frames"] for r in rows] == [20, 100]
    assert all(r["frames a second"] > 0 and r["seconds"] > 0 for r in rows)
    assert max(lengths) <= 16


def test_looped_footage_is_the_video_again_and_again():
    video = noise(5)
    looped = horizon.Looped(video, 10_003)
    assert len(looped) == 10_003 and looped.shape == (10_003, 16, 16, 3)
    assert looped.dtype == np.uint8 and looped.ndim == 4
    assert np.array_equal(looped[3:13], np.concatenate([video] * 3)[3:13])
    assert len(looped[9_995:10_020]) == 8  # it ends where it says
    assert np.array_equal(looped[10_000:10_003], video[:3])


WRONG = {
    "no lengths": (lambda: horizon.cost(pieces, []), "at least one length"),
    "no frames": (lambda: horizon.cost(pieces, [8, 0]), "from 1 up, not 0"),
    "half a frame": (lambda: horizon.cost(pieces, [1.5]), "whole numbers.* not 1.5"),
    "too few frames": (lambda: horizon.cost(lambda n: pieces(8), [9, 20]), "20 .* but only 9"),
    "none at all": (lambda: horizon.cost(lambda n: [], [4]), "4 frames .* only 0 came"),
    "grey frames": (lambda: horizon.cost(lambda n: [np.zeros((4, 4))], [1]), r"not \(4, 4\)"),
    "grey footage": (lambda: horizon.Looped(np.zeros((2, 4, 4)), 8), r"not \(2, 4, 4\)"),
    "empty footage": (lambda: horizon.Looped(noise(1)[:0], 8), "to repeat"),
    "no length": (lambda: horizon.Looped(noise(1), 0), "at least 1 frame, not 0"),
    "a short video": (lambda: horizon.self_similarity(noise(3)), "at least 4 frames.* has 3"),
    "two shapes": (lambda: horizon.nearest(noise(2), noise(2, 8)), "do not compare"),
    "nothing to be near to": (lambda: horizon.nearest(noise(2), noise(2)[:0]), "is empty"),
    "another kind": (lambda: horizon.nearest(noise(2), noise(2), "sound"), "not 'sound'"),
    "no videos": (lambda: horizon.against_real([], [noise(4)]), "at least one video"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_cannot_be_measured_is_told_in_a_sentence(kind):
    act, words = WRONG[kind]
    with pytest.raises(InputError, match=words):
        act()
