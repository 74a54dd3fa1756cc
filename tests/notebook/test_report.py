"""Reports in a real browser: videos play, formulas are formulas, and nothing is fetched."""

import nbformat
import papermill
import pytest
from bs4 import BeautifulSoup
from conftest import ROOT
from nbformat.sign import NotebookNotary
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from rencgan.__main__ import main
from rencgan.core.errors import InputError
from rencgan.notebook import report

FRAMES, FPS = 420, 25
TEXT = r"""# The *first* chapter

A code $q(z \mid x)$; a price `$5 and $6`, and \$7.

$$\mathcal{L} = \mathbb{E}\left[\lVert x - \hat{x} \rVert_1\right] \tag{3.1}$$

## Why $x_{t+1}$ & others
"""
VIDEO = f"""import numpy as np
from rencgan.notebook import show
from rencgan.core.progress import Progress
clip = np.zeros(({FRAMES}, 32, 32, 3), np.uint8)
for t in range({FRAMES}):
    clip[t, :, t % 32] = 255
show.videos([clip, clip[::-1]], ["ours", "theirs"], fps={FPS}, marks=range(8, {FRAMES}, 8))"""
PROGRESS = """with Progress(300, "EncGAN3") as bar:
    for step in range(1, 301):
        bar.update(step, {"D": 0.5})"""
SHOWN = """({
  width: document.querySelector("video").videoWidth,
  duration: document.querySelector("video").duration,
  now: document.querySelector("video").currentTime,
  source: document.querySelector("video").currentSrc.slice(0, 15),
  formulas: [...document.querySelectorAll("main math")].map(m => m.getBoundingClientRect().width),
  contents: [...document.querySelectorAll("nav.contents a")].map(a => a.getAttribute("href")),
  aimed: [...document.querySelectorAll("nav.contents a")].every(
    a => document.getElementById(decodeURIComponent(a.getAttribute("href").slice(1)))),
  code: [...document.querySelectorAll("details.code")].map(d => d.open),
  previews: document.querySelectorAll(".untrusted-preview").length,
  text: document.querySelector("main").innerText
})"""


LONGEST = """[...document.querySelectorAll('video')].reduce(
    (a, b) => (b.duration || 0) > (a.duration || 0) ? b : a, document.querySelector('video'))"""
PLAYED = f"(v => v && (v.scrollIntoView(), v.currentTime > 1))({LONGEST})"


@pytest.fixture(scope="module", autouse=True)
def own_signatures(tmp_path_factory):
    """Signatures go to a data folder of this test, not to the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_DATA_DIR", str(tmp_path_factory.mktemp("jupyter")))
        yield


def notebook(path, *cells) -> None:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=list(cells), metadata={"kernelspec": kernel}), path)


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebooks")
    code = [new_code_cell(VIDEO), new_code_cell(PROGRESS)]
    notebook(folder / "study.ipynb", new_markdown_cell(TEXT), *code)
    path = folder / "done" / "study.ipynb"
    path.parent.mkdir()
    papermill.execute_notebook(folder / "study.ipynb", path, progress_bar=False, cwd=folder)
    return path


@pytest.fixture(scope="module")
def page(executed):
    return report.export(executed, executed.parent / "html")


@pytest.fixture(scope="module")
def shown(browser, page):
    browser.do("Page.navigate", url=page.as_uri())
    # muted videos start by themselves only where they can be seen
    assert browser.until(PLAYED), "the video did not play for a second within 20"
    return browser.value(SHOWN)


def test_the_video_plays_and_has_all_frames(shown):
    assert shown["source"] == "data:video/webm" and shown["width"] > 300
    assert round(shown["duration"] * FPS) >= FRAMES and shown["now"] > 1


def test_nothing_is_requested_but_the_page(shown, browser, page):
    asked = {url for url in browser.requests if not url.startswith(("data:", "blob:"))}
    assert asked == {page.as_uri()}


def test_formulas_are_drawn_and_code_is_left_alone(shown):
    assert len(shown["formulas"]) == 3 and min(shown["formulas"]) > 5
    assert "$5 and $6" in shown["text"] and "$7" in shown["text"]
    assert "(3.1)" in shown["text"] and "\\" not in shown["text"]


def test_contents_lead_to_headings_and_code_is_folded(shown):
    assert len(shown["contents"]) == 2 and shown["aimed"]
    assert shown["code"] == [False, False]
    assert "import numpy" not in shown["text"]


def test_headings_that_cells_show_are_in_the_contents_and_a_long_list_of_them_is_folded():
    text = "## Studies\n\n### In markdown"
    shown = [shown_html(f'<h3 id="S{i}">S{i} &amp; more</h3><p>x</p>') for i in range(20)]
    nb = new_notebook(cells=[new_markdown_cell(text), new_code_cell("", outputs=shown)])
    nb.cells.append(new_markdown_cell("## The end"))
    assert [anchor for _, anchor, _ in report.contents(nb)] == [
        *("Studies", "In-markdown"),
        *(f"S{i}" for i in range(20)),
        "The-end",
    ]
    page = BeautifulSoup(report.render(nb), "html.parser")
    first, last = page.select("nav.contents > ol > li")
    links = [a["href"].removeprefix("#") for a in first.select("details a")]
    assert len(links) == 21 and not first.details.has_attr("open")
    assert all(page.find(id=link) for link in links)
    assert first.a.text == "Studies" and last.a.text == "The end" and not last.details
    nb.cells[1].outputs = nb.cells[1].outputs[:3]
    few = BeautifulSoup(report.render(nb), "html.parser").select_one("nav.contents")
    assert len(few.select("a")) == 6 and not few.details


def test_only_the_last_state_of_progress_is_shown_and_previews_are_gone(shown, executed):
    assert shown["text"].count("EncGAN3") == 1 and "300/300" in shown["text"]
    assert shown["previews"] == 0
    outputs = nbformat.read(executed, as_version=4).cells[2].outputs
    assert [o.output_type for o in outputs] == ["display_data"]
    saved = executed.read_text()
    assert "untrusted-preview" in saved  # the notebook itself keeps them


def test_the_notebook_is_signed_so_that_jupyterlab_trusts_it(executed, page):
    assert NotebookNotary().check_signature(nbformat.read(executed, as_version=4))


def test_a_failed_notebook_is_exported_with_its_error(tmp_path):
    refuses = "from rencgan.core.errors import InputError\nraise InputError('Give a smaller hop.')"
    notebook(tmp_path / "bad.ipynb", new_markdown_cell("# Bad"), new_code_cell(refuses))
    with pytest.raises(papermill.PapermillExecutionError):
        papermill.execute_notebook(
            tmp_path / "bad.ipynb", tmp_path / "ran.ipynb", progress_bar=False
        )
    page = report.export(tmp_path / "ran.ipynb", tmp_path / "html").read_text()
    assert "Give a smaller hop." in page and "An Exception was encountered" in page


@pytest.mark.parametrize(
    "bad",
    [
        '<img src="https://example.org/a.png">',
        '<script src="//example.org/a.js"></script>',
        '<link rel="stylesheet" href="https://example.org/a.css">',
        "<style>p { background: url(https://example.org/a.png) }</style>",
        "<style>@import 'https://example.org/a.css';</style>",
        "<p style=\"background: url('//example.org/a.png')\">x</p>",
        '<video poster="https://example.org/a.png"></video>',
        '<script>import("https://example.org/a.mjs")</script>',
        '<img src="beside.png">',
    ],
)
def test_what_would_be_fetched_is_refused_and_the_old_report_stays(bad, tmp_path):
    old = tmp_path / "html" / "n.html"
    old.parent.mkdir()
    old.write_text("old")
    notebook(tmp_path / "n.ipynb", new_code_cell("", outputs=[shown_html(bad)]))
    with pytest.raises(InputError, match="would fetch") as caught:
        report.export(tmp_path / "n.ipynb", tmp_path / "html")
    assert "\n" not in str(caught.value)
    assert old.read_text() == "old" and list(old.parent.iterdir()) == [old]


def shown_html(html: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_output("display_data", {"text/html": html})


def test_links_and_quoted_code_are_no_requests(tmp_path):
    cells = [
        new_markdown_cell('[a page](https://example.org)\n\n    <img src="https://example.org">'),
        new_code_cell("page = '<img src=\"https://example.org/a.png\">'"),
    ]
    notebook(tmp_path / "n.ipynb", *cells)
    assert report.export(tmp_path / "n.ipynb", tmp_path).is_file()


def test_a_report_over_the_limit_is_refused_with_its_size(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "LIMIT", 100_000)
    notebook(tmp_path / "n.ipynb", new_code_cell("", outputs=[shown_html("x" * 200_000)]))
    with pytest.raises(InputError, match=r"has 0\.\d MB, more than the 0 MB allowed"):
        report.export(tmp_path / "n.ipynb", tmp_path)


@pytest.mark.parametrize("formula", [r"\left( x", r"x + \notacommand y"])
def test_a_formula_that_cannot_be_read_is_named(formula, tmp_path):
    notebook(tmp_path / "n.ipynb", new_markdown_cell(f"${formula}$"))
    with pytest.raises(InputError, match="cannot be turned into MathML") as caught:
        report.export(tmp_path / "n.ipynb", tmp_path)
    assert formula in str(caught.value)


def test_the_command_goes_on_after_a_bad_notebook_and_says_what_to_open(tmp_path, capsys):
    notebook(tmp_path / "good.ipynb", new_markdown_cell("# Good"))
    (tmp_path / "bad.ipynb").write_text("no notebook")
    names = [str(tmp_path / f"{n}.ipynb") for n in ("missing", "bad", "good")]
    assert main(["report", str(tmp_path / "html"), *names]) == 1
    said = capsys.readouterr()
    assert said.out == f"Open {tmp_path / 'html' / 'good.html'}\n"
    assert said.err.count("cannot be read") == 2 and "Traceback" not in said.err


def test_the_report_of_03_plays_a_long_video(smoke_run, browser, tmp_path):
    """The notebook itself at smoke size: at least 400 frames, generated, beside their footage."""
    page = report.export(smoke_run("03_rencgan"), tmp_path)
    browser.requests.clear()
    browser.do("Page.navigate", url=page.as_uri())
    assert browser.until(PLAYED), "the video did not play for a second within 20"
    assert round(browser.value(f"({LONGEST}).duration") * FPS) >= 400
    assert {u for u in browser.requests if not u.startswith(("data:", "blob:"))} == {page.as_uri()}
    assert browser.value("document.querySelectorAll('main math').length") >= 5
    browser.do("Page.navigate", url="about:blank")  # a playing video costs the other tests time


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem)
def test_the_published_page_is_of_the_notebook_as_it_is(path):
    page = (ROOT / "reports" / f"{path.stem}.html").read_text(encoding="utf-8")
    page = BeautifulSoup(page, "html.parser")
    title, *cells = nbformat.read(path, as_version=4).cells
    shown = {block.get_text().strip() for block in page.find_all("pre")}
    missing = [c.id for c in cells if c.cell_type == "code" and c.source.strip() not in shown]
    assert not missing, "the page is of older cells: make reports"
    heading = page.find("h1").get_text().rstrip("¶")
    assert heading == title.source.partition("\n")[0].removeprefix("# ")
