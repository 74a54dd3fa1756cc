"""Digests of what every contestant comes to at `smoke`: to hold the numbers still in a rebuild.

    python tests/digests.py before.json             in one tree
    python tests/digests.py after.json before.json  in another: says what differs, and ends with 1

Weights, optimisers, running averages, loss histories, keys and a few frames of video, through
warm-ups, a kill at step 4 and a resume, in one process and (R2, EncGAN3, AR2) in two. Digests
differ between processors and numbers of threads, so compare on one machine; none is kept.
"""

import contextlib
import hashlib
import json
import sys
import tempfile
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import torch
from conftest import Stop, stopped_after

from rencgan.core import checkpoint
from rencgan.core.errors import InputError
from rencgan.models.trained import load_model
from rencgan.studies import generated, recipes, trainees, unseen
from rencgan.studies.setting import checked
from rencgan.studies.variants import CLIP_WAYS, CONTESTANTS
from rencgan.training import loop

RICH = {"average": 0.9, "lr_decay": 0.5, "warmup_decay": 0.5, "ramp": 2, "w_jitter": 1.0}
PARTS = ("networks", "averages", "optimisers", "memory")
TWO = {"average": 0.9, "batch": 4}  # for two processes


def digest(value) -> str:
    """Of nested dicts and lists of tensors, arrays and plain values."""
    found = hashlib.sha256()

    def add(part) -> None:
        if isinstance(part, dict):
            for key in sorted(part, key=str):
                found.update(str(key).encode())
                add(part[key])
        elif isinstance(part, list | tuple):
            for one in part:
                add(one)
        elif isinstance(part, torch.Tensor | np.ndarray):
            found.update(np.ascontiguousarray(torch.as_tensor(part).numpy()).tobytes())
        else:
            found.update(repr(part).encode())

    add(value)
    return found.hexdigest()[:16]


def trained(t):
    """The model of a trainee whose training was killed once, and its checkpoint."""
    job, base = t.job, None
    if t.base:
        base, _ = trained(t.base)
        out = job.out.with_name(f"{job.out.name}-{base.digest}")
        job = replace(job, base=base, out=out)
    else:
        known = {f.name for f in fields(job.preset)}
        rich = {name: value for name, value in RICH.items() if name in known}
        job = replace(job, preset=job.preset.but(**rich))
    with contextlib.suppress(Stop):
        loop.train(job, progress=stopped_after(4))
    path = loop.train(job)
    return load_model(path, base=base), path


def videos_of(model, c, videos, real) -> dict[str, str]:
    """A digest for each way in which a contestant usually draws codes."""
    found = {}
    for way in c.usual:
        if way == "noise":
            made = generated.clips_from_noise(model, 4, 1)
        elif way in CLIP_WAYS:
            steps = (model.preset.step_range[0],) * 2
            made = generated.rebuilt(model, generated.clips_of(videos.select("train"), 4, steps))
        else:
            frames = min(40, model.system.longest or 40)
            made = generated.made_by(model, way, real.footage[:2], frames, 3, real.subjects[:2])
        found[f"video, {way}"] = digest(list(made))
    return found


def measured(folder: Path, dataset: str) -> dict[str, dict]:
    given = {"dataset": dataset, "source": "procedural", "preset": "smoke", "seed": 1}
    p = checked(given | {"out_root": str(folder)})
    videos = recipes.data(p)
    real, found = unseen.unseen(p, videos, unseen.Task(4, 2, 200)), {}
    for name, c in CONTESTANTS.items():
        if dataset != "sky" and not c.base:
            continue
        try:
            t = trainees.trainee(c, p, recipes.data_of(p, c.kind, videos), folder)
        except InputError as error:
            found[f"{dataset}, {name}"] = {"refused": str(error)}
            continue
        model, path = trained(t)
        content, history = checkpoint.load(path), path.parent / "history.jsonl"
        row = {part: digest(content[part]) for part in PARTS}
        row |= {"key": t.key(), "history": digest(history.read_text())}
        found[f"{dataset}, {name}"] = row | videos_of(model, c, videos, real)
        print(f"{dataset}, {name}", flush=True)
    for name in ("R2", "EncGAN3", "AR2") if dataset == "sky" else ():
        job = trainees.trainee(CONTESTANTS[name], p, videos, folder).job
        job = replace(job, out=folder / f"two {name}", warm=None, preset=job.preset.but(**TWO))
        content = checkpoint.load(loop.train(job, processes=2))
        found[f"{name}, two processes"] = {part: digest(content[part]) for part in PARTS}
    return found


def main(out: str, against: str = "") -> int:
    torch.set_num_threads(1)
    loop.SAVE_EVERY_S, found = 0.0, {}
    for dataset in ("sky", "taichi"):
        with tempfile.TemporaryDirectory() as folder:
            found |= measured(Path(folder), dataset)
    Path(out).write_text(json.dumps(found, indent=1, sort_keys=True))
    if not against:
        return 0
    before = json.loads(Path(against).read_text())
    differ = [name for name in sorted({*before, *found}) if before.get(name) != found.get(name)]
    for name in differ:
        parts = {*before.get(name, {}), *found.get(name, {})}
        wrong = [p for p in parts if before.get(name, {}).get(p) != found.get(name, {}).get(p)]
        print(f"{name}: {', '.join(sorted(wrong))}")
    print(f"{len(found)} compared, {len(differ)} differ")
    return int(bool(differ))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
