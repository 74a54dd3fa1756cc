"""The published results as tables and verdicts: `python -m rencgan.results`.

Reads what `rencgan.compare` wrote. Nothing is stored here: other files give other rows and other
verdicts.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rencgan.compare import RESULTS
from rencgan.contestants import CONTESTANTS
from rencgan.errors import InputError
from rencgan.verdicts import Verdict, ordering

METRIC = "FVD (compact)"
WAYS = ("sample", "mean", "VDrej")


def _score(name: str) -> Callable[[dict], float | None]:
    return lambda way: next((s["value"] for s in way["scores"] if s["name"] == name), None)


def _long(name: str) -> Callable[[dict], float | None]:
    return lambda way: way.get("long", {}).get(name)


# Column -> where it stands in one way of a result file.
MEASURES: dict[str, Callable[[dict], float | None]] = {
    "16f": _score(f"{METRIC} 16f"),
    "128f": _score(f"{METRIC} 128f"),
    "ratio": _score(f"{METRIC} 16f / {METRIC} 128f"),
    "end": _long(f"{METRIC} 16f, end"),
    "seam ratio": _long("seam ratio"),
    "motion": _long("motion"),
    "drift": _long("drift"),
    "repetition": _long("repetition"),
    "s for 1000": lambda way: way["seconds for 1000 frames"],
}
OFF = "seam, off 1"  # how far the seam ratio lies from that of a video without junctions
REAL = ("seam ratio", "motion", "drift", "repetition")  # those that real video has too
DIGITS = {"16f": 1, "128f": 1, "end": 1, "s for 1000": 1, "motion": 3, "drift": 3}


def read(folder: Path = RESULTS, dataset: str | None = None, preset: str = "mini") -> list[dict]:
    """The result files of a preset (and of one data set), sorted as the contestants are."""
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except json.JSONDecodeError:
            raise InputError(f"{path.name} is no JSON; make it anew with rencgan.compare") from None
        if content.get("preset") == preset and dataset in (None, content["dataset"]):
            found.append(content)
    order = list(CONTESTANTS)
    known = [f for f in found if f["contestant"] in order]
    return sorted(known, key=lambda f: (order.index(f["contestant"]), f["seed"]))


def values(files: Sequence[dict], name: str, way: str, measure: str) -> dict[int, float]:
    """Seed -> value of a measure (or OFF), of the files that have it."""
    if measure == OFF:
        ratios = values(files, name, way, "seam ratio")
        return {seed: abs(ratio - 1) for seed, ratio in ratios.items()}
    found = {}
    for f in files:
        if f["contestant"] == name and way in f["ways"]:
            value = MEASURES[measure](f["ways"][way])
            if value is not None:
                found[f["seed"]] = value
    return found


def rows(files: Sequence[dict]) -> list[dict]:
    """The table of one data set: real video, then every contestant and way, means over seeds and
    their standard deviation.
    """
    table = [{"videos": "real", "prior": "", "seeds": len({f["seed"] for f in files})}]
    table[0] |= {m: "" for m in MEASURES} | {m: _told(_of_real(files, m), m) for m in REAL}
    for name in dict.fromkeys(f["contestant"] for f in files):
        for way in WAYS:
            found = {m: values(files, name, way, m) for m in MEASURES}
            if not found["128f"]:
                continue
            prior = next(f["prior"] for f in files if f["contestant"] == name)
            row = {"videos": f"{name}, {way}", "prior": prior, "seeds": len(found["128f"])}
            table.append(row | {m: _told(list(v.values()), m) for m, v in found.items()})
    return table


def _of_real(files: Sequence[dict], measure: str) -> list[float]:
    """One value a seed: all contestants of a seed are compared with the same videos."""
    found = {f["seed"]: f["real"][measure] for f in files if f["kind"] == "r2"}
    return [v for v in found.values() if v is not None]


def _told(numbers: Sequence[float], measure: str) -> str:
    if not len(numbers):
        return ""
    digits = DIGITS.get(measure, 2)
    spread = f" ± {np.std(numbers, ddof=1):.{digits}f}" if len(numbers) > 1 else ""
    return f"{np.mean(numbers):.{digits}f}{spread}"


# ------------------------------------------------------------------------------- claimed orderings


@dataclass(frozen=True)
class Claim:
    """An ordering that the sources claim: (contestant, way) before (contestant, way)."""

    text: str
    source: str
    better: tuple[str, str]
    worse: tuple[str, str]
    measure: str = "128f"
    lower_is_better: bool = True

    def verdict(self, files: Sequence[dict]) -> Verdict | None:
        """None where a side has no results."""
        sides = [values(files, *side, self.measure) for side in (self.better, self.worse)]
        if not set(sides[0]) & set(sides[1]):
            return None
        return ordering(*sides, self.lower_is_better)


def _ways(model: str, better: str, worse: str, source: str) -> list[Claim]:
    text = f"{model}: {_way(better)} before {_way(worse)}"
    return [Claim(text, source, (model, better), (model, worse), m) for m in ("16f", "128f")]


def _way(way: str) -> str:
    return {"sample": "plain sampling", "mean": "the mean"}.get(way, way)


S = "sample"
CLAIMS = [
    *(
        Claim(f"{name} before R2", "thesis, table 5.6", (name, S), ("R2", S), m)
        for name in ("improved R2", "improved R2, equal time")
        for m in ("16f", "128f")
    ),
    *(
        Claim(f"R2 before {name}", "thesis, figure 4.12", ("R2", S), (name, S), m)
        for name in ("LEncGAN", "LEncGAN, equal pairs")
        for m in ("16f", "128f", OFF)
    ),
    *_ways("AR2", "VDrej", "mean", "thesis, table 5.8"),
    *_ways("AR2", "mean", S, "thesis, table 5.8"),
    *_ways("R2", "VDrej", S, "thesis, section 4.4"),
    *(
        Claim(
            f"recall keeps the ratio higher: {name} before LEncGAN",
            "thesis, table 5.5",
            (name, S),
            ("LEncGAN", S),
            "ratio",
            lower_is_better=False,
        )
        for name in ("R2", "improved R2")
    ),
]
# Not the thesis's: what training AR2 on its own flaws buys.
OURS = [
    Claim(f"{name.partition(', ')[2]}: AR2+ before AR2", "ours", (name, S), ("AR2", S), m)
    for name in ("AR2+, noise", "AR2+, roll-outs")
    for m in ("128f", "end", OFF)
]


def verdict_rows(files: Sequence[dict], claims: Sequence[Claim]) -> list[dict]:
    """Rows: each claim that has results, its measure, its verdict, and the numbers behind it."""
    table = []
    for claim in claims:
        v = claim.verdict(files)
        if v is None:
            continue
        digits = DIGITS.get(claim.measure, 2)
        margin = "" if v.margin is None else f" ± {v.margin:.{digits}f}"
        table.append(
            {
                "claim": claim.text,
                "source": claim.source,
                "measure": claim.measure,
                "verdict": v.verdict,
                "gain": f"{v.gain:.{digits}f}{margin}",
                "seeds": v.seeds,
            }
        )
    return table


def as_markdown(table: Sequence[Mapping]) -> str:
    """Rows as a table that a README can hold; "" for none."""
    if not table:
        return ""
    names = list(table[0])
    lines = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    lines += [f"| {' | '.join(str(row[n]) for n in names)} |" for row in table]
    return "\n".join(lines)


MARKS = ("<!-- results -->", "<!-- /results -->")


def page(files: Sequence[dict]) -> str:
    """The tables of all data sets, as Markdown."""
    parts = []
    for dataset in dict.fromkeys(f["dataset"] for f in files):
        of = [f for f in files if f["dataset"] == dataset]
        parts += [f"**{dataset}, {of[0]['preset']}**", as_markdown(rows(of))]
        parts.append(as_markdown(verdict_rows(of, CLAIMS + OURS)))
    return "\n\n".join(part for part in parts if part)


def into(text: str, tables: str) -> str:
    """A text with the tables between its marks; raises InputError where it has none."""
    head, mark, rest = text.partition(MARKS[0])
    _, end, tail = rest.partition(MARKS[1])
    if not mark or not end:
        raise InputError(f"there are no lines {MARKS[0]} and {MARKS[1]} to put the tables between")
    return f"{head}{MARKS[0]}\n{tables}\n{MARKS[1]}{tail}"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="rencgan.results", description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, default=RESULTS)
    parser.add_argument("--preset", default="mini")
    parser.add_argument("--into", type=Path, help="a file whose marked lines are replaced")
    o = parser.parse_args(argv)
    files = read(o.folder, preset=o.preset)
    if not files:
        raise InputError(f"{o.folder} holds no results at {o.preset}; rencgan.compare makes them")
    if o.into is None:
        print(page(files))
    else:
        o.into.write_text(into(o.into.read_text(encoding="utf-8"), page(files)), encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        raise SystemExit(f"{error}") from None
