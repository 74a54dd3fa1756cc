"""Videos as sequences of tokens: every clip's latent space, [mu_c, logvar_c, mu_m, logvar_m], by
the frozen encoder of an R2 (thesis, Section 5.4.3).

Encoded once and kept: a file is named after the R2, the data and the number of starts, and read
again.
"""

import hashlib
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rencgan.core.errors import InputError
from rencgan.core.files import replaced
from rencgan.core.progress import Progress
from rencgan.data.hops import CLIP
from rencgan.data.videoset import VideoSet
from rencgan.models.networks import Codes
from rencgan.models.sampling import check_footage, latent_spaces
from rencgan.models.trained import Trained
from rencgan.presets.gpt import GPTPreset

PART = 65_536  # tokens of which statistics are taken at a time


def as_tokens(codes: Codes) -> Tensor:
    """Latent spaces (..., d_c) and (..., d_m) to tokens (..., 2 d_c + 2 d_m)."""
    return torch.cat(codes, dim=-1)


def as_codes(tokens: Tensor, dims: tuple[int, int]) -> Codes:
    """The reverse of as_tokens; dims: (d_c, d_m)."""
    d_c, d_m = dims
    return Codes(*tokens.split([d_c, d_c, d_m, d_m], dim=-1))


@dataclass(frozen=True)
class Tokens:
    """Sequences of tokens (n, d) float32, and whose they are."""

    sequences: tuple[np.ndarray, ...]
    subjects: tuple[str, ...]  # the moving subject of each; where none is known its class
    names: tuple[str, ...]  # of the video

    def __len__(self) -> int:
        return len(self.sequences)

    @property
    def dim(self) -> int:
        return self.sequences[0].shape[1]

    @property
    def known(self) -> tuple[str, ...]:
        """The subjects that occur, sorted."""
        return tuple(sorted(set(self.subjects)))


def places(videos: VideoSet, hop: int, starts: int = 1) -> list[tuple[int, list[int]]]:
    """Which videos make sequences, and the first frame of each sequence; see `encoded`."""
    if not 1 <= starts <= hop:
        raise InputError(f"a video can begin in 1 to {hop} ways, its hop, not {starts}")
    first = [hop * i // starts for i in range(starts)]
    found = [
        (i, [start for start in first if v.length - start >= CLIP + hop])
        for i, v in enumerate(videos.videos)
        if v.length >= CLIP + hop
    ]
    if not found:
        longest = max((v.length for v in videos.videos), default=0)
        raise InputError(
            f"two tokens take {CLIP + hop} frames; the longest of these videos has {longest}"
        )
    return found


def check_enough(videos: VideoSet, hop: int, p: GPTPreset) -> None:
    """Refuses, before an R2 is trained for them, videos that no GPT of this preset can be trained
    on: of less than two tokens, or of fewer than it works in directions. Raises InputError.
    """
    lengths = [
        (videos.videos[i].length - start - CLIP) // hop + 1
        for i, first in places(videos, hop, p.starts)
        for start in first
    ]
    count = sum(min(n, p.positions) for n in lengths)
    if count < p.directions:
        raise InputError(
            f"the {len(videos)} training videos have {count} tokens at a hop of {hop}, and the GPT "
            f"of preset {p.name!r} needs {p.directions}; give more or longer videos"
        )


def encoded(r2: Trained, videos: VideoSet, positions: int, starts: int = 1) -> Tokens:
    """Token sequences of videos, cut to `positions` tokens, at the hop of the R2.

    starts: every video is encoded from that many first frames, spread over a hop: frame 0 alone as
    published. Videos of less than two tokens are left out; InputError where none is left.
    """
    long, most = places(videos, r2.hop, starts), CLIP + r2.hop * (positions - 1)
    found: list[tuple[np.ndarray, str, str]] = []
    with Progress(len(long), "encoding videos to tokens") as bar:
        for number, (i, first) in enumerate(long, 1):
            v, frames = videos.videos[i], videos.video(i)
            for start in first:
                tokens = encode(r2, frames[start : start + most])
                found.append((tokens, v.subject or v.label, v.name))
            bar.update(number)
    return Tokens(*(tuple(column) for column in zip(*found, strict=True)))


def encode(r2: Trained, video: np.ndarray) -> np.ndarray:
    """The tokens (n, d) of one video (T, H, W, 3) uint8."""
    check_footage(video, r2.preset.size, r2.hop)
    spaces = latent_spaces(r2.nets["encoder"], video, r2.hop, r2.system.reference_frame(r2.hop))
    return torch.cat([as_tokens(space) for space in spaces]).cpu().numpy()


def cached(r2: Trained, videos: VideoSet, folder: Path, positions: int, starts: int = 1) -> Tokens:
    """The same, read from `folder` where it was made before."""
    told = [r2.digest, videos.path.name if videos.path else "", positions, starts]
    told += [(v.name, v.start, v.length) for v in videos.videos]
    if not videos.path or not r2.digest:  # nothing to tell it by
        return encoded(r2, videos, positions, starts)
    name = hashlib.sha256(repr(told).encode()).hexdigest()[:12]
    path = folder / f"tokens-{name}.npz"
    if path.exists():
        return _read(path)
    tokens = encoded(r2, videos, positions, starts)
    _write(path, tokens)
    return tokens


def _write(path: Path, tokens: Tokens) -> None:
    lengths = [len(s) for s in tokens.sequences]
    columns = {"subjects": np.array(tokens.subjects), "names": np.array(tokens.names)}
    with replaced(path) as part, open(part, "wb") as file:
        np.savez(file, tokens=np.concatenate(tokens.sequences), lengths=lengths, **columns)


def _read(path: Path) -> Tokens:
    try:
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            parts = np.split(file["tokens"], np.cumsum(file["lengths"])[:-1])
            return Tokens(tuple(parts), *(tuple(map(str, file[n])) for n in ("subjects", "names")))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is damaged ({type(error).__name__}); delete it") from None


# ------------------------------------------------------------------------------------- coordinates


@dataclass(frozen=True)
class Coordinates:
    """In what terms the GPT sees a token: bare, or along its leading principal directions.

    mean (d,), basis (k, d) with orthonormal rows, scale: one number, so that distances keep their
    proportions. Bare tokens have no basis. Statistics of the training tokens, kept in checkpoints.
    """

    mean: Tensor
    basis: Tensor | None
    scale: float

    @classmethod
    def fitted(cls, sequences: Sequence[np.ndarray], directions: int) -> "Coordinates":
        """directions: 0 for bare tokens."""
        if not directions:
            return cls(torch.zeros(sequences[0].shape[1]), None, 1.0)
        count, numbers = sum(map(len, sequences)), sequences[0].shape[1]
        if directions > min(count, numbers):
            raise InputError(
                f"{count} tokens of {numbers} numbers do not have {directions} "
                "principal directions; give fewer"
            )
        mean = sum(part.sum(0) for part in _parts(sequences)) / count
        off = (part.T - mean[:, None] for part in _parts(sequences))
        covariance = sum(x @ x.T.conj() for x in off) * (1 / count)
        variance, basis = np.linalg.eigh(covariance)  # in rising order
        scale = float(np.sqrt(max(0.0, variance[-directions:].mean()))) or 1.0
        basis = np.ascontiguousarray(basis[:, : -directions - 1 : -1].T)
        return cls(torch.from_numpy(mean).float(), torch.from_numpy(basis).float(), scale)

    @property
    def dim(self) -> int:
        """Numbers of a token in these terms."""
        return len(self.mean) if self.basis is None else len(self.basis)

    def of(self, tokens: Tensor) -> Tensor:
        """(..., d) to (..., k)."""
        if self.basis is None:
            return tokens
        return (tokens - self.mean) @ self.basis.T / self.scale

    def back(self, x: Tensor) -> Tensor:
        """(..., k) to (..., d); what lies across the directions is that of the mean token."""
        return x if self.basis is None else self.scale * x @ self.basis + self.mean

    def to(self, device: torch.device) -> "Coordinates":
        basis = None if self.basis is None else self.basis.to(device)
        return Coordinates(self.mean.to(device), basis, self.scale)

    def state(self) -> dict:
        return {"mean": self.mean.cpu(), "basis": self.basis, "scale": self.scale}


def persistence(sequences: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Of coordinates (n, k): the share of a token that the next one keeps, least squares number by
    number, within [0, 1]; and the deviation of what is left, (k,) each.
    """

    def pairs() -> Iterator[tuple[Tensor, Tensor]]:
        sides = (_parts([s[side] for s in sequences]) for side in (slice(-1), slice(1, None)))
        yield from (map(torch.from_numpy, both) for both in zip(*sides, strict=True))

    product = sum((before * after).sum(0) for before, after in pairs())
    square = sum(before.square().sum(0) for before, _ in pairs())
    carry = (product / square.clamp(min=1e-12)).clamp(0, 1)
    left = [(len(a), *torch.var_mean(a - carry * b, 0, correction=0)) for b, a in pairs()]
    count = sum(n for n, _, _ in left)
    mean = sum(n / count * m for n, _, m in left)
    variance = sum(n / count * (v + (m - mean).square()) for n, v, m in left)
    return carry.float(), variance.sqrt().clamp(min=1e-4).float()


def _parts(sequences: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """All tokens, so many at a time that they take no memory to speak of, in double precision."""
    some: list[np.ndarray] = []
    for i, sequence in enumerate(sequences, 1):
        some.append(sequence)
        if i == len(sequences) or sum(map(len, some)) >= PART:
            yield np.concatenate(some).astype(np.float64)
            some = []
