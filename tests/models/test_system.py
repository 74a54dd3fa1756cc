"""The contract: what a system says of itself, and that a new one needs no change to the package."""

from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np
import pytest
import torch
from conftest import Stop, moving_videos, stopped_after
from samples import Sums
from stepping import assert_same
from torch import nn

import rencgan
import rencgan.training.loop as loop
from rencgan.baselines.g3an import G3AN
from rencgan.baselines.ivgan import IVGAN
from rencgan.baselines.motionstylegan import MotionStyleGAN
from rencgan.baselines.motionvideogan import MotionVideoGAN
from rencgan.core import checkpoint
from rencgan.core.errors import InputError
from rencgan.data.clips import ClipSampler
from rencgan.evaluate.protocols import protocol
from rencgan.evaluate.scores import evaluate
from rencgan.models import system as contract
from rencgan.models.ar2 import AR2
from rencgan.models.encgan3 import EncGAN3
from rencgan.models.lencgan import LEncGAN
from rencgan.models.r2 import R2
from rencgan.models.system import Phase, System, built, system_of
from rencgan.models.trained import load_model
from rencgan.presets import table
from rencgan.presets.table import GPT_SMOKE, SMOKE
from rencgan.r3.r3 import R3
from rencgan.training.loop import Job, train

ALL = {"encgan3": EncGAN3, "g3an": G3AN, "r2": R2, "lencgan": LEncGAN, "ar2": AR2, "r3": R3}
ALL |= {"ivgan": IVGAN, "motionstylegan": MotionStyleGAN, "motionvideogan": MotionVideoGAN}
SWITCHED = [EncGAN3(maps="encoder", sampling="uniform"), *map(R2.variant, R2.variants), AR2(), R3()]
SWITCHED += [IVGAN.variant(name) for name in IVGAN.variants]
SWITCHED += [MotionStyleGAN(), MotionVideoGAN(loss="log", noise=False)]
SWITCHED += [LEncGAN(handed="cell", target=3), LEncGAN(memory="fc", handed="nothing")]


def test_every_system_is_registered_by_its_kind():
    for kind, system in ALL.items():
        assert type(system_of(kind, {})) is system
    with pytest.raises(InputError, match="a model is one of .*r2.*, not 'gan'"):
        system_of("gan", {})


def test_a_checkpoint_finds_a_system_that_nobody_has_imported(monkeypatch):
    found = []
    monkeypatch.setattr(contract, "SYSTEMS", {})
    monkeypatch.setattr(contract, "import_module", found.append)
    with pytest.raises(InputError):
        system_of("ar2", {})
    assert {"rencgan.models.ar2", "rencgan.baselines.g3an", "rencgan.r3.r3"} <= set(found)


@pytest.mark.parametrize("system", SWITCHED, ids=repr)
def test_switches_survive_a_checkpoint(system):
    assert system_of(system.kind, system.switches()) == system


def test_a_switch_at_the_value_from_before_it_was_there_enters_no_key():
    assert "sampling" not in EncGAN3().recipe()
    assert EncGAN3(sampling="uniform").recipe()["sampling"] == "uniform"
    assert set(R2().switches()) == set(AR2().switches())


def test_titles_say_what_a_model_is():
    titles = [system.title(SMOKE) for system in (EncGAN3(), G3AN(), LEncGAN(), R2(), AR2())]
    assert titles == ["EncGAN3", "G3AN", "LEncGAN", "R2", "AR2"]
    assert R2(sampled=False).title(SMOKE) == "R2, trained on means"
    assert R3().title(GPT_SMOKE) == "R3, regression"


@pytest.mark.parametrize("system", [EncGAN3(), G3AN(), LEncGAN(), R2(), AR2()], ids=repr)
def test_networks_begin_the_same_whatever_was_drawn_before(system):
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first = built(system, SMOKE, 3, "cpu")
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(7)
    again, other = (built(system, SMOKE, seed, "cpu") for seed in (3, 4))
    for name, net in first.items():
        assert_same(net.state_dict(), again[name].state_dict())
        pairs = zip(net.parameters(), other[name].parameters(), strict=True)
        assert any(not torch.equal(a, b) for a, b in pairs)


def test_one_seed_gives_g3an_and_encgan3_one_generator():
    ours, theirs = (built(system, SMOKE, 3, "cpu") for system in (G3AN(), EncGAN3()))
    assert ours.keys() == theirs.keys() - {"encoder"}
    for name in ours:
        assert_same(ours[name].state_dict(), theirs[name].state_dict())


@pytest.mark.parametrize("system", [EncGAN3(), R2(), AR2(), LEncGAN()], ids=repr)
def test_what_needs_the_encoder_says_so(system):
    name = type(system).__name__
    with pytest.raises(InputError, match=f"{name} needs the encoder, which this preset switches"):
        system.check(SMOKE.but(encoder=False, warmup=0, motion_warmup=0))


def test_g3an_has_no_encoder_and_makes_no_long_video():
    with pytest.raises(InputError, match="G3AN has no encoder and draws noise"):
        G3AN().check(SMOKE)
    with pytest.raises(InputError, match="G3AN makes single clips and no long video"):
        G3AN().generate(None)


# ----------------------------------------------------------------------------------- another system


@pytest.fixture
def painter(monkeypatch) -> System:
    """A system that nothing knows: it paints one frame, which then stands still."""
    monkeypatch.setattr(contract, "SYSTEMS", dict(contract.SYSTEMS))  # known in this test alone

    @dataclass(frozen=True)
    class Painter(System):
        kind: ClassVar[str] = "painter"
        averaged: ClassVar[tuple[str, ...]] = ("brush",)
        loud: float = 1.0

        def networks(self, p, reader=None):
            return {"brush": nn.Linear(p.content_dim, 3 * p.size**2), "eye": nn.Linear(3, 1)}

        def reads(self, job, known=None):
            return ClipSampler(job.videos(), "pairs", job.preset.hop, seed=job.seed)

        def turns(self, nets, s):
            z = self.loud * torch.randn(len(s.x), s.p.content_dim, generator=s.chance)
            real, made = s.x[:, :, 0], nets["brush"](z).view_as(s.x[:, :, 0]).tanh()
            look = [lambda x=x: nets["eye"](x.mean((2, 3))).mean() for x in (real, made.detach())]
            yield "eye", lambda: look[1]() - look[0]()
            yield "brush", lambda: {"error": lambda: (real - made).abs().mean()}

        def generate(self, model, frames=None, *, videos=1, seed=0):
            rng = torch.Generator().manual_seed(seed)
            z = self.loud * torch.randn(videos, model.preset.content_dim, generator=rng)
            frame = model.nets["brush"](z).tanh().view(videos, 3, 1, model.size, model.size)
            yield frame.expand(-1, -1, frames, -1, -1)

    return Painter(loud=2.0)


def test_a_system_of_ones_own_trains_goes_on_generates_and_is_scored(
    painter, videos, tmp_path, monkeypatch
):
    p = SMOKE.but(average=0.9, steps=5)
    whole, parts = (Job(painter, p, videos, tmp_path / name) for name in ("whole", "parts"))
    end = checkpoint.load(train(whole), "painter")
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    with pytest.raises(Stop):
        train(parts, progress=stopped_after(3))
    path = train(parts)
    again = checkpoint.load(path)
    for part in ("networks", "averages", "optimisers"):
        assert_same(end[part], again[part])
    begun = built(painter, p, 0, "cpu")
    for name, net in begun.items():
        assert not torch.equal(net.weight, end["networks"][name]["weight"])
    average = end["averages"]["brush"]["weight"]
    assert not torch.equal(average, begun["brush"].weight)
    assert not torch.equal(average, end["networks"]["brush"]["weight"])

    model = load_model(path, device="cpu")
    assert (model.system, model.name, model.size) == (painter, "painter", 16)
    assert torch.equal(model.nets["brush"].weight, average)
    made = model.videos(20, videos=6, seed=1)
    assert made.shape == (6, 20, 16, 16, 3) and made.dtype == np.uint8
    ours = protocol("ours").but(lengths=(16,))
    (score,) = evaluate(moving_videos(6, frames=20), list(made), ours, Sums())
    assert score.name == "FVD (sums) 16f" and score.value > 0


def test_with_a_row_of_the_table_it_is_one_of_the_packages_models(
    painter, videos, tmp_path, monkeypatch
):
    monkeypatch.setitem(table.ALWAYS, "painter", {})
    model = rencgan.train("painter", "smoke", videos=videos, out=tmp_path, loud=0.5, steps=4)
    assert model.system.loud == 0.5 and model.step == 4
    made = model.videos(130, videos=3)
    real = moving_videos(3, frames=130)
    assert all(value > 0 for value in rencgan.score(real, list(made), extractor=Sums()).values())


def test_what_a_system_does_not_answer_is_said():
    for ask in (
        lambda: System().networks(SMOKE),
        lambda: System().reads(None),
        lambda: System().turns({}, None),
    ):
        with pytest.raises(InputError, match="System (has no|reads nothing)"):
            ask()
    assert System().phase(3, SMOKE) == Phase(batch=SMOKE.batch) and not fields(System())
