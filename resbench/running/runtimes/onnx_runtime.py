"""ONNX Runtime: an ONNX file on the CPU, or on a CUDA device."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from torch import Tensor

from resbench.errors import ResbenchError, first_line
from resbench.records.settings import Engine
from resbench.running.runtimes.exported import int8_network, int8_options, onnx_network, opset
from resbench.running.runtimes.modelfile import IMAGES, LOGITS, quiet_logs
from resbench.running.runtimes.onnx_file import weights_beside
from resbench.running.runtimes.runtime import CalibrationImages, Program, Source, versions_of

# Without VNNI two products of a byte are added in 16 bits, which may overflow: weights of 7 bits cannot.
NARROW = not getattr(torch.cpu, "_is_vnni_supported", bool)()  # private, so a torch may lack it
SCHEME = f"static, per channel, weights of {7 if NARROW else 8} bits, activations of 8 bits, ranges by MinMax"
_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


def onnxruntime_program(source: Source) -> Program:
    """Return the network in ONNX Runtime, on as many threads as the settings say."""
    path = onnx_network(source)
    made = _options(source) | {"opset": opset(path)}
    if source.settings.dtype == "int8":
        path = int8_network(source, path, quantised_onnx)
        made |= int8_options(source, SCHEME, unquantised(path))
    sessions = [_session(path, source)]

    def relocate(_: random.Random) -> None:
        sessions[:] = [_session(path, source)]

    on_host = _on_host(sessions)
    return Program(
        run=on_host if source.device.type == "cpu" else _on_device(sessions, source.device),
        relocate=relocate,
        engine=Engine(
            versions=versions_of("onnxruntime"),
            providers=tuple(sessions[0].get_providers()),
            options=made,
        ),
    )


class _Reader(CalibrationDataReader):
    def __init__(self, batches: Iterator[Tensor]) -> None:
        self._batches = batches

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self._batches, None)
        return None if batch is None else {IMAGES: batch.numpy()}


def quantised_onnx(calibration: CalibrationImages, plain: Path, path: Path) -> None:
    """Write the ONNX file `plain` in int8 to `path`; what makes the logits stays in fp32, else they would tie."""
    graph = onnx.load(str(plain), load_external_data=False).graph
    with quiet_logs():
        quantize_static(
            str(plain),
            str(path),
            _Reader(calibration.batches()),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=NARROW,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=[node.name for node in graph.node if LOGITS in node.output],
            use_external_data_format=weights_beside(plain).exists(),
        )


def unquantised(path: Path) -> list[str]:
    """Return the convolutions and products of a file in int8 that have stayed in fp32."""
    graph = onnx.load(str(path), load_external_data=False).graph
    makers = {name: node.op_type for node in graph.node for name in node.output}
    heavy = (node for node in graph.node if node.op_type in ("Conv", "Gemm", "MatMul"))
    return [node.name for node in heavy if makers.get(node.input[0]) != "DequantizeLinear"]


def _options(source: Source) -> dict[str, str]:
    threads = {"intra_op_num_threads": str(source.settings.threads)} if source.device.type == "cpu" else {}
    return {"graph_optimization_level": "all", "execution_mode": "sequential", **threads}


def _session(path: Path, source: Source) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what is wrong is raised
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    provider = _PROVIDERS[source.device.type]
    if provider not in onnxruntime.get_available_providers():
        raise ResbenchError(f"runtime onnxruntime: this build has no {provider}; pip install onnxruntime-gpu")
    if source.device.type == "cpu":
        options.intra_op_num_threads = source.settings.threads or 0
        return onnxruntime.InferenceSession(str(path), options, providers=[provider])
    where = {"device_id": str(source.device.index or 0), "use_tf32": "0"}
    onnxruntime.set_default_logger_severity(4)  # it remarks that the provider is built in, not a plug-in
    session = onnxruntime.InferenceSession(str(path), options, providers=[(provider, where)])
    if session.get_providers()[0] != provider:  # it falls back to the CPU when libraries are missing
        raise ResbenchError(f"runtime onnxruntime: cannot use {provider}; install the CUDA and cuDNN that it needs")
    return session


def _on_host(sessions: list[onnxruntime.InferenceSession]) -> Callable[[Tensor], Tensor]:
    def run(batch: Tensor) -> Tensor:
        return torch.from_numpy(sessions[0].run([LOGITS], {IMAGES: batch.numpy()})[0])

    return run


def _on_device(sessions: list[onnxruntime.InferenceSession], device: torch.device) -> Callable[[Tensor], Tensor]:
    """Return what runs batches where they lie: nothing is copied to the host and back."""

    def run(batch: Tensor) -> Tensor:
        torch.cuda.current_stream(device).synchronize()  # the session has a stream of its own
        binding = sessions[0].io_binding()
        kind = np.float16 if batch.dtype == torch.float16 else np.float32
        (output,) = sessions[0].get_outputs()
        logits = torch.empty(len(batch), output.shape[1], dtype=batch.dtype, device=device)
        place = device.index or 0
        binding.bind_input(IMAGES, "cuda", place, kind, tuple(batch.shape), batch.data_ptr())
        binding.bind_output(LOGITS, "cuda", place, kind, tuple(logits.shape), logits.data_ptr())
        try:
            sessions[0].run_with_iobinding(binding)
        except Exception as error:  # of onnxruntime's own kinds
            raise RuntimeError(first_line(error)) from None
        return logits

    return run
