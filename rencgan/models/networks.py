"""EncGAN3: the VAE-GAN of one clip (thesis, Chapter 3); REncGAN trains the same four networks on
pairs.

x    (B, 3, 16, H, W)    a clip in [-1, 1]           z_c  (B, d_c)      content code
v_j = x_{j-1} - x_j      difference maps (Eq. 3.3)   z_m  (B, d_m, L)   motion code (clip: L = 1)

A departure from G3AN's public code, on which the generator is based: self-attention reads its
result back in the right axis order. One from the thesis' text: every transposed convolution has
spectral *and* batch norm, as in that code, which is what the parameter counts of Table 5.3 ask for.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from rencgan.core.errors import InputError
from rencgan.models.attention import SelfAttention
from rencgan.presets.preset import Preset


class Codes(NamedTuple):
    """The two latent spaces of a batch of clips: mean and log-variance of content (B, d_c) and
    motion (B, d_m).
    """

    mu_c: Tensor
    logvar_c: Tensor
    mu_m: Tensor
    logvar_m: Tensor


def difference_maps(x: Tensor) -> Tensor:
    """Eq. 3.3: v_j = x_{j-1} - x_j. x: (B, C, T, H, W); returns (B, C, T - 1, H, W)."""
    return x[:, :, :-1] - x[:, :, 1:]


# ---------------------------------------------------------------------------------------- generator


def _deconv_set(c_in: int, c_out: int, k: tuple, s: tuple, p: tuple) -> nn.Sequential:
    """A "set": transposed convolution under spectral norm, batch norm, ReLU."""
    conv = spectral_norm(nn.ConvTranspose3d(c_in, c_out, k, s, p))
    return nn.Sequential(conv, nn.BatchNorm3d(c_out), nn.ReLU(inplace=True))


def _beside(h_s: Tensor, h_v: Tensor) -> Tensor:
    """concat(h_s broadcast over time, h_v) on channels. Channels are laid last in memory, because
    `cat` of a broadcast tensor falls back to channels first, and every convolution after it would
    copy.
    """
    last = [h.permute(0, 2, 3, 4, 1) for h in (h_s.expand(-1, -1, h_v.shape[2], -1, -1), h_v)]
    return torch.cat(last, dim=-1).permute(0, 4, 1, 2, 3)


class G3Block(nn.Module):
    """One G3 block: each stream grows, then motion is added to the video stream and content laid
    beside it.

    widths (S, V, M) are the input channels of the spatial, video and temporal streams, `c` the
    output channels. `first` maps a code to 4x4 pixels; `grow` doubles (first: quadruples) the
    number of frames. Without the spatial stream nothing is laid beside; without the temporal stream
    nothing is added (Table 3.4).
    """

    def __init__(self, widths: tuple[int, int, int], c: int, first: bool, grow: bool, p: Preset):
        super().__init__()
        self.fuse = True
        ks, ss, ps = (4, 1, 0) if first else (4, 2, 1)
        kt, st, pt = (4, 1, 0) if first else (4, 2, 1) if grow else (1, 1, 0)
        space = ((1, ks, ks), (1, ss, ss), (0, ps, ps))
        time = ((kt, 1, 1), (st, 1, 1), (pt, 0, 0))
        both = ((kt, ks, ks), (st, ss, ss), (pt, ps, ps))
        w_s, w_v, w_t = widths
        self.spatial = _deconv_set(w_s, c, *space) if p.content_stream else None
        self.temporal = _deconv_set(w_t, c, *time) if p.motion_stream else None
        if p.video_stream == "3d":
            self.video = _deconv_set(w_v, c, *both)
        else:
            order = (time, space) if p.video_stream == "1p2d" else (space, time)
            self.video = nn.Sequential(_deconv_set(w_v, c, *order[0]), _deconv_set(c, c, *order[1]))

    def forward(self, h_s: Tensor, h_v: Tensor, h_t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h_v = self.video(h_v)  # (B, c, t, h, w)
        if self.temporal is not None:
            h_t = self.temporal(h_t)  # (B, c, t, 1, 1)
            h_v = h_v + h_t
        if self.spatial is not None:
            h_s = self.spatial(h_s)  # (B, c, 1, h, w)
            h_v = _beside(h_s, h_v) if self.fuse else h_v
        return h_s, h_v, h_t  # h_v: (B, 2c, t, h, w), spatial half first


class Generator(nn.Module):
    """Two codes to one clip: what is in the video, and how it moves.

    z_c: (B, d_c)                  content, shared by every frame
    z_m: (B, d_m) or (B, d_m, L)   motion; L = 1 gives 16 frames, L = 20 the 92 of Figure 3.13
    returns (B, 3, 4 (L + 3), H, W) in [-1, 1]
    """

    def __init__(self, p: Preset):
        super().__init__()
        self.content_dim, self.motion_dim = p.content_dim, p.motion_dim
        s, v, m = p.content_dim, p.content_dim + p.motion_dim, p.motion_dim
        self.blocks = nn.ModuleList()
        self.attention = nn.ModuleDict()
        for i, c in enumerate(p.generator_widths):
            self.blocks.append(G3Block((s, v, m), c, first=i == 0, grow=i < 3, p=p))
            s, m, v = c, c, 2 * c if p.content_stream else c
            if i + 1 == p.attention_after:
                self.attention[str(i)] = nn.Sequential(
                    SelfAttention(v, "time"), SelfAttention(v, "space")
                )
        last = len(self.blocks)
        self.blocks[-1].fuse = p.attention_after == last or not p.content_stream
        self.to_rgb = nn.Conv3d(v, 3, (1, 3, 3), padding=(0, 1, 1))
        _initialise(self)

    def forward(self, z_c: Tensor, z_m: Tensor) -> Tensor:
        z_m = z_m.unsqueeze(-1) if z_m.ndim == 2 else z_m
        self._check(z_c, z_m)
        h_s = z_c[:, :, None, None, None]
        h_t = z_m[:, :, :, None, None]
        h_v = torch.cat([h_s.expand(-1, -1, h_t.shape[2], -1, -1), h_t], dim=1)
        for i, block in enumerate(self.blocks):
            h_s, h_v, h_t = block(h_s, h_v, h_t)
            if str(i) in self.attention:
                h_v = self.attention[str(i)](h_v)
        return self._rgb(h_s, h_v).tanh()

    def _rgb(self, h_s: Tensor, h_v: Tensor) -> Tensor:
        """to_rgb; of an unfused last block, to_rgb(concat(h_s, h_v)) without making the concat: the
        content half is the same in every frame, so its part of the convolution is done once."""
        if self.blocks[-1].fuse:
            return self.to_rgb(h_v)
        w_v = self.to_rgb.weight[:, h_s.shape[1] :]
        return self._still(h_s) + nn.functional.conv3d(h_v, w_v, padding=(0, 1, 1))

    def _still(self, h_s: Tensor) -> Tensor:
        """The content half of to_rgb, with its bias."""
        w_s = self.to_rgb.weight[:, : h_s.shape[1]]
        return nn.functional.conv3d(h_s, w_s, self.to_rgb.bias, padding=(0, 1, 1))

    def still(self, z_c: Tensor) -> Tensor:
        """What the spatial stream alone makes of a content code: one frame (B, 3, H, W) in [-1, 1].

        The warm-up trains on it; needs the spatial stream and no F-SA after the last block.
        """
        h_s = z_c[:, :, None, None, None]
        for block in self.blocks:
            h_s = block.spatial(h_s)
        return self._still(h_s).tanh()[:, :, 0]

    def _check(self, z_c: Tensor, z_m: Tensor) -> None:
        if z_c.ndim != 2 or z_c.shape[1] != self.content_dim:
            raise InputError(
                f"the content code must be (B, {self.content_dim}), not {tuple(z_c.shape)}"
            )
        if z_m.ndim != 3 or z_m.shape[1] != self.motion_dim or z_m.shape[2] < 1:
            raise InputError(
                f"the motion code must be (B, {self.motion_dim}, L) with L >= 1, "
                f"not {tuple(z_m.shape)}"
            )
        if z_c.shape[0] != z_m.shape[0]:
            raise InputError(
                f"{z_c.shape[0]} content codes do not go with {z_m.shape[0]} motion codes"
            )


# ------------------------------------------------------------------------------------------ encoder


def _conv_set(c_in: int, c_out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, 3, stride, 1), nn.BatchNorm2d(c_out), nn.ReLU(inplace=True)
    )


def fc_set(d_in: int, d_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(d_in, d_out), nn.BatchNorm1d(d_out), nn.ReLU(inplace=True))


def frame_features(p: Preset, pooled: bool) -> nn.Sequential:
    """Levels of two conv sets, (B, 3, H, W) to (B, C * 4 * 4). The first set has stride 2; then the
    second set of every level halves (content), or a 2x2 max-pool after it does (motion).
    """
    layers: list[nn.Module] = []
    c = 3
    for level, width in enumerate(p.encoder_widths):
        layers.append(_conv_set(c, width, 2 if level == 0 else 1))
        layers.append(_conv_set(width, width, 1 if pooled else 2))
        if pooled:
            layers.append(nn.MaxPool2d(2))
        c = width
    return nn.Sequential(*layers, nn.Flatten())


class Encoder(nn.Module):
    """Two streams: one frame to the content space, 15 difference maps to the motion space.

    x: (B, 3, 16, H, W) in [-1, 1]; `reference` is the index of the frame that the content stream
    reads: 0 in EncGAN3, r in R2 and after. Returns Codes. Batch norm needs B >= 2 in training.

    level: (B,), AR2+ only (`recall_noise` above 0): the noise that lies on every clip; None says
    that there is none. It scales and shifts what the layers for means and log-variances read.
    """

    def __init__(self, p: Preset):
        super().__init__()
        self.largest_logvar = p.largest_logvar
        flat = p.encoder_widths[-1] * 16
        hidden = [flat, *p.encoder_hidden]
        fc = [fc_set(a, b) for a, b in zip(hidden, hidden[1:], strict=False)]
        self.content = nn.Sequential(
            frame_features(p, pooled=False), *fc, fc_set(hidden[-1], p.content_features)
        )
        self.mu_c = nn.Linear(p.content_features, p.content_dim)
        self.logvar_c = nn.Linear(p.content_features, p.content_dim)

        fc = [fc_set(a, b) for a, b in zip(hidden, hidden[1:], strict=False)]
        e = p.motion_features
        self.motion = nn.Sequential(frame_features(p, pooled=True), *fc, fc_set(hidden[-1], e))
        self.merge = nn.Linear(2 * e, e)
        self.motion_fc = nn.Sequential(fc_set(8 * e, 6 * e), fc_set(6 * e, 4 * e))
        self.mu_m, self.logvar_m = (
            nn.Sequential(
                nn.Linear(4 * e, 4 * e), nn.ReLU(inplace=True), nn.Linear(4 * e, p.motion_dim)
            )
            for _ in range(2)
        )
        self.recall_noise = p.recall_noise
        if p.recall_noise:  # zeros draw no chance: all other weights begin as they do without
            self.level_c = nn.Parameter(torch.zeros(2, p.content_features))
            self.level_m = nn.Parameter(torch.zeros(2, 4 * e))
        with torch.no_grad():  # low noise at first lets the generator find out what codes are for
            self.logvar_c.bias += p.initial_logvar
            self.logvar_m[-1].bias += p.initial_logvar
            self.mu_m[-1].weight *= p.motion_gain

    def forward(self, x: Tensor, reference: int, level: Tensor | None = None) -> Codes:
        if x.ndim != 5 or x.shape[1:3] != (3, 16):
            raise InputError(f"the encoder reads clips (B, 3, 16, H, W), not {tuple(x.shape)}")
        if self.training and x.shape[0] < 2:
            raise InputError(
                "batch norm needs a batch of at least 2 clips to train; this one has 1"
            )
        motion = self._merged(self._embeddings(x))  # (B, 256)
        if self.recall_noise:
            motion = self._told(motion, level, self.level_m)
        logvar_m = bounded(self.logvar_m(motion), self.largest_logvar)
        return Codes(*self.content_space(x[:, :, reference], level), self.mu_m(motion), logvar_m)

    def content_space(self, frame: Tensor, level: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """One frame (B, 3, H, W) to mean and log-variance of its content, (B, d_c) each."""
        content = self.content(frame)  # (B, 512)
        if self.recall_noise:
            content = self._told(content, level, self.level_c)
        return self.mu_c(content), bounded(self.logvar_c(content), self.largest_logvar)

    def _told(self, features: Tensor, level: Tensor | None, weights: Tensor) -> Tensor:
        """Features (B, d) that know the level (B,): scaled and shifted in proportion to it."""
        if level is None:
            return features
        share = (level / self.recall_noise)[:, None]
        return features * (1 + share * weights[0]) + share * weights[1]

    def _embeddings(self, x: Tensor) -> Tensor:
        maps = difference_maps(x).transpose(1, 2)  # (B, 15, 3, H, W)
        return self.motion(maps.flatten(0, 1)).unflatten(0, maps.shape[:2])  # (B, 15, e)

    def _merged(self, e: Tensor) -> Tensor:
        """Neighbouring embeddings are merged, 15 become 7 + 1, and all are joined."""
        pairs = self.merge(e[:, :14].unflatten(1, (7, 2)).flatten(2))  # (B, 7, e)
        return self.motion_fc(torch.cat([pairs, e[:, 14:]], dim=1).flatten(1))


def bounded(logvar: Tensor, largest: float) -> Tensor:
    """Log-variances under the preset's bound, if it gives one (0: none); far below it the identity.

    Our addition, off in the faithful configuration: where the KL weighs little, a rare clip can be
    given noise that drowns its code.
    """
    return largest - nn.functional.softplus(largest - logvar) if largest else logvar


def draw(codes: Codes, eps_c: Tensor, eps_m: Tensor) -> tuple[Tensor, Tensor]:
    """z = mu + sigma * eps for both spaces ("sample" of the Algorithms). Noise of zeros gives the
    mean.
    """
    return (
        codes.mu_c + (0.5 * codes.logvar_c).exp() * eps_c,
        codes.mu_m + (0.5 * codes.logvar_m).exp() * eps_m,
    )


# ----------------------------------------------------------------------------------- discriminators


class ImageDiscriminator(nn.Module):
    """One frame (B, 3, H, W) to one logit (B,): strided 4x4 convolutions under spectral norm,
    LeakyReLU 0.2.
    """

    def __init__(self, p: Preset):
        super().__init__()
        widths = [3, *p.image_d_widths]
        layers: list[nn.Module] = []
        for a, b in zip(widths, widths[1:], strict=False):
            layers += [spectral_norm(nn.Conv2d(a, b, 4, 2, 1)), nn.LeakyReLU(0.2, inplace=True)]
        self.layers = nn.Sequential(*layers, spectral_norm(nn.Conv2d(widths[-1], 1, 4)))
        _initialise(self)

    def forward(self, frame: Tensor) -> Tensor:
        return self.layers(frame).flatten()


class VideoDiscriminator(nn.Module):
    """One clip of 16 frames (B, 3, 16, H, W) to one logit (B,), factorised into space and time.

    At each level a strided (1,4,4) convolution, then, four times in all, an unpadded (4,1,1) one:
    16 -> 13 -> 10 -> 7 -> 4 frames. Below 64x64 there are fewer levels than that; the last one then
    takes the temporal convolutions that are left.
    """

    def __init__(self, p: Preset):
        super().__init__()
        widths = [3, *p.video_d_widths]
        convs: list[nn.Module] = []
        left = 4
        for level, (a, b) in enumerate(zip(widths, widths[1:], strict=False)):
            convs.append(nn.Conv3d(a, b, (1, 4, 4), (1, 2, 2), (0, 1, 1)))
            last = level == len(widths) - 2
            for _ in range(left if last else min(left, 1)):
                convs.append(nn.Conv3d(b, b, (4, 1, 1)))
                left -= 1
        convs += [nn.Conv3d(widths[-1], widths[-1], (1, 4, 4)), nn.Conv3d(widths[-1], 1, (4, 1, 1))]
        layers: list[nn.Module] = []
        for conv in convs:
            layers += [spectral_norm(conv), nn.LeakyReLU(0.2, inplace=True)]
        self.layers = nn.Sequential(*layers[:-1])
        _initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 5 or x.shape[1:3] != (3, 16):
            raise InputError(
                f"the video critic judges clips (B, 3, 16, H, W), not {tuple(x.shape)}"
            )
        return self.layers(x).flatten()


def _initialise(module: nn.Module) -> None:
    """N(0, 0.02) on convolutions, N(1, 0.02) on batch norm; transposed convolutions and biases keep
    theirs.
    """
    for m in module.modules():
        if isinstance(m, (nn.Conv2d, nn.Conv3d)):
            original = (
                m.parametrizations.weight.original if hasattr(m, "parametrizations") else m.weight
            )
            nn.init.normal_(original, 0.0, 0.02)
        elif isinstance(m, nn.BatchNorm3d):
            nn.init.normal_(m.weight, 1.0, 0.02)
            nn.init.zeros_(m.bias)
