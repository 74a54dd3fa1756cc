"""Copies of training clips are found, and what fails on the way costs its own rows alone."""

import numpy as np
import pytest
from conftest import moving_videos
from samples import Sums

from rencgan.core.errors import InputError
from rencgan.data.videoset import VideoSet
from rencgan.evaluate import nearest
from rencgan.notebook.kept import attempt
from rencgan.studies import copies
from rencgan.studies.copies import memorisation

PIXELS, FEATURES = (
    ("nearest training clip, pixels", "least"),
    ("nearest, features", "least, features"),
)


@pytest.fixture(scope="module")
def training():
    return VideoSet.from_arrays(moving_videos(8, 50), splits=["train"] * 8)


@pytest.fixture(scope="module")
def held_out():
    return moving_videos(2, 50, seed=8)


class Broken(Sums):
    def __call__(self, clips):
        raise MemoryError


@pytest.mark.parametrize("most", [3072, 5])
def test_copied_clips_are_seen(training, held_out, most, monkeypatch):
    monkeypatch.setattr(copies, "ALL", most)
    monkeypatch.setattr(copies, "SPREAD", most)
    copied = [training.video(i)[24:] for i in (1, 6)]  # no clip that begins a video
    rows = memorisation(copied, held_out, training, {"sums": Sums()})
    assert [r["clips"] for r in rows] == ["generated (2)", "held out (2)"]
    assert all(rows[0][k] == 0 < rows[1][k] for k in (*PIXELS, *FEATURES))
    assert {r["of, pixels"] for r in rows} == {8 * 5}
    compared = {r["of, features"] for r in rows}
    assert compared == {40} if most == 3072 else compared <= set(range(6, 10))


def test_features_are_of_all_training_clips_or_of_a_stated_number(training, held_out, monkeypatch):
    class Counting(Sums):
        seen = 0

        def __call__(self, clips):
            Counting.seen += len(clips)
            return super().__call__(clips)

    made = moving_videos(3, 50, seed=9)
    rows = memorisation(made, held_out, training, {"sums": Counting()})
    assert Counting.seen == 40 + 3 + 2
    monkeypatch.setattr(copies, "ALL", 39)
    monkeypatch.setattr(copies, "SPREAD", 4)
    monkeypatch.setattr(copies, "MOST", 2)
    Counting.seen = 0
    some = memorisation(made, held_out, training, {"sums": Counting()})
    assert some[0]["clips"] == "generated (2)", "evenly spaced"
    assert Counting.seen == some[0]["of, features"] + 4 and 4 <= some[0]["of, features"] <= 8
    assert some[1]["least"] == rows[1]["least"], "in pixels all count"
    assert some[1]["nearest, features"] >= rows[1]["nearest, features"]


def test_a_network_that_fails_costs_its_own_columns(training, held_out, capsys):
    networks = {"broken": Broken(), "sums": Sums()}
    rows = memorisation(held_out, held_out, training, networks, attempt)
    assert [r["network"] for r in rows] == ["broken"] * 2 + ["sums"] * 2
    for broken, whole in zip(rows[:2], rows[2:], strict=True):
        assert all(broken[k] == whole[k] for k in ("clips", *PIXELS, "of, pixels"))
        assert all(broken[k] is None for k in (*FEATURES, "of, features"))
        assert all(whole[k] is not None for k in whole)
    said = capsys.readouterr().out
    assert "no nearest clips in features, broken: it needs more memory than there is" in said


def test_no_training_clip_is_stacked(training, held_out, monkeypatch):
    """The largest array that is made has a few clips in it."""
    stacked, stack = [], np.stack

    def watched(arrays, *given, **options):
        made = stack(arrays, *given, **options)
        stacked.append(made.nbytes)
        return made

    monkeypatch.setattr(nearest, "AT_ONCE", 8)
    monkeypatch.setattr(np, "stack", watched)
    memorisation(held_out, held_out, training, {"sums": Sums()})
    clip = training.video(0)[:16].nbytes
    assert clip <= max(stacked) <= copies.BATCH * clip < 40 * clip


def test_videos_without_a_clip_are_named(training, held_out):
    short = [v[:15] for v in held_out]
    with pytest.raises(InputError, match="no video has the 16 frames of a clip: R2"):
        memorisation({"R2": short}, held_out, training, {"sums": Sums()})
