"""Motion distance: a Fréchet distance that looks at what moves, and not at what is shown.

From the features of a clip those of its own first frame, held for as long, are taken away. What a
frame alone tells, such as its scene or its blur, is in both and falls out for the most part; a
video that stands still is left with zeros. Ours.
"""

import numpy as np

from rencgan.evaluate.extractors import Extractor, find
from rencgan.evaluate.measures import frozen
from rencgan.evaluate.protocols import Protocol
from rencgan.evaluate.scores import Score, Tell, evaluate


class Moving:
    """An extractor whose features are those of clips less those of their first frames held."""

    def __init__(self, extractor: Extractor):
        self.extractor = extractor
        self.metric = f"motion distance, {extractor.metric}"
        self.dims, self.min_frames = extractor.dims, extractor.min_frames

    def __call__(self, clips: np.ndarray) -> np.ndarray:
        """(B, T, H, W, 3) uint8 to (B, d): zeros where nothing moves."""
        held = np.stack([frozen(clip, len(clip)) for clip in clips])
        moving, still = (np.asarray(self.extractor(x), np.float64) for x in (clips, held))
        return moving - still

    def card(self) -> dict:
        less = {"metric": self.metric, "features": "less those of the clip's first frame held"}
        return self.extractor.card() | less


def motion_distance(
    real,
    generated,
    extractor: Extractor | str = "compact",
    p: Protocol | str = "ours",
    seed: int = 0,
    progress: Tell | None = None,
) -> list[Score]:
    """Motion distances of two sets of videos, one a length that both sides reach, each with its
    card, floor and spread (see scores.evaluate, which also says what it takes and refuses). Videos
    are read one at a time; only features are kept. With few videos real video lies far from real
    video too, so look at the floor.
    """
    extractor = find(extractor) if isinstance(extractor, str) else extractor
    found = evaluate(real, generated, p, Moving(extractor), seed, progress)
    return [score for score in found if " / " not in score.name]
