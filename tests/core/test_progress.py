"""The line that says how far a job is."""

import numpy as np
import pytest

from rencgan.core.progress import Progress
from rencgan.data.prepare import prepare
from rencgan.data.video import write_mp4


@pytest.fixture
def printed(capsys, monkeypatch):
    """The lines that were printed since it was last asked; no IPython is running."""
    monkeypatch.delitem(__import__("sys").modules, "IPython", raising=False)
    return lambda: capsys.readouterr().out.splitlines()


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
