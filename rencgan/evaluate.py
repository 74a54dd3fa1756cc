"""Any folder of videos against any other: `python -m rencgan.evaluate REAL GENERATED`.

No model of this project takes part. Every score has a card that says how it came about, the
distance of real video from real video under the same protocol, and its spread; scores whose cards
differ do not go into one column.
"""

import argparse
import contextlib
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rencgan import datasets
from rencgan.errors import InputError
from rencgan.features import Extractor, find
from rencgan.frechet import Statistics, distance
from rencgan.progress import Progress
from rencgan.protocols import Protocol, protocol, start
from rencgan.videoset import VideoSet

# ---------------------------------------------------------------------------------------- two sides


@dataclass
class Footage:
    """One side of a comparison: videos by name, each read when its turn comes.

    read(i) gives (T, H, W, 3) uint8, or floats in [-1, 1]. stored: how the pixels were kept.
    left_out grows as videos turn out to be unreadable.
    """

    side: str  # "real" or "generated"
    names: list[str]
    read: Callable[[int], np.ndarray]
    stored: str
    left_out: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, side: str, what, size: int | None = None, split: str | None = None) -> "Footage":
        """From a folder (video files, folders of images, .npy arrays, or a prepared cache), a
        VideoSet, or arrays. size: frames are cropped to a square and brought to it. split: the part
        of a prepared set that counts; other footage has none.
        """
        if isinstance(what, VideoSet):
            what = what.select(split)
            names = [v.name for v in what.videos]
            return cls(side, names, _sized(what.video, size), "prepared frames")
        if isinstance(what, (str, Path)):
            return _from_folder(side, Path(what), size, split)
        arrays = list(what)
        return cls(side, [f"video {i}" for i in range(len(arrays))], _sized(arrays, size), "arrays")


def _sized(videos, size: int | None) -> Callable[[int], np.ndarray]:
    def read(i: int) -> np.ndarray:
        frames = np.asarray(videos(i) if callable(videos) else videos[i])
        if frames.ndim != 4 or frames.shape[3] != 3:
            raise InputError(f"video {i} must be (T, H, W, 3), not {frames.shape}")
        if size is None or frames.shape[1:3] == (size, size):
            return frames
        from rencgan.video import resize_crop

        if frames.dtype != np.uint8:
            raise InputError("only uint8 videos are brought to another size; give floats at theirs")
        return np.stack([resize_crop(f, size) for f in frames])

    return read


class _Unusable(Exception):
    """A file that cannot be read; the message is the reason, in a few words."""


def _load(path: Path) -> np.ndarray:
    """The frames of a video file, of a folder of images or of a .npy. Raises _Unusable."""
    if path.suffix == ".npy":
        try:
            return np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            raise _Unusable("unreadable") from None
    from rencgan.video import Unreadable, read_frames

    try:
        return np.stack(list(read_frames(path)))
    except Unreadable as error:
        raise _Unusable(error.reason) from None


def _from_folder(side: str, folder: Path, size: int | None, split: str | None) -> Footage:
    if not folder.is_dir():
        raise InputError(f"the {side} videos: {folder} is not a folder")
    if (folder / "index.json").exists():
        return Footage.of(side, VideoSet.open(folder), size, split)
    videos, _ = datasets.discover(folder)
    found = sorted([*videos, *folder.rglob("*.npy")])
    if not found:
        raise InputError(f"the {side} videos: there is none in {folder}")

    kinds = sorted({p.suffix.lower() or "frame folder" for p in found})
    names = [p.relative_to(folder).as_posix() for p in found]
    return Footage(
        side, names, _sized(lambda i: _load(found[i]), size), f"files ({', '.join(kinds)})"
    )


# ----------------------------------------------------------------------------------------- features


@dataclass
class Side:
    """What one side came to: features (n, d) for each length, and what the card tells of it."""

    features: dict[int, np.ndarray]
    videos: dict[int, int]
    shape: tuple[int, int]
    fingerprint: str  # of the pixels that were looked at
    footage: Footage
    short: dict[int, dict[str, str]]  # for each length the videos that do not reach it

    def left_out(self, length: int) -> dict[str, str]:
        """Name -> reason, of the videos that a length could not use."""
        return self.footage.left_out | self.short[length]


def _frames(footage: Footage, i: int) -> np.ndarray | None:
    """One video, checked; None (and a reason kept) where it cannot be read."""
    name = footage.names[i]
    try:
        frames = footage.read(i)
    except _Unusable as error:
        footage.left_out[name] = str(error)
        return None
    if frames.dtype != np.uint8 and not np.issubdtype(frames.dtype, np.floating):
        raise InputError(f"{footage.side} video {name} holds {frames.dtype}, not uint8 or floats")
    return frames


def gather(
    footage: Footage, p: Protocol, extractor: Extractor, seed: int, tell: Callable[[str], None]
) -> Side:
    """Reads a side once, clip by clip into features; videos too short are left out by name."""
    real = footage.side == "real"
    limit = (p.real if real else p.generated) or len(footage.names)
    stride = p.real_stride if real else p.generated_stride
    place = p.real_frames if real else p.generated_frames
    order = np.arange(len(footage.names))
    if p.choice == "random":
        order = np.random.default_rng([seed, 29]).permutation(order)
    rows: dict[int, list] = {length: [] for length in p.lengths}
    short: dict[int, dict] = {length: {} for length in p.lengths}
    shape, pixels = None, 0
    for i in map(int, order):
        open_ = [n for n in p.lengths if len(rows[n]) < limit]
        if not open_:
            break
        tell(footage.names[i])
        frames = _frames(footage, i)
        if frames is None:
            continue
        shape = _same_size(footage, i, frames, shape)
        for length in open_:
            needed = (length - 1) * stride + 1
            if len(frames) < needed:
                short[length][footage.names[i]] = f"too short ({len(frames)} frames)"
                continue
            s = start(place, len(frames), needed, seed, i)
            clip = np.ascontiguousarray(frames[s : s + needed : stride])
            pixels = zlib.crc32(clip, pixels)
            rows[length].append(np.asarray(extractor(clip[None]), np.float64)[0])
    features = {n: np.array(r) for n, r in rows.items()}
    counts = {n: len(r) for n, r in rows.items()}
    return Side(features, counts, shape, f"{pixels:08x}", footage, short)


def _same_size(footage: Footage, i: int, frames: np.ndarray, shape: tuple | None) -> tuple:
    here = tuple(frames.shape[1:3])
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
    return distance(Statistics.of(a), Statistics.of(b), p.ddof)


def _resampled(real: np.ndarray, made: np.ndarray, p: Protocol, seed: int) -> dict:
    """Spread over videos drawn again with replacement; floor from halves of the real videos, with
    the distance of equally many generated ones beside it, because few videos lie further apart.
    """
    rng = np.random.default_rng([seed, 37])
    drawn = [
        _distance(rng.choice(real, len(real)), rng.choice(made, len(made)), p)
        for _ in range(p.repeats)
    ]
    found = {"spread": float(np.std(drawn, ddof=1)), "floor": None, "at the floor's counts": None}
    half = min(len(real) // 2, len(made))
    if half < 2:
        return found
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


def _card(p: Protocol, extractor: Extractor, length: int, real: Side, made: Side, seed) -> dict:
    def told(side: Side, wanted: int | None) -> dict:
        return {
            "videos": side.videos[length],
            "asked for": wanted,
            "frame size": list(side.shape),
            "stored": side.footage.stored,
            "pixels crc32": side.fingerprint,
            "left out": side.left_out(length),
        }

    return {
        "protocol": p.as_dict(),
        "extractor": extractor.card(),
        "frames": length,
        "seed": seed,
        "real": told(real, p.real),
        "generated": told(made, p.generated),
    }


def evaluate(
    real,
    generated,
    p: Protocol | str = "ours",
    extractor: Extractor | str = "i3d-400",
    seed: int = 0,
    progress: Callable[[int, int, str], None] | None = None,
) -> list[Score]:
    """Fréchet distances of two sets of videos, one a length that both sides reach, and the ratio of
    the first two.

    real, generated: folders, VideoSets or arrays (see Footage.of). Raises InputError for sides of
    different frame sizes, fewer than 2 usable videos, and what `gather` refuses.
    """
    p = protocol(p) if isinstance(p, str) else p
    extractor = find(extractor) if isinstance(extractor, str) else extractor
    lengths = tuple(n for n in p.lengths if n >= extractor.min_frames)
    if not lengths:
        raise InputError(
            f"{extractor.metric} needs clips of at least {extractor.min_frames} frames; protocol "
            f"{p.name!r} has lengths {', '.join(map(str, p.lengths))}"
        )
    both = [Footage.of("real", real, p.size, p.split), Footage.of("generated", generated, p.size)]
    total, done = sum(len(f.names) for f in both), 0

    def tell(name: str) -> None:
        nonlocal done
        done += 1
        if progress:
            progress(min(done, total), total, name)

    sides = [gather(f, p.but(lengths=lengths), extractor, seed, tell) for f in both]
    _comparable(*sides, min(lengths))
    scores = [
        _score(p, extractor, n, *sides, seed)
        for n in lengths
        if min(s.videos[n] for s in sides) >= 2
    ]
    if _one_folder(real, generated):
        for score in scores:
            score.card["warning"] = SAME
    return scores + _ratio(scores)


SAME = "both sides are the same videos"


def _one_folder(a, b) -> bool:
    """Whether both sides name one folder; a protocol may look at other videos of it on each."""
    if not all(isinstance(side, (str, Path)) for side in (a, b)):
        return False
    return Path(a).resolve() == Path(b).resolve()


def _comparable(real: Side, made: Side, shortest: int) -> None:
    for side in (real, made):
        n = side.videos[shortest]
        if n < 2:
            reasons = "; ".join(f"{k}: {v}" for k, v in list(side.left_out(shortest).items())[:3])
            raise InputError(
                f"of the {side.footage.side} videos {n} can be used; at least 2 of at least "
                f"{shortest} frames are needed" + (f" ({reasons})" if reasons else "")
            )
    if real.shape != made.shape:
        raise InputError(
            f"real frames are {real.shape[1]}x{real.shape[0]}, generated ones "
            f"{made.shape[1]}x{made.shape[0]}; name one size for both sides"
        )


def _score(p: Protocol, extractor: Extractor, n: int, real: Side, made: Side, seed: int) -> Score:
    a, b = real.features[n], made.features[n]
    scaled = (p.real and len(a) < p.real) or (p.generated and len(b) < p.generated)
    resampled = _resampled(a, b, p, seed)
    spread, floor = resampled.pop("spread"), resampled.pop("floor")
    card = _card(p, extractor, n, real, made, seed) | {"resampled": resampled}
    if real.fingerprint == made.fingerprint:
        card["warning"] = SAME
    name = f"{extractor.metric} {n}f" + (" (scaled)" if scaled else "")
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
    sides = [Footage.of("real", real), Footage.of("generated", generated)]
    base, scores = protocol("ours").but(lengths=(length,)), []
    for k in range(most):

        def cut(footage: Footage, first: int) -> Footage:
            read = footage.read
            return Footage(footage.side, footage.names, lambda i: read(i)[first:], footage.stored)

        gathered = [
            gather(cut(f, k * length), base, extractor, seed, lambda name: None) for f in sides
        ]
        if k and min(s.videos[length] for s in gathered) < 2:
            break
        _comparable(*gathered, length)
        score = _score(base, extractor, length, *gathered, seed)
        name = f"{extractor.metric}, frames {k * length} to {(k + 1) * length - 1}"
        scores.append(Score(name, score.value, score.floor, score.spread, score.card))
    return scores


def same_card(a: dict, b: dict) -> str:
    """ "" for scores that may stand in one column; else what separates them, in words."""
    keys = ("protocol", "extractor", "frames", "seed")
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
    parser.add_argument("--extractor", default="i3d-400", help="i3d-400 or resnext-101")
    parser.add_argument("--size", type=int, help="crop and bring both sides to this many pixels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    o = parser.parse_args(argv)
    p = protocol(o.protocol)
    p = p.but(size=o.size) if o.size else p
    with _bar() as tell:
        scores = evaluate(o.real, o.generated, p, o.extractor, o.seed, tell)
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
