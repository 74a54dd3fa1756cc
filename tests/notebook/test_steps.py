import json
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import moving_videos

from rencgan.core.errors import InputError
from rencgan.data.videoset import VideoSet
from rencgan.notebook import parameters
from rencgan.notebook import steps as study
from rencgan.presets.table import SMOKE


class Echo:
    """Stands for a model: long video is the footage; remembers how it was asked."""

    name = "R2"

    def __init__(self):
        self.asked = []

    def hop_for(self, asked):
        return asked

    def videos(self, footage, **options):
        self.asked.append(options)
        return footage[None, : 16 + options["hop"] * ((len(footage) - 16) // options["hop"])]


def settings(tmp_path, **changes):
    plain = {"preset": "smoke", "seed": 0, "hop": 8, "codes": "mean", "steps": 0, "frames": 40}
    plain |= {"init_path": None, "out_dir": tmp_path, "dataset": "sky"}
    return SimpleNamespace(**plain | changes)


def test_nothing_is_trained_that_could_not_be_shown(tmp_path):
    alone = VideoSet.from_arrays(moving_videos(1))
    with pytest.raises(InputError, match="split 'test'"):
        study.trained(settings(tmp_path), "r2", alone)
    assert not list(tmp_path.iterdir())


def test_vdrej_samples_even_where_the_notebook_takes_the_mean(tmp_path):
    p, model = settings(tmp_path), Echo()
    first = study.long_video(model, "v", "test", moving_videos(1)[0], p, 12.5)
    chosen = study.again(model, first, p, candidates=20)
    assert [a["codes"] for a in model.asked] == ["mean", "sample"]
    assert (first.codes, chosen.codes, chosen.candidates, chosen.fps) == (
        "mean",
        "sample",
        20,
        12.5,
    )


def test_footage_keeps_its_own_rate(videos):
    ((name, frames, fps),) = study.footage(videos, "test", 40)
    (video,) = videos.select("test").videos
    assert (name, fps, len(frames)) == (video.name, video.fps, 40)


def test_fine_tuning_does_without_warm_ups(tmp_path):
    assert study.recipe(settings(tmp_path), "r2").warmup > 0
    tuned = study.recipe(settings(tmp_path, init_path=tmp_path / "checkpoint.pt"), "r2")
    assert (tuned.warmup, tuned.motion_warmup) == (0, 0)
    assert (tuned.rise, tuned.smallest_crop) == (0, 1)


def test_results_are_json_that_every_reader_takes(tmp_path, videos):
    p = parameters.check({"preset": "smoke", "out_root": str(tmp_path)}, parameters.DataRun)
    rows = [{"seam_ratio": float("nan"), "l1": np.float64(0.5), "n": 3, "name": "x"}]
    study.save_results(p, "n", SMOKE, videos, 0.0, rows=rows)
    found = json.loads((p.out_dir / "n.json").read_text())
    assert found["rows"] == [{"seam_ratio": None, "l1": 0.5, "n": 3, "name": "x"}]
    assert found["provenance"]["parameters"]["preset"] == "smoke"


@pytest.mark.parametrize(("dataset", "steps"), [("sky", (1, 1)), ("uva", (2, 3))])
def test_clips_of_encgan3_skip_frames_as_the_data_set_wants(tmp_path, videos, dataset, steps):
    p = settings(tmp_path, dataset=dataset)
    assert study.job(p, "encgan3", videos).preset.step_range == steps


def test_held_out_clips_skip_frames_like_those_of_training(videos):
    every, third = (study.held_out_clips(videos, 2, 0, step) for step in (1, 3))
    (film,) = [videos.select("test").video(0)]
    starts = [i for i in range(60 - 45) if np.array_equal(film[i : i + 46 : 3], third[0])]
    assert len(starts) >= 1 and every.shape == third.shape
    with pytest.raises(InputError):
        study.held_out_clips(videos, 2, 0, 5)  # 76 frames of 60


def test_steps_and_init_from_are_for_the_notebooks_own_model(tmp_path, capsys):
    p = parameters.check(
        {"preset": "smoke", "steps": 9, "init_from": str(tmp_path / "r2.pt")},
        parameters.REncGANRun,
    )
    assert study.recipe(p, "r2").steps == 9 and p.init_path == tmp_path / "r2.pt"
    others = study.as_usual(p)
    told = "steps and init_from: for the model of this notebook; the others train as usual.\n"
    assert capsys.readouterr().out == told
    assert study.recipe(others, "lencgan").steps == SMOKE.steps and others.init_path is None
    assert study.recipe(others, "r2").warmup == SMOKE.warmup
    assert others == p.model_copy(update={"steps": 0, "init_from": ""})
    assert study.as_usual(others) is others and capsys.readouterr().out == ""


def test_captions_say_where_nothing_is_held_out(tmp_path, videos):
    p = settings(tmp_path)
    assert study.held_out(study.job(p, "encgan3", videos)) == "held out"
    whole = study.job(settings(tmp_path, train_on="all"), "encgan3", videos)
    assert study.held_out(whole) == "nothing is held out: the training saw them too"


def test_a_run_that_was_scored_tells_of_its_best_moment(tmp_path, videos):
    p = settings(tmp_path)
    work = study.job(p, "r2", videos, scored=2)
    model = SimpleNamespace(name="R2", step=3, digest="d")
    assert work.score is not None and study.moments_of(work) == {}
    assert "\n" not in study.origin(model, work)
    work.out.mkdir(parents=True)
    lines = [{"step": 3, "score": 1.25}, {"step": 5, "score": None}, {"step": 6, "score": 2.5}]
    (work.out / "scores.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (work.out / "best.pt").touch()
    assert study.moments_of(work) == {"FVD (compact) 16f": ([3, 6], [1.25, 2.5])}
    told = study.origin(model, work).splitlines()[1]
    assert told == (
        "best of 2 moments, at step 3: FVD (compact) 16f 1.25 (the last, at step 6: 2.5)"
    )
