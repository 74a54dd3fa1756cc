"""iVGAN and its six critics (the comparison of Wasserstein losses for video).

z    (B, 100)            N(0, I)          x, x~  (B, 3, 32, H, W)  real and generated, in [-1, 1]
x^ = x + alpha (x~ - x), one alpha ~ U[0, 1] a sample          g = ||grad D(x^)||

Where the sources disagree: the critic minimises the penalty (Eq. 14 and 15 print it with the other
sign), and every penalty has its weight (Eq. 16 omits it). z is normal, as in the paper; its code
draws it uniform. Convolutions begin as in the original iVGAN, whose square root the later code
lost: up to 186 times too small. The norm g is over a whole sample, as the equations have it; the
code behind Table 1 takes it over the 3 colours of each voxel (`gradient_norm` "voxel"), by which
GP and one-sided pull g towards 362 and 0-GP weighs 1/131,072. Layer norm scales each channel, as in
the original; each element (`affine` "element") has as many parameters as the later paper. A short
video is padded with its last frame. Frames are generated with the running statistics of batch norm,
as by all systems here; the code takes those of the batch.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from rencgan.core.device import sent_together
from rencgan.core.errors import InputError
from rencgan.data.clips import ClipSampler
from rencgan.data.pixels import as_clips
from rencgan.data.videoset import VideoSet
from rencgan.models import sampling
from rencgan.models.system import Nets, Phase, Step, System, Terms, Turn
from rencgan.presets.ivgan import LEVELS, IVGANPreset

FRAMES = 2 * 2**LEVELS  # of every video
SMALLEST = 4  # pixels that the generator begins with
BATCH = 16  # videos that are generated in one pass
TINY = 1e-12  # under the root of a norm, whose derivative at 0 is undefined


def geometry(doubles: bool) -> tuple:
    """Kernel, stride and padding of a level: it doubles the frames, and the pixels or not."""
    return (4, 2, 1) if doubles else ((4, 3, 3), (2, 1, 1), 1)


def spatial_levels(size: int) -> int:
    """Levels that double the pixels: the last ones of the generator, the first of the critic."""
    return int(math.log2(size // SMALLEST))


def begun(layer: nn.Module) -> nn.Module:
    """A layer with the weights that the original iVGAN begins with; biases are 0."""
    if isinstance(layer, nn.Linear):
        nn.init.normal_(layer.weight, 0, 0.01)
    else:
        kernel, stride = math.prod(layer.kernel_size), math.prod(layer.stride)
        fans = kernel * layer.in_channels + kernel // stride * layer.out_channels
        limit = math.sqrt(3 * 4 / fans)  # of a uniform law whose deviation is sqrt(4 / fans)
        nn.init.uniform_(layer.weight, -limit, limit)
        layer.to(memory_format=torch.channels_last_3d)  # faster, on a CPU too
    nn.init.zeros_(layer.bias)
    return layer


class Generator(nn.Module):
    """z (B, d) to (B, 3, 32, H, W) in [-1, 1]."""

    def __init__(self, p: IVGANPreset):
        super().__init__()
        c, early = p.generator_widths[0], LEVELS - spatial_levels(p.size)
        layers = [
            begun(nn.Linear(p.latent, c * 2 * SMALLEST**2)),
            nn.Unflatten(1, (c, 2, SMALLEST, SMALLEST)),
        ]
        for i, wider in enumerate((*p.generator_widths[1:], 3)):
            layers += [nn.BatchNorm3d(c), nn.ReLU(inplace=True)]
            layers.append(begun(nn.ConvTranspose3d(c, wider, *geometry(i >= early))))
            c = wider
        self.layers = nn.Sequential(*layers, nn.Tanh())

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)


class Critic(nn.Module):
    """(B, 3, 32, H, W) to one number each, (B,). Raises InputError for another shape.

    norm: what layer norm scales, "channel" or "element"; "": there is none.
    """

    def __init__(self, p: IVGANPreset, norm: str = "channel", spectral: bool = False):
        super().__init__()
        wrap = spectral_norm if spectral else nn.Identity()
        c, t, h = self.shape = (3, FRAMES, p.size)
        layers: list[nn.Module] = []
        for i, wider in enumerate(p.critic_widths):
            halves = i < spatial_levels(p.size)
            layers.append(wrap(begun(nn.Conv3d(c, wider, *geometry(halves)))))
            c, t, h = wider, t // 2, h // 2 if halves else h
            if norm:  # over (C, T, H, W) of one sample
                by_channel = norm == "channel"
                layers.append(nn.GroupNorm(1, c) if by_channel else nn.LayerNorm((c, t, h, h)))
            layers.append(nn.LeakyReLU(0.2, inplace=True))
        layers += [wrap(begun(nn.Conv3d(c, 1, *geometry(True)))), nn.LeakyReLU(0.2), nn.Flatten()]
        self.layers = nn.Sequential(*layers, wrap(begun(nn.Linear(4, 1))))

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 5 or tuple(x.shape[1:]) != (*self.shape, self.shape[-1]):
            c, t, h = self.shape
            raise InputError(f"iVGAN judges clips (B, {c}, {t}, {h}, {h}), not {tuple(x.shape)}")
        return self.layers(x)[:, 0]


def readable(videos: VideoSet) -> VideoSet:
    """Without those that begin with a black frame, as files do that could not be read; says which.
    Raises InputError where nothing is left.
    """
    black = [v for v in videos.videos if not videos.frames[v.start].any()]
    if not black:
        return videos
    print(f"Left out, since they begin with a black frame: {', '.join(v.name for v in black)}.")
    if len(black) == len(videos):
        raise InputError("every video begins with a black frame, as unreadable files do")
    return replace(videos, videos=tuple(v for v in videos.videos if v not in black))


# ----------------------------------------------------------------------------------------- the loss


def between(x: Tensor, made: Tensor, alpha: Tensor) -> Tensor:
    """x^, where the penalty is taken. alpha: (B,)."""
    return torch.lerp(x, made, alpha.view(-1, 1, 1, 1, 1))


def norms(slope: Tensor, of: str = "sample") -> Tensor:
    """g of slopes: of whole samples (B,), or of the 3 colours at each voxel (B, T, H, W)."""
    return (slope.square().sum(1 if of == "voxel" else (1, 2, 3, 4)) + TINY).sqrt()


def gradient_norms(critic: nn.Module, x: Tensor, of: str = "sample") -> Tensor:
    """g of a critic at x."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return norms(slope, of)


class Chance(NamedTuple):
    """Of a step: the latent (B, d), and alpha (B,), where the penalty is taken."""

    z: Tensor
    alpha: Tensor


@dataclass(frozen=True)
class IVGAN(System):
    """Several updates of the critic, then one of the generator, each on a fresh batch.

    Its switches are the critic's: a penalty on g, GP's (g - 1)^2, zero_centred g^2 (Eq. 10) or
    one_sided max(0, g - 1)^2 (Eq. 12); drift, 1e-4 E D(x)^2 beside it (Eq. 9); layer_norm, what of
    it is scaled (affine), and spectral_norm on every layer.
    """

    kind: ClassVar[str] = "ivgan"
    preset: ClassVar[type] = IVGANPreset
    longest: ClassVar[int | None] = FRAMES
    joins: ClassVar[bool] = False
    generates: ClassVar[tuple[str, ...]] = ("generator",)
    choices: ClassVar[dict[str, tuple]] = {
        "affine": ("channel", "element"),
        "gradient_norm": ("sample", "voxel"),
    }
    variants: ClassVar[dict[str, dict[str, Any]]] = {
        "gp": {},
        "sn": {"penalty": False, "spectral_norm": True},
        "sn-gp": {"layer_norm": False, "spectral_norm": True},
        "0-gp": {"zero_centred": True},
        "one-sided": {"one_sided": True},
        "drift": {"drift": True},
    }

    penalty: bool = True
    zero_centred: bool = False
    one_sided: bool = False
    drift: bool = False
    spectral_norm: bool = False
    layer_norm: bool = True
    affine: str = "channel"
    gradient_norm: str = "sample"

    def __post_init__(self):
        super().__post_init__()
        if not (self.penalty or self.spectral_norm):
            raise InputError(
                "nothing holds this critic: give it a penalty or spectral norm, or both"
            )
        kinds = [n for n in ("zero_centred", "one_sided", "drift") if getattr(self, n)]
        if kinds and not self.penalty:
            raise InputError(
                f"{' and '.join(kinds)} says what a penalty is like: give penalty True"
            )
        if self.zero_centred and self.one_sided:
            raise InputError("a penalty is zero_centred or one_sided, not both")

    def title(self, p: IVGANPreset) -> str:
        """ "iVGAN, 0-GP", and what else is unlike the variant of that name."""
        kind = "0-GP" if self.zero_centred else "one-sided GP" if self.one_sided else "GP"
        both = self.spectral_norm and self.penalty
        words = ["-".join(["SN"] * self.spectral_norm + [kind] * self.penalty)]
        words += ["drift"] * self.drift + ["layer norm"] * (self.layer_norm and both)
        words += ["no layer norm"] * (not self.layer_norm and not both)
        words += [f"{self.affine} affine"] * (self.affine != "channel")
        words += [f"norm of each {self.gradient_norm}"] * (self.gradient_norm != "sample")
        return ", ".join(["iVGAN", *words])

    def hop(self, p: IVGANPreset) -> int:
        """No clip follows another."""
        return 0

    # ----------------------------------------------------------------------------------- training

    def networks(self, p: IVGANPreset, reader: Any = None) -> Nets:
        norm = self.affine if self.layer_norm else ""
        return {"generator": Generator(p), "critic": Critic(p, norm, self.spectral_norm)}

    def optimisers(self, nets: Nets, p: IVGANPreset) -> dict[str, torch.optim.Optimizer]:
        betas = (p.beta1, p.beta2)
        return {
            n: torch.optim.Adam(m.parameters(), p.lr, betas, fused=True) for n, m in nets.items()
        }

    def phase(self, step: int, p: IVGANPreset) -> Phase:
        """Named after who moves."""
        last = step % (p.critic_turns + 1) == p.critic_turns
        return Phase("generator" if last else "critic", batch=p.batch)

    def reads(self, job: Any, known: Any = None) -> ClipSampler:
        p = job.preset
        kind = "step" if p.random_start else "first"
        videos = readable(job.videos())
        return ClipSampler(videos, kind, step_range=(1, 1), seed=job.seed, frames=FRAMES)

    def draws(
        self, seed: int, step: int, p: IVGANPreset, phase: Phase, share: Callable, device: Any
    ) -> Chance:
        rng = super().draws(seed, step, p, phase, share, device)
        z = torch.randn(phase.batch, p.latent, generator=rng)
        alpha, rows = torch.rand(phase.batch, generator=rng), share(phase.batch)
        return Chance(*sent_together([z[rows], alpha[rows]], device))

    def turns(self, nets: Nets, s: Step) -> Iterator[Turn]:
        if s.phase.name == "generator":
            yield "generator", lambda: -self.judged(nets, s, self.made(nets, s)).mean()
        else:
            yield "critic", lambda: self.critic_loss(nets, s)

    def made(self, nets: Nets, s: Step) -> Tensor:
        with s.autocast(s.x.device):
            return nets["generator"](s.chance.z).float()

    def judged(self, nets: Nets, s: Step, x: Tensor) -> Tensor:
        with s.autocast(x.device):
            return nets["critic"](x).float()

    def critic_loss(self, nets: Nets, s: Step) -> Terms:
        """E D(x~) - E D(x), the penalty and the drift, unweighted."""
        with torch.no_grad():
            made = self.made(nets, s)
        real, fake = self.judged(nets, s, torch.cat([s.x, made])).chunk(2)
        terms = {"critic": lambda: fake.mean() - real.mean()}
        if self.penalty:
            x = between(s.x, made, s.chance.alpha)
            terms["penalty"] = lambda: self.penalty_at(lambda x: self.judged(nets, s, x), x)
        if self.drift:
            terms["drift"] = lambda: real.square().mean()
        return terms

    def penalty_at(self, critic: Callable, x: Tensor) -> Tensor:
        """The penalty at x, unweighted: of Eq. 8, 10 or 12."""
        g = gradient_norms(critic, x, self.gradient_norm)
        if self.zero_centred:
            return g.square().mean()
        return ((g - 1).relu() if self.one_sided else g - 1).square().mean()

    @torch.no_grad()
    def shown(self, model: Any, reader: ClipSampler) -> tuple[Tensor, Tensor]:
        rows = [reader.frames_of(0, i % len(reader)) for i in range(4)]
        x = as_clips(reader.videos.frames[rows], model.device)
        return x, self.from_noise(model, 4, 0)

    # ---------------------------------------------------------------------------------- generation

    def generate(
        self,
        model: Any,
        frames: int | None = None,
        *,
        videos: int = 1,
        codes: str = "sample",
        candidates: int = 1,
        seed: int = 0,
        **other,
    ) -> Iterator[Tensor]:
        """Videos of 32 frames from noise alone, or the first `frames` of them."""
        name = self.title(model.preset)
        sampling.refuse_options(name, other)
        sampling.check_ways(codes, candidates, seed)
        if codes != "sample" or candidates > 1:
            raise InputError(f"{name} draws one latent a video: codes 'sample', 1 candidate")
        if frames is not None:
            sampling.check_frames(frames)
            if frames > FRAMES:
                raise InputError(f"{name} makes videos of exactly {FRAMES} frames, not {frames}")
        if not isinstance(videos, int) or videos < 1:
            raise InputError(f"at least 1 video is made, not {videos!r}")
        whole = map(lambda seed: self.from_noise(model, videos, seed), [seed])  # once it is asked
        return sampling.cut_to(whole, frames)

    def from_noise(self, model: Any, videos: int, seed: int) -> Tensor:
        """Videos (V, 3, 32, H, W); each a function of (seed, its number)."""
        dims = (model.preset.latent, 0)
        z = torch.cat([sampling.noise(seed, 0, 1, dims, v)[0] for v in range(videos)])
        parts = z.to(model.device).split(BATCH)
        return torch.cat([model.nets["generator"](part).float() for part in parts])
