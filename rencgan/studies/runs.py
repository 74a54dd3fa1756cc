"""Models side by side under one budget: `python -m rencgan compare sky --seeds 1 2 3`.

Each contestant is trained on the training split of the preset, makes 64 videos of 128 frames and
16 of 1000, and is scored on them against 64 videos that no model has seen. A seed decides the data,
the first weights and all noise, so two contestants are compared seed by seed. (The embedded network
that judges was fitted on stand-ins of seed 0: seeds from 1 up are new to it.)

One JSON file a (data set, source, preset, contestant, seed), written when a way of drawing codes is
done, and one of what real video itself comes to. A second call makes only what is missing, and
refuses files of another recipe. Checkpoints and a few videos of each lie in `--work`.
"""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from rencgan.core.errors import InputError
from rencgan.core.files import alone, key_of, project_root, slug, write_json
from rencgan.core.provenance import provenance
from rencgan.data.hops import CLIP
from rencgan.data.video import write_mp4
from rencgan.data.videoset import VideoSet
from rencgan.evaluate import horizon, measures
from rencgan.evaluate.extractors import Extractor, find
from rencgan.evaluate.frechet import distance_of
from rencgan.evaluate.protocols import PROTOCOLS
from rencgan.evaluate.scores import evaluate
from rencgan.models.trained import Trained
from rencgan.presets.table import PRESETS
from rencgan.r3.foresight import foresight
from rencgan.studies import generated, trainees
from rencgan.studies.generated import made_by, seconds_for_1000
from rencgan.studies.recipes import data
from rencgan.studies.setting import Setting, checked
from rencgan.studies.unseen import SHORT, Task, Unseen, task_of, unseen
from rencgan.studies.variants import CLIP_WAYS, WAYS, Contestant, contestant

RESULTS = project_root() / "reports" / "results"
STRIP = 8  # frames of a video that are kept as a picture
CLIPS = 256  # of 16 frames, where a contestant makes nothing longer
TIMED = "timed together"  # the ways of a file whose seconds go together
ENDS = 128  # frames at both ends of a long video whose clips are compared


# ------------------------------------------------------------------------------------------ scoring


def long_measures(
    made: Sequence[np.ndarray],
    real: Sequence[np.ndarray],
    hop: int,
    extractor: Extractor,
) -> dict:
    """What 1000 frames come to, as means over videos.

    jump           mean frame difference at the junctions over the real videos' anywhere: 1 where a
                   junction moves as much as real frames do (trembling does not lower it, as it
                   lowers the seam ratio)
    seam off       mean |log| of each video's seam ratio: 0 without seams
    drift          distance of each frame's mean colour from frame 0's, over the whole video
    colours kept   of the first frame's, in the last one (histogram intersection)
    detail kept    sharpness of the last quarter over that of the first
    start, end     Fréchet distance of all 16-frame clips in the first and in the last 128 frames to
                   those of the real videos in the same place
    """
    against = {k: ours for k, (ours, _) in horizon.against_real(made, real).items()}
    ratios = [r for r in (measures.seam_ratio(v, hop) for v in made) if np.isfinite(r)]
    steps = [measures.frame_differences(v) for v in made]
    still = np.mean([measures.motion(v) for v in real])
    found = {
        "motion": np.mean([measures.motion(v, hop) for v in made]),
        "seam ratio": np.mean(ratios) if ratios else None,
        "seam off": np.mean(np.abs(np.log(np.maximum(ratios, 1e-6)))) if ratios else None,
        "jump": np.mean([d[hop - 1 :: hop].mean() for d in steps]) / still,
        "sharpness": np.mean([measures.sharpness(v) for v in made]),
        "drift": np.mean([measures.colour_drift(v).mean() for v in made]),
        "colours kept": against["colour kept at the end"],
        "detail kept": against["sharpness at the end over the start"],
        "repetition": against["repetition"],
    }
    for name, part in (("start", slice(None, ENDS)), ("end", slice(-ENDS, None))):
        a, b = (_clips_of([v[part] for v in side], extractor) for side in (real, made))
        found[f"{extractor.metric} 16f, {name}"] = distance_of(a, b, 1)
    return {k: None if v is None else float(v) for k, v in found.items()}


def _clips_of(videos: Sequence[np.ndarray], extractor: Extractor) -> np.ndarray:
    clips = [v[s : s + CLIP] for v in videos for s in range(0, len(v) - CLIP + 1, CLIP)]
    parts = [np.stack(clips[i : i + CLIP]) for i in range(0, len(clips), CLIP)]
    return np.concatenate([np.asarray(extractor(part), np.float64) for part in parts])


def scored(model: Trained, way: str, real: Unseen, extractor, seed: int, c: Contestant) -> dict:
    """One way of drawing codes: the scores of all videos to 128 frames, the measures of the long
    ones. VDrej, which takes 20 times as long, makes 128 frames of all, and so do contestants that
    ask for no long ones. The noise of a video is the same in every way and for every contestant of
    its kind.
    """
    whole = _made_long(c, way)
    reach, protocol = real.short, PROTOCOLS["ours"].but(lengths=c.lengths)
    skipped = model.hop if model.system.prior == generated.FIRST_CLIP else 0  # frames that are real
    first, rest = real.footage[: real.long], real.footage[real.long :]
    shown, others = real.subjects[: real.long], real.subjects[real.long :]
    began = time.perf_counter()
    long = made_by(model, way, first, real.frames if whole else reach + skipped, 2 * seed, shown)
    short = made_by(model, way, rest, reach + skipped, 2 * seed + 1, others)
    took = time.perf_counter() - began

    def score(start: int) -> list[dict]:
        part = slice(start, start + reach)
        sides = ([v[part] for v in videos] for videos in (real.footage, long + short))
        return [s.as_dict() for s in evaluate(*sides, protocol, extractor, seed)]

    found = {
        "scores": score(0),
        "seconds for all videos": took,
        "checkpoint": model.digest,
    }
    if skipped:
        found[f"scores from frame {skipped}"] = score(skipped)
    if c.fourth:  # what is trained on every fourth frame is judged so
        sides = ([v[:reach:4] for v in videos] for videos in (real.footage, long + short))
        scores = evaluate(*sides, protocol.but(lengths=(16, 32)), extractor, seed)
        found["scores of every 4th frame"] = [s.as_dict() for s in scores]
    if whole:
        found["long"] = long_measures(long, real.real(real.frames), model.hop, extractor)
    return found | {"videos": (long + short)[:4]}


def _made_long(c: Contestant, way: str) -> bool:
    return c.long and not way.endswith("VDrej")


def scored_clips(
    model: Trained, way: str, real: Unseen, videos: VideoSet, extractor, seed: int
) -> dict:
    """For EncGAN3: CLIPS clips from noise, or from the codes of training clips ("encoded", as Table
    3.2 is made), against as many of the unseen videos.
    """
    began, count = time.perf_counter(), CLIPS * len(real.footage) // Task.short
    step = model.preset.step_range[0]
    if way == "noise":
        made = generated.clips_from_noise(model, count, seed)
    else:
        made = generated.rebuilt(model, generated.clips_of(videos.select("train"), count, step))
    sides = real.clips(count, step), list(made)
    found = [
        s.as_dict()
        for s in evaluate(*sides, PROTOCOLS["ours"].but(lengths=(CLIP,)), extractor, seed)
    ]
    return {
        "scores": found,
        "clips": {
            "motion": float(np.mean([measures.motion(v) for v in made])),
            "sharpness": float(np.mean([measures.sharpness(v) for v in made])),
        },
        "seconds for all videos": time.perf_counter() - began,
        "checkpoint": model.digest,
        "videos": list(made[:4]),
    }


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
    path = out / f"{p.dataset}-{p.source}-{p.preset}-{slug(c.name)}-seed{p.seed}.json"
    with alone(path.parent / f".{path.stem}.lock"):
        _run(c, p, videos, asked, task, path, work, aside)
    return path


def _run(
    c: Contestant, p, videos: VideoSet, ways, task: Task, path: Path, work: Path, aside: bool
) -> None:
    trainee = trainees.trainee(c, p, videos, work)
    same = {"key": trainee.key(), "task": task.as_dict()}
    found = _begun(path, same, aside)
    missing = [w for w in ways if not is_scored(found["ways"].get(w, {}), w, c)]
    if not missing and (are_timed(found) or not trainee.there()):
        return
    started, real = time.time(), unseen(p, videos, task, c.step)
    real = real if c.step == 1 else real.every(c.step)
    model, training = trainee.trained()
    training = found.get("training", training)  # what it took to make what is there
    found |= same | _head(c, p, trainee, training, real)
    plain = trainee.base and not model.system.asks_subjects(model.preset)
    if plain and "foresight" not in found:
        found["foresight"] = foresight(model, real.real(SHORT), p.seed)
    for way in missing:
        if way in CLIP_WAYS:
            scores = scored_clips(model, way, real, videos, find("compact"), p.seed)
        else:
            scores = scored(model, way, real, find("compact"), p.seed, c)
        made = scores.pop("videos")
        _keep_videos(made, model, work, path.stem, way)
        keep_strip(made, strip_of(path, way))
        record = provenance(model.draws.preset, p.seed, videos.card, started)
        found["ways"][way] = scores | {"provenance": record}
        write_json(path, found)
    record = provenance(model.draws.preset, p.seed, videos.card, time.time())
    found[TIMED] = {"ways": _time(model, found["ways"], real.footage[0]), "provenance": record}
    write_json(path, found)


def _time(model: Trained, ways: dict, footage: np.ndarray) -> list[str]:
    """Puts into all ways of a file what 1000 frames take: one after the other, since a machine that
    is busier at one time than at another would decide which is faster. Returns their names.
    """
    of_videos = sorted(set(ways) - set(CLIP_WAYS))
    for way in of_videos:
        ways[way]["seconds for 1000 frames"] = seconds_for_1000(model, way, footage)
    return of_videos


def are_timed(found: dict) -> bool:
    """Whether the seconds of a result file's ways go together."""
    of_videos = sorted(set(found["ways"]) - set(CLIP_WAYS))
    if not all("seconds for 1000 frames" in found["ways"][way] for way in of_videos):
        return False
    return len(of_videos) < 2 or found.get(TIMED, {}).get("ways") == of_videos


def _begun(path: Path, same: dict, aside: bool) -> dict:
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


def is_scored(kept: dict, way: str, c: Contestant) -> bool:
    """Whether a way's entry of a file has all that the contestant is scored by."""
    told = {s["name"].rpartition(" ")[2] for s in kept.get("scores", [])}
    if way in CLIP_WAYS:
        return f"{CLIP}f" in told
    parts = {"long": _made_long(c, way), "scores of every 4th frame": c.fourth}
    wanted = {name for name, asked in parts.items() if asked}
    return {f"{n}f" for n in c.lengths} <= told and wanted <= set(kept)


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
        "compared with": _told(real),
    }


def _told(real: Unseen) -> str:
    return (
        f"{len(real.footage)} videos of {real.short} frames, {real.long} of them of {real.frames}: "
        f"{real.source}"
    )


def run_real(p, videos: VideoSet, task: Task, out: Path, aside: bool = False) -> Path:
    """What real video comes to: the measures of the long videos that all are compared with, and
    the scores of as many other unseen videos in a contestant's place, where there are others.
    """
    path, started = out / f"{p.dataset}-{p.source}-{p.preset}-real-seed{p.seed}.json", time.time()
    hop = CLIP // 2
    same = {"key": videos.path.name, "task": task.as_dict()}
    if _begun(path, same, aside)["ways"]:
        return path
    real, extractor = unseen(p, videos, task), find("compact")
    side = real.real(real.frames, others=bool(real.others))
    found = {"long": long_measures(side, real.real(real.frames), hop, extractor), "scores": []}
    if not real.others:  # these distances are to itself
        for name in [k for k in found["long"] if k.startswith(extractor.metric)]:
            del found["long"][name]
    else:
        args = real.real(SHORT), real.real(SHORT, others=True), "ours", extractor, p.seed
        found["scores"] = [s.as_dict() for s in evaluate(*args)]
    found["provenance"] = provenance(PRESETS[p.preset], p.seed, videos.card, started)
    head = {"contestant": "real", "dataset": p.dataset, "source": p.source, "preset": p.preset}
    head |= {"seed": p.seed, "compared with": _told(real)}
    write_json(path, head | same | {"ways": {"other unseen videos": found}})
    return path


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
    return path.parent / "pictures" / f"{path.stem}-{slug(way)}.png"


def keep_strip(made: Sequence[np.ndarray], path: Path) -> None:
    """Frames of two videos, a row each, evenly spaced over their first 128 frames."""
    rows = [v[np.linspace(0, min(SHORT, len(v)) - 1, STRIP).astype(int)] for v in made[:2]]
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet = np.concatenate([np.concatenate(list(row), axis=1) for row in rows])
    Image.fromarray(sheet).save(path, optimize=True)


def prepared(given: dict, test_fraction: float | None = None) -> tuple[Setting, VideoSet, Task]:
    """The parameters of one run (data set, source, preset, seed, out_root), checked, its data, and
    how much of it is made and scored.
    """
    p = checked(given)
    videos = data(p, test_fraction)
    return p, videos, task_of(p.preset, videos.card["source"])


def compare(
    given: Mapping,
    names: Sequence[str],
    seeds: Sequence[int],
    ways: Sequence[str],
    out: Path,
    test_fraction: float | None = None,
    aside: bool = False,
) -> None:
    """Trains and scores contestants (all: none are named) with every seed, each by its usual ways
    or those that are given, and says which files it wrote to `out`. given: of a Setting, without
    the seed. Refuses before it trains.
    """
    if wrong := [w for w in ways if w not in WAYS]:
        raise InputError(f"codes are drawn by {', '.join(WAYS)}, not {wrong[0]!r}")
    chosen = [contestant(name) for name in names]
    for seed in seeds:
        checked({**given, "seed": seed})
    for seed in seeds:
        p, videos, task = prepared({**given, "seed": seed}, test_fraction)
        print(run_real(p, videos, task, out, aside).name, flush=True)
        for c in chosen:
            asked = ways or c.usual
            path = run(c, p, videos, asked, task, out, Path(given["out_root"]), aside)
            if lacks := [w for w in asked if w not in c.ways]:
                print(f"{c.name} draws no codes by {', '.join(lacks)}", flush=True)
            if path:
                print(path.name, flush=True)
