"""Whether a claimed ordering held, decided from the seeds of both sides and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass

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


def ordering(
    better: Mapping[int, float],
    worse: Mapping[int, float],
    lower_is_better: bool = True,
    tests: int = 1,
) -> Verdict:
    """The verdict on "`better` lies before `worse`"; both are seed -> value.

    Seed by seed, since a seed decides the data of both sides too: the mean difference d, and its
    margin t s / sqrt(n), with s the differences' standard deviation and t Student's 95 % quantile.
    Held if d exceeds the margin, did not hold if -d does, else undecided; undecided too with fewer
    than 3 seeds. Both sides are tested, so one in ten orderings of equals is decided.

    tests: of how many orderings this is one that must all hold. One that goes the other way is
    enough against them, so its margin is then that of 1 - 0.05 / tests (Bonferroni): equals are
    still found to be the other way round one time in twenty at most.
    Raises InputError for no seed in common, and values not finite.
    """
    seeds = sorted(set(better) & set(worse))
    if not seeds:
        raise InputError("an ordering needs at least one seed that both sides have")
    sign = 1.0 if lower_is_better else -1.0
    gains = np.array([sign * (worse[s] - better[s]) for s in seeds])
    if not np.isfinite(gains).all():
        raise InputError("an ordering needs finite values on both sides")
    n, d = len(seeds), float(gains.mean())
    if n < 2:
        return Verdict(UNDECIDED, d, None, n, f"1 seed; {SEEDS} decide")
    margin = float(stats.t.ppf(CONFIDENCE, n - 1) * gains.std(ddof=1) / np.sqrt(n))
    if n < SEEDS:
        return Verdict(UNDECIDED, d, margin, n, f"{n} seeds; {SEEDS} decide")
    if d > margin or -d > _of_several(margin, n, tests):
        found = HELD if d > 0 else NOT_HELD
        return Verdict(found, d, margin, n, "the difference exceeds its margin")
    within = "one of several, and within their margin" if -d > margin else "within its margin"
    return Verdict(UNDECIDED, d, margin, n, f"the difference lies {within}")


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
        return Verdict(UNDECIDED, v.gain, v.margin, v.seeds, f"{v.seeds} seeds; {SEEDS} decide")
    if abs(v.gain) + v.margin <= within:
        return Verdict(HELD, v.gain, v.margin, v.seeds, "no further apart than 10 %")
    if abs(v.gain) - _of_several(v.margin, v.seeds, tests) > within:
        return Verdict(NOT_HELD, v.gain, v.margin, v.seeds, "further apart than 10 %")
    return Verdict(UNDECIDED, v.gain, v.margin, v.seeds, "the margin reaches across 10 %")
