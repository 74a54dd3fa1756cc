"""The folder of a prepared data set while it grows: a kill costs the videos in work, no more.

It is called `<name>.building` until it is whole. frames.npy has the frames of the videos that are
done, and a journal one row for each: {"name", "frames", "fps", "original", "crc32", "reason"}, with
0 frames and a reason if it was left out. The checksum tells frames that reached the disk from those
that a power cut swallowed. One process at a time builds, another one waits for it.
"""

import io
import json
import os
import shutil
import zlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

import numpy as np

from rencgan.core.errors import InputError
from rencgan.core.files import ahead, alone, write_text, writing
from rencgan.data.videoset import FRAMES, Video, VideoSet, write_tables

JOURNAL = "journal.jsonl"
Tell = Callable[[int, int, str], None]  # progress(done, total, text)


def cached(
    final: Path,
    size: int,
    items: Sequence,
    decode: Callable[..., dict],
    tables: Callable[[list[dict]], tuple[list[Video], dict]],
    tell: Tell,
    workers: int = 1,
) -> VideoSet:
    """Opens the cache `final`; builds it first where it is not there, or damaged.

    decode(item, file) writes a video's frames (size, size, 3) and returns its row; tables(rows)
    makes the videos and the card of all rows. Raises InputError.
    """
    total = len(items)
    with suppress(InputError):
        found = VideoSet.open(final)
        tell(total, total, f"found prepared {final.name}")
        return found
    lock = final.with_name(f".{final.name}.lock")
    waiting = partial(tell, 0, total, "waiting for another run that prepares the same data")
    with writing(final), alone(lock, waiting):
        with suppress(InputError):  # another process was quicker
            return VideoSet.open(final)
        if final.exists():  # damaged: kept aside, not deleted
            aside = final.with_name(f"{final.name}.damaged")
            shutil.rmtree(aside, ignore_errors=True)
            os.replace(final, aside)
        building = final.with_name(f"{final.name}.building")
        with Building(building, size) as build:

            def decoded(item) -> tuple[dict, BinaryIO]:
                file = build.temporary()
                return decode(item, file), file

            for row, file in ahead(decoded, items[len(build.rows) :], workers, 2 * workers):
                build.append(row, file)
                reason = f" left out: {row['reason']}" if row["reason"] else ""
                tell(len(build.rows), total, f"{row['name']}{reason}")
        try:
            videos, card = tables(build.rows)
        except InputError:  # nothing of it can be used
            shutil.rmtree(building)
            raise
        build.finish(videos, card)
        os.replace(building, final)
    tell(total, total, f"prepared {final.name}")
    return VideoSet.open(final)


class Building:
    """The growing folder; `rows` are those of the journal."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder, self.shape = folder, (size, size, 3)
        self.rows: list[dict] = []

    def __enter__(self) -> "Building":
        self.folder.mkdir(exist_ok=True)
        shutil.rmtree(self.folder / "parts", ignore_errors=True)  # of earlier versions
        with ExitStack() as stack:
            self.frames = stack.enter_context(open(self.folder / FRAMES, "a+b"))
            self._resume()
            self.journal = stack.enter_context(open(self.folder / JOURNAL, "a", encoding="utf-8"))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error) -> None:
        self._stack.close()

    def _resume(self) -> None:
        """Keep the videos of the journal whose frames are all there; forget what follows them."""
        journal, head = self.folder / JOURNAL, _header(0, self.shape)
        lines = journal.read_bytes().splitlines() if journal.exists() else []
        self.frames.seek(0)
        good = len(head) if self.frames.read(len(head)) == head else 0
        for line in lines if good else ():
            try:
                row = json.loads(line)
                pixels = self.frames.read(row["frames"] * int(np.prod(self.shape)))
            except (ValueError, KeyError, TypeError):
                break
            if zlib.crc32(pixels) != row["crc32"]:
                break
            self.rows.append(row)
            good += len(pixels)
        self.frames.truncate(good)
        self.frames.write(b"" if good else head)
        write_text(journal, "".join(json.dumps(row) + "\n" for row in self.rows))

    def temporary(self) -> BinaryIO:
        """A file for the frames of a video in work; gone however the process ends."""
        return self._stack.enter_context(TemporaryFile(dir=self.folder))

    def append(self, row: dict, file: BinaryIO) -> None:
        """Take over the frames of a video, and note that it is done."""
        with file:
            if row["frames"]:
                file.seek(0)
                shutil.copyfileobj(file, self.frames, 1 << 20)
                self.frames.flush()
        self.journal.write(json.dumps(row) + "\n")
        self.journal.flush()
        self.rows.append(row)

    def finish(self, videos: Sequence[Video], card: dict) -> None:
        """Write the tables, and put the number of frames into the head of frames.npy."""
        shape = (sum(v.length for v in videos), *self.shape)
        write_tables(self.folder, videos, shape, card)
        with open(self.folder / FRAMES, "r+b") as f:
            f.write(_header(shape[0], self.shape))
            f.flush()
            os.fsync(f.fileno())
        (self.folder / JOURNAL).unlink()


def _header(n: int, shape: tuple[int, ...]) -> bytes:
    """The head of a .npy of n frames. numpy pads it, so that its length does not depend on n."""
    out = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": (n, *shape)}
    np.lib.format.write_array_header_1_0(out, header)
    return out.getvalue()
