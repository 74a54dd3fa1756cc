import numpy as np
import pytest
import torch

from rencgan.data.clips import crops
from rencgan.data.pixels import as_clips

ALL = slice(None)


def scene(frames: int, b: int = 6) -> torch.Tensor:
    """A ramp to the right and a step in time: crops keep the slope's sign, mirrors turn it."""
    ramp = torch.linspace(-1, 1, 16).expand(b, 3, frames, 16, 16)
    return ramp / 2 + torch.arange(frames).view(1, 1, frames, 1, 1) / 100


def test_off_means_untouched():
    x = scene(4)
    assert crops(x, 1.0, 0, 0, 6, ALL) is x


def test_every_frame_of_a_sample_is_cropped_alike():
    y = crops(scene(4), 0.5, 3, 7, 6, ALL)
    assert y.shape == (6, 3, 4, 16, 16)
    assert torch.allclose(y[:, :, 1:] - y[:, :, :-1], torch.tensor(0.01), atol=1e-6)
    slopes = (y[:, 0, 0, 8, 12] - y[:, 0, 0, 8, 4]) / 8 * 15
    assert ((slopes >= 0.49) & (slopes <= 1.01)).all(), "clips are magnified, never mirrored"
    assert slopes.std() > 0.05, "each sample has a crop of its own"


def test_single_frames_are_mirrored_half_of_the_time():
    y = crops(scene(1, 200), 0.9, 0, 0, 200, ALL)
    turned = (y[:, 0, 0, 8, 12] < y[:, 0, 0, 8, 4]).float().mean()
    assert 0.35 < turned < 0.65


def test_a_crop_of_the_whole_is_the_whole():
    x = torch.rand(2, 3, 5, 16, 16)
    assert torch.allclose(crops(x, 0.999999, 0, 0, 2, ALL), x, atol=1e-4)


def test_chance_belongs_to_the_sample_not_to_the_process():
    x = scene(2)
    joint = crops(x, 0.6, 1, 5, 6, ALL)
    parts = [crops(x[rows], 0.6, 1, 5, 6, rows) for rows in (slice(0, 3), slice(3, 6))]
    assert torch.allclose(torch.cat(parts), joint, atol=1e-6)
    assert not torch.allclose(crops(x, 0.6, 1, 6, 6, ALL), joint, atol=1e-3)
    assert not torch.allclose(crops(x, 0.6, 2, 5, 6, ALL), joint, atol=1e-3)


def test_a_crop_keeps_what_is_sharp_and_what_moves():
    """Bilinear interpolation would lose a fifth of the fine grain; a magnified slope is flatter."""
    rng = np.random.default_rng(0)
    grain = rng.integers(0, 256, (8, 8, 32, 32, 3), dtype=np.uint8)
    x = torch.nn.functional.interpolate(
        as_clips(grain).flatten(1, 2), scale_factor=2, mode="bicubic"
    ).unflatten(1, (3, 8))
    y = crops(x, 0.9, 0, 0, 8, ALL)

    def steps(v, axis):
        return v.diff(dim=axis).abs().mean()

    assert 0.9 < steps(y, 4) / steps(x, 4) < 1.02
    assert 0.95 < steps(y, 2) / steps(x, 2) < 1.02


@pytest.mark.parametrize("frames", [1, 16])
def test_memory_stays_channels_last(frames):
    x = scene(frames).contiguous(memory_format=torch.channels_last_3d)
    y = crops(x, 0.8, 0, 0, 6, ALL)
    assert y.permute(0, 2, 3, 4, 1).is_contiguous()
