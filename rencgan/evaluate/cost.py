"""What length costs: wall time and peak memory of anything that yields frames."""

import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch

from rencgan.core.errors import InputError


class Looped:
    """Footage (frames, H, W, 3) of any length that holds only the video (T, H, W, 3) it repeats.

    Slices of the first axis give arrays. Raises InputError for another shape, and for fewer than 1
    frame.
    """

    ndim = 4

    def __init__(self, video: np.ndarray, frames: int):
        if np.ndim(video) != 4 or video.shape[3] != 3 or not len(video):
            raise InputError(f"footage to repeat is (T, H, W, 3), not {np.shape(video)}")
        if frames < 1:
            raise InputError(f"footage has at least 1 frame, not {frames}")
        self.shape, self.dtype, self._video = (frames, *video.shape[1:]), video.dtype, video

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, part: slice) -> np.ndarray:
        return self._video[np.arange(*part.indices(len(self))) % len(self._video)]


def cost(make: Callable[[int], Iterable[np.ndarray]], lengths: Sequence[int]) -> list[dict]:
    """What videos of these lengths cost to make: time and peak memory, by ascending length.

    make(n) yields at least n frames, singly (H, W, 3) or in pieces (t, H, W, 3); each is dropped as
    it comes, and nothing is asked for beyond n.

    seconds          until the last of `frames` was there
    frames a second  frames that came in that time, over it
    peak MB          highest memory meanwhile, in 10^6 bytes, all that the process held before
                     included; None where the system cannot set its meter back
    memory           what that is: "GPU memory" where any was in use, "resident memory", or None

    The shortest is made once more before, unmeasured, since a first run also sets up libraries.
    Raises InputError for no lengths, lengths that are no whole numbers from 1 up, fewer frames than
    asked for, and pieces of another shape.
    """
    if not len(lengths):
        raise InputError("the cost of length needs at least one length")
    for n in lengths:
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
            raise InputError(f"lengths are whole numbers of frames from 1 up, not {n!r}")
    # Blocks that an allocator keeps after one length count in the next, so the long come last.
    ascending = sorted(map(int, lengths))
    _drain(make, ascending[0])
    rows = []
    for n in ascending:
        watched, made = meters(), []
        took = seconds(lambda n=n, made=made: made.append(_drain(make, n)))
        peaks = {name: peak() for name, (_, peak) in watched.items()}
        name = next((name for name, peak in peaks.items() if peak), None)
        peak = None if name is None else peaks[name] / 1e6
        row = {"frames": n, "seconds": took, "frames a second": made[0] / took}
        rows.append(row | {"peak MB": peak, "memory": name})
    return rows


def _drain(make: Callable[[int], Iterable[np.ndarray]], n: int) -> int:
    """Takes pieces until there are n frames; returns how many came."""
    made = 0
    for piece in make(n):
        if np.ndim(piece) not in (3, 4) or np.shape(piece)[-1] != 3:
            raise InputError(
                f"frames come as (H, W, 3) or in pieces (t, H, W, 3), not {np.shape(piece)}"
            )
        made += len(piece) if piece.ndim == 4 else 1
        if made >= n:
            return made
    raise InputError(f"{n} frames were asked for, but only {made} came")


def seconds(work: Callable[[], object]) -> float:
    """Wall time of a call, the GPU's queue included."""
    wait = torch.cuda.synchronize if torch.cuda.is_available() else lambda: None
    wait()
    started = time.perf_counter()
    work()
    wait()
    return time.perf_counter() - started


def meters() -> dict[str, tuple[Callable[[], int], Callable[[], int]]]:
    """Memory meters, set back by this call: name -> (level now, peak since then), both in bytes.

    "GPU memory" comes first, then "resident memory" of this process. One that this system does not
    have, or does not let a process set back, is not in it.
    """
    found = {}
    if torch.cuda.is_available():
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        found["GPU memory"] = (torch.cuda.memory_allocated, torch.cuda.max_memory_allocated)
    with contextlib.suppress(OSError):  # not Linux, or not allowed
        Path("/proc/self/clear_refs").write_text("5")  # sets VmHWM back to VmRSS
        found["resident memory"] = (lambda: _status("VmRSS"), lambda: _status("VmHWM"))
    return found


def _status(name: str) -> int:
    """An entry of /proc/self/status in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(s.split()[1]) * 1024 for s in lines if s.startswith(f"{name}:"))
