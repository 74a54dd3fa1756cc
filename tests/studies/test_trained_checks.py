"""What is asked of trained baselines: each check holds where it should, and only there."""

from types import SimpleNamespace

import numpy as np
import torch
from conftest import moving_videos

from rencgan.baselines.ivgan import IVGAN
from rencgan.baselines.pair_codes import MotionCodes
from rencgan.baselines.stylegan_v import StyleGANV
from rencgan.evaluate.measures import frozen, shuffled
from rencgan.models.trained import begun
from rencgan.presets.table import preset
from rencgan.studies import trained_checks as checks


def test_a_step_that_stands_out_of_those_beside_it_is_a_jump():
    video, other = moving_videos(2, frames=120)
    cut = np.concatenate([video[:60], other[60:]])
    assert [checks.jumps(v) for v in (video, cut, frozen(video, 120))] == [0, 1, 0]
    assert checks.jumps(shuffled(video, 120, 8)) > 8
    levels = np.cumsum(4 + 3 * np.sin(np.arange(60) / 3)).round()  # swells sevenfold, and fades
    swelling = np.broadcast_to(levels[:, None, None, None], (60, 16, 16, 3)).astype(np.uint8)
    assert checks.jumps(swelling) == 0
    real, mixed = [video], [shuffled(video, 120, 8)]
    assert checks.without_jumps("a", [other], real, mixed)["holds"]
    found = checks.without_jumps("a", [cut], real, mixed)
    assert not found["holds"] and found["found"] == "1.0 jumps a video"
    assert "120 frames" in found["check"] and "real video 0.0" in found["held against"]


def test_clips_move_where_they_neither_stand_still_nor_tremble():
    real = moving_videos(3, frames=40)
    assert checks.moving("a", [v[:32] for v in real], real)["holds"]
    slow = [np.repeat(v[:4], 8, axis=0) for v in real]
    noise = np.random.default_rng(0).integers(0, 256, (3, 32, 16, 16, 3), np.uint8)
    for wrong in ([frozen(v, 32) for v in real], slow, list(noise)):
        found = checks.moving("a", wrong, real)
        assert not found["holds"], found


def pairs(d: int = 12, still: int = 4) -> SimpleNamespace:
    """Over a linear pair generator, whose slot A reads the first numbers of w, B the last, and both
    those between: motion codes that are what they should be.
    """
    rng = torch.Generator().manual_seed(0)
    mixing = torch.randn(2, 3 * 16, d, generator=rng)
    mixing[0, :, -still:] = mixing[1, :, :still] = 0
    unit = torch.eye(d, dtype=torch.float64)
    net = SimpleNamespace(
        mapping=lambda z: z, synthesis=lambda w: (w @ mixing.flatten(0, 1).T).view(-1, 6, 4, 4)
    )
    codes = MotionCodes(unit[:still], unit[-still:], {})
    base = SimpleNamespace(nets={"generator": net})
    given = {"name": "M", "seed": 0, "device": torch.device("cpu"), "base": base}
    given["preset"] = SimpleNamespace(latent=d, points=1)
    return SimpleNamespace(**given, extras={"codes": codes})


def test_motion_codes_move_one_slot_and_are_told_from_those_that_move_the_other():
    model = pairs()
    rows = checks.edits_one_slot(model)
    assert [row["holds"] for row in rows] == [True] * 4
    assert rows[0]["found"] == "it moves 0.000 times as much"
    codes = model.extras["codes"]
    model.extras["codes"] = MotionCodes(codes.forward, codes.backward, {})
    assert not any(row["holds"] for row in checks.edits_one_slot(model))


def test_motion_codes_of_stylegan_v_are_the_same_anywhere_and_continuous(monkeypatch):
    model = begun(StyleGANV(), preset("smoke", "stylegan-v"))
    rows = [*checks.same_anywhere(model), checks.continuous(model)]
    assert all(row["holds"] for row in rows), rows
    assert rows[0]["found"] == "the same bits" and "1,000,000" in rows[0]["check"]
    drawn = iter(range(10**6))
    monkeypatch.setattr(checks, "code_at", lambda *given: torch.full((1,), float(next(drawn))))
    assert not checks.same_anywhere(model)[0]["holds"] and not checks.continuous(model)["holds"]


def test_the_matrices_of_a_critic_under_spectral_norm_are_held_to_1():
    system = IVGAN(penalty=False, spectral_norm=True)
    model = begun(system, preset("smoke", "ivgan"))
    critic = model.nets["critic"].train()
    with torch.no_grad():
        for _ in range(60):  # an iteration of its power method each
            critic(torch.zeros(1, *critic.shape, critic.shape[-1]))
    critic.eval()
    found = checks.held_by_norm(model)
    assert found["holds"] and "6 matrices" in found["found"], found
    for name, u in critic.named_buffers():
        if name.endswith("_u"):
            u.copy_(torch.nn.functional.normalize(torch.randn_like(u), dim=0))
    assert not checks.held_by_norm(model)["holds"]
