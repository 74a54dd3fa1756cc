"""What notebooks 06 and 08 do, one call a step: studies as tables and pictures, cost, full-scale
recipes.
"""

import html
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from rencgan.data.hops import CLIP
from rencgan.data.videoset import VideoSet
from rencgan.notebook import scoring, show
from rencgan.notebook import steps as study
from rencgan.notebook.pictures import PICTURES
from rencgan.notebook.show import Html
from rencgan.presets.preset import PRESETS, preset
from rencgan.studies import catalogue as studies
from rencgan.studies import ledger, results, sizes
from rencgan.studies import papers as published
from rencgan.studies import runs as compare
from rencgan.studies.catalogue import Study
from rencgan.studies.claims import claims_of
from rencgan.studies.variants import CLIP_WAYS, contestant

BENCHMARKS = compare.RESULTS.parent  # of files benchmark*.json: `rencgan.studies.benchmark --json`

# ---------------------------------------------------------------------------------- ablations (06)


def section(s: Study, files: Sequence[dict], folder: Path, videos: VideoSet, p) -> Iterator[Html]:
    """A study for the page: its question, our table, its verdicts, frames, published numbers."""
    yield Html(f"<h3>{html.escape(s.name)} · {html.escape(s.question)}</h3>", s.name)
    if s.covers not in (s.name, "ours"):
        yield note(f"Covers {s.covers}.")
    if s.by:
        yield note(f"Made by {s.by}.")
    for dataset in dict.fromkeys((*s.datasets, p.dataset)) if s.variants else ():
        of = [f for f in files if f["dataset"] == dataset]
        if table := studies.rows(s, of):
            where = f"{dataset}, {of[0]['preset']}, {of[0]['source']}; seeds and their deviation."
            yield show.table(table, caption=f"Ours: {where}")
            yield from strips(s, of, folder)
        elif dataset in s.datasets:
            yield note(f"Not run on {dataset}: python -m rencgan study '{s.name}'")
    if claims := claims_of(s.name):
        found = [drop(row, "study") for row in ledger.rows(files, claims)]
        yield show.table(found, caption="What is claimed or asked, and what came out here.")
    for name in s.pictures:
        for image, caption in scoring.attempt(PICTURES[name], videos, p.seed) or []:
            yield show.picture(image, caption)
    for paper, number in s.tables:
        title = published.table(paper, number).title
        table = studies.published_table(paper, number)
        yield show.table(table, caption=f"Published, {paper}, Table {number}: {title}.")


def strips(s: Study, files: Sequence[dict], folder: Path) -> Iterator[Html]:
    """A row of frames for every variant, of the first seed that has any."""
    found: dict[str, np.ndarray] = {}
    for v in s.variants:
        for f in (f for f in files if f["contestant"] == v.contestant):
            stem = f"{f['dataset']}-{f['source']}-{f['preset']}"
            name = f"{stem}-{compare.slug(v.contestant)}-seed{f['seed']}.json"
            path = compare.strip_of(folder / name, v.way)
            if path.exists() and v.label not in found:
                sheet = np.asarray(Image.open(path).convert("RGB"))
                size = sheet.shape[1] // compare.STRIP
                kept = np.stack(np.split(sheet[:size], compare.STRIP, axis=1))
                whole = (
                    CLIP if v.way in CLIP_WAYS else compare.SHORT // contestant(v.contestant).step
                )
                at = np.linspace(0, compare.STRIP - 1, whole).round().astype(int)
                found[v.label] = kept[at]  # so that the sheet's numbers are those of frames
    if found:
        sheet = show.contact_sheet(list(found.values()), list(found), compare.STRIP)
        told = "One video of each, of its first seed: frames evenly spaced over what is scored."
        yield show.picture(sheet, told)


def drop(row: Mapping, *names: str) -> dict:
    return {k: v for k, v in row.items() if k not in names}


def note(text: str) -> Html:
    return Html(f"<p>{html.escape(text)}</p>", text)


# ------------------------------------------------------------------------------------ results (08)


def over_length(files: Sequence[dict]) -> list[dict]:
    """Rows, a model each: its distance in the first and in the last 128 of 1000 frames (of clips of
    16), the share that it rises by, and that of real video.
    """
    table = []
    for name in dict.fromkeys(f["contestant"] for f in files):
        ways = dict.fromkeys(w for f in files if f["contestant"] == name for w in f["ways"])
        for way in ways:
            start = results.values(files, name, way, "16f, first 128")
            end = results.values(files, name, way, "16f, last 128")
            seeds = sorted(set(start) & set(end))
            if seeds:
                rise = [end[s] / start[s] for s in seeds]
                row = {"videos": f"{name}, {way}", "seeds": len(seeds)}
                row["first 128 frames"] = results.told([start[s] for s in seeds], "16f")
                row["last 128 frames"] = results.told([end[s] for s in seeds], "16f")
                table.append(row | {"times": results.told(rise, "")})
    return table


def size_rows() -> list[dict]:
    """Rows: parameters of every network at every preset, beside Table 5.3's, and their storage in
    float32, in GB of 1024^3 bytes (Eq. 5.4).
    """
    table = []
    for name in PRESETS:
        p = preset(name)
        p = p.but(video_stream="3d") if name == "128" else p  # Table 5.3 describes improved R2
        counts = sizes.sizes(p)
        for network, row in counts.items():
            n = row["parameters"]
            table.append(
                {
                    "preset": name,
                    "network": network,
                    "parameters": n,
                    "published": row["published"],
                    "GB": n * 4 / 1024**3,
                }
            )
    return table


def benchmark(folder: Path = BENCHMARKS) -> dict:
    """What `studies.benchmark --json` measured, of all files kept in a folder: {"rows": [...]}, a
    row each with its machine.
    """
    rows = []
    for path in sorted(folder.glob("benchmark*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        device = found["provenance"]["device"]
        machine = f"{device.get('gpu') or device['cpu']}, {device['threads']} threads"
        rows += [row | {"machine": machine} for row in found["rows"]]
    return {"rows": rows}


def measured_rows(found: Mapping) -> list[dict]:
    """Rows of the benchmark for a table."""
    table = []
    for r in found["rows"]:
        row = {k: r[k] for k in ("what", "preset", "how", "machine")}
        if "left_out" in r:
            row |= {"median": None, "unit": f"left out: {r['left_out']}"}
        else:
            row |= {"median": r["median"], "unit": r["unit"]}
        table.append({k: row[k] for k in ("what", "preset", "how", "median", "unit", "machine")})
    return table


# Where full scale is: AT_64 are studies whose published tables are of 64x64, not of 128x128.
FACES = ("T3.2", "F3.4", "T3.4", "T3.5", "T3.6", "F3.12", "T4.6")  # on uva; the others on taichi
AT_64 = (*FACES, "F4.4", "T4.2", "T4.3", "4.5.3", "T4.8")
SETS = {"T4.5": ("taichi", "sky"), "T5.5": ("taichi", "sky"), "T5.8": ("taichi", "sky")}


def full_scale_rows(found: Mapping) -> list[dict]:
    """Rows: the command for each study at full scale, how many trainings it has for one seed, the
    pairs of one, the hours of one at R2's pairs a second as the benchmark measured them (see its
    machine; without a GPU they are weeks), and R2's memory on a GPU. None where that was not
    measured. The GPTs of R3 come on top of their R2, and are not in the hours.
    """
    rows = {
        r["preset"]: r
        for r in found["rows"]
        if r["what"] == "train R2" and "left_out" not in r and r["how"] == "as it is"
    }
    table = []
    for s in (s for s in studies.STUDIES.values() if s.variants):
        name = "64" if s.name in AT_64 else "128"
        p, measured = preset(name), rows.get(name, {})
        rate, peak = measured.get("median"), measured.get("peak MB on the GPU")
        for data in SETS.get(s.name, ("uva",) if s.name in FACES else ("taichi",)):
            asked = f"-p study '{s.name}' -p dataset {data} -p preset {name}"
            row = {"study": s.name, "command": f"papermill 06_ablations.ipynb out.ipynb {asked}"}
            row |= {"trainings": len(s.contestants), "pairs of one": p.steps * p.batch}
            row["hours of one"] = p.steps * p.batch / rate / 3600 if rate else None
            row |= {"GB on the GPU": peak and peak / 1000, "measured on": measured.get("machine")}
            table.append(row)
    return table


def save(p, name: str, started: float, videos: VideoSet, **found) -> dict:
    """The notebook's JSON, with provenance."""
    return study.save_results(p, name, PRESETS[p.preset], videos, started, **found)
