"""Which images of a folder are the frames of its video, and in which order: their names tell.

A folder of images is one video. Its frames are one sequence: names that differ in a number alone.
Where there are several (pictures with optical flow, masks or a poster beside them), the pictures
are taken; where it cannot be told which they are, the folder is refused.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

from rencgan.data.sets import Unreadable, is_image

ADVICE = "a folder of images is one video, so give each sequence a folder of its own"
CLOCK = (24, 60, 1000, 10**6)  # hours, minutes and seconds, milliseconds, microseconds
SECONDS = re.compile(r"(?:(?:t|time)[=_-]?)?(-?\d+(?:\.\d+)?)(?:s|sec)?", re.IGNORECASE)
BESIDE = frozenset(  # words in the names of what lies beside pictures, and shows something else
    ("flow", "flows", "opticalflow", "optflow", "flowx", "flowy", "depth", "depths", "disparity")
    + ("mask", "masks", "seg", "segmentation", "segmentations", "annotation", "annotations")
    + ("gt", "groundtruth", "matte", "mattes", "normals", "parsing", "heatmap", "heatmaps")
    + ("thumb", "thumbs", "thumbnail", "thumbnails", "saliency", "densepose", "keypoints")
)


@dataclass(frozen=True)
class Stills:
    """The frames of a folder in order. fps: where names are seconds, else None."""

    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()
    fps: float | None = None


def words(name: str) -> list[str]:
    """The words of a name in small letters: "Test001_GT" is test, gt; "JPEGImages", jpeg, images.

    Letters alone that are axes of flow ("x-flow") are no words.
    """
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_]+", name)
    return [p.lower() for p in parts if len(p) > 1]


def beside(name: str) -> bool:
    """Whether a name says optical flow, masks, depth or the like."""
    return not BESIDE.isdisjoint(words(name))


def stills(folder: Path) -> Stills:
    """The frames of a folder of images. Raises Unreadable where they cannot be told."""
    images = sorted(p for p in folder.iterdir() if is_image(p) or p.suffix.lower() == ".gif")
    if not images:
        raise Unreadable("zero frames")
    if found := _by_seconds(images):
        return found
    sequences = _sequences(images)
    chosen, notes = _pictures(sequences)
    run, said = _whole(sequences[chosen])
    return Stills(tuple(run), (*notes, *said))


# ----------------------------------------------------------------------------- names that are times


def _by_seconds(images: Sequence[Path]) -> Stills | None:
    """Frames named 0.05, 0.1, 0.15 (or -1, 0, 1); None where they are not."""
    told = [SECONDS.fullmatch(p.stem) for p in images]
    if not all(told) or not any({".", "-"} & set(m[1]) for m in told):
        return None
    at = {float(m[1]): p for m, p in zip(told, images, strict=True)}
    if len(at) < max(2, len(images)):  # 1.1 and 1.10: no decimals
        return None
    times = sorted(at)
    files = tuple(at[t] for t in times)
    if not any("." in m[1] for m in told):
        return Stills(files)
    steps = [b - a for a, b in pairwise(times)]
    fps = round(1 / median(steps), 3)
    notes = [f"its frames are named by seconds: {fps:g} a second"]
    if max(steps) > 1.5 * median(steps):
        notes.append(f"its frames are up to {max(steps):g} s apart")
    return Stills(files, tuple(notes), fps)


# --------------------------------------------------------------------------------------- sequences


def _numbers(path: Path) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", path.stem)))


def _sequences(images: Iterable[Path]) -> dict[str, list[Path]]:
    """Images by the pattern of their names, such as "img_#.jpg", each in the order of its numbers.

    Two endings are one sequence unless a number is there with both.
    """
    groups: dict[str, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for path in images:
        groups[re.sub(r"\d+", "#", path.stem)][path.suffix.lower()].append(path)
    found = {}
    for pattern, by_ending in groups.items():
        files = sorted((p for some in by_ending.values() for p in some), key=_numbers)
        if len(by_ending) == 1 or len(set(map(_numbers, files))) == len(files):
            by_ending = {"/".join(sorted(by_ending)): files}
        for ending, some in by_ending.items():
            found |= _apart(f"{pattern}{ending}", sorted(some, key=_numbers))
    return found


def _apart(pattern: str, files: list[Path]) -> dict[str, list[Path]]:
    """Files whose names have two numbers that change (video1_001, video2_001) by the first ones, if
    the last begins anew with them, unless that is how clocks go on.
    """
    table = [_numbers(p) for p in files]
    change = [i for i, column in enumerate(zip(*table, strict=True)) if len(set(column)) > 1]
    if len(change) < 2:
        return {pattern: files}
    groups: dict[tuple, list[Path]] = defaultdict(list)
    for numbers, path in zip(table, files, strict=True):
        groups[numbers[: change[-1]]].append(path)
    counts = [[_numbers(p)[change[-1]] for p in some] for some in groups.values()]
    if len(set().union(*counts)) == len(files) or max(map(len, counts)) == 1 or _clock(counts):
        return {pattern: files}
    named = {}
    for numbers, some in groups.items():
        known = iter(numbers)
        name = re.sub("#", lambda _, k=known: str(next(k, "#")), pattern)
        named[name] = some
    return named


def _clock(counts: Sequence[Sequence[int]]) -> bool:
    """Whether the steps go on from a group to the next one, as seconds do from 59 to 0."""
    steps = [b - a for some in counts for a, b in pairwise(some)]
    over = [(a[-1], b[0]) for a, b in pairwise(counts)]
    most = 3 * median(steps) if steps else 0
    return any(
        max(map(max, counts)) < base and all(base - end + start <= most for end, start in over)
        for base in CLOCK
    )


def _pictures(sequences: dict[str, list[Path]]) -> tuple[str, list[str]]:
    """The pattern of the pictures, and what to say of the other ones. Raises Unreadable."""
    told = [f"{name} ({len(files)})" for name, files in sequences.items()]
    if all(len(files) < 2 for files in sequences.values()):
        names = ", ".join(files[0].name for files in list(sequences.values())[:3])
        raise Unreadable(
            f"its images ({names} ...) are not numbered, so they have no order; a folder of images "
            "is one video, and its frames are numbered"
        )
    clear = [n for n, files in sequences.items() if len(files) > 1 and not beside(n)]
    clear = list(sequences) if len(sequences) == 1 else clear
    if len(clear) != 1:
        raise Unreadable(f"holds several sequences of images: {_few(told)}; {ADVICE}")
    others = [t for t in told if not t.startswith(f"{clear[0]} (")]
    said = [f"its frames are {clear[0]}; also there, and not read: {_few(others)}"]
    return clear[0], said if others else []


def _few(texts: Sequence[str]) -> str:
    return ", ".join(texts[:5]) + (f" and {len(texts) - 5} more" if len(texts) > 5 else "")


def _whole(files: list[Path]) -> tuple[list[Path], list[str]]:
    """The longest run of frames without a hole in their numbers, and what to say of holes.

    A jump in the middle would be taken for motion. One frame that is missing is said, and no hole.
    """
    columns = list(zip(*map(_numbers, files), strict=True))
    change = [c for c in columns if len(set(c)) > 1]
    if len(set(map(_numbers, files))) < len(files):
        raise Unreadable(f"two of its images have the same number ({files[0].name} ...)")
    if len(change) != 1:
        return files, []
    steps = [b - a for a, b in pairwise(change[0])]
    missing = [round(s / median(steps)) - 1 for s in steps]
    holes = [i + 1 for i, n in enumerate(missing) if n > 1]
    if len(holes) > max(1, len(files) // 10):
        return files, ["its frame numbers are uneven, so its motion may be too"]
    notes = [f"{missing.count(1)} single frames are missing"] if 1 in missing else []
    if not holes:
        return files, notes
    edges = [0, *holes, len(files)]
    first, end = max(pairwise(edges), key=lambda run: run[1] - run[0])
    at = holes[0]
    gone = f"frames {change[0][at - 1]} to {change[0][at]} with nothing between"
    said = f"a hole in its frames ({gone}): the longest run is used, {end - first} of {len(files)}"
    return files[first:end], [said, *notes]
