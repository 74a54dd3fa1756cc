"""How a Fréchet distance is taken, as data: the choices that make two papers' numbers differ.

PROTOCOLS follow papers as far as they say what they do; `note` says where they do not. "(scaled)"
in a score's name says that there were fewer videos than the protocol asks for.
"""

from dataclasses import asdict, dataclass, fields, replace

import numpy as np

from rencgan.core.errors import InputError


@dataclass(frozen=True)
class Protocol:
    """What is compared with what. Counts are of videos; None: as many as there are."""

    name: str
    source: str  # where it is described
    real: int | None
    generated: int | None
    lengths: tuple[int, ...] = (16, 128)  # frames scored; one distance each
    real_frames: str = "first"  # "first", "random" or "middle" clip of a video
    generated_frames: str = "first"
    clips: int = 1  # taken of each video
    real_stride: int = 1  # from one frame to the next
    generated_stride: int = 1
    choice: str = "sorted"  # of videos, where there are more: "sorted" (the first) or "random"
    split: str | None = None  # of the real set, where it is a prepared one; None: all of it
    size: int | None = None  # pixels of both sides before the extractor; None: as they are
    # How frames come to `size`, where one is given.
    resize: str = "centre square; area average when it shrinks, bilinear when it grows"
    values: str = "uint8; floats from [-1, 1] as (x + 1) / 2 of 255"
    ddof: int = 1  # covariance: sums over (n - ddof)
    repeats: int = 5  # resamplings for the spread, and for the floor
    least: int = 2  # videos of a side, with fewer of which there is no score
    note: str = ""

    def __post_init__(self):
        object.__setattr__(self, "lengths", tuple(self.lengths))
        for problem in self._problems():
            raise InputError(f"protocol {self.name!r}: {problem}")

    def _problems(self):
        places = ("first", "random", "middle")
        for side in ("real", "generated"):
            count, frames = getattr(self, side), getattr(self, f"{side}_frames")
            if frames not in places:
                yield f"{side}_frames is one of {', '.join(places)}, not {frames!r}"
            if count is not None and count < 2:
                yield f"a distance needs at least 2 {side} videos, not {count}"
        if self.choice not in ("sorted", "random"):
            yield f"choice is 'sorted' or 'random', not {self.choice!r}"
        if min(self.lengths, default=0) < 1:
            yield f"lengths are whole numbers of frames, not {self.lengths}"
        if len(set(self.lengths)) < len(self.lengths):
            yield f"each length is named once, not {self.lengths}"
        if self.size is not None and self.size < 8:
            yield f"size is at least 8 pixels, not {self.size}"
        if min(self.real_stride, self.generated_stride) < 1:
            yield "strides are whole numbers from 1 up"
        if self.clips < 1:
            yield f"at least 1 clip is taken of a video, not {self.clips}"
        if self.clips > 1 and "random" not in (self.real_frames, self.generated_frames):
            yield "several clips of a video differ only where a side's frames are 'random'"
        if self.repeats < 5:
            yield f"a spread needs at least 5 repeats, not {self.repeats}"
        if self.ddof not in (0, 1):
            yield f"ddof is 0 or 1, not {self.ddof}"

    def but(self, **changes) -> "Protocol":
        """This protocol with other values; an unknown field is refused by name."""
        unknown = set(changes) - {f.name for f in fields(self)}
        if unknown:
            raise InputError(f"a protocol has no field {', '.join(sorted(unknown))}")
        return replace(self, **changes)

    def as_dict(self) -> dict:
        """As cards hold it; those of before `least` was there go with others at its default."""
        found = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
        return {k: v for k, v in found.items() if k != "least" or v != 2}


STYLEGAN_V = Protocol(
    name="styleganv",
    source="StyleGAN-V, section 4, as its public evaluation does it",
    real=2048,
    generated=2048,
    real_frames="random",
    split="train",
    note="Of more than 2048 real videos the first in sorted order.",
)
TATS = Protocol(
    name="tats",
    source="TATS (Ge et al., ECCV 2022)",
    real=2048,
    generated=2048,
    lengths=(16,),
    real_frames="random",
    choice="random",
    size=128,
    note="As far as its paper says; whether order and frames are drawn is our reading.",
)
_ALL = (
    Protocol(
        name="ours",
        source="this study",
        real=None,
        generated=None,
        choice="random",
        note="Any two folders. The whole video counts from its first frame.",
    ),
    Protocol(
        name="thesis",
        source="thesis, sections 4.5 and 5.5",
        real=None,
        generated=64,
        note="The number of real videos is not given: all that are long enough. The best "
        "checkpoint is reported there.",
    ),
    STYLEGAN_V,
    STYLEGAN_V.but(
        name="styleganv-random",
        source="StyleGAN-V, with real videos drawn at random",
        choice="random",
        note="The variant without the habit of taking the first in sorted order.",
    ),
    TATS,
    TATS.but(name="digan", source="DIGAN (Yu et al., ICLR 2022)", lengths=(16, 128)),
    Protocol(
        name="g3an-video-fid",
        source="G3AN's public evaluation",
        real=None,
        generated=5000,
        lengths=(16,),
        real_frames="middle",
        generated_frames="middle",
        note="Made for the video FID (resnext-101). Its samples were rescaled each by its own "
        "range; here (x + 1) / 2.",
    ),
    Protocol(
        name="ivgan",
        source="the comparison of iVGAN's six critics",
        real=16,
        generated=16,
        lengths=(32,),
        choice="random",
        least=16,
        note="One draw for a seed; the paper takes the mean of 100. So few videos lie far apart: "
        "numbers compare within this protocol alone, and one of 2048 videos belongs beside them.",
    ),
)
PROTOCOLS = {p.name: p for p in _ALL}


def protocol(name: str) -> Protocol:
    """The protocol of that name; an unknown one is refused with those there are."""
    if name not in PROTOCOLS:
        raise InputError(f"there is no protocol {name!r}; choose one of {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]


def start(place: str, frames: int, needed: int, seed: int, index: int, clip: int = 0) -> int:
    """First frame of the clip of `needed` frames that is taken from a video. "random" depends on
    (seed, index of the video, number of the clip) alone, so neither order nor batches matter.
    """
    spare = frames - needed
    if spare < 0:
        raise InputError(f"a clip of {needed} frames does not fit into {frames}")
    if place == "first":
        return 0
    if place == "middle":
        return spare // 2
    return int(np.random.default_rng([seed, 31, index, clip]).integers(spare + 1))
