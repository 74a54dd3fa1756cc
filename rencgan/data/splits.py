"""Which folders on the way to a video are splits (train, val, test ...), and which are classes."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from os.path import commonprefix
from pathlib import PurePosixPath

WORDS = {
    **dict.fromkeys(("train", "training", "trainset"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "valset", "dev", "eval"), "val"),
    **dict.fromkeys(("holdout", "heldout", "held_out", "held-out"), "val"),
    **dict.fromkeys(("test", "testing", "testset"), "test"),
}
WHOLE = WORDS | {"sky_train": "train", "sky_test": "test"}


@dataclass(frozen=True)
class Splits:
    """sides: folder below the data folder, to "train", "val" or "test". common: how many folders
    all videos share at first; these are neither splits nor classes.
    """

    sides: Mapping[str, str] = field(default_factory=dict)
    common: int = 0

    @classmethod
    def of(cls, videos: Iterable[tuple[str, bool]]) -> "Splits":
        """Of all videos of a folder: (path below it, whether that is a folder of images)."""
        paths = [(PurePosixPath(name).parts, folder) for name, folder in videos]
        common = len(commonprefix([parts[:-1] for parts, _ in paths]))
        below: dict[tuple, dict[str, bool]] = defaultdict(dict)  # names, and whether all are videos
        for parts, folder in paths:
            for i in range(common, len(parts) - (not folder)):
                leaf = i == len(parts) - 1
                below[parts[:i]][parts[i]] = leaf and below[parts[:i]].get(parts[i], True)
        sides = {}
        for parent, names in below.items():
            for name, side in _sides(names).items():
                sides["/".join((*parent, name))] = side
        return cls(sides, common)

    def placed(self, relative: str) -> tuple[str, list[str]]:
        """(split, classes) of a video: "train", "test" or "", and the folders that may be classes,
        the best first. What lies in a folder for test or validation is never for training.
        """
        parts = PurePosixPath(relative).parts
        way = ["/".join(parts[: i + 1]) for i in range(len(parts))]
        told = [self.sides[w] for w in way if w in self.sides]
        last = max((i for i, w in enumerate(way) if w in self.sides), default=-1)
        classes = [i for i in range(len(parts) - 1) if way[i] not in self.sides]
        first = [i for i in classes if i > last and i >= self.common]
        first += [i for i in classes if i < last and i >= self.common]
        split = ("train" if set(told) == {"train"} else "test") if told else ""
        return split, [parts[i] for i in first or classes]

    def told(self, relative: str) -> dict[str, str]:
        """The folders for validation or test on the way to a video."""
        parts = PurePosixPath(relative).parts
        way = ("/".join(parts[: i + 1]) for i in range(len(parts)))
        return {w: self.sides[w] for w in way if self.sides.get(w, "train") != "train"}


def _sides(names: Mapping[str, bool]) -> dict[str, str]:
    """The splits among folders that lie side by side, with their sides. names: folders, True for
    those that are videos themselves.

    "train" beside car and boat, and no test, is a class; so is "sky_dive" without a counterpart; a
    folder of images is a video called "test" unless there is one for training.
    """
    found = {n: WHOLE.get(n.lower()) or _one_of_two(n, names) for n in names}
    found = {n: side for n, side in found.items() if side}
    kinds = {side if side == "train" else "held" for side in found.values()}
    if len(kinds) == 2:
        return found
    if kinds == {"train"} and len(found) < len(names):
        return {}
    return {n: side for n, side in found.items() if not names[n]}


def _one_of_two(name: str, names: Iterable[str]) -> str:
    """The side of train_videos beside test_videos, of train2017 beside val2017, of test_unseen
    beside train; "" of others.
    """
    parts = re.findall(r"[a-z]+|[^a-z]+", name.lower())
    at = [i for i, part in enumerate(parts) if part in WORDS]
    if len(at) != 1 or len(parts) == 1:
        return ""
    side, known = WORDS[parts[at[0]]], {n.lower() for n in names}
    if side != "train" and at == [0] and any(WHOLE.get(n) == "train" for n in known):
        return side  # test1 and test2 have no counterpart, and must not train
    for word, other in WORDS.items():
        parts[at[0]] = word
        if (other == "train") != (side == "train") and "".join(parts) in known:
            return side
    return ""
