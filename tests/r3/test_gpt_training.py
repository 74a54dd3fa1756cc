"""The GPT's training: what counts, what is frozen, how it goes on, what is refused."""

import json
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import Stop, moving_videos, stopped_after
from torch import nn

from rencgan.core import checkpoint
from rencgan.core.errors import InputError
from rencgan.data.videoset import VideoSet
from rencgan.models.ar2 import AR2
from rencgan.models.r2 import R2
from rencgan.models.trained import load_model
from rencgan.presets.table import GPT_SMOKE as SMOKE
from rencgan.presets.table import SMOKE as R2_SMOKE
from rencgan.r3.gpt import GPT, Statistics
from rencgan.r3.r3 import R3, eq_5_3
from rencgan.r3.sequences import Batch
from rencgan.training import loop
from rencgan.training.loop import Job, Run, train
from rencgan.training.processes import Group

SUBJECTS = ["a", "b", "a", "b"]


@pytest.fixture(scope="module")
def videos():
    return VideoSet.from_arrays(moving_videos(4, frames=80), subjects=SUBJECTS)


@pytest.fixture(scope="module")
def r2(tmp_path_factory, videos):
    return load_model(train(Job(R2(), R2_SMOKE, videos, tmp_path_factory.mktemp("r2"))))


@pytest.fixture
def job(r2, videos, tmp_path):
    return Job(R3(), SMOKE, videos, tmp_path / "gpt", base=r2, cache=tmp_path / "tokens")


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def weights(content) -> torch.Tensor:
    return torch.cat([w.flatten() for w in content["networks"]["gpt"].values()])


def a_batch(n=6, d=5, b=3) -> Batch:
    real = torch.ones(b, n, dtype=torch.bool)
    real[0, 4:] = False
    codes = torch.randn(b, n, d, generator=chance()) * real[..., None]
    return Batch(codes, None, real)


@pytest.mark.parametrize("head", ["regression", "mixture", "flow"])
def test_padding_counts_nowhere(head):
    torch.manual_seed(0)
    gpt, batch = GPT(SMOKE.but(head=head), 5), a_batch()
    plain = eq_5_3(gpt, batch, chance())["code"]
    filled = batch.codes.clone()
    filled[0, 4:] = 9.0
    assert torch.equal(plain, eq_5_3(gpt, batch._replace(codes=filled), chance())["code"])


def test_the_loss_is_the_mean_over_all_tokens_that_follow_one():
    torch.manual_seed(0)
    gpt, batch = GPT(SMOKE, 5, 0, Statistics(torch.rand(5), torch.rand(5) + 0.5)), a_batch()
    found = []
    with torch.no_grad():
        for codes, real in zip(batch.codes, batch.real, strict=True):
            n = int(real.sum())
            h, _ = gpt(codes[None, : n - 1])
            nothing = torch.zeros(1, n - 1, 5), torch.zeros(1, n - 1)
            made = gpt.draw(h, codes[None, : n - 1], *nothing)
            error = nn.functional.smooth_l1_loss(made[0], codes[1:n], reduction="none")
            found += error.mean(-1).tolist()
        whole = float(eq_5_3(gpt, batch, chance())["code"])
    assert whole == pytest.approx(np.mean(found), rel=1e-5)


def test_symbols_are_predicted_by_cross_entropy():
    torch.manual_seed(0)
    gpt = GPT(SMOKE, 5, vocabulary=7)
    symbols = torch.tensor([[1, 5, -1, -1, 4, -1]])
    batch = Batch(a_batch(b=1).codes, symbols, torch.ones(1, 6, dtype=torch.bool))
    terms = eq_5_3(gpt, batch, chance())
    h, _ = gpt(batch.codes[:, :-1], symbols[:, :-1])
    right = nn.functional.cross_entropy(gpt.symbol_out(h[0, [0, 3]]), torch.tensor([5, 4]))
    assert torch.allclose(terms["symbol"], right) and set(terms) == {"code", "symbol"}


def test_noise_lies_on_what_is_read_and_not_on_what_is_predicted(monkeypatch):
    torch.manual_seed(0)
    p = SMOKE.but(context_noise=0.5)
    gpt, batch = GPT(p, 5, 0, Statistics(torch.zeros(5), torch.full((5,), 2.0))), a_batch(b=2)
    seen = {}
    forward, loss = gpt.forward, gpt.loss

    def read(codes, symbols, level):
        seen["read"], seen["level"] = codes, level
        return forward(codes, symbols, level)

    def judged(h, last, following, *noise):
        seen["last"], seen["target"] = last, following
        return loss(h, last, following, *noise)

    monkeypatch.setattr(gpt, "forward", read)
    monkeypatch.setattr(gpt, "loss", judged)
    eq_5_3(gpt, Batch(batch.codes, None, torch.ones_like(batch.real)), chance())
    assert (seen["level"] <= 0.5).all() and (seen["level"] > 0).all()
    off = (seen["read"] - batch.codes[:, :-1]) / (2.0 * seen["level"][:, None, None])
    assert 0.7 < float(off.std()) < 1.3
    assert torch.equal(seen["target"], batch.codes[:, 1:].flatten(0, 1))
    assert torch.equal(seen["last"], seen["read"].flatten(0, 1))


def test_without_noise_nothing_is_added():
    gpt, batch = GPT(SMOKE, 5), a_batch()
    a, b = (eq_5_3(gpt, batch, chance(seed))["code"] for seed in (0, 1))
    assert torch.equal(a, b)


@pytest.mark.parametrize("format", ["pad0", "padzs", "disc+cont"])
@pytest.mark.parametrize("head", ["regression", "mixture", "flow"])
def test_every_head_learns_in_every_format(job, head, format):
    p = SMOKE.but(head=head, format=format, lr=3e-3, lr_decay=0.0, context_noise=0.1)
    run = Run(replace(job, preset=p), Group(), None)
    gpt, sequences = run.players.nets["gpt"], run.reader
    before = [w.clone() for w in gpt.parameters()]

    def judged() -> float:
        """On batches and noise that are the same before and after."""
        with torch.no_grad():
            batches = [sequences.batch(1000 + i) for i in range(8)]
            terms = [eq_5_3(gpt, batch, chance(i)) for i, batch in enumerate(batches)]
        return float(np.mean([float(t["code"]) for t in terms]))

    first = judged()
    found = [run.step(step, sequences.batch(step)) for step in range(40)]
    assert all(torch.isfinite(torch.stack(list(f.values()))).all() for f in found)
    moved = [not torch.equal(a, b) for a, b in zip(before, gpt.parameters(), strict=True)]
    assert sum(moved) >= len(moved) - 1  # keys' biases do not count in a softmax
    assert judged() < first


def test_the_r2_stays_as_it_was(job, r2):
    before = {n: w.clone() for n, w in r2.nets["encoder"].state_dict().items()}
    train(job)
    for name, value in r2.nets["encoder"].state_dict().items():
        assert torch.equal(before[name], value), name


def test_killed_and_started_again_it_ends_with_the_same_weights(job, tmp_path, monkeypatch):
    job = replace(job, preset=SMOKE.but(dropout=0.3, context_noise=0.2, head="flow"))
    whole = checkpoint.load(train(job))
    again = replace(job, out=tmp_path / "again")
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    with pytest.raises(Stop):
        train(again, progress=stopped_after(4))
    assert checkpoint.load(again.out / "checkpoint.pt")["step"] == 4
    # a fit repeated on another machine differs in signs: the directions are those that were saved
    monkeypatch.setattr("rencgan.r3.tokens.Coordinates.fitted", None)
    resumed = checkpoint.load(train(again))
    assert torch.equal(weights(whole), weights(resumed))
    a, b = ((x.out / "history.jsonl").read_text() for x in (job, again))
    assert a == b and json.loads(a.splitlines()[-1])["step"] == 6
    began = []
    train(again, progress=lambda *a: began.append(a))
    assert began == [(6, 6, {})]  # finished: nothing is done


@pytest.mark.parametrize("batch, steps", [(60, 3), (8, 3), (3, 9), (1, 24)])
def test_steps_follow_from_epochs_sequences_and_batch(job, batch, steps):
    """4 videos from 2 first frames each; what a whole number of batches leaves over is a batch."""
    counted = replace(job, preset=SMOKE.but(windows=False, epochs=3.0, batch=batch))
    assert counted.preset.steps == steps
    run = Run(counted, Group(), None)
    assert len(run.reader.sequences) == 8 == counted.system.samples(counted)
    seen = [len(run.reader.batch(step).codes) for step in range(steps)]
    assert sum(seen) == 3 * 8 and max(seen) == min(batch, 8)


def test_no_base_and_no_tokens_are_needed_to_count_steps(job):
    p = SMOKE.but(windows=False, epochs=2.0, starts=1)
    assert replace(job, preset=p, base=None).preset.steps == 2 * -(-4 // p.batch)


def test_the_schedule_lies_in_the_checkpoint_and_is_followed(job):
    p = SMOKE.but(windows=False, epochs=2.0, batch=5)
    content = checkpoint.load(train(replace(job, preset=p)))
    assert (content["preset"]["epochs"], content["preset"]["steps"], content["step"]) == (2.0, 4, 4)
    assert load_model(job.out / "checkpoint.pt", base=job.base).preset.windows is False


def test_it_is_scored_along_its_way(job, capsys):
    scores = iter([3.0, 1.0, 2.0])
    p = SMOKE.but(windows=False, epochs=3.0, batch=5, scored=3)
    train(replace(job, preset=p, score=lambda model: len(model.gpt.blocks) - 2 + next(scores)))
    best = checkpoint.load(job.out / "best.pt", "r3")
    assert best["step"] == 4 and load_model(job.out / "best.pt", base=job.base).gpt.dim == 6
    assert "No score" not in capsys.readouterr().out


@pytest.mark.parametrize("format, most", [("pad0", 9), ("padzs", 9), ("disc+cont", 21)])
def test_whole_sequences_take_no_more_positions_than_the_longest_needs(job, format, most):
    """Section 5.4.4; in disc+cont a class, two lengths and two of the longest."""
    p = SMOKE.but(windows=False, format=format, positions=30)
    assert Run(replace(job, preset=p), Group(), None).reader.p.positions == most


@pytest.mark.parametrize("format", ["pad0", "padzs", "disc+cont"])
def test_whole_sequences_are_killed_and_started_again_too(job, tmp_path, monkeypatch, format):
    p = SMOKE.but(windows=False, epochs=2.0, batch=3, format=format)
    job = replace(job, preset=p)
    whole, again = checkpoint.load(train(job)), replace(job, out=tmp_path / "again")
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    with pytest.raises(Stop):
        train(again, progress=stopped_after(4))
    assert torch.equal(weights(whole), weights(checkpoint.load(train(again))))


def test_a_run_that_goes_on_lets_its_checkpoint_go(job, monkeypatch):
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    with pytest.raises(Stop):
        train(job, progress=stopped_after(3))
    kept, alive = [], []
    load = checkpoint.load

    def loaded(*given, **options):
        content = load(*given, **options)
        kept.extend(map(weakref.ref, content["networks"]["gpt"].values()))
        kept.extend(map(weakref.ref, content["averages"]["gpt"].values()))
        return content

    monkeypatch.setattr(checkpoint, "load", loaded)
    train(job, progress=lambda *told: alive.append(sum(w() is not None for w in kept)))
    assert alive == [len(kept), 0, 0, 0] and len(kept) > 20  # before it goes on, and after steps


def test_refused_in_one_sentence(job, r2, videos, tmp_path):
    train(job)
    with pytest.raises(InputError, match="codes of another R2 .*; give that one"):
        train(replace(job, base=replace(r2, digest="0" * 12)))
    with pytest.raises(InputError, match="another recipe or other data"):
        train(replace(job, seed=1))
    for base, told in ((replace(r2, system=AR2()), "a 'ar2' model was given"), (None, "none was")):
        with pytest.raises(InputError, match=f"reads the codes of a trained 'r2'; {told}"):
            train(replace(job, base=base))
    with pytest.raises(InputError, match="the seed must be 0 or more"):
        train(replace(job, seed=-1))
    with pytest.raises(InputError, match="R3 trains in one process: its sequences are not shared"):
        job.check(2)
    short = VideoSet.from_arrays([v[:20] for v in moving_videos(2)])
    with pytest.raises(InputError, match="two tokens take 24 frames; the longest .* has 20"):
        train(replace(job, data=short, out=tmp_path / "short"))
    with pytest.raises(InputError, match="holds a model of kind 'r2'; 'r3' is needed"):
        (tmp_path / "r2").mkdir()
        path = train(Job(R2(), R2_SMOKE, videos, tmp_path / "r2"))
        train(replace(job, out=path.parent))


def test_a_loss_that_is_not_finite_stops_it(job):
    with pytest.raises(InputError, match="the loss term 'code' became (nan|inf) at step"):
        train(replace(job, preset=SMOKE.but(lr=1e30, largest_gradient=0.0, steps=20)))
