"""The training loop: it lets a system's players take their turns, keeps the record, and can be
killed at any moment.

A step is a function of (weights, seed, step, and the memory of systems that have one): a run that
was killed and started again ends, on a CPU, with weights identical to the bit. One `Job` is one
run, in one folder:

checkpoint.pt     networks, optimisers, running averages, memory, step, random states, preset
history.jsonl     unweighted loss terms, one line every few steps
samples/N.npy     generated clips along the way, (rows, 16, H, W, 3) uint8; real.npy beside them
scores.jsonl, best.pt   where the job has a scorer (training.scores)
"""

import contextlib
import math
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from rencgan.core import checkpoint
from rencgan.core.allocator import freed_memory_kept
from rencgan.core.errors import InputError
from rencgan.core.files import key_of, made_folder, only, write_array, writing
from rencgan.core.progress import Progress
from rencgan.data.clips import crops
from rencgan.data.pixels import as_frames
from rencgan.data.videoset import VideoSet
from rencgan.models.system import Step, System
from rencgan.models.trained import Trained, check_base
from rencgan.presets.recipe import Recipe
from rencgan.training import shared
from rencgan.training.pace import Pace
from rencgan.training.players import Players
from rencgan.training.precision import Precision
from rencgan.training.processes import Group, check_devices, launch
from rencgan.training.record import Record
from rencgan.training.scores import Scores

SAVE_EVERY_S = 20.0  # seconds between checkpoints; with a slow step still under half a minute
GRIDS = 8  # sample grids along a run


@dataclass(frozen=True)
class Job:
    """Everything that decides a run's weights. `data` is a prepared folder, or videos in memory.

    init_from: a checkpoint to begin from, of any system that has the same networks. AR2 may begin
    from R2: what its encoder reads and its generator draws are the same clips, and only which of
    two neighbours is drawn has to be learned anew. base: the frozen system that this one is trained
    over (R3: an R2). warm: folder of warm-ups that runs share (training.shared); cache: of what a
    reader makes once. Neither decides a weight. Where the preset counts epochs, its steps follow
    from the samples of the data. score: what the preset's moments along the run are scored by, less
    is better; with several processes it is pickled. It decides no weight.
    """

    system: System
    preset: Recipe
    data: Path | VideoSet
    out: Path
    seed: int = 0
    init_from: Path | None = None
    base: Trained | None = None
    warm: Path | None = None
    cache: Path | None = None
    score: Callable[[Trained], float] | None = None

    def __post_init__(self):
        if getattr(self.preset, "epochs", 0):
            steps = self.preset.in_steps(self.system.samples(self))
            object.__setattr__(self, "preset", steps)

    def check(self, processes: int = 1) -> None:
        """Raises InputError for what cannot be trained, before anything is made."""
        p, system = self.preset, self.system
        system.check(p)
        if self.seed < 0:
            raise InputError(f"the seed must be 0 or more, not {self.seed}")
        if system.base and (self.base is None or self.base.kind != system.base):
            given = "none" if self.base is None else f"a {self.base.kind!r} model"
            raise InputError(
                f"{type(system).__name__} reads the codes of a trained {system.base!r}; "
                f"{given} was given"
            )
        if processes > 1 and system.alone:
            raise InputError(f"{type(system).__name__} trains in one process: {system.alone}")
        check_shares(system, p, processes)

    def processes(self, asked: int) -> int:
        """In how many processes it trains, where so many are asked for; says so if in one."""
        if asked > 1 and self.system.alone:
            name = self.system.title(self.preset)
            print(f"{name} trains in one process, not in {asked}: {self.system.alone}.")
        return 1 if self.system.alone else asked

    def videos(self) -> VideoSet:
        data = self.data if isinstance(self.data, VideoSet) else VideoSet.open(self.data)
        whole = getattr(self.preset, "train_on", "train") == "all"
        return data.select(split=None if whole else "train")

    def key(self) -> str:
        """Names what decides the weights, so that a changed recipe gets a folder of its own."""
        return key_of(self.recipe())

    def recipe(self) -> dict:
        """What decides the weights, as plain values."""
        videos = self.videos()
        found = self.system.recipe(self.base) | {
            "preset": self.preset.identity(),
            "seed": self.seed,
            "data": [(v.name, v.length) for v in videos.videos],
            "folder": videos.path.name if videos.path else zlib.crc32(videos.frames),
        }
        if not self.system.base:
            found["init_from"] = checkpoint.digest(self.init_from) if self.init_from else ""
        return found


def check_shares(system: System, p: Recipe, processes: int) -> None:
    """Raises InputError for more processes than a batch of the training or a warm-up goes with, and
    for fewer than 1.
    """
    if processes < 1:
        raise InputError(f"a training takes at least 1 process, not {processes}")
    for step in (p.steps, system.warmed(p) - 1, 0):
        phase = system.phase(step, p)
        most = phase.batch // system.least(p, phase)
        if 1 < processes > most:
            raise InputError(
                f"a batch of {phase.batch} goes with at most {max(1, most)} "
                f"process{'es' * (most > 1)}, not {processes}: each needs "
                f"{system.least(p, phase)} of it"
            )


def train(job: Job, processes: int = 1, progress: Callable | None = None) -> Path:
    """Trains (or goes on with, or finds finished) a job; returns its checkpoint.

    progress(done, total, losses) is called after every step of the first process. A non-finite
    loss, a full disk or a second process in the same folder raises InputError; the last good
    checkpoint stays. A system that cannot be shared trains in one process, and says so.
    """
    processes = job.processes(processes)
    job.check(processes)
    check_devices(processes)
    if processes == 1:
        run(job, progress)
    elif isinstance(job.data, VideoSet):
        raise InputError("several processes read a prepared folder; videos in memory go with one")
    else:
        launch(_run_shown, processes, job)
    return job.out / "checkpoint.pt"


def _run_shown(job: Job) -> None:
    """`run` in a process of its own: the first one prints how far it is."""
    if not Group.current().first:
        run(job)
        return
    pace = Pace(job)
    with Progress(job.preset.steps, f"training {job.system.kind}") as bar:

        def tell(done: int, total: int, losses: dict) -> None:
            pace.tell(done)
            bar.update(done, losses)

        run(job, tell)


def run(job: Job, progress: Callable | None = None) -> None:
    """The run, in every process: torchrun starts this same function."""
    group = Group.current()
    job.check(group.size)
    with writing(job.out), _only_writer(job.out, group):
        if job.warm and group.size == 1:
            shared.take(job)
        content = _found(job)
        start, steps = content["step"] if content else 0, job.preset.steps
        tell = progress if progress and group.first else lambda *told: None
        tell(start, steps, {})
        if start < steps or Scores(job, start).lacks(start):
            work = Run(job, group, content)
            del content  # it is as large as the networks and their optimisers
            with by_speed(work.players.device):
                work.go(tell)


@contextlib.contextmanager
def by_speed(device: torch.device) -> Iterator[None]:
    """On a GPU cuDNN tries its algorithms once for each shape, and the shapes of a training stand
    still; which one is fastest may differ from run to run, and so may the last bits. On a CPU freed
    memory is kept.
    """
    cudnn, on_cpu = torch.backends.cudnn, device.type == "cpu"
    before = cudnn.benchmark
    cudnn.benchmark = before or (device.type == "cuda" and not cudnn.deterministic)
    try:
        with freed_memory_kept() if on_cpu else contextlib.nullcontext():
            yield
    finally:
        cudnn.benchmark = before


def _only_writer(out: Path, group: Group) -> contextlib.AbstractContextManager:
    """One run a folder. The lock goes with the process, so nothing stale is left behind."""
    made_folder(out)
    taken = f"another process is training in {out}; wait for it or stop it"
    return only(out / ".lock", taken) if group.first else contextlib.nullcontext()


def _found(job: Job) -> dict | None:
    """The checkpoint that lies in the folder; refused if another recipe made it."""
    path = job.out / "checkpoint.pt"
    if not path.exists():
        return None
    content = checkpoint.load(path, job.system.kind, mapped=True)
    check_base(job.system, content, path, job.base)
    if content["key"] != job.key():
        raise InputError(
            f"{path} was trained with another recipe or other data; "
            "give another folder or delete it"
        )
    return content


class Run:
    """A run on its way, in one process of its group."""

    def __init__(self, job: Job, group: Group, content: dict | None):
        self.job, self.group, self.system, self.p = job, group, job.system, job.preset
        device = job.base.device if job.base else group.device()
        self.reader = self.system.reads(job, content and self.system.known(content, self.p))
        size = getattr(self.p, "size", self.reader.size)
        if size != self.reader.size:
            raise InputError(
                f"preset {self.p.name!r} trains at {size} pixels; "
                f"these videos have {self.reader.size}"
            )
        self.players = Players(self.system, self.p, job.seed, device, self.reader)
        self.start, window, counts = 0, {}, None
        self.precision = Precision(job.out, content and content.get("bf16"))
        if content:
            self.players.load_state(content)
            torch.set_rng_state(content["random"]["torch"])
            self.start, window = content["step"], content["window"]
            counts = content.get("counts")
        elif job.init_from:
            found = checkpoint.load(job.init_from)
            self.players.load_networks(found["networks"] | found["averages"])
        self.record = Record(job.out, self.start, window, self.p.steps, group.first, counts)
        self.scores = Scores(job, self.start)
        self.shared = shared.end(job) if group.size == 1 else 0

    def takes(self, step: int) -> tuple[str, int, slice]:
        """For the reader: which batches, how many in the joint batch, and this process's rows."""
        phase = self.system.phase(step, self.p)
        return phase.reads, phase.batch, self.group.rows(phase.batch)

    def go(self, tell: Callable) -> None:
        """All steps that are left; saves now and then, and at the end."""
        clock, steps, device = Clock(self.group), self.p.steps, self.players.device
        self.players.phase = self.system.phase(max(0, self.start - 1), self.p)
        self.players.train()
        if self.scores.lacks(self.start):
            self.score(self.start)
        batches = self.reader.stream(self.start, steps, self.takes, device)
        for step, x in enumerate(batches, self.start):
            losses = self.step(step, x)
            self.record.add(step + 1, losses)
            if (step + 1) % max(1, steps // GRIDS) == 0 and self.group.first:
                self.show(step + 1)
            scored = step + 1 in self.scores.moments
            if clock.due(step) or scored or step + 1 in (steps, self.shared):
                self.record.flush()
                self.save(step + 1)
                clock.saved()
            if scored:
                self.score(step + 1)
            if step + 1 == self.shared:
                shared.keep(self.job)
            tell(step + 1, steps, self.record.latest)

    def step(self, step: int, x: Any) -> dict[str, torch.Tensor]:
        """One step of all players; returns the unweighted loss terms by name."""
        players, seed = self.players, self.job.seed
        players.begin(step, self.group)
        phase, rows = players.phase, self.group.rows(players.phase.batch)
        if phase.crop < 1:
            x = crops(x, phase.crop, seed, step, phase.batch, rows)
        chance = self.system.draws(seed, step, self.p, phase, self.group.rows, players.device)
        given = Step(step, self.p, phase, x, chance, self.reader, rows, players.memory)
        given.bf16 = self.precision.of(self.system, players.nets, given, self.group)
        given.mean = partial(self.group.mean, batch=phase.batch)
        losses = players.play(given, self.group)
        if self.p.average:
            players.update_averages(step)
        return losses

    def show(self, step: int) -> None:
        """Four training samples through the networks as they are."""
        nets = self.players.for_generation()
        found = self.system.shown(
            Trained(self.system, self.p, nets, step, self.job.seed, ""), self.reader
        )
        self.players.train()
        if found is None:
            return
        for name, x in zip(("real", f"{step:07d}"), found, strict=True):
            write_array(self.job.out / "samples" / f"{name}.npy", as_frames(x))

    @torch.no_grad()
    def score(self, step: int) -> None:
        """The networks as they are; the others wait for the first process."""
        if not self.group.first:
            return
        content, model = self.content(step), self.system.trained or Trained
        p = type(self.p)(**content["preset"])
        known, nets = self.system.known(content, p), self.players.for_generation()
        given = (self.system, p, nets, step, self.job.seed, "", self.job.base)
        device = self.players.device
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            self.scores.take(model(*given, vars(known) if known else {}), content)
        self.players.train()

    def save(self, step: int) -> None:
        self.players.average_statistics(self.group, self.players.phase.batch)
        if self.group.first:
            checkpoint.save(self.job.out / "checkpoint.pt", self.content(step))

    def content(self, step: int) -> dict:
        """Of a checkpoint."""
        content = self.players.state() | {
            "kind": self.system.kind,
            "preset": self.p.as_dict(),
            "objective": self.system.switches(),
            "base": self.job.base.digest if self.job.base else "",
            "key": self.job.key(),
            "seed": self.job.seed,
            "step": step,
            "window": self.record.window,
            "counts": self.record.counts,
            "bf16": self.precision.decided,
            "random": {"torch": torch.get_rng_state()},  # no step draws from it; a user's code may
        }
        if step == self.p.steps or step in self.scores.moments:  # may be kept as the best one
            nets = self.players.for_generation()
            model = Trained(self.system, self.p, nets, step, self.job.seed, "", self.job.base)
            content |= self.system.ended(model, self.reader)
            self.players.train()
        return content | self.system.extras(self.reader)


class Clock:
    """Says when a checkpoint is due. The first process decides, so that all save together. Saving
    takes at most about a twentieth of the time, however large the networks are.

    Several processes ask the first one seldom, since they wait for its answer: it says when they
    ask again, about half of the steps that are left at the pace of the last ones.
    """

    def __init__(self, group: Group):
        self.group, self.last = group, time.monotonic()
        self.took, self.began = 0.0, 0.0
        self.asked, self.again = (0, math.inf), 0  # step and time of the last question; the next

    def due(self, step: int) -> bool:
        self.began = time.monotonic()
        rare = max(SAVE_EVERY_S, 20 * self.took) if SAVE_EVERY_S else 0.0  # 0: every step
        left = self.last + rare - self.began
        if self.group.size == 1:
            return left <= 0
        if step < self.again:
            return False
        due, steps = self.group.agree(left <= 0, self._until(left if left > 0 else rare, step))
        self.again = step + steps
        return bool(due)

    def _until(self, left: float, step: int) -> int:
        """About half of the steps that go into a time."""
        before, then = self.asked
        self.asked = step, self.began
        each = (self.began - then) / max(1, step - before)
        return max(1, int(0.5 * left / each)) if each > 0 else 1

    def saved(self) -> None:
        """Call it when a checkpoint was written."""
        self.last = time.monotonic()
        self.took = self.last - self.began
