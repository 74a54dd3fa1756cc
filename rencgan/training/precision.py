"""Whether a run computes in bfloat16: only where the processor multiplies it itself, and, on a CPU,
where a short test finds every layer of the run right in it and all of them together no slower.

Releases of PyTorch have had layers that were wrong, or many times slower, in bfloat16 on a CPU.
"""

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from rencgan.models import losses
from rencgan.models.attention import SelfAttention
from rencgan.models.system import Nets, Step, System, autocast, native
from rencgan.training.processes import Group

LARGEST_ERROR = 0.05  # of an output or a gradient, relative; rounding comes to under 0.015
SAMPLES = 2  # of a batch, with which a layer is tried
LAYERS = (nn.Conv2d, nn.Conv3d, nn.ConvTranspose3d, nn.Linear, SelfAttention)


class Tried(NamedTuple):
    """What the test came to: whether bfloat16 is used, and why, in a sentence."""

    bf16: bool
    why: str


class Use(NamedTuple):
    """A layer, in evaluation mode, and an input that it had in training."""

    name: str
    layer: nn.Module
    x: Tensor


class Precision:
    """What each phase of a run computes in: bfloat16 or not. Decided by the first process at the
    first step of the phase, and kept when the run goes on, so that it ends with the same bits.
    """

    def __init__(self, decided: Mapping[str, bool] | None = None):
        self.decided = dict(decided or {})

    def of(self, system: System, nets: Nets, s: Step, group: Group) -> bool:
        if (phase := s.phase.name) not in self.decided:
            found = chosen(s.p, next(iter(nets.values())), lambda: in_use(system, nets, s))
            on = bool(group.agree(found.bf16)[0]) if group.size > 1 else found.bf16
            self.decided[phase] = on
            if found.why and group.first:
                print(f"{system.title(s.p)}{f', {phase}' if phase else ''}: {found.why}")
        return self.decided[phase]


def chosen(p: Any, net: nn.Module, uses: Callable[[], Sequence[Use]]) -> Tried:
    """For a preset, on the device of its networks. uses: the layers of a training step; asked for
    on a CPU alone.
    """
    device = next(net.parameters()).device
    asked = p.bf16 if device.type == "cuda" else getattr(p, "cpu_bf16", False)
    if device.type not in ("cuda", "cpu") or not asked:
        return Tried(False, "")
    if not native(device):
        return Tried(False, "float32, since this processor does not multiply bfloat16 itself")
    return Tried(True, "") if device.type == "cuda" else tried(uses())


def tried(uses: Sequence[Use], clock: Callable[[], float] = time.thread_time) -> Tried:
    """Each layer forward and back in float32 and in bfloat16, twice, by one thread, whose own time
    other work on the machine does not change.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _tried(uses, clock)
    finally:
        torch.set_num_threads(threads)


def _tried(uses: Sequence[Use], clock: Callable[[], float]) -> Tried:
    took = {True: 0.0, False: 0.0}
    for use in uses:
        fastest = {True: float("inf"), False: float("inf")}
        for _ in range(2):
            found = {}
            for bf16 in (False, True):
                start = clock()
                found[bf16] = _forward_and_back(use, bf16)
                fastest[bf16] = min(fastest[bf16], clock() - start)
        worst = max(map(_error, found[True], found[False]))
        if not worst <= LARGEST_ERROR:
            return Tried(
                False,
                f"float32, since {use.name} on {tuple(use.x.shape)} is wrong in bfloat16 with this "
                f"PyTorch and processor (relative error {worst:.2g})",
            )
        took = {bf16: took[bf16] + fastest[bf16] for bf16 in took}
    times = took[False] / max(took[True], 1e-9)
    if times < 1:
        return Tried(
            False, f"float32, since bfloat16 would take {1 / times:.1f} times as long here"
        )
    return Tried(True, f"bfloat16, right in all layers and {times:.1f} times as fast as float32")


def _forward_and_back(use: Use, bf16: bool) -> list[Tensor]:
    """Output, and gradients of input and weights; not of the weights of F-SA, some of which are
    zero but for rounding.
    """
    x = use.x.detach().requires_grad_()
    weights = [] if isinstance(use.layer, SelfAttention) else list(use.layer.parameters())
    with autocast(bf16, x.device):
        y = use.layer(x)
    slope = torch.randn(y.shape, generator=torch.Generator().manual_seed(1)).to(y.dtype)
    return [y.detach(), *torch.autograd.grad(y, [x, *weights], slope)]


def _error(a: Tensor, b: Tensor) -> float:
    """The largest relative error of a column, where an output has columns: faults have been seen
    in one of them alone.
    """
    a, b = (t.float().reshape(-1, t.shape[-1] if t.ndim > 1 else 1) for t in (a, b))
    usual = b.norm() / b.shape[1] ** 0.5
    return float(((a - b).norm(dim=0) / usual.clamp_min(1e-12)).max())


@torch.no_grad()
def in_use(system: System, nets: Nets, s: Step) -> list[Use]:
    """The layers that the turns of a step call, one for each of their shapes. Networks and memory
    stay as they are: the turns are taken by copies, which do not move.
    """
    nets, s = copy.deepcopy(nets), replace(s, memory=copy.deepcopy(s.memory))
    found: dict[tuple, Use] = {}

    def note(name: str) -> Callable:
        def hook(layer: nn.Module, given: tuple[Tensor, ...]) -> None:
            x = given[0][:SAMPLES].detach().float()
            facts = [str(layer), tuple(x.shape)]
            found.setdefault(tuple(facts), Use(name, layer, x.clone()))

        return hook

    for owner, net in nets.items():
        inside = [m for m in net.modules() if isinstance(m, SelfAttention)]
        covered = {id(m) for a in inside for m in a.modules() if m is not a}
        for name, layer in net.named_modules():
            if isinstance(layer, LAYERS) and id(layer) not in covered:
                layer.register_forward_pre_hook(note(f"{owner}.{name}"))
    for _, loss in system.turns(nets, s):
        value = loss()
        if not isinstance(value, Tensor):
            losses.values(value)
    for net in nets.values():
        net.eval().requires_grad_()
        for layer in net.modules():
            layer._forward_pre_hooks.clear()
            if isinstance(layer, SelfAttention):
                layer.gain.fill_(1.0)  # it begins at 0, where no fault would be seen
    return list(found.values())
