"""Prepared folders: views, selections, and one sentence for each way a folder can be wrong."""

import json
import subprocess
import sys

import numpy as np
import pytest

from rencgan.core.errors import InputError
from rencgan.data.videoset import FRAMES, Video, VideoSet, write_tables


def arrays(*lengths, size=8):
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (n, size, size, 3), np.uint8) for n in lengths]


def saved(folder, *lengths):
    made = VideoSet.from_arrays(arrays(*lengths), labels=["a"] * len(lengths))
    folder.mkdir()
    np.save(folder / "frames.npy", made.frames)
    write_tables(folder, made.videos, made.frames.shape, {"dataset": "folder"})
    return made


def test_a_video_is_a_view_of_its_own_frames():
    given = arrays(5, 3, 7)
    made = VideoSet.from_arrays(given)
    assert len(made) == 3 and made.size == 8
    for i, a in enumerate(given):
        assert np.array_equal(made.video(i), a)
        assert np.shares_memory(made.video(i), made.frames)


def test_selecting_keeps_the_frames_and_drops_videos():
    made = VideoSet.from_arrays(
        arrays(20, 30, 40), labels=["run", "run", "walk"], splits=["train", "test", "train"]
    )
    train = made.select(split="train", min_frames=25)
    assert [v.length for v in train.videos] == [40] and train.frames is made.frames
    assert np.array_equal(train.video(0), made.video(2))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"split": "val"}, "'train' or 'test'"),
        ({"split": "test"}, "none of the 2 videos"),
        ({"min_frames": 100}, "at least 100 frames"),
    ],
)
def test_an_empty_selection_is_refused(asked, words):
    made = VideoSet.from_arrays(arrays(4, 4), labels=["run"] * 2)
    with pytest.raises(InputError, match=words):
        made.select(**asked)


def test_what_is_saved_is_what_opens_and_stays_on_disk(tmp_path):
    made = saved(tmp_path / "set", 5, 9)
    opened = VideoSet.open(tmp_path / "set")
    assert opened.videos == made.videos and opened.card == {"dataset": "folder"}
    assert isinstance(opened.frames, np.memmap) and np.array_equal(opened.frames, made.frames)
    assert opened.path == tmp_path / "set"


def cut_frames(folder):
    data = (folder / "frames.npy").read_bytes()
    (folder / "frames.npy").write_bytes(data[: len(data) // 2])


def swap_frames(folder):
    np.save(folder / "frames.npy", arrays(3)[0])


def edit_index(folder, **changes):
    index = json.loads((folder / "index.json").read_text())
    (folder / "index.json").write_text(json.dumps(index | changes))


DAMAGE = {
    "no index": (lambda f: (f / "index.json").unlink(), "no index.json"),
    "no card": (lambda f: (f / "card.json").unlink(), "no card.json"),
    "no frames": (lambda f: (f / "frames.npy").unlink(), "missing or truncated"),
    "cut frames": (cut_frames, "missing or truncated"),
    "other frames": (swap_frames, "its index says"),
    "cut index": (lambda f: (f / "index.json").write_text('{"form'), "cannot be read"),
    "a list": (lambda f: (f / "index.json").write_text("[1]"), "cannot be read"),
    "foreign": (lambda f: edit_index(f, format=99), "format 99"),
    "rows": (lambda f: edit_index(f, videos=[{"name": "x"}]), "damaged"),
    "beyond": (
        lambda f: edit_index(f, videos=[vars(Video("x", "a", "", "train", 10, 10, 25.0))]),
        "reaches beyond",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_folder_is_refused_in_one_sentence(tmp_path, damage):
    spoil, words = DAMAGE[damage]
    saved(tmp_path / "set", 5, 9)
    spoil(tmp_path / "set")
    with pytest.raises(InputError, match=words) as refused:
        VideoSet.open(tmp_path / "set")
    assert "\n" not in str(refused.value)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="there is no folder"):
        VideoSet.open(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "given",
    [
        {"arrays": []},
        {"arrays": [np.zeros((4, 8, 8, 3))]},
        {"arrays": [np.zeros((4, 8, 8), np.uint8)]},
        {"arrays": arrays(4) + arrays(4, size=6)},
        {"arrays": [np.zeros((4, 8, 6, 3), np.uint8)]},
        {"arrays": arrays(4, 4), "labels": ["one"]},
        {"arrays": arrays(4), "splits": ["val"]},
        {"arrays": arrays(0)},
        {"arrays": arrays(4), "fps": 0},
    ],
)
def test_arrays_that_are_no_videos_are_refused(given):
    with pytest.raises(InputError):
        VideoSet.from_arrays(**given)


def test_opening_needs_numpy_only(tmp_path):
    """The promise to machines that have nothing else: the heavy packages are not even looked at."""
    saved(tmp_path / "set", 5)
    code = (
        "import sys\n"
        "for name in ('av', 'torch', 'pydantic', 'papermill', 'PIL', 'matplotlib'):\n"
        "    sys.modules[name] = None\n"
        "from rencgan.data.videoset import VideoSet\n"
        f"assert len(VideoSet.open({str(tmp_path / 'set')!r})) == 1\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_fourth_frame_of_a_folder_is_not_held_in_memory(tmp_path):
    made = arrays(9, 16, 1)
    whole = VideoSet.from_arrays(made, splits=["train", "test", "train"], fps=24.0)
    folder = tmp_path / "set"
    folder.mkdir()
    np.save(folder / FRAMES, whole.frames)
    write_tables(folder, whole.videos, whole.frames.shape, {"title": "a"})
    kept, ours = VideoSet.open(folder).every(4), whole.every(4)
    assert isinstance(kept.frames, np.memmap) and not isinstance(ours.frames, np.memmap)
    assert np.array_equal(kept.frames, np.concatenate([a[::4] for a in made]))
    assert np.array_equal(kept.frames, ours.frames) and kept.videos == ours.videos
    assert [(v.length, v.split, v.fps) for v in kept.videos] == [
        (3, "train", 6.0),
        (4, "test", 6.0),
        (1, "train", 6.0),
    ]
    assert kept.card == {"title": "a"} and kept.path is None
    assert sorted(p.name for p in tmp_path.iterdir()) == ["set"], "the file has no name"
