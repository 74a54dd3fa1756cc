"""What notebooks 06 and 08 do, one call a step: studies as tables and pictures, cost, full-scale
recipes.
"""

import html
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from rencgan.data.hops import CLIP
from rencgan.data.videoset import VideoSet
from rencgan.notebook import show
from rencgan.notebook.kept import attempt
from rencgan.notebook.pictures import PICTURES
from rencgan.notebook.show import Html
from rencgan.notebook.steps import save_results
from rencgan.presets.table import PRESETS, preset
from rencgan.studies import (
    catalogue,
    entries,
    ledger,
    main_table,
    papers,
    recipes,
    runs,
    sizes,
)
from rencgan.studies.catalogue import STUDIES, Study
from rencgan.studies.claims import claims_of
from rencgan.studies.columns import MOMENT
from rencgan.studies.variants import CLIP_WAYS, Contestant, contestant

BENCHMARKS = (
    entries.RESULTS.parent
)  # of files benchmark*.json: `python -m rencgan benchmark --json`

# ---------------------------------------------------------------------------------- ablations (06)


def section(s: Study, table: pd.DataFrame, folder: Path, videos: VideoSet, p) -> Iterator[Html]:
    """A study for the page: its question, our table, frames, its verdicts, published numbers; the
    last two behind a click where nothing of it was run.

    table: of ledger.files, from that folder; the claims are judged by all of it.
    """
    anchor, run = html.escape(s.name.replace(" ", "-")), not s.variants
    yield Html(f'<h3 id="{anchor}">{html.escape(s.name)} · {html.escape(s.question)}</h3>', s.name)
    if s.covers not in (s.name, "ours"):
        yield show.note(f"Covers {s.covers}.")
    if s.by:
        yield show.note(f"Made by {s.by}.")
    for dataset in dict.fromkeys((*s.datasets, p.dataset)) if s.variants else ():
        at = catalogue.preset_of(s, p.preset)
        of = catalogue.results_of(s, table, dataset, p.preset)
        if rows := catalogue.rows(s, of):
            run = True
            where = f"{dataset}, {of.preset.iloc[0]}, {of.source.iloc[0]}"
            yield show.table(rows, caption=f"Ours: {where}; seeds and their deviation.")
            yield from curves(s, of)
            if at == p.preset:  # the baselines' frames are those of notebook 07
                yield from strips(s, of, folder)
        elif dataset in s.datasets:
            yield show.note(
                f"Not run on {dataset} at {at}: python -m rencgan study '{s.name}' --preset {at}"
            )
    for name in s.pictures:
        for image, caption in attempt(name, PICTURES[name], videos, p.seed) or []:
            yield show.picture(image, caption)
    found = ledger.rows(table, claims_of(s.name))
    told = [*_claims(found), *_published(s)]
    if told and not run and not any(row["seeds"] for row in found):
        told = [show.folded("What is claimed and published", told)]
    yield from told


def _claims(found: Sequence[Mapping]) -> Iterator[Html]:
    """The claims of a study in a table, without the columns that none of them fills."""
    if found:
        columns = [k for k in found[0] if k != "study" and any(row[k] for row in found)]
        yield show.table(found, columns, "What is claimed or asked, and what came out here.")


def _published(s: Study) -> Iterator[Html]:
    for paper, number in s.tables:
        title = papers.table(paper, number).title
        rows = catalogue.published_table(paper, number)
        yield show.table(rows, caption=f"Published, {paper}, Table {number}: {title}.")


def strips(s: Study, table: pd.DataFrame, folder: Path) -> Iterator[Html]:
    """A row of frames for every variant."""
    yield from _strips(((v.label, v.contestant, v.way) for v in s.variants), table, folder)


def _strips(
    shown: Iterable[tuple[str, str, str]], table: pd.DataFrame, folder: Path
) -> Iterator[Html]:
    """A row of frames for every (label, contestant, way), of its first seed that has any."""
    found = {}
    for label, name, way in shown:
        if path := runs.first_strip(folder, table, name, way):
            found[label] = _frames(path, way, contestant(name))
    if found:
        sheet = show.contact_sheet(list(found.values()), list(found), runs.STRIP)
        told = "One video of each, of its first seed: frames evenly spaced over what is scored."
        yield show.picture(sheet, told)


def curves(s: Study, table: pd.DataFrame) -> Iterator[Html]:
    """Scores along the trainings of a study's models, a line a seed, and the best and the last of
    each; nothing where none was scored on its way.
    """
    lines, rows = {}, []
    scored = table[table.measure.str.startswith(MOMENT)]
    for name in dict.fromkeys(v.contestant for v in s.variants):
        for seed, of in scored[scored.contestant == name].groupby("seed"):
            steps = of.measure.str.removeprefix(MOMENT).astype(int)
            best = of.value.argmin()
            lines[f"{name}, seed {seed}"] = list(steps), list(of.value)
            row = {"model": name, "seed": seed, "best 16f": of.value.iloc[best]}
            row |= {"at step": steps.iloc[best], "last 16f": of.value.iloc[-1]}
            rows.append(row | {"at the last step": steps.iloc[-1]})
    if lines:
        told = (
            "FVD (compact) 16f along the training, of samples (EncGAN3, G3AN: clips from noise; "
            "R3: robust) against at most 64 held-out videos; the table above uses others (of real "
            "data perhaps the same). The best weights are kept."
        )
        yield show.curves(lines, "step", "16f", told)
        yield show.table(rows, formats={"best 16f": ".1f", "last 16f": ".1f"})


def _frames(path: Path, way: str, c: Contestant) -> np.ndarray:
    """A video of a kept picture, each of its frames as often as it stands for one that is scored:
    so that a contact sheet's numbers are those of frames.
    """
    kept, longest = runs.kept_frames(path), recipes.kind_of(c.kind).longest or runs.SHORT
    whole = CLIP if way in CLIP_WAYS else min(longest, runs.SHORT) // c.step
    return kept[np.linspace(0, runs.STRIP - 1, whole).round().astype(int)]


# ------------------------------------------------------------------------------------ results (08)

JUDGED = ("claim", "source", "verdict", "comparisons", "judged on", "so printed")
FOLDED = {  # verdict -> columns of the claims that are told behind a click
    ledger.UNDECIDED: ("claim", "source", "comparisons", "judged on", "so printed"),
    ledger.NOT_HERE: ("claim", "source", "why"),
    ledger.OF_COURSE: JUDGED,
}
UNJUDGED = ("claim", "source", "study", "so printed", "lacks", "elsewhere")


def ledger_tables(rows: Sequence[Mapping]) -> Iterator[Html]:
    """The ledger (rows: of ledger.rows) in tables of at most six columns: the decided claims, and
    behind clicks what other data say of the judged ones, and the others by verdict and reason.
    """
    decided, others, folds = [], [], {}
    for row in rows:
        at = f"{row['where']}, {row['seeds']} seed(s)" if row["where"] else ""
        row, verdict = row | {"judged on": at}, row["verdict"].partition(",")[0]
        others += [row] if at and (row["lacks"] or row["elsewhere"]) else []
        if verdict not in FOLDED:
            decided.append(row)
            continue
        reasons = {ledger.UNDECIDED: row["why"], ledger.OF_COURSE: "by construction"}
        title = ", ".join(filter(None, (verdict.capitalize(), reasons.get(verdict))))
        folds.setdefault(title, []).append(row)
    if decided:
        order = (ledger.HELD, ledger.MIXED, ledger.NOT_HELD)
        decided.sort(key=lambda row: order.index(row["verdict"]))
        yield show.table(decided, JUDGED, "The claims that are decided.")
    if others:
        columns = ("claim", "verdict", "lacks", "elsewhere")
        yield show.folded("The judged claims on other data", [show.table(others, columns)])
    for title, of in sorted(folds.items(), key=lambda item: -len(item[1])):
        columns = FOLDED[of[0]["verdict"].partition(",")[0]]
        columns = UNJUDGED if of[0]["why"] == ledger.NOT_RUN else columns
        of = sorted(of, key=lambda row: row["why"])
        yield show.folded(f"{title} ({len(of)})", [show.table(of, columns)])


def system_strips(p, table: pd.DataFrame) -> Iterator[Html]:
    """A row of frames for every system of a data set's main table, drawn in its usual way."""
    shown = ((name, name, main_table.way_of(name)) for name in main_table.SYSTEMS)
    yield from _strips(shown, table, p.results_path)


def size_rows() -> list[dict]:
    """Rows: parameters of every network at every preset, beside Table 5.3's, and their storage in
    float32, in GB of 1024^3 bytes (Eq. 5.4).
    """
    table = []
    for name in PRESETS:
        stream = {"video_stream": "3d"} if name == "128" else {}  # Table 5.3: improved R2
        for network, row in sizes.sizes(preset(name).but(**stream)).items():
            size = {"GB": row["parameters"] * 4 / 1024**3}
            table.append({"preset": name, "network": network} | row | size)
    return table


def benchmark(folder: Path = BENCHMARKS, names: str = "benchmark*.json") -> dict:
    """What `rencgan benchmark --json` measured, of all files of such names in a folder: {"rows":
    [...]}, a row each with its machine.
    """
    rows = []
    for path in sorted(folder.glob(names)):
        found = json.loads(path.read_text(encoding="utf-8"))
        device = found["provenance"]["device"]
        machine = f"{device.get('gpu') or device['cpu']}, {device['threads']} threads"
        rows += [row | {"machine": machine} for row in found["rows"]]
    return {"rows": rows}


def measured_rows(found: Mapping) -> list[dict]:
    """Rows of the benchmark for a table."""
    table = []
    for r in found["rows"]:
        unit = f"left out: {r['left_out']}" if "left_out" in r else r["unit"]
        row = {k: r.get(k) for k in ("what", "preset", "how", "median")}
        table.append(row | {"unit": unit, "machine": r["machine"]})
    return table


def full_scale_rows(found: Mapping) -> list[dict]:
    """Rows: the command for each study at full scale, how many trainings it has for one seed, the
    pairs of one, the hours of one at R2's pairs a second as the benchmark measured them (see its
    machine; without a GPU they are weeks), and R2's memory on a GPU. None where that was not
    measured. The GPTs of R3 come on top of their R2, and are not in the hours.
    """
    timed = [r for r in found["rows"] if (r["what"], r["how"]) == ("train R2", "as it is")]
    rows = {r["preset"]: r for r in timed if "left_out" not in r}
    table = []
    for s in (s for s in STUDIES.values() if s.variants and s.known_at(s.full_scale.preset)):
        name = s.full_scale.preset
        p, measured = preset(name), rows.get(name, {})
        rate, peak = measured.get("median"), measured.get("peak MB on the GPU")
        for data in s.full_scale.datasets:
            asked = f"-p study '{s.name}' -p dataset {data} -p preset {name}"
            row = {"study": s.name, "command": f"papermill 06_ablations.ipynb out.ipynb {asked}"}
            row |= {"trainings": len(s.contestants), "pairs of one": p.steps * p.batch}
            row["hours of one"] = rate and p.steps * p.batch / rate / 3600
            row |= {"GB on the GPU": peak and peak / 1000, "measured on": measured.get("machine")}
            table.append(row)
    return table


def save(p, name: str, started: float, videos: VideoSet, **found) -> dict:
    """The notebook's JSON, with provenance."""
    return save_results(p, name, PRESETS[p.preset], videos, started, **found)
