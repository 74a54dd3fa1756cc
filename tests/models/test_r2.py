"""R2: its switches, one at a time, and what its additions compare."""

from dataclasses import asdict

import pytest
import torch
from stepping import PLAIN, batch_of, begun, draws_of, given

from rencgan.core.errors import InputError
from rencgan.models import losses
from rencgan.models.r2 import R2
from rencgan.presets.table import SMOKE

DIFFERENCES = {
    ("v1", "v2"): {"stitched_clip"},
    ("v2", "v3"): {"clip"},
    ("v3", "v5"): {"noise"},
    ("v2", "v4"): {"joint", "noise"},
    ("v2-noiseless", "v4"): {"joint"},
    ("v4-noise", "v4"): {"noise"},
    ("v4-mean", "v4"): {"sampled"},
}


def pass_of(system, p=PLAIN):
    m, x = begun(system, p), batch_of(24)
    s = given(m, x)
    return m, s, system.pair(m.nets, s, draws_of(m))


@pytest.mark.parametrize("pair", DIFFERENCES, ids="-".join)
def test_the_variants_differ_as_table_4_3_says(pair):
    one, other = (asdict(R2.variant(name)) for name in pair)
    assert {k for k in one if one[k] != other[k]} == DIFFERENCES[pair]


def test_the_final_one_is_the_default_and_an_unknown_one_is_refused():
    assert R2.variant("v4") == R2()
    with pytest.raises(InputError, match="one of v1, v2, v2-noiseless.*, not 'v9'"):
        R2.variant("v9")


@pytest.mark.parametrize(
    ("system", "judged", "reference"),
    [(R2(), 3, 8), (R2(recall_critic=False), 2, 8), (R2(recall_encoder=False), 3, 0)],
)
def test_recall_one_half_at_a_time(system, judged, reference):
    """R_Enc is what the content stream reads, and of which frame the reference term is."""
    m, seen = begun(system, PLAIN), []
    real = m.nets["encoder"].forward
    m.nets["encoder"].forward = lambda x, r: (seen.append(r), real(x, r))[1]
    s = given(m, batch_of(24))
    f = system.pair(m.nets, s, s.chance[0])
    assert (len(f.fakes()), seen) == (judged, [reference])
    error = (f.clips - f.x_hat)[:, :, reference].abs().mean().item()
    assert system.loss(m.nets, s, f)["reference"]().item() == pytest.approx(error)


def test_what_is_judged_is_x1_x2_the_stitched_clip_and_noise():
    _, _, f = pass_of(R2(noise=True))
    first, second, stitched, noise = f.fakes()
    assert torch.equal(torch.cat([first, second]), f.x_hat) and noise is f.x_noise
    assert torch.equal(stitched[:, :, :8], first[:, :, :8])
    assert torch.equal(stitched[:, :, 8:], second[:, :, :8])
    assert [len(frames) for frames in f.frames(3)] == [2, 2, 4]


def test_our_terms_follow_the_switches():
    ours = {"direction", "still", "amount", "overlap", "junction"}
    for system, expected in ((R2(), ours), (R2(clip=False), {"overlap", "junction"})):
        m, s, f = pass_of(system, SMOKE)
        assert set(system.additions(s.p, f)) == expected
    m, s, f = pass_of(R2(), SMOKE)
    with torch.no_grad():
        whole = R2().additions(s.p, f)["direction"]()
        alone = R2(recall_critic=False).additions(s.p, f)["direction"]()
        stitched = losses.direction(f.clips[:2], f.stitched)
    assert alone.item() == pytest.approx(losses.direction(f.clips, f.x_hat).item(), rel=1e-5)
    assert whole.item() == pytest.approx(((2 * alone + stitched) / 3).item(), rel=1e-4)
