"""Files of networks for other programs: sound ones are believed, faulty ones are found, and told what is wrong."""

import json
import re
import shutil
from dataclasses import replace
from functools import partialmethod

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import resbench
from resbench.bench import exporting, parity, reference
from resbench.cli.app import app
from resbench.errors import InvalidMeasurementError, ResbenchError
from resbench.running.runtimes.modelfile import FORMATS, Content, opened_model
from resbench.zoo import find as lookup
from resbench.zoo.find import find
from resbench.zoo.variants import VARIANTS
from tests import planted

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
from onnx import numpy_helper  # noqa: E402

from resbench.running.runtimes.onnx_file import OnnxFile  # noqa: E402
from resbench.running.runtimes.pt2_file import Pt2File  # noqa: E402

PX = 32
# As many classes as features: only so can a transposed classifier have the right shape.
FEATURES = 128
SMALL = replace(find("resnet18"), spec=replace(find("resnet18").spec, depths=(1, 1)), classes=FEATURES, input_px=PX)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """An ONNX file of SMALL for any number of images, and how it was proved."""
    if torch.__version__.startswith("2.6."):
        pytest.skip("torch 2.6 exports no batch norm to ONNX")
    return exporting.export_network(SMALL, "onnx", tmp_path_factory.mktemp("onnx") / "small.onnx", dynamic_batch=True)


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """A .pt2 file of SMALL for three images at a time, which says nothing of itself."""
    module = reference.reference_of(SMALL, None, None, PX).module
    content = Content(module=module, example=torch.zeros(3, 3, PX, PX), dynamic_batch=False, metadata={})
    (path,) = Pt2File.write(content, tmp_path_factory.mktemp("pt2") / "three.pt2")
    return path


@pytest.fixture
def edited(sound, tmp_path):
    """Make a copy of the file with its graph changed."""

    def edit(change, name="small.onnx"):
        model = onnx.load(str(sound[0]))
        change(model)
        path = tmp_path / name
        onnx.save(model, str(path))
        return path

    return edit


def test_an_onnx_file_answers_as_the_network_does_at_two_batch_sizes(sound):
    path, result = sound
    assert result.sound
    assert result.batch_sizes == (1, 3)
    assert result.difference < 1e-4
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    images = torch.randn(2, 3, PX, PX, generator=torch.Generator().manual_seed(7))
    module = reference.reference_of(SMALL, None, None, PX).module
    with torch.inference_mode():
        expected = module(images).numpy()
    (answers,) = session.run(["logits"], {"images": images.numpy()})
    np.testing.assert_allclose(answers, expected, atol=1e-4 * np.abs(expected).max())


def test_what_the_exporter_cannot_do_is_one_line_with_version_and_cause(tmp_path, monkeypatch):
    def fails(*_, **__):
        raise torch.onnx.OnnxExporterError("\x1b[96mstep 3/3\x1b[0m") from ValueError(
            "no translation of aten.foo\nmore"
        )

    monkeypatch.setattr(torch.onnx, "export", fails)
    torch_here = re.escape(torch.__version__)
    line = rf"^ResNet: torch {torch_here} cannot export it to ONNX \(no translation of aten\.foo\); use eager torch"
    with pytest.raises(ResbenchError, match=line):
        exporting.export_network(SMALL, "onnx", tmp_path / "small.onnx")


BRANCHING = """
from torch import nn
class Branching(nn.Module):
    input_px = 16
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 5)
    def forward(self, x):
        y = x.mean((2, 3))
        return self.fc(y * 2 if y.sum() > 0 else y)
"""


@pytest.mark.parametrize("file", ["a.onnx", pytest.param("a.xml", marks=pytest.mark.nightly), "a.pt2"])
def test_a_network_that_looks_at_its_image_is_refused_in_one_line_in_every_format(tmp_path, monkeypatch, capfd, file):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(BRANCHING)
    to = {"a.onnx": "onnx", "a.xml": "openvino", "a.pt2": "pt2"}[file]
    with pytest.raises(
        ResbenchError, match=r"^Branching: torch .* cannot export it to \w+ \(.*data-dependent"
    ) as raised:
        exporting.export_network("own.py:Branching", to, file)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / file).exists()
    assert capfd.readouterr() == ("", "")


def test_a_file_says_what_it_holds(sound):
    properties = {entry.key: entry.value for entry in onnx.load(str(sound[0])).metadata_props}
    assert properties["resbench.network"] == "resnet18"
    assert properties["resbench.input_px"] == str(PX)
    assert json.loads(properties["resbench.mean"]) == [0.485, 0.456, 0.406]
    assert properties["resbench.classes"] == str(FEATURES)
    assert opened_model(sound[0]).metadata["network"] == "resnet18"


def test_openvino_files_answer_alike_and_keep_what_they_hold(sound, tmp_path, monkeypatch):
    pytest.importorskip("openvino")
    monkeypatch.setattr(OnnxFile, "write", lambda _, path: shutil.copy(sound[0], path))  # which takes long
    path, result = exporting.export_network(SMALL, "openvino", tmp_path / "small.xml", dynamic_batch=True)
    assert result.sound
    assert result.batch_sizes == (1, 3)
    assert opened_model(path).metadata["network"] == "resnet18"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["small.bin", "small.xml"]


def test_files_of_torch_export_answer_alike_and_keep_what_they_hold(tmp_path):
    path, result = exporting.export_network(SMALL, "pt2", tmp_path / "small.pt2", dynamic_batch=True)
    assert result.sound
    assert opened_model(path).metadata["network"] == "resnet18"
    assert parity.parity(path, SMALL, input_px=PX).sound


def test_a_file_that_takes_uint8_images_normalises_them_itself(tmp_path):
    path, result = exporting.export_network(SMALL, "pt2", tmp_path / "small.pt2", uint8=True)
    assert result.sound
    assert opened_model(path).takes_uint8
    assert opened_model(path).shape == (1, PX, PX, 3)


def test_images_of_a_folder_are_compared_too(sound, tmp_path):
    for index in range(5):
        planted.write(tmp_path / "val" / f"{index}.jpg", index * 99, size=(40, 36))
    result = parity.parity(sound[0], SMALL, data=tmp_path / "val", input_px=PX)
    assert result.sound
    assert result.images == 4 + 5


def test_images_that_only_fill_the_last_batch_do_not_count(three, tmp_path):
    for index in range(5):
        planted.write(tmp_path / "val" / f"{index}.jpg", index * 99, size=(40, 36))
    result = parity.parity(three, SMALL, data=tmp_path / "val", input_px=PX)
    assert (result.batch_sizes, result.images, result.sound) == ((3,), 3 + 5, True)


def node(model, kind, place=0):
    return [node for node in model.graph.node if node.op_type == kind][place]


def weights(model, name, change):
    """Change the tensor that a node takes at place 1 or 2."""
    (tensor,) = (tensor for tensor in model.graph.initializer if tensor.name == name)
    tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor)), name))


def before_the_network(model, *kinds_and_inputs):
    """Put operators of (kind, tensor) in front of the first convolution."""
    name = "images"
    for place, (kind, tensor) in enumerate(kinds_and_inputs):
        model.graph.initializer.append(numpy_helper.from_array(tensor, f"planted{place}"))
        attributes = {"axis": 1} if kind == "Gather" else {}
        inserted = onnx.helper.make_node(kind, [name, f"planted{place}"], [f"changed{place}"], **attributes)
        name = f"changed{place}"
        model.graph.node.insert(place, inserted)
    node(model, "Conv").input[0] = name


def dropped_relu(model):
    relu = node(model, "Relu", 3)
    relu.op_type = "Identity"


def transposed_classifier(model):
    weights(model, node(model, "Gemm").input[1], lambda value: np.ascontiguousarray(value.T))


def stale_weights(model):
    weights(model, node(model, "Conv", 4).input[1], lambda value: (value * 1.05).astype(np.float32))


def swapped_channels(model):
    before_the_network(model, ("Gather", np.array([2, 1, 0])))


def normalised_twice(model):
    mean = np.array([0.485, 0.456, 0.406], np.float32).reshape(3, 1, 1)
    std = np.array([0.229, 0.224, 0.225], np.float32).reshape(3, 1, 1)
    before_the_network(model, ("Sub", mean), ("Div", std))


def overflow(model):
    """What comes before the classifier leaves the range of fp16."""
    gemm = node(model, "Gemm")
    half, full = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT
    model.graph.initializer.append(numpy_helper.from_array(np.array(1e6, np.float32), "much"))
    added = [
        onnx.helper.make_node("Mul", [gemm.input[0], "much"], ["larger"]),
        onnx.helper.make_node("Cast", ["larger"], ["half"], to=half),
        onnx.helper.make_node("Cast", ["half"], ["full"], to=full),
        onnx.helper.make_node("Div", ["full", "much"], ["smaller"]),
    ]
    place = list(model.graph.node).index(gemm)
    for offset, extra in enumerate(added):
        model.graph.node.insert(place + offset, extra)
    node(model, "Gemm").input[0] = "smaller"


@pytest.mark.parametrize(
    ("fault", "layer"),
    [
        (dropped_relu, "layer2.0.act1"),
        (transposed_classifier, "fc"),
        (stale_weights, "layer2.0.conv2"),
        (swapped_channels, "conv1"),
        (normalised_twice, "conv1"),
        (overflow, "fc"),
    ],
)
def test_a_planted_fault_is_found_in_its_layer(edited, fault, layer):
    result = parity.parity(edited(fault), SMALL, input_px=PX)
    assert not result.sound
    assert result.departs == layer


def test_an_int8_file_is_judged_by_the_bound_of_int8(sound, tmp_path):
    from onnxruntime.quantization import QuantType, quantize_dynamic

    path = tmp_path / "int8.onnx"
    quantize_dynamic(str(sound[0]), str(path), weight_type=QuantType.QUInt8, op_types_to_quantize=["MatMul", "Gemm"])
    result = parity.parity(path, SMALL, input_px=PX)
    assert (result.precision, result.bound) == ("int8", parity.BOUNDS["int8"])
    assert result.sound


class TrainingNorm(torch.nn.Module):
    """A batch norm that normalises by the batch at hand."""

    def __init__(self, norm):
        super().__init__()
        self.weight, self.bias = norm.weight, norm.bias

    def forward(self, x):
        return torch.nn.functional.batch_norm(x, None, None, self.weight, self.bias, training=True)


def test_an_export_with_batch_norm_in_training_mode_is_found(tmp_path):
    module = reference.reference_of(SMALL, None, None, PX).module
    module.layer2[0].bn1 = TrainingNorm(module.layer2[0].bn1)
    content = Content(module=module, example=torch.zeros(3, 3, PX, PX), dynamic_batch=True, metadata={})
    (path,) = Pt2File.write(content, tmp_path / "small.pt2")
    result = parity.parity(path, SMALL, input_px=PX)
    assert not result.sound
    assert result.departs == "layer2.0.bn1"


def test_nothing_is_left_where_the_answers_differ(three, tmp_path, monkeypatch):
    monkeypatch.setattr(Pt2File, "write", lambda _, path: (shutil.copy(three, path),))
    monkeypatch.setitem(parity.BOUNDS, "fp32", -1.0)  # no answer is near enough
    with pytest.raises(InvalidMeasurementError, match="not written"):
        exporting.export_network(SMALL, "pt2", tmp_path / "small.pt2")
    assert not list(tmp_path.iterdir())


def frozen_batch(model):
    """The shape that features are flattened to holds the number of images of the export."""
    reshape = node(model, "Reshape")
    model.graph.initializer.append(numpy_helper.from_array(np.array([1, FEATURES]), "frozen"))
    reshape.input[1] = "frozen"


def wrong_bias(model):
    weights(model, node(model, "Conv", 2).input[2], lambda value: value[:-1].copy())


def other_opset(version):
    def change(model):
        model.opset_import[0].version = version

    return change


def foreign_operator(model):
    node(model, "Relu").domain = "somebody.example"
    model.opset_import.append(onnx.helper.make_opsetid("somebody.example", 1))


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (frozen_batch, "does not take 3 images"),
        (wrong_bias, "has a bias of 63 values for 64 channels"),
        (other_opset(9), "cannot load it"),
        (other_opset(99), "cannot load it"),
        (foreign_operator, r"operators that ONNX does not define \(somebody.example\)"),
    ],
)
def test_a_file_that_cannot_run_is_told_in_one_line(edited, fault, message):
    with pytest.raises(ResbenchError, match=message) as caught:
        parity.parity(edited(fault), SMALL, input_px=PX)
    assert "\n" not in str(caught.value)
    assert "small.onnx" in str(caught.value)


def test_a_damaged_file_is_told_in_one_line(sound, tmp_path):
    path = tmp_path / "cut.onnx"
    path.write_bytes(sound[0].read_bytes()[:5000])
    with pytest.raises(ResbenchError, match="damaged one"):
        parity.parity(path, SMALL, input_px=PX)
    other = tmp_path / "cut.pt2"
    other.write_bytes(b"PK")
    with pytest.raises(ResbenchError, match=r"not a file of torch\.export"):
        parity.parity(other, SMALL, input_px=PX)


def test_weights_that_are_too_large_for_the_file_lie_beside_it(tmp_path, monkeypatch):
    """As those of resnext101_32x48d, 3.3 GB: protobuf writes no file of more than 2 GiB."""
    save = partialmethod(torch.onnx.ONNXProgram.save, external_data=True)
    monkeypatch.setattr(torch.onnx.ONNXProgram, "save", save)
    path, result = exporting.export_network(SMALL, "onnx", tmp_path / "net.onnx")
    assert result.sound
    assert sorted(file.name for file in tmp_path.iterdir()) == ["net.onnx", "net.onnx.data"]
    assert path.stat().st_size < 100_000 < (tmp_path / "net.onnx.data").stat().st_size
    onnx.checker.check_model(str(path))
    assert opened_model(path).metadata["network"] == SMALL.name
    wrong = onnx.load(str(path))
    stale_weights(wrong)
    other = tmp_path / "other.onnx"
    onnx.save(wrong, str(other), save_as_external_data=True, location="other.bin")
    assert parity.parity(other, SMALL, input_px=PX).departs == "layer2.0.conv2"


def test_weights_beside_the_file_that_are_missing_are_named(sound, tmp_path):
    path = tmp_path / "small.onnx"
    onnx.save(onnx.load(str(sound[0])), str(path), save_as_external_data=True, location="small.bin")
    assert parity.parity(path, SMALL, input_px=PX).sound
    (tmp_path / "small.bin").unlink()
    with pytest.raises(ResbenchError, match=r"small\.bin"):
        parity.parity(path, SMALL, input_px=PX)
    xml = tmp_path / "small.xml"
    xml.write_text("<net/>")
    with pytest.raises(ResbenchError, match=r"its weights, small\.bin, are missing"):
        parity.parity(xml, SMALL, input_px=PX)


def test_a_file_of_another_network_or_size_is_named(sound, three):
    with pytest.raises(ResbenchError, match="holds resnet18, not resnet34"):
        parity.parity(sound[0], "resnet34")
    with pytest.raises(ResbenchError, match="takes images of 32x32 px, resnet18 64; give --input-px 32"):
        parity.parity(three, SMALL, input_px=64)
    with pytest.raises(ResbenchError, match=f"answers {FEATURES} classes, resnet18 10"):
        parity.parity(three, replace(SMALL, classes=10), input_px=PX)


def test_the_commands_say_what_they_did(tmp_path, monkeypatch):
    monkeypatch.setattr(lookup, "VARIANTS", (SMALL,))
    path, weights, others = tmp_path / "net.pt2", tmp_path / "weights.pth", tmp_path / "others.pth"
    tensors = resbench.build(SMALL).state_dict()
    torch.save(tensors, weights)
    torch.save(tensors | {"fc.weight": 2 * tensors["fc.weight"]}, others)
    network = ["resnet18", "--weights"]
    made = CliRunner().invoke(app, ["export", *network, str(weights), "--to", "pt2", "-o", str(path), "--json"])
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["sound"]
    good = CliRunner().invoke(app, ["parity", str(path), *network, str(weights)])
    assert good.exit_code == 0
    assert "ok: net.pt2 answers as resnet18 does" in good.stdout
    bad = CliRunner().invoke(app, ["parity", str(path), *network, str(others), "--bound", "0.01", "--json"])
    assert bad.exit_code == 1
    result = json.loads(bad.stdout)
    assert (result["bound"], result["sound"], result["departs"]) == (0.01, False, "fc")


@pytest.mark.parametrize("network", ["resnet200", "senet154"])
@pytest.mark.parametrize("even", [False, True])
def test_deep_networks_with_fresh_weights_compute_the_same_in_fp32_and_fp64(network, even):
    """Else no file could be told from a wrong one; `even` images have large areas of one colour, as photographs do."""
    own = reference.reference_of(find(network), None, None, 64)
    frames = reference.seeded(2, 64, seed=0)
    if even:
        frames = frames[:, ::32, ::32].repeat_interleave(32, 1).repeat_interleave(32, 2)
    images = reference.pixels.normalise(frames, own.preprocess)
    with torch.inference_mode():
        expected = own.module.double()(images.double())
        answers = own.module.float()(images)
    largest = expected.abs().max()
    assert (answers - expected).abs().max() < 2e-5 * largest
    assert (expected[0] - expected[1]).abs().max() > 0.1 * largest


@pytest.mark.nightly
@pytest.mark.parametrize("to", ["onnx", "openvino"])
@pytest.mark.parametrize("network", [variant.name for variant in VARIANTS])
def test_every_network_of_the_table_is_exported_and_believed(tmp_path, network, to):
    pytest.importorskip("openvino")
    _, result = exporting.export_network(network, to, tmp_path / f"net{FORMATS[to].suffix}")
    assert result.sound
    assert result.difference < 1e-4
