"""Memory that training keeps, and gives back."""

import numpy as np
import pytest

from rencgan.core.allocator import freed_memory_kept
from rencgan.evaluate import cost


def test_memory_is_kept_inside_and_goes_back_at_the_end():
    if "resident memory" not in (meters := cost.meters()):
        pytest.skip("this system has no meter of memory that can be set back")
    level, _ = meters["resident memory"]
    before = level()
    with freed_memory_kept():
        np.ones(200_000_000, np.uint8)
        assert level() - before > 150e6  # glibc; freed, and still this process's
    assert level() - before < 50e6
    np.ones(200_000_000, np.uint8)
    assert level() - before < 50e6  # given back at once again
