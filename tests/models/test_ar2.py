"""AR2: what it is trained on, what it makes from noise, and the switches of AR2+."""

import copy
import gc
import weakref
from dataclasses import fields, replace
from itertools import islice

import numpy as np
import pytest
import torch
from conftest import Critic, moving_videos
from stepping import PLAIN, batch_of, begun, draws_of, given, losses_of, stepped, weights

from rencgan.core import checkpoint
from rencgan.core.errors import InputError
from rencgan.data import hops
from rencgan.data.clips import ClipSampler
from rencgan.data.pixels import as_clips, as_frames
from rencgan.data.videoset import VideoSet
from rencgan.models import losses, recall, sampling, starts, trained
from rencgan.models.ar2 import AR2, Prediction
from rencgan.models.encgan3 import EncGAN3
from rencgan.models.networks import Encoder, Generator, draw
from rencgan.models.r2 import R2
from rencgan.models.trained import load_model
from rencgan.presets.table import MINI, PUBLISHED_64, PUBLISHED_128, SMOKE, preset
from rencgan.training.loop import Job, train
from rencgan.training.players import Players
from rencgan.training.processes import Group

PLUS = SMOKE.but(recall_noise=0.5)


def predicted(m: Players, x: torch.Tensor) -> Prediction:
    return m.system.predicted(m.nets, given(m, x), x, draws_of(m), noise=True)


def clips_of(m, d, codes) -> list[torch.Tensor]:
    """The prediction from these codes and the clips from noise: one pass, as batch norm asks."""
    z = zip(draw(codes, d.eps_c[0], d.eps_m[0]), (d.z_c[0], d.z_m[0]), strict=True)
    return m.nets["generator"](*map(torch.cat, z)).chunk(2)


# ---- training ------------------------------------------------------------------------------------


def test_smooth_l1_bends_at_one():
    x = torch.zeros(4)
    error = losses.smooth_error(x, torch.tensor([0.5, -0.5, 2.0, 1.0]))
    assert error == pytest.approx((0.125 + 0.125 + 1.5 + 0.5) / 4)


def test_the_reference_term_is_of_frame_16_of_the_pair():
    m, x = begun(AR2(), PLAIN), batch_of(24)
    with torch.no_grad():
        f = predicted(m, x)
        error = losses.smooth_error(f.x_hat[:, :, 8], x[:, :, 16])
        assert torch.equal(AR2().loss(m.nets, given(m, x), f)["reference"](), error)


def test_three_equal_parts_make_the_fake_side_of_equation_5_2():
    logits = [torch.full((n,), v) for n, v in ((6, 3.0), (6, -3.0), (2, 0.0))]
    parts = sum(float(torch.log1p(torch.exp(part[0]))) for part in logits) / 3
    assert losses.eq_5_2(torch.zeros(2), logits) == pytest.approx(float(np.log(2)) + parts)


def test_a_step_is_the_critics_then_encoder_and_generator_together():
    """One step by hand, from the equations alone, ends with the same weights."""
    m, x = begun(AR2(), PLAIN), batch_of(24)
    d, ours, start = draws_of(m), copy.deepcopy(m), copy.deepcopy(m)
    for each in (m, ours):  # Adam's first step is the sign, and that of a gradient of 0 is chance
        for n, network in each.nets.items():
            each.optimisers[n] = torch.optim.SGD(network.parameters(), 0.1)
            each.rates[n] = [0.1]
    record = stepped(m, x)
    codes = ours.nets["encoder"](x[:, :, :16].clone(), 8)
    made, noise = clips_of(ours, d, codes)
    second, fakes = x[:, :, 8:], [made, recall.stitch_pair(x[:, :, :16], made, 8), noise]
    frames = [clips[:, :, d.frame_fake] for clips in (made, noise)]

    def judged(critic, groups):
        return ours.nets[critic](torch.cat(groups)).split(2)

    def step(loss, *names):
        for name in names:
            ours.optimisers[name].zero_grad()
        loss.backward()
        for name in names:
            ours.optimisers[name].step()

    real, *fake = judged("video_d", [second, *(c.detach() for c in fakes)])
    step(video := losses.eq_5_2(real, fake), "video_d")
    real, *fake = judged("image_d", [second[:, :, d.frame_real], *(c.detach() for c in frames)])
    step(image := losses.eq_3_5(real, fake), "image_d")
    critics = (lambda: judged("video_d", fakes)), (lambda: judged("image_d", frames))
    terms = losses.values(losses.eq_5_1(second, made, codes, *critics, 8))
    total = sum(getattr(PLAIN, f"w_{name}") * value for name, value in terms.items())
    step(total, "encoder", "generator")
    for name, value in (terms | {"video_d": video, "image_d": image}).items():
        assert record[name].item() == pytest.approx(value.item(), rel=1e-5), name
    for name in m.nets:
        before, byhand, ended = (weights(k.nets[name]) for k in (start, ours, m))
        assert torch.allclose(ended, byhand, atol=1e-6)
        assert (ended - before).abs().max() > 1e-4


def test_which_player_learns_from_which_term():
    m, x = begun(AR2(), PLAIN), batch_of(24)
    joint = losses_of(m, given(m, x))["encoder", "generator"]
    terms = {"reconstruction": {"encoder", "generator"}, "kl_motion": {"encoder"}}
    terms |= {"adversarial_video": {"encoder", "generator"}}
    for name, expected in terms.items():
        found = torch.autograd.grad(
            joint()[name](),
            [w for n in ("encoder", "generator") for w in m.nets[n].parameters()],
            retain_graph=True,
            allow_unused=True,
        )
        encoder = len(list(m.nets["encoder"].parameters()))
        reached = {"encoder": found[:encoder], "generator": found[encoder:]}
        reached = {n for n, part in reached.items() if any(g is not None for g in part)}
        assert reached == expected, name


def test_noise_alone_reaches_the_generator_and_not_the_encoder():
    """But for what batch norm passes on, between clips of one pass: it stands still here."""
    m = begun(AR2(), PLAIN)
    m.nets["generator"].eval()
    predicted(m, batch_of(24)).fakes()[-1].sum().backward()
    assert not any(w.grad.any() for w in m.nets["encoder"].parameters() if w.grad is not None)
    assert any(w.grad is not None for w in m.nets["generator"].parameters())


def test_our_terms_compare_with_the_next_clip():
    m, x = begun(AR2(), SMOKE), batch_of(24)
    f = predicted(m, x)
    names = {"reference", "reconstruction", "direction", "still", "amount", "overlap", "junction"}

    def errors(x_hat):
        f.x_hat = x_hat.clone()
        terms = losses.values(AR2().loss(m.nets, given(m, x), f))
        return {n: v.item() for n, v in terms.items() if not n.startswith(("kl", "adv"))}

    assert errors(x[:, :, 8:]) == pytest.approx(dict.fromkeys(names, 0), abs=1e-5)
    again = errors(x[:, :, :16])  # the clip that was recalled, again
    moved = ("reference", "reconstruction", "direction", "overlap", "junction")
    assert min(again[name] for name in moved) > 0.01


def test_the_motion_warm_up_predicts_the_next_clip():
    m, x = begun(AR2(), SMOKE, 2), batch_of(24, 4)
    d, untouched = draws_of(m, 2), copy.deepcopy(m)
    record = stepped(m, x, 2)
    with torch.no_grad():
        codes = untouched.nets["encoder"](x[:, :, :16], 8)
        made = untouched.nets["generator"](*draw(codes, d.eps_c[0], d.eps_m[0]))
    for target, same in ((x[:, :, 8:], True), (x[:, :, :16], False)):
        error = float(losses.direction(target, made))
        assert (record["direction"] == pytest.approx(error, rel=1e-4)) is same


def job(tmp_path, videos, system=None, **changes) -> Job:
    given = {"preset": SMOKE, "data": videos, "out": tmp_path} | changes
    return Job(system or AR2(), **given)


def test_the_grids_show_the_clip_to_be_predicted(tmp_path, videos):
    run = job(tmp_path, videos)
    train(run)
    rows = run.system.reads(run).frames_of(0, 0)
    real = np.load(tmp_path / "samples" / "real.npy")
    assert real.shape == (4, 16, 16, 16, 3)
    assert np.array_equal(real[0], videos.frames[rows[8:24]])


def test_a_clip_alone_cannot_train_and_that_is_said(tmp_path, videos):
    with pytest.raises(InputError, match="batch norm needs a batch of at least 2 clips"):
        train(job(tmp_path, videos, preset=SMOKE.but(batch=1)))


def test_ar2_begins_from_r2_and_an_r2_is_no_ar2(tmp_path, videos):
    base = train(job(tmp_path / "r2", videos, R2()))
    still = SMOKE.but(lr_encoder=0.0, lr_generator=0.0, lr_discriminator=0.0)
    path = train(job(tmp_path / "ar2", videos, preset=still, init_from=base))
    ours, theirs = (checkpoint.load(p)["networks"]["encoder"]["mu_c.weight"] for p in (path, base))
    assert torch.equal(ours, theirs)
    with pytest.raises(InputError, match="kind 'r2'; 'ar2' is needed") as refused:
        load_model(base, "ar2")
    assert "\n" not in str(refused.value)
    with pytest.raises(InputError, match="R2 makes no video from noise alone"):
        load_model(base, device="cpu").generate(40)
    with pytest.raises(InputError, match="does not follow footage"):
        load_model(path, device="cpu").generate(footage=moving_videos(1)[0])


# ---- improved R2 ---------------------------------------------------------------------------------


def test_improved_r2_is_r2_with_3d_streams_and_nothing_else():
    for name in ("smoke", "mini", "64", "128"):
        changed = preset(name, "improved-r2").departures(preset(name, "r2"))
        assert changed == {"video_stream": ("1p2d", "3d")}
    plain, improved = (begun(R2(), SMOKE.but(video_stream=s)) for s in ("1p2d", "3d"))
    for name in plain.nets:
        ours, theirs = (
            {(k, v.shape) for k, v in m.nets[name].state_dict().items()} for m in (plain, improved)
        )
        assert all(".video." in k for k, _ in ours ^ theirs)
        assert bool(ours ^ theirs) == (name == "generator")
    assert [R2().title(m.p) for m in (plain, improved)] == ["R2", "improved R2"]


@pytest.mark.parametrize("step", [0, 2, 5])  # on stills, in the motion warm-up, and after both
def test_training_on_the_mean_does_not_depend_on_what_is_drawn(step):
    p = SMOKE.but(w_kl_content=0.0, w_kl_motion=0.0)
    x = batch_of(1 if step == 0 else 24, 4 if step < 3 else 2)
    for system in (R2.variant("v4"), R2.variant("v4-mean")):
        ended = []
        for seed in (0, 1):
            m = begun(system, p, step)
            d = [system.draws(s, step, p, m.phase, lambda n: slice(n), "cpu")[0] for s in (0, seed)]
            own = {"eps_c": d[1].eps_c, "eps_m": d[1].eps_m, "eps_still": d[1].eps_still}
            stepped(m, x, step, chance=(replace(d[0], **own), None))
            ended.append(weights(m.nets["generator"]))
        assert torch.equal(*ended) is not system.sampled


# ---- AR2+ ----------------------------------------------------------------------------------------


def test_the_switches_are_off_where_nothing_else_is_said():
    for p in (PUBLISHED_64, PUBLISHED_128, MINI, SMOKE):
        assert (p.recall_noise, p.rollout) == (0.0, 1)
        assert AR2().title(p) == "AR2"
    assert [AR2().title(p) for p in (PLUS, SMOKE.but(rollout=2))] == ["AR2+"] * 2
    assert not fields(AR2())


def test_noise_is_drawn_last_and_adds_two_embeddings_to_the_encoder():
    m, plus = begun(AR2(), SMOKE), begun(AR2(), PLUS)
    plain, noisy = draws_of(m), draws_of(plus)
    for name in ("eps_c", "eps_m", "z_c", "z_m"):
        assert torch.equal(getattr(plain, name)[0], getattr(noisy, name)[0])
    assert (plain.frame_real, plain.frame_fake) == (noisy.frame_real, noisy.frame_fake)
    assert plain.level == plain.grain == [] and noisy.grain[0].shape == (2, 3, 16, 16, 16)
    for name in m.nets:
        ours, theirs = plus.nets[name].state_dict(), m.nets[name].state_dict()
        added = {"level_c", "level_m"} if name == "encoder" else set()
        assert ours.keys() - theirs.keys() == added
        assert all(torch.equal(ours[k], theirs[k]) for k in theirs)


def test_levels_are_uniform_and_shared_out_among_processes():
    p = PLUS.but(batch=400, rollout=2)
    phase = AR2().phase(9, p)
    joint, *parts = (
        AR2().draws(1, 9, p, phase, group.rows, "cpu")[0]
        for group in (Group(), Group(0, 2), Group(1, 2))
    )
    level = torch.cat(joint.level)
    assert 0 <= level.min() < 0.02 and 0.48 < level.max() <= 0.5
    assert level.mean() == pytest.approx(0.25, abs=0.02)
    for name in ("level", "grain"):
        for i in range(2):
            together = torch.cat([getattr(part, name)[i] for part in parts])
            assert torch.equal(together, getattr(joint, name)[i])


def test_the_recalled_clip_is_noisy_and_the_encoder_is_told():
    m, x, seen = begun(AR2(), PLUS), batch_of(24), []
    d, encoder = draws_of(m), m.nets["encoder"]
    real = encoder.forward
    encoder.forward = lambda *given: (seen.append(given), real(*given))[1]
    f = predicted(m, x)
    ((recalled, reference, level),) = seen
    expected = x[:, :, :16] + level[:, None, None, None, None] * d.grain[0]
    assert torch.equal(recalled, expected) and reference == 8 and torch.equal(level, d.level[0])
    assert torch.equal(f.clips, x[:, :, 8:])  # the target is clean
    assert torch.equal(f.fakes()[1][:, :, :8], x[:, :, :8])  # and so is what is judged


@torch.no_grad()
def test_what_the_encoder_is_told_matters_once_it_has_learned():
    m, x = begun(AR2(), PLUS), batch_of(16)
    encoder, none, told = m.nets["encoder"], torch.zeros(2), torch.tensor([0.5, 0.25])

    def spaces(level=None):
        found = encoder.eval()(x, 8, level)
        encoder.train()
        return found

    assert all(map(torch.equal, spaces(told), spaces()))  # untrained embeddings say nothing
    for _ in range(2):
        with torch.enable_grad():
            stepped(m, batch_of(24))
    assert not any(map(torch.equal, spaces(told), spaces()))
    assert all(map(torch.equal, spaces(none), spaces()))


def test_a_roll_out_goes_on_from_its_own_clips():
    p = PLAIN.but(rollout=3)
    m, again, x = begun(AR2(), p), begun(AR2(), p), batch_of(40)
    d, f = draws_of(m), predicted(m, x)
    own = f.x_hat.chunk(3)
    assert torch.equal(f.clips, torch.cat([x[:, :, s : s + 16] for s in (8, 16, 24)]))
    assert torch.equal(f.former, torch.cat([x[:, :, :16], own[0], own[1]]))
    predictions, stitched, noise = f.fakes()
    assert [len(g) for g in (predictions, stitched, noise)] == [6, 6, 2]
    assert torch.equal(stitched[4:, :, :8], own[1][:, :, :8])
    assert torch.equal(stitched[4:, :, 8:], own[2][:, :, :8])
    with torch.no_grad():
        clip = x[:, :, :16]
        for i in range(3):
            codes = again.nets["encoder"](clip, 8)
            if i == 0:
                clip, _ = clips_of(again, d, codes)
            else:
                clip = again.nets["generator"](*draw(codes, d.eps_c[i], d.eps_m[i]))
            assert torch.allclose(clip, own[i], atol=1e-5)


def test_a_trained_generator_normalises_later_as_it_did_in_training():
    """Running statistics of one pass over both groups are what that pass was normalised by."""
    m = begun(AR2(), PLAIN)
    d, generator = draws_of(m), m.nets["generator"]
    for module in generator.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.momentum = 1.0
    with torch.no_grad():
        f = predicted(m, batch_of(24))
        generator.eval()
        later = generator(*draw(f.codes, d.eps_c[0], d.eps_m[0]))
        noise = generator(d.z_c[0], d.z_m[0])
    for now, then in ((later, f.x_hat), (noise, f.x_noise)):
        assert (now - then).abs().mean() < 0.05 * then.abs().mean()


def test_no_gradient_goes_back_through_an_own_clip():
    f = predicted(begun(AR2(), PLAIN.but(rollout=2)), batch_of(32))
    first, second = f.x_hat.chunk(2)
    (reached,) = torch.autograd.grad(f.x_hat[2:].sum(), [f.x_hat], retain_graph=True)
    assert reached[:2].abs().sum() == 0
    assert not f.former.requires_grad and f.fakes()[1].requires_grad
    assert first.grad_fn is not None and second.grad_fn is not None


@pytest.mark.parametrize("rollout", [1, 2, 4])
def test_footage_windows_are_as_long_as_the_roll_out(videos, tmp_path, rollout):
    run = job(tmp_path, videos, preset=SMOKE.but(rollout=rollout))
    sampler = run.system.reads(run)
    assert sampler.length == 16 + 8 * rollout
    windows = [sampler.frames_of(0, i) for i in range(len(sampler))]
    for rows in windows:
        assert (np.diff(rows) == 1).all() and rows[0] // 60 == rows[-1] // 60
    starts = sorted(rows[0] % 60 for rows in windows)
    assert starts == sorted(4 * list(range(0, 60 - sampler.length + 1, 8)))


def test_windows_that_do_not_fit_are_refused(videos):
    short = VideoSet.from_arrays([v[:30] for v in moving_videos(2)])
    with pytest.raises(InputError, match="no video has the 32 frames.*the longest has 30"):
        ClipSampler(short, "pairs", clips=3)
    with pytest.raises(InputError, match="at least 2 clips, not 1"):
        ClipSampler(videos, "pairs", clips=1)


@pytest.mark.parametrize("changes", [{"recall_noise": 0.1}, {"rollout": 2}])
@pytest.mark.parametrize("system", [EncGAN3(), R2()])
def test_switches_of_ar2_are_refused_elsewhere(tmp_path, videos, system, changes):
    name = type(system).__name__
    with pytest.raises(InputError, match=f"rollout are AR2's; {name} has no use for them"):
        train(job(tmp_path, videos, system, preset=SMOKE.but(**changes)))


def test_the_recipe_has_improved_streams_and_its_own_weights():
    for name in ("smoke", "mini", "64", "128"):
        p = preset(name, "ar2", overlap=10)
        assert (p.video_stream, p.hop, p.rollout) == ("3d", 6, 1)
    changed = preset("128", "ar2").departures(PUBLISHED_128)
    assert changed == {"w_reconstruction": (1.0, 20.0), "w_reference": (1 / 16, 20 / 16)}
    assert preset("mini", "ar2").w_reconstruction > preset("mini", "r2").w_reconstruction


# ---- from noise ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    return trained.begun(AR2(), PLAIN, seed=1)


def made(model, frames, critic=None, **options) -> torch.Tensor:
    if critic:
        model = replace(model, nets=model.nets | {"video_d": critic})
    return torch.cat(list(model.generate(frames, **options)), 2)


def predicted_by(model, count, first=None, videos=1, **options) -> list[torch.Tensor]:
    return list(islice(model.system.predicted_clips(model, first, videos, **options), count))


@pytest.mark.parametrize("r", [1, 5, 8, 15])
@pytest.mark.parametrize("frames", [1, 8, 15, 16, 17, 24, 25, 50])
def test_any_length_is_that_many_frames(model, frames, r):
    other = replace(model, preset=PLAIN.but(overlap=16 - r))
    pieces = list(other.generate(frames, videos=2))
    assert sum(p.shape[2] for p in pieces) == frames and all(p.shape[2] > 0 for p in pieces)
    assert all(p.shape[:2] == (2, 3) and p.abs().max() <= 1 for p in pieces)
    assert len(pieces) == hops.clips_for(frames, r)


@torch.no_grad()
def test_every_clip_is_predicted_from_the_one_before_it(model):
    encoder, generator = model.nets["encoder"], model.nets["generator"]
    clips = [generator(*sampling.noise(3, 0, 1, (8, 4)))]
    for i in range(1, 5):
        z = draw(encoder(clips[-1], 8), *sampling.noise(3, i, 1, (8, 4)))
        clips.append(generator(*z))
    long = torch.cat(list(recall.stitched(clips, 8)), 2)
    assert torch.allclose(made(model, 48, seed=3), long, atol=1e-5)
    assert torch.allclose(made(model, 44, seed=3), long[:, :, :44], atol=1e-5)


def test_a_longer_video_begins_like_a_shorter_one(model):
    long, short = made(model, 60, seed=2), made(model, 20, seed=2)
    assert torch.equal(long[:, :, :16], short[:, :, :16])


@pytest.mark.parametrize("candidates", [1, 3])
def test_other_videos_beside_it_change_nothing(model, candidates, monkeypatch):
    monkeypatch.setattr(sampling, "CANDIDATES", 7)
    together = made(model, 40, videos=5, candidates=candidates, seed=4)
    fewer = made(model, 40, videos=2, candidates=candidates, seed=4)
    assert torch.allclose(together[:2], fewer, atol=1e-5)
    assert (together[0] - together[1]).abs().max() > 1e-3
    assert not torch.allclose(together[:2], made(model, 40, videos=2, seed=5), atol=1e-3)


def test_one_candidate_is_plain_sampling_noise_for_noise(model):
    plain = made(model, 56, seed=11)
    first = Critic(lambda x: -torch.arange(len(x), dtype=torch.float32))
    chosen = made(model, 56, first, candidates=6, seed=11)
    assert torch.allclose(chosen, plain, atol=1e-5)
    assert [len(x) for x in first.judged] == [6] * 6


@torch.no_grad()
def test_the_score_is_never_below_that_of_plain_sampling(model):
    """Given the same clip before it and the same noise."""
    encoder, generator, video_d = (model.nets[n] for n in ("encoder", "generator", "video_d"))
    clips, better = predicted_by(model, 8, candidates=12, seed=7), 0
    for i, kept in enumerate(clips):
        before = clips[i - 1] if i else None
        z = sampling.noise(7, i, 1, (8, 4))
        plain = generator(*(draw(encoder(before, 8), *z) if i else z))
        ours, theirs = (recall.reject(video_d, c[None], before, 8)[1] for c in (kept, plain))
        assert ours >= theirs - 1e-5 * theirs.abs()
        better += bool(ours > theirs + 1e-5 * theirs.abs())
    assert better > 0


def test_the_first_clip_is_judged_alone_and_later_ones_behind_the_best(model):
    critic = Critic(lambda x: x.mean(dim=(1, 2, 3, 4)))
    judging = replace(model, nets=model.nets | {"video_d": critic})
    clips = predicted_by(judging, 4, videos=2, candidates=5, seed=1)
    best = critic.judged[0].mean(dim=(1, 2, 3, 4)).view(2, 5).argmax(1)
    for v in range(2):
        assert torch.equal(clips[0][v], critic.judged[0][5 * v + best[v]])
    for judged, before in zip(critic.judged[1:], clips, strict=False):
        head = before[:, None, :, :8].expand(-1, 5, -1, -1, -1, -1).flatten(0, 1)
        assert torch.equal(judged[:, :, :8], head)


def test_rejection_for_several_videos_is_rejection_for_each():
    candidates, previous = torch.rand(3, 4, 3, 16, 4, 4), torch.rand(3, 3, 16, 4, 4)

    def bright(x):
        return x.mean(dim=(1, 2, 3, 4))

    for before in (None, previous):
        kept, scores = recall.reject(bright, candidates, before, 5)
        for v in range(3):
            alone = None if before is None else before[v : v + 1]
            best, score = recall.reject(bright, candidates[v : v + 1], alone, 5)
            assert torch.equal(kept[v : v + 1], best) and scores[v] == score


def test_the_mean_is_drawn_once_for_the_first_clip(model):
    with torch.no_grad():
        first = model.nets["generator"](*sampling.noise(5, 0, 1, (8, 4)))
        space = model.nets["encoder"](first, 8)
        second = model.nets["generator"](space.mu_c, space.mu_m)
    long = made(model, 24, codes="mean", seed=5)
    assert torch.allclose(long, torch.cat([first[:, :, :8], second], 2), atol=1e-5)
    assert not torch.allclose(long, made(model, 24, codes="mean", seed=6), atol=1e-4)


def test_a_first_clip_is_gone_on_from(model):
    clips = np.stack([v[:16] for v in moving_videos(2, seed=8)])
    long = made(model, 40, first_clip=clips, seed=1)
    assert torch.equal(long[:, :, :8], as_clips(clips)[:, :, :8])
    assert not torch.equal(long[:, :, 8:16], as_clips(clips)[:, :, 8:])
    swapped = made(model, 40, first_clip=clips[::-1].copy(), codes="mean")
    straight = made(model, 40, first_clip=clips, codes="mean")
    assert torch.allclose(swapped.flip(0), straight, atol=1e-5)


@pytest.mark.parametrize("candidates", [1, 3])
def test_frames_come_as_they_are_made_and_none_is_held(model, candidates):
    alive, peaks = [], []

    def counted(*z):
        clips = model.nets["generator"](*z)
        alive.append(weakref.ref(clips))
        return clips

    watched = replace(model, nets=model.nets | {"generator": counted})
    stream = watched.generate(10**9, videos=2, candidates=candidates)
    assert not alive
    for i, piece in enumerate(islice(stream, 60)):
        assert piece.shape == (2, 3, 8, 16, 16) and len(alive) == i + 2
        del piece
        if i % 20 == 19:
            gc.collect()
            peaks.append(sum(ref() is not None for ref in alive))
    assert max(peaks) <= 3


CLIP = np.zeros((1, 16, 16, 16, 3), np.uint8)
IMPOSSIBLE = {
    "no frames": ({"frames": 0}, "at least 1, not 0"),
    "not said how many": ({"frames": None}, "at least 1, not None"),
    "half a frame": ({"frames": 16.5}, "whole number of frames, at least 1, not 16.5"),
    "no videos": ({"videos": 0}, "at least 1 video can be made, not 0"),
    "no candidates": ({"candidates": 0}, "at least 1 candidate, not 0"),
    "no way": ({"codes": "median"}, "sample, mean, not 'median'"),
    "a seed below 0": ({"seed": -1}, "seed must be 0 or more, not -1"),
    "another hop": ({"hop": 4}, "AR2 makes no video from hop"),
    "a level it does not know": ({"level": 0.1}, "levels of noise from 0 to 0, not 0.1"),
    "too long a first clip": (
        {"first_clip": np.zeros((1, 17, 16, 16, 3), np.uint8)},
        r"\(B, 16, 16, 16, 3\) of uint8, not \(1, 17, 16, 16, 3\)",
    ),
    "one clip for a batch": ({"first_clip": CLIP[0]}, r"not \(16, 16,"),
    "floats": ({"first_clip": CLIP.astype(float)}, "of uint8"),
    "too large a first clip": ({"first_clip": np.zeros((1, 16, 32, 32, 3), np.uint8)}, "32, 32"),
    "no first clip": ({"first_clip": CLIP[:0]}, r"not \(0, 16"),
    "a list": ({"first_clip": [[1]]}, "of uint8, not list"),
    "other clips": ({"first_clip": CLIP, "videos": 2}, "1 first clips do not make 2 videos"),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_the_impossible_is_refused_at_once_in_one_sentence(model, case):
    changes, words = IMPOSSIBLE[case]
    with pytest.raises(InputError, match=words) as refused:
        model.generate(**({"frames": 30} | changes))
    assert "\n" not in str(refused.value)


def test_a_trained_model_makes_videos_from_noise(tmp_path, videos):
    model = load_model(train(job(tmp_path, videos, preset=PLUS.but(overlap=10))), "ar2", "cpu")
    options = {"videos": 2, "candidates": 2, "seed": 3}
    frames = model.videos(35, level=0.2, **options)
    assert frames.shape == (2, 35, 16, 16, 3) and frames.dtype == np.uint8
    assert np.array_equal(frames, model.videos(35, level=0.2, **options))
    assert not np.array_equal(frames, model.videos(35, **options))
    pieces = [p.shape[2] for p in model.generate(35)]
    assert pieces == [6, 6, 6, 6, 11]  # the hop that it was trained at
    clip = np.stack([moving_videos(1)[0][:16]] * 3)
    assert model.videos(20, first_clip=clip).shape == (3, 20, 16, 16, 3)


def test_codes_of_a_single_clip_are_no_start(tmp_path):
    path = train(job(tmp_path, VideoSet.from_arrays(moving_videos(1, frames=24))))
    assert "start" not in checkpoint.load(path)
    with pytest.raises(InputError, match="has no codes of training clips with it"):
        load_model(path, "ar2", "cpu").generate(30, start="ex-post")


def test_a_video_can_begin_with_codes_such_as_clips_have(tmp_path, videos):
    path = train(job(tmp_path, videos))
    model = load_model(path, "ar2", "cpu")
    start, reader = model.extras["start"], AR2().reads(job(tmp_path, videos))
    clips = [reader.videos.frames[row : row + 16] for row, _ in reader.items]
    space = model.nets["encoder"](as_clips(np.stack(clips), "cpu"), model.hop, None)
    codes = torch.cat([space.mu_c, space.mu_m], 1)
    assert torch.allclose(start.mean, codes.mean(0), atol=1e-4)
    assert torch.allclose(start.spread.T @ start.spread, torch.cov(codes.T), atol=1e-4)
    begun = model.videos(30, videos=2, start="ex-post", seed=3)
    assert np.array_equal(begun, model.videos(30, videos=2, start="ex-post", seed=3))
    assert not np.array_equal(begun[:, :16], model.videos(16, videos=2, seed=3))
    dims = model.preset.content_dim, model.preset.motion_dim
    first = model.nets["generator"](*start.codes(*sampling.noise(3, 0, 1, dims)))
    assert np.array_equal(begun[:1, :8], as_frames(first)[:, :8])
    with pytest.raises(InputError, match="start is one of noise, ex-post, not 'real'"):
        model.generate(30, start="real")
    with pytest.raises(InputError, match="a first clip is given"):
        model.generate(30, start="ex-post", first_clip=begun[:, :16])
    content = checkpoint.load(path)
    del content["start"]
    checkpoint.save(path, content)
    with pytest.raises(InputError, match="has no codes of training clips with it"):
        load_model(path, "ar2", "cpu").generate(30, start="ex-post")


def test_few_directions_are_kept_and_each_has_a_sign():
    codes = torch.randn(400, 90, generator=torch.Generator().manual_seed(1)) * torch.arange(1, 91)
    start = starts.Start.fitted(codes)
    assert start.spread.shape == (starts.DIRECTIONS, 90)
    lengths = start.spread.norm(dim=1)
    assert (lengths.diff() <= 0).all() and float(lengths[0]) == pytest.approx(90, rel=0.15)
    assert torch.equal(start.spread.abs().amax(1), start.spread.amax(1))


def test_a_level_is_told_and_only_up_to_the_largest():
    model, seen = trained.begun(AR2(), PLUS), []
    real = model.nets["encoder"].forward
    model.nets["encoder"].forward = lambda *given: (seen.append(given[2]), real(*given))[1]
    model.videos(30, videos=2, level=0.25)
    assert len(seen) == 2 and all(torch.equal(s, torch.full((2,), 0.25)) for s in seen)
    with pytest.raises(InputError, match="levels of noise from 0 to 0.5, not 0.6"):
        model.generate(30, level=0.6)


def test_without_noise_the_encoder_is_the_published_one():
    with torch.device("meta"):
        counts = [
            sum(w.numel() for w in network(p).parameters())
            for p in (PUBLISHED_128, PUBLISHED_128.but(recall_noise=0.1))
            for network in (Encoder, Generator)
        ]
    assert counts == [2_061_856, 90_367_525, 2_061_856 + 2 * (512 + 256), 90_367_525]
