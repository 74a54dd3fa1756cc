"""StyleGAN-V: a video as a function of real time (Skorokhodov et al., CVPR 2022).

x  (B, 3, k, H, W)   k frames of B videos          t  (B, k) float64   their times, in frames
z  (B, d_z)          content                       n  (B, tokens, d)   motion noise
v  (B, k, 2F)        motion codes                  w  (B, d_w)         mapped content

G: v_t beside the constant of a StyleGAN2 synthesis, w the same for all frames. D sees k frames that
are far apart, each alone down to 16x16, then together, and is told the differences of their times.

Where paper and public code disagree, the code is followed, since it made the numbers: 2 layers from
z to w; c(16) / 2 channels a frame where the paper draws 512; differences concatenated before one
MLP, where the paper has one MLP each; R1 as a mean over frames. But whole distances are uniform on
k - 1 to 32, as the paper has them (preset field `distances`). Departures: motion noise of token i
is a function of (seed, i), so that no video has a longest time; see stylegan2 and motion_codes too.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from rencgan.baselines.ada import Chance, adapt, augmented, diff_augmented
from rencgan.baselines.any_time import generate
from rencgan.baselines.mocogan import VideoDiscriminator
from rencgan.baselines.motion_codes import AnchoredCodes, LstmCodes, tokens
from rencgan.baselines.stylegan2 import (
    Block,
    Conv,
    Discriminator,
    Head,
    LazyAdam,
    Linear,
    Mapping,
    Synthesis,
    exact,
    forgetting,
    high,
    r1,
    widths,
)
from rencgan.core.errors import InputError
from rencgan.data.hops import CLIP
from rencgan.data.pixels import as_clips
from rencgan.data.sparse import SparseFrames
from rencgan.models.system import Nets, Phase, Step, System, Terms, Turn, autocast
from rencgan.presets.stylegan_v import StyleGANVPreset

JOINT = 16  # pixels at which the frames of a video come together in the discriminator


class Generator(nn.Module):
    """content: motion codes go into w, as in MoCoGAN, in place of beside the constant."""

    def __init__(self, p: StyleGANVPreset, motion: nn.Module, content: bool = False):
        super().__init__()
        own, beside = (motion.width, 0) if content else (0, motion.width)
        self.content, self.motion = content, motion
        self.mapping = Mapping(p.z_dim + own, p.w_dim, p.mapping)
        self.synthesis = Synthesis(widths(p.size, p.base, p.most), p.w_dim, extra=beside)

    def forward(self, z: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """z (B, d_z), noise (B, n, d) of tokens 0 to n - 1, t (B, k) to frames (B, 3, k, H, W)."""
        return self.frames(z, self.motion(noise, t))

    def frames(self, z: Tensor, v: Tensor, psi: float = 1.0) -> Tensor:
        """Frames of motion codes v (B, k, 2F). psi < 1 draws w towards its mean."""
        k = v.shape[1]
        if self.content:
            z = z[:, None].expand(-1, k, -1)
            x = self.synthesis(self.mapping(torch.cat([z, v], dim=2).flatten(0, 1), psi))
        else:
            x = self.synthesis(self.mapping(z, psi).repeat_interleave(k, dim=0), v.flatten(0, 1))
        return x.unflatten(0, (-1, k)).transpose(1, 2)


class HolisticDiscriminator(nn.Module):
    """k frames of a video and their times to one logit; told: whether it is told the times."""

    def __init__(self, p: StyleGANVPreset, k: int, told: bool = True):
        super().__init__()
        c = widths(p.size, p.base, p.most)
        self.k, self.told, self.longest = k, told, p.longest
        self.resolutions = list(c)[:0:-1]  # size ... 8
        self.from_rgb = Conv(3, c[p.size], 1)
        into = {r: c[r] for r in self.resolutions} | {JOINT: k * (c[JOINT] // 2)}
        out = {r: c[r // 2] for r in self.resolutions} | {2 * JOINT: c[JOINT] // 2}
        self.blocks = nn.ModuleList(Block(into[r], c[r], out[r]) for r in self.resolutions)
        self.head = Head(c[4], c[4])
        waves = torch.arange(p.longest.bit_length() - 1, dtype=torch.float64)
        self.register_buffer("waves", math.pi * waves.exp2() / p.longest, persistent=False)
        self.table = nn.Parameter(torch.randn(p.longest, p.table))
        self.embed = Linear((k - 1) * (p.table + 2 * len(waves)), c[4])
        self.mapping = Mapping(c[4], c[4], 2)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """x (B, 3, k, H, W), t (B, k) to (B,)."""
        gaps = self.differences(x, t)
        y = self.from_rgb(x.transpose(1, 2).flatten(0, 1))  # (B k, c, H, W)
        for r, block in zip(self.resolutions, self.blocks, strict=True):
            if r == JOINT:
                y = y.unflatten(0, (-1, self.k)).flatten(1, 2)  # (B, k c, 16, 16), in time order
            with autocast(on := high(r, self.resolutions[0], y), y.device):
                y = block(y if on else y.to(block.skip.weight.dtype))
        h = self.head(y)
        with exact(h):
            told = self.features(gaps) * float(self.told)
            condition = self.mapping(self.embed(told))
        return (h * condition).sum(dim=1) / math.sqrt(h.shape[1])

    def differences(self, x: Tensor, t: Tensor) -> Tensor:
        """From one time to the next: (B, k - 1). Raises InputError for times that it cannot read,
        and for another number of frames.
        """
        if x.shape[2] != self.k or t.shape != (len(x), self.k):
            raise InputError(
                f"the discriminator reads {self.k} frames of a video and as many times, "
                f"not {x.shape[2]} and {t.shape[-1]}"
            )
        gaps = t.diff(dim=1)
        if not bool(((gaps > 0) & (gaps < self.longest)).all()):
            raise InputError(
                f"times increase by more than 0 and less than {self.longest} frames, "
                f"not by {float(gaps.min()):g} to {float(gaps.max()):g}"
            )
        return gaps

    def features(self, gaps: Tensor) -> Tensor:
        """What stands for differences: (B, (k - 1) f)."""
        angles = gaps[..., None] * self.waves
        row = self.table[gaps.round().long().clamp(max=self.longest - 1)]
        found = torch.cat([row, angles.sin().to(row.dtype), angles.cos().to(row.dtype)], dim=2)
        return found.flatten(1)


class Draws(NamedTuple):
    """The chance of a step: a pair each, of the generator's turn and of the discriminator's."""

    z: tuple[Tensor, Tensor]  # (B, d_z)
    noise: tuple[Tensor, Tensor]  # (B, tokens, d)
    seen: tuple[Chance, Chance, Chance]  # augmentation: of both turns' fakes, and of real videos
    frame: tuple[int, int, int]  # of the same, the one that MoCoGAN's image critic sees


@dataclass(frozen=True)
class StyleGANV(System):
    """k: frames of a video in a training step (Table 3). codes: "anchors", or an "lstm" (Table 2),
    with `spacing` frames from token to token, 0 for the preset's delta. told: whether the
    discriminator is told the times. amplitude: Eq 3's. g "mocogan": the codes of an LSTM become w
    with the content, as in MoCoGAN with StyleGAN2's synthesis. d "mocogan": StyleGAN2's critic of a
    frame and MoCoGAN's of 16 in a row, the latter at a tenth of the rate, for it is not equalised.
    """

    kind: ClassVar[str] = "stylegan-v"
    preset: ClassVar[type] = StyleGANVPreset
    averaged: ClassVar[tuple[str, ...]] = ("generator",)
    generates: ClassVar[tuple[str, ...]] = ("generator",)
    sample: ClassVar[str] = "videos"
    joins: ClassVar[bool] = False
    choices: ClassVar[dict[str, tuple]] = {
        "codes": ("anchors", "lstm"),
        "g": ("own", "mocogan"),
        "d": ("own", "mocogan"),
    }
    variants: ClassVar[dict[str, dict[str, Any]]] = {
        "lstm-1": {"codes": "lstm", "spacing": 1},
        "lstm-16": {"codes": "lstm", "spacing": 16},
        "untold": {"told": False},
        **{f"k{k}": {"k": k} for k in (2, 4, 8, 16)},
        "mocogan-g": {"g": "mocogan", "codes": "lstm", "spacing": 1},
        "mocogan-d": {"d": "mocogan", "k": CLIP},
        "mocogan": {"g": "mocogan", "codes": "lstm", "spacing": 1, "d": "mocogan", "k": CLIP},
    }

    k: int = 3
    codes: str = "anchors"
    spacing: int = 0
    told: bool = True
    amplitude: bool = False
    g: str = "own"
    d: str = "own"

    def __post_init__(self):
        super().__post_init__()
        if type(self.k) is not int or self.k < 2:
            raise InputError(f"k is a whole number of frames, at least 2, not {self.k!r}")
        if type(self.spacing) is not int or self.spacing < 0:
            raise InputError(f"spacing is a whole number of frames, not {self.spacing!r}")
        if self.g == "mocogan" and self.codes != "lstm":
            raise InputError("MoCoGAN's motion codes are an LSTM's: give codes 'lstm'")
        if self.d == "mocogan" and self.k != CLIP:
            raise InputError(f"MoCoGAN's video critic reads {CLIP} frames in a row: give k {CLIP}")

    def title(self, p: StyleGANVPreset) -> str:
        return "StyleGAN-V"

    def hop(self, p: StyleGANVPreset) -> int:
        """Its videos have no clips, nor junctions: the longest that there is stands for one."""
        return CLIP - 1

    def check(self, p: StyleGANVPreset) -> None:
        if self.k > p.largest_distance + 1:
            raise InputError(f"{self.k} frames do not fit into {p.largest_distance + 1}")

    # --------------------------------------------------------------------------- networks and steps

    def motion(self, p: StyleGANVPreset) -> nn.Module:
        delta = self.spacing or p.delta
        if self.codes == "lstm":
            return LstmCodes(p, delta)
        return AnchoredCodes(p, delta, self.amplitude)

    def networks(self, p: StyleGANVPreset, reader: Any = None) -> Nets:
        nets: Nets = {"generator": Generator(p, self.motion(p), self.g == "mocogan")}
        if self.d == "own":
            nets["discriminator"] = HolisticDiscriminator(p, self.k, self.told)
        else:
            nets["image_d"] = Discriminator(widths(p.size, p.base, p.most))
            nets["video_d"] = VideoDiscriminator(p.size, p.most)
        for name, net in nets.items():
            if p.channels_last and name != "video_d":
                net.to(memory_format=torch.channels_last)
        return nets

    def optimisers(self, nets: Nets, p: StyleGANVPreset) -> dict[str, torch.optim.Optimizer]:
        lazy = {"generator": (p.lr, 4), "video_d": (p.lr / 10, 0)}  # 4: a turn that it lacks here
        return {
            name: LazyAdam(net, rate, (p.beta1, p.beta2), every)
            for name, net in nets.items()
            for rate, every in [lazy.get(name, (p.lr, p.penalty_every))]
        }

    def average(self, step: int, p: StyleGANVPreset) -> float:
        return forgetting(p, step)

    def weight(self, term: str, p: StyleGANVPreset, phase: Phase) -> float:
        return p.gamma * p.penalty_every if term == "r1" else 1.0

    def reads(self, job: Any, known: Any = None) -> SparseFrames:
        p = job.preset
        distances = p.distances if self.d == "own" else (CLIP - 1,)
        given = (job.videos(), self.k, p.longest, p.largest_distance, distances, p.flips)
        return SparseFrames(*given, job.seed)

    def draws(
        self, seed: int, step: int, p: StyleGANVPreset, phase: Phase, share: Callable, device
    ) -> Draws:
        rng = super().draws(seed, step, p, phase, share, device)
        b, rows = phase.batch, share(phase.batch)
        ahead = 2 * (p.kernel - 1) if self.codes == "anchors" else 0
        count = tokens(p.longest, self.spacing or p.delta, ahead)

        def normal(*shape: int) -> Tensor:
            return torch.randn(b, *shape, generator=rng)[rows].to(device)

        z = tuple(normal(p.z_dim) for _ in range(2))
        noise = tuple(normal(count, p.motion_dim) for _ in range(2))
        seen = tuple(Chance.drawn(rng, b, share) for _ in range(3))
        frame = tuple(torch.randint(self.k, (3,), generator=rng).tolist())
        return Draws(z, noise, seen, frame)

    # ---------------------------------------------------------------------------------------- turns

    def turns(self, nets: Nets, s: Step) -> Iterator[Turn]:
        """The generator against critics as they are, then each critic, and every 16th step R1."""
        critics = [name for name in nets if name != "generator"]
        seen, times = Seen(self, nets, s), s.x.fake_t

        def made(turn: int) -> Tensor:
            with s.autocast(s.x.x.device):
                return nets["generator"](s.chance.z[turn], s.chance.noise[turn], times[turn])

        def fooling() -> Tensor:
            x = made(0)
            return sum(softplus(-seen.judged(name, x, 0)).mean() for name in critics)

        yield "generator", fooling
        x = None
        for name in critics:
            if x is None:
                with torch.no_grad():
                    x = made(1)
            yield name, lambda name=name, x=x: seen.against(name, x)
        if s.number % s.p.penalty_every == 0 and s.p.gamma:
            yield critics[0], lambda: seen.penalty(critics[0])

    def generate(self, model: Any, frames: int | None = None, **options) -> Iterator[Tensor]:
        return generate(model, frames, **options)

    @torch.no_grad()
    def shown(self, model: Any, reader: SparseFrames) -> tuple[Tensor, Tensor]:
        """The beginnings of four training videos, and of four generated ones."""
        rows = [reader.items[i % len(reader.items)] for i in range(4)]
        index = [start + np.minimum(np.arange(CLIP), length - 1) for start, length in rows]
        real = as_clips(reader.videos.frames[np.stack(index)], model.device)
        return real, next(generate(model, CLIP, videos=4))


# -------------------------------------------------------------------------- what critics are shown


class Seen:
    """What critics judge in one step, and by which loss."""

    def __init__(self, system: StyleGANV, nets: Nets, s: Step):
        self.system, self.nets, self.s = system, nets, s
        begun = [torch.zeros(3, device=s.x.x.device)]
        self.state = s.memory.setdefault("ada", begun)[0]  # p, sum and number of mean signs
        self.p = float(self.state[0]) if s.p.augment == "ada" else 0.0  # a GPU is waited for once

    def judged(self, name: str, x: Tensor, which: int) -> Tensor:
        """Logits of videos behind augmentation; which: of the generator's turn (0), of the critic's
        (1), or real ones (2).
        """
        s = self.s
        x = self.shown(x.float(), which)
        with s.autocast(x.device):
            if name == "discriminator":
                t = s.x.t if which == 2 else s.x.fake_t[which]
                return self.nets[name](x, t).float()
            if name == "image_d":
                x = x[:, :, s.chance.frame[which]]
            return self.nets[name](x).float()

    def shown(self, x: Tensor, which: int) -> Tensor:
        chance = self.s.chance.seen[which]
        if self.s.p.augment == "ada":
            return augmented(x, chance, self.p)
        return diff_augmented(x, chance) if self.s.p.augment == "diff" else x

    def against(self, name: str, fakes: Tensor) -> Tensor:
        """The loss of a critic; the first of them decides how much is augmented."""
        real = self.judged(name, self.s.x.x, 2)
        if self.s.p.augment == "ada" and name != "video_d":
            self.adapt(self.s.mean(real.detach().sign().mean()))
        return softplus(self.judged(name, fakes, 1)).mean() + softplus(-real).mean()

    def adapt(self, sign: Tensor) -> None:
        """ADA, by the mean sign of real logits of this step."""
        p, last = self.s.p, (self.s.number + 1) % self.s.p.ada_every == 0
        adapt(self.state, sign, last, p.batch * p.ada_every / p.ada_videos, p.ada_target)

    def penalty(self, name: str) -> Terms:
        """R1 on real videos; of the image critic, on the frame that it sees."""
        with torch.enable_grad():
            x = self.s.x.x.detach().requires_grad_()
            frames = self.system.k if name == "discriminator" else 1
            found = r1(self.judged(name, x, 2), x, frames)
        return {"r1": lambda: found}
