"""Files: where the project lies, writes that leave a file whole, locks, names of contents."""

import errno
import fcntl
import hashlib
import json
import math
import os
import re
import sys
import tomllib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np

from rencgan.core.errors import InputError


def project_root() -> Path:
    """The checkout: the nearest folder above this file, else above the working directory, whose
    pyproject.toml is this project's. Without one (the package copied alone to another machine) it
    is the working directory.
    """
    cwd = Path.cwd()
    for folder in (*Path(__file__).resolve().parents, cwd, *cwd.parents):
        with suppress(OSError, ValueError):
            about = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
            if about.get("project", {}).get("name") == "rencgan":
                return folder
    return cwd


def resolve(path: str | Path) -> Path:
    """An absolute path: `~` is the home folder, a relative path begins at the project's root."""
    path = Path(path).expanduser()
    return path if path.is_absolute() else project_root() / path


# ----------------------------------------------------------------------------------------- writing

_DISK_FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}


@contextmanager
def writing(target: str | Path) -> Iterator[None]:
    """Turns a full disk, or a folder that may not be written, into one InputError sentence."""
    try:
        yield
    except OSError as e:
        if e.errno in _DISK_FULL:
            raise InputError(
                f"the disk is full while writing {target}; what was finished is kept, so make room "
                "and run the same again"
            ) from None
        if e.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise InputError(f"{target} may not be written; choose another folder") from None
        raise


def made_folder(path: Path) -> Path:
    """The folder, made with those above it. Raises InputError where it cannot be one."""
    try:
        with writing(path):
            path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(
            f"{path} cannot be made a folder, because a file is in its place"
        ) from None
    return path


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` that takes its place when the block ends well, so that `path`
    is always whole: the old file or the new one. Two processes may do it at once.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            yield part
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Text in UTF-8, whole or not at all."""
    with replaced(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any, indent: int | None = 1) -> None:
    """JSON of plain values (see `jsonable`), whole or not at all; in one line where there is no
    indent.
    """
    text = json.dumps(jsonable(content), indent=indent, default=float, allow_nan=False)
    write_text(path, text + "\n")


def write_array(path: Path, array: np.ndarray) -> None:
    """A .npy, whole or not at all."""
    array = np.ascontiguousarray(array)
    with replaced(path) as part, open(part, "wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(array.data)  # np.save would not say that the disk is full


def jsonable(value: Any) -> Any:
    """What JSON can hold. It has no NaN (the seam ratio of a video that stands still is one): None
    in its place. What has an `as_dict` becomes that.
    """
    if hasattr(value, "as_dict"):
        value = value.as_dict()
    if isinstance(value, dict):
        return {k: jsonable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(v) for v in value]
    if isinstance(value, np.floating):
        value = float(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


# ----------------------------------------------------------------------------------------- reading


def ahead(read: Callable, jobs: Iterable, workers: int = 1, most: int = 1) -> Iterator:
    """read(job) of each job, in order; `most` of them are begun by threads before they are asked
    for.
    """
    with ThreadPoolExecutor(workers) as pool:
        begun = deque()
        try:
            for job in jobs:
                begun.append(pool.submit(read, job))
                if len(begun) > most:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


# ------------------------------------------------------------------------------- locks and digests


_TAKEN = {errno.EAGAIN, errno.EACCES}  # what a lock says that another process has


def _locked(file: IO, wait: bool = False) -> bool:
    """Takes the lock of an open file; False: another process has it.

    By flock; where the file system has none (Lustre, some NFS) by lockf; where it has neither, the
    file counts as locked, which is said.
    """
    for lock in (fcntl.flock, fcntl.lockf):
        try:
            lock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            return True
        except OSError as error:
            if error.errno in _TAKEN:
                return False
    print(
        f"The file system of {file.name} has no locks: see to it yourself that no other process "
        "does the same job there at the same time.",
        file=sys.stderr,
        flush=True,
    )
    return True


@contextmanager
def alone(path: Path, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Waits for the lock of that file, and holds it; the system frees it however its holder ends.
    Where another process has it, waiting() is called; without one it is printed.
    """
    with _opened(path) as file:
        if not _locked(file):
            waiting = waiting or partial(print, "waiting for another process that does this job")
            waiting()
            _locked(file, wait=True)
        yield


@contextmanager
def only(path: Path, refusal: str) -> Iterator[None]:
    """Holds the lock of that file; InputError(refusal) where another process does."""
    with _opened(path) as file:
        if not _locked(file):
            raise InputError(refusal)
        yield


def _opened(path: Path) -> IO:
    """The file of a lock, made with the folders above it. InputError where it may not be."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        return open(path, "a")


def key_of(content: Any, digits: int = 8) -> str:
    """Names plain values by the first hex digits of the sha256 of their sorted JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:digits]


def slug(name: str) -> str:
    """A name in file names: "AR2+, noise" is ar2plus-noise."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower().replace("+", "plus")).strip("-")
