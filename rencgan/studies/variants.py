"""The models that are compared, as studies.toml has them: each another one, or a kind of model, and
a difference. COMPARED holds those of the main comparison, ABLATIONS the others.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import field, fields, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from rencgan.core.errors import InputError
from rencgan.models.system import System
from rencgan.presets.gpt import GPTPreset
from rencgan.presets.preset import Preset
from rencgan.presets.table import ALWAYS, PRESETS, ROWS, SHARES, for_mini
from rencgan.studies import recipes

FILE = Path(__file__).with_name("studies.toml")
BOOK: dict[str, Any] = tomllib.loads(FILE.read_text(encoding="utf-8"))
STRICT = ConfigDict(extra="forbid", arbitrary_types_allowed=True)  # of the classes that it fills
Built = TypeVar("Built")

# Of R3: its method, and how codes are drawn from a predicted latent space.
PREDICTED = tuple(f"{m} {c}" for m in ("robust", "faster") for c in ("sample", "mean", "VDrej"))
CLIP_WAYS = ("noise", "encoded")  # codes from N(0, I), or those of training clips
EX_POST = ("ex-post sample", "ex-post mean")  # of AR2, whose first codes are as clips have them
WAYS = ("sample", "mean", "VDrej", *EX_POST, *CLIP_WAYS, *PREDICTED)


def built(model: type[Built], name: str, block: Mapping) -> Built:
    """A block as an object of a class that checks its fields; raises InputError, in a sentence."""
    try:
        return TypeAdapter(model).validate_python({**block, "name": name})
    except ValidationError as error:
        wrong = error.errors()[0]
        place = ".".join(str(part) for part in (name, *wrong["loc"]))
        told = f", not {wrong['input']!r}" if wrong["loc"] else ""
        raise InputError(f"{FILE.name}, {place}: {wrong['msg']}{told}") from None


@dataclass(frozen=True, config=STRICT)
class Schedule:
    """A share of R2's schedule at `mini`, a number or one of table.SHARES; `clips` times the
    steps after the warm-ups. Other presets have no such budgets: refused there, or left alone.
    """

    share: float | Literal[tuple(SHARES)]
    clips: int = 1
    elsewhere: bool = False

    def fields(self, preset: str) -> dict[str, Any]:
        if preset == "mini":
            return for_mini(SHARES.get(self.share, self.share), self.clips)
        if not self.elsewhere:
            raise InputError(
                f"budgets of equal time and equal pairs are known at mini, not at {preset}"
            )
        return {}


@dataclass(frozen=True, config=STRICT)
class Contestant:
    """A model of the comparison. Its preset is the recipe of its kind, but for some fields."""

    name: str
    kind: str
    recipe: str = ""  # of another kind than its own
    but: dict[str, Any] = field(default_factory=dict)  # fields of the preset
    at_mini: dict[str, Any] = field(default_factory=dict)  # the same at `mini` alone
    schedule: Schedule | None = None
    scale: dict[str, float] = field(default_factory=dict)  # factors of fields, then least values
    least: dict[str, Any] = field(default_factory=dict)
    switches: dict[str, Any] = field(default_factory=dict)  # beside the kind's own
    variant: str = ""  # of its loss: a row of the system's `variants`
    base: str = ""  # r3: the contestant whose codes it is trained on
    sampling: Literal["step", "uniform"] = "step"  # EncGAN3: how clips are chosen (ClipSampler)
    step: int = 1  # of the frames that are trained on and made, one of so many (Table 4.8)
    ways: tuple[Literal[WAYS], ...] = ("sample", "mean", "VDrej")  # of drawing codes
    usual: tuple[Literal[WAYS], ...] = ("sample", "mean")  # made unless others are asked for
    lengths: tuple[int, ...] = (16, 128)  # of the videos that are scored
    fourth: bool = False  # every fourth frame of them too, at 16 and 32 frames
    long: bool = True  # whether some are made on to 1000 frames

    def __post_init__(self):
        if wrong := {self.kind, self.recipe} - {"", *ALWAYS}:
            raise ValueError(f"a kind is one of {', '.join(ALWAYS)}, not {wrong.pop()!r}")
        kind = recipes.kind_of(self.kind)
        known = {f.name for f in fields(kind.preset)}
        if wrong := {*self.but, *self.at_mini, *self.scale, *self.least} - known:
            raise ValueError(f"a preset has no field {', '.join(sorted(wrong))}")
        if wrong := set(self.switches) - {f.name for f in fields(kind)}:
            raise ValueError(f"{self.kind} has no switch {', '.join(sorted(wrong))}")
        if wrong := set(self.usual) - set(self.ways):
            raise ValueError(f"usual ways are some of its ways, not {', '.join(sorted(wrong))}")

    def known_at(self, preset: str) -> bool:
        """Whether a preset has a row for its kind, and its budget."""
        budget = self.schedule is None or preset == "mini" or self.schedule.elsewhere
        return budget and preset in ROWS.get(self.recipe or self.kind, PRESETS)

    def preset(self, p) -> Preset | GPTPreset:
        """What it is trained by in a run (studies.setting). Raises InputError for a row or a budget
        that the run's preset does not have.
        """
        kind = self.recipe or self.kind
        whole = recipes.recipe(p, kind)
        changes = self.but | (self.at_mini if p.preset == "mini" else {})
        changes |= self.schedule.fields(p.preset) if self.schedule else {}
        whole = whole.but(**changes)
        heads = getattr(whole, "heads", 1) * self.scale.get("width", 1.0)
        if heads >= 1 and abs(heads - round(heads)) < 1e-3 and "width" in self.scale:
            whole = whole.but(heads=round(heads))  # of as many numbers each as before
        units = {"width": getattr(whole, "heads", 1)}  # of a token: each head has as many numbers
        scaled = {n: _times(getattr(whole, n), f, units.get(n, 1)) for n, f in self.scale.items()}
        least = {n: max(bound, getattr(whole, n)) for n, bound in self.least.items()}
        return whole.but(**scaled | least)

    def system(self, p) -> System:
        """The system that is trained, with its switches: those of the run's preset and its own."""
        own = self.switches | ({"sampling": self.sampling} if self.sampling != "step" else {})
        return replace(recipes.system(p, self.kind, self.variant), **own)


def _times(value: float, factor: float, unit: int) -> float:
    """Whole numbers stay whole: as many units, at least one."""
    whole = isinstance(value, int)
    return unit * max(1, round(value * factor / unit)) if whole else value * factor


def read(blocks: Mapping[str, dict]) -> dict[str, Contestant]:
    """The contestants of blocks by name, each what it comes `from` (one above it) and its own
    difference. Raises InputError for one that names no such contestant, or says what none can.
    """
    whole: dict[str, dict] = {}
    for name, block in blocks.items():
        own = dict(block)
        start = own.pop("from", None)
        if start not in (None, *whole):
            raise InputError(f"{name!r} comes from {start!r}, which is no contestant above it")
        base = whole.get(start, {})
        own = {k: base.get(k, {}) | v if isinstance(v, dict) else v for k, v in own.items()}
        whole[name] = base | own
    made = {name: built(Contestant, name, block) for name, block in whole.items()}
    for c in made.values():
        if bool(recipes.kind_of(c.kind).base) != bool(c.base) or c.base not in ("", *made):
            raise InputError(f"{c.name!r} has a base, a contestant, where its kind has one")
    return made


CONTESTANTS = read(BOOK["compared"] | BOOK["ablation"])
COMPARED, ABLATIONS = (
    {name: CONTESTANTS[name] for name in BOOK[kind]} for kind in ("compared", "ablation")
)


def contestant(name: str) -> Contestant:
    """The contestant of that name; an unknown one is refused with the list of those there are."""
    if name not in CONTESTANTS:
        raise InputError(f"there is no contestant {name!r}; choose from {'; '.join(CONTESTANTS)}")
    return CONTESTANTS[name]
