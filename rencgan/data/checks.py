"""Checksums that containers carry and FFmpeg does not look at.

Matroska files by FFmpeg or mkvmerge have the CRC-32 of every cluster (RFC 9559, 5.1; RFC 8794,
11.3.1). VP8, VP9 and AV1 pictures have none of their own, so that a wrong bit of theirs is seen
there or nowhere.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path

EBML, SEGMENT, CLUSTER, CRC = 0x1A45DFA3, 0x18538067, 0x1F43B675, 0xBF


def clusters(path: Path) -> Iterator[tuple[int, bool]]:
    """(end in bytes, whether its checksum is wrong) of each cluster of a Matroska file."""
    with open(path, "rb") as file:
        if file.read(4) != EBML.to_bytes(4, "big"):
            return
        file.seek(0)
        while (element := _element(file)) is not None:
            kind, size = element
            if kind == SEGMENT:  # its elements follow
                continue
            if size is None:  # a live recording: no size, no checksum
                break
            begin = file.tell()
            if kind == CLUSTER:
                yield begin + size, _wrong(file, size)
            file.seek(begin + size)


def _element(file) -> tuple[int, int | None] | None:
    """(id, size) of the element that begins here; size None where it is not stated."""
    kind, size = _number(file, keep=True), _number(file)
    if kind is None or size is None:
        return None
    value, unknown = size
    return kind[0], None if unknown else value


def _number(file, keep: bool = False) -> tuple[int, bool] | None:
    """An EBML number, and whether all its bits are ones; `keep`: with its marker, as ids have."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    rest = file.read(length - 1)
    value = int.from_bytes(first + rest, "big")
    if len(rest) < length - 1:
        return None
    ones = (1 << 7 * length) - 1
    return (value if keep else value & ones), value & ones == ones


def _wrong(file, size: int) -> bool:
    head = file.read(6)
    if len(head) < 6 or head[:2] != bytes((CRC, 0x84)):
        return False
    left, crc = size - 6, 0
    while left and (block := file.read(min(left, 1 << 20))):
        left, crc = left - len(block), zlib.crc32(block, crc)
    return not left and crc != int.from_bytes(head[2:], "little")
