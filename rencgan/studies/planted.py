"""What it takes to find copied clips among many training clips: the table of notebook 03, for a set
that is drawn and in which copies are planted.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rencgan.core.errors import InputError
from rencgan.data.hops import CLIP, spaced
from rencgan.data.pixels import UNIT
from rencgan.data.procedural import catalogue, longer
from rencgan.data.videoset import FRAMES, Video, VideoSet, write_tables
from rencgan.evaluate import nearest
from rencgan.evaluate.cost import meters, seconds
from rencgan.evaluate.extractors import find
from rencgan.evaluate.nearest import Clips, Nearest
from rencgan.studies import copies

SIZE, LENGTH = 64, 240  # pixels and frames of the training videos; 29 clips each
MADE, MADE_FRAMES = 16, 480  # videos a side, as long as notebook 03 makes them: 8 clips each
PLANTED = 20
WHAT = "memorisation table"
SIZES, QUICK = ((2000, MADE), (20_000, MADE)), ((58, 2),)  # training clips, videos a side
CHECKED = 2000  # training clips up to which the search is compared with an exhaustive one
SETS = ("sky", "taichi")
PER_VIDEO = (LENGTH - CLIP) // copies.APART + 1
VARIANTS = 8  # of a drawn video: mirrored, upside down, backwards


def told(clips: int, videos: int = MADE) -> Iterator[tuple]:
    """Rows for the benchmark of `memorise`: what, preset, how, unit, raw numbers, a note."""
    found = memorise(clips, videos)
    how = f"{found.clips:,} training clips, {SIZE}x{SIZE}, {found.asked} clips asked for"
    note = f"{found.found} of {found.planted} planted copies found; features of {found.compared:,}"
    note += f"; {found.processor:.0f} s of processor time"
    if found.exhaustive is not None:
        note += f"; nearest as in an exhaustive search: {'yes' if found.exhaustive else 'no'}"
    yield WHAT, "any", how, "s", [found.seconds], note
    for name, peak in found.peaks.items():
        yield f"peak memory of {WHAT}", "any", how, "MB", [peak], f"{name}, over the start"


class Found(NamedTuple):
    """What the table took and found; peaks in 10^6 bytes over the start, by kind of memory."""

    clips: int
    asked: int  # generated and held-out clips
    compared: int  # training clips in features
    seconds: float
    processor: float  # seconds of all its cores: what a busy machine does not change
    peaks: dict[str, float]
    found: int  # of the planted copies
    planted: int
    exhaustive: bool | None  # whether the nearest are those of an exhaustive search, where tried


def memorise(clips: int, videos: int = MADE) -> Found:
    """The table of `clips` training clips for so many videos a side. Resident memory counts mapped
    frames while they are in use. 20,000 clips take 2 GB on the disk, until they are deleted. Call
    it in a fresh process.
    """
    if clips < 2 * PER_VIDEO:
        raise InputError(f"copies are planted among at least {2 * PER_VIDEO} clips, not {clips}")
    made, held_out = [_soft(v) for v in _unseen(0, videos)], _unseen(videos, videos)
    asked = Clips(made, copies.APART_MADE)
    chosen = spaced(len(asked), PLANTED)
    with tempfile.TemporaryDirectory() as folder:
        training, places = _write(Path(folder), clips, [asked[i] for i in chosen])
        extractor, rows = find("compact"), []
        extractor(np.stack([asked[0], asked[1]]))  # a first run also sets up libraries
        before = {name: (level(), peak) for name, (level, peak) in meters().items()}

        def work() -> None:
            rows.extend(copies.memorisation(made, held_out, training, {"compact": extractor}))

        began = time.process_time()
        took = seconds(work)
        processor = time.process_time() - began
        peaks = {name: (peak() - level) / 1e6 for name, (level, peak) in before.items()}
        source = Clips([training.video(i) for i in range(len(training))], copies.APART)
        near = nearest.in_pixels(asked, source, lambda done: training.let_go())
        there = (near.index[chosen] == places) & (near.distance[chosen] == 0)
        exhaustive = _as_exhaustive(asked, source, near) if clips <= CHECKED else None
        count = len(asked) + len(Clips(held_out, copies.APART_MADE))
        of = rows[0]["of, features"]
        return Found(
            len(source),
            count,
            of,
            took,
            processor,
            peaks,
            int(there.sum()),
            len(chosen),
            exhaustive,
        )


def _unseen(first: int, count: int) -> list[np.ndarray]:
    """Stand-ins of another seed than those that training videos are drawn from."""
    found = catalogue("sky", 1, first + count)[first:]
    return [longer(v, MADE_FRAMES).frames(SIZE) for v in found]


def _soft(video: np.ndarray) -> np.ndarray:
    """As a generator makes it: without the finest detail."""
    x = video.astype(np.uint16)
    return ((x + np.roll(x, 1, 1) + np.roll(x, 1, 2) + np.roll(x, (1, 1), (1, 2))) // 4).astype(
        "u1"
    )


def _write(folder: Path, clips: int, planted: list[np.ndarray]) -> tuple[VideoSet, list[int]]:
    """A prepared set of about so many training clips, video by video, and which of them are the
    planted ones.
    """
    count = -(-clips // PER_VIDEO)
    shape, videos = (count * LENGTH, SIZE, SIZE, 3), []
    frames = np.lib.format.open_memmap(folder / FRAMES, "w+", np.uint8, shape)
    hosts = spaced(count * PER_VIDEO, len(planted))
    for i in range(count):
        if i % VARIANTS == 0:
            drawn = _drawn(i // VARIANTS)
        flips = [slice(None, None, -1 if i >> bit & 1 else 1) for bit in range(3)]
        frames[i * LENGTH : (i + 1) * LENGTH] = drawn[tuple(flips)]
        videos.append(Video(f"video {i}", "", "", "train", i * LENGTH, LENGTH, 25.0))
    for clip, at in zip(planted, hosts, strict=True):
        video, place = divmod(at, PER_VIDEO)
        first = video * LENGTH + place * copies.APART
        frames[first : first + CLIP] = clip
    frames.flush()
    del frames
    write_tables(folder, videos, shape, {})
    return VideoSet.open(folder), hosts


def _drawn(i: int) -> np.ndarray:
    round_, kind = divmod(i, len(SETS))
    (video,) = catalogue(SETS[kind], 0, round_ + 1)[round_:]
    return longer(video, LENGTH).frames(SIZE)


def _as_exhaustive(asked: Clips, source: Clips, near: Nearest) -> bool:
    """Whether every difference of all pixels gives the same."""
    best, index = np.full(len(asked), np.inf), np.zeros(len(asked), int)
    wide = [clip.astype(np.int16) for clip in asked]
    for i, clip in enumerate(source):
        for q, other in enumerate(wide):
            apart = np.abs(other - clip).mean() / UNIT
            if apart < best[q]:
                best[q], index[q] = apart, i
    return bool((index == near.index).all() and (best == near.distance).all())
