"""Trains the embedded feature extractor anew: `python -m rencgan fit-compact`.

On the stand-in videos it learns to tell three things: the class of a video, its pace, and whether
its frames are in order. Noise, blur and seams play no part, so that how it answers to them on real
video (fitness.py) is evidence, not memory.
"""

import hashlib
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from rencgan.core.files import replaced
from rencgan.core.progress import Progress
from rencgan.data import procedural
from rencgan.data.pixels import as_clips
from rencgan.evaluate.compact import FRAMES, SIZE, WEIGHTS, Compact

SETS = tuple(procedural.DESCRIPTIONS)
PACES = (1, 2, 4)  # frame steps to be told apart


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights."""

    videos: int = 90  # a set
    frames: int = 72  # of each video
    steps: int = 1800
    batch: int = 24
    lr: float = 2e-3
    shuffled: float = 0.25  # share of clips whose frames are out of order
    scale_clips: int = 480  # clips over which deviations of features are taken
    seed: int = 0
    version: int = procedural.VERSION  # of the pictures


def labels() -> list[str]:
    """Classes of all stand-ins, as set/label; the order is that of the last layer."""
    return sorted({f"{s}/{v.label}" for s in SETS for v in procedural.catalogue(s)})


class Samples:
    """Training clips of the stand-ins, each a function of (recipe, step)."""

    def __init__(self, recipe: Recipe):
        self.recipe, self.names = recipe, labels()
        self.videos: list[np.ndarray] = []
        self.labels: list[int] = []
        wanted = [
            (s, v)
            for s in SETS
            for v in procedural.catalogue(s, recipe.seed, recipe.videos, recipe.frames)
        ]
        with Progress(len(wanted), "drawing stand-ins") as bar:
            for done, (s, video) in enumerate(wanted, 1):
                self.videos.append(video.frames(SIZE))
                self.labels.append(self.names.index(f"{s}/{video.label}"))
                bar.update(done)

    def batch(self, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Clips (B, 3, 16, 64, 64) in [-1, 1] and the targets of the three heads."""
        rng = np.random.default_rng([self.recipe.seed, 77, step])
        clips, targets = [], {"label": [], "pace": [], "order": []}
        for _ in range(self.recipe.batch):
            which, pace = rng.integers(len(self.videos)), int(rng.integers(len(PACES)))
            shuffled = bool(rng.random() < self.recipe.shuffled)
            clips.append(self._clip(rng, self.videos[which], PACES[pace], shuffled))
            targets["label"].append(self.labels[which])
            targets["pace"].append(-100 if shuffled else pace)  # a shuffled clip has none
            targets["order"].append(int(shuffled))
        return as_clips(np.stack(clips)), {k: torch.tensor(v) for k, v in targets.items()}

    def plain(self, count: int) -> np.ndarray:
        """Clips as they are, spread evenly over the videos: (count, 16, 64, 64, 3) uint8."""
        which = np.linspace(0, len(self.videos) - 1, count).round().astype(int)
        return np.stack([self.videos[i][:FRAMES] for i in which])

    @staticmethod
    def _clip(rng, video: np.ndarray, pace: int, shuffled: bool) -> np.ndarray:
        start = rng.integers(max(1, len(video) - (FRAMES - 1) * pace))
        index = np.minimum(start + pace * np.arange(FRAMES), len(video) - 1)
        clip = video[rng.permutation(index) if shuffled else index]
        return clip[:, :, ::-1] if rng.random() < 0.5 else clip


def fit(recipe: Recipe) -> tuple[Compact, dict[str, float]]:
    """The trained network in evaluation mode, and its last losses, averaged over 50 steps."""
    torch.manual_seed(recipe.seed)
    network = Compact().to(memory_format=torch.channels_last_3d)
    samples, last = Samples(recipe), []
    questions = {"label": len(samples.names), "pace": len(PACES), "order": 2}  # not kept
    answers = nn.ModuleDict({k: nn.Linear(Compact.dims, n) for k, n in questions.items()})
    weights = [*network.parameters(), *answers.parameters()]
    optimiser = torch.optim.AdamW(weights, recipe.lr, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.lr, total_steps=recipe.steps)
    with Progress(recipe.steps, "training the compact extractor") as bar:
        for step in range(recipe.steps):
            x, targets = samples.batch(step)
            features = network.pooled(x.contiguous(memory_format=torch.channels_last_3d))
            terms = {
                name: nn.functional.cross_entropy(head(features), targets[name], ignore_index=-100)
                for name, head in answers.items()
            }
            optimiser.zero_grad()
            sum(terms.values()).backward()
            optimiser.step()
            schedule.step()
            last = [*last[-49:], {k: float(v.detach()) for k, v in terms.items()}]
            bar.update(step + 1, last[-1])
    network = network.eval().half().float()  # so that what is measured is what is kept
    network.scale = _deviations(network, samples.plain(recipe.scale_clips))
    return network, {k: float(np.mean([t[k] for t in last])) for k in last[0]}


@torch.no_grad()
def _deviations(network: Compact, clips: np.ndarray) -> Tensor:
    """Of every feature over the clips; a feature that hardly varies there is not blown up."""
    features = torch.cat([network.pooled(as_clips(part)) for part in np.array_split(clips, 20)])
    found = features.std(0)
    return found.clamp_min(0.1 * float(found.median())).half().float()


def save(network: Compact, recipe: Recipe, path: Path) -> str:
    """Writes the weights in half precision, and the recipe with them. Returns the sha256."""
    from safetensors.torch import save_file

    state = network.state_dict()
    kept = {k: v.half().contiguous() for k, v in state.items() if v.is_floating_point()}
    with replaced(path) as part:
        save_file(kept, part, {"recipe": json.dumps(asdict(recipe))})
    return hashlib.sha256(path.read_bytes()).hexdigest()


def run(steps: int = Recipe.steps, out: Path = WEIGHTS) -> None:
    """Trains the network, writes its file and prints the sha256 that compact.py records."""
    recipe, started = Recipe(steps=steps), time.perf_counter()
    network, losses = fit(recipe)
    digest = save(network, recipe, out)
    told = "  ".join(f"{k} {v:.3f}" for k, v in losses.items())
    print(f"{out}  sha256 {digest}  {told}  {time.perf_counter() - started:.0f} s")
