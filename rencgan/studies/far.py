"""What systems without an end come to over 10,000 frames, beside real video of as many:
`python -m rencgan publish --far`.

Nothing is trained: the networks that come with the project make a few videos of scenes that no run
has met. Every seventh frame counts (every place in a clip in turn), but for motion, which is from
frame to frame. Drawn sky of that length ends at night or at full noon, which no video that is
trained on reaches: what it drifts by is that one change of light.
"""

import json
import time
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np
from PIL import Image

from rencgan.core.errors import InputError
from rencgan.core.files import project_root, replaced, slug, write_json
from rencgan.core.provenance import provenance
from rencgan.data.procedural import catalogue, longer
from rencgan.evaluate import horizon, long, measures
from rencgan.evaluate.references import OTHER
from rencgan.models.trained import Trained
from rencgan.studies import weights
from rencgan.studies.generated import made_by
from rencgan.studies.main_table import TOO
from rencgan.studies.standing import SEED, start_of
from rencgan.studies.unseen import REACH, UNSEEN

FILE = project_root() / "reports" / "far.json"
FRAMES, COUNT = 10_000, 6  # of each video; videos a row, one of each kind of sky
EVERY, SPARSE = 500, 7  # frames between two of a strip; between two that count
NAMES = ("ar2", "r3-regression", "r3-mixture", "r3-flow", "stylegan-v", "motionvideogan")
Videos = Sequence[np.ndarray]  # each (T, H, W, 3) uint8


def make(
    path: Path = FILE, frames: int = FRAMES, count: int = COUNT, names: Sequence[str] = NAMES
) -> dict:
    """Makes and measures videos of those models that are published, each at its largest frames (AR2
    with both of its beginnings), and of other real video, into a file, with a strip of pictures of
    each beside it. What it has of the same weights stays. Raises InputError where none is
    published, and for a file that cannot be read.
    """
    if not (there := [n for n in map(weights.finest, names) if weights.is_published(n)]):
        raise InputError(f"none of {', '.join(names)} is published: python -m rencgan publish")
    before, rows = _before(path, frames, count), []
    scenes = cache(lambda size: drawn(2 * count, frames + REACH, size))

    def add(of: dict, sides: Callable[[Videos], tuple[Videos, int, dict]]) -> None:
        found = next((r for r in before if of.items() <= r.items()), None)
        if found is None:
            started, both = time.time(), scenes(of["size"])
            made, first, more = sides(both)
            cut = ([v[first:frames] for v in side] for side in (made, both[:count]))
            found = row(of["videos"], *cut) | of | more
            keep_strip(made[0][:frames], strip_of(path, found))
            print(json.dumps(found), flush=True)
            found["provenance"] = _record(of.get("weights"), started)
        rows.append(found)
        done = {_place(r) for r in rows}
        others = [r for r in before if _place(r) not in done]
        write_json(path, {"frames": frames, "videos": count, "rows": rows + others})

    for name in there:
        model = weights.load(name)
        if OTHER not in [r["videos"] for r in rows if r["size"] == model.size]:
            add({"videos": OTHER, "size": model.size}, lambda both: (both[count:], 0, {}))
        of = {"size": model.size, "weights": name, "digest": model.digest}
        for way in (weights.way(model), *[TOO] * ("start" in model.extras)):
            add({"videos": f"{model.name}, {way}"} | of, partial(_made, model, way, frames))
    return read(path)


def _place(found: dict) -> tuple:
    """What a row is of: of each a file has one, and one picture."""
    return found["videos"], found["size"]


def _before(path: Path, frames: int, count: int) -> list[dict]:
    """The rows of a file that are of as many videos of this length, with their pictures, and of
    weights that are still published.
    """
    found = read(path) if path.exists() else {"rows": ()}
    if (found.get("frames"), found.get("videos")) != (frames, count):
        return []
    there = (r for r in found["rows"] if strip_of(path, r).exists())
    return [r for r in there if "weights" not in r or _is_published(r)]


def _is_published(found: dict) -> bool:
    name = found["weights"]
    return weights.is_published(name) and weights.card(name)["sha256"][:12] == found.get("digest")


def _made(model: Trained, way: str, frames: int, both: Videos) -> tuple[Videos, int, dict]:
    """Videos beside the first half of the real ones, their first frame that is the model's own, and
    what they took.
    """
    real, began = both[: len(both) // 2], time.process_time()
    made = made_by(model, way, real, frames, SEED, told=False)
    took = 1000 * (time.process_time() - began) / (frames * len(real))
    return made, start_of(model), {"processor seconds for 1000": took}


def _record(name: str | None, started: float) -> dict:
    """name: of the weights, whose preset counts."""
    card = {"dataset": weights.DATASET, "source": f"drawn stand-ins of seed {UNSEEN}"}
    return provenance(weights.taken(name)[1] if name else None, SEED, card, started)


def drawn(count: int, frames: int, size: int) -> list[np.ndarray]:
    """Real videos of scenes that no run has met."""
    found = catalogue(weights.DATASET, UNSEEN, count)
    return [longer(v, frames).frames(size) for v in found]


def row(name: str, made: Videos, real: Videos) -> dict:
    """The numbers of a side; drift, repetition and motion beside those of real video, as means."""
    sides = [[v[::SPARSE] for v in side] for side in (made, real)]
    found: dict = {"videos": name}
    for told, measure, both in (
        ("drift", lambda v: measures.colour_drift(v).mean(), sides),
        ("repetition", lambda v: horizon.repetition(v).height, sides),
        ("motion", measures.motion, (made, real)),
    ):
        ours, theirs = (float(np.mean([measure(v) for v in side])) for side in both)
        found |= {told: ours, f"{told} of real": ours / theirs if theirs > 0 else None}
    returns = long.resets(*sides)
    return found | {"rise of resets": returns.rise, "at": returns.at * SPARSE}


def strip_of(path: Path, found: dict) -> Path:
    """The picture of a row of a file."""
    return path.with_suffix("") / f"{slug(found['videos'])}-{found['size']}.png"


def keep_strip(video: np.ndarray, path: Path) -> None:
    """A frame of every EVERY of a video, side by side in two rows."""
    some = list(video[::EVERY])
    some += [np.zeros_like(some[0])] * (len(some) % 2)
    half = len(some) // 2
    sheet = np.concatenate([np.concatenate(part, axis=1) for part in (some[:half], some[half:])])
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as part:
        Image.fromarray(sheet).save(part, "PNG", optimize=True)


def read(path: Path = FILE) -> dict:
    """What `make` wrote; InputError where there is none, or it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise InputError(f"{path.name} is missing; python -m rencgan publish --far") from None
    except json.JSONDecodeError:
        raise InputError(f"{path.name} is no JSON; bring back what it was, or delete it") from None


def table(found: dict) -> list[dict]:
    """Its rows for a page; "of real" is over the same of real video."""
    digits = {"drift": 3, "drift of real": 2, "repetition": 2, "repetition of real": 2}
    digits |= {"rise of resets": 2, "motion": 4, "motion of real": 2}
    return [
        {"videos": r["videos"], "size": f"{r['size']}x{r['size']}"}
        | {k: None if r[k] is None else f"{r[k]:.{n}f}" for k, n in digits.items()}
        for r in found["rows"]
    ]
