"""How well a GPT foresees the next token of videos that it has not seen, the true ones before it
being read (no roll-out).

Distances are lengths of vectors in the GPT's coordinates, which keep those of the tokens. The
energy score E|x - y| - E|x - x'| / 2 is of x, x' drawn and y true: it is least for the true
distribution, and for a head with one answer it is the distance to it, so that all heads can be
compared by it (Gneiting and Raftery 2007).
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from rencgan.core.errors import InputError
from rencgan.data.hops import CLIP
from rencgan.r3.rollout import token_noise
from rencgan.r3.tokens import encode
from rencgan.r3.videos import R3Model

DRAWS = 32


@torch.no_grad()
def foresight(r3: R3Model, videos: Sequence[np.ndarray], seed: int = 0) -> dict[str, float | int]:
    """Means over all tokens of videos (T, H, W, 3) uint8 but each one's first; more tokens than the
    GPT has positions are cut off.

    error        distance of the mean of the draws to the true token; 32 of them, by whose chance it
                 is up to 1.5 % too large for heads that draw
    last kept    distance of the token before, as if nothing moved
    energy       the energy score of the draws
    likelihood   nats a number of the token (mixture only)
    """
    if r3.preset.format == "disc+cont":
        raise InputError("foresight is measured on plain sequences: disc+cont knows classes")
    found: dict[str, list[Tensor]] = {}
    for i, video in enumerate(videos):
        if len(video) < CLIP + r3.hop:
            continue
        tokens = torch.from_numpy(encode(r3.r2, video)[: r3.gpt.positions]).to(r3.device)
        for name, value in _of_one(r3, r3.coordinates.of(tokens), seed, i).items():
            found.setdefault(name, []).append(value)
    if not found:
        raise InputError(f"no video has the {CLIP + r3.hop} frames that two tokens take")
    means = {name: float(torch.cat(values).mean()) for name, values in found.items()}
    return means | {"tokens": sum(map(len, found["error"]))}


def _of_one(r3: R3Model, x: Tensor, seed: int, number: int) -> dict[str, Tensor]:
    """x: (n, k). Values for the n - 1 tokens behind the first."""
    before, y = x[None, :-1], x[1:]
    h, _ = r3.gpt(before)
    eps, chance = token_noise(seed, number, DRAWS * len(y), r3.gpt.dim)
    eps = eps.unflatten(0, (DRAWS, len(y))).to(x.device)
    chance = chance.unflatten(0, (DRAWS, len(y))).to(x.device)
    alike = (DRAWS, *before.shape[1:])
    drawn = r3.gpt.draw(h.expand(DRAWS, -1, -1), before.expand(alike), eps, chance)
    pairs = (drawn[: DRAWS // 2] - drawn[DRAWS // 2 :]).norm(dim=-1).mean(0)
    found = {
        "error": (drawn.mean(0) - y).norm(dim=-1),
        "last kept": (before[0] - y).norm(dim=-1),
        "energy": (drawn - y).norm(dim=-1).mean(0) - pairs / 2,
    }
    if r3.preset.head == "mixture":
        found["likelihood"] = r3.gpt.log_prob(h, before, y[None])[0] / r3.gpt.dim
    return found
