"""What a notebook found, kept as it comes: a piece that fails costs itself alone."""

import traceback
from collections.abc import Callable
from pathlib import Path

import torch

from rencgan.core.errors import InputError
from rencgan.core.files import write_json
from rencgan.core.provenance import provenance
from rencgan.data.videoset import VideoSet
from rencgan.presets.preset import Preset


class Kept:
    """The result file of a notebook, <out_dir>/<notebook>.json: its provenance, everything added so
    far, and under `missing` the reason for each piece that failed.
    """

    def __init__(self, p, notebook: str, preset: Preset, videos: VideoSet, started: float):
        self.p, self.preset, self.videos, self.started = p, preset, videos, started
        self.path = p.out_dir / f"{notebook}.json"
        self.found: dict = {}
        self.missing: dict[str, str] = {}

    def add(self, **results) -> dict:
        """Puts results into the file, which is whole at any moment. Returns the provenance, with
        what is missing.
        """
        self.found |= results
        given = {"parameters": self.p.model_dump()}
        record = provenance(self.preset, self.p.seed, self.videos.card, self.started, given)
        write_json(self.path, {"provenance": record} | self.found | {"missing": self.missing})
        return record | ({"missing": self.missing} if self.missing else {})

    def attempt(self, name: str, work: Callable, *given, **options):
        """What `work` returns; None where it fails, which is printed and noted as missing."""
        return attempt(name, work, *given, missing=self.missing, **options)


def attempt(name: str, work: Callable, *given, missing: dict[str, str] | None = None, **options):
    """What `work` returns; None where it fails in any way, and one sentence is printed that says
    how: a notebook goes on with what it has. missing: where the sentence is noted by `name`.
    """
    missing = {} if missing is None else missing
    missing.pop(name, None)
    try:
        return work(*given, **options)
    except Exception as error:  # out of memory, a damaged file, a mistake of ours: hours lie behind
        missing[name] = _sentence(error)
    print(f"no {name}: {missing[name]}")
    return None


def _sentence(error: Exception) -> str:
    """What failed. Errors that were not foreseen come with their type and place, so that a mistake
    of the program is not taken for one of the input.
    """
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return "it needs more memory than there is"
    said = (str(error).strip() or "without a word").splitlines()[0]
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {said} ({Path(place.filename).name}, line {place.lineno})"
