"""Videos of StyleGAN-V: frames at any real times, in any order, of any number.

Everything of a video follows from (seed, video): its content from these, motion noise of token i
from (seed, video, i), so that a frame costs the same wherever it stands, and no maximum is stored.
"""

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rencgan.core.errors import InputError
from rencgan.models import sampling
from rencgan.models.system import generating

AT_ONCE = 16  # frames made in one pass


@lru_cache(4096)
def token(seed: int, video: int, i: int, dim: int) -> np.ndarray:
    """Motion noise of one token of one video: (dim,), the same however it is come to."""
    return np.random.default_rng([seed, video, 1, i]).standard_normal(dim, np.float32)


def content(seed: int, video: int, dim: int) -> np.ndarray:
    return np.random.default_rng([seed, video]).standard_normal((1, dim), np.float32)


def code_at(model: Any, t: float, video: int = 0, seed: int = 0) -> Tensor:
    """v at one time of one video, (1, 1, 2F): made alone, so that it has the same bits wherever it
    is wanted.
    """
    motion, dim = model.nets["generator"].motion, model.preset.motion_dim
    needed = motion.tokens(t)
    noise = torch.from_numpy(np.stack([token(seed, video, i, dim) for i in needed]))
    at = torch.tensor([[t]], dtype=torch.float64, device=model.device)
    return motion(noise[None].to(model.device), at, needed.start)


def frames_at(
    model: Any,
    times: Sequence[float],
    video: int = 0,
    seed: int = 0,
    psi: float = 1.0,
    motion_seed: int | None = None,
) -> Tensor:
    """Frames of one video at any real times in any order, t >= 0: (1, 3, T, H, W). seed, video
    decide content and motion; another motion_seed moves the same content otherwise.
    """
    check_times(times)
    p, moves = model.preset, seed if motion_seed is None else motion_seed
    with generating(p, model.device):
        z = torch.from_numpy(content(seed, video, p.z_dim)).to(model.device)
        v = [code_at(model, float(t), video, moves) for t in times]
        v += v[-1:] * (-len(v) % AT_ONCE)  # passes of one shape give a frame the same pixels in all
        parts = torch.cat(v, dim=1).split(AT_ONCE, dim=1)
        made = [model.nets["generator"].frames(z, part, psi).float() for part in parts]
        return torch.cat(made, dim=2)[:, :, : len(times)]


def check_times(times: Sequence[float]) -> None:
    wrong = [t for t in times if not 0 <= t < math.inf]
    if wrong or not len(times):
        told = f"{wrong[0]:g}" if wrong else "none"
        raise InputError(f"times are 0 or more, in frames, and at least one, not {told}")


def generate(
    model: Any,
    frames: int | None = None,
    *,
    videos: int = 1,
    seed: int = 0,
    codes: str = "sample",
    candidates: int = 1,
    start: float = 0.0,
    speed: float = 1.0,
    psi: float = 1.0,
    motion_seed: int | None = None,
    **other,
) -> Iterator[Tensor]:
    """Videos from noise alone, pieces of 16 frames: frame i stands at start + i speed, so that a
    speed of 1 / 4 is slow motion. psi below 1 gives up variety for looks; scores are taken at 1.
    """
    sampling.refuse_options(model.name, other)
    sampling.check_frames(frames)
    sampling.check_ways(codes, candidates, seed)
    if codes != "sample" or candidates != 1:
        raise InputError("StyleGAN-V draws its codes: give codes 'sample' and 1 candidate")
    if not isinstance(videos, int | np.integer) or videos < 1:
        raise InputError(f"at least 1 video can be made, not {videos!r}")
    if not 0 < speed < math.inf:
        raise InputError(f"the speed is above 0, not {speed!r}")
    if not 0 <= psi <= 1:
        raise InputError(f"psi lies in [0, 1], not {psi!r}")
    check_times([start])
    times = start + speed * np.arange(frames)

    def pieces() -> Iterator[Tensor]:
        for first in range(0, frames, AT_ONCE):
            some = times[first : first + AT_ONCE]
            each = (frames_at(model, some, v, seed, psi, motion_seed) for v in range(videos))
            yield torch.cat(list(each))

    return pieces()
