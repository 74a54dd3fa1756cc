"""A model from its checkpoint alone: the players that were saved, and nothing about them lost."""

import hashlib

import numpy as np
import pytest
import torch
from conftest import moving_videos
from stepping import assert_same

from rencgan.core import checkpoint
from rencgan.core.errors import InputError
from rencgan.data.pixels import as_frames
from rencgan.models.encgan3 import EncGAN3
from rencgan.models.r2 import R2
from rencgan.models.trained import Trained, load_model
from rencgan.presets.table import SMOKE
from rencgan.training.loop import Job, train
from rencgan.training.players import Players


def saved(path, players: Players, **changes):
    """A checkpoint as training leaves it, of these players; a change to None leaves a part out."""
    content = players.state() | {
        "kind": players.system.kind,
        "preset": players.p.as_dict(),
        "objective": players.system.switches(),
        "step": 12,
        "seed": 3,
    }
    checkpoint.save(path, {k: v for k, v in (content | changes).items() if v is not None})
    return path


def codes(n=3) -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(0)
    return torch.randn(n, 8, generator=g), torch.randn(n, 4, generator=g)


@torch.no_grad()
def clips_of(generator) -> np.ndarray:
    return as_frames(generator.eval()(*codes()))


@pytest.fixture
def players() -> Players:
    """Players whose running average is not the networks themselves."""
    m = Players(R2(), SMOKE.but(average=0.5), seed=7)
    with torch.no_grad():
        for network in (m.nets["encoder"], m.nets["generator"]):
            for w in network.parameters():
                w.add_(0.1)
    return m


def test_a_loaded_model_makes_the_same_clips_as_what_was_saved(tmp_path):
    m = Players(R2(noise=True), SMOKE, seed=7)
    model = load_model(saved(tmp_path / "c.pt", m), device="cpu")
    assert type(model) is Trained
    assert np.array_equal(model.clips(*codes()), clips_of(m.nets["generator"]))
    assert (model.kind, model.preset, model.step, model.seed) == ("r2", SMOKE, 12, 3)
    assert (model.system, model.name) == (R2(noise=True), "R2, with noise terms")
    assert model.nets.keys() == m.nets.keys()
    for name, net in model.nets.items():
        assert_same(net.state_dict(), m.nets[name].state_dict())


def test_the_running_average_is_used_where_there_is_one(tmp_path, players):
    now, average = (nets["generator"] for nets in (players.nets, players.averages))
    assert not np.array_equal(clips_of(now), clips_of(average))
    model = load_model(saved(tmp_path / "c.pt", players), device="cpu")
    assert np.array_equal(model.clips(*codes()), clips_of(average))
    assert_same(model.nets["encoder"].state_dict(), players.averages["encoder"].state_dict())


def test_a_model_only_evaluates(tmp_path, players):
    model = load_model(saved(tmp_path / "c.pt", players), device="cpu")
    for network in model.nets.values():
        assert not any(m.training for m in network.modules())
        assert not any(w.requires_grad for w in network.parameters())
    video = moving_videos(1, frames=40)[0]
    before = {k: v.clone() for k, v in model.nets["generator"].state_dict().items()}
    first = model.videos(footage=video, candidates=3)
    assert np.array_equal(model.videos(footage=video, candidates=3), first)
    assert first.shape == (1, 40, 16, 16, 3) and first.dtype == np.uint8
    assert np.array_equal(model.videos(30, footage=video, candidates=3), first[:, :30])
    with pytest.raises(InputError, match="VDrej chooses among samples: 3 candidates are no mean"):
        model.videos(footage=video, codes="mean", candidates=3)
    assert all(torch.equal(v, before[k]) for k, v in model.nets["generator"].state_dict().items())


def test_loading_leaves_the_generators_of_chance_alone(tmp_path, players):
    path = saved(tmp_path / "c.pt", players)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    load_model(path, device="cpu")
    assert torch.equal(torch.get_rng_state(), state)


def test_the_digest_is_that_of_the_file(tmp_path, players):
    path = saved(tmp_path / "c.pt", players)
    model = load_model(path, device="cpu")
    assert model.digest == hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    other = saved(tmp_path / "d.pt", players, step=13)
    assert load_model(other, device="cpu").digest != model.digest


@pytest.mark.parametrize(
    ("system", "overlap", "index"),
    [(R2(), 8, 8), (R2(), 12, 4), (R2(recall_encoder=False), 8, 0), (EncGAN3(), 8, 0)],
)
def test_content_is_read_from_the_frame_it_was_trained_on(tmp_path, system, overlap, index):
    m = Players(system, SMOKE.but(overlap=overlap), seed=1)
    model = load_model(saved(tmp_path / "c.pt", m), device="cpu")
    assert model.reference == index
    encoder, seen = model.nets["encoder"], []
    real = encoder.forward
    encoder.forward = lambda x, reference: (seen.append(reference), real(x, reference))[1]
    video = moving_videos(1, frames=30)[0]
    for hop, frames in ((None, 16 + (16 - overlap) * (14 // (16 - overlap))), (3, 28)):
        assert model.videos(footage=video, hop=hop, codes="mean").shape[1] == frames
    assert set(seen) == {index}


def test_what_training_left_is_what_is_loaded(tmp_path, videos):
    path = train(Job(R2(), SMOKE.but(steps=4, average=0.9), videos, tmp_path / "run", seed=4))
    model = load_model(path, "r2", device="cpu")
    content = checkpoint.load(path)
    assert (model.step, model.seed, model.preset.average) == (4, 4, 0.9)
    weight = content["averages"]["generator"]["to_rgb.weight"]
    assert torch.equal(model.nets["generator"].to_rgb.weight, weight)
    with pytest.raises(InputError, match="'encgan3' is needed"):
        load_model(path, "encgan3")


@pytest.mark.parametrize("part", ["networks", "averages", "objective", "step", "seed", "kind"])
def test_a_checkpoint_that_lacks_a_part_is_refused(tmp_path, players, part):
    path = saved(tmp_path / "c.pt", players, **{part: None})
    with pytest.raises(InputError) as refused:
        load_model(path, device="cpu")
    assert part in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"objective": {"joint": True, "sorcery": 1}},
        {"objective": [1]},
        {"kind": "sorcery"},
        {"networks": 3},
        {"networks": {}},
        {"averages": {"encoder": {}, "generator": {}}},
        {"preset": SMOKE.but(content_dim=9, average=0.5).as_dict()},
    ],
)
def test_parts_that_do_not_fit_are_refused_in_one_sentence(tmp_path, players, changes):
    path = saved(tmp_path / "c.pt", players, **changes)
    with pytest.raises(InputError) as refused:
        load_model(path, device="cpu")
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 300


@pytest.mark.parametrize("device", ["foo", "cuda:99", "mps:7"])
def test_a_device_that_is_not_there_is_no_damage_of_the_file(tmp_path, players, device):
    path = saved(tmp_path / "c.pt", players)
    with pytest.raises(InputError, match=f"^there is no device '{device}' here; PyTorch finds cpu"):
        load_model(path, device=device)


def test_what_fails_on_the_way_to_the_device_is_no_damage_either(tmp_path, players, monkeypatch):
    def full(net, device):
        raise torch.OutOfMemoryError("CUDA out of memory")

    path = saved(tmp_path / "c.pt", players)
    monkeypatch.setattr("rencgan.models.trained.built", lambda *given: players.nets)
    monkeypatch.setattr(torch.nn.Module, "to", full)
    with pytest.raises(torch.OutOfMemoryError):
        load_model(path, device="cpu")


def test_footage_of_another_size_is_refused_before_anything_is_made(tmp_path, players):
    model = load_model(saved(tmp_path / "c.pt", players), device="cpu")
    with pytest.raises(InputError, match="reads 16x16 pixels; this footage has 32x32"):
        model.generate(footage=moving_videos(1, size=32)[0])
