"""What a training step makes a GPU wait for. The device "meta" stands in for one: it computes
nothing, and refuses to tell a number.
"""

import contextlib

import numpy as np
import pytest
import torch
from stepping import ALONE, Walk, assert_same, batch_of, begun, given, stepped
from torch.utils._python_dispatch import TorchDispatchMode

from rencgan.baselines.g3an import G3AN
from rencgan.core.device import sent_together
from rencgan.data.clips import crops
from rencgan.data.pixels import as_clips
from rencgan.models import draws as draws_module
from rencgan.models.ar2 import AR2
from rencgan.models.draws import grains
from rencgan.models.encgan3 import EncGAN3
from rencgan.models.lencgan import LEncGAN
from rencgan.models.r2 import R2
from rencgan.models.trained import Trained
from rencgan.presets.table import SMOKE
from rencgan.training.loop import by_speed
from rencgan.training.players import Players
from rencgan.training.processes import Group
from rencgan.training.record import Record, read_history

META = torch.device("meta")


class Copies(TorchDispatchMode):
    """Counts what goes from the CPU to the stand-in, and what of it is waited for."""

    def __init__(self):
        super().__init__()
        self.made, self.waited = 0, 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = function.overloadpacket.__name__
        sources = {"_to_copy": args[:1], "copy_": args[1:2]}.get(name, ())
        target = (
            kwargs.get("device")
            if name == "_to_copy"
            else getattr(args[0], "device", None)
            if args
            else None
        )
        if (
            sources
            and sources[0].device.type == "cpu"
            and str(target) == "meta"
            and sources[0].ndim
        ):
            self.made += 1
            fast = kwargs.get("non_blocking") or (name == "copy_" and args[2:3] == (True,))
            self.waited += not fast
        return function(*args, **kwargs)


class Still:
    """An optimiser that does nothing: fused Adam does not go on the stand-in."""

    param_groups = ()

    def zero_grad(self, set_to_none=True):
        pass

    def step(self):
        pass


@pytest.fixture
def pinned(monkeypatch):
    """How many tensors were laid into pinned memory, which there is none of without a GPU."""
    found = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda x: found.append(x) or x)
    monkeypatch.setattr(torch, "autocast", lambda *given, **options: contextlib.nullcontext())
    monkeypatch.setattr(
        draws_module,
        "grains",
        lambda rng, shape, rows, device: list(torch.empty(shape, device=META)[:, rows]),
    )
    return found


# Frames, chance, and a crop where there is one; a second chance for a generator that moves behind
# a pass of its own; what begins anew for LEncGAN.
STEPS = {
    "R2": (R2(), 5, {}, 2),
    "R2, separate": (R2.variant("v1"), 5, {}, 3),
    "R2, stills": (R2(), 0, {}, 3),
    "R2, motion": (R2(), 2, {}, 3),
    "EncGAN3": (EncGAN3(), 5, {}, 3),
    "G3AN": (
        G3AN(),
        5,
        {"encoder": False, "warmup": 0, "motion_warmup": 0, "smallest_crop": 1.0},
        3,
    ),
    "LEncGAN": (LEncGAN(), 5, {}, 4),
    "AR2": (AR2(), 5, {}, 2),
    "AR2+": (AR2(), 5, {"recall_noise": 0.5, "rollout": 2}, 2),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_step_makes_few_copies_and_waits_for_none(name, pinned):
    system, step, changes, most = STEPS[name]
    p = SMOKE.but(**changes)
    m = Players(system, p, 0, META)
    m.optimisers = {n: Still() for n in m.nets}
    m.rates = dict.fromkeys(m.nets, ())
    m.begin(step, ALONE)
    m.memory["handed"] = [torch.empty(2, p.content_features, device=META) for _ in range(4)]
    frames = 1 if m.phase.reads == "stills" else p.pair + p.hop * (p.rollout - 1)
    frames = 16 if isinstance(system, EncGAN3) and frames > 1 else frames
    batch, rows = m.phase.batch, slice(0, m.phase.batch)
    pixels = torch.zeros(batch, frames, p.size, p.size, 3, dtype=torch.uint8)
    with Copies() as copies:
        x = as_clips(pixels, META)
        if m.phase.crop < 1:
            x = crops(x, m.phase.crop, 0, step, batch, rows)
        chance = system.draws(0, step, p, m.phase, ALONE.rows, META)
        losses = m.play(given(m, x, step, chance, Walk(True, False)), ALONE)
    assert losses and all(value.device == META for value in losses.values())
    assert copies.made == most and not copies.waited
    assert len(pinned) == copies.made


def test_parts_travel_in_one_copy(pinned):
    parts = [torch.zeros(2, 3), torch.zeros(4), torch.zeros(1, 1, 5)]
    assert all(a is b for a, b in zip(sent_together(parts, "cpu"), parts, strict=True))
    with Copies() as copies:
        made = sent_together(parts, META)
    assert [x.shape for x in made] == [x.shape for x in parts] and copies.made == 1


def test_a_gpu_draws_its_grain_from_the_seed_whoever_shares_the_batch(monkeypatch):
    """Here its generator is one of the CPU."""
    real = torch.Generator
    monkeypatch.setattr(torch, "Generator", lambda device=None: real())
    shape = (2, 5, 3, 4)

    def drawn(rank, size, seed=7, device="meta"):
        rng = real().manual_seed(seed)
        torch.randn(3 * rank, generator=rng)  # what was drawn before does not matter
        return torch.stack(grains(rng, shape, Group(rank, size).rows(5), device))

    whole = drawn(0, 1)
    assert whole.shape == shape and not torch.equal(whole[0], whole[1])
    assert torch.equal(torch.cat([drawn(rank, 3) for rank in range(3)], dim=1), whole)
    assert not torch.equal(drawn(0, 1, seed=8), whole)
    rng = real().manual_seed(7)
    on_cpu = torch.stack([torch.randn(shape[1:], generator=rng) for _ in range(2)])
    assert torch.equal(drawn(0, 1, device="cpu"), on_cpu)


def test_losses_are_read_seldom_on_a_gpu(tmp_path):
    """A number that the stand-in is asked for would raise."""
    record = Record(tmp_path, 0, {}, 100, True)
    record.on_cpu = False
    for step in range(1, 20):
        record.add(step, {"a": torch.zeros((), device=META)})
    assert len(record.pending) == 19
    record.pending = [(s, {"a": torch.tensor(float(s)), "b": torch.ones(())}) for s in range(1, 20)]
    record.add(20, {"b": torch.zeros(()), "a": torch.tensor(0.5)})
    assert record.latest == {"b": 0.0, "a": 0.5} and not record.pending
    lines = read_history(record.path)
    assert [line["a"] for line in lines] == [*map(float, range(1, 20)), 0.5]
    assert [line["b"] for line in lines] == [1.0] * 19 + [0.0]


def test_cudnn_choosesby_speed_in_training_on_a_gpu_alone(monkeypatch):
    cudnn = torch.backends.cudnn
    for device, deterministic, expected in (
        ("cuda", False, True),
        ("cuda", True, False),
        ("cpu", False, False),
    ):
        monkeypatch.setattr(cudnn, "deterministic", deterministic)
        with by_speed(torch.device(device)):
            assert cudnn.benchmark is expected
        assert cudnn.benchmark is False


FOOTAGE = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3), np.uint8)
WAYS = {"R2": (R2(), 24, {"footage": FOOTAGE}), "AR2": (AR2(), 24, {"videos": 2})}


@pytest.mark.parametrize("name", WAYS)
def test_generating_along_a_training_changes_nothing_of_it(name):
    """Nothing that was made without a trace for gradients stays in the networks."""
    system, frames, given_to = WAYS[name]
    ends = []
    for generates in (False, True):
        m = begun(system, SMOKE)
        for number in (5, 6):
            stepped(m, batch_of(frames), number)
            if generates:
                model = Trained(system, SMOKE, m.for_generation(), number, 0, "")
                model.videos(24, candidates=3, **given_to)
                model.codes(batch_of(16))
                m.train()
        ends.append(m.state())
    assert_same(*ends)


def test_pieces_are_made_without_gradients_and_taken_with_them():
    model = Trained(R2(), SMOKE, Players(R2(), SMOKE).for_generation(), 0, 0, "")
    seen = []
    model.nets["generator"].register_forward_hook(
        lambda *given: seen.append(torch.is_inference_mode_enabled())
    )
    for piece in model.generate(footage=FOOTAGE, candidates=2):
        assert piece.is_inference() and not torch.is_inference_mode_enabled()
    assert seen and all(seen) and torch.is_grad_enabled()
