"""The four networks of EncGAN3 and R2 with their optimisers, as one object that trains, averages
and is saved.
"""

import contextlib
import copy
import math
from collections.abc import Callable, Iterator

import torch
from torch import nn

from rencgan.core.errors import InputError
from rencgan.models.networks import Encoder, Generator, ImageDiscriminator, VideoDiscriminator
from rencgan.presets.preset import Preset

NETWORKS = ("encoder", "generator", "video_d", "image_d")
AVERAGED = ("encoder", "generator")


class Players:
    """Encoder, generator, video and image critic, one Adam each, and (if asked for) a running
    average.

    Weights depend on (preset, seed) only: initialisation draws from a generator of its own.
    """

    def __init__(
        self,
        preset: Preset,
        seed: int = 0,
        device: str | torch.device = "cpu",
        encoder: Callable[[Preset], nn.Module] = Encoder,
    ):
        self.preset, self.device = preset, torch.device(device)
        self.warmed_up = self.finding_motion = False
        self.risen = 1.0
        self.memory = self.handed = None  # LEncGAN: states before and after this step's clips
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.encoder = encoder(preset)
            self.generator = Generator(preset)
            self.video_d = VideoDiscriminator(preset)
            self.image_d = ImageDiscriminator(preset)
        for name in NETWORKS:
            setattr(self, name, getattr(self, name).to(self.device))
        if preset.channels_last:
            self.generator.to(memory_format=torch.channels_last_3d)
            self.video_d.to(memory_format=torch.channels_last_3d)
            self.image_d.to(memory_format=torch.channels_last)
            self.encoder.to(memory_format=torch.channels_last)
        rates = {"encoder": preset.lr_encoder, "generator": preset.lr_generator}
        self.base_rates = {n: rates.get(n, preset.lr_discriminator) for n in NETWORKS}
        self.optimisers = {
            name: torch.optim.Adam(
                _content_and_rest(network),
                self.base_rates[name],
                (preset.beta1, preset.beta2),
                fused=True,
            )
            for name, network in self.networks().items()
        }
        self.averages: dict[str, nn.Module] = {}
        if preset.average:
            self.averages = {
                n: copy.deepcopy(getattr(self, n)).requires_grad_(False) for n in AVERAGED
            }
        self.train()

    def networks(self) -> dict[str, nn.Module]:
        return {name: getattr(self, name) for name in NETWORKS}

    def train(self) -> "Players":
        """Training mode; without `batch_statistics`, batch norm keeps its running statistics.

        After a warm-up the content streams keep theirs too: they come from many unrelated frames,
        those of a batch of clips from a few scenes.
        """
        still = []
        for network in self.networks().values():
            network.train()
            still += [] if self.preset.batch_statistics else [network]
        if self.warmed_up:
            still += [self.encoder.content, *(block.spatial for block in self.generator.blocks)]
        for part in still:
            for m in part.modules():
                if isinstance(m, nn.modules.batchnorm._BatchNorm):
                    m.eval()
        return self

    def begin(self, step: int) -> None:
        """Learning rates, weights of losses and batch norm as this step wants them."""
        self.set_rates(step)
        p = self.preset
        self.finding_motion, self.risen = p.finds_motion(step), p.risen(step)
        over = 0 < self.preset.warmup <= step
        if over != self.warmed_up:
            self.warmed_up = over
            self.train()

    def for_generation(self) -> tuple[nn.Module, nn.Module, nn.Module]:
        """Encoder, generator (the averaged ones where there are) and video critic, all in
        evaluation mode.
        """
        chosen = [self.averages.get(n, getattr(self, n)) for n in AVERAGED] + [self.video_d]
        return tuple(network.eval() for network in chosen)

    # ------------------------------------------------------------------------------------- one step

    def autocast(self):
        """bfloat16 on CUDA where the preset asks for it; nothing elsewhere."""
        on = self.device.type == "cuda" and self.preset.bf16
        return torch.autocast(self.device.type, torch.bfloat16, enabled=on)

    @contextlib.contextmanager
    def frozen(self, *names: str) -> Iterator[None]:
        """Within it the named networks take no gradients: a player's step pays for its own weights
        only.
        """
        for name in names:
            getattr(self, name).requires_grad_(False)
        try:
            yield
        finally:
            for name in names:
                getattr(self, name).requires_grad_(True)

    def set_rates(self, step: int) -> None:
        """The learning rates of this step: constant, then (if the preset asks) half a cosine down
        to 0; for the warm-up likewise. After a warm-up they rise from 0 (if the preset asks):
        Adam's second moments are then those of other losses, and its first steps would be far too
        long.
        """
        p = self.preset
        if step < p.warmup:
            share = _annealed(step, p.warmup, p.warmup_decay)
        else:
            share = _annealed(step, p.steps, p.lr_decay) * _ramped(step, p)
        fast = p.motion_rate if p.finds_motion(step) else 1.0
        slow = p.content_rate if 0 < p.warmup <= step else 1.0
        for name, optimiser in self.optimisers.items():
            for group in optimiser.param_groups:
                factor = slow if group["content"] else fast
                group["lr"] = self.base_rates[name] * share * factor

    @torch.no_grad()
    def update_averages(self, step: int) -> None:
        """Running average of weights and batch-norm statistics; short at first, so that it forgets
        the start.
        """
        decay = min(self.preset.average, (1 + step) / (10 + step))
        for name, average in self.averages.items():
            ours, theirs = average.state_dict(), getattr(self, name).state_dict()
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
        handed = {} if self.handed is None else {"handed": list(self.handed)}
        return handed | {
            "networks": {n: m.state_dict() for n, m in self.networks().items()},
            "optimisers": {n: o.state_dict() for n, o in self.optimisers.items()},
            "averages": {n: m.state_dict() for n, m in self.averages.items()},
        }

    def load_state(self, state: dict) -> None:
        self.load_networks(state["networks"])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        for name, average in self.averages.items():
            average.load_state_dict(state["averages"][name])
        if "handed" in state:
            self.handed = [part.to(self.device) for part in state["handed"]]

    def load_networks(self, states: dict) -> None:
        """Weights only, as `init_from` wants them; other shapes are refused in a sentence."""
        for name, network in self.networks().items():
            try:
                network.load_state_dict(states[name])
            except (RuntimeError, KeyError) as error:
                raise InputError(
                    f"the checkpoint's {name} does not fit preset {self.preset.name!r}: "
                    f"{str(error).splitlines()[-1].strip()}"
                ) from None
        for name, average in self.averages.items():
            average.load_state_dict(getattr(self, name).state_dict())


def _ramped(step: int, p: Preset) -> float:
    """Rises from 0 to 1 in the first `ramp` steps after each warm-up; 1 without a warm-up."""
    begun = p.warmup if p.finds_motion(step) else p.warmup + p.motion_warmup
    return min(1.0, (step - begun + 1) / p.ramp) if p.ramp and p.warmup else 1.0


def _annealed(step: int, steps: int, decay: float) -> float:
    """1, and in the last `decay` share of the steps half a cosine down to 0."""
    start = steps * (1 - decay)
    if step <= start or not decay:
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - start) / (steps - start))))


CONTENT = ("content.", "mu_c.", "logvar_c.")


def _content_and_rest(network: nn.Module) -> list[dict]:
    """Parameter groups: what the warm-up trains, and what it does not."""
    named = list(network.named_parameters())
    content = [n.startswith(CONTENT) or ".spatial." in n for n, _ in named]
    groups = [
        {
            "params": [p for (_, p), c in zip(named, content, strict=True) if c == kind],
            "content": kind,
        }
        for kind in (True, False)
    ]
    return [group for group in groups if group["params"]]
