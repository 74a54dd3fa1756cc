"""Stand-ins for the data sets: videos made from a seed, so that everything runs with no download.

    for video in catalogue("sky", videos=6, max_frames=100):
        frames = video.frames(64)          # (100, 64, 64, 3) uint8

Video i depends on (data set, seed, i) alone. Its class is i modulo the number of classes, and its
scene or person i modulo theirs; the two are coprime, so that the first few videos are balanced and
all of them meet every pair. Behind the whole set of skies and tai chi come further videos, where
so many are asked for: short, each with a scene or person of its own.
"""

from dataclasses import dataclass, replace
from numbers import Integral

import numpy as np

from rencgan.core.errors import InputError

from . import face, people, sky
from .further import MOST

__all__ = ["DESCRIPTIONS", "VERSION", "StandIn", "catalogue"]

VERSION = 3  # part of cache keys: bump when the pictures change

DESCRIPTIONS = {
    "sky": "Procedural time-lapses: six classes of clouds move and change over 35 horizons.",
    "taichi": "A procedural figure, ten people in turn, flows through one of seven tai chi forms.",
    "weizmann": "A procedural figure, nine people in turn, performs the ten Weizmann actions.",
    "kth": "A procedural figure, 25 people in turn, performs the six KTH actions in grey.",
    "ucf101": "A procedural figure, nine people in turn, performs 17 of the UCF101 actions.",
    "uva": "A procedural face, 120 people in turn, smiles now and then, blinks and moves its head.",
}
VIDEOS = people.VIDEOS | {"sky": sky.WHOLE, "uva": face.VIDEOS}  # of the whole sets
ENDLESS = ("sky", "taichi")  # a longer video begins with the same frames as a shorter one


@dataclass(frozen=True)
class StandIn:
    """One video, described but not yet drawn."""

    name: str  # "sky_0006_cumulus"
    label: str  # class
    subject: str  # the scene (sky) or the person
    n_frames: int
    fps: float
    dataset: str
    seed: int
    index: int

    def frames(self, size: int) -> np.ndarray:
        """The video as (n_frames, size, size, 3) uint8, RGB. The size changes the resolution alone.

        Raises InputError unless size is a whole number of at least 16.
        """
        size = _whole("size", size, least=16)
        if self.dataset == "sky":
            return sky.render(self.seed, self.index, self.n_frames, size)
        if self.dataset == "uva":
            return face.render(self.seed, self.index, self.n_frames, size)
        return people.render(self.dataset, self.seed, self.index, self.n_frames, size)


def _whole(name: str, value: int, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise InputError(f"{name} is {value!r}, but must be a whole number of at least {least}.")
    return int(value)


def _stand_in(dataset: str, seed: int, index: int, max_frames: int | None) -> StandIn:
    if dataset == "sky":
        label, subject, n, fps = sky.describe(seed, index)
    elif dataset == "uva":
        label, subject, n, fps = face.describe(seed, index)
    else:
        label, subject, n, fps = people.describe(dataset, seed, index)
    n = n if max_frames is None else min(n, max_frames)
    return StandIn(f"{dataset}_{index:04d}_{label}", label, subject, n, fps, dataset, seed, index)


def longer(video: StandIn, frames: int) -> StandIn:
    """A video of exactly so many frames, which goes on as it began where it has fewer: clouds keep
    drifting, a form is done again. Only skies and tai chi can; others raise InputError.
    """
    if video.dataset not in ENDLESS:
        raise InputError(f"stand-ins that go on are {', '.join(ENDLESS)}, not {video.dataset!r}.")
    return replace(video, n_frames=_whole("frames", frames, least=1))


def catalogue(
    dataset: str, seed: int = 0, videos: int | None = None, max_frames: int | None = None
) -> list[StandIn]:
    """The stand-in videos of a data set.

    videos: so many, balanced over the classes; None: the whole set. max_frames: every video cut to
    so many frames; those left are the same as in the whole video. Raises InputError for an unknown
    data set, a negative seed, fewer than 1 video or frame, or more videos than there are.
    """
    if dataset not in DESCRIPTIONS:
        raise InputError(
            f"There is no stand-in for {dataset!r}; there is one for {', '.join(DESCRIPTIONS)}."
        )
    seed = _whole("seed", seed, least=0)
    count = VIDEOS[dataset] if videos is None else _whole("videos", videos, least=1)
    most = MOST if dataset in ENDLESS else VIDEOS[dataset]
    if count > most:
        raise InputError(f"videos is {count}, but the stand-in for {dataset} has {most}.")
    if max_frames is not None:
        max_frames = _whole("max_frames", max_frames, least=1)
    return [_stand_in(dataset, seed, i, max_frames) for i in range(count)]
