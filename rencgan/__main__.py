"""The command line: `python -m rencgan VERB`; `python -m rencgan VERB --help` lists its options.

Bad input ends in one sentence and the exit status 2. What a verb needs is imported when it runs.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from rencgan.core.errors import InputError

VERBS: dict[str, tuple[Callable, tuple]] = {}
ELSEWHERE = {  # verb -> the module whose `main` takes the other words
    "prepare": "rencgan.data.prepare",
    "evaluate": "rencgan.evaluate.__main__",
    "study": "rencgan.studies.catalogue",
    "compare": "rencgan.studies.runs",
    "results": "rencgan.studies.results",
    "ledger": "rencgan.studies.ledger",
    "publish": "rencgan.studies.publish",
    "batch": "rencgan.notebook.batch",
}
SYSTEMS = ("encgan3", "r2", "improved-r2", "lencgan", "ar2", "r3")


def option(*names: str, **settings) -> tuple[tuple, dict]:
    """An argument as `add_argument` takes it."""
    return names, settings


def verb(*options: tuple[tuple, dict]) -> Callable:
    """Makes a function a verb: its name, the first line of its docstring, these options. It takes
    the parsed options and returns the exit status, or None for 0.
    """

    def add(work: Callable) -> Callable:
        VERBS[work.__name__.replace("_", "-")] = work, options
        return work

    return add


@verb(
    option("system", choices=SYSTEMS),
    option("--dataset", default="sky"),
    option("--source", default="auto", choices=("auto", "real", "procedural")),
    option("--data-root", default="", help="folder of the videos"),
    option("--preset", default="auto"),
    option("--set", nargs="+", default=[], metavar="FIELD=VALUE", dest="fields", action="extend"),
    option("--variant", default="v4", help="of R2's loss"),
    option("--init-from", default="", metavar="CHECKPOINT"),
    option("--seed", type=int, default=0),
    option("--processes", type=int, default=1),
    option("--out", type=Path, default=Path("runs"), help="folder of caches and checkpoints"),
)
def train(o: argparse.Namespace) -> None:
    """Trains a system at a preset on a data set (or goes on), and prints its checkpoint. Of r3 the
    fields are those of its GPT; its improved R2 is trained first where it is not there.
    """
    from rencgan.notebook import parameters, steps, steps_r3

    asked = {k: getattr(o, k) for k in ("dataset", "source", "preset", "seed", "processes")}
    for name in ("data_root", "init_from"):  # typed in a shell, so relative to where the shell is
        given = getattr(o, name)
        asked[name] = str(Path(given).expanduser().absolute()) if given else ""
    asked["out_root"], fields = str(o.out.expanduser().absolute()), changes(o.fields)
    if o.system == "r3":
        asked["head"] = fields.pop("head", "regression")
        p = parameters.check(asked, parameters.R3Run)
    else:
        p = parameters.check(asked, parameters.REncGANRun)
    videos = steps.data(p)
    if o.system == "r3":
        r2, _ = steps.trained(p, "r2", videos, steps.improved_r2_recipe(p))
        ((_, job),) = steps_r3.trained(p, r2, videos, **fields).values()
    else:
        recipes = steps.RECIPES | {"improved-r2": steps.improved_r2_recipe}
        kind = o.system.removeprefix("improved-")
        recipe = recipes[o.system](p).but(**fields)
        _, job = steps.trained(p, kind, videos, recipe, o.variant)
    print(job.out / "checkpoint.pt")


def changes(texts: Sequence[str]) -> dict:
    """["batch=4", "video_stream=3d"] as fields of a preset; what is no JSON is text."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"--set takes field=value, not {text!r}")
        try:
            found[name] = json.loads(value)
        except json.JSONDecodeError:
            found[name] = value
    return found


@verb(
    option("--json", action="store_true", help="every repeat, as JSON"),
    option("--presets", nargs="+", default=[], metavar="PRESET", help="default: all"),
    option("--quick", action="store_true", help="seconds, for a first look"),
    option(
        "--only",
        nargs="+",
        default=[],
        metavar="SECTION",
        help="some of reading, training, contestants, generation, r3, memory, scoring",
    ),
)
def benchmark(o: argparse.Namespace) -> None:
    """Speed of reading, training, generating and scoring here, and peak memory."""
    from rencgan.studies import benchmark

    benchmark.show(o.presets, o.quick, o.only, o.json)


@verb(
    option("--preset", default="64"),
    option("--video-stream", choices=("1p2d", "3d"), help="default: the preset's"),
    option("--kind", choices=("encgan3", "lencgan"), default="encgan3", help="whose encoder"),
    option("--json", action="store_true"),
)
def sizes(o: argparse.Namespace) -> None:
    """Parameter counts of the networks and the GPT, beside the published ones."""
    from rencgan.presets.table import preset
    from rencgan.studies import sizes

    p = preset(o.preset)
    p = p.but(video_stream=o.video_stream) if o.video_stream else p
    counts = sizes.sizes(p, o.kind)
    print(json.dumps(counts) if o.json else sizes.as_text(counts))


@verb(
    option("out_dir", type=Path, help="folder for the pages"),
    option("notebooks", type=Path, nargs="+", help="executed notebooks"),
)
def report(o: argparse.Namespace) -> int:
    """Executed notebooks as pages; the others are made where one cannot be."""
    from rencgan.notebook.report import export

    failed = 0
    for notebook in o.notebooks:
        try:
            print(f"Open {export(notebook, o.out_dir)}", flush=True)
        except InputError as error:
            failed = 1
            print(f"InputError: {error}", file=sys.stderr, flush=True)
    return failed


@verb(
    option("folder", type=Path, help="real videos, a folder for each class"),
    option(
        "--scene",
        action="append",
        default=[],
        metavar="PATTERN",
        help="names with this regular expression, and the same text in its groups, are one scene",
    ),
    option("--extractor", default="compact"),
    option("--draws", type=int, default=6, help="at least 2"),
    option("--json", type=Path, help="write the table there as well"),
)
def fitness(o: argparse.Namespace) -> None:
    """Is an extractor fit to judge? What its distance does when real video is spoilt on purpose."""
    from rencgan.evaluate.fitness import run

    run(o.folder, o.scene, o.extractor, o.draws, o.json)


@verb(
    option("--steps", type=int, help="default: those of the network that ships"),
    option("--out", type=Path, help="default: the file that ships"),
)
def fit_compact(o: argparse.Namespace) -> None:
    """Trains the embedded feature extractor anew."""
    from rencgan.evaluate.fit_compact import run

    run(**{k: v for k, v in (("steps", o.steps), ("out", o.out)) if v})


@verb(option("file", type=Path, nargs="?", default=Path("README.md")))
def readme(o: argparse.Namespace) -> None:
    """Puts what reports/ holds into the README, and makes its picture, chart and page of tables."""
    from rencgan.notebook import readme

    readme.make(o.file)


def parser() -> argparse.ArgumentParser:
    """All verbs with their options."""
    found = argparse.ArgumentParser(prog="python -m rencgan", description=__doc__.split("\n")[0])
    each = found.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, (work, options) in VERBS.items():
        about = " ".join(work.__doc__.split())
        one = each.add_parser(name, description=about, help=about.partition(". ")[0])
        for names, settings in options:
            one.add_argument(*names, **settings)
    for name in ELSEWHERE:
        each.add_parser(name, add_help=False, help=f"see {name} --help")
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a verb; returns the exit status."""
    argv = list(sys.argv[1:] if argv is None else argv)
    try:
        if argv and argv[0] in ELSEWHERE:
            return import_module(ELSEWHERE[argv[0]]).main(argv[1:]) or 0
        given = parser().parse_args(argv)
        return VERBS[given.verb][0](given) or 0
    except InputError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
