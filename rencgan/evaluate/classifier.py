"""A classifier of a data set's own classes, which the video Inception Score asks.

It is a softmax regression on features of a frozen extractor, trained on clips of the training
split and tried on those of the test split. Its facts are part of every card: two scores compare
only if they are of one classifier.
"""

import json
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import skip_init

from rencgan.core.errors import InputError
from rencgan.core.files import key_of
from rencgan.data.videoset import VideoSet
from rencgan.evaluate.extractors import Extractor, enough

VERSION = 2  # of everything that decides a classifier; part of its key
BY = ("label", "subject")  # columns of a set's table
STARTS = 4  # clips of a video, at most
STRENGTHS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)  # of the L2 penalty, strongest first
UNTRIED = 1e-3  # the strength where no class has a second video to leave out
FOLDS = 3
BLIND = "the classifier names videos it has not seen no better than chance, so this IS says nothing"
UNKNOWN = "the classifier could not be tried on videos it has not seen, so this IS may say nothing"


@dataclass(frozen=True, eq=False)
class Classifier:
    """Class probabilities softmax(layer(x)) of features x (n, d); the layer is in float64.

    facts: plain values for a card, with its classes, how it was trained, counts, and accuracies
    (None where there was nothing to try it on).
    """

    layer: nn.Linear = field(repr=False)
    facts: dict
    extractor: Extractor = field(repr=False)

    classes = property(lambda self: tuple(self.facts["classes"]))
    accuracy = property(lambda self: self.facts["accuracy"]["held-out clips"])

    @torch.no_grad()
    def probabilities(self, x: np.ndarray | Tensor) -> np.ndarray:
        """(n, C) float64, of features (n, d)."""
        return self.layer(torch.as_tensor(x).double()).softmax(1).numpy()

    def warning(self) -> str | None:
        """Why a score of this classifier says nothing, or may; None if it is of use."""
        known = self.facts["accuracy"]
        tried = known["held-out clips"]
        tried = known["left-out training clips"] if tried is None else tried
        if tried is None:
            return UNKNOWN
        return BLIND if tried <= self.facts["chance"] else None


def train_classifier(
    videos: VideoSet,
    extractor: Extractor,
    by: str = "label",
    length: int = 16,
    seed: int = 0,
) -> Classifier:
    """A classifier of the set's labels or subjects, trained on clips of `length` frames of its
    training split and tried on those of its test split.

    Classes are those of the training videos that are long enough; without test videos of them the
    accuracy is None. The strength of the L2 penalty is chosen by leaving out whole training
    videos. The same arguments give the same classifier. Raises InputError for fewer than 2 classes
    with videos long enough, an unknown `by` and a length below the extractor's.
    """
    train = _checked(videos, extractor, by, length)
    test = _clips(videos, "test", by, length)
    recipe = {
        "version": VERSION,
        "videos": _fingerprint(videos, by, [*train, *test], length),
        "extractor": [extractor.name, extractor.digest],
        "by": by,
        "frames": length,
        "seed": seed,
    }
    facts = recipe | {"key": key_of(recipe, 12), "dataset": videos.card.get("dataset")}
    facts |= {"frame size": [videos.size, videos.size], "extractor": extractor.card()}
    return _train(videos, extractor, train, test, facts)


class Clip(NamedTuple):
    """Which clip of a set: the index of its video, its first frame; and its class."""

    video: int
    start: int
    name: str


def _starts(frames: int, length: int) -> list[int]:
    """Up to STARTS evenly spaced first frames; clips overlap by half at most."""
    spare = frames - length
    count = min(STARTS, 1 + spare // max(1, length // 2))
    return [int(s) for s in np.linspace(0, spare, count)] if count > 1 else [0]


def _clips(videos: VideoSet, split: str, by: str, length: int) -> list[Clip]:
    return [
        Clip(i, start, getattr(v, by))
        for i, v in enumerate(videos.videos)
        if v.split == split and v.length >= length and getattr(v, by)
        for start in _starts(v.length, length)
    ]


def _checked(videos: VideoSet, extractor: Extractor, by: str, length: int) -> list[Clip]:
    """The clips to train on. InputError where no classifier can come of them."""
    if by not in BY:
        raise InputError(f"by is one of {', '.join(BY)}, not {by!r}")
    enough(extractor, length)
    clips = _clips(videos, "train", by, length)
    names = sorted({clip.name for clip in clips})
    if len(names) < 2:
        raise InputError(
            f"a classifier by {by} needs training videos of {length} frames in at least 2 classes; "
            f"the set has them in {', '.join(map(repr, names)) or 'none'}; try "
            f"by={BY[by == BY[0]]!r}"
        )
    return clips


def _fingerprint(videos: VideoSet, by: str, clips: Sequence[Clip], length: int) -> str:
    """Of what a classifier sees: the table, and all frames of every clip."""
    rows = [(v.name, getattr(v, by), v.split, v.length) for v in videos.videos]
    pixels = zlib.crc32(json.dumps([rows, videos.size]).encode())
    for i, start, _ in clips:
        frames = videos.video(i)[start : start + length]
        pixels = zlib.crc32(np.ascontiguousarray(frames), pixels)
    return f"{pixels:08x}"


def _features(videos: VideoSet, clips: Sequence[Clip], length: int, extractor) -> np.ndarray:
    """(n, d) float64 of all clips; a video's clips go to the extractor together."""
    found = []
    for i, mine in groupby(clips, key=lambda clip: clip.video):
        frames = videos.video(i)
        stacked = np.stack([frames[clip.start : clip.start + length] for clip in mine])
        found.append(np.asarray(extractor(stacked), np.float64))
    return np.concatenate(found)


def _standard(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scale (d,), so that the squares of a standardised row sum to 1 on average: then one
    strength means the same for extractors of different widths.
    """
    spread = x.std(0)
    varying = spread[spread > 0]
    if not len(varying):
        raise InputError("all clips have the same features, so no classifier can be trained")
    # A feature that hardly varies here must not count a thousandfold in videos where it does.
    spread = np.maximum(spread, 1e-2 * np.median(varying))
    return x.mean(0), spread * np.sqrt(x.shape[1])


def _fit(
    z: np.ndarray, y: np.ndarray, classes: int, strength: float, start: nn.Linear | None = None
) -> nn.Linear:
    """The linear layer that minimises the mean cross-entropy plus strength / 2 times the sum of
    squared weights. The problem is convex: no seed plays a part. start: a layer near it.
    """
    layer = skip_init(nn.Linear, z.shape[1], classes, dtype=torch.float64)
    for weight in layer.parameters():
        nn.init.zeros_(weight)
    if start is not None:
        layer.load_state_dict(start.state_dict())
    x, target = torch.from_numpy(z), torch.from_numpy(y)
    ends = {"max_iter": 500, "tolerance_grad": 1e-7, "tolerance_change": 1e-12}
    optimiser = torch.optim.LBFGS(layer.parameters(), line_search_fn="strong_wolfe", **ends)

    def loss() -> Tensor:
        optimiser.zero_grad()
        found = cross_entropy(layer(x), target) + strength / 2 * layer.weight.square().sum()
        found.backward()
        return found

    optimiser.step(loss)
    return layer.requires_grad_(False)


def _folds(clips: Sequence[Clip], y: np.ndarray, seed: int) -> np.ndarray:
    """(n,) the fold of each clip: whole videos, those of a class spread over all folds."""
    of = {clip.video: int(c) for clip, c in zip(clips, y, strict=True)}
    shuffled = np.random.default_rng([seed, 43]).permutation(sorted(of))
    fold = {i: turn % FOLDS for turn, i in enumerate(sorted(shuffled, key=of.get))}
    return np.array([fold[clip.video] for clip in clips])


def _choose(
    x: np.ndarray, y: np.ndarray, fold: np.ndarray, classes: int
) -> tuple[float, float | None]:
    """The strength whose probabilities suit left-out videos best, and its accuracy on their clips.

    Only clips of classes that the other folds hold count; without any: (UNTRIED, None).
    """
    losses, right = {s: [] for s in STRENGTHS}, {s: [] for s in STRENGTHS}
    for k in range(FOLDS):
        rest = fold != k
        tried = ~rest & np.isin(y, y[rest])
        if not tried.any() or len(set(y[rest])) < 2:
            continue
        mean, scale = _standard(x[rest])
        inside, layer = (x[rest] - mean) / scale, None
        outside, target = torch.from_numpy((x[tried] - mean) / scale), torch.from_numpy(y[tried])
        for s in STRENGTHS:
            layer = _fit(inside, y[rest], classes, s, layer)  # the stronger one's is near
            logits = layer(outside)
            losses[s] += cross_entropy(logits, target, reduction="none").tolist()
            right[s] += (logits.argmax(1) == target).tolist()
    if not losses[STRENGTHS[0]]:
        return UNTRIED, None
    best = min(STRENGTHS, key=lambda s: np.mean(losses[s]))
    return best, float(np.mean(right[best]))


def _train(videos, extractor, train: list[Clip], test: list[Clip], facts) -> Classifier:
    length, classes = facts["frames"], sorted({clip.name for clip in train})
    held = [clip for clip in test if clip.name in classes]
    trained, tried, tested = (len({c.video for c in part}) for part in (train, held, test))
    x = _features(videos, train, length, extractor)
    y = np.array([classes.index(clip.name) for clip in train])
    strength, left_out = _choose(x, y, _folds(train, y, facts["seed"]), len(classes))
    mean, scale = _standard(x)
    layer = _fit((x - mean) / scale, y, len(classes), strength)
    layer.weight /= torch.from_numpy(scale)  # from here on it reads features as they are
    layer.bias -= layer.weight @ torch.from_numpy(mean)

    def accuracy(x: np.ndarray, clips: Sequence[Clip]) -> float:
        named = layer(torch.from_numpy(x)).argmax(1).tolist()
        return float(np.mean([classes[k] == c.name for k, c in zip(named, clips, strict=True)]))

    known = {"training clips": accuracy(x, train), "left-out training clips": left_out}
    known["held-out clips"] = None
    if held:
        known["held-out clips"] = accuracy(_features(videos, held, length, extractor), held)
    facts |= {
        "classes": classes,
        "accuracy": known,
        "chance": max(Counter(clip.name for clip in train).values()) / len(train),
        "training": {"videos": trained, "clips": len(train)},
        "held out": {
            "videos": tried,
            "clips": len(held),
            "videos of other classes": tested - tried,
        },
        "L2": strength,
    }
    return Classifier(layer, facts, extractor)
