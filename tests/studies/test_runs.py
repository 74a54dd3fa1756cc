"""The comparison at smoke size: one contestant of each kind, whole."""

import json
import shutil
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import moving_videos
from samples import Sums

from rencgan.__main__ import do
from rencgan.core import checkpoint
from rencgan.core.errors import InputError
from rencgan.core.files import key_of, write_json
from rencgan.data.procedural import catalogue
from rencgan.data.videoset import VideoSet
from rencgan.evaluate.references import HELD, SHUFFLED
from rencgan.models.trained import load_model
from rencgan.notebook import steps as study
from rencgan.notebook.parameters import AR2Run
from rencgan.presets.baselines import BASELINES
from rencgan.presets.table import GPT_PRESETS, PRESETS, PUBLISHED
from rencgan.studies import generated, results, scored, trainees, weights
from rencgan.studies import runs as compare
from rencgan.studies.columns import SECOND_METRIC
from rencgan.studies.entries import SECOND
from rencgan.studies.references import HELD_OTHERS, LENGTHS, OTHERS
from rencgan.studies.results import frame
from rencgan.studies.runs import Task, slug
from rencgan.studies.setting import checked
from rencgan.studies.trainees import Spent, trainee
from rencgan.studies.unseen import REACH, UNSEEN, Unseen, task_of, unseen
from rencgan.studies.variants import COMPARED, CONTESTANTS, contestant
from rencgan.training.loop import train

SMALL = Task(3, 2, 160)


def run_of(tmp_path, **given):
    given = {"dataset": "sky", "source": "procedural", "preset": "smoke"} | given
    return AR2Run(**given, out_root=str(tmp_path))


def test_every_contestant_has_a_recipe_where_its_row_and_its_budget_are_known(tmp_path):
    for name in PRESETS:
        p = run_of(tmp_path, preset=name)
        for c in CONTESTANTS.values():
            if c.kind in BASELINES:
                assert c.known_at(name) == (name in BASELINES[c.kind])
                if c.known_at(name):
                    assert c.preset(p).name == name
                    continue
                with pytest.raises(InputError, match=f"no preset of {c.kind} '{name}'; choose"):
                    c.preset(p)
                continue
            assert c.known_at(name) == ("equal" not in c.name or name == "mini")
            if c.kind == "r3":
                assert c.preset(p).blocks == GPT_PRESETS[name].blocks
                assert CONTESTANTS[c.base].kind == "r2" and set(c.usual) <= set(c.ways)
                continue
            if "equal" in c.name and name != "mini":
                with pytest.raises(InputError, match=f"known at mini, not at {name}"):
                    c.preset(p)
                continue
            if c.kind == "encgan3":
                found = c.preset(p)
                warm = c.name.endswith(("schedule", "warm-ups")) and name not in PUBLISHED
                assert bool(found.warmup) == warm
                assert found.encoder == ("no encoder" not in c.name)
                continue
            streams = "3d" if c.kind == "ar2" or "improved" in c.name else "1p2d"
            assert c.preset(p).video_stream == streams
    with pytest.raises(InputError, match="no contestant 'R9'"):
        contestant("R9")


def test_equal_pairs_are_equal(tmp_path):
    p = run_of(tmp_path, preset="mini")
    made = {n: c.preset(p) for n, c in CONTESTANTS.items() if c.known_at("mini")}
    assert made["R3, flow"].departures(made["R3, regression"]).keys() == {"head"}

    def seen(name, clips):
        p = made[name]
        warm = (p.warmup * p.warmup_batch, p.motion_warmup * p.motion_batch)
        return *warm, (p.steps - p.warmup - p.motion_warmup) * p.batch * clips

    whole = seen("R2", 2)
    assert whole == seen("improved R2", 2) == seen("AR2, equal pairs", 2)
    assert whole == seen("LEncGAN, equal pairs", 1)
    for name, clips in (("improved R2, equal time", 2), ("AR2", 2), ("LEncGAN", 1)):
        shares = [a / b for a, b in zip(seen(name, clips), whole, strict=True)]
        assert max(shares) < 1 and max(shares) - min(shares) < 0.01, "one share of every part"
    assert made["improved R2"].departures(made["R2"]).keys() == {"video_stream"}
    assert made["AR2+, noise"].departures(made["AR2"]).keys() == {"recall_noise"}


def test_the_control_gets_a_forget_bias_at_small_size_alone(tmp_path):
    found = {}
    for name in PRESETS:
        found[name] = contestant("LEncGAN").system(run_of(tmp_path, preset=name)).forget_bias
    small = dict.fromkeys(("mini", "minutes", "hour"), 3.0)
    assert found == dict.fromkeys(PRESETS, 0.0) | small
    none = contestant("LEncGAN, fc").system(run_of(tmp_path, preset="mini"))
    assert none.forget_bias == 0.0


def test_names_of_files():
    assert slug("AR2+, roll-outs") == "ar2plus-roll-outs"
    assert len({slug(n) for n in CONTESTANTS}) == len(CONTESTANTS)


def test_unseen_videos_are_none_of_those_that_are_trained_on(tmp_path):
    p = run_of(tmp_path)
    videos = study.data(p)
    real = compare.unseen(p, videos, SMALL)
    assert [len(v) for v in real.footage] == [len(v) for v in real.others] == [176, 176, 144]
    assert [len(v) for v in real.real(128)] == [128] * 3
    assert [len(v) for v in real.real(160, others=True)] == [160] * 2
    n = len(videos)
    for found, index in ((real.footage[0], n), (real.others[2], n + 5)):
        expected = catalogue("sky", 0, index + 1)[-1].frames(16)
        frames = min(len(expected), len(found))
        assert np.array_equal(found[:frames], expected[:frames])
    for i in range(n):
        assert not np.array_equal(videos.video(i)[:16], real.footage[0][:16])


def test_unseen_clips_have_every_step_of_a_range():
    counting = np.tile(np.arange(200, dtype=np.uint8)[:, None, None, None], (1, 2, 2, 3))
    real = Unseen([counting, counting], [], [], 0, 0, "")
    plain, mixed = (real.clips(6, steps) for steps in ((1, 1), (2, 3)))
    starts = np.linspace(0, 112, 3).astype(int).repeat(2).tolist()
    assert [int(c[0, 0, 0, 0]) for c in plain] == starts
    steps = [set(np.diff(c[:, 0, 0, 0].astype(int))) for c in mixed]
    assert steps == [{2}, {3}, {3}, {2}, {2}, {3}] and max(c.max() for c in mixed) < 128


def test_all_presets_are_scored_on_the_same_videos_of_a_seed_that_none_may_have(tmp_path):
    common = replace(SMALL, seed=UNSEEN)
    p = run_of(tmp_path)
    videos = study.data(p)
    real = compare.unseen(p, videos, common)
    other = compare.unseen(run_of(tmp_path, seed=3, preset="64"), videos, common)
    assert all(map(np.array_equal, real.footage + real.others, other.footage + other.others))
    found = catalogue("sky", UNSEEN, 6)
    for video, made in zip(found, real.footage + real.others, strict=True):
        assert np.array_equal(made[:60], video.frames(16)[:60])
    assert real.subjects == [] and real.source == f"unseen stand-ins 0 to 2 of seed {UNSEEN}"
    assert not np.array_equal(real.footage[0], compare.unseen(p, videos, SMALL).footage[0])


def test_of_stand_ins_that_end_those_long_enough_are_unseen(tmp_path):
    p = run_of(tmp_path, dataset="uva")
    videos = study.data(p)
    real = compare.unseen(p, videos, SMALL)
    long = [v for v in catalogue("uva", 0)[len(videos) :] if v.n_frames >= 144][:6]
    frames = min(v.n_frames for v in long) - REACH
    assert 128 <= real.frames == frames < 160 and real.long == len(real.footage) == 3
    for video, made in zip(long, real.footage + real.others, strict=True):
        assert np.array_equal(made, video.frames(16)[: frames + REACH])
    assert real.subjects == [v.subject for v in long[:3]]
    whole = compare.unseen(p, videos, Task())
    assert 16 <= len(whole.footage) == len(whole.others) < 64, "all that there are"


def test_clips_of_faces_are_trained_and_scored(tmp_path):
    p = run_of(tmp_path, dataset="uva")
    videos, c = study.data(p), contestant("EncGAN3")
    path = compare.run(c, p, videos, c.usual, SMALL, tmp_path / "out", tmp_path)
    found = json.loads(path.read_text())
    assert list(found["ways"]) == ["noise", "encoded"]
    assert found["compared with"].startswith("3 videos of 128 frames, 3 of them of 1")
    real = json.loads(compare.run_real(p, videos, SMALL, tmp_path / "out").read_text())
    assert set(real["ways"]) == {OTHERS, HELD, HELD_OTHERS, SHUFFLED}
    assert all(len(way["scores"]) == len(LENGTHS) + 1 for way in real["ways"].values())


def test_the_task_says_which_footage_a_presets_results_are_of():
    assert task_of("mini").as_dict() == {"short": 64, "long": 16, "frames": 1000}
    shared = {"short": 64, "long": 16, "frames": 1000, "seed": UNSEEN}
    others = [name for name in PRESETS if name not in ("smoke", "mini")]
    assert all(task_of(name).as_dict() == shared for name in others)
    assert "seed" not in task_of("64", "real").as_dict(), "of real data it is the test split"
    for path in results.RESULTS.glob("*.json"):
        found = json.loads(path.read_text())
        assert found["task"] == task_of(found["preset"], found["source"]).as_dict()


def test_real_data_is_compared_with_its_test_split_to_the_length_of_all(tmp_path):
    arrays = [moving_videos(1, frames=n, seed=n)[0] for n in (150, 160, 180, 300)]
    videos = VideoSet.from_arrays(arrays, splits=["train", "train", "test", "test"])
    videos.card["source"] = "real"
    real = compare.unseen(run_of(tmp_path), videos, SMALL)
    assert [len(v) for v in real.footage] == [176, 176] and not real.others
    assert (real.long, real.frames, real.source) == (2, 160, "test split")
    real = compare.unseen(run_of(tmp_path), videos, Task())
    assert real.frames == 164 and [len(v) for v in real.footage] == [180, 180]
    path = compare.run_real(run_of(tmp_path), replace(videos, path=tmp_path), SMALL, tmp_path)
    long = json.loads(path.read_text())["ways"]["other unseen videos"]["long"]
    assert "motion" in long and not [k for k in long if k.startswith("FVD")]
    many = VideoSet.from_arrays(moving_videos(9, frames=150), splits=["test"] * 9)
    many.card["source"] = "real"
    real = compare.unseen(run_of(tmp_path), many, Task(short=3))
    assert real.source == "3 videos of the test split"
    assert all(
        np.array_equal(v, many.video(i)) for v, i in zip(real.footage, (0, 4, 8), strict=True)
    )
    one = VideoSet.from_arrays(moving_videos(2, frames=150), splits=["train", "test"])
    one.card["source"] = "real"
    with pytest.raises(InputError, match="a comparison needs 2"):
        compare.unseen(run_of(tmp_path), one, SMALL)


@pytest.mark.parametrize("name", ["R2", "LEncGAN", "AR2+, roll-outs"])
def test_a_contestant_is_trained_scored_and_written_once(name, tmp_path, monkeypatch):
    p, c, out = run_of(tmp_path), contestant(name), tmp_path / "out"
    videos = study.data(p)
    path = compare.run(c, p, videos, ["sample"], SMALL, out, tmp_path)
    found = json.loads(path.read_text())
    assert found["contestant"] == name and list(found["ways"]) == ["sample"]
    way = found["ways"]["sample"]
    assert [s["name"][-4:] for s in way["scores"]] == [" 16f", "128f", "128f"]
    assert way["scores"][1]["card"]["generated"]["videos"] == 3
    assert way["long"]["motion"] > 0 and way["long"]["jump"] > 0 and way["diversity"] > 0
    assert [s["name"][-3:] for s in way["motion distance"]] == ["16f"]
    assert [s["name"] for s in way[SECOND]] == [f"{SECOND_METRIC} {n}f" for n in (16, 128)]
    found_drift = way["long"]["against real"]["drift of colour"]
    assert found_drift["motion"] == way["long"]["against real"]["motion"] > 0
    table = frame([found]).set_index("measure").value
    assert table["drift of colour"] == found_drift["drift"] and table["motion distance"] > 0
    assert found["training"]["steps"] == 6 and found["training"]["seconds"] is not None
    path = compare.run(
        c, p, videos, ["sample", "mean"], SMALL, out, tmp_path
    )  # only what is missing
    again = json.loads(path.read_text())
    same = again["ways"]["sample"] | {"seconds for 1000 frames": way["seconds for 1000 frames"]}
    assert list(again["ways"]) == ["sample", "mean"] and same == way
    assert again["training"] == found["training"]
    assert again[compare.TIMED]["ways"] == ["mean", "sample"], "in one go, the first one again"
    monkeypatch.setattr(trainees.Trainee, "trained", None)  # nothing is missing
    assert compare.run(c, p, videos, ["sample", "mean"], SMALL, out, tmp_path) == path
    assert json.loads(path.read_text()) == again
    assert compare.run(c, p, videos, ["noise"], SMALL, out, tmp_path) is None, "not its way"
    del again[compare.TIMED]
    path.write_text(json.dumps(again))
    elsewhere = tmp_path / "elsewhere"  # where there is no checkpoint nothing is trained for times
    assert compare.run(c, p, videos, ["sample"], SMALL, out, elsewhere) == path
    assert json.loads(path.read_text()) == again
    with pytest.raises(TypeError, match="not callable"):  # to be timed where there is one
        compare.run(c, p, videos, ["sample"], SMALL, out, tmp_path)
    with pytest.raises(InputError, match="another recipe, data or task; delete it"):
        compare.run(c, p, videos, ["sample"], Task(4, 2, 160), out, tmp_path)
    other = replace(c, but={"lr_encoder": 1e-4})
    with pytest.raises(InputError, match="another recipe, data or task; delete it"):
        compare.run(other, p, videos, ["sample"], SMALL, out, tmp_path)


def test_two_processes_that_make_one_file_wait_for_each_other(tmp_path, monkeypatch):
    p, c = run_of(tmp_path), contestant("R2")
    seen, kept = [], {"ways": {}}

    def slow(c, p, videos, ways, *rest):
        before = dict(kept["ways"])  # read, and written later: what is lost without a lock
        seen.append(ways)
        time.sleep(0.3)
        kept["ways"] = before | dict.fromkeys(ways)

    monkeypatch.setattr(compare, "_run", slow)
    jobs = [
        threading.Thread(target=compare.run, args=(c, p, None, [way], SMALL, tmp_path, tmp_path))
        for way in ("sample", "mean")
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert set(kept["ways"]) == {"sample", "mean"} and len(seen) == 2


def test_a_result_made_anew_keeps_what_its_training_took(tmp_path):
    p, c, out = run_of(tmp_path), contestant("R2"), tmp_path / "out"
    videos = study.data(p)
    path = compare.run(c, p, videos, ["sample"], SMALL, out, tmp_path)
    kept = json.loads(path.read_text())
    kept["training"]["seconds"] = 777.0
    path.write_text(json.dumps(kept))
    compare.run(c, p, videos, ["sample", "mean"], SMALL, out, tmp_path)
    found = json.loads(path.read_text())
    assert found["training"]["seconds"] == 777.0 and list(found["ways"]) == ["sample", "mean"]


def test_a_way_that_lacks_a_length_is_scored_again(tmp_path):
    p, c, out = run_of(tmp_path), contestant("R2"), tmp_path / "out"
    videos = study.data(p)
    told = []
    for lengths in ((16,), (16, 32), (16,)):
        path = compare.run(replace(c, lengths=lengths), p, videos, ["sample"], SMALL, out, tmp_path)
        found = json.loads(path.read_text())["ways"]["sample"]["scores"]
        told.append({s["name"].rpartition(" ")[2] for s in found})
    assert told[0] == {"16f"} and {"16f", "32f"} <= told[1]
    assert told[2] == told[1], "what is there is kept"


def test_diversity_is_how_far_the_videos_of_a_side_lie_apart():
    real = moving_videos(6, frames=20, size=16)
    assert scored.diversity(real, real[::-1], Sums()) == pytest.approx(1)
    assert scored.diversity([real[0]] * 6, real, Sums()) < 1e-9
    assert scored.diversity(real, [v // 2 for v in real], Sums()) == pytest.approx(4, rel=0.1)
    assert scored.diversity(real, real[:1], Sums()) is None


def test_an_r3_is_scored_from_its_first_frame_and_from_the_first_that_is_its_own(tmp_path):
    p, c, out = run_of(tmp_path), contestant("R3, mixture"), tmp_path / "out"
    videos = study.data(p)
    path = compare.run(c, p, videos, ["robust sample", "faster VDrej"], SMALL, out, tmp_path)
    found = json.loads(path.read_text())
    assert found["prior"] == "first clip" and found["training"]["R2"]["pairs"] > 0
    assert found["switches"]["gpt"]["head"] == "mixture"
    seen = found["foresight"]
    assert seen["tokens"] == 3 * 11 and seen["energy"] > 0 and seen["likelihood"] < 0
    way, rejected = (found["ways"][w] for w in ("robust sample", "faster VDrej"))
    assert "long" in way and "long" not in rejected
    plain, own = way["scores"], way["scores from frame 8"]
    moving, own_moving = way["motion distance"], way["motion distance from frame 8"]
    second, own_second = way[SECOND], way[f"{SECOND} from frame 8"]
    assert second[0]["value"] != own_second[0]["value"]
    measure = frame([found]).query("way == 'robust sample' and measure == 'second judge 16f'").value
    assert measure.item() == own_second[0]["value"]
    assert moving[0]["value"] != own_moving[0]["value"]
    measure = frame([found]).query("way == 'robust sample' and measure == 'motion distance'").value
    assert measure.item() == own_moving[0]["value"], "tables show what is the model's own"
    assert [s["name"] for s in plain] == [s["name"] for s in own]
    assert plain[0]["card"]["real"]["pixels crc32"] != own[0]["card"]["real"]["pixels crc32"]
    base = trainee(contestant("improved R2"), p, videos, tmp_path)
    assert (base.job.out / "checkpoint.pt").exists()
    key = trainee(c, p, videos, tmp_path).key()
    other = trainee(contestant("R3, flow"), p, videos, tmp_path)
    assert key == found["key"] != other.key()


def test_the_format_with_classes_is_told_whom_it_goes_on_with(tmp_path, monkeypatch):
    p, videos = run_of(tmp_path), study.data(run_of(tmp_path))
    real = compare.unseen(p, videos, SMALL)
    assert real.subjects == [v.subject for v in catalogue("sky", 0, len(videos) + 3)[-3:]]
    model, _ = trainee(contestant("R3, regression, disc+cont"), p, videos, tmp_path).trained()
    assert model.name == "R3, regression, disc+cont"
    told = []
    whole = type(model).videos

    def watched(self, *given, **options):
        told.append(options.get("subjects"))
        return whole(self, *given, **options)

    monkeypatch.setattr(type(model), "videos", watched)
    generated.made_by(model, "faster sample", real.footage, 24, 0, real.subjects)
    assert told == [real.subjects]
    path = compare.run(
        contestant("R3, regression, disc+cont"),
        p,
        videos,
        ["faster sample"],
        SMALL,
        tmp_path / "out",
        tmp_path,
    )
    assert told[1:] == [real.subjects[:2], real.subjects[2:]]
    assert "foresight" not in json.loads(path.read_text())


@pytest.mark.parametrize("name", ["EncGAN3, no G_C", "EncGAN3, no encoder, no F-SA"])
def test_a_model_of_one_clip_is_scored_on_clips(name, tmp_path):
    p, c = run_of(tmp_path), contestant(name)
    path = compare.run(c, p, study.data(p), c.usual, SMALL, tmp_path / "out", tmp_path)
    found, clips = json.loads(path.read_text()), scored.CLIPS * SMALL.short // Task.short
    assert tuple(found["ways"]) == c.ways == ("noise", "encoded")[: 1 if "encoder" in name else 2]
    for way in found["ways"].values():
        (score,) = way["scores"]
        card = score["card"]
        assert score["name"].endswith(" 16f") and score["value"] > 0
        assert card["generated"]["videos"] == card["real"]["videos"] == clips
        assert way["clips"]["motion"] > 0 and "long" not in way
        assert way["clips"]["acceleration"] > 0 and way["motion distance"][0]["value"] > 0
        assert [s["name"] for s in way[SECOND]] == [f"{SECOND_METRIC} 16f"]
    values = {w["scores"][0]["value"] for w in found["ways"].values()}
    assert len(values) == len(found["ways"])


def test_a_model_of_every_fourth_frame_meets_every_fourth_frame(tmp_path):
    p, c = run_of(tmp_path), contestant("R2, loss v1, step 4")
    videos = study.data(p)
    work = trainee(c, p, videos, tmp_path).job
    assert np.array_equal(work.data.video(0), videos.video(0)[::4])
    path = compare.run(c, p, videos, ["sample"], SMALL, tmp_path / "out", tmp_path)
    found = json.loads(path.read_text())
    scores = found["ways"]["sample"]["scores"]
    assert [s["name"].split()[-1] for s in scores] == ["16f", "32f"]
    assert (
        "one frame of every 4" in found["compared with"] and "32 frames" in found["compared with"]
    )
    real = compare.unseen(p, videos, SMALL, 4)
    fourth = real.every(4)
    assert np.array_equal(fourth.footage[1], real.footage[1][::4])
    assert min(len(v) for v in fourth.footage) == 32 + REACH, "a clip behind the last frame"
    assert np.array_equal(real.footage[1][:100], compare.unseen(p, videos, SMALL).footage[1][:100])
    assert [len(v) for v in fourth.real(fourth.short)] == [32] * 3


def test_what_it_is_compared_with_is_judged_at_every_fourth_frame_too(tmp_path):
    p, videos = run_of(tmp_path), study.data(run_of(tmp_path))
    files = []
    for name in ("R2, loss v1", "R2, loss v1, step 4"):
        path = compare.run(
            contestant(name), p, videos, ["sample"], SMALL, tmp_path / "out", tmp_path
        )
        files.append(json.loads(path.read_text()))
    whole, fourth = (f["ways"]["sample"] for f in files)
    cards = [
        next(s["card"] for s in scores if s["name"].endswith("32f"))
        for scores in (whole["scores of every 4th frame"], fourth["scores"])
    ]
    assert cards[0]["real"]["pixels crc32"] == cards[1]["real"]["pixels crc32"]
    assert [f["step"] for f in files] == [1, 4]
    for f in files:
        found = results.values(frame([f]), f["contestant"], "sample", "32f, every 4th")
        assert list(found.index) == [0] and found[0] > 0


def test_the_time_of_a_training_is_that_of_all_its_runs(tmp_path):
    path = tmp_path / "seconds.json"
    first = Spent(path)
    for done in (0, 1, 2):
        first.tell(done)
    half = first.kept()
    assert half["seconds"] >= 0 and half == Spent(path).kept()
    write_json(path, [100.0, 90.0, half["machine"]])
    second = Spent(path)
    second.tell(2)
    told = {"seconds": 100.0, "processor seconds": 90.0, "machine": half["machine"]}
    assert half["machine"] and second.kept() == told, "nothing was trained"
    second.tell(3)
    assert 100 <= second.kept()["seconds"] < 160 and second.kept()["processor seconds"] >= 90
    path.write_text("777.0")
    assert Spent(path).kept() == {"seconds": 777.0, "processor seconds": None, "machine": ""}
    write_json(path, [100.0, 90.0, "another machine"])
    third = Spent(path)
    third.tell(2)
    assert third.kept()["seconds"] == 100.0, "it was there already"
    third.tell(3)
    assert third.kept()["seconds"] is None, "seconds of two machines do not add up"
    path.unlink()
    unknown = Spent(path)
    unknown.tell(5)
    unknown.tell(6)
    told = unknown.kept()
    assert told["seconds"] is told["processor seconds"] is None, "steps that nobody counted"


def test_variants_of_one_seed_share_their_warm_ups(tmp_path):
    p = run_of(tmp_path)
    videos = study.data(p)
    names = "R2, loss v4", "R2, loss v1"
    first, second = (trainee(contestant(n), p, videos, tmp_path) for n in names)
    assert first.trained()[1]["seconds"] is not None
    model, told = second.trained()
    assert told["seconds"] is None, "a part of its time was another run's"
    assert not model.system.joint and model.system.noise
    alone = replace(second.job, out=tmp_path / "alone", warm=None)
    fresh = load_model(train(alone))
    assert all(
        torch.equal(a, b)
        for name, network in model.nets.items()
        for a, b in zip(network.parameters(), fresh.nets[name].parameters(), strict=True)
    )


def test_videos_have_the_length_and_the_noise_that_was_asked_for(tmp_path):
    p, footage = run_of(tmp_path), moving_videos(2, frames=176, size=16)
    for name in ("R2", "LEncGAN", "AR2"):
        model, _ = trainee(contestant(name), p, study.data(p), tmp_path).trained()
        short, long = (generated.made_by(model, "sample", footage, n, 0) for n in (128, 160))
        assert [v.shape for v in short + long] == [(128, 16, 16, 3)] * 2 + [(160, 16, 16, 3)] * 2
        assert all(np.array_equal(a, b[:128]) for a, b in zip(short, long, strict=True))
        other = generated.made_by(model, "sample", footage, 160, 1)
        assert not any(np.array_equal(a, b) for a in other for b in long)
        assert generated.made_by(model, "sample", [], 128, 0) == []


def test_a_jump_is_told_in_steps_of_real_frames():
    ramp = np.arange(64, dtype=np.uint8)[:, None, None, None] * np.ones((1, 16, 16, 3), np.uint8)
    stairs = 8 * (ramp // 8)

    sums = Sums()
    found = scored.long_measures([stairs] * 2, [ramp] * 2, 8, sums)
    assert found["jump"] == pytest.approx(8) and found["motion"] < 0.2 * 2 / 255
    assert scored.long_measures([ramp] * 2, [ramp] * 2, 8, sums)["jump"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (
            ["sky", "--ways", "best"],
            "sample, mean, VDrej, ex-post sample, .*, robust sample, .*, not 'best'",
        ),
        (["sky", "--models", "GAN"], "no contestant 'GAN'"),
        (["sly"], "dataset = 'sly' should be one of .*did you mean 'sky'"),
        (["sky", "--seeds", "-1"], "seed = -1 should be"),
        (["folder", "--source", "real"], "needs data_root"),
        (
            ["weizmann", "--preset", "smoke"],
            "0 of the stand-ins for weizmann that no model was trained on have 144 frames",
        ),
    ],
)
def test_the_command_refuses_in_a_sentence_before_anything_is_trained(argv, words, tmp_path):
    with pytest.raises(InputError, match=words):
        do(["compare", *argv, "--out", str(tmp_path / "out"), "--work", str(tmp_path)])
    assert not list(tmp_path.rglob("checkpoint.pt"))


def test_a_way_that_a_model_has_not_is_told(tmp_path, capsys):
    given = ["--preset", "smoke", "--models", "LEncGAN", "--ways", "VDrej"]
    do(["compare", "sky", *given, "--out", str(tmp_path / "out"), "--work", str(tmp_path)])
    assert "LEncGAN draws no codes by VDrej" in capsys.readouterr().out


def test_baselines_go_through_the_comparison_each_at_its_own_size(tmp_path, capsys):
    out, names = tmp_path / "out", ("StyleGAN-V", "iVGAN, 0-GP", "MotionVideoGAN")
    argv = ["--preset", "smoke", "--seeds", "1", "--out", str(out), "--work", str(tmp_path)]
    do(["compare", "sky", *argv, "--models", *names])
    found = {
        n: json.loads((out / f"sky-procedural-smoke-{slug(n)}-seed1.json").read_text())
        for n in names
    }
    told = {}
    for name, f in found.items():
        scores = f["ways"]["sample"]["scores"]
        told[name] = [s["name"].rpartition(" ")[2] for s in scores]
        size = 32 if name == "StyleGAN-V" else 16
        assert {s["card"][side]["frame size"][0] for s in scores for side in SIDES} == {size}
        assert "foresight" not in f and f["prior"] == "none"
    whole, clip, walk = found.values()
    assert (
        told[names[1]] == ["16f", "32f"] and "128f" in told[names[0]] and "128f" in told[names[2]]
    )
    assert "long" in whole["ways"]["sample"] and "long" not in clip["ways"]["sample"]
    assert walk["training"]["MotionStyleGAN"]["pairs"] == 20 and "R2" not in walk["training"]
    assert "long" in walk["ways"]["sample"] and _scores_at_one_pace(tmp_path) == [
        s["value"] for s in walk["ways"]["sample"]["scores"]
    ]
    assert walk["switches"]["motion"]["codes"] == 4 and whole["switches"] == {}
    seconds = results.values(frame([walk]), names[2], "", "train s")[1]
    assert seconds == sum(
        t["seconds"] for t in (walk["training"], walk["training"]["MotionStyleGAN"])
    )
    capsys.readouterr()
    do(["results", "--folder", str(out), "--preset", "smoke"])
    page = capsys.readouterr().out
    assert all(f"| {name}, sample | none | 1 | " in page for name in names)
    held = results.values(results.read(out, preset="smoke"), results.REAL, "held", "32f")
    assert held[1] > 0, "iVGAN's 32 frames stand beside real ones"
    do(["ledger", "--folder", str(out), "--preset", "smoke"])
    page = capsys.readouterr().out
    row = next(r for r in page.splitlines() if "| On faces and skies StyleGAN-V" in r)
    assert "| MotionVideoGAN T3 | undecided | " in row and "| sky at smoke |" in row


SIDES = ("real", "generated")


def _scores_at_one_pace(work) -> list[float]:
    """Those of MotionVideoGAN where no video is made longer than it is scored."""
    p, videos, task = compare.prepared(
        {"dataset": "sky", "preset": "smoke", "seed": 1, "out_root": str(work)}
    )
    c = contestant("MotionVideoGAN")
    model, _ = trainee(c, p, videos, work).trained()
    real = unseen(p, videos, task)
    apart = scored.scored(model, "sample", real, scored.judge(), 1, replace(c, long=False))
    assert len(apart["videos"][0]) == 128 and "long" not in apart
    return [s["value"] for s in apart["scores"]]


def test_switches_over_a_base_enter_its_key_and_its_file(tmp_path):
    p = run_of(tmp_path)
    videos = study.data(p)
    plain, random, other = (
        trainee(contestant(f"MotionVideoGAN{n}"), p, videos, tmp_path)
        for n in ("", ", random directions", ", k 2")
    )
    assert plain.key() == key_of([plain.base.key(), plain.job.preset.identity()])
    assert len({t.key() for t in (plain, random, other)}) == 3
    assert plain.switches == other.switches == {"motion": plain.job.preset.identity()}
    assert random.switches == plain.switches | {"directions": "random"}
    assert plain.base.key() == random.base.key() != other.base.key()


def test_what_cannot_be_compared_is_refused_before_anything_is_made(tmp_path):
    for name, preset, said in (
        ("StyleGAN-V", "mini", "no preset of stylegan-v 'mini'; choose one of smoke, hour, 64"),
        ("MotionStyleGAN", "smoke", "MotionStyleGAN makes no videos; name what is trained over it"),
    ):
        argv = ["--preset", preset, "--out", str(tmp_path / "out"), "--work", str(tmp_path)]
        with pytest.raises(InputError, match=said):
            do(["compare", "sky", *argv, "--models", "R2", name])
    assert not list(tmp_path.iterdir())


def test_without_names_all_are_compared_that_the_preset_knows(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(compare, "prepared", lambda given, *rest: (checked(given), None, SMALL))
    monkeypatch.setattr(compare, "run_real", lambda *given: tmp_path)
    monkeypatch.setattr(compare, "run", lambda c, *given: made.append(c.name))
    for preset in ("minutes", "hour"):
        do(["compare", "sky", "--preset", preset])
        few, made[:] = set(made), []
        assert few == {n for n, c in COMPARED.items() if c.known_at(preset)}
        assert ("StyleGAN-V" in few) == (preset == "hour") and "AR2, equal pairs" not in few


def test_what_is_published_is_not_trained_again(tmp_path, monkeypatch, capsys):
    p, videos = run_of(tmp_path), study.data(run_of(tmp_path))
    monkeypatch.setattr(weights, "FOLDER", tmp_path / "weights")
    over = trainee(contestant("R3, regression"), p, videos, tmp_path)
    assert over.base.published() is None, "nothing is published"
    model, _ = over.base.trained()
    content = checkpoint.load(over.base.job.out / "checkpoint.pt")
    card = {"recipe": over.base.key()}
    weights.write("improved-r2-smoke", model, content, card)
    assert over.base.published() is None, "it is trained here"
    shutil.rmtree(over.base.job.out)
    other = trainee(contestant("R3, regression"), run_of(tmp_path, seed=1), videos, tmp_path)
    assert other.base.published() is None, "another seed is another recipe"
    r3, told = over.trained()
    assert r3.r2.digest == weights.load("improved-r2-smoke").digest
    unknown = {"seconds": None, "processor seconds": None}
    assert told["R2"] == {"published": "improved-r2-smoke"} | unknown
    assert "improved R2, seed 0: taken as it is published" in capsys.readouterr().out
    assert not over.base.there()
