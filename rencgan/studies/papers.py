"""The result tables of the papers that this study follows, with their source; they lie as text in
the folder `printed` beside this file.

    find(method="R2", metric="FVD", data="Taichi", frames=128, paper="thesis", number="4.5")

gives [Cell(value=145.9, ...)], to be printed beside ours. Every number is as its paper prints it;
what looks like a misprint stays as it is and is named in the table's `note`. Methods, data sets
and metrics have one name each in all papers: REncGAN and REncGAN3 are "R2", Sky-Timelapse is
"Sky", the thesis' FID is "video FID", its Taichi the subset of 31 videos of Table 4.1. Methods go
down the rows, whichever way a paper prints its table. Figures are not here: they name no numbers.

A file has the tables of one paper, which are separated by empty lines. In each:

    number | title
    for all: what is the same in every row; also the metric of columns that name none
    keys of a row | columns, as `metric [unit] @data :frames`
    rows
    # note
"""

import functools
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rencgan.core.errors import InputError

FOLDER = Path(__file__).parent / "printed"
INDEX = tomllib.loads((FOLDER / "index.toml").read_text(encoding="utf-8"))
PAPERS: dict[str, str] = INDEX["papers"]
ALIASES: dict[str, str] = INDEX["aliases"]  # other names that `find` takes


@dataclass(frozen=True)
class Column:
    """What one column of a table measures; data and frames where they differ between columns."""

    metric: str
    unit: str = ""
    data: str = ""
    frames: int | None = None

    @property
    def title(self) -> str:
        """As a table of our own has it: "Sky FVD 16f (unit)"."""
        frames, unit = self.frames and f"{self.frames}f", self.unit and f"({self.unit})"
        return " ".join(filter(None, (self.data, self.metric, frames, unit)))


@dataclass(frozen=True)
class Row:
    """One method (and, where needed, data set or setting) with a number for every column."""

    method: str
    setting: str  # which variant, where a table has several
    data: str
    frames: int | None  # of the videos scored, trained on or generated
    resolution: int | None  # side of the frames, pixels
    printed: tuple[str, ...]  # the numbers with the digits of the paper; "-" where there is none


@dataclass(frozen=True)
class Cell:
    """One published number, with everything needed to say what it is."""

    value: float
    metric: str
    unit: str
    method: str
    setting: str
    data: str
    resolution: int | None
    frames: int | None
    paper: str
    number: str  # of the table
    printed: str


@dataclass(frozen=True)
class Table:
    """One table of one paper; `number` is as printed ("5.10"), or names a section of running
    text. printed/index.toml explains the metrics of its columns.
    """

    paper: str
    number: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    note: str = ""

    @property
    def source(self) -> str:
        """The paper and the place in it."""
        place = self.number if self.number.startswith("section") else f"Table {self.number}"
        return f"{PAPERS[self.paper]}, {place}"

    @functools.cached_property
    def cells(self) -> tuple[Cell, ...]:
        """Every number that is there, row by row."""
        return tuple(
            Cell(
                float(printed.replace(",", "")),
                *(column.metric, column.unit, row.method, row.setting, column.data or row.data),
                *(row.resolution, column.frames or row.frames, self.paper, self.number, printed),
            )
            for row in self.rows
            for column, printed in zip(self.columns, row.printed, strict=True)
            if printed != "-"
        )


def table(paper: str, number: str | int) -> Table:
    """One table. Raises InputError that lists what there is."""
    name = {p.casefold(): p for p in PAPERS}.get(str(paper).casefold())
    if name is None:
        raise InputError(f"there is no paper {paper!r}; choose one of {', '.join(PAPERS)}")
    if isinstance(number, float):
        raise InputError("the number of a table is text, as '5.10': as a number it would be 5.1")
    there = {t.number: t for t in tables() if t.paper == name}
    if str(number) not in there:
        raise InputError(
            f"of {name} there is no table {str(number)!r}; choose one of {', '.join(there)}"
        )
    return there[str(number)]


@functools.cache
def tables() -> tuple[Table, ...]:
    """All tables, paper by paper."""
    return tuple(t for paper in PAPERS for t in _read(paper))


def find(**wanted: str | int | None) -> list[Cell]:
    """The published numbers that fit everything that is given; [] where nothing fits it all.

    wanted: metric, data, method, resolution, frames, setting, paper, number (of a table). Case does
    not matter. A value that no cell has is refused with a list of those that there are.
    """
    every = found = [cell for t in tables() for cell in t.cells]
    for name, value in wanted.items():
        if value is not None:
            there = dict.fromkeys(getattr(cell, name) for cell in every)
            known = _known(name, value, [v for v in there if v is not None])
            found = [cell for cell in found if getattr(cell, name) == known]
    return found


def _known(name: str, value: str | int, there: list) -> str | int:
    """The value as cells have it. Raises InputError that lists the values of the field."""
    if isinstance(value, str):
        folded = ALIASES.get(value.casefold(), value).casefold()
        value = next((v for v in there if isinstance(v, str) and v.casefold() == folded), value)
    if value not in there:
        there = sorted(there) if name in ("resolution", "frames") else filter(None, there)
        listed = ", ".join(map(str, there))
        raise InputError(f"no published number has the {name} {value!r}; choose one of {listed}")
    return value


# ---------------------------------------------------------------------------------- reading tables

_KEYS = ("method", "setting", "data", "frames", "resolution")
_HEAD = re.compile(r"([^\[@:]*?) *(?:\[(.+?)\])? *(?:@(\S+))? *(?::(\d+))?")


def _read(paper: str) -> Iterator[Table]:
    """The tables of a paper's file, whose form this module's docstring tells."""
    for block in (FOLDER / f"{paper}.txt").read_text(encoding="utf-8").strip().split("\n\n"):
        note = " ".join(s[2:] for s in block.splitlines() if s.startswith("# "))
        (number, title), *lines = (_split(s) for s in block.splitlines() if not s.startswith("# "))
        same = dict.fromkeys(_KEYS, "")
        if lines[0][0].startswith("for all: "):
            pairs = lines.pop(0)[0].removeprefix("for all: ").split("; ")
            same |= dict(pair.split(" ", 1) for pair in pairs)
        head, *body = lines
        keys = [name for name in head if name in _KEYS]
        columns = []
        for name in head[len(keys) :]:
            metric, unit, data, frames = _HEAD.fullmatch(name).groups("")
            columns.append(Column(metric or same["metric"], unit, data, _number(frames)))
        rows = []
        for line in body:
            named = same | dict(zip(keys, line, strict=False))
            sizes = (_number(named[name]) for name in ("frames", "resolution"))
            texts = (named[name] for name in ("method", "setting", "data"))
            rows.append(Row(*texts, *sizes, tuple(line[len(keys) :])))
        yield Table(paper, number, title, tuple(columns), tuple(rows), note)


def _split(line: str) -> list[str]:
    # With spaces on both sides: "H(y|x)" is one name.
    return [part.strip() for part in re.split(r" \|(?= )", line)]


def _number(text: str) -> int | None:
    return int(text) if text else None
