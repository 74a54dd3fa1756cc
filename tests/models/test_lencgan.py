"""LEncGAN: what its LSTMs read and hand on, the walk through whole videos, its losses, its runs."""

from dataclasses import fields

import numpy as np
import pytest
import torch
from conftest import Stop, moving_videos, stopped_after
from stepping import Walk, assert_same, given, losses_of, stepped

import rencgan.training.loop as loop
from rencgan.core import checkpoint
from rencgan.core.errors import InputError
from rencgan.data.clips import WholeVideos
from rencgan.data.pixels import as_clips, as_frames
from rencgan.data.videoset import VideoSet
from rencgan.models import lencgan, losses
from rencgan.models.encgan3 import EncGAN3
from rencgan.models.lencgan import HANDED, LEncGAN, LstmEncoder, State, hop_of
from rencgan.models.networks import Encoder, draw
from rencgan.models.r2 import R2
from rencgan.models.recall import stitched
from rencgan.models.sampling import noise
from rencgan.models.trained import begun, load_model
from rencgan.presets.table import MINI, PUBLISHED_64, PUBLISHED_128, SMOKE, preset, switches
from rencgan.studies import sizes
from rencgan.training.loop import Job, train
from rencgan.training.players import Players

OURS = preset("smoke", "lencgan")
PLAIN = OURS.but(warmup=0, motion_warmup=0)


def footage(frames=62, seed=0) -> np.ndarray:
    return moving_videos(1, frames, seed=seed)[0]


def tensor(frames: int, count=1) -> torch.Tensor:
    return as_clips(np.stack([v[:frames] for v in moving_videos(count)]))


def encoder(handed="last", p=SMOKE) -> LstmEncoder:
    torch.manual_seed(3)
    return remembering(LstmEncoder(p, handed).eval())


def remembering(e):
    """Forget gates at 0.9: at 0.5, where they start, 15 steps leave next to nothing to see."""
    for lstm in (e.content_lstm, e.motion_lstm) if isinstance(e, LstmEncoder) else ():
        with torch.no_grad():
            lstm.bias_hh_l0.chunk(4)[1].add_(2.2)
    return e


def players(system=LEncGAN(), p=PLAIN, seed=0) -> Players:  # noqa: B008
    m = Players(system, p, seed)
    remembering(m.nets["encoder"])
    return m


def walked(m: Players, x: torch.Tensor, number: int, *begins: bool):
    """The forward pass of a step, behind what the step before left in the memory."""
    s = given(m, x, number, reader=Walk(*begins))
    m.system.begin(s)
    return m.system.forward(m.nets, s, s.chance[0], x, m.system.noise)


# ------------------------------------------------------------------------------------------ encoder


@pytest.mark.parametrize(
    ("p", "w"),
    [(PUBLISHED_64, 512), (PUBLISHED_128, 512), (preset("mini", "lencgan"), 256), (SMOKE, 16)],
)
def test_widths_follow_the_preset(p, w):
    with torch.device("meta"):
        e = LstmEncoder(p)
        codes, state = e(torch.zeros(1, 3, 16, p.size, p.size))
    for lstm in (e.content_lstm, e.motion_lstm):
        assert (lstm.input_size, lstm.hidden_size, lstm.num_layers) == (w, w, 1)
    assert codes.mu_c.shape == codes.logvar_c.shape == (1, p.content_dim)
    assert codes.mu_m.shape == codes.logvar_m.shape == (1, p.motion_dim)
    assert [part.shape for part in state] == [(1, w)] * 4


def test_one_video_trains_though_encgan3_refuses_it():
    p = PLAIN.but(batch=1)
    record = stepped(Players(LEncGAN(), p), tensor(16))
    assert all(torch.isfinite(v) for v in record.values())
    with pytest.raises(InputError, match="batch of at least 2"):
        Encoder(p)(tensor(16), 0)


def cell_states(e: LstmEncoder, frames, maps):
    """Both LSTMs over the whole of what they are given, at once: (steps, w) cells and outputs."""
    found = []
    for stream, lstm, y in (
        (e.content, e.content_lstm, frames),
        (e.motion, e.motion_lstm, maps),
    ):
        read, state, steps = stream(y[0].transpose(0, 1)), None, []
        for row in read:
            _, state = lstm(row[None, None], state)
            steps.append(torch.cat([part[0, 0] for part in state]).view(2, -1))
        found.append(torch.stack(steps))
    return found


@torch.no_grad()
def test_handing_the_last_state_on_reads_the_video_as_one_sequence():
    e, x = encoder(), tensor(46)
    content, motion = cell_states(e, x[:, :, :45], x[:, :, :-1] - x[:, :, 1:])  # 45 of each
    state = None
    for clip in range(3):
        codes, state = e(x[:, :, 15 * clip : 15 * clip + 16], state)
        step = 15 * (clip + 1) - 1
        assert torch.allclose(codes.mu_c[0], e.mu_c(content[step, 1]), atol=1e-5)
        assert torch.allclose(codes.mu_m[0], e.mu_m(motion[step, 1]), atol=1e-5)
        both = (*content[step], *motion[step])
        assert all(torch.allclose(a[0], b, atol=1e-5) for a, b in zip(state, both, strict=True))


@torch.no_grad()
@pytest.mark.parametrize("handed", ["cell", "output", "nothing"])
def test_what_is_handed_on_at_the_middle(handed):
    e, x = encoder(handed), tensor(16)
    content, motion = cell_states(e, x[:, :, :15], x[:, :, :-1] - x[:, :, 1:])
    codes, state = e(x)
    whole = encoder()  # the same weights
    for ours, theirs in zip(codes, whole(x)[0], strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)  # a first clip does not depend on it
    if handed == "nothing":
        assert state is None
        return
    zero = torch.zeros(16)
    for lstm, (h, c) in ((content, state[:2]), (motion, state[2:])):
        output, cell = lstm[7]  # after x_7, and after v_8: the 8th step of both
        assert torch.allclose(h[0], output if handed == "output" else zero, atol=1e-5)
        assert torch.allclose(c[0], cell if handed == "cell" else zero, atol=1e-5)
    assert not torch.allclose(e(x, state)[0].mu_c, codes.mu_c, atol=1e-5)


def test_the_content_stream_does_not_read_the_last_frame_but_the_motion_stream_does():
    e, x = encoder(), tensor(16)
    y = x.clone()
    y[:, :, 15] += 0.3
    a, b = e(x)[0], e(y)[0]
    assert torch.equal(a.mu_c, b.mu_c) and not torch.equal(a.mu_m, b.mu_m)
    z = x + 0.3  # no difference map sees it
    assert not torch.equal(a.mu_c, e(z)[0].mu_c)
    assert torch.allclose(a.mu_m, e(z)[0].mu_m, atol=1e-5)


def test_no_gradient_flows_into_the_clip_before():
    e = encoder()
    former, latter = (t.clone().requires_grad_() for t in (tensor(16), tensor(16)))
    _, state = e(former)
    codes, _ = e(latter, state)
    (codes.mu_c.sum() + codes.mu_m.sum()).backward()
    assert former.grad is None and latter.grad.abs().sum() > 0
    assert latter.grad[:, :, 0].abs().sum() > 0  # within a clip it flows to the first frame


def test_the_warm_up_sees_a_frame_as_a_clip_that_stands_still():
    e, frame = encoder(), tensor(1)
    still = e(frame.expand(-1, -1, 16, -1, -1))[0]
    mu, logvar = e.content_space(frame[:, :, 0])
    assert torch.allclose(mu, still.mu_c, atol=1e-6)
    assert torch.allclose(logvar, still.logvar_c, atol=1e-6)


# ----------------------------------------------------------------------------- walks and states


def of_lengths(*lengths) -> VideoSet:
    """Videos of which every frame tells its place: video 10, 20, ..., plus the frame number."""
    made = []
    for i, n in enumerate(lengths):
        t = (np.arange(n) + 60 * i).astype(np.uint8)
        made.append(np.broadcast_to(t[:, None, None, None], (n, 16, 16, 3)).copy())
    return VideoSet.from_arrays(made)


@pytest.mark.parametrize("hop", [15, 8])
def test_a_row_walks_whole_videos_and_visits_each_once_an_epoch(hop):
    lengths = (16, 31, 46, 50, 12)
    walk = WholeVideos(of_lengths(*lengths), hop, seed=4)
    counts = [(n - 16) // hop + 1 for n in lengths[:4]]
    assert len(walk) == 4 and len(walk.skipped) == 1
    for row in (0, 1):
        for epoch in (0, 1):
            steps = range(epoch * sum(counts), (epoch + 1) * sum(counts))
            places = [walk.place(step, row) for step in steps]
            assert sorted(places) == [(v, c) for v, n in enumerate(counts) for c in range(n)]
            for (v, c), (v2, c2) in zip(places, places[1:], strict=False):
                assert (v2, c2) == (v, c + 1) or (c2 == 0 and c == counts[v] - 1)
    orders = {tuple(walk.place(s, row)[0] for s in range(sum(counts))) for row in range(6)}
    assert len(orders) > 1


def test_a_step_is_handed_one_clip_a_row_however_long_the_videos_are():
    for lengths in ((16, 20), (16, 256)):
        walk = WholeVideos(of_lengths(*lengths), 15, seed=0)
        for step in range(20):
            x = walk.batch(step, 3)
            assert x.shape == (3, 16, 16, 16, 3) and x.nbytes == 3 * 16 * 16 * 16 * 3
            for row in range(3):
                video, clip = walk.place(step, row)
                first = (60 * video + 15 * clip) % 256
                assert x[row, :, 0, 0, 0].tolist() == [(first + t) % 256 for t in range(16)]
                assert walk.begins(step, 3)[row] == (clip == 0)
            assert np.array_equal(walk.batch(step, 3, slice(1, 3)), x[1:])


def test_all_rows_begin_anew_when_the_batch_changes():
    walk = WholeVideos(of_lengths(100, 200), 15, anew=(2, 5), seed=0)
    starts = [bool(walk.begins(step, 2).all()) for step in range(2, 9)]
    assert starts == [True, False, False, True, False, False, False]


def test_a_video_that_begins_finds_no_state():
    m, x = players(), tensor(16, 3)
    m.memory["handed"] = [torch.full((3, 16), float(i + 1)) for i in range(4)]
    m.system.begin(s := given(m, x, reader=Walk(False, True, False)))
    for i, part in enumerate(s.memory["state"]):
        assert part[:, 0].tolist() == [i + 1.0, 0.0, i + 1.0]
    assert (m.memory["handed"][0] == 1).all()
    del m.memory["state"]
    m.system.begin(given(m, x[:2], reader=Walk(True, True)))  # the batch may have changed
    assert "state" not in m.memory


def test_every_step_begins_with_what_the_newest_encoder_left(monkeypatch):
    m, x, seen = players(), tensor(46, 2), []
    real = m.nets["encoder"].forward
    m.nets["encoder"].forward = lambda clips, state: (seen.append(state), real(clips, state))[1]
    for step in range(3):
        stepped(m, x[:, :, 15 * step : 15 * step + 16], step, reader=Walk(*[step == 0] * 2))
    first, *later = seen[::2]  # the generator moves behind a forward pass of its own
    assert first is None and all(a is None for a in seen[:2])
    assert_same(list(later), list(seen[3::2]))  # which begins with the same state
    assert all(len(part) == 2 and not part.requires_grad for state in later for part in state)
    with torch.no_grad():  # the encoder stands still since its step, but for batch norm's means
        _, expected = real(x[:, :, 30:46], later[-1])
    for ours, theirs in zip(m.memory["handed"], expected, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)


# ------------------------------------------------------------------------------ losses, switches


def test_a_step_is_encgan3s_with_the_image_term_and_without_noise():
    for own, ours in ((PLAIN, {"direction", "still", "amount"}), (faithful(), set())):
        m, x = players(p=own), tensor(16, 2)
        turns = losses_of(m, given(m, x))
        assert list(turns) == ["video_d", "image_d", "encoder", "generator"]
        encoder, generator = (turns[name]() for name in ("encoder", "generator"))
        shared = {"reference", "reconstruction"} | ours
        assert set(encoder) == shared | {"kl_content", "kl_motion"}
        assert set(generator) == shared | {"adversarial_video", "adversarial_image"}
        f = walked(m, x, 5, True, True)
        assert len(f.fakes()) == len(f.frames(0)) == 1 and f.x_noise is None


def faithful():
    return PLAIN.but(w_direction=0.0, w_still=0.0, w_amount=0.0)


def test_the_defaults_are_those_of_the_listings_and_switches_are_few():
    ours, theirs = LEncGAN(), EncGAN3()
    assert (ours.handed, ours.memory, ours.target) == ("last", "lstm", 7)
    inherited = {f.name for f in fields(theirs)}
    assert {n for n in inherited if getattr(ours, n) != getattr(theirs, n)} == {"noise"}
    own = {"reference", "target", "handed", "memory", "forget_bias"}
    assert {f.name for f in fields(ours)} - inherited == own


@torch.no_grad()
def test_the_target_changes_the_image_term_and_nothing_else():
    x, terms, made = tensor(16, 2), {}, {}
    for name, system in {
        "x_0": LEncGAN(target=0),
        "x_7": LEncGAN(),
        "none": LEncGAN(reference=False),
    }.items():
        m = players(system)
        f, s = walked(m, x, 5, True, True), given(m, x)
        found = system.encoder_loss(s, f) | system.generator_loss(m.nets, s, f)
        terms[name], made[name] = losses.values(found), f.x_hat
    assert torch.equal(made["x_0"], made["x_7"]) and torch.equal(made["x_0"], made["none"])
    for name, k in (("x_0", 0), ("x_7", 7)):
        error = (x[:, :, k] - made[name][:, :, k]).abs().mean()
        assert float(terms[name].pop("reference")) == pytest.approx(float(error))
    assert "reference" not in terms["none"]
    for name in ("x_0", "x_7"):
        assert terms[name].keys() == terms["none"].keys()
        for term, value in terms["none"].items():  # spectral norm's estimate moves with each look
            assert torch.allclose(terms[name][term], value, atol=0 if "adv" not in term else 1e-3)


@torch.no_grad()
def test_what_is_handed_on_changes_the_second_clip_and_nothing_else():
    x, made, same = tensor(24, 2), {}, players().nets["encoder"].state_dict()
    for handed in HANDED:
        m = players(LEncGAN(handed=handed))
        assert_same(m.nets["encoder"].state_dict(), same)
        first = walked(m, x[:, :, :16], 5, True, True).x_hat
        assert ("handed" in m.memory) == (handed != "nothing")
        made[handed] = (first, walked(m, x[:, :, 8:24], 6, False, False).codes.mu_c)
    for handed in HANDED[1:]:
        assert torch.allclose(made[handed][0], made["last"][0], atol=1e-5)
    apart = [made[h][1] for h in HANDED]
    assert all(not torch.allclose(a, b, atol=1e-6) for i, a in enumerate(apart) for b in apart[:i])


def test_fc_is_encgan3s_encoder_reading_the_target():
    m, x = players(LEncGAN(memory="fc", handed="nothing", target=3)), tensor(16, 2)
    assert type(m.nets["encoder"]) is Encoder
    codes = walked(m, x, 0, True, True).codes
    assert torch.equal(codes.mu_c, m.nets["encoder"](x, 3).mu_c) and not m.memory
    for name in ("video_d", "image_d"):
        assert m.nets[name].state_dict().keys() == players().nets[name].state_dict().keys()


@torch.no_grad()
def test_the_forget_bias_changes_the_forget_gates_and_lets_a_state_live_longer():
    kept, x = {}, tensor(16)
    encoders = {
        bias: Players(LEncGAN(forget_bias=bias), PLAIN).nets["encoder"].eval()
        for bias in (0.0, 3.0)
    }
    theirs = encoders[3.0].state_dict()
    for name, value in encoders[0.0].state_dict().items():
        change = torch.zeros_like(value)
        if name.endswith("bias_hh_l0"):
            change[16:32] = 3.0  # of the gates i, f, g, o, 16 wide
        assert torch.equal(value + change, theirs[name]), name
    for bias, e in encoders.items():
        state = State(*(torch.ones(1, 16) for _ in range(4)))
        kept[bias] = float((e(x, state)[1].c_c - e(x)[1].c_c).norm())
    assert kept[0.0] < 0.05 < 1 < kept[3.0]


def test_noise_terms_come_back_where_asked_for():
    f = walked(players(LEncGAN(noise=True)), tensor(16, 2), 0, True, True)
    assert len(f.fakes()) == len(f.frames(0)) == 2


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"handed": "all"}, "one of last, cell, output, nothing, not 'all'"),
        ({"memory": "gru"}, "'lstm' or 'fc', not 'gru'"),
        ({"memory": "fc"}, "fc layers have no state"),
        ({"target": 16}, "frames 0 to 15, not 16"),
        ({"target": -1}, "frames 0 to 15"),
        ({"target": 2.0}, "frames 0 to 15"),
        ({"sampling": "uniform"}, "LEncGAN reads consecutive frames"),
        ({"forget_bias": float("nan")}, "finite number"),
        ({"forget_bias": "1"}, "finite number"),
    ],
)
def test_impossible_switches_are_refused(asked, words):
    with pytest.raises(InputError, match=words):
        LEncGAN(**asked)


# ---------------------------------------------------------------------------------- runs and models


def lencgan_job(tmp_path, videos, system=LEncGAN(), **changes):  # noqa: B008
    given = {"preset": OURS.but(steps=10, average=0.9), "out": tmp_path / "run"} | changes
    return Job(system, data=videos, **given)


@pytest.fixture(scope="module")
def uneven() -> VideoSet:
    """Training videos of different lengths and one test video."""
    made = [moving_videos(1, n, seed=n)[0] for n in (35, 60, 47, 80, 62)]
    return VideoSet.from_arrays(made, splits=["train"] * 4 + ["test"])


@pytest.mark.parametrize("stop", [1, 3, 5, 8])
@pytest.mark.parametrize("handed", ["last", "output"])
def test_a_stopped_run_goes_on_to_the_same_bits(tmp_path, uneven, monkeypatch, stop, handed):
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)  # after every step
    whole, stopped = (
        lencgan_job(tmp_path, uneven, LEncGAN(handed=handed), out=tmp_path / name)
        for name in ("whole", "stopped")
    )
    with pytest.raises(Stop):
        train(stopped, progress=stopped_after(stop))
    half = checkpoint.load(stopped.out / "checkpoint.pt", "lencgan")
    assert half["step"] == stop and ("handed" in half["memory"]) == (stop > SMOKE.warmup)
    a, b = (checkpoint.load(train(j), "lencgan") for j in (whole, stopped))
    for part in ("networks", "averages", "optimisers", "memory"):
        assert_same(a[part], b[part])


def test_the_state_in_a_checkpoint_counts(tmp_path, uneven, monkeypatch):
    """Without it a resumed run would end elsewhere, so the test above can fail."""
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    job = lencgan_job(tmp_path, uneven)
    with pytest.raises(Stop):
        train(job, progress=stopped_after(6))
    path = job.out / "checkpoint.pt"
    kept = checkpoint.load(path)
    assert not job.system.reads(job).begins(6, 2).all()
    end = checkpoint.load(train(job))
    ones = [torch.ones_like(h) for h in kept["memory"]["handed"]]
    checkpoint.save(path, kept | {"memory": {"handed": ones}})
    other, name = checkpoint.load(train(job)), "content_lstm.weight_hh_l0"
    assert not torch.equal(*(c["networks"]["encoder"][name] for c in (end, other)))


def test_the_key_knows_every_switch(tmp_path, uneven):
    rows = (
        {},
        {"target": 0},
        {"reference": False},
        {"handed": "cell"},
        {"handed": "output"},
        {"handed": "nothing"},
        {"handed": "nothing", "memory": "fc"},
        {"noise": True},
        {"forget_bias": 1.0},
    )
    keys = [lencgan_job(tmp_path, uneven, LEncGAN(**row)).key() for row in rows]
    assert len(set(keys)) == len(rows)


def test_clips_are_not_cropped_but_single_frames_are():
    p = OURS.but(crops_until=0, smallest_crop=0.5)
    assert LEncGAN().phase(0, p).crop == 0.5
    assert {LEncGAN().phase(step, p).crop for step in range(SMOKE.warmup, p.steps)} == {1.0}


@pytest.fixture(scope="module")
def trained(tmp_path_factory, uneven):
    out, models = tmp_path_factory.mktemp("lencgan"), {}
    for handed, memory in (("last", "lstm"), ("output", "lstm"), ("nothing", "fc")):
        system = LEncGAN(handed=handed, memory=memory)
        path = train(lencgan_job(out, uneven, system, out=out / handed))
        models[handed] = load_model(path, "lencgan", device="cpu")
        assert models[handed].system == system
    return models


@pytest.mark.parametrize("frames", [16, 30, 31, 46, 60, 62])
def test_the_length_of_a_long_video(trained, frames):
    m = (frames - 16) // 15 + 1
    assert len(trained["last"].videos(footage=footage(frames))[0]) == 15 * m + 1
    for middle in ("output", "nothing"):
        n = (frames - 16) // 8 + 1
        assert len(trained[middle].videos(footage=footage(frames))[0]) == 16 + 8 * (n - 1)


@torch.no_grad()
@pytest.mark.parametrize("handed", ["last", "output"])
@pytest.mark.parametrize("codes", ["mean", "sample"])
def test_a_long_video_is_algorithm_5(trained, handed, codes):
    model, video, hop = trained[handed], footage(200), hop_of(handed)
    made, state = [], None
    for i in range((200 - 16) // hop + 1):
        space, state = model.nets["encoder"](as_clips(video[None, i * hop : i * hop + 16]), state)
        eps = noise(5, i, 1, (8, 4)) if codes == "sample" else (torch.zeros(8), torch.zeros(4))
        made.append(model.nets["generator"](*draw(space, *eps)))
    expected = torch.cat(list(stitched(made, hop)), dim=2)
    ours = torch.cat(list(model.generate(footage=video, codes=codes, seed=5)), dim=2)
    assert ours.shape == expected.shape and torch.allclose(ours, expected, atol=1e-5)
    again = model.videos(footage=video, codes=codes, seed=5)
    assert np.array_equal(again, as_frames(ours))


def test_seeds_and_memory_matter(trained):
    model, video = trained["last"], footage(61)
    one, two = (model.videos(footage=video, seed=s) for s in (0, 1))
    assert not np.array_equal(one, two)
    with torch.no_grad():
        alone = list(lencgan.latent_spaces(model.nets["encoder"], video[15:31]))[0]
        after = list(lencgan.latent_spaces(model.nets["encoder"], video[:31]))[1]
    assert not torch.allclose(alone.mu_c, after.mu_c, atol=1e-6)


def test_a_long_video_is_a_stream(trained):
    class Watched(np.ndarray):
        most = 0

        def __getitem__(self, index):
            if isinstance(index, slice):
                Watched.most = max(Watched.most, index.stop)
            return super().__getitem__(index)

    pieces = trained["last"].generate(footage=footage(800).view(Watched), codes="mean")
    first = next(pieces)
    assert first.shape == (1, 3, 15, 16, 16) and Watched.most <= 16 + 15 * 8
    assert sum(piece.shape[2] for piece in pieces) + 15 == 15 * 53 + 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"candidates": 20}, "VDrej is not part of LEncGAN"),
        ({"candidates": 0}, "1 candidate"),
        ({"hop": 8}, "15 frames apart, not 8"),
        ({"codes": "best"}, "one of sample, mean, not 'best'"),
        ({"seed": -1}, "seed must be 0 or more"),
        ({"first_clip": footage(16)}, "LEncGAN makes no video from first_clip"),
        ({"footage": None}, "LEncGAN makes no video from noise alone: give footage"),
        ({"footage": footage(15)}, "at least 16 frames to make a clip; this one has 15"),
        ({"footage": footage(40).astype(float)}, "uint8"),
        ({"footage": moving_videos(1, 40, size=32)[0]}, "32x32"),
    ],
)
def test_bad_footage_and_options_are_refused_at_once(options, words):
    with pytest.raises(InputError, match=words):
        begun(LEncGAN(), OURS).generate(**({"footage": footage(40)} | options))


def test_a_checkpoint_of_another_kind_is_refused(tmp_path, uneven, trained):
    path = train(Job(R2(), SMOKE.but(steps=4), uneven, tmp_path / "r2"))
    with pytest.raises(InputError, match="kind 'r2'; 'lencgan' is needed"):
        load_model(path, "lencgan")
    with pytest.raises(InputError, match="encoder does not fit preset"):
        train(lencgan_job(tmp_path, uneven, init_from=path))


@pytest.mark.parametrize(
    ("change", "processes", "words"),
    [
        ({}, 2, "LEncGAN trains in one process: the state of its videos is not shared"),
        ({"preset": PLAIN.but(encoder=False)}, 1, "LEncGAN needs the encoder"),
    ],
)
def test_impossible_runs_are_refused(tmp_path, uneven, change, processes, words):
    with pytest.raises(InputError, match=words):
        lencgan_job(tmp_path, uneven, **change).check(processes)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: encoder()(torch.zeros(1, 3, 15, 16, 16)), "clips \\(B, 3, 16, H, W\\)"),
        (lambda: encoder()(tensor(16, 2), encoder()(tensor(16))[1]), "state of 1 videos"),
        (lambda: WholeVideos(of_lengths(12), 15), "16 frames"),
        (lambda: WholeVideos(of_lengths(20), 16), "hop must be"),
    ],
)
def test_wrong_input_is_named(call, words):
    with pytest.raises(InputError, match=words):
        call()


def test_the_published_recipe_takes_one_video_and_adds_nothing():
    for p in (PUBLISHED_64, PUBLISHED_128):
        own = preset(p.name, "lencgan")
        assert own.departures(preset(p.name, "encgan3")) == {"batch": (p.batch, 1)}
        assert switches(p.name, "lencgan") == {}
    assert preset("64", "lencgan", batch=4).batch == 4
    for name in ("mini", "minutes", "hour"):
        assert preset(name, "lencgan").batch == MINI.batch
        assert switches(name, "lencgan") == {"forget_bias": 3.0}


def test_parameter_counts():
    lstm = 4 * 512 * (512 + 512 + 2)
    stream = 729_680 - 2 * (512 * 128 + 128)  # content of EncGAN3 less its two layers
    tails = 2 * (512 * 128 + 128) + 2 * (512 * 256 + 256 + 256 * 10 + 10)
    found, theirs = (sizes.of_system(name, "64") for name in ("lencgan", "encgan3"))
    assert found["encoder"] == {"parameters": 2 * (stream + lstm) + tails, "published": None}
    others = ("generator", "video_d", "image_d")
    assert all(found[name] == theirs[name] for name in others)
