"""The networks of a system in training, with their optimisers and running averages."""

import copy
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.nn.utils.parametrize import cached

from rencgan.core.errors import InputError
from rencgan.models import losses
from rencgan.models.system import Nets, Phase, Step, System, Turn, built
from rencgan.presets.recipe import Recipe
from rencgan.training.processes import Group


class Players:
    """Every network of a system, an optimiser each, and (if the preset asks) a running average of
    those that keep one. It moves them, turn by turn, and is saved and loaded as one.
    """

    def __init__(
        self, system: System, p: Recipe, seed: int = 0, device: Any = "cpu", reader: Any = None
    ):
        self.system, self.p, self.device = system, p, torch.device(device)
        self.nets = built(system, p, seed, device, reader)
        self.optimisers = system.optimisers(self.nets, p)
        self.rates = {
            name: [g["lr"] for g in o.param_groups] for name, o in self.optimisers.items()
        }
        kept = [n for n in system.averaged if n in self.nets] if p.average else []
        self.averages: Nets = {n: copy.deepcopy(self.nets[n]).requires_grad_(False) for n in kept}
        self.memory: dict[str, list[Tensor]] = {}
        self.phase = Phase()

    def begin(self, step: int, group: Group) -> None:
        """Learning rates and batch norm as this step wants them. Statistics that are kept from now
        on become the same in all processes.
        """
        before, self.phase = self.phase, self.system.phase(step, self.p)
        if before.settled != self.phase.settled:
            self.average_statistics(group, before.batch)
            self.train()
        for name, optimiser in self.optimisers.items():
            for slow_or_fast, rate in zip(optimiser.param_groups, self.rates[name], strict=True):
                content = slow_or_fast.get("content", False)
                factor = self.phase.content_rate if content else self.phase.rest_rate
                slow_or_fast["lr"] = rate * self.phase.rate * factor

    def train(self) -> None:
        """Training mode, but for the batch norm that keeps its running statistics."""
        for net in self.nets.values():
            net.train()
        for part in self.system.still(self.nets, self.phase, self.p):
            for m in part.modules():
                if isinstance(m, nn.modules.batchnorm._BatchNorm):
                    m.eval()

    def average_statistics(self, group: Group, batch: int) -> None:
        """Batch-norm statistics the same in all processes, which share a batch."""
        for net in (*self.nets.values(), *self.averages.values()):
            group.average_statistics(net, batch)

    def for_generation(self) -> Nets:
        """The networks (the averaged ones where there are) in evaluation mode."""
        return {n: self.averages.get(n, net).eval() for n, net in self.nets.items()}

    # ------------------------------------------------------------------------------------- one step

    def play(self, s: Step, group: Group) -> dict[str, Tensor]:
        """All turns of a step; returns the unweighted loss terms by name."""
        record: dict[str, Tensor] = {}
        turns: Iterator[Turn] = self.system.turns(self.nets, s)
        while True:
            # Spectral norm makes its weights once a turn. In float32 at each use, as it always did.
            with cached() if s.bf16 else nullcontext():
                if (turn := next(turns, None)) is None:
                    return record
                names, loss = turn
                names = (names,) if isinstance(names, str) else names
                record |= self._move(names, loss(), group)

    def _move(self, names: tuple[str, ...], loss: Any, group: Group) -> dict[str, Tensor]:
        """One turn: only the networks that are named get gradients, and step."""
        terms = {names[0]: loss} if isinstance(loss, Tensor) else losses.values(loss)
        weight = self.system.weight
        total = sum(weight(name, self.p, self.phase) * value for name, value in terms.items())
        for name in names:
            self.optimisers[name].zero_grad(set_to_none=True)
        moved = [w for name in names for w in self.nets[name].parameters() if w.requires_grad]
        total.backward(inputs=moved)
        for name in names:
            group.average_gradients(self.nets[name], self.phase.batch)
            if self.p.largest_gradient:
                clip_grad_norm_(self.nets[name].parameters(), self.p.largest_gradient)
            self.optimisers[name].step()
        return {name: value.detach() for name, value in terms.items()}

    @torch.no_grad()
    def update_averages(self, step: int) -> None:
        """Running average of weights and batch-norm statistics."""
        decay = self.system.average(step, self.p)
        for name, average in self.averages.items():
            ours, theirs = average.state_dict(), self.nets[name].state_dict()
            averaged = [
                key
                for key, value in theirs.items()
                if value.is_floating_point() and not key.endswith(("._u", "._v"))
            ]
            torch._foreach_lerp_(
                [ours[key] for key in averaged], [theirs[key] for key in averaged], 1 - decay
            )
            for key in theirs.keys() - set(averaged):
                ours[key].copy_(theirs[key])

    # --------------------------------------------------------------------------------------- saving

    def state(self) -> dict:
        """Everything that a step changes, as nested dicts of tensors and numbers."""
        return {
            "networks": {n: m.state_dict() for n, m in self.nets.items()},
            "optimisers": {n: o.state_dict() for n, o in self.optimisers.items()},
            "averages": {n: m.state_dict() for n, m in self.averages.items()},
            "memory": self.memory,
        }

    def load_state(self, state: dict) -> None:
        self.load_networks(state["networks"])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        for name, average in self.averages.items():
            average.load_state_dict(state["averages"][name])
        self.memory = {n: [t.to(self.device) for t in ts] for n, ts in state["memory"].items()}

    def load_networks(self, states: dict) -> None:
        """Weights only, as `init_from` wants them; other shapes are refused in a sentence."""
        for name, network in self.nets.items():
            try:
                network.load_state_dict(states[name])
            except (RuntimeError, KeyError) as error:
                raise InputError(
                    f"the checkpoint's {name} does not fit preset {self.p.name!r}: "
                    f"{str(error).splitlines()[-1].strip()}"
                ) from None
        for name, average in self.averages.items():
            average.load_state_dict(self.nets[name].state_dict())
