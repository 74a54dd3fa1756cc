"""What the thesis and the ICIP paper claim, and what we ask ourselves: who lies before whom, by
which measure, and the rule that decides it. studies.toml holds them; ledger.py applies them to the
result files.

A claim is one statement of the source, in our words; the lengths of a table are one claim. It is
judged on the data sets of its source. Codes are drawn by plain sampling, where a claim does not say
otherwise (Table 5.5 has VDrej). Of the lengths of a table 16 and 128 frames decide, one clip and
the longest that all models make here. Of R3's videos its own frames count: the first 8 are real.
What recall does is asked of R2 without our terms for overlap and junction, which would do the same;
that for the direction of motion stays.

Each comparison of a claim has a verdict of its own (`decided`). A claim held where every one held,
is mixed where some held and others did not, did not hold where one did not and none held, and is
undecided otherwise.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from rencgan.core.errors import InputError
from rencgan.data.sets import DATASETS
from rencgan.studies import papers, results
from rencgan.studies.catalogue import STUDIES, Study
from rencgan.studies.columns import LOGS, MEASURES, OF_TRAINING, OTHER_MEASURES
from rencgan.studies.references import LABELS, REAL
from rencgan.studies.variants import BOOK, contestant

HELD, MIXED, NOT_HELD, UNDECIDED = "held", "mixed", "did not hold", "undecided"
RULES = ("before", "alike", "no worse")
APART = "timed on several machines"
SEEDS = 3  # the fewest that decide anything
CONFIDENCE = 0.95  # on either side
LEAST = float(np.log(1.02))  # of an order: 2 %
ALIKE = float(np.log(1.1))  # 10 % either way
CHANCE = 2 * (1 - CONFIDENCE)  # share of orderings decided where there is no difference
KNOWN = {*MEASURES, *OTHER_MEASURES, *OF_TRAINING, *(f"log {m}" for m in LOGS)}
Side = tuple[str, str]  # contestant, way of drawing codes
# Measure -> published metrics and frames. Of R3's first 16 frames half are real in print.
PLACES = {f"{n}f{own}": [("FVD", n)] for n in (16, 32, 128) for own in ("", ", own")}
PLACES["16f"] = [("FVD", 16), ("video FID", 16)]  # chapter 3
PLACES |= {f"{n}f, every 4th": [("FVD", n)] for n in (16, 32)}  # Table 4.8
PLACES |= dict.fromkeys(("ratio", "ratio, own"), [("FVD ratio", None)])


class Verdict(NamedTuple):
    """gain: by how much the side claimed to be better is better, on average over the seeds that
    both have; margin: how far it can be off (None for fewer than 2). Both in the measure's unit.
    """

    verdict: str
    gain: float
    margin: float | None
    seeds: int
    why: str


def decided(gains: Sequence[float], rule: str = "before", tests: int = 1) -> Verdict:
    """The verdict on one comparison, of a gain for each seed that both sides have: by how much the
    one claimed to be better is better, the logarithm of a ratio. A seed decides the data of both
    sides too, so they are compared seed by seed: the mean gain d has the margin t s / sqrt(n), with
    s the gains' standard deviation and t Student's 95 % quantile.

    before    held if d exceeds the margin and 2 %, did not hold if -d does; so equals are decided
              one time in ten at most
    alike     held where d and its margin stay within 10 % on either side, did not hold where both
              lie beyond it on one
    no worse  held where d and its margin lie above -10 %, did not hold where both lie below it

    tests: of how many comparisons that must all hold this is one. One of them is enough against
    them all, so the margin against it is that of 1 - 0.05 / tests (Bonferroni): equals are still
    found to be the other way round one time in twenty at most. Fewer than 3 seeds are undecided.
    Raises InputError for no seed, and gains not finite.
    """
    gains = np.asarray(gains, float)
    if not len(gains) or not np.isfinite(gains).all():
        raise InputError("a verdict needs at least one seed, and finite values on both sides")
    d, n, margin = float(gains.mean()), len(gains), None
    if n > 1:
        quantiles = stats.t.ppf([CONFIDENCE, 1 - (1 - CONFIDENCE) / tests], n - 1)
        margin, against = map(float, quantiles * stats.sem(gains))
    if n < SEEDS:
        found = UNDECIDED, f"{n} seed{'s' if n > 1 else ''}; {SEEDS} decide"
    elif rule == "alike" and abs(d) + margin <= ALIKE:
        found = HELD, "no further apart than 10 %"
    elif rule == "alike" and abs(d) - against > ALIKE:
        found = NOT_HELD, "further apart than 10 %"
    elif rule == "no worse" and d - margin >= -ALIKE:
        found = HELD, "no worse by more than 10 %"
    elif rule == "no worse" and d + against < -ALIKE:
        found = NOT_HELD, "worse by more than 10 %"
    elif rule != "before":
        found = UNDECIDED, "the margin reaches across 10 %"
    elif abs(d) > margin and abs(d) <= LEAST:
        found = UNDECIDED, "the difference is one of 2 % or less"
    elif d > margin or -d > against:
        found = HELD if d > 0 else NOT_HELD, "the difference exceeds its margin"
    elif -d > margin:
        found = UNDECIDED, "the difference lies one of several, and within their margin"
    else:
        found = UNDECIDED, "the difference lies within its margin"
    return Verdict(found[0], d, margin, n, found[1])


def together(verdicts: Sequence[Verdict]) -> str:
    """What comparisons come to that must all hold."""
    found = {v.verdict for v in verdicts}
    if found >= {HELD, NOT_HELD}:
        return MIXED
    return next(v for v in (NOT_HELD, UNDECIDED, HELD) if v in found)


@dataclass(frozen=True)
class Comparison:
    """better before worse, by one measure of columns.MEASURES. of_worse: another for that side."""

    better: Side
    worse: Side
    measure: str
    lower_is_better: bool = True
    of_worse: str = ""

    def gains(self, table: pd.DataFrame) -> pd.Series:
        """Seed -> by how much `better` is better, as a logarithm; of the seeds of both sides, but
        for those where one is 0 (no repetition at all, say), which no ratio tells.
        """
        one, two = self._sides(table)
        logs = self.measure.startswith("log ")
        gain = two - one if logs else np.log(two.where(two > 0) / one.where(one > 0))
        return (gain if self.lower_is_better else -gain).dropna()

    def alike_timed(self, table: pd.DataFrame) -> pd.Series:
        """Seed -> whether one machine took both sides' SECONDS; all of them of other measures."""
        one, two = self._sides(table, "machine")
        return one == two.reindex(one.index)

    def _sides(self, table: pd.DataFrame, column: str = "value") -> tuple[pd.Series, pd.Series]:
        one = _values(table, self.better, self.measure, column)
        return one, _values(table, self.worse, self.of_worse or self.measure, column)

    def in_print(self, study: Study, dataset: str) -> str:
        """Whether a paper orders its sides so: "yes", "no", "" where none prints both. The study's
        own tables come first, at last those of data sets that ours stand in for.
        """
        known = [(s, dataset) for s in (study, *STUDIES.values())]
        for s, data in [*known, *((study, other) for other in _others(study))]:
            for place, of in itertools.product(s.tables, PLACES.get(self.measure, ())):
                sides = (self.better, self.worse)
                better, worse = (_printed(s, x, of, data, place) for x in sides)
                if better and worse and better != worse:
                    return "yes" if (better < worse) == self.lower_is_better else "no"
        return ""


def _others(s: Study) -> list[str]:
    """The data sets of its tables that it is not run on."""
    told = {c.data.lower() for place in s.tables for c in papers.table(*place).cells}
    return sorted(told - set(s.datasets))


def _values(table: pd.DataFrame, side: Side, measure: str, column: str = "value") -> pd.Series:
    """Seed -> value; what a training took is of all ways of its model."""
    way = "" if measure in OF_TRAINING else side[1]
    return results.values(table, side[0], way, measure, column)


def _printed(s: Study, side: Side, of: tuple, dataset: str, place: tuple) -> float | None:
    """What one table of a study prints for a side, on a data set, of a metric and frames; None
    where it lacks it.
    """
    metric, frames = of
    names = {v.printed for v in s.variants if (v.contestant, v.way) == side}
    wanted = {(metric, dataset, frames, *name) for name in names if name}
    for c in papers.table(*place).cells if wanted else ():
        if (c.metric, c.data.lower(), c.frames, c.method, c.setting) in wanted:
            return c.value
    return None


@dataclass(frozen=True)
class Claim:
    """One statement. study: whose runs test it, or would. on: the data sets of its source (of our
    questions none, which is any). of_course: so by construction. why_not: it is not tested here.
    """

    text: str
    source: str
    study: str = ""
    comparisons: tuple[Comparison, ...] = ()
    rule: str = "before"
    on: tuple[str, ...] = ()
    of_course: bool = False
    why_not: str = ""

    def verdicts(self, table: pd.DataFrame, tables: int = 1) -> list[Verdict]:
        """Of each comparison, from the results of one data set and preset, which is one of so many
        `tables` that decide together; [] where a comparison has nothing to compare.
        """
        tests = tables * len(self.comparisons)
        found = [self.verdict_of(c, table, tests) for c in self.comparisons]
        return [] if None in found else found

    def known_at(self, preset: str) -> bool:
        """Whether a preset knows all models that it compares, or else those of its study."""
        sides = {name for c in self.comparisons for name, _ in (c.better, c.worse)}
        names = sides or (STUDIES[self.study].contestants if self.study else ())
        return all(contestant(name).known_at(preset) for name in names if name != REAL)

    def verdict_of(self, one: Comparison, table: pd.DataFrame, tests: int = 1) -> Verdict | None:
        """Of one of the comparisons alone, or as one of several; see `decided`. Seconds that
        several machines took do not compare.
        """
        gains = one.gains(table)
        if gains.empty:
            return None
        gains = gains[one.alike_timed(table)[gains.index]]
        if gains.empty:
            return Verdict(UNDECIDED, np.nan, None, 0, APART)
        return decided(gains, self.rule, tests)

    def in_print(self, dataset: str, comparisons: Sequence[Comparison] = ()) -> str:
        """Whether the numbers that the thesis prints for that data set order the sides of these
        comparisons (default: all) so: "yes", "no" for one of them that they do not (they need not,
        whatever its text says), "" where it prints none, or the claim is no order.
        """
        if self.rule != "before" or self.source == "ours":
            return ""
        found = [c.in_print(STUDIES[self.study], dataset) for c in comparisons or self.comparisons]
        return next((told for told in ("no", "yes") if told in found), "")


# ------------------------------------------------------------------------------ those of the file


def _side(named: str, s: Study) -> Side:
    """A row of a study, by its label, "contestant | way", or "real | reference"."""
    name, _, way = named.partition(" | ")
    if name == REAL and way in LABELS:
        return name, way
    for v in s.variants:
        if not way and v.label == name:
            return v.contestant, v.way
    if not way or way not in contestant(name).ways:
        raise InputError(f"{named!r} is no row of {s.name}, and no model and way of drawing codes")
    return name, way


def read(block: Mapping) -> Claim:
    """A claim of studies.toml. Raises InputError for an unknown study, side, measure, data set or
    reason.
    """
    given = dict(block)
    text, source, study = (given.pop(name, "") for name in ("text", "source", "study"))
    try:
        reason, rule = given.pop("why_not", ""), given.pop("rule", "before")
        s = STUDIES[study] if study or not reason else None
        if reason:
            return Claim(text, source, study, why_not=BOOK["why_not"][reason])
        better, worse = _side(given.pop("better"), s), given.pop("worse")
        sides = [_side(w, s) for w in ([worse] if isinstance(worse, str) else worse)]
        higher, of_worse = given.pop("higher", ()), given.pop("of_worse", "")
        measures = higher or given.pop("measures", ("16f", "128f"))
    except KeyError as missing:
        raise InputError(f"studies.toml, claim {text!r}: there is no {missing}") from None
    on = given.pop("on", () if source == "ours" else s.datasets)
    of_course = given.pop("of_course", False)
    wrong = [*given, *({*measures, of_worse or measures[0]} - KNOWN), *({rule} - {*RULES})]
    wrong += {*on} - {*DATASETS}
    if wrong:
        raise InputError(f"studies.toml, claim {text!r}: {wrong[0]!r} is unknown")
    found = [Comparison(better, w, m, not higher, of_worse) for w in sides for m in measures]
    return Claim(text, source, study, tuple(found), rule, tuple(on), of_course)


_ALL = tuple(map(read, BOOK["claim"]))
CLAIMS = tuple(c for c in _ALL if c.source != "ours")
OURS = tuple(c for c in _ALL if c.source == "ours")  # our own: not in the ledger


def claims_of(*names: str) -> list[Claim]:
    """What is claimed of these studies, then our own questions of them."""
    return [c for c in (*CLAIMS, *OURS) if c.study in names and c.comparisons]
