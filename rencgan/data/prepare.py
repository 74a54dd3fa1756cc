"""From a folder of videos, or a built-in stand-in, to a prepared cache that VideoSet.open reads.

The cache is a folder `<data set>-<source>-<size>-<key>` with frames.npy, index.json and card.json.
Its key is a hash of everything that decides its content: the names and contents of the files, the
crop, the limits, the seed. While it is made it is called `<...>.building`: a journal says which
videos are done, so a run that was killed goes on where it was; one process at a time builds,
another one waits for it.

    python -m rencgan.data.prepare --dataset folder --data-root my_videos --size 64
"""

import argparse
import hashlib
import io
import json
import os
import shutil
import sys
import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rencgan.core.errors import InputError
from rencgan.core.files import project_root, resolve, writing
from rencgan.data import sets as datasets
from rencgan.data.videoset import FORMAT, FRAMES, Video, VideoSet, write_tables

try:
    import fcntl
except ImportError:  # no such locks on this system: there, one process at a time
    fcntl = None

SOURCES = ("auto", "real", "procedural")
TEST_FRACTION = 0.1  # where no split is published
JOURNAL, PARTS, MEMO = "journal.jsonl", "parts", ".hashes.json"
Tell = Callable[[int, int, str], None]  # progress(done, total, text)


@dataclass(frozen=True)
class Item:
    """A video that is to be decoded. `source` is a path or a stand-in with `frames(size)`."""

    name: str
    label: str
    subject: str
    split: str  # "train" or "test" where the folders say so, else ""
    digest: str  # sha256 of the content
    source: object


@dataclass(frozen=True)
class Recipe:
    """Everything but the videos that decides what a cache holds."""

    dataset: str
    source: str
    size: int
    margin: int
    seed: int
    videos: int | None
    max_frames: int | None
    min_frames: int
    test_fraction: float

    def __post_init__(self) -> None:
        if not 8 <= self.size <= 1024:
            raise InputError(f"size {self.size} must lie between 8 and 1024 pixels")
        if self.seed < 0:
            raise InputError(f"seed {self.seed} must be 0 or more")
        for name in ("videos", "max_frames", "min_frames"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise InputError(f"{name} {value} must be 1 or more")
        if self.max_frames is not None and self.max_frames < self.min_frames:
            raise InputError(
                f"max_frames {self.max_frames} is below min_frames {self.min_frames}, so every "
                "video would be left out"
            )
        if not 0 < self.test_fraction < 1:
            raise InputError(f"test_fraction {self.test_fraction} must lie between 0 and 1")


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
    folder, found, others = _find(dataset, source, data_root, root)
    if test_fraction is None:
        published = folder and d.videos and d.test
        test_fraction = d.test / d.videos if published else TEST_FRACTION
    recipe = Recipe(
        dataset=dataset,
        source="real" if folder else "procedural",
        size=size,
        margin=d.margin if folder else 0,
        seed=seed,
        videos=videos,
        max_frames=max_frames,
        min_frames=d.min_frames if min_frames is None else min_frames,
        test_fraction=test_fraction,
    )
    cache_root = resolve(cache_root)
    try:
        with writing(cache_root):
            cache_root.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(
            f"{cache_root} cannot be made a folder, because a file is in its place"
        ) from None
    if folder:
        chosen = _choose(d, folder, found, videos, seed)
        items, left_out = _real_items(d, folder, chosen, cache_root, tell)
        extent = {"found": len(found), "chosen": len(chosen), "other_files": others}
    else:
        items, left_out = _stand_ins(recipe), []
        extent = {"found": len(items), "chosen": len(items), "other_files": 0}
    return _cached(cache_root, recipe, items, left_out, extent, tell)


def _find(dataset, source, data_root, root) -> tuple[Path | None, list[Path], int]:
    """The folder of the real videos with what is in it, or (None, [], 0) for the stand-in."""
    d = datasets.get(dataset)
    if source == "procedural":
        if dataset == "folder":
            raise InputError("your own videos have no stand-in; use source 'real' and data_root")
        return None, [], 0
    folder = datasets.locate(dataset, data_root, root)
    found, others = datasets.discover(folder) if folder else ([], 0)
    if found:
        return folder, found, others
    if source == "real" or dataset == "folder":
        looked = folder or data_root or f"{d.variable} or {(root or project_root())}/data/{dataset}"
        raise InputError(
            f"no video was found in {looked}; {datasets.where_to_put(dataset)} (files such as "
            ".mp4, .avi, .mkv or .webm, or one folder of images for each video)"
        )
    return None, [], 0


# ---- what there is -----------------------------------------------------------------------------


def _name(folder: Path, path: Path) -> str:
    name = path.relative_to(folder).as_posix() if path != folder else folder.name
    return os.fsencode(name).decode("utf-8", "backslashreplace")  # any bytes can be a file name


def _choose(d, folder: Path, found: list[Path], videos: int | None, seed: int) -> list[Path]:
    """At most `videos` of the found ones: class by class in turn, in an order drawn by seed."""
    if videos is None or videos >= len(found):
        return found
    classes: dict[str, list[Path]] = {}
    for path in sorted(found, key=lambda p: _draw(seed, _name(folder, p))):
        label = d.describe(_name(folder, path), path.is_dir())[0]
        classes.setdefault(label, []).append(path)
    turns = [(i, k, p) for k, v in sorted(classes.items()) for i, p in enumerate(v)]
    return sorted(p for _, _, p in sorted(turns)[:videos])


def _draw(seed: int, name: str) -> bytes:
    """A place in an order drawn by seed and name only: one file more does not reshuffle."""
    return hashlib.sha256(f"{seed} {name}".encode()).digest()


def _real_items(
    d: datasets.DataSet, folder: Path, chosen: list[Path], cache_root: Path, tell: Tell
) -> tuple[list[Item], list[dict]]:
    """The chosen videos with their hashes; those that cannot be opened, or are copies, left out."""
    items, left_out, first = [], [], {}
    with _Memo(cache_root / MEMO) as memo:
        for i, path in enumerate(chosen):
            name = _name(folder, path)
            tell(i, len(chosen), f"checking {name}")
            label, subject, split = d.describe(name, path.is_dir())
            try:
                digest = memo.digest(path)
            except OSError as e:
                denied = isinstance(e, PermissionError)
                why = "permission denied" if denied else e.strerror or type(e).__name__
                left_out.append({"name": name, "reason": f"unreadable: {why}"})
                continue
            if path.is_file() and path.stat().st_size == 0:
                left_out.append({"name": name, "reason": "empty file"})
            elif digest in first:  # else a video could be on both sides of the split
                left_out.append({"name": name, "reason": f"the same content as {first[digest]}"})
            else:
                first[digest] = name
                items.append(Item(name, label, subject, split, digest, path))
    return items, left_out


class _Memo:
    """Hashes of files, remembered by path, size and time of change: a second run is quick."""

    def __init__(self, path: Path) -> None:
        self.path, self.new = path, {}
        try:
            self.known = dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            self.known = {}

    def __enter__(self) -> "_Memo":
        return self

    def __exit__(self, *error) -> None:
        if self.new:  # also after an interruption: what was hashed stays hashed
            temporary = self.path.with_suffix(f".{os.getpid()}")
            with suppress(OSError):  # a memo that cannot be kept costs time only
                temporary.write_text(json.dumps({**self.known, **self.new}), encoding="utf-8")
                os.replace(temporary, self.path)

    def digest(self, path: Path) -> str:
        """sha256 of a file, or of a frame folder's images with their names. Raises OSError."""
        if path.is_dir():
            files = sorted(p for p in path.iterdir() if datasets.is_image(p))
        else:
            files = [path]
        stats = [(p.name, s.st_size, s.st_mtime_ns) for p in files for s in (p.stat(),)]
        signature = hashlib.sha256(repr(stats).encode()).hexdigest()
        key = str(path.absolute())
        if self.known.get(key, ("",))[0] != signature:
            self.new[key] = self.known[key] = (signature, _content(path, files))
        return self.known[key][1]


def _content(path: Path, files: list[Path]) -> str:
    digests = []
    for file in files:
        with open(file, "rb") as f:
            digests.append(hashlib.file_digest(f, "sha256").hexdigest())
    if path.is_file():
        return digests[0]
    named = "\n".join(f"{d} {p.name}" for d, p in zip(digests, files, strict=True))
    return hashlib.sha256(named.encode()).hexdigest()


def _stand_ins(recipe: Recipe) -> list[Item]:
    from rencgan.data import procedural

    made = procedural.catalogue(recipe.dataset, recipe.seed, recipe.videos, recipe.max_frames)
    return [
        Item(v.name, v.label, v.subject, "", f"procedural {procedural.VERSION}", v) for v in made
    ]


# ---- the cache ---------------------------------------------------------------------------------


def _cached(cache_root, recipe: Recipe, items, left_out, extent, tell) -> VideoSet:
    """Open the cache of this recipe and these videos; build it first if need be."""
    content = [FORMAT, vars(recipe), [[i.name, i.digest] for i in items], left_out]
    key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]
    final = cache_root / f"{recipe.dataset}-{recipe.source}-{recipe.size}-{key}"
    with suppress(InputError):
        return VideoSet.open(final)
    with writing(final), _alone(cache_root / f".{final.name}.lock", tell, len(items)):
        with suppress(InputError):  # another process was quicker
            return VideoSet.open(final)
        if final.exists():  # damaged: kept aside, not deleted
            aside = final.with_name(f"{final.name}.damaged")
            shutil.rmtree(aside, ignore_errors=True)
            os.replace(final, aside)
        building = final.with_name(f"{final.name}.building")
        with _Building(building, recipe.size) as build:
            _decode_all(build, recipe, items, tell)
        if not any(row["frames"] for row in build.rows):
            shutil.rmtree(building)
            raise InputError(_nothing_usable(left_out + build.left_out, extent["found"]))
        _finish(build, recipe, items, left_out, extent)
        os.replace(building, final)
    tell(len(items), len(items), f"prepared {final.name}")
    return VideoSet.open(final)


def _nothing_usable(left_out: list[dict], found: int) -> str:
    reasons = "; ".join(f"{x['name']}: {x['reason']}" for x in left_out[:3])
    return f"none of the {found} videos found can be used ({reasons}); give other videos"


@contextmanager
def _alone(path: Path, tell: Tell, total: int) -> Iterator[None]:
    """Hold a lock on `path`. The system frees it when the process ends, however it ends."""
    with open(path, "a") as file:
        if fcntl:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                tell(0, total, "waiting for another run that prepares the same data")
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


class _Building:
    """The growing cache: frames.npy, and a journal with one line for every video that is done.

    rows: {"name", "frames", "fps", "original", "crc32"}, with 0 frames and a "reason" if left out.
    The checksum tells frames that reached the disk from those that a power cut swallowed.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self.folder, self.shape = folder, (size, size, 3)
        self.parts = folder / PARTS
        self.rows: list[dict] = []

    def __enter__(self) -> "_Building":
        shutil.rmtree(self.parts, ignore_errors=True)
        self.parts.mkdir(parents=True)
        frames, journal = self.folder / FRAMES, self.folder / JOURNAL
        frames.touch()
        journal.touch()
        with ExitStack() as stack:
            self.frames = stack.enter_context(open(frames, "r+b"))
            self.journal = stack.enter_context(open(journal, "r+", encoding="utf-8"))
            self._resume()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error) -> None:
        shutil.rmtree(self.parts, ignore_errors=True)
        self._stack.close()

    @property
    def left_out(self) -> list[dict]:
        """The videos that could not be used, with their reasons."""
        return [{"name": r["name"], "reason": r["reason"]} for r in self.rows if not r["frames"]]

    def _resume(self) -> None:
        """Keep the videos of the journal whose frames are all there; forget what follows them."""
        head, good = _header(0, self.shape), 0
        intact = self.frames.read(len(head)) == head
        for line in self.journal if intact else ():
            try:
                row = json.loads(line)
                pixels = self.frames.read(row["frames"] * int(np.prod(self.shape)))
            except (ValueError, KeyError, TypeError):
                break
            if zlib.crc32(pixels) != row["crc32"]:
                break
            self.rows.append(row)
            good += len(pixels)
        self.frames.seek(0)
        self.frames.write(head)
        self.frames.seek(len(head) + good)
        self.frames.truncate()
        self.journal.seek(0)
        self.journal.truncate()
        self.journal.writelines(json.dumps(row) + "\n" for row in self.rows)
        self.journal.flush()

    def append(self, row: dict, part: Path) -> None:
        """Take over the frames that were decoded into `part`, and note that they are done."""
        if row["frames"]:
            with open(part, "rb") as f:
                shutil.copyfileobj(f, self.frames, 1 << 20)
            self.frames.flush()
            part.unlink()
        self.journal.write(json.dumps(row) + "\n")
        self.journal.flush()
        self.rows.append(row)


def _header(n: int, shape: tuple[int, ...]) -> bytes:
    """The head of a .npy of n frames. numpy pads it, so that its length does not depend on n."""
    out = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": (n, *shape)}
    np.lib.format.write_array_header_1_0(out, header)
    return out.getvalue()


def _finish(build: _Building, recipe: Recipe, items, left_out, extent) -> None:
    """Split, write the tables, and put the number of frames into the head of frames.npy."""
    by_name = {i.name: i for i in items}
    used = [r for r in build.rows if r["frames"]]
    starts = np.cumsum([0] + [r["frames"] for r in used])
    sides = _split([by_name[r["name"]] for r in used], recipe)
    videos = [
        Video(i.name, i.label, i.subject, side, int(start), r["frames"], r["fps"])
        for r, side, start in zip(used, sides, starts[:-1], strict=True)
        for i in (by_name[r["name"]],)
    ]
    shape = (int(starts[-1]), *build.shape)
    card = _card(recipe, extent, videos, used, left_out + build.left_out)
    write_tables(build.folder, videos, shape, card)
    with open(build.folder / FRAMES, "r+b") as f:
        f.write(_header(shape[0], build.shape))
        f.flush()
        os.fsync(f.fileno())
    (build.folder / JOURNAL).unlink()


# ---- decoding ----------------------------------------------------------------------------------


def _decode_all(build: _Building, recipe: Recipe, items: Sequence[Item], tell: Tell) -> None:
    """Decode what the journal does not have yet: a few at a time, added in the order of `items`."""
    done = len(build.rows)
    for row, part in _decoded(build.parts, recipe, items[done:]):
        build.append(row, part)
        reason = f" left out: {row['reason']}" if row["reason"] else ""
        tell(len(build.rows), len(items), f"{row['name']}{reason}")


def _decoded(parts: Path, recipe: Recipe, items: Iterable[Item]) -> Iterator[tuple[dict, Path]]:
    workers = min(4, os.cpu_count() or 1) if recipe.source == "real" else 1
    with ThreadPoolExecutor(workers) as pool:
        running: deque = deque()
        try:
            for n, item in enumerate(items):
                part = parts / f"{n:06d}"
                running.append((pool.submit(_decode, item, recipe, part), part))
                if len(running) > 2 * workers:  # bounds the disk that waiting parts take
                    future, part = running.popleft()
                    yield future.result(), part
            while running:
                future, part = running.popleft()
                yield future.result(), part
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _decode(item: Item, recipe: Recipe, part: Path) -> dict:
    """Decode one video into the file `part`, frame by frame; returns its row of the journal."""
    row = {"name": item.name, "frames": 0, "fps": 0.0, "original": "", "crc32": 0, "reason": ""}
    n = crc = 0
    try:
        row["fps"], row["original"], frames = _frames(item, recipe)
        with open(part, "wb") as out:
            for frame in frames:
                pixels = np.ascontiguousarray(frame).tobytes()
                out.write(pixels)
                n, crc = n + 1, zlib.crc32(pixels, crc)
        if n < recipe.min_frames:
            raise _Unusable(f"too short: {n} frames, at least {recipe.min_frames} are needed")
    except _Unusable as e:
        part.unlink(missing_ok=True)
        return {**row, "reason": str(e)}
    return {**row, "frames": n, "crc32": crc}


class _Unusable(Exception):
    """Why a video is left out."""


def _frames(item: Item, recipe: Recipe) -> tuple[float, str, Iterator[np.ndarray]]:
    """(frames a second, original size, frames (size, size, 3) uint8) of a video."""
    if recipe.source == "procedural":
        frames = item.source.frames(recipe.size)[: recipe.max_frames]
        return float(item.source.fps), "drawn at any size", iter(frames)
    from rencgan.data import video

    try:
        seen = video.probe(item.source)
    except video.Unreadable as e:
        raise _Unusable(str(e)) from None

    def cropped() -> Iterator[np.ndarray]:
        try:
            for frame in video.read_frames(item.source, recipe.max_frames):
                yield video.resize_crop(frame, recipe.size, recipe.margin)
        except video.Unreadable as e:
            raise _Unusable(str(e)) from None

    return seen.fps, f"{seen.width}x{seen.height}", cropped()


# ---- split and card ----------------------------------------------------------------------------


def _split(items: Sequence[Item], recipe: Recipe) -> list[str]:
    """The side of every video. Folders called train and test decide if both are there.

    Else a share of every class is drawn for test, at least one video if there are two; where the
    subject is the film that segments were cut from, all of them go to the same side.
    """
    if {"train", "test"} <= {i.split for i in items}:
        return [i.split or "train" for i in items]
    by_subject = recipe.source == "real" and datasets.get(recipe.dataset).by_subject
    groups = [(i.label, (by_subject and i.subject) or i.name) for i in items]
    test = _test_groups(Counter(groups), recipe.test_fraction, recipe.seed)
    return ["test" if g in test else "train" for g in groups]


def _test_groups(groups: Counter, fraction: float, seed: int) -> set[tuple[str, str]]:
    """Groups (label, name) for test, about `fraction` of the videos, evenly over the labels.

    The class that is furthest below its share gives next, unless it would be left without a group
    for training while another class can give; ties are broken by the seed.
    """
    waiting: dict[str, list[str]] = {}
    for label, name in sorted(groups, key=lambda g: _draw(seed, g[1])):
        waiting.setdefault(label, []).append(name)
    total = Counter()
    for (label, _), n in groups.items():
        total[label] += n
    given, test = Counter(), set()
    wanted = min(max(1, round(fraction * total.total())), total.total() - 1)
    while given.total() < wanted and len(test) < len(groups) - 1:
        label = max(
            (k for k, names in waiting.items() if names),
            key=lambda k: (len(waiting[k]) > 1, fraction * total[k] - given[k], _draw(seed, k)),
        )
        names, left = waiting[label], wanted - given.total()
        fitting = (name for name in names if groups[label, name] <= left)
        name = next(fitting, min(names, key=lambda name: groups[label, name]))
        names.remove(name)
        test.add((label, name))
        given[label] += groups[label, name]
    return test


def _card(recipe: Recipe, extent: dict, videos: list[Video], rows: list[dict], left_out) -> dict:
    """The data card: everything that a reader has to know about what is in the cache."""
    d = datasets.get(recipe.dataset)
    names = {s: sorted(v.name for v in videos if v.split == s) for s in ("train", "test")}
    rates, lengths = [v.fps for v in videos], [v.length for v in videos]
    asked = vars(recipe) | {"video_limit": recipe.videos}
    del asked["videos"]
    return {
        **asked,
        **extent,
        "title": d.title,
        "notice": _notice(d, recipe, len(videos), extent["found"]),
        "expected": {"videos": d.videos, "train": d.train, "test": d.test},
        "used": len(videos),
        "left_out": sorted(left_out, key=lambda x: x["name"]),
        "frames": sum(lengths),
        "frames_range": [min(lengths), max(lengths)],
        "seconds": round(sum(v.length / v.fps for v in videos), 2),
        "fps": [min(rates), max(rates)],
        "original_sizes": dict(Counter(r["original"] for r in rows).most_common()),
        "labels": dict(sorted(Counter(v.label for v in videos).items())),
        "subjects": len({v.subject for v in videos if v.subject}),
        "split": {s: len(n) for s, n in names.items()}
        | {"sha256": hashlib.sha256(json.dumps(names, sort_keys=True).encode()).hexdigest()},
        "citation": d.citation,
        "home": d.home,
    }


def _notice(d: datasets.DataSet, recipe: Recipe, used: int, found: int) -> str:
    if recipe.source == "procedural":
        return (
            f"Stand-in for {d.title}: {used} videos drawn by a procedure, not camera footage. For "
            f"the real ones {datasets.where_to_put(d.name)}."
        )
    of = f"; the published set has {d.videos}" if d.videos and d.videos != used else ""
    return f"{d.title}: {used} of the {found} real videos found are used{of}."


def summary(card: dict) -> str:
    """The data card in a few lines of text."""
    slow, fast = card["fps"]
    rate = f"{slow:g}" if slow == fast else f"{slow:g} to {fast:g}"
    lines = [
        card["notice"],
        f"{card['used']} videos, {card['frames']} frames of {card['size']}x{card['size']}, "
        f"{card['seconds']:.0f} s at {rate} frames a second",
        f"train {card['split']['train']}, test {card['split']['test']}; "
        f"{len(card['labels'])} classes, {card['subjects']} subjects",
    ]
    lines += [f"left out: {x['name']}: {x['reason']}" for x in card["left_out"][:20]]
    if len(card["left_out"]) > 20:
        lines.append(f"and {len(card['left_out']) - 20} more, see the card")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m rencgan.data.prepare", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--dataset", default="folder", help=", ".join(datasets.DATASETS))
    parser.add_argument("--source", default="auto", help=", ".join(SOURCES))
    parser.add_argument("--data-root", type=Path, help="folder of the videos")
    parser.add_argument("--cache-root", type=Path, default=Path("runs/cache"))
    for name, default in (("size", 64), ("seed", 0), ("videos", None)):
        parser.add_argument(f"--{name}", type=int, default=default)
    for name in ("max-frames", "min-frames"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--test-fraction", type=float)
    given = vars(parser.parse_args(arguments))
    if given["data_root"]:  # typed in a shell, so relative to where the shell is
        given["data_root"] = given["data_root"].expanduser().absolute()
    try:
        prepared = prepare(**given, progress=_print_progress)
    except InputError as e:
        print(f"\n{e}", file=sys.stderr)
        return 2
    print(f"{summary(prepared.card)}\n{prepared.path}")
    return 0


def _print_progress(done: int, total: int, text: str) -> None:
    tenth = max(1, total // 10)
    if sys.stderr.isatty():
        print(f"\r{done}/{total} {text:70.70}", end="" if done < total else "\n", file=sys.stderr)
    elif done % tenth == 0 or " left out: " in text:
        print(f"{done}/{total} {text}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
