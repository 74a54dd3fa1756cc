"""Verdicts on the papers' claims: computed, from the files alone."""

import html
import json

import numpy as np
import pytest
from conftest import ROOT
from samples import file

from rencgan.__main__ import do
from rencgan.core.errors import InputError
from rencgan.studies import ledger, results
from rencgan.studies.catalogue import STUDIES
from rencgan.studies.claims import CLAIMS, OURS, Claim, Comparison, claims_of, read
from rencgan.studies.ledger import HELD, NOT_HELD, NOT_HERE, UNDECIDED
from rencgan.studies.results import frame

R2, AR2 = ("R2", "sample"), ("AR2", "sample")
SOURCES = ("thesis ", "ICIP", "StyleGAN-V, ", "iVGAN, ", "MotionVideoGAN, ")


def both(r2, ar2, **more):
    files = [file("R2", s, v, **more) for s, v in enumerate(r2)]
    return files + [file("AR2", s, v, **more) for s, v in enumerate(ar2)]


def claim(rule="before", **given):
    return Claim(
        "R2 before AR2", "somewhere", "T5.5", (Comparison(R2, AR2, "128f"),), rule, **given
    )


def test_there_are_at_least_forty_claims_each_complete():
    assert len(CLAIMS) >= 40 and len({c.text for c in CLAIMS}) == len(CLAIMS)
    for c in (*CLAIMS, *OURS):
        assert c.text and c.source.startswith("ours" if c in OURS else SOURCES), c
        assert bool(c.why_not) != bool(c.comparisons), c


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"study": "T9.9"}, "claim 'x': there is no 'T9.9'"),
        ({"better": "R7"}, "'R7' is no row of T5.5"),
        ({"worse": "R2 | noise"}, "'R2 . noise' is no row of T5.5, and no model and way"),
        ({"worse": "R7 | mean"}, "there is no contestant 'R7'"),
        ({"measures": ["17f"]}, "claim 'x': '17f' is unknown"),
        ({"rule": "after"}, "claim 'x': 'after' is unknown"),
        ({"higer": ["ratio"]}, "claim 'x': 'higer' is unknown"),
        ({"why_not": "too hard"}, "claim 'x': there is no 'too hard'"),
    ],
)
def test_a_claim_that_names_what_there_is_not_is_refused_in_a_sentence(change, said):
    block = {"text": "x", "source": "y", "study": "T5.5", "better": "R2", "worse": ["AR2", "R3"]}
    found = read(block)
    sides = [(c.worse, c.measure) for c in found.comparisons]
    assert sides[:2] == [(AR2, "16f"), (AR2, "128f")]
    assert sides[2] == (("R3, regression", "robust sample"), "16f")
    with pytest.raises(InputError, match=said) as refused:
        read(block | change)
    assert "\n" not in str(refused.value)


def test_a_claim_is_tested_by_the_runs_of_its_study():
    for c in CLAIMS:
        if c.comparisons:
            of = {(v.contestant, v.way) for v in STUDIES[c.study].variants}
            sides = {side for one in c.comparisons for side in (one.better, one.worse)}
            assert sides <= of, (c.text, sides - of)


def test_verdicts_follow_the_numbers():
    assert claim().verdict(frame(both([50, 51, 49], [80, 82, 79]))).verdict == HELD
    assert claim().verdict(frame(both([80, 82, 79], [50, 51, 49]))).verdict == NOT_HELD
    assert claim().verdict(frame(both([50, 90, 49], [80, 52, 79]))).verdict == UNDECIDED
    assert claim().verdict(frame(both([50, 51], [80, 82]))).verdict == UNDECIDED
    assert claim().verdict(frame([file("R2", 0)])) is None
    gain = claim().verdict(frame(both([50, 50, 50], [100, 100, 100]))).gain
    assert gain == pytest.approx(np.log(2))


def test_alike_is_a_claim_of_its_own_and_not_a_want_of_evidence():
    same = claim("alike")
    assert same.verdict(frame(both([50, 51, 50], [51, 51, 50.5]))).verdict == HELD
    assert same.verdict(frame(both([50, 51, 50], [80, 81, 82]))).verdict == NOT_HELD
    assert same.verdict(frame(both([80, 81, 82], [50, 51, 50]))).verdict == NOT_HELD
    assert same.verdict(frame(both([50, 90, 49], [80, 52, 79]))).verdict == UNDECIDED
    assert same.verdict(frame(both([50, 51], [50, 51]))).verdict == UNDECIDED


def test_seconds_that_were_not_taken_together_are_compared_with_nothing():
    slower = next(c for c in CLAIMS if c.text == "Rejection takes AR2 longer than plain sampling")
    files = []
    for seed in range(3):
        f = file("AR2", seed)
        f["ways"] |= file("AR2", seed, way="VDrej")["ways"]
        f["ways"]["VDrej"]["seconds for 1000 frames"] = 15.0 + seed
        files.append(f)
    assert slower.verdict(frame(files)) is None
    for f in files:
        f["timed together"] = {"ways": ["VDrej", "sample"]}
    assert slower.verdict(frame(files)).verdict == HELD


def test_a_comparison_that_lacks_seeds_is_what_a_claim_lacks():
    more = [file("LEncGAN", 0, 60.0)]
    two = tuple(Comparison(R2, (n, "sample"), "128f") for n in ("AR2", "LEncGAN"))
    v = Claim("", "", "T5.5", two).verdict(frame(both([50, 90, 49], [80, 52, 79]) + more))
    assert v.verdict == UNDECIDED and v.seeds == 1 and "1 seed" in v.why


def test_several_comparisons_hold_only_together():
    """One side that is far worse hides nothing, and opposite differences are not alike."""
    v4, v1, v5 = (("R2", w) for w in ("sample", "mean", "VDrej"))
    files = []
    for seed in range(3):
        f = file("R2", seed, 100.0 + seed)
        f["ways"] |= file("R2", seed, 80.0 + seed, way="mean")["ways"]
        f["ways"] |= file("R2", seed, 3000.0 + seed, way="VDrej")["ways"]
        files.append(f)
    best = Claim("", "", "T5.5", tuple(Comparison(v4, w, "128f") for w in (v1, v5)))
    found = best.verdict(frame(files))
    assert found.verdict == NOT_HELD and found.gain == pytest.approx(np.log(0.8), abs=0.01)
    assert Claim("", "", "", best.comparisons[1:]).verdict(frame(files)).verdict == HELD
    two = (Comparison(R2, AR2, "128f"), Comparison(R2, AR2, "16f", lower_is_better=False))
    apart = both([100, 101, 102], [200, 201, 202])  # by one measure better, by the other worse
    found = Claim("", "", "T5.5", two, "alike").verdict(frame(apart))
    assert found.verdict == NOT_HELD and found.seeds == 3
    undecided = both([50, 90, 49], [80, 52, 79])
    assert Claim("", "", "T5.5", two).verdict(frame(undecided)).verdict == UNDECIDED
    for f in files:
        del f["ways"]["VDrej"]
    assert best.verdict(frame(files)) is None, "a comparison has nothing to compare"


def test_a_measure_that_is_a_logarithm_is_subtracted():
    files = [file("R2", 0, seam=np.e), file("AR2", 0, seam=np.e**3)]
    (gain,) = Comparison(R2, AR2, "log jump").gains(frame(files))
    assert gain == pytest.approx(2.0)
    below = [file("R2", 0, seam=1.1), file("AR2", 0, seam=0.4)]  # too still is wrong too
    (gain,) = Comparison(R2, AR2, "log jump").gains(frame(below))
    assert gain == pytest.approx(np.log(1.1 / 0.4) - 2 * np.log(1.1))


def test_seeds_are_compared_pairwise_and_only_those_of_both_sides():
    files = [file("R2", s, 50.0 * (s + 1)) for s in (0, 1, 5)]
    files += [file("AR2", s, 100.0 * (s + 1)) for s in (1, 2, 0)]
    found = Comparison(R2, AR2, "128f").gains(frame(files)).to_dict()
    assert found == {0: pytest.approx(np.log(2)), 1: pytest.approx(np.log(2))}
    other = Comparison(R2, AR2, "128f", lower_is_better=False).gains(frame(files))
    assert other.to_dict() == {s: -gain for s, gain in found.items()}


def test_one_side_may_be_another_place_of_the_same_videos():
    (f,) = [file("R2", 0, 100.0)]
    f["ways"]["sample"]["long"][f"{results.METRIC} 16f, start"] = 150.0
    c = Comparison(R2, R2, "16f, last 128", of_worse="16f, first 128")
    assert c.gains(frame([f])).to_dict() == {0: pytest.approx(np.log(150 / 300))}


def test_the_verdict_says_where_and_takes_the_data_set_with_most_seeds():
    files = both([50, 51, 49], [80, 82, 79]) + both([90], [50], dataset="taichi")
    (row,) = ledger.rows(frame(files), [claim()])
    assert row["verdict"] == HELD and row["where"] == "mini, procedural sky" and row["seeds"] == 3
    assert row["elsewhere"] == "taichi: undecided, -44 %, 1 seed(s)"
    (row,) = ledger.rows(frame([f for f in files if f["dataset"] == "taichi"]), [claim()])
    assert row["verdict"] == UNDECIDED and row["where"] == "mini, procedural taichi"
    (row,) = ledger.rows(frame(files), [Claim("x", "y", why_not="nobody has it")])
    assert (row["verdict"], row["why"]) == (NOT_HERE, "nobody has it")
    (row,) = ledger.rows(frame([]), [claim()])
    assert (row["verdict"], row["why"]) == (UNDECIDED, "not run yet")


def test_every_measure_of_a_claim_has_a_row_of_its_own():
    files = both([50, 51, 49], [80, 82, 79]) + [
        file(n, s, far + s)
        for n, far in (("R2, loss v4", 60), ("LEncGAN, equal pairs", 40))
        for s in range(3)
    ]
    table = ledger.details(frame(files), claims_of("T5.5", "F4.4"))
    found = {(r["claim"], r["measure"]): r for r in table}
    row = found["R2 before AR2, which is given nothing", "128f"]
    assert (row["here"], row["seeds"], row["so printed"]) == (HELD, 3, "yes")
    assert row["gain"].startswith("+61 % (+")
    lost = found["R2 before LEncGAN at equal pairs", "128f"]
    assert (lost["here"], lost["so printed"]) == (NOT_HELD, "")
    assert not any("improved" in r["claim"].lower() for r in table), "it has no results"
    assert ledger.by_chance(table).startswith(f"{sum(r['here'] != UNDECIDED for r in table)} of ")


def test_comparisons_with_several_others_name_them():
    files = [file(f"R2, loss {v}", 0, far) for v, far in (("v4", 50.0), ("v1", 60.0), ("v5", 70.0))]
    best = next(c for c in CLAIMS if "is the best of the five losses" in c.text)
    assert [r["claim"].partition(" (here")[2] for r in ledger.details(frame(files), [best])] == [
        ": R2, loss v1)",
        ": R2, loss v1)",
        ": R2, loss v5)",
        ": R2, loss v5)",
    ]


def test_what_the_thesis_prints_need_not_be_what_it_says():
    def printed(text, measure, dataset):
        c = next(c for c in CLAIMS if c.text == text)
        return c.in_print(dataset, [one for one in c.comparisons if one.measure == measure])

    r3 = "Improved R2 before R3, which is given one clip"
    assert printed("R2 before AR2, which is given nothing", "16f", "taichi") == "yes"
    assert printed(r3, "16f, own", "sky") == "no"
    mean = "The mean before plain sampling"
    assert [printed(mean, "16f", d) for d in ("sky", "taichi", "uva")] == ["yes", "no", ""]
    late = "Over 1000 frames R3 stays better than AR2, which has no view of the whole"
    assert printed(late, "16f, last 128", "sky") == "", "no such number is printed"
    assert printed("LSTM and fc are as good", "16f", "sky") == ""
    fourth = "Training on every frame before every fourth"
    assert printed(fourth, "16f, every 4th", "taichi") == "yes"
    assert {c.in_print(d) for c in OURS for d in ("sky", "taichi")} == {""}
    streams = "3d video streams before 1p2d (improved R2 before R2)"  # Table 5.6 has people alone
    assert [printed(streams, "128f", d) for d in ("taichi", "sky")] == ["yes", "no"]
    wider = "A token of another width is worse"
    assert printed(wider, "128f, own", "taichi") == "no"


def test_the_ledger_says_whether_the_printed_numbers_order_the_sides_so():
    files = both([50, 51, 49], [80, 82, 79])
    (row,) = ledger.rows(frame(files), [c for c in CLAIMS if c.text.startswith("R2 before AR2")])
    assert row["so printed"] == "yes"


def test_chance_is_told():
    table = [
        {"here": h, "seeds": n, "rule": "before"}
        for h, n in [("held", 3)] * 2 + [("undecided", 3)] * 18
    ]
    told = "2 of 20 orderings are decided; chance alone would decide about 2."
    assert ledger.by_chance(table) == told
    assert ledger.by_chance([*table, {"here": "held", "seeds": 3, "rule": "alike"}]) == told
    assert ledger.by_chance([{"here": "undecided", "seeds": 1, "rule": "before"}]) == ""


def test_changing_the_results_changes_the_count():
    held = ledger.rows(frame(both([50, 51, 49], [80, 82, 79])), [claim()])
    lost = ledger.rows(frame(both([80, 82, 79], [50, 51, 49])), [claim()])
    assert ledger.count(held)[HELD] == 1 and ledger.count(lost)[NOT_HELD] == 1
    assert ledger.summary(held).startswith("1 claims: 1 held, 0 did not hold")


def test_the_published_page_shows_the_ledger_of_the_published_results():
    page = (ROOT / "reports" / "08_results.html").read_text(encoding="utf-8")
    assert ledger.summary(ledger.rows(results.read())) in html.unescape(page)


def test_the_command_prints_every_claim(tmp_path, capsys):
    for f in both([50, 51, 49], [80, 82, 79]):
        name = f"{f['contestant']}{f['seed']}.json"
        (tmp_path / name).write_text(json.dumps(f))
    do(["ledger", "--folder", str(tmp_path)])
    told = capsys.readouterr().out
    known = [c for c in CLAIMS if c.known_at("mini")]
    assert told.count("\n| ") == len(known) and "not run yet" in told
    with pytest.raises(InputError, match="holds no results at mini"):
        do(["ledger", "--folder", str(tmp_path / "none")])
