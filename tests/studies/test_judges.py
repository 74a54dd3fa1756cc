"""Two judges on the same sets: ranks, their agreement, and pairs that they order otherwise."""

import numpy as np
import pytest
from conftest import moving_videos

from rencgan.core.errors import InputError
from rencgan.evaluate.references import BLURRED, HELD, OTHER, SHUFFLED
from rencgan.studies import judges
from rencgan.studies.unseen import REACH, SHORT
from rencgan.studies.weights import names


class Seen:
    """Judges by brightness alone, or by detail alone."""

    def __init__(self, name, detail=False):
        self.name, self.metric, self.detail = name, f"distance ({name})", detail

    def __call__(self, clips):
        x = np.asarray(clips, np.float64)
        x = np.abs(np.diff(x, axis=2)) if self.detail else x
        return np.stack([x.mean((1, 2, 3, 4)), x[:, -1].mean((1, 2, 3))], 1)


def darker(videos, by):
    return [(v * (1 - by)).astype(np.uint8) for v in videos]


def flat(videos, by):
    """Less detail around the mean of each frame, as bright as before."""
    means = [v.mean((1, 2), keepdims=True) for v in videos]
    return [(m + (1 - by) * (v - m)).astype(np.uint8) for v, m in zip(videos, means, strict=True)]


@pytest.fixture(scope="module")
def table():
    real = moving_videos(6, 40, size=16)
    sides = {"same": real, "dark": darker(real, 0.3), "darker": darker(real, 0.6)}
    sides["darkest"] = [v[:16] for v in darker(real, 0.8)]
    return judges.distances(sides, real, [Seen("a"), Seen("b", detail=True)], (16, 32))


def test_the_nearest_comes_first_and_short_videos_have_no_long_distance(table):
    rows = judges.ranked(table)
    assert [row["videos"] for row in rows[:3]] == ["same", "dark", "darker"]
    assert rows[0]["distance (a) 16f"].endswith(" (1)")
    (short,) = (row for row in rows if row["videos"] == "darkest")
    assert short["distance (b) 32f"] is None and short["distance (b) 16f"].endswith("(4)")


def test_judges_that_see_the_same_agree(table):
    rows = {(r["first"], r["second"]): r for r in judges.agreement(table)}
    row = rows["distance (a) 16f", "distance (b) 16f"]
    assert row["Spearman"] == row["Kendall"] == 1 and row["sets"] == 4
    assert rows["distance (a) 16f", "distance (a) 32f"]["sets"] == 3
    assert not judges.told(table)["differ"]


def test_a_pair_in_the_other_order_is_told():
    real = moving_videos(6, 20, size=16)
    sides = {"same": real, "dark": darker(real, 0.3), "flat": flat(real, 0.8)}
    both = [Seen("a"), Seen("b", detail=True)]
    found = judges.told(judges.distances(sides, real, both, (16,)))
    (row,) = found["differ"]
    assert (row["nearer by the first judge"], row["by the second"]) == ("flat", "dark")
    assert row["ranks apart"] == 2 and row["draws that agree"] == "100%, 100%"
    assert row["an eye (ours)"] is None
    assert found["agreement"][0]["Kendall"] == pytest.approx(1 / 3)


def test_an_eye_follows_the_judge_that_has_its_order():
    assert judges._followed("ar2", HELD).startswith("the second judge (noise at")
    assert judges._followed(HELD, "ar2").startswith("the first judge (real but")
    assert judges._followed("r2", "improved-r2").startswith("neither")
    assert set(judges.EYE) == {OTHER, HELD, BLURRED, SHUFFLED} | {*names()}


def test_a_set_that_begins_later_is_compared_with_the_real_frames_from_there_on():
    real = moving_videos(6, 40, size=16)
    sides = {"from 8": [v[8:] for v in real], "from 0": real}
    found = judges.distances(sides, real, [Seen("a")], (16,), starts={"from 8": 8})
    assert found["distance (a) 16f"].tolist() == [0, 0]
    assert judges.distances(sides, real, [Seen("a")], (16,)).loc["from 8"].min() > 0


def test_too_few_videos_are_refused():
    real = moving_videos(3, 20)
    with pytest.raises(InputError, match="at least 4 videos"):
        judges.distances({"same": real}, real, [Seen("a")], (16,))


def test_published_models_and_references_stand_side_by_side():
    real = judges.footage(2, 64)
    assert real.footage[0].shape == (SHORT + REACH, 64, 64, 3) and len(real.others) == 2
    sides, starts = judges.contestants(real, names=("encgan3", "r2", "r3-flow"))
    assert starts == {"encgan3": 0, "r2": 0, "r3-flow": 8}, "R3's first 8 frames are real"
    assert list(sides) == ["encgan3", "r2", "r3-flow", OTHER, HELD, BLURRED, SHUFFLED]
    lengths = {name: {len(v) for v in videos} for name, videos in sides.items()}
    assert lengths.pop("encgan3") == {16} and set(map(tuple, lengths.values())) == {(SHORT,)}
    assert all(len(videos) == 2 for videos in sides.values())
