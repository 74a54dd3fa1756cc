"""Checkpoints: whole or not there, and nothing that is not ours is taken or executed."""

import os
import pickle
import random
import zipfile
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import Stop, stopped_after

from rencgan.baselines.g3an import G3AN
from rencgan.core import checkpoint
from rencgan.core.errors import InputError
from rencgan.models.lencgan import LEncGAN
from rencgan.models.r2 import R2
from rencgan.models.trained import load_model, preset_of
from rencgan.presets.table import GPT_SMOKE, SMOKE
from rencgan.presets.table import preset as preset_for
from rencgan.r3.r3 import R3
from rencgan.training import loop
from rencgan.training.loop import Job, train
from rencgan.training.players import Players


def content(step=3) -> dict:
    return {
        "kind": "r2",
        "step": step,
        "preset": SMOKE.as_dict(),
        "memory": {},
        "weights": {"w": torch.arange(5000.0), "half": torch.ones(3, dtype=torch.bfloat16)},
        "history": [1, 2.5, None, "x", (1, 2)],
    }


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "run" / "checkpoint.pt"
    checkpoint.save(path, content())
    return path


def same(a, b) -> bool:
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


def refusal(path, kind=None) -> str:
    with pytest.raises(InputError) as refused:
        checkpoint.load(path, kind)
    message = str(refused.value)
    assert "\n" not in message and str(path) in message
    return message


def test_what_is_saved_comes_back(saved):
    assert same(checkpoint.load(saved), content() | {"format": checkpoint.FORMAT})
    assert same(checkpoint.load(str(saved), "r2")["weights"], content()["weights"])
    assert preset_of(checkpoint.load(saved)) == SMOKE
    assert [p.name for p in saved.parent.iterdir()] == ["checkpoint.pt"]


def test_all_that_training_needs_comes_back(tmp_path):
    m = Players(R2(), SMOKE.but(average=0.9))
    for player in m.optimisers.values():
        for p in player.param_groups[0]["params"]:
            p.grad = torch.ones_like(p)
        player.step()
    checkpoint.save(tmp_path / "c.pt", m.state())
    loaded = checkpoint.load(tmp_path / "c.pt")
    for part, state in m.state().items():
        assert loaded[part].keys() == state.keys()
    adam = loaded["optimisers"]["encoder"]["state"][0]
    assert same(adam, dict(m.optimisers["encoder"].state_dict()["state"][0]))
    again = Players(R2(), SMOKE.but(average=0.9), seed=5)
    again.load_state(loaded)
    ours, theirs = (x.nets["generator"].to_rgb.weight for x in (again, m))
    assert torch.equal(ours, theirs)


@contextmanager
def small_disk(size: int):
    """No file may grow beyond `size` bytes: what a full disk does, by the system itself."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [0, 100, 3000, 20000])
def test_a_full_disk_keeps_the_old_checkpoint_and_leaves_no_rubbish(saved, size):
    before = saved.read_bytes()
    with small_disk(size), pytest.raises(InputError, match="disk.* is full") as refused:
        checkpoint.save(saved, content(4))
    assert "\n" not in str(refused.value)
    assert saved.read_bytes() == before and checkpoint.load(saved)["step"] == 3
    assert [p.name for p in saved.parent.iterdir()] == ["checkpoint.pt"]
    checkpoint.save(saved, content(4))
    assert checkpoint.load(saved)["step"] == 4


@pytest.mark.parametrize("when", ["fsync", "replace"])
def test_a_failure_at_the_very_end_keeps_the_old_checkpoint(saved, monkeypatch, when):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.os, when, fail)
    with pytest.raises(InputError, match="disk is full"):
        checkpoint.save(saved, content(4))
    monkeypatch.undo()
    assert checkpoint.load(saved)["step"] == 3
    assert [p.name for p in saved.parent.iterdir()] == ["checkpoint.pt"]


def test_the_file_is_on_the_disk_before_it_takes_the_name(saved, monkeypatch):
    calls = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(
            checkpoint.os, name, lambda *a, n=name, f=real: (calls.append(n), f(*a))[1]
        )
    checkpoint.save(saved, content(4))
    assert calls == ["fsync", "replace"]


def test_what_cannot_be_saved_leaves_the_old_one(saved):
    with pytest.raises((pickle.PicklingError, AttributeError)):
        checkpoint.save(saved, {"step": lambda: 4})
    assert checkpoint.load(saved)["step"] == 3
    assert [p.name for p in saved.parent.iterdir()] == ["checkpoint.pt"]


def test_a_folder_that_cannot_be_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot write"):
        checkpoint.save(tmp_path / "file" / "checkpoint.pt", content())


def test_missing_empty_and_folder(tmp_path):
    assert "there is no checkpoint" in refusal(tmp_path / "none.pt")
    assert "there is no checkpoint" in refusal(tmp_path)
    (tmp_path / "empty.pt").touch()
    assert "damaged or is not a checkpoint" in refusal(tmp_path / "empty.pt")


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused_and_stays(saved, share):
    data = saved.read_bytes()
    saved.write_bytes(data[: int(len(data) * share)])
    refusal(saved)
    assert saved.stat().st_size == int(len(data) * share)


def test_every_bit_of_the_content_is_guarded(saved):
    """A flipped bit is refused, or lies where nothing is read: what is loaded is the same."""
    data, rng = saved.read_bytes(), random.Random(0)
    wanted, refused = content() | {"format": checkpoint.FORMAT}, 0
    positions = {rng.randrange(len(data)) for _ in range(300)}
    for position in positions:
        flipped = bytearray(data)
        flipped[position] ^= 1 << rng.randrange(8)
        saved.write_bytes(flipped)
        try:
            assert same(checkpoint.load(saved), wanted), position
        except InputError:
            refused += 1
    assert refused > 0.8 * len(positions)


def test_a_single_bit_in_a_weight_is_refused(saved):
    data = bytearray(saved.read_bytes())
    place = data.find(np.arange(5000, dtype=np.float32).tobytes())
    assert place > 0
    data[place + 4 * 2500] ^= 1
    saved.write_bytes(data)
    assert torch.load(saved, weights_only=True)["step"] == 3  # what PyTorch would have taken
    assert "damaged" in refusal(saved)


class Malicious:
    """Makes a file when it is unpickled."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return open, (str(self.target), "w")


def test_nothing_in_a_foreign_file_is_executed(tmp_path):
    target, path = tmp_path / "executed", tmp_path / "checkpoint.pt"
    evil = {"format": checkpoint.FORMAT, "kind": "r2", "x": Malicious(target)}
    bare = pickle.dumps(evil)
    path.write_bytes(bare)
    refusal(path)
    torch.save(evil, path)
    refusal(path)
    torch.save(evil, path, _use_new_zipfile_serialization=False)
    refusal(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", bare)
        archive.writestr("archive/version", "3")
    refusal(path)
    assert not target.exists()
    pickle.loads(bare)["x"].close()  # it would have worked
    assert target.exists()


class Harmless:
    """A class of somebody else."""


@pytest.mark.parametrize(
    "foreign",
    [
        {"state_dict": {"w": torch.zeros(3)}},
        {"format": "rencgan-0"},
        [1, 2, 3],
        torch.zeros(4),
        "text",
        None,
        Harmless(),
    ],
)
def test_a_torch_file_of_another_project_is_refused(tmp_path, foreign):
    torch.save(foreign, tmp_path / "x.pt")
    assert "checkpoint of this project" in refusal(tmp_path / "x.pt")


def test_other_kinds_of_files_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", w=np.zeros(3))
    (tmp_path / "x.json").write_text('{"format": "rencgan-1"}')
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    for name in ("x.npz", "x.json", "x.zip"):
        assert "checkpoint of this project" in refusal(tmp_path / name)


def test_a_model_of_another_kind_is_refused_by_name(saved):
    assert "holds a model of kind 'r2'; 'encgan3' is needed" in refusal(saved, "encgan3")


def test_a_file_that_may_not_be_read_is_not_called_damaged(saved, monkeypatch):
    def deny(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(checkpoint.zipfile, "ZipFile", deny)
    message = refusal(saved)
    assert "cannot be read (Permission denied)" in message and "delete" not in message


@pytest.mark.parametrize(
    "preset",
    [
        None,
        {},
        {"nonsense": 1},
        SMOKE.as_dict() | {"future_field": 1},
        SMOKE.as_dict() | {"size": "16"},
        SMOKE.as_dict() | {"size": 17},
        [],
    ],
)
def test_a_preset_that_is_not_whole_is_refused(preset):
    incomplete = {"kind": "r2"} if preset is None else {"preset": preset}
    if preset == {}:
        assert preset_of(incomplete).size == 64  # defaults fill what older files lack
        return
    with pytest.raises(InputError, match="preset"):
        preset_of(incomplete, "c.pt")


# ---- checkpoints of the first releases -----------------------------------------------------------


def first_layout(content: dict) -> dict:
    """A checkpoint as the first releases wrote it: LEncGAN's state had a place of its own, EncGAN3
    without an encoder saved an encoder that it did not use, and a GPT lay outside the networks.
    """
    memory = content.pop("memory")
    if "handed" in memory:
        content["handed"] = memory["handed"]
    if content["kind"] == "g3an":
        content["kind"] = "encgan3"
        for part in ("networks", "averages", "optimisers"):
            content[part]["encoder"] = {"unused": torch.zeros(2)}
    base = content.pop("base")
    if content["kind"] == "r3":
        del content["random"], content["objective"]
        content |= {"r2": base, "gpt": content.pop("networks")["gpt"]}
        content["average"] = content.pop("averages").get("gpt")
        content["optimiser"] = content.pop("optimisers")["gpt"]
    return content


@pytest.mark.parametrize("average", [0.0, 0.9])
@pytest.mark.parametrize("system", [R2(), LEncGAN(), G3AN(), R3()], ids=lambda s: s.kind)
def test_a_run_of_the_first_releases_goes_on(system, average, videos, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    base, p = None, GPT_SMOKE if system.base else preset_for("smoke", system.kind)
    if system.base:
        base = load_model(train(Job(R2(), SMOKE, videos, tmp_path / "base")))
    job = Job(system, p.but(average=average), videos, tmp_path / "whole", base=base)
    whole = checkpoint.load(train(job))
    half = replace(job, out=tmp_path / "half")
    with pytest.raises(Stop):
        train(half, progress=stopped_after(4))
    path = half.out / "checkpoint.pt"
    checkpoint.save(path, first_layout(checkpoint.load(path)))
    told = load_model(path, system.kind, base=base)
    assert (told.kind, told.step) == (system.kind, 4)
    began = []
    again = checkpoint.load(train(half, progress=lambda done, *_: began.append(done)))
    assert began[0] == 4, "it goes on, and does not begin anew"
    for part in ("networks", "averages", "optimisers", "memory"):
        assert same(again[part], whole[part]), part
    assert bool(again["averages"]) == bool(average)
    assert bool(again["memory"]) == (system.kind == "lencgan")
