"""The table of the study: a row a system, each drawing its codes in its usual way."""

from collections.abc import Mapping, Sequence

import pandas as pd
import torch

from rencgan.r3.gpt import GPT
from rencgan.studies import results, weights
from rencgan.studies.references import LABELS, REAL
from rencgan.studies.setting import Setting
from rencgan.studies.sizes import token_width
from rencgan.studies.variants import CLIP_WAYS, Contestant, contestant

SYSTEMS = (  # those of the five sources, and AR2+; the study's own first
    *("R2", "improved R2", "LEncGAN", "AR2", "AR2+, noise"),
    *("R3, regression", "R3, mixture", "R3, flow"),
    *("EncGAN3, warm-ups", "G3AN", "StyleGAN-V", "MotionVideoGAN", "iVGAN, 0-GP"),
)
TOO = "ex-post mean"  # a way that has a row beside the usual one
WAY = "sample"  # of drawing codes, where a kind of system has no other usual one
OWN = ("16f", "128f")  # of R3: from the first frame that is its own
JUDGED = ("second judge 16f", "second judge 128f")
COLUMNS = ("16f", "32f", "128f", *JUDGED, "motion distance", "jump", "motion", "drift")
COLUMNS += ("repetition", "resets", "s for 1000")
SPREAD = ("16f", "32f", "128f")  # columns that tell it, where there are several seeds
FORMATS = {"M weights": ".2f", "training min": ".0f"}
HEADS = {k: f"2nd judge {k.rpartition(' ')[2]}" for k in JUDGED}
HEADS |= {"motion distance": "motion dist.", "repetition": "repet.", "training min": "train min"}
CRITICS = ("critic", "discriminator", "image_d", "video_d", "reverse_d")  # networks


def way_of(name: str) -> str:
    """How a contestant's codes are drawn in the table: EncGAN3's not for single clips."""
    c = contestant(name)
    usual = weights.WAYS.get(c.kind, WAY)
    return WAY if usual in CLIP_WAYS and WAY in c.ways else usual


def rows(p: Setting, table: pd.DataFrame, names: Sequence[str] = SYSTEMS) -> list[dict]:
    """References, then those contestants of a run's data set and preset that have results: what
    each sees of real video, its scores by both judges, what 1000 frames lose, millions of weights
    that generate, and minutes of processor time of its training, with what it is built on. Columns
    without numbers are left out.
    """
    order = list(dict.fromkeys([REAL, *names]))
    found = []
    for (name, way), of in table[table.way != ""].groupby(["contestant", "way"], sort=False):
        if name not in order or way not in (LABELS if name == REAL else (way_of(name), TOO)):
            continue
        took = results.values(table, name, "", "processor s")
        told = results.means(of, [*COLUMNS, *(f"{k}, own" for k in OWN)])
        told = results.of_one_set(told) if name == REAL else told
        size = None if name == REAL else parameters(contestant(name), p) / 1e6
        label, clips = results.label(name, way).removesuffix(f", {WAY}"), way in CLIP_WAYS
        line = {"videos": f"{label}, single clips" if clips else label}
        line |= {"prior": "none" if clips else of.prior.iloc[0] or None, "seeds": told["seeds"]}
        cells = {k: told.get(f"{k}, own") or told[k] or None for k in COLUMNS}
        some = [k for k in JUDGED if (of.measure == k).sum() < told["seeds"]]
        cells |= dict.fromkeys(some)  # files that are older, or made without that judge
        line |= {k: v and (v if k in SPREAD else v.partition(" ")[0]) for k, v in cells.items()}
        line |= {"M weights": size, "training min": took.mean() / 60 if len(took) else None}
        found.append((order.index(name), line))
    lines = [line for _, line in sorted(found, key=lambda pair: pair[0])]
    there = [k for k in lines[0] if any(line[k] is not None for line in lines)] if lines else []
    return [{k: line[k] for k in there} for line in lines]


def heads(table: Sequence[Mapping]) -> dict[str, str]:
    """Headings of the columns of a table that has rows, short enough for a page."""
    return {k: HEADS.get(k, k) for k in table[0]}


def parameters(c: Contestant, p: Setting) -> int:
    """Weights of what generates: all networks but the critics, of its base too."""
    system, preset = c.system(p), c.preset(p)
    if c.kind == "r3":  # whose tokens tell how wide it is
        width = preset.directions or token_width(contestant(c.base).preset(p))
        with torch.device("meta"):
            nets = {"gpt": GPT(preset, width)}
    else:  # spectral norm takes 20 times as long on the meta device as it does with numbers
        with torch.random.fork_rng(devices=[]):
            nets = system.networks(preset)
    kept = [net for name, net in nets.items() if name not in CRITICS]
    own = sum(w.numel() for net in kept for w in net.parameters())
    return own + (parameters(contestant(c.base), p) if c.base else 0)
