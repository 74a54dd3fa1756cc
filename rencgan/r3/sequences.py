"""How sequences of tokens are laid out for the GPT (thesis, Section 5.5.5).

pad0        [seq, 0 ...]                                  Eq 5.5; the zeros are masked
padzs       [seq, seq of the same subject ...]            Eq 5.6; nothing is masked
disc+cont   [class, length, seq, length', seq', 0 ...]    Eq 5.7; both of one subject

A row begins with a whole sequence from its first token. Of one that is longer than its place the
first tokens are kept, as the thesis keeps a video's first 1000 frames. Every sequence is taken once
an epoch; whom it is padded with is drawn. Windows from random tokens of random sequences are ours.
Zeros fill a row up to the longest of its batch; up to the longest of the set, as in Section 5.4.2,
they would count as little.

In disc+cont classes and lengths are symbols of one vocabulary: the classes (0 is "unknown", which
stands for any of them in a tenth of the sequences), then the lengths from 1 up.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from rencgan.core.errors import InputError
from rencgan.core.files import ahead
from rencgan.presets.gpt import GPTPreset
from rencgan.r3.gpt import Statistics
from rencgan.r3.tokens import Coordinates, persistence

UNKNOWN_SHARE = 0.1


class Batch(NamedTuple):
    """codes (B, N, k); symbols (B, N), -1 where a code stands, or None; real (B, N): no padding."""

    codes: Tensor
    symbols: Tensor | None
    real: Tensor

    def pinned(self) -> "Batch":
        return Batch(*(part if part is None else part.pin_memory() for part in self))

    def to(self, device: torch.device) -> "Batch":
        """Pinned memory travels while the program goes on."""
        return Batch(*(p if p is None else p.to(device, non_blocking=True) for p in self))


class Vocabulary(NamedTuple):
    """Symbols of disc+cont: classes from 1, 0 the unknown one, then lengths 1 to `longest`."""

    classes: tuple[str, ...]
    longest: int

    def __len__(self) -> int:
        return 1 + len(self.classes) + self.longest

    def of_class(self, name: str | None) -> int:
        """A class that was not trained on is the unknown one."""
        return 1 + self.classes.index(name) if name in self.classes else 0

    def of_length(self, n: int) -> int:
        return len(self.classes) + n

    @property
    def lengths(self) -> slice:
        """The symbols that are lengths."""
        return slice(1 + len(self.classes), len(self))


class Sequences:
    """Batches of training sequences; the `step`-th is a function of (seed, step).

    sequences: coordinates (n, k) each, n >= 2; then whom each shows and of which video it is. The
    last batch of an epoch holds what is left over, and no batch more than there are: on Taichi one
    is one epoch (Section 5.4.4). A window begins at a random token and reaches to the end, or as
    far as the positions do.
    """

    def __init__(
        self,
        sequences: Sequence[np.ndarray],
        subjects: Sequence[str],
        names: Sequence[str],
        p: GPTPreset,
        seed: int,
        coordinates: Coordinates | None = None,
    ):
        short = [len(s) for s in sequences if len(s) < 2]
        if short or not sequences:
            raise InputError("a training sequence needs at least two tokens, the second to predict")
        self.sequences, self.subjects, self.names = sequences, subjects, names
        self.p, self.seed, self.coordinates = p, seed, coordinates
        self.words = Vocabulary(tuple(sorted(set(subjects))), p.longest)
        self.same = {
            name: [i for i, other in enumerate(subjects) if other == name] for name in set(subjects)
        }

    size = 0  # of frames: it reads none

    def statistics(self) -> Statistics | None:
        """What is known of the tokens before training, where the preset carries it."""
        if not self.p.carry:
            return None
        return Statistics(*persistence(self.sequences))

    def stream(
        self, first: int, last: int, takes: Callable, device: torch.device
    ) -> Iterator[Batch]:
        """Batches `first` to `last` - 1 on the device."""
        pin = torch.device(device).type == "cuda"

        def load(step: int) -> Batch:
            return self.batch(step).pinned() if pin else self.batch(step)

        for batch in ahead(load, range(first, last)):
            yield batch.to(device)

    def batch(self, step: int) -> Batch:
        rng = np.random.default_rng([self.seed, 2, step])
        rows = [self._row(i, rng) for i in self._chosen(step, rng)]
        longest = max(len(codes) for codes, _ in rows)
        codes = torch.zeros(len(rows), longest, self.sequences[0].shape[1])
        symbols = torch.full((len(rows), longest), -1)
        real = torch.zeros(len(rows), longest, dtype=torch.bool)
        for i, (row, words) in enumerate(rows):
            n = len(row)
            codes[i, :n], symbols[i, :n], real[i, :n] = torch.from_numpy(row), words, True
        return Batch(codes, symbols if self.p.format == "disc+cont" else None, real)

    def _chosen(self, step: int, rng: np.random.Generator) -> Iterator[int]:
        """The sequences that the rows of a batch begin with."""
        n, batch = len(self.sequences), self.p.batch
        if self.p.windows:
            yield from (int(rng.integers(n)) for _ in range(batch))
        else:
            epoch, number = divmod(step, -(-n // batch))
            order = np.random.default_rng([self.seed, 7, epoch]).permutation(n)
            yield from order[number * batch : (number + 1) * batch].tolist()

    def _part(self, i: int, rng: np.random.Generator, most: int) -> np.ndarray:
        """At most so many tokens of a sequence: its first ones, or a window."""
        sequence = self.sequences[i]
        start = int(rng.integers(len(sequence) - 1)) if self.p.windows else 0
        return sequence[start : start + most]

    def _another(self, i: int, rng: np.random.Generator, most: int) -> np.ndarray:
        """The same of another video of the same subject; of itself where there is none."""
        others = [j for j in self.same[self.subjects[i]] if self.names[j] != self.names[i]] or [i]
        return self._part(int(rng.choice(others)), rng, most)

    def _row(self, i: int, rng: np.random.Generator) -> tuple[np.ndarray, Tensor | int]:
        n = self.p.positions
        if self.p.format == "disc+cont":
            return self._with_symbols(i, rng)
        row = [self._part(i, rng, n)]
        while self.p.format == "padzs" and (rest := n - sum(map(len, row))) > 0:
            row.append(self._another(i, rng, rest))
        return np.concatenate(row), -1

    def _with_symbols(self, i: int, rng: np.random.Generator) -> tuple[np.ndarray, Tensor]:
        most, words = self.p.longest, self.words
        first, second = self._part(i, rng, most), self._another(i, rng, most)
        unknown = rng.random() < UNKNOWN_SHARE
        symbols = [words.of_class(None if unknown else self.subjects[i])]
        symbols += [words.of_length(len(first))] + [-1] * len(first)
        symbols += [words.of_length(len(second))] + [-1] * len(second)
        codes = np.zeros((len(symbols), first.shape[1]), np.float32)
        symbols = torch.tensor(symbols)
        codes[(symbols < 0).numpy()] = np.concatenate([first, second])
        return codes, symbols
