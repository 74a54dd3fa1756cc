"""From a decoded picture to what a player shows of it: its aspect, its turn, its transparency."""

from collections.abc import Callable

import numpy as np
from av.sidedata.sidedata import Type
from PIL import Image

ASPECTS = (0.25, 4.0)  # of a pixel, width to height; outside them the statement is not believed
TRANSFERS = {16: "PQ", 18: "HLG"}  # of HDR (ITU-T H.273)
Tell = Callable[[str], None]


class Display:
    """Called with each picture of a stream, gives it as shown: (H, W, 3) uint8 RGB.

    What holds for the stream (display matrix, sample aspect ratio) is taken from its first picture.
    """

    def __init__(self, stream, frame, tell: Tell) -> None:
        self._tell = tell
        self._alpha = any(c.is_alpha for c in frame.format.components)
        self._turn = display_matrix(frame)
        self._size = None
        aspect = float(stream.sample_aspect_ratio or 1)
        if ASPECTS[0] <= aspect <= ASPECTS[1] and abs(aspect - 1) > 0.01:
            self._size = max(1, round(frame.width * aspect)), frame.height
            tell(f"its pixels are {aspect:.3g} times as wide as high, so it was stretched")
        if stream.metadata.get("alpha_mode") == "1" and not self._alpha:
            tell("its transparency was not read: this decoder knows none in VP8 and VP9")
        if self._alpha and _is_unused(frame.to_ndarray(format="rgba", threads=1)):
            self._alpha = False
            tell("its fourth channel is 0 all over its first frame, and was not taken for alpha")
        if frame.interlaced_frame:
            tell("it is interlaced: each frame has lines of two moments")
        if name := TRANSFERS.get(int(frame.color_trc or 0)):
            tell(f"its colours are HDR ({name}) and were not tone-mapped")

    def __call__(self, frame) -> np.ndarray:
        if self._alpha:
            pixels = self._on_white(frame.to_ndarray(format="rgba", threads=1))
        else:
            pixels = frame.to_ndarray(format="rgb24", threads=1)
        if self._size:
            grows = self._size[0] > frame.width
            how = Image.Resampling.BILINEAR if grows else Image.Resampling.BOX
            pixels = np.asarray(Image.fromarray(pixels).resize(self._size, how))
        a, b, c, d = self._turn
        if self._is_on_its_side:
            pixels, a, d = pixels.swapaxes(0, 1), c, b
        pixels = pixels[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]
        return np.ascontiguousarray(pixels)

    def blank(self, frame) -> np.ndarray:
        """What stands for a picture that nobody looks at: of its shape, all 0, and quick."""
        width, height = self._size or (frame.width, frame.height)
        sides = (width, height) if self._is_on_its_side else (height, width)
        return np.broadcast_to(np.uint8(0), (*sides, 3))

    @property
    def _is_on_its_side(self) -> bool:
        a, b, c, d = self._turn
        return abs(b) + abs(c) > abs(a) + abs(d)

    def _on_white(self, pixels: np.ndarray) -> np.ndarray:
        alpha = pixels[..., 3:]
        if alpha.min() == 255:
            return pixels[..., :3]
        self._tell("transparent parts were laid on white")
        shown = pixels[..., :3] * alpha.astype(np.uint16) + 255 * (255 - alpha.astype(np.uint16))
        return ((shown + 127) // 255).astype(np.uint8)


def _is_unused(pixels: np.ndarray) -> bool:
    """Whether a picture (H, W, 4) would be wholly invisible though there is one: of 32 bits a pixel
    recorders of screens leave the last eight at 0.
    """
    return not pixels[..., 3].any() and bool(np.ptp(pixels[..., :3], axis=(0, 1)).any())


def display_matrix(frame) -> tuple[int, int, int, int]:
    """(a, b, c, d): the picture's point (x, y) is shown at (a x + c y, b x + d y).

    A determinant below 0 is a mirror; turns that are not right angles count as the nearest one.
    """
    data = frame.side_data.get(Type.DISPLAYMATRIX)
    a, b, _, c, d = np.frombuffer(data, np.int32)[:5].tolist() if data else (1, 0, 0, 0, 1)
    return (a, b, c, d) if a * d - b * c else (1, 0, 0, 1)
