"""The stand-ins: what the notebooks count on when there is no data."""

from collections import Counter
from math import gcd

import numpy as np
import pytest

from rencgan.core.errors import InputError
from rencgan.data.procedural import DESCRIPTIONS, catalogue, face, figure, people, sky
from rencgan.data.procedural.figure import FORE, SHIN, THIGH, UPPER, joints, mirrored, pose, turned
from rencgan.data.procedural.noise import Tile, cover, pixel_grid

DATASETS = tuple(DESCRIPTIONS)
# Data set: videos, classes, subjects, shortest and longest video.
EXPECTED = {
    "sky": (210, 6, 35, 200, 1000),
    "taichi": (210, 7, 10, 200, 1000),
    "weizmann": (90, 10, 9, 40, 75),
    "kth": (150, 6, 25, 100, 400),
    "ucf101": (153, 17, 9, 40, 200),
    "uva": (240, 1, 120, 100, 200),
}


def change(frames: np.ndarray) -> np.ndarray:
    """Mean absolute difference of adjacent frames in grey levels of 255, one for each step."""
    return np.abs(np.diff(frames.astype(np.float32), axis=0)).mean(axis=(1, 2, 3))


def halved(frames: np.ndarray) -> np.ndarray:
    """Averages of 2 x 2 pixels."""
    n, h, w, c = frames.shape
    return frames.reshape(n, h // 2, 2, w // 2, 2, c).mean(axis=(2, 4))


@pytest.mark.parametrize("dataset", DATASETS)
def test_counts_and_balance(dataset):
    videos, classes, subjects, shortest, longest = EXPECTED[dataset]
    found = catalogue(dataset)
    assert len(found) == videos == len({v.name for v in found})
    assert set(Counter(v.label for v in found).values()) == {videos // classes}
    assert set(Counter(v.subject for v in found).values()) == {videos // subjects}
    if gcd(classes, subjects) == 1 and classes > 1:
        assert len({(v.label, v.subject) for v in found}) == classes * subjects
    assert shortest <= min(v.n_frames for v in found) <= max(v.n_frames for v in found) <= longest
    assert sum(v.n_frames for v in found) <= 85_000


def test_the_published_actions_are_all_there():
    weizmann = "bend jack jump pjump run side skip walk wave1 wave2"
    kth = "boxing handclapping handwaving jogging running walking"
    assert {v.label for v in catalogue("weizmann")} == set(weizmann.split())
    assert {v.label for v in catalogue("kth")} == set(kth.split())


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_subset_is_balanced_and_the_same_videos(dataset):
    whole, some = catalogue(dataset), catalogue(dataset, videos=23)
    assert some == whole[:23]
    counts = Counter(v.label for v in some).values()
    assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize("dataset", ["sky", "taichi"])
def test_further_videos_are_short_and_each_has_a_place_of_its_own(dataset):
    whole, more = catalogue(dataset), catalogue(dataset, videos=500)
    assert more[:210] == whole and {v.n_frames for v in more[210:]} == {64}
    subjects = {v.subject for v in more[210:]}
    assert len(subjects) == 290 and not subjects & {v.subject for v in whole}
    a, b = (v.frames(16)[0].astype(int) for v in more[210 : 210 + 2 * 42 : 42])  # of one class
    assert np.abs(a - b).mean() > 5
    with pytest.raises(InputError, match="has 4200"):
        catalogue(dataset, videos=4201)


@pytest.mark.parametrize("dataset", DATASETS)
def test_frames_are_what_was_described_and_come_out_the_same_twice(dataset):
    video = catalogue(dataset, max_frames=30)[1]
    frames = video.frames(17)
    assert frames.shape == (30, 17, 17, 3) and frames.dtype == np.uint8
    sky.scene.cache_clear()
    people.shot.cache_clear()
    catalogue(dataset, seed=3)[2].frames(16)
    assert np.array_equal(frames, catalogue(dataset, max_frames=30)[1].frames(17))


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("cut", [1, 37, 65])
def test_cutting_a_video_leaves_its_first_frames(dataset, cut):
    whole = catalogue(dataset, videos=4)[3]
    part = catalogue(dataset, videos=4, max_frames=cut)[3]
    assert part.n_frames == min(cut, whole.n_frames)
    assert np.array_equal(part.frames(32), whole.frames(32)[:cut])


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_size_changes_the_resolution_alone(dataset):
    for video in catalogue(dataset, videos=6, max_frames=12):
        small, large = video.frames(32).astype(float), halved(video.frames(64))
        assert np.abs(small - large).mean() < 4.5, video.name
        shifted = np.roll(large, 2, axis=2)
        assert np.abs(small - large).mean() < 0.5 * np.abs(small - shifted).mean(), video.name


@pytest.mark.parametrize("dataset", DATASETS)
def test_no_two_videos_are_alike(dataset):
    first = [v.frames(16)[0].astype(float) for v in catalogue(dataset, videos=24, max_frames=1)]
    if dataset == "uva":
        first += [v.frames(16)[0].astype(float) for v in catalogue("uva", seed=1, max_frames=1)[:3]]
    for i, a in enumerate(first):
        assert min(np.abs(a - b).mean() for b in first[:i] + first[i + 1 :]) > 0.5


def test_other_seeds_give_other_videos():
    for dataset in DATASETS:
        a, b = (catalogue(dataset, seed=s, videos=1, max_frames=1)[0].frames(16) for s in (0, 1))
        assert np.abs(a.astype(float) - b).mean() > 2


def test_skies_move_a_little_calmer_than_real_ones_and_never_jump():
    medians = []
    for video in catalogue("sky", videos=24, max_frames=150):
        step = change(video.frames(32))
        medians.append(np.median(step))
        assert step.max() < 13 and step.max() < 5 * np.median(step), video.name
    assert min(medians) > 0.3 and max(medians) < 3
    assert 0.8 < np.median(medians) < 1.3  # real time-lapses at 32x32: about 1.3 on average


@pytest.mark.parametrize(
    ("dataset", "least"), [("taichi", 0.5), ("weizmann", 0.8), ("ucf101", 0.5)]
)
def test_people_move_visibly_and_smoothly(dataset, least):
    steps = [change(v.frames(32)) for v in catalogue(dataset, videos=20, max_frames=80)]
    assert np.median([s.mean() for s in steps]) > least
    assert min(s.mean() for s in steps) > 0.1
    assert max(s.max() for s in steps) < 14


def test_walkers_cross_the_picture():
    walk = next(v for v in catalogue("weizmann") if v.label == "walk")
    frames = walk.frames(64).astype(float)
    moved = np.abs(frames - np.median(frames, axis=0)).sum(axis=(1, 3))  # (n, 64), along x
    middle = (moved * np.arange(64)).sum(axis=1) / moved.sum(axis=1)
    inside = moved.sum(axis=1) > 0.5 * moved.sum(axis=1).max()
    step = np.diff(middle)[inside[1:] & inside[:-1]]
    assert middle[inside].max() - middle[inside].min() > 25
    assert np.abs(step).max() < 4 and np.abs(np.sign(step).sum()) > 0.9 * len(step)


@pytest.mark.parametrize(("dataset", "size"), [("taichi", 64), ("weizmann", 32), ("kth", 17)])
def test_a_limb_is_drawn_whole_where_only_its_box_is_looked_at(dataset, size, monkeypatch):
    videos = catalogue(dataset, videos=8, max_frames=40)
    boxed = [v.frames(size) for v in videos]
    monkeypatch.setattr(figure, "_box", lambda *_: (slice(None), slice(None)))
    assert all(np.array_equal(a, v.frames(size)) for a, v in zip(boxed, videos, strict=True))


@pytest.mark.parametrize("dataset", ["sky", "taichi"])
def test_a_long_video_does_not_repeat(dataset):
    video = max(catalogue(dataset), key=lambda v: v.n_frames)
    frames = video.frames(16)[::4].reshape(-1, 16 * 16 * 3).astype(np.float32)
    apart = np.abs(frames[:, None] - frames[None, ::9]).mean(axis=-1)
    far = np.abs(np.arange(len(frames))[:, None] - np.arange(len(frames))[None, ::9]) > 4
    assert video.n_frames > 800 and apart[far].min() > 0.15


def test_smiles_come_and_go():
    for index in range(12):
        f = face.face(0, index)
        assert f.smile.min() < 0.15 and f.smile.max() > 0.6
        assert np.abs(np.diff(f.smile)).max() < 0.15
        assert f.blink.max() > 0.9


def test_kth_is_grey():
    frames = catalogue("kth", videos=1, max_frames=2)[0].frames(32)
    assert np.array_equal(frames[..., 0], frames[..., 2])


def test_limbs_keep_their_length():
    j = joints(people.shot("taichi", 0, 4).poses)
    for side in "lr":
        for a, b, length in (
            ("shoulder", "elbow", UPPER),
            ("elbow", "hand", FORE),
            ("hip", "knee", THIGH),
            ("knee", "foot", SHIN),
        ):
            assert np.allclose(np.linalg.norm(j[side + a] - j[side + b], axis=1), length, atol=1e-6)


def test_a_mirrored_pose_is_the_mirror_image():
    key = pose(px=0.1, yaw=0.4, twist=0.3, side=0.1, lhx=0.3, rhz=0.2, lfy=0.2)
    there, back = joints(key[None]), joints(mirrored(key)[None])
    for left, right in (("lelbow", "relbow"), ("rfoot", "lfoot"), ("head", "head")):
        assert np.allclose(there[left] * [-1, 1, 1], back[right])
    assert np.array_equal(mirrored(mirrored(key)), key)


def test_a_quarter_turn_takes_the_front_to_the_right():
    assert np.allclose(turned(np.array([[0.0, 1.0, 2.0]]), np.array([np.pi / 2])), [[2, 1, 0]])


def test_a_tile_is_seamless_and_its_levels_blur():
    tile = Tile(np.random.default_rng(0), 64, 2, 20, 1.4)
    u, v = np.float32([[3.25, 60.5]]), np.float32([[0.75, 63.5]])
    assert np.allclose(tile(u, v), tile(u + 64, v - 128), atol=1e-4)
    wide = tile.offset(np.array([[16.0]]))
    y, x = np.mgrid[:64, :64].astype(np.float32)
    assert tile(x, y, wide).std() < 0.7 * tile(x, y).std()


def test_cover_is_the_share_of_a_pixel():
    x, _ = pixel_grid(10)
    assert np.allclose(cover(x - 0.43, 10), [[1, 1, 1, 1, 0.3, 0, 0, 0, 0, 0]], atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"dataset": "cats"}, "'cats'"),
        ({"dataset": "sky", "videos": 0}, "videos"),
        ({"dataset": "kth", "videos": 151}, "150"),
        ({"dataset": "sky", "videos": 2.5}, "whole number"),
        ({"dataset": "kth", "max_frames": 0}, "max_frames"),
        ({"dataset": "kth", "seed": -1}, "seed"),
    ],
)
def test_bad_requests_are_refused_in_a_sentence(arguments, words):
    with pytest.raises(InputError, match=words) as refusal:
        catalogue(**arguments)
    assert str(refusal.value).endswith(".") and "\n" not in str(refusal.value)


@pytest.mark.parametrize("size", [15, 0, 32.0, True, "64"])
def test_bad_sizes_are_refused(size):
    with pytest.raises(InputError, match="size"):
        catalogue("uva", videos=1)[0].frames(size)
