"""MotionStyleGAN: its pairs, its lazy turns, mixed styles and what it remembers."""

import numpy as np
import pytest
import torch
from conftest import Stop, moving_videos, stopped_after
from stepping import assert_same, begun, given, stepped

import rencgan.training.loop as loop
from rencgan.baselines import ada
from rencgan.baselines.motionstylegan import (
    MotionStyleGAN,
    PairGenerator,
    Pairs,
    frames_of,
    pairs_of,
)
from rencgan.core import checkpoint
from rencgan.core.errors import InputError
from rencgan.data.videoset import VideoSet
from rencgan.models.system import Phase, Step
from rencgan.presets.baselines import PAIRS_PRESETS, PAIRS_SMOKE
from rencgan.training.loop import Job, train

SET = VideoSet.from_arrays(moving_videos(4))


def test_pairs_are_all_those_so_far_apart_in_both_orders():
    arrays = [v[:n] for v, n in zip(moving_videos(3), (4, 5, 7), strict=True)]
    videos = VideoSet.from_arrays(arrays, names=["four", "five", "seven"])
    reader = Pairs(videos, (4,), seed=1)
    assert reader.skipped == ["four"] and len(reader) == 2 * (1 + 3)
    found = {tuple(map(int, reader.frames_of(0, i))) for i in range(len(reader))}
    forward = {(4, 8), (9, 13), (10, 14), (11, 15)}
    assert found == forward | {(b, a) for a, b in forward}
    assert len(Pairs(videos, (2, 4))) == 2 * (6 + 8) and Pairs(videos, (2, 4)).skipped == []
    with pytest.raises(InputError, match="no video has the 8 frames of a pair that lies 7 apart"):
        Pairs(videos, (7,))


def test_a_pair_is_an_image_of_six_channels_the_former_frame_first():
    x = torch.randn(2, 3, 2, 8, 8)
    assert torch.equal(pairs_of(x)[:, :3], x[:, :, 0]) and torch.equal(
        pairs_of(x)[:, 3:], x[:, :, 1]
    )
    assert torch.equal(frames_of(pairs_of(x)), x)
    for wrong in (x[:, :, :1], x[..., :4], x[:, :, 0]):
        with pytest.raises(InputError, match=r"pairs are two square frames \(B, 3, 2, H, H\)"):
            pairs_of(wrong)


def test_turns_of_the_pairs_are_lazy_and_move_one_network_each():
    m = begun(MotionStyleGAN(), PAIRS_SMOKE, 0)
    x = torch.rand(4, 3, 2, 16, 16) * 2 - 1
    terms = [list(stepped(m, x, step)) for step in range(5)]
    whole, plain = ["generator", "path", "discriminator", "r1"], ["generator", "discriminator"]
    assert terms == [whole, plain, plain, plain, whole]
    lazy = {name: m.system.weight(name, m.p, m.phase) for name in whole}
    assert lazy == {"generator": 1, "path": 8.0, "discriminator": 1, "r1": pytest.approx(0.4)}
    assert float(m.memory["path"][0]) > 0


def test_nine_of_ten_batches_mix_two_codes_and_each_of_them_both():
    system, net, found = MotionStyleGAN(), PairGenerator(PAIRS_SMOKE).eval(), []
    slots = net.synthesis.slots
    for step in range(300):
        chance = system.draws(0, step, PAIRS_SMOKE, Phase(batch=1), lambda n: slice(0, n), "cpu")
        for turn in range(3):
            s = Step(step, PAIRS_SMOKE, Phase(), torch.zeros(1), chance, None, slice(0, 1))
            _, w = system.made({"generator": net}, s, turn)
            found.append(int((w[0] == w[0, 0]).all(dim=1).sum()))
    counts = torch.tensor(found).bincount(minlength=slots + 1)
    assert counts[0] == 0 and counts[1:slots].min() > 0
    assert counts[slots] / len(found) == pytest.approx(0.1, abs=0.03)


def test_pairs_that_were_stopped_go_on_with_the_same_bits(tmp_path, monkeypatch):
    """Path lengths and augmentation have a memory."""
    p = PAIRS_SMOKE.but(ada_target=-2.0)  # so that more is augmented at every look
    whole, parts = (Job(MotionStyleGAN(), p, SET, tmp_path / n) for n in "ab")
    end = checkpoint.load(train(whole))
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    with pytest.raises(Stop):
        train(parts, progress=stopped_after(3))
    again = checkpoint.load(train(parts))
    for part in ("networks", "averages", "optimisers", "memory"):
        assert_same(end[part], again[part])
    assert float(end["memory"]["ada"][0][0]) > 0 and end["memory"].keys() == {"ada", "path"}
    assert np.load(whole.out / "samples" / "0000005.npy").shape == (4, 2, 16, 16, 3)


def test_augmentation_is_the_same_in_both_slots_and_follows_the_signs():
    m = begun(MotionStyleGAN(), PAIRS_SMOKE, 0)
    x = torch.rand(4, 3, 1, 16, 16).expand(-1, -1, 2, -1, -1) * 2 - 1
    m.memory["ada"] = [torch.tensor([1.0, 0.0, 0.0])]
    s, seen = given(m, x), []
    nets = {"discriminator": lambda x: seen.append(x) or x.mean((1, 2, 3))}
    m.system.judged(nets, s, pairs_of(x), 2)
    assert torch.allclose(seen[0][:, :3], seen[0][:, 3:], atol=1e-5)
    assert (seen[0] - pairs_of(x)).abs().mean() > 0.1
    for sign, p in ((1.0, 0.16), (-1.0, 0.0)):
        state = torch.zeros(3)
        ada.adapt(state, torch.tensor(sign), False, 0.16, 0.6)
        assert state.tolist() == [0, sign, 1]
        ada.adapt(state, torch.tensor(sign), True, 0.16, 0.6)
        assert state.tolist() == pytest.approx([p, 0, 0])
    plain = begun(MotionStyleGAN(), PAIRS_SMOKE.but(augment=False), 0)
    stepped(plain, x, 0)
    assert "ada" not in plain.memory


def test_the_running_average_forgets_by_half_a_half_life():
    p = PAIRS_PRESETS["256"]
    late = MotionStyleGAN().average(10**6, p)
    assert late ** (p.half_life / p.batch) == pytest.approx(0.5) and late == pytest.approx(
        p.average
    )
    assert MotionStyleGAN().average(0, p) == pytest.approx(0.5**20), "short at first"
