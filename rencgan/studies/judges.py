"""Two judges on the same videos: do they rank them alike, and where not?

A judge is an extractor whose distances rank sets of videos, nearest to real video first. Sets may
be models' videos or references made of real ones; more can be added, as long as all have one size.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import kendalltau, spearmanr

from rencgan.core.errors import InputError
from rencgan.core.files import project_root
from rencgan.core.progress import Progress
from rencgan.data.hops import CLIP
from rencgan.evaluate.extractors import Extractor, available
from rencgan.evaluate.frechet import distance_of
from rencgan.evaluate.references import BLURRED, HELD, OTHER, SHUFFLED, references, softness
from rencgan.presets.table import PRESETS
from rencgan.studies import weights
from rencgan.studies.standing import SOFT, footage, start_of, videos_of
from rencgan.studies.unseen import SHORT, Unseen

NAMES = ("compact", "imagenet")  # of the extractors that judge
DRAWS = 20  # of half of the videos, for the spread of a rank correlation
# What an eye says of the sets at 64x64, nearest to real video first: our own judgement, after
# looking at sheets of their frames. Sets of one number look as good.
EYE = {
    OTHER: (1, "real"),
    SHUFFLED: (2, "real but for jumps"),
    HELD: (2, "real but that nothing moves"),
    BLURRED: (3, "the right clouds, soft"),
    "improved-r2": (4, "the right clouds, soft, under a faint grid"),
    "r2": (4, "the right clouds, soft, under a faint grid"),
    "r3-flow": (5, "soft clouds of its own, in the right scene"),
    "r3-regression": (5, "the right scene, its clouds fade to haze"),
    "r3-mixture": (6, "soft clouds; colours and hour wander off"),
    "encgan3": (6, "skies of its own with land, in streaks"),
    "ar2": (7, "noise at first, then soft skies with land"),
    "ar2plus": (7, "noise at first, then soft skies with land"),
    "stylegan-v": (8, "rings for clouds, waves for land"),
    "motionvideogan": (9, "glitter, no land"),
    "ivgan-0-gp": (9, "a grid of dots over smears"),
}
Videos = Sequence[np.ndarray]  # each (T, H, W, 3) uint8


def judges() -> list[Extractor]:
    """Those of NAMES that can be had; of the others it is printed what is missing."""
    found, missing = available()
    for name in (name for name in NAMES if name in missing):
        print(missing[name].replace(f"{project_root()}/", ""))
    return [found[name] for name in NAMES if name in found]


def contestants(
    real: Unseen, preset: str = weights.PRESET, names: Sequence[str] = (), seed: int = 0
) -> tuple[dict[str, list[np.ndarray]], dict[str, int]]:
    """Videos to rank, by name: of all models (or those named) that are published at a preset, as
    many as there is footage, of SHORT frames; and the references. What R3 is given of a real video
    is cut off; of EncGAN3 there are clips alone. And by name the frame of the footage that stands
    beside the first of a model's.
    """
    found, starts = {}, {}
    for name in names or weights.names(preset):
        model = weights.load(at := weights.at(name, preset))
        found[at], starts[at] = videos_of(model, real.footage, seed), start_of(model)
    soft = found.get(weights.at(SOFT, preset))
    clean = real.real(real.short)
    share = None if soft is None else softness(soft, clean)
    return found | references(clean, share, real.real(real.short, others=True), seed), starts


def distances(
    sides: Mapping[str, Videos],
    real: Videos,
    judges: Sequence[Extractor],
    lengths: Sequence[int] = (CLIP, SHORT),
    seed: int = 0,
    starts: Mapping[str, int] | None = None,
) -> pd.DataFrame:
    """Distances of all sets (rows) from the real videos, by judge and length (columns); None where
    a set's videos are shorter. starts: of a set, the frame of the real videos that its own begin
    at, if it is not the first. attrs["draws"]: the same of DRAWS draws of half of the videos, of
    all sets the same half, for `agreement`. Raises InputError for fewer than 4 videos of a set.
    """
    if min(map(len, [real, *sides.values()])) < 4:
        raise InputError("to be ranked, a set needs at least 4 videos")
    columns, drawn, starts = {}, {}, starts or {}
    begins = sorted({0, *starts.values()})
    work = [(judge, n) for judge in judges for n in lengths]
    with Progress(len(work) * (len(sides) + len(begins)), "two judges on the same videos") as bar:
        for judge, n in work:
            features = {}
            goals = {s: [v[s:] for v in real] for s in begins}
            for name, videos in {**goals, **sides}.items():
                if min(map(len, videos)) >= n:
                    each = [np.asarray(judge(np.asarray(v)[None, :n])) for v in videos]
                    features[name] = np.concatenate(each)
                bar.update(bar.step + 1, f"{judge.name} {name}")
            goal, told = {s: features.pop(s) for s in begins}, f"{judge.metric} {n}f"
            beside = {k: goal[starts.get(k, 0)] for k in features}
            columns[told] = {k: distance_of(x, beside[k]) for k, x in features.items()}
            rng = np.random.default_rng([seed, 61])
            halves = [rng.permutation(len(real))[: max(2, len(real) // 2)] for _ in range(DRAWS)]
            drawn[told] = [
                {k: distance_of(x[h[h < len(x)]], beside[k][h]) for k, x in features.items()}
                for h in halves
            ]
    table = pd.DataFrame(columns, index=list(sides))
    table.attrs["draws"] = drawn
    return table


def ranked(table: pd.DataFrame) -> list[dict]:
    """Rows: each set's distances with its rank in brackets, 1 the nearest to real video."""
    found = []
    ranks = table.rank()
    for name in ranks.mean(axis=1).sort_values(kind="stable").index:
        cells = {}
        for column in table:
            value = table.loc[name, column]
            rank = ranks.loc[name, column]
            cells[column] = None if np.isnan(value) else f"{value:.4g} ({rank:.0f})"
        found.append({"videos": name} | cells)
    return found


def agreement(table: pd.DataFrame) -> list[dict]:
    """Rows: rank correlations of every two columns over the sets that both have, with the range
    that nine of ten draws of half of the videos give.
    """
    found = []
    for a, b in combinations(table.columns, 2):
        both = table[[a, b]].dropna()
        tau, rho = kendalltau(both[a], both[b]), spearmanr(both[a], both[b])
        row = {"first": a, "second": b, "sets": len(both)}
        row |= {"Spearman": float(rho.statistic), "Kendall": float(tau.statistic)}
        draws = zip(*(table.attrs["draws"][k] for k in (a, b)), strict=True)
        taus = [kendalltau(*([d[k] for k in both.index] for d in two)).statistic for two in draws]
        low, high = np.quantile(taus, (0.05, 0.95))
        found.append(row | {"Kendall, half the videos": f"{low:.2f} to {high:.2f}"})
    return found


def differ(table: pd.DataFrame, first: str, second: str) -> list[dict]:
    """Rows: pairs of sets that two columns order otherwise, those apart most first; in how many of
    the draws each column holds to its order; and whom an eye follows, where we looked.
    """
    both = table[[first, second]].dropna()
    ranks, found = both.rank(), []
    for a, b in combinations(both.index, 2):
        gaps = ranks.loc[b] - ranks.loc[a]
        if gaps.prod() >= 0:
            continue
        near, far = (a, b) if gaps[first] > 0 else (b, a)
        draws = [table.attrs["draws"][k] for k in (first, second)]
        sure = [np.mean([d[near] < d[far] for d in draws[0]])]
        sure.append(np.mean([d[far] < d[near] for d in draws[1]]))
        row = {"nearer by the first judge": near, "by the second": far}
        row |= {"ranks apart": int(gaps.abs().sum())}
        row["draws that agree"] = f"{sure[0]:.0%}, {sure[1]:.0%}"
        found.append(row | {"an eye (ours)": _followed(near, far)})
    return sorted(found, key=lambda r: -r["ranks apart"])


def _followed(near: str, far: str) -> str | None:
    """Which judge the eye follows where the first has `near` nearer and the second `far`; None of
    sets that we have not looked at.
    """
    if near not in EYE or far not in EYE:
        return None
    (a, first), (b, second) = EYE[near], EYE[far]
    verdict = "neither" if a == b else f"the {'first' if a < b else 'second'} judge"
    return f"{verdict} ({first}; {second})"


def rankings(
    judges: Sequence[Extractor], count: int = 64, seed: int = 0, quick: bool = False
) -> dict[str, pd.DataFrame]:
    """Distances of all published models and references, by the preset that they are published at.
    quick: two models of the first.
    """
    found = {}
    for preset in weights.presets()[: 1 if quick else None]:
        real = footage(count, PRESETS[preset].size)
        sides, starts = contestants(real, preset, ("r2", "ar2") if quick else (), seed)
        found[preset] = distances(sides, real.footage, judges, seed=seed, starts=starts)
    return found


def told(table: pd.DataFrame) -> dict[str, list[dict]]:
    """Rows: what all sets come to, the rank correlations, and what two judges order otherwise."""
    found = {"ranked": ranked(table), "agreement": agreement(table), "differ": []}
    by_length: dict[str, list[str]] = {}
    for column in table:
        by_length.setdefault(column.rpartition(" ")[2], []).append(column)
    for length, columns in by_length.items():
        if len(columns) == 2:
            pairs = differ(table, *columns)
            found["differ"] += [{"frames": length} | row for row in pairs]
    return found
