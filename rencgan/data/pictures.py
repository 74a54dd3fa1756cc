"""Images in: folders of frame images and animated images (GIF, WebP, APNG, AVIF, TIFF), by Pillow.

Every image becomes what a person sees of it, (H, W, 3) uint8 RGB: turned as its EXIF says, 16 bits
scaled to 8, transparent parts laid on white, CMYK and palettes as colours.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from rencgan.data.sets import Unreadable, instead_of_it
from rencgan.data.stills import stills

ANIMATED = (
    "GIF",
    "WEBP",
    "PNG",
    "TIFF",
    "AVIF",
)  # formats of Pillow that may hold several pictures
SLOWEST_S, BROWSERS_S = 0.01, 0.1  # what asks for at most the one, players show for the other
UNTIMED_S = 0.04  # of the pages of a TIFF
Tell = Callable[[str], None]


def is_animated(path: Path) -> bool:
    """Whether a file is, by its first bytes, of a format that may hold an animation."""
    with open(path, "rb") as file:
        head = file.read(12)
    starts = (b"GIF8", b"\x89PNG\r\n", b"II*\0", b"MM\0*")
    later = (head[:4], head[8:]) == (b"RIFF", b"WEBP") or head[4:] in (b"ftypavis", b"ftypavif")
    return head.startswith(starts) or later


def folder_frames(folder: Path, tell: Tell) -> Iterator[np.ndarray]:
    """The images of a folder that are its frames, in their order. Raises Unreadable."""
    found = stills(folder)
    for note in found.notes:
        tell(note)
    for file in found.files:
        with _opened(file, f" {file.name}") as image:
            ImageOps.exif_transpose(image, in_place=True)
            yield as_seen(image, tell, file.name)


def animation_frames(path: Path, tell: Tell) -> Iterator[tuple[np.ndarray, float]]:
    """The pictures of an animated image, each with its seconds. Raises Unreadable."""
    with _opened(path, "", ANIMATED) as image:
        for i in range(getattr(image, "n_frames", 1)):
            image.seek(i)
            pixels = as_seen(image, tell)
            timed = "duration" in image.info or image.format == "GIF"
            seconds = image.info.get("duration", 0) / 1000 if timed else UNTIMED_S
            yield pixels, seconds if seconds > SLOWEST_S else BROWSERS_S


@contextmanager
def _opened(path: Path, name: str, formats=None) -> Iterator[Image.Image]:
    try:
        with Image.open(path, formats=formats) as image:
            if image.format == "PNG":  # Pillow looks at its checksums only when asked
                image.verify()  # and closes the file
        with Image.open(path, formats=formats) as image:
            yield image
    except PermissionError:
        raise Unreadable(f"unreadable: permission denied{name and ' on'}{name}") from None
    except MemoryError:
        raise Unreadable(f"there is not enough memory for the image{name}") from None
    except (Image.DecompressionBombError, OSError, ValueError, SyntaxError, EOFError):
        # A SyntaxError is what Pillow raises for a broken PNG.
        told = instead_of_it(path) or "damaged"
        raise Unreadable(f"unreadable: the image{name} is {told}") from None


def as_seen(image: Image.Image, tell: Tell, name: str = "") -> np.ndarray:
    """An image as (H, W, 3) uint8 RGB; `tell` gets what was done to it. Raises Unreadable."""
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        tell("16 bits were scaled to 8")
        grey = (np.asarray(image) >> 8).astype(np.uint8)
        return np.stack([grey] * 3, -1)
    if image.mode in ("I", "F"):
        raise Unreadable(
            f"the image {name} holds 32-bit numbers, of which nobody knows what is white; "
            "give 8 or 16 bits"
        )
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if image.getextrema()[3][0] < 255:
            tell("transparent parts were laid on white")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("RGB"))
