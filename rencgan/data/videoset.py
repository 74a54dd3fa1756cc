"""Prepared videos: one array of frames, a table of what lies where in it, and the card of the data.

frames   (N, H, W, 3) uint8   every frame of every video, end to end; memory-mapped from disk
video i  frames[start : start + length]

Only numpy and the standard library, so that a prepared folder opens where nothing else is
installed.
"""

import json
import mmap
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np

from rencgan.core.errors import InputError
from rencgan.core.files import write_text, writing

FORMAT = 1  # of the folder; part of every cache's key
FRAMES, INDEX, CARD = "frames.npy", "index.json", "card.json"
SPLITS = ("train", "test")


@dataclass(frozen=True)
class Video:
    """One video: who does what in it, on which side of the split, and where its frames lie."""

    name: str  # path below the data folder, with "/"
    label: str  # class
    subject: str  # person, or the source that it was cut from; "" if unknown
    split: str  # "train" or "test"
    start: int  # first row in VideoSet.frames
    length: int  # frames
    fps: float  # frames a second

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise InputError(f"the split of {self.name} is {self.split!r}; use 'train' or 'test'")
        if self.start < 0 or self.length < 1 or not self.fps > 0:
            raise InputError(f"{self.name} needs at least one frame and a positive frame rate")


@dataclass(frozen=True, eq=False)
class VideoSet:
    """Videos over one shared array of frames; selecting from it copies no frame.

    frames: (N, H, W, 3) uint8, H = W. `card` is the data card (see data.card); `path` is the
    folder it was opened from, None in memory.
    """

    frames: np.ndarray
    videos: tuple[Video, ...]
    card: dict = field(default_factory=dict)
    path: Path | None = None

    def __post_init__(self) -> None:
        shape = self.frames.shape
        if self.frames.dtype != np.uint8 or len(shape) != 4 or shape[3] != 3:
            raise InputError(
                f"frames are (N, H, W, 3) uint8, not {tuple(shape)} {self.frames.dtype}"
            )
        if shape[1] != shape[2]:
            raise InputError(f"frames are square, not {shape[1]} by {shape[2]}; crop them first")
        for v in self.videos:
            if v.start + v.length > len(self.frames):
                raise InputError(f"{v.name} reaches beyond the {len(self.frames)} frames there are")

    def __len__(self) -> int:
        return len(self.videos)

    @property
    def size(self) -> int:
        """H = W, pixels."""
        return self.frames.shape[1]

    def video(self, i: int) -> np.ndarray:
        """Frames of video i: (T, H, W, 3) uint8, a view."""
        v = self.videos[i]
        return self.frames[v.start : v.start + v.length]

    def let_go(self) -> None:
        """Takes the frames that were read out of this process's memory; the system keeps them in
        its cache while it has room. Nothing happens to frames in memory.
        """
        below = self.frames.base
        if isinstance(below, mmap.mmap) and getattr(self.frames, "mode", "") == "r":
            below.madvise(mmap.MADV_DONTNEED)

    def select(self, split: str | None = None, min_frames: int = 0) -> "VideoSet":
        """The videos of one split, of at least `min_frames`; the frames are shared.

        Raises InputError if the split does not exist, or if nothing is left.
        """
        if split not in (None, *SPLITS):
            raise InputError(f"there is no split {split!r}; use 'train' or 'test'")
        kept = [v for v in self.videos if split in (None, v.split) and v.length >= min_frames]
        if not kept:
            asked = [f"split {split!r}"] * (split is not None)
            asked += [f"at least {min_frames} frames"] * (min_frames > 0)
            two = split == "test" and not any(v.split == "test" for v in self.videos)
            raise InputError(
                f"none of the {len(self)} videos has {', '.join(asked) or 'frames'}"
                + "; give at least two videos: one is held out" * two
            )
        return replace(self, videos=tuple(kept))

    def every(self, step: int) -> "VideoSet":
        """The same videos with one frame of every `step`, from the first on: of a prepared folder
        in an unnamed file beside it, which lasts as long as the set; else in memory.
        """
        if step < 1:
            raise InputError(f"one frame of every 1 or more is kept, not of every {step}")
        kept = (self.video(i)[::step] for i in range(len(self)))
        videos, start = [], 0
        for v in self.videos:
            n = -(-v.length // step)
            videos.append(replace(v, start=start, length=n, fps=v.fps / step))
            start += n
        if not self.path:
            return VideoSet(np.concatenate(list(kept)), tuple(videos), self.card)
        with writing(self.path.parent), TemporaryFile(dir=self.path.parent) as file:
            file.writelines(map(np.ascontiguousarray, kept))
            file.flush()
            frames = np.memmap(file, np.uint8, "r", shape=(start, *self.frames.shape[1:]))
        return VideoSet(frames, tuple(videos), self.card)

    @classmethod
    def open(cls, path: str | Path) -> "VideoSet":
        """Open a prepared folder; its frames stay on disk until they are used.

        Raises InputError for a folder that is missing, half-written, truncated or something else.
        """
        path = Path(path)
        if not path.is_dir():
            raise InputError(
                f"there is no folder {path}; prepare the data first (rencgan.data.prepare)"
            )
        index, card = _read_json(path / INDEX), _read_json(path / CARD)
        if index.get("format") != FORMAT:
            said = f"it is of format {index.get('format')}, this version reads {FORMAT}"
            raise _unread(path, said)
        try:
            frames = np.load(path / FRAMES, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError):
            raise _unread(path / FRAMES, "it is missing or truncated") from None
        if list(frames.shape) != index.get("shape"):
            said = f"it holds {list(frames.shape)}, its index says {index.get('shape')}"
            raise _unread(path / FRAMES, said)
        known = [f.name for f in fields(Video)]
        try:
            videos = tuple(Video(**{k: row[k] for k in known}) for row in index["videos"])
        except (KeyError, TypeError) as e:
            raise _unread(path / INDEX, f"it is damaged ({e})") from None
        return cls(frames, videos, card, path)

    @classmethod
    def from_arrays(
        cls,
        arrays: Sequence[np.ndarray],
        names: Sequence[str] | None = None,
        labels: Sequence[str] | None = None,
        splits: Sequence[str] | None = None,
        fps: float = 25.0,
        subjects: Sequence[str] | None = None,
        card: dict | None = None,
    ) -> "VideoSet":
        """A set in memory from arrays (T, H, W, 3) uint8 that share H = W; T may differ.

        Without labels every video is of class "video"; without splits all are for training.
        """
        arrays = [np.asarray(a) for a in arrays]
        if len({a.shape[1:] for a in arrays}) != 1:
            raise InputError("from_arrays needs arrays (T, H, W, 3) uint8, all of one size")
        n = len(arrays)
        columns = {
            "name": names or [f"video_{i:04d}" for i in range(n)],
            "label": labels or ["video"] * n,
            "subject": subjects or [""] * n,
            "split": splits or ["train"] * n,
        }
        for key, column in columns.items():
            if len(column) != n:
                raise InputError(f"there are {len(column)} {key}s for {n} arrays; give one each")
        videos, start = [], 0
        for i, a in enumerate(arrays):
            said = {key: column[i] for key, column in columns.items()}
            videos.append(Video(**said, start=start, length=len(a), fps=fps))
            start += len(a)
        return cls(np.concatenate(arrays), tuple(videos), card or {})


def write_tables(folder: Path, videos: Sequence[Video], shape: tuple[int, ...], card: dict) -> None:
    """Write index.json and card.json beside a frames.npy of `shape`: what `open` needs."""
    index = {"format": FORMAT, "shape": list(shape), "videos": [asdict(v) for v in videos]}
    for name, content in ((INDEX, index), (CARD, card)):
        text = json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True)
        write_text(folder / name, text + "\n")


def _read_json(path: Path) -> dict:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        said = f"there is no {path.name}: it is no prepared folder, or was interrupted"
        raise _unread(path.parent, said) from None
    except (OSError, ValueError, TypeError) as e:
        raise _unread(path, str(e)) from None


def _unread(path: Path, reason: str) -> InputError:
    return InputError(f"{path} cannot be read: {reason}; prepare the data again")
