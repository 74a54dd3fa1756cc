"""Frames side by side as pixels: strips, contact sheets, and the grid of tiles that a player shows.

Pictures tell the truth: one fixed range [-1, 1] for every picture, pixels enlarged by repetition
(nearest neighbour), seams marked.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from rencgan.core.errors import InputError
from rencgan.data.pixels import as_frames

Video = Any  # uint8 array (T, H, W, 3), or float tensor or array (3, T, H, W) in [-1, 1]
GAP, BAND, LINE = 16, 24, 8  # pixels: between tiles, a title, a time line. Multiples of 8, so that
# enlarged pixels lie on the codecs' blocks: half the bytes of an odd place.
INK, PAPER, SEAM, REST = (34, 34, 34), (255, 255, 255), (222, 92, 20), (205, 205, 205)


def pixels(video: Video) -> np.ndarray:
    """A video as (T, H, W, 3) uint8. Floats are read as [-1, 1], whatever their own extremes are.

    Raises InputError for any other shape or type.
    """
    video = np.asarray(video.detach().cpu() if isinstance(video, torch.Tensor) else video)
    if video.ndim == 4 and len(video) and video.dtype == np.uint8 and video.shape[3] == 3:
        return video
    if video.ndim == 4 and video.dtype.kind == "f" and video.shape[0] == 3 and video.shape[1]:
        if not np.isfinite(video).all():
            raise InputError("A video to show holds values that are not finite numbers.")
        return as_frames(torch.from_numpy(video.astype(np.float32)))
    raise InputError(
        f"A video to show has shape {tuple(video.shape)} and type {video.dtype}; it should be "
        "(T, H, W, 3) of uint8 or (3, T, H, W) of floats in [-1, 1], with at least one frame."
    )


def enlarge(frames: np.ndarray, scale: int) -> np.ndarray:
    """Every pixel of (..., H, W, 3) as `scale` x `scale` equal ones."""
    return frames.repeat(scale, axis=-3).repeat(scale, axis=-2)


def reduced(frame: np.ndarray, by: int) -> np.ndarray:
    """A frame (H, W, 3) averaged down by a whole number."""
    return np.asarray(Image.fromarray(frame).reduce(by)) if by > 1 else frame


def scale_for(clips: Sequence[np.ndarray], wanted: int) -> int:
    """The whole number that brings the widest clip nearest to `wanted` screen pixels."""
    return max(1, round(wanted / max(clip.shape[2] for clip in clips)))


def titles_for(titles: Sequence[str] | None, count: int) -> list[str]:
    """A title for each of `count` videos; InputError where there are as many of neither."""
    if not count:
        raise InputError("There is no video to show: the list is empty.")
    titles = list(titles) if titles is not None else [""] * count
    if len(titles) != count:
        raise InputError(f"{count} videos were given {len(titles)} titles; each needs one.")
    return titles


def contact_sheet(
    videos: Sequence[Video], titles: Sequence[str] | None = None, columns: int = 8
) -> np.ndarray:
    """One row per video, `columns` frames from its first to its last: (H, W, 3) uint8. Tiles come
    out about 96 wide; larger frames are averaged down by a whole number.
    """
    rows = []
    for video, title in zip(videos, titles_for(titles, len(videos)), strict=True):
        clip = pixels(video)
        picked = np.linspace(0, len(clip) - 1, min(columns, len(clip))).round().astype(int)
        rows.append(strip(clip, picked.tolist(), title=title))
    wide = max(row.shape[1] for row in rows)
    margins = [((0, 6), (0, wide - row.shape[1]), (0, 0)) for row in rows]
    padded = [np.pad(r, m, constant_values=255) for r, m in zip(rows, margins, strict=True)]
    return np.vstack(padded)[:-6]


def strip(
    video: Video, frames: Sequence[int], scale: int | None = None, title: str = ""
) -> np.ndarray:
    """Chosen frames of one video side by side, numbered, `title` above: (H, W, 3) uint8. scale:
    whole number of screen pixels per pixel; by default tiles come out about 96 wide.

    Raises InputError for a frame that the video does not have.
    """
    clip = pixels(video)
    wrong = [f for f in frames if not 0 <= f < len(clip)]
    if wrong or not len(frames):
        raise InputError(
            f"Frames {wrong or 'none'} were asked for; the video has 0 to {len(clip) - 1}."
        )
    tiles = []
    for number in frames:
        still = enlarge(clip[number], scale or scale_for([clip], 96))
        still = reduced(still, max(1, round(still.shape[1] / 100)))
        label = _banner(f"{number}", still.shape[1], 18)
        tiles += [np.vstack([label, still]), np.full((len(label) + len(still), 4, 3), 255, "u1")]
    row = np.hstack(tiles[:-1])
    return np.vstack([_banner(title, row.shape[1], 20), row]) if title else row


def _banner(title: str, width: int, height: int) -> np.ndarray:
    """A line of text on white, (height, width, 3), cut with an ellipsis where it is too long."""
    image = Image.new("RGB", (width, max(height, 1)), PAPER)
    font, shown = ImageFont.load_default(13), title
    while title and font.getlength(shown) > width:
        title = title[:-1]
        shown = f"{title}…"
    ImageDraw.Draw(image).text((0, 0), shown, INK, font)
    return np.asarray(image)[:height]


class Grid:
    """Clips as tiles of one video. Frames (H, W, 3) uint8 are drawn when asked for, since all at
    once would fill the memory; H and W are even, as H.264 wants them. seams: of each clip.
    """

    def __init__(
        self,
        clips: list[np.ndarray],
        titles: list[str],
        seams: list[list[int]],
        columns: int | None,
        scale: int,
    ) -> None:
        self.clips, self.seams, self.scale = clips, seams, scale
        columns = columns or math.ceil(len(clips) / math.ceil(len(clips) / 5))
        band = BAND if any(titles) else 0
        high = max(c.shape[1] for c in clips) * scale + band + LINE
        wide = max(c.shape[2] for c in clips) * scale
        h = math.ceil(len(clips) / columns) * (high + GAP) + GAP
        w = columns * (wide + GAP) + GAP
        self.canvas = np.full((h + h % 2, w + w % 2, 3), 255, np.uint8)
        self.shape, self.corners = self.canvas.shape, []
        for i, title in enumerate(titles):
            y, x = GAP + i // columns * (high + GAP), GAP + i % columns * (wide + GAP)
            self.canvas[y : y + band, x : x + wide] = _banner(title, wide, band)
            self.corners.append((y + band, x))

    def __len__(self) -> int:
        return max(len(clip) for clip in self.clips)

    def __getitem__(self, t: int) -> np.ndarray:
        if not 0 <= t < len(self):
            raise IndexError(t)
        canvas = self.canvas.copy()
        for clip, marks, (y, x) in zip(self.clips, self.seams, self.corners, strict=True):
            self._tile(canvas, clip, marks, y, x, t)
        return canvas

    def _tile(
        self, canvas: np.ndarray, clip: np.ndarray, marks: list[int], y: int, x: int, t: int
    ) -> None:
        """Frame t of a clip, its edge lit around a seam, and its time line below; a clip that has
        ended rests, dimmed.
        """
        frame = enlarge(clip[min(t, len(clip) - 1)], self.scale)
        if t >= len(clip):
            frame = ((frame.astype(np.uint16) + 2 * 255) // 3).astype(np.uint8)
        h, w = frame.shape[:2]
        if t < len(clip) and any(t in (mark - 1, mark) for mark in marks):
            canvas[y - 2 : y + h + 2, x - 2 : x + w + 2] = SEAM
        canvas[y : y + h, x : x + w] = frame
        top = y + h + 3
        canvas[top + 2 : top + 4, x : x + w] = REST
        for mark in marks:
            at = x + round(mark / len(clip) * (w - 2))
            canvas[top : top + 6, at : at + 2] = SEAM
        done = x + round(min(t / max(len(clip) - 1, 1), 1) * (w - 4))
        canvas[top : top + 6, done : done + 4] = INK
