"""Ten minutes on a GPU: `python -m rencgan benchmark --gpu` writes reports/gpu.json.

Every system takes some steps at `64` and `128` in bfloat16 and in float32, from the same weights
on the same stand-ins; videos of 1000 frames are made with VDrej; then R2 trains at `64` in the time
that is left. Rows are plain dicts, as those of `studies.benchmark`; one that fails, or that no time
is left for, tells why (`left_out`), and the others are made all the same. The file is written after
each row. Needs torch, NumPy and SciPy alone.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from rencgan.core.errors import InputError
from rencgan.core.files import ahead, resolve, write_json
from rencgan.core.provenance import provenance
from rencgan.data import procedural
from rencgan.data.hops import CLIP
from rencgan.data.pixels import UNIT, as_clips, as_frames
from rencgan.data.videoset import VideoSet
from rencgan.models.system import System, system_of
from rencgan.models.trained import Trained, begun, load_model
from rencgan.presets.table import kind_of_row, preset
from rencgan.studies import untrained
from rencgan.studies.untrained import device
from rencgan.training.loop import Job, Run, by_speed, train
from rencgan.training.processes import Group
from rencgan.training.record import read_history

Row = dict
OUT = resolve("reports/gpu.json")
SECONDS, LEAST = 570.0, 60.0  # of all rows together; of the last one, at least
SIZES, STEPS, SETTLING = ("64", "128"), 20, 3  # the first steps, which choose algorithms, not timed
ROW_S = 10.0  # after which a row takes no further step
FRAMES, CANDIDATES, GOAL_S = 1000, 20, 1.0  # of the videos; seconds on an H200
SEQUENCES = 30  # that the GPT takes a step, as on each GPU of the thesis
MODELS: dict[str, tuple[str, dict]] = {  # name -> row of the table and what differs
    "EncGAN3": ("encgan3", {}),
    "G3AN": ("g3an", {}),
    "R2": ("r2", {}),
    "improved R2": ("improved-r2", {}),
    "LEncGAN": ("lencgan", {}),
    "AR2": ("ar2", {}),
    "AR2+": ("ar2", {"recall_noise": 0.5}),
    "R3": ("r3", {}),
}
GENERATED = ("R2", "improved R2", "AR2", "R3")
HOWS = {"bfloat16": True, "float32": False}
LAST = ("R2", "64")  # what trains in the time that is left


class Over(Exception):
    """The time of a training is over."""


@lru_cache(2)
def stand_ins(size: int, count: int = 24, frames: int = 160) -> VideoSet:
    """Skies in memory, the last two held out."""
    made = [procedural.longer(v, frames) for v in procedural.catalogue("sky", 0, count)]
    drawn = list(ahead(lambda v: v.frames(size), made, workers=8, most=8))
    return VideoSet.from_arrays(drawn, splits=["train"] * (count - 2) + ["test"] * 2)


def noise(size: int, count: int) -> VideoSet:
    """Videos as long as the GPT's sequences reach, of noise, which changes no cost."""
    rng, shape = np.random.default_rng(0), (FRAMES, size, size, 3)
    return VideoSet.from_arrays([rng.integers(0, 256, shape, np.uint8) for _ in range(count)])


def made_of(name: str, size: str, **changes) -> tuple[System, object]:
    """System and preset of a model."""
    kind, own = MODELS[name]
    return system_of(kind_of_row(kind), {}), preset(size, kind, **own | changes)


def job(name: str, size: str, out: Path, videos: VideoSet, **changes) -> Job:
    """A training of a model on stand-ins; R3's over an untrained improved R2."""
    system, p = made_of(name, size, **changes)
    found = Job(system, p, videos, out)
    if not system.base:
        return found
    base = begun(*made_of("improved R2", size), device=device())
    return replace(found, base=replace(base, digest="untrained"))


def guarded(rows: list[Row], row: Row, made: Callable[[], Row]) -> None:
    """Adds the row with what is made for it, or with the reason why that could not be."""
    try:
        row = row | made()
    except Exception as error:  # any: the other rows are made all the same
        reason = (str(error) or type(error).__name__).splitlines()[0]
        row = row | {"left_out": f"{type(error).__name__}: {reason}"}
    finally:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    rows.append(row)
    plain = {k: v for k, v in row.items() if not isinstance(v, dict)}
    told = (f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in plain.items())
    print(", ".join(told), flush=True)


def waited() -> float:
    """The time, when all that was asked of the GPU is done."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


# ------------------------------------------------------------------------------------------- steps


def steps_of(name: str, size: str, bf16: bool, steps: int) -> Row:
    """Some steps of a training: samples a second, peak memory, and what the losses came to."""
    side, p = made_of("R2", size)[1].size, made_of(name, size)[1]
    r3 = MODELS[name][0] == "r3"
    videos = noise(side, -(-min(p.batch, SEQUENCES) // p.starts)) if r3 else stand_ins(side)
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    losses = []
    with tempfile.TemporaryDirectory() as folder, by_speed(device()):
        run = Run(job(name, size, Path(folder), videos, bf16=bf16), Group(), None)
        first = sum(getattr(run.p, name, 0) for name in ("warmup", "motion_warmup"))
        run.players.phase = run.system.phase(first, run.p)
        run.players.train()
        run_on, stamps = run.reader.stream(first, first + steps, run.takes, device()), [waited()]
        for step, x in enumerate(run_on, first):
            losses.append(run.step(step, x))
            stamps.append(waited())
            if len(losses) > SETTLING and stamps[-1] - stamps[0] > ROW_S:
                break
    took = np.diff(stamps).tolist()
    batch = len(x.codes if r3 else x)  # the GPT's may be smaller than its preset's
    told = {"batch": batch, "steps": len(losses)}
    told["samples/s"] = batch / statistics.median(took[SETTLING:] or took)
    if torch.cuda.is_available():
        told["peak GB"] = torch.cuda.max_memory_allocated() / 1e9
    each = [{k: float(v) for k, v in terms.items()} for terms in losses]
    told["first losses"] = each[0]
    told["mean losses"] = {k: statistics.fmean(row[k] for row in each) for k in each[0]}
    return told


def trainings(sizes: tuple[str, ...], steps: int) -> Iterator[tuple[Row, Callable]]:
    for size in sizes:
        for name in MODELS:
            for how, bf16 in HOWS.items():
                row = {"what": f"train {name}", "preset": size, "how": how}
                yield row, lambda n=name, s=size, b=bf16: steps_of(n, s, b, steps)


def compared(rows: list[Row]) -> list[Row]:
    """For each training, how many times as fast bfloat16 is, and how far its losses are from those
    of float32, relative: of the first step, which differ by rounding alone, and of the mean.
    """
    found = {(r["what"], r["preset"], r["how"]): r for r in rows if "samples/s" in r}
    told = []
    for (what, size, how), ours in found.items():
        theirs = found.get((what, size, "float32"))
        if how == "float32" or theirs is None:
            continue
        apart = {"what": what, "preset": size, "times": ours["samples/s"] / theirs["samples/s"]}
        for when in ("first losses", "mean losses"):
            of = ours[when], theirs[when]
            gaps = {k: abs(v - of[1][k]) / max(abs(of[1][k]), 1e-3) for k, v in of[0].items()}
            worst = max(gaps, key=gaps.__getitem__)
            apart[when] = {"term": worst, "apart": gaps[worst]}
        told.append(apart)
    return told


# ------------------------------------------------------------------------------------------ videos


def generation(name: str, size: str, candidates: int, frames: int) -> Row:
    """Seconds for one video, the second of two: the first one chooses algorithms."""
    r3 = MODELS[name][0] == "r3"
    model = untrained.r3(preset(size)) if r3 else begun(*made_of(name, size), device=device())
    rng = np.random.default_rng(0)
    footage = rng.integers(0, 256, (frames + CLIP, model.size, model.size, 3), np.uint8)
    options = {"candidates": candidates}
    if model.system.prior == "entire video":
        options["footage"] = footage
    elif model.system.prior == "first clip":
        options["first_clip"] = footage[None, :CLIP]

    def took() -> float:
        begin = waited()
        for piece in model.generate(frames, **options):
            as_frames(piece[0])
        return waited() - begin

    return {"s": [took(), took()][1], "frames": frames}


def generations(sizes: tuple[str, ...], frames: int) -> Iterator[tuple[Row, Callable]]:
    for size in sizes:
        for name in GENERATED:
            for n, how in ((CANDIDATES, f"VDrej, {CANDIDATES} candidates"), (1, "plain")):
                row = {"what": f"generate {frames} frames, {name}", "preset": size, "how": how}
                row |= {"goal s": GOAL_S} if n > 1 else {}
                yield row, lambda a=name, s=size, n=n: generation(a, s, n, frames)


# ------------------------------------------------------------------------------- what time is left


def rebuilding(model: Trained, videos: VideoSet) -> float:
    """Mean absolute error, in [-1, 1], of held-out videos' first clips and of those rebuilt from
    the means of their codes.
    """
    held = videos.select(split="test")
    clips = np.stack([held.video(i)[:CLIP] for i in range(len(held))])
    codes = model.codes(as_clips(clips, model.device))
    made = model.clips(codes.mu_c, codes.mu_m)
    return float(np.abs(made.astype(np.float32) - clips).mean() / UNIT)


def long_run(size: str, seconds: float) -> Row:
    """R2's training for so long, on stand-ins: steps, losses at first and at last, and how well it
    rebuilds clips that it has not seen.
    """
    end, p = time.perf_counter() + seconds, made_of(LAST[0], size)[1]
    videos = stand_ins(p.size)

    def tell(done: int, total: int, losses: dict) -> None:
        if time.perf_counter() > end:
            raise Over

    with tempfile.TemporaryDirectory() as folder:
        work = job(LAST[0], size, Path(folder), videos)
        before = rebuilding(begun(work.system, p, device=device()), videos)
        with suppress(Over):
            train(work, progress=tell)
        history = read_history(work.out / "history.jsonl")
        model = load_model(work.out / "checkpoint.pt", device=device())
        after = rebuilding(model, videos)
    told = {"s": seconds, "steps": history[-1]["step"], "of the checkpoint": model.step}
    told |= {"batch": p.batch, "held-out L1 before": before, "held-out L1 after": after}
    return told | {"first losses": history[0], "last losses": history[-1]}


# -------------------------------------------------------------------------------------------- all


def show() -> None:
    """The whole of it, where there is a GPU."""
    if not torch.cuda.is_available():
        raise InputError("there is no GPU here; `python -m rencgan benchmark` measures a CPU")
    run()


def run(
    out: Path = OUT,
    sizes: tuple[str, ...] = SIZES,
    steps: int = STEPS,
    frames: int = FRAMES,
    last: str = LAST[1],
    seconds: float = SECONDS,
) -> list[Row]:
    """Makes all rows within about so many seconds, and writes them with the machine's name. Runs on
    a CPU too, at sizes that it can bear.
    """
    started, begin, rows = time.time(), time.perf_counter(), []

    def left() -> float:
        return seconds - (time.perf_counter() - begin)

    def write() -> None:
        record = provenance(list(sizes), 0, started=started)
        write_json(out, {"provenance": record, "rows": rows, "compared": compared(rows)})

    for row, made in [*generations(sizes, frames), *trainings(sizes, steps)]:
        if left() < LEAST + ROW_S:
            rows.append(row | {"left_out": "no time was left"})
            continue
        guarded(rows, row, made)
        write()
    row = {"what": f"train {LAST[0]} on the stand-in for the time that is left", "preset": last}
    guarded(rows, row, lambda: long_run(last, max(left() - 15, 1.0)))
    write()
    print(f"Written to {out}.")
    return rows
