"""R2 on pieces of a few long videos: `python -m rencgan.studies.pieces FOLDER --held-out 8 17 25`.

A small fixed comparison for changes to the recipe. The files of a folder, in sorted order, are cut
into pieces of 160 frames from frame 0 (centre square, by area); some pieces are held out; R2 is
trained on the rest and makes a long video of every piece, from sampled codes. Pieces of one video
fall on both sides, so this is not a test of generalisation; `--held-out-files` and `--also` are.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rencgan.core.errors import InputError
from rencgan.core.progress import Progress
from rencgan.data.sets import is_video
from rencgan.data.video import read_frames, resize_crop
from rencgan.data.videoset import VideoSet
from rencgan.evaluate import measures
from rencgan.models.trained import Model, load_model
from rencgan.presets.preset import Preset, changes_for, preset
from rencgan.training.loop import Job, train

LENGTH = 160  # frames in a piece
SEEDS = 5  # noise seeds over which the spread is taken
MOST = 16  # pieces of a group that are measured, evenly spread over it; VDrej takes its time
COLUMNS = ("l1", "seam_ratio", "motion", "sharpness")  # the last two as shares of the real ones


def cut(files: Sequence[Path], size: int, shortest: int = LENGTH) -> dict[str, np.ndarray]:
    """Pieces of videos: "file#k" -> (T, size, size, 3) uint8, T = 160.

    With a smaller `shortest`, a video of fewer than 160 frames is one piece of its own length.
    """
    pieces = {}
    for path in sorted(files):
        frames = np.stack([resize_crop(f, size) for f in read_frames(path)])
        if shortest <= len(frames) < LENGTH:
            pieces[path.name] = frames
        for k in range(len(frames) // LENGTH):
            pieces[f"{path.name}#{k}"] = frames[k * LENGTH : (k + 1) * LENGTH]
    if not pieces:
        raise InputError(f"none of the {len(files)} videos has {shortest} frames")
    return pieces


def scores(model: Model, pieces: Sequence[np.ndarray], candidates: int, seed: int) -> list[float]:
    """COLUMNS over pieces, for one noise seed; motion and sharpness as shares of the real."""
    r, rows, real = model.preset.hop, [], []
    for piece in pieces:
        made = model.long_frames(piece, codes="sample", candidates=candidates, seed=seed)
        rows.append([measures.summary(made, piece, r)[c] for c in COLUMNS])
        real.append([measures.summary(piece[: len(made)], piece, r)[c] for c in COLUMNS])
    ours, theirs = np.mean(rows, axis=0), np.mean(real, axis=0)
    return [ours[0], ours[1], ours[2] / theirs[2], ours[3] / theirs[3]]


def report(model: Model, groups: dict[str, Sequence[np.ndarray]], candidates: int) -> list[dict]:
    """Rows: group of pieces, way of drawing codes, mean and spread of every measure over SEEDS."""
    rows = []
    for group, every in groups.items():
        chosen = np.linspace(0, len(every) - 1, min(MOST, len(every))).round().astype(int)
        pieces = [every[i] for i in chosen]
        for name, n in (("plain", 1), (f"VDrej of {candidates}", candidates)):
            runs = np.array([scores(model, pieces, n, seed) for seed in range(SEEDS)])
            row = {"pieces": group, "count": len(pieces), "codes": name}
            for column, mean, spread in zip(
                COLUMNS, runs.mean(0), runs.std(0, ddof=1), strict=True
            ):
                row |= {column: round(float(mean), 4), f"{column} ±": round(float(spread), 4)}
            rows.append(row)
    return rows


def trained(pieces: dict[str, np.ndarray], p: Preset, out: Path, seed: int) -> tuple[Model, float]:
    """R2 on pieces; the model and the seconds that training took in this call."""
    videos = VideoSet.from_arrays(list(pieces.values()), names=list(pieces))
    job = Job("r2", p, videos, out, seed)
    started = time.perf_counter()
    with Progress(p.steps, "training r2 on pieces") as bar:
        path = train(job, progress=lambda done, total, losses: bar.update(done, losses))
    return load_model(path, "r2"), time.perf_counter() - started


def changes(texts: Sequence[str]) -> dict:
    """["batch=4", "lr_encoder=1e-3"] as fields of a preset; what is no number is text."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"--set takes field=value, not {text!r}")
        try:
            found[name] = json.loads(value)
        except json.JSONDecodeError:
            found[name] = value
    return found


def recipe(name: str, steps: int, fields: list[str]) -> Preset:
    """A preset as R2 takes it, with so many steps (0: its own) and other fields, changed together:
    warm-ups may be longer than the preset's own steps.
    """
    asked = changes(fields) | ({"steps": steps} if steps else {})
    return preset(name).but(**changes_for("r2", name) | asked)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m rencgan.studies.pieces", description=__doc__.splitlines()[0]
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--held-out", type=int, nargs="*", default=[], help="pieces, from 0")
    parser.add_argument("--held-out-files", nargs="*", default=[], help="videos left out whole")
    parser.add_argument("--also", type=Path, nargs="*", default=[], help="other video files")
    parser.add_argument("--preset", default="mini")
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        dest="fields",
        help="a field of the preset; may be given several times",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--candidates", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("runs/pieces"))
    parser.add_argument("--json", action="store_true")
    o = parser.parse_args(argv)
    p = recipe(o.preset, o.steps, o.fields)
    if not o.folder.is_dir():
        raise InputError(f"{o.folder} is not a folder of videos")
    pieces = cut([f for f in o.folder.iterdir() if is_video(f)], p.size)
    names = list(pieces)
    files = sorted({n.split("#")[0] for n in names})
    if wrong := [i for i in o.held_out if not 0 <= i < len(names)]:
        raise InputError(f"there are pieces 0 to {len(names) - 1}, no piece {wrong[0]}")
    if wrong := [f for f in o.held_out_files if f not in files]:
        raise InputError(f"no piece comes from {wrong[0]!r}; the videos are {', '.join(files)}")
    held = {names[i] for i in o.held_out}
    whole = {n for n in names if n.split("#")[0] in o.held_out_files}
    kept = {n: v for n, v in pieces.items() if n not in held | whole}
    model, seconds = trained(kept, p, o.out, o.seed)
    groups = {"training": list(kept.values())}
    groups["held-out pieces"] = [pieces[n] for n in names if n in held]
    groups["videos held out whole"] = [pieces[n] for n in names if n in whole]
    groups["others"] = list(cut(o.also, p.size, 24).values()) if o.also else []
    rows = report(model, {k: v for k, v in groups.items() if v}, o.candidates)
    if o.json:
        print(json.dumps({"seconds": seconds, "preset": p.as_dict(), "rows": rows}))
        return
    print(f"{p.steps} steps, {seconds:.0f} s of training in this call; spread over {SEEDS} seeds")
    for row in rows:
        numbers = "  ".join(f"{c} {row[c]:.4f} ±{row[f'{c} ±']:.4f}" for c in COLUMNS)
        print(f"{row['pieces']:<22} {row['count']:>3}  {row['codes']:<12} {numbers}")


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        raise SystemExit(f"{error}") from None
