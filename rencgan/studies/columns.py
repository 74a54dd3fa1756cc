"""The columns of the tables of results: where each number stands in a result file, and its name."""

from typing import NamedTuple

from rencgan.studies.entries import MOVING

METRIC, SECOND_METRIC = "FVD (compact)", "Fréchet distance (ImageNet)"
OWN = " from frame 8"  # in the files of R3
OCTAVES = tuple(f"{2 << k} to {4 << k} px" for k in range(6))  # of spatial waves, fine to coarse


class Measure(NamedTuple):
    """A column of a table: where it stands in one way of a result file, under what name."""

    place: str  # scores, own, second, fourth, moving, long, against, clips; "": the way itself
    name: str
    digits: int = 2


def _fvd(place: str, rest: str) -> Measure:
    return Measure(place, f"{METRIC} {rest}", 1)


def _against(name: str) -> Measure:
    return Measure("against", name)


QUALITY = {
    "16f": _fvd("scores", "16f"),
    "128f": _fvd("scores", "128f"),
    "16f, own": _fvd("own", "16f"),  # from the first frame that is the model's own
    "128f, own": _fvd("own", "128f"),
    **{f"second judge {n}f": Measure("second", f"{SECOND_METRIC} {n}f", 0) for n in (16, 128)},
    "motion distance": Measure("moving", f"{MOVING}, {METRIC} 16f", 1),
    "jump": Measure("long", "jump"),
    "motion": Measure("long", "motion", 4),
    "sharpness": Measure("long", "sharpness", 4),
}
LENGTH = {  # what 1000 frames lose; drift never without the motion that it was had at
    "motion inside clips": QUALITY["motion"],  # that of real counts junctions too
    "motion of real": _against("motion"),
    "decay of motion": _against("decay of motion"),
    "drift of colour": _against("drift of colour"),
    "drift of sharpness": _against("drift of sharpness"),
    "drift": Measure("long", "drift", 3),
    "resets": _against("rise of resets"),
    "repetition": Measure("long", "repetition"),
    "16f, last 128": _fvd("long", "16f, end"),
}
DETAIL = {  # 1 (spectra: 0) is as real video
    "motion of real": _against("motion"),
    "peak motion": _against("peak motion"),
    "acceleration": _against("acceleration"),
    "worst octave": _against("worst octave"),
    **{px: _against(f"energy of waves of {px.removesuffix(' px')} pixels") for px in OCTAVES},
    "spectrum": _against("temporal spectrum"),
    "spectrum of features": _against("temporal spectrum of features"),
}
COST = {"s for 1000": Measure("", "seconds for 1000 frames", 1)}
MEASURES = QUALITY | LENGTH | DETAIL | COST  # of the comparison's tables
OTHER_MEASURES = {  # of single studies
    "ratio": Measure("scores", f"{METRIC} 16f / {METRIC} 128f"),
    "ratio, own": Measure("own", f"{METRIC} 16f / {METRIC} 128f"),
    "diversity": Measure("", "diversity"),
    "seam ratio": Measure("long", "seam ratio"),
    **{f"{n}f, every 4th": _fvd("fourth", f"{n}f") for n in (16, 32)},
    **{f"{n}f": _fvd("scores", f"{n}f") for n in (10, 32, 64, 96, 100)},
    "16f, first 128": _fvd("long", "16f, start"),
    "drift of motion": _against("drift of motion"),
    "drift of contrast": _against("drift of contrast"),
    "clip motion": Measure("clips", "motion", 4),
    "clip sharpness": Measure("clips", "sharpness", 4),
    "clip acceleration": Measure("clips", "acceleration"),
    "clip worst octave": Measure("clips", "worst octave"),
}
LOGS = ("jump", "seam ratio")  # "log jump" is |log|: how far a junction is from real ones
# of a file, with way ""
OF_TRAINING = ("train s", "processor s", "train ms a clip", "clips to best", "processor s to best")
MOMENT = "16f at step "  # and its number: a score along a training (moments.py), with way ""
FORESIGHT = ("error", "last kept", "energy", "likelihood")
DIGITS = {name: m.digits for name, m in (MEASURES | OTHER_MEASURES).items()}
DIGITS |= dict.fromkeys(FORESIGHT, 3)
