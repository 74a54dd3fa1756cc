"""Trains R3's GPT on the tokens of a frozen R2 (thesis, Sections 5.4.3 and 5.4.4).

As in `train`, a step is a function of (weights, seed, step), and a run can be killed at any moment.
One `GPTJob` is one run in one folder, with checkpoint.pt and history.jsonl.
"""

import copy
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from rencgan.core import checkpoint
from rencgan.core.errors import InputError
from rencgan.core.files import writing
from rencgan.data.videoset import VideoSet
from rencgan.models.trained import Model
from rencgan.presets.gpt import GPTPreset
from rencgan.r3 import tokens
from rencgan.r3.gpt import GPT, KIND, Statistics
from rencgan.r3.sequences import Batch, Sequences
from rencgan.r3.tokens import Coordinates, Tokens
from rencgan.training.loop import Clock, Record, only_writer
from rencgan.training.processes import Group


@dataclass(frozen=True)
class GPTJob:
    """Everything that decides a GPT's weights. `cache`: where the tokens are kept."""

    preset: GPTPreset
    r2: Model
    data: VideoSet
    out: Path
    cache: Path
    seed: int = 0

    def __post_init__(self):
        if self.r2.kind != "r2":
            raise InputError(
                f"R3 reads the codes of an R2 that is trained; a {self.r2.kind!r} model was given"
            )
        if self.seed < 0:
            raise InputError(f"the seed must be 0 or more, not {self.seed}")

    def tokens(self) -> Tokens:
        """Of the training videos, each cut to the preset's positions (1000 frames as published)."""
        p, videos = self.preset, self.data.select(split="train")
        return tokens.cached(self.r2, videos, self.cache, p.positions, p.starts)

    def key(self) -> str:
        """Names what decides the weights."""
        videos = self.data.select(split="train").videos
        recipe = {
            "preset": self.preset.as_dict(),
            "r2": self.r2.digest,
            "seed": self.seed,
            "data": [(v.name, v.length) for v in videos],
            "folder": self.data.path.name if self.data.path else "",
        }
        return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:8]


@dataclass
class Learner:
    """The GPT in training with what it needs: optimiser, running average, coordinates."""

    gpt: GPT
    optimiser: torch.optim.Optimizer
    average: nn.Module | None
    coordinates: Coordinates
    sequences: Sequences

    @classmethod
    def of(
        cls, job: GPTJob, device: torch.device, coordinates: Coordinates | None = None
    ) -> "Learner":
        """As training begins; coordinates: those of a run that goes on, which may not be fitted
        anew.
        """
        found = job.tokens()
        p = _fitting(job.preset, max(map(len, found.sequences)))
        coordinates = coordinates or Coordinates.fitted(found.sequences, p.directions)
        seen = [coordinates.of(torch.from_numpy(s)) for s in found.sequences]
        statistics = Statistics(*tokens.persistence(seen)) if p.carry else None
        arrays = [s.numpy() for s in seen]
        sequences = Sequences(arrays, found.subjects, found.names, p, job.seed)
        words = sequences.vocabulary if p.format == "disc+cont" else ()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(job.seed)
            gpt = GPT(p, coordinates.dim, len(words), statistics).to(device)
        average = copy.deepcopy(gpt).requires_grad_(False) if p.average else None
        return cls(gpt, _optimiser(gpt, p), average, coordinates, sequences)

    def state(self) -> dict:
        return {
            "gpt": self.gpt.state_dict(),
            "average": self.average.state_dict() if self.average else None,
            "optimiser": self.optimiser.state_dict(),
            "coordinates": self.coordinates.state(),
            "classes": list(self.sequences.vocabulary.classes),
            "preset": self.sequences.p.as_dict(),
        }

    def load(self, content: dict) -> None:
        self.gpt.load_state_dict(content["gpt"])
        self.optimiser.load_state_dict(content["optimiser"])
        if self.average:
            self.average.load_state_dict(content["average"])


def _fitting(p: GPTPreset, longest: int) -> GPTPreset:
    """The preset with no more positions than the longest training sequence has tokens (Section
    5.4.4): those behind it would never be trained. The other formats fill theirs.
    """
    return p.but(positions=min(p.positions, longest)) if p.format == "pad0" else p


def _optimiser(gpt: GPT, p: GPTPreset) -> torch.optim.Optimizer:
    """AdamW. Weight decay is for matrices: biases, norms and positions are left alone."""
    decayed = [w for n, w in gpt.named_parameters() if w.ndim > 1 and n != "position"]
    rest = [w for n, w in gpt.named_parameters() if w.ndim < 2 or n == "position"]
    groups = [{"params": decayed}, {"params": rest, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, p.lr, (p.beta1, p.beta2), weight_decay=p.weight_decay)


def train_gpt(job: GPTJob, progress: Callable | None = None) -> Path:
    """Trains (or goes on with, or finds finished) a GPT; returns its checkpoint."""
    run(job, progress)
    return job.out / "checkpoint.pt"


def run(job: GPTJob, progress: Callable | None = None) -> None:
    """The loop. A non-finite loss, a full disk or a second process in the folder raises
    InputError; the last good checkpoint stays.
    """
    group, p = Group(), job.preset
    device = job.r2.device
    with writing(job.out), only_writer(job.out, group):
        content = _found(job)
        start = content["step"] if content else 0
        if progress:
            progress(start, p.steps, {})
        if start == p.steps:
            return
        known = Coordinates(**content["coordinates"]) if content else None
        learner, window = Learner.of(job, device, known), {}
        if content:
            learner.load(content)
            window = content["window"]
        record = Record(job.out, start, window, p.steps, True)
        clock = Clock(group)
        for step in range(start, p.steps):
            for g in learner.optimiser.param_groups:
                g["lr"] = p.lr * p.rate(step)
            losses = update(learner, p, job.seed, step, device)
            record.add(step + 1, losses)
            if step + 1 == p.steps or clock.due(step):
                record.flush()
                _save(job, learner, step + 1, record.window)
                clock.saved()
            if progress:
                progress(step + 1, p.steps, record.latest)


def update(
    learner: Learner, p: GPTPreset, seed: int, step: int, device: torch.device
) -> dict[str, Tensor]:
    """One step: loss, gradients, AdamW, running average. Returns unweighted terms."""
    batch = learner.sequences.batch(step).to(device)
    chance = torch.Generator().manual_seed(_seed(seed, step))
    devices = [device] if device.type == "cuda" else []
    with (
        torch.random.fork_rng(devices=devices),
        torch.autocast(device.type, torch.bfloat16, enabled=p.bf16 and device.type == "cuda"),
    ):
        torch.manual_seed(_seed(seed, step, 6))  # dropout draws from the global generator
        terms = losses(learner.gpt, batch, chance)
    learner.optimiser.zero_grad(set_to_none=True)
    sum(terms.values()).backward()
    if p.largest_gradient:
        nn.utils.clip_grad_norm_(learner.gpt.parameters(), p.largest_gradient)
    learner.optimiser.step()
    if learner.average:
        _follow(learner.average, learner.gpt, min(p.average, (1 + step) / (10 + step)))
    return {name: term.detach() for name, term in terms.items()}


def losses(gpt: GPT, batch: Batch, chance: torch.Generator) -> dict[str, Tensor]:
    """Eq. 5.3: every token is predicted from those before it; padding counts nowhere.

    "code": the head's loss. "symbol" (disc+cont): cross-entropy of classes and lengths.
    """
    codes, symbols, real = batch
    read, level = _noised(gpt, codes[:, :-1], symbols, chance)
    words = None if symbols is None else symbols[:, :-1]
    h, _ = gpt(read, words, level)
    coded = real[:, 1:] if symbols is None else real[:, 1:] & (symbols[:, 1:] < 0)
    target = codes[:, 1:][coded]
    noise = _head_noise(gpt, target, chance)
    terms = {"code": gpt.loss(h[coded], read[coded], target, *noise).float().mean()}
    if symbols is not None:
        said = real[:, 1:] & (symbols[:, 1:] >= 0)
        logits = gpt.symbol_out(h[said]).float()
        terms["symbol"] = nn.functional.cross_entropy(logits, symbols[:, 1:][said])
    return terms


def _noised(
    gpt: GPT, codes: Tensor, symbols: Tensor | None, chance: torch.Generator
) -> tuple[Tensor, Tensor | None]:
    """The tokens as they are read in training: with noise of one level a sequence, drawn up to the
    largest, in units of the deviation of what a token is expected to change by.
    """
    if not gpt.context_noise:
        return codes, None
    level = gpt.context_noise * torch.rand(len(codes), generator=chance).to(codes.device)
    eps = torch.randn(codes.shape, generator=chance).to(codes.device)
    noise = level[:, None, None] * gpt.spread * eps
    if symbols is not None:
        noise = noise * (symbols[:, : codes.shape[1], None] < 0)
    return codes + noise, level


def _head_noise(gpt: GPT, target: Tensor, chance: torch.Generator) -> tuple[Tensor, ...]:
    if not gpt.head.noisy:
        return ()
    eps = torch.randn(target.shape, generator=chance)
    t = torch.rand(target.shape[:-1], generator=chance)
    return eps.to(target.device), t.to(target.device)


def _seed(seed: int, step: int, stream: int = 3) -> int:
    """One number of all three, for a torch generator."""
    return int(np.random.SeedSequence([seed, stream, step]).generate_state(1, np.uint64)[0] >> 1)


@torch.no_grad()
def _follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    for slow, fast in zip(average.parameters(), network.parameters(), strict=True):
        slow.lerp_(fast, 1 - decay)


def _found(job: GPTJob) -> dict | None:
    """The checkpoint that lies in the folder; refused if another recipe or another R2 made it."""
    path = job.out / "checkpoint.pt"
    if not path.exists():
        return None
    content = checkpoint.load(path, KIND)
    if content["r2"] != job.r2.digest:
        raise InputError(
            f"{path} was trained on the codes of another R2 ({content['r2']}), not of this one "
            f"({job.r2.digest}); give that one, or another folder"
        )
    if content["key"] != job.key():
        raise InputError(
            f"{path} was trained with another recipe or other data; "
            "give another folder or delete it"
        )
    return content


def _save(job: GPTJob, learner: Learner, step: int, window: dict) -> None:
    content = learner.state() | {
        "kind": KIND,
        "r2": job.r2.digest,
        "key": job.key(),
        "seed": job.seed,
        "step": step,
        "window": window,
    }
    checkpoint.save(job.out / "checkpoint.pt", content)
