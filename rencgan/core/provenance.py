"""Where a number came from: code, preset, data, seed, machine, versions, time."""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, is_dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rencgan import __version__
from rencgan.core.files import project_root

PACKAGES = ("torch", "numpy", "scipy", "av", "matplotlib", "pydantic", "papermill")


def provenance(
    preset: Any,
    seed: int,
    card: Mapping[str, Any] | None = None,
    started: float | None = None,
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """All that a result depends on, as plain values that JSON can hold.

    preset: a Preset (all its fields are kept). card: the data card (lists are kept as lengths).
    started: time.time() at the beginning, for the duration in seconds. extra: more entries.
    """
    essentials = {  # without the long lists of names
        key: len(value) if isinstance(value, list | tuple) and len(value) > 4 else value
        for key, value in (card or {}).items()
    }
    return {
        "rencgan": __version__,
        **commit(),
        "preset": asdict(preset) if is_dataclass(preset) else preset,
        "seed": seed,
        "data": essentials,
        "device": device(),
        "versions": versions(),
        "finished": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
        "seconds": None if started is None else round(time.time() - started, 1),
        **(extra or {}),
    }


def commit() -> dict[str, Any]:
    """{'commit': hash or None, 'changed': whether tracked files differ from it}."""
    revision = _git("rev-parse", "HEAD")
    if not revision:
        return {"commit": None, "changed": None}
    return {"commit": revision, "changed": bool(_git("status", "--porcelain", "-uno"))}


def device() -> dict[str, Any]:
    """Name of the processor and of each GPU, cores, threads that torch uses, whether it multiplies
    bfloat16 itself.
    """
    found = {"cpu": _cpu(), "cores": os.cpu_count(), "system": platform.platform(terse=True)}
    torch = sys.modules.get("torch")
    if torch is not None:
        from rencgan.core.device import native  # it needs torch

        gpus = range(torch.cuda.device_count())
        found["threads"] = torch.get_num_threads()
        found["gpu"] = ", ".join(torch.cuda.get_device_name(i) for i in gpus) or None
        found["bfloat16"] = native(torch.device("cuda" if gpus else "cpu"))
        if gpus:  # see training.loop
            found["cudnn"] = "algorithms chosen by speed in training: the last bits may differ"
    return found


def versions() -> dict[str, str]:
    """Python and the installed packages that shape a result."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(project_root()), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _cpu() -> str:
    """The processor's model name; platform.processor() is empty on most Linux systems."""
    with suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(s.split(":", 1)[1].strip() for s in lines if s.startswith("model name"))
    return platform.processor() or platform.machine()
