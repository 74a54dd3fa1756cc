"""The table of trials: every row says what was changed and what it came to."""

import pytest

from rencgan.core.errors import InputError
from rencgan.studies import trials


def test_every_row_has_a_recipe_and_a_measure_and_references_stand_first():
    rows = trials.rows()
    assert all(set(row) == set(trials.SHOWN) and row["recipe"] for row in rows)
    assert len({row["recipe"] for row in rows}) == len(rows)
    measured = [any(row[name] != "" for name in trials.SHOWN[2:]) for row in rows]
    assert all(measured)
    assert rows[0]["recipe"].startswith("held") and rows[0]["motion"] == 0
    assert not {key for row in trials.read()["rows"] for key in row} - set(trials.SHOWN)


def test_a_missing_file_is_told_in_a_sentence(tmp_path):
    with pytest.raises(InputError, match="git checkout brings it back"):
        trials.read(tmp_path / "trials.json")
