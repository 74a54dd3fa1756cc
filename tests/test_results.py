import json

import pytest
from conftest import ROOT

from rencgan import results
from rencgan.errors import InputError
from rencgan.results import CLAIMS, METRIC, OFF, OURS, Claim


def file(name, seed, far=100.0, way="sample", seam=2.0, **more):
    scores = [
        {"name": f"{METRIC} 16f", "value": far / 2},
        {"name": f"{METRIC} 128f", "value": far},
        {"name": f"{METRIC} 16f / {METRIC} 128f", "value": 0.5},
    ]
    long = {"seam ratio": seam, "motion": 0.01, "drift": 0.2, "repetition": 0.1}
    long[f"{METRIC} 16f, end"] = 3 * far
    ways = {way: {"scores": scores, "seconds for 1000 frames": 1.5, "long": long}}
    kind = {"R2": "r2", "LEncGAN": "lencgan"}.get(name, "ar2")
    content = {"contestant": name, "kind": kind, "prior": "none", "seed": seed, "ways": ways}
    return content | {"dataset": "sky", "preset": "mini", "real": long | {"motion": 0.03}} | more


def test_files_are_read_by_preset_and_data_set_in_the_contestants_order(tmp_path):
    wanted = [file("R2", 0), file("R2", 1), file("AR2", 0)]
    others = [file("R2", 0, dataset="taichi"), file("R2", 0, preset="64"), file("nobody", 0)]
    for i, content in enumerate(reversed(wanted + others)):
        (tmp_path / f"{i}.json").write_text(json.dumps(content))
    found = results.read(tmp_path, "sky")
    assert [(f["contestant"], f["seed"]) for f in found] == [("R2", 0), ("R2", 1), ("AR2", 0)]
    assert len(results.read(tmp_path)) == 4
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(InputError, match="broken.json is no JSON"):
        results.read(tmp_path)


def test_the_table_has_means_and_spreads_over_seeds():
    real, r2 = results.rows([file("R2", 0, 90.0), file("R2", 1, 110.0)])
    assert real["motion"] == "0.030 ± 0.000" and real["128f"] == ""
    assert r2["videos"] == "R2, sample" and r2["seeds"] == 2 and r2["prior"] == "none"
    assert (
        r2["128f"] == "100.0 ± 14.1"
        and r2["end"] == "300.0 ± 42.4"
        and r2["ratio"] == "0.50 ± 0.00"
    )


def test_a_way_without_long_videos_leaves_cells_empty():
    short = file("R2", 0, way="VDrej")
    del short["ways"]["VDrej"]["long"]
    row = results.rows([short])[1]
    assert row["128f"] == "100.0" and row["seam ratio"] == row["end"] == ""


def test_verdicts_follow_the_numbers():
    claim = next(c for c in CLAIMS if c.text == "R2 before LEncGAN" and c.measure == "128f")
    files = [file(n, s, far + s) for n, far in (("R2", 50), ("LEncGAN", 80)) for s in range(3)]
    assert claim.verdict(files).verdict == "held"
    files[0]["ways"]["sample"]["scores"][1]["value"] = 500.0
    assert claim.verdict(files).verdict == "undecided"
    swapped = [
        f | {"contestant": {"R2": "LEncGAN", "LEncGAN": "R2"}[f["contestant"]]} for f in files[1:]
    ]
    assert claim.verdict(swapped + [file("R2", 0, 90.0), file("LEncGAN", 0, 60.0)]).verdict == (
        "did not hold"
    )
    assert claim.verdict(files[:3]) is None


def test_seams_are_judged_by_their_distance_from_1():
    claim = Claim("a", "b", ("R2", "sample"), ("AR2", "sample"), OFF)
    files = [file("R2", s, seam=1.1) for s in range(3)]
    files += [file("AR2", s, seam=0.4 + 0.01 * s) for s in range(3)]
    assert claim.verdict(files).verdict == "held"


def test_every_claim_names_contestants_ways_and_measures_that_there_are():
    for claim in CLAIMS + OURS:
        for name, way in (claim.better, claim.worse):
            assert name in results.CONTESTANTS and way in results.CONTESTANTS[name].ways
        assert claim.measure in results.MEASURES or claim.measure == OFF


def test_the_command_prints_both_tables_and_refuses_an_empty_folder(tmp_path, capsys):
    with pytest.raises(InputError, match="holds no results"):
        results.main(["--folder", str(tmp_path)])
    for s in range(3):
        for name, far in (("R2", 50), ("LEncGAN", 80)):
            (tmp_path / f"{name}{s}.json").write_text(json.dumps(file(name, s, far + s)))
    results.main(["--folder", str(tmp_path)])
    told = capsys.readouterr().out
    assert "**sky, mini**" in told and "| R2, sample | none | 3 |" in told
    assert "| R2 before LEncGAN | thesis, figure 4.12 | 128f | held | 30.0 ± 0.0 | 3 |" in told
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- results -->\nold\n<!-- /results -->\nafter\n")
    results.main(["--folder", str(tmp_path), "--into", str(readme)])
    assert readme.read_text() == f"before\n<!-- results -->\n{told}<!-- /results -->\nafter\n"
    with pytest.raises(InputError, match="no lines"):
        results.into("no marks", "tables")


def test_the_readme_shows_the_published_results():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert results.into(text, results.page(results.read())) == text
