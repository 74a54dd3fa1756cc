"""Scores along a run, as Chapter 5 takes them: an adversarial loss does not say when to stop.

scores.jsonl   a line a moment: step, score; less is better, none where the scorer failed
best.pt        the checkpoint of the moment with the least score, with that score
"""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rencgan.core import checkpoint
from rencgan.core.files import write_text
from rencgan.training.record import read_history

SCORES, BEST = "scores.jsonl", "best.pt"


def moments(p: Any) -> set[int]:
    """Steps after which a run of a preset is scored, evenly spaced; the last one is one of them."""
    count = min(getattr(p, "scored", 0), p.steps)
    return {round(p.steps * (i + 1) / count) for i in range(count)}


def read_scores(out: Path) -> list[dict]:
    """The lines of a run's folder, [] where there are none."""
    path = out / SCORES
    return read_history(path) if path.exists() else []


class Scores:
    """Those of one run. Each is taken behind a checkpoint of its step, and its line written last:
    a run that was killed between goes on from that step, and takes the score again.
    """

    def __init__(self, job: Any, start: int):
        self.score: Callable | None = job.score
        self.out, self.moments = job.out, moments(job.preset) if job.score else set()
        self.lines = [line for line in read_scores(job.out) if line["step"] <= start]

    def lacks(self, step: int) -> bool:
        """Whether this step is to be scored, and has not been."""
        return step in self.moments and step not in [line["step"] for line in self.lines]

    def take(self, model: Any, content: dict) -> None:
        """Scores a model, and keeps the content of its checkpoint where it is the best so far. What
        the scorer raises is printed, and costs this score alone.
        """
        step, value = content["step"], None
        try:
            value = float(self.score(model))
            if not math.isfinite(value):
                raise ValueError(f"the score is {value}")
        except Exception as error:
            reason = next(iter(str(error).splitlines()), "") or type(error).__name__
            print(f"No score at step {step:,}: {reason}", flush=True)
            value = None
        before = [line["score"] for line in self.lines if line["score"] is not None]
        if value is not None and value < min(before, default=math.inf):
            checkpoint.save(self.out / BEST, content | {"score": value})
        self.lines.append({"step": step, "score": value})
        write_text(self.out / SCORES, "".join(json.dumps(line) + "\n" for line in self.lines))
