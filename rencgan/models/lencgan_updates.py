"""What LEncGAN's training has beside EncGAN3's: its switches, and the state between two steps.

A step is one clip of every video of the batch. The state that it hands on belongs to a run as its
weights do, and is saved with them.
"""

import math
from dataclasses import dataclass

from torch import Tensor, nn

from rencgan.core.errors import InputError
from rencgan.data.hops import CLIP
from rencgan.models.lencgan import HANDED, LstmEncoder, State, hop_of
from rencgan.models.networks import Codes, Encoder
from rencgan.models.updates import Objective
from rencgan.presets.preset import Preset
from rencgan.training.gan import Players


@dataclass(frozen=True)
class Memory(Objective):
    """LEncGAN's row of switches; the defaults are the model of the listings.

    EncGAN3's separate schedule without noise terms (`noise` puts them back), and an image term
    ||x_k - x_hat_k|| for both encoder and generator, k = `target`; `reference` False leaves it out
    (Figure 4.4). `handed`: see LstmEncoder (Figure 4.5). memory "fc" is EncGAN3's encoder in the
    LSTMs' place, its content stream reading x_k (Figure 4.6; our reading, as it became R_Enc); it
    has nothing to hand on, and its batch norm needs two videos. `forget_bias`: see LstmEncoder; our
    addition, off by default.
    """

    joint: bool = False
    recall_encoder: bool = False
    recall_critic: bool = False
    target: int = 7
    handed: str = "last"
    memory: str = "lstm"
    forget_bias: float = 0.0

    def __post_init__(self):
        if self.handed not in HANDED:
            raise InputError(
                f"what is handed on is one of {', '.join(HANDED)}, not {self.handed!r}"
            )
        if self.memory not in ("lstm", "fc"):
            raise InputError(f"memory is 'lstm' or 'fc', not {self.memory!r}")
        if self.memory == "fc" and self.handed != "nothing":
            raise InputError("fc layers have no state: give handed 'nothing' with memory 'fc'")
        if type(self.target) is not int or not 0 <= self.target < CLIP:
            raise InputError(
                f"the image term's target is one of frames 0 to {CLIP - 1}, not {self.target!r}"
            )
        if type(self.forget_bias) not in (int, float) or not math.isfinite(self.forget_bias):
            raise InputError(f"forget_bias must be a finite number, not {self.forget_bias!r}")
        if self.stitched_clip or self.recall_encoder or self.recall_critic:
            raise InputError("LEncGAN trains on single clips; the switches of recall are R2's")

    def reference_index(self, hop: int) -> int:
        return self.target

    def hop(self, hop: int) -> int:
        return hop_of(self.handed)

    def encoder(self, p: Preset) -> nn.Module:
        return Encoder(p) if self.memory == "fc" else LstmEncoder(p, self.handed, self.forget_bias)

    def encode(self, encoder: nn.Module, clips: Tensor, hop: int, state: State | None = None):
        if self.memory == "fc":
            return super().encode(encoder, clips, hop)
        codes, handed = encoder(clips, state)
        return Codes(*codes), handed


LENCGAN = Memory()
VIDEOS_AT_ONCE = {"mini": 8, "smoke": 2}


def recipe(p: Preset, **changes) -> Preset:
    """A preset as LEncGAN takes it: one video at a time, as published (Section 4.2.4).

    `mini` walks through 8 side by side, its LSTMs half as wide: it has minutes on a CPU. Of its
    additions all apply that EncGAN3 takes: both warm-ups (a single frame is held for the 15 steps
    of a clip), the terms of direction, amount and mean frame, the bounds, the running average.
    Random crops are for single frames only: the clips of a video must fit each other. Those of
    pairs (`w_overlap`, `w_junction`, `rise`, `pair_stride`) have nothing to work on.
    """
    base = {"batch": VIDEOS_AT_ONCE.get(p.name, 1)}
    base |= {"content_features": p.content_features // 2} if p.name == "mini" else {}
    return p.but(**base | changes)


def hand_on(m: Players, begins: Tensor) -> None:
    """The state that the last step left becomes the one that this step begins with; zero for
    videos that begin. begins: (B,) bool, one a video of this step's batch.
    """
    if m.handed is None or begins.all():
        m.memory = None
        return
    begins = begins.to(m.device)[:, None]
    m.memory = State(*(part.masked_fill(begins, 0.0) for part in m.handed))
