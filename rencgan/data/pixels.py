"""Pixels: the one place that knows how bytes become numbers in [-1, 1], and back."""

import numpy as np
import torch
from torch import Tensor

from rencgan.core.device import sent
from rencgan.core.errors import InputError

UNIT = 127.5  # grey levels to 1 in [-1, 1]


def as_clips(frames: np.ndarray | Tensor, device: torch.device | str = "cpu") -> Tensor:
    """(B, T, H, W, 3) uint8 to (B, 3, T, H, W) float in [-1, 1], channels last in memory.

    Bytes travel to the device and become floats there.
    """
    if isinstance(frames, np.ndarray) and not frames.flags.writeable:  # a memory map
        frames = frames.copy()
    x = sent(torch.as_tensor(frames), device)
    return x.permute(0, 4, 1, 2, 3).float().div_(UNIT).sub_(1)


def as_frames(x: Tensor) -> np.ndarray:
    """(3, T, H, W) in [-1, 1] to (T, H, W, 3) uint8: one fixed range, never stretched. Also (B, 3,
    T, H, W).
    """
    x = x.detach().float().clamp(-1, 1).add(1).mul(UNIT).round().to(torch.uint8).cpu()
    order = (1, 2, 3, 0) if x.ndim == 4 else (0, 2, 3, 4, 1)
    return x.permute(*order).contiguous().numpy()


def as_floats(frames: np.ndarray) -> np.ndarray:
    """uint8 to float32 in [-1, 1], in the order given; floats pass."""
    return frames.astype(np.float32) / UNIT - 1 if frames.dtype == np.uint8 else frames


def as_bytes(clip: np.ndarray) -> np.ndarray:
    """Floats in [-1, 1] to uint8, as (x + 1) / 2 of 255, rounded. Raises InputError for NaN and for
    values out of range.
    """
    low, high = float(clip.min()), float(clip.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InputError("clips hold NaN or infinity; floats are in [-1, 1]")
    if low < -1 or high > 1:
        told = f"clips hold values from {low:.4g} to {high:.4g}; floats are in [-1, 1]"
        raise InputError(
            told + ", and what is in [0, 255] is uint8" * (low >= 0 and 2 < high <= 255)
        )
    return np.rint((clip.astype(np.float32) + 1) * np.float32(UNIT)).astype(np.uint8)
