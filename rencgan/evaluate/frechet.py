"""The Fréchet distance between two sets of features (FVD, video FID), in float64.

Statistics are gathered as features come, so features of a large set are never held together.
"""

from collections.abc import Iterable

import numpy as np

from rencgan.core.errors import InputError


class Statistics:
    """Count, mean and scatter matrix of features, batch by batch (Chan's parallel update).

    The order and the size of the batches change nothing but the last digits.
    """

    def __init__(self, dims: int):
        self.count = 0
        self.mean = np.zeros(dims)
        self.scatter = np.zeros((dims, dims))  # sum over samples of (x - mean)(x - mean)^T

    @classmethod
    def of(cls, batches: np.ndarray | Iterable[np.ndarray]) -> "Statistics":
        """From one array (n, d) or from batches of it."""
        batches = iter([batches] if isinstance(batches, np.ndarray) else batches)
        first = next(batches, None)
        if first is None:
            raise InputError("there are no features to take statistics of")
        made = cls(np.shape(first)[-1]).add(first)
        for batch in batches:
            made.add(batch)
        return made

    def add(self, features: np.ndarray) -> "Statistics":
        """Takes features (n, d) in. Raises InputError for another width, NaN or infinity."""
        x = np.asarray(features, np.float64)
        if x.ndim != 2 or x.shape[1] != len(self.mean):
            raise InputError(f"features must be (n, {len(self.mean)}), not {x.shape}")
        if not np.isfinite(x).all():
            raise InputError(
                "features hold NaN or infinity; the videos or the extractor are broken"
            )
        if not len(x):
            return self
        mean, total = x.mean(0), self.count + len(x)
        gap = mean - self.mean
        centred = x - mean
        self.scatter += centred.T @ centred
        self.scatter += np.outer(gap, gap) * (self.count * len(x) / total)
        self.mean += gap * (len(x) / total)
        self.count = total
        return self

    def covariance(self, ddof: int = 1) -> np.ndarray:
        """The scatter over (count - ddof): ddof 1 is what FID and FVD code uses, 0 a few others.

        Raises InputError with ddof or fewer samples.
        """
        if self.count <= ddof:
            raise InputError(f"{self.count} samples are too few for a covariance")
        return self.scatter / (self.count - ddof)


def _root(symmetric: np.ndarray) -> np.ndarray:
    """s (d, rank) with s s^T = symmetric; what rounding left in its null space is dropped.

    Kept, an eigenvalue of 1e-16 would count with its root, 1e-8, hundreds of times.
    """
    values, vectors = np.linalg.eigh(symmetric)
    kept = values > values.max(initial=0) * len(values) * np.finfo(float).eps
    return vectors[:, kept] * np.sqrt(values[kept])


def distance(a: Statistics, b: Statistics, ddof: int = 1) -> float:
    """|m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)), at least 0.

    The eigenvalues of C_a C_b are the squared singular values of s_a^T s_b, where s s^T = C: so
    the trace is real and stable also with fewer samples than dimensions. Raises InputError for
    features of different widths.
    """
    if len(a.mean) != len(b.mean):
        raise InputError(f"features of {len(a.mean)} and {len(b.mean)} dimensions do not compare")
    c_a, c_b = a.covariance(ddof), b.covariance(ddof)
    trace = np.linalg.svd(_root(c_a).T @ _root(c_b), compute_uv=False).sum()
    gap = a.mean - b.mean
    return max(0.0, float(gap @ gap + np.trace(c_a) + np.trace(c_b) - 2 * trace))


def distance_of(a: np.ndarray, b: np.ndarray, ddof: int = 1) -> float:
    """The same distance of features (n, d) and (m, d) that are at hand.

    With fewer samples than dimensions the centred samples themselves are roots of the covariances,
    so that nothing of size d x d is made.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or len(a) + len(b) > a.shape[1]:
        return distance(Statistics.of(a), Statistics.of(b), ddof)
    if min(len(a), len(b)) <= ddof:
        raise InputError(f"{min(len(a), len(b))} samples are too few for a covariance")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise InputError("features hold NaN or infinity; the videos or the extractor are broken")
    gap = a.mean(0) - b.mean(0)
    s_a = (a - a.mean(0)) / np.sqrt(len(a) - ddof)
    s_b = (b - b.mean(0)) / np.sqrt(len(b) - ddof)
    trace = np.linalg.svd(s_a @ s_b.T, compute_uv=False).sum()
    return max(0.0, float(gap @ gap + (s_a**2).sum() + (s_b**2).sum() - 2 * trace))
