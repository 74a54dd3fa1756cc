"""StyleGAN-V: its counts, what its discriminator is told, its turns, what it refuses."""

import math
from dataclasses import replace

import pytest
import torch
from stepping import ALONE, begun, weights

from rencgan.baselines.ada import augmented
from rencgan.baselines.stylegan2 import LazyAdam, Synthesis, r1, widths
from rencgan.baselines.stylegan_v import HolisticDiscriminator, Seen, StyleGANV
from rencgan.core.errors import InputError
from rencgan.data.sparse import Sparse
from rencgan.models.system import Step
from rencgan.presets.stylegan_v import StyleGANVPreset
from rencgan.presets.table import preset

SMOKE = preset("smoke", "stylegan-v")
P256, P64 = preset("256", "stylegan-v"), preset("64", "stylegan-v")


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def counted(net) -> int:
    return sum(w.numel() for w in net.parameters())


def sizes_of(p: StyleGANVPreset, **switches) -> tuple[int, ...]:
    with torch.device("meta"):
        return tuple(counted(n) for n in StyleGANV(**switches).networks(p).values())


def videos(p=SMOKE, k: int = 3, b: int = 2) -> Sparse:
    x = torch.rand(b, 3, k, p.size, p.size, generator=rng()) * 2 - 1
    t = torch.arange(k, dtype=torch.float64).expand(3, b, k) * 2.0
    return Sparse(x, t[0], t[1:] + 0.25)


def step_of(m, x: Sparse, number: int = 5, **changes) -> Step:
    chance = m.system.draws(0, number, m.p, m.phase, ALONE.rows, "cpu")
    s = Step(number, m.p, m.phase, x, chance, None, slice(0, len(x.x)), m.memory)
    return replace(s, **changes)


# -------------------------------------------------------------------------------------- the sizes


@pytest.mark.parametrize(
    ("p", "counts"),
    [
        (P256, (32_105_941, 25_333_568)),
        (P256.but(size=64), (31_158_031, 24_739_840)),
        (P64, (6_288_911, 6_109_184)),
    ],
)
def test_counts_are_the_published_ones(p, counts):
    assert sizes_of(p) == counts


@pytest.mark.parametrize("p", [P256, P64])
@pytest.mark.parametrize("k", [2, 3, 16])
def test_counts_have_their_closed_forms(p, k):
    c, d_w = widths(p.size, p.base, p.most), p.w_dim
    f, e, motion = p.table + 2 * int(math.log2(p.longest)), p.table, 2 * p.frequencies

    def modulated(i, o):
        return d_w * i + i + 9 * i * o + o

    g = 16 * c[4] + modulated(c[4] + motion, c[4])
    g += sum(modulated(c[r // 2], c[r]) + modulated(c[r], c[r]) for r in c if r > 4)
    g += sum(d_w * c[r] + c[r] + 3 * c[r] + 3 for r in c)
    d, top = 4 * c[p.size], c[4]
    for r in list(c)[:0:-1]:
        i = k * c[16] // 2 if r == 16 else c[r]
        o = c[16] // 2 if r == 32 else c[r // 2]
        d += 9 * i * c[r] + c[r] + 9 * c[r] * o + o + i * o
    d += 9 * (top + 1) * top + top + 16 * top**2 + top + top**2 + top
    d += p.longest * e + (f * (k - 1) * top + top) + 2 * (top**2 + top)
    with torch.device("meta"):
        nets = StyleGANV(k=k).networks(p)
        assert counted(nets["generator"].synthesis) == g
        assert counted(nets["discriminator"]) == d


def test_the_published_generator_is_made_of_these_parts():
    with torch.device("meta"):
        g = StyleGANV().networks(P256)["generator"]
        assert counted(g.mapping) == 525_312
        assert counted(g.motion) == 6_292_480
        assert counted(g.synthesis) == 25_288_149
        d = StyleGANV().networks(P256)["discriminator"]
        assert counted(d.mapping) + counted(d.embed) == 808_448
        assert d.table.numel() == 262_144


# ------------------------------------------------------------------------------ the discriminator


@pytest.fixture(scope="module")
def critic() -> HolisticDiscriminator:
    torch.manual_seed(0)
    return HolisticDiscriminator(SMOKE, 3).eval()


@torch.no_grad()
def test_logits_depend_on_differences_of_times_alone(critic):
    x, t = videos().x, torch.tensor([[0.0, 3, 10], [5, 6, 20]], dtype=torch.float64)
    logits = critic(x, t)
    assert logits.shape == (2,)
    assert torch.equal(critic(x, t + 512), logits)
    swapped = torch.tensor([[0.0, 7, 10], [5, 19, 20]], dtype=torch.float64)
    assert (critic(x, swapped) - logits).abs().min() > 1e-6
    assert (critic(x[:, :, [1, 0, 2]], t) - logits).abs().min() > 1e-7


@torch.no_grad()
def test_a_discriminator_that_is_not_told_times_does_not_know_them():
    torch.manual_seed(0)
    untold = HolisticDiscriminator(SMOKE, 3, told=False).eval()
    x, t = videos().x, torch.tensor([[0.0, 3, 10], [5, 6, 20]], dtype=torch.float64)
    assert torch.equal(untold(x, t), untold(x, t * 2))


def test_a_row_and_waves_stand_for_a_difference(critic):
    gaps = torch.tensor([[4.0, 17.0]], dtype=torch.float64)
    with torch.no_grad():
        found = critic.features(gaps).unflatten(1, (2, -1))
    waves = math.pi * 2.0 ** torch.arange(6, dtype=torch.float64) / 64
    assert found.shape == (1, 2, 4 + 12)
    assert torch.equal(found[0, 1, :4], critic.table[17])
    assert torch.allclose(found[0, 0, 4:10].double(), (4 * waves).sin(), atol=1e-6)
    assert torch.allclose(found[0, 0, 10:].double(), (4 * waves).cos(), atol=1e-6)


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ([0.0, 3, 3], "not by 0 to 3"),
        ([5.0, 3, 9], "not by -2 to 6"),
        ([0.0, 3, 70], "less than 64 frames, not by 3 to 67"),
        ([0.0, 3], "reads 3 frames of a video and as many times, not 3 and 2"),
    ],
)
def test_times_that_it_cannot_read_are_refused(critic, times, words):
    t = torch.tensor([times, times], dtype=torch.float64)
    with pytest.raises(InputError, match=words):
        critic(videos().x, t)


def test_another_number_of_frames_is_refused(critic):
    with pytest.raises(InputError, match="reads 3 frames of a video and as many times, not 4"):
        critic(videos(k=4).x, videos().t)


def test_r1_of_a_linear_logit_is_half_its_squared_norm_over_k():
    a = torch.randn(3, 5, 8, 8, generator=rng(), dtype=torch.float64)
    x = torch.randn(4, 3, 5, 8, 8, generator=rng(), dtype=torch.float64, requires_grad=True)
    found = r1((a * x).sum(dim=(1, 2, 3, 4)), x, frames=5)
    assert float(found.detach()) == pytest.approx(float(a.square().sum()) / 2 / 5, rel=1e-9)


# --------------------------------------------------------------------------------- steps and turns


def test_optimisers_have_the_rates_of_lazy_turns():
    m = begun(StyleGANV(), SMOKE)
    g, d = (m.optimisers[name].param_groups[0] for name in ("generator", "discriminator"))
    assert (g["lr"], g["betas"][1]) == pytest.approx((0.0025 * 4 / 5, 0.99 ** (4 / 5)))
    assert (d["lr"], d["betas"][1]) == pytest.approx((0.0025 * 16 / 17, 0.99 ** (16 / 17)))
    assert isinstance(m.optimisers["generator"], LazyAdam)
    m = begun(StyleGANV.variant("mocogan-d"), SMOKE)
    assert m.optimisers["video_d"].param_groups[0]["lr"] == pytest.approx(0.00025)


def test_r1_counts_every_16th_step_and_times_16():
    m = begun(StyleGANV(), SMOKE)
    for number, players in ((15, 2), (16, 3), (32, 3)):
        assert len(list(m.system.turns(m.nets, step_of(m, videos(), number)))) == players
    assert m.system.weight("r1", P256, m.phase) == pytest.approx(0.2048 * 16)
    assert m.system.weight("discriminator", P256, m.phase) == 1.0
    assert P256.gamma == pytest.approx(0.0002 * 256**2 / 64)
    assert P64.gamma == pytest.approx(0.0002 * 64**2 / 32)


def test_a_turn_moves_its_own_player_alone():
    m = begun(StyleGANV(), SMOKE)
    before = {name: weights(net).clone() for name, net in m.nets.items()}
    turns = m.system.turns(m.nets, step_of(m, videos(), 16))
    for expected in ("generator", "discriminator", "discriminator"):
        name, loss = next(turns)
        assert name == expected
        m._move((name,), loss(), ALONE)
        after = {n: weights(net).clone() for n, net in m.nets.items()}
        moved = {n for n in after if not torch.equal(after[n], before[n])}
        assert moved == {name}
        before = after


def test_untrained_losses_are_near_those_of_a_coin():
    m = begun(StyleGANV(), SMOKE.but(augment="none", batch=4))
    losses = {name: loss() for name, loss in m.system.turns(m.nets, step_of(m, videos(b=4)))}
    assert float(losses["generator"].detach()) == pytest.approx(math.log(2), abs=0.4)
    assert float(losses["discriminator"].detach()) == pytest.approx(2 * math.log(2), abs=0.8)


@pytest.mark.parametrize("variant", StyleGANV.variants)
def test_every_variant_takes_a_step(variant):
    system = StyleGANV.variant(variant)
    m = begun(system, SMOKE, 16)
    found = m.play(step_of(m, videos(k=system.k), 16), ALONE)
    critics = {"image_d", "video_d"} if system.d == "mocogan" else {"discriminator"}
    assert set(found) == {"generator", "r1"} | critics
    assert all(v.isfinite() for v in found.values())


def test_the_running_average_forgets_half_in_its_half_life():
    system = StyleGANV()
    assert system.average(10**6, P256) ** (20_000 / 64) == pytest.approx(0.5)
    assert system.average(10**6, P64) ** (10_000 / 32) == pytest.approx(0.5)
    begins = system.average(99, P64)  # 3,200 videos were seen
    assert begins ** (0.05 * 3200 / 32) == pytest.approx(0.5)
    assert system.average(0, P256) == system.average(10**6, P256)  # as published: no ramp


# --------------------------------------------------------------------------------------------- ADA


def test_augmentation_rises_while_the_discriminator_is_sure_and_falls_else():
    m = begun(StyleGANV(), SMOKE)  # 2 videos a step, p by 0.04 every 2 steps
    sure, unsure = torch.tensor(1.0), torch.tensor(0.0)
    for number, sign, p in ((0, sure, 0.0), (1, sure, 0.04), (2, sure, 0.04), (3, sure, 0.08)):
        Seen(m.system, m.nets, step_of(m, videos(), number)).adapt(sign)
        assert float(m.memory["ada"][0][0]) == pytest.approx(p)
    for number in range(4, 14):
        Seen(m.system, m.nets, step_of(m, videos(), number)).adapt(unsure)
    assert float(m.memory["ada"][0][0]) == 0.0  # never below


def test_signs_are_those_of_the_joint_batch():
    m = begun(StyleGANV(), SMOKE)
    asked = []
    s = step_of(m, videos(), mean=lambda x: asked.append(x) or x)
    Seen(m.system, m.nets, s).against("discriminator", s.x.x)
    assert len(asked) == 1
    assert asked[0].shape == ()


@pytest.mark.parametrize("augment", ["ada", "diff", "none"])
def test_critics_see_augmented_videos(augment):
    m = begun(StyleGANV(), SMOKE.but(augment=augment))
    m.memory["ada"] = [torch.tensor([0.8, 0.0, 0.0])]
    s = step_of(m, videos())
    seen = Seen(m.system, m.nets, s).shown(s.x.x, 2)
    assert torch.equal(seen, s.x.x) == (augment == "none")
    if augment == "ada":
        assert torch.equal(seen, augmented(s.x.x, s.chance.seen[2], 0.8))


# ---------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"size": 48}, "frames of 32, 64, 128 ... pixels, not of 48"),
        ({"size": 16}, "frames of 32, 64, 128 ... pixels, not of 16"),
        ({"base": 128}, "a base of 128 leaves no channel at 256 pixels"),
        ({"batch": 0, "kernel": 0}, "kernel and batch must be at least 1"),
        ({"longest": 1000}, "longest is a power of two"),
        ({"longest_period": 8}, "periods go from 16 frames up, not to 8"),
        ({"largest_distance": 1024}, "largest_distance lies in 1 to 1023, not 1024"),
        ({"distances": (2, 64)}, "distances lie in 1 to 32, not 64"),
        ({"gamma": -1.0}, "gamma cannot be negative"),
        ({"beta2": 1.0}, r"must lie in \[0, 1\)"),
        ({"augment": "bgc"}, "augment is one of ada, diff, none, not 'bgc'"),
        ({"train_on": "test"}, "train_on is 'train' or 'all'"),
        ({"batch": "64"}, "batch must be a whole number"),
    ],
)
def test_impossible_presets_are_refused(changes, words):
    with pytest.raises(InputError, match=words):
        P256.but(**changes)


@pytest.mark.parametrize(
    ("switches", "words"),
    [
        ({"k": 1}, "k is a whole number of frames, at least 2, not 1"),
        ({"spacing": -1}, "spacing is a whole number of frames, not -1"),
        ({"codes": "gru"}, "codes is one of anchors, lstm, not 'gru'"),
        ({"told": 2}, "told is True or False, not 2"),
        ({"g": "mocogan"}, "give codes 'lstm'"),
        ({"d": "mocogan"}, "give k 16"),
    ],
)
def test_impossible_switches_are_refused(switches, words):
    with pytest.raises(InputError, match=words):
        StyleGANV(**switches)


def test_more_frames_than_their_distance_holds_are_refused():
    with pytest.raises(InputError, match="34 frames do not fit into 33"):
        StyleGANV(k=34).check(P256)


def test_a_code_of_motion_is_asked_for_in_every_pixel():
    with pytest.raises(InputError, match="1 codes w and 8 extra channels|8 extra channels"):
        Synthesis({4: 4, 8: 4}, 4, extra=8)(torch.zeros(1, 4))
