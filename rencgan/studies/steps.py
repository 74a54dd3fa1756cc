"""How fast steps go at `64`: as they are, and in float32 with one generator pass for both kinds of
codes; how an iteration of EncGAN3 compares with one of G3AN. Rows of the benchmark, all measured
in turns in one process.
"""

import statistics
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from rencgan.data.hops import CLIP
from rencgan.data.pixels import as_clips
from rencgan.data.videoset import VideoSet
from rencgan.evaluate.cost import seconds
from rencgan.models.system import system_of
from rencgan.presets.preset import Preset
from rencgan.presets.table import preset
from rencgan.studies.untrained import device, noise
from rencgan.training.loop import Job, Run, by_speed
from rencgan.training.processes import Group

MODELS = ("r2", "encgan3", "g3an")
BATCH, STEPS = 4, 10
QUICK = ("smoke", 2, 2)
WAYS = {
    "as it is": {},
    "float32, one pass": {"bf16": False, "cpu_bf16": False, "separate_passes": False},
}
# Passes of one G3AN iteration as published (baselines: one of the generator, forward and back; the
# critics on real and generated clips, forward and back, and on generated ones for the generator,
# where public code makes gradients of the critics' weights too).
CRITICS, FOOLED = 6, 3


def told(name: str = "64", batch: int = BATCH, steps: int = STEPS) -> Iterator[tuple]:
    """Rows: what, preset, how, unit, raw numbers, a note."""
    with by_speed(device()):
        yield from list(_told(name, batch, steps))


def _told(name: str, batch: int, steps: int) -> Iterator[tuple]:
    runs = {(model, way): _begun(model, preset(name, model), batch, way)
            for model in MODELS for way in WAYS}  # fmt: skip
    work = {key: _flops(*begun) for key, begun in runs.items()}
    times: dict[tuple, list[float]] = {key: [] for key in runs}
    products = []
    for _ in range(steps):
        for key, (run, x) in runs.items():
            times[key].append(seconds(partial(_step, run, x)))
        products.append(_product())
    rate = statistics.median(products)
    for (model, way), took in times.items():
        found = runs[model, way][0].precision.decided
        kind = "bfloat16" if found.get("") else "float32"
        done = work[model, way] / statistics.median(took) / 1e9
        note = f"batch {batch}, {kind}; {done:.0f} GFLOP/s of {rate:.0f} in a bfloat16 product"
        yield f"train {model}", name, way, "samples/s", [batch / t for t in took], note
    for way in WAYS:
        ratio = [a / b for a, b in zip(times["encgan3", way], times["g3an", way], strict=True)]
        yield "iteration of EncGAN3 over G3AN's", name, way, "times", ratio, ""
    share = work["g3an", "as it is"] / _published_work(preset(name, "g3an"), batch)
    yield "work of a G3AN iteration over the published", name, "FLOPs", "times", [share], ""


def _begun(model: str, p: Preset, batch: int, way: str) -> tuple[Run, torch.Tensor]:
    p = p.but(batch=batch, **WAYS[way])
    videos = VideoSet.from_arrays([noise(2 * p.pair, p.size, seed) for seed in range(2)])
    system, frames = system_of(model, {}), p.pair if model == "r2" else CLIP
    clips = noise(batch * frames, p.size).reshape(batch, frames, p.size, p.size, 3)
    x = as_clips(clips, device())
    with tempfile.TemporaryDirectory() as folder:  # a run keeps its record there
        run = Run(Job(system, p, videos, Path(folder)), Group(), None)
        _step(run, x)  # the first one chooses the run's precision, and writes why
    return run, x


def _step(run: Run, x: torch.Tensor) -> None:
    """The first step behind the warm-ups."""
    run.step(run.p.warmup + run.p.motion_warmup, x)


def _flops(run: Run, x: torch.Tensor) -> int:
    """Of a step, which is made."""
    with FlopCounterMode(display=False) as counter:
        _step(run, x)
    return counter.get_total_flops()


def _published_work(p: Preset, batch: int) -> int:
    """FLOPs of an iteration by the passes that are published."""
    run, x = _begun("g3an", p, batch, "float32, one pass")
    nets = run.players.nets
    codes = torch.randn(batch, p.content_dim), torch.randn(batch, p.motion_dim)

    def forward(net: torch.nn.Module, *given: torch.Tensor) -> int:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            net(*(t.to(x.device) for t in given))
        return counter.get_total_flops()

    critics = forward(nets["video_d"], x) + forward(nets["image_d"], x[:, :, 0])
    return 3 * forward(nets["generator"], *codes) + (CRITICS + FOOLED) * critics


def _product(n: int = 2048) -> float:
    """GFLOP/s of products of bfloat16 matrices."""
    a = torch.randn(n, n, device=device()).bfloat16()
    return 4 * 2 * n**3 / seconds(lambda: [a @ a for _ in range(4)]) / 1e9
