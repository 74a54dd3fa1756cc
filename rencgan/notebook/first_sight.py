"""The moving picture that pages and the README begin with: sky that no model has seen, and what the
networks that come with the project make of it, each at the largest frames that it is published at;
and a person, from the videos that lie beside result files.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from rencgan.core.files import write_text
from rencgan.data.hops import CLIP
from rencgan.data.procedural import catalogue, longer
from rencgan.data.videoset import VideoSet
from rencgan.models.trained import Trained
from rencgan.notebook import show
from rencgan.notebook.kept import attempt
from rencgan.notebook.tiles import enlarge
from rencgan.presets.table import PRESETS
from rencgan.studies import generated, runs, weights
from rencgan.studies.entries import RESULTS, content_of, path_of
from rencgan.studies.generated import FIRST_CLIP
from rencgan.studies.standing import start_of
from rencgan.studies.unseen import REACH, UNSEEN

FRAMES, SCENES = 160, (30, 29)  # scenes of the seed UNSEEN, chosen before any model drew them
WIDE, CLIPS = 192, 5  # screen pixels of a tile; clips of a row
REAL, OWN = "real", "own"
TITLES = {  # as tiles call them
    REAL: "real video (drawn)",
    "encgan3": "EncGAN3: clip by clip",
    "r2": "R2: follows it",
    "improved-r2": "improved R2: follows it",
    "ar2": "AR2: from nothing",
    "ar2plus": "AR2+: from nothing",
    "r3-regression": "R3 (regression): from a clip",
    "r3-mixture": "R3 (mixture): from a clip",
    "r3-flow": "R3 (flow): from a clip",
    "stylegan-v": "StyleGAN-V: from nothing",
    "motionvideogan": "MotionVideoGAN: from nothing",
}
# What the README and the page of results show: two scenes that R2 follows, and what the others make
# without them. (model, number of the scene) of each tile, four a row.
ALL = [(name, k) for k in (0, 1) for name in (REAL, "r2")]
ALL += [(name, k) for name in ("ar2", "r3-regression") for k in (0, 1)]
PEOPLE = SimpleNamespace(dataset="taichi", source="procedural", preset="hour", seed=1)
PERSON = 1  # a scene of the seed UNSEEN: whom kept videos show that follow somebody
KEPT = {  # title -> contestant, and how its codes are drawn
    TITLES["improved-r2"]: ("improved R2", "sample"),
    TITLES["r3-regression"]: ("R3, regression", "faster sample"),
    "AR2, ex-post: from nothing": ("AR2", "ex-post mean"),
}


@dataclass(frozen=True)
class Sight:
    """Tiles of one size: clips (T, S, S, 3) uint8, what stands above each, where its clips join,
    and in a sentence what is to be seen.
    """

    clips: list[np.ndarray]
    titles: list[str]
    marks: list[list[int]]
    told: str

    @property
    def scale(self) -> int:
        """Screen pixels of a pixel."""
        return max(1, WIDE // self.clips[0].shape[2])

    def followed_by(self, other: "Sight") -> "Sight":
        """With the tiles of another one behind its own."""
        lists = (self.clips, other.clips), (self.titles, other.titles), (self.marks, other.marks)
        return Sight(*([*a, *b] for a, b in lists), f"{self.told} {other.told}")


def seen(
    size: int, frames: int, scenes: Sequence[int] = SCENES, dataset: str = weights.DATASET
) -> list[np.ndarray]:
    """Real video of those scenes, (frames, size, size, 3) uint8 each."""
    found = catalogue(dataset, UNSEEN, max(scenes) + 1)
    return [longer(found[i], frames).frames(size) for i in scenes]


def sight(
    tiles: Sequence[tuple[str, int]], frames: int = FRAMES, own: Trained | None = None
) -> Sight:
    """Those tiles: (REAL, OWN or a model that comes with the project; number of its scene), each
    from the first frame that is its own.

    Frames of smaller models are enlarged to the size of the largest by repeating pixels. own: a
    model of a run, trained on sky. Raises InputError where a file of weights is missing.
    """
    names = [name for name in dict.fromkeys(name for name, _ in tiles) if name not in (REAL, OWN)]
    models = {name: weights.load(weights.finest(name)) for name in names}
    models |= {OWN: own} if own else {}
    side = max(model.size for model in models.values())
    made, marks = {REAL: seen(side, frames)}, {REAL: []}
    for name, model in models.items():
        end = frames + (first := start_of(model))
        given = seen(model.size, end + REACH), end, 0
        videos = generated.made_by(model, weights.way(model), *given, told=False)
        made[name] = [video[first:] for video in videos]
        # What a model makes is cut, so a junction may lie close before the end.
        marks[name] = list(range(model.hop, frames, model.hop)) if model.system.joins else []
    clips = [made[name][k] for name, k in tiles]
    titles = TITLES | ({OWN: f"{own.name} of this run"} if own else {})
    return Sight(
        [enlarge(clip, side // clip.shape[2]) for clip in clips],
        [titles[name] for name, _ in tiles],
        [marks[name] for name, _ in tiles],
        _told(names, frames, len({k for _, k in tiles}), own is not None),
    )


def people(size: int, frames: int = FRAMES) -> Sight:
    """A drawn person that no model has seen, and people as the models of KEPT made them for their
    result files, from the first frame that is their own. Raises InputError where a file is missing.
    """
    clips, marks = seen(size, frames, (PERSON,), PEOPLE.dataset), [[]]
    for name, way in KEPT.values():
        path, hop = path_of(RESULTS, PEOPLE, name), CLIP // 2
        first = hop if content_of(path)["prior"] == FIRST_CLIP else 0
        clip = runs.kept_clip(runs.clip_of(path, way))[first : first + frames]
        clips.append(enlarge(clip, size // clip.shape[2]))
        marks.append(list(range(hop, len(clip), hop)))
    told = (
        "Then a drawn person, and people as models make them that learnt from people instead "
        f"({PEOPLE.dataset} at {PEOPLE.preset})."
    )
    return Sight(clips, [TITLES[REAL], *KEPT], marks, told)


def whose(names: Sequence[str]) -> str:
    """At which preset those models are shown: "R2: hour, 64x64; AR2, AR2+: mini, 32x32"."""
    by: dict[str, dict[str, None]] = {}
    for name in names:
        preset = weights.taken(weights.finest(name))[1]
        at = f"{preset}, {PRESETS[preset].size}x{PRESETS[preset].size}"
        by.setdefault(at, {})[TITLES[name].partition(":")[0]] = None
    return "; ".join(f"{', '.join(models)}: {at}" for at, models in by.items())


def _told(names: Sequence[str], frames: int, scenes: int, own: bool) -> str:
    this = "; and what this run has learnt" if own else "; not trained on this page"
    return (
        f"Drawn sky that no model was trained on ({scenes} scene{'s' * (scenes > 1)}, {frames} "
        f"frames), beside what the networks that come with the project make ({whose(names)})"
        f"{this}. An orange edge marks where two clips join."
    )


# ---------------------------------------------------------------------------------------- the pages

ALONE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>rencgan: first sight</title>'
    '<body style="font-family:system-ui,sans-serif;max-width:900px;margin:24px auto">'
    "<h1>Drawn sky, and what R2 makes of it</h1>{}</body></html>"
)


def write(folder: Path) -> Path:
    """The picture that notebook 03 begins with as a page of its own, first_sight.html; returns it.
    Raises InputError where a file of weights is missing.
    """
    found = sight([(name, k) for k in range(len(SCENES)) for name in (REAL, "r2")])
    path = folder / "first_sight.html"
    write_text(path, ALONE.format(_player(found, columns=4).html))
    return path


def page(
    p, *names: str, tiles: Sequence[tuple[str, int]] = (), with_people: bool = False
) -> show.Html | None:
    """What a page begins with: for each scene real video and what those models make of it, or
    other tiles, four a row, and people if asked; at smoke size a shorter one, without. None, and a
    sentence, where it cannot be made.
    """
    columns = 1 + len(names) if len(names) > 1 else 4
    tiles = tiles or [(name, k) for k in range(len(SCENES)) for name in (REAL, *names)]
    return attempt("moving picture", _page, p, tiles, columns, None, with_people)


def beside(p, model: Trained, name: str, videos: VideoSet) -> show.Html | None:
    """Real video, the published model of that name, and that of this run, on the same scenes; None
    for a run on anything but the drawn sky, and of the published model itself.
    """
    if (videos.card["dataset"], videos.card["source"]) != (weights.DATASET, "procedural"):
        return None
    return attempt("moving picture", _beside, p, model, name)


def _beside(p, model: Trained, name: str) -> show.Html | None:
    if weights.card(weights.finest(name))["sha256"].startswith(model.digest):
        return None
    tiles = [(one, k) for k in range(len(SCENES)) for one in (REAL, name, OWN)]
    return _page(p, tiles, 3, model)


def clips(p) -> show.Html | None:
    """What the page of EncGAN3 begins with: real clips, the same rebuilt, and clips from noise."""
    return attempt("moving picture", _clips, p, 2 if p.preset == "smoke" else CLIPS)


def _page(
    p, tiles: list, columns: int, own: Trained | None = None, with_people: bool = False
) -> show.Html:
    short = p.preset == "smoke"
    found = sight([t for t in tiles if not (short and t[1])], 24 if short else FRAMES, own)
    size = found.clips[0].shape[2]
    if with_people and not short and (more := attempt("moving people", people, size)):
        found = found.followed_by(more)
    return _shown(p, found, columns=columns)


def _clips(p, count: int) -> show.Html:
    name = weights.finest("encgan3")
    model, first = weights.load(name), SCENES[0]
    real = np.stack(seen(model.size, CLIP, range(first, first + count)))
    rows = {"real": real, "rebuilt": generated.rebuilt(model, real)}
    rows["from noise"] = generated.clips_from_noise(model, count, 0)
    found = Sight(
        [clip for clips in rows.values() for clip in clips],
        [title for title in rows for _ in range(count)],
        [[]] * (len(rows) * count),
        f"Clips of drawn sky that no model was trained on, the same rebuilt, and clips from noise; "
        f"{CLIP} frames, at a third of their speed. By the network that comes with the project "
        f"({whose(['encgan3'])}), not trained on this page.",
    )
    return _shown(p, found, columns=count, fps=8, scale=max(1, 128 // model.size))


def _shown(p, found: Sight, **options) -> show.Html:
    other = f" What follows is about {p.dataset}." if p.dataset != weights.DATASET else ""
    return _player(replace(found, told=found.told + other), **options)


def _player(found: Sight, **options) -> show.Html:
    options = {"scale": found.scale, "marks": found.marks, "caption": found.told} | options
    return show.videos(found.clips, found.titles, stills=False, **options)
