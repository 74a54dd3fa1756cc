"""In what the presets leave the papers: exactly the fields that differ, by what is printed."""

from dataclasses import fields
from types import SimpleNamespace

import pytest
from stepping import begun

from rencgan.baselines.g3an import G3AN
from rencgan.baselines.ivgan import IVGAN
from rencgan.baselines.motionstylegan import MotionStyleGAN
from rencgan.baselines.motionvideogan import MotionVideoGAN
from rencgan.baselines.stylegan_v import StyleGANV
from rencgan.models.ar2 import AR2
from rencgan.models.encgan3 import EncGAN3
from rencgan.models.lencgan import LEncGAN
from rencgan.models.r2 import R2
from rencgan.models.system import system_of
from rencgan.presets.table import (
    PUBLISHED_128,
    PUBLISHED_EPOCHS,
    preset,
    published_epochs,
    switches,
)
from rencgan.r3.r3 import R3
from rencgan.studies import papers, recipes, sizes
from rencgan.studies.departures import PRINTED, departures, fields_of, of_job, printed

SYSTEMS = {
    "encgan3": EncGAN3(),
    "g3an": G3AN(),
    "lencgan": LEncGAN(),
    "r2": R2(),
    "improved-r2": R2(),
    "ar2": AR2(),
    "r3": R3(),
    "ivgan": IVGAN(),
    "stylegan-v": StyleGANV(),
    "motionstylegan": MotionStyleGAN(),
    "motionvideogan": MotionVideoGAN(),
}
OPEN = {"encoder_widths", "encoder_hidden", "content_features", "motion_features"}
OPEN |= {"w_reconstruction", "w_reference", "w_kl_content", "w_kl_motion"}
OPEN |= {
    "w_adversarial_video",
    "w_adversarial_image",
    "bf16",
    "cpu_bf16",
}  # nothing is printed of them
SMALLER = {"size", "content_dim", "motion_dim", "generator_widths"}
SMALLER |= {"image_d_widths", "video_d_widths"}
GPT_OPEN = {"dropout", "weight_decay", "largest_gradient", "bf16"}
GPT_OURS = {"blocks", "heads", "width", "directions", "carry", "starts", "lr", "ramp"}
GPT_OURS |= {"lr_decay", "average"}
STYLEGAN_V_SIZES = {"size", "base", "most", "z_dim", "w_dim", "motion_dim", "frequencies"}
STYLEGAN_V_SIZES |= {"longest_period", "longest", "table", "batch", "steps", "gamma", "half_life"}
STYLEGAN_V_SIZES |= {"ramp"}
EXPECTED = {  # model, preset: what is listed on Taichi
    ("r2", "64"): OPEN - {"encoder_hidden"} | {"epochs", "batch", "scored"},
    ("r2", "128"): OPEN | {"epochs", "batch", "scored"},
    ("improved-r2", "128"): OPEN | {"batch", "scored"},
    ("improved-r2", "64"): OPEN | SMALLER | {"batch", "scored"},
    ("ar2", "128"): OPEN | {"batch", "scored"},
    ("ar2", "64"): OPEN | SMALLER | {"batch", "scored"},
    ("r3", "128"): GPT_OPEN,
    ("ivgan", "64"): {"affine", "gradient_norm", "steps", "bf16", "cpu_bf16", "scored"},
    ("stylegan-v", "256"): {"bf16", "cpu_bf16", "scored"},
    ("stylegan-v", "64"): STYLEGAN_V_SIZES | {"bf16", "cpu_bf16", "scored"},
    ("r3", "64"): GPT_OPEN | GPT_OURS,
}


def listed(model: str, name: str, dataset: str = "taichi", **changes) -> dict[str, dict]:
    p = preset(name, model, **recipes.length("published", name, model, dataset) | changes)
    return {row["field"]: row for row in departures(SYSTEMS[model], p, dataset)}


@pytest.mark.parametrize("case", EXPECTED, ids=" ".join)
def test_what_is_listed_is_what_differs(case):
    found = listed(*case)
    extra = {"scored", "epochs"} if case[0] == "r3" else set()  # as its GPT's preset has them
    assert set(found) - extra == EXPECTED[case] - extra
    for name, row in found.items():
        assert row["published"] != row["here"]
        silent = name in printed(case[0], "taichi", int(case[1]))["silent"]
        assert row["published"] == "not given" or not silent or name in ("batch", "scored")


def test_of_a_system_without_sources_nothing_is_given(monkeypatch):
    monkeypatch.delitem(PRINTED, "g3an")
    rows = departures(system_of("g3an", {}), preset("smoke", "g3an"), "sky")
    assert rows and {row["published"] for row in rows} == {"not given"}


def test_rows_tell_both_values():
    ar2, r2 = listed("ar2", "64", "sky"), listed("r2", "64", "sky")
    assert (ar2["size"]["published"], ar2["size"]["here"]) == ("128", "64")
    assert (ar2["batch"]["published"], ar2["batch"]["here"]) == ("110", "10")
    weight = ar2["w_reconstruction"]
    assert (weight["published"], weight["here"]) == ("not given", "20")
    assert (r2["epochs"]["published"], r2["epochs"]["here"]) == ("not given", "215")
    assert "epochs" not in ar2


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        ({"epochs": 0.0, "steps": 100_000}, ("epochs", "13", "none: 100,000 steps")),
        ({"lr_generator": 1e-3}, ("lr_generator", "0.0002", "0.001")),
        ({"w_still": 3.0}, ("w_still", "0", "3")),
        ({"overlap": 4}, ("overlap", "8", "4")),
        ({"video_stream": "1p2d"}, ("video_stream", "3d", "1p2d")),
        ({"rollout": 2}, ("rollout", "1", "2")),
    ],
)
def test_another_value_is_another_row(changes, row):
    before, after = listed("ar2", "128", "sky"), listed("ar2", "128", "sky", **changes)
    assert set(after) - set(before) == {row[0]}
    assert after[row[0]] == dict(zip(("field", "published", "here"), row, strict=True))


def test_what_is_no_field_is_listed_too():
    row = listed("motionvideogan", "64", "sky")["norm of the penalty"]
    assert "voxel" in row["published"] and "whole sample" in row["here"]


def test_what_a_source_has_on_one_data_set_alone_is_not_listed():
    for dataset, delta in (("sky", 256), ("taichi", 16)):
        found = recipes.recipe(SimpleNamespace(preset="256", dataset=dataset), "stylegan-v")
        assert found.delta == delta == recipes.settled("stylegan-v", "256", dataset)[1].delta
        assert "delta" not in {r["field"] for r in departures(StyleGANV(), found, dataset)}
    assert preset("64", "g3an").batch == printed("g3an", "uva", 64)["batch"] == 25


def test_a_switch_is_listed_too():
    p = preset("64", "r2")
    found = {row["field"]: row for row in departures(R2.variant("v2"), p, "taichi")}
    assert (found["joint"]["published"], found["joint"]["here"]) == ("True", "False")
    assert found["noise"]["here"] == "True"


@pytest.mark.parametrize("model", SYSTEMS)
def test_every_field_is_known_to_the_table(model):
    """A field that comes new has to be looked up in the papers, or be said to be ours."""
    p = preset("64", model)
    told = printed(model, "taichi", 64)
    known = {*told, *told["silent"], *told["unused"], *told["ours"]}
    assert not set(fields_of(SYSTEMS[model], p)) - known


@pytest.mark.parametrize("model", SYSTEMS)
def test_the_optimiser_is_the_printed_one(model):
    if model == "r3":
        assert printed(model)["optimiser"] == "AdamW"  # R3.optimisers says so
        return
    found = begun(SYSTEMS[model], preset("smoke", model)).optimisers.values()
    assert {type(o).__name__ for o in found} == {printed(model)["optimiser"]}


# ------------------------------------------------------------------ the table beside the papers'

BATCHES = {  # model, data: the method and the settings of Table 5.12
    ("ar2", "taichi"): ("AR2", ["A40"]),
    ("ar2", "sky"): ("AR2", ["H100"]),
    ("improved-r2", "sky"): ("R3", ["R2 stage, A40", "R2 stage, H100"]),
    ("r3", "taichi"): ("R3", ["GPT stage, H100"]),
    ("r3", "sky"): ("R3", ["GPT stage, H100"]),
}


@pytest.mark.parametrize("case", BATCHES, ids=" ".join)
def test_batches_are_those_of_the_papers_over_all_gpus(case):
    method, settings = BATCHES[case]
    joint = []
    for setting in settings:
        given = {"number": "5.12", "method": method, "data": case[1], "setting": setting}
        (each,) = papers.find(metric="batch size", paper="thesis", **given)
        (gpus,) = papers.find(metric="GPUs", paper="thesis", **given)
        joint.append(f"{each.value * gpus.value:g}")
    assert str(printed(*case, 128)["batch"]) == ", then ".join(joint)


def test_batches_of_encgan3_are_the_largest_that_fit():
    for size in (64, 128):
        cells = papers.find(metric="batch size", paper="thesis", number="3.7", resolution=size)
        (cell,) = [c for c in cells if c.frames == 16]
        assert printed("encgan3", "uva", size)["batch"] == cell.value


def test_sizes_give_the_printed_numbers_of_parameters():
    told = printed("improved-r2", "sky", 128)
    ours = {f.name for f in fields(PUBLISHED_128)}
    p = PUBLISHED_128.but(**{k: v for k, v in told.items() if k in ours and k not in _TEXTS})
    counts = sizes.sizes(p)
    named = {"G": "generator", "VD": "video discriminator", "ID": "image discriminator"}
    for name, setting in named.items():
        (cell,) = papers.find(metric="parameters", number="5.3", setting=setting, paper="thesis")
        assert counts[name]["parameters"] / 1e6 == pytest.approx(cell.value, abs=0.006)
    assert sizes.token_width(p) == printed("r3")["width"] == 1536


_TEXTS = ("batch", "scored")


def test_the_schedules_are_the_printed_epochs():
    (cell,) = papers.find(
        metric="training time, most",
        number="section 3.4.2",
        setting="5000 epochs",
        method="EncGAN3",
        paper="thesis",
    )
    assert cell.setting == f"{printed('encgan3', 'uva')['epochs']} epochs"
    for model in ("improved-r2", "ar2", "r3"):
        for dataset in ("taichi", "sky"):
            assert published_epochs(model, dataset) == printed(model, dataset)["epochs"]
    assert set(PUBLISHED_EPOCHS) <= set(PRINTED)


# ----------------------------------------------------------------------------- without additions


@pytest.mark.parametrize("name", ["smoke", "mini", "minutes", "hour", "64", "128"])
@pytest.mark.parametrize("model", ["encgan3", "g3an", "lencgan", "r2", "improved-r2", "ar2"])
def test_as_published_leaves_every_addition_out(model, name):
    p = preset(name, model).but(**recipes.as_published(model))
    ours = printed(model)["ours"]
    found = {row["field"] for row in departures(SYSTEMS[model], p, "sky")}
    assert not found & set(ours) - {"max_videos", "max_frames"}
    before = {row["field"] for row in departures(SYSTEMS[model], preset(name, model), "sky")}
    assert name not in ("mini", "minutes", "hour") or model == "lencgan" or "w_direction" in before
    assert (p.size, p.generator_widths) == (preset(name).size, preset(name).generator_widths)
    assert p.train_on == ("all" if model in ("encgan3", "g3an") else "train")


def test_the_switch_reaches_preset_and_system(tmp_path):
    from rencgan.notebook.parameters import AR2Run, REncGANRun, check

    given = {"preset": "mini", "source": "procedural", "as_published": True}
    p = check(given, REncGANRun)
    assert recipes.recipe(p, "r2").warmup == 0 and switches("mini", "lencgan")
    assert recipes.system(p, "lencgan").forget_bias == 0
    plus = check(given | {"recall_noise": 0.5}, AR2Run)
    assert recipes.recipe(plus, "ar2").recall_noise == 0.5
    steps = check(given | {"preset": "64", "steps": 7}, REncGANRun)
    assert (recipes.recipe(steps, "r2").steps, recipes.recipe(steps, "r2").epochs) == (7, 0)
    long = check({"preset": "64", "source": "procedural"}, REncGANRun)
    assert recipes.recipe(long, "r2").epochs == 215 and recipes.recipe(long, "r2").scored == 20
    short = long.model_copy(update={"schedule": "short"})
    assert (recipes.recipe(short, "r2").epochs, recipes.recipe(short, "r2").steps) == (0, 100_000)
    mini = long.model_copy(update={"preset": "mini"})
    assert recipes.recipe(mini, "r2") == recipes.recipe(
        mini.model_copy(update={"schedule": "short"}), "r2"
    )


def test_a_script_may_ask_for_it_too(tmp_path, videos):
    given = {"as_published": True, "w_still": 2.0}
    p = recipes.job("r2", "smoke", videos, tmp_path, **given).preset
    assert (p.warmup, p.w_direction, p.w_still) == (0, 0, 2.0)
    assert recipes.job("encgan3", "smoke", videos, tmp_path, as_published=True).preset.train_on == (
        "all"
    )


def test_a_jobs_rows_are_of_its_data_set(tmp_path, videos):
    work = recipes.job("r2", "smoke", videos, tmp_path)
    assert of_job(work) == departures(work.system, work.preset, "")
