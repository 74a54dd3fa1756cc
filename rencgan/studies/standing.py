"""Where the published models stand among the references: `python -m rencgan publish --scores`.

Nothing is trained. Each model makes as many videos of 128 frames (EncGAN3: clips from noise) as are
taken of a seed that no run may have, and is scored on them from the first frame that is its own. So
is real video in a model's place; the blurred ones are as soft as R2's. One seed is that of the
comparison; its videos chose the recipe of `hour` too (trials.py). Those of the other chose nothing.
"""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd

from rencgan.core.errors import InputError
from rencgan.core.files import project_root, write_json
from rencgan.core.provenance import provenance
from rencgan.data.hops import CLIP
from rencgan.evaluate import long, measures
from rencgan.evaluate.protocols import PROTOCOLS
from rencgan.evaluate.references import BLURRED, HELD, OTHER, PIECE, references, softness
from rencgan.evaluate.scores import evaluate
from rencgan.models.trained import Trained
from rencgan.presets.table import PRESETS
from rencgan.studies import generated, weights
from rencgan.studies.generated import FIRST_CLIP, made_by
from rencgan.studies.references import LABELS, REAL
from rencgan.studies.scored import judge, moving
from rencgan.studies.unseen import FRESH, SHORT, UNSEEN, Task, Unseen, unseen

FILES = {
    seed: project_root() / "reports" / f"standing{fresh}.json"
    for seed, fresh in ((UNSEEN, ""), (FRESH, "-fresh"))
}
FILE = FILES[UNSEEN]
SOFT = "r2"  # whose sharpness the blurred videos have
SEED = 0  # of all noise
DIGITS = {"16f": 1, "128f": 1, "motion distance": 1, "jump": 2, "motion": 4, "sharpness": 4}


def make(
    path: Path | None = None,
    count: int = 64,
    folder: Path | None = None,
    names: Sequence[str] = (),
    seed: int = UNSEEN,
) -> dict:
    """Scores all models of the plain names, and the references, on `count` videos of a seed, into a
    file; or the models `names` alone: of the others its rows stay, where they are of the same
    weights.
    """
    started, every, path = time.time(), weights.names(folder=folder), path or FILES[seed]
    kept = _kept(path, count, set(every), set(names), folder) if names else {}
    models = {n: weights.load(n, folder=folder) for n in every if n not in kept or n == SOFT}
    real = footage(count, models[SOFT].size, seed)
    made = {name: videos_of(model, real.footage) for name, model in models.items()}
    goal = [v[:SHORT] for v in real.footage]
    share = softness(made[SOFT], goal)
    found = references(goal, share, [v[:SHORT] for v in real.others], SEED)
    rows = [{"videos": name} | row(side, goal, PIECE) for name, side in found.items()]
    for name in every:
        if name in kept:
            rows.append(kept[name])
            continue
        model, start = models[name], start_of(models[name])
        sides = made[name], [v[start : start + SHORT] for v in real.footage]
        told = {"videos": f"{model.name}, {weights.way(model)}", "weights": name}
        told |= {"digest": model.digest}
        prior = "none" if weights.way(model) == "noise" else model.system.prior
        told |= {"prior": prior, "from frame": start}
        rows.append(told | row(*sides, model.hop))
        print(json.dumps(rows[-1]), flush=True)
    card = {"dataset": weights.DATASET, "source": real.source}
    head = {"preset": weights.PRESET, "videos": count, "frames": SHORT}
    head |= {"source of videos": real.source, "scored before": sorted(kept)}
    head |= {"blurred to": models[SOFT].name, "of real sharpness": share}
    record = provenance(PRESETS[weights.PRESET], SEED, card, started)
    write_json(path, head | {"rows": rows, "provenance": record})
    return read(path)


def _kept(
    path: Path, count: int, every: set[str], names: set[str], folder: Path | None
) -> dict[str, dict]:
    """Model -> its row in a file of as many videos, of those that are not named and of which other
    weights have not been published since.
    """
    if unknown := names - every:
        raise InputError(f"published are {', '.join(sorted(every))}, and no {unknown.pop()!r}")
    found = read(path)
    if found["videos"] != count:
        raise InputError(f"{path.name} is of {found['videos']} videos: score all models anew")
    rows = {r["weights"]: r for r in found["rows"] if r.get("weights") in every - names}
    same = {n: weights.card(n, folder)["sha256"].startswith(r["digest"]) for n, r in rows.items()}
    return {name: row for name, row in rows.items() if same[name]}


def footage(count: int, size: int, seed: int = UNSEEN) -> Unseen:
    """Real videos of 128 frames that no published model was trained on, with as many others."""
    asked = SimpleNamespace(dataset=weights.DATASET)
    stand_ins = SimpleNamespace(card={"source": "procedural"}, size=size)
    return unseen(asked, stand_ins, Task(count, 0, SHORT, seed))


def start_of(model: Trained) -> int:
    """The first frame that is a model's own: those before it are of the clip that it is given."""
    return model.hop if model.system.prior == FIRST_CLIP else 0


def videos_of(model: Trained, real: Sequence[np.ndarray], seed: int = SEED) -> list[np.ndarray]:
    """A model's own frames, for every video 128 or as many as it makes; EncGAN3's clips."""
    if weights.way(model) == "noise":
        return list(generated.clips_from_noise(model, len(real), seed))
    start, most = start_of(model), model.system.longest or SHORT
    made = made_by(model, weights.way(model), real, start + min(SHORT, most), seed, told=False)
    return [v[start:] for v in made]


def row(made: Sequence[np.ndarray], real: Sequence[np.ndarray], hop: int) -> dict:
    """The numbers of one set of videos, over as many frames as they have."""
    frames = min(map(len, made))
    real = [v[:frames] for v in real]
    pace = np.mean([measures.motion(v) for v in real])
    scores = evaluate(real, made, PROTOCOLS["ours"], judge(), SEED)
    found = {s.name.rpartition(" ")[2]: s.value for s in scores if " / " not in s.name}
    found["motion distance"] = moving(made, real, judge(), SEED)[0]["value"]
    joins = hop if frames > CLIP and hop else None  # a single clip has no junction
    if joins:
        steps = [measures.frame_differences(v)[hop - 1 :: hop].mean() for v in made]
        found["jump"] = float(np.mean(steps) / pace)
    found["motion"] = float(np.mean([measures.motion(v, joins) for v in made]))
    found["sharpness"] = float(np.mean([measures.sharpness(v) for v in made]))
    found["worst octave"] = long.worst(long.octaves(made, real))
    return found


def read(path: Path = FILE) -> dict:
    """What `make` wrote; InputError where there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        raise InputError(f"{path.name} is missing; python -m rencgan publish --scores") from None


def _ways(files: pd.DataFrame) -> pd.Series:
    """(contestant, way) -> FVD of 128 frames from the first that is the model's own, the mean of
    its seeds.
    """
    return files[files.measure == "128f, own"].groupby(["contestant", "way"]).value.mean()


def best_ways(files: pd.DataFrame) -> pd.Series:
    """The same of each model by its best way: contestant -> FVD."""
    return _ways(files).drop(REAL).groupby("contestant").min()


def said(files: pd.DataFrame) -> str:
    """What the references say of the order of the models in the result files of one data set, by
    FVD of 128 frames, in a sentence.
    """
    real = _ways(files)[REAL]
    known, models = {n: real[way] for way, n in LABELS.items() if way in real}, best_ways(files)
    told = [f"{_count(models < known[n])} before {n} ({known[n]:.1f})" for n in known if n != OTHER]
    best, where = models.idxmin(), f"{files.dataset.iloc[0]}, {files.preset.iloc[0]}"
    sentence = (
        f"By FVD (compact) of 128 frames ({where}), of {len(models)} models each by its best way, "
        f"{', '.join(told)}; the best, {best}, lies at {models[best]:.1f}, other real video at "
        f"{known[OTHER]:.1f}"
    )
    if models.min() > known[HELD]:
        sentence += ": an order among those that a picture standing still beats"
    return f"{sentence}."


def moved(found: dict) -> str:
    """The same of the published models, by what moves."""
    rows = pd.DataFrame(found["rows"]).set_index("videos")
    ours, moves = rows[rows.weights.notna()], rows["motion distance"]
    best, both = ours["motion distance"].idxmin(), ours[["128f", "motion distance"]].dropna()
    rank = both.corr("spearman").iloc[0, 1]
    return (
        f"By motion distance ({weights.DATASET}, {found['preset']}), where held comes to "
        f"{moves[HELD]:.1f}, blurred real video to {moves[BLURRED]:.1f} and other real video to "
        f"{moves[OTHER]:.1f}, of {len(ours)} published models "
        f"{_count(ours['motion distance'] < moves[HELD])} before held, the best of them {best} "
        f"({moves[best]:.1f}); the {len(both)} that make 128 frames it orders as 128f does by a "
        f"rank correlation of {rank:.2f}."
    )


def _count(which: pd.Series) -> str:
    """How many come."""
    n = int(which.sum())
    return f"{n or 'none'} come{'s' * (n < 2)}"


def table(found: dict) -> list[dict]:
    """Its rows for a page."""
    return [
        {"videos": r["videos"], "prior": r.get("prior") or ""}
        | {m: f"{r[m]:.{n}f}" if m in r else "" for m, n in DIGITS.items()}
        for r in found["rows"]
    ]
