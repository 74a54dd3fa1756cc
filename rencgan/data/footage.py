"""One side of a comparison: a folder of videos, a prepared set or arrays, read one at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rencgan.core.errors import InputError
from rencgan.data import sets as datasets
from rencgan.data.found import discover, files_below
from rencgan.data.pixels import as_bytes
from rencgan.data.sets import Unreadable
from rencgan.data.videoset import VideoSet

ARRAY = ".npy"


@dataclass
class Footage:
    """Videos by name, each read when its turn comes.

    read(i, most) gives the frames, or at least the first `most`: (T, H, W, 3) uint8, or floats in
    [-1, 1]. left_out grows as videos turn out unreadable.
    """

    side: str  # "real", "generated" or "reconstructed"
    names: list[str]
    read: Callable[[int, int | None], np.ndarray]
    stored: str  # how the pixels were kept
    size: int | None = None  # clips are brought to it; None: as they are
    sources: list[str] = field(default_factory=list)  # the film each is from; none: the names
    split: str | None = None  # what of a prepared set counts
    left_out: dict[str, str] = field(default_factory=dict)
    lowest: float = 0.0  # value of the floats that were looked at
    floats: bool = False  # whether any were

    def __post_init__(self):
        self.sources = self.sources or self.names

    @classmethod
    def of(cls, side: str, what, size: int | None = None, split: str | None = None) -> "Footage":
        """From a folder (video files, folders of images, .npy arrays, or a prepared cache), a
        VideoSet, or arrays. size: clips are cropped to a square and brought to it. split: the part
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

    def usable(self, i: int, most: int | None = None) -> np.ndarray | None:
        """One video, its shape and type checked; None, and a reason kept, where it cannot be read.

        most: so many frames are enough. InputError for frames that are not (T, H, W, 3), uint8 or
        floats.
        """
        name = self.names[i]
        try:
            frames = self.read(i, most)
        except Unreadable as error:
            self.left_out[name] = str(error)
            return None
        if frames.ndim != 4 or frames.shape[3] != 3:
            raise InputError(f"{self.side} video {name} must be (T, H, W, 3), not {frames.shape}")
        if frames.dtype != np.uint8 and not np.issubdtype(frames.dtype, np.floating):
            raise InputError(f"{self.side} video {name} holds {frames.dtype}, not uint8 or floats")
        return frames

    def clip(self, i: int, frames: np.ndarray) -> np.ndarray:
        """A clip of video i as uint8, at `size`. InputError that names it for values out of range.

        All clips become uint8 here, so that files of both kinds may lie side by side.
        """
        if frames.dtype != np.uint8:
            self.floats, self.lowest = True, min(self.lowest, float(np.min(frames)))
            try:
                frames = as_bytes(frames)
            except InputError as error:
                raise InputError(f"{self.side} video {self.names[i]}: {error}") from None
        if self.size is None or frames.shape[1:3] == (self.size, self.size):
            return np.ascontiguousarray(frames)
        from rencgan.data.video import resize_crop

        return np.stack([resize_crop(np.ascontiguousarray(f), self.size) for f in frames])

    @property
    def warning(self) -> str | None:
        """What is odd about the values that were looked at."""
        if not self.floats or self.lowest < 0:
            return None
        return (
            f"the {self.side} videos are floats that never fall below 0; they are read as [-1, 1], "
            "so if they are [0, 1], give 2 x - 1"
        )


def _from_set(side: str, videos: VideoSet, size: int | None, split: str | None) -> Footage:
    videos = videos.select(split)
    names = sources = [v.name for v in videos.videos]
    row = datasets.DATASETS.get(videos.card.get("dataset", ""))
    if row is not None and row.by_subject:
        sources = [v.subject or v.name for v in videos.videos]
    read = videos.video
    return Footage(side, names, lambda i, _: read(i), "prepared frames", size, sources, split)


def _from_folder(side: str, folder: Path, size: int | None, split: str | None) -> Footage:
    if not folder.is_dir():
        raise InputError(f"the {side} videos: {folder} is not a folder")
    if (folder / "index.json").exists():
        return _from_set(side, VideoSet.open(folder), size, split)
    arrays = [p for _, files in files_below(folder) for p in files if p.suffix.lower() == ARRAY]
    lossless = {p.with_suffix("") for p in arrays}  # of a video kept both ways this one counts
    videos = [p for p in discover(folder).videos if p.with_suffix("") not in lossless]
    found = sorted([*videos, *arrays])
    if not found:
        raise InputError(f"the {side} videos: there is none in {folder}")
    names = [p.relative_to(folder).as_posix() for p in found]
    return Footage(side, names, lambda i, most: _load(found[i], most), _stored(found), size)


def _load(path: Path, most: int | None) -> np.ndarray:
    """The frames of a .npy, memory-mapped; the first ones of a video file or of a folder of images.
    Raises Unreadable.
    """
    if path.suffix.lower() != ARRAY:
        from rencgan.data.video import Film

        return np.stack(list(Film(path, most)))
    try:
        frames = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        raise Unreadable("unreadable") from None
    if frames.ndim != 4 or frames.shape[3] != 3:
        raise Unreadable(f"not (T, H, W, 3) but {frames.shape}")
    return frames


def _stored(found: list[Path]) -> str:
    """ "files (.mp4: h264, .npy)": suffixes, with the codec of the first file of each."""
    first = {path.suffix.lower() or "frame folder": path for path in reversed(found)}
    told = []
    for kind, path in sorted(first.items()):
        name = None
        if kind != ARRAY and path.is_file():
            from rencgan.data.video import codec

            name = codec(path)
        told.append(f"{kind}: {name}" if name else kind)
    return f"files ({', '.join(told)})"
