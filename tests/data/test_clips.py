"""Which frames training sees: decided by (seed, epoch, index), inside one video, nothing twice."""

import numpy as np
import pytest
import torch
from conftest import moving_videos

from rencgan.core.errors import InputError
from rencgan.data.clips import ClipSampler
from rencgan.data.pixels import as_clips, as_frames
from rencgan.data.videoset import VideoSet

LENGTHS = (16, 24, 31, 33, 46, 60)


@pytest.fixture
def several() -> VideoSet:
    """Videos of 16, 24, 31, 33, 46 and 60 frames, named after their length."""
    made = [v[:n] for v, n in zip(moving_videos(len(LENGTHS)), LENGTHS, strict=True)]
    return VideoSet.from_arrays(made, names=[str(n) for n in LENGTHS])


def epoch(sampler: ClipSampler, number: int) -> list[np.ndarray]:
    return [sampler.frames_of(number, i) for i in range(len(sampler))]


def owner(videos: VideoSet, rows: np.ndarray) -> str:
    """The one video that all rows lie in."""
    inside = [v for v in videos.videos if v.start <= rows.min() < v.start + v.length]
    (v,) = inside
    assert rows.max() < v.start + v.length
    return v.name


@pytest.mark.parametrize("kind", ["pairs", "step", "uniform"])
def test_a_sample_depends_on_seed_epoch_and_index_only(several, kind):
    first, again = (ClipSampler(several, kind, seed=3) for _ in range(2))
    wanted = {(e, i): first.frames_of(e, i) for e in range(3) for i in range(len(first))}
    backwards = reversed(wanted)
    for e, i in backwards:
        assert np.array_equal(again.frames_of(e, i), wanted[e, i])
    other = ClipSampler(several, kind, seed=4)
    assert any(not np.array_equal(other.frames_of(e, i), wanted[e, i]) for e, i in wanted)


@pytest.mark.parametrize("kind", ["step", "uniform"])
def test_another_epoch_draws_other_frames_of_the_same_videos(several, kind):
    sampler = ClipSampler(several, kind)
    one, two = ({owner(several, f): f for f in epoch(sampler, e)} for e in (0, 1))
    assert one.keys() == two.keys() == {str(n) for n in LENGTHS}
    assert any(not np.array_equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("kind", ["step", "uniform"])
def test_videos_of_one_length_do_not_share_their_draws(kind):
    sampler = ClipSampler(VideoSet.from_arrays(moving_videos(6)), kind)
    assert len({tuple(rows % 60) for rows in epoch(sampler, 0)}) > 3


@pytest.mark.parametrize(("hop", "stride"), [(8, None), (8, 1), (4, 4), (1, None), (15, 3)])
def test_every_pair_is_visited_once_an_epoch(several, hop, stride):
    sampler = ClipSampler(several, "pairs", hop, stride)
    every = stride or hop
    pairs = {
        (v.start + o, v.start + o + 16 + hop)
        for v in several.videos
        for o in range(0, v.length - 16 - hop + 1, every)
    }
    for number in (0, 7):
        visited = [(int(f[0]), int(f[-1]) + 1) for f in epoch(sampler, number)]
        assert len(visited) == len(sampler) == len(pairs) and set(visited) == pairs
    orders = [[int(f[0]) for f in epoch(sampler, number)] for number in (0, 7)]
    assert orders[0] != orders[1]


@pytest.mark.parametrize("kind", ["pairs", "step", "uniform"])
def test_no_sample_crosses_from_one_video_into_the_next(several, kind):
    sampler = ClipSampler(several, kind, hop=7, stride=1, step_range=(1, 4), seed=5)
    for number in range(20):
        for rows in epoch(sampler, number):
            owner(several, rows)
            assert len(rows) == (23 if kind == "pairs" else 16)


def test_a_step_is_the_same_throughout_a_clip_and_always_one_that_fits(several):
    sampler = ClipSampler(several, "step", step_range=(1, 3), seed=1)
    seen: dict[str, set[int]] = {}
    starts: dict[str, set[int]] = {}
    for number in range(60):
        for rows in epoch(sampler, number):
            (step,) = set(np.diff(rows))
            name = owner(several, rows)
            seen.setdefault(name, set()).add(int(step))
            if step == 1:
                starts.setdefault(name, set()).add(int(rows[0]))
    fitting = {str(n): {s for s in (1, 2, 3) if 15 * s + 1 <= n} for n in LENGTHS}
    assert seen == fitting
    # the last possible start is drawn too: 24 frames hold clips at 9 places
    first = next(v.start for v in several.videos if v.name == "24")
    assert starts["24"] == set(range(first, first + 9))


def test_a_larger_least_step_leaves_out_what_is_too_short_for_it(several):
    sampler = ClipSampler(several, "step", step_range=(3, 3))
    assert sampler.skipped == ["16", "24", "31", "33"]
    assert all(set(np.diff(rows)) == {3} for rows in epoch(sampler, 0))


def test_uniform_takes_one_frame_of_each_sixteenth(several):
    sampler = ClipSampler(several, "uniform", seed=2)
    for number in range(20):
        for rows in epoch(sampler, number):
            name = owner(several, rows)
            n = int(name)
            start = next(v.start for v in several.videos if v.name == name)
            edges = np.linspace(0, n, 17)
            assert (rows - start >= np.floor(edges[:-1])).all()
            assert (rows - start < np.ceil(edges[1:])).all()
            assert n > 16 or np.array_equal(rows - start, np.arange(16))


def test_first_frames_of_a_short_video_are_padded_with_its_last(several):
    sampler = ClipSampler(several, "first", frames=32)
    assert sampler.skipped == [] and len(sampler) == len(LENGTHS)
    for rows in epoch(sampler, 0):
        first = next(v for v in several.videos if v.name == owner(several, rows))
        wanted = first.start + np.minimum(np.arange(32), first.length - 1)
        assert np.array_equal(rows, wanted)


def test_clips_may_be_longer_and_begin_anywhere(several):
    sampler = ClipSampler(several, "step", step_range=(1, 1), frames=32)
    assert sampler.skipped == ["16", "24", "31"] and len(sampler) == 3
    begins = {}
    for number in range(40):
        for rows in epoch(sampler, number):
            assert np.array_equal(np.diff(rows), np.ones(31))
            begins.setdefault(owner(several, rows), set()).add(int(rows[0]))
    assert len(begins["33"]) == 2 and len(begins["60"]) > 10


def test_videos_that_are_too_short_are_named_and_never_drawn(several):
    sampler = ClipSampler(several, "pairs", hop=15)
    assert sampler.skipped == ["16", "24"]
    assert {owner(several, f) for f in epoch(sampler, 0)} == {"31", "33", "46", "60"}
    assert ClipSampler(several, "uniform").skipped == []
    with pytest.raises(InputError, match="no video has the 31 frames.*the longest has 24"):
        short = VideoSet.from_arrays([v[:24] for v in moving_videos(2)])
        ClipSampler(short, "pairs", hop=15)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"kind": "random"}, "pairs, step, uniform, first, not 'random'"),
        ({"kind": "pairs", "hop": 0}, "hop must be a whole number from 1 to 15, not 0"),
        ({"kind": "pairs", "hop": 16}, "hop must be a whole number from 1 to 15, not 16"),
        ({"kind": "pairs", "stride": -3}, "not every -3"),
        ({"kind": "pairs", "frames": 32}, "samples of 'pairs' have no 32 frames"),
        ({"kind": "first", "frames": 0}, "samples of 'first' have no 0 frames"),
        ({"kind": "step", "seed": -1}, "seed must be 0 or more, not -1"),
    ],
)
def test_impossible_samplers_are_refused(several, given, words):
    with pytest.raises(InputError, match=words):
        ClipSampler(several, **given)


@pytest.mark.parametrize("kind", ["pairs", "step"])
def test_batches_run_through_the_epochs_without_a_gap(several, kind):
    sampler = ClipSampler(several, kind)
    n, batch = len(sampler), 4
    count = 3 * n // batch
    frames = np.concatenate([sampler.batch(step, batch) for step in range(count)])
    for i in range(count * batch):
        assert np.array_equal(frames[i], several.frames[sampler.frames_of(*divmod(i, n))])


def test_a_batch_larger_than_an_epoch_goes_on_into_the_next(several):
    sampler = ClipSampler(several, "uniform")
    assert sampler.batch(0, 3 * len(sampler) + 1).shape == (19, 16, 16, 16, 3)


def test_the_rows_of_the_processes_make_up_the_batch(several):
    sampler = ClipSampler(several, "pairs")
    whole = sampler.batch(5, 6)
    parts = [sampler.batch(5, 6, slice(i, i + 2)) for i in (0, 2, 4)]
    assert np.array_equal(np.concatenate(parts), whole)


def test_the_stream_is_the_batches_in_order_from_any_step(several):
    sampler = ClipSampler(several, "pairs")
    rows = slice(1, 3)
    streamed = list(sampler.stream(2, 7, lambda step: ("batch", 4, rows), "cpu"))
    assert len(streamed) == 5
    for step, x in enumerate(streamed, 2):
        assert torch.equal(x, as_clips(sampler.batch(step, 4, rows)))
    assert list(sampler.stream(7, 7, lambda step: ("batch", 4, rows), "cpu")) == []


def test_stills_are_frames_of_the_videos_drawn_from_seed_and_step(several):
    sampler = ClipSampler(several, "pairs", seed=3)
    stills = sampler.stills(4, 50)
    assert stills.shape == (50, 1, *several.frames.shape[1:])
    known = {
        several.video(i)[t].tobytes()
        for i in range(len(several))
        for t in range(len(several.video(i)))
    }
    assert {frame.tobytes() for frame in stills} <= known
    assert np.array_equal(stills, sampler.stills(4, 50))
    assert not np.array_equal(stills, sampler.stills(5, 50))
    parts = [sampler.stills(4, 50, slice(i, i + 25)) for i in (0, 25)]
    assert sorted(f.tobytes() for p in parts for f in p) == sorted(f.tobytes() for f in stills)


def test_an_error_while_reading_ahead_reaches_the_loop(several):
    sampler = ClipSampler(several, "pairs")
    real = sampler.batch

    def failing(step, *rest):
        if step == 2:
            raise OSError("the disk went away")
        return real(step, *rest)

    sampler.batch = failing
    stream = sampler.stream(0, 5, lambda step: ("batch", 2, slice(None)), "cpu")
    with pytest.raises(OSError, match="went away"):
        list(stream)


def test_every_grey_level_survives_the_way_to_floats_and_back():
    frames = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 1, 16, 16, 3)
    x = as_clips(frames)
    assert x.shape == (1, 3, 1, 16, 16) and x.dtype == torch.float32
    assert (float(x.min()), float(x.max())) == (-1, 1)
    assert np.array_equal(as_frames(x), frames)
    assert np.array_equal(as_frames(x[0]), frames[0])


def test_axes_keep_their_place():
    frames = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 6, 3), np.uint8)
    x = as_clips(frames)
    assert x.shape == (2, 3, 5, 4, 6)
    assert float(x[1, 2, 3, 0, 5]) == pytest.approx(frames[1, 3, 0, 5, 2] / 127.5 - 1)
    assert np.array_equal(as_frames(x), frames)


def test_what_is_out_of_range_is_clipped_and_never_stretched():
    x = torch.tensor([-7.0, -1.0, 0.0, 0.25, 1.0, 7.0]).view(1, 1, 6, 1, 1).expand(1, 3, 6, 1, 1)
    assert as_frames(x)[0, :, 0, 0, 0].tolist() == [0, 0, 128, 159, 255, 255]
    assert as_frames(x.requires_grad_()).dtype == np.uint8
