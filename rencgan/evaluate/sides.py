"""One side of a comparison as features: each video read once, and what a card tells of it.

Frames are cropped and shrunk as they come, and of a clip only what the extractor reads is held.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from rencgan.core.errors import InputError
from rencgan.data.footage import Footage
from rencgan.data.sets import Unreadable
from rencgan.evaluate.extractors import Extractor
from rencgan.evaluate.looks import Facts, Look, look_at
from rencgan.evaluate.protocols import Protocol, start

HELD = 32e6  # bytes of a clip's frames that are held before they are shrunk


@dataclass(frozen=True)
class Window:
    """Which frames of a video are scored: `frames` of them, from `first` on where a protocol takes
    the first ones.
    """

    frames: int
    first: int = 0


class Clip:
    """A clip on its way: the frames at `places` of a video; of large ones what `shrink` makes of
    them. crc: of the pixels, going on from one.
    """

    def __init__(self, places: range, shrink: Callable | None, crc: int):
        self.places, self.shrink, self.crc = places, shrink, crc
        self.facts: list[Facts] = []
        self.frames: list[np.ndarray] = []
        self.shrunk: list = []

    def add(self, frame: np.ndarray, facts: Facts) -> None:
        self.shape = frame.shape[:2]
        self.crc = zlib.crc32(frame, self.crc)
        self.facts.append(facts)
        self.frames.append(frame)
        if self.shrink and frame.nbytes * len(self.frames) > HELD:
            self.let_go()

    def let_go(self) -> None:
        """Shrinks the frames that are held."""
        self.shrunk.append(self.shrink(np.stack(self.frames)))
        self.frames = []


def features_of(clips: Sequence[Clip], extractor: Extractor) -> np.ndarray:
    """(clips, d) of one video."""
    if not clips[0].shrunk:
        return np.asarray(extractor(np.stack([np.stack(c.frames) for c in clips])), np.float64)
    for clip in clips:
        if clip.frames:
            clip.let_go()
    return np.concatenate([np.asarray(extractor.of_shrunk(c.shrunk), np.float64) for c in clips])


@dataclass
class Side:
    """What one side came to: features (videos, clips, d) for each window, and the card's facts."""

    features: dict[Window, np.ndarray]
    used: dict[Window, list[int]]  # indices of the videos
    looks: dict[Window, list[Look]]  # at each of them
    footage: Footage
    short: dict[Window, dict[str, str]]  # for each window the videos that do not reach it
    shape: tuple[int, int] | None = None  # of the frames: (H, W)
    fingerprints: dict[Window, str] = field(default_factory=dict)  # of the pixels that were read

    def add(self, i: int, window: Window, clips: Sequence[Clip], extractor: Extractor) -> None:
        """Takes the clips of video i as features. InputError for frames of another size."""
        for clip in clips:
            self.shape = self.shape or clip.shape
            if clip.shape != self.shape:
                a, b = self.shape, clip.shape
                raise InputError(
                    f"the {self.footage.side} videos have frames of {a[1]}x{a[0]} and "
                    f"{b[1]}x{b[0]} ({self.footage.names[i]}); name one size for both sides"
                )
        self.features[window].append(features_of(clips, extractor))
        self.used[window].append(i)
        self.looks[window].append(Look.of([f for clip in clips for f in clip.facts]))

    def left_out(self, window: Window) -> dict[str, str]:
        """Name -> reason, of the videos that a window could not use."""
        return self.footage.left_out | self.short[window]

    def sources(self, window: Window) -> list[str]:
        """The film that each used video is from; films with a video of equal frames are one."""
        first: dict = {}
        films = [self.footage.sources[i] for i in self.used[window]]
        one = {film: film for film in films}
        for look, film in zip(self.looks[window], films, strict=True):
            same, gone = one[first.setdefault(look.frames, film)], one[film]
            if gone != same:
                one |= {f: same for f, known in one.items() if known == gone}
        return [one[film] for film in films]

    def told(self, window: Window, wanted: int | None) -> dict:
        """A card's words on this side."""
        names = [self.footage.names[i] for i in self.used[window]]
        rates = [self.footage.rates[n] for n in names if n in self.footage.rates]
        sizes = {self.footage.original[n] for n in names}
        looks, side, notes = self.looks[window], self.footage.side, self.footage.notes
        others = set(notes) - set(self.footage.names)  # folders that were passed over
        return {
            "videos": len(names),
            "distinct source videos": len(set(self.sources(window))),
            "asked for": wanted,
            "split": self.footage.split,
            "frame size": list(self.shape),
            "original sizes": [f"{w}x{h}" for w, h in sorted(sizes)[:8]],
            "stored": self.footage.stored,
            "lossless": self.footage.exact,
            "frames a second": [min(rates), max(rates)] if rates else None,
            "values": [min(k.low for k in looks), max(k.high for k in looks)] if looks else None,
            "pixels crc32": self.fingerprints[window],
            "left out": self.left_out(window),
            "other files": dict(self.footage.others),
            "notes": [
                f"{side} video {name}: {note}"
                for name in (*sorted(others), *names)
                for note in notes.get(name, [])
            ],
        }

    def enough(self, window: Window, least: int = 2) -> None:
        """Raises InputError, with reasons, unless so many videos reach the window."""
        n = len(self.used[window])
        if n >= least:
            return
        reasons = "; ".join(f"{k}: {v}" for k, v in list(self.left_out(window).items())[:3])
        raise InputError(
            f"of the {self.footage.side} videos {n} can be used; at least {least} of at least "
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
    """Reads each video once (a film of which other frames than the first count, twice), its clips
    into features; videos too short are left out by name.

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
    pixels = dict.fromkeys(windows, 0)
    side = Side(*({w: [] for w in windows} for _ in range(3)), footage, {w: {} for w in windows})
    for i in map(int, order):
        open_ = [w for w in windows if len(side.used[w]) < (limit or len(order))]
        if not open_:
            break
        name = footage.names[i]
        tell(name)
        try:
            n, wanted = most or footage.length(i), {}
            for w in (w for w in open_ if n >= w.first + spans[w]):
                drawn = (start(place, n - w.first, spans[w], seed, i, k) for k in range(p.clips))
                wanted[w] = [range(s, s + spans[w], stride) for s in (w.first + d for d in drawn)]
            clips, seen = _read(footage, i, wanted, getattr(extractor, "shrink", None), pixels)
        except Unreadable as error:
            footage.left_out[name] = str(error)
            continue
        for w in open_:
            if w not in clips or any(len(c.facts) < w.frames for c in clips[w]):
                why = [f"too short ({seen if most else n} frames)", *footage.notes.get(name, [])]
                side.short[w][name] = "; ".join(why)
                continue
            pixels[w] = clips[w][-1].crc
            side.add(i, w, clips.pop(w), extractor)  # two videos at once are not held
    side.features = {w: np.array(found) for w, found in side.features.items()}
    side.fingerprints = {w: f"{crc:08x}" for w, crc in pixels.items()}
    return side


def _read(
    footage: Footage,
    i: int,
    wanted: Mapping[Window, Sequence[range]],
    shrink: Callable | None,
    pixels: Mapping[Window, int],
) -> tuple[dict[Window, list[Clip]], int]:
    """The clips of a video at the places wanted, and how many of its frames were read for them.
    Those of one window come one after another, as their checksum goes.
    """
    found, n = {w: [] for w in wanted}, 0
    for turn in zip(*wanted.values(), strict=True):
        now = {
            w: Clip(places, shrink, found[w][-1].crc if found[w] else pixels[w])
            for w, places in zip(wanted, turn, strict=True)
        }
        of = {t: [c for c in now.values() if t in c.places] for places in turn for t in places}
        n = 0
        for n, frame in enumerate(footage.frames(i, max(of) + 1, of.__contains__), 1):
            if frame is not None:
                facts = look_at(frame)
                for clip in of[n - 1]:
                    clip.add(frame, facts)
        for w, clip in now.items():
            found[w].append(clip)
    return found, n
