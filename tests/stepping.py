"""Systems a step at a time: what several test files ask of networks in training."""

from collections.abc import Callable

import numpy as np
import torch
from conftest import moving_videos

from rencgan.data.pixels import as_clips
from rencgan.models.draws import Draws
from rencgan.models.system import Step
from rencgan.presets.table import SMOKE
from rencgan.training.players import Players
from rencgan.training.processes import Group

ALONE = Group()
# Smoke without warm-ups and without our own terms: the losses of the thesis, from the first step.
PLAIN = SMOKE.but(warmup=0, motion_warmup=0, smallest_crop=1.0, rise=0.0, largest_gradient=0.0)
PLAIN = PLAIN.but(w_direction=0.0, w_still=0.0, w_amount=0.0, w_overlap=0.0, w_junction=0.0)


def batch_of(frames: int, count: int = 2) -> torch.Tensor:
    return as_clips(np.stack([v[:frames] for v in moving_videos(count)]))


def weights(network) -> torch.Tensor:
    return torch.cat([w.detach().flatten() for w in network.parameters()])


class Walk:
    """What LEncGAN asks its reader: which rows of a batch are at the first clip of a video."""

    def __init__(self, *begins: bool):
        self.begun = begins

    def begins(self, step: int, batch: int, rows: slice) -> torch.Tensor:
        return torch.tensor(self.begun or [True] * batch)


def given(m: Players, x: torch.Tensor, number: int = 5, chance=None, reader=None) -> Step:
    """A step as the engine would give it to the turns of a system, in the phase that m is in."""
    if chance is None:
        chance = m.system.draws(0, number, m.p, m.phase, ALONE.rows, "cpu")
    rows = slice(0, len(x))
    return Step(number, m.p, m.phase, x, chance, reader or Walk(), rows, m.memory)


def begun(system, p, number: int = 5, seed: int = 0) -> Players:
    """Players at the beginning of a step."""
    m = Players(system, p, seed)
    m.begin(number, ALONE)
    return m


def stepped(m: Players, x: torch.Tensor, number: int = 5, **options) -> dict[str, torch.Tensor]:
    """One step; its loss terms."""
    m.begin(number, ALONE)
    return m.play(given(m, x, number, **options), ALONE)


def losses_of(m: Players, s: Step) -> dict[tuple[str, ...] | str, Callable]:
    """The losses of all turns of a step, by who would move, while nobody does."""
    return dict(m.system.turns(m.nets, s))


def draws_of(m: Players, number: int = 5) -> Draws:
    return m.system.draws(0, number, m.p, m.phase, ALONE.rows, "cpu")[0]


def assert_same(a, b) -> None:
    """Nested dicts and lists of tensors and values, equal to the bit."""
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, list | tuple):
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    else:
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b
