"""Names become classes and subjects; folders are found where the table says."""

import pytest

from rencgan.core.errors import InputError
from rencgan.data import sets as datasets
from rencgan.data.sets import DATASETS, locate
from rencgan.data.splits import Splits

NAMES = [
    ("weizmann", "daria_walk.avi", ("walk", "daria", "")),
    ("weizmann", "lena_run2.avi", ("run", "lena", "")),
    ("weizmann", "ido_wave2.avi", ("wave2", "ido", "")),
    ("kth", "walking/person01_walking_d1_uncomp.avi", ("walking", "person01", "")),
    ("ucf101", "Archery/v_Archery_g01_c01.avi", ("Archery", "Archery_g01", "")),
    ("ucf101", "Diving/mine.avi", ("Diving", "", "")),
    ("uva", "001_deliberate_smile_2.mp4", ("smile", "001", "")),
    ("taichi", "test/aB-c_1#000120#000320.mp4", ("taichi", "aB-c_1", "test")),
    ("sky", "sky_train/07U1fSrk9oI/07U1fSrk9oI_1", ("sky", "07U1fSrk9oI", "train")),
    ("folder", "train/waving arms/a.b.mp4", ("waving arms", "", "train")),
    ("folder", "clip.mp4", ("video", "", "")),
]


@pytest.mark.parametrize(("name", "path", "expected"), NAMES)
def test_a_path_tells_class_subject_and_split(name, path, expected):
    folder = "." not in path
    splits = Splits.of([(path, folder), ("train/x.mp4", False), ("test/x.mp4", False)])
    if name == "sky":
        splits = Splits.of([(path, folder), ("sky_test/x/x_1", True)])
    assert DATASETS[name].describe(path, folder, splits) == expected


def test_published_counts_add_up():
    """Table 4.1: training and test make all videos, except sky, which leaves short ones out."""
    for d in DATASETS.values():
        if d.videos and d.name != "sky":
            assert d.train + d.test == d.videos
    sky = DATASETS["sky"]
    assert sky.train + sky.test < sky.videos and sky.min_frames == 24


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(InputError, match="uva, weizmann, kth, ucf101, taichi, sky, folder"):
        datasets.get("cats")


def test_places_are_tried_in_order(tmp_path, monkeypatch):
    for place in ("root/data/kth", "given/kth", "env", "own"):
        (tmp_path / place).mkdir(parents=True)
    monkeypatch.delenv("RENCGAN_DATA_KTH", raising=False)
    root = tmp_path / "root"
    assert locate("kth", root=root) == root / "data" / "kth"
    assert locate("uva", root=root) is None
    monkeypatch.setenv("RENCGAN_DATA_KTH", str(tmp_path / "env"))
    assert locate("kth", root=root) == tmp_path / "env"
    assert locate("kth", tmp_path / "given", root) == tmp_path / "given" / "kth"
    assert locate("kth", tmp_path / "own", root) == tmp_path / "own"


def test_a_root_of_other_sets_is_not_taken_for_this_one(tmp_path):
    (tmp_path / "ucf101").mkdir()
    assert locate("kth", tmp_path) is None
    assert locate("folder", tmp_path) == tmp_path


def test_places_that_are_not_there_are_refused(tmp_path, monkeypatch):
    (tmp_path / "file.mp4").touch()
    with pytest.raises(InputError, match="does not exist"):
        locate("kth", tmp_path / "nowhere")
    with pytest.raises(InputError, match="is a file"):
        locate("kth", tmp_path / "file.mp4")
    monkeypatch.setenv("RENCGAN_DATA_KTH", str(tmp_path / "gone"))
    with pytest.raises(InputError, match="RENCGAN_DATA_KTH"):
        locate("kth")
    monkeypatch.delenv("RENCGAN_DATA_FOLDER", raising=False)
    with pytest.raises(InputError, match="give data_root"):
        locate("folder")
