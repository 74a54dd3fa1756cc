"""What is printed, on any terminal; and one line that says how far a long job is: readable live, in
the saved notebook and in a log.
"""

import codecs
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress

BAR = 24  # characters
RECENT_S = 20.0  # the time left is told from the steps of so many seconds
NOTEBOOK_S, TERMINAL_S = 2.0, 5.0  # least seconds between two pictures of the same line

PLAIN = str.maketrans({"±": "+-", "█": "#", "░": "."})  # what we print, where a terminal lacks it


def _plainly(error: UnicodeError) -> tuple[str, int]:
    """A codec's error handler: what cannot be encoded in letters that can."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end].translate(PLAIN)
    return lacking.encode("ascii", "backslashreplace").decode("ascii"), error.end


codecs.register_error("rencgan.plainly", _plainly)


def say_all() -> None:
    """From here on nothing that is printed fails for its letters, whatever the terminal's are:
    "±" of a score, the blocks of a bar, names of videos (which may be no UTF-8 either).
    """
    for stream in (sys.stdout, sys.stderr):
        # A notebook's streams, and those that keep the bytes of names, take all letters.
        with suppress(AttributeError, TypeError):
            utf8 = codecs.lookup(stream.encoding).name == "utf-8"
            if not (utf8 and stream.errors == "surrogateescape"):
                stream.reconfigure(errors="rencgan.plainly")


class Progress:
    """How far a job of `total` steps is.

    In IPython one display handle is redrawn, so that a saved notebook holds one output per job;
    elsewhere lines are printed. With RENCGAN_PROGRESS=terminal a kernel also writes its lines to
    the terminal that started it, which papermill would not show before the cell ends.
    """

    def __init__(self, total: int, label: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.total, self.label, self.step = total, label, 0
        self._clock, self._began = clock, clock()
        self._marks = deque([(self._began, 0)])
        self._shown: dict[str, float] = {}
        self._text, self._handle = "", None
        say_all()  # scripts and processes of a group print bars too

    def update(self, step: int, losses: Mapping[str, float] | str | None = None) -> None:
        """`step` steps of the total are done; `losses` (or any text) is shown behind them.

        Losses without any term say that a job begins, or goes on, at this step.
        """
        self.step = step
        if losses == {}:
            self._marks.clear()
        self._marks.append((self._clock(), step))
        while len(self._marks) > 2 and self._marks[1][0] <= self._marks[-1][0] - RECENT_S:
            self._marks.popleft()
        if losses is not None:
            self._text = (
                losses
                if isinstance(losses, str)
                else "  ".join(f"{name} {float(value):.3g}" for name, value in losses.items())
            )
        self._show()

    def tell(self, done: int, total: int, losses: Mapping[str, float] | str | None = None) -> None:
        """The same for a job that says its total itself: a callback progress(done, total, what)."""
        self.total = total
        self.update(done, losses)

    def __enter__(self) -> "Progress":
        self._show()
        return self

    def __exit__(self, kind, *_) -> None:
        self._show(last="stopped" if kind else "done")

    def line(self, last: str = "") -> str:
        """Label, bar, steps, losses, time: what is shown."""
        done = min(self.step / self.total, 1.0) if self.total else 1.0
        full = int(done * BAR)
        parts = [
            f"{self.label}  {'█' * full}{'░' * (BAR - full)}  {self.step:,}/{self.total:,}",
            self._text,
            f"{duration(self._clock() - self._began)}, {last or self._left()}",
        ]
        return "  ".join(filter(None, parts))

    def _left(self) -> str:
        """Time left, from the steps of the last seconds: a resumed job is not flattered, and steps
        that were cheaper do not count once dearer ones have begun.
        """
        (then, first), (now, last) = self._marks[0], self._marks[-1]
        if last <= first:
            return "time left unknown"
        return f"{duration((now - then) / (last - first) * max(self.total - last, 0))} left"

    def _show(self, last: str = "") -> None:
        line, module = self.line(last), sys.modules.get("IPython")  # it may not be installed
        in_notebook = module is not None and module.get_ipython() is not None
        if in_notebook and self._due("notebook", NOTEBOOK_S, last):
            picture = {"text/plain": line}  # JupyterLab shows no HTML in untrusted notebooks
            if self._handle is None:
                self._handle = module.display.display(picture, raw=True, display_id=True)
            else:
                self._handle.update(picture, raw=True)
        to_terminal = os.environ.get("RENCGAN_PROGRESS") == "terminal"
        if (not in_notebook or to_terminal) and self._due("terminal", TERMINAL_S, last):
            _write(line, in_notebook)

    def _due(self, where: str, seconds: float, last: str) -> bool:
        now = self._clock()
        if not last and now - self._shown.get(where, -float("inf")) < seconds:
            return False
        self._shown[where] = now
        return True


def counted(progress: Callable[[int, int, str], None] | None, total: int) -> Callable[[str], None]:
    """tell(text): passes on how many of `total` steps have been told, with the text."""
    done = 0

    def tell(text: str) -> None:
        nonlocal done
        done += 1
        if progress:
            progress(min(done, total), total, text)

    return tell


def duration(seconds: float) -> str:
    """Seconds in words: '8 s', '2 min 5 s', '3 h 20 min'."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"


def _write(line: str, in_notebook: bool) -> None:
    if not in_notebook:
        print(line, flush=True)
        return
    with suppress(OSError, ValueError):  # a kernel without a terminal
        # ipykernel redirects the stream; its fileno() is still the terminal that it came from.
        os.write(sys.stderr.fileno(), (line + "\n").encode())
