import numpy as np
import pytest
from scipy import stats

from rencgan.core.errors import InputError
from rencgan.studies.claims import HELD, NOT_HELD, UNDECIDED, decided


def gains(better, worse):
    return [worse[s] - better[s] for s in better]


def test_a_clear_lead_over_three_seeds_held_and_the_other_way_round_it_did_not():
    low, high = {0: 40.0, 1: 42.0, 2: 41.0}, {0: 60.0, 1: 61.0, 2: 63.0}
    v = decided(gains(low, high))
    assert v.verdict == HELD and v.seeds == 3 and v.gain == pytest.approx((20 + 19 + 22) / 3)
    back = decided(gains(high, low))
    assert back.verdict == NOT_HELD and back.gain == -v.gain and back.margin == v.margin


def test_it_agrees_with_a_paired_one_sided_t_test():
    rng, found = np.random.default_rng(0), set()
    for _ in range(200):
        a, b = rng.normal(0, 1, 4), rng.normal(0.8, 1, 4)
        v = decided(b - a)
        p = stats.ttest_rel(b, a, alternative="greater").pvalue
        right = HELD if p < 0.05 else NOT_HELD if p > 0.95 else UNDECIDED
        assert v.verdict == right
        found.add(v.verdict)
    assert {HELD, UNDECIDED} <= found


@pytest.mark.parametrize("seeds", [1, 2])
def test_few_seeds_decide_nothing(seeds):
    v = decided([8.0] * seeds)
    assert v.verdict == UNDECIDED and v.gain == 8 and "3 decide" in v.why
    assert (v.margin is None) == (seeds == 1)


def test_no_seed_and_no_number_decide_nothing():
    with pytest.raises(InputError, match="at least one seed"):
        decided([])
    with pytest.raises(InputError, match="finite"):
        decided([float("nan")])


def test_of_several_orderings_of_equals_few_are_found_the_other_way_round():
    rng, tests, wrong = np.random.default_rng(0), 8, 0
    for _ in range(400):
        found = [decided(rng.normal(0, 1, 3), tests=tests) for _ in range(tests)]
        wrong += any(v.verdict == NOT_HELD for v in found)
    assert wrong / 400 < 0.08  # 0.05, and what 400 draws add; alone each would come to 0.3


def test_what_goes_the_other_way_by_its_own_margin_alone_is_undecided_among_several():
    better, worse = {0: 3.0, 1: 4.0, 2: 5.0}, {0: 2.2, 1: 2.0, 2: 1.9}
    assert decided(gains(better, worse)).verdict == NOT_HELD
    v = decided(gains(better, worse), tests=8)
    assert v.verdict == UNDECIDED and v.why.endswith("one of several, and within their margin")
    back = decided(gains(worse, better), tests=8)
    assert back.verdict == HELD, "all must hold, so each at its own"
    apart = [0.30, 0.20, 0.25]
    assert decided(apart, "alike").verdict == NOT_HELD
    assert decided(apart, "alike", tests=20).verdict == UNDECIDED


def test_an_order_needs_more_than_two_per_cent():
    small, larger = np.log(1.019), np.log(1.021)
    for sign in (1, -1):
        v = decided([sign * small] * 3)
        assert v.verdict == UNDECIDED and v.why == "the difference is one of 2 % or less"
    assert decided([larger] * 3).verdict == HELD and decided([-larger] * 3).verdict == NOT_HELD
    assert decided([small] * 3, "alike").verdict == HELD
