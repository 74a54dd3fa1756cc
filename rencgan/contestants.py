"""The models that are compared under one budget: each a recipe and its switches.

The budget is time: at `mini` every model's own steps take what R2's take (presets.MODELS). But
improved R2 differs from R2 in its streams alone, so it sees as many pairs and takes longer; with
"equal time" it sees fewer. LEncGAN with "equal pairs" sees as many clips as R2, and takes longer.
"""

from collections.abc import Callable
from dataclasses import dataclass

from rencgan import study
from rencgan.errors import InputError
from rencgan.presets import Preset, changes_for


@dataclass(frozen=True)
class Contestant:
    """A model of the comparison."""

    name: str
    kind: str
    preset: Callable[..., Preset]  # of a notebook's parameters
    switches: tuple = ()  # see Job.changes; none: those of the kind (study.switches)
    ways: tuple[str, ...] = ("sample", "mean", "VDrej")  # of drawing codes


ROLLED = 0.63  # of AR2's steps after the warm-ups: as many roll-outs of 2 clips take the same time


def _noisy(p) -> Preset:
    return study.ar2_recipe(p, recall_noise=0.5)


def _rolled(p) -> Preset:
    found = study.ar2_recipe(p, rollout=2)
    if p.preset != "mini":
        return found
    warm = found.warmup + found.motion_warmup
    return found.but(steps=warm + round(ROLLED * (found.steps - warm)))


def _improved_in_equal_time(p) -> Preset:
    found = study.improved_r2_recipe(p)
    return found.but(**changes_for("improved r2, equal time", p.preset))


def _lencgan_of_equal_pairs(p) -> Preset:
    """R2's warm-ups, then a clip a step where R2 takes the two of a pair."""
    found = changes_for("r2", p.preset)
    if found:
        warm = found["warmup"] + found["motion_warmup"]
        found["steps"] = warm + 2 * (found["steps"] - warm)
    return study.lencgan_recipe(p).but(**found)


FOLLOWS = ("sample", "mean")  # LEncGAN has no rejection

CONTESTANTS = {
    c.name: c
    for c in (
        Contestant("R2", "r2", study.r2_recipe),
        Contestant("improved R2", "r2", study.improved_r2_recipe),
        Contestant("improved R2, equal time", "r2", _improved_in_equal_time),
        Contestant("LEncGAN", "lencgan", study.lencgan_recipe, ways=FOLLOWS),
        Contestant("LEncGAN, equal pairs", "lencgan", _lencgan_of_equal_pairs, ways=FOLLOWS),
        Contestant("AR2", "ar2", study.ar2_recipe),
        Contestant("AR2+, noise", "ar2", _noisy),
        Contestant("AR2+, roll-outs", "ar2", _rolled),
    )
}


def contestant(name: str) -> Contestant:
    """The contestant of that name; an unknown one is refused with the list of those there are."""
    if name not in CONTESTANTS:
        raise InputError(f"there is no contestant {name!r}; choose from {'; '.join(CONTESTANTS)}")
    return CONTESTANTS[name]
