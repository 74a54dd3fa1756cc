"""Trains the networks that come with the project and writes reports/weights:
`python -m rencgan publish`.

Each is what a notebook trains at a preset on the stand-in sky, by default at `slim` with seed 0.
The GPTs are trained on the codes of improved R2 as it is published, in half precision. A second
call makes only what is missing; trainings lie in `--work` and resume. What was trained elsewhere is
published from its checkpoint.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rencgan.core import checkpoint
from rencgan.core.errors import InputError
from rencgan.core.provenance import provenance
from rencgan.data.videoset import VideoSet
from rencgan.models.trained import Trained, load_model, preset_of
from rencgan.studies import recipes, weights
from rencgan.studies.setting import checked
from rencgan.training.loop import Job
from rencgan.training.record import read_history

KEPT = 120  # lines of a history that go into a card
MODELS = {  # name -> the model (presets.table), and what is changed about it
    "encgan3": ("encgan3", {}),
    "r2": ("r2", {}),
    "improved-r2": ("improved-r2", {}),
    "ar2": ("ar2", {}),
    "ar2plus": ("ar2", {"recall_noise": 0.5}),
} | {name: ("r3", {"head": name.removeprefix("r3-")}) for name in weights.GPTS}


def publish(name: str, work: Path, folder: Path, preset: str = weights.PRESET) -> Path:
    """Trains one of the networks, unless its file is there, and writes it; returns the file."""
    path, started = folder / f"{weights.at(name, preset)}.safetensors", time.time()
    if path.exists() and path.with_suffix(".json").exists():
        return path
    videos = _videos(preset, work)
    job = _job(name, preset, videos, work, folder)
    job = replace(job, out=work / f"{preset}-{name}-{job.key()}")
    trained = recipes.trained(job)
    content = checkpoint.load(job.out / "checkpoint.pt")
    record = provenance(job.preset, job.seed, videos.card, started)
    return _written(weights.at(name, preset), job, trained, content, record, folder)


def publish_from(
    path: Path, name: str, work: Path, folder: Path, preset: str, prepared: Path | None = None
) -> Path:
    """Writes one of the networks as a checkpoint holds it, over what is there; returns the file.

    prepared: the folder of videos that it was trained on; None: that which `publish` would take.
    Raises InputError where the checkpoint is of another recipe, or was trained on other videos.
    """
    videos = VideoSet.open(prepared) if prepared else _videos(preset, work)
    job = _job(name, preset, videos, path.parent, folder)
    content = checkpoint.load(path, job.system.kind)
    if other := weights.other_fields(content, job.preset, job.system):
        raise InputError(f"{path} is not of {name} at {preset}: it has another {', '.join(other)}")
    job = replace(job, preset=preset_of(content, path, type(job.preset)), seed=content["seed"])
    if job.key() != content["key"]:
        raise InputError(
            f"{path} was not trained on the videos in {videos.path}, or not on them alone"
        )
    row = recipes.preset(preset, MODELS[name][0])
    content["preset"] |= {"name": row.name, "why": row.why}
    record = provenance(content["preset"], job.seed, videos.card)
    trained = time.gmtime(path.stat().st_mtime)
    record |= {"finished": time.strftime("%Y-%m-%d %H:%M:%S UTC", trained)}
    record |= {"checkpoint": checkpoint.digest(path)}
    model = load_model(path, base=job.base)
    return _written(weights.at(name, preset), job, model, content, record, folder)


def _videos(preset: str, work: Path) -> VideoSet:
    given = {"dataset": weights.DATASET, "source": "procedural", "preset": preset}
    return recipes.data(checked(given | {"out_root": str(work)}))


def _job(name: str, preset: str, videos: VideoSet, out: Path, folder: Path) -> Job:
    """The training of one of the networks."""
    base = weights.at(weights.BASE, preset)
    base = weights.load(base, folder=folder) if name in weights.GPTS else None
    model, changes = MODELS[name]
    return recipes.job(model, preset, videos, out, base=base, **changes)


def _written(
    name: str, job: Job, model: Trained, content: dict, record: dict, folder: Path
) -> Path:
    """The file and its card, with how it was trained."""
    history, card = read_history(job.out / "history.jsonl"), record["data"]
    told = {
        "trained on": f"{card['source']} {card['dataset']}",
        "recipe": job.key(),
        "history": history[:: -(-len(history) // KEPT)],
        "provenance": record,
    }
    return weights.write(name, model, content, told, folder)


def chosen(names: Sequence[str]) -> list[str]:
    """These networks (all: none are named); InputError for one that is not published."""
    if wrong := [name for name in names if name not in MODELS]:
        raise InputError(f"what is published is {', '.join(MODELS)}, not {wrong[0]!r}")
    return list(names or MODELS)
