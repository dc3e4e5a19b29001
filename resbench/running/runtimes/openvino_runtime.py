"""OpenVINO: its files in its CPU plugin, compiled for the batch size at hand."""

import io
import logging
import os
import random
import warnings
from contextlib import redirect_stdout
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import openvino
import torch
from torch import Tensor

from resbench.errors import ResbenchError
from resbench.records.settings import Engine
from resbench.running.runtimes.exported import int8_network, int8_options, onnx_network, opset
from resbench.running.runtimes.openvino_file import converted
from resbench.running.runtimes.runtime import CalibrationImages, Program, Source, versions_of

_PRECISION = {"fp32": "f32", "bf16": "bf16", "int8": "f32"}  # of what int8 leaves
SCHEME = "static, per channel, weights and activations of 8 bits, symmetric, ranges by NNCF's default"


def openvino_program(source: Source) -> Program:
    """Return the network in OpenVINO, on as many threads as the settings say."""
    core = openvino.Core()
    if source.settings.dtype == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise ResbenchError("runtime openvino: this CPU has no bf16, and OpenVINO would take fp32; give --dtype fp32")
    onnx_path = onnx_network(source)
    path = onnx_path.with_suffix(".xml")
    if not path.exists():
        converted(onnx_path, path, {})
    versions, made = versions_of("openvino"), {"opset": opset(onnx_path), "shapes": "static", **_options(source)}
    if source.settings.dtype == "int8":
        path = int8_network(source, path, quantised_openvino)
        versions |= {"nncf": version("nncf")}
        made |= int8_options(source, SCHEME, _unquantised(core.read_model(path)))
    programs: dict[int, openvino.CompiledModel] = {}

    def run(batch: Tensor) -> Tensor:
        if len(batch) not in programs:
            model = core.read_model(path)
            model.reshape(list(batch.shape))
            programs[len(batch)] = core.compile_model(model, "CPU", _options(source))
        logits = programs[len(batch)]([batch.numpy()], share_inputs=True)[0]
        return torch.from_numpy(logits)

    def relocate(_: random.Random) -> None:
        programs.clear()  # compiled again, with weights elsewhere, at the next call

    return Program(
        run=run,
        relocate=relocate,
        engine=Engine(versions=versions, providers=("CPU",), options=made),
    )


def quantised_openvino(calibration: CalibrationImages, plain: Path, path: Path) -> None:
    """Write OpenVINO's file `plain` in int8 to `path`, with NNCF. Raises ResbenchError where that is not installed."""
    if find_spec("nncf") is None:
        raise ResbenchError("int8 with runtime openvino: needs nncf; pip install 'resbench[int8]'")
    os.environ.setdefault("NNCF_CI", "1")  # else it reports its use to its makers
    with redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what NNCF uses, about itself
        import nncf

        nncf.set_log_level(logging.ERROR)
        batches = [batch.numpy() for batch in calibration.batches()]
        preset = nncf.QuantizationPreset.PERFORMANCE
        quantised = nncf.quantize(
            openvino.Core().read_model(plain), nncf.Dataset(batches), preset=preset, subset_size=len(batches)
        )
    openvino.save_model(quantised, path, compress_to_fp16=False)


def _unquantised(model: openvino.Model) -> list[str]:
    """Return the convolutions and products that have stayed in fp32."""
    heavy = [node for node in model.get_ops() if node.get_type_name() in ("Convolution", "GroupConvolution", "MatMul")]
    return [node.get_friendly_name() for node in heavy if _maker(node) != "FakeQuantize"]


def _maker(node: openvino.Node) -> str:
    """Return the kind of operator whose numbers reach `node`, whatever shape they are brought into on the way."""
    maker = node.input_value(0).get_node()
    while maker.get_type_name() in ("Reshape", "Squeeze", "Transpose"):
        maker = maker.input_value(0).get_node()
    kind: str = maker.get_type_name()
    return kind


def _options(source: Source) -> dict[str, str]:
    return {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": "1",
        "INFERENCE_PRECISION_HINT": _PRECISION[source.settings.dtype],  # else some CPUs would compute fp32 in bf16
        "INFERENCE_NUM_THREADS": str(source.settings.threads),
    }
