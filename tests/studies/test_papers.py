"""The published numbers against the text of the papers, where that is, and against each other."""

import dataclasses
import math
import os
import re
from collections import Counter
from pathlib import Path

import pytest
from conftest import ROOT

from rencgan.core.errors import InputError
from rencgan.studies.papers import INDEX, PAPERS, Cell, Table, find, table, tables

NUMBERS = {
    "thesis": "3.1 3.2 3.3 3.4 3.5 3.6 3.7 4.1 4.2 4.3 4.4 4.5 4.6 4.7 4.8 5.1 5.2 5.3 5.4 5.5 "
    "5.6 5.7 5.8 5.9 5.10 5.11 5.12 5.13",
    "ICIP": "1 2",
    "StyleGAN-V": "1 2 3",
    "iVGAN": "1",
    "MotionVideoGAN": "1 2 3 4 5 6 7",
}
ALL = [pytest.param(t, id=f"{t.paper} {t.number}") for t in tables()]


def one(paper: str, number: str, **wanted) -> float:
    """The one number of a table that fits."""
    (cell,) = find(paper=paper, number=number, **wanted)
    return cell.value


# ------------------------------------------------------------------ what can be told without papers


def test_every_table_of_results_is_there_once():
    for paper, numbers in NUMBERS.items():
        there = [t.number for t in tables() if t.paper == paper]
        assert [n for n in there if not n.startswith("section")] == numbers.split()
        assert len(set(there)) == len(there)
    assert {t.paper for t in tables()} == set(PAPERS) == set(NUMBERS)


@pytest.mark.parametrize("t", ALL)
def test_a_table_is_complete_and_no_cell_is_there_twice(t):
    assert t.title and t.rows and t.cells and t.columns
    for row in t.rows:
        assert len(row.printed) == len(t.columns)
    for cell in t.cells:
        assert math.isfinite(cell.value) and cell.value > 0
        assert float(cell.printed.replace(",", "")) == cell.value
        assert cell.paper == t.paper and cell.number == t.number
    unnamed = [dataclasses.replace(c, value=0, printed="") for c in t.cells]
    assert Counter(unnamed).most_common(1)[0][1] == 1


def test_every_metric_is_explained_and_used():
    told = INDEX["metrics"]
    assert {c.metric for t in tables() for c in t.columns} == set(told)
    assert {better for better, _ in told.values()} == {"lower", "higher", ""}
    assert all(meaning for _, meaning in told.values())


def test_tables_and_cells_cannot_be_changed():
    t = table("thesis", "4.5")
    for thing, name in ((t, "title"), (t.rows[0], "printed"), (t.cells[0], "value")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(thing, name, "other")


def test_missing_numbers_are_none_and_no_cells():
    t = table("thesis", "4.5")
    assert t.rows[0].method == "MoCoGAN-HD" and t.rows[0].printed == (
        "144.7",
        "-",
        "183.6",
        "635.6",
    )
    assert len(t.cells) == 16 and not find(method="TATS", data="Taichi", frames=128)


def test_a_table_says_where_it_comes_from():
    assert table("thesis", "5.10").source.endswith("University of York, 2024, Table 5.10")
    assert table("StyleGAN-V", "section 4.3").source.endswith("CVPR 2022, section 4.3")


def test_one_number_is_found_with_everything_that_it_is():
    found = find(method="R2", metric="FVD", data="Taichi", frames=128, paper="thesis", number="4.5")
    fields = {"value": 145.9, "metric": "FVD", "unit": "", "method": "R2", "setting": ""}
    fields |= {"data": "Taichi", "resolution": 128, "frames": 128}
    assert found == [Cell(**fields, paper="thesis", number="4.5", printed="145.9")]
    assert one("StyleGAN-V", "3", setting="k = 8", data="Sky", frames=16) == 73.12
    assert one("iVGAN", "1", setting="0-GP", data="beach", metric="training steps") == 61901


def test_everything_given_must_fit():
    assert len(find()) == sum(len(t.cells) for t in tables())
    at_128 = find(metric="FVD", resolution=128, frames=16, data="Sky", method="StyleGAN-V")
    assert at_128 == []
    at_256 = find(metric="FVD", resolution=256, frames=16, data="Sky", method="StyleGAN-V")
    assert {c.value for c in at_256 if c.setting == ""} == {79.52, 79.5}
    assert {c.paper for c in at_256} == {"StyleGAN-V", "MotionVideoGAN"}
    assert [c.number for c in find(setting="loss v4", frames=16)] == ["4.3"]


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ({"method": "REncGAN3", "metric": "fvd"}, {"method": "R2", "metric": "FVD"}),
        ({"data": "uva"}, {"data": "UvA"}),
        ({"data": "Sky-Timelapse", "paper": "STYLEGAN-v"}, {"data": "Sky", "paper": "StyleGAN-V"}),
    ],
)
def test_case_and_other_names_do_not_matter(given, same):
    assert find(**given) == find(**same) != []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"metric": "FDV"}, "the metric 'FDV'; choose one of videos, width, "),
        ({"method": "R4"}, "the method 'R4'; choose one of VGAN, "),
        ({"data": "mnist"}, "the data 'mnist'; choose one of UvA, "),
        ({"frames": 17}, "the frames 17; choose one of 10, 16, 32, "),
        ({"frames": "16"}, "the frames '16'; choose one of 10, "),
        ({"resolution": 32}, "the resolution 32; choose one of 64, 128, 256, 1024"),
        ({"number": "9.9"}, "the number '9.9'; choose one of 3.1, "),
    ],
)
def test_a_search_for_what_nobody_published_is_refused_in_a_sentence(wrong, words):
    with pytest.raises(InputError) as refused:
        find(**wrong)
    assert words in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("paper", "number", "words"),
    [
        ("TATS", "1", "there is no paper 'TATS'; choose one of thesis, ICIP, StyleGAN-V, iVGAN, "),
        ("ICIP", "3", "of ICIP there is no table '3'; choose one of 1, 2"),
        ("thesis", 5, "of thesis there is no table '5'; choose one of 3.1, "),
        ("thesis", 5.10, "is text, as '5.10': as a number it would be 5.1"),
    ],
)
def test_an_unknown_table_is_refused_in_a_sentence(paper, number, words):
    with pytest.raises(InputError) as refused:
        table(paper, number)
    assert words in str(refused.value) and "\n" not in str(refused.value)


def test_a_table_is_found_by_its_number():
    assert table("thesis", "5.1").title != table("thesis", "5.10").title
    assert table("icip", 1) is table("ICIP", "1")


# ---------------------------------------------------------------- numbers that depend on each other


def values(t: Table, **wanted) -> dict[tuple, float]:
    """What is measured -> number, of the cells that fit."""
    cells = find(paper=t.paper, number=t.number, **wanted)
    return {(c.method, c.metric, c.data, c.frames, c.unit): c.value for c in cells}


def test_what_is_printed_twice_is_the_same():
    thesis = {t.number: t for t in tables() if t.paper == "thesis"}
    assert thesis["4.2"].rows == thesis["4.7"].rows
    both = values(thesis["4.2"], setting="R_Enc and R_3VD")
    assert both == values(thesis["4.3"], setting="loss v1")
    assert both == values(thesis["4.8"], setting="step 1")
    final = values(thesis["5.5"]).items()
    assert values(thesis["4.5"]).items() <= final and values(thesis["5.6"]).items() <= final
    assert values(thesis["5.8"], setting="sample and VDrej").items() <= final
    assert values(thesis["5.9"], setting="cont, pad 0").items() <= final
    assert values(thesis["5.9"], setting="disc+cont, pad 0") == values(
        thesis["5.10"], setting="width 1536"
    )
    assert values(table("ICIP", "2")).items() <= values(thesis["4.6"]).items()
    for setting in ("R2 stage, H100", "R2 stage, A40", "GPT stage, H100"):
        cost = values(thesis["5.2"], setting=setting).items()
        assert cost <= values(thesis["5.12"], setting=setting).items()


def test_sums():
    for number, total in (("4.4", "videos"), ("4.4", "segments"), ("5.4", "segments")):
        for cell in find(paper="thesis", number=number, metric=total):
            parts = [
                one("thesis", number, metric=f"{part} {total}", data=cell.data)
                for part in ("training", "test")
            ]
            # Two notes name these: short videos left out, and a slip.
            short = {"4.4videosSky": 306, "5.4segmentsSky": 200}
            left = short.get(number + total + cell.data, 0)
            assert sum(parts) + left == cell.value
    for metric in ("videos", "segments"):
        *each, total = (c.value for c in find(paper="thesis", number="4.1", metric=metric))
        assert sum(each) == total
    *each, total = (c.value for c in find(number="5.3", metric="parameters") if c.unit == "M")
    assert sum(each) == pytest.approx(total)


def test_is_follows_from_its_entropies():
    count = 0
    for t in (table("thesis", "3.3"), table("thesis", "4.6"), table("ICIP", "2")):
        found = values(t)
        for (method, metric, *rest), value in found.items():
            if metric == "video IS":
                h_y, h_yx = (found[method, m, *rest] for m in ("H(y)", "H(y|x)"))
                assert math.exp(h_y - h_yx) == pytest.approx(value, rel=1e-3)
                count += 1
    assert count == 24


def test_ratios_are_cut_or_rounded_except_in_two_places_that_the_notes_name():
    wrong = set()
    for cell in find(metric="FVD ratio"):
        same = {"method": cell.method, "setting": cell.setting, "data": cell.data}
        f16, f128 = (one("thesis", cell.number, metric="FVD", frames=n, **same) for n in (16, 128))
        if not abs(f16 / f128 - cell.value) < 0.01:
            wrong.add((cell.number, cell.method, cell.setting, cell.data))
    assert wrong == {("5.5", "AR2", "", "Sky"), ("5.11", "R3", "faster, no VDrej", "Taichi")}


def test_of_two_numbers_in_one_printed_cell_each_has_its_own_meaning():
    for small, large in (
        ("height", "width"),
        ("shortest video", "longest video"),
        ("storage", "storage, most"),
        ("IS ±", "IS"),
    ):
        for cell in find(metric=small):
            same = {"method": cell.method, "setting": cell.setting, "data": cell.data}
            larger = find(paper=cell.paper, number=cell.number, metric=large, **same)
            assert all(cell.value <= other.value for other in larger)
            assert larger or small == "storage"
    assert one("StyleGAN-V", "1", method="MoCoGAN-HD", metric="training cost, stage 2") == 9
    mead = find(paper="StyleGAN-V", data="MEAD")
    assert {c.metric: c.value for c in mead} == {"FID": 24.12, "FVD": 156.1}
    assert one("MotionVideoGAN", "section IV-A", metric="added parameters") == 9237
    text = find(number="section 3.4.2", method="EncGAN3", setting="3000 epochs")
    assert [(c.metric, c.unit, c.value) for c in text] == [
        ("training time", "d", 3),
        ("training time", "h", 6.5),
        ("training time, most", "d", 4.5),
    ]


def test_motionvideogan_quotes_stylegan_v():
    for cell in find(paper="MotionVideoGAN", metric="FVD", setting=""):
        if cell.method != "MotionVideoGAN":
            same = {"method": cell.method, "data": cell.data, "frames": 16, "metric": "FVD"}
            assert round(one("StyleGAN-V", "1", **same), 1) == pytest.approx(cell.value)


# ------------------------------------------------------------------------- the text of the papers

FILES = {
    "thesis": "thesis_long_video_generation_vae_gan_2024.md",
    "ICIP": "rencgan3_icip2023.md",
    "StyleGAN-V": "stylegan_v_cvpr2022.md",
    "iVGAN": "ivgan_loss_variants.md",
    "MotionVideoGAN": "motionvideogan_tmm2023.md",
}
ROMAN = dict(zip("1234567", ("I", "II", "III", "IV", "V", "VI", "VII"), strict=True))


def paper_text(paper: str) -> str:
    """A paper from the folder beside the checkout (or named by RENCGAN_PAPERS), or skip."""
    base = Path(os.environ.get("RENCGAN_PAPERS", ROOT.parent / "shared" / "papers"))
    path = base / FILES[paper]
    if not path.exists():
        pytest.skip("papers: the papers' text is not on this machine")
    return path.read_text(encoding="utf-8")


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a table of ours, or a part of it, stands in the paper, and what its labels look like.

    Labels are read as "[label | label] [head head]"; a pattern for every name of ours that differs
    within the table must be found there, by default the name itself.
    """

    heads: int = 1  # lines of column heads
    labels: tuple[int, ...] = (0,)  # columns that label rows
    nth: int = 1  # block of lines with tabs, counted from the caption
    begin: int = 0  # first and last line of it
    end: int | None = None
    group: int = 0  # rows that share the label in their first column, wherever it is printed
    only: str = "."  # metrics of ours that stand here
    skip: str = "(?!)"  # heads or labels of what is no result
    shared: str = "(?!)"  # metrics that the paper prints once for several rows of ours
    head: tuple[str, ...] = ()  # instead of the first line of heads, where that lost its columns
    patterns: dict = dataclasses.field(default_factory=dict)


# Names of ours that look different in all papers.
NAMES = {
    "R2": "REncGAN",
    "UvA": "UvA",
    "Taichi": "Taichi",
    "Sky": r"\bSky",
    "FVD": r"^(?!.*(\bratio|cost))",
    "FVD ratio": r"\bratio",
    "video FID": r"\bFID",
    "video IS": r"\bIS\b",
    "H(y)": r"H\(y\)|Inter-",
    "H(y|x)": r"H\(y x\)|Intra-",
    "videos": "[Vv]ideos",
    "segments": "[Ss]egments",
    "training videos": "Train",
    "training segments": "Train",
    "test videos": "Test",
    "test segments": "Test",
    "width": "Resolution",
    "height": "Resolution",
    "shortest video": "Frame Range|Video length",
    "longest video": "Frame Range|Video length|Max Length",
    "mean length": "Mean Length",
    "variance of length": "Variance",
    "subjects": "Subjects",
    "actions": "Actions",
    "batch size": "[Bb]atch [Ss]ize",
    "batches": "[Bb]atch [Nn]um",
    "GPUs": "GPU Configuration",
    "training time": "Actual Time",
    "single-GPU time": "Single GPU Time",
    "generation time": "time cost|Time",
    "parameters": "Parameter Count",
    "storage": "Storage",
    "storage, most": "Storage",
    "training cost": "Training cost",
    "training cost, stage 2": "Training cost",
    "training steps": "steps",
    "IS": r"\bIS\b",
    "IS ±": r"\bIS\b",
}
RECALL = {"R_Enc": r"R_Enc\]", "R_3VD": r"(?<!, )(?<!\+)R_3VD\]"}
RECALL["R_Enc and R_3VD"] = r"R_Enc(, |\+)R_3VD\]"
STAGES = {f"R2 stage, {gpu}": "R3's R2" for gpu in ("A40", "H100")}
STAGES |= {"GPT stage, H100": "R3's GPT", "Taichi": "", "Sky": "", "R3": "R3"}
TOTALS = {"all": "TATS total", "all, A40": "R3 total", "all, H100": "R3 total"}
TATS = {"VQ-GAN, V100": "TATS's VQ-GAN", "GPT, V100": "TATS's GPT"}
ONE_GPU = {"A40": "", "H100": ""}
AR2_HOURS = ONE_GPU | {"single-GPU time": r"\[AR2\]"}
WITH_FSA = {
    "no encoder, no F-SA": r"\[no \| no\]",
    "no encoder, F-SA": r"\[no \| yes\]",
    "encoder in training, no F-SA": r"\[train \| no\]",
    "encoder in training, F-SA": r"\[train \| yes\]",
    "encoder in training and test, no F-SA": r"\[train, test \| no\]",
    "encoder in training and test, F-SA": r"\[train, test \| yes\]",
}
LOSSES = {
    "baseline, lr 2e-4": r"\[Baseline \| 2e-4\]",
    "L_Enc,v, lr 2e-4": r"\[L_Enc,v \| 2e-4\]",
    "L_Enc,v and L_G,v, lr 2e-4": r"\[L_Enc,v\+L_G,v \| 2e-4\]",
    "L_Enc,v and L_G,v, lr 4e-5": r"\[L_Enc,v\+L_G,v \| 4e-5\]",
    "baseline, lr 4e-5": r"\[Baseline \| 4e-5\]",
}
COMPONENTS = {
    "Improved R2": r"\((Enc|G|VD|ID)\)\]|Total R2",
    "R3": r"\[GPT\]|Total R3",
    "encoder": r"\[Encoder \(Enc",
    "generator": r"\[Generator \(G",
    "video discriminator": r"\(VD\)",
    "image discriminator": r"\(ID\)",
    "all": r"\[Total",
    "GPT": r"\[GPT\]",
}
PARTS = {
    "no G_C, no G_T": r"\[no G_C, G_T\]",
    "no G_C": r"\[no G_C\]",
    "no G_T": r"\[no G_T\]",
    "no encoder": r"\[no Enc\]",
    "full model": r"\[EncGAN3\]",
}
STYLEGAN_V = {
    16: "FVD 16",
    128: "FVD 128",
    "default": "Default",
    "other G": "our G",
    "other D": "our D",
    "no time conditioning in D": "w/o time conditioning in D",
    "LSTM codes, delta 1": r"LSTM.* = 1\]",
    "LSTM codes, delta 16": r"LSTM.* = 16\]",
    **{f"k = {k}": rf"\[k = {k}( \(default\))?\]" for k in (2, 3, 4, 8, 16)},
}
CRITICS = {s: rf"^\[{s}\]" for s in ("GP", "SN-GP", "SN", "0-GP")}
CRITICS |= {"one-sided": "1-sided", "drift": "drift penalty", "FVD": "FVD"}
BY_DISCRIMINATOR = {
    "D_V": r"^\[TVD\]",
    "D_R": r"^\[BVD\]",
    "D_V, D_R and ID": r"^\[BVD\+TVD\+ID\]",
    "D_V and D_R": r"^\[BVD\+TVD \(ours\)\]",
}
INPUTS = {
    "cont, pad 0": r"^\[cont \| 0\]",
    "cont, pad zs": r"^\[cont \| zs\]",
    "disc+cont, pad 0": r"^\[disc \+ cont \| 0\]",
}
WAYS = {
    "faster, VDrej": r"\[faster \| yes\]",
    "faster, no VDrej": r"\[faster \| no\]",
    "robust, VDrej": r"\[robust \| yes\]",
}
CLIPS_AT = {16: r"\[16 \|", 20: r"\[20 \|", 64: r"\| 64×64\]", 128: r"\| 128×128\]"}
SUBJECTS = {f"subject {s}": rf"^\[{s}\]" for s in "ACD"}
SUBJECTS |= {"subject B": r"^\[[B\u0412]\]", "all": r"^\[Total\]"}  # a Cyrillic B in the text
TEST_CODES = {"mean": r"\[mean\]", "sample": r"\[sample\]"}
TEST_CODES["sample and VDrej"] = r"\[sample\+VDrej\]"
BOTH_SETS = ("", "prior", *["Taichi"] * 3, *["Sky"] * 3)

PLACES: dict[tuple[str, str], list[Place]] = {
    ("thesis", "3.1"): [Place(2)],
    ("thesis", "3.2"): [Place(2, patterns={"retrained": "", "its paper": ""})],
    ("thesis", "3.3"): [Place(2, (0, 4), group=4)],
    ("thesis", "3.4"): [Place(2, patterns=PARTS)],
    ("thesis", "3.5"): [Place(2, (0, 1), patterns=WITH_FSA)],
    ("thesis", "3.6"): [Place(1, (0, 1), patterns=LOSSES)],
    ("thesis", "3.7"): [Place(2, (0, 1), patterns=CLIPS_AT)],
    ("thesis", "4.1"): [Place(patterns=SUBJECTS)],
    ("thesis", "4.2"): [Place(2, patterns=RECALL)],
    ("thesis", "4.3"): [Place(2, patterns={f"loss v{i}": rf"v{i}\]" for i in range(1, 6)})],
    ("thesis", "4.4"): [
        Place(begin=1, end=8, only="videos"),
        Place(begin=9, only="segments", patterns={"Taichi": "Taichi subset"}),
    ],
    ("thesis", "4.5"): [Place(2)],
    ("thesis", "4.6"): [
        Place(2, nth=2, begin=1, only="FID"),
        Place(1, (0, 4), begin=1, group=4, only="IS|H"),
    ],
    ("thesis", "4.7"): [Place(patterns=RECALL)],
    ("thesis", "4.8"): [Place(2, patterns={"step 1": r"^\[1\]", "step 4": r"^\[4\]"})],
    ("thesis", "5.1"): [Place(skip="Time unit|GPU type", patterns=AR2_HOURS)],
    ("thesis", "5.2"): [Place(shared="GPUs", patterns=STAGES)],
    ("thesis", "5.3"): [Place(patterns=COMPONENTS)],
    ("thesis", "5.4"): [Place()],
    ("thesis", "5.5"): [Place(2, head=BOTH_SETS, skip=r"\[prior\]", patterns={"R3": r"^\[R3\]"})],
    ("thesis", "5.6"): [Place(patterns={"Improved R2": "", "R2": ""})],
    ("thesis", "5.7"): [Place(patterns={"no noise": r"^\[no\]", "noise terms": r"^\[yes\]"})],
    ("thesis", "5.8"): [Place(patterns=TEST_CODES)],
    ("thesis", "5.9"): [Place(2, (0, 1), patterns=INPUTS)],
    ("thesis", "5.10"): [Place(2, patterns={f"width {n}": rf"^\[{n}\]" for n in (256, 512, 1536)})],
    ("thesis", "5.11"): [Place(2, (0, 1), patterns=WAYS)],
    ("thesis", "5.12"): [Place(shared="GPUs", patterns=STAGES | TOTALS | TATS | ONE_GPU)],
    ("thesis", "5.13"): [Place(skip=r"^\[GPU\]")],
    ("ICIP", "1"): [Place(2)],
    ("ICIP", "2"): [Place(1, (0, 4), group=4)],
    ("StyleGAN-V", "1"): [
        Place(2, patterns=STYLEGAN_V | {"MoCoGAN+SG2": r"\+ StyleGAN2 backbone"})
    ],
    ("StyleGAN-V", "2"): [Place(2, patterns=STYLEGAN_V)],
    ("StyleGAN-V", "3"): [Place(2, patterns=STYLEGAN_V)],
    ("iVGAN", "1"): [Place(2, patterns=CRITICS | {"golf": "Golf", "beach": "Beach"})],
    ("MotionVideoGAN", "1"): [Place()],
    ("MotionVideoGAN", "2"): [Place(patterns={"FVD": "FVD"})],
    ("MotionVideoGAN", "3"): [Place()],
    ("MotionVideoGAN", "4"): [Place(skip=r"\[Loss\]", patterns=BY_DISCRIMINATOR)],
    ("MotionVideoGAN", "5"): [Place(patterns={f"k = {k}": rf"\[{k}\]$" for k in (2, 3, 4, 5)})],
    ("MotionVideoGAN", "6"): [Place(2)],
    ("MotionVideoGAN", "7"): [Place()],
}

# Running text: the numbers of a table in its order.
N = r"(\d[\d.]*\d|\d)"
SECTIONS = {
    ("thesis", "section 3.4.2"): rf"trains 3000 epochs for [^(]*\({N}d and {N}h\) to "
    rf"[^(]*\({N}d\), and 5000 epochs for [^(]*\({N} to {N}d\)\. "
    rf"The G\^3AN trains 5000 epochs for [^(]*\({N}d and {N}h\)",
    ("thesis", "section 5.3.5"): rf"training on the Sky dataset, it takes .*? \\approx {N}\$ "
    rf"minutes, about 10 seconds.*?training on the Taichi dataset, it takes .*?using the VDrej "
    rf"mechanism 9 times.*? \\approx {N}\$ minute, about 36 seconds",
    ("thesis", "section 5.5.5"): rf"generation time for each video by GPT is about {N} minutes.*?"
    rf"using the mean value takes .*?resulting in {N} minutes.*?VDrej with 20 sampled latent "
    rf"codes, the time cost increases to about {N} minutes",
    ("StyleGAN-V", "section 4.3"): rf"converges to FID of {N} in {N} GPU-days compared to FID of "
    rf"{N} in {N} GPU-days for StyleGAN2.*?MEAD 1024.*?obtained FID of {N} and FVD₁₆ of {N}\.",
    ("MotionVideoGAN", "section IV-A"): rf"has only {N} more parameters than StyleGAN2, while "
    rf"both models have roughly {N}M parameters",
    ("MotionVideoGAN", "section IV-D"): rf"randomly sampled motion codes leads to seriously "
    rf"worse FVD results: {N}, compared with the SOTA result of {N} achieved",
    ("MotionVideoGAN", "section V"): rf"shorter intervals \(k = 2, 3\).*?optimized FVD {N} on Face",
}
# Where a number of the text counts for several cells, or the text has another order.
REORDERED = {("MotionVideoGAN", "section IV-A"): (1, 1, 0)}


def plain(text: str) -> str:
    """A cell without its markup: "$G^{3}AN^{*}[5]$" is "G3AN*[5]"."""
    text = text.replace("2967 59", "2967.59")  # the text lost this point; Table 4.7 has it
    text = re.sub(r"</?\w+>", "", text).translate(str.maketrans("₁₂₃₄₅₆₇₈₉₀", "1234567890"))
    text = text.replace(r"\times", "×").replace(r"\pm", "±").replace(r"\!", "").replace("_{-}", "_")
    text = text.replace(r"\delta", "").replace(r"\ ", " ").replace("~", " ").replace("\\_", "_")
    text = re.sub(r"\\(text|mathrm|mathbf|rm)\b", "", text)
    text = re.sub(r"\\(down|up)arrow", "", text)
    text = re.sub(r"[${}^`]", "", text)
    text = re.sub(r"\s*×\s*", "×", re.sub(r"(\d) f\b", r"\1f", text))
    return re.sub(r"\s+", " ", text).strip()


def blocks(t: Table) -> list[list[list[str]]]:
    """The blocks of lines with tabs around the table's caption, nearest first, as cells."""
    lines = paper_text(t.paper).splitlines()
    caption = rf"\W*Table {re.escape(t.number)}\**\s?[.:]"
    if t.paper == "MotionVideoGAN":  # "TABLE IVAblations" is IV: the text lost spaces
        caption = rf"\W*TABLE {ROMAN[t.number]}(?![IVX])"
    at = [i for i, line in enumerate(lines) if re.match(caption, line)]
    assert len(at) == 1, f"{t.paper} {t.number}: {len(at)} captions"
    below = t.paper in ("StyleGAN-V", "MotionVideoGAN")
    after = lines[at[0] + 1 :] if below else lines[: at[0]][::-1]
    found: list[list[list[str]]] = [[]]
    for line in after:
        if "\t" in line:
            found[-1].append([plain(cell) for cell in line.split("\t")])
        elif found[-1]:
            found.append([])
    return found if below else [block[::-1] for block in found]


@dataclasses.dataclass(frozen=True)
class Printed:
    """One cell of a paper's table."""

    label: str  # "[labels of the row] [heads of the column]"
    text: str


def printed_cells(t: Table, place: Place) -> list[Printed]:
    """The body of a paper's table, every cell with its labels."""
    grid = [list(row) for row in blocks(t)[place.nth - 1][place.begin : place.end]]
    if place.head:
        grid[0] = list(place.head)
    width = max(j + 1 for row in grid for j, cell in enumerate(row) if cell)
    grid = [(row + [""] * width)[:width] for row in grid]
    for row in grid[: place.heads - 1]:
        for j in range(1, width):  # a head that spans columns is printed over the first
            row[j] = row[j] or row[j - 1]
    heads, body = grid[: place.heads], grid[place.heads :]
    for i in range(0, len(body), place.group or len(body)):
        if place.group:
            shared = " ".join(row[0] for row in body[i : i + place.group]).strip()
            for row in body[i : i + place.group]:
                row[0] = shared
    found = []
    for row in body:
        label = " | ".join(row[j] for j in place.labels)
        for j in set(range(width)) - set(place.labels):
            head = " ".join(h[j] for h in heads if h[j])
            found.append(Printed(f"[{label}] [{head}]", row[j]))
    return [p for p in found if not re.search(place.skip, p.label)]


def amounts(text: str) -> list[tuple[str, str]]:
    """The numbers of a cell with their units: "6.3h / (12+1.75)d" has 6.3 h, 12 d and 1.75 d."""
    text = re.sub(r"\b[A-Z]\d+\b(?: ?\(\d+ ?GB\))?", "", text)  # names of GPUs
    text = re.sub(r"\(([\d.]+)\+([\d.]+)\)([a-z])", r"\1\3 \2\3", text)
    return re.findall(r"(\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?) ?(GB|min|[hdsMB](?![a-z]))?", text)


def wanted_patterns(cells: list[Cell], place: Place):
    """For each cell the patterns that its label must show: of all names that differ in the table,
    and of lengths in frames and sizes where the place names them or FVD is scored at several.
    """
    fields = ("method", "setting", "data", "metric", "frames", "resolution")
    varied = {f for f in fields if len({getattr(c, f) for c in cells}) > 1}
    for cell in cells:
        patterns = []
        for field in fields:
            name = getattr(cell, field)
            if name in place.patterns:
                patterns.append(place.patterns[name])
            elif field not in varied or not name:
                continue
            elif field == "frames" and cell.metric == "FVD":
                patterns.append(rf"(?<![\w.]){name}f\b|(?<=[\[ ]){name}(?=\])")
            elif field not in ("frames", "resolution"):
                word = rf"(?<![\w-]){re.escape(name)}(?![\w-])"
                patterns.append(NAMES.get(name, word))
        yield cell, patterns


def differences(t: Table, place: Place) -> tuple[int, list[str]]:
    """How many of our numbers stand in this place of the paper, and what differs from it."""
    ours = [c for c in t.cells if re.search(place.only, c.metric)]
    printed, wrong = printed_cells(t, place), []
    there: dict[int, list[Cell]] = {i: [] for i in range(len(printed))}
    for cell, patterns in wanted_patterns(ours, place):
        at = [i for i, p in enumerate(printed) if all(re.search(x, p.label) for x in patterns)]
        if len(at) == 1:
            there[at[0]].append(cell)
        else:
            wrong.append(f"{cell} fits {[printed[i].label for i in at]}")
    for i, p in enumerate(printed):
        found = amounts(p.text)
        if len(found) == 1 and there[i] and re.search(place.shared, there[i][0].metric):
            found *= len(there[i])
        if [c.printed for c in there[i]] != [number for number, _ in found]:
            wrong.append(f"{p.label}: {p.text!r} is here {[c.printed for c in there[i]]}")
        elif any(unit and unit != c.unit for c, (_, unit) in zip(there[i], found, strict=True)):
            wrong.append(f"{p.label}: {p.text!r} has other units here")
    return len(ours), wrong


def all_differences(t: Table) -> list[str]:
    """What differs from the paper in a whole table; that every cell has a place is asserted."""
    if (t.paper, t.number) in SECTIONS:
        text = re.sub(r"\s+", " ", paper_text(t.paper))
        groups = re.search(SECTIONS[t.paper, t.number], text).groups()
        order = REORDERED.get((t.paper, t.number), range(len(groups)))
        numbers, ours = [groups[i] for i in order], [c.printed for c in t.cells]
        return [] if numbers == ours else [f"the text has {numbers}, here is {ours}"]
    checked = [differences(t, place) for place in PLACES[t.paper, t.number]]
    assert sum(count for count, _ in checked) == len(t.cells)
    return [difference for _, wrong in checked for difference in wrong]


@pytest.mark.parametrize("t", ALL)
def test_every_number_stands_in_its_row_and_column_of_the_paper(t):
    assert all_differences(t) == []


@pytest.mark.parametrize("t", ALL)
def test_the_check_sees_numbers_that_are_wrong_missing_or_exchanged(t):
    first = t.rows[0]
    changed = [p if p == "-" else "7" + p for p in first.printed]
    missing = ["-"] * len(first.printed)
    for printed in (changed, missing):
        row = dataclasses.replace(first, printed=tuple(printed))
        assert all_differences(dataclasses.replace(t, rows=(row, *t.rows[1:])))
    numbers = [r.printed for r in t.rows]
    turned = [dataclasses.replace(r, printed=numbers[i - 1]) for i, r in enumerate(t.rows)]
    if len(set(numbers)) > 1:
        assert all_differences(dataclasses.replace(t, rows=tuple(turned)))
