"""Damaged films by seed, and what the reader makes of them: `python fuzzing.py KIND FIRST COUNT`.

Prints a JSON line for each. The process is ended by a signal when one file takes 10 s of processor
time, so that a busy machine is no failure and a loop within FFmpeg is one.
"""

import json
import random
import signal
import sys
import tempfile
from pathlib import Path

import av
import numpy as np
from PIL import Image

from rencgan.data.sets import Unreadable
from rencgan.data.video import Film

LIMIT_S, FRAMES, HEIGHT, WIDTH = 10, 24, 64, 96
KINDS = {  # ending: encoder, pixel format, options
    "mp4": ("libx264", "yuv420p", {"g": "12", "bf": "2"}),
    "mkv": ("libvpx-vp9", "yuv420p", {"g": "12", "cpu-used": "8", "deadline": "realtime"}),
    "avi": ("mpeg4", "yuv420p", {"g": "12", "qscale": "3"}),
    "ts": ("mpeg2video", "yuv420p", {"g": "12", "qscale": "3"}),
    "nut": ("ffv1", "yuv420p", {"level": "3", "slicecrc": "1"}),
    "png": None,
    "webm": ("libvpx", "yuv420p", {"g": "12", "cpu-used": "8", "deadline": "realtime"}),
    "mpg": ("mpeg1video", "yuv420p", {"g": "12", "qscale": "3"}),
    "mov": ("mjpeg", "yuvj420p", {}),
    "gif": None,
}
HOWS = ("bits", "bytes", "zeros", "lost", "cut")  # of the damage


def pictures() -> np.ndarray:
    """(T, H, W, 3) uint8: a soft pattern that moves, and a square that moves otherwise."""
    grid = np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8)
    tiles = np.asarray(Image.fromarray(grid).resize((192, 128), Image.Resampling.BICUBIC))
    frames = [tiles[t : t + HEIGHT, 2 * t : 2 * t + WIDTH].copy() for t in range(FRAMES)]
    for t, frame in enumerate(frames):
        frame[20:40, 60 - 2 * t : 80 - 2 * t] = (255, 10 * t, 0)
    return np.stack(frames)


def made(kind: str, folder: Path) -> Path:
    """The sound film of a kind."""
    path, frames = folder / f"clean.{kind}", pictures()
    images = [Image.fromarray(f) for f in frames]
    if kind == "png":
        path.mkdir()
        for i, image in enumerate(images):
            image.save(path / f"{i:03d}.png")
    elif kind == "gif":
        images[0].save(path, save_all=True, append_images=images[1:], duration=40)
    else:
        codec, pix_fmt, options = KINDS[kind]
        with av.open(str(path), "w") as out:
            stream = out.add_stream(codec, rate=25, options=options)
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pix_fmt
            stream.bit_rate = 2_000_000
            for frame in frames:
                out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            out.mux(stream.encode())
    return path


def payload(path: Path) -> list[tuple[int, int]]:
    """(begin, end) of the bytes of each picture in a file."""
    if path.suffix == ".png":
        return [(41, path.stat().st_size - 16)]
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.size and (p.pos or 0) > 0]
        return [(p.pos, min(p.pos + p.size, path.stat().st_size)) for p in packets]


def damaged(data: bytes, spans: list[tuple[int, int]], how: str, rng: random.Random) -> bytes:
    """The bytes of a film with one damage within these spans."""
    begin, end = rng.choice(spans)
    at, data = rng.randrange(begin, end), bytearray(data)
    size = min(rng.choice((4, 30, 200)), end - at)
    if how == "bits":
        data[at] ^= 1 << rng.randrange(8)
    elif how == "bytes":
        data[at : at + size] = rng.randbytes(size)
    elif how == "zeros":
        data[at : at + size] = bytes(size)
    elif how == "lost":
        del data[at : at + size]
    else:
        del data[at:]
    return bytes(data)


def spoilt(clean: Path, path: Path, seed: int) -> str:
    """Writes the damaged film of a seed; says what was done: every tenth is sound, every fourth of
    the others is damaged outside its pictures.
    """
    rng, how = random.Random(f"{clean.suffix} {seed}"), HOWS[seed % len(HOWS)]
    source, target = clean, path
    if clean.is_dir():
        path.mkdir()
        for image in clean.iterdir():
            (path / image.name).write_bytes(image.read_bytes())
        name = rng.choice(sorted(p.name for p in clean.iterdir()))
        source, target = clean / name, path / name
    data, spans = source.read_bytes(), payload(source)
    if seed % 10 == 0:
        target.write_bytes(data)
        return "sound"
    where = "picture"
    if seed % 4 == 3:
        edges = [0, *(e for span in sorted(spans) for e in span), len(data)]
        spans, where = (
            [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a],
            "head",
        )
    target.write_bytes(damaged(data, spans, how, rng))
    return f"{where}: {how}"


def read(path: Path) -> dict:
    """{"frames", "notes"} or {"refused"} of a film."""
    film = Film(path)
    try:
        return {"frames": list(film), "notes": film.notes}
    except Unreadable as error:
        return {"refused": str(error)}


def apart(a: np.ndarray, b: np.ndarray) -> float:
    if a.shape != b.shape:
        return 255.0
    return float(np.abs(a.astype(np.int16) - b).mean())


def worst(frames: list, clean: list) -> float:
    """How far the frames are from the sound ones: of the same place, else of any, since some may
    be missing.
    """
    found = []
    for i, frame in enumerate(frames):
        here = apart(frame, clean[i]) if i < len(clean) else 255.0
        found.append(min(apart(frame, c) for c in clean) if here > 1 else here)
    return max(found, default=0.0)


def main(kind: str, first: int, count: int) -> None:
    av.logging.set_level(av.logging.PANIC)
    with tempfile.TemporaryDirectory() as name:
        clean = made(kind, Path(name))
        sound = read(clean)
        lossy = worst(sound["frames"], list(pictures()))
        for seed in range(first, first + count):
            path = Path(name) / f"{seed}.{kind}"
            how = spoilt(clean, path, seed)
            print(json.dumps({"begins": seed}), flush=True)
            signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT_S)
            told = read(path)
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            frames = told.pop("frames", [])
            told |= {"kind": kind, "seed": seed, "how": how, "lossy": lossy, "read": len(frames)}
            told["apart"] = worst(frames, sound["frames"])
            told["whole"] = len(frames) == len(sound["frames"])
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
