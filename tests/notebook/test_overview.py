"""What is seen first of the results, and the main table."""

import json

import pytest
from conftest import moving_videos
from samples import CARD, SIDE, file

from rencgan.data.videoset import VideoSet
from rencgan.notebook import overview
from rencgan.notebook.parameters import ResultsRun, check
from rencgan.studies import main_table, results
from rencgan.studies.entries import SECOND
from rencgan.studies.results import SECOND_METRIC, frame
from rencgan.studies.setting import checked


@pytest.fixture
def files() -> list[dict]:
    real = [file("real", n, 20.0, "other unseen videos") for n in (1, 2)]
    models = [file("R2", n, 80.0 + 20 * n) for n in (1, 2)] + [file("AR2", 1, 150.0, "mean")]
    return [f | {"preset": "hour"} for f in (*real, *models, file("AR2", 1, 99.0, "sample"))]


def test_the_chart_needs_a_system_and_real_video(files):
    assert overview.shows(frame(files))
    assert not overview.shows(frame(files[2:])) and not overview.shows(frame(files[:2]))
    axes = overview.chart(frame(files)).axes[0]
    dots = [tuple(map(float, p)) for c in axes.collections for p in c.get_offsets()]
    assert sorted(x for x, _ in dots) == [100.0, 120.0, 150.0]


def test_the_main_table_has_a_row_a_system_and_no_empty_column(files):
    rows = main_table.rows(checked({"preset": "hour", "source": "procedural"}), frame(files))
    assert [(r["videos"], r["seeds"]) for r in rows] == [
        ("other real video", 2),
        ("R2", 2),
        ("AR2, mean", 1),
    ]
    assert rows[1]["128f"] == "110.0 ± 14.1" and "±" not in rows[1]["motion"]
    assert not any(k.startswith("second judge") for k in rows[0])
    assert rows[0]["M weights"] is None and rows[1]["M weights"] > 1
    card = CARD | {"real": SIDE, "generated": SIDE}
    judged = [{"name": f"{SECOND_METRIC} 16f", "value": 300.0, "card": card}]
    files[2]["ways"]["sample"][SECOND] = judged
    assert (
        main_table.rows(checked({"preset": "hour", "source": "procedural"}), frame(files))[1][
            "second judge 16f"
        ]
        == "300"
    )


def test_tables_are_those_of_presets_that_have_results(files, tmp_path):
    for i, f in enumerate([*files[:5], file("R2", 1, 70.0)]):
        (tmp_path / f"{i}.json").write_text(json.dumps(f))
    p = check({"results_root": str(tmp_path), "preset": "mini"}, ResultsRun)
    videos = VideoSet.from_arrays(moving_videos(1))
    videos.card.update(source="procedural")
    found = list(overview.tables(p, videos, ("hour", "mini", "hour", "slim")))
    assert [(preset, dataset) for preset, dataset, _ in found] == [("hour", "sky"), ("mini", "sky")]
    assert [r["videos"] for r in overview.main(p, found[0][2])][1:] == ["R2", "AR2, mean"]
    assert overview.seeds(found[0][2]) == "1, 2" and results.count(found[1][2]) == 1
