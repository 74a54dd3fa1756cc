"""The data sets of the study (sets.toml): where each is had, how its files are named and cut.

Any set may be video files or folders of frame images (one folder a video). Nothing here is
downloaded; the user brings the files.
"""

import os
import re
import tomllib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rencgan.core.errors import InputError
from rencgan.core.files import project_root, resolve
from rencgan.data.splits import Splits

VIDEOS = (  # what FFmpeg reads, the usual ones first: of a film kept several ways that one counts
    "mp4 mov m4v mkv webm avi mpg mpeg mts m2ts wmv flv 3gp 3g2 mj2 qt f4v ismv divx vob m2t m1v "
    "m2v mpe mpv tod vro ogv ogm mxf gxf nut y4m dv dif mk3d mjpg mjpeg h264 264 h265 265 hevc ivf "
    "obu amv nsv rmvb rm asf wtv roq fli flc trp ts mod ogg gif apng"
)
ROOT = "data_root (in a shell --data-root)"  # what sentences call the folder of the videos
IMAGES = "png jpg jpeg jpe jfif bmp webp tif tiff tga ppm pgm pnm jp2 avif"
VIDEO_SUFFIXES = tuple(f".{ending}" for ending in VIDEOS.split())
IMAGE_SUFFIXES = tuple(f".{ending}" for ending in IMAGES.split())


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

    def describe(
        self, relative: str, folder: bool = False, splits: Splits | None = None
    ) -> tuple[str, str, str]:
        """(label, subject, split) of a video from its path below the data folder; splits: of all
        videos there. A name that does not follow the layout takes its class from its folder.
        """
        split, classes = (splits or Splits()).placed(relative)
        path = PurePosixPath(relative)
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
        return f"give {ROOT}, the folder of your videos, or set {d.variable}"
    return (
        f"give {ROOT}, set {d.variable} or put the videos under data/{d.name}; "
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


def instead_of_it(path: Path) -> str:
    """What a file is that should be a film or an image, where its first bytes tell; else ""."""
    with suppress(OSError), open(path, "rb") as file:
        head = file.read(512).lstrip().lower()
        if head.startswith(b"version https://git-lfs"):
            return "a pointer of Git LFS; run `git lfs pull`"
        if head.startswith((b"<!doctype html", b"<html")):
            return "a web page; download it again"
    return ""
