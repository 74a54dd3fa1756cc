"""The models that are compared under one budget: each a recipe, its switches, and its steps.

The budget of `mini` is time: every list of steps below takes what R2's takes on one core, some four
minutes on two. Names end in "equal pairs" where a slower model has instead seen as many pairs as
R2 (LEncGAN: as many clips).
"""

from collections.abc import Callable
from dataclasses import dataclass

from rencgan import study
from rencgan.errors import InputError
from rencgan.presets import Preset


@dataclass(frozen=True)
class Contestant:
    """A model of the comparison. steps: single frames, motion warm-up, the rest; at `mini`."""

    name: str
    kind: str
    recipe: Callable[..., Preset]  # of a notebook's parameters
    steps: tuple[int, int, int]
    switches: tuple = ()  # see Job.changes
    ways: tuple[str, ...] = ("sample", "mean", "VDrej")  # of drawing codes

    def preset(self, p) -> Preset:
        """Its preset for the parameters of a run; shortened to the budget at `mini`."""
        whole = self.recipe(p)
        if whole.name != "mini":
            return whole
        stills, motion, rest = self.steps
        return whole.but(
            warmup=stills,
            motion_warmup=motion,
            steps=stills + motion + rest,
            crops_until=round(0.8 * stills),
        )


def _ar2_plus(**changes) -> Callable[..., Preset]:
    return lambda p: study.ar2_recipe(p, **changes)


# A state that lets half of itself go at every step remembers nothing of the clip before; the
# control gets the memory that it is the control for.
REMEMBERS = (("forget_bias", 3.0),)
FOLLOWS = ("sample", "mean")  # LEncGAN has no rejection

CONTESTANTS = {
    c.name: c
    for c in (
        Contestant("R2", "r2", study.r2_recipe, (1150, 300, 350)),
        Contestant("improved R2", "r2", study.improved_r2_recipe, (1150, 210, 265)),
        Contestant("improved R2, equal pairs", "r2", study.improved_r2_recipe, (1150, 300, 350)),
        Contestant(
            "LEncGAN", "lencgan", study.lencgan_recipe, (1000, 250, 380), REMEMBERS, FOLLOWS
        ),
        Contestant(
            "LEncGAN, equal pairs",
            "lencgan",
            study.lencgan_recipe,
            (1150, 300, 700),
            REMEMBERS,
            FOLLOWS,
        ),
        Contestant("AR2", "ar2", study.ar2_recipe, (1250, 200, 260)),
        Contestant("AR2+, noise", "ar2", _ar2_plus(recall_noise=0.5), (1250, 200, 255)),
        Contestant("AR2+, roll-outs", "ar2", _ar2_plus(rollout=2), (1250, 200, 165)),
    )
}


def contestant(name: str) -> Contestant:
    """The contestant of that name; an unknown one is refused with the list of those there are."""
    if name not in CONTESTANTS:
        raise InputError(f"there is no contestant {name!r}; choose from {'; '.join(CONTESTANTS)}")
    return CONTESTANTS[name]
