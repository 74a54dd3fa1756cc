"""Models side by side under one budget: `python -m rencgan compare sky --seeds 1 2 3`.

Each contestant is trained on the training split of the preset, makes 64 videos of 128 frames and
16 of 1000, and is scored on them against 64 videos that no model has seen. A seed decides the data,
the first weights and all noise, so two contestants are compared seed by seed. (The embedded network
that judges was fitted on stand-ins of seed 0: seeds from 1 up are new to it.)

One JSON file a (data set, source, preset, contestant, seed), written when a way of drawing codes is
done, and one of what real video itself comes to. A second call makes only what is missing, and
refuses files of another recipe. Checkpoints and a few videos of each lie in `--work`; a strip of
frames and a short video of each way, in `pictures` beside the files.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from rencgan.core.errors import InputError
from rencgan.core.files import alone, slug, write_json
from rencgan.core.provenance import provenance
from rencgan.data.encode import write_mp4
from rencgan.data.video import Film
from rencgan.data.videoset import VideoSet
from rencgan.models.trained import Trained
from rencgan.r3.foresight import foresight
from rencgan.r3.videos import R3Model
from rencgan.studies import trainees
from rencgan.studies.entries import TIMED, are_timed, begun, is_scored, path_of
from rencgan.studies.generated import seconds_for_1000
from rencgan.studies.recipes import data, data_of
from rencgan.studies.references import run_real
from rencgan.studies.scored import judge, scored, scored_clips
from rencgan.studies.setting import Setting, checked
from rencgan.studies.unseen import SHORT, Task, Unseen, task_of, unseen
from rencgan.studies.variants import CLIP_WAYS, COMPARED, WAYS, Contestant, contestant

STRIP = 8  # frames of a video that are kept as a picture
KEPT = 168  # ... and of one that is kept as it moves, beside the result file

# ------------------------------------------------------------------------------------------- a run


def run(
    c: Contestant,
    p,
    videos: VideoSet,
    ways: Sequence[str],
    task: Task,
    out: Path,
    work: Path,
    aside: bool = False,
) -> Path | None:
    """Trains and scores one contestant, the ways that its file lacks; returns the file, or None
    where it has none of these ways. Another process that makes the same file is waited for. Raises
    InputError for a file of another recipe or task, or else puts it aside.
    """
    asked = [w for w in ways if w in c.ways]
    if not asked:
        return None
    path = path_of(out, p, c.name)
    with alone(path.parent / f".{path.stem}.lock"):
        _run(c, p, videos, asked, task, path, work, aside)
    return path


def _run(
    c: Contestant, p, videos: VideoSet, ways, task: Task, path: Path, work: Path, aside: bool
) -> None:
    videos = data_of(p, c.kind, videos)
    trainee = trainees.trainee(c, p, videos, work)
    same = {"key": trainee.key(), "task": task.as_dict()}
    found = begun(path, same, aside)
    missing = [w for w in ways if not is_scored(found["ways"].get(w, {}), w, c)]
    if not missing and (are_timed(found) or not trainee.there()):
        return
    started, real = time.time(), unseen(p, videos, task, c.step)
    real = real if c.step == 1 else real.every(c.step)
    model, training = trainee.trained()
    training = found.get("training", training)  # what it took to make what is there
    found |= same | _head(c, p, trainee, training, real)
    plain = isinstance(model, R3Model) and not model.system.asks_subjects(model.preset)
    if plain and "foresight" not in found:
        found["foresight"] = foresight(model, real.real(SHORT), p.seed)
    for way in missing:
        if way in CLIP_WAYS:
            scores = scored_clips(model, way, real, videos, judge(), p.seed)
        else:
            scores = scored(model, way, real, judge(), p.seed, c)
        made = scores.pop("videos")
        _keep_videos(made, model, work, path.stem, way)
        keep_strip(made, strip_of(path, way))
        keep_clip(made, model, path, way)
        record = provenance(model.draws.preset, p.seed, videos.card, started)
        found["ways"][way] = scores | {"provenance": record}
        write_json(path, found, indent=None)
    record = provenance(model.draws.preset, p.seed, videos.card, time.time())
    found[TIMED] = {"ways": _time(model, found["ways"], real.footage[0]), "provenance": record}
    write_json(path, found, indent=None)


def _time(model: Trained, ways: dict, footage: np.ndarray) -> list[str]:
    """Puts into all ways of a file what 1000 frames take: one after the other, since a machine that
    is busier at one time than at another would decide which is faster. Returns their names.
    """
    of_videos = sorted(set(ways) - set(CLIP_WAYS))
    for way in of_videos:
        ways[way]["seconds for 1000 frames"] = seconds_for_1000(model, way, footage)
    return of_videos


def _head(c: Contestant, p, trainee, training: dict, real: Unseen) -> dict:
    return {
        "contestant": c.name,
        "kind": c.kind,
        "prior": trainee.job.system.prior if set(c.ways) - set(CLIP_WAYS) else None,
        "dataset": p.dataset,
        "source": p.source,
        "preset": p.preset,
        "seed": p.seed,
        "step": c.step,
        "switches": trainee.switches,
        "training": training,
        "compared with": real.told(),
    }


def _keep_videos(made, model: Trained, work: Path, stem: str, way: str) -> None:
    """The first few of a run, to look at."""
    folder = work / "videos"
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"model": model.kind, "checkpoint": model.digest, "way": way}
    scale = max(1, 128 // model.size)
    for i, video in enumerate(made):
        write_mp4(folder / f"{stem}-{way}-{i}.mp4", video, 25.0, metadata=facts, scale=scale)


def strip_of(path: Path, way: str) -> Path:
    """The picture that lies beside a result file, of one way."""
    return path.parent / "pictures" / f"{path.stem}-{slug(way)}.jpg"


def first_strip(folder: Path, table: pd.DataFrame, name: str, way: str) -> Path | None:
    """The picture of a contestant's first seed that has one. table: of the files of one data set
    and preset that lie in the folder.
    """
    files = table[table.contestant == name].drop_duplicates("seed").sort_values("seed")
    paths = (strip_of(path_of(folder, f, name), way) for f in files.itertuples())
    return next((path for path in paths if path.exists()), None)


def keep_strip(made: Sequence[np.ndarray], path: Path) -> None:
    """Frames of two videos, a row each, evenly spaced over their first 128 frames: JPEG with colour
    in full resolution, a third of PNG's size.
    """
    rows = [v[np.linspace(0, min(SHORT, len(v)) - 1, STRIP).astype(int)] for v in made[:2]]
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet = np.concatenate([np.concatenate(list(row), axis=1) for row in rows])
    Image.fromarray(sheet).save(path, quality=92, subsampling=0)


def kept_frames(path: Path) -> np.ndarray:
    """Those of the second video of a kept picture: (STRIP, H, W, 3) uint8."""
    sheet = np.asarray(Image.open(path).convert("RGB"))
    return np.stack(np.split(sheet[-(sheet.shape[1] // STRIP) :], STRIP, axis=1))


def clip_of(path: Path, way: str) -> Path:
    """The video that lies beside a result file, of one way."""
    return strip_of(path, way).with_suffix(".mp4")


def keep_clip(made: Sequence[np.ndarray], model: Trained, path: Path, way: str) -> None:
    """The second video, as in the strip; enlarged, since the codec keeps half as much of colour."""
    facts = {"model": model.kind, "checkpoint": model.digest, "way": way}
    write_mp4(clip_of(path, way), made[1][:KEPT], 25.0, metadata=facts, scale=2)


def kept_clip(path: Path) -> np.ndarray:
    """What `keep_clip` kept: (T, H, W, 3) uint8. Raises InputError where it is missing."""
    if not path.exists():
        raise InputError(f"{path.name} is missing; git checkout brings it back")
    return np.stack([frame[::2, ::2] for frame in Film(path)])


def prepared(given: dict, test_fraction: float | None = None) -> tuple[Setting, VideoSet, Task]:
    """The parameters of one run (data set, source, preset, seed, out_root), checked, its data, and
    how much of it is made and scored.
    """
    p = checked(given)
    videos = data(p, test_fraction)
    return p, videos, task_of(p.preset, videos.card["source"])


def compare(
    given: Mapping,
    names: Sequence[str] | None,
    seeds: Sequence[int],
    ways: Sequence[str],
    out: Path,
    test_fraction: float | None = None,
    aside: bool = False,
) -> None:
    """Trains and scores contestants with every seed, each by its usual ways or those that are
    given, and says which files it wrote to `out`. names: None for all of the comparison that the
    preset knows. given: of a Setting, without the seed. Refuses before it trains.
    """
    if wrong := [w for w in ways if w not in WAYS]:
        raise InputError(f"codes are drawn by {', '.join(WAYS)}, not {wrong[0]!r}")
    preset = checked(given).preset
    known = [name for name, c in COMPARED.items() if c.known_at(preset)]
    chosen = [contestant(name) for name in (known if names is None else names)]
    if wrong := [c.name for c in chosen if not c.ways]:
        raise InputError(f"{wrong[0]} makes no videos; name what is trained over it")
    for seed in seeds:
        p = checked({**given, "seed": seed})
        for c in chosen:
            c.preset(p)
    for seed in seeds:
        p, videos, task = prepared({**given, "seed": seed}, test_fraction)
        clips = any(w in CLIP_WAYS for c in chosen for w in ways or c.usual if w in c.ways)
        print(run_real(p, videos, task, out, aside, clips).name, flush=True)
        for c in chosen:
            asked = ways or c.usual
            path = run(c, p, videos, asked, task, out, Path(given["out_root"]), aside)
            if lacks := [w for w in asked if w not in c.ways]:
                print(f"{c.name} draws no codes by {', '.join(lacks)}", flush=True)
            if path:
                print(path.name, flush=True)
        run_real(p, videos, task, out)  # what waited for a contestant's file
