"""One process at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def alone(path: Path) -> Iterator[int]:
    """Waits for the lock of that file, and holds it; the system frees it however its holders end.
    Gives its descriptor.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting for another process that does this job", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()
