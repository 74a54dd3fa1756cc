"""The published results as tables: `python -m rencgan results`.

Reads what `python -m rencgan compare` wrote into one long table, a row a number. Verdicts: ledger.
"""

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rencgan.core.errors import InputError
from rencgan.evaluate.scores import same_card
from rencgan.studies.columns import (
    COST,
    DETAIL,
    DIGITS,
    FORESIGHT,
    LENGTH,
    LOGS,
    MEASURES,
    METRIC,
    MOMENT,
    OCTAVES,
    OTHER_MEASURES,
    OWN,
    QUALITY,
)
from rencgan.studies.entries import (
    AGAINST,
    FOURTH,
    MOVING,
    RESULTS,
    SCORES,
    SECOND,
    are_timed,
    clip_step,
    content_of,
    is_scored,
    preset_of,
    timed_on,
)
from rencgan.studies.recipes import framed_by
from rencgan.studies.references import CLIP_LABELS, LABELS, REAL
from rencgan.studies.variants import CLIP_WAYS, COMPARED, CONTESTANTS, WAYS

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
    found = map(content_of, sorted(folder.glob("*.json")))
    known = [f for f in found if (f["preset"], f["source"]) == (preset, source)]
    known = [f for f in known if dataset in (None, f["dataset"]) and f["contestant"] in order]
    _check(known)
    return frame(sorted(known, key=lambda f: (order.index(f["contestant"]), f["seed"])))


def frame(files: Sequence[dict]) -> pd.DataFrame:
    """Result files as a table of KEYS, way, measure, value and, of SECONDS, machine, a row a
    number: MEASURES and OTHER_MEASURES of every way, "log jump", "scored" of a way that has all its
    scores, "clip step" of one of single clips; with way "" the OF_TRAINING, all its seconds ("took
    s"), each MOMENT and the FORESIGHT.
    """
    rows = [
        (*(f.get(key) for key in KEYS), way, measure, value, timed_on(f, measure))
        for f in files
        for way, measure, value in _numbers(f)
    ]
    table = pd.DataFrame(rows, columns=[*KEYS, "way", "measure", "value", "machine"])
    return table.astype({"value": float}).dropna(subset="value").fillna({"kind": "", "prior": ""})


def _numbers(f: dict) -> Iterator[tuple[str, str, float | None]]:
    """(way, measure, value) of one file. Seconds of ways count where they were taken together: else
    the machine's load would be compared.
    """
    told = f.get("training", {})
    parts = [told, *(v for v in told.values() if isinstance(v, dict) and "seconds" in v)]
    for measure, key in (("train s", "seconds"), ("processor s", "processor seconds")):
        took = [part.get(key) for part in parts]  # R3 with its R2
        yield "", measure, None if None in took else sum(took)
    if (seconds := told.get("seconds")) is not None:
        videos = sum(w.get("seconds for all videos") or 0 for w in f["ways"].values())
        yield "", "took s", seconds + videos
    spent, clips = told.get("processor seconds"), told.get("clips", 2 * told.get("pairs", 0))
    yield "", "train ms a clip", 1000 * spent / clips if spent and clips else None  # with warm-ups
    best = told.get("best moment", {})
    share = best["step"] / told["steps"] if "step" in best else None
    for measure, whole in (("clips to best", clips), ("processor s to best", spent)):
        yield "", measure, whole * share if whole and share else None
    yield from (("", f"{MOMENT}{step}", score) for step, score in best.get("scores", ()))
    yield from (("", m, f.get("foresight", {}).get(m)) for m in FORESIGHT)
    timed, contestant = are_timed(f), CONTESTANTS.get(f["contestant"])
    for name, way in f["ways"].items():
        if contestant and is_scored(way, name, contestant):
            yield name, "scored", 1.0
        if name in (*CLIP_WAYS, *CLIP_LABELS):
            yield name, "clip step", clip_step(f, way)
        parts = _parts(way)
        for measure, (place, key, _) in (MEASURES | OTHER_MEASURES).items():
            value = parts[place].get(key)
            if timed or measure != "s for 1000":
                yield name, measure, value
            if measure in LOGS and value is not None:
                yield name, f"log {measure}", abs(float(np.log(max(value, 1e-6))))


def _parts(way: dict) -> dict[str, dict]:
    """The places of MEASURES in one way of a file. What was made at every fourth frame (its scores
    end at 32 frames) is as every fourth frame of what was made.
    """

    def named(*places: str) -> dict[str, float]:
        return {s["name"]: s["value"] for s in next((way[p] for p in places if p in way), [])}

    scores, fourth = named(SCORES), named(FOURTH, SCORES)
    if FOURTH not in way and f"{METRIC} 128f" in scores:
        fourth = {}
    against = way.get("long", {}).get(AGAINST, {})
    drifts = {k: v["drift"] if isinstance(v, dict) else v for k, v in against.items()}
    found = {"scores": scores, "own": named(SCORES + OWN, SCORES), "fourth": fourth, "": way}
    found |= {"moving": named(MOVING + OWN, MOVING), "second": named(SECOND + OWN, SECOND)}
    found["against"] = drifts
    return found | {place: way.get(place, {}) for place in ("long", "clips")}


def _check(files: Sequence[dict]) -> None:
    """A run has one file. All have one task, all seeds of a contestant one recipe, and all scores
    of one data set, seed and length one card but for the generated videos; those of single clips
    of one step, and of every fourth frame, are compared among themselves.
    """
    first: dict[tuple, tuple] = {}
    runs: set[str] = set()
    for f in files:
        here = f"{f['contestant']} ({f['dataset']}, seed {f['seed']})"
        if here in runs:
            raise InputError(f"{here} has two result files, which would count twice; keep one")
        runs.add(here)
        for place, value in _shared(f):
            name, other = first.setdefault(place, (here, value))
            if place[0] in ("task", "recipe"):
                wrong = f"are of another {place[0]}" if other != value else ""
            else:
                wrong = (found := same_card(other, value)) and f"differ in {found}"
            if wrong:
                raise InputError(f"{name} and {here} do not go into one table: they {wrong}")


def _shared(f: dict) -> Iterator[tuple[tuple, Any]]:
    """(place, what all files have there in common) of one file."""
    yield ("task",), f.get("task")
    if f["contestant"] != REAL:  # whose presets train nothing
        told = {preset_of(w) for w in f["ways"].values() if "provenance" in w}
        recipe = json.dumps(f.get("switches"), sort_keys=True), *sorted(told)
        yield ("recipe", f["dataset"], f["contestant"]), recipe
    for codes, way in f["ways"].items():
        size = framed_by(f["preset"], f.get("kind") or "").size  # StyleGAN-V's at smoke is its own
        clips = clip_step(f, way) if codes in (*CLIP_WAYS, *CLIP_LABELS) else None
        apart = clips, f.get("step", 1), size
        for score in way[SCORES] + way.get(MOVING, []) + way.get(SECOND, []):
            yield (score["name"], f["dataset"], f["seed"], apart), score["card"]


# ------------------------------------------------------------------------------------ one table's


def count(table: pd.DataFrame) -> int:
    """How many result files a table is of."""
    return len(table.drop_duplicates(list(KEYS)))


def values(table: pd.DataFrame, name: str, way: str, measure: str, of="value") -> pd.Series:
    """Seed -> value of a measure, of one data set, or what another column tells of it."""
    asked = {"contestant": name, "way": way, "measure": measure}  # by numpy: a seventh of the time
    rows = np.logical_and.reduce([table[key].to_numpy() == v for key, v in asked.items()])
    seeds = pd.Index(table.seed.to_numpy()[rows], name="seed")
    return pd.Series(table[of].to_numpy()[rows], seeds, name=of)


def told(numbers: Sequence[float], measure: str) -> str:
    """Their mean, and their standard deviation where there are several; "" for none."""
    if not len(numbers):
        return ""
    digits = DIGITS.get(measure, 2)
    spread = f" ± {np.std(numbers, ddof=1):.{digits}f}" if len(numbers) > 1 else ""
    return f"{np.mean(numbers):.{digits}f}{spread}"


def means(table: pd.DataFrame, measures: Sequence[str]) -> dict:
    """Of a contestant and way: how many "seeds", and each measure over them, or (so many) fewer."""
    of = table[table.measure.isin(measures)]
    each, seeds = {m: of.value[of.measure == m] for m in measures}, of.seed.nunique()
    fewer = {m: f" ({len(v)})" if 0 < len(v) < seeds else "" for m, v in each.items()}
    return {"seeds": seeds} | {m: told(v, m) + fewer[m] for m, v in each.items()}


def rows(table: pd.DataFrame) -> list[dict]:
    """The table of one data set: every contestant and way, means over seeds and their standard
    deviation. First the references: real video in a contestant's place. "clips": of single clips,
    which compare among themselves, their `clip_step`; None of others.
    """
    own = (table.prior == "first clip").any()  # else both would stand there twice
    shown = [m for m in MEASURES if own or not m.endswith(", own")]
    order, found = {way: i for i, way in enumerate((*LABELS, *CLIP_LABELS, *WAYS))}, []
    for name, of in table.groupby("contestant", sort=False):
        timed = of[of.measure == "train s"]
        for way in sorted(set(of.way) - {""}, key=lambda way: order.get(way, 0)):
            prior = "none" if way == "noise" else of.prior.iloc[0]
            row = {"videos": label(name, way), "prior": prior, "seeds": 0}
            chosen = of[of.way == way]
            row |= means(chosen, shown) | {"train s": _trained(timed, chosen)} | _worst(chosen)
            row["clips"] = step_of(chosen)
            found.append(of_one_set(row) if name == REAL else row)
    return found


def step_of(of: pd.DataFrame) -> float | None:
    """Frames from one to the next of a way's single clips; None where it has none."""
    told = of.value[of.measure == "clip step"]
    return float(told.iloc[0]) if len(told) else None


def _trained(timed: pd.DataFrame, of: pd.DataFrame) -> str:
    """Mean seconds of the trainings of a way's seeds; (so many) where not all were timed."""
    seconds = timed.value[timed.seed.isin(of.seed)]
    fewer = f" ({len(seconds)})" if len(seconds) < of.seed.nunique() else ""
    return f"{seconds.mean():.0f}{fewer}" if len(seconds) else ""


def _worst(of: pd.DataFrame) -> dict[str, str]:
    """The "worst octave" of several seeds: of the octaves' means, as its own lies on either side of
    1 and would come out right on average.
    """
    each = of[of.measure.isin(OCTAVES)].groupby("measure").value.mean()
    if of.seed.nunique() < 2 or not len(each):
        return {}
    return {"worst octave": f"{each[np.log(each.clip(lower=1e-6)).abs().idxmax()]:.2f}"}


def of_one_set(row: dict) -> dict:
    """References that are made of the same videos for all seeds are one measurement."""
    found = {k: re.sub(r" ± 0(\.0+)?$", "", v) if isinstance(v, str) else v for k, v in row.items()}
    return found if any("±" in str(v) for v in found.values()) else found | {"seeds": 1}


def label(name: str, way: str) -> str:
    """What tables call the videos of a contestant."""
    return (LABELS | CLIP_LABELS).get(way, way) if name == REAL else f"{name}, {way}"


CLIPS = "Single clips: of more of them, so that they compare among themselves alone"
PARTS = {  # caption -> columns
    "Quality": QUALITY,
    "Over 1000 frames": LENGTH,
    "In detail, over real video's (spectra: distance)": DETAIL,
    "Seconds; a gap: not timed in one go": ("train s", *COST),
}


def split(table: Sequence[Mapping]) -> dict[str, list[dict]]:
    """The rows of `rows` as tables that fit a page, by caption: quality, what length does, detail,
    seconds, single clips by their steps. Rows and columns without numbers are left out.
    """
    videos = [r for r in table if r["clips"] is None]
    parts = {caption: _filled(videos, list(m)) for caption, m in PARTS.items()}
    known = [r["clips"] for r in table if r["videos"] not in CLIP_LABELS.values()]
    steps = sorted({*known} - {None})  # references alone are left out
    for step in steps:
        caption = CLIPS if len(steps) == 1 else f"{CLIPS}. Frames {step:g} apart, in the mean"
        clips = [r for r in table if r["clips"] == step]
        parts[caption] = _filled(clips, [m for m in QUALITY if not m.endswith(", own")])
    return {caption: rows for caption, rows in parts.items() if rows}


def _filled(table: Sequence[Mapping], measures: Sequence[str]) -> list[dict]:
    head = ("videos", "prior", "seeds") if "16f" in measures else ("videos", "seeds")
    there = [m for m in measures if any(r.get(m) for r in table)]
    kept = [r for r in table if any(r[m] for m in there)]
    return [{k: r[k] for k in (*head, *there)} for r in kept]


# ------------------------------------------------------------------------------- single questions

ROBUST, FASTER, REGRESSION = "robust sample", "faster sample", "R3, regression"


def compared(table: pd.DataFrame) -> pd.DataFrame:
    """Those of the comparison and of real video, without single ablations."""
    return table[table.contestant.isin([REAL, *COMPARED])]


def foresight_rows(table: pd.DataFrame) -> list[dict]:
    """How R3's heads foresee the next token of unseen videos, means over seeds: see foresight."""
    heads = table[table.measure.isin(FORESIGHT)].groupby("contestant", sort=False)
    return [{"GPT": name} | means(of, FORESIGHT) for name, of in heads]


def gap_rows(table: pd.DataFrame, measure: str = "128f, own") -> list[dict]:
    """How much nearer to improved R2 the other heads come than R3's regression head, seed by seed,
    then their mean: differences, since a share of a gap near 0 says nothing. [] where a side has no
    results.
    """
    found, heads = [], table.contestant[table.prior == "first clip"].unique()
    for way, name in itertools.product((ROBUST, FASTER), heads):
        sides = {"goal": ("improved R2", "sample"), "start": (REGRESSION, way), "end": (name, way)}
        of = pd.DataFrame({k: values(table, *side, measure) for k, side in sides.items()}).dropna()
        if of.empty or name == REGRESSION:
            continue
        row = {"head": name, "way": way, "regression's gap": told(of.start - of.goal, measure)}
        row |= {"its own": told(of.end - of.goal, measure)}
        row |= {"nearer by": told(of.start - of.end, measure), "seeds": len(of)}
        found.append(row)
    return found


def over_length(table: pd.DataFrame) -> list[dict]:
    """Rows, a model each: its distance in the first and in the last 128 of 1000 frames (of clips of
    16), the share that it rises by, and that of real video.
    """
    found = []
    for (name, way), of in table.groupby(["contestant", "way"], sort=False):
        ends = {m: values(of, name, way, f"16f, {m} 128") for m in ("first", "last")}
        if len(both := pd.DataFrame(ends).dropna()):
            row = {"videos": f"{name}, {way}", "seeds": len(both)}
            row |= {f"{m} 128 frames": told(both[m], "16f") for m in ends}
            found.append(row | {"times": told(both["last"] / both["first"], "")})
    return found


# ---------------------------------------------------------------------------------------- as a page


def as_markdown(table: Sequence[Mapping]) -> str:
    """Rows as a table that a README can hold; "" for none."""
    if not table:
        return ""
    lines = [f"| {' | '.join(table[0])} |", "|" + "---|" * len(table[0])]
    lines += [f"| {' | '.join(map(str, row.values()))} |" for row in table]
    return "\n".join(lines)


def page(table: pd.DataFrame) -> str:
    """The tables of all data sets and presets, as Markdown: of the comparison, not of single
    ablations.
    """
    parts = []
    for (dataset, preset), of in compared(table).groupby(["dataset", "preset"], sort=False):
        parts.append(f"**{dataset}, {preset}**")
        parts += [f"{k}.\n\n{as_markdown(v)}" for k, v in split(rows(of)).items()]
        parts += [as_markdown(foresight_rows(of)), as_markdown(gap_rows(of))]
    return "\n\n".join(part for part in parts if part)


def some(folder: Path, preset: str, source: str) -> pd.DataFrame:
    """As `read`, of all data sets; raises InputError where there are no results."""
    table = read(folder, preset=preset, source=source)
    if table.empty:
        raise InputError(
            f"{folder} holds no results at {preset}; python -m rencgan compare makes them"
        )
    return table
