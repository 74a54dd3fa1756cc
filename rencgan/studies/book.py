"""studies.toml, read: its blocks, and one sentence for what is wrong in one of them."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from rencgan.core.errors import InputError

FILE = Path(__file__).with_name("studies.toml")
STRICT = ConfigDict(extra="forbid", arbitrary_types_allowed=True)  # of the classes that it fills
Built = TypeVar("Built")


@cache
def book() -> dict[str, Any]:
    """Its tables: compared, ablation, study, why_not, claim."""
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def built(model: type[Built], name: str, block: dict[str, Any]) -> Built:
    """A block as an object of a class that checks its fields; raises InputError, in a sentence."""
    try:
        return TypeAdapter(model).validate_python(block | {"name": name})
    except ValidationError as error:
        wrong = error.errors()[0]
        place = ".".join(str(part) for part in (name, *wrong["loc"]))
        told = f", not {wrong['input']!r}" if wrong["loc"] else ""
        raise InputError(f"{FILE.name}, {place}: {wrong['msg']}{told}") from None
