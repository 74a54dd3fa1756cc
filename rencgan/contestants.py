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
from rencgan.gpt_presets import GPTPreset, gpt_preset
from rencgan.presets import SHARES, Preset, scheduled


@dataclass(frozen=True)
class Contestant:
    """A model of the comparison."""

    name: str
    kind: str
    preset: Callable[..., Preset | GPTPreset]  # of a notebook's parameters
    switches: tuple = ()  # see Job.changes; none: those of the kind (study.switches)
    ways: tuple[str, ...] = ("sample", "mean", "VDrej")  # of drawing codes
    usual: tuple[str, ...] = ("sample", "mean")  # those that are made unless others are asked for
    base: str = ""  # r3: the contestant whose codes it is trained on


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


def _gpt(p, **changes) -> GPTPreset:
    return gpt_preset(p.preset).but(**changes)


def _r3(name: str, **changes) -> Contestant:
    """An R3 over the codes of improved R2."""
    usual = ("robust sample", "faster sample")
    return Contestant(name, "r3", partial(_gpt, **changes), (), PREDICTED, usual, "improved R2")


# Of R3: its method, and how codes are drawn from a predicted latent space.
PREDICTED = tuple(f"{m} {c}" for m in ("robust", "faster") for c in ("sample", "mean", "VDrej"))
WAYS = ("sample", "mean", "VDrej", *PREDICTED)
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
        _r3("R3, regression"),
        _r3("R3, mixture", head="mixture"),
        _r3("R3, flow", head="flow"),
        _r3("R3, regression, padzs", format="padzs"),
        _r3("R3, regression, disc+cont", format="disc+cont"),
        _r3("R3, mixture, noise", head="mixture", context_noise=0.5),
    )
}


def contestant(name: str) -> Contestant:
    """The contestant of that name; an unknown one is refused with the list of those there are."""
    if name not in CONTESTANTS:
        raise InputError(f"there is no contestant {name!r}; choose from {'; '.join(CONTESTANTS)}")
    return CONTESTANTS[name]
