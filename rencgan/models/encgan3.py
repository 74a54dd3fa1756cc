"""EncGAN3: the VAE-GAN of one clip (thesis, Chapter 3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from rencgan.data.clips import ClipSampler
from rencgan.models import losses
from rencgan.models.system import Nets, Step, Terms, Turn
from rencgan.models.vaegan import Pass, VaeGan, additions, direction_of, of_clips
from rencgan.presets.preset import Preset


@dataclass(frozen=True)
class EncGAN3(VaeGan):
    """Critics, then the encoder, then the generator behind a fresh forward pass (Algorithm 1).

    maps: Eq. 3.9 and 3.10 in place of Eq. 3.1 and 3.4 (Table 3.6); "encoder": 3.9 alone. sampling:
    of its clips, "step" or "uniform" (see ClipSampler). Parts of the networks are left out by the
    preset (Tables 3.4 and 3.5).
    """

    kind: ClassVar[str] = "encgan3"
    prior: ClassVar[str | None] = "entire video"
    always: ClassVar[dict[str, Any]] = {
        "joint": False,
        "reference": False,
        "recall_encoder": False,
        "recall_critic": False,
    }
    added: ClassVar[dict[str, Any]] = {"sampling": "step"}

    choices: ClassVar[dict[str, tuple]] = {"maps": (True, False, "encoder")}

    noise: bool = True
    maps: bool | str = False
    sampled: bool = True
    sampling: str = "step"

    @classmethod
    def asked(cls, hop: int, steps: tuple[int, int]) -> dict[str, Any]:
        """Clips skip frames as the data set's row of the table says."""
        return {"step_range": steps}

    def frame_steps(self, p: Preset) -> tuple[int, int]:
        return p.step_range

    def title(self, p: Preset) -> str:
        return "EncGAN3"

    def recipe(self, base: Any = None) -> dict[str, Any]:
        switches = self.switches()
        other = {"sampling": switches.pop("sampling")} if "sampling" in switches else {}
        return other | {"kind": self.kind, "objective": switches}

    def reads(self, job: Any, known: Any = None) -> ClipSampler:
        steps = job.preset.step_range
        return ClipSampler(job.videos(), self.sampling, step_range=steps, seed=job.seed)

    def play(self, nets: Nets, s: Step) -> Iterator[Turn]:
        """Algorithm 1."""
        f = self.forward(nets, s, s.chance[0], s.x, self.noise)
        yield from self.critics(nets, s, f, losses.eq_3_6, losses.eq_3_5)
        yield "encoder", lambda: self.encoder_loss(s, f)
        g = self.again(nets, s, f)
        yield "generator", lambda: self.generator_loss(nets, s, g)

    def encoder_loss(self, s: Step, f: Pass) -> Terms:
        equation = losses.eq_3_9 if self.maps else losses.eq_3_1
        return equation(f.clips, f.x_hat, f.codes) | self.additions(s.p, f)

    def generator_loss(self, nets: Nets, s: Step, f: Pass) -> Terms:
        equation = losses.eq_3_10 if self.maps is True else losses.eq_3_4
        return equation(f.clips, f.x_hat, *self.judged(nets, s, f)) | self.additions(s.p, f)

    def additions(self, p: Preset, f: Pass) -> Terms:
        """Our own terms, where the preset gives them weight."""
        direction = {"direction": direction_of((f.clips, f.x_hat))}
        return additions(p, direction | of_clips(f.clips, f.x_hat))
