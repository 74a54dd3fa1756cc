import json

import numpy as np
import pytest

from rencgan.core.errors import InputError
from rencgan.data.video import write_mp4
from rencgan.presets.preset import changes_for
from rencgan.studies import pieces


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three videos of 330, 170 and 40 frames: a square that wanders over a grey field."""
    out = tmp_path_factory.mktemp("films")
    for name, frames in (("a", 330), ("b", 170), ("c", 40)):
        video = np.full((frames, 32, 32, 3), 90, np.uint8)
        for t in range(frames):
            video[t, 8:16, t % 24 : t % 24 + 8] = (200, 40, len(name) * 30)
        write_mp4(out / f"{name}.mp4", video, 25)
    return out


def test_pieces_are_cut_in_sorted_order_and_the_rest_is_dropped(folder):
    found = pieces.cut(list(folder.iterdir()), 16)
    assert list(found) == ["a.mp4#0", "a.mp4#1", "b.mp4#0"]
    assert all(v.shape == (160, 16, 16, 3) and v.dtype == np.uint8 for v in found.values())
    assert list(pieces.cut(list(folder.iterdir()), 16, shortest=24))[-1] == "c.mp4"
    with pytest.raises(InputError, match="none of the 1 videos has 160 frames"):
        pieces.cut([folder / "c.mp4"], 16)


def test_the_whole_comparison(folder, tmp_path, capsys):
    options = ["--preset", "smoke", "--candidates", "2", "--out", str(tmp_path / "out"), "--json"]
    options += ["--set", "batch=3", "--set", "steps=5"]
    pieces.main([str(folder), "--held-out", "1", "--also", str(folder / "c.mp4"), *options])
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (result["preset"]["batch"], result["preset"]["steps"]) == (3, 5)
    groups = [(row["pieces"], row["count"], row["codes"]) for row in result["rows"]]
    ways = ("plain", "VDrej of 2")
    names = (("training", 2), ("held-out pieces", 1), ("others", 1))
    assert groups == [(name, count, way) for name, count in names for way in ways]
    assert all(np.isfinite([row[c] for c in pieces.COLUMNS]).all() for row in result["rows"])
    assert all(0 < row["l1"] < 2 and row["l1 ±"] >= 0 for row in result["rows"])


def test_longer_warm_ups_may_come_with_more_steps():
    p = pieces.recipe("mini", 3300, ["warmup=2100", "motion_warmup=650"])
    assert (p.steps, p.warmup, p.motion_warmup) == (3300, 2100, 650)
    own = changes_for("r2", "mini")
    assert pieces.recipe("mini", 0, []) == pieces.preset("mini").but(**own) and own["steps"]


def test_fields_of_the_preset_are_read_from_text():
    fields = pieces.changes(["batch=4", "lr_encoder=1e-3", "bf16=false", "video_stream=3d"])
    assert fields == {"batch": 4, "lr_encoder": 1e-3, "bf16": False, "video_stream": "3d"}


WRONG = {
    "no such piece": (["--held-out", "99"], "there are pieces 0 to 2, no piece 99"),
    "no such video": (["--held-out-files", "d.mp4"], "no piece comes from 'd.mp4'"),
    "no such field": (["--set", "bach=3"], "a preset has no field bach"),
    "no value": (["--set", "batch"], "--set takes field=value, not 'batch'"),
    "not a number": (["--set", "batch=many"], "batch must be a whole number, not 'many'"),
    "a preset": (["--preset", "tiny"], "there is no preset 'tiny'"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_matches_nothing_is_refused_before_training(kind, folder, tmp_path):
    options, words = WRONG[kind]
    with pytest.raises(InputError, match=words):
        pieces.main([str(folder), *options, "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


def test_other_footage_of_the_same_length_trains_a_model_of_its_own(tmp_path):
    from rencgan.data.videoset import VideoSet
    from rencgan.presets.preset import SMOKE
    from rencgan.training.loop import Job

    keys = {
        Job(
            "r2", SMOKE, VideoSet.from_arrays([np.full((24, 16, 16, 3), g, np.uint8)]), tmp_path
        ).key()
        for g in (0, 255)
    }
    assert len(keys) == 2
