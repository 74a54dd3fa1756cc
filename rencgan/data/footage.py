"""One side of a comparison: a folder of videos, a prepared set or arrays, read frame by frame."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rencgan.core.errors import InputError
from rencgan.data import sets as datasets
from rencgan.data.found import discover, files_below, kind
from rencgan.data.pixels import as_bytes
from rencgan.data.sets import Unreadable
from rencgan.data.videoset import VideoSet

ARRAY = ".npy"
EXACT = {ARRAY, ".png", ".bmp", ".tif", ".tiff", ".apng"}  # endings, and codecs, that lose nothing
EXACT |= {"ffv1", "rawvideo", "huffyuv", "ffvhuff", "utvideo", "png", "apng", "qtrle", "magicyuv"}


@dataclass
class Footage:
    """Videos by name, each read when its turn comes.

    read(i, most) gives the frames, or at least the first `most`: an array (T, H, W, 3), uint8 or
    floats in [-1, 1], or a Film of its own. What is learnt on the way is kept by name: left_out
    (why it is not used), notes (what a film says of itself, and folders that were passed over),
    rates (frames a second, where they are stated) and original (width, height).
    """

    side: str  # "real", "generated" or "reconstructed"
    names: list[str]
    read: Callable[[int, int | None], Iterable[np.ndarray]]
    stored: str  # how the pixels were kept
    size: int | None = None  # clips are brought to it; None: as they are
    sources: list[str] = field(default_factory=list)  # the film each is from; none: the names
    split: str | None = None  # what of a prepared set counts
    exact: bool | None = None  # whether that loses nothing; None: not known
    others: Counter = field(default_factory=Counter)  # files that are no videos, by their endings
    left_out: dict[str, str] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    rates: dict[str, float] = field(default_factory=dict)
    original: dict[str, tuple[int, int]] = field(default_factory=dict)
    lowest: float = 0.0  # value of the floats that were looked at
    floats: bool = False  # whether any were

    def __post_init__(self):
        self.sources = self.sources or self.names

    @classmethod
    def of(cls, side: str, what, size: int | None = None, split: str | None = None) -> "Footage":
        """From a folder (video files, folders of images, .npy arrays, or a prepared cache), a
        VideoSet, or arrays. size: frames are cropped to a square and brought to it. split: the part
        of a prepared set that counts; other footage has none.
        """
        if isinstance(what, VideoSet):
            return _from_set(side, what, size, split)
        if isinstance(what, (str, Path)):
            return _from_folder(side, Path(what), size, split)
        try:
            arrays = what if isinstance(what, Sequence) else list(what)  # may be made when read
        except TypeError:
            raise InputError(
                f"the {side} videos are a folder, a VideoSet or arrays, not {type(what).__name__}"
            ) from None
        names = [f"video {i}" for i in range(len(arrays))]
        return cls(side, names, lambda i, _: np.asarray(arrays[i]), "arrays", size)

    def length(self, i: int) -> int:
        """Frames of a video; those of a film are counted. Raises as `frames` does."""
        found = self._found(i, None)
        if isinstance(found, np.ndarray):
            return len(found)
        found.counts = lambda t: False
        n = sum(1 for _ in found)
        self.notes[self.names[i]] = list(found.notes)
        return n

    def frames(
        self, i: int, most: int | None = None, counts: Callable[[int], bool] = lambda t: True
    ) -> Iterator[np.ndarray | None]:
        """The frames of a video, or its first `most`, one at a time: (H, W, 3) uint8 at `size`;
        None for those that do not count.

        All become uint8 here, so that files of both kinds may lie side by side. Raises Unreadable;
        InputError, which names the video, for another shape, dtype or range.
        """
        found, name = self._found(i, most), self.names[i]
        if not isinstance(found, np.ndarray):
            found.counts = counts
        # A film ends by itself at `most`, and then has its notes.
        for t, frame in enumerate(found[:most] if isinstance(found, np.ndarray) else found):
            self.original[name] = frame.shape[1], frame.shape[0]
            yield self._brought(name, frame) if counts(t) else None
        if not isinstance(found, np.ndarray):
            self.notes[name] = list(found.notes)
            if not found.path.is_dir():  # images state no rate
                self.rates[name] = found.fps

    def whole(self, i: int) -> np.ndarray | None:
        """One video (T, H, W, 3) uint8 at `size`; None, and a reason kept, where it cannot be read.
        InputError as of `frames`.
        """
        try:
            return np.stack(list(self.frames(i)))
        except Unreadable as error:
            self.left_out[self.names[i]] = str(error)
            return None

    def _found(self, i: int, most: int | None) -> Iterable[np.ndarray]:
        frames, name = self.read(i, most), f"{self.side} video {self.names[i]}"
        if isinstance(frames, np.ndarray):
            if frames.ndim != 4 or frames.shape[3] != 3:
                told = f"{frames.shape}{_advice(frames.shape)}"
                raise InputError(f"{name} must be (T, H, W, 3), not {told}")
            if frames.dtype != np.uint8 and not np.issubdtype(frames.dtype, np.floating):
                raise InputError(f"{name} holds {frames.dtype}, not uint8 or floats")
        return frames

    def _brought(self, name: str, frame: np.ndarray) -> np.ndarray:
        if frame.dtype != np.uint8:
            self.floats, self.lowest = True, min(self.lowest, float(np.min(frame)))
            try:
                frame = as_bytes(frame)
            except InputError as error:
                raise InputError(f"{self.side} video {name}: {error}") from None
        frame = np.ascontiguousarray(frame)
        if self.size is None or frame.shape[:2] == (self.size, self.size):
            return frame
        from rencgan.data.video import resize_crop

        return resize_crop(frame, self.size)


def _advice(shape: tuple[int, ...]) -> str:
    """What an array of another shape than (T, H, W, 3) may be, and what would be right."""
    t, *_, c = shape if len(shape) == 4 else (0, 0)
    cases = {
        "channels first? Give frames.transpose(0, 2, 3, 1)": len(shape) == 4 and shape[1] == 3,
        "channels first? Give frames.transpose(1, 2, 3, 0)": t == 3,
        "with transparency? Leave out the last channel": c == 4,
        "in grey? Give three channels": c == 1 or len(shape) == 3,
        "several videos? Give each a file of its own": len(shape) == 5,
    }
    return next((f": {text}" for text, true in cases.items() if true), "")


def _from_set(side: str, videos: VideoSet, size: int | None, split: str | None) -> Footage:
    videos = videos.select(split)
    names = sources = [v.name for v in videos.videos]
    row = datasets.DATASETS.get(videos.card.get("dataset", ""))
    if row is not None and row.by_subject:
        sources = [v.subject or v.name for v in videos.videos]
    read = videos.video
    found = Footage(side, names, lambda i, _: read(i), "prepared frames", size, sources, split)
    found.rates = {v.name: v.fps for v in videos.videos}
    return found


def _from_folder(side: str, folder: Path, size: int | None, split: str | None) -> Footage:
    if not folder.is_dir():
        raise InputError(f"the {side} videos: {folder} is not a folder")
    if (folder / "index.json").exists():
        return _from_set(side, VideoSet.open(folder), size, split)
    there = discover(folder)
    arrays = [p for _, files in files_below(folder) for p in files if p.suffix.lower() == ARRAY]
    twice = {p.with_suffix("") for p in arrays}  # of a video kept both ways the array counts
    found = sorted([*arrays, *(p for p in there.videos if p.with_suffix("") not in twice)])
    others = Counter({ending: n for ending, n in there.others.items() if ending != ARRAY})
    if not found:
        told = f"; it has files of {', '.join(map(str, others))}" if others else ""
        raise InputError(f"the {side} videos: there is none in {folder}{told}")
    names = [p.relative_to(folder).as_posix() for p in found]
    stored, exact = _stored(found)
    told = {"stored": stored, "exact": exact, "others": others, "size": size}
    told["left_out"] = {there.name(p): why for p, why in there.left_out.items()}
    told["notes"] = {there.name(p): [note] for p, note in there.notes.items()}
    return Footage(side, names, lambda i, most: _load(found[i], most), **told)


def _load(path: Path, most: int | None) -> Iterable[np.ndarray]:
    """The frames of a .npy, memory-mapped; those of a video file or of a folder of images, as a
    Film. Raises Unreadable.
    """
    if path.suffix.lower() != ARRAY or path.is_dir():
        from rencgan.data.video import Film

        return Film(path, most)
    try:
        frames = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        objects = "Python objects" in str(error)
        raise Unreadable("unreadable" + ": it holds Python objects" * objects) from None
    if frames.ndim != 4 or frames.shape[3] != 3:
        raise Unreadable(f"not (T, H, W, 3) but {frames.shape}{_advice(frames.shape)}")
    return frames


def _stored(found: list[Path]) -> tuple[str, bool]:
    """ "files (.mp4: h264, .npy), folders of .png": endings, with the codec of the first file of
    each; and whether all of them keep pixels as they are.
    """
    from rencgan.data.video import codec

    files, folders, kept = [], [], set()
    for ending, path in sorted({kind(p): p for p in reversed(found)}.items()):
        name = None if path.is_dir() or ending == ARRAY else codec(path)
        kept |= {name} if name else {part for part in ending.split() if part[0] == "."}
        (folders if path.is_dir() else files).append(f"{ending}: {name}" if name else ending)
    told = [f"files ({', '.join(files)})"] * bool(files) + folders
    return ", ".join(told), kept <= EXACT
