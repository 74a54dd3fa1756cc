"""How this process gets its memory."""

import ctypes
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -3, -4  # of glibc's malloc.h
KEPT = ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1))
# Where glibc's own thresholds end, which it raises as it goes; one that is set stays.
USUAL = ((M_MMAP_MAX, 65_536), (M_MMAP_THRESHOLD, 2**25), (M_TRIM_THRESHOLD, 2**26))


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Memory that is freed stays with the process for the next tensor; at the end it goes back, so
    that what is measured then is right. glibc gives large blocks back at once, and the system hands
    them out anew page by page, each filled with zeros: on a CPU a quarter of a training step at
    64x64. Other C libraries keep their own ways.
    """
    try:
        malloc = ctypes.CDLL("libc.so.6")
        malloc.mallopt, malloc.malloc_trim  # noqa: B018
    except (OSError, AttributeError):
        yield
        return
    for name, value in KEPT:
        malloc.mallopt(name, value)
    try:
        yield
    finally:
        for name, value in USUAL:
            malloc.mallopt(name, value)
        malloc.malloc_trim(0)


def stay_in_memory() -> None:
    """Makes an allocation beyond what is free an error here, before the machine swaps."""
    with suppress(OSError, ValueError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(s.split()[1]) * 1024 for s in lines if s.startswith("MemAvailable"))
        resource.setrlimit(resource.RLIMIT_DATA, (free, free))
