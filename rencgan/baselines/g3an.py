"""G3AN, on which EncGAN3 is built: the same generator and critics without an encoder (Tables 3.2,
3.4 and 3.5). With F-SA as the thesis has it; `attention_after` 0 leaves it out.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from rencgan.core.errors import InputError
from rencgan.models import losses
from rencgan.models.encgan3 import EncGAN3
from rencgan.models.system import Nets, Step, Turn
from rencgan.presets.preset import Preset


@dataclass(frozen=True)
class G3AN(EncGAN3):
    """Critics, then the generator; codes are noise, in training too. Where the preset has separate
    passes one serves them all, as published; else the generator has a fresh one.
    """

    kind: ClassVar[str] = "g3an"
    prior: ClassVar[str | None] = None  # it makes no long video
    averaged: ClassVar[tuple[str, ...]] = ("generator",)
    generates: ClassVar[tuple[str, ...]] = ("generator",)

    def title(self, p: Preset) -> str:
        return "G3AN"

    def generate(self, model: Any, frames: int | None = None, **options) -> Iterator[Tensor]:
        raise InputError("G3AN makes single clips and no long video")

    def recipe(self, base: Any = None) -> dict[str, Any]:
        """Under the kind that its first results have."""
        return super().recipe(base) | {"kind": EncGAN3.kind}

    def check(self, p: Preset) -> None:
        super().check(p)
        if p.encoder or not self.noise:
            raise InputError("G3AN has no encoder and draws noise: give encoder False, noise True")

    def networks(self, p: Preset, reader: Any = None) -> Nets:
        """The encoder is made and dropped: a seed then gives G3AN and EncGAN3 one generator."""
        nets = super().networks(p, reader)
        del nets["encoder"]
        return nets

    def play(self, nets: Nets, s: Step) -> Iterator[Turn]:
        once = s.p.separate_passes
        with nullcontext() if once else torch.no_grad():  # else they are for the critics alone
            f = self.forward(nets, s, s.chance[0], s.x, noise=True)
        yield from self.critics(nets, s, f, losses.eq_3_6, losses.eq_3_5)
        g = f if once else self.again(nets, s, f)
        yield "generator", lambda: losses.fooling(*self.judged(nets, s, g))
