"""Pictures, players, curves and tables, as HTML in which nothing is fetched from anywhere."""

import base64
import html
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from PIL import Image

from rencgan.core.errors import InputError
from rencgan.data.encode import encode
from rencgan.notebook.tiles import (
    SEAM,
    Grid,
    Video,
    contact_sheet,
    pixels,
    reduced,
    scale_for,
    strip,
    titles_for,
)
from rencgan.training.record import read_history

__all__ = [
    "Html",
    "chart",
    "contact_sheet",
    "curves",
    "folded",
    "heat",
    "losses",
    "maps",
    "note",
    "picture",
]
__all__ += ["provenance_table", "strip", "table", "videos"]

FONT = "font-family:system-ui,sans-serif"
LOSSLESS = {"lossless": True}  # WebP: of a contact sheet four fifths of a PNG, of a chart half
NUMBER = (int, float, np.number)
TRUST = (
    "To play the videos in JupyterLab, trust this notebook: "
    "<code>jupyter trust &lt;file&gt;</code>, or Trust Notebook in the command palette."
)


class Html:
    """A piece of HTML that notebooks show, with a line of text for where there is none."""

    def __init__(self, html: str, text: str = "") -> None:
        self.html, self.text = html, text

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.text or f"<{len(self.html):,} characters of HTML>"


def _figure(body: str, caption: str, text: str = "") -> Html:
    below = (
        f'<figcaption style="{FONT};font-size:13px;color:#555;margin-top:6px;max-width:60em">'
        f"{html.escape(caption)}</figcaption>"
    )
    whole = f'<figure style="margin:10px 0 18px 0">{body}{below if caption else ""}</figure>'
    return Html(whole, text or caption)


def _uri(mime: str, data: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def _still(image: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "WEBP", **LOSSLESS)
    return _uri("image/webp", buffer.getvalue())


# --------------------------------------------------------------------------------- videos, pictures


def videos(
    arrays: Sequence[Video],
    titles: Sequence[str] | None = None,
    fps: float = 25.0,
    columns: int | None = None,
    scale: int | None = None,
    caption: str = "",
    marks: Sequence[int] | Sequence[Sequence[int]] | None = None,
    stills: bool = True,
) -> Html:
    """Videos side by side in one player, with a sheet of stills under it where they are wanted.

    titles: one per video. marks: frames at which a new clip begins, one list for all videos or one
    per video; a line under each tile shows them, and its edge lights up around each.
    A shorter video rests, dimmed, on its last frame. Raises InputError when the numbers differ.
    """
    clips = [pixels(a) for a in arrays]
    titles = titles_for(titles, len(clips))
    scale = scale or (scale_for(clips, 128) if clips else 1)
    grid = Grid(clips, titles, _seams(marks, len(clips)), columns, scale)
    label = f"{len(clips)} video{'s' if len(clips) > 1 else ''}, "
    label += f"{len(grid)} frames at {fps:g} a second"
    body = (
        f'<video controls loop muted playsinline autoplay width="{grid.shape[1]}" '
        f'style="max-width:100%;height:auto" aria-label="{html.escape(label)}" '
        f'src="{_uri("video/webm", encode(grid, fps, "vp9"))}"></video>{_preview(grid, fps)}'
    )
    if stills:
        body += (
            f'<img src="{_still(contact_sheet(clips, titles))}" alt="stills: {html.escape(label)}" '
            f'style="display:block;max-width:100%;margin-top:6px">'
        )
    return _figure(body, caption, label)


def _seams(marks: Any, count: int) -> list[list[int]]:
    marks = [] if marks is None else list(marks)
    if all(isinstance(m, int | np.integer) for m in marks):
        return [marks] * count
    if len(marks) != count:
        raise InputError(f"{count} videos were given {len(marks)} lists of marks; each needs one.")
    return [list(m) if m is not None else [] for m in marks]


def _preview(grid: Grid, fps: float) -> str:
    """A small moving picture that an untrusted JupyterLab shows; the report takes it out."""
    step = max(1, math.ceil(len(grid) / 40))
    shrink = max(1, math.ceil(grid.shape[1] / 320))
    small = (reduced(grid[t], shrink) for t in range(0, len(grid), step))
    moving = _uri("image/webp", encode(small, fps / step, "webp"))
    return (
        f'<div class="untrusted-preview" style="{FONT};font-size:12px;color:#777">'
        f'<img src="{moving}" alt="small moving preview" style="display:block">{TRUST}</div>'
    )


def picture(image: np.ndarray, caption: str = "") -> Html:
    """An (H, W, 3) uint8 picture, such as a contact sheet or a strip, at its own size."""
    alt = html.escape(caption)
    return _figure(f'<img src="{_still(image)}" alt="{alt}" style="max-width:100%">', caption)


# ------------------------------------------------------------------------------------------- charts


def curves(
    lines: Mapping[str, Any],
    xlabel: str = "",
    ylabel: str = "",
    caption: str = "",
    marks: Sequence[float] = (),
) -> Html:
    """Lines in one chart. lines: name -> y, or name -> (x, y). marks: x at which to draw a seam."""
    figure, (axes,) = _panels(1, 1, 7.2, 2.8)
    for mark in marks:
        axes.axvline(mark, color=[c / 255 for c in SEAM], linewidth=0.8, alpha=0.6)
    for name, line in lines.items():
        x, y = line if isinstance(line, tuple) else (range(len(line)), line)
        axes.plot(x, y, label=name, linewidth=1.4)
    axes.set_xlabel(xlabel, fontsize=8)
    axes.set_ylabel(ylabel, fontsize=8)
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
    if isinstance(history, str | Path):
        try:
            history = read_history(Path(history))
        except (OSError, ValueError) as error:
            name = Path(history).name
            raise InputError(f"The history {name} cannot be read: {error}.") from None
    logged = pd.DataFrame(list(history))
    logged = logged.set_index("step") if "step" in logged else logged
    names = list(names or logged.select_dtypes("number").columns)
    missing = [n for n in names if n not in logged]
    if missing or not names:
        raise InputError(
            f"No loss named {', '.join(missing) or 'anything'} was logged; "
            f"there are: {', '.join(logged) or 'none, the history is empty'}."
        )
    figure, grid = _panels(len(names), 4, 2.6, 1.9)
    for axes, name, colour in zip(grid, names, sns.color_palette("deep", len(names)), strict=True):
        line = logged[name].dropna()
        mean = line.rolling(max(1, len(line) // 20), min_periods=1).mean()
        axes.plot(line, color=colour, alpha=0.3, linewidth=0.7)
        axes.plot(mean, color=colour, linewidth=1.5)
        axes.set_xlabel("step", fontsize=8)
        axes.set_title(name, fontsize=9, loc="left")
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
    figure, grid = _panels(len(squares), columns, 1.9, 2.0)
    scale = {"vmin": 0, "vmax": max(float(np.max(s)) for s in squares), "cmap": "Blues"}
    for axes, square, title in zip(grid, squares, titles, strict=True):
        axes.imshow(square, interpolation="nearest", **scale)
        axes.set_axis_off()
        axes.set_title(title, fontsize=8)
    return chart(figure, caption)


def heat(table: pd.DataFrame, caption: str = "") -> Html:
    """Numbers in [0, 1] as a map of cells: white at 0.5, blue below, red above; none is blank."""
    figure = Figure(figsize=(3 + 0.75 * table.shape[1], 0.8 + 0.26 * len(table)), layout="tight")
    axes = figure.subplots()
    looks = {"vmin": 0, "vmax": 1, "cmap": "vlag", "cbar": False, "linewidths": 0.5}
    sns.heatmap(table, ax=axes, annot=True, fmt=".2f", annot_kws={"fontsize": 7}, **looks)
    axes.tick_params(labelsize=8, length=0)
    axes.xaxis.tick_top()
    return chart(figure, caption)


def _panels(count: int, columns: int, width: float, height: float) -> tuple[Figure, list]:
    """A figure of so many light axes, `columns` a row, each of that size in inches."""
    wide = min(count, columns)
    high = math.ceil(count / wide)
    figure = Figure(figsize=(width * wide, height * high), layout="constrained")
    grid = figure.subplots(high, wide, squeeze=False).ravel()
    for axes in grid:
        sns.despine(ax=axes)
        axes.set_prop_cycle(color=sns.color_palette("deep"))
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.25, linewidth=0.6)
    for axes in grid[count:]:
        axes.axis("off")
    return figure, list(grid[:count])


def chart(figure: Figure, caption: str = "") -> Html:
    """A matplotlib figure as an embedded picture, so that it needs no inline backend."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="webp", dpi=160, pil_kwargs=LOSSLESS)
    width, alt = round(figure.get_figwidth() * 100), html.escape(caption)
    tag = f'<img src="{_uri("image/webp", buffer.getvalue())}" alt="{alt}" width="{width}" '
    return _figure(tag + 'style="max-width:100%;height:auto">', caption)


# ------------------------------------------------------------------------------------------- tables


def table(
    rows: pd.DataFrame | Sequence[Mapping[str, Any] | Sequence[Any]],
    columns: Sequence[str] | Mapping[str, str] | None = None,
    caption: str = "",
    formats: Mapping[str, str] | None = None,
) -> Html:
    """Rows as an HTML table; all text is escaped, numbers stand right, None is a dash.

    columns: keys in order, or key -> heading; by default those of the first row.
    formats: key -> format of its numbers, such as ".2f".
    """
    if isinstance(rows, pd.DataFrame):
        rows = rows.to_dict("records")
    if columns is None and not (len(rows) and isinstance(rows[0], Mapping)):
        raise InputError("A table of plain rows needs `columns`, the headings.")
    columns = list(rows[0]) if columns is None else columns
    heads = dict(columns if isinstance(columns, Mapping) else zip(columns, columns, strict=True))
    frame = pd.DataFrame(list(rows), columns=list(heads), dtype=object)
    frame = frame.where(frame.notna(), None)
    lines: list[list[str]] = [[] for _ in range(1 + len(frame))]
    gap = 14 if len(heads) < 13 else 7  # pixels between columns
    for name, values in frame.items():
        number = any(isinstance(v, NUMBER) for v in values)
        number &= all(v is None or isinstance(v, NUMBER) for v in values)
        form = (formats or {}).get(name, "")
        lines[0].append(_cell("th", heads[name], number, gap))
        for line, value in zip(lines[1:], values, strict=True):
            line.append(_cell("td", _text(value, form), number, gap))
    head, *body = ("".join(line) for line in lines)
    tag = (
        f'<table style="{FONT};border-collapse:collapse;font-size:13px;line-height:1.45;'
        f'font-variant-numeric:tabular-nums;margin:0"><thead><tr>{head}</tr></thead><tbody>'
        + "".join(f"<tr>{line}</tr>" for line in body)
        + "</tbody></table>"
    )
    return _figure(tag, caption, caption or f"table of {len(frame)} rows")


def note(text: str) -> Html:
    """A sentence among tables and pictures."""
    return Html(f"<p>{html.escape(text)}</p>", text)


def folded(title: str, parts: Sequence[Html]) -> Html:
    """Pieces that open with a click on their title."""
    body = "".join(part.html for part in parts)
    head = f'<summary style="{FONT};font-size:14px;cursor:pointer">{html.escape(title)}</summary>'
    return Html(f'<details style="margin:10px 0 18px 0">{head}{body}</details>', title)


def _cell(tag: str, text: str, number: bool, gap: int) -> str:
    line = "2px solid #444" if tag == "th" else "1px solid #ddd"
    align = "right" if number else "left"
    style = f"text-align:{align};padding:3px {gap}px 3px 0;border:0;border-bottom:{line}"
    return f'<{tag} style="{style};vertical-align:top">{html.escape(str(text))}</{tag}>'


def _text(value: Any, form: str = "") -> str:
    """A value as a cell shows it: no value is a dash, a truth is yes or no."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, NUMBER):
        return format(value, form or ("," if isinstance(value, int | np.integer) else ".4g"))
    return str(value)


def provenance_table(record: Mapping[str, Any]) -> Html:
    """The record of `provenance` as a table of two columns."""
    rows = [(name, _line(value)) for name, value in record.items()]
    return table(rows, columns=["what", "value"], caption="Where these results come from.")


def _line(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {_line(v)}" for k, v in value.items() if v not in (None, "")) or "–"
    if isinstance(value, list | tuple):
        return "(" + ", ".join(map(_line, value)) + ")"
    return _text(value) if value is None or isinstance(value, bool) else str(value)
