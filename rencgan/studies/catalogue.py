"""Every table and figure of the thesis and of the ICIP paper as a named study: what varies, on what
data, by which measures, and where its published numbers are. studies.toml holds them.

    python -m rencgan study                     what there is, and what has been run
    python -m rencgan study T4.3 --seeds 1 2 3  runs one; "all" for every one of them

A variant is a contestant (variants.py) and a way of drawing codes; contestants that several studies
name are trained once. Studies without variants are made elsewhere, and say where.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic.dataclasses import dataclass

from rencgan.core.errors import InputError, close
from rencgan.studies import papers, results, runs
from rencgan.studies.columns import MEASURES, OTHER_MEASURES
from rencgan.studies.references import CLIP_LABELS, LABELS, REAL
from rencgan.studies.setting import checked
from rencgan.studies.variants import BOOK, CLIP_WAYS, STRICT, built, contestant


@dataclass(frozen=True, config=STRICT)
class Variant:
    """A row of a study's table. printed: its method and setting in the published table."""

    label: str
    contestant: str
    way: str = "sample"
    printed: tuple[str, str] | None = None


@dataclass(frozen=True, config=STRICT)
class FullScale:
    """Where a published table is from."""

    preset: Literal["64", "128"] = "128"
    datasets: tuple[str, ...] = ("taichi",)


@dataclass(frozen=True, config=STRICT)
class Study:
    """A row of the list of tables and figures."""

    name: str
    covers: str  # all tables and figures that it stands for
    question: str
    variants: tuple[Variant, ...] = ()
    measures: tuple[Literal[(*MEASURES, *OTHER_MEASURES)], ...] = ("16f", "128f", "ratio")
    datasets: tuple[str, ...] = ()  # that it is run on
    full_scale: FullScale = FullScale()
    tables: tuple[tuple[str, str], ...] = ()  # published ones: (paper, number)
    by: str = ""  # what else makes it
    pictures: tuple[str, ...] = ()  # functions of notebook.pictures

    @property
    def contestants(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(v.contestant for v in self.variants))

    def known_at(self, preset: str) -> bool:
        """Whether a preset knows all of its contestants."""
        return all(contestant(name).known_at(preset) for name in self.contestants)


def _variant(label: str, row: Mapping[str, str], shared: Mapping[str, str]) -> Variant:
    """A row as studies.toml has it. Raises InputError for what no contestant does."""
    if unknown := set(row) - {"of", "way", "method", "setting"}:
        raise InputError(f"{label!r} has of, way, method and setting, not {', '.join(unknown)}")
    named = "method" in row or "setting" in row
    row = {"of": label, "way": "sample", "setting": ""} | shared | row
    if row["way"] not in contestant(row["of"]).ways:
        raise InputError(f"{row['of']} draws no codes by {row['way']!r}")
    printed = (row.get("method", ""), row["setting"]) if named else None
    return Variant(label, row["of"], row["way"], printed)


def read(blocks: Mapping[str, dict]) -> dict[str, Study]:
    """The studies of blocks by name. Raises InputError for an unknown field, measure, contestant,
    way of drawing codes, or published table.
    """
    found = {}
    for name, block in blocks.items():
        rest = dict(block)
        shared = {key: rest.pop(key) for key in ("way", "method") if key in rest}
        try:
            rows = [_variant(label, row, shared) for label, row in rest.pop("rows", {}).items()]
            tables = [papers.table(*t.split(" ", 1)) for t in rest.pop("printed", ())]
        except InputError as error:
            raise InputError(f"studies.toml, {name}: {error}") from None
        rest |= {"variants": rows, "tables": [(t.paper, t.number) for t in tables]}
        in_print = rest.get("full_scale", {}).get("datasets", FullScale().datasets)
        rest.setdefault("datasets", in_print)
        found[name] = built(Study, name, rest)
    return found


STUDIES = read(BOOK["study"])


def study(name: str) -> Study:
    """The study of that name; an unknown one is refused with the list of those there are."""
    if name not in STUDIES:
        raise InputError(
            f"there is no study {name!r}{close(name, STUDIES)}; choose from {', '.join(STUDIES)}"
        )
    return STUDIES[name]


def ways_of(s: Study, name: str) -> list[str]:
    """The ways in which a study draws the codes of one of its contestants."""
    return list(dict.fromkeys(v.way for v in s.variants if v.contestant == name))


def _check(s: Study, dataset: str, seeds: Sequence[int], given: dict) -> None:
    """Raises InputError for what a run of a study would refuse, before anything is trained."""
    if not s.variants:
        raise InputError(f"study {s.name!r} trains nothing; it is made by {s.by}")
    for seed in seeds:
        p = checked(given | {"dataset": dataset, "seed": seed})
        for name in s.contestants:
            contestant(name).preset(p)


def run(s: Study, dataset: str, seeds: Sequence[int], given: dict, out: Path) -> Iterator[Path]:
    """Trains and scores the variants of a study that are missing; their files, one by one. What
    real video comes to in their place has a file of its own.

    given: further parameters of a run (preset, source, data_root, out_root). Raises InputError for
    a study without variants.
    """
    _check(s, dataset, seeds, given)
    for seed in seeds:
        p, videos, task = runs.prepared(given | {"dataset": dataset, "seed": seed})
        for name in s.contestants:
            c, ways = contestant(name), ways_of(s, name)
            yield runs.run(c, p, videos, ways, task, out, p.out_dir.parents[1])
        runs.run_real(p, videos, task, out, clips=any(v.way in CLIP_WAYS for v in s.variants))


# ------------------------------------------------------------------------------------------- tables


def rows(s: Study, table: pd.DataFrame) -> list[dict]:
    """A study's table for one data set: a row a variant, means over seeds and their deviation;
    the references stand above. [] where none was run; variants without results stay in it, empty.
    """
    found = []
    for v in s.variants:
        of = table[(table.contestant == v.contestant) & (table.way == v.way)]
        found.append({"variant": v.label} | results.means(of, s.measures))
    if not any(row["seeds"] for row in found):
        return []
    labels = {} if all(v.way in CLIP_WAYS for v in s.variants) else LABELS
    return references(table, s.measures, labels | _clips_beside(s, table)) + found


def _clips_beside(s: Study, table: pd.DataFrame) -> dict[str, str]:
    """Those of CLIP_LABELS whose clips have the steps of a study's own."""

    def step(name: str, way: str) -> float | None:
        return results.step_of(table[(table.contestant == name) & (table.way == way)])

    steps = {step(v.contestant, v.way) for v in s.variants} - {None}
    return {way: label for way, label in CLIP_LABELS.items() if step(REAL, way) in steps}


def preset_of(s: Study, preset: str) -> str:
    """This preset, or where it does not know all of a study's contestants, one that does."""
    return next((p for p in (preset, "hour", "mini") if s.known_at(p)), preset)


def results_of(s: Study, table: pd.DataFrame, dataset: str, preset: str) -> pd.DataFrame:
    """Of results of several data sets and presets those that `preset_of` names."""
    return table[(table.dataset == dataset) & (table.preset == preset_of(s, preset))]


def references(
    table: pd.DataFrame, measures: Sequence[str], labels: Mapping[str, str] = LABELS
) -> list[dict]:
    """Rows: real video in a variant's place, by the measures of one data set that it has."""
    of = table[table.contestant == REAL]
    each = {name: results.means(of[of.way == way], measures) for way, name in labels.items()}
    return [{"variant": k} | row for k, row in each.items() if any(row[m] for m in measures)]


def published_table(paper: str, number: str) -> list[dict]:
    """One published table in its own form: a row a method, setting and data set (as far as it tells
    them), a column a number.
    """
    table = papers.table(paper, number)
    names = [n for n in ("method", "setting", "data") if any(getattr(r, n) for r in table.rows)]
    lines = [[*(getattr(r, n) for n in names), *r.printed] for r in table.rows]
    names += [c.title for c in table.columns]
    return [dict(zip(names, line, strict=True)) for line in lines]


def overview(table: pd.DataFrame, preset: str) -> list[dict]:
    """Rows: every study that a preset knows, what it covers, how many of its variants have all
    their results, and of how many seeds.
    """
    found = []
    for s in (s for s in STUDIES.values() if s.known_at(preset)):
        of = table[table.dataset == s.datasets[0]]
        seeds = [len(results.values(of, v.contestant, v.way, "scored")) for v in s.variants]
        done = sum(n > 0 for n in seeds)
        told = f"{done} of {len(seeds)}" if seeds else "no training"
        span = f"{min(n for n in seeds if n)} to {max(seeds)}" if done else ""
        found.append({"study": s.name, "covers": s.covers, "run": told, "seeds": span})
    return found


def effort(asked: Sequence[tuple[Study, str]], table: pd.DataFrame, seeds: Sequence[int]) -> str:
    """In a sentence, what these studies, each on a data set, take from nothing and from the result
    files that there are, by the seconds in them.
    """
    trained = {(d, name) for s, d in asked for name in s.contestants}
    took = table[table.measure == "took s"].groupby("contestant").value.mean()
    each = took.reindex(name for _, name in sorted(trained)).mean()
    told = f"{len(trained)} trainings for each of {len(seeds)} seeds"
    if pd.isna(each):
        return f"{told}; none was timed yet."
    there = table[table.measure == "scored"].groupby(["dataset", "contestant", "seed"]).way.agg(set)
    lacking = {
        (d, name, seed)
        for (s, d), seed in itertools.product(asked, seeds)
        for name in s.contestants
        if not {*ways_of(s, name)} <= there.get((d, name, seed), set())
    }
    hours = each / 3600
    return (
        f"{told}, about {each / 60:.0f} minutes each where the files were made, with their scores: "
        f"{hours * len(trained) * len(seeds):.0f} hours, one after the other. {len(lacking)} of "
        f"them lack results: {hours * len(lacking):.0f} hours."
    )


def run_or_show(
    name: str | None, dataset: str | None, seeds: Sequence[int], given: dict, out: Path, dry: bool
) -> None:
    """Runs a study ("all": every one that the preset knows) on a data set (none: its own) with
    every seed, and prints its tables; dry: says what it takes. Without a name: a list of what there
    is. given: of a Setting, without data set and seed.
    """
    files = {"preset": given["preset"], "source": given["source"]}
    checked(given)
    if name is None:
        print(results.as_markdown(overview(results.read(out, **files), given["preset"])))
        return
    known = [s for s in STUDIES.values() if s.variants and s.known_at(given["preset"])]
    chosen = known if name == "all" else [study(name)]
    asked = [(s, d) for s in chosen for d in ([dataset] if dataset else s.datasets)]
    seeds = list(dict.fromkeys(seeds))
    for s, data in asked:
        _check(s, data, seeds, given)
    if dry:
        print(effort(asked, results.read(out, **files), seeds))
        return
    for s, data in asked:
        for path in run(s, data, seeds, given, out):
            print(path.name, flush=True)
        print(results.as_markdown(rows(s, results.read(out, data, **files))))
