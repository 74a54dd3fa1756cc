"""iVGAN and its critics: shapes, counts, the closed forms of the penalties, who moves."""

from types import SimpleNamespace

import pytest
import torch
from stepping import assert_same, begun, given, stepped, weights
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from rencgan.baselines.ivgan import IVGAN, Critic, Generator, between, gradient_norms
from rencgan.core.errors import InputError
from rencgan.presets.baselines import IVGAN_64, IVGAN_PRESETS, IVGAN_SMOKE
from rencgan.presets.ivgan import IVGANPreset
from rencgan.presets.table import preset
from rencgan.training.players import Players

P = IVGAN_SMOKE
VOXELS = 32 * 64 * 64


def count(net: nn.Module) -> int:
    return sum(w.numel() for w in net.parameters())


def clips(size: int = 16, videos: int = 2, seed: int = 0) -> torch.Tensor:
    rng = torch.Generator().manual_seed(seed)
    return 2 * torch.rand(videos, 3, 32, size, size, generator=rng) - 1


# ---------------------------------------------------------------------------------------- networks


def shapes(net: nn.Module, x: torch.Tensor, of: tuple) -> list[tuple]:
    found = []
    with torch.no_grad():
        for layer in net.layers:
            x = layer(x)
            if isinstance(layer, of):
                found.append(tuple(x.shape[1:]))
    return found


def test_shapes_of_the_published_layers():
    made = shapes(Generator(IVGAN_64), torch.zeros(1, 100), (nn.Unflatten, nn.ConvTranspose3d))
    grown = [(512, 2, 4, 4), (256, 4, 8, 8), (128, 8, 16, 16), (64, 16, 32, 32)]
    assert made == [*grown, (3, 32, 64, 64)]
    judged = shapes(Critic(IVGAN_64), torch.zeros(1, 3, 32, 64, 64), (nn.Conv3d, nn.Linear))
    shrunk = [(64, 16, 32, 32), (128, 8, 16, 16), (256, 4, 8, 8), (512, 2, 4, 4)]
    assert judged == [*shrunk, (1, 1, 2, 2), (1,)]


def test_counts_are_those_of_the_papers():
    with torch.device("meta"):
        generator = Generator(IVGAN_64)
        critics = {norm: Critic(IVGAN_64, norm) for norm in ("channel", "element", "")}
    kinds = (nn.Linear, nn.BatchNorm3d, nn.ConvTranspose3d)
    found = {k: [count(m) for m in generator.layers if isinstance(m, k)] for k in kinds}
    assert found[nn.Linear] == [1_654_784] and found[nn.BatchNorm3d] == [1024, 512, 256, 128]
    assert found[nn.ConvTranspose3d] == [8_388_864, 2_097_280, 524_352, 12_291]
    assert count(generator) == 12_679_491
    layers = [count(m) for m in critics[""].layers if count(m)]
    assert layers == [12_352, 524_416, 2_097_408, 8_389_120, 32_769, 5]
    counts = {norm: count(critic) for norm, critic in critics.items()}
    assert counts == {"channel": 11_057_990, "element": 13_841_350, "": 11_056_070}
    assert (counts["channel"] - counts[""], counts["element"] - counts[""]) == (1920, 2_785_280)


@pytest.mark.parametrize("size", [16, 32, 64])
@pytest.mark.parametrize("norm", ["channel", "element", ""])
def test_smaller_frames_take_the_same_32_frames(size, norm):
    p = P.but(size=size)
    made = Generator(p)(torch.randn(2, p.latent))
    assert made.shape == (2, 3, 32, size, size) and made.abs().max() <= 1
    assert Critic(p, norm)(made).shape == (2,)


def test_layer_norm_is_over_one_whole_sample():
    for norm in ("channel", "element"):
        layer = next(
            m for m in Critic(P, norm).layers if isinstance(m, nn.GroupNorm | nn.LayerNorm)
        )
        x = 3 + 2 * torch.randn(2, 8, 16, 8, 8)
        y = layer(x).flatten(1)
        assert y.mean(1).abs().max() < 1e-4 and (y.std(1) - 1).abs().max() < 1e-3


def test_the_first_weights_are_those_of_the_original():
    torch.manual_seed(0)
    generator, critic = Generator(IVGAN_64), Critic(IVGAN_64)
    layer = critic.layers[3]  # 64 to 128
    assert layer.weight.std().item() == pytest.approx((4 / (64 * 64 + 8 * 128)) ** 0.5, rel=0.01)
    assert generator.layers[0].weight.std().item() == pytest.approx(0.01, rel=0.01)
    biased = [m for net in (generator, critic) for m in net.layers if hasattr(m, "out_channels")]
    assert len(biased) == 9 and all(not m.bias.any() for m in biased)
    with torch.no_grad():
        assert generator(torch.randn(4, 100)).std().item() == pytest.approx(0.39, abs=0.02)
    assert 1e-3 < gradient_norms(critic, clips(64, 1)).item() < 1e-2  # 9e-6 without the root


WRONG = [(1, 3, 16, 16, 16), (1, 3, 32, 16, 32), (1, 1, 32, 16, 16), (3, 32, 16, 16)]


@pytest.mark.parametrize("shape", WRONG)
def test_clips_of_another_shape_are_refused_by_it(shape):
    for norm in ("channel", ""):
        with pytest.raises(InputError, match=r"judges clips \(B, 3, 32, 16, 16\), not \(") as told:
            Critic(P, norm)(torch.zeros(shape))
        assert str(shape) in str(told.value)


# -------------------------------------------------------------------------------------- the critics


def test_variants_are_rows_of_switches():
    assert list(IVGAN.variants) == ["gp", "sn", "sn-gp", "0-gp", "one-sided", "drift"]
    titles = [IVGAN.variant(name).title(P) for name in IVGAN.variants]
    names = ("GP", "SN", "SN-GP", "0-GP", "one-sided GP", "GP, drift")
    assert titles == [f"iVGAN, {name}" for name in names]
    voxel = IVGAN(zero_centred=True, gradient_norm="voxel", affine="element")
    assert voxel.title(P) == "iVGAN, 0-GP, element affine, norm of each voxel"


@pytest.mark.parametrize(
    ("switches", "words"),
    [
        ({"penalty": False}, "nothing holds this critic"),
        ({"penalty": False, "spectral_norm": True, "drift": True}, "drift says what a penalty is"),
        ({"penalty": False, "spectral_norm": True, "zero_centred": True}, "zero_centred says what"),
        ({"zero_centred": True, "one_sided": True}, "zero_centred or one_sided, not both"),
        ({"gradient_norm": "batch"}, "gradient_norm is one of sample, voxel, not 'batch'"),
        ({"affine": "none"}, "affine is one of channel, element, not 'none'"),
        ({"drift": 1e-4}, "drift is True or False, not 0.0001"),
    ],
)
def test_impossible_critics_are_refused(switches, words):
    with pytest.raises(InputError, match=words):
        IVGAN(**switches)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"size": 128}, "iVGAN makes frames of 16, 32, 64 pixels, not 128"),
        ({"critic_widths": (8, 8)}, "critic_widths are 4 numbers from 1 up"),
        ({"critic_turns": 0}, "critic_turns must be at least 1"),
        ({"w_penalty": -1.0}, "w_penalty cannot be negative"),
        ({"beta2": 1.0}, "beta1 and beta2 must lie in"),
    ],
)
def test_impossible_presets_are_refused(changes, words):
    with pytest.raises(InputError, match=words):
        IVGANPreset(**changes)


def test_presets_are_found_by_name():
    for name, p in IVGAN_PRESETS.items():
        assert p.name == name and preset(name, "ivgan") == p
    with pytest.raises(
        InputError, match="no preset of ivgan 'mini'; choose one of smoke, hour, 64"
    ):
        preset("mini", "ivgan")


@pytest.mark.parametrize("name", IVGAN.variants)
def test_where_norms_are(name):
    """SN keeps its layer norm, SN-GP has none; both hold all six layers."""
    critic = IVGAN.variant(name).networks(P)["critic"]
    norms = sum(isinstance(m, nn.GroupNorm) for m in critic.layers)
    held = sum(is_parametrized(m, "weight") for m in critic.layers)
    assert (norms, held) == {"sn": (4, 6), "sn-gp": (0, 6)}.get(name, (4, 0))


def test_spectral_norm_holds_the_largest_singular_value_of_all_six():
    torch.manual_seed(1)
    critic = Critic(P.but(size=64, critic_widths=(16, 32, 32, 64)), spectral=True)
    for _ in range(30):  # an iteration each
        critic(clips(64, 1))
    held = [m.weight for m in critic.layers if is_parametrized(m, "weight")]
    largest = [torch.linalg.matrix_norm(w.detach().flatten(1), 2).item() for w in held]
    assert len(largest) == 6 and largest == pytest.approx([1.0] * 6, abs=0.02)


# ------------------------------------------------------------------------------------- closed forms


class Plane(nn.Module):
    """D(x) = <a, x> + b, with ||a|| = norm; `even`: the same at every voxel and colour."""

    def __init__(self, norm: float, b: float = 0.0, even: bool = False):
        super().__init__()
        a = torch.ones(3, 32, 64, 64) if even else torch.randn(3, 32, 64, 64)
        a = a.double()
        self.direction = a / a.norm()
        self.norm = nn.Parameter(torch.tensor(norm).double())
        self.b = b

    def forward(self, x):
        return (self.norm * self.direction * x).sum((1, 2, 3, 4)) + self.b


PENALTIES = {
    "gp": {0.5: 0.25, 1.0: 0.0, 2.0: 1.0},
    "0-gp": {0.5: 0.25, 1.0: 1.0, 2.0: 4.0},
    "one-sided": {0.5: 0.0, 1.0: 0.0, 2.0: 1.0},
}


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("name", PENALTIES)
def test_penalties_of_a_linear_critic(name, alpha):
    x, made = clips(64).double(), clips(64, seed=1).double()
    where = between(x, made, torch.full((2,), alpha).double())
    system = IVGAN.variant(name)
    found = {n: system.penalty_at(Plane(n), where).item() for n in PENALTIES[name]}
    assert found == pytest.approx(PENALTIES[name], abs=1e-9)


def test_between_is_real_at_0_and_generated_at_1():
    x, made = clips(), clips(seed=1)
    mixed = between(x, made, torch.tensor([0.0, 1.0]))
    assert torch.equal(mixed[0], x[0]) and torch.allclose(mixed[1], made[1])


def test_the_norm_of_each_voxel_is_another_penalty():
    """With n voxels GP pulls g towards sqrt(n) = 362, and 0-GP is g^2 / n."""
    plane, x = Plane(1.0, even=True), clips(64).double()
    found = {
        name: IVGAN(**IVGAN.variants[name], gradient_norm="voxel").penalty_at(plane, x).item()
        for name in ("gp", "0-gp")
    }
    assert found["gp"] == pytest.approx(0.994483, abs=1e-6)
    assert found["0-gp"] == pytest.approx(7.62939e-6, rel=1e-5)
    wide = IVGAN(gradient_norm="voxel").penalty_at(Plane(VOXELS**0.5, even=True), x)
    assert wide.item() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("of", ["sample", "voxel"])
@pytest.mark.parametrize("name", PENALTIES)
def test_the_gradient_of_a_penalty_is_its_finite_difference(name, of):
    system, x = IVGAN(**IVGAN.variants[name], gradient_norm=of), clips(64, 1).double()
    norm = 1.7 if of == "sample" else 500.0
    torch.manual_seed(0)
    plane = Plane(norm)
    system.penalty_at(plane, x).backward()
    step, sides = 1e-4 * norm, []
    for sign in (1, -1):
        plane.norm.data.fill_(norm + sign * step)
        sides.append(system.penalty_at(plane, x).item())
    assert plane.norm.grad.item() == pytest.approx((sides[0] - sides[1]) / (2 * step), rel=1e-5)


def test_a_flat_critic_has_a_finite_gradient():
    plane = Plane(0.0)
    IVGAN().penalty_at(plane, clips(64, 1).double()).backward()
    assert torch.isfinite(plane.norm.grad)


# ----------------------------------------------------------------------------------------- the loss


def of(nets: dict, name: str = "drift", number: int = 0) -> tuple[IVGAN, SimpleNamespace]:
    """A system, and a step of it on networks that a test made."""
    m = begun(IVGAN.variant(name), P, number)
    return m.system, given(m, clips(), number)


class Shifted(nn.Module):
    """Everything is generated as 0.5 and judged as its mean, and b."""

    def forward(self, z):
        return torch.full((len(z), 3, 32, 16, 16), 0.5)


def test_the_critics_terms_and_their_weights():
    system, s = of({})
    plane = Plane(0.0, b=3.0)
    nets = {"generator": Shifted(), "critic": lambda x: plane.b + 0 * x.sum((1, 2, 3, 4))}
    terms = {name: term().item() for name, term in system.critic_loss(nets, s).items()}
    assert terms["drift"] == 9.0 and terms["critic"] == 0
    weighed = {name: system.weight(name, P, s.phase) for name in terms}
    assert weighed == {"critic": 1.0, "penalty": 10.0, "drift": 1e-4}
    nets["critic"] = lambda x: x.mean((1, 2, 3, 4))
    critic = system.critic_loss(nets, s)["critic"]()
    assert critic.item() == pytest.approx(0.5 - s.x.mean().item(), abs=1e-6)


def test_which_terms_a_variant_has():
    found = {}
    for name in IVGAN.variants:
        m = begun(IVGAN.variant(name), P, 0)
        found[name] = list(stepped(m, clips(), 0))
    assert found == {
        **dict.fromkeys(("gp", "sn-gp", "0-gp", "one-sided"), ["critic", "penalty"]),
        **{"sn": ["critic"], "drift": ["critic", "penalty", "drift"]},
    }


@pytest.mark.parametrize("turns", [5, 2])
def test_updates_of_the_critic_to_one_of_the_generator(turns):
    p, moved = P.but(critic_turns=turns), {"critic": 0, "generator": 0}
    m = Players(IVGAN.variant("0-gp"), p)
    for step in range(12 * (turns + 1) // 2):
        before = {name: weights(net) for name, net in m.nets.items()}
        terms = stepped(m, clips(), step)
        names = [n for n, net in m.nets.items() if not torch.equal(weights(net), before[n])]
        assert len(names) == 1 and names[0] in terms
        moved[names[0]] += 1
    assert moved == {"critic": 6 * turns, "generator": 6}


def test_sixty_steps_are_fifty_and_ten():
    phases = [IVGAN().phase(step, IVGAN_64).name for step in range(60)]
    assert (phases.count("critic"), phases.count("generator")) == (50, 10)
    assert phases[5] == "generator" and phases[0] == "critic"


def test_noise_is_normal_and_shared_by_rows():
    system, p = IVGAN(), P.but(batch=64, latent=100)
    phase = system.phase(0, p)
    whole = system.draws(1, 7, p, phase, lambda n: slice(0, n), "cpu")
    half = system.draws(1, 7, p, phase, lambda n: slice(n // 2, n), "cpu")
    assert_same([part[32:] for part in whole], list(half))
    assert abs(whole.z.mean()) < 0.05 and abs(whole.z.std() - 1) < 0.05
    assert 0 <= whole.alpha.min() < 0.1 and 0.9 < whole.alpha.max() <= 1
    assert not torch.equal(whole.z, system.draws(1, 8, p, phase, lambda n: slice(0, n), "cpu").z)
