"""Every table and figure of the thesis and of the ICIP paper as a named study: what varies, on what
data, by which measures, and where its published numbers are.

    python -m rencgan study                     what there is, and what has been run
    python -m rencgan study T4.3 --seeds 1 2 3  runs one; "all" for every one of them

A variant is a contestant (contestants.py) and a way of drawing codes; contestants that several
studies name are trained once. Studies without variants are made elsewhere, and say where.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from rencgan.core.errors import InputError
from rencgan.core.files import project_root
from rencgan.presets.preset import PRESETS
from rencgan.studies import papers as published
from rencgan.studies import results
from rencgan.studies import runs as compare
from rencgan.studies.setting import checked, close
from rencgan.studies.variants import LENGTHS, contestant


@dataclass(frozen=True)
class Variant:
    """A row of a study's table. printed: its method and setting in the published table."""

    label: str
    contestant: str
    way: str = "sample"
    printed: tuple[str, str] | None = None


@dataclass(frozen=True)
class Study:
    """A row of the list of tables and figures."""

    name: str
    covers: str  # all tables and figures that it stands for
    question: str
    variants: tuple[Variant, ...] = ()
    measures: tuple[str, ...] = ("16f", "128f", "ratio")
    datasets: tuple[str, ...] = ("sky",)
    tables: tuple[tuple[str, str], ...] = ()  # published ones: (paper, number)
    by: str = ""  # what else makes it
    pictures: tuple[str, ...] = ()  # functions of study_pictures

    @property
    def contestants(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(v.contestant for v in self.variants))


def _v(label: str, name: str, way: str = "sample", method: str = "", setting: str = "") -> Variant:
    return Variant(label, name, way, (method, setting) if method else None)


_E = partial(_v, way="encoded", method="EncGAN3")
_N = partial(_v, way="noise", method="EncGAN3")
_R = partial(_v, method="R2")
THESIS = "thesis"
G3AN = "EncGAN3, no encoder"  # G3AN with F-SA, as Table 3.2 has it
OF_CLIPS = ("16f", "clip motion", "clip sharpness")
LONG = ("16f", "128f", "ratio", "16f, last 128", "jump", "motion", "drift", "repetition")
OWN = ("16f", "128f", "ratio", "16f, own", "128f, own")
BY_LENGTH = tuple(f"{n}f" for n in LENGTHS)

_CHAPTER_3 = (
    Study(
        "T3.1",
        "T3.1, T4.1, T4.4, T5.4; F3.1, F4.1 to F4.3, F5.1 to F5.3, ICIP F1",
        "What are the data, and how are the models built?",
        tables=((THESIS, "3.1"), (THESIS, "4.1"), (THESIS, "4.4"), (THESIS, "5.4")),
        by="notebook 01_data (data cards); studies.sizes (networks); the docstrings name equations",
    ),
    Study(
        "T3.2",
        "T3.2, T3.3, F3.2, F3.3",
        "Does an encoder make a better generator than G3AN, early and late in training?",
        (
            _v("G3AN", G3AN, "noise", "G3AN"),
            _v("EncGAN3", "EncGAN3", "encoded", "EncGAN3"),
            _v("G3AN, a quarter of the steps", f"{G3AN}, a quarter of the steps", "noise"),
            _v("EncGAN3, a quarter of the steps", "EncGAN3, a quarter of the steps", "encoded"),
        ),
        OF_CLIPS,
        tables=((THESIS, "3.2"), (THESIS, "3.3")),
        by="notebook 02_encgan3 (video IS and its parts)",
    ),
    Study(
        "F3.4",
        "F3.4 to F3.9",
        "What do EncGAN3's clips and their difference maps look like, beside G3AN's?",
        (_v("EncGAN3", "EncGAN3", "encoded"), _v("G3AN", G3AN, "noise")),
        OF_CLIPS,
        pictures=("difference_maps",),
    ),
    Study(
        "T3.4",
        "T3.4",
        "What does each part of EncGAN3 contribute?",
        (
            _E("no G_C, no G_T", "EncGAN3, no G_C, no G_T", setting="no G_C, no G_T"),
            _E("no G_C", "EncGAN3, no G_C", setting="no G_C"),
            _E("no G_T", "EncGAN3, no G_T", setting="no G_T"),
            _E("no F-SA", "EncGAN3, no F-SA", setting="no F-SA"),
            _N("no encoder", G3AN, setting="no encoder"),
            _E("full model", "EncGAN3", setting="full model"),
        ),
        OF_CLIPS,
        tables=((THESIS, "3.4"),),
    ),
    Study(
        "T3.5",
        "T3.5",
        "Encoder in training and in test, with and without F-SA?",
        (
            _N("no encoder, no F-SA", f"{G3AN}, no F-SA", setting="no encoder, no F-SA"),
            _N("no encoder, F-SA", G3AN, setting="no encoder, F-SA"),
            _N("training, no F-SA", "EncGAN3, no F-SA", setting="encoder in training, no F-SA"),
            _N("training, F-SA", "EncGAN3", setting="encoder in training, F-SA"),
            _E(
                "training and test, no F-SA",
                "EncGAN3, no F-SA",
                setting="encoder in training and test, no F-SA",
            ),
            _E(
                "training and test, F-SA",
                "EncGAN3",
                setting="encoder in training and test, F-SA",
            ),
        ),
        OF_CLIPS,
        tables=((THESIS, "3.5"),),
    ),
    Study(
        "T3.6",
        "T3.6",
        "First frame and difference maps, or whole frames? And which learning rate?",
        (
            _v("whole frames", "EncGAN3", "encoded"),
            _v("L_Enc,v", "EncGAN3, L_Enc,v", "encoded"),
            _v("L_Enc,v and L_G,v", "EncGAN3, L_Enc,v and L_G,v", "encoded"),
            _v("the same, lower rate", "EncGAN3, L_Enc,v and L_G,v, lower rate", "encoded"),
            _v("whole frames, lower rate", "EncGAN3, lower rate", "encoded"),
        ),
        OF_CLIPS,
        tables=((THESIS, "3.6"),),
    ),
    Study(
        "F3.10",
        "F3.10, F3.11, F4.10",
        "What do exchanged motion codes, and sums of codes, make?",
        by="weights that come with the project (rencgan.load)",
        pictures=("exchanged_codes", "summed_codes"),
    ),
    Study(
        "F3.12",
        "F3.12",
        "Clips at a steady step, or frames drawn uniformly, with and without the encoder?",
        (
            _v("uniform, encoder", "EncGAN3, uniform sampling", "encoded"),
            _v("uniform, no encoder", "EncGAN3, no encoder, uniform sampling", "noise"),
            _v("step, encoder", "EncGAN3", "encoded"),
            _v("step, no encoder", G3AN, "noise"),
        ),
        OF_CLIPS[1:],  # real clips at such a pace are longer than the videos of the comparison
        pictures=("sampling_strategies",),
    ),
    Study(
        "F3.13",
        "F3.13",
        "Does a longer motion code make a longer clip?",
        by="weights that come with the project (rencgan.load)",
        pictures=("longer_motion_code",),
    ),
)
_CHAPTER_4 = (
    Study(
        "T3.7",
        "T3.7, section 4.4.5",
        "What does memory grow with?",
        tables=((THESIS, "3.7"),),
        by="python -m rencgan benchmark --only training memory",
    ),
    Study(
        "F4.4",
        "F4.4, F4.5, F4.6, F4.12",
        "LEncGAN: which target, what is handed on, LSTM or fc; and is R2 better?",
        (
            _v("middle frame the target", "LEncGAN"),
            _v("first frame the target", "LEncGAN, first frame the target"),
            _v("no target", "LEncGAN, no target"),
            _v("hands on the output", "LEncGAN, hands on the output"),
            _v("hands on the cell state", "LEncGAN, hands on the cell state"),
            _v("hands on nothing", "LEncGAN, hands on nothing"),
            _v("fc", "LEncGAN, fc"),
            _v("R2", "R2, loss v4"),
            _v("R2 with our terms of pairs", "R2"),
        ),
        LONG,
    ),
    Study(
        "T4.2",
        "T4.2, T4.7",
        "Which part of recall does it?",
        (
            _R("R_Enc", "R2, loss v1, R_Enc alone", setting="R_Enc"),
            _R("R_3VD", "R2, loss v1, R_3VD alone", setting="R_3VD"),
            _R("R_Enc and R_3VD", "R2, loss v1", setting="R_Enc and R_3VD"),
        ),
        BY_LENGTH,
        tables=((THESIS, "4.2"),),
    ),
    Study(
        "T4.3",
        "T4.3",
        "Which loss?",
        (
            _R("v1", "R2, loss v1", setting="loss v1"),
            _R("v2", "R2, loss v2", setting="loss v2"),
            _R("v3", "R2, loss v3", setting="loss v3"),
            _R("v4", "R2, loss v4", setting="loss v4"),
            _R("v5", "R2, loss v5", setting="loss v5"),
        ),
        BY_LENGTH,
        tables=((THESIS, "4.3"),),
    ),
    Study(
        "4.5.3",
        "section 4.5.3 (announced there, without numbers)",
        "How many frames should neighbouring clips share, and how large is the motion code?",
        (
            _v("overlap 4", "R2, overlap 4"),
            _v("overlap 8", "R2"),
            _v("overlap 12", "R2, overlap 12"),
            _v("motion code a quarter", "R2, motion code a quarter"),
            _v("motion code twice", "R2, motion code twice"),
        ),
    ),
    Study(
        "T4.8",
        "T4.8",
        "Every frame, or every fourth?",
        (
            _R("step 1", "R2, loss v1", setting="step 1"),
            _R("step 4", "R2, loss v1, step 4", setting="step 4"),
        ),
        ("16f, every 4th", "32f, every 4th"),
        tables=((THESIS, "4.8"),),
    ),
    Study(
        "T4.5",
        "T4.5, F4.7, F4.8, F4.9, ICIP F2",
        "How good is R2, and does it stay so over 1000 frames?",
        (
            _v("R2", "R2, loss v4", method="R2"),
            _v("R2 with our terms of pairs", "R2", method="R2"),
        ),
        ("16f", "128f", "ratio", "16f, first 128", "16f, last 128"),
        ("sky", "taichi"),
        ((THESIS, "4.5"),),
        by="notebook 03_rencgan (windows along the videos)",
    ),
    Study(
        "ICIP F3",
        "ICIP F3",
        "Do successive windows of long videos stay as good?",
        (_v("R2", "R2, loss v4"), _v("R2 with our terms of pairs", "R2")),
        ("16f, first 128", "16f, last 128"),
        ("taichi",),
        by="notebook 03_rencgan (windows along the videos)",
    ),
    Study(
        "T4.6",
        "T4.6, F4.11, ICIP T1, T2",
        "What does recall cost short video, and what does it give longer one?",
        (
            _v("EncGAN3, clips", "EncGAN3, R2's schedule", "encoded"),
            _v("R2, clips", "R2, loss v4", "encoded"),
            _v("EncGAN3, clips joined", "EncGAN3, R2's schedule"),
            _v("R2, clips joined", "R2, loss v4"),
        ),
        tables=((THESIS, "4.6"), ("ICIP", "1"), ("ICIP", "2")),
    ),
)
_CHAPTER_5 = (
    Study(
        "T5.5",
        "T5.5, F5.4 to F5.7",
        "R2, improved R2, AR2 and R3, and what they are given",
        (
            _v("R2", "R2", method="R2"),
            _v("improved R2", "improved R2", method="Improved R2"),
            _v("AR2", "AR2", method="AR2"),
            _v("R3", "R3, regression", "robust sample", "R3"),
        ),
        (*LONG[:3], "16f, own", "128f, own", *LONG[3:]),
        ("sky", "taichi"),
        ((THESIS, "5.5"),),
        by="notebooks 04_ar2 and 05_r3 (frames of 1000-frame videos)",
    ),
    Study(
        "T5.6",
        "T5.6",
        "3d or 1p2d video streams?",
        (
            _v("3d", "improved R2", method="Improved R2", setting="3d"),
            _v("1p2d", "R2", method="R2", setting="1p2d"),
        ),
        datasets=("sky", "taichi"),
        tables=((THESIS, "5.6"),),
    ),
    Study(
        "T5.7",
        "T5.7, F5.10",
        "What do the noise terms cost improved R2?",
        (
            _v("no noise", "improved R2", method="Improved R2", setting="no noise"),
            _v(
                "noise terms",
                "improved R2, noise terms",
                method="Improved R2",
                setting="noise terms",
            ),
        ),
        tables=((THESIS, "5.7"),),
    ),
    Study(
        "F5.8",
        "F5.8, F5.9",
        "Means or samples of the latent spaces, in training and in test?",
        (
            _v("trained on samples, mean", "improved R2", "mean"),
            _v("trained on samples, VDrej", "improved R2", "VDrej"),
            _v("trained on means, mean", "improved R2, trained on means", "mean"),
            _v("trained on means, VDrej", "improved R2, trained on means", "VDrej"),
        ),
    ),
    Study(
        "T5.8",
        "T5.8",
        "AR2: the mean, a sample, or the sample that the critic prefers?",
        (
            _v("mean", "AR2", "mean", "AR2", "mean"),
            _v("sample", "AR2", "sample", "AR2", "sample"),
            _v("sample and VDrej", "AR2", "VDrej", "AR2", "sample and VDrej"),
        ),
        datasets=("sky", "taichi"),
        tables=((THESIS, "5.8"),),
    ),
    Study(
        "T5.9",
        "T5.9, F5.11",
        "R3: which format of sequences?",
        (
            _v("pad0", "R3, regression", "robust sample", "R3", "cont, pad 0"),
            _v("padzs", "R3, regression, padzs", "robust sample", "R3", "cont, pad zs"),
            _v(
                "disc+cont",
                "R3, regression, disc+cont",
                "robust sample",
                "R3",
                "disc+cont, pad 0",
            ),
        ),
        OWN,
        tables=((THESIS, "5.9"),),
    ),
    Study(
        "T5.10",
        "T5.10, F5.12",
        "R3 in the format disc+cont: how wide a token?",
        (
            _v(
                "half",
                "R3, regression, disc+cont, half the width",
                "robust sample",
                "R3",
                "width 512",  # a third
            ),
            _v("whole", "R3, regression, disc+cont", "robust sample", "R3", "width 1536"),
            _v("twice", "R3, regression, disc+cont, twice the width", "robust sample"),
        ),
        OWN,
        tables=((THESIS, "5.10"),),
    ),
    Study(
        "T5.11",
        "T5.11, F5.13",
        "R3: clip by clip or all tokens first, rejection or not, mean or sample?",
        (
            _v("faster, VDrej", "R3, regression", "faster VDrej", "R3", "faster, VDrej"),
            _v("faster, sample", "R3, regression", "faster sample", "R3", "faster, no VDrej"),
            _v("faster, mean", "R3, regression", "faster mean"),
            _v("robust, VDrej", "R3, regression", "robust VDrej", "R3", "robust, VDrej"),
            _v("robust, sample", "R3, regression", "robust sample"),
        ),
        (*OWN, "s for 1000"),
        tables=((THESIS, "5.11"),),
    ),
    Study(
        "heads",
        "ours",
        "R3: an average of the futures, or one of them?",
        (
            _v("regression, robust", "R3, regression", "robust sample"),
            _v("regression, faster", "R3, regression", "faster sample"),
            _v("mixture, robust", "R3, mixture", "robust sample"),
            _v("mixture, faster", "R3, mixture", "faster sample"),
            _v("flow, robust", "R3, flow", "robust sample"),
            _v("flow, faster", "R3, flow", "faster sample"),
            _v("mixture, noise, robust", "R3, mixture, noise", "robust sample"),
            _v("mixture, noise, faster", "R3, mixture, noise", "faster sample"),
        ),
        ("16f, own", "128f, own", "16f, last 128", "motion", "drift", "repetition"),
        ("sky", "taichi"),
    ),
    Study(
        "AR2+",
        "ours",
        "What does AR2 gain from training on its own flaws?",
        (
            _v("AR2", "AR2"),
            _v("noise on the recalled clip", "AR2+, noise"),
            _v("roll-outs", "AR2+, roll-outs"),
        ),
        LONG,
        ("sky", "taichi"),
    ),
    Study(
        "cost",
        "T5.1 to T5.3, T5.12, T5.13, section 5.3.5",
        "What do training, weights and generation cost?",
        tables=tuple((THESIS, n) for n in ("5.1", "5.2", "5.3", "5.12", "5.13")),
        by="notebook 08_results; rencgan.studies.benchmark; rencgan.studies.sizes",
    ),
)
STUDIES = {s.name: s for s in (*_CHAPTER_3, *_CHAPTER_4, *_CHAPTER_5)}


def study(name: str) -> Study:
    """The study of that name; an unknown one is refused with the list of those there are."""
    if name not in STUDIES:
        raise InputError(
            f"there is no study {name!r}{close(name, STUDIES)}; choose from {', '.join(STUDIES)}"
        )
    return STUDIES[name]


def ways_of(s: Study, name: str) -> list[str]:
    """The ways in which a study draws the codes of one of its contestants."""
    return list(dict.fromkeys(v.way for v in s.variants if v.contestant == name))


def _check(s: Study, dataset: str, seeds: Sequence[int], given: dict) -> None:
    """Raises InputError for what a run of a study would refuse, before anything is trained."""
    if not s.variants:
        raise InputError(f"study {s.name!r} trains nothing; it is made by {s.by}")
    for seed in seeds:
        p = checked(given | {"dataset": dataset, "seed": seed})
        for name in s.contestants:
            contestant(name).preset(p)


def run(s: Study, dataset: str, seeds: Sequence[int], given: dict, out: Path) -> Iterator[Path]:
    """Trains and scores the variants of a study that are missing; their files, one by one.

    given: further parameters of a run (preset, source, data_root, out_root). Raises InputError for
    a study without variants.
    """
    _check(s, dataset, seeds, given)
    for seed in seeds:
        p, videos, task = compare.prepared(given | {"dataset": dataset, "seed": seed})
        for name in s.contestants:
            c, ways = contestant(name), ways_of(s, name)
            yield compare.run(c, p, videos, ways, task, out, p.out_dir.parents[1])


# ------------------------------------------------------------------------------------------- tables


def rows(s: Study, files: Sequence[dict]) -> list[dict]:
    """A study's table for one data set: a row a variant, means over seeds and their deviation; []
    where none was run. Variants without results stay in it, empty.
    """
    table = []
    for v in s.variants:
        found = {m: results.values(files, v.contestant, v.way, m) for m in s.measures}
        seeds = max((len(f) for f in found.values()), default=0)
        told = {m: results.told(list(f.values()), m) for m, f in found.items()}
        table.append({"variant": v.label, "seeds": seeds} | told)
    return table if any(row["seeds"] for row in table) else []


def published_table(paper: str, number: str) -> list[dict]:
    """One published table in its own form: a row a method, setting and data set (as far as it tells
    them), a column a number.
    """
    table = published.table(paper, number)
    heads = [{"method": r.method, "setting": r.setting, "data": r.data} for r in table.rows]
    told = [name for name in ("method", "setting", "data") if any(h[name] for h in heads)]
    found = []
    for row, head in zip(table.rows, heads, strict=True):
        cells = {}
        for column, printed in zip(table.columns, row.printed, strict=True):
            frames = "" if column.frames is None else f" {column.frames}f"
            place = " ".join(x for x in (column.data, column.metric) if x) + frames
            cells[place + (f" ({column.unit})" if column.unit else "")] = printed
        found.append({name: head[name] for name in told} | cells)
    return found


def overview(files: Sequence[dict]) -> list[dict]:
    """Rows: every study, what it covers, how many of its variants have all their results, and of
    how many seeds.
    """
    table = []
    for s in STUDIES.values():
        of = [f for f in files if f["dataset"] == s.datasets[0]]
        seeds = [
            sum(
                compare.is_scored(f["ways"].get(v.way, {}), v.way, contestant(v.contestant))
                for f in of
                if f["contestant"] == v.contestant
            )
            for v in s.variants
        ]
        done = sum(n > 0 for n in seeds)
        told = f"{done} of {len(seeds)}" if seeds else "no training"
        span = f"{min(n for n in seeds if n)} to {max(seeds)}" if done else ""
        table.append({"study": s.name, "covers": s.covers, "run": told, "seeds": span})
    return table


def effort(asked: Sequence[tuple[Study, str]], files: Sequence[dict], seeds: Sequence[int]) -> str:
    """In a sentence, what these studies, each on a data set, take from nothing, by the seconds in
    the result files.
    """
    runs = {(d, name) for s, d in asked for name in s.contestants}
    took = {}
    for f in files:
        seconds = f.get("training", {}).get("seconds")
        scored = sum(w.get("seconds for all videos") or 0 for w in f["ways"].values())
        if seconds is not None:
            took.setdefault(f["contestant"], []).append(seconds + scored)
    known = [float(np.mean(took[name])) for _, name in runs if name in took]
    each = float(np.mean(known)) if known else float("nan")
    if not known:
        return f"{len(runs)} trainings for each of {len(seeds)} seeds; none was timed yet."
    hours = each * len(runs) * len(seeds) / 3600
    return (
        f"{len(runs)} trainings for each of {len(seeds)} seeds, about {each / 60:.0f} minutes each "
        f"where the files were made, with their scores: {hours:.0f} hours, one after the other."
    )


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="rencgan.studies.catalogue", description=__doc__.split("\n")[0]
    )
    parser.add_argument("study", nargs="?", help='one of them, or "all"; none: a list')
    parser.add_argument("--dry", action="store_true", help="say what it takes, and run nothing")
    parser.add_argument("--dataset", help="default: those of the study")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1], metavar="SEED")
    parser.add_argument("--preset", default="mini", choices=sorted(PRESETS))
    parser.add_argument("--source", default="procedural", choices=("procedural", "real"))
    parser.add_argument("--data-root", default="", help="folder of real videos")
    parser.add_argument("--out", type=Path, default=compare.RESULTS, help="where JSON files go")
    parser.add_argument("--work", type=Path, default=project_root() / "runs" / "compare")
    o = parser.parse_args(argv)
    if o.study is None:
        files = results.read(o.out, preset=o.preset, source=o.source)
        print(results.as_markdown(overview(files)))
        return
    chosen = [study(o.study)] if o.study != "all" else [s for s in STUDIES.values() if s.variants]
    given = {"preset": o.preset, "source": o.source, "data_root": o.data_root}
    given |= {"out_root": str(o.work.resolve())}
    asked = [(s, d) for s in chosen for d in ([o.dataset] if o.dataset else s.datasets)]
    seeds = list(dict.fromkeys(o.seeds))
    for s, dataset in asked:
        _check(s, dataset, seeds, given)
    if o.dry:
        print(effort(asked, results.read(o.out, preset=o.preset, source=o.source), seeds))
        return
    for s, dataset in asked:
        for path in run(s, dataset, seeds, given, o.out):
            print(path.name, flush=True)
        print(results.as_markdown(rows(s, results.read(o.out, dataset, o.preset, o.source))))


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        raise SystemExit(f"{error}") from None
