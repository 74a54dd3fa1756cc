"""Speed and memory on this machine: `python -m rencgan.studies.benchmark [--json] [--quick]`.

Six questions, one row a measurement: how fast prepared pairs are read, how fast R2 trains, how
long R2 and AR2 take for 1000 frames, how long R3 does in each of its ways (Table 5.11), whether
peak memory stays the same for longer videos, and how fast the embedded extractor scores clips.
`--only` names those to answer. Networks are untrained and pixels are noise, which changes no cost.
A row is a plain dict:

what, preset, how    what was measured, at which preset, in which way
median, low, high    of `raw`, the repeats, in `unit`
note                 what differs from the question: a smaller batch, a scaled time
left_out             instead of numbers: why there are none

Training, memory and scoring rows are made in processes of their own: one that dies takes only its
rows.
"""

import argparse
import contextlib
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from rencgan.core.errors import InputError
from rencgan.core.provenance import provenance
from rencgan.data.clips import ClipSampler, crops
from rencgan.data.hops import CLIP, clip_count, clips_for
from rencgan.data.pixels import as_clips, as_frames
from rencgan.data.videoset import FRAMES, Video, VideoSet, write_tables
from rencgan.evaluate.cost import Looped, meters, seconds
from rencgan.evaluate.extractors import Extractor, find
from rencgan.evaluate.protocols import protocol
from rencgan.evaluate.scores import evaluate
from rencgan.models.trained import Model
from rencgan.models.updates import AR2, VARIANTS, Draws, iteration
from rencgan.presets.gpt import gpt_preset
from rencgan.presets.preset import PRESETS, PUBLISHED_64, Preset, preset
from rencgan.r3.gpt import GPT
from rencgan.r3.sequences import Vocabulary
from rencgan.r3.tokens import Coordinates
from rencgan.r3.videos import METHODS as R3_METHODS
from rencgan.r3.videos import R3
from rencgan.studies.schedules import schedules
from rencgan.studies.sizes import token_width
from rencgan.training.gan import NETWORKS, Players
from rencgan.training.processes import Group

Row = dict
SECTIONS = ("reading", "training", "contestants", "generation", "r3", "memory", "scoring")
READ_SIZE, READ_BATCH = 64, 32
LIMIT_S = 60.0  # a training step that takes longer is left out, a generation row is cut to it
CPU_BATCH = {64: 2, 128: 2}  # size -> pairs a step on a CPU, where whole batches take minutes
CANDIDATES = 20  # of VDrej, as published
NAMES = {"r2": "R2", "ar2": "AR2"}  # models whose generation is measured
MEMORY_ROWS = [f"peak memory, {name}" for name in NAMES.values()]
FRAMES_ASKED = 1000
CUTS = (FRAMES_ASKED, 200, 80, 40)  # frames really generated on a CPU: the most that fit in LIMIT_S
LENGTHS = (200, 4000, 10_000)  # frames of the memory rows
GENERATED = ("smoke", "mini", "64")  # presets whose generation is timed
# What is scored: clips on each side, pixels, and with which network.
SCORED, SCORED_QUICK, SCORED_SIZE, EXTRACTOR = 2048, 32, 64, "compact"
# How training is measured; on a CPU only the first.
HOWS = ("as it is", "bf16 off", "channels_last off", "torch.compile")

# 10,000 frames of the published generator take a CPU most of an hour. This one has its blocks and
# its clips, with fewer channels, and attention at 16x16.
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


def row(
    what: str, p: Preset | str, how: str, unit: str, raw: Sequence[float], note: str = ""
) -> Row:
    """One row of the result; `raw` holds the repeats."""
    return {
        "what": what,
        "preset": p if isinstance(p, str) else p.name,
        "how": how,
        "unit": unit,
        "median": statistics.median(raw),
        "low": min(raw),
        "high": max(raw),
        "raw": list(raw),
        "note": note,
    }


def left_out(what: str, p: Preset | str, how: str, reason: str) -> Row:
    """A row without numbers, and why."""
    name = p if isinstance(p, str) else p.name
    return {"what": what, "preset": name, "how": how, "left_out": reason}


def device() -> torch.device:
    return Group().device()


def noise(count: int, size: int, seed: int = 0) -> np.ndarray:
    """(count, size, size, 3) uint8."""
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), np.uint8)


# ------------------------------------------------------------------------------------------ reading


def write_cache(folder: Path, videos: int, frames: int, size: int) -> VideoSet:
    """A prepared folder of noise, opened as training opens one: memory-mapped."""
    shape = (videos * frames, size, size, 3)
    stored = np.lib.format.open_memmap(folder / FRAMES, "w+", np.uint8, shape)
    for i in range(videos):
        stored[i * frames : (i + 1) * frames] = noise(frames, size, i)
    stored.flush()
    table = [
        Video(f"noise_{i}", "noise", "", "train", i * frames, frames, 25.0) for i in range(videos)
    ]
    write_tables(folder, table, shape, {"source": "noise"})
    return VideoSet.open(folder)


def reading(quick: bool) -> Row:
    """Pairs a second from a memory-mapped cache that lies in the system's page cache."""
    videos, frames, repeats = (4, 60, 3) if quick else (32, 240, 30)
    with tempfile.TemporaryDirectory() as folder:
        sampler = ClipSampler(write_cache(Path(folder), videos, frames, READ_SIZE), "pairs")
        for i in range(len(sampler) // READ_BATCH + 1):  # an epoch: every page has been mapped
            sampler.batch(i, READ_BATCH)
        times = [seconds(lambda i=i: sampler.batch(i, READ_BATCH)) for i in range(1, 1 + repeats)]
    how = f"{READ_SIZE}x{READ_SIZE}, batch {READ_BATCH}, warm"
    return row("read pairs", "any", how, "pairs/s", [READ_BATCH / t for t in times])


# ----------------------------------------------------------------------------------------- training


def training(p: Preset, how: str = "as it is", steps: int = 3) -> Row:
    """Pairs a second of R2's joint iteration (loss v4), from bytes to every player's step.

    how: one of HOWS. Left out where a step does not fit into memory or takes longer than LIMIT_S.
    """
    if how not in HOWS:
        raise InputError(f"training is measured as one of {', '.join(HOWS)}, not {how!r}")
    used, note = p, ""
    if device().type == "cpu" and CPU_BATCH.get(p.size, p.batch) < p.batch:
        used = p.but(batch=CPU_BATCH[p.size])
        note = f"batch {used.batch} instead of {p.batch}"
    try:
        times = _step_times(used, how, steps)
    except (RuntimeError, MemoryError) as error:
        return left_out("train R2", p, how, _reason(error))
    if isinstance(times, float):
        return left_out("train R2", p, how, f"a step takes {times:.0f} s ({note or 'full batch'})")
    note = note or f"batch {p.batch}"
    found = row("train R2", p, how, "pairs/s", [used.batch / t for t in times], note)
    if device().type == "cuda":
        found["peak MB on the GPU"] = torch.cuda.max_memory_allocated() / 1e6
    return found


def whole_trainings(p: Preset) -> Iterator[Row]:
    """Seconds of the whole training of each contestant, from a few steps of each of its parts."""
    for c, parts in schedules(p.name):
        told = ", ".join(f"{n} x {1000 * each:.0f} ms {name}" for name, n, each in parts)
        whole = sum(n * each for _, n, each in parts)
        yield row(f"train {c.name}, whole", p, "from single steps", "s", [whole], told)


def _step_times(p: Preset, how: str, steps: int) -> list[float] | float:
    """Seconds of each step after the warm-up; of the last of that alone if it is too long."""
    if how == "bf16 off":
        p = p.but(bf16=False)
    if how == "channels_last off":
        p = p.but(channels_last=False)
    players = Players(p, device=device())
    if how == "torch.compile":
        for name in NETWORKS:
            getattr(players, name).compile()
    pairs = noise(p.batch * p.pair, p.size).reshape(p.batch, p.pair, p.size, p.size, 3)
    first = p.warmup + p.motion_warmup

    def step(i: int) -> None:
        players.begin(first + i)
        x = crops(as_clips(pairs, device()), p.crop(first + i), 0, i, p.batch, slice(None))
        draws = Draws.of(0, first + i, 2, p, Group(), device())
        iteration(players, Group(), x, draws, VARIANTS["v4"])
        players.update_averages(first + i)

    # The first step on a GPU also chooses algorithms, and compiles.
    for i in range(3 if device().type == "cuda" else 1):
        warm_up = seconds(lambda i=i: step(i))
    if warm_up > LIMIT_S:
        return warm_up
    return [seconds(lambda i=i: step(i)) for i in range(steps)]


def _reason(error: Exception) -> str:
    text = (str(error) or type(error).__name__).splitlines()[0]
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate" in text:
        return "it needs more memory than there is"
    return text


def _stay_in_memory() -> None:
    """Makes an allocation beyond what is free an error here, before the machine swaps."""
    with contextlib.suppress(OSError, ValueError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(s.split()[1]) * 1024 for s in lines if s.startswith("MemAvailable"))
        resource.setrlimit(resource.RLIMIT_DATA, (free, free))


# --------------------------------------------------------------------------------------- generation


def footage(frames: int, size: int) -> Looped:
    """Noise (frames, size, size, 3) uint8 that repeats every 64 frames."""
    return Looped(noise(64, size), frames)


def untrained(p: Preset, kind: str = "r2") -> Model:
    """R2 or AR2 (with its `3d` streams) as training begins; trained weights cost the same."""
    if kind == "ar2":
        p = p.but(video_stream="3d")
    encoder, generator, video_d = Players(p, device=device()).for_generation()
    objective = AR2 if kind == "ar2" else VARIANTS["v4"]
    return Model(kind, p, objective, 0, 0, "", encoder, generator, video_d)


def generate(model: Model, frames: int, candidates: int = 1) -> None:
    """R2's long video from `frames` frames of footage, AR2's of `frames` frames from noise; every
    piece is dropped as it comes.
    """
    if model.kind == "ar2":
        pieces = model.from_noise(frames, candidates=candidates)
    else:
        pieces = model.long_video(footage(frames, model.preset.size), candidates=candidates)
    for piece in pieces:
        as_frames(piece[0])


def generation(p: Preset, kind: str, candidates: int, quick: bool) -> Row:
    """Seconds for one video of 1000 frames at the preset's hop; where slow, fewer are made and
    scaled up.
    """
    model, count = untrained(p, kind), clips_for if kind == "ar2" else clip_count
    times, note = scaled_up(
        lambda frames: generate(model, frames, candidates), lambda n: count(n, p.hop), quick
    )
    what = f"generate {FRAMES_ASKED} frames, {NAMES[kind]}"
    return row(what, p, way_of(candidates), "s", times, note)


def way_of(candidates: int) -> str:
    return f"VDrej, {candidates} candidates" if candidates > 1 else "plain"


def scaled_up(
    make: Callable[[int], None], clips: Callable[[int], int], quick: bool
) -> tuple[list[float], str]:
    """Seconds that make(1000) takes, and a note on how they were had: where it is slow, fewer
    frames are made, and the time scaled up by clips(frames).
    """
    probe, allowed = 40, LIMIT_S / (60 if quick else 1)
    make(probe)
    each = seconds(lambda: make(probe)) / clips(probe)
    frames = next((n for n in CUTS if each * clips(n) <= allowed), CUTS[-1])
    scale = clips(FRAMES_ASKED) / clips(frames)
    repeats = 3 if each * clips(frames) < allowed / 6 else 1
    times = [scale * seconds(lambda: make(frames)) for _ in range(repeats)]
    return times, f"{frames} frames measured, scaled up by clips" if scale > 1 else ""


def untrained_r3(p: Preset) -> R3:
    """R3 at a preset's sizes, over improved R2, as training begins."""
    sizes, r2 = gpt_preset(p.name), untrained(p.but(video_stream="3d"))
    d = token_width(p)
    basis = torch.eye(d)[: sizes.directions] if sizes.directions else None
    coordinates = Coordinates(torch.zeros(d), basis, 1.0).to(r2.device)
    gpt = GPT(sizes, coordinates.dim).to(r2.device).eval().requires_grad_(False)
    return R3(r2, gpt, sizes, coordinates, Vocabulary((), sizes.longest), 0, 0, "")


def r3_generation(p: Preset, quick: bool) -> Iterator[Row]:
    """Seconds of R3 for one video of 1000 frames: the GPT's roll-out alone, then each method with
    and without rejection; where slow, fewer frames are made and scaled up by clips.
    """
    r3, first = untrained_r3(p), noise(CLIP, p.size)[None]
    what, count = f"generate {FRAMES_ASKED} frames, R3", clips_for(FRAMES_ASKED, p.hop)
    clips = as_clips(first, r3.device)
    rolled = [
        seconds(lambda: list(r3.rolled(clips, count, r3.roll(1)))) for _ in range(1 if quick else 3)
    ]
    yield row(what, p, "the GPT alone", "s", rolled)
    for method, candidates in itertools.product(R3_METHODS, (1, CANDIDATES)):
        options = {"first_clip": first, "method": method, "candidates": candidates}

        def make(frames: int, options=options) -> None:
            for piece in r3.from_clip(frames, **options):
                as_frames(piece[0])

        # the first clip is given
        times, note = scaled_up(make, lambda n: clips_for(n, p.hop) - 1, quick)
        yield row(what, p, f"{method}, {way_of(candidates)}", "s", times, note)


def rejection_cost(rows: Sequence[Row]) -> list[dict]:
    """For each model and preset, how many times as long rejection takes as plain sampling."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    for r in rows:
        if r["what"].startswith("generate") and "left_out" not in r:
            found.setdefault((r["what"], r["preset"]), {})[r["how"]] = r["median"]
    told = []
    for (what, name), medians in found.items():
        for how, median in medians.items():
            method, sign, _ = how.partition("VDrej")
            plain = medians.get(f"{method}plain")
            if sign and plain:
                told.append({"what": what, "preset": name, "how": how, "times": median / plain})
    return told


# ------------------------------------------------------------------------------------------- memory


def memory(p: Preset, frames: int, kind: str = "r2") -> Row:
    """Peak memory in MB (10^6 bytes) above the level just before `frames` frames are made.

    Call it in a fresh process. A short video of the same batch shape comes first: what it leaves
    in the allocators' pools is there for every length.
    """
    model = untrained(p, kind)
    generate(model, 16 + 2 * 8 * p.hop)  # more than two full batches of sample.BATCH clips
    with peak_memory() as peak:
        generate(model, frames)
    widths = " ".join(map(str, p.generator_widths))
    how = f"{frames} frames, {p.size}x{p.size}, widths {widths}"
    return row(f"peak memory, {NAMES[kind]}", p, how, "MB", [peak["bytes"] / 1e6], peak["by"])


@contextlib.contextmanager
def peak_memory() -> Iterator[dict]:
    """Watches memory; afterwards the dict holds "bytes" above the level before, and "by"."""
    level, peak, by = _meter()
    before = level()
    found: dict = {}
    yield found
    found |= {"bytes": peak() - before, "by": by}


def _meter() -> tuple[Callable[[], int], Callable[[], int], str]:
    """(level now, peak since this call, name of the meter), both in bytes."""
    for name, (level, peak) in meters().items():
        return level, peak, name
    return _highest, _highest, f"growth of the {HIGHEST}"


HIGHEST = "highest resident memory so far"  # all there is where no meter can be set back


def _highest() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def same_memory(rows: Sequence[Row]) -> list[dict]:
    """Whether the peaks of one model and preset are equal within 5 % and 2 MB, for each that has at
    least two lengths.
    """
    peaks: dict[tuple[str, str], list[float]] = {}
    for r in rows:
        if r["what"] in MEMORY_ROWS and "left_out" not in r:
            peaks.setdefault((r["what"], r["preset"]), []).append(r["median"])
    told = []
    for (what, name), found in peaks.items():
        if len(found) > 1:
            apart, highest = max(found) - min(found), max(found)
            equal = apart <= 2 and apart <= 0.05 * highest
            same = {"what": what, "preset": name, "apart_mb": apart, "highest_mb": highest}
            told.append(same | {"equal": equal})
    return told


# ------------------------------------------------------------------------------------------ scoring


def scoring(quick: bool) -> list[Row]:
    """The rows of `score` on stand-in clips, made in a fresh process; afterwards they are deleted.

    0.8 GB on the disk, or a hundredth of a GB if quick.
    """
    each = SCORED_QUICK if quick else SCORED
    empty = left_out("score clips", "any", f"{EXTRACTOR}, {each} + {each} clips", "")
    try:
        find(EXTRACTOR, device="cpu")  # before anything is written
        with tempfile.TemporaryDirectory() as folder:
            write_sides(Path(folder), each)
            return _in_child(empty, "--score", folder)
    except (InputError, OSError) as error:
        return [empty | {"left_out": str(error)}]


def write_sides(folder: Path, each: int, size: int = SCORED_SIZE) -> None:
    """`each` clips of noise (16, size, size, 3) uint8 as .npy in folder/real, as many others in
    folder/generated.
    """
    for first, side in enumerate(("real", "generated")):
        (folder / side).mkdir()
        for i in range(each):
            np.save(folder / side / f"{i:04}.npy", noise(CLIP, size, first * each + i))


def score(folder: Path, extractor: Extractor | str = EXTRACTOR) -> list[Row]:
    """Clips a second of the distance between folder/real and folder/generated, first 16 frames of
    each video, from opening the folders to the score with its spread; and the highest memory of
    the process meanwhile, in MB (10^6 bytes), with all that it held before.

    Call it in a fresh process. Raises InputError where the extractor cannot be had, and for what
    `evaluate` refuses.
    """
    extractor = find(extractor) if isinstance(extractor, str) else extractor
    p, scores = protocol("ours").but(lengths=(CLIP,)), []
    watched = meters() or {HIGHEST: (_highest, _highest)}
    took = seconds(
        lambda: scores.extend(evaluate(folder / "real", folder / "generated", p, extractor))
    )
    peaks = {name: peak() for name, (_, peak) in watched.items()}
    card = scores[0].card
    real, made = (card[side]["videos"] for side in ("real", "generated"))
    height, width = card["real"]["frame size"]
    how = f"{card['extractor']['extractor']}, {real} + {made} clips of {CLIP}, {width}x{height}"
    rows = [row("score clips", "any", how, "clips/s", [(real + made) / took], "reading included")]
    for name, peak in peaks.items():
        rows.append(row("peak memory of scoring", "any", how, "MB", [peak / 1e6], name))
    return rows


# ------------------------------------------------------------------------------- all of it, printed


def measure(
    presets: Sequence[Preset], quick: bool = False, only: Sequence[str] = SECTIONS
) -> Iterator[Row]:
    """Every row of these sections, as it is made."""
    if "reading" in only:
        yield reading(quick)
    if "training" in only:
        hows = HOWS if device().type == "cuda" else HOWS[:1]
        for p, how in itertools.product(presets, hows):
            empty = left_out("train R2", p, how, "")
            yield from _in_child(empty, "--train", how, "--presets", p.name)
    if "contestants" in only:
        for p in presets:
            if p.name in ("smoke", "mini", "slim") and not quick:
                yield from whole_trainings(p)
    if "generation" in only:
        for p in presets:
            if p.name in GENERATED:
                for kind, candidates in itertools.product(NAMES, (1, CANDIDATES)):
                    yield generation(p, kind, candidates, quick)
    if "r3" in only:
        for p in presets:
            if p.name in GENERATED:
                yield from r3_generation(p, quick)
    if "memory" in only:
        for (p, frames), kind in itertools.product(_lengths(presets, quick), NAMES):
            empty = left_out(f"peak memory, {NAMES[kind]}", p, f"{frames} frames", "")
            asked = ("--memory-of", str(frames), "--kind", kind, "--presets", p.name)
            yield from _in_child(empty, *asked)
    if "scoring" in only:
        yield from scoring(quick)


def _lengths(presets: Sequence[Preset], quick: bool) -> list[tuple[Preset, int]]:
    if quick:
        return [(presets[0], 200), (presets[0], 2000)]
    if device().type == "cuda":
        return [(PUBLISHED_64, n) for n in LENGTHS]
    return [(NARROW, n) for n in LENGTHS] + [(PUBLISHED_64, LENGTHS[0])]


def _in_child(empty: Row, *arguments: str) -> list[Row]:
    """Rows made by this module in a fresh process, or `empty` with the reason."""
    command = [sys.executable, "-m", "rencgan.studies.benchmark", *arguments]
    environment = os.environ | (FIXED_MALLOC if arguments[0] == "--memory-of" else {})
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=20 * LIMIT_S, env=environment
        )
    except subprocess.TimeoutExpired:
        return [empty | {"left_out": f"it takes more than {20 * LIMIT_S / 60:.0f} minutes"}]
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    if done.returncode == -9:
        return [empty | {"left_out": "the system ended it: it needs more memory than there is"}]
    last = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[-1]
    return [empty | {"left_out": last}]


def table(rows: Sequence[Row]) -> str:
    """The rows as aligned text."""
    lines = [("what", "preset", "how", "median", "low to high", ""), *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:<{w}}" for cell, w in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _cells(r: Row) -> tuple[str, ...]:
    head = (r["what"], r["preset"], r["how"])
    if "left_out" in r:
        return (*head, "", "", f"left out: {r['left_out']}")
    span = f"{r['low']:.4g} to {r['high']:.4g}" if len(r["raw"]) > 1 else ""
    return (*head, f"{r['median']:.4g} {r['unit']}", span, r["note"])


def _verdict(same: dict) -> str:
    told = "does not grow with length" if same["equal"] else "differs between lengths"
    apart, highest = same["apart_mb"], same["highest_mb"]
    return f"{same['what']}: {told}: {apart:.1f} MB apart, of {highest:.0f} MB."


def _machine(record: dict) -> str:
    d = record["device"]
    commit = (record["commit"] or "unknown")[:12] + (" with changes" if record["changed"] else "")
    return (
        f"{d.get('gpu') or d['cpu']}, {d['threads']} of {d['cores']} CPU cores, "
        f"torch {record['versions']['torch']}, commit {commit}, {record['seconds']:.0f} s"
    )


def _named(name: str) -> Preset:
    return NARROW if name == NARROW.name else preset(name)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m rencgan.studies.benchmark", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--json", action="store_true", help="every repeat, as JSON")
    parser.add_argument("--presets", nargs="+", default=list(PRESETS), metavar="PRESET")
    parser.add_argument("--quick", action="store_true", help="seconds, for a first look")
    parser.add_argument(
        "--only",
        nargs="+",
        default=SECTIONS,
        choices=SECTIONS,
        metavar="SECTION",
        help="some of " + ", ".join(SECTIONS),
    )
    parser.add_argument(
        "--memory-of", type=int, metavar="N", help="only the row for N frames, of the first preset"
    )
    parser.add_argument("--kind", default="r2", choices=NAMES, help="of --memory-of")
    parser.add_argument("--train", metavar="HOW", help="only that training row: " + ", ".join(HOWS))
    parser.add_argument(
        "--score", type=Path, metavar="FOLDER", help="only the rows of FOLDER/real and /generated"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    options, started = _arguments(argv), time.time()
    try:
        presets = [_named(name) for name in options.presets]
        if options.memory_of is not None:
            print(json.dumps([memory(presets[0], options.memory_of, options.kind)]))
            return 0
        if options.train:
            if device().type == "cpu":
                _stay_in_memory()
            print(json.dumps([training(presets[0], options.train)]))
            return 0
        if options.score:
            print(json.dumps(score(options.score)))
            return 0
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    rows = []
    for found in measure(presets, options.quick, options.only):
        rows.append(found)
        print(", ".join(cell for cell in _cells(found) if cell), file=sys.stderr, flush=True)
    same, costs = same_memory(rows), rejection_cost(rows)
    names = [p.name for p in presets]
    record = provenance(names, 0, started=started)
    if options.json:
        told = {"provenance": record, "rows": rows, "memory": same, "rejection": costs}
        print(json.dumps(told, indent=1))
        return 0
    print("\n".join([_machine(record), "", table(rows), *map(_verdict, same)]))
    for c in costs:
        print(f"{c['what']}, {c['preset']}: {c['how']} take {c['times']:.1f} times as long.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
