"""The contract: what every system of the papers is asked, and what a training step gives it.

A system is one class in one file. It says what its networks are, what a step reads, in what order
its players move (its turns), and how it generates. The engine (training.loop) weighs and averages
the losses, steps the optimisers, saves and resumes; no system holds an optimiser.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import cached

from rencgan.core.device import native
from rencgan.core.errors import InputError
from rencgan.presets.preset import Preset
from rencgan.presets.recipe import Recipe

Nets = dict[str, nn.Module]
Terms = Mapping[str, Callable[[], Tensor]]  # unweighted terms of a loss, computed when asked
Turn = tuple[str | tuple[str, ...], Callable[[], Terms | Tensor]]  # who moves, and by which loss
SYSTEMS: dict[str, type["System"]] = {}  # every class with a kind, by it


@dataclass(frozen=True)
class Phase:
    """What holds at a training step. Warm-ups have names; the training proper has none."""

    name: str = ""
    reads: str = "batch"  # which of the reader's batches
    batch: int = 1  # samples, over all processes
    rate: float = 1.0  # factor on all learning rates
    content_rate: float = 1.0  # a further one, on parameter groups marked "content"
    rest_rate: float = 1.0  # and on all others
    settled: bool = False  # the content streams keep their batch-norm statistics
    risen: float = 1.0  # share of the weights that rise along the run
    crop: float = 1.0  # the smallest random crop of a sample; 1: none


def _alone(x: Tensor) -> Tensor:
    return x


@dataclass
class Step:
    """One training step, as a system's turns see it.

    x: what the reader gave, on the device. chance: what `System.draws` drew for it. memory: lives
    from step to step and in checkpoints (tensors in lists, by name). mean: of a number that is one
    over this process's rows, that over the joint batch.
    """

    number: int
    p: Any
    phase: Phase
    x: Any
    chance: Any
    reader: Any
    rows: slice  # of the joint batch: this process's
    memory: dict[str, list[Tensor]] = field(default_factory=dict)
    bf16: bool = False  # networks run in bfloat16
    mean: Callable[[Tensor], Tensor] = field(default=_alone, repr=False)

    def autocast(self, device: torch.device) -> torch.autocast:
        """For what its networks do; losses are taken of float32."""
        return autocast(self.bf16, device)


@dataclass(frozen=True)
class System:
    """A system. Its fields are its switches: a variant is a difference, not another class.

    kind: its name in checkpoints. prior: what real video it sees when it generates long video.
    base: the kind of the system that is trained first and given frozen. averaged: networks that
    keep a running average where the preset asks for one. added: switches that came later, at the
    value that stands for what was before: they enter no key at that value. generates: the networks
    that it generates with, which alone are published; none: all of them. found: what `extras` and
    `ended` add.
    """

    kind: ClassVar[str] = ""
    prior: ClassVar[str | None] = "none"
    base: ClassVar[str] = ""
    averaged: ClassVar[tuple[str, ...]] = ()
    generates: ClassVar[tuple[str, ...]] = ()
    found: ClassVar[tuple[str, ...]] = ()
    added: ClassVar[dict[str, Any]] = {}
    preset: ClassVar[type[Recipe]] = Preset
    trained: ClassVar[type | None] = None  # its own class of trained models, where it has one
    choices: ClassVar[dict[str, tuple]] = {}  # of switches that are more than on or off
    sample: ClassVar[str] = "clips"  # what a training step takes, in words
    asks: ClassVar[tuple[str, ...]] = ()  # fields of its preset that are parameters of a run too
    variants: ClassVar[dict[str, dict[str, Any]]] = {}  # of its loss: switches by name
    longest: ClassVar[int | None] = None  # frames of its longest video; None: it has no end
    any_hop: ClassVar[bool] = False  # whether it generates at other hops than the trained one
    joins: ClassVar[bool] = True  # whether its long videos are clips that are joined
    slows: ClassVar[bool] = False  # whether longer videos are slower ones
    alone: ClassVar[str] = ""  # why its training cannot be shared by several processes

    def __post_init__(self):
        for f in fields(self):
            value, on_or_off = getattr(self, f.name), isinstance(f.default, bool)
            known = self.choices.get(f.name, (True, False) if on_or_off else None)
            if known and value not in known:
                right = "True or False" if on_or_off else f"one of {', '.join(map(str, known))}"
                raise InputError(f"{f.name} is {right}, not {value!r}")

    def __init_subclass__(cls, **options) -> None:
        super().__init_subclass__(**options)
        if cls.kind:
            SYSTEMS[cls.kind] = cls

    @classmethod
    def of(cls, switches: Mapping[str, Any]) -> Self:
        """From the switches that a checkpoint holds; TypeError for those it does not have."""
        return cls(**switches)

    @classmethod
    def variant(cls, name: str = "") -> Self:
        """With the switches of a row of `variants`; "" is the system as it is."""
        if name and name not in cls.variants:
            if not cls.variants:
                raise InputError(f"the loss of {cls.__name__} has no variants, and no {name!r}")
            raise InputError(f"a loss variant is one of {', '.join(cls.variants)}, not {name!r}")
        return cls(**cls.variants.get(name, {}))

    @classmethod
    def asked(cls, hop: int, steps: tuple[int, int]) -> dict[str, Any]:
        """Fields of its preset that a run's hop and the frame steps of its data set decide."""
        return {}

    def switches(self) -> dict[str, Any]:
        """As plain values, for keys and checkpoints."""
        return {k: v for k, v in asdict(self).items() if self.added.get(k, ...) != v}

    def recipe(self, base: Any = None) -> dict[str, Any]:
        """What decides its weights beside preset, seed and data, as plain values."""
        return {"kind": self.kind, "objective": self.switches()}

    def title(self, p: Recipe) -> str:
        """What tables call it."""
        return self.kind

    def check(self, p: Recipe) -> None:
        """Raises InputError for a preset that it cannot be trained with."""

    def networks(self, p: Recipe, reader: Any = None) -> Nets:
        """Its networks by name, made in this order from the global generator."""
        raise InputError(f"{type(self).__name__} has no networks")

    def optimisers(self, nets: Nets, p: Recipe) -> dict[str, torch.optim.Optimizer]:
        """One for each network that moves."""
        return {name: torch.optim.Adam(net.parameters()) for name, net in nets.items()}

    def phase(self, step: int, p: Recipe) -> Phase:
        return Phase(batch=p.batch)

    def warmed(self, p: Recipe) -> int:
        """Steps at the beginning that other variants of it may share (training.shared); 0: none."""
        return 0

    def least(self, p: Recipe, phase: Phase) -> int:
        """Samples of a batch without which a process cannot train."""
        return 1

    def still(self, nets: Nets, phase: Phase, p: Recipe) -> list[nn.Module]:
        """Parts whose batch norm keeps its running statistics."""
        return []

    def reads(self, job: Any, known: Any = None) -> Any:
        """The reader of a training.loop.Job: `stream(first, last, takes, device)` yields what every
        step takes, `size` is H = W of what it reads. known: of a run that goes on.
        """
        raise InputError(f"{type(self).__name__} reads nothing")

    def samples(self, job: Any) -> int:
        """Samples of an epoch of a job, by which its steps follow from its epochs."""
        return self.reads(job).samples

    def draws(self, seed: int, step: int, p: Any, phase: Phase, share: Callable, device) -> Any:
        """The chance of a step, a function of (seed, step). share(n): this process's rows of n."""
        return torch.Generator().manual_seed(seed * 1_000_003 + step)

    def turns(self, nets: Nets, s: Step) -> Iterator[Turn]:
        """Who moves, in which order, and by which loss. A loss is computed when its turn has come,
        after the turns before it have stepped; only the networks that move get gradients.
        """
        raise InputError(f"{type(self).__name__} has no turns")

    def average(self, step: int, p: Any) -> float:
        """The decay of the running averages at a step: short at first, so that it forgets the
        start.
        """
        return min(p.average, (1 + step) / (10 + step))

    def weight(self, term: str, p: Recipe, phase: Phase) -> float:
        """The weight of a term: the preset's field `w_<term>`, 1 where it has none."""
        return getattr(p, f"w_{term}", 1.0)

    def extras(self, reader: Any) -> dict[str, Any]:
        """What a checkpoint holds of what the reader found out about its data."""
        return {}

    def ended(self, model: Any, reader: Any) -> dict[str, Any]:
        """What the checkpoint of a trained model holds of what it makes of its data."""
        return {}

    def known(self, content: Mapping[str, Any], p: Recipe) -> Any:
        """Both out of a checkpoint's content, for `networks` in the reader's place."""
        return None

    def shown(self, model: Any, reader: Any) -> tuple[Tensor, Tensor] | None:
        """Four training samples, real and generated, for the pictures along a run."""
        return None

    def asks_subjects(self, p: Any) -> bool:
        """Whether it can be told whom a video shows."""
        return False

    def frame_steps(self, p: Any) -> tuple[int, int]:
        """From one frame of a training clip to the next: the smallest and the largest step."""
        return 1, 1

    def first_clips(self, model: Any, videos: int, seed: int = 0) -> np.ndarray:
        """Clips from noise alone, for an R3 to go on from: (V, 16, H, W, 3) uint8."""
        raise InputError(
            f"{model.name} draws no clip from noise alone; "
            "an AR2, or an R2 trained with noise terms, is needed"
        )

    def hop(self, p: Any) -> int:
        """From one clip of a long video to the next."""
        return p.hop

    def generate(self, model: Any, frames: int | None = None, **options) -> Iterator[Tensor]:
        """Videos as a stream of pieces (V, 3, t, H, W) in [-1, 1]; see `Trained.generate`."""
        raise InputError(f"{self.title(model.preset)} makes no long video")


def autocast(on: bool, device: torch.device) -> torch.autocast:
    """To bfloat16, or not."""
    return torch.autocast(device.type, torch.bfloat16, enabled=on)


@contextmanager
def generating(p: Any, device: torch.device) -> Iterator[None]:
    """How networks draw and judge outside of training: without a trace for gradients, the weights
    of spectral norm made once, on CUDA in the numbers that they are trained in. On a CPU always in
    float32, so that what weights come to does not depend on the machine.
    """
    on_gpu = device.type == "cuda" and p.bf16 and native(device)
    with torch.inference_mode(), autocast(on_gpu, device), cached():
        yield


def streamed(pieces: Iterator[Any], p: Any, device: torch.device) -> Iterator[Any]:
    """The pieces of a stream, each made while `generating`, which its taker does not."""
    ended = object()
    while True:
        with generating(p, device):
            piece = next(pieces, ended)
        if piece is ended:
            return
        yield piece


def built(system: System, p: Recipe, seed: int, device: Any, reader: Any = None) -> Nets:
    """Its networks as training begins: they depend on (preset, seed) alone, not on what was drawn
    before.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        nets = system.networks(p, reader)
    return {name: net.to(device) for name, net in nets.items()}


def system_of(kind: str, switches: Mapping[str, Any]) -> System:
    """The system of a checkpoint. Raises InputError for a kind that is not known."""
    if kind not in SYSTEMS:
        _find_all()
    if kind not in SYSTEMS:
        raise InputError(f"a model is one of {', '.join(sorted(SYSTEMS))}, not {kind!r}")
    return SYSTEMS[kind].of(switches)


def _find_all() -> None:
    """Imports the rooms in which systems are defined: a script that loads a checkpoint has not
    named the system that it holds.
    """
    for room in ("models", "baselines", "r3"):
        for module in iter_modules([str(Path(__file__).parents[1] / room)]):
            import_module(f"rencgan.{room}.{module.name}")
