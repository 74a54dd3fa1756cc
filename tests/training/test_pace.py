"""What is said of a training before it begins, and of its speed."""

from dataclasses import replace

from test_loop import job

from rencgan.models.r2 import R2
from rencgan.presets.table import SMOKE
from rencgan.training.pace import COLD, WARM, Pace


def told(run, capsys, first: int = 0, seconds: float = 2.0) -> list[str]:
    """The lines of a run whose steps take so many seconds each."""
    now = [0.0]
    pace = Pace(run, lambda: now[0])
    for done in range(first, run.preset.steps + 1):
        pace.tell(done)
        now[0] += seconds
    return capsys.readouterr().out.splitlines()


def test_steps_epochs_and_the_time_they_take_are_told(tmp_path, videos, capsys):
    p = SMOKE.but(warmup=0, motion_warmup=0, batch=2, epochs=20.0)
    run = job(tmp_path, videos, preset=p)  # 20 pairs
    assert told(run, capsys) == [
        "R2: 200 steps of 2 pairs, 20 epochs of 20.",
        f"At 2 s a step, measured just now, the {200 - WARM} that are left take 5 min 50 s.",
    ]
    assert told(run, capsys, seconds=0.01) == ["R2: 200 steps of 2 pairs, 20 epochs of 20."]
    later = told(run, capsys, first=100)
    assert later[1].startswith("At 2 s a step") and f"the {100 - WARM} that are left" in later[1]
    assert told(run, capsys, first=200) == []  # finished
    assert COLD < WARM


def test_the_speed_is_that_of_the_steps_after_the_warm_ups(tmp_path, videos, capsys):
    p = SMOKE.but(warmup=40, motion_warmup=20, steps=200)
    run = replace(job(tmp_path, videos, R2(), preset=p))
    first, second = told(run, capsys)
    assert first == "R2: 200 steps of 2 pairs."
    assert f"the {200 - 60 - WARM} that are left" in second
