"""Executed notebooks as HTML files without network: `python -m rencgan report OUT NB...`

Each report is one file: pictures and videos inside, formulas as MathML, code behind a click, a list
of contents at the side. A page that would fetch anything is refused, not repaired.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

import nbformat
from bs4 import BeautifulSoup
from jinja2 import pass_context
from latex2mathml.converter import convert
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from nbformat.sign import NotebookNotary
from traitlets.config import Config

from rencgan.core.errors import InputError
from rencgan.core.files import write_text

Heading = tuple[int, str, str]
TEMPLATES = Path(__file__).parent / "templates"
LIMIT = 10_000_000  # bytes of one report
# Attributes that a browser follows by itself; an <a href> waits for a click.
FETCHES = {"src", "srcset", "poster", "data", "background", "action", "xlink:href"}
CSS_FETCH = re.compile(r"""url\(\s*['"]?\s*(?!data:|#|['")])([^'")]+)|@import\s+([^;]+)""", re.I)
TAG = re.compile(r"\\tag\{([^}]*)\}")
HEADING = re.compile(r"<h[1-3] id=")
JS_FETCH = re.compile(r"""(?:import\s*\(?|fetch\s*\(|from\s|src\s*=)\s*['"`](\w+:)?//[^'"`]+""")


class MathRenderer(IPythonRenderer):
    """Markdown with its formulas as MathML; nbconvert's parser already tells them from code."""

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        # The parent's detour over ElementTree renames MathML's tags; its anchors stay as they are.
        anchor = _plain(text).replace(" ", "-")
        return f'<h{level} id="{escape(anchor)}">{text}</h{level}>\n'

    def inline_math(self, body: str) -> str:
        return _mathml(body, "inline")

    def block_math(self, body: str) -> str:
        return _mathml(body, "block")

    def latex_environment(self, name: str, body: str) -> str:
        if name.rstrip("*") in ("equation", "math", "displaymath"):
            return _mathml(body, "block")
        return _mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", "block")


class ReportExporter(HTMLExporter):
    """nbconvert's lab page with this project's template and formulas."""

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        cell = context.get("cell", {})
        path = context.get("resources", {}).get("metadata", {}).get("path", "")
        return _markdown(source, dict(cell.get("attachments", {})), path)


def export(notebook: str | Path, out_dir: str | Path) -> Path:
    """One executed notebook as OUT_DIR/<name>.html, and the notebook signed for JupyterLab.

    A failed notebook is exported too, with its error in place. Raises InputError when the file is
    no notebook, the page would fetch something from elsewhere, or it is larger than 10 MB; then
    an older report of that name stays as it was.
    """
    notebook, out_dir = Path(notebook), Path(out_dir)
    executed = _read(notebook)
    _sign(executed, notebook)
    page = render(executed, notebook.stem, notebook.parent)
    outside = fetched(page)
    if outside:
        raise InputError(
            f"The report of {notebook.name} would fetch {outside[0][:120]!r}; embed it as a data: "
            "address instead, since reports are read without a network."
        )
    size = len(page.encode())
    if size > LIMIT:
        raise InputError(
            f"The report of {notebook.name} has {size / 1e6:.1f} MB, more than the "
            f"{LIMIT / 1e6:.0f} MB allowed: show fewer, smaller or shorter videos."
        )
    path = out_dir / f"{notebook.stem}.html"
    try:
        write_text(path, page)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.") from None
    return path


def render(nb: NotebookNode, name: str = "report", folder: Path = Path()) -> str:
    """The page as text."""
    nb = nbformat.from_dict(nb)  # a copy: the caller's notebook keeps its previews
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            _without_previews(output.get("data", {}))
    headings = contents(nb)
    nb.metadata["title"] = _plain(headings[0][2]) if headings else name
    exporter = ReportExporter(
        template_name="rencgan",
        extra_template_basedirs=[str(TEMPLATES)],
        embed_images=True,
        config=Config(CoalesceStreamsPreprocessor={"enabled": True}),
    )
    resources = {"metadata": {"name": name, "path": str(folder)}, "contents": _nested(headings)}
    return exporter.from_notebook_node(nb, resources)[0]


def contents(nb: NotebookNode) -> list[Heading]:
    """(level, anchor, HTML) of each heading of levels 1 to 3 that has an anchor: in the markdown
    cells, and in what code cells show.
    """
    found = []
    for text in filter(HEADING.search, _texts(nb)):
        for heading in BeautifulSoup(text, "html.parser").find_all(["h1", "h2", "h3"], id=True):
            inside = heading.decode_contents().strip()
            found.append((int(heading.name[1]), escape(heading["id"]), inside))
    return found


def _texts(nb: NotebookNode) -> Iterator[str]:
    """The HTML of a page, piece by piece, without code."""
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            yield _markdown(cell.source, cell.get("attachments", {}))
        for output in cell.get("outputs", []):
            yield output.get("data", {}).get("text/html", "")


def _nested(headings: Sequence[Heading]) -> list[tuple[Heading, list[Heading]]]:
    """Each heading of levels 1 and 2 with those of level 3 that follow it."""
    found: list[tuple[Heading, list[Heading]]] = []
    for heading in headings:
        if heading[0] == 3 and found:
            found[-1][1].append(heading)
        else:
            found.append((heading, []))
    return found


def fetched(page: str) -> list[str]:
    """Every address that a browser would load by itself when it opens this page."""
    found = []
    for tag in BeautifulSoup(page, "html.parser", multi_valued_attributes=None).find_all(True):
        for name, value in tag.attrs.items():
            value = (value or "").strip()
            follows = name in FETCHES or (name == "href" and tag.name not in ("a", "area"))
            if follows and value and not value.startswith(("data:", "#")):
                found.append(value)
        for css in (tag.get("style") or "", tag.get_text() if tag.name == "style" else ""):
            found += [first or second for first, second in CSS_FETCH.findall(css)]
        if tag.name == "script":
            found += [match.group(0) for match in JS_FETCH.finditer(tag.get_text())]
    return found


def _markdown(source: str, attachments: dict[str, Any], path: str = "") -> str:
    renderer = MathRenderer(
        escape=False,
        attachments=attachments,
        embed_images=True,
        path=path,
    )
    return MarkdownWithMath(renderer=renderer).render(source)


def _plain(text: str) -> str:
    return BeautifulSoup(text, "html.parser").get_text().strip()


def _mathml(latex: str, display: str) -> str:
    """A formula as MathML; a block's \\tag{3.1} as a number at the right margin."""
    tag = TAG.search(latex)
    if tag:
        formula = _mathml(TAG.sub("", latex), display)
        return f'<span class="equation">{formula}<span>({escape(tag.group(1))})</span></span>'
    try:
        math = convert(latex.strip(), display=display)
    except Exception as error:  # latex2mathml has no common base for what it cannot read
        raise _bad_formula(latex, str(error) or type(error).__name__) from None
    unknown = re.search(r"\\[a-zA-Z]+", math)  # it hands through what it does not know
    if unknown:
        raise _bad_formula(latex, f"{unknown.group(0)} is unknown")
    return math


def _bad_formula(latex: str, reason: str) -> InputError:
    return InputError(
        f"The formula {latex.strip()[:80]} cannot be turned into MathML ({reason}); "
        "write it with simpler commands."
    )


def _without_previews(data: dict[str, Any]) -> None:
    """Take out what is only for JupyterLab before the notebook is trusted."""
    if "untrusted-preview" not in data.get("text/html", ""):
        return
    page = BeautifulSoup(data["text/html"], "html.parser")
    for preview in page.select(".untrusted-preview"):
        preview.decompose()
    data["text/html"] = str(page)


def _read(notebook: Path) -> NotebookNode:
    try:
        return nbformat.read(notebook, as_version=4)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no notebook"
        raise InputError(
            f"{notebook} cannot be read ({reason}); give an executed .ipynb file."
        ) from None


def _sign(nb: NotebookNode, notebook: Path) -> None:
    """Sign, so that JupyterLab trusts the videos. A report does not fail for want of it."""
    try:
        NotebookNotary().sign(nb)
    except OSError as error:
        print(f"{notebook.name} was not signed ({error}); trust it by hand.", file=sys.stderr)
