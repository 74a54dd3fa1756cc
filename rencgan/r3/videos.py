"""R3: a GPT over the codes of a whole video, and the R2 that draws them (thesis, Section 5.4 and
Algorithm 11).

robust   every clip that VDrej kept is encoded again, and the GPT goes on from what it sees
faster   the GPT rolls out all tokens, then the generator draws all clips
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from rencgan.core.errors import InputError
from rencgan.data.hops import clips_for
from rencgan.data.pixels import as_clips
from rencgan.models.networks import Codes, draw
from rencgan.models.recall import stitched
from rencgan.models.sampling import (
    best,
    check_first_clip,
    check_frames,
    check_ways,
    cut_to,
    noises,
    recalled_clips,
    refuse_options,
)
from rencgan.models.trained import Trained
from rencgan.r3.gpt import GPT
from rencgan.r3.rollout import Context, Scripts, token_noise
from rencgan.r3.sequences import Vocabulary
from rencgan.r3.tokens import Coordinates, as_codes, as_tokens

METHODS = ("robust", "faster")
ROLLED = ("level", "subjects")  # further options of a roll-out


@dataclass(frozen=True)
class R3Model(Trained):
    """A trained R3: the GPT, and as its base the R2 whose codes it was trained on."""

    @property
    def r2(self) -> Trained:
        return self.base

    @property
    def gpt(self) -> GPT:
        return self.nets["gpt"]

    @cached_property
    def coordinates(self) -> Coordinates:
        """How the GPT sees a token."""
        return self.extras["coordinates"].to(self.device)

    @property
    def words(self) -> Vocabulary:
        """The symbols that it knows (disc+cont)."""
        return self.extras["words"]

    # ------------------------------------------------------------------------- tokens and spaces

    @torch.no_grad()
    def tokens(self, clips: Tensor) -> Tensor:
        """Clips (V, 3, 16, H, W) to tokens in the GPT's coordinates, (V, k)."""
        space = self.r2.nets["encoder"](clips, self.r2.system.reference_frame(self.hop))
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

    def roll(
        self,
        videos: int,
        seed: int = 0,
        temperature: float = 1.0,
        level: float | None = None,
        subjects: Sequence[str | None] | None = None,
    ) -> "Roll":
        """A roll-out of so many videos, before anything was read. level: of the noise that the GPT
        takes to lie on what it reads; subjects: whom the videos show (disc+cont alone, which knows
        no level).
        """
        if not isinstance(seed, int | np.integer) or seed < 0 or not 0 <= temperature < np.inf:
            raise InputError(
                "the seed is a whole number and the temperature a number, both 0 or more, "
                f"not {seed!r} and {temperature!r}"
            )
        if self.preset.format != "disc+cont":
            if subjects is not None:
                raise InputError(f"a GPT of the format {self.preset.format} knows no subjects")
            return Roll(self.gpt, Context(self.gpt, level or 0.0), seed, temperature)
        subjects = [None] * videos if subjects is None else list(subjects)
        if level is not None:
            raise InputError("a GPT of the format disc+cont is told no level of noise")
        if len(subjects) != videos:
            raise InputError(f"disc+cont takes one subject a video, {videos}, not {len(subjects)}")
        return Roll(self.gpt, Scripts(self.gpt, self.words, subjects, seed), seed, temperature)

    @torch.no_grad()
    def rolled(self, first: Tensor, count: int, roll: "Roll") -> Iterator[Tensor]:
        """The GPT's roll-out alone: from first clips (V, 3, 16, H, W) the tokens (V, k) of the
        `count` - 1 clips behind them.
        """
        token = self.tokens(first)
        for number in range(1, count):
            token = roll.following(token, number)
            yield token

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

        method: "robust" (Algorithm 11) or "faster". codes, candidates: as in Trained.generate.
        temperature: of the token's distribution; the regression head has none. options: level of
        the noise that the GPT takes to lie on what it reads, and subjects (disc+cont).
        """
        if method not in METHODS:
            raise InputError(f"R3 generates by one of {', '.join(METHODS)}, not {method!r}")
        check_ways(codes, candidates)
        check_frames(frames)
        check_first_clip(first_clip, self.size)
        refuse_options(self.name, {k: v for k, v in options.items() if k not in ROLLED})
        options = {k: v for k, v in options.items() if k in ROLLED}
        roll = self.roll(len(first_clip), seed, temperature, **options)
        count = clips_for(frames, self.hop)
        drawn = {"codes": codes, "candidates": candidates, "seed": seed}
        make = self._robust if method == "robust" else self._faster
        clips = make(as_clips(first_clip, self.device), count, roll, drawn)
        return cut_to(stitched(clips, self.hop), frames)

    @torch.no_grad()
    def _robust(self, first: Tensor, count: int, roll: "Roll", drawn: dict) -> Iterator[Tensor]:
        """Algorithm 11. The last clip keeps its 16 frames; the listing gives it r."""
        yield first
        clip, dims = first, (self.r2.preset.content_dim, self.r2.preset.motion_dim)
        for number in range(1, count):
            token = roll.following(self.tokens(clip), number)
            space = Codes(*(part[:, None] for part in self.spaces(token)))
            z = space.mu_c, space.mu_m
            if drawn["codes"] == "sample":
                chance = drawn["seed"], number, drawn["candidates"], dims, len(first), self.device
                z = draw(space, *noises(*chance))
            clip = self._kept(z, clip, roll.cuts)
            yield clip

    def _kept(self, z: tuple[Tensor, Tensor], clip: Tensor, cuts: list[bool]) -> Tensor:
        """VDrej for every video behind its clip; where a new scene begins it is judged alone."""
        nets = self.r2.nets

        def kept(z: tuple[Tensor, Tensor], previous: Tensor | None) -> Tensor:
            return best(nets["generator"], z, nets["video_d"], previous, self.hop)

        if not any(cuts):
            return kept(z, clip)
        each = zip(*(part.split(1) for part in (*z, clip)), cuts, strict=True)
        return torch.cat([kept((c, m), None if cut else before) for c, m, before, cut in each])

    @torch.no_grad()
    def _faster(self, first: Tensor, count: int, roll: "Roll", drawn: dict) -> Iterator[Tensor]:
        """All tokens by themselves; their clips drawn as R2's are, several of a video in a pass."""
        yield first
        spaces, cuts, nets = [], [], self.r2.nets
        for token in self.rolled(first, count, roll):
            spaces.append(self.spaces(token))
            cuts.append(roll.cuts)

        def behind(v: int) -> Iterator[Tensor]:
            """The clips of video v behind its first one."""
            return recalled_clips(
                nets["generator"],
                (Codes(*(part[v : v + 1] for part in space)) for space in spaces),
                self.hop,
                video_d=nets["video_d"],
                previous=first[v : v + 1],
                first=1,
                video=v,
                alone=[number for number, cut in enumerate(cuts, 1) if cut[v]],
                **drawn,
            )

        for clips in zip(*map(behind, range(len(first))), strict=True):
            yield torch.cat(clips)


@dataclass
class Roll:
    """A roll-out on its way: what was read, and from what the next tokens are drawn."""

    gpt: GPT
    context: Context | Scripts
    seed: int
    temperature: float

    @torch.no_grad()
    def following(self, token: Tensor, number: int) -> Tensor:
        """Reads the tokens (V, k) of clip number - 1 and draws those of clip `number`, (V, k)."""
        h = self.context.read(token)
        noise = token_noise(self.seed, number, len(token), self.gpt.dim)
        eps, chance = (part.to(h.device) for part in noise)
        return self.gpt.draw(h, self.context.last, eps, chance, self.temperature)

    @property
    def cuts(self) -> list[bool]:
        """Whether the token that was drawn last begins a new scene, for every video."""
        return self.context.cuts
