"""F-SA on a CPU: the same numbers by plain products in parts."""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from rencgan.models import attention
from rencgan.models.attention import SelfAttention, attend


def sequences(shape: tuple[int, ...], values: int, dtype: torch.dtype) -> list[torch.Tensor]:
    torch.manual_seed(0)
    q, k = (torch.randn(*shape, 4) for _ in range(2))
    return [t.to(dtype).requires_grad_() for t in (q, k, torch.randn(*shape, values))]


def slopes(f, given: list[torch.Tensor]) -> list[torch.Tensor]:
    y = f(*given)
    slope = torch.randn(y.shape, generator=torch.Generator().manual_seed(1)).to(y.dtype)
    return [y, *torch.autograd.grad(y, given, slope)]


@pytest.mark.parametrize(
    ("dtype", "error"), [(torch.float64, 1e-12), (torch.float32, 1e-5), (torch.bfloat16, 0.1)]
)
@pytest.mark.parametrize("shape", [(2, 3, 256), (1, 5, 300), (3, 40, 8)])
def test_parts_come_to_the_whole(dtype, error, shape, monkeypatch):
    """Output and gradients, where parts are even, uneven and single."""
    given = sequences(shape, 24, dtype)
    whole = slopes(lambda q, k, v: scaled_dot_product_attention(q, k, v, scale=1.0), given)
    for cached in (1, 2 * shape[2] ** 2, 2**20):
        monkeypatch.setattr(attention._InParts, "CACHED", cached)
        parts = slopes(
            lambda q, k, v: attention._InParts.apply(
                *(t.flatten(0, 1) for t in (q, k, v))
            ).unflatten(0, q.shape[:2]),
            given,
        )
        for ours, theirs in zip(parts, whole, strict=True):
            assert ours.dtype == dtype
            assert (ours - theirs).abs().max() <= error * theirs.abs().max()


def test_gradients_are_those_of_differences():
    torch.manual_seed(0)
    given = [torch.randn(3, 5, d, dtype=torch.float64, requires_grad=True) for d in (2, 2, 6)]
    assert torch.autograd.gradcheck(attention._InParts.apply, given)


def test_large_layers_go_in_parts_and_small_ones_keep_their_bits(monkeypatch):
    called = []
    monkeypatch.setattr(
        attention._InParts, "apply", lambda *t: called.append(t[0].shape) or t[2]
    )  # fmt: skip
    small, large = (sequences((1, 2, n), 8, torch.float32) for n in (64, 256))
    assert torch.equal(attend(*small), scaled_dot_product_attention(*small, scale=1.0))
    attend(*large)
    assert called == [(2, 256, 4)]


@pytest.mark.parametrize("over", ["time", "space"])
def test_weights_of_no_query_average(over):
    """With queries of zero every position gets the mean of the values (time, or a frame's)."""
    torch.manual_seed(0)
    layer = SelfAttention(8, over).eval()
    with torch.no_grad():
        layer.gain.fill_(1.0)
        layer.q = torch.nn.Conv3d(8, 1, 1)
        layer.q.weight.zero_()
        layer.q.bias.zero_()
        x = torch.randn(2, 8, 4, 16, 16)
        v = layer.v(x)
        mean = v.mean(2, keepdim=True) if over == "time" else v.mean((3, 4), keepdim=True)
        assert torch.allclose(layer(x), x + mean, atol=1e-5)
