"""The comparative claims of the sources (claims.py), each with the verdict that the result files
give: `python -m rencgan ledger`.

A claim is judged on the data sets of its source, and of each at one preset: that which has most
seeds of it. Files of two presets are never compared with each other. Nothing here is a result:
other files give other verdicts. A verdict is of the stand-ins and of the preset at which the files
were made, not of the published models.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rencgan.core.errors import InputError
from rencgan.studies import results
from rencgan.studies.claims import (
    CHANCE,
    CLAIMS,
    HELD,
    MIXED,
    NOT_HELD,
    SEEDS,
    UNDECIDED,
    Claim,
    Comparison,
    Verdict,
    together,
)

PRESETS = ("hour", "mini")  # of the result files; of as many seeds the first one decides
NOT_HERE, NOT_RUN = "not testable here", "not run on its data yet"
OF_COURSE = "of course"  # before the verdict on what is so by construction
Place = tuple[str, str]  # data set, preset


def files(
    folder: Path = results.RESULTS,
    presets: Sequence[str] = PRESETS,
    source: str = "procedural",
) -> pd.DataFrame:
    """The result files of these presets as one table, in their order."""
    every = dict.fromkeys(presets)
    return pd.concat([results.read(folder, preset=p, source=source) for p in every])


@dataclass(frozen=True)
class Judged:
    """A claim, the verdicts on its comparisons where it is judged, and those elsewhere."""

    claim: Claim
    at: dict[Place, list[Verdict]]
    elsewhere: dict[Place, list[Verdict]]

    @property
    def verdicts(self) -> list[Verdict]:
        return [v for found in self.at.values() for v in found]


def judged(table: pd.DataFrame, claims: Sequence[Claim] = CLAIMS) -> list[Judged]:
    """Every claim: on those data sets of its source that have SEEDS seeds, or else on the one that
    has most; of each data set at the preset that has most.
    """
    places = dict(list(table.groupby(["dataset", "preset"], sort=False)))
    return [_judged(claim, places) for claim in claims]


def _judged(claim: Claim, places: Mapping[Place, pd.DataFrame]) -> Judged:
    found = {p: verdicts for p, of in places.items() if (verdicts := claim.verdicts(of))}
    best = {d: _best(found, d) for d, _ in found if d in (claim.on or (d,))}
    best = dict(sorted(best.items(), key=lambda item: -_seeds(found[item[1]])))
    at = [p for p in best.values() if _seeds(found[p]) >= SEEDS] or list(best.values())[:1]
    others = {p: verdicts for p, verdicts in found.items() if p not in at}
    return Judged(claim, {p: claim.verdicts(places[p], len(at)) for p in at}, others)


def _best(found: Mapping[Place, Sequence[Verdict]], dataset: str) -> Place | None:
    """The place of a data set that has most seeds, the first of as many; None where none has."""
    own = [place for place in found if place[0] == dataset]
    return max(own, key=lambda place: _seeds(found[place]), default=None)


def _seeds(verdicts: Sequence[Verdict]) -> int:
    return min((v.seeds for v in verdicts), default=0)


# --------------------------------------------------------------------------------------- as a table


def rows(table: pd.DataFrame, claims: Sequence[Claim] = CLAIMS) -> list[dict]:
    """The ledger: a row a claim.

    comparisons  of each: by how many per cent the number of the side that is claimed to be worse is
                 larger (of jumps: further from real video's; where more is better: that of the side
                 that is claimed to be better), with
                 the ends of its margin; where there are several, the verdict on each
    lacks        how many seeds its study has yet to be run with, on which data
    elsewhere    in brief, what the other data sets and presets say
    """
    return [_row(j) for j in judged(table, claims)]


def _row(j: Judged) -> dict:
    claim, datasets = j.claim, tuple(d for d, _ in j.at) or j.claim.on
    row = {"claim": claim.text, "source": claim.source, "study": claim.study}
    row |= {"verdict": UNDECIDED, "comparisons": "", "seeds": 0, "where": ""}
    row |= {"so printed": "", "why": NOT_RUN, "lacks": "", "elsewhere": ""}
    if claim.why_not:
        return row | {"verdict": NOT_HERE, "why": claim.why_not}
    row |= {"so printed": _printed(claim, datasets), "lacks": _lacks(j)}
    row["elsewhere"] = "; ".join(f"{_named(p)}: {_brief(v)}" for p, v in j.elsewhere.items())
    if not j.at:
        return row
    verdict = together(j.verdicts)
    why = next((v.why for v in j.verdicts if v.verdict == verdict), "its comparisons point apart")
    row |= {"verdict": f"{OF_COURSE}, {verdict}" if claim.of_course else verdict, "why": why}
    row |= {"seeds": _seeds(j.verdicts), "where": ", ".join(map(_named, j.at))}
    return row | {"comparisons": "; ".join(_told(j))}


def _printed(claim: Claim, datasets: Sequence[str]) -> str:
    """Whether the printed numbers show it, of every data set that they say otherwise of."""
    printed = {d: told for d in datasets if (told := claim.in_print(d))}
    same = {*printed.values()}
    return same.pop() if len(same) == 1 else ", ".join(map(" ".join, printed.items()))


def _named(place: Place) -> str:
    return " at ".join(place)


def _told(j: Judged) -> Iterator[str]:
    """Every comparison of a claim, with its own verdict where there are several."""
    several = len(j.verdicts) > 1
    for (dataset, _), verdicts in j.at.items():
        for one, v in zip(j.claim.comparisons, verdicts, strict=True):
            told = f"{one.measure}{_against(j.claim, one)}: {_gain(v)}"
            told = f"{dataset}, {told}" if len(j.at) > 1 else told
            yield f"{told}, {v.verdict}" if several else told


def _against(claim: Claim, one: Comparison, told: str = "") -> str:
    """Which of several others a comparison is with."""
    return f" ({told}{one.worse[0]})" if len({c.worse for c in claim.comparisons}) > 1 else ""


def _lacks(j: Judged) -> str:
    """How many seeds each data set of the source lacks, at the preset that has most."""
    found = j.at | j.elsewhere
    usual = next((p for p in reversed(PRESETS) if j.claim.known_at(p)), PRESETS[0])
    best = {d: _best(found, d) or (d, usual) for d in j.claim.on}
    missing = {p: SEEDS - _seeds(found.get(p, ())) for p in best.values() if not j.claim.of_course}
    return ", ".join(f"{n} on {_named(place)}" for place, n in missing.items() if n > 0)


def _brief(verdicts: Sequence[Verdict]) -> str:
    gains = ", ".join(f"{_percent(v.gain)} %" if v.seeds else v.why for v in verdicts)
    return f"{together(verdicts)}, {gains}, {_seeds(verdicts)} seed(s)"


def _gain(v: Verdict) -> str:
    """In per cent, with the ends of its margin; why there is none."""
    if not v.seeds:
        return v.why
    if v.margin is None:
        return f"{_percent(v.gain)} %"
    low, high = (_percent(v.gain + side * v.margin) for side in (-1, 1))
    return f"{_percent(v.gain)} % ({low} to {high})"


def _percent(log: float) -> str:
    value = 100 * np.expm1(log)
    return f"{value:+.1f}" if abs(value) < 2 else f"{value:+.0f}"


# --------------------------------------------------------------------------------- what it comes to


def count(table: Sequence[Mapping]) -> dict[str, int]:
    """Claims by verdict; those not run yet are undecided, and what is so by construction stands
    apart.
    """
    found = Counter(row["verdict"].partition(",")[0] for row in table)
    return {n: found[n] for n in (HELD, MIXED, NOT_HELD, UNDECIDED, NOT_HERE, OF_COURSE)}


def counted(table: Sequence[Mapping]) -> str:
    """The count in two sentences."""
    found = count(table)
    open_ones = [row for row in table if row["verdict"] == UNDECIDED]
    not_run = sum(row["why"] == NOT_RUN for row in open_ones)
    single = sum(0 < row["seeds"] < SEEDS for row in open_ones)
    decided = [row for row in table if row["verdict"] in (HELD, MIXED, NOT_HELD)]
    part = sum(bool(row["lacks"]) for row in decided)
    return (
        f"{len(table)} claims: {found[HELD]} held, {found[MIXED]} mixed, {found[NOT_HELD]} did not "
        f"hold ({part} on part of their data), {found[UNDECIDED]} undecided ({single} lack seeds, "
        f"{not_run} not run), {found[NOT_HERE]} not testable here, {found[OF_COURSE]} so by "
        f"construction. {_able(table)} have {SEEDS} seeds."
    )


def _able(table: Sequence[Mapping]) -> int:
    return sum(row["seeds"] >= SEEDS and OF_COURSE not in row["verdict"] for row in table)


def summary(table: Sequence[Mapping]) -> str:
    """The count, and how much of it may be chance."""
    return f"{counted(table)} Chance alone would decide about {CHANCE * _able(table):.0f} of these."


def limits(found: Sequence[Judged]) -> str:
    """What so few seeds can show, by the margins of the orders that they judge; "" for none."""
    orders = (j for j in found if j.claim.rule == "before" and not j.claim.of_course)
    margins = [v.margin for j in orders for v in j.verdicts if v.seeds == SEEDS]
    if not margins:
        return ""
    half = 100 * np.expm1(np.median(margins))
    return (
        f"{SEEDS} seeds show an order whose mean difference exceeds 2 % and 1.7 times its standard "
        f"deviation over seeds (of half of the orders above: {half:.0f} %). They cannot show that "
        "a smaller difference is absent: undecided is not equal. And they say nothing of other "
        "data, sizes or longer trainings."
    )


def details(table: pd.DataFrame, claims: Sequence[Claim]) -> list[dict]:
    """Of the results of one data set, a row for every comparison of the claims that has results:
    its measure, whether the printed numbers order the two so, its own verdict, and its gain.
    """
    found = []
    for claim, one in ((c, one) for c in claims for one in c.comparisons):
        if v := claim.verdict_of(one, table):
            row = {"claim": claim.text + _against(claim, one, "here: ")}
            row |= {"source": claim.source, "measure": one.measure}
            row |= {"so printed": claim.in_print(table.dataset.iloc[0], [one]), "here": v.verdict}
            found.append(row | {"rule": claim.rule, "gain": _gain(v), "seeds": v.seeds})
    return found


def by_chance(table: Sequence[Mapping]) -> str:
    """How many rows of `details` are decided, and how many chance would decide, were there no
    differences anywhere.
    """
    able = [row for row in table if row["seeds"] >= SEEDS and row["rule"] == "before"]
    decided = sum(row["here"] != UNDECIDED for row in able)
    if not able:
        return ""
    return (
        f"{decided} of {len(able)} orderings are decided; chance alone would decide about "
        f"{CHANCE * len(able):.0f}."
    )


def whole(table: pd.DataFrame) -> str:
    """Every claim, then the count and what it can say, as Markdown. Raises InputError for none."""
    if table.empty:
        raise InputError(
            "that folder holds no results at these presets; python -m rencgan compare makes them"
        )
    found = judged(table)
    table_of = [_row(j) for j in found]
    return f"{results.as_markdown(table_of)}\n{summary(table_of)} {limits(found)}".strip()
