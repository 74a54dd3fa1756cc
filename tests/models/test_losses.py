"""Known answers of the objectives."""

import math

import pytest
import torch

from rencgan.models import losses
from rencgan.models.networks import Codes
from rencgan.presets.table import SMOKE

ZERO = Codes(*(torch.zeros(2, 3) for _ in range(4)))


def test_kl_of_known_gaussians():
    zero, one = torch.zeros(4, 6), torch.ones(4, 6)
    assert losses.kl(zero, zero) == 0
    assert losses.kl(one, zero) == pytest.approx(3.0)  # N(1, I): d / 2
    logvar = torch.full((4, 6), math.log(4.0))
    assert losses.kl(zero, logvar) == pytest.approx(6 * 0.5 * (4 - 1 - math.log(4)))


def test_cross_entropy_of_a_critic_that_cannot_tell():
    zero = torch.zeros(5)
    assert losses.judged_real(zero) == pytest.approx(math.log(2))
    assert losses.eq_4_7(zero, [zero, zero, zero]) == pytest.approx(2 * math.log(2))


def test_fakes_are_equal_parts_and_losses_are_averaged_not_logits():
    real, a, b = torch.zeros(1), torch.full((1,), 3.0), torch.full((7,), -3.0)
    expected = math.log(2) + (math.log(1 + math.exp(3)) + math.log(1 + math.exp(-3))) / 2
    for equation in (losses.eq_3_5, losses.eq_3_6, losses.eq_4_5, losses.eq_4_6, losses.eq_4_7):
        assert equation(real, [a, b]) == pytest.approx(expected)


def test_terms_of_the_equations():
    x, x_hat = torch.zeros(2, 3, 16, 4, 4), torch.full((2, 3, 16, 4, 4), 0.5)
    logits = [torch.zeros(2)]
    assert set(losses.eq_3_1(x, x_hat, ZERO)) == {"reconstruction", "kl_content", "kl_motion"}
    generator = losses.eq_3_4(x, x_hat, logits, logits)
    assert set(generator) == {"reconstruction", "adversarial_video", "adversarial_image"}
    assert generator["reconstruction"] == 0.5
    joint = losses.eq_4_4(x, x_hat, ZERO, logits, logits, 8)
    assert set(joint) == set(generator) | {"reference", "kl_content", "kl_motion"}


def test_the_reference_term_sees_one_frame():
    x, x_hat = torch.zeros(1, 3, 16, 4, 4), torch.zeros(1, 3, 16, 4, 4)
    x_hat[:, :, 8] = 0.25
    assert losses.reference_term(x, x_hat, 8)["reference"] == 0.25
    assert losses.reference_term(x, x_hat, 7)["reference"] == 0


def test_the_ablation_compares_the_first_frame_and_the_maps():
    x = torch.zeros(1, 3, 16, 4, 4)
    ramp = x + torch.arange(16).view(1, 1, 16, 1, 1)
    terms = losses.eq_3_9(x, ramp, ZERO)
    assert terms["reconstruction"] == 0 and terms["difference"] == 1
    assert set(terms) >= {"kl_content", "kl_motion"}
    assert losses.eq_3_10(x, ramp, [torch.zeros(1)], [torch.zeros(1)])["difference"] == 1


def test_total_weighs_by_name():
    p = SMOKE.but(w_reconstruction=2.0, w_kl_motion=0.5)
    terms = {"reconstruction": torch.tensor(3.0), "kl_motion": torch.tensor(4.0)}
    assert losses.total(terms, p) == 8


def test_agreement_of_clips_counts_as_far_as_it_has_risen():
    p = SMOKE.but(w_reconstruction=2.0, w_overlap=3.0, w_junction=5.0)
    terms = {name: torch.tensor(1.0) for name in ("reconstruction", "overlap", "junction")}
    assert losses.total(terms, p) == 10 and losses.total(terms, p, 0.5) == 6


def test_the_still_term_is_blind_to_motion():
    ramp = torch.linspace(-1, 1, 16).view(1, 1, 16, 1, 1).expand(1, 3, 16, 4, 4)
    assert losses.still_term(ramp, -ramp)["still"] == pytest.approx(0, abs=1e-6)
    assert losses.still_term(ramp, ramp + 0.25)["still"] == pytest.approx(0.25)


def test_the_amount_term_judges_how_much_moves_alone():
    ramp = torch.linspace(-1, 1, 16).view(1, 1, 16, 1, 1).expand(1, 3, 16, 4, 4)

    def term(made):
        return float(losses.amount_term(ramp, made)["amount"])

    assert term(0.5 - ramp) == pytest.approx(0, abs=1e-6)
    assert term(2 * ramp) == pytest.approx(math.log(2) ** 2, rel=0.05)
    assert term(2 * ramp) == pytest.approx(term(ramp / 2), rel=0.1)
    still = torch.zeros_like(ramp)
    assert math.isfinite(term(still)) and term(still) > term(ramp / 8)


def test_the_jitter_term_judges_trembling_and_not_drift():
    ramp = torch.linspace(-0.5, 0.5, 16).view(1, 1, 16, 1, 1).expand(1, 3, 16, 4, 4)
    wave = ramp + 0.05 * torch.sin(torch.arange(16.0)).view(1, 1, 16, 1, 1)
    tremble = 0.1 * (-1) ** torch.arange(16.0).view(1, 1, 16, 1, 1)

    def term(made, real=wave):
        return float(losses.jitter_term(real, made)["jitter"])

    assert term(wave + ramp) == pytest.approx(0, abs=1e-6), "another speed is no jitter"
    assert term(wave + tremble) > term(wave + tremble / 4) > 0.1
    assert term(2 * wave) == pytest.approx(math.log(2) ** 2, rel=0.1)
    assert math.isfinite(term(ramp)) and term(ramp) > 0, "nothing trembles at all"


def test_the_overlap_term_is_what_two_clips_disagree_about():
    video = torch.rand(2, 3, 24, 4, 4)
    former, latter = video[:, :, :16], video[:, :, 8:]
    assert losses.overlap_term(former, latter, 8)["overlap"] == 0
    assert losses.overlap_term(former, latter + 0.5, 8)["overlap"] == pytest.approx(0.5)
    assert losses.overlap_term(video[:, :, :16], video[:, :, 4:20], 4)["overlap"] == 0


def test_the_junction_term_compares_the_steps_across_the_junction():
    video = torch.rand(2, 3, 24, 4, 4)
    pair = video[:, :, :16], video[:, :, 8:]
    assert losses.junction_term(*pair, *pair, 8)["junction"] == 0
    moved = pair[0] + 0.5, pair[1] + 0.5
    assert losses.junction_term(*pair, *moved, 8)["junction"] == pytest.approx(0, abs=1e-6)
    apart = pair[0], pair[1] + 0.25
    assert losses.junction_term(*pair, *apart, 8)["junction"] == pytest.approx(0.25)
    still = tuple(torch.zeros_like(clip) for clip in pair)
    step = (video[:, :, 8] - video[:, :, 7]).abs().mean()
    assert losses.junction_term(*pair, *still, 8)["junction"] == pytest.approx(float(step))


def test_the_direction_of_motion_does_not_depend_on_its_amount():
    ramp = torch.linspace(-1, 1, 16).view(1, 1, 16, 1, 1).expand(1, 3, 16, 4, 4)
    for amount in (0.1, 1.0, 3.0):
        made = losses.direction_term(ramp, amount * ramp + 0.5)
        assert made["direction"] == pytest.approx(0, abs=1e-5)
    assert losses.direction_term(ramp, -ramp)["direction"] == pytest.approx(4, abs=1e-5)
    flicker = ramp + torch.tensor([0.2, -0.2] * 8).view(1, 1, 16, 1, 1)
    slow = 1 - losses.cosine_similarity(losses.deviations(ramp), losses.deviations(flicker))
    assert slow < 0.1 < losses.direction_term(ramp, flicker)["direction"] - slow
