"""Published models among the references."""

import json

import numpy as np
import pytest
from conftest import moving_videos
from samples import file

from rencgan.core.errors import InputError
from rencgan.evaluate import measures
from rencgan.evaluate.references import HELD, SHUFFLED
from rencgan.studies import standing, weights
from rencgan.studies.references import OTHERS
from rencgan.studies.results import frame
from rencgan.studies.unseen import UNSEEN


def test_all_published_models_stand_below_the_references(tmp_path, monkeypatch):
    few = ["encgan3", "r2", "improved-r2", "ar2", "r3-flow"]
    monkeypatch.setattr(weights, "names", lambda **_: few)
    path = tmp_path / "standing.json"
    found = standing.make(path, count=2)
    assert found == json.loads(path.read_text())
    assert found["source of videos"] == f"unseen stand-ins 0 to 1 of seed {UNSEEN}"
    rows = {r["videos"]: r for r in found["rows"]}
    assert list(rows)[:4] == [
        "other real video",
        "held",
        "blurred real video",
        "shuffled real clips",
    ]
    assert rows["held"]["motion"] == rows["held"]["jump"] == 0
    assert rows["blurred real video"]["sharpness"] == pytest.approx(
        rows["R2, sample"]["sharpness"], rel=0.02
    )
    assert rows["R3, flow, faster sample"]["from frame"] == 8, "its first frames are real"
    clips = rows["EncGAN3, noise"]
    assert clips["prior"] == "none" and "128f" not in clips and clips["motion distance"] > 0
    told = standing.moved(found)
    assert "of 5 published models" in told
    assert "the 4 that make 128 frames it orders" in told, "EncGAN3 makes clips alone"
    shown = standing.table(found)
    assert shown[4]["videos"] == "EncGAN3, noise" and shown[4]["128f"] == ""
    with pytest.raises(InputError, match="publish --scores"):
        standing.read(tmp_path / "none.json")
    again = standing.make(path, count=2, names=["encgan3"])
    assert again["rows"] == found["rows"], "one scored anew, the others as they are"
    assert again["scored before"] == ["ar2", "improved-r2", "r2", "r3-flow"]
    row = next(r for r in again["rows"] if r.get("weights") == "ar2")
    path.write_text(json.dumps(again).replace(row["digest"], "of others"))
    once_more = standing.make(path, count=2, names=["encgan3"])
    assert once_more["rows"] == found["rows"], "rows of other weights are made anew"
    assert once_more["scored before"] == ["improved-r2", "r2", "r3-flow"]
    with pytest.raises(InputError, match="published are ar2, encgan3, .* and no 'r4'"):
        standing.make(path, count=2, names=["r4"])
    with pytest.raises(InputError, match="is of 2 videos: score all models anew"):
        standing.make(path, count=3, names=["r2"])


def test_fresh_videos_are_none_of_the_comparison():
    one, two = (standing.footage(2, 16, seed) for seed in standing.FILES)
    assert two.source == f"unseen stand-ins 0 to 1 of seed {standing.FRESH}"
    assert not any(np.array_equal(a[:16], b[:16]) for a in one.footage for b in two.footage)


def test_a_single_clip_moves_wherever_it_does():
    clips = moving_videos(3, frames=16, size=64)
    moved = np.mean([measures.motion(v) for v in clips])
    assert standing.row(clips, clips, 8)["motion"] == pytest.approx(moved)


def test_what_the_references_say_is_counted_from_the_files():
    real = file("real", 1, 20.0, OTHERS)
    real["ways"] |= file("real", 1, 60.0, HELD)["ways"] | file("real", 1, 80.0, SHUFFLED)["ways"]
    files = [real, file("R2", 1, 70.0), file("AR2", 1, 110.0)]
    told = standing.said(frame(files))
    assert "of 2 models each by its best way, none comes before held (60.0)" in told
    assert "1 comes before shuffled real clips (80.0)" in told and "R2, lies at 70.0" in told
    assert told.endswith("beats.")
    assert "beats" not in standing.said(frame([real, file("R2", 1, 50.0), files[2]]))


@pytest.mark.parametrize("seed", standing.FILES)
def test_the_file_that_ships_has_all_models(seed):
    found = standing.read(standing.FILES[seed])
    assert found["source of videos"].endswith(f"of seed {seed}")
    told = {r["weights"] for r in found["rows"] if "weights" in r}
    assert told == {*weights.names()} and found["videos"] == 64
    assert found["rows"][1]["videos"] == "held" and found["rows"][1]["motion"] == 0
