"""The comparative claims of the thesis and of the ICIP paper (claims.py), each with the verdict
that the result files give: `python -m rencgan ledger`.

Nothing here is a result: other files give other verdicts. A verdict is of the stand-ins and of the
preset at which the files were made, not of the published models.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from rencgan.studies import results
from rencgan.studies.claims import CHANCE, CLAIMS, HELD, NOT_HELD, SEEDS, UNDECIDED, Claim, Verdict

NOT_HERE = "not testable here"
NOT_RUN = "not run yet"


def rows(table: pd.DataFrame, claims: Sequence[Claim] = CLAIMS) -> list[dict]:
    """The ledger: a row a claim, with its verdict on the data set that has most seeds of it (of as
    many, the first in the table), where that is, and in brief what the others say. Claims about
    models that the table's presets do not know are left out. gain: by how many per cent the number
    of the side that is claimed to be worse is larger (of jumps: further from real video's; where
    more is better: smaller), in the comparison that decides.
    """
    presets = table.preset.unique()
    return [_judged(c, table) for c in claims if not len(presets) or any(map(c.known_at, presets))]


def _judged(claim: Claim, table: pd.DataFrame) -> dict:
    row = {"claim": claim.text, "source": claim.source, "study": claim.study}
    row |= {"verdict": UNDECIDED, "gain": "", "seeds": 0, "where": "", "so printed": ""}
    row |= {"why": NOT_RUN, "elsewhere": ""}
    if claim.why_not:
        return row | {"verdict": NOT_HERE, "why": claim.why_not}
    found = {d: claim.verdict(of) for d, of in table.groupby("dataset", sort=False)}
    found = {d: v for d, v in found.items() if v}
    if not found:
        return row
    dataset = max(found, key=lambda d: found[d].seeds)  # the first of as many
    best, first = found.pop(dataset), table[table.dataset == dataset].iloc[0]
    row |= {"verdict": best.verdict, "gain": _gain(best), "seeds": best.seeds, "why": best.why}
    row |= {"where": f"{first.preset}, {first.source} {dataset}"}
    row |= {"so printed": claim.in_print(dataset)}
    others = (
        f"{d}: {v.verdict}, {_percent(v.gain)} %, {v.seeds} seed(s)" for d, v in found.items()
    )
    return row | {"elsewhere": "; ".join(others)}


def _gain(v: Verdict) -> str:
    """In per cent, with the ends of its margin."""
    if v.margin is None:
        return f"{_percent(v.gain)} %"
    low, high = (_percent(v.gain + side * v.margin) for side in (-1, 1))
    return f"{_percent(v.gain)} % ({low} to {high})"


def _percent(log: float) -> str:
    value = 100 * np.expm1(log)
    return f"{value:+.1f}" if abs(value) < 2 else f"{value:+.0f}"


def count(table: Sequence[Mapping]) -> dict[str, int]:
    """Claims by verdict; those not run yet are undecided."""
    found = Counter(row["verdict"] for row in table)
    return {name: found[name] for name in (HELD, NOT_HELD, UNDECIDED, NOT_HERE)}


def summary(table: Sequence[Mapping]) -> str:
    """The count in a sentence."""
    found = count(table)
    not_run = sum(row["why"] == NOT_RUN for row in table)
    single = sum(row["verdict"] == UNDECIDED and 0 < row["seeds"] < SEEDS for row in table)
    able = sum(row["seeds"] >= SEEDS for row in table)
    return (
        f"{len(table)} claims: {found[HELD]} held, {found[NOT_HELD]} did not hold, "
        f"{found[UNDECIDED]} are undecided ({single} of them for want of seeds, {not_run} not run "
        f"yet), {found[NOT_HERE]} are not testable here. {able} have {SEEDS} seeds; of so many, "
        f"chance alone would decide about {CHANCE * able:.0f} at most."
    )


def details(table: pd.DataFrame, claims: Sequence[Claim]) -> list[dict]:
    """Of the results of one data set, a row for every comparison of the claims that has results:
    its measure, whether the printed numbers order the two so, its own verdict, and its gain.
    """
    found = []
    for claim, one in ((c, one) for c in claims for one in c.comparisons):
        if v := claim.verdict_of(one, table):
            several = len({c.worse for c in claim.comparisons}) > 1
            against = f" (here: {one.worse[0]})" if several else ""
            row = {"claim": claim.text + against, "source": claim.source, "measure": one.measure}
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
    """Every claim, then the count, as Markdown."""
    found = rows(table)
    return f"{results.as_markdown(found)}\n{summary(found)}"
