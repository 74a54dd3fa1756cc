"""A run on one's own videos: what it left is no data for the next one, and one video is too few."""

import numpy as np
import pytest

from rencgan.core.errors import InputError
from rencgan.data.encode import write_mp4
from rencgan.studies import recipes
from rencgan.studies.setting import checked


@pytest.fixture
def run(tmp_path):
    """The data of a run on so many videos, whose results lie below them."""

    def data(n):
        for i in range(n):
            frames = np.random.default_rng(i).integers(0, 256, (26, 16, 16, 3), np.uint8)
            write_mp4(tmp_path / f"{i}.mp4", frames, 25)
        given = {"dataset": "folder", "preset": "smoke", "data_root": str(tmp_path)}
        p = checked(given | {"out_root": str(tmp_path / "runs")})
        return p, recipes.data(p)

    return data


def test_one_video_is_refused_before_anything_is_trained(run):
    with pytest.raises(InputError, match="give at least two videos: one is held out"):
        run(1)


def test_what_a_run_left_is_no_data_for_the_next(run):
    p, first = run(3)
    frames = np.zeros((30, 16, 16, 3), np.uint8)
    write_mp4(p.out_dir / "a picture of ours.mp4", frames, 25)  # without facts in it
    assert run(3)[1].path == first.path
