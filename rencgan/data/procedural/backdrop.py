"""Places for a person to move in: still pictures with soft edges, the same at every size."""

from collections.abc import Callable

import numpy as np

from .noise import F32, Tile, cover, pixel_grid, value_line

PLACES = ("park", "wall", "studio", "field", "gym", "street")


def place(kind: str, seed: tuple[int, ...], ground: float) -> Callable[[int], np.ndarray]:
    """A painter of one place: size -> (size, size, 3) float32 in [0, 1]; feet are at y = ground."""

    def paint(size: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        x, y = pixel_grid(size)
        picture = np.empty((size, size, 3), F32)
        PAINTERS[kind](rng, picture, x, y, min(ground - rng.uniform(0.06, 0.16), 0.86), size)
        picture *= 1 + F32(0.05) * _grain(rng, size)[..., None]
        return np.clip(picture, 0, 1)

    return paint


def _grain(rng: np.random.Generator, size: int) -> np.ndarray:
    """Mottling of surfaces, (size, size), without what pixels of this size cannot show."""
    x, y = pixel_grid(size)
    tile = Tile(rng, 128, 2, 40, 1.1)
    return tile(x * F32(60) + 0 * y, y * F32(60) + 0 * x, tile.offset(np.array([[60.0 / size]])))


def _lay(picture: np.ndarray, alpha: np.ndarray, colour) -> None:
    """Paint colour, (3,) or a picture, where alpha (size, size) says."""
    picture += (np.asarray(colour, F32) - picture) * np.broadcast_to(alpha, picture.shape[:2])[
        ..., None
    ]


def _colour(rng: np.random.Generator, base, spread: float = 0.06) -> np.ndarray:
    return np.clip(np.array(base) + rng.normal(0, spread) + rng.normal(0, spread / 2, 3), 0.02, 1)


def _outdoors(rng, picture, x, y, line, size) -> None:
    """Sky, and grass from `line` down."""
    sky, pale = _colour(rng, (0.45, 0.63, 0.85)), _colour(rng, (0.85, 0.90, 0.95), 0.03)
    picture[:] = (sky + (pale - sky) * (y / line).clip(0, 1)[..., None]).astype(F32)
    grass = _colour(rng, (0.36, 0.50, 0.22), 0.08)
    _lay(picture, cover(line - y, size), grass * (0.85 + 0.3 * y[..., None] ** 2))


def _park(rng, picture, x, y, line, size) -> None:
    _outdoors(rng, picture, x, y, line, size)
    green = _colour(rng, (0.16, 0.30, 0.12), 0.05)
    for _ in range(rng.integers(5, 9)):
        middle, top, radius = (
            rng.uniform(-0.05, 1.05),
            rng.uniform(0.1, 0.45),
            rng.uniform(0.09, 0.2),
        )
        trunk = np.maximum(np.abs(x - middle) - 0.012, np.maximum(top - y, y - line - 0.02))
        _lay(picture, cover(trunk, size), (0.25, 0.18, 0.12))
        for _ in range(5):
            dx, dy = rng.normal(0, 0.45, 2) * radius
            d = np.hypot(x - middle - dx, (y - top - dy) * 0.9) - radius * rng.uniform(0.5, 0.8)
            _lay(picture, cover(d, size), green * rng.uniform(0.75, 1.35))
    hedge = line - 0.05 - 0.02 * value_line(rng, x, 3, 3.0)
    _lay(picture, cover(np.maximum(hedge - y, y - line), size), green * 0.8)


def _field(rng, picture, x, y, line, size) -> None:
    _outdoors(rng, picture, x, y, line, size)
    for k in range(2):
        ridge = line - 0.16 + 0.1 * k + 0.07 * value_line(rng, x, 4, 1.2)
        _lay(
            picture,
            cover(np.maximum(ridge - y, y - line), size),
            _colour(rng, (0.38, 0.48, 0.42)) * (1 - 0.25 * k),
        )


def _indoors(rng, picture, y, line, size, wall, floor) -> None:
    """A wall that darkens upwards, a skirting board, a floor."""
    picture[:] = (wall * (0.85 + 0.2 * y[..., None])).astype(F32)
    _lay(picture, cover(line - 0.02 - y, size), floor * 0.6)
    _lay(picture, cover(line - y, size), floor * (0.8 + 0.25 * y[..., None]))


def _wall(rng, picture, x, y, line, size) -> None:
    brick, floor = _colour(rng, (0.55, 0.42, 0.36), 0.12), _colour(rng, (0.50, 0.48, 0.45))
    _indoors(rng, picture, y, line, size, brick, floor)
    for course in np.arange(line % 0.06, line - 0.02, 0.06):
        _lay(picture, 0.4 * cover(np.abs(y - course) - 0.005, size), brick * 1.35)
    for joint in np.arange(rng.uniform(0, 0.14), 1, 0.14):
        _lay(
            picture,
            0.3 * cover(np.maximum(np.abs(x - joint) - 0.005, y - line + 0.02), size),
            brick * 1.35,
        )


def _studio(rng, picture, x, y, line, size) -> None:
    tone = _colour(rng, (0.62, 0.64, 0.68), 0.14)
    _indoors(rng, picture, y, line, size, tone, tone * 0.85)
    d = np.hypot(x - rng.uniform(0.3, 0.7), y - 0.4)
    picture *= (1.12 - 0.55 * d**1.5)[..., None].astype(F32)


def _gym(rng, picture, x, y, line, size) -> None:
    wood = _colour(rng, (0.70, 0.52, 0.33), 0.05)
    _indoors(rng, picture, y, line, size, _colour(rng, (0.72, 0.74, 0.72), 0.08), wood)
    for edge in rng.uniform(0, 1, 2):
        slant = np.abs(x - edge - 0.5 * (y - line) * np.sign(edge - 0.5)) - 0.008
        _lay(picture, cover(np.maximum(slant, line - y), size), (0.92, 0.92, 0.88))
    pane = rng.uniform(0.15, 0.25)
    for middle in (0.18, 0.5, 0.82):
        d = np.maximum(np.abs(x - middle) - 0.11, np.abs(y - pane) - 0.09)
        _lay(picture, cover(d, size), _colour(rng, (0.75, 0.85, 0.92), 0.02))


def _street(rng, picture, x, y, line, size) -> None:
    _indoors(
        rng,
        picture,
        y,
        line,
        size,
        _colour(rng, (0.66, 0.60, 0.50), 0.1),
        _colour(rng, (0.52, 0.52, 0.54), 0.04),
    )
    for middle in np.linspace(0.1, 0.9, 4) + rng.uniform(-0.05, 0.05):
        d = np.maximum(np.abs(x - middle) - 0.06, np.abs(y - 0.3 * line) - 0.12)
        _lay(picture, cover(d, size), (0.22, 0.26, 0.30))
    door = rng.uniform(0.1, 0.9)
    _lay(
        picture,
        cover(
            np.maximum(np.abs(x - door) - 0.07, np.maximum(0.45 * line - y, y - line + 0.01)), size
        ),
        (0.3, 0.18, 0.12),
    )


PAINTERS = {
    "park": _park,
    "wall": _wall,
    "studio": _studio,
    "field": _field,
    "gym": _gym,
    "street": _street,
}
