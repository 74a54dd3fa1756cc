"""The networks against the published counts and the properties that prove them right."""

import pytest
import torch

from rencgan.core.errors import InputError
from rencgan.models.networks import (
    Encoder,
    Generator,
    ImageDiscriminator,
    SelfAttention,
    VideoDiscriminator,
    difference_maps,
    draw,
)
from rencgan.presets.table import PUBLISHED_64, PUBLISHED_128, SMOKE
from rencgan.studies import sizes


def count(p, name):
    return sizes.sizes(p)[name]["parameters"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 23_090_437),
        ({"video_stream": "2p1d"}, 27_219_205),
        ({"video_stream": "3d"}, 65_975_237),
        ({"attention_after": 0}, 22_925_955),
    ],
)
def test_generator_at_64_has_the_published_count(changes, expected):
    assert count(PUBLISHED_64.but(**changes), "G") == expected


def test_counts_of_table_5_3():
    p = PUBLISHED_128
    assert count(p, "G") == 90_367_525
    assert count(p, "VD") == 29_322_113
    assert count(p, "ID") == 6_959_553
    assert count(p, "Enc") == 2_061_856
    assert count(PUBLISHED_128.but(video_stream="1p2d"), "G") == 28_084_165
    for row in sizes.sizes(p).values():
        assert row["parameters"] == pytest.approx(row["published"], rel=0.005)


def test_critics_and_encoder_at_64():
    assert count(PUBLISHED_64, "VD") == 8_347_009
    assert count(PUBLISHED_64, "ID") == 2_764_737
    assert count(PUBLISHED_64, "Enc") == 1_309_748


@pytest.mark.parametrize("mode", ["1p2d", "2p1d", "3d"])
@pytest.mark.parametrize(("length", "frames"), [(1, 16), (2, 20), (4, 28)])
def test_motion_length_sets_the_number_of_frames(mode, length, frames):
    generator = Generator(SMOKE.but(video_stream=mode))
    x = generator(torch.randn(2, 8), torch.randn(2, 4, length))
    assert x.shape == (2, 3, frames, 16, 16)
    assert x.abs().max() <= 1


@pytest.mark.parametrize("size", [16, 32, 64, 128])
def test_every_scale_runs(size):
    blocks = {16: 3, 32: 4, 64: 5, 128: 6}[size]
    p = SMOKE.but(
        size=size,
        generator_widths=(8,) * blocks,
        encoder_widths=(8,) * (blocks - 2),
        image_d_widths=(8,) * (blocks - 1),
        video_d_widths=(8,) * (blocks - 1),
    )
    x = torch.rand(2, 3, 16, size, size) * 2 - 1
    codes = Encoder(p)(x, 8)
    made = Generator(p)(*draw(codes, torch.zeros(2, 8), torch.zeros(2, 4)))
    assert made.shape == x.shape
    assert VideoDiscriminator(p)(made).shape == ImageDiscriminator(p)(made[:, :, 0]).shape == (2,)


@pytest.mark.parametrize("off", ["content_stream", "motion_stream"])
def test_streams_can_be_switched_off(off):
    generator = Generator(SMOKE.but(warmup=0, motion_warmup=0, **{off: False})).eval()
    z_c, z_m = torch.randn(1, 8), torch.randn(1, 4)
    assert generator(z_c, z_m).shape == (1, 3, 16, 16, 16)
    absent = "spatial" if off == "content_stream" else "temporal"
    assert all(getattr(block, absent) is None for block in generator.blocks)


def streams(generator, z_c, z_m):
    """(h_s, h_v, h_t) after every block."""
    found = []
    hooks = [b.register_forward_hook(lambda m, i, o: found.append(o)) for b in generator.blocks]
    generator(z_c, z_m)
    for hook in hooks:
        hook.remove()
    return found


def test_content_half_is_constant_over_time_and_the_streams_do_not_mix():
    generator = Generator(SMOKE).eval()
    z_c, z_m = torch.randn(2, 8), torch.randn(2, 4)
    for h_s, h_v, _ in streams(generator, z_c, z_m)[:-1]:
        half = h_v[:, : h_v.shape[1] // 2]
        assert torch.equal(half, half[:, :, :1].expand_as(half))
        assert torch.equal(half[:, :, :1], h_s)
    other_motion = streams(generator, z_c, torch.randn(2, 4))
    other_content = streams(generator, torch.randn(2, 8), z_m)
    for a, b, c in zip(streams(generator, z_c, z_m), other_motion, other_content, strict=True):
        assert torch.equal(a[0], b[0]) and not torch.equal(a[2], b[2])
        assert torch.equal(a[2], c[2]) and not torch.equal(a[0], c[0])


@pytest.mark.parametrize(("over", "dims"), [("time", (2,)), ("space", (3, 4))])
def test_attention_with_zero_queries_adds_the_mean(over, dims):
    layer = SelfAttention(16, over).eval()
    x = torch.randn(2, 16, 5, 4, 6)
    assert torch.equal(layer(x), x)  # the gain starts at 0
    with torch.no_grad():
        layer.gain.fill_(1)
        for conv in (layer.q, layer.k, layer.v):
            torch.nn.utils.parametrize.remove_parametrizations(conv, "weight")
            conv.weight.zero_()
            conv.bias.zero_()
        layer.v.weight.copy_(torch.eye(16)[:, :, None, None, None])
    expected = x + x.mean(dims, keepdim=True)
    assert torch.allclose(layer(x), expected, atol=1e-6)


def test_spectral_norm_holds_every_normalised_weight_at_one():
    torch.manual_seed(0)
    generator, critic = Generator(SMOKE), VideoDiscriminator(SMOKE)
    for _ in range(50):
        critic(generator(torch.randn(2, 8), torch.randn(2, 4)))
    checked = 0
    for module in [*generator.modules(), *critic.modules()]:
        if hasattr(module, "parametrizations"):
            w = module.eval().weight
            w = w.transpose(0, 1) if "Transpose" in type(module).__name__ else w
            assert 0.99 <= torch.linalg.matrix_norm(w.flatten(1), 2) <= 1.02
            checked += 1
    assert checked == 3 * 4 + 6 + 8


def test_evaluation_makes_no_power_iteration():
    critic = ImageDiscriminator(SMOKE).eval()
    before = {k: v.clone() for k, v in critic.state_dict().items()}
    critic(torch.randn(2, 3, 16, 16))
    assert all(torch.equal(v, before[k]) for k, v in critic.state_dict().items())


def test_untrained_critics_cannot_tell():
    from rencgan.models.losses import eq_3_5

    p = PUBLISHED_64
    torch.manual_seed(0)
    x = torch.rand(4, 3, 16, 64, 64) * 2 - 1
    for critic, inputs in ((VideoDiscriminator(p), x), (ImageDiscriminator(p), x[:, :, 0])):
        with torch.no_grad():
            loss = eq_3_5(critic(inputs), [critic(inputs.flip(0) * 0.5)])
        assert float(loss) == pytest.approx(1.386, abs=0.1)


def test_noise_of_codes_can_be_bounded():
    free, bound = (Encoder(SMOKE.but(largest_logvar=v)).eval() for v in (0.0, -3.0))
    bound.load_state_dict(free.state_dict())
    x = torch.rand(2, 3, 16, 16, 16) * 2 - 1
    for shift in (-20.0, 10.0):
        for encoder in (free, bound):
            torch.nn.init.constant_(encoder.logvar_c.bias, shift)
            torch.nn.init.constant_(encoder.logvar_m[-1].bias, shift)
        with torch.no_grad():
            ours, theirs = bound(x, 8), free(x, 8)
        assert torch.equal(ours.mu_c, theirs.mu_c) and torch.equal(ours.mu_m, theirs.mu_m)
        pairs = ((ours.logvar_c, theirs.logvar_c), (ours.logvar_m, theirs.logvar_m))
        for ours_, theirs_ in pairs:
            if shift < -3:
                assert torch.allclose(ours_, theirs_, atol=1e-3)
            else:
                assert (ours_ <= -3).all() and (theirs_ > 5).all()


def test_difference_maps_follow_eq_3_3():
    x = torch.randn(1, 3, 16, 4, 4)
    v = difference_maps(x)
    assert v.shape == (1, 3, 15, 4, 4)
    assert torch.equal(v[:, :, 0], x[:, :, 0] - x[:, :, 1])


def test_the_content_stream_reads_the_reference_frame_only():
    encoder = Encoder(SMOKE).eval()
    x = torch.rand(2, 3, 16, 16, 16)
    y = x.clone()
    y[:, :, :8] += 0.1
    y[:, :, 9:] += 0.1
    a, b = encoder(x, 8), encoder(y, 8)
    assert torch.equal(a.mu_c, b.mu_c) and not torch.equal(a.mu_m, b.mu_m)
    assert not torch.equal(encoder(x, 0).mu_c, encoder(y, 0).mu_c)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Generator(SMOKE)(torch.randn(1, 9), torch.randn(1, 4)), "content code"),
        (lambda: Generator(SMOKE)(torch.randn(1, 8), torch.randn(1, 4, 0)), "L >= 1"),
        (lambda: Generator(SMOKE)(torch.randn(1, 8), torch.randn(2, 4)), "do not go with"),
        (lambda: VideoDiscriminator(SMOKE)(torch.randn(1, 3, 12, 16, 16)), "16"),
        (lambda: VideoDiscriminator(SMOKE)(torch.randn(1, 3, 20, 16, 16)), "16"),
        (lambda: Encoder(SMOKE)(torch.randn(2, 3, 15, 16, 16), 8), "16"),
        (lambda: Encoder(SMOKE)(torch.randn(1, 3, 16, 16, 16), 8), "batch"),
    ],
)
def test_wrong_shapes_are_named(call, words):
    with pytest.raises(InputError, match=words):
        call()
