"""A trained model, rebuilt from its checkpoint alone."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from rencgan.core import checkpoint
from rencgan.core.errors import InputError
from rencgan.data.hops import CLIP, seams
from rencgan.data.pixels import as_clips, as_frames
from rencgan.models import lencgan
from rencgan.models import sampling as sample
from rencgan.models.lencgan import LstmEncoder
from rencgan.models.lencgan_updates import Memory
from rencgan.models.networks import Codes
from rencgan.models.updates import Objective
from rencgan.presets.preset import Preset
from rencgan.training.gan import NETWORKS, Players

OBJECTIVES = {"lencgan": Memory}


@dataclass(frozen=True)
class Model:
    """Networks in evaluation mode (the averaged ones where the preset keeps an average)."""

    kind: str
    preset: Preset
    objective: Objective
    step: int
    seed: int
    digest: str  # first 12 hex digits of the checkpoint's sha256
    encoder: nn.Module
    generator: nn.Module
    video_d: nn.Module

    @property
    def name(self) -> str:
        """What tables call it; "R2, trained on means" and "R2, with noise terms" are variants."""
        if self.kind == "r2":
            found = "improved R2" if self.preset.video_stream == "3d" else "R2"
            found += ", with noise terms" * self.objective.noise
            return found + ", trained on means" * (not self.objective.sampled)
        plus = self.preset.recall_noise or self.preset.rollout > 1
        names = {"encgan3": "EncGAN3", "lencgan": "LEncGAN", "ar2": "AR2+" if plus else "AR2"}
        return names[self.kind]

    @property
    def reference(self) -> int:
        """Index of the frame that the content stream was trained to read."""
        return self.objective.reference_index(self.preset.hop)

    @property
    def hop(self) -> int:
        """From one clip of a long video to the next, as trained."""
        return self.objective.hop(self.preset.hop)

    def hop_for(self, asked: int) -> int:
        """The hop of its long videos where `asked` is wanted: LEncGAN keeps its own."""
        return self.hop if self.kind == "lencgan" else asked

    def long_video(
        self, video: np.ndarray, hop: int | None = None, codes="sample", candidates=1, seed=0
    ) -> Iterator[Tensor]:
        """Algorithms 7 and 8 on footage (T, H, W, 3) uint8; see sample.long_video.

        At another hop than the trained one the content stream still reads the frame it was trained
        on. LEncGAN's clips (Algorithm 5) have its own hop and no candidates. Not for AR2, whose
        clips are those after the ones it reads.
        """
        if self.kind == "ar2":
            raise InputError(
                "an 'ar2' model goes on from a clip and does not follow footage; "
                "give the footage's first 16 frames to from_noise as first_clip, or load an R2"
            )
        sample.check_footage(video, self.preset.size)
        hop = self.hop if hop is None else hop
        if self.kind == "lencgan":
            lencgan.check_long_video(self.hop, hop, candidates)
        if isinstance(self.encoder, LstmEncoder):
            return lencgan.long_video(self.encoder, self.generator, video, codes=codes, seed=seed)
        return sample.long_video(
            self.encoder,
            self.generator,
            video,
            hop,
            reference=self.reference,
            codes=codes,
            candidates=candidates,
            video_d=self.video_d,
            seed=seed,
        )

    def long_frames(self, video: np.ndarray, **options) -> np.ndarray:
        """The same as one array (16 + r ((T - 16) // r), H, W, 3) uint8."""
        return np.concatenate([as_frames(piece[0]) for piece in self.long_video(video, **options)])

    def from_noise(
        self,
        frames: int,
        videos: int | None = None,
        first_clip: np.ndarray | None = None,
        codes="sample",
        candidates=1,
        seed=0,
        level=0.0,
    ) -> Iterator[Tensor]:
        """Algorithm 10, AR2 only: videos of any length from noise alone, or on from first clips
        (V, 16, H, W, 3) uint8, as pieces (V, 3, t, H, W); see sample.from_noise.

        videos: 1, or as many as there are first clips.
        """
        if self.kind != "ar2":
            raise InputError(
                f"a model of kind {self.kind!r} makes no video from noise alone; 'ar2' is needed"
            )
        if first_clip is not None:
            sample.check_first_clip(first_clip, self.preset.size)
            if videos not in (None, len(first_clip)):
                raise InputError(f"{len(first_clip)} first clips do not make {videos} videos")
            videos = len(first_clip)
        return sample.from_noise(
            self.encoder,
            self.generator,
            frames,
            self.preset.hop,
            videos=1 if videos is None else videos,
            first_clip=first_clip,
            reference=self.reference,
            codes=codes,
            candidates=candidates,
            video_d=self.video_d,
            seed=seed,
            level=level,
        )

    def noise_frames(self, frames: int, videos: int | None = None, **options) -> np.ndarray:
        """The same as one array (V, frames, H, W, 3) uint8."""
        pieces = [as_frames(piece) for piece in self.from_noise(frames, videos, **options)]
        return np.concatenate(pieces, axis=1)

    @property
    def device(self) -> torch.device:
        return next(self.generator.parameters()).device

    @torch.no_grad()
    def junction_score(self, long: np.ndarray, hop: int) -> float:
        """Mean logit of the video critic over the 16 frames around every junction of a long video
        (uint8):
        the last `hop` frames of one clip and what follows."""
        starts = [s - hop for s in seams(len(long), hop)]
        scores = []
        for first in range(0, len(starts), 16):
            clips = np.stack([long[s : s + CLIP] for s in starts[first : first + 16]])
            scores.append(self.video_d(as_clips(clips, self.device)))
        return float(torch.cat(scores).mean()) if scores else float("nan")

    @torch.no_grad()
    def codes(self, x: Tensor) -> Codes:
        """Latent spaces of clips (B, 3, 16, H, W), each as if it were the first of its video."""
        return self.objective.encode(self.encoder, x, self.preset.hop)[0]

    @torch.no_grad()
    def clips(self, z_c: Tensor, z_m: Tensor) -> np.ndarray:
        """Codes to clips: (B, 16, H, W, 3) uint8."""
        return as_frames(self.generator(z_c, z_m))


def untrained(model: Model) -> Model:
    """The same networks before any training: what a score of no merit is measured on."""
    build = model.objective.encoder
    networks = Players(model.preset, model.seed, model.device, build).for_generation()
    fresh = [network.requires_grad_(False) for network in networks]
    return replace(model, step=0, digest="", **dict(zip(NETWORKS, fresh, strict=False)))


def load_model(path: str | Path, kind: str | None = None, device: str | None = None) -> Model:
    """The model that a checkpoint holds; InputError if it is not ours, or of another kind."""
    return model_of(checkpoint.load(path, kind), checkpoint.digest(path), path, device)


def model_of(
    content: dict, digest: str, path: str | Path, device: str | torch.device | None = None
) -> Model:
    """The model that the content of a checkpoint makes; `path` is what a refusal names."""
    preset = preset_of(content, path)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        kind, step, seed = (content[name] for name in ("kind", "step", "seed"))
        objective = OBJECTIVES.get(kind, Objective)(**content["objective"])
        players = Players(preset, device=device, encoder=objective.encoder)
        players.load_networks(content["networks"])
        for name, average in players.averages.items():
            average.load_state_dict(content["averages"][name])
    except (KeyError, TypeError, RuntimeError, AttributeError) as error:
        reason = str(error).splitlines()[0][:80]
        raise InputError(f"{path} does not hold a complete model ({reason})") from None
    encoder, generator, video_d = players.for_generation()
    return Model(
        kind,
        preset,
        objective,
        step,
        seed,
        digest,
        encoder.requires_grad_(False),
        generator.requires_grad_(False),
        video_d.requires_grad_(False),
    )


def preset_of(content: dict, path: str | Path = "the checkpoint") -> Preset:
    """The preset saved inside a checkpoint, so that a model is rebuilt without being told what it
    is.
    """
    try:
        return Preset(**content["preset"])
    except (KeyError, TypeError) as error:
        raise InputError(f"{path} does not hold a complete preset ({error})") from None
