"""The published results as tables: `python -m rencgan results`.

Reads what `python -m rencgan compare` wrote into one long table, a row a number. Nothing is stored
here: other files give other rows. Verdicts on them: ledger.py.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from rencgan.core.errors import InputError
from rencgan.evaluate.scores import same_card
from rencgan.studies.runs import RESULTS, are_timed, is_scored
from rencgan.studies.variants import CLIP_WAYS, COMPARED, CONTESTANTS, WAYS

METRIC = "FVD (compact)"
REAL = "real"
OWN = "scores from frame 8"  # in the files of R3
FOURTH = "scores of every 4th frame"


class Measure(NamedTuple):
    """A column of a table: where it stands in one way of a result file, under what name."""

    place: str  # scores, own, fourth, long, clips, or "" for the way itself
    name: str
    digits: int = 2


def _fvd(place: str, rest: str) -> Measure:
    return Measure(place, f"{METRIC} {rest}", 1)


MEASURES = {
    "16f": _fvd("scores", "16f"),
    "128f": _fvd("scores", "128f"),
    "ratio": Measure("scores", f"{METRIC} 16f / {METRIC} 128f"),
    "16f, own": _fvd("own", "16f"),  # from the first frame that is the model's own
    "128f, own": _fvd("own", "128f"),
    "16f, last 128": _fvd("long", "16f, end"),
    "jump": Measure("long", "jump"),
    "seam ratio": Measure("long", "seam ratio"),
    "motion": Measure("long", "motion", 4),
    "drift": Measure("long", "drift", 3),
    "repetition": Measure("long", "repetition"),
    "s for 1000": Measure("", "seconds for 1000 frames", 1),
}
OTHER_MEASURES = {  # of single studies; not in the table of the comparison
    **{f"{n}f, every 4th": _fvd("fourth", f"{n}f") for n in (16, 32)},
    **{f"{n}f": _fvd("scores", f"{n}f") for n in (10, 32, 64, 96, 100)},
    "16f, first 128": _fvd("long", "16f, start"),
    "clip motion": Measure("clips", "motion", 4),
    "clip sharpness": Measure("clips", "sharpness", 4),
}
LOGS = ("jump", "seam ratio")  # "log jump" is |log|: how far a junction is from real ones
FORESIGHT = ("error", "last kept", "energy", "likelihood")
DIGITS = {name: m.digits for name, m in (MEASURES | OTHER_MEASURES).items()}
DIGITS |= dict.fromkeys(FORESIGHT, 3)
OWN_FVDS = ("16f, own", "128f, own")
KEYS = ("dataset", "source", "preset", "contestant", "kind", "prior", "seed")

# ------------------------------------------------------------------------------- files to one table


def read(
    folder: Path = RESULTS,
    dataset: str | None = None,
    preset: str = "mini",
    source: str = "procedural",
) -> pd.DataFrame:
    """The result files of a preset and source (and of one data set) as one table (see `frame`), in
    the contestants' order.

    Raises InputError for files that are no results, and for those that do not go into one table:
    compared with other videos, by other rules, or trained by other recipes.
    """
    order = [REAL, *CONTESTANTS]
    known = [
        f
        for f in map(_content, sorted(folder.glob("*.json")))
        if (f["preset"], f["source"]) == (preset, source)
        and dataset in (None, f["dataset"])
        and f["contestant"] in order
    ]
    _check_recipes(known)
    _check_cards(known)
    return frame(sorted(known, key=lambda f: (order.index(f["contestant"]), f["seed"])))


def frame(files: Sequence[dict]) -> pd.DataFrame:
    """Result files as a table of KEYS, way, measure and value, a row a number: MEASURES and
    OTHER_MEASURES of every way, "log jump", "scored" of a way that has all its scores; with way ""
    the "train s", all its seconds ("took s") and the FORESIGHT of a file.
    """
    rows = [
        (*("" if f.get(key) is None else f[key] for key in KEYS), *number)
        for f in files
        for number in _numbers(f)
        if number[-1] is not None
    ]
    return pd.DataFrame(rows, columns=[*KEYS, "way", "measure", "value"])


def _numbers(f: dict) -> Iterator[tuple[str, str, float | None]]:
    """(way, measure, value) of one file. Seconds of ways count where they were taken together: else
    the machine's load would be compared.
    """
    if (seconds := f.get("training", {}).get("seconds")) is not None:
        videos = sum(w.get("seconds for all videos") or 0 for w in f["ways"].values())
        base = f["training"].get("R2", {"seconds": 0})["seconds"]
        yield "", "train s", None if base is None else seconds + base  # of R3 with its R2
        yield "", "took s", seconds + videos
    yield from (("", m, f.get("foresight", {}).get(m)) for m in FORESIGHT)
    timed, contestant = are_timed(f), CONTESTANTS.get(f["contestant"])
    for name, way in f["ways"].items():
        if contestant and is_scored(way, name, contestant):
            yield name, "scored", 1.0
        parts = _parts(way)
        for measure, (place, key, _) in (MEASURES | OTHER_MEASURES).items():
            value = parts[place].get(key)
            if measure == "s for 1000" and not timed:
                continue
            yield name, measure, value
            if measure in LOGS and value is not None:
                yield name, f"log {measure}", abs(float(np.log(max(value, 1e-6))))


def _parts(way: dict) -> dict[str, dict]:
    """The places of MEASURES in one way of a file. What was made at every fourth frame (its scores
    end at 32 frames) is as every fourth frame of what was made.
    """
    scores, own, fourth = (
        {s["name"]: s["value"] for s in way.get(place, way["scores"])}
        for place in ("scores", OWN, FOURTH)
    )
    if FOURTH not in way and f"{METRIC} 128f" in scores:
        fourth = {}
    found = {"scores": scores, "own": own, "fourth": fourth, "": way}
    return found | {place: way.get(place, {}) for place in ("long", "clips")}


def _content(path: Path) -> dict:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError:
        raise InputError(
            f"{path.name} is no JSON; python -m rencgan compare makes it anew"
        ) from None
    needed = {"contestant", "dataset", "preset", "source", "seed", "ways"}
    if not isinstance(content, dict) or not needed <= set(content):
        raise InputError(
            f"{path.name} holds no results of python -m rencgan compare; keep it elsewhere"
        )
    return content


def _check_recipes(files: Sequence[dict]) -> None:
    """All files have one task, and all seeds of a contestant one recipe."""
    first: dict[tuple, tuple] = {}
    for f in files:
        told = {str(w["provenance"].get("preset")) for w in f["ways"].values() if "provenance" in w}
        recipe = (str(f.get("switches")), *sorted(told))
        same = {("task",): f.get("task"), ("recipe", f["dataset"], f["contestant"]): recipe}
        here = f"{f['contestant']} ({f['dataset']}, seed {f['seed']})"
        for place, value in same.items():
            name, other = first.setdefault(place, (here, value))
            if other != value:
                raise InputError(
                    f"{name} and {here} do not go into one table: they are of another {place[0]}"
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


# ------------------------------------------------------------------------------------ one table's


def count(table: pd.DataFrame) -> int:
    """How many result files a table is of."""
    return len(table.drop_duplicates(list(KEYS)))


def values(table: pd.DataFrame, name: str, way: str, measure: str) -> pd.Series:
    """Seed -> value of a measure, of one data set."""
    rows = (table.contestant == name) & (table.way == way) & (table.measure == measure)
    return table[rows].set_index("seed").value


def cells(table: pd.DataFrame) -> dict[tuple[str, str, str], list[float]]:
    """(contestant, way, measure) -> its values over the seeds, of one data set."""
    grouped = table.groupby(["contestant", "way", "measure"], sort=False)
    return grouped.value.agg(list).to_dict()


def told(numbers: Sequence[float], measure: str) -> str:
    """Their mean, and their standard deviation where there are several; "" for none."""
    if not len(numbers):
        return ""
    digits = DIGITS.get(measure, 2)
    spread = f" ± {np.std(numbers, ddof=1):.{digits}f}" if len(numbers) > 1 else ""
    return f"{np.mean(numbers):.{digits}f}{spread}"


def rows(table: pd.DataFrame) -> list[dict]:
    """The table of one data set: every contestant and way, means over seeds and their standard
    deviation. First "real": other unseen videos in a contestant's place.
    """
    own = (table.kind == "r3").any()  # else both would stand there twice
    shown = [m for m in MEASURES if own or m not in OWN_FVDS]
    of_videos = table[table.way != ""].drop_duplicates(["contestant", "way"])
    names, place = list(dict.fromkeys(table.contestant)), {way: i for i, way in enumerate(WAYS)}
    of_videos = sorted(
        of_videos.itertuples(), key=lambda r: (names.index(r.contestant), place.get(r.way, 0))
    )
    numbers, found = cells(table), []
    for r in of_videos:
        of = {m: numbers.get((r.contestant, r.way, m), []) for m in shown}
        seconds = numbers.get((r.contestant, "", "train s"), [])
        row = {"videos": f"{r.contestant}, {r.way}", "prior": r.prior}
        row["seeds"] = len(of["motion"] or of["128f"])
        row["train s"] = f"{np.mean(seconds):.0f}" if seconds else ""
        found.append(row | {m: told(v, m) for m, v in of.items()})
    return found


def split(table: Sequence[Mapping]) -> tuple[list[dict], list[dict]]:
    """The rows of `rows` as two tables that fit a page: quality, and what it took."""
    cost = ("train s", "s for 1000")
    quality = [{k: v for k, v in r.items() if k not in (*cost, "seam ratio")} for r in table]
    took = [{k: r[k] for k in ("videos", "seeds", *cost)} for r in table if r["train s"]]
    return quality, took


# ------------------------------------------------------------------------------- single questions

S = "sample"
ROBUST, FASTER, REGRESSION = "robust sample", "faster sample", "R3, regression"


def compared(table: pd.DataFrame) -> pd.DataFrame:
    """Those of the comparison and of real video, without single ablations."""
    return table[table.contestant.isin([REAL, *COMPARED])]


def foresight_rows(table: pd.DataFrame) -> list[dict]:
    """How R3's heads foresee the next token of unseen videos, means over seeds: see foresight."""
    of = table[table.measure.isin(FORESIGHT)]
    numbers, found = cells(of), []
    for name in dict.fromkeys(of.contestant):
        each = {m: numbers.get((name, "", m), []) for m in FORESIGHT}
        row = {"GPT": name, "seeds": len(each["error"])}
        found.append(row | {m: told(v, m) for m, v in each.items()})
    return found


def gap_rows(table: pd.DataFrame, measure: str = "128f, own") -> list[dict]:
    """What the other heads close of the gap between R3's regression head and improved R2, seed by
    seed, then their mean; [] where a side has no results. A gap of 0 or less is none.
    """
    found = []
    heads = [n for n in dict.fromkeys(table.contestant[table.kind == "r3"]) if n != REGRESSION]
    for way in (ROBUST, FASTER):
        sides = (("goal", "improved R2", S), ("start", REGRESSION, way))
        ends = {key: values(table, name, codes, measure) for key, name, codes in sides}
        for name in heads:
            of = pd.DataFrame(ends | {"head": values(table, name, way, measure)}).dropna()
            if of.empty:
                continue
            gaps = of.start - of.goal
            closed = ((of.start - of["head"]) / gaps)[gaps > 0]
            row = {"head": name, "way": way, "gap to improved R2": told(gaps, measure)}
            row["share closed"] = told(closed, "") if len(closed) else "no gap"
            found.append(row | {"seeds": len(of)})
    return found


def over_length(table: pd.DataFrame) -> list[dict]:
    """Rows, a model each: its distance in the first and in the last 128 of 1000 frames (of clips of
    16), the share that it rises by, and that of real video.
    """
    found = []
    for name, way in dict.fromkeys(zip(table.contestant, table.way, strict=True)):
        ends = {m: values(table, name, way, f"16f, {m} 128") for m in ("first", "last")}
        of = pd.DataFrame(ends).dropna()
        if len(of):
            row = {"videos": f"{name}, {way}", "seeds": len(of)}
            row |= {f"{m} 128 frames": told(of[m], "16f") for m in ends}
            found.append(row | {"times": told(of["last"] / of["first"], "")})
    return found


# ---------------------------------------------------------------------------------------- as a page


def as_markdown(table: Sequence[Mapping]) -> str:
    """Rows as a table that a README can hold; "" for none."""
    if not table:
        return ""
    names = list(table[0])
    lines = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    lines += [f"| {' | '.join(str(row[n]) for n in names)} |" for row in table]
    return "\n".join(lines)


MARKS = ("<!-- results -->", "<!-- /results -->")


def page(table: pd.DataFrame) -> str:
    """The tables of all data sets, as Markdown: of the comparison, not of single ablations."""
    parts = []
    for dataset, of in compared(table).groupby("dataset", sort=False):
        parts += [f"**{dataset}, {of.preset.iloc[0]}**", as_markdown(split(rows(of))[0])]
        parts += [as_markdown(foresight_rows(of)), as_markdown(gap_rows(of))]
    return "\n\n".join(part for part in parts if part)


def into(text: str, tables: str, marks: tuple[str, str] = MARKS) -> str:
    """A text with the tables between its marks; raises InputError where it has none."""
    head, mark, rest = text.partition(marks[0])
    _, end, tail = rest.partition(marks[1])
    if not mark or not end:
        raise InputError(f"there are no lines {marks[0]} and {marks[1]} to put the tables between")
    return f"{head}{marks[0]}\n{tables}\n{marks[1]}{tail}"


def show_or_put(
    asked: Mapping, target: Path | None, text_of: Callable, page_of: Callable, marks: Sequence[str]
) -> None:
    """Prints text_of(table) of the result files that are asked for (folder, preset, source; see
    `read`), or puts page_of(table) between the marks of a target file. Raises InputError where
    there are no results, or no such file.
    """
    table = read(**asked)
    if table.empty:
        raise InputError(
            f"{asked['folder']} holds no results at {asked['preset']}; "
            "python -m rencgan compare makes them"
        )
    if target is None:
        print(text_of(table))
    elif not target.is_file():
        raise InputError(f"there is no file {target} to put the tables into")
    else:
        text = into(target.read_text(encoding="utf-8"), page_of(table), marks)
        target.write_text(text, encoding="utf-8")
