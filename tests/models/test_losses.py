"""Known answers of the losses, and that the numbered equations are what trains."""

import math
from collections.abc import Callable

import pytest
import torch
from stepping import PLAIN, batch_of, begun, draws_of, given, losses_of

from rencgan.baselines.g3an import G3AN
from rencgan.models import losses, trained
from rencgan.models.ar2 import AR2
from rencgan.models.encgan3 import EncGAN3
from rencgan.models.lencgan import LEncGAN
from rencgan.models.networks import Codes
from rencgan.models.r2 import R2
from rencgan.models.system import Phase
from rencgan.presets.table import GPT_SMOKE, SMOKE
from rencgan.r3 import r3
from rencgan.training.loop import Job, train
from rencgan.training.record import read_history

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


def logits():
    return [torch.zeros(2)]


def test_terms_of_the_equations():
    x, x_hat = torch.zeros(2, 3, 16, 4, 4), torch.full((2, 3, 16, 4, 4), 0.5)
    assert set(losses.eq_3_1(x, x_hat, ZERO)) == {"reconstruction", "kl_content", "kl_motion"}
    generator = losses.eq_3_4(x, x_hat, logits, logits)
    assert set(generator) == {"reconstruction", "adversarial_video", "adversarial_image"}
    assert losses.values(generator)["reconstruction"] == 0.5
    joint = losses.eq_4_4(x, x_hat, ZERO, logits, logits, 8)
    assert set(joint) == set(generator) | {"reference", "kl_content", "kl_motion"}


def test_the_reference_term_sees_one_frame():
    x, x_hat = torch.zeros(1, 3, 16, 4, 4), torch.zeros(1, 3, 16, 4, 4)
    x_hat[:, :, 8] = 0.25
    assert losses.reference_term(x, x_hat, 8)["reference"]() == 0.25
    assert losses.reference_term(x, x_hat, 7)["reference"]() == 0


def test_the_ablation_compares_the_first_frame_and_the_maps():
    x = torch.zeros(1, 3, 16, 4, 4)
    ramp = x + torch.arange(16).view(1, 1, 16, 1, 1)
    terms = losses.values(losses.eq_3_9(x, ramp, ZERO))
    assert terms["reconstruction"] == 0 and terms["difference"] == 1
    assert set(terms) >= {"kl_content", "kl_motion"}
    assert losses.eq_3_10(x, ramp, logits, logits)["difference"]() == 1


def test_terms_are_weighed_by_name_and_agreement_as_far_as_it_has_risen():
    p, system = SMOKE.but(w_reconstruction=2.0, w_overlap=3.0), R2()
    names = ("reconstruction", "overlap", "video_d")
    for risen, expected in ((1.0, [2.0, 3.0, 1.0]), (0.5, [2.0, 1.5, 1.0])):
        assert [system.weight(n, p, Phase(risen=risen)) for n in names] == expected


def test_terms_are_computed_in_one_order_and_unknown_ones_behind():
    terms = {n: lambda: torch.zeros(()) for n in ("ours", "kl_motion", "still", "reference")}
    assert list(losses.values(terms)) == ["reference", "still", "kl_motion", "ours"]


def test_the_still_term_is_blind_to_motion():
    ramp = torch.linspace(-1, 1, 16).view(1, 1, 16, 1, 1).expand(1, 3, 16, 4, 4)
    assert losses.still(ramp, -ramp) == pytest.approx(0, abs=1e-6)
    assert losses.still(ramp, ramp + 0.25) == pytest.approx(0.25)


def test_the_amount_term_judges_how_much_moves_alone():
    ramp = torch.linspace(-1, 1, 16).view(1, 1, 16, 1, 1).expand(1, 3, 16, 4, 4)

    def term(made):
        return float(losses.amount(ramp, made))

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
        return float(losses.jitter(real, made))

    assert term(wave + ramp) == pytest.approx(0, abs=1e-6), "another speed is no jitter"
    assert term(wave + tremble) > term(wave + tremble / 4) > 0.1
    assert term(2 * wave) == pytest.approx(math.log(2) ** 2, rel=0.1)
    assert math.isfinite(term(ramp)) and term(ramp) > 0, "nothing trembles at all"


def test_the_overlap_term_is_what_two_clips_disagree_about():
    video = torch.rand(2, 3, 24, 4, 4)
    former, latter = video[:, :, :16], video[:, :, 8:]
    assert losses.overlap(former, latter, 8) == 0
    assert losses.overlap(former, latter + 0.5, 8) == pytest.approx(0.5)
    assert losses.overlap(video[:, :, :16], video[:, :, 4:20], 4) == 0


def test_the_junction_term_compares_the_steps_across_the_junction():
    video = torch.rand(2, 3, 24, 4, 4)
    pair = video[:, :, :16], video[:, :, 8:]
    assert losses.junction(*pair, *pair, 8) == 0
    moved = pair[0] + 0.5, pair[1] + 0.5
    assert losses.junction(*pair, *moved, 8) == pytest.approx(0, abs=1e-6)
    apart = pair[0], pair[1] + 0.25
    assert losses.junction(*pair, *apart, 8) == pytest.approx(0.25)
    still = tuple(torch.zeros_like(clip) for clip in pair)
    step = (video[:, :, 8] - video[:, :, 7]).abs().mean()
    assert losses.junction(*pair, *still, 8) == pytest.approx(float(step))


def test_the_direction_of_motion_does_not_depend_on_its_amount():
    ramp = torch.linspace(-1, 1, 16).view(1, 1, 16, 1, 1).expand(1, 3, 16, 4, 4)
    for amount in (0.1, 1.0, 3.0):
        made = losses.direction(ramp, amount * ramp + 0.5)
        assert made == pytest.approx(0, abs=1e-5)
    assert losses.direction(ramp, -ramp) == pytest.approx(4, abs=1e-5)
    flicker = ramp + torch.tensor([0.2, -0.2] * 8).view(1, 1, 16, 1, 1)
    slow = 1 - losses.cosine_similarity(losses.deviations(ramp), losses.deviations(flicker))
    assert slow < 0.1 < losses.direction(ramp, flicker) - slow


# ------------------------------------------------------------------------- what trains which system

TRAINED = {  # a system, and by which equations its players learn, in the order of their turns
    "EncGAN3": (EncGAN3(), ["3_6", "3_5", "3_1", "3_4"]),
    "its ablation": (EncGAN3(maps=True), ["3_6", "3_5", "3_9", "3_10"]),
    "half of it": (EncGAN3(maps="encoder"), ["3_6", "3_5", "3_9", "3_4"]),
    "G3AN": (G3AN(), ["3_6", "3_5"]),
    "LEncGAN": (LEncGAN(), ["3_6", "3_5", "3_1", "3_4"]),
    "R2": (R2(), ["4_7", "4_5", "4_4"]),
    "R_Enc alone": (R2(recall_critic=False), ["4_6", "4_5", "4_4"]),
    "v2": (R2.variant("v2"), ["4_7", "4_5", "3_1", "3_4"]),
    "AR2": (AR2(), ["5_2", "3_5", "5_1"]),
}


def seven(equation: Callable) -> Callable:
    """An equation of which all terms are 7, whatever they should be."""

    def changed(*given):
        found = equation(*given)
        if isinstance(found, torch.Tensor):
            return 0 * found + 7
        return {name: lambda term=term: 0 * term() + 7 for name, term in found.items()}

    return changed


@pytest.mark.parametrize("name", TRAINED)
def test_the_numbered_equations_are_what_trains(name, monkeypatch):
    """Each is replaced in its turn: what its player then learns by is what it was replaced with."""
    system, equations = TRAINED[name]
    frames, p = 24 if isinstance(system, R2 | AR2) else 16, PLAIN.but(encoder=name != "G3AN")
    for turn, number in enumerate(equations):
        with monkeypatch.context() as replaced:
            replaced.setattr(losses, f"eq_{number}", seven(getattr(losses, f"eq_{number}")))
            m = begun(system, p)
            turns = list(losses_of(m, given(m, batch_of(frames))).values())
            found = turns[turn]()
            found = {"": found} if isinstance(found, torch.Tensor) else losses.values(found)
        added = {"LEncGAN": {"reference"}, "v2": {"reference"}}.get(name, set())
        assert {n for n, value in found.items() if value != 7} <= added, number
        assert len(turns) == len(equations) + (name == "G3AN")


def test_equation_5_3_is_what_trains_r3(tmp_path, videos, monkeypatch):
    equation = r3.eq_5_3
    sevens = lambda *given: {name: 0 * v + 7 for name, v in equation(*given).items()}  # noqa: E731
    monkeypatch.setattr(r3, "eq_5_3", sevens)
    base = trained.begun(R2(), SMOKE)
    train(Job(r3.R3(), GPT_SMOKE, videos, tmp_path / "r3", base=base, cache=tmp_path))
    assert {line["code"] for line in read_history(tmp_path / "r3" / "history.jsonl")} == {7}


CODES, FOOLING = {"kl_content", "kl_motion"}, {"adversarial_video", "adversarial_image"}
CLIP, FRAME = {"reconstruction"}, {"reference"}
TABLE_4_3 = {  # the terms of encoder and generator, and whether noise codes are judged
    "v1": ([FRAME | CLIP | CODES, FRAME | CLIP | FOOLING], True),
    "v2": ([FRAME | CLIP | CODES, FRAME | CLIP | FOOLING], True),
    "v2-noiseless": ([FRAME | CLIP | CODES, FRAME | CLIP | FOOLING], False),
    "v3": ([FRAME | CODES, FRAME | FOOLING], True),
    "v4": ([FRAME | CLIP | CODES | FOOLING], False),
    "v4-noise": ([FRAME | CLIP | CODES | FOOLING], True),
    "v4-mean": ([FRAME | CLIP | CODES | FOOLING], False),
    "v5": ([FRAME | CODES, FRAME | FOOLING], False),
}


@pytest.mark.parametrize("name", R2.variants)
def test_every_variant_has_the_terms_of_table_4_3(name):
    terms, noise = TABLE_4_3[name]
    m, x = begun(R2.variant(name), PLAIN), batch_of(24)
    _, _, *turns = losses_of(m, given(m, x)).values()  # after both critics
    assert [set(loss()) for loss in turns] == terms
    f = R2.variant(name).pair(m.nets, given(m, x), draws_of(m))
    assert (len(f.fakes()), len(f.frames(0))) == (3 + noise, 2 + noise)


def test_the_stitched_clip_counts_in_v1_alone():
    m, x = begun(R2.variant("v1"), PLAIN), batch_of(24)
    f = m.system.pair(m.nets, given(m, x), draws_of(m))
    each = [(f.clips - f.x_hat).abs().mean(dim=(1, 2, 3, 4))]
    each.append((x[:, :, :16] - f.fakes()[2]).abs().mean(dim=(1, 2, 3, 4)))
    for name, expected in (("v1", torch.cat(each)), ("v2", each[0])):
        error = R2.variant(name).encoder_loss(given(m, x), f)["reconstruction"]()
        assert error.item() == pytest.approx(expected.mean().item())
