"""The second judge: its weights come from a package, it sees as trained, and it may be missing."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import moving_videos
from matplotlib import cbook
from PIL import Image
from torch import nn

import rencgan
from rencgan.core.errors import InputError
from rencgan.evaluate import extractors as features
from rencgan.evaluate import imagenet
from rencgan.evaluate.motion import motion_distance

BOW_TIE = 457  # of ImageNet's 1000 classes


@pytest.fixture(scope="module")
def judge():
    try:
        return features.find("imagenet", device="cpu")
    except InputError as error:
        pytest.skip(f"imagenet: {error}")


def some_clips(batch=2, frames=8, size=24, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (batch, frames, size, size, 3), np.uint8)


def test_the_weights_of_the_package_are_those_that_are_recorded(judge):
    assert judge.digest == imagenet.SHA256 and judge.path.parent == imagenet.folder()
    card = judge.card()
    assert card["sha256"] == imagenet.SHA256 and card["metric"] == judge.metric
    assert "FVD" not in judge.metric and "FID" not in judge.metric


def test_it_knows_what_a_photograph_shows(judge):
    """A portrait with a tie, in the range that the network was trained with, and in another."""
    portrait = Image.open(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))
    square = np.array(portrait.crop((0, 0, portrait.width, portrait.width)))
    (frame,) = imagenet.prepare(torch.from_numpy(square[None]))
    right, wrong = (judge.network.network(x).softmax(1)[0] for x in (frame, frame * 128 + 127))
    assert right[BOW_TIE] > 0.9 and wrong[BOW_TIE] < 0.1


def test_folding_the_norms_changes_nothing(judge):
    from efficientnet_lite_pytorch import EfficientNet

    plain = EfficientNet.from_name("efficientnet-lite0", image_size=imagenet.SIZE).eval()
    plain.load_state_dict(torch.load(judge.path, weights_only=True))
    x = imagenet.prepare(torch.from_numpy(some_clips(1, 2)[0]))[0]
    with torch.no_grad():
        expected, found = (n.extract_features(x) for n in (plain, judge.network.network))
    assert expected.std() > 0.1 and torch.allclose(found, expected, atol=1e-3)
    assert not [m for m in judge.network.modules() if isinstance(m, nn.BatchNorm2d)]


@pytest.mark.parametrize("frames", [2, 16, 31, 32, 33, 130])
def test_of_long_clips_pairs_of_neighbours_count(frames):
    clip = torch.arange(frames, dtype=torch.uint8)[:, None, None, None].expand(-1, 4, 4, 3)
    seen = imagenet.prepare(clip)
    times = (seen[0, :, 0, 0, 0] * 128 + 127).round().int().tolist()
    assert seen.shape == (1, min(frames, 32), 3, 96, 96)
    if frames < 32:
        assert times == list(range(frames))
    else:
        assert [b - a for a, b in zip(times[::2], times[1::2], strict=True)] == [1] * 16
        assert times == sorted(set(times)) and times[0] == 0 and times[-1] == frames - 1


def test_a_clip_that_stands_still_has_no_changes(judge):
    clips = some_clips()
    held = np.repeat(clips[:, :1], 8, axis=1)
    moving, still = judge(clips), judge(held)
    assert moving.shape == (2, judge.dims) and judge.dims == imagenet.Frames.dims
    changes = slice(imagenet.CHANNELS, None)
    assert still[:, changes].abs().max() < 1e-5 < 0.01 < moving[:, changes].mean()
    assert torch.equal(judge(clips[1:]), moving[1:]), "a clip's features are its own"


def test_every_place_that_names_an_extractor_takes_it(judge, capsys, tmp_path):
    from rencgan.__main__ import main

    real, made = moving_videos(4, 18), moving_videos(4, 18, seed=1)
    assert list(rencgan.score(real, made, extractor="imagenet")) == [f"{judge.metric} 16f"]
    (moved,) = motion_distance(real, real, judge)
    assert moved.name == f"motion distance, {judge.metric} 16f" and moved.value < 1e-6
    for name, side in (("a", real), ("b", made)):
        (tmp_path / name).mkdir()
        for i, video in enumerate(side):
            np.save(tmp_path / name / f"{i}.npy", video)
    sides = [str(tmp_path / name) for name in "ab"]
    assert main(["evaluate", *sides, "--extractor", "imagenet"]) == 0
    assert capsys.readouterr().out.startswith(f"{judge.metric} 16f")


# ------------------------------------------------------------------------------ where it is missing


def test_without_its_package_a_sentence_says_what_to_install(tmp_path, monkeypatch):
    missing = replace(features.IMAGENET, folder=tmp_path)
    monkeypatch.setitem(features.EXTRACTORS, "imagenet", missing)
    with pytest.raises(InputError, match=r"; pip install 'rencgan\[imagenet\]' brings it$"):
        features.find("imagenet")
    found, why = features.available()
    assert "compact" in found and "rencgan[imagenet]" in why["imagenet"]
    assert imagenet.folder("no_such_package").parts[-2:] == ("no_such_package", "models")


def test_without_the_code_of_the_network_too(judge, monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    with pytest.raises(InputError, match=r"not the code of their network; pip install"):
        features.find("imagenet")


def test_another_file_is_refused(tmp_path, judge):
    path = tmp_path / imagenet.FILE
    path.write_bytes(judge.path.read_bytes()[:-1] + b"x")
    with pytest.raises(InputError, match="is damaged or is another file"):
        features.find("imagenet", path)
