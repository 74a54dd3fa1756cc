"""Can the scores be trusted? Real video spoilt on purpose, and how well each measure tells it from
clean video.

How well: the area under the ROC curve (AUC), the chance that a spoilt one scores higher than a
clean one: 1 always, 0 never (which tells as well), 0.5 as often as not. A measure of single videos
compares the spoilt videos with the same ones clean. A distance compares sets: it is taken DRAWS
times, each time of half of the tested videos, drawn anew, from half of the reference videos, which
are others and clean; so its AUC tells how sure a score of so many videos is, not of one.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import mannwhitneyu

from rencgan.core.errors import InputError
from rencgan.core.progress import Progress
from rencgan.data.hops import CLIP, spaced
from rencgan.data.videoset import VideoSet
from rencgan.evaluate import horizon, long, measures
from rencgan.evaluate.extractors import Extractor, Remembered
from rencgan.evaluate.frechet import distance_of
from rencgan.evaluate.motion import Moving
from rencgan.studies.unseen import REACH, UNSEEN, Task, unseen

HOP = CLIP // 2  # frames between junctions
DRAWS = 20  # of half of the videos, for what compares sets
TELLS = 0.9  # AUC, or 1 less it, from which a measure tells
Videos = Sequence[np.ndarray]  # each (T, H, W, 3) uint8


@dataclass(frozen=True)
class Spoiling:
    """One way. make(video of twice the frames, frames, seed) gives so many frames. seen: what an
    eye notices of it: our own judgement, after looking at stand-in skies.
    """

    name: str
    what: str
    seen: str
    make: Callable[[np.ndarray, int, int], np.ndarray]


SPOILINGS = (
    Spoiling(
        "frozen",
        "the first frame, held",
        "at once: nothing moves; every still is real",
        lambda v, n, seed: measures.frozen(v, n),
    ),
    Spoiling(
        "looped",
        "a quarter of the frames, to and fro",
        "late: clouds drift back the way they came; no moment looks wrong",
        lambda v, n, seed: measures.looped(v[:n], n // 4),
    ),
    Spoiling(
        "reset",
        "back to the first frame after each quarter",
        "at once where there are clouds: all jump back; not in a clear sky",
        lambda v, n, seed: measures.reset(v[:n], n // 4),
    ),
    Spoiling(
        "faded",
        "contrast falls to 0.3",
        "late: the end is grey; its beginning is real",
        lambda v, n, seed: measures.faded(v[:n]),
    ),
    Spoiling(
        "shuffled",
        "pieces of 8 frames in random order",
        "at once in motion: it jumps every 8 frames; every still is real",
        lambda v, n, seed: measures.shuffled(v, n, HOP, seed),
    ),
    Spoiling(
        "sped up",
        "twice as fast",
        "hardly: only beside the clean one",
        lambda v, n, seed: measures.sped_up(v, n, 2),
    ),
    Spoiling(
        "trembling",
        "each frame moved by up to a pixel",
        "at once in motion: the horizon shakes; every still is real",
        lambda v, n, seed: measures.trembling(v[:n], 1, seed),
    ),
    Spoiling(
        "grained",
        "noise of 8 grey levels",
        "at once, in any still; in dark scenes most",
        lambda v, n, seed: measures.grained(v[:n], 8, seed),
    ),
    Spoiling(
        "blurred",
        "to 0.6 of its sharpness",
        "at once, in any still",
        lambda v, n, seed: measures.blurred(v[:n], 0.6 * measures.sharpness(v[:n])),
    ),
)


@dataclass(frozen=True)
class Sides:
    """Clean videos to compare with, clean ones to test, and these spoilt, by name: as many each,
    (T, H, W, 3) uint8.
    """

    reference: list[np.ndarray]
    clean: list[np.ndarray]
    spoilt: dict[str, list[np.ndarray]]

    def tested(self) -> dict[str, list[np.ndarray]]:
        return {"clean": self.clean} | self.spoilt


def sides(p, videos: VideoSet, count: int, frames: int) -> Sides:
    """So many videos a side. Of a stand-in, videos that no model is trained on; of real data all
    that are long enough, in turn to reference and test. InputError where there are fewer than 4 a
    side of twice the frames, which the sped up ones need.
    """
    if videos.card.get("source") == "procedural":
        found = unseen(p, videos, Task(count, count, 2 * frames - REACH, UNSEEN))
        both = found.others, found.footage
    else:
        there = videos.select(min_frames=2 * frames)
        if len(there) < 8:
            raise InputError(
                f"{len(there)} of the videos have {2 * frames} frames; 8 are needed, 4 to spoil "
                "and 4 to compare with"
            )
        chosen = [there.video(i) for i in spaced(len(there), 2 * count)]
        both = chosen[: 2 * (len(chosen) // 2) : 2], chosen[1::2]
    reference, tested = both
    made = {s.name: [s.make(v, frames, i) for i, v in enumerate(tested)] for s in SPOILINGS}
    return Sides([v[:frames] for v in reference], [v[:frames] for v in tested], made)


def shown(found: Sides) -> list[int]:
    """Two videos to look at: that which moves most, and one in the middle."""
    order = np.argsort([measures.motion(v) for v in found.clean])
    return [int(order[-1]), int(order[len(order) // 2])]


# ----------------------------------------------------------------------------------------- measures


def of_videos(size: int, frames: int) -> dict[str, Callable[[np.ndarray], float]]:
    """Measures of a single video of so many frames and pixels a side."""
    found = {
        "motion": measures.motion,
        "peak of motion": long.motion_peak,
        "decay of motion": long.motion_decay,
        "acceleration": long.acceleration,
        "acceleration over motion": _unevenness,
        "jump at junctions": lambda v: float(measures.frame_differences(v)[HOP - 1 :: HOP].mean()),
        "seam ratio": lambda v: measures.seam_ratio(v, HOP),
        "sharpness": measures.sharpness,
        "detail kept": lambda v: horizon.end_over_start(horizon.sharpness_over_time(v)),
        "colours kept": lambda v: float(horizon.colour_kept(v)[-1]),
        "repetition": lambda v: horizon.repetition(v).height,
    }
    for name, level in long.LEVELS.items():
        found[f"drift of {name}"] = lambda v, level=level: long.wandering(v, level, frames // 2)
    for k in range(int(np.log2(size)) - 1):
        told = f"waves of {2 << k} to {4 << k} pixels"
        found[told] = lambda v, k=k: float(long.octave_energy(v)[k])
    return found


def _unevenness(video: np.ndarray) -> float:
    moved = measures.motion(video)
    return long.acceleration(video) / moved if moved else float("nan")


@dataclass(frozen=True)
class Between:
    """A measure of one set of videos against another: what it takes of a video, and what it makes
    of two lists of that.
    """

    name: str
    of: Callable[[Videos], Sequence]
    compare: Callable[[Sequence, Sequence], float]


def between_sets(extractors: Sequence[Extractor], frames: int) -> list[Between]:
    """Measures of sets of videos of so many frames."""
    found = []
    for extractor in extractors:
        once = Remembered(extractor)
        for network in [once, Moving(once)] if extractor.name == "compact" else [once]:
            for n in (CLIP, frames):
                found.append(Between(f"{network.metric} {n}f", _features(network, n), distance_of))
    resets, spectra = long.resets, long.spectra
    return [
        *found,
        Between("temporal spectrum", _small, lambda a, b: spectra(a, b).distance),
        Between("rise of resets", _small, lambda a, b: resets(a, b).rise),
        Between("largest reset", _small, lambda a, b: resets(a, b).largest),
    ]


def _features(network: Callable, n: int) -> Callable[[Videos], np.ndarray]:
    return lambda videos: np.concatenate([network(v[None, :n]) for v in videos])


def _small(videos: Videos) -> list[np.ndarray]:
    """Videos of few pixels, all that the measures without a network look at: (T, h, w, 3)."""
    side = [min(long.SMALL, n) for n in videos[0].shape[1:3]]
    return [long.small_pixels(v).reshape(len(v), *side, 3) for v in videos]


# ------------------------------------------------------------------------------------------ the AUC


def auc(spoilt: Sequence[float], clean: Sequence[float]) -> float | None:
    """The share of pairs in which the spoilt one is higher; ties count half. None where one side
    has no number.
    """
    a, b = (x[np.isfinite(x)] for x in (np.asarray(spoilt, float), np.asarray(clean, float)))
    if not len(a) or not len(b):
        return None
    return float(mannwhitneyu(a, b).statistic / (len(a) * len(b)))


def table(found: Sides, extractors: Sequence[Extractor], seed: int = 0) -> pd.DataFrame:
    """AUC of every measure (rows) for every spoiling (columns): first the distances."""
    size, frames = min(found.clean[0].shape[1:3]), len(found.clean[0])
    sets, single = between_sets(extractors, frames), of_videos(size, frames)
    rows: dict[str, dict] = {}
    with Progress(len(sets) + len(single), "measuring spoilt videos") as bar:
        for between in sets:
            rows[between.name] = _auc_of_sets(between, found, seed)
            bar.update(len(rows), between.name)
        for name, measure in single.items():
            values = {k: [measure(v) for v in videos] for k, videos in found.tested().items()}
            rows[name] = {k: auc(values[k], values["clean"]) for k in found.spoilt}
            bar.update(len(rows), name)
    return pd.DataFrame.from_dict(rows, orient="index", dtype=float)


def _auc_of_sets(measure: Between, found: Sides, seed: int) -> dict[str, float | None]:
    reference, rng = measure.of(found.reference), np.random.default_rng([seed, 59])
    values = {
        name: _drawn(measure.compare, measure.of(videos), reference, rng)
        for name, videos in found.tested().items()
    }
    return {name: auc(values[name], values["clean"]) for name in found.spoilt}


def _drawn(compare: Callable, items: Sequence, reference: Sequence, rng) -> list[float]:
    def half(of: Sequence):
        chosen = rng.permutation(len(of))[: max(2, len(of) // 2)]
        return of[chosen] if isinstance(of, np.ndarray) else [of[i] for i in chosen]

    return [compare(half(items), half(reference)) for _ in range(DRAWS)]


# --------------------------------------------------------------------------------- what it comes to


def told_by(table: pd.DataFrame) -> pd.DataFrame:
    """Which measures tell which spoilings, either way round."""
    return np.maximum(table, 1 - table).fillna(0.5) >= TELLS


def rows(table: pd.DataFrame) -> list[dict]:
    """A line a measure: its AUC for every spoiling, and how many it tells."""
    told = told_by(table).sum(axis=1)
    each = table.replace({np.nan: None}).to_dict("index")
    return [{"measure": k} | row | {"tells": int(told[k])} for k, row in each.items()]


def seen_rows(table: pd.DataFrame) -> list[dict]:
    """A line a spoiling: what it is, what an eye notices, how many measures tell it, and which of
    the distances do not.
    """
    told, found = told_by(table), []
    for s in SPOILINGS:
        by = told[s.name]
        missed = [m for m in distances(told) if not by[m]]
        row = {"spoilt": s.name, "how": s.what, "an eye notices (ours)": s.seen}
        row |= {"told by": f"{by.sum()} of {len(by)} measures"}
        found.append(row | {"distances that do not tell it": ", ".join(missed) or "none"})
    return found


def distances(table: pd.DataFrame) -> list[str]:
    """The rows that are distances between features."""
    return [name for name in table.index if re.search(r" \d+f$", name)]


def conclusions(table: pd.DataFrame) -> list[str]:
    """What the table says, in sentences."""
    told, said = told_by(table), []
    for name in distances(told):
        missed = [k for k in told if not told.loc[name, k]]
        tail = f" and misses {', '.join(missed)}" if missed else ""
        said.append(f"{name} tells {told.loc[name].sum()} of {len(told.columns)}{tail}.")
    counts = told.sum(axis=1)
    best = [name for name in told.index if counts[name] == counts.max()]
    said.append(f"The most that one measure tells is {counts.max()}: {', '.join(best)}.")
    if len(few := fewest(told)) > 1:
        said.append(f"{len(few)} together tell {told.any().sum()}: {', '.join(few)}.")
    if lost := [k for k in told if not told[k].any()]:
        said.append(f"No measure tells {', '.join(lost)}.")
    drift = table[table.index.str.startswith("drift of")]
    if lower := [k for k in table if (drift[k] <= 1 - TELLS).any()]:
        said.append(f"To drift less than real video is no merit: {', '.join(lower)} video does.")
    return said


def fewest(told: pd.DataFrame) -> list[str]:
    """Measures that tell all that can be told, few of them: each time the one that adds most."""
    chosen, left = [], told.loc[:, told.any()]
    while left.shape[1]:
        chosen.append(left.sum(axis=1).idxmax())
        left = left.loc[:, ~left.loc[chosen[-1]]]
    return chosen
