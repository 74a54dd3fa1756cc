"""What notebook 07 shows: whom it trains, its table from result files, published numbers."""

import json

import pandas as pd
import pytest
from conftest import ROOT, moving_videos
from samples import CARD, SIDE, file

from rencgan.core.errors import InputError
from rencgan.data.videoset import VideoSet
from rencgan.notebook import sections
from rencgan.notebook import steps_baselines as baselines
from rencgan.notebook.parameters import BaselinesRun, check
from rencgan.studies import main_table
from rencgan.studies.columns import SECOND_METRIC
from rencgan.studies.entries import SECOND
from rencgan.studies.setting import checked
from rencgan.studies.variants import contestant

TRAINING = {"seconds": 1200.0, "threads": 1}


@pytest.fixture
def videos() -> VideoSet:
    made = VideoSet.from_arrays(moving_videos(1))
    made.card.update(source="procedural", dataset="sky")
    return made


@pytest.fixture
def p(tmp_path):
    for name, far, took in (("R2", 40, 3000), ("StyleGAN-V", 90, 3600), ("iVGAN, 0-GP", 70, 1200)):
        of = file(
            name,
            1,
            float(far),
            preset="hour",
            training=TRAINING | {"seconds": float(took), "processor seconds": took / 1.2},
        )
        if name == "StyleGAN-V":
            way, card = of["ways"]["sample"], CARD | {"real": SIDE, "generated": SIDE}
            way[SECOND] = [
                s | {"name": f"{SECOND_METRIC} {n}f", "value": v, "card": card}
                for s, n, v in zip(way["scores"][:2], (16, 128), (300.0, 200.0), strict=True)
            ]
        if name.startswith("iVGAN"):
            del of["ways"]["sample"]["scores"][1:], of["ways"]["sample"]["long"]
        stem = {"R2": "r2", "StyleGAN-V": "stylegan-v"}.get(name, "ivgan-0-gp")
        (tmp_path / f"sky-procedural-hour-{stem}-seed1.json").write_text(json.dumps(of))
    return check({"preset": "hour", "results_root": str(tmp_path)}, BaselinesRun)


def test_presets_are_those_that_baselines_have(monkeypatch):
    assert check({}, BaselinesRun).preset in ("hour", "64")
    with pytest.raises(InputError, match="preset = 'mini' is no preset of the baselines: theirs"):
        check({"preset": "mini"}, BaselinesRun)
    with pytest.raises(InputError, match="should be one of auto, smoke, hour, 64"):
        check({"preset": "our"}, BaselinesRun)
    assert check({"weights": "published"}, BaselinesRun).preset == "hour"
    with pytest.raises(InputError, match="published weights of baselines are of the preset 'hour'"):
        check({"weights": "published", "preset": "smoke"}, BaselinesRun)


def test_a_run_trains_what_it_is_asked_for():
    def names(**given):
        return baselines.names(check({"preset": "smoke"} | given, BaselinesRun))

    assert names() == ["StyleGAN-V", "iVGAN, 0-GP", "MotionVideoGAN"]
    assert names(systems="ivgan") == ["iVGAN, 0-GP"]
    assert len(names(systems="ivgan", critics="all")) == 6
    both = names(systems="motionvideogan stylegan-v", critics="all")
    assert both == ["StyleGAN-V", "MotionVideoGAN"]
    for wrong in ("", "stylegan", "ivgan all"):
        with pytest.raises(InputError, match="should be all, or some of stylegan-v, ivgan, motion"):
            names(systems=wrong)


def test_the_table_has_references_first_and_says_who_is_missing(p, videos):
    table = baselines.files(p, videos)
    rows = {r["videos"]: r for r in baselines.rows(p, videos, table, None)}
    assert list(rows) == ["R2", "StyleGAN-V", "iVGAN, 0-GP"]
    ours = rows["StyleGAN-V"]
    assert ours["16f"] == "45.0" and ours["128f"] == "90.0"
    assert ours["second judge 128f"] == "200" and rows["R2"]["second judge 16f"] is None
    assert ours["prior"] == "none" and ours["training min"] == 50.0
    assert rows["iVGAN, 0-GP"]["128f"] is None, "it has no 128 frames"
    assert list(ours).index("jump") < list(ours).index("drift")
    missing = baselines.missing(p, table, None)
    assert "MotionVideoGAN" in missing and ": R2;" not in missing and "improved R2;" in missing
    named = missing.partition(": ")[2].partition(" (")[0].split("; ")
    assert named[-1] == "G3AN" and all(contestant(n).usual for n in named), "pairs make no video"


def test_the_published_page_has_the_rows_of_todays_result_files(videos):
    page = json.loads((ROOT / "reports" / "07_baselines.json").read_text())
    p = check({"weights": "published", "source": "procedural"}, BaselinesRun)
    shown = {row["videos"]: row for row in page["scores"]}
    for row in baselines.rows(p, videos, baselines.files(p, videos), None):
        assert row == shown[row["videos"]]


def test_budgets_say_how_far_the_times_differ(p, videos, tmp_path):
    told = baselines.budgets(p, videos)
    assert "StyleGAN-V 60.0 minutes of the clock and 50.0 minutes of the processor; iVGAN" in told
    assert "3.0 times as long as the shortest" in told
    pairs = {"seconds": 3000.0, "processor seconds": 2400.0, "pairs": 9}
    parts = {"seconds": 600.0, "processor seconds": None, "MotionStyleGAN": pairs, "steps": 3}
    path = tmp_path / "sky-procedural-hour-motionvideogan-seed1.json"
    path.write_text(json.dumps(file("MotionVideoGAN", 1, 80.0, preset="hour", training=parts)))
    told = baselines.budgets(p, videos)
    assert "MotionVideoGAN 60.0 minutes of the clock" in told, "with the pairs'"
    assert "processor" not in told, "which is not known of all"
    other = p.model_copy(update={"results_root": str(tmp_path / "none")})
    assert "No training" in baselines.budgets(other, videos)


def test_parameters_are_of_what_generates():
    asked = checked({"preset": "64"})
    counts = {n: main_table.parameters(contestant(n), asked) for n in baselines.SYSTEMS.values()}
    assert counts["StyleGAN-V"] == 6_288_911 and counts["iVGAN, 0-GP"] == 12_679_491
    assert counts["MotionVideoGAN"] > 5_965_863, "its pairs too"
    r2 = main_table.parameters(contestant("improved R2"), asked)
    assert main_table.parameters(contestant("R3, regression"), asked) > r2


def test_published_numbers_are_of_the_data_set_and_of_ivgans_own():
    rows = pd.DataFrame(baselines.printed_rows("sky"))
    (ours,) = rows[(rows.method == "StyleGAN-V") & (rows.source == "StyleGAN-V, Table 1")].to_dict(
        "records"
    )
    assert (ours["16 frames"], ours["128 frames"]) == ("79.52", "197.0")
    assert set(rows.data) == {"Sky", "golf", "beach"}
    assert set(pd.DataFrame(baselines.printed_rows("kth")).data) == {"golf", "beach"}


def test_cost_against_length_is_a_row_a_system(tmp_path, monkeypatch):
    def row(name, what, frames, unit, median, way="sample"):
        how = f"{frames} frames, 64x64, {way}"
        return {"what": f"{what}, {name}", "how": how, "unit": unit, "median": median}

    made, memory = "make one video", "highest memory"
    rows = [row("iVGAN", made, 32, "s", 0.04)]
    for frames, took in ((1000, 9.0), (128, 1.25)):
        rows.append(row("StyleGAN-V", made, frames, "s", took))
        rows.append(row("StyleGAN-V", memory, frames, "MB", 100.0))
    rows += [row("R3", made, 128, "s", 2.0, "faster sample"), {"what": made, "left_out": "slow"}]
    device = {"gpu": None, "cpu": "C", "threads": 2}
    content = {"rows": rows, "provenance": {"device": device}}
    monkeypatch.setattr(baselines, "benchmark", lambda names: sections.benchmark(tmp_path, names))
    with pytest.raises(InputError, match="benchmark --only length"):
        baselines.cost_rows()
    (tmp_path / "benchmark-length.json").write_text(json.dumps(content))
    table, machine = baselines.cost_rows()
    assert machine == "C, 2 threads"
    assert list(table[0]) == ["videos", "size", "32 frames", "128 frames", "1000 frames"]
    assert [r["videos"] for r in table] == ["iVGAN", "StyleGAN-V", "R3, faster sample"]
    assert table[1]["1000 frames"] == "9.0 s, 100 MB" and table[0]["128 frames"] is None
