"""The Fréchet distance between two sets of features (FVD, video FID), in float64."""

import numpy as np

from rencgan.core.errors import InputError


def distance_of(a: np.ndarray, b: np.ndarray, ddof: int = 1) -> float:
    """|m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)) of features (n, d) and (m, d), at least 0.

    ddof: covariances are sums over (n - ddof); 1 is what FID and FVD code uses, 0 a few others.
    Raises InputError for other shapes or widths, NaN or infinity, and too few samples.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    for x in (a, b):
        if x.ndim != 2 or len(x) <= ddof:
            raise InputError(f"features are (n, d) of more than {ddof} samples, not {x.shape}")
        if not np.isfinite(x).all():
            raise InputError("features hold NaN or infinity; the videos or extractor are broken")
    d = a.shape[1]
    if d != b.shape[1]:
        raise InputError(f"features of {d} and {b.shape[1]} dimensions do not compare")
    gap = a.mean(0) - b.mean(0)
    x, y = a - a.mean(0), b - b.mean(0)
    if len(a) + len(b) > d:
        return distance(gap, x.T @ x / (len(a) - ddof), y.T @ y / (len(b) - ddof))
    # The centred samples themselves are roots of the covariances: nothing of size d x d is made.
    x, y = x / np.sqrt(len(a) - ddof), y / np.sqrt(len(b) - ddof)
    trace = np.linalg.svd(x @ y.T, compute_uv=False).sum()
    return max(0.0, float(gap @ gap + (x**2).sum() + (y**2).sum() - 2 * trace))


def distance(gap: np.ndarray, c_a: np.ndarray, c_b: np.ndarray) -> float:
    """The same from the gap of the means (d,) and the covariances (d, d).

    The eigenvalues of C_a C_b are the squared singular values of s_a^T s_b, where s s^T = C: so
    the trace is real and stable also with fewer samples than dimensions.
    """
    trace = np.linalg.svd(_root(c_a).T @ _root(c_b), compute_uv=False).sum()
    return max(0.0, float(gap @ gap + np.trace(c_a) + np.trace(c_b) - 2 * trace))


def _root(symmetric: np.ndarray) -> np.ndarray:
    """s (d, rank) with s s^T = symmetric; what rounding left in its null space is dropped.

    Kept, an eigenvalue of 1e-16 would count with its root, 1e-8, hundreds of times.
    """
    values, vectors = np.linalg.eigh(symmetric)
    kept = values > values.max(initial=0) * len(values) * np.finfo(float).eps
    return vectors[:, kept] * np.sqrt(values[kept])
