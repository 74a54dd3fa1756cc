"""Any set of videos against any other: Fréchet distances, each with its card.

No model of this project takes part. A card says how a score came about, the distance of real video
from real video under the same protocol, and its spread; scores whose cards differ do not go into
one column.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from rencgan.core.errors import InputError
from rencgan.core.progress import counted
from rencgan.data.footage import Footage
from rencgan.evaluate import notes
from rencgan.evaluate.extractors import Extractor, find
from rencgan.evaluate.frechet import distance_of
from rencgan.evaluate.protocols import PROTOCOLS, Protocol, protocol
from rencgan.evaluate.sides import Side, Window, gather

GENERAL = tuple(name for name, p in PROTOCOLS.items() if p.least == 2)  # not of one paper alone
Tell = Callable[[int, int, str], None]  # progress(done, total, text)


@dataclass(frozen=True)
class Score:
    """A number with its card. floor: real against real; spread: over resamplings of the videos."""

    name: str
    value: float
    floor: float | None
    spread: float
    card: dict

    def as_dict(self) -> dict:
        return asdict(self)


def evaluate(
    real,
    generated,
    p: Protocol | str = "ours",
    extractor: Extractor | str = "compact",
    seed: int = 0,
    progress: Tell | None = None,
    reconstructed=None,
) -> list[Score]:
    """Fréchet distances of two sets of videos, one a length that both sides reach, and the ratio of
    those of 16 and 128 frames.

    real, generated: folders, VideoSets or arrays (see Footage.of). reconstructed: the real videos
    as a model rebuilds them from their codes; their distance goes into the cards, as what the
    generated ones could come to at best. Raises InputError for sides of different frame sizes,
    fewer usable videos than the protocol needs, and what `gather` refuses.
    """
    p = protocol(p) if isinstance(p, str) else p
    if seed < 0:
        raise InputError(f"seed is a whole number from 0 up, not {seed}")
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
    reached = [w for w in windows if min(len(s.used[w]) for s in sides[:2]) >= p.least]
    scores = {w.frames: _score(p, extractor, w, sides, seed) for w in reached}
    for score in scores.values():
        told = score.card["notes"]
        told += [note for note in notes.of_folders(real, generated) if note not in told]
    return [*scores.values(), *_ratio(scores, sides, p, seed)]


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
        name = f"{extractor.metric}, frames {w.first} to {w.first + length - 1}"
        scores.append(replace(_score(p, extractor, w, sides, seed), name=name))
    return scores


def under_protocols(
    real,
    generated,
    extractors: Mapping[str, Extractor],
    names: Sequence[str] = GENERAL,
    seed: int = 0,
    progress: Tell | None = None,
) -> tuple[list[Score], dict[str, str]]:
    """The same samples under every named protocol with every extractor: how much of a number is
    protocol. Beside the scores, for what has none, the sentence that says why.
    """
    scores, refused = [], {}
    pairs = [(n, e) for n in names for e in extractors.values()]
    tell = counted(progress, len(pairs))
    for name, extractor in pairs:
        try:
            found = evaluate(real, generated, name, extractor, seed)
            scores += [s for s in found if " / " not in s.name]
        except InputError as error:
            refused[f"{name}, {extractor.metric}"] = str(error)
        tell(name)
    return scores, refused


def _gathered(both: Sequence[Footage], p, windows, extractor, seed, progress) -> list[Side]:
    """The sides, compatible with each other in the first window."""
    tell = counted(progress, sum(len(f.names) for f in both))
    sides = [gather(f, p, windows, extractor, seed, tell) for f in both]
    shortest = min(windows, key=lambda w: (w.first, w.frames))
    for side in sides:
        side.enough(shortest, p.least)
        if side.shape != sides[0].shape:
            a, b = sides[0].shape, side.shape
            raise InputError(
                f"real frames are {a[1]}x{a[0]}, {side.footage.side} ones {b[1]}x{b[0]}; name one "
                "size for both sides"
            )
    return sides


def _distance(a: np.ndarray, b: np.ndarray, p: Protocol) -> float:
    """Of features (videos, clips, d)."""
    return distance_of(a.reshape(-1, a.shape[-1]), b.reshape(-1, b.shape[-1]), p.ddof)


def _bootstrap(real: np.ndarray, made: np.ndarray, p: Protocol, seed: int) -> np.ndarray:
    """Distances of videos drawn again with replacement. Two lengths with the same videos draw the
    same ones.
    """
    rng, found = np.random.default_rng([seed, 37]), []
    for _ in range(p.repeats):
        found.append(_distance(rng.choice(real, len(real)), rng.choice(made, len(made)), p))
    return np.array(found)


def _halves(sources: Sequence[str], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Indices of two parts of the real videos, equally many, of which no film is in both."""
    films = sorted(set(sources))
    turn = {film: k for k, film in enumerate(rng.permutation(films))}
    order = sorted(rng.permutation(len(sources)), key=lambda i: turn[sources[i]])
    counts = [sum(s == film for s in sources) for film in sorted(films, key=turn.get)]
    ends = np.cumsum(counts)
    cut = int(ends[np.abs(ends - len(sources) / 2).argmin()])
    half = min(cut, len(sources) - cut)
    return np.array(order[:half], int), np.array(order[cut : cut + half], int)


def _floor(real: np.ndarray, made: np.ndarray, sources: Sequence[str], p, seed: int) -> dict:
    """Distances of halves of the real videos, and of equally many generated ones beside them,
    because few videos lie further apart. None where a half has fewer than 2 videos.
    """
    rng = np.random.default_rng([seed, 41])
    floors, ours, counts = [], [], []
    for _ in range(p.repeats):
        a, b = _halves(sources, rng)
        half = min(len(a), len(made))
        if half < 2:
            return {"floor": None, "at the floor's counts": None}
        floors.append(_distance(real[a[:half]], real[b[:half]], p))
        ours.append(_distance(real[a[:half]], rng.permutation(made)[:half], p))
        counts.append(half)
    return {
        "floor": float(np.mean(floors)),
        "floor's spread": float(np.std(floors, ddof=1)),
        "at the floor's counts": float(np.mean(ours)),
        "counts of the floor": int(np.median(counts)),
    }


def _score(p: Protocol, extractor: Extractor, w: Window, sides: Sequence[Side], seed: int) -> Score:
    real, made = sides[:2]
    a, b = real.features[w], made.features[w]
    scaled = (p.real and len(a) < p.real) or (p.generated and len(b) < p.generated)
    drawn = _bootstrap(a, b, p, seed)
    resampled = _floor(a, b, real.sources(w), p, seed)
    floor = resampled.pop("floor")
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
        "resampled": {"mean": float(drawn.mean())} | resampled,
    }
    for rebuilt in sides[2:]:
        if len(rebuilt.used[w]) >= 2:
            value = _distance(a, rebuilt.features[w], p)
            card["reconstruction"] = {"distance": value} | rebuilt.told(w, None)
    card["notes"] = notes.of_sides(real, made, w, p)
    name = f"{extractor.metric} {w.frames}f" + (" (scaled)" if scaled else "")
    return Score(name, _distance(a, b, p), floor, float(drawn.std(ddof=1)), card)


def _ratio(scores: Mapping[int, Score], sides: Sequence[Side], p, seed: int) -> list[Score]:
    """FVD-16f over FVD-128f, as the thesis reports it, where there are both. Its spread is over
    the same draws of videos on both sides of the line.
    """
    if 16 not in scores or 128 not in scores or not scores[128].value:
        return []
    short, long = scores[16], scores[128]
    drawn = [
        _bootstrap(*(side.features[Window(n)] for side in sides[:2]), p, seed) for n in (16, 128)
    ]
    ratios = drawn[0] / np.maximum(drawn[1], 1e-12)
    card = {k: short.card[k] for k in ("protocol", "extractor", "seed", "real", "generated")}
    card |= {"frames": [16, 128], "first frame": 0, "scaled": short.card["scaled"]}
    card |= {"at 128 frames": {k: long.card[k] for k in ("real", "generated")}}
    card |= {"reconstruction": None, "resampled": {"mean": float(ratios.mean())}}
    name = f"{short.name} / {long.name}"
    return [Score(name, short.value / long.value, None, float(ratios.std(ddof=1)), card)]


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
    """ "" for scores that may stand in one column; else what separates them, in words. Which other
    lengths were scored beside them does not.
    """
    for key in ("protocol", "extractor", "frames", "first frame", "seed"):
        inner = a[key] if isinstance(a[key], dict) else {}
        parts = [k for k in inner if k != "lengths" and inner[k] != b[key].get(k)]
        if parts or (not inner and a[key] != b[key]):
            return f"{key} ({', '.join(parts)})" if inner else key
    compared = {"real": "pixels crc32", "generated": "stored"}
    for side, last in compared.items():
        for key in ("videos", "frame size", last):
            if a[side][key] != b[side][key]:
                return f"the {side} side ({key})"
    return ""


def column(scores: Sequence[Score]) -> list[float]:
    """Values that may be compared. Raises InputError that names how the scores differ."""
    for score in scores[1:]:
        difference = same_card(scores[0].card, score.card)
        names = [s.name.replace(" (scaled)", "") for s in (scores[0], score)]
        if not difference and names[0] != names[1]:
            difference = f"what they measure ({names[0]}, {names[1]})"
        if difference:
            raise InputError(
                f"{scores[0].name} and {score.name} do not go into one column: they differ in "
                f"{difference}"
            )
    return [score.value for score in scores]
