"""Warm-ups that several runs share: a loss variant changes nothing before them is over.

A run that comes to the end of its warm-ups leaves a copy of its checkpoint and history under a key
of all that decided them. Another run of the same key goes on from there, and ends with the weights
that it would have had by itself, to the bit on a CPU.
"""

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path

from rencgan.core import checkpoint

# Switches of Objective that warm-ups never come to: they have no critics, no noise codes, and terms
# of their own.
LATER = ("joint", "noise", "clip", "stitched_clip", "reference", "recall_critic", "maps")
FILES = ("history.jsonl",)


def end(job) -> int:
    """The step at which a job's warm-ups are over and may be shared; 0 where they may not."""
    p = job.preset
    shared = job.warm is not None and job.kind != "lencgan" and not job.init_from
    return p.warmup + p.motion_warmup if shared else 0


def key(job) -> str:
    """Names what decides the weights at the end of the warm-ups."""
    kept = {k: v for k, v in asdict(job.objective()).items() if k not in LATER}
    recipe = job.recipe() | {"objective": kept}
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:8]


def keep(job) -> None:
    """Copies what a run has come to, unless another one did, perhaps at this moment."""
    place = job.warm / key(job)
    if (place / "checkpoint.pt").exists():
        return
    job.warm.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=job.warm) as own:
        for name in FILES:
            shutil.copyfile(job.out / name, Path(own, name))
        content = checkpoint.load(job.out / "checkpoint.pt", job.kind)
        checkpoint.save(Path(own, "checkpoint.pt"), content)
        place.mkdir(exist_ok=True)
        for name in (*FILES, "checkpoint.pt"):  # last what says that the rest is there
            os.replace(Path(own, name), place / name)


def take(job) -> None:
    """Begins a run with the warm-ups of its key, where there are any, unless it has begun."""
    place = job.warm / key(job)
    if (job.out / "checkpoint.pt").exists() or not (place / "checkpoint.pt").exists():
        return
    content = checkpoint.load(place / "checkpoint.pt", job.kind)
    for name in FILES:
        shutil.copyfile(place / name, job.out / name)
    objective = asdict(job.objective())
    own = {"objective": objective, "variant": job.variant, "key": job.key()}
    checkpoint.save(job.out / "checkpoint.pt", content | own)
