"""StyleGAN-V through the contract: trained, resumed, loaded, and asked for videos of any length."""

import numpy as np
import pytest
import torch
from conftest import Stop, moving_videos, stopped_after
from stepping import assert_same

from rencgan.baselines.any_time import code_at, frames_at
from rencgan.baselines.stylegan_v import StyleGANV
from rencgan.core import checkpoint
from rencgan.core.errors import InputError
from rencgan.data.videoset import VideoSet, write_tables
from rencgan.models.trained import Trained, begun, load_model
from rencgan.presets.table import preset
from rencgan.studies.generated import made_by, seconds_for_1000
from rencgan.training.loop import Job, train

SMOKE = preset("smoke", "stylegan-v").but(steps=4)
FAR = 10**6


def footage(size: int = 32) -> VideoSet:
    few = [np.repeat(np.repeat(v, 2, 1), 2, 2) for v in moving_videos(4)]
    assert few[0].shape[1] == size
    return VideoSet.from_arrays(few)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Trained:
    out = tmp_path_factory.mktemp("run")
    return load_model(train(Job(StyleGANV(), SMOKE, footage(), out)))


@pytest.fixture(scope="module")
def model() -> Trained:
    return begun(StyleGANV(), SMOKE, device="cpu")


def test_a_run_that_was_killed_ends_with_the_same_bits(trained, tmp_path, monkeypatch):
    monkeypatch.setattr("rencgan.training.loop.SAVE_EVERY_S", 0.0)
    job = Job(StyleGANV(), SMOKE, footage(), tmp_path / "run")
    with pytest.raises(Stop):
        train(job, progress=stopped_after(3))
    again = load_model(train(job))
    for name, net in trained.nets.items():
        assert_same(net.state_dict(), again.nets[name].state_dict())
    assert "ada" in checkpoint.load(tmp_path / "run" / "checkpoint.pt")["memory"]


def test_two_processes_share_what_augmentation_looks_at(tmp_path):
    whole, folder = footage(), tmp_path / "data"
    folder.mkdir()
    np.save(folder / "frames.npy", whole.frames)
    write_tables(folder, whole.videos, whole.frames.shape, {})
    p = SMOKE.but(batch=5)
    kept = train(Job(StyleGANV(), p, folder, tmp_path / "run"), processes=2)
    (state,) = checkpoint.load(kept)["memory"]["ada"]
    each = p.batch * p.ada_every / p.ada_videos
    assert float(state[0]) % each == pytest.approx(0, abs=1e-6)
    assert state[1:].tolist() == [0.0, 0.0]  # after an even number of steps


def test_a_model_is_loaded_as_it_was_trained_and_averaged(trained):
    assert (trained.kind, trained.name, trained.size) == ("stylegan-v", "StyleGAN-V", 32)
    assert trained.system == StyleGANV()
    assert trained.system.prior == "none"
    y = trained.videos(5, videos=2)
    assert y.shape == (2, 5, 32, 32, 3)
    assert y.dtype == np.uint8


def test_studies_ask_it_as_they_ask_every_system(model):
    seen = [np.zeros((40, 32, 32, 3), np.uint8)] * 2
    made = made_by(model, "sample", seen, 20, seed=1)
    assert [v.shape for v in made] == [(20, 32, 32, 3)] * 2
    assert seconds_for_1000(model, "sample", seen[0]) > 0


def test_one_video_does_not_depend_on_others_or_on_length(model):
    y = model.videos(20, videos=2, seed=3)
    assert np.abs(model.videos(7, seed=3).astype(int) - y[:1, :7]).max() <= 1
    assert not (y[0] == y[1]).all()
    assert not (model.videos(7, seed=4)[0] == y[0, :7]).all()


@pytest.mark.parametrize("name", ["smoke", "hour"])
def test_codes_have_the_same_bits_and_frames_look_alike_alone_in_a_chunk_and_shuffled(name):
    model = begun(StyleGANV(), preset(name, "stylegan-v"), device="cpu")
    times = [FAR + i * 0.75 for i in range(6)]
    alone = [code_at(model, t) for t in times]
    shuffled = [code_at(model, times[i]) for i in (4, 1, 5, 0, 3, 2)]
    for place, i in enumerate((4, 1, 5, 0, 3, 2)):
        assert torch.equal(shuffled[place], alone[i])
    chunk, back = frames_at(model, times), frames_at(model, times[::-1])
    single = torch.cat([frames_at(model, [t]) for t in times], dim=2)
    assert chunk.shape == (1, 3, 6, model.size, model.size)
    for other in (single, back.flip(2)):
        assert torch.allclose(chunk, other, atol=1e-5)  # equal on the CPUs that were tried


def test_chunks_of_a_video_meet_without_a_seam(model):
    """Frames on both sides of a border are those of a video that has its border elsewhere."""
    y = model.videos(20)[0].astype(int)
    shifted = model.videos(12, start=8.0)[0].astype(int)
    assert np.abs(y[8:] - shifted).max() <= 1


def test_slow_motion_shows_the_same_frames_and_others_between(model):
    y, slow = (model.videos(n, speed=s)[0].astype(int) for n, s in ((4, 1.0), (13, 0.25)))
    assert np.abs(slow[::4] - y).max() <= 1


def test_another_motion_keeps_the_content(model):
    w = [model.nets["generator"].mapping(torch.zeros(1, 8) + 1) for _ in range(2)]
    assert torch.equal(*w)
    first, moved = (model.videos(6, motion_seed=m) for m in (None, 5))
    assert not (first == moved).all()
    assert (model.videos(6, motion_seed=0) == first).all()


def test_truncation_draws_videos_together(trained):
    spread = [trained.videos(1, videos=6, psi=psi).astype(float).std(0).mean() for psi in (1, 0)]
    still = trained.videos(1, videos=2, psi=0.0, motion_seed=1).astype(float)
    assert spread[1] < spread[0]
    assert still.shape == (2, 1, 32, 32, 3)


@pytest.mark.parametrize("variant", ["lstm-1", "mocogan"])
def test_variants_make_videos_too(variant):
    made = begun(StyleGANV.variant(variant), SMOKE)
    y = made.videos(18).astype(int)
    assert y.shape == (1, 18, 32, 32, 3)
    assert np.abs(made.videos(4, start=14.0).astype(int) - y[:, 14:]).max() <= 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"frames": 0}, "at least 1, not 0"),
        ({"frames": None}, "a whole number of frames"),
        ({"start": -1.0}, "times are 0 or more, in frames, and at least one, not -1"),
        ({"speed": 0.0}, "the speed is above 0, not 0.0"),
        ({"psi": 2.0}, r"psi lies in \[0, 1\], not 2.0"),
        ({"videos": 0}, "at least 1 video can be made, not 0"),
        ({"codes": "mean"}, "give codes 'sample' and 1 candidate"),
        ({"candidates": 20}, "give codes 'sample' and 1 candidate"),
        ({"seed": -1}, "the seed must be 0 or more"),
        ({"first_clip": np.zeros(1)}, "makes no video from first_clip"),
        ({"footage": np.zeros(1)}, "makes no video from footage"),
    ],
)
def test_what_it_cannot_make_is_refused_at_once(model, options, words):
    with pytest.raises(InputError, match=words):
        model.generate(**({"frames": 4} | options))


def test_times_below_0_are_refused(model):
    with pytest.raises(InputError, match="not -0.5"):
        frames_at(model, [3.0, -0.5])
    with pytest.raises(InputError, match="not none"):
        frames_at(model, [])


def test_short_videos_are_left_out_by_name_and_wrong_sizes_refused(tmp_path):
    whole = footage()
    few = [whole.video(i)[: 30 if i else 2] for i in range(4)]
    job = Job(StyleGANV(), SMOKE, VideoSet.from_arrays(few), tmp_path / "run")
    assert job.system.reads(job).skipped == ["video_0000"]
    small = VideoSet.from_arrays(moving_videos(2))
    with pytest.raises(InputError, match="trains at 32 pixels; these videos have 16"):
        train(Job(StyleGANV(), SMOKE, small, tmp_path / "small"))
