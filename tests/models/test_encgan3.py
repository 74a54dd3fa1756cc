"""EncGAN3 and G3AN: who moves, by which terms, and what the ablation changes."""

import numpy as np
import pytest
import torch
from stepping import PLAIN, batch_of, begun, given, losses_of, stepped, weights

from rencgan.baselines.g3an import G3AN
from rencgan.core import checkpoint
from rencgan.core.errors import InputError
from rencgan.models.encgan3 import EncGAN3
from rencgan.presets.table import SMOKE
from rencgan.training.loop import Job, train
from rencgan.training.record import read_history

CODES, FOOLING = {"kl_content", "kl_motion"}, {"adversarial_video", "adversarial_image"}


def test_the_terms_of_algorithm_1_and_of_our_additions():
    for p, ours in ((PLAIN, set()), (SMOKE, {"direction", "still", "amount"})):
        m = begun(EncGAN3(), p)
        turns = losses_of(m, given(m, batch_of(16)))
        errors = {"reconstruction"} | ours
        assert set(turns["encoder"]()) == errors | CODES
        assert set(turns["generator"]()) == errors | FOOLING


def test_the_ablation_replaces_the_reconstruction():
    for maps, both in (("encoder", False), (True, True)):
        m = begun(EncGAN3(maps=maps), PLAIN)
        turns = losses_of(m, given(m, batch_of(16)))
        assert set(turns["encoder"]()) == {"reconstruction", "difference"} | CODES
        assert ("difference" in turns["generator"]()) is both


def test_noise_is_judged_beside_what_was_encoded():
    for noise in (True, False):
        m = begun(EncGAN3(noise=noise), PLAIN)
        s = given(m, batch_of(16))
        f = m.system.forward(m.nets, s, s.chance[0], s.x, noise)
        assert len(f.fakes()) == len(f.frames(3)) == 1 + noise


def test_the_generator_moves_behind_a_forward_pass_of_its_own():
    """Its noise is another, and its encoder the one that has just moved."""
    m, x = begun(EncGAN3(), PLAIN), batch_of(16)
    first, second = given(m, x).chance
    assert not torch.equal(first.eps_c[0], second.eps_c[0])
    assert not torch.equal(first.z_c[0], second.z_c[0])
    seen = []
    m.nets["encoder"].register_forward_hook(lambda e, *given: seen.append(weights(e)))
    stepped(m, x)
    assert len(seen) == 2 and not torch.equal(*seen)


def test_without_an_encoder_codes_are_noise():
    record = stepped(begun(G3AN(), PLAIN.but(encoder=False)), batch_of(16))
    assert set(record) == {"video_d", "image_d"} | FOOLING


@pytest.mark.parametrize("system", [EncGAN3(), EncGAN3(sampling="uniform"), G3AN()], ids=repr)
def test_a_run_leaves_checkpoint_history_and_samples(tmp_path, videos, system):
    plain = isinstance(system, G3AN)
    p = SMOKE.but(encoder=False, warmup=0, motion_warmup=0) if plain else SMOKE
    content = checkpoint.load(train(Job(system, p, videos, tmp_path)), system.kind)
    assert content["step"] == p.steps and content["networks"].keys() >= {"generator", "video_d"}
    steps = [line["step"] for line in read_history(tmp_path / "history.jsonl")]
    assert steps == list(range(1, p.steps + 1))
    if not plain:
        assert np.load(tmp_path / "samples/real.npy").shape == (4, 16, 16, 16, 3)


def test_a_way_of_sampling_that_there_is_not_is_refused(tmp_path, videos):
    with pytest.raises(
        InputError, match="sampling is one of pairs, step, uniform, first, not 'odd'"
    ):
        train(Job(EncGAN3(sampling="odd"), SMOKE, videos, tmp_path))
