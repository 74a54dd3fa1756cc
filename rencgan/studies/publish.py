"""Trains the networks that come with the project and writes reports/weights:
`python -m rencgan publish`.

Each is what a notebook trains at the preset `slim` on the stand-in sky, seed 0. The GPTs are
trained on the codes of improved R2 as it is published, in half precision. A second call makes only
what is missing; trainings lie in `--work` and resume.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rencgan.core import checkpoint
from rencgan.core.errors import InputError
from rencgan.core.provenance import provenance
from rencgan.studies import recipes, weights
from rencgan.studies.setting import checked
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
    path, started = folder / f"{name}.safetensors", time.time()
    if path.exists() and path.with_suffix(".json").exists():
        return path
    given = {"dataset": weights.DATASET, "source": "procedural", "preset": preset}
    videos = recipes.data(checked(given | {"out_root": str(work)}))
    base = weights.load(weights.BASE, folder=folder) if name in weights.GPTS else None
    model, changes = MODELS[name]
    job = recipes.job(model, preset, videos, work, base=base, **changes)
    job = replace(job, out=work / f"{preset}-{name}-{job.key()}")
    trained = recipes.trained(job)
    history = read_history(job.out / "history.jsonl")
    told = {
        "trained on": f"{videos.card['source']} {videos.card['dataset']}",
        "recipe": job.key(),
        "history": history[:: -(-len(history) // KEPT)],
        "provenance": provenance(job.preset, job.seed, videos.card, started),
    }
    content = checkpoint.load(job.out / "checkpoint.pt")
    return weights.write(name, trained, content, told, folder)


def chosen(names: Sequence[str]) -> list[str]:
    """These networks (all: none are named); InputError for one that is not published."""
    if wrong := [name for name in names if name not in MODELS]:
        raise InputError(f"what is published is {', '.join(MODELS)}, not {wrong[0]!r}")
    return list(names or MODELS)
