"""Players: who moves in which turn, how fast, and what is kept of it."""

import copy

import pytest
import torch
from stepping import ALONE, assert_same, batch_of, begun, given, stepped, weights

from rencgan.baselines.g3an import G3AN
from rencgan.core.errors import InputError
from rencgan.models.ar2 import AR2
from rencgan.models.encgan3 import EncGAN3
from rencgan.models.lencgan import LEncGAN
from rencgan.models.r2 import R2
from rencgan.presets.table import SMOKE
from rencgan.training.players import Players
from rencgan.training.processes import Group

VD, ID, ENC, GEN = ("video_d",), ("image_d",), ("encoder",), ("generator",)
SEPARATE, JOINT = [VD, ID, ENC, GEN], [VD, ID, ENC + GEN]
TURNS = {
    "EncGAN3": (EncGAN3(), SEPARATE),
    "G3AN": (G3AN(), [VD, ID, GEN]),
    "LEncGAN": (LEncGAN(), SEPARATE),
    "AR2": (AR2(), JOINT),
}
R2S = {name: R2.variant(name) for name in R2.variants}
TURNS |= {name: (r2, JOINT if r2.joint else SEPARATE) for name, r2 in R2S.items()}


def of(name, **changes):
    p = SMOKE.but(**changes)
    return p.but(encoder=False, warmup=0, motion_warmup=0) if name == "G3AN" else p


def batch_for(system, count=2):
    return batch_of(24 if isinstance(system, R2 | AR2) else 16, count)


def watched(m: Players) -> list:
    """Of every turn that is played: who was named, who moved, and who has gradients."""
    real, found = m._move, []

    def move(names, loss, group):
        for net in m.nets.values():
            net.zero_grad(set_to_none=True)
        before = {n: weights(net) for n, net in m.nets.items()}
        record = real(names, loss, group)
        moved = {n for n, net in m.nets.items() if not torch.equal(weights(net), before[n])}
        reached = {
            n for n, net in m.nets.items() if any(w.grad is not None for w in net.parameters())
        }
        found.append((names, moved, reached))
        return record

    m._move = move
    return found


@pytest.mark.parametrize("name", TURNS)
def test_in_every_turn_only_those_move_and_get_gradients_whose_turn_it_is(name):
    system, turns = TURNS[name]
    m = begun(system, of(name))
    found = watched(m)
    stepped(m, batch_for(system))
    assert [names for names, _, _ in found] == turns
    for names, moved, reached in found:
        assert moved == reached == set(names)


@pytest.mark.parametrize("step", [0, SMOKE.warmup])
def test_in_warm_ups_encoder_and_generator_move_together(step):
    m = begun(R2(), SMOKE, step)
    found = watched(m)
    stepped(m, batch_of(1 if step == 0 else 24, 4), step)
    assert found == [(ENC + GEN, {*ENC, *GEN}, {*ENC, *GEN})]


def test_a_loss_is_computed_after_the_turns_before_it():
    """The critics have stepped when encoder and generator are judged."""
    m, x = begun(R2(), SMOKE), batch_of(24)
    s, critic = given(m, x), m.nets["video_d"]
    start, seen = weights(critic), []
    critic.register_forward_hook(lambda *given: seen.append(weights(critic)))
    m.play(s, ALONE)
    assert torch.equal(seen[0], start) and not torch.equal(seen[-1], start)


def test_rates_follow_the_phase_and_the_kind_of_weights():
    p = SMOKE.but(content_rate=0.1, motion_rate=3.0, lr_generator=1e-3)
    m, rates = Players(R2(), p), {}
    for step in (0, SMOKE.warmup, SMOKE.warmup + SMOKE.motion_warmup):
        m.begin(step, ALONE)
        rates[step] = {g["content"]: g["lr"] for g in m.optimisers["generator"].param_groups}
    (fast,) = [g for g in m.optimisers["generator"].param_groups if not g["content"]]
    assert list(rates.values()) == [
        {True: 1e-3, False: 1e-3},
        pytest.approx({True: 1e-4, False: 3e-3}),
        pytest.approx({True: 1e-4, False: 1e-3}),
    ]
    assert any(w is m.nets["generator"].to_rgb.weight for w in fast["params"])
    m = Players(R2(), SMOKE.but(steps=100, lr_decay=0.5))
    m.begin(75, ALONE)
    assert m.optimisers["video_d"].param_groups[0]["lr"] == pytest.approx(1e-4)


def test_after_the_warm_up_the_content_streams_keep_their_statistics():
    m = Players(R2(), SMOKE)
    encoder, block = m.nets["encoder"], m.nets["generator"].blocks[0]
    parts = {"content": encoder.content, "spatial": block.spatial}
    parts |= {"motion": encoder.motion, "video": block.video}

    def changed(step, x):
        m.begin(step, ALONE)
        before = {
            n: [b.clone() for k, b in part.named_buffers() if k.endswith("running_mean")]
            for n, part in parts.items()
        }
        stepped(m, x, step)
        after = {
            n: [b for k, b in part.named_buffers() if k.endswith("running_mean")]
            for n, part in parts.items()
        }
        return {n for n in parts if not all(map(torch.equal, before[n], after[n]))}

    assert changed(0, batch_of(1, 4)) == {"content", "spatial"}
    assert changed(SMOKE.warmup, batch_of(24, 4)) == {"motion", "video"}
    m = Players(R2(), SMOKE.but(batch_statistics=False))
    m.train()
    assert not any(n.training for n in m.nets["encoder"].motion.modules() if "Norm" in str(type(n)))


@pytest.mark.parametrize("largest", [0.0, 0.01])
def test_long_gradients_are_cut(largest):
    m = begun(R2(), SMOKE.but(largest_gradient=largest))
    stepped(m, batch_of(24))
    for name in ("encoder", "generator"):
        gradients = [w.grad for w in m.nets[name].parameters() if w.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        assert norm == pytest.approx(0.01, rel=1e-3) if largest else norm > 0.02


def test_draws_are_for_the_joint_batch():
    system, p = R2(), SMOKE.but(batch=4)
    phase = system.phase(7, p)

    def drawn(group, step=7):
        return system.draws(3, step, p, phase, group.rows, "cpu")[0]

    joint, parts = drawn(ALONE), [drawn(Group(rank, 2)) for rank in range(2)]
    for name in ("eps_c", "eps_m", "z_c", "z_m"):
        for clip in range(2):
            together = torch.cat([getattr(part, name)[clip] for part in parts])
            assert torch.equal(together, getattr(joint, name)[clip])
    assert {(q.frame_real, q.frame_fake) for q in parts} == {(joint.frame_real, joint.frame_fake)}
    assert not torch.equal(joint.eps_c[0], drawn(ALONE, 8).eps_c[0])


def test_the_running_average_is_short_at_first_and_copies_what_counts():
    m = begun(R2(), SMOKE.but(average=0.99))
    assert set(m.averages) == {"encoder", "generator"}
    start = {n: weights(net) for n, net in m.averages.items()}
    stepped(m, batch_of(24))
    m.update_averages(5)
    for name, average in m.averages.items():
        now, decay = weights(m.nets[name]), 6 / 15
        assert torch.allclose(weights(average), decay * start[name] + (1 - decay) * now, atol=1e-6)
    counts = [k for k in m.nets["encoder"].state_dict() if k.endswith("num_batches_tracked")]
    states = [nets["encoder"].state_dict() for nets in (m.nets, m.averages)]
    assert counts and all(torch.equal(states[0][k], states[1][k]) for k in counts)
    assert m.for_generation()["generator"] is m.averages["generator"]
    assert not Players(G3AN(), of("G3AN")).averages


def test_a_state_that_is_saved_and_loaded_goes_on_to_the_same_weights():
    m, other = begun(R2(), SMOKE.but(average=0.9)), begun(R2(), SMOKE.but(average=0.9), seed=1)
    stepped(m, batch_of(24))
    other.load_state(copy.deepcopy(m.state()))
    for each in (m, other):
        stepped(each, batch_of(24), 6)
        each.update_averages(6)
    assert_same(m.state(), other.state())


def test_weights_that_do_not_fit_are_refused_in_a_sentence():
    theirs = Players(R2(), SMOKE.but(content_dim=9)).state()["networks"]
    for states in (theirs, {}):
        with pytest.raises(InputError, match="encoder does not fit preset 'smoke'") as refused:
            Players(R2(), SMOKE).load_networks(states)
        assert "\n" not in str(refused.value)
