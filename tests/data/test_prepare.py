"""Preparing: what is left out and why, what is kept after a kill, and who may share a cache."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from conftest import real_clips

import rencgan.data
from rencgan.__main__ import main
from rencgan.core.errors import InputError
from rencgan.data import cache, card, gather, video
from rencgan.data import prepare as module
from rencgan.data import sets as datasets
from rencgan.data.encode import write_mp4
from rencgan.data.prepare import prepare
from rencgan.data.videoset import VideoSet


def clip(path, seed=0, n=26, height=40, width=56):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    frame = np.kron(
        rng.integers(0, 256, (height // 8, width // 8, 3), np.uint8), np.ones((8, 8, 1))
    )
    write_mp4(path, [np.roll(frame.astype(np.uint8), t, axis=1) for t in range(n)], 25)
    return path


@pytest.fixture
def folder(tmp_path):
    """Six videos of two classes."""
    for i, name in enumerate(("run/a", "run/b", "run/ü c", "walk/a", "walk/b", "walk/d d")):
        clip(tmp_path / "data" / f"{name}.mp4", seed=i, n=26 + i)
    return tmp_path / "data"


@pytest.fixture
def made(tmp_path, folder):
    """prepare() of that folder, at 16 pixels, with other arguments on demand."""

    def run(**given):
        given = {"dataset": "folder", "data_root": folder, "size": 16} | given
        return prepare(cache_root=tmp_path / "cache", **given)

    return run


@pytest.fixture
def decoded(monkeypatch):
    """The names of the videos that were decoded, about in order: several are in work at once."""
    names, decode = [], module._decode

    def spy(recipe, item, file):
        names.append(item.name)
        return decode(recipe, item, file)

    monkeypatch.setattr(module, "_decode", spy)
    return names


def left_out(made):
    return {x["name"]: x["reason"] for x in made.card["left_out"]}


def test_every_video_is_in_the_cache_cropped_and_in_order(made, folder):
    prepared = made()
    assert [v.name for v in prepared.videos] == sorted(
        p.relative_to(folder).as_posix() for p in folder.rglob("*.mp4")
    )
    assert [v.length for v in prepared.videos] == [26, 27, 28, 29, 30, 31]
    for i, v in enumerate(prepared.videos):
        frames = [video.resize_crop(f, 16) for f in video.Film(folder / v.name)]
        assert np.array_equal(prepared.video(i), np.stack(frames))
    assert isinstance(prepared.frames, np.memmap)


def test_the_card_says_what_is_in_the_cache(made):
    told = made().card
    assert (told["dataset"], told["source"], told["size"]) == ("folder", "real", 16)
    assert (told["found"], told["chosen"], told["used"], told["left_out"]) == (6, 6, 6, [])
    assert told["frames"] == 26 + 27 + 28 + 29 + 30 + 31
    assert told["seconds"] == pytest.approx(told["frames"] / 25, abs=0.01)
    assert told["labels"] == {"run": 3, "walk": 3} and told["fps"] == [25, 25]
    assert told["original_sizes"] == {"56x40": 6}
    assert (told["split"]["train"], told["split"]["test"]) == (5, 1)
    assert "6 of the 6 real videos" in told["notice"]
    assert "56x40" not in card.summary(told) and "train 5, test 1" in card.summary(told)


def test_a_second_run_decodes_and_hashes_nothing(made, decoded, monkeypatch):
    first = made()
    assert len(decoded) == 6
    monkeypatch.setattr(gather, "content", lambda *a: pytest.fail("hashed again"))
    told = []
    second = made(progress=lambda *now: told.append(now))
    assert len(decoded) == 6
    assert told[-1] == (6, 6, f"found prepared {first.path.name}")
    assert second.path == first.path and second.videos == first.videos


@pytest.mark.parametrize(
    "change", [{"size": 24}, {"seed": 1}, {"max_frames": 25}, {"videos": 4}, {"min_frames": 27}]
)
def test_what_changes_the_content_changes_the_place(made, change):
    assert made().path != made(**change).path


def test_a_changed_file_is_seen_even_at_the_same_size(made, folder):
    path = folder / "run" / "a.mp4"
    first, before = made(), path.stat()
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert made().path != first.path


def test_one_bad_file_never_ends_the_run(made, folder):
    (folder / "run" / "empty.mp4").touch()
    (folder / "run" / "text.mp4").write_text("not a video " * 50)
    clip(folder / "run" / "short.mp4", seed=20, n=5)
    clip(folder / "run" / "cut.mp4", seed=21, n=30)
    data = (folder / "run" / "cut.mp4").read_bytes()
    (folder / "run" / "cut.mp4").write_bytes(data[: len(data) * 4 // 5])
    shutil.copy(folder / "walk" / "a.mp4", folder / "walk" / "twin.mp4")
    (folder / "run" / "gone.mp4").symlink_to(folder / "nowhere.mp4")
    prepared = made()
    assert len(prepared) == 6 and prepared.card["found"] == 12
    reasons = left_out(prepared)
    assert re.match("too short: .* used up to frame", reasons.pop("run/cut.mp4"))
    assert reasons == {
        "run/empty.mp4": "empty file",
        "run/text.mp4": "unreadable: not a video, or truncated",
        "run/short.mp4": "too short: 5 frames, at least 24 are needed",
        "walk/twin.mp4": "the same content as walk/a.mp4",
        "run/gone.mp4": "unreadable: No such file or directory",
    }


def test_a_file_that_may_not_be_opened_is_left_out(made, folder, monkeypatch):
    content = gather.content

    def refuse(path, files):
        if path.name == "b.mp4" and path.parent.name == "run":
            raise PermissionError(13, "Permission denied")
        return content(path, files)

    monkeypatch.setattr(gather, "content", refuse)
    assert left_out(made()) == {"run/b.mp4": "unreadable: permission denied"}


def test_a_folder_without_a_usable_video_is_refused_with_reasons(made, folder, tmp_path):
    with pytest.raises(InputError, match=r"too short: 26 frames, at least 99"):
        made(min_frames=99)
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "readme.txt").touch()
    with pytest.raises(InputError, match="no video was found in"):
        made()
    assert not list((tmp_path / "cache").glob("folder*"))


def test_frame_folders_are_videos_too(made, folder):
    for i, frame in enumerate(video.Film(folder / "run" / "a.mp4")):
        (folder / "walk" / "frames").mkdir(exist_ok=True)
        video.Image.fromarray(frame).save(folder / "walk" / "frames" / f"{i}.png")
    prepared = made()
    names = [v.name for v in prepared.videos]
    assert "walk/frames" in names and prepared.videos[names.index("walk/frames")].label == "walk"
    same = prepared.video(names.index("walk/frames")), prepared.video(names.index("run/a.mp4"))
    assert np.array_equal(*same)


def test_the_crop_of_the_table_is_applied(tmp_path):
    frame = np.full((144, 180, 3), 255, np.uint8)
    frame[20:-20, 20:-20] = 16
    (tmp_path / "data").mkdir()
    write_mp4(tmp_path / "data" / "daria_walk.mp4", [frame] * 20, 25)
    prepared = prepare("weizmann", data_root=tmp_path / "data", size=16, cache_root=tmp_path / "c")
    assert prepared.card["margin"] == 20 and (prepared.videos[0].subject) == "daria"
    assert prepared.frames.max() < 64  # nothing of the white border


def test_folders_called_train_and_test_decide(made, folder):
    for side, name in (("train", "run"), ("test", "walk")):
        (folder / side).mkdir()
        (folder / name).rename(folder / side / name)
    prepared = made()
    assert {v.name.split("/")[0]: v.split for v in prepared.videos} == {
        "train": "train",
        "test": "test",
    }
    assert list(prepared.card["labels"]) == ["run", "walk"]


def items(counts, subject=""):
    return [
        card.Item(f"{k}/{i}", k, subject and f"{subject}{i // 4}", "", "", None)
        for k, n in counts.items()
        for i in range(n)
    ]


def recipe(dataset="folder", fraction=0.1, seed=0):
    return card.Recipe(dataset, "real", 16, 0, seed, None, None, 24, fraction)


@pytest.mark.parametrize("seed", range(3))
def test_the_split_takes_the_same_share_of_every_class(seed):
    counts = {"a": 40, "b": 20, "c": 20, "lone": 1}
    given = items(counts)
    sides = card.split(given, recipe(seed=seed))
    tests = Counter(i.label for i, s in zip(given, sides, strict=True) if s == "test")
    assert tests == {"a": 4, "b": 2, "c": 2}
    assert sides == card.split(given, recipe(seed=seed))
    assert sides != card.split(given, recipe(seed=seed + 1))


def test_two_videos_give_one_for_test_and_one_video_none():
    assert sorted(card.split(items({"a": 2}), recipe())) == ["test", "train"]
    assert sorted(card.split(items({"a": 1, "b": 1}), recipe())) == ["test", "train"]
    assert card.split(items({"a": 1}), recipe()) == ["train"]


def test_a_class_of_one_video_stays_in_training():
    given = items({"a": 1, "c": 4})
    sides = card.split(given, recipe(fraction=0.3))
    assert sides.count("test") == 2 and sides[0] == "train"


def test_the_published_numbers_of_test_videos_come_out():
    """Table 4.1: 10 of the 93 videos of Weizmann, 30 of the 599 of KTH."""
    for name in ("weizmann", "kth"):
        d = datasets.get(name)
        sides = card.split(items({"a": d.videos}), recipe(name, d.test / d.videos))
        assert sides.count("test") == d.test


def test_segments_of_one_film_stay_together():
    given = items({"taichi": 40}, subject="film")
    sides = card.split(given, recipe("taichi"))
    films = {s: {i.subject for i, t in zip(given, sides, strict=True) if t == s} for s in sides}
    assert films["train"].isdisjoint(films["test"]) and 1 <= sides.count("test") <= 8


def test_of_one_film_alone_segments_are_held_out():
    given = items({"taichi": 4}, subject="film")
    assert sorted(card.split(given, recipe("taichi"))) == ["test", "train", "train", "train"]


@pytest.mark.parametrize(
    "pattern",
    ["v_Run_g{:02d}_c{:02d}.avi", "aB-{}_x#{:06d}#000120.mp4", "x_{}_y_{:06d}_000010.mp4"]
    + ["film {}-Scene-{:03d}.mp4", "aB{}#{:05d}#00130.mp4/"],  # the last one is a folder of images
)
def test_segments_in_a_folder_of_ones_own_stay_together(pattern):
    names = [pattern.format(film, part) for film in range(6) for part in range(3)]
    told = [datasets.get("folder").describe(n.strip("/"), n.endswith("/")) for n in names]
    given = [card.Item(n, *t, "", None) for n, t in zip(names, told, strict=True)]
    sides = card.split(given, recipe())
    assert sides.count("test") == 3 and len({i.subject for i in given}) == 6
    assert len({i.subject for i, s in zip(given, sides, strict=True) if s == "test"}) == 1


def test_other_names_are_films_of_their_own():
    for name in ("clip_01", "a_c01", "dance-01", "walk_1_2", "sky_000123", "2024-06-19"):
        assert datasets.get("folder").describe(f"{name}.mp4")[1] == ""


def test_a_limited_number_is_spread_over_the_classes(made):
    prepared = made(videos=4)
    assert prepared.card["labels"] == {"run": 2, "walk": 2} and prepared.card["found"] == 6
    assert made(videos=4, seed=5).card["labels"] == {"run": 2, "walk": 2}


def test_long_videos_are_cut(made):
    assert {v.length for v in made(max_frames=25).videos} == {25}


KILLED = """
    import os, signal, sys
    from rencgan.data.prepare import prepare
    def progress(done, total, text):
        if done == 3 and "checking" not in text:
            os.kill(os.getpid(), signal.SIGKILL)
    prepare("folder", data_root=sys.argv[1], size=16, cache_root=sys.argv[2], progress=progress)
"""


def kill_halfway(folder, cache):
    code = textwrap.dedent(KILLED)
    run = subprocess.run([sys.executable, "-c", code, str(folder), str(cache)])
    assert run.returncode == -signal.SIGKILL


def test_after_a_kill_the_finished_videos_are_not_decoded_again(made, folder, tmp_path, decoded):
    kill_halfway(folder, tmp_path / "cache")
    (building,) = (tmp_path / "cache").glob("*.building")
    with pytest.raises(InputError, match="interrupted"):
        VideoSet.open(building)
    with open(building / "frames.npy", "ab") as f:
        f.write(b"half a frame" * 20_000)  # more than all that is still to come
    (building / "parts").mkdir()  # an earlier version kept the frames in work there
    (building / "parts" / "000000").write_bytes(b"half a video")
    prepared = made()
    assert sorted(decoded) == ["walk/a.mp4", "walk/b.mp4", "walk/d d.mp4"]
    fresh = prepare("folder", data_root=folder, size=16, cache_root=tmp_path / "other")
    assert prepared.videos == fresh.videos and np.array_equal(prepared.frames, fresh.frames)
    assert prepared.path.name == fresh.path.name
    sizes = [(p / "frames.npy").stat().st_size for p in (prepared.path, fresh.path)]
    assert sizes[0] == sizes[1] == 128 + prepared.frames.nbytes
    assert sorted(p.name for p in prepared.path.iterdir()) == [
        "card.json",
        "frames.npy",
        "index.json",
    ]


def test_frames_that_did_not_reach_the_disk_are_decoded_again(made, folder, tmp_path, decoded):
    kill_halfway(folder, tmp_path / "cache")
    (building,) = (tmp_path / "cache").glob("*.building")
    with open(building / "frames.npy", "r+b") as f:
        f.seek(128 + 26 * 16 * 16 * 3)  # within the second video
        f.write(bytes(500))
    prepared = made()
    assert "run/a.mp4" not in decoded and len(decoded) == 5
    fresh = prepare("folder", data_root=folder, size=16, cache_root=tmp_path / "other")
    assert np.array_equal(prepared.frames, fresh.frames)


def test_a_full_disk_is_one_sentence_and_keeps_what_is_done(made, monkeypatch, decoded, tmp_path):
    append, calls = cache.Building.append, []

    def full(self, row, file):
        calls.append(row)
        if len(calls) == 3:
            self.frames.write(b"as much as there was room for")
            raise OSError(28, "No space left on device")
        append(self, row, file)

    monkeypatch.setattr(cache.Building, "append", full)
    with pytest.raises(InputError, match="the disk is full"):
        made()
    (building,) = (tmp_path / "cache").glob("*.building")
    assert sorted(p.name for p in building.iterdir()) == ["frames.npy", "journal.jsonl"]
    decoded.clear()
    prepared = made()
    assert "run/a.mp4" not in decoded and "run/b.mp4" not in decoded and len(prepared) == 6


TOGETHER = """
    import sys
    from rencgan.data.prepare import prepare
    from rencgan.data import prepare as module
    decode = module._decode
    def spy(recipe, item, file):
        print("decoded", item.name, flush=True)
        return decode(recipe, item, file)
    module._decode = spy
    made = prepare("folder", data_root=sys.argv[1], size=16, cache_root=sys.argv[2])
    print("sum", int(made.frames.sum()), len(made))
"""


def test_two_processes_build_one_cache_once(folder, tmp_path):
    code = textwrap.dedent(TOGETHER)
    command = [sys.executable, "-c", code, str(folder), str(tmp_path / "cache")]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    lines = [run.communicate()[0].splitlines() for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert sorted(len(x) for x in lines) == [1, 7]  # one decodes six videos, one opens
    assert lines[0][-1] == lines[1][-1]


def test_a_run_waits_for_the_lock_of_another(made, tmp_path):
    fcntl = pytest.importorskip("fcntl")
    name, texts = made().path.name, []
    shutil.rmtree(tmp_path / "cache" / name)
    with open(tmp_path / "cache" / f".{name}.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        def progress(done, total, text):
            texts.append(text)
            if text.startswith("waiting"):
                fcntl.flock(lock, fcntl.LOCK_UN)

        made(progress=progress)
    assert any(t.startswith("waiting for another run") for t in texts)


def test_a_damaged_cache_is_made_again_and_kept_aside(made):
    path = made().path
    frames = (path / "frames.npy").read_bytes()
    (path / "frames.npy").write_bytes(frames[:-1000])
    assert (made().path / "frames.npy").read_bytes() == frames
    assert path.with_name(path.name + ".damaged").is_dir()


def test_a_prepared_folder_can_be_carried_away(made, folder, tmp_path):
    prepared = made()
    moved = shutil.copytree(prepared.path, tmp_path / "elsewhere")
    text = "".join((moved / n).read_text() for n in ("index.json", "card.json"))
    assert str(tmp_path) not in text
    shutil.rmtree(folder)
    shutil.rmtree(tmp_path / "cache")
    assert VideoSet.open(moved).card == prepared.card


@dataclass
class Drawn:
    name: str
    label: str
    subject: str
    n_frames: int
    fps: float = 12.0

    def frames(self, size):
        seed = int(self.name)
        return np.random.default_rng(seed).integers(
            0, 256, (self.n_frames, size, size, 3), np.uint8
        )


class Catalogue:
    """The interface of rencgan.data.procedural, with videos that cost nothing."""

    VERSION = 1

    @staticmethod
    def catalogue(dataset, seed, videos, max_frames):
        return [Drawn(str(100 * seed + i), "ab"[i % 2], f"p{i}", 30) for i in range(videos or 6)]


@pytest.fixture
def drawn(monkeypatch):
    monkeypatch.setitem(sys.modules, "rencgan.data.procedural", Catalogue)
    monkeypatch.setattr(rencgan.data, "procedural", Catalogue, raising=False)


def test_without_real_videos_the_stand_in_takes_their_place(drawn, tmp_path, monkeypatch):
    monkeypatch.delenv("RENCGAN_DATA_KTH", raising=False)
    prepared = prepare("kth", size=8, cache_root=tmp_path, root=tmp_path)
    assert prepared.card["source"] == "procedural"
    assert "Stand-in for KTH" in prepared.card["notice"]
    assert "RENCGAN_DATA_KTH" in prepared.card["notice"]
    assert np.array_equal(prepared.video(2), Drawn("2", "a", "", 30).frames(8))
    assert [v.split for v in prepared.videos].count("test") == 1
    again = prepare("kth", size=8, cache_root=tmp_path, root=tmp_path, source="procedural")
    assert again.path == prepared.path
    monkeypatch.setattr(Catalogue, "VERSION", 2)
    assert prepare("kth", size=8, cache_root=tmp_path, root=tmp_path).path != prepared.path


@pytest.mark.parametrize("name", [d for d in datasets.DATASETS if d != "folder"])
def test_every_set_has_a_stand_in_that_can_be_prepared(name, tmp_path):
    given = {"size": 16, "videos": 2, "max_frames": 24, "cache_root": tmp_path}
    prepared = prepare(name, source="procedural", **given)
    assert [v.length for v in prepared.videos] == [24, 24]
    assert sorted(v.split for v in prepared.videos) == ["test", "train"]
    assert prepared.frames.shape == (48, 16, 16, 3) and prepared.frames.std() > 5


def test_real_refuses_and_names_the_places(tmp_path, monkeypatch):
    monkeypatch.delenv("RENCGAN_DATA_KTH", raising=False)
    with pytest.raises(InputError) as refused:
        prepare("kth", source="real", cache_root=tmp_path / "c", root=tmp_path)
    for words in ("RENCGAN_DATA_KTH", "data/kth", "https://www.csc.kth.se"):
        assert words in str(refused.value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"dataset": "cats"}, "choose from uva"),
        ({"source": "web"}, "auto, real, procedural"),
        ({"source": "procedural"}, "no stand-in"),
        ({"size": 4}, "between 8 and 1024"),
        ({"seed": -1}, "seed -1"),
        ({"videos": 0}, "videos 0"),
        ({"max_frames": 10}, "every video"),
        ({"test_fraction": 1.0}, "between 0 and 1"),
        ({"data_root": "/nowhere/at/all"}, "does not exist"),
    ],
)
def test_wrong_arguments_are_one_sentence(made, given, words):
    with pytest.raises(InputError, match=words) as refused:
        made(**given)
    assert "\n" not in str(refused.value)


def test_the_command_line_prints_the_card_and_the_place(folder, tmp_path, capsys):
    arguments = ["--data-root", str(folder), "--size", "16", "--cache-root", str(tmp_path / "c")]
    assert main(["prepare", *arguments]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert "6 of the 6 real videos" in printed[0]
    assert len(VideoSet.open(Path(printed[-1]))) == 6
    arguments = ["--data-root", str(tmp_path / "no"), "--cache-root", str(tmp_path)]
    assert main(["prepare", *arguments]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_real_clips_of_many_containers_are_prepared(tmp_path):
    names = (
        "actions/weizmann_p0_wave2.mp4",
        "actions/asl_again.mkv",
        "faces/grid_bbaf2n.mpg",
        "ucf101/archery.avi",
        "faces/intel_headpose_female.mp4",
    )
    for name in names:
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).symlink_to(real_clips(name))
    prepared = prepare("folder", data_root=tmp_path / "data", size=32, cache_root=tmp_path / "c")
    assert [v.length for v in prepared.videos] == [77, 59, 75, 131]
    assert left_out(prepared) == {
        "faces/intel_headpose_female.mp4": "too short: 23 frames, at least 24 are needed"
    }
    assert prepared.card["original_sizes"] == {
        "640x480": 1,
        "64x64": 1,
        "360x288": 1,
        "320x240": 1,
    }
    assert json.loads((prepared.path / "card.json").read_text()) == prepared.card
