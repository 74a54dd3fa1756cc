"""What a comparison says of its own sides: every kind that people have met, and that it is silent
where nothing is wrong.
"""

import json
import weakref

import numpy as np
import pytest
from PIL import Image
from samples import Sums

from rencgan.__main__ import do
from rencgan.core.errors import InputError
from rencgan.data.encode import write_mp4
from rencgan.data.footage import Footage
from rencgan.data.video import Film
from rencgan.data.videoset import VideoSet
from rencgan.evaluate import extractors, folders, sides
from rencgan.evaluate import scores as ev
from rencgan.evaluate.notes import SAME
from rencgan.evaluate.protocols import protocol

OURS = protocol("ours").but(lengths=(16,))


def videos(n=4, frames=20, size=16, seed=0):
    rng = np.random.default_rng(seed)
    base = rng.integers(40, 200, (n, 1, 1, 1, 3)) + rng.normal(0, 20, (n, frames, size, size, 3))
    return [np.clip(v, 2, 255).astype(np.uint8) for v in base]


def films(folder, some, fps=25.0):
    for i, v in enumerate(some):
        write_mp4(folder / f"v{i}.mp4", v, fps)
    return folder


def arrays(folder, some):
    folder.mkdir(parents=True, exist_ok=True)
    for i, v in enumerate(some):
        np.save(folder / f"v{i}.npy", v)
    return folder


def pictures(folder, some, ending=".png"):
    for i, v in enumerate(some):
        inner = folder / f"v{i}.mp4"  # a folder may be called like a film
        inner.mkdir(parents=True)
        for t, frame in enumerate(v):
            Image.fromarray(frame).save(inner / f"{t}{ending}")
    return folder


def card(real, made, p=OURS):
    return ev.evaluate(real, made, p, Sums())[0].card


def notes(real, made, p=OURS):
    return card(real, made, p)["notes"]


def only(found, *words):
    """The one note there is; it holds these words."""
    (note,) = found
    assert all(word in note for word in words), note
    return note


# ------------------------------------------------------------------------------ rates and motion


def test_sides_of_other_rates_are_told_of(tmp_path):
    real = films(tmp_path / "real", videos(), 30)
    made = films(tmp_path / "made", videos(seed=1), 10)
    only(notes(real, made), "real 30, generated 10", "up to 3 times as fast")
    found = card(real, made)
    assert found["real"]["frames a second"] == [30, 30]
    assert found["generated"]["frames a second"] == [10, 10]
    assert notes(real, films(tmp_path / "near", videos(seed=1), 29.97)) == []
    # One of every three real frames: a protocol's strides count.
    assert notes(films(tmp_path / "r", videos(frames=50), 30), made, OURS.but(real_stride=3)) == []


def test_rates_that_differ_within_a_side_are_told_of_and_unknown_ones_are_not(tmp_path):
    real = films(tmp_path / "real", videos(2), 12)
    write_mp4(real / "fast.mp4", videos(1, seed=2)[0], 48)
    only(notes(real, films(tmp_path / "made", videos(seed=1), 24)), "real 12 to 48, generated 24")
    prepared = VideoSet.from_arrays(videos(), fps=8.0)
    assert notes(prepared, videos(seed=1)) == [] and card(videos(), prepared)["notes"] == [SAME]
    assert card(prepared, videos(seed=1))["generated"]["frames a second"] is None


def test_frames_repeated_for_a_higher_rate_are_told_of():
    made = [v.repeat(3, 0)[:20] for v in videos(seed=1)]
    only(notes(videos(), made), "real 0%, generated 67%", "higher rate")
    assert notes(made, [v.repeat(3, 0)[:20] for v in videos(seed=2)]) == [], "both alike"


# -------------------------------------------------------------------------------------- values


def test_bytes_of_0_and_1_are_told_of():
    made = [(v / 255).round().astype(np.uint8) for v in videos(seed=1)]
    only(notes(videos(), made), "4 of the 4 generated videos hold no byte above 1", "by 255")
    assert card(videos(), made)["generated"]["values"] == [0, 1]
    one = [made[0], *videos(3, seed=1)]
    only(notes(one, videos(seed=2)), "1 of the 4 real videos hold no byte above 1")


def test_floats_from_0_to_255_are_refused_with_what_they_may_be():
    told = (
        r"video [0-3]: clips hold values from \d+ to \d+; floats are in \[-1, 1\], and .* is uint8"
    )
    with pytest.raises(InputError, match=told):
        notes(videos(), [np.clip(v, 2, 255).astype(np.float32) for v in videos(seed=1)])


def test_red_and_blue_exchanged_are_told_of():
    def warm(seed):
        return [np.clip(v.astype(int) + [90, 0, -30], 0, 255).astype(np.uint8) for v in many[seed]]

    many = [videos(12), videos(12, seed=1)]
    only(notes(warm(0), [v[..., ::-1] for v in warm(1)]), "BGR")
    assert notes(warm(0), warm(1)) == []


def test_a_grey_side_is_told_of():
    grey = [v[..., :1].repeat(3, -1) for v in videos(seed=1)]
    only(notes(videos(), grey), "the generated videos are grey, the real ones have colours")
    only(notes(grey, videos()), "the real videos are grey, the generated ones have colours")
    assert notes(grey, [v[..., :1].repeat(3, -1) for v in videos()]) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v: v.transpose(0, 3, 1, 2), r"transpose\(0, 2, 3, 1\)"),
        (lambda v: v.transpose(3, 0, 1, 2), r"transpose\(1, 2, 3, 0\)"),
        (lambda v: v[..., 0], "in grey"),
        (lambda v: v[..., :1], "in grey"),
        (lambda v: np.concatenate([v, v[..., :1]], -1), "with transparency"),
        (lambda v: v[None], "several videos. Give each a file of its own"),
    ],
)
def test_arrays_of_another_shape_are_told_what_they_may_be(change, words, tmp_path):
    wrong = [change(v) for v in videos(seed=1)]
    for made in (wrong, arrays(tmp_path / "made", wrong)):
        with pytest.raises(InputError, match=words):
            notes(videos(), made)


def test_arrays_of_objects_and_archives_are_told_of(tmp_path):
    real = arrays(tmp_path / "real", videos())
    np.save(real / "list.npy", np.array([{"video": 1}], object), allow_pickle=True)
    np.savez(real / "more.npz", *videos())
    (real / "read me.txt").touch()
    found = card(real, videos(seed=1))
    assert found["real"]["left out"] == {"list.npy": "unreadable: it holds Python objects"}
    only(found["notes"], "beside the real videos lie files that are not read: 1 .npz")
    assert found["real"]["other files"] == {".npz": 1, ".txt": 1}
    (tmp_path / "packed").mkdir()
    np.savez(tmp_path / "packed" / "all.npz", *videos())
    with pytest.raises(InputError, match=r"there is none in .*packed; it has files of .npz"):
        notes(videos(), tmp_path / "packed")


# ------------------------------------------------------------------------- copies and real frames


def test_copies_count_once_and_lie_in_one_half_of_the_floor(tmp_path, monkeypatch):
    made = arrays(tmp_path / "made", videos(1, seed=1) * 9)
    found = card(videos(), made)
    assert found["generated"]["videos"] == 9
    assert found["generated"]["distinct source videos"] == 1
    only(found["notes"], "of the 9 generated videos only 1 differ")
    pairs = videos(4) * 2
    found = ev.evaluate(pairs, videos(seed=1), OURS, Sums())[0]
    assert found.card["real"]["distinct source videos"] == 4
    monkeypatch.setattr(sides.Side, "sources", lambda side, w: [str(i) for i in side.used[w]])
    assert found.floor > 1.2 * ev.evaluate(pairs, videos(seed=1), OURS, Sums())[0].floor


def test_films_that_share_a_segment_are_one():
    some = videos(n=5)
    some[2] = some[1]  # of films a and b
    footage = Footage.of("real", some)
    footage.sources = ["a", "a", "b", "b", "c"]
    (window,) = wanted = [sides.Window(16)]
    found = sides.gather(footage, OURS, wanted, Sums(), 0).sources(window)
    assert sorted(found.count(film) for film in set(found)) == [1, 4]


def test_real_frames_among_generated_ones_are_told_of():
    real, made = videos(), videos(seed=1)
    made[2] = real[1]
    only(notes(real, made), "1 of the 4 generated videos consist of frames of the real ones")
    given = [np.concatenate([r[:3], m[3:]]) for r, m in zip(real, videos(seed=1), strict=True)]
    only(notes(real, given), "4 of the 4 generated videos hold up to 3 frames of the real", "given")


def test_a_black_beginning_is_no_real_frame_among_generated_ones():
    some = [*videos(), *videos(seed=1)]
    black = [np.concatenate([np.zeros_like(v[:4]), v[4:]]) for v in some]
    assert notes(black[:4], black[4:]) == []
    all_black = [*black[4:7], np.zeros_like(black[7])]
    assert "real" not in " ".join(notes(black[:4], all_black))


def test_a_folder_within_the_other_is_told_of(tmp_path):
    real = arrays(tmp_path / "all", videos())
    made = arrays(tmp_path / "all" / "samples", videos(seed=1))
    told = notes(real, made)
    assert any("the generated videos lie in the folder of the real ones" in n for n in told)
    assert any("consist of frames of the real ones" in n for n in told)
    assert notes(arrays(tmp_path / "a", videos()), arrays(tmp_path / "b", videos(seed=1))) == []


# ------------------------------------------------------------------------------------- how kept


def test_one_side_compressed_and_the_other_not_is_told_of(tmp_path):
    real, made = films(tmp_path / "real", videos()), arrays(tmp_path / "made", videos(seed=1))
    only(notes(real, made), "real videos went through lossy", "(files (.mp4: h264))", "(.npy)")
    found = card(real, made)
    assert (found["real"]["lossless"], found["generated"]["lossless"]) == (False, True)
    jpeg = pictures(tmp_path / "jpeg", videos(seed=2), ".jpg")
    only(notes(made, jpeg), "generated videos went through lossy", "folders of .jpg")
    assert notes(real, films(tmp_path / "other", videos(seed=1))) == []
    assert notes(made, videos()) == [], "of arrays in memory nothing is known"


def test_folders_of_images_called_like_films_are_called_what_they_are(tmp_path):
    made = pictures(tmp_path / "made", videos(seed=1))
    found = card(arrays(tmp_path / "real", videos()), made)
    assert found["generated"]["stored"] == "folders of .png" and found["notes"] == []
    assert found["generated"]["lossless"] and found["generated"]["frames a second"] is None


def test_sizes_that_differ_before_they_are_brought_to_one_are_told_of(tmp_path):
    real = films(tmp_path / "real", [v.repeat(2, 2) for v in videos(size=32)])
    made = films(tmp_path / "made", videos(seed=1))
    note = only(notes(real, made, OURS.but(size=24)), "brought to 24x24: real from 64x32")
    assert "generated from 16x16" in note
    assert notes(made, films(tmp_path / "b", videos(seed=2)), OURS.but(size=24)) == []


def test_the_command_prints_notes_on_sides_and_on_single_films(tmp_path, capsys, monkeypatch):
    real = films(tmp_path / "real", videos(), 30)
    made = films(tmp_path / "made", videos(seed=1), 10)
    read = Film.__iter__

    def noted(film):
        yield from read(film)
        film.notes.append("odd")

    monkeypatch.setattr(Film, "__iter__", noted)
    monkeypatch.setattr(folders, "SHOWN", 3)
    do(["evaluate", str(real), str(made)])
    told = capsys.readouterr().err
    assert "frames a second differ (real 30, generated 10)" in told
    assert told.count("real video v") == 3 and "and 1 more notes on real videos" in told
    do(["evaluate", str(real), str(made), "--json"])
    (score,) = json.loads(capsys.readouterr().out)["scores"]
    assert len(score["card"]["notes"]) == 1


# --------------------------------------------------------------------------------------- memory


@pytest.mark.parametrize("size", [48, 64, 90])
def test_large_frames_are_shrunk_as_they_come_with_the_same_scores_to_the_bit(size, monkeypatch):
    real, made = videos(3, 20, size), videos(3, 20, size, seed=1)
    p, compact = OURS.but(lengths=(16, 20)), extractors.find("compact")
    before = ev.evaluate(real, made, p, compact)
    held = []

    def shrunk(frames):
        held.append(len(frames))
        return extractors.Extractor._shrunk(compact, frames)

    monkeypatch.setattr(extractors.Extractor, "shrink", property(lambda _: shrunk))
    for room in (0, 3 * size * size * 3):  # every frame by itself; four at a time
        monkeypatch.setattr(sides, "HELD", room)
        after = ev.evaluate(real, made, p, compact)
        assert [(s.value, s.floor, s.card) for s in after] == [
            (s.value, s.floor, s.card) for s in before
        ]
    assert {1, 4} <= set(held) and max(held) == 4


def test_of_a_film_only_the_frames_that_count_are_held(tmp_path, monkeypatch):
    films(tmp_path, videos(3, frames=90))
    given, most = [], []

    class Frame(np.ndarray):
        """An array that can be referred to weakly."""

    def brought(self, name, frame):
        frame = frame.copy().view(Frame)
        given.append(weakref.ref(frame))
        most.append(sum(ref() is not None for ref in given))
        return frame

    monkeypatch.setattr(ev.Footage, "_brought", brought)
    p = OURS.but(real_frames="middle", generated_frames="random")
    (score,) = ev.evaluate(tmp_path, tmp_path, p, Sums())
    assert score.card["real"]["videos"] == 3 and max(most) <= 16 + 2


def test_whole_videos_are_shrunk_as_they_come_too(tmp_path):
    footage = ev.Footage.of("real", films(tmp_path, videos(1, size=64)), 16)
    assert footage.whole(0).shape == (20, 16, 16, 3)
    (tmp_path / "v0.mp4").write_bytes(b"no film")
    assert footage.whole(0) is None and "unreadable" in footage.left_out["v0.mp4"]
