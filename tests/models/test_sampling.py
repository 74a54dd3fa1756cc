"""Long videos: their length, what VDrej may and may not change, and that memory does not grow."""

import gc
import weakref
from itertools import islice

import numpy as np
import pytest
import torch
from conftest import Critic, moving_videos
from rencgan.training.gan import Players

from rencgan.core.errors import InputError
from rencgan.models import sampling as sample
from rencgan.models.networks import Codes, draw
from rencgan.models.recall import reject, stitched
from rencgan.models.sampling import latent_spaces, long_video, noise, recalled_clips
from rencgan.presets.table import SMOKE

DIMS = (SMOKE.content_dim, SMOKE.motion_dim)


@pytest.fixture(scope="module")
def models():
    """Encoder, generator and video critic, untrained but not the same for every input."""
    return Players(SMOKE, seed=1).for_generation()


@pytest.fixture(scope="module")
def video() -> np.ndarray:
    return moving_videos(1, frames=75, seed=4)[0]


def made(models, video, r=8, **options) -> torch.Tensor:
    encoder, generator, video_d = models
    return torch.cat(list(long_video(encoder, generator, video, r, video_d=video_d, **options)), 2)


def spaces_of(models, video, r=8) -> list[Codes]:
    return list(latent_spaces(models[0], video, r))


@pytest.mark.parametrize("r", range(1, 16))
def test_any_hop_and_length_gives_the_promised_number_of_frames(models, video, r):
    for frames in (16, 17, 15 + r, 16 + r, 16 + 9 * r - 1, 40):
        frames = min(max(frames, 16), len(video))
        out = made(models, video[:frames], r)
        assert out.shape == (1, 3, 16 + r * ((frames - 16) // r), 16, 16)
        assert out.abs().max() <= 1


def test_pieces_come_in_order_and_belong_to_their_clips(models, video):
    encoder, generator, _ = models
    r = 5
    codes = spaces_of(models, video, r)
    clips = list(recalled_clips(generator, iter(codes), r, seed=3))
    assert len(clips) == len(codes) == (75 - 16) // r + 1
    pieces = list(long_video(encoder, generator, video, r, seed=3))
    assert [p.shape[2] for p in pieces] == [r] * (len(clips) - 1) + [16]
    for clip, piece in zip(clips, pieces, strict=True):
        assert torch.equal(piece, clip[:, :, : piece.shape[2]])


def test_a_latent_space_belongs_to_its_own_sixteen_frames(models, video):
    """Encoding in batches of several clips changes nothing but the last bits."""
    encoder = models[0]
    together = spaces_of(models, video, 7)
    for i in (0, 3, 8):
        (alone,) = spaces_of(models, video[7 * i : 7 * i + 16], 7)
        for a, b in zip(alone, together[i], strict=True):
            assert torch.allclose(a, b, atol=1e-6)
    other = list(latent_spaces(encoder, video, 7, reference=0))
    assert not torch.allclose(other[0].mu_c, together[0].mu_c)
    assert torch.equal(other[0].mu_m, together[0].mu_m)


def test_noise_is_a_function_of_seed_clip_and_candidate():
    content, motion = noise(5, 3, 20, DIMS)
    assert (content.shape, motion.shape) == ((20, 8), (20, 4))
    for n in (1, 2, 7):
        fewer = noise(5, 3, n, DIMS)
        assert torch.equal(fewer[0], content[:n]) and torch.equal(fewer[1], motion[:n])
    for seed, clip in ((6, 3), (5, 4), (3, 5)):
        assert not torch.equal(noise(seed, clip, 1, DIMS)[0], content[:1])
    assert torch.cat([content, motion], 1).unique().numel() == 20 * 12


def test_the_noise_is_standard_normal():
    joint = torch.cat([torch.cat(noise(0, i, 20, DIMS), 1) for i in range(100)])
    assert joint.mean().abs() < 0.02 and abs(joint.std() - 1) < 0.02


def test_a_critic_that_always_takes_the_first_candidate_is_plain_sampling(models, video):
    plain = made(models, video, seed=11)
    first = Critic(lambda x: -torch.arange(len(x), dtype=torch.float32))
    chosen = made((*models[:2], first), video, candidates=6, seed=11)
    assert torch.allclose(chosen, plain, atol=1e-5)
    assert len(first.judged) == (75 - 16) // 8 + 1 and len(first.judged[0]) == 6


def test_one_candidate_is_plain_sampling_and_needs_no_critic(models, video):
    encoder, generator, video_d = models
    plain = made((encoder, generator, None), video, seed=2)
    assert torch.equal(made(models, video, candidates=1, seed=2), plain)
    # step by step through the rejection itself, with the same noise
    previous, clips = None, []
    for i, space in enumerate(spaces_of(models, video)):
        with torch.no_grad():
            candidate = generator(*draw(space, *noise(2, i, 1, DIMS)))
            previous, _ = reject(video_d, candidate, previous, 8)
        clips.append(previous)
    assert torch.allclose(torch.cat(list(stitched(clips, 8)), 2), plain, atol=1e-5)


@torch.no_grad()
def test_more_candidates_never_lower_a_steps_score(models, video):
    _, generator, video_d = models
    previous, improved = None, 0
    for i, space in enumerate(spaces_of(models, video)):
        scores = []
        for n in (1, 3, 10, 20):
            candidates = generator(*draw(space, *noise(7, i, n, DIMS)))
            best, score = reject(video_d, candidates, previous, 8)
            scores.append(float(score))
        for fewer, more in zip(scores, scores[1:], strict=False):
            assert more >= fewer - 1e-5 * abs(fewer)  # another batch size: other last bits
        improved += scores[-1] > scores[0]
        previous = best
    assert improved > 0


def test_every_later_clip_is_judged_behind_the_one_that_was_kept(models, video):
    critic = Critic(lambda x: x.mean(dim=(1, 2, 3, 4)))
    clips = list(
        recalled_clips(
            models[1], iter(spaces_of(models, video)), 8, candidates=5, video_d=critic, seed=1
        )
    )
    for judged, before in zip(critic.judged[1:], clips, strict=False):
        assert torch.equal(judged[:, :, :8], before[:, :, :8].expand(5, -1, -1, -1, -1))


def test_the_mean_needs_no_seed_and_differs_from_a_sample(models, video):
    mean = made(models, video, codes="mean", seed=0)
    assert torch.equal(mean, made(models, video, codes="mean", seed=9))
    assert torch.equal(mean, made(models, video, codes="mean", seed=9, candidates=20))
    samples = [made(models, video, seed=s) for s in (0, 9)]
    assert not torch.allclose(samples[0], mean, atol=1e-4)
    assert not torch.allclose(samples[0], samples[1], atol=1e-4)
    assert torch.equal(samples[0], made(models, video, seed=0))


def test_the_beginning_does_not_depend_on_how_long_the_footage_is(models, video):
    """What was generated before a kill, or for a shorter video, is not invalid."""
    long, short = made(models, video, seed=3), made(models, video[:48], seed=3)
    assert torch.allclose(long[:, :, :32], short[:, :, :32], atol=1e-5)


class Endless:
    """Footage that exists only where it is looked at, and that counts what is still held of it."""

    dtype, ndim = np.dtype(np.uint8), 4

    def __init__(self, frames: int, size: int = 16):
        self.shape, self.held, self.limit = (frames, size, size, 3), [], 16

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows: slice) -> np.ndarray:
        assert rows.stop <= self.limit, "footage is read far ahead of what is generated"
        t = np.arange(rows.start, rows.stop)[:, None, None, None]
        piece = np.broadcast_to(t * 3 % 256, (len(t), *self.shape[1:])).astype(np.uint8)
        self.held.append(weakref.ref(piece))
        return piece

    def alive(self) -> int:
        return sum(ref() is not None for ref in self.held)


@pytest.mark.parametrize("candidates", [1, 3])
def test_memory_does_not_grow_with_the_length(models, candidates):
    footage = Endless(10**9)
    encoder, generator, video_d = models
    alive = []

    def counted(z_c, z_m):
        clips = generator(z_c, z_m)
        alive.append(weakref.ref(clips))
        return clips

    stream = long_video(
        encoder, counted, footage, 8, candidates=candidates, video_d=video_d, seed=0
    )
    footage.limit += 8 * 2 * sample.BATCH
    peaks = []
    for count, piece in enumerate(islice(stream, 160)):
        assert piece.shape == (1, 3, 8, 16, 16)
        del piece
        footage.limit += 8
        if count % 20 == 19:
            gc.collect()
            peaks.append((sum(ref() is not None for ref in alive), footage.alive()))
    assert max(p[0] for p in peaks) <= 3 and max(p[1] for p in peaks) <= sample.BATCH


def test_memory_mapped_footage_gives_the_same_video(models, video, tmp_path):
    np.save(tmp_path / "footage.npy", video)
    mapped = np.load(tmp_path / "footage.npy", mmap_mode="r")
    sample.check_footage(mapped, 16)
    assert torch.equal(made(models, mapped), made(models, video))


@pytest.mark.parametrize(
    ("footage", "words"),
    [
        (np.zeros((20, 16, 16, 3), np.float32), "of uint8"),
        (np.zeros((20, 16, 16), np.uint8), r"\(T, H, W, 3\)"),
        (np.zeros((20, 3, 16, 16), np.uint8), r"\(T, H, W, 3\)"),
        ([[0]], "of uint8"),
        (np.zeros((20, 16, 24, 3), np.uint8), "reads 16x16 pixels; this footage has 24x16"),
        (np.zeros((20, 32, 32, 3), np.uint8), "reads 16x16 pixels; this footage has 32x32"),
    ],
)
def test_footage_that_the_model_cannot_read_is_refused(footage, words):
    with pytest.raises(InputError, match=words):
        sample.check_footage(footage, 16)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"r": 0}, "from 1 to 15, not 0"),
        ({"r": 16}, "from 1 to 15, not 16"),
        ({"codes": "median"}, "sample, mean, not 'median'"),
        ({"candidates": 0}, "at least 1 candidate, not 0"),
        ({"candidates": -5}, "at least 1 candidate, not -5"),
        ({"seed": -1}, "seed must be 0 or more, not -1"),
    ],
)
def test_impossible_options_are_refused(models, video, options, words):
    with pytest.raises(InputError, match=words):
        made(models, video, **options)


def test_rejection_without_a_critic_and_too_little_footage_are_refused(models, video):
    with pytest.raises(InputError, match="needs the video critic"):
        made((*models[:2], None), video, candidates=2)
    with pytest.raises(InputError, match="at least 16 frames.*has 15"):
        made(models, video[:15])
