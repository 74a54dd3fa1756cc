"""Warm-ups that several runs share change no weight."""

import json
from dataclasses import replace

import pytest
from conftest import moving_videos
from stepping import assert_same

from rencgan.core import checkpoint
from rencgan.data.videoset import VideoSet
from rencgan.models.ar2 import AR2
from rencgan.models.lencgan import LEncGAN
from rencgan.models.r2 import R2
from rencgan.presets.table import SMOKE
from rencgan.training import shared as warmups
from rencgan.training.loop import Job, train


@pytest.fixture
def videos():
    return VideoSet.from_arrays(moving_videos(4, frames=40, size=16))


def weights(job):
    return checkpoint.load(job.out / "checkpoint.pt")["networks"]


@pytest.mark.parametrize("variant", ["v1", "v3", "v4-noise", "v5"])
def test_a_run_with_shared_warm_ups_ends_with_its_own_weights(variant, videos, tmp_path):
    own = Job(R2.variant(variant), SMOKE, videos, tmp_path / "own", 1)
    train(own)
    first = Job(R2(), SMOKE, videos, tmp_path / "first", 1, warm=tmp_path / "warm")
    train(first)
    shared = replace(own, out=tmp_path / "shared", warm=tmp_path / "warm")
    assert shared.key() == own.key() != first.key()
    steps = []
    train(shared, progress=lambda done, total, losses: steps.append(done))
    assert steps[0] == SMOKE.warmup + SMOKE.motion_warmup == warmups.end(shared)
    assert_same(weights(shared), weights(own))
    with pytest.raises(AssertionError):
        assert_same(weights(shared), weights(first))
    histories = [(j.out / "history.jsonl").read_text() for j in (own, shared)]
    assert histories[0] == histories[1] and json.loads(histories[0].splitlines()[0])["step"] == 1
    content = checkpoint.load(shared.out / "checkpoint.pt")
    assert content["key"] == shared.key()
    assert content["objective"] == R2.variant(variant).switches()


def test_only_what_decides_the_warm_ups_tells_them_apart(videos, tmp_path):
    job = Job(R2(), SMOKE, videos, tmp_path / "a", warm=tmp_path)
    assert warmups.key(job) == warmups.key(replace(job, system=R2.variant("v2")))
    assert warmups.key(job) == warmups.key(replace(job, system=R2(recall_critic=False)))
    others = [
        replace(job, seed=1),
        replace(job, system=R2(sampled=False)),
        replace(job, system=R2(recall_encoder=False)),  # its content stream reads frame 0
        replace(job, preset=SMOKE.but(lr_encoder=1e-4)),
        replace(job, data=videos.every(2)),
        replace(job, system=AR2()),
    ]
    assert len({warmups.key(j) for j in [job, *others]}) == len(others) + 1


def test_what_cannot_be_shared_is_not(videos, tmp_path):
    plain = Job(R2(), SMOKE, videos, tmp_path / "a")
    assert warmups.end(plain) == 0
    assert warmups.end(replace(plain, warm=tmp_path, system=LEncGAN())) == 0
    bare = replace(plain, warm=tmp_path / "warm", preset=SMOKE.but(warmup=0, motion_warmup=0))
    train(bare)
    assert warmups.end(bare) == 0 and not (tmp_path / "warm").exists()
    begun = replace(bare, init_from=tmp_path / "a" / "checkpoint.pt", preset=SMOKE)
    assert warmups.end(begun) == 0
