"""A model from its checkpoint alone: the players that were saved, and nothing about them lost."""

import hashlib
from dataclasses import asdict

import numpy as np
import pytest
import torch
from conftest import moving_videos
from rencgan.models.updates import ENCGAN3, VARIANTS
from rencgan.training.gan import Players

from rencgan.core import checkpoint
from rencgan.core.errors import InputError
from rencgan.data.pixels import as_frames
from rencgan.models.trained import Model, load_model
from rencgan.presets.table import SMOKE
from rencgan.training.loop import Job, train


def saved(path, players: Players, **changes):
    """A checkpoint as training leaves it, of these players; a change to None leaves a part out."""
    content = players.state() | {
        "kind": "r2",
        "preset": players.preset.as_dict(),
        "objective": asdict(VARIANTS["v4"]),
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
    m = Players(SMOKE.but(average=0.5), seed=7)
    with torch.no_grad():
        for network in (m.encoder, m.generator):
            for w in network.parameters():
                w.add_(0.1)
    return m


def test_a_loaded_model_makes_the_same_clips_as_what_was_saved(tmp_path):
    m = Players(SMOKE, seed=7)
    model = load_model(saved(tmp_path / "c.pt", m), device="cpu")
    assert isinstance(model, Model)
    assert np.array_equal(model.clips(*codes()), clips_of(m.generator))
    assert (model.kind, model.preset, model.step, model.seed) == ("r2", SMOKE, 12, 3)
    assert model.objective == VARIANTS["v4"]
    for name in ("encoder", "generator", "video_d"):
        ours, theirs = getattr(model, name).state_dict(), getattr(m, name).state_dict()
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[k], theirs[k]) for k in ours)


def test_the_running_average_is_used_where_there_is_one(tmp_path, players):
    assert not np.array_equal(clips_of(players.generator), clips_of(players.averages["generator"]))
    model = load_model(saved(tmp_path / "c.pt", players), device="cpu")
    assert np.array_equal(model.clips(*codes()), clips_of(players.averages["generator"]))
    theirs = players.averages["encoder"].state_dict()
    assert all(torch.equal(v, theirs[k]) for k, v in model.encoder.state_dict().items())


def test_a_model_only_evaluates(tmp_path, players):
    model = load_model(saved(tmp_path / "c.pt", players), device="cpu")
    for network in (model.encoder, model.generator, model.video_d):
        assert not any(m.training for m in network.modules())
        assert not any(w.requires_grad for w in network.parameters())
    video = moving_videos(1, frames=40)[0]
    before = {k: v.clone() for k, v in model.generator.state_dict().items()}
    first = model.long_frames(video, candidates=3)
    assert np.array_equal(model.long_frames(video, candidates=3), first)
    assert first.shape == (40, 16, 16, 3) and first.dtype == np.uint8
    assert all(torch.equal(v, before[k]) for k, v in model.generator.state_dict().items())


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
    ("objective", "overlap", "index"),
    [(VARIANTS["v4"], 8, 8), (VARIANTS["v4"], 12, 4), (ENCGAN3, 8, 0)],
)
def test_content_is_read_from_the_frame_it_was_trained_on(tmp_path, objective, overlap, index):
    m = Players(SMOKE.but(overlap=overlap), seed=1)
    model = load_model(saved(tmp_path / "c.pt", m, objective=asdict(objective)), device="cpu")
    assert model.reference == index
    seen = []
    real = model.encoder.forward
    model.encoder.forward = lambda x, reference: (seen.append(reference), real(x, reference))[1]
    video = moving_videos(1, frames=30)[0]
    for hop, frames in ((None, 16 + (16 - overlap) * (14 // (16 - overlap))), (3, 28)):
        assert model.long_frames(video, hop=hop, codes="mean").shape[0] == frames
    assert set(seen) == {index}


def test_what_training_left_is_what_is_loaded(tmp_path, videos):
    path = train(Job("r2", SMOKE.but(steps=4, average=0.9), videos, tmp_path / "run", seed=4))
    model = load_model(path, "r2", device="cpu")
    content = checkpoint.load(path)
    assert (model.step, model.seed, model.preset.average) == (4, 4, 0.9)
    weight = content["averages"]["generator"]["to_rgb.weight"]
    assert torch.equal(model.generator.to_rgb.weight, weight)
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


def test_footage_of_another_size_is_refused_before_anything_is_made(tmp_path, players):
    model = load_model(saved(tmp_path / "c.pt", players), device="cpu")
    with pytest.raises(InputError, match="reads 16x16 pixels; this footage has 32x32"):
        model.long_video(moving_videos(1, size=32)[0])
