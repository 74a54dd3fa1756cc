"""StyleGAN2 without CUDA plugins: the parts that StyleGAN-V and MotionVideoGAN are built from.

z  (N, d_z)           latent code, N(0, I)           w  (N, d_w)  mapped; (N, slots, d_w) one a slot
x  (N, c(r), r, r)    features at r = 4, 8 ... size; c(r) = min(base / r, most)

Equalised layers keep weights as N(0, 1) / m and use them times m / sqrt(fan_in), their biases times
m (m: factor on their learning rate). lrelu: slope 0.2, gain sqrt(2). Modulated convolutions scale
what goes in and comes out in place of a kernel for each sample, which is the same product.
Departure: 16 bits are bfloat16, whose range is float32's, so that nothing is clamped to +-256.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, leaky_relu, linear

from rencgan.core.errors import InputError
from rencgan.models.system import autocast

GAIN = math.sqrt(2)  # of lrelu
SLOPE = 0.2
HALVED = 4  # highest resolutions that compute in 16 bits where the engine asks for them
MEAN_DECAY = 0.995  # of the running mean of w
GROUP = 4  # samples whose deviation a discriminator sees
EPS = 1e-8


def widths(size: int, base: int, most: int) -> dict[int, int]:
    """c(r) by resolution: {4: ..., 8: ..., size: ...}."""
    if size < 8 or size & (size - 1):
        raise InputError(f"StyleGAN2 makes frames of 8, 16, 32 ... pixels, not of {size}")
    return {r: min(base // r, most) for r in (2**i for i in range(2, size.bit_length()))}


def exact(x: Tensor) -> torch.autocast:
    """For what stays in float32 wherever the engine runs networks in bfloat16."""
    return autocast(False, x.device)


def normalised(x: Tensor) -> Tensor:
    """(N, d) divided by its root mean square."""
    return x * (x.square().mean(dim=1, keepdim=True) + EPS).rsqrt()


def _filter(x: Tensor, gain: float = 1.0) -> Tensor:
    """[1, 3, 3, 1] / 8 along both axes, for every channel of x: (C, 1, 4, 4)."""
    place = torch.arange(4, dtype=x.dtype, device=x.device)
    taps = (2 - (place - 1.5).abs()) / 4
    return (torch.outer(taps, taps) * gain).expand(x.shape[1], 1, 4, 4)


def blurred(x: Tensor, padding: int, stride: int = 1) -> Tensor:
    return conv2d(x, _filter(x), None, stride, padding, groups=x.shape[1])


def upsampled(x: Tensor) -> Tensor:
    """Twice the resolution: zeros between pixels, then the filter."""
    return conv_transpose2d(x, _filter(x, 4.0), None, 2, 1, groups=x.shape[1])


class Linear(nn.Module):
    """Equalised: (..., i) to (..., o). m: see above; bias: where it begins, None for none."""

    def __init__(self, i: int, o: int, m: float = 1.0, bias: float | None = 0.0, act: bool = False):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(o, i) / m)
        self.bias = None if bias is None else nn.Parameter(torch.full((o,), float(bias)))
        self.m, self.scale, self.act = m, m / math.sqrt(i), act

    def forward(self, x: Tensor) -> Tensor:
        y = linear(x, self.weight * self.scale, None if self.bias is None else self.bias * self.m)
        return leaky_relu(y, SLOPE) * GAIN if self.act else y


class Mapping(nn.Module):
    """z to w: normalised, then lrelu layers. psi < 1 draws w towards the running mean of w, which
    it keeps while it trains.
    """

    def __init__(self, z_dim: int, w_dim: int, layers: int, m: float = 0.01):
        super().__init__()
        dims = [z_dim] + [w_dim] * layers
        self.layers = nn.Sequential(
            *(Linear(a, b, m, act=True) for a, b in zip(dims, dims[1:], strict=False))
        )
        self.register_buffer("mean", torch.zeros(w_dim))

    def forward(self, z: Tensor, psi: float = 1.0) -> Tensor:
        with exact(z):
            w = self.layers(normalised(z))
            if self.training:
                self.mean.lerp_(w.detach().mean(dim=0), 1 - MEAN_DECAY)
            return w if psi == 1 else self.mean.lerp(w, psi)


# ----------------------------------------------------------------------------------- the generator


class Modulated(nn.Module):
    """A modulated convolution at resolution r with bias and lrelu: x (N, i, r, r) to (N, o, r, r),
    or from r / 2 where `up`. noise (N or 1, 1, r, r): laid on it with a learned strength.
    """

    def __init__(self, i: int, o: int, w_dim: int, r: int, up: bool = False, noise: bool = False):
        super().__init__()
        self.affine = Linear(w_dim, i, bias=1.0)
        self.weight = nn.Parameter(torch.randn(o, i, 3, 3))
        self.bias = nn.Parameter(torch.zeros(o))
        self.r, self.up = r, up
        self.strength = nn.Parameter(torch.zeros([])) if noise else None
        if noise:
            self.register_buffer("noise", torch.randn(1, 1, r, r))

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None = None) -> Tensor:
        with exact(w):
            s = self.affine(w)  # (N, i)
            d = (s.square() @ self.weight.square().sum(dim=(2, 3)).T + EPS).rsqrt()  # (N, o)
            d = d * (4 * GAIN if self.up else GAIN)
            shift = self.bias[:, None, None] * GAIN
            if self.strength is not None:
                shift = shift + (self.noise if noise is None else noise) * self.strength * GAIN
        x = x * s[:, :, None, None].to(x.dtype)
        if self.up:
            y = blurred(conv_transpose2d(x, self.weight.transpose(0, 1), None, 2), 1)
        else:
            y = conv2d(x, self.weight, None, 1, 1)
        y = torch.addcmul(shift.to(y.dtype), y, d[:, :, None, None].to(y.dtype))
        return leaky_relu(y, SLOPE, inplace=True)


class ToRGB(nn.Module):
    """Features to image channels in float32, by a modulated 1x1 convolution without lrelu."""

    def __init__(self, i: int, channels: int, w_dim: int):
        super().__init__()
        self.affine = Linear(w_dim, i, bias=1.0)
        self.weight = nn.Parameter(torch.randn(channels, i, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        with exact(w):
            s = self.affine(w) / math.sqrt(self.weight.shape[1])
        y = conv2d(x * s[:, :, None, None].to(x.dtype), self.weight)
        return y.to(self.bias.dtype) + self.bias[:, None, None]


class Synthesis(nn.Module):
    """w to an image (N, channels, size, size) in about [-1, 1]: a learned constant at 4x4, two
    convolutions at every further resolution, and an image of each summed over all.

    c: widths. extra: channels (N, extra) that stand beside the constant in every pixel, from which
    the first convolution reads. noise: whether layers have noise inputs.
    """

    def __init__(
        self, c: dict[int, int], w_dim: int, channels: int = 3, extra: int = 0, noise: bool = False
    ):
        super().__init__()
        self.resolutions, self.extra = list(c), extra
        self.const = nn.Parameter(torch.randn(c[4], 4, 4))
        layers = [Modulated(c[4] + extra, c[4], w_dim, 4, noise=noise)]
        for r in self.resolutions[1:]:
            layers.append(Modulated(c[r // 2], c[r], w_dim, r, up=True, noise=noise))
            layers.append(Modulated(c[r], c[r], w_dim, r, noise=noise))
        self.layers = nn.ModuleList(layers)
        self.to_rgb = nn.ModuleList(ToRGB(c[r], channels, w_dim) for r in self.resolutions)

    @property
    def slots(self) -> int:
        """How many w a sample takes: one a layer and one for the last image. An image shares that
        of the layer that follows it.
        """
        return len(self.layers) + 1

    def noises(self, n: int, rng: torch.Generator) -> list[Tensor]:
        """Fresh noise for n samples, one a layer: (n, 1, r, r), where the generator is."""
        return [torch.randn(n, 1, m.r, m.r, generator=rng, device=rng.device) for m in self.layers]

    def forward(
        self, w: Tensor, extra: Tensor | None = None, noises: Sequence[Tensor] | None = None
    ) -> Tensor:
        """w: (N, d_w), or (N, slots, d_w); noises: without them layers that have noise inputs take
        their stored one.
        """
        w = w[:, None].expand(-1, self.slots, -1) if w.ndim == 2 else w
        given = 0 if extra is None else extra.shape[1]
        if w.shape[1] != self.slots or given != self.extra:
            raise InputError(
                f"a sample takes {self.slots} codes w and {self.extra} extra channels, "
                f"not {w.shape[1]} and {given}"
            )
        x = self.const.expand(len(w), -1, -1, -1)
        if extra is not None:
            x = torch.cat([x, extra[:, :, None, None].expand(-1, -1, 4, 4)], dim=1)
        image: Tensor | None = None
        for i, r in enumerate(self.resolutions):
            with autocast(high(r, self.resolutions[-1], x), x.device):
                for j in range(max(0, 2 * i - 1), 2 * i + 1):
                    x = self.layers[j](x, w[:, j], noises[j] if noises else None)
                y = self.to_rgb[i](x, w[:, 2 * i + 1])
            image = y if image is None else upsampled(image) + y
        return image


def high(r: int, size: int, x: Tensor) -> bool:
    """Whether a resolution computes in 16 bits, where the engine asks for them."""
    return torch.is_autocast_enabled(x.device.type) and r << HALVED > size


# ------------------------------------------------------------------------------- the discriminator


class Conv(nn.Module):
    """Equalised convolution: (N, i, r, r) to (N, o, r, r), or to r / 2 behind the filter where
    `down`. act: bias and lrelu; gain: a factor on what comes out.
    """

    def __init__(
        self, i: int, o: int, k: int = 3, down: bool = False, act: bool = True, gain: float = 1.0
    ):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(o, i, k, k))
        self.bias = nn.Parameter(torch.zeros(o)) if act else None
        self.down, self.act = down, act
        self.gain = gain * GAIN if act else gain
        self.scale = self.gain / math.sqrt(i * k * k)

    def forward(self, x: Tensor) -> Tensor:
        k = self.weight.shape[2]
        stride, padding = 1, k // 2
        if self.down:
            stride, padding = (1, 0) if k == 1 else (2, 0)
            x = blurred(x, 1 + k // 2, stride=3 - stride)
        bias = None if self.bias is None else self.bias * self.gain
        y = conv2d(x, self.weight * self.scale, bias, stride, padding)
        return leaky_relu(y, SLOPE, inplace=True) if self.act else y


class Block(nn.Module):
    """Halves the resolution, by two convolutions beside a 1x1 one: i to t to o channels."""

    def __init__(self, i: int, t: int, o: int):
        super().__init__()
        half = math.sqrt(0.5)  # of (a + b) / sqrt(2)
        self.first = Conv(i, t)
        self.second = Conv(t, o, down=True, gain=half)
        self.skip = Conv(i, o, 1, down=True, act=False, gain=half)

    def forward(self, x: Tensor) -> Tensor:
        return self.skip(x) + self.second(self.first(x))


def with_deviation(x: Tensor) -> Tensor:
    """(N, c, h, w) to (N, c + 1, h, w): a channel with the mean deviation over a group of samples,
    of at most 4 and of as many as divide N.
    """
    n, _, h, w = x.shape
    group = max(g for g in range(1, min(GROUP, n) + 1) if n % g == 0)
    y = x.reshape(group, n // group, -1)
    y = ((y - y.mean(dim=0)).square().mean(dim=0) + EPS).sqrt().mean(dim=1)  # (n / group,)
    y = y.repeat(group)[:, None, None, None]
    return torch.cat([x, y.expand(-1, 1, h, w)], dim=1)


class Head(nn.Module):
    """(N, c, 4, 4) to (N, o), in float32."""

    def __init__(self, c: int, o: int = 1):
        super().__init__()
        self.conv = Conv(c + 1, c)
        self.fc = Linear(16 * c, c, act=True)
        self.out = Linear(c, o)

    def forward(self, x: Tensor) -> Tensor:
        with exact(x):
            x = with_deviation(x.to(self.conv.weight.dtype))
            return self.out(self.fc(self.conv(x).flatten(1)))


class Discriminator(nn.Module):
    """Images (N, channels, size, size) to logits (N,). c: widths."""

    def __init__(self, c: dict[int, int], channels: int = 3):
        super().__init__()
        self.resolutions = list(c)[:0:-1]  # size ... 8
        self.from_rgb = Conv(channels, c[self.resolutions[0]], 1)
        self.blocks = nn.ModuleList(Block(c[r], c[r], c[r // 2]) for r in self.resolutions)
        self.head = Head(c[4])

    def forward(self, x: Tensor) -> Tensor:
        x = self.from_rgb(x)
        for r, block in zip(self.resolutions, self.blocks, strict=True):
            with autocast(on := high(r, self.resolutions[0], x), x.device):
                x = block(x if on else x.to(block.skip.weight.dtype))
        return self.head(x).squeeze(1)


# ---------------------------------------------------------------------------------------- training


def r1(logits: Tensor, x: Tensor, frames: int = 1) -> Tensor:
    """Half the mean over images of the squared norm of d logits / d image. x: (N, ...), of so many
    frames each.
    """
    (slope,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    return 0.5 * slope.square().sum() / (len(x) * frames)


def forgetting(p: Any, step: int) -> float:
    """The decay of a running average at a step: half of what it holds is of the last `half_life`
    samples, or of a share of those seen (`ramp`).
    """
    seen = p.ramp * (step + 1) * p.batch
    return 0.5 ** (p.batch / (min(p.half_life, seen) if p.ramp else p.half_life))


class LazyAdam(torch.optim.Adam):
    """Adam of a player that takes an extra turn every `every`-th step: its rate and betas are those
    of a step that has both; 0: it takes none. Gradients that are not finite are replaced: nan by 0,
    infinity by 1e5.
    """

    def __init__(self, net: nn.Module, lr: float, betas: tuple[float, float], every: int):
        share = every / (every + 1) if every else 1.0
        super().__init__(net.parameters(), lr * share, tuple(b**share for b in betas), eps=EPS)

    def step(self, closure=None):
        for group in self.param_groups:
            for w in group["params"]:
                if w.grad is not None:
                    torch.nan_to_num(w.grad, 0.0, 1e5, -1e5, out=w.grad)
        return super().step(closure)
