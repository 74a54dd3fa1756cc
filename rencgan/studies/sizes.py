"""Parameter counts beside the published ones: `python -m rencgan.studies.sizes --preset 128`.

Counted on the meta device: nothing is allocated. Published counts are those of Table 5.3 (millions,
two decimals) for the preset that the table describes; `baselines` gives the 64x64 ones.
"""

import argparse
import json

import torch

from rencgan.core.errors import InputError
from rencgan.models.lencgan import LstmEncoder
from rencgan.models.lencgan_updates import recipe
from rencgan.models.networks import (
    MODES,
    Encoder,
    Generator,
    ImageDiscriminator,
    VideoDiscriminator,
)
from rencgan.presets.gpt import GPTPreset, gpt_preset
from rencgan.presets.preset import Preset, preset
from rencgan.r3.gpt import GPT

NETWORKS = {"G": Generator, "VD": VideoDiscriminator, "ID": ImageDiscriminator, "Enc": Encoder}

# (size, video stream) -> network -> parameters, as published
PUBLISHED = {
    (64, "1p2d"): {"G": 23_090_000, "VD": 8_350_000, "ID": 2_760_000},
    (128, "3d"): {"G": 90_370_000, "VD": 29_320_000, "ID": 6_960_000, "Enc": 2_060_000},
    (128, "1p2d"): {"VD": 29_320_000, "ID": 6_960_000, "Enc": 2_060_000},
}


def sizes(p: Preset, kind: str = "encgan3") -> dict[str, dict[str, int | None]]:
    """{"G": {"parameters": n, "published": m or None}, "VD": ..., "ID": ..., "Enc": ...}.

    kind "lencgan" has an encoder of its own, whose count is nowhere published.
    """
    published = dict(PUBLISHED.get((p.size, p.video_stream), {}))
    networks = NETWORKS
    if kind == "lencgan":
        networks = NETWORKS | {"Enc": LstmEncoder}
        published.pop("Enc", None)
    with torch.device("meta"):
        return {
            name: {
                "parameters": sum(w.numel() for w in network(p).parameters()),
                "published": published.get(name),
            }
            for name, network in networks.items()
        }


PUBLISHED_GPT = 1_360_000_000  # Table 5.3


def gpt_sizes(p: GPTPreset, token: int) -> dict[str, dict[str, int | None]]:
    """{"GPT": ...} as in `sizes`, for tokens of so many numbers; `directions` make them fewer."""
    with torch.device("meta"):
        gpt = GPT(p, p.directions or token)
    published = PUBLISHED_GPT if p.name == "128" and p.head == "regression" else None
    count = sum(w.numel() for w in gpt.parameters())
    return {"GPT": {"parameters": count, "published": published}}


def token_width(p: Preset) -> int:
    """Numbers of one token: means and log-variances of both latent spaces."""
    return 2 * (p.content_dim + p.motion_dim)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m rencgan.studies.sizes", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--preset", default="64")
    parser.add_argument("--video-stream", choices=MODES, help="default: the preset's")
    parser.add_argument("--kind", choices=("encgan3", "lencgan", "r3"), default="encgan3")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    try:
        p = preset(options.preset)
    except InputError as error:
        parser.error(str(error))
    if options.video_stream:
        p = p.but(video_stream=options.video_stream)
    p = recipe(p) if options.kind == "lencgan" else p
    counts = sizes(p, options.kind)
    if options.kind == "r3":
        counts |= gpt_sizes(gpt_preset(p.name), token_width(p))
    if options.json:
        print(json.dumps(counts))
        return
    for name, row in counts.items():
        known = f"  published {row['published']:>12,}" if row["published"] else ""
        print(f"{name:<4}{row['parameters']:>12,}{known}")


if __name__ == "__main__":
    main()
