"""What can be seen of a video without a network: its frames' checksums, values and colours."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

LOOKED = 64  # pixels along the shorter side that colours are told from


class Facts(NamedTuple):
    """Of one frame."""

    crc: int
    low: int
    high: int
    colour: np.ndarray  # means of red, green, blue
    grey: bool


def look_at(frame: np.ndarray) -> Facts:
    """frame: (H, W, 3) uint8."""
    step = max(1, min(frame.shape[:2]) // LOOKED)
    some = frame[::step, ::step]
    grey = bool((some == some[..., :1]).all())
    return Facts(zlib.crc32(frame), int(frame.min()), int(frame.max()), some.mean((0, 1)), grey)


@dataclass(frozen=True)
class Look:
    """Of the frames of a video that count."""

    frames: tuple[int, ...]  # checksums
    pictures: tuple[int, ...]  # those of frames that are not black, or of one other grey, all over
    low: int
    high: int
    colour: np.ndarray
    grey: bool

    @classmethod
    def of(cls, facts: Sequence[Facts]) -> "Look":
        return cls(
            tuple(f.crc for f in facts),
            tuple(f.crc for f in facts if f.low < f.high),
            min(f.low for f in facts),
            max(f.high for f in facts),
            np.mean([f.colour for f in facts], 0),
            all(f.grey for f in facts),
        )

    @property
    def repeated(self) -> float:
        """The share of frames that repeat the one before."""
        pairs = list(zip(self.frames, self.frames[1:], strict=False))
        return sum(a == b for a, b in pairs) / max(1, len(pairs))
