"""AR2: every clip is predicted from the one before it, the first is drawn from N(0, I) (thesis,
Section 5.3). AR2+ (ours) lays noise on the recalled clip (`recall_noise`), or trains on roll-outs
of several clips (`rollout`), as the preset says. Its networks are improved R2's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from rencgan.core.errors import InputError
from rencgan.data.clips import ClipSampler
from rencgan.data.hops import CLIP, clips_for, spaced
from rencgan.data.pixels import as_clips
from rencgan.models import losses, sampling, starts
from rencgan.models.draws import Draws
from rencgan.models.networks import Codes, draw
from rencgan.models.recall import stitch_pair, stitched
from rencgan.models.system import Nets, Step, Terms, Turn
from rencgan.models.vaegan import Pass, VaeGan, additions, generated, of_clips
from rencgan.presets.preset import Preset


@dataclass
class Prediction(Pass):
    """The forward pass of Algorithm 9. clips: the true next clips; x_hat: the predicted ones.

    former, real_former: the clips before them, recalled and real. With roll-outs the k predictions
    are one part of a loss, the k stitched clips another, as one of each is.
    """

    former: Tensor | None = None
    real_former: Tensor | None = None
    r: int = 8

    def stitched(self) -> Tensor:
        return stitch_pair(self.former, self.x_hat, self.r)

    def fakes(self) -> list[Tensor]:
        """Eq. 5.2: the prediction, behind the clip before it, and the clip from noise."""
        return [self.x_hat, self.stitched()] + [self.x_noise] * (self.x_noise is not None)


@dataclass(frozen=True)
class Known:
    """What a trained AR2 makes of its data: the codes that a video may begin with."""

    start: starts.Start


@dataclass(frozen=True)
class AR2(VaeGan):
    """Joint training (Algorithm 9), with clips from noise codes in every adversarial term."""

    kind: ClassVar[str] = "ar2"
    prior: ClassVar[str | None] = "none"
    always: ClassVar[dict[str, Any]] = {"noise": True, "next_clip": True}
    sample: ClassVar[str] = "pairs"
    asks: ClassVar[tuple[str, ...]] = ("recall_noise", "rollout")
    found: ClassVar[tuple[str, ...]] = ("start",)
    any_hop: ClassVar[bool] = False
    twice: ClassVar[bool] = False

    def title(self, p: Preset) -> str:
        return "AR2+" if p.recall_noise or p.rollout > 1 else "AR2"

    @classmethod
    def asked(cls, hop: int, steps: tuple[int, int]) -> dict[str, Any]:
        return {"overlap": CLIP - hop}

    def first_clips(self, model: Any, videos: int, seed: int = 0) -> np.ndarray:
        return model.videos(CLIP, videos=videos, seed=seed)

    def clips(self, p: Preset) -> int:
        return p.rollout

    def reference_frame(self, r: int) -> int:
        return r

    def error(self, x: Tensor, x_hat: Tensor) -> Tensor:
        return losses.smooth_error(x, x_hat)

    def reads(self, job: Any, known: Any = None) -> ClipSampler:
        """Overlapping clips (B, 3, 16 + k r, H, W), k = rollout."""
        p = job.preset
        stride, clips = p.pair_stride or None, p.rollout + 1
        return ClipSampler(job.videos(), "pairs", p.hop, stride, seed=job.seed, clips=clips)

    # ----------------------------------------------------------------------------------- training

    def predicted(self, nets: Nets, s: Step, x: Tensor, d: Draws, noise: bool) -> Prediction:
        """The first clip is recalled, the k others are the targets. In a roll-out every later
        prediction recalls the model's own clip before it, which counts as given, as it is when a
        video is made: no gradient goes back through it.
        """
        r = s.p.hop
        real = [x[:, :, i : i + CLIP] for i in range(0, x.shape[2] - CLIP + 1, r)]
        clips, real_former = torch.cat(real[1:]), torch.cat(real[:-1])
        former, spaces, made, x_noise = [real[0]], [], [], None
        with s.autocast(x.device):
            for i in range(len(real) - 1):
                spaces.append(self.space(nets, s.p, former[i], d, i))
                codes = [draw(spaces[i], d.eps_c[i], d.eps_m[i])]
                codes += [(d.z_c[0], d.z_m[0])] if noise and not i else []
                next_clip, *fresh = generated(nets["generator"], codes, s.p.separate_passes)
                x_noise = fresh[0] if fresh else x_noise
                made.append(next_clip)
                former.append(next_clip.detach())
        recalled, x_hat = torch.cat(former[:-1]), torch.cat(made)
        codes = Codes(*(torch.cat(part) for part in zip(*spaces, strict=True)))
        return Prediction(clips, codes, x_hat, x_noise, recalled, real_former, r)

    def space(self, nets: Nets, p: Preset, recalled: Tensor, d: Draws, i: int) -> Codes:
        """The latent spaces of a recalled clip; AR2+ lays noise on it and says how much."""
        level = None
        if p.recall_noise:
            level = d.level[i]
            recalled = recalled + level[:, None, None, None, None] * d.grain[i]
        return Codes(*(c.float() for c in nets["encoder"](recalled, p.hop, level)))

    def found_motion(self, nets: Nets, s: Step, d: Draws) -> Prediction:
        """X2 predicted from X1, without a roll-out."""
        return self.predicted(nets, s, s.x[:, :, : s.p.pair], d.first(), noise=False)

    def play(self, nets: Nets, s: Step) -> Iterator[Turn]:
        """Algorithm 9."""
        f = self.predicted(nets, s, s.x, s.chance[0], noise=True)
        yield from self.critics(nets, s, f, losses.eq_5_2, losses.eq_3_5)
        yield ("encoder", "generator"), lambda: self.loss(nets, s, f)

    def loss(self, nets: Nets, s: Step, f: Prediction) -> Terms:
        terms = losses.eq_5_1(f.clips, f.x_hat, f.codes, *self.judged(nets, s, f), f.r)
        return terms | self.additions(s.p, f)

    def additions(self, p: Preset, f: Prediction) -> Terms:
        """Our own terms, where the preset gives them weight."""

        def direction() -> Tensor:
            sides = (f.clips, f.real_former), (f.x_hat, f.stitched())
            return losses.direction(*map(torch.cat, sides))

        terms = {
            "direction": direction,
            "overlap": lambda: losses.overlap(f.former, f.x_hat, f.r),
            "junction": lambda: losses.junction(f.real_former, f.clips, f.former, f.x_hat, f.r),
        }
        return additions(p, terms | of_clips(f.clips, f.x_hat))

    def shown_clips(self, x: Tensor, r: int) -> tuple[Tensor, Tensor]:
        """The clips that are to be predicted, and those before them."""
        return x[:, :, r : r + CLIP], x[:, :, :CLIP]

    # ------------------------------------------------------------------------------------- saving

    @torch.no_grad()
    def ended(self, model: Any, reader: ClipSampler) -> dict[str, Any]:
        """A Gaussian of the means of the latent spaces of training clips (starts.py); of a single
        clip there is none.
        """
        rows = np.array([reader.items[i][0] for i in spaced(len(reader.items), starts.CLIPS)])
        found = []
        for first in np.array_split(rows, -(-len(rows) // sampling.BATCH)):
            clips = reader.videos.frames[first[:, None] + np.arange(CLIP)]
            space = model.nets["encoder"](as_clips(clips, model.device), model.hop, None)
            found.append(torch.cat([space.mu_c, space.mu_m], dim=1).float().cpu())
        return {"start": vars(starts.Start.fitted(torch.cat(found)))} if len(rows) > 1 else {}

    def known(self, content: Mapping[str, Any], p: Preset) -> Known | None:
        return Known(starts.Start(**content["start"])) if "start" in content else None

    # ---------------------------------------------------------------------------------- long video

    def generate(
        self,
        model: Any,
        frames: int | None = None,
        *,
        videos: int | None = None,
        first_clip: np.ndarray | None = None,
        codes: str = "sample",
        candidates: int = 1,
        seed: int = 0,
        level: float = 0.0,
        start: str = "noise",
        **other,
    ) -> Iterator[Tensor]:
        """Algorithm 10: videos of any length from noise alone, or on from first clips (V, 16, H, W,
        3) uint8 (then they begin with its first r frames). videos: 1, or as many as there are first
        clips. start: whether the first clip's codes are from N(0, I), as published ("noise"), or
        from the Gaussian of the codes of training clips ("ex-post"). level: what AR2+ is told of
        the noise on the recalled clip, from 0 to the largest it was trained with; none is added.
        """
        if other.get("footage") is not None:
            raise InputError(
                "an 'ar2' model goes on from a clip and does not follow footage; "
                "give the footage's first 16 frames as first_clip, or load an R2"
            )
        sampling.refuse_options(self.title(model.preset), other)
        sampling.check_frames(frames)
        sampling.check_ways(codes, candidates, seed)
        first, known = None, model.preset.recall_noise
        if first_clip is not None:
            sampling.check_first_clip(first_clip, model.preset.size)
            if videos not in (None, len(first_clip)):
                raise InputError(f"{len(first_clip)} first clips do not make {videos} videos")
            first, videos = as_clips(first_clip, model.device), len(first_clip)
        videos = 1 if videos is None else videos
        if videos < 1:
            raise InputError(f"at least 1 video can be made, not {videos}")
        if not 0 <= level <= known:
            raise InputError(f"this model knows levels of noise from 0 to {known:g}, not {level:g}")
        if start not in starts.WAYS:
            raise InputError(f"start is one of {', '.join(starts.WAYS)}, not {start!r}")
        if start == "ex-post" and first is not None:
            raise InputError("a first clip is given, so no codes begin: leave start='noise'")
        if start == "ex-post" and "start" not in model.extras:
            raise InputError(
                "this AR2 has no codes of training clips with it: it is not trained to its end, or "
                "was before they were kept; begin with start='noise'"
            )
        ways = {"codes": codes, "candidates": candidates, "seed": seed, "level": level}
        ways["start"] = model.extras["start"] if start == "ex-post" else None
        clips = self.predicted_clips(model, first, videos, **ways)
        clips = islice(clips, clips_for(frames, model.hop))
        return sampling.cut_to(stitched(clips, model.hop), frames)

    @torch.no_grad()
    def predicted_clips(
        self,
        model: Any,
        first: Tensor | None,
        videos: int,
        codes: str = "sample",
        candidates: int = 1,
        seed: int = 0,
        level: float = 0.0,
        start: starts.Start | None = None,
    ) -> Iterator[Tensor]:
        """Algorithm 10 without end: clips (V, 3, 16, H, W), each predicted from the one before it.

        first: the first clips (V, 3, 16, H, W), or None to draw them from N(0, I), or as `start`
        has their codes. The clip that VDrej kept is the one that the next is predicted from and
        judged behind: as printed, Algorithm 10 never renews its previous clip.
        """
        encoder, generator, r = model.nets["encoder"], model.nets["generator"], model.hop
        dims = (model.preset.content_dim, model.preset.motion_dim)
        told = torch.full((videos,), level, device=model.device) if level else None

        def drawn(clip: int) -> list[Tensor]:
            return sampling.noises(seed, clip, candidates, dims, videos, model.device)

        def kept(z: Sequence[Tensor], previous: Tensor | None) -> Tensor:
            return sampling.best(generator, z, model.nets["video_d"], previous, r)

        if first is None:
            first = kept(start.codes(*drawn(0)) if start else drawn(0), None)
        clip = first
        yield clip
        for number in count(1):
            space = Codes(*(part.float()[:, None] for part in encoder(clip, r, told)))
            mean = (space.mu_c, space.mu_m)
            clip = kept(mean if codes == "mean" else draw(space, *drawn(number)), clip)
            yield clip
