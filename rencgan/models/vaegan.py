"""What the VAE-GANs of the thesis have in common: four networks, an encoder, a generator and two
critics, and how a step of theirs is drawn, phased and weighed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from rencgan.core.errors import InputError
from rencgan.data.clips import ClipSampler
from rencgan.data.hops import CLIP, clip_count, long_length
from rencgan.data.pixels import as_clips
from rencgan.models import losses, sampling, warmups
from rencgan.models.draws import Draws
from rencgan.models.networks import (
    Codes,
    Encoder,
    Generator,
    ImageDiscriminator,
    VideoDiscriminator,
)
from rencgan.models.recall import stitched
from rencgan.models.system import (
    Nets,
    Phase,
    Step,
    System,
    Terms,
    Turn,
)
from rencgan.presets.preset import Preset

SWITCHES = {  # those of the first objectives, all of which keys and checkpoints name
    "joint": True,
    "noise": False,
    "clip": True,
    "stitched_clip": False,
    "reference": True,
    "recall_encoder": True,
    "recall_critic": True,
    "maps": False,
    "sampled": True,
    "next_clip": False,
}
RISING = ("overlap", "junction")
CONTENT = ("content.", "mu_c.", "logvar_c.")


@dataclass
class Pass:
    """What a forward pass of encoder and generator came to.

    clips: real ones (B, 3, 16, H, W), those that x_hat is compared with; x_hat from their codes,
    x_noise from noise codes. None where the system makes none.
    """

    clips: Tensor
    codes: Codes | None = None
    x_hat: Tensor | None = None
    x_noise: Tensor | None = None

    def fakes(self) -> list[Tensor]:
        """The kinds of generated clips that the video critic judges."""
        return [x for x in (self.x_hat, self.x_noise) if x is not None]

    def frames(self, index: int) -> list[Tensor]:
        """A frame of each kind that came from the generator in one pass, for the image critic."""
        return [x[:, :, index] for x in (self.x_hat, self.x_noise) if x is not None]


@dataclass(frozen=True)
class VaeGan(System):
    """Base of EncGAN3, LEncGAN, R2 and AR2. `noise`, where a system has it: clips from noise codes
    take part in every adversarial term. `always`: what stands in keys for switches it lacks.
    """

    averaged: ClassVar[tuple[str, ...]] = ("encoder", "generator")
    always: ClassVar[dict[str, Any]] = {}
    any_hop: ClassVar[bool] = True
    twice: ClassVar[bool] = True  # the generator moves behind a forward pass of its own

    @classmethod
    def of(cls, switches: Mapping[str, Any]) -> Self:
        """Those of SWITCHES that it lacks stand in its checkpoints all the same."""
        own = {f.name for f in fields(cls)}
        return cls(**{k: v for k, v in switches.items() if k in own or k not in SWITCHES})

    def switches(self) -> dict[str, Any]:
        return SWITCHES | self.always | super().switches()

    def check(self, p: Preset) -> None:
        name = type(self).__name__
        if "encoder" in self.averaged and not p.encoder:
            raise InputError(f"{name} needs the encoder, which this preset switches off")
        if (p.recall_noise or p.rollout > 1) and "rollout" not in self.asks:
            raise InputError(f"recall_noise and rollout are AR2's; {name} has no use for them")

    # ------------------------------------------------------------------------- networks and steps

    def encoder(self, p: Preset) -> nn.Module:
        return Encoder(p)

    def networks(self, p: Preset, reader: Any = None) -> Nets:
        nets = {"encoder": self.encoder(p), "generator": Generator(p)}
        nets |= {"video_d": VideoDiscriminator(p), "image_d": ImageDiscriminator(p)}
        if p.channels_last:  # twice as fast on a CPU too
            for name, net in nets.items():
                volumes = name in ("generator", "video_d")
                net.to(memory_format=torch.channels_last_3d if volumes else torch.channels_last)
        return nets

    def optimisers(self, nets: Nets, p: Preset) -> dict[str, torch.optim.Optimizer]:
        rates = {"encoder": p.lr_encoder, "generator": p.lr_generator}
        betas = (p.beta1, p.beta2)
        return {
            name: torch.optim.Adam(
                content_and_rest(net), rates.get(name, p.lr_discriminator), betas, fused=True
            )
            for name, net in nets.items()
        }

    def phase(self, step: int, p: Preset) -> Phase:
        return warmups.phase(step, p)

    def warmed(self, p: Preset) -> int:
        return p.warmup + p.motion_warmup

    def least(self, p: Preset, phase: Phase) -> int:
        """The encoder's batch norm needs two clips."""
        return 2 if p.encoder else 1

    def still(self, nets: Nets, phase: Phase, p: Preset) -> list[nn.Module]:
        """After a warm-up the content streams' statistics come from many unrelated frames, those of
        a batch of clips from a few scenes.
        """
        if not p.batch_statistics:
            return list(nets.values())
        if not phase.settled:
            return []
        return [nets["encoder"].content, *(block.spatial for block in nets["generator"].blocks)]

    def draws(
        self, seed: int, step: int, p: Preset, phase: Phase, share: Callable, device
    ) -> tuple[Draws, Draws | None]:
        """Of the step's forward pass, and of a second one for the generator alone."""

        def drawn(fresh: int) -> Draws:
            rng = torch.Generator().manual_seed((seed * 1_000_003 + step) * 2 + fresh)
            found = Draws.of(rng, self.clips(p), p, phase, share, device)
            return found if getattr(self, "sampled", True) else found.means()

        return drawn(1), drawn(0) if self.twice else None

    def clips(self, p: Preset) -> int:
        """Clips of a sample whose codes a step draws."""
        return 1

    def weight(self, term: str, p: Preset, phase: Phase) -> float:
        weight = super().weight(term, p, phase)
        return weight * phase.risen if term in RISING else weight

    # -------------------------------------------------------------------------------------- turns

    def reference_frame(self, r: int) -> int:
        """Index of the frame that the content stream reads."""
        return 0

    def encode(self, nets: Nets, clips: Tensor, r: int, memory: dict) -> Codes:
        """Latent spaces of clips (B, 3, 16, H, W)."""
        return nets["encoder"](clips, self.reference_frame(r))

    def forward(self, nets: Nets, s: Step, d: Draws, clips: Tensor, noise: bool) -> Pass:
        """Encoder and generator on clips; `noise`: those from noise codes too."""
        made = Pass(clips)
        with s.autocast(clips.device):
            z = {}
            if "encoder" in nets:
                codes = self.encode(nets, clips, s.p.hop, s.memory)
                made.codes = Codes(*(c.float() for c in codes))
                z["x_hat"] = d.encoded(made.codes)
            if noise:
                z["x_noise"] = d.noise()
            apart = s.p.separate_passes
            found = generated(nets["generator"], list(z.values()), apart)
            for name, x in zip(z, found, strict=True):
                setattr(made, name, x)
        return made

    def again(self, nets: Nets, s: Step, f: Pass) -> Pass:
        """The forward pass of the generator's own turn: of the encoder that has moved, with new
        noise. Clips from noise codes that passed apart serve the critics and the generator, as
        G3AN's do.
        """
        kept = s.p.separate_passes
        made = self.forward(nets, s, s.chance[1], f.clips, self.noise and not kept)
        return replace(made, x_noise=f.x_noise) if kept else made

    def found_motion(self, nets: Nets, s: Step, d: Draws) -> Pass:
        """The forward pass of the warm-up on motion: of a sample its first clip alone."""
        return self.forward(nets, s, d.first(), s.x[:, :, :CLIP], noise=False)

    def error(self, x: Tensor, x_hat: Tensor) -> Tensor:
        """That of the warm-up on single frames, which is that of the reconstruction."""
        return losses.mean_absolute_error(x, x_hat)

    def critics(self, nets: Nets, s: Step, f: Pass, video: Callable, image: Callable) -> Iterator:
        """The turns of both critics, on the detached clips of one forward pass."""
        d = s.chance[0]

        def loss(name: str, equation: Callable, real: Tensor, fakes: Sequence[Tensor]) -> Tensor:
            logits = judge(nets[name], s, [real, *(x.detach() for x in fakes)])
            return equation(logits[0], logits[1:])

        yield "video_d", lambda: loss("video_d", video, f.clips, f.fakes())
        frames = f.clips[:, :, d.frame_real]
        yield "image_d", lambda: loss("image_d", image, frames, f.frames(d.frame_fake))

    def judged(self, nets: Nets, s: Step, f: Pass) -> tuple[Callable, Callable]:
        """The critics' logits of what the generator made, computed when asked."""
        index = s.chance[0 if not self.twice else 1].frame_fake
        return (
            lambda: judge(nets["video_d"], s, f.fakes()),
            lambda: judge(nets["image_d"], s, f.frames(index)),
        )

    def turns(self, nets: Nets, s: Step) -> Iterator[Turn]:
        if s.phase.name:
            yield ("encoder", "generator"), warmups.loss(self, nets, s)
        else:
            yield from self.play(nets, s)

    def play(self, nets: Nets, s: Step) -> Iterator[Turn]:
        """The turns after the warm-ups."""
        raise InputError(f"{type(self).__name__} has no turns")

    def from_noise(self, model: Any, videos: int, seed: int) -> np.ndarray:
        """Single clips from noise codes, one a video: (V, 16, H, W, 3) uint8."""
        sampling.check_ways("sample", 1, seed)
        dims = (model.preset.content_dim, model.preset.motion_dim)
        z_c, z_m = sampling.noises(seed, 0, 1, dims, videos, model.device)
        return model.clips(z_c[:, 0], z_m[:, 0])

    # -------------------------------------------------------------------------------- along a run

    @torch.no_grad()
    def shown(self, model: Any, reader: ClipSampler) -> tuple[Tensor, Tensor] | None:
        index = np.stack([reader.frames_of(0, i % len(reader)) for i in range(4)])
        x = as_clips(reader.videos.frames[index], model.device)
        if "encoder" not in model.nets:
            return None
        real, recalled = self.shown_clips(x, model.preset.hop)
        codes = self.encode(model.nets, recalled, model.preset.hop, {})
        return real, model.nets["generator"](codes.mu_c, codes.mu_m)

    def shown_clips(self, x: Tensor, r: int) -> tuple[Tensor, Tensor]:
        """Of training samples the real clips that are shown, and those that are encoded."""
        return x, x

    # ---------------------------------------------------------------------------------- long video

    def generate(
        self,
        model: Any,
        frames: int | None = None,
        *,
        footage: np.ndarray | None = None,
        hop: int | None = None,
        codes: str = "sample",
        candidates: int = 1,
        seed: int = 0,
        **other,
    ) -> Iterator[Tensor]:
        """Algorithms 7 and 8: footage (T, H, W, 3) uint8 becomes a video of 16 + r ((T - 16) // r)
        frames, or the first `frames` of them. At another hop than the trained one the content
        stream still reads the frame that it was trained on.
        """
        hop = model.hop if hop is None else hop
        sampling.refuse_options(self.title(model.preset), other, footage=footage)
        sampling.check_footage(footage, model.preset.size, hop)
        sampling.check_ways(codes, candidates, seed)
        if frames is not None:
            sampling.check_frames(frames)
            if frames > (most := long_length(clip_count(len(footage), hop), hop)):
                raise InputError(
                    f"{len(footage)} frames of footage make {most} at a hop of {hop}, not {frames}"
                )
        clips = sampling.recalled_clips(
            model.nets["generator"],
            self.spaces(model, footage, hop),
            hop,
            codes=codes,
            candidates=candidates,
            video_d=model.nets["video_d"],
            seed=seed,
        )
        return sampling.cut_to(stitched(clips, hop), frames)

    def spaces(self, model: Any, footage: np.ndarray, hop: int) -> Iterator[Codes]:
        """The latent spaces (1, d) of footage's clips, in order."""
        reference = self.reference_frame(model.preset.hop)
        return sampling.latent_spaces(model.nets["encoder"], footage, hop, reference)


def additions(p: Preset, terms: Terms) -> Terms:
    """Of our own terms those that the preset gives weight."""
    return {name: term for name, term in terms.items() if getattr(p, f"w_{name}")}


def direction_of(*sides: tuple[Tensor, Tensor]) -> Callable[[], Tensor]:
    """The direction term of several kinds of clips, real and generated, joined."""
    return lambda: losses.direction(*map(torch.cat, zip(*sides, strict=True)))


def of_clips(x: Tensor, x_hat: Tensor) -> Terms:
    """Our terms that look at single clips."""
    return {
        "still": lambda: losses.still(x, x_hat),
        "amount": lambda: losses.amount(x, x_hat),
        "jitter": lambda: losses.jitter(x, x_hat),
    }


def generated(
    generator: nn.Module, codes: Sequence[tuple[Tensor, Tensor]], apart: bool = False
) -> list[Tensor]:
    """Clips of several groups of codes. In one pass, batch norm has one mean for them all, as its
    running one is; apart, each group its own, as in Algorithms 2 and 9.
    """
    if apart:
        return [generator(*z).float() for z in codes]
    z_c, z_m = (torch.cat(part) for part in zip(*codes, strict=True))
    return list(generator(z_c, z_m).float().split([len(z) for z, _ in codes]))


def judge(critic: nn.Module, s: Step, groups: Sequence[Tensor]) -> list[Tensor]:
    """Logits of several groups of clips (or frames) in one pass."""
    with s.autocast(groups[0].device):
        logits = critic(torch.cat(list(groups))).float()
    return list(logits.split([len(g) for g in groups]))


def content_and_rest(network: nn.Module) -> list[dict]:
    """Parameter groups: what the warm-up on single frames trains, and what it does not."""
    named = list(network.named_parameters())
    content = [n.startswith(CONTENT) or ".spatial." in n for n, _ in named]
    groups = [
        {
            "params": [w for (_, w), c in zip(named, content, strict=True) if c == kind],
            "content": kind,
        }
        for kind in (True, False)
    ]
    return [group for group in groups if group["params"]]
