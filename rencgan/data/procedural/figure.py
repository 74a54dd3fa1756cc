"""An articulated person with volume, posed by its hands and feet, drawn by distance fields.

Lengths are in body heights. The body's own axes are x to its left (the viewer's right when it
faces the camera), y up from the ground and z to its front; `yaw` turns it about y. The camera
looks along -z, slightly downwards, without perspective.

A track is a table of poses (n, len(FIELDS)); elbows and knees follow from hands and feet by the law
of cosines, so limbs keep their length.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from .noise import F32, chunks, cover, pixel_grid

# Pelvis (x, height, z), turn of the body, lean forwards and to its left, turn of the chest against
# the pelvis, hands from the chest's centre, feet (ankles) from the ground below the start.
FIELDS = (
    *("px", "py", "pz", "yaw", "lean", "side", "twist"),
    *("lhx", "lhy", "lhz", "rhx", "rhy", "rhz"),
    *("lfx", "lfy", "lfz", "rfx", "rfy", "rfz"),
)
AT = {name: i for i, name in enumerate(FIELDS)}
STAND = dict(
    zip(FIELDS, [0, 0.52, 0, 0, 0, 0, 0, 0.17, -0.24, 0.03, -0.17, -0.24, 0.03], strict=False)
)
STAND |= {"lfx": 0.075, "lfy": 0.0, "lfz": 0.0, "rfx": -0.075, "rfy": 0.0, "rfz": 0.0}

THIGH, SHIN, UPPER, FORE = 0.245, 0.245, 0.165, 0.165
TORSO, SHOULDER, HIP = 0.28, 0.105, 0.065
CAMERA_TILT = 0.16  # how much of the depth shows as height


def pose(**changes: float) -> np.ndarray:
    """One pose (len(FIELDS),): upright with hanging arms, but for the named fields."""
    return np.array([(STAND | changes)[name] for name in FIELDS])


def track(n: int, **changes: np.ndarray | float) -> np.ndarray:
    """A track (n, len(FIELDS)) that stands still but for the named fields, numbers or (n,)."""
    return np.stack([np.broadcast_to((STAND | changes)[name], n) for name in FIELDS], axis=1)


def points(x, y, z) -> np.ndarray:
    """Coordinates, numbers or (n,), as points (n, 3)."""
    return np.stack(np.broadcast_arrays(x, y, z), axis=1)


def mirrored(poses: np.ndarray) -> np.ndarray:
    """The same poses (..., len(FIELDS)) with left and right exchanged."""
    out = poses.copy()
    for name in FIELDS:
        source = {"l": "r", "r": "l"}.get(name[0], name[0]) + name[1:] if len(name) == 3 else name
        sign = -1 if name in ("px", "yaw", "side", "twist") or name.endswith("x") else 1
        out[..., AT[name]] = sign * poses[..., AT[source]]
    return out


@dataclass(frozen=True)
class Looks:
    """A person: colours in [0, 1], build, and what is worn."""

    skin: np.ndarray
    hair: np.ndarray
    top: np.ndarray
    legs: np.ndarray
    shoes: np.ndarray
    girth: float = 1.0
    head: float = 1.0
    sleeves: bool = True
    shorts: bool = False
    long_hair: bool = False
    sash: np.ndarray | None = None


@dataclass(frozen=True)
class Prop:
    """A capsule in the body's axes, such as a ball, a bar or a club."""

    a: np.ndarray  # (n, 3) or (3,)
    b: np.ndarray
    radius: float
    colour: tuple[float, float, float]
    still: bool = False  # stands in the room, and does not turn or travel with the body


@dataclass(frozen=True)
class Shot:
    """A performance before a camera: what is drawn when a size is given."""

    poses: np.ndarray  # (n, len(FIELDS))
    looks: Looks
    backdrop: object  # callable: size -> (size, size, 3) in [0, 1]
    ground: float  # y of the feet in the picture, 0 at the top
    tall: float  # body height in picture heights
    centre: float = 0.5  # x of the origin
    props: tuple[Prop, ...] = field(default=())
    light: float = -0.5  # -1: light from the left, 1: from the right

    def cut(self, n: int) -> "Shot":
        """The first n frames."""
        props = tuple(replace(p, a=_first(p.a, n), b=_first(p.b, n)) for p in self.props)
        return replace(self, poses=self.poses[:n], props=props)


def _first(points: np.ndarray, n: int) -> np.ndarray:
    return points[:n] if np.ndim(points) == 2 else points


def looks(rng: np.random.Generator) -> Looks:
    """A person drawn by chance, in clothes that differ from each other."""
    skins = np.array(
        [[0.95, 0.80, 0.69], [0.87, 0.68, 0.53], [0.72, 0.50, 0.36], [0.48, 0.31, 0.22]]
    )
    hairs = np.array(
        [[0.08, 0.06, 0.05], [0.25, 0.15, 0.08], [0.55, 0.40, 0.20], [0.55, 0.53, 0.52]]
    )
    cloth = rng.uniform(0.08, 0.95, (2, 3))
    cloth[1] = np.where(abs(cloth[1].mean() - cloth[0].mean()) < 0.2, 1 - cloth[0], cloth[1])
    return Looks(
        skin=np.clip(skins[rng.integers(4)] + rng.normal(0, 0.02, 3), 0, 1),
        hair=np.clip(hairs[rng.integers(4)] + rng.normal(0, 0.02, 3), 0, 1),
        top=cloth[0],
        legs=cloth[1] * 0.8,
        shoes=rng.uniform(0.05, 0.9) * np.ones(3),
        girth=rng.uniform(0.88, 1.22),
        head=rng.uniform(0.93, 1.1),
        sleeves=bool(rng.random() < 0.5),
        shorts=bool(rng.random() < 0.3),
        long_hair=bool(rng.random() < 0.35),
    )


def turned(points: np.ndarray, yaw: np.ndarray) -> np.ndarray:
    """Points (n, ..., 3) turned about the vertical by yaw (n,): z goes to the viewer's right."""
    shape = (-1,) + (1,) * (points.ndim - 2)
    cos, sin = np.cos(yaw).reshape(shape), np.sin(yaw).reshape(shape)
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    return np.stack([cos * x + sin * z, y, cos * z - sin * x], axis=-1)


def bent(root: np.ndarray, tip: np.ndarray, upper: float, lower: float, hint: np.ndarray):
    """Middle joint and reached tip of a limb from root (n, 3) towards tip, bent to the hint."""
    reach = tip - root
    length = np.linalg.norm(reach, axis=1, keepdims=True).clip(1e-4)
    reach = reach / length
    length = length.clip(abs(upper - lower) + 1e-3, (upper + lower) * 0.999)
    along = (upper**2 - lower**2 + length**2) / (2 * length)
    hint = hint - (hint * reach).sum(axis=1, keepdims=True) * reach
    hint = hint / np.linalg.norm(hint, axis=1, keepdims=True).clip(1e-4)
    middle = root + along * reach + np.sqrt(np.maximum(upper**2 - along**2, 0)) * hint
    return middle, root + length * reach


def joints(poses: np.ndarray) -> dict[str, np.ndarray]:
    """Joint positions (n, 3) in room axes, by name."""
    p = {name: poses[:, i] for name, i in AT.items()}
    zero = np.zeros(len(poses))

    def at(x, y, z):
        return points(x, y, z).astype(float)

    pelvis = at(p["px"], p["py"], p["pz"])
    spine = at(np.sin(p["side"]), np.cos(p["lean"]) * np.cos(p["side"]), np.sin(p["lean"]))
    spine /= np.linalg.norm(spine, axis=1, keepdims=True)
    out = {"pelvis": pelvis, "neck": pelvis + TORSO * spine}
    out["head"] = pelvis + (TORSO + 0.115) * spine
    chest = pelvis + 0.8 * TORSO * spine
    for side, sign in (("l", 1), ("r", -1)):
        shoulder = out["neck"] + turned(at(sign * SHOULDER, zero - 0.03, 0), p["twist"])
        hand = chest + turned(at(p[side + "hx"], p[side + "hy"], p[side + "hz"]), p["twist"])
        elbow_hint = turned(at(0.6 * sign, zero - 0.8, -0.45), p["twist"])
        elbow, hand = bent(shoulder, hand, UPPER, FORE, elbow_hint)
        hip = pelvis + at(sign * HIP, zero - 0.01, 0)
        foot = at(p[side + "fx"], p[side + "fy"] + 0.035, p[side + "fz"])
        knee, foot = bent(hip, foot, THIGH, SHIN, at(0.35 * sign, zero, 1))
        names = ("shoulder", "elbow", "hand", "hip", "knee", "foot")
        places = (shoulder, elbow, hand, hip, knee, foot)
        out |= {side + name: place for name, place in zip(names, places, strict=True)}
        out[side + "palm"] = hand + 0.05 * (hand - elbow) / FORE
        out[side + "toe"] = foot + at(0.02 * sign, zero - 0.012, 0.075)
    stacked = np.stack(list(out.values()), axis=1)
    return dict(zip(out, np.moveaxis(turned(stacked, p["yaw"]), 1, 0), strict=True))


def body(j: dict[str, np.ndarray], look: Looks) -> list[tuple]:
    """The person as tapered capsules: (from, to, radius there, radius here, colour)."""
    g = look.girth
    waist = 0.5 * (j["lhip"] + j["rhip"])
    up = (j["head"] - j["neck"]) / 0.115
    middle = 0.3 * waist + 0.7 * j["neck"]
    back = np.cross(up, j["lshoulder"] - j["rshoulder"])
    back /= np.linalg.norm(back, axis=1, keepdims=True).clip(1e-4)
    head, face, crown = j["head"], (0.05 * look.head, 0.058 * look.head), (0.05, 0.052)
    arm = look.top if look.sleeves else look.skin
    shin = look.skin if look.shorts else look.legs
    parts = [
        (j["lhip"], j["rhip"], 0.062 * g, 0.062 * g, look.legs),
        (waist + 0.02 * up, middle, 0.078 * g, 0.088 * g, look.top),
        (j["lshoulder"], j["rshoulder"], 0.047 * g, 0.047 * g, look.top),
        (j["neck"] - 0.02 * up, j["head"], 0.033, 0.033, look.skin),
        (head - 0.012 * up - 0.012 * back, head + 0.015 * up, *face, look.skin),
        (head + 0.034 * up + 0.012 * back, head + 0.024 * up + 0.026 * back, *crown, look.hair),
    ]
    if look.long_hair:
        mane = head + 0.04 * back, j["neck"] + 0.05 * back - 0.05 * up
        parts.append((*mane, 0.045, 0.025, look.hair))
    if look.sash is not None:
        band = j["lhip"] + 0.04 * up, j["rhip"] + 0.04 * up
        parts.append((*band, 0.072 * g, 0.072 * g, look.sash))
    for s in "lr":
        parts += [
            (j[s + "hip"], j[s + "knee"], 0.066 * g, 0.048 * g, look.legs),
            (j[s + "knee"], j[s + "foot"], 0.046 * g, 0.032, shin),
            (j[s + "foot"], j[s + "toe"], 0.03, 0.024, look.shoes),
            (j[s + "shoulder"], j[s + "elbow"], 0.043 * g, 0.036 * g, look.top),
            (j[s + "elbow"], j[s + "hand"], 0.034 * g, 0.026, arm),
            (j[s + "hand"], j[s + "palm"], 0.027, 0.025, look.skin),
        ]
    return parts


def _props(shot: Shot) -> list[tuple]:
    """Props as capsules in room axes, in the form that body() uses."""
    n, yaw = len(shot.poses), shot.poses[:, AT["yaw"]]
    out = []
    for p in shot.props:
        ends = [np.broadcast_to(np.asarray(e, float), (n, 3)) for e in (p.a, p.b)]
        if not p.still:
            ends = [turned(e, yaw) for e in ends]
        out.append((*ends, p.radius, p.radius, np.array(p.colour)))
    return out


@dataclass(frozen=True)
class Capsules:
    """Capsules sorted from far to near in each frame, in picture coordinates."""

    a: np.ndarray  # (n, K, 2)
    b: np.ndarray
    ra: np.ndarray  # (n, K)
    rb: np.ndarray
    colour: np.ndarray  # (n, K, 3)


def capsules(shot: Shot) -> Capsules:
    """Everything that moves in a shot, projected and sorted."""
    parts = body(joints(shot.poses), shot.looks) + _props(shot)
    n, k = len(shot.poses), len(parts)
    a, b = (np.stack([part[e] for part in parts], axis=1) for e in (0, 1))
    ra, rb = (np.broadcast_to(np.array([part[e] for part in parts]), (n, k)) for e in (2, 3))
    colour = np.broadcast_to(np.stack([part[4] for part in parts]), (n, k, 3))
    order = np.argsort(0.5 * (a[..., 2] + b[..., 2]), axis=1, kind="stable")

    def picture(point):
        x = shot.centre + shot.tall * point[..., 0]
        y = shot.ground - shot.tall * (point[..., 1] - CAMERA_TILT * point[..., 2])
        return np.stack([x, y], axis=-1)

    def ordered(v):
        index = order.reshape(order.shape + (1,) * (v.ndim - 2))
        return np.take_along_axis(v, index, axis=1).astype(F32)

    radii = (ordered(r) * F32(shot.tall) for r in (ra, rb))
    return Capsules(ordered(picture(a)), ordered(picture(b)), *radii, ordered(colour))


def _shadow(shot: Shot, part: slice, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Darkness of the ground below the body: (n, size, size) in [0, 0.5]."""
    j = shot.poses[part]
    ends = []
    for s in "lr":
        foot = np.stack([j[:, AT[s + "fx"]], 0 * j[:, 0], j[:, AT[s + "fz"]]], axis=1)
        ends.append(turned(foot, j[:, AT["yaw"]]))
    lift = np.minimum(j[:, AT["lfy"]], j[:, AT["rfy"]])
    middle = 0.5 * (ends[0] + ends[1])
    spread = np.abs(ends[0] - ends[1])[:, 0] * 0.5 + 0.11
    across = (shot.centre + shot.tall * (middle[:, 0] - 0.05 * shot.light))[:, None, None]
    away = (shot.ground + shot.tall * CAMERA_TILT * middle[:, 2])[:, None, None]
    dx, dy = (x[None] - across).astype(F32), (y[None] - away).astype(F32)
    wide = (shot.tall * spread)[:, None, None].astype(F32)
    q = (dx / wide) ** 2 + (dy / (F32(0.3) * wide + F32(0.01))) ** 2
    return np.exp(-q) * (0.5 / (1 + 8 * lift))[:, None, None].astype(F32)


def render(shot: Shot, size: int) -> np.ndarray:
    """The shot as (n, size, size, 3) uint8: far capsules first, edges one pixel soft."""
    x, y = pixel_grid(size)
    back = shot.backdrop(size).astype(F32)
    caps = capsules(shot)
    out = np.empty((len(shot.poses), size, size, 3), np.uint8)
    for part in chunks(len(out), size):
        dark = 1 - _shadow(shot, part, x, y)
        picture = [back[None, ..., c] * dark for c in range(3)]
        for k in range(caps.ra.shape[1]):
            across, down = _box(caps, part, k, size)
            alpha, shade = _capsule(caps, part, k, x[:, across], y[down], size, F32(shot.light))
            for c in range(3):
                under = picture[c][:, down, across]
                under += (caps.colour[part, k, c, None, None] * shade - under) * alpha
        for c in range(3):
            out[part, ..., c] = np.clip(picture[c] * 255 + F32(0.5), 0, 255)
    return out


def _box(caps: Capsules, part: slice, k: int, size: int) -> tuple[slice, slice]:
    """Columns and rows that the k-th capsule can touch in any frame of a part: the rest of the
    picture stays as it is.
    """
    ends = np.stack([caps.a[part, k], caps.b[part, k]])  # (2, n, 2)
    reach = np.maximum(caps.ra[part, k], caps.rb[part, k]).max() + 1 / size  # half of it soft edge
    low, high = ends.min(axis=(0, 1)) - reach, ends.max(axis=(0, 1)) + reach
    first, last = (np.clip(edge * size, 0, size) for edge in (low, high))
    return tuple(slice(int(a), int(np.ceil(b))) for a, b in zip(first, last, strict=True))


def _capsule(
    caps: Capsules, part: slice, k: int, x, y, size: int, light
) -> tuple[np.ndarray, np.ndarray]:
    """Coverage and shading of the k-th capsule: (n, size, size) each."""

    def plane(v):
        return v[part, k, None, None]

    ax, ay = plane(caps.a[..., 0]), plane(caps.a[..., 1])
    bx, by = plane(caps.b[..., 0]) - ax, plane(caps.b[..., 1]) - ay
    ra, rb = plane(caps.ra), plane(caps.rb)
    px, py = x - ax, y - ay
    along = np.clip((px * bx + py * by) / np.maximum(bx * bx + by * by, F32(1e-8)), 0, 1)
    px, py = px - along * bx, py - along * by
    radius = ra + (rb - ra) * along
    d = np.sqrt(px * px + py * py)
    # Round bodies are bright where they face the light and dark along the rim.
    facing = np.clip((px * light - py) / radius, -1, 1)
    rim = np.clip(d / radius, 0, 1) ** 3
    shade = F32(0.93) + F32(0.17) * facing - F32(0.13) * rim
    return cover(d - radius, size), shade
