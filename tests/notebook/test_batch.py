"""The batch as a graph, its recipes and marks; and, where Snakemake is installed, run by it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT

from rencgan.core.errors import InputError
from rencgan.notebook import batch
from rencgan.notebook.batch import Place, plan
from rencgan.presets import gpt as gpt_presets
from rencgan.presets import preset as presets
from rencgan.studies.runs import main as compare
from rencgan.studies.variants import CONTESTANTS

snakemake = pytest.mark.skipif(
    find_spec("snakemake") is None, reason="Snakemake is not installed: pip install -e '.[batch]'"
)
SMALL = {"datasets": ["sky"], "preset": "smoke", "seeds": [1]}


def jobs(**given):
    return batch.jobs(plan(SMALL | given))


def names(made, kind):
    return [job.name for job in made.values() if job.kind == kind]


def texts(**given):
    return {name: job.text for name, job in jobs(**given).items()}


def changed(before, after):
    return {name for name in before if before[name] != after[name]}


@pytest.fixture
def notebooks(tmp_path):
    """A copy of the notebooks."""
    return Path(shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks"))


def edit(path, cell_type, what):
    """Replaces the source of a notebook's last cell of a type."""
    nb = nbformat.read(path, as_version=4)
    cell = [c for c in nb.cells if c.cell_type == cell_type][-1]
    cell.source = what(cell.source)
    nbformat.write(nb, path)


# --------------------------------------------------------------------------------------- the graph


def test_notebooks_follow_one_another_and_each_has_a_page():
    made = jobs(datasets=["sky", "uva"], contestants=[])
    for dataset in ("sky", "uva"):
        first = f"notebook/{dataset}-"
        assert made[f"{first}01_data"].needs == ()
        assert made[f"{first}02_encgan3"].needs == (f"{first}01_data",)
        assert made[f"{first}03_rencgan"].needs == (f"{first}02_encgan3",)
        assert made[f"{first}04_ar2"].needs == made[f"{first}05_r3"].needs
        assert made[f"{first}05_r3"].needs == (f"{first}03_rencgan",)
        assert made[f"page/{dataset}-05_r3"].needs == (f"{first}05_r3",)
    assert not names(made, "table") and not names(made, "real")


def test_a_notebook_that_is_left_out_is_not_waited_for():
    made = jobs(contestants=[], notebooks=["01", "05"])
    assert made["notebook/sky-05_r3"].needs == ("notebook/sky-01_data",)
    both = jobs(contestants=[], parameters={"05": {"first_clip": "ar2"}})
    assert both["notebook/sky-05_r3"].needs[-1] == "notebook/sky-04_ar2", "it trains that AR2"


def test_every_contestant_and_seed_is_a_job_and_the_table_needs_them_all():
    made = jobs(seeds=[1, 2], contestants=["R2", "R3, flow"])
    expected = [f"sky-{n}-seed{s}" for s in (1, 2) for n in ("r2", "improved-r2", "r3-flow")]
    assert names(made, "contestant") == expected
    flow = made["contestant/sky-r3-flow-seed2"]
    assert set(flow.after) == {"real/sky-real-seed2", "contestant/sky-improved-r2-seed2"}
    assert made["real/sky-real-seed1"].after == ("notebook/sky-01_data",)
    scored = {f"contestant/{n}" for n in expected} | {"real/sky-real-seed1", "real/sky-real-seed2"}
    assert set(made["table/results"].needs) == scored
    command = made["contestant/sky-r2-seed1"].command
    assert command[command.index("--models") + 1 :] == ("R2", "--ways", "sample", "mean")
    assert flow.products[0].name == "sky-procedural-smoke-r3-flow-seed2.json"


def test_all_is_every_contestant_that_the_preset_knows():
    assert len(names(jobs(), "contestant")) == sum("equal" not in n for n in CONTESTANTS)
    assert len(names(jobs(preset="mini"), "contestant")) == len(CONTESTANTS)
    assert "sky-r2-loss-v1-seed1" not in names(jobs(contestants="compared"), "contestant")
    with pytest.raises(InputError, match="known at mini, not at smoke"):
        jobs(contestants=["AR2, equal pairs"])


def test_ways_are_those_that_a_contestant_has_and_a_base_stays():
    made = jobs(contestants=["R3, flow", "LEncGAN"], ways=["robust VDrej", "VDrej"])
    assert made["contestant/sky-r3-flow-seed1"].recipe["ways"] == ["robust VDrej"]
    assert "contestant/sky-lencgan-seed1" not in made
    made = jobs(contestants=["R3, flow"], ways=["robust VDrej"])
    assert made["contestant/sky-improved-r2-seed1"].recipe["ways"] == ["sample", "mean"]


def test_runs_that_share_warm_ups_wait_for_one_of_them():
    losses = [f"R2, loss v{n}" for n in (1, 2, 4)]
    made = jobs(contestants=["R2", *losses, "improved R2", "AR2"])
    first = "contestant/sky-r2-loss-v1-seed1"
    for name in ("r2-loss-v2", "r2-loss-v4"):
        assert first in made[f"contestant/sky-{name}-seed1"].after
    for name in ("r2", "r2-loss-v1", "improved-r2", "ar2"):
        assert made[f"contestant/sky-{name}-seed1"].after == ("real/sky-real-seed1",)


def test_notebooks_from_06_up_read_all_results():
    made = jobs(contestants=["R2"], seeds=[1, 2], datasets=["sky", "uva"], out="elsewhere")
    results = {name for name in made if name.startswith(("real/", "contestant/"))}
    numbers = {n.split("-")[1][:2] for n in names(made, "notebook")}
    for name in (n for n in made if n.startswith("notebook/uva-0") and n[13:15] >= "06"):
        assert set(made[name].needs) == results and len(results) == 8
        given = json.loads(made[name].command[-1])
        assert given["results_root"] == str(ROOT / "elsewhere" / "results")
    assert {"06", "08"} <= numbers


def test_a_study_of_notebook_06_is_trained_by_jobs_of_the_batch(monkeypatch):
    asked = {"contestants": ["LEncGAN"], "parameters": {"06": {"study": "T5.8", "seeds": "1"}}}
    made = jobs(**asked)
    job = made["contestant/sky-ar2-seed1"]
    assert {"mean", "sample", "VDrej"} == set(job.recipe["ways"])
    assert job.id in made["notebook/sky-06_ablations"].needs
    assert made["notebook/sky-06_ablations"].light, "all that it shows is made before"
    assert "contestant/sky-ar2-seed1" not in jobs(contestants=["LEncGAN"])
    for own, said in (
        ({"study": "T9.9"}, "there is no study 'T9.9'"),
        ({"study": "T3.1"}, "'T3.1' trains nothing; it is made by"),
        ({"study": "T5.8", "seeds": "1 2"}, "asks for seed 2; the batch has seeds .1."),
    ):
        with pytest.raises(InputError, match=said):
            jobs(parameters={"06": own})


def test_jobs_say_what_they_take():
    p = plan(SMALL)
    made = batch.jobs(p)
    assert all(
        set(job.resources("64")) == {"threads", "mem_mb", "gpu", "runtime"} for job in made.values()
    )
    assert made["contestant/sky-r2-seed1"].resources("64")["gpu"] == 1
    assert made["contestant/sky-r2-seed1"].resources("mini")["gpu"] == 0
    assert made["real/sky-real-seed1"].resources("64")["gpu"] == 0
    shown = [n for n in names(made, "notebook") if made[f"notebook/{n}"].light]
    assert [n[4:6] for n in shown if n[4:6] not in ("07", "09")] == ["01", "06", "08"]
    assert set(batch.TRAINING) == set(presets.PRESETS)


# ------------------------------------------------------------------------------------ what is asked


@pytest.mark.parametrize(
    "given, sentence",
    [
        ({"sedes": [1]}, r"unknown setting 'sedes' \(did you mean 'seeds'\?\): it is one of"),
        ({"datasets": None}, "the setting 'datasets' is missing; it should be one or more names"),
        ({"datasets": ["skyy"]}, r"dataset = 'skyy' should be one of .*\(did you mean 'sky'\?\)"),
        ({"datasets": []}, "should name at least one"),
        ({"preset": "auto"}, "would be another one on another machine"),
        ({"preset": "huge"}, "preset = 'huge' should be one of"),
        ({"source": "auto"}, "source = 'auto' should be procedural or real"),
        ({"seeds": ["one"]}, r"seeds = \['one'\] should be whole numbers"),
        ({"seeds": [1, 1]}, "none twice"),
        ({"seeds": [-1]}, "seed = -1 should be a whole number from 0"),
        ({"contestants": 7}, "contestants = 7 should be `all`, `compared`, or names"),
        ({"contestants": ["R9"]}, "there is no contestant 'R9'"),
        ({"ways": ["guess"]}, "codes are drawn by .*, not 'guess'"),
        ({"notebooks": ["99"]}, "has no notebook '99', but 01, 02"),
        ({"notebooks": [1]}, r"notebooks = \[1\] should be `all` or numbers of notebooks in q"),
        ({"parameters": {"04": {"frame": 9}}}, r"04_ar2.ipynb .*\(did you mean 'frames'\?\)"),
        ({"parameters": {"04": {"frames": 9}}}, "04_ar2.ipynb: frames = 9 should be a whole"),
        ({"parameters": {"04": {"seed": 9}}}, "has no parameter 'seed' of its own"),
        ({"source": "real", "data_root": "/nowhere"}, "/nowhere"),
        ({"test_fraction": 2.0}, "should be a number between 0 and 1"),
        ({"out": 3}, "out = 3 should be a text"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_refused_in_a_sentence(given, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        jobs(**given)
    assert "\n" not in str(caught.value)


def test_settings_as_snakemake_reads_them_from_its_command_line():
    given = {"datasets": "sky", "preset": 64, "seeds": ["1", "2"], "ways": None}
    p = plan(given | {"parameters": {"04": {"frames": "500"}}, "contestants": "R2"})
    assert (p.datasets, p.preset, p.seeds, p.ways) == (["sky"], "64", [1, 2], [])
    assert p.parameters == {"04": {"frames": 500}} and p.contestants == ["R2"]
    assert plan(given | {"seeds": 3}).seeds == [3]


def test_the_settings_that_come_with_it_are_right():
    yaml = pytest.importorskip("yaml")
    p = plan(yaml.safe_load((ROOT / "batch" / "config.yaml").read_text()))
    assert set(yaml.safe_load((ROOT / "batch" / "config.yaml").read_text())) == set(
        batch.Plan.model_fields
    )
    assert batch.jobs(p)


# -------------------------------------------------------------------------------------- the recipes


def test_a_changed_preset_changes_what_is_trained_with_it_and_nothing_else(monkeypatch):
    before = texts(preset="mini")
    with monkeypatch.context() as m:
        m.setitem(presets.MODELS["mini"], "ar2", presets.MODELS["mini"]["ar2"] | {"w_jitter": 7.0})
        found = changed(before, texts(preset="mini"))
    ar2 = {n for n, c in CONTESTANTS.items() if c.kind == "ar2"}
    assert found == {"notebook/sky-04_ar2"} | {f"contestant/sky-{batch.slug(n)}-seed1" for n in ar2}
    with monkeypatch.context() as m:
        gpt = gpt_presets.GPT_PRESETS["mini"]
        m.setitem(gpt_presets.GPT_PRESETS, "mini", gpt.but(steps=gpt.steps + 1))
        found = changed(before, texts(preset="mini"))
    assert found == {"notebook/sky-05_r3"} | {n for n in before if "sky-r3-" in n}


def test_a_changed_size_changes_all_that_sees_frames(monkeypatch):
    before = texts()
    monkeypatch.setitem(presets.PRESETS, "smoke", presets.SMOKE.but(max_videos=7))
    found = changed(before, texts())
    assert {n for n in before if n.startswith(("real", "contestant", "notebook"))} == found


def test_of_a_notebook_code_and_parameters_count(notebooks):
    given = {"notebook_folder": str(notebooks), "contestants": []}
    before = texts(**given)
    edit(notebooks / "03_rencgan.ipynb", "markdown", lambda s: s + " More words.")
    assert not changed(before, texts(**given))
    edit(notebooks / "03_rencgan.ipynb", "code", lambda s: s + "\nprint(1)")
    assert changed(before, texts(**given)) == {"notebook/sky-03_rencgan"}
    before = texts(**given)
    found = changed(before, texts(**given, parameters={"04": {"frames": 500}}))
    assert found == {"notebook/sky-04_ar2"}
    assert not changed(before, texts(**given, out="elsewhere"))


def test_of_real_videos_names_sizes_and_dates_count(tmp_path):
    clip = tmp_path / "a.mp4"
    clip.write_bytes(b"1")
    given = {"datasets": ["folder"], "source": "real", "data_root": str(tmp_path)}
    before = texts(**given, contestants=["R2"])
    assert not changed(before, texts(**given, contestants=["R2"]))
    (tmp_path / "b.mp4").write_bytes(b"2")
    found = changed(before, texts(**given, contestants=["R2"]))
    assert found == {n for n in before if n.startswith(("notebook", "real", "contestant"))}


# --------------------------------------------------------------------------------- marks and doing


@pytest.fixture
def small(tmp_path):
    """A batch of one contestant that is laid out, with no job done: plan, jobs, place."""
    p = plan(SMALL | {"contestants": ["R2"], "notebooks": ["01"], "out": str(tmp_path / "out")})
    made, place = batch.jobs(p), Place(p.root)
    place.lay_out(p, made)
    return p, made, place


def finish(place, job):
    for path in (*job.products, place.mark(job)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(job.text)


def test_a_recipe_is_written_only_where_it_changed(small):
    p, made, place = small
    stamps = {n: place.recipe(job).stat().st_mtime_ns for n, job in made.items()}
    more = p.model_copy(update={"ways": ["sample"]})
    place.lay_out(more, batch.jobs(more))
    found = {n for n, job in made.items() if place.recipe(job).stat().st_mtime_ns != stamps[n]}
    assert found == {"contestant/sky-r2-seed1"}


def test_jobs_that_only_go_first_are_inputs_until_the_job_is_done(small):
    _, made, place = small
    real, r2 = made["real/sky-real-seed1"], made["contestant/sky-r2-seed1"]
    assert place.inputs(r2, made) == [place.recipe(r2), place.mark(real)]
    finish(place, r2)
    assert place.inputs(r2, made) == [place.recipe(r2)]
    table = made["table/results"]
    finish(place, table)
    assert set(place.inputs(table, made)) == {place.recipe(table), place.mark(real), place.mark(r2)}


def test_a_mark_goes_with_what_it_stands_for(small):
    p, made, place = small
    r2 = made["contestant/sky-r2-seed1"]
    finish(place, r2)
    place.lay_out(p, made)
    assert place.done(r2)
    r2.products[0].unlink()
    place.lay_out(p, made)
    assert not place.mark(r2).exists()


class Commands:
    """In place of subprocess.run: keeps the commands, and does what `work` does."""

    def __init__(self, code=0, work=lambda command: None):
        self.code, self.work, self.asked = code, work, []

    def __call__(self, command, **options):
        self.asked.append(command)
        self.work(command)
        return subprocess.CompletedProcess(command, self.code, "table")


def test_a_job_is_done_once(small, monkeypatch):
    _, made, place = small
    r2 = made["contestant/sky-r2-seed1"]
    commands = Commands(work=lambda command: r2.products[0].write_text("{}"))
    monkeypatch.setattr(subprocess, "run", commands)
    batch.do(place.root, r2.id)
    batch.do(place.root, r2.id)
    assert commands.asked == [r2.command] and place.mark(r2).read_text() == r2.text
    batch.do(place.root, "table/results")
    assert made["table/results"].products[0].read_text() == "table"


def test_a_failed_notebook_is_kept_with_a_page(small, monkeypatch):
    _, made, place = small
    notebook = made["notebook/sky-01_data"]
    commands = Commands(1, lambda command: notebook.products[0].write_text("so far"))
    monkeypatch.setattr(subprocess, "run", commands)
    with pytest.raises(InputError, match=r"sky-01_data stopped; .*01_data.html shows where"):
        batch.do(place.root, notebook.id)
    assert notebook.products[0].read_text() == "so far" and not place.mark(notebook).exists()
    assert [c[2] for c in commands.asked] == ["papermill", "rencgan.notebook.report"]


def test_results_of_another_recipe_give_way_and_those_of_other_ways_stay(small, monkeypatch):
    p, made, place = small
    name, (result,) = "contestant/sky-r2-seed1", made["contestant/sky-r2-seed1"].products
    monkeypatch.setattr(subprocess, "run", Commands(work=lambda c: result.write_text("new")))
    batch.do(place.root, name)
    result.write_text("two ways")
    more = p.model_copy(update={"ways": ["sample", "VDrej"]})
    seen = []
    watch = Commands(work=lambda c: seen.append(result.exists()) or result.write_text("three"))
    monkeypatch.setattr(subprocess, "run", watch)
    place.lay_out(more, batch.jobs(more))
    batch.do(place.root, name)
    monkeypatch.setitem(presets.PRESETS, "smoke", presets.SMOKE.but(w_jitter=9.0))
    place.lay_out(more, batch.jobs(more))
    batch.do(place.root, name)
    assert seen == [True, False]
    assert [f.read_text() for f in (result.parent / "old").iterdir()] == ["three"]


def test_a_recipe_that_changes_meanwhile_leaves_no_mark(small, monkeypatch):
    p, made, place = small
    r2 = made["contestant/sky-r2-seed1"]

    def change(command):
        monkeypatch.setitem(presets.PRESETS, "smoke", presets.SMOKE.but(w_jitter=9.0))

    monkeypatch.setattr(subprocess, "run", Commands(work=change))
    with pytest.raises(InputError, match="changed meanwhile; start the batch again"):
        batch.do(place.root, r2.id)
    assert not place.mark(r2).exists()
    with pytest.raises(InputError, match="changed meanwhile"):
        batch.do(place.root, r2.id)
    with pytest.raises(InputError, match="has no job 'contestant/none'"):
        batch.do(place.root, "contestant/none")


def test_a_comparison_without_models_is_real_video_alone(tmp_path):
    given = ["sky", "--preset", "smoke", "--models", "--out", str(tmp_path / "out")]
    compare([*given, "--work", str(tmp_path / "work")])
    assert [f.name for f in (tmp_path / "out").iterdir()] == [
        "sky-procedural-smoke-real-seed1.json"
    ]
    assert not list((tmp_path / "work").rglob("checkpoint.pt"))


# --------------------------------------------------------------------------------- run by Snakemake

STUB = """
import shutil, sys
shutil.copyfile(sys.argv[1], sys.argv[2])
if "BROKEN" in open(sys.argv[1]).read():
    sys.exit("broken")
"""


class Batch:
    """Snakemake in a process of its own, with one core and the settings given."""

    def __init__(self, folder: Path, stub: bool = False, **settings):
        self.out, self.file = folder / "out", folder / "settings.json"
        defaults = {"out": str(self.out), "parameters": {}, "seeds": [1]}
        self.settings = SMALL | defaults | settings
        found = [str(ROOT)]
        if stub:
            (folder / "stub").mkdir()
            (folder / "stub" / "papermill.py").write_text(STUB)
            found = [str(folder / "stub"), *found]
        path = os.pathsep.join([*found, os.environ.get("PYTHONPATH", "")])
        self.environment = os.environ | {"PYTHONPATH": path}

    def start(self, *options: str, **settings) -> subprocess.Popen:
        self.file.write_text(json.dumps(self.settings | settings))
        command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "batch" / "Snakefile")]
        command += ["--cores", "1", "--configfile", str(self.file), *options]
        return subprocess.Popen(
            command,
            cwd=self.file.parent,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *options: str, **settings) -> tuple[int, str]:
        started = self.start(*options, **settings)
        said, _ = started.communicate(timeout=1800)
        return started.returncode, said

    def wanted(self, **settings) -> set[str]:
        """kind/name of the jobs that would run."""
        code, said = self.run("-n", **settings)
        assert code == 0, said
        lines = said.splitlines()
        outputs = [line.split("batch/done/")[1] for line in lines if line.startswith("    output:")]
        return set(outputs)

    def marks(self) -> dict[str, int]:
        done = self.out / "batch" / "done"
        return {
            p.relative_to(done).as_posix(): p.stat().st_mtime_ns
            for p in done.glob("*/*")
            if p.is_file()
        }


@snakemake
def test_snakemake_runs_again_what_a_change_reaches_and_nothing_else(tmp_path, notebooks):
    """With notebooks that are copied in place of being executed."""
    given = {"contestants": [], "notebooks": ["01", "02"], "notebook_folder": str(notebooks)}
    b = Batch(tmp_path, stub=True, **given)
    code, said = b.run()
    assert code == 0 and len(b.marks()) == 4, said
    for path in notebooks.glob("*.ipynb"):
        os.utime(path)
    edit(notebooks / "02_encgan3.ipynb", "markdown", lambda s: s + " More words.")
    assert not b.wanted()
    edit(notebooks / "02_encgan3.ipynb", "code", lambda s: s + "\nprint(1)")
    assert b.wanted() == {"notebook/sky-02_encgan3", "page/sky-02_encgan3"}


@snakemake
@pytest.mark.long
def test_snakemake_goes_on_after_a_notebook_that_failed(tmp_path, notebooks):
    given = {"contestants": [], "notebooks": ["01", "02", "03"]}
    b = Batch(tmp_path, stub=True, **given, notebook_folder=str(notebooks))
    assert b.run()[0] == 0 and len(b.marks()) == 6
    whole = (notebooks / "02_encgan3.ipynb").read_text()
    edit(notebooks / "02_encgan3.ipynb", "code", lambda s: s + "\nBROKEN")
    kinds = ("notebook", "page")
    reached = {f"{k}/sky-{n}" for k in kinds for n in ("02_encgan3", "03_rencgan")}
    assert b.wanted() == reached
    before = b.marks()
    code, said = b.run()
    assert code != 0 and "sky-02_encgan3 stopped" in said
    assert "BROKEN" in (b.out / "notebooks" / "sky" / "02_encgan3.ipynb").read_text()
    assert "BROKEN" in (b.out / "html" / "sky" / "02_encgan3.html").read_text()
    assert b.wanted() == reached
    (notebooks / "02_encgan3.ipynb").write_text(whole)
    assert b.run()[0] == 0 and not b.wanted()
    after = b.marks()
    assert {n for n in after if after[n] != before[n]} <= reached
    frames = {"03": {"frames": 300}}
    assert b.wanted(parameters=frames) == {f"{k}/sky-03_rencgan" for k in kinds}


@snakemake
def test_snakemake_refuses_wrong_settings_in_a_sentence(tmp_path):
    code, said = Batch(tmp_path, sede=3).run()
    assert code != 0 and "unknown setting 'sede' (did you mean 'seed'?)" in said
    assert "Traceback" not in said and not (tmp_path / "out").exists()


@snakemake
@pytest.mark.parametrize("profile", ["local", "slurm", "kubernetes"])
def test_snakemake_reads_the_profile(profile, tmp_path):
    if profile != "local":
        pytest.importorskip(f"snakemake_executor_plugin_{profile}")
    given = {"contestants": ["R2"], "notebooks": ["01"], "preset": "64"}
    code, said = Batch(tmp_path, **given).run(
        "-n", "--profile", str(ROOT / "batch" / "profiles" / profile)
    )
    assert code == 0 and "gpu=1" in said, said


@snakemake
@pytest.mark.long
def test_a_killed_batch_goes_on_and_repeats_nothing_that_was_finished(tmp_path):
    given = {"contestants": ["R2", "R3, flow"], "notebooks": ["01", "02"]}
    b = Batch(tmp_path, **given)
    started = b.start()
    checkpoint = "compare/sky-procedural-smoke/*/checkpoint.pt"
    until = time.monotonic() + 900
    while not list(b.out.glob(checkpoint)) and time.monotonic() < until:
        time.sleep(0.2)
    os.killpg(started.pid, signal.SIGKILL)  # Snakemake, the job, and what it runs
    started.communicate()
    marks = b.marks()
    kept = {p: p.stat().st_mtime_ns for p in b.out.glob("smoke/*/*/checkpoint.pt")}
    assert marks and kept and len(marks) < 9
    assert not set(marks) & b.wanted()
    code, said = b.run()
    assert code == 0, said
    after = b.marks()
    assert len(after) == 9 and {n: after[n] for n in marks} == marks
    assert {p: p.stat().st_mtime_ns for p in kept} == kept
    assert "R3, flow" in (b.out / "results.md").read_text()
    assert not b.wanted()
    again = b.wanted(ways=["sample", "robust sample"], contestants=["R3, flow"])
    assert again == {"contestant/sky-improved-r2-seed1", "contestant/sky-r3-flow-seed1"} | {
        "table/results"
    }
