"""Every number that the GPT of R3 depends on, beside the preset of the R2 whose codes it reads."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from rencgan.presets.recipe import Recipe

HEADS = ("regression", "mixture", "flow")
FORMATS = ("pad0", "padzs", "disc+cont")


@dataclass(frozen=True)
class GPTPreset(Recipe):
    """The defaults are the GPT as published (thesis, Section 5.4.4), for the tokens of the preset
    `128`; fields that came after the first results stand at what was before (`added`), and the
    published rows of the table set them. Fields that the sources leave open say so.
    """

    added: ClassVar[dict[str, Any]] = {"windows": True, "epochs": 0.0, "scored": 0}
    sizes: ClassVar[tuple[str, ...]] = (  # how large it is, not how it is trained
        *("blocks", "heads", "width", "positions"),
        *("components", "flow_width", "flow_blocks", "euler_steps"),  # of heads of ours
    )

    name: str = "128"
    why: str = "the GPT of R3 as published: 1.36 billion parameters"
    # the transformer
    blocks: int = 48
    heads: int = 24
    width: int = 1536  # of a token; where the latent spaces have as many numbers, they go in bare
    positions: int = 124  # tokens of the longest sequence: 1000 frames at hop 8
    # what it predicts
    head: str = "regression"  # the published one; "mixture" and "flow" are ours
    components: int = 8  # mixture: Gaussians
    flow_width: int = 1536  # flow: of the small network of velocities
    flow_blocks: int = 3
    euler_steps: int = 8  # flow: from noise to a token
    # what it reads
    format: str = "pad0"  # Eq 5.5; "padzs" Eq 5.6; "disc+cont" Eq 5.7
    windows: bool = True  # from random tokens, drawn with replacement; False: whole, by epochs
    directions: int = 0  # leading principal directions of the tokens that it works in; 0: all, bare
    carry: bool = False  # predicts what the least-squares share of the last token leaves over
    starts: int = 1  # first frames from which every training video is encoded; below 1 hop
    context_noise: float = 0.0  # largest noise on the tokens read in training; 0: off
    dropout: float = 0.0  # of what each block adds; not given
    # schedule
    batch: int = 60  # sequences a step: 30 (Sky: 5) on each of two GPUs
    steps: int = 10_000  # Taichi: one batch is one epoch
    epochs: float = 0.0  # over all sequences, which `steps` follow; 0: `steps` count
    scored: int = 0  # moments along a run at which it is scored, the best of them kept; 0: none
    lr: float = 5e-5
    beta1: float = 0.9
    beta2: float = 0.95
    weight_decay: float = 0.01  # not given
    ramp: int = 0  # first steps in which the rate rises
    lr_decay: float = 0.0  # last share of the steps, in which it falls to 0; 0: constant
    largest_gradient: float = 1.0  # norm to which a longer gradient is cut; not given; 0: off
    average: float = 0.0  # decay of the running average of the weights; 0: off
    bf16: bool = True  # autocast to bfloat16 on CUDA, from compute capability 8.0 on

    @property
    def longest(self) -> int:
        """Tokens of one training sequence: two share the positions in the format disc+cont, behind
        their class and lengths.
        """
        return (self.positions - 3) // 2 if self.format == "disc+cont" else self.positions

    def in_steps(self, samples: int) -> Self:
        """What a whole number of batches leaves over is a batch too, as in Section 5.4.4: there one
        of 30 a GPU is all of Taichi.
        """
        batches = -(-samples // self.batch)
        return self.but(steps=max(1, math.ceil(self.epochs * batches))) if self.epochs else self

    def seen(self, sequences: int) -> int:
        """How many sequences the steps take, counted each time, of so many in the set."""
        if self.windows:
            return self.steps * self.batch
        epochs, rest = divmod(self.steps, -(-sequences // self.batch))
        return epochs * sequences + rest * self.batch

    def _problems(self):
        counts = ("blocks", "heads", "width", "components", "flow_width", "flow_blocks")
        counts += ("euler_steps", "starts", "batch", "steps")
        if small := [name for name in counts if getattr(self, name) < 1]:
            yield f"{' and '.join(small)} must be at least 1"
        if self.width % max(self.heads, 1):
            yield f"{self.heads} heads do not divide a width of {self.width}"
        if self.longest < 2:
            yield f"{self.positions} positions do not hold two tokens in the format {self.format!r}"
        for name, known in (("head", HEADS), ("format", FORMATS)):
            if getattr(self, name) not in known:
                yield f"the {name} is one of {', '.join(known)}, not {getattr(self, name)!r}"
        signed = ("directions", "context_noise", "lr", "weight_decay", "ramp", "largest_gradient")
        signed += ("epochs", "scored")
        if wrong := [n for n in signed if not 0 <= getattr(self, n) < float("inf")]:
            yield f"{' and '.join(wrong)} cannot be negative or infinite"
        if not all(0 <= getattr(self, n) < 1 for n in ("beta1", "beta2", "average", "dropout")):
            yield "beta1, beta2, average and dropout must lie in [0, 1)"
        if not 0 <= self.lr_decay <= 1:
            yield f"lr_decay must lie in [0, 1], not {self.lr_decay}"

    def rate(self, step: int) -> float:
        """The factor on `lr` at a step: rising along `ramp`, falling in the last `lr_decay`."""
        rise = min(1.0, (step + 1) / self.ramp) if self.ramp else 1.0
        rest, falling = self.steps - step, self.lr_decay * self.steps
        return rise * (min(1.0, rest / falling) if falling else 1.0)
