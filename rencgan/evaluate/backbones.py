"""The 3D ResNeXt-101 that video FID was published with (Hara, Kataoka and Satoh: Can Spatiotemporal
3D CNNs Retrace the History of 2D CNNs and ImageNet? CVPR 2018).

x (B, 3, 16, 112, 112)  ->  (B, 64, 16, 56, 56) -> pool (B, 64, 8, 28, 28)
    -> layer1 (B, 256, 8, 28, 28)    -> layer2 (B, 512, 4, 14, 14)
    -> layer3 (B, 1024, 2, 7, 7)     -> layer4 (B, 2048, 1, 4, 4)     -> mean (B, 2048)

Names of modules are those of the published state dict.
"""

from torch import Tensor, nn

DEPTHS = (3, 4, 23, 3)
WIDTHS = (128, 256, 512, 1024)
EXPANSION = 2  # a block gives twice its width


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
