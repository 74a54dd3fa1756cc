"""The chance of a training step of the VAE-GANs: noise of codes, frames that are judged."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Self

import torch
from torch import Tensor

from rencgan.core.device import sent_together
from rencgan.data.hops import CLIP
from rencgan.models.networks import Codes, draw
from rencgan.models.system import Phase
from rencgan.presets.preset import Preset


@dataclass(frozen=True)
class Draws:
    """The chance of one step, for this process's rows; drawn for the joint batch of all processes,
    so that their number changes no noise.

    eps_c, eps_m, z_c, z_m: lists with one (B, d) tensor per clip of the sample (one for EncGAN3,
    two for R2, as many as are predicted for AR2): noise of the encoded codes and noise codes.
    frame_real, frame_fake: one index for the whole batch. level, grain: one (B,) and one (B, 3, 16,
    H, W) per recalled clip, where AR2+ lays noise on it: how much, uniform up to the preset's
    `recall_noise`, and standard normal noise. Drawn last, so that nothing else depends on them.
    """

    eps_c: list[Tensor]
    eps_m: list[Tensor]
    z_c: list[Tensor]
    z_m: list[Tensor]
    frame_real: int
    frame_fake: int
    eps_still: Tensor | None = None  # (b, d_c), for the warm-up
    level: list[Tensor] = field(default_factory=list)
    grain: list[Tensor] = field(default_factory=list, repr=False)

    @classmethod
    def of(
        cls, rng: torch.Generator, clips: int, p: Preset, phase: Phase, share: Callable, device
    ) -> Self:
        """share(n): this process's rows of a joint batch of n. Warm-ups on single frames draw the
        noise of a batch of clips too. All of it goes to the device in one copy; the grain is too
        large for that, and a GPU draws its own, from the same seed.
        """
        stills = phase.name == "stills"
        size = p.batch if stills else phase.batch
        rows = share(size)

        dims = (p.content_dim, p.motion_dim) * 2
        parts = [torch.randn(clips, size, d, generator=rng)[:, rows] for d in dims]
        real, fake = torch.randint(CLIP, (2,), generator=rng).tolist()
        grain: list[Tensor] = []
        if stills:
            still = torch.randn(phase.batch, p.content_dim, generator=rng)
            parts.append(still[share(phase.batch)])
        elif p.recall_noise:
            parts.append((torch.rand(clips, size, generator=rng) * p.recall_noise)[:, rows])
            grain = grains(rng, (clips, size, 3, CLIP, p.size, p.size), rows, device)
        *noise, last = sent_together(parts, device) + [None] * (len(parts) == 4)
        noise = [list(each) for each in noise]
        if stills:
            return cls(*noise, real, fake, last)
        return cls(*noise, real, fake, None, [] if last is None else list(last), grain)

    def first(self) -> Self:
        """For the first clip of every sample alone."""
        return replace(self, eps_c=self.eps_c[:1], eps_m=self.eps_m[:1])

    def means(self) -> Self:
        """Encoded codes at their means; what does not come from an encoder stays drawn."""
        silent = {
            name: [torch.zeros_like(e) for e in getattr(self, name)] for name in ("eps_c", "eps_m")
        }
        still = None if self.eps_still is None else torch.zeros_like(self.eps_still)
        return replace(self, **silent, eps_still=still)

    def encoded(self, codes: Codes) -> tuple[Tensor, Tensor]:
        return draw(codes, torch.cat(self.eps_c), torch.cat(self.eps_m))

    def noise(self) -> tuple[Tensor, Tensor]:
        return torch.cat(self.z_c), torch.cat(self.z_m)


def grains(
    rng: torch.Generator, shape: tuple[int, ...], rows: slice, device: torch.device | str
) -> list[Tensor]:
    """Standard normal noise of a joint batch (clips, B, ...), of each clip these rows. A GPU draws
    it by itself from the seed of rng, the whole batch in every process.
    """
    if torch.device(device).type != "cpu":
        rng = torch.Generator(device).manual_seed(rng.initial_seed())
    return [torch.randn(shape[1:], generator=rng, device=rng.device)[rows] for _ in range(shape[0])]
