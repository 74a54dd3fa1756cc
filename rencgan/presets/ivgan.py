"""Every number that iVGAN and its critics depend on."""

from dataclasses import dataclass
from typing import ClassVar

from rencgan.presets.recipe import Recipe

LEVELS = 4  # that double the frames, from 2 to 32
SIZES = (16, 32, 64)  # pixels, of which the layers that double the frames can make 4


@dataclass(frozen=True)
class IVGANPreset(Recipe):
    """The defaults are iVGAN as published (64x64). A step is an update of one network."""

    average: ClassVar[float] = 0.0  # no running average of the weights,
    largest_gradient: ClassVar[float] = 0.0  # and no gradient is cut

    name: str = "64"
    why: str = "iVGAN as published: 32 frames at 64x64"
    # the networks
    size: int = 64  # H = W, pixels; below 64 some levels double the frames alone
    latent: int = 100  # d of z
    generator_widths: tuple[int, ...] = (512, 256, 128, 64)
    critic_widths: tuple[int, ...] = (64, 128, 256, 512)
    # weights of the critic's terms
    w_penalty: float = 10.0
    w_drift: float = 1e-4
    # schedule
    batch: int = 64  # videos a step
    steps: int = 383_278  # updates of both networks, the baseline's on golf
    critic_turns: int = 5  # updates of the critic to one of the generator
    lr: float = 1e-4
    beta1: float = 0.5
    beta2: float = 0.999
    scored: int = 0  # moments along a run at which it is scored, the best of them kept; 0: none
    # data
    random_start: bool = False  # clips begin anywhere in a video; False: the first 32 frames
    # where it runs
    bf16: bool = False  # autocast to bfloat16 on CUDA; published in float32
    cpu_bf16: bool = False  # on a CPU, where it multiplies bfloat16 (training.precision)

    def _problems(self):
        if self.size not in SIZES:
            yield f"iVGAN makes frames of {', '.join(map(str, SIZES))} pixels, not {self.size}"
        for name in ("generator_widths", "critic_widths"):
            if len(found := getattr(self, name)) != LEVELS or min(found) < 1:
                yield f"{name} are {LEVELS} numbers from 1 up, not {found}"
        counts = ("latent", "batch", "steps", "critic_turns")
        if small := [name for name in counts if getattr(self, name) < 1]:
            yield f"{' and '.join(small)} must be at least 1"
        signed = ("w_penalty", "w_drift", "lr", "scored")
        if wrong := [n for n in signed if not 0 <= getattr(self, n) < float("inf")]:
            yield f"{' and '.join(wrong)} cannot be negative or infinite"
        if not (0 <= self.beta1 < 1 and 0 <= self.beta2 < 1):
            yield f"beta1 and beta2 must lie in [0, 1), not {self.beta1} and {self.beta2}"
