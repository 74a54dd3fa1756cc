"""Parameter counts: the form of the JSON, and the counts beside those of Table 5.3."""

import json
import subprocess
import sys

import pytest
import torch
from conftest import ROOT

from rencgan import sizes
from rencgan.players import Players
from rencgan.presets import MINI, PRESETS, PUBLISHED_64, PUBLISHED_128, SMOKE

M = 1_000_000
PUBLISHED = {
    ("64", "1p2d"): {"G": 23.09, "VD": 8.35, "ID": 2.76, "Enc": None},
    ("64", "3d"): {"G": None, "VD": None, "ID": None, "Enc": None},
    ("128", "1p2d"): {"G": None, "VD": 29.32, "ID": 6.96, "Enc": 2.06},
    ("128", "3d"): {"G": 90.37, "VD": 29.32, "ID": 6.96, "Enc": 2.06},
}


def counts(capsys, *arguments) -> dict:
    sizes.main([*arguments, "--json"])
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(("preset", "stream"), PUBLISHED)
def test_the_json_holds_counts_and_published_counts(capsys, preset, stream):
    found = counts(capsys, "--preset", preset, "--video-stream", stream)
    assert list(found) == ["G", "VD", "ID", "Enc"]
    for name, row in found.items():
        assert list(row) == ["parameters", "published"] and type(row["parameters"]) is int
        published = PUBLISHED[preset, stream][name]
        assert row["published"] == (None if published is None else round(published * M))
        if published is not None:
            assert row["parameters"] == pytest.approx(row["published"], rel=0.01)


@pytest.mark.parametrize("preset", ["64", "128"])
def test_the_stream_of_the_preset_is_the_default(capsys, preset):
    stream = PRESETS[preset].video_stream
    assert counts(capsys, "--preset", preset) == counts(
        capsys, "--preset", preset, "--video-stream", stream
    )


def test_factorised_streams_are_smaller():
    full, *factorised = (
        sizes.sizes(PUBLISHED_128.but(video_stream=s))["G"]["parameters"]
        for s in ("3d", "1p2d", "2p1d")
    )
    assert max(factorised) < full


@pytest.mark.parametrize("p", [SMOKE, MINI])
def test_counts_are_those_of_the_networks_that_are_trained(p):
    m = Players(p)
    networks = {"G": m.generator, "VD": m.video_d, "ID": m.image_d, "Enc": m.encoder}
    for name, row in sizes.sizes(p).items():
        assert row["parameters"] == sum(w.numel() for w in networks[name].parameters())


def test_counting_allocates_nothing_and_changes_no_seed():
    torch.manual_seed(5)
    state = torch.get_rng_state()
    sizes.sizes(PUBLISHED_64)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_table_for_reading_names_every_network(capsys):
    sizes.main(["--preset", "64"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["G", "VD", "ID", "Enc"]
    assert lines[0].split()[-1] == "23,090,000" and "published" not in lines[3]


def test_the_command_prints_one_line_of_json():
    command = [sys.executable, "-m", "rencgan.sizes", "--preset", "smoke", "--json"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == sizes.sizes(SMOKE) and run.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--preset", "65"], "no preset '65'; choose one of smoke, mini, 64, 128"),
        (["--video-stream", "4d"], "invalid choice: '4d'"),
    ],
)
def test_wrong_arguments_end_with_a_sentence_and_status_2(capsys, arguments, words):
    with pytest.raises(SystemExit) as ended:
        sizes.main(arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err
