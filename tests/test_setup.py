"""The set-up says the same thing in every file that says it."""

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version

import pytest
import yaml
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import rencgan
from rencgan.studies.papers import PAPERS

ALIASES = {"pytorch": "torch", "matplotlib-base": "matplotlib"}  # conda-forge's name -> pip's
TOP_LEVEL = {
    *("notebooks", "rencgan", "tests", "reports", "environment.yml", "pyproject.toml"),
    *("constraints.txt", "Makefile", "README.md", "LICENSE", "CITATION.cff", "batch"),
}
TARGETS = """
study every batch install test test-all lint format reports benchmark clean help
"""
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]


def required(*extras: str) -> dict[str, SpecifierSet]:
    """Name -> range, of the dependencies and of extras."""
    project = PYPROJECT["project"]
    lines = [*project["dependencies"]]
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    return {r.name: r.specifier for r in map(Requirement, lines) if r.name != project["name"]}


def conda_specs() -> list[str]:
    return [spec for spec in ENVIRONMENT if isinstance(spec, str)]


def test_conda_and_pip_ask_for_the_same():
    conda = {}
    for spec in conda_specs():
        name, floor = re.fullmatch(r"([a-z0-9-]+)(.*)", spec).groups()
        conda[ALIASES.get(name, name)] = SpecifierSet(floor)
    assert conda.pop("python") == SpecifierSet(PYPROJECT["project"]["requires-python"])
    assert conda.pop("pip") == SpecifierSet()
    extra = [entry["pip"] for entry in ENVIRONMENT if isinstance(entry, dict)]
    assert extra == [["-e .[imagenet]"]], "conda-forge has no package of that network"
    assert conda == required("dev")


@pytest.mark.parametrize("spec", conda_specs())
def test_conda_can_read(spec):
    rattler = pytest.importorskip("rattler")
    match = rattler.MatchSpec(spec)
    assert match.name.normalized == re.match(r"[a-z0-9-]+", spec).group(0)


def test_conda_sees_a_bad_specification():
    rattler = pytest.importorskip("rattler")
    with pytest.raises(Exception, match="version"):
        rattler.MatchSpec("numpy>=2..1")


def test_what_is_installed_here_is_admitted():
    ranges = required("dev", "imagenet")
    assert "rencgan[imagenet]" in PYPROJECT["project"]["optional-dependencies"]["dev"]
    assert all(ranges[name].contains(version(name)) for name in ranges)
    assert sys.version_info >= (3, 11)


def test_constraints_pin_what_the_project_admits():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert [pin.name for pin in pins] == ["torch"]
    (pin,) = pins[0].specifier
    assert pin.operator == "==" and required()["torch"].contains(pin.version)


def test_one_version_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == rencgan.__version__
    assert PYPROJECT["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "rencgan.__version__"}
    assert citation["license"] == PYPROJECT["project"]["license"] == "MIT"
    assert "the rencgan contributors" in (ROOT / "LICENSE").read_text()


def test_templates_weights_and_tables_travel_with_the_package():
    packages = PYPROJECT["tool"]["setuptools"]["package-data"]
    paths = [
        path
        for package, patterns in packages.items()
        for pattern in patterns
        for path in (ROOT / package.replace(".", "/")).glob(pattern)
    ]
    assert {path.name for path in paths if path.is_file()} == {
        *("conf.json", "index.html.j2", "report.css"),
        *("compact.safetensors", "compact.fitness.json", "imagenet.fitness.json"),
        *(f"{paper}.txt" for paper in PAPERS),
        *("index.toml", "sets.toml", "studies.toml", "systems.toml"),
    }


def make(*words) -> subprocess.CompletedProcess:
    """make as a user types it, also where `make test` (silent, say) runs these tests."""
    outside = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL")}
    return subprocess.run(
        ["make", *words], cwd=ROOT, capture_output=True, text=True, env=outside, check=False
    )


@pytest.mark.parametrize("target", TARGETS.split())
def test_make_knows(target):
    done = make("-n", target)
    assert done.returncode == 0 and done.stdout, done.stderr


def test_make_alone_is_the_study_and_passes_parameters_on():
    said = make("-n", "DATASET=uva", "PRESET=64", "ARGS=-p seed 7").stdout
    assert "-p dataset uva" in said and "-p preset 64" in said and "-p seed 7" in said
    assert "rencgan report runs/html" in said


def test_make_every_takes_all_notebooks_and_make_alone_three():
    names = [p.name for p in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    alone, every, reports = (make("-n", *words).stdout for words in ([], ["every"], ["reports"]))
    assert [n in alone for n in names] == [n < "04" for n in names]
    assert all(n in every and n in reports for n in names)


def test_make_alone_shows_r2_first_and_trains_it_alone():
    alone = make("-n").stdout
    order = ("first-sight", "01_data", "02_encgan3", "-p weights published", "-p control none")
    places = [alone.index(word) for word in order]
    assert places == sorted(places) and "Begin with 03_rencgan.html" in alone
    for word in ("DATASET=taichi", "PRESET=minutes", "ARGS=-p steps 5"):
        other = make("-n", word).stdout
        assert "-p weights published" not in other and "-p control none" not in other


def test_make_refuses_an_old_python_in_a_sentence(tmp_path):
    old = tmp_path / "oldpython"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = make(f"PY={old}", f"V={tmp_path}/venv", "install")
    assert done.returncode != 0 and "needs Python 3.11 or newer" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_ci_starts_from_nothing_and_skips_nothing_quietly():
    script = ROOT / ".ci" / "run"
    lines = script.read_text().splitlines()
    assert script.stat().st_mode & 0o111
    assert "rm -rf .venv" in lines and lines[-2:] == ["make lint", "make test"]
    assert any("RENCGAN_REQUIRE" in line and "browser" in line for line in lines)
    subprocess.run(["bash", "-n", script], check=True)


def test_the_top_level_holds_nothing_else():
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode or not done.stdout:
        pytest.skip("this is no git checkout with files in it")
    top = {line.split("/")[0] for line in done.stdout.splitlines()}
    assert {name for name in top if not name.startswith(".")} <= TOP_LEVEL
