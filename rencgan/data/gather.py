"""The real videos of a cache: chosen of what a folder holds, hashed, copies left out."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rencgan.core.errors import InputError
from rencgan.core.files import write_json
from rencgan.data.cache import Tell
from rencgan.data.card import Item, Recipe, draw
from rencgan.data.found import MEMO, Found, kind
from rencgan.data.sets import DataSet, Unreadable
from rencgan.data.splits import Splits
from rencgan.data.stills import stills

HELD = "a folder for validation or test: its {} videos are held out, and none of them trains"


def gather(
    d: DataSet, found: Found, recipe: Recipe, cache_root: Path, tell: Tell
) -> tuple[list[Item], list[dict], dict]:
    """(items, left out, extent): the chosen videos with their hashes; those that cannot be opened,
    or are there twice, with the reason; what the card says of the folder.
    """
    names = {path: found.name(path) for path in found.videos}
    splits = Splits.of((name, path.is_dir()) for path, name in names.items())
    told = {path: d.describe(name, path.is_dir(), splits) for path, name in names.items()}
    chosen = _choose(names, told, recipe)
    items, first = [], {}
    left_out = [{"name": found.name(p), "reason": r} for p, r in found.left_out.items()]
    with _hashes(cache_root / MEMO) as hashed:
        for i, path in enumerate(chosen):
            tell(i, len(chosen), f"checking {names[path]}")
            digest, reason = _digest(path, hashed)
            if digest in first:  # else a video could be on both sides of the split
                reason = f"the same content as {first[digest]}"
            if reason:
                left_out.append({"name": names[path], "reason": reason})
                continue
            first[digest] = names[path]
            items.append(Item(names[path], *told[path], digest, path))
    held = Counter(w for item in items for w in splits.told(item.name))
    notes = [{"name": found.name(p), "note": note} for p, note in found.notes.items()]
    extent = {
        "found": len(names) + len(found.left_out),
        "chosen": len(chosen),
        "kinds": dict(Counter(map(kind, chosen)).most_common()),
        "other_files": found.others.total(),
        "other_endings": dict(found.others.most_common()),
        "notes": notes + [{"name": w, "note": HELD.format(n)} for w, n in held.items()],
    }
    return items, left_out, extent


def _choose(names: dict[Path, str], told: dict[Path, tuple], recipe: Recipe) -> list[Path]:
    """At most `videos` of the found ones: class by class in turn, in an order drawn by seed; of
    folders for test and validation their share, and one video at least.
    """
    if recipe.videos is None or recipe.videos >= len(names):
        return list(names)
    held = [p for p in names if told[p][2] == "test"]
    rest = [p for p in names if told[p][2] != "test"]
    most = len(held) and max(1, round(recipe.videos * len(held) / len(names)))
    chosen = set()
    for side, n in ((held, most), (rest, recipe.videos - most)):
        turns, taken = [], Counter()
        for path in sorted(side, key=lambda p: draw(recipe.seed, names[p])):
            label = told[path][0]
            turns.append((taken[label], label, path))
            taken[label] += 1
        chosen.update(path for *_, path in sorted(turns)[:n])
    return [p for p in names if p in chosen]


def _digest(path: Path, hashed: Callable[[Path], str]) -> tuple[str, str]:
    """(the hash of a video, ""), or ("", why it cannot be read)."""
    try:
        if path.is_file() and path.stat().st_size == 0:
            return "", "empty file"
        return hashed(path), ""
    except Unreadable as e:
        return "", str(e)
    except PermissionError:
        return "", "unreadable: permission denied"
    except OSError as e:
        return "", f"unreadable: {e.strerror or type(e).__name__}"


@contextmanager
def _hashes(memo: Path) -> Iterator[Callable[[Path], str]]:
    """hashed(path): sha256 of a file, or of a folder's frames with their names; remembered by path,
    size and time of change, so that a second run is quick. Raises OSError, Unreadable.
    """
    known, new = {}, {}
    with suppress(OSError, ValueError, TypeError):
        known = dict(json.loads(memo.read_text(encoding="utf-8")))

    def hashed(path: Path) -> str:
        files = stills(path).files if path.is_dir() else [path]
        stats = [(p.name, s.st_size, s.st_mtime_ns) for p in files for s in (p.stat(),)]
        signature = hashlib.sha256(repr(stats).encode()).hexdigest()
        key = str(path.absolute())
        if known.get(key, ("",))[0] != signature:
            known[key] = new[key] = (signature, content(path, files))
        return known[key][1]

    try:
        yield hashed
    finally:  # also after an interruption: what was hashed stays hashed
        if new:
            with suppress(OSError, InputError):  # a memo that cannot be kept costs time only
                write_json(memo, known)


def content(path: Path, files) -> str:
    """sha256 of a file, or of a folder's frames with their names."""
    named = []
    for file in files:
        with open(file, "rb") as f:
            digest = hashlib.file_digest(f, "sha256").hexdigest()
        named.append(f"{digest} {file.name}")
    return digest if path.is_file() else hashlib.sha256("\n".join(named).encode()).hexdigest()
