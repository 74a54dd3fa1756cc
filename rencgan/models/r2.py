"""R2, or REncGAN: EncGAN3 trained on overlapping pairs, so that clips of a long video meet (thesis,
Chapter 4). Improved R2 (Section 5.2) is R2 with `3d` video streams, which the preset says.

X1, X2   the clips of a pair, r frames apart     r   the hop, and the frame that R_Enc reads
X3       the stitched clip of R_3VD: the first r frames of X1, then the first 16 - r of X2
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from rencgan.data.clips import ClipSampler
from rencgan.data.hops import CLIP
from rencgan.models import losses
from rencgan.models.recall import split_pair, stitch_pair
from rencgan.models.system import Nets, Phase, Step, Terms, Turn
from rencgan.models.vaegan import Pass, VaeGan, additions, direction_of, of_clips
from rencgan.presets.preset import Preset


class Pair(Pass):
    """The forward pass of a pair: clips are X1s then X2s, and so is x_hat."""

    def __init__(self, f: Pass, r: int, recall_critic: bool):
        super().__init__(f.clips, f.codes, f.x_hat, f.x_noise)
        self.r, self.recall_critic = r, recall_critic
        self.stitched = stitch_pair(*self.x_hat.chunk(2), r)  # X3, for the reconstruction

    def fakes(self) -> list[Tensor]:
        """X1, X2, with R_3VD X3, and the clip from noise."""
        groups = list(self.x_hat.chunk(2))
        if self.recall_critic:
            groups.append(stitch_pair(*groups, self.r))
        return groups + [self.x_noise] * (self.x_noise is not None)

    def frames(self, index: int) -> list[Tensor]:
        groups = [*self.x_hat.chunk(2), *[self.x_noise] * (self.x_noise is not None)]
        return [x[:, :, index] for x in groups]


@dataclass(frozen=True)
class R2(VaeGan):
    """The switches of Table 4.3; the defaults are v4, the final one (Eq. 4.4, Algorithm 6).

    joint: encoder and generator step together, or one after the other as EncGAN3's. clip: errors of
    whole clips. stitched_clip: the error of the stitched clip too; its target is X1 again.
    reference: the reference frame's own term. recall_encoder: R_Enc, the content stream reads frame
    r, else the first. recall_critic: R_3VD, the stitched clip is judged too. sampled: codes are
    drawn in training; False: the mean (Figures 5.8 and 5.9).
    """

    kind: ClassVar[str] = "r2"
    prior: ClassVar[str | None] = "entire video"
    sample: ClassVar[str] = "pairs"
    asks: ClassVar[tuple[str, ...]] = ("video_stream",)
    variants: ClassVar[dict[str, dict[str, Any]]] = {  # Table 4.3, and what isolates one change
        "v1": {"joint": False, "noise": True, "stitched_clip": True},
        "v2": {"joint": False, "noise": True},
        "v2-noiseless": {"joint": False},  # isolates joint training
        "v3": {"joint": False, "noise": True, "clip": False},
        "v4": {},  # the final one, Eq. 4.4
        "v5": {"joint": False, "clip": False},  # our reading: v3 without the noise terms
        "v4-noise": {"noise": True},  # Table 5.7, "noise_gen loss: yes"
        "v4-mean": {"sampled": False},  # Figure 5.8, "train: mean"
    }

    joint: bool = True
    noise: bool = False
    clip: bool = True
    stitched_clip: bool = False
    reference: bool = True
    recall_encoder: bool = True
    recall_critic: bool = True
    sampled: bool = True

    def title(self, p: Preset) -> str:
        """Improved R2 is named by its streams."""
        name = "improved R2" if p.video_stream == "3d" else "R2"
        name += ", with noise terms" if self.noise else ""
        return name + ("" if self.sampled else ", trained on means")

    @classmethod
    def asked(cls, hop: int, steps: tuple[int, int]) -> dict[str, Any]:
        return {"overlap": CLIP - hop}

    def first_clips(self, model: Any, videos: int, seed: int = 0) -> np.ndarray:
        """From noise codes, where it was trained with noise terms."""
        return self.from_noise(model, videos, seed) if self.noise else super().first_clips(model, 0)

    @property
    def twice(self) -> bool:
        return not self.joint

    def clips(self, p: Preset) -> int:
        return 2

    def least(self, p: Preset, phase: Phase) -> int:
        """A pair has two clips; warm-ups take single frames and clips."""
        return super().least(p, phase) if phase.name else 1

    def reference_frame(self, r: int) -> int:
        return r if self.recall_encoder else 0

    def reads(self, job: Any, known: Any = None) -> ClipSampler:
        p = job.preset
        return ClipSampler(job.videos(), "pairs", p.hop, p.pair_stride or None, seed=job.seed)

    # ----------------------------------------------------------------------------------- training

    def pair(self, nets: Nets, s: Step, draws: Any) -> Pair:
        """The forward pass of the pairs (B, 3, 16 + r, H, W) of a step."""
        f = self.forward(nets, s, draws, split_pair(s.x, s.p.hop), self.noise)
        return Pair(f, s.p.hop, self.recall_critic)

    def again(self, nets: Nets, s: Step, f: Pass) -> Pair:
        return Pair(super().again(nets, s, f), s.p.hop, self.recall_critic)

    def play(self, nets: Nets, s: Step) -> Iterator[Turn]:
        """Algorithm 6, and the separate schedule of v1 to v3 and v5."""
        f = self.pair(nets, s, s.chance[0])
        video = losses.eq_4_7 if self.recall_critic else losses.eq_4_6
        yield from self.critics(nets, s, f, video, losses.eq_4_5)
        if self.joint:
            yield ("encoder", "generator"), lambda: self.loss(nets, s, f)
            return
        yield "encoder", lambda: self.encoder_loss(s, f)
        g = self.again(nets, s, f)
        yield "generator", lambda: self.generator_loss(nets, s, g)

    def loss(self, nets: Nets, s: Step, f: Pair) -> Terms:
        r = self.reference_frame(s.p.hop)
        terms = losses.eq_4_4(f.clips, f.x_hat, f.codes, *self.judged(nets, s, f), r)
        return self.varied(terms, f) | self.additions(s.p, f)

    def encoder_loss(self, s: Step, f: Pair) -> Terms:
        """Eq. 3.1 on both clips, with the reference frame's term."""
        return self.separate(s, f, losses.eq_3_1(f.clips, f.x_hat, f.codes))

    def generator_loss(self, nets: Nets, s: Step, f: Pair) -> Terms:
        """Eq. 3.4 on both clips, with the reference frame's term."""
        return self.separate(s, f, losses.eq_3_4(f.clips, f.x_hat, *self.judged(nets, s, f)))

    def separate(self, s: Step, f: Pair, terms: Terms) -> Terms:
        frame = losses.reference_term(f.clips, f.x_hat, self.reference_frame(s.p.hop))
        return self.varied(frame | terms, f) | self.additions(s.p, f)

    def varied(self, terms: Terms, f: Pair) -> Terms:
        """Without the terms that switches leave out; with the stitched clip if they ask for it."""
        asked = {"reference": self.reference, "reconstruction": self.clip}
        kept = {name: term for name, term in terms.items() if asked.get(name, True)}
        if self.clip and self.stitched_clip:
            kept["reconstruction"] = lambda: losses.mean_absolute_error(
                torch.cat([f.clips, f.clips[: len(f.stitched)]]), torch.cat([f.x_hat, f.stitched])
            )
        return kept

    def additions(self, p: Preset, f: Pair) -> Terms:
        """Our own terms, where the preset gives them weight. What a variant leaves out stays out of
        them too: without errors of clips, those of clips; without R_3VD, the stitched clip.
        """
        sides = [(f.clips, f.x_hat)]
        if self.recall_critic:
            sides.append((f.clips[: len(f.stitched)], f.stitched))
        terms = {
            "overlap": lambda: losses.overlap(*f.x_hat.chunk(2), p.hop),
            "junction": lambda: losses.junction(*f.clips.chunk(2), *f.x_hat.chunk(2), p.hop),
        }
        if self.clip:
            terms |= {"direction": direction_of(*sides)} | of_clips(f.clips, f.x_hat)
        return additions(p, terms)

    def shown_clips(self, x: Tensor, r: int) -> tuple[Tensor, Tensor]:
        """The first clips of pairs."""
        return x[:, :, :CLIP], x[:, :, :CLIP]
