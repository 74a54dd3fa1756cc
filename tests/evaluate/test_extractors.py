"""Feature extractors: what the network reads, what comes out, and a sentence for every bad file.

The published files are not here: a small scripted module with the I3D's call signature and a small
network with the ResNeXt's layout stand for them.
"""

import hashlib
import io
import json
import pathlib
import re
import socket
import warnings
import zipfile
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rencgan.core.errors import InputError
from rencgan.evaluate import backbones
from rencgan.evaluate import extractors as features
from rencgan.evaluate.backbones import DEPTHS, WIDTHS, ResNeXt3D, prepare_resnext
from rencgan.evaluate.extractors import I3D, RESNEXT

SMALL = {"depths": (2, 1, 2, 1), "widths": (8, 16, 32, 64), "groups": 4, "stem": 8, "classes": 5}


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """A project without weights, and no variable."""
    monkeypatch.delenv(features.VARIABLE, raising=False)
    monkeypatch.setattr(features, "project_root", lambda: tmp_path / "project")


def some_clips(batch=2, frames=16, height=20, width=24, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (batch, frames, height, width, 3), np.uint8)


# -------------------------------------------------------------------------------------- the ResNeXt


def block_size(c_in, width, groups=32):
    """Parameters of one block by hand: three convolutions and their norms, and the shortcut's."""
    own = c_in * width + 27 * width * width // groups + 2 * width * width + 2 * (4 * width)
    return own + (c_in * 2 * width + 2 * (2 * width) if c_in != 2 * width else 0)


def test_the_resnext_has_the_published_size():
    with torch.device("meta"):
        network, of_600 = ResNeXt3D(), ResNeXt3D(classes=600)
    sizes = {k: sum(p.numel() for p in c.parameters()) for k, c in network.named_children()}
    c_in, by_hand = 64, []
    for depth, width in zip(DEPTHS, WIDTHS, strict=True):
        by_hand.append(block_size(c_in, width) + (depth - 1) * block_size(2 * width, width))
        c_in = 2 * width
    assert [sizes[f"layer{i}"] for i in (1, 2, 3, 4)] == by_hand
    assert by_hand == [233_472, 1_344_512, 29_562_880, 16_314_368]
    assert sizes["conv1"] + sizes["bn1"] == 3 * 64 * 7**3 + 2 * 64 == 65_984
    assert sizes["fc"] == 2048 * 400 + 400
    assert sum(sizes.values()) == 65_984 + sum(by_hand) + 819_600 == 48_340_816
    assert round(sum(p.numel() for p in of_600.parameters()) / 1e6, 2) == 48.75


def test_the_resnext_has_the_published_names_and_shapes():
    with torch.device("meta"):
        network = ResNeXt3D()
    shapes = {k: tuple(v.shape) for k, v in network.state_dict().items()}
    assert len([k for k in shapes if not k.endswith("num_batches_tracked")]) == 104 * 5 + 2
    assert shapes["conv1.weight"] == (64, 3, 7, 7, 7) and shapes["bn1.running_var"] == (64,)
    assert shapes["layer1.0.downsample.0.weight"] == (256, 64, 1, 1, 1)
    assert shapes["layer3.22.conv2.weight"] == (512, 16, 3, 3, 3)
    assert shapes["layer4.0.downsample.1.bias"] == (2048,)
    assert shapes["layer4.2.conv3.weight"] == (2048, 1024, 1, 1, 1)
    assert shapes["fc.weight"] == (400, 2048)
    assert not [k for k in shapes if "downsample" in k and ".0." not in k[:9]]


def test_the_resnext_pools_over_one_by_four_by_four():
    seen = {}
    with torch.device("meta"):
        network = ResNeXt3D().eval()
        for name, child in network.named_children():
            child.register_forward_hook(lambda m, i, o, n=name: seen.update({n: tuple(o.shape)}))
        assert network(torch.empty(2, 3, 16, 112, 112)).shape == (2, 2048)
    assert seen["conv1"] == (2, 64, 16, 56, 56) and seen["maxpool"] == (2, 64, 8, 28, 28)
    assert seen["layer1"] == (2, 256, 8, 28, 28) and seen["layer2"] == (2, 512, 4, 14, 14)
    assert seen["layer3"] == (2, 1024, 2, 7, 7) and seen["layer4"] == (2, 2048, 1, 4, 4)
    assert "fc" not in seen


def small_resnext(seed=0):
    """A small network in evaluation mode whose norms do something."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = ResNeXt3D(**SMALL).eval().requires_grad_(False)
        for m in network.modules():
            if isinstance(m, nn.BatchNorm3d):
                for t, low, high in (
                    (m.weight, 0.5, 1.5),
                    (m.bias, -0.3, 0.3),
                    (m.running_mean, -0.3, 0.3),
                    (m.running_var, 0.5, 1.5),
                ):
                    t.uniform_(low, high)
    return network


def by_names(w, x):
    """The forward pass of the small network from its state dict alone, in float64."""
    w = {k: v.double() for k, v in w.items()}

    def conv_norm(h, conv, norm, stride=1, padding=0, groups=1):
        h = F.conv3d(h, w[f"{conv}.weight"], None, stride, padding, 1, groups)
        moments = w[f"{norm}.running_mean"], w[f"{norm}.running_var"]
        return F.batch_norm(h, *moments, w[f"{norm}.weight"], w[f"{norm}.bias"])

    h = conv_norm(x.double(), "conv1", "bn1", (1, 2, 2), 3).relu()
    h = F.max_pool3d(h, 3, 2, 1)
    for i, depth in enumerate(SMALL["depths"]):
        for j in range(depth):
            at = f"layer{i + 1}.{j}"
            stride = 2 if i and not j else 1
            shortcut = h
            if not j:
                shortcut = conv_norm(h, f"{at}.downsample.0", f"{at}.downsample.1", stride)
            h = conv_norm(h, f"{at}.conv1", f"{at}.bn1").relu()
            h = conv_norm(h, f"{at}.conv2", f"{at}.bn2", stride, 1, SMALL["groups"]).relu()
            h = (conv_norm(h, f"{at}.conv3", f"{at}.bn3") + shortcut).relu()
    return h.mean((2, 3, 4))


def test_the_forward_pass_uses_every_weight_under_its_name():
    network = small_resnext()
    x = torch.randn(2, 3, 16, 40, 40, generator=torch.Generator().manual_seed(1))
    expected = by_names(network.state_dict(), x)
    assert expected.std() > 0.01
    assert torch.allclose(network(x).double(), expected, rtol=1e-4, atol=1e-5)


# ------------------------------------------------------------------------------------ the stand-ins


class Detector(nn.Module):
    """The I3D's call signature; says in its 400 features what came in and how it was called."""

    def __init__(self, dims: int = 400):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))
        self.dims = dims

    def forward(
        self, x: Tensor, rescale: bool = False, resize: bool = False, return_features: bool = False
    ) -> Tensor:
        if rescale:
            x = x / 255 * 2 - 1
        if resize:
            size = [x.shape[2], 224, 224]
            x = F.interpolate(x, size, mode="trilinear", align_corners=False)
        shape = torch.tensor([x.shape[0], x.shape[2], x.shape[3], x.shape[4]]).expand(len(x), -1)
        corners = [x[:, :, 0, 0, 0], x[:, :, 0, 0, -1], x[:, :, 0, -1, 0], x[:, :, -1, 0, 0]]
        y = torch.cat([shape, torch.cat(corners, dim=1) * self.gain], dim=1)
        y = F.pad(y, [0, self.dims - y.shape[1]])
        if self.training:
            y = y + 100
        return y if return_features else y.softmax(1)


class Other(nn.Module):
    """TorchScript that is not the I3D."""

    def forward(self, x: Tensor) -> Tensor:
        return x


def scripted(module: nn.Module) -> bytes:
    """A TorchScript file's content, saved in training mode."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        buffer = io.BytesIO()
        torch.jit.save(torch.jit.script(module), buffer)
    return buffer.getvalue()


def published_layout(network: nn.Module, zipped=False, **parts) -> bytes:
    """A checkpoint like the published one: written by DataParallel and an early PyTorch, without
    counts of batches, beside an optimiser's state.
    """
    weights = {
        f"module.{k}": v
        for k, v in network.state_dict().items()
        if not k.endswith("num_batches_tracked")
    }
    momentum = {"state": {0: {"momentum_buffer": torch.ones(3)}}, "param_groups": [{"lr": 0.1}]}
    content = {"epoch": 9, "arch": "resnext-101", "state_dict": weights, "optimizer": momentum}
    buffer = io.BytesIO()
    torch.save(content | parts, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def detector_file() -> bytes:
    return scripted(Detector())


@pytest.fixture
def i3d(tmp_path, monkeypatch, detector_file):
    """The path of the stand-in I3D, which passes for the published one."""
    stand_in = replace(I3D, sha256=hashlib.sha256(detector_file).hexdigest())
    monkeypatch.setitem(features.EXTRACTORS, "i3d-400", stand_in)
    path = tmp_path / "w" / I3D.file
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(detector_file)
    return path


@pytest.fixture
def resnext(tmp_path, monkeypatch):
    """The path of the stand-in ResNeXt, 32x32 and with 128 features."""
    load = partial(backbones.load_resnext, build=partial(ResNeXt3D, **SMALL))
    prepare = partial(prepare_resnext, size=32)
    stand_in = replace(RESNEXT, load=load, prepare=prepare, dims=128)
    monkeypatch.setitem(features.EXTRACTORS, "resnext-101", stand_in)
    path = tmp_path / "w" / RESNEXT.file
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(published_layout(small_resnext()))
    return path


def find(name, path):
    return features.find(name, path, device="cpu")


# ---------------------------------------------------------------------------- what the I3D is given


def test_the_i3d_is_called_as_published(i3d):
    clips = np.zeros((2, 11, 6, 8, 3), np.uint8)
    clips[:, 0, 0, 0] = 0, 51, 255
    clips[:, 0, 0, -1] = 102
    clips[:, 0, -1, 0] = 153
    clips[:, -1, 0, 0] = 204
    x = find("i3d-400", i3d)(clips)
    assert x.shape == (2, 400) and x.dtype == torch.float32 and x.device.type == "cpu"
    assert not x.requires_grad
    assert x[:, :4].tolist() == [[1, 11, 224, 224]] * 2
    expected = [-1, -0.6, 1, -0.2, -0.2, -0.2, 0.2, 0.2, 0.2, 0.6, 0.6, 0.6]
    assert torch.allclose(x[:, 4:16], torch.tensor([expected] * 2), atol=1e-6)
    assert not x[:, 16:].any()


def test_any_array_of_clips_is_read(i3d):
    extractor, clips = find("i3d-400", i3d), some_clips(frames=10)
    locked = clips.copy()
    locked.flags.writeable = False
    mirrored = np.ascontiguousarray(clips[:, :, :, ::-1])[:, :, :, ::-1]
    for other in (locked, mirrored, torch.from_numpy(clips)):
        assert torch.equal(extractor(other), extractor(clips))


# ------------------------------------------------------------------------ what the ResNeXt is given


def test_the_resnext_reads_levels_minus_the_means():
    clip = torch.tensor([0, 100, 255], dtype=torch.uint8).expand(16, 7, 9, 3)
    x = prepare_resnext(clip)
    assert x.shape == (1, 3, 16, 112, 112) and x.dtype == torch.float32
    expected = torch.tensor([-114.7748, 100 - 107.7354, 255 - 99.4750])
    assert torch.allclose(x, expected[:, None, None, None].expand_as(x), atol=1e-4)


@pytest.mark.parametrize("frames, first", [(16, 0), (17, 0), (18, 1), (19, 1), (40, 12)])
def test_the_middle_sixteen_frames_count(frames, first):
    clip = torch.arange(frames, dtype=torch.uint8)[:, None, None, None].repeat(1, 4, 4, 3)
    x = prepare_resnext(clip, size=4)[0, 0, :, 0, 0] + 114.7748
    assert x.round().tolist() == list(range(first, first + 16))


def resized_by_torch(clip: np.ndarray, antialias: bool) -> np.ndarray:
    x = torch.from_numpy(clip).permute(0, 3, 1, 2).double()
    x = F.interpolate(x, (112, 112), mode="bilinear", antialias=antialias, align_corners=False)
    return x.permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize("height, width", [(64, 64), (112, 112), (112, 200), (150, 260), (30, 300)])
def test_resizing_is_bilinear_antialiased_and_rounded(height, width):
    clip = some_clips(1, 16, height, width)[0]
    x = prepare_resnext(torch.from_numpy(clip))[0].permute(1, 2, 3, 0).numpy()
    x = x + np.array(backbones.MEANS)
    assert np.abs(x - x.round()).max() < 1e-4
    assert np.abs(x - resized_by_torch(clip, True)).max() < 1.01  # PIL rounds after each direction
    if max(height, width) > 112:
        assert np.abs(x - resized_by_torch(clip, False)).mean() > 10


def test_the_published_layout_comes_back(resnext):
    clips = some_clips()
    x = find("resnext-101", resnext)(clips)
    network = small_resnext()
    given = [prepare_resnext(torch.from_numpy(clip), size=32) for clip in clips]
    assert x.shape == (2, 128) and x.dtype == torch.float32 and not x.requires_grad
    assert torch.allclose(x.double(), by_names(network.state_dict(), torch.cat(given)), rtol=1e-3)
    assert not torch.allclose(x[0], x[1], rtol=1e-2)


def test_other_ways_of_writing_the_same_weights_are_read(resnext):
    clips, network = some_clips(), small_resnext()
    expected = find("resnext-101", resnext)(clips)
    counted = {f"module.{k}": v for k, v in network.state_dict().items()}
    for content in (
        published_layout(network, zipped=True),
        published_layout(network, state_dict=counted),
        published_layout(network, state_dict=network.state_dict()),
    ):
        resnext.write_bytes(content)
        assert torch.equal(find("resnext-101", resnext)(clips), expected)


def test_weights_written_on_a_gpu_are_read_without_one(resnext):
    """The published file's storages lie on cuda:0."""
    expected = find("resnext-101", resnext)(some_clips())
    content = resnext.read_bytes()
    assert b"ctorch\nFloatStorage\n" in content and b"X\x03\x00\x00\x00cpu" in content
    content = content.replace(b"ctorch\nFloatStorage\n", b"ctorch.cuda\nFloatStorage\n")
    resnext.write_bytes(content.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0"))
    assert torch.equal(find("resnext-101", resnext)(some_clips()), expected)


# ---------------------------------------------------------------------------------- reproducibility


@pytest.mark.parametrize("name", ["i3d-400", "resnext-101"])
def test_features_depend_on_the_clip_alone(name, i3d, resnext):
    extractor, clips = find(name, i3d.parent), some_clips(5)
    x = extractor(clips)
    assert len({row.numpy().tobytes() for row in x}) == 5
    for _ in range(3):  # TorchScript would recompile itself between the first calls
        assert torch.equal(extractor(clips), x)
    assert torch.equal(extractor(clips[::-1]), x.flip(0))
    for i in range(5):
        assert torch.equal(extractor(clips[i : i + 1])[0], x[i])
    assert torch.equal(find(name, i3d.parent)(clips), x)


def test_the_surroundings_neither_matter_nor_change(resnext):
    extractor, clips = find("resnext-101", resnext), some_clips()
    expected = extractor(clips)
    before = torch._C._get_graph_executor_optimize(), torch.backends.cudnn.allow_tf32
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(extractor(clips), expected)
    assert torch.is_grad_enabled()
    assert (torch._C._get_graph_executor_optimize(), torch.backends.cudnn.allow_tf32) == before


# ----------------------------------------------------------------------------- clips that are wrong


@pytest.mark.parametrize(
    "clips, reason",
    [
        (some_clips(1, 9), "at least 10 frames, not 9"),
        (some_clips()[0], r"uint8, not \(16, 20, 24, 3\) uint8"),
        (some_clips().transpose(0, 4, 1, 2, 3), r"not \(2, 3, 16, 20, 24\) uint8"),
        (some_clips()[:0], r"not \(0, 16, 20, 24, 3\) uint8"),
        (some_clips()[:, :, :0], r"clips are \(B, T, H, W, 3\) uint8, not"),
        (some_clips()[..., :1], "uint8, not"),
        (some_clips().astype(np.int64), "int64"),
        (some_clips() / 127.5 - 1, "float64"),
        (torch.from_numpy(some_clips()).long(), "int64"),
        (some_clips() > 9, "bool"),
        (some_clips().astype(object), "object"),
    ],
)
def test_clips_that_are_wrong_are_refused(i3d, clips, reason):
    with pytest.raises(InputError, match=reason) as refused:
        find("i3d-400", i3d)(clips)
    assert "\n" not in str(refused.value)


def test_fifteen_frames_are_too_few_for_the_resnext(resnext):
    with pytest.raises(InputError, match="resnext-101 needs clips of at least 16 frames, not 15"):
        find("resnext-101", resnext)(some_clips(1, 15))


# ----------------------------------------------------------------------------- files that are wrong


def refusal(name, path) -> str:
    with pytest.raises(InputError) as refused:
        find(name, path)
    message = str(refused.value)
    assert "\n" not in message and len(message) < 600
    return message


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def zipped(**names: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in names.items():
            archive.writestr("x/" + name.replace("__", "/"), content)
    return buffer.getvalue()


def saved(content) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["i3d-400", "resnext-101"])
def test_a_missing_file_is_named(name, tmp_path, monkeypatch):
    def refuse(*_):
        raise AssertionError("nothing is downloaded")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    kind = features.EXTRACTORS[name]
    message = refusal(name, None)
    assert message.startswith(f"there is no {kind.file} in {tmp_path / 'project' / 'weights'}")
    assert kind.metric in message and kind.home in message and features.VARIABLE in message


@pytest.mark.parametrize(
    "content", [b"", b"a page that says 404", b"PK\x03\x04" + bytes(50), zipped(readme=b"hello")]
)
def test_a_file_of_no_known_format_is_refused(content, tmp_path):
    for kind in (I3D, RESNEXT):
        (tmp_path / kind.file).write_bytes(content)
    reason = "damaged or is another file: its sha256 is" if content else "empty"
    message = refusal("i3d-400", tmp_path)
    assert message.startswith(f"{tmp_path / I3D.file} is {reason}")
    assert message.endswith(f"; {I3D.file} from {I3D.home} is needed")
    reason = "damaged, or holds more than weights" if content else "empty"
    assert refusal("resnext-101", tmp_path).startswith(f"{tmp_path / RESNEXT.file} is {reason}")


@pytest.mark.parametrize("name", ["i3d-400", "resnext-101"])
def test_a_file_that_may_not_be_read_is_refused(name, i3d, resnext, monkeypatch):
    path = {"i3d-400": i3d, "resnext-101": resnext}[name]

    def denied(self, *_, **__):
        if self == path:
            raise PermissionError(13, "Permission denied")
        return real(self)

    real = pathlib.Path.read_bytes
    with monkeypatch.context() as patch:
        patch.setattr(pathlib.Path, "read_bytes", denied)
        assert refusal(name, path.parent) == f"{path} cannot be read (Permission denied)"
    path.unlink()
    path.mkdir()
    assert refusal(name, path.parent) == f"{path} cannot be read (Is a directory)"


def test_a_damaged_i3d_is_refused(i3d, detector_file):
    for damaged in (
        detector_file[: len(detector_file) // 2],
        detector_file[:-1],
        flipped(detector_file, detector_file.index(b"FB") + 200),
        published_layout(small_resnext(), zipped=True),
        published_layout(small_resnext()),
    ):
        i3d.write_bytes(damaged)
        assert "is damaged or is another file" in refusal("i3d-400", i3d)


def test_an_i3d_that_is_not_the_published_file_is_refused(tmp_path, detector_file):
    assert re.fullmatch("[0-9a-f]{64}", I3D.sha256)
    (tmp_path / I3D.file).write_bytes(detector_file)
    message = refusal("i3d-400", tmp_path)
    digest = hashlib.sha256(detector_file).hexdigest()
    assert f"its sha256 is {digest[:12]}..., the published one bec6519f66ea..." in message


def test_torchscript_that_is_no_i3d_is_refused(i3d, monkeypatch):
    monkeypatch.setitem(features.EXTRACTORS, "i3d-400", replace(I3D, sha256=None))
    i3d.write_bytes(scripted(Other()))
    assert "does not take rescale, resize and return_features" in refusal("i3d-400", i3d)
    i3d.write_bytes(zipped(code__a=b"def", **{"data.pkl": b"?"}))
    assert "is no TorchScript that this PyTorch can read" in refusal("i3d-400", i3d)
    i3d.write_bytes(scripted(Detector(dims=401)))
    with pytest.raises(InputError, match=r"shape \(1, 401\), not \(1, 400\): it is another"):
        find("i3d-400", i3d)(some_clips())
    broken = Detector()
    nn.init.constant_(broken.gain, torch.inf)
    i3d.write_bytes(scripted(broken))
    with pytest.raises(InputError, match="gives NaN or infinity"):
        find("i3d-400", i3d)(some_clips())


@pytest.mark.parametrize("part", [0.02, 0.5, 0.999])
@pytest.mark.parametrize("zipped", [False, True])
def test_a_truncated_resnext_is_refused(resnext, part, zipped):
    content = published_layout(small_resnext(), zipped)
    resnext.write_bytes(content[: int(part * len(content))])
    assert f"{resnext} is damaged" in refusal("resnext-101", resnext)


def test_a_flipped_bit_in_a_resnext_archive_is_found(resnext):
    content = published_layout(small_resnext(), zipped=True)
    weight = small_resnext().fc.weight.numpy().tobytes()
    resnext.write_bytes(flipped(content, content.index(weight) + 40))
    assert f"{resnext} is damaged" in refusal("resnext-101", resnext)


class Touch:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return pathlib.Path.touch, (self.path,)


@pytest.mark.parametrize("zipped", [False, True])
def test_nothing_in_a_checkpoint_is_executed(resnext, tmp_path, zipped):
    trap = tmp_path / "trap"
    resnext.write_bytes(published_layout(small_resnext(), zipped, epoch=Touch(trap)))
    assert "holds more than weights" in refusal("resnext-101", resnext)
    assert not trap.exists()
    torch.load(resnext, weights_only=False)
    assert trap.exists()  # the trap works


def without(weights, key):
    return {k: v for k, v in weights.items() if k != key}


@pytest.mark.parametrize(
    "change, reason",
    [
        (lambda w: without(w, "layer3.1.bn2.running_mean"), "'layer3.1.bn2.running_mean' is missi"),
        (lambda w: w | {"layer5.0.conv1.weight": torch.ones(2)}, "'layer5.0.conv1.weight' is unkn"),
        (lambda w: w | {"fc.bias": torch.ones(7)}, r"'fc.bias' has the shape \(7,\), not \(5,\)"),
        (lambda w: w | {"fc.bias": [1.0] * 5}, "'fc.bias' is no tensor"),
        (lambda w: w | {"bn1.bias": torch.full((8,), torch.nan)}, "'bn1.bias' holds NaN or inf"),
        (lambda w: {"features.0.weight": torch.ones(3)}, "'conv1.weight' is missing"),
        (lambda w: {3: torch.ones(3)}, "'conv1.weight' is missing"),
        (lambda w: {}, "'conv1.weight' is missing"),
    ],
)
def test_a_foreign_state_dict_is_refused(resnext, change, reason):
    resnext.write_bytes(saved({"state_dict": change(small_resnext().state_dict())}))
    message = refusal("resnext-101", resnext)
    assert message.startswith(f"{resnext} does not hold the weights of a 3D ResNeXt-101: ")
    assert re.search(reason, message)


@pytest.mark.parametrize("content", [{"model": {}}, {"state_dict": [1]}, [1, 2], torch.ones(3)])
def test_a_checkpoint_of_another_layout_is_refused(resnext, content):
    resnext.write_bytes(saved(content))
    assert f"{resnext} holds no 'state_dict'" in refusal("resnext-101", resnext)


def test_the_small_network_does_not_pass_for_the_published_one(tmp_path):
    (tmp_path / RESNEXT.file).write_bytes(published_layout(small_resnext()))
    message = refusal("resnext-101", tmp_path)
    assert "'conv1.weight' has the shape (8, 3, 7, 7, 7), not (64, 3, 7, 7, 7)" in message or (
        "is missing" in message
    )


# ---------------------------------------------------------------------------------- where files are


def test_places_come_in_their_order(resnext, tmp_path, monkeypatch):
    project, named, given = (tmp_path / n for n in ("project/weights", "named", "given"))
    for seed, folder in enumerate((project, named, given), start=1):
        folder.mkdir(parents=True)
        (folder / RESNEXT.file).write_bytes(published_layout(small_resnext(seed)))
    monkeypatch.setenv(features.VARIABLE, str(named))
    for folder in (given, named, project):
        extractor = find("resnext-101", given)
        assert extractor.path == folder / RESNEXT.file
        assert extractor.digest == hashlib.sha256(extractor.path.read_bytes()).hexdigest()
        extractor.path.unlink()
    message = refusal("resnext-101", given)
    assert f"in {given} or {named} or {project}, so no video FID with resnext-101" in message


def test_a_file_may_be_given_under_any_name(resnext, tmp_path):
    other = resnext.rename(tmp_path / "mine.bin")
    assert find("resnext-101", other).card()["file"] == "mine.bin"
    assert find("resnext-101", str(other)).path == other


def test_a_folder_that_is_not_there_is_named(i3d, tmp_path, monkeypatch):
    lost = tmp_path / "lost"
    assert refusal("i3d-400", lost) == f"folder names {lost}, but there is no such folder"
    monkeypatch.setenv(features.VARIABLE, str(lost))
    expected = f"{features.VARIABLE} names {lost}, but there is no such folder"
    assert refusal("i3d-400", None) == expected
    assert refusal("i3d-400", i3d.parent) == expected
    monkeypatch.setenv(features.VARIABLE, "")
    assert find("i3d-400", i3d.parent).path == i3d


def test_available_has_an_extractor_or_a_sentence_for_each(i3d, resnext, monkeypatch):
    monkeypatch.delitem(features.EXTRACTORS, "imagenet")  # test_imagenet.py has it
    found, missing = features.available(i3d.parent, "cpu")
    assert list(found) == ["compact", "i3d-400", "resnext-101"] and not missing
    resnext.unlink()
    i3d.write_bytes(b"")
    found, missing = features.available(i3d.parent, "cpu")
    assert list(found) == ["compact"] and list(missing) == ["i3d-400", "resnext-101"]
    assert missing["i3d-400"].startswith(f"{i3d} is empty")
    assert missing["resnext-101"].startswith(f"there is no {RESNEXT.file} in {i3d.parent}")


def test_an_unknown_name_lists_the_names():
    with pytest.raises(
        InputError, match="no feature extractor 'i3d'; choose from compact, i3d-400"
    ):
        features.find("i3d")


# --------------------------------------------------------------------------- the card and the table


def test_the_card_says_what_was_used(i3d, resnext):
    card = find("i3d-400", i3d).card()
    assert card == json.loads(json.dumps(card))
    assert card["extractor"] == "i3d-400" and card["metric"] == "FVD" and card["dims"] == 400
    assert card["file"] == I3D.file and card["size"] == 224 and "bilinear" in card["resize"]
    assert card["sha256"] == hashlib.sha256(i3d.read_bytes()).hexdigest()
    assert card["sha256 checked"].startswith("as public ") and card["value range"].startswith(
        "0..255"
    )
    card = find("resnext-101", resnext).card()
    assert card["metric"] == "video FID" and card["sha256 checked"] == "none was published"
    assert card["size"] == 112 and card["frames"] == "the middle 16"
    assert all(str(mean) in card["value range"] for mean in backbones.MEANS)


def test_the_module_says_what_the_table_holds():
    for kind in features.EXTRACTORS.values():
        row = next(r for r in features.__doc__.splitlines() if r.startswith(kind.name))
        assert re.split(r" {2,}", row)[:3] == [kind.name, kind.metric, kind.file]
        assert re.search(rf"\b{kind.dims}\b", row)


def test_a_metric_belongs_to_one_network():
    metrics = [kind.metric.strip().lower() for kind in features.EXTRACTORS.values()]
    assert len(set(metrics)) == len(metrics)
    assert all(kind.name == name for name, kind in features.EXTRACTORS.items())


def test_an_extractor_that_ships_with_the_package_joins_the_table(
    tmp_path, monkeypatch, detector_file
):
    shipped = replace(
        I3D, name="small", metric="FVD (small)", file="small.pt", sha256=None, folder=tmp_path
    )
    table = {"small": shipped, "i3d-400": I3D, "resnext-101": RESNEXT}
    monkeypatch.setattr(features, "EXTRACTORS", table)
    assert refusal("small", None).endswith("it comes with the package, so install that again")
    (tmp_path / "small.pt").write_bytes(detector_file)
    monkeypatch.setenv(features.VARIABLE, str(tmp_path / "lost"))  # not asked for it
    found, missing = features.available(device="cpu")
    assert list(found) == ["small"] and list(missing) == ["i3d-400", "resnext-101"]
    assert found["small"].card()["metric"] == "FVD (small)"
    assert found["small"](some_clips()).shape == (2, 400)


def test_features_leave_no_trace_in_the_process():
    before = (torch.get_num_threads(), torch.backends.cudnn.deterministic)
    torch.set_num_threads(2)
    try:
        extractor = features.find("compact", device="cpu")
        clips = np.random.default_rng(0).integers(0, 256, (4, 16, 32, 32, 3), np.uint8)
        together = extractor(clips)
        assert torch.get_num_threads() == 2
        torch.set_num_threads(1)
        assert torch.equal(together, extractor(clips)), "however many threads there are"
        assert torch.backends.cudnn.deterministic == before[1]
    finally:
        torch.set_num_threads(before[0])


def test_a_clip_that_is_met_again_is_not_read_again(monkeypatch):
    asked = []

    class Sums:
        name = "sums"

        def __call__(self, clips):
            asked.append(len(clips))
            return torch.from_numpy(clips.reshape(len(clips), -1).sum(1, np.float32)[:, None])

    clips = np.stack([np.full((4, 2, 2, 3), level, np.uint8) for level in range(4)])
    network = features.Remembered(Sums())
    assert network.name == "sums"
    assert network(clips[[0, 1, 0]]).tolist() == [[0], [48], [0]] and asked == [2]
    assert network(clips[[2, 1]]).tolist() == [[96], [48]] and asked == [2, 1]
    assert network(clips[:1, :2]).tolist() == [[0]], "a shorter clip is another one"
    monkeypatch.setattr(features, "KEPT", 2)
    network(clips[[1, 3]])
    assert len(network.kept) == 2
    network(clips[[1, 2]])
    assert asked == [2, 1, 1, 1, 1], "the oldest went: clip 2 is read again, clip 1 is not"
