"""What is seen first of the results: a chart and a table of ten rows, in the README and on the page
of results, and there the main table.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import seaborn
from matplotlib.figure import Figure
from PIL import Image

from rencgan.data.videoset import VideoSet
from rencgan.evaluate.references import HELD
from rencgan.notebook import first_sight, show
from rencgan.notebook.kept import attempt
from rencgan.studies import far, main_table, results
from rencgan.studies.main_table import FORMATS, heads
from rencgan.studies.references import HELD_OTHERS, LABELS, OTHERS, REAL
from rencgan.studies.results import FASTER
from rencgan.studies.setting import checked
from rencgan.studies.variants import EX_POST

__all__ = ["FORMATS", "STRIP", "TOLD", "chart", "heads", "main", "rows", "shows"]
__all__ += ["tables", "ten_thousand"]

OURS, THEIRS = "ours", "baseline"
SYSTEMS = (  # name, way, chapter, file
    ("EncGAN3, warm-ups", "sample", "3", "models/encgan3.py"),
    ("R2", "sample", "4", "models/r2.py"),
    ("improved R2", "sample", "5.2", "models/r2.py"),
    ("LEncGAN", "sample", "4.2", "models/lencgan.py"),
    ("AR2", "mean", "5.3", "models/ar2.py"),
    ("AR2", "ex-post mean", OURS, "models/starts.py"),
    ("AR2+, noise", "mean", OURS, "models/ar2.py"),
    ("R3, regression", FASTER, "5.4", "r3/r3.py"),
    ("R3, mixture", FASTER, OURS, "r3/heads.py"),
    ("R3, flow", FASTER, OURS, "r3/heads.py"),
    ("StyleGAN-V", "sample", THEIRS, "baselines/stylegan_v.py"),
    ("MotionVideoGAN", "sample", THEIRS, "baselines/motionvideogan.py"),
)
LEFT_OUT = ("improved R2", "AR2+, noise", "R3, mixture", "R3, flow", "StyleGAN-V", "MotionVideoGAN")
# ... of the table, which is of ten rows; in the others
PLAIN = ("motion", "sharpness")  # told without their spread, which is small
COLUMNS = ("16f, own", "128f, own", "motion distance", "jump", "motion", "sharpness")
TOLD = (  # below the table
    "The first rows are real (drawn) video in a model's place: a score beside no reference says "
    "nothing. Held, blurred and shuffled are made of the very videos that all are compared with, "
    "other real video is not; it can score behind them, and behind a model that sees those videos. "
    "own: from the first frame that is the model's own. jump: motion at a junction, in steps of "
    "real frames. ex-post (ours): the first codes drawn as those of clips lie, not from N(0, I)."
)
STRIP = [tile for tile in first_sight.ALL if tile[1] == 0]  # one scene


def rows(table: pd.DataFrame) -> list[dict]:
    """The references and systems by the measures of COLUMNS; without those that no system has."""
    systems = {f"{name}, {way}" for name, way, *_ in SYSTEMS if name not in LEFT_OUT}
    every = results.rows(table)
    for row in every:  # where no model is given real frames, all are its own
        row |= {c: row.get(c, row[c.removesuffix(", own")]) for c in COLUMNS}
        row |= {c: row[c].partition(" ± ")[0] for c in PLAIN}
    has = [c for c in COLUMNS if any(row[c] for row in every if row["videos"] in systems)]
    shown = systems | {name for way, name in LABELS.items() if way != HELD_OTHERS}  # ten rows
    kept = [row for row in every if row["videos"] in shown]
    return [{k: r[k] for k in ("videos", "seeds", *has)} for r in kept]


def real(table: pd.DataFrame, way: str = OTHERS) -> float:
    """128f of real video in a model's place; nan where there is none."""
    return float(results.values(table, REAL, way, "128f").mean())


def called(name: str, way: str) -> str:
    """What the chart and the sentences call a system: one in its usual way by its name."""
    return f"{name}, ex-post" if way in EX_POST else name


def distances(table: pd.DataFrame) -> pd.DataFrame:
    """128f of the systems, each in its way, with what they are "called"."""
    of = table[table.measure == "128f, own"]
    each = {called(*s[:2]): (of.contestant == s[0]) & (of.way == s[1]) for s in SYSTEMS}
    return pd.concat([of[chosen].assign(called=name) for name, chosen in each.items()])


def chart(table: pd.DataFrame) -> Figure:
    """A dot a seed: 128f of every system, and real video as lines."""
    of = distances(table)
    figure = Figure(figsize=(7, 2.8), layout="constrained")
    axes = figure.subplots()
    looks = {"color": "#c1440e", "size": 6, "jitter": False}
    seaborn.stripplot(of, x="value", y="called", ax=axes, **looks)
    for way, style in ((OTHERS, "-"), (HELD, ":")):
        axes.axvline(real(table, way), color="#444", linewidth=1, linestyle=style)
    told = " other real video (line), a first frame held (dotted)"
    axes.text(real(table), -0.6, told, va="bottom", fontsize=8, color="#444")
    axes.set(xlabel="FVD (compact), 128 frames; a dot a seed, less is better", ylabel="")
    axes.set_xlim(left=0)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def shows(table: pd.DataFrame) -> bool:
    """Whether a data set's results have what the chart is of: a system and real video."""
    return len(distances(table)) > 0 and real(table) > 0


def tables(p, videos: VideoSet, presets: Sequence[str]) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """(preset, data set, its results) of each preset, once, that has results of a run's folder."""
    for preset in dict.fromkeys(presets):
        files = results.read(p.results_path, preset=preset, source=videos.card["source"])
        for dataset, of in files.groupby("dataset", sort=False):
            yield preset, str(dataset), of


def main(p, table: pd.DataFrame) -> list[dict]:
    """The main table of one data set's results, a row a system (main_table.py)."""
    given = {n: table[n].iloc[0] for n in ("dataset", "source", "preset")}
    return main_table.rows(checked(given | {"data_root": p.data_root or "."}), table)


def ten_thousand() -> Iterator[show.Html]:
    """What the systems without an end come to over 10,000 frames: a table, and a strip of each."""
    yield from attempt("10,000 frames", lambda: list(_ten_thousand(far.FILE))) or ()


def _ten_thousand(path: Path) -> Iterator[show.Html]:
    found = far.read(path)
    caption = f"Drawn sky: {found['frames']:,} frames, {found['videos']} videos each."
    yield show.table(far.table(found), caption=caption)
    for row in found["rows"]:
        with Image.open(far.strip_of(path, row)) as strip:
            image = np.asarray(strip)
        told = f"{row['videos']}, {row['size']}x{row['size']}: one frame of every {far.EVERY}."
        yield show.picture(image, told)
