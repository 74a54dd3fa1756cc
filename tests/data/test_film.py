"""Films as people have them: turned, trimmed, held, recorded in a browser, damaged."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from av.stream import Disposition
from PIL import Image, features

from rencgan.data.display import Display
from rencgan.data.footage import Footage
from rencgan.data.sets import Unreadable
from rencgan.data.times import Gaps
from rencgan.data.video import Film

FPS = 25


def moving(n=40, height=48, width=64):
    """A gradient that tells left from right and top from bottom, and a square that walks on it."""
    frames = np.zeros((n, height, width, 3), np.uint8)
    frames[..., 0] = np.linspace(0, 200, width).astype(np.uint8)
    frames[..., 2] = np.linspace(0, 200, height).astype(np.uint8)[:, None]
    for t, frame in enumerate(frames):
        frame[8:20, t : t + 12] = 255
    return frames


def film(path, frames, codec="libx264", pix_fmt="yuv420p", times=None, setup=None, **given):
    """A film by PyAV itself. times: of the frames, ms. setup: called with the stream. given: rate,
    sound (s), options, form (the container's options).
    """
    rate, sound = given.get("rate", FPS), given.get("sound", 0)
    with av.open(str(path), "w", options=given.get("form", {})) as out:
        stream = out.add_stream(codec, rate=rate, options=given.get("options", {}))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pix_fmt
        audio = out.add_stream("aac", rate=16000, layout="mono") if sound else None
        if setup:
            setup(stream)
        if times is not None:
            stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for i, pixels in enumerate(frames):
            kind = "rgba" if pixels.shape[-1] == 4 else "rgb24"
            picture = av.VideoFrame.from_ndarray(pixels, format=kind)
            if times is not None:
                picture.pts, picture.time_base = times[i], Fraction(1, 1000)
            out.mux(stream.encode(picture))
        out.mux(stream.encode())
        if audio:
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 16000 * sound), "f4"), "fltp", "mono")
            silence.sample_rate = 16000
            out.mux(audio.encode(silence))
            out.mux(audio.encode())
    return path


def remuxed(source, path, change, **form):
    """The packets of a film in another file, each changed by change(i, packet), or dropped."""
    with av.open(str(source)) as given, av.open(str(path), "w", options=form) as out:
        stream = out.add_stream_from_template(given.streams.video[0])
        for i, packet in enumerate(given.demux(video=0)):
            if packet.dts is not None and change(i, packet) is not False:
                packet.stream = stream
                out.mux(packet)
    return path


def read(path):
    """The frames of a film, and the film."""
    made = Film(path)
    return np.stack(list(made)), made


def needs(ending):
    """Skips where Pillow was built without a format."""
    if ending == "avif" and not features.check("avif"):
        pytest.skip("this Pillow knows no AVIF")


def apart(a, b):
    return np.abs(a.astype(int) - b).mean()


# ----------------------------------------------------------------------------- as a player shows it


def shown(frames, a, b, c, d):
    """By the definition: the point (x, y) is shown at (a x + c y, b x + d y)."""
    y, x = np.indices(frames.shape[1:3])
    left, top = a * x + c * y, b * x + d * y
    left, top = left - left.min(), top - top.min()
    out = np.zeros((len(frames), top.max() + 1, left.max() + 1, 3), np.uint8)
    out[:, top, left] = frames
    return out


MATRICES = [
    *((a, 0, 0, d) for a in (1, -1) for d in (1, -1)),
    *((0, b, c, 0) for b in (1, -1) for c in (1, -1)),
]


@pytest.mark.parametrize("matrix", MATRICES, ids=str)
def test_every_display_matrix_is_applied_as_it_is_meant(tmp_path, matrix):
    """Four of the eight are mirrors: as turns they would come upside down."""
    frames = moving(3)
    path = film(tmp_path / "x.mp4", frames)
    data = bytearray(path.read_bytes())
    a, b, c, d = (v << 16 for v in matrix)
    struct.pack_into(">9i", data, data.index(b"tkhd") + 44, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    got, made = read(path)
    expected = shown(frames, *matrix)
    assert got.shape == expected.shape and apart(got, expected) < 8
    assert made.original == (got.shape[2], got.shape[1])


@pytest.mark.parametrize("aspect", [Fraction(2), Fraction(1, 2)])
def test_a_circle_stays_one_where_pixels_are_not_square(tmp_path, aspect):
    y, x = np.indices((96, 96)) - 48
    disc = ((x * float(max(aspect, 1))) ** 2 + (y / float(min(aspect, 1))) ** 2) < 40**2
    frames = np.repeat((disc * 255).astype(np.uint8)[None, ..., None], 3, -1)

    def setup(stream):
        stream.codec_context.sample_aspect_ratio = aspect

    (frame,), made = read(film(tmp_path / "x.mp4", frames, setup=setup))
    inside = frame[..., 0] > 128
    wide, high = inside.any(0).sum(), inside.any(1).sum()
    assert abs(wide - high) <= 2 and made.original == (round(96 * aspect), 96)
    assert "as wide as high" in made.notes[0]


@pytest.mark.parametrize("space", [1, 6, 9])  # BT.709, BT.601, BT.2020 in ITU-T H.273
@pytest.mark.parametrize("full", [False, True])
def test_colours_are_read_as_the_film_says(tmp_path, space, full):
    kr, kb = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}[space]
    colour = np.array([200, 40, 90])
    red, green, blue = colour / 255
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    chroma = (blue - luma) / (2 - 2 * kb), (red - luma) / (2 - 2 * kr)
    levels = [255 * luma, *(128 + 255 * c for c in chroma)]
    if not full:
        levels = [16 + 219 * luma, *(128 + 224 * c for c in chroma)]
    planes = np.concatenate(
        [np.full((n, 64), round(v), np.uint8) for n, v in zip((64, 16, 16), levels, strict=True)]
    )
    with av.open(str(tmp_path / "x.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=FPS, options={"qp": "0"})
        stream.height = stream.width = 64
        stream.pix_fmt = "yuv420p"
        stream.codec_context.colorspace = space
        stream.codec_context.color_range = 2 if full else 1
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.colorspace, frame.color_range = space, 2 if full else 1
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    got, _ = read(tmp_path / "x.mp4")
    assert np.abs(got[1, 32, 32].astype(int) - colour).max() <= 3


def test_a_transparent_film_is_laid_on_white(tmp_path):
    frames = np.zeros((3, 32, 32, 4), np.uint8)  # black, and nothing of it is to be seen
    frames[:, 8:24, 8:24] = (255, 0, 0, 255)
    got, made = read(film(tmp_path / "x.mov", frames, "qtrle", "argb"))
    assert (got[:, 0, 0] == 255).all() and (got[:, 16, 16] == (255, 0, 0)).all()
    assert made.notes == ["transparent parts were laid on white"]


def test_a_fourth_channel_that_nobody_filled_is_no_transparency(tmp_path):
    frames = np.concatenate([moving(3), np.zeros((3, 48, 64, 1), np.uint8)], -1)
    got, made = read(film(tmp_path / "screen.avi", frames, "rawvideo", "bgra"))
    assert np.array_equal(got, frames[..., :3])
    assert made.notes == [
        "its fourth channel is 0 all over its first frame, and was not taken for alpha"
    ]
    frames[0, ..., :3] = 0  # nothing yet, and then something
    frames[1:, 8:24, 8:24] = (255, 0, 0, 255)
    got, _ = read(film(tmp_path / "x.mov", frames, "qtrle", "argb"))
    assert (got[0] == 255).all() and (got[1, 16, 16] == (255, 0, 0)).all()


def test_what_a_film_cannot_show_as_it_is_gets_a_note(tmp_path):
    def hdr(stream):
        stream.codec_context.color_trc = 16

    _, made = read(film(tmp_path / "hdr.mp4", moving(3), setup=hdr))
    assert made.notes == ["its colours are HDR (PQ) and were not tone-mapped"]
    clear = np.concatenate([moving(3), np.full((3, 48, 64, 1), 9, np.uint8)], -1)
    _, made = read(film(tmp_path / "clear.webm", clear, "libvpx-vp9", "yuva420p"))
    assert "its transparency was not read" in made.notes[0]
    options = {"flags": "+ildct+ilme", "x264-params": "tff=1"}
    _, made = read(film(tmp_path / "tv.mp4", moving(3), options=options))
    assert made.notes == ["it is interlaced: each frame has lines of two moments"]


# ----------------------------------------------------------------------- which stream, and how long


def test_a_cover_picture_is_no_film(tmp_path):
    frames = moving()
    path = tmp_path / "x.mp4"
    with av.open(str(path), "w") as out:
        cover = out.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 128, 128, "yuvj420p"
        cover.disposition = int(Disposition.attached_pic)
        stream = out.add_stream("libx264", rate=FPS)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        picture = np.full((128, 128, 3), 99, np.uint8)
        out.mux(cover.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        for frame in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        for each in (cover, stream):
            out.mux(each.encode())
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 2
    got, made = read(path)
    assert got.shape == frames.shape and made.notes == []


def test_of_several_tracks_the_main_one_is_taken_and_named(tmp_path):
    frames = moving()
    with av.open(str(tmp_path / "x.mkv"), "w") as out:
        streams = [out.add_stream("libx264", rate=FPS) for _ in range(2)]
        for stream, n in zip(streams, (32, 64), strict=True):
            stream.height, stream.width, stream.pix_fmt = 48, n, "yuv420p"
            stream.disposition = int(Disposition.default) if n == 64 else 0
        for frame in frames:
            for stream in streams:
                picture = np.ascontiguousarray(frame[:, : stream.width])
                out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        for stream in streams:
            out.mux(stream.encode())
    got, made = read(tmp_path / "x.mkv")
    assert got.shape == frames.shape and made.notes == ["picture track 2 of 2 is used"]


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_sound_that_is_longer_promises_no_pictures(tmp_path, ending):
    got, made = read(film(tmp_path / f"x.{ending}", moving(), sound=6))
    assert len(got) == 40 and made.notes == []


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_last_frame_that_is_held_is_no_lost_end(tmp_path, ending):
    def hold(i, packet):
        packet.duration = round((8 if i == 39 else 1 / FPS) / packet.time_base)

    source = film(tmp_path / "a.mp4", moving(), options={"bf": "0"})
    got, made = read(remuxed(source, tmp_path / f"x.{ending}", hold))
    assert len(got) == 40 and made.fps == pytest.approx(FPS, rel=0.01)
    assert not any("used up to" in note for note in made.notes)


def test_frames_outside_the_edit_list_were_never_promised(tmp_path):
    def earlier(i, packet):
        packet.pts -= round(20 / FPS / packet.time_base)
        packet.dts -= round(20 / FPS / packet.time_base)

    source = film(tmp_path / "a.mp4", moving(60), options={"bf": "0"})
    form = {"avoid_negative_ts": "disabled", "use_editlist": "1"}
    got, made = read(remuxed(source, tmp_path / "x.mp4", earlier, **form))
    assert b"elst" in (tmp_path / "x.mp4").read_bytes()
    assert len(got) == 40 and made.notes == [] and made.fps == FPS
    assert apart(got[0], moving(60)[20]) < 8


def test_a_rate_that_nobody_can_mean_gives_way_to_the_times_of_the_frames(tmp_path):
    times = np.cumsum([0] + [33, 33, 34] * 13).tolist()
    path = film(tmp_path / "x.webm", moving(), "libvpx", times=times, rate=1000)
    got, made = read(path)
    assert len(got) == 40 and Film(path).fps == made.fps == pytest.approx(30, rel=0.02)


def test_uneven_times_get_a_note(tmp_path):
    times = np.cumsum([0] + [20, 60] * 20)[:40].tolist()
    _, made = read(film(tmp_path / "x.mkv", moving(), times=times))
    assert any("uneven, 20 to 60 ms apart" in note for note in made.notes)


def test_what_is_odd_is_told_of_a_part_of_a_film_too(tmp_path):
    times = np.cumsum([0] + [20, 60] * 20)[:40].tolist()
    path = film(tmp_path / "x.mkv", moving(), times=times)
    part = Film(path, 20)
    assert len(list(part)) == 20 and "uneven, 20 to 60 ms apart" in part.notes[0]
    seen = Footage.of("real", tmp_path)
    assert len(list(seen.frames(0, 20))) == 20 and "uneven" in seen.notes["x.mkv"][0]


@pytest.mark.parametrize("matrix", [(1, 0, 0, 1), (0, 1, -1, 0)])
def test_frames_that_nobody_looks_at_are_not_converted(tmp_path, monkeypatch, matrix):
    def setup(stream):
        stream.codec_context.sample_aspect_ratio = 2

    monkeypatch.setattr("rencgan.data.display.display_matrix", lambda frame: matrix)
    path = film(tmp_path / "x.mp4", moving(20), setup=setup)
    whole = list(Film(path))
    seen, shown = Footage.of("real", tmp_path), []
    call = Display.__call__
    monkeypatch.setattr(Display, "__call__", lambda self, f: shown.append(1) or call(self, f))
    assert seen.length(0) == 20 and not shown
    part = list(seen.frames(0, 12, lambda t: t in (5, 7)))
    assert [t for t, frame in enumerate(part) if frame is not None] == [5, 7]
    assert len(part) == 12 and len(shown) == 2 and np.array_equal(part[7], whole[7])
    blank = Film(path)
    blank.counts = lambda t: False
    assert {f.shape for f in blank} == {whole[0].shape}


def test_times_of_the_order_of_coding_are_not_uneven():
    """An AVI with B-frames: shown in order, the times that its packets have go to and fro."""
    gaps = Gaps()
    for n in (1, 2, 4, 3, 5, 7, 6, 8):
        assert gaps.hole(n / 25) is None
    assert gaps.note() is None


@pytest.mark.parametrize("form", [{}, {"mpegts_m2ts_mode": "1"}])
def test_transport_streams_of_188_and_192_bytes_are_read(tmp_path, form):
    path = film(tmp_path / "x.ts", moving(), form=form)
    assert (path.read_bytes()[4 if form else 0]) == 0x47
    got, made = read(path)
    assert len(got) == 40 and made.notes == [] and made.fps == FPS


def test_transport_streams_end_to_end_are_read_to_the_last(tmp_path):
    """As segments of a broadcast are joined: times and counters begin anew."""
    part = film(tmp_path / "x.ts", moving()).read_bytes()
    (tmp_path / "x.ts").write_bytes(part + part)
    got, made = read(tmp_path / "x.ts")
    assert len(got) >= 78 and made.fps == FPS


def test_a_codec_that_is_not_known_is_named_so(tmp_path):
    path = film(tmp_path / "x.avi", moving(), "mpeg4")
    path.write_bytes(path.read_bytes().replace(b"FMP4", b"ZZZZ"))
    with pytest.raises(Unreadable, match="codec is not known"):
        read(path)


# ------------------------------------------------------------------------------------------ damaged


def overwritten(path, number, size=60):
    """Noise within one picture of a film."""
    with av.open(str(path)) as container:
        packet = [p for p in container.demux(video=0) if p.size][number]
        begin, end = packet.pos, packet.pos + packet.size
    data = bytearray(path.read_bytes())
    at = begin + (end - begin) // 3
    size = min(size, end - at)
    data[at : at + size] = np.random.default_rng(0).bytes(size)
    path.write_bytes(data)
    return path


def test_a_film_is_used_up_to_a_damaged_frame(tmp_path):
    path = film(tmp_path / "x.avi", moving(60), "mpeg4", options={"g": "12"})
    whole, _ = read(path)
    got, made = read(overwritten(path, 36))
    assert made.notes == ["used up to frame 36, which is damaged"]
    assert np.array_equal(got, whole[:36])


def test_a_damaged_beginning_is_left_out_up_to_a_key_frame(tmp_path):
    """Frames built on the damaged one are grey rubbish that no decoder flags."""
    path = film(tmp_path / "x.avi", moving(60), "mpeg4", options={"g": "12"})
    whole, _ = read(path)
    got, made = read(overwritten(path, 0))
    assert made.notes == ["what is before its first sound key frame is damaged and was left out"]
    assert np.array_equal(got, whole[12:])


def test_frames_that_refer_to_a_damaged_one_shown_later_are_not_given(tmp_path):
    path = film(
        tmp_path / "x.mp4", moving(60), options={"bf": "3", "b-adapt": "0", "sc_threshold": "0"}
    )
    whole, _ = read(path)
    with av.open(str(path)) as container:
        order = [round(p.pts * p.time_base * FPS) for p in container.demux(video=0) if p.size]
    late = next(
        i for i, (a, b) in enumerate(zip(order, order[1:], strict=False)) if i > 20 and b < a
    )
    got, made = read(overwritten(path, late, 400))
    assert 0 < len(got) <= min(order[late:]) and np.array_equal(got, whole[: len(got)])
    assert made.notes[0].startswith("used up to frame")


def test_a_wrong_bit_is_known_by_the_checksum_of_matroska(tmp_path):
    """VP9 has none of its own: the frames would be wrong without a word."""
    form = {"cluster_time_limit": "400"}
    path = film(tmp_path / "x.mkv", moving(60), "libvpx-vp9", form=form, options={"g": "10"})
    whole, made = read(path)
    assert made.notes == []
    got, made = read(overwritten(path, 45, 1))
    assert made.notes and 20 < len(got) <= 45 and np.array_equal(got, whole[: len(got)])


def test_a_hole_in_the_times_ends_what_is_used(tmp_path):
    source = film(tmp_path / "a.mkv", moving(60), "mjpeg", "yuvj420p")
    path = remuxed(source, tmp_path / "x.mkv", lambda i, packet: not 30 <= i < 50)
    got, made = read(path)
    assert len(got) == 30 and made.notes == ["used up to frame 30: 0.8 s are missing there"]


def test_lack_of_memory_is_called_by_its_name(tmp_path, monkeypatch):
    path = film(tmp_path / "x.mp4", moving(3))

    def refuse(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr(av, "open", refuse)
    with pytest.raises(Unreadable, match="not enough memory"):
        read(path)


# ------------------------------------------------------------------------------------------- images


def images(folder, made, **how):
    folder.mkdir()
    for i, image in enumerate(made):
        image.save(folder / f"{i}.{how.get('ending', 'png')}", **how.get("options", {}))
    return folder


def test_16_bits_of_grey_are_scaled_to_8(tmp_path):
    grey = np.linspace(0, 65535, 48 * 64).reshape(48, 64).astype(np.uint16)
    for ending in ("png", "tif"):
        got, made = read(images(tmp_path / ending, [Image.fromarray(grey)] * 2, ending=ending))
        assert np.array_equal(got[0, ..., 1], grey >> 8)
        assert made.notes == ["16 bits were scaled to 8"]
    for i in range(2):
        head, folder = b"P5 64 48 65535\n", tmp_path / "png"
        (folder / f"{i}.png").unlink()
        (folder / f"{i}.pgm").write_bytes(head + grey.astype(">u2").tobytes())
    got, made = read(folder)
    assert np.array_equal(got[0, ..., 1], grey >> 8) and made.notes == ["16 bits were scaled to 8"]


def test_numbers_without_a_white_are_refused(tmp_path):
    made = [Image.fromarray(np.ones((8, 8), np.float32))] * 2
    with pytest.raises(Unreadable, match="32-bit numbers"):
        read(images(tmp_path / "x", made, ending="tif"))


def test_what_is_transparent_is_white_and_not_what_lies_under_it(tmp_path):
    pixels = np.zeros((16, 16, 4), np.uint8)
    pixels[4:12, 4:12] = (0, 0, 255, 255)
    rgba = Image.fromarray(pixels)
    grey = rgba.convert("LA")
    palette = rgba.convert("RGB").quantize(4)
    for i, image in enumerate((rgba, grey)):
        got, made = read(images(tmp_path / f"{i}", [image] * 2))
        assert (got[:, 0, 0] == 255).all() and (got[:, 8, 8] < 255).any()
        assert made.notes == ["transparent parts were laid on white"]
    under = palette.getpixel((0, 0))
    got, _ = read(images(tmp_path / "p", [palette] * 2, options={"transparency": under}))
    assert (got[:, 0, 0] == 255).all()


def test_print_colours_and_turned_photographs_look_as_they_should(tmp_path):
    red = Image.new("RGB", (32, 16), (255, 0, 0)).convert("CMYK")
    got, _ = read(images(tmp_path / "cmyk", [red] * 2, ending="jpg"))
    assert got[0, 8, 8, 0] > 240 and got[0, 8, 8, 1:].max() < 16
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    made = [Image.fromarray(moving(1)[0])] * 2
    got, _ = read(images(tmp_path / "exif", made, ending="jpg", options={"exif": exif}))
    assert got.shape == (2, 64, 48, 3)


@pytest.mark.parametrize("ending", ["gif", "webp", "png", "avif", "tif"])
def test_an_animated_image_is_a_film(tmp_path, ending):
    needs(ending)
    frames = moving(7)
    first, *rest = map(Image.fromarray, frames)
    options = {"lossless": True} if ending == "webp" else {}
    timed = {} if ending == "tif" else {"duration": 50}
    path = tmp_path / f"x.{ending}"
    first.save(path, save_all=True, append_images=rest, **timed, **options)
    got, made = read(path)
    assert got.shape == frames.shape and apart(got, frames) < 8
    assert made.fps == pytest.approx(20 if timed else 25)


def test_a_png_whose_checksum_is_wrong_is_not_used(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    folder = images(tmp_path / "x", [Image.fromarray(noise)] * 3)
    data = bytearray((folder / "1.png").read_bytes())
    data[-30:-26] = bytes(4)
    (folder / "1.png").write_bytes(data)
    with pytest.raises(Unreadable, match=r"the image 1\.png is damaged"):
        read(folder)
