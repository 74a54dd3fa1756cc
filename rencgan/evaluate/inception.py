"""The video Inception Score and its two parts, from a classifier of the data set's own classes.

IS = exp(E_x KL(p(y|x) || p(y)))        thesis, Eq 3.8;  1 <= IS <= number of classes
ln IS = H(y) - H(y|x)                    diversity (inter-entropy) less doubt (intra-entropy)

    classifier = train_classifier(videos, extractor, by="label")
    value, inter, intra = video_is(generated, classifier, real=videos)  # three scores.Score
"""

from typing import NamedTuple

import numpy as np
from scipy.special import xlogy

from rencgan.core.errors import InputError
from rencgan.data.footage import Footage
from rencgan.data.videoset import VideoSet
from rencgan.evaluate.classifier import Classifier
from rencgan.evaluate.protocols import Protocol
from rencgan.evaluate.scores import Score
from rencgan.evaluate.sides import Side, Window, gather


class InceptionScore(NamedTuple):
    """IS and its parts; ln(value) = inter - intra, in natural logarithms."""

    value: float
    inter: float  # H(y), of the mean distribution: higher is more diverse
    intra: float  # H(y|x), mean over videos: lower is better recognised


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
    # Where a mean is too small for a float, so is what it is part of.
    log_mean = np.log(np.where(mean > 0, mean, 1.0))
    divergence = float((xlogy(p, p) - p * log_mean).sum(1).mean())
    return InceptionScore(
        value=float(np.exp(np.clip(divergence, 0, np.log(p.shape[1])))),  # rounding may go beyond
        inter=max(0.0, float(-(mean * log_mean).sum())),
        intra=max(0.0, float(-xlogy(p, p).sum(1).mean())),
    )


def video_is(
    generated,
    classifier: Classifier,
    seed: int = 0,
    real: VideoSet | None = None,
    size: int | None = None,
) -> list[Score]:
    """[IS, H(y), H(y|x)] (thesis, Eq 3.8) of generated videos, the first clip of each, with the
    spread over resamplings of the videos. None has a floor.

    generated: a folder, a VideoSet or arrays (see Footage.of). real: the set the classifier is of;
    its splits' scores go into the card. size: frames are cropped and brought to it. IS exceeds
    neither the classes nor the videos ("bound"). Raises InputError for fewer than 2 usable videos
    and frames of another size than the classifier's.
    """
    length = classifier.facts["frames"]
    p = Protocol("video IS", "thesis, Eq 3.8", None, None, (length,), size=size)

    def gathered(footage: Footage) -> Side:
        return gather(footage, p, [Window(length)], classifier.extractor, seed)

    side = gathered(Footage.of("generated", generated, size))
    rows = _rows(side, classifier)
    references = {}
    for split in ("test", "train") if real is not None else ():
        references[split] = None
        if sum(v.split == split and v.length >= length for v in real.videos) >= 2:
            theirs = _rows(gathered(Footage.of("real", real, size, split)), classifier)
            references[split] = {"videos": len(theirs)} | scores(theirs)._asdict()
    card = _card(classifier, p, side, seed) | {"real videos, same scores": references}
    rng, n, made = np.random.default_rng([seed, 41]), len(rows), []
    drawn = [scores(rows[rng.integers(n, size=n)]) for _ in range(p.repeats)]
    for part, name in {"value": "video IS", "inter": "H(y)", "intra": "H(y|x)"}.items():
        values = [getattr(d, part) for d in drawn]
        told = {"mean": float(np.mean(values)), "at the floor's counts": None}
        name = f"{name} ({classifier.extractor.name}, {classifier.facts['by']})"
        found, spread = getattr(scores(rows), part), float(np.std(values, ddof=1))
        made.append(Score(name, found, None, spread, card | {"resampled": told}))
    return made


def _rows(side: Side, classifier: Classifier) -> np.ndarray:
    """(n, C) probabilities of a side's videos, one clip of each."""
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
