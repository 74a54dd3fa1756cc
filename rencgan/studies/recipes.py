"""What a run's parameters come to: its prepared data, and each kind of model's recipe."""

from rencgan.core.progress import Progress
from rencgan.data import sets as datasets
from rencgan.data.hops import CLIP
from rencgan.data.prepare import prepare
from rencgan.data.videoset import VideoSet
from rencgan.models import lencgan_updates
from rencgan.presets.preset import PRESETS, Preset, changes_for


def data(p, test_fraction: float | None = None) -> VideoSet:
    """The prepared data of a notebook's parameters: decoded once, then read from the cache.

    test_fraction: the share of held-out videos, where it is not to be the data set's own.
    """
    preset = PRESETS[p.preset]
    with Progress(1, f"preparing {p.dataset}") as bar:
        return prepare(
            p.dataset,
            source=p.source,
            data_root=p.data_path,
            size=preset.size,
            cache_root=p.cache_root,
            seed=p.seed,
            videos=preset.max_videos or None,
            max_frames=preset.max_frames or None,
            test_fraction=test_fraction,
            progress=bar.tell,
        )


def recipe(p, model: str = "", **changes) -> Preset:
    """The preset of a run as one model takes it, with the steps that its parameters ask for.

    EncGAN3 and R2 have `1p2d` streams at every scale; `3d` ones are improved R2's (Section 5.2).
    """
    changes = {"video_stream": "1p2d"} | changes_for(model, p.preset) | changes
    if getattr(p, "steps", 0):
        changes["steps"] = p.steps
    if getattr(p, "init_path", None):  # what a preset does at first would undo what is begun from
        changes |= {"warmup": 0, "motion_warmup": 0, "rise": 0.0, "smallest_crop": 1.0}
    return PRESETS[p.preset].but(**changes)


def encgan3_recipe(p) -> Preset:
    """The same for EncGAN3: its clips skip frames as the data set's row of the table says. Those of
    sky, taichi and your own videos are consecutive.
    """
    return recipe(p, step_range=datasets.get(p.dataset).steps)


def r2_recipe(p) -> Preset:
    """The same for R2, with the overlap of the hop, and the streams that the run asks for."""
    streams = getattr(p, "video_stream", "1p2d")
    return recipe(p, "r2", overlap=CLIP - p.hop, video_stream=streams)


def improved_r2_recipe(p) -> Preset:
    """The same for improved R2 (Section 5.2): R2's with `3d` video streams, and nothing else."""
    return r2_recipe(p).but(video_stream="3d")


def ar2_recipe(p, **changes) -> Preset:
    """The same for AR2 (its networks are improved R2's), or AR2+ where the run or `changes` ask."""
    plus = {"recall_noise": getattr(p, "recall_noise", 0.0), "rollout": getattr(p, "rollout", 1)}
    return recipe(p, "ar2", overlap=CLIP - p.hop, video_stream="3d", **plus | changes)


def lencgan_recipe(p) -> Preset:
    """The same for LEncGAN: one video at a time, or as many as `mini` walks through at once."""
    return lencgan_updates.recipe(recipe(p, "lencgan"))


def switches(p, kind: str) -> tuple:
    """The switches (Job.changes) with which a preset trains a kind of model. LEncGAN at `mini`: a
    cell that lets half of itself go at every step remembers next to nothing of the clip before;
    the control gets the memory that it is the control for.
    """
    return (("forget_bias", 3.0),) if (kind, p.preset) == ("lencgan", "mini") else ()


RECIPES = {
    "encgan3": encgan3_recipe,
    "r2": r2_recipe,
    "lencgan": lencgan_recipe,
    "ar2": ar2_recipe,
}
