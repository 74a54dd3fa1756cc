"""The benchmark's form, what it says it left out, and memory that does not grow. No timings."""

import contextlib
import io
import json

import numpy as np
import pytest
import torch

from rencgan.core.errors import InputError
from rencgan.evaluate import cost
from rencgan.evaluate import extractors as features
from rencgan.presets.preset import PRESETS
from rencgan.studies import benchmark

SMOKE = PRESETS["smoke"]


@pytest.fixture(scope="module")
def result():
    """What `--quick --presets smoke --json` prints."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert benchmark.main(["--quick", "--presets", "smoke", "--json"]) == 0
    return json.loads(printed.getvalue())


def test_it_answers_the_six_questions(result):
    asked = [(r["what"], r["preset"], r["how"].split(",")[0]) for r in result["rows"]]
    training = [a for a in asked if a[0] == "train R2"]
    assert ("read pairs", "any", "64x64") in asked
    assert training[0] == ("train R2", "smoke", "as it is")
    for name in ("R2", "AR2"):
        assert (f"generate 1000 frames, {name}", "smoke", "plain") in asked
        assert (f"generate 1000 frames, {name}", "smoke", "VDrej") in asked
        lengths = [a[2] for a in asked if a[0] == f"peak memory, {name}"]
        assert lengths == ["200 frames", "2000 frames"]
    r3 = [r["how"] for r in result["rows"] if r["what"] == "generate 1000 frames, R3"]
    ways = [f"{m}, {w}" for m in ("robust", "faster") for w in ("plain", "VDrej, 20 candidates")]
    assert r3 == ["the GPT alone", *ways]
    assert ("score clips", "any", "compact") in asked


def test_every_row_holds_its_repeats_and_their_spread(result):
    for row in result["rows"]:
        if row["how"] in benchmark.HOWS[1:] and "left_out" in row:
            continue  # a variant that this GPU cannot run says so
        if row["what"] == "score clips" and "compact" not in features.EXTRACTORS:
            assert "no feature extractor 'compact'" in row["left_out"]
            continue
        assert len(row["raw"]) >= 1 and min(row["raw"]) > 0, row
        assert row["median"] == pytest.approx(np.median(row["raw"]))
        assert (row["low"], row["high"]) == (min(row["raw"]), max(row["raw"]))
        assert row["unit"] in ("pairs/s", "clips/s", "s", "MB")


def test_it_names_the_machine_and_the_code(result):
    record = result["provenance"]
    assert record["device"]["cpu"] and record["device"]["threads"] >= 1
    assert {"torch", "numpy"} <= set(record["versions"])
    assert {"commit", "changed"} <= set(record)
    assert record["versions"]["torch"] in benchmark._machine(record)


@pytest.mark.parametrize("name", ["R2", "AR2"])
def test_peak_memory_is_the_same_for_ten_times_the_frames(result, name):
    what = f"peak memory, {name}"
    short, long = (r["median"] for r in result["rows"] if r["what"] == what)
    assert abs(long - short) <= max(2, 0.05 * max(long, short))
    assert what in [told["what"] for told in result["memory"]]


def test_rejection_is_told_in_times_of_plain_sampling(result):
    told = {
        (c["what"].removeprefix("generate 1000 frames, "), c["how"].partition("VDrej")[0]): c[
            "times"
        ]
        for c in result["rejection"]
    }
    for (what, method), times in told.items():
        rows = [r for r in result["rows"] if r["what"] == f"generate 1000 frames, {what}"]
        medians = {r["how"]: r["median"] for r in rows}
        right = medians[f"{method}VDrej, 20 candidates"] / medians[f"{method}plain"]
        assert times == pytest.approx(right)
    assert set(told) == {("R2", ""), ("AR2", ""), ("R3", "robust, "), ("R3", "faster, ")}


def test_the_meter_sees_memory_that_is_used():
    with benchmark.peak_memory() as peak:
        held = torch.ones(40_000_000, dtype=torch.uint8, device=benchmark.device())
        del held
    if peak["by"].startswith("growth"):
        pytest.skip("this system tells only the highest memory so far, which may have been higher")
    assert 39e6 < peak["bytes"] < 60e6


def peaks(*megabytes):
    return [benchmark.row("peak memory, AR2", SMOKE, "", "MB", [m]) for m in megabytes]


@pytest.mark.parametrize(
    ("found", "equal"),
    [
        ((100, 101.5), True),
        ((100, 103), False),  # 3 %, but more than 2 MB
        ((10, 11), False),  # 1 MB, but more than 5 %
    ],
)
def test_equal_memory_means_within_5_percent_and_2_mb(found, equal):
    [told] = benchmark.same_memory(peaks(*found))
    assert told["equal"] is equal and told["what"] == "peak memory, AR2"


def test_one_length_says_nothing_about_growth():
    assert benchmark.same_memory(peaks(100)) == []


def test_the_table_gives_the_reason_for_a_row_without_numbers():
    rows = [*peaks(12.5), benchmark.left_out("train R2", PRESETS["128"], "as it is", "too slow")]
    lines = benchmark.table(rows).splitlines()
    assert lines[1].endswith("12.5 MB") and lines[2].endswith("left out: too slow")


def test_a_process_that_fails_costs_its_row_only(monkeypatch, tmp_path):
    failing = tmp_path / "python"
    failing.write_text("#!/bin/sh\necho 'something' >&2\necho 'the reason' >&2\nexit 3\n")
    failing.chmod(0o755)
    monkeypatch.setattr(benchmark.sys, "executable", str(failing))
    empty = benchmark.left_out("train R2", SMOKE, "as it is", "")
    assert benchmark._in_child(empty, "--train", "as it is") == [empty | {"left_out": "the reason"}]
    failing.write_text("#!/bin/sh\nkill -9 $$\n")
    assert "more memory" in benchmark._in_child(empty, "--train", "as it is")[0]["left_out"]


def test_only_the_memory_rows_hold_the_allocator_still(monkeypatch, tmp_path):
    tells = tmp_path / "python"
    tells.write_text('#!/bin/sh\necho "\\"$MALLOC_MMAP_THRESHOLD_\\""\n')
    tells.chmod(0o755)
    monkeypatch.setattr(benchmark.sys, "executable", str(tells))
    monkeypatch.delenv("MALLOC_MMAP_THRESHOLD_", raising=False)
    assert benchmark._in_child({}, "--train", "as it is") == ""
    assert benchmark._in_child({}, "--memory-of", "200") == "131072"


def test_a_step_that_takes_too_long_is_left_out(monkeypatch):
    monkeypatch.setattr(benchmark, "LIMIT_S", 0.0)
    found = benchmark.training(SMOKE)
    assert "raw" not in found and found["left_out"].startswith("a step takes")


def test_too_little_memory_is_named(monkeypatch):
    def full(*_):
        raise RuntimeError(
            "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
        )

    monkeypatch.setattr(benchmark, "_step_times", full)
    assert benchmark.training(SMOKE)["left_out"] == "it needs more memory than there is"


def test_few_frames_are_scaled_up_and_said_to_be(monkeypatch):
    monkeypatch.setattr(benchmark, "LIMIT_S", 0.0)
    clock = iter(range(0, 100, 2))
    monkeypatch.setattr(benchmark, "seconds", lambda work: float(next(clock)) or work() or 0.5)
    found = benchmark.generation(SMOKE, "r2", 1, quick=False)
    assert found["note"].startswith("40 frames measured, scaled up")
    assert found["raw"] == [2.0 * 124 / 4]  # 1000 frames are 124 clips at hop 8, 40 are 4


def test_only_the_sections_that_are_named_are_measured(monkeypatch, capsys):
    made = {
        "reading": lambda *_: benchmark.row("reading", "any", "", "s", [1]),
        "generation": lambda *_: benchmark.row("generation", SMOKE, "", "s", [1]),
        "whole_trainings": lambda *_: [benchmark.row("trainings", SMOKE, "", "s", [1])],
        "r3_generation": lambda *_: [benchmark.row("R3", SMOKE, "", "s", [1])],
        "scoring": lambda *_: [benchmark.row("scoring", "any", "", "s", [1])],
        "_in_child": lambda empty, *_: [empty],
    }
    for name, fake in made.items():
        monkeypatch.setattr(benchmark, name, fake)

    def found(*only):
        assert benchmark.main(["--json", "--presets", "smoke", *only]) == 0
        return {r["what"] for r in json.loads(capsys.readouterr().out)["rows"]}

    assert found("--only", "scoring") == {"scoring"}
    memory = {"peak memory, R2", "peak memory, AR2"}
    assert found("--only", "memory", "reading") == memory | {"reading"}
    assert found("--only", "training", "generation") == {"train R2", "generation"}
    assert found("--only", "r3") == {"R3"}
    assert found("--only", "contestants") == {"trainings"}
    every = {"reading", "train R2", "trainings", "generation", "R3", "scoring"}
    assert found() == every | memory
    with pytest.raises(SystemExit):
        benchmark.main(["--only", "painting"])
    assert "painting" in capsys.readouterr().err


class Means:
    """An extractor of three sums; remembers the clips that it saw."""

    metric, dims, min_frames = "distance of means", 3, 2

    def __init__(self):
        self.seen = []

    def __call__(self, clips):
        self.seen += [np.array(c) for c in clips]
        return clips.astype(np.float64).mean((1, 2, 3))

    def card(self):
        return {"extractor": "means"}


def test_scoring_counts_the_clips_of_both_sides_over_the_whole_call(monkeypatch, tmp_path):
    benchmark.write_sides(tmp_path, 3)
    real_seconds, extractor = benchmark.seconds, Means()
    monkeypatch.setattr(benchmark, "seconds", lambda work: real_seconds(work) * 0 + 2.0)
    rows = benchmark.score(tmp_path, extractor)
    assert rows[0]["what"] == "score clips" and rows[0]["raw"] == [6 / 2.0]
    assert rows[0]["how"] == "means, 3 + 3 clips of 16, 64x64"
    assert len(extractor.seen) == 6 and {c.shape for c in extractor.seen} == {(16, 64, 64, 3)}
    assert len({c.tobytes() for c in extractor.seen}) == 6  # no clip twice, on neither side
    peaks = [r for r in rows if r["what"] == "peak memory of scoring"]
    assert len(rows) == 1 + len(peaks) and benchmark.same_memory(rows) == []
    assert {r["note"] for r in peaks} == set(cost.meters() or [benchmark.HIGHEST])
    resident = next(r for r in peaks if r["note"] != "GPU memory")
    assert resident["unit"] == "MB" and 50 < resident["raw"][0] < 200_000
    json.dumps(rows)


def test_memory_that_scoring_takes_is_in_its_row(tmp_path):
    if "resident memory" not in cost.meters():
        pytest.skip("this system has no meter of resident memory that can be set back")

    class Heavy(Means):
        def __call__(self, clips):
            np.full(400_000_000, 1, np.uint8)
            return super().__call__(clips)

    benchmark.write_sides(tmp_path, 2)

    def peak(extractor):
        rows = benchmark.score(tmp_path, extractor)
        return next(r["median"] for r in rows if r["note"] == "resident memory")

    light, heavy = peak(Means()), peak(Heavy())
    assert 390 < heavy - light < 500


def test_scoring_hands_its_clips_to_a_fresh_process_and_deletes_them(monkeypatch):
    given = []

    def child(empty, option, folder):
        sides = [sorted(benchmark.Path(folder, s).glob("*.npy")) for s in ("real", "generated")]
        given.append((option, folder, [len(s) for s in sides], np.load(sides[1][0])))
        return ["rows"]

    monkeypatch.setattr(benchmark, "find", lambda *_, **__: Means())
    monkeypatch.setattr(benchmark, "_in_child", child)
    assert benchmark.scoring(quick=True) == ["rows"]
    option, folder, counts, clip = given[0]
    assert option == "--score" and counts == [32, 32]
    assert clip.shape == (16, 64, 64, 3) and clip.dtype == np.uint8
    assert not benchmark.Path(folder).exists()


def test_scoring_without_its_extractor_or_disk_is_left_out_and_says_why(monkeypatch):
    def none(*_, **__):
        raise InputError("there is no compact here")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(benchmark, "write_sides", full)
    monkeypatch.setattr(benchmark, "find", lambda *_, **__: Means())
    (row,) = benchmark.scoring(quick=False)
    assert row["how"] == "compact, 2048 + 2048 clips" and "No space left" in row["left_out"]
    monkeypatch.setattr(benchmark, "find", none)
    (row,) = benchmark.scoring(quick=False)
    assert row["left_out"] == "there is no compact here" and "median" not in row


def test_the_process_that_scores_prints_its_rows_or_a_sentence(monkeypatch, tmp_path, capsys):
    assert benchmark.main(["--score", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    benchmark.write_sides(tmp_path, 2)
    monkeypatch.setattr(benchmark, "find", lambda *_, **__: Means())
    assert benchmark.main(["--score", str(tmp_path)]) == 0
    rows = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert rows[0]["unit"] == "clips/s" and rows[1]["unit"] == "MB"


def test_the_cache_that_is_read_is_memory_mapped(tmp_path):
    videos = benchmark.write_cache(tmp_path, 2, 30, 16)
    assert isinstance(videos.frames, np.memmap) and len(videos) == 2
    assert not np.array_equal(videos.video(0), videos.video(1))


def test_an_unknown_preset_is_refused_in_a_sentence(capsys):
    assert benchmark.main(["--presets", "huge"]) == 2
    assert "there is no preset 'huge'" in capsys.readouterr().err
    with pytest.raises(InputError, match="as it is"):
        benchmark.training(SMOKE, "backwards")


def test_a_preset_with_warm_ups_is_measured_behind_them(monkeypatch):
    seen = []
    real = benchmark.iteration

    def spy(players, *rest):
        seen.append((players.warmed_up, players.finding_motion))
        return real(players, *rest)

    monkeypatch.setattr(benchmark, "iteration", spy)
    assert len(benchmark.training(SMOKE, steps=2)["raw"]) == 2
    assert set(seen) == {(True, False)}


def test_whole_trainings_are_told_from_a_few_steps_of_each_part():
    rows = list(benchmark.whole_trainings(PRESETS["smoke"]))
    names = [r["what"] for r in rows]
    assert names[0] == "train R2, whole" and "train AR2+, roll-outs, whole" in names
    assert not any("equal" in n or "R3" in n for n in names)
    for r in rows:
        assert r["unit"] == "s" and r["median"] > 0
        assert [part.split()[-1] for part in r["note"].split(", ")] == ["frames", "motion", "pairs"]
