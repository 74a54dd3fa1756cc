"""Published weights: what is written is what is loaded, and nothing else is taken."""

import json
import shutil

import numpy as np
import pytest
import torch

import rencgan
from rencgan.__main__ import main
from rencgan.core.errors import InputError
from rencgan.models.trained import load_model
from rencgan.notebook import parameters
from rencgan.notebook import steps as study
from rencgan.notebook import steps_r3 as study_r3
from rencgan.studies import publish, weights
from rencgan.training.record import read_history

SMALL = ("encgan3", "improved-r2", "ar2plus", "r3-mixture")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Some of the networks, published at smoke size."""
    work = tmp_path_factory.mktemp("work")
    for name in SMALL:
        publish.publish(name, work, work / "weights", "smoke")
    return work


@pytest.fixture
def folder(made, tmp_path, monkeypatch):
    """A copy that a test may spoil, where the package looks."""
    copied = tmp_path / "weights"
    shutil.copytree(made / "weights", copied)
    monkeypatch.setattr(weights, "FOLDER", copied)
    monkeypatch.setattr(parameters, "PUBLISHED_AT", "smoke")
    return copied


def test_a_model_is_loaded_as_it_was_trained_but_for_half_precision(made, folder):
    model = rencgan.load("improved-r2-smoke")
    (trained,) = made.glob("smoke-improved-r2-*/checkpoint.pt")
    whole = load_model(trained)
    assert (model.name, model.step, model.seed) == ("improved R2", whole.step, whole.seed)
    assert model.preset == whole.preset and model.system == whole.system
    nets = (m.nets["generator"].parameters() for m in (model, whole))
    for a, b in zip(*nets, strict=True):
        assert a.dtype == torch.float32
        assert torch.equal(a, b) if b.ndim < 2 else torch.equal(a, b.half().float())
    card = weights.card("improved-r2-smoke")
    assert model.digest == card["sha256"][:12] and card["bytes"] <= weights.MOST
    assert (
        card["trained on"] == "procedural sky" and card["provenance"]["preset"]["name"] == "smoke"
    )
    assert card["history"] and card["history"][0]["step"] == 1
    made_frames = model.videos(footage=np.zeros((40, 16, 16, 3), np.uint8), seed=0)
    assert made_frames.shape == (1, 40, 16, 16, 3)


def test_a_gpt_goes_on_with_the_r2_that_is_published(folder):
    r3, r2 = rencgan.load("r3-mixture-smoke"), rencgan.load("improved-r2-smoke")
    assert r3.r2.digest == r2.digest and r3.name == "R3, mixture"
    assert r3.coordinates.basis.dtype == torch.float32
    first = np.zeros((1, 16, 16, 16, 3), np.uint8)
    assert r3.videos(40, first_clip=first, method="faster").shape == (1, 40, 16, 16, 3)
    publish.publish("improved-r2", folder.parent / "again", folder, "smoke")  # is there: not made
    assert rencgan.load("improved-r2-smoke").digest == r2.digest


def test_a_name_says_at_which_preset_and_the_plain_ones_stay_what_they_are(folder):
    assert weights.taken("r2", folder) == ("r2", "slim")
    assert weights.taken("ar2plus-smoke", folder) == ("ar2plus", "smoke")
    assert weights.presets(folder) == ["slim", "smoke"]
    with pytest.raises(InputError, match="published are encgan3, .*, encgan3-smoke, .*'r2-hour'"):
        rencgan.load("r2-hour")
    assert weights.name_of(*recipe_of("improved-r2")) == "improved-r2-smoke"
    assert weights.finest("improved-r2", folder) == "improved-r2"  # 32 pixels, and not 16


def recipe_of(model):
    found = rencgan.load(f"{model}-smoke")
    return found.system, found.preset


def test_the_largest_frames_are_the_finest_where_they_are_there(tmp_path, monkeypatch):
    assert weights.finest("r2", tmp_path) == "r2"
    (tmp_path / "r2-64.json").write_text("{}")
    assert weights.finest("r2", tmp_path) == "r2-64" and weights.finest("ar2", tmp_path) == "ar2"


def test_what_was_trained_elsewhere_is_published_from_its_checkpoint(made, tmp_path):
    (trained,) = made.glob("smoke-improved-r2-*/checkpoint.pt")
    given = ("improved-r2", made, tmp_path, "smoke")
    path = publish.publish_from(trained, *given)
    raw = (made / "weights" / path.name).read_bytes()
    assert path.name == "improved-r2-smoke.safetensors" and path.read_bytes() == raw
    again, first = (weights.card("improved-r2-smoke", f) for f in (tmp_path, made / "weights"))
    same = ("sha256", "recipe", "history", "trained on", "content")
    assert {k: again[k] for k in same} == {k: first[k] for k in same}
    assert again["provenance"]["data"]["source"] == "procedural"
    videos = rencgan.prepare("sky", size=16, videos=3, cache_root=tmp_path / "cache")
    with pytest.raises(InputError, match="was not trained on the videos in "):
        publish.publish_from(trained, *given, videos.path)
    with pytest.raises(InputError, match="is not of ar2 at smoke|holds a model of kind 'r2'"):
        publish.publish_from(trained, "ar2", *given[1:])
    with pytest.raises(InputError, match="not of improved-r2 at mini: it has another .*batch"):
        publish.publish_from(trained, *given[:3], "mini", videos.path)


def test_the_command_publishes_one_model_from_one_checkpoint(made, tmp_path, capsys):
    (trained,) = made.glob("smoke-encgan3-*/checkpoint.pt")
    words = ["publish", "--preset", "smoke", "--from", str(trained), "--work", str(made)]
    assert main([*words, "--out", str(tmp_path)]) == 2
    assert "--from takes the one model" in capsys.readouterr().err
    assert main([*words, "--out", str(tmp_path), "--models", "encgan3"]) == 0
    assert "encgan3-smoke.safetensors: 0.1 MB" in capsys.readouterr().out


def test_what_is_not_the_file_of_its_card_is_refused(folder):
    with pytest.raises(InputError, match="published are encgan3, r2, .*, not 'gan'"):
        rencgan.load("gan")
    with pytest.raises(InputError, match="r2.json is missing or damaged; git checkout"):
        rencgan.load("r2")
    path = folder / "encgan3-smoke.safetensors"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    with pytest.raises(InputError, match="is not the file of its card: their sha256 differ"):
        rencgan.load("encgan3-smoke")
    path.unlink()
    with pytest.raises(InputError, match="encgan3-smoke.safetensors is missing; git checkout"):
        rencgan.load("encgan3-smoke")
    other = json.loads((folder / "r3-mixture-smoke.json").read_text())
    other["content"]["base"] = "0" * 12
    (folder / "r3-mixture-smoke.json").write_text(json.dumps(other))
    with pytest.raises(InputError, match="trained on the codes of another improved R2"):
        rencgan.load("r3-mixture-smoke")


def test_what_is_too_large_is_not_published(folder, monkeypatch):
    model = rencgan.load("encgan3-smoke")
    content = {"preset": {"name": "smoke"}, **dict.fromkeys(("step", "seed", "kind"), 0)}
    monkeypatch.setattr(weights, "MOST", 1000)
    with pytest.raises(InputError, match="bytes; published are at most 1,000"):
        weights.write("large", model, content | {"objective": {}}, {}, folder)
    assert not list(folder.glob("*large*"))
    content["preset"] = {"name": "hour"}  # 64x64 has wider networks
    written = weights.write("large", model, content | {"objective": {}}, {}, folder)
    assert weights.MOST < written.stat().st_size < weights.LARGER["hour"]


def run_of(model, tmp_path, **given):
    given = {"source": "procedural", "weights": "published"} | given
    return parameters.check(given | {"out_root": str(tmp_path)}, model)


def test_a_notebook_takes_them_in_the_place_of_training(folder, tmp_path):
    p = run_of(parameters.R3Run, tmp_path, head="mixture")
    assert p.preset == "smoke"
    videos = study.data(p)
    r2, job = study.trained(p, "improved-r2", videos)
    assert r2.digest == rencgan.load("improved-r2-smoke").digest
    assert read_history(job.out / "history.jsonl") == weights.card("improved-r2-smoke")["history"]
    assert study.sample_grids(job) == {}
    assert study.origin(r2, job).startswith(
        "improved R2: published-improved-r2-smoke, step 6, sha256 "
    )
    ((r3, gpt_job),) = study_r3.trained(p, r2, videos).values()
    assert r3.digest == rencgan.load("r3-mixture-smoke").digest and gpt_job.out.exists()
    assert not list(tmp_path.rglob("checkpoint.pt")), "nothing is trained"


def test_it_is_said_where_they_are_of_other_videos(folder, tmp_path, capsys):
    p = run_of(parameters.REncGANRun, tmp_path, video_stream="3d", dataset="taichi")
    study.trained(p, "r2", study.data(p))
    told = "These weights were trained on procedural sky, not on procedural taichi."
    assert told in capsys.readouterr().out


def test_weights_of_another_recipe_are_refused_by_field(folder, tmp_path):
    p = run_of(parameters.REncGANRun, tmp_path, video_stream="3d", hop=4)
    with pytest.raises(
        InputError, match="improved-r2-smoke was not trained with this overlap; leave"
    ):
        study.trained(p, "r2", study.data(p))
    p = run_of(parameters.REncGANRun, tmp_path, video_stream="3d", variant="v4-noise")
    with pytest.raises(InputError, match="not trained with this noise;"):
        study.trained(p, "r2", study.data(p))
    assert run_of(parameters.REncGANRun, tmp_path, control="lencgan").control == "none"
    with pytest.raises(InputError, match="no weights of 'lencgan' are published"):
        study.trained(p, "lencgan", study.data(p))
    p = run_of(parameters.R3Run, tmp_path, head="mixture", format="padzs")
    r2 = rencgan.load("improved-r2-smoke")
    with pytest.raises(InputError, match="r3-mixture-smoke was not trained with this format"):
        study_r3.trained(p, r2, study.data(p))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"preset": "mini"}, "the published weights are of the preset 'slim'.*, not 'mini'"),
        ({"steps": 5}, "published weights are not trained: leave steps and init_from alone"),
        ({"weights": "mine"}, "weights = 'mine' should be one of train, published"),
    ],
)
def test_parameters_that_cannot_go_with_them(given, words, tmp_path):
    with pytest.raises(InputError, match=words):
        run_of(parameters.EncGAN3Run, tmp_path, **given)
    assert run_of(parameters.EncGAN3Run, tmp_path).preset == "slim"


def test_those_of_the_plain_names_are_there():
    there = {path.stem for path in weights.FOLDER.glob("*.safetensors")}
    assert there >= {*weights.NAMES, *weights.GPTS}
    assert {path.stem for path in weights.FOLDER.glob("*.json")} == there


@pytest.mark.parametrize("name", sorted(p.stem for p in weights.FOLDER.glob("*.json")))
def test_those_of_the_project_are_whole_small_and_move(name):
    model, card = rencgan.load(name), weights.card(name)
    kind, preset = weights.taken(name)
    size = (weights.FOLDER / f"{name}.safetensors").stat().st_size
    assert size == card["bytes"] <= weights.LARGER.get(preset, 5_000_000)
    assert card["content"]["preset"]["name"] == preset and card["trained on"] == "procedural sky"
    side = model.size
    if kind in ("r2", "improved-r2"):
        footage = np.random.default_rng(0).integers(0, 256, (40, side, side, 3), np.uint8)
        made = model.videos(footage=footage)[0]
    elif kind == "encgan3":
        z = (torch.zeros(1, d) for d in (model.preset.content_dim, model.preset.motion_dim))
        made = model.clips(*z)[0]
    elif kind in weights.GPTS:
        first = np.full((1, 16, side, side, 3), 128, np.uint8)
        made = model.videos(40, first_clip=first, method="faster")[0]
    else:
        made = model.videos(40)[0]
    assert made.shape[1:] == (side, side, 3) and 1 < made.std() < 120
