"""The table of trials: every row says what was changed and what it came to."""

import pytest

from rencgan.core.errors import InputError
from rencgan.studies import standing, trials


def test_every_row_has_a_recipe_and_a_measure_and_references_stand_first():
    rows = trials.rows()
    assert all(set(row) == set(trials.SHOWN) and row["recipe"] for row in rows)
    assert len({row["recipe"] for row in rows}) == len(rows)
    measured = [any(row[name] != "" for name in trials.SHOWN[2:]) for row in rows]
    assert all(measured)
    assert rows[0]["recipe"].startswith("held") and rows[0]["motion"] == 0
    assert not {key for row in trials.read()["rows"] for key in row} - set(trials.SHOWN)


def test_the_recipe_of_hour_is_told_by_what_it_misses_too():
    rows = {row["recipe"].partition(":")[0]: row for row in trials.rows()}
    hour, held = rows["hour"], rows["held"]
    for name in ("acceleration", "worst octave", "motion distance"):
        assert hour[name] != "" and held[name] != ""
    assert hour["motion distance"] > held["motion distance"] and hour["worst octave"] < 0.75


def test_the_published_model_has_the_numbers_of_the_table_of_published_models():
    (row,) = (row for row in trials.rows() if row["recipe"].startswith("hour: "))
    (found,) = (r for r in standing.read()["rows"] if r.get("weights") == "r2")
    for name in ("16f", "128f", "motion distance", "jump", "worst octave"):
        assert row[name] == pytest.approx(found[name], abs=0.06), name


def test_a_missing_file_is_told_in_a_sentence(tmp_path):
    with pytest.raises(InputError, match="git checkout brings it back"):
        trials.read(tmp_path / "trials.json")
