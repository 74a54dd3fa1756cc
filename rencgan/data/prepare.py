"""From a folder of videos, or a built-in stand-in, to a prepared cache that VideoSet.open reads.

The cache is a folder `<data set>-<source>-<size>-<key>` with frames.npy, index.json and card.json.
Its key is a hash of everything that decides its content: the names and contents of the files, the
crop, the limits, the seed.

    python -m rencgan prepare --dataset folder --data-root my_videos --size 64
"""

import hashlib
import json
import os
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from rencgan.core.errors import InputError
from rencgan.core.files import key_of, made_folder, project_root, resolve, write_json
from rencgan.data import sets as datasets
from rencgan.data.cache import Tell, cached
from rencgan.data.card import Item, Recipe, draw, tables
from rencgan.data.sets import DataSet, Unreadable
from rencgan.data.videoset import FORMAT, VideoSet

SOURCES = ("auto", "real", "procedural")
TEST_FRACTION = 0.1  # where no split is published
MEMO = ".hashes.json"


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
    progress: Tell | None = None,
) -> VideoSet:
    """Decode, crop and split a data set once, and open the result: (N, size, size, 3) uint8.

    source: "real", "procedural", or "auto" (real where videos are found, else the stand-in); the
    card says which. videos: at most so many, spread over the classes. max_frames: of each video,
    from its beginning. min_frames: shorter videos are left out (None: the data set's own minimum).
    test_fraction: None is the published proportion for real sets, else a tenth; folders called
    train and test are kept. A bad file is left out with its reason in the card. Raises InputError.
    """
    if source not in SOURCES:
        raise InputError(f"there is no source {source!r}; choose from {', '.join(SOURCES)}")
    d, tell = datasets.get(dataset), progress or (lambda done, total, text: None)
    folder, found, others = _find(d, source, data_root, root)
    real = folder is not None
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
    cache_root = made_folder(resolve(cache_root))
    if real:
        chosen = _choose(d, folder, found, videos, seed)
        items, left_out = _real_items(d, folder, chosen, cache_root, tell)
        extent = {"found": len(found), "chosen": len(chosen), "other_files": others}
    else:
        items, left_out = _stand_ins(recipe), []
        extent = {"found": len(items), "chosen": len(items), "other_files": 0}
    key = key_of([FORMAT, vars(recipe), [[i.name, i.digest] for i in items], left_out])
    return cached(
        cache_root / f"{dataset}-{recipe.source}-{size}-{key}",
        size,
        items,
        partial(_decode, recipe),
        partial(tables, recipe, items, left_out, extent),
        tell,
        workers=min(4, os.cpu_count() or 1) if real else 1,
    )


def _find(d: DataSet, source, data_root, root) -> tuple[Path | None, list[Path], int]:
    """The folder of the real videos, what is in it, how many other files; for the stand-in None."""
    own = d.name == "folder"
    if source == "procedural" and own:
        raise InputError("your own videos have no stand-in; use source 'real' and data_root")
    folder = None if source == "procedural" else datasets.locate(d.name, data_root, root)
    found, others = datasets.discover(folder) if folder else ([], 0)
    if not found and (source == "real" or own):
        looked = folder or data_root or f"{d.variable} or {(root or project_root())}/data/{d.name}"
        raise InputError(
            f"no video was found in {looked}; {datasets.where_to_put(d.name)} (files such as "
            ".mp4, .avi, .mkv or .webm, or one folder of images for each video)"
        )
    return folder if found else None, found, others


def _name(folder: Path, path: Path) -> str:
    name = path.relative_to(folder).as_posix() if path != folder else folder.name
    return os.fsencode(name).decode("utf-8", "backslashreplace")  # any bytes can be a file name


def _choose(d: DataSet, folder: Path, found: list[Path], videos: int | None, seed: int):
    """At most `videos` of the found ones: class by class in turn, in an order drawn by seed."""
    if videos is None or videos >= len(found):
        return found
    turns, taken = [], Counter()
    for path in sorted(found, key=lambda p: draw(seed, _name(folder, p))):
        label = d.describe(_name(folder, path), path.is_dir())[0]
        turns.append((taken[label], label, path))
        taken[label] += 1
    return sorted(path for *_, path in sorted(turns)[:videos])


def _real_items(
    d: DataSet, folder: Path, chosen: list[Path], cache_root: Path, tell: Tell
) -> tuple[list[Item], list[dict]]:
    """The chosen videos with their hashes; those that cannot be opened, or are copies, left out."""
    items, left_out, first = [], [], {}
    with _hashes(cache_root / MEMO) as hashed:
        for i, path in enumerate(chosen):
            name = _name(folder, path)
            tell(i, len(chosen), f"checking {name}")
            try:
                digest, reason = hashed(path), ""
                if path.is_file() and path.stat().st_size == 0:
                    reason = "empty file"
                elif digest in first:  # else a video could be on both sides of the split
                    reason = f"the same content as {first[digest]}"
            except PermissionError:
                reason = "unreadable: permission denied"
            except OSError as e:
                reason = f"unreadable: {e.strerror or type(e).__name__}"
            if reason:
                left_out.append({"name": name, "reason": reason})
                continue
            first[digest] = name
            items.append(Item(name, *d.describe(name, path.is_dir()), digest, path))
    return items, left_out


@contextmanager
def _hashes(memo: Path) -> Iterator[Callable[[Path], str]]:
    """hashed(path): sha256 of a file, or of a frame folder's images with their names; remembered by
    path, size and time of change, so that a second run is quick. Raises OSError.
    """
    known, new = {}, {}
    with suppress(OSError, ValueError, TypeError):
        known = dict(json.loads(memo.read_text(encoding="utf-8")))

    def hashed(path: Path) -> str:
        files = sorted(filter(datasets.is_image, path.iterdir())) if path.is_dir() else [path]
        stats = [(p.name, s.st_size, s.st_mtime_ns) for p in files for s in (p.stat(),)]
        signature = hashlib.sha256(repr(stats).encode()).hexdigest()
        key = str(path.absolute())
        if known.get(key, ("",))[0] != signature:
            known[key] = new[key] = (signature, _content(path, files))
        return known[key][1]

    try:
        yield hashed
    finally:  # also after an interruption: what was hashed stays hashed
        if new:
            with suppress(OSError, InputError):  # a memo that cannot be kept costs time only
                write_json(memo, known)


def _content(path: Path, files: list[Path]) -> str:
    named = []
    for file in files:
        with open(file, "rb") as f:
            digest = hashlib.file_digest(f, "sha256").hexdigest()
        named.append(f"{digest} {file.name}")
    return digest if path.is_file() else hashlib.sha256("\n".join(named).encode()).hexdigest()


def _stand_ins(recipe: Recipe) -> list[Item]:
    from rencgan.data import procedural

    made = procedural.catalogue(recipe.dataset, recipe.seed, recipe.videos, recipe.max_frames)
    digest = f"procedural {procedural.VERSION}"
    return [Item(v.name, v.label, v.subject, "", digest, v) for v in made]


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
