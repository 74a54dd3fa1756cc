"""What a notebook may be asked, on top of what every run is asked (rencgan.studies.setting).

Papermill only warns about a name that the notebook does not declare and runs on with the defaults,
so the cell after the parameters calls `check`, which also looks at what papermill injected.
"""

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field, field_validator, model_validator

from rencgan.core.errors import InputError, close
from rencgan.core.files import resolve
from rencgan.data.hops import CLIP
from rencgan.presets.table import PRESETS
from rencgan.studies import weights as published
from rencgan.studies.setting import PUBLISHED_AT, Place, Run, SomeRun, Text, checked

BASELINES_AT = "hour"  # the preset of the baselines' weights that come with the project


class DataRun(Run):
    """01: look at the data."""


class TrainingRun(Run):
    """What notebooks that train models are asked."""

    init_from: Place = ""
    steps: int = Field(0, ge=0)  # 0: as many as schedule and preset say
    schedule: Literal["published", "short"] = "published"  # of `64` and `128`
    as_published: bool = False  # without this project's additions, at any size
    weights: Literal["train", "published"] = "train"

    @model_validator(mode="before")
    @classmethod
    def _of_published_weights(cls, given: Any) -> Any:
        """What is left to choose becomes what is published; there is no LEncGAN among it."""
        if not isinstance(given, dict) or given.get("weights") != "published":
            return given
        if given.get("preset", "auto") == "auto":
            given = given | {"preset": PUBLISHED_AT}
        return given | ({"control": "none"} if "control" in given else {})

    @model_validator(mode="after")
    def _only_what_is_published(self) -> "TrainingRun":
        if self.weights == "published" and self.preset not in published.presets():
            there = " or ".join(map(repr, published.presets()))
            raise ValueError(
                f"the published weights are of the preset {there}, not {self.preset!r}; "
                "leave preset at 'auto', or weights at 'train'"
            )
        if self.weights == "published" and self.as_published:
            raise ValueError("the published weights have this project's additions: train (weights)")
        if self.weights == "published" and (self.steps or self.init_from):
            raise ValueError("published weights are not trained: leave steps and init_from alone")
        return self

    @property
    def init_path(self) -> Path | None:
        """The checkpoint to begin from, or None when none was named."""
        return resolve(self.init_from) if self.init_from else None


class EncGAN3Run(TrainingRun):
    """02: train the model of one clip."""

    train_on: Literal["train", "all"] = "train"  # all: the whole set, as Chapter 3 does


class REncGANRun(TrainingRun):
    """03: train by recall, then make long video."""

    hop: int = Field(8, ge=1, le=15)  # r, frames from one clip to the next; 16 would share none
    frames: int = Field(480, ge=16)  # length of the long videos
    candidates: int = Field(20, ge=1, le=200)  # clips that VDrej chooses among
    codes: Literal["sample", "mean"] = "sample"
    video_stream: Literal["1p2d", "3d"] = "1p2d"  # 3d: improved R2
    variant: Literal["v4", "v4-mean", "v4-noise"] = "v4"  # a row of R2.variants
    control: Literal["lencgan", "none"] = "lencgan"
    processes: int = Field(1, ge=1, le=64)


class AR2Run(TrainingRun):
    """04: train AR2, then make video from noise."""

    hop: int = Field(8, ge=1, le=15)
    frames: int = Field(1000, ge=16)
    candidates: int = Field(20, ge=1, le=200)
    first_clip: Literal["noise", "video"] = "noise"
    recall_noise: float = Field(0.0, ge=0, le=2)  # AR2+
    rollout: int = Field(1, ge=1, le=8)  # AR2+
    processes: int = Field(1, ge=1, le=64)


class R3Run(TrainingRun):
    """05: train R3's GPT over the tokens of improved R2, then make video past its length."""

    hop: int = Field(8, ge=1, le=15)
    frames: int = Field(1000, ge=16)
    candidates: int = Field(20, ge=1, le=200)
    head: Literal["all", "regression", "mixture", "flow"] = "all"
    format: Literal["pad0", "padzs", "disc+cont"] = "pad0"
    width: int = Field(0, ge=0)  # of a token in the GPT; 0: the preset's
    context_noise: float = Field(0.0, ge=0, le=4)
    gpt_steps: int = Field(0, ge=0)  # 0: as many as schedule and preset say
    temperature: float = Field(1.0, ge=0, le=4)
    first_clip: Literal["video", "ar2", "noise"] = "video"
    processes: int = Field(1, ge=1, le=64)

    @model_validator(mode="after")
    def _before_its_r2_is_trained(self) -> "R3Run":
        if self.width > 64 and self.width % 64:
            raise ValueError(
                f"a width of {self.width} cannot be shared by heads of 64; give a multiple"
            )
        if self.frames < CLIP + self.hop:
            raise ValueError(
                f"frames = {self.frames} and hop = {self.hop}: the two tokens that R3 needs take "
                f"{CLIP + self.hop} frames; give more frames or a smaller hop"
            )
        return self


class ResultsRun(Run):
    """08: what came out, from the result files."""

    shows: ClassVar[bool] = True  # it trains nothing on the data that it prepares
    results_root: Place = Field("reports/results", min_length=1)

    @property
    def results_path(self) -> Path:
        """The folder of result files (rencgan.studies.runs)."""
        return resolve(self.results_root)


class AblationRun(ResultsRun):
    """06: run a study, or show what has been run."""

    study: Text = ""
    seeds: Text = "1"

    @field_validator("seeds")
    @classmethod
    def _whole_seeds(cls, seeds: str) -> str:
        if not seeds.split() or not all(s.isdecimal() for s in seeds.split()):
            raise ValueError("should be whole numbers with spaces between, such as '1 2 3'")
        return seeds

    @property
    def seed_list(self) -> list[int]:
        return [int(s) for s in self.seeds.split()]


class BaselinesRun(ResultsRun):
    """07: other ideas of long video, trained and scored as the comparison does."""

    presets: ClassVar[tuple[str, ...]] = ("smoke", "hour", "64")
    kinds: ClassVar[tuple[str, ...]] = ("stylegan-v", "ivgan", "motionvideogan")

    seed: int = Field(1, ge=0, le=2**31 - 1)  # the embedded judge was fitted on seed 0's stand-ins
    systems: Text = "all"  # or some kinds, spaces between
    critics: Literal["0-gp", "all"] = "0-gp"  # of iVGAN
    frames: int = Field(1000, ge=32, le=10_000)  # of the longest videos that are shown
    weights: Literal["train", "published"] = "train"

    @model_validator(mode="before")
    @classmethod
    def _where_published(cls, given: Any) -> Any:
        if not isinstance(given, dict) or given.get("weights") != "published":
            return given
        auto = given.get("preset", "auto") == "auto"
        return given | ({"preset": BASELINES_AT} if auto else {})

    @model_validator(mode="after")
    def _at_their_preset(self) -> "BaselinesRun":
        if self.weights == "published" and self.preset != BASELINES_AT:
            raise ValueError(
                f"the published weights of baselines are of the preset {BASELINES_AT!r}, not "
                f"{self.preset!r}; leave preset at 'auto', or weights at 'train'"
            )
        return self

    @field_validator("systems")
    @classmethod
    def _known_systems(cls, systems: str) -> str:
        known = systems == "all" or not set(systems.split()) - set(cls.kinds)
        if not systems.split() or not known:
            raise ValueError(f"should be all, or some of {', '.join(cls.kinds)}, spaces between")
        return systems

    @property
    def system_list(self) -> list[str]:
        return [k for k in self.kinds if self.systems == "all" or k in self.systems.split()]

    @field_validator("preset", mode="before")
    @classmethod
    def _of_the_baselines(cls, name: Any) -> Any:
        if name == "auto" and not torch.cuda.is_available():
            return "hour"
        if name in PRESETS and name not in cls.presets:
            raise ValueError(f"is no preset of the baselines: theirs are {', '.join(cls.presets)}")
        return name


class MeasuresRun(Run):
    """09: real video, spoilt on purpose."""

    frames: int = Field(0, ge=0, le=10_000)  # of each video; 0: 128, at smoke 32
    videos: int = Field(0, ge=0, le=10_000)  # a side; 0: 64, at smoke 4
    models: Literal["published", "none"] = "published"  # that both judges rank

    @model_validator(mode="after")
    def _enough(self) -> "MeasuresRun":
        if 0 < self.frames < 32:
            raise ValueError(f"spoilt videos have at least 32 frames, not {self.frames}; 0: usual")
        if 0 < self.videos < 4:
            raise ValueError(f"a side needs at least 4 videos, not {self.videos}; 0: as usual")
        return self

    @property
    def many(self) -> tuple[int, int]:
        """Videos a side, and frames of each."""
        usual = (4, 32) if self.preset == "smoke" else (64, 128)
        return self.videos or usual[0], self.frames or usual[1]


def check(namespace: Mapping[str, Any], model: type[SomeRun]) -> SomeRun:
    """The parameters of a notebook, checked. Call it as `check(globals(), REncGANRun)`.

    Raises InputError, in one sentence, for a name that the notebook does not declare, a value of
    the wrong type, and a value out of range.
    """
    unknown = [name for name in injected_names(namespace) if name not in model.model_fields]
    if unknown:
        raise InputError("; ".join(_unknown(name, model) for name in unknown) + ".")
    return checked({n: namespace[n] for n in model.model_fields if n in namespace}, model)


def injected_names(namespace: Mapping[str, Any]) -> list[str]:
    """Names assigned in the cells that papermill injected: those that begin `# Parameters`."""
    names: list[str] = []
    for source in namespace.get("In", []):
        if not source.lstrip().startswith("# Parameters"):
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.append(node.id)
    return names


def _unknown(name: str, model: type[Run]) -> str:
    fields = list(model.model_fields)
    return f"unknown parameter {name!r}{close(name, fields)}: it is one of {', '.join(fields)}"
