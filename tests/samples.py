"""Small stand-ins of results and networks that several test files share."""

import numpy as np

from rencgan.studies.columns import METRIC

CARD = {"protocol": "p", "extractor": "e", "frames": 16, "first frame": 0, "seed": 0}
SIDE = {"videos": 64, "frame size": [32, 32], "pixels crc32": "a", "stored": "array"}


def file(name, seed, far=100.0, way="sample", seam=2.0, **more):
    card = CARD | {"real": SIDE, "generated": SIDE}
    scores = [
        {"name": f"{METRIC} 16f", "value": far / 2, "card": card},
        {"name": f"{METRIC} 128f", "value": far, "card": card},
        {"name": f"{METRIC} 16f / {METRIC} 128f", "value": 0.5, "card": card},
    ]
    long = {"seam ratio": seam, "jump": seam, "motion": 0.01, "drift": 0.2, "repetition": 0.1}
    long[f"{METRIC} 16f, end"] = 3 * far
    ways = {way: {"scores": scores, "seconds for 1000 frames": 1.5, "long": long}}
    content = {"contestant": name, "prior": "none", "seed": seed, "ways": ways}
    content |= {"dataset": "sky", "preset": "mini", "source": "procedural"}
    return content | {"training": {"seconds": 300.0 + seed}} | more


class Sums:
    """Four means of a clip: of each colour, and of its motion."""

    metric, dims, min_frames = "FVD (sums)", 4, 2

    def __call__(self, clips):
        x = np.asarray(clips, np.float64)
        x = x / 127.5 - 1 if clips.dtype == np.uint8 else x
        return np.column_stack([x.mean((1, 2, 3)), np.abs(np.diff(x, axis=1)).mean((1, 2, 3, 4))])

    def card(self):
        return {"extractor": "sums", "sha256": "none"}
