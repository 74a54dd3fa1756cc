"""Verdicts on the papers' claims: computed, from the files alone."""

import html
import json

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from samples import file

from rencgan.__main__ import do
from rencgan.core.errors import InputError
from rencgan.studies import ledger
from rencgan.studies.catalogue import STUDIES
from rencgan.studies.claims import APART, CLAIMS, OURS, Claim, Comparison, claims_of, read, together
from rencgan.studies.columns import METRIC
from rencgan.studies.ledger import HELD, MIXED, NOT_HELD, NOT_HERE, UNDECIDED
from rencgan.studies.references import REAL
from rencgan.studies.results import frame
from rencgan.studies.setting import checked
from rencgan.studies.variants import CLIP_WAYS, contestant

R2, AR2 = ("R2", "sample"), ("AR2", "sample")
SOURCES = ("thesis ", "ICIP", "StyleGAN-V, ", "iVGAN, ", "MotionVideoGAN, ")


def both(r2, ar2, **more):
    files = [file("R2", s, v, **more) for s, v in enumerate(r2)]
    return files + [file("AR2", s, v, **more) for s, v in enumerate(ar2)]


def claim(rule="before", **given):
    return Claim(
        "R2 before AR2", "somewhere", "T5.5", (Comparison(R2, AR2, "128f"),), rule, **given
    )


def verdict(of, files):
    return together(of.verdicts(frame(files)))


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
        ({"on": ["skyy"]}, "claim 'x': 'skyy' is unknown"),
        ({"worse": "real | blurred"}, "'real . blurred' is no row of T5.5|no contestant 'real'"),
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
            assert {side for side in sides if side[0] != REAL} <= of, (c.text, sides - of)


def test_a_claim_is_judged_on_the_data_of_its_source():
    on = {c.text: c.on for c in CLAIMS if c.comparisons}
    assert on["EncGAN3 lies before G3AN early in training too"] == ("uva",)
    assert on["LSTM and fc are as good"] == ("taichi",)
    assert on["R2 before AR2, which is given nothing"] == ("sky", "taichi")
    assert on["On people StyleGAN-V before AR2"] == ("taichi",)
    assert on["R3 moves more than AR2 over 1000 frames"] == ("taichi",)
    assert all(on.values()) and not any(c.on for c in OURS), "ours is asked of any"


def test_verdicts_follow_the_numbers():
    assert verdict(claim(), both([50, 51, 49], [80, 82, 79])) == HELD
    assert verdict(claim(), both([80, 82, 79], [50, 51, 49])) == NOT_HELD
    assert verdict(claim(), both([50, 90, 49], [80, 52, 79])) == UNDECIDED
    assert verdict(claim(), both([50, 51], [80, 82])) == UNDECIDED
    assert claim().verdicts(frame([file("R2", 0)])) == []
    (v,) = claim().verdicts(frame(both([50, 50, 50], [100, 100, 100])))
    assert v.gain == pytest.approx(np.log(2))


def test_alike_is_a_claim_of_its_own_and_not_a_want_of_evidence():
    same = claim("alike")
    assert verdict(same, both([50, 51, 50], [51, 51, 50.5])) == HELD
    assert verdict(same, both([50, 51, 50], [80, 81, 82])) == NOT_HELD
    assert verdict(same, both([80, 81, 82], [50, 51, 50])) == NOT_HELD
    assert verdict(same, both([50, 90, 49], [80, 52, 79])) == UNDECIDED
    assert verdict(same, both([50, 51], [50, 51])) == UNDECIDED


def test_no_worse_is_held_by_what_is_better_too():
    fine = claim("no worse")
    assert verdict(fine, both([50, 51, 50], [51, 51, 50.5])) == HELD
    assert verdict(fine, both([50, 51, 50], [80, 81, 82])) == HELD
    assert verdict(fine, both([80, 81, 82], [50, 51, 50])) == NOT_HELD
    assert verdict(fine, both([50, 90, 49], [80, 52, 79])) == UNDECIDED


def test_seconds_that_were_not_taken_together_are_compared_with_nothing():
    slower = next(c for c in CLAIMS if c.text == "Rejection takes AR2 longer than plain sampling")
    files = []
    for seed in range(3):
        f = file("AR2", seed)
        f["ways"] |= file("AR2", seed, way="VDrej")["ways"]
        f["ways"]["VDrej"]["seconds for 1000 frames"] = 15.0 + seed
        files.append(f)
    assert slower.verdicts(frame(files)) == []
    for f in files:
        f["timed together"] = {"ways": ["VDrej", "sample"]}
    assert verdict(slower, files) == HELD


def test_what_a_training_costs_is_told_by_the_clip():
    cheaper = next(c for c in CLAIMS if c.text.startswith("R2 trains faster than LEncGAN"))
    files = [file("R2, loss v4", s) for s in range(3)] + [file("LEncGAN", s) for s in range(3)]
    assert cheaper.verdicts(frame(files)) == []
    for f in files:
        f["training"] |= {"pairs": 100} if f["contestant"] != "LEncGAN" else {"clips": 100}
        f["training"] |= {"processor seconds": f["training"]["seconds"]}
    (v,) = cheaper.verdicts(frame(files))
    assert v.verdict == HELD and v.gain == pytest.approx(np.log(2)), "a pair has two clips"
    for f in files:
        device = {"cpu": "new" if f["contestant"] == "LEncGAN" and f["seed"] else "old"}
        f["ways"]["sample"]["provenance"] = {"device": device}
    (v,) = cheaper.verdicts(frame(files))
    assert v.verdict == UNDECIDED and v.seeds == 1, "seconds of two machines do not compare"
    for f in files:
        f["training"]["machine"], f["dataset"] = f["contestant"], "taichi"
    (row,) = ledger.rows(frame(files), [cheaper])
    assert row["verdict"] == UNDECIDED and row["seeds"] == 0 and row["why"] == APART
    assert row["comparisons"] == f"train ms a clip: {APART}"


def test_what_the_best_moment_took_is_its_share_of_the_whole_training():
    fewer, earlier = (c for c in CLAIMS if c.text.startswith("EncGAN3 is at its best after"))
    (of,) = earlier.comparisons
    one, two = of.better[0], of.worse[0]
    files = [file(name, seed) for name in (one, two) for seed in range(3)]
    assert earlier.verdicts(frame(files)) == []
    for f in files:
        spent, step = (130.0, 60) if f["contestant"] == one else (100.0, 100)
        f["training"] |= {"steps": 100, "processor seconds": spent, "best moment": {"step": step}}
        f["training"] |= {"clips": 1000 if f["contestant"] == one else 2500}
    (v,) = earlier.verdicts(frame(files))
    assert v.verdict == HELD and v.gain == pytest.approx(np.log(100 / 78))
    (v,) = fewer.verdicts(frame(files))
    assert v.verdict == HELD and v.gain == pytest.approx(np.log(2500 / 600)), "of larger batches"


def test_a_comparison_that_lacks_seeds_is_what_a_claim_lacks():
    more = [file("LEncGAN", 0, 60.0)]
    two = tuple(Comparison(R2, (n, "sample"), "128f") for n in ("AR2", "LEncGAN"))
    of = Claim("", "", "T5.5", two, on=("sky", "taichi"))
    (row,) = ledger.rows(frame(both([50, 51, 49], [80, 82, 79]) + more), [of])
    assert row["verdict"] == UNDECIDED and row["seeds"] == 1 and "1 seed" in row["why"]
    assert row["lacks"] == "2 on sky at mini, 3 on taichi at mini"


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
    found = best.verdicts(frame(files))
    assert together(found) == MIXED and found[0].gain == pytest.approx(np.log(0.8), abs=0.01)
    assert verdict(Claim("", "", "", best.comparisons[1:]), files) == HELD
    assert verdict(Claim("", "", "", best.comparisons[:1]), files) == NOT_HELD
    two = (Comparison(R2, AR2, "128f"), Comparison(R2, AR2, "16f", lower_is_better=False))
    apart = both([100, 101, 102], [200, 201, 202])  # by one measure better, by the other worse
    assert verdict(Claim("", "", "T5.5", two, "alike"), apart) == NOT_HELD
    assert verdict(Claim("", "", "T5.5", two), both([50, 90, 49], [80, 52, 79])) == UNDECIDED
    for f in files:
        del f["ways"]["VDrej"]
    assert best.verdicts(frame(files)) == [], "a comparison has nothing to compare"


def test_comparisons_that_point_apart_are_mixed_and_all_of_them_are_told():
    two = (Comparison(R2, AR2, "128f"), Comparison(R2, AR2, "16f", lower_is_better=False))
    (row,) = ledger.rows(frame(both([50, 51, 49], [80, 82, 79])), [Claim("", "", "T5.5", two)])
    assert (row["verdict"], row["why"]) == (MIXED, "its comparisons point apart")
    first, second = row["comparisons"].split("; ")
    assert first.startswith("128f: +61 % (+") and first.endswith(", held")
    assert second.startswith("16f: -38 % (-") and second.endswith(", did not hold")
    assert ledger.count([row])[MIXED] == 1 and " 1 mixed," in ledger.summary([row])


def test_a_measure_that_is_a_logarithm_is_subtracted():
    files = [file("R2", 0, seam=np.e), file("AR2", 0, seam=np.e**3)]
    (gain,) = Comparison(R2, AR2, "log jump").gains(frame(files))
    assert gain == pytest.approx(2.0)
    below = [file("R2", 0, seam=1.1), file("AR2", 0, seam=0.4)]  # too still is wrong too
    (gain,) = Comparison(R2, AR2, "log jump").gains(frame(below))
    assert gain == pytest.approx(np.log(1.1 / 0.4) - 2 * np.log(1.1))


def test_a_seed_with_a_zero_on_one_side_is_left_out():
    files = [file("R2", s, 50.0) for s in (0, 1)] + [file("AR2", s, 100.0) for s in (0, 1)]
    files[0]["ways"]["sample"]["scores"][1]["value"] = 0.0
    name = files[0]["ways"]["sample"]["scores"][1]["name"].removeprefix(f"{METRIC} ")
    gains = Comparison(R2, AR2, name).gains(frame(files))
    assert list(gains.index) == [1] and np.isfinite(gains).all()


def test_seeds_are_compared_pairwise_and_only_those_of_both_sides():
    files = [file("R2", s, 50.0 * (s + 1)) for s in (0, 1, 5)]
    files += [file("AR2", s, 100.0 * (s + 1)) for s in (1, 2, 0)]
    found = Comparison(R2, AR2, "128f").gains(frame(files)).to_dict()
    assert found == {0: pytest.approx(np.log(2)), 1: pytest.approx(np.log(2))}
    other = Comparison(R2, AR2, "128f", lower_is_better=False).gains(frame(files))
    assert other.to_dict() == {s: -gain for s, gain in found.items()}


def test_one_side_may_be_another_place_of_the_same_videos():
    (f,) = [file("R2", 0, 100.0)]
    f["ways"]["sample"]["long"][f"{METRIC} 16f, start"] = 150.0
    c = Comparison(R2, R2, "16f, last 128", of_worse="16f, first 128")
    assert c.gains(frame([f])).to_dict() == {0: pytest.approx(np.log(150 / 300))}


def test_the_verdict_says_where_and_is_of_the_data_that_have_three_seeds():
    files = both([50, 51, 49], [80, 82, 79]) + both([90], [50], dataset="taichi")
    (row,) = ledger.rows(frame(files), [claim()])
    assert row["verdict"] == HELD and row["where"] == "sky at mini" and row["seeds"] == 3
    assert row["elsewhere"] == "taichi at mini: undecided, -44 %, 1 seed(s)"
    (row,) = ledger.rows(frame([f for f in files if f["dataset"] == "taichi"]), [claim()])
    assert row["verdict"] == UNDECIDED and row["where"] == "taichi at mini"
    (row,) = ledger.rows(frame(files), [Claim("x", "y", why_not="nobody has it")])
    assert (row["verdict"], row["why"]) == (NOT_HERE, "nobody has it")
    (row,) = ledger.rows(frame([]), [claim()])
    assert (row["verdict"], row["why"]) == (UNDECIDED, ledger.NOT_RUN)


def test_other_data_than_the_sources_decide_nothing():
    skies = both([50, 51, 49], [80, 82, 79])
    (row,) = ledger.rows(frame(skies), [claim(on=("taichi",))])
    assert (row["verdict"], row["seeds"], row["where"]) == (UNDECIDED, 0, "")
    assert row["lacks"] == "3 on taichi at mini"
    assert row["elsewhere"] == "sky at mini: held, +61 %, 3 seed(s)"
    people = both([80, 82, 79], [50, 51, 49], dataset="taichi")
    (row,) = ledger.rows(frame(skies + people), [claim(on=("taichi", "sky"))])
    assert row["verdict"] == MIXED and row["where"] == "sky at mini, taichi at mini"
    assert row["comparisons"].startswith("sky, 128f: +61 %") and row["lacks"] == ""


def test_presets_stand_beside_each_other_and_are_never_mixed():
    mini, hour = both([50, 51, 49], [80, 82, 79]), both([80, 81], [50, 52], preset="hour")
    table = pd.concat([frame(hour), frame(mini)])
    (row,) = ledger.rows(table, [claim(on=("sky",))])
    assert row["verdict"] == HELD and row["where"] == "sky at mini", "it has more seeds"
    assert row["elsewhere"] == "sky at hour: undecided, -37 %, 2 seed(s)"
    hour = both([80, 82, 79], [50, 51, 49], preset="hour")
    (row,) = ledger.rows(pd.concat([frame(hour), frame(mini)]), [claim(on=("sky",))])
    assert row["verdict"] == NOT_HELD and row["where"] == "sky at hour", "of as many the first"
    apart = [f for f in mini if f["contestant"] == "R2"]
    apart += [f for f in hour if f["contestant"] == "AR2"]
    (row,) = ledger.rows(frame(apart), [claim(on=("sky",))])
    assert (row["seeds"], row["elsewhere"]) == (0, "")


def test_what_is_so_by_construction_is_counted_apart():
    found = ledger.rows(frame(both([50, 51, 49], [80, 82, 79])), [claim(of_course=True), claim()])
    assert [row["verdict"] for row in found] == ["of course, held", "held"]
    assert ledger.count(found) == {HELD: 1, ledger.OF_COURSE: 1} | dict.fromkeys(
        (MIXED, NOT_HELD, UNDECIDED, NOT_HERE), 0
    )
    assert ledger.summary(found).endswith(
        "1 so by construction. 1 have 3 seeds. Chance alone would decide about 0 of these."
    )
    assert {c.text for c in CLAIMS if c.of_course} == {
        "Rejection takes AR2 longer than plain sampling",
        "Rejection takes faster longer",
    }


def test_a_sentence_says_what_three_seeds_can_show():
    gains = np.array([0.1, 0.2, 0.3])
    files = both(list(50 * np.ones(3)), list(50 * np.exp(gains)))
    told = ledger.limits(ledger.judged(frame(files), [claim()]))
    half = 100 * np.expm1(2.92 * gains.std(ddof=1) / np.sqrt(3))
    assert f"(of half of the orders above: {half:.0f} %)" in told and "not equal" in told
    assert 2.92 / np.sqrt(3) == pytest.approx(1.7, abs=0.02), "Student's quantile at 2 degrees"
    assert ledger.limits(ledger.judged(frame(files[:2]), [claim()])) == ""


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

    r3 = "Improved R2 before R3, which is given one clip (here: by R3's own frames)"
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
    drift, sn = "A drift penalty beside GP helps", "SN comes not as far as 0-GP"
    assert [printed(x, "32f", "sky") for x in (drift, sn)] == ["no", "yes"], "of golf, for skies"
    streams = "3d video streams before 1p2d (improved R2 before R2)"  # Table 5.6 has people alone
    assert [printed(streams, "128f", d) for d in ("taichi", "sky")] == ["yes", "no"]
    narrow = "A token of a third or a sixth of the width is worse"
    assert printed(narrow, "128f, own", "taichi") == "no"


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
    assert ledger.summary(held).startswith("1 claims: 1 held, 0 mixed, 0 did not hold")


def test_the_published_page_shows_the_ledger_of_the_published_results():
    page = (ROOT / "reports" / "08_results.html").read_text(encoding="utf-8")
    assert ledger.summary(ledger.rows(ledger.files())) in html.unescape(page)


def test_the_published_page_of_ablations_judges_claims_as_the_ledger_does():
    told = json.loads((ROOT / "reports" / "06_ablations.json").read_text())["claims"]
    assert told == ledger.rows(ledger.files(), claims_of(*STUDIES))


def test_the_command_prints_every_claim(tmp_path, capsys):
    for f in both([50, 51, 49], [80, 82, 79]):
        name = f"{f['contestant']}{f['seed']}.json"
        (tmp_path / name).write_text(json.dumps(f))
    do(["ledger", "--folder", str(tmp_path)])
    told = capsys.readouterr().out
    assert told.count("\n| ") == len(CLAIMS) and ledger.NOT_RUN in told
    with pytest.raises(InputError, match="there is no folder .*none; name the one"):
        do(["ledger", "--folder", str(tmp_path / "none")])
    with pytest.raises(InputError, match="holds no results"):
        do(["ledger", "--folder", str(tmp_path), "--presets", "hour"])


def test_claims_of_single_clips_compare_clips_of_one_step():
    asked, found = [(c, one) for c in (*CLAIMS, *OURS) for one in c.comparisons], 0
    for c, one in asked:
        sides = [contestant(n) for n, way in (one.better, one.worse) if way in CLIP_WAYS]
        for dataset in c.on if sides else ():
            p = checked({"preset": "mini", "dataset": dataset})
            found += len(steps := {s.system(p).frame_steps(s.preset(p)) for s in sides}) > 0
            assert len(sides) == 2 and len(steps) == 1, (c.text, dataset, steps)
    assert found > 10
