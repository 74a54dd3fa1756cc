"""The benchmark's form, what it says it left out, and memory that does not grow. No timings."""

import contextlib
import io
import json

import numpy as np
import pytest

from rencgan.__main__ import main
from rencgan.core.errors import InputError
from rencgan.evaluate import cost
from rencgan.evaluate import extractors as features
from rencgan.presets.table import PRESETS
from rencgan.studies import benchmark, lengths, untrained
from rencgan.studies.rows import table
from rencgan.studies.variants import COMPARED

SMOKE = PRESETS["smoke"]


@pytest.fixture(scope="module")
def result():
    """What `benchmark --quick --presets smoke --json` prints."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(["benchmark", "--quick", "--presets", "smoke", "--json"]) == 0
    return json.loads(printed.getvalue())


def test_it_answers_every_question(result):
    asked = [(r["what"], r["preset"], r["how"].split(",")[0]) for r in result["rows"]]
    training = [a for a in asked if a[0] == "train R2"]
    assert ("read pairs", "any", "64x64") in asked
    assert ("prepare videos", "any", "2 films of 30 frames") in asked
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
    assert ("make one video, StyleGAN-V", "smoke", "64 frames") in asked


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
        assert row["unit"] in ("pairs/s", "samples/s", "clips/s", "frames/s", "s", "MB", "times")


def test_it_names_the_machine_and_the_code(result):
    record = result["provenance"]
    assert record["device"]["cpu"] and record["device"]["threads"] >= 1
    assert {"torch", "numpy"} <= set(record["versions"])
    assert {"commit", "changed"} <= set(record)
    assert record["versions"]["torch"] in benchmark.as_text(result).splitlines()[0]


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


def peaks(*megabytes):
    return [benchmark.row("peak memory, AR2", "smoke", "", "MB", [m]) for m in megabytes]


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
    rows = [*peaks(12.5), benchmark.left_out("train R2", "128", "as it is", "too slow")]
    lines = table(rows).splitlines()
    assert lines[1].endswith("12.5 MB") and lines[2].endswith("left out: too slow")


def test_a_process_that_fails_costs_its_row_only(monkeypatch, tmp_path):
    failing = tmp_path / "python"
    failing.write_text("#!/bin/sh\necho 'something' >&2\necho 'the reason' >&2\nexit 3\n")
    failing.chmod(0o755)
    monkeypatch.setattr(benchmark.sys, "executable", str(failing))
    empty = benchmark.left_out("train R2", "smoke", "as it is", "")
    assert benchmark.in_child(empty, "training", "smoke") == [empty | {"left_out": "the reason"}]
    failing.write_text("#!/bin/sh\nkill -9 $$\n")
    assert "more memory" in benchmark.in_child(empty, "training", "smoke")[0]["left_out"]


def test_only_the_memory_rows_hold_the_allocator_still(monkeypatch, tmp_path):
    tells = tmp_path / "python"
    tells.write_text('#!/bin/sh\necho "\\"$MALLOC_MMAP_THRESHOLD_\\""\n')
    tells.chmod(0o755)
    monkeypatch.setattr(benchmark.sys, "executable", str(tells))
    monkeypatch.delenv("MALLOC_MMAP_THRESHOLD_", raising=False)
    assert benchmark.in_child({}, "training", "smoke") == ""
    assert benchmark.in_child({}, "memory", "smoke", 200) == "131072"


def test_a_step_that_takes_too_long_is_left_out(monkeypatch):
    monkeypatch.setattr(untrained, "LIMIT_S", 0.0)
    (found,) = benchmark.training("smoke")
    assert "raw" not in found and found["left_out"].startswith("a step takes")


def test_too_little_memory_is_named(monkeypatch):
    def full(*_):
        raise RuntimeError(
            "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
        )

    monkeypatch.setattr(untrained, "step_times", full)
    assert benchmark.training("smoke")[0]["left_out"] == "it needs more memory than there is"


def test_few_frames_are_scaled_up_and_said_to_be(monkeypatch):
    monkeypatch.setattr(untrained, "LIMIT_S", 0.0)
    clock = iter(range(0, 100, 2))
    monkeypatch.setattr(untrained, "seconds", lambda work: float(next(clock)) or work() or 0.5)
    found = next(benchmark.generations([SMOKE], quick=False))
    assert found["note"].startswith("40 frames measured, scaled up")
    assert found["raw"] == [2.0 * 124 / 4]  # 1000 frames are 124 clips at hop 8, 40 are 4


def test_only_the_sections_that_are_named_are_measured(monkeypatch, capsys):
    def fake(name):
        return lambda presets, quick: [benchmark.row(name, presets[0].name, "", "s", [1])]

    monkeypatch.setattr(benchmark, "SECTIONS", {name: fake(name) for name in benchmark.SECTIONS})

    def found(*only):
        assert main(["benchmark", "--json", "--presets", "smoke", *only]) == 0
        return [r["what"] for r in json.loads(capsys.readouterr().out)["rows"]]

    assert found("--only", "scoring") == ["scoring"]
    assert found("--only", "memory", "reading") == ["reading", "memory"]
    assert found() == [*benchmark.SECTIONS]
    assert main(["benchmark", "--only", "painting"]) == 2
    told = capsys.readouterr().err
    assert "painting" in told and all(name in told for name in benchmark.SECTIONS)


def test_training_and_memory_rows_are_made_in_fresh_processes(monkeypatch):
    asked = []
    monkeypatch.setattr(benchmark, "in_child", lambda empty, *given: [asked.append(given) or empty])
    rows = [*benchmark.trainings([SMOKE], True), *benchmark.memories([SMOKE], True)]
    rows += benchmark.scoring([SMOKE], True)
    names = ["train R2", "peak memory, R2", "peak memory, AR2", "score clips"]
    assert list(dict.fromkeys(r["what"] for r in rows)) == names
    assert asked[0] == ("training", "smoke", "as it is") and asked[-1] == ("score", 32)
    memories = [("memory", "smoke", n, kind) for n in (200, 2000) for kind in ("r2", "ar2")]
    assert asked[-5:-1] == memories


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


def test_scoring_counts_the_clips_of_both_sides_over_the_whole_call(monkeypatch):
    real_seconds, extractor = benchmark.seconds, Means()
    monkeypatch.setattr(benchmark, "seconds", lambda work: real_seconds(work) * 0 + 2.0)
    rows = benchmark.score(3, extractor)
    assert rows[0]["what"] == "score clips" and rows[0]["raw"] == [6 / 2.0]
    assert rows[0]["how"] == "means, 3 + 3 clips of 16, 64x64"
    assert len(extractor.seen) == 6 and {c.shape for c in extractor.seen} == {(16, 64, 64, 3)}
    assert len({c.tobytes() for c in extractor.seen}) == 6  # no clip twice, on neither side
    peaks = [r for r in rows if r["what"] == "peak memory of scoring"]
    assert len(rows) == 1 + len(peaks) and benchmark.same_memory(rows) == []
    assert {r["note"] for r in peaks} == set(cost.meters())
    assert all(r["unit"] == "MB" and r["raw"][0] < 200_000 for r in peaks)
    json.dumps(rows)


def test_memory_that_scoring_takes_is_in_its_row():
    if "resident memory" not in cost.meters():
        pytest.skip("this system has no meter of resident memory that can be set back")

    class Heavy(Means):
        def __call__(self, clips):
            np.full(400_000_000, 1, np.uint8)
            return super().__call__(clips)

    def peak(extractor):
        rows = benchmark.score(2, extractor)
        return next(r["median"] for r in rows if r["note"] == "resident memory")

    light, heavy = peak(Means()), peak(Heavy())
    assert 390 < heavy - light < 500


def test_scoring_deletes_its_clips_and_says_what_it_lacks(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(benchmark.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(benchmark, "find", lambda *_, **__: Means())
    benchmark.child("score", 2)
    rows = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert rows[0]["unit"] == "clips/s" and not list(tmp_path.iterdir())

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(untrained, "write_sides", full)
    with pytest.raises(SystemExit, match="No space left"):
        benchmark.child("score", 2)

    def none(*_, **__):
        raise InputError("there is no compact here")

    monkeypatch.setattr(benchmark, "find", none)
    with pytest.raises(SystemExit, match="there is no compact here"):
        benchmark.child("score", 2)


def test_length_is_asked_of_every_system_that_makes_video():
    systems = [model for model, _ in lengths.SYSTEMS]
    assert systems == [
        *("r2", "improved-r2", "lencgan", "ar2", "r3", "r3"),
        *("ivgan", "stylegan-v", "motionvideogan"),
    ]
    for model, way in lengths.SYSTEMS:
        frames = [32] if model == "ivgan" else [40, 150]
        rows = list(lengths.told(model, way, "smoke", 40, 150))
        asked = [how.split()[0] for what, _, how, *_ in rows if what.startswith("make")]
        assert asked == [str(n) for n in frames], model
        assert all(row[1] == "smoke" and row[2].endswith(way) for row in rows)


def test_what_length_costs_is_told_beside_the_bytes_of_its_frames(monkeypatch):
    found = [{"frames": n, "seconds": n / 50, "peak MB": n / 10} for n in (100, 200)]

    def cost(make, asked):
        for n in asked:
            next(make(n))
        return [f | {"memory": "all"} for f in found]

    monkeypatch.setattr(lengths, "cost", cost)
    clock = iter([0, 1, 1, 3.5])
    monkeypatch.setattr(lengths.time, "process_time", lambda: next(clock))
    rows = list(lengths.told("stylegan-v", "sample", "smoke", 200, 100))
    seconds, memory = (
        (f"{what}, StyleGAN-V", "smoke", "200 frames, 32x32, sample", unit, [value], note)
        for what, unit, value, note in (
            ("make one video", "s", 4.0, "50 frames a second; 2.50 s of processor time"),
            ("highest memory", "MB", 20.0, "all; +10 MB over 100 frames; the frames are 1 MB"),
        )
    )
    assert rows[2:] == [seconds, memory]


def test_each_system_has_a_process_of_its_own_and_lengths_can_be_fewer(monkeypatch):
    asked = []
    monkeypatch.setattr(benchmark, "in_child", lambda _, *given: [asked.append(given)] * 0)
    benchmark.show(["hour"], False, ["length"], True, [128])
    assert len(asked) == len(lengths.SYSTEMS) and asked[1] == (
        *("told", "lengths", "improved-r2", "sample", "hour"),
        128,
    )
    benchmark.show([], False, ["length"], True)
    assert asked[-1][-4:] == ("hour", 128, 1000, 10_000)


def test_the_cache_that_is_read_is_memory_mapped(tmp_path):
    videos = untrained.write_cache(tmp_path, 2, 30, 16)
    assert isinstance(videos.frames, np.memmap) and len(videos) == 2
    assert not np.array_equal(videos.video(0), videos.video(1))


def test_an_unknown_preset_is_refused_in_a_sentence(capsys):
    assert main(["benchmark", "--presets", "huge"]) == 2
    assert "there is no preset 'huge'" in capsys.readouterr().err
    with pytest.raises(InputError, match="as it is"):
        benchmark.training("smoke", "backwards")


def test_a_preset_with_warm_ups_is_measured_behind_them(monkeypatch):
    seen = []
    real = untrained.Run.step

    def spy(run, step, x):
        seen.append(step)
        return real(run, step, x)

    monkeypatch.setattr(untrained.Run, "step", spy)
    assert len(benchmark.training("smoke", repeats=2)[0]["raw"]) == 2
    assert seen and min(seen) == SMOKE.warmup + SMOKE.motion_warmup > 0


def test_whole_trainings_are_told_from_a_few_steps_of_each_part(monkeypatch):
    few = ("R2", "improved R2, equal time", "AR2+, roll-outs", "R3, regression", "iVGAN, 0-GP")
    monkeypatch.setattr(benchmark, "COMPARED", {name: COMPARED[name] for name in few})
    rows = list(benchmark.whole_trainings([SMOKE], quick=False))
    names = [r["what"] for r in rows]
    assert names == ["train R2, whole", "train AR2+, roll-outs, whole"]
    for r in rows:
        assert r["unit"] == "s" and r["median"] > 0
        assert [part.split()[-1] for part in r["note"].split(", ")] == ["frames", "motion", "pairs"]
