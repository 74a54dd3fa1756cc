"""Real video in a contestant's place, as a result file."""

import json
from types import SimpleNamespace

import pytest
from conftest import moving_videos
from samples import file

from rencgan.core.errors import InputError
from rencgan.data.videoset import VideoSet
from rencgan.evaluate.references import BLURRED, HELD, SHUFFLED
from rencgan.studies import catalogue, references, results
from rencgan.studies.entries import SECOND
from rencgan.studies.references import (
    CLIP_LABELS,
    CONSECUTIVE,
    HELD_OTHERS,
    OTHERS,
    run_real,
)
from rencgan.studies.setting import checked
from rencgan.studies.unseen import Task

TASK = Task(3, 2, 160)
P = SimpleNamespace(dataset="sky", source="procedural", preset="smoke", seed=0)


@pytest.fixture
def videos(tmp_path):
    made = VideoSet.from_arrays(moving_videos(6, frames=40, size=16))
    made.card["source"] = "procedural"
    object.__setattr__(made, "path", tmp_path / "sky-16")
    return made


def r2(sharpness: float) -> dict:
    found = file("R2", 0, preset="smoke", task=TASK.as_dict())
    way = found["ways"]["sample"]
    way["long"]["sharpness"], way["checkpoint"] = sharpness, "abc"
    return found


def test_all_references_are_scored_once_and_the_blurred_ones_wait_for_r2(videos, tmp_path):
    path = run_real(P, videos, TASK, tmp_path)
    found = json.loads(path.read_text())
    assert path.name == "sky-procedural-smoke-real-seed0.json" and found["contestant"] == "real"
    assert list(found["ways"]) == [OTHERS, HELD, HELD_OTHERS, SHUFFLED]
    for held in (found["ways"][way] for way in (HELD, HELD_OTHERS)):
        assert held["long"]["motion"] == held["long"]["jump"] == held["long"]["drift"] == 0
        assert held["long"]["against real"]["drift of colour"] == {"drift": 0, "motion": 0}
    own, other = (found["ways"][way]["scores"][0]["value"] for way in (HELD, HELD_OTHERS))
    assert own < other, "a frame of another video lies farther away than a video's own"
    for way in found["ways"].values():
        told = [s["name"].rpartition(" ")[2] for s in way["scores"][:-1]]  # then their ratio
        assert told == [f"{n}f" for n in (10, 16, 32, 64, 96, 100, 128)]
        assert way["scores"][0]["card"]["generated"]["videos"] == 3
        assert way["motion distance"][0]["value"] > 0
        assert [s["name"][-4:] for s in way[SECOND]] == [" 16f", " 32f", "128f"]
    before, stamp = found["ways"], path.stat().st_mtime_ns
    assert run_real(P, videos, TASK, tmp_path) == path and path.stat().st_mtime_ns == stamp
    goal = found["ways"][OTHERS]["long"]["sharpness"]
    for share in (0.5, 0.7):
        other = tmp_path / "sky-procedural-smoke-r2-seed0.json"
        other.write_text(json.dumps(r2(share * goal)))
        ways = json.loads(run_real(P, videos, TASK, tmp_path).read_text())["ways"]
        assert list(ways) == list(references.LABELS)
        soft = ways[BLURRED]
        assert soft["blurred"]["as sharp as"] == "R2, sample"
        assert soft["blurred"]["checkpoint"] == "abc"
        assert soft["long"]["sharpness"] == pytest.approx(share * goal, rel=0.02)
        assert {k: v for k, v in ways.items() if k != BLURRED} == before, "the others are kept"
    other.write_text(json.dumps(r2(1e-6)))
    ways = json.loads(run_real(P, videos, TASK, tmp_path).read_text())["ways"]
    assert "no blur brings this video" in ways[BLURRED]["blurred"]["none"]
    stamp = path.stat().st_mtime_ns
    assert run_real(P, videos, TASK, tmp_path).stat().st_mtime_ns == stamp, "not tried again"
    with pytest.raises(InputError, match="another recipe, data or task"):
        run_real(P, videos, Task(4, 2, 160), tmp_path)


def test_a_file_of_old_gets_what_it_lacks(videos, tmp_path):
    path = run_real(P, videos, TASK, tmp_path)
    whole = json.loads(path.read_text())
    old = {OTHERS: {k: v for k, v in whole["ways"][OTHERS].items() if k != "motion distance"}}
    del old[OTHERS]["long"]["against real"]
    old[HELD] = dict(whole["ways"][HELD], scores=whole["ways"][HELD]["scores"][1:])  # no 10 frames
    path.write_text(json.dumps(whole | {"ways": old}))
    again = json.loads(run_real(P, videos, TASK, tmp_path).read_text())

    def values(found):
        return {k: [s["value"] for s in w["scores"]] for k, w in found["ways"].items()}

    assert values(again) == values(whole)


def test_clips_are_compared_with_clips(videos, tmp_path):
    p = checked({"preset": "smoke", "source": "procedural"})
    path = run_real(p, videos, TASK, tmp_path, clips=True)
    ways = json.loads(path.read_text())["ways"]
    assert list(ways)[4:] == list(CLIP_LABELS)[:2], "where clips are consecutive, one of each"
    other, held = (ways[way] for way in list(CLIP_LABELS)[:2])
    assert [s["name"][-4:] for s in other["scores"]] == [" 16f"]
    count = other["scores"][0]["card"]["generated"]["videos"]
    assert (
        count
        == other["scores"][0]["card"]["real"]["videos"]
        == references.clips_for(SimpleNamespace(footage=range(3)))
    )
    assert held["clips"]["motion"] == 0 < other["clips"]["motion"]
    stamp = path.stat().st_mtime_ns
    assert run_real(p, videos, TASK, tmp_path, clips=True).stat().st_mtime_ns == stamp
    table = results.frame([json.loads(path.read_text()), file("R2", 0)])
    told = {of: [r["videos"] for r in results.rows(table) if r["clips"] == of] for of in (None, 1)}
    assert told[None] == [
        "other real video",
        "held",
        "other real video, held",
        "shuffled real clips",
        "R2, sample",
    ]
    assert told[1] == ["other real video, clips", "held, clips"]
    rows = catalogue.references(table, ["16f", "clip motion"], CLIP_LABELS)
    assert [r["variant"] for r in rows] == ["other real video, clips", "held, clips"]
    assert rows[1]["clip motion"] == "0.0000" and float(rows[0]["16f"]) > 0


def test_references_stand_at_the_top_of_tables():
    real = file("real", 0, 20.0, OTHERS)
    real["ways"] |= file("real", 0, 12.0, HELD)["ways"] | file("real", 0, 30.0, SHUFFLED)["ways"]
    table = results.frame([real, file("R2", 0)])
    told = [row["videos"] for row in results.rows(table)]
    assert told == ["other real video", "held", "shuffled real clips", "R2, sample"]
    rows = catalogue.references(table, ["128f", "10f"])
    assert [(r["variant"], r["128f"]) for r in rows][1] == ("held", "12.0") and len(rows) == 3
    assert catalogue.references(table, ["10f"]) == []


def test_clips_of_two_steps_stand_apart(videos, tmp_path, monkeypatch):
    monkeypatch.setattr(references, "LENGTHS", (16, 128))
    p = checked({"preset": "smoke", "source": "procedural", "dataset": "uva"})
    path = run_real(p, videos, TASK, tmp_path, clips=True)
    ways = json.loads(path.read_text())["ways"]
    steps = {way: ways[way]["clips"]["frame step"] for way in CLIP_LABELS}
    assert list(steps.values()) == [2.5, 2.5, 1.0, 1.0], "EncGAN3's of 2 and 3 frames, R2's of 1"
    paced, consecutive = (ways[f"other unseen clips{of}"]["scores"] for of in ("", CONSECUTIVE))
    one, other = (scores[0]["card"]["real"] for scores in (paced, consecutive))
    assert one["pixels crc32"] != other["pixels crc32"]

    def clips(name: str, scores: list, **told) -> dict:
        found = file(name, 0, 40.0, "encoded", dataset="uva", preset="smoke", task=TASK.as_dict())
        found["ways"]["encoded"] |= {"scores": scores} | told
        return found | {"kind": "encgan3" if name.startswith("EncGAN3") else "r2"}

    files = [clips("EncGAN3", paced, clips={"frame step": 2.5}), json.loads(path.read_text())]
    files.append(clips("R2, loss v4", consecutive, provenance={"preset": {"step_range": [1, 3]}}))
    of_old = {"preset": {"step_range": [2, 3]}}
    files.append(clips("EncGAN3, no G_C", paced, provenance=of_old))
    results._check(files)
    table = results.frame(files)
    parts = results.split(results.rows(table))
    told = [rows for caption, rows in parts.items() if caption.startswith(results.CLIPS)]
    beside = {"other real video, clips", "held, clips"}
    assert [{r["videos"] for r in rows} for rows in told] == [
        {"R2, loss v4, encoded", *(f"{of}, consecutive" for of in beside)},
        {"EncGAN3, encoded", "EncGAN3, no G_C, encoded", *beside},
    ]
    above = {row["variant"] for row in catalogue.rows(catalogue.study("T3.4"), table)[:2]}
    assert above == beside
    above = {row["variant"] for row in catalogue.rows(catalogue.study("T4.6"), table)}
    assert {f"{of}, consecutive" for of in beside} < above and not beside & above
    of_real = results.frame(files[1:2])
    assert not [k for k in results.split(results.rows(of_real)) if k.startswith(results.CLIPS)]
    old = json.loads(path.read_text())
    del old["ways"]["held clips"]["clips"]["frame step"]
    path.write_text(json.dumps(old))
    run_real(p, videos, TASK, tmp_path, clips=True)
    assert json.loads(path.read_text())["ways"]["held clips"]["clips"]["frame step"] == 2.5
