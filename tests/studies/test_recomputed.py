"""Every decided claim once more, from the JSON files alone: no table, no rule of the package."""

import copy
import json

import numpy as np
import pytest
from scipy import stats

from rencgan.studies import ledger, results
from rencgan.studies.claims import CLAIMS, OURS

FVD = "FVD (compact)"
LONG = {  # what the claims ask of long videos
    "16f, first 128": f"{FVD} 16f, start",
    "16f, last 128": f"{FVD} 16f, end",
    **{name: name for name in ("motion", "repetition", "jump")},
}


def number(file: dict, way: str, measure: str) -> float:
    if measure == "train ms a clip":
        told = file["training"]
        return 1000 * told["processor seconds"] / (told.get("clips") or 2 * told["pairs"])
    if measure.endswith(" to best"):
        told = file["training"]
        whole = told["clips" if measure.startswith("clips") else "processor seconds"]
        return whole * told["best moment"]["step"] / told["steps"]
    kept = file["ways"][way]
    if measure.startswith("log "):
        return abs(np.log(kept["long"][measure.removeprefix("log ")]))
    if measure in LONG:
        return kept["long"][LONG[measure]]
    if measure == "s for 1000":  # counts where all ways were timed in one go
        assert len(file["ways"]) == 1 or set(file["timed together"]["ways"]) == set(file["ways"])
        return kept["seconds for 1000 frames"]
    if measure.startswith("clip "):
        return kept["clips"][measure.removeprefix("clip ")]
    if measure == "diversity":
        return kept["diversity"]
    if measure == "motion distance":  # from the first frame that is the model's own
        (found,) = kept.get(f"{measure} from frame 8") or kept[measure]
        return found["value"]
    length, _, own = measure.partition(", ")
    place = "scores from frame 8" if own == "own" and "scores from frame 8" in kept else "scores"
    place = "scores of every 4th frame" if own == "every 4th" else place
    name = f"{FVD} 16f / {FVD} 128f" if length == "ratio" else f"{FVD} {length}"
    return next(s["value"] for s in kept[place] if s["name"] == name)


def processor(file: dict, measure: str) -> str:
    """Where seconds were taken: no other machine's compare with them."""
    way = next(iter(file["ways"].values()))
    if measure == "s for 1000":
        return file.get("timed together", way)["provenance"]["device"]["cpu"]
    return file["training"].get("machine") or way["provenance"]["device"]["cpu"]


def gains(one, files: dict) -> list[float]:
    """Of one comparison, a seed each; files: (contestant, seed) -> file."""
    found = []
    for name, seed in files:
        sides = (files.get((side[0], seed)) for side in (one.better, one.worse))
        if name != one.better[0] or None in (sides := list(sides)):
            continue
        try:
            a = number(sides[0], one.better[1], one.measure)
            b = number(sides[1], one.worse[1], one.of_worse or one.measure)
        except (KeyError, StopIteration, TypeError, AssertionError):  # what a file lacks
            continue
        seconds = one.measure == "s for 1000" or one.measure.startswith(("train ", "processor "))
        if seconds and len({processor(side, one.measure) for side in sides}) > 1:
            continue
        gain = b - a if one.measure.startswith("log ") else np.log(b / a)
        found.append(gain if one.lower_is_better else -gain)
    return found


def shown(g: list[float], rule: str, tests: int) -> str:
    def p(of: float, side: str) -> float:
        return stats.ttest_1samp(g, of, alternative=side).pvalue

    mean, ten, two = np.mean(g), np.log(1.1), np.log(1.02)
    if rule == "alike":
        held = p(-ten, "greater") <= 0.05 and p(ten, "less") <= 0.05
        lost = p(ten, "greater") < 0.05 / tests or p(-ten, "less") < 0.05 / tests
    elif rule == "no worse":
        held, lost = p(-ten, "greater") <= 0.05, p(-ten, "less") < 0.05 / tests
    else:
        held = p(0, "greater") < 0.05 and mean > two
        lost = p(0, "less") < 0.05 / tests and mean < -two
    return "held" if held else "did not hold" if lost else "undecided"


def recomputed(j: ledger.Judged, every: dict) -> str:
    tests, found = len(j.at) * len(j.claim.comparisons), set()
    for place in j.at:
        for one in j.claim.comparisons:
            g = gains(one, every[place])
            assert len(g) >= 3, (j.claim.text, place, one)
            found.add(shown(g, j.claim.rule, tests))
    if found >= {"held", "did not hold"}:
        return "mixed"
    return next(v for v in ("did not hold", "undecided", "held") if v in found)


@pytest.fixture(scope="module")
def every() -> dict:
    """(data set, preset) -> (contestant, seed) -> file."""
    found: dict = {}
    for path in results.RESULTS.glob("*.json"):
        f = json.loads(path.read_text(encoding="utf-8"))
        if f["source"] == "procedural":
            place = found.setdefault((f["dataset"], f["preset"]), {})
            place[f["contestant"], f["seed"]] = f
    return found


def test_every_claim_with_three_seeds_comes_to_the_same_from_the_files_alone(every):
    table, claims = ledger.files(), (*CLAIMS, *OURS)
    found = [j for j in ledger.judged(table, claims) if j.at]
    rows = {row["claim"]: row for row in ledger.rows(table, claims)}
    able = [j for j in found if rows[j.claim.text]["seeds"] >= 3]
    told = {j.claim.text: rows[j.claim.text]["verdict"].removeprefix("of course, ") for j in able}
    assert told == {j.claim.text: recomputed(j, every) for j in able}
    assert {"held", "did not hold", "undecided"} <= set(told.values()) and len(told) >= 18
    decided = [r for r in rows.values() if r["verdict"] in ("held", "mixed", "did not hold")]
    assert {r["claim"] for r in decided} <= set(told)


def test_it_would_see_a_number_that_was_changed(every):
    j = next(j for j in ledger.judged(ledger.files()) if j.claim.text == "Improved R2 before AR2")
    assert recomputed(j, every) in ("held", "undecided")
    changed = copy.deepcopy(every)
    for files in changed.values():
        for (name, _), f in files.items():
            for score in f["ways"]["sample"]["scores"] if name == "AR2" else ():
                score["value"] /= 10
    assert recomputed(j, changed) == "did not hold"
