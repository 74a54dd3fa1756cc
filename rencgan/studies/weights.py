"""The trained networks that come with the project: `rencgan.load("r2")`.

One seed of a model at the preset `hour`, trained on the stand-in sky alone; what is published at
another preset has a name that ends with it, "r2-64". Each lies in reports/weights as
<name>.safetensors (or .gz, see packed.py), beside a card <name>.json that says what it is, how it
was trained, and the sha256 of the file. What lies there is what is published. `python -m rencgan
publish` makes them.
"""

import hashlib
import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rencgan.core.checkpoint import migrated
from rencgan.core.errors import InputError, close
from rencgan.core.files import project_root, replaced, slug, write_json, write_text
from rencgan.core.progress import Progress
from rencgan.data.prepare import prepare
from rencgan.data.videoset import VideoSet
from rencgan.models.system import System, system_of
from rencgan.models.trained import Trained, model_of
from rencgan.presets.table import ALWAYS, BASES, PRESETS, kind_of_row
from rencgan.studies.packed import PLAIN, SMALL, packed, unpacked
from rencgan.studies.setting import PUBLISHED_AT
from rencgan.studies.variants import CONTESTANTS, Contestant
from rencgan.training.loop import Job

FOLDER = project_root() / "reports" / "weights"
PLAIN_MOST = 5_000_000  # bytes of a file; what is larger is packed
MOST = 20_000_000  # of a packed one: git keeps every version of it
PRESET, DATASET = PUBLISHED_AT, "sky"  # of the plain names, and what all of them were trained on
BACK = "git checkout brings back what is lost, and python -m rencgan publish makes it anew"
WAYS = {"encgan3": "noise", "g3an": "noise", "ar2": "mean", "r3": "faster sample"}  # by kind


def way(model: Trained) -> str:
    """How the codes of a published model are drawn where it stands beside others."""
    return WAYS.get(model.kind, "sample")


# ------------------------------------------------------------------------------------------- names


def at(model: str, preset: str) -> str:
    """The published name of a model at a preset: "r2", "r2-64"."""
    return model if preset == PRESET else f"{model}-{preset}"


def split(name: str) -> tuple[str, str]:
    """The reverse of it: (model, preset)."""
    model, _, preset = name.rpartition("-")
    return (model, preset) if model and preset in PRESETS else (name, PRESET)


@cache
def known() -> dict[str, list[Contestant]]:
    """What models are called, and what each name can stand for, the first of it first: a row of the
    presets' table, then contestants of that name up to a comma ("ar2plus", "ar2plus-noise").
    """
    found = {row: [Contestant(row, row)] for row in ALWAYS if row not in BASES}
    for c in CONTESTANTS.values():
        words = c.name.split(", ")
        for n in range(len(words)):
            found.setdefault(slug(", ".join(words[: n + 1])), []).append(c)
    return found


def _rank(model: str) -> tuple[int, int]:
    """Of the table's order, then of the contestants'."""
    names = list(known())
    if model not in names:
        return len(ALWAYS), 0
    return list(ALWAYS).index(known()[model][0].kind), names.index(model)


def names(preset: str = PRESET, folder: Path | None = None) -> list[str]:
    """The models that are published at a preset and make videos or clips."""
    found = [m for m, there in map(split, _cards(folder)) if there == preset]
    pairs = [m for m in BASES.values() if system_of(kind_of_row(m), {}).prior is None]
    return [m for m in found if m not in pairs]


def _cards(folder: Path | None) -> list[str]:
    """All names that are published, in the order of presets and models."""
    found = {path.stem: split(path.stem) for path in (folder or FOLDER).glob("*.json")}
    places = [PRESET, *PRESETS]
    return sorted(found, key=lambda n: (places.index(found[n][1]), _rank(found[n][0]), n))


def taken(name: str, folder: Path | None = None) -> tuple[str, str]:
    """(model, preset) of a published name; InputError where nothing is published under it."""
    if name not in (there := _cards(folder)):
        told = f"published are {', '.join(there) or 'none'}, and no {name!r}"
        raise InputError(told + (f"; {BACK}" if split(name)[0] in known() else close(name, there)))
    return split(name)


def presets(folder: Path | None = None) -> list[str]:
    """The presets that models are published at, the plain names' first."""
    return list(dict.fromkeys([PRESET, *(split(name)[1] for name in _cards(folder))]))


def is_published(name: str, folder: Path | None = None) -> bool:
    """Whether a model comes with the project under that name."""
    return name in _cards(folder)


def finest(model: str, folder: Path | None = None) -> str:
    """The published name of a model where its frames are largest."""
    there = [p for p in presets(folder) if at(model, p) in _cards(folder)]
    return at(model, max(there or [PRESET], key=lambda p: PRESETS[p].size))


# ----------------------------------------------------------------------------------------- loading


def load(name: str, device: str | None = None, folder: Path | None = None) -> Trained:
    """A published model by its name: "encgan3", "r2", "r3-mixture" (over improved-r2) ...

    Raises InputError for an unknown name, a file that is missing, and one that is not the file of
    its card.
    """
    _, preset = taken(name, folder)
    content, (path, digest, parts) = card(name, folder)["content"], _read(name, folder or FOLDER)
    kind = content["kind"]
    for part in system_of(kind, {}).found:
        given = content.get(part, {"basis": None})  # an older card does not say it
        if part in parts and isinstance(given, dict):
            content[part] = given | {k: _plain(v) for k, v in parts.pop(part).items()}
    content |= {"networks": parts, "averages": {}}
    base = load(at(BASES[kind], preset), device, folder) if kind in BASES else None
    return model_of(content, digest, path, device, base)


def _plain(value: Tensor) -> Tensor | float:
    return value if value.ndim else value.item()


def card(name: str, folder: Path | None = None) -> dict:
    """What is known of a published model; "history" holds its loss terms along the training."""
    path = (folder or FOLDER) / f"{name}.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        content = migrated(found["content"])
        if isinstance(found["sha256"], str) and isinstance(content["kind"], str):
            return found | {"content": content}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        pass
    raise InputError(f"{path} is missing or damaged; {BACK}")


def in_place_of(work: Job, folder: Path) -> tuple[Trained, Job, str]:
    """The published model of a job's recipe, the job with a folder of its own below one, which
    holds the history, and a sentence on what it was trained on. Raises InputError for another
    recipe than the published one.
    """
    name = name_of(work.system, work.preset)
    check_recipe(name, work.preset, work.system)
    told, out = card(name)["provenance"]["data"], folder / f"published-{name}"
    write_history(name, out)
    count, whose = told["split"]["train"], f"{told['source']} {told['dataset']}"
    sentence = f"{name}: trained on {count:,} videos of {whose}, seed {told['seed']}."
    return load(name), replace(work, out=out), sentence


def check_unseen(work: Job, videos: VideoSet) -> None:
    """Raises InputError where the published model of a job's recipe was trained on such videos."""
    name = name_of(work.system, work.preset)
    told = card(name)["provenance"]["data"]
    if all(told[key] == videos.card[key] for key in ("source", "dataset", "seed")):
        raise InputError(
            f"{name} was trained on {told['dataset']} of seed {told['seed']}: take another seed, "
            "whose videos it has not seen"
        )


def learnt_from(name: str, cache_root: Path) -> VideoSet:
    """The data that a published model was trained on, prepared anew or found. Raises InputError
    where its split is another.
    """
    told = card(name)["provenance"]["data"]
    given = {key: told[key] for key in ("source", "size", "seed", "max_frames", "test_fraction")}
    with Progress(1, f"preparing what {name} was trained on") as bar:
        made = prepare(
            told["dataset"],
            videos=told["video_limit"],
            cache_root=cache_root,
            progress=bar.tell,
            **given,
        )
    if made.card["split"] != told["split"]:
        raise InputError(f"the videos that {name} was trained on cannot be prepared here any more")
    return made


def write_history(name: str, out: Path, folder: Path | None = None) -> None:
    """The loss terms of a published model's training as out/history.jsonl, as a training leaves."""
    lines = [json.dumps(line) for line in card(name, folder)["history"]]
    write_text(out / "history.jsonl", "\n".join(lines) + "\n")


def file_of(name: str, folder: Path | None = None) -> Path:
    """The file of a published model, whether it is there or not."""
    plain, small = ((folder or FOLDER) / f"{name}{ending}" for ending in (PLAIN, SMALL))
    return small if small.exists() else plain


def _read(name: str, folder: Path) -> tuple[Path, str, dict[str, dict[str, Tensor]]]:
    """A file, its digest, and network -> its tensors, in full precision again."""
    path = file_of(name, folder)
    try:
        raw = path.read_bytes()
    except OSError:
        raise InputError(f"{path} is missing; {BACK}") from None
    digest = hashlib.sha256(raw).hexdigest()
    if digest != card(name, folder)["sha256"]:
        raise InputError(f"{path} is not the file of its card: their sha256 differ; fetch it again")
    try:
        return path, digest[:12], unpacked(raw, SMALL if path.suffix == ".gz" else PLAIN)
    except InputError as error:
        raise InputError(f"{path} is damaged ({error}); fetch it again") from None


# --------------------------------------------------------------------------------------- publishing


def write(name: str, model: Trained, content: dict, told: dict, folder: Path | None = None) -> Path:
    """Publishes a model: its file and its card, which holds `told` too.

    content: of its checkpoint. Raises InputError for a file that is too large, and writes none.
    """
    needed = model.system.generates or tuple(model.nets)
    nets = {n: net.state_dict() for n, net in model.nets.items() if n in needed}
    kept = {k: content[k] for k in ("preset", "step", "seed", "kind", "objective")}
    kept |= {"base": model.base.digest} if model.base else {}
    kept |= {"left out": sorted(model.nets.keys() - needed)} if len(nets) < len(model.nets) else {}
    beside = {}
    for key in (k for k in model.system.found if k in content):
        value = content[key]
        if isinstance(value, dict):
            beside[key] = {k: v for k, v in value.items() if isinstance(v, torch.Tensor)}
            value = {k: v for k, v in value.items() if k not in beside[key]}
        kept[key] = value
    raw, ending = packed(nets, beside, PLAIN_MOST)
    folder = folder or FOLDER
    if len(raw) > MOST:
        raise InputError(f"{name} takes {len(raw):,} bytes; published are at most {MOST:,}")
    head = {"name": name, "model": model.name, "kind": model.kind}
    head |= {"sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw)}
    tensors = [v for part in (*nets.values(), *beside.values()) for v in part.values()]
    head |= {"parameters": sum(v.numel() for v in tensors if v.is_floating_point())}
    path = folder / f"{name}{ending}"
    with replaced(path) as part:
        part.write_bytes(raw)
    (folder / f"{name}{PLAIN if ending == SMALL else SMALL}").unlink(missing_ok=True)
    write_json(folder / f"{name}.json", head | told | {"content": kept})
    return path


def name_of(system: System, p: Any) -> str:
    """The name under which a recipe of that system is published; InputError where none is."""
    return at(named(slug(system.title(p)), names(p.name)), p.name)


def named(title: str, there: list[str]) -> str:
    """Of published models the one that a title begins with."""
    if found := [model for model in there if f"{title}-".startswith(f"{model}-")]:
        return max(found, key=len)
    raise InputError(
        f"no weights of {title!r} are published, only {', '.join(there) or 'none'}; leave it out, "
        "or train (weights 'train')"
    )


def other_fields(content: dict, preset: Any, system: System) -> list[str]:
    """The fields in which what was trained is not what a recipe asks for."""
    asked = json.loads(json.dumps(preset.identity() | system.switches()))
    there = content["preset"] | content.get("objective", {})
    free = ("name", "why", "positions", "max_videos", "max_frames")  # in no weight of theirs
    return sorted(k for k in asked if k not in free and asked[k] != there.get(k))


def check_recipe(name: str, preset: Any, system: System, folder: Path | None = None) -> None:
    """Raises InputError where a published model is not what a recipe asks for, naming fields."""
    taken(name, folder)
    if other := other_fields(card(name, folder)["content"], preset, system):
        raise InputError(
            f"the published {name} was not trained with this {', '.join(other)}; leave "
            "that as it is, or train (weights 'train')"
        )
