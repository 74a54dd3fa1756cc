"""Tai chi: forms as key poses, and performances that flow through them, never twice alike."""

import numpy as np
from scipy.interpolate import PchipInterpolator

from .figure import AT, mirrored, pose

SINK = 0.46  # height of the pelvis in a sunk stance
WIDE = {"lfx": 0.16, "rfx": -0.16, "py": SINK}
BOW = {"lfx": 0.12, "lfz": 0.18, "rfx": -0.12, "rfz": -0.14, "py": 0.44, "pz": 0.07, "px": 0.03}
BACK = {"lfx": 0.09, "lfz": 0.16, "rfx": -0.12, "rfz": -0.12, "py": 0.45, "pz": -0.07, "px": -0.04}

BALL = {"lhx": 0.08, "lhy": 0.05, "lhz": 0.18, "rhx": -0.02, "rhy": -0.13, "rhz": 0.17}
GUARD = {"lhx": 0.10, "lhy": 0.02, "lhz": 0.20, "rhx": -0.10, "rhy": -0.04, "rhz": 0.18}


def hands(lx, ly, lz, rx, ry, rz) -> dict[str, float]:
    """Both hands from the chest's centre."""
    return dict(
        zip(("lhx", "lhy", "lhz", "rhx", "rhy", "rhz"), (lx, ly, lz, rx, ry, rz), strict=True)
    )


FORMS = {
    "commencement": [
        pose(**WIDE | {"py": 0.51}),
        pose(**WIDE | {"py": 0.51} | hands(0.12, 0.05, 0.30, -0.12, 0.05, 0.30)),
        pose(**WIDE | {"py": 0.50} | hands(0.13, 0.26, 0.20, -0.13, 0.26, 0.20)),
        pose(**WIDE | {"py": 0.43, "lean": 0.06} | hands(0.14, -0.08, 0.24, -0.14, -0.08, 0.24)),
        pose(**WIDE | {"py": 0.46} | hands(0.31, 0.05, 0.08, -0.31, 0.05, 0.08)),
    ],
    "cloud_hands": [
        pose(**WIDE | {"px": 0.08, "twist": 0.6} | hands(0.10, 0.14, 0.24, 0.05, -0.16, 0.20)),
        pose(**WIDE | {"px": 0.00, "twist": 0.0} | hands(0.26, -0.10, 0.14, -0.02, 0.02, 0.26)),
        pose(**WIDE | {"px": -0.08, "twist": -0.6} | hands(-0.05, -0.16, 0.20, -0.10, 0.14, 0.24)),
        pose(**WIDE | {"px": 0.00, "twist": 0.0} | hands(0.02, 0.02, 0.26, -0.26, -0.10, 0.14)),
    ],
    "part_horse_mane": [
        pose(**BACK | BALL | {"twist": -0.4}),
        pose(**BOW | {"yaw": 0.35, "twist": 0.3} | hands(0.20, 0.13, 0.22, -0.22, -0.22, 0.02)),
        pose(**BACK | {"yaw": 0.2} | hands(0.14, 0.06, 0.22, -0.12, -0.10, 0.16)),
        mirrored(pose(**BACK | BALL | {"twist": -0.4})),
        mirrored(
            pose(**BOW | {"yaw": 0.35, "twist": 0.3} | hands(0.20, 0.13, 0.22, -0.22, -0.22, 0.02))
        ),
    ],
    "brush_knee": [
        pose(**BACK | {"twist": -0.5} | hands(-0.02, 0.02, 0.20, -0.28, 0.16, 0.02)),
        pose(**BOW | {"yaw": 0.5, "lean": 0.08} | hands(0.18, -0.26, 0.12, -0.06, 0.10, 0.33)),
        pose(**BACK | {"yaw": 0.3, "twist": 0.4} | hands(0.24, 0.02, 0.08, -0.04, 0.04, 0.24)),
        mirrored(pose(**BACK | {"twist": -0.5} | hands(-0.02, 0.02, 0.20, -0.28, 0.16, 0.02))),
        mirrored(
            pose(**BOW | {"yaw": 0.5, "lean": 0.08} | hands(0.18, -0.26, 0.12, -0.06, 0.10, 0.33))
        ),
    ],
    "single_whip": [
        pose(**WIDE | GUARD | {"twist": -0.5, "px": -0.06}),
        pose(**WIDE | {"twist": 0.2, "px": -0.02} | hands(0.05, 0.03, 0.25, -0.30, 0.08, 0.10)),
        pose(**BOW | {"yaw": 0.6, "py": 0.43} | hands(0.18, 0.10, 0.28, -0.34, 0.08, -0.04)),
        pose(
            **WIDE
            | {"yaw": 0.1, "py": 0.37, "px": -0.10}
            | hands(0.20, -0.22, 0.18, -0.32, 0.10, 0.02)
        ),
    ],
    "push": [
        pose(**BACK | {"yaw": 0.7} | hands(0.10, 0.00, 0.16, -0.10, 0.00, 0.16)),
        pose(**BOW | {"yaw": 0.75, "lean": 0.08} | hands(0.10, 0.08, 0.34, -0.10, 0.08, 0.34)),
        pose(**BOW | {"yaw": 0.7} | hands(0.24, 0.08, 0.24, -0.24, 0.08, 0.24)),
        pose(**BACK | {"yaw": 0.6, "lean": -0.06} | hands(0.12, -0.12, 0.12, -0.12, -0.12, 0.12)),
    ],
    "golden_rooster": [
        pose(px=0.0, py=0.48, **GUARD),
        pose(
            px=-0.075,
            py=0.52,
            lfy=0.24,
            lfz=0.13,
            lfx=0.07,
            **hands(0.10, 0.20, 0.18, -0.22, -0.24, 0.04),
        ),
        pose(px=0.0, py=0.47, **hands(0.22, -0.12, 0.12, -0.22, -0.12, 0.12)),
        mirrored(
            pose(
                px=-0.075,
                py=0.52,
                lfy=0.24,
                lfz=0.13,
                lfx=0.07,
                **hands(0.10, 0.20, 0.18, -0.22, -0.24, 0.04),
            )
        ),
    ],
}


def perform(rng: np.random.Generator, form: str, n: int, tempo: float = 1.0) -> np.ndarray:
    """A track (n, fields) of one form, again and again, each time a little different.

    tempo: key poses in 18 frames. Hands, feet and turn vary by a few hundredths of the body's
    height from one time to the next; now and then the whole form is done on the other side.
    """
    keys, times, t, flip = [], [], -rng.uniform(0, 20), bool(rng.integers(2))
    loose = np.full(len(AT), 0.018)
    loose[[AT["yaw"], AT["twist"]]] = 0.10
    loose[[AT["lfy"], AT["rfy"], AT["py"]]] = 0.006
    while t < n + 60:
        for key in FORMS[form]:
            key = mirrored(key) if flip else key
            key = key + rng.normal(0, 1, len(key)) * loose
            key[[AT["lfy"], AT["rfy"]]] = np.maximum(key[[AT["lfy"], AT["rfy"]]], 0)
            keys.append(key)
            times.append(t)
            t += 18 / tempo * rng.uniform(0.75, 1.35)
        flip ^= bool(rng.random() < 0.3)
    return PchipInterpolator(times, np.array(keys), axis=0)(np.arange(n))
