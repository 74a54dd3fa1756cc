"""What is printed on any terminal; the line that says how far a job is."""

import io
import sys

import numpy as np
import pytest

from rencgan.core.progress import Progress, duration, say_all
from rencgan.data.encode import write_mp4
from rencgan.data.prepare import prepare


@pytest.fixture
def printed(capsys, monkeypatch):
    """The lines that were printed since it was last asked; no IPython is running."""
    monkeypatch.delitem(__import__("sys").modules, "IPython", raising=False)
    return lambda: capsys.readouterr().out.splitlines()


def test_progress_prints_lines_now_and_then_and_always_the_last(printed):
    now = [0.0]
    with Progress(400, "G", clock=lambda: now[0]) as bar:
        bar.update(100, {})  # a resumed job
        for step in range(101, 401):
            now[0] += 0.125  # binary, so that sums are exact
            bar.update(step, {"D": 0.69314, "G": 12345.678})
    lines = printed()
    assert len(lines) == 1 + 7 + 1  # the first, one each 5 of 37.5 seconds, the last
    assert " 0/400" in lines[0] and "400/400" in lines[-1] and lines[-1].endswith("38 s, done")
    assert "D 0.693  G 1.23e+04" in lines[-1]
    # the 40 steps made here in 5 s leave 260, so 32.5 s; the first 100 steps count for nothing
    assert "140/400" in lines[1] and lines[1].endswith("5 s, 32 s left")


def test_the_time_left_forgets_what_came_before():
    now = [0.0]
    bar = Progress(2000, "G", clock=lambda: now[0])
    bar.update(1500, {})  # a resumed job: nothing was made here yet
    assert "1,500/2,000" in bar.line() and "time left unknown" in bar.line()
    for step in range(1501, 1601):  # cheap steps
        now[0] += 0.25
        bar.update(step, {"D": 1.0})
    assert bar.line().endswith("25 s, 1 min 40 s left")
    for step in range(1601, 1651):  # dear ones
        now[0] += 1.0
        bar.update(step, {"D": 1.0})
    assert bar.line().endswith("1 min 15 s, 5 min 50 s left")


ENCODINGS = {
    "ascii": r"FVD 12.5 +-0.4  clip_\xe9\u017c\u52d5\udcff.mp4",
    "latin-1": r"FVD 12.5 ±0.4  clip_é\u017c\u52d5\udcff.mp4",
    "iso8859-2": r"FVD 12.5 +-0.4  clip_éż\u52d5\udcff.mp4",
    "utf-8": r"FVD 12.5 ±0.4  clip_éż動\udcff.mp4",
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_a_terminal_lacks_is_printed_in_other_letters(encoding, monkeypatch):
    terminal = io.TextIOWrapper(io.BytesIO(), encoding)
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    with Progress(2, "żółw", clock=lambda: 0.0) as bar:  # also in a script of somebody's own
        bar.update(1)
    print("FVD 12.5 ±0.4  clip_éż動\udcff.mp4")  # the last letter: a byte of a name, no UTF-8
    terminal.flush()
    first, *_, last = terminal.buffer.getvalue().decode(encoding).splitlines()
    assert last == ENCODINGS[encoding]
    blocks = "░" if encoding == "utf-8" else "."
    assert 24 * blocks in first


def test_streams_that_cannot_be_told_are_left_alone(monkeypatch):
    kept = io.TextIOWrapper(io.BytesIO(), "utf-8", "surrogateescape")  # as in the C locale
    for stream in (None, io.StringIO(), kept):
        monkeypatch.setattr(sys, "stdout", stream)
        say_all()
    assert kept.errors == "surrogateescape"


def test_progress_says_that_a_job_stopped(printed):
    with pytest.raises(RuntimeError), Progress(10, "G", clock=lambda: 0.0) as bar:
        bar.update(3)
        raise RuntimeError
    last = printed()[-1]
    assert "3/10" in last and last.endswith("stopped")


@pytest.mark.parametrize(
    ("seconds", "words"), [(8.4, "8 s"), (125, "2 min 5 s"), (12000, "3 h 20 min")]
)
def test_durations(seconds, words):
    assert duration(seconds) == words


def test_a_preparation_that_was_done_before_says_so_and_ends_whole(printed, tmp_path):
    rng = np.random.default_rng(0)
    for i in range(3):
        (tmp_path / "data").mkdir(exist_ok=True)
        frames = rng.integers(0, 256, (24, 16, 16, 3), np.uint8)
        write_mp4(tmp_path / "data" / f"{i}.mp4", frames, 25)
    last = []
    for _ in range(2):
        with Progress(1, "preparing folder") as bar:
            given = {"data_root": tmp_path / "data", "size": 16, "cache_root": tmp_path / "cache"}
            name = prepare("folder", progress=bar.tell, **given).path.name
        last.append(printed()[-1])
    for line, words in zip(last, ("", "found "), strict=True):
        assert f"{24 * '█'}  3/3  {words}prepared {name}  " in line and line.endswith("done")
