"""A few frames of every video with the times at which they stand; every sample is a function of
(seed, step, row).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from rencgan.core.errors import InputError
from rencgan.core.files import ahead
from rencgan.data.clips import order_of
from rencgan.data.pixels import as_clips
from rencgan.data.videoset import VideoSet

FAKES = 2  # sets of times for generated videos: the generator's turn, the discriminator's


class Sparse(NamedTuple):
    """x: k frames of B videos, (B, 3, k, H, W) in [-1, 1]; t: their times, (B, k) float64, in
    frames; fake_t: times for generated videos, (2, B, k).
    """

    x: Tensor
    t: Tensor
    fake_t: Tensor


class SparseFrames:
    """Chooses k frames of a window of at most `longest`: their whole distance D first, uniform over
    `distances` (none: k - 1 to `largest`) as far as the video reaches, then where they begin, then
    those between, without repetition. Generated videos get times by the same rule, with the length
    of a random video and a first time that is no whole number.

    An epoch visits every video once. Videos that are too short for k frames or for every distance
    are left out; `skipped` names them.
    """

    def __init__(
        self,
        videos: VideoSet,
        k: int,
        longest: int,
        largest: int = 32,
        distances: Sequence[int] = (),
        flips: bool = False,
        seed: int = 0,
    ):
        if k < 2:
            raise InputError(f"at least 2 frames of a video are needed, not {k}")
        if seed < 0:
            raise InputError(f"the seed must be 0 or more, not {seed}")
        self.videos, self.k, self.longest, self.flips, self.seed = videos, k, longest, flips, seed
        allowed = sorted(distances) or range(k - 1, largest + 1)
        self.allowed = np.array([d for d in allowed if k - 1 <= d < longest], int)
        if not len(self.allowed):
            raise InputError(f"{k} frames do not fit into any of the distances {list(allowed)}")
        least = int(self.allowed[0]) + 1
        self.items = [(v.start, v.length) for v in videos.videos if v.length >= least]
        self.skipped = [v.name for v in videos.videos if v.length < least]
        if not self.items:
            raise InputError(
                f"no video has the {least} frames that {k} frames and their distances take; "
                f"the longest has {max((v.length for v in videos.videos), default=0)}"
            )

    @property
    def size(self) -> int:
        """H = W of its frames, pixels."""
        return self.videos.size

    @property
    def samples(self) -> int:
        """Videos of an epoch."""
        return len(self.items)

    def times(self, rng: np.random.Generator, frames: int, whole: bool) -> np.ndarray:
        """k times in a video of so many frames, increasing, a whole number apart: (k,) float64.
        whole: whether they stand at frames.
        """
        last = min(frames, self.longest) - 1
        d = int(rng.choice(self.allowed[self.allowed <= last]))
        inner = rng.choice(np.arange(1, d), self.k - 2, replace=False) if self.k > 2 else []
        first = rng.integers(last - d + 1) if whole else rng.random() * (last - d)
        return first + np.sort([0, *inner, d])

    def sample(self, step: int, batch: int, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Frames (k, H, W, 3) uint8 of one row of a batch, and all its times (1 + FAKES, k)."""
        epoch, place = divmod(step * batch + row, len(self.items))
        start, length = self.items[order_of(self.seed, epoch, len(self.items))[place]]
        rng = np.random.default_rng([self.seed, 3, step, row])
        window = int(rng.integers(max(1, length - self.longest + 1)))
        t = self.times(rng, length, whole=True)
        frames = self.videos.frames[start + window + t.astype(int)]
        if self.flips and rng.random() < 0.5:
            frames = frames[:, :, ::-1]
        others = rng.integers(len(self.items), size=FAKES)
        fakes = [self.times(rng, self.items[i][1], whole=False) for i in others]
        return frames, np.stack([t, *fakes])

    def stream(
        self, first: int, last: int, size: Callable[[int], tuple[str, int, slice]], device
    ) -> Iterator[Sparse]:
        """Batches `first` to `last` - 1 on the device, the next one read while this one trains.
        size(step): as ClipSampler has it.
        """

        def load(step: int) -> tuple[np.ndarray, np.ndarray]:
            _, batch, rows = size(step)
            each = [self.sample(step, batch, row) for row in range(batch)[rows]]
            return tuple(map(np.stack, zip(*each, strict=True)))

        for frames, times in ahead(load, range(first, last)):
            t = torch.from_numpy(times).to(device).transpose(0, 1)
            yield Sparse(as_clips(frames, device), t[0], t[1:])
