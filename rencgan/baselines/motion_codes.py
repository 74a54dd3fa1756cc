"""Motion codes of StyleGAN-V: a function of real time that never repeats (Section 3.1).

t  (B, k) float64, in frames, t >= 0         z  (B, n, d)   N(0, I), a token every delta frames
l = floor(t / delta), a = t / delta - l      u_i            what F_m makes of z_i ... z_(i + 20)

    e(t) = [sin(omega t + rho), cos(omega t + rho)]                                       Eq 2
    v_t = e(t) - lerp(e(t_l), e(t_l+1), a) + lerp(W_a u_l, W_a u_l+1, a)                  Eq 4
    omega = sigma (tanh(W_omega u_l) + 1), rho = kappa W_rho u_l                          Eq 5, 3

Decisions: periods 2 pi / sigma are spaced geometrically, longest first (the paper says linearly;
its author has confirmed that this is wrong); no amplitudes (`amplitude` puts Eq 3's back); sine and
cosine; phases scaled by kappa = longest / period. Time is in double precision, with omega (t - t_l)
apart from omega t_l + rho, so that a frame at 10^6 moves as smoothly as one at 0.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d, leaky_relu

from rencgan.baselines.stylegan2 import SLOPE, Linear, exact
from rencgan.core.errors import InputError
from rencgan.presets.stylegan_v import StyleGANVPreset

RATE = 0.01  # m of the layers that map noise


def place(t: Tensor, delta: int) -> tuple[Tensor, Tensor]:
    """l and a of times; refuses those below 0."""
    if not bool((t >= 0).all()):
        raise InputError(f"times are 0 or more, in frames, not {float(t.min()):g}")
    l = (t / delta).floor()  # noqa: E741
    return l.long(), t / delta - l


def tokens(longest: int, delta: int, ahead: int) -> int:
    """How many tokens of noise videos of `longest` frames take, the last `ahead` to look at."""
    return -(-(longest - 1) // delta) + 2 + ahead


class TokenMap(nn.Module):
    """An equalised convolution over tokens without padding, and LeakyReLU without a gain."""

    def __init__(self, d: int, o: int, kernel: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(o, d, kernel) / RATE)
        self.bias = nn.Parameter(torch.zeros(o))
        self.scale = RATE / math.sqrt(d * kernel)

    def forward(self, z: Tensor) -> Tensor:
        return leaky_relu(conv1d(z, self.weight * self.scale, self.bias * RATE), SLOPE)


class Codes(nn.Module):
    """What both kinds of motion codes have in common. `ahead`: tokens beyond l + 1 that a time
    depends on; `whole`: whether it depends on all from the first on.
    """

    whole = False

    def __init__(self, delta: int, ahead: int, width: int):
        super().__init__()
        self.delta, self.ahead, self.width = delta, ahead, width

    def tokens(self, t: float) -> range:
        """The tokens that a time depends on."""
        first = int(t // self.delta)
        return range(0 if self.whole else first, first + 2 + self.ahead)

    def forward(self, z: Tensor, t: Tensor, first: int = 0) -> Tensor:
        """Codes (B, k, width) at times (B, k) of tokens z (B, n, d), those from `first` on. Raises
        InputError for a time below 0 and for one that needs more tokens.
        """
        with exact(z):
            l, a = place(t, self.delta)  # noqa: E741
            least, needed = 0 if self.whole else int(l.min()), int(l.max()) + 2 + self.ahead
            if least < first or needed > first + z.shape[1]:
                raise InputError(
                    f"times {float(t.min()):g} to {float(t.max()):g} need motion noise of tokens "
                    f"{least} to {needed - 1}; {z.shape[1]} were given, from {first} on"
                )
            return self.at(z, l - first, l * self.delta, a)


class AnchoredCodes(Codes):
    """StyleGAN-V's own."""

    def __init__(self, p: StyleGANVPreset, delta: int, amplitude: bool = False):
        d, f = p.motion_dim, p.frequencies
        super().__init__(delta, 2 * (p.kernel - 1), 2 * f)
        self.convolutions = nn.Sequential(*(TokenMap(d, d, p.kernel) for _ in range(2)))
        self.omega, self.rho = (Linear(d, f, bias=None) for _ in range(2))
        self.align = Linear(d, 2 * f, bias=None)
        self.alpha = Linear(d, f, bias=None) if amplitude else None
        low, high = math.log(p.shortest_period), math.log(p.longest_period)
        periods = torch.linspace(high, low, f, dtype=torch.float64).exp()
        self.register_buffer("sigma", 2 * math.pi / periods, persistent=False)
        self.register_buffer("kappa", p.longest_period / periods, persistent=False)

    def mapped(self, z: Tensor) -> Tensor:
        """u (N, h, n - 20) of tokens z (N, d, n)."""
        return self.convolutions(z)

    def at(self, z: Tensor, l: Tensor, t_l: Tensor, a: Tensor) -> Tensor:  # noqa: E741
        reach = torch.arange(2 + self.ahead, device=z.device)
        rows = torch.arange(len(z), device=z.device)[:, None, None]
        windows = z[rows, l[..., None] + reach].flatten(0, 1)  # (B k, 22, d)
        left, right = self.mapped(windows.transpose(1, 2)).unbind(2)  # (B k, h) each
        raw, start, end = self.waves(left, t_l.flatten(), a.flatten() * self.delta)
        share = a.flatten()[:, None]
        v = raw - torch.lerp(start, end, share)
        v = v + torch.lerp(self.align(left).double(), self.align(right).double(), share)
        return v.float().unflatten(0, l.shape)

    def waves(self, u: Tensor, t_l: Tensor, since: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """e of the waves of u (N, h), in double: at t_l + since, at t_l, at t_l + delta."""
        omega = self.sigma * (self.omega(u).double().tanh() + 1)
        phase = omega * t_l[:, None] + self.kappa * self.rho(u).double()
        alpha = 1.0 if self.alpha is None else self.alpha(u).double()
        each = (omega * since[:, None] + phase, phase, omega * self.delta + phase)
        return tuple(torch.cat([alpha * x.sin(), alpha * x.cos()], dim=1) for x in each)


class LstmCodes(Codes):
    """The ablation of Table 2: u_i are an LSTM's outputs over z_0 ... z_i, and a time's code is
    mapped from lerp(u_l, u_l+1, a) by two layers. Decision: as the paper's u(t), not by waves.
    """

    whole = True

    def __init__(self, p: StyleGANVPreset, delta: int):
        d, width = p.motion_dim, 2 * p.frequencies
        super().__init__(delta, 0, width)
        self.lstm = nn.LSTM(d, d, batch_first=True)
        dims = (d, width, width)
        self.layers = nn.Sequential(
            *(Linear(i, o, RATE, act=True) for i, o in zip(dims, dims[1:], strict=False))
        )

    def at(self, z: Tensor, l: Tensor, t_l: Tensor, a: Tensor) -> Tensor:  # noqa: E741
        u = self.lstm(z[:, : int(l.max()) + 2])[0]
        rows = torch.arange(len(z), device=z.device)[:, None]
        return self.layers(torch.lerp(u[rows, l], u[rows, l + 1], a.float()[..., None]))
