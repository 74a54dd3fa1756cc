"""What notebook 07 does, one call a step: the baselines' trainings and scores as the comparison has
them, their rows beside this study's own, both judges, published numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from rencgan.core.errors import InputError
from rencgan.core.files import resolve, slug
from rencgan.data.videoset import VideoSet
from rencgan.evaluate.references import SHUFFLED, references
from rencgan.models.trained import Trained
from rencgan.notebook import steps
from rencgan.notebook.parameters import BASELINES_AT
from rencgan.notebook.scoring import PRINTED
from rencgan.notebook.sections import benchmark
from rencgan.notebook.tiles import enlarge
from rencgan.studies import main_table, papers, recipes, results, runs, trained_checks, weights
from rencgan.studies.departures import departures as departures_of
from rencgan.studies.references import REAL, run_real
from rencgan.studies.scored import judge, scored
from rencgan.studies.setting import Setting, checked
from rencgan.studies.trainees import trainee
from rencgan.studies.unseen import Unseen, task_of, unseen
from rencgan.studies.variants import CONTESTANTS, contestant
from rencgan.training.loop import Job

WORK = "compare"  # below a run's folder, where `python -m rencgan compare` leaves trainings too
SYSTEMS = {"stylegan-v": "StyleGAN-V", "ivgan": "iVGAN, 0-GP", "motionvideogan": "MotionVideoGAN"}
CRITICS = tuple(  # the six; others differ from one of them by more than a variant
    n for n, c in CONTESTANTS.items() if c.kind == "ivgan" and not (c.switches or c.scale)
)
OURS = ("R2", "improved R2", "AR2", "R3, regression", "R3, mixture", "R3, flow")
OTHERS = ("G3AN",)  # shown where it was run
TIMES = {"train s": "clock", "processor s": "processor"}  # of a training, in results
LENGTHS = "benchmark-length.json"
IVGAN, IVGAN_SETS = "iVGAN", ("golf", "beach")
PAPERS = ("StyleGAN-V", "MotionVideoGAN", IVGAN)
LONG, CLIPS = 2, 16  # videos that checks look at
SEEN: dict[tuple, Unseen] = {}  # drawing them takes a minute
Models = Mapping[str, tuple[Trained, Job]]
Videos = Sequence[np.ndarray]  # each (T, H, W, 3) uint8


# ------------------------------------------------------------------------------------ the trainings


def names(p) -> list[str]:
    """The contestants that a run trains, or shows as they were published."""
    chosen = [SYSTEMS[kind] for kind in p.system_list]
    more = CRITICS if p.critics == "all" and "ivgan" in p.system_list else ()
    return list(dict.fromkeys([*chosen, *more]))


def setting(p, videos: VideoSet) -> Setting:
    """The run as the comparison asks it, of the data that was found."""
    given = {n: getattr(p, n) for n in ("dataset", "preset", "seed", "data_root")}
    given |= {"source": videos.card["source"], "out_root": str(resolve(p.out_root) / WORK)}
    return checked(given)


def trained(p, name: str, videos: VideoSet) -> tuple[Trained, Job]:
    """The model of a contestant and its training: made, gone on with or found finished; or, with
    the parameter weights 'published', as it comes with the project.
    """
    c, asked = contestant(name), setting(p, videos)
    own = recipes.data_of(asked, c.kind, videos)
    whole = trainee(c, asked, own, Path(asked.out_root))
    if p.weights == "published":
        return steps.published_model(p, whole.job)
    model, _ = whole.trained()
    if not whole.base:
        return model, whole.job
    out = whole.job.out.with_name(f"{whole.job.out.name}-{model.base.digest}")
    return model, replace(whole.job, base=model.base, out=out)


def score(p, name: str, videos: VideoSet) -> Path | None:
    """A contestant's result file (none: real video's), with what it lacked: trained and scored as
    `python -m rencgan compare` does. What is published is scored already.
    """
    asked = setting(p, videos)
    task, out = task_of(asked.preset, asked.source), p.results_path
    if p.weights == "published":
        return None
    if name == REAL:
        return run_real(asked, videos, task, out)
    c = contestant(name)
    return runs.run(c, asked, videos, c.usual, task, out, Path(asked.out_root))


def real_of(p, videos: VideoSet, kind: str = "") -> Unseen:
    """The videos that a kind of model is scored on."""
    asked = setting(p, videos)
    own = recipes.data_of(asked, kind, videos)
    if (asked, own.size) not in SEEN:
        SEEN[asked, own.size] = unseen(asked, own, task_of(asked.preset, asked.source))
    return SEEN[asked, own.size]


def beginning() -> list[str]:
    """The networks that the page begins with beside real sky: R2 and the baselines that come with
    the project, or else this study's own.
    """
    endless = [n for n in SYSTEMS.values() if not recipes.kind_of(contestant(n).kind).longest]
    known = [n for n in map(slug, endless) if published(n, BASELINES_AT)]
    return ["r2", *(known or ["ar2", "r3-mixture"])]


def published(name: str, preset: str) -> bool:
    """Whether a network of that name comes with the project at a preset."""
    return weights.is_published(weights.at(name, preset))


def departures(models: Models, videos: VideoSet) -> dict[str, list[dict]]:
    """Rows of the tables that tell in what trainings leave the papers, by whose they are; what a
    model is trained over first.
    """
    every = {}
    for name, (model, _) in models.items():
        every |= {model.base.name: model.base} if model.base else {}
        every[name] = model
    dataset = videos.card.get("dataset", "")
    return {n: departures_of(m.system, m.preset, dataset) for n, m in every.items()}


# ------------------------------------------------------------------------------------------- videos


def shown(models: Models, frames: int, count: int, seed: int) -> dict[str, list[np.ndarray]]:
    """Videos of each model: of so many frames, or as many as it makes."""
    found = {}
    for name, (model, _) in models.items():
        most = min(frames, model.system.longest or frames)
        found[name] = list(model.videos(most, videos=count, seed=seed))
    return found


def footage(p, videos: VideoSet) -> list[np.ndarray]:
    """Real videos that no model was trained on, as long as any that are scored."""
    found = real_of(p, videos)
    return found.real(found.frames)


def tiles(real: Videos, made: Mapping[str, Videos], frames: int) -> tuple[list, list[str]]:
    """Videos for one player and their titles: a row of real ones, then a row a model; smaller ones
    (at smoke) are enlarged by repeating pixels.
    """
    sides = ({"real": [v[:frames] for v in real]} if real else {}) | dict(made)
    many = min(map(len, sides.values()), default=0)
    clips = [v for side in sides.values() for v in side[:many]]
    size = max((v.shape[2] for v in clips), default=0)
    return [enlarge(v, size // v.shape[2]) for v in clips], [n for n in sides for _ in range(many)]


# ---------------------------------------------------------------------------------------- the table


def files(p, videos: VideoSet) -> pd.DataFrame:
    """The result files of this data set and preset."""
    return results.read(p.results_path, p.dataset, p.preset, videos.card["source"])


def missing(p, *tables: pd.DataFrame | None) -> str:
    """Which models that the table is meant to have were not run, in a sentence; "" for none."""
    there = {name for table in tables if table is not None for name in table.contestant}
    lacks = [n for n in (*OURS, *SYSTEMS.values(), *CRITICS, *OTHERS) if n not in there]
    lacks = [n for n in dict.fromkeys(lacks) if contestant(n).known_at(p.preset)]
    if not lacks:
        return ""
    asked = f"python -m rencgan compare {p.dataset} --preset {p.preset} --models NAME"
    return f"Not run at {p.preset}, so without a row: {'; '.join(lacks)} ({asked})."


def ours(p) -> dict[str, Trained]:
    """This study's networks that are published at the preset, by their contestants' names."""
    there = [n for n in OURS if published(slug(n), p.preset)]
    return {n: weights.load(weights.at(slug(n), p.preset)) for n in there}


def published_rows(p, videos: VideoSet, table: pd.DataFrame) -> pd.DataFrame:
    """What result files would hold of this study's published networks that have none, by the
    comparison's own scoring.
    """
    asked, found = setting(p, videos), []
    for name, model in ours(p).items():
        if name in set(table.contestant):
            continue
        c, way = contestant(name), main_table.way_of(name)
        ways = {way: scored(model, way, real_of(p, videos, c.kind), judge(), p.seed, c)}
        head = {n: getattr(asked, n) for n in ("dataset", "source", "preset", "seed")}
        head |= {"contestant": name, "kind": c.kind, "prior": model.system.prior, "ways": ways}
        found.append(head)
    return results.frame(found)


def rows(p, videos: VideoSet, table: pd.DataFrame, more: pd.DataFrame | None) -> list[dict]:
    """The table: references, this study's models, baselines (main_table.py). more: of
    `published_rows`.
    """
    every = table if more is None else pd.concat([table, more])
    return main_table.rows(setting(p, videos), every, [*OURS, *SYSTEMS.values(), *CRITICS, *OTHERS])


def caption(p, videos: VideoSet, table: pd.DataFrame, more: pd.DataFrame | None) -> str:
    """What stands below the table."""
    seeds = ", ".join(map(str, sorted(table.seed.unique())))
    told = f"{steps.source(videos)}, {p.preset}, seed {seeds}; means, and ± their deviation."
    if more is None or more.empty:
        return told
    return (
        f"{told} By the networks that come with the project: {', '.join(more.contestant.unique())}."
    )


def budgets(p, videos: VideoSet) -> str:
    """How far the times of other groups' trainings differ, in a sentence, from the files of the
    run's seed; what a system is trained over counts.
    """
    table, took = files(p, videos), {}
    there = set(table.contestant[table.seed == p.seed])
    for name in (n for n in dict.fromkeys([*SYSTEMS.values(), *CRITICS, *OTHERS]) if n in there):
        took[name] = {k: results.values(table, name, "", k).get(p.seed) for k in TIMES}
    kinds = [k for k in TIMES if took and all(t[k] for t in took.values())]
    if not kinds:
        return "No training of a baseline at this preset was timed in one go."
    told = "; ".join(
        f"{name} {' and '.join(f'{t[k] / 60:.1f} minutes of the {TIMES[k]}' for k in kinds)}"
        for name, t in took.items()
    )
    ratio = max(t[kinds[-1]] for t in took.values()) / min(t[kinds[-1]] for t in took.values())
    return f"Training took {told}. The longest took {ratio:.1f} times as long as the shortest."


# ---------------------------------------------------------------------- cost, and what papers print


def cost_rows() -> tuple[list[dict], str]:
    """Rows, a system each: seconds and highest memory of one video of each length, from the file of
    the benchmark's case `length`; and the machine. Raises InputError where there is none.
    """
    found: dict[tuple[str, str], dict[str, list[str]]] = {}
    machines, rows = set(), benchmark(names=LENGTHS)["rows"]
    for r in (r for r in rows if "median" in r):
        (_, _, name), (frames, size, way) = r["what"].partition(", "), r["how"].split(", ")
        digits = 1 if r["unit"] == "s" else 0
        cells = found.setdefault((name, way), {"size": [size]})
        cells.setdefault(frames, []).append(f"{r['median']:,.{digits}f} {r['unit']}")
        machines.add(r["machine"])
    if not found:
        command = f"python -m rencgan benchmark --only length --json > reports/{LENGTHS}"
        raise InputError(f"there is no reports/{LENGTHS}: {command}")
    columns = {k for cells in found.values() for k in cells if k != "size"}
    columns = sorted(columns, key=lambda frames: int(frames.split()[0]))
    table = []
    for (name, way), cells in found.items():
        row = {
            "videos": name if way == main_table.WAY else f"{name}, {way}",
            "size": cells["size"][0],
        }
        table.append(row | {k: ", ".join(cells[k]) if k in cells else None for k in columns})
    return table, "; ".join(sorted(machines))


def printed_rows(dataset: str) -> list[dict]:
    """Rows: the FVD that the baselines' papers print on the data set of a run, ablations aside, and
    iVGAN's, which has sets of its own.
    """
    found: dict[tuple, dict] = {}
    for paper in PAPERS:
        for c in papers.find(metric="FVD", paper=paper):
            own = paper == IVGAN or not c.setting  # ablations stand beside ours in notebook 06
            if not own or c.data not in (PRINTED.get(dataset, dataset), *IVGAN_SETS):
                continue
            method = ", ".join(filter(None, (c.method, c.setting)))
            where = {"method": method, "data": c.data, "pixels": c.resolution}
            row = found.setdefault((*where.values(), c.number, paper), where)
            row |= dict.fromkeys(("16 frames", "32 frames", "128 frames")) | row
            row[f"{c.frames} frames"] = c.printed
            row["source"] = f"{paper}, Table {c.number}"
    return list(found.values())


# --------------------------------------------------------------------------------------- the checks


def check_rows(models: Models, p, videos: VideoSet) -> list[dict]:
    """Rows: what can be asked of baselines only when they are trained (trained_checks.py)."""
    found = []
    for name, (model, _) in models.items():
        real, endless = real_of(p, videos, model.kind), not model.system.longest
        frames = real.frames if endless else model.system.longest
        made = list(model.videos(frames, videos=LONG if endless else CLIPS, seed=p.seed))
        footage = [v[:frames] for v in real.real(real.frames)]
        if model.kind == "ivgan":
            found.append(trained_checks.moving(name, made, footage))
            if model.system.spectral_norm and "critic" in model.nets:  # published without
                found.append(trained_checks.held_by_norm(model))
            continue
        mixed = references(footage, None, (), p.seed)[SHUFFLED]
        found.append(trained_checks.without_jumps(name, made, footage, mixed))
        if model.kind == "stylegan-v":
            found.append(trained_checks.continuous(model, p.seed))
            found += trained_checks.same_anywhere(model, p.seed)
        else:
            found += trained_checks.edits_one_slot(model, p.seed)
    return found
