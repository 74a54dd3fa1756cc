"""Trains the networks that come with the project and writes reports/weights:
`python -m rencgan publish`.

A model is called as in the presets' table, or as a contestant of the studies, "ivgan-0-gp", or as
that up to a comma, "ar2plus". It is what that comes to at a preset on the stand-in sky, by
default at `hour` with seed 1. What is trained over another model is trained over that as it is
published. A second call makes only what is missing; trainings lie in `--work` and resume. What was
trained elsewhere is published from its checkpoint.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rencgan.core import checkpoint
from rencgan.core.errors import InputError, close
from rencgan.core.files import slug
from rencgan.core.provenance import provenance
from rencgan.data.videoset import VideoSet
from rencgan.models.trained import Trained, load_model, preset_of
from rencgan.presets.table import BASES
from rencgan.studies import recipes, weights
from rencgan.studies.setting import Setting, checked
from rencgan.studies.trainees import trainee
from rencgan.studies.variants import Contestant
from rencgan.training.loop import Job
from rencgan.training.record import read_history

KEPT = 120  # lines of a history that go into a card
SEED = 1  # the first of the result files'


def called(name: str) -> list[Contestant]:
    """What a model's name can stand for; InputError for what no model is called."""
    if name in weights.known():
        return weights.known()[name]
    raise InputError(
        f"no model is called {name!r}{close(name, weights.known())}; give a row of "
        f"presets/table.py or a contestant of studies.toml, such as {', '.join(weights.names())}"
    )


def publish(name: str, work: Path, folder: Path, preset: str = weights.PRESET) -> Path:
    """Trains one of the networks, unless its file is there, and writes it; returns the file."""
    published, started = weights.at(name, preset), time.time()
    path = weights.file_of(published, folder)
    if path.exists() and (folder / f"{published}.json").exists():
        return path
    p, (base, _) = _run(preset, work), _base(name, preset, folder)
    videos = _videos(name, p)
    job = _job(called(name)[0], p, videos, work, base)
    job = replace(job, out=work / f"{preset}-{name}-{job.key()}")
    trained = recipes.trained(job)
    content = checkpoint.load(job.out / "checkpoint.pt")
    record = provenance(job.preset, job.seed, videos.card, started)
    return _written(published, job, trained, content, record, folder)


def publish_from(
    path: Path, name: str, work: Path, folder: Path, preset: str, prepared: Path | None = None
) -> Path:
    """Writes one of the networks as a checkpoint holds it, over what is there; returns the file.

    prepared: the folder of videos that it was trained on; None: that which `publish` would take.
    Of what was trained over another model, that has to be published: from the checkpoint that it
    was trained over, or it was trained over the published one. Raises InputError where the
    checkpoint is of another recipe or base, or was trained on other videos.
    """
    p, content = _run(preset, work), checkpoint.load(path)
    known = [c for c in called(name) if c.known_at(preset)]
    if content["kind"] not in {recipes.kind_of(c.kind).kind for c in known}:
        raise InputError(f"{path} holds a model of kind {content['kind']!r}, which {name} is not")
    base, origin = _base(name, preset, folder)
    over = replace(base, digest=origin) if base and content.get("base") == origin else base
    videos = VideoSet.open(prepared) if prepared else _videos(name, p)
    jobs = [_job(c, p, videos, path.parent, over) for c in known]
    job = _fitting(content, path, name, jobs)
    row = job.preset
    asked = {"positions": row.positions} if hasattr(row, "positions") else {}  # kept: those used
    recipe = preset_of(content, path, type(row)).but(**asked)
    job = replace(job, preset=recipe, seed=content["seed"])
    model = load_model(path, base=over)  # refuses one that was trained over another
    if job.key() != content["key"]:
        raise InputError(
            f"{path} was not trained on the videos in {videos.path}, or not on them alone"
        )
    content["preset"] |= {"name": row.name, "why": row.why}
    record = provenance(content["preset"], job.seed, videos.card)
    trained = time.gmtime(path.stat().st_mtime)
    record |= {"finished": time.strftime("%Y-%m-%d %H:%M:%S UTC", trained)}
    record |= {"checkpoint": checkpoint.digest(path)}
    model = replace(model, base=base)
    return _written(weights.at(name, preset), job, model, content, record, folder)


def _run(preset: str, work: Path) -> Setting:
    given = {"dataset": weights.DATASET, "source": "procedural", "preset": preset, "seed": SEED}
    return checked(given | {"schedule": "published", "out_root": str(work)})


def _videos(name: str, p: Setting) -> VideoSet:
    return recipes.data(p, model=called(name)[0].kind)


def _base(name: str, preset: str, folder: Path) -> tuple[Trained | None, str | None]:
    """What a model is trained over, as it is published, and the digest of the checkpoint that this
    was published from.
    """
    kind = called(name)[0].kind
    if kind not in BASES:
        return None, None
    over = called(name)[0].base
    if slug(over) not in (BASES[kind], ""):
        raise InputError(
            f"{name} is over {over}; what is published of {kind} is over {BASES[kind]}"
        )
    published = weights.at(BASES[kind], preset)
    origin = weights.card(published, folder).get("provenance", {}).get("checkpoint")
    return weights.load(published, folder=folder), origin


def _job(c: Contestant, p: Setting, videos: VideoSet, out: Path, base: Trained | None) -> Job:
    """The training of one of the networks."""
    job = trainee(c, p, videos, out).job
    return replace(job, out=out, base=base, warm=None, cache=out / "tokens")


def _fitting(content: dict, path: Path, name: str, jobs: Sequence[Job]) -> Job:
    """Which training a checkpoint is of; InputError where it is of none. One is of its kind."""
    other = []
    for job in jobs:
        if content["kind"] != job.system.kind:
            continue
        found = weights.other_fields(content, job.preset, job.system)
        if not found:
            return job
        other.append(found)
    asked = ", ".join(min(other, key=len))
    raise InputError(f"{path} is not of {name} at {jobs[0].preset.name}: it has another {asked}")


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
    """These networks; none are named: those of the plain names. InputError for one that no model
    is called.
    """
    for name in names:
        called(name)
    return list(names or weights.names())
