"""The training loop: it alternates updates, keeps the record, and can be killed at any moment.

A step is a function of (weights, seed, step; LEncGAN: and the state that the clips before handed
on, which is saved too): a run that was killed and started again ends, on a
CPU, with weights identical to the bit. One `Job` is one run, in one folder:

checkpoint.pt     networks, optimisers, running averages, step, random states, preset
history.jsonl     unweighted loss terms, one line every few steps
samples/N.npy     generated clips along the way, (rows, 16, H, W, 3) uint8; real.npy beside them
"""

import contextlib
import fcntl
import hashlib
import io
import json
import math
import os
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rencgan.core import checkpoint
from rencgan.core.errors import InputError
from rencgan.core.files import writing
from rencgan.core.progress import Progress
from rencgan.data.clips import ClipSampler, WholeVideos, crops
from rencgan.data.hops import CLIP
from rencgan.data.pixels import as_clips, as_frames
from rencgan.data.videoset import VideoSet
from rencgan.models.lencgan_updates import LENCGAN, hand_on
from rencgan.models.networks import draw
from rencgan.models.recall import split_pair
from rencgan.models.updates import AR2, ENCGAN3, VARIANTS, Draws, Objective, iteration
from rencgan.presets.preset import Preset
from rencgan.training import shared as warmups
from rencgan.training.gan import Players
from rencgan.training.processes import Group, launch

SAVE_EVERY_S = 20.0  # seconds between checkpoints; with a slow step still under half a minute
GRIDS = 8  # sample grids along a run
KINDS = ("encgan3", "r2", "lencgan", "ar2")


@dataclass(frozen=True)
class Job:
    """Everything that decides a run's weights. `data` is a prepared folder, or videos in memory.

    init_from: a checkpoint to begin from, of any kind that has the same networks. AR2 may begin
    from R2: what its encoder reads and its generator draws are the same clips, and only which of
    two neighbours is drawn has to be learned anew.
    """

    kind: str
    preset: Preset
    data: Path | VideoSet
    out: Path
    seed: int = 0
    variant: str = "v4"  # R2 only: a row of updates.VARIANTS
    changes: tuple = ()  # switches that differ from that row, as (name, value) pairs
    init_from: Path | None = None
    sampling: str = "step"  # EncGAN3 only: "step" or "uniform" (see ClipSampler)
    warm: Path | None = None  # folder of warm-ups that runs share; decides no weight (see warmups)

    def objective(self) -> Objective:
        if self.kind not in KINDS:
            raise InputError(f"a model is one of {', '.join(KINDS)}, not {self.kind!r}")
        if self.variant not in VARIANTS:
            raise InputError(
                f"a loss variant is one of {', '.join(VARIANTS)}, not {self.variant!r}"
            )
        if self.kind != "ar2" and (self.preset.recall_noise or self.preset.rollout > 1):
            raise InputError(
                f"recall_noise and rollout are AR2's; a {self.kind!r} has no use for them"
            )
        bases = {"encgan3": ENCGAN3, "lencgan": LENCGAN, "ar2": AR2}
        base = bases.get(self.kind, VARIANTS[self.variant])
        if self.sampling != "step" and self.kind != "encgan3":
            raise InputError(f"sampling is EncGAN3's; a {self.kind!r} reads consecutive frames")
        if self.kind == "lencgan" and not self.preset.encoder:
            raise InputError("LEncGAN is an encoder with memory; this preset switches it off")
        return replace(base, **dict(self.changes))

    def videos(self) -> VideoSet:
        data = self.data if isinstance(self.data, VideoSet) else VideoSet.open(self.data)
        return data.select(split="train")

    def sampler(self) -> ClipSampler:
        p = self.preset
        if self.kind == "encgan3":
            kind, steps = self.sampling, p.step_range
            return ClipSampler(self.videos(), kind, step_range=steps, seed=self.seed)
        if self.kind == "lencgan":  # the warm-ups have batches of their own
            anew = (p.warmup, p.warmup + p.motion_warmup)
            return WholeVideos(self.videos(), self.objective().hop(p.hop), anew, self.seed)
        clips = p.rollout + 1  # 2, but in roll-outs
        stride = p.pair_stride or None
        return ClipSampler(self.videos(), "pairs", p.hop, stride, seed=self.seed, clips=clips)

    def key(self) -> str:
        """Names what decides the weights, so that a changed recipe gets a folder of its own."""
        return hashlib.sha256(json.dumps(self.recipe(), sort_keys=True).encode()).hexdigest()[:8]

    def recipe(self) -> dict:
        """What decides the weights, as plain values."""
        videos = self.videos()
        other = {"sampling": self.sampling} if self.sampling != "step" else {}
        return other | {
            "preset": self.preset.as_dict(),
            "kind": self.kind,
            "objective": asdict(self.objective()),
            "seed": self.seed,
            "init_from": checkpoint.digest(self.init_from) if self.init_from else "",
            "data": [(v.name, v.length) for v in videos.videos],
            "folder": videos.path.name if videos.path else zlib.crc32(videos.frames),
        }


def train(job: Job, processes: int = 1, progress: Callable | None = None) -> Path:
    """Trains (or goes on with, or finds finished) a job; returns its checkpoint.

    progress(done, total, losses) is called after every step of the first process. A non-finite
    loss, a full disk or a second process in the same folder raises InputError; the last good
    checkpoint stays.
    """
    job.objective()
    _check_processes(job, processes)
    if job.seed < 0:
        raise InputError(f"the seed must be 0 or more, not {job.seed}")
    for step in (job.preset.steps, job.preset.warmup, 0):  # refuses before any process is started
        Group(0, processes).rows(job.preset.takes(step)[1])
    if processes > 1:
        if isinstance(job.data, VideoSet):
            raise InputError(
                "several processes read a prepared folder; videos in memory go with one"
            )
        _in_processes(job, processes)
    else:
        run(job, progress)
    return job.out / "checkpoint.pt"


def _check_processes(job: Job, processes: int) -> None:
    if job.kind == "lencgan" and processes > 1:
        raise InputError("LEncGAN trains in one process: the state of its videos is not shared")


def _in_processes(job: Job, processes: int) -> None:
    """`run` in several processes; the sentence of the one that refused becomes this one's too."""
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    try:
        launch(_run_shown, processes, job)
    except ChildFailedError as error:
        for failure in error.failures.values():  # the others lost their connection to it
            report = failure.error_file_data.get("message")
            told = report.get("message", "") if isinstance(report, dict) else ""
            kind, _, sentence = told.partition(": ")
            if kind == InputError.__name__:
                raise InputError(sentence) from None
        raise


def _run_shown(job: Job) -> None:
    """`run` in a process of its own: the first one prints how far it is."""
    if not Group.current().first:
        run(job)
        return
    with Progress(job.preset.steps, f"training {job.kind}") as bar:
        run(job, lambda done, total, losses: bar.update(done, losses))


def run(job: Job, progress: Callable | None = None) -> None:
    """The loop, in every process: torchrun starts this same function."""
    group = Group.current()
    device, p, objective = group.device(), job.preset, job.objective()
    _check_processes(job, group.size)
    players = Players(p, job.seed, device, objective.encoder)
    clips = {"r2": 2, "ar2": p.rollout}.get(job.kind, 1)  # that a step encodes
    shared = warmups.end(job) if group.size == 1 else 0
    with writing(job.out), only_writer(job.out, group):
        if shared:
            warmups.take(job)
        start, window = _resume(job, players)
        if progress and group.first:
            progress(start, p.steps, {})
        if start == p.steps:
            return
        sampler = job.sampler()
        if sampler.videos.size != p.size:
            raise InputError(
                f"preset {p.name!r} trains at {p.size} pixels; "
                f"these videos have {sampler.videos.size}"
            )
        record = Record(job.out, start, window, p.steps, group.first)
        clock = Clock(group)
        batches = sampler.stream(start, p.steps, partial(_what_a_step_takes, p, group), device)
        for step, x in enumerate(batches, start):
            players.begin(step)
            if step == p.warmup:
                _same_statistics(players, group)
            x = _cropped(x, job, step, group)
            if isinstance(sampler, WholeVideos) and step >= p.warmup:
                hand_on(players, sampler.begins(step, *_what_a_step_takes(p, group, step)[1:]))
            draws = Draws.of(job.seed, step, clips, p, group, device, twice=not objective.joint)
            losses = iteration(players, group, x, draws, objective)
            if p.average:
                players.update_averages(step)
            record.add(step + 1, losses)
            if (step + 1) % max(1, p.steps // GRIDS) == 0:
                _sample_grid(job, players, sampler, step + 1, group)
            if step + 1 in (p.steps, shared) or clock.due(step):
                record.flush()
                _save(job, players, step + 1, record.window, group)
                clock.saved()
            if step + 1 == shared:
                warmups.keep(job)
            if progress and group.first:
                progress(step + 1, p.steps, record.latest)


def _what_a_step_takes(p: Preset, group: Group, step: int) -> tuple[str, int, slice]:
    """For ClipSampler.stream and crops: single frames during the warm-up, clips or pairs after it;
    how many in the joint batch, and which of them are this process's.
    """
    kind, size = p.takes(step)
    return kind, size, group.rows(size)


def _cropped(x: Tensor, job: Job, step: int, group: Group) -> Tensor:
    """A batch as this step sees it. LEncGAN's clips stay whole: those of a video must fit."""
    if job.kind == "lencgan" and x.shape[2] > 1:
        return x
    _, joint, rows = _what_a_step_takes(job.preset, group, step)
    return crops(x, job.preset.crop(step), job.seed, step, joint, rows)


def _same_statistics(players: Players, group: Group) -> None:
    """Batch-norm statistics the same in all processes: when the content streams keep theirs from
    then on, and in what is saved.
    """
    for network in (*players.networks().values(), *players.averages.values()):
        group.average_statistics(network)


# ------------------------------------------------------------------------------ saving and resuming


def _save(job: Job, players: Players, step: int, window: dict, group: Group) -> None:
    _same_statistics(players, group)
    if not group.first:
        return
    content = players.state() | {
        "kind": job.kind,
        "preset": job.preset.as_dict(),
        "objective": asdict(job.objective()),
        "variant": job.variant,
        "key": job.key(),
        "seed": job.seed,
        "step": step,
        "window": window,
        "random": _random_states(),
    }
    checkpoint.save(job.out / "checkpoint.pt", content)


def _random_states() -> dict:
    """The global generators. No step draws from them; they are kept so that user code that does can
    go on.
    """
    states = {"torch": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state_all()
    return states


def _resume(job: Job, players: Players) -> tuple[int, dict]:
    """Loads the run's checkpoint, or `init_from`, or nothing. Returns the step to go on from."""
    path = job.out / "checkpoint.pt"
    if path.exists():
        content = checkpoint.load(path, job.kind)
        if content["key"] != job.key():
            raise InputError(
                f"{path} was trained with another recipe or other data; "
                "give another folder or delete it"
            )
        players.load_state(content)
        torch.set_rng_state(content["random"]["torch"])
        return content["step"], content["window"]
    if job.init_from:
        content = checkpoint.load(job.init_from)
        players.load_networks(content["networks"] | content["averages"])
    return 0, {}


@contextlib.contextmanager
def only_writer(out: Path, group: Group) -> Iterator[None]:
    """One run a folder. The lock goes with the process, so nothing stale is left behind."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{out} cannot be made a folder ({error.strerror}); give another one"
        ) from None
    if not group.first:
        yield
        return
    with open(out / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(
                f"another process is training in {out}; wait for it or stop it"
            ) from None
        yield


class Clock:
    """Says when a checkpoint is due. The first process decides, so that all save together. Saving
    takes at most about a twentieth of the time, however large the networks are.
    """

    def __init__(self, group: Group):
        self.group, self.last = group, time.monotonic()
        self.took, self.began = 0.0, 0.0

    def due(self, step: int) -> bool:
        self.began = time.monotonic()
        rare = max(SAVE_EVERY_S, 20 * self.took) if SAVE_EVERY_S else 0.0  # 0: every step
        due = self.began - self.last >= rare
        return self.group.agree(due) if self.group.size > 1 else due

    def saved(self) -> None:
        """Call it when a checkpoint was written."""
        self.last = time.monotonic()
        self.took = self.last - self.began


# --------------------------------------------------------------------------------- what is recorded


class Record:
    """Loss terms: checked for finiteness, averaged over a few steps, appended to history.jsonl."""

    def __init__(self, out: Path, start: int, window: dict, steps: int, write: bool):
        self.path, self.write = out / "history.jsonl", write
        self.every = max(1, steps // 2000)
        self.window: dict[str, float] = dict(window)
        self.pending: list[tuple[int, dict[str, Tensor]]] = []
        self.latest: dict[str, float] = {}
        self.on_cpu = not torch.cuda.is_available()
        if write and self.path.exists():
            self._forget_after(start)

    def _forget_after(self, start: int) -> None:
        """A killed run may have written lines beyond its last checkpoint; they will come again."""
        kept = [line for line in read_history(self.path) if line["step"] <= start]
        text = "".join(json.dumps(line) + "\n" for line in kept)
        if text == self.path.read_text():
            return
        temporary = self.path.with_name(f".{self.path.name}.part")
        try:  # not in place: a full disk or a kill would take the whole record
            temporary.write_text(text)
            os.replace(temporary, self.path)
        finally:
            temporary.unlink(missing_ok=True)

    def add(self, step: int, losses: dict[str, Tensor]) -> None:
        self.pending.append((step, losses))
        if (
            self.on_cpu or len(self.pending) == 20
        ):  # reading a number makes a GPU wait: seldom there
            self.flush()

    def flush(self) -> None:
        """Raises InputError naming the first term that is not finite."""
        lines = []
        for step, losses in self.pending:
            values = {name: float(value) for name, value in losses.items()}
            for name, value in values.items():
                if not math.isfinite(value):
                    self.pending = []
                    raise InputError(
                        f"the loss term {name!r} became {value} at step {step}; "
                        "the last good checkpoint is "
                        "kept: lower a learning rate or its weight and run again"
                    )
            self.latest = values
            for name, value in values.items():
                self.window[name] = self.window.get(name, 0.0) + value / self.every
            if step % self.every == 0:
                lines.append(
                    json.dumps({"step": step} | {k: round(v, 6) for k, v in self.window.items()})
                )
                self.window = {}
        self.pending = []
        if lines and self.write:
            with open(self.path, "a") as file:
                file.write("\n".join(lines) + "\n")


def read_history(path: Path) -> list[dict]:
    """The lines of a history file; a last line cut short by a kill is left out."""
    lines = []
    for line in path.read_text().splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            lines.append(json.loads(line))
    return lines


@torch.no_grad()
def _sample_grid(job: Job, players: Players, sampler: ClipSampler, step: int, group: Group) -> None:
    """Four training samples through the networks as they are, from the mean of their codes."""
    if not group.first or not job.preset.encoder:
        return
    folder = job.out / "samples"
    folder.mkdir(exist_ok=True)
    x = as_clips(
        np.stack([sampler.videos.frames[sampler.frames_of(0, i % len(sampler))] for i in range(4)])
    )
    r, x = job.preset.hop, x.to(players.device)
    clips = recalled = split_pair(x, r)[:4] if job.kind == "r2" else x
    if job.kind == "ar2":  # real.npy: the clips that are to be predicted
        recalled, clips = x[:, :, :CLIP], x[:, :, r : r + CLIP]
    encoder, generator, _ = players.for_generation()
    codes, _ = job.objective().encode(encoder, recalled, r)
    made = generator(*draw(codes, torch.zeros_like(codes.mu_c), torch.zeros_like(codes.mu_m)))
    players.train()
    _save_array(folder / "real.npy", as_frames(clips))
    _save_array(folder / f"{step:07d}.npy", as_frames(made))


def _save_array(path: Path, array: np.ndarray) -> None:
    """np.save, but in one write of Python's: numpy's own does not say when the disk is full."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    path.write_bytes(buffer.getvalue())
