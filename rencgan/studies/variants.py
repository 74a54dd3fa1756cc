"""The models that are compared: each a recipe, its switches, and how it is scored.

The budget is time: at `mini` the slower models follow R2's schedule with every part shortened by
the same share, so that they take as long (presets.MODELS, SHARES). With "equal pairs" they follow
it whole, see as many pairs as R2 (LEncGAN: as many clips) and take longer. Improved R2 differs from
R2 in its streams alone, so the plain name is that of equal pairs, and "equal time" is the other.

ABLATIONS holds the variants of the papers' ablations (studies.py says which belong together). Those
of R2 have R2's own schedule.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from rencgan.core.errors import InputError
from rencgan.presets.gpt import GPTPreset, gpt_preset
from rencgan.presets.preset import SHARES, Preset, scheduled
from rencgan.studies import recipes as study


@dataclass(frozen=True)
class Contestant:
    """A model of the comparison."""

    name: str
    kind: str
    preset: Callable[..., Preset | GPTPreset]  # of a notebook's parameters
    # See Job.changes, or a function of the parameters; none: those of the kind (study.switches).
    switches: tuple | Callable = ()
    ways: tuple[str, ...] = ("sample", "mean", "VDrej")  # of drawing codes
    usual: tuple[str, ...] = ("sample", "mean")  # those that are made unless others are asked for
    base: str = ""  # r3: the contestant whose codes it is trained on
    variant: str = "v4"  # a row of updates.VARIANTS
    sampling: str = "step"  # EncGAN3: how its clips are chosen (see ClipSampler)
    step: int = 1  # of the frames that are trained on and made, one of so many (Table 4.8)
    lengths: tuple[int, ...] = (16, 128)  # of the videos that are scored
    fourth: bool = False  # every fourth frame of them too, at 16 and 32 frames
    long: bool = True  # whether some are made on to 1000 frames


def _at(recipe: Callable[..., Preset], share: float, p, clips: int = 1) -> Preset:
    """A recipe with a share of R2's schedule, `clips` times the steps after the warm-ups. Presets
    without schedules of their own have no such pairs of budgets.
    """
    if p.preset != "mini":
        raise InputError(
            f"budgets of equal time and equal pairs are known at mini, not at {p.preset}"
        )
    return recipe(p).but(**scheduled(share, clips))


def _rolled(p) -> Preset:
    changes = scheduled(SHARES["roll-outs"]) if p.preset == "mini" else {}
    return study.ar2_recipe(p, rollout=2, **changes)


def _gpt(p, **changes) -> GPTPreset:
    return gpt_preset(p.preset).but(**changes)


def _r3(name: str, **changes) -> Contestant:
    """An R3 over the codes of improved R2."""
    usual = ("robust sample", "faster sample")
    return Contestant(name, "r3", partial(_gpt, **changes), (), PREDICTED, usual, "improved R2")


# Of R3: its method, and how codes are drawn from a predicted latent space.
PREDICTED = tuple(f"{m} {c}" for m in ("robust", "faster") for c in ("sample", "mean", "VDrej"))
WAYS = ("sample", "mean", "VDrej", "noise", "encoded", *PREDICTED)
FOLLOWS = ("sample", "mean")  # LEncGAN has no rejection
IMPROVED = partial(_at, study.improved_r2_recipe, SHARES["improved r2"])
REMEMBERS = partial(_at, study.lencgan_recipe, 1.0, clips=2)
PREDICTS = partial(_at, study.ar2_recipe, 1.0)

COMPARED = {
    c.name: c
    for c in (
        Contestant("R2", "r2", study.r2_recipe),
        Contestant("improved R2", "r2", study.improved_r2_recipe),
        Contestant("improved R2, equal time", "r2", IMPROVED),
        Contestant("LEncGAN", "lencgan", study.lencgan_recipe, ways=FOLLOWS),
        Contestant("LEncGAN, equal pairs", "lencgan", REMEMBERS, ways=FOLLOWS),
        Contestant("AR2", "ar2", study.ar2_recipe),
        Contestant("AR2, equal pairs", "ar2", PREDICTS),
        Contestant("AR2+, noise", "ar2", partial(study.ar2_recipe, recall_noise=0.5)),
        Contestant("AR2+, roll-outs", "ar2", _rolled),
        _r3("R3, regression"),
        _r3("R3, mixture", head="mixture"),
        _r3("R3, flow", head="flow"),
        _r3("R3, regression, padzs", format="padzs"),
        _r3("R3, regression, disc+cont", format="disc+cont"),
        _r3("R3, mixture, noise", head="mixture", context_noise=0.5),
    )
}

# EncGAN3 without some of its parts. Warm-ups need the encoder and the content stream, so none has
# them; these steps are its own.
ALL_WAYS = ("noise", "encoded", "sample")
CLIP_WAYS = ("noise", "encoded")  # codes from N(0, I), or those of training clips
BARE = {"warmup": 0, "motion_warmup": 0, "rise": 0.0, "smallest_crop": 1.0, "steps": 600}


def _bare(p, **changes) -> Preset:
    """EncGAN3's recipe as its ablations take it: at `mini` without warm-ups."""
    bare = BARE if p.preset == "mini" else {"warmup": 0, "motion_warmup": 0}
    return study.encgan3_recipe(p).but(**bare | changes)


def _encgan3_by(name: str, recipe: Callable[..., Preset], **given) -> Contestant:
    """No videos of 1000 frames."""
    ways = {"ways": CLIP_WAYS, "usual": CLIP_WAYS}
    return Contestant(name, "encgan3", recipe, **{"long": False} | ways | given)


def _encgan3(name: str, ways: tuple[str, ...] = CLIP_WAYS, given=None, **changes) -> Contestant:
    """given: of the contestant; changes: of its preset."""
    given = {"ways": ways, "usual": ways} | (given or {})
    return _encgan3_by(name, partial(_bare, **changes), **given)


def _lower_rate(p, **changes) -> Preset:
    """A fifth of the rates, as 4e-5 is of 2e-4 (Table 3.6)."""
    whole = _bare(p)
    names = ("lr_encoder", "lr_generator", "lr_discriminator")
    return whole.but(**{n: getattr(whole, n) / 5 for n in names}, **changes)


def _clips_as_r2(p) -> Preset:
    """EncGAN3 with R2's schedule, warm-ups included, as many clips, and its consecutive frames
    (Table 4.6).
    """
    whole = study.r2_recipe(p)
    return whole.but(step_range=(1, 1), batch=2 * whole.batch)


def _no_pair_terms(p) -> Preset:
    """R2's recipe without our terms for overlap and junction, which do what recall is asked for:
    with them, its ablations (Tables 4.2, 4.3, 4.8) would leave little out.
    """
    return study.r2_recipe(p).but(w_overlap=0.0, w_junction=0.0)


def _part_of(share: float, p, **changes) -> Preset:
    whole = _bare(p)
    return whole.but(steps=max(1, round(whole.steps * share)), **changes)


def _overlap(p, shared: int) -> Preset:
    return study.r2_recipe(p).but(overlap=shared)


def _motion_code(p, share: float) -> Preset:
    whole = study.r2_recipe(p)
    return whole.but(motion_dim=max(1, round(whole.motion_dim * share)))


def _token_width(p, share: float) -> GPTPreset:
    whole = gpt_preset(p.preset)
    return whole.but(format="disc+cont", width=round(whole.width * share))


def _pairs_of_clips(p) -> Preset:
    """LEncGAN's recipe for fc layers, whose batch norm needs two clips."""
    whole = study.lencgan_recipe(p)
    return whole.but(batch=max(2, whole.batch))


def _memory(name: str, recipe=study.lencgan_recipe, **switches) -> Contestant:
    """LEncGAN with other switches than its own (updates.Memory)."""

    def changes(p) -> tuple:
        return tuple((dict(study.switches(p, "lencgan")) | switches).items())

    return Contestant(name, "lencgan", recipe, changes, FOLLOWS, ("sample",), long=False)


def _r3_width(name: str, share: float) -> Contestant:
    recipe = partial(_token_width, share=share)
    return Contestant(name, "r3", recipe, (), PREDICTED, ("robust sample",), "improved R2")


def _ablated(name: str, recipe=study.r2_recipe, **given) -> Contestant:
    """A variant of R2, one way of drawing codes, no videos of 1000 frames."""
    return Contestant(name, "r2", recipe, **{"usual": ("sample",), "long": False} | given)


def _loss(variant: str, rest: str = "", **given) -> Contestant:
    """R2 as published: without our terms of pairs."""
    given = {"lengths": LENGTHS, "variant": variant} | given
    return _ablated(f"R2, loss {variant}{rest}", _no_pair_terms, **given)


LENGTHS = (10, 16, 32, 64, 96, 100, 128)  # of Tables 4.2 and 4.3, which have 136 too
R_ENC_ALONE = (("recall_critic", False), ("stitched_clip", False))  # no stitched clip is made
BOTH = {"ways": ("sample", "encoded"), "usual": ("sample", "encoded"), "long": True}
NOISE = ("noise",)
MAPS = {"switches": (("maps", True),)}
UNIFORM = {"sampling": "uniform"}
ABLATIONS = {
    c.name: c
    for c in (
        _encgan3("EncGAN3"),
        _encgan3("EncGAN3, no F-SA", attention_after=0),
        _encgan3("EncGAN3, no encoder", ways=NOISE, encoder=False),
        _encgan3("EncGAN3, no encoder, no F-SA", ways=NOISE, encoder=False, attention_after=0),
        _encgan3("EncGAN3, no G_C", content_stream=False),
        _encgan3("EncGAN3, no G_T", motion_stream=False),
        _encgan3("EncGAN3, no G_C, no G_T", content_stream=False, motion_stream=False),
        _loss("v1", fourth=True),
        _loss("v2"),
        _loss("v3"),
        _loss("v4", **BOTH),
        _loss("v5"),
        _loss("v1", ", R_Enc alone", switches=R_ENC_ALONE),
        _loss("v1", ", R_3VD alone", switches=(("recall_encoder", False),)),
        _loss("v1", ", step 4", step=4, lengths=(16, 32)),
        _encgan3_by("EncGAN3, a quarter of the steps", partial(_part_of, 0.25)),
        _encgan3_by(
            "EncGAN3, no encoder, a quarter of the steps",
            partial(_part_of, 0.25, encoder=False),
            ways=NOISE,
            usual=NOISE,
        ),
        _encgan3("EncGAN3, L_Enc,v", given={"switches": (("maps", "encoder"),)}),
        _encgan3("EncGAN3, L_Enc,v and L_G,v", given=MAPS),
        _encgan3_by("EncGAN3, lower rate", _lower_rate),
        _encgan3_by("EncGAN3, L_Enc,v and L_G,v, lower rate", _lower_rate, **MAPS),
        _encgan3("EncGAN3, uniform sampling", given=UNIFORM),
        _encgan3("EncGAN3, no encoder, uniform sampling", NOISE, UNIFORM, encoder=False),
        _encgan3_by("EncGAN3, R2's schedule", _clips_as_r2, ways=ALL_WAYS, usual=ALL_WAYS),
        _memory("LEncGAN, first frame the target", target=0),
        _memory("LEncGAN, no target", reference=False),
        _memory("LEncGAN, hands on the output", handed="output"),
        _memory("LEncGAN, hands on the cell state", handed="cell"),
        _memory("LEncGAN, hands on nothing", handed="nothing"),
        _memory("LEncGAN, fc", _pairs_of_clips, handed="nothing", memory="fc", forget_bias=0.0),
        _ablated("R2, overlap 4", partial(_overlap, shared=4)),
        _ablated("R2, overlap 12", partial(_overlap, shared=12)),
        _ablated("R2, motion code a quarter", partial(_motion_code, share=0.25)),
        _ablated("R2, motion code twice", partial(_motion_code, share=2.0)),
        _r3_width("R3, regression, disc+cont, half the width", 0.5),
        _r3_width("R3, regression, disc+cont, twice the width", 2.0),
        _ablated("improved R2, noise terms", study.improved_r2_recipe, variant="v4-noise"),
        _ablated("improved R2, trained on means", study.improved_r2_recipe, variant="v4-mean"),
    )
}
CONTESTANTS = COMPARED | ABLATIONS


def contestant(name: str) -> Contestant:
    """The contestant of that name; an unknown one is refused with the list of those there are."""
    if name not in CONTESTANTS:
        raise InputError(f"there is no contestant {name!r}; choose from {'; '.join(CONTESTANTS)}")
    return CONTESTANTS[name]
