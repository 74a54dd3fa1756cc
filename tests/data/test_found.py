"""What in a folder is one video, what is left out of it and why, and which folders are splits."""

import shutil
from collections import Counter

import av
import numpy as np
import pytest
from PIL import Image, features

from rencgan.data.encode import write_mp4
from rencgan.data.found import discover, files_below, kind
from rencgan.data.splits import Splits


@pytest.fixture
def tree(tmp_path):
    """A folder with empty files; "name/*.png" are three numbered images."""
    base = tmp_path / "data"

    def make(*names):
        for name in names:
            some = [name.replace("*", str(i)) for i in range(3)] if "*" in name else [name]
            for each in some:
                (base / each).parent.mkdir(parents=True, exist_ok=True)
                (base / each).touch()
        return base

    return make


def told(found):
    return [found.name(p) for p in found.videos]


def reasons(found):
    return {found.name(p): reason for p, reason in found.left_out.items()}


def moving(path, frames=4, **given):
    path.parent.mkdir(parents=True, exist_ok=True)
    images = [Image.fromarray(np.full((16, 16, 3), 40 * i, np.uint8)) for i in range(frames)]
    images[0].save(path, save_all=True, append_images=images[1:], **given)
    return path


def test_discovery_sees_files_and_frame_folders_and_nothing_hidden(tree):
    base = tree("b/2.MP4", "b/ü 10.avi", "a.webm", ".hidden/x.mp4", "b/._2.mp4", "notes.txt")
    tree("frames/1.png", "frames/2.png", "b/thumbnail.jpg", "logo.png", "Thumbs.db", "c.mp4.part")
    (base / "b" / "loop").symlink_to(base)
    found = discover(base)
    assert told(found) == ["a.webm", "b/2.MP4", "b/ü 10.avi", "frames"]
    assert found.others == Counter({".txt": 1, ".jpg": 1, ".png": 1, ".db": 1, ".part": 1})


ENDINGS = "MTS m2ts m4v 3gp wmv flv asf ts vob mxf f4v rm ogg y4m mpg mov mkv"


@pytest.mark.parametrize("ending", ENDINGS.split())
def test_every_usual_ending_is_a_video(tree, ending):
    assert told(discover(tree(f"a.{ending}"))) == [f"a.{ending}"]


@pytest.mark.parametrize(
    "ending", ["png", "tif", "tiff", "jpg", "JPEG", "bmp", "webp", "jp2", "tga", "ppm"]
)
def test_images_of_every_usual_ending_are_frames(tree, ending):
    found = discover(tree(f"clip/*.{ending}"))
    assert told(found) == ["clip"] and kind(found.videos[0]) == f"folders of .{ending.lower()}"


@pytest.mark.parametrize(
    "ending",
    ["webp", "gif", "png", "apng", "tif"] + ["avif"] * features.check("avif"),
)
def test_an_animated_image_is_a_video_by_itself(tmp_path, ending):
    paths = [moving(tmp_path / f"sample_{i}.{ending}") for i in range(3)]
    assert discover(tmp_path).videos == paths


@pytest.mark.parametrize("ending", ["webp", "gif", "png", "tif"])
def test_still_images_of_such_an_ending_are_the_frames_of_one(tmp_path, ending):
    for i in range(3):
        moving(tmp_path / "clip" / f"{i}.{ending}", frames=1)
    assert discover(tmp_path).videos == [tmp_path / "clip"]


# ---- the same film twice, and what is made of it


@pytest.mark.parametrize(
    ("names", "used"),
    [
        (["clip.mp4", "clip/*.png"], ["clip.mp4"]),
        (["clip.webm", "clip.mp4", "clip.avi"], ["clip.mp4"]),
        (["clip.ts", "clip.wmv"], ["clip.wmv"]),
        (["clip.mp4", "clip.f137.mp4", "clip.temp.mp4"], ["clip.mp4"]),  # a download's streams
        (["clip.mp4", "clip_frames/*.jpg"], ["clip.mp4"]),
        (["clip.mp4", "clip/frames/*.jpg"], ["clip.mp4"]),
        (["videos/a/clip.mp4", "frames/a/clip/*.jpg"], ["videos/a/clip.mp4"]),
        (["clip/clip.mp4", "clip/frames/*.jpg"], ["clip/clip.mp4"]),
        (["clip/camera1.mov", "clip/images/*.png"], ["clip/camera1.mov"]),
        (["u\u0308.mp4", "\u00fc/*.png"], ["u\u0308.mp4"]),  # one name, decomposed and composed
    ],
)
def test_of_a_film_that_is_there_twice_one_is_used(tree, names, used):
    found = discover(tree(*names))
    assert told(found) == used
    assert len(found.left_out) == len(names) - 1
    assert set(found.left_out.values()) == {f"the same film as {used[0]}, which is taken"}


@pytest.mark.parametrize(
    "names",
    [
        ["a.mp4", "b.mp4", "a_2.mp4"],
        ["run/1.mp4", "walk/1.mp4"],
        ["run/1.mp4", "walk/1/*.png"],
        ["aB.mp4", "Ab.mp4"],
        ["train/1.mp4", "test/1.mp4"],
        ["a/1.mp4", "a/2.mp4", "a/frames/*.png"],  # of which, nobody can tell
        ["masks/1.mp4", "hats/1.mp4"],
        ["normal/1/*.png", "abnormal/1/*.png"],
    ],
)
def test_other_films_are_all_used(tree, names):
    found = discover(tree(*names))
    assert len(found.videos) == len(names) and not found.left_out


@pytest.mark.parametrize(
    ("picture", "other"),
    [
        ("JPEGImages/480p/bear/*.jpg", "Annotations/480p/bear/*.png"),
        ("Test/Test001/*.tif", "Test/Test001_gt/*.bmp"),
        ("clip/*.jpg", "clip/flow/*.jpg"),
        ("frames/clip/*.jpg", "optical_flow/clip/*.jpg"),
        ("videos/clip.mp4", "masks/clip.mp4"),
    ],
)
def test_masks_and_flow_beside_pictures_are_no_videos(tree, picture, other):
    found = discover(tree(picture, other))
    (used,), (out,) = found.videos, found.left_out
    base = found.folder
    assert used == (base / picture if "*" not in picture else (base / picture).parent)
    assert "no picture, but made of" in found.left_out[out]


# ---- what this project wrote


@pytest.fixture
def made_here(tmp_path):
    facts = {"model": "r2", "checkpoint": "0" * 12, "seed": 0}
    frames = [np.full((16, 16, 3), i, np.uint8) for i in range(30)]
    path = tmp_path / "data" / "long.mp4"
    write_mp4(path, frames, 25, metadata=facts)
    return path


def remuxed(path, ending):
    copy = path.with_name(f"copy{ending}")
    with av.open(str(path)) as source, av.open(str(copy), "w") as out:
        out.metadata.update(source.metadata)
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    return copy


def test_videos_of_this_project_are_no_data_wherever_they_lie(made_here, tree):
    base = tree("mine.mp4", "sub/other.mp4")
    shutil.copy(made_here, base / "sub" / "renamed.mp4")
    remuxed(made_here, ".mkv"), remuxed(made_here, ".mov")
    found = discover(base, ours=[])
    assert told(found) == ["mine.mp4", "sub/other.mp4"]
    names = {found.name(p) for p in found.notes}
    assert names == {"long.mp4", "copy.mkv", "copy.mov", "sub/renamed.mp4"}
    assert len(discover(base).videos) == 5  # a comparison may read them: long and its copies once


@pytest.mark.parametrize(
    "names",
    [
        ["x/frames.npy", "x/index.json", "x/a/*.png"],
        ["x.building/frames.npy", "x.building/a/*.png"],
        ["x/checkpoint.pt", "x/history.jsonl", "x/videos/a.mp4"],
        ["cache/.hashes.json", "mini/sky/02.json", "mini/sky/pictures/*.png"],
        ["runs/cache/.hashes.json", "runs/mini/kth/r2/history.jsonl", "runs/mini/kth/a/*.png"],
        ["out/mini/sky/pictures/*.png"],
    ],
)
def test_folders_of_this_project_are_no_data(tree, names):
    base = tree("mine.mp4", *names)
    found = discover(base, ours=[base / "out"])
    assert told(found) == ["mine.mp4"]
    assert set(found.notes.values()) == {"not looked into: this project wrote it"}
    assert len(discover(base).videos) == 2


def test_videos_that_lie_beside_results_are_data(tree):
    base = tree("set/cache/.hashes.json", "set/run/a.mp4", "set/nature/sky/b.mp4", "set/c.mp4")
    assert len(discover(base, ours=[]).videos) == 3


@pytest.mark.parametrize("name", ["@eaDir/a.mp4/*.jpg", "$RECYCLE.BIN/b.mp4", "__MACOSX/b/c.mp4"])
def test_bins_and_thumbnails_are_not_looked_into(tree, name):
    found = discover(tree("a.mp4", name))
    assert told(found) == ["a.mp4"]
    assert list(found.notes.values()) == ["not looked into: deleted files, or thumbnails"]


def test_a_folder_that_may_not_be_opened_is_named(tree, monkeypatch):
    base, seen = tree("a.mp4", "locked/b.mp4"), {}

    def walk(top, onerror, followlinks):
        onerror(PermissionError(13, "Permission denied", str(base / "locked")))
        return iter([(str(base), [], ["a.mp4"])])

    monkeypatch.setattr("rencgan.data.found.os.walk", walk)
    list(files_below(base, notes=seen))
    assert seen == {base / "locked": "may not be opened (Permission denied)"}


# ---- splits and classes


def placed(*names):
    splits = Splits.of((n.removesuffix("/"), n.endswith("/")) for n in names)
    found = [splits.placed(n.removesuffix("/")) for n in names]
    return [(split, classes[0] if classes else "") for split, classes in found]


@pytest.mark.parametrize(
    ("train", "held"),
    [
        ("train/{}/a.mp4", "val/{}/b.mp4"),
        ("TRAIN/{}/a.mp4", "Validation/{}/b.mp4"),
        ("training/{}/a.mp4", "testing/{}/b.mp4"),
        ("{}/train/a.mp4", "{}/valid/b.mp4"),
        ("{}/deep/train/a.mp4", "{}/deep/test/b.mp4"),
        ("all/train/{}/a.mp4", "all/test/{}/b.mp4"),
        ("train_videos/{}/a.mp4", "test_videos/{}/b.mp4"),
        ("train2017/{}/a.mp4", "val2017/{}/b.mp4"),
        ("train_256/{}/a/", "val_256/{}/b/"),
        ("{}/Train001/", "{}/Test001/"),
    ],
)
def test_folders_for_training_and_for_the_rest_are_splits(train, held):
    names = [w.format(c) for c in ("jump", "run") for w in (train, held)]
    expected = [(s, c) for c in ("jump", "run") for s in ("train", "test")]
    assert placed(*names) == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["train/1.mp4", "car/2.mp4"], [("", "train"), ("", "car")]),
        (
            ["train/train/1.mp4", "train/car/2.mp4", "test/train/3.mp4", "test/car/4.mp4"],
            [("train", "train"), ("train", "car"), ("test", "train"), ("test", "car")],
        ),
        (["train/a/1.mp4", "train/b/2.mp4"], [("", "a"), ("", "b")]),  # a name that all share
        (["train/1.mp4", "val/2.mp4", "test/3.mp4"], [("train", ""), ("test", ""), ("test", "")]),
        (["more/1.mp4", "val/2.mp4"], [("", "more"), ("test", "")]),
        (
            ["train/1.mp4", "test_seen/2.mp4", "test_unseen/3.mp4", "val1/4.mp4", "held_out/5.mp4"],
            [("train", ""), ("test", ""), ("test", ""), ("test", ""), ("test", "")],
        ),
        (["train/1.mp4", "car/2.mp4", "crash_test/3.mp4"], [("", "train"), ("", "car"), ("", "")]),
        (["train/val/1.mp4", "train/train/2.mp4"], [("test", ""), ("train", "")]),
        (["x/1.mp4", "test/"], [("", "x"), ("", "")]),  # one video that is called test
        (["set/run/1.mp4", "set/jump/2.mp4"], [("", "run"), ("", "jump")]),
        (["train_a/1.mp4", "steam_train/2.mp4"], [("", "train_a"), ("", "steam_train")]),
    ],
)
def test_classes_and_splits_are_told_apart(names, expected):
    found = placed(*names)
    assert [f[0] for f in found] == [e[0] for e in expected]
    for (_, label), (_, wanted) in zip(found, expected, strict=True):
        assert not wanted or label == wanted
