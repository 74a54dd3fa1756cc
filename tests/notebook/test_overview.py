"""What is seen first of the results, and the main table."""

import json

import numpy as np
import pytest
from conftest import moving_videos
from samples import CARD, SIDE, file

from rencgan.data.videoset import VideoSet
from rencgan.notebook import overview
from rencgan.notebook.parameters import ResultsRun, check
from rencgan.studies import far, main_table, results
from rencgan.studies.columns import SECOND_METRIC
from rencgan.studies.entries import SECOND
from rencgan.studies.results import frame
from rencgan.studies.setting import checked

SETTING = {"preset": "hour", "source": "procedural"}


@pytest.fixture
def files() -> list[dict]:
    real = [file("real", n, 20.0, "other unseen videos") for n in (1, 2)]
    models = [file("R2", n, 80.0 + 20 * n) for n in (1, 2)] + [file("AR2", 1, 150.0, "mean")]
    return [f | {"preset": "hour"} for f in (*real, *models, file("AR2", 2, 99.0, "sample"))]


def test_the_chart_needs_a_system_in_its_way_and_real_video(files):
    assert overview.shows(frame(files))
    assert not overview.shows(frame(files[2:])) and not overview.shows(frame(files[:2]))
    assert not overview.shows(frame([*files[:2], files[-1]])), "AR2 is shown by its means"
    axes = overview.chart(frame(files)).axes[0]
    dots = [tuple(map(float, p)) for c in axes.collections for p in c.get_offsets()]
    assert sorted(x for x, _ in dots) == [100.0, 120.0, 150.0]
    (told,) = (text.get_text() for text in axes.texts)
    assert "dots" not in told and told.endswith("held (dotted)"), "dots are seeds"


def test_the_ten_rows_need_no_system_that_is_given_real_frames(files):
    rows = overview.rows(frame(files))
    assert [r["videos"] for r in rows] == ["other real video", "R2, sample", "AR2, mean"]
    assert rows[0]["128f, own"] == "20.0" and rows[1]["128f, own"] == "110.0 ± 14.1"
    assert "sharpness" not in rows[0], "no column without a number"
    r3 = file("R3, regression", 1, 60.0, "faster sample", prior="first clip") | {"preset": "hour"}
    r3["ways"]["faster sample"]["scores from frame 8"] = [
        s | {"value": 70.0} for s in r3["ways"]["faster sample"]["scores"]
    ]
    assert overview.rows(frame([*files, r3]))[-1]["128f, own"] == "70.0"


def test_the_main_table_has_a_row_a_system_and_no_empty_column(files):
    rows = main_table.rows(checked(SETTING), frame(files))
    told = [(r["videos"], r["seeds"]) for r in rows]
    assert told == [("other real video", 1), ("R2", 2), ("AR2, mean", 1)]
    assert rows[1]["128f"] == "110.0 ± 14.1" and "±" not in rows[1]["motion"]
    assert not any(k.startswith("second judge") for k in rows[0])
    assert rows[0]["M weights"] is None and rows[1]["M weights"] > 1
    assert main_table.heads(rows)["repetition"] == "repet."
    card = CARD | {"real": SIDE, "generated": SIDE}
    judged = [{"name": f"{SECOND_METRIC} 16f", "value": 300.0, "card": card}]
    for f in files[2:4]:
        assert "second judge 16f" not in rows[0]
        f["ways"]["sample"][SECOND] = judged  # a column of some of the seeds would mislead
        rows = main_table.rows(checked(SETTING), frame(files))
    assert rows[1]["second judge 16f"] == "300" and rows[2]["second judge 16f"] is None


def test_single_clips_are_told_as_such_and_encgan3_is_there_with_whole_videos(files):
    made = [file("EncGAN3, warm-ups", 1, 90.0, way) for way in ("noise", "sample")]
    made.append(file("G3AN", 1, 90.0, "noise"))
    rows = main_table.rows(checked(SETTING), frame([*files, *made]))
    assert [r["videos"] for r in rows[3:]] == ["EncGAN3, warm-ups", "G3AN, noise, single clips"]
    assert rows[4]["prior"] == "none"


def test_tables_are_those_of_presets_that_have_results(files, tmp_path):
    for i, f in enumerate([*files[:5], file("R2", 1, 70.0)]):
        (tmp_path / f"{i}.json").write_text(json.dumps(f))
    p = check({"results_root": str(tmp_path), "preset": "mini"}, ResultsRun)
    videos = VideoSet.from_arrays(moving_videos(1))
    videos.card.update(source="procedural")
    found = list(overview.tables(p, videos, ("hour", "mini", "hour", "64")))
    assert [(preset, dataset) for preset, dataset, _ in found] == [("hour", "sky"), ("mini", "sky")]
    assert [r["videos"] for r in overview.main(p, found[0][2])][1:] == ["R2", "AR2, mean"]
    assert results.count(found[1][2]) == 1
    own = found[1][2].assign(dataset="folder", source="real")
    assert len(overview.main(p, own)) == 1, "files of videos of one's own need no videos"


def test_long_videos_are_shown_where_they_were_made(tmp_path, monkeypatch, capsys):
    path = tmp_path / "far.json"
    monkeypatch.setattr(far, "FILE", path)
    assert not list(overview.ten_thousand())
    assert "far.json is missing; python -m rencgan publish --far" in capsys.readouterr().out
    video = np.zeros((600, 8, 8, 3), np.uint8)
    row = far.row("AR2, mean", [video], [video]) | {"size": 8}
    path.write_text(json.dumps({"frames": 600, "videos": 1, "rows": [row]}))
    assert not list(overview.ten_thousand()), "a strip is missing"
    far.keep_strip(video, far.strip_of(path, row))
    table, strip = overview.ten_thousand()
    assert "600 frames, 1 videos each" in table.html and "AR2, mean, 8x8" in strip.html
