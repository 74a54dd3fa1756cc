"""The command line: `python -m rencgan VERB`; `python -m rencgan VERB --help` lists its options.

Bad input ends in one sentence and the exit status 2. What a verb needs is imported when it runs.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from rencgan.core.errors import InputError
from rencgan.core.files import resolve
from rencgan.core.progress import say_all
from rencgan.data.hops import CLIP
from rencgan.presets.preset import VIDEO_STREAMS
from rencgan.presets.table import ALWAYS, BASES, SCHEDULES

VERBS: dict[str, tuple[Callable, tuple]] = {}


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


SEEDS = option("--seeds", nargs="+", type=int, default=[1], metavar="SEED")
SCHEDULE = "how long the presets 64 and 128 train: as the papers, or 100,000 steps"
AT = option("--preset", default="mini")
SOURCE = option("--source", default="procedural", choices=("procedural", "real"))
FILES = (option("--folder", type=Path, default=resolve("reports/results")), SOURCE)  # of results
RUNS = (  # that are compared
    *(AT, SOURCE),
    option("--schedule", default="short", choices=SCHEDULES, help=SCHEDULE),
    option("--data-root", default="", help="folder of real videos"),
    option("--out", type=Path, default=resolve("reports/results"), help="where the JSON files go"),
    option("--work", type=Path, default=resolve("runs/compare"), help="where checkpoints go"),
)


def typed(path: str | Path) -> str:
    """A path as it was typed in a shell, so relative to where the shell is; no path is none."""
    return str(Path(path).expanduser().absolute()) if str(path) else ""


@verb(
    option("--dataset", default="folder", help="uva, weizmann, kth, ucf101, taichi, sky or folder"),
    option("--source", default="auto", help="auto, real, procedural"),
    option("--data-root", default="", help="folder of the videos"),
    option("--cache-root", type=Path, default=Path("runs/cache")),
    option("--size", type=int, default=64),
    option("--seed", type=int, default=0),
    option("--videos", type=int),
    option("--max-frames", type=int),
    option("--min-frames", type=int),
    option("--test-fraction", type=float),
)
def prepare(o: argparse.Namespace) -> None:
    """Decodes a data set into a cache, and prints its card and its folder."""
    from rencgan.data.card import summary
    from rencgan.data.prepare import prepare, print_progress

    asked = vars(o) | {"data_root": Path(typed(o.data_root)) if o.data_root else None}
    asked["cache_root"] = Path(typed(o.cache_root))
    del asked["verb"], asked["rest"]
    made = prepare(**asked, progress=print_progress)
    print(f"{summary(made.card)}\n{made.path}")


@verb(
    option("system", choices=list(ALWAYS)),
    option("--dataset", help="default: folder with --data-root, else sky"),
    option("--source", default="auto", choices=("auto", "real", "procedural")),
    option("--data-root", default="", help="folder of the videos"),
    option("--preset", default="auto"),
    option("--set", nargs="+", default=[], metavar="FIELD=VALUE", dest="fields", action="extend"),
    option("--schedule", default="published", choices=SCHEDULES, help=SCHEDULE),
    option("--variant", default="", help="of R2's loss, such as v1"),
    option("--init-from", default="", metavar="CHECKPOINT"),
    option("--seed", type=int, default=0),
    option("--processes", type=int, default=1),
    option("--out", type=Path, default=Path("runs"), help="folder of caches and checkpoints"),
)
def train(o: argparse.Namespace) -> None:
    """Trains a system at a preset on a data set (or goes on), and prints its checkpoint. Of r3 the
    fields are those of its GPT; its improved R2 is trained first where it is not there, and so are
    the pairs of motionvideogan.
    """
    from rencgan.core import checkpoint
    from rencgan.studies import recipes
    from rencgan.studies.setting import Training, checked
    from rencgan.training.loop import check_shares

    asked = {k: getattr(o, k) for k in ("source", "preset", "seed")}
    asked["dataset"] = o.dataset or ("folder" if o.data_root else "sky")
    p = checked(asked | {"data_root": typed(o.data_root), "out_root": typed(o.out)}, Training)
    begun = Path(typed(o.init_from)) if o.init_from else None
    fields = {"schedule": o.schedule} | recipes.read_fields(o.system, o.fields)
    fields = (recipes.begun(o.system) if begun else {}) | fields
    fields = vars(recipes.kind_of(o.system).variant(o.variant)) | fields if o.variant else fields
    system, row = recipes.settled(o.system, p.preset, p.dataset, **fields)
    system.check(row)  # here and not after the data was prepared, as what is begun from
    first = BASES.get(o.system)
    under = {"schedule": o.schedule}  # of what it is trained over
    trained = [(system, row)] + (
        [recipes.settled(first, p.preset, p.dataset, **under)] if first else []
    )
    for one, preset in trained:
        check_shares(one, preset, min(o.processes, 1) if one.alone else o.processes)
    if begun:
        checkpoint.load(begun)
    videos = recipes.data(p, model=o.system)

    def job(model: str, base=None, begun: Path | None = None, **fields):
        found = recipes.job(model, p.preset, videos, p.out_dir, p.seed, base, **fields)
        return recipes.placed(replace(found, init_from=begun), p.out_dir)

    if first == "improved-r2":  # not after its base was trained
        from rencgan.r3.tokens import check_enough

        asked = recipes.job(o.system, p.preset, videos, p.out_dir, **fields).preset
        check_enough(videos.select("train"), CLIP // 2, asked)
    base = recipes.trained(job(first, **under), processes=o.processes) if first else None
    work = job(o.system, base, begun, **fields)
    recipes.trained(work, processes=o.processes)
    print(work.out / "checkpoint.pt")


@verb(
    option("real", type=Path),
    option("generated", type=Path),
    option("--protocol", default="ours"),
    option("--extractor", default="compact"),
    option("--reconstructed", type=Path, help="REAL, as a model rebuilds it"),
    option("--size", type=int, help="crop and bring both sides to this many pixels"),
    option("--seed", type=int, default=0),
    option("--json", action="store_true"),
)
def evaluate(o: argparse.Namespace) -> None:
    """Fréchet distances of any two folders of videos, each with its spread and floor."""
    from rencgan.evaluate.folders import run
    from rencgan.evaluate.protocols import protocol

    p = protocol(o.protocol) if o.size is None else protocol(o.protocol).but(size=o.size)
    run(o.real, o.generated, p, o.extractor, o.reconstructed, o.seed, o.json)


@verb(
    option("study", nargs="?", help='such as T4.3, or "all"; none: a list'),
    option("--dry", action="store_true", help="say what it takes, and run nothing"),
    option("--dataset", help="default: those of the study"),
    SEEDS,
    *RUNS,
)
def study(o: argparse.Namespace) -> None:
    """Runs a table or figure of the papers as a study, or lists them and what has been run."""
    from rencgan.studies.catalogue import run_or_show

    given = {"preset": o.preset, "source": o.source, "schedule": o.schedule}
    given["data_root"] = typed(o.data_root)
    given["out_root"] = typed(o.work)
    run_or_show(o.study, o.dataset, o.seeds, given, o.out, o.dry)


@verb(
    option("dataset"),
    option("--models", nargs="*", metavar="NAME", help="default: all; none: real video alone"),
    SEEDS,
    option("--ways", nargs="+", default=[], metavar="WAY", help="default: each model's usual"),
    option("--test-fraction", type=float, help="share of real videos held out"),
    option("--aside", action="store_true", help="files of another recipe move to old/"),
    *RUNS,
)
def compare(o: argparse.Namespace) -> None:
    """Trains and scores models side by side under one budget; makes only what is missing."""
    from rencgan.studies.runs import compare

    given = {k: getattr(o, k) for k in ("dataset", "preset", "source", "schedule")}
    given |= {"data_root": typed(o.data_root), "out_root": typed(o.work)}
    compare(given, o.models, o.seeds, o.ways, o.out, o.test_fraction, o.aside)


@verb(*FILES, AT)
def results(o: argparse.Namespace) -> None:
    """The tables of the result files."""
    from rencgan.studies import entries, results

    entries.check_place(o.folder, [o.preset])
    print(results.page(results.some(o.folder, o.preset, o.source)))


@verb(*FILES, option("--presets", nargs="+", default=["hour", "mini"], metavar="PRESET"))
def ledger(o: argparse.Namespace) -> None:
    """The papers' claims with the verdicts that the result files give."""
    from rencgan.studies import entries, ledger

    entries.check_place(o.folder, o.presets)
    print(ledger.whole(ledger.files(o.folder, o.presets, o.source)))


@verb(
    option("--models", nargs="+", default=[], metavar="NAME", help="default: all"),
    option("--preset", help="default: that of the plain names, such as r2"),
    option(
        "--from", type=Path, metavar="CHECKPOINT", dest="given", help="of one model: no training"
    ),
    option("--videos", type=Path, metavar="FOLDER", help="prepared, that it was trained on"),
    option("--out", type=Path, default=resolve("reports/weights"), help="where the files go"),
    option("--work", type=Path, default=resolve("runs/publish")),
    option("--scores", action="store_true", help="of reports/standing*.json; trains nothing"),
    option("--far", action="store_true", help="of reports/far.json: 10,000 frames of each"),
)
def publish(o: argparse.Namespace) -> None:
    """Trains the networks that come with the project anew, or takes one from its checkpoint."""
    if o.scores or o.far:
        from rencgan.studies import far, results, standing

        named = {"names": o.models} if o.models else {}
        asked = [(standing, named | {"seed": seed}) for seed in standing.FILES] * o.scores
        for of, which in asked + [(far, named)] * o.far:
            print(results.as_markdown(of.table(of.make(**which))))
        return
    from rencgan.studies import publish as of
    from rencgan.studies.weights import PRESET

    names, where = of.chosen(o.models), (Path(typed(o.work)), o.out, o.preset or PRESET)
    if o.given and len(names) != 1:
        raise InputError("--from takes the one model whose checkpoint it is: --models NAME")
    for name in names:
        given = o.given and of.publish_from(o.given, name, *where, o.videos)
        path = given or of.publish(name, *where)
        print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB", flush=True)


@verb(option("--profile", default="local", help="a folder of batch/profiles"))
def batch(o: argparse.Namespace) -> None:
    """Notebooks and comparison as jobs side by side; other words go to Snakemake."""
    from rencgan.notebook.batch import run

    run(o.profile, o.rest)


@verb(
    option("--json", action="store_true", help="every repeat, as JSON"),
    option("--presets", nargs="+", default=[], metavar="PRESET", help="default: all"),
    option("--quick", action="store_true", help="seconds, for a first look"),
    option(
        "--only",
        nargs="+",
        default=[],
        metavar="SECTION",
        help="some of reading, training, contestants, generation, r3, memory, scoring, length ...",
    ),
    option("--lengths", nargs="+", type=int, default=[], metavar="FRAMES", help="of `length`"),
    option("--gpu", action="store_true", help="ten minutes on a GPU, to reports/gpu.json, instead"),
)
def benchmark(o: argparse.Namespace) -> None:
    """Speed of reading, training, generating and scoring here, and peak memory."""
    if o.gpu:
        from rencgan.studies import gpu

        gpu.show()
        return
    from rencgan.studies import benchmark

    benchmark.show(o.presets, o.quick, o.only, o.json, o.lengths)


@verb(
    option("--preset", default="64"),
    option("--video-stream", choices=VIDEO_STREAMS, help="default: the preset's"),
    option("--system", choices=[x for x in ALWAYS if x != "r3"], help="its networks alone"),
    option("--json", action="store_true"),
)
def sizes(o: argparse.Namespace) -> None:
    """Parameter counts of the networks and the GPT, beside the published ones."""
    from rencgan.presets.table import preset
    from rencgan.studies import sizes

    if o.system and o.video_stream:
        raise InputError(f"{o.system} has its own video streams: leave --video-stream out")
    p = preset(o.preset, o.system or "")
    p = p.but(video_stream=o.video_stream) if o.video_stream else p
    counts = sizes.of_system(o.system, o.preset) if o.system else sizes.sizes(p)
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


@verb(option("out_dir", type=Path, help="folder for the page"))
def first_sight(o: argparse.Namespace) -> None:
    """Real sky beside what R2 makes of it, by the weights that come with the project, as a page."""
    from rencgan.notebook.first_sight import write

    print(f"Open {write(o.out_dir)}", flush=True)


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
    return found


def do(argv: Sequence[str]) -> int:
    """Runs a verb with its words; returns the exit status. Raises InputError for bad input."""
    every = parser()
    given, rest = every.parse_known_args(argv)
    if rest and given.verb != "batch":
        every.error(f"unrecognized arguments: {' '.join(rest)}")
    given.rest = rest
    return VERBS[given.verb][0](given) or 0


def main(argv: Sequence[str] | None = None) -> int:
    """The same, of a shell: bad input is one sentence and the status 2."""
    say_all()
    try:
        return do(sys.argv[1:] if argv is None else argv)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
