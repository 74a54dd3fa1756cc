"""Scores along a run: they change no weight, survive kills, and a scorer may fail."""

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from conftest import Stop, stopped_after
from stepping import assert_same
from test_loop import job, saved_cache

from rencgan.core import checkpoint
from rencgan.models.encgan3 import EncGAN3
from rencgan.models.lencgan import LEncGAN
from rencgan.models.r2 import R2
from rencgan.models.trained import load_model
from rencgan.presets.table import SMOKE
from rencgan.training import loop
from rencgan.training.loop import train
from rencgan.training.scores import moments, read_scores

SCORED = SMOKE.but(scored=3, average=0.9)  # after steps 2, 4 and 6, the last
VALUES = {2: 3.0, 4: 1.0, 6: 2.0}


def by_step(model) -> float:
    """Makes clips, and draws from the global generator as a careless scorer would."""
    z = torch.randn(2, model.preset.content_dim), torch.randn(2, model.preset.motion_dim)
    assert model.clips(*z).shape == (2, 16, 16, 16, 3)
    assert not any(net.training for net in model.nets.values())
    return VALUES[model.step]


def test_moments_are_evenly_spaced_and_end_with_the_run():
    assert moments(SMOKE) == set() and moments(SCORED) == {2, 4, 6}
    assert moments(SCORED.but(scored=100)) == {1, 2, 3, 4, 5, 6}
    assert moments(SCORED.but(steps=1003, scored=20)) > {50, 1003}
    assert len(moments(SCORED.but(steps=1003, scored=20))) == 20


@pytest.mark.parametrize("system", [EncGAN3(), R2(), LEncGAN()])
def test_scoring_changes_no_weight(tmp_path, videos, system):
    p = SCORED.but(warmup=0, motion_warmup=0) if isinstance(system, LEncGAN) else SCORED
    runs = [
        job(tmp_path, videos, system, preset=p, out=tmp_path / str(score), score=score)
        for score in (None, by_step)
    ]
    assert runs[0].key() == runs[1].key()
    plain, scored = (checkpoint.load(train(run)) for run in runs)
    for part in ("networks", "averages", "optimisers", "memory", "random"):
        assert_same(plain[part], scored[part])
    history = [(run.out / "history.jsonl").read_text() for run in runs]
    assert history[0] == history[1]
    assert not read_scores(runs[0].out) and not (runs[0].out / "best.pt").exists()


def test_the_best_moment_is_a_checkpoint_beside_the_last(tmp_path, videos):
    run = job(tmp_path, videos, preset=SCORED, score=by_step)
    last = checkpoint.load(train(run))
    assert read_scores(run.out) == [{"step": n, "score": v} for n, v in VALUES.items()]
    best = checkpoint.load(run.out / "best.pt", "r2")
    assert (best.pop("score"), best["step"], last["step"]) == (1.0, 4, 6)
    assert best.keys() == last.keys() and best["key"] == last["key"]
    part = job(tmp_path, videos, preset=SCORED, out=tmp_path / "part")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stop):
        patch.setattr(loop, "SAVE_EVERY_S", 0.0)
        train(part, progress=stopped_after(4))
    then = checkpoint.load(part.out / "checkpoint.pt")
    for name in ("networks", "averages", "optimisers"):
        assert_same(best[name], then[name])
    assert load_model(run.out / "best.pt", device="cpu").step == 4


class Killed(BaseException):
    """No scorer's failure: the process is gone."""


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("step", VALUES)
def test_a_kill_around_a_score_doubles_and_loses_none(tmp_path, videos, step, behind, monkeypatch):
    """While the scorer runs; or when the best is kept, and its line not yet written."""
    whole = job(tmp_path, videos, preset=SCORED, out=tmp_path / "whole", score=by_step)
    end = checkpoint.load(train(whole))

    def killed(*given):
        raise Killed

    def score(model):
        return by_step(model) if behind or model.step != step else killed()

    run = job(tmp_path, videos, preset=SCORED, score=score)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        if behind:
            real = loop.Scores.__init__.__globals__["write_text"]

            def write(path, text):
                return killed() if f'"step": {step},' in text else real(path, text)

            patch.setitem(loop.Scores.__init__.__globals__, "write_text", write)
        train(run)
    resumed = checkpoint.load(train(replace(run, score=by_step)))
    assert read_scores(run.out) == read_scores(whole.out)
    best = [checkpoint.load(r.out / "best.pt") for r in (whole, run)]
    assert_same(best[0]["networks"], best[1]["networks"])
    assert_same(end["networks"], resumed["networks"])
    assert (best[0]["step"], best[0]["score"]) == (best[1]["step"], best[1]["score"]) == (4, 1.0)


def test_a_scorer_that_fails_costs_its_line_alone(tmp_path, videos, capsys):
    def score(model):
        if model.step == 4:
            raise RuntimeError("no memory is left\nand more")
        return float("nan") if model.step == 6 else 5.0

    run = job(tmp_path, videos, preset=SCORED, score=score)
    assert checkpoint.load(train(run))["step"] == 6
    assert read_scores(run.out) == [{"step": n, "score": 5.0 if n == 2 else None} for n in VALUES]
    assert checkpoint.load(run.out / "best.pt")["step"] == 2
    told = capsys.readouterr().out.splitlines()
    assert told == [
        "No score at step 4: no memory is left",
        "No score at step 6: the score is nan",
    ]
    train(run)  # finished: nothing is scored again
    assert capsys.readouterr().out == ""


@dataclass(frozen=True)
class Noted:
    """A scorer that writes down who asked it."""

    out: Path

    def __call__(self, model) -> float:
        with open(self.out / "asked", "a") as file:
            file.write(json.dumps([os.environ["RANK"], model.step]) + "\n")
        return 10.0 - model.step


def test_of_several_processes_the_first_scores(tmp_path):
    saved_cache(tmp_path / "data")
    p = SCORED.but(batch=4, average=0.0)
    run = job(tmp_path, tmp_path / "data", preset=p, score=Noted(tmp_path))
    train(run, processes=2)
    asked = [json.loads(line) for line in (tmp_path / "asked").read_text().splitlines()]
    assert asked == [["0", 2], ["0", 4], ["0", 6]]
    assert [line["score"] for line in read_scores(run.out)] == [8.0, 6.0, 4.0]
