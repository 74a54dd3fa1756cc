"""LEncGAN: what its LSTMs read and hand on, the walk through whole videos, its losses, its runs."""

from dataclasses import fields

import numpy as np
import pytest
import torch
from conftest import moving_videos
from rencgan.models.lencgan_updates import LENCGAN, Memory, hand_on, recipe
from rencgan.models.updates import ENCGAN3, Draws, Forward, iteration
from rencgan.training.gan import NETWORKS, Players

from rencgan.core import checkpoint
from rencgan.core.errors import InputError
from rencgan.data.clips import WholeVideos
from rencgan.data.pixels import as_clips, as_frames
from rencgan.data.videoset import VideoSet
from rencgan.models import lencgan, losses
from rencgan.models.lencgan import HANDED, LstmEncoder, State, hop_of
from rencgan.models.networks import Encoder, draw
from rencgan.models.recall import stitched
from rencgan.models.sampling import noise
from rencgan.models.trained import load_model
from rencgan.presets.table import MINI, PUBLISHED_64, PUBLISHED_128, SMOKE
from rencgan.studies import sizes
from rencgan.training.loop import Job, train
from rencgan.training.processes import Group

ALONE = Group()
PLAIN = recipe(SMOKE, warmup=0, motion_warmup=0, average=0.0)


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


def players(objective=LENCGAN, p=PLAIN, seed=0) -> Players:
    m = Players(p, seed, encoder=objective.encoder)
    remembering(m.encoder)
    return m


# ------------------------------------------------------------------------------------------ encoder


@pytest.mark.parametrize(
    ("p", "w"), [(PUBLISHED_64, 512), (PUBLISHED_128, 512), (recipe(MINI), 256), (SMOKE, 16)]
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
    m = Players(p, encoder=LENCGAN.encoder)
    record = iteration(m, ALONE, tensor(16), Draws.of(0, 0, 1, p, ALONE, "cpu"), LENCGAN)
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
    m = players()
    m.handed = State(*(torch.full((3, 16), float(i + 1)) for i in range(4)))
    hand_on(m, torch.tensor([False, True, False]))
    for i, part in enumerate(m.memory):
        assert part[:, 0].tolist() == [i + 1.0, 0.0, i + 1.0]
    assert (m.handed[0] == 1).all()
    hand_on(m, torch.tensor([True, True]))  # of another size: the batch may have changed
    assert m.memory is None


def run(m, x, hop, objective, p):
    """Steps along one video; the state that each begins with, and the losses of each."""
    seen, record = [], []
    for step in range((x.shape[2] - 16) // hop + 1):
        hand_on(m, torch.tensor([step == 0] * len(x)))
        seen.append(m.memory)
        draws = Draws.of(0, step, 1, p, ALONE, "cpu")
        clip = x[:, :, step * hop : step * hop + 16]
        record.append(iteration(m, ALONE, clip, draws, objective))
    return seen, record


def test_every_step_begins_with_what_the_newest_encoder_left():
    m, x = players(), tensor(46, 2)
    memories, _ = run(m, x, 15, LENCGAN, PLAIN)
    assert memories[0] is None
    assert all(len(part) == 2 and not part.requires_grad for s in memories[1:] for part in s)
    with (
        torch.no_grad()
    ):  # the encoder stands still since the last step, but for batch norm's means
        _, expected = m.encoder(x[:, :, 30:46], m.memory)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(m.handed, expected, strict=True))


# ------------------------------------------------------------------------------ losses, switches


def test_a_step_is_encgan3s_with_the_image_term_and_without_noise():
    m, x, d = players(), tensor(16, 2), Draws.of(0, 5, 1, PLAIN, ALONE, "cpu")
    f = Forward(m, x, d, LENCGAN)
    assert len(f.fakes()) == len(f.frames()) == 1 and f.x_noise is None
    with torch.no_grad():
        m.video_d.eval(), m.image_d.eval()
        trained = f.reconstruction() | f.kl() | f.fooling()
        logits = [m.video_d(f.x_hat)], [m.image_d(f.x_hat[:, :, d.frame_fake])]
        ours = {"direction", "still", "amount"}
        printed = losses.eq_3_1(x, f.x_hat, f.codes) | losses.eq_3_4(x, f.x_hat, *logits)
        printed |= losses.reference_term(x, f.x_hat, 7)
    assert set(trained) == set(printed) | ours
    for name, value in printed.items():
        assert float(trained[name]) == pytest.approx(float(value), rel=1e-5), name
    faithful = PLAIN.but(w_direction=0.0, w_still=0.0, w_amount=0.0)
    assert set(Forward(players(p=faithful), x, d, LENCGAN).reconstruction()) == {
        "reconstruction",
        "reference",
    }


def test_the_schedule_is_separate_and_moves_all_players():
    m, x = players(), tensor(16, 2)
    before = {n: [w.clone() for w in net.parameters()] for n, net in m.networks().items()}
    record = iteration(m, ALONE, x, Draws.of(0, 0, 1, PLAIN, ALONE, "cpu"), LENCGAN)
    assert not LENCGAN.joint and not LENCGAN.noise
    for name in NETWORKS:
        pairs = zip(before[name], getattr(m, name).parameters(), strict=True)
        assert any(not torch.equal(a, b) for a, b in pairs), name
    assert {"video_d", "image_d", "reference", "kl_content", "adversarial_video"} <= set(record)


def test_the_defaults_are_those_of_the_listings_and_switches_are_few():
    assert (LENCGAN.handed, LENCGAN.memory, LENCGAN.target) == ("last", "lstm", 7)
    inherited = {f.name for f in fields(ENCGAN3)}
    differ = {n for n in inherited if getattr(ENCGAN3, n) != getattr(LENCGAN, n)}
    assert differ == {"noise", "reference"}
    assert {f.name for f in fields(LENCGAN)} - inherited == {
        "target",
        "handed",
        "memory",
        "forget_bias",
    }


@torch.no_grad()
def test_the_target_changes_the_image_term_and_nothing_else():
    x, d = tensor(16, 2), Draws.of(0, 5, 1, PLAIN, ALONE, "cpu")
    terms, made = {}, {}
    for name, o in {
        "x_0": Memory(target=0),
        "x_7": Memory(),
        "none": Memory(reference=False),
    }.items():
        f = Forward(players(o), x, d, o)
        terms[name], made[name] = f.reconstruction() | f.kl() | f.fooling(), f.x_hat
    assert torch.equal(made["x_0"], made["x_7"]) and torch.equal(made["x_0"], made["none"])
    for name, k in (("x_0", 0), ("x_7", 7)):
        error = (x[:, :, k] - made[name][:, :, k]).abs().mean()
        assert float(terms[name].pop("reference")) == pytest.approx(float(error))
    assert "reference" not in terms["none"]
    for name in ("x_0", "x_7"):
        assert terms[name].keys() == terms["none"].keys()
        assert all(torch.equal(terms[name][k], v) for k, v in terms["none"].items())


@torch.no_grad()
def test_what_is_handed_on_changes_the_second_clip_and_nothing_else():
    x, made = tensor(24, 2), {}
    for handed in HANDED:
        o = Memory(handed=handed)
        m, d = players(o), Draws.of(0, 5, 1, PLAIN, ALONE, "cpu")
        assert all(
            torch.equal(a, b)
            for a, b in zip(players().encoder.parameters(), m.encoder.parameters(), strict=True)
        )
        hand_on(m, torch.tensor([True, True]))
        first = Forward(m, x[:, :, :16], d, o).x_hat
        hand_on(m, torch.tensor([False, False]))
        made[handed] = (first, Forward(m, x[:, :, 8:24], d, o).codes.mu_c)
        assert (m.memory is None) == (handed == "nothing")
    for handed in HANDED[1:]:
        assert torch.allclose(made[handed][0], made["last"][0], atol=1e-5)
        assert not torch.allclose(made[handed][1], made["last"][1], atol=1e-6)
    apart = [made[h][1] for h in HANDED]
    assert all(not torch.allclose(a, b, atol=1e-6) for i, a in enumerate(apart) for b in apart[:i])


def test_fc_is_encgan3s_encoder_reading_the_target():
    o = Memory(memory="fc", handed="nothing", target=3)
    m, x = players(o), tensor(16, 2)
    assert type(m.encoder) is Encoder
    d = Draws.of(0, 0, 1, PLAIN, ALONE, "cpu")
    codes = Forward(m, x, d, o).codes
    expected = m.encoder(x, 3)
    assert torch.equal(codes.mu_c, expected.mu_c) and m.handed is None
    lstm = players(Memory(handed="nothing", target=3))
    for name in ("video_d", "image_d"):
        a, b = (getattr(p, name).state_dict() for p in (m, lstm))
        assert a.keys() == b.keys()


@torch.no_grad()
def test_the_forget_bias_changes_the_forget_gates_and_lets_a_state_live_longer():
    kept, x = {}, tensor(16)
    encoders = {
        bias: Players(PLAIN, encoder=Memory(forget_bias=bias).encoder).encoder.eval()
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
    o = Memory(noise=True)
    f = Forward(players(o), tensor(16, 2), Draws.of(0, 0, 1, PLAIN, ALONE, "cpu"), o)
    assert len(f.fakes()) == len(f.frames()) == 2


@pytest.mark.parametrize(
    ("switches", "words"),
    [
        ({"handed": "all"}, "one of last, cell, output, nothing, not 'all'"),
        ({"memory": "gru"}, "'lstm' or 'fc', not 'gru'"),
        ({"memory": "fc"}, "fc layers have no state"),
        ({"target": 16}, "frames 0 to 15, not 16"),
        ({"target": -1}, "frames 0 to 15"),
        ({"target": 2.0}, "frames 0 to 15"),
        ({"recall_critic": True}, "single clips"),
        ({"forget_bias": float("nan")}, "finite number"),
        ({"forget_bias": "1"}, "finite number"),
    ],
)
def test_impossible_switches_are_refused(switches, words):
    with pytest.raises(InputError, match=words):
        Memory(**switches)


# ---------------------------------------------------------------------------------- runs and models


def lencgan_job(tmp_path, videos, **changes):
    given = {"preset": recipe(SMOKE, steps=10, average=0.9), "data": videos}
    return Job(**{"kind": "lencgan", "out": tmp_path / "run"} | given | changes)


@pytest.fixture(scope="module")
def uneven() -> VideoSet:
    """Training videos of different lengths and one test video."""
    made = [moving_videos(1, n, seed=n)[0] for n in (35, 60, 47, 80, 62)]
    return VideoSet.from_arrays(made, splits=["train"] * 4 + ["test"])


def assert_same(a, b):
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            assert_same(one, other)
    else:
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b


@pytest.mark.parametrize("stop", [1, 3, 5, 8])
@pytest.mark.parametrize("handed", ["last", "output"])
def test_a_stopped_run_goes_on_to_the_same_bits(tmp_path, uneven, monkeypatch, stop, handed):
    import rencgan.training.loop as module

    monkeypatch.setattr(module, "SAVE_EVERY_S", 0.0)  # after every step
    changes = (("handed", handed),)
    whole = lencgan_job(tmp_path, uneven, out=tmp_path / "whole", changes=changes)
    stopped = lencgan_job(tmp_path, uneven, out=tmp_path / "stopped", changes=changes)

    def interrupt(done, total, losses):
        if done == stop:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(stopped, progress=interrupt)
    half = checkpoint.load(stopped.out / "checkpoint.pt", "lencgan")
    assert half["step"] == stop and ("handed" in half) == (stop > SMOKE.warmup)
    a, b = (checkpoint.load(train(j), "lencgan") for j in (whole, stopped))
    for part in ("networks", "averages", "optimisers", "handed"):
        assert_same(a[part], b[part])


def test_the_state_in_a_checkpoint_counts(tmp_path, uneven, monkeypatch):
    """Without it a resumed run would end elsewhere, so the test above can fail."""
    import rencgan.training.loop as module

    monkeypatch.setattr(module, "SAVE_EVERY_S", 0.0)
    job = lencgan_job(tmp_path, uneven)

    def interrupt(done, total, losses):
        if done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(job, progress=interrupt)
    path = job.out / "checkpoint.pt"
    kept = checkpoint.load(path)
    assert not job.sampler().begins(6, 2).all()
    end = checkpoint.load(train(job))
    checkpoint.save(path, kept | {"handed": [torch.ones_like(h) for h in kept["handed"]]})
    other = checkpoint.load(train(job))
    assert not torch.equal(
        end["networks"]["encoder"]["content_lstm.weight_hh_l0"],
        other["networks"]["encoder"]["content_lstm.weight_hh_l0"],
    )


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
    keys = [lencgan_job(tmp_path, uneven, changes=tuple(row.items())).key() for row in rows]
    assert len(set(keys)) == len(rows)


def test_clips_are_not_cropped_but_single_frames_are(tmp_path, uneven):
    from rencgan.training.loop import _cropped

    job = lencgan_job(tmp_path, uneven, preset=recipe(SMOKE, crops_until=0, smallest_crop=0.5))
    stills, clips = tensor(1, 4), tensor(16, 2)
    assert not torch.equal(_cropped(stills, job, 0, ALONE), stills)
    assert torch.equal(_cropped(clips, job, SMOKE.warmup + 2, ALONE), clips)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, uneven):
    out, models = tmp_path_factory.mktemp("lencgan"), {}
    for handed, memory in (("last", "lstm"), ("output", "lstm"), ("nothing", "fc")):
        changes = (("handed", handed), ("memory", memory))
        job = lencgan_job(out, uneven, out=out / handed, changes=changes)
        models[handed] = load_model(train(job), "lencgan", device="cpu")
    return models


@pytest.mark.parametrize("frames", [16, 30, 31, 46, 60, 62])
def test_the_length_of_a_long_video(trained, frames):
    m = (frames - 16) // 15 + 1
    assert len(trained["last"].long_frames(footage(frames))) == 15 * m + 1
    for middle in ("output", "nothing"):
        n = (frames - 16) // 8 + 1
        assert len(trained[middle].long_frames(footage(frames))) == 16 + 8 * (n - 1)


@torch.no_grad()
@pytest.mark.parametrize("handed", ["last", "output"])
@pytest.mark.parametrize("codes", ["mean", "sample"])
def test_a_long_video_is_algorithm_5(trained, handed, codes):
    model, video, hop = trained[handed], footage(200), hop_of(handed)
    made, state = [], None
    for i in range((200 - 16) // hop + 1):
        space, state = model.encoder(as_clips(video[None, i * hop : i * hop + 16]), state)
        eps = noise(5, i, 1, (8, 4)) if codes == "sample" else (torch.zeros(8), torch.zeros(4))
        made.append(model.generator(*draw(space, *eps)))
    expected = torch.cat(list(stitched(made, hop)), dim=2)
    ours = torch.cat(list(model.long_video(video, codes=codes, seed=5)), dim=2)
    assert ours.shape == expected.shape and torch.allclose(ours, expected, atol=1e-5)
    again = model.long_frames(video, codes=codes, seed=5)
    assert np.array_equal(again, as_frames(ours[0]))


def test_seeds_and_memory_matter(trained):
    model, video = trained["last"], footage(61)
    one, two = (model.long_frames(video, seed=s) for s in (0, 1))
    assert not np.array_equal(one, two)
    with torch.no_grad():
        alone = list(lencgan.latent_spaces(model.encoder, video[15:31]))[0]
        after = list(lencgan.latent_spaces(model.encoder, video[:31]))[1]
    assert not torch.allclose(alone.mu_c, after.mu_c, atol=1e-6)


def test_a_long_video_is_a_stream(trained):
    class Watched(np.ndarray):
        most = 0

        def __getitem__(self, index):
            if isinstance(index, slice):
                Watched.most = max(Watched.most, index.stop)
            return super().__getitem__(index)

    pieces = trained["last"].long_video(footage(800).view(Watched), codes="mean")
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
        ({"video": footage(15)}, "at least 16 frames to make a clip; this one has 15"),
        ({"video": footage(40).astype(float)}, "uint8"),
        ({"video": moving_videos(1, 40, size=32)[0]}, "32x32"),
    ],
)
def test_bad_footage_and_options_are_refused(trained, options, words):
    video = options.get("video", footage(40))
    rest = {k: v for k, v in options.items() if k != "video"}
    with pytest.raises(InputError, match=words):
        trained["last"].long_frames(video, **rest)


def test_a_checkpoint_of_another_kind_is_refused(tmp_path, uneven, trained):
    path = train(Job("r2", SMOKE.but(steps=4), uneven, tmp_path / "r2"))
    with pytest.raises(InputError, match="kind 'r2'; 'lencgan' is needed"):
        load_model(path, "lencgan")
    with pytest.raises(InputError, match="encoder does not fit preset"):
        train(lencgan_job(tmp_path, uneven, init_from=path))


@pytest.mark.parametrize(
    ("change", "processes", "words"),
    [
        ({}, 2, "one process"),
        (
            {"preset": recipe(SMOKE, encoder=False, warmup=0, motion_warmup=0)},
            1,
            "switches it off",
        ),
        ({"changes": (("handed", "it"),)}, 1, "not 'it'"),
    ],
)
def test_impossible_runs_are_refused(tmp_path, uneven, change, processes, words):
    with pytest.raises(InputError, match=words):
        train(lencgan_job(tmp_path, uneven, **change), processes)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: encoder()(torch.zeros(1, 3, 15, 16, 16)), "clips \\(B, 3, 16, H, W\\)"),
        (lambda: encoder()(tensor(16, 2), encoder()(tensor(16))[1]), "state of 1 videos"),
        (lambda: LstmEncoder(SMOKE, "first"), "not 'first'"),
        (lambda: WholeVideos(of_lengths(12), 15), "16 frames"),
        (lambda: WholeVideos(of_lengths(20), 16), "hop must be"),
    ],
)
def test_wrong_input_is_named(call, words):
    with pytest.raises(InputError, match=words):
        call()


def test_the_published_recipe_takes_one_video_and_adds_nothing():
    for p in (PUBLISHED_64, PUBLISHED_128):
        assert set(recipe(p).departures(p)) == {"batch"} and recipe(p).batch == 1
    assert recipe(PUBLISHED_64, batch=4).batch == 4
    assert set(recipe(MINI).departures(MINI)) == {"content_features"}


def test_parameter_counts():
    lstm = 4 * 512 * (512 + 512 + 2)
    stream = 729_680 - 2 * (512 * 128 + 128)  # content of EncGAN3 less its two layers
    tails = 2 * (512 * 128 + 128) + 2 * (512 * 256 + 256 + 256 * 10 + 10)
    found = sizes.sizes(PUBLISHED_64, "lencgan")
    assert found["Enc"] == {"parameters": 2 * (stream + lstm) + tails, "published": None}
    theirs = sizes.sizes(PUBLISHED_64)
    assert all(found[name] == theirs[name] for name in ("G", "VD", "ID"))
