"""Every page begins with a moving picture, of the largest frames that are published."""

from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
from conftest import ROOT

from rencgan.core.errors import InputError
from rencgan.models.r2 import R2
from rencgan.models.trained import begun
from rencgan.notebook import first_sight
from rencgan.notebook.first_sight import OWN, REAL
from rencgan.notebook.parameters import DataRun, check
from rencgan.presets.table import PRESETS, SMOKE
from rencgan.studies import weights

BEGIN = sorted((ROOT / "notebooks").glob("0[1-8]_*.ipynb"))
WORK = ("trained(", ".job(", "studies.run(", "results.read(")
TILES = [(REAL, 0), ("r2", 0), ("ar2", 0), ("ar2", 1)]


@pytest.mark.parametrize("path", BEGIN, ids=lambda path: path.stem)
def test_the_picture_stands_below_the_question_and_before_any_training(path):
    title, *cells = nbformat.read(path, as_version=4).cells
    assert title.source.count("\n") == 2 and len(title.source) < 360, "question, a sentence or two"
    assert [c.cell_type for c in cells[:3]] == ["code"] * 3, "parameters, their check, the picture"
    assert "first_sight." in cells[2].source or "show.videos(" in cells[2].source
    work = WORK[:-1] if path.stem == "08_results" else WORK  # that page begins with its results
    assert not any(word in c.source for c in cells[:3] for word in work)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The published files, in a folder to which a test may add."""
    for path in weights.FOLDER.iterdir():
        if weights.taken(path.name.partition(".")[0])[1] == weights.PRESET:
            (tmp_path / path.name).symlink_to(path)
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    return tmp_path


def test_without_larger_ones_it_is_made_of_the_plain_ones(folder):
    found = first_sight.sight(TILES, 24)
    assert [clip.shape for clip in found.clips] == [(24, 64, 64, 3)] * 4
    assert found.titles == ["real video (drawn)", "R2: follows it", *["AR2: from nothing"] * 2]
    assert found.marks == [[], *[[8, 16]] * 3] and found.scale == 3
    assert "R2, AR2: hour, 64x64" in found.told and "2 scenes, 24 frames" in found.told
    assert not np.array_equal(found.clips[2], found.clips[3])


def test_what_has_no_clips_has_no_junctions(folder):
    found = first_sight.sight([("stylegan-v", 0), ("motionvideogan", 0), ("r2", 0)], 24)
    assert found.marks == [[], [], [8, 16]]


def test_a_larger_one_takes_its_place_as_soon_as_its_file_is_there(folder, monkeypatch):
    widths = {"generator_widths": (8,) * 6, "image_d_widths": (8,) * 5, "video_d_widths": (8,) * 5}
    large = SMOKE.but(name="128", size=128, encoder_widths=(8,) * 4, **widths)
    monkeypatch.setitem(PRESETS, "128", large)
    model = begun(R2(), large)
    content = {"preset": large.as_dict(), "objective": R2().switches(), "kind": "r2"}
    weights.write("r2-128", model, content | {"step": 0, "seed": 0}, {}, folder)
    found = first_sight.sight(TILES, 24)
    assert [clip.shape for clip in found.clips] == [(24, 128, 128, 3)] * 4 and found.scale == 1
    assert "R2: 128, 128x128; AR2: hour, 64x64" in found.told
    ar2 = found.clips[2]
    assert np.array_equal(ar2, first_sight.enlarge(ar2[:, ::2, ::2], 2))
    (real,) = first_sight.seen(128, 24, first_sight.SCENES[:1])
    assert np.array_equal(found.clips[0], real)
    beside = first_sight.sight([("r2", 0), (OWN, 0)], 24, weights.load("r2"))
    assert beside.titles[1] == "R2 of this run" and "what this run has learnt" in beside.told
    assert beside.clips[1].shape == (24, 128, 128, 3)


def test_a_tile_begins_with_the_first_frame_that_is_the_models_own(folder):
    found = first_sight.sight([(first_sight.REAL, 0), ("r3-regression", 0), ("ar2", 0)], 16)
    real = first_sight.seen(64, 24, first_sight.SCENES[:1])[0]
    assert np.array_equal(found.clips[0], real[:16])
    first = found.clips[1][0].astype(int)
    assert abs(first - real[8]).mean() > 5, "the clip that R3 is given does not pass for its own"
    assert found.marks == [[], [8], [8]] and {len(c) for c in found.clips} == {16}
    ar2 = weights.load("ar2").videos(16, videos=1, seed=0, codes="mean")[0]
    assert np.array_equal(found.clips[2][0], ar2[0]), "what AR2 begins with is not hidden"


def test_a_missing_file_costs_the_picture_alone(folder, capsys):
    p = check({"preset": "smoke"}, DataRun)
    (folder / "r2.json").unlink()
    assert first_sight.page(p, "r2") is None
    assert "no moving picture: " in capsys.readouterr().out
    with pytest.raises(InputError, match="published are .* and no 'r2'; git"):
        first_sight.write(folder)


def test_on_other_data_it_says_that_it_shows_sky(folder):
    shown = first_sight.page(check({"preset": "smoke", "dataset": "taichi"}, DataRun), "ar2")
    assert "What follows is about taichi." in shown.html and "Drawn sky" in shown.html
    assert "<video" in shown.html and "1 scene, 24 frames" in shown.html


def test_the_published_model_does_not_stand_beside_itself():
    p = check({"preset": "smoke"}, DataRun)
    videos = SimpleNamespace(card={"dataset": "sky", "source": "procedural"})
    assert first_sight.beside(p, weights.load("r2"), "r2", videos) is None
    assert first_sight.beside(p, weights.load("r2"), "improved-r2", videos) is not None


def test_people_stand_behind_the_skies():
    skies = first_sight.sight([("r2", 0)], 24)
    found = skies.followed_by(first_sight.people(64, 24))
    assert found.titles == ["R2: follows it", "real video (drawn)", *first_sight.KEPT]
    assert {clip.shape for clip in found.clips} == {(24, 64, 64, 3)}
    assert {len(clip) for clip in first_sight.people(64).clips} == {first_sight.FRAMES}
    assert found.marks == [[8, 16], [], *[[8, 16]] * 3]
    assert "Drawn sky" in found.told and "(taichi at hour)" in found.told
    real, followed, onward = (clip.astype(int) for clip in found.clips[1:4])
    others = [v.astype(int) for v in first_sight.seen(64, 24, (0, 2, 3), "taichi")]
    assert all(abs(followed - real).mean() < abs(followed - v).mean() for v in others)
    given = first_sight.seen(64, 24, (first_sight.PERSON,), "taichi")[0].astype(int)
    assert abs(onward[0] - given[8]).mean() > 5, (
        "the clip that R3 is given does not pass for its own"
    )
