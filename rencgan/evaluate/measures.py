"""Measures of a long video that need no weights. Videos are (T, H, W, 3), uint8 or in [-1, 1].

All are means over pixels in the range [-1, 1], so that one grey level of 255 is 0.0078.
"""

import numpy as np

from rencgan.core.errors import InputError
from rencgan.data.hops import seams
from rencgan.data.pixels import as_floats


def as_unit(video: np.ndarray) -> np.ndarray:
    """(T, H, W, 3) uint8 to float32 in [-1, 1]; floats pass."""
    if video.ndim != 4 or video.shape[3] != 3 or len(video) < 2:
        raise InputError(f"a video is (T, H, W, 3) with at least 2 frames, not {video.shape}")
    return as_floats(video)


def frame_differences(video: np.ndarray) -> np.ndarray:
    """Mean absolute difference between each frame and the one before it: (T - 1,)."""
    x = as_unit(video)
    return np.array([np.abs(b - a).mean() for a, b in zip(x, x[1:], strict=False)])


def l1(video: np.ndarray, reference: np.ndarray) -> float:
    """Mean absolute error to a reference at least as long; its first T frames count."""
    x, y = as_unit(video), as_unit(reference)[: len(video)]
    if x.shape != y.shape:
        raise InputError(f"a video {x.shape} cannot be compared with a reference {y.shape}")
    return float(np.abs(x - y).mean())


def _junctions(frames: int, r: int) -> np.ndarray:
    """Which of the T - 1 frame differences lie at a junction."""
    at = np.zeros(frames - 1, bool)
    at[[s - 1 for s in seams(frames, r)]] = True
    return at


def motion(video: np.ndarray, r: int | None = None) -> float:
    """Motion magnitude: mean absolute frame difference; with a hop, inside clips only (junctions
    left out).
    """
    d = frame_differences(video)
    return float(d.mean() if r is None else d[~_junctions(len(d) + 1, r)].mean())


def seam_ratio(video: np.ndarray, r: int) -> float:
    """Mean absolute frame difference at the junctions over that elsewhere; 1: no seam can be told
    from the rest.
    """
    d = frame_differences(video)
    at = _junctions(len(d) + 1, r)
    if not at.any() or not d[~at].mean():
        return float("nan")
    return float(d[at].mean() / d[~at].mean())


def sharpness(video: np.ndarray) -> float:
    """Mean absolute spatial gradient, over both directions."""
    x = as_unit(video)
    return float((np.abs(np.diff(x, axis=1)).mean() + np.abs(np.diff(x, axis=2)).mean()) / 2)


def colour_drift(video: np.ndarray) -> np.ndarray:
    """Distance of each frame's mean colour from frame 0's, averaged over channels: (T,)."""
    means = as_unit(video).mean(axis=(1, 2))
    return np.abs(means - means[0]).mean(axis=1)


def summary(video: np.ndarray, reference: np.ndarray, r: int) -> dict[str, float]:
    """All measures of one long video beside its input: a row of notebook 03's tables."""
    return {
        "l1": l1(video, reference),
        "motion": motion(video, r),
        "seam_ratio": seam_ratio(video, r),
        "sharpness": sharpness(video),
        "colour_drift": float(colour_drift(video).mean()),
    }


def frozen(reference: np.ndarray, frames: int) -> np.ndarray:
    """A trivial reference: the first frame, held: a view that cannot be written to."""
    return np.broadcast_to(reference[:1], (frames, *reference.shape[1:]))


def shuffled(reference: np.ndarray, frames: int, r: int, seed: int = 0) -> np.ndarray:
    """A trivial reference: the true video cut at its junctions, the pieces of r frames in a random
    order; what is behind the last junction stays there, so that every jump falls on a junction.
    """
    edges = [0, *seams(frames, r), frames]
    pieces = [reference[a:b] for a, b in zip(edges, edges[1:], strict=False)]
    order = np.random.default_rng(seed).permutation(len(pieces) - 1)
    return np.concatenate([*(pieces[i] for i in order), pieces[-1]])
