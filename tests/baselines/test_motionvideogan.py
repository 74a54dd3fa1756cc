"""MotionVideoGAN: counts, the order of frames, critics and losses, its stages by the contract."""

import numpy as np
import pytest
import torch
from conftest import Stop, moving_videos, stopped_after
from stepping import assert_same, stepped, weights
from torch import nn

import rencgan.training.loop as loop
from rencgan.__main__ import main
from rencgan.baselines import motionvideogan as mvg
from rencgan.baselines.motionstylegan import MotionStyleGAN
from rencgan.baselines.motionvideogan import LatentGenerator, MotionVideoGAN, PatchCritic
from rencgan.baselines.pair_codes import MotionCodes
from rencgan.baselines.stylegan2 import Discriminator, Synthesis, widths
from rencgan.core import checkpoint
from rencgan.core.errors import InputError
from rencgan.data.videoset import VideoSet
from rencgan.models.trained import begun as untrained
from rencgan.models.trained import load_model
from rencgan.presets.baselines import MOTION_PRESETS, MOTION_SMOKE, PAIRS_PRESETS, PAIRS_SMOKE
from rencgan.presets.motionvideogan import MotionPreset, PairsPreset
from rencgan.studies import generated, recipes
from rencgan.training.loop import Job, train
from rencgan.training.players import Players

SET = VideoSet.from_arrays(moving_videos(4))


def count(net: nn.Module) -> int:
    return sum(w.numel() for w in net.parameters())


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """A generator of pairs after a few steps."""
    out = tmp_path_factory.mktemp("pairs")
    return load_model(train(Job(MotionStyleGAN(), PAIRS_SMOKE, SET, out)), device="cpu")


# ------------------------------------------------------------------------------------------- counts


def test_counts_are_those_of_the_paper():
    with torch.device("meta"):
        nets = MotionStyleGAN().networks(PAIRS_PRESETS["256"])
        small = MotionStyleGAN().networks(PAIRS_PRESETS["64"])
        walk = MotionVideoGAN().networks(MOTION_PRESETS["256"])
    assert [count(net) for net in nets.values()] == [30_043_191, 28_864_513]
    assert sum(map(count, nets.values())) == 58_907_704
    assert [count(net) for net in small.values()] == [5_965_863, 5_854_977]
    assert [count(net) for net in walk.values()] == [4_217_886, 22_136_706, 22_136_706]


def test_three_channels_more_cost_9237_parameters_all_of_them_at_the_image():
    c = widths(256, 32_768, 512)
    with torch.device("meta"):
        g = [Synthesis(c, 512, channels, noise=True) for channels in (3, 6)]
        d = [Discriminator(c, channels) for channels in (3, 6)]
    assert count(g[1]) - count(g[0]) == 8853 and count(d[1]) - count(d[0]) == 384
    shapes = [{k: v.shape for k, v in net.state_dict().items()} for net in g]
    assert {k.split(".")[0] for k in shapes[0] if shapes[0][k] != shapes[1][k]} == {"to_rgb"}


@pytest.mark.parametrize(
    ("size", "maps"), [(256, [(5, 35, 35), (5, 19, 19)]), (64, [(5, 11, 11), (5, 7, 7)])]
)
def test_shapes_of_the_patch_maps(size, maps):
    with torch.no_grad():
        found = PatchCritic((1, 1, 1, 1))(torch.zeros(1, 6, 16, size, size))
    assert [tuple(m.shape[1:]) for m in found] == [(1, *shape) for shape in maps]


def test_zeros_laid_on_first_are_those_of_the_convolution():
    layer = PatchCritic((4, 4, 4, 4)).scales[0][8]
    x = torch.randn(2, 4, 3, 5, 5)
    plain = nn.functional.conv3d(x, layer.weight, layer.bias, layer.stride, 2)
    assert torch.allclose(layer(x), plain, atol=1e-6) and plain.shape == (2, 4, 4, 6, 6)


def test_long_videos_are_pooled_in_time_too():
    x = torch.randn(1, 6, 32, 8, 8)
    assert mvg.coarser(x).shape == (1, 6, 16, 4, 4)
    assert mvg.coarser(x[:, :, :16]).shape == (1, 6, 16, 4, 4)
    assert torch.allclose(mvg.coarser(torch.ones(1, 6, 16, 8, 8)), torch.ones(1)), (
        "no padding counts"
    )


@pytest.mark.parametrize("shape", [(1, 6, 1, 16, 16), (1, 3, 16, 16, 16), (6, 16, 16, 16)])
def test_critics_refuse_what_is_no_pair_of_videos(shape):
    with pytest.raises(InputError, match=r"\(B, 6, T, H, W\) of at least 2 frames, not \("):
        PatchCritic((4, 4, 4, 4))(torch.zeros(shape))


# -------------------------------------------------------------------------------------------- walks


def coded(n: int = 3, d: int = 24) -> MotionCodes:
    backward, forward = torch.randn(2, n, d, dtype=torch.float64)
    return MotionCodes(backward, forward, {})


def test_a_step_lies_in_the_span_of_its_codes():
    torch.manual_seed(0)
    net, codes = LatentGenerator(24, 3, 0.2), coded()
    nn.init.normal_(net.out.weight, 0, 3)
    w, eps = torch.randn(2, 24), torch.randn(2, 15, 24)
    walk = net(w, eps, codes)
    assert walk.shape == (2, 16, 24) and torch.equal(walk[:, 0], w)
    amounts = list(net.amounts(w, eps))
    assert len(amounts) == 15 and 0.5 < max(m.abs().max() for m in amounts) <= 1
    for t, amount in enumerate(amounts, 1):
        omega = (codes.backward if t % 2 else codes.forward).float()
        assert torch.allclose(walk[:, t] - walk[:, t - 1], 0.2 * amount @ omega, atol=1e-5)


def test_the_lstm_begins_orthogonal_without_biases():
    net = LatentGenerator(16, 4, 0.2)
    for cell in (net.start, net.step):
        for matrix in (cell.weight_ih, cell.weight_hh):
            for gate in matrix.detach().chunk(4):
                assert torch.allclose(gate @ gate.T, torch.eye(16), atol=1e-5)
        assert not cell.bias_ih.any() and not cell.bias_hh.any()
    assert not net.out.bias.any() and 0.01 < net.out.weight.std().item() < 0.04


def told(w: torch.Tensor) -> torch.Tensor:
    """A generator of pairs that tells its code: A = w, B = -w, everywhere."""
    return (
        torch.stack([w[:, :1], -w[:, :1]], 1)[..., None, None].expand(-1, -1, 3, 4, 4).flatten(1, 2)
    )


def test_frames_are_b_a_b_a_each_of_its_own_code():
    w = torch.arange(1.0, 6.0).view(1, 5, 1)
    video = mvg.frames_at(told, *mvg.between_codes(w))
    assert video.shape == (1, 3, 5, 4, 4)
    assert video[0, 0, :, 0, 0].tolist() == [-1, 2, -3, 4, -5]


def test_between_codes_are_steps_that_show_the_slot_they_edit():
    w = torch.tensor([0.0, 3.0, 9.0]).view(1, 3, 1)
    found, shown = mvg.between_codes(w, 3)
    assert found.flatten().tolist() == pytest.approx([0, 1, 2, 3, 5, 7, 9])
    assert shown.tolist() == [1, 0, 0, 0, 1, 1, 1]
    some, which = mvg.between_codes(w, 3, slice(2, 5))
    assert torch.equal(some, found[:, 2:5]) and torch.equal(which, shown[2:5])
    assert mvg.between_codes(torch.zeros(1, 16, 1), 9)[0].shape == (1, 1 + 15 * 9, 1)
    with pytest.raises(InputError, match="1 step or more leads from code to code, not 0"):
        mvg.between_codes(w, 0)


def test_without_amounts_two_still_frames_alternate(pairs):
    net = LatentGenerator(24, 3, 0.2)
    nn.init.zeros_(net.out.weight)
    image = pairs.nets["generator"].synthesis
    with torch.no_grad():
        walk = net(torch.randn(1, 24), torch.randn(1, 5, 24), coded())
        video = mvg.frames_at(image, *mvg.between_codes(walk))
    for t in range(2, 6):
        assert torch.equal(video[:, :, t], video[:, :, t - 2])
    assert not torch.equal(video[:, :, 0], video[:, :, 1])


# ------------------------------------------------------------------------------- critics and losses


def test_what_the_critics_see():
    x = torch.randn(2, 3, 5, 4, 4)
    first, back = mvg.beside_first(x), mvg.beside_first(x, backwards=True)
    assert all(torch.equal(first[:, :3, t], x[:, :, 0]) for t in range(5))
    assert torch.equal(first[:, 3:], x) and torch.equal(back, first.flip(2))
    palindrome = torch.cat([x, x.flip(2)], dim=2)
    seen = mvg.beside_reverse(palindrome)
    assert torch.equal(seen[:, :3], seen[:, 3:])
    assert torch.equal(mvg.beside_reverse(x)[:, 3:], x.flip(2))


def test_equal_constant_logits_lose_a_half_a_scale():
    for value in (0.0, 3.0):
        maps = [torch.full((2, 1, 5, 7, 7), value), torch.full((2, 1, 5, 4, 4), value)]
        assert mvg.relativistic(maps, maps).item() == 1.0
    real, fake = ([torch.full((2, 1), value)] for value in (1.0, 0.0))
    found = [mvg.relativistic(*sides).item() for sides in ((real, fake), (fake, real))]
    assert found == [0.5, 2.5]


def test_the_average_of_a_loss_is_over_all_places_of_a_map():
    real = torch.arange(8.0).view(2, 1, 1, 2, 2)
    fake = -real
    sides = (real - fake.mean() - 1).square().mean(), (fake - real.mean()).square().mean()
    assert mvg.relativistic([real], [fake]).item() == pytest.approx(0.5 * float(sum(sides)))


@pytest.mark.parametrize("places", [1, 605])
def test_the_penalty_is_of_whole_samples_and_means_of_maps_and_scales(places):
    a = torch.randn(6, 4, 4, 4)
    a = a / a.norm()

    def critic(x):
        logits = [(k * a * x).sum((1, 2, 3, 4)) for k in (1.0, 3.0)]
        return [each[:, None].expand(-1, places) for each in logits]

    assert mvg.penalty(critic, torch.randn(2, 6, 4, 4, 4)).item() == pytest.approx(2, abs=1e-3)


# ------------------------------------------------------------------------------------- the contract


def job(base, out, **changes) -> Job:
    return Job(MotionVideoGAN(**changes), MOTION_SMOKE, SET, out, base=base)


def alike(a: np.ndarray, b: np.ndarray) -> bool:
    """Within a grey level: a product may round otherwise in another batch."""
    return a.shape == b.shape and np.abs(a.astype(int) - b).max() <= 1


def test_a_walk_that_was_killed_ends_with_the_same_bits(pairs, tmp_path, monkeypatch):
    whole, parts = (job(pairs, tmp_path / n) for n in ("whole", "parts"))
    frozen = {k: v.clone() for k, v in pairs.nets["generator"].state_dict().items()}
    end = checkpoint.load(train(whole), "motionvideogan")
    assert_same(frozen, dict(pairs.nets["generator"].state_dict()))
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    with pytest.raises(Stop):
        train(parts, progress=stopped_after(2))
    path = train(parts)
    again = checkpoint.load(path)
    for part in ("networks", "optimisers", "codes"):
        assert_same(end[part], again[part])
    model = load_model(path, base=pairs)
    facts = model.extras["codes"].facts
    assert facts["lambda"] >= MOTION_SMOKE.lam and min(facts["ranks"]) >= 4
    made = model.videos(128, videos=2, seed=5)
    assert made.shape == (2, 128, 16, 16, 3) and made.dtype == np.uint8
    assert alike(model.videos(128, videos=1, seed=5)[0], made[0])
    assert alike(model.videos(40, videos=1, seed=5, rate=9)[0], made[0, :40])
    assert model.videos(videos=1).shape == (1, 16, 16, 16, 3)
    walk = model.videos(20, rate=1, seed=5)
    assert alike(walk[0, :16], model.videos(16, seed=5)[0])
    assert len(generated.made_by(model, "sample", moving_videos(2), 32, 0)) == 2
    with pytest.raises(InputError, match="holds a model over another one, 'motionstylegan'"):
        load_model(path)
    for options, words in (
        ({"codes": "mean"}, "draws one walk a video"),
        ({"rate": 0}, "1 step or more leads from code to code"),
        ({"first_clip": np.zeros(1)}, "makes no video from first_clip"),
        ({"videos": 0}, "at least 1 video is made"),
    ):
        with pytest.raises(InputError, match=words):
            model.generate(**options)


@pytest.mark.parametrize("switches", [{}, {"loss": "log", "noise": False}])
def test_turns_move_the_walk_and_then_each_critic(pairs, tmp_path, switches):
    work = job(pairs, tmp_path, **switches)
    reader = work.system.reads(work)
    m = Players(work.system, work.preset, reader=reader)
    before = {name: weights(net) for name, net in m.nets.items()}
    x = next(reader.stream(0, 1, lambda step: ("batch", 2, slice(0, 2)), "cpu"))
    moved = []
    real = m._move
    m._move = lambda names, loss, group: moved.append(names) or real(names, loss, group)
    terms = stepped(m, x, 0, reader=reader)
    assert moved == [("generator",)] * 2 + [("reverse_d",), ("video_d",)]
    judged = ["reverse_d", "reverse_d_penalty", "video_d", "video_d_penalty"]
    assert list(terms) == ["reverse", "video", *judged]
    assert all(not torch.equal(weights(net), before[name]) for name, net in m.nets.items())
    assert m.system.weight("video_d_penalty", m.p, m.phase) == 10
    if switches:
        assert not m.system.draws(0, 0, m.p, m.phase, lambda n: slice(0, n), "cpu").eps.any()


def test_ablations_are_switches(pairs, tmp_path):
    for critics, names in (("video", ["video_d"]), ("reverse", ["reverse_d"])):
        system = MotionVideoGAN(critics=critics)
        assert list(system.networks(MOTION_SMOKE)) == ["generator", *names]
        assert system.title(MOTION_SMOKE) == f"MotionVideoGAN, {critics} critic alone"
    work = job(pairs, tmp_path, critics="reverse", directions="random")
    codes = mvg.found_codes(work)
    assert codes.backward.shape == codes.forward.shape == (4, 24)
    assert torch.allclose(codes.forward.norm(dim=1), torch.ones(4).double())
    assert load_model(train(work), base=pairs).videos().shape == (1, 16, 16, 16, 3)


def test_clips_are_of_videos_longer_than_seventeen_frames(pairs, tmp_path):
    arrays = [v[:n] for v, n in zip(moving_videos(3), (17, 18, 40), strict=True)]
    work = Job(MotionVideoGAN(), MOTION_SMOKE, VideoSet.from_arrays(arrays), tmp_path, base=pairs)
    reader = mvg.CodedClips(work, coded())
    assert len(reader) == 2 and reader.length == 16


def test_what_does_not_go_together_is_refused(pairs, tmp_path):
    with pytest.raises(InputError, match="reads the codes of a trained 'motionstylegan'"):
        job(None, tmp_path).check()
    other = untrained(MotionStyleGAN(), PAIRS_SMOKE.but(latent=16))
    with pytest.raises(InputError, match="walks through 24 numbers; those pairs have 16"):
        mvg.found_codes(job(other, tmp_path))
    with pytest.raises(InputError, match="loss is one of relativistic, log, not 'hinge'"):
        MotionVideoGAN(loss="hinge")
    with pytest.raises(InputError, match="MotionStyleGAN makes no long video"):
        pairs.generate(16)
    for changes, words in (
        ({"distances": ()}, "1 frame apart or more"),
        ({"size": 48}, "8, 16, 32 ... pixels, not of 48"),
        ({"mixing": 1.5}, "mixing is a share"),
    ):
        with pytest.raises(InputError, match=words):
            PairsPreset(**changes)
    for changes, words in (
        ({"frames": 1}, "a clip has at least 2 frames"),
        ({"lam": 0.0}, "lam must lie in"),
        ({"codes": 0}, "codes must be at least 1"),
    ):
        with pytest.raises(InputError, match=words):
            MotionPreset(**changes)


def test_the_command_trains_the_pairs_first(tmp_path, capsys):
    words = ["train", "motionvideogan", "--preset", "smoke", "--source", "procedural"]
    assert main([*words, "--set", "steps=1", "--out", str(tmp_path)]) == 0
    path = capsys.readouterr().out.splitlines()[-1]
    assert checkpoint.load(path)["step"] == 1
    assert len(list(tmp_path.rglob("motionstylegan-*/checkpoint.pt"))) == 1


def test_presets_are_found_by_name():
    for model, rows in (("motionstylegan", PAIRS_PRESETS), ("motionvideogan", MOTION_PRESETS)):
        assert list(rows) == ["smoke", "hour", "64", "256"]
        for name, p in rows.items():
            assert recipes.preset(name, model) == p
    for name in rows:
        assert PAIRS_PRESETS[name].latent == MOTION_PRESETS[name].latent
