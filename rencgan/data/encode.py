"""Videos out: files for players, bytes for pages (PyAV).

Frames are (H, W, 3) uint8 RGB.
"""

import io
import json
from collections.abc import Iterable
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np

from rencgan.core.errors import InputError
from rencgan.core.files import replaced

VP9 = {"deadline": "good", "cpu-used": "5", "b": "0", "crf": "32"}
CODECS = {  # container, encoder, its options
    "h264": ("mp4", "libx264", {"preset": "medium", "crf": "18"}),
    "vp9": ("webm", "libvpx-vp9", VP9),
    "webp": ("webp", "libwebp_anim", {"quality": "75"}),
}


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
        _encode(str(part), frames, fps, "h264", scale, metadata)


def encode(frames: Iterable[np.ndarray], fps: float, codec: str) -> bytes:
    """Frames (T, H, W, 3) uint8 as bytes for a page: "vp9" (webm) or "webp"; or "h264" (mp4)."""
    if codec not in CODECS:
        raise InputError(f"there is no codec {codec!r}; use {', '.join(CODECS)}")
    buffer = io.BytesIO()
    _encode(buffer, frames, fps, codec)
    return buffer.getvalue()


def _encode(target, frames, fps, codec, scale=1, metadata=None) -> None:
    """The one encoder loop. `target` is a file name or a buffer."""
    if not fps > 0 or scale < 1 or scale != int(scale):
        raise InputError(f"fps {fps} must be above 0 and scale {scale} a whole number from 1 up")
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise InputError("there is no frame to write; give at least one (H, W, 3) uint8")
    container, encoder, options = CODECS[codec]
    muxing = {"loop": "0"} if codec == "webp" else {}
    if isinstance(target, str):  # faststart reopens the file by name, so not in memory
        muxing["movflags"] = "faststart"
    with av.open(target, "w", format=container, options=muxing) as out:
        if metadata:
            out.metadata["title"] = str(metadata.get("title", "rencgan"))
            out.metadata["comment"] = json.dumps(metadata, sort_keys=True, default=str)
        rate = Fraction(fps).limit_denominator(1001)
        stream = out.add_stream(encoder, rate=rate, options=options)
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
