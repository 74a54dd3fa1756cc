"""The GPT of R3: a decoder-only transformer over the latent spaces of a whole video (thesis,
Section 5.4.2).

codes    (B, N, d)   a sequence of tokens, one latent space each
symbols  (B, N)      format disc+cont: the class or length in a place, -1 where a code stands
h        (B, N, D)   what is known of the next token at each place

The sources name 48 blocks, 24 heads and a width of 1536; pre-norm blocks, learned positions, a GELU
MLP of four times the width and a last layer norm are those with which the count comes to 1.36
billion.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from rencgan.core.errors import InputError
from rencgan.presets.gpt import GPTPreset
from rencgan.r3.heads import build_head

Past = list[tuple[Tensor, Tensor]]  # keys and values of every block, (B, heads, N, D / heads)


class Statistics(NamedTuple):
    """What is known of the tokens before training, (d,) each: the share of a token that the next
    one keeps (least squares), and the deviation of what is left.
    """

    carry: Tensor
    spread: Tensor

    @classmethod
    def none(cls, d: int) -> "Statistics":
        """Nothing carried, everything of deviation 1: the head predicts the token itself."""
        return cls(torch.zeros(d), torch.ones(d))


class Block(nn.Module):
    """Pre-norm self-attention and MLP."""

    def __init__(self, width: int, heads: int, dropout: float = 0.0):
        super().__init__()
        self.heads, self.drop = heads, nn.Dropout(dropout)
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc_1, self.fc_2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def _qkv(self, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        qkv = self.qkv(self.norm_1(h)).unflatten(-1, (3, self.heads, -1))
        return qkv.permute(2, 0, 3, 1, 4).unbind(0)

    def forward(
        self, h: Tensor, past: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """h: (B, n, D). With a past, one place (n = 1) that sees all of it and itself."""
        q, k, v = self._qkv(h)
        if past is not None:
            k, v = (torch.cat(part, dim=2) for part in zip(past, (k, v), strict=True))
        seen = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=past is None)
        h = h + self.drop(self.out(seen.transpose(1, 2).flatten(2)))
        h = h + self.drop(self.fc_2(nn.functional.gelu(self.fc_1(self.norm_2(h)))))
        return h, (k, v)

    def attention(self, h: Tensor) -> Tensor:
        """How much each place looks at each other, (B, heads, N, N); rows sum to 1."""
        q, k, _ = self._qkv(h)
        logits = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
        later = torch.ones(logits.shape[-2:], dtype=torch.bool, device=h.device).triu(1)
        return logits.masked_fill(later, -torch.inf).softmax(-1)


class GPT(nn.Module):
    """The transformer with its head.

    d: numbers of a token as it is given; vocabulary: classes and lengths that stand between codes
    (disc+cont). Tokens go in bare where they are as wide as the transformer and nothing else
    stands between them, as published; else through a linear layer.
    """

    def __init__(
        self, p: GPTPreset, d: int, vocabulary: int = 0, statistics: Statistics | None = None
    ):
        super().__init__()
        self.positions, self.dim, self.context_noise = p.positions, d, p.context_noise
        bare = p.width == d and not vocabulary
        self.code_in = nn.Identity() if bare else nn.Linear(d, p.width)
        self.position = nn.Parameter(torch.empty(p.positions, p.width))
        self.blocks = nn.ModuleList(Block(p.width, p.heads, p.dropout) for _ in range(p.blocks))
        self.norm = nn.LayerNorm(p.width)
        self.symbol_in = nn.Embedding(vocabulary, p.width) if vocabulary else None
        self.symbol_out = nn.Linear(p.width, vocabulary) if vocabulary else None
        self.level = nn.Parameter(torch.zeros(p.width)) if p.context_noise else None
        self._initialise()
        self.head = build_head(p, d)
        carry, spread = statistics or Statistics.none(d)
        self.register_buffer("carry", carry.clone())
        self.register_buffer("spread", spread.clone())

    def _initialise(self) -> None:
        """GPT-2's: deviation 0.02; what adds to the stream less, the more blocks there are."""
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)
        nn.init.normal_(self.position, std=0.02)
        for block in self.blocks:
            for layer in (block.out, block.fc_2):
                nn.init.normal_(layer.weight, std=0.02 / (2 * len(self.blocks)) ** 0.5)

    def forward(
        self,
        codes: Tensor,
        symbols: Tensor | None = None,
        level: Tensor | None = None,
        past: Past | None = None,
    ) -> tuple[Tensor, Past]:
        """codes (B, n, d), symbols (B, n) or None, level (B,) of the noise on the codes or None
        (there is none), past of the places before (then n = 1). Returns h (B, n, D) and the past
        with these places.
        """
        h = self._stream(codes, symbols, level, past[0][0].shape[2] if past else 0)
        present = []
        for i, block in enumerate(self.blocks):
            h, kept = block(h, past[i] if past else None)
            present.append(kept)
        return self.norm(h), present

    def _stream(self, codes: Tensor, symbols, level, first: int) -> Tensor:
        """What enters the first block; `first`: the place of the first of these tokens."""
        if codes.ndim != 3 or codes.shape[2] != self.dim:
            raise InputError(f"tokens are (B, N, {self.dim}), not {tuple(codes.shape)}")
        last = first + codes.shape[1]
        if last > self.positions:
            raise InputError(
                f"the GPT has {self.positions} positions; a sequence of {last} is too long"
            )
        h = self.code_in(codes)
        if symbols is not None:
            words = self.symbol_in(symbols.clamp(min=0))
            h = torch.where((symbols < 0)[..., None], h, words)
        if level is not None and self.level is not None:
            h = h + (level / self.context_noise)[:, None, None] * self.level
        return h + self.position[first:last]

    @torch.no_grad()
    def attention(self, codes: Tensor, symbols: Tensor | None = None) -> list[Tensor]:
        """Attention maps of every block, (B, heads, N, N)."""
        h, maps = self._stream(codes, symbols, None, 0), []
        for block in self.blocks:
            maps.append(block.attention(h))
            h, _ = block(h)
        return maps

    # ------------------------------------------------------------------ from h to the next token

    def loss(self, h: Tensor, last: Tensor, following: Tensor, *noise: Tensor) -> Tensor:
        """The head's loss at every place, (...): h (..., D), the tokens (..., d) that stand there
        and behind. noise: what the flow head draws, see heads.
        """
        left = (following - self.carry * last) / self.spread
        return self.head.loss(h, left, self.spread, *noise)

    def draw(
        self, h: Tensor, last: Tensor, eps: Tensor, chance: Tensor, temperature: float = 1.0
    ) -> Tensor:
        """The next token (..., d) from standard normal eps (..., d) and uniform chance (...). The
        regression head has one answer.
        """
        left = self.head.draw(h, eps, chance, temperature)
        return self.carry * last + self.spread * left

    def log_prob(self, h: Tensor, last: Tensor, following: Tensor) -> Tensor:
        """Mixture only: log-density of the token that follows, in nats, (...)."""
        if not hasattr(self.head, "log_prob"):
            raise InputError("only the mixture head has a likelihood")
        left = (following - self.carry * last) / self.spread
        return self.head.log_prob(h, left) - self.spread.log().sum()
