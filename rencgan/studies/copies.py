"""Are generated clips copied from the training videos? Distances to the nearest training clip."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from rencgan.core.errors import InputError
from rencgan.core.progress import Progress
from rencgan.data.hops import CLIP, spaced
from rencgan.data.videoset import VideoSet
from rencgan.evaluate import nearest
from rencgan.evaluate.extractors import Extractor
from rencgan.evaluate.nearest import Clips, Nearest
from rencgan.studies.generated import BATCH

Videos = Sequence[np.ndarray]  # each (T, H, W, 3) uint8
APART, APART_MADE = 8, 64  # frames from one clip to the next: of training videos, of the others
MOST = 512  # clips a side, evenly spaced
ALL = 3072  # training clips up to which features of all are compared
SPREAD = 1024  # of more, so many are, evenly spaced, beside the nearest in pixels


def memorisation(
    made: Videos | Mapping[str, Videos],
    held_out: Videos,
    training: VideoSet,
    extractors: Mapping[str, Extractor],
    attempt: Callable = lambda name, work, *given: work(*given),
) -> list[dict]:
    """Rows, for each network: how far clips of generated videos (or of several sets of them, by
    name) and of held-out videos lie from the nearest training clip. Much nearer than held-out ones:
    copied.

    In pixels every training clip counts (one every 8 frames), in features those that `_compared`
    chooses; the rows say how many. attempt(name, work, *given) calls a network's work: where it
    returns None for one that failed, the distances in pixels stay.
    """
    sides = made if isinstance(made, Mapping) else {"generated": made}
    clips = {k: Clips(v, APART_MADE, MOST) for k, v in (*sides.items(), ("held out", held_out))}
    if without := [name for name, some in clips.items() if not len(some)]:
        raise InputError(f"no video has the {CLIP} frames of a clip: {', '.join(without)}")
    videos = training.select("train", min_frames=CLIP)
    source = Clips([videos.video(i) for i in range(len(videos))], APART)
    pixels = _in_pixels(clips, source, training.let_go)
    chosen, rows = _compared(pixels, len(source)), []
    for network, extractor in extractors.items():
        name = f"nearest clips in features, {network}"
        given = (clips, source, chosen, training.let_go)
        features = attempt(name, _in_features, extractor, *given) or {}
        rows += [
            {"network": network, "clips": f"{side} ({len(clips[side])})"}
            | _near("nearest training clip, pixels", "least", near)
            | _near("nearest, features", "least, features", features.get(side))
            | {"of, pixels": len(source), "of, features": len(chosen) if features else None}
            for side, near in pixels.items()
        ]
    return rows


def _near(mean: str, least: str, near: Nearest | None) -> dict:
    if near is None:
        return {mean: None, least: None}
    return {mean: near.distance.mean(), least: near.distance.min()}


def _in_pixels(clips: Mapping[str, Clips], source: Clips, let_go: Callable) -> dict[str, Nearest]:
    """The nearest training clip of every clip; the training clips are gone through once."""
    with Progress(len(source), "looking for clips in the training videos") as bar:

        def tell(done: int) -> None:
            let_go()
            bar.update(done)

        joint = [clip for some in clips.values() for clip in some]
        found = nearest.in_pixels(joint, source, tell)
    ends = np.cumsum([len(some) for some in clips.values()])[:-1]
    parts = zip(*(np.split(column, ends) for column in found), strict=True)
    return {name: Nearest(*part) for name, part in zip(clips, parts, strict=True)}


def _compared(pixels: Mapping[str, Nearest], n: int) -> np.ndarray:
    """Which of n training clips features are compared with: all up to ALL; of more, SPREAD evenly
    spaced ones and, so that no copy is overlooked, those that are nearest in pixels.
    """
    near = np.concatenate([found.index for found in pixels.values()])
    return np.arange(n) if n <= ALL else np.union1d(spaced(n, SPREAD), near)


def _in_features(
    extractor: Extractor,
    clips: Mapping[str, Clips],
    source: Clips,
    chosen: np.ndarray,
    let_go: Callable,
) -> dict[str, Nearest]:
    known = _in_parts(extractor, source, chosen, let_go)
    return {
        name: nearest.in_features(_in_parts(extractor, some, range(len(some)), let_go), known)
        for name, some in clips.items()
    }


def _in_parts(
    extractor: Extractor, clips: Clips, chosen: Sequence[int], let_go: Callable
) -> np.ndarray:
    """Features (n, d) of the chosen clips, a few clips in memory at a time."""
    with Progress(len(chosen), "clips to features") as bar:
        found = []
        for first in range(0, len(chosen), BATCH):
            some = np.stack([clips[i] for i in chosen[first : first + BATCH]])
            found.append(np.asarray(extractor(some), np.float64))
            let_go()
            bar.update(first + len(some))
    return np.concatenate(found)
