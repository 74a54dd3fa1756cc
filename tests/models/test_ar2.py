"""AR2: what it is trained on, what it makes from noise, and the switches of AR2+."""

import copy
import gc
import weakref
from dataclasses import asdict, replace
from itertools import islice

import numpy as np
import pytest
import torch
from conftest import Critic, Stop, moving_videos, stopped_after
from rencgan.models.updates import AR2, VARIANTS, Draws, Objective, Prediction, iteration
from rencgan.training.gan import NETWORKS, Players

import rencgan.training.loop as loop
from rencgan.core import checkpoint
from rencgan.core.errors import InputError
from rencgan.data import hops
from rencgan.data.clips import ClipSampler
from rencgan.data.pixels import as_clips
from rencgan.data.videoset import VideoSet
from rencgan.models import losses, recall
from rencgan.models import sampling as sample
from rencgan.models.networks import Encoder, Generator, draw
from rencgan.models.recall import reject
from rencgan.models.trained import load_model
from rencgan.notebook import steps as study
from rencgan.presets.table import MINI, PUBLISHED_64, PUBLISHED_128, SMOKE
from rencgan.training.loop import Job, train
from rencgan.training.processes import Group

ALONE = Group()
PLAIN = SMOKE.but(warmup=0, motion_warmup=0, smallest_crop=1.0, rise=0.0, largest_gradient=0.0)
PLAIN = PLAIN.but(w_direction=0.0, w_still=0.0, w_amount=0.0, w_overlap=0.0, w_junction=0.0)
PLUS = SMOKE.but(recall_noise=0.5)


def batch_of(frames: int, count: int = 2) -> torch.Tensor:
    return as_clips(np.stack([v[:frames] for v in moving_videos(count)]))


def draws_of(p, step=5) -> Draws:
    return Draws.of(0, step, p.rollout, p, ALONE, "cpu")


def weights(network) -> torch.Tensor:
    return torch.cat([w.detach().flatten() for w in network.parameters()])


def clips_of(m, d, codes) -> list[torch.Tensor]:
    """The prediction from these codes and the clips from noise: one pass, as batch norm asks."""
    z = zip(draw(codes, d.eps_c[0], d.eps_m[0]), (d.z_c[0], d.z_m[0]), strict=True)
    return m.generator(*map(torch.cat, z)).chunk(2)


def assert_same(a, b):
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, list):
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    else:
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b


# ---- training ------------------------------------------------------------------------------------


def test_smooth_l1_bends_at_one():
    x = torch.zeros(4)
    error = losses.smooth_error(x, torch.tensor([0.5, -0.5, 2.0, 1.0]))
    assert error == pytest.approx((0.125 + 0.125 + 1.5 + 0.5) / 4)


def test_equation_5_1_is_what_trains():
    """Assembled from the pair itself: which clip is read, which is the target, what is stitched."""
    m, x = Players(PLAIN), batch_of(24)
    d = draws_of(PLAIN)
    with torch.no_grad():
        m.video_d.eval(), m.image_d.eval()  # spectral norm's estimate stands still
        f = Prediction(m, x, d, AR2)
        trained = f.reconstruction() | f.kl() | f.fooling()
        codes = m.encoder(x[:, :, :16], 8)
        made, from_noise = clips_of(m, d, codes)
        stitched = torch.cat([x[:, :, :8], made[:, :, :8]], dim=2)
        video = [m.video_d(clips) for clips in (made, stitched, from_noise)]
        image = [m.image_d(clips[:, :, d.frame_fake]) for clips in (made, from_noise)]
        printed = losses.eq_5_1(x[:, :, 8:], made, codes, video, image, 8)
    assert trained.keys() == printed.keys()
    for name, value in printed.items():
        assert trained[name] == pytest.approx(float(value), rel=1e-4), name
    reference = torch.nn.functional.smooth_l1_loss(made[:, :, 8], x[:, :, 16])
    assert trained["reference"] == pytest.approx(float(reference), rel=1e-4)


def test_equations_5_2_and_3_5_are_what_the_critics_take():
    m, x = Players(PLAIN), batch_of(24)
    d, untouched = draws_of(PLAIN), copy.deepcopy(m)
    record = iteration(m, ALONE, x, d, AR2)
    m, second = untouched, x[:, :, 8:]
    with torch.no_grad():
        made, noise = clips_of(m, d, m.encoder(x[:, :, :16], 8))
        stitched = torch.cat([x[:, :, :8], made[:, :, :8]], dim=2)
        judged = m.video_d(torch.cat([second, made, stitched, noise])).split(2)
        video = losses.eq_5_2(judged[0], judged[1:])
        frames = [second[:, :, d.frame_real]]
        frames += [clips[:, :, d.frame_fake] for clips in (made, noise)]
        judged = m.image_d(torch.cat(frames)).split(2)
        image = losses.eq_3_5(judged[0], judged[1:])
    assert record["video_d"] == pytest.approx(float(video), rel=1e-5)
    assert record["image_d"] == pytest.approx(float(image), rel=1e-5)


def test_three_equal_parts_make_the_fake_side_of_equation_5_2():
    logits = [torch.full((n,), v) for n, v in ((6, 3.0), (6, -3.0), (2, 0.0))]
    parts = sum(float(torch.log1p(torch.exp(part[0]))) for part in logits) / 3
    assert losses.eq_5_2(torch.zeros(2), logits) == pytest.approx(float(np.log(2)) + parts)


def test_a_step_is_the_critics_then_encoder_and_generator_together():
    """One step by hand, from the equations alone, ends with the same weights."""
    m, x = Players(PLAIN), batch_of(24)
    d, ours = draws_of(PLAIN), copy.deepcopy(m)
    for players in (
        m,
        ours,
    ):  # Adam's first step is the sign, and that of a gradient of 0 is chance
        for n, network in players.networks().items():
            players.optimisers[n] = torch.optim.SGD(network.parameters(), 0.1)
    iteration(m, ALONE, x, d, AR2)
    codes = ours.encoder(x[:, :, :16].clone(), 8)
    made, noise = clips_of(ours, d, codes)
    second, fakes = x[:, :, 8:], [made, recall.stitch_pair(x[:, :, :16], made, 8), noise]
    frames = [clips[:, :, d.frame_fake] for clips in (made, noise)]

    def judged(critic, groups):
        return critic(torch.cat(groups)).split(2)

    def step(loss, *names):
        for name in names:
            ours.optimisers[name].zero_grad()
        loss.backward()
        for name in names:
            ours.optimisers[name].step()

    real, *fake = judged(ours.video_d, [second, *(c.detach() for c in fakes)])
    step(losses.eq_5_2(real, fake), "video_d")
    real, *fake = judged(ours.image_d, [second[:, :, d.frame_real], *(c.detach() for c in frames)])
    step(losses.eq_3_5(real, fake), "image_d")
    critics = judged(ours.video_d, fakes), judged(ours.image_d, frames)
    terms = losses.eq_5_1(second, made, codes, *critics, 8)
    step(losses.total(terms, PLAIN), "encoder", "generator")
    for name in NETWORKS:
        begun, byhand, ended = (weights(getattr(k, name)) for k in (Players(PLAIN), ours, m))
        assert torch.allclose(ended, byhand, atol=1e-6)
        assert (ended - begun).abs().max() > 1e-4


def test_which_player_learns_from_which_term():
    m, x, d = Players(PLAIN), batch_of(24), draws_of(PLAIN)
    terms = {"reconstruction": {"encoder", "generator"}, "kl_motion": {"encoder"}}
    terms |= {"adversarial_video": {"encoder", "generator"}}
    for name, expected in terms.items():
        f = Prediction(m, x, d, AR2)
        with m.frozen("video_d", "image_d"):
            (f.reconstruction() | f.kl() | f.fooling())[name].backward()
        reached = {
            n for n in NETWORKS if any(w.grad is not None for w in getattr(m, n).parameters())
        }
        assert reached == expected, name
        for network in m.networks().values():
            network.zero_grad(set_to_none=True)


def test_noise_alone_reaches_the_generator_and_not_the_encoder():
    """But for what batch norm passes on, between clips of one pass: it stands still here."""
    m, d = Players(PLAIN), draws_of(PLAIN)
    m.generator.eval()
    f = Prediction(m, batch_of(24), d, AR2)
    f.fakes()[-1].sum().backward()
    assert not any(w.grad.any() for w in m.encoder.parameters() if w.grad is not None)
    assert any(w.grad is not None for w in m.generator.parameters())


def test_recall_and_noise_can_be_left_out():
    m, x, d = Players(PLAIN), batch_of(24), draws_of(PLAIN)
    whole, alone = (Prediction(m, x, d, replace(AR2, recall_critic=on)) for on in (True, False))
    assert (len(whole.fakes()), len(alone.fakes())) == (3, 2)
    assert len(whole.frames()) == len(alone.frames()) == 2
    silent = Prediction(m, x, d, replace(AR2, noise=False))
    assert (len(silent.fakes()), len(silent.frames())) == (2, 1)
    assert Prediction(m, x, d, replace(AR2, recall_encoder=False)).reference == 0


def test_our_terms_compare_with_the_next_clip():
    m, x = Players(SMOKE), batch_of(24)
    f = Prediction(m, x, draws_of(SMOKE), AR2)
    f.x_hat = x[:, :, 8:].clone()  # a perfect prediction
    terms = f.reconstruction()
    names = {"reference", "reconstruction", "direction", "still", "amount", "overlap", "junction"}
    assert set(terms) == names
    for name, value in terms.items():
        assert value == pytest.approx(0, abs=1e-5), name
    f.x_hat = x[:, :, :16].clone()  # the clip that was recalled, again
    again = f.reconstruction()
    moved = ("reference", "reconstruction", "direction", "overlap", "junction")
    assert min(again[name] for name in moved) > 0.01


def test_both_warm_ups_go_before_it():
    m, terms = Players(SMOKE), []
    for step, x in ((0, batch_of(1, 4)), (2, batch_of(24, 4)), (3, batch_of(24))):
        m.begin(step)
        terms.append(set(iteration(m, ALONE, x, draws_of(SMOKE, step), AR2)))
    assert terms[0] == {"reconstruction", "kl_content"}
    assert terms[1] == {"direction", "still", "kl_content", "kl_motion"}
    assert terms[2] >= {"video_d", "image_d", "reference", "adversarial_video", "junction"}


def test_the_motion_warm_up_predicts_the_next_clip():
    m, x, d = Players(SMOKE), batch_of(24, 4), draws_of(SMOKE, 2)
    m.begin(2)
    untouched = copy.deepcopy(m)
    record = iteration(m, ALONE, x, d, AR2)
    codes = untouched.encoder(x[:, :, :16], 8)
    made = untouched.generator(*draw(codes, d.eps_c[0], d.eps_m[0]))
    for target, same in ((x[:, :, 8:], True), (x[:, :, :16], False)):
        error = losses.direction_term(target, made)["direction"].detach()
        assert (record["direction"] == pytest.approx(float(error), rel=1e-4)) is same


def job(tmp_path, videos, **changes) -> Job:
    return Job(**({"kind": "ar2", "preset": SMOKE, "data": videos, "out": tmp_path} | changes))


RECIPES = {"AR2": SMOKE, "noise": PLUS, "roll-out": SMOKE.but(rollout=2)}


@pytest.mark.parametrize("name", RECIPES)
def test_stopping_anywhere_changes_nothing(tmp_path, videos, name, monkeypatch):
    p = RECIPES[name].but(average=0.9, lr_decay=0.5)
    whole = checkpoint.load(train(job(tmp_path / "whole", videos, preset=p)), "ar2")

    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    parts = job(tmp_path / "parts", videos, preset=p)
    for n in (2, 3, 5):
        with pytest.raises(Stop):
            train(parts, progress=stopped_after(n))
    resumed = checkpoint.load(train(parts), "ar2")
    for part in ("networks", "averages", "optimisers"):
        assert_same(whole[part], resumed[part])
    histories = [loop.read_history(tmp_path / d / "history.jsonl") for d in ("whole", "parts")]
    assert histories[0] == histories[1]


def test_the_grids_show_the_clip_to_be_predicted(tmp_path, videos):
    found = job(tmp_path, videos)
    train(found)
    sampler = found.sampler()
    rows = sampler.frames_of(0, 0)
    real = np.load(tmp_path / "samples" / "real.npy")
    assert real.shape == (4, 16, 16, 16, 3)
    assert np.array_equal(real[0], videos.frames[rows[8:24]])


def test_a_clip_alone_cannot_train_and_that_is_said(tmp_path, videos):
    with pytest.raises(InputError, match="batch norm needs a batch of at least 2 clips"):
        train(job(tmp_path, videos, preset=SMOKE.but(batch=1)))


def test_ar2_begins_from_r2_and_an_r2_is_no_ar2(tmp_path, videos):
    base = train(job(tmp_path / "r2", videos, kind="r2"))
    still = SMOKE.but(lr_encoder=0.0, lr_generator=0.0, lr_discriminator=0.0)
    path = train(job(tmp_path / "ar2", videos, preset=still, init_from=base))
    ours, theirs = (checkpoint.load(p)["networks"]["encoder"]["mu_c.weight"] for p in (path, base))
    assert torch.equal(ours, theirs)
    with pytest.raises(InputError, match="kind 'r2'; 'ar2' is needed") as refused:
        load_model(base, "ar2")
    assert "\n" not in str(refused.value)
    with pytest.raises(InputError, match="'r2' makes no video from noise alone; 'ar2' is needed"):
        load_model(base, device="cpu").from_noise(40)
    with pytest.raises(InputError, match="does not follow footage"):
        load_model(path, device="cpu").long_video(moving_videos(1)[0])


# ---- switches of R2 ------------------------------------------------------------------------------


def test_improved_r2_is_r2_with_3d_streams_and_nothing_else(tmp_path):
    for preset in ("smoke", "mini", "64", "128"):
        p = settings(tmp_path, preset=preset)
        changed = study.improved_r2_recipe(p).departures(study.r2_recipe(p))
        assert changed == {"video_stream": ("1p2d", "3d")}
    plain, improved = (Players(SMOKE.but(video_stream=s)) for s in ("1p2d", "3d"))
    for name in NETWORKS:
        ours, theirs = (
            {(k, v.shape) for k, v in getattr(m, name).state_dict().items()}
            for m in (plain, improved)
        )
        assert all(".video." in k for k, _ in ours ^ theirs)
        assert bool(ours ^ theirs) == (name == "generator")


def test_the_variants_of_r2_differ_in_one_switch():
    for name, switch in (("v4-noise", {"noise"}), ("v4-mean", {"sampled"})):
        ours, base = asdict(VARIANTS[name]), asdict(VARIANTS["v4"])
        assert {k for k in base if ours[k] != base[k]} == switch
    assert VARIANTS["v4"].sampled and not VARIANTS["v4"].noise and not VARIANTS["v4"].next_clip


@pytest.mark.parametrize("step", [0, 2, 5])  # on stills, in the motion warm-up, and after both
@pytest.mark.parametrize("objective", [VARIANTS["v4-mean"], replace(AR2, sampled=False)])
def test_training_on_the_mean_does_not_depend_on_what_is_drawn(objective, step):
    p = SMOKE.but(w_kl_content=0.0, w_kl_motion=0.0)
    x = batch_of(1 if step == 0 else 24, 4 if step < 3 else 2)
    draws = Draws.of(0, step, 2, p, ALONE, "cpu")
    louder = replace(draws, eps_c=[3 + e for e in draws.eps_c], eps_m=[3 + e for e in draws.eps_m])
    if step == 0:
        louder = replace(louder, eps_still=3 + draws.eps_still)
    for sampled in (False, True):
        o, ended = replace(objective, sampled=sampled), []
        for d in (draws, louder):
            m = Players(p)
            m.begin(step)
            iteration(m, ALONE, x, d, o)
            ended.append(weights(m.generator))
        assert torch.equal(*ended) is not sampled


# ---- AR2+ ----------------------------------------------------------------------------------------


def test_the_switches_are_off_where_nothing_else_is_said():
    for p in (PUBLISHED_64, PUBLISHED_128, MINI, SMOKE):
        assert (p.recall_noise, p.rollout, p.window) == (0.0, 1, 24)


def test_noise_is_drawn_last_and_adds_two_embeddings_to_the_encoder():
    plain, noisy = draws_of(SMOKE), draws_of(PLUS)
    for name in ("eps_c", "eps_m", "z_c", "z_m"):
        assert torch.equal(getattr(plain, name)[0], getattr(noisy, name)[0])
    assert (plain.frame_real, plain.frame_fake) == (noisy.frame_real, noisy.frame_fake)
    assert plain.level == plain.grain == [] and noisy.grain[0].shape == (2, 3, 16, 16, 16)
    m, plus = Players(SMOKE), Players(PLUS)
    for name in NETWORKS:
        ours, theirs = getattr(plus, name).state_dict(), getattr(m, name).state_dict()
        added = {"level_c", "level_m"} if name == "encoder" else set()
        assert ours.keys() - theirs.keys() == added
        assert all(torch.equal(ours[k], theirs[k]) for k in theirs)


def test_levels_are_uniform_and_shared_out_among_processes():
    p = PLUS.but(batch=400, rollout=2)
    joint = Draws.of(1, 9, 2, p, ALONE, "cpu", fresh=False)
    level = torch.cat(joint.level)
    assert 0 <= level.min() < 0.02 and 0.48 < level.max() <= 0.5
    assert level.mean() == pytest.approx(0.25, abs=0.02)
    parts = [Draws.of(1, 9, 2, p, Group(rank, 2), "cpu", fresh=False) for rank in range(2)]
    for name in ("level", "grain"):
        for i in range(2):
            together = torch.cat([getattr(part, name)[i] for part in parts])
            assert torch.equal(together, getattr(joint, name)[i])


def test_the_recalled_clip_is_noisy_and_the_encoder_is_told():
    m, x, d = Players(PLUS), batch_of(24), draws_of(PLUS)
    seen = []
    real = m.encoder.forward
    m.encoder.forward = lambda *given: (seen.append(given), real(*given))[1]
    f = Prediction(m, x, d, AR2)
    ((recalled, reference, level),) = seen
    expected = x[:, :, :16] + level[:, None, None, None, None] * d.grain[0]
    assert torch.equal(recalled, expected) and reference == 8 and torch.equal(level, d.level[0])
    assert torch.equal(f.clips, x[:, :, 8:])  # the target is clean
    assert torch.equal(f.fakes()[1][:, :, :8], x[:, :, :8])  # and so is what is judged


def test_what_the_encoder_is_told_matters_once_it_has_learned():
    m, x = Players(PLUS), batch_of(16)
    m.encoder.eval()
    none, zero = torch.tensor([0.0, 0.0]), torch.tensor([0.5, 0.25])
    with torch.no_grad():
        for a, b in zip(m.encoder(x, 8, zero), m.encoder(x, 8), strict=True):
            assert torch.equal(a, b)  # untrained embeddings say nothing
        for _ in range(2):
            m.train()
            with torch.enable_grad():
                iteration(m, ALONE, batch_of(24), draws_of(PLUS), AR2)
        m.encoder.eval()
        told, silent = m.encoder(x, 8, zero), m.encoder(x, 8)
        assert all(not torch.equal(a, b) for a, b in zip(told, silent, strict=True))
        assert all(map(torch.equal, m.encoder(x, 8, none), silent))


def test_a_roll_out_goes_on_from_its_own_clips():
    p = PLAIN.but(rollout=3)
    m, x, d = Players(p), batch_of(40), Draws.of(0, 5, 3, p, ALONE, "cpu")
    f = Prediction(m, x, d, AR2)
    own = f.x_hat.chunk(3)
    assert torch.equal(f.clips, torch.cat([x[:, :, s : s + 16] for s in (8, 16, 24)]))
    assert torch.equal(f.former, torch.cat([x[:, :, :16], own[0], own[1]]))
    predictions, stitched, noise = f.fakes()
    assert [len(g) for g in (predictions, stitched, noise)] == [6, 6, 2]
    assert torch.equal(stitched[4:, :, :8], own[1][:, :, :8])
    assert torch.equal(stitched[4:, :, 8:], own[2][:, :, :8])
    again = Players(p)
    with torch.no_grad():
        clip = x[:, :, :16]
        for i in range(3):
            codes = again.encoder(clip, 8)
            if i == 0:
                clip, _ = clips_of(again, d, codes)
            else:
                clip = again.generator(*draw(codes, d.eps_c[i], d.eps_m[i]))
            assert torch.allclose(clip, own[i], atol=1e-5)


def test_a_trained_generator_normalises_later_as_it_did_in_training():
    """Running statistics of one pass over both groups are what that pass was normalised by."""
    m, d = Players(PLAIN), draws_of(PLAIN)
    for module in m.generator.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.momentum = 1.0
    with torch.no_grad():
        f = Prediction(m, batch_of(24), d, AR2)
        m.generator.eval()
        later = m.generator(*draw(f.codes, d.eps_c[0], d.eps_m[0]))
        noise = m.generator(d.z_c[0], d.z_m[0])
    for now, then in ((later, f.x_hat), (noise, f.x_noise)):
        assert (now - then).abs().mean() < 0.05 * then.abs().mean()


def test_no_gradient_goes_back_through_an_own_clip():
    p = PLAIN.but(rollout=2)
    m, x, d = Players(p), batch_of(32), Draws.of(0, 5, 2, p, ALONE, "cpu")
    f = Prediction(m, x, d, AR2)
    first, second = f.x_hat.chunk(2)
    (reached,) = torch.autograd.grad(f.x_hat[2:].sum(), [f.x_hat], retain_graph=True)
    assert reached[:2].abs().sum() == 0
    stitched = f.fakes()[1]
    assert not f.former.requires_grad and stitched.requires_grad
    assert first.grad_fn is not None and second.grad_fn is not None


def test_a_roll_out_of_one_is_ar2_to_the_bit(tmp_path, videos):
    runs = [job(tmp_path / str(i), videos, preset=p) for i, p in enumerate([SMOKE, SMOKE.but()])]
    faithful, off = (checkpoint.load(train(run)) for run in runs)
    assert_same(faithful["networks"], off["networks"])
    for changes in ({"rollout": 2}, {"recall_noise": 0.3}):
        run = job(tmp_path / str(changes), videos, preset=SMOKE.but(**changes))
        assert run.key() != runs[0].key()
        other = checkpoint.load(train(run))["networks"]["generator"]["to_rgb.weight"]
        assert not torch.equal(other, faithful["networks"]["generator"]["to_rgb.weight"])


@pytest.mark.parametrize("rollout", [1, 2, 4])
def test_footage_windows_are_as_long_as_the_roll_out(videos, tmp_path, rollout):
    run = job(tmp_path, videos, preset=SMOKE.but(rollout=rollout))
    sampler = run.sampler()
    assert sampler.length == run.preset.window == 16 + 8 * rollout
    for i in range(len(sampler)):
        rows = sampler.frames_of(0, i)
        assert np.array_equal(np.diff(rows), np.ones(len(rows) - 1)) and rows[0] // 60 == (
            rows[-1] // 60
        )
    starts = sorted(sampler.frames_of(0, i)[0] % 60 for i in range(len(sampler)))
    assert starts == sorted(4 * list(range(0, 60 - sampler.length + 1, 8)))


def test_windows_that_do_not_fit_are_refused(videos):
    short = VideoSet.from_arrays([v[:30] for v in moving_videos(2)])
    with pytest.raises(InputError, match="no video has the 32 frames.*the longest has 30"):
        ClipSampler(short, "pairs", clips=3)
    with pytest.raises(InputError, match="at least 2 clips, not 1"):
        ClipSampler(videos, "pairs", clips=1)


@pytest.mark.parametrize("changes", [{"recall_noise": 0.1}, {"rollout": 2}])
@pytest.mark.parametrize("kind", ["encgan3", "r2"])
def test_switches_of_ar2_are_refused_elsewhere(tmp_path, videos, kind, changes):
    with pytest.raises(InputError, match=f"rollout are AR2's; a '{kind}' has no use for them"):
        train(job(tmp_path, videos, kind=kind, preset=SMOKE.but(**changes)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rollout": 0}, "rollout must be at least 1"),
        ({"recall_noise": -0.1}, "recall_noise cannot be negative or infinite"),
        ({"recall_noise": float("inf")}, "recall_noise cannot be negative or infinite"),
    ],
)
def test_impossible_switches_are_refused(changes, words):
    with pytest.raises(InputError, match=words):
        SMOKE.but(**changes)


# ---- recipes -------------------------------------------------------------------------------------


class settings:
    def __init__(self, out_dir, **changes):
        self.__dict__ |= {"preset": "smoke", "seed": 0, "hop": 8, "steps": 0, "init_path": None}
        self.__dict__ |= {"out_dir": out_dir, "dataset": "sky"} | changes


def test_the_recipe_of_ar2_has_improved_streams_and_its_own_weights(tmp_path, videos):
    for preset in ("smoke", "mini", "64", "128"):
        p = study.ar2_recipe(settings(tmp_path, preset=preset, hop=6))
        assert (p.video_stream, p.hop, p.rollout) == ("3d", 6, 1)
    assert study.ar2_recipe(settings(tmp_path, preset="128")).departures(PUBLISHED_128) == {}
    assert study.departures(study.ar2_recipe(settings(tmp_path, preset="128")), True) == []
    assert study.ar2_recipe(settings(tmp_path, preset="mini", steps=7000)).steps == 7000
    tuned = study.ar2_recipe(settings(tmp_path, preset="mini", init_path=tmp_path / "r2.pt"))
    assert (tuned.warmup, tuned.motion_warmup, tuned.crop(0)) == (0, 0, 1)
    plus = study.ar2_recipe(settings(tmp_path), rollout=2)
    runs = [study.job(settings(tmp_path), "ar2", videos, preset) for preset in (None, plus)]
    assert runs[0].kind == "ar2" and runs[0].out.name.startswith("ar2-")
    assert runs[0].out != runs[1].out
    assert runs[0].objective() == AR2 == Objective(noise=True, next_clip=True)


# ---- from noise ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def models():
    return Players(PLAIN, seed=1).for_generation()


def made(models, frames, **options) -> torch.Tensor:
    encoder, generator, video_d = models
    pieces = sample.from_noise(encoder, generator, frames, video_d=video_d, **options)
    return torch.cat(list(pieces), 2)


@pytest.mark.parametrize("r", [1, 5, 8, 15])
@pytest.mark.parametrize("frames", [1, 8, 15, 16, 17, 24, 25, 50])
def test_any_length_is_that_many_frames(models, frames, r):
    pieces = list(sample.from_noise(*models[:2], frames, r, videos=2))
    assert sum(p.shape[2] for p in pieces) == frames and all(p.shape[2] > 0 for p in pieces)
    assert all(p.shape[:2] == (2, 3) and p.abs().max() <= 1 for p in pieces)
    assert len(pieces) == hops.clips_for(frames, r)


@torch.no_grad()
def test_every_clip_is_predicted_from_the_one_before_it(models):
    encoder, generator, _ = models
    dims, clips = (8, 4), [generator(*sample.noise(3, 0, 1, (8, 4)))]
    for i in range(1, 5):
        z = draw(encoder(clips[-1], 8), *sample.noise(3, i, 1, dims))
        clips.append(generator(*z))
    long = torch.cat(list(recall.stitched(clips, 8)), 2)
    assert torch.allclose(made(models, 48, seed=3), long, atol=1e-5)
    assert torch.allclose(made(models, 44, seed=3), long[:, :, :44], atol=1e-5)


def test_a_longer_video_begins_like_a_shorter_one(models):
    long, short = made(models, 60, seed=2), made(models, 20, seed=2)
    assert torch.equal(long[:, :, :16], short[:, :, :16])


@pytest.mark.parametrize("candidates", [1, 3])
def test_other_videos_beside_it_change_nothing(models, candidates, monkeypatch):
    monkeypatch.setattr(sample, "CANDIDATES", 7)
    together = made(models, 40, videos=5, candidates=candidates, seed=4)
    fewer = made(models, 40, videos=2, candidates=candidates, seed=4)
    assert torch.allclose(together[:2], fewer, atol=1e-5)
    assert (together[0] - together[1]).abs().max() > 1e-3
    assert not torch.allclose(together[:2], made(models, 40, videos=2, seed=5), atol=1e-3)


def test_one_candidate_is_plain_sampling_noise_for_noise(models):
    plain = made((*models[:2], None), 56, seed=11)
    assert torch.equal(made(models, 56, candidates=1, seed=11), plain)
    first = Critic(lambda x: -torch.arange(len(x), dtype=torch.float32))
    chosen = made((*models[:2], first), 56, candidates=6, seed=11)
    assert torch.allclose(chosen, plain, atol=1e-5)
    assert [len(x) for x in first.judged] == [6] * 6


@torch.no_grad()
def test_the_score_is_never_below_that_of_plain_sampling(models):
    """Given the same clip before it and the same noise."""
    encoder, generator, video_d = models
    options = {"candidates": 12, "seed": 7, "video_d": video_d}
    clips = list(islice(sample.predicted_clips(encoder, generator, None, 8, **options), 8))
    better = 0
    for i, kept in enumerate(clips):
        before = clips[i - 1] if i else None
        z = sample.noise(7, i, 1, (8, 4))
        plain = generator(*(draw(encoder(before, 8), *z) if i else z))
        ours, theirs = (recall.critic_scores(video_d, c, before, 8) for c in (kept, plain))
        assert ours >= theirs - 1e-5 * theirs.abs()
        better += bool(ours > theirs + 1e-5 * theirs.abs())
    assert better > 0


def test_the_first_clip_is_judged_alone_and_later_ones_behind_the_best(models):
    critic = Critic(lambda x: x.mean(dim=(1, 2, 3, 4)))
    options = {"videos": 2, "candidates": 5, "seed": 1, "video_d": critic}
    clips = list(islice(sample.predicted_clips(*models[:2], None, 8, **options), 4))
    assert torch.equal(critic.judged[0].unflatten(0, (2, 5))[0, 0], critic.judged[0][0])
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
        kept, scores = recall.reject_each(bright, candidates, before, 5)
        for v in range(3):
            alone = None if before is None else before[v : v + 1]
            best, score = reject(bright, candidates[v], alone, 5)
            assert torch.equal(kept[v : v + 1], best) and scores[v] == score


def test_the_mean_is_drawn_once_for_the_first_clip(models):
    encoder, generator, _ = models
    with torch.no_grad():
        first = generator(*sample.noise(5, 0, 1, (8, 4)))
        space = encoder(first, 8)
        second = generator(space.mu_c, space.mu_m)
    long = made(models, 24, codes="mean", seed=5)
    assert torch.allclose(long, torch.cat([first[:, :, :8], second], 2), atol=1e-5)
    assert not torch.allclose(long, made(models, 24, codes="mean", seed=6), atol=1e-4)


def test_a_first_clip_is_gone_on_from(models):
    clips = np.stack([v[:16] for v in moving_videos(2, seed=8)])
    long = made(models, 40, first_clip=clips, seed=1)
    assert torch.equal(long[:, :, :8], as_clips(clips)[:, :, :8])
    assert not torch.equal(long[:, :, 8:16], as_clips(clips)[:, :, 8:])
    swapped = made(models, 40, first_clip=clips[::-1].copy(), codes="mean")
    straight = made(models, 40, first_clip=clips, codes="mean")
    assert torch.allclose(swapped.flip(0), straight, atol=1e-5)


@pytest.mark.parametrize("candidates", [1, 3])
def test_frames_come_as_they_are_made_and_none_is_held(models, candidates):
    encoder, generator, video_d = models
    alive, calls = [], []
    real = generator.forward

    def counted(*z):
        clips = real(*z)
        alive.append(weakref.ref(clips))
        calls.append(1)
        return clips

    generator.forward = counted
    try:
        options = {"videos": 2, "candidates": candidates, "video_d": video_d}
        stream = sample.from_noise(encoder, generator, 10**9, **options)
        assert not calls
        peaks = []
        for i, piece in enumerate(islice(stream, 60)):
            assert piece.shape == (2, 3, 8, 16, 16) and len(calls) == i + 2
            del piece
            if i % 20 == 19:
                gc.collect()
                peaks.append(sum(ref() is not None for ref in alive))
    finally:
        del generator.forward
    assert max(peaks) <= 3


IMPOSSIBLE = {
    "no frames": ({"frames": 0}, "at least 1, not 0"),
    "fewer than none": ({"frames": -8}, "at least 1, not -8"),
    "half a frame": ({"frames": 16.5}, "whole number of frames, at least 1, not 16.5"),
    "no videos": ({"videos": 0}, "at least 1 video can be made, not 0"),
    "no candidates": ({"candidates": 0}, "at least 1 candidate, not 0"),
    "no way": ({"codes": "median"}, "sample, mean, not 'median'"),
    "a seed below 0": ({"seed": -1}, "seed must be 0 or more, not -1"),
    "hop of nothing": ({"r": 0}, "hop must be a whole number from 1 to 15, not 0"),
    "hop of all": ({"r": 16}, "hop must be a whole number from 1 to 15, not 16"),
    "a level it does not know": ({"level": 0.1}, "levels of noise from 0 to 0, not 0.1"),
    "too long a first clip": (
        {"first_clip": np.zeros((1, 17, 16, 16, 3), np.uint8)},
        r"\(B, 16, 16, 16, 3\) of uint8, not \(1, 17, 16, 16, 3\)",
    ),
    "one clip for a batch": ({"first_clip": np.zeros((16, 16, 16, 3), np.uint8)}, r"not \(16, 16,"),
    "floats": ({"first_clip": np.zeros((1, 16, 16, 16, 3))}, "of uint8"),
    "too large a first clip": ({"first_clip": np.zeros((1, 16, 32, 32, 3), np.uint8)}, "32, 32"),
    "no first clip": ({"first_clip": np.zeros((0, 16, 16, 16, 3), np.uint8)}, r"not \(0, 16"),
    "a list": ({"first_clip": [[1]]}, "of uint8, not list"),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_the_impossible_is_refused_at_once_in_one_sentence(models, case):
    changes, words = IMPOSSIBLE[case]
    options = {"frames": 30} | changes
    with pytest.raises(InputError, match=words) as refused:
        sample.from_noise(*models[:2], **options)
    assert "\n" not in str(refused.value)


def test_rejection_needs_the_critic(models):
    with pytest.raises(InputError, match="needs the video critic"):
        sample.from_noise(*models[:2], 30, candidates=2)


# ---- a trained model -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    videos = VideoSet.from_arrays(moving_videos(4))
    folder = tmp_path_factory.mktemp("ar2")
    return load_model(train(job(folder, videos, preset=PLUS.but(overlap=10))), "ar2", "cpu")


def test_a_trained_model_makes_videos_from_noise(trained):
    frames = trained.noise_frames(35, 2, candidates=2, seed=3, level=0.2)
    assert frames.shape == (2, 35, 16, 16, 3) and frames.dtype == np.uint8
    assert np.array_equal(frames, trained.noise_frames(35, 2, candidates=2, seed=3, level=0.2))
    assert not np.array_equal(frames, trained.noise_frames(35, 2, candidates=2, seed=3))
    pieces = [p.shape[2] for p in trained.from_noise(35)]
    assert pieces == [6, 6, 6, 6, 11]  # the hop that it was trained at
    clip = np.stack([moving_videos(1)[0][:16]] * 3)
    assert trained.noise_frames(20, first_clip=clip).shape == (3, 20, 16, 16, 3)


def test_a_level_is_told_and_only_up_to_the_largest(trained):
    seen = []
    real = trained.encoder.forward
    trained.encoder.forward = lambda *given: (seen.append(given[2]), real(*given))[1]
    try:
        trained.noise_frames(30, 2, level=0.25)
    finally:
        del trained.encoder.forward
    assert len(seen) == 3 and all(torch.equal(s, torch.full((2,), 0.25)) for s in seen)
    with pytest.raises(InputError, match="levels of noise from 0 to 0.5, not 0.6"):
        trained.from_noise(30, level=0.6)


def test_first_clips_and_videos_must_agree(trained):
    clip = np.stack([moving_videos(1)[0][:16]])
    with pytest.raises(InputError, match="1 first clips do not make 2 videos"):
        trained.from_noise(30, 2, first_clip=clip)
    with pytest.raises(InputError, match="of uint8, not list"):
        trained.from_noise(30, first_clip=[1, 2])


def test_without_noise_the_encoder_is_the_published_one():
    with torch.device("meta"):
        counts = [
            sum(w.numel() for w in network(p).parameters())
            for p in (PUBLISHED_128, PUBLISHED_128.but(recall_noise=0.1))
            for network in (Encoder, Generator)
        ]
    assert counts == [2_061_856, 90_367_525, 2_061_856 + 2 * (512 + 256), 90_367_525]
