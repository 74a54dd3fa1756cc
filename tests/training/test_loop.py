"""A run: that it can be killed at any moment, what it depends on, what it refuses."""

import math
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT, Stop, moving_videos, stopped_after
from stepping import assert_same

from rencgan.core import checkpoint
from rencgan.core.errors import InputError
from rencgan.core.files import only
from rencgan.data.videoset import VideoSet, write_tables
from rencgan.models.ar2 import AR2
from rencgan.models.encgan3 import EncGAN3
from rencgan.models.lencgan import LEncGAN
from rencgan.models.r2 import R2
from rencgan.presets.table import GPT_SMOKE, SMOKE
from rencgan.r3.r3 import R3
from rencgan.studies import recipes
from rencgan.training import loop, processes
from rencgan.training.loop import Clock, Job, train
from rencgan.training.players import Players
from rencgan.training.processes import Group
from rencgan.training.record import read_history


def job(tmp_path: Path, videos, system=R2(), **changes) -> Job:  # noqa: B008
    return Job(system, **({"preset": SMOKE, "data": videos, "out": tmp_path / "run"} | changes))


def test_a_run_leaves_checkpoint_history_and_samples(tmp_path, videos):
    run, told = job(tmp_path, videos), []
    path = train(run, progress=lambda done, total, losses: told.append((done, total, len(losses))))
    content = checkpoint.load(path, "r2")
    assert (content["step"], content["seed"], content["key"]) == (SMOKE.steps, 0, run.key())
    history = read_history(tmp_path / "run" / "history.jsonl")
    assert [line["step"] for line in history] == list(range(1, SMOKE.steps + 1))
    assert told == [(0, 6, 0), *((n, 6, len(history[n - 1]) - 1) for n in range(1, 7))]
    samples = sorted(p.name for p in (tmp_path / "run" / "samples").iterdir())
    assert samples == [*(f"{n:07d}.npy" for n in range(1, 7)), "real.npy"]
    real = np.load(tmp_path / "run/samples/real.npy")
    assert real.shape == (4, 16, 16, 16, 3) and real.dtype == np.uint8
    stamp = path.stat().st_mtime_ns
    assert train(run) == path
    assert path.stat().st_mtime_ns == stamp  # finished: nothing was trained again


RECIPES = {
    "R2": (R2(), {}),
    "R2, separate": (R2.variant("v1"), {"largest_gradient": 0.0, "w_jitter": 1.0}),
    "EncGAN3": (EncGAN3(sampling="uniform"), {}),
    "AR2": (AR2(), {}),
    "AR2+, noise": (AR2(), {"recall_noise": 0.5}),
    "AR2+, roll-outs": (AR2(), {"rollout": 2}),
}


@pytest.mark.parametrize("name", RECIPES)
def test_stopping_anywhere_changes_nothing(tmp_path, videos, name, monkeypatch):
    system, changes = RECIPES[name]
    p = SMOKE.but(average=0.9, lr_decay=0.5, **changes)
    whole, parts = (
        job(tmp_path, videos, system, preset=p, out=tmp_path / n) for n in ("whole", "parts")
    )
    end = checkpoint.load(train(whole))
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    for n in (2, 3, 5):
        with pytest.raises(Stop):
            train(parts, progress=stopped_after(n))
        assert checkpoint.load(parts.out / "checkpoint.pt")["step"] == n
    resumed = checkpoint.load(train(parts))
    for part in ("networks", "averages", "optimisers"):
        assert_same(end[part], resumed[part])
    lines = [read_history(run.out / "history.jsonl") for run in (whole, parts)]
    assert lines[0] == lines[1]


SCRIPT = """
import sys
from pathlib import Path
import rencgan.training.loop as module
from rencgan.models.r2 import R2
from rencgan.presets.table import SMOKE
module.SAVE_EVERY_S = 0.2
data, out, steps = sys.argv[1:]
job = module.Job(R2(), SMOKE.but(steps=int(steps), average=0.99), Path(data), Path(out))
start = []
def tell(done, total, losses):
    if not start:
        print("start", done, flush=True)
    start.append(done)
module.train(job, progress=tell)
print("finished", flush=True)
"""


def kill_and_resume(tmp_path: Path, kills: int, steps: int, seed: int) -> None:
    """Trains in a process that is killed `kills` times at random moments after its first own
    checkpoint.
    """
    data = tmp_path / "data"
    saved_cache(data)
    rng = random.Random(seed)
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}

    def start(out):
        command = [sys.executable, "-c", SCRIPT, str(data), str(tmp_path / out), str(steps)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)

    whole = start("whole")
    assert "finished" in whole.communicate()[0]
    path, done = tmp_path / "killed" / "checkpoint.pt", 0
    while done < kills:
        process = start("killed")
        began = int(process.stdout.readline().split()[1])
        assert began > 0 or done == 0
        stamp = path.stat().st_mtime_ns if path.exists() else None
        while (
            process.poll() is None and (path.stat().st_mtime_ns if path.exists() else None) == stamp
        ):
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.3))
        assert process.poll() is None, (
            "the run ended before it could be killed: more steps are needed"
        )
        process.send_signal(signal.SIGKILL)
        process.communicate()
        done += 1
    last = start("killed")
    output = last.communicate()[0]
    assert int(output.split()[1]) > 0 and "finished" in output
    a, b = (checkpoint.load(tmp_path / d / "checkpoint.pt") for d in ("whole", "killed"))
    assert a["step"] == b["step"] == steps
    for part in ("networks", "averages", "optimisers"):
        assert_same(a[part], b[part])


def saved_cache(path: Path) -> VideoSet:
    """A prepared folder as rencgan.data.prepare writes it, of small moving videos."""
    videos = VideoSet.from_arrays(moving_videos(4))
    path.mkdir()
    np.save(path / "frames.npy", videos.frames)
    write_tables(path, videos.videos, videos.frames.shape, {})
    return VideoSet.open(path)


def test_four_kills_at_random_moments_change_nothing(tmp_path):
    kill_and_resume(tmp_path, kills=4, steps=150, seed=1)


@pytest.mark.long
def test_twenty_kills_at_random_moments_change_nothing(tmp_path):
    kill_and_resume(tmp_path, kills=20, steps=900, seed=2)


UNEVEN = {"batch": 5, "warmup_batch": 7, "motion_batch": 8}  # over 2 and over 3 processes
SHARED = {
    "R2, evenly by 2": (R2(), 2, {"batch": 4}),
    "R2 by 3": (R2(), 3, UNEVEN),
    "AR2+, roll-outs by 2": (AR2(), 2, UNEVEN | {"rollout": 2}),
}


@pytest.mark.parametrize("name", SHARED)
def test_several_processes_reproduce_one_up_to_batch_statistics(tmp_path, name):
    """Through both warm-ups: a share counts by its rows, whether or not shares are even."""
    saved_cache(tmp_path / "data")
    system, processes, changes = SHARED[name]
    p = SMOKE.but(steps=4, batch_statistics=False, **changes)
    of = [
        job(tmp_path, tmp_path / "data", system, preset=p, out=tmp_path / str(n))
        for n in (1, processes)
    ]
    one, many = (
        checkpoint.load(train(run, processes=n))["networks"]
        for run, n in zip(of, (1, processes), strict=True)
    )
    for part, states in one.items():
        for key, value in states.items():
            assert torch.allclose(value, many[part][key], atol=2e-5), (part, key)
    first = Players(system, p).nets["generator"].to_rgb.weight
    assert not torch.allclose(one["generator"]["to_rgb.weight"], first, atol=2e-5)


def test_three_processes_share_a_batch_of_25_with_batch_norm(tmp_path):
    saved_cache(tmp_path / "data")
    p = SMOKE.but(batch=25, warmup_batch=7, motion_batch=8, average=0.9)
    run = job(tmp_path, tmp_path / "data", preset=p)
    content = checkpoint.load(train(run, processes=3))
    assert content["step"] == p.steps
    norms = [v for k, v in content["networks"]["encoder"].items() if k.endswith("running_var")]
    assert norms and all(v.isfinite().all() and (v > 0).all() for v in norms)


class Sum:
    """In the place of torch.distributed: sums what the processes of a group bring, one by one."""

    def __init__(self):
        self.total = 0

    def all_reduce(self, x):
        self.total = self.total + x.clone()
        x.copy_(self.total)


@pytest.mark.parametrize("sizes", [(13, 12), (9, 8, 8), (5, 5, 5, 5, 5)])
def test_means_over_uneven_rows_average_to_the_mean_over_all(monkeypatch, sizes):
    batch, net, norm = sum(sizes), torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(3)
    x = torch.randn(batch, 3, generator=torch.Generator().manual_seed(0))
    net(x).square().mean().backward()
    whole = net.weight.grad.clone()
    groups = [Group(rank, len(sizes)) for rank in range(len(sizes))]
    assert [len(x[g.rows(batch)]) for g in groups] == list(sizes)
    assert torch.equal(torch.cat([x[g.rows(batch)] for g in groups]), x)
    gradients, means, numbers = Sum(), Sum(), Sum()
    for g in groups:
        net.zero_grad()
        net(x[g.rows(batch)]).square().mean().backward()
        norm.running_mean.copy_(x[g.rows(batch)].mean(0))
        monkeypatch.setattr(processes, "dist", gradients)
        g.average_gradients(net, batch)
        monkeypatch.setattr(processes, "dist", SumOfOne(means, norm.running_mean))
        g.average_statistics(norm, batch)
        monkeypatch.setattr(processes, "dist", numbers)
        number = g.mean(x[g.rows(batch)].mean(), batch)
    assert torch.allclose(net.weight.grad, whole, atol=1e-6)  # the last one saw all of them
    assert torch.allclose(number, x.mean(), atol=1e-6)
    assert torch.allclose(norm.running_mean, x.mean(0), atol=1e-6)
    assert all(g.weight(batch) == 1.0 for g in groups) == (len(set(sizes)) == 1)


class SumOfOne:
    """The same, of one buffer alone."""

    def __init__(self, sums, buffer):
        self.sums, self.buffer = sums, buffer

    def all_reduce(self, x):
        if x is self.buffer:
            self.sums.all_reduce(x)


def test_the_control_trains_in_one_process_and_says_so(tmp_path, videos, capsys):
    """LEncGAN beside an R2 that has two."""
    run = job(tmp_path, videos, LEncGAN())
    assert recipes.trained(run, processes=2).step == SMOKE.steps
    said = "LEncGAN trains in one process, not in 2: the state of its videos is not shared."
    assert said in capsys.readouterr().out
    recipes.trained(run)
    assert said not in capsys.readouterr().out


def test_more_processes_than_gpus_are_refused_before_anything_starts(tmp_path, monkeypatch):
    saved_cache(tmp_path / "data")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    run = job(
        tmp_path, tmp_path / "data", preset=SMOKE.but(batch=6, warmup_batch=6, motion_batch=6)
    )
    with pytest.raises(InputError, match="3 processes need a GPU each, and here are 2"):
        train(run, processes=3)
    assert not run.out.exists()


def test_published_batches_go_with_two_and_three_processes(tmp_path, videos):
    for model in ("encgan3", "r2", "improved-r2", "ar2"):
        run = recipes.job(model, "128", videos, tmp_path)
        for n in (2, 3):
            run.check(n)


def test_processes_ask_the_first_one_seldom(monkeypatch):
    """Steps of 10 ms, saving after 20 s: some questions a checkpoint, and none comes late."""
    now, asked = [0.0], []
    monkeypatch.setattr(loop.time, "monotonic", lambda: now[0])

    def agree(self, *numbers):
        asked.append(now[0])
        return numbers

    monkeypatch.setattr(Group, "agree", agree)
    first, other = Clock(Group(0, 2)), Clock(Group(1, 2))
    saved = []
    for step in range(1000, 9000):
        now[0] += 0.01
        if first.due(step):
            saved.append(now[0])
            first.saved()
    gaps = np.diff([0.0, *saved])
    assert len(saved) >= 3 and (gaps >= loop.SAVE_EVERY_S).all() and (gaps < 21).all()
    assert len(asked) < 20 * len(saved)
    monkeypatch.setattr(Group, "agree", lambda self, *numbers: [1, 3])
    assert [other.due(step) for step in range(5)] == [True, False, False, True, False]


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_checkpoint(
    tmp_path, videos, monkeypatch
):
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    real = Players.play

    def broken(self, s, group):
        bad = {"kl_motion": torch.tensor(float("nan"))} if s.number == 3 else {}
        return real(self, s, group) | bad

    monkeypatch.setattr(Players, "play", broken)
    with pytest.raises(InputError, match="'kl_motion' became nan at step 4"):
        train(job(tmp_path, videos))
    assert checkpoint.load(tmp_path / "run" / "checkpoint.pt")["step"] == 3


def test_fine_tuning_begins_from_the_given_weights(tmp_path, videos):
    """What generates is the running average: where there is one, that is what is begun from."""
    still = SMOKE.but(lr_encoder=0.0, lr_generator=0.0, lr_discriminator=0.0)
    for average, part in ((0.0, "networks"), (0.9, "averages")):
        p = SMOKE.but(average=average)
        base = train(job(tmp_path, videos, EncGAN3(), preset=p, out=tmp_path / part))
        run = job(tmp_path, videos, preset=still, init_from=base, out=tmp_path / f"from {part}")
        begun, ended = checkpoint.load(base), checkpoint.load(train(run), "r2")
        for name in ("encoder", "generator"):
            for key, value in ended["networks"][name].items():
                if key.endswith("weight"):
                    assert torch.equal(value, begun[part][name][key]), (name, key)
    wrong = SMOKE.but(content_dim=9)
    with pytest.raises(InputError, match="does not fit preset"):
        train(job(tmp_path, videos, preset=wrong, init_from=base, out=tmp_path / "wrong"))


def test_another_recipe_does_not_go_on_from_this_checkpoint(tmp_path, videos):
    train(job(tmp_path, videos))
    run = job(tmp_path, videos)
    for changes in ({"seed": 1}, {"data": videos.every(2)}, {"system": R2(noise=True)}):
        with pytest.raises(InputError, match="another recipe or other data"):
            train(replace(run, **changes))
    assert checkpoint.load(tmp_path / "run" / "checkpoint.pt")["seed"] == 0
    with pytest.raises(InputError, match="holds a model of kind 'r2'; 'ar2' is needed"):
        train(job(tmp_path, videos, AR2()))


def test_two_runs_cannot_share_a_folder(tmp_path, videos):
    (tmp_path / "run").mkdir()
    with (
        only(tmp_path / "run" / ".lock", "taken"),
        pytest.raises(InputError, match="another process is training"),
    ):
        train(job(tmp_path, videos))
    train(job(tmp_path, videos))  # nothing stale is left behind


def test_the_folder_that_cannot_be_made_is_named(tmp_path, videos):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made a folder"):
        train(job(tmp_path, videos, out=tmp_path / "file" / "run"))


IMPOSSIBLE = {
    "a seed below 0": ({"seed": -1}, 1, "the seed must be 0 or more, not -1"),
    "videos in memory": ({"preset": SMOKE.but(batch=4)}, 2, "several processes read a prepared"),
    "batch": ({"preset": SMOKE}, 3, "batch of 2 goes with at most 2 processes, not 3: each needs"),
    "one clip each": ({"system": AR2(), "preset": SMOKE}, 2, "batch of 2 goes with at most 1 proc"),
    "first warm-up": ({"preset": SMOKE.but(warmup_batch=3)}, 2, "batch of 3 goes with at most 1"),
    "second": ({"preset": SMOKE.but(motion_batch=5, batch=6, warmup_batch=6)}, 3, "most 2 process"),
    "no base": ({"system": R3(), "preset": GPT_SMOKE}, 1, "R3 reads the codes of a trained 'r2'"),
    "two processes": ({"system": R3(), "preset": GPT_SMOKE}, 2, "R3 reads the codes"),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_what_cannot_be_trained_is_refused_before_anything_is_made(tmp_path, videos, case):
    changes, processes, words = IMPOSSIBLE[case]
    with pytest.raises(InputError, match=words) as refused:
        train(job(tmp_path, videos, **changes), processes)
    assert "\n" not in str(refused.value) and not (tmp_path / "run").exists()


def test_videos_of_another_size_are_refused(tmp_path):
    large = VideoSet.from_arrays(moving_videos(2, size=32))
    with pytest.raises(InputError, match="trains at 16 pixels; these videos have 32"):
        train(job(tmp_path, large))


def test_a_checkpoint_is_due_now_and_then_and_rarely_where_saving_takes_long(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(loop.time, "monotonic", lambda: now[0])
    clock = Clock(Group())

    def due(at):
        now[0] = at
        return clock.due(0)

    assert not due(loop.SAVE_EVERY_S - 1) and due(loop.SAVE_EVERY_S)
    now[0] += 10.0  # saving took that long
    clock.saved()
    last = now[0]
    assert not due(last + 199) and due(last + 200)
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    assert due(last)  # 0: every step


def test_what_is_saved_without_a_question_is_timed_too(tmp_path, videos, monkeypatch):
    """Moments are saved because they come; nobody asks whether it is time."""
    clocks, monotonic = [], time.monotonic
    monkeypatch.setattr(loop, "Clock", lambda group: clocks.append(Clock(group)) or clocks[0])
    monkeypatch.setattr(loop.time, "monotonic", lambda: 1e6 + monotonic())
    p = SMOKE.but(scored=SMOKE.steps)
    train(job(tmp_path, videos, preset=p, score=lambda model: 1.0))
    assert clocks[0].took < 1e4


def test_steps_follow_from_epochs_and_the_set(tmp_path, videos):
    """Four training videos of 60 frames: one clip of each, or 5 pairs, or 4 clips in a row."""
    p = SMOKE.but(warmup=0, motion_warmup=0)
    long = {"EncGAN3": (EncGAN3(), 4), "R2": (R2(), 4 * 5), "LEncGAN": (LEncGAN(), 4 * 3)}
    for system, samples in long.values():
        for epochs in (1.0, 2.5):
            run = job(tmp_path, videos, system, preset=p.but(epochs=epochs, batch=3))
            assert run.preset.steps == math.ceil(epochs * samples / 3)
            assert replace(run, seed=1).preset == run.preset
    run = job(tmp_path, videos, preset=p.but(epochs=0.4, batch=2))
    content = checkpoint.load(train(run))
    assert content["step"] == run.preset.steps == 4
    assert (content["preset"]["epochs"], content["preset"]["steps"]) == (0.4, 4)
    assert run.key() != job(tmp_path, videos, preset=p.but(steps=4, batch=2)).key()


def test_a_run_may_train_on_the_whole_set(tmp_path, videos):
    parts = {n: job(tmp_path, videos, preset=SMOKE.but(train_on=n)) for n in ("train", "all")}
    assert [len(run.videos()) for run in parts.values()] == [4, 5]
    assert parts["train"].key() == job(tmp_path, videos).key() != parts["all"].key()
