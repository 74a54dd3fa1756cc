"""How long a training is, said before it begins; how long that takes, said a few steps later."""

import time
from collections.abc import Callable
from typing import Any

from rencgan.core.progress import duration

COLD, WARM = 5, 25  # steps that are left out, since a device chooses its algorithms; then measured
SHORT_S = 60.0  # what takes less needs no such sentence


class Pace:
    """Prints the sentences of one run, as it is told its steps. It measures the run's own steps, so
    that it costs none and changes no weight.
    """

    def __init__(self, job: Any, clock: Callable[[], float] = time.monotonic):
        self.job, self.clock = job, clock
        self.begin, self.then = -1, 0.0

    def tell(self, done: int) -> None:
        """So many steps are done; the first call says where the run begins."""
        p = self.job.preset
        if self.begin < 0:
            if done < p.steps:
                print(length(self.job), flush=True)
            self.begin = max(done, self.job.system.warmed(p))  # warm-ups have a speed of their own
        if done == self.begin + COLD:
            self.then = self.clock()
        elif done == self.begin + WARM and done < p.steps:
            each = (self.clock() - self.then) / (WARM - COLD)
            if each * p.steps > SHORT_S:
                left = (
                    f"the {p.steps - done:,} that are left take {duration(each * (p.steps - done))}"
                )
                print(f"At {each:.3g} s a step, measured just now, {left}.", flush=True)


def length(job: Any) -> str:
    """In a sentence: steps, batch, epochs."""
    p, system = job.preset, job.system
    told = f"{system.title(p)}: {p.steps:,} steps of {p.batch} {system.sample}"
    if epochs := getattr(p, "epochs", 0):
        told += f", {epochs:g} epochs of {system.samples(job):,}"
    return f"{told}."
