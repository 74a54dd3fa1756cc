"""How clips lie in a video: arithmetic of 16 frames and a hop (thesis, Section 4.3)."""

import numpy as np

from rencgan.core.errors import InputError

CLIP = 16  # frames in a clip


def spaced(n: int, most: int) -> list[int]:
    """At most `most` of n indices, evenly spaced. Sets are often sorted by class; the first ones
    are of one.
    """
    return np.linspace(0, n - 1, min(n, most)).round().astype(int).tolist()


def paced(steps: tuple[int, int], i: int, frames: int) -> int:
    """From one frame to the next of the i-th clip: all of a range of steps in turn, of those by
    which a clip fits into so many frames.
    """
    fitting = [s for s in range(steps[0], steps[1] + 1) if (CLIP - 1) * s < frames]
    return fitting[i % len(fitting)]


def check_hop(r: int) -> None:
    """Refuses a hop outside 1..15."""
    if not isinstance(r, int) or not 1 <= r <= CLIP - 1:
        raise InputError(f"the hop must be a whole number from 1 to {CLIP - 1}, not {r!r}")


def clip_count(frames: int, r: int) -> int:
    """How many overlapping clips a video of `frames` makes: (T - 16) // r + 1."""
    check_hop(r)
    if frames < CLIP:
        raise InputError(
            f"a video needs at least {CLIP} frames to make a clip; this one has {frames}"
        )
    return (frames - CLIP) // r + 1


def clips_for(frames: int, r: int) -> int:
    """How many stitched clips reach a length: the least n >= 1 with 16 + r (n - 1) >= frames."""
    check_hop(r)
    return 1 + max(0, -(-(frames - CLIP) // r))


def long_length(clips: int, r: int) -> int:
    """Frames of the long video that `clips` stitched clips make: 16 + r (clips - 1)."""
    return CLIP + r * (clips - 1)


def seams(frames: int, r: int) -> list[int]:
    """Index of the first frame after each junction in a stitched video of `frames` frames."""
    return [r * i for i in range(1, clip_count(frames, r))]
