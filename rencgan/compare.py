"""Models side by side under one budget: `python -m rencgan.compare sky --seeds 0 1 2`.

Each contestant is trained on the 64 videos of the preset, makes 64 videos of 128 frames and 16 of
1000, and is scored on them against 64 videos that no model has seen. A seed decides the data, the
first weights and all noise, so two contestants are compared seed by seed.

One JSON file a (data set, preset, contestant, seed), written when a way of drawing codes is done; a
second call makes only what is missing. Checkpoints and one video of each lie in `--work`.
"""

import argparse
import json
import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from rencgan import horizon, measures, scoring, study
from rencgan.clips import as_frames
from rencgan.contestants import CONTESTANTS, Contestant, contestant
from rencgan.errors import InputError
from rencgan.evaluate import evaluate
from rencgan.features import Extractor, find
from rencgan.frechet import distance_of
from rencgan.model import Model, load_model
from rencgan.parameters import AR2Run
from rencgan.paths import project_root
from rencgan.presets import PRESETS
from rencgan.procedural import catalogue, longer
from rencgan.progress import Progress
from rencgan.provenance import provenance
from rencgan.recall import CLIP
from rencgan.train import Job, train
from rencgan.video import write_mp4
from rencgan.videoset import VideoSet

RESULTS = project_root() / "reports" / "results"
SHORT, LONG = 128, 1000  # frames of the videos
REACH = CLIP  # frames of footage beyond them: clips 15 frames apart do not end where others do
CANDIDATES = 20
ENDS = 128  # frames at both ends of a long video whose clips are compared


@dataclass(frozen=True)
class Task:
    """How much is made and scored; the smallest is for the tests."""

    short: int = 64  # videos of SHORT frames
    long: int = 16  # of them made on to `frames`
    frames: int = LONG


def slug(name: str) -> str:
    """A contestant's name in file names: "AR2+, noise" is ar2plus-noise."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower().replace("+", "plus")).strip("-")


# ------------------------------------------------------------------------------- unseen real video


@dataclass(frozen=True)
class Unseen:
    """Real videos that no contestant was trained on: (T, H, W, 3) uint8, the first `long` long."""

    footage: list[np.ndarray]
    long: int
    source: str

    def real(self, frames: int) -> list[np.ndarray]:
        """What is compared with: all videos to 128 frames, or the long ones as far as they go."""
        return [v[:frames] for v in (self.footage[: self.long] if frames > SHORT else self.footage)]


def unseen(p, videos: VideoSet, task: Task) -> Unseen:
    """Of a stand-in the videos behind those that are prepared, the same scenes and people in
    other performances; of real data the test split. Raises InputError for fewer than 2 videos.
    """
    if videos.card["source"] == "procedural":
        first = len(videos)
        found = catalogue(p.dataset, p.seed, first + task.short)[first:]
        lengths = [task.frames] * task.long + [SHORT] * (task.short - task.long)
        pairs = zip(found, lengths, strict=True)
        footage = [longer(v, n + REACH).frames(videos.size) for v, n in pairs]
        return Unseen(footage, task.long, f"unseen stand-ins {first} to {first + task.short - 1}")
    test = videos.select("test", min_frames=SHORT + REACH)
    footage = [test.video(i)[: task.frames + REACH] for i in range(len(test))]
    if len(footage) < 2:
        raise InputError(
            f"{len(footage)} of the test videos has {SHORT + REACH} frames; a comparison needs 2"
        )
    return Unseen(footage, len(footage), "test split")


# ------------------------------------------------------------------------------------ making video


def make(model: Model, way: str, footage: Sequence[np.ndarray], frames: int, seed: int) -> list:
    """One video of `frames` frames (or as many as the footage gives) for every piece of footage;
    AR2 looks at none of it and makes as many.
    """
    codes = "mean" if way == "mean" else "sample"
    candidates = CANDIDATES if way == "VDrej" else 1
    if model.kind == "ar2":
        options = {"codes": codes, "candidates": candidates, "seed": seed}
        return list(model.noise_frames(frames, len(footage), **options))
    made = []
    for i, video in enumerate(footage):
        options = {"codes": codes, "candidates": candidates, "seed": seed + i}
        made.append(model.long_frames(video[: frames + REACH], **options)[:frames])
    return made


def seconds_for_1000(model: Model, way: str, footage: np.ndarray, seed: int) -> float:
    """Seconds for one video of 1000 frames, from the time of one of 200 that is dropped as it is
    made; reading real video is not counted.
    """
    codes = "mean" if way == "mean" else "sample"
    options = {"codes": codes, "candidates": CANDIDATES if way == "VDrej" else 1, "seed": seed}
    n = 200

    def work() -> None:
        looped = horizon.Looped(footage, n + REACH)
        pieces = (
            model.from_noise(n, **options)
            if model.kind == "ar2"
            else model.long_video(looped, **options)
        )
        for piece in pieces:
            as_frames(piece[0])

    times = sorted(horizon.seconds(work) for _ in range(3))
    return times[1] * 1000 / n


# ------------------------------------------------------------------------------------------ scoring


def long_measures(
    made: Sequence[np.ndarray], real: Sequence[np.ndarray], hop: int, extractor: Extractor
) -> dict:
    """What 1000 frames come to, as means over videos; the first four without any reference.

    drift          distance of each frame's mean colour from frame 0's, over the whole video
    colours kept   of the first frame's, in the last one (histogram intersection)
    detail kept    sharpness of the last quarter over that of the first
    start, end     Fréchet distance of all 16-frame clips in the first and in the last 128 frames to
                   those of the real videos in the same place
    """
    against = {k: ours for k, (ours, _) in horizon.against_real(made, real).items()}
    ratios = [r for r in (measures.seam_ratio(v, hop) for v in made) if np.isfinite(r)]
    found = {
        "motion": np.mean([measures.motion(v, hop) for v in made]),
        "seam ratio": np.mean(ratios) if ratios else None,
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


def scored(model: Model, way: str, real: Unseen, task: Task, extractor, seed: int) -> dict:
    """One way of drawing codes: the scores of `task.short` videos of 128 frames, the measures of
    `task.long` of 1000. VDrej, which takes 20 times as long, makes the short ones only.
    """
    whole = way != "VDrej"
    footage = real.footage[: real.long] if whole else []
    began = time.perf_counter()
    long = make(model, way, footage, task.frames, seed) if whole else []
    rest = make(model, way, real.footage[len(long) :], SHORT, seed + 1000)
    took = time.perf_counter() - began
    short = [v[:SHORT] for v in long] + rest
    scores = evaluate(real.real(SHORT), short, "ours", extractor, seed)
    found = {
        "scores": [s.as_dict() for s in scores],
        "seconds for 1000 frames": seconds_for_1000(model, way, real.footage[0], seed),
        "seconds for all videos": took,
    }
    if whole:
        truth = real.real(task.frames)
        found["long"] = long_measures(long, truth, model.hop, extractor)
    return found | {"videos": (long or rest)[:4]}


# ------------------------------------------------------------------------------------------- a run


def trained(c: Contestant, p, videos: VideoSet, work: Path) -> tuple[Model, dict]:
    """The model, and what its training took (seconds: None where an earlier call did a part)."""
    preset = c.preset(p)
    out = work / f"{p.dataset}-{p.preset}" / f"{slug(c.name)}-seed{p.seed}"
    job = Job(c.kind, preset, videos.path, out, p.seed, changes=_switches(c, p))
    begun: list[int] = []
    started = time.perf_counter()
    with Progress(preset.steps, f"{c.name}, seed {p.seed}") as bar:

        def tell(done: int, total: int, losses: dict) -> None:
            begun.append(done) if not begun else None
            bar.update(done, losses)

        path = train(job, progress=tell)
    seconds = time.perf_counter() - started
    rest = preset.steps - preset.warmup - preset.motion_warmup
    told = {
        "steps": preset.steps,
        "single frames": preset.warmup * preset.warmup_batch,
        "clips of the motion warm-up": preset.motion_warmup * preset.motion_batch,
        "clips" if c.kind == "lencgan" else "pairs": rest * preset.batch,
        "seconds": None if begun[0] else round(seconds, 1),
        "threads": torch.get_num_threads(),
    }
    return load_model(path, c.kind), told


def _switches(c: Contestant, p) -> tuple:
    return c.switches or study.switches(p, c.kind)


def run(c: Contestant, p, ways: Sequence[str], task: Task, out: Path, work: Path) -> Path:
    """Trains and scores one contestant, the ways that its file lacks; returns the file."""
    path = out / f"{p.dataset}-{p.preset}-{slug(c.name)}-seed{p.seed}.json"
    found = json.loads(path.read_text()) if path.exists() else {"ways": {}}
    missing = [w for w in ways if w in c.ways and w not in found["ways"]]
    if not missing:
        return path
    started = time.time()
    videos = study.data(p)
    model, training = trained(c, p, videos, work)
    real, extractor = unseen(p, videos, task), find("compact")
    if "training" not in found:
        found |= _head(c, p, model, training, real, task, extractor)
    for way in missing:
        scores = scored(model, way, real, task, extractor, p.seed)
        _keep_videos(scores.pop("videos"), model, work, path.stem, way)
        found["ways"][way] = scores
        found["provenance"] = provenance(model.preset, p.seed, videos.card, started)
        _write(path, found)
    return path


def _head(c: Contestant, p, model: Model, training: dict, real: Unseen, task: Task, e) -> dict:
    truth = real.real(task.frames)
    return {
        "contestant": c.name,
        "kind": c.kind,
        "prior": scoring.prior(c.name),
        "dataset": p.dataset,
        "source": "procedural" if real.source.startswith("unseen") else "real",
        "preset": p.preset,
        "seed": p.seed,
        "switches": dict(_switches(c, p)),
        "training": training,
        "checkpoint": model.digest,
        "compared with": f"{len(real.footage)} videos of {SHORT} frames, {real.long} of them of "
        f"{task.frames}: {real.source}",
        "real": long_measures(truth, truth, model.hop, e),
    }


def _write(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    text = json.dumps(study.jsonable(content), indent=1, default=float, allow_nan=False)
    part.write_text(text + "\n", encoding="utf-8")
    os.replace(part, path)


def _keep_videos(made, model: Model, work: Path, stem: str, way: str) -> None:
    """The first few of a run, to look at."""
    folder = work / "videos"
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"model": model.kind, "checkpoint": model.digest, "way": way}
    scale = max(1, 128 // model.preset.size)
    for i, video in enumerate(made):
        write_mp4(folder / f"{stem}-{way}-{i}.mp4", video, 25.0, metadata=facts, scale=scale)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="rencgan.compare", description=__doc__.split("\n")[0])
    parser.add_argument("dataset")
    parser.add_argument("--models", nargs="+", default=list(CONTESTANTS), metavar="NAME")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0], metavar="SEED")
    parser.add_argument("--ways", nargs="+", default=["sample", "mean"], metavar="WAY")
    parser.add_argument("--preset", default="mini", choices=sorted(PRESETS))
    parser.add_argument("--source", default="procedural", choices=("procedural", "real"))
    parser.add_argument("--data-root", default="", help="folder of real videos")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the JSON files go")
    parser.add_argument("--work", type=Path, default=project_root() / "runs" / "compare")
    o = parser.parse_args(argv)
    if wrong := [w for w in o.ways if w not in ("sample", "mean", "VDrej")]:
        raise InputError(f"codes are drawn by sample, mean or VDrej, not {wrong[0]!r}")
    chosen = [contestant(name) for name in o.models]
    given = {"dataset": o.dataset, "source": o.source, "data_root": o.data_root}
    runs = [AR2Run(**given, preset=o.preset, seed=s, out_root=str(o.work)) for s in o.seeds]
    task = Task(4, 2, 200) if o.preset == "smoke" else Task()
    for p in runs:
        for c in chosen:
            print(run(c, p, o.ways, task, o.out, o.work).name, flush=True)


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        raise SystemExit(f"{error}") from None
