"""Every number a run depends on. A preset is frozen, saved inside every checkpoint, and refuses the
impossible.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from rencgan.presets.recipe import Recipe

VIDEO_STREAMS = ("1p2d", "2p1d", "3d")


@dataclass(frozen=True)
class Preset(Recipe):
    """The defaults are EncGAN3 as published (64x64). Fields that the sources leave open say so."""

    added: ClassVar[dict[str, Any]] = {
        "epochs": 0.0,
        "scored": 0,
        "train_on": "train",
        "separate_passes": False,
        "cpu_bf16": False,
    }

    name: str = "64"
    why: str = "EncGAN3 and R2 as published, 64x64"
    # the clip
    size: int = 64  # H = W, pixels
    frames: int = 16  # frames in one clip
    overlap: int = 8  # T_o, frames that consecutive clips share; the hop is r = 16 - T_o
    # generator (three streams)
    content_dim: int = 128  # d_c
    motion_dim: int = 10  # d_m
    generator_widths: tuple[int, ...] = (512, 512, 256, 128, 64)  # one a G3 block
    video_stream: str = "1p2d"  # one of VIDEO_STREAMS
    content_stream: bool = True  # G_C, the spatial stream (Table 3.4)
    motion_stream: bool = True  # G_T, the temporal stream (Table 3.4)
    attention_after: int = 4  # F-SA follows this block; 0: no F-SA (Tables 3.4, 3.5)
    # encoder
    encoder: bool = True  # False: codes are noise, in training too (G3AN; Table 3.5)
    encoder_widths: tuple[int, ...] = (16, 32, 64)  # levels of two conv sets
    encoder_hidden: tuple[int, ...] = ()  # fc sets between convolutions and the last fc set
    content_features: int = 512  # width of content's last fc set
    motion_features: int = 64  # width of one difference map's embedding
    initial_logvar: float = 0.0  # added to the first bias of both log-variances (0: default init)
    largest_logvar: float = 0.0  # below 0: both log-variances stay under it; 0: no bound
    motion_gain: float = 1.0  # factor on the first weights of mu_m
    # discriminators
    image_d_widths: tuple[int, ...] = (64, 128, 256, 512)
    video_d_widths: tuple[int, ...] = (64, 128, 256, 512)
    # weights of the loss terms (the sources give none)
    w_reconstruction: float = 1.0  # mean absolute error of the clip
    w_reference: float = 1.0 / 16  # of the reference frame; 1/16 is Eq. 4.4 read as sums
    w_difference: float = 1.0  # of the difference maps; only in Eq. 3.9 and 3.10
    w_direction: float = 0.0  # of the motion; this and the next five are 0 in the faithful one
    w_still: float = 0.0  # error of the mean frame
    w_amount: float = 0.0  # of the motion; not in the motion warm-up
    w_jitter: float = 0.0  # acceleration beyond the real one; not in the motion warm-up
    w_overlap: float = 0.0  # R2: disagreement of the two clips on the frames that they share
    w_junction: float = 0.0  # R2: error of the difference map at their junction
    w_kl_content: float = 1e-4  # KL of the content space, summed over its dimensions
    w_kl_motion: float = 1e-4  # KL of the motion space
    w_adversarial_video: float = 0.01
    w_adversarial_image: float = 0.01
    # schedule
    batch: int = 10  # clips (EncGAN3) or pairs (R2) a step, over all processes
    steps: int = 100_000  # updates of the generator
    epochs: float = 0.0  # passes through the training set, which `steps` follow; 0: `steps` counts
    scored: int = 0  # moments along a run at which it is scored, the best of them kept; 0: none
    warmup: int = 0  # first steps, on single frames through the content streams alone
    warmup_batch: int = 128  # frames a step of the warm-up
    motion_warmup: int = 0  # steps after it, on the direction of the motion alone
    motion_batch: int = 16  # clips a step of the motion warm-up
    content_rate: float = 1.0  # factor on the rates of the content streams after the warm-up
    lr_encoder: float = 2e-4
    lr_generator: float = 2e-4
    lr_discriminator: float = 2e-4
    lr_decay: float = 0.0  # last share of the steps, in which the rates fall to 0; 0: constant
    warmup_decay: float = 0.0  # the same for the steps of the warm-up
    ramp: int = 0  # steps in which the rates rise after each warm-up, when the losses change
    motion_rate: float = 1.0  # factor on the rates in the motion warm-up, but of content streams
    rise: float = 0.0  # share of the steps after the warm-ups in which w_overlap, w_junction rise
    largest_gradient: float = 0.0  # norm to which a network's longer gradients are cut; 0: off
    beta1: float = 0.5
    beta2: float = 0.999
    average: float = 0.0  # decay of the running average of encoder and generator; 0: off
    separate_passes: bool = False  # encoded and noise codes pass the generator apart, as published
    batch_statistics: bool = True  # False: batch norm trains on running statistics
    # data
    train_on: str = "train"  # part of the set; "all": the whole set, as in Chapter 3
    step_range: tuple[int, int] = (1, 3)  # EncGAN3's frame step (notebooks: the data set's); R2: 1
    smallest_crop: float = 1.0  # random crops in training, to this share of the side; 1: off
    crops_until: int = 0  # first steps that crop; the rest sees frames as they are; 0: all crop
    recall_noise: float = 0.0  # AR2+: largest deviation of the noise on the recalled clip; 0: off
    rollout: int = 1  # AR2+: clips predicted in a row in a training step; 1: from true clips only
    pair_stride: int = 0  # R2: frames from one training pair to the next; 0: the hop
    max_videos: int = 0  # videos prepared, spread over the classes; 0: all
    max_frames: int = 0  # frames prepared of each video; 0: all
    # where it runs
    bf16: bool = True  # autocast to bfloat16 on CUDA, from compute capability 8.0 on
    cpu_bf16: bool = False  # on a CPU too, where it multiplies bfloat16 (training.precision)
    channels_last: bool = True  # memory format; twice as fast on a CPU too

    @property
    def hop(self) -> int:
        """r: the hop between clips, and the index of the reference frame."""
        return self.frames - self.overlap

    @property
    def pair(self) -> int:
        """Frames in one training pair, 16 + r."""
        return self.frames + self.hop

    def _problems(self):
        yield from self._impossible_networks()
        yield from self._impossible_recipe()

    def _impossible_networks(self):
        blocks = len(self.generator_widths)
        if self.size != 4 * 2 ** (blocks - 1) or blocks < 3:
            yield (
                f"{blocks} G3 blocks make frames of {4 * 2 ** (max(blocks, 1) - 1)} pixels, "
                f"not {self.size}; "
                "give one width a block, at least 3"
            )
        if self.frames != 16:
            yield f"a clip has 16 frames, not {self.frames}"
        if not 0 < self.overlap < self.frames:
            yield (
                f"clips of {self.frames} frames cannot share {self.overlap}; "
                f"give 1 to {self.frames - 1}"
            )
        if self.video_stream not in VIDEO_STREAMS:
            yield f"video_stream is one of {', '.join(VIDEO_STREAMS)}, not {self.video_stream!r}"
        if not 0 <= self.attention_after <= blocks:
            yield f"F-SA cannot follow block {self.attention_after} of {blocks}; 0 switches it off"
        if len(self.encoder_widths) != blocks - 2:
            yield (
                f"an encoder at {self.size} pixels has {blocks - 2} levels, "
                f"not {len(self.encoder_widths)}"
            )
        if len(self.image_d_widths) != blocks - 1 or len(self.video_d_widths) != blocks - 1:
            yield f"critics at {self.size} pixels have {blocks - 1} levels"

    def _impossible_recipe(self):
        counts = ("content_dim", "motion_dim", "batch", "steps", "rollout")
        counts += ("content_features", "motion_features", "warmup_batch", "motion_batch")
        if small := [name for name in counts if getattr(self, name) < 1]:
            yield f"{' and '.join(small)} must be at least 1"
        signed = {"ramp", "content_rate", "motion_rate", "largest_gradient", "crops_until"}
        signed |= {"warmup", "motion_warmup", "pair_stride", "max_videos", "max_frames"}
        signed |= {"recall_noise", "epochs", "scored"}
        signed |= {n for n in vars(self) if n.startswith(("w_", "lr_"))}
        negative = [n for n, v in vars(self).items() if n in signed and not 0 <= v < math.inf]
        if negative:
            yield f"{' and '.join(negative)} cannot be negative or infinite"
        if not math.isfinite(self.motion_gain + self.initial_logvar):
            yield "motion_gain and initial_logvar must be finite"
        if not -30 < self.largest_logvar <= 0:
            yield (
                f"largest_logvar must lie between -30 and 0 (no bound), not {self.largest_logvar}"
            )
        if not (0 <= self.beta1 < 1 and 0 <= self.beta2 < 1):
            yield f"beta1 and beta2 must lie in [0, 1), not {self.beta1} and {self.beta2}"
        for steps, batch in (("warmup", "warmup_batch"), ("motion_warmup", "motion_batch")):
            if getattr(self, steps) and getattr(self, batch) < 2:
                yield f"batch norm needs a {batch} of at least 2"
        if not 0 <= self.average < 1 or not all(
            0 <= share <= 1 for share in (self.lr_decay, self.warmup_decay, self.rise)
        ):
            yield "average must lie in [0, 1), lr_decay, warmup_decay and rise in [0, 1]"
        if not 0.1 <= self.smallest_crop <= 1:
            yield f"smallest_crop must lie in [0.1, 1], not {self.smallest_crop}"
        fused = self.attention_after == len(self.generator_widths)
        if self.warmup and (fused or not (self.encoder and self.content_stream)):
            yield "a warm-up needs the encoder, the content stream and no F-SA after the last block"
        first = self.warmup + self.motion_warmup
        if first and self.steps <= first:
            yield f"{self.steps} steps would all go to the warm-ups; give more than {first}"
        if self.motion_warmup and not self.warmup:
            yield "a motion warm-up comes after a warm-up; give warmup at least 1 step"
        if self.motion_warmup and not self.w_direction:
            yield "a motion warm-up needs w_direction above 0"
        if self.train_on not in ("train", "all"):
            yield f"train_on is 'train' or 'all', not {self.train_on!r}"
        if not 1 <= self.step_range[0] <= self.step_range[1]:
            yield f"step_range {self.step_range} must be a range of whole steps from 1 up"
