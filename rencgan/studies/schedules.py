"""How long a contestant's training takes on this machine, from a few steps of each part of it."""

import contextlib
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rencgan.studies.recipes import data
from rencgan.studies.setting import checked
from rencgan.studies.trainees import trainee
from rencgan.studies.variants import COMPARED
from rencgan.training.loop import Job, train

STEPS, SETTLING = 12, 2  # of a part; the first ones of it are not counted


def parts(job: Job, steps: int = STEPS) -> list[tuple[str, int, float]]:
    """(part, its steps in the recipe, median seconds of one) for the warm-ups and the rest."""
    p = job.preset
    warm = {"warmup": min(p.warmup, steps), "motion_warmup": min(p.motion_warmup, steps)}
    short = p.but(**warm, steps=sum(warm.values()) + steps, crops_until=warm["warmup"])
    stamps: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        cut = replace(job, preset=short, out=Path(folder), warm=None)
        train(cut, progress=lambda *told: stamps.append(time.perf_counter()))
    took = [b - a for a, b in itertools.pairwise(stamps)]
    whole = (p.warmup, p.motion_warmup, p.steps - p.warmup - p.motion_warmup)
    names, found = ("single frames", "motion", "pairs"), []
    for name, measured, n in zip(names, (*warm.values(), steps), whole, strict=True):
        own, took = took[:measured], took[measured:]
        if own:
            found.append((name, n, statistics.median(own[SETTLING:] or own)))
    return found


def schedules(preset: str) -> Iterator[tuple[str, list]]:
    """Each contestant of the comparison with networks of its own: its name, its parts. Budgets that
    are known at `mini` alone are left out elsewhere.
    """
    with tempfile.TemporaryDirectory() as folder:
        p = checked({"source": "procedural", "preset": preset, "out_root": folder})
        with contextlib.redirect_stdout(sys.stderr):  # of the benchmark stdout may be JSON
            videos = data(p)
        for c in COMPARED.values():
            if not c.base and (preset == "mini" or "equal" not in c.name):
                yield c.name, parts(trainee(c, p, videos, Path(folder)).job)
