"""Updates, the loop, resuming: what a run may and may not depend on."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT, Stop, moving_videos, stopped_after
from rencgan.models.updates import ENCGAN3, VARIANTS, Draws, Forward, iteration
from rencgan.training.gan import NETWORKS, Players

from rencgan.core import checkpoint
from rencgan.core.errors import InputError
from rencgan.data.pixels import as_clips
from rencgan.data.videoset import VideoSet, write_tables
from rencgan.models import losses, updates
from rencgan.presets.table import SMOKE
from rencgan.training.loop import Job, train
from rencgan.training.processes import Group
from rencgan.training.record import read_history

ALONE = Group()


def weights(network) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def batch_of(frames: int) -> torch.Tensor:
    return as_clips(np.stack([v[:frames] for v in moving_videos(2)]))


def moved(players: Players, action) -> set[str]:
    """Names of the networks whose weights an action changes."""
    before = {n: weights(m) for n, m in players.networks().items()}
    action()
    return {n for n, m in players.networks().items() if not torch.equal(weights(m), before[n])}


def test_every_update_moves_its_own_player_only():
    m, x = Players(SMOKE), batch_of(16)
    d = Draws.of(0, 0, 1, SMOKE, ALONE, "cpu")

    def forward():
        return Forward(m, x, d, ENCGAN3)

    fakes = [f.detach() for f in forward().fakes()]
    cases = {
        "video_d": lambda: updates.update_video_d(m, ALONE, x, fakes),
        "image_d": lambda: updates.update_image_d(
            m, ALONE, x[:, :, 0], [f[:, :, 0] for f in fakes]
        ),
        "encoder": lambda: updates.update_encoder(m, ALONE, forward().reconstruction()),
        "generator": lambda: updates.update_generator(m, ALONE, forward().fooling()),
    }
    for name, action in cases.items():
        assert moved(m, action) == {name}


@pytest.mark.parametrize("variant", list(VARIANTS))
def test_every_variant_of_table_4_3_steps_all_players(variant):
    m, o = Players(SMOKE), VARIANTS[variant]
    d = Draws.of(0, 0, 2, SMOKE, ALONE, "cpu")
    record = {}
    assert moved(m, lambda: record.update(iteration(m, ALONE, batch_of(24), d, o))) == set(NETWORKS)
    assert ("reconstruction" in record) == o.clip
    assert "reference" in record
    forward = Forward(m, batch_of(24), d, o)
    assert len(forward.fakes()) == 3 + o.noise
    assert len(forward.frames()) == 2 + o.noise


def test_the_five_variants_differ_as_table_4_3_says():
    differences = {
        ("v1", "v2"): {"stitched_clip"},
        ("v2", "v3"): {"clip"},
        ("v3", "v5"): {"noise"},
        ("v2", "v4"): {"joint", "noise"},
        ("v2-noiseless", "v4"): {"joint"},
    }
    for (a, b), expected in differences.items():
        one, other = vars(VARIANTS[a]), vars(VARIANTS[b])
        assert {k for k in one if one[k] != other[k]} == expected


def test_the_stitched_reconstruction_of_v1_counts():
    m, x = Players(SMOKE), batch_of(24)
    d = Draws.of(0, 0, 2, SMOKE, ALONE, "cpu")
    with torch.no_grad():
        f = Forward(m, x, d, VARIANTS["v1"])
        parts = [(f.clips - f.x_hat).abs().mean(dim=(1, 2, 3, 4))]
        parts.append((x[:, :, :16] - f.fakes()[2]).abs().mean(dim=(1, 2, 3, 4)))
        assert f.reconstruction()["reconstruction"] == pytest.approx(torch.cat(parts).mean())


def test_recall_one_half_at_a_time():
    m, x = Players(SMOKE), batch_of(24)
    d = Draws.of(0, 0, 2, SMOKE, ALONE, "cpu")
    only_enc = Forward(m, x, d, updates.Objective(recall_critic=False))
    only_3vd = Forward(m, x, d, updates.Objective(recall_encoder=False))
    assert (len(only_enc.fakes()), only_enc.reference) == (2, 8)
    assert (len(only_3vd.fakes()), only_3vd.reference) == (3, 0)


def test_the_warm_up_moves_the_content_streams_only():
    m, frames = Players(SMOKE), batch_of(1)
    d = Draws.of(0, 0, 2, SMOKE.but(warmup_batch=2), ALONE, "cpu")
    before = {n: p.detach().clone() for n, p in m.encoder.named_parameters()}
    before |= {n: p.detach().clone() for n, p in m.generator.named_parameters()}
    record = {}
    action = lambda: record.update(iteration(m, ALONE, frames, d, VARIANTS["v4"]))  # noqa: E731
    assert moved(m, action) == {"encoder", "generator"}
    assert set(record) == {"reconstruction", "kl_content"}
    after = dict(m.encoder.named_parameters()) | dict(m.generator.named_parameters())
    names = {n for n in before if not torch.equal(before[n], after[n])}
    assert any(n.startswith("content") for n in names) and any("spatial" in n for n in names)
    assert not [n for n in names if "motion" in n or "temporal" in n or "video" in n]


def test_after_the_warm_up_the_content_streams_keep_their_statistics():
    m, x = Players(SMOKE), batch_of(24)
    d = Draws.of(0, 0, 2, SMOKE, ALONE, "cpu")

    def statistics():
        parts = {"content": m.encoder.content, "spatial": m.generator.blocks[0].spatial}
        parts |= {"motion": m.encoder.motion, "video": m.generator.blocks[0].video}
        return {
            name: [b.clone() for n, b in part.named_buffers() if n.endswith("running_mean")]
            for name, part in parts.items()
        }

    def changed(step):
        m.begin(step)
        before = statistics()
        iteration(m, ALONE, x, d, VARIANTS["v4"])
        after = statistics()
        same = {n: all(map(torch.equal, before[n], after[n])) for n in before}
        return {name for name in before if not same[name]}

    assert changed(SMOKE.warmup - 1) == {"content", "spatial", "motion", "video"}
    assert changed(SMOKE.warmup) == {"motion", "video"}


def test_the_motion_warm_up_follows_and_ends():
    m, x = Players(SMOKE), batch_of(24)
    d = Draws.of(0, 0, 2, SMOKE, ALONE, "cpu")
    terms = {}
    for step in (SMOKE.warmup, SMOKE.warmup + SMOKE.motion_warmup):
        m.begin(step)
        terms[step] = set(iteration(m, ALONE, x, d, VARIANTS["v4"]))
    assert terms[SMOKE.warmup] == {"direction", "still", "kl_content", "kl_motion"}
    assert "video_d" in terms[SMOKE.warmup + SMOKE.motion_warmup]


def test_after_the_warm_up_the_content_streams_learn_slowly():
    m = Players(SMOKE.but(content_rate=0.1, motion_rate=3.0, lr_generator=1e-3))
    rates = {}
    for step in (SMOKE.warmup - 1, SMOKE.warmup):
        m.begin(step)
        rates[step] = {g["content"]: g["lr"] for g in m.optimisers["generator"].param_groups}
    assert rates[SMOKE.warmup - 1] == {True: 1e-3, False: 1e-3}
    assert rates[SMOKE.warmup] == pytest.approx({True: 1e-4, False: 3e-3})


def test_the_last_layer_learns_at_the_full_rate():
    m = Players(SMOKE.but(content_rate=0.1))
    (fast,) = [g for g in m.optimisers["generator"].param_groups if not g["content"]]
    assert any(w is m.generator.to_rgb.weight for w in fast["params"])


def test_a_still_is_the_clip_without_its_video_stream():
    m = Players(SMOKE).generator.eval()
    z_c, z_m = torch.randn(2, 8), torch.randn(2, 4)
    with torch.no_grad():
        still, whole = m.still(z_c), m(z_c, z_m)
        m.to_rgb.weight[:, m.to_rgb.weight.shape[1] // 2 :] = 0
        clip = m(z_c, z_m)
    assert torch.allclose(clip, still[:, :, None].expand_as(clip), atol=1e-6)
    assert not torch.allclose(clip, whole, atol=1e-4)


def test_after_each_warm_up_the_rates_rise():
    m = Players(SMOKE.but(warmup=10, motion_warmup=20, steps=60, ramp=4, lr_generator=1e-3))
    rates = {}
    for step in (0, 9, 10, 11, 13, 29, 30, 33, 59):
        m.begin(step)
        rates[step] = m.optimisers["generator"].param_groups[0]["lr"]
    shares = {0: 1, 9: 1, 10: 0.25, 11: 0.5, 13: 1, 29: 1, 30: 0.25, 33: 1, 59: 1}
    assert rates == pytest.approx({step: 1e-3 * share for step, share in shares.items()})


def test_the_motion_warm_up_has_a_rate_of_its_own():
    m = Players(SMOKE.but(motion_rate=3.0, lr_encoder=1e-3, ramp=0))
    rates = []
    for step in (0, SMOKE.warmup, SMOKE.warmup + SMOKE.motion_warmup):
        m.begin(step)
        rates.append(m.optimisers["encoder"].param_groups[-1]["lr"])
    assert rates == pytest.approx([1e-3, 3e-3, 1e-3])


@pytest.mark.parametrize("largest", [0.0, 0.01])
def test_long_gradients_are_cut(largest):
    m, x = Players(SMOKE.but(largest_gradient=largest)), batch_of(24)
    m.begin(5)
    iteration(m, ALONE, x, Draws.of(0, 5, 2, SMOKE, ALONE, "cpu"), VARIANTS["v4"])
    for network in (m.encoder, m.generator):
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        assert norm == pytest.approx(0.01, rel=1e-3) if largest else norm > 0.02


def test_without_an_encoder_codes_are_noise():
    m = Players(SMOKE.but(encoder=False, warmup=0, motion_warmup=0))
    d = Draws.of(0, 0, 1, SMOKE, ALONE, "cpu")
    record = {}
    changed = moved(m, lambda: record.update(iteration(m, ALONE, batch_of(16), d, ENCGAN3)))
    assert changed == {"generator", "video_d", "image_d"}
    assert "reconstruction" not in record


def test_draws_are_for_the_joint_batch():
    p = SMOKE.but(batch=4)
    joint = Draws.of(3, 7, 2, p, ALONE, "cpu")
    parts = [Draws.of(3, 7, 2, p, Group(rank, 2), "cpu") for rank in range(2)]
    for name in ("eps_c", "eps_m", "z_c", "z_m"):
        for clip in range(2):
            together = torch.cat([getattr(part, name)[clip] for part in parts])
            assert torch.equal(together, getattr(joint, name)[clip])
    assert {(q.frame_real, q.frame_fake) for q in parts} == {(joint.frame_real, joint.frame_fake)}
    assert not torch.equal(joint.eps_c[0], joint.fresh.eps_c[0])
    assert not torch.equal(joint.eps_c[0], Draws.of(3, 8, 2, p, ALONE, "cpu").eps_c[0])


def job(tmp_path: Path, videos, **changes) -> Job:
    return Job(
        **({"kind": "r2", "preset": SMOKE, "data": videos, "out": tmp_path / "run"} | changes)
    )


@pytest.mark.parametrize("kind", ["encgan3", "r2"])
def test_a_run_leaves_checkpoint_history_and_samples(tmp_path, videos, kind):
    path = train(job(tmp_path, videos, kind=kind))
    content = checkpoint.load(path, kind)
    assert content["step"] == SMOKE.steps
    history = read_history(tmp_path / "run" / "history.jsonl")
    assert [line["step"] for line in history] == list(range(1, SMOKE.steps + 1))
    assert np.load(tmp_path / "run/samples/real.npy").shape == (4, 16, 16, 16, 3)
    stamp = path.stat().st_mtime_ns
    assert train(job(tmp_path, videos, kind=kind)) == path
    assert path.stat().st_mtime_ns == stamp  # finished: nothing was trained again


def test_stopping_anywhere_changes_nothing(tmp_path, videos):
    p = SMOKE.but(average=0.9, lr_decay=0.5)
    whole = checkpoint.load(train(job(tmp_path, videos, preset=p, out=tmp_path / "whole")))

    parts = job(tmp_path, videos, preset=p, out=tmp_path / "parts")
    import rencgan.training.loop as module

    every, module.SAVE_EVERY_S = module.SAVE_EVERY_S, 0.0
    try:
        for n in (2, 3, 5):
            with pytest.raises(Stop):
                train(parts, progress=stopped_after(n))
    finally:
        module.SAVE_EVERY_S = every
    resumed = checkpoint.load(train(parts))
    assert_same(whole["networks"], resumed["networks"])
    assert_same(whole["averages"], resumed["averages"])
    assert_same(whole["optimisers"], resumed["optimisers"])
    lines = [read_history(tmp_path / d / "history.jsonl") for d in ("whole", "parts")]
    assert lines[0] == lines[1]


def assert_same(a, b):
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, torch.Tensor):
        assert torch.equal(a, b)
    elif isinstance(a, list):
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    else:
        assert a == b


SCRIPT = """
import sys
from pathlib import Path
import rencgan.training.loop as module
from rencgan.presets.preset import SMOKE
module.SAVE_EVERY_S = 0.2
data, out, steps = sys.argv[1:]
job = module.Job("r2", SMOKE.but(steps=int(steps), average=0.99), Path(data), Path(out))
start = module._resume(job, module.Players(job.preset))[0]
print("start", start, flush=True)
module.train(job)
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


def test_two_processes_reproduce_one_up_to_batch_statistics(tmp_path):
    saved_cache(tmp_path / "data")
    p = SMOKE.but(batch=4, steps=4, batch_statistics=False)
    runs = [job(tmp_path, tmp_path / "data", preset=p, out=tmp_path / str(n)) for n in (1, 2)]
    one, two = (checkpoint.load(train(j, processes=n)) for n, j in zip((1, 2), runs, strict=True))
    for name in NETWORKS:
        for key, value in one["networks"][name].items():
            assert torch.allclose(value, two["networks"][name][key], atol=2e-5), (name, key)
    first = Players(p).generator.to_rgb.weight
    assert not torch.allclose(one["networks"]["generator"]["to_rgb.weight"], first, atol=2e-5)


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_checkpoint(
    tmp_path, videos, monkeypatch
):
    import rencgan.training.loop as module

    monkeypatch.setattr(module, "SAVE_EVERY_S", 0.0)
    real = module.iteration

    def broken(m, group, x, draws, objective):
        record = real(m, group, x, draws, objective)
        broken.calls += 1
        return record | ({"kl_motion": torch.tensor(float("nan"))} if broken.calls == 4 else {})

    broken.calls = 0
    monkeypatch.setattr(module, "iteration", broken)
    with pytest.raises(InputError, match="'kl_motion' became nan at step 4"):
        train(job(tmp_path, videos))
    assert checkpoint.load(tmp_path / "run" / "checkpoint.pt")["step"] == 3


def test_fine_tuning_begins_from_the_given_weights(tmp_path, videos):
    base = train(job(tmp_path, videos, kind="encgan3"))
    begun = Players(SMOKE)
    begun.load_networks(checkpoint.load(base)["networks"])
    still = SMOKE.but(lr_encoder=0.0, lr_generator=0.0, lr_discriminator=0.0)
    path = train(job(tmp_path, videos, preset=still, init_from=base, out=tmp_path / "tuned"))
    tuned = checkpoint.load(path, "r2")["networks"]
    assert torch.equal(tuned["generator"]["to_rgb.weight"], begun.generator.to_rgb.weight)
    averaged = train(
        job(tmp_path, videos, preset=SMOKE.but(average=0.9), out=tmp_path / "averaged")
    )
    path = train(job(tmp_path, videos, preset=still, init_from=averaged, out=tmp_path / "from"))
    begun, ended = checkpoint.load(averaged, "r2"), checkpoint.load(path, "r2")
    name = "to_rgb.weight"  # what generates is the running average: that is what is begun from
    assert torch.equal(ended["networks"]["generator"][name], begun["averages"]["generator"][name])
    wrong = SMOKE.but(content_dim=9)
    with pytest.raises(InputError, match="does not fit preset"):
        train(job(tmp_path, videos, preset=wrong, init_from=base, out=tmp_path / "wrong"))


def test_another_recipe_does_not_go_on_from_this_checkpoint(tmp_path, videos):
    train(job(tmp_path, videos))
    with pytest.raises(InputError, match="another recipe or other data"):
        train(job(tmp_path, videos, seed=1))
    assert checkpoint.load(tmp_path / "run" / "checkpoint.pt")["seed"] == 0


def test_two_runs_cannot_share_a_folder(tmp_path, videos):
    import fcntl

    (tmp_path / "run").mkdir()
    with open(tmp_path / "run" / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="another process is training"):
            train(job(tmp_path, videos))


def test_a_batch_that_the_processes_cannot_share_is_refused():
    with pytest.raises(InputError, match="a batch of 10 cannot be shared evenly by 4"):
        Group(0, 4).rows(10)


def test_rates_are_constant_unless_decay_is_asked_for():
    m = Players(SMOKE.but(steps=100))
    m.set_rates(99)
    assert m.optimisers["generator"].param_groups[0]["lr"] == 2e-4
    m = Players(SMOKE.but(steps=100, lr_decay=0.5))
    rates = []
    for step in (0, 50, 75, 100):
        m.set_rates(step)
        rates.append(m.optimisers["generator"].param_groups[0]["lr"])
    assert rates == pytest.approx([2e-4, 2e-4, 1e-4, 0])


def test_history_survives_a_line_cut_short(tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_text(json.dumps({"step": 1, "reconstruction": 0.5}) + '\n{"step": 2, "recon')
    assert read_history(path) == [{"step": 1, "reconstruction": 0.5}]


def test_the_numbered_equations_are_what_trains():
    m, x = Players(SMOKE.but(w_direction=1.0)), batch_of(24)
    f = Forward(m, x, Draws.of(0, 5, 2, SMOKE, ALONE, "cpu"), VARIANTS["v4"])
    with torch.no_grad():
        m.video_d.eval(), m.image_d.eval()  # spectral norm's estimate stands still
        trained = f.reconstruction() | f.kl() | f.fooling()
        video = [m.video_d(group) for group in f.fakes()]
        image = [m.image_d(frames) for frames in f.frames()]
        printed = losses.eq_4_4(f.clips, f.x_hat, f.codes, video, image, 8)
    for name, value in printed.items():
        assert trained[name] == pytest.approx(float(value), rel=1e-5), name
