"""The video Inception Score and its two parts, from a classifier of the data set's own classes.

IS = exp(E_x KL(p(y|x) || p(y)))        thesis, Eq 3.8;  1 <= IS <= number of classes
ln IS = H(y) - H(y|x)                    diversity (inter-entropy) less doubt (intra-entropy)

The classifier is a softmax regression on features of a frozen extractor, trained on the training
split. A score depends on it as much as on the videos, so its facts are part of every card, and two
scores compare only if they are of one classifier.

    classifier = train_classifier(videos, extractor, by="label")
    value, inter, intra = video_is(generated, classifier, real=videos)  # three evaluate.Scores
"""

import contextlib
import hashlib
import io
import json
import os
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from torch import Tensor

from rencgan.core.errors import InputError
from rencgan.core.files import writing
from rencgan.core.progress import counted
from rencgan.data.footage import Footage
from rencgan.data.videoset import Video, VideoSet
from rencgan.evaluate.extractors import Extractor
from rencgan.evaluate.protocols import Protocol
from rencgan.evaluate.scores import Score
from rencgan.evaluate.sides import Side, Window, gather

VERSION = 1  # of everything that decides a classifier; part of every cache's key
BY = ("label", "subject")
STARTS = 4  # clips of a video, at most
STRENGTHS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)  # of the L2 penalty, strongest first
UNTRIED = 1e-3  # the strength where no class has a second video to leave out
FOLDS = 3
BLIND = "the classifier names videos it has not seen no better than chance, so this IS says nothing"
UNKNOWN = "the classifier could not be tried on videos it has not seen, so this IS may say nothing"
Tell = Callable[[int, int, str], None]  # progress(done, total, text)

# ----------------------------------------------------------------------------------------- formulas


@dataclass(frozen=True)
class InceptionScore:
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


# --------------------------------------------------------------------------------------- classifier


@dataclass(frozen=True, eq=False)
class Classifier:
    """A softmax regression on standardised features: softmax((x - mean) / scale W + bias).

    weights (d, C), bias (C,), mean and scale (d,), float64. facts: plain values for a card, with
    how it was trained, counts, and accuracies (None where there was nothing to try it on).
    """

    classes: tuple[str, ...]
    weights: np.ndarray = field(repr=False)
    bias: np.ndarray = field(repr=False)
    mean: np.ndarray = field(repr=False)
    scale: np.ndarray = field(repr=False)
    facts: dict
    extractor: Extractor = field(repr=False)

    key = property(lambda self: self.facts["key"])
    by = property(lambda self: self.facts["by"])
    length = property(lambda self: self.facts["frames"])
    chance = property(lambda self: self.facts["chance"])
    training_accuracy = property(lambda self: self.facts["accuracy"]["training clips"])
    accuracy = property(lambda self: self.facts["accuracy"]["held-out clips"])

    def probabilities(self, x: np.ndarray | Tensor) -> np.ndarray:
        """(n, C) float64, of features (n, d) or of clips (n, T, H, W, 3). InputError for other
        shapes, NaN and what the extractor refuses.
        """
        x = np.asarray(self.extractor(x) if x.ndim == 5 else x, np.float64)
        if x.ndim != 2 or x.shape[1] != len(self.mean):
            raise InputError(f"features are (n, {len(self.mean)}), not {x.shape}")
        if not np.isfinite(x).all():
            raise InputError("features hold NaN or infinity; the videos or extractor are broken")
        return _softmax((x - self.mean) / self.scale @ self.weights + self.bias)

    def warning(self) -> str | None:
        """Why a score of this classifier says nothing, or may; None if it is of use."""
        known = self.facts["accuracy"]
        tried = known["held-out clips"]
        tried = known["left-out training clips"] if tried is None else tried
        if tried is None:
            return UNKNOWN
        return BLIND if tried <= self.chance else None


def _softmax(logits: np.ndarray) -> np.ndarray:
    p = np.exp(logits - logits.max(1, keepdims=True))
    return p / p.sum(1, keepdims=True)


# --------------------------------------------------------------------------------- clips of the set


@dataclass(frozen=True)
class _Clips:
    """Which clips are looked at: a row each of (index of the video, first frame), and its class."""

    where: list[tuple[int, int]]
    names: list[str]

    def videos(self) -> int:
        return len({i for i, _ in self.where})


def _class(video: Video, by: str) -> str:
    return video.label if by == "label" else video.subject


def _starts(frames: int, length: int) -> list[int]:
    """Up to STARTS evenly spaced first frames; clips overlap by half at most."""
    spare = frames - length
    count = min(STARTS, 1 + spare // max(1, length // 2))
    return [int(s) for s in np.linspace(0, spare, count)] if count > 1 else [0]


def _clips(videos: VideoSet, split: str, by: str, length: int) -> _Clips:
    where, names = [], []
    for i, v in enumerate(videos.videos):
        if v.split == split and v.length >= length and _class(v, by):
            found = _starts(v.length, length)
            where += [(i, s) for s in found]
            names += [_class(v, by)] * len(found)
    return _Clips(where, names)


def _fingerprint(videos: VideoSet, by: str, parts: list[_Clips], length: int) -> str:
    """Of what a classifier sees: the table, and all frames of every clip."""
    rows = [(v.name, _class(v, by), v.split, v.length) for v in videos.videos]
    pixels = zlib.crc32(json.dumps([rows, videos.size]).encode())
    for clips in parts:
        for i, s in clips.where:
            pixels = zlib.crc32(np.ascontiguousarray(videos.video(i)[s : s + length]), pixels)
    return f"{pixels:08x}"


def _features(videos: VideoSet, clips: _Clips, length: int, extractor, tell) -> np.ndarray:
    """(n, d) float64 of all clips; a video's clips go to the extractor together."""
    found = []
    for i, rows in groupby(clips.where, key=lambda row: row[0]):
        tell(videos.videos[i].name)
        frames = videos.video(i)
        mine = np.stack([frames[s : s + length] for _, s in rows])
        found.append(np.asarray(extractor(mine), np.float64))
    x = np.concatenate(found)
    if not np.isfinite(x).all():
        raise InputError("features hold NaN or infinity; the videos or the extractor are broken")
    return x


# ------------------------------------------------------------------------------------------ fitting


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


def _fit(z: np.ndarray, y: np.ndarray, classes: int, strength: float, start=None) -> np.ndarray:
    """(d + 1, C): weights, and the bias as last row, that minimise the mean cross-entropy plus
    strength / 2 times the sum of squared weights. The problem is convex: no seed plays a part.
    """
    shape = (z.shape[1] + 1, classes)
    target = np.eye(classes)[y]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        w = flat.reshape(shape)
        logits = z @ w[:-1] + w[-1]
        logits -= logits.max(1, keepdims=True)
        norm = np.log(np.exp(logits).sum(1, keepdims=True))
        wrong = (np.exp(logits - norm) - target) / len(z)
        slope = np.concatenate([z.T @ wrong + strength * w[:-1], wrong.sum(0, keepdims=True)])
        found = ((norm - logits) * target).sum() / len(z) + strength / 2 * (w[:-1] ** 2).sum()
        return float(found), slope.ravel()

    first = np.zeros(shape) if start is None else start
    options = {"maxiter": 500, "gtol": 1e-7, "ftol": 1e-12}
    found = minimize(loss, first.ravel(), jac=True, method="L-BFGS-B", options=options)
    return found.x.reshape(shape)


def _folds(where: list[tuple[int, int]], y: np.ndarray, seed: int) -> np.ndarray:
    """(n,) the fold of each clip: whole videos, those of a class spread over all folds."""
    of = {i: int(c) for (i, _), c in zip(where, y, strict=True)}
    shuffled = np.random.default_rng([seed, 43]).permutation(sorted(of))
    fold = {i: turn % FOLDS for turn, i in enumerate(sorted(shuffled, key=of.get))}
    return np.array([fold[i] for i, _ in where])


def _choose(
    x: np.ndarray, y: np.ndarray, fold: np.ndarray, classes: int, tell
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
        inside, outside, w = (x[rest] - mean) / scale, (x[tried] - mean) / scale, None
        for s in STRENGTHS:
            tell(f"leaving out part {k + 1} of {FOLDS}")
            w = _fit(inside, y[rest], classes, s, w)  # the stronger one's is near
            p = _softmax(outside @ w[:-1] + w[-1])
            losses[s] += list(-np.log(np.maximum(p[np.arange(len(p)), y[tried]], 1e-300)))
            right[s] += list(p.argmax(1) == y[tried])
    if not losses[STRENGTHS[0]]:
        return UNTRIED, None
    best = min(STRENGTHS, key=lambda s: np.mean(losses[s]))
    return best, float(np.mean(right[best]))


# ----------------------------------------------------------------------------------------- training


def _checked(videos: VideoSet, extractor: Extractor, by: str, length: int) -> _Clips:
    """The clips to train on. InputError where no classifier can come of them."""
    if by not in BY:
        raise InputError(f"by is one of {', '.join(BY)}, not {by!r}")
    if length < max(1, extractor.min_frames):
        raise InputError(
            f"{extractor.name} needs clips of at least {extractor.min_frames} frames, not {length}"
        )
    known = sorted({_class(v, by) for v in videos.videos} - {""})
    if len(known) < 2:
        other = BY[by == BY[0]]
        raise InputError(
            f"a classifier by {by} needs at least 2 classes, and the set has "
            f"{', '.join(map(repr, known)) or 'none'}; try by={other!r}"
        )
    clips = _clips(videos, "train", by, length)
    if not clips.where:
        raise InputError(f"no training video has {length} frames, so no classifier can be trained")
    if len(set(clips.names)) < 2:
        raise InputError(
            f"of the {len(known)} classes by {by} only {clips.names[0]!r} has training videos of "
            f"{length} frames; at least 2 are needed"
        )
    return clips


def train_classifier(
    videos: VideoSet,
    extractor: Extractor,
    by: str = "label",
    length: int = 16,
    seed: int = 0,
    cache: str | Path | None = None,
    progress: Tell | None = None,
) -> Classifier:
    """A classifier of the set's labels or subjects, trained on clips of `length` frames of its
    training split and tried on those of its test split.

    Classes are those of the training videos that are long enough; without test videos of them the
    accuracy is None. The strength of the L2 penalty is chosen by leaving out whole training
    videos. The same arguments give the same classifier. cache: a folder; None: `classifiers` in
    the folder the set was opened from, if that may be written. A damaged file is trained anew.
    Raises InputError for fewer than 2 classes, no videos long enough, an unknown `by`, a length
    below the extractor's, and a cache that is named and cannot be written.
    """
    train = _checked(videos, extractor, by, length)
    test = _clips(videos, "test", by, length)
    recipe = {
        "version": VERSION,
        "videos": _fingerprint(videos, by, [train, test], length),
        "extractor": [extractor.name, extractor.digest],
        "by": by,
        "frames": length,
        "seed": seed,
    }
    key = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:12]
    path = _file(videos, cache, f"{by}-{length}f-{key}.npz")
    found = _load(path, key, extractor) if path else None
    if found is None:
        facts = recipe | {"key": key, "dataset": videos.card.get("dataset")}
        facts |= {"frame size": [videos.size, videos.size], "extractor": extractor.card()}
        found = _train(videos, extractor, train, test, facts, progress)
        if path:
            _save(path, found, named=cache is not None)
    return found


def _train(videos, extractor, train: _Clips, test: _Clips, facts: dict, progress) -> Classifier:
    length = facts["frames"]
    classes = tuple(sorted(set(train.names)))
    held = [k for k, name in enumerate(test.names) if name in classes]
    held = _Clips([test.where[k] for k in held], [test.names[k] for k in held])
    total = train.videos() + held.videos() + FOLDS * len(STRENGTHS) + 1
    tell = counted(progress, total)
    x = _features(videos, train, length, extractor, tell)
    y = np.array([classes.index(name) for name in train.names])
    fold = _folds(train.where, y, facts["seed"])
    strength, left_out = _choose(x, y, fold, len(classes), tell)
    mean, scale = _standard(x)
    tell("training the classifier")
    w = _fit((x - mean) / scale, y, len(classes), strength)
    made = Classifier(classes, w[:-1], w[-1], mean, scale, {}, extractor)

    def accuracy(x: np.ndarray, names: list[str]) -> float:
        named = made.probabilities(x).argmax(1)
        return float(np.mean([classes[k] == name for k, name in zip(named, names, strict=True)]))

    seen = _features(videos, held, length, extractor, tell) if held.where else None
    made.facts.update(facts)
    made.facts.update(
        {
            "classes": list(classes),
            "accuracy": {
                "training clips": accuracy(x, train.names),
                "left-out training clips": left_out,
                "held-out clips": None if seen is None else accuracy(seen, held.names),
            },
            "chance": max(Counter(train.names).values()) / len(train.names),
            "training": {"videos": train.videos(), "clips": len(train.where)},
            "held out": {
                "videos": held.videos(),
                "clips": len(held.where),
                "videos of other classes": test.videos() - held.videos(),
            },
            "L2": strength,
        }
    )
    return made


# -------------------------------------------------------------------------------------------- cache

ARRAYS = ("weights", "bias", "mean", "scale")


def _file(videos: VideoSet, cache: str | Path | None, name: str) -> Path | None:
    if cache is not None:
        return Path(cache) / name
    if videos.path is None or not os.access(videos.path, os.W_OK):
        return None
    return videos.path / "classifiers" / name


def _load(path: Path, key: str, extractor: Extractor) -> Classifier | None:
    """The classifier of a file; None if it is missing, damaged or another one."""
    try:
        # NumPy compares the checksum of each array; from memory, so that no file stays open.
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            facts = json.loads(str(file["facts"]))
            arrays = {name: file[name] for name in ARRAYS}
        d, c = len(arrays["mean"]), len(facts["classes"])
        shapes = {"weights": (d, c), "bias": (c,), "mean": (d,), "scale": (d,)}
        if facts["key"] != key or any(arrays[k].shape != shapes[k] for k in ARRAYS):
            return None
        return Classifier(tuple(facts["classes"]), **arrays, facts=facts, extractor=extractor)
    except Exception:  # bytes that somebody changed can raise anything
        return None


def _save(path: Path, classifier: Classifier, named: bool) -> None:
    """Writes so that `path` is always whole. A folder that nobody named may refuse."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")  # two may train the same at once
    arrays = {name: getattr(classifier, name) for name in ARRAYS}
    try:
        with writing(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(part, "wb") as file:
                np.savez(file, facts=np.array(json.dumps(classifier.facts)), **arrays)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
    except (InputError, OSError) as error:
        if named:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"{path.parent} cannot hold the classifier ({error.strerror})"
            ) from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


# ------------------------------------------------------------------------------------------- scores


def _protocol(classifier: Classifier, place: str, repeats: int) -> Protocol:
    return Protocol(
        name="video IS",
        source="thesis, Eq 3.8",
        real=None,
        generated=None,
        lengths=(classifier.length,),
        real_frames=place,
        generated_frames=place,
        repeats=repeats,
    )


def _rows(side: Side, classifier: Classifier) -> np.ndarray:
    """(n, C) probabilities of a side's videos, one clip of each."""
    return classifier.probabilities(side.features[Window(classifier.length)][:, 0])


def _references(
    real: VideoSet | None, classifier: Classifier, p: Protocol, seed: int, tell
) -> dict[str, dict | None]:
    """The same scores of each split of real videos, beside their count; None for fewer than 2."""
    found, window = {}, Window(classifier.length)
    for split in ("test", "train") if real is not None else ():
        found[split] = None
        if sum(v.split == split and v.length >= window.frames for v in real.videos) >= 2:
            footage = Footage.of("real", real, p.size, split)
            side = gather(footage, p, [window], classifier.extractor, seed, tell)
            rows = _rows(side, classifier)
            found[split] = {"videos": len(rows)} | asdict(scores(rows))
    return found


def _gathered(generated, classifier: Classifier, p: Protocol, seed: int, tell) -> Side:
    """The generated side, read once. InputError for too few videos or another frame size."""
    window, size = Window(classifier.length), classifier.facts["frame size"]
    footage = Footage.of("generated", generated, p.size)
    side = gather(footage, p, [window], classifier.extractor, seed, tell)
    side.enough(window)
    if list(side.shape) != size:
        raise InputError(
            f"generated frames are {side.shape[1]}x{side.shape[0]}, the classifier was trained on "
            f"{size[1]}x{size[0]}; give size={size[1]}"
        )
    return side


def _card(classifier: Classifier, p: Protocol, side: Side, seed: int, references: dict) -> dict:
    """What `evaluate.column` compares, and everything else that the number depends on."""
    facts, told = classifier.facts, side.told(Window(classifier.length), None)
    real = facts["training"] | {"frame size": facts["frame size"], "pixels crc32": facts["videos"]}
    card = {
        "protocol": p.as_dict() | {"classifier": classifier.key},
        "extractor": classifier.extractor.card(),
        "frames": classifier.length,
        "first frame": 0,
        "seed": seed,
        "scaled": False,
        "classifier": facts,
        "real": real,
        "generated": told,
        "bound": min(len(classifier.classes), told["videos"]),
        "real videos, same scores": references,
    }
    warning = classifier.warning()
    return card | ({"warning": warning} if warning else {})


def _resampled(p: np.ndarray, repeats: int, seed: int) -> Iterator[InceptionScore]:
    """Scores of as many videos, drawn again with replacement."""
    rng = np.random.default_rng([seed, 41])
    for _ in range(repeats):
        yield scores(p[rng.integers(len(p), size=len(p))])


def video_is(
    generated,
    classifier: Classifier,
    extractor: Extractor | None = None,
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
    Raises InputError for fewer than 2 usable videos, fewer than 5 repeats, an unknown place,
    frames of another size than the classifier's, and an extractor that it was not trained with.
    """
    if extractor is not None and extractor.digest != classifier.extractor.digest:
        raise InputError(
            f"the classifier was trained with another {classifier.extractor.name} than this "
            f"{extractor.name}; train one with it"
        )
    p = _protocol(classifier, place, repeats).but(size=size)
    if not isinstance(generated, (str, Path, VideoSet)):
        generated = list(generated)  # it is looked at twice
    total = len(Footage.of("generated", generated).names) + (len(real) if real else 0)
    tell = counted(progress, total)
    side = _gathered(generated, classifier, p, seed, tell)
    rows = _rows(side, classifier)
    card = _card(classifier, p, side, seed, _references(real, classifier, p, seed, tell))
    found, drawn = asdict(scores(rows)), [asdict(d) for d in _resampled(rows, repeats, seed)]
    of, made = f"({classifier.extractor.name}, {classifier.by})", []
    for part, name in {"value": "video IS", "inter": "H(y)", "intra": "H(y|x)"}.items():
        values = [d[part] for d in drawn]
        spread = float(np.std(values, ddof=1))
        resampled = {"mean": float(np.mean(values)), "at the floor's counts": None}
        made.append(
            Score(f"{name} {of}", found[part], None, spread, card | {"resampled": resampled})
        )
    return made
