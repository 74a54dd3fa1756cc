"""Videos of people: who performs what, where, in tai chi, Weizmann, KTH and UCF101 style."""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from . import actions, forms
from .backdrop import PLACES, place
from .figure import Looks, Shot, looks
from .figure import render as draw
from .further import FURTHER, place_of
from .noise import F32

# Classes and people are coprime in number, so the i-th video (class i mod K, person i mod S) meets
# every pair once in K S videos.
CLASSES = {
    "taichi": tuple(forms.FORMS),
    "weizmann": tuple(actions.WEIZMANN),
    "kth": tuple(actions.KTH),
    "ucf101": (*actions.UCF101, "TaiChi"),
}
SUBJECTS = {"taichi": 10, "weizmann": 9, "kth": 25, "ucf101": 9}
VIDEOS = {"taichi": 210, "weizmann": 90, "kth": 150, "ucf101": 153}
LENGTHS = {"taichi": (200, 1000), "weizmann": (40, 75), "kth": (100, 400), "ucf101": (40, 200)}
CODE = {"taichi": 2, "weizmann": 3, "kth": 4, "ucf101": 5}
GREY = (0.299, 0.587, 0.114)  # luma of Rec. 601


def describe(dataset: str, seed: int, index: int) -> tuple[str, str, int, float]:
    """Label, person, number of frames and frame rate of video `index`."""
    rng = np.random.default_rng([seed, CODE[dataset], 1, index])
    low, high = LENGTHS[dataset]
    share = rng.beta(0.75, 2.5) if dataset == "taichi" else rng.beta(1.5, 2.5)
    label = CLASSES[dataset][index % len(CLASSES[dataset])]
    length = FURTHER if index >= VIDEOS[dataset] else round(low + (high - low) * share)
    return label, f"person_{_person(dataset, index):02d}", length, 25.0


def _person(dataset: str, index: int) -> int:
    return place_of(index, SUBJECTS[dataset], VIDEOS[dataset])


def _dressed(rng: np.random.Generator, dataset: str) -> Looks:
    look = looks(rng)
    if dataset != "taichi":
        return look
    robes = np.array(
        [
            [0.93, 0.93, 0.90],
            [0.12, 0.12, 0.14],
            [0.55, 0.62, 0.72],
            [0.75, 0.30, 0.25],
            [0.85, 0.80, 0.62],
        ]
    )
    robe = np.clip(robes[rng.integers(5)] + rng.normal(0, 0.03, 3), 0, 1)
    trousers = robe * 0.9 if rng.random() < 0.6 else np.clip(1.0 - robe, 0.1, 0.9) * 0.7
    sash = rng.uniform(0.1, 0.9, 3) if rng.random() < 0.7 else None
    return replace(
        look,
        top=robe,
        legs=trousers,
        sash=sash,
        sleeves=True,
        shorts=False,
        girth=look.girth * 1.12,
    )


TALL = {  # those that reach or leap high are filmed from further away, in body heights a picture
    "PullUps": 0.62,
    "CleanAndJerk": 0.66,
    "TrampolineJumping": 0.60,
    "jump": 0.68,
    "pjump": 0.66,
}
KINDS = {"weizmann": ("wall", "field"), "kth": ("field", "studio", "field", "gym")}
ACTIONS = {"weizmann": actions.WEIZMANN, "kth": actions.KTH, "ucf101": actions.UCF101}


@lru_cache(maxsize=4)
def shot(dataset: str, seed: int, index: int, at_least: int = 0) -> Shot:
    """The whole performance of video `index`, uncut; with `at_least` so many frames it goes on."""
    label, _, length, _ = describe(dataset, seed, index)
    length = max(length, at_least)
    person = _person(dataset, index)
    rng = np.random.default_rng([seed, CODE[dataset], 2, index])
    who = np.random.default_rng([seed, CODE[dataset], 3, person])
    # Weizmann's people share two places; in UCF101 every video is somewhere else.
    home = {"weizmann": person % 2, "ucf101": index}.get(dataset, person)
    kinds = KINDS.get(dataset, PLACES)
    tall = TALL.get(label, rng.uniform(0.72, 0.82))
    common = {
        "looks": _dressed(who, dataset),
        "backdrop": place(kinds[home % len(kinds)], (seed, CODE[dataset], 4, home), ground=0.89),
        "ground": rng.uniform(0.87, 0.92),
        "tall": tall,
        "light": rng.uniform(-0.8, 0.8),
    }
    if label not in ACTIONS.get(dataset, {}):
        form, middle = (label, rng.uniform(0.44, 0.56)) if dataset == "taichi" else ("push", 0.5)
        poses = forms.perform(rng, form, length, tempo=rng.uniform(0.9, 1.6))
        return Shot(poses, centre=middle, **common)
    action = ACTIONS[dataset][label]
    poses, props = actions.perform(rng, action, length, tall)
    if label == "WalkingWithDog":
        props += actions.dog(rng, poses, np.arange(length) / action.period)
    if label in ("BoxingPunchingBag", "WallPushups"):  # they need room to one side
        common["centre"] = 0.5 - 0.2 * tall * np.sign(poses[0, actions.AT["yaw"]])
    return Shot(poses, props=props, **common)


def render(dataset: str, seed: int, index: int, n_frames: int, size: int) -> np.ndarray:
    """The first n_frames of video `index`: (n_frames, size, size, 3) uint8."""
    whole = shot(dataset, seed, index, n_frames)
    frames = draw(whole.cut(n_frames), size)
    if dataset == "kth":  # that data set is black and white
        grey = sum(frames[..., c] * F32(GREY[c]) for c in range(3))
        grey = (grey + F32(0.5)).astype(np.uint8)
        frames = np.repeat(grey[..., None], 3, axis=-1)
    return frames
