"""What may be wrong with a comparison, as far as its videos show: sentences for people.

A distance is a number whatever it is of. Each of these was met where people score videos: sides at
other rates, bytes of 0 and 1, copies that count as samples, real frames among generated ones.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rencgan.evaluate.looks import Look
from rencgan.evaluate.protocols import Protocol
from rencgan.evaluate.sides import Side, Window

SAME = "both sides are the same videos"
ARRAYS = {".npz", ".pt", ".pth", ".pkl", ".h5", ".hdf5", ".mat", ".zip", ".tar"}  # not read
FASTER = 1.05  # rates further apart than this are another motion
STILL = 0.2  # a share of repeated frames that is told
APART = 8.0  # grey levels that colours differ by before they are held against their mirror


def of_sides(real: Side, made: Side, w: Window, p: Protocol) -> list[str]:
    """Of the two sides at one window, each sentence once."""
    found = [*_same(real, made, w), *_rates(real, made, w, p)]
    found += [note for side in (real, made) for note in _values(side, w)]
    found += _kept(real, made, w)
    if not any(all(_is_black(look) for look in side.looks[w]) for side in (real, made)):
        found += [note for side in (real, made) for note in _copies(side, w)]
        found += [*_real_among(real, made, w), *_colours(real, made, w), *_repeats(real, made, w)]
    return list(dict.fromkeys(found))


def of_folders(real, generated) -> list[str]:
    """Of two sides as they are named: the same folder, or one within the other."""
    if not all(isinstance(x, str | Path) for x in (real, generated)):
        return []
    a, b = Path(real).resolve(), Path(generated).resolve()
    if a == b:
        return [SAME]
    names = {a: "real", b: "generated"}
    for outer, inner in ((a, b), (b, a)):
        if inner.is_relative_to(outer):
            told = f"the {names[inner]} videos lie in the folder of the {names[outer]} ones"
            return [f"{told}, so they are on both sides; give two folders side by side"]
    return []


def _same(real: Side, made: Side, w: Window) -> Iterator[str]:
    if real.fingerprints[w] == made.fingerprints[w]:
        yield SAME


def _rates(real: Side, made: Side, w: Window, p: Protocol) -> Iterator[str]:
    """A protocol that takes one frame of every few slows a side's rate."""
    spans = []
    for side, stride in ((real, p.real_stride), (made, p.generated_stride)):
        told = side.told(w, None)["frames a second"]
        if told:
            spans.append([rate / stride for rate in told])
    ends = [rate for span in spans for rate in span]
    if ends and max(ends) > FASTER * min(ends):
        words = [
            f"{low:.4g}" if high < FASTER * low else f"{low:.4g} to {high:.4g}"
            for low, high in spans
        ]
        named = [s.footage.side for s in (real, made) if s.told(w, None)["frames a second"]]
        both = ", ".join(f"{n} {x}" for n, x in zip(named, words, strict=True))
        yield (
            f"frames a second differ ({both}): frames are compared one by one, so the same motion "
            f"is up to {max(ends) / min(ends):.3g} times as fast; bring all videos to one rate"
        )


def _values(side: Side, w: Window) -> Iterator[str]:
    which, looks = f"the {side.footage.side} videos", side.looks[w]
    if side.footage.floats and side.footage.lowest >= 0:
        yield (
            f"{which} are floats that never fall below 0; they are read as [-1, 1], so if they are "
            "[0, 1], give 2 x - 1"
        )
    if dark := sum(map(_is_black, looks)):
        yield (
            f"{_some(dark, side, w)} hold no byte above 1, so all is black; if they were floats in "
            "[0, 1], multiply them by 255 before they become bytes"
        )


def _copies(side: Side, w: Window) -> Iterator[str]:
    n, distinct = len(side.used[w]), len({look.frames for look in side.looks[w]})
    if distinct < n:
        yield (
            f"of the {n} {side.footage.side} videos only {distinct} differ in the frames that "
            "count; copies make a distance look surer than it is"
        )
    if held := {e: k for e, k in side.footage.others.items() if e in ARRAYS}:
        told = ", ".join(f"{k} {e}" for e, k in sorted(held.items()))
        yield f"beside the {side.footage.side} videos lie files that are not read: {told}"


def _real_among(real: Side, made: Side, w: Window) -> Iterator[str]:
    """Copied samples, the wrong folder, and models that are given real frames to go on from. Black
    frames, with which films begin, are nobody's.
    """
    known = {crc for look in real.looks[w] for crc in look.pictures}
    if not known or real.fingerprints[w] == made.fingerprints[w]:
        return
    shared = [sum(crc in known for crc in look.pictures) for look in made.looks[w]]
    lengths = [len(look.pictures) for look in made.looks[w]]
    if whole := sum(0 < n == m for n, m in zip(shared, lengths, strict=True)):
        yield f"{_some(whole, made, w)} consist of frames of the real ones alone"
    if part := [n for n, m in zip(shared, lengths, strict=True) if 0 < n < m]:
        yield (
            f"{_some(len(part), made, w)} hold up to {max(part)} frames of the real ones, pixel "
            "for pixel; frames that a model was given are not its own"
        )


def _kept(real: Side, made: Side, w: Window) -> Iterator[str]:
    a, b = real.footage, made.footage
    if None not in (a.exact, b.exact) and a.exact != b.exact:
        lossy, exact = (b, a) if a.exact else (a, b)
        yield (
            f"the {lossy.side} videos went through lossy compression ({lossy.stored}), the "
            f"{exact.side} ones did not ({exact.stored}): that alone is a distance"
        )
    sizes = [side.told(w, None)["original sizes"] for side in (real, made)]
    if a.size and sizes[0] != sizes[1]:
        told = "; ".join(
            f"{side.footage.side} from {', '.join(found)}"
            for side, found in zip((real, made), sizes, strict=True)
        )
        yield (
            f"frames were cropped to squares and brought to {a.size}x{a.size}: {told}; what is "
            "made larger is soft, what is made smaller is sharp"
        )


def _repeats(real: Side, made: Side, w: Window) -> Iterator[str]:
    shares = [float(np.mean([look.repeated for look in s.looks[w]])) for s in (real, made)]
    if abs(shares[0] - shares[1]) > STILL:
        yield (
            f"frames that repeat the one before: real {shares[0]:.0%}, generated {shares[1]:.0%}; "
            "were they brought to a higher rate, or do they stand still?"
        )


def _colours(real: Side, made: Side, w: Window) -> Iterator[str]:
    grey = [all(look.grey for look in side.looks[w]) for side in (real, made)]
    if grey[0] != grey[1]:
        one, other = (real, made) if grey[0] else (made, real)
        yield f"the {one.footage.side} videos are grey, the {other.footage.side} ones have colours"
        return
    a, b = (np.mean([look.colour for look in side.looks[w]], 0) for side in (real, made))
    apart, mirrored = np.abs(a - b).max(), np.abs(a - b[::-1]).max()
    if apart > APART and mirrored < apart / 4:
        yield (
            "the mean colours of both sides lie close together once red and blue are exchanged; is "
            "one of them in BGR, as OpenCV has it?"
        )


def _is_black(look: Look) -> bool:
    return look.high <= 1


def _some(n: int, side: Side, w: Window) -> str:
    return f"{n} of the {len(side.used[w])} {side.footage.side} videos"
