"""A trained system, rebuilt from its checkpoint alone."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rencgan.core import checkpoint
from rencgan.core.device import usable
from rencgan.core.errors import InputError
from rencgan.data.hops import CLIP, seams
from rencgan.data.pixels import as_clips, as_frames
from rencgan.models.networks import Codes
from rencgan.models.system import Nets, System, built, generating, streamed, system_of
from rencgan.presets.preset import Preset
from rencgan.presets.recipe import Recipe


@dataclass(frozen=True)
class Trained:
    """A system with its networks in evaluation mode (the averaged ones where it keeps averages).

    base: the frozen system below it, where it has one. extras: what its training found out about
    the data. digest: the first 12 hex digits of the checkpoint's sha256.
    """

    system: System
    preset: Recipe
    nets: Nets
    step: int
    seed: int
    digest: str
    base: "Trained | None" = None
    extras: dict[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return self.system.kind

    @property
    def name(self) -> str:
        """What tables call it."""
        return self.system.title(self.preset)

    @property
    def draws(self) -> "Trained":
        """Whose networks draw the frames: its own, or its base's."""
        return self.base or self

    @property
    def size(self) -> int:
        """H = W of its frames, pixels."""
        return self.draws.preset.size

    @property
    def hop(self) -> int:
        """From one clip of its long videos to the next, as trained."""
        return self.draws.system.hop(self.draws.preset)

    @property
    def reference(self) -> int:
        """Index of the frame that the content stream of a VAE-GAN was trained to read."""
        return self.system.reference_frame(self.hop)

    def hop_for(self, asked: int) -> int:
        """The hop of its long videos where `asked` is wanted: some systems keep the trained one."""
        return asked if self.system.any_hop else self.hop

    @property
    def device(self) -> torch.device:
        return next(next(iter(self.nets.values())).parameters()).device

    # ------------------------------------------------------------------------------------- videos

    def generate(self, frames: int | None = None, **options) -> Iterator[Tensor]:
        """Videos as a stream of pieces (V, 3, t, H, W) in [-1, 1], in order; memory does not grow
        with their length.

        options: what they are made from, footage (T, H, W, 3) uint8 (R2, LEncGAN), first_clip (V,
        16, H, W, 3) uint8 (AR2, R3) or videos, how many from noise alone (AR2); codes "sample" or
        "mean"; candidates, of how many VDrej chooses (1: none); seed; and what the system's own
        `generate` names. frames: of each video; None: as many as the footage gives. What it cannot
        do raises InputError at once.
        """
        pieces = self.system.generate(self, frames, **options)
        return streamed(pieces, self.preset, self.device)

    def videos(self, frames: int | None = None, **options) -> np.ndarray:
        """The same as one array (V, frames, H, W, 3) uint8."""
        pieces = [as_frames(piece) for piece in self.generate(frames, **options)]
        return np.concatenate(pieces, axis=1)

    # ----------------------------------------------------------------------- clips of the VAE-GANs

    def codes(self, x: Tensor) -> Codes:
        """Latent spaces of clips (B, 3, 16, H, W), each as if it were the first of its video."""
        with generating(self.preset, self.device):
            codes = self.system.encode(self.nets, x, self.preset.hop, {})
            return Codes(*(part.float() for part in codes))

    def clips(self, z_c: Tensor, z_m: Tensor) -> np.ndarray:
        """Codes to clips: (B, 16, H, W, 3) uint8."""
        with generating(self.preset, self.device):
            return as_frames(self.draws.nets["generator"](z_c, z_m))

    def junction_score(self, long: np.ndarray, hop: int) -> float:
        """Mean logit of the video critic over the 16 frames around every junction of a long video
        (T, H, W, 3) uint8: the last `hop` frames of one clip and what follows; NaN without any.
        """
        starts = [s - hop for s in seams(len(long), hop)]
        scores = []
        for first in range(0, len(starts), 16):
            clips = np.stack([long[s : s + CLIP] for s in starts[first : first + 16]])
            with generating(self.preset, self.device):
                judged = self.draws.nets["video_d"](as_clips(clips, self.device))
            scores.append(judged.float())
        return float(torch.cat(scores).mean()) if scores else float("nan")


def untrained(model: Trained) -> Trained:
    """The same networks before any training: what a score of no merit is measured on."""
    return begun(model.system, model.preset, model.seed, model.device)


def begun(system: System, p: Recipe, seed: int = 0, device: Any = "cpu") -> Trained:
    """A system as its training begins."""
    return Trained(system, p, _at_rest(built(system, p, seed, device)), 0, seed, "")


def _at_rest(nets: Nets) -> Nets:
    return {name: net.eval().requires_grad_(False) for name, net in nets.items()}


def load_model(
    path: str | Path,
    kind: str | None = None,
    device: str | torch.device | None = None,
    base: Trained | None = None,
) -> Trained:
    """The model that a checkpoint holds; InputError if it is not ours, or of another kind, or over
    another base.
    """
    return model_of(checkpoint.load(path, kind), checkpoint.digest(path), path, device, base)


def model_of(
    content: dict,
    digest: str,
    path: str | Path,
    device: str | torch.device | None = None,
    base: Trained | None = None,
) -> Trained:
    """The model that the content of a checkpoint makes; `path` is what a refusal names. Raises
    InputError where it is not complete, and for a device that is not there.
    """
    found = "cuda" if torch.cuda.is_available() else "cpu"
    device = base.device if base else usable(device or found)
    try:
        system = system_of(content["kind"], content["objective"])
        check_base(system, content, path, base)
        p = preset_of(content, path, system.preset)
        known, states = system.known(content, p), content["networks"] | content["averages"]
        nets = built(system, p, 0, "cpu", known)
        nets = {name: net for name, net in nets.items() if name not in content.get("left out", ())}
        for name, net in nets.items():
            net.load_state_dict(states[name])
        step, seed = content["step"], content["seed"]
    except (KeyError, TypeError, RuntimeError, AttributeError) as error:
        reason = str(error).splitlines()[0][:80]
        raise InputError(f"{path} does not hold a complete model ({reason})") from None
    nets = _at_rest({name: net.to(device) for name, net in nets.items()})
    extras = {} if known is None else vars(known)
    return (system.trained or Trained)(system, p, nets, step, seed, digest, base, extras)


def check_base(system: System, content: dict, path: str | Path, base: Trained | None) -> None:
    """Raises InputError unless the base is the one that a checkpoint was trained over."""
    if not system.base:
        return
    if base is None:
        raise InputError(f"{path} holds a model over another one, {system.base!r}; give that too")
    if content.get("base") != base.digest:
        raise InputError(
            f"{path} was trained on the codes of another {base.name} ({content.get('base')}), not "
            f"of this one ({base.digest}); give that one"
        )


def preset_of(
    content: dict, path: str | Path = "the checkpoint", kind: type[Recipe] | None = None
) -> Recipe:
    """The preset saved inside a checkpoint, so that a model is rebuilt without being told what it
    is. InputError where it is not complete.
    """
    try:
        return (kind or Preset)(**content["preset"])
    except (KeyError, TypeError) as error:
        raise InputError(f"{path} does not hold a complete preset ({error})") from None
