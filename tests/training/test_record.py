"""What a run leaves beside its checkpoint."""

import json

import pytest
import torch

from rencgan.core.errors import InputError
from rencgan.training.record import Record, read_history


def record(tmp_path, start=0, window=None, steps=4, write=True) -> Record:
    return Record(tmp_path, start, window or {}, steps, write)


def test_terms_are_averaged_over_the_steps_of_a_line(tmp_path):
    found = record(tmp_path, steps=4000)  # a line every second step
    for step, value in enumerate((1.0, 2.0, 5.0), 1):
        found.add(step, {"kl": torch.tensor(value)})
    found.flush()
    assert read_history(tmp_path / "history.jsonl") == [{"step": 2, "kl": 1.5}]
    assert found.latest == {"kl": 5.0} and found.window == {"kl": 2.5}
    later = record(tmp_path, 3, found.window, 4000)  # goes on in the middle of a line
    later.add(4, {"kl": torch.tensor(7.0)})
    later.flush()
    assert read_history(tmp_path / "history.jsonl")[1] == {"step": 4, "kl": 6.0}


def test_lines_beyond_the_last_checkpoint_are_forgotten(tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_text("".join(json.dumps({"step": n}) + "\n" for n in (1, 2, 3)) + '{"step": 4, "k')
    record(tmp_path, 2)
    assert path.read_text() == '{"step": 1}\n{"step": 2}\n'


def test_only_the_first_process_writes(tmp_path):
    found = record(tmp_path, write=False)
    found.add(1, {"kl": torch.tensor(1.0)})
    found.flush()
    assert not (tmp_path / "history.jsonl").exists() and found.latest == {"kl": 1.0}


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_term_that_is_not_finite_is_named(tmp_path, value):
    found = record(tmp_path)
    with pytest.raises(InputError, match=f"'kl' became {value} at step 3; the last good") as told:
        found.add(3, {"ok": torch.tensor(1.0), "kl": torch.tensor(float(value))})
        found.flush()
    assert "\n" not in str(told.value)
    found.flush()  # and is not told twice


def test_history_survives_a_line_cut_short(tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_text(json.dumps({"step": 1, "reconstruction": 0.5}) + '\n{"step": 2, "recon')
    assert read_history(path) == [{"step": 1, "reconstruction": 0.5}]


def test_a_term_of_some_steps_alone_is_averaged_over_these(tmp_path):
    found = record(tmp_path, steps=12_000)  # a line every 6 steps
    for step in range(1, 7):
        terms = {"generator": 6.0} if step == 6 else {"critic": float(step)}
        found.add(step, {name: torch.tensor(value) for name, value in terms.items()})
        if step == 3:  # stopped, and gone on with
            found = Record(tmp_path, 3, found.window, 12_000, True, found.counts)
    (line,) = read_history(tmp_path / "history.jsonl")
    assert line == {"step": 6, "critic": 3.0, "generator": 6.0}
