"""What notebook 05 shows: its recipes, where attention lies, the codes on their way, its times."""

import numpy as np
import pytest
import torch

from rencgan.notebook import steps as study
from rencgan.notebook import steps_r3 as study_r3
from rencgan.notebook.parameters import R3Run, check
from rencgan.presets.table import gpt_preset
from rencgan.r3.r3 import R3
from rencgan.studies.departures import departures


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    p = R3Run(
        dataset="sky",
        source="procedural",
        preset="smoke",
        out_root=str(tmp_path_factory.mktemp("r3")),
        candidates=2,
    )
    videos = study.data(p)
    r2, _ = study.trained(p, "improved-r2", videos)
    return p, videos, study_r3.trained(p, r2, videos)


def test_recipes_follow_the_parameters(done):
    p, _, found = done
    assert list(found) == ["regression", "mixture", "flow"] == list(study_r3.heads(p))
    asked = p.model_copy(update={"width": 32, "gpt_steps": 9, "format": "padzs", "head": "flow"})
    made = study_r3.recipe(asked, "flow")
    assert (made.width, made.steps, made.format, made.head) == (32, 9, "padzs", "flow")
    assert study_r3.heads(asked) == ("flow",)
    fields = {row["field"]: row for row in departures(R3(), made, "sky")}
    assert fields["blocks"] == {"field": "blocks", "published": "48", "here": "2"}
    wide = study_r3.recipe(p.model_copy(update={"width": 256}), "flow")
    assert (wide.width, wide.heads) == (256, 4)


def test_as_published_the_preset_has_nothing_but_sizes_of_its_own(done):
    p, videos, found = done
    r2 = found["regression"][0].r2
    asked = p.model_copy(update={"as_published": True})
    work = study_r3.job(asked, r2, videos, "regression")
    rows = [row for row in study.departures(work) if row["published"] != "not given"]
    assert {row["field"] for row in rows} == {"blocks", "heads", "width", "positions"}
    sequences = len(videos.select("train", min_frames=24))
    assert work.preset.steps == 1290 * -(-sequences // 10)
    usual = {row["field"] for row in study.departures(found["regression"][1])}
    assert usual > {"windows", "directions", "carry", "starts", "lr_decay", "average", "epochs"}
    few = study_r3.recipe(asked.model_copy(update={"gpt_steps": 9}), "regression")
    assert (few.steps, few.epochs, few.windows) == (9, 0, False)


@pytest.mark.parametrize("preset", ["smoke", "mini"])
@pytest.mark.parametrize("hop", [1, 7, 8, 15])
def test_a_video_begins_in_no_more_ways_than_its_hop_has(preset, hop):
    """Others are refused, but only where tokens are encoded: after R2 has been trained."""
    p = check({"preset": preset, "hop": hop}, R3Run)
    usual = gpt_preset(preset).starts
    assert study_r3.recipe(p, "flow").starts == min(usual, hop) and usual > 1


def test_all_heads_are_trained_on_the_same_tokens_of_the_same_r2(done):
    _, _, found = done
    jobs = {head: job for head, (_, job) in found.items()}
    assert len({r3.r2.digest for r3, _ in found.values()}) == 1
    assert len({str(job.cache) for job in jobs.values()}) == 1
    assert len(list(next(iter(jobs.values())).cache.glob("tokens-*.npz"))) == 1
    rows = {r["what"]: r["value"] for r in study_r3.token_rows(jobs)}
    assert rows["numbers of a token"] == 24 and rows["sequences"] == 2 * rows["videos"]


def test_curves_are_of_the_numbers_that_vary_most_in_the_first_video(done):
    _, videos, found = done
    r3 = found["mixture"][0]
    a, b = videos.video(0)[:80], videos.video(1)[:64]
    curves = study_r3.trajectories(r3, {"real": a, "made": b})
    assert len(curves) == study_r3.SHOWN
    assert all(set(c) == {"real", "made"} and len(c["real"]) == 9 for c in curves)
    spread = [np.var(c["real"]) for c in curves]
    assert spread == sorted(spread, reverse=True)


def test_all_heads_ways_stand_beside_ar2_and_improved_r2(done):
    p, videos, found = done
    asked, r2 = p.model_copy(update={"frames": 40}), found["regression"][0].r2
    made = study_r3.compared(asked, videos, [videos.video(0)[:40]], r2, found)
    assert made.own == [f"R3, {head}, {way}" for head in found for way in ("robust", "faster")]
    assert list(made.seconds) == made.own and made.first.shape == (1, 16, 16, 16, 3)
    assert list(made.videos) == [*made.own, "AR2, sample", "improved R2, sample"]
    assert all(np.shape(some) == (1, 40, 16, 16, 3) for some in made.videos.values())
    priors = ["first clip"] * 6 + ["none", "entire video"]
    assert list(made.priors.items()) == list(zip(made.videos, priors, strict=True))


def test_uniform_attention_looks_halfway_back():
    n = 9
    rows = study_r3.looking_back(np.eye(n)[None, None])
    itself, uniform = rows
    assert (itself["block"], itself["tokens back"], itself["on itself"]) == (1, 0, 1)
    assert itself["on the one before"] == 0
    assert uniform["tokens back"] == pytest.approx(np.mean([i / 2 for i in range(n)]))
    assert uniform["on itself"] == pytest.approx(np.mean([1 / i for i in range(1, n + 1)]))


def test_times_are_those_of_table_5_11(done):
    p, videos, found = done
    r3 = found["regression"][0]
    first, prior = study_r3.first_of(p, [videos.video(0)], None)
    ways = set()
    hook = r3.gpt.register_forward_hook(lambda *of: ways.add(torch.is_inference_mode_enabled()))
    rows = study_r3.timed_rows(r3, first, p, 40)
    hook.remove()
    assert ways == {True}  # the roll-out alone is measured as it is where videos are made
    assert prior == "first clip" and len(rows) == 3
    for row in rows:
        assert row["GPT"] + row["the rest"] == pytest.approx(row["s for 40 frames"])


def test_first_clips_from_nothing_come_from_ar2_or_from_improved_r2_with_noise_terms(done):
    p, videos, _ = done
    for name, kind in (("ar2", "ar2"), ("noise", "r2")):
        asked = p.model_copy(update={"first_clip": name})
        model = study_r3.source_of_first(asked, videos)
        assert model.kind == kind and model.preset.video_stream == "3d"
        first, prior = study_r3.first_of(asked, [videos.video(0)] * 2, model)
        assert first.shape == (2, 16, 16, 16, 3) and prior == "none"
    assert study_r3.source_of_first(p, videos) is None
