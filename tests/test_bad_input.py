"""Bad input from the user's side: every row ends in one sentence, and nothing already made is lost.

A row is (what is done to a finished project, what the user then does, what the sentence must say).
The project has footage, a prepared cache, a trained EncGAN3, a half-trained R2 and a video. A bad
file among good ones is no error: its reason is in the data card, and that is the sentence then.
"""

import contextlib
import errno
import fcntl
import io
import pickle
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import pytest
import torch
from conftest import Stop, moving_videos, stopped_after
from PIL import Image

import rencgan.training.loop as loop
from rencgan.__main__ import main
from rencgan.core import checkpoint
from rencgan.core.errors import InputError
from rencgan.core.files import write_array
from rencgan.data import gather, prepare
from rencgan.data.encode import write_mp4
from rencgan.data.video import Film
from rencgan.data.videoset import VideoSet
from rencgan.models.r2 import R2
from rencgan.models.system import system_of
from rencgan.models.trained import load_model
from rencgan.notebook import parameters
from rencgan.presets.table import SMOKE, preset
from rencgan.training.loop import Job, train
from rencgan.training.record import read_history

resource = pytest.importorskip("resource")
STEPS = SMOKE.but(steps=4)


# ---- media, by PyAV itself -----------------------------------------------------------------------


def footage(seed=0, frames=30, height=32, width=48) -> np.ndarray:
    made = moving_videos(1, frames=frames, size=max(height, width), seed=seed)[0]
    return np.ascontiguousarray(made[:, :height, :width])


def film(path: Path, frames: np.ndarray, codec="libx264", pix_fmt="yuv420p") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = pix_fmt
        for frame in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        out.mux(stream.encode())
    return path


def sound(path: Path) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), "fltp", "mono")
        frame.sample_rate = 16000
        out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def cut(path: Path, share: float) -> Path:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


def two_sizes(path: Path) -> Path:
    """What a recorder leaves when its source changes: two streams end to end."""
    parts = [
        film(path.with_name(f".{h}.m1v"), footage(9, 30, h, h), "mpeg1video") for h in (32, 48)
    ]
    path.write_bytes(b"".join(p.read_bytes() for p in parts))
    return path


def image_folder(path: Path) -> Path:
    path.mkdir()
    for i, frame in enumerate(footage(8, 26)):
        Image.fromarray(frame).save(path / f"{i}.png")
    return path


# ---- a finished project --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """Made once; every row works on a copy."""
    root = tmp_path_factory.mktemp("finished")
    for i, name in enumerate(("a.mp4", "b.mp4", "c.mp4")):
        film(root / "data" / name, footage(i, 40))
    w = Project(root)
    videos = w.prepare()
    videos.path.rename(root / "prepared")
    train(w.job(out=root / "encgan3"))
    every, loop.SAVE_EVERY_S = loop.SAVE_EVERY_S, 0.0
    with contextlib.suppress(Stop):
        train(w.job("r2", out=root / "r2"), progress=stopped_after(2))
    loop.SAVE_EVERY_S = every
    write_mp4(root / "film.mp4", footage(5, 20, 16, 16), 25)
    shutil.rmtree(root / "cache")
    return root


class Project:
    """The folder of one row, and what a user does in it."""

    def __init__(self, root: Path):
        self.root, self.data = root, root / "data"
        self.encgan3, self.r2 = root / "encgan3" / "checkpoint.pt", root / "r2" / "checkpoint.pt"

    def prepare(self, dataset="folder", **given) -> VideoSet:
        given = {"data_root": self.data, "size": 16, "cache_root": self.root / "cache"} | given
        return prepare.prepare(dataset, **given)

    def left_out(self, name: str, **given) -> str:
        """The reason in the card; the other videos are there."""
        made = self.prepare(**given)
        assert {"a.mp4", "b.mp4", "c.mp4"} <= {v.name for v in made.videos}
        return {x["name"]: x["reason"] for x in made.card["left_out"]}[name]

    def job(self, kind="encgan3", **changes) -> Job:
        given = {"preset": STEPS, "data": self.root / "prepared", "out": self.root / "new"}
        variant = changes.pop("variant", "v4")
        system = R2.variant(variant) if kind == "r2" else system_of(kind, {})
        return Job(system, **(given | changes))

    def train(self, kind="encgan3", processes=1, **changes) -> Path:
        return train(self.job(kind, **changes), processes)

    def long(self, video=None, **options) -> np.ndarray:
        video = footage(3, 40, 16, 16) if video is None else video
        return load_model(self.encgan3, device="cpu").videos(footage=video, **options)[0]


def ask(**namespace):
    return parameters.check(namespace, parameters.REncGANRun)


def command(*arguments: str) -> str:
    """What the command line prints about an error: its last line, once the status is 2."""
    text = io.StringIO()
    with contextlib.redirect_stderr(text):
        assert main(list(arguments)) == 2
    return text.getvalue().strip().splitlines()[-1]


@contextlib.contextmanager
def small_disk(size: int):
    """No file may grow beyond `size` bytes: what a full disk does, by the system itself."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def on_small_disk(size: int, action: Callable):
    with small_disk(size):
        return action()


def while_locked(folder: Path, action: Callable):
    folder.mkdir(exist_ok=True)
    with open(folder / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return action()


def refused_opening(path: Path, module, action: Callable):
    """Opening `path` is refused to this module, also where file modes stop nobody."""

    def opened(file, *rest, **named):
        if Path(file) == path:
            raise PermissionError(errno.EACCES, "Permission denied")
        return open(file, *rest, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "open", opened, raising=False)
        return action()


def changed(path: Path, **parts) -> None:
    """A checkpoint with other parts; None leaves a part out."""
    content = checkpoint.load(path) | parts
    checkpoint.save(path, {k: v for k, v in content.items() if v is not None})


def flip_a_weight(path: Path) -> None:
    weight = checkpoint.load(path)["networks"]["generator"]["to_rgb.bias"]
    data = bytearray(path.read_bytes())
    place = data.find(weight.numpy().tobytes())
    assert place > 0
    data[place] ^= 1
    path.write_bytes(data)


class Malicious:
    """Deletes the footage when it is unpickled."""

    def __init__(self, target: Path):
        self.target = target

    def __reduce__(self):
        return shutil.rmtree, (str(self.target),)


def half_written(w: Project) -> None:
    """A prepared folder as a kill leaves it: without its tables."""
    for name in ("index.json", "card.json"):
        (w.root / "prepared" / name).unlink()


def one_short_video(w: Project) -> None:
    shutil.rmtree(w.data)
    film(w.data / "short.mp4", footage(1, 20))


def failing_frames():
    yield from footage(1, 5, 16, 16)
    raise InputError("the model has no more clips")


def write_npy(w: Project) -> None:
    write_array(w.root / "film.npy", np.zeros((40, 64, 64, 3), np.uint8))


# ---- the table -----------------------------------------------------------------------------------


class Row(NamedTuple):
    do: Callable  # what the user does; returns nothing, or the reason in the card
    says: str  # what the sentence must match
    before: Callable | None = None  # what was wrong already


FILES = {
    "truncated video": Row(
        lambda w: w.left_out("x.mp4"),
        "^unreadable: not a video, or truncated$",
        lambda w: cut(film(w.data / "x.mp4", footage(7)), 0.6),
    ),
    "video damaged halfway": Row(
        lambda w: w.left_out("x.avi"),
        "^too short: .* used up to frame",
        # of 10 kB, of which 6 are the head
        lambda w: cut(film(w.data / "x.avi", footage(7, 60), "mpeg4"), 0.7),
    ),
    "empty file": Row(
        lambda w: w.left_out("x.mp4"), "^empty file$", lambda w: (w.data / "x.mp4").touch()
    ),
    "text called mp4": Row(
        lambda w: w.left_out("x.mp4"),
        "^unreadable: not a video",
        lambda w: (w.data / "x.mp4").write_text("not a video " * 99),
    ),
    "sound only": Row(
        lambda w: w.left_out("x.mp4"), "^no video stream$", lambda w: sound(w.data / "x.mp4")
    ),
    "one frame": Row(
        lambda w: w.left_out("x.mp4"),
        "^too short: 1 frames, at least 24 are needed$",
        lambda w: film(w.data / "x.mp4", footage(7, 1)),
    ),
    "size changes within the file": Row(
        lambda w: w.left_out("x.mpg"),
        "^frame size changes from 32x32 to 48x48 at frame ",
        lambda w: two_sizes(w.data / "x.mpg"),
    ),
    "damaged image in a folder": Row(
        lambda w: w.left_out("x"),
        "^unreadable: the image 3.png is damaged$",
        lambda w: cut(image_folder(w.data / "x") / "3.png", 0.5),
    ),
    "copy of another": Row(
        lambda w: w.left_out("x.mp4"),
        "^the same content as a.mp4$",
        lambda w: shutil.copy(w.data / "a.mp4", w.data / "x.mp4"),
    ),
    "link to nothing": Row(
        lambda w: w.left_out("x.mp4"),
        "^unreadable: No such file",
        lambda w: (w.data / "x.mp4").symlink_to(w.data / "gone.mp4"),
    ),
    "file that may not be read": Row(
        lambda w: refused_opening(w.data / "x.mp4", gather, lambda: w.left_out("x.mp4")),
        "^unreadable: permission denied$",
        lambda w: film(w.data / "x.mp4", footage(7)),
    ),
}

FOLDERS = {
    "data_root is a file": Row(
        lambda w: w.prepare(data_root=w.data / "a.mp4"), "a.mp4, which is a file; name the folder"
    ),
    "data_root does not exist": Row(
        lambda w: w.prepare(data_root=w.root / "nowhere"), "nowhere, which does not exist"
    ),
    "files with another ending only": Row(
        lambda w: w.prepare(),
        r"no video was found in .*files .*\.mp4",
        lambda w: [p.rename(p.with_suffix(".xyz")) for p in w.data.iterdir()],
    ),
    "no usable video at all": Row(
        lambda w: w.prepare(),
        "^none of the 1 videos found can be used .*too short",
        one_short_video,
    ),
    "folder without data_root": Row(
        lambda w: w.prepare(data_root=None),
        r"^give data_root \(in a shell --data-root\), the folder of your videos",
    ),
    "real without files": Row(
        lambda w: w.prepare("kth", source="real", data_root=None, root=w.root),
        "no video was found in .*RENCGAN_DATA_KTH",
    ),
    "unknown data set": Row(lambda w: w.prepare("skye"), "no data set 'skye'; choose from uva"),
    "unknown source": Row(lambda w: w.prepare(source="web"), "auto, real, procedural"),
    "size out of range": Row(lambda w: w.prepare(size=4), "size 4 must lie between 8 and 1024"),
    "negative seed for the split": Row(lambda w: w.prepare(seed=-1), "seed -1 must be 0 or more"),
    "full disk while preparing": Row(
        lambda w: on_small_disk(60_000, w.prepare), "the disk is full while writing"
    ),
    "cache folder is a file": Row(
        lambda w: w.prepare(cache_root=w.data / "a.mp4"), "a.mp4 cannot be made a folder"
    ),
    "folder on the command line": Row(
        lambda w: command(
            "prepare", "--data-root", str(w.root / "no"), "--cache-root", str(w.root)
        ),
        "no, which does not exist",
    ),
    "half-written cache": Row(
        lambda w: w.train(),
        "there is no index.json.*interrupted; prepare the data again",
        half_written,
    ),
    "truncated frames": Row(
        lambda w: w.train(),
        "frames.npy cannot be read: .*prepare the data again",
        lambda w: cut(w.root / "prepared" / "frames.npy", 0.7),
    ),
    "table of the cache is no table": Row(
        lambda w: w.train(),
        "index.json cannot be read",
        lambda w: cut(w.root / "prepared" / "index.json", 0.5),
    ),
    "cache of a newer version": Row(
        lambda w: w.train(),
        "format 99, this version reads 1",
        lambda w: (w.root / "prepared" / "index.json").write_text('{"format": 99}'),
    ),
}

PARAMETERS = {
    "unknown set": Row(lambda w: ask(dataset="skye"), r"^dataset = 'skye' .*did you mean 'sky'"),
    "unknown preset": Row(
        lambda w: ask(preset="65"), "^preset = '65' should be one of auto, smoke"
    ),
    "unknown preset in code": Row(
        lambda w: preset("65"), "choose one of smoke, mini, minutes, hour, 64, 128"
    ),
    "unknown preset on the command line": Row(
        lambda w: command("sizes", "--preset", "65"), "no preset '65'"
    ),
    "unknown parameter": Row(
        lambda w: ask(In=["# Parameters\nstpes = 5\n"], stpes=5),
        r"^unknown parameter 'stpes' \(did you mean 'steps'\?\)",
    ),
    "text for a number": Row(
        lambda w: ask(seed="3"), "^seed = '3' should be a whole number.*without quotes"
    ),
    "hop 0": Row(lambda w: ask(hop=0), "^hop = 0 should be a whole number from 1 to 15"),
    "hop 16": Row(lambda w: ask(hop=16), "^hop = 16 should be a whole number from 1 to 15"),
    "negative seed": Row(lambda w: ask(seed=-1), "^seed = -1 should be a whole number from 0"),
    "negative steps": Row(lambda w: ask(steps=-1), "^steps = -1 should be a whole number from 0"),
    "no candidates": Row(lambda w: ask(candidates=0), "^candidates = 0 .*from 1 to 200"),
    "unknown codes": Row(lambda w: ask(codes="median"), "^codes = 'median' .*sample, mean"),
    "too few frames asked for": Row(lambda w: ask(frames=15), "^frames = 15 .*from 16 up"),
    "folder without a root": Row(lambda w: ask(dataset="folder"), "'folder' needs data_root"),
    "no processes": Row(lambda w: ask(processes=0), "^processes = 0 .*from 1 to 64"),
    "steps of a preset": Row(lambda w: SMOKE.but(steps=-5), "steps must be at least 1"),
    "text in a preset": Row(lambda w: SMOKE.but(batch="2"), "batch must be a whole number"),
}

TRAINING = {
    "unknown model": Row(lambda w: w.train("vae"), "a model is one of .*r2.*, not 'vae'"),
    "unknown variant": Row(lambda w: w.train("r2", variant="v9"), "one of v1, v2.*not 'v9'"),
    "negative seed in code": Row(lambda w: w.train(seed=-1), "seed must be 0 or more, not -1"),
    "videos of another size": Row(
        lambda w: w.train(data=VideoSet.from_arrays(moving_videos(2, size=32))),
        "'smoke' trains at 16 pixels; these videos have 32",
    ),
    "videos too short for a pair": Row(
        lambda w: w.train("r2", data=VideoSet.from_arrays(moving_videos(2, frames=20))),
        "no video has the 24 frames that one training sample takes; the longest has 20",
    ),
    "no video for training": Row(
        lambda w: w.train(data=VideoSet.from_arrays(moving_videos(2), splits=["test"] * 2)),
        "none of the 2 videos has split 'train'",
    ),
    "data that is not there": Row(
        lambda w: w.train(data=w.root / "nowhere"), "there is no folder .*prepare the data first"
    ),
    "a batch of one": Row(
        lambda w: w.train(preset=STEPS.but(batch=1)), "batch of at least 2 clips to train"
    ),
    "batch not to be shared": Row(
        lambda w: w.train(processes=3), "a batch of 2 goes with at most 1 process, not 3"
    ),
    "videos in memory for two processes": Row(
        lambda w: w.train(
            processes=2,
            data=VideoSet.from_arrays(moving_videos(2)),
            preset=STEPS.but(batch=4),
        ),
        "several processes read a prepared folder",
    ),
    "second trainer in the folder": Row(
        lambda w: while_locked(w.root / "r2", lambda: w.train("r2", out=w.root / "r2")),
        "another process is training in .*r2; wait for it or stop it",
    ),
    "another recipe in the folder": Row(
        lambda w: w.train("r2", seed=5, out=w.root / "r2"), "another recipe or other data"
    ),
    "folder of another model": Row(
        lambda w: w.train("r2", out=w.root / "encgan3"), "kind 'encgan3'; 'r2' is needed"
    ),
    "damaged checkpoint in the folder": Row(
        lambda w: w.train("r2", out=w.root / "r2"),
        "r2/checkpoint.pt is damaged or is not a checkpoint",
        lambda w: cut(w.r2, 0.5),
    ),
    "output folder is a file": Row(
        lambda w: w.train(out=w.data / "a.mp4"), "a.mp4 cannot be made a folder"
    ),
    "output folder below a file": Row(
        lambda w: w.train(out=w.data / "a.mp4" / "x"), "x cannot be made a folder"
    ),
    "loss that is not finite": Row(
        lambda w: w.train(preset=STEPS.but(lr_generator=1e30)),
        r"the loss term '\w+' became (nan|inf) at step \d; the last good checkpoint is kept",
    ),
    "full disk at the record": Row(
        lambda w: on_small_disk(50, lambda: w.train("r2", out=w.root / "r2")),
        "disk is full while writing .*r2; what was finished is kept",
    ),
    "full disk at the samples": Row(
        lambda w: on_small_disk(20_000, lambda: w.train()), "disk is full while writing .*new"
    ),
    "full disk at the checkpoint": Row(
        lambda w: on_small_disk(100_000, lambda: w.train("r2", out=w.root / "r2")),
        r"the disk .*full( while writing .*checkpoint\.pt|, so the checkpoint)",
    ),
    "init_from missing": Row(
        lambda w: w.train("r2", init_from=w.root / "none.pt"), "there is no checkpoint .*none.pt"
    ),
    "init_from of other shapes": Row(
        lambda w: w.train("r2", preset=STEPS.but(content_dim=9), init_from=w.encgan3),
        "encoder does not fit preset 'smoke': size mismatch",
    ),
    "init_from is a video": Row(
        lambda w: w.train(init_from=w.root / "film.mp4"), "film.mp4 is damaged or is not a checkp"
    ),
}

CHECKPOINTS = {
    "missing": Row(lambda w: load_model(w.root / "none.pt"), "there is no checkpoint .*none.pt"),
    "empty": Row(
        lambda w: load_model(w.r2), "is damaged or is not", lambda w: w.r2.write_bytes(b"")
    ),
    "truncated": Row(lambda w: load_model(w.r2), "is damaged or is not", lambda w: cut(w.r2, 0.9)),
    "a bit flipped in a weight": Row(
        lambda w: load_model(w.r2), "is damaged or is not", lambda w: flip_a_weight(w.r2)
    ),
    "a pickle with a bomb": Row(
        lambda w: load_model(w.r2),
        "is damaged or is not",
        lambda w: w.r2.write_bytes(pickle.dumps({"format": "rencgan-1", "x": Malicious(w.data)})),
    ),
    "a torch file with a bomb": Row(
        lambda w: load_model(w.r2),
        "is damaged or is not",
        lambda w: torch.save({"format": "rencgan-1", "x": Malicious(w.data)}, w.r2),
    ),
    "of another project": Row(
        lambda w: load_model(w.r2),
        "is not a checkpoint of this project",
        lambda w: torch.save({"state_dict": {"w": torch.zeros(2)}}, w.r2),
    ),
    "of another kind": Row(
        lambda w: load_model(w.encgan3, "r2"), "model of kind 'encgan3'; 'r2' is needed"
    ),
    "preset not whole": Row(
        lambda w: load_model(w.r2),
        "does not hold a complete preset",
        lambda w: changed(w.r2, preset=None),
    ),
    "preset tampered with": Row(
        lambda w: load_model(w.r2),
        "size must be a whole number, not '16'",
        lambda w: changed(w.r2, preset=SMOKE.as_dict() | {"size": "16"}),
    ),
    "networks lost": Row(
        lambda w: load_model(w.r2),
        "does not hold a complete model .'networks'",
        lambda w: changed(w.r2, networks=None),
    ),
}

VIDEOS = {
    "footage too short": Row(
        lambda w: w.long(footage(1, 15, 16, 16)), "at least 16 frames .*this one has 15"
    ),
    "footage of another size": Row(
        lambda w: w.long(footage(1, 30, 32, 48)), "reads 16x16 pixels; this footage has 48x32"
    ),
    "footage as floats": Row(
        lambda w: w.long(np.zeros((30, 16, 16, 3))), r"\(T, H, W, 3\) of uint8"
    ),
    "hop 0 in code": Row(lambda w: w.long(hop=0), "hop must be .* from 1 to 15, not 0"),
    "hop 16 in code": Row(lambda w: w.long(hop=16), "hop must be .* from 1 to 15, not 16"),
    "no candidates in code": Row(lambda w: w.long(candidates=0), "at least 1 candidate, not 0"),
    "unknown codes in code": Row(lambda w: w.long(codes="x"), "sample, mean, not 'x'"),
    "negative noise seed": Row(lambda w: w.long(seed=-1), "seed must be 0 or more, not -1"),
    "full disk at the mp4": Row(
        lambda w: on_small_disk(
            3000,
            lambda: write_mp4(
                w.root / "film.mp4",
                np.random.default_rng(0).integers(0, 256, (30, 64, 64, 3), np.uint8),
                25,
            ),
        ),
        "the disk is full while writing .*film.mp4",
    ),
    "full disk at the array": Row(
        lambda w: on_small_disk(3000, lambda: write_npy(w)), "disk is full while writing .*film.npy"
    ),
    "no frame to write": Row(lambda w: write_mp4(w.root / "film.mp4", [], 25), "no frame to write"),
    "floats to write": Row(
        lambda w: write_mp4(w.root / "film.mp4", np.zeros((3, 16, 16, 3)), 25), "uint8 of one size"
    ),
    "no frame rate": Row(
        lambda w: write_mp4(w.root / "film.mp4", footage(1), 0), "fps 0 must be above 0"
    ),
    "generation ends halfway": Row(
        lambda w: write_mp4(w.root / "film.mp4", failing_frames(), 25), "no more clips"
    ),
}

ROWS = {
    f"{table}: {name}": row
    for table, rows in {
        "files": FILES,
        "folders": FOLDERS,
        "parameters": PARAMETERS,
        "training": TRAINING,
        "checkpoints": CHECKPOINTS,
        "videos": VIDEOS,
    }.items()
    for name, row in rows.items()
}


def contents(root: Path) -> dict[str, bytes]:
    """Every file that was made, but for the locks."""
    files = [p for p in root.rglob("*") if p.is_file() and p.name != ".lock"]
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in files}


@pytest.mark.parametrize("name", ROWS)
def test_bad_input_is_one_sentence_and_loses_nothing(name, finished, tmp_path, monkeypatch):
    monkeypatch.delenv("RENCGAN_DATA_FOLDER", raising=False)
    monkeypatch.delenv("RENCGAN_DATA_KTH", raising=False)
    root = Path(shutil.copytree(finished, tmp_path / "p", symlinks=True))
    row, w = ROWS[name], Project(root)
    if row.before:
        row.before(w)
    before = contents(root)
    try:
        told = row.do(w)
    except InputError as error:
        told = str(error)
        assert error._render_traceback_() == [f"InputError: {told}"]
    assert isinstance(told, str), "nothing was refused"
    sentence = told.replace(str(root), "~")
    assert re.search(row.says, sentence), sentence
    assert "\n" not in sentence and len(sentence) < 300 and "Traceback" not in sentence
    after = contents(root)
    for made, content in before.items():
        kept = after.get(made, b"")
        assert kept == content or (made.endswith(".jsonl") and kept.startswith(content)), made
    rubbish = [k for k in after.keys() - before.keys() if k.rpartition("/")[2].startswith(".")]
    assert all(k.startswith("cache/.") for k in rubbish), rubbish


# ---- what looks bad and works --------------------------------------------------------------------

FINE = {
    "odd sizes": lambda w: film(w.data / "x.avi", footage(7, 26, 33, 47), "ffv1", "bgr0"),
    "wide": lambda w: film(w.data / "x.mp4", footage(7, 26, 16, 96)),
    "name with spaces and letters of the world": lambda w: film(
        w.data / "größe и 動画 (1)" / "x y.mp4", footage(7)
    ),
    "another ending than its content": lambda w: film(w.data / "x.avi", footage(7), "mpeg4").rename(
        w.data / "x.mp4"
    ),
    "capital ending": lambda w: film(w.data / "x.mp4", footage(7)).rename(w.data / "X.MP4"),
    "folder of images": lambda w: image_folder(w.data / "x"),
}


@pytest.mark.parametrize("name", FINE)
def test_what_looks_bad_and_works(name, finished, tmp_path):
    root = Path(shutil.copytree(finished, tmp_path / "p"))
    w = Project(root)
    added = FINE[name](w)
    made = w.prepare()
    assert made.card["left_out"] == [] and len(made) == 4
    found = {v.name: i for i, v in enumerate(made.videos)}
    frames = made.video(found[added.relative_to(w.data).as_posix()])
    assert frames.shape[1:] == (16, 16, 3) and len(frames) >= 26 and frames.std() > 5


def test_a_file_system_without_locks_stops_nobody(finished, tmp_path, monkeypatch, capsys):
    """Lustre as it is mounted by default, some NFS: neither flock nor lockf."""

    def refuse(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    for name in ("flock", "lockf"):
        monkeypatch.setattr(fcntl, name, refuse)
    w = Project(Path(shutil.copytree(finished, tmp_path / "p")))
    assert len(w.prepare()) == 3
    assert checkpoint.load(w.train("r2", out=w.root / "r2"), "r2")["step"] == 4
    assert capsys.readouterr().err.count("has no locks") == 2


def test_after_a_refusal_the_same_command_goes_on(finished, tmp_path):
    """The full disk costs a run nothing but time: it ends with the weights of one never stopped."""
    w = Project(Path(shutil.copytree(finished, tmp_path / "p")))
    for size in (50, 100_000):
        with pytest.raises(InputError, match="full"):
            on_small_disk(size, lambda: w.train("r2", out=w.root / "r2"))
    resumed = checkpoint.load(w.train("r2", out=w.root / "r2"), "r2")
    whole = checkpoint.load(w.train("r2", out=w.root / "whole"), "r2")
    assert resumed["step"] == whole["step"] == 4
    for name, weights in whole["networks"].items():
        assert all(torch.equal(v, resumed["networks"][name][k]) for k, v in weights.items())
    lines = [read_history(w.root / d / "history.jsonl") for d in ("r2", "whole")]
    assert lines[0] == lines[1]
    with pytest.raises(InputError, match="disk is full"):
        on_small_disk(60_000, w.prepare)
    assert len(w.prepare()) == 3


@pytest.mark.long
def test_a_refusal_in_one_of_two_processes_is_the_same_sentence(finished, tmp_path):
    w = Project(finished)
    broken = STEPS.but(lr_generator=1e30)
    with pytest.raises(InputError, match=r"became (nan|inf) at step \d") as refused:
        w.train("r2", processes=2, preset=broken, out=tmp_path / "new")
    assert "\n" not in str(refused.value)


def test_after_a_failed_mp4_the_old_one_still_plays(finished, tmp_path):
    shutil.copy(finished / "film.mp4", tmp_path / "film.mp4")
    with pytest.raises(InputError, match="no more clips"):
        write_mp4(tmp_path / "film.mp4", failing_frames(), 25)
    assert sum(1 for _ in Film(tmp_path / "film.mp4")) == 20
