"""What 10,000 frames come to: of real video itself, of a loop, of a published model."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from rencgan.core.errors import InputError
from rencgan.models import starts
from rencgan.studies import far, weights

FRAMES = 160


@pytest.fixture(scope="module")
def real():
    return far.drawn(2, FRAMES, 16)


def test_real_video_is_as_real_and_a_loop_comes_back(real):
    same = far.row("real", real, real)
    assert same["drift of real"] == same["motion of real"] == 1 and same["rise of resets"] == 0
    loop = [np.concatenate([v[:77], v[:77]]) for v in real]
    found = far.row("loop", loop, real)
    assert found["repetition"] > same["repetition"] and found["rise of resets"] > 0.5
    assert found["at"] == 77, "where every video begins anew"
    held = far.row("held", [np.repeat(v[:1], FRAMES, axis=0) for v in real], real)
    assert held["drift"] == held["motion"] == held["repetition"] == 0


def test_what_is_published_is_made_measured_and_pictured(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "finest", lambda name: name)
    path = tmp_path / "far.json"
    found = far.make(path, FRAMES, 2, ("ar2", "no-such-model"))
    assert found == json.loads(path.read_text()) == far.read(path)
    other, ar2, _ = found["rows"]
    assert other["videos"] == "other real video" and ar2["weights"] == "ar2"
    assert other["motion of real"] > 0.3 and ar2["processor seconds for 1000"] > 0
    assert [r["videos"] for r in far.table(found)][:2] == ["other real video", "AR2, mean"]
    with Image.open(far.strip_of(path, ar2)) as picture:
        assert picture.size == (64, 128), "one frame, and nothing below it"
    content = path.read_bytes()
    monkeypatch.setattr(far, "drawn", lambda *_: pytest.fail("nothing is lacking"))
    assert far.make(path, FRAMES, 2, ("ar2",)) == found and path.read_bytes() == content
    with pytest.raises(InputError, match="none of no-such-model is published"):
        far.make(path, FRAMES, 2, ("no-such-model",))
    with pytest.raises(InputError, match="none.json is missing; python -m rencgan publish --far"):
        far.read(tmp_path / "none.json")


def test_what_is_of_other_weights_is_made_anew_and_the_rest_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(far, "made_by", lambda model, way, real, *_, **__: real)
    path, names = tmp_path / "far.json", ("ar2", "r3-regression")
    first = far.make(path, FRAMES, 2, names)
    old = json.loads(path.read_text())
    for row in old["rows"]:
        row |= {"digest": "of older weights", "drift": 7.0} if "R3" in row["videos"] else {}
    path.write_text(json.dumps(old))
    again = far.make(path, FRAMES, 2, names)
    same = [{k: v for k, v in r.items() if k != "provenance"} for r in again["rows"]]
    assert [r["drift"] for r in same] == [r["drift"] for r in first["rows"]]
    assert again["rows"][:3] == first["rows"][:3]
    assert again["rows"][3]["digest"] == first["rows"][3]["digest"]
    assert far.make(path, FRAMES, 2, names[:1]) == again, "rows of others stay"
    path.write_text(json.dumps(old))
    left = far.make(path, FRAMES, 2, names[:1])["rows"]
    assert left == first["rows"][:3], "but not those of older weights"
    sizes = set()
    for row in again["rows"]:
        with Image.open(far.strip_of(path, row)) as picture:
            sizes.add(picture.size)
    assert len(sizes) == 1, "a strip of other real video is as long as those of models"


def test_ar2_begins_in_both_ways_where_it_knows_them(tmp_path, monkeypatch):
    ar2 = weights.load("ar2")
    d = ar2.preset.content_dim + ar2.preset.motion_dim
    ar2 = replace(ar2, extras={"start": starts.Start(torch.ones(d), torch.zeros(1, d))})
    monkeypatch.setattr(weights, "finest", lambda name: name)
    monkeypatch.setattr(weights, "load", lambda name: ar2)
    found = far.make(tmp_path / "far.json", FRAMES, 2, ("ar2",))
    told = ["other real video", "AR2, mean", "AR2, ex-post mean"]
    assert [r["videos"] for r in found["rows"]] == told
    assert found["rows"][1]["motion"] != found["rows"][2]["motion"]
    assert all(far.strip_of(tmp_path / "far.json", r).exists() for r in found["rows"])
