"""What a discriminator sees in place of videos: ADA's "bgc" (Karras et al., Training Generative
Adversarial Networks with Limited Data, Appendix B) and DiffAugment (Zhao et al.).

x  (B, 3, F, H, W) in [-1, 1]: F frames, or slots, of a sample. All of them are transformed alike.

Every transform of "bgc" is taken with probability p: blitting (mirror, turn by 90 degrees, shift by
whole pixels), geometric (scale, turn, stretch, shift), colour (brightness, contrast, luma, hue,
saturation). Geometry is one affine map a sample, by which the frame is read at twice its resolution
under the wavelet sym6. Chance is given: uniform and normal numbers, drawn for the joint batch and
kept on the CPU, so that no GPU is waited for.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, conv2d, conv_transpose2d, grid_sample, pad

UNIFORM, NORMAL = 24, 8  # numbers a sample
SHIFT, SCALE, STRETCH = 0.125, 0.2, 0.2  # of a side; deviations of log2
BRIGHTNESS, CONTRAST, SATURATION = 0.2, 0.5, 1.0
SYM6 = (
    *(0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633),
    *(0.4910559419267466, 0.787641141030194, 0.3379294217276218, -0.07263752278646252),
    *(-0.021060292512300564, 0.04472490177066578, 0.0017677118642428036, -0.007800708325034148),
)
OFF = (len(SYM6) - 1) / 2 - sum(i * w for i, w in enumerate(SYM6)) / sum(SYM6)  # its centre


class Chance(NamedTuple):
    """u (B, 24) uniform in [0, 1), g (B, 8) standard normal."""

    u: Tensor
    g: Tensor

    @classmethod
    def drawn(cls, rng: torch.Generator, batch: int, share: Callable) -> "Chance":
        """share(n): this process's rows of a joint batch of n."""
        u = torch.rand(batch, UNIFORM, generator=rng)
        g = torch.randn(batch, NORMAL, generator=rng)
        return cls(u[share(batch)], g[share(batch)])


# --------------------------------------------------------------------------------------------- bgc


def augmented(x: Tensor, chance: Chance, p: float) -> Tensor:
    """Each transform with probability p; x itself at p = 0."""
    if p <= 0:
        return x
    matrix, offset = (part.to(x) for part in colours(chance, p))
    return coloured(moved(x, geometry(chance, p, x.shape[-1])), matrix, offset)


@torch.no_grad()
def adapt(state: Tensor, sign: Tensor, last: bool, by: float, target: float) -> None:
    """ADA: p rises while the mean sign of real logits is above its target, and falls below.

    state: p, sum and number of the signs since p was last looked at; last: whether it is now; by:
    how far p then moves.
    """
    state[1:] += torch.stack([sign, torch.ones_like(sign)])
    if last:
        state[0] = (state[0] + by * (state[1] / state[2] - target).sign()).clamp(0, 1)
        state[1:] = 0


def geometry(chance: Chance, p: float, size: int) -> Tensor:
    """The map (B, 3, 3) from places of the result to places of the source, in [-1, 1]."""
    u, g = chance
    on = (u[:, :8] < p).to(u.dtype)  # which transforms are taken; turns below have their own
    turned = 1 - math.sqrt(max(0.0, 1 - p))  # of either turn, so that one of both has p
    turn = [torch.where(u[:, i] < turned, (2 * u[:, i + 1] - 1) * math.pi, 0.0) for i in (8, 10)]
    mirror = 1 - 2 * on[:, 0] * (u[:, 12] < 0.5)
    quarter = on[:, 1] * (4 * u[:, 13]).floor() * (math.pi / 2)
    whole = on[:, 2:3] * (((2 * u[:, 14:16] - 1) * SHIFT) * size).round() * (2 / size)
    scale = (on[:, 3] * g[:, 0] * SCALE).exp2()
    stretch = (on[:, 4] * g[:, 1] * STRETCH).exp2()
    part = on[:, 5:6] * g[:, 2:4] * (2 * SHIFT)
    steps = [
        *(_scaled(mirror, torch.ones_like(mirror)), _turned(quarter), _shifted(whole)),
        *(_scaled(1 / scale, 1 / scale), _turned(turn[0])),
        *(_scaled(1 / stretch, stretch), _turned(turn[1]), _shifted(part)),
    ]
    found = steps[0]
    for step in steps[1:]:
        found = found @ step
    return found


def _turned(angle: Tensor) -> Tensor:
    one, zero = torch.ones_like(angle), torch.zeros_like(angle)
    c, s = angle.cos(), angle.sin()
    return torch.stack([c, -s, zero, s, c, zero, zero, zero, one], dim=1).view(-1, 3, 3)


def _scaled(x: Tensor, y: Tensor) -> Tensor:
    return torch.diag_embed(torch.stack([x, y, torch.ones_like(x)], dim=1))


def _shifted(by: Tensor) -> Tensor:
    found = torch.eye(3, dtype=by.dtype, device=by.device).repeat(len(by), 1, 1)
    found[:, :2, 2] = by
    return found


def moved(x: Tensor, theta: Tensor) -> Tensor:
    """The frames read through an affine map (B, 3, 3); outside they are mirrored."""
    b, _, frames, h, w = x.shape
    out = 2 * h + len(SYM6) - 2  # what `_half` takes
    seen = out / (2 * h)  # in sides of the frame, as all that follows
    corners = seen * theta[:, :2, :2].abs().sum(dim=2) + theta[:, :2, 2].abs()
    edge = math.ceil((float(corners.max()) - 1) * h / 2) + len(SYM6) // 4
    edge = min(max(edge, 0), h - 1)  # as far as a frame can be mirrored
    y = x.transpose(1, 2).reshape(b, frames * 3, h, w)
    y = _twice(pad(y, [edge] * 4, mode="reflect"))
    wide = 1 + 2 * edge / h
    turn, off = theta[:, :2, :2], OFF / h
    shift = theta[:, :2, 2:] + off * (turn.sum(dim=2, keepdim=True) - 1)
    inner = torch.cat([turn * seen, shift], dim=2) / wide
    grid = affine_grid(inner.to(x), [b, 1, out, out], align_corners=False)
    y = _half(Sampled.apply(y, grid))
    return y.unflatten(1, (frames, 3)).transpose(1, 2)


def _wavelet(x: Tensor) -> Tensor:
    taps = x.new_tensor(SYM6)
    return (taps / taps.sum()).expand(x.shape[1], 1, 1, -1)


def _twice(x: Tensor) -> Tensor:
    """Twice the resolution under the wavelet: (N, C, h, w) to (N, C, 2 h, 2 w); `_half` undoes it,
    for the wavelet is orthogonal.
    """
    f, c = _wavelet(x) * 2, x.shape[1]
    for kernel, stride, cut in ((f, (1, 2), (0, 5)), (f.transpose(2, 3), (2, 1), (5, 0))):
        x = conv_transpose2d(x, kernel, None, stride, cut, groups=c)
    return x


def _half(x: Tensor) -> Tensor:
    """Half the resolution under the wavelet, without padding: (..., 2 (h + 5)) to (..., h)."""
    f, c = _wavelet(x), x.shape[1]
    x = conv2d(x, f, None, (1, 2), groups=c)
    return conv2d(x, f.transpose(2, 3), None, (2, 1), groups=c)


class Sampled(torch.autograd.Function):
    """Bilinear grid_sample, which is linear in its frames, with derivatives of any order by them:
    PyTorch has the first alone, and R1 takes two.
    """

    @staticmethod
    def forward(ctx, x: Tensor, grid: Tensor) -> Tensor:
        ctx.save_for_backward(grid)
        ctx.shape = x.shape
        return grid_sample(x, grid, align_corners=False)

    @staticmethod
    def backward(ctx, slope: Tensor):
        return Spread.apply(slope, ctx.saved_tensors[0], ctx.shape), None


class Spread(torch.autograd.Function):
    """The transpose of `Sampled`."""

    @staticmethod
    def forward(ctx, slope: Tensor, grid: Tensor, shape: torch.Size) -> Tensor:
        ctx.save_for_backward(grid)
        with torch.enable_grad():
            x = slope.new_zeros(shape, requires_grad=True)
            return torch.autograd.grad(grid_sample(x, grid, align_corners=False), x, slope)[0]

    @staticmethod
    def backward(ctx, slope: Tensor):
        return Sampled.apply(slope, ctx.saved_tensors[0]), None, None


def colours(chance: Chance, p: float) -> tuple[Tensor, Tensor]:
    """A matrix (B, 3, 3) and an offset (B, 3) for the colours of every pixel."""
    u, g = chance
    on = (u[:, 16:21] < p).to(u.dtype)
    axis = u.new_full((3,), 1 / math.sqrt(3))
    grey = torch.outer(axis, axis)
    eye = torch.eye(3, dtype=u.dtype, device=u.device)
    bright = on[:, 0] * g[:, 4] * BRIGHTNESS
    contrast = (on[:, 1] * g[:, 5] * CONTRAST).exp2()
    flipped = on[:, 2] * (u[:, 21] < 0.5)
    angle = on[:, 3] * (2 * u[:, 22] - 1) * math.pi
    vivid = (on[:, 4] * g[:, 6] * SATURATION).exp2()
    luma = eye - 2 * flipped[:, None, None] * grey
    cross = torch.linalg.cross(eye, axis.expand(3, 3)).T
    c, s = angle.cos()[:, None, None], angle.sin()[:, None, None]
    hue = grey + c * (eye - grey) + s * cross
    rest = (grey + vivid[:, None, None] * (eye - grey)) @ hue @ luma
    offset = rest @ (bright * contrast)[:, None, None].expand(-1, 3, 1)
    return rest * contrast[:, None, None], offset.squeeze(2)


def coloured(x: Tensor, matrix: Tensor, offset: Tensor) -> Tensor:
    return torch.einsum("bij,bjfhw->bifhw", matrix, x) + offset[:, :, None, None, None]


# ------------------------------------------------------------------------------------- DiffAugment


def diff_augmented(x: Tensor, chance: Chance) -> Tensor:
    """Always: brightness, saturation, contrast; a shift by up to an eighth; a grey square of half
    the side.
    """
    u, size = chance.u.to(x), x.shape[-1]
    x = x + (u[:, 0] - 0.5).view(-1, 1, 1, 1, 1)
    mean = x.mean(dim=1, keepdim=True)
    x = (x - mean) * (2 * u[:, 1]).view(-1, 1, 1, 1, 1) + mean
    mean = x.mean(dim=(1, 2, 3, 4), keepdim=True)
    x = (x - mean) * (u[:, 2] + 0.5).view(-1, 1, 1, 1, 1) + mean
    most = round(size / 8)
    by = ((2 * most + 1) * u[:, 3:5]).floor().long()  # 0 ... 2 most
    place = torch.arange(size, device=x.device)
    rows, columns = (by[:, i, None] + place for i in (0, 1))  # of the padded frame
    x = pad(x, [most] * 4)
    x = torch.stack([y[:, :, r][..., c] for y, r, c in zip(x, rows, columns, strict=True)])
    centre = (u[:, 5:7] * (size + 1)).floor() - size // 4  # of the square's first pixel
    inside = (place >= centre[..., None]) & (place < centre[..., None] + size // 2)  # (B, 2, size)
    hole = inside[:, 0, :, None] & inside[:, 1, None]
    return x * (~hole)[:, None, None]
