"""What videos come to: the numbers of one way of a result file."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache

import numpy as np

from rencgan.core.errors import InputError
from rencgan.core.files import project_root
from rencgan.data.hops import CLIP
from rencgan.data.videoset import VideoSet
from rencgan.evaluate import horizon, long, measures
from rencgan.evaluate.extractors import Extractor, Remembered, find
from rencgan.evaluate.frechet import distance_of
from rencgan.evaluate.motion import motion_distance
from rencgan.evaluate.protocols import PROTOCOLS
from rencgan.evaluate.scores import evaluate
from rencgan.models.trained import Trained
from rencgan.studies import generated
from rencgan.studies.entries import AGAINST, FOURTH, MOVING, SCORES, SECOND, made_long
from rencgan.studies.generated import made_by
from rencgan.studies.unseen import Task, Unseen
from rencgan.studies.variants import Contestant

CLIPS = 256  # of 16 frames, where a contestant makes nothing longer
ENDS = 128  # frames at both ends of a long video whose clips are compared
FEATURES = 4  # long videos whose features' spectrum is taken


@cache
def judge() -> Remembered:
    """The embedded extractor, by which all contestants are scored."""
    return Remembered(find("compact"))


@cache
def second_judge() -> Remembered | None:
    """The one that was trained on photographs alone; None, and a sentence, where it is missing."""
    try:
        return Remembered(find("imagenet"))
    except InputError as error:
        print(str(error).replace(f"{project_root()}/", ""), flush=True)
        return None


def by_second(made: Sequence[np.ndarray], real: Sequence[np.ndarray], lengths, seed: int) -> list:
    """Its distances, as a result file holds them."""
    if not (extractor := second_judge()):
        return []
    found = evaluate(real, made, PROTOCOLS["ours"].but(lengths=lengths), extractor, seed)
    return [s.as_dict() for s in found if " / " not in s.name]


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
    against real   the measures of evaluate/long.py; the features' spectrum of a few videos
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
    found = {k: None if v is None else float(v) for k, v in found.items()}
    return found | {AGAINST: against_real(made, real, extractor)}


def against_real(made: Sequence[np.ndarray], real: Sequence[np.ndarray], extractor) -> dict:
    """All of long.against_real as JSON holds it, each drift with the motion that it was had at. The
    spectrum of features is of FEATURES videos: a network reads them clip by clip.
    """
    found = long.against_real(made, real, min(64, min(map(len, (*made, *real))) // 2))
    some = (side[:FEATURES] for side in (made, real))
    spectra = long.spectra(*some, long.tracked(extractor))
    found["temporal spectrum of features"] = spectra.distance

    def plain(value):
        if isinstance(value, long.Drift):
            return {k: plain(v) for k, v in asdict(value).items()}
        return float(value) if np.isfinite(value) else None

    return {k: plain(v) for k, v in found.items()}


def moving(made: Sequence[np.ndarray], real: Sequence[np.ndarray], extractor, seed: int) -> list:
    """The motion distance of the first clips, as a result file holds it."""
    protocol = PROTOCOLS["ours"].but(lengths=(CLIP,))
    return [s.as_dict() for s in motion_distance(real, made, extractor, protocol, seed)]


def diversity(made: Sequence[np.ndarray], real: Sequence[np.ndarray], extractor) -> float | None:
    """How far the videos of a side lie apart: the total variance of their first clips' features,
    over that of real ones; None of one real video. Noise adds to it as content does.
    """
    spreads = [_clips_of([v[:CLIP] for v in s], extractor).var(0).sum() for s in (made, real)]
    return float(spreads[0] / spreads[1]) if spreads[1] > 0 else None


def _clips_of(videos: Sequence[np.ndarray], extractor: Extractor) -> np.ndarray:
    clips = [v[s : s + CLIP] for v in videos for s in range(0, len(v) - CLIP + 1, CLIP)]
    parts = [np.stack(clips[i : i + CLIP]) for i in range(0, len(clips), CLIP)]
    return np.concatenate([np.asarray(extractor(part), np.float64) for part in parts])


def scored(model: Trained, way: str, real: Unseen, extractor, seed: int, c: Contestant) -> dict:
    """One way of drawing codes: the scores of all videos to 128 frames (or as many as the system
    makes), the measures of the long ones. VDrej, which takes 20 times as long, makes 128 frames of
    all, and so do contestants that ask for no long ones. Of a system whose longer videos are slower
    the long ones are made to 128 frames too, and scored so. The noise of a video is the same in
    every way and for every contestant of its kind.
    """
    whole = made_long(c, way)
    reach = min(real.short, model.system.longest or real.short)
    protocol = PROTOCOLS["ours"].but(lengths=c.lengths)
    skipped = model.hop if model.system.prior == generated.FIRST_CLIP else 0  # frames that are real
    first, rest = real.footage[: real.long], real.footage[real.long :]
    shown, others = real.subjects[: real.long], real.subjects[real.long :]
    began = time.perf_counter()
    lengthy = made_by(model, way, first, real.frames if whole else reach + skipped, 2 * seed, shown)
    short = made_by(model, way, rest, reach + skipped, 2 * seed + 1, others)
    paced = lengthy
    if whole and model.system.slows:
        paced = made_by(model, way, first, reach + skipped, 2 * seed, shown)
    took = time.perf_counter() - began

    found = {"seconds for all videos": took, "checkpoint": model.digest}
    for start in sorted({0, skipped}):
        part, told = slice(start, start + reach), f" from frame {start}" * bool(start)
        sides = [[v[part] for v in videos] for videos in (real.footage, paced + short)]
        scores = evaluate(*sides, protocol, extractor, seed)
        found[f"{SCORES}{told}"] = [s.as_dict() for s in scores]
        found[f"{MOVING}{told}"] = moving(*sides[::-1], extractor, seed)
        found[f"{SECOND}{told}"] = by_second(*sides[::-1], c.lengths, seed)
    found["diversity"] = diversity(*sides[::-1], extractor)  # from the model's own first frame
    if c.fourth:  # what is trained on every fourth frame is judged so
        sides = ([v[:reach:4] for v in videos] for videos in (real.footage, paced + short))
        scores = evaluate(*sides, protocol.but(lengths=(16, 32)), extractor, seed)
        found[FOURTH] = [s.as_dict() for s in scores]
    if whole:
        found["long"] = long_measures(lengthy, real.real(real.frames), model.hop, extractor)
    return found | {"videos": (paced + short)[:4]}


def clip_measures(made: Sequence[np.ndarray], real: Sequence[np.ndarray]) -> dict:
    """What single clips come to, as means; of acceleration and octaves, over real clips'."""
    paces = [np.mean([long.acceleration(v) for v in side]) for side in (made, real)]
    return {
        "motion": float(np.mean([measures.motion(v) for v in made])),
        "sharpness": float(np.mean([measures.sharpness(v) for v in made])),
        "acceleration": float(paces[0] / paces[1]),
        "worst octave": long.worst(long.octaves(made, real)),
    }


def scored_clips(
    model: Trained, way: str, real: Unseen, videos: VideoSet, extractor, seed: int
) -> dict:
    """For EncGAN3: CLIPS clips from noise, or from the codes of training clips ("encoded", as Table
    3.2 is made), against as many of the unseen videos. All have the steps from frame to frame that
    it was trained on.
    """
    began, count = time.perf_counter(), clips_for(real)
    steps = model.system.frame_steps(model.preset)
    if way == "noise":
        made = generated.clips_from_noise(model, count, seed)
    else:
        train = videos.select("train", min_frames=(CLIP - 1) * steps[0] + 1)
        shown = generated.clips_of(train, count, steps)
        made = generated.rebuilt(model, shown, seed)
    goal = real.clips(count, steps)
    return scores_of_clips(list(made), goal, extractor, seed, steps) | {
        "seconds for all videos": time.perf_counter() - began,
        "checkpoint": model.digest,
        "videos": list(made[:4]),
    }


def clips_for(real: Unseen) -> int:
    """How many clips stand for so many videos."""
    return CLIPS * len(real.footage) // Task.short


def scores_of_clips(
    made: Sequence[np.ndarray],
    real: Sequence[np.ndarray],
    extractor: Extractor,
    seed: int,
    steps: tuple[int, int] = (1, 1),
) -> dict:
    """What single clips come to, as a result file holds it. steps: from frame to frame of theirs,
    a range.
    """
    scores = evaluate(real, made, PROTOCOLS["ours"].but(lengths=(CLIP,)), extractor, seed)
    return {
        SCORES: [s.as_dict() for s in scores],
        MOVING: moving(made, real, extractor, seed),
        SECOND: by_second(made, real, (CLIP,), seed),
        "clips": clip_measures(made, real) | {"frame step": sum(steps) / 2},
    }
