"""The data sets of the study (sets.toml): where each is had, how its files are named and cut.

Any set may be video files or folders of frame images (one folder a video). Nothing here is
downloaded; the user brings the files.
"""

import os
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rencgan.core.errors import InputError
from rencgan.core.files import project_root, resolve

VIDEO_SUFFIXES = frozenset(
    (".mp4", ".m4v", ".avi", ".mov", ".webm", ".mkv", ".gif")
    + (".mpg", ".mpeg", ".wmv", ".flv", ".ts", ".ogv", ".3gp")
)
IMAGE_SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".webp"))
SPLIT_FOLDERS = {
    **dict.fromkeys(("train", "training", "sky_train"), "train"),
    **dict.fromkeys(("test", "testing", "sky_test"), "test"),
}


@dataclass(frozen=True)
class DataSet:
    """One block of the table."""

    name: str
    title: str
    layout: str = ""  # pattern of a video's name without suffix: groups `subject`, perhaps `label`
    label: str = ""  # the one class of sets without classes
    margin: int = 0  # px off every edge, before anything else
    steps: tuple[int, int] = (1, 1)  # the smallest and the largest frame step of a clip
    videos: int | None = None  # published: videos, of which for training and for test
    train: int | None = None
    test: int | None = None
    min_frames: int = 24  # shorter videos are left out; 24 = two clips of 16 that share 8
    by_subject: bool = False  # the subject is a source film: its segments stay on one side
    citation: str = ""
    home: str = ""  # where the set is to be had

    @property
    def variable(self) -> str:
        """The environment variable that names its folder."""
        return f"RENCGAN_DATA_{self.name.upper()}"

    def describe(self, relative: str, folder: bool = False) -> tuple[str, str, str]:
        """(label, subject, split) of a video from its path below the data folder.

        `split` is "" unless a folder called train or test (sky_train ...) is on the way. A name
        that does not follow the layout takes its class from the folder that it is in.
        """
        path = PurePosixPath(relative)
        split = next(
            (SPLIT_FOLDERS[p.lower()] for p in path.parts if p.lower() in SPLIT_FOLDERS), ""
        )
        classes = [p for p in path.parts[:-1] if p.lower() not in SPLIT_FOLDERS]
        match = re.search(self.layout, path.name if folder else path.stem) if self.layout else None
        found = match.groupdict() if match else {}
        label = self.label or found.get("label") or (classes[0] if classes else "video")
        subject = found.get("subject") or (classes[-1] if self.label and classes else "")
        return label, subject, split


DATASETS = {
    name: DataSet(name, **row | {"steps": tuple(row.get("steps", (1, 1)))})
    for name, row in tomllib.loads(
        Path(__file__).with_name("sets.toml").read_text(encoding="utf-8")
    ).items()
}


def get(name: str) -> DataSet:
    """The row of a data set. Raises InputError that lists the names."""
    if name not in DATASETS:
        raise InputError(f"there is no data set {name!r}; choose from {', '.join(DATASETS)}")
    return DATASETS[name]


def locate(
    dataset: str, data_root: str | Path | None = None, root: str | Path | None = None
) -> Path | None:
    """The folder of a data set's files, or None if there is none.

    `data_root` wins: `data_root/<name>` if that exists, else itself, unless it holds folders of
    other sets. Then the environment variable RENCGAN_DATA_<NAME>, then `data/<name>` under `root`
    (default: the project). Raises InputError for a folder that was named but is not there.
    """
    d = get(dataset)
    if data_root:
        base = _folder(data_root, "data_root")
        if dataset == "folder":
            return base
        if (base / dataset).is_dir():
            return base / dataset
        return None if any((base / name).is_dir() for name in DATASETS) else base
    if named := os.environ.get(d.variable):
        return _folder(named, d.variable)
    if dataset == "folder":
        raise InputError(where_to_put(dataset))
    default = Path(root or project_root()) / "data" / dataset
    return default if default.is_dir() else None


def _folder(named: str | Path, by: str) -> Path:
    path = resolve(named)
    if path.is_dir():
        return path
    if path.exists():
        raise InputError(f"{by} names {path}, which is a file; name the folder it is in")
    raise InputError(f"{by} names {path}, which does not exist; name the folder of your videos")


def where_to_put(dataset: str) -> str:
    """How to name the folder of a data set and where the set is had, as part of a sentence."""
    d = get(dataset)
    if dataset == "folder":
        return f"give data_root, the folder of your videos (or set {d.variable})"
    return (
        f"give data_root, set {d.variable} or put the videos under data/{d.name}; "
        f"{d.title} is to be had from {d.home}"
    )


class Unreadable(Exception):
    """A video that cannot be used; the message is the reason, in a few words."""


def is_video(path: Path) -> bool:
    """Whether a file is named like a video, and not hidden."""
    return path.suffix.lower() in VIDEO_SUFFIXES and path.name[0] != "."


def is_image(path: Path) -> bool:
    """Whether a file is named like an image, and not hidden."""
    return path.suffix.lower() in IMAGE_SUFFIXES and path.name[0] != "."


def in_order(files: Iterable[Path]) -> list[Path]:
    """Files in natural order: frame_2 before frame_10."""

    def natural(path: Path) -> list:
        parts = re.split(r"(\d+)", path.name)
        return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts]

    return sorted(files, key=natural)


def files_below(folder: Path) -> Iterator[tuple[Path, list[Path]]]:
    """A folder and every one below it, each with its files. Links are followed, but no folder is
    visited twice; hidden files and folders are left out.
    """
    seen = set()
    for base, folders, names in os.walk(folder, followlinks=True):
        here = os.path.realpath(base)
        folders[:] = [] if here in seen else sorted(n for n in folders if n[0] != ".")
        if here not in seen:  # else a link that leads back
            yield Path(base), [Path(base, n) for n in names if n[0] != "."]
        seen.add(here)


def discover(folder: Path) -> tuple[list[Path], int]:
    """Every video below a folder, sorted, and how many other files there are.

    A video is a file named like one, or a folder that holds two images or more and no video file.
    """
    found, others = [], 0
    for base, files in files_below(folder):
        videos, images = list(filter(is_video, files)), sum(map(is_image, files))
        frames = images > 1 and not videos
        found += [base] if frames else videos
        others += len(files) - (images if frames else len(videos))
    return sorted(found, key=lambda p: p.relative_to(folder).as_posix()), others
