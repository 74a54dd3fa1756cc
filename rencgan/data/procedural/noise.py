"""Fractal noise that can be moved, stretched and seen from afar, and pixels with soft edges."""

import numpy as np

LEVELS = 8  # blurred copies of a tile, half an octave apart
F32 = np.float32


class Tile:
    """A seamless square of fractal noise, deviation 1, with blurred copies for wide pixels.

    The amplitude falls as frequency ** -slope between `low` and `high` periods per tile. Every
    level is as large as the tile, so that one flat index reaches any level.
    """

    def __init__(self, rng: np.random.Generator, size: int, low: float, high: float, slope: float):
        self.size = size
        fy, fx = np.fft.fftfreq(size)[:, None] * size, np.fft.rfftfreq(size)[None] * size
        f = np.hypot(fy, fx)
        band = np.where((f >= low) & (f <= high), np.maximum(f, 1e-6) ** -slope, 0)
        spectrum = np.fft.rfft2(rng.standard_normal((size, size))) * band
        spectrum /= np.fft.irfft2(spectrum, s=(size, size)).std()
        sigma = 0.35 * 2 ** (0.5 * np.arange(LEVELS)[:, None, None]) / size
        blurred = np.fft.irfft2(spectrum * np.exp(-2 * (np.pi * sigma * f) ** 2), s=(size, size))
        self.flat = blurred.astype(F32).ravel()

    def offset(self, footprint: np.ndarray) -> np.ndarray:
        """Where the level for pixels `footprint` texels wide begins in the flat store."""
        level = np.rint(2 * np.log2(np.maximum(footprint, 1e-3))).clip(0, LEVELS - 1)
        return (level * self.size**2).astype(np.int32)

    def __call__(self, u: np.ndarray, v: np.ndarray, offset: np.ndarray | int = 0) -> np.ndarray:
        """The noise at column u and row v, in texels, between texels linearly; the tile repeats."""
        n = self.size
        u0, v0 = np.floor(u), np.floor(v)
        fu, fv = u - u0, v - v0
        left, top = u0.astype(np.int32) % n, v0.astype(np.int32) % n
        right, below = (left + 1) % n, (top + 1) % n
        top, below = top * n + offset, below * n + offset
        take = self.flat.take
        a, c = take(top + left), take(below + left)
        a += fu * (take(top + right) - a)
        c += fu * (take(below + right) - c)
        return a + fv * (c - a)


def value_line(rng: np.random.Generator, x: np.ndarray, octaves: int, first: float) -> np.ndarray:
    """Smooth one-dimensional fractal noise in about [-1, 1] at x; `first` bumps in a unit of x."""
    y = np.zeros_like(x)
    for k in range(octaves):
        frequency = first * 2**k * rng.uniform(0.85, 1.15)
        for _ in range(2):
            y += np.sin(2 * np.pi * (frequency * rng.uniform(0.7, 1.3) * x + rng.random())) / 2 ** (
                k + 1
            )
    return y / 2


def pixel_grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """x (1, size) and y (size, 1) of pixel centres in [0, 1], y downwards."""
    centre = ((np.arange(size) + 0.5) / size).astype(F32)
    return centre[None, :], centre[:, None]


def cover(distance: np.ndarray, size: int) -> np.ndarray:
    """How much of a pixel lies inside a shape, from the signed distance in picture widths."""
    return np.clip(F32(0.5) - distance * F32(size), 0, 1)


def chunks(n: int, size: int, pixels: int = 65536):
    """Slices of range(n) with few enough frames that one float plane of them stays in the cache."""
    step = max(1, pixels // size**2)
    for start in range(0, n, step):
        yield slice(start, min(n, start + step))
