"""MoCoGAN's video discriminator (Tulyakov et al., CVPR 2018), for the controls of StyleGAN-V's
tables: the one without StyleGAN-V's discriminator, and MoCoGAN with StyleGAN2's parts.
"""

from torch import Tensor, nn

WIDTHS = (64, 128, 256, 512)


class VideoDiscriminator(nn.Module):
    """(B, 3, 16, size, size) to (B, patches): logits of one patch at 64 pixels, of 13 x 13 at 256.
    Kernel 4, stride 2 in space; batch norm behind all convolutions but the first and the last.
    Below 64 pixels one convolution less; most: channels of any.
    """

    def __init__(self, size: int, most: int = WIDTHS[-1]):
        super().__init__()
        layers: list[nn.Module] = []
        widths = [min(w, most) for w in (WIDTHS if size >= 64 else WIDTHS[:-1])]
        for i, o in zip((3, *widths), widths, strict=False):
            layers.append(nn.Conv3d(i, o, 4, (1, 2, 2), (0, 1, 1), bias=False))
            layers += [nn.BatchNorm3d(o)] * (i != 3) + [nn.LeakyReLU(0.2, inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Conv3d(widths[-1], 1, 4, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x).flatten(1)
