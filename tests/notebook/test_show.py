"""Pictures tell the truth: range, enlargement, marks; and players hold what was put in."""

import base64
import io
import json
import re

import av
import numpy as np
import pytest
import torch
from PIL import Image

from rencgan.core.errors import InputError
from rencgan.core.provenance import provenance
from rencgan.notebook import show, tiles


def ramp(frames=20, size=16) -> np.ndarray:
    """Grey videos that get lighter: frame t has value 10 t."""
    values = (10 * np.arange(frames)).astype(np.uint8)
    return np.broadcast_to(values[:, None, None, None], (frames, size, size, 3)).copy()


def embedded(html: str, mime: str) -> bytes:
    return base64.b64decode(re.search(rf"data:{mime};base64,([^\"]+)", html).group(1))


def decoded(data: bytes) -> np.ndarray:
    with av.open(io.BytesIO(data)) as container:
        return np.stack([f.to_ndarray(format="rgb24") for f in container.decode(video=0)])


def test_floats_are_read_in_one_fixed_range():
    video = torch.tensor([-1.0, 0.0, 0.5, 1.0, 7.0]).view(1, 5, 1, 1).expand(3, 5, 2, 2)
    assert tiles.pixels(video)[:, 0, 0, 0].tolist() == [0, 128, 191, 255, 255]
    dim = 0.1 * torch.ones(3, 2, 4, 4)
    assert np.unique(tiles.pixels(dim)).tolist() == [140]  # a batch's own extremes do not matter


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((4, 8, 8), np.uint8), np.zeros((4, 8, 8, 3), np.int64), torch.zeros(4, 3, 8, 8)],
)
def test_a_wrong_shape_or_type_is_named(wrong):
    with pytest.raises(InputError, match=r"should be \(T, H, W, 3\)"):
        tiles.pixels(wrong)


def test_numbers_that_are_not_finite_are_refused():
    with pytest.raises(InputError, match="not finite"):
        tiles.pixels(torch.full((3, 2, 4, 4), float("nan")))


def test_enlarging_repeats_pixels():
    frames = np.random.default_rng(0).integers(0, 255, (2, 3, 4, 3), dtype=np.uint8)
    large = tiles.enlarge(frames, 3)
    assert large.shape == (2, 9, 12, 3)
    assert all(np.array_equal(large[:, i::3, j::3], frames) for i in range(3) for j in range(3))


def test_the_player_holds_every_frame_with_its_brightness():
    html = show.videos([ramp()], ["a"], fps=10).html
    frames = decoded(embedded(html, "video/webm"))
    middle = frames[:, frames.shape[1] // 2, frames.shape[2] // 2].astype(int)
    assert len(frames) == 20
    assert abs(middle - 10 * np.arange(20)[:, None]).max() < 12


def test_a_seam_lights_the_edge_on_both_sides_of_it_and_nowhere_else():
    grid = tiles.Grid([ramp()], ["a"], [[8]], None, 4)
    lit = [t for t in range(20) if (grid[t][tiles.GAP + tiles.BAND - 1, 20] == tiles.SEAM).all()]
    assert lit == [7, 8]


def test_a_shorter_video_rests_dimmed_on_its_last_frame():
    grid = tiles.Grid([ramp(20), ramp(5)], ["", ""], [[], []], None, 1)
    y, x = grid.corners[1]
    assert len(grid) == 20
    assert grid[4][y, x].tolist() == [40] * 3
    assert grid[5][y, x].tolist() == grid[19][y, x].tolist() == [183] * 3


def test_the_player_is_one_video_with_stills_and_a_preview_for_untrusted_labs():
    html = show.videos([ramp(), ramp(9)], ["<b>", "b"], caption="x < y").html
    assert html.count("<video ") == html.count("data:video/") == 1
    assert html.count("data:image/webp") == 2 and "x &lt; y" in html  # stills, and the preview
    preview = re.search(r'<div class="untrusted-preview".*?</div>', html).group(0)
    assert "jupyter trust" in preview
    moving = Image.open(io.BytesIO(embedded(preview, "image/webp")))
    assert moving.n_frames > 1 and moving.width <= 320


def test_numbers_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="2 videos were given 1 titles"):
        show.videos([ramp(), ramp()], ["a"])
    with pytest.raises(InputError, match="1 lists of marks"):
        show.videos([ramp(), ramp()], marks=[[8]])
    with pytest.raises(InputError, match="the list is empty"):
        show.videos([])


def test_a_contact_sheet_runs_from_the_first_frame_to_the_last():
    sheet = show.contact_sheet([ramp(size=4)], columns=5)
    assert sheet.dtype == np.uint8 and sheet.shape[1] == 5 * 96 + 4 * 4
    assert sheet[-1, [0, 100, 200, 300, 400], 0].tolist() == [0, 50, 100, 140, 190]


def test_a_strip_shows_the_frames_asked_for_and_refuses_others():
    row = show.strip(ramp(size=4), [3, 7], scale=1)
    assert row[-1, [0, 8], 0].tolist() == [30, 70]
    with pytest.raises(InputError, match=r"\[20\].*0 to 19"):
        show.strip(ramp(), [20])


def test_a_picture_comes_back_pixel_for_pixel():
    image = np.random.default_rng(0).integers(0, 255, (5, 7, 3), dtype=np.uint8)
    shown = Image.open(io.BytesIO(embedded(show.picture(image).html, "image/webp")))
    assert np.array_equal(np.asarray(shown), image)


def test_losses_come_from_a_list_or_a_file(tmp_path):
    rows = [{"step": i, "D": 1.0, "G": i / 2, "phase": "a"} for i in range(30)]
    path = tmp_path / "history.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    assert show.losses(rows).html == show.losses(path).html
    assert show.losses(rows, ["D"]).html != show.losses(rows, ["G"]).html
    with pytest.raises(InputError, match="No loss named R1.*D, G"):
        show.losses(rows, ["R1"])
    with pytest.raises(InputError, match="history is empty"):
        show.losses([])
    with pytest.raises(InputError, match=r"none\.jsonl cannot be read"):
        show.losses(tmp_path / "none.jsonl")


def test_the_thick_line_is_the_running_mean_over_a_twentieth(monkeypatch):
    drawn = []
    monkeypatch.setattr(show, "chart", lambda figure, caption: drawn.append(figure))
    rows = [{"step": 10 * i, "D": 2.0 * i} for i in range(40)] + [{"step": 400, "G": 1.0}]
    show.losses(rows)
    logged, mean = drawn[0].axes[0].lines
    assert logged.get_xdata().tolist() == list(range(0, 400, 10))
    assert mean.get_ydata()[:4].tolist() == [0, 1, 3, 5]
    assert [axes.get_title(loc="left") for axes in drawn[0].axes] == ["D", "G"]


def test_curves_and_charts_are_pictures():
    html = show.curves({"ours": [1, 2], "theirs": ([0, 5], [2, 1])}, marks=[1], caption="c").html
    assert Image.open(io.BytesIO(embedded(html, "image/webp"))).width > 500


def test_a_table_escapes_text_and_formats_numbers():
    rows = [{"name": "<R2>", "FVD": 123.456, "n": 10000}, {"name": "E", "FVD": None, "n": 3}]
    html = show.table(
        rows, {"name": "model", "FVD": "FVD", "n": "videos"}, "c", {"FVD": ".1f"}
    ).html
    cells = re.findall(r"<t[hd] [^>]*>([^<]*)<", html)
    assert cells == ["model", "FVD", "videos", "&lt;R2&gt;", "123.5", "10,000", "E", "–", "3"]
    assert html.count("text-align:right") == 6
    with pytest.raises(InputError, match="needs `columns`"):
        show.table([[1, 2]])
    frame = show.pd.DataFrame({"name": ["a", "b"], "FVD": [1.5, float("nan")]})
    cells = re.findall(r"<td [^>]*>([^<]*)<", show.table(frame).html)
    assert cells == ["a", "1.5", "b", "–"]


def test_folded_pieces_open_with_a_click_on_their_title():
    shown = show.folded("All <tables>", [show.table([{"a": 1}]), show.table([{"b": 2}])])
    assert re.search(r"<summary [^>]*>All &lt;tables&gt;</summary>", shown.html)
    assert shown.html.count("<table") == 2 and "open" not in shown.html.partition(">")[0]


def test_provenance_is_plain_and_shows_as_a_table():
    card = {"dataset": "sky", "notice": "<stand-in>", "left_out": list(range(9))}
    record = provenance({"name": "smoke"}, 3, card, started=0.0, extra={"checkpoint": "abc"})
    assert json.loads(json.dumps(record)) == record
    assert record["data"]["left_out"] == 9 and record["versions"]["torch"] == torch.__version__
    assert record["device"]["threads"] == torch.get_num_threads() and record["seconds"] > 0
    html = show.provenance_table(record).html
    assert "&lt;stand-in&gt;" in html and "abc" in html


def test_maps_share_one_scale_and_need_titles():
    made = show.maps([np.eye(3), np.eye(3) / 2], ["a", "b"], "Two.")
    assert "data:image/webp" in made.html and "Two." in made.html
    with pytest.raises(InputError, match="2 maps need as many titles, at least one, not 1"):
        show.maps([np.eye(3)] * 2, ["a"])
