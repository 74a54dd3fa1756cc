"""Batches that tests run through Snakemake, where it is installed."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import ROOT

snakemake = pytest.mark.skipif(
    find_spec("snakemake") is None, reason="Snakemake is not installed: pip install -e '.[batch]'"
)
SMALL = {"datasets": ["sky"], "preset": "smoke", "seeds": [1]}
STUB = """
import shutil, sys
shutil.copyfile(*sys.argv[-2:])
if "BROKEN" in open(sys.argv[-1]).read():
    sys.exit("broken")
"""


class Batch:
    """Snakemake in a process of its own, with one core and the settings given."""

    def __init__(self, folder: Path, stub: bool = False, **settings):
        self.out, self.file = folder / "out", folder / "settings.json"
        defaults = {"out": str(self.out), "parameters": {}, "seeds": [1]}
        self.settings = SMALL | defaults | settings
        found = [str(ROOT)]
        if stub:
            (folder / "stub").mkdir()
            (folder / "stub" / "papermill.py").write_text(STUB)
            found = [str(folder / "stub"), *found]
        path = os.pathsep.join([*found, os.environ.get("PYTHONPATH", "")])
        self.environment = os.environ | {"PYTHONPATH": path}

    def start(self, *options: str, **settings) -> subprocess.Popen:
        self.file.write_text(json.dumps(self.settings | settings))
        command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "batch" / "Snakefile")]
        command += ["--cores", "1", "--configfile", str(self.file), *options]
        return subprocess.Popen(
            command,
            cwd=self.file.parent,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *options: str, **settings) -> tuple[int, str]:
        started = self.start(*options, **settings)
        said, _ = started.communicate(timeout=1800)
        return started.returncode, said

    def wanted(self, **settings) -> set[str]:
        """kind/name of the jobs that would run."""
        code, said = self.run("-n", **settings)
        assert code == 0, said
        outputs = [s.split()[1] for s in said.splitlines() if s.startswith("    output:")]
        return {self.name_of(Path(output)) for output in outputs}

    def name_of(self, mark: Path) -> str:
        return "/".join(mark.parts[-2:]) if mark.parent.parent.name == "done" else "table/results"

    def marks(self) -> dict[str, int]:
        found = [*(self.out / "batch" / "done").glob("*/*"), *self.out.glob("*.md")]
        return {self.name_of(p): p.stat().st_mtime_ns for p in found}
