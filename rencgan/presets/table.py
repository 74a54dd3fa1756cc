"""Every preset's row, and where a model differs from it: the one place that says what `mini` is."""

from typing import Any

from rencgan.core.errors import InputError
from rencgan.presets.baselines import BASELINES
from rencgan.presets.gpt import GPTPreset
from rencgan.presets.preset import Preset
from rencgan.presets.recipe import Recipe

PUBLISHED_64 = Preset(scored=20, separate_passes=True, cpu_bf16=True)
PUBLISHED_128 = Preset(
    name="128",
    why="128x128 with the networks of Table 5.3; EncGAN3 and R2 take 1p2d streams here too",
    size=128,
    video_stream="3d",
    content_dim=512,
    motion_dim=256,
    generator_widths=(512, 512, 256, 128, 64, 32),
    encoder_widths=(16, 32, 64, 64),
    encoder_hidden=(256,),
    image_d_widths=(64, 128, 256, 512, 512),
    video_d_widths=(64, 128, 256, 512, 1024),
    batch=25,
    scored=20,
    separate_passes=True,
    cpu_bf16=True,
)
SMOKE = Preset(
    name="smoke",
    why="the tests: seconds on a CPU, nothing to look at",
    size=16,
    content_dim=8,
    motion_dim=4,
    generator_widths=(8, 8, 8),
    attention_after=2,
    encoder_widths=(8,),
    content_features=16,
    motion_features=8,
    image_d_widths=(8, 8),
    video_d_widths=(8, 8),
    batch=2,
    warmup=2,
    warmup_batch=4,
    motion_warmup=1,
    motion_batch=4,
    w_direction=1.0,
    w_still=1.0,
    w_amount=0.1,
    w_overlap=1.0,
    w_junction=1.0,
    smallest_crop=0.8,
    crops_until=4,
    rise=0.5,
    largest_gradient=1.0,
    largest_logvar=-1.0,
    motion_rate=2.0,
    steps=6,
    max_videos=8,
    max_frames=420,
)
MINI = Preset(
    name="mini",
    why="the CPU default: minutes on 2 cores, 32x32, a result worth looking at",
    size=32,
    content_dim=256,
    motion_dim=64,
    generator_widths=(128, 64, 32, 16),
    attention_after=1,
    encoder_widths=(16, 64),
    motion_features=128,
    initial_logvar=-7.0,
    largest_logvar=-3.0,
    motion_gain=6.0,
    image_d_widths=(8, 16, 32),
    video_d_widths=(8, 16, 32),
    w_direction=1.0,
    w_reconstruction=2.0,
    w_still=3.0,
    w_amount=1.0,
    w_jitter=1.0,
    w_overlap=18.0,
    w_junction=12.0,
    w_kl_content=2e-6,
    w_kl_motion=1e-6,
    w_adversarial_video=0.02,
    w_adversarial_image=0.005,
    batch=8,
    warmup=1900,
    warmup_batch=64,
    warmup_decay=0.4,
    ramp=100,
    motion_warmup=550,
    motion_rate=2.0,
    content_rate=0.01,
    rise=0.6,
    largest_gradient=0.5,
    steps=2750,
    lr_encoder=1e-3,
    lr_generator=1e-3,
    beta2=0.99,
    lr_decay=0.08,
    average=0.99,
    smallest_crop=0.93,
    crops_until=1500,
    pair_stride=1,
    max_videos=64,
)
HOUR = MINI.but(
    name="hour",
    why="an hour on 2 cores, 64x64: the published terms and what joins clips, after two warm-ups",
    size=64,
    content_dim=512,
    motion_dim=256,
    generator_widths=(128, 128, 64, 32, 16),
    encoder_widths=(16, 32, 64),
    motion_features=192,
    largest_logvar=-6.0,
    image_d_widths=(16, 32, 64, 128),
    video_d_widths=(16, 32, 64, 128),
    w_reconstruction=1.0,
    w_direction=0.5,
    w_still=1.0,
    w_amount=0.0,
    w_jitter=0.0,
    w_overlap=1.0,
    w_junction=1.0,
    w_adversarial_video=0.02,
    w_adversarial_image=0.01,
    warmup=6000,
    motion_warmup=3000,
    motion_rate=0.6,
    steps=10400,
    content_rate=0.3,
    lr_discriminator=3e-4,
    lr_decay=0.06,
    average=0.995,
    smallest_crop=1.0,
    crops_until=0,
    rise=0.0,
    max_videos=2100,
    cpu_bf16=True,
)
WIDTHS = ("content_dim", "generator_widths", "encoder_widths", "motion_features")
WIDTHS += ("image_d_widths", "video_d_widths")
MINUTES = HOUR.but(
    name="minutes",
    why="hour in minutes on 2 cores, 32x32: thousands of scenes, less fog than mini",
    **{name: getattr(MINI, name) for name in ("size", *WIDTHS)},
    motion_dim=128,
    average=0.99,
    warmup=3000,
    motion_warmup=900,
    steps=4700,
)
PRESETS = {p.name: p for p in (SMOKE, MINI, MINUTES, HOUR, PUBLISHED_64, PUBLISHED_128)}

# ---------------------------------------------------------------------------------------- the GPTs

GPT_128 = GPTPreset(windows=False, scored=20)
GPT_64 = GPTPreset(
    name="64",
    why="a GPT for the 276 numbers of the latent spaces at 64x64; its sizes are ours",
    blocks=12,
    heads=8,
    width=512,
    flow_width=512,
    windows=False,
    scored=20,
    directions=128,
    carry=True,
    starts=8,
    lr=3e-4,
    ramp=200,
    lr_decay=0.3,
    average=0.999,
)
GPT_MINI = GPTPreset(
    name="mini",
    why="the CPU default: two minutes; with more steps it learns the training videos by heart",
    blocks=4,
    heads=4,
    width=192,
    flow_width=256,
    directions=64,
    carry=True,
    starts=8,
    dropout=0.2,
    batch=16,
    steps=240,
    lr=1e-3,
    weight_decay=0.1,
    ramp=30,
    lr_decay=0.5,
    average=0.99,
)
GPT_SMOKE = GPTPreset(
    name="smoke",
    why="the tests: seconds on a CPU",
    blocks=2,
    heads=2,
    width=16,
    positions=12,
    components=2,
    flow_width=16,
    flow_blocks=1,
    euler_steps=2,
    directions=6,
    carry=True,
    starts=2,
    batch=4,
    steps=6,
    lr=1e-3,
    lr_decay=0.5,
    average=0.5,
)
GPT_HOUR = GPT_MINI.but(
    name="hour",
    why="an hour on 2 cores, over the codes of thousands of videos",
    blocks=6,
    width=256,
    steps=2400,
    ramp=100,
    directions=256,
    starts=4,
)
GPT_MINUTES = GPT_MINI.but(
    name="minutes", why="that of mini, over the codes of thousands of videos"
)
_GPTS = (GPT_SMOKE, GPT_MINI, GPT_MINUTES, GPT_HOUR, GPT_64, GPT_128)
GPT_PRESETS = {p.name: p for p in _GPTS}

# ------------------------------------------------------------------- how long the papers train

PUBLISHED = ("64", "128")  # presets that train as long as the papers do
SCHEDULES = ("published", "short")  # short: the preset's own `steps`
# Epochs by data set, those of the best score; of a range the upper end (thesis, Sections 3.4.2,
# 5.3.5 and 5.4.4). Taichi is there the subset of 31 videos. EncGAN3's are told of UvA-NEMO; its
# curves over Weizmann and KTH are taken as often. R2 takes improved R2's: its own are not printed.
PUBLISHED_EPOCHS: dict[str, dict[str, int]] = {
    "encgan3": {"uva": 5000, "weizmann": 5000, "kth": 5000},
    "r2": {"taichi": 3970, "sky": 215},
    "ar2": {"taichi": 700, "sky": 13},
    "r3": {"taichi": 4800, "sky": 1290},
}
ALIKE = {"g3an": "encgan3", "improved-r2": "r2"}
# On other sets a model takes as many samples as on the smaller set that it is told of: clips of the
# 1240 videos of UvA-NEMO, pairs of Taichi (895), its sequences (31).
PUBLISHED_SAMPLES = {"encgan3": 5000 * 1240, "r2": 3970 * 895, "ar2": 700 * 895, "r3": 4800 * 31}


def published_epochs(model: str, dataset: str) -> int:
    """Epochs that a model is trained for on a data set in the papers; 0 where none are printed."""
    return PUBLISHED_EPOCHS.get(ALIKE.get(model, model), {}).get(dataset, 0)


def published_length(model: str, dataset: str, batch: int) -> dict[str, Any]:
    """How long a model trains on a data set, as fields of its preset: epochs as printed, or, of a
    set that is not, steps; {} of a model of which nothing is printed (LEncGAN).
    """
    if epochs := published_epochs(model, dataset):
        return {"epochs": float(epochs)}
    samples = PUBLISHED_SAMPLES.get(ALIKE.get(model, model))
    return {"steps": -(-samples // batch)} if samples else {}


GPT_BATCH = {"taichi": 60, "sky": 10}  # sequences over both GPUs (Table 5.2)


def published_gpt(dataset: str, row: GPTPreset = GPT_128) -> GPTPreset:
    """The GPT as the thesis trains it on a data set, with networks as large as a row's."""
    own = {name: getattr(row, name) for name in (*GPTPreset.sizes, "scored")}
    batch = GPT_BATCH.get(dataset, GPT_128.batch)
    return GPT_128.but(**own, batch=batch, **published_length("r3", dataset, batch))


# -------------------------------------------------------------------------------- model by model

# R2's steps (single frames, motion, pairs), and what share of them takes a slower model as long (a
# core of a CPU): `3d` streams, AR2's two kinds of clips, LEncGAN's LSTMs, AR2's roll-outs.
FOR_MINI, FOR_MINUTES, FOR_HOUR = (1500, 500, 450), (3000, 900, 450), (6000, 3000, 1000)
SHARES = {"improved r2": 0.74, "ar2": 0.74, "lencgan": 0.68, "roll-outs": 0.60}


def scheduled(share: float = 1.0, clips: int = 1, of: tuple[int, ...] = FOR_MINI) -> dict:
    """The steps of a share of a schedule, as fields; `clips` times those after the warm-ups."""
    stills, motion, pairs = of
    stills, motion, rest = (round(share * n) for n in (stills, motion, pairs * clips))
    return {"warmup": stills, "motion_warmup": motion, "steps": stills + motion + rest}


def for_mini(share: float = 1.0, clips: int = 1) -> dict:
    """The same of `mini`, with what it has beside."""
    steps = scheduled(share, clips)
    return steps | {"crops_until": round(0.8 * steps["warmup"]), "lr_decay": 0.12}


# What all presets give a model otherwise. EncGAN3 and R2 have `1p2d` streams at every scale; `3d`
# ones are improved R2's (Section 5.2), AR2's and R3's. LEncGAN takes one video at a time (Section
# 4.2.4). The ablations of EncGAN3 have no warm-ups, which need the encoder.
ALWAYS: dict[str, dict[str, Any]] = {
    "encgan3": {"video_stream": "1p2d"},
    "g3an": {"video_stream": "1p2d", "encoder": False, "warmup": 0, "motion_warmup": 0},
    "r2": {"video_stream": "1p2d"},
    "improved-r2": {"video_stream": "3d"},
    "lencgan": {"video_stream": "1p2d", "batch": 1},
    "ar2": {"video_stream": "3d"},
    "r3": {},
} | dict.fromkeys(BASELINES, {})
# What one preset gives a model beside that; `switches` are fields of the system itself.
# LEncGAN at `mini` walks through 8 videos side by side, its LSTMs half as wide: it has minutes on a
# CPU. A cell that lets half of itself go at every step remembers next to nothing of the clip
# before: `forget_bias` gives the control the memory that it is the control for.
# AR2: Smooth-L1 is half the square of a small error, so it needs a larger weight. The first clip is
# drawn from N(0, I): the latent spaces have to fill it, so the KL weighs more and no bound keeps
# them narrow. At `64` and `128` a weight of 20 gives an error of 0.05 the gradient that it has by
# R2's mean absolute error, as at `mini`; there the reference frame keeps its sixteenth.
LENCGAN = {"batch": 8, "content_features": 256, "switches": {"forget_bias": 3.0}}
AR2 = {
    "w_reconstruction": 40.0,
    "w_kl_content": 3e-4,
    "w_kl_motion": 3e-4,
    "initial_logvar": -3.0,
    "largest_logvar": 0.0,
    "w_adversarial_video": 0.05,
    "w_adversarial_image": 0.02,
}


def warmed_up(of: tuple[int, int, int]) -> dict[str, dict[str, Any]]:
    """What `minutes` and `hour` give the models, by R2's steps."""
    return {
        "r2": scheduled(of=of),
        "improved-r2": scheduled(SHARES["improved r2"], of=of),
        "lencgan": scheduled(SHARES["lencgan"], clips=2, of=of) | LENCGAN,
        "ar2": scheduled(SHARES["ar2"], of=of) | AR2 | {"w_reconstruction": 20.0},
    }


OWN: dict[str, dict[str, dict[str, Any]]] = {
    "smoke": {"lencgan": {"batch": 2}},
    "mini": {
        "r2": {"content_rate": 0.1, **for_mini()},
        "improved-r2": {"content_rate": 0.1, **for_mini()},
        "lencgan": {"content_rate": 0.1, **for_mini(SHARES["lencgan"], clips=2), **LENCGAN},
        "ar2": {"content_rate": 0.1, **for_mini(SHARES["ar2"]), **AR2},
    },
    "minutes": warmed_up(FOR_MINUTES),
    "hour": warmed_up(FOR_HOUR),
}
OWN |= dict.fromkeys(PUBLISHED, {"ar2": {"w_reconstruction": 20.0, "w_reference": 20.0 / 16}})
OWN["64"] = OWN["64"] | {"g3an": {"batch": 25}}
# Fields that a source has otherwise on one data set: (preset, model, data set).
ON_DATA: dict[tuple[str, str, str], dict[str, Any]] = {("256", "stylegan-v", "sky"): {"delta": 256}}

KINDS = {"improved-r2": "r2"}  # of models that are another system's with another row
ROWS: dict[str, dict[str, Recipe]] = {"r3": GPT_PRESETS} | BASELINES  # recipes of other kinds
BASES = {"r3": "improved-r2", "motionvideogan": "motionstylegan"}  # models trained first


def _known(name: str, known: dict, what: str) -> Any:
    if name not in known:
        raise InputError(f"there is no {what} {name!r}; choose one of {', '.join(known)}")
    return known[name]


def kind_of_row(model: str) -> str:
    """The kind of system that a model of the table is."""
    return KINDS.get(model, model)


def preset(name: str, model: str = "", **changes) -> Any:
    """The preset of that name as a model takes it (none: the row). InputError where unknown."""
    what = "GPT for" if model == "r3" else f"preset of {model}" if model in ROWS else "preset"
    found = _known(name, ROWS.get(model, PRESETS), what)
    own = _known(model, ALWAYS, "model") if model else {}
    own = own | OWN.get(name, {}).get(model, {}) | changes
    return found.but(**{k: v for k, v in own.items() if k != "switches"})


def switches(name: str, model: str) -> dict[str, Any]:
    """The fields of the system itself that a preset sets."""
    return OWN.get(name, {}).get(model, {}).get("switches", {})


def gpt_preset(name: str, **changes) -> GPTPreset:
    """The GPT of a preset, with `changes`. Raises InputError for unknown names."""
    return preset(name, "r3", **changes)
