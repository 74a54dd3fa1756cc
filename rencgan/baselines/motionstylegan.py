"""MotionStyleGAN: a StyleGAN2 whose images are pairs of frames, the first stage of MotionVideoGAN.

x  (B, 6, H, W)  slot A = channels 0 to 2, the former frame; slot B = 3 to 5, the latter

Pairs are [x_t, x_t+k] and [x_t+k, x_t], so both orders are learned. Losses and lazy turns are
StyleGAN2's: non-saturating, R1, path lengths, mixed styles, noise inputs; pairs are mirrored, and
ADA transforms both slots alike.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from rencgan.baselines import ada
from rencgan.baselines.stylegan2 import (
    Discriminator,
    LazyAdam,
    Mapping,
    Synthesis,
    forgetting,
    r1,
    widths,
)
from rencgan.core.errors import InputError
from rencgan.data.clips import ClipSampler
from rencgan.data.hops import CLIP
from rencgan.data.pixels import as_clips
from rencgan.data.videoset import VideoSet
from rencgan.models.system import Nets, Phase, Step, System, Terms, Turn
from rencgan.presets.motionvideogan import PairsPreset

CHANNELS = 6  # of a pair
PATH_DECAY = 0.99  # of the running mean of path lengths
PATH_SHARE = 2  # path lengths are of a half of a batch


def pairs_of(x: Tensor) -> Tensor:
    """Pairs of frames (B, 3, 2, H, H) as images (B, 6, H, H). Raises InputError for others."""
    if x.ndim != 5 or x.shape[1:3] != (3, 2) or x.shape[3] != x.shape[4]:
        raise InputError(f"pairs are two square frames (B, 3, 2, H, H), not {tuple(x.shape)}")
    return x.transpose(1, 2).flatten(1, 2)


def frames_of(pairs: Tensor) -> Tensor:
    """The same back: (B, 6, H, W) to (B, 3, 2, H, W)."""
    return pairs.unflatten(1, (2, 3)).transpose(1, 2)


class Pairs(ClipSampler):
    """All pairs of frames that lie so far apart, in both orders. Videos without one are left out;
    `skipped` names them.
    """

    def __init__(self, videos: VideoSet, distances: Sequence[int], seed: int = 0):
        super().__init__(videos, "first", seed=seed, frames=2)
        k = min(distances)
        self.skipped = [v.name for v in videos.videos if v.length <= k]
        each = [
            (np.arange(v.start, v.start + v.length - k), k)
            for v in videos.videos for k in distances
        ]  # fmt: skip
        if not any(len(t) for t, _ in each):
            raise InputError(f"no video has the {k + 1} frames of a pair that lies {k} apart")
        pairs = np.concatenate([np.stack([t, t + k], axis=1) for t, k in each])
        self.items = np.concatenate([pairs, pairs[:, ::-1]])  # an array: there may be millions

    def frames_of(self, epoch: int, position: int) -> np.ndarray:
        return self.items[self.order(epoch)[position]]


class PairGenerator(nn.Module):
    """z (B, d) to w (B, d), and w to a pair (B, 6, H, W) in about [-1, 1]."""

    def __init__(self, p: PairsPreset):
        super().__init__()
        self.mapping = Mapping(p.latent, p.latent, p.mapping)
        c = widths(p.size, p.base, p.most)
        self.synthesis = Synthesis(c, p.latent, CHANNELS, noise=True)

    def forward(self, z: Tensor, psi: float = 1.0) -> Tensor:
        """With the stored noise."""
        return self.synthesis(self.mapping(z, psi))


class Chance(NamedTuple):
    """Of a step, for its phases (generator, path lengths, discriminator): z (3, 2, B, d), two
    codes of mixed styles; the slot from which on the second one rules, as a share of all but the
    first (1: nowhere). Which real pairs are mirrored; how pairs are augmented (the generator's, the
    discriminator's, real ones); a seed of noise inputs.
    """

    z: Tensor
    cut: list[float]
    flip: Tensor
    seen: list[ada.Chance]
    seed: int


@dataclass(frozen=True)
class MotionStyleGAN(System):
    """The generator against the discriminator as it is, then the discriminator."""

    kind: ClassVar[str] = "motionstylegan"
    prior: ClassVar[str | None] = None  # it makes pairs, and no video
    preset: ClassVar[type] = PairsPreset
    sample: ClassVar[str] = "pairs"
    averaged: ClassVar[tuple[str, ...]] = ("generator",)
    generates: ClassVar[tuple[str, ...]] = ("generator",)
    alone: ClassVar[str] = "its running mean of path lengths is not shared"

    def title(self, p: PairsPreset) -> str:
        return "MotionStyleGAN"

    def hop(self, p: PairsPreset) -> int:
        """Its videos have no clips; the largest hop stands for where they would meet."""
        return CLIP - 1

    def networks(self, p: PairsPreset, reader: Any = None) -> Nets:
        c = widths(p.size, p.base, p.most)
        nets = {"generator": PairGenerator(p), "discriminator": Discriminator(c, CHANNELS)}
        return {n: net.to(memory_format=torch.channels_last) for n, net in nets.items()}

    def optimisers(self, nets: Nets, p: PairsPreset) -> dict[str, torch.optim.Optimizer]:
        lazy = {"generator": p.path_every, "discriminator": p.r1_every}
        return {n: LazyAdam(m, p.lr, (p.beta1, p.beta2), lazy[n]) for n, m in nets.items()}

    def average(self, step: int, p: PairsPreset) -> float:
        return forgetting(p, step)

    def weight(self, term: str, p: PairsPreset, phase: Phase) -> float:
        lazy = {"r1": p.gamma * p.r1_every, "path": p.w_path * p.path_every}
        return lazy.get(term, 1.0)

    def reads(self, job: Any, known: Any = None) -> Pairs:
        return Pairs(job.videos(), job.preset.distances, job.seed)

    def draws(
        self, seed: int, step: int, p: PairsPreset, phase: Phase, share: Callable, device: Any
    ) -> Chance:
        rng = super().draws(seed, step, p, phase, share, device)
        z = torch.randn(3, 2, phase.batch, p.latent, generator=rng)
        mixed, cut = torch.rand(2, 3, generator=rng).tolist()
        flip = torch.rand(phase.batch, generator=rng) < (0.5 if p.flips else 0.0)
        cuts = [c if m < p.mixing else 1.0 for m, c in zip(mixed, cut, strict=True)]
        seen = [ada.Chance.drawn(rng, phase.batch, share) for _ in range(3)]
        return Chance(z.to(device), cuts, flip.to(device), seen, rng.initial_seed())

    # ---------------------------------------------------------------------------------------- turns

    def turns(self, nets: Nets, s: Step) -> Iterator[Turn]:
        yield "generator", lambda: self.fooling(nets, s)
        if s.number % s.p.path_every == 0 and s.p.w_path:
            yield "generator", lambda: self.path_lengths(nets, s)
        x = pairs_of(s.x)
        x = torch.where(s.chance.flip[:, None, None, None], x.flip(3), x)
        yield "discriminator", lambda: self.against(nets, s, x)
        if s.number % s.p.r1_every == 0 and s.p.gamma:
            yield "discriminator", lambda: self.flatness(nets, s, x)

    def made(self, nets: Nets, s: Step, turn: int, share: int = 1) -> tuple[Tensor, Tensor]:
        """Pairs of a phase's codes, of a share of the batch, and those codes by slot."""
        g = nets["generator"]
        n = -(-s.chance.z.shape[2] // share)
        with s.autocast(s.x.device):
            w, other = (g.mapping(z[:n]) for z in s.chance.z[turn])
            slots = g.synthesis.slots
            first = 1 + int(s.chance.cut[turn] * (slots - 1))  # of the second code; slots: none
            second = torch.arange(slots, device=w.device) >= first
            w = torch.where(second[:, None], other[:, None], w[:, None])  # (n, slots, d)
            rng = torch.Generator(w.device).manual_seed(s.chance.seed * 3 + turn)
            return g.synthesis(w, noises=g.synthesis.noises(n, rng)).float(), w

    def judged(self, nets: Nets, s: Step, x: Tensor, which: int) -> Tensor:
        """Logits of pairs behind augmentation; which: of the generator's turn (0), of the
        discriminator's (1), or real ones (2).
        """
        if s.p.augment:
            share = float(self.augmented(s)[0])  # a GPU is waited for once
            x = pairs_of(ada.augmented(frames_of(x), s.chance.seen[which], share))
        with s.autocast(x.device):
            return nets["discriminator"](x).float()

    def augmented(self, s: Step) -> Tensor:
        """ADA's state: its probability, and the signs that it follows."""
        return s.memory.setdefault("ada", [torch.zeros(3, device=s.x.device)])[0]

    def fooling(self, nets: Nets, s: Step) -> Tensor:
        return softplus(-self.judged(nets, s, self.made(nets, s, 0)[0], 0)).mean()

    def against(self, nets: Nets, s: Step, x: Tensor) -> Tensor:
        p = s.p
        with torch.no_grad():
            made = self.made(nets, s, 2)[0]
        real, fake = self.judged(nets, s, x, 2), self.judged(nets, s, made, 1)
        if p.augment:
            by, last = p.batch * p.ada_every / p.ada_pairs, (s.number + 1) % p.ada_every == 0
            ada.adapt(self.augmented(s), real.detach().sign().mean(), last, by, p.ada_target)
        return softplus(-real).mean() + softplus(fake).mean()

    def flatness(self, nets: Nets, s: Step, x: Tensor) -> Terms:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            value = r1(self.judged(nets, s, x, 2), x)
        return {"r1": lambda: value}

    def path_lengths(self, nets: Nets, s: Step) -> Terms:
        """How far the length of a step in pixels, for one in w, is from its running mean."""
        with torch.enable_grad():
            x, w = self.made(nets, s, 1, PATH_SHARE)
            rng = torch.Generator(x.device).manual_seed(s.chance.seed * 3 + 2)
            noise = torch.randn(x.shape, generator=rng, device=x.device) / x.shape[-1]
            (slope,) = torch.autograd.grad((x * noise).sum(), w, create_graph=True)
        lengths = slope.square().sum(2).mean(1).sqrt()
        (mean,) = s.memory.setdefault("path", [torch.zeros((), device=x.device)])
        mean.lerp_(lengths.detach().mean(), 1 - PATH_DECAY)
        return {"path": lambda: (lengths - mean).square().mean()}

    @torch.no_grad()
    def shown(self, model: Any, reader: Pairs) -> tuple[Tensor, Tensor]:
        rows = [reader.frames_of(0, i % len(reader)) for i in range(4)]
        real = as_clips(reader.videos.frames[np.stack(rows)], model.device)
        rng = torch.Generator().manual_seed(0)
        z = torch.randn(4, model.preset.latent, generator=rng).to(model.device)
        return real, frames_of(model.nets["generator"](z))
