"""Folders as people have them, through `prepare`: what is used, what for, what the card says."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from rencgan.core.errors import InputError
from rencgan.data import card
from rencgan.data.encode import write_mp4
from rencgan.data.prepare import prepare
from rencgan.data.videoset import VideoSet


def film(path, seed=0, n=26, metadata=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), np.uint8)
    write_mp4(path, [np.roll(frame, t, axis=1) for t in range(n)], 25, metadata=metadata)
    return path


def pictures(folder, names, shade=7):
    folder.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(names):
        Image.new("RGB", (16, 16), (shade * i % 256,) * 3).save(folder / name)
    return folder


@pytest.fixture
def base(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def made(base, tmp_path):
    def run(**given):
        given = {"data_root": base, "size": 8, "cache_root": tmp_path / "cache"} | given
        return prepare("folder", **given)

    return run


def sides(videos: VideoSet):
    return {s: {v.name for v in videos.videos if v.split == s} for s in ("train", "test")}


def notes(videos: VideoSet):
    return {n["name"]: n["note"] for n in videos.card["notes"]}


def left_out(videos: VideoSet):
    return {x["name"]: x["reason"] for x in videos.card["left_out"]}


def test_videos_for_validation_never_train(base, made):
    for i in range(4):
        film(base / "train" / "run" / f"{i}.mp4", i)
        film(base / "val" / "run" / f"{i}.mp4", 10 + i)
    found = made()
    assert sides(found)["test"] == {f"val/run/{i}.mp4" for i in range(4)}
    assert found.card["labels"] == {"run": 8}
    assert notes(found)["val"].startswith("a folder for validation or test: its 4 videos are held")
    limited = made(videos=4)
    assert [len(s) for s in sides(limited).values()] == [2, 2]
    for i in range(4):
        (base / "train" / "run" / f"{i}.mp4").write_bytes(b"no video")
    with pytest.raises(InputError, match="none of the 8 videos found can be used for training"):
        made()


def test_results_below_the_data_are_no_data(base, made):
    for i in range(3):
        film(base / f"{i}.mp4", i)
    out = base / "runs"
    results = out / "mini" / "folder"
    first = made(cache_root=out / "cache", ours=[results])
    facts = {"model": "r2", "checkpoint": "0" * 12}
    film(results / "long" / "r2.mp4", 9, metadata=facts)
    pictures(results / "pictures", [f"{i}.png" for i in range(30)])
    (results / "03_rencgan.json").touch()
    shutil.copy(results / "long" / "r2.mp4", base / "copied.mp4")
    again = made(cache_root=out / "cache", ours=[results])
    assert again.path == first.path and len(again) == 3
    assert notes(again) == {
        "runs/cache": "not looked into: this project wrote it",
        "runs/mini": "not looked into: this project wrote it",
        "copied.mp4": "not used: this project made it",
    }
    assert "note: runs/mini: not looked into" in card.summary(again.card)
    elsewhere = made()  # which was not told of that folder
    assert len(elsewhere) == 3 and "runs/mini" in notes(elsewhere)


def test_a_film_and_its_frames_are_one_source(base, made):
    for i in range(4):
        film(base / f"clip{i}.mp4", i)
        pictures(base / f"clip{i}", [f"{j:04d}.png" for j in range(26)], shade=i + 1)
    found = made()
    assert {v.name for v in found.videos} == {f"clip{i}.mp4" for i in range(4)}
    assert left_out(found)["clip2"] == "the same film as clip2.mp4, which is taken"
    assert found.card["found"] == 8


def test_of_pictures_with_flow_beside_the_pictures_are_read(base, made):
    for i in range(2):
        folder = pictures(base / f"clip{i}", [f"img_{j:05d}.png" for j in range(26)], shade=i + 2)
        pictures(folder, [f"flow_{axis}_{j:05d}.png" for axis in "xy" for j in range(25)], shade=0)
    found = made()
    for i, v in enumerate(found.videos):
        assert found.video(i)[:, 0, 0, 0].tolist() == [(i + 2) * j for j in range(26)]
        assert "flow_x_#.png (25), flow_y_#.png (25)" in notes(found)[v.name]


def test_frames_named_by_seconds_come_in_order_at_their_rate(base, made):
    for i in range(2):
        pictures(base / f"clip{i}", [f"{j / 20:g}.png" for j in range(30)], shade=i + 1)
    found = made()
    for i, v in enumerate(found.videos):
        assert found.video(i)[:, 0, 0, 0].tolist() == [(i + 1) * j for j in range(30)]
        assert v.fps == 20 and "20 a second" in notes(found)[v.name]


def test_frames_as_tiff_in_folders_called_like_films(base, made):
    for side, n in (("train", 3), ("test", 1)):
        for i in range(n):
            folder = base / side / f"aB{side}{i}#00100#00130.mp4"
            pictures(folder, [f"{j:03d}.tif" for j in range(26)], shade=i + n)
    found = made()
    assert len(found) == 4 and found.card["kinds"] == {"folders of .tif": 4}
    assert [len(s) for s in sides(found).values()] == [3, 1]
    assert "kept as 4 folders of .tif" in card.summary(found.card)


def test_animated_images_are_a_video_each(base, made):
    base.mkdir()
    for i in range(3):
        frames = [Image.new("RGB", (16, 16), (8 * j, 60 * i, 0)) for j in range(26)]
        given = {"save_all": True, "append_images": frames[1:], "duration": 40}
        frames[0].save(base / f"sample_{i}.webp", lossless=True, **given)
    found = made()
    assert [v.length for v in found.videos] == [26, 26, 26]
    assert found.video(2)[:, 0, 0, 0].tolist() == [8 * j for j in range(26)]
    assert found.card["kinds"] == {".webp": 3} and found.videos[0].fps == pytest.approx(25)


def test_one_video_is_prepared_but_cannot_be_trained_on(base, made):
    film(base / "only.mp4")
    found = made()
    assert notes(found) == {
        "split": "there is one video only; give at least two: one is held out for test"
    }
    with pytest.raises(InputError, match="give at least two videos: one is held out"):
        found.select("test")


def test_images_that_are_samples_are_told_what_a_video_is(base, made):
    pictures(base / "real", [f"sample_{i:02d}.png" for i in range(20)])
    with pytest.raises(InputError, match="a folder of images is one video; images that are samp"):
        made()
    shutil.rmtree(base)
    for i in range(3):
        pictures(base / f"{i}", ["sample.png"])
    with pytest.raises(InputError, match="there are 3 .png; a folder of images is one video"):
        made()


def test_other_files_are_counted_by_their_endings(base, made):
    film(base / "a.mp4", 1), film(base / "b.mp4", 2)
    for name in ("b.mp4.part", "Thumbs.db", "notes.txt", "more.txt", "trainlist01.txt"):
        (base / name).touch()
    found = made()
    assert notes(found)["trainlist01.txt"].startswith("a list of a split, which is not read")
    assert found.card["other_files"] == 5
    assert found.card["other_endings"] == {".txt": 3, ".part": 1, ".db": 1}
    assert "other files: 5 (3 .txt, 1 .part, 1 .db)" in card.summary(found.card)


def test_the_card_on_disk_keeps_what_was_noted(base, made):
    for i in range(2):
        pictures(base / f"clip{i}", [f"{j}.png" for j in [*range(30), *range(90, 95)]], shade=i + 1)
    found = made()
    assert "the longest run is used, 30 of 35" in notes(found)["clip0"]
    assert json.loads((found.path / "card.json").read_text()) == found.card == made().card


def test_what_is_no_video_is_called_by_its_name(base, made):
    film(base / "a.mp4", 1), film(base / "b.mp4", 2)
    (base / "pointer.mp4").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    (base / "page.mp4").write_text("\n<!DOCTYPE html><title>quota exceeded</title>")
    folder = pictures(base / "clip", [f"{i}.png" for i in range(30)])
    shutil.copy(base / "pointer.mp4", folder / "7.png")
    assert left_out(made()) == {
        "pointer.mp4": "unreadable: a pointer of Git LFS; run `git lfs pull`",
        "page.mp4": "unreadable: a web page; download it again",
        "clip": "unreadable: the image 7.png is a pointer of Git LFS; run `git lfs pull`",
    }


def test_names_of_files_are_no_splits(base, made):
    for i, name in enumerate(("photo of a train", "test tubes", "validation", "cat")):
        film(base / f"{name}.mp4", i)
    found = made()
    assert [len(s) for s in sides(found).values()] == [3, 1]
    assert found.card["labels"] == {"video": 4} and not found.card["notes"]
