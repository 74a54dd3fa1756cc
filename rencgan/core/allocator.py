"""How this process gets its memory."""

import ctypes
import resource
from contextlib import suppress
from pathlib import Path

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's malloc.h


def keep_freed() -> None:
    """Memory that is freed stays with the process for the next tensor. glibc gives large blocks
    back at once, and the system hands them out anew page by page, each filled with zeros: on a CPU
    a quarter of a training step at 64x64. Other C libraries keep their own ways.
    """
    with suppress(OSError, AttributeError):
        malloc = ctypes.CDLL("libc.so.6")
        malloc.mallopt(M_MMAP_MAX, 0)
        malloc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def stay_in_memory() -> None:
    """Makes an allocation beyond what is free an error here, before the machine swaps."""
    with suppress(OSError, ValueError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(s.split()[1]) * 1024 for s in lines if s.startswith("MemAvailable"))
        resource.setrlimit(resource.RLIMIT_DATA, (free, free))
