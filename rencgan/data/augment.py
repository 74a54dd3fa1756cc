"""Random crops of training samples: few videos then stand for more framings of the same scenes.

Our addition, off in the faithful configuration (`smallest_crop` = 1).
"""

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample


def crops(x: Tensor, smallest: float, seed: int, step: int, joint: int, rows: slice) -> Tensor:
    """Every sample shows a square part of its frames, the same in all of them, at full size again.

    x: (b, 3, T, H, W), the given rows of a joint batch, whose chance is drawn from (seed, step).
    The side of the part is uniform in [smallest, 1] of the frame's, its place uniform. Single
    frames (T = 1) are mirrored half of the time; clips are not, because which way things move
    belongs to a scene. smallest = 1 returns x untouched.
    """
    if smallest == 1:
        return x
    rng = torch.Generator().manual_seed(seed * 1_000_003 + step)
    chance = torch.rand(4, joint, generator=rng)[:, rows].to(x.device)
    b, _, frames, h, w = x.shape
    side = smallest + (1 - smallest) * chance[0]
    theta = x.new_zeros(b, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = side
    theta[:, :, 2] = ((1 - side) * (2 * chance[1:3] - 1)).T
    if frames == 1:
        theta[:, 0, 0] *= torch.where(chance[3] < 0.5, -1.0, 1.0)
    flat = x.transpose(1, 2).reshape(b, frames * 3, h, w)
    grid = affine_grid(theta, flat.shape, align_corners=False)
    # Bilinear would take a fifth of the sharpness and a sixth of the motion away.
    y = grid_sample(flat, grid, "bicubic", padding_mode="border", align_corners=False).clamp(-1, 1)
    y = y.unflatten(1, (frames, 3)).permute(0, 1, 3, 4, 2).contiguous()  # channels last
    return y.permute(0, 4, 1, 2, 3)
