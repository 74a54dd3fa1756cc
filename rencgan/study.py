"""What the notebooks do, one call a step: data, a trained model, its long videos, its table, its record."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rencgan import measures, train
from rencgan.errors import InputError
from rencgan.model import Model, load_model
from rencgan.prepare import prepare
from rencgan.presets import PRESETS, PUBLISHED_64, PUBLISHED_128, Preset
from rencgan.progress import Progress
from rencgan.provenance import provenance
from rencgan.recall import CLIP, long_length
from rencgan.videoset import VideoSet


def data(p) -> VideoSet:
    """The prepared data of a notebook's parameters: decoded once, read from the cache after that."""
    preset = PRESETS[p.preset]
    with Progress(1, f"preparing {p.dataset}") as bar:

        def tell(done: int, total: int, text: str) -> None:
            bar.total = max(total, 1)
            bar.update(done, text)

        return prepare(
            p.dataset,
            source=p.source,
            data_root=p.data_path,
            size=preset.size,
            cache_root=p.cache_root,
            seed=p.seed,
            videos=preset.max_videos or None,
            max_frames=preset.max_frames or None,
            progress=tell,
        )


def recipe(p, **changes) -> Preset:
    """The preset of a run, with the steps that its parameters ask for."""
    preset = PRESETS[p.preset]
    if getattr(p, "steps", 0):
        changes["steps"] = p.steps
    return preset.but(**changes) if changes else preset


def job(p, kind: str, videos: VideoSet) -> train.Job:
    """The training run that a notebook's parameters describe; its folder is named after its recipe."""
    preset = recipe(p)
    if kind == "r2" and preset.r2_steps and not p.steps:
        preset = preset.but(steps=preset.r2_steps)
    found = train.Job(
        kind,
        preset.but(overlap=CLIP - getattr(p, "hop", preset.hop)),
        videos.path or videos,
        Path(),
        p.seed,
        init_from=p.init_path,
    )
    return train.replace(found, out=p.out_dir / f"{kind}-{found.key()}")


def trained(p, kind: str, videos: VideoSet) -> tuple[Model, train.Job]:
    """Trains the model (or goes on, or finds it finished) with progress, and loads it."""
    work = job(p, kind, videos)
    shown = Progress(work.preset.steps, f"training {kind}")
    with shown:
        path = train.train(
            work, getattr(p, "processes", 1), lambda done, total, losses: shown.update(done, losses)
        )
    return load_model(path, kind), work


def departures(preset: Preset) -> list[dict]:
    """Rows of the table that tells how a preset differs from the published configuration of its kind."""
    base = PUBLISHED_128 if preset.size == PUBLISHED_128.size else PUBLISHED_64
    return [
        {"field": name, "published": _plain(theirs), "here": _plain(ours)}
        for name, (theirs, ours) in preset.departures(base).items()
    ]


def _plain(value) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


# ----------------------------------------------------------------------------------------- long videos


@dataclass(frozen=True)
class LongVideo:
    """A long generated video beside the footage it was made from, both (T, H, W, 3) uint8."""

    name: str
    split: str
    footage: np.ndarray
    made: np.ndarray
    seconds: float
    hop: int


def footage(
    videos: VideoSet, split: str, frames: int, count: int = 1
) -> list[tuple[str, np.ndarray]]:
    """The longest videos of a split, cut to `frames`: (name, (T, H, W, 3) uint8)."""
    chosen = videos.select(split=split, min_frames=CLIP)
    order = sorted(range(len(chosen)), key=lambda i: (-min(chosen.videos[i].length, frames), i))
    return [(chosen.videos[i].name, chosen.video(i)[:frames]) for i in order[:count]]


def long_video(model: Model, name: str, split: str, video: np.ndarray, p, **options) -> LongVideo:
    """R2's long video of a piece of footage, with the notebook's hop, codes and seed; and how long it took."""
    if len(video) < CLIP:
        raise InputError(f"{name} has {len(video)} frames; a long video needs at least {CLIP}")
    started = time.perf_counter()
    settings = {"hop": p.hop, "codes": p.codes, "candidates": 1, "seed": p.seed} | options
    made = model.long_frames(video, **settings)
    return LongVideo(name, split, video, made, time.perf_counter() - started, settings["hop"])


def dropped(video: np.ndarray, r: int) -> int:
    """Frames at the end of a piece of footage that no clip reaches."""
    return len(video) - long_length((len(video) - CLIP) // r + 1, r)


def measured(videos: Sequence[LongVideo], names: Sequence[str]) -> list[dict]:
    """A table: every measure for real video, the two trivial references, and each generated video.

    All on the same footage: that of the first of `videos`.
    """
    first = videos[0]
    real, r = first.footage[: len(first.made)], first.hop
    rows = {
        "real video": real,
        "first frame, held": measures.frozen(real, len(real)),
        "real clips, shuffled": measures.shuffled(real, len(real), r),
    }
    rows |= {name: v.made for name, v in zip(names, videos, strict=True)}
    return [{"video": name} | measures.summary(v, real, r) for name, v in rows.items()]


# ---------------------------------------------------------------------------------------------- record


def save_results(
    p, notebook: str, preset: Preset, videos: VideoSet, started: float, **results
) -> dict:
    """Writes <out_dir>/<notebook>.json with its provenance; returns the provenance."""
    record = provenance(preset, p.seed, videos.card, started, {"parameters": p.model_dump()})
    path = p.out_dir / f"{notebook}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"provenance": record} | results, indent=1, default=float)
    path.write_text(text + "\n", encoding="utf-8")
    return record
