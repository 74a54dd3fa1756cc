"""Encoded and noise codes in the generator: in passes of their own, or in one."""

from dataclasses import replace

import pytest
import torch
from stepping import PLAIN, batch_of, begun, draws_of, given, stepped
from torch.nn.utils.parametrizations import _SpectralNorm

from rencgan.baselines.g3an import G3AN
from rencgan.models.ar2 import AR2
from rencgan.models.encgan3 import EncGAN3
from rencgan.models.r2 import R2

APART = PLAIN.but(separate_passes=True)
# Clips a pass and whether it keeps a trace: of a batch of two, those of a step.
PASSES = {
    "EncGAN3": (EncGAN3(), 16, [(2, True), (2, True), (2, True)], [(4, True), (4, True)]),
    "G3AN": (G3AN(), 16, [(2, True)], [(2, False), (2, True)]),
    "R2, separate": (R2.variant("v1"), 24, [(4, True), (4, True), (4, True)], [(8, True)] * 2),
    "R2 with noise": (R2.variant("v4-noise"), 24, [(4, True), (4, True)], [(8, True)]),
    "AR2": (AR2(), 24, [(2, True), (2, True)], [(4, True)]),
}


@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("name", PASSES)
def test_passes_of_a_step(name, apart):
    system, frames, *passes = PASSES[name]
    p = (APART if apart else PLAIN).but(encoder=name != "G3AN")
    m, found = begun(system, p), []
    m.nets["generator"].register_forward_pre_hook(
        lambda net, z: found.append((len(z[0]), torch.is_grad_enabled()))
    )
    stepped(m, batch_of(frames))
    assert found == passes[not apart]
    for name, w in m.nets["generator"].named_parameters():
        assert w.grad is not None, name


@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("system", [EncGAN3(), AR2()], ids=repr)
def test_noise_reaches_encoded_clips_through_batch_norm_where_they_share_a_pass(system, apart):
    m = begun(system, APART if apart else PLAIN)
    for module in m.nets["generator"].modules():
        if isinstance(module, _SpectralNorm):
            module.eval()  # it would go on from pass to pass
    ar2 = isinstance(system, AR2)
    x, d = batch_of(24 if ar2 else 16), draws_of(m)
    found = []
    for each in (d, replace(d, z_c=[3 * z for z in d.z_c])):
        s = given(m, x)
        passed = system.predicted(m.nets, s, x, each, True) if ar2 else None
        passed = passed or system.forward(m.nets, s, each, x, True)
        found.append(passed.x_hat)
    assert torch.equal(*found) == apart


def test_the_generator_moves_on_the_noise_that_the_critics_saw():
    """Its own turn has new clips of the encoder that has moved, and the same ones from noise."""
    system, x = EncGAN3(), batch_of(16)
    m = begun(system, APART)
    s = given(m, x)
    f = system.forward(m.nets, s, s.chance[0], x, True)
    g = system.again(m.nets, s, f)
    assert g.x_noise is f.x_noise and not torch.equal(g.x_hat, f.x_hat)
