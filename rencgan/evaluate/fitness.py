"""Is an extractor fit to judge? What its distance does when real video is spoilt on purpose.

    python -m rencgan fitness FOLDER --scene 'walk_(person\\d+)' --scene studio

Clips of real videos are compared with other clips of the same videos: first as they are (the
floor), then spoilt in one way, at four levels. A fit extractor's distance rises from level to
level, and leaves the floor by more than twice its spread. Videos are split by scene into a
development half, on which an extractor may be improved, and a test half, which is what counts.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from scipy.ndimage import gaussian_filter

from rencgan.core.errors import InputError
from rencgan.core.files import write_json
from rencgan.core.progress import Progress
from rencgan.data.footage import Footage
from rencgan.data.hops import CLIP
from rencgan.evaluate import compact
from rencgan.evaluate.extractors import Extractor, find
from rencgan.evaluate.frechet import distance_of

T = np.arange(CLIP)
SIZE = 64  # pixels of the clips, whatever an extractor makes of them: all see the very same

# -------------------------------------------------------------------------------- ways of spoiling


def _noise(video: np.ndarray, start: int, level: float, rng: np.random.Generator) -> np.ndarray:
    clip = video[start : start + CLIP]
    return np.clip(clip + rng.normal(0, level, clip.shape), 0, 255).round().astype(np.uint8)


def _blur(video: np.ndarray, start: int, level: float, rng) -> np.ndarray:
    clip = video[start : start + CLIP].astype(np.float32)
    return gaussian_filter(clip, (0, level, level, 0), mode="nearest").round().astype(np.uint8)


def _at(index: Callable[[int, np.random.Generator], np.ndarray]) -> Callable:
    """Spoils time: index(level, rng) gives the 16 frames that are shown, from the start on."""
    return lambda video, start, level, rng: video[start + index(int(level), rng)]


SPEED = _at(lambda level, _: level * T)
SHUFFLE = _at(lambda n, rng: np.concatenate([rng.permutation(w) for w in T.reshape(-1, n)]))
HELD = _at(lambda level, _: np.minimum(T, CLIP - 1 - level))
SEAM = _at(lambda level, _: T + level * (T >= CLIP // 2))


@dataclass(frozen=True)
class Family:
    """One way of spoiling. make(video, start, level, rng) gives (16, H, W, 3) uint8."""

    name: str
    unit: str
    levels: tuple[float, ...]
    make: Callable[[np.ndarray, int, float, np.random.Generator], np.ndarray] | None
    span: int = CLIP  # frames of a video that the strongest level reaches over


FAMILIES = (
    Family("noise", "deviation, grey levels", (4, 8, 16, 32), _noise),
    Family("blur", "deviation, pixels of 64", (0.5, 1, 2, 4), _blur),
    Family("wrong speed", "times as fast", (2, 3, 4, 5), SPEED, 5 * (CLIP - 1) + 1),
    Family("shuffled frames", "frames exchanged among", (2, 4, 8, 16), SHUFFLE),
    Family("frozen frames", "frames held at the end", (4, 8, 12, 15), HELD),
    Family("seam every 8 frames", "frames left out there", (2, 4, 8, 16), SEAM, 2 * CLIP),
    Family("swapped class", "share of clips", (0.25, 0.5, 0.75, 1), None),
)


# ---------------------------------------------------------------------------------- real footage


@dataclass(frozen=True)
class Shot:
    """One real video with its class (the folder it lies in) and its scene."""

    name: str
    label: str
    scene: str
    frames: np.ndarray  # (T, H, W, 3) uint8


def load(folder: str | Path, size: int, patterns: Sequence[str] = ()) -> list[Shot]:
    """Every usable video of a folder, square at `size`, with its scene; see `scene`."""
    footage = Footage.of("real", folder, size)
    shots = []
    with Progress(len(footage.names), "reading real videos") as bar:
        for i, name in enumerate(footage.names):
            frames = footage.whole(i)
            if frames is not None and len(frames) >= CLIP:
                label = PurePosixPath(name).parts[0] if "/" in name else "video"
                shots.append(Shot(name, label, scene(name, patterns), frames))
            bar.update(i + 1, name)
    if len(shots) < 8:
        raise InputError(f"{folder} has {len(shots)} usable videos; a fitness table needs 8")
    return shots


def scene(name: str, patterns: Sequence[str]) -> str:
    """What videos of one scene have in common: the first pattern found in the name, with what its
    groups matched. A video that matches none is a scene of its own.
    """
    for pattern in patterns:
        try:
            match = re.search(pattern, name)
        except re.error as error:
            raise InputError(f"{pattern!r} is no regular expression: {error}") from None
        if match:
            return " ".join((pattern, *match.groups()))
    return name


def halves(shots: Sequence[Shot]) -> dict[str, list[Shot]]:
    """Development and test videos: whole scenes, each class shared as evenly as they allow."""
    parts: dict[str, list[Shot]] = {"development": [], "test": []}
    groups: dict[str, list[Shot]] = {}
    for shot in shots:
        groups.setdefault(shot.scene, []).append(shot)
    for group in sorted(groups.values(), key=lambda g: (-len(g), g[0].name)):
        label = group[0].label
        smaller = min(parts, key=lambda p: (sum(s.label == label for s in parts[p]), len(parts[p])))
        parts[smaller] += group
    return parts


# ------------------------------------------------------------------------------------- the table


def verdict(row: dict) -> dict:
    """Whether a row's mean distance rises at every level; the first level that lies above the floor
    by more than twice the spread of both, or None; and whether that makes the extractor fit.
    """
    steps, left = [row["floor"], *row["distances"]], None
    monotone = all(b > a for a, b in zip(steps, steps[1:], strict=False))
    for level, d, s in zip(row["levels"], row["distances"], row["spreads"], strict=True):
        if left is None and d - row["floor"] > 2 * max(row["floor_spread"], s):
            left = level
    return {"monotone": monotone, "leaves_floor_at": left, "fit": monotone and left is not None}


def _plain(
    shots: Sequence[Shot], rng: np.random.Generator, span: int = CLIP
) -> tuple[np.ndarray, list[int]]:
    """A clip of every video as it is, and where each starts: with room for `span` frames."""
    starts = [int(rng.integers(len(s.frames) - span + 1)) for s in shots]
    clips = [s.frames[a : a + CLIP] for s, a in zip(shots, starts, strict=True)]
    return np.stack(clips), starts


def _draw(
    family: Family, shots: Sequence[Shot], others: Sequence[Shot], rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Clips of one draw: the reference, then other clips of the same videos as they are and at
    every level, always from the same starts.
    """
    yield _plain(shots, rng, family.span)[0]
    own, starts = _plain(shots, rng, family.span)
    yield own
    if family.make is None:
        chosen = [others[i] for i in rng.permutation(len(others))[: len(shots)]]
        chosen = [chosen[i % len(chosen)] for i in range(len(shots))]
        swapped, order = _plain(chosen, rng)[0], rng.permutation(len(shots))
        for level in family.levels:
            clips, taken = own.copy(), order[: round(level * len(shots))]
            clips[taken] = swapped[taken]
            yield clips
        return
    for level in family.levels:
        rows = zip(shots, starts, strict=True)
        yield np.stack([family.make(s.frames, a, level, rng) for s, a in rows])


def measure(
    family: Family,
    shots: Sequence[Shot],
    extractor: Extractor,
    trained_on: Sequence[str] = (),
    draws: int = 6,
    seed: int = 0,
) -> dict:
    """One row of the table: distances at the floor and at each level, means over draws, with their
    spreads, and the verdict. A swapped class takes its clips from the second largest class.
    """
    usable, others = [s for s in shots if len(s.frames) >= family.span], []
    if family.make is None:
        sizes = Counter(s.label for s in usable)
        ranked = sorted(sizes, key=lambda label: (-sizes[label], label))
        if len(ranked) < 2:
            raise InputError("a swapped class needs videos in at least two folders")
        others = [s for s in usable if s.label == ranked[1]]
        usable = [s for s in usable if s.label == ranked[0]]
    if len(usable) < 4:
        raise InputError(
            f"{family.name} needs at least 4 videos of {family.span} frames, not {len(usable)}"
        )
    rows = []
    for draw in range(draws):
        rng = np.random.default_rng([seed, 53, draw])
        made = (np.asarray(extractor(c), np.float64) for c in _draw(family, usable, others, rng))
        reference = next(made)
        rows.append([distance_of(reference, features) for features in made])
    floor, *distances = np.mean(rows, 0).tolist()
    floor_spread, *spreads = np.std(rows, 0, ddof=1).tolist()
    row = {
        "family": family.name,
        "unit": family.unit,
        "levels": list(family.levels),
        "videos": len(usable),
        "floor": floor,
        "floor_spread": floor_spread,
        "distances": distances,
        "spreads": spreads,
        "trained_on": family.name in trained_on,  # played a part in the extractor's training
    }
    return row | verdict(row)


def table(
    shots: Sequence[Shot], extractor: Extractor, trained_on: Sequence[str] = (), draws: int = 6
) -> dict[str, list[dict]]:
    """The rows of every family, for the development and for the test half."""
    found = {}
    with Progress(2 * len(FAMILIES), "spoiling real video") as bar:
        for half, part in halves(shots).items():
            found[half] = []
            for family in FAMILIES:
                found[half].append(measure(family, part, extractor, trained_on, draws))
                bar.update(bar.step + 1, family.name)
    return found


def as_markdown(rows: Sequence[dict]) -> str:
    """The table for people, from rows as `measure` gives them."""
    lines = ["| spoilt by | floor | distance at each level | in training |", "|---|---|---|---|"]
    for r in rows:
        steps = ", ".join(
            f"{level:g}: {d:.1f}" for level, d in zip(r["levels"], r["distances"], strict=True)
        )
        floor = f"{r['floor']:.1f} ± {r['floor_spread']:.1f}"
        verdict = "" if r["fit"] else " (not fit)"
        seen = "yes" if r["trained_on"] else "no"
        lines.append(f"| {r['family']} ({r['unit']}) | {floor} | {steps}{verdict} | {seen} |")
    return "\n".join(lines)


def beside(evidence: Mapping[str, Sequence[dict]]) -> list[dict]:
    """Several extractors on the same clips, as rows: distances over each one's own floor, level by
    level. evidence: rows of `measure` by metric.
    """
    found = []
    for each in zip(*evidence.values(), strict=True):
        row = {"spoilt by": f"{each[0]['family']} ({each[0]['unit']})"}
        row["levels"] = ", ".join(f"{level:g}" for level in each[0]["levels"])
        for metric, r in zip(evidence, each, strict=True):
            steps = ", ".join(f"{d / r['floor']:.2g}" for d in r["distances"])
            notes = ["not fit"] * (not r["fit"]) + ["in training"] * r["trained_on"]
            row[f"{metric}, times its floor"] = " · ".join((steps, *notes))
        found.append(row)
    return found


def shipped(name: str) -> dict:
    """The evidence that comes with the package for an extractor, as `run` wrote it."""
    path = compact.WEIGHTS.with_name(f"{name}.fitness.json")
    return json.loads(path.read_text(encoding="utf-8"))


def common(names: Sequence[str]) -> tuple[str, int, dict[str, list[dict]]]:
    """A half of the scenes on which there is evidence of all these extractors, the test half if it
    can be; how many videos that has; and the rows by metric.
    """
    each = [shipped(name) for name in names]
    half = "test" if all("test" in e for e in each) else "development"
    return (
        half,
        each[0]["videos"][half]["videos"],
        {e["extractor"]["metric"]: e[half] for e in each},
    )


def run(
    folder: Path,
    scenes: Sequence[str] = (),
    extractor: str = "compact",
    draws: int = 6,
    out: Path | None = None,
) -> None:
    """Prints the tables of a folder of real videos; `out`: a JSON file that gets them as well."""
    if draws < 2:
        raise InputError(f"a spread needs at least 2 draws, not {draws}")
    network = find(extractor)
    trained_on = compact.TRAINED_ON if extractor == "compact" else ()
    shots = load(folder, SIZE, scenes)
    found = table(shots, network, trained_on, draws)
    counts = {
        half: {"videos": len(part), "scenes": len({s.scene for s in part})}
        for half, part in halves(shots).items()
    }
    for half, rows in found.items():
        print(f"{half}, {counts[half]['videos']} videos\n\n{as_markdown(rows)}\n")
    if out:
        facts = {"extractor": network.card(), "draws": draws, "scenes": list(scenes)}
        write_json(out, facts | {"videos": counts} | found)
