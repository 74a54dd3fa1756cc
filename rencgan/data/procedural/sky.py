"""Sky time-lapses: clouds that move and change over a horizon, as the sun rises or sets.

Clouds lie on a plane above the camera, seen in perspective. Their density is the sum of three
groups of octaves that the wind carries at different speeds, so they form and dissolve as they
go; the finest group is displaced by the others, which gives billows. The plane is lit by
comparing the density with that a step towards the sun.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from .further import FURTHER, place_of
from .noise import F32, Tile, chunks, cover, pixel_grid, value_line

CLASSES = ("cumulus", "broken", "cirrus", "stratus", "storm", "altocumulus")
SCENES = 35  # coprime with the number of classes: 210 videos meet every pair once
WHOLE = len(CLASSES) * SCENES  # videos that share scenes; those behind them are `further`
LAND = ("hills", "sea", "city", "trees", "mountains", "plain", "lake")


@dataclass(frozen=True)
class Kind:
    """What separates one class of clouds from another."""

    scale: float  # size of the largest clouds against the others
    stretch: float  # length over breadth, along the wind
    threshold: float  # in deviations: how much of the sky stays clear
    soft: float  # width of an edge, in deviations
    fine: float  # weight of the finest octaves
    density: float  # opacity of the thickest parts
    grey: float  # how far the colours go to grey
    dark: float  # how much light is lost
    relief: float  # contrast of light and shade within a cloud


KINDS = {
    "cumulus": Kind(1.0, 1.0, 0.35, 0.55, 0.42, 1.00, 0.00, 0.00, 0.55),
    "broken": Kind(1.3, 1.3, -0.35, 0.80, 0.45, 1.00, 0.15, 0.08, 0.60),
    "cirrus": Kind(0.9, 4.0, 0.10, 1.90, 0.50, 0.80, 0.00, 0.00, 0.30),
    "stratus": Kind(1.4, 1.6, -1.30, 1.00, 0.50, 1.00, 0.60, 0.15, 0.85),
    "storm": Kind(1.4, 1.2, -0.90, 0.80, 0.50, 1.00, 0.40, 0.42, 0.95),
    "altocumulus": Kind(0.5, 1.3, 0.00, 0.80, 0.55, 0.95, 0.05, 0.02, 0.50),
}

# Colours (0 to 255) by the height of the sun: below the horizon, at it, high.
SUN = np.array([-0.40, -0.16, -0.03, 0.12, 0.35, 1.0])
ZENITH = np.array(
    [[9, 13, 34], [28, 40, 88], [52, 78, 138], [78, 122, 186], [58, 116, 200], [32, 88, 184]]
)
HAZE = np.array(
    [[30, 32, 56], [168, 84, 80], [244, 142, 82], [250, 200, 140], [190, 214, 234], [168, 204, 236]]
)
LIT = np.array(
    [[58, 62, 84], [186, 88, 88], [255, 148, 96], [255, 214, 164], [252, 250, 246], [255, 255, 255]]
)
SHADE = np.array(
    [[20, 23, 40], [58, 46, 74], [96, 74, 98], [138, 120, 130], [150, 158, 174], [142, 152, 170]]
)
LIGHT = np.array([0.10, 0.22, 0.45, 0.75, 1.0, 1.0])  # on the ground


def by_sun(table: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Rows of a colour table between its keys. height (n,) -> (n, 3)."""
    return np.stack([np.interp(height, SUN, c) for c in table.T], axis=-1)


@dataclass(frozen=True, eq=False)
class Scene:
    """One video before it has a resolution: every number that its pictures are made of."""

    kind: Kind
    tiles: tuple[Tile, Tile, Tile, Tile]  # three groups of octaves, and the high veil
    wind: np.ndarray  # (4, 2) texels a frame for each tile, before `speed`
    texels: np.ndarray  # (4,) texels in one picture width at the nearest point
    turn: float  # radians: where the clouds' long side lies
    sun_start: float
    sun_rate: float  # height a frame
    sun_x: float
    sun_drift: float  # picture widths a frame
    breath: np.ndarray  # (3, 2) period in frames and phase of the threshold's and exposure's drift
    veil: float  # strength of the high layer
    tint: np.ndarray  # (3,) the camera's white balance
    shift: float  # added to the kind's threshold
    land: str
    horizon: float  # y of the horizon
    ground_seed: tuple[int, ...]
    speed: float = 1.0


def describe(seed: int, index: int) -> tuple[str, str, int, float]:
    """Label, scene name, number of frames and frame rate of video `index`."""
    rng = np.random.default_rng([seed, 11, index])
    length = FURTHER if index >= WHOLE else int(200 + 800 * rng.beta(0.75, 2.5))
    place = place_of(index, SCENES, WHOLE)
    return CLASSES[index % len(CLASSES)], f"scene_{place:02d}", length, 25.0


def _light(rng: np.random.Generator) -> tuple[float, float]:
    """Height of the sun at frame 0 and its change a frame: dawn, day, dusk or night."""
    part = rng.choice(["dawn", "day", "dusk", "night"], p=[0.2, 0.52, 0.22, 0.06])
    rate = rng.uniform(1.5, 5.0) * 1e-4
    start, sign = {
        "dawn": (rng.uniform(-0.14, 0.08), 1),
        "day": (rng.uniform(0.3, 0.9), rng.choice([-1, 1])),
        "dusk": (rng.uniform(0.02, 0.26), -1),
        "night": (rng.uniform(-0.32, -0.2), rng.choice([-0.2, 0.6])),
    }[part]
    return start, sign * rate


def _winds(rng: np.random.Generator, texels: np.ndarray) -> np.ndarray:
    """Velocity of the four tiles: about the same wind, each with its own share and angle."""
    angle = rng.choice([0, np.pi]) + rng.normal(0, 0.5)
    if rng.random() < 0.3:
        angle += np.pi / 2 * rng.choice([-1, 1])  # towards the viewer, or away
    share = np.array([1.0, rng.uniform(0.72, 0.9), rng.uniform(1.04, 1.18), rng.uniform(0.3, 0.55)])
    angles = angle + np.array([0, rng.normal(0, 0.25), rng.normal(0, 0.12), rng.normal(0, 0.5)])
    step = 0.018 * share * texels  # picture widths a frame, near the camera
    return np.stack([np.cos(angles) * step, np.sin(angles) * step], axis=1)


@lru_cache(maxsize=4)
def scene(seed: int, index: int) -> Scene:
    """The scene of video `index`, with a wind that makes it as lively as real time-lapses."""
    label, _, length, _ = describe(seed, index)
    kind = KINDS[label]
    rng = np.random.default_rng([seed, 12, index])
    number = place_of(index, SCENES, WHOLE)
    place = np.random.default_rng([seed, 13, number])  # what all videos of a scene share
    land, horizon = LAND[number % len(LAND)], place.uniform(0.72, 0.95)
    tiles = (
        Tile(rng, 128, 2, 14, 1.5),
        Tile(rng, 128, 5, 40, 1.5),
        Tile(rng, 256, 10, 120, 1.35),
        Tile(rng, 128, 2, 40, 1.6),
    )
    texels = np.array([14.0, 17.0, 38.0, 13.0]) / kind.scale * rng.uniform(0.8, 1.25)
    start, rate = _light(rng)
    first = Scene(
        kind=kind,
        tiles=tiles,
        wind=_winds(rng, texels),
        texels=texels,
        turn=rng.normal(0, 0.5),
        sun_start=start,
        sun_rate=rate,
        sun_x=place.uniform(-0.1, 1.1),
        sun_drift=rng.choice([-1, 1]) * rng.uniform(0, 3e-4),
        breath=np.stack(
            [rng.uniform([170, 390, 90], [330, 810, 190]), rng.uniform(0, 6.28, 3)], axis=1
        ),
        veil=rng.choice([0.0, rng.uniform(0.15, 0.5)]),
        tint=1 + rng.normal(0, 0.03, 3),
        shift=rng.normal(0, 0.22),
        land=land,
        horizon=horizon,
        ground_seed=(seed, 14, number),
    )
    return _paced(first, length, target=np.exp(rng.uniform(np.log(0.5), np.log(1.8))))


def _paced(s: Scene, length: int, target: float) -> Scene:
    """The scene with the wind at which adjacent 32 x 32 frames differ by `target` grey levels.

    Three moments of the whole video are tried, so cutting the video does not change the wind;
    the wind stays within a factor that moves near clouds at most about 1.3 pixels of 32 a frame.
    """
    moments = (np.array([0.15, 0.5, 0.85]) * length).astype(int)
    times = np.stack([moments, moments + 1], axis=1).ravel()
    for _ in range(3):
        x = draw(s, times, 32).astype(F32)
        change = np.abs(x[1::2] - x[::2]).mean()
        factor = np.clip(target / max(change, 0.05), 0.4, 2.5)
        s = replace(s, speed=float(np.clip(s.speed * factor, 0.15, 2.3)))
    return s


def render(seed: int, index: int, n_frames: int, size: int) -> np.ndarray:
    """The first n_frames of video `index`: (n_frames, size, size, 3) uint8."""
    s = scene(seed, index)
    out = np.empty((n_frames, size, size, 3), np.uint8)
    for part in chunks(n_frames, size):
        out[part] = draw(s, np.arange(part.start, part.stop), size)
    return out


def draw(s: Scene, times: np.ndarray, size: int) -> np.ndarray:
    """The frames at these times: (n, size, size, 3) uint8."""
    x, y = pixel_grid(size)
    t = times.astype(float)
    height = s.sun_start + s.sun_rate * t
    alpha, light = _clouds(s, t, height, size)
    sun_y = s.horizon - 0.95 * height
    glow, disc = _sun(x, y, s.sun_x + s.sun_drift * t, sun_y, height, size)
    glow *= 1 - F32(0.6) * alpha
    colours = [_toned(s, by_sun(c, height)) for c in (ZENITH, HAZE, LIT, SHADE)]
    ground, ground_alpha, haze = _ground(s.land, s.horizon, s.ground_seed, size)
    glitter = _glitter(s, t, size)
    lamp = np.interp(height, SUN, LIGHT) * (1 - 0.5 * s.kind.dark)
    exposure = 1 + 0.03 * np.sin(2 * np.pi * t / s.breath[2, 0] + s.breath[2, 1])
    up = np.clip((s.horizon - y) / s.horizon, 0, 1) ** F32(0.6)  # (size, 1), 0 at the horizon
    out = np.empty((len(t), size, size, 3), np.uint8)
    for c in range(3):
        zenith, horizon, lit, shade = (k[:, c, None, None].astype(F32) for k in colours)
        sky = horizon + (zenith - horizon) * up
        sky = sky + (F32(255) - sky) * np.minimum(glow * F32((1.0, 0.85, 0.6)[c]) + disc, 1)
        cloud = shade + (lit - shade) * light
        cloud += (F32((255, 225, 185)[c]) - cloud) * (glow * F32(0.7))
        sky += (cloud - sky) * alpha
        land = ground[..., c] * lamp[:, None, None].astype(F32) * F32(255)
        land = land + (horizon * F32(0.9) - land) * (haze + glitter)
        sky += (land - sky) * ground_alpha
        sky *= (exposure * s.tint[c])[:, None, None].astype(F32)
        out[..., c] = np.clip(sky + F32(0.5), 0, 255)
    return out


def _toned(s: Scene, colour: np.ndarray) -> np.ndarray:
    """Palette colours (n, 3) greyed and darkened as heavy clouds do."""
    grey = colour.mean(axis=1, keepdims=True)
    return (colour + s.kind.grey * (grey - colour)) * (1 - s.kind.dark)


def _plane(s: Scene, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where pixels meet the cloud plane, in widths of its nearest part.

    Returns u and v, both (size, size), and the depth (size, 1).
    """
    x, y = pixel_grid(size)
    rise = np.maximum(s.horizon - y, 0) / s.horizon
    depth = 1 / (0.28 + 0.72 * rise)
    across, away = (x - 0.5) * depth, -depth * s.horizon / 0.72 + 0 * x
    cos, sin = np.cos(s.turn), np.sin(s.turn)
    u = (cos * across + sin * away) / s.kind.stretch
    return u.astype(F32), (cos * away - sin * across).astype(F32), depth.astype(F32)


def _clouds(
    s: Scene, t: np.ndarray, height: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Opacity and brightness of the clouds, both (n, size, size) in [0, 1]."""
    u, v, depth = _plane(s, size)

    def layer(k: int, du=0.0, dv=0.0, stretch: float = 1.0):
        move = (t[:, None] * s.wind[k] * s.speed % s.tiles[k].size).astype(F32)[:, :, None, None]
        reach = F32(s.texels[k])
        offset = s.tiles[k].offset(s.texels[k] * depth**1.5 / size)
        return s.tiles[k](
            u * (reach * stretch) + move[:, 0] + du, v * reach + move[:, 1] + dv, offset
        )

    large, middle = layer(0), layer(1)
    fine = layer(2, du=large * F32(3.0), dv=middle * F32(3.0))
    density = large * F32(0.72) + middle * F32(0.5) + fine * F32(s.kind.fine)
    # A step towards the light: sideways to the sun when it is low, overhead when it is high.
    side = np.sign(s.sun_x - 0.5) * np.sqrt(np.clip(1 - height**2, 0.1, 1))[:, None, None].astype(
        F32
    )
    step = F32(2.2 * s.kind.scale)
    beyond = layer(0, du=side * step, dv=-step) * F32(0.72) + layer(
        1, du=side * step, dv=-step
    ) * F32(0.5)
    (p0, a0), (p1, a1) = s.breath[:2]
    slow = 0.16 * np.sin(2 * np.pi * t / p0 + a0) + 0.2 * np.sin(2 * np.pi * t / p1 + a1)
    edge = (s.kind.threshold + s.shift + slow)[:, None, None].astype(F32)
    thick = np.clip((density - edge) / F32(s.kind.soft), 0, 1)
    alpha = thick * thick * (3 - 2 * thick) * F32(s.kind.density)
    relief = (density - beyond) * F32(s.kind.relief)
    light = F32(0.66) + relief - F32(0.22) * np.maximum(density - edge - F32(0.5), 0)
    if s.veil:
        veil = np.clip(layer(3, stretch=0.4) * F32(0.5) + F32(0.1), 0, 1) * F32(s.veil)
        alpha, light = alpha + veil * (1 - alpha), light + veil * (1 - alpha) * F32(0.4)
    far = np.clip((depth - F32(2.2)) / F32(1.4), 0, 1) * F32(0.75)  # haze hides what is far
    return alpha * (1 - far), np.clip(light, 0, 1)


def _sun(x, y, sun_x, sun_y, height, size) -> tuple[np.ndarray, np.ndarray]:
    """Glow around the sun and its disc, both (n, size, size) in [0, 1]."""
    dx = x[None] - sun_x[:, None, None].astype(F32)
    dy = y[None] - sun_y[:, None, None].astype(F32)
    d = np.sqrt(dx * dx + dy * dy)
    strength = np.interp(height, [-0.25, -0.05, 0.1, 0.5, 1], [0, 0.5, 0.85, 0.6, 0.35])
    strength = strength[:, None, None].astype(F32)
    return strength * np.exp(d * F32(-5.5)), cover(d - F32(0.035), size) * strength


def _glitter(s: Scene, t: np.ndarray, size: int) -> np.ndarray | np.float32:
    """How much of the bright horizon the water mirrors: (n, size, size), or 0 on land."""
    if s.land not in ("sea", "lake"):
        return F32(0)
    x, y = pixel_grid(size)
    below = np.maximum(y - s.horizon, 0) + F32(0.02)
    u, v = x * F32(14) + 0 * y, F32(3.5) / (below + F32(0.05)) + 0 * x
    drift = (t * 0.35 % 128).astype(F32)[:, None, None]
    waves = s.tiles[1](
        u + drift, v + F32(0.6) * drift, s.tiles[1].offset(3.5 / (below + 0.05) ** 2 / size)
    )
    return np.clip(F32(0.45) + F32(0.22) * waves, 0, 1) * cover(F32(s.horizon) - y, size)


@lru_cache(maxsize=8)
def _ground(land: str, horizon: float, seed: tuple[int, ...], size: int):
    """The land: albedo (size, size, 3), coverage and haze (size, size). It does not move."""
    rng = np.random.default_rng(seed)
    x, y = pixel_grid(size)
    albedo = np.zeros((size, size, 3), F32)
    alpha, haze = np.zeros((size, size), F32), np.zeros((size, size), F32)
    for line, colour, mist in _ridges(land, horizon, rng, x[0]):
        a = cover(line[None, :] - y, size)
        shade = 1 - F32(0.35) * np.clip((y - line[None, :]) * 3, 0, 1)
        albedo += (shade[..., None] * np.asarray(colour, F32) - albedo) * a[..., None]
        haze += (F32(mist) - haze) * a
        alpha = np.maximum(alpha, a)
    return albedo, alpha, haze


def _ridges(land: str, horizon: float, rng: np.random.Generator, x: np.ndarray):
    """Outlines from far to near: y along x (size,), colour in [0, 1], share of haze."""
    green = np.array([0.20, 0.30, 0.13]) * rng.uniform(0.6, 1.3) + rng.uniform(0, 0.08, 3)
    level = horizon + 0 * x
    if land == "mountains":
        peaks = np.abs(value_line(rng, x, 5, 1.2))
        yield horizon - 0.03 - 0.28 * peaks, (0.35, 0.38, 0.45), 0.45
        yield horizon + 0.02 - 0.12 * np.abs(value_line(rng, x, 5, 2.0)), green * 0.8, 0.15
    elif land == "hills":
        for k, mist in enumerate((0.5, 0.25, 0.0)):
            bumps = value_line(rng, x, 4, 0.9 + 0.4 * k)
            yield level - 0.05 + 0.05 * k + 0.07 * bumps, green * (1 - 0.2 * k), mist
    elif land == "city":
        yield level, (0.12, 0.12, 0.14), 0.1
        yield _skyline(rng, x, horizon, 0.13), (0.22, 0.23, 0.27), 0.3
        yield _skyline(rng, x, horizon, 0.09) + 0.02, (0.09, 0.09, 0.11), 0.0
    elif land == "trees":
        yield level, green, 0.1
        crowns = 0.6 * np.abs(value_line(rng, x, 2, 3.0)) + 0.4 * np.abs(value_line(rng, x, 3, 9.0))
        sides = np.abs(x - rng.uniform(0.3, 0.7)) * rng.uniform(0.2, 0.8)
        yield horizon + 0.02 - 0.16 * crowns - 0.3 * sides, green * 0.35, 0.0
    elif land == "plain":
        yield level, green * 1.2, 0.2
        yield (
            horizon + 0.05 + 0.01 * value_line(rng, x, 3, 1.0),
            np.array([0.45, 0.4, 0.2]) * 0.7,
            0.0,
        )
    else:
        if land == "lake":  # a far shore, which the water then covers from the horizon down
            shore = rng.uniform(0.02, 0.08) * (0.6 + value_line(rng, x, 4, 1.3))
            yield horizon - np.maximum(shore, -0.01), green * 0.6, 0.2
        yield level, (0.10, 0.17, 0.24), 0.0


def _skyline(rng: np.random.Generator, x: np.ndarray, horizon: float, tall: float) -> np.ndarray:
    """Roofs of a row of houses with soft walls, y along x."""
    y, wall = np.full_like(x, horizon), 1.0 / len(x)
    for _ in range(14):
        middle, half = rng.uniform(-0.05, 1.05), rng.uniform(0.02, 0.06)
        roof = horizon - tall * rng.beta(1.2, 2.5) * 2
        inside = np.clip((half - np.abs(x - middle)) / wall + 0.5, 0, 1)
        y = np.minimum(y, horizon + (roof - horizon) * inside)
    return y
