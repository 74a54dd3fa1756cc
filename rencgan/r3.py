"""R3: a GPT over the codes of a whole video, and the R2 that draws them (thesis, Section 5.4 and
Algorithm 11).

robust   every clip that VDrej kept is encoded again, and the GPT goes on from what it sees
faster   the GPT rolls out all tokens, then the generator draws all clips
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rencgan import checkpoint
from rencgan.clips import as_clips, as_frames
from rencgan.encgan3 import Codes, draw
from rencgan.errors import InputError
from rencgan.formats import Vocabulary
from rencgan.gpt import GPT, KIND
from rencgan.gpt_presets import GPTPreset
from rencgan.model import Model
from rencgan.presets import Preset
from rencgan.recall import clips_for, stitched
from rencgan.rollout import Context, Scripts, token_noise
from rencgan.sample import best, check_first_clip, check_ways, cut_to, noise, recalled_clips
from rencgan.tokens import Coordinates, as_codes, as_tokens

METHODS = ("robust", "faster")


@dataclass(frozen=True)
class R3:
    """A trained GPT in evaluation mode with the R2 whose codes it was trained on."""

    r2: Model
    gpt: GPT
    gpt_preset: GPTPreset
    coordinates: Coordinates
    words: Vocabulary
    step: int
    seed: int
    digest: str
    kind: str = KIND

    @property
    def name(self) -> str:
        """What tables call it: "R3, regression"."""
        extra = f", {self.gpt_preset.format}" if self.gpt_preset.format != "pad0" else ""
        extra += ", noise" if self.gpt_preset.context_noise else ""
        return f"R3, {self.gpt_preset.head}{extra}"

    @property
    def preset(self) -> Preset:
        """Of the R2: the size of its frames, its hop."""
        return self.r2.preset

    @property
    def hop(self) -> int:
        return self.r2.hop

    @property
    def device(self) -> torch.device:
        return self.r2.device

    # ------------------------------------------------------------------------- tokens and spaces

    @torch.no_grad()
    def tokens(self, clips: Tensor) -> Tensor:
        """Clips (V, 3, 16, H, W) to tokens in the GPT's coordinates, (V, k)."""
        space = self.r2.encoder(clips, self.r2.reference)
        return self.coordinates.of(as_tokens(Codes(*(part.float() for part in space))))

    def spaces(self, tokens: Tensor) -> Codes:
        """Tokens (..., k) to latent spaces. Log-variances stay below the encoder's own bound: a
        prediction has none by itself.
        """
        p = self.r2.preset
        codes = as_codes(self.coordinates.back(tokens), (p.content_dim, p.motion_dim))
        if not p.largest_logvar:
            return codes
        bounded = (part.clamp(max=p.largest_logvar) for part in (codes.logvar_c, codes.logvar_m))
        logvar_c, logvar_m = bounded
        return Codes(codes.mu_c, logvar_c, codes.mu_m, logvar_m)

    def context(
        self, videos: int, seed: int, level: float = 0.0, subjects: Sequence[str | None] = ()
    ) -> Context | Scripts:
        """An empty context of so many videos. subjects: whom they show (disc+cont)."""
        if self.gpt_preset.format == "disc+cont":
            return Scripts(self.gpt, self.words, subjects or [None] * videos, seed)
        return Context(self.gpt, level)

    def following(self, context, token: Tensor, number: int, seed: int, temperature: float):
        """Reads the tokens (V, k) of clip number - 1 and draws those of clip `number`, (V, k)."""
        h = context.read(token)
        eps, chance = (
            part.to(h.device) for part in token_noise(seed, number, len(token), self.gpt.dim)
        )
        with torch.no_grad():
            return self.gpt.draw(h, context.last, eps, chance, temperature)

    def rolled(
        self, first: Tensor, count: int, seed: int = 0, temperature: float = 1.0, **options
    ) -> Iterator[Tensor]:
        """`count` tokens (V, k), the first of them the one that is given: the `faster` roll-out."""
        context, token = self.context(len(first), seed, **options), first
        for number in range(1, count + 1):
            yield token
            if number < count:
                token = self.following(context, token, number, seed, temperature)

    # ------------------------------------------------------------------------------------- videos

    def from_clip(
        self,
        frames: int,
        first_clip: np.ndarray,
        method: str = "robust",
        codes: str = "sample",
        candidates: int = 1,
        seed: int = 0,
        temperature: float = 1.0,
        **options,
    ) -> Iterator[Tensor]:
        """Videos of any length from first clips (V, 16, H, W, 3) uint8, as pieces (V, 3, t, H, W)
        in [-1, 1] that add up to exactly `frames` frames. They begin with the first clip's own
        first r frames.

        method: "robust" (Algorithm 11) or "faster". codes, candidates: as in sample.long_video.
        temperature: of the token's distribution; the regression head has none. options: level of
        the noise that the GPT takes to lie on what it reads, and subjects (disc+cont).
        """
        if method not in METHODS:
            raise InputError(f"R3 generates by one of {', '.join(METHODS)}, not {method!r}")
        check_ways(codes, candidates)
        if not isinstance(frames, int | np.integer) or frames < 1:
            raise InputError(f"a video has a whole number of frames, at least 1, not {frames!r}")
        if seed < 0 or not 0 <= temperature < float("inf"):
            raise InputError("seed and temperature must be 0 or more")
        check_first_clip(first_clip, self.preset.size)
        count = clips_for(frames, self.hop)
        rolled = {"seed": seed, "temperature": temperature} | options
        drawn = {"codes": codes, "candidates": candidates, "seed": seed}
        make = self._robust if method == "robust" else self._faster
        clips = make(as_clips(first_clip, self.device), count, rolled, drawn)
        return cut_to(stitched(islice(clips, count), self.hop), frames)

    def clip_frames(self, frames: int, first_clip: np.ndarray, **options) -> np.ndarray:
        """The same as one array (V, frames, H, W, 3) uint8."""
        pieces = [as_frames(piece) for piece in self.from_clip(frames, first_clip, **options)]
        return np.concatenate(pieces, axis=1)

    @torch.no_grad()
    def _robust(self, first: Tensor, count: int, rolled: dict, drawn: dict) -> Iterator[Tensor]:
        """Algorithm 11. The last clip keeps its 16 frames; the listing gives it r."""
        r2, videos, clip = self.r2, len(first), first
        dims = (r2.preset.content_dim, r2.preset.motion_dim)
        options = dict(rolled)
        seed, temperature = options.pop("seed"), options.pop("temperature")
        context = self.context(videos, seed, **options)
        yield clip
        for number in range(1, count):
            token = self.following(context, self.tokens(clip), number, seed, temperature)
            space = Codes(*(part[:, None] for part in self.spaces(token)))
            if drawn["codes"] == "mean":
                z = space.mu_c, space.mu_m
            else:
                n = drawn["candidates"]
                each = [noise(drawn["seed"], number, n, dims, v) for v in range(videos)]
                z = draw(space, *(torch.stack(e).to(first.device) for e in zip(*each, strict=True)))
            clip = best(r2.generator, z, r2.video_d, clip, self.hop)
            yield clip

    @torch.no_grad()
    def _faster(self, first: Tensor, count: int, rolled: dict, drawn: dict) -> Iterator[Tensor]:
        """All tokens by themselves; their clips drawn as R2's are. Every video's clips are drawn
        several in a pass, where no rejection has to wait for the one before.
        """
        tokens = self.rolled(self.tokens(first), count, **rolled)
        next(tokens)  # the first clip stands for itself
        spaces = [self.spaces(token) for token in tokens]
        yield first
        each = [
            recalled_clips(
                self.r2.generator,
                (Codes(*(part[v : v + 1] for part in space)) for space in spaces),
                self.hop,
                video_d=self.r2.video_d,
                previous=first[v : v + 1],
                first=1,
                video=v,
                **drawn,
            )
            for v in range(len(first))
        ]
        for clips in zip(*each, strict=True):
            yield torch.cat(clips)


def load_r3(path: str | Path, r2: Model) -> R3:
    """The R3 that a checkpoint and its R2 make. InputError for a checkpoint of another kind, and
    for an R2 that is not the one whose codes it was trained on.
    """
    content = checkpoint.load(path, KIND)
    if content.get("r2") != r2.digest:
        raise InputError(
            f"{path} was trained on the codes of another R2 ({content.get('r2')}), not of this "
            f"one ({r2.digest}); give that one"
        )
    try:
        p = GPTPreset(**content["preset"])
        coordinates = Coordinates(**content["coordinates"]).to(r2.device)
        words = Vocabulary(tuple(content["classes"]), p.longest)
        gpt = GPT(p, coordinates.dim, len(words) if p.format == "disc+cont" else 0)
        gpt.load_state_dict(content["average"] or content["gpt"])
        step, seed = content["step"], content["seed"]
    except (KeyError, TypeError, RuntimeError) as error:
        reason = str(error).splitlines()[0][:80]
        raise InputError(f"{path} does not hold a complete GPT ({reason})") from None
    gpt = gpt.to(r2.device).eval().requires_grad_(False)
    return R3(r2, gpt, p, coordinates, words, step, seed, checkpoint.digest(path))


def first_clips(model: Model, videos: int, seed: int = 0) -> np.ndarray:
    """First clips for an R3 with no prior at all, (V, 16, H, W, 3) uint8: from an AR2, or from an
    R2 that was trained with noise terms. Another model raises InputError.
    """
    if model.kind == "ar2":
        return model.noise_frames(16, videos, seed=seed)
    if model.kind != "r2" or not model.objective.noise:
        raise InputError(
            f"{model.name} draws no clip from noise alone; "
            "an AR2, or an R2 trained with noise terms, is needed"
        )
    dims = (model.preset.content_dim, model.preset.motion_dim)
    each = [noise(seed, 0, 1, dims, v) for v in range(videos)]
    z_c, z_m = (torch.cat(part).to(model.device) for part in zip(*each, strict=True))
    return model.clips(z_c, z_m)
