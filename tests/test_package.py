"""The package as a script uses it: prepare, train, load, score."""

import subprocess
import sys

import numpy as np
import pytest

import rencgan
from rencgan.core.errors import InputError
from rencgan.models.r2 import R2
from rencgan.presets.table import preset


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
    for wrong, words in (
        ({"model": "gan"}, "a model is one of .*, not 'gan'"),
        ({"model": "r2", "preset": "tiny"}, "no preset 'tiny'; choose one of smoke, mini"),
        ({"model": "r2", "preset": "smoke", "bach": 2}, "a preset has no field bach"),
        ({"model": "r3", "preset": "smoke"}, "reads the codes of a trained 'r2'; none was given"),
    ):
        with pytest.raises(InputError, match=words):
            rencgan.train(**wrong, **given)
    with pytest.raises(InputError, match="there is no checkpoint"):
        rencgan.load(tmp_path / "none.pt")


@pytest.mark.parametrize("name", ["encgan3", "r3-flow"])
def test_published_models_are_found_before_anything_else_was_imported(name):
    lines = "import sys, rencgan; assert 'torch' not in sys.modules; "
    lines += f"print(rencgan.load({name!r}).name)"
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True)
    assert done.stdout.strip() == {"encgan3": "EncGAN3", "r3-flow": "R3, flow"}[name], done.stderr
