"""Codes that a video from nothing can begin with (ours).

Published they are drawn from N(0, I). The KL terms weigh so little that the codes of clips fill a
small part of it, and a clip from N(0, I) is one that the model has hardly been taught to draw. So
a Gaussian is fitted to the codes of training clips once they are trained: ex-post density
estimation (Ghosh et al., From Variational to Deterministic Autoencoders, ICLR 2020).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

WAYS = ("noise", "ex-post")
DIRECTIONS, CLIPS = 64, 1024  # of the Gaussian; at most so many clips tell it


@dataclass(frozen=True)
class Start:
    """mean (d,); spread (k, d): principal directions of the codes, as long as their deviation."""

    mean: Tensor
    spread: Tensor

    @classmethod
    def fitted(cls, codes: Tensor) -> "Start":
        """To codes (n, d), n >= 2: along their leading directions, at most DIRECTIONS."""
        x = codes.double()
        mean = x.mean(0)
        _, lengths, basis = torch.linalg.svd(x - mean, full_matrices=False)
        spread = lengths[:DIRECTIONS, None] / (len(x) - 1) ** 0.5 * basis[:DIRECTIONS]
        largest = spread.gather(1, spread.abs().argmax(1, keepdim=True))
        return cls(mean.float(), (spread * largest.sign()).float())  # a direction has no sign

    def codes(self, z_c: Tensor, z_m: Tensor) -> tuple[Tensor, ...]:
        """Standard normal noise (..., d_c), (..., d_m) to codes of these shapes."""
        mean, spread = self.mean.to(z_c), self.spread.to(z_c)
        z = mean + torch.cat([z_c, z_m], dim=-1)[..., : len(spread)] @ spread
        return z.split([z_c.shape[-1], z_m.shape[-1]], dim=-1)
