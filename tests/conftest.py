"""Fixtures that several test files share, and the rule that some tests may not be skipped in CI."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

# Networks this small are slower on several threads, and notebooks inherit it. Before torch loads.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # noqa: E402
import papermill  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402
from browser import Browser  # noqa: E402
from torch.nn.utils import parametrizations  # noqa: E402

from rencgan.core.files import alone  # noqa: E402
from rencgan.data.videoset import VideoSet  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]


def real_clips(*parts: str) -> Path:
    """The folder of real clips beside the checkout (or named by RENCGAN_REAL_CLIPS), or skip."""
    base = Path(os.environ.get("RENCGAN_REAL_CLIPS", ROOT.parent / "shared" / "data" / "real"))
    path = base.joinpath(*parts)
    if not path.exists():
        pytest.skip("clips: the real clips are not on this machine")
    return path


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """RENCGAN_REQUIRE="browser clips": a test skipped for want of one of these has failed."""
    outcome = yield
    report = outcome.get_result()
    required = os.environ.get("RENCGAN_REQUIRE", "").split()
    if report.skipped and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if any(reason.startswith(f"{kind}:") for kind in required):
            report.outcome = "failed"
            report.longrepr = f"must not be skipped here: {reason}"


class Critic(torch.nn.Module):
    """Scores given from outside, and a record of what was judged."""

    def __init__(self, score):
        super().__init__()
        self.score, self.judged = score, []

    def forward(self, x):
        self.judged.append(x)
        return self.score(x)


class Stop(Exception):
    pass


def stopped_after(step: int) -> Callable:
    """A progress callback that ends a training there, as a kill would."""

    def progress(done, total, losses):
        if done == step:
            raise Stop

    return progress


def moving_videos(count=4, frames=60, size=16, seed=0) -> list[np.ndarray]:
    """Small smooth videos, all different: (T, H, W, 3) uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size] / size
    made = []
    for _ in range(count):
        a, b, phase = rng.uniform(1, 4, 3), rng.uniform(1, 4, 3), rng.uniform(0, 6, 3)
        t = np.arange(frames)[:, None, None, None] * rng.uniform(0.05, 0.3)
        wave = np.sin(6.3 * (a * x[..., None] + b * y[..., None]) + phase + t)
        made.append((127.5 + 100 * wave).astype(np.uint8))
    return made


@pytest.fixture
def videos() -> VideoSet:
    """Four training videos and one test video of 60 frames, 16x16."""
    return VideoSet.from_arrays(moving_videos(5), splits=["train"] * 4 + ["test"])


@pytest.fixture(scope="session", autouse=True)
def no_first_iterations_on_meta():
    """Spectral norm begins with 15 power iterations, on the meta device too, where there is nothing
    to find: of the time of tests that count weights nine tenths.
    """
    iterate = parametrizations._SpectralNorm._power_method

    def unless_on_meta(self, weight, iterations):
        if not (weight.is_meta and iterations > 1):
            iterate(self, weight, iterations)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parametrizations._SpectralNorm, "_power_method", unless_on_meta)
        yield


@pytest.fixture(scope="session")
def smoke_run(tmp_path_factory):
    """smoke_run("03_rencgan"): the notebook executed at smoke size, once for all tests and all
    processes of a test run, from a foreign working directory; what it makes lies below its folder.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # whose base lies in that of the whole run
        shared = shared.parent

    def run(name: str) -> Path:
        folder = shared / "smoke" / name
        path = folder / f"{name}.ipynb"
        with alone(shared / f"{name}.lock"):
            if not path.exists():
                given = {"preset": "smoke", "source": "procedural"}
                given |= {"out_root": str(folder / "runs")}
                slow = name in ("03_rencgan", "05_r3")
                given |= {"candidates": 3} if slow else {}  # 20 take a minute
                given |= {"frames": 320} if name in ("04_ar2", "05_r3") else {}
                if name == "07_baselines":
                    given |= {"results_root": str(folder / "results"), "frames": 160}
                folder.mkdir(parents=True, exist_ok=True)
                notebook = str(ROOT / "notebooks" / path.name)
                part = path.with_suffix(".part.ipynb")
                papermill.execute_notebook(
                    notebook, str(part), given, progress_bar=False, cwd=folder
                )
                part.replace(path)
        return path

    return run


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """One Chromium for all tests."""
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip("browser: Chromium is not installed")
    running = Browser(program, tmp_path_factory.mktemp("profile"))
    yield running
    running.close()
