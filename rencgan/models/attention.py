"""F-SA: factorised self-attention, over time and then over the positions of a frame (G3AN)."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class _InParts(torch.autograd.Function):
    """softmax(q k^T) v on a CPU, a few sequences at a time, so that the weights (P, P) of each stay
    in the processor's cache; they are made anew on the way back. q, k: (N, P, d); v: (N, P, c).
    """

    CACHED = 2**20  # weights at a time

    @staticmethod
    def parts(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
        count = max(1, _InParts.CACHED // tensors[0].shape[1] ** 2)
        return zip(*(t.split(count) for t in tensors), strict=True)

    @staticmethod
    def forward(ctx, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        ctx.save_for_backward(q, k, v)
        y = torch.empty_like(v)
        with torch.autocast("cpu", enabled=False):
            for some_q, some_k, some_v, part in _InParts.parts(q, k, v, y):
                torch.bmm(torch.bmm(some_q, some_k.mT).softmax(-1), some_v, out=part)
        return y

    @staticmethod
    def backward(ctx, slope: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        found = [torch.empty_like(t) for t in ctx.saved_tensors]
        with torch.autocast("cpu", enabled=False):
            for q, k, v, g, *slopes in _InParts.parts(*ctx.saved_tensors, slope, *found):
                weights = torch.bmm(q, k.mT).softmax(-1)
                torch.bmm(weights.mT, g, out=slopes[2])
                inner = torch.bmm(g, v.mT)
                inner = torch._softmax_backward_data(inner, weights, -1, inner.dtype)
                torch.bmm(inner, k, out=slopes[0])
                slopes[1].copy_(torch.bmm(q.mT, inner).mT)
        return tuple(found)


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """softmax(q k^T) v of sequences (B, N, P, d), (B, N, P, d) and (B, N, P, c): (B, N, P, c).

    On a CPU `scaled_dot_product_attention` has no fast path for values wider than keys. It stays
    where there is nothing to gain, so that small presets keep every bit.
    """
    large = q.shape[2] >= 256 or q.dtype == torch.bfloat16
    if q.device.type == "cpu" and large:
        return _InParts.apply(*(t.flatten(0, 1) for t in (q, k, v))).unflatten(0, q.shape[:2])
    return nn.functional.scaled_dot_product_attention(q, k, v, scale=1.0)


class SelfAttention(nn.Module):
    """Half of F-SA: y = x + gain * softmax(q k^T) v over the T positions of a pixel or the H*W of a
    frame.

    No 1/sqrt(d) factor, as in G3AN; the gain starts at 0, so an untrained layer is the identity.
    """

    def __init__(self, c: int, over: str):
        super().__init__()
        self.over = over
        self.q = spectral_norm(nn.Conv3d(c, c // 8, 1))
        self.k = spectral_norm(nn.Conv3d(c, c // 8, 1))
        self.v = spectral_norm(nn.Conv3d(c, c, 1))
        self.gain = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        h, w = x.shape[3:]
        # (B, positions that are batched, positions attended over, channels)
        if self.over == "time":
            q, k, v = (f(x).permute(0, 3, 4, 2, 1).flatten(1, 2) for f in (self.q, self.k, self.v))
            y = attend(q, k, v).unflatten(1, (h, w)).permute(0, 4, 3, 1, 2)
        else:
            q, k, v = (f(x).permute(0, 2, 3, 4, 1).flatten(2, 3) for f in (self.q, self.k, self.v))
            y = attend(q, k, v).unflatten(2, (h, w)).permute(0, 4, 1, 2, 3)
        return x + self.gain * y
