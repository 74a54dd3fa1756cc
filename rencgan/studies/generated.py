"""From a trained system to videos: the only such place, for studies, notebooks and command line.

What a system needs is what it sees when it generates (its `prior`): footage of the whole video, a
first clip, or nothing. A way of drawing codes is "sample", "mean" or "VDrej"; those of R3 begin
with its method ("robust sample"), and one of AR2 that starts otherwise with how ("ex-post mean").
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from rencgan.core.progress import Progress
from rencgan.data.hops import CLIP, clip_count, clips_for, paced, spaced
from rencgan.data.pixels import as_clips, as_frames
from rencgan.data.videoset import VideoSet
from rencgan.evaluate import cost
from rencgan.models import starts
from rencgan.models.networks import draw
from rencgan.models.trained import Trained
from rencgan.studies.unseen import LONG, REACH

CANDIDATES = 20  # among which VDrej chooses
BATCH = 16  # clips that a model makes at a time
FOOTAGE, FIRST_CLIP = "entire video", "first clip"  # what a system sees: System.prior
Videos = Sequence[np.ndarray]  # each (T, H, W, 3) uint8


def options_of(way: str, candidates: int | None = None) -> dict:
    """What a way of drawing codes asks of a model. candidates: of VDrej."""
    method, _, codes = way.rpartition(" ")
    found = {"codes": "mean" if codes == "mean" else "sample"}
    found["candidates"] = (candidates or CANDIDATES) if codes == "VDrej" else 1
    if method in starts.WAYS:
        return found | {"start": method}
    return found | ({"method": method} if method else {})


def made_by(
    model: Trained,
    way: str,
    footage: Videos,
    frames: int,
    seed: int,
    subjects: Sequence[str] = (),
    told: bool = True,
    **options,
) -> list[np.ndarray]:
    """One video of `frames` frames, (frames, H, W, 3) uint8, for every piece of footage, which has
    REACH more. A system that sees a first clip looks at no more, and is told whom it shows where it
    asks; one that sees nothing makes as many. Seeds that differ share no noise. told: with a
    progress bar, where they are made one by one.
    """
    options = options_of(way) | options
    if not len(footage):
        return []
    if model.system.prior == FOOTAGE:
        label = f"{model.name}, {way}: videos of {frames} frames"
        each = _told(footage, label) if told else enumerate(footage)
        reach = frames + REACH
        return [
            model.videos(frames, footage=video[:reach], seed=seed * 1000 + i, **options)[0]
            for i, video in each
        ]
    reach = frames + model.hop  # a clip more: the last one is not cut to its hop
    if model.system.prior == FIRST_CLIP:
        options["first_clip"] = np.stack([v[:CLIP] for v in footage])
        if len(subjects) and model.system.asks_subjects(model.preset):
            options["subjects"] = subjects
    else:
        options["videos"] = len(footage)
    return list(model.videos(reach, seed=seed, **options)[:, :frames])


def _told(videos: Videos, label: str) -> Iterator[tuple[int, np.ndarray]]:
    """The videos and their numbers, with a progress bar."""
    with Progress(len(videos), label) as bar:
        for i, video in enumerate(videos):
            yield i, video
            bar.update(i + 1)


def pieces_of(model: Trained, frames: int, footage: np.ndarray, way: str = "sample", **options):
    """One video as a stream of pieces (1, 3, t, H, W); footage is gone through to and fro where it
    is shorter.
    """
    options = options_of(way) | {"seed": 0} | options
    if model.system.prior == FOOTAGE:
        return model.generate(footage=cost.Looped(footage, frames), **options)
    if model.system.prior == FIRST_CLIP:
        options["first_clip"] = footage[None, :CLIP]
    return model.generate(frames, **options)


def seconds_for_1000(model: Trained, way: str, footage: np.ndarray) -> float | None:
    """Seconds for one video of 1000 frames, each dropped as it is made: the median of 3 times of
    13 clips, scaled by clips. How busy the machine is goes into it. None of what makes none.
    """
    if model.system.longest:
        return None
    frames = model.hop * 12 + CLIP

    def work() -> None:
        for piece in pieces_of(model, frames, footage, way):
            as_frames(piece[0])

    times = sorted(cost.seconds(work) for _ in range(3))
    count = clip_count if model.system.prior == FOOTAGE else clips_for
    given = int(model.system.prior == FIRST_CLIP)  # its first clip is real
    return times[1] * (clips_for(LONG, model.hop) - given) / (count(frames, model.hop) - given)


# ------------------------------------------------------------------------------------- single clips


def clips_of(
    videos: VideoSet, count: int, steps: tuple[int, int] = (1, 1), last: bool = False
) -> np.ndarray:
    """`count` clips (count, 16, H, W, 3), shared evenly among the videos: of each the first one,
    then others evenly spaced, their steps from frame to frame all of a range in turn. last: of each
    the last one first, then others before it.
    """
    found, chosen = [], spaced(len(videos), count)
    for i in range(count):
        turn, k = divmod(i, len(chosen))
        video, of = videos.video(chosen[k]), -(-count // len(chosen))
        step = paced(steps, turn + k, len(video))
        span = (CLIP - 1) * step + 1
        spare = len(video) - span
        start = spare * (of - turn) // of if last else spare * turn // max(1, of - 1)
        found.append(video[start : start + span : step])
    return np.stack(found)


def clips_from_noise(model: Trained, count: int, seed: int) -> np.ndarray:
    """Clips of a model from codes drawn from N(0, I): (count, 16, H, W, 3) uint8."""
    rng = torch.Generator().manual_seed(seed)
    dims = (model.preset.content_dim, model.preset.motion_dim)
    z = [torch.randn(count, n, generator=rng).to(model.device).split(BATCH) for n in dims]
    return np.concatenate([model.clips(c, m) for c, m in zip(*z, strict=True)])


@torch.no_grad()
def rebuilt(model: Trained, clips: np.ndarray, seed: int | None = None) -> np.ndarray:
    """Clips (B, 16, H, W, 3) uint8 as a model makes them from the means of their codes; with a seed
    from samples of them (thesis, Algorithm 2, phase 1).
    """
    rng = None if seed is None else torch.Generator().manual_seed(seed)

    def made(x: Tensor) -> np.ndarray:
        codes = model.codes(x)
        if rng is None:
            return model.clips(codes.mu_c, codes.mu_m)
        noise = (torch.randn(mu.shape, generator=rng) for mu in (codes.mu_c, codes.mu_m))
        return model.clips(*draw(codes, *(eps.to(model.device) for eps in noise)))

    parts = (clips[i : i + BATCH] for i in range(0, len(clips), BATCH))
    return np.concatenate([made(as_clips(part, model.device)) for part in parts])


class Rebuilt(Sequence):
    """The first clip of every video as a model makes it from the means of its codes: (16, H, W, 3)
    uint8, BATCH of them in memory, made when they are asked for. step: between frames.
    """

    def __init__(self, model: Trained, videos: VideoSet, step: int = 1):
        self.model, self.videos, self.step = model, videos, step
        self._first, self._made = -1, None

    def __len__(self) -> int:
        return len(self.videos)

    def __getitem__(self, i: int) -> np.ndarray:
        i = range(len(self))[i]
        first = i - i % BATCH
        if self._first != first:
            span = slice(None, (CLIP - 1) * self.step + 1, self.step)
            clips = [self.videos.video(k)[span] for k in range(len(self))[first : first + BATCH]]
            self._first, self._made = first, rebuilt(self.model, np.stack(clips))
        return self._made[i - first]
