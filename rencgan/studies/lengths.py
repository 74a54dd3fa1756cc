"""What length costs: seconds and highest memory of one video of 128, 1000 and 10,000 frames of each
system that makes long ones (of iVGAN: 32). Rows of the benchmark.

Networks are untrained: what a frame costs does not depend on what they have learnt. Frames are
dropped as they come, so that memory is the system's own; some 20 MB by which it varies are blocks
that the allocator keeps. evaluate.cost says how both are measured; processor time is of all cores,
and what a busy machine does not change.
"""

import time
from collections.abc import Iterator

import numpy as np

from rencgan.data.pixels import as_frames
from rencgan.evaluate.cost import cost
from rencgan.models.system import system_of
from rencgan.presets.table import ALWAYS, kind_of_row
from rencgan.studies import untrained
from rencgan.studies.generated import pieces_of

LENGTHS, PRESET = (128, 1000, 10_000), "hour"
WHAT = "make one video, {}"
WAYS = {"r3": ("faster sample", "robust sample")}
# EncGAN3 follows footage by the networks of R2, at R2's cost.
SYSTEMS = tuple(
    (model, way)
    for model in ALWAYS
    if system_of(kind_of_row(model), {}).prior is not None and model != "encgan3"
    for way in WAYS.get(model, ("sample",))
)
QUICK = (("stylegan-v", "sample"), ("ivgan", "sample"))


def told(model: str, way: str, preset: str, *lengths: int) -> Iterator[tuple]:
    """Rows of one system: what, preset, how, unit, raw numbers, a note. Lengths that it does not
    reach give way to its longest. Call it in a fresh process.
    """
    made = untrained.of(model, preset)
    footage = untrained.noise(64, made.size)
    longest = made.system.longest
    lengths = sorted({min(n, longest or n) for n in lengths})

    spent = {}

    def frames(n: int) -> Iterator[np.ndarray]:
        began = time.process_time()
        for piece in pieces_of(made, n + made.hop, footage, way):  # a hop more than it may cut off
            some = as_frames(piece[0])
            spent[n] = time.process_time() - began
            yield some

    rows = cost(frames, lengths)
    for found in rows:
        n = found["frames"]
        how, took = f"{n} frames, {made.size}x{made.size}, {way}", found["seconds"]
        note = f"{n / took:.0f} frames a second; {spent[n]:.2f} s of processor time"
        yield WHAT.format(made.name), preset, how, "s", [took], note
        if found["peak MB"] is not None:
            note = found["memory"]
            if n > lengths[0]:
                more = found["peak MB"] - rows[0]["peak MB"]
                own = 3 * n * made.size**2 / 1e6
                note += f"; {more:+.0f} MB over {lengths[0]} frames; the frames are {own:.0f} MB"
            what = f"highest memory, {made.name}"
            yield what, preset, how, "MB", [found["peak MB"]], note
