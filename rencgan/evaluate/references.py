"""Real video in a model's place: a score beside no reference says nothing.

other real video      what a model that makes video of its own can come to at best
held                  the first frame of each real video: its scene in full detail, and no motion
blurred real video    as soft as the model's: the true motion, and no detail that the model lacks
shuffled real clips   pieces of 8 frames in random order: all that is true in a clip, jumps between
"""

from collections.abc import Sequence

import numpy as np

from rencgan.data.hops import CLIP
from rencgan.evaluate.measures import blurred, frozen, sharpness, shuffled

OTHER, HELD = "other real video", "held"
BLURRED, SHUFFLED = "blurred real video", "shuffled real clips"
PIECE = CLIP // 2  # frames
SOFT = 0.95  # of real sharpness at most: what is not blurred at all would be the videos themselves
Videos = Sequence[np.ndarray]  # each (T, H, W, 3)


def softness(made: Videos, real: Videos) -> float:
    """Mean sharpness of a model's videos over that of real ones."""
    return float(np.mean([sharpness(v) for v in made]) / np.mean([sharpness(v) for v in real]))


def held(real: Videos) -> list[np.ndarray]:
    """The first frames, each for as long as its video."""
    return [frozen(v, len(v)) for v in real]


def softened(real: Videos, share: float) -> list[np.ndarray]:
    """Each blurred to that share of its sharpness, SOFT at most. InputError for a share that no
    blur reaches.
    """
    return [blurred(v, min(share, SOFT) * sharpness(v)) for v in real]


def mixed(real: Videos, seed: int = 0) -> list[np.ndarray]:
    """Pieces of 8 frames in random order, another one for each video; of a clip of 16 the halves
    change places.
    """
    return [
        np.roll(v, PIECE, axis=0) if len(v) == CLIP else shuffled(v, len(v), PIECE, seed + i)
        for i, v in enumerate(real)
    ]


def references(
    real: Videos, share: float | None = None, others: Videos = (), seed: int = 0
) -> dict[str, list[np.ndarray]]:
    """Those that can be had, by name. share: of real sharpness, in the model's videos; others: as
    many other real videos, as long.
    """
    found = {OTHER: list(others)} if len(others) else {}
    found[HELD] = held(real)
    if share is not None:
        found[BLURRED] = softened(real, share)
    return found | {SHUFFLED: mixed(real, seed)}
