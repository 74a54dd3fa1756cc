"""What a cache is asked to hold (recipe), how it is split, and what it says of itself (card)."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rencgan.core.errors import InputError
from rencgan.core.files import key_of
from rencgan.data import sets as datasets
from rencgan.data.found import ONE_VIDEO
from rencgan.data.videoset import SPLITS, Video, VideoSet


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
        raise _nothing(extent, left_out)
    by_name = {i.name: i for i in items}
    kept = [by_name[r["name"]] for r in used]
    videos, start = [], 0
    sides = split(kept, recipe, [i.split for i in items])
    if "train" not in sides:
        raise _nothing(extent, left_out, " for training")
    for i, r, side in zip(kept, used, sides, strict=True):
        videos.append(Video(i.name, i.label, i.subject, side, start, r["frames"], r["fps"]))
        start += r["frames"]
    originals = Counter(r["original"] for r in used)
    notes = [{"name": r["name"], "note": note} for r in used for note in r.get("notes", ())]
    notes = extent.get("notes", []) + _on_split(recipe, kept) + notes
    return videos, _card(recipe, extent | {"notes": notes}, videos, originals, left_out)


def _nothing(extent: dict, left_out: Sequence[dict], what: str = "") -> InputError:
    """Why no video is left, with the first reasons, and with what helps folders of images."""
    reasons = "; ".join(f"{x['name']}: {x['reason']}" for x in left_out[:3])
    images = any(kind.startswith("folder") for kind in extent.get("kinds", ()))
    advice = f"; {ONE_VIDEO}" if images and ONE_VIDEO[:20] not in reasons else ""
    return InputError(
        f"none of the {extent['found']} videos found can be used{what} ({reasons}); give other "
        f"videos{advice}"
    )


def _on_split(recipe: Recipe, items: Sequence[Item]) -> list[dict]:
    """What there is to say of a split that was drawn though folders name one side, or is none."""
    said = []
    films = {i.subject for i in items}
    if len(items) == 1:
        said.append("there is one video only; give at least two: one is held out for test")
    elif _by_subject(recipe) and len(films) == 1 and films != {""}:
        said.append(f"all are segments of one film ({items[0].subject}), those for test too")
    if {i.split for i in items} == {"test"}:
        said.append("all videos lie in folders for test or validation, so the split is drawn")
    return [{"name": "split", "note": text} for text in said]


def _by_subject(recipe: Recipe) -> bool:
    return recipe.source == "real" and datasets.get(recipe.dataset).by_subject


def split(items: Sequence[Item], recipe: Recipe, told: Sequence[str] = ()) -> list[str]:
    """The side of every video. told: the sides that folders name, also of videos that are left out;
    those called test or val decide, unless all videos are in them.

    Else a share of every class is drawn for test, at least one video if there are two; where the
    subject is the film that segments were cut from, all of them go to the same side.
    """
    told = set(told) | {i.split for i in items}
    if "test" in told and len(told) > 1:
        return [i.split or "train" for i in items]
    groups = [(i.label, (_by_subject(recipe) and i.subject) or i.name) for i in items]
    if len(set(groups)) == 1:  # one film has no other to be held out
        groups = [(i.label, i.name) for i in items]
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


def as_it_is_now(made: VideoSet, extent: dict) -> dict:
    """The card of a cache, with what its folder holds now beside the videos that are in it."""
    names = {v.name for v in made.videos} | {"split"}
    of_films = [n for n in made.card.get("notes", ()) if n["name"] in names]
    notes = [n for n in extent["notes"] if n not in of_films] + of_films
    return made.card | extent | {"notes": notes}


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
    if kinds := card.get("kinds"):
        lines.append("kept as " + ", ".join(f"{n} {kind}" for kind, n in kinds.items()))
    if card.get("other_files"):
        endings = ", ".join(f"{n} {ending}" for ending, n in card.get("other_endings", {}).items())
        lines.append(f"other files: {card['other_files']}{f' ({endings})' if endings else ''}")
    lines += _some([f"left out: {x['name']}: {x['reason']}" for x in card["left_out"]])
    lines += _some([f"note: {x['name']}: {x['note']}" for x in card.get("notes", ())])
    return "\n".join(lines)


def _some(lines: list[str]) -> list[str]:
    """At most twenty lines."""
    more = [f"and {len(lines) - 20} more, see the card"] if len(lines) > 20 else []
    return lines[:20] + more
