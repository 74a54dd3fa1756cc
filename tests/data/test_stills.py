"""Names tell which images of a folder are frames of its video, and in which order."""

import pytest

from rencgan.data.sets import Unreadable
from rencgan.data.stills import stills


@pytest.fixture
def named(tmp_path):
    """Stills of a folder with images of these names, and their names."""

    def make(names):
        for name in names:
            (tmp_path / name).touch()
        found = stills(tmp_path)
        return found, [p.name for p in found.files]

    return make


def series(pattern, numbers):
    return [pattern.format(n) for n in numbers]


@pytest.mark.parametrize(
    "order",
    [
        ["2.png", "10.png", "100.png"],
        ["frame_2.jpg", "frame_10.jpg"],
        ["a1b2.png", "a1b10.png"],
        ["0001.png", "0002.jpg", "0003.PNG"],  # another ending goes on
        ["-2.png", "-1.png", "0.png", "1.png"],
        ["0.png", "0.05.png", "0.1.png", "0.15.png", "0.5.png", "1.png", "1.05.png", "10.png"],
        ["t=0.5s.png", "t=1.5s.png", "t=10.5s.png"],
        series("1.{}.png", range(1, 13)),  # 1.1 and 1.10 are no decimals
        ["f1.gif", "f2.gif", "f12.gif"],
        series("00-{}-59.9.png", range(3)) + ["01-0-00.1.png"],  # the digits of a clock
        series("0_{:03d}.png", range(900, 1000, 40)) + series("1_{:03d}.png", range(0, 90, 40)),
        series("scene1_{}.png", range(3)) + series("scene2_{}.png", range(3, 6)),
    ],
)
def test_frames_come_in_the_order_of_their_numbers(named, order):
    assert named(reversed(order))[1] == order


def test_frames_named_by_seconds_tell_their_rate(named):
    found, _ = named(f"{n / 20:g}.png" for n in range(30))
    assert found.fps == 20 and found.notes == ("its frames are named by seconds: 20 a second",)
    assert named(["1.9.png"])[0].notes[1] == "its frames are up to 0.45 s apart"


@pytest.mark.parametrize(
    ("others", "pattern"),
    [
        (series("flow_x_{:05d}.jpg", range(9)) + series("flow_y_{:05d}.jpg", range(9)), "img_#"),
        (series("x-flow_{}.jpg", range(9)), "x-flow_#.jpg (9)"),
        (series("img_{:05d}_mask.png", range(9)), "img_#_mask.png (9)"),
        (series("depth{}.png", range(5)), "depth#.png (5)"),
        (["poster.jpg"], "poster.jpg (1)"),
    ],
)
def test_what_lies_beside_pictures_is_not_read_and_named(named, others, pattern):
    pictures = series("img_{:05d}.jpg", range(9))
    found, files = named([*others, *pictures])
    assert files == pictures
    assert len(found.notes) == 1 and pattern in found.notes[0]


@pytest.mark.parametrize(
    "patterns",
    [
        ("left_{}.png", "right_{}.png"),
        ("flow_x_{}.png", "flow_y_{}.png"),
        ("{}.png", "{}.jpg"),  # every number with both endings
        ("video1_{}.png", "video2_{}.png"),  # each begins anew
        ("5 ({}).png", "6 ({}).png"),
    ],
)
def test_several_sequences_are_refused_by_their_patterns(named, patterns):
    names = [name for p in patterns for name in series(p, range(1, 31))]
    with pytest.raises(Unreadable, match="a folder of its own") as refused:
        named(names)
    for pattern in patterns:
        assert pattern.format("#") + " (30)" in str(refused.value)


def test_images_without_numbers_have_no_order(named):
    with pytest.raises(Unreadable, match=r"cat\.png, dog\.png .* not numbered"):
        named(["cat.png", "dog.png"])


def test_one_number_twice_is_refused(named):
    with pytest.raises(Unreadable, match="the same number"):
        named(["f1.png", "f01.png", "f2.png"])


def test_a_hole_ends_the_run_and_the_longest_one_is_used(named):
    found, files = named(series("frame_{}.png", [*range(1, 41), *range(90, 160)]))
    assert files == series("frame_{}.png", range(90, 160))
    assert found.notes == (
        "a hole in its frames (frames 40 to 90 with nothing between): the longest run is used, "
        "70 of 110",
    )


@pytest.mark.parametrize(
    ("numbers", "note"),
    [
        (range(0, 200, 5), None),
        ([0, 3, 7, 10, 13, 17, 20], None),  # 30 a second brought to 9
        ([*range(5), *range(6, 12)], "1 single frame"),
        ([0, 1, 5, 6, 20, 21, 40, 41, 42, 90], "uneven"),
    ],
)
def test_other_numberings_are_used_whole(named, numbers, note):
    found, files = named(series("{:04d}.png", numbers))
    assert files == series("{:04d}.png", numbers)
    assert (not found.notes) if note is None else note in found.notes[0]
