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

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import islice
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition
from av.video.frame import PictureType
from PIL import Image

from rencgan.data import pictures
from rencgan.data.checks import clusters
from rencgan.data.display import Display
from rencgan.data.sets import Unreadable, instead_of_it
from rencgan.data.stills import stills
from rencgan.data.times import Gaps, header_rate, rate

DEFAULT_FPS = 25.0  # of frame folders, and of files that state none
NO_VIDEO = "unreadable: not a video, or truncated"
COMPLETE = 0.9  # of the promised length; a film that ends before has lost its end
NO_FILM = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
NO_PROMISE = ("mpeg", "mpegts")  # containers whose length is guessed from what is there
CHECKED = "crccheck+bitstream+buffer+explode"  # what decoders look for; the first error ends
DEFAULT = Disposition.default
EARLY = "what is before its first sound key frame is damaged and was left out"
HELD = 16  # frames; no encoder makes more of type B in a row
PACKETS = 600  # so many tell the rate where the header cannot be believed


class Film:
    """A video file, an animated image, or a folder of frame images.

    Iterating yields its frames (H, W, 3) uint8 RGB, upright, one at a time and all of one size; at
    most max_frames. counts(t): whether frame t will be looked at; of a video file the others may be
    blank, which is quicker. notes: what was done to them, or is odd; complete once iterated. Raises
    Unreadable, when iterated or asked for fps or original.
    """

    def __init__(self, path: str | Path, max_frames: int | None = None) -> None:
        self.path, self.max_frames = Path(path), max_frames
        self.counts: Callable[[int], bool] = lambda t: True
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
        frames = self._frames()
        with closing(frames):  # what a film says at its end is said of its beginning too
            yield from self._of_one_size(islice(frames, self.max_frames))
        if self._shape is None:
            raise Unreadable("zero frames")

    def _of_one_size(self, frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        for n, frame in enumerate(frames):
            if self._shape is not None and frame.shape != self._shape:
                raise Unreadable(
                    f"frame size changes from {self._shape[1]}x{self._shape[0]} to "
                    f"{frame.shape[1]}x{frame.shape[0]} at frame {n}"
                )
            self._shape = frame.shape
            yield frame

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
        n, early, gaps, show, last = 0, 0, Gaps(), None, None
        with _open(self.path) as (container, stream), self._told(gaps):
            self._tell_of(container, stream)
            data = _Data(self.path, container, stream)
            for frame in _settled(data.frames()):
                if not n and (frame is None or early and not frame.key_frame):
                    early += 1  # what is built on a damaged frame is damaged too
                    continue
                if frame is None:
                    self._note(f"used up to frame {n}, which is damaged")
                    break
                if hole := gaps.hole(frame.time):
                    self._note(f"used up to frame {n}: {hole:.1f} s are missing there")
                    break
                if early and not n:
                    self._note(EARLY)
                last, show = frame, show or Display(stream, frame, self._note)
                yield show(frame) if self.counts(n) else show.blank(frame)
                n += 1
            else:
                if missing := data.missing(n, last, self.fps):
                    self._note(missing)
        if early and not n:
            raise Unreadable("damaged: none of its frames can be trusted")

    @contextmanager
    def _told(self, gaps: Gaps) -> Iterator[None]:
        """What the times of the frames tell becomes a note, also where not all are wanted."""
        try:
            yield
        finally:
            if odd := gaps.note():
                self._note(odd)

    def _tell_of(self, container, stream) -> None:
        """The rate, and the notes that can be made before a frame is read."""
        self._fps = header_rate(stream.average_rate, stream.guessed_rate)
        if self._fps is None:
            stated = float(stream.average_rate or stream.guessed_rate or 0)
            if stated and abs(self.fps / stated - 1) > 0.05:
                self._note(f"{self.fps:.4g} frames a second by their times; stated are {stated:g}")
        if len(films := _films(container)) > 1:
            self._note(f"picture track {films.index(stream) + 1} of {len(films)} is used")


class _Data:
    """The packets of a film: its frames, where they were promised to end, and where they do."""

    def __init__(self, path: Path, container, stream) -> None:
        self.container, self.stream = container, stream
        self.packets, self.reached = 0, 0.0  # of the film; s, by the packets of all streams
        matroska = container.format.name.startswith("matroska")
        self.clusters = clusters(path) if matroska else iter(())
        self.cluster = (0, False)  # its end, whether it is damaged

    def frames(self) -> Iterator:
        """The frames as they come, in the order in which they are shown; None for a damaged one."""
        self.stream.codec_context.options = {"err_detect": CHECKED}
        # Where the film has a length of its own, the other streams need not be looked at.
        for packet in self.container.demux(*[self.stream] if self.stream.duration else []):
            time = packet.dts if packet.pts is None else packet.pts
            if time is not None:
                end = float((time + (packet.duration or 0)) * packet.time_base)
                self.reached = max(self.reached, end)
            if packet.stream.index == self.stream.index:
                yield from self._decoded(packet)

    def _decoded(self, packet) -> Iterator:
        self.packets += packet.size > 0
        while packet.size and self.cluster[0] <= (packet.pos or 0):
            self.cluster = next(self.clusters, (float("inf"), False))
        if packet.size and self.cluster[1]:
            yield None
        else:
            try:
                for frame in packet.decode():
                    yield None if frame.is_corrupt else frame
            except av.InvalidDataError:  # what is left of the frame must not come with the next one
                self.stream.codec_context.flush_buffers()
                yield None

    def missing(self, n: int, last, fps: float) -> str | None:
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
        if there - start < COMPLETE * promised:
            return f"used up to frame {n}: {there - start:.1f} of about {promised:.1f} s are there"
        if self.packets < self.stream.frames:
            return f"its header counts {self.stream.frames} pictures, {self.packets} are there"
        return None


def _settled(frames: Iterator) -> Iterator:
    """Frames once what they were made of is known to be sound: those of type B are made of one that
    is shown after them.
    """
    held = []
    for frame in frames:
        if frame is None:
            held = []
        elif frame.pict_type == PictureType.B and len(held) < HELD:
            held.append(frame)
            continue
        yield from held
        held = []
        yield frame
    yield from held


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


def _films(container) -> list:
    """The streams of moving pictures: no cover pictures, no thumbnails."""
    return [s for s in container.streams.video if not s.disposition & NO_FILM]


def _main(container):
    """The stream that a player would show: the container's default one, then the largest."""
    films = _films(container)
    if not films:
        raise Unreadable("no video stream")
    if known := [s for s in films if s.codec_context is not None]:
        return min(known, key=lambda s: (not s.disposition & DEFAULT, -s.width * s.height, s.index))
    raise Unreadable("its codec is not known here")


def _rate(container, stream) -> float:
    """Frames a second by the header; by the times of the first frames where it is not plausible."""
    if known := header_rate(stream.average_rate, stream.guessed_rate):
        return known
    packets = islice(container.demux(stream), PACKETS)
    times = [float(p.pts * p.time_base) for p in packets if p.pts is not None]
    return rate(times) or float(stream.average_rate or stream.guessed_rate or DEFAULT_FPS)


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
