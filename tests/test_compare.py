"""The comparison at smoke size: one contestant of each kind, whole."""

import json

import numpy as np
import pytest
from conftest import moving_videos

from rencgan import compare, study
from rencgan.compare import Task, slug
from rencgan.contestants import CONTESTANTS, contestant
from rencgan.errors import InputError
from rencgan.parameters import AR2Run
from rencgan.presets import PRESETS
from rencgan.procedural import catalogue
from rencgan.videoset import VideoSet

SMALL = Task(3, 2, 160)


def run_of(tmp_path, **given):
    given = {"dataset": "sky", "source": "procedural", "preset": "smoke"} | given
    return AR2Run(**given, out_root=str(tmp_path))


def test_every_contestant_has_a_recipe_at_every_preset(tmp_path):
    for name in PRESETS:
        p = run_of(tmp_path, preset=name)
        for c in CONTESTANTS.values():
            preset = c.preset(p)
            assert preset.video_stream == (
                "3d" if c.kind == "ar2" or "improved" in c.name else "1p2d"
            )
    with pytest.raises(InputError, match="no contestant 'R9'"):
        contestant("R9")


def test_equal_pairs_are_equal(tmp_path):
    made = {n: c.preset(run_of(tmp_path, preset="mini")) for n, c in CONTESTANTS.items()}

    def seen(name, clips):
        p = made[name]
        warm = (p.warmup * p.warmup_batch, p.motion_warmup * p.motion_batch)
        return *warm, (p.steps - p.warmup - p.motion_warmup) * p.batch * clips

    assert seen("R2", 2) == seen("improved R2", 2) == seen("LEncGAN, equal pairs", 1)
    assert (
        seen("improved R2, equal time", 2)[2] < seen("R2", 2)[2]
    )  # slower: fewer in the same time
    assert seen("LEncGAN", 1)[2] < seen("R2", 2)[2]
    assert made["improved R2"].departures(made["R2"]).keys() == {"video_stream"}
    assert made["AR2+, noise"].departures(made["AR2"]).keys() == {"recall_noise"}
    assert made["AR2+, roll-outs"].departures(made["AR2"]).keys() == {"rollout", "steps"}


def test_only_the_control_at_mini_gets_a_forget_bias(tmp_path):
    mini, published = (run_of(tmp_path, preset=n) for n in ("mini", "64"))
    assert study.switches(mini, "lencgan") == (("forget_bias", 3.0),)
    assert study.switches(published, "lencgan") == study.switches(mini, "r2") == ()


def test_names_of_files():
    assert slug("AR2+, roll-outs") == "ar2plus-roll-outs"
    assert len({slug(n) for n in CONTESTANTS}) == len(CONTESTANTS)


def test_unseen_videos_are_none_of_those_that_are_trained_on(tmp_path):
    p = run_of(tmp_path)
    videos = study.data(p)
    real = compare.unseen(p, videos, SMALL)
    assert [len(v) for v in real.footage] == [176, 176, 144]
    assert [len(v) for v in real.real(128)] == [128] * 3
    assert [len(v) for v in real.real(160)] == [160] * 2
    expected = catalogue("sky", 0, len(videos) + 1)[-1].frames(16)
    n = min(len(expected), 176)
    assert np.array_equal(real.footage[0][:n], expected[:n])
    for i in range(len(videos)):
        assert not np.array_equal(videos.video(i)[:16], real.footage[0][:16])


def test_real_data_is_compared_with_its_test_split(tmp_path):
    videos = VideoSet.from_arrays(moving_videos(4, frames=150), splits=["train"] * 2 + ["test"] * 2)
    videos.card["source"] = "real"
    real = compare.unseen(run_of(tmp_path), videos, SMALL)
    assert len(real.footage) == real.long == 2 and real.source == "test split"
    one = VideoSet.from_arrays(moving_videos(2, frames=150), splits=["train", "test"])
    one.card["source"] = "real"
    with pytest.raises(InputError, match="a comparison needs 2"):
        compare.unseen(run_of(tmp_path), one, SMALL)


@pytest.mark.parametrize("name", ["R2", "LEncGAN", "AR2+, roll-outs"])
def test_a_contestant_is_trained_scored_and_written_once(name, tmp_path, monkeypatch):
    p, c, out = run_of(tmp_path), contestant(name), tmp_path / "out"
    path = compare.run(c, p, ["sample"], SMALL, out, tmp_path)
    found = json.loads(path.read_text())
    assert found["contestant"] == name and list(found["ways"]) == ["sample"]
    way = found["ways"]["sample"]
    assert [s["name"][-4:] for s in way["scores"]] == [" 16f", "128f", "128f"]
    assert way["scores"][1]["card"]["generated"]["videos"] == 3
    assert way["long"]["motion"] > 0 and found["real"]["FVD (compact) 16f, end"] < 1e-6
    assert found["training"]["steps"] == 6 and found["training"]["seconds"] is not None
    path = compare.run(c, p, ["sample", "mean"], SMALL, out, tmp_path)  # only what is missing
    again = json.loads(path.read_text())
    assert list(again["ways"]) == ["sample", "mean"] and again["ways"]["sample"] == way
    assert again["training"] == found["training"]
    monkeypatch.setattr(compare, "trained", None)  # nothing is missing: nothing is done
    assert compare.run(c, p, ["sample", "mean"], SMALL, out, tmp_path) == path
    assert json.loads(path.read_text()) == again


def test_videos_have_the_length_that_was_asked_for(tmp_path):
    p, footage = run_of(tmp_path), [v for v in moving_videos(2, frames=176, size=16)]
    for name in ("R2", "LEncGAN", "AR2"):
        model, _ = compare.trained(contestant(name), p, study.data(p), tmp_path)
        for frames in (128, 160):
            made = compare.make(model, "sample", footage, frames, 0)
            assert [v.shape for v in made] == [(frames, 16, 16, 3)] * 2
        assert not np.array_equal(made[0], compare.make(model, "sample", footage, 160, 1)[0])


def test_the_command_refuses_an_unknown_way_and_contestant(tmp_path):
    with pytest.raises(InputError, match="sample, mean or VDrej, not 'best'"):
        compare.main(["sky", "--ways", "best", "--out", str(tmp_path)])
    with pytest.raises(InputError, match="no contestant"):
        compare.main(["sky", "--models", "GAN", "--out", str(tmp_path)])
