"""R3: a GPT over the codes of a whole video, drawn by a frozen R2 (thesis, Section 5.4).

Its head, and the format of its sequences, are fields of its preset.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from rencgan.core.device import sent
from rencgan.core.errors import InputError
from rencgan.data.hops import CLIP
from rencgan.models.system import Nets, Phase, Step, System, Terms, Turn
from rencgan.presets.gpt import GPTPreset
from rencgan.presets.table import GPT_PRESETS
from rencgan.r3 import tokens
from rencgan.r3.gpt import GPT
from rencgan.r3.sequences import Batch, Sequences, Vocabulary
from rencgan.r3.tokens import Coordinates
from rencgan.r3.videos import R3Model


@dataclass
class Known:
    """What training found out about the tokens: how the GPT sees one, and the symbols it knows."""

    coordinates: Coordinates
    words: Vocabulary


class Chance(NamedTuple):
    """Of a step: what noise is drawn from, and the seed of dropout."""

    noise: torch.Generator
    dropout: int


@dataclass(frozen=True)
class R3(System):
    """One player, the GPT (Eq. 5.3)."""

    kind: ClassVar[str] = "r3"
    prior: ClassVar[str | None] = "first clip"
    base: ClassVar[str] = "r2"
    sample: ClassVar[str] = "sequences"
    averaged: ClassVar[tuple[str, ...]] = ("gpt",)
    found: ClassVar[tuple[str, ...]] = ("coordinates", "classes")
    preset: ClassVar[type] = GPTPreset
    trained: ClassVar[type] = R3Model
    alone: ClassVar[str] = "its sequences are not shared"

    def title(self, p: GPTPreset) -> str:
        """ "R3, regression", and what is unusual about it."""
        extra = f", {p.format}" if p.format != "pad0" else ""
        extra += f", width {p.width}" if p.width != GPT_PRESETS.get(p.name, p).width else ""
        extra += ", noise" if p.context_noise else ""
        return f"R3, {p.head}{extra}"

    def recipe(self, base: Any = None) -> dict[str, Any]:
        return {"r2": base.digest}

    # ----------------------------------------------------------------------------------- training

    def reads(self, job: Any, known: Any = None) -> Sequences:
        """The tokens of the training videos, each cut to the preset's positions (1000 frames as
        published), in the GPT's coordinates; those of a run that goes on may not be fitted anew.
        """
        found = tokens_of(job)
        p = _fitting(job.preset, max(map(len, found.sequences)))
        seen = known.coordinates if known else Coordinates.fitted(found.sequences, p.directions)
        arrays = [seen.of(torch.from_numpy(s)).numpy() for s in found.sequences]
        return Sequences(arrays, found.subjects, found.names, p, job.seed, seen)

    def samples(self, job: Any) -> int:
        """Sequences, by the lengths of the videos: nothing is encoded. A base that is yet to be
        trained is taken to have the usual hop.
        """
        hop = job.base.hop if job.base else CLIP // 2
        places = tokens.places(job.videos(), hop, job.preset.starts)
        return sum(len(first) for _, first in places)

    def networks(self, p: GPTPreset, reader: Any = None) -> Nets:
        """reader: the Sequences of a training, or what is Known of it."""
        words = len(reader.words) if p.format == "disc+cont" else 0
        if isinstance(reader, Known):
            return {"gpt": GPT(p, reader.coordinates.dim, words)}
        return {"gpt": GPT(reader.p, reader.coordinates.dim, words, reader.statistics())}

    def optimisers(self, nets: Nets, p: GPTPreset) -> dict[str, torch.optim.Optimizer]:
        """AdamW. Weight decay is for matrices: biases, norms and positions are left alone."""
        named = list(nets["gpt"].named_parameters())
        decayed = [w for n, w in named if w.ndim > 1 and n != "position"]
        rest = [w for n, w in named if w.ndim < 2 or n == "position"]
        groups = [{"params": decayed}, {"params": rest, "weight_decay": 0.0}]
        betas = (p.beta1, p.beta2)
        return {"gpt": torch.optim.AdamW(groups, p.lr, betas, weight_decay=p.weight_decay)}

    def phase(self, step: int, p: GPTPreset) -> Phase:
        return Phase(batch=p.batch, rate=p.rate(step))

    def draws(
        self, seed: int, step: int, p: Any, phase: Phase, share: Callable, device: Any
    ) -> Chance:
        return Chance(torch.Generator().manual_seed(_seed(seed, step)), _seed(seed, step, 6))

    def turns(self, nets: Nets, s: Step) -> Iterator[Turn]:
        yield "gpt", lambda: self.loss(nets["gpt"], s)

    def loss(self, gpt: GPT, s: Step) -> Terms:
        device = s.x.codes.device
        devices = [device] if device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices), s.autocast(device):
            torch.manual_seed(s.chance.dropout)  # dropout draws from the global generator
            terms = eq_5_3(gpt, s.x, s.chance.noise)
        return {name: lambda value=value: value for name, value in terms.items()}

    def asks_subjects(self, p: GPTPreset) -> bool:
        return p.format == "disc+cont"

    # ------------------------------------------------------------------------------------- saving

    def extras(self, reader: Sequences) -> dict[str, Any]:
        """The preset as it fits the sequences, the coordinates, the classes."""
        return {
            "preset": reader.p.as_dict(),
            "coordinates": reader.coordinates.state(),
            "classes": list(reader.words.classes),
        }

    def known(self, content: Mapping[str, Any], p: GPTPreset) -> Known:
        longest = GPTPreset(**content["preset"]).longest
        words = Vocabulary(tuple(content["classes"]), longest)
        return Known(Coordinates(**content["coordinates"]), words)

    def generate(self, model: R3Model, frames: int | None = None, **options) -> Iterator[Tensor]:
        """Algorithm 11; see R3Model.from_clip."""
        if options.get("first_clip") is None:
            raise InputError("R3 goes on from first clips: give first_clip, (V, 16, H, W, 3) uint8")
        return model.from_clip(frames, **options)


def tokens_of(job: Any) -> tokens.Tokens:
    """What a job's GPT is trained on, in full: made by its base's encoder once, and kept."""
    p = job.preset
    return tokens.cached(job.base, job.videos(), job.cache, p.positions, p.starts)


def _fitting(p: GPTPreset, longest: int) -> GPTPreset:
    """The preset with no more positions than the longest training sequence takes (Section 5.4.4):
    those behind it would never be trained. Windows in the other formats fill theirs.
    """
    if p.windows and p.format != "pad0":
        return p
    most = 2 * longest + 3 if p.format == "disc+cont" else longest
    return p.but(positions=min(p.positions, most))


def eq_5_3(gpt: GPT, batch: Batch, chance: torch.Generator) -> dict[str, Tensor]:
    """Every token is predicted from those before it; padding counts nowhere.

    "code": the head's loss. "symbol" (disc+cont): cross-entropy of classes and lengths.
    """
    codes, symbols, real = batch
    read, level = _noised(gpt, codes[:, :-1], symbols, chance)
    words = None if symbols is None else symbols[:, :-1]
    h, _ = gpt(read, words, level)
    coded = real[:, 1:] if symbols is None else real[:, 1:] & (symbols[:, 1:] < 0)
    target = codes[:, 1:][coded]
    noise = _head_noise(gpt, target, chance)
    terms = {"code": gpt.loss(h[coded], read[coded], target, *noise).float().mean()}
    if symbols is not None:
        said = real[:, 1:] & (symbols[:, 1:] >= 0)
        logits = gpt.symbol_out(h[said]).float()
        terms["symbol"] = nn.functional.cross_entropy(logits, symbols[:, 1:][said])
    return terms


def _noised(
    gpt: GPT, codes: Tensor, symbols: Tensor | None, chance: torch.Generator
) -> tuple[Tensor, Tensor | None]:
    """The tokens as they are read in training: with noise of one level a sequence, drawn up to the
    largest, in units of the deviation of what a token is expected to change by.
    """
    if not gpt.context_noise:
        return codes, None
    level = gpt.context_noise * sent(torch.rand(len(codes), generator=chance), codes.device)
    eps = sent(torch.randn(codes.shape, generator=chance), codes.device)
    noise = level[:, None, None] * gpt.spread * eps
    if symbols is not None:
        noise = noise * (symbols[:, : codes.shape[1], None] < 0)
    return codes + noise, level


def _head_noise(gpt: GPT, target: Tensor, chance: torch.Generator) -> tuple[Tensor, ...]:
    if not gpt.head.noisy:
        return ()
    eps = torch.randn(target.shape, generator=chance)
    t = torch.rand(target.shape[:-1], generator=chance)
    return sent(eps, target.device), sent(t, target.device)


def _seed(seed: int, step: int, stream: int = 3) -> int:
    """One number of all three, for a torch generator."""
    return int(np.random.SeedSequence([seed, stream, step]).generate_state(1, np.uint64)[0] >> 1)
