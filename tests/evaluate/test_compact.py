"""The embedded extractor: it ships as its recipe says, and answers to what it was taught."""

import hashlib
import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from safetensors import safe_open

from rencgan.core.errors import InputError
from rencgan.evaluate import compact, fit_compact
from rencgan.evaluate import extractors as features


@pytest.fixture(scope="module")
def extractor():
    return features.find("compact", device="cpu")


def test_the_shipped_weights_are_those_that_are_recorded(extractor):
    content = compact.WEIGHTS.read_bytes()
    assert hashlib.sha256(content).hexdigest() == compact.SHA256 == extractor.digest
    assert len(content) < 4e6
    with safe_open(compact.WEIGHTS, "pt") as file:
        recipe = json.loads(file.metadata()["recipe"])
    assert recipe == asdict(fit_compact.Recipe())


def test_its_distances_are_never_called_fvd_alone(extractor):
    card = extractor.card()
    assert card["metric"] == "FVD (compact)" and card["sha256"] == compact.SHA256
    assert extractor.dims == 704 == compact.Compact.dims


@pytest.mark.parametrize(("frames", "size"), [(8, 64), (16, 32), (16, 64), (130, 16)])
def test_clips_of_other_lengths_and_sizes_are_read(extractor, frames, size):
    clips = np.random.default_rng(0).integers(0, 256, (2, frames, size, size, 3), np.uint8)
    x = extractor(clips)
    assert x.shape == (2, 704) and x.isfinite().all()
    assert torch.equal(x[1:], extractor(clips[1:])), "a clip's features are its own"


def test_frames_are_brought_to_64_without_aliasing():
    stripes = torch.zeros(8, 128, 128, 3, dtype=torch.uint8)
    stripes[:, ::2] = 255  # one pixel each: nothing that 64 rows could show
    x = compact.prepare(stripes)
    assert x.shape == (1, 3, 8, 64, 64)
    assert x[..., 4:-4, :].abs().max() < 0.15


def test_it_tells_a_shuffled_video_from_one_in_order(extractor):
    samples = fit_compact.Samples(fit_compact.Recipe(videos=3, frames=16, seed=5))
    clips = samples.plain(12)
    order = np.random.default_rng(0).permutation(16)
    plain, shuffled = extractor(clips), extractor(clips[:, order])
    moved = (plain - shuffled).norm(dim=1)
    noise = (plain - extractor(np.roll(clips, 1, axis=3))).norm(dim=1)  # one pixel aside
    assert (moved > noise).float().mean() > 0.7


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c[:-10],
        lambda c: b"\x00" * 64,
        lambda c: b"",
        lambda c: c.replace(b"blocks.0.0.weight", b"blocks.0.0.w_ight"),
    ],
)
def test_damaged_weights_are_refused(change, tmp_path, monkeypatch):
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(change(compact.WEIGHTS.read_bytes()))
    with pytest.raises(InputError, match="broken.safetensors"):
        features.find("compact", broken)
    with pytest.raises(InputError, match="does not hold the weights of the compact"):
        compact.load(broken, broken.read_bytes())


# ----------------------------------------------------------------------------------- its training


@pytest.fixture(scope="module")
def samples():
    return fit_compact.Samples(fit_compact.Recipe(videos=3, frames=40, batch=40))


def test_a_batch_is_a_function_of_its_step(samples):
    x, targets = samples.batch(3)
    again, same = samples.batch(3)
    assert torch.equal(x, again) and all(torch.equal(targets[k], same[k]) for k in targets)
    assert not torch.equal(x, samples.batch(4)[0])
    assert x.shape == (40, 3, 16, 64, 64) and x.min() >= -1 and x.max() <= 1


def test_shuffled_clips_have_no_pace(samples):
    _, targets = samples.batch(0)
    shuffled = targets["order"] == 1
    assert 0 < shuffled.sum() < 40
    assert (targets["pace"][shuffled] == -100).all()
    assert set(targets["pace"][~shuffled].tolist()) <= {0, 1, 2}
    assert targets["label"].max() < len(fit_compact.labels())


def test_every_set_and_class_takes_part():
    names = fit_compact.labels()
    assert len(names) == len(set(names)) == 47
    assert {n.partition("/")[0] for n in names} == set(fit_compact.SETS)


def test_a_short_training_learns_and_its_file_comes_back(tmp_path):
    recipe = fit_compact.Recipe(videos=2, frames=20, steps=12, batch=8, scale_clips=20)
    network, losses = fit_compact.fit(recipe)
    assert set(losses) == {"label", "pace", "order"} and all(
        np.isfinite(v) for v in losses.values()
    )
    path = tmp_path / "w.safetensors"
    digest = fit_compact.save(network, recipe, path)
    content = path.read_bytes()
    assert hashlib.sha256(content).hexdigest() == digest
    x = torch.randn(2, 3, 16, 64, 64)
    with torch.no_grad():
        kept = compact.load(path, content)(x)
        assert torch.allclose(kept, network(x), rtol=1e-3, atol=1e-4), "what is measured is kept"
    again, _ = fit_compact.fit(recipe)
    assert fit_compact.save(again, recipe, tmp_path / "2.safetensors") == digest
