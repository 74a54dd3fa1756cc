"""Whether a claimed ordering held, decided from the seeds of both sides and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from rencgan.core.errors import InputError

HELD, NOT_HELD, UNDECIDED = "held", "did not hold", "undecided"
SEEDS = 3  # the fewest that decide anything
CONFIDENCE = 0.95  # on either side
ALIKE = float(np.log(1.1))  # 10 % either way
CHANCE = 2 * (1 - CONFIDENCE)  # share of orderings decided where there is no difference


@dataclass(frozen=True)
class Verdict:
    """gain: by how much the side claimed to be better is better, on average over the seeds that
    both have; margin: how far it can be off. Both in the measure's unit.
    """

    verdict: str
    gain: float
    margin: float | None  # None for fewer than 2 seeds
    seeds: int
    why: str


def ordering(gains: Sequence[float], tests: int = 1) -> Verdict:
    """The verdict on "this lies before that", of a gain a seed that both have: by how much it is
    better.

    Seed by seed, since a seed decides the data of both sides too: the mean gain d, and its margin
    t s / sqrt(n), with s the gains' standard deviation and t Student's 95 % quantile. Held if d
    exceeds the margin, did not hold if -d does, else undecided; undecided too with fewer than 3
    seeds. Both sides are tested, so one in ten orderings of equals is decided.

    tests: of how many orderings this is one that must all hold. One that goes the other way is
    enough against them, so its margin is then that of 1 - 0.05 / tests (Bonferroni): equals are
    still found to be the other way round one time in twenty at most.
    Raises InputError for no seed, and gains not finite.
    """
    gains = np.asarray(gains, float)
    n = len(gains)
    if not n:
        raise InputError("an ordering needs at least one seed that both sides have")
    if not np.isfinite(gains).all():
        raise InputError("an ordering needs finite values on both sides")
    d = float(gains.mean())
    margin = float(stats.t.ppf(CONFIDENCE, n - 1) * stats.sem(gains)) if n > 1 else None
    if n < SEEDS:
        return Verdict(UNDECIDED, d, margin, n, _few(n))
    if d > margin or -d > _of_several(margin, n, tests):
        found = HELD if d > 0 else NOT_HELD
        return Verdict(found, d, margin, n, "the difference exceeds its margin")
    within = "one of several, and within their margin" if -d > margin else "within its margin"
    return Verdict(UNDECIDED, d, margin, n, f"the difference lies {within}")


def _few(seeds: int) -> str:
    return f"{seeds} seed{'s' if seeds > 1 else ''}; {SEEDS} decide"


def _of_several(margin: float, seeds: int, tests: int) -> float:
    """The margin of one of several tests."""
    quantiles = stats.t.ppf([CONFIDENCE, 1 - (1 - CONFIDENCE) / tests], seeds - 1)
    return margin * float(quantiles[1] / quantiles[0])


def alike(v: Verdict, within: float = ALIKE, tests: int = 1) -> Verdict:
    """The same gain and margin, of logarithms, judged by another rule: that two things are alike.
    Held where both stay within `within` on either side, did not hold where both lie beyond it on
    one; tests: see ordering.
    """
    if v.seeds < SEEDS or v.margin is None:
        return replace(v, verdict=UNDECIDED, why=f"{v.seeds} seeds; {SEEDS} decide")
    if abs(v.gain) + v.margin <= within:
        return replace(v, verdict=HELD, why="no further apart than 10 %")
    if abs(v.gain) - _of_several(v.margin, v.seeds, tests) > within:
        return replace(v, verdict=NOT_HELD, why="further apart than 10 %")
    return replace(v, verdict=UNDECIDED, why="the margin reaches across 10 %")
