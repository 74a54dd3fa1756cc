"""Measures of a long video that need no weights. Videos are (T, H, W, 3), uint8 or in [-1, 1].

All are means over pixels in the range [-1, 1], so that one grey level of 255 is 0.0078.
"""

import numpy as np
from scipy.ndimage import gaussian_filter

from rencgan.core.errors import InputError
from rencgan.data.hops import seams
from rencgan.data.pixels import UNIT, as_bytes, as_floats


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


def _junctions(frames: int, r: int) -> tuple[np.ndarray, np.ndarray]:
    """Which of the T - 1 frame differences lie at a junction, and which inside clips. A video that
    was cut may have more junctions in its last 16 frames, so what lies there at a multiple of the
    hop is neither; of hop 1, where nothing else would be left, it is inside.
    """
    at = np.zeros(frames - 1, bool)
    at[[s - 1 for s in seams(frames, r)]] = True
    inside = np.arange(1, frames) % r != 0
    return at, inside if inside.any() else ~at


def motion(video: np.ndarray, r: int | None = None) -> float:
    """Motion magnitude: mean absolute frame difference; with a hop, inside clips only (junctions
    left out).
    """
    d = frame_differences(video)
    return float(d.mean() if r is None else d[_junctions(len(d) + 1, r)[1]].mean())


def seam_ratio(video: np.ndarray, r: int) -> float:
    """Mean absolute frame difference at the junctions over that elsewhere; 1: no seam can be told
    from the rest.
    """
    d = frame_differences(video)
    at, inside = _junctions(len(d) + 1, r)
    if not at.any() or not d[inside].mean():
        return float("nan")
    return float(d[at].mean() / d[inside].mean())


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


# ------------------------------------------------------------------ real video, spoilt on purpose


def reset(video: np.ndarray, every: int) -> np.ndarray:
    """Jumps back to the first frame every so many frames: the first ones again and again."""
    return video[np.arange(len(video)) % _span("every", every)]


def looped(video: np.ndarray, span: int) -> np.ndarray:
    """Runs forth over so many frames and back, again and again, so that nothing jumps."""
    t = np.arange(len(video)) % (2 * (_span("span", span) - 1))
    return video[np.minimum(t, 2 * (span - 1) - t)]


def sped_up(reference: np.ndarray, frames: int, times: int) -> np.ndarray:
    """So many frames, each `times` after the one before it. InputError for a short reference."""
    needed = (frames - 1) * times + 1
    if times < 1 or len(reference) < needed:
        raise InputError(
            f"{frames} frames at {times} times the pace need {needed} frames; this video has "
            f"{len(reference)}"
        )
    return reference[:needed:times]


def faded(video: np.ndarray, left: float = 0.3) -> np.ndarray:
    """Contrast, around each frame's mean colour, falls evenly to what is `left` in the last one."""
    x = as_unit(video)
    mean = x.mean(axis=(1, 2), keepdims=True)
    share = np.linspace(1, left, len(x), dtype=np.float32)[:, None, None, None]
    return _like(mean + share * (x - mean), video)


def trembling(video: np.ndarray, pixels: int = 1, seed: int = 0) -> np.ndarray:
    """Each frame moved by up to so many whole pixels, up or down, left or right; edges repeat."""
    n, (height, width) = pixels, video.shape[1:3]
    moves = np.random.default_rng(seed).integers(0, 2 * n + 1, (len(video), 2))
    wide = np.pad(video, ((0, 0), (n, n), (n, n), (0, 0)), mode="edge")
    pairs = zip(wide, moves, strict=True)
    return np.stack([f[y : y + height, x : x + width] for f, (y, x) in pairs])


def grained(video: np.ndarray, level: float = 8, seed: int = 0) -> np.ndarray:
    """Noise of its own on every frame; level: its deviation, in grey levels of 255."""
    x = as_unit(video)
    noise = np.random.default_rng(seed).standard_normal(x.shape, np.float32)
    return _like(x + np.float32(level / UNIT) * noise, video)


def blurred(video: np.ndarray, target: float) -> np.ndarray:
    """Blurred by the Gaussian at which `sharpness` is the target, within 1 %. A video that is not
    sharper comes back as it is; InputError for a target that no blur reaches.
    """
    low, high = 0.05, float(max(video.shape[1:3]))  # deviations, pixels
    if sharpness(video) <= 1.01 * target:
        return video
    x = as_unit(video)
    for _ in range(40):
        width = (low * high) ** 0.5
        made = _like(gaussian_filter(x, (0, width, width, 0), mode="nearest"), video)
        found = sharpness(made)
        if abs(found - target) <= 0.01 * target:
            return made
        low, high = (width, high) if found > target else (low, width)
    raise InputError(f"no blur brings this video to a sharpness of {target:.4g}")


def _span(name: str, frames: int) -> int:
    if frames < 2:
        raise InputError(f"{name} is at least 2 frames, not {frames}")
    return frames


def _like(x: np.ndarray, video: np.ndarray) -> np.ndarray:
    """Floats, cut to [-1, 1], in the type of a video."""
    x = np.clip(x, -1, 1)
    return as_bytes(x) if video.dtype == np.uint8 else x.astype(video.dtype)
