"""Checkpoints: written atomically, read without executing code, refused in a sentence when they are
not ours.
"""

import hashlib
import os
import zipfile
from pathlib import Path

import torch

from rencgan.core.errors import InputError
from rencgan.core.files import replaced

FORMAT = "rencgan-1"


def save(path: Path, content: dict) -> None:
    """Writes `content` (nested dicts of tensors and plain values) so that `path` is always whole.

    A full disk raises InputError; the checkpoint that was there stays.
    """
    try:
        with replaced(path) as part, open(part, "wb") as file:
            torch.save({"format": FORMAT} | content, file)
            file.flush()
            os.fsync(file.fileno())
    except RuntimeError:  # what torch makes of a write that failed
        raise InputError(
            f"the disk that holds {path.parent} is full, so the checkpoint could not be written; "
            "the one before it is kept: free some space and run again"
        ) from None
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None


def load(path: str | Path, kind: str | None = None, mapped: bool = False) -> dict:
    """Reads a checkpoint on the CPU; nothing in it is executed.

    kind: the model that must have written it ("encgan3", "r2", "ar2" ...); None takes any. mapped:
    tensors are read from the file when they are first used, and take no memory until then. A file
    that is missing, foreign, tampered with, truncated or of another kind raises InputError.
    Checksums are compared first: PyTorch does not, and would take a flipped bit for a weight.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no checkpoint {path}")
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:
                raise zipfile.BadZipFile
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from None
    except Exception:  # an archive or a pickle that somebody changed can raise anything
        raise InputError(
            f"{path} is damaged or is not a checkpoint of this project; delete it to train anew, "
            "or give another one"
        ) from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"{path} is not a checkpoint of this project")
    content = migrated(content)
    if kind is not None and content.get("kind") != kind:
        raise InputError(
            f"{path} holds a model of kind {content.get('kind')!r}; {kind!r} is needed"
        )
    return content


def digest(path: str | Path) -> str:
    """The first 12 hex digits of a checkpoint's sha256; InputError if there is none."""
    if not Path(path).is_file():
        raise InputError(f"there is no checkpoint {path}")
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def migrated(content: dict) -> dict:
    """Content of any release in today's form: LEncGAN's state was no memory yet, EncGAN3 without
    an encoder had no name, and a GPT lay outside the networks.
    """
    if "gpt" in content:  # of R3
        average = content.pop("average", None)
        content["networks"] = {"gpt": content.pop("gpt")}
        content["averages"] = {"gpt": average} if average else {}
        content["optimisers"] = {"gpt": content.pop("optimiser", {})}
        content.setdefault("random", {"torch": torch.get_rng_state()})
    if "r2" in content:
        content |= {"kind": "r3", "objective": {}, "base": content.pop("r2")}
    if content.get("kind") == "encgan3" and content["preset"].get("encoder") is False:
        content["kind"] = "g3an"
        for part in ("networks", "averages", "optimisers"):
            content.get(part, {}).pop("encoder", None)
    handed = content.pop("handed", None)
    content.setdefault("memory", {} if handed is None else {"handed": handed})
    return content
