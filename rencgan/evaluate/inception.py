"""The video Inception Score and its two parts, from a classifier of the data set's own classes.

IS = exp(E_x KL(p(y|x) || p(y)))        thesis, Eq 3.8;  1 <= IS <= number of classes
ln IS = H(y) - H(y|x)                    diversity (inter-entropy) less doubt (intra-entropy)

    classifier = train_classifier(videos, extractor, by="label")
    value, inter, intra = video_is(generated, classifier, real=videos)  # three scores.Score
"""

from typing import NamedTuple

import numpy as np

from rencgan.core.errors import InputError
from rencgan.core.progress import counted
from rencgan.data.footage import Footage
from rencgan.data.videoset import VideoSet
from rencgan.evaluate.classifier import Classifier
from rencgan.evaluate.protocols import Protocol
from rencgan.evaluate.scores import Score, Tell
from rencgan.evaluate.sides import Side, Window, gather


class InceptionScore(NamedTuple):
    """IS and its parts; ln(value) = inter - intra, in natural logarithms."""

    value: float
    inter: float  # H(y), of the mean distribution: higher is more diverse
    intra: float  # H(y|x), mean over videos: lower is better recognised


def _p_log(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """p log q, where 0 log 0 = 0."""
    return p * np.log(np.where((p > 0) & (q > 0), q, 1.0))


def scores(p: np.ndarray) -> InceptionScore:
    """IS (thesis, Eq 3.8), H(y) and H(y|x) of class probabilities p (n, C), in float64.

    Raises InputError for fewer than 2 rows, NaN, and rows that are no distributions.
    """
    p = np.asarray(p, np.float64)
    if p.ndim != 2 or p.shape[0] < 2 or p.shape[1] < 1:
        raise InputError(f"probabilities are (n, C) of at least 2 videos, not {p.shape}")
    if not np.isfinite(p).all():
        raise InputError("probabilities hold NaN or infinity; the features are broken")
    sums = p.sum(1, keepdims=True)
    if p.min() < 0 or np.abs(sums - 1).max() > 1e-4:  # as far as float32 strays over many classes
        raise InputError("every row of the probabilities must be at least 0 and sum to 1")
    p = p / sums
    mean = p.mean(0, keepdims=True)
    divergence = float((_p_log(p, p) - _p_log(p, np.broadcast_to(mean, p.shape))).sum(1).mean())
    return InceptionScore(
        value=float(np.exp(np.clip(divergence, 0, np.log(p.shape[1])))),  # rounding may go beyond
        inter=max(0.0, float(-_p_log(mean, mean).sum())),
        intra=max(0.0, float(-_p_log(p, p).sum(1).mean())),
    )


def video_is(
    generated,
    classifier: Classifier,
    seed: int = 0,
    repeats: int = 5,
    place: str = "first",
    real: VideoSet | None = None,
    size: int | None = None,
    progress: Tell | None = None,
) -> list[Score]:
    """[IS, H(y), H(y|x)] (thesis, Eq 3.8) of generated videos, one clip of each, with the spread
    over `repeats` resamplings of the videos. None has a floor.

    generated: a folder, a VideoSet or arrays (see Footage.of). place: "first", "middle" or
    "random" clip. real: the set the classifier is of; its splits' scores go into the card. size:
    frames are cropped and brought to it. IS exceeds neither the classes nor the videos ("bound").
    Raises InputError for fewer than 2 usable videos, fewer than 5 repeats, an unknown place and
    frames of another size than the classifier's.
    """
    length = classifier.facts["frames"]
    p = Protocol("video IS", "thesis, Eq 3.8", None, None, (length,), place, place).but(
        repeats=repeats, size=size
    )
    footage = Footage.of("generated", generated, size)
    tell = counted(progress, len(footage.names) + (len(real) if real else 0))

    def gathered(footage: Footage) -> Side:
        return gather(footage, p, [Window(length)], classifier.extractor, seed, tell)

    side = gathered(footage)
    rows = _rows(side, classifier)
    references = {}
    for split in ("test", "train") if real is not None else ():
        references[split] = None
        if sum(v.split == split and v.length >= length for v in real.videos) >= 2:
            theirs = _rows(gathered(Footage.of("real", real, size, split)), classifier)
            references[split] = {"videos": len(theirs)} | scores(theirs)._asdict()
    card = _card(classifier, p, side, seed) | {"real videos, same scores": references}
    return _resampled(rows, card, classifier, repeats, seed)


def _rows(side: Side, classifier: Classifier) -> np.ndarray:
    """(n, C) probabilities of a side's videos, one clip of each. InputError for too few videos or
    another frame size than the classifier's.
    """
    window, size = Window(classifier.facts["frames"]), classifier.facts["frame size"]
    side.enough(window)
    if side.footage.side == "generated" and list(side.shape) != size:
        raise InputError(
            f"generated frames are {side.shape[1]}x{side.shape[0]}, the classifier was trained on "
            f"{size[1]}x{size[0]}; give size={size[1]}"
        )
    return classifier.probabilities(side.features[window][:, 0])


def _card(classifier: Classifier, p: Protocol, side: Side, seed: int) -> dict:
    """What `scores.column` compares, and everything else that the number depends on."""
    facts, told = classifier.facts, side.told(Window(classifier.facts["frames"]), None)
    real = facts["training"] | {"frame size": facts["frame size"], "pixels crc32": facts["videos"]}
    card = {
        "protocol": p.as_dict() | {"classifier": facts["key"]},
        "extractor": classifier.extractor.card(),
        "frames": facts["frames"],
        "first frame": 0,
        "seed": seed,
        "scaled": False,
        "classifier": facts,
        "real": real,
        "generated": told,
        "bound": min(len(facts["classes"]), told["videos"]),
    }
    warning = classifier.warning()
    return card | ({"warning": warning} if warning else {})


def _resampled(
    rows: np.ndarray, card: dict, classifier: Classifier, repeats: int, seed: int
) -> list[Score]:
    """The three scores; their spread is over as many videos, drawn again with replacement."""
    rng, n = np.random.default_rng([seed, 41]), len(rows)
    drawn = [scores(rows[rng.integers(n, size=n)])._asdict() for _ in range(repeats)]
    found, made = scores(rows)._asdict(), []
    for part, name in {"value": "video IS", "inter": "H(y)", "intra": "H(y|x)"}.items():
        values = [d[part] for d in drawn]
        told = {"mean": float(np.mean(values)), "at the floor's counts": None}
        name = f"{name} ({classifier.extractor.name}, {classifier.facts['by']})"
        spread = float(np.std(values, ddof=1))
        made.append(Score(name, found[part], None, spread, card | {"resampled": told}))
    return made
