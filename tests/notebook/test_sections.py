"""What notebooks 06 and 08 show."""

import json
import re

import numpy as np
import pytest
from bs4 import BeautifulSoup
from conftest import ROOT, moving_videos
from PIL import Image
from samples import file

from rencgan.core.errors import InputError
from rencgan.data.videoset import VideoSet
from rencgan.notebook import pictures as study_pictures
from rencgan.notebook import sections as study_results
from rencgan.notebook import show
from rencgan.notebook.parameters import AblationRun, ResultsRun, check
from rencgan.notebook.pictures import PICTURES
from rencgan.studies import catalogue as studies
from rencgan.studies import ledger, results
from rencgan.studies import runs as compare
from rencgan.studies.catalogue import STUDIES
from rencgan.studies.columns import METRIC
from rencgan.studies.results import frame
from rencgan.studies.variants import contestant


def test_a_section_has_tables_verdicts_frames_and_published_numbers(tmp_path):
    files = [file("R2", 1), file("improved R2", 1, 80.0)]
    made = [np.full((200, 8, 8, 3), n, np.uint8) for n in (50, 90)]
    path = tmp_path / "sky-procedural-mini-r2-seed1.json"
    compare.keep_strip(made, compare.strip_of(path, "sample"))
    sheet = np.asarray(Image.open(tmp_path / "pictures" / f"{path.stem}-sample.jpg"))
    assert sheet.shape == (16, 8 * compare.STRIP, 3) and {sheet[0, 0, 0], sheet[-1, 0, 0]} == {
        50,
        90,
    }
    p = check({"preset": "mini"}, AblationRun)
    pieces = list(study_results.section(studies.study("T5.6"), frame(files), tmp_path, None, p))
    told = "".join(piece.html for piece in pieces)
    for words in (
        "T5.6 · 3d or 1p2d",
        "Ours: sky, mini",
        "Not run on taichi",
        "101.1",
        "undecided",
    ):
        assert words in told, words
    assert told.count("<img") == 1 and "<details" not in told


def test_the_systems_of_a_main_table_are_shown_in_their_usual_way_of_the_first_seed(tmp_path):
    p = check({"preset": "mini", "results_root": str(tmp_path)}, ResultsRun)
    files = [file("R2", 2), file("R2", 3), file("AR2", 1, 90.0, "mean"), file("LEncGAN", 1)]
    for n, stem in ((30, "r2-seed3-sample"), (50, "r2-seed2-sample"), (90, "ar2-seed1-sample")):
        strip = tmp_path / "pictures" / f"sky-procedural-mini-{stem}.jpg"
        compare.keep_strip([np.full((200, 8, 8, 3), k, np.uint8) for k in (9, n)], strip)
    assert compare.first_strip(tmp_path, frame(files), "AR2", "mean") is None
    found = compare.first_strip(tmp_path, frame(files), "R2", "sample")
    assert found.name == "sky-procedural-mini-r2-seed2-sample.jpg"
    (piece,) = study_results.system_strips(p, frame(files))
    assert piece.html.count("<img") == 1
    frames = study_results._frames(found, "sample", contestant("R2"))
    assert frames.shape == (128, 8, 8, 3) and set(frames.ravel()) == {50}
    short = study_results._frames(found, "sample", contestant("iVGAN, 0-GP"))
    assert len(short) == 32, "its videos have no more"
    assert not list(study_results.system_strips(p, frame(files[2:])))


def test_a_study_of_trainings_shows_their_scores_their_best_and_their_last(tmp_path):
    moments = {"best moment": {"scores": [[100, 9.0], [200, 5.5], [300, 7.25]]}}
    made = {"seconds": 3.0} | moments
    files = [file("EncGAN3, scored", 1, 80.0, "encoded", dataset="uva", training=made)]
    files.append(file("EncGAN3, no encoder, scored", 1, 90.0, "noise", dataset="uva"))
    s = studies.study("F3.2")
    curves, table = study_results.curves(s, frame(files))
    assert "<img" in curves.html and "along the training" in curves.text
    cells = re.findall(r"<td [^>]*>([^<]*)<", table.html)
    assert cells == ["EncGAN3, scored", "1", "5.5", "200", "7.2", "300"]
    assert not list(study_results.curves(s, frame(files[1:])))


def test_a_study_that_was_not_run_says_how(tmp_path):
    p = check({"preset": "mini"}, AblationRun)
    pieces = study_results.section(studies.study("T4.3"), frame([]), tmp_path, None, p)
    told = "".join(piece.html for piece in pieces)
    assert (
        "Not run on taichi at mini: python -m rencgan study &#x27;T4.3&#x27; --preset mini" in told
    )
    assert "not run on its data yet" in told and "3379.64" in told
    shown, _, folded = told.partition("<details")
    assert '<h3 id="T4.3">T4.3 · ' in shown and "<table" not in shown, "of none of its tables"
    assert folded.count("<table") > 1


def test_a_study_that_the_preset_does_not_know_is_shown_at_one_that_does(tmp_path):
    p, s = check({"preset": "mini"}, AblationRun), studies.study("iVGAN T1")
    files = [file(n, 1, dataset="sky", preset="hour") for n in ("iVGAN, GP", "iVGAN, 0-GP")]
    files.append(file("R2", 1))
    told = "".join(i.html for i in study_results.section(s, frame(files), tmp_path, None, p))
    assert "Ours: sky, hour" in told and "Not run on" not in told
    assert "sky at hour" in told  # the verdicts too


def test_pictures_of_codes_are_of_the_size_of_the_weights():
    videos = VideoSet.from_arrays(moving_videos(2, frames=40, size=16), splits=["test"] * 2)
    for name in ("exchanged_codes", "summed_codes", "longer_motion_code"):
        for sheet, told in study_pictures.PICTURES[name](videos, 0):
            assert sheet.std() > 10 and "by networks that were trained on the stand-in sky" in told


def test_difference_maps_of_every_frame_can_be_seen(monkeypatch):
    monkeypatch.setattr(show, "contact_sheet", lambda rows, *_: rows)
    ((rows, _),) = PICTURES["difference_maps"](None, 0)
    for clip, maps in zip(rows[::2], rows[1::2], strict=True):
        assert len(clip) == len(maps) == 15, "the first frame has none"
        assert 100 < maps.mean() < 155 and all(m.std() > 5 for m in maps), "around grey"


def test_what_length_does():
    f = file("R2", 0, 100.0)
    f["ways"]["sample"]["long"][f"{METRIC} 16f, start"] = 150.0
    (row,) = results.over_length(frame([f, file("AR2", 0)]))
    assert row == {
        "videos": "R2, sample",
        "seeds": 1,
        "first 128 frames": "150.0",
        "last 128 frames": "300.0",
        "times": "2.00",
    }


def test_the_ledger_shows_decided_claims_first_and_folds_the_others_by_reason():
    found = json.loads((ROOT / "reports" / "08_results.json").read_text())["ledger"]
    first, *folded = study_results.ledger_tables(found)
    decided = [r["claim"] for r in found if r["verdict"] in ("held", "mixed", "did not hold")]
    told, *others = (BeautifulSoup(piece.html, "html.parser") for piece in (first, *folded))
    verdicts = [line.find_all("td")[2].text for line in told.select("tbody tr")]
    assert verdicts == sorted(verdicts, key=["held", "mixed", "did not hold"].index)
    assert len(verdicts) == len(decided) and not told.details
    assert {c.text for page in (told, *others) for c in page.select("tbody td:first-child")} == {
        r["claim"] for r in found
    }
    assert all(len(page.select("th")) <= 6 for page in (told, *others)), "a page is 900 px wide"
    titles = [page.summary.text for page in others]
    not_run = sum(r["why"] == ledger.NOT_RUN for r in found)
    assert f"Undecided, {ledger.NOT_RUN} ({not_run})" in titles
    assert len(titles) == len(set(titles))


def test_sizes_stand_beside_the_published_ones():
    table = study_results.size_rows()
    (gpt,) = [r for r in table if (r["preset"], r["network"]) == ("128", "GPT")]
    assert gpt["parameters"] == 1_362_467_328 and gpt["GB"] == pytest.approx(5.08, abs=0.01)
    (g,) = [r for r in table if (r["preset"], r["network"]) == ("128", "G")]
    assert g["published"] == 90_370_000


def test_full_scale_hours_come_from_measured_pairs(tmp_path):
    assert study_results.benchmark(tmp_path) == {"rows": []}
    table = study_results.full_scale_rows({"rows": []})
    assert all(row["hours of one"] is None for row in table)
    known = (s for s in STUDIES.values() if s.variants and s.known_at(s.full_scale.preset))
    assert {row["study"] for row in table} == {s.name for s in known}  # baselines have no `128`
    sides = {row["study"]: row["command"].rpartition("-p dataset ")[2] for row in table}
    assert sides["T4.3"] == "taichi -p preset 64" and sides["T3.4"] == "uva -p preset 64"
    fast = {
        "what": "train R2",
        "preset": "64",
        "how": "as it is",
        "median": 100.0,
        "unit": "pairs/s",
    }
    fast["peak MB on the GPU"] = 9500.0
    slow = fast | {"preset": "128", "left_out": "a step takes 90 s"}
    for name, row, cpu in (("", fast, "A"), ("-128", slow, "B")):
        record = {"device": {"cpu": cpu, "threads": 2, "gpu": None}}
        text = json.dumps({"rows": [row], "provenance": record})
        (tmp_path / f"benchmark{name}.json").write_text(text)
    found = study_results.benchmark(tmp_path)
    assert [r["machine"] for r in found["rows"]] == ["B, 2 threads", "A, 2 threads"]
    found["rows"].reverse()
    rows = study_results.full_scale_rows(found)
    hours = {r["hours of one"] for r in rows if "preset 128" not in r["command"]}
    assert hours == {100_000 * 10 / 100 / 3600}
    assert {r["hours of one"] for r in rows if "preset 128" in r["command"]} == {None}
    assert {r["GB on the GPU"] for r in rows} == {9.5, None}
    assert {r["measured on"] for r in rows} == {"A, 2 threads", None}
    told = study_results.measured_rows(found)
    assert told[0]["median"] == 100.0 and told[1]["unit"] == "left out: a step takes 90 s"


def test_training_clips_are_shown_sampled_in_two_ways():
    videos = VideoSet.from_arrays(moving_videos(2, frames=80, size=16))
    ((image, caption),) = PICTURES["sampling_strategies"](videos, 0)
    assert image.dtype == np.uint8 and "Figure 3.12" in caption
    assert show.picture(image, caption).html.startswith("<figure")


@pytest.mark.parametrize("seeds", ["", "one", "1,2", -1])
def test_seeds_are_whole_numbers(seeds):
    with pytest.raises(InputError, match="should be (whole numbers|a text)"):
        check({"seeds": seeds}, AblationRun)
    assert check({"seeds": 3}, AblationRun).seed_list == [3]
    assert check({"seeds": "1 2"}, AblationRun).seed_list == [1, 2]
    with pytest.raises(InputError, match="no study 'T43' .did you mean 'T4.3'"):
        studies.study("T43")
