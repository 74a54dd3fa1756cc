"""What the notebooks do, one call a step: data, a trained model, its long videos, its table, its
record.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rencgan.core.errors import InputError
from rencgan.core.files import write_array
from rencgan.data.encode import write_mp4
from rencgan.data.hops import CLIP, long_length, seams
from rencgan.data.videoset import VideoSet
from rencgan.evaluate import measures
from rencgan.models.trained import Trained
from rencgan.notebook import show
from rencgan.notebook.kept import Kept
from rencgan.presets.preset import Preset
from rencgan.studies import moments, recipes, weights
from rencgan.studies.departures import of_job
from rencgan.training import loop as train
from rencgan.training import precision
from rencgan.training.scores import read_scores

# What notebooks call by these names.
data, recipe = recipes.data, recipes.recipe
OPEN = "Departures from the papers; not given: the sources leave it open, and the choice is ours."
FORMATS = dict.fromkeys(("l1", "motion", "sharpness", "colour_drift"), ".4f")
FORMATS["seam_ratio"] = ".2f"


def as_usual(p):
    """The parameters for another model than the notebook's own: `steps` and `init_from` are meant
    for that one alone, which is said where they are given.
    """
    given = [name for name in ("steps", "init_from") if getattr(p, name)]
    if not given:
        return p
    print(f"{' and '.join(given)}: for the model of this notebook; the others train as usual.")
    return p.model_copy(update={"steps": 0, "init_from": ""})


def job(p, model: str, videos: VideoSet, variant: str = "", **changes) -> train.Job:
    """The training run that a notebook asks for; its folder is named after its recipe.

    model: "encgan3", "g3an", "r2", "improved-r2", "lencgan" or "ar2". variant: of its loss, where
    it is not to be the run's. changes: of its preset.
    """
    system, preset = recipes.system(p, model, variant), recipe(p, model, **changes)
    data = videos.path or videos
    score = moments.scorer(preset, data)
    found = train.Job(system, preset, data, Path(), p.seed, p.init_path, score=score)
    return recipes.placed(found, p.out_dir)


def trained(
    p, model: str, videos: VideoSet, variant: str = "", **changes
) -> tuple[Trained, train.Job]:
    """Trains the model (or goes on, or finds it finished) with progress, and loads it.

    Refuses, before it trains, data of which no held-out video could be shown afterwards. With the
    parameter weights 'published' it is one of those that come with the project; its folder holds
    its history alone.
    """
    work = job(p, model, videos, variant, **changes)
    if getattr(p, "weights", "train") == "published":
        weights.check_unseen(work, videos)
        return published_model(p, work)
    step, _ = work.system.frame_steps(work.preset)
    videos.select(split="test", min_frames=(CLIP - 1) * step + 1)
    return recipes.trained(work, f"training {model}", getattr(p, "processes", 1)), work


def published_model(p, work: train.Job) -> tuple[Trained, train.Job]:
    """The weights of a recipe in place of its training, and its job with a folder of their own;
    says whose they are. Raises InputError as weights.in_place_of.
    """
    model, found, told = weights.in_place_of(work, p.out_dir)
    print(told)
    return model, found


def moments_of(work: train.Job) -> dict[str, tuple[list[int], list[float]]]:
    """The curve of a run's scores along its way: (steps, scores); {} where none were taken."""
    lines = [line for line in read_scores(work.out) if line["score"] is not None]
    if not lines:
        return {}
    steps, scores = zip(*((line["step"], line["score"]) for line in lines), strict=True)
    return {moments.METRIC: (list(steps), list(scores))}


def origin(model, work) -> str:
    """Where a model comes from: its folder, step and hash, of which moments it is the best, and
    what it was computed in.
    """
    line = f"{model.name}: {work.out.name}, step {model.step:,}, sha256 {model.digest}"
    best = moments.told(work) if work.score else ""
    why = [f"{part}: {reason}" for part, reason in precision.told(work.out).items()]
    return "\n".join([line, *filter(None, [best, *why])])


def departures(work: train.Job) -> list[dict]:
    """Rows of the table that tells in what a training leaves the papers."""
    return of_job(work)


def held_out(work: train.Job) -> str:
    """What captions say of the test split: nothing is held out of a training on the whole set."""
    whole = getattr(work.preset, "train_on", "train") == "all"
    return "nothing is held out: the training saw them too" if whole else "held out"


# ------------------------------------------------------------------------------ looking at the data


def card_rows(card: dict) -> list[dict]:
    """The data card as rows for a table; long lists become counts."""
    expected, split = card.get("expected") or {}, card.get("split") or {}
    rows = {
        "data set": f"{card['title']} ({card['dataset']})",
        "source": card["source"],
        "videos": f"{card['used']} of {card['found']} used; published: {expected.get('videos')}",
        "split": f"{split.get('train')} training, {split.get('test')} test videos; "
        f"sha256 {str(split.get('sha256'))[:12]}",
        "frames": f"{card['frames']:,}; {_span(card['frames_range'])} a video",
        "frames a second": _span(card["fps"]),
        "size": f"{card['size']}x{card['size']} pixels, {card['margin']} px off every edge first",
        "original sizes": ", ".join(map(str, card["original_sizes"])) or "drawn at this size",
        "classes": ", ".join(f"{label or 'none'} {n}" for label, n in card["labels"].items()),
        "subjects": card["subjects"],
        "left out": len(card["left_out"]),
        "kept as": ", ".join(f"{n} {kind}" for kind, n in card.get("kinds", {}).items()),
        "other files": ", ".join(f"{n} {e}" for e, n in card.get("other_endings", {}).items()),
    }
    return [{"what": name, "value": value} for name, value in rows.items() if value != ""]


def _span(pair) -> str:
    low, high = pair
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def one_of_each(videos: VideoSet, most: int = 6) -> list[int]:
    """The first video of each of at most `most` classes; without classes, the first ones."""
    first: dict[str, int] = {}
    for i, v in enumerate(videos.videos):
        first.setdefault(v.label or v.name, i)
    return list(first.values())[:most]


def motion_by_class(videos: VideoSet) -> list[dict]:
    """Rows: class, videos, mean, least and most motion of its videos (first 200 frames)."""
    found: dict[str, list[float]] = {}
    for i, v in enumerate(videos.videos):
        if v.length >= 2:
            found.setdefault(v.label or "all", []).append(measures.motion(videos.video(i)[:200]))
    return [
        {"class": k, "videos": len(m), "motion": np.mean(m), "least": min(m), "most": max(m)}
        for k, m in sorted(found.items())
    ]


def held_out_clips(videos: VideoSet, count: int, seed: int, step: int = 1) -> np.ndarray:
    """Clips of held-out videos, one a video where there are enough: (count, 16, H, W, 3) uint8.

    step: from one frame to the next; the smallest that the model was trained on.
    """
    length = (CLIP - 1) * step + 1
    test = videos.select("test", min_frames=length)
    rng = np.random.default_rng(seed)
    clips = []
    for i in range(count):
        video = test.video(i % len(test))
        start = int(rng.integers(len(video) - length + 1))
        clips.append(video[start : start + length : step])
    return np.stack(clips)


def sample_grids(work: train.Job, clip: int = 0) -> dict[str, np.ndarray]:
    """One training clip along a run: "step N" -> (16, H, W, 3), and last the real one; {} of
    published weights.
    """
    folder = work.out / "samples"
    if not folder.exists():  # published weights have none
        return {}
    steps = sorted(folder.glob("[0-9]*.npy"))
    found = {f"step {int(path.stem):,}": np.load(path)[clip] for path in steps}
    return found | {"real": np.load(folder / "real.npy")[clip]}


def clip_measures(real: np.ndarray, made: dict[str, np.ndarray], reference: int) -> list[dict]:
    """Rows: L1 to the real clip (for rebuilt clips), motion, sharpness; with the held reference
    frame.
    """
    held = np.repeat(real[:, reference : reference + 1], CLIP, axis=1)
    rows = []
    for name, clips in {"real": real, "reference frame, held": held, **made}.items():
        error = [measures.l1(a, b) for a, b in zip(clips, real, strict=True)]
        rows.append(
            {
                "clips": name,
                "l1": None if name == "from noise" else np.mean(error),
                "motion": np.mean([measures.motion(c) for c in clips]),
                "sharpness": np.mean([measures.sharpness(c) for c in clips]),
            }
        )
    return rows


# -------------------------------------------------------------------------------------- long videos


@dataclass(frozen=True)
class LongVideo:
    """A long generated video beside the footage it was made from, both (T, H, W, 3) uint8."""

    name: str
    split: str
    footage: np.ndarray
    made: np.ndarray
    seconds: float
    hop: int
    candidates: int = 1
    codes: str = "sample"
    fps: float = 25.0
    by: str = "R2"


def footage(
    videos: VideoSet, split: str, frames: int, count: int = 1
) -> list[tuple[str, np.ndarray, float]]:
    """The longest videos of a split, cut to `frames`: (name, (T, H, W, 3) uint8, fps)."""
    chosen = videos.select(split=split, min_frames=CLIP)
    order = sorted(range(len(chosen)), key=lambda i: (-min(chosen.videos[i].length, frames), i))
    return [
        (chosen.videos[i].name, chosen.video(i)[:frames], chosen.videos[i].fps)
        for i in order[:count]
    ]


def long_video(
    model: Trained, name: str, split: str, video: np.ndarray, p, fps: float = 25.0, **options
) -> LongVideo:
    """A model's long video of a piece of footage, with the notebook's hop (LEncGAN: its own), codes
    and seed; and how long it took.
    """
    if len(video) < CLIP:
        raise InputError(f"{name} has {len(video)} frames; a long video needs at least {CLIP}")
    if getattr(p, "weights", "train") == "published" and split == "train":
        split = "other"  # of the set that is shown, which published weights were not trained on
    started = time.perf_counter()
    hop = model.hop_for(p.hop)
    settings = {"hop": hop, "codes": p.codes, "candidates": 1, "seed": p.seed} | options
    made = model.videos(footage=video, **settings)[0]
    seconds = time.perf_counter() - started
    settings.pop("seed")
    return LongVideo(name, split, video, made, seconds, **settings, fps=fps, by=model.name)


def again(model: Trained, video: LongVideo, p, **options) -> LongVideo:
    """Another long video of the same footage, its codes drawn in another way."""
    return long_video(
        model, video.name, video.split, video.footage, p, video.fps, **{"codes": "sample"} | options
    )


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


def over_seeds(model: Trained, video: LongVideo, p, seeds: int) -> list[dict]:
    """Plain sampling against VDrej on the same footage with several noise seeds: rows of mean and
    spread.

    "critic" is the mean logit of the video critic over the 16 frames around each junction: for a
    hop of 8 and more what VDrej maximises step by step.
    """
    rows = []
    for name, candidates in (("plain", 1), (f"VDrej of {p.candidates}", p.candidates)):
        runs = []
        for seed in range(seeds):
            (made,) = model.videos(
                footage=video.footage,
                hop=video.hop,
                codes="sample",
                candidates=candidates,
                seed=seed,
            )
            row = measures.summary(made, video.footage[: len(made)], video.hop)
            runs.append(row | {"critic": model.junction_score(made, video.hop)})
        for kind, f in (("mean", np.mean), ("spread", lambda x: np.std(x, ddof=1))):
            numbers = {key: f([run[key] for run in runs]) for key in runs[0]}
            rows.append({"codes": name, "over seeds": kind} | numbers)
    return rows


def show_long(videos: Sequence[LongVideo], data: VideoSet) -> show.Html:
    """Footage and long video side by side, the junctions marked."""
    tiles = [tile for v in videos for tile in (v.footage[: len(v.made)], v.made)]
    titles = [f"{t} ({v.split})" for v in videos for t in ("real", v.by)]
    marks = [m for v in videos for m in ([], seams(len(v.made), v.hop))]
    return show.videos(
        tiles,
        titles,
        columns=2 * len(videos),
        marks=marks,
        fps=videos[0].fps,
        caption=f"{source(data)}: footage, and the long video that {videos[0].by} made from it; "
        f"{len(videos[0].made)} frames, a junction every {videos[0].hop}.",
    )


def source(videos: VideoSet) -> str:
    """What captions call the data: "procedural sky" or "real sky"."""
    return f"{videos.card['source']} {videos.card['dataset']}"


def show_ways(plain: LongVideo, others: dict[str, LongVideo], data: VideoSet) -> show.Html:
    """One piece of footage, its long video, and others of it: other ways, other models."""
    made = {plain.by: plain} | others
    return show.videos(
        [plain.footage[: len(plain.made)], *(v.made for v in made.values())],
        ["real", *made],
        columns=1 + len(made),
        marks=[[], *(seams(len(v.made), v.hop) for v in made.values())],
        fps=plain.fps,
        caption=f"{source(data)}, {plain.split} video: {', '.join(made)}.",
    )


def write_long(videos: Sequence[LongVideo], model: Trained, p) -> list[Path]:
    """Each long video as H.264 (with seed and checkpoint inside) and as a lossless array."""
    folder = p.out_dir / "long"
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for v in videos:
        way = f"vdrej{v.candidates}" if v.candidates > 1 else v.codes
        by = v.by.lower().replace(",", "").replace(" ", "-")
        path = folder / f"{by}-{v.split}-{way}-seed{p.seed}"
        facts = {"model": model.kind, "checkpoint": model.digest, "seed": p.seed, "hop": v.hop}
        facts |= {"codes": v.codes, "candidates": v.candidates, "footage": v.name}
        scale = max(1, 256 // model.size)
        write_mp4(path.with_suffix(".mp4"), v.made, v.fps, metadata=facts, scale=scale)
        write_array(path.with_suffix(".npy"), v.made)
        paths += [path.with_suffix(".mp4"), path.with_suffix(".npy")]
    return paths


# ------------------------------------------------------------------------------------------- record


def save_results(
    p, notebook: str, preset: Preset, videos: VideoSet, started: float, **results
) -> dict:
    """Writes <out_dir>/<notebook>.json with its provenance; returns the provenance."""
    return Kept(p, notebook, preset, videos, started).add(**results)


def so_far(p, videos: VideoSet, *names: str, of_r3: bool = False) -> dict[str, list[dict]]:
    """Tables by caption, of the result files for this data set and preset, and the verdicts on the
    claims of these studies; of_r3: those that R3 alone has, too. Says how files are made where
    there are none.
    """
    from rencgan.studies import ledger, results
    from rencgan.studies.claims import claims_of

    files = results.read(dataset=p.dataset, preset=p.preset, source=videos.card["source"])
    if files.empty:
        print(f"no results for {p.dataset} at {p.preset}: python -m rencgan compare makes them")
        return {}
    verdicts = ledger.details(files, claims_of(*names))
    parts = results.split(results.rows(results.compared(files)))
    tables = {f"{k}: {source(videos)}, {p.preset}.": rows for k, rows in parts.items()}
    if of_r3:
        tables["Foresight of the heads."] = results.foresight_rows(files)
        tables["By how much the heads come nearer to improved R2, 128f."] = results.gap_rows(files)
    tables[f"Verdicts. {ledger.by_chance(verdicts)}"] = verdicts
    return {caption: rows for caption, rows in tables.items() if rows}
