"""The training clip nearest to a clip: what tells a copy from a new one.

Exact, and in memory that does not grow with the training set: the mean absolute difference of block
means is never above that of the pixels. So of a few thousand training clips at a time the sums of
their blocks are held; pixels are read, in rising order of that bound, until the bound reaches the
best distance found. Everything is counted in whole grey levels: the answer is that of an exhaustive
search to the bit, the first of equally near clips included.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch

from rencgan.core.errors import InputError
from rencgan.data.hops import CLIP, spaced
from rencgan.data.pixels import UNIT

AT_ONCE = 1024  # training clips whose block sums are held
GRID, ROUGH = 16, 4  # blocks along a side of the frame; each is as long as the clip
PART = 64  # training clips whose finer bound is taken before the next ones'
NONE = np.iinfo(np.int64).max


class Clips(Sequence):
    """Clips (16, H, W, 3) that begin every `apart` frames of videos, views cut when asked for.

    most: so many of them at most, evenly spaced.
    """

    def __init__(self, videos: Sequence[np.ndarray], apart: int, most: int | None = None):
        self.videos, self.apart = videos, apart
        counts = [max(0, (len(v) - CLIP) // apart + 1) for v in videos]
        self._ends = np.cumsum([0, *counts])
        n = int(self._ends[-1])
        self._chosen = spaced(n, n if most is None else most)

    def __len__(self) -> int:
        return len(self._chosen)

    def __getitem__(self, i: int) -> np.ndarray:
        i = self._chosen[i]
        video = int(np.searchsorted(self._ends, i, side="right")) - 1
        start = self.apart * int(i - self._ends[video])
        return np.asarray(self.videos[video][start : start + CLIP])


class Nearest(NamedTuple):
    """For every clip the nearest training clip: index (n,) and distance (n,)."""

    index: np.ndarray
    distance: np.ndarray


def in_pixels(
    made: Sequence[np.ndarray],
    training: Sequence[np.ndarray],
    tell: Callable[[int], None] = lambda done: None,
) -> Nearest:
    """By mean absolute error in units of [-1, 1]; the first of several that are equally near.

    Clips (T, H, W, C) uint8 of one shape, each read when it is needed; tell(done) is called with
    the number of training clips that were searched. Raises InputError for shapes that differ, other
    types and an empty training set.
    """
    shape = _check(training, made, np.uint8)
    asked = [_sums(clip) for clip in made]
    best, index = [NONE] * len(made), [-1] * len(made)

    def summed(i: int) -> _Sums:
        return _sums(training[i])

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        for first in range(0, len(training), AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, len(training)))
            sums = _Sums(*map(np.stack, zip(*pool.map(summed, numbers), strict=True)))

            def search(q: int, sums=sums, first=first) -> None:
                found = (best[q], index[q])
                best[q], index[q] = _nearer(made[q], asked[q], training, first, sums, found)

            list(pool.map(search, range(len(made))))
            tell(numbers.stop)
    distance = np.array(best, float) / np.prod(shape) / UNIT
    return Nearest(np.array(index, int), distance)


class _Sums(NamedTuple):
    """Sums of a clip's pixels over blocks: (GRID * GRID * C,) and (ROUGH * ROUGH * C,)."""

    fine: np.ndarray
    rough: np.ndarray


def _sums(clip: np.ndarray) -> _Sums:
    # Of a block's 8 million pixels the sums would still fit into 32 bits.
    still = clip.sum(0, dtype=np.int32)
    fine = _blocks(still, GRID)
    return _Sums(fine.ravel(), _blocks(fine, ROUGH).ravel())


def _blocks(x: np.ndarray, grid: int) -> np.ndarray:
    """(H, W, C) summed over at most grid x grid blocks."""
    for axis in (0, 1):
        n = x.shape[axis]
        edges = np.arange(min(grid, n)) * n // min(grid, n)
        x = np.add.reduceat(x, edges, axis=axis)
    return x


def _nearer(
    clip: np.ndarray, asked: _Sums, training, first: int, sums: _Sums, found: tuple[int, int]
) -> tuple[int, int]:
    """(distance, index) of the nearest of the training clips from `first` on, where it is nearer
    than `found`; in sums of grey levels.
    """
    bound = _apart(sums.rough, asked.rough)
    order = np.argsort(bound, kind="stable")
    for i in range(0, len(order), PART):
        part = order[i : i + PART]
        if bound[part[0]] > found[0]:
            break
        finer = _apart(sums.fine[part], asked.fine)
        for k in np.argsort(finer, kind="stable"):
            if finer[k] > found[0]:
                break
            number = first + int(part[k])
            if finer[k] < found[0] or number < found[1]:  # else it can only be as near, and later
                found = min(found, (_difference(clip, training[number]), number))
    return found


def _apart(sums: np.ndarray, of: np.ndarray) -> np.ndarray:
    return np.abs(sums - of).sum(1, dtype=np.int64)


def _difference(a: np.ndarray, b: np.ndarray) -> int:
    """Sum of absolute differences. Bytes stay bytes: four times as fast as in wider numbers."""
    larger = np.maximum(a, b)
    larger -= np.minimum(a, b)
    return int(larger.sum(dtype=np.uint32 if larger.size < 1 << 24 else np.uint64))


def in_features(made: Iterable[np.ndarray], training: np.ndarray) -> Nearest:
    """By Euclidean distance of features: made (n, d), or an iterable of rows (d,), and (m, d).
    Raises InputError as `in_pixels` does.
    """
    made = np.asarray(made)
    _check(training, made)
    rows = [np.linalg.norm(training - row, axis=1) for row in made]
    distances = np.array(rows).reshape(len(made), len(training))
    return Nearest(distances.argmin(1), distances.min(1))


def _check(training: Sequence, made: Sequence, dtype: type | None = None) -> tuple[int, ...]:
    """The shape of all items; InputError where there is nothing to compare with, or another one."""
    if not len(training):
        raise InputError("there is nothing to be near to: the training set is empty")
    first = training[0]
    for item in (first, *made):
        if item.shape != first.shape:
            raise InputError(f"items of shape {item.shape} do not compare with {first.shape}")
        if dtype not in (None, item.dtype):
            raise InputError(f"clips are {np.dtype(dtype)}, not {item.dtype}")
    return first.shape
