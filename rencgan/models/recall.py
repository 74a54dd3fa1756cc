"""The recall mechanism (thesis, Chapter 4): pairs, stitching, rebuilding, and the rejection by the
video critic.

r is the hop between clips and the index of the reference frame: r = 16 - T_o for T_o shared frames.
"""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from rencgan.core.errors import InputError
from rencgan.data.hops import CLIP, check_hop
from rencgan.models.networks import difference_maps


def split_pair(x: Tensor, r: int) -> Tensor:
    """A pair to its two clips: (B, C, 16 + r, H, W) to (2B, C, 16, H, W), X1s then X2s."""
    if x.shape[2] != CLIP + r:
        raise InputError(f"a pair at hop {r} has {CLIP + r} frames, not {x.shape[2]}")
    return torch.cat([x[:, :, :CLIP], x[:, :, r:]])


def stitch_pair(former: Tensor, latter: Tensor, r: int) -> Tensor:
    """X3 of R_3VD: the first r frames of the former clip, the first 16 - r of the latter (Algorithm
    6, line 35).
    """
    return torch.cat([former[:, :, :r], latter[:, :, : CLIP - r]], dim=2)


def stitched(clips: Iterable[Tensor], r: int) -> Iterator[Tensor]:
    """Algorithm 7 as a stream: the first r frames of every clip and all 16 of the last.

    A single clip keeps its 16 (as printed, Algorithm 7 would keep r). Memory does not grow with the
    length.
    """
    check_hop(r)
    last = None
    for clip in clips:
        if last is not None:
            yield last[:, :, :r]
        last = clip
    if last is not None:
        yield last


def rebuild(x_r: Tensor, v: Tensor, r: int) -> Tensor:
    """Eq. 4.2 and 4.3: a clip from its reference frame and its difference maps, exactly.

    x_r: (B, C, H, W); v: (B, C, 15, H, W); returns (B, C, 16, H, W). Sums in float64: float32
    pixels come back bit by bit. Signs follow Eq. 3.3: forward x_j = x_{j-1} - v_j, backward x_{j-1}
    = x_j + v_j; in print, Eq. 4.2 and 4.3 contradict it.
    """
    frames = {r: x_r.double()}
    maps = v.double()
    for j in range(r, v.shape[2]):
        frames[j + 1] = frames[j] - maps[:, :, j]
    for j in range(r, 0, -1):
        frames[j - 1] = frames[j] + maps[:, :, j - 1]
    return torch.stack([frames[j] for j in range(v.shape[2] + 1)], dim=2)


def cut(x: Tensor, r: int) -> tuple[Tensor, Tensor]:
    """The inverse of `rebuild`: reference frame and difference maps, both float64."""
    x = x.double()
    return x[:, :, r], difference_maps(x)


def reject(video_d, candidates: Tensor, previous: Tensor | None, r: int) -> tuple[Tensor, Tensor]:
    """VDrej: of N candidates for a clip of V videos, (V, N, 3, 16, H, W), those that the video
    critic likes best, (V, 3, 16, H, W), and their V logits. It judges a first clip alone, a later
    one behind the clip before it (Algorithm 8): previous is (V, 3, 16, H, W) or None.
    """
    v, n = candidates.shape[:2]
    judged = candidates.flatten(0, 1)
    if previous is not None:
        judged = stitch_pair(previous.repeat_interleave(n, dim=0), judged, r)
    best = video_d(judged).view(v, n).max(dim=1)
    return candidates[torch.arange(v, device=candidates.device), best.indices], best.values
