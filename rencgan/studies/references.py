"""What real video comes to in a contestant's place (evaluate/references.py), as a result file.

One file a (data set, source, preset, seed), of the contestant "real", with a way for each
reference, of whole videos and of single clips (of the steps of EncGAN3's, and consecutive ones
where these are others). They are made of the videos that all contestants are scored on, but for the
other real videos and their first frames, which is what "held" comes to for a model that sees
nothing of those it is compared with. The blurred ones are as soft as those of R2 at the same preset
and seed, and wait for its file.
"""

import json
import time
from dataclasses import replace
from pathlib import Path

from rencgan.core.errors import InputError
from rencgan.core.files import alone, write_json
from rencgan.core.provenance import provenance
from rencgan.data.hops import CLIP
from rencgan.data.videoset import VideoSet
from rencgan.evaluate.measures import sharpness
from rencgan.evaluate.protocols import PROTOCOLS
from rencgan.evaluate.references import BLURRED, HELD, OTHER, PIECE, SHUFFLED, held, mixed, softened
from rencgan.evaluate.scores import evaluate
from rencgan.presets.table import PRESETS
from rencgan.studies import recipes
from rencgan.studies.entries import AGAINST, FOURTH, MOVING, SCORES, SECOND, begun, path_of
from rencgan.studies.scored import (
    by_second,
    clips_for,
    judge,
    long_measures,
    moving,
    scores_of_clips,
)
from rencgan.studies.unseen import SHORT, Task, Unseen, unseen
from rencgan.studies.variants import CONTESTANTS

REAL, OTHERS = "real", "other unseen videos"  # the contestant; its first way
HELD_OTHERS = "held, of other video"
LABELS = {OTHERS: OTHER, HELD: HELD, HELD_OTHERS: f"{OTHER}, held"}  # of ways, in tables
LABELS |= {BLURRED: BLURRED, SHUFFLED: SHUFFLED}
HELD_CLIPS = "held clips"
CLIP_LABELS = {"other unseen clips": f"{OTHER}, clips", HELD_CLIPS: f"{HELD}, clips"}
CONSECUTIVE = ", consecutive"  # clips of R2's steps, where EncGAN3's are others
CLIP_LABELS |= {f"{way}{CONSECUTIVE}": of + CONSECUTIVE for way, of in CLIP_LABELS.items()}
SOFT = ("R2", "sample")  # whose sharpness the blurred ones have
# all lengths that any contestant is scored at
LENGTHS = tuple(sorted({n for c in CONTESTANTS.values() for n in c.lengths if n <= SHORT}))
JUDGED_TWICE = (CLIP, 32, SHORT)  # by the second judge too


def run_real(
    p, videos: VideoSet, task: Task, out: Path, aside: bool = False, clips: bool = False
) -> Path:
    """Makes and scores the references that a run's file lacks, those of single clips if asked;
    returns the file. What blurred video is like is made anew where R2's sharpness is another.
    Raises InputError for a file of another data or task, or else puts it aside.
    """
    path = path_of(out, p, REAL)
    same = {"key": videos.path.name, "task": task.as_dict()}
    with alone(out / f".{path.stem}.lock"):
        found, soft = begun(path, same, aside), _softness(out, p, same["task"])
        every = (*LABELS, *CLIP_LABELS)
        asked = (*LABELS, *_clip_ways(p)) if clips else LABELS
        missing = [way for way in asked if _lacks(found["ways"].get(way, {}), way, soft)]
        if not missing:
            return path
        real = unseen(p, videos, task)
        head = {"contestant": REAL, "dataset": p.dataset, "source": p.source, "preset": p.preset}
        found |= head | {"seed": p.seed, "compared with": real.told()} | same
        for way in missing:
            started = time.time()
            try:
                clip = way in CLIP_LABELS
                scores = _of_clips(way, real, p) if clip else _scored(way, real, p.seed, soft)
            except InputError as error:  # R2's videos are of hardly more than one colour
                scores = {SCORES: [], "blurred": soft | {"none": str(error)}}
            record = provenance(PRESETS[p.preset], p.seed, videos.card, started)
            found["ways"][way] = scores | {"provenance": record}
            found["ways"] = {name: found["ways"][name] for name in every if name in found["ways"]}
            write_json(path, found, indent=None)
    return path


def _softness(out: Path, p, task: dict) -> dict | None:
    """How sharp R2's long videos are, and whose they are; None where there are none."""
    name, way = SOFT
    path = path_of(out, p, name)
    content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    kept = content.get("ways", {}).get(way, {})
    if content.get("task") != task or "long" not in kept:
        return None
    told = {"as sharp as": f"{name}, {way}", "checkpoint": kept["checkpoint"]}
    return told | {"sharpness": kept["long"]["sharpness"]}


def _lacks(kept: dict, way: str, soft: dict | None) -> bool:
    """Whether a way's entry is to be made."""
    if way in CLIP_LABELS:
        return "no others" not in kept and "frame step" not in kept.get("clips", {})
    blurred = kept.get("blurred", {})
    if way == BLURRED and (not soft or blurred.get("sharpness") != soft["sharpness"]):
        return bool(soft)
    if "no others" in kept or "none" in blurred:  # why there are no scores
        return False
    told = {s["name"].rpartition(" ")[2] for s in kept.get(SCORES, [])}
    return AGAINST not in kept.get("long", {}) or not {f"{n}f" for n in LENGTHS} <= told


def _clip_ways(p) -> list[str]:
    """Those of CLIP_LABELS that a set has: where EncGAN3's clips are consecutive, one of each."""
    both = recipes.recipe(p, "encgan3").step_range != (1, 1)
    return [way for way in CLIP_LABELS if both or not way.endswith(CONSECUTIVE)]


def _of_clips(way: str, real: Unseen, p) -> dict:
    """The scores of a reference of as many clips as EncGAN3 is scored on; none without others."""
    steps, count = recipes.recipe(p, "encgan3").step_range, clips_for(real)
    steps = (1, 1) if way.endswith(CONSECUTIVE) else steps
    goal = real.clips(count, steps)
    if way.removesuffix(CONSECUTIVE) == HELD_CLIPS:
        return scores_of_clips(held(goal), goal, judge(), p.seed, steps)
    if not real.others:
        return {SCORES: [], "no others": True}
    made = replace(real, footage=real.others).clips(count, steps)
    return scores_of_clips(made, goal, judge(), p.seed, steps)


def _scored(way: str, real: Unseen, seed: int, soft: dict | None) -> dict:
    """The scores of one reference. Of data without other videos those ways hold no distance, and
    the first the measures of the real videos themselves.
    """
    extractor, goal = judge(), real.real(real.frames)
    if way == OTHERS and not real.others:
        found = long_measures(goal, goal, PIECE, extractor)
        own = {k: v for k, v in found.items() if not k.startswith((extractor.metric, AGAINST))}
        return {SCORES: [], "long": own, "no others": True}
    if way == HELD_OTHERS and not real.others:
        return {SCORES: [], "no others": True}
    share = soft and soft["sharpness"] / sum(map(sharpness, goal)) * len(goal)

    def made(frames: int) -> list:
        if way == OTHERS:
            return real.real(frames, others=True)
        if way == BLURRED:
            return softened(real.real(frames), share)
        if way in (HELD, HELD_OTHERS):
            return held(real.real(frames, others=way == HELD_OTHERS))
        return mixed(real.real(frames), seed)

    sides = real.real(SHORT), made(SHORT)
    fourth = [[v[::4] for v in side] for side in sides]
    told = PROTOCOLS["ours"]
    found = {
        SCORES: evaluate(*sides, told.but(lengths=LENGTHS), extractor, seed),
        FOURTH: evaluate(*fourth, told.but(lengths=(16, 32)), extractor, seed),
    }
    found = {place: [s.as_dict() for s in scores] for place, scores in found.items()}
    found[MOVING] = moving(*sides[::-1], extractor, seed)
    found[SECOND] = by_second(*sides[::-1], JUDGED_TWICE, seed)
    found["long"] = long_measures(made(real.frames), goal, PIECE, extractor)
    return found | ({"blurred": soft | {"of real sharpness": share}} if way == BLURRED else {})
