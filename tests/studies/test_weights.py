"""Published weights: what is written is what is loaded, and nothing else is taken."""

import json
import shutil

import numpy as np
import pytest
import torch

import rencgan
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
    model = rencgan.load("improved-r2")
    (trained,) = made.glob("smoke-improved-r2-*/checkpoint.pt")
    whole = load_model(trained)
    assert (model.name, model.step, model.seed) == ("improved R2", whole.step, whole.seed)
    assert model.preset == whole.preset and model.system == whole.system
    nets = (m.nets["generator"].parameters() for m in (model, whole))
    for a, b in zip(*nets, strict=True):
        assert a.dtype == torch.float32
        assert torch.equal(a, b) if b.ndim < 2 else torch.equal(a, b.half().float())
    card = weights.card("improved-r2")
    assert model.digest == card["sha256"][:12] and card["bytes"] <= weights.MOST
    assert (
        card["trained on"] == "procedural sky" and card["provenance"]["preset"]["name"] == "smoke"
    )
    assert card["history"] and card["history"][0]["step"] == 1
    made_frames = model.videos(footage=np.zeros((40, 16, 16, 3), np.uint8), seed=0)
    assert made_frames.shape == (1, 40, 16, 16, 3)


def test_a_gpt_goes_on_with_the_r2_that_is_published(folder):
    r3, r2 = rencgan.load("r3-mixture"), rencgan.load("improved-r2")
    assert r3.r2.digest == r2.digest and r3.name == "R3, mixture"
    assert r3.coordinates.basis.dtype == torch.float32
    first = np.zeros((1, 16, 16, 16, 3), np.uint8)
    assert r3.videos(40, first_clip=first, method="faster").shape == (1, 40, 16, 16, 3)
    publish.publish("improved-r2", folder.parent / "again", folder, "smoke")  # is there: not made
    assert rencgan.load("improved-r2").digest == r2.digest


def test_what_is_not_the_file_of_its_card_is_refused(folder):
    with pytest.raises(InputError, match="published are encgan3, r2, .*, not 'gan'"):
        rencgan.load("gan")
    with pytest.raises(InputError, match="r2.json is missing or damaged; git checkout"):
        rencgan.load("r2")
    path = folder / "encgan3.safetensors"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    with pytest.raises(InputError, match="is not the file of its card: their sha256 differ"):
        rencgan.load("encgan3")
    path.unlink()
    with pytest.raises(InputError, match="encgan3.safetensors is missing; git checkout"):
        rencgan.load("encgan3")
    other = json.loads((folder / "r3-mixture.json").read_text())
    other["content"]["base"] = "0" * 12
    (folder / "r3-mixture.json").write_text(json.dumps(other))
    with pytest.raises(InputError, match="trained on the codes of another improved R2"):
        rencgan.load("r3-mixture")


def test_what_is_too_large_is_not_published(folder, monkeypatch):
    model = rencgan.load("encgan3")
    content = {"networks": {"image_d": {}}, **dict.fromkeys(("preset", "step", "seed", "kind"), 0)}
    monkeypatch.setattr(weights, "MOST", 1000)
    with pytest.raises(InputError, match="bytes; published are at most 1,000"):
        weights.write("large", model, content | {"objective": {}}, {}, folder)
    assert not list(folder.glob("*large*"))


def run_of(model, tmp_path, **given):
    given = {"source": "procedural", "weights": "published"} | given
    return parameters.check(given | {"out_root": str(tmp_path)}, model)


def test_a_notebook_takes_them_in_the_place_of_training(folder, tmp_path):
    p = run_of(parameters.R3Run, tmp_path, head="mixture")
    assert p.preset == "smoke"
    videos = study.data(p)
    r2, job = study.trained(p, "improved-r2", videos)
    assert r2.digest == rencgan.load("improved-r2").digest
    assert read_history(job.out / "history.jsonl") == weights.card("improved-r2")["history"]
    assert study.sample_grids(job) == {}
    assert study.origin(r2, job).startswith("improved R2: published-improved-r2, step 6, sha256 ")
    ((r3, gpt_job),) = study_r3.trained(p, r2, videos).values()
    assert r3.digest == rencgan.load("r3-mixture").digest and gpt_job.out.exists()
    assert not list(tmp_path.rglob("checkpoint.pt")), "nothing is trained"


def test_weights_of_another_recipe_are_refused_by_field(folder, tmp_path):
    p = run_of(parameters.REncGANRun, tmp_path, video_stream="3d", hop=4)
    with pytest.raises(InputError, match="improved-r2 was not trained with this overlap; leave"):
        study.trained(p, "r2", study.data(p))
    p = run_of(parameters.REncGANRun, tmp_path, video_stream="3d", variant="v4-noise")
    with pytest.raises(InputError, match="not trained with this noise;"):
        study.trained(p, "r2", study.data(p))
    assert run_of(parameters.REncGANRun, tmp_path, control="lencgan").control == "none"
    with pytest.raises(InputError, match="no weights of 'lencgan' are published"):
        study.trained(p, "lencgan", study.data(p))
    p = run_of(parameters.R3Run, tmp_path, head="mixture", format="padzs")
    r2 = rencgan.load("improved-r2")
    with pytest.raises(InputError, match="r3-mixture was not trained with this format"):
        study_r3.trained(p, r2, study.data(p))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"preset": "mini"}, "the published weights are of the preset 'slim', not 'mini'"),
        ({"steps": 5}, "published weights are not trained: leave steps and init_from alone"),
        ({"weights": "mine"}, "weights = 'mine' should be one of train, published"),
    ],
)
def test_parameters_that_cannot_go_with_them(given, words, tmp_path):
    with pytest.raises(InputError, match=words):
        run_of(parameters.EncGAN3Run, tmp_path, **given)
    assert run_of(parameters.EncGAN3Run, tmp_path).preset == "slim"


@pytest.mark.parametrize("name", weights.NAMES + weights.GPTS)
def test_those_of_the_project_are_whole_small_and_move(name):
    model, card = rencgan.load(name), weights.card(name)
    size = (weights.FOLDER / f"{name}.safetensors").stat().st_size
    assert size == card["bytes"] <= 5_000_000
    assert card["content"]["preset"]["name"] == "slim" and card["trained on"] == "procedural sky"
    if name in ("r2", "improved-r2"):
        footage = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), np.uint8)
        made = model.videos(footage=footage)[0]
    elif name == "encgan3":
        z = (torch.zeros(1, d) for d in (model.preset.content_dim, model.preset.motion_dim))
        made = model.clips(*z)[0]
    elif name in weights.GPTS:
        first = np.full((1, 16, 32, 32, 3), 128, np.uint8)
        made = model.videos(40, first_clip=first, method="faster")[0]
    else:
        made = model.videos(40)[0]
    assert made.shape[1:] == (32, 32, 3) and 1 < made.std() < 120
