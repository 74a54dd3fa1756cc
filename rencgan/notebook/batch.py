"""The study as jobs that may run side by side, here or on a cluster: `batch/Snakefile` runs them.

The notebooks of a data set, one after another; every contestant and seed of the comparison; the
tables of all results, and the notebooks from 06 up, which read them; a page for each notebook that
was executed. Each job is one command that resumes what it had begun.

A job's recipe is all that decides what it leaves, as plain values in a small file: what is no part
of it (comments in YAML, markdown and dates of notebooks) runs nothing again. What a job
leaves is no output to Snakemake, which deletes the outputs of jobs that fail; its mark is, a copy
of the recipe.

    python -m rencgan.notebook.batch FOLDER KIND/NAME    does one job of the batch in FOLDER
"""

import argparse
import ast
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import nbformat
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from rencgan.core.errors import InputError
from rencgan.core.files import alone, project_root, resolve
from rencgan.data import sets as datasets
from rencgan.notebook import parameters
from rencgan.notebook import steps as study
from rencgan.notebook import steps_r3 as study_r3
from rencgan.notebook.parameters import AR2Run, Run
from rencgan.presets.preset import PRESETS
from rencgan.studies.catalogue import Study, ways_of
from rencgan.studies.catalogue import study as study_of
from rencgan.studies.runs import task_of
from rencgan.studies.trainees import slug, switches
from rencgan.studies.variants import COMPARED, CONTESTANTS, WAYS, Contestant, contestant
from rencgan.training import shared as warmups
from rencgan.training.loop import Job as Training

KINDS = ("notebook", "real", "contestant", "table", "page")
FOLLOWS = {"02": "01", "03": "02", "04": "03", "05": "03"}  # a notebook and the one before it
READS_RESULTS = "06"  # the first notebook that reads what the comparison wrote
# Preset: threads, memory in MiB, GPUs and minutes that a training with its scores is given. A job
# that runs out of its minutes resumes. Those of 64 and 128 are guesses.
TRAINING = {
    "smoke": (1, 3000, 0, 30),
    "mini": (1, 4000, 0, 240),
    "slim": (1, 4000, 0, 240),
    "64": (4, 16000, 1, 2880),
    "128": (4, 32000, 1, 5760),
}
LIGHT = (1, 3000, 0, 60)


# ----------------------------------------------------------------------------------- what is asked

RIGHT = {
    "datasets": "one or more names of data sets",
    "test_fraction": "a number between 0 and 1, or null",
    "seed": "a whole number",
    "seeds": "whole numbers",
    "contestants": "`all`, `compared`, or names of contestants",
    "ways": "names of ways of drawing codes",
    "notebooks": "`all` or numbers of notebooks in quotes, such as ['01', '03']",
    "parameters": "parameters by the number of their notebook, such as {'04': {'frames': 500}}",
}


class Plan(BaseModel):
    """The settings of a batch: see batch/config.yaml, which explains each."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    datasets: list[str]
    preset: str
    source: Literal["procedural", "real"] = "procedural"
    data_root: str = ""
    test_fraction: float | None = None
    seed: int = 0
    seeds: list[int] = [1]
    contestants: Literal["all", "compared"] | list[str] = "all"
    ways: list[str] = []
    notebooks: Literal["all"] | list[str] = "all"
    notebook_folder: str = "notebooks"
    parameters: dict[str, dict[str, Any]] = {}
    out: str = "runs/batch"

    @field_validator("preset", mode="before")
    @classmethod
    def _preset_as_text(cls, name: Any) -> Any:
        return parameters.as_text(name)

    @field_validator("datasets", "seeds", "ways", "contestants", "notebooks", mode="before")
    @classmethod
    def _one_is_a_list(cls, given: Any) -> Any:
        """`--config datasets=sky`."""
        one = type(given) is int or (isinstance(given, str) and given not in ("all", "compared"))
        return [given] if one else given

    @field_validator("seeds", mode="before")
    @classmethod
    def _numbers(cls, given: Any) -> Any:
        """Snakemake's command line makes texts of the numbers in brackets."""
        return [_number(v) for v in given] if isinstance(given, list) else given

    @field_validator("parameters", mode="before")
    @classmethod
    def _numbers_below(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not all(isinstance(v, dict) for v in given.values()):
            return given
        return {k: {n: _number(v) for n, v in own.items()} for k, own in given.items()}

    @property
    def root(self) -> Path:
        return resolve(self.out)

    def run(self, dataset: str, seed: int) -> AR2Run:
        """The parameters with which rencgan.studies.runs trains and scores."""
        given = {"dataset": dataset, "source": self.source, "data_root": self.data_root}
        given |= {"preset": self.preset, "seed": seed, "out_root": str(self.root / "compare")}
        return parameters.check(given, AR2Run)


def _number(given: Any) -> Any:
    """A number that is written as a text as the number."""
    for kind in (int, float):
        if isinstance(given, str):
            with suppress(ValueError):
                given = kind(given)
    return given


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
    for name, given_list in (("datasets", found.datasets), ("seeds", found.seeds)):
        if not given_list or len(set(given_list)) < len(given_list):
            raise InputError(f"{name} = {given_list!r} should name at least one, and none twice.")
    for dataset in found.datasets:
        for seed in (found.seed, *found.seeds):
            found.run(dataset, seed)
    if wrong := [w for w in found.ways if w not in WAYS]:
        raise InputError(f"codes are drawn by {', '.join(WAYS)}, not {wrong[0]!r}.")
    if found.test_fraction is not None and not 0 < found.test_fraction < 1:
        raise InputError(
            f"test_fraction = {found.test_fraction} should be {RIGHT['test_fraction']}."
        )
    return found


def _sentence(error: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    name = str(error["loc"][0])
    fields = list(Plan.model_fields)
    if error["type"] == "extra_forbidden":
        return f"unknown setting {name!r}{parameters.close(name, fields)}: it is one of " + (
            ", ".join(fields)
        )
    if error["type"] == "missing":
        return f"the setting {name!r} is missing; it should be {RIGHT.get(name, 'a text')}"
    right = RIGHT.get(name, "procedural or real" if name == "source" else "a text")
    return f"{name} = {given[name]!r} should be {right}"


# ---------------------------------------------------------------------------------------- the jobs


@dataclass(frozen=True)
class Job:
    """One command. `needs` are jobs whose products it reads: where they run again, so does it.
    `after` are jobs that only go first: what they leave is found, or else made by the job itself.
    """

    kind: str
    name: str
    recipe: dict
    command: tuple[str, ...]
    products: tuple[Path, ...]
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    light: bool = False  # trains nothing

    @property
    def id(self) -> str:
        return f"{self.kind}/{self.name}"

    @property
    def text(self) -> str:
        """The recipe as its file and the mark hold it."""
        return json.dumps(self.recipe, indent=1, sort_keys=True) + "\n"

    def resources(self, preset: str) -> dict[str, int]:
        """What it is given: threads, mem_mb, gpu, runtime in minutes."""
        given = LIGHT if self.light else TRAINING[preset]
        return dict(zip(("threads", "mem_mb", "gpu", "runtime"), given, strict=True))


def jobs(p: Plan) -> dict[str, Job]:
    """All jobs of a batch by their id. Raises InputError for names that there are not, and for
    recipes that a preset or a notebook refuses.
    """
    scored = [job for d in p.datasets for s in p.seeds for job in _compared(p, d, s)]
    results = tuple(job.id for job in scored)
    made = list(scored)
    if any(job.kind == "contestant" for job in scored):
        made.append(_table(p, results))
    paths = _notebooks(p)
    for dataset in p.datasets:
        for number, path in paths.items():
            job = _notebook(p, dataset, number, path, list(paths), results)
            made += [job, _page(p, job)]
    return {job.id: job for job in made}


def _python(module: str, *arguments: object) -> tuple[str, ...]:
    return sys.executable, "-m", module, *map(str, arguments)


def _data(p: Plan, dataset: str, seed: int) -> dict:
    """What decides the prepared frames, but for what a preset says of them. Real videos by name,
    size and date: their contents would take long to read each time.
    """
    found = {"dataset": dataset, "source": p.source, "seed": seed}
    if p.source == "procedural":
        return found
    folder = datasets.locate(dataset, resolve(p.data_root) if p.data_root else None)
    videos = datasets.discover(folder)[0] if folder else []
    if not videos:
        raise InputError(f"no video was found; {datasets.where_to_put(dataset)}.")
    told = [(str(v.relative_to(folder)), (s := v.stat()).st_size, s.st_mtime_ns) for v in videos]
    return found | {"videos": _digest(told)}


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]


# ---------------------------------------------------------------------------------- the comparison


def _chosen(p: Plan) -> list[Contestant]:
    """The contestants that are asked for, and those that they are built on. `all` leaves out those
    whose budget the preset does not know.
    """
    if isinstance(p.contestants, list):
        names = [contestant(name).name for name in p.contestants]
    else:
        names = list(COMPARED if p.contestants == "compared" else CONTESTANTS)
        if p.preset != "mini":
            names = [n for n in names if "equal" not in n]
    if studied := _studied(p):
        names += studied.contestants
    names = [n for name in names for n in (CONTESTANTS[name].base, name) if n]
    return [c for c in CONTESTANTS.values() if c.name in names]


def _studied(p: Plan) -> Study | None:
    """The study that notebook 06 is asked to run: its contestants are jobs of the batch too, so
    that it finds them made. Raises InputError for one that trains nothing, or other seeds.
    """
    given = p.parameters.get(READS_RESULTS, {})
    if not given.get("study") or READS_RESULTS not in _notebooks(p):
        return None
    found, seeds = study_of(given["study"]), str(given.get("seeds", 1)).split()
    if not found.variants:
        raise InputError(f"study {found.name!r} trains nothing; it is made by {found.by}.")
    if wrong := [s for s in seeds if s not in map(str, p.seeds)]:
        raise InputError(f"notebook 06 asks for seed {wrong[0]}; the batch has seeds {p.seeds}.")
    return found


def _asked(p: Plan, c: Contestant) -> list[str]:
    """The ways of drawing codes that a contestant is asked for."""
    asked = [w for w in p.ways if w in c.ways] or ([] if p.ways else list(c.usual))
    if studied := _studied(p):
        asked += [w for w in ways_of(studied, c.name) if w not in asked]
    return asked


def _compared(p: Plan, dataset: str, seed: int) -> list[Job]:
    """The jobs of one data set and seed: real video, then the contestants."""
    chosen = _chosen(p)
    if not chosen:
        return []
    run, data = p.run(dataset, seed), _data(p, dataset, seed)
    begin = (f"notebook/{dataset}-01_data",) if "01" in _notebooks(p) else ()
    stem, task = f"{dataset}-{p.source}-{p.preset}", asdict(task_of(p.preset))
    preset = PRESETS[p.preset]
    kept = {n: getattr(preset, n) for n in ("size", "max_videos", "max_frames")}
    kept["test fraction"] = p.test_fraction
    common = {"data": data | kept, "task": task}

    def job(kind: str, name: str, recipe: dict, after: Sequence[str], *options: str) -> Job:
        result = p.root / "results" / f"{stem}-{name}-seed{seed}.json"
        given = _compare_options(p, seed)
        command = _python("rencgan.studies.runs", dataset, *given, "--models", *options)
        light = kind == "real"
        products = (result,)
        return Job(
            kind, f"{dataset}-{name}-seed{seed}", recipe, command, products, (), tuple(after), light
        )

    real = job("real", "real", common, begin)
    made, leaders = [real], {}
    for c in chosen:
        asked = _asked(p, c)
        based = any(c.name == other.base for other in chosen)
        if not asked and not based:
            continue
        asked = asked or list(c.usual)
        first = leaders.setdefault(_warm_up(c, run) or c.name, c.name)
        before = [n for n in (c.base, first) if n and n != c.name]
        after = [real.id, *(f"contestant/{dataset}-{slug(n)}-seed{seed}" for n in before)]
        recipe = common | {"model": _model(c, run), "ways": asked}
        made.append(job("contestant", slug(c.name), recipe, after, c.name, "--ways", *asked))
    return made


def _compare_options(p: Plan, seed: int) -> list[str]:
    given = ["--seeds", str(seed), "--preset", p.preset, "--source", p.source]
    given += ["--data-root", p.data_root] if p.data_root else []
    given += ["--test-fraction", str(p.test_fraction)] if p.test_fraction is not None else []
    return given + ["--out", str(p.root / "results"), "--work", str(p.root / "compare")]


def _model(c: Contestant, run: Run) -> dict:
    """What decides a contestant's weights, and what is made of them, but for the data."""
    found = {"contestant": c.name, "kind": c.kind, "preset": c.preset(run).as_dict()}
    found |= {"step": c.step, "lengths": list(c.lengths), "long": c.long, "fourth": c.fourth}
    if c.kind == "r3":
        return found | {"base": _model(CONTESTANTS[c.base], run)}
    own = {"variant": c.variant, "sampling": c.sampling, "switches": dict(switches(c, run))}
    return found | own


def _warm_up(c: Contestant, run: Run) -> str:
    """Names the warm-ups that a contestant shares with others of its seed; "" for none. One of them
    goes first, so that they are trained once.
    """
    if c.kind == "r3":
        return ""
    changes = switches(c, run)
    job = Training(c.kind, c.preset(run), Path(), Path(), run.seed, c.variant, changes, warm=Path())
    if not warmups.end(job):
        return ""
    kept = {k: v for k, v in asdict(job.objective()).items() if k not in warmups.LATER}
    return _digest([c.kind, c.step, c.sampling, job.preset.as_dict(), kept])


def _table(p: Plan, results: tuple[str, ...]) -> Job:
    command = _python("rencgan.studies.results", "--folder", p.root / "results")
    command += ("--preset", p.preset, "--source", p.source)
    recipe = {"results": sorted(results)}
    page = p.root / "results.md"
    return Job("table", "results", recipe, command, (page,), results, light=True)


# ----------------------------------------------------------------------------------- the notebooks


def _notebooks(p: Plan) -> dict[str, Path]:
    """The notebooks that are asked for by their number."""
    folder = resolve(p.notebook_folder)
    found = {path.name[:2]: path for path in sorted(folder.glob("0[0-9]_*.ipynb"))}
    chosen = list(found) if p.notebooks == "all" else p.notebooks
    if wrong := [n for n in [*chosen, *p.parameters] if n not in found]:
        raise InputError(
            f"{folder} has no notebook {wrong[0]!r}, but {', '.join(found) or 'none'}."
        )
    return {n: path for n, path in found.items() if n in chosen}


def _before(number: str, there: Sequence[str], given: Mapping[str, Any]) -> list[str]:
    """Numbers of the notebooks that go before one, of those that are there."""
    before, found = FOLLOWS.get(number), []
    while before and before not in there:
        before = FOLLOWS.get(before)
    found += [before] if before else []
    if (number, given.get("first_clip")) == ("05", "ar2") and "04" in there:
        found.append("04")  # trains that AR2
    return found


def _notebook(
    p: Plan, dataset: str, number: str, path: Path, there: Sequence[str], results: Sequence[str]
) -> Job:
    cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    common = {"dataset": dataset, "source": p.source, "data_root": p.data_root, "seed": p.seed}
    common |= {"preset": p.preset, "out_root": str(p.root)}
    common |= {"results_root": str(p.root / "results")}
    declared = _declared(cells)
    own = p.parameters.get(number, {})
    known = [n for n in declared if n not in common]
    if wrong := [n for n in own if n not in known]:
        close = parameters.close(wrong[0], known)
        raise InputError(
            f"{path.name} has no parameter {wrong[0]!r} of its own{close}: "
            f"it is one of {', '.join(known)}."
        )
    given = {n: v for n, v in common.items() if n in declared} | own
    run = _checked(path, cells, declared | given)
    recipe = {
        "code": _digest([c.source for c in cells]),
        "parameters": {n: v for n, v in given.items() if n not in ("out_root", "results_root")},
        "recipes": _recipes(number, run),
        "data": _data(p, dataset, p.seed),
    }
    done = p.root / "notebooks" / dataset / path.name
    command = _python("papermill", path, done, "--no-progress-bar", "-k", "python3")
    command += ("-y", json.dumps(given))
    before = _before(number, there, given)
    needs = [f"notebook/{dataset}-{_notebooks(p)[n].stem}" for n in before]
    needs += results if number >= READS_RESULTS else []
    shows = number == "01" or number >= READS_RESULTS
    name = f"{dataset}-{path.stem}"
    return Job("notebook", name, recipe, command, (done,), tuple(needs), (), shows)


def _declared(cells: Sequence) -> dict[str, Any]:
    """Names and defaults of the cell that is tagged parameters."""
    tagged = [c.source for c in cells if "parameters" in c.metadata.get("tags", [])]
    nodes = [n for source in tagged for n in ast.parse(source).body]
    return {n.target.id: ast.literal_eval(n.value) for n in nodes if isinstance(n, ast.AnnAssign)}


def _checked(path: Path, cells: Sequence, given: Mapping[str, Any]) -> Run:
    """The parameters as the notebook itself will check them. Raises InputError."""
    asks = re.compile(r"parameters\.check\(globals\(\), parameters\.(\w+)\)")
    found = next((m for c in cells if (m := asks.search(c.source))), None)
    model = getattr(parameters, found.group(1), None) if found else Run
    if model is None:
        raise InputError(f"{path.name} asks for {found.group(1)}, which parameters.py lacks.")
    try:
        return parameters.check(given, model)
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from None


def _recipes(number: str, run: Run) -> list[dict]:
    """The recipes of what a notebook trains, and of nothing else."""
    if number == "02":
        found = [study.encgan3_recipe(run)]
    elif number == "03":
        found = [study.r2_recipe(run)]
        found += [study.lencgan_recipe(run)] if run.control == "lencgan" else []
    elif number == "04":
        found = [study.ar2_recipe(run), study.r2_recipe(run)]
    elif number == "05":
        found = [study.improved_r2_recipe(run)]
        found += [study_r3.recipe(run, head) for head in study_r3.heads(run)]
        found += [study.ar2_recipe(run)] if run.first_clip == "ar2" else []
    else:
        found = [study.recipe(run)]
    return [recipe.as_dict() for recipe in found]


def _page(p: Plan, notebook: Job) -> Job:
    (done,) = notebook.products
    page = p.root / "html" / done.parent.name / f"{done.stem}.html"
    command = _python("rencgan.notebook.report", page.parent, done)
    recipe = {"notebook": notebook.name}
    needs = (notebook.id,)
    return Job("page", notebook.name, recipe, command, (page,), needs, light=True)


# ------------------------------------------------------------------------------------- marks, state


@dataclass(frozen=True)
class Place:
    """Where a batch keeps its files, below the output root."""

    root: Path

    def recipe(self, job: Job) -> Path:
        return self.root / "batch" / "recipes" / f"{job.id}.json"

    def mark(self, job: Job) -> Path:
        return self.root / "batch" / "done" / job.id

    def begun(self, job: Job) -> Path:
        """The recipe, without its ways, of the result file that lies there."""
        return self.root / "batch" / "begun" / f"{job.id}.json"

    def log(self, kind: str, name: str) -> Path:
        return self.root / "batch" / "logs" / kind / f"{name}.txt"

    @property
    def plan(self) -> Path:
        return self.root / "batch" / "plan.json"

    def done(self, job: Job) -> bool:
        """Whether its mark is there, of the same recipe, and so are its products."""
        mark = self.mark(job)
        same = mark.is_file() and mark.read_text(encoding="utf-8") == job.text
        return same and all(path.exists() for path in job.products)

    def lay_out(self, p: Plan, made: Mapping[str, Job]) -> None:
        """Writes the settings and the recipes that changed, so that Snakemake sees which did, and
        removes the marks of jobs whose products are gone.
        """
        _write(self.plan, json.dumps(p.model_dump(), indent=1) + "\n")
        for job in made.values():
            _write(self.recipe(job), job.text)
            if not all(path.exists() for path in job.products):
                self.mark(job).unlink(missing_ok=True)

    def inputs(self, job: Job, made: Mapping[str, Job]) -> list[Path]:
        """The files after which Snakemake runs a job. Jobs that only go first are among them as
        long as the job has to run, and never a reason to run it.
        """
        before = [*job.needs, *(() if self.done(job) else job.after)]
        return [self.recipe(job), *(self.mark(made[name]) for name in before if name in made)]


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and only where it changes anything."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


# -------------------------------------------------------------------------------------- doing a job


def do(folder: Path, name: str) -> None:
    """Does one job of the batch in `folder`, and leaves its mark. Waits for another process that
    does it (one whose Snakemake was killed, say). Raises InputError for a command that failed, and
    for a recipe that changed since the batch was laid out or while the command ran.
    """
    place = Place(folder)
    p = plan(json.loads(place.plan.read_text(encoding="utf-8")))
    job = _current(place, p, name)
    with alone(folder / "batch" / "locks" / job.id) as lock:
        if place.done(job):
            return
        if job.kind in ("real", "contestant"):
            _set_aside(place, job)
        _run(place, job, lock)
        if _current(place, p, name) != job:
            raise InputError(_changed(name))
        _write(place.mark(job), job.text)


def _current(place: Place, p: Plan, name: str) -> Job:
    found = jobs(p).get(name)
    if found is None:
        raise InputError(f"the batch in {place.root} has no job {name!r}.")
    if place.recipe(found).read_text(encoding="utf-8") != found.text:
        raise InputError(_changed(name))
    return found


def _changed(name: str) -> str:
    return f"what {name} is made of changed meanwhile; start the batch again."


def _run(place: Place, job: Job, lock: int) -> None:
    """Runs the command at the project's root; it holds the lock too, should it be left alone. A
    notebook that fails is kept, with a page of it.
    """
    for path in job.products:
        path.parent.mkdir(parents=True, exist_ok=True)
    print(" ".join(job.command), flush=True)
    options = {"cwd": project_root(), "text": True, "check": False, "pass_fds": (lock,)}
    options |= {"stdout": subprocess.PIPE} if job.kind == "table" else {}
    ended = subprocess.run(job.command, **options)
    if ended.returncode == 0:
        if job.kind == "table":
            _write(job.products[0], ended.stdout)
        return
    shown = ""
    if job.kind == "notebook" and job.products[0].exists():
        page = _page_of(place, job)
        subprocess.run(
            _python("rencgan.notebook.report", page.parent, job.products[0]), check=False
        )
        shown = f"; {page} shows where"
    raise InputError(f"{job.id} stopped{shown}. Start the batch again to go on.")


def _page_of(place: Place, job: Job) -> Path:
    (done,) = job.products
    return place.root / "html" / done.parent.name / f"{done.stem}.html"


def _set_aside(place: Place, job: Job) -> None:
    """Results of another recipe give way, since studies.runs adds to a file only what is of the
    same one. Other ways of drawing codes are no other recipe.
    """
    text = json.dumps({k: v for k, v in job.recipe.items() if k != "ways"}, sort_keys=True) + "\n"
    begun, (result,) = place.begun(job), job.products
    if begun.is_file() and begun.read_text(encoding="utf-8") != text and result.exists():
        old = result.parent / "old" / f"{result.stem}-{_digest(begun.read_text())}.json"
        old.parent.mkdir(exist_ok=True)
        os.replace(result, old)
    _write(begun, text)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="rencgan.notebook.batch", description=__doc__.split("\n")[0]
    )
    parser.add_argument("folder", type=Path, help="output root of a batch")
    parser.add_argument("job", help="kind/name, as batch/recipes/ has them")
    o = parser.parse_args(argv)
    do(o.folder.resolve(), o.job)


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        raise SystemExit(f"{error}") from None
