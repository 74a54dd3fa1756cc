"""Whether a run computes in bfloat16: only where the processor multiplies it itself, and, on a CPU,
where a short test finds every layer of the run right in it and all of them together no slower.

Releases of PyTorch have had layers that were wrong, or many times slower, in bfloat16 on a CPU.
"""

import copy
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from rencgan.core.device import native
from rencgan.core.files import write_json
from rencgan.models import losses
from rencgan.models.system import Nets, Step, System
from rencgan.training.processes import Group

FILE = "precision.json"
LARGEST_ERROR = 0.05  # of an output or a gradient, relative; rounding comes to under 0.01
SAMPLES = 2  # of a batch, with which a layer is tried
aten = torch.ops.aten
LAYERS = {  # what networks multiply with: its name, and which arguments it multiplies
    aten.convolution.default: ("convolution", (0, 1)),
    aten.addmm.default: ("product", (1, 2)),
    aten.bmm.default: ("product", (0, 1)),
}


class Tried(NamedTuple):
    """What the test came to: whether bfloat16 is used, and why, in a sentence."""

    bf16: bool
    why: str


class Use(NamedTuple):
    """A layer as a step calls it; tensors are on the device "meta", which keeps their shapes and
    layouts alone.
    """

    op: Callable
    given: tuple

    def __str__(self) -> str:
        name, multiplied = LAYERS[self.op]
        return f"{name} of {' and '.join(str(tuple(self.given[i].shape)) for i in multiplied)}"


class Precision:
    """What each phase of a run computes in: bfloat16 or not. Decided by the first process at the
    first step of the phase, and kept when the run goes on, so that it ends with the same bits. Why
    is printed, and kept in the run's folder.
    """

    def __init__(self, out: Path, decided: Mapping[str, bool] | None = None):
        self.out, self.decided = out, dict(decided or {})

    def of(self, system: System, nets: Nets, s: Step, group: Group) -> bool:
        if (phase := s.phase.name) not in self.decided:
            found = Tried(False, "")
            if group.first:
                found = chosen(s.p, next(iter(nets.values())), lambda: in_use(system, nets, s))
            on = bool(group.agree(int(found.bf16))[0]) if group.size > 1 else found.bf16
            self.decided[phase] = on
            if found.why:
                part = phase or "training"
                print(f"{system.title(s.p)}, {part}: {found.why}")
                write_json(self.out / FILE, told(self.out) | {part: found.why})
        return self.decided[phase]


def told(out: Path) -> dict[str, str]:
    """What a run computed in and why, by phase; {} where float32 was all that was asked for."""
    path = out / FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def chosen(p: Any, net: nn.Module, uses: Callable[[], Sequence[Use]]) -> Tried:
    """For a preset, on the device of its networks. uses: the layers of a training step; asked for
    on a CPU alone.
    """
    device = next(net.parameters()).device
    asked = p.bf16 if device.type == "cuda" else getattr(p, "cpu_bf16", False)
    if device.type not in ("cuda", "cpu") or not asked:
        return Tried(False, "")
    if not native(device):
        return Tried(False, "float32, not bfloat16: this processor does not multiply that itself")
    return Tried(True, "bfloat16") if device.type == "cuda" else tried(uses())


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
        given, fastest = _drawn(use), {True: float("inf"), False: float("inf")}
        for _ in range(2):
            found = {}
            for bf16 in (False, True):
                start = clock()
                found[bf16] = _forward_and_back(use.op, given, bf16)
                fastest[bf16] = min(fastest[bf16], clock() - start)
        worst = max(map(_error, found[True], found[False]))
        if not worst <= LARGEST_ERROR:
            wrong = f"the {use} is wrong in it with this PyTorch and processor"
            return Tried(False, f"float32, not bfloat16: {wrong} (relative error {worst:.2g})")
        took = {bf16: took[bf16] + fastest[bf16] for bf16 in took}
    times = took[False] / max(took[True], 1e-9)
    if times < 1:
        return Tried(False, f"float32, not bfloat16: that takes {1 / times:.1f} times as long here")
    return Tried(True, f"bfloat16, right in all layers and {times:.1f} times as fast as float32")


def _drawn(use: Use) -> list[Any]:
    """Operands in the layouts of the layer's: above 0, so that no sum cancels, of which rounding
    would be a large part.
    """
    rng = torch.Generator().manual_seed(1)
    return [
        torch.empty_like(value, device="cpu").normal_(generator=rng).abs_()
        if isinstance(value, Tensor) else value
        for value in use.given
    ]  # fmt: skip


def _forward_and_back(op: Callable, given: Sequence[Any], bf16: bool) -> list[Tensor]:
    """Output, and the gradients of half its square; not of a bias, where much cancels."""
    dtype = torch.bfloat16 if bf16 else torch.float32
    cast = [t.to(dtype) if isinstance(t, Tensor) else t for t in given]
    moved = [cast[i].requires_grad_() for i in LAYERS[op][1]]
    y = op(*cast)
    return [y.detach(), *torch.autograd.grad(y, moved, y.detach())]


def _error(a: Tensor, b: Tensor) -> float:
    """The largest relative error of a column, where an output has columns: faults have been seen
    in one of them alone.
    """
    a, b = (t.float().reshape(-1, t.shape[-1] if t.ndim > 1 else 1) for t in (a, b))
    usual = b.norm() / b.shape[1] ** 0.5
    return float(((a - b).norm(dim=0) / usual.clamp_min(1e-12)).max())


class _Noted(TorchDispatchMode):
    """Notes the layers that are called, one for each shape and layout."""

    def __init__(self):
        super().__init__()
        self.found: dict[str, Use] = {}

    def __torch_dispatch__(self, op: Callable, types: Any, args: tuple = (), kwargs: Any = None):
        if op in LAYERS:
            batched = {aten.convolution.default: (0,), aten.bmm.default: (0, 1)}.get(op, ())
            few = [
                torch.empty_like(a[:SAMPLES] if i in batched else a, device="meta").float()
                if isinstance(a, Tensor) else a
                for i, a in enumerate(args)
            ]  # fmt: skip
            facts = [(tuple(a.shape), a.stride()) if isinstance(a, Tensor) else a for a in few]
            self.found.setdefault(f"{op} {facts}", Use(op, tuple(few)))
        return op(*args, **(kwargs or {}))


@torch.no_grad()
def in_use(system: System, nets: Nets, s: Step) -> list[Use]:
    """The layers that the turns of a step call. Networks and memory stay as they are: the turns are
    taken by copies, which do not move.
    """
    nets, s = copy.deepcopy(nets), replace(s, memory=copy.deepcopy(s.memory))
    with _Noted() as noted:
        for _, loss in system.turns(nets, s):
            value = loss()
            if not isinstance(value, Tensor):
                losses.values(value)
    return list(noted.found.values())
