"""What a run's parameters come to: prepared data, each kind of model's recipe, and its training."""

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

from rencgan.core.progress import Progress
from rencgan.data import sets as datasets
from rencgan.data.hops import CLIP
from rencgan.data.prepare import prepare
from rencgan.data.videoset import VideoSet
from rencgan.models.r2 import variant
from rencgan.models.system import System, system_of
from rencgan.models.trained import Trained, load_model
from rencgan.presets.preset import Preset
from rencgan.presets.table import PRESETS, gpt_preset, preset
from rencgan.presets.table import switches as preset_switches
from rencgan.training.loop import Job, train


def data(p, test_fraction: float | None = None) -> VideoSet:
    """The prepared data of a notebook's parameters: decoded once, then read from the cache.

    test_fraction: the share of held-out videos, where it is not to be the data set's own.
    """
    row = PRESETS[p.preset]
    with Progress(1, f"preparing {p.dataset}") as bar:
        return prepare(
            p.dataset,
            source=p.source,
            data_root=p.data_path,
            size=row.size,
            cache_root=p.cache_root,
            seed=p.seed,
            videos=row.max_videos or None,
            max_frames=row.max_frames or None,
            test_fraction=test_fraction,
            progress=bar.tell,
        )


def recipe(p, model: str = "", **changes) -> Preset:
    """The preset of a run as one model takes it (presets.table; none: its row), with the hop, the
    frame step of the data set (EncGAN3), and what its parameters ask for.

    A checkpoint to begin from and a number of steps are meant for the notebook's own model.
    """
    if model in ("encgan3", "g3an"):  # clips skip frames as the data set's row of the table says
        changes = {"step_range": datasets.get(p.dataset).steps} | changes
    elif model not in ("", "lencgan"):
        changes = {"overlap": CLIP - p.hop} | changes
    if getattr(p, "steps", 0):
        changes["steps"] = p.steps
    if getattr(p, "init_path", None):  # what a preset does at first would undo what is begun from
        changes |= {"warmup": 0, "motion_warmup": 0, "rise": 0.0, "smallest_crop": 1.0}
    return preset(p.preset, model, **changes)


def encgan3_recipe(p) -> Preset:
    return recipe(p, "encgan3")


def r2_recipe(p) -> Preset:
    """R2, or improved R2 where the run asks for `3d` video streams."""
    return recipe(p, "r2", video_stream=getattr(p, "video_stream", "1p2d"))


def improved_r2_recipe(p) -> Preset:
    return recipe(p, "improved-r2")


def ar2_recipe(p, **changes) -> Preset:
    """AR2 (its networks are improved R2's), or AR2+ where the run or `changes` ask."""
    plus = {"recall_noise": getattr(p, "recall_noise", 0.0), "rollout": getattr(p, "rollout", 1)}
    return recipe(p, "ar2", **plus | changes)


def lencgan_recipe(p) -> Preset:
    return recipe(p, "lencgan")


def system(p, kind: str, loss: str = "") -> System:
    """The system of a kind with the switches of the run's preset. loss: a row of r2.VARIANTS."""
    own = preset_switches(p.preset, kind)
    if kind == "r2":
        return replace(variant(loss or getattr(p, "variant", "v4")), **own)
    return system_of(kind, own)


RECIPES = {
    "encgan3": encgan3_recipe,
    "g3an": encgan3_recipe,
    "r2": r2_recipe,
    "lencgan": lencgan_recipe,
    "ar2": ar2_recipe,
}


# ------------------------------------------------------------------------------------ one training


def job(
    model: str,
    preset_name: str,
    videos: VideoSet,
    out: Path,
    seed: int = 0,
    base: Trained | None = None,
    **changes,
) -> Job:
    """The training of a model at a preset: "encgan3", "g3an", "r2", "improved-r2", "lencgan",
    "ar2", or "r3" over a trained R2, its base. changes: fields of the preset, or of the system.
    Raises InputError for what is not known.
    """
    kind = model.removeprefix("improved-")
    found = system_of(kind, preset_switches(preset_name, model))
    own = {f.name for f in fields(found)} & changes.keys()
    found = replace(found, **{name: changes.pop(name) for name in own})
    if kind == "r3":
        p = gpt_preset(preset_name, **changes)
    else:
        dataset = datasets.DATASETS.get(videos.card.get("dataset"))
        if kind in ("encgan3", "g3an") and dataset:
            changes = {"step_range": dataset.steps} | changes
        p = preset(preset_name, model, **changes)
    data = videos.path or videos
    return Job(found, p, data, out, seed, base=base, cache=out / "tokens")


def trained(
    work: Job, label: str = "", processes: int = 1, told: Callable = lambda done: None
) -> Trained:
    """Trains a job (or goes on with, or finds finished) with a progress bar; the model of it.
    told(done) is called with the steps that are done, first those that were before.
    """
    label = label or f"training {work.system.title(work.preset)}"
    with Progress(work.preset.steps, label) as bar:

        def tell(done: int, total: int, losses: dict) -> None:
            told(done)
            bar.update(done, losses)

        path = train(work, processes, tell)
    return load_model(path, work.system.kind, base=work.base)
