"""The nearest training clip is that of an exhaustive search, and nothing is held for it."""

import tracemalloc

import numpy as np
import pytest
from conftest import moving_videos

from rencgan.core.errors import InputError
from rencgan.data.videoset import FRAMES, VideoSet, write_tables
from rencgan.evaluate import nearest
from rencgan.evaluate.nearest import Clips


def noise(count, size=16, seed=0, high=256):
    rng = np.random.default_rng(seed)
    return rng.integers(0, high, (count, 16, size, size, 3), dtype=np.uint8)


def extremes(count, seed=0):
    """0, 1, 254 and 255, whose differences no byte holds with a sign."""
    return np.array([0, 1, 254, 255], np.uint8)[noise(count, seed=seed) % 4]


def moving(count, seed=0, size=16):
    videos = moving_videos(count, 16, size=size, seed=seed)
    return np.stack([v[:16] for v in videos])


def alike(count, seed=0):
    """Clips of few different pictures: many are equally near."""
    return np.repeat(np.repeat(noise(5, seed=1)[:, :1, :1, :1], 16, 1), 16, 2).repeat(16, 3)[
        np.random.default_rng(seed).integers(5, size=count)
    ]


def exhaustive(made, training):
    """As it was: all differences, and their means."""
    apart = np.abs(made[:, None].astype(np.int16) - training.astype(np.int16))
    means = apart.reshape(len(made), len(training), -1).mean(2) / 127.5
    return means.argmin(1), means.min(1)


SETS = {
    "noise": (noise(6, seed=1), noise(70)),
    "little contrast": (noise(6, seed=1, high=3), noise(70, high=3)),
    "edge values": (extremes(6, seed=1), extremes(70)),
    "moving": (moving(6, seed=1), moving(70)),
    "equally near": (alike(6, seed=2), alike(70)),
    "the same everywhere": (np.zeros((2, 16, 16, 16, 3), np.uint8),) * 2,
    "black to white": (np.zeros((1, 16, 9, 9, 3), np.uint8), np.full((3, 16, 9, 9, 3), 255, "u1")),
    "odd sizes": (noise(4, 19, seed=1), noise(30, 19)),
    "tiny": (noise(4, 3, seed=1), noise(30, 3)),
    "one clip": (noise(4, seed=1), noise(1)),
}


@pytest.mark.parametrize("at_once", [7, 1024])
@pytest.mark.parametrize("kind", SETS)
def test_it_is_that_of_an_exhaustive_search_to_the_bit(kind, at_once, monkeypatch):
    monkeypatch.setattr(nearest, "AT_ONCE", at_once)
    monkeypatch.setattr(nearest, "PART", 5)
    made, training = SETS[kind]
    made = np.concatenate([made, training[-1:], training[len(training) // 2 :][:1]])
    found, (index, distance) = nearest.in_pixels(made, training), exhaustive(made, training)
    assert found.index.tolist() == index.tolist()
    assert found.distance.tolist() == distance.tolist()
    assert found.distance[-1] == 0, "a planted copy is found"


def test_few_pixels_are_read_where_clips_differ_in_their_colours():
    class Counted(list):
        reads = 0

        def __getitem__(self, i):
            Counted.reads += 1
            return super().__getitem__(i)

    training = Counted(moving(200))
    made = [clip // 2 * 2 for clip in training[::40]]
    Counted.reads = 0
    nearest.in_pixels(made, training)
    assert Counted.reads - 201 < 5 * 200 / 20, "each once for its blocks, few again for a clip"


def test_clips_are_views_evenly_spaced_over_videos():
    videos = [v[:n] for v, n in zip(moving_videos(4, 60), (60, 12, 16, 39), strict=True)]
    clips = Clips(videos, 8)
    wanted = [v[s : s + 16] for v in videos for s in range(0, len(v) - 15, 8)]
    assert len(clips) == len(wanted) == 6 + 0 + 1 + 3
    assert all(np.array_equal(a, b) for a, b in zip(clips, wanted, strict=True))
    assert np.shares_memory(clips[9], videos[3])
    some = Clips(videos, 8, most=4)
    assert [clip.tobytes() for clip in some] == [wanted[i].tobytes() for i in (0, 3, 6, 9)]
    with pytest.raises(IndexError):
        clips[10]


def test_memory_does_not_grow_with_the_training_set(tmp_path, monkeypatch):
    monkeypatch.setattr(nearest, "AT_ONCE", 32)
    peaks = []
    for n in (20, 80):
        folder = tmp_path / str(n)
        folder.mkdir()
        whole = VideoSet.from_arrays(moving_videos(n, 64, size=32))
        np.save(folder / FRAMES, whole.frames)
        write_tables(folder, whole.videos, whole.frames.shape, {})
        opened = VideoSet.open(folder)
        made = Clips(moving_videos(2, 32, size=32, seed=5), 8)
        tracemalloc.start()
        source = Clips([opened.video(i) for i in range(n)], 8)
        nearest.in_pixels(made, source, lambda done, opened=opened: opened.let_go())
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        stacked = len(source) * source[0].nbytes
    assert max(peaks) < stacked / 4
    assert peaks[1] < 1.3 * peaks[0], "four times as many clips"


def test_frames_that_were_let_go_are_read_again(tmp_path):
    whole = VideoSet.from_arrays(moving_videos(2, 20))
    np.save(tmp_path / FRAMES, whole.frames)
    write_tables(tmp_path, whole.videos, whole.frames.shape, {})
    opened = VideoSet.open(tmp_path)
    seen = opened.video(1)
    opened.let_go()
    whole.let_go()
    assert np.array_equal(seen, whole.video(1)) and np.array_equal(opened.frames, whole.frames)


def test_in_features():
    found = nearest.in_features(np.array([[0.0, 1.0]]), np.array([[3.0, 5.0], [0.0, 3.0]]))
    assert found.index[0] == 1 and found.distance[0] == 2


WRONG = {
    "two shapes": (lambda: nearest.in_pixels(noise(2), noise(2, 8)), "do not compare"),
    "two widths": (lambda: nearest.in_features(np.ones((2, 3)), np.ones((2, 4))), "do not compare"),
    "nothing to be near to": (lambda: nearest.in_pixels(noise(2), noise(0)), "is empty"),
    "no bytes": (lambda: nearest.in_pixels(noise(2) / 255, noise(2)), "uint8, not float64"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_cannot_be_compared_is_told_in_a_sentence(kind):
    act, words = WRONG[kind]
    with pytest.raises(InputError, match=words):
        act()
