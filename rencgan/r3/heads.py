"""What R3's transformer says of the next token: one answer, or a distribution of answers.

regression   Smooth-L1 (thesis, Section 5.4.2). Where two futures are equally likely its best answer
             is their average, which is neither.
mixture      a mixture of diagonal Gaussians: negative log-likelihood; ours
flow         flow matching: a small network of velocities carries noise to a token along straight
             paths in a few Euler steps; ours

All work on y (..., d), the token in units of what is expected of it (gpt.Statistics), and draw from
eps (..., d), standard normal, and chance (...), uniform in [0, 1), so that a draw is a function of
both.
"""

import math

import torch
from torch import Tensor, nn

from rencgan.presets.gpt import GPTPreset


def _linear(width: int, numbers: int) -> nn.Linear:
    """As GPT-2 begins."""
    layer = nn.Linear(width, numbers)
    nn.init.normal_(layer.weight, std=0.02)
    nn.init.zeros_(layer.bias)
    return layer


class Regression(nn.Module):
    """One linear layer, its output free in range."""

    noisy = False  # its loss draws nothing

    def __init__(self, p: GPTPreset, d: int):
        super().__init__()
        self.out = _linear(p.width, d)

    def loss(self, h: Tensor, y: Tensor, spread: Tensor) -> Tensor:
        """Smooth-L1 in units of the tokens, mean over their numbers."""
        made = spread * self.out(h)
        return nn.functional.smooth_l1_loss(made, spread * y, reduction="none").mean(-1)

    def draw(self, h: Tensor, eps: Tensor, chance: Tensor, temperature: float = 1.0) -> Tensor:
        """Its one answer; noise and temperature do nothing."""
        return self.out(h)


class Mixture(nn.Module):
    """K diagonal Gaussians: weights, means, log-deviations from one linear layer.

    Log-deviations stay in (-5, 5): an unbounded one lets a single training token make the
    likelihood infinite.
    """

    noisy = False

    def __init__(self, p: GPTPreset, d: int):
        super().__init__()
        self.k, self.d = p.components, d
        self.out = _linear(p.width, self.k * (1 + 2 * d))
        with torch.no_grad():  # components that begin alike would stay alike
            self.out.bias[self.k : self.k * (1 + d)].normal_(std=0.5)

    def _parts(self, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        out = self.out(h).float()
        logits, rest = out[..., : self.k], out[..., self.k :].unflatten(-1, (2, self.k, self.d))
        return logits.log_softmax(-1), rest[..., 0, :, :], 5 * (rest[..., 1, :, :] / 5).tanh()

    def log_prob(self, h: Tensor, y: Tensor) -> Tensor:
        """Log-density of y in nats, (...)."""
        log_w, mean, log_s = self._parts(h)
        z = (y[..., None, :] - mean) * (-log_s).exp()
        each = -0.5 * (z.square().sum(-1) + self.d * math.log(2 * math.pi)) - log_s.sum(-1)
        return (log_w + each).logsumexp(-1)

    def loss(self, h: Tensor, y: Tensor, spread: Tensor) -> Tensor:
        """Negative log-likelihood in nats a number of the token."""
        return -self.log_prob(h, y) / self.d

    def draw(self, h: Tensor, eps: Tensor, chance: Tensor, temperature: float = 1.0) -> Tensor:
        """Deviations are multiplied by the temperature, weights raised to one over it; at 0 it is
        the mean of the heaviest component.
        """
        log_w, mean, log_s = self._parts(h)
        sharp = (log_w / max(temperature, 1e-6)).softmax(-1)
        chosen = (sharp.cumsum(-1) <= chance[..., None]).sum(-1).clamp(max=self.k - 1)
        at = chosen[..., None, None].expand(*chosen.shape, 1, self.d)
        mean, s = (part.gather(-2, at)[..., 0, :] for part in (mean, log_s.exp()))
        return mean + temperature * s * eps


class Flow(nn.Module):
    """A residual MLP of velocities v(y_t, t; h) on y_t = (1 - t) eps + t y."""

    noisy = True  # its loss draws eps (..., d) and t (...)

    def __init__(self, p: GPTPreset, d: int):
        super().__init__()
        self.steps, w = p.euler_steps, p.flow_width
        self.state, self.known = nn.Linear(d, w), nn.Linear(p.width, w)
        self.time = nn.Sequential(nn.Linear(16, w), nn.SiLU(), nn.Linear(w, w))
        self.layers = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(w), nn.Linear(w, 2 * w), nn.SiLU(), nn.Linear(2 * w, w))
            for _ in range(p.flow_blocks)
        )
        self.out = nn.Sequential(nn.LayerNorm(w), nn.Linear(w, d))

    def velocity(self, y: Tensor, t: Tensor, h: Tensor) -> Tensor:
        """y (..., d) at times t (...) in [0, 1], given h (..., D)."""
        waves = t[..., None] * math.pi * 2.0 ** torch.arange(8, device=t.device)
        told = self.known(h) + self.time(torch.cat([waves.sin(), waves.cos()], -1).to(h.dtype))
        x = self.state(y)
        for layer in self.layers:
            x = x + layer(x + told)
        return self.out(x)

    def loss(self, h: Tensor, y: Tensor, spread: Tensor, eps: Tensor, t: Tensor) -> Tensor:
        """Squared error of the velocity y - eps, mean over the numbers."""
        at = t[..., None]
        made = self.velocity((1 - at) * eps + at * y, t, h)
        return (made - (y - eps)).square().mean(-1)

    def draw(self, h: Tensor, eps: Tensor, chance: Tensor, temperature: float = 1.0) -> Tensor:
        """Euler steps of equal length from eps times the temperature."""
        y = temperature * eps
        for i in range(self.steps):
            t = torch.full(y.shape[:-1], i / self.steps, device=y.device)
            y = y + self.velocity(y, t, h).float() / self.steps
        return y


def build_head(p: GPTPreset, d: int) -> nn.Module:
    """The head that a preset names, for tokens of d numbers."""
    return {"regression": Regression, "mixture": Mixture, "flow": Flow}[p.head](p, d)
