"""Videos in, videos out: the only module that knows PyAV (FFmpeg) and picture files.

Frames are (H, W, 3) uint8 RGB. What cannot be read becomes `Unreadable`, with one short reason:

unreadable       not a video, or truncated so that nothing can be told, or it may not be opened
empty file       0 bytes
no video stream  sound only, or subtitles
zero frames      a video stream without a picture in it
truncated        the data ends, or is damaged, before the length that the container promises
frame size changes
                 refused: the crop would jump in mid-video, which a model would take for motion

The content decides, not the name: an AVI called .mp4 is read, a PNG called .mp4 is a video of one
frame. MPEG program streams promise no length, so a cut one is read up to the cut.
"""

import io
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageOps

from rencgan.core.errors import InputError
from rencgan.core.files import replaced
from rencgan.data.sets import Unreadable, is_image

DEFAULT_FPS = 25.0  # of frame folders, and of files that state none
NO_VIDEO = "unreadable: not a video, or truncated"
COMPLETE = 0.9  # a file with fewer of its promised frames than this counts as truncated
CODECS = {  # container, encoder, its options, the quality of a page
    "h264": ("mp4", "libx264", {"preset": "medium"}, {"crf": "23"}),
    "vp9": ("webm", "libvpx-vp9", {"deadline": "good", "cpu-used": "4", "b": "0"}, {"crf": "32"}),
    "webp": ("webp", "libwebp_anim", {}, {"quality": "75"}),
}


# ---- in ----------------------------------------------------------------------------------------


def frame_rate(path: str | Path) -> float:
    """Frames a second of a video file, or of a folder of frame images. Raises Unreadable."""
    if Path(path).is_dir():
        return DEFAULT_FPS
    with _open(Path(path)) as (_, stream):
        return _fps(stream)


def read_frames(path: str | Path, max_frames: int | None = None) -> Iterator[np.ndarray]:
    """Yield the frames (H, W, 3) uint8 RGB of a video file, or of a folder of images.

    Turned upright where the container says so; images come in natural order. All frames have the
    size of the first. Raises Unreadable, possibly after some frames: what was read before is then
    part of a damaged video.
    """
    path, shape = Path(path), None
    frames = _read_folder(path) if path.is_dir() else _read_file(path, max_frames)
    for n, frame in enumerate(frames):
        if n == max_frames:
            return
        if shape is not None and frame.shape != shape:
            raise Unreadable(
                f"frame size changes from {shape[1]}x{shape[0]} to "
                f"{frame.shape[1]}x{frame.shape[0]} at frame {n}"
            )
        shape = frame.shape
        yield frame
    if shape is None:
        raise Unreadable("zero frames")


def codec(path: Path) -> str | None:
    """The name of a video file's codec, such as "h264"; None where it cannot be told."""
    with suppress(Unreadable), _open(path) as (_, stream):
        return stream.codec_context.name
    return None


@contextmanager
def _open(path: Path) -> Iterator[tuple]:
    """The container and its first video stream; every way of failing becomes Unreadable."""
    try:
        if path.stat().st_size == 0:
            raise Unreadable("empty file")
        # "file:" and the white list: a name or a play list must not reach another file or the net.
        options = {"protocol_whitelist": "file"}
        with av.open(f"file:{path}", options=options, metadata_errors="replace") as container:
            if not len(container.streams):  # an MP4 that lost its end, where its table is
                raise Unreadable(NO_VIDEO)
            if not container.streams.video:
                raise Unreadable("no video stream")
            yield container, container.streams.video[0]
    except PermissionError:
        raise Unreadable("unreadable: permission denied") from None
    except FileNotFoundError:
        raise Unreadable("unreadable: no such file") from None
    except av.InvalidDataError:
        raise Unreadable(NO_VIDEO) from None
    except (av.FFmpegError, OSError, ValueError) as e:
        cause = getattr(e, "strerror", None) or type(e).__name__
        raise Unreadable(f"unreadable: {cause}") from None


def _read_file(path: Path, max_frames: int | None) -> Iterator[np.ndarray]:
    with _open(path) as (container, stream):
        n, end = 0, 0.0
        try:
            for frame in container.decode(stream):
                pixels = frame.to_ndarray(format="rgb24")
                turns = round((frame.rotation or 0) / 90) % 4  # counter-clockwise
                yield np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels
                n, end = n + 1, frame.time or 0.0
        except av.FFmpegError:
            if not n:
                raise
            raise Unreadable(f"truncated: damaged after {n} frames") from None
        promised = stream.frames or _frames_in_duration(container, stream, end)
        if n and n < COMPLETE * promised and max_frames is None:
            raise Unreadable(f"truncated: {n} of about {promised} frames")


def _frames_in_duration(container, stream, end: float) -> int:
    """Frames that the container's duration (s) promises; Matroska states no count.

    0 where it promises none, or the pictures end less than a second early: sound often runs longer.
    """
    start, duration = (container.start_time or 0) / 1e6, (container.duration or 0) / 1e6
    return round(duration * _fps(stream)) if duration - (end - start) > 1 else 0


def _fps(stream) -> float:
    rate = float(stream.average_rate or stream.guessed_rate or 0)
    return rate if 0 < rate <= 1000 else DEFAULT_FPS


def _read_folder(folder: Path) -> Iterator[np.ndarray]:
    """The images of a folder in natural order: frame_2 before frame_10."""

    def natural(path: Path) -> list:
        parts = re.split(r"(\d+)", path.name)
        return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts]

    for file in sorted(filter(is_image, folder.iterdir()), key=natural):
        try:
            with Image.open(file) as image:
                yield np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        except PermissionError:
            raise Unreadable(f"unreadable: permission denied on {file.name}") from None
        except (Image.DecompressionBombError, OSError, ValueError, SyntaxError):
            # A SyntaxError is what Pillow raises for a broken PNG.
            raise Unreadable(f"unreadable: the image {file.name} is damaged") from None


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


# ---- out ---------------------------------------------------------------------------------------


def write_mp4(
    path: str | Path,
    frames: Iterable[np.ndarray],
    fps: float,
    metadata: dict | None = None,
    scale: int = 1,
) -> None:
    """Write frames (T, H, W, 3) uint8 as H.264 (yuv420p, faststart), one at a time as they come.

    metadata: what made it (seed, checkpoint ...), kept as JSON in the container's comment. scale:
    whole-number enlargement, nearest pixel. An odd side gets its last row or column twice, since
    4:2:0 needs even ones. The path is replaced only once the file is complete. Lossy, also in
    colour: measure on arrays. Raises InputError.
    """
    with replaced(Path(path)) as part:
        _encode(str(part), frames, fps, "h264", {"crf": "18"}, scale, metadata)


def encode(frames: Iterable[np.ndarray], fps: float, codec: str = "h264") -> bytes:
    """Frames (T, H, W, 3) uint8 as bytes for a page: "h264" (mp4), "vp9" (webm) or "webp"."""
    if codec not in CODECS:
        raise InputError(f"there is no codec {codec!r}; use {', '.join(CODECS)}")
    buffer = io.BytesIO()
    _encode(buffer, frames, fps, codec, CODECS[codec][3])
    return buffer.getvalue()


def _encode(target, frames, fps, codec, quality, scale=1, metadata=None) -> None:
    """The one encoder loop. `target` is a file name or a buffer."""
    if not fps > 0 or scale < 1 or scale != int(scale):
        raise InputError(f"fps {fps} must be above 0 and scale {scale} a whole number from 1 up")
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise InputError("there is no frame to write; give at least one (H, W, 3) uint8")
    container, encoder, options, _ = CODECS[codec]
    muxing = {"loop": "0"} if codec == "webp" else {}
    if isinstance(target, str):  # faststart reopens the file by name, so not in memory
        muxing["movflags"] = "faststart"
    with av.open(target, "w", format=container, options=muxing) as out:
        if metadata:
            out.metadata["title"] = str(metadata.get("title", "rencgan"))
            out.metadata["comment"] = json.dumps(metadata, sort_keys=True, default=str)
        rate = Fraction(fps).limit_denominator(1001)
        stream = out.add_stream(encoder, rate=rate, options=options | quality)
        stream.pix_fmt = "yuv420p"
        stream.height, stream.width = _even(first, first.shape, scale).shape[:2]
        for frame in chain([first], frames):
            picture = av.VideoFrame.from_ndarray(_even(frame, first.shape, scale), format="rgb24")
            out.mux(stream.encode(picture))
        out.mux(stream.encode())


def _even(frame: np.ndarray, shape: tuple[int, ...], scale: int) -> np.ndarray:
    """The frame enlarged, with even sides."""
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or frame.shape != shape:
        raise InputError(
            f"frames to write are (H, W, 3) uint8 of one size, not {frame.shape} {frame.dtype}"
        )
    frame = frame.repeat(scale, 0).repeat(scale, 1)
    height, width = frame.shape[:2]
    return np.ascontiguousarray(np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), "edge"))
