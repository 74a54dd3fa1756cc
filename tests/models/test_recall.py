"""The identities of the recall mechanism."""

import pytest
import torch

from rencgan.core.errors import InputError
from rencgan.data import hops
from rencgan.models import recall


@pytest.mark.parametrize("r", [1, 4, 7, 8, 12, 15])
@pytest.mark.parametrize("frames", [16, 17, 24, 40, 61])
def test_cutting_a_video_and_stitching_the_clips_returns_the_video(r, frames):
    video = torch.rand(1, 3, frames, 2, 2)
    n = hops.clip_count(frames, r)
    clips = [video[:, :, r * i : r * i + 16] for i in range(n)]
    long = torch.cat(list(recall.stitched(clips, r)), dim=2)
    assert n == (frames - 16) // r + 1
    assert long.shape[2] == hops.long_length(n, r) == 16 + r * ((frames - 16) // r)
    assert torch.equal(long, video[:, :, : long.shape[2]])


@pytest.mark.parametrize("r", [1, 5, 8, 15])
def test_the_stitched_clip_of_a_real_pair_is_its_first_clip(r):
    pair = torch.rand(3, 3, 16 + r, 2, 2)
    former, latter = recall.split_pair(pair, r).chunk(2)
    assert torch.equal(recall.stitch_pair(former, latter, r), former)


@pytest.mark.parametrize("r", [0, 1, 8, 15])
def test_rebuilding_from_a_frame_and_its_differences_is_exact(r):
    x = torch.rand(2, 3, 16, 5, 5) * 2 - 1
    x_r, v = recall.cut(x, r)
    assert torch.equal(recall.rebuild(x_r, v, r).float(), x)


def test_seams_are_where_clips_meet():
    assert hops.seams(40, 8) == [8, 16, 24]
    assert hops.seams(16, 8) == []
    assert hops.seams(28, 4) == [4, 8, 12]


def brightness(x):
    """A critic that likes brightness."""
    return x.mean(dim=(1, 2, 3, 4))


def test_rejection_keeps_the_best_and_more_candidates_never_hurt():
    candidates = torch.rand(1, 20, 3, 16, 4, 4)
    previous = torch.rand(1, 3, 16, 4, 4)
    some = [candidates[:, :n] for n in (1, 5, 20)]
    scores = [float(recall.reject(brightness, c, previous, 8)[1]) for c in some]
    assert scores == sorted(scores)
    best, score = recall.reject(brightness, candidates, previous, 8)
    judged = torch.cat([previous[:, :, :8], best[:, :, :8]], dim=2)
    assert score == brightness(judged)
    assert torch.equal(recall.reject(brightness, some[0], previous, 8)[0], some[0][:, 0])


def test_the_first_clip_is_judged_alone():
    candidates = torch.rand(1, 4, 3, 16, 4, 4)
    score = recall.reject(brightness, candidates, None, 8)[1]
    assert score == brightness(candidates[0]).max()


@pytest.mark.parametrize("r", [0, 16, -1, 2.5, "8"])
def test_a_hop_out_of_range_is_refused(r):
    with pytest.raises(InputError, match="hop must be a whole number from 1 to 15"):
        hops.clip_count(100, r)


def test_too_few_frames_are_refused():
    with pytest.raises(InputError, match="at least 16 frames to make a clip; this one has 15"):
        hops.clip_count(15, 8)
    with pytest.raises(InputError, match="24 frames"):
        recall.split_pair(torch.rand(1, 3, 20, 2, 2), 8)
