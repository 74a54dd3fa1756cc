"""Videos as token sequences, their coordinates, and how they are laid out for the GPT."""

import numpy as np
import pytest
import torch
from conftest import moving_videos

from rencgan.core.errors import InputError
from rencgan.data.videoset import VideoSet
from rencgan.models.networks import Codes
from rencgan.models.r2 import R2
from rencgan.models.sampling import latent_spaces
from rencgan.models.trained import load_model
from rencgan.presets.table import GPT_128
from rencgan.presets.table import GPT_SMOKE as SMOKE
from rencgan.presets.table import SMOKE as R2_SMOKE
from rencgan.r3 import tokens
from rencgan.r3.sequences import Sequences, Vocabulary
from rencgan.r3.tokens import Coordinates
from rencgan.training.loop import Job, train


@pytest.fixture(scope="module")
def r2(tmp_path_factory):
    videos = VideoSet.from_arrays(moving_videos(4))
    path = train(Job(R2(), R2_SMOKE, videos, tmp_path_factory.mktemp("r2")))
    return load_model(path)


def sequences(lengths=(5, 9, 3), k=4) -> list[np.ndarray]:
    """Token j of sequence i is filled with 100 i + j + 1, so that each can be told."""
    return [
        np.full((n, k), 100 * i + 1, np.float32) + np.arange(n, dtype=np.float32)[:, None]
        for i, n in enumerate(lengths)
    ]


# ---- encoding ------------------------------------------------------------------------------------


def test_a_token_is_the_latent_space_of_a_clip(r2):
    video = moving_videos(1)[0]
    found = tokens.encode(r2, video)
    spaces = list(latent_spaces(r2.nets["encoder"], video, r2.hop, r2.reference))
    assert found.shape == (6, 2 * (8 + 4)) and len(spaces) == 6
    for row, space in zip(torch.from_numpy(found), spaces, strict=True):
        order = [space.mu_c, space.logvar_c, space.mu_m, space.logvar_m]
        assert torch.equal(row, torch.cat(order, 1)[0])


def test_tokens_and_codes_are_one_thing_in_two_forms():
    codes = Codes(*(torch.randn(3, d) for d in (8, 8, 4, 4)))
    for there, back in zip(codes, tokens.as_codes(tokens.as_tokens(codes), (8, 4)), strict=True):
        assert torch.equal(there, back)


def test_videos_begin_from_frames_spread_over_a_hop(r2):
    videos = VideoSet.from_arrays(moving_videos(2), subjects=["anna", "ben"])
    once, twice = (tokens.encoded(r2, videos, 99, starts) for starts in (1, 2))
    assert [len(s) for s in once.sequences] == [6, 6] and once.subjects == ("anna", "ben")
    assert [len(s) for s in twice.sequences] == [6, 6, 6, 6]
    assert twice.names == ("video_0000",) * 2 + ("video_0001",) * 2
    assert np.array_equal(twice.sequences[1], tokens.encode(r2, videos.video(0)[4:]))
    assert once.known == ("anna", "ben")


def test_sequences_are_cut_and_short_videos_left_out(r2):
    arrays = [*moving_videos(1), moving_videos(1)[0][:23]]
    found = tokens.encoded(r2, VideoSet.from_arrays(arrays), 3)
    assert [len(s) for s in found.sequences] == [3]
    with pytest.raises(InputError, match="two tokens take 24 frames; the longest .* has 23"):
        tokens.encoded(r2, VideoSet.from_arrays(arrays[1:]), 3)
    with pytest.raises(InputError, match="1 to 8 ways, its hop, not 9"):
        tokens.encoded(r2, VideoSet.from_arrays(arrays), 3, starts=9)


def test_kept_tokens_are_read_again_only_for_the_same(r2, tmp_path, monkeypatch):
    from rencgan.data.prepare import prepare

    videos = prepare("sky", source="procedural", size=16, cache_root=tmp_path / "c", videos=2)
    first = tokens.cached(r2, videos, tmp_path / "t", 5, 1)
    calls = []
    whole = tokens.encoded
    monkeypatch.setattr(tokens, "encoded", lambda *a: calls.append(a) or whole(*a))
    again = tokens.cached(r2, videos, tmp_path / "t", 5, 1)
    assert not calls and again.subjects == first.subjects and again.names == first.names
    for a, b in zip(first.sequences, again.sequences, strict=True):
        assert np.array_equal(a, b)
    tokens.cached(r2, videos, tmp_path / "t", 4, 1)
    assert len(calls) == 1
    path = next((tmp_path / "t").glob("tokens-*.npz"))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="is damaged"):
        for positions in (4, 5):
            tokens.cached(r2, videos, tmp_path / "t", positions, 1)


# ---- coordinates ---------------------------------------------------------------------------------


def test_bare_tokens_stay_as_they_are():
    c = Coordinates.fitted(sequences(), 0)
    x = torch.randn(3, 4)
    assert c.dim == 4 and torch.equal(c.of(x), x) and torch.equal(c.back(x), x)


def test_principal_directions_keep_distances_and_come_back():
    rng = np.random.default_rng(0)
    flat = rng.standard_normal((200, 3)) @ rng.standard_normal((3, 10)) + 5  # in three directions
    data = [flat[:120].astype(np.float32), flat[120:].astype(np.float32)]
    c = Coordinates.fitted(data, 3)
    x = torch.from_numpy(flat).float()
    y = c.of(x)
    assert y.shape == (200, 3) and torch.allclose(c.back(y), x, atol=1e-4)
    ratio = torch.pdist(y) / torch.pdist(x)
    assert torch.allclose(ratio, ratio[0].expand_as(ratio), rtol=1e-3)
    assert float(y.square().mean()) == pytest.approx(1, abs=1e-3)
    with pytest.raises(InputError, match="do not have 11 principal directions; give fewer"):
        Coordinates.fitted(data, 11)


def test_what_a_token_keeps_of_the_one_before():
    rng = np.random.default_rng(0)
    x = [np.zeros(2)]
    for _ in range(20000):
        x.append(np.array([0.8, 0.0]) * x[-1] + np.array([1.0, 0.5]) * rng.standard_normal(2))
    carry, spread = tokens.persistence([np.stack(x).astype(np.float32)])
    assert carry.tolist() == pytest.approx([0.8, 0.0], abs=0.02)
    assert spread.tolist() == pytest.approx([1.0, 0.5], abs=0.02)


def test_statistics_are_those_of_all_tokens_at_once_however_many_are_read_at_a_time(monkeypatch):
    """In one part to the bit: it is what published weights were trained by."""
    rng = np.random.default_rng(0)
    x = [(rng.standard_normal((n, 12)) + 3).cumsum(0).astype(np.float32) for n in (40, 7, 90, 3)]
    joint = np.concatenate(x).astype(np.float64)
    variance, basis = np.linalg.eigh(np.cov(joint.T, bias=True))
    before = torch.from_numpy(np.concatenate([s[:-1] for s in x])).double()
    after = torch.from_numpy(np.concatenate([s[1:] for s in x])).double()
    carry = ((before * after).sum(0) / before.square().sum(0)).clamp(0, 1)
    spread = (after - carry * before).std(0, correction=0)
    whole, kept = Coordinates.fitted(x, 5), tokens.persistence(x)
    assert torch.equal(whole.mean, torch.from_numpy(joint.mean(0)).float())
    assert torch.equal(whole.basis, torch.from_numpy(basis[:, :-6:-1].T.copy()).float())
    assert whole.scale == np.sqrt(variance[-5:].mean())
    assert torch.equal(kept[0], carry.float()) and torch.equal(kept[1], spread.float())
    monkeypatch.setattr(tokens, "PART", 41)
    assert [len(part) for part in tokens._parts(x)] == [47, 90, 3]
    parts = Coordinates.fitted(x, 5)
    assert torch.allclose(parts.of(torch.from_numpy(x[0])), whole.of(torch.from_numpy(x[0])), 1e-4)
    for a, b in zip(tokens.persistence(x), kept, strict=True):
        assert torch.allclose(a, b, rtol=1e-6)


# ---- formats -------------------------------------------------------------------------------------


def rows_of(p, subjects=("a", "b", "a"), names=("0", "1", "2"), steps=40, **given):
    s = Sequences(sequences(**given), subjects, names, p, seed=0)
    for step in range(steps):
        codes, symbols, real = s.batch(step)
        symbols = [None] * len(codes) if symbols is None else symbols
        yield from zip(codes, symbols, real, strict=True)


def told(codes) -> list[int]:
    return [int(v) for v in codes[:, 0]]


def test_pad0_is_a_window_to_the_end_then_masked_zeros():
    starts = set()
    for codes, symbols, real in rows_of(SMOKE):
        n = int(real.sum())
        assert symbols is None and n >= 2 and real[:n].all() and not codes[n:].any()
        row = told(codes[:n])
        assert row == list(range(row[0], row[0] + n))
        i = row[0] // 100
        assert row[-1] == 100 * i + (5, 9, 3)[i]  # reaches to the end of its sequence
        starts.add(row[0])
    assert starts == {1, 2, 3, 4, *range(101, 109), 201, 202}


def test_windows_are_cut_at_the_positions():
    p = SMOKE.but(positions=4)
    assert max(int(real.sum()) for _, _, real in rows_of(p)) == 4


def test_padzs_goes_on_with_the_same_subject_until_it_is_full():
    partners = {0: 2, 2: 0, 1: 1}
    for codes, symbols, real in rows_of(SMOKE.but(format="padzs")):
        row = told(codes)
        assert symbols is None and real.all() and len(row) == SMOKE.positions
        parts = np.split(row, np.flatnonzero(np.diff(row) != 1) + 1)
        first = int(parts[0][0]) // 100
        assert {int(part[0]) // 100 for part in parts[1:]} <= {partners[first]}


def test_a_video_is_not_padded_with_itself_encoded_from_another_start():
    p = SMOKE.but(format="padzs")
    for codes, _, _ in rows_of(p, ("a",) * 3, ("0", "0", "1")):
        row = told(codes)
        parts = np.split(row, np.flatnonzero(np.diff(row) != 1) + 1)
        first = int(parts[0][0]) // 100
        others = {int(part[0]) // 100 for part in parts[1:]}
        assert others <= ({2} if first < 2 else {0, 1})


def test_disc_cont_names_class_and_both_lengths():
    p = SMOKE.but(format="disc+cont")
    words = Vocabulary(("a", "b"), p.longest)
    unknown = total = 0
    for codes, symbols, real in rows_of(p):
        n = int(real.sum())
        marks = symbols[:n].tolist()
        assert (symbols[n:] == -1).all() and not codes[n:].any()
        unknown, total = unknown + (marks[0] == 0), total + 1
        first = marks[1] - words.of_length(0)
        second = marks[2 + first] - words.of_length(0)
        assert n == 3 + first + second <= p.positions
        assert [m >= 0 for m in marks] == [True, True] + [False] * first + [True] + [False] * second
        owners = [told(codes[2 : 2 + first])[0] // 100, told(codes[3 + first : n])[0] // 100]
        assert sorted(owners) in ([0, 2], [1, 1])
        assert marks[0] in (0, words.of_class("b" if owners == [1, 1] else "a"))
    assert 0.03 < unknown / total < 0.2


def test_a_batch_is_a_function_of_seed_and_step():
    a, b = (
        Sequences(sequences(), ("a", "b", "a"), ("0", "1", "2"), SMOKE, seed=1).batch(7)
        for _ in range(2)
    )
    c = Sequences(sequences(), ("a", "b", "a"), ("0", "1", "2"), SMOKE, seed=2).batch(7)
    assert torch.equal(a.codes, b.codes) and a.codes.sum() != c.codes.sum()


# ---- whole sequences -----------------------------------------------------------------------------

WHOLE = SMOKE.but(windows=False, batch=2)


def begun_by(row) -> int:
    """Which of the sequences stands first in a row of numbers, whole."""
    assert row[0] % 100 == 1
    return row[0] // 100


def test_rows_are_whole_sequences_from_their_first_token_then_masked_zeros():
    lengths = (5, 9, 3)
    for codes, symbols, real in rows_of(WHOLE):
        n = int(real.sum())
        row = told(codes[:n])
        i = begun_by(row)
        assert symbols is None and real[:n].all() and not codes[n:].any()
        assert row == list(range(100 * i + 1, 100 * i + 1 + lengths[i]))
        assert len(real) in lengths  # no longer than the longest of its batch


def test_of_a_sequence_longer_than_the_positions_the_first_tokens_are_kept():
    for codes, _, real in rows_of(WHOLE.but(positions=4)):
        row = told(codes[: int(real.sum())])
        assert row == list(range(row[0], row[0] + min(4, (5, 9, 3)[begun_by(row)])))


@pytest.mark.parametrize("format", ["pad0", "padzs", "disc+cont"])
@pytest.mark.parametrize("batch", [1, 2, 3, 60])
def test_every_sequence_begins_one_row_an_epoch_in_an_order_of_its_own(format, batch):
    p = WHOLE.but(format=format, batch=batch)
    s = Sequences(sequences(), ("a", "b", "a"), ("0", "1", "2"), p, seed=0)
    steps, orders = -(-3 // batch), []  # 60: one batch is one epoch, as on Taichi
    for epoch in range(20):
        batches = [s.batch(epoch * steps + i) for i in range(steps)]
        assert [len(b.codes) for b in batches] == [min(batch, 3 - i * batch) for i in range(steps)]
        first = 2 if format == "disc+cont" else 0
        orders.append([begun_by(told(row[first:])) for b in batches for row in b.codes])
    assert all(sorted(order) == [0, 1, 2] for order in orders)
    assert len(set(map(tuple, orders))) == 6  # all of them
    again = Sequences(sequences(), ("a", "b", "a"), ("0", "1", "2"), p, seed=0).batch(7)
    assert torch.equal(again.codes, s.batch(7).codes)  # of (seed, step) alone


@pytest.mark.parametrize("format", ["padzs", "disc+cont"])
def test_whole_sequences_are_padded_with_whole_ones_of_the_same_subject(format):
    """What does not fit into the last place is cut behind."""
    p, lengths, partners = WHOLE.but(format=format, positions=13), (5, 9, 3), {0: 2, 2: 0, 1: 1}
    for codes, symbols, real in rows_of(p):
        n = int(real.sum())
        kept = [v for v in told(codes[:n]) if v]  # symbols stand on zeros
        parts = np.split(kept, [i for i, v in enumerate(kept) if i and v % 100 == 1])
        owners = [begun_by(part) for part in parts]
        assert set(owners[1:]) == {partners[owners[0]]}
        most = 13 if format == "padzs" else p.longest
        for i, part in zip(owners[:-1], parts[:-1], strict=True):
            assert len(part) == min(lengths[i], most)
        if format == "padzs":
            assert n == 13
        else:
            assert len(parts) == 2 and n == 3 + sum(map(len, parts))
            words = Vocabulary(("a", "b"), p.longest)
            said = [m - words.of_length(0) for m in symbols[1:n].tolist() if m >= 0]
            assert said == [len(part) for part in parts]


def test_every_position_is_real_in_every_row_of_1000_frame_videos(r2):
    one = np.concatenate([moving_videos(1, frames=100)[0]] * 10)
    videos = VideoSet.from_arrays([one, one[::-1], one[:, ::-1]])
    found = tokens.encoded(r2, videos, GPT_128.positions)
    s = Sequences(found.sequences, found.subjects, found.names, GPT_128, seed=0)
    for step in range(3):
        codes, _, real = s.batch(step)
        assert codes.shape == (3, 124, 24) and real.all()


def test_batches_come_in_the_order_of_their_steps():
    s = Sequences(sequences(), ("a", "b", "a"), ("0", "1", "2"), SMOKE, seed=1)
    for step, batch in enumerate(s.stream(3, 6, None, torch.device("cpu")), 3):
        for part, same in zip(batch, s.batch(step), strict=True):
            assert part is same is None or torch.equal(part, same)


def test_a_single_token_cannot_be_trained_on():
    with pytest.raises(InputError, match="at least two tokens"):
        Sequences(sequences((1, 4)), ("a", "a"), ("0", "1"), SMOKE, seed=0)


def test_words_are_told_apart():
    words = Vocabulary(("a", "b"), 4)
    assert len(words) == 7 and words.of_class("b") == 2 and words.of_class("nobody") == 0
    assert [words.of_length(n) for n in (1, 4)] == [3, 6]
    assert list(range(7))[words.lengths] == [3, 4, 5, 6]


def test_too_few_tokens_are_refused_before_an_r2_is_trained():
    videos = VideoSet.from_arrays([np.zeros((30, 8, 8, 3), np.uint8)] * 3)
    p = SMOKE.but(starts=2, positions=12, directions=12)  # 2 tokens from each of 2 starts
    tokens.check_enough(videos, 8, p)
    tokens.check_enough(videos, 8, p.but(directions=0))
    told = "^the 3 training videos have 12 tokens at a hop of 8, .* needs 13; give more or longer"
    with pytest.raises(InputError, match=told):
        tokens.check_enough(videos, 8, p.but(directions=13))
    with pytest.raises(InputError, match="two tokens take 31 frames; the longest .* has 30"):
        tokens.check_enough(videos, 15, p)
    with pytest.raises(InputError, match="have 6 tokens"):  # positions cut what is longer
        tokens.check_enough(videos, 1, p.but(positions=2, starts=1))
