"""The published networks behind FVD and video FID: how their files are read, what they are fed.

I3D comes as a TorchScript file, which is only called. ResNeXt3D is the 3D ResNeXt-101 of Hara,
Kataoka and Satoh (Can Spatiotemporal 3D CNNs Retrace the History of 2D CNNs and ImageNet? CVPR
2018), written here, since its file holds weights alone:

x (B, 3, 16, 112, 112)  ->  (B, 64, 16, 56, 56) -> pool (B, 64, 8, 28, 28)
    -> layer1 (B, 256, 8, 28, 28)    -> layer2 (B, 512, 4, 14, 14)
    -> layer3 (B, 1024, 2, 7, 7)     -> layer4 (B, 2048, 1, 4, 4)     -> mean (B, 2048)

Names of modules are those of the published state dict.
"""

import io
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from rencgan.core.errors import InputError

DEPTHS = (3, 4, 23, 3)
WIDTHS = (128, 256, 512, 1024)
EXPANSION = 2  # a block gives twice its width
MEANS = (114.7748, 107.7354, 99.4750)  # of red, green, blue, which it was trained with


class Block(nn.Module):
    """1x1x1, grouped 3x3x3, 1x1x1, each with batch norm, beside a shortcut; ReLU after the sum.

    The stride (in time and space) is the grouped convolution's. Where the shape changes, the
    shortcut is a strided 1x1x1 convolution with batch norm ("type B").
    """

    def __init__(self, c_in: int, width: int, groups: int, stride: int):
        super().__init__()
        c_out = width * EXPANSION
        self.conv1 = nn.Conv3d(c_in, width, 1, bias=False)
        self.bn1 = nn.BatchNorm3d(width)
        self.conv2 = nn.Conv3d(width, width, 3, stride, 1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm3d(width)
        self.conv3 = nn.Conv3d(width, c_out, 1, bias=False)
        self.bn3 = nn.BatchNorm3d(c_out)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or c_in != c_out:
            shortcut = nn.Conv3d(c_in, c_out, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm3d(c_out))

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        h = self.relu(self.bn1(self.conv1(x)))
        h = self.relu(self.bn2(self.conv2(h)))
        return self.relu(self.bn3(self.conv3(h)) + shortcut)


class ResNeXt3D(nn.Module):
    """Clips (B, 3, T, H, W) of 0..255 minus channel means, to pooled features (B, 2 widths[-1]).

    The defaults are the published network: 48,340,816 parameters, 47,521,216 of them before the
    classifier `fc`, which is kept for the sake of the state dict alone. The published average pool
    over (1, 4, 4) is, for 16 frames of 112x112, the mean over all positions.
    """

    def __init__(self, depths=DEPTHS, widths=WIDTHS, groups: int = 32, stem: int = 64, classes=400):
        super().__init__()
        self.conv1 = nn.Conv3d(3, stem, 7, stride=(1, 2, 2), padding=3, bias=False)
        self.bn1 = nn.BatchNorm3d(stem)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool3d(3, stride=2, padding=1)
        c_in = stem
        for i, (depth, width) in enumerate(zip(depths, widths, strict=True)):
            first = Block(c_in, width, groups, stride=1 if i == 0 else 2)
            c_in = width * EXPANSION
            rest = (Block(c_in, width, groups, stride=1) for _ in range(depth - 1))
            setattr(self, f"layer{i + 1}", nn.Sequential(first, *rest))
        self.layers = len(depths)
        self.fc = nn.Linear(c_in, classes)

    def forward(self, x: Tensor) -> Tensor:
        h = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for i in range(self.layers):
            h = getattr(self, f"layer{i + 1}")(h)
        return h.mean(dim=(2, 3, 4))


def fill(network: nn.Module, state: dict, path: Path, of: str) -> nn.Module:
    """Gives a network the weights of a state dict with keys "module.conv1.weight" and so on.

    Counts of batches (num_batches_tracked) may be missing, as they are from the published file.
    Raises InputError that names the first weight that is missing, unknown, misshapen or not finite.
    """
    state = {str(key).removeprefix("module."): value for key, value in state.items()}
    wanted = network.state_dict()
    given = state.keys() | {key for key in wanted if key.endswith("num_batches_tracked")}
    reasons = [f"{key!r} is missing" for key in wanted if key not in given]
    reasons += [f"{key!r} is unknown" for key in state if key not in wanted]
    for key, value in state.items():
        if not isinstance(value, Tensor):
            reasons.append(f"{key!r} is no tensor")
        elif key in wanted and value.shape != wanted[key].shape:
            shapes = tuple(value.shape), tuple(wanted[key].shape)
            reasons.append(f"{key!r} has the shape {shapes[0]}, not {shapes[1]}")
        elif not value.isfinite().all():
            reasons.append(f"{key!r} holds NaN or infinity")
    if reasons:
        raise InputError(f"{path} does not hold the weights of {of}: {reasons[0]}")
    network.load_state_dict(state, assign=True)
    return network.float()


def load_resnext(
    path: Path, content: bytes, build: Callable[[], nn.Module] = ResNeXt3D
) -> nn.Module:
    """The network of the published checkpoint, of which `state_dict` counts. Nothing in it is
    executed. `build` makes another network of the same layout. Raises InputError.
    """
    file = io.BytesIO(content)
    try:
        if zipfile.is_zipfile(file) and zipfile.ZipFile(file).testzip():  # torch checks no sums
            raise ValueError
        file.seek(0)
        checkpoint = torch.load(file, map_location="cpu", weights_only=True)
    except Exception:  # a pickle that somebody changed can raise anything
        raise InputError(
            f"{path} is damaged, or holds more than weights: it is not the published checkpoint"
        ) from None
    state = checkpoint.get("state_dict") if isinstance(checkpoint, dict) else None
    if not isinstance(state, dict):
        raise InputError(
            f"{path} holds no 'state_dict', where the published checkpoint has weights"
        )
    with torch.device("meta"):  # the file brings the numbers
        network = build()
    return fill(network, state, path, of="a 3D ResNeXt-101")


def prepare_resnext(clip: Tensor, size: int = 112, frames: int = 16) -> Tensor:
    """The middle 16 of (T, H, W, 3) uint8 to (1, 3, 16, 112, 112) of 0..255 minus channel means.

    Of an odd surplus the greater part is cut off the end, as G3AN's evaluation cuts.
    """
    from PIL import Image  # here, so that the I3D needs torch and numpy alone

    start = len(clip) // 2 - frames // 2
    middle = (Image.fromarray(frame) for frame in clip[start : start + frames].numpy())
    pixels = np.stack([frame.resize((size, size), Image.Resampling.BILINEAR) for frame in middle])
    x = torch.from_numpy(pixels).float() - torch.tensor(MEANS)
    return x.permute(3, 0, 1, 2)[None]


class _Logits(nn.Module):
    """The public TorchScript I3D, called as StyleGAN-V calls it."""

    def __init__(self, detector: nn.Module):
        super().__init__()
        self.detector = detector

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, 3, T, H, W) of 0..255; returns the logits before the softmax, (B, 400)."""
        return self.detector(x, rescale=True, resize=True, return_features=True)


def load_i3d(path: Path, content: bytes) -> nn.Module:
    """A TorchScript I3D. Raises InputError if it takes no rescale, resize and return_features."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the file is what it is
            detector = torch.jit.load(io.BytesIO(content), map_location="cpu")
        takes = {argument.name for argument in detector.forward.schema.arguments}
    except Exception:  # an archive that somebody changed can raise anything
        raise InputError(f"{path} is no TorchScript that this PyTorch can read") from None
    if not {"rescale", "resize", "return_features"} <= takes:
        raise InputError(
            f"{path} is no I3D of FVD: it does not take rescale, resize and return_features"
        )
    return _Logits(detector)


def prepare_i3d(clip: Tensor) -> Tensor:
    """(T, H, W, 3) uint8 to (1, 3, T, H, W) of 0..255; the file does the rest."""
    return clip.permute(3, 0, 1, 2)[None].float()
