"""What long video loses, measured without any network: colours, detail, novelty, memory.

The thesis names the lack of such measures as an open problem (6.3, 6.4). Each is shown beside its
value on real video; none is a distance between sets. Videos are (T, H, W, 3) uint8. Last comes what
length costs: time and peak memory of anything that yields frames.
"""

import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from rencgan.core.errors import InputError
from rencgan.evaluate.measures import as_unit

BINS = 8  # a colour channel; 512 joint bins


def colour_histograms(video: np.ndarray) -> np.ndarray:
    """Joint RGB histogram of every frame, (T, 512), each summing to 1."""
    levels = (video.astype(np.uint16) * BINS) >> 8
    index = (levels[..., 0] * BINS + levels[..., 1]) * BINS + levels[..., 2]
    flat = index.reshape(len(video), -1)
    return np.stack([np.bincount(f, minlength=BINS**3) for f in flat]) / flat.shape[1]


def colour_kept(video: np.ndarray) -> np.ndarray:
    """Histogram intersection of every frame with the first, (T,): 1 with the same colours, 0 with
    none in common. Blind to where colours are.
    """
    histograms = colour_histograms(video)
    return np.minimum(histograms, histograms[0]).sum(1)


def sharpness_over_time(video: np.ndarray) -> np.ndarray:
    """Mean absolute spatial gradient of every frame, (T,), in units of [-1, 1]."""
    x = as_unit(video)
    down, right = (np.abs(np.diff(x, axis=axis)).mean((1, 2, 3)) for axis in (1, 2))
    return (down + right) / 2


def self_similarity(video: np.ndarray) -> np.ndarray:
    """s(l) for lags 0 to T // 2: mean cosine between frames l apart, each less the mean frame.

    1 at lag 0; a loop of period P has s(P) = 1; a video that stands still has 1 everywhere.
    """
    if len(video) < 4:
        raise InputError(f"self-similarity needs at least 4 frames; this video has {len(video)}")
    x = as_unit(video).reshape(len(video), -1).astype(np.float64)
    x -= x.mean(0)
    norms = np.linalg.norm(x, axis=1)
    if norms.max() < 1e-9:
        return np.ones(len(video) // 2 + 1)
    x /= np.maximum(norms, 1e-9)[:, None]
    cosines = x @ x.T
    return np.array([np.diagonal(cosines, lag).mean() for lag in range(len(video) // 2 + 1)])


@dataclass(frozen=True)
class Repetition:
    """The strongest return of a video to what it showed: at which lag, and how far it rises."""

    lag: int  # frames; 0 where nothing returns
    height: float  # s(lag) above the lowest s before it: 0 for none, up to 2


def repetition(video: np.ndarray) -> Repetition:
    """The peak of the lagged self-similarity, as its rise above the trough before it.

    Any slow video is like itself a few frames on; only a similarity that rises again is a return.
    """
    s = self_similarity(video)
    rise = s - np.minimum.accumulate(s)
    lag = int(rise.argmax())
    return Repetition(lag, float(rise[lag])) if rise[lag] > 1e-9 else Repetition(0, 0.0)


@dataclass(frozen=True)
class Nearest:
    """For every generated clip the nearest training clip: index (n,) and distance (n,)."""

    index: np.ndarray
    distance: np.ndarray


def nearest(made: np.ndarray, training: np.ndarray, kind: str = "pixels") -> Nearest:
    """The training item nearest to every generated one (memorisation, where they are the same).

    pixels: clips (n, ...) and (m, ...) uint8 of one shape, mean absolute error in units of [-1, 1];
    features: (n, d) and (m, d), Euclidean. One generated item at a time, so memory is that of the
    training set.
    """
    if made.shape[1:] != training.shape[1:]:
        raise InputError(
            f"{kind} of shape {made.shape[1:]} do not compare with {training.shape[1:]}"
        )
    if not len(training):
        raise InputError("there is nothing to be near to: the training set is empty")
    if kind not in ("pixels", "features"):
        raise InputError(f"nearest compares 'pixels' or 'features', not {kind!r}")
    rows = []
    for item in made:
        if kind == "pixels":
            gap = np.abs(training.astype(np.int16) - item.astype(np.int16))
            rows.append(gap.reshape(len(training), -1).mean(1) / 127.5)
        else:
            rows.append(np.linalg.norm(training - item, axis=1))
    distances = np.array(rows).reshape(len(made), len(training))
    best = distances.argmin(1)
    return Nearest(best, distances[np.arange(len(made)), best])


def against_real(
    made: Sequence[np.ndarray], real: Sequence[np.ndarray]
) -> dict[str, tuple[float, float]]:
    """Means over videos of every measure as (generated, real), each over its whole length."""

    def means(videos: Sequence[np.ndarray]) -> dict[str, float]:
        rows = [
            {
                "colour kept at the end": float(colour_kept(v)[-1]),
                "sharpness at the end over the start": _end_over_start(sharpness_over_time(v)),
                "repetition": repetition(v).height,
            }
            for v in videos
        ]
        return {k: float(np.mean([r[k] for r in rows])) for k in rows[0]}

    if not made or not real:
        raise InputError("both sides need at least one video")
    ours, theirs = means(made), means(real)
    return {k: (ours[k], theirs[k]) for k in ours}


def _end_over_start(curve: np.ndarray) -> float:
    """Mean of the last quarter over that of the first; 1 for a curve of zeros."""
    quarter = max(1, len(curve) // 4)
    start, end = curve[:quarter].mean(), curve[-quarter:].mean()
    return float(end / start) if start > 0 else 1.0


# -------------------------------------------------------------------------------- what length costs


class Looped:
    """Footage (frames, H, W, 3) of any length that holds only the video it repeats.

    video: (T, H, W, 3), T >= 1, may be memory-mapped. Slices of the first axis give arrays, as they
    do of an array. Raises InputError for another shape, and for fewer than 1 frame.
    """

    def __init__(self, video: np.ndarray, frames: int):
        if np.ndim(video) != 4 or video.shape[3] != 3 or not len(video):
            raise InputError(f"footage to repeat is (T, H, W, 3), not {np.shape(video)}")
        if frames < 1:
            raise InputError(f"footage has at least 1 frame, not {frames}")
        self.shape, self.dtype, self.ndim = (frames, *video.shape[1:]), video.dtype, 4
        self._video = video

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, part: slice) -> np.ndarray:
        return self._video[np.arange(*part.indices(len(self))) % len(self._video)]


def cost(make: Callable[[int], Iterable[np.ndarray]], lengths: Sequence[int]) -> list[dict]:
    """What videos of these lengths cost to make: time and peak memory, one dict a length.

    make(n) yields at least n frames, singly (H, W, 3) or in pieces (t, H, W, 3); each is dropped
    as it comes, and nothing is asked for beyond n. For a model and some of its footage:

        def make(n):
            for piece in model.long_video(Looped(footage, n + 16)):
                yield as_frames(piece[0])

        cost(make, (200, 1000, 4000))

    frames           the length asked for; the dicts are in order of length
    seconds          until the last of them was there
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
    return [_cost(make, n) for n in ascending]


def _cost(make: Callable[[int], Iterable[np.ndarray]], n: int) -> dict:
    made, watched = 0, meters()

    def work() -> None:
        nonlocal made
        made = _drain(make, n)

    took = seconds(work)
    peaks = {name: peak() for name, (_, peak) in watched.items()}
    name = next((name for name, peak in peaks.items() if peak), None)
    return {
        "frames": n,
        "seconds": took,
        "frames a second": made / took,
        "peak MB": None if name is None else peaks[name] / 1e6,
        "memory": name,
    }


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
    _wait()
    started = time.perf_counter()
    work()
    _wait()
    return time.perf_counter() - started


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


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
