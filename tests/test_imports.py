"""Training and generating need torch and numpy alone, and dependencies point one way."""

import ast
import os
import subprocess
import sys
import textwrap
from graphlib import TopologicalSorter

import numpy as np
import pytest
from conftest import ROOT, moving_videos

from rencgan.videoset import VideoSet, write_tables

BLOCKED = "av papermill pydantic matplotlib seaborn IPython nbformat nbconvert PIL latex2mathml"
CORE = """
presets encgan3 losses recall players updates parallel clips checkpoint train sample model
measures sizes videoset progress errors paths
frechet horizon features resnext compact protocols published footage sides evaluate
inception fitness lencgan walks lencgan_updates
"""
ALONE = """
    import importlib, importlib.abc, sys
    from pathlib import Path

    BLOCKED = set(sys.argv[1].split())

    class Block(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path, target=None):
            if name.partition(".")[0] in BLOCKED:
                raise ImportError(f"{name} is not installed here")

    sys.meta_path.insert(0, Block())
    try:
        import av
    except ImportError:
        pass
    else:
        raise SystemExit("the block does not work")
    for name in sys.argv[2].split():
        importlib.import_module(f"rencgan.{name}")

    from rencgan import measures
    from rencgan.model import load_model
    from rencgan.prepare import prepare
    from rencgan.presets import SMOKE
    from rencgan.progress import Progress
    from rencgan.train import Job, train
    from rencgan.videoset import VideoSet

    cache, out = Path(sys.argv[3]), Path(sys.argv[4])
    with Progress(1, "training r2") as shown:
        job = Job("r2", SMOKE.but(warmup=0, motion_warmup=0, steps=1), cache, out)
        path = train(job, progress=lambda done, total, losses: shown.update(done, losses))
    footage = VideoSet.open(cache).video(0)
    long = load_model(path, "r2", device="cpu").long_frames(footage, candidates=2)
    assert long.shape == (56, 16, 16, 3), long.shape
    measures.summary(long, footage, 8)
    made = prepare("uva", source="procedural", size=16, videos=2, max_frames=24, cache_root=out)
    assert len(made) == 2
    loaded = {name.partition(".")[0] for name in sys.modules} & BLOCKED
    assert not loaded, loaded
    print("done")
"""


def test_torch_and_numpy_are_enough_to_train_and_to_make_a_long_video(tmp_path):
    videos = VideoSet.from_arrays(moving_videos(3))
    cache = tmp_path / "prepared"
    cache.mkdir()
    np.save(cache / "frames.npy", videos.frames)
    write_tables(cache, videos.videos, videos.frames.shape, {})
    code = textwrap.dedent(ALONE)
    arguments = [BLOCKED, " ".join(CORE.split()), str(cache), str(tmp_path / "run")]
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.endswith("done\n")


def imported(name: str, everywhere: bool) -> set[str]:
    """Modules of the package that a module imports: at its top, or anywhere in it."""
    path = ROOT / "rencgan" / f"{name}.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rencgan"):
            inner = node.module.removeprefix("rencgan").lstrip(".").partition(".")[0]
            found |= {inner} if inner else {a.name for a in node.names if a.name in MODULES}
        elif isinstance(node, ast.Import):
            inner = [a.name.split(".") for a in node.names]
            found |= {parts[1] for parts in inner if parts[0] == "rencgan" and len(parts) > 1}
        assert not (isinstance(node, ast.ImportFrom) and node.level), f"{name}: relative import"
    return found


MODULES = {p.stem for p in (ROOT / "rencgan").glob("*.py")} - {"__init__"}


def reached(name: str) -> set[str]:
    """Everything that importing a module leads to, late imports included."""
    seen, waiting = set(), [name]
    while waiting:
        for inner in imported(waiting.pop(), everywhere=True) & MODULES - seen:
            seen.add(inner)
            waiting.append(inner)
    return seen


def test_the_reader_of_imports_sees_the_three_ways_of_importing():
    assert {"checkpoint", "clips", "updates"} <= imported("train", everywhere=False)
    assert "video" in imported("prepare", everywhere=True)
    assert "video" not in imported("prepare", everywhere=False)
    assert {"encgan3", "presets", "errors"} <= reached("losses")


def test_no_module_imports_itself_in_a_circle():
    graph = {name: imported(name, everywhere=True) & MODULES for name in MODULES}
    list(TopologicalSorter(graph).static_order())  # raises CycleError


FORBIDDEN = {
    "errors": MODULES,
    "presets": MODULES - {"errors", "recipe"},
    "videoset": MODULES - {"errors"},
    "encgan3": MODULES - {"errors", "recipe", "presets"},
    "losses": MODULES - {"errors", "recipe", "presets", "encgan3"},
    "recall": MODULES - {"errors", "recipe", "presets", "encgan3"},
    "heads": MODULES - {"errors", "recipe", "gpt_presets"},
    "gpt": MODULES - {"errors", "recipe", "gpt_presets", "heads"},
    "rollout": {"train_gpt", "train", "tokens", "model", "study", "show", "prepare", "video"},
    "r3": {"train_gpt", "train", "study", "show", "report", "parameters", "prepare", "video"},
    "train_gpt": {"r3", "rollout", "study", "show", "report", "parameters", "prepare", "video"},
    "players": {"train", "updates", "losses", "clips", "study", "show", "prepare"},
    "updates": {"train", "study", "show", "prepare", "model", "sample"},
    "sample": {"train", "updates", "players", "study", "show", "prepare", "video"},
    "lencgan": {"train", "updates", "players", "model", "study", "show", "prepare", "video"},
    "walks": {"train", "updates", "players", "model", "study", "show", "prepare", "video"},
    "lencgan_updates": {"train", "study", "show", "prepare", "model", "video"},
    "measures": {"train", "players", "study", "show", "prepare", "video", "model"},
    "checkpoint": {"train", "players", "study", "show", "prepare", "video"},
    "train": {"study", "show", "report", "parameters", "prepare", "video", "model"},
    "model": {"train", "study", "show", "report", "parameters", "prepare", "video"},
    "prepare": {"train", "players", "encgan3", "study", "show", "parameters", "presets"},
    "video": {"prepare", "train", "study", "show"},
    "published": MODULES - {"errors"},
    "frechet": MODULES - {"errors"},
    "compact": MODULES - {"errors"},
    "features": MODULES - {"errors", "paths", "resnext", "compact"},
    "footage": {"train", "players", "encgan3", "study", "show", "prepare", "presets", "evaluate"},
    "sides": {"train", "players", "encgan3", "study", "show", "prepare", "presets", "evaluate"},
    "evaluate": {"train", "players", "encgan3", "study", "show", "prepare", "presets", "model"},
    "inception": {"train", "players", "encgan3", "study", "show", "prepare", "presets", "model"},
    "fitness": {"train", "players", "encgan3", "study", "show", "prepare", "presets", "model"},
    "parameters": {"train", "study", "show", "prepare", "video"},
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_dependencies_point_one_way(name):
    assert reached(name) & FORBIDDEN[name] == set()


def test_nothing_in_the_package_imports_notebooks_or_tests():
    for path in (ROOT / "rencgan").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            tops = {n.partition(".")[0] for n in names}
            assert not tops & {"notebooks", "tests", "conftest"}, path
