"""Augmentation: known answers of single transforms, and that all frames are treated alike."""

import math

import pytest
import torch

from rencgan.baselines.ada import (
    NORMAL,
    UNIFORM,
    Chance,
    Sampled,
    augmented,
    coloured,
    colours,
    diff_augmented,
    geometry,
    moved,
)

ALL = slice(None)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def videos(b: int = 2, frames: int = 3, size: int = 16) -> torch.Tensor:
    """Smooth ones: the result of a wavelet on noise would tell little."""
    x = torch.rand(b, 3, frames, size // 4, size // 4, generator=rng()) * 2 - 1
    flat = torch.nn.functional.interpolate(x.flatten(1, 2), size=size, mode="bicubic")
    return flat.unflatten(1, (3, frames))


def never(b: int = 2) -> Chance:
    """Chance by which no transform is taken, at any p below 1."""
    return Chance(torch.full((b, UNIFORM), 0.999), torch.ones(b, NORMAL))


def only(b: int = 2, **numbers: float) -> Chance:
    """The same, but for some uniform numbers."""
    found = never(b)
    for name, value in numbers.items():
        found.u[:, int(name[1:])] = value
    return found


def test_nothing_happens_without_probability():
    x = videos()
    assert augmented(x, never(), 0.0) is x
    assert torch.allclose(augmented(x, never(), 0.5), x, atol=1e-4)


def test_a_mirror_a_turn_and_a_shift_are_those_of_the_array():
    x = videos()
    mirrored = moved(x, geometry(only(u0=0.0, u12=0.0), 0.5, 16))
    assert torch.allclose(mirrored, x.flip(4), atol=0.05)
    turned = moved(x, geometry(only(u1=0.0, u13=0.25), 0.5, 16))
    either = [torch.rot90(x, k, (3, 4)) for k in (1, 3)]
    assert any(torch.allclose(turned, y, atol=0.05) for y in either)
    half = moved(x, geometry(only(u1=0.0, u13=0.5), 0.5, 16))
    assert torch.allclose(half, torch.rot90(x, 2, (3, 4)), atol=0.05)
    shifted = moved(x, geometry(only(u2=0.0, u14=1.0, u15=0.5), 0.5, 16))  # by 2 of 16 pixels
    assert torch.allclose(shifted[..., :-2], x[..., 2:], atol=1e-4)
    assert torch.allclose(shifted[..., -2:], x[..., -3:-1].flip(4), atol=1e-4)  # mirrored outside


def test_scale_turn_and_stretch_keep_the_middle_and_their_sizes():
    assert torch.allclose(geometry(never(), 0.5, 16), torch.eye(3).expand(2, 3, 3))
    scaled = geometry(only(u3=0.0), 0.5, 16)[0, :2, :2]
    assert torch.allclose(scaled, torch.eye(2) * 2**-0.2)
    stretched = geometry(only(u4=0.0), 0.5, 16)[0, :2, :2]
    assert torch.allclose(stretched, torch.diag(torch.tensor([2**-0.2, 2**0.2])))
    turned = geometry(only(u8=0.0, u9=0.75), 0.5, 16)[0, :2, :2]
    assert torch.allclose(turned @ turned.T, torch.eye(2), atol=1e-6)
    assert float(turned[0, 0]) == pytest.approx(math.cos(math.pi / 2), abs=1e-6)


def test_colours_are_those_of_the_paper():
    grey, red = torch.tensor([0.3] * 3), torch.tensor([1.0, 0.0, 0.0])

    def of(colour: torch.Tensor, **numbers: float) -> torch.Tensor:
        x = colour.view(1, 3, 1, 1, 1)
        return coloured(x, *colours(only(1, **numbers), 0.5)).flatten()

    assert torch.allclose(of(red), red, atol=1e-6)
    assert torch.allclose(of(grey, u16=0.0), grey + 0.2, atol=1e-6)  # brightness
    assert torch.allclose(of(grey, u17=0.0), grey * 2**0.5, atol=1e-6)  # contrast
    assert torch.allclose(of(grey, u18=0.0, u21=0.0), -grey, atol=1e-6)  # luma
    assert torch.allclose(of(grey, u19=0.0, u22=0.7), grey, atol=1e-6)  # hue leaves grey alone
    turned = of(red, u19=0.0, u22=0.5 + 1 / 3)  # by a third of the circle
    assert sorted(turned.tolist()) == pytest.approx([0.0, 0.0, 1.0], abs=1e-6)
    assert int(turned.argmax()) != 0
    assert torch.allclose(of(grey, u20=0.0), grey, atol=1e-6)  # saturation
    assert torch.allclose(of(red, u20=0.0), (red - 1 / 3) * 2 + 1 / 3, atol=1e-6)


@pytest.mark.parametrize("way", ["ada", "diff"])
def test_all_frames_of_a_video_are_transformed_alike_and_videos_apart(way):
    x = videos(1, 1).expand(3, -1, 4, -1, -1)
    chance = Chance.drawn(rng(3), 3, lambda n: ALL)
    y = augmented(x, chance, 0.9) if way == "ada" else diff_augmented(x, chance)
    assert y.shape == x.shape
    assert torch.allclose(y, y[:, :, :1].expand_as(y), atol=1e-5)
    assert not torch.allclose(y[0], y[1], atol=0.05)


def test_a_transform_is_taken_with_its_probability():
    chance = Chance.drawn(rng(), 4000, lambda n: ALL)
    for p in (0.2, 0.7):
        theta = geometry(chance, p, 16)
        angle = torch.atan2(theta[:, 1, 0].abs(), theta[:, 0, 0].abs())
        still = torch.minimum(angle, math.pi / 2 - angle) < 1e-4  # no turn but by quarters
        assert float(still.float().mean()) == pytest.approx(1 - p, abs=0.03)
        matrix, offset = colours(chance, p)
        plain = (matrix - torch.eye(3)).abs().amax(dim=(1, 2)) < 1e-6
        assert float(plain.float().mean()) == pytest.approx((1 - p) ** 3 * (1 - p / 2), abs=0.03)
        assert float((offset.abs().amax(dim=1) > 0).float().mean()) == pytest.approx(p, abs=0.03)


def test_frames_are_read_with_derivatives_of_second_order():
    x = torch.randn(1, 2, 5, 5, dtype=torch.float64, generator=rng(), requires_grad=True)
    theta = torch.tensor([[[0.8, 0.3, 0.1], [-0.2, 0.9, 0.0]]], dtype=torch.float64)
    grid = torch.nn.functional.affine_grid(theta, [1, 2, 4, 4], align_corners=False)
    read = lambda x: Sampled.apply(x, grid)  # noqa: E731
    assert torch.autograd.gradcheck(read, x)
    assert torch.autograd.gradgradcheck(read, x)


def test_the_chance_of_a_row_does_not_depend_on_how_the_batch_is_shared():
    whole = Chance.drawn(rng(), 4, lambda n: ALL)
    part = Chance.drawn(rng(), 4, lambda n: slice(2, 4))
    assert torch.equal(whole.u[2:], part.u)
    assert torch.equal(whole.g[2:], part.g)


def test_diff_augmentation_cuts_a_square_of_half_the_side():
    chance = never(1)
    chance.u[:] = torch.tensor([0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, *[0.0] * (UNIFORM - 7)])
    x = torch.ones(1, 3, 2, 16, 16) * 0.4
    y = diff_augmented(x, chance)
    assert int((y == 0).sum()) == 3 * 2 * 8 * 8
    assert torch.allclose(y[y != 0], torch.tensor(0.4))
