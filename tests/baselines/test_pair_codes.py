"""Motion codes: Jacobians, a planted decomposition, projections."""

import math

import pytest
import torch
from torch import nn

from rencgan.baselines import pair_codes as mc
from rencgan.baselines.stylegan2 import Synthesis, widths
from rencgan.core.errors import InputError


def basis(d: int, count: int, seed: int = 0) -> torch.Tensor:
    """Orthonormal columns (d, count)."""
    rng = torch.Generator().manual_seed(seed)
    return torch.linalg.qr(torch.randn(d, count, generator=rng, dtype=torch.float64)).Q


# ---------------------------------------------------------------------------------------- Jacobians


def central(image, w, step: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The two Jacobians by differences."""
    moves = step * torch.eye(len(w), dtype=w.dtype)
    slope = (image(w + moves) - image(w - moves)) / (2 * step)
    return tuple(x.T for x in slope.unflatten(1, (2, 3)).mean(2).flatten(2).unbind(1))


def test_jacobians_of_a_smooth_generator_are_its_differences():
    torch.manual_seed(0)
    toy = nn.Sequential(
        nn.Linear(20, 40), nn.Tanh(), nn.Linear(40, 6 * 16), nn.Unflatten(1, (6, 4, 4))
    )
    toy, w = toy.double(), torch.randn(20, dtype=torch.float64)
    for ours, theirs in zip(mc.jacobians(toy, w), central(toy, w, 1e-5), strict=True):
        assert ours.shape == (16, 20)
        assert (ours - theirs).norm() < 1e-6 * theirs.norm()


def full_generator(strength: float = 0.0) -> Synthesis:
    torch.manual_seed(1)
    net = Synthesis(widths(16, 128, 16), 24, channels=6, noise=True)
    for layer in net.layers:
        layer.strength.data.fill_(strength)
    return net.requires_grad_(False)


@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_jacobians_of_a_whole_generator_with_its_stored_noise(strength):
    net = full_generator(strength)
    w = torch.randn(24)
    for ours, theirs in zip(mc.jacobians(net, w), central(net, w, 1e-3), strict=True):
        assert (ours - theirs).norm() < 0.02 * theirs.norm()


def test_with_random_noise_differences_tell_nothing():
    """The negative control: the public code leaves noise inputs random."""
    net, rng = full_generator(1.0), torch.Generator().manual_seed(0)
    w = torch.randn(24)
    drawn = lambda w: net(w, noises=net.noises(len(w), rng))  # noqa: E731
    ours, theirs = mc.jacobians(net, w)[0], central(drawn, w, 1e-3)[0]
    assert (ours - theirs).norm() > theirs.norm() / 2


# ------------------------------------------------------------------------------------ decomposition


def planted(d: int = 128, rank: int = 10, share: float = 0.02) -> tuple[torch.Tensor, torch.Tensor]:
    """A symmetric matrix of low rank, and a sparse one."""
    rng = torch.Generator().manual_seed(0)
    a = torch.randn(d, rank, generator=rng, dtype=torch.float64)
    sparse = torch.randn(d, d, generator=rng, dtype=torch.float64) * 5
    sparse = (sparse * (torch.rand(d, d, generator=rng) < share / 2)).triu()
    return a @ a.T, sparse + sparse.T


def test_a_planted_matrix_comes_apart_into_what_it_was_made_of():
    low, sparse = planted()
    found = mc.principal_components(low + sparse, 1 / math.sqrt(128))
    assert found.converged and found.iterations < 1000
    assert mc.directions(found.low)[1] == 10
    assert (found.low - low).norm() < 1e-6 * low.norm()
    assert (found.low + found.sparse - low - sparse).norm() <= 1e-7 * (low + sparse).norm()
    for part in (found.low, found.sparse):
        assert torch.allclose(part, part.T, rtol=0, atol=1e-12)


def test_a_larger_lambda_leaves_more_rank():
    low, sparse = planted(24, 4, 0.2)
    ranks = [
        mc.directions(mc.principal_components(low + sparse, lam).low)[1] for lam in (0.15, 0.6)
    ]
    assert ranks[0] < ranks[1] == 24


def test_what_has_no_components_is_refused():
    with pytest.raises(InputError, match="a matrix of zeros, or one that is not finite"):
        mc.principal_components(torch.zeros(8, 8), 0.1)


# -------------------------------------------------------------------------------------- projections


def lows(d: int = 40, shared: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """L_A and L_B of rank 12, of which so many dimensions are the same; and the basis of L_B."""
    q = basis(d, 24)
    a, b = q[:, :12], torch.cat([q[:, :shared], q[:, 12 : 24 - shared]], dim=1)
    mixed = a + 0.1 * b  # so that they are not orthogonal
    size = torch.arange(12, 0, -1, dtype=torch.float64)
    return (mixed * size) @ mixed.T, (b * size) @ b.T, b


def test_projected_codes_are_what_the_other_slot_does_not_see():
    low_a, low_b, b = lows()
    codes, (v, rank) = mc.projected(low_a, low_b), mc.directions(low_b)
    assert rank == 12 and codes.shape == (12, 40)
    seen, free = v[:, :12], v[:, 12:]
    assert torch.allclose(torch.eye(40).double() - seen @ seen.T, free @ free.T, atol=1e-12, rtol=0)
    assert (codes @ b).abs().max() < 1e-12
    assert torch.allclose(codes @ free @ free.T, codes, atol=1e-12, rtol=0)
    assert torch.allclose(codes.norm(dim=1), torch.ones(12).double(), atol=1e-12, rtol=0)


def test_on_a_linear_generator_of_pairs_a_code_moves_one_slot_alone():
    torch.manual_seed(0)
    a, b = (torch.randn(48, 10, dtype=torch.float64) @ basis(30, 10, s).T for s in (1, 2))
    maps = torch.stack([a, b])
    image = lambda w: torch.einsum("sid,nd->nsi", maps, w).reshape(-1, 6, 4, 4)  # noqa: E731
    whole = mc.gram(maps[0].reshape(3, 16, 30).mean(0)), mc.gram(maps[1].reshape(3, 16, 30).mean(0))
    w = torch.randn(1, 30, dtype=torch.float64)
    for moving, low, still in ((0, whole, 1), (1, whole[::-1], 0)):
        for code in mc.projected(*low):
            change = mc.slots(image(w + code) - image(w))[0]
            assert change[still].abs().max() < 1e-12 < 1e-2 < change[moving].abs().max()


def test_projected_vectors_near_0_are_dropped_and_never_divided_by():
    low_a, low_b, _ = lows(shared=5)
    assert len(mc.projected(low_b, low_b)) == 0, "all of them are 0"
    d = torch.zeros(8, dtype=torch.float64)
    first, second = torch.diag(d + torch.tensor([3, 2, 1, 0, 0, 0, 0, 0])), d.clone()
    second[:2] = torch.tensor([2.0, 1.0])
    codes = mc.projected(first, torch.diag(second))
    assert codes.abs().tolist() == [[0, 0, 1, 0, 0, 0, 0, 0]]
    assert torch.isfinite(mc.projected(low_a, low_b)).all()


def test_lambda_rises_until_both_ranks_suffice_and_is_told():
    low, sparse = planted(16, 4, 0.2)
    other, more = planted(16, 3, 0.2)
    m = low + sparse, other + more.flip(0, 1)
    found = mc.motion_codes(*m, count=5, lam=0.25)
    assert found.facts["lambda"] > 0.25 and min(found.facts["ranks"]) >= 5
    rises = math.log(found.facts["lambda"] / 0.25, mc.RISE)
    assert rises == pytest.approx(round(rises), abs=1e-6)
    assert found.backward.shape == found.forward.shape and found.backward.shape[1] == 16
    assert len(found.backward) <= 5 and found.at(1) is found.backward
    assert found.at(2) is found.forward


def test_a_rank_below_the_number_of_codes_is_an_error_that_names_it():
    low_a, low_b, _ = lows()
    with pytest.raises(InputError, match="ranks 12 and 12 at lambda 0.9.* give no 13 codes"):
        mc.motion_codes(low_a, low_b, 13, lam=0.5)


def test_no_null_space_and_no_convergence_are_errors(monkeypatch):
    full = torch.diag(torch.arange(1, 9).double())
    with pytest.raises(InputError, match="all 8 directions of w move the slot"):
        mc.projected(full, full)
    monkeypatch.setattr(mc, "MOST", 2)
    low, sparse = planted(32, 4)
    with pytest.raises(InputError, match="did not come apart in 2 iterations"):
        mc.motion_codes(low + sparse, low + sparse, 4, lam=0.9)


def test_codes_of_the_mean_over_several_w():
    net = full_generator()
    ws = list(torch.randn(2, 24))
    one, two = (mc.codes_of(net, some, 4, lam=0.2) for some in (ws[:1], ws))
    assert one.backward.shape == two.backward.shape == (4, 24)
    assert not torch.equal(one.backward, two.backward)
    grams = [mc.gram(mc.jacobians(net, ws[0])[slot]) for slot in (0, 1)]
    for code, (moving, still) in ((one.backward[0], (0, 1)), (one.forward[0], (1, 0))):
        change = [float(code @ g @ code) for g in grams]
        assert change[moving] > change[still]


def test_codes_leak_less_than_random_directions():
    """A row of the page measures the same of trained networks."""
    net = full_generator()
    w = torch.randn(24)
    codes = mc.codes_of(net, [w], 4, lam=0.2)
    drawn = torch.randn(64, 24)
    usual = mc.leaks(net, w, drawn / drawn.norm(dim=1, keepdim=True)).median()
    assert mc.leaks(net, w, codes.backward).median() < usual
    assert mc.leaks(net, w, codes.forward).median() > usual
