"""iVGAN through the contract: it trains, goes on, generates exactly 32 frames, and is scored."""

import numpy as np
import pytest
from conftest import Stop, moving_videos, stopped_after
from samples import Sums
from stepping import assert_same

import rencgan.training.loop as loop
from rencgan.__main__ import main
from rencgan.baselines.ivgan import IVGAN, readable
from rencgan.core import checkpoint
from rencgan.core.errors import InputError
from rencgan.data.videoset import VideoSet
from rencgan.evaluate.protocols import protocol
from rencgan.evaluate.scores import evaluate
from rencgan.models.trained import begun, load_model
from rencgan.presets.baselines import IVGAN_SMOKE
from rencgan.studies import generated, recipes
from rencgan.training.loop import Job, train
from rencgan.training.record import read_history

MODEL = begun(IVGAN.variant("0-gp"), IVGAN_SMOKE)


@pytest.mark.parametrize("name", ["0-gp", "sn"])
def test_a_run_that_was_killed_ends_with_the_same_bits(name, videos, tmp_path, monkeypatch):
    p = IVGAN_SMOKE.but(steps=8)
    whole, parts = (Job(IVGAN.variant(name), p, videos, tmp_path / n) for n in ("whole", "parts"))
    end = checkpoint.load(train(whole), "ivgan")
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    with pytest.raises(Stop):
        train(parts, progress=stopped_after(6))
    again = checkpoint.load(train(parts))
    for part in ("networks", "optimisers"):
        assert_same(end[part], again[part])
    lines = read_history(whole.out / "history.jsonl")
    assert ["generator" in line for line in lines] == [False] * 5 + [True] + [False] * 2
    assert lines == read_history(parts.out / "history.jsonl")
    assert np.load(whole.out / "samples" / "0000008.npy").shape == (4, 32, 16, 16, 3)
    model = load_model(parts.out / "checkpoint.pt", device="cpu")
    assert model.system == IVGAN.variant(name) and model.videos().shape == (1, 32, 16, 16, 3)


def test_the_recipe_of_a_name_and_its_variant(videos, tmp_path):
    work = recipes.job("ivgan", "smoke", videos, tmp_path, zero_centred=True, batch=3)
    assert work.system == IVGAN.variant("0-gp") and work.preset == IVGAN_SMOKE.but(batch=3)
    assert work.key() != recipes.job("ivgan", "smoke", videos, tmp_path).key()


def test_the_command_trains_a_variant(tmp_path, capsys):
    words = ["train", "ivgan", "--preset", "smoke", "--source", "procedural", "--variant", "sn"]
    assert main([*words, "--set", "steps=2", "--out", str(tmp_path)]) == 0
    path = capsys.readouterr().out.splitlines()[-1]
    model = load_model(path, device="cpu")
    assert (model.name, model.step) == ("iVGAN, SN", 2)
    assert main([*words[:-1], "wgan", "--out", str(tmp_path)]) == 2
    assert (
        "a loss variant is one of gp, sn, sn-gp, 0-gp, one-sided, drift" in capsys.readouterr().err
    )


# ------------------------------------------------------------------------------------------ reading


def test_a_short_video_is_padded_and_where_clips_begin_anywhere_left_out(tmp_path):
    arrays = [v[:n] for v, n in zip(moving_videos(3), (10, 32, 50), strict=True)]
    videos = VideoSet.from_arrays(arrays, names=["short", "b", "c"])
    reader = IVGAN().reads(Job(IVGAN(), IVGAN_SMOKE, videos, tmp_path))
    x = reader.batch(0, 3)
    assert x.shape == (3, 32, 16, 16, 3) and reader.skipped == []
    (row,) = [i for i in range(3) if np.array_equal(x[i, :10], arrays[0])]
    assert (x[row, 10:] == arrays[0][-1]).all()
    anywhere = Job(IVGAN(), IVGAN_SMOKE.but(random_start=True), videos, tmp_path)
    assert IVGAN().reads(anywhere).skipped == ["short"]


def test_a_video_that_begins_black_is_left_out_by_name(capsys):
    arrays = moving_videos(3)
    arrays[1][0] = 0
    found = readable(VideoSet.from_arrays(arrays, names=["a", "b", "c"]))
    assert [v.name for v in found.videos] == ["a", "c"]
    assert capsys.readouterr().out == "Left out, since they begin with a black frame: b.\n"
    with pytest.raises(InputError, match="every video begins with a black frame"):
        readable(VideoSet.from_arrays([np.zeros_like(a) for a in arrays]))


def test_videos_of_another_size_are_refused(tmp_path):
    videos = VideoSet.from_arrays(moving_videos(2, size=32))
    with pytest.raises(InputError, match="trains at 16 pixels; these videos have 32"):
        train(Job(IVGAN(), IVGAN_SMOKE, videos, tmp_path))


# ------------------------------------------------------------------------------ generating, scoring


def test_videos_are_functions_of_seed_and_number():
    made = MODEL.videos(videos=20, seed=3)
    assert made.shape == (20, 32, 16, 16, 3) and made.dtype == np.uint8
    assert np.array_equal(MODEL.videos(32, videos=3, seed=3), made[:3])
    assert np.array_equal(MODEL.videos(16, videos=2, seed=3), made[:2, :16])
    assert not np.array_equal(made[0], made[1])
    assert not np.array_equal(MODEL.videos(seed=4)[0], made[0])


@pytest.mark.parametrize("frames", [33, 128, 1000])
def test_longer_videos_are_refused_in_one_sentence(frames):
    told = f"^iVGAN, 0-GP makes videos of exactly 32 frames, not {frames}$"
    with pytest.raises(InputError, match=told):
        MODEL.generate(frames)
    with pytest.raises(InputError, match=told):
        generated.made_by(MODEL, "sample", moving_videos(2), frames, 0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"footage": np.zeros((40, 16, 16, 3), np.uint8)}, "makes no video from footage"),
        ({"first_clip": np.zeros((1, 16, 16, 16, 3), np.uint8)}, "no video from first_clip"),
        ({"codes": "mean"}, "draws one latent a video: codes 'sample', 1 candidate"),
        ({"candidates": 20}, "draws one latent a video"),
        ({"videos": 0}, "at least 1 video is made, not 0"),
        ({"frames": 0}, "a whole number of frames, at least 1, not 0"),
        ({"seed": -1}, "the seed must be 0 or more"),
    ],
)
def test_what_it_cannot_make_is_refused_at_once(options, words):
    with pytest.raises(InputError, match=words):
        MODEL.generate(**options)


def test_studies_make_and_score_its_videos():
    made = generated.made_by(MODEL, "sample", moving_videos(4), 32, 1)
    assert len(made) == 4 and made[0].shape == (32, 16, 16, 3)
    (score,) = evaluate(moving_videos(4), made, protocol("ours").but(lengths=(32,)), Sums())
    assert score.name == "FVD (sums) 32f" and score.value > 0
    assert generated.seconds_for_1000(MODEL, "sample", moving_videos(1)[0]) is None


def test_the_papers_protocol_is_of_16_videos_a_side():
    real, made = moving_videos(20), list(MODEL.videos(videos=20))
    (score,) = evaluate(real, made, "ivgan", Sums())
    assert score.name == "FVD (sums) 32f"
    assert (score.card["real"]["videos"], score.card["generated"]["videos"]) == (16, 16)
    with pytest.raises(InputError, match="of the real videos 15 can be used; at least 16"):
        evaluate(real[:15], made, "ivgan", Sums())


def test_values_out_of_range_are_refused():
    wild = [1.5 * np.ones((32, 16, 16, 3), np.float32)] * 16
    with pytest.raises(InputError, match=r"values from 1.5 to 1.5; floats are in \[-1, 1\]"):
        evaluate(moving_videos(16), wild, "ivgan", Sums())
