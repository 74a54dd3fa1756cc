"""In what a run leaves the papers: every field of its preset and its system beside what they print
(printed/systems.toml), and what they do not say.
"""

import tomllib
from dataclasses import asdict
from typing import Any

from rencgan.models.system import System
from rencgan.presets.recipe import Recipe
from rencgan.studies.papers import FOLDER

PRINTED: dict[str, dict] = tomllib.loads((FOLDER / "systems.toml").read_text(encoding="utf-8"))
SILENT = "not given"


def printed(model: str, dataset: str = "", size: int = 0) -> dict[str, Any]:
    """What the papers print of a model, by field; beside these the lists `silent`, `unused` and
    `sizes`, the tables `ours` and `otherwise`, and the optimiser's name. At a size at which they do
    not have it, that of the nearest one.
    """
    blocks, found = _blocks(model), {}
    for block in blocks:
        found |= {name: value for name, value in block.items() if not isinstance(value, dict)}
    nearest = min(found.get("sizes", ()), key=lambda s: abs(s - size), default="")
    for part in (str(nearest), dataset):
        for block in blocks:
            found |= block.get(part, {})
    for name in ("silent", "unused"):
        found[name] = [field for block in blocks for field in block.get(name, ())]
    for name in ("ours", "otherwise"):
        found[name] = {k: v for block in blocks for k, v in block.get(name, {}).items()}
    return found


def _blocks(model: str) -> list[dict]:
    """What a model is like, and last its own."""
    block = PRINTED.get(model, {})  # none: no source prints anything of it
    return [*(_blocks(block["like"]) if "like" in block else []), block]


def model_of(system: System, p: Recipe) -> str:
    """The model of presets.table that a system is: improved R2 is told by its streams."""
    improved = system.kind == "r2" and p.video_stream == "3d"
    return "improved-r2" if improved else system.kind


def of_job(work: Any) -> list[dict]:
    """The rows of a training, on the data set of its videos."""
    return departures(work.system, work.preset, work.videos().card.get("dataset", ""))


def departures(system: System, p: Recipe, dataset: str = "") -> list[dict]:
    """Rows: a field, what is published, what is here; of all fields that are not as published. What
    the sources leave open is listed as not given.
    """
    told = printed(model_of(system, p), dataset, getattr(p, "size", 0))
    here, rows = fields_of(system, p), []
    for name, value in here.items():
        if name in told["unused"] and name not in told:
            continue
        theirs = told.get(name, told["ours"].get(name, SILENT))
        if name == "epochs" and not value:
            value = f"none: {p.steps:,} steps"
        if _plain(theirs) != _plain(value):
            rows.append({"field": name, "published": _plain(theirs), "here": _plain(value)})
    for name, (theirs, ours) in told["otherwise"].items():
        rows.append({"field": name, "published": theirs, "here": ours})
    return rows


def fields_of(system: System, p: Recipe) -> dict[str, Any]:
    """All that decides a training beside data and seed, by field."""
    found = {k: v for k, v in p.as_dict().items() if k not in ("name", "why")}
    return found | asdict(system)


def _plain(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return ", ".join(map(str, value)) or "none"
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return f"{value:.10g}" if number else str(value)
