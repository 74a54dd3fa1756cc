"""The trained networks that come with the project: `rencgan.load("r2")`, `rencgan.load("r2-hour")`.

One seed of every model at the preset `slim`, and of some at a larger one, which their name then
ends with; trained on the stand-in sky alone. Each lies in reports/weights as <name>.safetensors,
matrices in half precision, beside a card <name>.json that says what it is, how it was trained, and
the sha256 of the file. `python -m rencgan publish` makes them.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as read_tensors
from safetensors.torch import save
from torch import Tensor

from rencgan.core.checkpoint import migrated
from rencgan.core.errors import InputError
from rencgan.core.files import project_root, replaced, slug, write_json, write_text
from rencgan.models.system import System
from rencgan.models.trained import Trained, model_of
from rencgan.presets.table import PRESETS
from rencgan.studies.setting import PUBLISHED_AT

FOLDER = project_root() / "reports" / "weights"
MOST = 5_000_000  # bytes of a file: git keeps every version of it
LARGER = {"hour": 20_000_000}  # the same at 64x64, whose networks have nine million weights
PRESET, DATASET = PUBLISHED_AT, "sky"  # of the plain names, and what all of them were trained on
NAMES = ("encgan3", "r2", "improved-r2", "ar2", "ar2plus")
GPTS = ("r3-regression", "r3-mixture", "r3-flow")
BACK = "git checkout brings it back, and python -m rencgan publish makes it anew"
BASE = "improved-r2"  # whose codes the GPTs were trained on
MEAN, FASTER = dict.fromkeys(("ar2", "ar2plus"), "mean"), dict.fromkeys(GPTS, "faster sample")
WAYS = {"encgan3": "noise"} | MEAN | FASTER  # how their codes are drawn; others: "sample"


def at(model: str, preset: str) -> str:
    """The published name of a model at a preset: "r2", "r2-hour"."""
    return model if preset == PRESET else f"{model}-{preset}"


def taken(name: str, folder: Path | None = None) -> tuple[str, str]:
    """(model, preset) of a published name; InputError where nothing is published under it."""
    folder = folder or FOLDER
    every = {at(m, p): (m, p) for p in (PRESET, *PRESETS) for m in NAMES + GPTS}
    there = [known for known, (_, p) in every.items() if p == PRESET or _lies(known, folder)]
    if name not in there:
        raise InputError(f"published are {', '.join(there)}, not {name!r}")
    return every[name]


def presets(folder: Path | None = None) -> list[str]:
    """The presets that models are published at, the plain names' first."""
    folder = folder or FOLDER
    found = (p for p in PRESETS if any(_lies(at(m, p), folder) for m in NAMES + GPTS))
    return [PRESET, *(p for p in found if p != PRESET)]


def finest(model: str, folder: Path | None = None) -> str:
    """The published name of a model where its frames are largest."""
    there = [p for p in presets(folder) if p == PRESET or _lies(at(model, p), folder or FOLDER)]
    return at(model, max(there, key=lambda p: PRESETS[p].size))


def _lies(name: str, folder: Path) -> bool:
    return (folder / f"{name}.json").exists()


def load(name: str, device: str | None = None, folder: Path | None = None) -> Trained:
    """A published model by its name: "encgan3", "r2", "improved-r2", "ar2", "ar2plus", or
    "r3-regression", "r3-mixture", "r3-flow" (over improved-r2); with "-hour" behind it that of the
    preset `hour`, where there is one.

    Raises InputError for an unknown name, a file that is missing, and one that is not the file of
    its card.
    """
    model, preset = taken(name, folder)
    folder = folder or FOLDER
    told, parts = card(name, folder), _tensors(name, folder)
    digest, path = told["sha256"][:12], folder / f"{name}.safetensors"
    base = load(at(BASE, preset), device, folder) if model in GPTS else None
    content = told["content"] | {"networks": parts, "averages": {}}
    if base:
        seen = parts.pop("coordinates")
        content["coordinates"] = {"basis": None} | seen | {"scale": float(seen["scale"])}
    return model_of(migrated(content), digest, path, device, base)


def card(name: str, folder: Path | None = None) -> dict:
    """What is known of a published model; "history" holds its loss terms along the training."""
    path = (folder or FOLDER) / f"{name}.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        raise InputError(f"{path} is missing or damaged; {BACK}") from None


def write_history(name: str, out: Path, folder: Path | None = None) -> None:
    """The loss terms of a published model's training as out/history.jsonl, as a training leaves."""
    lines = [json.dumps(line) for line in card(name, folder)["history"]]
    write_text(out / "history.jsonl", "\n".join(lines) + "\n")


def _tensors(name: str, folder: Path) -> dict[str, dict[str, Tensor]]:
    """Network -> its tensors, in full precision again."""
    path = folder / f"{name}.safetensors"
    try:
        raw = path.read_bytes()
    except OSError:
        raise InputError(f"{path} is missing; {BACK}") from None
    if hashlib.sha256(raw).hexdigest() != card(name, folder)["sha256"]:
        raise InputError(f"{path} is not the file of its card: their sha256 differ; fetch it again")
    try:
        flat = read_tensors(raw)
    except SafetensorError as error:
        raise InputError(f"{path} is damaged ({error}); fetch it again") from None
    parts: dict[str, dict[str, Tensor]] = {}
    for key, value in flat.items():
        network, _, rest = key.partition("/")
        value = value.float() if value.dtype == torch.float16 else value
        parts.setdefault(network, {})[rest] = value
    return parts


# --------------------------------------------------------------------------------------- publishing


def halved(parts: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
    """Networks as one flat table: matrices in half precision; vectors (norms, biases), of which a
    few bits matter and which weigh nothing, as they are.
    """
    flat = {f"{n}/{k}": v for n, part in parts.items() for k, v in part.items()}
    exact = {"coordinates/basis"}  # its rows are orthonormal
    many = {k for k, v in flat.items() if v.is_floating_point() and v.ndim > 1} - exact
    return {k: (v.half() if k in many else v).cpu().contiguous() for k, v in flat.items()}


def write(name: str, model: Trained, content: dict, told: dict, folder: Path | None = None) -> Path:
    """Publishes a model: its file and its card, which holds `told` too.

    content: of its checkpoint. Raises InputError for a file that is too large, and writes none.
    """
    parts = {n: net.state_dict() for n, net in model.nets.items()}
    kept = ["preset", "step", "seed", "kind", "objective"]
    if model.base:
        seen = model.extras["coordinates"].state()
        parts["coordinates"] = {k: torch.as_tensor(v) for k, v in seen.items() if v is not None}
        kept += ["classes", "base"]
    raw, folder = save(flat := halved(parts)), folder or FOLDER
    most = LARGER.get(content["preset"]["name"], MOST)
    if len(raw) > most:
        raise InputError(f"{name} takes {len(raw):,} bytes; published are at most {most:,}")
    path = folder / f"{name}.safetensors"
    with replaced(path) as part:
        part.write_bytes(raw)
    head = {"name": name, "model": model.name, "kind": model.kind}
    head |= {"sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw)}
    head |= {"parameters": sum(v.numel() for v in flat.values() if v.is_floating_point())}
    write_json(folder / f"{name}.json", head | told | {"content": {k: content[k] for k in kept}})
    return path


def name_of(system: System, p: Any) -> str:
    """The name under which a recipe of that system is published; InputError where none is."""
    name = slug(type(system)().title(p))
    found = [known for known in NAMES + GPTS if f"{name}-".startswith(f"{known}-")]
    if not found:
        raise InputError(
            f"no weights of {name!r} are published, only {', '.join(NAMES + GPTS)}; leave it out, "
            "or train (weights 'train')"
        )
    return at(found[0], p.name)


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
