"""Untrained models: what their training steps and their videos cost, which is what those of trained
ones do.
"""

import itertools
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from rencgan.baselines.pair_codes import MotionCodes
from rencgan.data.hops import CLIP, clip_count, clips_for
from rencgan.data.pixels import as_clips, as_frames
from rencgan.data.prepare import prepare
from rencgan.data.videoset import FRAMES, Video, VideoSet, write_tables
from rencgan.evaluate.cost import seconds
from rencgan.models.r2 import R2
from rencgan.models.system import built, system_of
from rencgan.models.trained import Trained, begun
from rencgan.presets.preset import Preset
from rencgan.presets.table import ALWAYS, BASES, gpt_preset, kind_of_row, preset, switches
from rencgan.r3.r3 import R3, Known
from rencgan.r3.sequences import Vocabulary
from rencgan.r3.tokens import Coordinates
from rencgan.r3.videos import R3Model
from rencgan.studies.generated import FIRST_CLIP, FOOTAGE, pieces_of
from rencgan.studies.sizes import token_width
from rencgan.training.loop import Job, Run, by_speed, train
from rencgan.training.processes import Group

LIMIT_S = 60.0  # a training step that takes longer is measured once, a video is cut to it
FRAMES_ASKED = 1000
CUTS = (FRAMES_ASKED, 200, 80, 40)  # frames really generated on a CPU: the most that fit in LIMIT_S
STEPS, SETTLING = 12, 2  # of a part of a training; the first ones of it are not counted

# How training is measured; on a CPU only the first.
HOWS = ("as it is", "bf16 off", "channels_last off", "torch.compile")


def device() -> torch.device:
    return Group().device()


def noise(count: int, size: int, seed: int = 0) -> np.ndarray:
    """(count, size, size, 3) uint8."""
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), np.uint8)


def model(p: Preset, kind: str = "r2") -> Trained:
    """R2 or AR2 as training begins, with the streams that the table gives it."""
    return begun(system_of(kind_of_row(kind), {}), p.but(**ALWAYS[kind]), device=device())


def r3(p: Preset) -> R3Model:
    """R3 at a preset's sizes, over improved R2, as training begins."""
    sizes, r2 = gpt_preset(p.name), model(p, "improved-r2")
    d = token_width(p)
    basis = torch.eye(d)[: sizes.directions] if sizes.directions else None
    known = Known(Coordinates(torch.zeros(d), basis, 1.0), Vocabulary((), sizes.longest))
    gpt = built(R3(), sizes, 0, r2.device, known)["gpt"].eval().requires_grad_(False)
    return R3Model(R3(), sizes, {"gpt": gpt}, 0, 0, "", r2, vars(known))


def of(row: str, name: str) -> Trained:
    """Any model of the table at a preset as training begins, MotionVideoGAN along random codes."""
    if row == "r3":
        return r3(preset(name))
    p = preset(name, row)
    made = begun(system_of(kind_of_row(row), switches(name, row)), p, device=device())
    if row not in BASES:
        return made
    codes = torch.nn.functional.normalize(torch.randn(2, p.codes, p.latent), dim=2).double()
    return replace(made, base=of(BASES[row], name), extras={"codes": MotionCodes(*codes, {})})


def generate(made: Trained, frames: int, **options) -> None:
    """One video, dropped as it comes: R2's from `frames` frames of footage that repeats every 64,
    AR2's from noise, R3's from a clip.
    """
    for piece in pieces_of(made, frames, noise(64, made.size), **options):
        as_frames(piece[0])


def step_times(p: Preset, how: str, steps: int) -> list[float]:
    """Seconds of each step after the warm-up; of the last of that alone if it is too long."""
    changes = {"bf16 off": {"bf16": False}, "channels_last off": {"channels_last": False}}
    p = p.but(**ALWAYS["r2"] | changes.get(how, {}))
    videos = VideoSet.from_arrays([noise(2 * p.pair, p.size, seed) for seed in range(2)])
    pairs = noise(p.batch * p.pair, p.size).reshape(p.batch, p.pair, p.size, p.size, 3)
    first = p.warmup + p.motion_warmup

    def step(i: int) -> None:
        run.step(first + i, as_clips(pairs, device()))

    with by_speed(device()), tempfile.TemporaryDirectory() as folder:  # as a run does
        run = Run(Job(R2(), p, videos, Path(folder)), Group(), None)
        for net in run.players.nets.values() if how == "torch.compile" else ():
            net.compile()
        # The first step tries layers in bfloat16, or on a GPU chooses algorithms, and compiles.
        for i in range(3 if device().type == "cuda" else 1 + p.cpu_bf16):
            warm_up = seconds(lambda i=i: step(i))
        if warm_up > LIMIT_S:
            return [warm_up]
        return [seconds(lambda i=i: step(i)) for i in range(steps)]


def parts(job: Job) -> list[tuple[str, int, float]]:
    """(part, its steps in the recipe, median seconds of one) for the warm-ups and the rest."""
    p = job.preset
    warm = {"warmup": min(p.warmup, STEPS), "motion_warmup": min(p.motion_warmup, STEPS)}
    short = p.but(**warm, steps=sum(warm.values()) + STEPS, crops_until=warm["warmup"])
    stamps: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        cut = replace(job, preset=short, out=Path(folder), warm=None)
        train(cut, progress=lambda *told: stamps.append(time.perf_counter()))
    took = [b - a for a, b in itertools.pairwise(stamps)]
    whole = (p.warmup, p.motion_warmup, p.steps - p.warmup - p.motion_warmup)
    names, found = ("single frames", "motion", "pairs"), []
    for name, measured, n in zip(names, (*warm.values(), STEPS), whole, strict=True):
        own, took = took[:measured], took[measured:]
        if own:
            found.append((name, n, statistics.median(own[SETTLING:] or own)))
    return found


def scaled_up(made: Trained, quick: bool, **options) -> tuple[list[float], str]:
    """Seconds that `generate` takes for 1000 frames, and a note on how they were had: where it is
    slow, fewer frames are made, and the time is scaled up by clips.
    """
    count = clip_count if made.system.prior == FOOTAGE else clips_for
    given = int(made.system.prior == FIRST_CLIP)
    probe, allowed = 40, LIMIT_S / (60 if quick else 1)

    def clips(frames: int) -> int:
        return count(frames, made.hop) - given

    def took(frames: int) -> float:
        return seconds(lambda: generate(made, frames, **options))

    generate(made, probe, **options)
    each = took(probe) / clips(probe)
    frames = next((n for n in CUTS if each * clips(n) <= allowed), CUTS[-1])
    scale = clips(FRAMES_ASKED) / clips(frames)
    repeats = 3 if each * clips(frames) < allowed / 6 else 1
    times = [scale * took(frames) for _ in range(repeats)]
    return times, f"{frames} frames measured, scaled up by clips" if scale > 1 else ""


def write_cache(folder: Path, videos: int, frames: int, size: int) -> VideoSet:
    """A prepared folder of noise, opened as training opens one: memory-mapped."""
    pixels = noise(videos * frames, size)
    np.save(folder / FRAMES, pixels)
    starts = range(0, len(pixels), frames)
    table = [Video(f"noise_{at}", "noise", "", "train", at, frames, 25.0) for at in starts]
    write_tables(folder, table, pixels.shape, {"source": "noise"})
    return VideoSet.open(folder)


def preparing(quick: bool, size: int) -> tuple[str, str, list[float]]:
    """(how, unit, frames a second of `repeats` runs) of preparing a folder of H.264 films."""
    from rencgan.data.encode import write_mp4  # av is not everywhere where GPUs are

    count, frames, repeats = (2, 30, 1) if quick else (16, 120, 3)
    soft = noise(1, 16)[0]
    with tempfile.TemporaryDirectory() as name:
        for i in range(count):
            moving = (
                np.roll(soft, t + i, axis=1).repeat(15, 0).repeat(20, 1) for t in range(frames)
            )
            write_mp4(Path(name, "videos", f"{i}.mp4"), moving, 25)

        def prepared(i: int) -> None:
            prepare(
                "folder", data_root=Path(name, "videos"), size=size, cache_root=Path(name, f"{i}")
            )

        rates = [count * frames / seconds(lambda i=i: prepared(i)) for i in range(repeats)]
    return f"{count} films of {frames} frames, 320x240 to {size}x{size}", "frames/s", rates


def write_sides(folder: Path, each: int, size: int) -> list[Path]:
    """Two folders of `each` clips of noise (16, size, size, 3) uint8 as .npy, all different."""
    sides = [folder / side for side in ("real", "generated")]
    for first, side in enumerate(sides):
        side.mkdir()
        for i in range(each):
            np.save(side / f"{i:04}.npy", noise(CLIP, size, first * each + i))
    return sides
