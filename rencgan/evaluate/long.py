"""How long video goes wrong, against real video, without any network of its own.

resets        does it come back to its first frame, at the same times in every video?
drifts        do its levels wander further than real ones? Never told without motion beside it,
              since a video that stands still does not drift at all
spectra       has it the slow and the quick changes of real video?
octaves       has it the coarse and the fine detail of real video?
motion        its peaks, its decay, and its acceleration, which tells trembling from motion

Videos are (T, H, W, 3), uint8 or in [-1, 1]. A side is a sequence of them; all of both sides count
as far as the shortest goes. Ours, but for the spectra.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from rencgan.core.errors import InputError
from rencgan.data.hops import spaced
from rencgan.evaluate.horizon import end_over_start
from rencgan.evaluate.measures import as_unit, frame_differences, motion, sharpness

SMALL = 8  # pixels a side, where only what is coarse counts
NONE = 1e-9  # what of any measure is no more than rounding
LOOKED_AT = 16  # frames of a video whose spatial spectrum is taken
Videos = Sequence[np.ndarray]
Track = Callable[[np.ndarray], np.ndarray]  # a video to what it is like over time: (n, d)


def small_pixels(video: np.ndarray) -> np.ndarray:
    """Means over the cells of a grid of 8 x 8 (fewer, for smaller frames), in [-1, 1]: (T, d)."""
    x = as_unit(video)
    for axis in (1, 2):
        edges = np.linspace(0, x.shape[axis], min(SMALL, x.shape[axis]) + 1).astype(int)
        widths = np.expand_dims(np.diff(edges), tuple(k for k in range(4) if k != axis))
        x = np.add.reduceat(x, edges[:-1], axis) / widths
    return x.reshape(len(x), -1).astype(np.float64)


def tracked(extractor: Callable, clip: int = 8, hop: int = 4) -> Track:
    """A track of an extractor's features: of clips of so many frames, one each `hop` frames."""

    def track(video: np.ndarray) -> np.ndarray:
        starts = range(0, len(video) - clip + 1, hop)
        clips = (video[s : s + clip][None] for s in starts)
        return np.concatenate([np.asarray(extractor(c), np.float64) for c in clips])

    return track


def _cut(made: Videos, real: Videos, least: int) -> tuple[Videos, Videos]:
    """Both sides, every video as long as the shortest. InputError for none, or fewer frames."""
    if not len(made) or not len(real):
        raise InputError("both sides need at least one video")
    frames = min(len(v) for side in (made, real) for v in side)
    if frames < least:
        raise InputError(f"videos of at least {least} frames are needed, not of {frames}")
    return [v[:frames] for v in made], [v[:frames] for v in real]


def _mean(measure: Callable[[np.ndarray], np.ndarray | float], videos: Videos) -> np.ndarray:
    return np.mean([measure(v) for v in videos], axis=0)


def _ratio(measure: Callable[[np.ndarray], float], made: Videos, real: Videos) -> float:
    """Of the means over videos; NaN where real video has none."""
    ours, theirs = _mean(measure, made), _mean(measure, real)
    return float(ours / theirs) if theirs > NONE else float("nan")


# ------------------------------------------------------------------------------------------- resets


def likeness_to_first(video: np.ndarray) -> np.ndarray:
    """Cosine of each frame's small pixels with the first frame's, each less their mean over the
    video, so that what never changes does not count: (T,), 1 at the start and where it comes back.
    """
    x = small_pixels(video)
    x -= x.mean(0)
    norms = np.linalg.norm(x, axis=1)
    if norms.max() < 1e-6:
        return np.ones(len(x))
    return x @ x[0] / np.maximum(norms * norms[0], 1e-12)


@dataclass(frozen=True)
class Resets:
    """How much more a side is like its first frames than real video is.

    excess: (T,), mean likeness of the generated videos less that of real ones. largest: its
    maximum, which is high also for what moves too little. rise: how far the mean likeness climbs
    from the lowest that it was before, less how far that of real video does: high only where many
    videos come back at the same time. at: that time, in frames.
    """

    excess: np.ndarray
    largest: float
    rise: float
    at: int


def resets(made: Videos, real: Videos) -> Resets:
    """Returns to the first frame at times that the videos of a side have in common."""
    ours, theirs = (_mean(likeness_to_first, side) for side in _cut(made, real, 4))
    rises = [curve - np.minimum.accumulate(curve) for curve in (ours, theirs)]
    excess = ours - theirs
    rise = float(rises[0].max() - rises[1].max())
    return Resets(excess, float(excess.max()), rise, int(rises[0].argmax()))


# -------------------------------------------------------------------------------------------- drift

LEVELS: dict[str, Callable[[np.ndarray], np.ndarray | float]] = {
    "motion": motion,
    "sharpness": sharpness,
    "colour": lambda v: as_unit(v).mean((0, 1, 2)),
    "contrast": lambda v: as_unit(v).std((1, 2)).mean(),
}


@dataclass(frozen=True)
class Drift:
    """A drift with the motion that it was had at: 1 and 1 are as real video.

    drift: a side's over real video's own, NaN where real video has none. motion: a side's mean
    frame difference over real video's; far below 1, a low drift says nothing.
    """

    drift: float
    motion: float


def wandering(video: np.ndarray, level: Callable, chunk: int) -> float:
    """Mean absolute difference of a level in each later chunk of frames from that in the first. A
    shorter last chunk is left out.
    """
    ends = range(chunk, len(video) + 1, chunk)
    levels = np.array([np.atleast_1d(level(video[e - chunk : e])) for e in ends])
    return float(np.abs(levels[1:] - levels[0]).mean())


def drifts(made: Videos, real: Videos, chunk: int = 64) -> dict[str, Drift]:
    """How far each of LEVELS wanders over chunks of frames, in units of how far it does in real
    video.
    """
    sides = _cut(made, real, 2 * chunk)
    moved = _ratio(motion, *sides)
    wander = {k: partial(wandering, level=level, chunk=chunk) for k, level in LEVELS.items()}
    return {name: Drift(_ratio(measure, *sides), moved) for name, measure in wander.items()}


# ------------------------------------------------------------------------------------------ spectra


def power(track: np.ndarray) -> np.ndarray:
    """Mean power in time of (n, d), less its mean and under a Hann window, in each octave from one
    turn in n frames up: (floor(log2((n - 1) / 2)) + 1,), slow to quick. The one frequency of a
    turn in 2 frames counts in the octave below it: alone, it would weigh as much as a whole octave.
    """
    n = len(track)
    if n < 4:
        raise InputError(f"a spectrum needs at least 4 moments of a video, not {n}")
    window = np.hanning(n + 1)[:n, None]
    found = np.abs(np.fft.rfft((track - track.mean(0)) * window, axis=0)) ** 2 / (window**2).sum()
    found = found.mean(1)[1:]
    octave = np.log2(np.arange(1, len(found) + 1)).astype(int)
    octave = np.minimum(octave, int(np.log2((n - 1) / 2)))
    return np.array([found[octave == k].mean() for k in range(octave[-1] + 1)])


@dataclass(frozen=True)
class Spectra:
    """Mean temporal power in octaves, slow to quick, as log10, and their distance.

    distance: root mean square over octaves of the differences: 0.3 is twice or half the power.
    """

    made: np.ndarray
    real: np.ndarray
    distance: float


def spectra(made: Videos, real: Videos, track: Track = small_pixels) -> Spectra:
    """Temporal spectra of two sides: small pixels by default, or a network's features (`tracked`).

    STREAM-T (Kim et al., ICLR 2024) compares amplitudes in time of features of frames, so that what
    is in a frame does not count; ours takes means of logarithms, in octaves. Power below a
    millionth of real video's mean counts as that, so that stillness stays finite.
    """
    ours, theirs = ([power(track(v)) for v in side] for side in _cut(made, real, 4))
    least = 1e-6 * np.mean(theirs) + 1e-12
    a, b = (np.log10(np.maximum(powers, least)).mean(0) for powers in (ours, theirs))
    return Spectra(a, b, float(np.sqrt(np.mean((a - b) ** 2))))


# ------------------------------------------------------------------------------------------- detail


def octave_energy(video: np.ndarray) -> np.ndarray:
    """Spatial energy of a video's frames in each octave, a pixel and channel, less the mean colour
    and under a Hann window: (floor(log2 side) - 1,), fine to coarse; the first is of waves 2 to 4
    pixels long and of what is finer along the diagonals. At most 16 frames count, evenly spaced.
    """
    x = as_unit(video[spaced(len(video), LOOKED_AT)])
    height, width = x.shape[1:3]
    if min(height, width) < 8:
        raise InputError(f"octaves need frames of at least 8 pixels, not {width}x{height}")
    window = (_window(height)[:, None] * _window(width))[..., None]
    x = (x - x.mean((1, 2), keepdims=True)) * window
    found = (np.abs(np.fft.fft2(x, axes=(1, 2))) ** 2).mean((0, 3)) / (height * width) ** 2
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))  # turns a pixel
    edges = [1.0, *(0.5 ** np.arange(2, int(np.log2(min(height, width))) + 1))]
    bands = [(radius > low) & (radius <= high) for high, low in zip(edges, edges[1:], strict=False)]
    return np.array([found[band].sum() for band in bands])


def _window(n: int) -> np.ndarray:
    return np.hanning(n + 2)[1:-1].astype(np.float32)


def octaves(made: Videos, real: Videos) -> np.ndarray:
    """Energy in each spatial octave over real video's, fine to coarse: 1 is as much, and what blurs
    is lowest at the start. NaN where real video has none.
    """
    ours, theirs = (_mean(octave_energy, side) for side in _cut(made, real, 2))
    return np.divide(ours, theirs, out=np.full(len(theirs), np.nan), where=theirs > NONE)


def worst(ratios: np.ndarray) -> float:
    """The ratio that is furthest from 1, up or down; NaN where all are."""
    off = np.abs(np.log(np.maximum(ratios, NONE)))
    return float("nan") if np.isnan(off).all() else float(ratios[np.nanargmax(off)])


# ------------------------------------------------------------------------------------------- motion


def motion_peak(video: np.ndarray) -> float:
    """95th percentile of the mean absolute frame differences."""
    return float(np.percentile(frame_differences(video), 95))


def motion_decay(video: np.ndarray) -> float:
    """Mean frame difference of the last quarter over that of the first; 1 for a still video."""
    return end_over_start(frame_differences(video))


def acceleration(video: np.ndarray) -> float:
    """Mean absolute second difference of frames: 0 where every pixel changes evenly."""
    x = as_unit(video)
    if len(x) < 3:
        raise InputError(f"acceleration needs at least 3 frames; this video has {len(x)}")
    steps = zip(x, x[1:], x[2:], strict=False)
    return float(np.mean([np.abs(c - 2 * b + a).mean() for a, b, c in steps]))


# ----------------------------------------------------------------------------------------- together

PACES = {"motion": motion, "peak motion": motion_peak, "acceleration": acceleration}


def against_real(
    made: Videos, real: Videos, chunk: int = 64, track: Track | None = None
) -> dict[str, float | Drift]:
    """Every measure of this file by name, each 1 (resets and spectra: 0) where generated video is
    as real video is. track: features whose spectra count beside those of small pixels.
    """
    sides = _cut(made, real, 2 * chunk)
    found = {name: _ratio(pace, *sides) for name, pace in PACES.items()}
    found["decay of motion"] = Drift(_ratio(motion_decay, *sides), found["motion"])
    found |= {f"drift of {name}": drift for name, drift in drifts(*sides, chunk).items()}
    returns = resets(*sides)
    found |= {"largest reset": returns.largest, "rise of resets": returns.rise}
    found["temporal spectrum"] = spectra(*sides).distance
    if track is not None:
        found["temporal spectrum of features"] = spectra(*sides, track).distance
    ratios = octaves(*sides)
    found["worst octave"] = worst(ratios)
    for k, ratio in enumerate(ratios):
        found[f"energy of waves of {2 << k} to {4 << k} pixels"] = float(ratio)
    return found
