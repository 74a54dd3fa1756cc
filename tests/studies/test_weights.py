"""Published weights: what is written is what is loaded, and nothing else is taken."""

import gzip
import hashlib
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load as read_tensors
from safetensors.torch import save

import rencgan
from rencgan.__main__ import main
from rencgan.baselines.motionstylegan import frames_of
from rencgan.core.errors import InputError
from rencgan.data.hops import CLIP
from rencgan.data.pixels import as_frames
from rencgan.evaluate.extractors import find
from rencgan.models.trained import load_model
from rencgan.notebook import parameters, scoring
from rencgan.notebook import steps as study
from rencgan.notebook import steps_r3 as study_r3
from rencgan.presets.table import BASES, GPT_PRESETS
from rencgan.studies import packed as packing
from rencgan.studies import publish, recipes, untrained, weights
from rencgan.studies.packed import largest, packed, unpacked
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
    assert weights.split("r2") == ("r2", "hour")
    assert weights.split("stylegan-v") == ("stylegan-v", "hour")
    assert weights.taken("ar2plus-smoke", folder) == ("ar2plus", "smoke")
    assert weights.presets(folder) == ["hour", "smoke"]
    with pytest.raises(
        InputError, match="published are encgan3-smoke, improved-r2-.*no 'r2-64'; git checkout"
    ):
        rencgan.load("r2-64")
    assert weights.name_of(*recipe_of("improved-r2")) == "improved-r2-smoke"
    (folder / "improved-r2.json").write_text("{}")
    assert weights.finest("improved-r2", folder) == "improved-r2"  # 64 pixels, and not 16


def recipe_of(model):
    found = rencgan.load(f"{model}-smoke")
    return found.system, found.preset


def test_the_largest_frames_are_the_finest_where_they_are_there(tmp_path, monkeypatch):
    assert weights.finest("r2", tmp_path) == "r2"
    (tmp_path / "r2-128.json").write_text("{}")
    assert weights.finest("r2", tmp_path) == "r2-128" and weights.finest("ar2", tmp_path) == "ar2"


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


def test_a_checkpoint_is_read_before_the_data_is_prepared(made, tmp_path, monkeypatch):
    monkeypatch.setattr(recipes, "data", None)
    given = (made, tmp_path, "smoke")
    with pytest.raises(InputError, match="there is no checkpoint"):
        publish.publish_from(tmp_path / "none.pt", "improved-r2", *given)
    (trained,) = made.glob("smoke-improved-r2-*/checkpoint.pt")
    with pytest.raises(InputError, match="holds a model of kind 'r2', which encgan3 is not"):
        publish.publish_from(trained, "encgan3", *given)


def test_the_command_publishes_one_model_from_one_checkpoint(made, tmp_path, capsys):
    (trained,) = made.glob("smoke-encgan3-*/checkpoint.pt")
    words = ["publish", "--preset", "smoke", "--from", str(trained), "--work", str(made)]
    assert main([*words, "--out", str(tmp_path)]) == 2
    assert "--from takes the one model" in capsys.readouterr().err
    assert main([*words, "--out", str(tmp_path), "--models", "encgan3"]) == 0
    assert "encgan3-smoke.safetensors: 0.1 MB" in capsys.readouterr().out


def test_what_is_not_the_file_of_its_card_is_refused(folder):
    with pytest.raises(InputError, match="published are encgan3-smoke, .* and no 'gan'$"):
        rencgan.load("gan")
    with pytest.raises(InputError, match="no 'ar2-plus-smoke' .did you mean 'ar2plus-smoke'"):
        rencgan.load("ar2-plus-smoke")
    (folder / "r2.json").write_text("{}")
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


def untrained_of(row, folder):
    """A model of the table at smoke size, published as training begins; its base before it."""
    model = untrained.of(row, "smoke")
    if model.base:
        model = replace(model, base=untrained_of(BASES[row], folder))
    content = {"preset": model.preset.as_dict(), "step": 0, "seed": 0, "kind": model.kind}
    content |= {"objective": model.system.switches()}
    content |= {k: v._asdict() for k, v in model.extras.items()}  # motion codes
    weights.write(f"{row}-smoke", model, content, {}, folder)
    return weights.load(f"{row}-smoke", folder=folder)


@pytest.mark.parametrize("row", ["g3an", "lencgan", "ivgan", "stylegan-v", "motionvideogan"])
def test_every_system_is_published_with_what_it_generates_with(row, tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    whole, model = untrained.of(row, "smoke"), untrained_of(row, tmp_path)
    assert weights.names("smoke") == [row], "pairs make no video"
    if row in BASES:
        assert model.base.digest == weights.card(f"{row}-smoke")["content"]["base"]
        codes = model.extras["codes"]
        assert codes.backward.dtype == torch.float64
        assert torch.equal(codes.forward, rencgan.load(f"{row}-smoke").extras["codes"].forward)
    critics = {n for n in whole.nets if n not in ("encoder", "generator")}
    assert model.nets.keys() == whole.nets.keys() - (critics if row != "lencgan" else set())
    if row == "g3an":
        z = (torch.ones(1, d) for d in (model.preset.content_dim, model.preset.motion_dim))
        assert model.clips(*z).shape == (1, 16, 16, 16, 3)
        return
    given = {"footage": np.zeros((64, 16, 16, 3), np.uint8)} if row == "lencgan" else {}
    made = rencgan.load(f"{row}-smoke").videos(32, seed=1, **given)
    assert made.shape == (1, 32, model.size, model.size, 3)
    if row != "motionvideogan":  # whose codes are drawn anew
        off = made.astype(int) - whole.videos(32, seed=1, **given)
        assert 0 <= np.abs(off).max() <= 2, "but for half precision"


@pytest.mark.parametrize(("many", "bits"), [(150_000, 8), (0, 6)])
def test_large_ones_take_less_and_stay_near(many, bits, tmp_path, monkeypatch):
    monkeypatch.setattr(packing, "MANY", many)
    model = untrained.of("stylegan-v", "smoke")
    whole = {n: net.state_dict() for n, net in model.nets.items()}
    (half, ending), (raw, small) = (packed(whole, {}, most) for most in (10**7, 0))
    assert (ending, small) == (".safetensors", ".safetensors.gz") and len(raw) < 0.75 * len(half)
    found = unpacked(raw, small)["generator"]
    assert found.keys() == whole["generator"].keys()
    assert largest(torch.ones(2)) == 2 ** (bits - 1) - 1
    for key, w in whole["generator"].items():
        bound = w.flatten(1).abs().amax(1) / (2 * largest(w)) if w.ndim > 1 else torch.zeros(())
        off = (found[key] - w).abs().flatten(1).amax(1) if w.ndim > 1 else (found[key] - w).abs()
        assert found[key].dtype == w.dtype and bool((off <= bound * 1.0001).all()), key
    monkeypatch.setattr(weights, "PLAIN_MOST", 0)
    assert untrained_of("stylegan-v", tmp_path).videos(16).shape == (1, 16, 32, 32, 3)
    path = weights.file_of("stylegan-v-smoke", tmp_path)
    assert path.suffix == ".gz" and gzip.decompress(path.read_bytes())[8:9] == b"{"
    monkeypatch.setattr(weights, "PLAIN_MOST", 10**7)
    untrained_of("stylegan-v", tmp_path)
    assert not path.exists() and weights.file_of("stylegan-v-smoke", tmp_path).exists()


def by_hand(tensors, path):
    """A file that somebody made, and made its card fit."""
    raw = save(tensors) if isinstance(tensors, dict) else tensors
    raw = gzip.compress(raw) if path.suffix == ".gz" else raw
    path.write_bytes(raw)
    place = path.with_name(path.name.partition(".")[0] + ".json")
    told = json.loads(place.read_text()) | {"sha256": hashlib.sha256(raw).hexdigest()}
    place.write_text(json.dumps(told))


def test_a_file_made_by_hand_is_refused_in_one_sentence(tmp_path):
    untrained_of("motionvideogan", tmp_path)
    name, plain = "motionvideogan-smoke", tmp_path / "motionvideogan-smoke.safetensors"
    flat = read_tensors(plain.read_bytes())

    def refused(words, tensors=None):
        if tensors is not None:
            by_hand(tensors, plain)
        with pytest.raises(InputError, match=words) as error:
            weights.load(name, folder=tmp_path)
        assert "\n" not in str(error.value)

    refused("is damaged", b"no tensors")
    refused("does not hold a complete model", {k: v for k, v in flat.items() if "codes" not in k})
    refused("does not hold a complete model", {k: v[:1] for k, v in flat.items()})
    ones = {f"{k}:factor": torch.ones(3, 3) for k in list(flat)[:1]}
    refused("is damaged .the factors of its rows do not fit", flat | ones)
    by_hand(flat, plain)
    card = tmp_path / f"{name}.json"
    told = json.loads(card.read_text())
    for content in ({"kind": ["r2"]}, {"codes": 3}, {"left out": ["generator"]}, {"kind": "gan"}):
        card.write_text(json.dumps(told | {"content": told["content"] | content}))
        refused("missing or damaged|not hold a complete model|a model is one of")
    card.write_text("[]")
    refused("missing or damaged")


def test_what_was_trained_over_a_checkpoint_goes_on_with_it_as_published(
    made, tmp_path, monkeypatch
):
    wide = GPT_PRESETS["smoke"].but(positions=500)  # more than these videos take
    monkeypatch.setitem(GPT_PRESETS, "smoke", wide)
    (first,) = made.glob("smoke-improved-r2-*/checkpoint.pt")
    base, out = load_model(first), tmp_path / "weights"
    videos = publish._videos("r2", publish._run("smoke", made))
    job = recipes.job("r3", "smoke", videos, tmp_path / "r3", base=base, head="mixture")
    given = recipes.trained(job) and ("r3-mixture", made, out, "smoke")
    with pytest.raises(InputError, match="improved-r2-smoke.json is missing"):
        publish.publish_from(job.out / "checkpoint.pt", *given)
    publish.publish_from(first, "improved-r2", made, out, "smoke")
    path = publish.publish_from(job.out / "checkpoint.pt", *given)
    model = weights.load("r3-mixture-smoke", folder=out)
    assert model.base.digest == weights.load("improved-r2-smoke", folder=out).digest != base.digest
    assert weights.card(path.stem, out)["recipe"] == job.key()
    assert model.preset.positions < job.preset.positions == 500
    with pytest.raises(InputError, match="trained on the codes of another improved R2"):
        publish.publish_from(job.out / "checkpoint.pt", *given[:2], made / "weights", "smoke")


def test_models_are_called_as_the_table_and_the_contestants_are():
    first = {name: publish.called(name)[0] for name in ("r2", "ar2plus", "r3-flow", "ivgan-0-gp")}
    assert [c.kind for c in first.values()] == ["r2", "ar2", "r3", "ivgan"]
    assert first["ar2plus"].but == {"recall_noise": 0.5} and first["ivgan-0-gp"].variant == "0-gp"
    assert publish.chosen(["motionvideogan"]) == ["motionvideogan"]
    assert publish.chosen([]) == weights.names()
    with pytest.raises(
        InputError, match="no model is called 'stylegan' .did you mean 'stylegan-v'"
    ):
        publish.chosen(["stylegan"])
    for name in weights.names():
        assert publish.called(name)


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


def test_it_is_said_what_they_were_trained_on(folder, tmp_path, capsys):
    p = run_of(parameters.REncGANRun, tmp_path, video_stream="3d", dataset="taichi")
    study.trained(p, "r2", study.data(p))
    told = "improved-r2-smoke: trained on 7 videos of procedural sky, seed 1."
    assert told in capsys.readouterr().out


def test_they_are_not_shown_what_they_were_trained_on(folder, tmp_path):
    p = run_of(parameters.REncGANRun, tmp_path, video_stream="3d", seed=1)
    with pytest.raises(InputError, match="was trained on sky of seed 1: take another seed"):
        study.trained(p, "r2", study.data(p))


def test_copies_are_looked_for_among_what_they_were_trained_on(folder, tmp_path):
    p = run_of(parameters.REncGANRun, tmp_path, video_stream="3d")
    videos = study.data(p)
    _, job = study.trained(p, "r2", videos)
    learnt = weights.learnt_from("improved-r2-smoke", p.cache_root)
    mine, other = (some.select("train").video(0)[:CLIP] for some in (learnt, videos))

    def nearest(p) -> list[float]:
        networks = {"compact": find("compact")}
        rows = scoring.memorisation(p, job, [mine], [other], networks)
        return [row["nearest training clip, pixels"] for row in rows]

    assert nearest(p)[0] == 0 < nearest(p)[1]
    own = nearest(p.model_copy(update={"weights": "train"}))
    assert own[0] > 0 == own[1], "of a run that trains, its own"


def test_what_they_were_trained_on_is_that_or_refused(folder, tmp_path):
    path = folder / "improved-r2-smoke.json"
    content = json.loads(path.read_text())
    content["provenance"]["data"]["split"]["sha256"] = "another"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="cannot be prepared here any more"):
        weights.learnt_from("improved-r2-smoke", tmp_path)


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


def test_few_videos_are_prepared_where_nothing_is_trained(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(recipes, "SHOWN", 5)
    counts = [
        len(study.data(run_of(parameters.EncGAN3Run, tmp_path, preset="smoke", weights=w)).videos)
        for w in ("published", "train")
    ]
    assert counts[0] == 5 < counts[1]
    given = {"dataset": "sky", "source": "procedural", "preset": "smoke", "out_root": str(tmp_path)}
    assert len(study.data(parameters.check(given, parameters.ResultsRun)).videos) == 5


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"preset": "mini"}, "the published weights are of the preset 'hour'.*, not 'mini'"),
        ({"steps": 5}, "published weights are not trained: leave steps and init_from alone"),
        ({"weights": "mine"}, "weights = 'mine' should be one of train, published"),
    ],
)
def test_parameters_that_cannot_go_with_them(given, words, tmp_path):
    with pytest.raises(InputError, match=words):
        run_of(parameters.EncGAN3Run, tmp_path, **given)
    assert run_of(parameters.EncGAN3Run, tmp_path).preset == "hour"


def test_those_of_the_plain_names_are_there():
    names = ["encgan3", "r2", "improved-r2", "ar2", "ar2plus", "r3-regression", "r3-mixture"]
    assert set(weights.names()) == {*names, "r3-flow", "stylegan-v", "motionvideogan", "ivgan-0-gp"}
    there = {path.name.partition(".")[0] for path in weights.FOLDER.glob("*.safetensors*")}
    assert {path.stem for path in weights.FOLDER.glob("*.json")} == there


@pytest.mark.parametrize("name", sorted(p.stem for p in weights.FOLDER.glob("*.json")))
def test_those_of_the_project_are_whole_small_and_move(name):
    model, card = rencgan.load(name), weights.card(name)
    kind, preset = weights.taken(name)
    size = weights.file_of(name).stat().st_size
    assert size == card["bytes"] <= weights.MOST
    assert card["content"]["preset"]["name"] == preset and card["trained on"] == "procedural sky"
    side = model.size
    if kind in ("r2", "improved-r2"):
        footage = np.random.default_rng(0).integers(0, 256, (40, side, side, 3), np.uint8)
        made = model.videos(footage=footage)[0]
    elif kind == "encgan3":
        z = (torch.zeros(1, d) for d in (model.preset.content_dim, model.preset.motion_dim))
        made = model.clips(*z)[0]
    elif kind.startswith("r3-"):
        first = np.full((1, 16, side, side, 3), 128, np.uint8)
        made = model.videos(40, first_clip=first, method="faster")[0]
    elif model.system.prior is None:  # pairs of frames, which others make videos of
        z = torch.zeros(1, model.preset.latent)
        made = as_frames(frames_of(model.nets["generator"](z)).detach())[0]
    else:
        made = model.videos(min(40, model.system.longest or 40))[0]
    assert made.shape[1:] == (side, side, 3) and 1 < made.std() < 120


def test_an_r3_over_another_r2_than_the_published_one_is_refused(tmp_path):
    with pytest.raises(InputError, match="r3-regression-over-r2 is over R2; what is published"):
        publish.publish("r3-regression-over-r2", tmp_path, tmp_path, "smoke")
