"""The README's generated parts are what the files say, and it stays one page."""

import json
import re

import pytest
from conftest import ROOT
from PIL import Image

from rencgan.core.errors import InputError
from rencgan.evaluate.references import HELD
from rencgan.notebook import first_sight, overview, readme
from rencgan.studies import ledger, results, standing

README = ROOT / "README.md"


def test_the_readme_shows_what_the_result_files_say():
    text = README.read_text(encoding="utf-8")
    assert readme.filled(text) == text
    assert ledger.counted(ledger.rows(ledger.files())) in text
    with pytest.raises(InputError, match="no lines <!-- picture --> and <!-- /picture -->"):
        readme.filled("no marks")


def test_the_best_of_the_readme_is_called_the_best_of_what_it_shows():
    tables = readme.places()
    first = readme.sentences(tables, []).splitlines()[0]
    shown = readme.systems(tables)
    for place, table in tables.items():
        best = first.partition(f"on {place} ")[2].partition(" with ")[0]
        assert f"| [{best}](rencgan/" in shown
        models = standing.best_ways(results.compared(table))
        beaten = (models < overview.real(table, HELD)).sum()
        told = first.partition(f"on {place} ")[2].partition(")")[0]
        assert told.endswith(f"beaten by {beaten or 'none'} of {len(models)} models")


def test_a_system_is_shown_by_a_video_of_every_place_that_it_has_results_of(tmp_path):
    tables = readme.places()
    assert list(tables) == ["skies", "people"]
    readme.strips(tables, tmp_path)
    made, kept = {p.name for p in tmp_path.iterdir()}, ROOT / "reports" / readme.STRIPS
    assert made == {p.name for p in kept.iterdir()}
    assert made == set(re.findall(rf"{readme.STRIPS}/([^)]+)\)", readme.systems(tables)))
    for name in made:
        with Image.open(tmp_path / name) as new, Image.open(kept / name) as old:
            assert new.tobytes() == old.tobytes(), name
    folder = results.RESULTS / "pictures"
    both = ("sky-procedural-hour-r2-seed1-sample", "taichi-procedural-hour-r2-seed1-sample")
    with Image.open(tmp_path / "r2.png") as r2:
        assert r2.size == (384, 128)
        for top, stem in zip((0, 64), both, strict=True):
            with Image.open(folder / f"{stem}.jpg") as strip:
                second = strip.crop((128, 64, 512, 128))
            assert r2.crop((0, top, 384, top + 64)).tobytes() == second.tobytes(), stem


def test_all_tables_stand_in_the_page_of_results():
    page = (ROOT / "reports" / readme.TABLES).read_text(encoding="utf-8")
    assert page == readme.all_tables(ledger.files())
    for preset in ledger.PRESETS:
        assert results.page(results.read(preset=preset)) in page


def test_a_readme_without_marks_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(readme, "picture", lambda path: pytest.fail("it is written"))
    path = tmp_path / "README.md"
    path.write_text("no marks")
    with pytest.raises(InputError, match="there are no lines <!-- picture -->"):
        readme.make(path)


def test_real_clips_have_tables_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    (path,) = (ROOT / "reports/results").glob("sky-procedural-hour-r2-seed1.json")
    content = json.loads(path.read_text())
    (tmp_path / path.name).write_text(json.dumps(content))
    assert readme._of_real_clips() == ""
    real = {"source": "real", "compared with": "4 videos of 128 frames, 4 of them of 306: here"}
    (tmp_path / "real.json").write_text(json.dumps(content | real))
    told = readme._of_real_clips()
    assert "is little: 4 videos of 128 frames, 4 of them of 306: here." in told
    assert told.count("| R2, sample | entire video | 1 | 27.9 | 41.4 |") == 1


def test_a_changed_result_changes_the_readme(tmp_path, monkeypatch):
    for path in results.RESULTS.glob(f"sky-procedural-{readme.PRESET}-*.json"):
        content = json.loads(path.read_text())
        if content["contestant"] == "AR2":
            for way in content["ways"].values():
                for score in way["scores"]:
                    score["value"] *= 2
        (tmp_path / path.name).write_text(json.dumps(content))
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    text = README.read_text(encoding="utf-8")
    changed = readme.filled(text)
    lines = zip(text.splitlines(), changed.splitlines(), strict=True)
    assert any(a != b for a, b in lines if a.startswith("| [AR2]"))


def test_it_is_one_page_that_begins_with_a_moving_picture():
    text = README.read_text(encoding="utf-8")
    assert len(text.encode()) <= 9 * 1024
    picture = ROOT / "reports" / readme.PICTURE
    assert text.splitlines()[4].startswith("![") and f"reports/{readme.PICTURE}" in text
    assert picture.stat().st_size < 3_000_000
    with Image.open(picture) as image:
        assert image.n_frames == first_sight.FRAMES and image.size == (848, 736)


def test_the_picture_is_made_of_what_is_published(tmp_path):
    path = tmp_path / "picture.webp"
    readme.picture(path, frames=16)
    with Image.open(path) as image:
        assert image.n_frames == 16 and image.size == (848, 736)
    assert first_sight.whose(["r2", "ar2", "r3-regression"]) in readme.below()


def test_every_file_that_it_names_is_there():
    text = README.read_text(encoding="utf-8")
    named = re.findall(r"\]\(([^)#]+)\)|src=\"([^\"]+)\"", text)
    paths = {a or b for a, b in named if "://" not in (a or b)}
    assert len(paths) > 8 and all((ROOT / path).exists() for path in paths)
