"""Frames of training videos that stand far apart, and their times."""

import numpy as np
import pytest
import torch
from conftest import moving_videos

from rencgan.core.errors import InputError
from rencgan.data.sparse import SparseFrames
from rencgan.data.videoset import VideoSet

CRITICAL = 59.7  # of chi squared with 30 degrees of freedom, at 0.001


def numbered(*lengths: int) -> VideoSet:
    """Videos whose frames show their own number in all pixels."""
    frames = [np.broadcast_to(np.arange(n)[:, None, None, None], (n, 4, 4, 3)) for n in lengths]
    return VideoSet.from_arrays([f.astype(np.uint8) for f in frames])


def drawn(reader: SparseFrames, frames: int, count: int = 3000) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.stack([reader.times(rng, frames, whole=True) for _ in range(count)])


def chi_squared(values: np.ndarray, known: range) -> float:
    seen = np.array([(values == v).sum() for v in known])
    assert seen.sum() == len(values)
    expected = len(values) / len(known)
    return float(((seen - expected) ** 2 / expected).sum())


def test_distances_are_uniform_from_k_less_one_to_32():
    t = drawn(SparseFrames(numbered(200), 3, 1024), 200)
    assert chi_squared(t[:, 2] - t[:, 0], range(2, 33)) < CRITICAL
    inner = (t[:, 1] - t[:, 0])[t[:, 2] - t[:, 0] == 32]
    assert set(inner) <= set(range(1, 32))
    assert (np.diff(t, axis=1) >= 1).all()


def test_a_short_video_has_short_distances_and_any_first_frame():
    t = drawn(SparseFrames(numbered(10), 3, 1024), 10)
    assert set(t[:, 2] - t[:, 0]) == set(range(2, 10))
    assert set(t[t[:, 2] - t[:, 0] == 2][:, 0]) == set(range(8))
    assert t.max() == 9


def test_given_distances_are_the_only_ones():
    t = drawn(SparseFrames(numbered(200), 3, 1024, distances=(1, 2, 4, 8, 16, 32)), 200)
    assert set(t[:, 2] - t[:, 0]) == {2, 4, 8, 16, 32}  # 1 leaves no room for 3 frames


def test_times_of_generated_videos_are_whole_apart_and_begin_anywhere():
    reader = SparseFrames(numbered(100), 4, 64)
    rng = np.random.default_rng(0)
    t = np.stack([reader.times(rng, 100, whole=False) for _ in range(500)])
    assert np.allclose(np.diff(t), np.diff(t).round())
    assert (t[:, 0] % 1 > 0).mean() > 0.9
    assert t.min() >= 0
    assert 55 < t.max() <= 63  # of a window of 64 frames


def test_frames_are_those_of_their_times():
    videos = numbered(90, 40, 70)
    reader = SparseFrames(videos, 3, 32)
    for row in range(20):
        frames, times = reader.sample(row, 5, row % 5)
        assert frames.shape == (3, 4, 4, 3)
        assert times.shape == (3, 3)
        shown = frames[:, 0, 0, 0].astype(int)
        assert (np.diff(shown) == np.diff(times[0])).all()


def test_an_epoch_shows_every_video_once_and_a_sample_depends_on_its_place_alone():
    reader = SparseFrames(VideoSet.from_arrays(moving_videos(6)), 3, 32)
    seen = [reader.sample(i // 3, 3, i % 3) for i in range(6)]
    again = SparseFrames(VideoSet.from_arrays(moving_videos(6)), 3, 32).sample(1, 3, 2)
    assert (seen[5][0] == again[0]).all()
    assert (seen[5][1] == again[1]).all()
    assert len({frames.tobytes() for frames, _ in seen}) == 6


def test_half_of_the_videos_are_mirrored_where_that_is_asked_for():
    ramp = np.broadcast_to(np.arange(8, dtype=np.uint8)[None, None, :, None], (20, 8, 8, 3))
    reader = SparseFrames(VideoSet.from_arrays([ramp]), 3, 32, flips=True)
    first = [int(reader.sample(i, 1, 0)[0][0, 0, 0, 0]) for i in range(200)]
    assert set(first) == {0, 7}
    assert 60 < first.count(7) < 140


def test_a_stream_gives_what_the_batches_of_one_process_and_of_two_share():
    reader = SparseFrames(numbered(90, 40, 70), 3, 32)
    whole = list(reader.stream(2, 4, lambda step: ("batch", 4, slice(None)), "cpu"))
    half = list(reader.stream(2, 4, lambda step: ("batch", 4, slice(2, 4)), "cpu"))
    assert len(whole) == 2
    assert whole[0].x.shape == (4, 3, 3, 4, 4)
    assert whole[0].t.shape == (4, 3)
    assert whole[0].fake_t.shape == (2, 4, 3)
    assert whole[0].t.dtype == torch.float64
    assert torch.equal(whole[1].x[2:], half[1].x)
    assert torch.equal(whole[1].fake_t[:, 2:], half[1].fake_t)


def test_videos_that_are_too_short_are_skipped_by_name():
    reader = SparseFrames(numbered(2, 90, 7), 3, 32, distances=(8, 16))
    assert reader.skipped == ["video_0000", "video_0002"]
    assert reader.samples == 1
    with pytest.raises(InputError, match="no video has the 4 frames .* the longest has 3"):
        SparseFrames(numbered(3, 2), 4, 32)
    with pytest.raises(InputError, match="40 frames do not fit into any of the distances"):
        SparseFrames(numbered(90), 40, 64)
    with pytest.raises(InputError, match="at least 2 frames of a video are needed, not 1"):
        SparseFrames(numbered(90), 1, 64)
    with pytest.raises(InputError, match="the seed must be 0 or more"):
        SparseFrames(numbered(90), 3, 64, seed=-1)
