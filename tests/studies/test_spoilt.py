"""Real video spoilt on purpose: known areas under the curve, and measures that must see."""

import numpy as np
import pandas as pd
import pytest
from conftest import moving_videos

from rencgan.core.errors import InputError
from rencgan.data.videoset import VideoSet
from rencgan.notebook import show
from rencgan.notebook.parameters import MeasuresRun
from rencgan.studies import spoilt
from rencgan.studies.setting import checked

NAMES = [s.name for s in spoilt.SPOILINGS]


class Level:
    """Features that see brightness, detail and motion."""

    name, metric, dims, min_frames = "level", "distance (level)", 3, 2

    def __call__(self, clips):
        x = np.asarray(clips, np.float64)
        parts = [x, np.abs(np.diff(x, axis=2)), np.abs(np.diff(x, axis=1))]
        return np.stack([part.mean((1, 2, 3, 4)) for part in parts], 1)


@pytest.fixture(scope="module")
def sides():
    videos = VideoSet.from_arrays(moving_videos(12, 64))
    return spoilt.sides(None, videos, 6, 32)


@pytest.fixture(scope="module")
def table(sides):
    return spoilt.table(sides, [Level()])


def test_the_area_under_the_curve_is_the_share_of_pairs():
    assert spoilt.auc([3, 4], [1, 2]) == 1 and spoilt.auc([1, 2], [3, 4]) == 0
    assert spoilt.auc([1, 3], [2, 2]) == 0.5 and spoilt.auc([2], [2]) == 0.5
    assert spoilt.auc([1, 3, np.nan], [0, 2]) == 0.75
    assert spoilt.auc([np.nan], [1]) is None


def test_what_is_compared_with_is_other_video_and_all_is_as_long(sides):
    assert len(sides.reference) == len(sides.clean) == 6 and list(sides.spoilt) == NAMES
    for videos in (sides.reference, *sides.tested().values()):
        assert {v.shape for v in videos} == {(32, 16, 16, 3)} and videos[0].dtype == np.uint8
    assert not {v.tobytes() for v in sides.reference} & {v.tobytes() for v in sides.clean}
    for name, videos in sides.spoilt.items():
        pairs = zip(videos, sides.clean, strict=True)
        assert not all(np.array_equal(a, b) for a, b in pairs), name
    assert len(set(spoilt.shown(sides))) == 2


def test_measures_see_what_they_are_made_for(table):
    assert list(table) == NAMES and table.min().min() >= 0 and table.max().max() <= 1
    for measure, spoiling, wanted in (
        ("motion", "frozen", 0),
        ("acceleration over motion", "trembling", 1),
        ("sharpness", "blurred", 0),
        ("detail kept", "faded", 0),
        ("drift of colour", "frozen", 0),
    ):
        assert abs(table.loc[measure, spoiling] - wanted) < 0.1, (measure, spoiling)
    assert table.loc["sharpness", ["shuffled", "frozen"]].between(0.2, 0.8).all()
    assert spoilt.distances(table) == ["distance (level) 16f", "distance (level) 32f"]


def test_sets_are_drawn_anew_for_each_distance(sides):
    def shake(videos):
        return np.array([spoilt.of_videos(16, 32)["acceleration over motion"](v) for v in videos])

    seen = []

    def compare(a, b):
        seen.append((tuple(a), tuple(b)))
        return a.mean() - b.mean()

    found = spoilt._auc_of_sets(spoilt.Between("shaking", shake, compare), sides, 0)
    assert found["trembling"] == 1 and list(found) == NAMES
    assert len(seen) == spoilt.DRAWS * 10 and {len(x) for pair in seen for x in pair} == {3}
    assert len(set(seen)) > len(seen) / 2


def test_conclusions_come_from_the_numbers():
    index = ["near 16f", "drift of motion", "sharpness"]
    cells = {"frozen": [0.5, 0.0, 0.5], "faded": [1.0, 0.4, 0.95], "blurred": [0.6, np.nan, 0.89]}
    table = pd.DataFrame(cells, index=index)
    assert spoilt.told_by(table).loc["drift of motion"].tolist() == [True, False, False]
    assert spoilt.fewest(spoilt.told_by(table)) == ["near 16f", "drift of motion"]
    said = spoilt.conclusions(table)
    assert said[0] == "near 16f tells 1 of 3 and misses frozen, blurred."
    assert said[2:4] == [
        "2 together tell 2: near 16f, drift of motion.",
        "No measure tells blurred.",
    ]
    assert said[4].startswith("To drift less than real video is no merit: frozen")
    alone = spoilt.conclusions(table.loc[["near 16f"]])
    assert not any("together" in sentence for sentence in alone)
    rows = spoilt.rows(table)
    assert rows[1]["blurred"] is None and [row["tells"] for row in rows] == [1, 1, 1]
    whole = pd.DataFrame(0.5, index=index, columns=NAMES)
    seen = spoilt.seen_rows(whole)
    assert [row["spoilt"] for row in seen] == NAMES and all(
        row["an eye notices (ours)"] for row in seen
    )
    assert {row["distances that do not tell it"] for row in seen} == {"near 16f"}
    assert "image/webp" in show.heat(table, "a caption").html


def test_what_is_too_little_is_refused():
    videos = VideoSet.from_arrays(moving_videos(7, 64))
    with pytest.raises(InputError, match="^7 of the videos have 64 frames; 8 are needed"):
        spoilt.sides(None, videos, 6, 32)
    for given in ({"frames": 31}, {"videos": 3}):
        with pytest.raises(InputError, match="at least"):
            checked(given, MeasuresRun)
    assert checked({"preset": "smoke", "videos": 5}, MeasuresRun).many == (5, 32)
    assert checked({"preset": "mini", "frames": 64}, MeasuresRun).many == (64, 64)
