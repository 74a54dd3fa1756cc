"""Any folder against any other: with an extractor that is a few sums, so that values are known."""

import json

import numpy as np
import pytest
from samples import Sums

from rencgan.__main__ import do
from rencgan.core.errors import InputError
from rencgan.data.encode import write_mp4
from rencgan.data.videoset import VideoSet, write_tables
from rencgan.evaluate import scores as ev
from rencgan.evaluate.frechet import distance_of
from rencgan.evaluate.notes import SAME
from rencgan.evaluate.protocols import PROTOCOLS, Protocol, protocol, start


def videos(n=8, frames=40, size=8, seed=0, shift=0):
    rng = np.random.default_rng(seed)
    base = rng.integers(40, 200, (n, 1, 1, 1, 3)) + rng.normal(0, 20, (n, frames, size, size, 3))
    return [np.clip(v + shift, 0, 255).astype(np.uint8) for v in base]


OURS = protocol("ours").but(lengths=(16, 32))


def test_distance_floor_and_spread_of_two_sets():
    p = protocol("ours")
    scores = ev.evaluate(videos(frames=130), videos(frames=130, seed=1, shift=100), p, Sums())
    assert [s.name for s in scores] == [
        "FVD (sums) 16f",
        "FVD (sums) 128f",
        "FVD (sums) 16f / FVD (sums) 128f",
    ]
    first = scores[0]
    assert first.value > 0 and first.spread > 0 and first.floor > 0
    told = first.card["resampled"]
    assert told["counts of the floor"] == 4
    assert told["at the floor's counts"] > 2 * first.floor
    assert scores[2].value == pytest.approx(scores[0].value / scores[1].value)
    json.dumps([s.as_dict() for s in scores])
    ratio = scores[2].card
    assert ratio["frames"] == [16, 128] and ratio["at 128 frames"]["real"]["videos"] == 8
    # Both lengths of a draw are of the same videos, which differ in colour: the ratio is steadier.
    apart = scores[2].value * np.hypot(*(s.spread / s.value for s in scores[:2]))
    assert 0 < scores[2].spread < 0.5 * apart
    assert ratio["resampled"]["mean"] == pytest.approx(scores[2].value, abs=5 * scores[2].spread)
    only = ev.evaluate(videos(), videos(seed=1), OURS, Sums())
    assert [s.name for s in only] == ["FVD (sums) 16f", "FVD (sums) 32f"]


def test_a_set_with_itself_is_answered_with_a_warning():
    scores = ev.evaluate(videos(), videos(), OURS, Sums())
    assert scores[0].value < 1e-9
    assert scores[0].card["notes"] == [SAME]
    assert ev.evaluate(videos(), videos(seed=1), OURS, Sums())[0].card["notes"] == []


def test_folders_of_files_arrays_and_images(tmp_path):
    real, made = tmp_path / "real set", tmp_path / "made"
    real.mkdir()
    made.mkdir()
    for i, v in enumerate(videos(4, size=16)):
        write_mp4(real / f"vidéo {i}.mp4", v, 25)
        np.save(made / f"{i}.npy", v)
    scores = ev.evaluate(real, made, OURS, Sums())
    card = scores[0].card
    assert (
        card["real"]["stored"] == "files (.mp4: h264)"
        and card["generated"]["stored"] == "files (.npy)"
    )
    assert card["real"]["videos"] == card["generated"]["videos"] == 4
    assert card["real"]["frame size"] == [16, 16]
    assert scores[0].value < 0.1, "compression alone is a small distance"
    sized = ev.evaluate(real, made, OURS.but(size=8), Sums())
    assert sized[0].card["real"]["frame size"] == [8, 8]


def test_what_is_short_or_broken_is_left_out_by_name(tmp_path):
    for i, v in enumerate(videos(3)):
        np.save(tmp_path / f"{i}.npy", v)
    np.save(tmp_path / "short.npy", videos(1, frames=5)[0])
    (tmp_path / "broken.npy").write_bytes(b"no array")
    card = ev.evaluate(tmp_path, videos(), OURS, Sums())[0].card
    assert card["real"]["videos"] == 3
    assert card["real"]["left out"]["short.npy"] == "too short (5 frames)"
    assert card["real"]["left out"]["broken.npy"] == "unreadable"
    long = ev.evaluate(videos(4) + videos(1, frames=20, seed=3), videos(), OURS, Sums())
    assert long[0].card["real"]["left out"] == {}
    assert long[1].card["real"]["left out"] == {"video 4": "too short (20 frames)"}


def test_of_a_prepared_set_the_protocols_split_counts(tmp_path):
    made = VideoSet.from_arrays(videos(6), splits=["train"] * 4 + ["test"] * 2)
    np.save(tmp_path / "frames.npy", made.frames)
    write_tables(tmp_path, made.videos, made.frames.shape, {})
    for real in (made, tmp_path):
        for split, count in ((None, 6), ("train", 4)):
            card = ev.evaluate(real, videos(), OURS.but(split=split), Sums())[0].card["real"]
            assert (card["videos"], card["stored"]) == (count, "prepared frames")


def test_one_folder_on_both_sides_is_seen_whatever_a_protocol_takes_of_it(tmp_path):
    for i, v in enumerate(videos(6)):
        np.save(tmp_path / f"{i}.npy", v)
    p = OURS.but(generated=3, lengths=(16,))
    (score,) = ev.evaluate(tmp_path, f"{tmp_path}/../{tmp_path.name}", p, Sums())
    assert SAME in score.card["notes"]


def test_lengths_below_the_extractors_are_refused():
    with pytest.raises(InputError, match=r"FVD \(sums\) needs clips of at least 2 frames"):
        ev.evaluate(videos(), videos(), OURS.but(lengths=(1,)), Sums())


def test_windows_of_different_sizes_are_refused_not_none():
    with pytest.raises(InputError, match="name one size for both sides"):
        ev.windows(videos(), videos(size=4), Sums())


def test_fewer_videos_than_a_protocol_asks_for_change_the_name():
    p = Protocol("small", "a test", real=4, generated=20, lengths=(16,))
    (score,) = ev.evaluate(videos(), videos(seed=1), p, Sums())
    assert score.name == "FVD (sums) 16f (scaled)"
    assert score.card["real"]["videos"] == 4 and score.card["generated"]["videos"] == 8
    assert score.card["generated"]["asked for"] == 20


def test_which_videos_and_frames_a_protocol_takes():
    marked = [np.full((20, 4, 4, 3), 10 * i, np.uint8) for i in range(8)]
    for v in marked:
        v += np.arange(20, dtype=np.uint8)[:, None, None, None]
    seen = []

    class Watching(Sums):
        def __call__(self, clips):
            seen.extend((int(c[0, 0, 0, 0]) // 10, c[:, 0, 0, 0] % 10) for c in clips)
            return super().__call__(clips)

    p = Protocol("p", "a test", real=3, generated=2, lengths=(4,), real_stride=3)
    ev.evaluate(marked, marked[::-1], p, Watching())
    assert [s[0] for s in seen[:3]] == [0, 1, 2], "the first in sorted order"
    assert seen[0][1].tolist() == [0, 3, 6, 9] and seen[3][1].tolist() == [0, 1, 2, 3]
    seen.clear()
    ev.evaluate(marked, marked, p.but(choice="random"), Watching())
    assert [s[0] for s in seen[:3]] != [0, 1, 2]


def test_starts_depend_on_the_video_alone():
    assert start("first", 40, 16, 0, 3) == 0 and start("middle", 40, 16, 0, 3) == 12
    drawn = {start("random", 40, 16, 0, i) for i in range(200)}
    assert drawn == set(range(25))
    assert start("random", 40, 16, 0, 3) == start("random", 40, 16, 0, 3)


def test_windows_follow_a_video_that_fades():
    made = videos(6, frames=64, seed=1)
    for v in made:
        v[32:] = 0
    scores = ev.windows(videos(6, frames=64), made, Sums())
    assert [s.name for s in scores][0] == "FVD (sums), frames 0 to 15"
    values = [s.value for s in scores]
    assert len(values) == 4 and min(values[2:]) > 1.3 * max(values[:2])


def test_scores_of_different_cards_do_not_share_a_column():
    a = ev.evaluate(videos(), videos(seed=1), OURS, Sums())
    b = ev.evaluate(videos(), videos(seed=2), OURS, Sums())
    assert ev.column([a[0], b[0]]) == [a[0].value, b[0].value]
    others = {
        "frames": (a[0], a[1]),
        r"protocol \(name, choice": (
            a[0],
            ev.evaluate(videos(), videos(seed=1), OURS.but(name="mine", choice="sorted"), Sums())[
                0
            ],
        ),
        "the real side": (a[0], ev.evaluate(videos(7), videos(seed=1), OURS, Sums())[0]),
        r"the generated side \(videos\)": (
            a[0],
            ev.evaluate(videos(), videos(5, seed=1), OURS, Sums())[0],
        ),
    }
    for words, pair in others.items():
        with pytest.raises(InputError, match=f"do not go into one column.*{words}"):
            ev.column(pair)


WRONG = {
    "one video": (lambda: (videos(1), videos()), "of the real videos 1 can be used; at least 2"),
    "short ones": (
        lambda: (videos(), videos(frames=9)),
        "of the generated videos 0 can be used; at least 2 of at least 16 frames",
    ),
    "mixed sizes": (
        lambda: (videos(2) + videos(2, size=4), videos()),
        r"real videos have frames of .*8x8.*name one size",
    ),
    "two sizes": (lambda: (videos(), videos(size=4)), "real frames are 8x8, generated ones 4x4"),
    "not a folder": (lambda: ("nowhere", videos()), "the real videos: nowhere is not a folder"),
    "whole numbers": (lambda: (videos(), [v.astype(int) for v in videos()]), "not uint8 or floats"),
    "flat": (lambda: (videos(), [v[0] for v in videos()]), r"must be \(T, H, W, 3\)"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_bad_sides_get_one_sentence(kind):
    make, words = WRONG[kind]
    with pytest.raises(InputError, match=words):
        ev.evaluate(*make(), OURS, Sums())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"real_frames": "last"}, "real_frames is one of first, random, middle, not 'last'"),
        ({"choice": "best"}, "choice is 'sorted' or 'random'"),
        ({"lengths": ()}, "lengths are whole numbers"),
        ({"real": 1}, "at least 2 real videos, not 1"),
        ({"repeats": 4}, "at least 5 repeats, not 4"),
        ({"ddof": 2}, "ddof is 0 or 1"),
        ({"size": 4}, "size is at least 8 pixels, not 4"),
        ({"lengths": (16, 16)}, "each length is named once"),
        ({"generated_stride": 0}, "strides are whole numbers from 1 up"),
        ({"frame": 3}, "a protocol has no field frame"),
    ],
)
def test_impossible_protocols_are_refused(changes, words):
    with pytest.raises(InputError, match=words):
        protocol("ours").but(**changes)


def test_an_unknown_protocol_is_refused_with_those_there_are():
    with pytest.raises(InputError, match="no protocol 'fvd'; choose one of ours, thesis"):
        protocol("fvd")
    assert all(p.name == name and p.source for name, p in PROTOCOLS.items())


# ------------------------------------------------------------------------- what else a card can say


def test_the_reconstructions_distance_goes_into_the_card():
    real = videos()
    rebuilt = [np.clip(v.astype(int) + 10, 0, 255).astype(np.uint8) for v in real]
    scores = ev.evaluate(real, videos(seed=1), OURS, Sums(), reconstructed=rebuilt)
    alone = ev.evaluate(real, rebuilt, OURS, Sums())
    for s, a in zip(scores[:2], alone[:2], strict=True):
        assert s.card["reconstruction"]["distance"] == a.value > 0
        assert s.card["reconstruction"]["videos"] == 8
    assert alone[0].card["reconstruction"] is None
    with pytest.raises(InputError, match="of the reconstructed videos 0 can be used"):
        ev.evaluate(real, videos(), OURS, Sums(), reconstructed=[v[:9] for v in rebuilt])


def test_mean_and_spread_are_over_at_least_five_draws():
    real, made = videos(), videos(seed=1, shift=30)
    p = OURS.but(choice="sorted")
    score = ev.evaluate(real, made, p, Sums())[0]
    assert score.card["protocol"]["repeats"] >= 5
    rng = np.random.default_rng([0, 37])
    a, b = (Sums()(np.stack([v[:16] for v in side])) for side in (real, made))
    drawn = [distance_of(rng.choice(a, 8), rng.choice(b, 8)) for _ in range(p.repeats)]
    assert score.card["resampled"]["mean"] == pytest.approx(np.mean(drawn))
    assert score.spread == pytest.approx(np.std(drawn, ddof=1))
    other = ev.evaluate(real, made, p, Sums(), seed=1)[0]
    assert other.spread != score.spread, "another seed draws other videos"


def test_several_clips_of_a_video_are_drawn_but_count_as_one_video():
    p = OURS.but(lengths=(16,), clips=3, real_frames="random", generated_frames="random")
    (score,) = ev.evaluate(videos(), videos(seed=1), p, Sums())
    assert score.card["real"]["videos"] == 8
    sides = [ev.Footage.of("real", videos())]
    (side,) = ev._gathered(sides, p, [ev.Window(16)], Sums(), 0, None)
    features = side.features[ev.Window(16)]
    assert features.shape == (8, 3, 4)
    assert len(np.unique(features[0], axis=0)) == 3, "different clips"
    with pytest.raises(InputError, match="differ only where a side's frames are 'random'"):
        OURS.but(clips=2)


def test_distinct_source_videos_are_counted(tmp_path):
    names = ["filmA_0001", "filmA_0002", "filmB_0001", "filmC_0007"]
    made = VideoSet.from_arrays(videos(4), names=names, subjects=["A", "A", "B", "C"])
    for dataset, count in (("sky", 3), ("kth", 4), ("", 4)):
        made.card["dataset"] = dataset
        card = ev.evaluate(made, videos(), OURS, Sums())[0].card
        assert card["real"]["distinct source videos"] == count, dataset
        assert card["generated"]["distinct source videos"] == 8


def test_the_same_samples_under_every_protocol():
    real = VideoSet.from_arrays(videos(8, frames=140, size=16), splits=["train"] * 6 + ["test"] * 2)
    found, refused = ev.under_protocols(real, videos(6, 140, 16, seed=1), {"sums": Sums()})
    rows = ev.rows(found)
    assert {r["protocol"].removesuffix(" (scaled)") for r in rows} == set(ev.GENERAL)
    assert set(PROTOCOLS) - set(ev.GENERAL) == {"ivgan"} and not refused
    of = {(r["protocol"], r["score"]): r for r in rows}
    assert of["ours", "FVD (sums) 128f"]["real"] == 8
    assert of["styleganv (scaled)", "FVD (sums) 16f"]["real"] == 6, "its training split"
    assert ("ours (scaled)", "FVD (sums) 16f") not in of
    values = {r["value"] for r in rows if r["score"] == "FVD (sums) 16f"}
    assert len(values) >= 3, "a number depends on its protocol"

    class Long(Sums):
        metric, min_frames = "FVD (long)", 100

    found, refused = ev.under_protocols(real, videos(6, 140, 16, seed=1), {"long": Long()})
    assert "tats, FVD (long)" in refused and "at least 100 frames" in refused["tats, FVD (long)"]


def test_windows_read_each_video_once():
    read, made = [], videos(4, frames=64, seed=1)

    def counted(i, most):
        read.append((i, most))
        return made[i]

    side = ev.Footage("generated", list("abcd"), counted, "arrays")
    p, wanted = OURS.but(choice="sorted"), [ev.Window(16, k) for k in (0, 16, 32, 48)]
    (found,) = ev._gathered([side], p, wanted, Sums(), 0, None)
    assert read == [(0, 64), (1, 64), (2, 64), (3, 64)]
    one = Sums()(np.stack([made[2][32:48]]))
    assert np.array_equal(found.features[wanted[2]][2], one)


def test_nan_and_values_out_of_range_are_refused_with_the_embedded_network():
    for value, words in ((np.nan, "NaN or infinity"), (1.5, "values from .* to 1.5")):
        broken = [v / 127.5 - 1 for v in videos(3)]
        broken[1][3, 2, 2] = value
        with pytest.raises(InputError, match=words):
            ev.evaluate(broken, videos(3), OURS, "compact")


def test_the_command_scores_two_folders(tmp_path, capsys):
    for side, seed in (("real", 0), ("made", 1)):
        (tmp_path / side).mkdir()
        for i, v in enumerate(videos(4, frames=20, size=16, seed=seed)):
            np.save(tmp_path / side / f"{i}.npy", v)
    do(["evaluate", str(tmp_path / "real"), str(tmp_path / "made"), "--json"])
    (score,) = json.loads(capsys.readouterr().out)["scores"]
    assert score["name"] == "FVD (compact) 16f" and score["value"] > 0 and score["spread"] > 0
    assert score["card"]["extractor"]["sha256"] and score["floor"] > 0
    do(["evaluate", str(tmp_path / "real"), str(tmp_path / "made")])
    assert capsys.readouterr().out.startswith("FVD (compact) 16f ")


# ------------------------------------------------------------------- what a second look had found


def test_scores_of_different_kinds_do_not_share_a_column():
    scores = ev.evaluate(videos(frames=130), videos(frames=130, seed=1), "ours", Sums())
    with pytest.raises(InputError, match="do not go into one column"):
        ev.column([scores[0], scores[2]])


@pytest.mark.parametrize("name", ["thesis", "styleganv", "styleganv-random", "g3an-video-fid"])
def test_a_perfect_reconstruction_has_no_distance(name):
    real = videos(90, frames=20, size=4)
    p = protocol(name).but(lengths=(16,), real_stride=1)
    score = ev.evaluate(real, videos(70, frames=20, size=4, seed=1), p, Sums(), reconstructed=real)[
        0
    ]
    told = score.card["reconstruction"]
    assert told["distance"] < 1e-9 and told["videos"] == score.card["real"]["videos"]


def test_bytes_and_floats_may_lie_in_one_folder(tmp_path):
    dark = [v // 200 for v in videos(6)]  # 0 or 1, which as floats would mean grey to white
    mixed = [v if i % 2 else v / 127.5 - 1 for i, v in enumerate(dark)]
    score = ev.evaluate(dark, mixed, OURS, Sums())[0]
    assert score.value < 1e-9 and SAME in score.card["notes"]
    sized = ev.evaluate(dark, mixed, OURS.but(size=16), Sums())
    assert sized[0].value < 1e-9, "floats are brought to a size too"


def test_values_out_of_range_name_the_file(tmp_path):
    for i, v in enumerate(videos(3)):
        np.save(tmp_path / f"{i}.npy", v / 127.5 - (1 if i != 1 else 0))
    with pytest.raises(InputError, match=r"real video 1.npy: clips hold values from"):
        ev.evaluate(tmp_path, videos(), OURS, Sums())


def test_floats_from_0_to_1_are_warned_of():
    score = ev.evaluate(videos(), [v / 255 for v in videos(seed=1)], OURS, Sums())[0]
    (told,) = score.card["notes"]
    assert "the generated videos are floats that never fall below 0" in told
    made = [v / 255 for v in videos()]
    both = ev.evaluate(made, made, OURS, Sums())[0].card["notes"]
    assert both[0] == SAME and "the real videos are floats" in both[1]
    right = ev.evaluate(videos(), [v / 127.5 - 1 for v in videos(seed=1)], OURS, Sums())[0]
    assert right.card["notes"] == []


def test_a_video_kept_both_ways_counts_once(tmp_path):
    for i, v in enumerate(videos(3, size=16)):
        np.save(tmp_path / f"{i}.npy", v)
        write_mp4(tmp_path / f"{i}.mp4", v, 25)
    np.save(tmp_path / ".hidden.npy", v)
    np.save(tmp_path / "labels.npy", np.arange(3))
    card = ev.evaluate(tmp_path, videos(4, size=16, seed=1), OURS, Sums())[0].card["real"]
    assert card["videos"] == 3 and card["stored"] == "files (.npy)"
    assert card["left out"] == {"labels.npy": "not (T, H, W, 3) but (3,)"}
    link = tmp_path.parent / "linked"
    link.mkdir()
    (link / "inner").symlink_to(tmp_path)
    assert ev.evaluate(link, videos(4, size=16), OURS, Sums())[0].card["real"]["videos"] == 3


def test_no_film_lies_in_both_halves_of_the_floor():
    rng = np.random.default_rng(0)
    sources = ["a"] * 4 + ["b"] * 3 + ["c"] * 5 + ["d"]
    for _ in range(20):
        one, other = ev._halves(sources, rng)
        assert len(one) == len(other) >= 2
        assert not {sources[i] for i in one} & {sources[i] for i in other}
    one, other = ev._halves(list("abcdefgh"), rng)
    assert len(one) == len(other) == 4 and len({*one, *other}) == 8
    assert ev._halves(["a"] * 6, rng)[0].size == 0, "one film has no floor"


def test_the_command_tells_what_the_numbers_do_not(tmp_path, capsys):
    for i, v in enumerate(videos(4, frames=20, size=16)):
        np.save(tmp_path / f"{i}.npy", v)
    np.save(tmp_path / "short.npy", v[:5])
    do(["evaluate", str(tmp_path), str(tmp_path)])
    told = capsys.readouterr().err
    assert "both sides are the same videos" in told
    assert "left out of the real videos: short.npy: too short (5 frames)" in told
    assert "no distance of 128 frames" in told
    for wrong, words in (("--size", "size is at least 8"), ("--seed", "seed is a whole number")):
        with pytest.raises(InputError, match=words):
            do(["evaluate", str(tmp_path), str(tmp_path), wrong, "-3"])


def test_only_as_many_frames_are_read_as_count(tmp_path):
    for side in "ab":
        (tmp_path / side).mkdir()
        for i, v in enumerate(videos(2, frames=60, size=16)):
            write_mp4(tmp_path / side / f"{i}.mp4", v, 25)
    footage = ev.Footage.of("real", tmp_path / "a")
    assert len(list(footage.frames(0, 20))) == 20 and len(footage.whole(0)) == 60
    kept = [frame is not None for frame in footage.frames(0, 20, range(3, 9, 2).__contains__)]
    assert [t for t, k in enumerate(kept) if k] == [3, 5, 7]


def test_windows_of_a_video_have_prints_of_their_own():
    real, made = videos(6, frames=64), videos(6, frames=64, seed=1)
    first = ev.windows(real, made, Sums())[0]
    alone = ev.evaluate(real, made, protocol("ours").but(lengths=(16,)), Sums())[0]
    assert ev.column([first, named(alone, first.name)]) == [alone.value] * 2


def named(score, name):
    return ev.Score(name, score.value, score.floor, score.spread, score.card)
