"""The pictures of studies that the thesis shows and no number tells, from the weights that come
with the project: what codes do when they are exchanged, added, made longer.

Every function takes (videos, seed) and returns [(picture (H, W, 3) uint8, caption)].
"""

from collections.abc import Callable

import numpy as np
import torch

from rencgan.data.clips import ClipSampler
from rencgan.data.hops import CLIP
from rencgan.data.pixels import as_clips
from rencgan.data.videoset import VideoSet
from rencgan.models.networks import Codes, draw
from rencgan.models.trained import Trained
from rencgan.notebook import show
from rencgan.notebook.first_sight import seen
from rencgan.studies import weights

Pictures = list[tuple[np.ndarray, str]]
Pair = tuple[torch.Tensor, torch.Tensor]  # codes of content and motion, (B, d) each
SHOWN = 8  # frames of a row
GAIN = 16  # of difference maps: neighbours of a drawn sky differ by one of 255
LONGER = 5  # times as long a motion code
OF = f"by networks that were trained on the stand-in {weights.DATASET}"


def difference_maps(videos: VideoSet, seed: int = 0) -> Pictures:
    """Figures 3.4 and 3.9: clips from noise, from their second frame, and below each frame v_j =
    x_(j-1) - x_j, GAIN times around grey. No weights of G3AN, which Figure 3.9 shows too, come with
    the project.
    """
    model = weights.load("encgan3")
    clips = model.clips(*_noise(model, 2, seed))
    rows, titles = [], []
    for i, clip in enumerate(clips):
        maps = 127.5 - GAIN * np.diff(clip.astype(float), axis=0)
        rows += [clip[1:], maps.clip(0, 255).astype(np.uint8)]
        titles += [f"clip {i}, from its second frame", f"difference maps, {GAIN} times"]
    sheet = show.contact_sheet(rows, titles, SHOWN)
    return [(sheet, f"EncGAN3, clips from noise and their difference maps, {OF}.")]


def exchanged_codes(videos: VideoSet, seed: int = 0) -> Pictures:
    """Figure 3.10, of two clips' codes, and 4.10 (a) to (d), of two samples of one latent space:
    both, and each with the motion code of the other.
    """

    def exchanged(c1, m1, c2, m2) -> dict[str, Pair]:
        own = {"z_c1, z_m1": (c1, m1), "z_c2, z_m2": (c2, m2)}
        return own | {"z_c1, z_m2": (c1, m2), "z_c2, z_m1": (c2, m1)}

    return _mixed(seed, exchanged, "motion codes of {}, exchanged")


def summed_codes(videos: VideoSet, seed: int = 0) -> Pictures:
    """Figures 3.11 and 4.10 (e): the same codes, and the clip of their sum."""

    def summed(c1, m1, c2, m2) -> dict[str, Pair]:
        return {"1": (c1, m1), "2": (c2, m2), "1 + 2": (c1 + c2, m1 + m2)}

    return _mixed(seed, summed, "the sum of the codes of {}")


def _mixed(seed: int, mix: Callable, told: str) -> Pictures:
    """A sheet for each of WHOSE codes: a row for each pair that `mix` makes of two."""
    found = []
    for name, pairs_of, whose in WHOSE:
        model = weights.load(name)
        (c1, c2), (m1, m2) = (z[:, None] for z in pairs_of(model, seed))
        pairs = mix(c1, m1, c2, m2)
        rows = [model.clips(c, m)[0] for c, m in pairs.values()]
        sheet = show.contact_sheet(rows, list(pairs), SHOWN)
        found.append((sheet, f"{model.name}: {told.format(whose)}, {OF}."))
    return found


def longer_motion_code(videos: VideoSet, seed: int = 0) -> Pictures:
    """Figure 3.13: one motion code several times over makes one longer clip."""
    model = weights.load("encgan3")
    c, m = (z[:1] for z in _of_clips(model, seed))
    clip, longer = model.clips(c, m)[0], model.clips(c, m[:, :, None].repeat(1, 1, LONGER))[0]
    sheet = show.contact_sheet([clip, longer], ["L = 1", f"L = {LONGER}"], SHOWN)
    told = f"{len(clip)} frames and {len(longer)} from one longer motion code (Figure 3.13)"
    return [(sheet, f"EncGAN3, {told}, {OF}.")]


def sampling_strategies(videos: VideoSet, seed: int = 0) -> Pictures:
    """Figure 3.12's two kinds of training clips: at a steady step, and drawn uniformly."""
    train = videos.select("train", min_frames=3 * CLIP)
    kinds = {"steps of 1 to 3": "step", "uniform": "uniform"}
    rows = [ClipSampler(train, kind, seed=seed).batch(0, 1)[0] for kind in kinds.values()]
    sheet = show.contact_sheet(rows, list(kinds), CLIP)
    return [(sheet, "Training clips of one video, sampled in two ways (Figure 3.12).")]


def _noise(model: Trained, count: int, seed: int) -> Pair:
    rng = torch.Generator().manual_seed(seed)
    dims = model.preset.content_dim, model.preset.motion_dim
    return tuple(torch.randn(count, d, generator=rng).to(model.device) for d in dims)


def _codes(model: Trained, count: int) -> Codes:
    """The latent spaces of clips of drawn skies that no model has seen."""
    return model.codes(as_clips(np.stack(seen(model.size, CLIP, range(count))), model.device))


def _of_clips(model: Trained, seed: int) -> Pair:
    """The means of the latent spaces of two clips."""
    codes = _codes(model, 2)
    return codes.mu_c, codes.mu_m


def _of_samples(model: Trained, seed: int) -> Pair:
    """Two samples of the latent spaces of one clip."""
    return draw(_codes(model, 1), *_noise(model, 2, seed))


WHOSE = (
    ("encgan3", _of_clips, "two unseen clips (as in Figures 3.10, 3.11)"),
    ("r2", _of_clips, "two unseen clips"),
    ("r2", _of_samples, "two samples of one clip's latent spaces (as in Figure 4.10)"),
)

_ALL = (difference_maps, exchanged_codes, summed_codes, longer_motion_code, sampling_strategies)
PICTURES = {f.__name__: f for f in _ALL}
