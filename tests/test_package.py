"""The package as a script uses it: prepare, train, load, score."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from conftest import ROOT, moving_videos

import rencgan
from rencgan.core.errors import InputError
from rencgan.data.videoset import VideoSet
from rencgan.models.r2 import R2
from rencgan.presets.table import preset
from rencgan.studies import recipes


def test_ten_lines_from_data_to_a_score(tmp_path):
    videos = rencgan.prepare("sky", 16, tmp_path / "cache", source="procedural", videos=8)
    model = rencgan.train("r2", "smoke", videos=videos, out=tmp_path / "r2", seed=1)
    footage = [videos.video(i)[:152] for i in range(3)]
    made = [model.videos(footage=v, candidates=2, seed=i)[0] for i, v in enumerate(footage)]
    scores = rencgan.score([v[:128] for v in footage], made)
    assert [v.shape for v in made] == [(152, 16, 16, 3)] * 3
    assert {name.split()[-1] for name in scores} >= {"16f", "128f"}
    assert all(np.isfinite(value) and value > 0 for value in scores.values())
    again = rencgan.load(tmp_path / "r2" / "checkpoint.pt")
    assert np.array_equal(again.videos(footage=footage[0], candidates=2)[0], made[0])
    same = rencgan.train("r2", "smoke", videos=videos, out=tmp_path / "r2", seed=1)
    assert same.digest == model.digest, "finished: nothing is trained"


def test_an_r3_is_trained_over_a_base_and_loaded_with_it(tmp_path, videos):
    base = rencgan.train("improved-r2", "smoke", videos=videos, out=tmp_path / "r2")
    assert base.name == "improved R2"
    model = rencgan.train("r3", "smoke", videos=videos, out=tmp_path / "r3", base=base, head="flow")
    again = rencgan.load(str(tmp_path / "r3" / "checkpoint.pt"), base=base)
    first = videos.video(0)[None, :16]
    assert model.name == again.name == "R3, flow"
    assert np.array_equal(model.videos(40, first_clip=first), again.videos(40, first_clip=first))


def test_changes_are_of_the_preset_or_of_the_system(tmp_path, videos):
    given = {"videos": videos, "out": tmp_path / "run"}
    model = rencgan.train("r2", "smoke", **given, noise=True, batch=3)
    assert model.system == R2(noise=True) and model.preset == preset("smoke", "r2", batch=3)
    unknown = {name: f"a preset has no field {name}" for name in ("bach", "name", "preset_name")}
    for wrong, words in (
        *(({"model": "r2", "preset": "smoke", k: 2}, told) for k, told in unknown.items()),
        ({"model": "gan"}, "a model is one of .*, not 'gan'"),
        ({"model": "r2", "preset": "tiny"}, "no preset 'tiny'; choose one of smoke, mini"),
        ({"model": "r3", "preset": "smoke"}, "reads the codes of a trained 'r2'; none was given"),
    ):
        with pytest.raises(InputError, match=words):
            rencgan.train(**wrong, **given)
    with pytest.raises(InputError, match="there is no checkpoint"):
        rencgan.load(tmp_path / "none.pt")


@pytest.mark.parametrize("name", ["r2", "r3-flow"])
def test_published_models_are_found_before_anything_else_was_imported(name):
    lines = "import sys, rencgan; assert 'torch' not in sys.modules; "
    lines += f"print(rencgan.load({name!r}).name)"
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True)
    assert done.stdout.strip() == {"r2": "R2", "r3-flow": "R3, flow"}[name], done.stderr


def test_the_ten_lines_of_the_readme_run(tmp_path, monkeypatch):
    """As they stand, but for a training of one step."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    code = text.split("```python\n")[1].split("```")[0]
    assert len(code.strip().splitlines()) <= 12
    short = 'preset="hour", warmup=0, motion_warmup=0, rise=0.0, steps=1'
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(code.replace('preset="hour"', short), names)
    assert names["endless"].shape == (2, 1000, 64, 64, 3)
    assert (tmp_path / "runs" / "mine" / "checkpoint.pt").exists()
    again = rencgan.load("runs/mine/checkpoint.pt")
    assert again.digest == names["mine"].digest


def test_a_selection_trains_on_what_was_selected(tmp_path):
    videos = rencgan.prepare("sky", size=16, videos=8, max_frames=60, cache_root=tmp_path / "c")
    some = replace(videos, videos=videos.videos[:3])
    jobs = [recipes.job("r2", "smoke", part, tmp_path / "r2") for part in (videos, some)]
    assert len(jobs[0].videos()) > len(jobs[1].videos()) and jobs[0].key() != jobs[1].key()
    with pytest.raises(InputError, match="split 'train'"):
        recipes.job("r2", "smoke", videos.select("test"), tmp_path / "r2").videos()


@pytest.mark.parametrize(
    ("switches", "sentence"),
    [({"noise": "maybe"}, "noise is True or False, not 'maybe'"), ({"nope": 1}, "no field nope")],
)
def test_switches_that_cannot_be_are_refused(tmp_path, switches, sentence):
    videos = VideoSet.from_arrays(moving_videos(4))
    with pytest.raises(InputError, match=sentence):
        rencgan.train("r2", "smoke", videos=videos, out=tmp_path, **switches)
    with pytest.raises(InputError, match="videos is a VideoSet"):
        rencgan.train("r2", "smoke", videos=moving_videos(2), out=tmp_path)
