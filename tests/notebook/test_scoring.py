"""What notebooks score: with the embedded extractor and with models before any training."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup
from conftest import moving_videos
from samples import Sums

from rencgan.core.errors import InputError
from rencgan.data.videoset import VideoSet
from rencgan.evaluate import extractors as features
from rencgan.evaluate import measures
from rencgan.evaluate import scores as evaluate
from rencgan.evaluate.references import BLURRED, HELD, OTHER, SHUFFLED
from rencgan.evaluate.scores import Score
from rencgan.models.ar2 import AR2
from rencgan.models.encgan3 import EncGAN3
from rencgan.models.lencgan import LEncGAN
from rencgan.models.r2 import R2
from rencgan.models.trained import Trained, begun
from rencgan.notebook import score_tables, scoring
from rencgan.presets.table import SMOKE
from rencgan.studies import generated
from rencgan.studies.generated import Rebuilt, clips_of, rebuilt

P = SimpleNamespace(hop=8, codes="sample", seed=0, frames=48, dataset="sky")


def a_model(system=None) -> Trained:
    """Networks that differ from those of seed 0, as trained ones do; an R2's unless said."""
    return replace(begun(system or R2(), SMOKE, seed=9), seed=0)


@pytest.fixture(scope="module")
def model():
    return a_model()


@pytest.fixture(scope="module")
def footage():
    return moving_videos(4, 50)


@pytest.fixture(scope="module")
def around(footage):
    """The set that they are of: as many training videos, and some that are too short."""
    others = moving_videos(3, 20, seed=7) + moving_videos(4, 55, seed=8)
    splits = ["train"] * 7 + ["test"] * 4
    return VideoSet.from_arrays([*others, *footage], splits=splits)


def test_an_untrained_model_has_the_weights_of_its_seed(model):
    fresh = begun(model.system, model.preset, model.seed)
    ours, first = (m.nets["generator"].state_dict() for m in (fresh, begun(R2(), SMOKE)))
    other = model.nets["generator"].state_dict()
    assert all(torch.equal(ours[k], v) for k, v in first.items())
    assert any(not torch.equal(ours[k], v) for k, v in other.items())
    assert (fresh.step, fresh.digest) == (0, "") and not fresh.nets["generator"].training


def test_contenders_are_what_their_names_say(model, footage, around):
    made = scoring.long_videos(model, footage, P)
    sides = scoring.contenders(model, footage, made, P, around)
    assert [len(v) for v in sides["R2"]] == [48] * 4
    assert all(len(v) == 48 for side in sides.values() for v in side)
    for name, source in (("own", made), ("real", footage)):
        names = ("own first frame, held", "own clips, shuffled")
        held, mixed = (sides[k] for k in (names if name == "own" else (HELD, SHUFFLED)))
        for i in range(4):
            assert (held[i] == source[i][0]).all()
            values = [np.sort(v[i][:48], axis=None) for v in (mixed, source)]
            assert np.array_equal(*values), "the same frames"
        assert any(not np.array_equal(mixed[i], source[i][:48]) for i in range(4)), "other order"
    assert not np.array_equal(sides["untrained model"][0], made[0])
    train = [around.video(i)[:48] for i in range(3, 7)]
    assert {v.tobytes() for v in sides[OTHER]} == {v.tobytes() for v in train}
    assert len({v.tobytes() for v in sides[OTHER]}) == 4, "no video stands there twice"
    assert not np.array_equal(made[0], scoring.long_videos(model, footage, P, codes="mean")[0])


def test_blurred_video_is_as_sharp_as_a_models_and_a_model_of_one_colour_has_none(footage, capsys):
    soft = [measures.blurred(v, 0.6 * measures.sharpness(v)) for v in footage]
    sides = scoring.references(footage, soft, ())
    assert list(sides) == [HELD, BLURRED, SHUFFLED]
    sharp = [np.mean([measures.sharpness(v) for v in side]) for side in (soft, sides[BLURRED])]
    assert sharp[0] == pytest.approx(sharp[1], rel=0.02)
    grey = [np.full_like(v, 100) for v in footage]
    assert list(scoring.references(footage, grey, ())) == [HELD, SHUFFLED]
    assert "no row of blurred real video: no blur brings" in capsys.readouterr().out


def test_scores_of_all_sides_stand_in_one_table(model, footage, around):
    made = scoring.long_videos(model, footage, P)
    sides = scoring.contenders(model, footage, made, P, around)
    p = evaluate.protocol("ours").but(lengths=(16, 32))
    found = scoring.compare(footage, sides, Sums(), p, reconstructed=made)
    assert list(found) == list(sides)
    rows = score_tables.score_rows(found)
    assert [r["videos"] for r in rows] == [*sides, "floor: real against real, half the videos each"]
    told = "motion distance, FVD (sums) 16f"
    assert told in rows[0]
    moving = {k: next(s.value for s in v if s.name == told) for k, v in found.items()}
    assert moving["R2"] != moving[HELD], "what stands still is seen"
    assert rows[0]["FVD (sums) 16f"].startswith(f"{found['R2'][0].value:.1f} ± ")
    told = {r["what"]: r["is"] for r in score_tables.card_rows(found["R2"][0])}
    assert not {"None", "", "[]"} & set(told.values())
    assert told["protocol, name"] == "ours" and told["generated, videos"] == "4"
    assert float(told["reconstruction, distance"]) == pytest.approx(found["R2"][0].value)
    with pytest.raises(InputError, match=r"the generated side \(videos\)"):
        scoring.compare(footage, {"all": made, "some": made[:3]}, Sums(), p)


def test_scores_of_few_videos_are_led_by_that_and_have_no_more_digits_than_they_can():
    card = {"protocol": {"name": "ours", "stride": None}, "left out": []}
    numbers = {"FVD 16f": (0.08348, 30.123, 165.08), "FVD 16f / FVD 128f": (0.76791, 0.0306, None)}
    scores = [Score(n, value, floor, spread, card) for n, (value, spread, floor) in numbers.items()]
    text = BeautifulSoup(
        score_tables.shown({"R2": scores}, "Caption.", "R2", {}, 6).html, "html.parser"
    )
    order = [tag.name for tag in text.find_all(["p", "table", "details"])]
    assert order == ["p", "table", "details", "table"] and text.p.text.startswith("Too few to rank")
    cells = [td.text for td in text.table.find_all("td")]
    assert cells[:4] == ["R2", "–", "0.1 ± 30.1", "0.77 ± 0.03"] and cells[6] == "165.1"
    assert "none" not in text.details.text and "–" not in text.details.text
    assert not text.details.has_attr("open")
    assert "Too few" not in score_tables.shown({"R2": scores}, "Caption.", videos=64).html


def test_missing_weights_are_told_and_the_embedded_ones_are_there(monkeypatch, capsys):
    monkeypatch.delenv("RENCGAN_WEIGHTS", raising=False)
    assert "compact" in scoring.extractors()
    told = capsys.readouterr().out
    _, missing = features.available()
    assert missing and all(
        f"there is no {features.EXTRACTORS[n].file} in weights" in told for n in missing
    )


def test_encgan3_is_scored_on_as_many_clips_as_its_rivals():
    videos = VideoSet.from_arrays(moving_videos(5, 50), splits=["train"] * 4 + ["test"])
    sides, rebuilt = scoring.clip_contenders(a_model(EncGAN3()), videos, P, step=2, most=10)
    assert len(rebuilt) == 5
    assert all(np.shape(v) == (10, 16, 16, 16, 3) for v in sides.values())
    assert {OTHER, HELD, SHUFFLED} <= set(sides)
    last = [videos.video(i)[50 - 31 :: 2][:16] for i in range(4)]
    assert all(map(np.array_equal, sides[OTHER][:4], last))
    first = {videos.video(i)[:31:2].tobytes() for i in range(5)}
    assert not first & {v.tobytes() for v in sides[OTHER]}, "none that is scored on"
    held = sides[HELD]
    assert all((clip == clip[0]).all() for clip in held)
    assert len({clip[0].tobytes() for clip in held}) == 10, "several clips of a video differ"


def test_clips_of_a_video_lie_apart_and_fit():
    videos = VideoSet.from_arrays(
        [np.tile(np.arange(40, dtype=np.uint8)[:, None, None, None], (1, 16, 16, 3))]
    )
    clips = scoring.clips_of(videos, 3, (2, 2))
    assert clips[:, 0, 0, 0, 0].tolist() == [0, 4, 9]
    assert clips[2, -1, 0, 0, 0] == 39 and (np.diff(clips[:, :, 0, 0, 0].astype(int)) == 2).all()
    steps = np.diff(scoring.clips_of(videos, 4, (1, 3))[:, :, 0, 0, 0].astype(int))
    assert steps.tolist() == [[1] * 15, [2] * 15] * 2, "all that fit, in turn"


def test_clips_are_rebuilt_from_means_or_from_samples_of_their_codes():
    model, videos = a_model(EncGAN3()), VideoSet.from_arrays(moving_videos(3, 40))
    clips = clips_of(videos, 3)
    means, drawn, again, other = (rebuilt(model, clips, seed) for seed in (None, 1, 1, 2))
    assert np.array_equal(drawn, again) and np.array_equal(means, rebuilt(model, clips))
    assert not np.array_equal(drawn, other) and not np.array_equal(drawn, means)


def test_horizon_rows_stand_beside_real_video(footage):
    rows = scoring.horizon_rows({"held": [np.repeat(v[:1], 50, 0) for v in footage]}, footage, 8)
    assert [(r["videos"], r["frames"]) for r in rows] == [("real", 50), ("held", 50)]
    assert rows[1]["motion"] == 0 and rows[1]["seam ratio"] is None
    assert rows[1]["colour kept at the end"] == 1 > rows[0]["colour kept at the end"]


def test_long_video_stands_over_real_video_and_its_drift_beside_its_motion(footage):
    held = [np.repeat(v[:1], 50, 0) for v in footage]
    same, still = scoring.long_rows({"same": footage, "held": held}, footage)
    assert list(same)[:2] == ["videos", "motion"] and same["motion"] == 1 and still["motion"] == 0
    assert same["drift of colour"] == 1 and still["drift of colour"] == 0
    assert same["temporal spectrum of features"] == 0 < still["temporal spectrum of features"]
    assert sum(name.startswith("waves") for name in same) == 3, "16 pixels have three octaves"


def test_without_as_many_other_videos_there_is_no_such_row(footage, around, capsys):
    assert scoring.others_of(around, [*footage, footage[0]]) == []
    assert "too few videos as long" in capsys.readouterr().out


def test_a_set_with_another_hop_has_its_junctions_there(footage):
    jumps = [v.copy() for v in footage]
    for v in jumps:
        v[15:] = 255 - v[15:]
    rows = scoring.horizon_rows({"at 8": jumps, "at 15": jumps}, footage, 8, {"at 15": 15})
    told = {r["videos"]: r["seam ratio"] for r in rows}
    assert told["at 15"] > 3 > told["at 8"] and told["real"] == pytest.approx(1, abs=0.3)


@pytest.mark.parametrize(
    ("system", "changes", "name"),
    [
        (R2(), {}, "R2"),
        (R2(), {"video_stream": "3d"}, "improved R2"),
        (LEncGAN(), {}, "LEncGAN"),
        (AR2(), {"video_stream": "3d"}, "AR2"),
        (AR2(), {"recall_noise": 0.5}, "AR2+"),
        (AR2(), {"rollout": 2}, "AR2+"),
    ],
)
def test_what_tables_call_a_model(system, changes, name):
    found = replace(a_model(), system=system, preset=SMOKE.but(**changes))
    assert found.name == name
    assert found.hop_for(5) == (5 if "R2" in name and "AR2" not in name else found.hop)


def test_windows_become_curves(footage):
    scores = evaluate.windows(footage, moving_videos(4, 50, seed=3), Sums())
    lines = scoring.over_windows(scores)
    assert len(lines) == 3 and all(len(v) == 3 for v in lines.values())
    assert lines["generated"] == [s.value for s in scores]


def test_published_numbers_come_with_their_source():
    rows = scoring.published_rows("sky", "FVD", paper="thesis", number="4.5", method="R2")
    assert [(r["frames"], r["published FVD"]) for r in rows] == [(16, 360.9), (128, 587.0)]
    assert rows[0]["source"] == "thesis, table 4.5"
    assert scoring.published_rows("folder", "FVD") == []


def test_cost_is_told_for_each_length(model, footage):
    rows = scoring.cost_rows(model, footage[0], P, (40, 80))
    assert [r["frames"] for r in rows] == [40, 80] and all(r["seconds"] > 0 for r in rows)


def test_what_stands_for_a_set_is_spread_over_it():
    arrays = [np.full((20, 16, 16, 3), 10 * (i // 8), np.uint8) for i in range(24)]  # 3 classes
    videos = VideoSet.from_arrays(arrays)
    shown = {int(v[0, 0, 0, 0]) for v in scoring.footage_of(videos, None, 16, most=6)}
    clips = {int(c[0, 0, 0, 0]) for c in scoring.clips_of(videos, 6)}
    assert shown == clips == {0, 10, 20}


def test_sides_of_other_lengths_do_not_share_a_table(footage):
    p = evaluate.protocol("ours").but(lengths=(16, 40))
    sides = {"long": footage, "short": [v[:20] for v in footage]}
    with pytest.raises(InputError, match="long and short do not go into one table"):
        scoring.compare(footage, sides, Sums(), p)


def test_faces_of_one_class_are_told_apart_by_their_actors():
    videos = VideoSet.from_arrays(
        [np.full((20, 16, 16, 3), 40 + 150 * (i % 2), np.uint8) + np.uint8(i) for i in range(8)],
        labels=["smile"] * 8,
        subjects=["a", "b"] * 4,
        splits=["train"] * 6 + ["test"] * 2,
    )

    class Named(Sums):
        name, digest = "sums", "0"

    same = [videos.video(i) for i in range(len(videos))]
    found = scoring.inception_scores(videos, {"x": same}, Named())
    assert found["x"][0].name == "video IS (sums, subject)"
    assert found["x"][0].card["classifier"]["classes"] == ["a", "b"]


def test_every_row_tells_what_real_video_its_model_saw():
    names = ["real", "R2, sample", "AR2, VDrej", "floor: real against real"]
    seen = {"R2, sample": R2.prior, "AR2, VDrej": AR2.prior}
    rows = score_tables.with_prior([{"videos": n, "x": 1} for n in names], seen)
    assert [r["prior"] for r in rows] == [None, "entire video", "none", None]
    assert list(rows[0]) == ["videos", "prior", "x"]


def test_repetition_is_told_where_all_videos_reach():
    loop = np.tile(moving_videos(1, 20)[0], (4, 1, 1, 1))
    found = scoring.repetition_by_length({"loop": [loop, loop[:50]]}, [16, 48, 80])
    lengths, heights = found["loop"]
    assert lengths == [16, 48] and heights[1] > heights[0]


def test_rebuilt_clips_are_made_when_they_are_read(monkeypatch):
    model, videos = a_model(EncGAN3()), VideoSet.from_arrays(moving_videos(19, 40))
    whole = rebuilt(model, clips_of(videos, 19, (2, 2)))
    made, most = Rebuilt(model, videos, 2), []
    make = generated.rebuilt
    monkeypatch.setattr(generated, "rebuilt", lambda m, x: most.append(len(x)) or make(m, x))
    assert len(made) == 19 and not most
    assert all(np.array_equal(a, b) for a, b in zip(made, whole, strict=True))
    assert most == [16, 3], "each batch once, none beside it"
    p = evaluate.protocol("thesis").but(lengths=(16,))
    told = [evaluate.evaluate(videos, whole[:4], p, Sums(), reconstructed=x) for x in (made, whole)]
    assert told[0][0].card == told[1][0].card and told[0][0].card["reconstruction"]["videos"] == 19
