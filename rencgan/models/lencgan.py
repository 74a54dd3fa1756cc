"""LEncGAN: EncGAN3 whose encoder remembers, by two LSTMs, the clips before (thesis, Section 4.2).

x    (B, 3, 16, H, W)   clip after clip of B videos, in [-1, 1]     w  width of both LSTMs
h    (B, w)             an LSTM's output (hidden state)             c  (B, w) its cell state

Generator and critics are EncGAN3's. This is the control that the recall mechanism has to beat.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from rencgan.core.device import sent
from rencgan.core.errors import InputError
from rencgan.data.clips import WholeVideos
from rencgan.data.hops import CLIP, clip_count
from rencgan.data.pixels import as_clips
from rencgan.models import losses, sampling
from rencgan.models.encgan3 import EncGAN3
from rencgan.models.networks import (
    Codes,
    Encoder,
    bounded,
    difference_maps,
    fc_set,
    frame_features,
)
from rencgan.models.system import Nets, Phase, Step, Terms, Turn
from rencgan.models.vaegan import Pass
from rencgan.presets.preset import Preset

READ = CLIP - 1  # T_c: frames x_0..x_14 and maps v_1..v_15 that the LSTMs read of a clip
MIDDLE = 8  # of them up to the middle: x_0..x_7 and v_1..v_8
HANDED = ("last", "cell", "output", "nothing")


def hop_of(handed: str) -> int:
    """From one clip to the next: 15 where the last state is handed on, so that no frame is read
    twice; 8 where it is the middle one (Section 4.5.2), and for its control, nothing.
    """
    return READ if handed == "last" else MIDDLE


class State(NamedTuple):
    """What one clip hands to the next: output and cell state of both LSTMs, (B, w) each."""

    h_c: Tensor
    c_c: Tensor
    h_m: Tensor
    c_m: Tensor


def _stream(p: Preset) -> nn.Sequential:
    """Content's convolutions and fc sets of EncGAN3: (N, 3, H, W) to (N, w). The motion stream
    mirrors it (Section 4.2.4), so it has strides where EncGAN3's has pools.
    """
    hidden = [p.encoder_widths[-1] * 16, *p.encoder_hidden, p.content_features]
    fc = [fc_set(a, b) for a, b in zip(hidden, hidden[1:], strict=False)]
    return nn.Sequential(frame_features(p, pooled=False), *fc)


class LstmEncoder(nn.Module):
    """Two streams, each with a one-layer LSTM as wide as content's last fc set: 512 as published.

    x: (B, 3, 16, H, W) in [-1, 1]; state: that of the clip before, None at the start of a video,
    when it is zero. Returns Codes and the State for the clip after, detached (Algorithm 4, lines
    14 and 15).

    The content LSTM reads x_0..x_14, the motion LSTM v_1..v_15 (Algorithm 3). The cell state after
    the last of them stands for the latent space, which has a mean and a log-variance: EncGAN3's
    layers for these sit on it (our reading; the listings sample it as it is). `handed` is one of

    "last"     (h, c) after the last step, as in Algorithms 4 and 5; the next clip is 15 frames on
    "cell"     (0, c) after x_7 and v_8; it is 8 frames on, as in the next two (Section 4.5.2)
    "output"   (h, 0) after x_7 and v_8
    "nothing"  every clip begins at zero

    `forget_bias` is added to the first bias of the forget gates. At 0, PyTorch's default, they let
    half of a cell through a step, so that next to nothing of a clip reaches the end of the next;
    above 0 is our addition.

    Batch norm sees the 15 B frames as its batch, so one video trains.
    """

    def __init__(self, p: Preset, handed: str = "last", forget_bias: float = 0.0):
        super().__init__()
        self.handed, self.largest_logvar = handed, p.largest_logvar
        w, e = p.content_features, p.motion_features
        self.content, self.motion = _stream(p), _stream(p)
        self.content_lstm, self.motion_lstm = (nn.LSTM(w, w, batch_first=True) for _ in range(2))
        self.mu_c = nn.Linear(w, p.content_dim)
        self.logvar_c = nn.Linear(w, p.content_dim)
        self.mu_m, self.logvar_m = (
            nn.Sequential(
                nn.Linear(w, 4 * e), nn.ReLU(inplace=True), nn.Linear(4 * e, p.motion_dim)
            )
            for _ in range(2)
        )
        with torch.no_grad():  # as in EncGAN3's encoder
            self.logvar_c.bias += p.initial_logvar
            self.logvar_m[-1].bias += p.initial_logvar
            self.mu_m[-1].weight *= p.motion_gain
            for lstm in (self.content_lstm, self.motion_lstm):
                lstm.bias_hh_l0.chunk(4)[1].add_(forget_bias)

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Codes, State | None]:
        return self.remember(*self.embeddings(x), state)

    def embeddings(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What the LSTMs read: (B, 15, w) of frames and (B, 15, w) of difference maps."""
        if x.ndim != 5 or x.shape[1:3] != (3, CLIP):
            raise InputError(f"the encoder reads clips (B, 3, 16, H, W), not {tuple(x.shape)}")
        parts = (self.content, x[:, :, :READ]), (self.motion, difference_maps(x))
        return tuple(
            stream(y.transpose(1, 2).flatten(0, 1)).unflatten(0, (len(x), READ))
            for stream, y in parts
        )

    def remember(
        self, e_c: Tensor, e_m: Tensor, state: State | None = None
    ) -> tuple[Codes, State | None]:
        """The LSTMs on the embeddings (B, 15, w) of one clip: its Codes, and the State after it."""
        if state is not None and state[0].shape != e_c[:, 0].shape:
            raise InputError(
                f"the state of {len(state[0])} videos does not go with clips of {len(e_c)}"
            )
        h_c, c_c, h_m, c_m = state or (None,) * 4
        content, kept_c = self._read(self.content_lstm, e_c, h_c, c_c)
        motion, kept_m = self._read(self.motion_lstm, e_m, h_m, c_m)
        mu_c, logvar_c = self._content_space(content)
        logvar_m = bounded(self.logvar_m(motion), self.largest_logvar)
        codes = Codes(mu_c, logvar_c, self.mu_m(motion), logvar_m)
        if self.handed == "nothing":
            return codes, None
        return codes, State(*(part.detach().float() for part in (*kept_c, *kept_m)))

    def _read(self, lstm: nn.LSTM, e: Tensor, h: Tensor | None, c: Tensor | None):
        """The cell state (B, w) after the last step, and (h, c) to hand on."""
        at = None if h is None else (h[None], c[None])
        if self.handed in ("last", "nothing"):
            h, c = last_state(lstm, e, at)
            return c[0], (h[0], c[0])
        h, c = last_state(lstm, e[:, :MIDDLE], at)
        kept = (torch.zeros_like(h), c) if self.handed == "cell" else (h, torch.zeros_like(c))
        _, last = last_state(lstm, e[:, MIDDLE:], (h, c))
        return last[0], tuple(part[0] for part in kept)

    def content_space(self, frame: Tensor) -> tuple[Tensor, Tensor]:
        """One frame (B, 3, H, W), held for the 15 steps of a clip, to mean and log-variance of its
        content, (B, d_c) each: what the warm-up on single frames trains.
        """
        held = self.content(frame)[:, None].expand(-1, READ, -1)
        return self._content_space(last_state(self.content_lstm, held)[1][0])

    def _content_space(self, cell: Tensor) -> tuple[Tensor, Tensor]:
        return self.mu_c(cell), bounded(self.logvar_c(cell), self.largest_logvar)


def last_state(lstm: nn.LSTM, e: Tensor, at: tuple[Tensor, Tensor] | None = None):
    """The (h, c) after the last step. In float32 under autocast too: cuDNN's LSTM would take
    float16, in which most gradients of a clip's early frames are lost.
    """
    kind = e.device.type
    with torch.autocast(kind if torch.amp.is_autocast_available(kind) else "cpu", enabled=False):
        return lstm(e.float(), at)[1]


# --------------------------------------------------------------------------------------- the system


@dataclass(frozen=True)
class LEncGAN(EncGAN3):
    """EncGAN3's schedule without noise terms (Algorithms 3 and 4; `noise` puts them back), and an
    image term ||x_k - x_hat_k|| for both encoder and generator, k = `target`; `reference` False
    leaves it out (Figure 4.4).

    A step is one clip of every video of the batch; the state that it hands on belongs to a run as
    its weights do, and is saved with them. handed, forget_bias: see LstmEncoder (Figure 4.5; our
    addition). memory "fc" is EncGAN3's encoder in the LSTMs' place, its content stream reading x_k
    (Figure 4.6; our reading, as it became R_Enc); it has nothing to hand on, and its batch norm
    needs two videos.
    """

    kind: ClassVar[str] = "lencgan"
    prior: ClassVar[str | None] = "entire video"
    always: ClassVar[dict[str, Any]] = {
        "joint": False,
        "recall_encoder": False,
        "recall_critic": False,
    }
    any_hop: ClassVar[bool] = False
    alone: ClassVar[str] = "the state of its videos is not shared"

    noise: bool = False
    reference: bool = True
    target: int = 7
    handed: str = "last"
    memory: str = "lstm"
    forget_bias: float = 0.0

    def __post_init__(self):
        super().__post_init__()
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
        if self.sampling != "step":
            raise InputError("sampling is EncGAN3's; LEncGAN reads consecutive frames")

    @classmethod
    def asked(cls, hop: int, steps: tuple[int, int]) -> dict[str, Any]:
        return {}

    def frame_steps(self, p: Preset) -> tuple[int, int]:
        return 1, 1

    def title(self, p: Preset) -> str:
        return "LEncGAN"

    def warmed(self, p: Preset) -> int:
        return 0

    def hop(self, p: Preset) -> int:
        return hop_of(self.handed)

    def reference_frame(self, r: int) -> int:
        return self.target

    def encoder(self, p: Preset) -> nn.Module:
        return Encoder(p) if self.memory == "fc" else LstmEncoder(p, self.handed, self.forget_bias)

    def reads(self, job: Any, known: Any = None) -> WholeVideos:
        """The warm-ups have batches of their own, so all rows begin anew behind each."""
        p = job.preset
        anew = (p.warmup, p.warmup + p.motion_warmup)
        return WholeVideos(job.videos(), self.hop(p), anew, job.seed)

    def phase(self, step: int, p: Preset) -> Phase:
        """Clips stay whole: those of a video must fit."""
        found = super().phase(step, p)
        return found if found.name == "stills" else replace(found, crop=1.0)

    def turns(self, nets: Nets, s: Step) -> Iterator[Turn]:
        if s.phase.name != "stills":
            self.begin(s)
        yield from super().turns(nets, s)
        s.memory.pop("state", None)

    def begin(self, s: Step) -> None:
        """The state that the last step left becomes the one that this step begins with; zero for
        videos that begin.
        """
        begins = s.reader.begins(s.number, s.phase.batch, s.rows)
        if "handed" in s.memory and not begins.all():
            begins = sent(begins, s.x.device)[:, None]
            s.memory["state"] = [part.masked_fill(begins, 0.0) for part in s.memory["handed"]]

    def encode(self, nets: Nets, clips: Tensor, r: int, memory: dict) -> Codes:
        if self.memory == "fc":
            return super().encode(nets, clips, r, memory)
        state = State(*memory["state"]) if "state" in memory else None
        codes, handed = nets["encoder"](clips, state)
        memory.pop("handed", None)
        if handed is not None:
            memory["handed"] = list(handed)
        return codes

    def encoder_loss(self, s: Step, f: Pass) -> Terms:
        return self.image_term(f) | super().encoder_loss(s, f)

    def generator_loss(self, nets: Nets, s: Step, f: Pass) -> Terms:
        return self.image_term(f) | super().generator_loss(nets, s, f)

    def image_term(self, f: Pass) -> Terms:
        return losses.reference_term(f.clips, f.x_hat, self.target) if self.reference else {}

    # ---------------------------------------------------------------------------------- long video

    def generate(
        self,
        model: Any,
        frames: int | None = None,
        *,
        hop: int | None = None,
        candidates: int = 1,
        **options,
    ) -> Iterator[Tensor]:
        """Algorithm 5: footage (T, H, W, 3) uint8 to a long video. Of every clip the first `hop`
        frames are kept, of the last all 16: m clips at hop 15 make 15 m + 1 frames. (In print clips
        have 15 frames, for T_c = 15 is their largest index.)
        """
        if hop not in (None, model.hop):
            raise InputError(
                f"this LEncGAN was trained with clips {model.hop} frames apart, not {hop!r}"
            )
        if candidates != 1:
            raise InputError(
                f"VDrej is not part of LEncGAN: give 1 candidate a clip, not {candidates!r}"
            )
        return super().generate(model, frames, **options)

    def spaces(self, model: Any, footage: np.ndarray, hop: int) -> Iterator[Codes]:
        if self.memory == "fc":
            return super().spaces(model, footage, hop)
        return latent_spaces(model.nets["encoder"], footage)


@torch.no_grad()
def latent_spaces(encoder: LstmEncoder, video: np.ndarray) -> Iterator[Codes]:
    """The latent spaces of a video's clips, one (1, d) Codes a clip, in order (Algorithm 5).

    video: (T, H, W, 3) uint8, T >= 16 (may be memory-mapped). Several clips pass the convolutions
    at once; the LSTMs read them one after the other.
    """
    hop, device, state = hop_of(encoder.handed), next(encoder.parameters()).device, None
    starts = range(0, hop * clip_count(len(video), hop), hop)
    for first in range(0, len(starts), sampling.BATCH):
        clips = np.stack([video[s : s + CLIP] for s in starts[first : first + sampling.BATCH]])
        embeddings = encoder.embeddings(as_clips(clips, device))
        for e_c, e_m in zip(*(e.split(1) for e in embeddings), strict=True):
            codes, state = encoder.remember(e_c, e_m, state)
            yield Codes(*(part.float() for part in codes))
