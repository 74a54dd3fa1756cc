"""Networks whose features a Fréchet distance compares, behind one interface.

name          metric          expected file              features of a clip
compact       FVD (compact)   compact.safetensors        704, pooled; all frames, at least 8
i3d-400       FVD             i3d_torchscript.pt         400 logits; all frames, at least 10
resnext-101   video FID       resnext-101-kinetics.pth   2048, pooled; the middle 16 frames

    extractor = features.find("compact")
    x = extractor(clips)         # (B, T, H, W, 3) uint8 -> (B, 704)
    extractor.card()             # what a result says about it
    found, missing = features.available()

The first ships with the package (fit_compact.py trains it). Nothing is downloaded: the user brings
the files of the others. They are looked for in the path that is given, in the folder that
RENCGAN_WEIGHTS names, and in `weights` of the project. Another network joins by `register`; its
metric needs a name of its own.

Resizing, as the published pipelines do it. I3D: 224x224 by the TorchScript file itself, which is
asked to (rescale=True, resize=True, as StyleGAN-V asks): bilinear, not antialiased, as in the
TensorFlow original. ResNeXt: both sides to 112, whatever the aspect; bilinear with antialiasing, by
PIL, as in G3AN's evaluation. That evaluation reads its clips from compressed video files; here no
codec comes between. The compact one: both sides to 64, bilinear with antialiasing.
"""

import contextlib
import hashlib
import io
import os
import warnings
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from rencgan.core.errors import InputError
from rencgan.core.files import project_root, resolve
from rencgan.data.pixels import ORDER, as_bytes
from rencgan.evaluate import compact
from rencgan.evaluate.backbones import ResNeXt3D

VARIABLE = "RENCGAN_WEIGHTS"
MEANS = (114.7748, 107.7354, 99.4750)  # of red, green, blue, which the ResNeXt was trained with


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
    format: str
    recognise: Callable[[bytes], bool]  # is a file's content of this format?
    load: Callable[[Path, bytes], nn.Module]  # a file's path and content to a network
    prepare: Callable[[Tensor], Tensor]  # (T, H, W, 3) uint8 to a batch of 1, both on the CPU
    sha256: str | None = None  # of the file that it must be, where one is known
    stated: str = "none was published"  # by whom that sum is stated
    folder: Path | None = None  # where its file lies, if it ships with the package
    small: bool = False  # on a CPU, one clip a core is faster than all cores on one clip


EXTRACTORS: dict[str, Kind] = {}


def register(kind: Kind) -> Kind:
    """Adds an extractor. ValueError for a name or a metric that is taken: distances between the
    features of two networks do not compare, so only I3D's may be called FVD without a qualifier.
    """
    for other in EXTRACTORS.values():
        if kind.name == other.name or kind.metric.strip().lower() == other.metric.lower():
            raise ValueError(f"{other.name} has the name or the metric ({other.metric}) already")
    EXTRACTORS[kind.name] = kind
    return kind


def get(name: str) -> Kind:
    """The row of an extractor. Raises InputError that lists the names."""
    if name not in EXTRACTORS:
        names = ", ".join(EXTRACTORS)
        raise InputError(f"there is no feature extractor {name!r}; choose from {names}")
    return EXTRACTORS[name]


# ------------------------------------------------------------------------------------ in operation


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
        """Features (B, d), float32 on the CPU, of clips (B, T, H, W, 3), uint8 or in [-1, 1].

        One clip goes through the network at a time, so its features do not depend, to the bit, on
        the clips beside it, and only one is on the device. Raises InputError for another shape or
        dtype, too few frames, values out of range, and features that are not finite.
        """
        self._check(clips)
        cores = torch.get_num_threads()
        side_by_side = self.kind.small and self.device.type == "cpu" and min(cores, len(clips)) > 1
        with _exactly(self.device):
            if not side_by_side:
                return torch.cat([self._features(clip) for clip in clips])
            one = {"initializer": torch.set_num_threads, "initargs": (1,)}
            with ThreadPoolExecutor(cores, **one) as pool:
                found = list(pool.map(self._features, clips))
            torch.set_num_threads(cores)  # also what threads that begin later start with
            return torch.cat(found)

    def _check(self, clips) -> None:
        """Refuses in a sentence what is no batch of clips, or of clips that are too short."""
        if not isinstance(clips, np.ndarray | Tensor):
            raise InputError(f"{type(clips).__name__} is no array of clips; {ORDER}")
        if clips.ndim != 5 or clips.shape[-1] != 3 or 0 in clips.shape:
            raise InputError(f"{tuple(clips.shape)} is no shape of clips; {ORDER}")
        if isinstance(clips, Tensor):
            known = clips.dtype == torch.uint8 or clips.is_floating_point()
        else:
            known = clips.dtype == np.uint8 or np.issubdtype(clips.dtype, np.floating)
        if not known:
            raise InputError(f"values of {clips.dtype} are not known; {ORDER}")
        if clips.shape[1] < self.min_frames:
            raise InputError(
                f"{self.name} needs clips of at least {self.min_frames} frames, "
                f"not {clips.shape[1]}"
            )

    def _features(self, clip: np.ndarray | Tensor) -> Tensor:
        """(T, H, W, 3) to (1, d) on the CPU."""
        with torch.no_grad(), torch.autocast(self.device.type, enabled=False):  # a thread's own
            features = self.network(self.kind.prepare(as_bytes(clip).cpu()).to(self.device))
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


# ----------------------------------------------------------------------------------------- finding


def _is_there(path: Path) -> bool:
    """Whether a path exists. Raises InputError if the system does not let us see."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from None
    return True


def _named(folder: str | Path, by: str) -> Path:
    """A folder that somebody named. Raises InputError if there is none."""
    path = resolve(folder)
    if not (_is_there(path) and path.is_dir()):
        raise InputError(f"{by} names {path}, but there is no such folder")
    return path


def _locate(kind: Kind, folder: str | Path | None) -> Path:
    """The file of an extractor; see `find`. Raises InputError with the expected name."""
    folders = []
    if folder is not None:
        path = resolve(folder)
        if _is_there(path) and not path.is_dir():
            return path
        folders = [_named(folder, "folder")]
    if kind.folder is not None:
        folders.append(kind.folder)
    else:
        if os.environ.get(VARIABLE):
            folders.append(_named(os.environ[VARIABLE], VARIABLE))
        folders.append(project_root() / "weights")
    for place in folders:
        if _is_there(place / kind.file):
            return place / kind.file
    remedy = f"put the file there, or set {VARIABLE} to its folder (it is had from {kind.home})"
    if kind.folder is not None:
        remedy = "it comes with the package, so install that again"
    raise InputError(
        f"there is no {kind.file} in {' or '.join(map(str, folders))}, so no {kind.metric} with "
        f"{kind.name}; {remedy}"
    )


def _content(kind: Kind, path: Path) -> tuple[bytes, str]:
    """A file's content and its sha256, both of the same bytes. InputError for a wrong file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from None
    wanted = f"{kind.file} from {kind.home} is needed"
    if not content:
        raise InputError(f"{path} is empty; {wanted}")
    if not kind.recognise(content):
        raise InputError(f"{path} is damaged or is no {kind.format}; {wanted}")
    digest = hashlib.sha256(content).hexdigest()
    if kind.sha256 is not None and digest != kind.sha256:
        raise InputError(
            f"{path} is damaged or is another file: its sha256 is {digest[:12]}..., the published "
            f"one {kind.sha256[:12]}...; {wanted}"
        )
    return content, digest


def find(name: str, folder: str | Path | None = None, device: str | None = None) -> Extractor:
    """The extractor of this name, from a local file, on `device` (default: a GPU if there is one).

    `folder` is a folder, or the file itself whatever it is called. Then come the folder that the
    environment variable RENCGAN_WEIGHTS names and `weights` of the project; for one that ships
    with the package, the package instead. The first that holds the expected file counts. Raises
    InputError, one sentence, when none does or the file is not what it should be.
    """
    kind = get(name)
    path = _locate(kind, folder)
    content, digest = _content(kind, path)
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


# ------------------------------------------------------------------------------------ embedded one


def is_safetensors(content: bytes) -> bool:
    """True where a length and as long a JSON object begin the file."""
    length = int.from_bytes(content[:8], "little")
    return content[8:9] == b"{" and 8 + length <= len(content)


def prepare_compact(clip: Tensor) -> Tensor:
    """(T, H, W, 3) uint8 to (1, 3, T, 64, 64) in [-1, 1]."""
    x = clip.permute(0, 3, 1, 2).float() / 127.5 - 1
    if x.shape[2:] != (compact.SIZE, compact.SIZE):
        shape = (compact.SIZE, compact.SIZE)
        x = nn.functional.interpolate(x, shape, mode="bilinear", antialias=True)
    return x.transpose(0, 1)[None]


register(
    Kind(
        name="compact",
        metric="FVD (compact)",
        file=compact.WEIGHTS.name,
        home="this package",
        dims=compact.Compact.dims,
        min_frames=8,  # of fewer, the deepest layer has a single step in time
        frames="all",
        size=compact.SIZE,
        resize="both sides to 64: bilinear, antialiased",
        values="[-1, 1]",
        format="safetensors file",
        recognise=is_safetensors,
        load=compact.load,
        prepare=prepare_compact,
        sha256=compact.SHA256,
        stated="as the package records it",
        folder=compact.WEIGHTS.parent,
        small=True,
    )
)


# --------------------------------------------------------------------------------------------- I3D


def _names_in(content: bytes) -> list[str]:
    """The names in an archive whose checksums are right; of anything else, none."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.namelist() if archive.testzip() is None else []
    except Exception:  # bytes that somebody changed can raise anything
        return []


def is_torchscript(content: bytes) -> bool:
    """True for a whole archive that holds code."""
    return any("/code/" in name for name in _names_in(content))


class _Logits(nn.Module):
    """The public TorchScript I3D, called as StyleGAN-V calls it."""

    def __init__(self, detector: nn.Module):
        super().__init__()
        self.detector = detector

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, 3, T, H, W) of 0..255; returns the logits before the softmax, (B, 400)."""
        return self.detector(x, rescale=True, resize=True, return_features=True)


def load_i3d(path: Path, content: bytes) -> nn.Module:
    """A TorchScript I3D. Raises InputError if it takes no rescale, resize and return_features."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the file is what it is
            detector = torch.jit.load(io.BytesIO(content), map_location="cpu")
        takes = {argument.name for argument in detector.forward.schema.arguments}
    except Exception:  # an archive that somebody changed can raise anything
        raise InputError(f"{path} is no TorchScript that this PyTorch can read") from None
    if not {"rescale", "resize", "return_features"} <= takes:
        raise InputError(
            f"{path} is TorchScript, but not the I3D of FVD: it does not take rescale, resize and "
            "return_features"
        )
    return _Logits(detector)


def prepare_i3d(clip: Tensor) -> Tensor:
    """(T, H, W, 3) uint8 to (1, 3, T, H, W) of 0..255; the file does the rest."""
    return clip.permute(3, 0, 1, 2)[None].float()


register(
    Kind(
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
        format="TorchScript archive",
        recognise=is_torchscript,
        load=load_i3d,
        prepare=prepare_i3d,
        # Not its authors': many public projects that use the file state this same sum, for instance
        # the set-up scripts that take it from huggingface.co/flateon/FVD-I3D-torchscript.
        sha256="bec6519f66ea534e953026b4ae2c65553c17bf105611c746d904657e5860a5e2",
        stated="as public projects state it",
    )
)


# ----------------------------------------------------------------------------------------- ResNeXt


def is_checkpoint(content: bytes) -> bool:
    """True for what torch.save writes: a whole archive, or (before PyTorch 1.6) a pickle."""
    legacy = content.startswith(b"\x80\x02")
    return legacy or any(name.endswith("/data.pkl") for name in _names_in(content))


def fill(network: nn.Module, state: dict, path: Path, of: str) -> nn.Module:
    """Gives a network the weights of a state dict with keys "module.conv1.weight" and so on.

    Counts of batches (num_batches_tracked) may be missing, as they are from the published file.
    Raises InputError that names the first weight that is missing, unknown, misshapen or not finite.
    """
    state = {str(key).removeprefix("module."): value for key, value in state.items()}
    wanted = network.state_dict()
    given = state.keys() | {key for key in wanted if key.endswith("num_batches_tracked")}
    reasons = [f"{key!r} is missing" for key in wanted if key not in given]
    reasons += [f"{key!r} is unknown" for key in state if key not in wanted]
    for key, value in state.items():
        if not isinstance(value, Tensor):
            reasons.append(f"{key!r} is no tensor")
        elif key in wanted and value.shape != wanted[key].shape:
            shapes = tuple(value.shape), tuple(wanted[key].shape)
            reasons.append(f"{key!r} has the shape {shapes[0]}, not {shapes[1]}")
        elif not value.isfinite().all():
            reasons.append(f"{key!r} holds NaN or infinity")
    if reasons:
        raise InputError(f"{path} does not hold the weights of {of}: {reasons[0]}")
    network.load_state_dict(state, assign=True)
    return network.float()


def load_resnext(
    path: Path, content: bytes, build: Callable[[], nn.Module] = ResNeXt3D
) -> nn.Module:
    """The network of the published checkpoint, of which `state_dict` counts. Nothing in it is
    executed. `build` makes another network of the same layout. Raises InputError.
    """
    try:
        checkpoint = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception:  # a pickle that somebody changed can raise anything
        raise InputError(
            f"{path} is damaged, or holds more than weights: it is not the published checkpoint"
        ) from None
    state = checkpoint.get("state_dict") if isinstance(checkpoint, dict) else None
    if not isinstance(state, dict):
        raise InputError(
            f"{path} holds no 'state_dict', where the published checkpoint has weights"
        )
    with torch.device("meta"):  # the file brings the numbers
        network = build()
    return fill(network, state, path, of="a 3D ResNeXt-101")


def prepare_resnext(clip: Tensor, size: int = 112, frames: int = 16) -> Tensor:
    """The middle 16 of (T, H, W, 3) uint8 to (1, 3, 16, 112, 112) of 0..255 minus channel means.

    Of an odd surplus the greater part is cut off the end, as G3AN's evaluation cuts.
    """
    from PIL import Image  # here, so that the I3D needs torch and numpy alone

    start = len(clip) // 2 - frames // 2
    middle = (Image.fromarray(frame) for frame in clip[start : start + frames].numpy())
    pixels = np.stack([frame.resize((size, size), Image.Resampling.BILINEAR) for frame in middle])
    x = torch.from_numpy(pixels).float() - torch.tensor(MEANS)
    return x.permute(3, 0, 1, 2)[None]


register(
    Kind(
        name="resnext-101",
        metric="video FID",
        file="resnext-101-kinetics.pth",
        home="github.com/kenshohara/video-classification-3d-cnn-pytorch",
        dims=2048,
        min_frames=16,
        frames="the middle 16",
        size=112,
        resize="both sides to 112 whatever the aspect: bilinear, antialiased (PIL)",
        values=f"0..255 minus the channel means {MEANS}",
        format="PyTorch checkpoint",
        recognise=is_checkpoint,
        load=load_resnext,
        prepare=prepare_resnext,
    )
)
