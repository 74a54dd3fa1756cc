"""One side of a comparison as features: each video read once, and what a card tells of it."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rencgan.core.errors import InputError
from rencgan.data.footage import Footage
from rencgan.evaluate.extractors import Extractor
from rencgan.evaluate.protocols import Protocol, start


@dataclass(frozen=True)
class Window:
    """Which frames of a video are scored: `frames` of them, from `first` on where a protocol takes
    the first ones.
    """

    frames: int
    first: int = 0


@dataclass
class Side:
    """What one side came to: features (videos, clips, d) for each window, and the card's facts."""

    features: dict[Window, np.ndarray]
    used: dict[Window, list[int]]  # indices of the videos
    shape: tuple[int, int]
    fingerprints: dict[Window, str]  # of the pixels that were looked at
    footage: Footage
    short: dict[Window, dict[str, str]]  # for each window the videos that do not reach it

    def left_out(self, window: Window) -> dict[str, str]:
        """Name -> reason, of the videos that a window could not use."""
        return self.footage.left_out | self.short[window]

    def told(self, window: Window, wanted: int | None) -> dict:
        """A card's words on this side."""
        used = self.used[window]
        return {
            "videos": len(used),
            "distinct source videos": len({self.footage.sources[i] for i in used}),
            "asked for": wanted,
            "split": self.footage.split,
            "frame size": list(self.shape),
            "stored": self.footage.stored,
            "pixels crc32": self.fingerprints[window],
            "left out": self.left_out(window),
        }

    def enough(self, window: Window) -> None:
        """Raises InputError, with reasons, unless at least 2 videos reach the window."""
        n = len(self.used[window])
        if n >= 2:
            return
        reasons = "; ".join(f"{k}: {v}" for k, v in list(self.left_out(window).items())[:3])
        raise InputError(
            f"of the {self.footage.side} videos {n} can be used; at least 2 of at least "
            f"{window.frames} frames are needed" + (f" ({reasons})" if reasons else "")
        )


def gather(
    footage: Footage,
    p: Protocol,
    windows: Sequence[Window],
    extractor: Extractor,
    seed: int,
    tell: Callable[[str], None] = lambda name: None,
) -> Side:
    """Reads each video once, its clips into features; videos too short are left out by name.

    Raises InputError for videos of different sizes and for what the extractor refuses.
    """
    limit, stride, place = p.real, p.real_stride, p.real_frames  # also of rebuilt ones
    if footage.side == "generated":
        limit, stride, place = p.generated, p.generated_stride, p.generated_frames
    order = np.arange(len(footage.names))
    if p.choice == "random":
        order = np.random.default_rng([seed, 29]).permutation(order)
    spans = {w: (w.frames - 1) * stride + 1 for w in windows}
    most = max(w.first + spans[w] for w in windows) if place == "first" else None
    features = {w: [] for w in windows}
    pixels = dict.fromkeys(windows, 0)
    side = Side({}, {w: [] for w in windows}, None, {}, footage, {w: {} for w in windows})
    for i in map(int, order):
        open_ = [w for w in windows if len(side.used[w]) < (limit or len(order))]
        if not open_:
            break
        tell(footage.names[i])
        frames = footage.usable(i, most)
        if frames is None:
            continue
        for w in open_:
            if len(frames) < w.first + spans[w]:
                side.short[w][footage.names[i]] = f"too short ({len(frames)} frames)"
                continue
            clips = []
            for k in range(p.clips):
                s = w.first + start(place, len(frames) - w.first, spans[w], seed, i, k)
                clips.append(footage.clip(i, frames[s : s + spans[w] : stride]))
            here = clips[0].shape[1:3]
            side.shape = side.shape or here
            if here != side.shape:
                raise InputError(
                    f"the {footage.side} videos have frames of {side.shape[1]}x{side.shape[0]} and "
                    f"{here[1]}x{here[0]} ({footage.names[i]}); name one size for both sides"
                )
            clips = np.stack(clips)
            pixels[w] = zlib.crc32(clips, pixels[w])
            features[w].append(np.asarray(extractor(clips), np.float64))
            side.used[w].append(i)
    side.features = {w: np.array(found) for w, found in features.items()}
    side.fingerprints = {w: f"{crc:08x}" for w, crc in pixels.items()}
    return side
