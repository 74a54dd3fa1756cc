"""Warm-ups: what they train, at which rates, and when they are over."""

import pytest
import torch
from stepping import batch_of, begun, draws_of, given, stepped

from rencgan.models import warmups
from rencgan.models.ar2 import AR2
from rencgan.models.encgan3 import EncGAN3
from rencgan.models.lencgan import LEncGAN
from rencgan.models.r2 import R2
from rencgan.presets.table import SMOKE

FIRST, MOTION, PROPER = 0, SMOKE.warmup, SMOKE.warmup + SMOKE.motion_warmup


def rates(p, steps) -> dict[int, float]:
    return {step: warmups.phase(step, p).rate for step in steps}


def test_what_every_step_takes():
    found = [(f.name, f.reads, f.batch) for f in (warmups.phase(s, SMOKE) for s in range(6))]
    stills, motion, proper = ("stills", "stills", 4), ("motion", "batch", 4), ("", "batch", 2)
    assert found == [stills, stills, motion, proper, proper, proper]
    assert [warmups.phase(s, SMOKE).crop for s in range(6)] == [0.8] * 4 + [1.0] * 2


def test_both_warm_ups_go_before_every_system():
    for system in (EncGAN3(), LEncGAN(), R2(), AR2()):
        frames = 24 if isinstance(system, R2 | AR2) else 16
        m = begun(system, SMOKE, FIRST)
        batches = {FIRST: batch_of(1, 4), MOTION: batch_of(frames, 4), PROPER: batch_of(frames)}
        terms = {step: set(stepped(m, x, step)) for step, x in batches.items()}
        assert terms[FIRST] == {"reconstruction", "kl_content"}
        assert terms[MOTION] == {"direction", "still", "kl_content", "kl_motion"}
        assert terms[PROPER] >= {"video_d", "image_d", "reconstruction", "adversarial_video"}


def test_single_frames_move_the_content_streams_alone():
    m = begun(R2(), SMOKE, FIRST)
    nets = [m.nets[n] for n in ("encoder", "generator")]
    before = {n: w.detach().clone() for net in nets for n, w in net.named_parameters()}
    stepped(m, batch_of(1, 4), FIRST)
    after = {n: w for net in nets for n, w in net.named_parameters()}
    names = {n for n in before if not torch.equal(before[n], after[n])}
    assert any(n.startswith("content") for n in names) and any("spatial" in n for n in names)
    assert not [n for n in names if "motion" in n or "temporal" in n or "video" in n]


def test_the_error_is_the_one_that_the_reconstruction_has():
    for system, power in ((R2(), 1), (AR2(), 2)):  # AR2's is half the square of a small error
        m = begun(system, SMOKE, FIRST)
        s, d = given(m, batch_of(1, 4), FIRST), draws_of(m, FIRST)
        error = warmups.loss(system, m.nets, s)()["reconstruction"]().item()
        with torch.no_grad():
            mu, logvar = m.nets["encoder"].content_space(s.x[:, :, 0])
            made = m.nets["generator"].still(mu + (0.5 * logvar).exp() * d.eps_still)
            expected = ((made - s.x[:, :, 0]).abs() ** power / power).mean().item()
        assert error == pytest.approx(expected, rel=1e-3)


def test_a_still_is_the_clip_without_its_video_stream():
    m = begun(R2(), SMOKE).nets["generator"].eval()
    z_c, z_m = torch.randn(2, 8), torch.randn(2, 4)
    with torch.no_grad():
        still, whole = m.still(z_c), m(z_c, z_m)
        m.to_rgb.weight[:, m.to_rgb.weight.shape[1] // 2 :] = 0
        clip = m(z_c, z_m)
    assert torch.allclose(clip, still[:, :, None].expand_as(clip), atol=1e-6)
    assert not torch.allclose(clip, whole, atol=1e-4)


def test_rates_are_constant_unless_decay_is_asked_for():
    p = SMOKE.but(steps=100)
    assert set(rates(p, range(100)).values()) == {1.0}
    decayed = rates(p.but(lr_decay=0.5), (10, 50, 75, 100))
    assert decayed == pytest.approx({10: 1, 50: 1, 75: 0.5, 100: 0})
    p = p.but(warmup=20, warmup_decay=0.5)
    assert rates(p, (5, 15, 21)) == pytest.approx({5: 1, 15: 0.5, 21: 1})


def test_after_each_warm_up_the_rates_rise():
    p = SMOKE.but(warmup=10, motion_warmup=20, steps=60, ramp=4)
    shares = {0: 1, 9: 1, 10: 0.25, 11: 0.5, 13: 1, 29: 1, 30: 0.25, 33: 1, 59: 1}
    assert rates(p, shares) == pytest.approx(shares)


def test_the_weights_of_agreement_rise_behind_the_warm_ups():
    p = SMOKE.but(warmup=10, motion_warmup=10, steps=60, rise=0.5)
    risen = {step: warmups.phase(step, p).risen for step in (15, 20, 30, 40, 59)}
    assert risen == pytest.approx({15: 0, 20: 0, 30: 0.5, 40: 1, 59: 1})
    assert warmups.phase(20, p.but(rise=0.0)).risen == 1
