"""What the notebooks score: a model's videos beside those that any score worth its name puts behind
them, and beside references made of real frames.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from rencgan.core.errors import InputError
from rencgan.core.files import project_root
from rencgan.core.progress import Progress
from rencgan.data.hops import CLIP, spaced
from rencgan.data.pixels import as_frames
from rencgan.data.videoset import VideoSet
from rencgan.evaluate import cost, horizon, inception, measures
from rencgan.evaluate import extractors as features
from rencgan.evaluate import references as of_real
from rencgan.evaluate import scores as evaluate
from rencgan.evaluate.classifier import train_classifier
from rencgan.evaluate.extractors import Extractor, Remembered
from rencgan.evaluate.motion import motion_distance
from rencgan.evaluate.protocols import Protocol
from rencgan.evaluate.scores import Score
from rencgan.models.trained import Trained, untrained
from rencgan.studies import copies, weights
from rencgan.studies import papers as published
from rencgan.studies.generated import Rebuilt, clips_from_noise, clips_of, rebuilt
from rencgan.studies.scored import against_real, judge
from rencgan.training.loop import Job

PRINTED = {  # names of the data sets in the papers' tables
    "uva": "UvA",
    "weizmann": "Weizmann",
    "kth": "KTH",
    "ucf101": "UCF101",
    "taichi": "Taichi",
    "sky": "Sky",
}
Videos = Sequence[np.ndarray]  # each (T, H, W, 3) uint8


def extractors() -> dict[str, Extractor]:
    """Those that can be had; of the others it is printed what is missing. The second judge takes as
    long for a frame as the embedded one for a clip: notebook 09 has it.
    """
    found, missing = (
        {name: x for name, x in some.items() if name != features.IMAGENET.name}
        for some in features.available()
    )
    for sentence in missing.values():
        print(sentence.replace(f"{project_root()}/", ""))
    return found


def memorisation(
    p, work: Job, made: Videos | Mapping[str, Videos], held_out: Videos, *others
) -> list[dict]:
    """Rows of studies.copies: generated and held-out clips beside those that a model was trained
    on, the run's, or those of published weights. others: extractors, and how they are called.
    """
    if p.weights == "published":
        name = weights.name_of(work.system, work.preset)
        training = weights.learnt_from(name, p.cache_root)
    else:
        training = work.data if isinstance(work.data, VideoSet) else VideoSet.open(work.data)
    return copies.memorisation(made, held_out, training, *others)


# --------------------------------------------------------------------------------- videos to score


def long_videos(model: Trained, footage: Videos, p, codes: str | None = None) -> list[np.ndarray]:
    """A model's long video of every piece of footage, with the notebook's hop (LEncGAN: its own),
    seed and, unless they are given, way of drawing codes.
    """
    made = []
    with Progress(len(footage), "long videos to score") as bar:
        for i, video in enumerate(footage):
            options = {"hop": model.hop_for(p.hop), "codes": codes or p.codes}
            made.append(model.videos(footage=video, **options, seed=p.seed + i)[0])
            bar.update(i + 1)
    return made


def footage_of(
    videos: VideoSet, split: str | None, frames: int, most: int = 64
) -> list[np.ndarray]:
    """Up to `most` videos of a split (all: None), evenly spaced over it, cut to `frames`; those of
    less than a clip are left out.
    """
    chosen = videos.select(split=split, min_frames=CLIP)
    return [chosen.video(i)[:frames] for i in spaced(len(chosen), most)]


def subjects_of(videos: VideoSet, split: str | None, most: int = 64) -> list[str]:
    """Whom the same videos show: the subject of each, its class where none is known."""
    chosen = videos.select(split=split, min_frames=CLIP)
    each = [chosen.videos[i] for i in spaced(len(chosen), most)]
    return [v.subject or v.label for v in each]


def others_of(videos: VideoSet, real: Videos) -> list[np.ndarray]:
    """As many videos of the training split, each as long as its counterpart; none, and a sentence,
    where there are not so many.
    """
    pool = [v.length * (v.split == "train") for v in videos.videos]
    free = np.random.default_rng(0).permutation(len(pool)).tolist()  # sets are sorted by class
    found = {}
    for i in sorted(range(len(real)), key=lambda i: -len(real[i])):
        fits = next((k for k in free if pool[k] >= len(real[i])), None)
        if fits is None:
            print("no row of other real video: the training split has too few videos as long")
            return []
        free.remove(fits)
        found[i] = videos.video(fits)[: len(real[i])]
    return [found[i] for i in range(len(real))]


def references(
    real: Videos, made: Videos, others: Videos, seed: int = 0
) -> dict[str, list[np.ndarray]]:
    """Real video in a model's place (evaluate.references), blurred to the sharpness of `made`; a
    row that cannot be made is left out, with a sentence.
    """
    try:
        return of_real.references(real, of_real.softness(made, real), others, seed)
    except InputError as error:  # all but a single colour
        print(f"no row of blurred real video: {error}")
        return of_real.references(real, None, others, seed)


def contenders(
    model: Trained, footage: Videos, made: Videos, p, videos: VideoSet
) -> dict[str, list[np.ndarray]]:
    """A model's videos and what they must beat, then references made of real frames, by name.

    To beat: an untrained model, the model's own clips in random order, its own first frame held.
    """
    real = [v[: len(m)] for v, m in zip(footage, made, strict=True)]
    return {
        model.name: list(made),
        "untrained model": long_videos(untrained(model), footage, p),
        "own clips, shuffled": _shuffled(made, p),
        "own first frame, held": of_real.held(made),
    } | references(real, made, others_of(videos, real), p.seed)


def clip_contenders(
    model: Trained, videos: VideoSet, p, step: int = 1, most: int = 64
) -> tuple[dict[str, list[np.ndarray]], Rebuilt]:
    """For EncGAN3: clips from noise, clips from the codes of training clips (as Table 3.2 is made),
    those of an untrained model, and references made of training clips (other real video: the last
    clips of the same videos); and all real clips rebuilt, which are made when they are read.
    """
    span = (CLIP - 1) * step + 1
    unseen = getattr(p, "weights", "train") == "published"  # it was trained on other clips
    train = videos.select("train", min_frames=span)
    training, last = (clips_of(train, most, (step, step), last=last) for last in (False, True))
    noise = clips_from_noise(model, most, p.seed)
    drawn = rebuilt(model, training, p.seed)
    made = {
        "EncGAN3, from noise": noise,
        f"EncGAN3, from {'other' if unseen else 'training'} clips": drawn,
        "untrained model": clips_from_noise(untrained(model), most, p.seed),
    }
    found = {name: list(clips) for name, clips in made.items()}
    found |= references(list(training), list(noise), last, p.seed)
    found[of_real.HELD] = list(np.repeat(training[:, model.reference][:, None], CLIP, axis=1))
    return found, Rebuilt(model, videos.select(min_frames=span), step)


def _shuffled(videos: Videos, p) -> list[np.ndarray]:
    return [measures.shuffled(v, len(v), p.hop, p.seed + i) for i, v in enumerate(videos)]


# ------------------------------------------------------------------------------------------ scores


def compare(
    real,
    sides: Mapping[str, Videos],
    extractor: Extractor,
    protocol: Protocol | str = "ours",
    reconstructed: Videos | None = None,
    seed: int = 0,
) -> dict[str, list[Score]]:
    """The scores of several sets of videos against the same real ones, and the motion distances of
    their first clips, a list for each name.

    Raises InputError where their cards do not allow one table, or a side has too few videos.
    """
    found = {}
    rules = evaluate.protocol(protocol) if isinstance(protocol, str) else protocol
    extractor = Remembered(extractor)  # each side meets the same real videos
    with Progress(len(sides), f"scoring, {extractor.metric}") as bar:
        for done, (name, side) in enumerate(sides.items(), 1):
            found[name] = evaluate.evaluate(
                real, side, rules, extractor, seed, reconstructed=reconstructed
            )
            if extractor.min_frames <= CLIP:
                clips = rules.but(lengths=(CLIP,))
                found[name] += motion_distance(real, side, extractor, clips, seed)
            bar.update(done, name)
    lengths = {name: [s.name for s in scores] for name, scores in found.items()}
    first = next(iter(lengths))
    for name, told in lengths.items():
        if len(told) != len(lengths[first]):
            raise InputError(
                f"{first} and {name} do not go into one table: their videos reach other lengths "
                f"({', '.join(lengths[first])}; {', '.join(told)})"
            )
    for scores in zip(*found.values(), strict=True):
        evaluate.column(scores)
    return found


def over_windows(found: Sequence[Score]) -> dict[str, list[float]]:
    """Curves of the scores of `evaluate.windows`, with their floors where there are any."""
    lines = {"generated": [s.value for s in found]}
    if all(s.floor is not None for s in found):
        key = "at the floor's counts"
        lines[key] = [s.card["resampled"][key] for s in found]
        lines["floor: real against real"] = [s.floor for s in found]
    return lines


def by_protocol(
    real: VideoSet, made: Videos, found: Mapping[str, Extractor], seed: int = 0
) -> list[Score]:
    """The same samples under all named protocols; what cannot be had is printed."""
    with Progress(1, "scoring under every protocol") as bar:

        def tell(done: int, total: int, name: str) -> None:
            bar.total = total
            bar.update(done, name)

        scores, refused = evaluate.under_protocols(real, made, found, seed=seed, progress=tell)
    for name, sentence in refused.items():
        print(f"{name}: {sentence}")
    return scores


def inception_scores(
    videos: VideoSet, sides: Mapping[str, Videos], extractor: Extractor, seed: int = 0
) -> dict[str, list[Score]]:
    """Video IS with H(y) and H(y|x) of several sets of clips, by a classifier of the set's own
    classes; of a set with a single one (faces that smile) by its actors, as the thesis does.
    Raises InputError for a set with neither.
    """
    labels = {v.label for v in videos.videos}
    by = "label" if len(labels) > 1 or not any(v.subject for v in videos.videos) else "subject"
    classifier = train_classifier(videos, extractor, by, seed=seed)
    return {
        name: inception.video_is(side, classifier, seed, real=videos)
        for name, side in sides.items()
    }


# ------------------------------------------------------------------------------------- long horizon


def horizon_rows(
    sides: Mapping[str, Videos], real: Videos, hop: int, hops: Mapping[str, int] | None = None
) -> list[dict]:
    """Rows: each set of videos, and the real ones, by the measures that need no network. hops: of
    the sets whose junctions lie elsewhere than every `hop` frames.
    """
    rows, usual = [], hop
    for name, videos in {"real": list(real), **sides}.items():
        hop = (hops or {}).get(name, usual)
        row = {
            "videos": name,
            "frames": round(np.mean([len(v) for v in videos])),
            "motion": np.mean([measures.motion(v, hop) for v in videos]),
            "seam ratio": _mean([measures.seam_ratio(v, hop) for v in videos]),
            "sharpness": np.mean([measures.sharpness(v) for v in videos]),
        }
        against = horizon.against_real(videos, real)
        rows.append(row | {k: ours for k, (ours, _) in against.items()})
    return rows


LONG = (  # of the measures over real video's own; each drift beside the motion it was had at
    "motion",
    "decay of motion",
    "drift of colour",
    "drift of sharpness",
    "rise of resets",
    "acceleration",
    "worst octave",
    "energy of waves",
    "temporal spectrum",
)


def long_rows(sides: Mapping[str, Videos], real: Videos) -> list[dict]:
    """Rows: each set of videos over real video (evaluate/long.py): 1 is as real, of resets and
    spectra 0. The spectrum of features is of a few videos.
    """
    rows = []
    with Progress(len(sides), "long video against real") as bar:
        for done, (name, videos) in enumerate(sides.items(), 1):
            found = against_real(videos, real, judge())
            flat = {k: v["drift"] if isinstance(v, dict) else v for k, v in found.items()}
            kept = {k: v for k, v in flat.items() if k.startswith(LONG)}
            rows.append({"videos": name} | {k.replace("energy of ", ""): kept[k] for k in kept})
            bar.update(done, name)
    return rows


def _mean(values: Sequence[float]) -> float | None:
    known = [v for v in values if np.isfinite(v)]
    return float(np.mean(known)) if known else None


def over_time(
    curve: Callable[[np.ndarray], np.ndarray], sides: Mapping[str, Videos]
) -> dict[str, np.ndarray]:
    """Mean curve of each set, over the frames that all its videos have."""
    found = {}
    for name, videos in sides.items():
        shortest = min(map(len, videos))
        found[name] = np.mean([curve(v[:shortest]) for v in videos], 0)
    return found


def repetition_by_length(
    sides: Mapping[str, Videos], lengths: Sequence[int]
) -> dict[str, tuple[list[int], list[float]]]:
    """(lengths, mean repetition) of each set, at the lengths that all its videos reach."""
    found = {}
    for name, videos in sides.items():
        reached = [n for n in lengths if n <= min(map(len, videos))]
        heights = [np.mean([horizon.repetition(v[:n]).height for v in videos]) for n in reached]
        found[name] = (reached, [float(h) for h in heights])
    return found


def cost_rows(model: Trained, footage: np.ndarray, p, lengths: Sequence[int]) -> list[dict]:
    """Time and peak memory of long video at each length, its frames dropped as they come."""

    def make(n: int):
        looped = cost.Looped(footage, n + CLIP)
        for piece in model.generate(footage=looped, hop=p.hop, seed=p.seed):
            yield as_frames(piece[0])

    return cost.cost(make, lengths)


# ---------------------------------------------------------------------------------------- published


def published_rows(dataset: str, metric: str, **chosen) -> list[dict]:
    """What papers print for this metric on this data set: rows with their source; [] if nothing.
    chosen: other fields of a cell, such as method or number (published.find has them all).
    """
    try:
        cells = published.find(metric=metric, data=PRINTED.get(dataset, dataset), **chosen)
    except InputError:  # a set that no table of that metric has
        return []
    return [
        {
            "method": f"{c.method} ({c.setting})" if c.setting else c.method,
            "frames": c.frames,
            "pixels": c.resolution,
            f"published {metric}": c.value,
            "source": f"{c.paper}, table {c.number}",
        }
        for c in cells
    ]
