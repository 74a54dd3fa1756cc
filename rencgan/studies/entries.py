"""Result files: where each lies, what it has, and whether it may be gone on with."""

import json
from collections.abc import Iterable
from pathlib import Path

from rencgan.core.errors import InputError
from rencgan.core.files import key_of, project_root, slug
from rencgan.data.hops import CLIP
from rencgan.presets.preset import Preset
from rencgan.presets.table import preset
from rencgan.studies.variants import CLIP_WAYS, Contestant

RESULTS = project_root() / "reports" / "results"
TIMED = "timed together"  # the ways of a file whose seconds go together
SECONDS = ("train s", "processor s", "train ms a clip", "processor s to best", "s for 1000")
SCORES, MOVING = "scores", "motion distance"  # lists of scores, in a way of a file
SECOND = "scores by the second judge"  # [] where it is not installed
FOURTH = "scores of every 4th frame"
AGAINST = "against real"  # among a way's measures of long videos


def check_place(folder: Path, presets: Iterable[str]) -> None:
    """Raises InputError for a folder that is not there, or a preset that no result can be of."""
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; name the one that holds the result files")
    for name in presets:
        preset(name)


def path_of(out: Path, p, name: str) -> Path:
    """The file of a contestant in a run."""
    return out / f"{p.dataset}-{p.source}-{p.preset}-{slug(name)}-seed{p.seed}.json"


def begun(path: Path, same: dict, aside: bool = False) -> dict:
    """What a file holds, or the start of a new one. Raises InputError for one of another recipe or
    task (`same`), or else puts it aside.
    """
    if not path.exists():
        return {"ways": {}}
    found = json.loads(path.read_text())
    if all(found.get(name) == value for name, value in same.items()):
        return found
    if not aside:
        raise InputError(
            f"{path} holds results of another recipe, data or task; delete it, give another --out, "
            "or put it --aside"
        )
    old = path.parent / "old" / f"{path.stem}-{key_of(found)}.json"
    old.parent.mkdir(exist_ok=True)
    path.replace(old)
    return {"ways": {}}


def content_of(path: Path) -> dict:
    """What a result file holds; raises InputError for a file that is none, or missing."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} is missing; python -m rencgan compare makes it") from None
    except json.JSONDecodeError:
        raise InputError(
            f"{path.name} is no JSON; python -m rencgan compare makes it anew"
        ) from None
    needed = {"contestant", "dataset", "preset", "source", "seed", "ways"}
    if not isinstance(content, dict) or not needed <= set(content):
        raise InputError(
            f"{path.name} holds no results of python -m rencgan compare; keep it elsewhere"
        )
    return content


def are_timed(found: dict) -> bool:
    """Whether the seconds of a result file's ways go together."""
    of_videos = sorted(set(found["ways"]) - set(CLIP_WAYS))
    if not all("seconds for 1000 frames" in found["ways"][way] for way in of_videos):
        return False
    return len(of_videos) < 2 or found.get(TIMED, {}).get("ways") == of_videos


def timed_on(found: dict, measure: str) -> str:
    """The machine on which SECONDS of a file were taken, "" of what is no time: that of the first
    way for a training that does not tell its own.
    """
    if measure not in SECONDS:
        return ""
    first = next(iter(found["ways"].values()), {})
    told = found.get("training", {}).get("machine")
    if told and measure != "s for 1000":
        return told
    timed = found.get(TIMED, first) if measure == "s for 1000" else first
    return machine(timed.get("provenance", {}).get("device", {}))


def machine(device: dict) -> str:
    """The processor, and the GPU, of a provenance's device."""
    return ", ".join(filter(None, map(device.get, ("cpu", "gpu"))))


def is_scored(kept: dict, way: str, c: Contestant) -> bool:
    """Whether a way's entry of a file has all that the contestant is scored by."""
    told = {s["name"].rpartition(" ")[2] for s in kept.get(SCORES, [])}
    if way in CLIP_WAYS:
        return f"{CLIP}f" in told
    parts = {"long": made_long(c, way), FOURTH: c.fourth}
    wanted = {name for name, asked in parts.items() if asked}
    return {f"{n}f" for n in c.lengths} <= told and wanted <= set(kept)


def clip_step(found: dict, way: dict) -> float:
    """Frames from one to the next of a way's single clips, of a range its mean. Files of old do not
    tell: EncGAN3's and G3AN's are as they were trained, all others' consecutive.
    """
    told = way.get("clips", {}).get("frame step")
    if told is None and found.get("kind") in ("encgan3", "g3an"):
        told = sum(way.get("provenance", {}).get("preset", {}).get("step_range", (1, 1))) / 2
    return told or 1.0


def made_long(c: Contestant, way: str) -> bool:
    """Whether some videos of a way are made on to 1000 frames."""
    return c.long and not way.endswith("VDrej")


def preset_of(kept: dict) -> str:
    """The preset of a way's entry, as text: without fields that came later and stand for what was
    before, as keys are made.
    """
    preset = kept["provenance"].get("preset") or {}
    return str({k: v for k, v in preset.items() if Preset.added.get(k, ...) != v})
