"""From prepared videos to batches of clips or pairs; every sample is a function of (seed, epoch,
index).
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from rencgan.core.device import sent
from rencgan.core.errors import InputError
from rencgan.core.files import ahead
from rencgan.data.hops import CLIP, check_hop, clip_count
from rencgan.data.pixels import as_clips
from rencgan.data.videoset import VideoSet

KINDS = ("pairs", "step", "uniform", "first")


@lru_cache(4)
def order_of(seed: int, epoch: int, n: int) -> np.ndarray:
    """Of an epoch. Kept outside the sampler: two threads read it."""
    return np.random.default_rng([seed, epoch]).permutation(n)


class ClipSampler:
    """Chooses frames for training (spec of the data, thesis 3.4.1 and 4.3).

    "pairs"    16 + hop consecutive frames; a new pair starts every `stride` frames (default: hop);
               `clips` overlapping clips, 16 + (clips - 1) hop frames, where roll-outs ask for more
    "step"     16 frames from a random start, `step` apart; one random step of those that fit
    "uniform"  the video in 16 equal segments, one random frame from each
    "first"    the first 16 frames; a shorter video is padded with its last one
    An epoch visits every pair (or, for the others, every video) once, in an order drawn from the
    seed. Videos too short for one sample are left out; `skipped` names them. frames: of a sample of
    "step" and "first", in place of 16.
    """

    def __init__(
        self,
        videos: VideoSet,
        kind: str,
        hop: int = 8,
        stride: int | None = None,
        step_range: tuple[int, int] = (1, 3),
        seed: int = 0,
        clips: int = 2,
        frames: int = CLIP,
    ):
        if kind not in KINDS:
            raise InputError(f"sampling is one of {', '.join(KINDS)}, not {kind!r}")
        if seed < 0:
            raise InputError(f"the seed must be 0 or more, not {seed}")
        check_hop(hop)
        if stride is not None and stride < 1:
            raise InputError(f"pairs start every 1 frame or more, not every {stride}")
        if clips < 2:
            raise InputError(f"a pair has at least 2 clips, not {clips}")
        self.videos, self.kind, self.seed, self.step_range = videos, kind, seed, step_range
        if frames < 1 or (frames != CLIP and kind not in ("step", "first")):
            raise InputError(f"samples of {kind!r} have no {frames} frames")
        self.length = CLIP + (clips - 1) * hop if kind == "pairs" else frames
        shortest = {"step": (frames - 1) * step_range[0] + 1, "first": 1}.get(kind, self.length)
        rows = [(v.start, v.length) for v in videos.videos if v.length >= shortest]
        self.skipped = [v.name for v in videos.videos if v.length < shortest]
        if not rows:
            raise InputError(
                f"no video has the {shortest} frames that one training sample takes; "
                f"the longest has {max((v.length for v in videos.videos), default=0)}"
            )
        self.items = rows
        if kind == "pairs":
            every = stride or hop
            self.items = [(s + o, 0) for s, n in rows for o in range(0, n - self.length + 1, every)]

    @property
    def size(self) -> int:
        """H = W of its frames, pixels."""
        return self.videos.size

    def __len__(self) -> int:
        """Samples in an epoch."""
        return len(self.items)

    @property
    def samples(self) -> int:
        """Of an epoch, as a schedule counts them."""
        return len(self)

    def order(self, epoch: int) -> np.ndarray:
        """In which an epoch takes the items."""
        return order_of(self.seed, epoch, len(self.items))

    def frames_of(self, epoch: int, position: int) -> np.ndarray:
        """Rows of the frame array that the `position`-th sample of an epoch is made of."""
        index = self.order(epoch)[position]
        start, n = self.items[index]
        if self.kind == "pairs":
            return np.arange(start, start + self.length)
        if self.kind == "first":
            return start + np.minimum(np.arange(self.length), n - 1)
        rng = np.random.default_rng([self.seed, epoch, int(index)])
        if self.kind == "uniform":
            edges = np.linspace(0, n, CLIP + 1)
            return start + (edges[:-1] + rng.random(CLIP) * np.diff(edges)).astype(int)
        low, high = self.step_range
        last = self.length - 1
        fitting = [s for s in range(low, high + 1) if last * s + 1 <= n]
        step = int(rng.choice(fitting))
        first = start + int(rng.integers(n - last * step))
        return first + step * np.arange(self.length)

    def batch(self, step: int, batch: int, rows: slice = slice(None)) -> np.ndarray:
        """The `step`-th batch: (b, T, H, W, 3) uint8, the given rows of it."""
        numbers = range(step * batch, (step + 1) * batch)[rows]
        index = [self.frames_of(*divmod(n, len(self.items))) for n in numbers]
        return self.videos.frames[np.stack(index)]

    def stills(self, step: int, batch: int, rows: slice = slice(None)) -> np.ndarray:
        """Single frames of the videos, drawn from (seed, step): (b, 1, H, W, 3) uint8."""
        rng = np.random.default_rng([self.seed, 1, step])
        lengths = np.array([v.length for v in self.videos.videos])
        numbers = rng.integers(lengths.sum(), size=batch)[rows]
        video = np.searchsorted(lengths.cumsum(), numbers, side="right")
        starts = np.array([v.start for v in self.videos.videos]) - (lengths.cumsum() - lengths)
        return self.videos.frames[numbers + starts[video]][:, None]

    def stream(
        self, first: int, last: int, size: Callable[[int], tuple[str, int, slice]], device
    ) -> Iterator[Tensor]:
        """Batches `first` to `last` - 1 as clips on the device, the next one read while this one
        trains. size(step) says what a step takes: ("batch" or "stills", how many, which rows).
        """
        pin = torch.device(device).type == "cuda"

        def load(step: int) -> Tensor:
            kind, batch, rows = size(step)
            frames = torch.from_numpy(getattr(self, kind)(step, batch, rows))
            return frames.pin_memory() if pin else frames

        for frames in ahead(load, range(first, last)):
            yield as_clips(frames, device)


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

    @property
    def samples(self) -> int:
        """Clips of all videos: what the rows of a batch go through together in an epoch."""
        return int(self.counts.sum())

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
        start, _ = self.items[order_of(self.seed, epoch, len(self.items))[position]]
        return np.arange(start, start + CLIP)


def crops(x: Tensor, smallest: float, seed: int, step: int, joint: int, rows: slice) -> Tensor:
    """Every sample shows a square part of its frames, the same in all of them, at full size again.

    x: (b, 3, T, H, W), the given rows of a joint batch, whose chance is drawn from (seed, step).
    The side of the part is uniform in [smallest, 1] of the frame's, its place uniform. Single
    frames (T = 1) are mirrored half of the time; clips are not, because which way things move
    belongs to a scene. smallest = 1 returns x untouched, as the faithful configuration has it: our
    addition, so that few videos stand for more framings of the same scenes.
    """
    if smallest == 1:
        return x
    rng = torch.Generator().manual_seed(seed * 1_000_003 + step)
    chance = sent(torch.rand(4, joint, generator=rng)[:, rows], x.device)
    b, _, frames, h, w = x.shape
    side = smallest + (1 - smallest) * chance[0]
    theta = x.new_zeros(b, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = side
    theta[:, :, 2] = ((1 - side) * (2 * chance[1:3] - 1)).T
    if frames == 1:
        theta[:, 0, 0] *= torch.where(chance[3] < 0.5, -1.0, 1.0)
    flat = x.transpose(1, 2).reshape(b, frames * 3, h, w)
    grid = affine_grid(theta, flat.shape, align_corners=False)
    # Bilinear would take a fifth of the sharpness and a sixth of the motion away.
    y = grid_sample(flat, grid, "bicubic", padding_mode="border", align_corners=False).clamp(-1, 1)
    y = y.unflatten(1, (frames, 3)).permute(0, 1, 3, 4, 2).contiguous()  # channels last
    return y.permute(0, 4, 1, 2, 3)
