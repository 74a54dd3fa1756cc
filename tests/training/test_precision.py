"""What decides whether a run computes in bfloat16, and that such a run is as sound as any other."""

import copy

import pytest
import torch
from conftest import Stop, moving_videos, stopped_after
from stepping import PLAIN, batch_of, begun, given
from torch import nn

from rencgan.core import checkpoint, device
from rencgan.data.videoset import VideoSet
from rencgan.models.encgan3 import EncGAN3
from rencgan.models.lencgan import LEncGAN, last_state
from rencgan.models.r2 import R2
from rencgan.presets.table import PRESETS, SMOKE
from rencgan.training import loop, precision
from rencgan.training.loop import Job, train
from rencgan.training.precision import Precision, Use, chosen, in_use, tried
from rencgan.training.processes import Group

aten = torch.ops.aten


class Ticks:
    """A clock by which every second piece of work (that in bfloat16) takes `slow` times as long."""

    def __init__(self, slow: float):
        self.now, self.calls, self.slow = 0.0, 0, slow

    def __call__(self) -> float:
        self.calls += 1
        if self.calls % 2 == 0:
            self.now += self.slow if self.calls % 4 == 0 else 1.0
        return self.now


@pytest.fixture
def wrong_column(monkeypatch):
    """As in a release: one column of a convolution is wrong in bfloat16."""
    right = precision._forward_and_back

    def found(op, given, bf16):
        y, *slopes = right(op, given, bf16)
        if bf16 and op is aten.convolution.default:
            y[..., -1] *= 0.5
        return [y, *slopes]

    monkeypatch.setattr(precision, "_forward_and_back", found)


def product(n: int = 8) -> Use:
    a = torch.empty(n, n, device="meta")
    return Use(aten.addmm.default, (torch.empty(n, device="meta"), a, a))


def convolution() -> Use:
    x, w = torch.empty(2, 4, 6, 8, 8, device="meta"), torch.empty(4, 4, 3, 3, 3, device="meta")
    return Use(aten.convolution.default, (x, w, None, [1] * 3, [0] * 3, [1] * 3, False, [0] * 3, 1))


def test_layers_that_are_right_and_no_slower_run_in_bfloat16():
    threads = torch.get_num_threads()
    found = tried([convolution(), product()], Ticks(0.5))
    assert found.bf16 and "2.0 times as fast" in found.why
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("name", ["smoke", "mini"])
def test_rounding_is_far_from_what_counts_as_wrong(name):
    """In the last layers of the critics too, which come to two numbers."""
    m = begun(EncGAN3(), PRESETS[name].but(warmup=0, motion_warmup=0, batch=2))
    x = torch.rand(2, 3, 16, m.p.size, m.p.size)
    for use in in_use(EncGAN3(), m.nets, given(m, x)):
        drawn = precision._drawn(use)
        sides = (precision._forward_and_back(use.op, drawn, bf16) for bf16 in (True, False))
        worst = max(map(precision._error, *sides))
        assert worst < precision.LARGEST_ERROR / 4, use


def test_a_layer_with_one_wrong_column_is_named(wrong_column):
    found = tried([product(), convolution()], Ticks(0.5))
    assert not found.bf16
    assert "convolution of (2, 4, 6, 8, 8) and (4, 4, 3, 3, 3) is wrong" in found.why


def test_numbers_that_are_none_count_as_wrong(monkeypatch):
    wrong = lambda op, given, bf16: [torch.full((2, 2), float("nan") if bf16 else 1.0)]  # noqa: E731
    monkeypatch.setattr(precision, "_forward_and_back", wrong)
    assert not tried([product()], Ticks(0.5)).bf16


def test_what_is_slower_in_bfloat16_stays_in_float32():
    found = tried([product()], Ticks(3.0))
    assert not found.bf16 and "3.0 times as long" in found.why


@pytest.mark.parametrize(
    ("name", "asked"),
    [("smoke", 0), ("mini", 0), ("minutes", 1), ("hour", 1), ("64", 1), ("128", 1)],
)
def test_presets_that_give_the_same_on_every_machine_are_never_tried(name, asked, monkeypatch):
    monkeypatch.setattr(precision, "native", lambda device: True)
    monkeypatch.setattr(precision, "tried", lambda uses: precision.Tried(True, ""))
    assert chosen(PRESETS[name], nn.Linear(1, 1), list).bf16 == bool(asked)


def test_a_processor_without_bfloat16_says_so(monkeypatch):
    monkeypatch.setattr(precision, "native", lambda device: False)
    found = chosen(PRESETS["64"], nn.Linear(1, 1), list)
    assert not found.bf16 and "this processor does not multiply that" in found.why


@pytest.mark.parametrize(("capability", "on"), [((7, 0), False), ((7, 5), False), ((8, 0), True)])
def test_gpus_before_capability_8_compute_in_float32(capability, on, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda of: capability)
    assert device.native(torch.device("cuda")) is on


@pytest.mark.parametrize("asked", [R2(), EncGAN3(), LEncGAN()])
def test_every_layer_of_a_step_is_found_and_nothing_moves(asked):
    frames = 24 if isinstance(asked, R2) else 16
    m = begun(asked, PLAIN)
    before, again = copy.deepcopy(m.nets), copy.deepcopy(m.nets)
    uses = in_use(asked, m.nets, given(m, batch_of(frames)))
    convolved = {tuple(u.given[1].shape) for u in uses if u.op is aten.convolution.default}
    for net in before.values():
        for layer in net.modules():
            if isinstance(layer, nn.Conv2d | nn.Conv3d | nn.ConvTranspose3d):
                w = layer.weight.shape
                halves = {tuple(w), (w[0], w[1] // 2, *w[2:])}  # to_rgb goes in halves
                assert convolved & halves, w
    assert any(u.op is aten.bmm.default for u in uses)
    for name, net in m.nets.items():
        for key, a in net.state_dict().items():
            assert torch.equal(a, again[name].state_dict()[key]), key


def test_a_phase_is_decided_once(monkeypatch, tmp_path):
    calls = []
    monkeypatch.setattr(
        precision, "chosen", lambda *given: calls.append(1) or precision.Tried(True, "as asked")
    )  # fmt: skip
    m = begun(R2(), PLAIN)
    s, decided = given(m, batch_of(24)), Precision(tmp_path, {"stills": False})
    assert [decided.of(R2(), m.nets, s, Group()) for _ in range(2)] == [True, True]
    assert len(calls) == 1 and decided.decided == {"stills": False, "": True}
    assert precision.told(tmp_path) == {"training": "as asked"}


@pytest.fixture
def native(monkeypatch):
    """As on a CPU that multiplies bfloat16, where every test is passed: any CPU computes in it."""
    monkeypatch.setattr(precision, "native", lambda device: True)
    monkeypatch.setattr(precision, "tried", lambda uses: precision.Tried(True, ""))


@pytest.mark.parametrize("asked", [R2(), EncGAN3(), LEncGAN()])
def test_a_run_in_bfloat16_goes_on_to_the_same_bits(asked, tmp_path, native, monkeypatch):
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    videos = VideoSet.from_arrays(moving_videos(4))
    p = SMOKE.but(cpu_bf16=True, separate_passes=True, average=0.9)
    whole, parts = (Job(asked, p, videos, tmp_path / n, seed=1) for n in ("whole", "parts"))
    train(whole)
    for n in (2, 4):  # in the warm-ups, and behind them
        with pytest.raises(Stop):
            train(parts, progress=stopped_after(n))
    monkeypatch.setattr(precision, "native", lambda device: False)  # it was decided before
    train(parts)
    a, b = (checkpoint.load(j.out / "checkpoint.pt") for j in (whole, parts))
    assert a["bf16"] == b["bf16"] == dict.fromkeys(a["bf16"], True)
    for part in ("networks", "averages"):
        for name in a[part]:
            for key, tensor in a[part][name].items():
                assert torch.equal(tensor, b[part][name][key]), key
    plain = Job(asked, p.but(cpu_bf16=False), videos, tmp_path / "plain", seed=1)
    train(plain)
    other = checkpoint.load(plain.out / "checkpoint.pt")["networks"]["generator"]
    assert any(not torch.equal(t, other[k]) for k, t in a["networks"]["generator"].items())


def test_lstms_run_in_float32_under_autocast():
    torch.manual_seed(0)
    lstm, e = nn.LSTM(8, 8, batch_first=True), torch.randn(2, 5, 8)
    with torch.autocast("cpu", torch.bfloat16):
        h, c = last_state(lstm, e.bfloat16())
    assert h.dtype == c.dtype == torch.float32
    assert torch.equal(c, last_state(lstm, e.bfloat16().float())[1])


@pytest.mark.parametrize("bf16", [True, False])
def test_spectral_norm_makes_weights_once_a_turn(bf16):
    """Two passes of a generator in a turn; in float32 each makes its own, as it always did."""
    m = begun(EncGAN3(), PLAIN.but(separate_passes=True))
    made = []
    conv = m.nets["generator"].blocks[0].video[0][0]
    conv.parametrizations.weight[0].register_forward_hook(lambda *given: made.append(1))
    s = given(m, batch_of(16))
    s.bf16 = bf16
    m.play(s, Group())
    assert len(made) == (2 if bf16 else 3)  # the generator's own turn has one pass more
