"""What a run is scored by along its way, and the best of its moments (training.scores)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rencgan.data.hops import CLIP
from rencgan.data.videoset import VideoSet
from rencgan.evaluate.extractors import find
from rencgan.evaluate.protocols import PROTOCOLS
from rencgan.evaluate.scores import evaluate
from rencgan.models.trained import Trained
from rencgan.studies import generated
from rencgan.studies.unseen import REACH
from rencgan.training.loop import Job
from rencgan.training.scores import BEST, read_scores

VIDEOS = 64  # at most; Chapter 5 makes as many
METRIC = "FVD (compact) 16f"
SEED = 2**20  # of all noise, and no run's: moments differ by their weights alone


@dataclass(frozen=True)
class Distance:
    """FVD (compact) of 16 frames that a model makes, samples of codes, from those of held-out
    videos: their footage, first clips or nothing are what it sees. What makes single clips is
    judged by these, as in Table 3.2: EncGAN3 from the codes of training clips, G3AN from noise.
    """

    data: Path | VideoSet

    def __call__(self, model: Trained) -> float:
        """Raises InputError for fewer than 2 held-out videos of that length."""
        skipped = model.hop if model.system.prior == generated.FIRST_CLIP else 0  # real frames
        data = self.data if isinstance(self.data, VideoSet) else VideoSet.open(self.data)
        if _clips_alone(model.system):
            real, made = _clips(model, data)
        else:
            chosen = data.select("test", min_frames=CLIP + REACH + skipped)
            picked = generated.spaced(len(chosen), VIDEOS)
            reach, shown = CLIP + skipped, [chosen.videos[i] for i in picked]
            footage = [chosen.video(i)[: reach + REACH] for i in picked]
            subjects = [v.subject or v.label for v in shown]
            made = generated.made_by(model, "sample", footage, reach, SEED, subjects, told=False)
            real, made = ([v[skipped:reach] for v in side] for side in (footage, made))
        protocol = PROTOCOLS["ours"].but(lengths=(CLIP,))
        return evaluate(real, made, protocol, find("compact"), SEED)[0].value


def _clips(model: Trained, data: VideoSet) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """As many held-out clips as a model makes."""
    steps = model.system.frame_steps(model.preset)
    train, test = (
        generated.clips_of(data.select(split, min_frames=(CLIP - 1) * steps[0] + 1), VIDEOS, steps)
        for split in ("train", "test")
    )
    if "encoder" in model.nets:
        return list(test), list(generated.rebuilt(model, train, SEED))
    return list(test), list(generated.clips_from_noise(model, VIDEOS, SEED))


def _clips_alone(system: Any) -> bool:
    """EncGAN3 and G3AN, whose tables are of single clips."""
    return system.sample == "clips" and getattr(system, "noise", False)


def scorer(preset: Any, data: Path | VideoSet) -> Distance | None:
    """What a run of a preset is scored by; None where it has no moments."""
    return Distance(data) if getattr(preset, "scored", 0) else None


def best_of(work: Job) -> dict | None:
    """The step and score of the best moment of a run, and how many there were; beside them the last
    one's, and all as [step, score]. None where no score was taken.
    """
    lines = [line for line in read_scores(work.out) if line["score"] is not None]
    if not lines or not (work.out / BEST).exists():
        return None
    best, last = min(lines, key=lambda line: line["score"]), lines[-1]
    return {
        "of": len(lines),
        **{"step": best["step"], METRIC: best["score"]},
        **{"last step": last["step"], f"{METRIC}, last": last["score"]},
        "scores": [[line["step"], line["score"]] for line in lines],
    }


def told(work: Job) -> str:
    """The same as a line; "" where no score was taken."""
    if not (best := best_of(work)):
        return ""
    score, last = best[METRIC], best[f"{METRIC}, last"]
    return (
        f"best of {best['of']} moments, at step {best['step']:,}: {METRIC} {score:.4g} "
        f"(the last, at step {best['last step']:,}: {last:.4g})"
    )
