"""What the README shows: a moving picture, a row a system, five sentences, a chart, a table; and
reports/results.md with all tables and the ledger. Made from the result files and weights in
reports/ by `python -m rencgan readme`.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import rc_context
from PIL import Image

from rencgan.core.errors import InputError
from rencgan.core.files import project_root, replaced, slug, write_text
from rencgan.data.hops import CLIP
from rencgan.evaluate import fitness
from rencgan.evaluate.references import HELD, OTHER
from rencgan.notebook import first_sight, overview
from rencgan.notebook.tiles import Grid
from rencgan.studies import ledger, results, runs, standing
from rencgan.studies.entries import content_of
from rencgan.studies.references import HELD_OTHERS

REPORTS = project_root() / "reports"
DATASET, PRESET = "sky", "hour"  # of the numbers
PLAIN = "mini"  # where R2 was trained without our terms too
PLACES = {"skies": DATASET, "people": "taichi"}  # what is drawn -> the data set, of a row a system
PICTURE, CHART, TABLES = "first_sight.webp", "overview.svg", "results.md"
STRIPS = "systems"  # a folder
THESIS = [s for s in overview.SYSTEMS if s[2][0].isdigit()]  # a row each
SHOWN = 6  # frames of a system's strip: its last, which R3 is not given
QUALITY = 34  # of the picture, of 100: it is to stay below 3 MB


# ------------------------------------------------------------------------------------ the picture


def picture(path: Path, frames: int = first_sight.FRAMES) -> None:
    """Real video no model has seen, and what R2, AR2 and R3 make of it; junctions light up. Then
    people.
    """
    seen = first_sight.sight(first_sight.ALL, frames)
    seen = seen.followed_by(first_sight.people(seen.clips[0].shape[2], frames))
    grid = Grid(seen.clips, seen.titles, seen.marks, 4, seen.scale)
    first, *rest = (Image.fromarray(grid[t]) for t in range(len(grid)))
    with replaced(path) as part:
        options = {"save_all": True, "append_images": rest, "duration": 60, "loop": 0}
        first.save(part, "WEBP", quality=QUALITY, **options)


def below() -> str:
    """What stands below the picture."""
    models = first_sight.whose([name for name, _ in first_sight.ALL if name != first_sight.REAL])
    return (
        "Real video here is drawn: sky and a person that no model has seen, beside what small "
        f"networks, trained on a CPU, make (skies: {models}). An orange edge marks where two "
        f"clips join, every {CLIP // 2} frames."
    )


# ------------------------------------------------------------------------------- what the files say


def places() -> dict[str, pd.DataFrame]:
    """The results on each of PLACES that has any."""
    read = {k: results.read(results.RESULTS, name, PRESET) for k, name in PLACES.items()}
    return {k: table for k, table in read.items() if overview.shows(table)}


def _mean(table: pd.DataFrame, name: str, way: str, measure: str) -> float:
    return float(results.values(table, name, way, measure).mean())


def systems(tables: Mapping[str, pd.DataFrame]) -> str:
    """A row a system of the thesis: where it is, what real video it sees, a number a place, a
    picture. tables: by place.
    """
    rows = []
    for name, way, chapter, file in THESIS:
        of = {k: t[(t.contestant == name) & (t.way == way)] for k, t in tables.items()}
        if not (there := [t for t in of.values() if len(t)]):
            continue
        picture = f"![](reports/{STRIPS}/{slug(name)}.png)"
        row = {"system": f"[{name}](rencgan/{file})", "thesis": chapter}
        row |= {"sees": there[0].prior.iloc[0]}
        row |= {k: results.means(t, ["128f, own"])["128f, own"] for k, t in of.items()}
        rows.append(row | {f"{SHOWN} frames of 128 of each": picture})
    return results.as_markdown(rows)


def strips(tables: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """The pictures of `systems`: a video of each place, a row each."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, way, *_ in THESIS:
        found = (runs.first_strip(results.RESULTS, t, name, way) for t in tables.values())
        kept = [runs.kept_frames(path)[-SHOWN:] for path in found if path]
        rows = [np.concatenate(list(frames), axis=1) for frames in kept]
        if rows:
            with replaced(folder / f"{slug(name)}.png") as part:
                Image.fromarray(np.concatenate(rows)).save(part, "PNG", optimize=True)


def _recall(table: pd.DataFrame) -> str:
    """What recall does to length and junctions, beside its control where that has results."""

    def of(name: str, measure: str, digits: int = 0) -> str:
        return f"{_mean(table, name, 'sample', measure):.{digits}f}"

    lengths = f"R2 (with our overlap and junction terms) goes from {of('R2', '16f')}"
    lengths += f" to {of('R2', '128f')}"
    steps = f"R2 moves {of('R2', 'jump', 1)} times as much as real video"
    if "LEncGAN" in set(table.contestant):
        first, last = of("LEncGAN", "16f"), of("LEncGAN", "128f")
        lengths += f", the control LEncGAN (first junction at frame 15) from {first} to {last}"
        steps += f", LEncGAN {of('LEncGAN', 'jump', 1)} times"
    return f"From 16 frames to 128, {lengths}; at a junction {steps}.{_without_our_terms()}"


def _without_our_terms() -> str:
    """What recall comes to without those two terms, beside its control; "" without results."""
    table = results.read(results.RESULTS, DATASET, PLAIN)
    sides = [(n, _mean(table, n, "sample", "128f")) for n in ("R2, loss v4", "LEncGAN")]
    if not np.isfinite([value for _, value in sides]).all():
        return ""
    ours, control = (f"{name.partition(',')[0]} {value:.0f}" for name, value in sides)
    return f" Without these two (`{PLAIN}`, 128 frames): {ours}, {control}."


def distance(table: pd.DataFrame) -> str:
    """The best of the thesis' systems on a data set, beside other real video and a held frame."""
    far = _far(table)
    best = min((s[0] for s in THESIS if s[0] in far), key=far.get)
    real, still = overview.real(table), overview.real(table, HELD)
    better = standing.best_ways(results.compared(table)) < still
    seeds = overview.distances(table).groupby("called").seed.nunique()[best]
    one = "one seed; " if seeds == 1 else ""
    return (
        f"{best} with {far[best]:.0f} ({one}other real video {real:.0f}; a first frame held "
        f"{still:.0f}, beaten by {better.sum() or 'none'} of {len(better)} models)"
    )


def _elsewhere() -> str:
    """What R2 and the references come to on skies by which its recipe was not chosen."""
    found = standing.read(standing.FILES[standing.FRESH])
    by = {r.get("weights", r["videos"]): r.get("128f") for r in found["rows"]}
    return (
        f" `{PRESET}` was tuned on these skies; on others the published R2 has {by['r2']:.0f}, "
        f"other real video {by[OTHER]:.0f}, held {by[HELD]:.0f}."
    )


def _baselines(table: pd.DataFrame, far: Mapping[str, float]) -> str:
    """How other groups' systems from nothing fare beside AR2, by both judges; "" without them."""
    there = [s for s in overview.SYSTEMS if s[2] == overview.THEIRS and s[0] in far]
    if not there or "AR2" not in far:
        return ""
    sides = [s for s in overview.SYSTEMS if s[0] == "AR2"][:1] + there
    second = [f"{_mean(table, *s[:2], 'second judge 128f'):.0f}" for s in sides]
    names, first = (
        " and ".join(t) for t in ([s[0] for s in there], [f"{far[s[0]]:.0f}" for s in there])
    )
    return (
        f" {names}, from nothing too, to {first}; a second judge, of photographs, says "
        f"{' and '.join(second[1:])} to AR2's {second[0]}."
    )


def _far(table: pd.DataFrame) -> dict[str, float]:
    """128f of every system, by what it is called."""
    return overview.distances(table).groupby("called", sort=False).value.mean().to_dict()


def sentences(tables: Mapping[str, pd.DataFrame], claims: list[dict]) -> str:
    """Five sentences, by the files. tables: by place. claims: rows of the ledger."""
    table = tables["skies"]
    far, best = _far(table), "; ".join(f"on {k} {distance(t)}" for k, t in tables.items())
    measured = json.loads((REPORTS / "benchmark.json").read_text(encoding="utf-8"))
    timed = [r for r in measured["rows"] if r["preset"] == PLAIN and "median" in r]
    took = {(r["what"], r["how"]): r["median"] for r in timed}
    device = measured["provenance"]["device"]
    machine = device["gpu"] or f"{device['threads']} cores of an {device['cpu']}"

    def seconds(name: str, how: str) -> str:
        return f"{took[f'generate 1000 frames, {name}', how]:.1f} s"

    begun = ""
    if (name := "AR2, ex-post") in far:
        begun = f", to {far[name]:.0f} where its first codes are such as clips have"
    if np.isfinite(still := overview.real(table, HELD_OTHERS)):
        begun += f" (a frame of another video, held: {still:.0f})"
    rejects = "VDrej, 20 candidates"
    heads = ", ".join(f"{n.partition(', ')[2]} {far[n]:.0f}" for n in far if n.startswith("R3"))
    return "\n".join(
        (
            f"1. **Distance.** By FVD (compact) of 128 frames (`{PRESET}`), the best of these: "
            f"{best}.{_elsewhere()}",
            f"2. **Recall.** {_recall(table)}",
            f"3. **No footage.** AR2, from nothing, comes to {far['AR2']:.0f}{begun}; R3, from one "
            f"clip, by its heads to {heads}.{_baselines(table, far)}",
            f"4. **Time.** 1000 frames (`{PLAIN}`) take R2 {seconds('R2', 'plain')}, AR2 "
            f"{seconds('AR2', 'plain')}, R3 (faster) {seconds('R3', 'faster, plain')}; with VDrej "
            f"(20 candidates) {seconds('R2', rejects)}, {seconds('AR2', rejects)} and "
            f"{seconds('R3', f'faster, {rejects}')} ({machine}).",
            f"5. **Claims.** {ledger.counted(claims)}",
        )
    )


def chart(table: pd.DataFrame, path: Path) -> None:
    """The chart as a file."""
    figure = overview.chart(table)
    with replaced(path) as part, rc_context({"svg.hashsalt": "rencgan"}):  # the same file each time
        figure.savefig(part, format="svg", metadata={"Date": None})


def all_tables(everything: pd.DataFrame) -> str:
    """The page of all tables: results of the comparison, what the references say of them, the
    ledger, the fitness of the judges: how their distances answer to real video that was spoilt on
    purpose.
    """
    half, videos, evidence = fitness.common(("compact", "imagenet"))
    return (
        "# Results\n\nMade by `python -m rencgan readme` from reports/results. How each number is "
        "made: [notebook 08's page](08_results.html). A score beside no reference says nothing, so "
        "the first rows are real video in a model's place. In brackets: of how many seeds, where "
        "those are fewer than the row's. Of R3's videos the second judge and motion distance see "
        "its own frames, as the columns *own* do. No model was trained on the videos that it is "
        "compared with: at `hour` all scenes and people in them are new, but its recipe was chosen "
        "by distances to those of skies; at `mini` training videos show the same ones. Seconds "
        "were taken on several machines, some busy with other work.\n\n"
        f"{results.page(everything)}\n\n{_of_real_clips()}{_standing(everything)}\n\n"
        f"## Claims\n\n{ledger.whole(everything)}\n\n"
        "## Are the networks that judge fit?\n\n"
        f"On the same {videos} real videos (the {half} half of the scenes), spoilt at four levels "
        "each, against other clips of these videos; a floor is such clips as they are. The second "
        "network was trained on photographs alone.\n\n"
        f"{results.as_markdown(fitness.beside(evidence))}\n"
    )


def _of_real_clips() -> str:
    """The tables of what was trained on real video, and scored on other real video; "" without."""
    table = ledger.files(results.RESULTS, source="real")
    if table.empty:
        return ""
    files = map(content_of, sorted(results.RESULTS.glob("*.json")))
    told = dict.fromkeys(f["compared with"] for f in files if f["source"] == "real")
    return (
        "## Real clips\n\nTrained on real video and scored on held-out real video, of which there "
        f"is little: {'; '.join(told)}. What is said to be over 1000 frames is over as many as "
        "there are. These numbers do not compare with those above.\n\n"
        f"{results.page(table)}\n\n"
    )


def _standing(everything: pd.DataFrame) -> str:
    """What the references say of the models' order, and the published models among them."""
    here = (everything.dataset == DATASET) & (everything.preset == PRESET)
    said = standing.said(results.compared(everything[here]))
    if not standing.FILE.exists():
        return f"## What the references say\n\n{said}"
    found = standing.read()
    told = (
        f"The published models (`{found['preset']}`, one seed) on {found['videos']} videos of a "
        "seed that no run may have, from the first frame that is their own; blurred to "
        f"{found['blurred to']}'s sharpness. Their motion leaves out a junction at the cut end, "
        "which motion over 1000 frames counts in most files, by less than 1 %:"
    )
    fresh = standing.read(standing.FILES[standing.FRESH])
    anew = (
        f"The same on the videos of another seed ({fresh['source of videos']}). Those above chose "
        "the recipe of `hour`; these chose nothing:"
    )
    tables = [results.as_markdown(standing.table(found)) for found in (found, fresh)]
    first = ("## What the references say", f"{said} {standing.moved(found)}")
    return "\n\n".join((*first, told, tables[0], anew, tables[1]))


# ------------------------------------------------------------------------------------------ README


def filled(text: str) -> str:
    """A README with its generated parts as the files have them, each between the marks of its name.
    Raises InputError where those are missing.
    """
    tables = places()
    parts = {
        "picture": below(),
        "systems": systems(tables),
        "overview": results.as_markdown(overview.rows(tables["skies"])),
    }
    claims = ledger.rows(ledger.files(results.RESULTS))
    for name, part in (parts | {"sentences": sentences(tables, claims)}).items():
        start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        head, found, rest = text.partition(start)
        _, closed, tail = rest.partition(end)
        if not found or not closed:
            raise InputError(f"there are no lines {start} and {end} to put the tables between")
        text = f"{head}{start}\n{part}\n{end}{tail}"
    return text


def make(readme: Path) -> None:
    """Writes the picture, those of the systems, the chart, the page of all tables, and the README's
    generated parts. Raises InputError, before anything is written, where there is no such file, or
    no marks in it.
    """
    if not readme.is_file():
        raise InputError(f"{readme} is missing: give the README that the tables are put into")
    text = filled(readme.read_text(encoding="utf-8"))
    picture(REPORTS / PICTURE)
    strips(places(), REPORTS / STRIPS)
    chart(results.read(results.RESULTS, DATASET, PRESET), REPORTS / CHART)
    write_text(REPORTS / TABLES, all_tables(ledger.files(results.RESULTS)))
    write_text(readme, text)
    for path in (REPORTS / PICTURE, REPORTS / CHART, REPORTS / TABLES, readme):
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")
