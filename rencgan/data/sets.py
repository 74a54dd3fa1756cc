"""The data sets of the study: where each is had, how its files are named, how it is cut.

Counts, crops and steps: thesis, Tables 3.1, 4.1, 4.4 and 5.4. Any set may be video files or
folders of frame images (one folder a video). Nothing here is downloaded; the user brings the
files.
"""

import os
import re
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
    """One row of the table. `steps`: the smallest and the largest frame step of a clip."""

    name: str
    title: str
    layout: str = ""  # pattern of a video's name without suffix: groups `subject`, perhaps `label`
    label: str = ""  # the one class of sets without classes
    margin: int = 0  # px off every edge, before anything else
    steps: tuple[int, int] = (1, 1)  # (1, 1): consecutive frames only
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


_WEIZMANN = "bend|jack|jump|pjump|run|side|skip|walk|wave1|wave2"
DATASETS = {
    d.name: d
    for d in (
        DataSet(
            name="uva",
            title="UvA-NEMO",
            layout=r"^(?P<subject>\d+)_(deliberate|spontaneous)_smile",
            label="smile",
            steps=(2, 3),
            videos=1240,
            train=1173,
            test=67,
            citation="Dibeklioglu, Salah and Gevers: Are You Really Smiling at Me? ECCV 2012",
            home="https://www.uva-nemo.org",
        ),
        DataSet(
            name="weizmann",
            title="Weizmann",
            layout=rf"(^|_)(?P<subject>[A-Za-z0-9]+)_(?P<label>{_WEIZMANN})\d?$",
            margin=20,
            steps=(1, 3),
            videos=93,
            train=83,
            test=10,
            min_frames=16,  # its shortest videos have 20 frames: one clip, but no pair of clips
            citation="Blank, Gorelick, Shechtman, Irani and Basri: Actions as Space-Time Shapes. "
            "ICCV 2005",
            home="https://www.wisdom.weizmann.ac.il/~vision/SpaceTimeActions.html",
        ),
        DataSet(
            name="kth",
            title="KTH",
            layout=r"^(?P<subject>person\d+)_(?P<label>[a-z]+)_d\d",
            steps=(1, 6),
            videos=599,
            train=569,
            test=30,
            citation="Schuldt, Laptev and Caputo: Recognizing Human Actions: A Local SVM Approach. "
            "ICPR 2004",
            home="https://www.csc.kth.se/cvap/actions/",
        ),
        DataSet(
            name="ucf101",
            title="UCF101",
            layout=r"^v_(?P<subject>(?P<label>[A-Za-z]+)_g\d+)_c\d+",
            steps=(1, 3),
            videos=13320,
            train=12567,
            test=753,
            citation="Soomro, Zamir and Shah: UCF101: A Dataset of 101 Human Actions Classes From "
            "Videos in The Wild. CRCV-TR-12-01, 2012",
            home="https://www.crcv.ucf.edu/data/UCF101.php",
        ),
        DataSet(
            name="taichi",
            title="Tai-Chi-HD",
            layout=r"^(?P<subject>[^#]+)#\d+#\d+",
            label="taichi",
            videos=2882,
            train=2594,
            test=288,
            by_subject=True,
            citation="Siarohin, Lathuiliere, Tulyakov, Ricci and Sebe: First Order Motion Model "
            "for Image Animation. NeurIPS 2019",
            home="https://github.com/AliaksandrSiarohin/first-order-model",
        ),
        DataSet(
            name="sky",
            title="Sky-Timelapse",
            layout=r"^(?P<subject>.+)_\d+$",
            label="sky",
            videos=2618,
            train=2080,
            test=232,
            by_subject=True,
            citation="Xiong, Luo, Ma, Liu and Luo: Learning to Generate Time-Lapse Videos Using "
            "Multi-Stage Dynamic Generative Adversarial Networks. CVPR 2018",
            home="https://sites.google.com/site/whluoimperial/mdgan",
        ),
        DataSet(name="folder", title="Your own videos"),
    )
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
        others = any((base / name).is_dir() for name in DATASETS)
        return None if others else base
    if dataset == "folder" and not os.environ.get(d.variable):
        raise InputError(where_to_put(dataset))
    if os.environ.get(d.variable):
        return _folder(os.environ[d.variable], d.variable)
    default = Path(root or project_root()) / "data" / dataset
    return default if default.is_dir() else None


def where_to_put(dataset: str) -> str:
    """How to name the folder of a data set and where the set is had, as part of a sentence."""
    d = get(dataset)
    if dataset == "folder":
        return f"give data_root, the folder of your videos (or set {d.variable})"
    return (
        f"give data_root, set {d.variable} or put the videos under data/{d.name}"
        + f"; {d.title} is to be had from {d.home}" * bool(d.home)
    )


def is_video(path: Path) -> bool:
    """Whether a file is named like a video, and not hidden."""
    return path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith(".")


def is_image(path: Path) -> bool:
    """Whether a file is named like an image, and not hidden."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def discover(folder: Path) -> tuple[list[Path], int]:
    """Every video below a folder, sorted, and how many other files there are.

    A video is a file named like one, or a folder that holds two images or more and no video file.
    Links are followed; hidden files and folders are not looked at.
    """
    found, others, seen = [], 0, set()
    for base, folders, names in os.walk(folder, followlinks=True):
        here = os.path.realpath(base)
        folders[:] = [] if here in seen else sorted(n for n in folders if n[0] != ".")
        if here in seen:  # a link that leads back
            continue
        seen.add(here)
        files = [Path(base, n) for n in names if n[0] != "."]
        videos = [f for f in files if is_video(f)]
        images = [f for f in files if is_image(f)]
        if len(images) > 1 and not videos:
            videos, files = [Path(base)], [f for f in files if f not in set(images)] + [Path(base)]
        found += videos
        others += len(files) - len(videos)
    return sorted(found, key=lambda p: p.relative_to(folder).as_posix()), others


def _folder(named: str | Path, by: str) -> Path:
    path = resolve(named)
    if not path.exists():
        raise InputError(f"{by} names {path}, which does not exist; name the folder of your videos")
    if not path.is_dir():
        raise InputError(f"{by} names {path}, which is a file; name the folder it is in")
    return path
