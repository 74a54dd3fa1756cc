"""Motion codes: continuous, never repeating, made of 22 tokens each."""

import pytest
import torch

from rencgan.baselines.motion_codes import AnchoredCodes, LstmCodes, tokens
from rencgan.core.errors import InputError
from rencgan.presets.stylegan_v import StyleGANVPreset

SMALL = StyleGANVPreset(motion_dim=24, frequencies=12)
DELTA = SMALL.delta


@pytest.fixture(scope="module")
def codes() -> AnchoredCodes:
    torch.manual_seed(0)
    return AnchoredCodes(SMALL, DELTA).eval()


def noise(n: int = 40, seed: int = 1, batch: int = 1) -> torch.Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(batch, n, SMALL.motion_dim, generator=rng)


def at(codes, z, *times: float, first: int = 0) -> torch.Tensor:
    with torch.no_grad():
        return codes(z, torch.tensor([times], dtype=torch.float64), first)[0]


def counted(net) -> int:
    return sum(w.numel() for w in net.parameters())


def test_the_published_layers_have_their_published_counts():
    with torch.device("meta"):
        made = AnchoredCodes(StyleGANVPreset(), 16)
        assert counted(made) == 6_292_480
        assert counted(made.convolutions) == 5_768_192
        assert counted(AnchoredCodes(StyleGANVPreset(), 16, amplitude=True)) == 6_292_480 + 131_072
    assert tokens(1024, 16, made.ahead) == 86


def test_codes_are_anchored_and_continuous(codes):
    """v(t_i) = W_a u_i, from both sides."""
    z = noise()
    with torch.no_grad():
        anchors = codes.align(codes.mapped(z.transpose(1, 2))[0].T)
    for i in (1, 2, 7):
        before, here, after = at(codes, z, i * DELTA - 1e-3, i * DELTA, i * DELTA + 1e-3)
        assert torch.allclose(here, anchors[i], atol=1e-6)
        assert (before - here).abs().max() < 1e-3
        assert (after - here).abs().max() < 1e-3
        almost = at(codes, z, i * DELTA - 1e-9)[0]
        assert torch.allclose(almost, anchors[i], atol=1e-6)


def test_without_their_correction_codes_would_jump_at_anchors(codes):
    z = noise().transpose(1, 2)
    with torch.no_grad():
        u = codes.mapped(z)[0].T
        for i in (1, 2, 7):
            t = torch.tensor([i * DELTA], dtype=torch.float64)
            _, _, left = codes.waves(u[i - 1 : i], t - DELTA, t * 0)
            _, right, _ = codes.waves(u[i : i + 1], t, t * 0)
            assert (left - right).abs().max() > 0.5


@pytest.mark.parametrize("t", [0.0, 37.25, 48.0])
def test_a_code_depends_on_its_22_tokens_and_on_no_other(codes, t):
    z = noise()
    here, first = at(codes, z, t), int(t // DELTA)
    assert codes.tokens(t) == range(first, first + 22)
    for i in range(z.shape[1]):
        other = z.clone()
        other[0, i] += 1.0
        changed = not torch.equal(at(codes, other, t), here)
        right = t % DELTA == 0 and i == first + 21  # at an anchor the one behind counts nothing
        assert changed == (i in codes.tokens(t) and not right), i


def test_between_anchors_absolute_time_enters(codes):
    z = noise()
    assert torch.allclose(at(codes, z, 32.0), at(codes, z[:, 1:], 32.0 - DELTA), atol=1e-6)
    gap = at(codes, z, 37.0) - at(codes, z[:, 1:], 37.0 - DELTA)
    assert gap.abs().max() > 0.05


def test_tokens_from_a_later_one_on_give_the_same_code(codes):
    z = noise()
    assert torch.equal(at(codes, z, 70.5), at(codes, z[:, 4:26], 70.5, first=4))


def test_a_million_frames_on_codes_move_as_smoothly(codes):
    far, z = 10**6, noise()
    steps = [at(codes, z, t + 5, t + 5.001, first=int(t // DELTA)) for t in (0, far)]
    moved = [float((s[1] - s[0]).norm()) for s in steps]
    assert moved[1] == pytest.approx(moved[0], rel=0.5)
    assert moved[1] > 1e-5


def test_noise_is_mapped_to_a_deviation_of_about_a_half():
    torch.manual_seed(0)
    codes = AnchoredCodes(SMALL.but(motion_dim=256), DELTA)
    z = torch.randn(8, 256, 60, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        assert codes.mapped(z).square().mean() == pytest.approx(0.27, rel=0.15)


def test_periods_are_spaced_geometrically_from_the_longest_on(codes):
    periods = 2 * torch.pi / codes.sigma
    ratio = periods[1:] / periods[:-1]
    assert (float(periods[0]), float(periods[-1])) == pytest.approx((1024, 16))
    assert torch.allclose(ratio, ratio[:1].expand_as(ratio))
    assert (float(codes.kappa[0]), float(codes.kappa[-1])) == pytest.approx((1, 64))


def test_amplitudes_are_an_option():
    torch.manual_seed(0)
    loud = AnchoredCodes(SMALL, DELTA, amplitude=True)
    z = noise()
    assert at(loud, z, 37.0).shape == (1, 24)
    with torch.no_grad():
        loud.alpha.weight.zero_()
        u = loud.mapped(z.transpose(1, 2))[0].T
        plain = torch.lerp(loud.align(u[2]), loud.align(u[3]), 5 / 16)
    assert torch.allclose(at(loud, z, 37.0)[0], plain, atol=1e-6)


@pytest.mark.parametrize("kind", [AnchoredCodes, LstmCodes])
def test_times_that_cannot_be_are_refused(kind):
    made, z = kind(SMALL, DELTA), noise(30)
    last = 30 - 2 - made.ahead
    at(made, z, last * DELTA + 15.9)
    with pytest.raises(InputError, match="times are 0 or more, in frames, not -3"):
        at(made, z, 5.0, -3.0)
    with pytest.raises(InputError, match="times are 0 or more"):
        at(made, z, float("nan"))
    with pytest.raises(InputError, match=rf"tokens 0 to {31 - 1}; 30 were given, from 0 on"):
        at(made, z, 0.0, (last + 1) * DELTA)
    with pytest.raises(InputError, match="30 were given, from 2 on"):
        at(made, z, DELTA * 1.5, first=2)


def test_codes_of_an_lstm_are_mapped_from_what_lies_between_its_outputs():
    torch.manual_seed(0)
    made = LstmCodes(SMALL, 1)
    z = noise(40, batch=2)
    t = torch.tensor([[0.0, 3.5, 20.0], [1.0, 2.0, 7.25]], dtype=torch.float64)
    with torch.no_grad():
        u = made.lstm(z)[0]
        v = made(z, t)
        assert torch.allclose(v[1, 2], made.layers(torch.lerp(u[1, 7], u[1, 8], 0.25)), atol=1e-5)
        assert torch.allclose(v[0, 2], made.layers(u[0, 20]), atol=1e-5)
    assert made.tokens(3.5) == range(0, 5)
    assert tokens(256, 1, made.ahead) == 257
