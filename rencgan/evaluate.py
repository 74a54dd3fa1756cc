"""Any folder of videos against any other: `python -m rencgan.evaluate REAL GENERATED`.

No model of this project takes part. Every score has a card that says how it came about, the
distance of real video from real video under the same protocol, and its spread; scores whose cards
differ do not go into one column.
"""

import argparse
import contextlib
import json
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rencgan.errors import InputError
from rencgan.features import EXTRACTORS, Extractor, find
from rencgan.footage import Footage
from rencgan.frechet import distance_of
from rencgan.progress import Progress
from rencgan.protocols import PROTOCOLS, Protocol, protocol, start

# ----------------------------------------------------------------------------------------- features


HELD = 8 << 20  # bytes of clips that wait for their features


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
    fingerprint: str  # of the pixels that were looked at
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
            "frame size": list(self.shape),
            "stored": self.footage.stored,
            "pixels crc32": self.fingerprint,
            "left out": self.left_out(window),
        }


@dataclass(frozen=True)
class _Taking:
    """A protocol's words on one side."""

    limit: int
    stride: int
    place: str
    order: np.ndarray

    @classmethod
    def of(cls, p: Protocol, footage: Footage, seed: int) -> "_Taking":
        n, real = len(footage.names), footage.side == "real"
        order = np.arange(n)
        if p.choice == "random":
            order = np.random.default_rng([seed, 29]).permutation(n)
        limit = (p.real if real else p.generated) or n
        stride = p.real_stride if real else p.generated_stride
        return cls(limit, stride, p.real_frames if real else p.generated_frames, order)


class _Features:
    """Features of clips as they come, a few videos at a time: an extractor may use more cores for
    them than for one, and only those are held.
    """

    def __init__(self, extractor: Extractor):
        self.extractor, self.waiting, self.found = extractor, [], []

    def add(self, clips: np.ndarray) -> None:
        """Clips (k, T, H, W, 3) of one video."""
        self.waiting.append(clips)
        if sum(c.nbytes for c in self.waiting) >= HELD:
            self._flush()

    def _flush(self) -> None:
        if self.waiting:
            made = np.asarray(self.extractor(np.concatenate(self.waiting)), np.float64)
            self.found += list(made.reshape(len(self.waiting), -1, made.shape[1]))
            self.waiting = []

    def all(self) -> np.ndarray:
        """(videos, k, d)."""
        self._flush()
        return np.array(self.found)


def gather(
    footage: Footage,
    p: Protocol,
    windows: Sequence[Window],
    extractor: Extractor,
    seed: int,
    tell: Callable[[str], None],
) -> Side:
    """Reads each video once, its clips into features; videos too short are left out by name.

    Raises InputError for videos of different sizes and for what the extractor refuses.
    """
    taking = _Taking.of(p, footage, seed)
    features = {w: _Features(extractor) for w in windows}
    side = Side({}, {w: [] for w in windows}, None, "", footage, {w: {} for w in windows})
    pixels = 0
    for i in map(int, taking.order):
        open_ = [w for w in windows if len(side.used[w]) < taking.limit]
        if not open_:
            break
        tell(footage.names[i])
        frames = footage.usable(i)
        if frames is None:
            continue
        for w in open_:
            span = (w.frames - 1) * taking.stride + 1
            if len(frames) < w.first + span:
                side.short[w][footage.names[i]] = f"too short ({len(frames)} frames)"
                continue
            clips = []
            for k in range(p.clips):
                s = w.first + start(taking.place, len(frames) - w.first, span, seed, i, k)
                clips.append(footage.sized(frames[s : s + span : taking.stride]))
            side.shape = _same_size(footage, i, clips[0], side.shape)
            pixels = zlib.crc32(np.stack(clips), pixels)
            features[w].add(np.stack(clips))
            side.used[w].append(i)
    side.features = {w: f.all() for w, f in features.items()}
    side.fingerprint = f"{pixels:08x}"
    return side


def _same_size(footage: Footage, i: int, clip: np.ndarray, shape: tuple | None) -> tuple:
    here = tuple(clip.shape[1:3])
    if shape is not None and here != shape:
        raise InputError(
            f"the {footage.side} videos have frames of {shape[1]}x{shape[0]} and "
            f"{here[1]}x{here[0]} ({footage.names[i]}); name one size for both sides"
        )
    return here


# ------------------------------------------------------------------------------------------- scores


@dataclass(frozen=True)
class Score:
    """A number with its card. floor: real against real; spread: over resamplings of the videos."""

    name: str
    value: float
    floor: float | None
    spread: float
    card: dict

    def as_dict(self) -> dict:
        return {
            "name": self.name,
            "value": self.value,
            "floor": self.floor,
            "spread": self.spread,
            "card": self.card,
        }


def _distance(a: np.ndarray, b: np.ndarray, p: Protocol) -> float:
    """Of features (videos, clips, d)."""
    return distance_of(a.reshape(-1, a.shape[-1]), b.reshape(-1, b.shape[-1]), p.ddof)


def _resampled(real: np.ndarray, made: np.ndarray, p: Protocol, seed: int) -> dict:
    """Mean and spread over videos drawn again with replacement; floor from halves of the real
    videos, with the distance of equally many generated ones beside it, because few videos lie
    further apart.
    """
    rng = np.random.default_rng([seed, 37])
    drawn = [
        _distance(rng.choice(real, len(real)), rng.choice(made, len(made)), p)
        for _ in range(p.repeats)
    ]
    found = {"mean": float(np.mean(drawn)), "spread": float(np.std(drawn, ddof=1))}
    half = min(len(real) // 2, len(made))
    if half < 2:
        return found | {"floor": None, "at the floor's counts": None}
    floors, ours = [], []
    for _ in range(p.repeats):
        shuffled = rng.permutation(real)
        a, b = shuffled[:half], shuffled[half : 2 * half]
        floors.append(_distance(a, b, p))
        ours.append(_distance(a, rng.permutation(made)[:half], p))
    return found | {
        "floor": float(np.mean(floors)),
        "floor's spread": float(np.std(floors, ddof=1)),
        "at the floor's counts": float(np.mean(ours)),
        "counts of the floor": half,
    }


def evaluate(
    real,
    generated,
    p: Protocol | str = "ours",
    extractor: Extractor | str = "compact",
    seed: int = 0,
    progress: Callable[[int, int, str], None] | None = None,
    reconstructed=None,
) -> list[Score]:
    """Fréchet distances of two sets of videos, one a length that both sides reach, and the ratio of
    the first two.

    real, generated: folders, VideoSets or arrays (see Footage.of). reconstructed: the real videos
    as a model rebuilds them from their codes; their distance goes into the cards, as what the
    generated ones could come to at best. Raises InputError for sides of different frame sizes,
    fewer than 2 usable videos, and what `gather` refuses.
    """
    p = protocol(p) if isinstance(p, str) else p
    extractor = find(extractor) if isinstance(extractor, str) else extractor
    windows = [Window(n) for n in p.lengths if n >= extractor.min_frames]
    if not windows:
        raise InputError(
            f"{extractor.metric} needs clips of at least {extractor.min_frames} frames; protocol "
            f"{p.name!r} has lengths {', '.join(map(str, p.lengths))}"
        )
    both = [Footage.of("real", real, p.size, p.split), Footage.of("generated", generated, p.size)]
    if reconstructed is not None:
        both.append(Footage.of("reconstructed", reconstructed, p.size))
    sides = _gathered(both, p, windows, extractor, seed, progress)
    scores = [
        _score(p, extractor, w, sides, seed)
        for w in windows
        if min(len(s.used[w]) for s in sides[:2]) >= 2
    ]
    if _one_folder(real, generated):
        for score in scores:
            score.card["warning"] = SAME
    return scores + _ratio(scores)


SAME = "both sides are the same videos"


def _gathered(both: Sequence[Footage], p, windows, extractor, seed, progress) -> list[Side]:
    """The sides, compatible with each other in the first window."""
    total, done = sum(len(f.names) for f in both), 0

    def tell(name: str) -> None:
        nonlocal done
        done += 1
        if progress:
            progress(min(done, total), total, name)

    sides = [gather(f, p, windows, extractor, seed, tell) for f in both]
    shortest = min(windows, key=lambda w: (w.first, w.frames))
    for side in sides:
        _enough(side, shortest)
        if side.shape != sides[0].shape:
            a, b = sides[0].shape, side.shape
            raise InputError(
                f"real frames are {a[1]}x{a[0]}, {side.footage.side} ones {b[1]}x{b[0]}; name one "
                "size for both sides"
            )
    return sides


def _one_folder(a, b) -> bool:
    """Whether both sides name one folder; a protocol may look at other videos of it on each."""
    if not all(isinstance(side, (str, Path)) for side in (a, b)):
        return False
    return Path(a).resolve() == Path(b).resolve()


def _enough(side: Side, window: Window) -> None:
    n = len(side.used[window])
    if n >= 2:
        return
    reasons = "; ".join(f"{k}: {v}" for k, v in list(side.left_out(window).items())[:3])
    raise InputError(
        f"of the {side.footage.side} videos {n} can be used; at least 2 of at least "
        f"{window.frames} frames are needed" + (f" ({reasons})" if reasons else "")
    )


def _score(p: Protocol, extractor: Extractor, w: Window, sides: Sequence[Side], seed: int) -> Score:
    real, made = sides[:2]
    a, b = real.features[w], made.features[w]
    scaled = (p.real and len(a) < p.real) or (p.generated and len(b) < p.generated)
    resampled = _resampled(a, b, p, seed)
    spread, floor = resampled.pop("spread"), resampled.pop("floor")
    card = {
        "protocol": p.as_dict(),
        "extractor": extractor.card(),
        "frames": w.frames,
        "first frame": w.first,
        "seed": seed,
        "scaled": bool(scaled),
        "real": real.told(w, p.real),
        "generated": made.told(w, p.generated),
        "reconstruction": None,
        "resampled": resampled,
    }
    for rebuilt in sides[2:]:
        if len(rebuilt.used[w]) >= 2:
            value = _distance(a, rebuilt.features[w], p)
            card["reconstruction"] = {"distance": value} | rebuilt.told(w, None)
    if real.fingerprint == made.fingerprint:
        card["warning"] = SAME
    name = f"{extractor.metric} {w.frames}f" + (" (scaled)" if scaled else "")
    return Score(name, _distance(a, b, p), floor, spread, card)


def _ratio(scores: Sequence[Score]) -> list[Score]:
    """The first length's distance over the second's, as the thesis reports it; spread by
    propagation.
    """
    if len(scores) < 2 or not scores[1].value:
        return []
    a, b = scores[:2]
    value = a.value / b.value
    spread = value * np.hypot(a.spread / max(a.value, 1e-12), b.spread / b.value)
    return [Score(f"{a.name} / {b.name}", value, None, float(spread), a.card)]


def windows(
    real, generated, extractor: Extractor, length: int = 16, most: int = 64, seed: int = 0
) -> list[Score]:
    """The distance of successive windows of long videos, each to the same window of real ones
    (Figure 4.9): how quality falls with time. Ends where fewer than 2 videos of a side reach.
    """
    p = protocol("ours").but(lengths=(length,))
    both = [Footage.of("real", real), Footage.of("generated", generated)]
    wanted = [Window(length, k * length) for k in range(most)]
    sides = _gathered(both, p, wanted, extractor, seed, None)
    scores = []
    for w in wanted:
        if min(len(s.used[w]) for s in sides) < 2:
            break
        score = _score(p, extractor, w, sides, seed)
        name = f"{extractor.metric}, frames {w.first} to {w.first + length - 1}"
        scores.append(Score(name, score.value, score.floor, score.spread, score.card))
    return scores


def under_protocols(
    real,
    generated,
    extractors: Mapping[str, Extractor],
    names: Sequence[str] = tuple(PROTOCOLS),
    seed: int = 0,
    progress: Callable[[int, int, str], None] | None = None,
) -> tuple[list[Score], dict[str, str]]:
    """The same samples under every named protocol with every extractor: how much of a number is
    protocol. Beside the scores, for what has none, the sentence that says why.
    """
    scores, refused = [], {}
    pairs = [(n, e) for n in names for e in extractors.values()]
    for done, (name, extractor) in enumerate(pairs):
        try:
            found = evaluate(real, generated, name, extractor, seed)
            scores += [s for s in found if " / " not in s.name]
        except InputError as error:
            refused[f"{name}, {extractor.metric}"] = str(error)
        if progress:
            progress(done + 1, len(pairs), name)
    return scores, refused


def rows(scores: Sequence[Score]) -> list[dict]:
    """Scores as rows of a table: what matters of the card, in its words."""
    return [
        {
            "protocol": s.card["protocol"]["name"] + (" (scaled)" if s.card["scaled"] else ""),
            "score": s.name.removesuffix(" (scaled)"),
            "value": s.value,
            "spread": s.spread,
            "floor": s.floor,
            "at the floor's counts": s.card["resampled"]["at the floor's counts"],
            "real": s.card["real"]["videos"],
            "generated": s.card["generated"]["videos"],
        }
        for s in scores
    ]


def same_card(a: dict, b: dict) -> str:
    """ "" for scores that may stand in one column; else what separates them, in words."""
    keys = ("protocol", "extractor", "frames", "first frame", "seed")
    for key in keys:
        if a[key] != b[key]:
            inner = a[key] if isinstance(a[key], dict) else {}
            parts = [k for k in inner if inner[k] != b[key].get(k)] or [key]
            return f"{key} ({', '.join(parts)})" if inner else key
    for key in ("videos", "frame size", "pixels crc32"):
        if a["real"][key] != b["real"][key]:
            return f"the real side ({key})"
    for key in ("videos", "frame size", "stored"):
        if a["generated"][key] != b["generated"][key]:
            return f"the generated side ({key})"
    return ""


def column(scores: Sequence[Score]) -> list[float]:
    """Values that may be compared. Raises InputError that names how the cards differ."""
    for score in scores[1:]:
        if difference := same_card(scores[0].card, score.card):
            raise InputError(
                f"{scores[0].name} and {score.name} do not go into one column: they differ in "
                f"{difference}"
            )
    return [score.value for score in scores]


# ------------------------------------------------------------------------------------- command line


@contextlib.contextmanager
def _bar() -> Iterator[Callable[[int, int, str], None]]:
    with Progress(1, "reading and scoring") as bar:

        def tell(done: int, total: int, name: str) -> None:
            bar.total = max(total, 1)
            bar.update(done, name)

        yield tell


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m rencgan.evaluate", description=__doc__.splitlines()[0]
    )
    parser.add_argument("real", type=Path)
    parser.add_argument("generated", type=Path)
    parser.add_argument("--protocol", default="ours")
    parser.add_argument("--extractor", default="compact", help=", ".join(EXTRACTORS))
    parser.add_argument("--reconstructed", type=Path, help="REAL, as a model rebuilds it")
    parser.add_argument("--size", type=int, help="crop and bring both sides to this many pixels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    o = parser.parse_args(argv)
    p = protocol(o.protocol)
    p = p.but(size=o.size) if o.size else p
    with contextlib.redirect_stdout(sys.stderr), _bar() as tell:  # stdout is for the scores
        scores = evaluate(o.real, o.generated, p, o.extractor, o.seed, tell, o.reconstructed)
    if o.json:
        print(json.dumps({"scores": [s.as_dict() for s in scores]}))
        return
    for s in scores:
        floor = "no floor" if s.floor is None else f"floor {s.floor:.4f}"
        print(f"{s.name:<28} {s.value:.4f} ±{s.spread:.4f}  {floor}")


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        raise SystemExit(f"{error}") from None
