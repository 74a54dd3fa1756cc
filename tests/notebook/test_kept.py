"""What a notebook has found is in its file, whatever fails after it."""

import json
from types import SimpleNamespace

import pytest

from rencgan.core.errors import InputError
from rencgan.notebook.kept import Kept, attempt
from rencgan.presets.table import SMOKE


def refuses():
    raise InputError("two videos are needed")


def runs_out():
    raise MemoryError


def is_wrong():
    return {}["sede"]


FAILURES = {
    refuses: "two videos are needed",
    runs_out: "it needs more memory than there is",
    is_wrong: "KeyError: 'sede' (test_kept.py, line ",
}


@pytest.fixture
def kept(tmp_path, videos):
    p = SimpleNamespace(out_dir=tmp_path, seed=3, model_dump=lambda: {"hop": 8})
    return Kept(p, "03_rencgan", SMOKE, videos, 0.0)


def read(kept):
    return json.loads(kept.path.read_text())


def test_every_addition_is_in_the_file_at_once(kept):
    kept.add(measures=[{"l1": float("nan")}])
    assert read(kept)["measures"] == [{"l1": None}]
    kept.add(scores={"compact": 1.5})
    found = read(kept)
    assert (found["measures"], found["scores"]) == ([{"l1": None}], {"compact": 1.5})
    assert found["provenance"]["seed"] == 3 and found["missing"] == {}


@pytest.mark.parametrize("fails", FAILURES, ids=lambda work: work.__name__)
def test_a_scorer_that_fails_costs_its_own_rows(kept, fails, capsys):
    kept.add(measures=1)
    assert kept.attempt("memorisation", fails) is None
    assert kept.attempt("cost", lambda n: n + 1, 1) == 2
    record = kept.add(cost=2)
    found = read(kept)
    assert (found["measures"], found["cost"]) == (1, 2)
    assert list(found["missing"]) == ["memorisation"] and record["missing"] == found["missing"]
    assert found["missing"]["memorisation"].startswith(FAILURES[fails])
    said = capsys.readouterr().out
    assert said == f"no memorisation: {found['missing']['memorisation']}\n"


def test_what_worked_the_second_time_is_not_missing(kept):
    kept.attempt("cost", runs_out)
    kept.attempt("cost", int)
    kept.add()
    assert read(kept)["missing"] == {}


def test_an_interruption_is_no_failure_of_a_scorer():
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attempt("cost", interrupted)
