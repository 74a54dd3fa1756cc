"""The parts of StyleGAN2, against what can be worked out without them."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, conv_transpose2d, leaky_relu

from rencgan.baselines.stylegan2 import (
    Block,
    Conv,
    Discriminator,
    Head,
    LazyAdam,
    Linear,
    Mapping,
    Modulated,
    Synthesis,
    ToRGB,
    blurred,
    normalised,
    r1,
    upsampled,
    widths,
    with_deviation,
)
from rencgan.core.errors import InputError

C = {4: 6, 8: 5, 16: 4, 32: 3}


def counted(*nets: nn.Module) -> int:
    return sum(w.numel() for net in nets for w in net.parameters())


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def varied(net: nn.Module) -> nn.Module:
    """Biases and strengths that are not zero, so that a test can see them."""
    with torch.no_grad():
        for w in net.parameters():
            w.add_(0.3 * torch.randn(w.shape, generator=rng(1)))
    return net.double()


@pytest.mark.parametrize(
    ("channels", "parameters"), [(3, (30_034_338, 28_864_129)), (6, (30_043_191, 28_864_513))]
)
def test_the_counts_of_stylegan2_at_256_pixels(channels, parameters):
    c = widths(256, 32_768, 512)
    with torch.device("meta"):
        made = Mapping(512, 512, 8), Synthesis(c, 512, channels, noise=True)
        assert (counted(*made), counted(Discriminator(c, channels))) == parameters


def test_six_channels_cost_what_to_rgb_and_from_rgb_cost():
    c = widths(256, 32_768, 512)
    with torch.device("meta"):
        g = [counted(Synthesis(c, 512, n, noise=True)) for n in (3, 6)]
        d = [counted(Discriminator(c, n)) for n in (3, 6)]
    assert (g[1] - g[0], d[1] - d[0]) == (8853, 384)


@pytest.mark.parametrize(("size", "slots"), [(64, 10), (256, 14)])
def test_a_sample_takes_a_code_for_every_slot(size, slots):
    with torch.device("meta"):
        assert Synthesis(widths(size, 1024, 8), 4).slots == slots


def test_widths_halve_with_the_resolution_below_a_limit():
    assert widths(64, 8192, 256) == {4: 256, 8: 256, 16: 256, 32: 256, 64: 128}
    for size in (4, 48, 0):
        with pytest.raises(InputError, match=f"not of {size}"):
            widths(size, 8192, 256)


@torch.no_grad()
def test_equalised_layers_keep_the_variance_and_scale_their_rate():
    x = torch.randn(4000, 64, generator=rng())
    for m in (1.0, 0.01):
        torch.manual_seed(0)
        layer = Linear(64, 32, m, bias=1.0)
        assert layer(x).std() == pytest.approx(1.0, abs=0.05)
        assert layer(x).mean() == pytest.approx(m, abs=0.05)
        assert layer.weight.std() == pytest.approx(1 / m, rel=0.1)
    torch.manual_seed(0)
    still = Conv(16, 16, act=False)(torch.randn(4, 16, 32, 32, generator=rng()))
    assert still[..., 1:-1, 1:-1].std() == pytest.approx(1.0, abs=0.1)
    act = Linear(64, 32, act=True)
    assert act(x).square().mean() == pytest.approx(1.04, abs=0.1)  # (1 + 0.2**2) / 2 * 2


def test_a_code_is_normalised_before_it_is_mapped():
    z = torch.randn(3, 8, generator=rng())
    assert normalised(z).square().mean(dim=1) == pytest.approx([1.0] * 3, rel=1e-5)
    mapping = Mapping(8, 4, 2).eval()
    assert torch.allclose(mapping(z), mapping(7 * z), atol=1e-6)


def test_truncation_draws_towards_the_running_mean_of_w():
    mapping, z = Mapping(8, 4, 2), torch.randn(64, 8, generator=rng())
    for _ in range(2000):
        w = mapping(z)
    assert torch.allclose(mapping.mean, w.mean(dim=0), atol=1e-4)
    mapping.eval()
    kept = mapping.mean.clone()
    assert torch.allclose(mapping(z, 0.5), (w + kept) / 2, atol=1e-6)
    assert torch.allclose(mapping(z, 0.0), kept.expand(64, -1), atol=1e-6)
    assert torch.equal(mapping.mean, kept)  # evaluation leaves it alone


def kernel() -> torch.Tensor:
    taps = torch.tensor([1.0, 3, 3, 1], dtype=torch.float64) / 8
    return torch.outer(taps, taps)


def test_the_filter_has_sum_1_and_upsampling_keeps_a_flat_image_flat():
    x = torch.randn(1, 2, 9, 9, generator=rng(), dtype=torch.float64)
    for channel in range(2):
        plain = conv2d(x[:, channel : channel + 1], kernel()[None, None], padding=1)
        assert torch.allclose(blurred(x, 1)[:, channel : channel + 1], plain)
    assert torch.allclose(upsampled(torch.ones(1, 3, 8, 8))[..., 1:-1, 1:-1], torch.tensor(1.0))
    assert upsampled(x).shape == (1, 2, 18, 18)
    zeros = torch.zeros(1, 2, 21, 21, dtype=torch.float64)
    zeros[..., 2:-2:2, 2:-2:2] = x
    plain = [conv2d(zeros[:, i : i + 1], 4 * kernel()[None, None]) for i in range(2)]
    assert torch.allclose(upsampled(x), torch.cat(plain, dim=1))


@pytest.mark.parametrize("up", [False, True])
def test_a_modulated_convolution_is_one_with_a_kernel_for_each_sample(up):
    layer = varied(Modulated(3, 4, 5, 8, up, noise=True))
    w = torch.randn(2, 5, generator=rng(), dtype=torch.float64)
    x = torch.randn(2, 3, 4 if up else 8, 4 if up else 8, generator=rng(), dtype=torch.float64)
    noise = torch.randn(2, 1, 8, 8, generator=rng(), dtype=torch.float64)
    with torch.no_grad():
        styles = layer.affine(w)
        for i in range(2):
            mine = layer.weight * styles[i][:, None, None]
            mine = mine / (mine.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()
            if up:
                y = conv_transpose2d(x[i : i + 1], mine.transpose(0, 1), stride=2)
                y = 4 * conv2d(y, kernel().expand(4, 1, 4, 4), padding=1, groups=4)
            else:
                y = conv2d(x[i : i + 1], mine, padding=1)
            y = y + layer.strength * noise[i] + layer.bias[:, None, None]
            y = math.sqrt(2) * leaky_relu(y, 0.2)
            assert torch.allclose(layer(x, w, noise)[i : i + 1], y)


def test_to_rgb_scales_its_styles_and_does_not_demodulate():
    layer = varied(ToRGB(4, 6, 5))
    w = torch.randn(1, 5, generator=rng(), dtype=torch.float64)
    x = torch.randn(1, 4, 8, 8, generator=rng(), dtype=torch.float64)
    with torch.no_grad():
        kernel = layer.weight * (layer.affine(w)[0] / 2)[:, None, None]
        y = conv2d(x, kernel) + layer.bias[:, None, None]
        assert torch.allclose(layer(x, w).double(), y, atol=1e-6)


def test_images_of_all_resolutions_are_summed():
    g = varied(Synthesis({4: 6, 8: 5}, 4))
    w = torch.randn(2, g.slots, 4, generator=rng(), dtype=torch.float64)
    with torch.no_grad():
        x = g.layers[0](g.const.expand(2, -1, -1, -1), w[:, 0])
        image = upsampled(g.to_rgb[0](x, w[:, 1]))
        x = g.layers[2](g.layers[1](x, w[:, 1]), w[:, 2])
        assert torch.allclose(g(w), image + g.to_rgb[1](x, w[:, 3]))


def test_one_code_serves_all_slots_and_others_are_refused():
    g = Synthesis(C, 4, channels=6, extra=2)
    w, extra = torch.randn(2, 4, generator=rng()), torch.randn(2, 2, generator=rng())
    assert g(w, extra).shape == (2, 6, 32, 32)
    assert torch.equal(g(w, extra), g(w[:, None].expand(-1, g.slots, -1), extra))
    with pytest.raises(InputError, match="8 codes w and 2 extra channels, not 8 and 0"):
        g(w)
    with pytest.raises(InputError, match="8 codes w and 2 extra channels, not 3 and 2"):
        g(w[:, None].expand(-1, 3, -1), extra)


def test_noise_is_given_or_the_stored_one_and_begins_without_strength():
    torch.manual_seed(0)
    g = Synthesis(C, 4, noise=True)
    w = torch.randn(2, 4, generator=rng())
    fresh = g.noises(2, rng(3))
    assert [tuple(n.shape) for n in fresh][::2] == [(2, 1, r, r) for r in C]
    assert torch.equal(g(w), g(w, noises=fresh))
    with torch.no_grad():
        for layer in g.layers:
            layer.strength.fill_(0.5)
    assert torch.equal(g(w), g(w))
    assert not torch.allclose(g(w), g(w, noises=fresh))
    plain = Synthesis(C, 4)
    assert counted(g) - counted(plain) == len(g.layers)


@torch.no_grad()
def test_a_block_halves_the_resolution_and_keeps_the_variance():
    torch.manual_seed(0)
    x = torch.randn(200, 32, 1, 1, generator=rng()).expand(-1, -1, 16, 16)  # flat: no blur shows
    y = Block(32, 32, 48)(x)
    assert y.shape == (200, 48, 8, 8)
    assert y[..., 3:-3, 3:-3].square().mean() == pytest.approx(1.02, abs=0.1)


def test_a_convolution_that_halves_filters_first():
    x = torch.randn(1, 2, 8, 8, generator=rng(), dtype=torch.float64)
    for k in (1, 3):
        layer = varied(Conv(2, 3, k, down=True))
        with torch.no_grad():
            y = conv2d(x, kernel().expand(2, 1, 4, 4), padding=1 + k // 2, groups=2)
            y = conv2d(y, layer.weight / math.sqrt(2 * k * k), layer.bias, stride=2)
            assert torch.allclose(layer(x), math.sqrt(2) * leaky_relu(y, 0.2))


def test_the_deviation_of_a_group_is_a_channel():
    x = torch.zeros(8, 2, 4, 4)
    x[0], x[2], x[4], x[6] = 1.0, -1.0, 1.0, -1.0  # of one group, the others are alike
    y = with_deviation(x)
    assert y.shape == (8, 3, 4, 4)
    assert torch.equal(y[:, :2], x)
    assert y[::2, 2] == pytest.approx(torch.ones(4, 4, 4))
    assert y[1::2, 2] == pytest.approx(torch.zeros(4, 4, 4), abs=2e-4)
    assert with_deviation(x[:6]).shape == (6, 3, 4, 4)  # groups of 3
    assert with_deviation(x[:1])[:, 2] == pytest.approx(torch.zeros(1, 4, 4), abs=2e-4)


def test_a_discriminator_gives_an_image_one_logit():
    torch.manual_seed(0)
    d = Discriminator(C, channels=6)
    assert d(torch.randn(3, 6, 32, 32, generator=rng())).shape == (3,)
    c = 7
    assert counted(Head(c, c)) == 9 * (c + 1) * c + c + 16 * c * c + c + c * c + c


def test_r1_of_a_linear_logit_is_half_the_squared_norm_of_its_weights():
    a = torch.randn(3, 8, 8, generator=rng(), dtype=torch.float64)
    x = torch.randn(5, 3, 8, 8, generator=rng(), dtype=torch.float64, requires_grad=True)
    found = r1((a * x).sum(dim=(1, 2, 3)), x)
    assert float(found) == pytest.approx(float(a.square().sum() / 2), rel=1e-6)


def test_r1_reaches_the_weights_through_every_layer_of_the_discriminator():
    torch.manual_seed(0)
    d = Discriminator({4: 3, 8: 2}).double()
    x = torch.randn(4, 3, 8, 8, generator=rng(), dtype=torch.float64)
    w = d.blocks[0].first.weight

    def penalty() -> torch.Tensor:
        given = x.clone().requires_grad_()
        return r1(d(given), given)

    (slope,) = torch.autograd.grad(penalty(), w)
    with torch.no_grad():
        w[0, 0, 1, 1] += 1e-6
    above = penalty()
    with torch.no_grad():
        w[0, 0, 1, 1] -= 2e-6
    found = float((above - penalty()).detach() / 2e-6)
    assert found == pytest.approx(float(slope[0, 0, 1, 1]), rel=1e-4)


def test_only_the_four_highest_resolutions_compute_in_bfloat16():
    torch.manual_seed(0)
    c = widths(128, 128, 4)
    g, d = Synthesis(c, 4), Discriminator(c)
    seen = {}
    for r, layer in [(m.r, m) for m in g.layers] + list(zip(d.resolutions, d.blocks, strict=True)):
        layer.register_forward_hook(lambda m, i, y, r=r: seen.setdefault(r, set()).add(y.dtype))
    with torch.autocast("cpu", torch.bfloat16):
        logits = d(g(torch.randn(2, 4, generator=rng())))
    assert logits.dtype == torch.float32
    low = {r: {torch.bfloat16} if r >= 16 else {torch.float32} for r in c}
    assert seen == low


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # of PyTorch's own
def test_derivatives_run_forward_too():
    g = varied(Synthesis({4: 6, 8: 5}, 4, noise=True))
    w = torch.randn(1, 4, generator=rng(), dtype=torch.float64)
    direction = torch.randn(1, 4, generator=rng(1), dtype=torch.float64)
    _, moved = torch.func.jvp(g, (w,), (direction,))
    with torch.no_grad():
        ahead, behind = (g(w + sign * 1e-6 * direction) for sign in (1, -1))
    assert torch.allclose(moved, (ahead - behind) / 2e-6, atol=1e-5)


def test_lazy_adam_has_the_rates_of_a_step_with_both_turns_and_repairs_gradients():
    net = nn.Linear(3, 1, bias=False)
    adam = LazyAdam(net, 0.0017, (0.0, 0.99), every=16)
    (group,) = adam.param_groups
    assert group["lr"] == pytest.approx(0.0016)
    assert group["betas"] == (0.0, pytest.approx(0.99 ** (16 / 17)))
    assert group["eps"] == 1e-8
    net.weight.grad = torch.tensor([[math.nan, math.inf, -math.inf]])
    adam.step()
    assert net.weight.grad.tolist() == [[0.0, 1e5, -1e5]]
    assert net.weight.isfinite().all()
