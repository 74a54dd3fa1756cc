"""How this process gets its memory."""

import ctypes
from contextlib import suppress

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
