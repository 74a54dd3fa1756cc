"""Every notebook has the form that papermill and readers rely on, and runs at smoke size."""

import ast
import json
import re
import shutil
from pathlib import Path

import nbformat
import papermill
import pytest
from conftest import ROOT, real_clips

from rencgan.core import checkpoint
from rencgan.core.errors import InputError
from rencgan.notebook import parameters, scoring
from rencgan.presets.table import SMOKE, gpt_preset

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
LINES = 20  # of one code cell


def code_cells(path) -> list:
    cells = nbformat.read(path, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code"]


def parameters_cell(path):
    tagged = [c for c in code_cells(path) if "parameters" in c.metadata.get("tags", [])]
    assert len(tagged) == 1, f"{path.name} has {len(tagged)} cells tagged parameters"
    return tagged[0]


def model(path) -> type[parameters.Run]:
    """The model that the cell after the parameters checks against."""
    cells = code_cells(path)
    source = cells[cells.index(parameters_cell(path)) + 1].source
    found = re.search(r"^p = parameters\.check\(globals\(\), parameters\.(\w+)\)$", source, re.M)
    assert found, f"{path.name}: the cell after the parameters does not check them"
    return getattr(parameters, found.group(1))


def run(path, folder, **given) -> nbformat.NotebookNode:
    """Executed from a foreign working directory, everything made below `folder`."""
    given = {"preset": "smoke", "source": "procedural", "out_root": str(folder / "runs"), **given}
    done = str(folder / path.name)
    return papermill.execute_notebook(str(path), done, given, progress_bar=False, cwd=folder)


def test_the_first_chapters_are_there():
    numbers = [path.name[:2] for path in NOTEBOOKS]
    assert numbers[:3] == ["01", "02", "03"], "notebooks 01, 02 and 03 make the study"


@every_notebook
def test_it_is_stored_without_outputs(path):
    nb = nbformat.read(path, as_version=4)
    nbformat.validate(nb)
    assert "papermill" not in nb.metadata
    for cell in nb.cells:
        assert "papermill" not in cell.metadata and "execution" not in cell.metadata
    assert all(not c.outputs and c.execution_count is None for c in code_cells(path))


@every_notebook
def test_it_asks_for_the_kernel_that_every_jupyter_has(path):
    assert nbformat.read(path, as_version=4).metadata.kernelspec.name == "python3"


@every_notebook
def test_it_begins_with_a_question_and_cells_are_short(path):
    nb = nbformat.read(path, as_version=4)
    assert nb.cells[0].cell_type == "markdown" and nb.cells[0].source.startswith("# ")
    cells = [c for c in code_cells(path) if c != parameters_cell(path)]
    long = [c.source.splitlines()[0] for c in cells if c.source.count("\n") >= LINES]
    assert not long, f"cells of more than {LINES} lines, beginning: {long}"


@every_notebook
def test_it_imports_of_the_package_only_what_is_meant_for_notebooks(path):
    for cell in code_cells(path):
        for node in ast.walk(ast.parse(cell.source)):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            inside = {name for name in names if name.partition(".")[0] == "rencgan"}
            assert inside <= {"rencgan", "rencgan.notebook"}, cell.source


@every_notebook
def test_steps_go_by_their_name_where_no_parameter_has_it(path):
    """Papermill's parameters are globals: an import of that name would take one's place."""
    trees = [ast.walk(ast.parse(cell.source)) for cell in code_cells(path)]
    names = [a for tree in trees for n in tree if isinstance(n, ast.ImportFrom) for a in n.names]
    called = {a.asname or a.name for a in names if a.name == "steps"}
    assert called == {"lab" if "steps" in model(path).model_fields else "steps"}
    assert not {a.asname or a.name for a in names} & set(model(path).model_fields)


@every_notebook
def test_no_cell_ends_with_a_record_that_would_be_printed(path):
    for cell in code_cells(path):
        last = ast.parse(cell.source).body[-1]
        assert not ast.unparse(last).startswith("kept.add("), cell.source


@every_notebook
def test_parameters_are_annotated_literals_with_a_comment_each(path):
    source = parameters_cell(path).source
    for statement in ast.parse(source).body:
        assert isinstance(statement, ast.AnnAssign), ast.unparse(statement)
        ast.literal_eval(statement.value)
        assert "#" in source.splitlines()[statement.lineno - 1], ast.unparse(statement)


@every_notebook
def test_parameters_and_defaults_are_those_of_the_model(path):
    """One set of defaults: a name that a cell forgets could not be given through papermill."""
    declared = {}
    exec(parameters_cell(path).source, declared)
    fields = model(path).model_fields
    given = {name: value for name, value in declared.items() if not name.startswith("__")}
    assert given == {name: field.default for name, field in fields.items()}


@every_notebook
def test_papermill_explains_every_parameter(path):
    explained = papermill.inspect_notebook(str(path))
    assert set(explained) == set(model(path).model_fields)
    for name, entry in explained.items():
        assert entry["inferred_type_name"] in ("str", "int", "float", "bool"), name
        assert entry["help"], f"{name} has no comment"


@every_notebook
def test_it_runs_at_smoke_size_from_anywhere(path, smoke_run):
    done = smoke_run(path.stem)
    cells = nbformat.read(done, as_version=4).cells
    assert (done.parent / "runs" / "smoke").is_dir()
    assert not [o for c in cells for o in c.get("outputs", []) if o.output_type == "error"]
    found = json.loads((done.parent / f"runs/smoke/sky/{path.stem}.json").read_text())
    mistakes = [said for said in found["missing"].values() if re.search(r"\.py, line \d+\)$", said)]
    assert not mistakes, "what refused its input may be missing, not what failed"
    data = (o.get("data", {}) for c in cells for o in c.get("outputs", []))
    shown = [d["text/html"] for d in data if "text/html" in d]
    assert "<video" in shown[0] or path.stem > "09", "it begins with a moving picture"


SCORERS = {"compare", "by_protocol", "windows", "horizon_rows", "over_time", "repetition_by_length"}
SCORERS |= {"long_rows", "memorisation", "inception_scores", "cost_rows", "timed_rows"}
SCORERS |= {"attention", "trajectories", "over_seeds", "write_long"}


@every_notebook
def test_what_is_known_is_saved_before_anything_is_scored(path):
    """And no scorer is called but by `attempt`, within which it may fail."""
    cells, order = [ast.parse(cell.source) for cell in code_cells(path)], []
    for call in (c for cell in cells for c in ast.walk(cell) if isinstance(c, ast.Call)):
        called = getattr(call.func, "attr", getattr(call.func, "id", ""))
        assert called not in SCORERS, f"{called} is called without `attempt`"
        order += [called] if called in ("add", "attempt") else []
    assert order[:1] != ["attempt"] and order[-1:] != ["attempt"], "nothing is saved beside it"


def test_a_finished_notebook_retrains_nothing(smoke_run):
    done = smoke_run("02_encgan3")
    saved = list((done.parent / "runs").rglob("checkpoint.pt"))
    stamps = [p.stat().st_mtime_ns for p in saved]
    run(ROOT / "notebooks" / done.name, done.parent)
    assert len(saved) == 1 and [p.stat().st_mtime_ns for p in saved] == stamps


def trained_steps(folder: Path) -> dict[str, set[int]]:
    """The steps of every training below a folder, by the kind of its model."""
    found: dict[str, set[int]] = {}
    for path in folder.rglob("checkpoint.pt"):
        kind = path.parent.name.partition("-")[0]
        found.setdefault(kind, set()).add(checkpoint.load(path)["step"])
    return found


def test_03_makes_long_video_of_real_footage_by_improved_r2_without_a_control(tmp_path):
    clips = real_clips("sky_long")
    given = {"source": "real", "data_root": str(clips), "frames": 120, "candidates": 2, "steps": 7}
    given |= {"video_stream": "3d", "variant": "v4-noise", "control": "none"}
    run(ROOT / "notebooks" / "03_rencgan.ipynb", tmp_path, **given)
    assert trained_steps(tmp_path) == {"r2": {7}}
    results = json.loads((tmp_path / "runs/smoke/sky/03_rencgan.json").read_text())
    assert results["provenance"]["data"]["source"] == "real"
    named = {row["video"] for row in results["measures"]["test"]}
    assert named >= {"real video", "improved R2, with noise terms, sample"}
    assert len(list((tmp_path / "runs/smoke/sky/long").glob("*.mp4"))) == 4


def test_04_makes_ar2_plus_that_goes_on_from_real_clips(tmp_path):
    given = {"first_clip": "video", "recall_noise": 0.5, "rollout": 2, "frames": 120, "steps": 7}
    run(ROOT / "notebooks" / "04_ar2.ipynb", tmp_path, **given, candidates=2)
    assert trained_steps(tmp_path) == {"ar2": {7}, "r2": {SMOKE.steps}}
    results = json.loads((tmp_path / "runs/smoke/sky/04_ar2.json").read_text())
    priors = {row["videos"]: row["prior"] for row in results["horizon"]}
    assert priors["AR2+, sample"] == "first clip" and priors["R2, sample"] == "entire video"


def test_05_goes_on_from_clips_that_ar2_drew_in_the_format_with_classes(tmp_path):
    given = {"first_clip": "ar2", "format": "disc+cont", "head": "mixture", "frames": 120}
    run(ROOT / "notebooks" / "05_r3.ipynb", tmp_path, **given, candidates=2, steps=7)
    gpt = gpt_preset("smoke").steps
    assert trained_steps(tmp_path) == {"ar2": {SMOKE.steps}, "r2": {7}, "r3": {gpt}}
    results = json.loads((tmp_path / "runs/smoke/sky/05_r3.json").read_text())
    priors = {row["videos"]: row["prior"] for row in results["horizon"]}
    assert priors["R3, mixture, disc+cont, robust"] == priors["AR2, sample"] == "none"
    assert priors["improved R2, sample"] == "entire video"
    assert [(t["ways"], t["VDrej"]) for t in results["times"]] == [
        ("faster", "yes"),
        ("faster", "no"),
        ("robust", "yes"),
    ]


def test_03_keeps_what_it_found_where_scorers_run_out_of_memory(smoke_run, tmp_path, monkeypatch):
    def runs_out(*given, **options):
        raise MemoryError

    def wrong(*given, **options):
        return {}["sede"]

    for name in ("memorisation", "cost_rows", "horizon_rows"):
        monkeypatch.setattr(scoring, name, runs_out)
    monkeypatch.setattr(scoring, "by_protocol", wrong)
    shutil.copytree(smoke_run("03_rencgan").parent / "runs", tmp_path / "runs")  # trained already
    path = tmp_path / "runs/smoke/sky/03_rencgan.json"
    whole = json.loads(path.read_text())
    path.unlink()
    space = {"display": lambda shown: None}
    for cell in code_cells(ROOT / "notebooks" / "03_rencgan.ipynb"):
        exec(cell.source, space)
        if "parameters" in cell.metadata.get("tags", []):
            space |= {"preset": "smoke", "source": "procedural", "candidates": 3}
            space |= {"out_root": str(tmp_path / "runs")}
    found = json.loads(path.read_text())
    lost = {"memorisation", "cost", "horizon", "scores by protocol"}
    assert set(found["missing"]) - set(whole["missing"]) == lost
    assert found["missing"]["memorisation"] == "it needs more memory than there is"
    assert found["missing"]["scores by protocol"].startswith("KeyError: 'sede'")
    assert found["measures"] == whole["measures"] and found["checkpoint"] == whole["checkpoint"]
    assert set(found) == set(whole) and not any(found[k] for k in ("memorisation", "cost"))


MISSPELT = "unknown parameter 'sede' (did you mean 'seed'?)"


@every_notebook
def test_a_misspelt_parameter_is_refused_before_anything_is_made(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells = code_cells(path)
    space = {"In": ["# Parameters\nsede = 5"]}  # as papermill gives it
    exec(parameters_cell(path).source, space)
    with pytest.raises(InputError, match=re.escape(MISSPELT)):
        exec(cells[cells.index(parameters_cell(path)) + 1].source, space)
    assert not list(tmp_path.iterdir())


def test_a_misspelt_parameter_ends_the_run_in_a_sentence(tmp_path):
    path = NOTEBOOKS[2]
    with pytest.raises(papermill.PapermillExecutionError) as caught:
        run(path, tmp_path, sede=5)
    assert caught.value.ename == "InputError" and caught.value.evalue.startswith(MISSPELT)
    assert len(caught.value.traceback) == 1
    assert (tmp_path / path.name).is_file() and not (tmp_path / "runs").exists()


def test_06_runs_a_study_and_shows_it(tmp_path):
    given = {"study": "T5.6", "results_root": str(tmp_path / "results"), "seeds": 2}
    run(ROOT / "notebooks" / "06_ablations.ipynb", tmp_path, **given)
    made = sorted(p.name for p in (tmp_path / "results").glob("*.json"))
    assert made == [
        "sky-procedural-smoke-improved-r2-seed2.json",
        "sky-procedural-smoke-r2-seed2.json",
        "sky-procedural-smoke-real-seed2.json",
    ]
    found = json.loads((tmp_path / "runs/smoke/sky/06_ablations.json").read_text())
    (rows,) = (t["sky"] for name, t in found["tables"].items() if name == "T5.6")
    assert [row["seeds"] for row in rows] == [1] * 6, "four of real video, then the variants"
    assert all(row["128f"] for row in rows)
    assert {c["verdict"] for c in found["claims"]} == {"undecided"}
