"""Faces that smile: a head that blinks, sways and smiles now and then."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .figure import Looks, looks
from .noise import F32, chunks, cover, pixel_grid, value_line

SUBJECTS = 120
VIDEOS = 240
LABEL = "smile"


@dataclass(frozen=True, eq=False)
class Face:
    """One video: a person's face, and what it does over time."""

    look: Looks
    wide: float  # half-width of the head, in picture widths
    long: float  # half-height
    eye_gap: float  # from the middle to an eye
    eye: float  # half-width of an eye
    iris: np.ndarray
    lips: np.ndarray
    mouth: float  # half-width of the mouth at rest
    brow: float  # thickness
    fringe: float  # y below which the forehead shows
    wall: np.ndarray
    smile: np.ndarray  # (n,) 0 to 1
    blink: np.ndarray  # (n,) 0 open to 1 shut
    move: np.ndarray  # (n, 4) x, y in picture widths, roll and turn in radians
    teeth: float  # how much a full smile opens the lips


def describe(seed: int, index: int) -> tuple[str, str, int, float]:
    """Label, person, number of frames and frame rate of video `index`."""
    rng = np.random.default_rng([seed, 61, index])
    return LABEL, f"person_{index % SUBJECTS:03d}", int(rng.integers(100, 201)), 50.0


def _smiles(rng: np.random.Generator, n: int) -> np.ndarray:
    """A smile that rises, stays and fades, again and again: (n,) in [0, 1]."""
    times, values, t = [-30.0], [0.0], rng.uniform(5, 25)
    while t < n + 40:
        top = rng.uniform(0.65, 1.0)
        times += [t, t + rng.uniform(12, 26)]
        values += [0.0, top]
        times += [times[-1] + rng.uniform(10, 45)]
        values += [top * rng.uniform(0.85, 1)]
        times += [times[-1] + rng.uniform(18, 35)]
        values += [rng.uniform(0, 0.1)]
        t = times[-1] + rng.uniform(8, 35)
    now = np.arange(n)
    i = np.searchsorted(times, now, side="right") - 1
    at, next_at = np.array(times)[i], np.array(times)[i + 1]
    u = (now - at) / (next_at - at)
    v, w = np.array(values)[i], np.array(values)[i + 1]
    return v + (w - v) * u * u * (3 - 2 * u)


def _blinks(rng: np.random.Generator, n: int) -> np.ndarray:
    """Lids that shut for about 8 frames, every 50 or so: (n,) in [0, 1]."""
    shut, t = np.zeros(n), rng.uniform(0, 40)
    while t < n:
        shut = np.maximum(shut, np.exp(-(((np.arange(n) - t) / 2.6) ** 4)))
        t += rng.uniform(30, 80)
    return shut


@lru_cache(maxsize=4)
def face(seed: int, index: int) -> Face:
    """The whole of video `index`, uncut."""
    n = describe(seed, index)[2]
    who = np.random.default_rng([seed, 62, index % SUBJECTS])
    rng = np.random.default_rng([seed, 63, index])
    look = looks(who)
    t = np.arange(n) / 100
    sway = np.stack([value_line(rng, t, 2, 0.7) for _ in range(4)], axis=1)
    return Face(
        look=look,
        wide=who.uniform(0.24, 0.30),
        long=who.uniform(0.34, 0.39),
        eye_gap=who.uniform(0.095, 0.12),
        eye=who.uniform(0.045, 0.06),
        iris=np.array([[0.25, 0.15, 0.08], [0.2, 0.35, 0.5], [0.25, 0.38, 0.22]])[who.integers(3)],
        lips=np.clip(look.skin * [0.85, 0.55, 0.55] + who.normal(0, 0.03, 3), 0, 1),
        mouth=who.uniform(0.075, 0.10),
        brow=who.uniform(0.007, 0.015),
        fringe=who.uniform(-0.27, -0.16),
        wall=np.clip(who.uniform(0.25, 0.75) + who.normal(0, 0.08, 3), 0, 1),
        smile=_smiles(rng, n),
        blink=_blinks(rng, n),
        move=sway * [0.05, 0.035, 0.10, 0.45] + [rng.normal(0, 0.01), rng.normal(0.02, 0.01), 0, 0],
        teeth=who.uniform(0.3, 1.0),
    )


def render(seed: int, index: int, n_frames: int, size: int) -> np.ndarray:
    """The first n_frames of video `index`: (n_frames, size, size, 3) uint8."""
    f = face(seed, index)
    out = np.empty((n_frames, size, size, 3), np.uint8)
    for part in chunks(n_frames, size):
        picture = _draw(f, np.arange(part.start, part.stop), size)
        for c in range(3):
            out[part, ..., c] = np.clip(picture[c] * 255 + F32(0.5), 0, 255)
    return out


class Canvas:
    """Three planes (n, size, size) in [0, 1] on which soft shapes are laid."""

    def __init__(self, n: int, size: int, colour: np.ndarray):
        self.size, self.planes = size, [np.full((n, size, size), c, F32) for c in colour]

    def lay(self, distance, colour, strength=1.0, shade=1.0) -> None:
        """Paint colour (3,), times `shade`, where the distance is negative."""
        alpha = cover(distance, self.size) * np.asarray(strength, F32)
        for plane, c in zip(self.planes, colour, strict=True):
            plane += (F32(c) * shade - plane) * alpha


def ellipse(x, y, rx, ry):
    """About the signed distance to an ellipse: exact on its axes' ends and for circles."""
    q = np.sqrt((x / rx) ** 2 + (y / ry) ** 2)
    return (q - 1) * np.minimum(rx, ry)


def _draw(f: Face, times: np.ndarray, size: int) -> list[np.ndarray]:
    """The frames at these times as three planes (n, size, size)."""

    def over_time(v):
        return v[times][:, None, None].astype(F32)

    gx, gy = pixel_grid(size)
    smile, blink = over_time(f.smile), over_time(f.blink)
    mx, my, roll, turn = (over_time(f.move[:, k]) for k in range(4))
    px, py = gx[None] - F32(0.5) - mx, gy[None] - F32(0.47) - my
    x, y = np.cos(roll) * px + np.sin(roll) * py, np.cos(roll) * py - np.sin(roll) * px
    canvas = Canvas(len(times), size, f.wall)
    shade = F32(1.04) - F32(0.5) * (x / F32(f.wide) * F32(0.35) + F32(0.15)) ** 2
    _body(canvas, f, gx, gy, px, x, y)
    canvas.lay(ellipse(x, y, F32(f.wide), f.long - F32(0.006) * smile), f.look.skin, shade=shade)
    _hairline(canvas, f, x, y)
    _features(canvas, f, x - F32(0.16) * turn, y, smile, blink)
    return canvas.planes


def _body(canvas: Canvas, f: Face, gx, gy, px, x, y) -> None:
    """Hair behind the head, shoulders and neck."""
    if f.look.long_hair:
        long = np.maximum(np.abs(x) - F32(f.wide + 0.035), np.maximum(-y, y - F32(0.48)))
        canvas.lay(long, f.look.hair * 0.8)
    canvas.lay(ellipse(x, y + F32(0.04), F32(f.wide + 0.035), F32(f.long + 0.03)), f.look.hair)
    canvas.lay(np.maximum(np.abs(px) - F32(0.115), F32(0.1) - y), f.look.skin * 0.78)
    canvas.lay(ellipse(gx - F32(0.5), gy - F32(1.08), F32(0.46), F32(0.24)), f.look.top)
    for side in (-1, 1):
        canvas.lay(
            ellipse(x - F32(side * f.wide), y + F32(0.01), F32(0.03), F32(0.06)), f.look.skin * 0.88
        )


def _hairline(canvas: Canvas, f: Face, x, y) -> None:
    """The hair above the forehead, inside the head's outline."""
    head = ellipse(x, y, F32(f.wide + 0.01), F32(f.long + 0.01))
    canvas.lay(np.maximum(head, y - F32(f.fringe) - F32(1.3) * x * x), f.look.hair)


def _features(canvas: Canvas, f: Face, x, y, smile, blink) -> None:
    """Eyes, brows, nose, cheeks and mouth, in the head's own axes (moved sideways as it turns)."""
    skin, dark = f.look.skin, f.look.skin * 0.72
    for side in (-1, 1):
        ex, ey = x - F32(side * f.eye_gap), y + F32(0.05)
        opening = F32(0.42 * f.eye) * (1 - F32(0.38) * smile) * (1 - F32(0.92) * blink) + F32(0.002)
        canvas.lay(ellipse(ex, ey, F32(f.eye * 1.15), F32(0.5 * f.eye)), dark, 0.6)
        white = ellipse(ex, ey, F32(f.eye), opening)
        canvas.lay(white, (0.95, 0.94, 0.92))
        iris = np.hypot(ex, ey) - F32(0.42 * f.eye)
        canvas.lay(np.maximum(iris, white), f.iris)
        canvas.lay(np.maximum(iris + F32(0.24 * f.eye), white), (0.04, 0.03, 0.03))
        lid = np.abs(ey + opening * (1 - (ex / F32(f.eye)) ** 2)) - F32(0.005)
        canvas.lay(np.maximum(lid, np.abs(ex) - F32(f.eye)), dark * 0.5, 0.9)
        arch = ey + F32(0.06) + F32(0.008) * smile - F32(1.6) * (ex - F32(0.01 * side)) ** 2 * -1
        brow = np.maximum(np.abs(arch) - F32(f.brow), np.abs(ex) - F32(f.eye * 1.2))
        canvas.lay(brow, f.look.hair * 0.9, 0.9)
        cheek = ellipse(
            x - F32(side * 0.14), y - F32(0.075) + F32(0.02) * smile, F32(0.06), F32(0.045)
        )
        canvas.lay(cheek, skin * np.array([1.02, 0.84, 0.82]), 0.15 + 0.45 * smile)
        fold = np.abs(np.hypot(x - F32(side * 0.03), y - F32(0.12)) - F32(0.105)) - F32(0.004)
        canvas.lay(np.maximum(fold, F32(0.06) - side * x), dark, 0.55 * smile)
    nose = np.maximum(
        np.abs(x + F32(0.012)) - F32(0.010), np.maximum(-y - F32(0.04), y - F32(0.075))
    )
    canvas.lay(nose, skin * 1.1, 0.5)
    canvas.lay(ellipse(x, y - F32(0.085), F32(0.036), F32(0.014)), dark, 0.9)
    _mouth(canvas, f, x, y, smile)


def _mouth(canvas: Canvas, f: Face, x, y, smile) -> None:
    """Lips whose corners rise and part as the smile grows, with teeth between."""
    half = F32(f.mouth) * (1 + F32(0.42) * smile)
    across = np.clip(x / half, -1, 1)
    curve = F32(0.185) - F32(0.045) * smile * across**2 + F32(0.012) * smile
    bow = np.sqrt(1 - across**2)
    gap = F32(0.032 * f.teeth) * np.clip(smile * F32(1.6) - F32(0.5), 0, 1) * bow
    beyond = np.abs(x) - half
    upper = curve - gap - F32(0.014) * bow - y
    lower = y - curve - gap - F32(0.020) * bow
    canvas.lay(np.maximum(np.maximum(upper, lower), beyond), f.lips)
    inside = np.maximum(np.abs(y - curve) - gap - F32(0.0025), beyond + F32(0.004))
    canvas.lay(inside, (0.28, 0.08, 0.08), 0.9)
    teeth = np.maximum(
        np.abs(y - curve + F32(0.2) * gap) - F32(0.75) * gap + F32(0.003), beyond + F32(0.02)
    )
    canvas.lay(teeth, (0.96, 0.95, 0.92), np.clip(gap * 80, 0, 1))
