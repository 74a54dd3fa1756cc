"""The models that are compared under one budget: each a recipe and its switches.

The budget is time: at `mini` the slower models follow R2's schedule with every part shortened by
the same share, so that they take as long (presets.MODELS, SHARES). With "equal pairs" they follow
it whole, see as many pairs as R2 (LEncGAN: as many clips) and take longer. Improved R2 differs from
R2 in its streams alone, so the plain name is that of equal pairs, and "equal time" is the other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from rencgan import study
from rencgan.errors import InputError
from rencgan.presets import SHARES, Preset, scheduled


@dataclass(frozen=True)
class Contestant:
    """A model of the comparison."""

    name: str
    kind: str
    preset: Callable[..., Preset]  # of a notebook's parameters
    switches: tuple = ()  # see Job.changes; none: those of the kind (study.switches)
    ways: tuple[str, ...] = ("sample", "mean", "VDrej")  # of drawing codes


def _at(recipe: Callable[..., Preset], share: float, p, clips: int = 1) -> Preset:
    """A recipe with a share of R2's schedule, `clips` times the steps after the warm-ups. Presets
    without schedules of their own have no such pairs of budgets.
    """
    if p.preset != "mini":
        raise InputError(
            f"budgets of equal time and equal pairs are known at mini, not at {p.preset}"
        )
    return recipe(p).but(**scheduled(share, clips))


def _rolled(p) -> Preset:
    changes = scheduled(SHARES["roll-outs"]) if p.preset == "mini" else {}
    return study.ar2_recipe(p, rollout=2, **changes)


FOLLOWS = ("sample", "mean")  # LEncGAN has no rejection
IMPROVED = partial(_at, study.improved_r2_recipe, SHARES["improved r2"])
REMEMBERS = partial(_at, study.lencgan_recipe, 1.0, clips=2)
PREDICTS = partial(_at, study.ar2_recipe, 1.0)

CONTESTANTS = {
    c.name: c
    for c in (
        Contestant("R2", "r2", study.r2_recipe),
        Contestant("improved R2", "r2", study.improved_r2_recipe),
        Contestant("improved R2, equal time", "r2", IMPROVED),
        Contestant("LEncGAN", "lencgan", study.lencgan_recipe, ways=FOLLOWS),
        Contestant("LEncGAN, equal pairs", "lencgan", REMEMBERS, ways=FOLLOWS),
        Contestant("AR2", "ar2", study.ar2_recipe),
        Contestant("AR2, equal pairs", "ar2", PREDICTS),
        Contestant("AR2+, noise", "ar2", partial(study.ar2_recipe, recall_noise=0.5)),
        Contestant("AR2+, roll-outs", "ar2", _rolled),
    )
}


def contestant(name: str) -> Contestant:
    """The contestant of that name; an unknown one is refused with the list of those there are."""
    if name not in CONTESTANTS:
        raise InputError(f"there is no contestant {name!r}; choose from {'; '.join(CONTESTANTS)}")
    return CONTESTANTS[name]
