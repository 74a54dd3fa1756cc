"""Rooms of the package, and the one direction in which they import each other."""

import ast
from graphlib import TopologicalSorter

import pytest
from conftest import ROOT

PACKAGE = ROOT / "rencgan"
BELOW = {  # what a room may import beside itself
    "core": set(),
    "presets": {"core"},
    "data": {"core"},
    "evaluate": {"core", "data"},
    "models": {"core", "presets", "data"},
    "training": {"core", "presets", "data", "models"},
}
BELOW["r3"] = BELOW["baselines"] = BELOW["training"] | {"training"}
BELOW["studies"] = set(BELOW)
BELOW["notebook"] = set(BELOW)
MODULES = sorted(p.relative_to(PACKAGE) for p in PACKAGE.rglob("*.py"))


def imported(path) -> set[str]:
    """Modules of the package that a file imports, anywhere in it: "data.clips", "core" ..."""
    found = set()
    for node in ast.walk(ast.parse((PACKAGE / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rencgan"):
            base = (node.module + ".").removeprefix("rencgan.")
            found |= {(base + a.name).lstrip(".") for a in node.names}
        elif isinstance(node, ast.Import):
            found |= {a.name.removeprefix("rencgan.") for a in node.names if "rencgan." in a.name}
    return found


@pytest.mark.parametrize("path", [p for p in MODULES if len(p.parts) > 1], ids=str)
def test_a_room_imports_from_the_rooms_below_it_alone(path):
    room = path.parts[0]
    rooms = {name.partition(".")[0] for name in imported(path)} & set(BELOW)
    assert rooms <= BELOW[room] | {room}


def test_no_module_imports_itself_in_a_circle():
    names = {".".join(p.with_suffix("").parts).removesuffix(".__init__"): p for p in MODULES}
    graph = {}
    for name, path in names.items():
        found = imported(path)
        graph[name] = {f if f in names else f.rpartition(".")[0] for f in found} & set(names)
    list(TopologicalSorter(graph).static_order())  # raises CycleError


def test_nothing_in_the_package_imports_notebooks_or_tests():
    for path in MODULES:
        for node in ast.walk(ast.parse((PACKAGE / path).read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            tops = {n.partition(".")[0] for n in names}
            assert not tops & {"notebooks", "tests", "conftest"}, path
