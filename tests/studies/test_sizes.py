"""Parameter counts: the form of the JSON, and the counts beside those of Table 5.3."""

import functools
import json
import runpy
import sys

import pytest
import torch

from rencgan.__main__ import main
from rencgan.models.r2 import R2
from rencgan.presets.table import PRESETS, PUBLISHED_64, SMOKE
from rencgan.studies import sizes

M = 1_000_000
PUBLISHED = {
    ("64", "1p2d"): {"G": 23.09, "VD": 8.35, "ID": 2.76, "Enc": None},
    ("64", "3d"): {"G": None, "VD": None, "ID": None, "Enc": None},
    ("128", "1p2d"): {"G": None, "VD": 29.32, "ID": 6.96, "Enc": 2.06},
    ("128", "3d"): {"G": 90.37, "VD": 29.32, "ID": 6.96, "Enc": 2.06},
}


GPT = {"128": {"GPT": 1360}}


COUNTED = functools.cache(sizes.sizes)


@pytest.fixture(autouse=True)
def counted_once(monkeypatch):
    monkeypatch.setattr(sizes, "sizes", COUNTED)


def counts(capsys, *arguments) -> dict:
    assert main(["sizes", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(("preset", "stream"), PUBLISHED)
def test_the_json_holds_counts_and_published_counts(capsys, preset, stream):
    found = counts(capsys, "--preset", preset, "--video-stream", stream)
    assert list(found) == ["G", "VD", "ID", "Enc", "GPT"]
    for name, row in found.items():
        assert list(row) == ["parameters", "published"] and type(row["parameters"]) is int
        published = (PUBLISHED[preset, stream] | GPT.get(preset, {})).get(name)
        assert row["published"] == (None if published is None else round(published * M))
        if published is not None:
            assert row["parameters"] == pytest.approx(row["published"], rel=0.01)


@pytest.mark.parametrize(("preset", "stream"), [("64", "1p2d"), ("128", "3d")])
def test_the_stream_of_the_preset_is_the_default_and_3d_is_larger(capsys, preset, stream):
    assert PRESETS[preset].video_stream == stream
    assert counts(capsys, "--preset", preset) == counts(
        capsys, "--preset", preset, "--video-stream", stream
    )
    factorised = counts(capsys, "--preset", preset, "--video-stream", "1p2d")
    full = counts(capsys, "--preset", preset, "--video-stream", "3d")
    assert full["G"]["parameters"] > factorised["G"]["parameters"]
    for name in ("VD", "ID", "Enc", "GPT"):
        assert full[name]["parameters"] == factorised[name]["parameters"]


def test_the_default_is_the_published_64(capsys):
    assert counts(capsys) == sizes.sizes(PUBLISHED_64)


def test_counts_are_those_of_the_networks_that_are_trained():
    nets = R2().networks(SMOKE)
    names = {"G": "generator", "VD": "video_d", "ID": "image_d", "Enc": "encoder"}
    networks = {short: nets[name] for short, name in names.items()}
    found = sizes.sizes(SMOKE)
    for name, network in networks.items():
        assert found[name]["parameters"] == sum(w.numel() for w in network.parameters())


def test_counting_changes_no_seed():
    torch.manual_seed(5)
    state = torch.get_rng_state()
    COUNTED.__wrapped__(SMOKE)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_table_for_reading_names_every_network(capsys):
    main(["sizes", "--preset", "64"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["G", "VD", "ID", "Enc", "GPT"]
    assert lines[0].split()[-1] == "23,090,000" and "published" not in lines[3]


@pytest.mark.filterwarnings("ignore:.*found in sys.modules")
def test_the_command_prints_one_line_of_json(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["rencgan", "sizes", "--preset", "smoke", "--json"])
    with pytest.raises(SystemExit, match="^0$"):
        runpy.run_module("rencgan", run_name="__main__")
    printed = capsys.readouterr()
    assert json.loads(printed.out) == COUNTED(SMOKE) and printed.out.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--preset", "65"],
            "no preset '65'; choose one of smoke, mini, minutes, hour, 64, 128",
        ),
        (["--video-stream", "4d"], "invalid choice: '4d'"),
    ],
)
def test_wrong_arguments_end_with_a_sentence_and_status_2(capsys, arguments, words):
    try:
        status = main(["sizes", *arguments])
    except SystemExit as ended:  # argparse's own
        status = ended.code
    assert status == 2
    assert words in capsys.readouterr().err


def test_a_systems_own_networks_beside_their_published_counts(capsys):
    wanted = {("g3an", "64"): 3, ("ivgan", "64"): 4}
    wanted |= {("motionstylegan", "256"): 2, ("motionvideogan", "256"): 3}
    for (system, name), rows in wanted.items():
        found = counts(capsys, "--system", system, "--preset", name)
        assert len(found) == rows
        assert all(row["parameters"] == row["published"] for row in found.values()), found
    found = counts(capsys, "--system", "stylegan-v", "--preset", "256")
    assert found["generator"] == dict.fromkeys(("parameters", "published"), 32_105_941)
    assert found["discriminator"] == dict.fromkeys(("parameters", "published"), 25_333_568)
    smaller = counts(capsys, "--system", "ivgan", "--preset", "smoke")
    assert list(smaller) == ["generator", "critic"]
    assert all(row["published"] is None for row in smaller.values())
    assert main(["sizes", "--system", "ivgan", "--preset", "128"]) == 2
    assert "no preset of ivgan '128'" in capsys.readouterr().err
