import numpy as np
import pytest
import scipy.linalg

from rencgan.core.errors import InputError
from rencgan.evaluate.frechet import distance, distance_of


def features(n, d, seed=0, scale=1.0, shift=0.0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) * scale / d**0.5 + shift


def by_the_book(x, y):
    """scipy's matrix root, as most code has it; for full rank only."""
    c, e = np.cov(x.T), np.cov(y.T)
    root = scipy.linalg.sqrtm(c @ e)
    gap = x.mean(0) - y.mean(0)
    return gap @ gap + np.trace(c + e - 2 * root.real)


def test_two_gaussians_of_one_dimension():
    """(m - n)^2 + (s - t)^2, with the samples' own moments."""
    x, y = features(500, 1, 1, 2.0), features(300, 1, 2, 5.0, 3.0)
    expected = (x.mean() - y.mean()) ** 2 + (x.std(ddof=1) - y.std(ddof=1)) ** 2
    assert distance_of(x, y) == pytest.approx(expected, rel=1e-10)
    expected = (x.mean() - y.mean()) ** 2 + (x.std() - y.std()) ** 2
    assert distance_of(x, y, ddof=0) == pytest.approx(expected, rel=1e-10)


def test_commuting_covariances_have_a_closed_form():
    a, b = np.array([4.0, 9.0, 0.25]), np.array([1.0, 16.0, 0.04])
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    c_a, c_b = (rotation @ np.diag(variances) @ rotation.T for variances in (a, b))
    expected = 3 + ((np.sqrt(a) - np.sqrt(b)) ** 2).sum()
    assert distance(np.ones(3), c_a, c_b) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("n", "d"), [(400, 20), (30, 100), (2, 64)])
def test_a_set_with_itself(n, d):
    x = features(n, d)
    assert distance_of(x, x) <= 1e-8 * x.var(0, ddof=1).sum()


@pytest.mark.parametrize(("n", "d"), [(400, 20), (40, 100)])
def test_symmetry_and_scaling(n, d):
    x, y = features(n, d, 1), features(n + 5, d, 2, 1.5, 0.2)
    there = distance_of(x, y)
    assert distance_of(y, x) == pytest.approx(there, rel=1e-9)
    assert distance_of(3 * x, 3 * y) == pytest.approx(9 * there, rel=1e-9)
    assert distance_of(x + 7, y + 7) == pytest.approx(there, rel=1e-9)


def test_the_book_agrees_at_full_rank():
    x, y = features(500, 40, 1), features(700, 40, 2, 1.3, 0.1)
    assert distance_of(x, y) == pytest.approx(by_the_book(x, y), rel=1e-6)


def test_fewer_samples_than_dimensions():
    """With centred X (n, d) and Y (m, d) the trace is the nuclear norm of X Y^T over the counts."""
    x, y = features(25, 200, 1), features(60, 200, 2, 1.3, 0.1)
    x_, y_ = x - x.mean(0), y - y.mean(0)
    root = np.linalg.svd(x_ @ y_.T, compute_uv=False).sum() / np.sqrt(24 * 59)
    gap = x.mean(0) - y.mean(0)
    expected = gap @ gap + (x_**2).sum() / 24 + (y_**2).sum() / 59 - 2 * root
    assert distance_of(x, y) == pytest.approx(expected, rel=1e-9)


def test_torchmetrics_agrees_on_the_same_features():
    image = pytest.importorskip("torchmetrics.image.fid")
    import torch

    x, y = features(300, 16, 1), features(200, 16, 2, 1.3, 0.1)

    class AsTheyAre(torch.nn.Module):
        num_features = 16

        def forward(self, x):
            return x.flatten(1)

    fid = image.FrechetInceptionDistance(feature=AsTheyAre(), input_img_size=(1, 4, 4))
    fid.set_dtype(torch.float64)
    for features_, real in ((x, True), (y, False)):
        fid.update(torch.from_numpy(features_).view(-1, 1, 4, 4), real=real)
    assert float(fid.compute()) == pytest.approx(distance_of(x, y), rel=1e-6)


WRONG = {
    "one sample": ((np.zeros((1, 3)), np.eye(3)), r"more than 1 samples, not \(1, "),
    "one sample of many features": (
        (np.zeros((4, 9)), np.zeros((1, 9))),
        r"more than 1 samples, not \(1, ",
    ),
    "not a number": ((np.full((2, 3), np.nan), np.eye(3)), "NaN or infinity"),
    "two widths": ((np.eye(3), np.eye(4)), "3 and 4 dimensions do not compare"),
    "no table": ((np.eye(3), np.zeros(3)), r"are \(n, d\) of .*, not \(3,\)"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_cannot_be_compared_is_told_in_a_sentence(kind):
    sides, words = WRONG[kind]
    with pytest.raises(InputError, match=words):
        distance_of(*sides)


@pytest.mark.parametrize(("n", "m", "d"), [(5, 7, 40), (2, 2, 9), (30, 8, 40), (60, 50, 12)])
def test_both_ways_to_the_distance_agree(n, m, d):
    rng = np.random.default_rng(n)
    a, b = rng.normal(0, 2, (n, d)), rng.normal(1, 1, (m, d))
    for ddof in (0, 1):
        covariances = (np.cov(x.T, ddof=ddof) for x in (a, b))
        through = distance(a.mean(0) - b.mean(0), *covariances)
        assert distance_of(a, b, ddof) == pytest.approx(through, rel=1e-9)
    assert distance_of(a, a) == pytest.approx(0, abs=1e-9)
