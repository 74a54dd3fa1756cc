"""The GPT on its own: one token after another, each read before the next is drawn.

A `Context` holds what V videos have said so far. It keeps keys and values, so that a token costs
one place of the transformer; beyond the last position the oldest token falls out, positions are
counted anew, and all places are computed again.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from rencgan.core.errors import InputError
from rencgan.r3.gpt import GPT, Past
from rencgan.r3.sequences import Vocabulary


def token_noise(seed: int, clip: int, videos: int, dim: int) -> tuple[Tensor, Tensor]:
    """What the next token of every video is drawn from: standard normal (V, dim) and uniform (V,).
    A function of (seed, clip, video): other videos beside one change nothing.
    """
    rows, chances = [], []
    for video in range(videos):
        rng = np.random.default_rng([seed, clip, video, 4])
        rows.append(rng.standard_normal(dim, np.float32))
        chances.append(rng.random(dtype=np.float32))
    return torch.from_numpy(np.stack(rows)), torch.tensor(chances)


class Context:
    """What the GPT has read of V videos; `read` adds a token to each and tells what it knows of the
    next, h (V, D).

    level: of the noise that is taken to lie on the tokens (context_noise); 0 says none.
    """

    def __init__(self, gpt: GPT, level: float = 0.0, cached: bool = True):
        if not 0 <= level <= gpt.context_noise:
            raise InputError(
                f"this GPT knows levels of noise from 0 to {gpt.context_noise:g}, not {level:g}"
            )
        self.gpt, self.level, self.cached = gpt, level, cached
        self.codes: Tensor | None = None  # (V, n, k), n <= positions
        self.past: Past | None = None

    @torch.no_grad()
    def read(self, token: Tensor) -> Tensor:
        """token: (V, k)."""
        new = token[:, None]
        self.codes = new if self.codes is None else torch.cat([self.codes, new], dim=1)
        if self.codes.shape[1] > self.gpt.positions:
            self.codes, self.past = self.codes[:, 1:], None
        told = None
        if self.level:
            told = torch.full((len(token),), self.level, device=token.device)
        if self.cached and self.past is not None:
            h, self.past = self.gpt(new, None, told, self.past)
        else:
            h, self.past = self.gpt(self.codes, None, told)
        return h[:, -1]

    @property
    def last(self) -> Tensor:
        """The token that was read last, (V, k)."""
        return self.codes[:, -1]

    @property
    def cuts(self) -> list[bool]:
        """Whether a new scene begins: never in plain sequences."""
        return [False] * len(self.codes)


class Scripts:
    """Several videos in the format disc+cont, a `Script` each: where lengths stand differs."""

    def __init__(self, gpt: GPT, words: Vocabulary, subjects: Sequence[str | None], seed: int):
        self.each = [Script(gpt, words, name, seed, i) for i, name in enumerate(subjects)]

    def read(self, token: Tensor) -> Tensor:
        """token: (V, k); returns h (V, D)."""
        return torch.cat([one.read(t) for one, t in zip(self.each, token.split(1), strict=True)])

    @property
    def last(self) -> Tensor:
        """What stands in the last place of each, (V, k)."""
        return torch.cat([one.last for one in self.each])

    @property
    def cuts(self) -> list[bool]:
        """Whether a new scene begins, for every video."""
        return [not one.scenes[-1][1] for one in self.each]


class Script:
    """The same for one video in the format disc+cont: class, length, tokens, length, tokens.

    Which symbol stands where is known: after as many tokens as a length said comes the next length,
    drawn from what the GPT says. When a third scene begins the first falls out (Eq 5.8), so that no
    position is counted beyond the last.
    """

    def __init__(self, gpt: GPT, words: Vocabulary, subject: str | None, seed: int, video: int = 0):
        self.gpt, self.words = gpt, words
        self.rng = np.random.default_rng([seed, video, 5])
        self.subject = words.of_class(subject)
        self.scenes: list[tuple[int, list[Tensor]]] = [(words.longest, [])]  # length, tokens

    @torch.no_grad()
    def read(self, token: Tensor) -> Tensor:
        """token: (1, k); returns h (1, D)."""
        length, said = self.scenes[-1]
        said.append(token)
        if len(said) == length:
            self.scenes = self.scenes[-1:]  # so that a length is drawn where training had one
            self.scenes.append((self._drawn_length(), []))
        return self.state()

    @property
    def last(self) -> Tensor:
        """What stands in the last place: a token, or zeros for the length of a scene that begins.
        None is carried over a cut.
        """
        said = self.scenes[-1][1]
        return said[-1] if said else torch.zeros(1, self.gpt.dim, device=self.gpt.carry.device)

    def _drawn_length(self) -> int:
        logits = self.gpt.symbol_out(self.state())[0, self.words.lengths].double()
        share = logits.softmax(-1).cumsum(-1).cpu().numpy()
        return 1 + int(min(np.searchsorted(share, self.rng.random()), self.words.longest - 1))

    @torch.no_grad()
    def state(self) -> Tensor:
        """What is known of the next token, h (1, D); before any was read, from class and length
        alone.
        """
        symbols = [self.subject]
        for length, said in self.scenes:
            symbols += [self.words.of_length(length)] + [-1] * len(said)
        marks = torch.tensor([symbols], device=self.gpt.carry.device)
        codes = torch.zeros(1, len(symbols), self.gpt.dim, device=marks.device)
        said = [token for _, tokens in self.scenes for token in tokens]
        if said:
            codes[marks < 0] = torch.cat(said)
        return self.gpt(codes, marks)[0][:, -1]
