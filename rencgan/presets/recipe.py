"""What all presets share: frozen numbers that refuse the impossible and can be told apart."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from itertools import chain
from typing import Any, ClassVar, Self

from rencgan.core.errors import InputError


@dataclass(frozen=True)
class Recipe:
    """A dataclass of plain values: every field has a default, which also says its type.

    added: fields that came after the first results, at the value that stands for what was before.
    """

    added: ClassVar[dict[str, Any]] = {}

    def __post_init__(self):
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, list):  # as JSON and checkpoints hold tuples
                object.__setattr__(self, f.name, tuple(value))
        for problem in chain(self._wrong_types(), self._problems()):
            raise InputError(f"preset {self.name!r}: {problem}")

    def _problems(self) -> Iterator[str]:
        """What is impossible about it, in words."""
        return iter(())

    def _wrong_types(self):
        """A number as text, as hand-written JSON has it, would be taken and fail much later."""
        words = {bool: "True or False", int: "a whole number", float: "a number", str: "a text"}
        for f in fields(self):
            right, value = type(f.default), getattr(self, f.name)
            if right is tuple:
                if not isinstance(value, tuple) or not all(type(v) is int for v in value):
                    yield f"{f.name} must be whole numbers in brackets, not {value!r}"
            elif type(value) is not right and not (right is float and type(value) is int):
                yield f"{f.name} must be {words[right]}, not {value!r}"

    def but(self, **changes) -> Self:
        """This preset with other values; an unknown field is refused by name."""
        unknown = set(changes) - {f.name for f in fields(self)}
        if unknown:
            raise InputError(f"a preset has no field {', '.join(sorted(unknown))}")
        return replace(self, **changes)

    def in_steps(self, samples: int) -> Self:
        """With the steps that its epochs come to, where it counts epochs of so many samples; a last
        batch that is not full goes on with the next epoch.
        """
        steps = math.ceil(getattr(self, "epochs", 0) * samples / self.batch)
        return self.but(steps=max(1, steps)) if steps else self

    def as_dict(self) -> dict:
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    def identity(self) -> dict:
        """The same for keys: without fields that came later and stand for what was before, so that
        they make no old result a stranger.
        """
        return {k: v for k, v in self.as_dict().items() if self.added.get(k, ...) != v}

    def departures(self, base: Self) -> dict[str, tuple]:
        """Fields in which this preset differs from `base`, as {field: (base's value, ours)}."""
        return {
            f.name: (getattr(base, f.name), getattr(self, f.name))
            for f in fields(self)
            if f.name not in ("name", "why") and getattr(base, f.name) != getattr(self, f.name)
        }
