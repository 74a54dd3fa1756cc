"""What a run leaves beside its checkpoint: loss terms along the way."""

import contextlib
import json
import math
from pathlib import Path

import torch
from torch import Tensor

from rencgan.core.errors import InputError
from rencgan.core.files import write_text


class Record:
    """Loss terms: checked for finiteness, averaged over a few steps, appended to history.jsonl. A
    term that only some steps have is averaged over these, which `counts` counts.
    """

    def __init__(
        self,
        out: Path,
        start: int,
        window: dict,
        steps: int,
        write: bool,
        counts: dict | None = None,
    ):
        self.path, self.write = out / "history.jsonl", write
        self.every = max(1, steps // 2000)
        self.window: dict[str, float] = dict(window)
        # a checkpoint without counts is of a system whose steps all have the same terms
        self.counts = dict.fromkeys(window, start % self.every) if counts is None else dict(counts)
        self.pending: list[tuple[int, dict[str, Tensor]]] = []
        self.latest: dict[str, float] = {}
        self.on_cpu = not torch.cuda.is_available()
        if write and self.path.exists():
            self._forget_after(start)

    def _forget_after(self, start: int) -> None:
        """A killed run may have written lines beyond its last checkpoint; they will come again."""
        kept = [line for line in read_history(self.path) if line["step"] <= start]
        text = "".join(json.dumps(line) + "\n" for line in kept)
        if text != self.path.read_text():
            write_text(self.path, text)

    def add(self, step: int, losses: dict[str, Tensor]) -> None:
        self.pending.append((step, losses))
        if self.on_cpu or len(self.pending) == 20:  # reading a number makes a GPU wait
            self.flush()

    def flush(self) -> None:
        """Raises InputError naming the first term that is not finite."""
        lines = []
        every = [value for _, losses in self.pending for value in losses.values()]
        read = iter(torch.stack(every).tolist() if every else ())  # a GPU is waited for once
        for step, losses in self.pending:
            values = dict(zip(losses, read, strict=False))
            for name, value in values.items():
                if not math.isfinite(value):
                    self.pending = []
                    raise InputError(
                        f"the loss term {name!r} became {value} at step {step}; "
                        "the last good checkpoint is "
                        "kept: lower a learning rate or its weight and run again"
                    )
            self.latest = values
            for name, value in values.items():
                self.window[name] = self.window.get(name, 0.0) + value / self.every
                self.counts[name] = self.counts.get(name, 0) + 1
            if step % self.every == 0:
                means = {k: v * (self.every / self.counts[k]) for k, v in self.window.items()}
                told = {"step": step} | {k: round(v, 6) for k, v in means.items()}
                lines.append(json.dumps(told))
                self.window, self.counts = {}, {}
        self.pending = []
        if lines and self.write:
            with open(self.path, "a") as file:
                file.write("\n".join(lines) + "\n")


def read_history(path: Path) -> list[dict]:
    """The lines of a history file; a last line cut short by a kill is left out."""
    lines = []
    for line in path.read_text().splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            lines.append(json.loads(line))
    return lines
