"""What long video loses, measured without any network: colours, detail, novelty, memory.

The thesis names the lack of such measures as an open problem (6.3, 6.4). Each is shown beside its
value on real video; none is a distance between sets. Videos are (T, H, W, 3) uint8.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

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


class Repetition(NamedTuple):
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


def end_over_start(curve: np.ndarray) -> float:
    """Mean of the last quarter over that of the first; 1 for a curve of zeros."""
    quarter = max(1, len(curve) // 4)
    start, end = curve[:quarter].mean(), curve[-quarter:].mean()
    return float(end / start) if start > 0 else 1.0


AT_THE_END = {
    "colour kept at the end": lambda v: float(colour_kept(v)[-1]),
    "sharpness at the end over the start": lambda v: end_over_start(sharpness_over_time(v)),
    "repetition": lambda v: repetition(v).height,
}


def against_real(
    made: Sequence[np.ndarray], real: Sequence[np.ndarray]
) -> dict[str, tuple[float, float]]:
    """Means over videos of every measure as (generated, real), each over its whole length."""
    if not made or not real:
        raise InputError("both sides need at least one video")
    return {
        name: tuple(float(np.mean([measure(v) for v in videos])) for videos in (made, real))
        for name, measure in AT_THE_END.items()
    }
