"""Where the project lies: relative paths mean the same wherever a notebook is started."""

import tomllib
from pathlib import Path


def _is_root(folder: Path) -> bool:
    """True when `folder` holds the pyproject.toml of this project."""
    try:
        pyproject = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return pyproject.get("project", {}).get("name") == "rencgan"


def project_root() -> Path:
    """The checkout: the nearest folder above this file, else above the working directory.

    Without a checkout (the package copied alone to another machine) it is the working directory.
    """
    cwd = Path.cwd()
    for folder in (*Path(__file__).resolve().parents, cwd, *cwd.parents):
        if _is_root(folder):
            return folder
    return cwd


def resolve(path: str | Path) -> Path:
    """An absolute path: `~` is the home folder, a relative path begins at the project's root."""
    path = Path(path).expanduser()
    return path if path.is_absolute() else project_root() / path
