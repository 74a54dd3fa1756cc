"""How an extractor answers to spoilt video; with one whose answers are known."""

import numpy as np
import pytest
from conftest import moving_videos, real_clips

from rencgan.core.errors import InputError
from rencgan.data.encode import write_mp4
from rencgan.evaluate import compact, fitness, imagenet
from rencgan.evaluate import extractors as features

FAMILIES = {f.name: f for f in fitness.FAMILIES}


class Known:
    """Features that see levels, detail and motion; or, blind, only the mean colour."""

    name, size, min_frames = "known", 16, 2

    def __init__(self, blind=False):
        self.blind = blind

    def __call__(self, clips):
        x = np.asarray(clips, np.float64) / 127.5 - 1
        means = x.mean((1, 2, 3))
        if self.blind:
            return means
        d = np.abs(np.diff(x, axis=1)).mean((2, 3, 4))
        detail = np.abs(np.diff(x, axis=2)).mean((1, 2, 3, 4))
        return 100 * np.column_stack([means, d.mean(1), d.max(1), d.std(1), detail])

    def card(self):
        return {"extractor": self.name, "sha256": "none"}


def shots(count=12, frames=90):
    videos = moving_videos(count, frames)
    labels = ["a", "a", "b"] * (count // 3)
    return [
        fitness.Shot(f"{label}/{i}", label, str(i // 2), v)
        for i, (label, v) in enumerate(zip(labels, videos, strict=True))
    ]


def clip_of(family, level, start=3):
    video = np.arange(100)[:, None, None, None] + np.zeros((1, 4, 4, 3))
    made = FAMILIES[family].make(video.astype(np.uint8), start, level, np.random.default_rng(0))
    assert made.shape == (16, 4, 4, 3) and made.dtype == np.uint8
    return made[:, 0, 0, 0].tolist()


def test_what_each_family_does_to_time():
    assert clip_of("wrong speed", 3) == list(range(3, 51, 3))
    assert clip_of("frozen frames", 12) == [3, 4, 5] + [6] * 13
    assert clip_of("frozen frames", 15) == [3] * 16
    assert clip_of("seam every 8 frames", 4) == [*range(3, 11), *range(15, 23)]
    pairs = np.array(clip_of("shuffled frames", 2)).reshape(8, 2)
    assert sorted(pairs.ravel()) == list(range(3, 19))
    assert (np.sort(pairs, 1)[:, 0] == np.arange(3, 19, 2)).all()
    assert clip_of("shuffled frames", 16) != list(range(3, 19))


def test_noise_and_blur_grow_with_their_level():
    video = moving_videos(1, 20)[0]
    for name, measure in (("noise", 1), ("blur", -1)):
        rough = []
        for level in FAMILIES[name].levels:
            made = FAMILIES[name].make(video, 0, level, np.random.default_rng(0)).astype(float)
            rough.append(measure * np.abs(np.diff(made, axis=1)).mean())
        assert rough == sorted(rough) and rough[0] < rough[-1]


def test_no_family_reaches_behind_the_end():
    for family in fitness.FAMILIES:
        video = moving_videos(1, family.span)[0]
        if family.make:
            for level in family.levels:
                assert len(family.make(video, 0, level, np.random.default_rng(0))) == 16


def test_a_seeing_extractor_is_fit_and_a_blind_one_is_not():
    for name in ("noise", "wrong speed", "frozen frames"):
        row = fitness.measure(FAMILIES[name], shots(), Known())
        assert row["monotone"] and row["fit"] and row["leaves_floor_at"] is not None, row
    row = fitness.measure(FAMILIES["shuffled frames"], shots(), Known(blind=True))
    assert not row["fit"]
    row = fitness.measure(FAMILIES["frozen frames"], shots(), Known(), ("frozen frames",))
    assert row["trained_on"] and fitness.as_markdown([row]).endswith("| yes |")


def test_fit_means_rising_and_leaving_the_floor_by_twice_the_spread():
    def told(distances, spread=1.0):
        row = {"levels": (1, 2, 3, 4), "floor": 5.0, "floor_spread": spread}
        return fitness.verdict(row | {"distances": distances, "spreads": (spread,) * 4})

    fit = told((5.5, 6.0, 7.1, 9.0))
    assert fit == {"monotone": True, "leaves_floor_at": 3, "fit": True}
    assert not told((5.5, 6.0, 5.9, 9.0))["fit"], "it falls once"
    assert not told((5.5, 6.0, 6.5, 7.0))["fit"], "twice the spread is not left behind"
    assert not told((4.9, 6.0, 7.1, 9.0))["fit"], "the first level lies under the floor"


def test_swapped_class_replaces_clips_by_the_other_class():
    rng = np.random.default_rng(0)
    own, other = (
        [fitness.Shot(n, n, n, np.full((30, 4, 4, 3), v, np.uint8)) for n in "xyzw"]
        for v in (10, 200)
    )
    draws = list(fitness._draw(FAMILIES["swapped class"], own, other, rng))
    taken = [(clips == 200).mean() for clips in draws]
    assert taken == [0, 0, 0.25, 0.5, 0.75, 1]


def test_scenes_stay_on_one_side_and_classes_are_shared():
    parts = fitness.halves(shots(24))
    sides = {s.scene: half for half, part in parts.items() for s in part}
    for half, part in parts.items():
        assert all(sides[s.scene] == half for s in part)
        assert {s.label for s in part} == {"a", "b"}
    assert sum(map(len, parts.values())) == 24


def test_names_tell_scenes():
    patterns = [r"walk_(p\d+)", "studio", r"sky_(?:04|09)"]
    same = fitness.scene("x/walk_p1_a.mp4", patterns) == fitness.scene("walk_p1_b", patterns)
    assert same and fitness.scene("walk_p2_a", patterns) != fitness.scene("walk_p1_a", patterns)
    assert fitness.scene("studio1", patterns) == fitness.scene("studio2", patterns)
    assert fitness.scene("sky_04", patterns) == fitness.scene("sky_09", patterns)
    assert fitness.scene("sky_05", patterns) == "sky_05"


def test_too_little_footage_is_refused(tmp_path):
    for i in range(3):
        write_mp4(tmp_path / f"{i}.mp4", moving_videos(1, 20)[0], 25)
    with pytest.raises(InputError, match="has 3 usable videos; a fitness table needs 8"):
        fitness.load(tmp_path, 16)
    with pytest.raises(InputError, match="wrong speed needs at least 4 videos of 76 frames, not 0"):
        fitness.measure(FAMILIES["wrong speed"], shots(6, 40), Known())
    with pytest.raises(InputError, match="at least two folders"):
        fitness.measure(FAMILIES["swapped class"], shots(12)[:2] * 3, Known())


# ----------------------------------------------------------------------------- the shipped evidence


@pytest.fixture(scope="module")
def evidence():
    return fitness.shipped("compact")


def test_the_evidence_is_of_the_shipped_weights(evidence):
    assert evidence["extractor"]["sha256"] == compact.SHA256
    assert evidence["draws"] >= 5
    for half in ("development", "test"):
        assert [r["family"] for r in evidence[half]] == [f.name for f in fitness.FAMILIES]


def test_both_judges_saw_the_same_clips_and_stand_side_by_side(evidence):
    second = fitness.shipped("imagenet")
    assert second["extractor"]["sha256"] == imagenet.SHA256
    assert second["scenes"] == evidence["scenes"] and second["videos"] == evidence["videos"]
    half, count, each = fitness.common(("compact", "imagenet"))
    assert count == evidence["videos"][half]["videos"] and list(each)[0] == "FVD (compact)"
    rows = fitness.beside(each)
    assert [r["spoilt by"].partition(" (")[0] for r in rows] == list(FAMILIES)
    noise = evidence[half][0]
    told = f"{noise['distances'][-1] / noise['floor']:.2g}"
    assert rows[0]["FVD (compact), times its floor"].endswith(told)
    assert "in training" in rows[2]["FVD (compact), times its floor"]
    assert half == "test" and not any(r["trained_on"] for r in second[half])
    unfit = [r["family"] for r in second[half] if not r["fit"]]
    assert unfit == ["seam every 8 frames"], "which evaluate/imagenet.py says"


def test_the_embedded_network_is_fit_on_scenes_it_was_not_developed_on(evidence):
    for r in evidence["test"]:
        steps = [r["floor"], *r["distances"]]
        assert len(r["levels"]) >= 4 and steps == sorted(steps), r["family"]
        assert steps[-1] - r["floor"] > 2 * max(r["floor_spread"], r["spreads"][-1]), r["family"]
    unseen = {r["family"] for r in evidence["test"] if not r["trained_on"]}
    assert unseen == {f.name for f in fitness.FAMILIES} - set(compact.TRAINED_ON)
    assert len(unseen) >= 3


def test_the_embedded_network_answers_to_noise_and_disorder_in_real_video():
    shots = fitness.load(real_clips("sky"), compact.SIZE)
    extractor = features.find("compact", device="cpu")
    for name in ("noise", "shuffled frames"):
        row = fitness.measure(FAMILIES[name], shots[:20], extractor, draws=2)
        steps = [row["floor"], *row["distances"]]
        assert steps == sorted(steps), name
