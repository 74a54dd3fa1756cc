"""MotionVideoGAN: a walk through the latent space of a frozen generator of pairs, along its motion
codes (pair_codes.py, motionstylegan.py).

w_t   (B, d)      w_t = w_t-1 + stride M_t Omega_t    M_t = tanh(h_t W + b)  (B, codes)
Omega (codes, d)  backward codes for odd t, forward ones for even t
x_t               B(w_t) for even t, A(w_t) for odd t: the slot that Omega_t edits

Where the sources disagree: the frames are in the paper's order (Eq. 11); the public code shows
w_t-1. From the code alone: the stride of 0.2, the tanh, fresh noise into the LSTM at every step
(`noise` False: none), and the relativistic least-squares loss; the paper's log loss is an option,
in its non-saturating form. The norm of the gradient penalty is over a whole sample, of the slope of
a map's mean, which it pulls to 1; the code's is over the channels of each voxel, of the slope of
the sum, which pulls the mean's to 0.4 at 64 pixels. A whole sample's norm of the sum's slope would
pull it to 1/605, and no critic learns. Noise inputs of the pairs stand still.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool3d, conv3d, pad, softplus

from rencgan.baselines.ivgan import between, norms
from rencgan.baselines.pair_codes import MotionCodes, found_codes, slots
from rencgan.core.device import sent_together
from rencgan.core.errors import InputError
from rencgan.data.clips import ClipSampler
from rencgan.data.pixels import as_clips
from rencgan.models import sampling
from rencgan.models.system import Nets, Phase, Step, System, Terms, Turn
from rencgan.presets.motionvideogan import MotionPreset

AT_ONCE = 16  # frames in one piece of a video
POOLED = 16  # frames beyond which the coarse critic halves time too
MORE = 2  # frames by which a video of the training set is longer than a clip
CRITICS = ("reverse_d", "video_d")


class LatentGenerator(nn.Module):
    """w_0 (B, d) to w_0 ... w_n-1 (B, n, d) along motion codes, by two LSTM cells."""

    def __init__(self, d: int, codes: int, stride: float):
        super().__init__()
        self.start, self.step = nn.LSTMCell(d, d), nn.LSTMCell(d, d)
        self.out = nn.Linear(d, codes)
        self.stride = stride
        for name, w in self.named_parameters():
            if "bias" in name:
                nn.init.zeros_(w)
            elif name == "out.weight":
                nn.init.normal_(w, 0, 0.02)
            else:
                for gate in w.data.chunk(4):
                    nn.init.orthogonal_(gate)

    def amounts(self, w: Tensor, eps: Tensor) -> Iterator[Tensor]:
        """M_1, M_2 ... (B, codes) in [-1, 1]. eps: (B, n - 1, d)."""
        state = self.start(w)
        for noise in eps.unbind(1):
            state = self.step(noise, state)
            yield self.out(state[0]).tanh()

    def forward(self, w: Tensor, eps: Tensor, codes: MotionCodes) -> Tensor:
        found = [w]
        for t, amount in enumerate(self.amounts(w, eps), 1):
            found.append(found[-1] + self.stride * amount @ codes.at(t).to(w))
        return torch.stack(found, dim=1)


def between_codes(w: Tensor, rate: int = 1, frames: slice = slice(None)) -> tuple[Tensor, Tensor]:
    """Codes (B, n, d) with `rate` linear steps from each to the next: (B, 1 + (n - 1) rate, d), and
    the slot that each frame shows: 0 for A, 1 for B; or those of some frames alone.
    """
    if rate < 1:
        raise InputError(f"1 step or more leads from code to code, not {rate}")
    t = torch.arange(1 + (w.shape[1] - 1) * rate, device=w.device)[frames]
    after = -(-t // rate)  # the code that a frame comes from or goes to
    before = (after - 1).clamp(min=0)
    share = (t - before * rate).to(w)[:, None] / rate
    return torch.lerp(w[:, before], w[:, after], share), (after + 1) % 2


def frames_at(image: Callable[[Tensor], Tensor], w: Tensor, shown: Tensor) -> Tensor:
    """Of pairs at codes (B, n, d) the slots that are shown (n,): a video (B, 3, n, H, W)."""
    pairs = slots(image(w.flatten(0, 1))).unflatten(0, w.shape[:2])  # (B, n, 2, 3, H, W)
    return pairs[:, torch.arange(len(shown), device=w.device), shown].transpose(1, 2)


# -------------------------------------------------------------------------------------- the critics


def beside_first(x: Tensor, backwards: bool = False) -> Tensor:
    """What D_V sees of videos (B, 3, T, H, W): the first frame, T times, and the video."""
    found = torch.cat([x[:, :, :1].expand_as(x), x], dim=1)
    return found.flip(2) if backwards else found


def beside_reverse(x: Tensor) -> Tensor:
    """What D_R sees: the video, and itself from the end."""
    return torch.cat([x, x.flip(2)], dim=1)


def coarser(x: Tensor) -> Tensor:
    """Half the pixels; of long videos half the frames too."""
    time = 2 if x.shape[2] > POOLED else 1
    return avg_pool3d(x, 3, (time, 2, 2), 1, count_include_pad=False)


class Short(nn.Conv3d):
    """Of fewer frames than its kernel has. Zeros are laid on first: where oneDNN does that, its
    gradients of bfloat16 weights are wrong.
    """

    def forward(self, x: Tensor) -> Tensor:
        return conv3d(pad(x, [2] * 6), self.weight, self.bias)


class PatchCritic(nn.Module):
    """(B, 6, T, H, W) to maps of logits at two scales. Raises InputError below two frames."""

    def __init__(self, widths: tuple[int, ...]):
        super().__init__()
        self.scales = nn.ModuleList(self.one(widths) for _ in range(2))

    @staticmethod
    def one(widths: tuple[int, ...]) -> nn.Sequential:
        layers: list[nn.Module] = []
        for i, (a, b) in enumerate(zip((6, *widths), (*widths, 1), strict=True)):
            layers.append((Short if i == 3 else nn.Conv3d)(a, b, 4, 2 if i < 3 else 1, 2))
            nn.init.normal_(layers[-1].weight, 0, 0.02)
            layers += [nn.InstanceNorm3d(b)] if 0 < i < len(widths) else []
            layers += [nn.LeakyReLU(0.2, inplace=True)] if i < len(widths) else []
        return nn.Sequential(*layers)

    def forward(self, x: Tensor) -> list[Tensor]:
        if x.ndim != 5 or x.shape[1] != 6 or x.shape[2] < 2:
            raise InputError(
                f"critics see (B, 6, T, H, W) of at least 2 frames, not {tuple(x.shape)}"
            )
        return [net(part) for net, part in zip(self.scales, (x, coarser(x)), strict=True)]


def relativistic(real: list[Tensor], fake: list[Tensor]) -> Tensor:
    """Average least squares with targets 1 and 0, summed over scales; the average is over a whole
    map and batch. The generator's loss is the same with the sides exchanged.
    """
    return 0.5 * sum(
        (r - f.mean() - 1).square().mean() + (f - r.mean()).square().mean()
        for r, f in zip(real, fake, strict=True)
    )


def penalty(critic: Callable[[Tensor], list[Tensor]], x: Tensor) -> Tensor:
    """(g - 1)^2 over samples x, the mean over the scales; g is of a map's mean."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        judged = [m.sum() / m[0].numel() for m in critic(x)]
        slopes = [torch.autograd.grad(j, x, create_graph=True)[0] for j in judged]
    return torch.stack([(norms(slope) - 1).square().mean() for slope in slopes]).mean()


# --------------------------------------------------------------------------------------- the system


class CodedClips(ClipSampler):
    """Clips from anywhere in videos that are longer than they, and the motion codes of the base."""

    def __init__(self, job: Any, codes: MotionCodes):
        n = job.preset.frames
        videos = job.videos().select(min_frames=n + MORE)
        super().__init__(videos, "step", step_range=(1, 1), seed=job.seed, frames=n)
        self.base, self.codes = job.base, codes


@dataclass
class Known:
    """What training found out: the motion codes."""

    codes: MotionCodes


class Chance(NamedTuple):
    """Of a step, for every turn of the generator and once for the critics: z (turns, B, d), eps
    (turns, B, n - 1, d); whether D_V sees videos backwards, generated and real; alpha (2, B).
    """

    z: Tensor
    eps: Tensor
    alpha: Tensor
    backwards: list[list[bool]]


@dataclass(frozen=True)
class MotionVideoGAN(System):
    """Several updates of the generator of codes on a batch, then one of each critic.

    loss: "relativistic" or "log". noise: whether the LSTM reads noise. critics: "both", or one
    alone, "video" or "reverse". directions: "motion" codes, or "random" ones, their control.
    """

    kind: ClassVar[str] = "motionvideogan"
    base: ClassVar[str] = "motionstylegan"
    preset: ClassVar[type] = MotionPreset
    joins: ClassVar[bool] = False
    slows: ClassVar[bool] = True
    alone: ClassVar[str] = "its pairs lie on one device"
    generates: ClassVar[tuple[str, ...]] = ("generator",)
    found: ClassVar[tuple[str, ...]] = ("codes",)
    choices: ClassVar[dict[str, tuple]] = {
        "loss": ("relativistic", "log"),
        "critics": ("both", "video", "reverse"),
        "directions": ("motion", "random"),
    }

    loss: str = "relativistic"
    noise: bool = True
    critics: str = "both"
    directions: str = "motion"

    def title(self, p: MotionPreset) -> str:
        words = [f"{self.loss} loss"] * (self.loss != "relativistic")
        words += ["no noise"] * (not self.noise)
        words += [f"{self.critics} critic alone"] * (self.critics != "both")
        words += [f"{self.directions} directions"] * (self.directions != "motion")
        return ", ".join(["MotionVideoGAN", *words])

    @property
    def judges(self) -> list[str]:
        """The critics that it has."""
        return [n for n in CRITICS if self.critics in ("both", n.removesuffix("_d"))]

    def recipe(self, base: Any = None) -> dict[str, Any]:
        return super().recipe(base) | {"base": base.digest}

    # ----------------------------------------------------------------------------------- training

    def reads(self, job: Any, known: Any = None) -> CodedClips:
        """The motion codes are found once, at codes drawn from the seed of the job."""
        return CodedClips(job, known.codes if known else found_codes(job))

    def samples(self, job: Any) -> int:
        """Clips, one a video; no motion codes are looked for."""
        return len(job.videos().select(min_frames=job.preset.frames + MORE))

    def networks(self, p: MotionPreset, reader: Any = None) -> Nets:
        """reader: that of a training, or what is Known of it; none: as many codes as asked for."""
        count, d = reader.codes.backward.shape if reader else (p.codes, p.latent)
        nets: Nets = {"generator": LatentGenerator(d, count, p.stride)}
        return nets | {name: PatchCritic(p.critic_widths) for name in self.judges}

    def optimisers(self, nets: Nets, p: MotionPreset) -> dict[str, torch.optim.Optimizer]:
        betas = (p.beta1, p.beta2)
        return {n: torch.optim.Adam(m.parameters(), p.lr, betas) for n, m in nets.items()}

    def weight(self, term: str, p: MotionPreset, phase: Phase) -> float:
        return p.w_penalty if term.endswith("penalty") else 1.0

    def draws(
        self, seed: int, step: int, p: MotionPreset, phase: Phase, share: Callable, device: Any
    ) -> Chance:
        rng = super().draws(seed, step, p, phase, share, device)
        turns, rows = p.generator_turns + 1, share(phase.batch)
        z = torch.randn(turns, phase.batch, p.latent, generator=rng)
        eps = torch.randn(turns, phase.batch, p.frames - 1, p.latent, generator=rng)
        alpha = torch.rand(2, phase.batch, generator=rng)
        backwards = (torch.rand(turns, 2, generator=rng) < 0.5).tolist()
        parts = [z[:, rows], eps[:, rows] * self.noise, alpha[:, rows]]
        return Chance(*sent_together(parts, device), backwards)

    def turns(self, nets: Nets, s: Step) -> Iterator[Turn]:
        for turn in range(s.p.generator_turns):
            yield "generator", lambda turn=turn: self.fooling(nets, s, turn)
        with torch.no_grad():
            made = self.made(nets, s, s.p.generator_turns)
        for name in self.judges:
            yield name, lambda name=name: self.against(name, nets, s, made)

    def made(self, nets: Nets, s: Step, turn: int) -> Tensor:
        """Videos of a turn's noise, (B, 3, n, H, W)."""
        pairs = s.reader.base.nets["generator"]
        w = nets["generator"](pairs.mapping(s.chance.z[turn]), s.chance.eps[turn], s.reader.codes)
        with s.autocast(w.device):
            return frames_at(pairs.synthesis, *between_codes(w)).float()

    def seen(self, name: str, x: Tensor, s: Step, turn: int, real: bool) -> Tensor:
        if name == "reverse_d":
            return beside_reverse(x)
        return beside_first(x, s.chance.backwards[turn][real])

    def judged(self, name: str, nets: Nets, s: Step, x: Tensor) -> list[Tensor]:
        with s.autocast(x.device):
            return [logits.float() for logits in nets[name](x)]

    def fooling(self, nets: Nets, s: Step, turn: int) -> Terms:
        x = self.made(nets, s, turn)

        def loss(name: str) -> Tensor:
            with torch.no_grad():
                real = self.judged(name, nets, s, self.seen(name, s.x, s, turn, True))
            fake = self.judged(name, nets, s, self.seen(name, x, s, turn, False))
            if self.loss == "log":
                return sum(softplus(-f).mean() for f in fake)
            return relativistic(fake, real)

        return {n.removesuffix("_d"): lambda name=n: loss(name) for n in self.judges}

    def against(self, name: str, nets: Nets, s: Step, made: Tensor) -> Terms:
        turn = s.p.generator_turns
        sides = [self.seen(name, x, s, turn, x is s.x) for x in (s.x, made)]

        def loss() -> Tensor:
            real, fake = (self.judged(name, nets, s, x) for x in sides)
            if self.loss == "log":
                each = zip(real, fake, strict=True)
                return sum(softplus(-r).mean() + softplus(f).mean() for r, f in each)
            return relativistic(real, fake)

        x = between(*sides, s.chance.alpha[CRITICS.index(name)])
        held = lambda: penalty(lambda y: self.judged(name, nets, s, y), x)  # noqa: E731
        return {name: loss, f"{name}_penalty": held}

    def extras(self, reader: CodedClips) -> dict[str, Any]:
        return {"codes": reader.codes._asdict()}

    def known(self, content: Mapping[str, Any], p: MotionPreset) -> Known:
        return Known(MotionCodes(**content["codes"]))

    @torch.no_grad()
    def shown(self, model: Any, reader: CodedClips) -> tuple[Tensor, Tensor]:
        rows = [reader.frames_of(0, i % len(reader)) for i in range(4)]
        real = as_clips(reader.videos.frames[rows], model.device)
        w = self.walked(reader.base, model, reader.codes, reader.length, 4, 0)
        return real, frames_at(reader.base.nets["generator"].synthesis, *between_codes(w)).float()

    # ---------------------------------------------------------------------------------- generation

    def generate(
        self,
        model: Any,
        frames: int | None = None,
        *,
        videos: int = 1,
        rate: int | None = None,
        codes: str = "sample",
        candidates: int = 1,
        seed: int = 0,
        **other,
    ) -> Iterator[Tensor]:
        """Videos of any length from noise alone. rate: frames from code to code; none: as few as
        reach `frames` with the codes of a training clip, which makes long videos slow. With a rate
        of 1 the walk goes on beyond what it was trained on.
        """
        name = self.title(model.preset)
        sampling.refuse_options(name, other)
        sampling.check_ways(codes, candidates, seed)
        if codes != "sample" or candidates > 1:
            raise InputError(f"{name} draws one walk a video: codes 'sample', 1 candidate")
        frames = model.preset.frames if frames is None else frames
        sampling.check_frames(frames)
        if not isinstance(videos, int) or videos < 1:
            raise InputError(f"at least 1 video is made, not {videos!r}")
        if rate is not None and rate < 1:
            raise InputError(f"1 step or more leads from code to code, not {rate}")
        rate = rate or max(1, -(-(frames - 1) // (model.preset.frames - 1)))
        return sampling.cut_to(self.pieces(model, frames, rate, videos, seed), frames)

    def pieces(self, model: Any, frames: int, rate: int, videos: int, seed: int) -> Iterator:
        image = model.base.nets["generator"].synthesis
        count = max(2, 1 + -(-(frames - 1) // rate))
        w = self.walked(model.base, model, model.extras["codes"], count, videos, seed)
        for i in range(0, 1 + (count - 1) * rate, AT_ONCE):
            part = slice(i, i + AT_ONCE)
            each = [frames_at(image, *between_codes(row, rate, part)).float() for row in w.split(1)]
            yield torch.cat(each)

    def walked(
        self, base: Any, model: Any, codes: MotionCodes, count: int, videos: int, seed: int
    ) -> Tensor:
        """Codes of videos (V, count, d): noise is a function of (seed, video, step)."""
        d = codes.backward.shape[1]
        every = [[(t, v) for t in range(count)] for v in range(videos)]
        steps = [[sampling.noise(seed, t, 1, (d, 0), v)[0] for t, v in row] for row in every]
        noise = torch.stack([torch.cat(each) for each in steps]).to(model.device)  # (V, count, d)
        w = base.nets["generator"].mapping(noise[:, 0])
        return model.nets["generator"](w, noise[:, 1:] * self.noise, codes)
