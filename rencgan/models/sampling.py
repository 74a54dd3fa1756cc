"""What long videos are made of: latent spaces of footage, their clips, VDrej (Algorithm 8).

Nothing here holds more than a few clips, so memory does not grow with the length of the video.
Noise is a function of (seed, clip, candidate) and, from noise, of the video: one candidate gives
exactly plain sampling, and other videos beside it change nothing.
"""

from collections.abc import Container, Iterator
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn

from rencgan.core.device import sent_together
from rencgan.core.errors import InputError
from rencgan.data.hops import CLIP, clip_count
from rencgan.data.pixels import as_clips
from rencgan.models.networks import Codes, draw
from rencgan.models.recall import reject

CODES = ("sample", "mean")
BATCH = 8  # clips encoded, and without VDrej generated, in one pass
CANDIDATES = 64  # AR2: candidates of all videos that are generated and judged in one pass


def noise(
    seed: int, clip: int, candidates: int, dims: tuple[int, int], video: int = 0
) -> tuple[Tensor, Tensor]:
    """Standard normal noise of one clip's candidates: (N, d_c) and (N, d_m). Row j does not depend
    on N.
    """
    key = [seed, clip, video] if video else [seed, clip]
    joint = np.random.default_rng(key).standard_normal((candidates, sum(dims)), np.float32)
    return tuple(torch.from_numpy(joint).split(dims, dim=1))


def noises(
    seed: int, clip: int, candidates: int, dims: tuple[int, int], videos: int, device: torch.device
) -> list[Tensor]:
    """The same of a clip in V videos, on a device: (V, N, d_c) and (V, N, d_m)."""
    each = [noise(seed, clip, candidates, dims, video) for video in range(videos)]
    return sent_together([torch.stack(part) for part in zip(*each, strict=True)], device)


def refuse_options(name: str, other: dict, **needed) -> None:
    """Refuses options of generation that a system does not know, and the want of those it needs."""
    if unknown := [k for k, v in other.items() if v is not None]:
        raise InputError(f"{name} makes no video from {' or '.join(unknown)}")
    if missing := [k for k, v in needed.items() if v is None]:
        raise InputError(
            f"{name} makes no video from noise alone: give {' and '.join(missing)}, or take AR2"
        )


def check_footage(video: np.ndarray, size: int, r: int) -> None:
    """Refuses what the encoder cannot read: (T, H, W, 3) uint8 of the model's size, T >= 16, is
    right; and a hop outside 1..15.
    """
    if getattr(video, "dtype", None) != np.uint8 or video.ndim != 4 or video.shape[3] != 3:
        raise InputError("footage is an array (T, H, W, 3) of uint8")
    if video.shape[1:3] != (size, size):
        raise InputError(
            f"the model reads {size}x{size} pixels; "
            f"this footage has {video.shape[2]}x{video.shape[1]}"
        )
    clip_count(len(video), r)


@torch.no_grad()
def latent_spaces(encoder: nn.Module, video: np.ndarray, r: int, reference: int) -> Iterator[Codes]:
    """The latent spaces of a video's overlapping clips, one (1, d) Codes a clip, in order.

    video: (T, H, W, 3) uint8, T >= 16 (may be memory-mapped); reference: the frame that the content
    stream reads. (T - 16) // r + 1 clips; what is left at the end is not used.
    """
    device = next(encoder.parameters()).device
    starts = range(0, r * clip_count(len(video), r), r)
    for first in range(0, len(starts), BATCH):
        clips = np.stack([video[s : s + CLIP] for s in starts[first : first + BATCH]])
        codes = encoder(as_clips(clips, device), reference)
        for i in range(len(clips)):
            yield Codes(*(part[i : i + 1].float() for part in codes))


def check_frames(frames: int | None) -> None:
    if not isinstance(frames, int | np.integer) or frames < 1:
        raise InputError(f"a video has a whole number of frames, at least 1, not {frames!r}")


def check_ways(codes: str, candidates: int, seed: int = 0) -> None:
    if codes not in CODES:
        raise InputError(f"codes are drawn as one of {', '.join(CODES)}, not {codes!r}")
    if not isinstance(candidates, int | np.integer) or candidates < 1:
        raise InputError(f"VDrej needs at least 1 candidate, not {candidates!r}")
    if codes == "mean" and candidates > 1:
        raise InputError(f"VDrej chooses among samples: {candidates} candidates are no mean")
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"the seed must be 0 or more, not {seed}")


@torch.no_grad()
def recalled_clips(
    generator: nn.Module,
    spaces: Iterator[Codes],
    r: int,
    *,
    codes: str = "sample",
    candidates: int = 1,
    video_d: nn.Module,
    seed: int = 0,
    previous: Tensor | None = None,
    first: int = 0,
    video: int = 0,
    alone: Container[int] = (),
) -> Iterator[Tensor]:
    """One generated clip (1, 3, 16, H, W) for every latent space.

    codes "mean" takes the mean, "sample" draws; candidates > 1 draws that many, generates them in
    one batch and keeps the one that the video critic likes best behind the clip before it
    (Algorithm 8). previous: the clip before the first of these; first, video: what number the first
    of these has in which video, which decides its noise; alone: numbers of clips that are judged by
    themselves.
    """
    n = 1 if codes == "mean" else candidates
    drawn = _drawn(spaces, n, seed, first, video)
    if codes == "mean":
        drawn = ((space.mu_c, space.mu_m) for space in spaces)
    at_once = min(BATCH, max(1, CANDIDATES // n))  # clips whose candidates share a pass
    number = first
    while some := list(islice(drawn, at_once)):
        z_c, z_m = (torch.cat(part) for part in zip(*some, strict=True))
        for made in generator(z_c, z_m).float().split(n):
            if n > 1:
                before = None if number in alone else previous
                made, _ = reject(video_d, made[None], before, r)
            yield made
            previous, number = made, number + 1


def _drawn(
    spaces: Iterator[Codes], count: int, seed: int, first: int, video: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Codes of `count` candidates for every latent space: (count, d_c) and (count, d_m)."""
    for i, space in enumerate(spaces, first):
        eps = noise(seed, i, count, (space.mu_c.shape[1], space.mu_m.shape[1]), video)
        yield draw(space, *sent_together(eps, space.mu_c.device))


def check_first_clip(clip: np.ndarray, size: int) -> None:
    """Refuses what AR2 cannot go on from: (B, 16, H, W, 3) uint8 of the model's size is right."""
    wanted = (CLIP, size, size, 3)
    if getattr(clip, "dtype", None) != np.uint8 or clip.shape[1:] != wanted or not len(clip):
        shape = getattr(clip, "shape", type(clip).__name__)
        raise InputError(
            f"the first clip is an array (B, {CLIP}, {size}, {size}, 3) of uint8, not {shape}"
        )


def best(
    generator: nn.Module, z: tuple[Tensor, Tensor], video_d, previous: Tensor | None, r: int
) -> Tensor:
    """The clips of codes (V, N, d), of N the one that the critic likes best: (V, 3, 16, H, W)."""
    n = z[0].shape[1]
    at_once = max(1, CANDIDATES // n)  # videos
    kept = []
    for i in range(0, len(z[0]), at_once):
        some = slice(i, i + at_once)
        made = generator(*(part[some].flatten(0, 1) for part in z)).float()
        if n > 1:
            before = None if previous is None else previous[some]
            made, _ = reject(video_d, made.unflatten(0, (-1, n)), before, r)
        kept.append(made)
    return torch.cat(kept)


def cut_to(pieces: Iterator[Tensor], frames: int | None) -> Iterator[Tensor]:
    """The first `frames` frames of a stream of pieces; None: all."""
    if frames is None:
        yield from pieces
        return
    for piece in pieces:
        yield piece[:, :, :frames]
        frames -= piece.shape[2]
        if frames <= 0:
            return
