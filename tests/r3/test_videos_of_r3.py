"""R3 on its own: roll-outs with and without a cache, robust and faster videos, what is refused."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import Critic, moving_videos

from rencgan.core import checkpoint
from rencgan.core.errors import InputError
from rencgan.data.pixels import as_clips, as_frames
from rencgan.data.videoset import VideoSet
from rencgan.models.ar2 import AR2
from rencgan.models.networks import draw
from rencgan.models.r2 import R2
from rencgan.models.recall import reject
from rencgan.models.sampling import noise
from rencgan.models.trained import load_model
from rencgan.notebook.steps_r3 import tokens_of
from rencgan.presets.table import GPT_SMOKE as SMOKE
from rencgan.presets.table import SMOKE as R2_SMOKE
from rencgan.r3 import videos as module
from rencgan.r3.foresight import foresight
from rencgan.r3.gpt import GPT, Statistics
from rencgan.r3.r3 import R3
from rencgan.r3.rollout import Context, Script, token_noise
from rencgan.r3.sequences import Vocabulary
from rencgan.r3.tokens import as_tokens, encode
from rencgan.training.loop import Job, train

FORMATS = ["pad0", "padzs", "disc+cont"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An R2, and R3s with every head and in every format, each trained for a few steps."""
    folder = tmp_path_factory.mktemp("r3")
    videos = VideoSet.from_arrays(moving_videos(4, frames=80), subjects=["a", "b", "a", "b"])
    r2 = load_model(train(Job(R2(), R2_SMOKE, videos, folder / "r2")))
    found = {"r2": r2, "videos": videos, "folder": folder}
    for name, changes in {
        "regression": {},
        "mixture": {"head": "mixture"},
        "flow": {"head": "flow"},
        "padzs": {"format": "padzs"},
        "disc+cont": {"format": "disc+cont", "head": "mixture"},
        "noise": {"context_noise": 0.5},
    }.items():
        job = Job(R3(), SMOKE.but(**changes), videos, folder / name, base=r2, cache=folder)
        found[name] = load_model(train(job), base=r2)
    return found


def clip(count=2) -> np.ndarray:
    return np.stack([v[:16] for v in moving_videos(count, seed=3)])


def wild(gpt: GPT) -> GPT:
    """The same with larger weights: after a few steps all answers are nearly alike."""
    gpt = copy.deepcopy(gpt)
    chance = torch.Generator().manual_seed(0)
    for w in gpt.parameters():
        w.add_(0.3 * torch.randn(w.shape, generator=chance))
    return gpt


def wild_gpt(d=6, vocabulary=0) -> GPT:
    torch.manual_seed(0)
    gpt = GPT(SMOKE, d, vocabulary, Statistics(torch.rand(d), torch.rand(d) + 0.5)).eval()
    with torch.no_grad():
        for w in gpt.parameters():
            w.add_(0.2 * torch.randn_like(w))
    return gpt


# ---- roll-outs -----------------------------------------------------------------------------------


def test_cached_and_uncached_agree_beyond_the_positions_too():
    gpt = wild_gpt()
    contexts = Context(gpt), Context(gpt, cached=False)
    x = torch.randn(30, 2, 6)
    for i, token in enumerate(x):  # 12 positions
        a, b = (context.read(token) for context in contexts)
        assert torch.allclose(a, b, atol=1e-5), i
        assert contexts[0].codes.shape[1] == min(i + 1, gpt.positions)


def test_beyond_the_last_position_the_oldest_token_falls_out_and_positions_count_anew():
    gpt, x = wild_gpt(), torch.randn(1, 20, 6)
    context = Context(gpt)
    for token in x.unbind(1):
        h = context.read(token)
    with torch.no_grad():
        window, _ = gpt(x[:, -gpt.positions :])
    assert torch.allclose(h, window[:, -1], atol=1e-5)


def test_a_cached_token_costs_one_place(monkeypatch):
    gpt, places = wild_gpt(), []
    forward = gpt.forward

    def counted(codes, *given):
        places.append(codes.shape[1])
        return forward(codes, *given)

    monkeypatch.setattr(gpt, "forward", counted)
    context = Context(gpt)
    for token in torch.randn(14, 1, 6):
        context.read(token)
    assert places == [1] * 12 + [12, 12]


def test_noise_of_a_token_knows_only_its_own_video():
    eps, chance = token_noise(3, 5, 4, 6)
    fewer, some = token_noise(3, 5, 2, 6)
    assert torch.equal(eps[:2], fewer) and torch.equal(chance[:2], some)
    assert len({float(c) for c in chance}) == 4 and (chance >= 0).all() and (chance < 1).all()
    assert not torch.equal(eps, token_noise(3, 6, 4, 6)[0])


def test_a_script_writes_lengths_where_they_belong():
    words = Vocabulary(("a", "b"), SMOKE.but(format="disc+cont").longest)  # 4
    gpt = wild_gpt(vocabulary=len(words))
    script, seen = Script(gpt, words, "b", seed=1), []
    forward = gpt.forward
    gpt.forward = lambda codes, marks: (
        seen.append((codes[0, :, 0], marks[0].tolist())) or forward(codes, marks)
    )
    for value in range(1, 61):
        script.read(torch.full((1, 6), float(value)))
    for codes, marks in seen:
        assert len(marks) <= gpt.positions and marks[0] == words.of_class("b")
        places = [i for i, m in enumerate(marks) if m >= 0][1:]
        assert 1 <= len(places) <= 2 and places[0] == 1
        for place, end in zip(places, [*places[1:], len(marks)], strict=True):
            n = marks[place] - words.of_length(0)
            assert 1 <= n <= words.longest
            said = end - place - 1
            assert said == n if end < len(marks) else said <= n
        told = codes[[i for i, m in enumerate(marks) if m < 0]].tolist()
        assert told == list(np.arange(len(told)) + told[0]) if told else True
    assert seen[-1][0].max() >= 59


def test_nothing_is_carried_over_a_cut():
    words = Vocabulary(("a",), 1)
    script = Script(wild_gpt(vocabulary=len(words)), words, None, seed=0)
    assert not script.last.any()
    script.read(torch.ones(1, 6))  # a scene of one token: the next one begins
    assert not script.last.any()
    assert script.state().shape == (1, SMOKE.width)


# ---- videos --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["robust", "faster"])
@pytest.mark.parametrize("name", ["regression", "mixture", "flow", "padzs", "disc+cont", "noise"])
def test_any_length_beyond_the_positions(made, name, method):
    """12 positions hold 104 frames."""
    r3 = made[name]
    video = r3.videos(157, first_clip=clip(), method=method)
    assert video.shape == (2, 157, 16, 16, 3) and video.dtype == np.uint8
    assert np.array_equal(video[:, :8], clip()[:, :8])
    again = r3.videos(157, first_clip=clip(), method=method)
    assert np.array_equal(video, again)
    alone = r3.videos(157, first_clip=clip()[:1], method=method)
    off = np.abs(alone[0].astype(int) - video[0]).max()
    assert off <= 1  # batched sums round otherwise


@pytest.mark.parametrize("method", ["robust", "faster"])
def test_one_candidate_is_plain_sampling_and_a_shorter_video_its_beginning(made, method):
    r3 = made["mixture"]
    options = {"first_clip": clip(), "method": method}
    plain = r3.videos(64, **options)
    assert np.array_equal(plain, r3.videos(64, candidates=1, **options))
    assert np.array_equal(plain[:, :40], r3.videos(80, **options)[:, :40])
    assert not np.array_equal(plain, r3.videos(64, seed=1, **options))


def test_algorithm_11(made):
    """The loop as printed, by hand: encode, predict, draw candidates, keep the best, encode it."""
    r3, first, frames = made["mixture"], as_clips(clip(1)), 40
    r2 = r3.r2
    context = Context(r3.gpt)
    previous, pieces = first, [first[:, :, :8]]
    with torch.no_grad():
        for number in (1, 2, 3):
            token = r3.tokens(previous)
            h = context.read(token)
            eps, chance = token_noise(5, number, 1, r3.gpt.dim)
            space = r3.spaces(r3.gpt.draw(h, token, eps, chance))
            z = draw(space, *noise(5, number, 4, (8, 4)))
            drawn = r2.nets["generator"](*z)[None]
            previous, _ = reject(r2.nets["video_d"], drawn, previous, 8)
            pieces.append(previous[:, :, :8])
    pieces[-1] = previous
    right = as_frames(torch.cat(pieces, 2))[:, :frames]
    got = r3.videos(frames, first_clip=clip(1), candidates=4, seed=5)
    assert np.abs(got.astype(int) - right).max() <= 1


def test_faster_never_looks_at_what_was_drawn(made, monkeypatch):
    r3 = made["flow"]
    reads = []
    encoder = r3.r2.nets["encoder"]
    hook = encoder.register_forward_hook(lambda *a: reads.append(1))
    r3.videos(80, first_clip=clip(), method="faster")
    assert len(reads) == 1
    r3.videos(80, first_clip=clip(), method="robust")
    hook.remove()
    assert len(reads) == 1 + 8


def test_faster_draws_the_spaces_of_the_roll_out(made):
    r3 = made["regression"]
    with torch.no_grad():
        rolled = tokens_of(r3, clip(1), 40, 0)
        assert len(rolled) == 3
        spaces = [r3.spaces(token) for token in rolled]
        clips = [r3.r2.nets["generator"](s.mu_c, s.mu_m) for s in spaces]
    right = np.concatenate([clip(1), as_frames(clips[0]), as_frames(clips[1]), as_frames(clips[2])])
    got = r3.videos(40, first_clip=clip(1), method="faster", codes="mean")[0]
    joined = np.concatenate([right[0][:8], right[1][:8], right[2][:8], right[3]])
    assert np.abs(got.astype(int) - joined).max() <= 1


@pytest.mark.parametrize("options", [{"codes": "mean"}, {}, {"candidates": 3}])
def test_faster_draws_every_video_from_its_own_tokens(made, options):
    r3 = replace(made["mixture"], nets={"gpt": wild(made["mixture"].gpt)})
    together = r3.videos(64, first_clip=clip(3), method="faster", **options)
    rolled = tokens_of(r3, clip(3), 64, 0)
    apart = [(rolled[0][a] - rolled[0][b]).abs().max() for a, b in ((0, 1), (1, 2))]
    assert min(apart) > 0.1
    taken, whole = [], module.recalled_clips

    def watched(generator, spaces, *given, **named):
        spaces = list(spaces)
        taken.append(torch.cat([as_tokens(s) for s in spaces]))
        return whole(generator, iter(spaces), *given, **named)

    module.recalled_clips = watched
    try:
        again = r3.videos(64, first_clip=clip(3), method="faster", **options)
    finally:
        module.recalled_clips = whole
    assert np.array_equal(together, again)
    for v, spaces in enumerate(taken):
        right = torch.cat([as_tokens(r3.spaces(token[v : v + 1])) for token in rolled])
        assert torch.allclose(spaces, right, atol=1e-4)


@pytest.mark.parametrize("method", ["robust", "faster"])
def test_where_a_scene_begins_clips_are_judged_alone(made, method):
    critic = Critic(lambda x: x.mean(dim=(1, 2, 3, 4)))
    r2 = replace(made["r2"], nets=made["r2"].nets | {"video_d": critic})
    r3 = replace(made["disc+cont"], base=r2)
    r3.videos(56, first_clip=clip(1), method=method, candidates=4)  # 6 clips, scenes of 4
    alone = [(x[0] != x[1]).flatten(2).any(-1).all() for x in critic.judged]
    first_frames = [float((x[0, :, :8] - x[1, :, :8]).abs().max()) for x in critic.judged]
    assert len(alone) == 5 and first_frames[:3] == [0, 0, 0]  # behind the clip before
    assert first_frames[3] > 0  # the fourth token ended a scene: nothing before it counts


@pytest.mark.parametrize("method", ["robust", "faster"])
def test_more_candidates_never_lower_the_score_of_a_step(made, method):
    critic = Critic(lambda x: x.mean(dim=(1, 2, 3, 4)))
    r2 = replace(made["r2"], nets=made["r2"].nets | {"video_d": critic})
    r3 = replace(made["mixture"], base=r2)
    scores = []
    for n in (1, 2, 8):
        critic.judged.clear()
        pieces = list(r3.from_clip(24, clip(1), method=method, candidates=n, seed=2))
        scores.append(float(pieces[-1][:, :, :8].mean()))
        assert bool(critic.judged) == (n > 1)
    assert scores[0] <= scores[1] <= scores[2] and scores[0] < scores[2]


def test_temperature_is_of_the_distribution(made):
    for name, moves in (("regression", False), ("mixture", True), ("flow", True)):
        cold, warm = (
            made[name].videos(48, first_clip=clip(1), temperature=t, codes="mean")
            for t in (0.0, 1.5)
        )
        assert (not np.array_equal(cold, warm)) == moves, name


def test_predicted_log_variances_stay_below_the_encoders_bound(made):
    r3 = made["regression"]
    codes = r3.spaces(torch.full((1, r3.gpt.dim), 50.0))
    assert R2_SMOKE.largest_logvar == -1.0
    assert codes.logvar_c.max() <= -1.0 and codes.logvar_m.max() <= -1.0


def test_the_level_of_noise_is_handed_to_the_gpt(made):
    first = {"first_clip": clip(1), "method": "faster"}
    gpt = copy.deepcopy(made["noise"].gpt)
    gpt.level += torch.randn_like(
        gpt.level
    )  # after a few steps it is still close to the zeros that it began with
    r3 = replace(made["noise"], nets={"gpt": gpt})
    plain, told = (r3.videos(64, level=level, **first) for level in (0.0, 0.5))
    assert not np.array_equal(plain, told)
    with pytest.raises(InputError, match="levels of noise from 0 to 0, not 0.5"):
        made["mixture"].videos(64, level=0.5, **first)


def test_memory_holds_tokens_and_no_clips(made):
    """Robust: of what was yielded nothing is kept but the tokens, bounded by the positions."""
    import gc
    import weakref

    pieces, alive = made["mixture"].from_clip(400, clip(1)), []
    for piece in pieces:
        alive.append(weakref.ref(piece))
        del piece
        gc.collect()
        assert sum(r() is not None for r in alive) <= 2


# ---- foresight -----------------------------------------------------------------------------------


def test_foresight_of_one_answer_is_its_distance(made):
    r3, footage = made["regression"], moving_videos(2, frames=64, seed=3)
    found = foresight(r3, footage)
    errors, kept = [], []
    for video in footage:
        with torch.no_grad():
            x = r3.coordinates.of(torch.from_numpy(encode(r3.r2, video)))
            h, _ = r3.gpt(x[None, :-1])
            answer = r3.gpt.draw(h[0], x[:-1], torch.zeros_like(x[1:]), torch.zeros(len(x) - 1))
        errors += (answer - x[1:]).norm(dim=1).tolist()
        kept += (x[:-1] - x[1:]).norm(dim=1).tolist()
    assert found["tokens"] == len(errors) == 12
    assert found["error"] == pytest.approx(np.mean(errors), rel=1e-4)
    assert found["energy"] == pytest.approx(found["error"], rel=1e-4)
    assert found["last kept"] == pytest.approx(np.mean(kept), rel=1e-4)
    assert "likelihood" not in found


def test_foresight_rewards_the_right_distribution(made, monkeypatch):
    """Of two heads with the same mean, that with the right spread has the lower energy."""
    r3, footage = made["mixture"], moving_videos(2, frames=64, seed=3)
    head = {}

    def draw(h, last, eps, chance, temperature=1.0):
        return last + head["scale"] * eps

    monkeypatch.setattr(r3.gpt, "draw", draw)
    steps = torch.cat([torch.from_numpy(encode(r3.r2, v)) for v in footage])
    monkeypatch.setattr(type(r3.coordinates), "of", lambda self, x: torch.randn(x.shape).cumsum(0))
    monkeypatch.setattr(r3.gpt, "dim", steps.shape[1])
    monkeypatch.setattr(r3.gpt, "forward", lambda x: (x, None))
    monkeypatch.setattr(r3.gpt, "log_prob", lambda h, a, b: torch.zeros(1, a.shape[1]))
    energies = []
    for head["scale"] in (0.0, 1.0, 4.0):
        torch.manual_seed(0)
        energies.append(foresight(r3, footage)["energy"])
    assert energies[1] < energies[0] and energies[1] < energies[2]


def test_foresight_needs_two_tokens_and_plain_sequences(made):
    with pytest.raises(InputError, match="no video has the 24 frames that two tokens take"):
        foresight(made["flow"], [v[:20] for v in moving_videos(2)])
    with pytest.raises(InputError, match="disc.cont knows classes"):
        foresight(made["disc+cont"], moving_videos(1))


# ---- first clips, names, what is refused ---------------------------------------------------------


def test_first_clips_from_noise(made, tmp_path):
    videos = made["videos"]
    ar2 = load_model(train(Job(AR2(), R2_SMOKE.but(video_stream="3d"), videos, tmp_path / "ar2")))
    noisy = load_model(train(Job(R2.variant("v4-noise"), R2_SMOKE, videos, tmp_path / "n")))
    for model in (ar2, noisy):
        first = model.system.first_clips(model, 3)
        assert first.shape == (3, 16, 16, 16, 3) and first.dtype == np.uint8
        assert made["flow"].videos(40, first_clip=first).shape[:2] == (3, 40)
        assert np.array_equal(first[:2], model.system.first_clips(model, 2))
    with pytest.raises(InputError, match="R2 draws no clip from noise alone; an AR2, or an R2"):
        made["r2"].system.first_clips(made["r2"], 1)


def test_names_tell_head_and_format(made):
    names = [made[n].name for n in ("regression", "flow", "padzs", "disc+cont", "noise")]
    assert names == [
        "R3, regression",
        "R3, flow",
        "R3, regression, padzs",
        "R3, mixture, disc+cont",
        "R3, regression, noise",
    ]


def test_the_averaged_weights_generate(made, tmp_path):
    content = checkpoint.load(made["folder"] / "flow" / "checkpoint.pt")
    for name, w in made["flow"].gpt.named_parameters():
        assert torch.equal(w, content["averages"]["gpt"][name]), name


def test_impossible_videos_are_refused(made):
    r3 = made["mixture"]
    for given, told in (
        ({"frames": 0}, "a whole number of frames, at least 1, not 0"),
        ({"method": "slow"}, "one of robust, faster, not 'slow'"),
        ({"codes": "median"}, "one of sample, mean"),
        ({"candidates": 0}, "at least 1 candidate"),
        ({"seed": -1}, "both 0 or more, not -1"),
        ({"seed": 1.5}, "both 0 or more, not 1.5"),
        ({"temperature": -0.5}, "both 0 or more, not 0 and -0.5"),
        ({"candidates": 2.5}, "at least 1 candidate, not 2.5"),
        ({"subjects": ["a", "b"]}, "of the format pad0 knows no subjects"),
        ({"first_clip": clip()[0]}, "the first clip is an array"),
        ({"first_clip": clip()[:, :15]}, "the first clip is an array"),
    ):
        with pytest.raises(InputError, match=told):
            r3.from_clip(**{"frames": 40, "first_clip": clip()} | given)


def test_disc_cont_takes_a_subject_a_video_and_no_level(made):
    for given, told in (({"subjects": ["a"]}, "a video, 2, not 1"), ({"level": 0.1}, "no level")):
        with pytest.raises(InputError, match=told):
            made["disc+cont"].from_clip(40, clip(), **given)
    known = made["disc+cont"].videos(40, first_clip=clip(), subjects=["a", "nobody"])
    assert known.shape[:2] == (2, 40)


def test_a_checkpoint_of_another_r2_is_refused(made):
    path = made["folder"] / "flow" / "checkpoint.pt"
    with pytest.raises(InputError, match="was trained on the codes of another R2"):
        load_model(path, base=replace(made["r2"], digest="f" * 12))
    with pytest.raises(InputError, match="holds a model of kind 'r2'; 'r3' is needed"):
        load_model(made["folder"] / "r2" / "checkpoint.pt", "r3", base=made["r2"])
    with pytest.raises(InputError, match="'r3'"):
        load_model(path, "r2")
