"""Trains the networks that come with the project and writes reports/weights:
`python -m rencgan.studies.publish`.

Each is what a notebook trains at the preset `slim` on the stand-in sky, seed 0. The GPTs are
trained on the codes of improved R2 as it is published, in half precision. A second call makes only
what is missing; trainings lie in `--work` and resume.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from rencgan.core import checkpoint
from rencgan.core.errors import InputError
from rencgan.core.files import project_root
from rencgan.core.provenance import provenance
from rencgan.notebook import parameters
from rencgan.notebook import steps as study
from rencgan.notebook import steps_r3 as study_r3
from rencgan.studies import weights
from rencgan.training.record import read_history

KEPT = 120  # lines of a history that go into a card
# name -> the notebook's parameters, its kind of model, and another recipe than the kind's own
JOBS = {
    "encgan3": (parameters.EncGAN3Run, {}, "encgan3", None),
    "r2": (parameters.REncGANRun, {}, "r2", None),
    "improved-r2": (parameters.R3Run, {}, "r2", study.improved_r2_recipe),
    "ar2": (parameters.AR2Run, {}, "ar2", None),
    "ar2plus": (parameters.AR2Run, {"recall_noise": 0.5}, "ar2", None),
}


def run_of(model, work: Path, preset: str, **changes):
    """The parameters of a notebook as the published networks are trained."""
    given = {"dataset": weights.DATASET, "source": "procedural", "preset": preset}
    return parameters.check(given | {"out_root": str(work)} | changes, model)


def publish(name: str, work: Path, folder: Path, preset: str = weights.PRESET) -> Path:
    """Trains one of the networks, unless its file is there, and writes it; returns the file."""
    path, started = folder / f"{name}.safetensors", time.time()
    if path.exists() and (folder / f"{name}.json").exists():
        return path
    if name in weights.GPTS:
        return _publish_gpt(name, work, folder, preset)
    model, changes, kind, recipe = JOBS[name]
    p = run_of(model, work, preset, **changes)
    videos = study.data(p)
    trained, job = study.trained(p, kind, videos, recipe and recipe(p))
    return _written(name, trained, job, videos, started, folder)


def _publish_gpt(name: str, work: Path, folder: Path, preset: str) -> Path:
    started, r2 = time.time(), weights.load(weights.BASE, folder=folder)
    p = run_of(parameters.R3Run, work, preset, head=name.removeprefix("r3-"))
    videos = study.data(p)
    ((trained, job),) = study_r3.trained(p, r2, videos).values()
    return _written(name, trained, job, videos, started, folder)


def _written(name: str, trained, job, videos, started: float, folder: Path) -> Path:
    content = checkpoint.load(job.out / "checkpoint.pt")
    history = read_history(job.out / "history.jsonl")
    every = -(-len(history) // KEPT)
    told = {"trained on": study.source(videos), "recipe": job.key(), "history": history[::every]}
    record = provenance(job.preset, job.seed, videos.card, started)
    told |= {"provenance": record}
    return weights.write(name, trained, content, told, folder)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="rencgan.studies.publish", description=__doc__.split("\n")[0]
    )
    every = [*JOBS, *weights.GPTS]
    parser.add_argument("--models", nargs="+", default=every, choices=every, metavar="NAME")
    parser.add_argument("--out", type=Path, default=weights.FOLDER, help="where the files go")
    parser.add_argument("--work", type=Path, default=project_root() / "runs" / "publish")
    o = parser.parse_args(argv)
    for name in o.models:
        path = publish(name, o.work.resolve(), o.out)
        print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB", flush=True)


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        raise SystemExit(f"{error}") from None
