"""Motion codes of a generator of pairs of frames: directions of w that move one slot of its image
and leave the other as it is (MotionVideoGAN, Eq. 3 to 8).

J_A, J_B  (H W, d)  Jacobians of the two slots, averaged over colours, at one w
M         (d, d)    J^T J / (H W) = L + S, of low rank and sparse
p         (d,)      V_B2 V_B2^T v: a singular vector v of L_A, projected on what L_B does not see

Where the sources are silent or disagree: lambda begins at 1/60, as published, and rises by 1.25
until both ranks reach the number of codes, since it has to follow d. A direction that the
projection shortens below 0.05 is dropped: scaled, it would be noise. Noise inputs are fixed; the
public code draws them anew for each slot. All but the Jacobians is in double precision.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rencgan.core.errors import InputError

MOST = 10_000  # iterations of a decomposition
CLOSE = 1e-7  # of it: relative error at which it ends
RISE = 1.25  # from one lambda to the next
LARGEST = 1.0  # lambda; from 1 on nothing is sparse
SHORTEST = 0.05  # norm of a projected vector that is kept
AT_ONCE = 16  # directions in one pass


def slots(image: Tensor) -> Tensor:
    """The two frames of images (N, 6, H, W): (N, 2, 3, H, W), A the former, B the latter."""
    return image.unflatten(1, (2, 3))


def jacobians(image: Callable[[Tensor], Tensor], w: Tensor) -> tuple[Tensor, Tensor]:
    """J_A and J_B at w (d,) by forward mode, which takes d passes where reverse mode takes 2 H W.

    image: codes (N, d) to images (N, 6, H, W), each a function of its own code.
    """
    found: tuple[list, list] = ([], [])
    for directions in torch.eye(len(w), dtype=w.dtype, device=w.device).split(AT_ONCE):
        at = w.expand(len(directions), -1).contiguous()
        _, slope = torch.func.jvp(image, (at,), (directions,))
        for columns, slot in zip(found, slots(slope).mean(2).flatten(2).unbind(1), strict=True):
            columns.append(slot)
    return tuple(torch.cat(columns).T for columns in found)


def gram(jacobian: Tensor) -> Tensor:
    """M of a Jacobian."""
    j = jacobian.double()
    return j.T @ j / len(j)


# ------------------------------------------------------------------------------------ decomposition


class Parts(NamedTuple):
    """M = low + sparse, after so many iterations; converged: to CLOSE."""

    low: Tensor
    sparse: Tensor
    iterations: int
    converged: bool


def soft(x: Tensor, by: float) -> Tensor:
    return x.sign() * (x.abs() - by).clamp_min(0)


def shrunk(x: Tensor, by: float) -> Tensor:
    """A symmetric matrix with its singular values shrunk: they are those of its eigenvalues."""
    values, vectors = torch.linalg.eigh(x)
    return (vectors * soft(values, by)) @ vectors.T


def principal_components(m: Tensor, lam: float) -> Parts:
    """min ||L||_* + lambda ||S||_1 with L + S = M (behind Eq. 5), for a symmetric M."""
    m = m.double()
    size = m.norm()
    if not size or not torch.isfinite(size):
        raise InputError("a matrix of zeros, or one that is not finite, has no components")
    mu = float(m.shape[0] ** 2 / (4 * m.abs().sum(dim=0).max()))
    low = sparse = dual = torch.zeros_like(m)
    for i in range(1, MOST + 1):
        low = shrunk(m - sparse - dual / mu, 1 / mu)
        low = (low + low.T) / 2
        sparse = soft(m - low - dual / mu, lam / mu)
        rest = low + sparse - m
        dual = dual + mu * rest
        if rest.norm() <= CLOSE * size:
            return Parts(low, sparse, i, True)
    return Parts(low, sparse, MOST, False)


def directions(low: Tensor) -> tuple[Tensor, int]:
    """V of L (Eq. 6), columns in the order of their singular values, and the rank of L."""
    values, vectors = torch.linalg.eigh(low)
    order = values.abs().argsort(descending=True)
    return vectors[:, order], int(torch.linalg.matrix_rank(low, hermitian=True))


def projected(moving: Tensor, still: Tensor) -> Tensor:
    """Codes (n, d) that move the slot of one L and leave that of another (Eq. 7 and 8): of unit
    norm, in the order of the moving slot's singular values. Raises InputError where nothing leaves
    the other slot as it is.
    """
    (v, rank), (u, held) = directions(moving), directions(still)
    if held == len(still):
        raise InputError(f"all {held} directions of w move the slot that is to stand still")
    free = u[:, held:]
    codes = (free @ (free.T @ v[:, :rank])).T
    norms = codes.norm(dim=1)
    kept = norms >= SHORTEST
    return codes[kept] / norms[kept, None]


class MotionCodes(NamedTuple):
    """backward: codes (n, d) that edit slot A and keep B; forward: the other way round. facts: the
    lambda, the ranks, and how many codes are independent.
    """

    backward: Tensor
    forward: Tensor
    facts: dict

    def at(self, t: int) -> Tensor:
        """Omega_t, of the step to frame t."""
        return self.backward if t % 2 else self.forward


def motion_codes(m_a: Tensor, m_b: Tensor, count: int, lam: float = 1 / 60) -> MotionCodes:
    """At most `count` codes each way, equally many, of the two slots' M. Raises InputError where no
    lambda gives both such a rank, or where the decomposition does not end.
    """
    while True:
        parts = [principal_components(m, lam) for m in (m_a, m_b)]
        ranks = [directions(part.low)[1] for part in parts]
        ended = all(part.converged for part in parts)
        if (ended and min(ranks) >= count) or lam * RISE > LARGEST:
            break
        lam *= RISE
    if not ended:
        raise InputError(f"the matrices of the slots did not come apart in {MOST:,} iterations")
    if min(ranks) < count:
        raise InputError(
            f"slots of ranks {ranks[0]} and {ranks[1]} at lambda {lam:.3g} give no {count} codes"
        )
    backward, forward = projected(*(p.low for p in parts)), projected(*(p.low for p in parts[::-1]))
    n = min(count, len(backward), len(forward))
    if not n:
        raise InputError("no direction moves one slot alone: all projected vectors are near 0")
    facts = {"lambda": lam, "ranks": ranks, "iterations": [p.iterations for p in parts]}
    backward, forward = backward[:n].contiguous(), forward[:n].contiguous()
    facts["independent"] = [int(torch.linalg.matrix_rank(c)) for c in (backward, forward)]
    return MotionCodes(backward, forward, facts)


def codes_of(
    image: Callable[[Tensor], Tensor], ws: Sequence[Tensor], count: int, lam: float = 1 / 60
) -> MotionCodes:
    """Of a generator of pairs at one w (d,), or of the M's mean over several."""
    each = [[gram(j) for j in jacobians(image, w)] for w in ws]
    return motion_codes(*(torch.stack(m).mean(dim=0) for m in zip(*each, strict=True)), count, lam)


def found_codes(job: Any) -> MotionCodes:
    """The motion codes of a job's base; or random unit directions, where its system takes those."""
    p, pairs = job.preset, job.base.nets["generator"]
    if job.base.preset.latent != p.latent:
        raise InputError(
            f"preset {p.name!r} walks through {p.latent} numbers; those pairs have "
            f"{job.base.preset.latent}"
        )
    rng = torch.Generator().manual_seed(job.seed)
    if job.system.directions == "random":
        drawn = torch.randn(2, p.codes, p.latent, generator=rng, dtype=torch.float64)
        return MotionCodes(*(drawn / drawn.norm(dim=2, keepdim=True)), {})
    z = torch.randn(p.points, p.latent, generator=rng).to(job.base.device)
    with torch.no_grad():
        return codes_of(pairs.synthesis, list(pairs.mapping(z)), p.codes, p.lam)


def leaks(image: Callable[[Tensor], Tensor], w: Tensor, codes: Tensor) -> Tensor:
    """How far small steps from w (d,) along codes (n, d) move slot B for what they move slot A:
    (n,), near 0 for backward codes; the reciprocal is that of forward ones.
    """
    codes = codes.to(w)
    _, slope = torch.func.jvp(image, (w.expand(len(codes), -1).contiguous(),), (codes,))
    moved = slots(slope).flatten(2).norm(dim=2)
    return moved[:, 1] / moved[:, 0]
