"""Warm-ups that several runs share: a loss variant changes nothing before them is over.

A run that comes to the end of its warm-ups leaves a copy of its checkpoint and history under a key
of all that decided them. Another run of the same key goes on from there, and ends with the weights
that it would have had by itself, to the bit on a CPU.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from rencgan.core import checkpoint
from rencgan.core.files import key_of

# Switches that warm-ups never come to: they have no critics, no noise codes, terms of their own.
LATER = ("joint", "noise", "clip", "stitched_clip", "reference", "recall_critic", "maps")
HISTORY, CHECKPOINT = "history.jsonl", "checkpoint.pt"


def end(job: Any) -> int:
    """The step at which a job's warm-ups are over and may be shared; 0 where they may not."""
    return 0 if job.warm is None or job.init_from else job.system.warmed(job.preset)


def key(job: Any) -> str:
    """Names what decides the weights at the end of the warm-ups."""
    kept = {k: v for k, v in job.system.switches().items() if k not in LATER}
    return key_of(job.recipe() | {"objective": kept})


def keep(job: Any) -> None:
    """Copies what a run has come to, unless another one did, perhaps at this moment."""
    place = job.warm / key(job)
    if (place / CHECKPOINT).exists():
        return
    job.warm.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=job.warm) as own:
        place.mkdir(exist_ok=True)
        for name in (HISTORY, CHECKPOINT):  # last what says that the rest is there
            shutil.copyfile(job.out / name, Path(own, name))
            os.replace(Path(own, name), place / name)


def take(job: Any) -> None:
    """Begins a run with the warm-ups of its key, where there are any, unless it has begun."""
    place = job.warm / key(job)
    if not end(job) or (job.out / CHECKPOINT).exists() or not (place / CHECKPOINT).exists():
        return
    content = checkpoint.load(place / CHECKPOINT, job.system.kind)
    shutil.copyfile(place / HISTORY, job.out / HISTORY)
    own = {"objective": job.system.switches(), "key": job.key()}
    checkpoint.save(job.out / CHECKPOINT, content | own)
