"""Every number that MotionVideoGAN depends on: its pairs, and what is trained over them."""

import math
from dataclasses import dataclass
from typing import ClassVar

from rencgan.presets.recipe import Recipe


@dataclass(frozen=True)
class PairsPreset(Recipe):
    """The defaults are MotionStyleGAN as published, 256x256."""

    largest_gradient: ClassVar[float] = 0.0  # no gradient is cut

    name: str = "256"
    why: str = "the generator of pairs as published, 256x256"
    size: int = 256  # H = W, pixels
    distances: tuple[int, ...] = (4,)  # k, frames from one frame of a pair to the other
    # the networks
    base: int = 32_768  # c(r) = min(base / r, most) channels at r pixels
    most: int = 512
    latent: int = 512  # d of z and w
    mapping: int = 8  # layers from z to w
    # schedule
    batch: int = 32  # pairs: UCF101 and Sky; FFS 16
    steps: int = 240_000  # 7680 thousand pairs: UCF101's best
    lr: float = 2e-3
    beta1: float = 0.0
    beta2: float = 0.99
    gamma: float = 1.0  # of R1
    r1_every: int = 16  # steps
    w_path: float = 2.0  # of path lengths
    path_every: int = 4
    mixing: float = 0.9  # share of batches whose styles are mixed
    flips: bool = True  # training pairs are mirrored half of the time
    half_life: float = 10_000.0  # pairs in which the running average of G forgets half
    ramp: float = 0.05  # the same at most this share of the pairs that were seen; 0: no ramp
    augment: bool = True  # ADA of what the discriminator sees, alike in both slots
    ada_target: float = 0.6  # mean sign of logits of real pairs
    ada_pairs: int = 500_000  # in which the probability may rise from 0 to 1
    ada_every: int = 4  # steps from one look at the signs to the next
    # where it runs
    bf16: bool = True  # the four highest resolutions in bfloat16 on CUDA, from 8.0 on
    cpu_bf16: bool = False  # on a CPU too, where it multiplies bfloat16 (training.precision)

    @property
    def average(self) -> float:
        """Decay of the running average at the end of any ramp; 0: off."""
        return 0.5 ** (self.batch / self.half_life) if self.half_life else 0.0

    def _problems(self):
        if self.size < 8 or self.size & (self.size - 1):
            yield f"StyleGAN2 makes frames of 8, 16, 32 ... pixels, not of {self.size}"
        if not self.distances or min(self.distances) < 1:
            yield f"frames of a pair lie 1 frame apart or more, not {self.distances}"
        counts = ("base", "most", "latent", "mapping", "batch", "steps", "r1_every", "path_every")
        counts += ("ada_pairs", "ada_every")
        if small := [name for name in counts if getattr(self, name) < 1]:
            yield f"{' and '.join(small)} must be at least 1"
        signed = ("lr", "gamma", "w_path", "half_life", "ramp")
        if wrong := [n for n in signed if not 0 <= getattr(self, n) < math.inf]:
            yield f"{' and '.join(wrong)} cannot be negative or infinite"
        if not all(0 <= getattr(self, n) < 1 for n in ("beta1", "beta2")):
            yield f"beta1 and beta2 must lie in [0, 1), not {self.beta1} and {self.beta2}"
        if not 0 <= self.mixing <= 1:
            yield f"mixing is a share from 0 to 1, not {self.mixing}"


@dataclass(frozen=True)
class MotionPreset(Recipe):
    """The defaults are MotionVideoGAN as published, over pairs of 256x256."""

    average: ClassVar[float] = 0.0  # no running average of the weights,
    largest_gradient: ClassVar[float] = 0.0  # and no gradient is cut

    name: str = "256"
    why: str = "MotionVideoGAN as published, over pairs of 256x256"
    frames: int = 16  # of a training clip
    # motion codes
    codes: int = 30  # most of each kind
    lam: float = 1 / 60  # lambda that the search begins at
    points: int = 1  # w whose matrices are averaged
    # the networks
    latent: int = 512  # of w, as the pairs have it, and of the LSTM
    critic_widths: tuple[int, ...] = (64, 128, 256, 512)
    stride: float = 0.2  # of a step from w to w; from the code
    # schedule
    w_penalty: float = 10.0
    batch: int = 16  # clips
    generator_turns: int = 5  # updates of the generator to one of each critic
    steps: int = 4160  # batches: UCF101's 5 epochs; FFS 1980, Sky 2970
    lr: float = 1e-4
    beta1: float = 0.5
    beta2: float = 0.999
    scored: int = 0  # moments along a run at which it is scored, the best of them kept; 0: none
    # where it runs
    bf16: bool = True  # the pairs' four highest resolutions and the critics, on CUDA
    cpu_bf16: bool = False  # on a CPU too, where it multiplies bfloat16 (training.precision)

    def seen(self, samples: int) -> int:
        """Clips that the steps take, counted each time."""
        return self.steps * self.batch

    def _problems(self):
        counts = ("codes", "points", "latent", "batch", "generator_turns", "steps")
        if small := [name for name in counts if getattr(self, name) < 1]:
            yield f"{' and '.join(small)} must be at least 1"
        if self.frames < 2:
            yield f"a clip has at least 2 frames, not {self.frames}"
        if len(self.critic_widths) != 4 or min(self.critic_widths) < 1:
            yield f"critic_widths are 4 numbers from 1 up, not {self.critic_widths}"
        if not 0 < self.lam <= 1:
            yield f"lam must lie in (0, 1], not {self.lam}"
        signed = ("w_penalty", "lr", "stride", "scored")
        if wrong := [n for n in signed if not 0 <= getattr(self, n) < math.inf]:
            yield f"{' and '.join(wrong)} cannot be negative or infinite"
        if not all(0 <= getattr(self, n) < 1 for n in ("beta1", "beta2")):
            yield f"beta1 and beta2 must lie in [0, 1), not {self.beta1} and {self.beta2}"
