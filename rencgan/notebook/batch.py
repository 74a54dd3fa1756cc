"""The study as jobs that may run side by side, here or on a cluster: `batch/Snakefile` runs them.

The notebooks of a data set, one after another; every contestant and seed of the comparison, and
real video; the table of all results. Each job is a command that resumes what it had begun.

A job's recipe is all that decides what it leaves, as plain values: Snakemake runs a job again where
its recipe changed, or a job that it needs ran again. Comments in YAML, markdown and dates of
notebooks are no part of it. What a training leaves is no output to Snakemake, which deletes outputs
before a job runs; its mark is.
"""

import ast
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import nbformat
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, ValidationError

from rencgan.core.errors import InputError, close
from rencgan.core.files import key_of, project_root, resolve, slug
from rencgan.data import sets as datasets
from rencgan.data.found import discover
from rencgan.notebook import parameters
from rencgan.notebook.parameters import Run
from rencgan.presets.table import PRESETS, ROWS, preset
from rencgan.presets.table import switches as preset_switches
from rencgan.studies.catalogue import Study, ways_of
from rencgan.studies.catalogue import study as study_of
from rencgan.studies.runs import task_of
from rencgan.studies.setting import Place, Setting, Text, checked
from rencgan.studies.variants import COMPARED, CONTESTANTS, WAYS, Contestant, contestant

# What a training with its scores is given at a preset (memory in MiB, minutes): a job that runs out
# of its minutes resumes. Those of 64 and 128 are guesses.
TRAINING = {
    "smoke": {"threads": 1, "mem_mb": 3000, "runtime": 30},
    "mini": {"threads": 1, "mem_mb": 4000, "runtime": 240},
    "minutes": {"threads": 1, "mem_mb": 4000, "runtime": 240},
    "hour": {"threads": 2, "mem_mb": 8000, "runtime": 480},
    "64": {"threads": 4, "mem_mb": 16000, "runtime": 2880, "gpu": 1},
    "128": {"threads": 4, "mem_mb": 32000, "runtime": 5760, "gpu": 1},
}
LIGHT = {"threads": 1, "mem_mb": 3000, "runtime": 60}  # what trains nothing
Ways = Sequence[tuple[Contestant, list[str]]]  # contestants, and how they draw codes


# ----------------------------------------------------------------------------------- what is asked

# Snakemake's command line makes texts of numbers within brackets.
Whole, Fraction = Annotated[int, Strict(False)], Annotated[float, Strict(False)]
Value = Annotated[bool | Whole | Fraction | str, Field(union_mode="left_to_right")]
CHOICE = "`all`, `compared`, or names of contestants"
NUMBERED = "`all` or numbers of notebooks, such as [01, 03]"
BY_NUMBER = "parameters by the number of their notebook, such as {'04': {'frames': 500}}"


def _listed(given: Any) -> Any:
    """One of a list may stand alone: `--config datasets=sky`."""
    one = type(given) is int or (isinstance(given, str) and given not in ("all", "compared"))
    return [given] if one else given


def _numbered(given: Any) -> Any:
    """YAML makes a number of 03."""
    return f"{given:02d}" if type(given) is int else given


Item = TypeVar("Item")
Many = Annotated[list[Item], BeforeValidator(_listed)]
Number = Annotated[str, BeforeValidator(_numbered)]  # of a notebook


class Plan(BaseModel):
    """The settings of a batch, and what each should be: batch/config.yaml explains them."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    datasets: Many[Text] = Field(description="one or more names of data sets")
    preset: Text
    source: Literal["procedural", "real"] = Field("procedural", description="procedural or real")
    data_root: Place = ""
    test_fraction: float | None = Field(
        None, gt=0, lt=1, description="a number between 0 and 1, or null"
    )
    schedule: Literal["published", "short"] = Field("short", description="published or short")
    seed: int = Field(0, description="a whole number")
    seeds: Many[Whole] = Field([1], description="whole numbers")
    contestants: Literal["all", "compared"] | Many[str] = Field("all", description=CHOICE)
    ways: Many[str] = Field([], description="names of ways of drawing codes")
    notebooks: Literal["all"] | Many[Number] = Field("all", description=NUMBERED)
    notebook_folder: Place = "notebooks"
    parameters: dict[Number, dict[str, Value]] = Field({}, description=BY_NUMBER)
    out: Place = "runs/batch"

    @property
    def root(self) -> Path:
        return resolve(self.out)

    def asked(self, dataset: str, seed: int) -> dict:
        """The parameters that notebooks and the comparison share."""
        found = {"dataset": dataset, "source": self.source, "data_root": self.data_root}
        return found | {"preset": self.preset, "schedule": self.schedule, "seed": seed}


def plan(given: Mapping[str, Any]) -> Plan:
    """The settings, checked; raises InputError, in one sentence, for what is wrong with them."""
    given = {name: value for name, value in given.items() if value is not None}
    try:
        found = Plan(**given)
    except ValidationError as error:
        wrong = {e["loc"][0]: _sentence(e, given) for e in error.errors()}
        raise InputError("; ".join(wrong.values()) + ".") from None
    if found.preset == "auto":
        raise InputError(
            "preset = 'auto' would be another one on another machine of the batch; "
            f"name one of {', '.join(PRESETS)}."
        )
    for name, listed in (("datasets", found.datasets), ("seeds", found.seeds)):
        if not listed or len(set(listed)) < len(listed):
            raise InputError(f"{name} = {listed!r} should name at least one, and none twice.")
    for dataset, seed in product(found.datasets, (found.seed, *found.seeds)):
        checked(found.asked(dataset, seed))
    if wrong := [w for w in found.ways if w not in WAYS]:
        raise InputError(f"codes are drawn by {', '.join(WAYS)}, not {wrong[0]!r}.")
    return found


def _sentence(error: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    name, fields = str(error["loc"][0]), Plan.model_fields
    if error["type"] == "extra_forbidden":
        known = ", ".join(fields)
        return f"unknown setting {name!r}{close(name, fields)}: it is one of {known}"
    right = fields[name].description or "a text"
    if error["type"] == "missing":
        return f"the setting {name!r} is missing; it should be {right}"
    return f"{name} = {given[name]!r} should be {right}"


# ---------------------------------------------------------------------------------------- the jobs


@dataclass(frozen=True)
class Job:
    """A command of batch/Snakefile, and its options there. `recipe` and `needs` decide when it runs
    again: where the one changed, or one of the others ran again. `product` is what it leaves.
    """

    kind: str
    name: str
    recipe: dict
    options: tuple[str, ...]
    product: Path
    needs: tuple[str, ...]
    light: bool  # trains nothing

    @property
    def id(self) -> str:
        return f"{self.kind}/{self.name}"

    @property
    def text(self) -> str:
        """The recipe as it is compared, and as marks hold it."""
        return json.dumps(self.recipe, sort_keys=True)


def jobs(p: Plan) -> dict[str, Job]:
    """All jobs of a batch by their id. Raises InputError for names that there are not, and for
    recipes that a preset or a notebook refuses.
    """
    paths = _notebooks(p)
    chosen = _chosen(p, _studied(p, paths))
    runs = product(p.datasets, p.seeds) if chosen else ()
    made = [job for dataset, seed in runs for job in _compared(p, dataset, seed, chosen)]
    results = tuple(job.id for job in made)
    if made:
        options = ("--folder", str(p.root / "results"), "--preset", p.preset, "--source", p.source)
        recipe, page = {"results": sorted(results)}, p.root / "results.md"
        made.append(Job("table", "results", recipe, options, page, results, light=True))
    for dataset, number in product(p.datasets, paths):
        made.append(_notebook(p, dataset, number, paths, results))
    return {job.id: job for job in made}


def stale(p: Plan, job: Job) -> bool:
    """Whether its mark stands for nothing: the product is gone, or of another recipe. (Snakemake
    itself does not know the recipe of a job that ended after Snakemake was killed.)
    """
    mark = p.root / "batch" / "done" / job.id
    same = not mark.exists() or job.text in mark.read_text(encoding="utf-8")
    return mark.exists() and not (same and job.product.exists())


def _data(p: Plan, dataset: str, seed: int) -> dict:
    """What decides the prepared frames. Real videos by name, size and date: their contents would
    take long to read each time.
    """
    row = PRESETS[p.preset]
    found = {n: getattr(row, n) for n in ("size", "max_videos", "max_frames")}
    found |= {"dataset": dataset, "source": p.source, "seed": seed}
    found["steps"] = datasets.get(dataset).steps
    if p.source == "procedural":
        return found
    folder = datasets.locate(dataset, resolve(p.data_root) if p.data_root else None)
    videos = discover(folder, [p.root / p.preset]).videos if folder else []
    if not videos:
        raise InputError(f"no video was found; {datasets.where_to_put(dataset)}.")
    told = [(str(v.relative_to(folder)), (s := v.stat()).st_size, s.st_mtime_ns) for v in videos]
    return found | {"videos": key_of(told, 16)}


# ---------------------------------------------------------------------------------- the comparison


def _studied(p: Plan, paths: Mapping[str, Path]) -> Study | None:
    """The study that a notebook is asked to run: its contestants are jobs of the batch too, so that
    it finds them made. Raises InputError for one that trains nothing, or other seeds.
    """
    number = next((n for n in paths if p.parameters.get(n, {}).get("study")), None)
    if not number:
        return None
    given = p.parameters[number]
    found, seeds = study_of(given["study"]), str(given.get("seeds", 1)).split()
    if not found.variants:
        raise InputError(f"study {found.name!r} trains nothing; it is made by {found.by}.")
    if wrong := [s for s in seeds if s not in map(str, p.seeds)]:
        raise InputError(
            f"notebook {number} asks for seed {wrong[0]}; the batch has seeds {p.seeds}."
        )
    return found


def _chosen(p: Plan, studied: Study | None) -> Ways:
    """The contestants that are asked for, and those that they are built on. `all` leaves out those
    whose budget the preset does not know.
    """
    if isinstance(p.contestants, list):
        names = [contestant(name).name for name in p.contestants]
    else:
        names = list(COMPARED if p.contestants == "compared" else CONTESTANTS)
        names = [name for name in names if contestant(name).known_at(p.preset)]
    names += studied.contestants if studied else []
    bases = {CONTESTANTS[name].base for name in names}
    found = []
    for c in CONTESTANTS.values():
        ways = [w for w in p.ways if w in c.ways] or ([] if p.ways else list(c.usual))
        ways += [w for w in ways_of(studied, c.name) if w not in ways] if studied else []
        if c.usual and (c.name in bases or (c.name in names and ways)):  # pairs are no job
            found.append((c, ways or list(c.usual)))
    return found


def _compared(p: Plan, dataset: str, seed: int, chosen: Ways) -> list[Job]:
    """The jobs of one data set and seed: real video, then the contestants. What an R3 is built on
    goes before it, and so does one of those that share warm-ups or pairs, which are trained once.
    """
    setting = checked(p.asked(dataset, seed))
    data = _data(p, dataset, seed) | {"test fraction": p.test_fraction}
    common = {"data": data, "task": task_of(p.preset, p.source).as_dict()}
    given = [dataset, "--seeds", str(seed), "--preset", p.preset, "--source", p.source]
    given += ["--schedule", p.schedule] if p.schedule != "short" else []
    given += ["--data-root", p.data_root] if p.data_root else []
    given += ["--test-fraction", str(p.test_fraction)] if p.test_fraction is not None else []
    given += ["--out", str(p.root / "results"), "--work", str(p.root / "compare"), "--models"]

    def job(name: str, recipe: dict, before: Sequence[str], *options: str) -> Job:
        own, *needs = (f"{dataset}-{n}-seed{seed}" for n in (name, *before))
        result = p.root / "results" / f"{dataset}-{p.source}-{p.preset}-{name}-seed{seed}.json"
        needs, words = tuple(f"contestant/{n}" for n in needs), (*given, *options)
        return Job("contestant", own, recipe, words, result, needs, light=name == "real")

    made, first = [job("real", common, ())], {}
    names = {c.name for c, _ in chosen}
    for c, ways in chosen:
        leader = first.setdefault(_warm_up(c, setting) or c.name, c.name)
        over = c.base if c.base in names else first.setdefault(c.base or c.name, c.name)
        before = ["real", *(slug(n) for n in (over, leader) if n != c.name)]
        recipe = common | {"model": _model(c, setting), "ways": ways}
        made.append(job(slug(c.name), recipe, before, c.name, "--ways", *ways))
    return made


def _model(c: Contestant, run: Setting) -> dict:
    """What decides a contestant's weights, and what is made of them, but for the data."""
    found = {k: v for k, v in vars(c).items() if not callable(v) and k not in ("ways", "usual")}
    found |= {"preset": c.preset(run).identity(), "switches": c.system(run).switches()}
    return found | ({"base": _model(contestant(c.base), run)} if c.base else {})


def _warm_up(c: Contestant, run: Setting) -> str:
    """Names the warm-ups that a contestant may share with others of its seed; "" for none."""
    found = c.preset(run)
    shared = c.system(run).warmed(found) and not c.base
    return key_of([c.kind, c.step, c.sampling, found.identity()]) if shared else ""


# ----------------------------------------------------------------------------------- the notebooks


def _notebooks(p: Plan) -> dict[str, Path]:
    """The notebooks that are asked for by their number: `all` are those that the preset knows."""
    folder = resolve(p.notebook_folder)
    found = {path.name[:2]: path for path in sorted(folder.glob("[0-9][0-9]_*.ipynb"))}
    known = [n for n, path in found.items() if _known(p, path)]
    chosen = known if p.notebooks == "all" else p.notebooks
    if wrong := [n for n in [*chosen, *p.parameters] if n not in found]:
        raise InputError(
            f"{folder} has no notebook {wrong[0]!r}, but {', '.join(found) or 'none'}."
        )
    return {n: path for n, path in found.items() if n in chosen}


def _known(p: Plan, path: Path) -> bool:
    """Whether the preset has a row for all that a notebook trains."""
    told = nbformat.read(path, as_version=4).metadata.get("batch", {})
    return all(p.preset in ROWS.get(model, PRESETS) for model in told.get("trains", []))


def _notebook(
    p: Plan, dataset: str, number: str, paths: Mapping[str, Path], results: tuple[str, ...]
) -> Job:
    """A notebook's metadata names those before it and what it trains; one whose parameters have a
    `results_root` reads the results of the comparison; if it trains too, then with its first seed.
    """
    path, own = paths[number], p.parameters.get(number, {})
    notebook = nbformat.read(path, as_version=4)
    cells = [c for c in notebook.cells if c.cell_type == "code"]
    told = notebook.metadata.get("batch", {})
    roots = {"out_root": str(p.root), "results_root": str(p.root / "results")}
    declared = _declared(cells)
    seed = p.seeds[0] if "results_root" in declared and told.get("trains") else p.seed
    common = p.asked(dataset, seed) | roots
    known = [n for n in declared if n not in common]
    if wrong := [n for n in own if n not in known]:
        raise InputError(
            f"{path.name} has no parameter {wrong[0]!r} of its own{close(wrong[0], known)}: "
            f"it is one of {', '.join(known)}."
        )
    given = {n: v for n, v in common.items() if n in declared} | own
    _check(path, cells, declared | given)
    trained = [_row(p, model) for model in told.get("trains", [])]
    recipe = {
        "code": key_of([c.source for c in cells], 16),
        "parameters": {n: v for n, v in given.items() if n not in roots},
        "presets": [PRESETS[p.preset].identity(), *trained],
        "data": _data(p, dataset, seed),
    }
    options = ("-y", json.dumps(given, sort_keys=True), str(path))
    done = p.root / "notebooks" / dataset / path.name
    before = [other.stem for other in paths.values() if other.stem in told.get("after", [])]
    needs = tuple(f"notebook/{dataset}-{name}" for name in before)
    needs += results if "results_root" in declared else ()
    name = f"{dataset}-{path.stem}"
    return Job("notebook", name, recipe, options, done, needs, light=not trained)


def _row(p: Plan, model: str) -> dict:
    """What the preset says of a model; a notebook's parameters say what it makes of that."""
    row = preset(p.preset, model)
    return row.identity() | preset_switches(p.preset, model)


def _declared(cells: Sequence) -> dict[str, Any]:
    """Names and defaults of the cell that is tagged parameters."""
    tagged = [c.source for c in cells if "parameters" in c.metadata.get("tags", [])]
    nodes = [n for source in tagged for n in ast.parse(source).body]
    return {n.target.id: ast.literal_eval(n.value) for n in nodes if isinstance(n, ast.AnnAssign)}


def _check(path: Path, cells: Sequence, given: Mapping[str, Any]) -> None:
    """The parameters as the notebook itself will check them. Raises InputError."""
    asks = re.compile(r"parameters\.check\(globals\(\), parameters\.(\w+)\)")
    found = next((m for c in cells if (m := asks.search(c.source))), None)
    model = getattr(parameters, found.group(1), None) if found else Run
    if model is None:
        raise InputError(f"{path.name} asks for {found.group(1)}, which parameters.py lacks.")
    try:
        parameters.check(given, model)
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from None


# ---------------------------------------------------------------------------------------- the verb


def run(profile: str, rest: Sequence[str]) -> None:
    """Becomes Snakemake with the Snakefile and a profile of this project, and these words."""
    if find_spec("snakemake") is None:
        raise InputError("Snakemake is not installed: pip install -e '.[batch]'.")
    folder = project_root() / "batch"
    command = [sys.executable, "-m", "snakemake", "-s", str(folder / "Snakefile")]
    os.execv(sys.executable, [*command, "--profile", str(folder / "profiles" / profile), *rest])
