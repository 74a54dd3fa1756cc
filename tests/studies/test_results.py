import json

import numpy as np
import pytest
from samples import SIDE, file

from rencgan.__main__ import do
from rencgan.core.errors import InputError
from rencgan.studies import results
from rencgan.studies.columns import METRIC, OWN
from rencgan.studies.results import frame
from rencgan.studies.setting import checked
from rencgan.studies.trainees import Trainee
from rencgan.studies.variants import CONTESTANTS
from rencgan.training.loop import Job


def test_files_are_read_by_preset_and_data_set_in_the_contestants_order(tmp_path):
    wanted = [file("R2", 0), file("R2", 1), file("AR2", 0)]
    others = [file("R2", 0, dataset="taichi"), file("R2", 0, preset="64"), file("nobody", 0)]
    others += [file("AR2", 0, source="real")]
    for i, content in enumerate(reversed(wanted + others)):
        (tmp_path / f"{i}.json").write_text(json.dumps(content))
    found = results.read(tmp_path, "sky")
    there = found[["contestant", "seed"]].drop_duplicates().values.tolist()
    assert there == [["R2", 0], ["R2", 1], ["AR2", 0]] and set(found.dataset) == {"sky"}
    assert results.count(results.read(tmp_path)) == 4
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(InputError, match="broken.json is no JSON"):
        results.read(tmp_path)
    for text in ("[]", '{"contestant": "R2"}'):
        (tmp_path / "broken.json").write_text(text)
        with pytest.raises(
            InputError, match="broken.json holds no results of python -m rencgan compare"
        ):
            results.read(tmp_path)


def test_the_table_has_means_and_spreads_over_seeds():
    files = [
        file("real", 0, 20.0, "other unseen videos"),
        file("R2", 0, 90.0),
        file("R2", 1, 110.0),
    ]
    real, r2 = results.rows(frame(files))
    assert real["videos"] == "other real video" and real["128f"] == "20.0"
    assert r2["videos"] == "R2, sample" and r2["seeds"] == 2 and r2["prior"] == "none"
    assert r2["128f"] == "100.0 ± 14.1" and r2["16f, last 128"] == "300.0 ± 42.4"
    assert r2["train s"] == "300" and r2["motion distance"] == "", "old files lack it"


def test_seconds_of_trainings_are_of_the_seeds_of_the_row():
    files = [file("R2", seed, 90.0) for seed in (0, 1, 2)]
    files[0]["training"]["seconds"] = None
    files[2]["ways"]["mean"] = files[2]["ways"].pop("sample")
    files[2]["training"]["seconds"] = 700.0
    found = {r["videos"]: r["train s"] for r in results.rows(frame(files))}
    assert found == {"R2, sample": "301 (1)", "R2, mean": "700"}


def test_references_of_one_set_of_videos_are_one_measurement():
    files = [file("real", seed, 20.0, "other unseen videos") for seed in (0, 1)]
    (row,) = results.rows(frame(files))
    assert row["128f"] == "20.0" and row["seeds"] == 1
    files[1] = file("real", 1, 22.0, "other unseen videos")
    (row,) = results.rows(frame(files))
    assert row["128f"] == "21.0 ± 1.4" and row["seeds"] == 2
    row = {"videos": "held", "seeds": 3, "32f": "14.4 ± 0.0"}  # a measure of the main table alone
    assert results.of_one_set(row) == {"videos": "held", "seeds": 1, "32f": "14.4"}


def test_single_clips_stand_apart_and_see_no_video_where_they_are_of_noise():
    clip = file("EncGAN3, warm-ups", 0, 40.0, "noise", prior="entire video")
    table = results.rows(frame([file("R2", 0), clip]))
    assert [(r["clips"], r["prior"]) for r in table] == [(None, "none"), (1.0, "none")]
    parts = results.split(table)
    assert [r["videos"] for r in parts[results.CLIPS]] == ["EncGAN3, warm-ups, noise"]
    assert all(
        r["videos"] == "R2, sample" for k, rows in parts.items() if k != results.CLIPS for r in rows
    )


def test_the_worst_octave_of_several_seeds_lies_on_one_side_of_1():
    files = [file("R2", seed) for seed in (0, 1)]
    for f, ratios in zip(files, ((0.5, 1.2), (0.7, 1.6)), strict=True):
        against = {
            f"energy of waves of {2 << k} to {4 << k} pixels": r for k, r in enumerate(ratios)
        }
        against["worst octave"] = max(ratios, key=lambda r: abs(np.log(r)))
        f["ways"]["sample"]["long"]["against real"] = against
    (row,) = results.rows(frame(files))
    assert row["2 to 4 px"].startswith("0.60") and row["worst octave"] == "0.60"


def test_a_copy_of_a_file_counts_for_no_second_seed(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.json").write_text(json.dumps(file("R2", 0)))
    with pytest.raises(InputError, match="R2 .sky, seed 0. has two result files"):
        results.read(tmp_path)


def test_a_number_of_fewer_seeds_than_its_row_says_of_how_many():
    files = [file("R2", seed, 90.0) for seed in range(3)]
    del files[0]["ways"]["sample"]["long"]["jump"]
    (row,) = results.rows(frame(files))
    assert row["seeds"] == 3 and row["jump"] == "2.00 ± 0.00 (2)"
    assert row["128f"] == "90.0 ± 0.0" and row["motion distance"] == ""


def test_the_table_is_split_so_that_it_fits_a_page():
    real = file("real", 0, way="x", training={"seconds": None})
    parts = results.split(results.rows(frame([file("R2", 0), real])))
    *measured, took = parts.values()
    assert len(measured) == 2, "nothing is told in detail, so there is no such table"
    for part in measured:
        assert len(part) == 2 and "s for 1000" not in part[0]
        assert {"motion", "motion inside clips"} & set(part[0])
        assert "motion distance" not in part[0], "no column without a number"
    there = {"videos": "R2, sample", "seeds": 1, "train s": "300", "s for 1000": "1.5"}
    assert took == [there, there | {"videos": "x", "train s": ""}], "timed, if not trained here"


def test_every_table_that_tells_a_drift_tells_the_motion_that_it_was_had_at():
    told = {"motion inside clips", "motion of real"}
    for columns in results.PARTS.values():
        assert not any("drift" in c for c in columns) or told <= set(columns)
        assert not {"motion", "motion of real"} <= set(columns), "one leaves junctions out"


def test_a_field_that_came_later_makes_no_old_seed_a_stranger(tmp_path):
    for seed, more in enumerate(({}, {"scored": 0, "train_on": "train"})):
        found = file("R2", seed)
        found["ways"]["sample"]["provenance"] = {"preset": {"lr_encoder": 1.0} | more}
        (tmp_path / f"{seed}.json").write_text(json.dumps(found))
    assert results.count(results.read(tmp_path)) == 2
    found["ways"]["sample"]["provenance"]["preset"]["scored"] = 10
    (tmp_path / "1.json").write_text(json.dumps(found))
    with pytest.raises(InputError, match="another recipe"):
        results.read(tmp_path)


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ({"task": {"short": 64}}, {"task": {"short": 4}}, "R2 .sky, seed 0. and R2 .*another task"),
        ({"switches": {"noise": True}}, {"switches": {}}, "another recipe"),
    ],
)
def test_files_of_another_task_or_recipe_go_into_no_table(tmp_path, one, other, said):
    for seed, more in enumerate((one, other)):
        (tmp_path / f"{seed}.json").write_text(json.dumps(file("R2", seed, **more)))
    with pytest.raises(InputError, match=said):
        results.read(tmp_path)
    found = file("R2", 1, **one)
    (tmp_path / "1.json").write_text(json.dumps(found))
    assert results.count(results.read(tmp_path)) == 2
    found["ways"]["sample"]["provenance"] = {"preset": {"lr_encoder": 1.0}}
    (tmp_path / "1.json").write_text(json.dumps(found))
    with pytest.raises(InputError, match="another recipe"):
        results.read(tmp_path)


def test_ways_stand_in_one_order_and_without_long_videos_leave_cells_empty():
    short, plain = file("R2", 0, way="VDrej"), file("R2", 0)
    del short["ways"]["VDrej"]["long"]
    both = short | {"ways": short["ways"] | plain["ways"]}
    first, second = results.rows(frame([both]))
    assert (first["videos"], second["videos"]) == ("R2, sample", "R2, VDrej")
    assert second["128f"] == "100.0" and second["jump"] == second["16f, last 128"] == ""


def test_scores_against_other_videos_go_into_no_table(tmp_path):
    strange = file("AR2", 0)
    for score in strange["ways"]["sample"]["scores"]:
        score["card"] = score["card"] | {"real": SIDE | {"pixels crc32": "b"}}
    for name, content in (("a", file("R2", 0)), ("b", strange)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    with pytest.raises(
        InputError, match="R2 .* and AR2 .sky, seed 0. do not go into one table: they differ"
    ):
        results.read(tmp_path)


def test_r3s_own_frames_and_foresight_stand_in_tables_of_their_own():
    own = [{"name": f"{METRIC} 16f", "value": 60.0}, {"name": f"{METRIC} 128f", "value": 70.0}]
    files = [file("AR2", 0)]
    for seed, energy in ((0, 2.0), (1, 2.2)):
        f = file("R3, mixture", seed, way="robust sample", kind="r3", prior="first clip")
        f["ways"]["robust sample"][results.SCORES + OWN] = own
        f["foresight"] = {"error": 1.0, "last kept": 3.0, "energy": energy, "tokens": 9}
        files.append(f)
    assert "128f, own" not in results.rows(frame(files[:1]))[0]
    plain, row = results.rows(frame(files))
    assert row["videos"] == "R3, mixture, robust sample" and row["seeds"] == 2
    assert row["128f"] == "100.0 ± 0.0" and row["128f, own"] == "70.0 ± 0.0"
    assert plain["128f"] == plain["128f, own"] == "100.0"
    (row,) = results.foresight_rows(frame(files))
    assert row["energy"] == "2.100 ± 0.141" and row["likelihood"] == "" and row["seeds"] == 2
    assert results.foresight_rows(frame(files[:1])) == []
    page = results.page(frame([*files, file("AR2", 0, dataset="taichi")]))
    assert page.index("**sky") < page.index("| GPT |") < page.index("**taichi")


def test_the_gap_between_regression_and_improved_r2():
    files = [file("improved R2", s, 50.0) for s in (0, 1, 2)]
    for seed, far in ((0, 90.0), (1, 70.0), (2, 40.0)):  # the last lies before improved R2
        files.append(
            file("R3, regression", seed, far, results.ROBUST, kind="r3", prior="first clip")
        )
        files.append(file("R3, flow", seed, 60.0, results.ROBUST, kind="r3", prior="first clip"))
    (row,) = results.gap_rows(frame(files))
    assert row["head"] == "R3, flow" and row["way"] == results.ROBUST and row["seeds"] == 3
    assert row["regression's gap"] == "16.7 ± 25.2" and row["its own"] == "10.0 ± 0.0"
    assert row["nearer by"] == "6.7 ± 25.2", "30, 10 and, where there was no gap, -20"
    assert results.gap_rows(frame(files[:3])) == []


def test_the_command_prints_the_tables_and_refuses_an_empty_folder(tmp_path, capsys):
    with pytest.raises(InputError, match="holds no results"):
        do(["results", "--folder", str(tmp_path)])
    for s in range(3):
        for name, far in (("R2", 50), ("LEncGAN", 80)):
            (tmp_path / f"{name}{s}.json").write_text(json.dumps(file(name, s, far + s)))
    do(["results", "--folder", str(tmp_path)])
    told = capsys.readouterr().out
    assert "**sky, mini**" in told and "| R2, sample | none | 3 | 25.5 ± 0.5 | 51.0 ± 1.0 |" in told


def test_new_seeds_go_into_one_table_with_the_published_ones():
    """What a run would tell of its switches today is what the files of other seeds tell."""
    compared = 0
    for path in sorted(results.RESULTS.glob("*.json")):
        told = json.loads(path.read_text())
        c = CONTESTANTS.get(told["contestant"])
        if c is None or c.base:
            continue
        p = checked({k: told[k] for k in ("dataset", "source", "preset", "seed")})
        job = Job(c.system(p), c.preset(p), path, path, p.seed)
        assert Trainee(c.name, job, None, c.variant).switches == told["switches"], path.name
        compared += 1
    assert compared > 50


@pytest.mark.parametrize("path", sorted(results.RESULTS.glob("*.json")), ids=lambda p: p.stem)
def test_published_results_are_of_the_recipes_of_today(path):
    f = json.loads(path.read_text())
    name = f["contestant"] if f["contestant"] in CONTESTANTS else "R2"  # real video trains nothing
    name = CONTESTANTS[name].base or name  # of an R3 the R2 under it is told
    p = checked({k: f[k] for k in ("dataset", "source", "preset", "seed")})
    asked = json.loads(json.dumps(CONTESTANTS[name].preset(p).as_dict()))
    free = ("why", "max_videos", "max_frames")
    for way, found in f["ways"].items():
        there = found["provenance"]["preset"]
        if f["contestant"] == "real":
            asked = {k: v for k, v in asked.items() if k in ("name", "size", "frames")}
        other = {k: v for k, v in there.items() if k in asked and k not in free and asked[k] != v}
        assert there["name"] == f["preset"] and not other, way
