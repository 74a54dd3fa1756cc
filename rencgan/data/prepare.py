"""From a folder of videos, or a built-in stand-in, to a prepared cache that VideoSet.open reads.

The cache is a folder `<data set>-<source>-<size>-<key>` with frames.npy, index.json and card.json.
Its key is a hash of everything that decides its content: the names and contents of the files, the
crop, the limits, the seed.

    python -m rencgan prepare --dataset folder --data-root my_videos --size 64
"""

import os
import sys
import zlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from rencgan.core.errors import InputError
from rencgan.core.files import key_of, made_folder, project_root, resolve
from rencgan.data import sets as datasets
from rencgan.data.cache import Tell, cached
from rencgan.data.card import Item, Recipe, as_it_is_now, tables
from rencgan.data.found import ONE_VIDEO, Found, discover
from rencgan.data.gather import gather
from rencgan.data.sets import IMAGE_SUFFIXES, DataSet, Unreadable
from rencgan.data.videoset import FORMAT, VideoSet

READER = 2  # how films are found and read: caches of real videos made otherwise are not taken
SOURCES = ("auto", "real", "procedural")
TEST_FRACTION = 0.1  # where no split is published


def prepare(
    dataset: str,
    *,
    source: str = "auto",
    data_root: str | Path | None = None,
    size: int = 64,
    cache_root: str | Path,
    seed: int = 0,
    videos: int | None = None,
    max_frames: int | None = None,
    min_frames: int | None = None,
    test_fraction: float | None = None,
    root: str | Path | None = None,
    ours: Iterable[str | Path] = (),
    progress: Tell | None = None,
) -> VideoSet:
    """Decode, crop and split a data set once, and open the result: (N, size, size, 3) uint8.

    source: "real", "procedural", or "auto" (real where videos are found, else the stand-in); the
    card says which. videos: at most so many, spread over the classes. max_frames: of each video,
    from its beginning. min_frames: shorter videos are left out (None: the data set's own minimum).
    test_fraction: None is the published proportion for real sets, else a tenth; folders for train,
    val and test are kept. ours: folders of results, which are no data. A bad file is left out with
    its reason in the card. Raises InputError.
    """
    if source not in SOURCES:
        raise InputError(f"there is no source {source!r}; choose from {', '.join(SOURCES)}")
    d, tell = datasets.get(dataset), progress or (lambda done, total, text: None)
    cache_root = made_folder(resolve(cache_root))
    found = _find(d, source, data_root, root, [cache_root, *map(resolve, ours)])
    real = found is not None
    if test_fraction is None:
        test_fraction = d.test / d.videos if real and d.test else TEST_FRACTION
    recipe = Recipe(
        dataset=dataset,
        source="real" if real else "procedural",
        size=size,
        margin=d.margin if real else 0,
        seed=seed,
        videos=videos,
        max_frames=max_frames,
        min_frames=d.min_frames if min_frames is None else min_frames,
        test_fraction=test_fraction,
    )
    if real:
        items, left_out, extent = gather(d, found, recipe, cache_root, tell)
    else:
        items, left_out, extent = _stand_ins(recipe)
    content = [FORMAT, vars(recipe), [[i.name, i.digest] for i in items], left_out]
    key = key_of([*content, READER] if real else content)
    made = cached(
        cache_root / f"{dataset}-{recipe.source}-{size}-{key}",
        size,
        items,
        partial(_decode, recipe),
        partial(tables, recipe, items, left_out, extent),
        tell,
        workers=min(4, os.cpu_count() or 1) if real else 1,
    )
    return replace(made, card=as_it_is_now(made, extent)) if real else made


def _find(d: DataSet, source, data_root, root, ours: list[Path]) -> Found | None:
    """What is in the folder of the real videos; None where the stand-in takes their place."""
    own = d.name == "folder"
    if source == "procedural" and own:
        raise InputError(f"your own videos have no stand-in; use source 'real' and {datasets.ROOT}")
    folder = None if source == "procedural" else datasets.locate(d.name, data_root, root)
    found = discover(folder, ours) if folder else None
    if found and found.videos:
        return found
    if source == "real" or own:
        looked = folder or data_root or f"{d.variable} or {(root or project_root())}/data/{d.name}"
        there = found and ", ".join(f"{n} {ending}" for ending, n in found.others.most_common(5))
        there = f"; there are {there}" if there else ""
        if found and any(e in IMAGE_SUFFIXES for e in found.others):
            there += f"; {ONE_VIDEO}"
        raise InputError(
            f"no video was found in {looked}{there}; {datasets.where_to_put(d.name)} (files such "
            "as .mp4, .avi, .mkv or .webm, or one folder of images for each video)"
        )
    return None


def _stand_ins(recipe: Recipe) -> tuple[list[Item], list, dict]:
    """As `gather` tells of real videos."""
    from rencgan.data import procedural

    made = procedural.catalogue(recipe.dataset, recipe.seed, recipe.videos, recipe.max_frames)
    digest = f"procedural {procedural.VERSION}"
    items = [Item(v.name, v.label, v.subject, "", digest, v) for v in made]
    return items, [], {"found": len(items), "chosen": len(items), "other_files": 0}


def _decode(recipe: Recipe, item: Item, file: BinaryIO) -> dict:
    """Decode one video into a file, frame by frame; returns its row of the journal."""
    row = {"name": item.name, "frames": 0, "fps": 0.0, "original": "", "crc32": 0, "reason": ""}
    n = crc = 0
    try:
        frames, told = _frames(item, recipe)
        for frame in frames:
            pixels = np.ascontiguousarray(frame).tobytes()
            file.write(pixels)
            n, crc = n + 1, zlib.crc32(pixels, crc)
        row["fps"], row["original"], row["notes"] = told()
        if n < recipe.min_frames:
            short = f"too short: {n} frames, at least {recipe.min_frames} are needed"
            raise Unreadable("; ".join([short, *row["notes"]]))
    except Unreadable as e:
        return row | {"reason": str(e)}
    return row | {"frames": n, "crc32": crc}


def _frames(item: Item, recipe: Recipe) -> tuple[Iterable[np.ndarray], Callable[[], tuple]]:
    """The frames (size, size, 3) uint8 of a video, and a function to call when they were read:
    (frames a second, original size, notes).
    """
    if recipe.source == "procedural":
        frames = item.source.frames(recipe.size)[: recipe.max_frames]
        return frames, lambda: (float(item.source.fps), "drawn at any size", [])
    from rencgan.data import video

    film = video.Film(item.source, recipe.max_frames)
    cropped = (video.resize_crop(f, recipe.size, recipe.margin) for f in film)
    return cropped, lambda: (film.fps, "{}x{}".format(*film.original), film.notes)


def print_progress(done: int, total: int, text: str) -> None:
    """Tells a shell how far preparing is."""
    tenth = max(1, total // 10)
    if sys.stderr.isatty():
        print(f"\r{done}/{total} {text:70.70}", end="" if done < total else "\n", file=sys.stderr)
    elif done % tenth == 0 or " left out: " in text:
        print(f"{done}/{total} {text}", file=sys.stderr)
