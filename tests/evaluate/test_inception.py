"""The video IS: closed forms, a classifier on toy features, and sentences for bad input.

The extractor is a few sums; the classes of the toy videos are colours.
"""

import json
from copy import deepcopy

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax
from torch import nn
from torch.nn.functional import cross_entropy

from rencgan.core.errors import InputError
from rencgan.data.videoset import VideoSet
from rencgan.evaluate import classifier as training
from rencgan.evaluate import scores as evaluate
from rencgan.evaluate.classifier import train_classifier
from rencgan.evaluate.inception import scores, video_is

COLOURS = {"red": (200, 40, 40), "green": (40, 200, 40), "blue": (40, 40, 200)}


class Sums:
    """Means and deviations of the colours of a clip; counts how many clips it has seen."""

    name, metric, dims, min_frames, digest = "sums", "FVD (sums)", 6, 2, "a" * 64

    def __init__(self):
        self.calls = 0

    def __call__(self, clips):
        self.calls += len(clips)
        x = np.asarray(clips, np.float64)
        return np.concatenate([x.mean((1, 2, 3)), x.std((1, 2, 3))], 1)

    def card(self):
        return {"extractor": self.name, "sha256": self.digest}


def film(colour, seed=0, frames=20, size=8):
    noise = np.random.default_rng(seed).normal(0, 15, (frames, size, size, 3))
    return np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)


def coloured(train=4, test=2, frames=40, **changes):
    """Videos of three colours: `train` and `test` of each."""
    labels = [c for c in COLOURS for _ in range(train + test)]
    columns = {
        "labels": labels,
        "splits": (["train"] * train + ["test"] * test) * len(COLOURS),
        "subjects": [f"person {i % 2}" for i in range(len(labels))],
    }
    arrays = [film(COLOURS[c], i, frames) for i, c in enumerate(labels)]
    return VideoSet.from_arrays(arrays, **(columns | changes))


def generated(each=4):
    return [film(c, 100 + i) for i, c in enumerate([*COLOURS.values()] * each)]


# ----------------------------------------------------------------------------------------- formulas


@pytest.mark.parametrize("classes", [2, 6, 101])
def test_videos_that_all_look_alike_score_1(classes):
    found = scores(np.full((5, classes), 1 / classes))
    assert found.value == pytest.approx(1, abs=1e-12)
    assert found.inter == pytest.approx(np.log(classes)) == found.intra


@pytest.mark.parametrize("classes", [2, 6, 101])
def test_one_sure_video_of_each_class_scores_the_number_of_classes(classes):
    found = scores(np.eye(classes))
    assert found.value == pytest.approx(classes, rel=1e-12) and found.value <= classes * (1 + 1e-15)
    assert found.inter == pytest.approx(np.log(classes), rel=1e-12) and found.intra == 0


def test_one_sure_class_scores_1_by_want_of_diversity():
    found = scores(np.eye(4)[[2, 2, 2]])
    assert (found.value, found.inter, found.intra) == (1, 0, 0)


def test_rounding_does_not_take_a_score_below_1():
    rows = np.random.default_rng(0).dirichlet([1.0] * 11, 200)
    assert min(scores(np.tile(row, (3, 1))).value for row in rows) == 1


def test_two_videos_by_hand():
    p = np.array([[0.9, 0.1], [0.3, 0.7]])
    mean = [0.6, 0.4]
    by_hand = sum(a * np.log(a / m) for row in p for a, m in zip(row, mean, strict=True)) / 2
    found = scores(p)
    assert found.value == pytest.approx(np.exp(by_hand))
    assert found.inter == pytest.approx(-0.6 * np.log(0.6) - 0.4 * np.log(0.4))


@pytest.mark.parametrize("seed", range(5))
def test_identity_and_bounds_on_random_probabilities(seed):
    p = np.random.default_rng(seed).dirichlet([0.2] * 7, 30)
    found = scores(p)
    assert np.log(found.value) == pytest.approx(found.inter - found.intra, abs=1e-12)
    assert 1 < found.value < 7
    assert found.value == pytest.approx(scores(np.tile(p, (3, 1))).value), "copies change nothing"


def test_probabilities_too_small_to_average_are_zeros():
    found = scores(np.array([[1.0, 5e-324], [1.0, 0.0]]))
    assert (found.value, found.inter) == (1, 0) and 0 <= found.intra < 1e-300


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (np.full((1, 3), 1 / 3), r"at least 2 videos, not \(1, 3\)"),
        (np.full(3, 1 / 3), r"are \(n, C\)"),
        (np.array([[0.5, np.nan], [0.5, 0.5]]), "NaN or infinity"),
        (np.array([[0.5, 0.4], [0.5, 0.5]]), "sum to 1"),
        (np.array([[1.5, -0.5], [0.5, 0.5]]), "at least 0"),
    ],
)
def test_what_is_no_distribution_is_refused(p, words):
    with pytest.raises(InputError, match=words):
        scores(p)


# --------------------------------------------------------------------------------------- classifier


def test_colours_are_learned_and_told_on_videos_not_seen():
    found = train_classifier(coloured(), Sums())
    assert found.classes == ("blue", "green", "red")
    assert found.accuracy == 1 and found.facts["accuracy"]["training clips"] == 1
    assert found.facts["chance"] == pytest.approx(1 / 3) and found.warning() is None
    assert found.facts["training"] == {"videos": 12, "clips": 48}
    assert found.facts["held out"] == {"videos": 6, "clips": 24, "videos of other classes": 0}
    assert found.facts["L2"] in training.STRENGTHS
    clips = np.stack([film(COLOURS["green"], 7, 16), film(COLOURS["red"], 8, 16)])
    p = found.probabilities(Sums()(clips))
    assert p.argmax(1).tolist() == [1, 2] and p.max(1).min() > 0.9
    json.dumps(found.facts)


def test_the_weights_are_where_the_slope_of_the_penalised_loss_vanishes():
    rng = np.random.default_rng(0)
    z, y, strength = rng.normal(size=(40, 3)), rng.integers(0, 3, 40), 0.05
    layer = training._fit(z, y, 3, strength)
    x, target = torch.from_numpy(z), torch.from_numpy(y)

    def loss(layer):
        return cross_entropy(layer(x), target) + strength / 2 * layer.weight.square().sum()

    found = deepcopy(layer).requires_grad_()
    loss(found).backward()
    assert max(w.grad.abs().max() for w in found.parameters()) < 1e-5
    flat = deepcopy(layer)
    for w in flat.parameters():
        w.zero_()
    assert loss(layer) < loss(flat) - 0.01
    away = nn.Linear(3, 3, dtype=torch.float64)
    again = training._fit(z, y, 3, strength, start=away)
    assert torch.allclose(again(x).softmax(1), layer(x).softmax(1), atol=1e-6)


def test_the_weights_are_those_of_another_solver():
    """scipy's, with the slope written out."""
    rng = np.random.default_rng(0)
    y, strength = rng.integers(0, 3, 60), 1e-3
    z = rng.normal(size=(60, 5)) + np.eye(5)[y]

    def loss(flat):
        w = flat.reshape(6, 3)
        logits = z @ w[:-1] + w[-1]
        norm = logsumexp(logits, 1, keepdims=True)
        wrong = (np.exp(logits - norm) - np.eye(3)[y]) / 60
        slope = np.concatenate([z.T @ wrong + strength * w[:-1], wrong.sum(0, keepdims=True)])
        mean = (norm[:, 0] - logits[np.arange(60), y]).mean()
        return mean + strength / 2 * (w[:-1] ** 2).sum(), slope.ravel()

    w = minimize(loss, np.zeros(18), jac=True, options={"gtol": 1e-9}).x.reshape(6, 3)
    layer = training._fit(z, y, 3, strength)
    expected = softmax(z @ w[:-1] + w[-1], 1)
    assert layer(torch.from_numpy(z)).softmax(1).numpy() == pytest.approx(expected, abs=1e-6)


def test_the_same_arguments_give_the_same_classifier():
    a, b = (train_classifier(coloured(), Sums()) for _ in range(2))
    assert torch.equal(a.layer.weight, b.layer.weight) and a.facts == b.facts
    score_a, score_b = (video_is(generated(), c, seed=3) for c in (a, b))
    assert score_a == score_b
    assert score_a[0].spread != video_is(generated(), a, seed=4)[0].spread


def test_the_penalty_is_the_stronger_the_less_the_features_say():
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (16, 8, 8, 3)).astype(np.uint8) for _ in range(30)]
    labels = [str(k) for k in rng.integers(0, 2, 30)]
    splits = ["train"] * 20 + ["test"] * 10
    lost = train_classifier(VideoSet.from_arrays(noise, labels=labels, splits=splits), Sums())
    assert lost.facts["L2"] > train_classifier(coloured(), Sums()).facts["L2"]


def test_whole_videos_are_left_out_and_classes_spread_over_the_parts():
    videos = coloured(train=6, test=0)
    clips = training._clips(videos, "train", "label", 16)
    y = np.array([sorted(COLOURS).index(c.name) for c in clips])
    fold = training._folds(clips, y, seed=0)
    of = {(i, int(k)) for (i, *_), k in zip(clips, fold, strict=True)}
    assert len(of) == 18, "each video in one part"
    assert {(c, k): int(np.sum((y == c) & (fold == k))) for c in range(3) for k in range(3)} == {
        (c, k): 8 for c in range(3) for k in range(3)
    }
    assert not np.array_equal(fold, training._folds(clips, y, seed=1))


@pytest.mark.parametrize(
    ("frames", "starts"), [(16, [0]), (20, [0]), (24, [0, 8]), (40, [0, 8, 16, 24])]
)
def test_clips_lie_evenly_and_overlap_by_half_at_most(frames, starts):
    assert training._starts(frames, 16) == starts


def test_persons_instead_of_labels():
    videos = coloured(subjects=[f"person {c}" for c in COLOURS for _ in range(6)])
    found = train_classifier(videos, Sums(), by="subject")
    assert found.classes == ("person blue", "person green", "person red") and found.accuracy == 1
    (score, *_) = video_is(generated(), found)
    assert score.name == "video IS (sums, subject)"


def test_videos_without_a_person_and_persons_only_held_out_do_not_count():
    subjects = ["a", "a", "b", "b", "", "c", "a"]
    splits = ["train"] * 5 + ["test"] * 2
    colours = {"a": COLOURS["red"], "b": COLOURS["blue"]}
    arrays = [film(colours.get(s, (90, 90, 90)), i) for i, s in enumerate(subjects)]
    videos = VideoSet.from_arrays(arrays, subjects=subjects, splits=splits)
    found = train_classifier(videos, Sums(), by="subject")
    assert found.classes == ("a", "b") and found.facts["training"]["videos"] == 4
    assert found.facts["held out"] == {"videos": 1, "clips": 1, "videos of other classes": 1}
    assert found.accuracy == 1


def test_without_a_test_split_the_left_out_training_videos_speak():
    found = train_classifier(coloured(test=0), Sums())
    assert found.accuracy is None and found.warning() is None
    assert found.facts["accuracy"]["left-out training clips"] == 1


def test_a_classifier_that_nothing_could_try_is_marked():
    alone = train_classifier(coloured(train=1, test=0), Sums())
    assert alone.facts["accuracy"] == {
        "training clips": 1,
        "left-out training clips": None,
        "held-out clips": None,
    }
    assert video_is(generated(), alone)[0].card["warning"] == training.UNKNOWN


def test_a_blind_classifier_says_so_on_every_card():
    names = list(COLOURS)
    labels = [names[(i // 6 + (i % 6 >= 4)) % 3] for i in range(18)]  # test videos bear the next's
    arrays = [film(COLOURS[names[i // 6]], i) for i in range(18)]
    splits = (["train"] * 4 + ["test"] * 2) * 3
    videos = VideoSet.from_arrays(arrays, labels=labels, splits=splits)
    found = train_classifier(videos, Sums())
    assert found.accuracy == 0 < found.facts["accuracy"]["training clips"]
    assert all(s.card["warning"] == training.BLIND for s in video_is(generated(), found))
    assert "says nothing" in training.BLIND


def test_whatever_decides_a_classifier_is_in_its_key():
    def key(videos=None, extractor=None, **more):
        made = train_classifier(videos or coloured(2, 1), extractor or Sums(), **more)
        return made.facts["key"]

    other, moved, dark = Sums(), coloured(2, 1), coloured(2, 1)
    other.digest = "b" * 64
    dark.frames[0] //= 2
    keys = [
        key(),
        key(extractor=other),
        key(by="subject"),
        key(length=12),
        key(seed=1),
        key(dark),
        key(moved.select("train")),
    ]
    assert len(set(keys)) == len(keys)


def test_later_frames_are_part_of_the_key():
    made = coloured()
    key = train_classifier(made, Sums()).facts["key"]
    made.frames[5] ^= 1  # not the first frame of any clip
    assert train_classifier(made, Sums()).facts["key"] != key


WRONG = {
    "one class": (
        lambda: train_classifier(coloured(labels=["x"] * 18), Sums()),
        "by label needs training videos of 16 frames in at least 2 .* in 'x'; try by='subject'",
    ),
    "no persons": (
        lambda: train_classifier(coloured(subjects=[""] * 18), Sums(), by="subject"),
        "a classifier by subject needs .*; the set has them in none",
    ),
    "one class to train on": (
        lambda: train_classifier(coloured(splits=["train"] * 6 + ["test"] * 12), Sums()),
        "in at least 2 classes; the set has them in 'red'",
    ),
    "short": (
        lambda: train_classifier(coloured(frames=12), Sums()),
        "needs training videos of 16 frames in at least 2 classes; the set has them in none",
    ),
    "shorter than the extractor's": (
        lambda: train_classifier(coloured(), Sums(), length=1),
        "sums needs clips of at least 2 frames, not 1",
    ),
    "by": (lambda: train_classifier(coloured(), Sums(), by="mood"), "not 'mood'"),
    "all alike": (
        lambda: train_classifier(
            VideoSet.from_arrays(
                [np.zeros((16, 4, 4, 3), np.uint8)] * 4, labels=["a", "a", "b", "b"]
            ),
            Sums(),
        ),
        "all clips have the same features",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_sets_that_give_no_classifier_are_refused_in_a_sentence(kind):
    make, words = WRONG[kind]
    with pytest.raises(InputError, match=words):
        make()


# ------------------------------------------------------------------------------------------- scores


@pytest.fixture(scope="module")
def classifier():
    return train_classifier(coloured(), Sums())


def test_all_colours_score_near_their_number_one_colour_near_1(classifier):
    all_, diversity, doubt = video_is(generated(), classifier)
    assert [s.name for s in (all_, diversity, doubt)] == [
        "video IS (sums, label)",
        "H(y) (sums, label)",
        "H(y|x) (sums, label)",
    ]
    assert 2.5 < all_.value <= 3 and all_.spread > 0 and all_.floor is None
    assert np.log(all_.value) == pytest.approx(diversity.value - doubt.value)
    red = [film(COLOURS["red"], i) for i in range(8)]
    assert video_is(red, classifier)[0].value < 1.05
    grey = [film((90, 90, 90), i) for i in range(8)]
    assert video_is(grey, classifier)[2].value > 5 * doubt.value


def test_the_card_tells_what_the_number_depends_on(classifier):
    real = coloured(test=2)
    score = video_is(generated(2), classifier, seed=5, real=real)[0]
    card = score.card
    assert card["extractor"] == Sums().card() and (card["frames"], card["seed"]) == (16, 5)
    told = card["classifier"]
    assert told["classes"] == ["blue", "green", "red"] and told["by"] == "label"
    assert told["accuracy"]["held-out clips"] == 1 and told["key"] == classifier.facts["key"]
    assert card["generated"]["videos"] == 6 and card["bound"] == 3
    reference = card["real videos, same scores"]
    assert reference["test"]["videos"] == 6 and reference["train"]["videos"] == 12
    assert 2.5 < reference["test"]["value"] <= 3 and "warning" not in card
    nothing = video_is(generated(2), classifier, real=coloured(test=0))[0].card
    assert nothing["real videos, same scores"]["test"] is None
    assert evaluate.rows([score])[0]["generated"] == 6
    json.dumps(score.as_dict())


def test_few_videos_bound_the_score(classifier):
    assert video_is(generated()[:2], classifier)[0].card["bound"] == 2


def test_scores_of_two_classifiers_do_not_share_a_column(classifier):
    other = train_classifier(coloured(), Sums(), seed=1)
    a, b, c = (video_is(generated(), x)[0] for x in (classifier, classifier, other))
    assert evaluate.column([a, b]) == [a.value, b.value]
    with pytest.raises(InputError, match=r"differ in protocol \(classifier\)"):
        evaluate.column([a, c])


def test_folders_and_sizes(classifier, tmp_path):
    np.save(tmp_path / "0.npy", film(COLOURS["red"], 1, 48))
    np.save(tmp_path / "1.npy", film(COLOURS["red"], 3, 48))
    np.save(tmp_path / "short.npy", film(COLOURS["red"], 4, 9))
    first, *_ = video_is(tmp_path, classifier)
    assert first.value < 1.05
    assert first.card["generated"]["left out"] == {"short.npy": "too short (9 frames)"}
    large = [film(c, i, size=16) for i, c in enumerate(COLOURS.values())]
    assert video_is(large, classifier, size=8)[0].card["generated"]["frame size"] == [8, 8]
    with pytest.raises(InputError, match=r"frames are 16x16, .* on 8x8; give size=8"):
        video_is(large, classifier)


def test_too_few_videos_get_one_sentence(classifier):
    with pytest.raises(InputError, match="of the generated videos 1 can be used; at least 2"):
        video_is([*generated()[:1], film((0, 0, 0), frames=5)], classifier)
