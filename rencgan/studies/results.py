"""The published results as tables: `python -m rencgan.studies.results`.

Reads what `rencgan.studies.runs` wrote. Nothing is stored here: other files give other rows.
Verdicts on them: ledger.py.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from rencgan.core.errors import InputError
from rencgan.evaluate.scores import same_card
from rencgan.studies.runs import RESULTS, are_timed
from rencgan.studies.variants import CLIP_WAYS, COMPARED, CONTESTANTS, LENGTHS, WAYS

METRIC = "FVD (compact)"
REAL = "real"
OWN_FVDS = ("16f, own", "128f, own")
OWN = "scores from frame 8"  # in the files of R3


def _score(name: str) -> Callable[[dict], float | None]:
    return lambda way: next((s["value"] for s in way["scores"] if s["name"] == name), None)


def _own(length: str) -> Callable[[dict], float | None]:
    """From the first frame that is the model's own: of R3 the ninth, of all others the first."""

    def found(way: dict) -> float | None:
        scores = way.get(OWN, way["scores"])
        return next((s["value"] for s in scores if s["name"] == f"{METRIC} {length}"), None)

    return found


def _every_4th(name: str) -> Callable[[dict], float | None]:
    """Of what was made at every fourth frame (its file holds 16 and 32 frames alone), or of every
    fourth frame of what was made.
    """

    def found(way: dict) -> float | None:
        scores = way.get("scores of every 4th frame")
        if scores is None and any(s["name"] == f"{METRIC} 128f" for s in way["scores"]):
            return None
        return next((s["value"] for s in scores or way["scores"] if s["name"] == name), None)

    return found


def _long(name: str) -> Callable[[dict], float | None]:
    return lambda way: way.get("long", {}).get(name)


# Column -> where it stands in one way of a result file.
MEASURES: dict[str, Callable[[dict], float | None]] = {
    "16f": _score(f"{METRIC} 16f"),
    "128f": _score(f"{METRIC} 128f"),
    "ratio": _score(f"{METRIC} 16f / {METRIC} 128f"),
    "16f, own": _own("16f"),
    "128f, own": _own("128f"),
    "16f, last 128": _long(f"{METRIC} 16f, end"),
    "jump": _long("jump"),
    "seam ratio": _long("seam ratio"),
    "motion": _long("motion"),
    "drift": _long("drift"),
    "repetition": _long("repetition"),
    "s for 1000": lambda way: way.get("seconds for 1000 frames"),
}
# Of single studies; not in the table of the comparison.
OTHER_MEASURES: dict[str, Callable[[dict], float | None]] = {
    "16f, every 4th": _every_4th(f"{METRIC} 16f"),
    "32f, every 4th": _every_4th(f"{METRIC} 32f"),
    **{f"{n}f": _score(f"{METRIC} {n}f") for n in LENGTHS if n not in (16, 128)},
    "16f, first 128": _long(f"{METRIC} 16f, start"),
    "clip motion": lambda way: way.get("clips", {}).get("motion"),
    "clip sharpness": lambda way: way.get("clips", {}).get("sharpness"),
}
DIGITS = dict.fromkeys(("16f, every 4th", "32f, every 4th", "16f, first 128"), 1)
DIGITS |= dict.fromkeys((f"{n}f" for n in LENGTHS), 1)
DIGITS |= dict.fromkeys(("16f, own", "128f, own", "16f, last 128", "s for 1000"), 1)
DIGITS |= dict.fromkeys(("motion", "clip motion", "clip sharpness"), 4)
DIGITS |= dict.fromkeys(("drift", "error", "last kept", "energy", "likelihood"), 3)


def read(
    folder: Path = RESULTS,
    dataset: str | None = None,
    preset: str = "mini",
    source: str = "procedural",
) -> list[dict]:
    """The result files of a preset and source (and of one data set), sorted as the contestants are.

    Raises InputError for files that are no results, and for those that do not go into one table:
    compared with other videos, by other rules, or trained by other recipes.
    """
    found = []
    for path in sorted(folder.glob("*.json")):
        content = _content(path)
        if (content["preset"], content["source"]) == (preset, source):
            found += [content] if dataset in (None, content["dataset"]) else []
    order = [REAL, *CONTESTANTS]
    known = [f for f in found if f["contestant"] in order]
    _check_recipes(known)
    _check_cards(known)
    return sorted(known, key=lambda f: (order.index(f["contestant"]), f["seed"]))


def _content(path: Path) -> dict:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError:
        raise InputError(
            f"{path.name} is no JSON; make it anew with rencgan.studies.runs"
        ) from None
    needed = {"contestant", "dataset", "preset", "source", "seed", "ways"}
    if not isinstance(content, dict) or not needed <= set(content):
        raise InputError(f"{path.name} holds no results of rencgan.studies.runs; keep it elsewhere")
    return content


def _check_recipes(files: Sequence[dict]) -> None:
    """All files have one task, and all seeds of a contestant one recipe."""
    first: dict[tuple, tuple] = {}
    for f in files:
        told = {str(w["provenance"].get("preset")) for w in f["ways"].values() if "provenance" in w}
        recipe = (str(f.get("switches")), *sorted(told))
        same = {("task",): f.get("task"), ("recipe", f["dataset"], f["contestant"]): recipe}
        for place, value in same.items():
            name, other = first.setdefault(place, (_name(f), value))
            if other != value:
                raise InputError(
                    f"{name} and {_name(f)} do not go into one table: "
                    f"they are of another {place[0]}"
                )


def _check_cards(files: Sequence[dict]) -> None:
    """All scores of one data set, seed and length have one card but for the generated videos; those
    of single clips, and of every fourth frame, are compared among themselves.
    """
    first: dict[tuple, tuple[str, dict]] = {}
    for f in files:
        for codes, way in f["ways"].items():
            apart = (codes in CLIP_WAYS, f.get("step", 1))
            for score in way["scores"]:
                place = (f["dataset"], f["seed"], score["name"], apart)
                name, card = first.setdefault(place, (f["contestant"], score["card"]))
                if difference := same_card(card, score["card"]):
                    raise InputError(
                        f"{name} and {f['contestant']} ({place[0]}, seed {place[1]}) do not go "
                        f"into one table: they differ in {difference}"
                    )


def _name(f: dict) -> str:
    return f"{f['contestant']} ({f['dataset']}, seed {f['seed']})"


def values(files: Sequence[dict], name: str, way: str, measure: str) -> dict[int, float]:
    """Seed -> value of a measure, or the mean |log| of "jump" or "seam ratio" where that is asked
    for as "log jump" or "log seam ratio", of the files that have it. Seconds count only where those
    of all ways of a file were taken together.
    """
    if measure.startswith("log "):
        plain = values(files, name, way, measure.removeprefix("log "))
        return {seed: abs(float(np.log(max(v, 1e-6)))) for seed, v in plain.items()}
    found = {}
    for f in files:
        timed = measure != "s for 1000" or are_timed(f)  # else the machine's load is compared
        if f["contestant"] == name and way in f["ways"] and timed:
            value = (MEASURES | OTHER_MEASURES)[measure](f["ways"][way])
            if value is not None:
                found[f["seed"]] = value
    return found


def rows(files: Sequence[dict]) -> list[dict]:
    """The table of one data set: every contestant and way, means over seeds and their standard
    deviation. First "real": other unseen videos in a contestant's place.
    """
    table = []
    own = any(f.get("kind") == "r3" for f in files)  # else both would stand there twice
    shown = [m for m in MEASURES if own or m not in OWN_FVDS]
    for name in dict.fromkeys(f["contestant"] for f in files):
        for way in dict.fromkeys(w for f in files if f["contestant"] == name for w in f["ways"]):
            found = {m: values(files, name, way, m) for m in shown}
            row = {"videos": f"{name}, {way}"}
            row["prior"] = next(f.get("prior") for f in files if f["contestant"] == name) or ""
            row["seeds"] = len(found["motion"] or found["128f"])
            row["train s"] = _seconds(files, name)
            table.append(row | {m: told(list(v.values()), m) for m, v in found.items()})
    order = {way: i for i, way in enumerate(WAYS)}
    names = list(dict.fromkeys(f["contestant"] for f in files))
    place = {r["videos"]: (_index(names, r["videos"]), order.get(_way_of(r), 0)) for r in table}
    return sorted(table, key=lambda r: place[r["videos"]])


def _way_of(row: dict) -> str:
    return row["videos"].rpartition(", ")[2]


def _index(names: Sequence[str], videos: str) -> int:
    return names.index(videos.rpartition(", ")[0])


def _seconds(files: Sequence[dict], name: str) -> str:
    """Mean training time over seeds; of R3 with its R2."""
    told = [f["training"] for f in files if f["contestant"] == name and "training" in f]
    each = [[t["seconds"], t.get("R2", {"seconds": 0})["seconds"]] for t in told]
    known = [sum(seconds) for seconds in each if None not in seconds]
    return f"{np.mean(known):.0f}" if known else ""


def told(numbers: Sequence[float], measure: str) -> str:
    """Their mean, and their standard deviation where there are several; "" for none."""
    if not len(numbers):
        return ""
    digits = DIGITS.get(measure, 2)
    spread = f" ± {np.std(numbers, ddof=1):.{digits}f}" if len(numbers) > 1 else ""
    return f"{np.mean(numbers):.{digits}f}{spread}"


# ------------------------------------------------------------------------------- single questions

S = "sample"
ROBUST, FASTER, REGRESSION = "robust sample", "faster sample", "R3, regression"


def compared(files: Sequence[dict]) -> list[dict]:
    """Those of the comparison and of real video, without single ablations."""
    return [f for f in files if f["contestant"] == REAL or f["contestant"] in COMPARED]


def foresight_rows(files: Sequence[dict]) -> list[dict]:
    """How R3's heads foresee the next token of unseen videos, means over seeds: see foresight."""
    table = []
    for name in dict.fromkeys(f["contestant"] for f in files if "foresight" in f):
        of = [f["foresight"] for f in files if f["contestant"] == name]
        row = {"GPT": name, "seeds": len(of)}
        for measure in ("error", "last kept", "energy", "likelihood"):
            row[measure] = told([one[measure] for one in of if measure in one], measure)
        table.append(row)
    return table


def gap_rows(files: Sequence[dict], measure: str = "128f, own") -> list[dict]:
    """What the other heads close of the gap between R3's regression head and improved R2, seed by
    seed, then their mean; [] where a side has no results. A gap of 0 or less is none.
    """
    table = []
    goal = values(files, "improved R2", S, measure)
    for way in (ROBUST, FASTER):
        start = values(files, REGRESSION, way, measure)
        for name in dict.fromkeys(f["contestant"] for f in files if f.get("kind") == "r3"):
            found = values(files, name, way, measure)
            seeds = sorted(set(goal) & set(start) & set(found))
            if name == REGRESSION or not seeds:
                continue
            gaps = [start[s] - goal[s] for s in seeds]
            open_gaps = [s for s, gap in zip(seeds, gaps, strict=True) if gap > 0]
            closed = [(start[s] - found[s]) / (start[s] - goal[s]) for s in open_gaps]
            row = {"head": name, "way": way, "gap to improved R2": told(gaps, measure)}
            row["share closed"] = told(closed, "") if closed else "no gap"
            table.append(row | {"seeds": len(seeds)})
    return table


def split(table: Sequence[Mapping]) -> tuple[list[dict], list[dict]]:
    """The rows of `rows` as two tables that fit a page: quality, and what it took."""
    cost = ("train s", "s for 1000")
    quality = [{k: v for k, v in r.items() if k not in (*cost, "seam ratio")} for r in table]
    took = [{k: r[k] for k in ("videos", "seeds", *cost)} for r in table if r["train s"]]
    return quality, took


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
    """The tables of all data sets, as Markdown: of the comparison, not of single ablations."""
    files = compared(files)
    parts = []
    for dataset in dict.fromkeys(f["dataset"] for f in files):
        of = [f for f in files if f["dataset"] == dataset]
        quality, _ = split(rows(of))
        parts += [f"**{dataset}, {of[0]['preset']}**", as_markdown(quality)]
        parts += [as_markdown(foresight_rows(of)), as_markdown(gap_rows(of))]
    return "\n\n".join(part for part in parts if part)


def into(text: str, tables: str, marks: tuple[str, str] = MARKS) -> str:
    """A text with the tables between its marks; raises InputError where it has none."""
    head, mark, rest = text.partition(marks[0])
    _, end, tail = rest.partition(marks[1])
    if not mark or not end:
        raise InputError(f"there are no lines {marks[0]} and {marks[1]} to put the tables between")
    return f"{head}{marks[0]}\n{tables}\n{marks[1]}{tail}"


def show_or_put(argv, prog: str, about: str, text_of: Callable, page_of: Callable, marks) -> None:
    """The command line of a table made of result files: prints text_of(files), or puts
    page_of(files) between the marks of a file. Raises InputError where there are no files.
    """
    parser = argparse.ArgumentParser(prog=prog, description=about)
    parser.add_argument("--folder", type=Path, default=RESULTS)
    parser.add_argument("--preset", default="mini")
    parser.add_argument("--source", default="procedural", choices=("procedural", "real"))
    parser.add_argument("--into", type=Path, help="a file whose marked lines are replaced")
    o = parser.parse_args(argv)
    files = read(o.folder, preset=o.preset, source=o.source)
    if not files:
        raise InputError(
            f"{o.folder} holds no results at {o.preset}; rencgan.studies.runs makes them"
        )
    if o.into is None:
        print(text_of(files))
    elif not o.into.is_file():
        raise InputError(f"there is no file {o.into} to put the tables into")
    else:
        text = into(o.into.read_text(encoding="utf-8"), page_of(files), marks)
        o.into.write_text(text, encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> None:
    show_or_put(argv, "rencgan.studies.results", __doc__.split("\n")[0], page, page, MARKS)


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        raise SystemExit(f"{error}") from None
