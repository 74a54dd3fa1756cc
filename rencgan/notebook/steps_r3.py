"""What notebook 05 does, one call a step: a run's GPTs, their tokens as curves, their videos."""

import itertools
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from rencgan.core.errors import InputError
from rencgan.data.hops import CLIP, clips_for
from rencgan.data.pixels import as_clips
from rencgan.data.videoset import VideoSet
from rencgan.evaluate import cost
from rencgan.models.system import streamed
from rencgan.models.trained import Trained
from rencgan.notebook import scoring, steps
from rencgan.presets.gpt import HEADS, GPTPreset
from rencgan.r3 import foresight, tokens
from rencgan.r3.r3 import R3
from rencgan.r3.r3 import tokens_of as tokens_of_job
from rencgan.r3.videos import R3Model
from rencgan.studies import moments, recipes
from rencgan.training.loop import Job

Videos = Sequence[np.ndarray]
SHOWN = 3  # numbers of a token that are drawn as curves
# Table 5.11: method, and how codes are drawn from a predicted latent space.
ROWS = (("faster", "VDrej"), ("faster", "sample"), ("robust", "VDrej"))


def recipe(p, head: str) -> GPTPreset:
    """The preset of a run's GPT with one of the heads, and what its parameters ask for."""
    changes = {"head": head, "format": p.format, "context_noise": p.context_noise}
    if p.width:  # 64 a head: 24 heads divide neither 512 nor 256
        changes |= {"width": p.width, "heads": max(1, p.width // 64)}
    if p.gpt_steps:
        changes |= {"steps": p.gpt_steps, "epochs": 0.0}
    preset = recipes.recipe(p, "r3")
    return preset.but(**changes, starts=min(preset.starts, p.hop))  # a video begins in `hop` ways


def heads(p) -> tuple[str, ...]:
    """The heads that a run trains."""
    return HEADS if p.head == "all" else (p.head,)


def job(p, r2: Trained, videos: VideoSet, head: str, **changes) -> Job:
    """The training of a head; its folder is named after its recipe. changes: of its preset."""
    preset, cache = recipe(p, head).but(**changes), p.out_dir / "tokens"
    score = moments.scorer(preset, videos)
    found = Job(R3(), preset, videos, Path(), p.seed, base=r2, cache=cache, score=score)
    return recipes.placed(found, p.out_dir)


def check(p, videos: VideoSet) -> None:
    """Refuses, before its R2 is trained, what R3's GPT cannot be trained on. Raises InputError."""
    if p.weights == "train":
        tokens.check_enough(videos.select("train"), p.hop, recipe(p, heads(p)[0]))


def trained(p, r2: Trained, videos: VideoSet, **changes) -> dict[str, tuple[R3Model, Job]]:
    """The GPTs that a run asks for, over the same frozen R2 and the same tokens, by their head."""
    found = {}
    for head in heads(p):
        work = job(p, r2, videos, head, **changes)
        if getattr(p, "weights", "train") == "published":
            found[head] = steps.published_model(p, work)
            continue
        found[head] = recipes.trained(work, f"training the GPT, {head}", p.processes), work
    return found


def token_rows(jobs: Mapping[str, Job]) -> list[dict]:
    """Rows: what the GPTs are trained on."""
    found = tokens_of_job(next(iter(jobs.values())))
    lengths = [len(s) for s in found.sequences]
    rows = {
        "sequences": len(found),
        "videos": len(set(found.names)),
        "subjects": len(found.known),
        "tokens": sum(lengths),
        "numbers of a token": found.dim,
        "shortest, longest": f"{min(lengths)}, {max(lengths)} tokens",
    }
    return [{"what": name, "value": value} for name, value in rows.items()]


def foresight_rows(found: Mapping[str, tuple[R3Model, Job]], unseen: Videos, p) -> list[dict]:
    """Rows: how well each head foresees the next token of unseen videos; [] in disc+cont."""
    if p.format == "disc+cont":
        return []
    rows = []
    for head, (r3, _) in found.items():
        seen = foresight.foresight(r3, unseen, p.seed)
        rows.append({"head": head, "likelihood": None} | seen)
    return rows


def first_of(p, unseen: Videos, source: Trained | None) -> tuple[np.ndarray, str]:
    """The first clips that R3 goes on from, and what the tables call its prior: the first clips of
    held-out videos, or those that `source` (an AR2, an R2 trained with noise terms) draws.
    """
    if source is None:
        return np.stack([v[:CLIP] for v in unseen]), "first clip"
    return source.system.first_clips(source, len(unseen), p.seed), "none"


def make(
    r3: R3Model, first: np.ndarray, p, frames: int, method: str, way: str, subjects=None
) -> np.ndarray:
    """Videos by one row of Table 5.11: (V, frames, H, W, 3) uint8. subjects: whom they show, for
    the format disc+cont; None where that is not known.
    """
    options = {"codes": "mean" if way == "mean" else "sample"}
    options["candidates"] = p.candidates if way == "VDrej" else 1
    if r3.preset.format == "disc+cont":
        options["subjects"] = subjects
    return r3.videos(
        frames, first_clip=first, method=method, seed=p.seed, temperature=p.temperature, **options
    )


class Compared(NamedTuple):
    """Long videos of R3's heads, AR2 and improved R2: arrays (T, H, W, 3) uint8 by name."""

    videos: dict[str, list[np.ndarray]]
    own: list[str]  # the names of R3's
    first: np.ndarray  # the clips that R3 goes on from
    priors: dict[str, str]  # what real video each saw when it generated
    seconds: dict[str, float]  # of R3's, for 1000 frames
    ar2: str  # the digest of its weights


def compared(
    p, videos: VideoSet, held_out: Videos, r2: Trained, gpts: Mapping[str, tuple[R3Model, Job]]
) -> Compared:
    """As many videos as are held out, of as many frames as the run asks for: every head's, robust
    and faster, AR2's, which is trained where it was not yet, and improved R2's of the footage.
    """
    usual = steps.as_usual(p)
    source = source_of_first(usual, videos)
    first, prior = first_of(p, held_out, source)
    subjects = scoring.subjects_of(videos, "test") if source is None else None
    made, took = {}, {}
    for (r3, _), method in itertools.product(gpts.values(), ("robust", "faster")):
        name, began = f"{r3.name}, {method}", time.perf_counter()
        made[name] = list(make(r3, first, p, p.frames, method, "sample", subjects))
        took[name] = (time.perf_counter() - began) / len(first) * 1000 / p.frames
        print(f"{name}: {len(first)} videos of {p.frames} frames, {took[name]:.1f} s for 1000")
    priors = dict.fromkeys(took, prior)
    ar2, _ = steps.trained(usual, "ar2", videos)
    made["AR2, sample"] = list(ar2.videos(p.frames, videos=len(held_out), seed=p.seed))
    made["improved R2, sample"] = scoring.long_videos(r2, held_out, p, codes="sample")
    priors |= {"AR2, sample": ar2.system.prior, "improved R2, sample": r2.system.prior}
    return Compared(made, list(took), first, priors, took, ar2.digest)


def timed_rows(r3: R3Model, first: np.ndarray, p, frames: int = 1000) -> list[dict]:
    """Rows of Table 5.11's form: seconds for one video, and where they go: rolling the GPT alone,
    and the rest, which is generating, judging and (robust) encoding.
    """
    rolled, rows = cost.seconds(lambda: tokens_of(r3, first[:1], frames, p.seed)), []
    for method, way in ROWS:
        make(r3, first[:1], p, 3 * r3.hop, method, way)  # a GPU chooses its algorithms first
        took = cost.seconds(partial(make, r3, first[:1], p, frames, method, way))
        row = {"ways": method, "VDrej": "yes" if way == "VDrej" else "no"}
        rows.append(
            row | {f"s for {frames} frames": took, "GPT": rolled, "the rest": took - rolled}
        )
    return rows


def tokens_of(r3: R3Model, first: np.ndarray, frames: int, seed: int) -> list[torch.Tensor]:
    """The GPT's roll-out alone: the tokens (V, k) of all clips but the first, of so many frames."""
    clips, count = as_clips(first, r3.device), clips_for(frames, r3.hop)
    rolled = r3.rolled(clips, count, r3.roll(len(first), seed))
    return list(streamed(rolled, r3.preset, r3.device))  # as when videos are made


def trajectories(r3: R3Model, sides: Mapping[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """How the leading numbers of the tokens move along one video of each side (T, H, W, 3): a dict
    of curves for each number, every token encoded from the frames that are seen.
    """
    seen = {
        name: r3.coordinates.of(torch.from_numpy(tokens.encode(r3.r2, video)).to(r3.device)).cpu()
        for name, video in sides.items()
    }
    joint = next(iter(seen.values()))
    order = joint.var(0).argsort(descending=True)[:SHOWN]
    return [{name: x[:, i].numpy() for name, x in seen.items()} for i in order.tolist()]


def attention(r3: R3Model, video: np.ndarray) -> np.ndarray:
    """Attention maps of a real video's tokens: (blocks, heads, N, N)."""
    if r3.preset.format == "disc+cont":
        raise InputError("attention is shown of plain sequences, not of disc+cont")
    found = tokens.encode(r3.r2, video)[: r3.gpt.positions]
    x = r3.coordinates.of(torch.from_numpy(found).to(r3.device))
    return torch.stack([m[0] for m in r3.gpt.attention(x[None])]).cpu().numpy()


def looking_back(maps: np.ndarray) -> list[dict]:
    """Rows, a block each: how many tokens back its heads look on average, and the share of their
    attention that lies on the token itself and on the one before. Uniform attention as a reference.
    """
    n = maps.shape[-1]
    back = np.arange(n)[:, None] - np.arange(n)
    uniform = np.tril(np.ones((n, n))) / np.arange(1, n + 1)[:, None]
    rows = []
    for name, m in [*enumerate(maps, 1), ("uniform", uniform[None])]:
        rows.append(
            {
                "block": name,
                "tokens back": (m * np.maximum(back, 0)).sum(-1).mean(),
                "on itself": np.diagonal(m, axis1=-2, axis2=-1).mean(),
                "on the one before": np.diagonal(m, -1, -2, -1).mean(),
            }
        )
    return rows


def source_of_first(p, videos: VideoSet) -> Trained | None:
    """The model that draws R3's first clips where they come from nothing: AR2 as notebook 04
    trains it (`-p first_clip ar2`), or improved R2 with noise terms (`-p first_clip noise`).
    """
    if p.first_clip == "video":
        return None
    if p.first_clip == "ar2":
        return steps.trained(p, "ar2", videos)[0]
    return steps.trained(p, "improved-r2", videos, "v4-noise")[0]
