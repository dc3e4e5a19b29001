"""TensorRT: an engine built from an ONNX file for the batch size at hand, on a CUDA device."""

import random
from pathlib import Path
from typing import Any

import tensorrt
import torch
from torch import Tensor

from resbench.errors import ResbenchError
from resbench.records.settings import Engine
from resbench.running.runtimes.exported import onnx_network, opset
from resbench.running.runtimes.modelfile import IMAGES, LOGITS
from resbench.running.runtimes.runtime import Program, Source, versions_of

_LOGGER = tensorrt.Logger(tensorrt.Logger.ERROR)


def tensorrt_program(source: Source) -> Program:
    """Return the network in TensorRT, in the types of its ONNX file (a strongly typed network)."""
    path = onnx_network(source)
    runtime = tensorrt.Runtime(_LOGGER)
    contexts: dict[int, Any] = {}

    def run(batch: Tensor) -> Tensor:
        if len(batch) not in contexts:
            plan = source.folder / f"network-{len(batch)}.plan"
            if not plan.exists():
                plan.write_bytes(_built(path, batch, tf32=source.settings.dtype == "tf32"))
            engine = runtime.deserialize_cuda_engine(plan.read_bytes())
            contexts[len(batch)] = engine.create_execution_context()
        context = contexts[len(batch)]
        logits = torch.empty(tuple(context.get_tensor_shape(LOGITS)), dtype=batch.dtype, device=batch.device)
        context.set_tensor_address(IMAGES, batch.data_ptr())
        context.set_tensor_address(LOGITS, logits.data_ptr())
        context.execute_async_v3(torch.cuda.current_stream(batch.device).cuda_stream)
        return logits

    def relocate(_: random.Random) -> None:
        contexts.clear()  # loaded again, with weights elsewhere, at the next call

    options = {"opset": opset(path), "shapes": "static", "types": "as in the file"}
    return Program(
        run=run,
        relocate=relocate,
        engine=Engine(versions=versions_of("tensorrt"), providers=("TensorRT",), options=options),
    )


def _built(path: Path, batch: Tensor, *, tf32: bool) -> bytes:
    """Return the engine for batches as large as `batch`. Raises ResbenchError for what TensorRT cannot read."""
    builder = tensorrt.Builder(_LOGGER)
    network = builder.create_network(1 << int(tensorrt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = tensorrt.OnnxParser(network, _LOGGER)
    if not parser.parse_from_file(str(path)):
        raise ResbenchError(f"runtime tensorrt: cannot read this network ({parser.get_error(0).desc()[:200]})")
    config = builder.create_builder_config()
    if not tf32:
        config.clear_flag(tensorrt.BuilderFlag.TF32)
    profile = builder.create_optimization_profile()
    profile.set_shape(IMAGES, *[tuple(batch.shape)] * 3)
    config.add_optimization_profile(profile)
    with torch.cuda.device(batch.device):
        plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise ResbenchError("runtime tensorrt: cannot build an engine of this network; its own message is above")
    return bytes(plan)
