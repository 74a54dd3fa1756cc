"""What a run is asked for: every parameter, its range, and one sentence for what is wrong."""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import torch
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from rencgan.core.errors import InputError, close
from rencgan.core.files import project_root, resolve
from rencgan.data.sets import DATASETS, ROOT
from rencgan.presets.table import PRESETS, ROWS
from rencgan.studies.unseen import FRESH, UNSEEN

PUBLISHED_AT = "hour"  # the preset of the weights that come with the project (studies.weights)


def as_text(given: Any) -> Any:
    """What papermill, YAML and Snakemake made of a text that looks like a number, a truth value, a
    date or nothing, as text again.
    """
    if given is None:
        return ""
    return str(given) if isinstance(given, bool | int | float | date) else given


def as_path(given: Any) -> Any:
    """The same of a path: 007 arrives as 7 and 1e5 as 100000.0, so of the names in the project's
    root that one is taken which reads so; else the number as it is written.
    """
    if isinstance(given, str) or (text := as_text(given)) in ("", *os.listdir(project_root())):
        return as_text(given)
    return next((name for name in sorted(os.listdir(project_root())) if _reads(name, given)), text)


def _reads(name: str, given: Any) -> bool:
    for kind in (int, float, partial(int, base=8), {"true": True, "false": False}.get):
        with suppress(ValueError):
            if type(found := kind(name)) is type(given) and found == given:
                return True
    return False


Text = Annotated[str, BeforeValidator(as_text)]
Place = Annotated[str, BeforeValidator(as_path)]  # of a file or folder


class Run(BaseModel):
    """What every run is asked. Strict: a number written as a string is refused. A string written as
    a number is not, since a shell's quotes do not reach papermill.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True)
    presets: ClassVar[tuple[str, ...]] = tuple(PRESETS)

    dataset: Text = "sky"
    source: Literal["auto", "real", "procedural"] = "auto"
    data_root: Place = ""
    preset: Text = "auto"  # `64` where CUDA is, else `mini`
    seed: int = Field(0, ge=0, le=2**31 - 1)
    out_root: Place = Field("runs", min_length=1)

    @field_validator("dataset")
    @classmethod
    def _known_dataset(cls, name: str) -> str:
        return _choice(name, DATASETS)

    @field_validator("preset")
    @classmethod
    def _known_preset(cls, name: str) -> str:
        if name == "auto":
            return "64" if torch.cuda.is_available() else "mini"
        return _choice(name, ["auto", *cls.presets])

    @field_validator("seed")
    @classmethod
    def _unseen_stay_unseen(cls, seed: int) -> int:
        if seed in (UNSEEN, FRESH):
            raise ValueError("is that of the videos that no run may see; take another seed")
        return seed

    @model_validator(mode="after")
    def _folder_has_a_root(self) -> "Run":
        if self.dataset == "folder" and not self.data_root:
            raise ValueError(f"dataset 'folder' needs {ROOT}, the folder that holds your videos")
        if self.dataset == "folder" and self.source == "procedural":
            raise ValueError(
                "dataset 'folder' has no procedural stand-in; use source 'real' or another data set"
            )
        return self

    @property
    def out_dir(self) -> Path:
        """<out_root>/<preset>/<dataset>: what this run leaves."""
        return resolve(self.out_root) / self.preset / self.dataset

    @property
    def cache_root(self) -> Path:
        """<out_root>/cache: prepared frames, shared by all presets and notebooks."""
        return resolve(self.out_root) / "cache"

    @property
    def data_path(self) -> Path | None:
        """The folder of videos that was named, or None when none was."""
        return resolve(self.data_root) if self.data_root else None


class Setting(Run):
    """A run of a study: a preset and a seed on a data set."""

    hop: int = Field(8, ge=1, le=15)  # r, frames from one clip to the next
    schedule: Literal["published", "short"] = "short"  # one budget for all; or as the papers train


class Training(Setting):
    """A run of one system, which may have presets that others do not have."""

    presets: ClassVar[tuple[str, ...]] = tuple(dict.fromkeys([*PRESETS, *chain(*ROWS.values())]))


SomeRun = TypeVar("SomeRun", bound=Run)


def checked(given: Mapping[str, Any], model: type[SomeRun] = Setting) -> SomeRun:
    """The parameters of a run. Raises InputError, in one sentence, for a value of the wrong type or
    out of range.
    """
    try:
        return model(**given)
    except ValidationError as error:
        raise InputError("; ".join(_sentence(e, model) for e in error.errors()) + ".") from None


def _choice(name: str, known: Iterable[str]) -> str:
    if name not in known:
        raise ValueError(f"should be one of {', '.join(known)}{close(name, known)}")
    return name


def _sentence(error: Mapping[str, Any], model: type[Run]) -> str:
    """One of pydantic's errors as: parameter = value, and what would be right."""
    if not error["loc"]:  # about several parameters at once: the reason names them
        return str(error["ctx"]["error"])
    name, given = error["loc"][0], error["input"]
    if error["type"] == "value_error":
        return f"{name} = {given!r} {error['ctx']['error']}"
    schema = model.model_json_schema()["properties"][name]
    guess = close(str(given), schema["enum"]) if error["type"] == "literal_error" else ""
    return f"{name} = {given!r} should be {_right(schema)}{guess}"


def _right(schema: Mapping[str, Any]) -> str:
    """In words, what a parameter may be: 'a whole number from 1 to 15, without quotes'."""
    if "enum" in schema:
        return "one of " + ", ".join(schema["enum"])
    if schema["type"] == "string":
        return "a text that is not empty" if schema.get("minLength") else "a text"
    if schema["type"] == "boolean":
        return "True or False, without quotes"
    low, high = schema.get("minimum"), schema.get("maximum")
    span = f" from {low:g}" + (f" to {high:g}" if high is not None else " up")
    kind = "a whole number" if schema["type"] == "integer" else "a number"
    return f"{kind}{span if low is not None else ''}, without quotes"
