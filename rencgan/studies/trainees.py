"""The trainings of the comparison: what decides a contestant's weights, and the model that comes of
it. An R3 is trained on top of its R2, which is trained first where it is not there.
"""

import hashlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from rencgan.core.progress import Progress
from rencgan.data.videoset import VideoSet
from rencgan.models.trained import Model, load_model
from rencgan.presets.gpt import GPTPreset
from rencgan.r3.training import GPTJob, train_gpt
from rencgan.r3.videos import R3, load_r3
from rencgan.studies.variants import Contestant, contestant
from rencgan.training.loop import Job, train


def slug(name: str) -> str:
    """A contestant's name in file names: "AR2+, noise" is ar2plus-noise."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower().replace("+", "plus")).strip("-")


@dataclass(frozen=True)
class Networks:
    """A contestant whose four networks are trained on clips."""

    name: str
    job: Job

    def key(self) -> str:
        return self.job.key()

    def there(self) -> bool:
        """Whether it has been trained, in part at least, where this one would be."""
        return (self.job.out / "checkpoint.pt").exists()

    @property
    def switches(self) -> dict:
        return dict(self.job.changes)

    def trained(self) -> tuple[Model, dict]:
        """The model, and what its training took."""
        job, preset = self.job, self.job.preset
        path, seconds = _timed(f"{self.name}, seed {job.seed}", preset.steps, job.out, train, job)
        rest = preset.steps - preset.warmup - preset.motion_warmup
        told = {
            "steps": preset.steps,
            "single frames": preset.warmup * preset.warmup_batch,
            "clips of the motion warm-up": preset.motion_warmup * preset.motion_batch,
            "clips" if job.kind in ("lencgan", "encgan3") else "pairs": rest
            * preset.batch
            * preset.rollout,
            "seconds": seconds,
            "threads": torch.get_num_threads(),
        }
        return load_model(path, job.kind), told


@dataclass(frozen=True)
class OverTokens:
    """A contestant that is a GPT over the tokens of another one."""

    name: str
    base: Networks
    preset: GPTPreset
    videos: VideoSet
    out: Path

    def key(self) -> str:
        """Of both recipes. The digest of the R2's file is not in it: a file that was lost and made
        again holds the same weights under another digest.
        """
        recipe = json.dumps([self.base.key(), self.preset.as_dict()], sort_keys=True)
        return hashlib.sha256(recipe.encode()).hexdigest()[:8]

    def there(self) -> bool:
        """Whether its R2 has been trained, and a GPT over one."""
        own = f"{slug(self.name)}-seed{self.base.job.seed}-{self.key()}-*"
        return self.base.there() and any(self.out.glob(f"{own}/checkpoint.pt"))

    @property
    def switches(self) -> dict:
        return {"gpt": self.preset.as_dict()}

    def trained(self) -> tuple[R3, dict]:
        """The same, its R2 trained first. The seconds are the GPT's alone."""
        r2, before = self.base.trained()
        seed, p = self.base.job.seed, self.preset
        out = self.out / f"{slug(self.name)}-seed{seed}-{self.key()}-{r2.digest}"
        job = GPTJob(p, r2, self.videos, out, self.out / "tokens", seed)
        path, seconds = _timed(f"{self.name}, seed {seed}", p.steps, out, train_gpt, job)
        told = {"steps": p.steps, "sequences": p.steps * p.batch, "seconds": seconds}
        told |= {"threads": torch.get_num_threads(), "R2": before}
        return load_r3(path, r2), told


def switches(c: Contestant, p) -> tuple:
    """Those with which a contestant is trained (Job.changes)."""
    return c.changes(p)


def trainee(c: Contestant, p, videos: VideoSet, work: Path) -> Networks | OverTokens:
    """A contestant's training; its folder is named after its recipe too."""
    folder = work / f"{p.dataset}-{p.source}-{p.preset}"
    if c.kind == "r3":
        base = trainee(contestant(c.base), p, videos, work)
        return OverTokens(c.name, base, c.preset(p), videos, folder)
    preset, changes = c.preset(p), switches(c, p)
    data = videos.path if c.step == 1 else videos.every(c.step)
    found = Job(c.kind, preset, data, Path(), p.seed, c.variant, changes)
    found = replace(found, sampling=c.sampling, warm=folder / "warm")
    return Networks(
        c.name, replace(found, out=folder / f"{slug(c.name)}-seed{p.seed}-{found.key()}")
    )


def _timed(label: str, steps: int, out: Path, work: Callable, job) -> tuple[Path, float | None]:
    """The checkpoint, and how long it took to train; None where that was interrupted."""
    started, clock, begun = time.perf_counter(), out / "seconds.json", []
    with Progress(steps, label) as bar:

        def tell(done: int, total: int, losses: dict) -> None:
            begun.append(done)
            bar.update(done, losses)

        path = work(job, progress=tell)
    if not clock.exists():
        took = round(time.perf_counter() - started, 1)
        clock.write_text(json.dumps(None if begun[:1] != [0] else took))
    return path, json.loads(clock.read_text())
