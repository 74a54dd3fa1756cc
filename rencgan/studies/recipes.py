"""What a run's parameters come to: prepared data, each kind of model's recipe, and its training."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace
from itertools import chain
from pathlib import Path
from typing import Any

from rencgan.core.errors import InputError, close
from rencgan.core.files import slug
from rencgan.core.progress import Progress
from rencgan.data import sets as datasets
from rencgan.data.hops import CLIP
from rencgan.data.prepare import prepare
from rencgan.data.videoset import VideoSet
from rencgan.models.system import System, system_of
from rencgan.models.trained import Trained, load_model
from rencgan.presets.recipe import Recipe
from rencgan.presets.table import (
    ALWAYS,
    BASES,
    GPT_128,
    ON_DATA,
    PRESETS,
    PUBLISHED,
    ROWS,
    SCHEDULES,
    kind_of_row,
    preset,
    published_gpt,
    published_length,
)
from rencgan.presets.table import switches as preset_switches
from rencgan.studies import moments
from rencgan.studies.departures import printed
from rencgan.training.loop import Job, train
from rencgan.training.pace import Pace
from rencgan.training.scores import BEST

SHOWN = 64  # videos that are prepared where a notebook trains nothing on them


def data(p, test_fraction: float | None = None, model: str = "") -> VideoSet:
    """The prepared data of a notebook's parameters: decoded once, then read from the cache.

    test_fraction: the share of held-out videos, where it is not to be the data set's own. model:
    whose preset says the size, where it has presets of its own.
    """
    own = framed_by(p.preset, model)
    usual = PRESETS.get(p.preset, own)  # how many there are, where its own does not say
    videos, frames = (
        getattr(own, name, getattr(usual, name, 0)) for name in ("max_videos", "max_frames")
    )
    if getattr(p, "shows", False) or getattr(p, "weights", "train") == "published":
        videos = min(videos or SHOWN, SHOWN)
    with Progress(1, f"preparing {p.dataset}") as bar:
        made = prepare(
            p.dataset,
            source=p.source,
            data_root=p.data_path,
            size=own.size,
            cache_root=p.cache_root,
            ours=(p.out_dir,),
            seed=p.seed,
            videos=videos or None,
            max_frames=frames or None,
            test_fraction=test_fraction,
            progress=bar.tell,
        )
    made.select("test")  # refused here, not after a training
    return made


def framed_by(name: str, model: str = "") -> Recipe:
    """The row of a preset that says how frames are prepared: of a model that has rows of its own,
    or is trained over one that has, that one.
    """
    return ROWS.get(BASES.get(model, model), {}).get(name) or preset(name)


def data_of(p, model: str, videos: VideoSet) -> VideoSet:
    """The data of a run as one model sees it: prepared anew where it takes another size."""
    if videos.size == framed_by(p.preset, model).size:
        return videos
    return data(p, videos.card.get("test_fraction"), model)


def as_published(model: str) -> dict[str, Any]:
    """Fields of a preset that leave the additions of this project out, whatever its size; EncGAN3
    then trains on the whole set too. How much data is prepared stays as it is, and so do those that
    a run asks for by name (AR2+).
    """
    kind = kind_of(model)
    known = {f.name for f in fields(kind.preset)} - {"max_videos", "max_frames", *kind.asks}
    found = printed(model)
    whole = {"train_on": found["train_on"]} if "train_on" in found else {}
    return {name: value for name, value in (found["ours"] | whole).items() if name in known}


# What a preset does at first would undo what a run is begun from.
BEGUN = {"warmup": 0, "motion_warmup": 0, "rise": 0.0, "smallest_crop": 1.0}


def begun(model: str) -> dict[str, Any]:
    """Fields of a run that begins from a checkpoint. Raises InputError for what cannot."""
    if BEGUN.keys() - {f.name for f in fields(kind_of(model).preset)}:
        able = [m for m in ALWAYS if BEGUN.keys() <= {f.name for f in fields(kind_of(m).preset)}]
        raise InputError(f"{model} cannot begin from a checkpoint; {', '.join(able)} can")
    return BEGUN


def kind_of(model: str) -> type[System]:
    """The class of a model: improved R2 is an R2 with another row of the table. Raises InputError
    for an unknown one.
    """
    return type(system_of(kind_of_row(model), {}))


def recipe(p, model: str = "", **changes) -> Any:
    """The preset of a run as one model takes it (presets.table; none: its row), with what the run's
    hop and data set decide, and what its parameters ask for.

    A checkpoint to begin from and a number of steps are meant for the notebook's own model.
    """
    if not model:
        return preset(p.preset, **changes)
    kind = kind_of(model)
    asked = kind.asked(getattr(p, "hop", CLIP // 2), datasets.get(p.dataset).steps)
    if model == kind.kind:
        asked |= {name: getattr(p, name) for name in kind.asks if hasattr(p, name)}
    schedule, batch = getattr(p, "schedule", "short"), changes.get("batch", 0)
    asked |= length(schedule, p.preset, model, p.dataset, batch)
    asked |= ON_DATA.get((p.preset, model, p.dataset), {})
    if model == "r3":
        asked |= gpt(p.preset, p.dataset, schedule, getattr(p, "as_published", False))
    if getattr(p, "steps", 0) and not kind.base:
        asked |= {"steps": p.steps, "epochs": 0.0}
    if getattr(p, "init_path", None) and not kind.base:
        asked |= BEGUN
    if model == kind.kind and getattr(p, "train_on", "train") == "all":
        asked["train_on"] = "all"
    if getattr(p, "as_published", False) and not kind.base:
        asked |= as_published(model)
    return preset(p.preset, model, **asked | changes)


def length(
    schedule: str, preset_name: str, model: str, dataset: str, batch: int = 0
) -> dict[str, Any]:
    """How long a model trains at a preset, as fields; {}: the preset's own steps. schedule:
    "published", as long as the papers do, which presets of their size can, or "short". batch: where
    it is not the preset's.
    """
    if schedule not in SCHEDULES:
        raise InputError(f"a schedule is one of {', '.join(SCHEDULES)}, not {schedule!r}")
    if schedule == "short" or preset_name not in PUBLISHED:
        return {}
    row = preset(preset_name, model, **({"batch": batch} if batch else {}))
    found = published_length(model, dataset, row.batch)
    known = {f.name for f in fields(kind_of(model).preset)}
    return {name: value for name, value in found.items() if name in known}


def gpt(preset_name: str, dataset: str, schedule: str, as_published: bool) -> dict[str, Any]:
    """What R3's GPT takes from the published one on a data set, as fields: at `128`, and where it
    is asked for all but the sizes; {}: nothing. schedule: as in `length`.
    """
    row = preset(preset_name, "r3")
    if not as_published and row != GPT_128:
        return {}
    found = row.departures(published_gpt(dataset, row))
    found = {name: theirs for name, (theirs, _) in found.items()}
    return found | ({"steps": row.steps, "epochs": 0.0} if schedule == "short" else {})


def system(p, model: str, loss: str = "") -> System:
    """The system of a model with the switches of the run's preset. loss: one of its variants;
    "": that of the run, where the model has any.
    """
    kind = kind_of(model)
    loss = loss or (getattr(p, "variant", "") if kind.variants else "")
    own = {} if getattr(p, "as_published", False) else preset_switches(p.preset, model)
    return replace(kind.variant(loss), **own)


# ------------------------------------------------------------------------------------ one training


def job(
    model: str,
    preset_name: str,
    /,
    videos: VideoSet,
    out: Path,
    seed: int = 0,
    base: Trained | None = None,
    **changes,
) -> Job:
    """The training of a model at a preset: "encgan3", "g3an", "r2", "improved-r2", "lencgan",
    "ar2", or "r3" over a trained R2, its base. changes: fields of the preset, or of the system;
    schedule "short", where it is not to train as long as the papers do; steps or epochs of its own;
    as_published, for what is the preset's by its sizes alone. Raises InputError for what is not
    known.
    """
    found, p = settled(model, preset_name, videos.card.get("dataset", ""), **changes)
    data = videos.path if videos.path and len(VideoSet.open(videos.path)) == len(videos) else videos
    score = moments.scorer(p, data)
    return Job(found, p, data, out, seed, base=base, cache=out / "tokens", score=score)


def settled(model: str, preset_name: str, dataset: str, /, **changes) -> tuple[System, Any]:
    """The system and the preset of a training on a data set; changes and errors as of `job`."""
    kind, schedule = kind_of(model), changes.pop("schedule", SCHEDULES[0])
    whole = changes.pop("as_published", False)
    check_fields(model, changes)
    found = kind(**({} if whole else preset_switches(preset_name, model)))
    own = {f.name for f in fields(found)} & changes.keys()
    found = replace(found, **{name: changes.pop(name) for name in own})
    known = datasets.DATASETS.get(dataset)
    asked = kind.asked(CLIP // 2, known.steps) if known else {}
    asked |= ON_DATA.get((preset_name, model, dataset), {})
    if model == "r3":
        asked |= gpt(preset_name, dataset, schedule, whole)
    elif whole:
        asked |= as_published(model)
    if not {"steps", "epochs"} & changes.keys():
        asked |= length(schedule, preset_name, model, dataset, changes.get("batch", 0))
    elif "epochs" not in changes:
        asked.pop("epochs", None)
    return found, preset(preset_name, model, **asked | changes)


def read_fields(model: str, texts: Sequence[str]) -> dict[str, Any]:
    """["batch=4", "video_stream=3d"] as fields of a model's preset or system; what is no JSON is
    text. Raises InputError for what is none.
    """
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"--set takes field=value, not {text!r}")
        try:
            found[name] = json.loads(value)
        except json.JSONDecodeError:
            found[name] = value
    check_fields(model, found)
    return found


def check_fields(model: str, names: Iterable[str]) -> None:
    """Raises InputError for what is no field of a model's preset or system. What tells presets
    apart is none: another name or why would be another recipe of the same numbers.
    """
    kind = kind_of(model)
    every = (f.name for f in chain(fields(kind.preset), fields(kind)))
    known = [name for name in every if name not in ("name", "why")]
    for name in names:
        if name not in known:
            raise InputError(f"a preset has no field {name} to set{close(name, known)}")


def placed(work: Job, folder: Path) -> Job:
    """With a folder of its own below one, named after its recipe."""
    name = slug(work.system.title(work.preset)) if work.system.base else work.system.kind
    return replace(work, out=folder / f"{name}-{work.key()}")


def trained(
    work: Job, label: str = "", processes: int = 1, told: Callable = lambda done: None
) -> Trained:
    """Trains a job (or goes on with, or finds finished) with a progress bar; the model of it, that
    of the best moment where it was scored along the way (studies.moments). told(done) is called
    with the steps that are done, first those that were before.
    """
    processes = work.processes(processes)
    if processes > 1:  # the first of them shows how far it is
        return _loaded(work, train(work, processes))
    label, pace = label or f"training {work.system.title(work.preset)}", Pace(work)
    with Progress(work.preset.steps, label) as bar:

        def tell(done: int, total: int, losses: dict) -> None:
            told(done)
            pace.tell(done)
            bar.update(done, losses)

        path = train(work, progress=tell)
    return _loaded(work, path)


def _loaded(work: Job, path: Path) -> Trained:
    best = path.with_name(BEST)
    taken = best if work.score and moments.best_of(work) else path
    return load_model(taken, work.system.kind, base=work.base)
