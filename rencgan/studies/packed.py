"""How weights lie in a published file: as safetensors, matrices in half precision; where that comes
too large, in whole numbers with a factor for each row, and gzipped, which then saves a good part.

Vectors (norms, biases) weigh nothing and stay as they are, and so does what is beside the networks.
Whole numbers have 8 bits, in matrices of many numbers 6: what those are off by averages out, while
the small ones of a generator, its last, draw the pixels. Of R2 at `hour` a third of half precision:
frames are 0.4 grey levels off, distances of videos 0.1 to 0.4 %.
"""

import gzip
import zlib

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from rencgan.core.errors import InputError

Parts = dict[str, dict[str, Tensor]]  # network, or what was found out beside them -> its tensors
MANY = 150_000  # numbers of a matrix
FACTOR = ":factor"
PLAIN, SMALL = ".safetensors", ".safetensors.gz"


def packed(nets: Parts, beside: Parts, most: int) -> tuple[bytes, str]:
    """The content of a file, and what its name ends with: PLAIN up to `most` bytes, else SMALL."""
    flat = {f"{n}/{k}": v.cpu() for n, part in nets.items() for k, v in part.items()}
    exact = {
        f"{n}/{k}": v.cpu().contiguous() for n, part in beside.items() for k, v in part.items()
    }
    many = {k for k, v in flat.items() if v.is_floating_point() and v.ndim > 1}
    half = {k: (v.half() if k in many else v).contiguous() for k, v in flat.items()}
    if len(raw := save(half | exact)) <= most:
        return raw, PLAIN
    small = {k: v.contiguous() for k, v in flat.items() if k not in many}
    for key in many:
        small[key], small[key + FACTOR] = _rounded(flat[key].float())
    return _zipped(save(small | exact)), SMALL


def unpacked(raw: bytes, ending: str) -> Parts:
    """The tensors of a file in full precision. Raises InputError, the reason, for what is none."""
    try:
        flat = load(gzip.decompress(raw) if ending == SMALL else raw)
        factors = {k.removesuffix(FACTOR): flat.pop(k) for k in list(flat) if k.endswith(FACTOR)}
        flat |= {k: flat[k] * _along(factor, flat[k]) for k, factor in factors.items()}
    except (SafetensorError, OSError, EOFError, zlib.error) as error:
        raise InputError(str(error)) from None
    except (KeyError, RuntimeError) as error:
        raise InputError(f"the factors of its rows do not fit: {error}") from None
    parts: Parts = {}
    for key, value in flat.items():
        name, _, rest = key.partition("/")
        parts.setdefault(name, {})[rest] = value.float() if value.dtype == torch.half else value
    return parts


def largest(w: Tensor) -> int:
    """The largest of the whole numbers that stand for a matrix."""
    return 31 if w.numel() >= MANY else 127


def _rounded(w: Tensor) -> tuple[Tensor, Tensor]:
    """Whole numbers, and their factors: one for each index of the first dimension."""
    factor = w.flatten(1).abs().amax(1) / largest(w)
    factor[factor == 0] = 1.0
    return (w / _along(factor, w)).round().to(torch.int8).contiguous(), factor


def _along(factor: Tensor, w: Tensor) -> Tensor:
    return factor.view(-1, *[1] * (w.ndim - 1))


def _zipped(raw: bytes) -> bytes:
    """By frequencies alone: weights do not repeat."""
    zipper = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS, 9, zlib.Z_HUFFMAN_ONLY)
    return zipper.compress(raw) + zipper.flush()
