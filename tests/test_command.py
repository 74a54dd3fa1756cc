"""The command line: every verb, its help, and that bad input is one sentence."""

import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, moving_videos

from rencgan.__main__ import VERBS, main, parser
from rencgan.core import checkpoint
from rencgan.core.errors import InputError
from rencgan.data.encode import write_mp4
from rencgan.data.videoset import VideoSet
from rencgan.studies import recipes

KNOWN = """
prepare train evaluate study compare results ledger benchmark sizes publish report fitness
fit-compact batch first-sight readme
"""
SMOKE = ("--preset", "smoke", "--source", "procedural")


def refused(capsys, *words: str) -> str:
    """The sentence in which a command ends."""
    assert main([*words]) == 2
    told = capsys.readouterr().err.strip()
    assert told and "\n" not in told
    return told


def test_the_help_names_every_verb():
    told = parser().format_help()
    assert all(f"    {name}" in told for name in KNOWN.split())
    assert set(VERBS) == set(KNOWN.split())


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_tells_its_options(name, capsys):
    with pytest.raises(SystemExit, match="^0$"):
        main([name, "--help"])
    assert "usage" in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["paint"], ["train", "vae"]])
def test_an_unknown_verb_or_system_is_refused_with_those_there_are(words, capsys):
    with pytest.raises(SystemExit, match="^2$"):
        main(words)
    told = capsys.readouterr().err
    assert not words or "invalid choice" in told


def test_evaluate_is_a_module_of_its_own_too():
    command = [sys.executable, "-m", "rencgan.evaluate", "no_real", "no_generated"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and "no_real" in done.stderr and "Traceback" not in done.stderr


COMMANDS = """
from rencgan.__main__ import main
given = ["--data-root", "films", "--size", "16", "--cache-root", "cache"]
assert main(["prepare", *given]) == main(["evaluate", "films", "films"]) == 0
assert main(["report", "pages", "żółw.ipynb"]) == 1
main(["evaluate", "--help"])
"""


@pytest.mark.parametrize("encoding", ["ascii", "iso8859-2"])
def test_no_word_is_lost_to_a_terminals_letters(encoding, tmp_path):
    """Scores with their "±", bars of blocks, names in other letters and of bytes that are none."""
    (tmp_path / "films").mkdir()
    for i, name in enumerate((b"\xc3\xa9t\xc3\xa9", "żółw 動".encode(), b"\xe9t\xe9")):
        video = np.random.default_rng(i).integers(0, 256, (24, 16, 16, 3), np.uint8)
        write_mp4(tmp_path / "film.mp4", video, 25)
        os.rename(tmp_path / "film.mp4", os.fsencode(tmp_path / "films") + b"/" + name + b".mp4")
    paths = {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-c", COMMANDS]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, env=os.environ | paths)
    told, err = done.stdout.decode(encoding), done.stderr.decode(encoding)
    assert done.returncode == 0, err
    assert "FVD (compact) 16f" in told and "+-" in told and "usage:" in told
    assert "###" in err and r"\udce9t\udce9" in told + err


@pytest.mark.parametrize("system", ["encgan3", "g3an", "r2", "improved-r2", "lencgan", "ar2"])
def test_train_trains_any_system_with_other_fields(system, tmp_path, capsys):
    changes = ["--set", "batch=3", "steps=4", "--set", "lr_encoder=1e-3", "--seed", "7"]
    assert main(["train", system, *SMOKE, *changes, "--out", str(tmp_path)]) == 0
    path = capsys.readouterr().out.splitlines()[-1]
    found = checkpoint.load(path)
    assert (found["step"], found["seed"], found["preset"]["lr_encoder"]) == (4, 7, 1e-3)
    assert found["preset"]["batch"] == 3
    assert found["kind"] == system.removeprefix("improved-")
    assert found["preset"]["video_stream"] == ("3d" if system in ("improved-r2", "ar2") else "1p2d")


def test_train_r3_trains_its_r2_first_and_its_gpt_with_other_fields(tmp_path, capsys):
    asked = ["--set", "head=mixture", "steps=3", "--out", str(tmp_path)]
    assert main(["train", "r3", *SMOKE, *asked]) == 0
    path = capsys.readouterr().out.splitlines()[-1]
    assert "r3-mixture-" in path
    assert checkpoint.load(path)["step"] == 3
    assert len(list(tmp_path.rglob("r2-*/checkpoint.pt"))) == 1


def test_what_r3_is_trained_over_has_its_schedule(tmp_path, capsys, monkeypatch):
    videos, jobs = VideoSet.from_arrays(moving_videos(4, frames=40, size=64)), []
    videos.card["dataset"] = "sky"

    def trained(work, *told, **more):
        jobs.append(work)
        raise InputError("enough seen")

    monkeypatch.setattr(recipes, "data", lambda p, **more: videos)
    monkeypatch.setattr(recipes, "trained", trained)
    monkeypatch.setattr("rencgan.r3.tokens.check_enough", lambda *given: None)
    asked = ["train", "r3", "--preset", "64", "--source", "procedural", "--out", str(tmp_path)]
    assert main(asked) == main([*asked, "--schedule", "short"]) == 2
    published, short = (work.preset for work in jobs)
    assert published.epochs == 215 and (short.epochs, short.steps) == (0, 100_000)


def test_train_refuses_an_r3_without_enough_tokens_before_it_trains_its_r2(tmp_path, capsys):
    asked = ["--set", "directions=99999", "--out", str(tmp_path)]
    told = refused_at_the_end(capsys, "train", "r3", *SMOKE, *asked)
    assert "tokens at a hop of 8" in told and "needs 99999; give more or longer videos" in told
    assert not list(tmp_path.rglob("checkpoint.pt"))


def test_a_folder_that_is_named_holds_ones_own_videos(tmp_path, capsys):
    told = refused(capsys, "train", "r2", *SMOKE, "--data-root", str(tmp_path))
    assert told.startswith("dataset 'folder' has no procedural stand-in")
    (tmp_path / "films").mkdir()
    asked = ["--preset", "smoke", "--data-root", str(tmp_path / "films"), "--out", str(tmp_path)]
    told = refused_at_the_end(capsys, "train", "r2", *asked)
    assert told.startswith(f"no video was found in {tmp_path / 'films'}")


def refused_at_the_end(capsys, *words: str) -> str:
    """The sentence in which a command ends that has told how far it was."""
    assert main([*words]) == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


@pytest.mark.parametrize("words", [["results", "--preset"], ["ledger", "--presets", "mini"]])
def test_results_are_asked_for_where_they_can_lie(words, tmp_path, capsys):
    assert "there is no preset 'nope'; choose one of smoke, mini" in refused(capsys, *words, "nope")
    told = refused(capsys, *words, "hour", "--folder", str(tmp_path / "none"))
    assert told.startswith(f"there is no folder {tmp_path / 'none'}; name")
    told = refused(capsys, *words, "hour", "--folder", str(tmp_path))
    assert "holds no results at" in told and told.endswith("python -m rencgan compare makes them")


def test_a_study_is_listed_at_a_preset_that_there_is(capsys):
    assert refused(capsys, "study", "--preset", "nope").startswith("preset = 'nope' should be one")


def test_the_readme_is_looked_for_before_anything_is_made(tmp_path, capsys):
    told = refused(capsys, "readme", str(tmp_path / "README.md"))
    assert told.endswith("README.md is missing: give the README that the tables are put into")


def test_a_system_has_its_own_video_streams(capsys):
    told = refused(capsys, "sizes", "--system", "r2", "--video-stream", "3d")
    assert told == "r2 has its own video streams: leave --video-stream out"


MANY = "batch must be a whole number, not 'many'"
WRONG = {
    "no such field": (["--set", "bach=3"], "a preset has no field bach to set (did you mean"),
    "no field either": (["--set", "seed=3"], "a preset has no field seed to set"),
    "nor this": (["--set", "videos=1"], "a preset has no field videos to set"),
    "nor what tells presets apart": (["--set", "name=x"], "a preset has no field name to set"),
    "no value": (["--set", "batch"], "--set takes field=value, not 'batch'"),
    "not a number": (["--set", "batch=many"], MANY),
    "no process": (["--processes", "0"], "a training takes at least 1 process, not 0"),
    "a preset": (["--preset", "tiny"], "preset = 'tiny' should be one of"),
    "a data set": (["--dataset", "skye"], "did you mean 'sky'"),
    "a variant": (["--variant", "v9"], "a loss variant is one of v1"),
    "for another system": (["--set", "rollout=2"], "recall_noise and rollout are AR2's"),
    "more processes than clips": (
        ["--processes", "3"],
        "a batch of 2 goes with at most 2 proc",
    ),
    "no checkpoint": (["--init-from", "/none.pt"], "there is no checkpoint /none.pt"),
    "a text for a length": (["--preset", "64", "--dataset", "kth", "--set", "batch=many"], MANY),
}


@pytest.mark.parametrize("kind", WRONG)
def test_train_refuses_before_it_prepares(kind, tmp_path, capsys):
    words, sentence = WRONG[kind]
    told = refused(capsys, "train", "r2", *SMOKE, "--out", str(tmp_path), *words)
    assert sentence in told and not list(tmp_path.iterdir())


def test_what_r3_is_trained_over_is_checked_before_the_data_is_prepared(tmp_path, capsys):
    told = refused(capsys, "train", "r3", *SMOKE, "--out", str(tmp_path), "--processes", "3")
    assert told.startswith("a batch of 2 goes with at most") and not list(tmp_path.iterdir())


@pytest.mark.parametrize("system", ["stylegan-v", "r3"])
def test_only_what_has_warm_ups_begins_from_a_checkpoint(system, tmp_path, capsys):
    told = refused(capsys, "train", system, *SMOKE, "--out", str(tmp_path), "--init-from", "a.pt")
    assert told.startswith(f"{system} cannot begin from a checkpoint; encgan3, ")
    assert not list(tmp_path.iterdir())
