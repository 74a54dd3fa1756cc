"""Every number that StyleGAN-V depends on."""

import math
from dataclasses import dataclass

from rencgan.presets.recipe import Recipe

AUGMENTATIONS = ("ada", "diff", "none")


@dataclass(frozen=True)
class StyleGANVPreset(Recipe):
    """The defaults are StyleGAN-V as published, 256x256: its public configuration where that and
    the paper differ, but for the distances of frames, which are the paper's.
    """

    name: str = "256"
    why: str = "StyleGAN-V as published, 256x256"
    size: int = 256  # H = W, pixels
    # the generator
    base: int = 16_384  # c(r) = min(base / r, most) channels at r pixels
    most: int = 512
    z_dim: int = 512  # content noise
    w_dim: int = 512
    mapping: int = 2  # layers from z to w; the paper borrows StyleGAN2's, which has 8
    motion_dim: int = 512  # of motion noise, and of what it is mapped to, u
    frequencies: int = 256  # F: a motion code has 2F numbers
    kernel: int = 11  # of both convolutions over motion noise
    delta: int = 16  # frames from one token of motion noise to the next; 256 for SkyTimelapse
    shortest_period: int = 16  # frames, of the waves of motion codes
    longest_period: int = 1024
    # the discriminator
    longest: int = 1024  # T_max: time differences that it tells apart, and frames of a window
    table: int = 256  # width of a learned row for each of them
    # sampling of times
    largest_distance: int = 32  # frames from the first to the last of k
    distances: tuple[int, ...] = ()  # those drawn from; none: all from k - 1 on (the paper)
    flips: bool = True  # training videos are mirrored half of the time
    # schedule
    batch: int = 64  # videos
    steps: int = 130_208  # 25 million frames, k = 3
    scored: int = 0  # moments along a run at which it is scored, the best of them kept; 0: none
    lr: float = 2.5e-3
    beta1: float = 0.0
    beta2: float = 0.99
    gamma: float = 0.2048  # of R1: 0.0002 size^2 / batch
    penalty_every: int = 16  # steps from one turn of R1 to the next
    half_life: float = 20_000.0  # videos in which the running average of G forgets half
    ramp: float = 0.0  # the same at most this share of the videos that were seen; 0: no ramp
    largest_gradient: float = 0.0  # norm to which a longer gradient is cut; 0: off
    # augmentation of what the discriminator sees
    augment: str = "ada"  # "ada", "diff" (DiffAugment) or "none"
    ada_target: float = 0.6  # mean sign of logits of real videos
    ada_videos: int = 100_000  # in which the probability may rise from 0 to 1
    ada_every: int = 4  # steps from one look at the signs to the next
    # data and where it runs
    train_on: str = "train"  # part of the set; "all": the whole set
    max_videos: int = 0  # videos prepared, spread over the classes; 0: all
    max_frames: int = 0  # frames prepared of each video; 0: all
    bf16: bool = True  # the four highest resolutions in bfloat16 on CUDA, from 8.0 on
    cpu_bf16: bool = False  # on a CPU too, where it multiplies bfloat16 (training.precision)
    channels_last: bool = True  # memory format

    @property
    def average(self) -> float:
        """Decay of the running average at the end of any ramp; 0: off."""
        return 0.5 ** (self.batch / self.half_life) if self.half_life else 0.0

    def _problems(self):
        if self.size < 32 or self.size & (self.size - 1):
            yield f"StyleGAN-V makes frames of 32, 64, 128 ... pixels, not of {self.size}"
        counts = ("base", "most", "z_dim", "w_dim", "mapping", "motion_dim", "frequencies")
        counts += ("kernel", "delta", "shortest_period", "table", "batch", "steps")
        counts += ("penalty_every", "ada_videos", "ada_every")
        if small := [name for name in counts if getattr(self, name) < 1]:
            yield f"{' and '.join(small)} must be at least 1"
        if self.base // max(self.size, 1) < 1 or self.most < 2:
            yield f"a base of {self.base} leaves no channel at {self.size} pixels, or most is 1"
        if self.longest_period < self.shortest_period:
            yield (
                f"periods go from {self.shortest_period} frames up, not to {self.longest_period}"
            )
        if self.longest < 2 or self.longest & (self.longest - 1):
            yield f"longest is a power of two, as the waves that tell times, not {self.longest}"
        if not 1 <= self.largest_distance < self.longest:
            yield f"largest_distance lies in 1 to {self.longest - 1}, not {self.largest_distance}"
        if wrong := [d for d in self.distances if not 1 <= d <= self.largest_distance]:
            yield f"distances lie in 1 to {self.largest_distance}, not {wrong[0]}"
        signed = ("scored", "lr", "gamma", "half_life", "ramp", "largest_gradient", "ada_target")
        signed += ("max_videos", "max_frames")
        if wrong := [n for n in signed if not 0 <= getattr(self, n) < math.inf]:
            yield f"{' and '.join(wrong)} cannot be negative or infinite"
        if not (0 <= self.beta1 < 1 and 0 <= self.beta2 < 1):
            yield f"beta1 and beta2 must lie in [0, 1), not {self.beta1} and {self.beta2}"
        if self.augment not in AUGMENTATIONS:
            yield f"augment is one of {', '.join(AUGMENTATIONS)}, not {self.augment!r}"
        if self.train_on not in ("train", "all"):
            yield f"train_on is 'train' or 'all', not {self.train_on!r}"
