"""Pictures, players, curves and tables: the only module that imports matplotlib.

Pictures tell the truth: one fixed range [-1, 1] for every picture, pixels enlarged by repetition
(nearest neighbour), seams marked. Everything returned is an `Html`: a notebook shows it, `+` puts
two under each other, and nothing in it is fetched from anywhere.
"""

import base64
import html
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

from rencgan.core.errors import InputError
from rencgan.data.video import encode

Video = Any  # uint8 array (T, H, W, 3), or float tensor or array (3, T, H, W) in [-1, 1]
GAP, BAND, LINE = 16, 24, 8  # pixels: between tiles, a title, a time line. Multiples of 8, so that
# enlarged pixels lie on the codecs' blocks: half the bytes of an odd place.
INK, PAPER, SEAM, REST = (34, 34, 34), (255, 255, 255), (222, 92, 20), (205, 205, 205)
FONT = "font-family:system-ui,sans-serif"
NUMBER = (int, float, np.number)
COLOURS = ("#1f5fa8", "#2a8f5a", "#7a4fa3", "#b8377d", "#6b6b6b", "#b08900")
TRUST = (
    "To play the videos in JupyterLab, trust this notebook: "
    "<code>jupyter trust &lt;file&gt;</code>, or Trust Notebook in the command palette."
)


class Html:
    """A piece of HTML that notebooks show, with a line of text for where there is none."""

    def __init__(self, html: str, text: str = "") -> None:
        self.html, self.text = html, text

    def __add__(self, other: "Html") -> "Html":
        return Html(self.html + other.html, "\n".join(t for t in (self.text, other.text) if t))

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.text or f"<{len(self.html):,} characters of HTML>"


def pixels(video: Video) -> np.ndarray:
    """A video as (T, H, W, 3) uint8. Floats are read as [-1, 1], whatever their own extremes are.

    Raises InputError for any other shape or type.
    """
    if hasattr(video, "detach"):
        video = video.detach().cpu().numpy()
    video = np.asarray(video)
    if video.dtype == np.uint8 and video.ndim == 4 and video.shape[3] == 3 and len(video):
        return video
    if video.dtype.kind == "f" and video.ndim == 4 and video.shape[0] == 3 and video.shape[1]:
        if not np.isfinite(video).all():
            raise InputError("A video to show holds values that are not finite numbers.")
        grey = (np.clip(video.astype(np.float32), -1, 1) + 1) * 127.5
        return np.rint(grey).astype(np.uint8).transpose(1, 2, 3, 0)
    raise InputError(
        f"A video to show has shape {tuple(video.shape)} and type {video.dtype}; it should be "
        "(T, H, W, 3) of uint8 or (3, T, H, W) of floats in [-1, 1], with at least one frame."
    )


def enlarge(frames: np.ndarray, scale: int) -> np.ndarray:
    """Every pixel of (..., H, W, 3) as `scale` x `scale` equal ones."""
    return frames.repeat(scale, axis=-3).repeat(scale, axis=-2)


def videos(
    arrays: Sequence[Video],
    titles: Sequence[str] | None = None,
    fps: float = 25.0,
    columns: int | None = None,
    scale: int | None = None,
    caption: str = "",
    marks: Sequence[int] | Sequence[Sequence[int]] | None = None,
) -> Html:
    """Videos side by side in one player, with a sheet of stills under it.

    titles: one per video. marks: frames at which a new clip begins, one list for all videos or one
    per video; a line under each tile shows them, and its edge lights up around each.
    A shorter video rests, dimmed, on its last frame. Raises InputError when the numbers differ.
    """
    clips = [pixels(a) for a in arrays]
    titles = _titles(titles, len(clips))
    grid = _Grid(clips, titles, _seams(marks, len(clips)), columns, scale or _scale(clips, 128))
    label = f"{len(clips)} video{'s'[: len(clips) > 1]}, {len(grid)} frames at {fps:g} a second"
    sheet = contact_sheet(clips, titles=titles, columns=8)
    body = (
        f'<video controls loop muted playsinline autoplay width="{grid.shape[1]}" '
        f'style="max-width:100%;height:auto" aria-label="{html.escape(label)}">'
        f'<source src="{_uri("video/mp4", encode(grid, fps, "h264"))}" type="video/mp4">'
        f'<source src="{_uri("video/webm", encode(grid, fps, "vp9"))}" type="video/webm">'
        "</video>"
        + _preview(grid, fps)
        + f'<img src="{_png(sheet)}" alt="stills: {html.escape(label)}" '
        f'style="display:block;max-width:100%;margin-top:6px">'
    )
    return Html(_figure(body, caption), label)


def contact_sheet(
    videos: Sequence[Video],
    titles: Sequence[str] | None = None,
    columns: int = 8,
    scale: int | None = None,
) -> np.ndarray:
    """One row per video, `columns` frames from its first to its last: (H, W, 3) uint8.

    scale: whole number of screen pixels per pixel; by default tiles come out about 96 wide.
    Larger frames are averaged down by a whole number, so that the sheet stays small.
    """
    clips = [pixels(v) for v in videos]
    titles = _titles(titles, len(clips))
    rows = []
    for clip, title in zip(clips, titles, strict=True):
        picked = np.linspace(0, len(clip) - 1, min(columns, len(clip))).round().astype(int)
        rows.append(strip(clip, picked.tolist(), scale or _scale([clip], 96), title))
    return _stack(rows)


def strip(
    video: Video, frames: Sequence[int], scale: int | None = None, title: str = ""
) -> np.ndarray:
    """Chosen frames of one video side by side, numbered, `title` above: (H, W, 3) uint8.

    Raises InputError for a frame that the video does not have.
    """
    clip = pixels(video)
    wrong = [f for f in frames if not 0 <= f < len(clip)]
    if wrong or not len(frames):
        raise InputError(
            f"Frames {wrong or 'none'} were asked for; the video has 0 to {len(clip) - 1}."
        )
    stills = _small(enlarge(clip[list(frames)], scale or _scale([clip], 96)))
    tiles = [_labelled(s, f"{f}") for f, s in zip(frames, stills, strict=True)]
    space = np.full((tiles[0].shape[0], 4, 3), 255, np.uint8)
    row = np.hstack([part for tile in tiles for part in (tile, space)][:-1])
    return np.vstack([_banner(title, row.shape[1], 20), row]) if title else row


def picture(image: np.ndarray, caption: str = "") -> Html:
    """An (H, W, 3) uint8 picture, such as a contact sheet or a strip, at its own size."""
    tag = f'<img src="{_png(image)}" alt="{html.escape(caption)}" style="max-width:100%">'
    return Html(_figure(tag, caption), caption)


def curves(
    lines: Mapping[str, Any],
    xlabel: str = "",
    ylabel: str = "",
    caption: str = "",
    marks: Sequence[float] = (),
) -> Html:
    """Lines in one chart. lines: name -> y, or name -> (x, y). marks: x at which to draw a seam."""
    figure = Figure(figsize=(7.2, 2.8), layout="constrained")
    axes = figure.subplots()
    for mark in marks:
        axes.axvline(mark, color=[c / 255 for c in SEAM], linewidth=0.8, alpha=0.6)
    for (name, line), colour in zip(lines.items(), _cycle(len(lines)), strict=True):
        x, y = line if isinstance(line, tuple) else (range(len(line)), line)
        axes.plot(x, y, label=name, color=colour, linewidth=1.4)
    _plain(axes, xlabel, ylabel)
    if len(lines) > 1:
        axes.legend(frameon=False, fontsize=8)
    return chart(figure, caption)


def losses(
    history: Sequence[Mapping[str, float]] | str | Path,
    names: Sequence[str] | None = None,
    caption: str = "",
) -> Html:
    """One small chart per loss over the steps. history: a list of dicts, or a history.jsonl.

    A thin line is what was logged, the thick one its running mean over a twentieth of the run.
    Raises InputError when there is nothing to draw, or a name was never logged.
    """
    rows = _history(history)
    logged = [k for k in dict.fromkeys(k for row in rows for k in row) if k != "step"]
    names = list(names or [n for n in logged if isinstance(_first(rows, n), int | float)])
    missing = [n for n in names if n not in logged]
    if missing or not names:
        raise InputError(
            f"No loss named {', '.join(missing) or 'anything'} was logged; "
            f"there are: {', '.join(logged) or 'none, the history is empty'}."
        )
    wide = min(len(names), 4)
    high = math.ceil(len(names) / wide)
    figure = Figure(figsize=(2.6 * wide, 1.9 * high), layout="constrained")
    grid = figure.subplots(high, wide, squeeze=False).ravel()
    for axes, name, colour in zip(grid, names, _cycle(len(names)), strict=False):
        points = [(row.get("step", i), row[name]) for i, row in enumerate(rows) if name in row]
        x, y = np.array(points, dtype=float).T
        axes.plot(x, y, color=colour, alpha=0.3, linewidth=0.7)
        axes.plot(x, _running_mean(y, max(1, len(y) // 20)), color=colour, linewidth=1.5)
        _plain(axes, "step", "")
        axes.set_title(name, fontsize=9, loc="left")
    for axes in grid[len(names) :]:
        axes.axis("off")
    return chart(figure, caption)


def maps(
    squares: Sequence[np.ndarray], titles: Sequence[str], caption: str = "", columns: int = 4
) -> Html:
    """Square maps of shares in [0, 1], such as attention: white is 0, dark the largest of all, one
    scale for all of them.
    """
    if len(squares) != len(titles) or not len(squares):
        raise InputError(
            f"{len(squares)} maps need as many titles, at least one, not {len(titles)}"
        )
    wide = min(columns, len(squares))
    high = math.ceil(len(squares) / wide)
    figure = Figure(figsize=(1.9 * wide, 2.0 * high), layout="constrained")
    grid = figure.subplots(high, wide, squeeze=False).ravel()
    top = max(float(np.max(s)) for s in squares)
    for axes in grid:
        axes.set_axis_off()
    for axes, square, title in zip(grid, squares, titles, strict=False):
        axes.imshow(square, vmin=0, vmax=top, cmap="Blues", interpolation="nearest")
        axes.set_title(title, fontsize=8)
    return chart(figure, caption)


def chart(figure: Figure, caption: str = "") -> Html:
    """A matplotlib figure as an embedded picture, so that it needs no inline backend."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=160)
    width = round(figure.get_figwidth() * 100)
    tag = (
        f'<img src="{_uri("image/png", buffer.getvalue())}" alt="{html.escape(caption)}" '
        f'width="{width}" style="max-width:100%;height:auto">'
    )
    return Html(_figure(tag, caption), caption)


def table(
    rows: Sequence[Mapping[str, Any] | Sequence[Any]],
    columns: Sequence[str] | Mapping[str, str] | None = None,
    caption: str = "",
    formats: Mapping[str, str] | None = None,
) -> Html:
    """Rows as an HTML table; all text is escaped, numbers stand right, None is a dash.

    columns: keys in order, or key -> heading; by default those of the first row.
    formats: key -> format of its numbers, such as ".2f".
    """
    keys, heads = _columns(rows, columns)
    values = [[r.get(k) for k in keys] if isinstance(r, Mapping) else list(r) for r in rows]
    formats = [(formats or {}).get(key, "") for key in keys]
    numeric = [
        any(isinstance(v, NUMBER) for v in column)
        and all(v is None or isinstance(v, NUMBER) for v in column)
        for column in zip(*values, strict=True)
    ] or [False] * len(keys)
    head = "".join(_cell("th", h, n) for h, n in zip(heads, numeric, strict=True))
    body = "".join(
        "<tr>"
        + "".join(
            _cell("td", _text(v, f), n) for v, f, n in zip(row, formats, numeric, strict=True)
        )
        + "</tr>"
        for row in values
    )
    tag = (
        f'<table style="{FONT};border-collapse:collapse;font-size:13px;line-height:1.45;'
        'font-variant-numeric:tabular-nums;margin:0">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )
    return Html(_figure(tag, caption), caption or f"table of {len(values)} rows")


def _columns(rows: Any, columns: Any) -> tuple[list[str], list[str]]:
    if columns is None:
        if not rows or not isinstance(rows[0], Mapping):
            raise InputError("A table of plain rows needs `columns`, the headings.")
        columns = list(rows[0])
    keys = list(columns)
    return keys, list(columns.values()) if isinstance(columns, Mapping) else keys


def _cell(tag: str, text: str, number: bool) -> str:
    line = "2px solid #444" if tag == "th" else "1px solid #ddd"
    align = "right" if number else "left"
    style = f"text-align:{align};padding:3px 14px 3px 0;border:0;border-bottom:{line}"
    return f'<{tag} style="{style};vertical-align:top">{html.escape(str(text))}</{tag}>'


def _text(value: Any, form: str) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, NUMBER):
        return format(value, form or ("," if isinstance(value, int | np.integer) else ".4g"))
    return str(value)


def _figure(body: str, caption: str) -> str:
    below = (
        f'<figcaption style="{FONT};font-size:13px;color:#555;margin-top:6px;max-width:60em">'
        f"{html.escape(caption)}</figcaption>"
        if caption
        else ""
    )
    return f'<figure style="margin:10px 0 18px 0">{body}{below}</figure>'


def _preview(grid: "_Grid", fps: float) -> str:
    """A small moving picture that an untrusted JupyterLab shows; the report takes it out."""
    step = max(1, math.ceil(len(grid) / 40))
    shrink = max(1, math.ceil(grid.shape[1] / 320))
    small = (_reduced(grid[t], shrink) for t in range(0, len(grid), step))
    moving = _uri("image/webp", encode(small, fps / step, "webp"))
    return (
        f'<div class="untrusted-preview" style="{FONT};font-size:12px;color:#777">'
        f'<img src="{moving}" alt="small moving preview" style="display:block">{TRUST}</div>'
    )


class _Grid:
    """Clips as tiles of one video. Frames (H, W, 3) uint8 are drawn when asked for, since all at
    once would fill the memory; H and W are even, as H.264 wants them.
    """

    def __init__(
        self,
        clips: list[np.ndarray],
        titles: list[str],
        seams: list[list[int]],
        columns: int | None,
        scale: int,
    ) -> None:
        self.clips, self.seams, self.scale = clips, seams, scale
        columns = columns or math.ceil(len(clips) / math.ceil(len(clips) / 5))
        band = BAND if any(titles) else 0
        high = max(c.shape[1] for c in clips) * scale + band + LINE
        wide = max(c.shape[2] for c in clips) * scale
        h = math.ceil(len(clips) / columns) * (high + GAP) + GAP
        w = columns * (wide + GAP) + GAP
        self.canvas = np.full((h + h % 2, w + w % 2, 3), 255, np.uint8)
        self.shape, self.corners = self.canvas.shape, []
        for i, title in enumerate(titles):
            y, x = GAP + i // columns * (high + GAP), GAP + i % columns * (wide + GAP)
            self.canvas[y : y + band, x : x + wide] = _banner(title, wide, band)
            self.corners.append((y + band, x))

    def __len__(self) -> int:
        return max(len(clip) for clip in self.clips)

    def __getitem__(self, t: int) -> np.ndarray:
        if not 0 <= t < len(self):
            raise IndexError(t)
        canvas = self.canvas.copy()
        for clip, marks, (y, x) in zip(self.clips, self.seams, self.corners, strict=True):
            self._tile(canvas, clip, marks, y, x, t)
        return canvas

    def _tile(
        self, canvas: np.ndarray, clip: np.ndarray, marks: list[int], y: int, x: int, t: int
    ) -> None:
        """Frame t of a clip, its edge lit around a seam, and its time line below."""
        frame = enlarge(clip[min(t, len(clip) - 1)], self.scale)
        if t >= len(clip):
            frame = ((frame.astype(np.uint16) + 2 * 255) // 3).astype(np.uint8)
        h, w = frame.shape[:2]
        if t < len(clip) and any(t in (mark - 1, mark) for mark in marks):
            canvas[y - 2 : y + h + 2, x - 2 : x + w + 2] = SEAM
        canvas[y : y + h, x : x + w] = frame
        top = y + h + 3
        canvas[top + 2 : top + 4, x : x + w] = REST
        for mark in marks:
            at = x + round(mark / len(clip) * (w - 2))
            canvas[top : top + 6, at : at + 2] = SEAM
        done = x + round(min(t / max(len(clip) - 1, 1), 1) * (w - 4))
        canvas[top : top + 6, done : done + 4] = INK


def _banner(title: str, width: int, height: int) -> np.ndarray:
    """A line of text on white, (height, width, 3), cut with an ellipsis where it is too long."""
    image = Image.new("RGB", (width, max(height, 1)), PAPER)
    font = ImageFont.load_default(13)
    if font.getlength(title) > width:
        while title and font.getlength(title + "…") > width:
            title = title[:-1]
        title += "…"
    ImageDraw.Draw(image).text((0, 0), title, INK, font)
    return np.asarray(image)[:height]


def _labelled(still: np.ndarray, text: str) -> np.ndarray:
    return np.vstack([_banner(text, still.shape[1], 18), still])


def _stack(rows: list[np.ndarray]) -> np.ndarray:
    wide = max(row.shape[1] for row in rows)
    margins = [((0, 6), (0, wide - row.shape[1]), (0, 0)) for row in rows]
    padded = [np.pad(r, m, constant_values=255) for r, m in zip(rows, margins, strict=True)]
    return np.vstack(padded)[:-6]


def _small(stills: np.ndarray) -> np.ndarray:
    """Frames wider than 128 averaged down by a whole number, (N, h, w, 3)."""
    return np.stack([_reduced(s, max(1, round(s.shape[1] / 100))) for s in stills])


def _reduced(frame: np.ndarray, by: int) -> np.ndarray:
    return np.asarray(Image.fromarray(frame).reduce(by)) if by > 1 else frame


def _scale(clips: list[np.ndarray], wanted: int) -> int:
    """The whole number that brings the widest clip nearest to `wanted` screen pixels."""
    return max(1, round(wanted / max(clip.shape[2] for clip in clips)))


def _titles(titles: Sequence[str] | None, count: int) -> list[str]:
    if not count:
        raise InputError("There is no video to show: the list is empty.")
    titles = list(titles) if titles is not None else [""] * count
    if len(titles) != count:
        raise InputError(f"{count} videos were given {len(titles)} titles; each needs one.")
    return titles


def _seams(marks: Any, count: int) -> list[list[int]]:
    marks = [] if marks is None else list(marks)
    if all(isinstance(m, int | np.integer) for m in marks):
        return [marks] * count
    if len(marks) != count:
        raise InputError(f"{count} videos were given {len(marks)} lists of marks; each needs one.")
    return [list(m) if m is not None else [] for m in marks]


def _history(history: Any) -> list[dict[str, float]]:
    if not isinstance(history, str | Path):
        return list(history)
    try:
        lines = Path(history).read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        raise InputError(f"The history {Path(history).name} cannot be read: {error}.") from None


def _first(rows: list[dict[str, float]], name: str) -> Any:
    return next(row[name] for row in rows if name in row)


def _running_mean(y: np.ndarray, over: int) -> np.ndarray:
    """Mean of the last `over` values, of fewer at the beginning."""
    total = np.cumsum(np.insert(y, 0, 0.0))
    end = np.arange(1, len(y) + 1)
    begin = np.maximum(end - over, 0)
    return (total[end] - total[begin]) / (end - begin)


def _cycle(count: int) -> list[str]:
    return [COLOURS[i % len(COLOURS)] for i in range(count)]


def _plain(axes: Any, xlabel: str, ylabel: str) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.set_xlabel(xlabel, fontsize=8)
    axes.set_ylabel(ylabel, fontsize=8)


def _png(image: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", optimize=True)
    return _uri("image/png", buffer.getvalue())


def _uri(mime: str, data: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def provenance_table(record: Mapping[str, Any]) -> Html:
    """The record of `provenance` as a table of two columns."""
    rows = [(name, _line(value)) for name, value in record.items()]
    return table(rows, columns=["what", "value"], caption="Where these results come from.")


def _line(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {_line(v)}" for k, v in value.items() if v not in (None, "")) or "–"
    if isinstance(value, list | tuple):
        return "(" + ", ".join(map(_line, value)) + ")"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else str(value)
