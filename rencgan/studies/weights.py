"""The small trained networks that come with the project: `rencgan.load("r2")`.

One seed of every model at the preset `slim`, trained on the stand-in sky alone. Each lies in
reports/weights as <name>.safetensors, matrices in half precision, beside a card <name>.json that
says what it is, how it was trained, and the sha256 of the file. rencgan.studies.publish makes them.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as read_tensors
from safetensors.torch import save
from torch import Tensor

from rencgan.core.errors import InputError
from rencgan.core.files import project_root
from rencgan.models.trained import Model, model_of
from rencgan.r3.gpt import KIND
from rencgan.r3.videos import R3, r3_of
from rencgan.studies.setting import PUBLISHED_AT
from rencgan.training.gan import AVERAGED

FOLDER = project_root() / "reports" / "weights"
MOST = 5_000_000  # bytes of a file
PRESET, DATASET = PUBLISHED_AT, "sky"  # that all of them were trained at and on
NAMES = ("encgan3", "r2", "improved-r2", "ar2", "ar2plus")
GPTS = ("r3-regression", "r3-mixture", "r3-flow")
BACK = "it comes with the project (git checkout brings it back), and studies.publish makes it anew"
BASE = "improved-r2"  # whose codes the GPTs were trained on


def load(name: str, device: str | None = None, folder: Path | None = None) -> Model | R3:
    """A published model by its name: "encgan3", "r2", "improved-r2", "ar2", "ar2plus" (a Model), or
    "r3-regression", "r3-mixture", "r3-flow" (an R3, over improved-r2).

    Raises InputError for an unknown name, a file that is missing, and one that is not the file of
    its card.
    """
    if name not in NAMES + GPTS:
        raise InputError(f"published are {', '.join(NAMES + GPTS)}, not {name!r}")
    folder = folder or FOLDER
    told, parts = card(name, folder), _tensors(name, folder)
    digest, path = told["sha256"][:12], folder / f"{name}.safetensors"
    if name in GPTS:
        content = told["content"] | {"gpt": parts["gpt"], "average": None}
        seen = parts["coordinates"]
        content["coordinates"] = {"basis": None} | seen | {"scale": float(seen["scale"])}
        return r3_of(content, digest, path, load(BASE, device, folder))
    content = told["content"] | {"networks": parts, "averages": {n: parts[n] for n in AVERAGED}}
    return model_of(content, digest, path, device)


def card(name: str, folder: Path | None = None) -> dict:
    """What is known of a published model; "history" holds its loss terms along the training."""
    path = (folder or FOLDER) / f"{name}.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        raise InputError(f"{path} is missing or damaged; {BACK}") from None


def write_history(name: str, out: Path, folder: Path | None = None) -> None:
    """The loss terms of a published model's training as out/history.jsonl, as a training leaves."""
    out.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(line) for line in card(name, folder)["history"]]
    (out / "history.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _tensors(name: str, folder: Path | None = None) -> dict[str, dict[str, Tensor]]:
    """Network -> its tensors, in full precision again."""
    path = (folder or FOLDER) / f"{name}.safetensors"
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


def write(
    name: str, model: Model | R3, content: dict, told: dict, folder: Path | None = None
) -> Path:
    """Publishes a model: its file and its card, which holds `told` too.

    content: of its checkpoint. Raises InputError for a file over 5 MB, and writes none.
    """
    if isinstance(model, R3):
        c = model.coordinates
        parts = {"gpt": model.gpt.state_dict(), "coordinates": {"mean": c.mean}}
        parts["coordinates"]["scale"] = torch.tensor(float(c.scale))
        if c.basis is not None:
            parts["coordinates"]["basis"] = c.basis
        kept = ("preset", "step", "seed", "classes", "r2")
    else:
        nets = {"encoder": model.encoder, "generator": model.generator, "video_d": model.video_d}
        parts = {n: net.state_dict() for n, net in nets.items()}
        parts["image_d"] = content["networks"]["image_d"]
        kept = ("preset", "step", "seed", "kind", "objective")
    raw, folder = save(flat := halved(parts)), folder or FOLDER
    if len(raw) > MOST:
        raise InputError(f"{name} takes {len(raw):,} bytes; published are at most {MOST:,}")
    folder.mkdir(parents=True, exist_ok=True)
    path, part = folder / f"{name}.safetensors", folder / f".{name}.part"
    part.write_bytes(raw)
    part.replace(path)
    head = {"name": name, "model": model.name, "kind": getattr(model, "kind", KIND)}
    head |= {"sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw)}
    head |= {"parameters": sum(v.numel() for v in flat.values() if v.is_floating_point())}
    told = head | told | {"content": {k: content[k] for k in kept}}
    text = json.dumps(told, indent=1, default=float, allow_nan=False)
    part.write_text(text + "\n", encoding="utf-8")
    part.replace(folder / f"{name}.json")
    return path


def name_of(kind: str, preset) -> str:
    """The name under which a recipe of that kind is published; InputError where none is."""
    plus = preset.recall_noise > 0
    names = {"encgan3": "encgan3", "ar2": "ar2plus" if plus else "ar2"}
    names["r2"] = "improved-r2" if preset.video_stream == "3d" else "r2"
    if kind not in names:
        raise InputError(
            f"no weights of {kind!r} are published, only {', '.join(NAMES + GPTS)}; leave it out, "
            "or train (weights 'train')"
        )
    return names[kind]


def check_recipe(name: str, preset, objective=None, folder: Path | None = None) -> None:
    """Raises InputError where a published model is not what a recipe asks for, naming fields."""
    content = card(name, folder)["content"]
    asked = json.loads(json.dumps(preset.as_dict() | (asdict(objective) if objective else {})))
    there, free = content["preset"] | content.get("objective", {}), ("name", "why", "positions")
    other = [k for k in asked if k not in free and asked[k] != there.get(k)]
    if other:
        raise InputError(
            f"the published {name} was not trained with this {', '.join(sorted(other))}; leave "
            "that as it is, or train (weights 'train')"
        )
