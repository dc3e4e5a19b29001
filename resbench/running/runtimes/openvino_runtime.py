"""OpenVINO: its files in its CPU plugin, compiled for the batch size at hand."""

import random

import openvino
import torch
from torch import Tensor

from resbench.errors import ResbenchError
from resbench.records.settings import Engine
from resbench.running.runtimes.exported import onnx_network, opset
from resbench.running.runtimes.openvino_file import converted
from resbench.running.runtimes.runtime import Program, Source, versions_of

_PRECISION = {"fp32": "f32", "bf16": "bf16"}


def openvino_program(source: Source) -> Program:
    """Return the network in OpenVINO, on as many threads as the settings say."""
    core = openvino.Core()
    if source.settings.dtype == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise ResbenchError("runtime openvino: this CPU has no bf16, and OpenVINO would take fp32; give --dtype fp32")
    onnx_path = onnx_network(source)
    path = onnx_path.with_suffix(".xml")
    if not path.exists():
        converted(onnx_path, path, {})
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

    options = {"opset": opset(onnx_path), "shapes": "static", **_options(source)}
    return Program(
        run=run,
        relocate=relocate,
        engine=Engine(versions=versions_of("openvino"), providers=("CPU",), options=options),
    )


def _options(source: Source) -> dict[str, str]:
    return {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": "1",
        "INFERENCE_PRECISION_HINT": _PRECISION[source.settings.dtype],  # else some CPUs would compute fp32 in bf16
        "INFERENCE_NUM_THREADS": str(source.settings.threads),
    }
