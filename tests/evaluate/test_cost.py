"""What length costs: time and memory of what yields frames, and footage without end."""

import contextlib
import ctypes
import mmap

import numpy as np
import pytest
import torch

from rencgan.core.errors import InputError
from rencgan.data.pixels import as_frames
from rencgan.evaluate import cost
from rencgan.presets.table import SMOKE
from rencgan.studies.untrained import model as untrained


def noise(frames, size=16, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (frames, size, size, 3), dtype=np.uint8)


def pieces(n, size=4, piece=8):
    """At least n frames, in pieces; and one frame by itself."""
    yield np.zeros((size, size, 3), np.uint8)
    for _ in range(0, n, piece):
        yield np.zeros((piece, size, size, 3), np.uint8)


def test_cost_counts_frames_over_the_time_they_took(monkeypatch):
    real = cost.seconds
    monkeypatch.setattr(cost, "seconds", lambda work: real(work) * 0 + 0.5)
    rows = cost.cost(pieces, [40, 9])
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

    cost.cost(make, (6, 3))
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
    if not cost.meters():
        pytest.skip("this system has no meter of memory that can be set back")

    def stream(n):
        for _ in range(n):
            # 41 MB: more than an allocator ever keeps, whatever ran in this process before
            yield np.full((1, 3700, 3700, 3), 7, np.uint8)

    def hoard(n):
        yield from list(stream(n))

    short, long = (r["peak MB"] for r in cost.cost(stream, (2, 6)))
    assert short > 50 and abs(long - short) < 60
    rows = cost.cost(hoard, (2, 6))
    assert 120 < rows[1]["peak MB"] - rows[0]["peak MB"] < 250
    assert {r["memory"] for r in rows} == {"resident memory"}


def touch(pages):
    for at in range(0, len(pages), mmap.PAGESIZE):
        pages[at] = 1


def test_a_peak_is_set_back_before_every_length(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    if not cost.meters():
        pytest.skip("this system has no meter of memory that can be set back")
    # Pages of their own, which no allocator can keep or have at hand.
    with mmap.mmap(-1, 300_000_000) as pages:
        touch(pages)
    level, peak = cost.meters()["resident memory"]
    assert abs(peak() - level()) < 50e6
    with mmap.mmap(-1, 100_000_000) as pages:
        touch(pages)
        assert peak() >= level() > len(pages)
    assert peak() - level() > 90e6


def test_without_a_meter_there_is_no_peak_and_of_two_the_gpu_counts_if_used(monkeypatch):
    monkeypatch.setattr(cost, "meters", dict)
    row = cost.cost(pieces, [4])[0]
    assert row["peak MB"] is None and row["memory"] is None and row["frames a second"] > 0
    for used, told in ((5_000_000, (5.0, "GPU memory")), (0, (7.0, "resident memory"))):
        both = {"GPU memory": (None, lambda u=used: u), "resident memory": (None, lambda: 7e6)}
        monkeypatch.setattr(cost, "meters", lambda b=both: b)
        row = cost.cost(pieces, [4])[0]
        assert (row["peak MB"], row["memory"]) == told


def test_the_cost_of_a_model_is_had_without_holding_its_video():
    model = untrained(SMOKE)
    size = model.preset.size
    real, lengths = noise(40, size), []

    def make(n):
        for piece in model.generate(footage=cost.Looped(real, n + 16)):
            lengths.append(piece.shape[2])
            yield as_frames(piece[0])

    rows = cost.cost(make, (20, 100))
    assert [r["frames"] for r in rows] == [20, 100]
    assert all(r["frames a second"] > 0 and r["seconds"] > 0 for r in rows)
    assert max(lengths) <= 16


def test_looped_footage_is_the_video_again_and_again():
    video = noise(5)
    looped = cost.Looped(video, 10_003)
    assert len(looped) == 10_003 and looped.shape == (10_003, 16, 16, 3)
    assert looped.dtype == np.uint8 and looped.ndim == 4
    assert np.array_equal(looped[3:13], np.concatenate([video] * 3)[3:13])
    assert len(looped[9_995:10_020]) == 8  # it ends where it says
    assert np.array_equal(looped[10_000:10_003], video[:3])


WRONG = {
    "no lengths": (lambda: cost.cost(pieces, []), "at least one length"),
    "no frames": (lambda: cost.cost(pieces, [8, 0]), "from 1 up, not 0"),
    "half a frame": (lambda: cost.cost(pieces, [1.5]), "whole numbers.* not 1.5"),
    "too few frames": (lambda: cost.cost(lambda n: pieces(8), [9, 20]), "20 .* but only 9"),
    "none at all": (lambda: cost.cost(lambda n: [], [4]), "4 frames .* only 0 came"),
    "grey frames": (lambda: cost.cost(lambda n: [np.zeros((4, 4))], [1]), r"not \(4, 4\)"),
    "grey footage": (lambda: cost.Looped(np.zeros((2, 4, 4)), 8), r"not \(2, 4, 4\)"),
    "empty footage": (lambda: cost.Looped(noise(1)[:0], 8), "to repeat"),
    "no length": (lambda: cost.Looped(noise(1), 0), "at least 1 frame, not 0"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_cannot_be_measured_is_told_in_a_sentence(kind):
    act, words = WRONG[kind]
    with pytest.raises(InputError, match=words):
        act()
