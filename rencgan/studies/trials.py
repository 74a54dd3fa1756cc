"""The recipes that were tried on the way to the preset `hour`, with what each came to."""

import json
from pathlib import Path

from rencgan.core.errors import InputError
from rencgan.core.files import project_root

FILE = project_root() / "reports" / "trials.json"
SHOWN = ("recipe", "minutes", "L1", "sharpness", "motion", "direction", "jump", "acceleration")
SHOWN += ("worst octave", "motion distance", "16f", "128f")


def read(path: Path = FILE) -> dict:
    """The file: `of`, what was trained and scored, and `rows`, a recipe each as a difference from
    another, with its measures. Raises InputError where the file is missing.
    """
    if not path.exists():
        raise InputError(f"{path.name} is missing; git checkout brings it back")
    return json.loads(path.read_text(encoding="utf-8"))


def rows(path: Path = FILE) -> list[dict]:
    """The table; what was not measured is empty."""
    return [{name: row.get(name, "") for name in SHOWN} for row in read(path)["rows"]]
