"""Real videos that no contestant was trained on, and how much is made and scored beside them."""

from dataclasses import dataclass

import numpy as np

from rencgan.core.errors import InputError
from rencgan.data.hops import CLIP, spaced
from rencgan.data.procedural import catalogue, longer
from rencgan.data.videoset import VideoSet

SHORT, LONG = 128, 1000  # frames of the videos
REACH = CLIP  # frames of footage beyond them: clips 15 frames apart do not end where others do


@dataclass(frozen=True)
class Task:
    """How much is made and scored; the smallest is for the tests."""

    short: int = 64  # videos of SHORT frames
    long: int = 16  # of them made on to `frames`
    frames: int = LONG


def task_of(preset: str) -> Task:
    """What a comparison at a preset makes."""
    return Task(4, 2, 200) if preset == "smoke" else Task()


# ------------------------------------------------------------------------------- unseen real video


@dataclass(frozen=True)
class Unseen:
    """Real videos that no contestant was trained on: (T, H, W, 3) uint8, the first `long` of them
    with `frames` frames and REACH beyond; whom they show; and others like them, as real video's
    own contestant.
    """

    footage: list[np.ndarray]
    subjects: list[str]
    others: list[np.ndarray]
    long: int
    frames: int
    source: str
    short: int = SHORT  # frames of all of them that are scored

    def every(self, step: int) -> "Unseen":
        """One frame of every `step` of the videos; none of them is long."""
        kept = [[v[::step] for v in side] for side in (self.footage, self.others)]
        source = f"{self.source}, one frame of every {step}"
        return Unseen(kept[0], self.subjects, kept[1], 0, 0, source, SHORT // step)

    def clips(self, count: int, step: int = 1) -> list[np.ndarray]:
        """So many clips of 16 frames, `step` apart, evenly shared and evenly spaced."""
        of, span = -(-count // len(self.footage)), (CLIP - 1) * step + 1
        starts = np.linspace(0, SHORT - span, of).astype(int)
        return [v[s : s + span : step] for s in starts for v in self.footage][:count]

    def real(self, frames: int, others: bool = False) -> list[np.ndarray]:
        """What is compared with: all videos to 128 frames, or the long ones to all of theirs."""
        videos = self.others if others else self.footage
        return [v[:frames] for v in (videos[: self.long] if frames > self.short else videos)]


def unseen(p, videos: VideoSet, task: Task, step: int = 1) -> Unseen:
    """Of a stand-in the videos behind those that are prepared, the same scenes and people in
    other performances, and as many others behind them. Of real data at most as many videos of the
    test split, evenly spaced, to the length that all of them have, with no others. Raises
    InputError for fewer than 2 videos.

    step: reaches so much further, for one frame of every `step` (see Unseen.every).
    """
    reach = REACH * step
    if videos.card["source"] == "procedural":
        first, n = len(videos), task.short
        found = catalogue(p.dataset, p.seed, first + 2 * n)[first:]
        lengths = ([task.frames] * task.long + [SHORT] * (n - task.long)) * 2
        pairs = zip(found, lengths, strict=True)
        drawn = [longer(v, frames + reach).frames(videos.size) for v, frames in pairs]
        told = f"unseen stand-ins {first} to {first + n - 1}"
        shown = [v.subject for v in found[:n]]
        return Unseen(drawn[:n], shown, drawn[n:], task.long, task.frames, told)
    test = videos.select("test", min_frames=SHORT + reach)
    chosen = spaced(len(test), task.short)
    footage = [test.video(i) for i in chosen]
    if len(footage) < 2:
        raise InputError(
            f"{len(footage)} of the test videos has {SHORT + reach} frames; a comparison needs 2"
        )
    frames = min(task.frames, min(map(len, footage)) - reach)
    footage = [v[: frames + reach] for v in footage]
    shown = [test.videos[i].subject or test.videos[i].label for i in chosen]
    told = "test split" if len(chosen) == len(test) else f"{len(chosen)} videos of the test split"
    return Unseen(footage, shown, [], len(footage), frames, told)
