"""What in a folder is one video, and what is left out of it, and why: the only place that decides.

A video is a file that is named like one, an animated image, or a folder with two images or more and
no video file (stills.py says which of them are its frames).
"""

import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from rencgan.core.files import project_root
from rencgan.data.sets import DATASETS, IMAGE_SUFFIXES, VIDEO_SUFFIXES, is_image, is_video
from rencgan.data.stills import beside, words
from rencgan.data.videoset import FRAMES, INDEX

ONE_VIDEO = (
    "a folder of images is one video; images that are samples by themselves show no motion, and "
    "videos are files, or one folder of numbered images for each"
)
MEMO = ".hashes.json"  # in every folder of caches of real videos
A_LIST = "a list of a split, which is not read; folders called train and test would be"
LISTS = re.compile(r"(?i)(train|val|valid|validation|test)(_?(list|split))?[_-]?\d*\.(txt|csv|lst)")
MADE_HERE = re.compile(  # what write_mp4 puts into a file, in MP4, Matroska, and anywhere else
    rb'\xa9nam.{4}data.{8}rencgan|\x7b\xa9\x87rencgan|"checkpoint": "', re.DOTALL
)
MAY_MOVE = (".gif", ".webp", ".apng", ".avif")  # each is looked at
SELDOM = (".png", ".tif", ".tiff")  # all are, if the first of a folder moves
BINS = frozenset(
    ("@eadir", "#recycle", "@recycle", "$recycle.bin", "recycler", "system volume information")
    + ("__macosx", "lost+found")
)
OF_FRAMES = frozenset(  # words of folders that hold the frames of films beside them, and of these
    ("frame", "frames", "image", "images", "img", "imgs", "jpeg", "jpegs", "jpg", "png", "pngs")
    + ("stills", "pictures", "rgb", "video", "videos", "clips", "films", "movies", "mp4")
)


@dataclass
class Found:
    """videos, sorted; left_out: what would be one, with its reason; notes: on folders that were not
    looked into; others: endings of all other files.
    """

    folder: Path
    videos: list[Path] = field(default_factory=list)
    left_out: dict[Path, str] = field(default_factory=dict)
    notes: dict[Path, str] = field(default_factory=dict)
    others: Counter = field(default_factory=Counter)

    def name(self, path: Path) -> str:
        """A path below the folder, with "/"; any bytes can be a file name."""
        name = path.relative_to(self.folder).as_posix() if path != self.folder else path.name
        return os.fsencode(name).decode("utf-8", "backslashreplace")


def discover(folder: Path, ours: Collection[Path] | None = None) -> Found:
    """Every video below a folder. ours: folders that this project writes to; what it wrote is then
    no data, there and elsewhere (None: it may be).
    """
    found = Found(folder)
    skipped = partial(_no_data, [o.resolve() for o in ours]) if ours is not None else _no_pictures
    for base, files in files_below(folder, skipped, found.notes):
        moving = _animations(files)
        videos = [p for p in files if p in moving or (is_video(p) and p.suffix.lower() != ".gif")]
        images = [p for p in files if p not in moving and (is_image(p) or _is_gif(p))]
        frames = len(images) > 1 and not videos
        used = set(images if frames else videos)
        mine = [p for p in videos if ours is not None and _made_here(p)]
        found.notes |= dict.fromkeys(mine, "not used: this project made it")
        videos = [p for p in videos if p not in mine]
        found.videos += [base] if frames else videos
        others = [p for p in files if p not in used]
        found.others.update(p.suffix.lower() or "no ending" for p in others)
        found.notes |= {p: A_LIST for p in others if ours is not None and LISTS.fullmatch(p.name)}
    found.videos.sort(key=found.name)
    _leave_out_what_is_beside(found)
    _leave_out_the_same_film(found)
    return found


def kind(path: Path) -> str:
    """What a video is kept as: ".mp4", or "folders of .png"."""
    if not path.is_dir():
        return path.suffix.lower()
    endings = sorted({p.suffix.lower() for p in path.iterdir() if is_image(p)})
    return f"folders of {' and '.join(endings)}"


# ---------------------------------------------------------------------------------------- the walk


def files_below(
    folder: Path, skipped=lambda path: "", notes: dict[Path, str] | None = None
) -> Iterator[tuple[Path, list[Path]]]:
    """A folder and every one below it, each with its files. Links are followed, but no folder is
    visited twice; hidden ones are left out, and those for which skipped(path) gives a reason, which
    is noted.
    """
    seen, notes = set(), {} if notes is None else notes

    def refused(error: OSError) -> None:
        notes[Path(error.filename)] = f"may not be opened ({error.strerror})"

    for base, folders, names in os.walk(folder, onerror=refused, followlinks=True):
        here = os.path.realpath(base)
        kept = []
        for name in sorted(n for n in folders if n[0] != "." and here not in seen):
            if reason := skipped(Path(base, name)):
                notes[Path(base, name)] = reason
            else:
                kept.append(name)
        folders[:] = kept
        if here not in seen:  # else a link that leads back
            yield Path(base), [Path(base, n) for n in names if n[0] != "."]
        seen.add(here)


def _no_pictures(path: Path) -> str:
    """Why a folder holds no video: of what systems delete, or keep as small pictures of files."""
    if path.name.lower() in BINS:
        return "not looked into: deleted files, or thumbnails"
    return ""


def _no_data(ours: Collection[Path], path: Path) -> str:
    """As _no_pictures; or since this project wrote it: folders of that name, prepared folders,
    trained models, caches, and what runs leave beside their cache.
    """
    with suppress(OSError):
        names = set(os.listdir(path))
        prepared = FRAMES in names and (INDEX in names or path.suffix == ".building")
        trained = {"checkpoint.pt", "history.jsonl"} <= names
        named = path.resolve() in ours or path == project_root() / "reports"
        if prepared or trained or named or _of_a_run(path, names):
            return "not looked into: this project wrote it"
    return _no_pictures(path)


def _of_a_run(path: Path, names: Collection[str]) -> bool:
    """Whether a folder lies beside a cache, or is it, and holds results of data sets (mini/sky). A
    folder of videos may lie there too.
    """
    if not (path.parent / "cache" / MEMO).exists():
        return False
    results = (path / name for name in DATASETS.keys() & names)
    left = ("*.json", "*/history.jsonl")
    return path.name == "cache" or any(next(r.glob(g), None) for r in results for g in left)


def _made_here(path: Path) -> bool:
    """Whether a file tells, in its head or its end, that write_mp4 made it."""
    if path.suffix.lower() not in (".mp4", ".m4v", ".mov", ".mkv"):
        return False
    with suppress(OSError), open(path, "rb") as file:
        head = file.read(1 << 17)
        file.seek(max(len(head), path.stat().st_size - (1 << 16)))
        return MADE_HERE.search(head + file.read()) is not None
    return False


# ------------------------------------------------------------------------------- images that move


def _animations(files: list[Path]) -> set[Path]:
    """The images that are videos by themselves; of what cannot be read a .gif is one."""
    found = {p for p in files if p.suffix.lower() in MAY_MOVE and _moves(p)}
    for ending in SELDOM:
        some = sorted(p for p in files if p.suffix.lower() == ending)
        if some and _moves(some[0]):
            found.update(filter(_moves, some))
    return found


def _moves(path: Path) -> bool:
    from PIL import Image  # what is drawn needs no reader of images

    try:
        with Image.open(path) as image:
            return getattr(image, "is_animated", False)
    except Exception:  # noqa: BLE001 - Pillow raises many kinds; the reader will say what is wrong
        return path.suffix.lower() == ".gif"


def _is_gif(path: Path) -> bool:
    return path.suffix.lower() == ".gif"


# ------------------------------------------------------------------------------------ what is twice


def _leave_out_what_is_beside(found: Found) -> None:
    """Videos of flow, masks and the like that lie beside the pictures which they are made of:
    clip/flow in clip, clip_gt beside clip, Annotations/clip beside JPEGImages/clip.
    """
    parts = {p: PurePosixPath(_stem(found, p)).parts for p in found.videos}
    pictures = {}
    for path, its in reversed(parts.items()):
        if not any(map(beside, its)):
            ways = ((*its[:i], *its[i + 1 :]) for i, part in enumerate(its) if of_frames(part))
            pictures |= dict.fromkeys((its, *filter(None, ways)), path)
    for path, its in parts.items():
        for i, part in enumerate(its):
            bare, rest = without(part, beside), its[i + 1 :]
            of = pictures.get((*its[:i], bare, *rest)) or pictures.get((*its[:i], *rest))
            if of and beside(part):
                said = f"by its name ({part}) no picture, but made of {found.name(of)}"
                found.left_out[path] = said
    found.videos = [p for p in found.videos if p not in found.left_out]


def _leave_out_the_same_film(found: Found) -> None:
    """All but one of what has the same folder and name: clip.mp4, clip.webm and the folder clip; of
    videos/clip.mp4 and frames/clip, and of clip/any.mp4 and clip/frames too. Files come before
    folders, since they know their rate.
    """
    films, places, inside = defaultdict(list), defaultdict(list), defaultdict(list)
    for path in found.videos:
        place = _stem(found, path)
        parts = (without(part, of_frames) for part in PurePosixPath(place).parts)
        films["/".join(p for p in parts if p)].append((path, place))
        places[place].append(path)
        if not path.is_dir() and path.parent != found.folder:
            inside[path.parent].append(path)
    for some in films.values():
        files = [p for p, _ in some if not p.is_dir()]
        for path, place in some:
            same = places[place]
            if path.is_dir():
                around = [] if without(path.name, of_frames) else inside[path.parent]
                same = files or (around if len(around) == 1 else same)
            first = min(same, key=_rank)
            if path != first:
                found.left_out[path] = f"the same film as {found.name(first)}, which is taken"
    found.videos = [p for p in found.videos if p not in found.left_out]


def of_frames(name: str) -> bool:
    return not OF_FRAMES.isdisjoint(words(name))


def without(name: str, said: Callable[[str], bool]) -> str:
    """A name without the words that said(word) knows: clip0_frames is clip0."""
    if not said(name):
        return name
    return re.sub(r"[A-Za-z]+", lambda m: "" if said(m[0]) else m[0], name).strip("_- .")


def _stem(found: Found, path: Path) -> str:
    """A video's path without its ending, nor what downloads add for one of a film's streams."""
    name = unicodedata.normalize("NFC", found.name(path))
    if PurePosixPath(name).suffix.lower() in VIDEO_SUFFIXES + IMAGE_SUFFIXES:
        name = str(PurePosixPath(name).with_suffix(""))
    return re.sub(r"\.(f\d+|temp)$", "", name)


def _rank(path: Path) -> tuple:
    known, ending = VIDEO_SUFFIXES + IMAGE_SUFFIXES, path.suffix.lower()
    part = bool(re.search(r"\.(f\d+|temp)$", path.stem))
    return path.is_dir(), part, known.index(ending) if ending in known else 0, path.name
