"""The table of the baselines' presets: a row for each size, as in presets/table.py."""

from rencgan.presets.ivgan import IVGANPreset
from rencgan.presets.motionvideogan import MotionPreset, PairsPreset
from rencgan.presets.recipe import Recipe
from rencgan.presets.stylegan_v import StyleGANVPreset

IVGAN_64 = IVGANPreset()
IVGAN_HOUR = IVGANPreset(
    name="hour",
    why="a critic in 20 minutes of one core, 64x64; two updates of it to one of the generator",
    generator_widths=(64, 32, 16, 8),
    critic_widths=(8, 16, 32, 64),
    batch=8,
    steps=6000,
    critic_turns=2,
    lr=5e-4,
    random_start=True,
    cpu_bf16=True,
)
IVGAN_SMOKE = IVGANPreset(
    name="smoke",
    why="the tests: seconds on a CPU",
    size=16,
    latent=8,
    generator_widths=(8, 8, 8, 8),
    critic_widths=(8, 8, 8, 8),
    batch=2,
    steps=6,
)
IVGAN_PRESETS = {p.name: p for p in (IVGAN_SMOKE, IVGAN_HOUR, IVGAN_64)}
STYLEGAN_V_256 = StyleGANVPreset(scored=20)
STYLEGAN_V_64 = StyleGANVPreset(
    name="64",
    why="StyleGAN-V at 64x64, a quarter of an hour on a GPU; its sizes are ours",
    size=64,
    base=8192,
    most=256,
    z_dim=256,
    w_dim=256,
    motion_dim=128,
    frequencies=64,
    longest_period=256,
    longest=256,
    table=64,
    batch=32,
    steps=3125,
    scored=20,
    gamma=0.0256,
    half_life=10_000.0,
    ramp=0.05,
)
STYLEGAN_V_HOUR = STYLEGAN_V_64.but(
    name="hour",
    why="an hour and a half of one core, 64x64: narrow, for at twice the width it sees 2/5 as much",
    base=1024,
    most=64,
    z_dim=128,
    w_dim=128,
    motion_dim=64,
    frequencies=32,
    batch=8,
    steps=11_000,
    scored=0,
    gamma=0.1024,
    half_life=2500.0,
    augment="none",
    max_videos=2100,
    cpu_bf16=True,
)
STYLEGAN_V_SMOKE = STYLEGAN_V_HOUR.but(
    name="smoke",
    why="the tests: seconds on a CPU",
    size=32,
    base=128,
    most=8,
    z_dim=8,
    w_dim=8,
    motion_dim=8,
    frequencies=4,
    kernel=3,
    longest=64,
    table=4,
    largest_distance=16,
    batch=2,
    steps=6,
    gamma=0.1,
    half_life=100.0,
    augment="ada",
    ada_videos=100,
    ada_every=2,
    max_videos=8,
    max_frames=420,
    cpu_bf16=False,
)
STYLEGAN_V_PRESETS = {
    p.name: p for p in (STYLEGAN_V_SMOKE, STYLEGAN_V_HOUR, STYLEGAN_V_64, STYLEGAN_V_256)
}

PAIRS_256 = PairsPreset()
PAIRS_64 = PairsPreset(
    name="64",
    why="the reduced generator of pairs, 64x64",
    size=64,
    base=8192,
    most=256,
    latent=256,
    gamma=0.1,
)
PAIRS_HOUR = PAIRS_64.but(
    name="hour",
    why="40 minutes of one core for the pairs, 64x64",
    base=1024,
    most=64,
    latent=128,
    mapping=4,
    batch=8,
    steps=6500,
    half_life=2_000.0,
    augment=False,
    cpu_bf16=True,
)
PAIRS_SMOKE = PAIRS_HOUR.but(
    name="smoke",
    why="the tests: seconds on a CPU",
    size=16,
    base=128,
    most=8,
    latent=24,
    mapping=2,
    batch=4,
    steps=5,
    r1_every=4,
    augment=True,
    ada_pairs=50,
    ada_every=2,
    cpu_bf16=False,
)
PAIRS_PRESETS = {p.name: p for p in (PAIRS_SMOKE, PAIRS_HOUR, PAIRS_64, PAIRS_256)}
MOTION_256 = MotionPreset()
MOTION_64 = MotionPreset(
    name="64", why="over the reduced pairs, 64x64", lam=1 / 30, latent=256, steps=2970
)
MOTION_HOUR = MOTION_64.but(
    name="hour",
    why="20 minutes of one core for the codes, 64x64",
    codes=12,
    lam=1 / 16,
    latent=128,
    critic_widths=(16, 32, 64, 128),
    batch=4,
    generator_turns=2,
    steps=550,
    lr=3e-4,
    cpu_bf16=True,
)
MOTION_SMOKE = MOTION_HOUR.but(
    name="smoke",
    why="the tests: seconds on a CPU",
    codes=4,
    lam=0.2,
    latent=24,
    critic_widths=(4, 4, 4, 4),
    batch=2,
    steps=3,
    cpu_bf16=False,
)
MOTION_PRESETS = {p.name: p for p in (MOTION_SMOKE, MOTION_HOUR, MOTION_64, MOTION_256)}

BASELINES: dict[str, dict[str, Recipe]] = {
    "ivgan": IVGAN_PRESETS,
    "stylegan-v": STYLEGAN_V_PRESETS,
    "motionstylegan": PAIRS_PRESETS,
    "motionvideogan": MOTION_PRESETS,
}
