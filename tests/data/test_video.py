"""Reading many kinds of files, refusing many kinds of bad ones, and writing what players open."""

import io
import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import av
import numpy as np
import pytest
from conftest import real_clips
from PIL import Image

from rencgan.core.errors import InputError
from rencgan.data import encode, video
from rencgan.data.sets import Unreadable
from rencgan.data.video import Film, resize_crop


def moving(n=30, height=48, width=64):
    """A bright square that walks over a gradient: survives compression, and tells left from top."""
    frames = np.zeros((n, height, width, 3), np.uint8)
    frames[..., 0] = np.linspace(0, 200, width).astype(np.uint8)
    frames[..., 2] = np.linspace(0, 200, height).astype(np.uint8)[:, None]
    for t, frame in enumerate(frames):
        frame[8:20, t : t + 12] = 255
    return frames


def noise(n=30):
    return np.random.default_rng(0).integers(0, 256, (n, 48, 64, 3), np.uint8)


def written(path, frames, codec="libx264", rate=25, rotation=0, pix_fmt="yuv420p"):
    """A file by PyAV itself, so that the reader is not judged by the project's own writer."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=rate)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pix_fmt
        if rotation:
            stream.set_display_rotation(rotation)
        for frame in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        out.mux(stream.encode())
    return path


def sound(path):
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), "fltp", "mono")
        frame.sample_rate = 16000
        out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def cut(path, share):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def two_sizes(path):
    """Two MPEG streams end to end, as a recorder leaves them when the source changes."""
    small = written(path.with_name("a.m1v"), moving(), "mpeg1video")
    large = written(path.with_name("b.m1v"), moving(height=96, width=128), "mpeg1video")
    path.write_bytes(small.read_bytes() + large.read_bytes())
    return path


def image_folder(path, frames, suffix="png"):
    path.mkdir()
    for i, frame in enumerate(frames):
        Image.fromarray(frame).save(path / f"frame{i}.{suffix}")
    return path


def with_text(path, text):
    path.write_text(text)
    return path


def broken_image(path):
    image_folder(path, moving(5))
    cut(path / "frame3.png", 0.5)
    return path


def odd_image(path):
    image_folder(path, moving(5))
    Image.fromarray(moving(1, 20, 20)[0]).save(path / "frame2.png")
    return path


def png_with_bad_checksum(path):
    image_folder(path, moving(3))
    data = bytearray((path / "frame1.png").read_bytes())
    data[20] ^= 255
    (path / "frame1.png").write_bytes(data)
    return path


def reason(path):
    with pytest.raises(Unreadable) as refused:
        list(Film(path))
    return str(refused.value)


BAD = {
    "cut mp4": (lambda p: cut(written(p / "x.mp4", moving()), 0.6), "unreadable: not a video"),
    "nothing": (lambda p: with_text(p / "x.mp4", ""), "empty file"),
    "text": (lambda p: with_text(p / "x.mp4", "hello\n" * 99), "unreadable: not a video"),
    "list": (lambda p: with_text(p / "x.mp4", "#EXTM3U\n#EXTINF:1,\nhttp://0.0.0.0/\n"), "unread"),
    "sound": (lambda p: sound(p / "x.mp4"), "no video stream"),
    "two sizes": (lambda p: two_sizes(p / "x.mpg"), "frame size changes from 64x48 to 128x96"),
    "missing": (lambda p: p / "x.mp4", "unreadable: no such file"),
    "broken image": (lambda p: broken_image(p / "x"), "unreadable: the image frame3.png"),
    "bad checksum": (lambda p: png_with_bad_checksum(p / "x"), "unreadable: the image frame1.png"),
    "odd image": (lambda p: odd_image(p / "x"), "frame size changes from 64x48 to 20x20"),
    "no images": (lambda p: p, "zero frames"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_has_one_short_reason(tmp_path, kind):
    make, words = BAD[kind]
    found = reason(make(tmp_path))
    assert found.startswith(words) and "\n" not in found and str(tmp_path) not in found


def read(path):
    """The frames of a film, and its notes."""
    film = Film(path)
    return np.stack(list(film)), film.notes


CUT = {
    "avi": lambda p: written(p / "x.avi", noise(), "mpeg4"),
    "mkv": lambda p: written(p / "x.mkv", moving(90)),
    "mp4": lambda p: encode.write_mp4(p / "x.mp4", moving(60), 25) or p / "x.mp4",
}


@pytest.mark.parametrize("kind", CUT)
def test_a_cut_film_is_used_up_to_the_cut_and_says_so(tmp_path, kind):
    path = CUT[kind](tmp_path)
    whole, notes = read(path)
    assert notes == []
    frames, notes = read(cut(path, 0.7))
    assert len(frames) < 0.9 * len(whole) and np.array_equal(frames, whole[: len(frames)])
    (note,) = notes
    assert note.startswith(f"used up to frame {len(frames)}")


def test_a_file_that_may_not_be_read_says_so(tmp_path, monkeypatch):
    path = written(tmp_path / "x.mp4", moving(2))

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(video.av, "open", refuse)
    assert reason(path) == "unreadable: permission denied"
    image_folder(tmp_path / "f", moving(2))
    monkeypatch.setattr(Image, "open", refuse)
    assert reason(tmp_path / "f") == "unreadable: permission denied on frame0.png"


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("ü b.mp4", "libx264"),
        ("100%d.mov", "libx264"),
        ("a:b.avi", "mpeg4"),
        ("x.mkv", "libx264"),
        ("x.webm", "libvpx-vp9"),
        ("x.mpg", "mpeg1video"),
    ],
)
def test_containers_give_back_every_frame(tmp_path, name, codec):
    frames = moving()
    read = np.stack(list(Film(written(tmp_path / name, frames, codec))))
    assert read.shape == frames.shape
    assert np.abs(read.astype(int) - frames).mean() < 8
    assert Film(tmp_path / name).fps == 25


def test_a_relative_name_is_no_address(tmp_path, monkeypatch):
    """FFmpeg would take what stands before the colon for a protocol."""
    written(tmp_path / "a.mp4", moving(3)).rename(tmp_path / "http:x.mp4")
    monkeypatch.chdir(tmp_path)
    assert len(list(Film("http:x.mp4"))) == 3


def test_the_content_decides_not_the_name(tmp_path):
    avi = written(tmp_path / "x.avi", moving(), "mpeg4")
    assert len(list(Film(avi.rename(tmp_path / "x.mp4")))) == 30
    Image.fromarray(moving(1)[0]).save(tmp_path / "picture.png")
    assert len(list(Film((tmp_path / "picture.png").rename(tmp_path / "p.mp4")))) == 1


def test_an_animated_gif_is_read(tmp_path):
    first, *rest = (Image.fromarray(f) for f in moving(7))
    first.save(tmp_path / "x.gif", save_all=True, append_images=rest, duration=100)
    assert len(list(Film(tmp_path / "x.gif"))) == 7
    assert Film(tmp_path / "x.gif").fps == pytest.approx(10)


@pytest.mark.parametrize("turn", [90, -90, 180])
def test_a_turned_video_comes_upright(tmp_path, turn):
    frames = moving(3)
    stored = np.ascontiguousarray(np.rot90(frames, -turn // 90, axes=(1, 2)))
    path = written(tmp_path / "x.mp4", stored, rotation=turn)
    read = np.stack(list(Film(path)))
    assert read.shape == frames.shape and np.abs(read.astype(int) - frames).mean() < 8


def test_images_come_in_natural_order_and_lossless(tmp_path):
    frames = moving(12)
    image_folder(tmp_path / "x", frames)
    assert np.array_equal(np.stack(list(Film(tmp_path / "x"))), frames)
    assert Film(tmp_path / "x").fps == video.DEFAULT_FPS


def test_grey_palette_and_transparent_images_become_rgb(tmp_path):
    grey = Image.fromarray(moving(1)[0]).convert("L")
    (tmp_path / "x").mkdir()
    for i, mode in enumerate(("L", "P", "RGBA")):
        grey.convert(mode).save(tmp_path / "x" / f"{i}.png")
    assert {f.shape for f in Film(tmp_path / "x")} == {(48, 64, 3)}


def test_reading_can_stop_early(tmp_path):
    path = written(tmp_path / "x.mp4", moving())
    assert len(list(Film(path, max_frames=5))) == 5


def test_area_averaging_has_the_known_answer():
    """4 x 6 shrinks to 2 x 2: the centred 4 x 4, each pixel the mean of 2 x 2."""
    frame = np.arange(4 * 6 * 3).reshape(4, 6, 3).astype(np.uint8)
    middle = frame[:, 1:5].reshape(2, 2, 2, 2, 3).mean(axis=(1, 3))
    assert np.abs(resize_crop(frame, 2) - middle).max() <= 0.5


def test_the_margin_goes_first():
    frame = np.full((144, 180, 3), 255, np.uint8)
    frame[20:-20, 20:-20] = 7
    assert (resize_crop(frame, 64, margin=20) == 7).all()
    assert not (resize_crop(frame, 64) == 7).all()
    with pytest.raises(Unreadable, match="180x144"):
        resize_crop(frame, 64, margin=72)


@pytest.mark.parametrize("shape", [(480, 640), (101, 63), (64, 64), (17, 33), (1, 1), (5, 900)])
def test_any_size_becomes_the_asked_one(shape):
    frame = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    out = resize_crop(frame, 64)
    assert out.shape == (64, 64, 3) and out.dtype == np.uint8
    assert np.array_equal(out, resize_crop(frame, 64))
    if shape == (64, 64):
        assert np.array_equal(out, frame)


def test_a_checkerboard_does_not_alias():
    board = (np.indices((256, 256)).sum(0) % 2 * 255).astype(np.uint8)
    assert np.ptp(resize_crop(np.stack([board] * 3, -1), 64)) <= 1


def test_an_mp4_keeps_its_pictures_and_its_origin(tmp_path):
    frames, origin = moving(40), {"seed": 3, "checkpoint": "r2-64 ü"}
    encode.write_mp4(tmp_path / "new" / "x.mp4", iter(frames), 12.5, origin)
    read = np.stack(list(Film(tmp_path / "new" / "x.mp4")))
    assert read.shape == frames.shape and np.abs(read.astype(int) - frames).mean() < 4
    assert Film(tmp_path / "new" / "x.mp4").fps == 12.5
    data = (tmp_path / "new" / "x.mp4").read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")  # faststart
    with av.open(str(tmp_path / "new" / "x.mp4")) as file:
        assert file.streams.video[0].codec_context.pix_fmt == "yuv420p"
        assert json.loads(file.metadata["comment"]) == origin


def test_odd_sides_are_padded_and_clips_enlarged(tmp_path):
    encode.write_mp4(tmp_path / "x.mp4", moving(3, 33, 47), 25)
    assert next(iter(Film(tmp_path / "x.mp4"))).shape == (34, 48, 3)
    encode.write_mp4(tmp_path / "x.mp4", moving(3, 33, 47), 25, scale=2)
    assert next(iter(Film(tmp_path / "x.mp4"))).shape == (66, 94, 3)


def test_a_failure_leaves_the_old_file_and_no_rubbish(tmp_path):
    encode.write_mp4(tmp_path / "x.mp4", moving(3), 25)
    before = (tmp_path / "x.mp4").read_bytes()

    def failing():
        yield from moving(3)
        raise RuntimeError("the model broke")

    with pytest.raises(RuntimeError, match="the model broke"):
        encode.write_mp4(tmp_path / "x.mp4", failing(), 25)
    with pytest.raises(InputError, match="of one size"):
        encode.write_mp4(tmp_path / "x.mp4", [moving(1)[0], moving(1, 8, 8)[0]], 25)
    with pytest.raises(InputError, match="no frame"):
        encode.write_mp4(tmp_path / "x.mp4", [], 25)
    with pytest.raises(InputError, match="fps 0"):
        encode.write_mp4(tmp_path / "x.mp4", moving(3), 0)
    assert (tmp_path / "x.mp4").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["x.mp4"]


@pytest.mark.parametrize(("codec", "magic"), [("h264", 4), ("vp9", 0), ("webp", 8)])
def test_bytes_for_a_page_can_be_played(codec, magic):
    data = encode.encode(moving(10), 25, codec)
    signs = {"h264": b"ftyp", "vp9": b"\x1aE\xdf\xa3", "webp": b"WEBP"}
    assert data[magic : magic + 4] == signs[codec]
    if codec == "webp":
        with Image.open(io.BytesIO(data)) as image:
            assert (image.n_frames, image.size, image.info["loop"]) == (10, (64, 48), 0)
    else:
        with av.open(io.BytesIO(data)) as file:
            assert sum(1 for _ in file.decode(video=0)) == 10


def test_an_unknown_codec_is_refused():
    with pytest.raises(InputError, match="h264, vp9, webp"):
        encode.encode(moving(2), 25, "av1")


FULL_DISK = """
    import resource, signal
    from pathlib import Path
    import numpy as np
    from rencgan.core.errors import InputError
    from rencgan.core.files import write_array
    from rencgan.data import encode
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
    noise = np.random.default_rng(0).integers(0, 256, (40, 64, 64, 3), np.uint8)
    def mp4():
        encode.write_mp4("x.mp4", noise, 25)
    def npy():
        write_array(Path("x.npy"), noise)
    for write in (mp4, npy):
        try:
            write()
        except InputError as e:
            assert "the disk is full" in str(e), e
        else:
            raise AssertionError("nothing was refused")
"""


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no limit on file sizes here")
def test_a_full_disk_is_one_sentence_and_leaves_nothing_half_written(tmp_path):
    run = [sys.executable, "-c", textwrap.dedent(FULL_DISK)]
    subprocess.run(run, cwd=tmp_path, check=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("clip", "frames", "width", "height"),
    [
        ("actions/weizmann_p0_wave2.mp4", 59, 64, 64),
        ("ucf101/archery.avi", 131, 320, 240),
        ("faces/grid_bbaf2n.mpg", 75, 360, 288),
        ("actions/asl_again.mkv", 77, 640, 480),
        ("sky/sky_clouds_page_panning.webm", 127, 1280, 720),
    ],
)
def test_real_clips_are_read_to_the_last_frame(clip, frames, width, height):
    path: Path = real_clips(clip)
    assert [f.shape for f in Film(path)] == [(height, width, 3)] * frames
