"""What a cache is asked to hold (recipe), how it is split, and what it says of itself (card)."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rencgan.core.errors import InputError
from rencgan.core.files import key_of
from rencgan.data import sets as datasets
from rencgan.data.videoset import SPLITS, Video


@dataclass(frozen=True)
class Item:
    """A video that is to be decoded. `source` is a path or a stand-in with `frames(size)`."""

    name: str
    label: str
    subject: str
    split: str  # "train" or "test" where the folders say so, else ""
    digest: str  # sha256 of the content
    source: object


@dataclass(frozen=True)
class Recipe:
    """Everything but the videos that decides what a cache holds."""

    dataset: str
    source: str
    size: int
    margin: int
    seed: int
    videos: int | None
    max_frames: int | None
    min_frames: int
    test_fraction: float

    def __post_init__(self) -> None:
        if not 8 <= self.size <= 1024:
            raise InputError(f"size {self.size} must lie between 8 and 1024 pixels")
        if self.seed < 0:
            raise InputError(f"seed {self.seed} must be 0 or more")
        for name in ("videos", "max_frames", "min_frames"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise InputError(f"{name} {value} must be 1 or more")
        if self.max_frames is not None and self.max_frames < self.min_frames:
            raise InputError(
                f"max_frames {self.max_frames} is below min_frames {self.min_frames}, so every "
                "video would be left out"
            )
        if not 0 < self.test_fraction < 1:
            raise InputError(f"test_fraction {self.test_fraction} must lie between 0 and 1")


def draw(seed: int, name: str) -> bytes:
    """A place in an order drawn by seed and name only: one file more does not reshuffle."""
    return hashlib.sha256(f"{seed} {name}".encode()).digest()


def tables(recipe: Recipe, items, left_out, extent, rows) -> tuple[list[Video], dict]:
    """The videos of a cache, and its card. InputError where none can be used."""
    used = [r for r in rows if r["frames"]]
    left_out = left_out + [{k: r[k] for k in ("name", "reason")} for r in rows if not r["frames"]]
    if not used:
        reasons = "; ".join(f"{x['name']}: {x['reason']}" for x in left_out[:3])
        raise InputError(
            f"none of the {extent['found']} videos found can be used ({reasons}); give other videos"
        )
    by_name = {i.name: i for i in items}
    kept = [by_name[r["name"]] for r in used]
    videos, start = [], 0
    for i, r, side in zip(kept, used, split(kept, recipe), strict=True):
        videos.append(Video(i.name, i.label, i.subject, side, start, r["frames"], r["fps"]))
        start += r["frames"]
    originals = Counter(r["original"] for r in used)
    return videos, _card(recipe, extent, videos, originals, left_out)


def split(items: Sequence[Item], recipe: Recipe) -> list[str]:
    """The side of every video. Folders called train and test decide if both are there.

    Else a share of every class is drawn for test, at least one video if there are two; where the
    subject is the film that segments were cut from, all of them go to the same side.
    """
    if {"train", "test"} <= {i.split for i in items}:
        return [i.split or "train" for i in items]
    by_subject = recipe.source == "real" and datasets.get(recipe.dataset).by_subject
    groups = [(i.label, (by_subject and i.subject) or i.name) for i in items]
    test = _test_groups(Counter(groups), recipe.test_fraction, recipe.seed)
    return ["test" if g in test else "train" for g in groups]


def _test_groups(groups: Counter, fraction: float, seed: int) -> set[tuple[str, str]]:
    """Groups (label, name) for test, about `fraction` of the videos, evenly over the labels.

    The class that is furthest below its share gives next, unless it would be left without a group
    for training while another class can give; ties are broken by the seed.
    """
    waiting: dict[str, list[str]] = {}
    for label, name in sorted(groups, key=lambda g: draw(seed, g[1])):
        waiting.setdefault(label, []).append(name)
    total = {k: sum(groups[k, name] for name in names) for k, names in waiting.items()}
    given, test = Counter(), set()
    wanted = min(max(1, round(fraction * groups.total())), groups.total() - 1)
    while given.total() < wanted and len(test) < len(groups) - 1:
        label = max(
            (k for k, names in waiting.items() if names),
            key=lambda k: (len(waiting[k]) > 1, fraction * total[k] - given[k], draw(seed, k)),
        )
        names, left = waiting[label], wanted - given.total()
        fitting = (name for name in names if groups[label, name] <= left)
        name = next(fitting, min(names, key=lambda name: groups[label, name]))
        names.remove(name)
        test.add((label, name))
        given[label] += groups[label, name]
    return test


def _card(recipe: Recipe, extent: dict, videos: list[Video], originals: Counter, left_out) -> dict:
    d, found = datasets.get(recipe.dataset), extent["found"]
    of = f"; the published set has {d.videos}" if d.videos and d.videos != len(videos) else ""
    notice = f"{d.title}: {len(videos)} of the {found} real videos found are used{of}."
    if recipe.source == "procedural":
        notice = (
            f"Stand-in for {d.title}: {len(videos)} videos drawn by a procedure, not camera "
            f"footage. For the real ones {datasets.where_to_put(d.name)}."
        )
    names = {s: sorted(v.name for v in videos if v.split == s) for s in SPLITS}
    rates, lengths = [v.fps for v in videos], [v.length for v in videos]
    asked = vars(recipe) | {"video_limit": recipe.videos}
    del asked["videos"]
    return {
        **asked,
        **extent,
        "title": d.title,
        "notice": notice,
        "expected": {"videos": d.videos, "train": d.train, "test": d.test},
        "used": len(videos),
        "left_out": sorted(left_out, key=lambda x: x["name"]),
        "frames": sum(lengths),
        "frames_range": [min(lengths), max(lengths)],
        "seconds": round(sum(v.length / v.fps for v in videos), 2),
        "fps": [min(rates), max(rates)],
        "original_sizes": dict(originals.most_common()),
        "labels": dict(sorted(Counter(v.label for v in videos).items())),
        "subjects": len({v.subject for v in videos if v.subject}),
        "split": {s: len(n) for s, n in names.items()} | {"sha256": key_of(names, 64)},
        "citation": d.citation,
        "home": d.home,
    }


def summary(card: dict) -> str:
    """The data card in a few lines of text."""
    slow, fast = card["fps"]
    rate = f"{slow:g}" if slow == fast else f"{slow:g} to {fast:g}"
    lines = [
        card["notice"],
        f"{card['used']} videos, {card['frames']} frames of {card['size']}x{card['size']}, "
        f"{card['seconds']:.0f} s at {rate} frames a second",
        f"train {card['split']['train']}, test {card['split']['test']}; "
        f"{len(card['labels'])} classes, {card['subjects']} subjects",
    ]
    lines += [f"left out: {x['name']}: {x['reason']}" for x in card["left_out"][:20]]
    if len(card["left_out"]) > 20:
        lines.append(f"and {len(card['left_out']) - 20} more, see the card")
    return "\n".join(lines)
