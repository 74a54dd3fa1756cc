"""The reader against films with random damage (fuzzing.py): nothing ends it, nothing passes unsaid.

What no decoder can see is tolerated by name, as the share of the damaged films that pass without a
word and differ by more than their encoding does.
"""

import json
import subprocess
import sys
from math import ceil
from pathlib import Path

import fuzzing
import pytest

UNSEEN = {
    "mp4": 0.2,  # CABAC reads any bits as something; most of it contradicts itself soon
    "mpg": 0.1,  # a wrong difference of two brightnesses is a brightness
    "webm": 1,  # VP8 and WebM have no checks at all
    "mov": 1,  # nor has MJPEG
    "gif": 1,
    "nut": 1,  # FFmpeg sees that a checksum of FFV1 is wrong, logs it, and flags nothing
}


@pytest.mark.parametrize("kind", fuzzing.KINDS)
@pytest.mark.parametrize(
    ("first", "count"), [(0, 4), pytest.param(4, 20, marks=pytest.mark.long)], ids=["few", "many"]
)
def test_damage_ends_no_run_and_passes_no_wrong_frame_without_a_word(kind, first, count):
    run = [sys.executable, str(Path(fuzzing.__file__)), kind, str(first), str(count)]
    done = subprocess.run(run, capture_output=True, text=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, f"ended at {rows[-1:]} by {done.returncode}: {done.stderr[-500:]}"
    told = [row for row in rows if "how" in row]
    assert len(told) == count
    damaged = [row for row in told if row["how"] != "sound"]
    assert sum(row["how"].startswith("picture") for row in damaged) >= len(damaged) / 2
    for row in told:
        if row["how"] == "sound":
            assert row["whole"] and row["notes"] == [] and row["apart"] == 0, row
    silent = [row for row in damaged if row.get("notes") == []]
    wrong = [row for row in silent if row["apart"] > max(1, row["lossy"])]
    assert len(wrong) <= ceil(UNSEEN.get(kind, 0) * len(damaged)), wrong
