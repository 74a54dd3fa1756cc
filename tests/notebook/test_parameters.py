"""Parameters: what is taken, and that a refusal is one sentence with what would be right."""

import datetime

import pytest
import torch

from rencgan.core.errors import InputError
from rencgan.core.files import project_root, resolve
from rencgan.notebook import parameters
from rencgan.studies import setting


def refusal(model=parameters.REncGANRun, **namespace) -> str:
    with pytest.raises(InputError) as caught:
        parameters.check(namespace, model)
    message = str(caught.value)
    assert "\n" not in message and message.endswith(".")
    return message


def test_defaults_are_taken_and_other_names_of_the_notebook_are_ignored():
    p = parameters.check({"np": object(), "In": [""], "seed": 3}, parameters.REncGANRun)
    assert (p.dataset, p.seed, p.hop, p.frames) == ("sky", 3, 8, 480)
    assert (p.candidates, p.codes, p.processes, p.steps) == (20, "sample", 1, 0)


@pytest.mark.parametrize(("cuda", "name"), [(False, "mini"), (True, "64")])
def test_auto_becomes_the_preset_of_the_machine(monkeypatch, cuda, name):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    assert parameters.check({}, parameters.Run).preset == name
    assert parameters.check({"preset": "auto"}, parameters.Run).preset == name
    assert parameters.check({"preset": "smoke"}, parameters.Run).preset == "smoke"


def test_a_misspelt_name_that_papermill_injected_is_refused_with_the_right_one():
    cells = ["seed = 0", "# Parameters\nstpes = 5\nseed = 1\n"]
    message = refusal(In=cells, stpes=5, seed=1)
    assert "unknown parameter 'stpes' (did you mean 'steps'?)" in message


def test_a_parameter_of_another_notebook_is_unknown_to_this_one():
    message = refusal(parameters.DataRun, In=["# Parameters\nhop: int = 4"], hop=4)
    assert "unknown parameter 'hop'" in message and "dataset" in message


def test_injected_names_are_only_those_assigned_in_papermills_cells():
    cells = ["x = 1", "# Parameters\na = 1\nb: int = 2\nc, d = 3, 4\nprint(e)", "y = 2"]
    assert parameters.injected_names({"In": cells}) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"dataset": "skye"}, "dataset = 'skye' should be one of "),
        ({"dataset": "skye"}, "did you mean 'sky'?"),
        ({"preset": "miny"}, "did you mean 'mini'?"),
        ({"preset": 6.4}, "preset = 6.4 should be one of auto, smoke"),
        ({"data_root": ["a"]}, "data_root = ['a'] should be a text."),
        ({"source": "procedual"}, "should be one of auto, real, procedural"),
        ({"source": "procedual"}, "did you mean 'procedural'?"),
        ({"seed": "3"}, "seed = '3' should be a whole number from 0"),
        ({"seed": 9001}, "seed = 9001 is that of the videos that no run may see"),
        ({"seed": 9002}, "seed = 9002 is that of the videos that no run may see"),
        ({"seed": -1}, "seed = -1 should be a whole number from 0"),
        ({"steps": 1.5}, "steps = 1.5 should be a whole number from 0 up"),
        ({"steps": True}, "steps = True should be a whole number"),
        ({"hop": 16}, "hop = 16 should be a whole number from 1 to 15"),
        ({"hop": 0}, "hop = 0 should be a whole number from 1 to 15"),
        ({"candidates": 201}, "from 1 to 200"),
        ({"codes": "median"}, "codes = 'median' should be one of sample, mean"),
        ({"out_root": ""}, "out_root = '' should be a text that is not empty"),
        ({"dataset": "folder"}, "'folder' needs data_root"),
        ({"dataset": "folder", "data_root": "v", "source": "procedural"}, "no procedural stand-in"),
    ],
)
def test_refusals(given, expected):
    assert expected in refusal(**given)


def test_r3_is_refused_before_its_r2_is_trained():
    told = refusal(parameters.R3Run, frames=20)
    assert told.startswith("frames = 20 and hop = 8: the two tokens that R3 needs take 24 frames;")
    assert "frames = 17 and hop = 15" in refusal(parameters.R3Run, frames=17, hop=15)
    told = refusal(parameters.R3Run, width=100)
    assert told == "a width of 100 cannot be shared by heads of 64; give a multiple."
    assert parameters.check({"frames": 20, "hop": 4}, parameters.R3Run).frames == 20


def test_two_mistakes_are_told_at_once():
    message = refusal(hop=99, codes="x")
    assert "hop = 99" in message and "codes = 'x'" in message


def test_folders_follow_the_project_and_not_the_working_directory(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    p = parameters.check({"preset": "smoke", "out_root": "elsewhere"}, parameters.EncGAN3Run)
    assert p.out_dir == project_root() / "elsewhere" / "smoke" / "sky"
    assert p.cache_root == project_root() / "elsewhere" / "cache"
    assert p.data_path is None and p.init_path is None
    assert resolve(tmp_path / "x") == tmp_path / "x"
    assert (project_root() / "pyproject.toml").is_file()


def test_a_checked_run_cannot_be_changed():
    p = parameters.check({}, parameters.Run)
    with pytest.raises(ValueError, match="frozen"):
        p.seed = 4


def test_a_preset_whose_name_is_a_number_arrives_as_one():
    """Papermill makes a number of `-p preset 64`."""
    assert parameters.check({"preset": 64}, parameters.DataRun).preset == "64"
    with pytest.raises(InputError, match="preset"):
        parameters.check({"preset": 65}, parameters.DataRun)


NAMES = ["2024", "007", "1e5", "2024_05", "3.10", "True", "None", "nan"]


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_may_be_called_what_papermill_takes_for_something_else(
    name, tmp_path, monkeypatch
):
    typed = pytest.importorskip("papermill.cli")._resolve_type(name)
    assert not isinstance(typed, str), "else nothing is to be shown"
    monkeypatch.setattr(setting, "project_root", lambda: tmp_path)
    for folder in ("2025", "videos", name):
        (tmp_path / folder).mkdir()
    given = {"dataset": "folder", "data_root": typed, "out_root": typed, "init_from": typed}
    if name == "None":  # papermill's word for nothing
        assert refusal(**given).startswith("out_root = '' should be a text that is not empty")
        return
    p = parameters.check(given, parameters.REncGANRun)
    assert (p.data_root, p.out_root, p.init_from) == (name, name, name)


def test_where_no_name_reads_as_a_number_it_is_taken_as_it_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(setting, "project_root", lambda: tmp_path)
    day = datetime.date(2024, 5, 1)  # YAML's reading of 2024-05-01
    for typed, name in ((2024, "2024"), (-1.5, "-1.5"), (True, "True"), (day, "2024-05-01")):
        assert parameters.check({"out_root": typed}, parameters.DataRun).out_root == name
    (tmp_path / "010").mkdir()
    (tmp_path / "true").mkdir()
    for typed, name in ((8, "010"), (True, "true")):  # YAML's readings
        assert parameters.check({"out_root": typed}, parameters.DataRun).out_root == name
    assert parameters.check({"study": 4.3, "seeds": 2}, parameters.AblationRun).study == "4.3"


def test_schedule_and_additions_are_parameters_of_what_trains():
    for model in (parameters.EncGAN3Run, parameters.REncGANRun, parameters.R3Run):
        p = parameters.check({"preset": "smoke"}, model)
        assert (p.schedule, p.as_published) == ("published", False)
    assert "as_published = 1 should be" in refusal(as_published=1)
    assert "schedule = 'long' should be one of published, short" in refusal(schedule="long")
    assert "have this project's additions" in refusal(weights="published", as_published=True)
    assert parameters.check({"train_on": "all"}, parameters.EncGAN3Run).train_on == "all"
    assert "unknown parameter 'train_on'" in refusal(In=["# Parameters\ntrain_on = 'all'"])
