"""The trainings of the comparison: what decides a contestant's weights, and the model that comes of
it. What is trained over another system has that one trained first, or takes it as it is published.
"""

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from rencgan.core.files import key_of, slug, write_json
from rencgan.core.provenance import device
from rencgan.data.videoset import VideoSet
from rencgan.models.trained import Trained
from rencgan.presets.preset import Preset
from rencgan.studies import moments, recipes, weights
from rencgan.studies.entries import machine
from rencgan.studies.variants import Contestant, contestant
from rencgan.training import precision
from rencgan.training.loop import Job

KEPT_EVERY = 30.0  # seconds


class Spent:
    """The time of a training in all its runs, beside its checkpoint: of the clock, and of the
    processor, which other work on the machine does not lengthen; and the machine. None: of a part
    nothing is known, or another machine took it.
    """

    def __init__(self, path: Path):
        self.path, self.began = path, ()
        found = json.loads(path.read_text()) if path.exists() else [0.0, 0.0]
        # a number, or nothing: of the clock alone, as it was once kept
        found = found if isinstance(found, list) else [found, None]
        self.before, self.machine = found[:2], (found[2:] or [""])[0]
        self.now = self.before

    def tell(self, done: int) -> None:
        """Called as a run begins and after each of its steps."""
        now = time.perf_counter(), time.process_time()
        if not self.began:
            self.began = self.last = now
            self.here = machine(device())
            if done and not self.path.exists():
                self.now = self.before = [None, None]
            return
        if self.machine not in ("", self.here):
            self.before = [None, None]
        self.machine = self.here
        took = (now[0] - self.began[0], now[1] - self.began[1])
        self.now = [
            None if b is None else round(b + t, 1) for b, t in zip(self.before, took, strict=True)
        ]
        if now[0] - self.last[0] > KEPT_EVERY:
            self.last = now
            write_json(self.path, [*self.now, self.machine])

    def kept(self) -> dict[str, float | str | None]:
        if self.now is not self.before or not self.path.exists():
            write_json(self.path, [*self.now, self.machine])
        names = ("seconds", "processor seconds", "machine")
        return dict(zip(names, [*self.now, self.machine], strict=True))


@dataclass(frozen=True)
class Trainee:
    """A contestant's training. The job of one that has a base lacks that yet: it is trained first,
    and the folder is named after it too.
    """

    name: str
    job: Job
    base: "Trainee | None" = None
    variant: str = ""  # of its loss

    def key(self) -> str:
        """Names the recipe. Over a base it is of both recipes, without the digest of the base's
        file: a file that was lost and made again holds the same weights under another digest.
        """
        if self.base is None:
            return self.job.key()
        own = [self.own] if self.own else []
        return key_of([self.base.key(), self.job.preset.identity(), *own])

    def there(self) -> bool:
        """Whether it has been trained, in part at least, where this one would be."""
        if self.base is None:
            return (self.job.out / "checkpoint.pt").exists()
        found = self.job.out.parent.glob(f"{self.job.out.name}-*/checkpoint.pt")
        return self.base.there() and any(found)

    @property
    def own(self) -> dict:
        """The switches that are not those of the variant of its loss."""
        plain = self.job.system.variant(self.variant).switches()
        return {k: v for k, v in self.job.system.switches().items() if plain.get(k) != v}

    @property
    def switches(self) -> dict:
        """What result files tell of it beside the preset that draws the frames and the variant of
        its loss; over a base its own preset too, as "gpt" or "motion".
        """
        if self.base is None:
            return self.own
        name = type(self.job.preset).__name__.removesuffix("Preset").lower()
        return {name: self.job.preset.identity()} | self.own

    def trained(self) -> tuple[Trained, dict]:
        """The model, and what its training took; the seconds are its own, without its base's."""
        if self.base:
            base, before = self.base.published() or self.base.trained()
            out = self.job.out.with_name(f"{self.job.out.name}-{base.digest}")
            whole = replace(self, job=replace(self.job, base=base, out=out), base=None)
            model, told = whole.trained()
            return model, told | {type(base.system).__name__: before}
        job, spent = self.job, Spent(self.job.out / "seconds.json")
        model = recipes.trained(job, f"{self.name}, seed {job.seed}", told=spent.tell)
        took = samples(job) | spent.kept() | {"threads": torch.get_num_threads()}
        if why := precision.told(job.out):
            took["precision"] = why
        best = moments.best_of(job) if job.score else None
        return model, took | ({"best moment": best} if best else {})

    def published(self) -> tuple[Trained, dict] | None:
        """The model of this recipe that comes with the project, and its name; None where there is
        none, or a training of it has begun.
        """
        name = weights.at(slug(self.name), self.job.preset.name)
        if self.there() or not weights.is_published(name):
            return None
        if weights.card(name).get("recipe") != self.key():
            return None
        print(f"{self.name}, seed {self.job.seed}: taken as it is published, {name}", flush=True)
        unknown = dict.fromkeys(("seconds", "processor seconds"))
        return weights.load(name), {"published": name} | unknown


def samples(job: Job) -> dict:
    """How much a training sees: its steps, and the samples of every part."""
    p = job.preset
    if job.system.base:
        return {"steps": p.steps, job.system.sample: p.seen(job.system.samples(job))}
    if not isinstance(p, Preset):
        return {"steps": p.steps, job.system.sample: p.steps * p.batch}
    rest = (p.steps - p.warmup - p.motion_warmup) * p.batch * p.rollout
    return {
        "steps": p.steps,
        "single frames": p.warmup * p.warmup_batch,
        "clips of the motion warm-up": p.motion_warmup * p.motion_batch,
        job.system.sample: rest,
    }


def trainee(c: Contestant, p, videos: VideoSet, work: Path) -> Trainee:
    """A contestant's training; its folder is named after its recipe too."""
    folder = work / f"{p.dataset}-{p.source}-{p.preset}"
    system, preset = c.system(p), c.preset(p)
    if system.base:
        base = trainee(contestant(c.base), p, videos, work)
        tokens, score = folder / "tokens", moments.scorer(preset, videos)
        job = Job(system, preset, videos, Path(), p.seed, cache=tokens, score=score)
    else:
        base = None
        data = videos.path if c.step == 1 else videos.every(c.step)
        warm, score = folder / "warm", moments.scorer(preset, data)
        job = Job(system, preset, data, Path(), p.seed, warm=warm, score=score)
    found = Trainee(c.name, job, base, c.variant)
    out = folder / f"{slug(c.name)}-seed{p.seed}-{found.key()}"
    return replace(found, job=replace(job, out=out))
