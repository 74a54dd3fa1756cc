"""The embedded feature extractor: a small 3D network whose weights ship with the package.

fit_compact.py trained it on the stand-in videos, to tell their class, their pace, and whether their
frames are in order; fitness.py measures on real video what that is worth.

Features are means and deviations of the channels at three depths: what is lost early, such as fine
noise, and what only shows late, such as a class, both move them. Each is divided by its deviation
over clips of the stand-ins, so that none counts for its units, and enters as log(1 + x): without
that, what is loud in a few clips drowned all else, and the distance of real video from real video
varied five times as much between draws, against its mean, on the development scenes of fitness.py.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from rencgan.core.errors import InputError
from rencgan.data.pixels import as_clips
from rencgan.evaluate.backbones import fill

WEIGHTS = Path(__file__).parent / "weights" / "compact.safetensors"
# Of that file; fit_compact.py prints it. Training on another machine gives other last digits.
SHA256 = "17df876d4d6b56f4680ee5ebb620faae07e8a3e1c40947fdbbfacb9433050454"
FRAMES, SIZE = 16, 64  # of the clips it was trained on
# As fitness.py calls them. Frozen frames: of a short stand-in at the fastest pace the last is held.
TRAINED_ON = ("wrong speed", "shuffled frames", "swapped class", "frozen frames")


def _block(a: int, b: int, kernel: tuple, stride: tuple) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(a, b, kernel, stride, tuple(k // 2 for k in kernel), bias=False),
        nn.BatchNorm3d(b),
        nn.ReLU(inplace=True),
    )


class Compact(nn.Module):
    """Clips (B, 3, T, 64, 64) in [-1, 1] to features (B, 704), for any T from 8 up."""

    dims = 2 * (32 + 64 + 256)

    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList(
            [
                _block(3, 32, (3, 5, 5), (1, 2, 2)),
                _block(32, 64, (3, 3, 3), (1, 2, 2)),
                _block(64, 128, (3, 3, 3), (2, 2, 2)),
                _block(128, 256, (3, 3, 3), (2, 2, 2)),
            ]
        )
        self.register_buffer("scale", torch.ones(self.dims))

    def forward(self, x: Tensor) -> Tensor:
        return torch.log1p(self.pooled(x) / self.scale)

    def pooled(self, x: Tensor) -> Tensor:
        """Means and deviations as they are, (B, 704), none negative: what the training reads."""
        found = []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i != 2:  # 32, 64 and 256 channels; those of the third say little new
                flat = x.flatten(2)
                mean = flat.mean(2)
                # Twenty times as fast on a CPU as Tensor.std.
                spread = torch.linalg.vector_norm(flat - mean[..., None], dim=2)
                found += [mean, spread / flat.shape[2] ** 0.5]
        return torch.cat(found, 1)


def load(path: Path, content: bytes) -> Compact:
    """The network of a file's content, in evaluation mode and single precision. InputError if the
    file holds other weights.
    """
    from safetensors.torch import load as parse

    try:
        state = parse(content)
    except Exception:  # bytes that somebody changed can raise anything
        raise InputError(f"{path} does not hold the weights of the compact extractor") from None
    network = fill(Compact(), state, path, "the compact extractor").eval()
    for i, (convolution, norm, relu) in enumerate(network.blocks):  # folded: the same, and faster
        network.blocks[i] = nn.Sequential(fuse_conv_bn_eval(convolution, norm), relu)
    return network


def shrink(frames: Tensor) -> Tensor:
    """(n, H, W, 3) uint8 to (n, 3, 64, 64) in [-1, 1]: bilinear with antialiasing."""
    x = as_clips(frames[None])[0].transpose(0, 1)
    if x.shape[2:] != (SIZE, SIZE):
        x = nn.functional.interpolate(x, (SIZE, SIZE), mode="bilinear", antialias=True)
    return x


def join(frames: Tensor) -> Tensor:
    """Shrunk frames (T, 3, 64, 64) to a clip (1, 3, T, 64, 64)."""
    return frames.transpose(0, 1)[None]  # in this layout: another takes other convolutions, bits


def prepare(clip: Tensor) -> Tensor:
    """(T, H, W, 3) uint8 to (1, 3, T, 64, 64)."""
    return join(shrink(clip))
