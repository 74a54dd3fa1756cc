"""The batch as a graph, and its recipes; and, where Snakemake is installed, run by it."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import nbformat
import pytest
from batches import SMALL, Batch, snakemake
from conftest import ROOT

from rencgan.__main__ import do, parser
from rencgan.core.errors import InputError
from rencgan.notebook import batch
from rencgan.notebook.batch import plan, stale
from rencgan.presets import table as presets
from rencgan.presets.baselines import BASELINES
from rencgan.studies.variants import CONTESTANTS


def jobs(**given):
    return batch.jobs(plan(SMALL | given))


def names(made, kind):
    return [job.name for job in made.values() if job.kind == kind]


def texts(**given):
    return {name: job.recipe for name, job in jobs(**given).items()}


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


def test_notebooks_follow_one_another():
    made = jobs(datasets=["sky", "uva"], contestants=[])
    for dataset in ("sky", "uva"):
        first, before = f"notebook/{dataset}-", ()
        for name in ("01_data", "02_encgan3", "03_rencgan", "04_ar2", "05_r3"):
            assert made[first + name].needs == before
            before += (first + name,)
        assert made[f"{first}06_ablations"].needs == ()
    assert not names(made, "table") and not names(made, "contestant")


def test_a_notebook_that_is_left_out_is_not_waited_for():
    made = jobs(contestants=[], notebooks=["01", "05"])
    assert made["notebook/sky-05_r3"].needs == ("notebook/sky-01_data",)


def test_a_notebook_whose_models_the_preset_does_not_know_is_left_out():
    assert "sky-07_baselines" not in names(jobs(preset="mini", contestants=[]), "notebook")
    made = jobs(preset="hour", contestants=[], seeds=[2, 3])
    job = made["notebook/sky-07_baselines"]
    assert job.recipe["parameters"]["seed"] == 2, "its trainings are the comparison's"
    assert not job.light and made["notebook/sky-08_results"].recipe["parameters"]["seed"] == 0
    with pytest.raises(InputError, match="07_baselines.ipynb: preset = 'mini' is no preset of the"):
        jobs(preset="mini", contestants=[], notebooks=["07"])


def test_what_notebooks_say_of_themselves_is_there():
    paths = sorted((ROOT / "notebooks").glob("*.ipynb"))
    told = {p.stem: nbformat.read(p, as_version=4).metadata.get("batch", {}) for p in paths}
    for name, own in told.items():
        assert set(own) <= {"after", "trains"} and set(own.get("after", [])) <= set(told)
        assert set(own.get("trains", [])) <= {*presets.ALWAYS, "r3"}, name


def test_every_contestant_and_seed_is_a_job_and_the_table_needs_them_all():
    made = jobs(seeds=[1, 2], contestants=["R2", "R3, flow"])
    runs = ("real", "r2", "improved-r2", "r3-flow")
    expected = [f"sky-{n}-seed{s}" for s in (1, 2) for n in runs]
    assert names(made, "contestant") == expected
    flow = made["contestant/sky-r3-flow-seed2"]
    before = ("contestant/sky-real-seed2", "contestant/sky-improved-r2-seed2")
    assert flow.needs == before and made["contestant/sky-real-seed1"].needs == ()
    assert set(made["table/results"].needs) == {f"contestant/{n}" for n in expected}
    options = made["contestant/sky-r2-seed1"].options
    assert options[options.index("--models") + 1 :] == ("R2", "--ways", "sample", "mean")
    assert flow.product.name == "sky-procedural-smoke-r3-flow-seed2.json"


def test_the_comparison_and_the_table_understand_their_options():
    given = {"data_root": "clips", "test_fraction": 0.5, "contestants": ["R3, flow"]}
    made = jobs(**given)
    asked = parser().parse_args(["compare", *made["contestant/sky-r3-flow-seed1"].options])
    assert asked.models == ["R3, flow"] and asked.ways == ["robust sample", "faster sample"]
    assert (asked.data_root, asked.test_fraction, asked.seeds) == ("clips", 0.5, [1])
    alone = parser().parse_args(["compare", *made["contestant/sky-real-seed1"].options])
    assert alone.models == []


def test_all_is_every_contestant_that_the_preset_knows():
    real = 1
    known = sum("equal" not in n and bool(c.ways) for n, c in CONTESTANTS.items())  # not of pairs
    assert len(names(jobs(), "contestant")) == known + real
    others = sum(c.kind in BASELINES for c in CONTESTANTS.values())  # they have no row of mini
    assert len(names(jobs(preset="mini"), "contestant")) == len(CONTESTANTS) - others + real
    assert "sky-r2-loss-v1-seed1" not in names(jobs(contestants="compared"), "contestant")
    with pytest.raises(InputError, match="known at mini, not at smoke"):
        jobs(contestants=["AR2, equal pairs"])
    with pytest.raises(InputError, match="no preset of ivgan 'mini'; choose one of smoke, hour"):
        jobs(preset="mini", contestants=["iVGAN, 0-GP"])


def test_ways_are_those_that_a_contestant_has_and_a_base_stays():
    made = jobs(contestants=["R3, flow", "LEncGAN"], ways=["robust VDrej", "VDrej"])
    assert made["contestant/sky-r3-flow-seed1"].recipe["ways"] == ["robust VDrej"]
    assert "contestant/sky-lencgan-seed1" not in made
    made = jobs(contestants=["R3, flow"], ways=["robust VDrej"])
    assert made["contestant/sky-improved-r2-seed1"].recipe["ways"] == ["sample", "mean"]


def test_pairs_are_no_job_and_the_first_walk_over_them_goes_before_others():
    names = ["MotionVideoGAN", "MotionVideoGAN, log loss", "MotionVideoGAN, k 2"]
    made = jobs(contestants=names)
    assert "contestant/sky-motionstylegan-seed1" not in made
    first, second, other = (made[f"contestant/sky-{batch.slug(n)}-seed1"].needs for n in names)
    real = "contestant/sky-real-seed1"
    assert first == other == (real,)
    assert second == (real, "contestant/sky-motionvideogan-seed1")


def test_runs_that_share_warm_ups_wait_for_one_of_them():
    losses = [f"R2, loss v{n}" for n in (1, 2, 4)]
    made = jobs(contestants=["R2", *losses, "improved R2", "AR2"])
    first = "contestant/sky-r2-loss-v1-seed1"
    for name in ("r2-loss-v2", "r2-loss-v4"):
        assert first in made[f"contestant/sky-{name}-seed1"].needs
    for name in ("r2", "r2-loss-v1", "improved-r2", "ar2"):
        assert made[f"contestant/sky-{name}-seed1"].needs == ("contestant/sky-real-seed1",)


def test_notebooks_that_have_a_results_root_need_all_results():
    made = jobs(contestants=["R2"], seeds=[1, 2], datasets=["sky", "uva"], out="elsewhere")
    results = {name for name in made if name.startswith("contestant/")}
    numbers = {n.split("-")[1][:2] for n in names(made, "notebook")}
    for name in ("notebook/uva-06_ablations", "notebook/uva-08_results"):
        assert set(made[name].needs) == results and len(results) == 8
        given = json.loads(made[name].options[-2])
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


def test_jobs_that_train_nothing_take_less():
    made = jobs()
    light = {name for name, job in made.items() if job.light}
    shown = {f"notebook/sky-{n}" for n in ("01_data", "06_ablations", "08_results")}
    shown.add("notebook/sky-09_measures")
    assert light == shown | {"contestant/sky-real-seed1", "table/results"}
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
        ({"notebooks": [1.5]}, r"notebooks = \[1.5\] should be `all` or numbers of notebooks, su"),
        ({"parameters": {"04": {"frame": 9}}}, r"04_ar2.ipynb .*\(did you mean 'frames'\?\)"),
        ({"parameters": {"04": {"frames": 9}}}, "04_ar2.ipynb: frames = 9 should be a whole"),
        ({"parameters": {"04": {"seed": 9}}}, "has no parameter 'seed' of its own"),
        ({"source": "real", "data_root": "/nowhere"}, "/nowhere"),
        ({"test_fraction": 2.0}, "should be a number between 0 and 1"),
        ({"out": [3]}, r"out = \[3\] should be a text"),
        ({"parameters": {"04": 3}}, "should be parameters by the number of their notebook"),
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
    numbers = {"notebooks": [1, "08"], "parameters": {3: {"as_published": True}}, "out": 2024}
    p = plan(given | numbers)  # YAML's readings of 01, 08, 03 and 2024
    assert (p.notebooks, p.out) == (["01", "08"], "2024")
    assert p.parameters["03"]["as_published"] is True


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
        m.setitem(presets.OWN["mini"], "ar2", presets.OWN["mini"]["ar2"] | {"w_jitter": 7.0})
        found = changed(before, texts(preset="mini"))
    ar2 = {n for n, c in CONTESTANTS.items() if c.kind == "ar2"}
    trained = {"notebook/sky-04_ar2", "notebook/sky-05_r3"}
    assert found == trained | {f"contestant/sky-{batch.slug(n)}-seed1" for n in ar2}
    with monkeypatch.context() as m:
        gpt = presets.GPT_PRESETS["mini"]
        m.setitem(presets.GPT_PRESETS, "mini", gpt.but(steps=gpt.steps + 1))
        found = changed(before, texts(preset="mini"))
    assert found == {"notebook/sky-05_r3"} | {n for n in before if "sky-r3-" in n}


def test_a_changed_size_changes_all_that_sees_frames(monkeypatch):
    before = texts()
    monkeypatch.setitem(presets.PRESETS, "smoke", presets.SMOKE.but(max_videos=7))
    found = changed(before, texts())
    assert {n for n in before if n.startswith(("contestant", "notebook"))} == found


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
    assert found == {n for n in before if n.startswith(("notebook", "contestant"))}


# ------------------------------------------------------------------------------------------- marks


def test_a_mark_is_stale_without_its_product_and_of_another_recipe(tmp_path):
    p = plan(SMALL | {"contestants": ["R2"], "notebooks": ["01"], "out": str(tmp_path)})
    r2 = batch.jobs(p)["contestant/sky-r2-seed1"]
    other = batch.jobs(p.model_copy(update={"ways": ["sample"]}))[r2.id]
    assert not stale(p, r2), "it has no mark"
    for path in (mark := tmp_path / "batch" / "done" / r2.id, r2.product):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"today\n{r2.text}\n")
    assert not stale(p, r2) and stale(p, other)
    r2.product.unlink()
    assert stale(p, r2) and mark.exists()


def test_the_verb_hands_its_words_to_snakemake(monkeypatch):
    asked = []
    monkeypatch.setattr(batch, "find_spec", lambda name: True)
    monkeypatch.setattr(batch.os, "execv", lambda program, words: asked.extend(words))
    do(["batch", "--profile", "slurm", "-n", "--config", "preset=smoke"])
    assert asked[-3:] == ["-n", "--config", "preset=smoke"]
    assert asked[asked.index("--profile") + 1] == str(ROOT / "batch" / "profiles" / "slurm")
    monkeypatch.setattr(batch, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="Snakemake is not installed"):
        do(["batch"])


def test_a_comparison_without_models_is_real_video_alone(tmp_path):
    given = ["sky", "--preset", "smoke", "--models", "--out", str(tmp_path / "out")]
    do(["compare", *given, "--work", str(tmp_path / "work")])
    found = [f.name for f in (tmp_path / "out").glob("*.json")]
    assert found == ["sky-procedural-smoke-real-seed1.json"]
    assert not list((tmp_path / "work").rglob("checkpoint.pt"))


def test_results_of_another_recipe_are_refused_or_put_aside(tmp_path):
    given = ["sky", "--preset", "smoke", "--models", "--out", str(tmp_path / "out")]
    given += ["--work", str(tmp_path / "work")]
    do(["compare", *given])
    (result,) = (tmp_path / "out").glob("*.json")
    whole = result.read_text()
    other = whole.replace('"key": "', '"key": "another ')
    result.write_text(other)
    with pytest.raises(InputError, match="another recipe, data or task; delete it, give"):
        do(["compare", *given])
    do(["compare", *given, "--aside"])
    assert json.loads(result.read_text())["key"] == json.loads(whole)["key"]
    assert [f.read_text() for f in (tmp_path / "out" / "old").iterdir()] == [other]


# --------------------------------------------------------------------------------- run by Snakemake


@snakemake
def test_snakemake_runs_again_what_a_change_reaches_and_nothing_else(tmp_path, notebooks):
    """With notebooks that are copied in place of being executed."""
    given = {"contestants": [], "notebooks": ["01", "02"], "notebook_folder": str(notebooks)}
    b = Batch(tmp_path, stub=True, **given)
    code, said = b.run()
    assert code == 0 and len(b.marks()) == 2, said
    assert len(list((b.out / "html" / "sky").glob("0*.html"))) == 2
    for path in notebooks.glob("*.ipynb"):
        os.utime(path)
    edit(notebooks / "02_encgan3.ipynb", "markdown", lambda s: s + " More words.")
    assert not b.wanted()
    edit(notebooks / "02_encgan3.ipynb", "code", lambda s: s + "\nprint(1)")
    assert b.wanted() == {"notebook/sky-02_encgan3"}
    shutil.rmtree(b.out / ".snakemake")  # what Snakemake knows of recipes
    assert b.wanted() == {"notebook/sky-02_encgan3"}
    (b.out / "notebooks" / "sky" / "01_data.ipynb").unlink()
    assert b.wanted() == {"notebook/sky-01_data", "notebook/sky-02_encgan3"}
    assert b.run()[0] == 0 and not b.wanted()


@snakemake
@pytest.mark.long
def test_snakemake_goes_on_after_a_notebook_that_failed(tmp_path, notebooks):
    given = {"contestants": [], "notebooks": ["01", "02", "03"]}
    b = Batch(tmp_path, stub=True, **given, notebook_folder=str(notebooks))
    assert b.run()[0] == 0 and len(b.marks()) == 3
    whole = (notebooks / "02_encgan3.ipynb").read_text()
    edit(notebooks / "02_encgan3.ipynb", "code", lambda s: s + "\nBROKEN")
    reached = {"notebook/sky-02_encgan3", "notebook/sky-03_rencgan"}
    assert b.wanted() == reached
    before = b.marks()
    code, said = b.run()
    assert code != 0 and "html/sky/02_encgan3.html" in said and "broken" in said
    assert "BROKEN" in (b.out / "notebooks" / "sky" / "02_encgan3.ipynb").read_text()
    assert "BROKEN" in (b.out / "html" / "sky" / "02_encgan3.html").read_text()
    assert b.wanted() == reached
    (notebooks / "02_encgan3.ipynb").write_text(whole)
    assert b.run()[0] == 0 and not b.wanted()
    after = b.marks()
    assert {n for n in after if after[n] != before[n]} <= reached
    frames = {"03": {"frames": 300}}
    assert b.wanted(parameters=frames) == {"notebook/sky-03_rencgan"}


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
    assert marks and kept and len(marks) < 7
    assert not set(marks) & b.wanted()
    code, said = b.run()
    assert code == 0, said
    after = b.marks()
    assert len(after) == 7 and {n: after[n] for n in marks} == marks
    assert {p: p.stat().st_mtime_ns for p in kept} == kept
    assert "R3, flow" in (b.out / "results.md").read_text()
    assert not b.wanted()
    again = b.wanted(ways=["sample", "robust sample"], contestants=["R3, flow"])
    assert again == {"contestant/sky-improved-r2-seed1", "contestant/sky-r3-flow-seed1"} | {
        "table/results"
    }
