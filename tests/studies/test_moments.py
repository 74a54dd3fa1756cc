"""What runs are scored by along their way: every system has a score, and the best one is taken."""

import math

import pytest
import torch
from conftest import moving_videos

from rencgan.core.errors import InputError
from rencgan.data.videoset import VideoSet
from rencgan.models.trained import begun, load_model
from rencgan.presets.table import SMOKE, preset
from rencgan.studies import moments, recipes
from rencgan.studies.moments import Distance


@pytest.fixture(scope="module")
def some() -> VideoSet:
    return VideoSet.from_arrays(moving_videos(6), splits=["train"] * 3 + ["test"] * 3)


MODELS = ("encgan3", "g3an", "r2", "improved-r2", "lencgan", "ar2")


@pytest.mark.parametrize("name", MODELS)
def test_every_system_has_a_score(some, name):
    system = recipes.kind_of(name)()
    model = begun(system, preset("smoke", name))
    found = [Distance(some)(model) for _ in range(2)]
    assert found[0] == found[1] and math.isfinite(found[0]) and found[0] > 0


def test_it_is_of_held_out_videos_and_needs_two(some):
    model = begun(recipes.kind_of("r2")(), preset("smoke", "r2"))
    other = VideoSet.from_arrays(
        [*moving_videos(3, seed=1), *moving_videos(6)[3:]], splits=["train"] * 3 + ["test"] * 3
    )
    assert Distance(other)(model) == Distance(some)(model)
    with pytest.raises(InputError):
        Distance(VideoSet.from_arrays(moving_videos(2), splits=["train", "test"]))(model)


def test_encgan3_is_judged_by_codes_of_training_clips_and_g3an_by_noise(some):
    other = VideoSet.from_arrays(
        [*moving_videos(3, seed=1), *moving_videos(6)[3:]], splits=["train"] * 3 + ["test"] * 3
    )
    alike = {}
    for name in ("encgan3", "g3an"):
        model = begun(recipes.kind_of(name)(), preset("smoke", name))
        alike[name] = Distance(other)(model) == Distance(some)(model)
    assert alike == {"encgan3": False, "g3an": True}


def test_what_is_trained_is_the_best_moment(tmp_path, some):
    changes = {"scored": 3, "lr_generator": 0.5}  # a rate that spoils what was there
    work = recipes.job("r2", "smoke", some, tmp_path / "run", **changes)
    model, best = recipes.trained(work), moments.best_of(work)
    assert best["of"] == 3 and best["last step"] == SMOKE.steps
    assert model.step == best["step"] and best[moments.METRIC] <= best[f"{moments.METRIC}, last"]
    scores = dict(best["scores"])
    assert len(scores) == 3 and scores[model.step] == min(scores.values()) == best[moments.METRIC]
    line = moments.told(work)
    assert line.startswith(f"best of 3 moments, at step {model.step}: FVD (compact) 16f ")
    plain = recipes.job("r2", "smoke", some, tmp_path / "plain")
    assert plain.score is None and recipes.trained(plain).step == SMOKE.steps
    assert moments.best_of(plain) is None and moments.told(plain) == ""


def test_the_gpt_of_r3_is_scored_along_its_way(tmp_path, some):
    r2 = recipes.trained(recipes.job("improved-r2", "smoke", some, tmp_path / "r2"))
    work = recipes.job("r3", "smoke", some, tmp_path / "r3", base=r2, scored=2)
    model, best = recipes.trained(work), moments.best_of(work)
    assert best["of"] == 2 and model.step == best["step"]
    plain = recipes.trained(recipes.job("r3", "smoke", some, tmp_path / "plain", base=r2))
    last = load_model(work.out / "checkpoint.pt", base=r2, device="cpu")
    for name, weight in plain.nets["gpt"].state_dict().items():
        assert torch.equal(weight, last.nets["gpt"].state_dict()[name])
    assert moments.best_of(work)[moments.METRIC] == Distance(some)(model)
