"""Whether a device is there, what it multiplies itself, and what travels to it without anybody
waiting.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from rencgan.core.errors import InputError


def usable(device: torch.device | str) -> torch.device:
    """The device of that name. Raises InputError where PyTorch finds none here."""
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError, TypeError, ImportError):  # as each kind of device has it
        there = "cpu and cuda" if torch.cuda.is_available() else "cpu alone"
        raise InputError(
            f"there is no device {str(device)!r} here; PyTorch finds {there}"
        ) from None
    return found


def sent(x: Tensor, device: torch.device | str) -> Tensor:
    """x on the device. A GPU copies from pinned memory while the program goes on; what it gives
    back to the allocator is not used anew before the copy is over.
    """
    device = torch.device(device)
    if device.type == "cpu" or x.device.type != "cpu":
        return x.to(device)
    return x.pin_memory().to(device, non_blocking=True)


def sent_together(parts: Sequence[Tensor], device: torch.device | str) -> list[Tensor]:
    """The same of several tensors of one type, in one copy."""
    if torch.device(device).type == "cpu" or not parts:
        return list(parts)
    flat = sent(torch.cat([part.flatten() for part in parts]), device)
    each = flat.split([part.numel() for part in parts])
    return [part.view(like.shape) for part, like in zip(each, parts, strict=True)]


def native(device: torch.device) -> bool:
    """Whether a device multiplies bfloat16 itself: GPUs from compute capability 8.0 on (not T4 and
    V100), CPUs with AVX512_BF16 or AMX.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return device.type == "cpu" and any(getattr(torch.cpu, a, bool)() for a in asked)
