"""Forward passes and losses as a GPU would run them: fake CUDA tensors, which have a type and a
shape but no numbers, under the rules of CUDA's autocast to bfloat16. No GPU is needed.
"""

from collections import Counter
from dataclasses import fields, is_dataclass, replace

import pytest
import torch
from stepping import ALONE, Walk
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from rencgan.baselines.g3an import G3AN
from rencgan.models.ar2 import AR2
from rencgan.models.encgan3 import EncGAN3
from rencgan.models.lencgan import LEncGAN
from rencgan.models.networks import Codes
from rencgan.models.r2 import R2
from rencgan.models.recall import stitched
from rencgan.models.sampling import recalled_clips
from rencgan.models.system import Step, built, streamed
from rencgan.presets.gpt import HEADS
from rencgan.presets.table import gpt_preset, preset
from rencgan.r3.r3 import R3, Known
from rencgan.r3.sequences import Vocabulary
from rencgan.r3.tokens import Coordinates

CUDA = torch.device("cuda:0")
SYSTEMS = {
    "EncGAN3": ("encgan3", EncGAN3(), {}),
    "G3AN": ("g3an", G3AN(), {}),
    "R2": ("r2", R2(), {}),
    "improved R2": ("improved-r2", R2(), {}),
    "LEncGAN": ("lencgan", LEncGAN(), {}),
    "LEncGAN, stills": ("lencgan", LEncGAN(), {"warmup": 6, "warmup_batch": 2}),
    "AR2": ("ar2", AR2(), {}),
    "AR2+": ("ar2", AR2(), {"recall_noise": 0.5, "rollout": 2}),
}


def faked(x):
    """The same on the fake device."""
    if isinstance(x, torch.Tensor):
        return torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device=CUDA)
    if isinstance(x, list | tuple):
        return type(x)(map(faked, x))
    if is_dataclass(x):
        return replace(x, **{f.name: faked(getattr(x, f.name)) for f in fields(x)})
    return x


def moved(module: nn.Module, *where, **how) -> nn.Module:
    """In the place of `Module.to`, which fake tensors do not go through."""
    for m in module.modules() if where else ():
        for name, w in m._parameters.items():
            if w is not None:
                m._parameters[name] = nn.Parameter(faked(w), requires_grad=False)
        for name, w in m._buffers.items():  # fakes keep no statistics
            m._buffers[name] = None if "running" in name or "tracked" in name else faked(w)
    return module


def remembered(lstm: nn.LSTM, e: torch.Tensor, state=None):
    """In an LSTM's place: cuDNN's would take float16 under any autocast, without loss scaling."""
    assert e.dtype == torch.float32 and not torch.is_autocast_enabled("cuda")
    h = e.new_empty(1, len(e), lstm.hidden_size)
    return e.new_empty(*e.shape[:2], lstm.hidden_size), state or (h, h.clone())


@pytest.fixture
def cuda(monkeypatch):
    """A GPU that knows bfloat16, as far as autocast asks."""
    import torch.cuda.amp.common as common

    monkeypatch.setattr(common, "amp_definitely_not_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *given, **options: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *given: (9, 0))
    monkeypatch.setattr(nn.Module, "to", moved)
    monkeypatch.setattr(nn.RNNBase, "flatten_parameters", lambda self: None)
    monkeypatch.setattr(nn.LSTM, "forward", remembered)
    for name in ("softmax", "log_softmax"):  # autocast takes both in float32
        monkeypatch.setattr(torch.Tensor, name, lambda x, dim: x.float())
    # Which of its libraries a GPU would take, and how that lays out its result.
    monkeypatch.setattr(torch._C, "_select_conv_backend", lambda *given, **options: None)
    layout = "_conv_determine_backend_memory_format"
    monkeypatch.setattr(torch._C, layout, lambda *given: torch.contiguous_format)


class Indexing(TorchFunctionMode):
    """x[...] without asking a GPU whether it is there."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is torch.Tensor.__getitem__:
            return indexed(*args)
        return function(*args, **(kwargs or {}))


def indexed(x: torch.Tensor, index) -> torch.Tensor:
    index, dim = index if isinstance(index, tuple) else (index,), 0
    for place, i in enumerate(index):
        if i is Ellipsis:
            dim = x.ndim - sum(other is not None for other in index[place + 1 :])
        elif i is None:
            x, dim = x.unsqueeze(dim), dim + 1
        elif isinstance(i, slice):
            x, dim = torch.ops.aten.slice(x, dim, i.start, i.stop, i.step or 1), dim + 1
        else:
            x = x.select(dim, i)
    return x


class Types(TorchDispatchMode):
    """Which operations computed in which types."""

    def __init__(self):
        super().__init__()
        self.seen: Counter = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        found = function(*args, **(kwargs or {}))
        first = found[0] if isinstance(found, tuple | list) and found else found
        if isinstance(first, torch.Tensor):
            self.seen[function.overloadpacket.__name__, first.dtype] += 1
        return found

    def of(self, *names: str) -> set[torch.dtype]:
        return {dtype for name, dtype in self.seen if any(n in name for n in names)}


def played(kind: str, system, changes: dict, size: str) -> tuple[Types, dict]:
    """The losses of all turns of one step, while nobody moves."""
    p = preset(size, kind, **{"batch": 2} | changes)
    phase = system.phase(5, p)
    chance = system.draws(0, 5, p, phase, ALONE.rows, "cpu")
    frames = p.pair + p.hop * (p.rollout - 1) if isinstance(system, R2 | AR2) else 16
    frames = 1 if phase.reads == "stills" else frames
    found: dict[str, torch.Tensor] = {}
    with FakeTensorMode(), Indexing(), Types() as types, torch.inference_mode():
        nets = built(system, p, 0, CUDA)
        x = torch.empty(2, 3, frames, p.size, p.size, device=CUDA)
        s = Step(5, p, phase, x, faked(chance), Walk(True, True), slice(0, 2), {})
        s.bf16 = True
        for names, loss in system.turns(nets, s):
            terms = loss()
            terms = {str(names): terms} if isinstance(terms, torch.Tensor) else terms
            found |= {n: t if isinstance(t, torch.Tensor) else t() for n, t in terms.items()}
    return types, found | {f"handed {i}": t for i, t in enumerate(s.memory.get("handed", ()))}


@pytest.mark.parametrize("size", ["64", "128"])
@pytest.mark.parametrize("name", SYSTEMS)
def test_networks_run_in_bfloat16_and_losses_in_float32(cuda, name, size):
    types, found = played(*SYSTEMS[name], size)
    assert found and {t.dtype for t in found.values()} == {torch.float32}
    assert all(t.device == CUDA for t in found.values())
    assert types.of("conv") == {torch.bfloat16}, types.seen
    assert not any(dtype == torch.float16 for _, dtype in types.seen)


def test_videos_are_drawn_in_bfloat16_and_told_in_float32(cuda):
    p = preset("64", "r2")
    with FakeTensorMode(), Indexing(), Types() as types:
        nets = built(R2(), p, 0, CUDA)
        space = Codes(*(torch.empty(1, d, device=CUDA) for d in (128, 128, 10, 10)))
        options = {"codes": "mean", "video_d": nets["video_d"]}
        clips = recalled_clips(nets["generator"], iter([space] * 3), p.hop, **options)
        made = list(streamed(stitched(clips, p.hop), p, CUDA))
    assert [x.shape[2] for x in made] == [8, 8, 16] and {x.dtype for x in made} == {torch.float32}
    assert types.of("conv") == {torch.bfloat16}


@pytest.mark.parametrize("size", ["64", "128"])
@pytest.mark.parametrize("head", HEADS)
def test_the_gpt_runs_in_bfloat16_and_its_tokens_in_float32(cuda, head, size):
    p = gpt_preset(size, head=head)
    known = Known(Coordinates(torch.zeros(p.directions or p.width), None, 1.0), Vocabulary((), 2))
    with FakeTensorMode(), Indexing(), Types() as types, torch.inference_mode():
        gpt = built(R3(), p, 0, CUDA, known)["gpt"]
        codes = torch.empty(3, 5, gpt.dim, device=CUDA)
        noise = [torch.empty_like(codes), codes.new_empty(3, 5)]
        with torch.autocast("cuda", torch.bfloat16):
            h, past = gpt(codes)
            loss = gpt.loss(h, codes, codes, *(noise if gpt.head.noisy else ()))
            token = gpt.draw(h, codes, *noise)
    assert {k.dtype for pair in past for k in pair} == {torch.bfloat16}
    assert token.dtype == torch.float32 and loss.float().shape == (3, 5)
    assert torch.bfloat16 in types.of("linear", "mm")
    assert not any(dtype == torch.float16 for _, dtype in types.seen)
