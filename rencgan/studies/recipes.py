"""What a run's parameters come to: its prepared data, and each kind of model's recipe."""

from dataclasses import replace

from rencgan.baselines import g3an  # noqa: F401  (systems make themselves known)
from rencgan.core.progress import Progress
from rencgan.data import sets as datasets
from rencgan.data.hops import CLIP
from rencgan.data.prepare import prepare
from rencgan.data.videoset import VideoSet
from rencgan.models import ar2, encgan3, lencgan  # noqa: F401
from rencgan.models.r2 import variant
from rencgan.models.system import SYSTEMS, System
from rencgan.presets.preset import Preset
from rencgan.presets.table import PRESETS, preset
from rencgan.presets.table import switches as preset_switches
from rencgan.r3 import r3  # noqa: F401


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
    return SYSTEMS[kind](**own)


RECIPES = {
    "encgan3": encgan3_recipe,
    "g3an": encgan3_recipe,
    "r2": r2_recipe,
    "lencgan": lencgan_recipe,
    "ar2": ar2_recipe,
}
