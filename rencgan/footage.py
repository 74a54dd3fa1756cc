"""One side of a comparison: a folder of videos, a prepared set or arrays, read one at a time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rencgan import datasets
from rencgan.errors import InputError
from rencgan.videoset import VideoSet


@dataclass
class Footage:
    """Videos by name, each read when its turn comes.

    read(i) gives (T, H, W, 3) uint8, or floats in [-1, 1]. sources: the film that each is from, or
    its own name. stored: how the pixels were kept. left_out grows as videos turn out unreadable.
    """

    side: str  # "real", "generated" or "reconstructed"
    names: list[str]
    read: Callable[[int], np.ndarray]
    stored: str
    size: int | None = None  # clips are brought to it; None: as they are
    sources: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        self.sources = self.sources or self.names

    @classmethod
    def of(cls, side: str, what, size: int | None = None, split: str | None = None) -> "Footage":
        """From a folder (video files, folders of images, .npy arrays, or a prepared cache), a
        VideoSet, or arrays. size: clips are cropped to a square and brought to it. split: the part
        of a prepared set that counts; other footage has none.
        """
        if isinstance(what, VideoSet):
            return _from_set(side, what.select(split), size)
        if isinstance(what, (str, Path)):
            return _from_folder(side, Path(what), size, split)
        arrays = list(what)
        names = [f"video {i}" for i in range(len(arrays))]
        return cls(side, names, lambda i: np.asarray(arrays[i]), "arrays", size)

    def usable(self, i: int) -> np.ndarray | None:
        """One video, its shape and type checked; None, and a reason kept, where it cannot be read.

        InputError for frames that are not (T, H, W, 3), uint8 or floats.
        """
        name = self.names[i]
        try:
            frames = self.read(i)
        except Unusable as error:
            self.left_out[name] = str(error)
            return None
        if frames.ndim != 4 or frames.shape[3] != 3:
            raise InputError(f"{self.side} video {name} must be (T, H, W, 3), not {frames.shape}")
        if frames.dtype != np.uint8 and not np.issubdtype(frames.dtype, np.floating):
            raise InputError(f"{self.side} video {name} holds {frames.dtype}, not uint8 or floats")
        return frames

    def sized(self, clip: np.ndarray) -> np.ndarray:
        """A clip of one of the videos at `size`."""
        if self.size is None or clip.shape[1:3] == (self.size, self.size):
            return np.ascontiguousarray(clip)
        from rencgan.video import resize_crop

        if clip.dtype != np.uint8:
            raise InputError("only uint8 videos are brought to another size; give floats at theirs")
        return np.stack([resize_crop(np.ascontiguousarray(f), self.size) for f in clip])


class Unusable(Exception):
    """A file that cannot be read; the message is the reason, in a few words."""


def _load(path: Path) -> np.ndarray:
    """The frames of a video file, of a folder of images or of a .npy. Raises Unusable."""
    if path.suffix == ".npy":
        try:
            return np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            raise Unusable("unreadable") from None
    from rencgan.video import Unreadable, read_frames

    try:
        return np.stack(list(read_frames(path)))
    except Unreadable as error:
        raise Unusable(error.reason) from None


def _from_set(side: str, videos: VideoSet, size: int | None) -> Footage:
    names = [v.name for v in videos.videos]
    row = datasets.DATASETS.get(videos.card.get("dataset", ""))
    sources = names
    if row is not None and row.by_subject:
        sources = [v.subject or v.name for v in videos.videos]
    return Footage(side, names, videos.video, "prepared frames", size, sources)


def _from_folder(side: str, folder: Path, size: int | None, split: str | None) -> Footage:
    if not folder.is_dir():
        raise InputError(f"the {side} videos: {folder} is not a folder")
    if (folder / "index.json").exists():
        return _from_set(side, VideoSet.open(folder).select(split), size)
    videos, _ = datasets.discover(folder)
    found = sorted([*videos, *folder.rglob("*.npy")])
    if not found:
        raise InputError(f"the {side} videos: there is none in {folder}")

    kinds = sorted({p.suffix.lower() or "frame folder" for p in found})
    names = [p.relative_to(folder).as_posix() for p in found]
    return Footage(side, names, lambda i: _load(found[i]), f"files ({', '.join(kinds)})", size)
