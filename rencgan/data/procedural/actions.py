"""Named actions of the figure: one cycle of hands, feet and pelvis, and the things they hold.

An action takes the phase in radians (n,) and a way of moving, and returns a track and props.
`perform` adds the path of those that travel, about as fast as a planted foot slides back.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .figure import AT, Prop, joints, points, track

sin, cos, pi = np.sin, np.cos, np.pi


@dataclass(frozen=True)
class Way:
    """How one performance differs from others of the same action."""

    turn: float  # added to the action's own turn of the body, radians
    reach: float  # about 1: size of the movements
    handed: int  # 1 or -1: which hand or direction leads
    colour: tuple[float, float, float]  # of the thing held


Done = tuple[np.ndarray, tuple[Prop, ...]]


def up(x: np.ndarray) -> np.ndarray:
    """0 to 1 and back in one cycle, slow at both ends."""
    return 0.5 - 0.5 * cos(x)


def hop(x: np.ndarray) -> np.ndarray:
    """A flight in the second half of a cycle, 0 to 1 to 0."""
    return np.maximum(-sin(x), 0)


def strike(x: np.ndarray) -> np.ndarray:
    """A fast thrust to 1 in the first third of a cycle, and a slower return."""
    u = (x / (2 * pi)) % 1
    return np.where(
        u < 0.3, sin(u / 0.3 * pi / 2) ** 2, cos(np.clip((u - 0.3) / 0.5, 0, 1) * pi / 2) ** 2
    )


def swing(x: np.ndarray) -> np.ndarray:
    """-1 (drawn back) to 1 (followed through), fast forwards, slow back."""
    u = (x / (2 * pi)) % 1
    back, forth = -cos(np.clip(u / 0.2, 0, 1) * pi), cos(np.clip((u - 0.4) / 0.6, 0, 1) * pi)
    return np.where(u < 0.4, back, forth)


def lying_bar(hands: np.ndarray, half: float, way: Way, plates: bool = True) -> tuple[Prop, ...]:
    """A bar through both hands, hands (n, 3) its middle, with plates at its ends."""
    arm = np.array([half, 0, 0])
    props = [Prop(hands - arm, hands + arm, 0.012, (0.25, 0.25, 0.28))]
    for end in (-arm, arm) if plates else ():
        props.append(Prop(hands + end - 0.012 * arm, hands + end + 0.012 * arm, 0.075, way.colour))
    return tuple(props)


def both(part: str, **axes: np.ndarray | float) -> dict[str, np.ndarray | float]:
    """Both hands ("h") or feet ("f") alike: x outwards, y up, z to the front."""
    left = {f"l{part}{axis}": value for axis, value in axes.items()}
    return left | {f"r{part}{a}": -value if a == "x" else value for a, value in axes.items()}


def chain(ends: list[np.ndarray], radius: float, way: Way) -> tuple[Prop, ...]:
    """Capsules from each point to the next."""
    return tuple(Prop(a, b, radius, way.colour) for a, b in zip(ends, ends[1:], strict=False))


def legs(x: np.ndarray, stride: float, lift: float) -> dict[str, np.ndarray]:
    """Feet of a gait: back on the ground, forwards in the air, half a cycle apart."""
    high = {"lfy": lift * hop(x), "rfy": lift * hop(x + pi)}
    return high | {"lfz": stride * cos(x), "rfz": -stride * cos(x)}


def walk(x, w: Way) -> Done:
    a = w.reach * cos(x)
    feet = legs(x, 0.15 * w.reach, 0.07)
    pelvis = {"py": 0.505 + 0.012 * cos(2 * x), "lean": 0.05, "twist": -0.15 * cos(x)}
    hands = both("h", y=-0.25 + 0.05 * abs(a)) | {"lhz": -0.17 * a, "rhz": 0.17 * a}
    return track(len(x), yaw=pi / 2 * w.handed, **feet, **pelvis, **hands), ()


def jog(x, w: Way, stride=0.19, lift=0.16, lean=0.12) -> Done:
    a = w.reach * cos(x)
    pelvis = {"py": 0.50 + 0.025 * cos(2 * x + 1), "lean": lean, "twist": -0.25 * cos(x)}
    hands = {"lhy": -0.10 - 0.05 * a, "rhy": -0.10 + 0.05 * a}
    hands |= {"lhz": 0.06 - 0.15 * a, "rhz": 0.06 + 0.15 * a} | both("h", x=0.14)
    feet = legs(x, stride * w.reach, lift)
    return track(len(x), yaw=pi / 2 * w.handed, **pelvis, **hands, **feet), ()


def run(x, w: Way) -> Done:
    return jog(x, w, stride=0.25, lift=0.24, lean=0.25)


def skip(x, w: Way) -> Done:
    high = 0.10 * w.reach * hop(x)
    knee = 0.12 + 0.06 * sin(x)
    arms = {"lhz": 0.12 * cos(x), "rhz": -0.12 * cos(x), "lhy": -0.16, "rhy": -0.16}
    feet = {"lfy": high, "rfy": high + knee, "rfz": 0.02 + 0.06 * cos(x), "lfz": 0.08 * cos(x)}
    return track(len(x), yaw=pi / 2 * w.handed, py=0.49 + high, lean=0.08, **feet, **arms), ()


def side(x, w: Way) -> Done:
    gap, high = 0.08 + 0.11 * w.reach * up(x), 0.05 * hop(x)
    limbs = both("f", x=gap, y=high) | both("h", x=0.2, y=-0.2)
    return track(len(x), yaw=w.turn * 0.3, py=0.49 + high, **limbs), ()


def jump(x, w: Way) -> Done:
    high, crouch = 0.14 * w.reach * hop(x), 0.09 * up(x + 2.2)
    limbs = both("h", y=-0.12, z=0.05 - 0.25 * sin(x)) | both("f", y=high, z=0.05 * cos(x))
    pelvis = {"py": 0.51 + high - crouch, "lean": 0.3 * crouch / 0.09 * 0.8}
    return track(len(x), yaw=pi / 2 * w.handed, **pelvis, **limbs), ()


def pjump(x, w: Way) -> Done:
    high, crouch = 0.15 * w.reach * hop(x), 0.07 * up(x + 2.2)
    limbs = both("h", x=0.17 + 0.5 * high, y=-0.24 + 0.6 * high) | both("f", y=high)
    return track(len(x), yaw=w.turn * 0.4, py=0.51 + high - crouch, **limbs), ()


def jack(x, w: Way) -> Done:
    a, high = up(x), 0.04 * sin(x) ** 2
    angle = -1.25 + 2.5 * a * w.reach**0.5
    limbs = both("h", x=0.10 + 0.27 * cos(angle), y=0.02 + 0.31 * sin(angle))
    limbs |= both("f", x=0.05 + 0.15 * a, y=high)
    return track(len(x), yaw=w.turn * 0.3, py=0.515 + high - 0.03 * a, **limbs), ()


def bend(x, w: Way) -> Done:
    a = up(x)
    arms = both("h", x=0.12, y=-0.25 - 0.08 * a, z=0.03 + 0.06 * a)
    pelvis = {"lean": 1.85 * a * w.reach**0.5, "py": 0.515 - 0.05 * a, "pz": -0.08 * a}
    return track(len(x), yaw=w.handed * (1.1 + w.turn * 0.4), **pelvis, **arms), ()


def wave2(x, w: Way) -> Done:
    a = w.reach * sin(x)
    far, high = 0.20 + 0.14 * a, 0.25 - 0.12 * a
    return track(len(x), yaw=w.turn * 0.4, **both("h", x=far, y=high)), ()


def wave1(x, w: Way) -> Done:
    poses, _ = wave2(x, w)
    hand = "r" if w.handed > 0 else "l"
    for axis, value in zip("xyz", (0.17, -0.24, 0.03), strict=True):
        poses[:, AT[f"{hand}h{axis}"]] = value * (-1 if hand == "r" and axis == "x" else 1)
    return poses, ()


def handwaving(x, w: Way) -> Done:
    angle = -1.0 + 2.2 * up(x) * w.reach**0.5
    far, high = 0.10 + 0.29 * cos(angle), 0.03 + 0.30 * sin(angle)
    return track(len(x), yaw=w.turn * 0.3, **both("h", x=far, y=high, z=0.05)), ()


def handclapping(x, w: Way) -> Done:
    gap = 0.015 + 0.24 * w.reach * up(x)
    return track(len(x), yaw=w.turn * 0.5, **both("h", x=gap, y=0.04, z=0.24)), ()


def boxing(x, w: Way) -> Done:
    left, right = strike(x) * w.reach**0.3, strike(x + pi) * w.reach**0.3
    arms = {"lhx": 0.08 - 0.05 * left, "rhx": -0.08 + 0.05 * right, "lhy": 0.05, "rhy": 0.04}
    arms |= {"lhz": 0.12 + 0.24 * left, "rhz": 0.12 + 0.24 * right}
    feet = {"lfz": 0.1, "rfz": -0.1, "py": 0.49 + 0.01 * cos(2 * x), "pz": 0.03 * sin(x)}
    return track(
        len(x), yaw=w.handed * (1.15 + 0.3 * w.turn), twist=0.35 * (right - left), **arms, **feet
    ), ()


def punching_bag(x, w: Way) -> Done:
    poses, _ = boxing(x, w)
    sway = 0.03 * sin(x + 1)
    low, high = points(sway, 0.6, 0.52 + sway), points(0.5 * sway, 0.95, 0.52 + 0.5 * sway)
    rope = Prop(high, np.array([0, 1.6, 0.52]), 0.008, (0.2, 0.2, 0.2))
    return poses, (rope, Prop(low, high, 0.085, w.colour))


def squats(x, w: Way) -> Done:
    a = w.reach * up(x)
    pelvis = {"py": 0.51 - 0.20 * a, "pz": -0.10 * a, "lean": 0.45 * a}
    limbs = both("h", y=-0.24 + 0.26 * a, z=0.03 + 0.26 * a) | both("f", x=0.11)
    return track(len(x), yaw=w.handed * (0.7 + 0.3 * w.turn), **pelvis, **limbs), ()


def clean_and_jerk(x, w: Way) -> Done:
    u = (x / (2 * pi)) % 1
    lifted = [0.09, 0.09, 0.74, 0.74, 1.06, 1.06, 0.09, 0.09]
    high = np.interp(u, [0, 0.1, 0.3, 0.42, 0.52, 0.78, 0.92, 1], lifted)
    risen = [0.33, 0.33, 0.52, 0.45, 0.49, 0.51, 0.52, 0.33, 0.33]
    pelvis = np.interp(u, [0, 0.1, 0.26, 0.34, 0.44, 0.52, 0.78, 0.92, 1], risen)
    lean = np.interp(u, [0, 0.1, 0.26, 0.8, 0.92, 1], [0.95, 0.95, 0.05, 0.05, 0.95, 0.95])
    chest = pelvis + 0.22 * cos(lean)
    ahead = 0.22 * sin(lean) - 0.1
    where = np.interp(high, [0.09, 0.5, 0.74, 1.06], [0.16, 0.14, 0.10, 0.02])
    limbs = both("h", x=0.15, y=high - chest, z=where - ahead) | both("f", x=0.1)
    poses = track(len(x), yaw=0.5 * w.turn, py=pelvis, pz=-0.1, lean=lean, **limbs)
    return poses, lying_bar(points(0 * high, high, where), 0.40, w)


def pull_ups(x, w: Way) -> Done:
    a = w.reach**0.3 * up(x)
    py = 0.62 + 0.24 * a
    grip = 1.20 - (py + 0.224)
    arms = both("h", x=0.17, y=grip, z=0.0)
    swayed = 0.03 * sin(x)
    feet = {"lfy": py - 0.50, "rfy": py - 0.49, "lfz": swayed - 0.05, "rfz": swayed - 0.08}
    bar = Prop(np.array([-0.9, 1.20, 0]), np.array([0.9, 1.20, 0]), 0.013, (0.3, 0.3, 0.33))
    return track(len(x), py=py, lean=0.06, **arms, **feet), (bar,)


def jump_rope(x, w: Way) -> Done:
    high = 0.06 * w.reach * hop(x)
    circle = both("h", x=0.25, y=-0.16 + 0.02 * sin(x), z=0.06) | both("f", y=high)
    poses = track(len(x), yaw=0.4 * w.turn, py=0.51 + high, **circle)
    turn = x - pi / 2  # below the feet when they are highest
    rope = [
        points(0.27 * cos(a), 0.56 + 0.60 * sin(a) * cos(turn), 0.06 + 0.5 * sin(a) * sin(turn))
        for a in np.linspace(0, pi, 9)
    ]
    return poses, chain(rope, 0.009, w)


def swung_club(x, w: Way, low: float, length: float) -> Done:
    """Both hands swing a club round the body: golf when low, a bat or racket when high."""
    s = swing(x)
    angle = 2.1 * s * w.handed
    hx, hy = 0.24 * sin(angle), low + 0.30 * (1 - cos(angle))
    hz = 0.24 * np.maximum(cos(angle), 0.35)
    limbs = {"lhx": hx + 0.02, "rhx": hx - 0.02} | both("h", y=hy, z=hz) | both("f", x=0.13)
    pelvis = {"py": 0.49, "px": 0.03 * s * w.handed, "lean": 0.15, "twist": 0.8 * s * w.handed}
    poses = track(len(x), **pelvis, **limbs)
    grip = _held(poses)
    lag = angle * 1.25
    aim = points(sin(lag), -cos(lag), 0.3)
    return poses, (
        Prop(grip, grip + length * aim, 0.013, w.colour),
        Prop(grip + length * aim, grip + (length + 0.05) * aim, 0.03, w.colour),
    )


def _held(poses: np.ndarray, hands: str = "lr") -> np.ndarray:
    """Where the hands are, in the body's axes (n, 3)."""
    straight = poses.copy()
    straight[:, AT["yaw"]] = 0
    j = joints(straight)
    return sum(j[h + "palm"] for h in hands) / len(hands)


def golf(x, w: Way) -> Done:
    return swung_club(x, w, low=-0.24, length=0.42)


def tennis(x, w: Way) -> Done:
    s = swing(x)
    arm = "r" if w.handed > 0 else "l"
    out = -w.handed
    hand = {
        arm + "hx": out * (0.12 - 0.22 * s),
        arm + "hy": -0.02 + 0.12 * s**2,
        arm + "hz": 0.12 + 0.2 * (1 - s**2),
    }
    pelvis = {"py": 0.49 - 0.02 * s**2, "twist": 0.7 * s * w.handed}
    poses = track(len(x), yaw=0.6 * w.handed, **pelvis, **both("f", x=0.13), **hand)
    grip = _held(poses, arm)
    aim = np.stack([out * cos(1.9 * s + 1.0), 0.35 + 0.4 * s, np.abs(sin(1.9 * s + 1.0))], axis=1)
    aim /= np.linalg.norm(aim, axis=1, keepdims=True)
    ball_at = points(0.05, 0.75, 1.2 - 1.6 * cos(x - 1.9))
    handle = Prop(grip, grip + 0.13 * aim, 0.012, w.colour)
    racket = Prop(grip + 0.17 * aim, grip + 0.25 * aim, 0.06, w.colour)
    return poses, (handle, racket, Prop(ball_at, ball_at, 0.022, (0.85, 0.95, 0.25)))


def hula_hoop(x, w: Way) -> Done:
    sway = {"px": 0.045 * cos(x), "pz": 0.045 * sin(x)}
    sway |= {"lean": -0.08 * sin(x), "side": -0.12 * cos(x)} | both("h", x=0.30, y=0.06)
    ring = []
    for a in np.linspace(0, 2 * pi, 15):
        across, ahead = -0.07 * cos(x) + 0.25 * cos(a), -0.07 * sin(x) + 0.25 * sin(a)
        ring.append(points(across, 0.56 + 0.05 * cos(a - x), ahead))
    return track(len(x), yaw=0.3 * w.turn, py=0.505, **sway), chain(ring, 0.014, w)


def lunges(x, w: Way) -> Done:
    a, side_now = np.abs(sin(x / 2)) * w.reach**0.5, np.where((x / (2 * pi)) % 2 < 1, 1.0, 0.0)
    forth, back = 0.24 * a, -0.16 * a
    feet = {"lfz": np.where(side_now > 0, forth, back), "rfz": np.where(side_now > 0, back, forth)}
    feet |= both("h", x=0.13, y=-0.12)
    return track(len(x), yaw=w.handed * (1.2 + 0.2 * w.turn), py=0.52 - 0.16 * a, **feet), ()


def javelin(x, w: Way) -> Done:
    s = swing(x)
    poses = track(
        len(x), yaw=1.2 * w.handed, twist=-0.6 + 0.6 * (1 + s) / 2, lean=-0.15 + 0.22 * (1 + s),
        rhx=-0.12, rhy=0.20 + 0.05 * s, rhz=0.26 * s,
        lhx=0.10, lhy=-0.10 - 0.12 * s, lhz=0.2 - 0.2 * s,
        lfz=0.16, rfz=-0.16 + 0.08 * s, py=0.48, pz=0.06 * s,
    )  # fmt: skip
    u = (x / (2 * pi)) % 1
    flying = (u > 0.36) & (u < 0.8)  # then a new one is taken in hand
    away = np.where(flying, (u - 0.36) * 9.0, 0.0)
    grip = _held(poses, "r") + points(0 * away, 0.25 * away - 0.05 * away**2, away)
    aim = np.array([0, 0.25, 0.97])
    return poses, (Prop(grip - 0.35 * aim, grip + 0.45 * aim, 0.010, w.colour),)


def juggling(x, w: Way) -> Done:
    kick = up(2 * x)
    left = ((x / pi) % 2 < 1).astype(float)
    feet = {"lfy": 0.22 * kick * left, "rfy": 0.22 * kick * (1 - left)}
    feet |= {"lfz": 0.24 * kick * left, "rfz": 0.24 * kick * (1 - left)}
    ball_y = 0.34 + 0.34 * (1 - kick**1.5)
    ball_at = points(-0.07 * cos(x), ball_y, 0.30)
    arms = {"lhx": 0.28, "rhx": -0.28, "lhy": -0.12 + 0.05 * sin(x), "rhy": -0.12 - 0.05 * sin(x)}
    poses = track(len(x), yaw=w.handed * (0.6 + 0.3 * w.turn), py=0.51, **arms, **feet)
    return poses, (Prop(ball_at, ball_at, 0.06, w.colour),)


def trampoline(x, w: Way) -> Done:
    high = 0.34 * w.reach * hop(x) + 0 * x
    dip = 0.06 * np.maximum(sin(x), 0)
    limbs = both("h", x=0.26, y=-0.15 + 0.9 * high) | both("f", y=high - dip)
    poses = track(len(x), yaw=0.4 * w.turn, py=0.52 + high - dip, **limbs)
    edge, middle = np.array([0.55, 0.0, 0.0]), points(0 * x, -dip, 0) - [0, 0.03, 0]
    return poses, tuple(Prop(end, middle, 0.018, w.colour, still=True) for end in (-edge, edge))


def wall_push_ups(x, w: Way) -> Done:
    a = w.reach**0.5 * up(x)
    lean = 0.30 + 0.22 * a
    pz = -0.02 + 0.04 * a
    ahead = 0.46 - (pz + 0.224 * sin(lean))
    limbs = both("h", x=0.14, y=0.02, z=ahead) | {"lfz": -0.20, "rfz": -0.22}
    wall = Prop(np.array([0, -0.1, 0.53]), np.array([0, 1.8, 0.53]), 0.05, w.colour)
    return track(len(x), yaw=1.35 * w.handed, py=0.49, pz=pz, lean=lean, **limbs), (wall,)


def yo_yo(x, w: Way) -> Done:
    a = up(x)
    hand, sign = ("r", -1) if w.handed > 0 else ("l", 1)
    pose_now = {hand + "hx": sign * 0.16, hand + "hy": -0.04 + 0.06 * cos(x), hand + "hz": 0.20}
    poses = track(len(x), yaw=0.4 * w.turn, **pose_now)
    top = _held(poses, hand)
    drop = top - points(0.03 * sin(x), 0.05 + 0.42 * w.reach**0.3 * a, 0)
    return poses, (Prop(top, drop, 0.006, (0.9, 0.9, 0.9)), Prop(drop, drop, 0.035, w.colour))


@dataclass(frozen=True)
class Action:
    """A cycle, the frames it takes, and how far it carries the figure."""

    cycle: Callable[[np.ndarray, Way], Done]
    period: float
    travel: float = 0.0  # body heights a cycle
    room: float = 0.3  # body heights outside the picture in which it turns round unseen


WEIZMANN = {
    "bend": Action(bend, 48),
    "jack": Action(jack, 24),
    "jump": Action(jump, 16, 0.42),
    "pjump": Action(pjump, 16),
    "run": Action(run, 14, 0.80, room=0.4),
    "side": Action(side, 13, 0.36),
    "skip": Action(skip, 13, 0.36),
    "walk": Action(walk, 26, 0.60),
    "wave1": Action(wave1, 20),
    "wave2": Action(wave2, 20),
}
KTH = {
    "boxing": Action(boxing, 18),
    "handclapping": Action(handclapping, 15),
    "handwaving": Action(handwaving, 28),
    "jogging": Action(jog, 18, 0.70),
    "running": Action(run, 14, 0.85, room=0.4),
    "walking": Action(walk, 26, 0.60),
}
UCF101 = {
    "BodyWeightSquats": Action(squats, 45),
    "BoxingPunchingBag": Action(punching_bag, 18),
    "CleanAndJerk": Action(clean_and_jerk, 70),
    "GolfSwing": Action(golf, 70),
    "HulaHoop": Action(hula_hoop, 20),
    "JavelinThrow": Action(javelin, 60),
    "JumpingJack": Action(jack, 26),
    "JumpRope": Action(jump_rope, 14),
    "Lunges": Action(lunges, 44),
    "PullUps": Action(pull_ups, 50),
    "SoccerJuggling": Action(juggling, 36),
    "TennisSwing": Action(tennis, 48),
    "TrampolineJumping": Action(trampoline, 30),
    "WalkingWithDog": Action(walk, 28, 0.60, room=0.75),
    "WallPushups": Action(wall_push_ups, 44),
    "YoYo": Action(yo_yo, 24),
}


def _cycles(rng: np.random.Generator, n: int, period: float) -> np.ndarray:
    """Cycles done by each frame (n,), each a few per cent longer or shorter than the last."""
    pace = 1 / (period * rng.uniform(0.85, 1.18))
    knots = np.cumsum(rng.normal(0, 0.015, n // 8 + 3))
    drift = np.interp(np.arange(n) / 8, np.arange(len(knots)), knots)
    return rng.random() + np.arange(n) * pace + drift


def _breathed(rng: np.random.Generator, poses: np.ndarray) -> np.ndarray:
    """Poses with the small sway of somebody who stands, so that nobody is ever quite still."""
    t = np.arange(len(poses))
    for name, size in (("side", 0.025), ("lean", 0.02), ("twist", 0.05)):
        poses[:, AT[name]] += size * sin(2 * pi * (t / rng.uniform(35, 70) + rng.random()))
    return poses


def perform(rng: np.random.Generator, action: Action, n: int, tall: float) -> Done:
    """n frames of an action by chance, in a picture that is 1 / tall body heights wide.

    Those that travel cross the picture, leave it and come back the other way.
    """
    way = Way(
        turn=rng.uniform(-1, 1),
        reach=rng.uniform(0.85, 1.12),
        handed=int(rng.choice([-1, 1])),
        colour=tuple(rng.uniform(0.1, 0.95, 3)),
    )
    cycles = _cycles(rng, n, action.period)
    poses, props = action.cycle(2 * pi * cycles, way)
    if action.travel:
        edge = 0.5 / tall + action.room
        gone = action.travel * way.reach * (cycles - cycles[0]) + action.room + rng.uniform(0, 0.35)
        way_out = np.where((gone / (2 * edge)).astype(int) % 2 == 0, 1, -1)
        along = gone % (2 * edge) - edge
        if action.cycle is side:
            poses[:, AT["yaw"]], axis, along = 0, "x", along * way_out * way.handed
        else:  # the front is the direction of travel
            poses[:, AT["yaw"]] *= way_out
            axis = "z"
        for point in ("p", "lf", "rf"):
            poses[:, AT[point + axis]] += along
    return _breathed(rng, poses), props


def dog(rng: np.random.Generator, poses: np.ndarray, cycles: np.ndarray) -> tuple[Prop, ...]:
    """A dog that trots ahead of a walker, on a lead to its hand, in the walker's axes."""
    coat = tuple(rng.uniform(0.15, 0.8) * np.array([1.0, 0.85, 0.65]))
    z = poses[:, AT["pz"]] + 0.42
    trot = 2 * pi * 2 * cycles

    def at(x, y, ahead):
        return points(x, y, z + ahead)

    parts = [
        Prop(at(0.1, 0.20, -0.10), at(0.1, 0.21, 0.10), 0.055, coat),
        Prop(at(0.1, 0.30, 0.15), at(0.1, 0.28, 0.21), 0.045, coat),
    ]
    for k, ahead in enumerate((-0.1, 0.1, -0.1, 0.1)):
        step = 0.05 * sin(trot + pi * (k in (1, 2)))
        across = 0.07 + 0.05 * (k > 1)
        parts.append(Prop(at(across, 0.16, ahead), at(across, 0.02, ahead + step), 0.018, coat))
    parts.append(Prop(_held(poses, "l"), at(0.1, 0.27, 0.12), 0.006, (0.1, 0.1, 0.1)))
    return tuple(parts)
