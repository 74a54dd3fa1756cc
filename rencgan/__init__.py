"""rencgan: an open study of long video generation with VAE-GANs (EncGAN3, REncGAN, kin).

    videos = rencgan.prepare("sky", size=32, videos=64)
    model = rencgan.train("r2", preset="mini", videos=videos, out="runs/r2")
    made = model.videos(footage=videos.select("test").video(0))
    scores = rencgan.score(videos, made)

What a call needs is imported when it is called. Relative paths begin where the script runs.
"""

__version__ = "0.1.0"


def _here(path):
    """A path as a script means it: relative to where it runs."""
    from pathlib import Path

    return Path(path).expanduser().absolute()


def prepare(dataset: str, size: int = 64, cache_root: str = "runs/cache", **options):
    """A data set, decoded, cropped and split once and read again from then on, as a VideoSet of
    frames (N, size, size, 3) uint8.

    dataset: "sky", "taichi", "kth" ..., or "folder" with data_root, a folder of your own videos.
    options: of rencgan.data.prepare.prepare, such as source ("real", "procedural"), videos (at most
    so many), max_frames of each, and seed. Raises InputError.
    """
    from rencgan.core.progress import Progress
    from rencgan.data.prepare import prepare

    if options.get("data_root"):
        options["data_root"] = _here(options["data_root"])
    with Progress(1, f"preparing {dataset}") as bar:
        options = {"progress": bar.tell} | options
        return prepare(dataset, size=size, cache_root=_here(cache_root), **options)


def train(model: str, preset: str = "mini", *, videos, out, seed: int = 0, base=None, **changes):
    """Trains a model on the training part of a VideoSet, or goes on where it was stopped; gives it,
    a Trained, whose `videos` and `generate` make video. Its checkpoint lies in the folder `out`.

    model: "encgan3", "g3an", "r2", "improved-r2", "lencgan", "ar2", "ivgan", "stylegan-v",
    "motionstylegan"; or "r3" with a trained R2 as base, "motionvideogan" with trained pairs.
    preset: its row in rencgan.presets.table. changes: fields of the preset, or of the system.
    Raises InputError.
    """
    from rencgan.core.errors import InputError
    from rencgan.data.videoset import VideoSet
    from rencgan.studies import recipes

    if not isinstance(videos, VideoSet):
        raise InputError(
            "videos is a VideoSet: what rencgan.prepare gives, or VideoSet.from_arrays of arrays"
        )
    job = recipes.job(model, preset, videos, _here(out), seed, base, **changes)
    return recipes.trained(job)


def load(model: str, device: str | None = None, base=None):
    """A trained model, a Trained: a small one that comes with the project by its name ("r2", "ar2",
    "r3-mixture" ..., see rencgan.studies.weights.load), or that of a checkpoint by its path.

    base: of an R3's checkpoint the R2 that it was trained over. Raises InputError.
    """
    from pathlib import Path

    from rencgan.models.trained import load_model
    from rencgan.studies import weights

    if Path(model).suffix == ".pt":
        return load_model(_here(model), device=device, base=base)
    return weights.load(str(model), device)


def score(real, generated, protocol: str = "ours", extractor: str = "compact", seed: int = 0):
    """Fréchet distances of two sets of videos by name, {"... 16f": value}: one a length that both
    sides reach.

    real, generated: folders, VideoSets or arrays (T, H, W, 3) uint8 each. What the numbers tell,
    and how sure they are, is in the cards of rencgan.evaluate.scores.evaluate. Raises InputError.
    """
    from rencgan.evaluate.scores import evaluate

    sides = (_here(side) if isinstance(side, str) else side for side in (real, generated))
    return {s.name: s.value for s in evaluate(*sides, protocol, extractor, seed)}
