"""Long videos of footage: their length, what VDrej may and may not change, and that memory does not
grow."""

import gc
import weakref
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from conftest import Critic, moving_videos

from rencgan.core.errors import InputError
from rencgan.models import sampling
from rencgan.models.networks import Codes, draw
from rencgan.models.r2 import R2
from rencgan.models.recall import reject, stitched
from rencgan.models.sampling import latent_spaces, noise, recalled_clips
from rencgan.models.trained import Trained, begun
from rencgan.presets.table import SMOKE

DIMS = (SMOKE.content_dim, SMOKE.motion_dim)


@pytest.fixture(scope="module")
def model() -> Trained:
    """Untrained, but not the same for every input."""
    return begun(R2(), SMOKE, seed=1)


@pytest.fixture(scope="module")
def video() -> np.ndarray:
    return moving_videos(1, frames=75, seed=4)[0]


def made(model, video, r=8, critic=None, **options) -> torch.Tensor:
    if critic:
        model = replace(model, nets=model.nets | {"video_d": critic})
    return torch.cat(list(model.generate(footage=video, hop=r, **options)), 2)


def spaces_of(model, video, r=8) -> list[Codes]:
    return list(model.system.spaces(model, video, r))


def test_more_frames_than_the_footage_gives_are_refused_at_once(model, video):
    most = 16 + 8 * ((len(video) - 16) // 8)
    assert model.videos(most, footage=video).shape[1] == most
    with pytest.raises(InputError, match=f"make {most} at a hop of 8, not {most + 1}"):
        model.generate(most + 1, footage=video)


@pytest.mark.parametrize("r", range(1, 16))
def test_any_hop_and_length_gives_the_promised_number_of_frames(model, video, r):
    for frames in (16, 17, 15 + r, 16 + r, 16 + 9 * r - 1, 40):
        frames = min(max(frames, 16), len(video))
        out = made(model, video[:frames], r)
        assert out.shape == (1, 3, 16 + r * ((frames - 16) // r), 16, 16)
        assert out.abs().max() <= 1


def test_pieces_come_in_order_and_belong_to_their_clips(model, video):
    r, codes = 5, spaces_of(model, video, 5)
    clips = list(recalled_clips(model.nets["generator"], iter(codes), r, video_d=None, seed=3))
    assert len(clips) == len(codes) == (75 - 16) // r + 1
    pieces = list(model.generate(footage=video, hop=r, seed=3))
    assert [p.shape[2] for p in pieces] == [r] * (len(clips) - 1) + [16]
    for clip, piece in zip(clips, pieces, strict=True):
        assert torch.equal(piece, clip[:, :, : piece.shape[2]])
    assert torch.equal(made(model, video, r, frames=33, seed=3), torch.cat(pieces, 2)[:, :, :33])


def test_a_latent_space_belongs_to_its_own_sixteen_frames(model, video):
    """Encoding in batches of several clips changes nothing but the last bits."""
    together = spaces_of(model, video, 7)
    for i in (0, 3, 8):
        (alone,) = spaces_of(model, video[7 * i : 7 * i + 16], 7)
        for a, b in zip(alone, together[i], strict=True):
            assert torch.allclose(a, b, atol=1e-6)
    other = list(latent_spaces(model.nets["encoder"], video, 7, reference=0))
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


def test_a_critic_that_always_takes_the_first_candidate_is_plain_sampling(model, video):
    plain = made(model, video, seed=11)
    first = Critic(lambda x: -torch.arange(len(x), dtype=torch.float32))
    chosen = made(model, video, critic=first, candidates=6, seed=11)
    assert torch.allclose(chosen, plain, atol=1e-5)
    assert len(first.judged) == (75 - 16) // 8 + 1 and len(first.judged[0]) == 6


@torch.no_grad()
def test_one_candidate_is_plain_sampling(model, video):
    """Step by step through the rejection itself, with the same noise."""
    previous, clips = None, []
    for i, space in enumerate(spaces_of(model, video)):
        candidate = model.nets["generator"](*draw(space, *noise(2, i, 1, DIMS)))
        previous, _ = reject(model.nets["video_d"], candidate[None], previous, 8)
        clips.append(previous)
    plain = made(model, video, candidates=1, seed=2)
    assert torch.allclose(torch.cat(list(stitched(clips, 8)), 2), plain, atol=1e-5)


@torch.no_grad()
def test_more_candidates_never_lower_a_steps_score(model, video):
    generator, video_d = model.nets["generator"], model.nets["video_d"]
    previous, improved = None, 0
    for i, space in enumerate(spaces_of(model, video)):
        scores = []
        for n in (1, 3, 10, 20):
            candidates = generator(*draw(space, *noise(7, i, n, DIMS)))
            best, score = reject(video_d, candidates[None], previous, 8)
            scores.append(float(score))
        for fewer, more in zip(scores, scores[1:], strict=False):
            assert more >= fewer - 1e-5 * abs(fewer)  # another batch size: other last bits
        improved += scores[-1] > scores[0]
        previous = best
    assert improved > 0


def test_every_later_clip_is_judged_behind_the_one_that_was_kept(model, video):
    critic = Critic(lambda x: x.mean(dim=(1, 2, 3, 4)))
    pieces = model.nets["generator"], iter(spaces_of(model, video)), 8
    clips = list(recalled_clips(*pieces, candidates=5, video_d=critic, seed=1))
    for judged, before in zip(critic.judged[1:], clips, strict=False):
        assert torch.equal(judged[:, :, :8], before[:, :, :8].expand(5, -1, -1, -1, -1))


def test_the_mean_needs_no_seed_and_differs_from_a_sample(model, video):
    mean = made(model, video, codes="mean", seed=0)
    assert torch.equal(mean, made(model, video, codes="mean", seed=9))
    samples = [made(model, video, seed=s) for s in (0, 9)]
    assert not torch.allclose(samples[0], mean, atol=1e-4)
    assert not torch.allclose(samples[0], samples[1], atol=1e-4)
    assert torch.equal(samples[0], made(model, video, seed=0))


def test_the_beginning_does_not_depend_on_how_long_the_footage_is(model, video):
    """What was generated before a kill, or for a shorter video, is not invalid."""
    long, short = made(model, video, seed=3), made(model, video[:48], seed=3)
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
def test_memory_does_not_grow_with_the_length(model, candidates):
    footage, alive = Endless(10**9), []

    def counted(z_c, z_m):
        clips = model.nets["generator"](z_c, z_m)
        alive.append(weakref.ref(clips))
        return clips

    watched = replace(model, nets=model.nets | {"generator": counted})
    stream = watched.generate(footage=footage, candidates=candidates)
    footage.limit += 8 * 2 * sampling.BATCH
    peaks = []
    for count, piece in enumerate(islice(stream, 160)):
        assert piece.shape == (1, 3, 8, 16, 16)
        del piece
        footage.limit += 8
        if count % 20 == 19:
            gc.collect()
            peaks.append((sum(ref() is not None for ref in alive), footage.alive()))
    assert max(p[0] for p in peaks) <= 3 and max(p[1] for p in peaks) <= sampling.BATCH


def test_memory_mapped_footage_gives_the_same_video(model, video, tmp_path):
    np.save(tmp_path / "footage.npy", video)
    mapped = np.load(tmp_path / "footage.npy", mmap_mode="r")
    assert torch.equal(made(model, mapped), made(model, video))


BLANK = np.zeros((20, 16, 16, 3), np.uint8)
IMPOSSIBLE = [
    ({"footage": BLANK.astype(np.float32)}, "of uint8"),
    ({"footage": BLANK[..., 0]}, r"\(T, H, W, 3\)"),
    ({"footage": BLANK.transpose(0, 3, 1, 2)}, r"\(T, H, W, 3\)"),
    ({"footage": [[0]]}, "of uint8"),
    ({"footage": np.zeros((20, 16, 24, 3), np.uint8)}, "reads 16x16 pixels; this .* has 24x16"),
    ({"footage": np.zeros((20, 32, 32, 3), np.uint8)}, "reads 16x16 pixels; this .* has 32x32"),
    ({"footage": BLANK[:15]}, "at least 16 frames.*has 15"),
    ({"footage": None}, "R2 makes no video from noise alone: give footage, or take AR2"),
    ({"first_clip": BLANK[None, :16]}, "R2 makes no video from first_clip"),
    ({"hop": 0}, "from 1 to 15, not 0"),
    ({"hop": 16}, "from 1 to 15, not 16"),
    ({"codes": "median"}, "sample, mean, not 'median'"),
    ({"candidates": 0}, "at least 1 candidate, not 0"),
    ({"candidates": -5}, "at least 1 candidate, not -5"),
    ({"seed": -1}, "seed must be 0 or more, not -1"),
    ({"frames": 0}, "at least 1, not 0"),
]


@pytest.mark.parametrize(("options", "words"), IMPOSSIBLE)
def test_the_impossible_is_refused_at_once_in_one_sentence(model, options, words):
    with pytest.raises(InputError, match=words) as refused:
        model.generate(**({"footage": BLANK} | options))
    assert "\n" not in str(refused.value)
