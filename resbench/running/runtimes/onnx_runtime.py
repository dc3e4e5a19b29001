"""ONNX Runtime: an ONNX file on the CPU, or on a CUDA device."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import Tensor

from resbench.errors import ResbenchError
from resbench.records.settings import Engine
from resbench.running.runtimes.exported import onnx_network, opset
from resbench.running.runtimes.modelfile import IMAGES, LOGITS, first_line
from resbench.running.runtimes.runtime import Program, Source, versions_of

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


def onnxruntime_program(source: Source) -> Program:
    """Return the network in ONNX Runtime, on as many threads as the settings say."""
    path = onnx_network(source)
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
            options={"opset": opset(path), **_options(source)},
        ),
    )


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
