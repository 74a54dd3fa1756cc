"""Real videos that no contestant was trained on, and how much is made and scored beside them."""

from dataclasses import asdict, dataclass, replace

import numpy as np

from rencgan.core.errors import InputError
from rencgan.data.hops import CLIP, paced, spaced
from rencgan.data.procedural import ENDLESS, StandIn, catalogue, longer
from rencgan.data.videoset import VideoSet

UNSEEN = 9001  # the seed of stand-ins that no run may have: all are scored on its videos
FRESH = 9002  # that of others, by which nothing was chosen (standing.py); no run may have it either
OWN_SEED = ("mini",)  # presets scored on videos of the run's seed, as their result files are
SHORT, LONG = 128, 1000  # frames of the videos
REACH = CLIP  # frames of footage beyond them: clips 15 frames apart do not end where others do


@dataclass(frozen=True)
class Task:
    """How much is made and scored, and beside what; the smallest is for the tests."""

    short: int = 64  # videos of SHORT frames
    long: int = 16  # of them made on to `frames`
    frames: int = LONG
    seed: int | None = None  # of the stand-ins that they are scored on; None: the run's own

    def as_dict(self) -> dict:
        """As result files hold it; those of the run's own seed name none."""
        return {k: v for k, v in asdict(self).items() if v is not None}


def task_of(preset: str, source: str = "procedural") -> Task:
    """What a comparison at a preset makes, of stand-ins or of real data."""
    seed = UNSEEN if source == "procedural" and preset not in OWN_SEED else None
    return Task(4, 2, 200, seed) if preset == "smoke" else Task(seed=seed)


# ------------------------------------------------------------------------------- unseen real video


@dataclass(frozen=True)
class Unseen:
    """Real videos that no contestant was trained on: (T, H, W, 3) uint8, the first `long` of them
    with `frames` frames and REACH beyond; whom they show, where a contestant may know them; and
    others like them, as real video's own contestant.
    """

    footage: list[np.ndarray]
    subjects: list[str]
    others: list[np.ndarray]
    long: int
    frames: int
    source: str
    short: int = SHORT  # frames of all of them that are scored

    def told(self) -> str:
        """In words, for a result file."""
        return (
            f"{len(self.footage)} videos of {self.short} frames, {self.long} of them of "
            f"{self.frames}: {self.source}"
        )

    def every(self, step: int) -> "Unseen":
        """One frame of every `step` of the videos; none of them is long."""
        kept = [[v[::step] for v in side] for side in (self.footage, self.others)]
        source = f"{self.source}, one frame of every {step}"
        return Unseen(kept[0], self.subjects, kept[1], 0, 0, source, SHORT // step)

    def clips(self, count: int, steps: tuple[int, int] = (1, 1)) -> list[np.ndarray]:
        """So many clips of 16 frames, evenly shared and evenly spaced, their steps from frame to
        frame all of a range in turn.
        """
        of, found = -(-count // len(self.footage)), []
        for i in range(count):
            turn, k = divmod(i, len(self.footage))
            step = paced(steps, turn + k, SHORT)
            span = (CLIP - 1) * step + 1
            start = int(np.linspace(0, SHORT - span, of)[turn])
            found.append(self.footage[k][start : start + span : step])
        return found

    def real(self, frames: int, others: bool = False) -> list[np.ndarray]:
        """What is compared with: all videos to 128 frames, or the long ones to all of theirs."""
        videos = self.others if others else self.footage
        return [v[:frames] for v in (videos[: self.long] if frames > self.short else videos)]


def unseen(p, videos: VideoSet, task: Task, step: int = 1) -> Unseen:
    """Of a stand-in the first videos of the task's seed, scenes and people that no run has met (or
    of the run's own seed those behind the prepared ones, which share scenes and people with them),
    and as many others behind them; where stand-ins end, those that are long enough, to the length
    that all of them have. Of real data at most as many videos of the test split, evenly spaced, to
    the length that all of them have, with no others. Raises InputError for fewer than 2 videos.

    step: reaches so much further, for one frame of every `step` (see Unseen.every).
    """
    reach = REACH * step
    if videos.card["source"] == "procedural":
        known = task.seed is None
        first, seed = (len(videos), p.seed) if known else (0, task.seed)
        found, long, frames = _stand_ins(p.dataset, seed, first, task, reach)
        n, drawn = len(found) // 2, [v.frames(videos.size) for v in found]
        told = f"unseen stand-ins {found[0].index} to {found[n - 1].index}"
        told += "" if known else f" of seed {seed}"
        shown = [v.subject for v in found[:n]] if known else []
        return Unseen(drawn[:n], shown, drawn[n:], long, frames, told)
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


def _stand_ins(
    dataset: str, seed: int, first: int, task: Task, reach: int
) -> tuple[list[StandIn], int, int]:
    """Those of a comparison and as many others, each with `reach` more frames than are scored; how
    many of either are long, and frames of these.
    """
    n = task.short
    if dataset in ENDLESS:
        lengths = ([task.frames] * task.long + [SHORT] * (n - task.long)) * 2
        pairs = zip(catalogue(dataset, seed, first + 2 * n)[first:], lengths, strict=True)
        return [longer(v, frames + reach) for v, frames in pairs], task.long, task.frames
    found = [v for v in catalogue(dataset, seed)[first:] if v.n_frames >= SHORT + reach]
    n = min(n, len(found) // 2)
    if n < 2:
        raise InputError(
            f"{len(found)} of the stand-ins for {dataset} that no model was trained on have "
            f"{SHORT + reach} frames; a comparison needs 4"
        )
    frames = min(task.frames, min(v.n_frames for v in found[: 2 * n]) - reach)
    return [replace(v, n_frames=frames + reach) for v in found[: 2 * n]], n, frames
