"""What can be asked of baselines only when they are trained, as rows of notebook 07: each check,
what was found, what it is held against, and whether it holds.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from rencgan.baselines.any_time import code_at, frames_at
from rencgan.baselines.pair_codes import leaks
from rencgan.data.pixels import as_frames
from rencgan.evaluate import measures
from rencgan.models.system import generating
from rencgan.models.trained import Trained

JUMP = 3  # times as large as the steps before and behind, and the usual one
MOVES = (0.25, 4.0)  # times real video's motion: less stands still, more trembles
APART = 0.5  # of what a random direction leaks: "well below" it
POINTS = 4  # codes w at which motion codes are tried, beside their own
FAR = 10**6  # frames from the first
Videos = Sequence[np.ndarray]  # each (T, H, W, 3) uint8


def row(system: str, check: str, found: str, against: str, holds: bool) -> dict:
    told = {"system": system, "check": check, "found": found}
    return told | {"held against": against, "holds": bool(holds)}


# --------------------------------------------------------------------------------- what videos show


def jumps(video: np.ndarray) -> int:
    """Steps from frame to frame that are JUMP times as large as the one before, the one behind and
    the video's median: motion that swells and fades has none, nor what hardly moves.
    """
    steps = measures.frame_differences(video)
    around = np.pad(steps, 1)
    beside = np.maximum(around[:-2], around[2:]).clip(np.median(steps))
    return int((steps > JUMP * beside + 1e-6).sum())


def without_jumps(name: str, made: Videos, real: Videos, shuffled: Videos) -> dict:
    """Whether long videos jump no more than real ones do."""
    ours, theirs, mixed = (np.mean([jumps(v) for v in side]) for side in (made, real, shuffled))
    check = f"{len(made[0])} frames without a jump (a step {JUMP} times those beside it)"
    against = f"real video {theirs:.1f}; its clips shuffled {mixed:.1f}"
    return row(name, check, f"{ours:.1f} jumps a video", against, ours <= theirs)


def moving(name: str, made: Videos, real: Videos) -> dict:
    """Whether clips move about as much as real ones do: trembling is motion too, but far more."""
    frames = min(map(len, made))
    sides = made, [v[:frames] for v in real]
    ours, theirs = (np.mean([measures.motion(v) for v in side]) for side in sides)
    found = f"motion {ours:.4f}, {ours / theirs:.2f} times real video's"
    against = f"real video {theirs:.4f}, a frame held 0; {MOVES[0]} to {MOVES[1]} times real"
    return row(name, "clips move", found, against, MOVES[0] <= ours / theirs <= MOVES[1])


# ----------------------------------------------------------------------------------- MotionVideoGAN


def edits_one_slot(model: Trained, seed: int = 0) -> list[dict]:
    """Whether motion codes move one frame of a pair and leave the other, where they were found and
    elsewhere: backward codes A and not B, forward ones B and not A, against random directions.
    """
    codes, pairs = model.extras["codes"], model.base.nets["generator"]
    p, rows = model.preset, []
    places = {"where they were found": (model.seed, p.points), "elsewhere": (seed + 1000, POINTS)}
    for where, (drawn, count) in places.items():
        rng = torch.Generator().manual_seed(drawn)
        z = torch.randn(count, p.latent, generator=rng).to(model.device)
        random = torch.randn(len(codes.backward), p.latent, generator=rng)
        random = random / random.norm(dim=1, keepdim=True)
        with torch.no_grad():
            points = pairs.mapping(z)
        for name, of, turned in (("backward", codes.backward, 1), ("forward", codes.forward, -1)):
            ours, any_way = (_leak(pairs.synthesis, points, d, turned) for d in (of, random))
            rows.append(
                row(
                    model.name,
                    f"{name} codes leave the other frame, {where}",
                    f"it moves {ours:.3f} times as much",
                    f"random directions {any_way:.3f}",
                    ours < APART * any_way,
                )
            )
    return rows


def _leak(image: Callable, points: Tensor, directions: Tensor, power: int) -> float:
    """Median over directions and points of how far the slot moves that should not."""
    directions = directions.to(points.device)
    with torch.no_grad():
        found = torch.cat([leaks(image, w, directions) for w in points])
    return float((found**power).median())


# --------------------------------------------------------------------------------------- StyleGAN-V


def same_anywhere(model: Trained, seed: int = 0) -> list[dict]:
    """Whether motion codes and frames far along are the same alone, in a chunk and in any order."""
    times = [float(FAR + i) for i in range(20)]
    order = np.random.default_rng(seed).permutation(len(times))
    with generating(model.preset, model.device):
        first = [code_at(model, t, 0, seed) for t in times]
        again = {i: code_at(model, times[i], 0, seed) for i in order}
        apart = any(not torch.equal(first[i], again[i]) for i in order)
    chunk = as_frames(frames_at(model, times, 0, seed)[0]).astype(int)
    mixed = as_frames(frames_at(model, [times[i] for i in order], 0, seed)[0]).astype(int)
    alone = as_frames(frames_at(model, times[7:8], 0, seed)[0]).astype(int)
    off = max(np.abs(mixed - chunk[order]).max(), np.abs(alone[0] - chunk[7]).max())
    return [
        row(
            model.name,
            f"motion codes at t = {FAR:,}, alone and in any order",
            "other bits" if apart else "the same bits",
            "the same bits",
            not apart,
        ),
        row(
            model.name,
            f"frames at t = {FAR:,}, alone, in a chunk, shuffled",
            f"{off} grey levels apart",
            "1 at most",
            off <= 1,
        ),
    ]


def continuous(model: Trained, seed: int = 0) -> dict:
    """Whether motion codes reach their anchors from both sides (the slope may change there)."""
    delta, gap = model.nets["generator"].motion.delta, 0.0
    with generating(model.preset, model.device):
        for i in range(1, 9):
            near = [code_at(model, i * delta + e, 0, seed) for e in (-1e-3, 0.0, 1e-3)]
            gap = max(gap, *(float((v - near[1]).abs().max()) for v in (near[0], near[2])))
    check = "motion codes a thousandth of a frame beside an anchor"
    return row(model.name, check, f"{gap:.1e} from its own", "below 1e-3", gap < 1e-3)


# -------------------------------------------------------------------------------------------- iVGAN


def held_by_norm(model: Trained) -> dict:
    """The largest singular values of a critic's matrices under spectral norm."""
    largest = list(_singular(model.nets["critic"]))
    off = max(abs(s - 1) for s in largest)
    found = f"{min(largest):.3f} to {max(largest):.3f}, {len(largest)} matrices"
    check = "largest singular values under spectral norm"
    return row(model.name, check, found, "1 within 0.02", off <= 0.02)


def _singular(net: torch.nn.Module) -> Iterator[float]:
    for layer in net.modules():
        if torch.nn.utils.parametrize.is_parametrized(layer, "weight"):
            yield float(torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2))
