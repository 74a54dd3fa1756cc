"""What notebooks need, under one name: `from rencgan.notebook import parameters, show, steps`.

Beside the modules that lie here these, which are imported when they are asked for.
"""

from importlib import import_module

ELSEWHERE = {  # name -> the module that it is, or that has it
    **dict.fromkeys(("fitness", "horizon", "measures", "protocols", "scores"), "rencgan.evaluate"),
    **dict.fromkeys(
        ("catalogue", "judges", "ledger", "results", "spoilt", "trials"), "rencgan.studies"
    ),
    "recall": "rencgan.models",
    "Kept": "rencgan.notebook.kept",
    "ClipSampler": "rencgan.data.clips",
    "as_clips": "rencgan.data.pixels",
    "read_history": "rencgan.training.record",
    "claims_of": "rencgan.studies.claims",
}


def __getattr__(name: str):
    if name not in ELSEWHERE:
        raise AttributeError(f"rencgan.notebook has no {name!r}")
    place = import_module(ELSEWHERE[name])
    return getattr(place, name, None) or import_module(f"{ELSEWHERE[name]}.{name}")
