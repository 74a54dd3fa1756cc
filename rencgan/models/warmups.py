"""Warm-ups before the losses of the thesis: our addition, off in the published presets.

stills  encoder and generator on single frames, through the content streams alone: a step on 128
        frames costs a fraction of one on clips, and content is most of what there is to learn
motion  on the direction of the motion and the mean frame alone, of 16 unlike clips. Under Eq. 4.4 a
        small model first learns to stand still, and from there has next to no gradient towards
        motion; a cosine does not reward standing still, and finds in a few hundred steps what the
        motion code is for
"""

import math
from collections.abc import Callable
from typing import Any

from rencgan.models import losses
from rencgan.models.system import Nets, Phase, Step, Terms
from rencgan.presets.preset import Preset


def phase(step: int, p: Preset) -> Phase:
    """What holds at a step of a VAE-GAN: which part of the run it is, and how fast all learn.

    Rates are constant, then (if the preset asks) half a cosine down to 0; for the warm-up on stills
    likewise. After each warm-up they rise from 0 (if the preset asks): Adam's second moments are
    then those of other losses, and its first steps would be far too long.
    """
    if step < p.warmup:
        rate = annealed(step, p.warmup, p.warmup_decay)
        return Phase("stills", "stills", p.warmup_batch, rate, crop=_crop(step, p))
    motion = step < p.warmup + p.motion_warmup
    return Phase(
        "motion" if motion else "",
        batch=p.motion_batch if motion else p.batch,
        rate=annealed(step, p.steps, p.lr_decay) * _ramped(step, motion, p),
        content_rate=p.content_rate if p.warmup else 1.0,
        rest_rate=p.motion_rate if motion else 1.0,
        settled=p.warmup > 0,
        risen=_risen(step, p),
        crop=_crop(step, p),
    )


def annealed(step: int, steps: int, decay: float) -> float:
    """1, and in the last `decay` share of the steps half a cosine down to 0."""
    start = steps * (1 - decay)
    if step <= start or not decay:
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - start) / (steps - start))))


def _ramped(step: int, motion: bool, p: Preset) -> float:
    """Rises from 0 to 1 in the first `ramp` steps after each warm-up; 1 without a warm-up."""
    begun = p.warmup if motion else p.warmup + p.motion_warmup
    return min(1.0, (step - begun + 1) / p.ramp) if p.ramp and p.warmup else 1.0


def _risen(step: int, p: Preset) -> float:
    """The share of w_overlap and w_junction that counts at a step. Full weight from the start
    would blur: two clips agree most easily on what has no detail.
    """
    first = p.warmup + p.motion_warmup
    whole = p.rise * (p.steps - first)
    return min(1.0, max(0.0, (step - first) / whole)) if whole else 1.0


def _crop(step: int, p: Preset) -> float:
    return p.smallest_crop if not p.crops_until or step < p.crops_until else 1.0


def loss(system: Any, nets: Nets, s: Step) -> Callable[[], Terms]:
    """That of encoder and generator in the warm-up that a step belongs to."""
    return lambda: (_of_stills if s.phase.name == "stills" else _of_motion)(system, nets, s)


def _of_stills(system: Any, nets: Nets, s: Step) -> Terms:
    """On single frames (B, 3, 1, H, W); the error is the one that the reconstruction has."""
    frames, d = s.x[:, :, 0], s.chance[0]
    with s.autocast(frames.device):
        mu, logvar = (c.float() for c in nets["encoder"].content_space(frames))
        made = nets["generator"].still(mu + (0.5 * logvar).exp() * d.eps_still).float()
    return {
        "reconstruction": lambda: system.error(frames, made),
        "kl_content": lambda: losses.kl(mu, logvar),
    }


def _of_motion(system: Any, nets: Nets, s: Step) -> Terms:
    f = system.found_motion(nets, s, s.chance[0])
    terms = {
        "direction": lambda: losses.direction(f.clips, f.x_hat),
        "still": lambda: losses.still(f.clips, f.x_hat),
    }
    return terms | losses.kls(f.codes)
