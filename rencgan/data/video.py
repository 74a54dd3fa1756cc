"""Videos in: one place decides what the frames of a film are. The reader knows PyAV (FFmpeg).

Frames are (H, W, 3) uint8 RGB. What cannot be read becomes `Unreadable`, with one short reason:

unreadable       not a video, or truncated so that nothing can be told, or it may not be opened
empty file       0 bytes
no video stream  sound only, subtitles, or a cover picture
zero frames      a video stream without a picture in it
frame size changes
                 refused: the crop would jump in mid-video, which a model would take for motion

A film that is damaged, or lacks a part, is used up to there, and says so in its notes. The content
decides, not the name: an AVI called .mp4 is read, a PNG called .mp4 is a video of one frame.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition
from PIL import Image

from rencgan.data import pictures
from rencgan.data.sets import Unreadable, instead_of_it
from rencgan.data.stills import stills
from rencgan.data.times import Gaps, header_rate, rate

DEFAULT_FPS = 25.0  # of frame folders, and of files that state none
NO_VIDEO = "unreadable: not a video, or truncated"
COMPLETE = 0.9  # of the promised length; a film that ends before has lost its end
NO_FILM = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
NO_PROMISE = ("mpeg", "mpegts")  # containers whose length is guessed from what is there
PACKETS = 600  # so many tell the rate where the header cannot be believed


class Film:
    """A video file, an animated image, or a folder of frame images.

    Iterating yields its frames (H, W, 3) uint8 RGB, upright, one at a time and all of one size; at
    most max_frames. notes: what was done to them, or is odd; complete once iterated. Raises
    Unreadable, when iterated or asked for fps or original.
    """

    def __init__(self, path: str | Path, max_frames: int | None = None) -> None:
        self.path, self.max_frames = Path(path), max_frames
        self.notes: list[str] = []
        self._fps: float | None = None
        self._shape: tuple | None = None

    @property
    def fps(self) -> float:
        """Frames a second, by the header; by the frames' times where that is not plausible."""
        if self._fps is None:
            if self.path.is_dir():
                self._fps = stills(self.path).fps or DEFAULT_FPS
            elif self._animated:
                seconds = [s for _, s in pictures.animation_frames(self.path, lambda _: None)]
                self._fps = len(seconds) / sum(seconds)
            else:
                with _open(self.path) as (container, stream):
                    self._fps = _rate(container, stream)
        return self._fps

    @property
    def original(self) -> tuple[int, int]:
        """(width, height) as displayed."""
        if self._shape is None:
            self._shape = next(iter(Film(self.path, 1))).shape
        return self._shape[1], self._shape[0]

    def __iter__(self) -> Iterator[np.ndarray]:
        self.notes.clear()
        self._shape = None
        for n, frame in enumerate(self._frames()):
            if n == self.max_frames:
                return
            if self._shape is not None and frame.shape != self._shape:
                raise Unreadable(
                    f"frame size changes from {self._shape[1]}x{self._shape[0]} to "
                    f"{frame.shape[1]}x{frame.shape[0]} at frame {n}"
                )
            self._shape = frame.shape
            yield frame
        if self._shape is None:
            raise Unreadable("zero frames")

    def _frames(self) -> Iterator[np.ndarray]:
        if self.path.is_dir():
            return pictures.folder_frames(self.path, self._note)
        if self._animated:
            return (f for f, _ in pictures.animation_frames(self.path, self._note))
        return self._film()

    @property
    def _animated(self) -> bool:
        with suppress(OSError):  # it is told when the film is opened
            return pictures.is_animated(self.path)
        return False

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def _film(self) -> Iterator[np.ndarray]:
        n, early, gaps, frame = 0, 0, Gaps(), None
        with _open(self.path) as (container, stream):
            self._tell_rate(stream)
            ends = _Ends(container, stream)
            try:
                for decoded in ends.decoded():
                    whole = not decoded.is_corrupt and (n or not early or decoded.key_frame)
                    if not whole and not n:  # what is built on a damaged frame is damaged too
                        early += 1
                        continue
                    if not whole:
                        self._note(f"used up to frame {n}, which is damaged")
                        break
                    if hole := gaps.hole(decoded.time):
                        self._note(f"used up to frame {n}: {hole:.1f} s are missing there")
                        break
                    frame = decoded
                    yield _upright(frame)
                    n += 1
                else:
                    if missing := ends.missing(frame, self.fps):
                        self._note(f"used up to frame {n}: {missing}")
            except av.FFmpegError:
                if not n:
                    raise
                self._note(f"used up to frame {n}, which is damaged")
        if early and not n:
            raise Unreadable(f"damaged: none of its {early} frames can be trusted")
        if early:
            self._note(f"the first {early} frames are damaged and were left out")
        if odd := gaps.note():
            self._note(odd)

    def _tell_rate(self, stream) -> None:
        self._fps = header_rate(stream.average_rate, stream.guessed_rate)
        if self._fps is None:
            stated = float(stream.average_rate or stream.guessed_rate or 0)
            if stated and abs(self.fps / stated - 1) > 0.05:
                self._note(f"{self.fps:.4g} frames a second by their times; stated are {stated:g}")


class _Ends:
    """Where a film was promised to end, and where its data do."""

    def __init__(self, container, stream) -> None:
        self.container, self.stream = container, stream
        self.reached = 0.0  # s, by the packets of all streams

    def decoded(self) -> Iterator:
        """The frames as they come, in the order in which they are shown."""
        for packet in self.container.demux():
            time = packet.dts if packet.pts is None else packet.pts
            if time is not None:
                end = float((time + (packet.duration or 0)) * packet.time_base)
                self.reached = max(self.reached, end)
            if packet.stream.index == self.stream.index:
                yield from packet.decode()

    def missing(self, last, fps: float) -> str | None:
        """What the film's own length promises more than there is, after the last frame. Where only
        the whole file has a length, sound that is longer is no promise of pictures.
        """
        if last is None or last.time is None or self.container.format.name in NO_PROMISE:
            return None
        start = float((self.stream.start_time or 0) * self.stream.time_base)
        held = float(last.duration * last.time_base) if last.duration else 1 / fps
        if self.stream.duration:
            there, promised = last.time + held, float(self.stream.duration * self.stream.time_base)
        else:
            there, promised = max(self.reached, last.time + held), self.container.duration or 0
            start, promised = (self.container.start_time or 0) / 1e6, promised / 1e6
        if there - start >= COMPLETE * promised:
            return None
        return f"{there - start:.1f} of about {promised:.1f} s are there"


def codec(path: Path) -> str | None:
    """The name of a video file's codec, such as "h264"; None where it cannot be told."""
    with suppress(Unreadable), _open(path) as (_, stream):
        return stream.codec_context.name
    return None


@contextmanager
def _open(path: Path) -> Iterator[tuple]:
    """The container and its stream of pictures; every way of failing becomes Unreadable."""
    try:
        if path.stat().st_size == 0:
            raise Unreadable("empty file")
        # "file:" and the white list: a name or a play list must not reach another file or the net.
        options = {"protocol_whitelist": "file"}
        with av.open(f"file:{path}", options=options, metadata_errors="replace") as container:
            if not len(container.streams):  # an MP4 that lost its end, where its table is
                raise Unreadable(NO_VIDEO)
            yield container, _main(container)
    except PermissionError:
        raise Unreadable("unreadable: permission denied") from None
    except FileNotFoundError:
        raise Unreadable("unreadable: no such file") from None
    except MemoryError:
        raise Unreadable("there is not enough memory to read it") from None
    except av.InvalidDataError:
        told = instead_of_it(path)
        raise Unreadable(f"unreadable: {told}" if told else NO_VIDEO) from None
    except (av.FFmpegError, OSError, ValueError) as e:
        cause = getattr(e, "strerror", None) or type(e).__name__
        raise Unreadable(f"unreadable: {cause}") from None


def _main(container):
    """The stream that a player would show: no cover picture; the default one, the largest."""
    films = [s for s in container.streams.video if not s.disposition & NO_FILM]
    if not films:
        raise Unreadable("no video stream")
    return min(
        films, key=lambda s: (not s.disposition & Disposition.default, -s.width * s.height, s.index)
    )


def _rate(container, stream) -> float:
    """Frames a second by the header; by the times of the first frames where it is not plausible."""
    if known := header_rate(stream.average_rate, stream.guessed_rate):
        return known
    packets = islice(container.demux(stream), PACKETS)
    times = [float(p.pts * p.time_base) for p in packets if p.pts is not None]
    return rate(times) or float(stream.average_rate or stream.guessed_rate or DEFAULT_FPS)


def _upright(frame) -> np.ndarray:
    pixels = frame.to_ndarray(format="rgb24")
    turns = round((frame.rotation or 0) / 90) % 4  # counter-clockwise
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


def resize_crop(frame: np.ndarray, size: int, margin: int = 0) -> np.ndarray:
    """(H, W, 3) uint8 to (size, size, 3): `margin` px off every edge, then the centred square.

    The shorter side becomes `size`, the aspect is kept; area-averaged when it shrinks (no
    aliasing, the same pixels on every machine), bilinear when it grows. Raises Unreadable if no
    pixel is left.
    """
    height, width = (n - 2 * margin for n in frame.shape[:2])
    side = min(height, width)
    if side < 1:
        raise Unreadable(
            f"{frame.shape[1]}x{frame.shape[0]} is nothing without {margin} px off every edge"
        )
    left, top = margin + (width - side) / 2, margin + (height - side) / 2
    method = Image.Resampling.BOX if side >= size else Image.Resampling.BILINEAR
    box = (left, top, left + side, top + side)
    return np.asarray(Image.fromarray(frame).resize((size, size), method, box=box))
