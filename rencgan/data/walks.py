"""Whole videos clip by clip, several side by side: what LEncGAN trains on."""

from bisect import bisect_right

import numpy as np
import torch
from torch import Tensor

from rencgan.data.clips import ClipSampler
from rencgan.data.hops import CLIP, clip_count
from rencgan.data.videoset import VideoSet


class WholeVideos(ClipSampler):
    """Every row of a batch walks through videos of its own: clip after clip, `hop` frames apart,
    to the end of one video, then from the start of another.

    A row visits every video once an epoch, in an order drawn from (seed, row, epoch), so where it
    is can be told from the step alone. Videos may differ in length, and rows do not wait for each
    other; frames at the end of a video that make no clip are not used. All rows begin anew at each
    of the steps `anew`. Videos of less than 16 frames are left out; `skipped` names them.
    """

    def __init__(self, videos: VideoSet, hop: int, anew: tuple[int, ...] = (0,), seed: int = 0):
        super().__init__(videos, "step", step_range=(1, 1), seed=seed)
        self.hop, self.anew = hop, sorted(set(anew))
        self.counts = np.array([clip_count(length, hop) for _, length in self.items])

    def place(self, step: int, row: int) -> tuple[int, int]:
        """The video (an index of `items`) and the clip of it that a row is at."""
        walk = bisect_right(self.anew, step) - 1
        epoch, clip = divmod(step - self.anew[walk], int(self.counts.sum()))
        rng = np.random.default_rng([self.seed, walk, row, epoch])
        order = rng.permutation(len(self.items))
        ends = self.counts[order].cumsum()
        i = int(np.searchsorted(ends, clip, side="right"))
        return int(order[i]), int(clip - ends[i] + self.counts[order[i]])

    def batch(self, step: int, batch: int, rows: slice = slice(None)) -> np.ndarray:
        """One clip of every row: (b, 16, H, W, 3) uint8, however long the videos are."""
        places = [self.place(step, row) for row in range(batch)[rows]]
        starts = [self.items[video][0] + self.hop * clip for video, clip in places]
        return np.stack([self.videos.frames[s : s + CLIP] for s in starts])

    def begins(self, step: int, batch: int, rows: slice = slice(None)) -> Tensor:
        """Which rows are at the first clip of a video: (b,) bool."""
        return torch.tensor([self.place(step, row)[1] == 0 for row in range(batch)[rows]])

    def frames_of(self, epoch: int, position: int) -> np.ndarray:
        """The first clip of the `position`-th video of an epoch: what sample grids show."""
        start, _ = self.items[self._order(epoch)[position]]
        return np.arange(start, start + CLIP)
