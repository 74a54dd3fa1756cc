"""Speed and memory on this machine: `python -m rencgan benchmark [--json] [--quick]`.

How fast videos are prepared, pairs are read, R2 trains, and whole trainings of the comparison go;
how long R2, AR2 and R3 (Table 5.11) take for 1000 frames; whether peak memory grows with length;
what length costs each system; how fast the embedded extractor scores. Networks are untrained, and
pixels noise, at the same cost. rows.py says what a row is.

Training, memory and scoring rows are made in processes of their own: one that dies takes only its
rows.
"""

import contextlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import torch

from rencgan.core.allocator import stay_in_memory
from rencgan.core.errors import InputError
from rencgan.core.provenance import provenance
from rencgan.data.clips import ClipSampler
from rencgan.data.hops import CLIP, clips_for
from rencgan.data.pixels import as_clips
from rencgan.evaluate.cost import meters, seconds
from rencgan.evaluate.extractors import Extractor, find
from rencgan.evaluate.protocols import protocol
from rencgan.evaluate.scores import evaluate
from rencgan.models.system import streamed
from rencgan.presets.preset import Preset
from rencgan.presets.table import PRESETS, PUBLISHED_64, preset
from rencgan.r3.videos import METHODS as R3_METHODS
from rencgan.r3.videos import R3Model
from rencgan.studies import lengths, planted, steps, untrained
from rencgan.studies.recipes import data
from rencgan.studies.rows import Row, as_text, cells, left_out, row
from rencgan.studies.setting import checked
from rencgan.studies.trainees import trainee
from rencgan.studies.untrained import FRAMES_ASKED, HOWS, device, noise
from rencgan.studies.variants import COMPARED

READ_SIZE, READ_BATCH = 64, 32
CPU_BATCH = {64: 2, 128: 2}  # size -> pairs a step on a CPU, where whole batches take minutes
CANDIDATES = {1: "plain", 20: "VDrej, 20 candidates"}  # of VDrej, as published
NAMES = {"r2": "R2", "ar2": "AR2"}  # models whose generation is measured
LENGTHS = (200, 4000, 10_000)  # frames of the memory rows
GENERATED = ("smoke", "mini", "64")  # presets whose generation is timed
# What is scored: clips on each side, pixels, and with which network.
SCORED, SCORED_QUICK, SCORED_SIZE, EXTRACTOR = 2048, 32, 64, "compact"

# 10,000 frames of the published generator take a CPU most of an hour. This one has fewer channels.
NARROW = PUBLISHED_64.but(
    name="64 narrow",
    why="64x64 for measuring memory on a CPU",
    generator_widths=(32, 32, 16, 8, 8),
    attention_after=3,
    video_d_widths=(8, 16, 32, 64),
)
# glibc raises this threshold as it goes and then keeps freed blocks of up to 32 MB, so that the
# level before and the peak depend on their order: the same length gave 80 and 106 MB. Held fixed,
# every large tensor is given back when it is freed. Slower, so for the memory rows only.
FIXED_MALLOC = {"MALLOC_MMAP_THRESHOLD_": "131072"}


def named(name: str) -> Preset:
    return NARROW if name == NARROW.name else preset(name)


# ----------------------------------------------------------------------------- reading and training


def reading(presets: Sequence[Preset], quick: bool) -> Iterator[Row]:
    """Pairs a second from a memory-mapped cache in the page cache; frames a second of preparing."""
    videos, frames, repeats = (4, 60, 3) if quick else (32, 240, 30)
    with tempfile.TemporaryDirectory() as folder:
        cache = untrained.write_cache(Path(folder), videos, frames, READ_SIZE)
        sampler = ClipSampler(cache, "pairs")
        for i in range(len(sampler) // READ_BATCH + 1):  # an epoch: every page has been mapped
            sampler.batch(i, READ_BATCH)
        times = [seconds(lambda i=i: sampler.batch(i, READ_BATCH)) for i in range(1, 1 + repeats)]
    how = f"{READ_SIZE}x{READ_SIZE}, batch {READ_BATCH}, warm"
    yield row("read pairs", "any", how, "pairs/s", [READ_BATCH / t for t in times])
    yield row("prepare videos", "any", *untrained.preparing(quick, READ_SIZE))


def trainings(presets: Sequence[Preset], quick: bool) -> Iterator[Row]:
    """The rows of `training`, each made in a fresh process."""
    hows = HOWS if device().type == "cuda" else HOWS[:1]
    for p, how in itertools.product(presets, hows):
        yield from in_child(left_out("train R2", p.name, how, ""), "training", p.name, how)


def training(name: str, how: str = "as it is", repeats: int = 3) -> list[Row]:
    """Pairs a second of R2's joint iteration (loss v4), from bytes to every player's step.

    how: one of HOWS. Left out where a step does not fit into memory or takes longer than a minute.
    """
    if how not in HOWS:
        raise InputError(f"training is measured as one of {', '.join(HOWS)}, not {how!r}")
    p = named(name)
    batch = min(p.batch, CPU_BATCH.get(p.size, p.batch)) if device().type == "cpu" else p.batch
    note = f"batch {batch} instead of {p.batch}" if batch < p.batch else f"batch {batch}"
    try:
        times = untrained.step_times(p.but(batch=batch), how, repeats)
    except (RuntimeError, MemoryError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        if isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate" in reason:
            reason = "it needs more memory than there is"
        return [left_out("train R2", name, how, reason)]
    if times[0] > untrained.LIMIT_S:
        return [left_out("train R2", name, how, f"a step takes {times[0]:.0f} s ({note})")]
    found = row("train R2", name, how, "pairs/s", [batch / t for t in times], note)
    if device().type == "cuda":
        found["peak MB on the GPU"] = torch.cuda.max_memory_allocated() / 1e6
    return [found]


def whole_trainings(presets: Sequence[Preset], quick: bool) -> Iterator[Row]:
    """Seconds of the whole training of each VAE-GAN of the comparison, from a few steps of each of
    its parts. Budgets that are known at `mini` alone are left out elsewhere.
    """
    names = () if quick else [p.name for p in presets if p.name in ("smoke", "mini")]
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            p = checked({"source": "procedural", "preset": name, "out_root": folder})
            with contextlib.redirect_stdout(sys.stderr):  # stdout may be JSON
                videos = data(p)
            for c in COMPARED.values():
                if not (c.known_at(name) and isinstance(c.preset(p), Preset)):
                    continue
                found = untrained.parts(trainee(c, p, videos, Path(folder)).job)
                told = ", ".join(f"{n} x {1000 * each:.0f} ms {part}" for part, n, each in found)
                whole = [sum(n * each for _, n, each in found)]
                yield row(f"train {c.name}, whole", name, "from single steps", "s", whole, told)


# --------------------------------------------------------------------------------------- generation


def generations(presets: Sequence[Preset], quick: bool) -> Iterator[Row]:
    """Seconds of R2 and AR2 for one video of 1000 frames at the preset's hop; where slow, fewer are
    made and scaled up.
    """
    timed = [p for p in presets if p.name in GENERATED]
    for p, kind, candidates in itertools.product(timed, NAMES, CANDIDATES):
        times, note = untrained.scaled_up(untrained.model(p, kind), quick, candidates=candidates)
        what = f"generate {FRAMES_ASKED} frames, {NAMES[kind]}"
        yield row(what, p.name, CANDIDATES[candidates], "s", times, note)


def r3_generations(presets: Sequence[Preset], quick: bool) -> Iterator[Row]:
    """Seconds of R3 for one video of 1000 frames: the GPT's roll-out alone, then each method with
    and without rejection; where slow, fewer frames are made and scaled up by clips.
    """
    what = f"generate {FRAMES_ASKED} frames, R3"
    for p in (p for p in presets if p.name in GENERATED):
        r3 = untrained.r3(p)
        yield row(what, p.name, "the GPT alone", "s", _rolled(r3, p, 1 if quick else 3))
        for method, candidates in itertools.product(R3_METHODS, CANDIDATES):
            options = {"method": method, "candidates": candidates}
            times, note = untrained.scaled_up(r3, quick, **options)
            yield row(what, p.name, f"{method}, {CANDIDATES[candidates]}", "s", times, note)


def _rolled(r3: R3Model, p: Preset, repeats: int) -> list[float]:
    clips, count = as_clips(noise(CLIP, p.size)[None], r3.device), clips_for(FRAMES_ASKED, p.hop)

    def rolled() -> None:  # as when videos are made
        list(streamed(r3.rolled(clips, count, r3.roll(1)), r3.preset, r3.device))

    return [seconds(rolled) for _ in range(repeats)]


def rejection_cost(rows: Sequence[Row]) -> list[dict]:
    """For each model and preset, how many times as long rejection takes as plain sampling."""
    known = {(r["what"], r["preset"], r["how"]): r["median"] for r in rows if "left_out" not in r}
    told = []
    for (what, name, how), median in known.items():
        method, rejects, _ = how.partition("VDrej")
        if rejects and (plain := known.get((what, name, f"{method}plain"))):
            told.append({"what": what, "preset": name, "how": how, "times": median / plain})
    return told


# ------------------------------------------------------------------------------- memory and scoring


def memories(presets: Sequence[Preset], quick: bool) -> Iterator[Row]:
    """The rows of `memory`, each made in a fresh process."""
    narrow = PUBLISHED_64 if device().type == "cuda" else NARROW
    lengths = [(narrow.name, n) for n in LENGTHS] + [("64", LENGTHS[0])] * (narrow is NARROW)
    lengths = [(presets[0].name, n) for n in (200, 2000)] if quick else lengths
    for (name, n), kind in itertools.product(lengths, NAMES):
        empty = left_out(f"peak memory, {NAMES[kind]}", name, f"{n} frames")
        yield from in_child(empty, "memory", name, n, kind)


def memory(name: str, frames: int, kind: str = "r2") -> list[Row]:
    """Peak memory in MB (10^6 bytes) above the level just before `frames` frames are made.

    Call it in a fresh process. A short video of the same batch shape comes first: what it leaves
    in the allocators' pools is there for every length.
    """
    p = named(name)
    model = untrained.model(p, kind)
    untrained.generate(model, 16 + 2 * 8 * p.hop)  # over two full batches of sampling.BATCH clips
    watched = meters()
    if not watched:
        raise InputError("this system has no meter of memory that a process can set back")
    meter, (level, peak) = next(iter(watched.items()))
    before = level()
    untrained.generate(model, frames)
    above = [(peak() - before) / 1e6]
    how = f"{frames} frames, {p.size}x{p.size}, widths {' '.join(map(str, p.generator_widths))}"
    return [row(f"peak memory, {NAMES[kind]}", name, how, "MB", above, meter)]


def same_memory(rows: Sequence[Row]) -> list[dict]:
    """Whether the peaks of one model and preset are equal within 5 % and 2 MB, for each that has at
    least two lengths.
    """
    peaks = [r for r in rows if r["what"].startswith("peak memory, ") and "left_out" not in r]
    table, told = pd.DataFrame(peaks, columns=["what", "preset", "median"]), []
    for (what, name), found in table.groupby(["what", "preset"], sort=False)["median"]:
        if len(found) > 1:
            highest = float(found.max())
            apart = highest - float(found.min())
            same = {"what": what, "preset": name, "apart_mb": apart, "highest_mb": highest}
            told.append(same | {"equal": apart <= 2 and apart <= 0.05 * highest})
    return told


def scoring(presets: Sequence[Preset], quick: bool) -> list[Row]:
    """The rows of `score`, made in a fresh process."""
    each = SCORED_QUICK if quick else SCORED
    empty = left_out("score clips", "any", f"{EXTRACTOR}, {each} + {each} clips")
    return in_child(empty, "score", each)


def score(each: int, extractor: Extractor | str = EXTRACTOR) -> list[Row]:
    """Clips a second of the distance between two folders of `each` clips of noise, from opening the
    folders to the score with its spread; and the highest memory of the process meanwhile, in MB
    (10^6 bytes), with all that it held before.

    Call it in a fresh process. 2048 clips take 0.8 GB on the disk, until they are deleted. Raises
    InputError where the extractor cannot be had, and for what `evaluate` refuses.
    """
    extractor = find(extractor) if isinstance(extractor, str) else extractor
    p, scores = protocol("ours").but(lengths=(CLIP,)), []
    with tempfile.TemporaryDirectory() as folder:
        sides = untrained.write_sides(Path(folder), each, SCORED_SIZE)
        before = meters()
        took = seconds(lambda: scores.extend(evaluate(*sides, p, extractor)))
        peaks = {name: peak() for name, (_, peak) in before.items()}
    size = f"{SCORED_SIZE}x{SCORED_SIZE}"
    how = f"{scores[0].card['extractor']['extractor']}, {each} + {each} clips of {CLIP}, {size}"
    rows = [row("score clips", "any", how, "clips/s", [2 * each / took], "reading included")]
    for name, peak in peaks.items():
        rows.append(row("peak memory of scoring", "any", how, "MB", [peak / 1e6], name))
    return rows


def memorisations(presets: Sequence[Preset], quick: bool) -> Iterator[Row]:
    """Those of planted.told, each made in a fresh process."""
    for given in planted.QUICK if quick else planted.SIZES:
        empty = left_out(planted.WHAT, "any", f"{given[0]:,} training clips")
        yield from in_child(empty, "told", "planted", *given)


def steps_in_turns(presets: Sequence[Preset], quick: bool) -> Iterator[Row]:
    """Those of steps.told, made in a fresh process."""
    given = steps.QUICK if quick else ()
    yield from in_child(left_out("train in turns", "64", ""), "told", "steps", *given)


def by_length(
    presets: Sequence[Preset], quick: bool, asked: Sequence[int] = lengths.LENGTHS
) -> Iterator[Row]:
    """Those of lengths.told, each system in a fresh process."""
    systems, asked = (lengths.QUICK, (32, 64)) if quick else (lengths.SYSTEMS, asked)
    name = next((p.name for p in presets if p.name == lengths.PRESET), presets[0].name)
    for model, way in systems:
        empty = left_out(lengths.WHAT.format(model), name, way)
        yield from in_child(empty, "told", "lengths", model, way, name, *asked)


TELL = {"planted": planted, "steps": steps, "lengths": lengths}


def told(by: str, *given) -> list[Row]:
    return [row(*each) for each in TELL[by].told(*given)]


# ------------------------------------------------------------------------------- all of it, printed


def in_child(empty: Row, name: str, *given) -> list[Row]:
    """The rows of a function of this module in a fresh process, or `empty` with the reason."""
    code = f"from rencgan.studies import benchmark; benchmark.child({name!r}, *{given!r})"
    environment = os.environ | (FIXED_MALLOC if name == "memory" else {})
    try:
        how = {"capture_output": True, "text": True, "timeout": 1200}
        done = subprocess.run([sys.executable, "-c", code], env=environment, **how)
    except subprocess.TimeoutExpired:
        return [empty | {"left_out": "it takes more than 20 minutes"}]
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    if done.returncode == -9:
        return [empty | {"left_out": "the system ended it: it needs more memory than there is"}]
    last = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[-1]
    return [empty | {"left_out": last}]


def child(name: str, *given) -> None:
    """What a fresh process does: prints the rows as JSON, or ends in a sentence."""
    if name == "training" and device().type == "cpu":
        stay_in_memory()
    try:
        print(json.dumps(globals()[name](*given)))
    except (InputError, OSError) as error:
        raise SystemExit(str(error)) from None


SECTIONS = {
    "reading": reading,
    "training": trainings,
    "contestants": whole_trainings,
    "generation": generations,
    "r3": r3_generations,
    "memory": memories,
    "scoring": scoring,
    "memorisation": memorisations,
    "steps": steps_in_turns,
    "length": by_length,
}


def show(
    names: Sequence[str],
    quick: bool,
    only: Sequence[str],
    as_json: bool,
    asked: Sequence[int] = (),
) -> None:
    """Measures at these presets (none are named: at all) what these sections name (none: all), and
    prints it; each row as it is made on stderr. asked: the frames of `length`.
    """
    started, rows = time.time(), []
    presets = [named(name) for name in names or PRESETS]
    if wrong := [name for name in only if name not in SECTIONS]:
        raise InputError(f"a section is one of {', '.join(SECTIONS)}, not {wrong[0]!r}")
    for name in SECTIONS:
        more = {"asked": asked} if name == "length" and asked else {}
        for found in SECTIONS[name](presets, quick, **more) if name in (only or SECTIONS) else ():
            rows.append(found)
            print(", ".join(filter(None, cells(found))), file=sys.stderr, flush=True)
    record = provenance([p.name for p in presets], 0, started=started)
    found = {"provenance": record, "rows": rows}
    found |= {"memory": same_memory(rows), "rejection": rejection_cost(rows)}
    print(json.dumps(found, indent=1) if as_json else as_text(found))
