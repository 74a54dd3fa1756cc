"""What is prepared for a GPU, on a CPU at `smoke`."""

import json
import subprocess
import sys

import pytest
import torch
from conftest import ROOT

from rencgan.__main__ import do
from rencgan.core.errors import InputError
from rencgan.studies import gpu


@pytest.fixture
def small(monkeypatch):
    """Few stand-ins, short ones, and no time kept for the last training."""
    drawn = gpu.stand_ins
    monkeypatch.setattr(gpu, "stand_ins", lambda size: drawn(size, 5, 60))
    monkeypatch.setattr(gpu, "FRAMES", 60)
    monkeypatch.setattr(gpu, "LEAST", 0.0)


def test_every_row_is_made_and_the_losses_of_both_numbers_are_compared(tmp_path, small):
    out = tmp_path / "gpu.json"
    gpu.run(out, ("smoke",), steps=4, frames=40, last="smoke", seconds=300.0)
    told = json.loads(out.read_text())
    assert not [r for r in told["rows"] if "left_out" in r]
    assert told["provenance"]["device"]["cpu"] and len(told["rows"]) == 2 * 4 + 2 * 8 + 1
    trained = [r for r in told["rows"] if "samples/s" in r]
    assert {r["what"] for r in trained} == {f"train {name}" for name in gpu.MODELS}
    assert all(r["steps"] == 4 and r["samples/s"] > 0 for r in trained)
    made = [r for r in told["rows"] if r["what"].startswith("generate")]
    assert all(r["s"] > 0 and r["frames"] == 40 for r in made)
    assert [r["goal s"] for r in made if "VDrej" in r["how"]] == [gpu.GOAL_S] * 4
    last = told["rows"][-1]
    assert last["steps"] == last["of the checkpoint"] == 6
    assert 0 < last["held-out L1 after"] != last["held-out L1 before"]
    assert [c["what"] for c in told["compared"]] == [f"train {name}" for name in gpu.MODELS]
    for c in told["compared"]:  # on a CPU both are float32, or near it
        assert c["first losses"]["apart"] < 0.05 and c["times"] > 0


def test_a_batch_of_the_gpt_is_as_large_as_it_is_and_steps_go_as_in_training(small, monkeypatch):
    """There are no more rows in it than sequences."""
    monkeypatch.setitem(gpu.MODELS, "R3", ("r3", {"windows": False}))
    monkeypatch.setattr(gpu, "SEQUENCES", 2)
    entered, by_speed = [], gpu.by_speed
    monkeypatch.setattr(gpu, "by_speed", lambda device: entered.append(device) or by_speed(device))
    assert gpu.steps_of("R3", "smoke", True, 2)["batch"] == 2 and len(entered) == 1


def test_losses_are_compared_with_those_of_the_same_training():
    head = {"what": "train R2", "preset": "64"}
    losses = {"first losses": {"a": 1.0, "b": 2.0}, "mean losses": {"a": 1.0, "b": 1.0}}
    theirs = head | {"how": "float32", "samples/s": 10.0} | losses
    ours = head | {"how": "bfloat16", "samples/s": 25.0, "mean losses": {"a": 1.5, "b": 1.0}}
    ours |= {"first losses": {"a": 1.01, "b": 2.0}}
    alone = {"what": "train AR2", "preset": "64", "how": "bfloat16", "samples/s": 1.0} | losses
    (found,) = gpu.compared([theirs, ours, alone, head | {"how": "bfloat16", "left_out": "no"}])
    assert found["times"] == 2.5
    assert found["first losses"] == {"term": "a", "apart": pytest.approx(0.01)}
    assert found["mean losses"] == {"term": "a", "apart": pytest.approx(0.5)}


def test_a_row_that_fails_costs_itself_alone(tmp_path, small, monkeypatch):
    def broken(name, size, bf16, steps):
        if name == "R2":
            raise torch.OutOfMemoryError("too large\nby far")
        return {"samples/s": 1.0, "first losses": {"a": 1.0}, "mean losses": {"a": 1.0}}

    monkeypatch.setattr(gpu, "steps_of", broken)
    monkeypatch.setattr(gpu, "generation", lambda *given: {"s": 1.0})
    monkeypatch.setattr(gpu, "long_run", lambda *given: {"s": 1.0})
    rows = gpu.run(tmp_path / "gpu.json", ("smoke",), seconds=100.0)
    out = {r["what"]: r["left_out"] for r in rows if "left_out" in r}
    assert out == {"train R2": "OutOfMemoryError: too large"} and len(rows) == 25


def test_what_no_time_is_left_for_is_left_out_but_for_the_last_training(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "long_run", lambda size, seconds: {"s": seconds})
    *rows, last = gpu.run(tmp_path / "gpu.json", ("smoke",), seconds=20.0)
    assert {r["left_out"] for r in rows} == {"no time was left"} and 0 < last["s"] <= 5


def test_it_asks_for_a_gpu():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(InputError, match="there is no GPU here"):
        do(["benchmark", "--gpu"])


BARE = """
import sys
OTHERS = "av pydantic papermill pandas matplotlib seaborn PIL IPython".split()
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in OTHERS:
            raise ImportError(name)
sys.meta_path.insert(0, Missing())
from rencgan.studies import gpu
assert gpu.made_of("AR2+", "128")[1].recall_noise == 0.5
"""


def test_it_needs_torch_numpy_and_scipy_alone():
    subprocess.run([sys.executable, "-c", BARE], check=True, cwd=ROOT)
