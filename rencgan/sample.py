"""From footage to a long video: Algorithm 7 (plain) and Algorithm 8 (VDrej), as streams.

Nothing here holds more than a few clips, so memory does not grow with the length of the video.
Noise is a function of (seed, clip, candidate): one candidate gives exactly plain sampling.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from rencgan.clips import as_clips
from rencgan.encgan3 import Codes, draw
from rencgan.errors import InputError
from rencgan.recall import CLIP, check_hop, clip_count, reject, stitched

CODES = ("sample", "mean")
BATCH = 8  # clips encoded, and without VDrej generated, in one pass


def noise(seed: int, clip: int, candidates: int, dims: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Standard normal noise of one clip's candidates: (N, d_c) and (N, d_m). Row j does not depend
    on N.
    """
    if seed < 0:
        raise InputError(f"the seed must be 0 or more, not {seed}")
    joint = np.random.default_rng([seed, clip]).standard_normal((candidates, sum(dims)), np.float32)
    return tuple(torch.from_numpy(joint).split(dims, dim=1))


def check_footage(video: np.ndarray, size: int) -> None:
    """Refuses what the encoder cannot read: (T, H, W, 3) uint8 of the model's size is right."""
    if getattr(video, "dtype", None) != np.uint8 or video.ndim != 4 or video.shape[3] != 3:
        raise InputError("footage is an array (T, H, W, 3) of uint8")
    if video.shape[1:3] != (size, size):
        raise InputError(
            f"the model reads {size}x{size} pixels; "
            f"this footage has {video.shape[2]}x{video.shape[1]}"
        )


@torch.no_grad()
def latent_spaces(
    encoder: nn.Module, video: np.ndarray, r: int, reference: int | None = None
) -> Iterator[Codes]:
    """The latent spaces of a video's overlapping clips, one (1, d) Codes a clip, in order.

    video: (T, H, W, 3) uint8, T >= 16 (may be memory-mapped); reference: the frame that the content
    stream reads, default r. (T - 16) // r + 1 clips; what is left at the end is not used.
    """
    check_hop(r)
    device = next(encoder.parameters()).device
    starts = range(0, r * clip_count(len(video), r), r)
    for first in range(0, len(starts), BATCH):
        clips = np.stack([video[s : s + CLIP] for s in starts[first : first + BATCH]])
        codes = encoder(as_clips(clips, device), r if reference is None else reference)
        for i in range(len(clips)):
            yield Codes(*(part[i : i + 1].float() for part in codes))


@torch.no_grad()
def recalled_clips(
    generator: nn.Module,
    spaces: Iterator[Codes],
    r: int,
    *,
    codes: str = "sample",
    candidates: int = 1,
    video_d: nn.Module | None = None,
    seed: int = 0,
) -> Iterator[Tensor]:
    """One generated clip (1, 3, 16, H, W) for every latent space.

    codes "mean" takes the mean, "sample" draws; candidates > 1 draws that many, generates them in
    one batch and keeps the one that the video critic likes best behind the clip before it
    (Algorithm 8).
    """
    if codes not in CODES:
        raise InputError(f"codes are drawn as one of {', '.join(CODES)}, not {codes!r}")
    if candidates < 1:
        raise InputError(f"VDrej needs at least 1 candidate, not {candidates}")
    if codes == "mean" or candidates == 1:
        yield from _plain(generator, spaces, codes, seed)
        return
    if video_d is None:
        raise InputError("VDrej needs the video critic")
    previous = None
    for i, space in enumerate(spaces):
        eps = noise(seed, i, candidates, (space.mu_c.shape[1], space.mu_m.shape[1]))
        z = draw(space, *(e.to(space.mu_c.device) for e in eps))
        previous, _ = reject(video_d, generator(*z), previous, r)
        yield previous


def _plain(
    generator: nn.Module, spaces: Iterator[Codes], codes: str, seed: int
) -> Iterator[Tensor]:
    """Clips without rejection, several in one pass of the generator."""
    batch: list[tuple[Tensor, Tensor]] = []
    for i, space in enumerate(spaces):
        if codes == "mean":
            batch.append((space.mu_c, space.mu_m))
        else:
            eps = noise(seed, i, 1, (space.mu_c.shape[1], space.mu_m.shape[1]))
            batch.append(draw(space, *(e.to(space.mu_c.device) for e in eps)))
        if len(batch) == BATCH:
            yield from _generate(generator, batch)
            batch = []
    if batch:
        yield from _generate(generator, batch)


def _generate(generator: nn.Module, codes: list[tuple[Tensor, Tensor]]) -> Iterator[Tensor]:
    z_c, z_m = (torch.cat(part) for part in zip(*codes, strict=True))
    yield from generator(z_c, z_m).float().split(1)


def long_video(
    encoder: nn.Module,
    generator: nn.Module,
    video: np.ndarray,
    r: int = 8,
    *,
    reference: int | None = None,
    codes: str = "sample",
    candidates: int = 1,
    video_d: nn.Module | None = None,
    seed: int = 0,
) -> Iterator[Tensor]:
    """Algorithms 7 and 8: footage to a long generated video, as pieces (1, 3, t, H, W) in [-1, 1],
    in order.

    video: (T, H, W, 3) uint8, T >= 16. The pieces add up to 16 + r ((T - 16) // r) frames.
    """
    spaces = latent_spaces(encoder, video, r, reference)
    clips = recalled_clips(
        generator, spaces, r, codes=codes, candidates=candidates, video_d=video_d, seed=seed
    )
    return stitched(clips, r)
