"""R3's transformer and its heads: what each place may see, and what a head says of two futures."""

import pytest
import torch

from rencgan.core.errors import InputError
from rencgan.presets.gpt import GPTPreset
from rencgan.presets.table import GPT_128 as PUBLISHED
from rencgan.presets.table import GPT_MINI as MINI
from rencgan.presets.table import GPT_PRESETS, PUBLISHED_128, gpt_preset
from rencgan.presets.table import GPT_SMOKE as SMOKE
from rencgan.r3.gpt import GPT, Statistics
from rencgan.r3.heads import Flow, Mixture
from rencgan.studies import sizes

D = 6


def gpt_of(vocabulary=0, **changes) -> GPT:
    torch.manual_seed(0)
    p = SMOKE.but(**changes)
    stats = Statistics(torch.rand(D), 0.5 + torch.rand(D)) if p.carry else None
    gpt = GPT(p, D, vocabulary, stats).eval()
    with torch.no_grad():  # of deviation 0.02 everything would be nearly linear
        for w in gpt.parameters():
            w.add_(0.2 * torch.randn_like(w))
    return gpt


def tokens(b=2, n=9, seed=0):
    return torch.randn(b, n, D, generator=torch.Generator().manual_seed(seed))


# ---- the transformer -----------------------------------------------------------------------------


def test_the_published_size_is_1_36_billion():
    """Table 5.3: 1.36 B, 5.08 GB."""
    counts = sizes.sizes(PUBLISHED_128)
    assert counts["GPT"]["parameters"] == 1_362_467_328
    assert counts["GPT"]["parameters"] == pytest.approx(counts["GPT"]["published"], rel=0.005)
    assert counts["GPT"]["parameters"] * 4 / 1024**3 == pytest.approx(5.08, abs=0.005)


def test_no_later_token_changes_what_is_known_earlier():
    gpt, x = gpt_of(), tokens()
    with torch.no_grad():
        h, _ = gpt(x)
        changed = x.clone()
        changed[:, 5:] = 100.0
        other, _ = gpt(changed)
    assert torch.equal(h[:, :5], other[:, :5])
    assert not torch.allclose(h[:, 5:], other[:, 5:])


def test_every_earlier_token_counts():
    gpt, x = gpt_of(), tokens(1)
    x.requires_grad_(True)
    h, _ = gpt(x)
    h[0, -1].sum().backward()
    assert (x.grad[0].abs().sum(-1) > 0).all()


def test_with_keys_and_values_kept_nothing_changes():
    gpt, x = gpt_of(), tokens()
    with torch.no_grad():
        whole, _ = gpt(x)
        h, past = gpt(x[:, :4])
        steps = [h]
        for i in range(4, 9):
            h, past = gpt(x[:, i : i + 1], past=past)
            steps.append(h)
    assert torch.allclose(torch.cat(steps, 1), whole, atol=1e-5)


def test_attention_maps_are_what_the_blocks_attend_with():
    gpt, x = gpt_of(), tokens()
    maps = gpt.attention(x)
    assert len(maps) == SMOKE.blocks and maps[0].shape == (2, SMOKE.heads, 9, 9)
    for m in maps:
        assert torch.allclose(m.sum(-1), torch.ones_like(m[..., 0]))
        assert (m.triu(1) == 0).all()
    block, h = gpt.blocks[0], gpt._stream(x, None, None, 0)
    with torch.no_grad():
        _, _, v = block._qkv(h)
        seen = h + block.out((maps[0] @ v).transpose(1, 2).flatten(2))
        ours = seen + block.fc_2(torch.nn.functional.gelu(block.fc_1(block.norm_2(seen))))
        assert torch.allclose(ours, block(h)[0], atol=1e-5)


def test_tokens_go_in_bare_only_where_they_are_as_wide():
    assert isinstance(GPT(SMOKE, SMOKE.width).code_in, torch.nn.Identity)
    assert isinstance(GPT(SMOKE, D).code_in, torch.nn.Linear)
    assert isinstance(GPT(SMOKE, SMOKE.width, vocabulary=5).code_in, torch.nn.Linear)


def test_symbols_stand_where_they_are_said_to():
    gpt, x = gpt_of(vocabulary=4), tokens()
    words = torch.full((2, 9), -1)
    words[:, 2] = 3
    with torch.no_grad():
        h, _ = gpt(x, words)
        other = x.clone()
        other[:, 2] = 7.0  # what stands beneath a symbol is not read
        assert torch.equal(gpt(other, words)[0], h)
        words[:, 2] = 1
        assert not torch.allclose(gpt(x, words)[0][:, 3], h[:, 3])


def test_the_level_of_noise_is_told_in_proportion():
    gpt, x = gpt_of(context_noise=0.5), tokens()
    with torch.no_grad():
        plain, none = gpt(x)[0], gpt(x, level=torch.zeros(2))[0]
        told = gpt(x, level=torch.full((2,), 0.5))[0]
    assert torch.equal(plain, none) and not torch.allclose(plain, told)


def test_impossible_sequences_are_refused():
    gpt = gpt_of()
    with pytest.raises(InputError, match="12 positions; a sequence of 13 is too long"):
        gpt(tokens(n=13))
    with pytest.raises(InputError, match=r"tokens are \(B, N, 6\), not \(2, 3, 5\)"):
        gpt(torch.zeros(2, 3, 5))
    with pytest.raises(InputError, match="only the mixture head"):
        gpt.log_prob(torch.zeros(1, 16), torch.zeros(1, D), torch.zeros(1, D))


# ---- heads ---------------------------------------------------------------------------------------


def trained_on_two_futures(head: str) -> GPT:
    """One token, followed by +1 or -1 in all its numbers, equally often."""
    gpt = gpt_of(head=head, carry=False, components=4, flow_width=32, flow_blocks=2, euler_steps=16)
    chance = torch.Generator().manual_seed(1)
    optimiser = torch.optim.Adam(gpt.parameters(), 3e-3)
    read = torch.zeros(64, 1, D)
    for _ in range(500):
        sign = torch.randint(2, (64, 1, 1), generator=chance) * 2.0 - 1
        target = sign.expand(64, 1, D) + 0.05 * torch.randn(64, 1, D, generator=chance)
        noise = ()
        if gpt.head.noisy:
            noise = torch.randn(64, 1, D, generator=chance), torch.rand(64, 1, generator=chance)
        loss = gpt.loss(gpt(read)[0], read, target, *noise).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return gpt.eval()


def answers(gpt: GPT, n: int = 200) -> torch.Tensor:
    chance = torch.Generator().manual_seed(2)
    read = torch.zeros(n, 1, D)
    with torch.no_grad():
        h, _ = gpt(read)
        eps, u = torch.randn(n, 1, D, generator=chance), torch.rand(n, 1, generator=chance)
        return gpt.draw(h, read, eps, u)[:, 0]


def test_of_two_futures_regression_answers_with_the_average():
    made = answers(trained_on_two_futures("regression"))
    assert made.abs().max() < 0.2


@pytest.mark.parametrize("head", ["mixture", "flow"])
def test_of_two_futures_a_distribution_answers_with_one(head):
    made = answers(trained_on_two_futures(head))
    sign = made.mean(-1).sign()
    near = (made - sign[:, None]).abs().mean(-1) < 0.35
    assert near.float().mean() > 0.95
    assert 0.3 < (sign > 0).float().mean() < 0.7


def test_the_mixture_likelihood_is_that_of_its_gaussians():
    torch.manual_seed(0)
    head, h, y = Mixture(SMOKE, 3), torch.randn(5, 16), torch.randn(5, 3)
    with torch.no_grad():
        log_w, mean, log_s = head._parts(h)
        each = torch.distributions.Normal(mean, log_s.exp()).log_prob(y[:, None]).sum(-1)
        assert torch.allclose(head.log_prob(h, y), (log_w + each).logsumexp(-1), atol=1e-5)
        assert torch.allclose(head.loss(h, y, torch.ones(3)), -head.log_prob(h, y) / 3)


def test_the_likelihood_is_in_the_units_of_the_tokens():
    """A density integrates to 1 whatever the head works in: one number, on a grid."""
    torch.manual_seed(0)
    p = SMOKE.but(head="mixture")
    gpt = GPT(p, 1, 0, Statistics(torch.tensor([0.7]), torch.tensor([0.3]))).eval()
    grid = torch.linspace(-12, 12, 20001)[:, None]
    with torch.no_grad():
        h = torch.randn(1, 16).expand(len(grid), 16)
        density = gpt.log_prob(h, torch.ones_like(grid), grid).exp()
    assert float(torch.trapezoid(density, grid[:, 0])) == pytest.approx(1, abs=1e-3)


def test_mixture_draws_are_those_of_its_density():
    torch.manual_seed(0)
    head = Mixture(SMOKE, 2)
    h = torch.randn(1, 16).expand(20000, 16)
    with torch.no_grad():
        log_w, mean, _ = head._parts(h[:1])
        made = head.draw(h, torch.randn(20000, 2), torch.rand(20000))
        expected = (log_w.exp()[..., None] * mean).sum(-2)[0]
        assert torch.allclose(made.mean(0), expected, atol=0.05)
        cold = head.draw(h[:3], torch.randn(3, 2), torch.rand(3), temperature=0.0)
        assert torch.allclose(cold, mean[0, log_w[0].argmax()].expand(3, 2))


def test_flow_steps_are_euler_steps_of_its_velocities():
    torch.manual_seed(0)
    head = Flow(SMOKE.but(euler_steps=3), 4)
    h, eps = torch.randn(2, 16), torch.randn(2, 4)
    with torch.no_grad():
        y = eps * 0.5
        for t in (0, 1 / 3, 2 / 3):
            y = y + head.velocity(y, torch.full((2,), t), h) / 3
        assert torch.allclose(head.draw(h, eps, torch.zeros(2), temperature=0.5), y, atol=1e-6)


def test_regression_is_smooth_l1_in_the_units_of_the_tokens():
    gpt, x = gpt_of(), tokens()
    with torch.no_grad():
        h, _ = gpt(x[:, :-1])
        made = gpt.draw(h, x[:, :-1], torch.zeros_like(h[..., :D]), torch.zeros(2, 8))
        right = torch.nn.functional.smooth_l1_loss(made, x[:, 1:], reduction="none").mean(-1)
        assert torch.allclose(gpt.loss(h, x[:, :-1], x[:, 1:]), right, atol=1e-5)


# ---- presets -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"head": "diffusion"}, "the head is one of regression, mixture, flow, not 'diffusion'"),
        ({"format": "pad1"}, "the format is one of pad0, padzs, disc\\+cont, not 'pad1'"),
        ({"heads": 5}, "5 heads do not divide a width of 16"),
        ({"positions": 1}, "1 positions do not hold two tokens in the format 'pad0'"),
        ({"positions": 6, "format": "disc+cont"}, "6 positions do not hold two tokens"),
        ({"blocks": 0, "batch": 0}, "blocks and batch must be at least 1"),
        ({"context_noise": -1.0}, "context_noise cannot be negative"),
        ({"dropout": 1.0}, "dropout must lie in"),
        ({"lr_decay": 2.0}, "lr_decay must lie in"),
        ({"width": "16"}, "width must be a whole number, not '16'"),
        ({"wide": 1}, "no field wide"),
    ],
)
def test_impossible_presets_are_refused(changes, told):
    with pytest.raises(InputError, match=told):
        SMOKE.but(**changes)


def test_presets_stand_beside_those_of_r2():
    from rencgan.presets.table import PRESETS

    assert set(GPT_PRESETS) == set(PRESETS)
    with pytest.raises(InputError, match="no GPT for 'huge'; choose one of smoke, mini"):
        gpt_preset("huge")
    assert PUBLISHED.departures(GPTPreset()) == {"windows": (True, False), "scored": (0, 20)}
    assert MINI.departures(PUBLISHED)["blocks"] == (48, MINI.blocks)


def test_rates_rise_and_fall():
    p = SMOKE.but(steps=100, ramp=10, lr_decay=0.5)
    assert p.rate(0) == pytest.approx(0.1) and p.rate(20) == 1.0
    assert p.rate(75) == pytest.approx(0.5) and p.rate(99) == pytest.approx(0.02)
    assert PUBLISHED.rate(0) == PUBLISHED.rate(9999) == 1.0
