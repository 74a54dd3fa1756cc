"""Parameter counts beside the published ones: `python -m rencgan sizes --preset 128`; with
`--system ivgan` those of a system's own networks.

Counted on the meta device: nothing is allocated. Published counts are those of Table 5.3 (millions,
two decimals) for the preset that the table describes, and of baselines' papers for 64x64.
"""

import torch

from rencgan.models.networks import Encoder, Generator, ImageDiscriminator, VideoDiscriminator
from rencgan.models.system import System
from rencgan.presets.preset import Preset
from rencgan.presets.recipe import Recipe
from rencgan.presets.table import gpt_preset, preset
from rencgan.r3.gpt import GPT
from rencgan.studies import recipes

NETWORKS = {"G": Generator, "VD": VideoDiscriminator, "ID": ImageDiscriminator, "Enc": Encoder}

GPT_128 = 1_360_000_000  # of R3, Table 5.3
# (size, video stream) -> network -> parameters, as published
PUBLISHED = {
    (64, "1p2d"): {"G": 23_090_000, "VD": 8_350_000, "ID": 2_760_000},
    (128, "1p2d"): {"VD": 29_320_000, "ID": 6_960_000, "Enc": 2_060_000},
}
PUBLISHED[128, "3d"] = PUBLISHED[128, "1p2d"] | {"G": 90_370_000}


# Of baselines, at the preset that is as published: rows are a network, as the system is or with
# other switches, and the count of their public code's layers.
G3AN = {"generator": 23_090_437, "video_d": 8_347_009, "image_d": 2_764_737}
BASELINES: dict[tuple[str, str], list[tuple[str, dict, int]]] = {
    ("g3an", "64"): [(network, {}, count) for network, count in G3AN.items()],
    ("ivgan", "64"): [
        ("generator", {}, 12_679_491),
        ("critic", {}, 11_057_990),  # the original's
        ("critic", {"affine": "element"}, 13_841_350),  # of the comparison of six
        ("critic", {"layer_norm": False}, 11_056_070),
    ],
    ("stylegan-v", "256"): [
        ("generator", {}, 32_105_941),
        ("discriminator", {}, 25_333_568),
    ],
    ("motionstylegan", "256"): [
        ("generator", {}, 30_043_191),
        ("discriminator", {}, 28_864_513),  # 58.9 million with the generator
    ],
    ("motionvideogan", "256"): [
        ("generator", {}, 4_217_886),
        *((critic, {}, 22_136_706) for critic in ("reverse_d", "video_d")),
    ],
}


def of_system(model: str, preset_name: str) -> dict[str, dict[str, int | None]]:
    """{network: {"parameters": n, "published": m or None}} of a model of the table at a preset;
    behind the networks as they are those with other switches, "critic, affine element".
    """
    p, kind = preset(preset_name, model), recipes.kind_of(model)
    rows = BASELINES.get((model, preset_name), [])
    known = {name: count for name, changes, count in rows if not changes}
    counts = {name: (n, known.get(name)) for name, n in _counted(kind(), p).items()}
    for name, changes, count in rows:
        if changes:
            told = ", ".join([name, *(f"{k} {v}" for k, v in changes.items())])
            counts[told] = _counted(kind(**changes), p)[name], count
    return {k: {"parameters": n, "published": known} for k, (n, known) in counts.items()}


def _counted(system: System, p: Recipe) -> dict[str, int]:
    with torch.device("meta"):
        nets = system.networks(p)
    return {name: sum(w.numel() for w in net.parameters()) for name, net in nets.items()}


def sizes(p: Preset) -> dict[str, dict[str, int | None]]:
    """{"G": {"parameters": n, "published": m or None}, "VD": ..., "ID": ..., "Enc": ...,
    "GPT": ...}, the last at the preset's sizes over tokens of these latent spaces.
    """
    gpt = gpt_preset(p.name)
    published = PUBLISHED.get((p.size, p.video_stream), {}) | (
        {"GPT": GPT_128} if (gpt.name, gpt.head) == ("128", "regression") else {}
    )
    with torch.device("meta"):
        made = {name: network(p) for name, network in NETWORKS.items()}
        made["GPT"] = GPT(gpt, gpt.directions or token_width(p))
    counted = {name: sum(w.numel() for w in made[name].parameters()) for name in made}
    return {k: {"parameters": n, "published": published.get(k)} for k, n in counted.items()}


def token_width(p: Preset) -> int:
    """Numbers of one token: means and log-variances of both latent spaces."""
    return 2 * (p.content_dim + p.motion_dim)


def as_text(counts: dict[str, dict[str, int | None]]) -> str:
    """A line a network."""
    lines, width = [], max(4, *(len(name) + 1 for name in counts))
    for name, row in counts.items():
        known = f"  published {row['published']:>13,}" if row["published"] else ""
        lines.append(f"{name:<{width}}{row['parameters']:>13,}{known}")
    return "\n".join(lines)
