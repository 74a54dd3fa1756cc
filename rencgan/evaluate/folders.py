"""Any folder of videos against any other: `python -m rencgan.evaluate REAL GENERATED`.

Folders hold video files, folders of images, .npy arrays, or are prepared caches, of this project's
models or of others'. A line is printed for each length and for the ratio of 16 to 128 frames: the
distance with its spread over resampled videos, and its floor, real video against real under the
same protocol. `--json` prints the whole cards. What the protocols are: rencgan.evaluate.protocols.
"""

import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rencgan.core.progress import Progress
from rencgan.evaluate.protocols import Protocol
from rencgan.evaluate.scores import Score, evaluate

SHOWN = 8  # notes on single videos of a side


def run(
    real: Path,
    generated: Path,
    protocol: Protocol,
    extractor: str = "compact",
    reconstructed: Path | None = None,
    seed: int = 0,
    as_json: bool = False,
) -> None:
    """Prints the scores of two folders, and, where people read them, what the numbers do not tell.
    Raises InputError as `scores.evaluate` does.
    """
    # Standard output is for the scores.
    with contextlib.redirect_stdout(sys.stderr), Progress(1, "reading and scoring") as bar:
        scores = evaluate(real, generated, protocol, extractor, seed, bar.tell, reconstructed)
    if as_json:
        print(json.dumps({"scores": [s.as_dict() for s in scores]}))
        return
    for s in scores:
        print(_line(s))
    for sentence in _notes(scores, protocol):
        print(sentence, file=sys.stderr)


def _line(s: Score) -> str:
    line = f"{s.name:<28} {s.value:.4f} ±{s.spread:.4f}"
    if s.floor is None:
        return line
    told = s.card["resampled"]
    few, ours = told["counts of the floor"], told["at the floor's counts"]
    return f"{line}  floor {s.floor:.4f} ({few} real against {few}; {few} generated: {ours:.4f})"


def _notes(scores: Sequence[Score], p: Protocol) -> list[str]:
    """What somebody who reads the numbers alone would miss."""
    found = [note for s in scores for note in s.card.get("notes", ())]
    for side in ("real", "generated"):
        told = list(dict.fromkeys(note for s in scores for note in s.card[side]["notes"]))
        more = [f"and {len(told) - SHOWN} more notes on {side} videos, in the cards (--json)"]
        found += told[:SHOWN] + more * (len(told) > SHOWN)
        left_out = {k: v for s in scores for k, v in s.card[side]["left out"].items()}
        found += [f"left out of the {side} videos: {k}: {v}" for k, v in left_out.items()]
    there = {s.card["frames"] for s in scores if isinstance(s.card["frames"], int)}
    for n in p.lengths:
        if n not in there:
            found.append(f"no distance of {n} frames: fewer than 2 videos a side have so many")
    return list(dict.fromkeys(found))
