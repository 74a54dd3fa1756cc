"""The table of studies: complete, consistent with the contestants, every variant buildable."""

import re
from dataclasses import replace

import pytest
import torch
from conftest import moving_videos
from samples import file

from rencgan.__main__ import do
from rencgan.core.errors import InputError
from rencgan.data.videoset import VideoSet
from rencgan.models.trained import begun
from rencgan.notebook import steps as study
from rencgan.notebook.parameters import AR2Run
from rencgan.notebook.pictures import PICTURES
from rencgan.studies import catalogue as studies
from rencgan.studies import papers as published
from rencgan.studies import results, trainees, variants
from rencgan.studies import runs as compare
from rencgan.studies.recipes import framed_by
from rencgan.studies.results import frame, told
from rencgan.studies.setting import checked
from rencgan.studies.variants import ABLATIONS, CONTESTANTS, contestant
from rencgan.training.loop import Job, train

# Every table and figure of the thesis' experiments and of the ICIP paper.
TABLES = (
    *(f"T3.{n}" for n in range(1, 8)),
    *(f"T4.{n}" for n in range(1, 9)),
    *(f"T5.{n}" for n in range(1, 14)),
)
FIGURES = (
    *(f"F3.{n}" for n in range(1, 14)),
    *(f"F4.{n}" for n in range(1, 13)),
    *(f"F5.{n}" for n in range(1, 14)),
)
# Those of the baselines' papers: paper, tables or figures, the last one.
BASELINES = (
    *(("StyleGAN-V", "T", 3), ("StyleGAN-V", "F", 8), ("iVGAN", "T", 1), ("iVGAN", "F", 4)),
    *(("MotionVideoGAN", "T", 7), ("MotionVideoGAN", "F", 19)),
)


def covered() -> set[str]:
    """The names in all `covers`, with spans such as "F3.4 to F3.9" spelt out."""
    found = set()
    for s in studies.STUDIES.values():
        for part in re.split(r"[;,] *", s.covers):
            span = re.fullmatch(r"(.*[TF]|[TF]\d\.)(\d+) to [TF]?(?:\d\.)?(\d+)", part)
            if span:
                name, first, last = span.groups()
                found |= {f"{name}{n}" for n in range(int(first), int(last) + 1)}
            else:
                found.add(part)
    return found


def test_every_table_and_figure_belongs_to_a_study():
    assert not {*TABLES, *FIGURES, "ICIP F1", "ICIP F2", "ICIP F3", "ICIP T1"} - covered()
    assert not {f"{p} {kind}{n}" for p, kind, last in BASELINES for n in range(1, last + 1)} - (
        covered()
    )


def test_studies_name_pictures_and_rows_of_published_tables_that_there_are():
    for s in studies.STUDIES.values():
        assert studies.study(s.name) is s and (s.variants or s.by), s.name
        assert all(name in PICTURES for name in s.pictures)
        for paper, number in s.tables:
            rows = {(r.method, r.setting) for r in published.table(paper, number).rows}
            assert studies.published_table(paper, number)
            if len(s.tables) == 1:
                named = {v.printed for v in s.variants if v.printed}
                assert named <= rows, (s.name, named - rows)
    with pytest.raises(InputError, match="no study 'T9.9'.*; choose from T3.1, T3.2"):
        studies.study("T9.9")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rows": {"A": {"of": "R9"}}}, "X: there is no contestant 'R9'"),
        ({"rows": {"A": {"of": "R2", "way": "noise"}}}, "X: R2 draws no codes by 'noise'"),
        ({"rows": {"A": {"of": "R2", "wy": "mean"}}}, "'A' has of, way, method and .*, not wy"),
        ({"printed": ["thesis 9.9"]}, "X: of thesis there is no table '9.9'"),
        ({"measures": ["17f"]}, r"X.measures.0: .*, not '17f'"),
        ({"questions": "?"}, "X.questions: Unexpected keyword argument"),
        ({"full_scale": {"preset": "mini"}}, "X.full_scale.preset: .*, not 'mini'"),
    ],
)
def test_a_study_that_names_what_there_is_not_is_refused_in_a_sentence(change, said):
    block = {"covers": "ours", "question": "?", "by": "hand"}
    assert studies.read({"X": block})["X"].measures == ("16f", "128f", "ratio")
    with pytest.raises(InputError, match=said) as refused:
        studies.read({"X": block | change})
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"kind": "r4"}, "a kind is one of .*, not 'r4'"),
        ({"from": "Y"}, "'X' comes from 'Y', which is no contestant above it"),
        ({"kind": "r2", "but": {"hops": 4}}, "a preset has no field hops"),
        ({"kind": "r2", "scale": {"head": 2}}, "a preset has no field head"),
        ({"kind": "r2", "usual": ["encoded"]}, "usual ways are some of its ways, not encoded"),
        ({"kind": "r2", "ways": ["dream"]}, "X.ways.0: .*, not 'dream'"),
        ({"kind": "r2", "schedule": {"share": "fast"}}, "X.schedule.share.*, not 'fast'"),
        ({"kind": "r3"}, "'X' has a base, a contestant, where its kind has one"),
    ],
)
def test_a_contestant_that_cannot_be_is_refused_in_a_sentence(block, said):
    with pytest.raises(InputError, match=said) as refused:
        variants.read({"X": block})
    assert "\n" not in str(refused.value)


def test_a_contestant_is_another_one_and_a_difference(tmp_path):
    p = AR2Run(source="procedural", preset="mini", out_root=str(tmp_path))
    blocks = {"A": {"kind": "r2", "but": {"overlap": 4, "batch": 3}, "usual": ["mean"]}}
    blocks["B"] = {"from": "A", "but": {"overlap": 12}, "scale": {"motion_dim": 0.001, "rise": 0.5}}
    blocks["C"] = {"from": "B", "least": {"batch": 5}, "at_mini": {"steps": 7000}}
    a, b, c = variants.read(blocks).values()
    assert a.usual == b.usual == ("mean",) and b.kind == "r2"
    changed = b.preset(p).departures(a.preset(p))
    assert changed == {"overlap": (4, 12), "motion_dim": (64, 1), "rise": (0.6, 0.3)}
    assert c.preset(p).departures(b.preset(p)).keys() == {"batch", "steps"}
    smoke = AR2Run(source="procedural", preset="smoke", out_root=str(tmp_path))
    assert c.preset(smoke).departures(b.preset(smoke)).keys() == {"batch"}


def test_budgets_of_mini_are_refused_or_left_alone_elsewhere(tmp_path):
    p = AR2Run(source="procedural", preset="smoke", out_root=str(tmp_path))
    with pytest.raises(InputError, match="equal pairs are known at mini, not at smoke"):
        contestant("LEncGAN, equal pairs").preset(p)
    rolled = contestant("AR2+, roll-outs").preset(p)
    assert rolled.departures(contestant("AR2").preset(p)).keys() == {"rollout"}


def test_every_ablation_is_in_a_study_and_differs_from_all_others(tmp_path):
    used = {v.contestant for s in studies.STUDIES.values() for v in s.variants}
    assert set(ABLATIONS) <= used | {contestant(name).base for name in used}
    keys = {}
    for c in CONTESTANTS.values():
        preset = "mini" if c.known_at("mini") else "hour"
        p = AR2Run(source="procedural", preset=preset, out_root=str(tmp_path))
        keys[c.name] = untrained(c, p, tmp_path).key()
    assert len(set(keys.values())) == len(keys), "two contestants are the same training"


def untrained(c, p, tmp_path):
    """A contestant's training on a few moving videos, which lie in no folder."""
    size = framed_by("smoke", c.kind).size
    videos = VideoSet.from_arrays(moving_videos(4, frames=160, size=size))
    base = untrained(contestant(c.base), p, tmp_path) if c.base else None
    data = videos.every(c.step) if c.step > 1 else videos
    job = Job(c.system(p), c.preset(p), data, tmp_path / "run", 1)
    return trainees.Trainee(c.name, job, base, c.variant)


@pytest.mark.parametrize("name", [n for n, c in ABLATIONS.items() if c.kind != "r3"])
def test_every_variant_is_built_and_stepped(name, tmp_path):
    p = AR2Run(source="procedural", preset="smoke", out_root=str(tmp_path))
    found, seen = untrained(contestant(name), p, tmp_path), []
    preset, base = found.job.preset, found.base and found.base.job
    first = [getattr(preset, n, 0) for n in ("warmup", "motion_warmup")]
    base = base and begun(base.system, base.preset)
    job = replace(found.job, preset=preset.but(steps=sum(first) + 1), base=base)
    train(job, progress=lambda done, total, losses: seen.append(losses))
    assert len(seen) == job.preset.steps + 1  # the first call tells where it begins
    assert all(torch.isfinite(torch.tensor(list(losses.values()))).all() for losses in seen)


def test_every_gpt_variant_is_built_and_stepped(tmp_path):
    p = AR2Run(source="procedural", preset="smoke", out_root=str(tmp_path))
    videos, base = study.data(p), contestant("R3, regression, disc+cont").preset(p)
    for name in [n for n, c in ABLATIONS.items() if c.kind == "r3"]:
        found = trainees.trainee(contestant(name), p, videos, tmp_path)  # one R2 of each kind
        changed = found.job.preset.departures(base).keys()
        own = {field for field in ("scored", "width") if name.endswith(field)}
        assert own <= changed <= own | {"format"}, name
        assert found.base.name == contestant(name).base
        assert not found.there(), name
        model, told = found.trained()
        assert found.there() and found.base.there()
        assert told["steps"] == found.job.preset.steps > 0
        weights = model.nets["gpt"].state_dict().values()
        assert all(torch.isfinite(w).all() for w in weights if w.is_floating_point())


def test_the_switches_of_a_variant_reach_its_system(tmp_path):
    p = AR2Run(source="procedural", preset="smoke", out_root=str(tmp_path))

    def system(name):
        return contestant(name).system(p)

    alone = system("R2, loss v1, R_Enc alone")
    assert alone.recall_encoder and not alone.recall_critic and not alone.stitched_clip
    alone = system("R2, loss v1, R_3VD alone")
    assert alone.recall_critic and not alone.recall_encoder and alone.stitched_clip
    assert system("improved R2, noise terms").noise
    assert system("EncGAN3, L_Enc,v").maps == "encoder"
    assert system("LEncGAN, first frame the target").target == 0
    assert system("LEncGAN, fc").memory == "fc"


def test_real_video_stands_above_the_variants_but_whole_videos_not_above_clips():
    found = file("real", 1, 12.0, "held")
    rows = studies.rows(studies.study("T5.6"), frame([found, file("R2", 1)]))
    assert [r["variant"] for r in rows] == ["held", "3d", "1p2d"] and rows[0]["128f"] == "12.0"
    s = next(s for s in studies.STUDIES.values() if any(v.way == "noise" for v in s.variants))
    clips = file(s.variants[0].contestant, 1, way=s.variants[0].way)
    assert len(studies.rows(s, frame([found, clips]))) == len(s.variants)


def test_tables_have_a_row_a_variant_and_stay_empty_without_results():
    s = studies.study("T5.6")
    assert studies.rows(s, frame([])) == []
    files = [file("R2", n, 100.0 + n, dataset="taichi") for n in (1, 2, 3)]
    first, second = studies.rows(s, frame(files))
    assert (first["variant"], first["seeds"], first["128f"]) == ("3d", 0, "")
    assert (second["variant"], second["seeds"]) == ("1p2d", 3)
    assert second["128f"] == told([101.0, 102.0, 103.0], "128f") == "102.0 ± 1.0"
    (row,) = [r for r in studies.overview(frame(files), "mini") if r["study"] == "T5.6"]
    assert row["run"] == "1 of 2" and row["seeds"] == "3 to 3"


def test_published_tables_keep_their_own_form():
    rows = studies.published_table("thesis", "3.4")
    assert len(rows) == 18 and len({(r["setting"], r["data"]) for r in rows}) == 18
    assert rows[-1]["video FID"] == "66.621"
    first = studies.published_table("thesis", "4.3")[0]
    assert list(first)[:3] == ["method", "setting", "data"] and first["FVD 136f"] == "241.25"
    assert "setting" not in studies.published_table("thesis", "5.13")[0]


def test_a_study_runs_whole_once_and_only_what_is_missing(tmp_path, capsys, monkeypatch):
    argv = ["T5.6", "--dataset", "sky", "--seeds", "1", "--preset", "smoke"]
    argv += ["--out", str(tmp_path / "out"), "--work", str(tmp_path)]
    do(["study", *argv])
    told = capsys.readouterr().out
    assert "| 3d | 1 |" in told and "| 1p2d | 1 |" in told
    assert told.index("| other real video | 1 |") < told.index("| held | 1 |")
    files = sorted((tmp_path / "out").glob("*.json"))
    real = files.pop()
    assert real.name == "sky-procedural-smoke-real-seed1.json"
    assert [f.name for f in files] == [f"sky-procedural-smoke-{n}-seed1.json" for n in NAMES]
    strips = sorted((tmp_path / "out" / "pictures").glob("*.jpg"))
    assert [f.name for f in strips] == [f"{f.stem}-sample.jpg" for f in files]
    for strip in strips:  # and the same video as it moves
        clip = compare.kept_clip(strip.with_suffix(".mp4"))
        frames = compare.kept_frames(strip)
        assert len(clip) in (compare.SHORT, compare.KEPT) and clip.shape[1:] == frames.shape[1:]
        assert abs(clip[0].astype(int) - frames[0]).mean() < 8
    stamps = [f.stat().st_mtime_ns for f in files]
    monkeypatch.setattr(trainees.Trainee, "trained", None)  # nothing is trained again
    do(["study", *argv])
    assert [f.stat().st_mtime_ns for f in files] == stamps


NAMES = ("improved-r2", "r2")


def test_a_study_without_variants_says_who_makes_it(tmp_path):
    with pytest.raises(InputError, match="'F3.13' trains nothing; it is made by weights"):
        list(studies.run(studies.study("F3.13"), "sky", [1], {}, tmp_path))


def test_what_a_run_would_refuse_is_refused_at_once(capsys):
    for argv, said in (
        (["all", "--dry", "--dataset", "foo"], "dataset = 'foo' should be one of"),
        (["T3.1", "--dry"], "'T3.1' trains nothing; it is made by"),
        (["T4.2", "--dry", "--seeds", "-1"], "seed = -1 should be"),
    ):
        with pytest.raises(InputError, match=said):
            do(["study", *argv])
    do(["study", "T4.2", "--dry", "--seeds", "1", "1", "--dataset", "taichi"])
    assert capsys.readouterr().out.startswith("3 trainings for each of 1 seeds")


def test_what_it_takes_is_told_from_the_files():
    s = studies.study("T5.6")
    files = [file("R2", 1), file("improved R2", 1)]  # 301 s each
    told = studies.effort([(s, "sky"), (s, "taichi")], frame(files), [1, 2, 3])
    assert told.startswith("4 trainings for each of 3 seeds, about 5 minutes each")
    assert "1 hours, one after the other. " in told
    assert told.endswith("10 of them lack results: 1 hours."), "two have theirs, of seed 1 on sky"
    assert studies.effort([(s, "sky")], frame([]), [1]).endswith("none was timed yet.")


def test_the_first_seed_of_every_published_result_has_its_picture_and_small():
    """Those of other seeds are shown nowhere."""
    table = results.read().sort_values("seed")
    ways = table[(table.way != "") & (table.contestant != results.REAL)]
    ways = ways.drop_duplicates(["dataset", "contestant", "way"])
    assert len(ways) > 50
    for f in ways.itertuples():
        stem = f"{f.dataset}-{f.source}-{f.preset}-{compare.slug(f.contestant)}"
        path = results.RESULTS / f"{stem}-seed{f.seed}.json"
        assert 0 < compare.strip_of(path, f.way).stat().st_size < 100_000


def test_a_study_of_models_that_a_preset_does_not_know_is_left_out_there(capsys):
    s = studies.study("iVGAN T1")
    assert s.known_at("smoke") and s.known_at("hour") and not s.known_at("mini")
    (row,) = [r for r in studies.overview(frame([]), "hour") if r["study"] == s.name]
    assert row["run"] == f"0 of {len(s.variants)}" == "0 of 7"
    assert s.name not in {r["study"] for r in studies.overview(frame([]), "mini")}
    do(["study", "all", "--dry", "--preset", "minutes"])
    few = int(capsys.readouterr().out.partition(" ")[0])
    do(["study", "all", "--dry", "--preset", "hour"])
    assert int(capsys.readouterr().out.partition(" ")[0]) > few
    with pytest.raises(InputError, match="no preset of ivgan 'mini'; choose one of smoke, hour"):
        do(["study", s.name, "--dry"])


def test_a_narrower_token_has_fewer_heads_where_their_number_allows_it():
    for preset, sizes in (("128", {"third": (8, 512), "sixth": (4, 256)}), ("mini", None)):
        p = checked({"preset": preset, "source": "procedural"})
        for share in ("third", "sixth"):
            gpt = contestant(f"R3, regression, disc+cont, a {share} of the width").preset(p)
            if sizes:
                assert (gpt.heads, gpt.width) == sizes[share], "64 numbers a head, as of 1536"
            assert gpt.width % gpt.heads == 0
