"""The ONNX file of a network, made once in a folder: what several runtimes run, or make their own files of."""

from pathlib import Path

import onnx
import torch

from resbench.running.runtimes.modelfile import Content, write_model
from resbench.running.runtimes.runtime import Source
from resbench.running.settings import weight_dtype


def onnx_network(source: Source) -> Path:
    """Return the ONNX file of the network, for any number of images; write it unless it is there.

    Raises ResbenchError for a network that cannot be exported.
    """
    dtype = weight_dtype(source.settings)
    path = source.folder / f"network-{str(dtype).removeprefix('torch.')}.onnx"
    if not path.exists():
        assert source.module is not None, "a file is made of a module"
        example = torch.zeros(2, 3, *source.settings.input_px, dtype=dtype)
        content = Content(module=source.module.to(dtype=dtype), example=example, dynamic_batch=True, metadata={})
        write_model(content, path)
    return path


def opset(path: Path) -> str:
    """Return the version of ONNX's operators that a file uses."""
    imported = onnx.load(str(path), load_external_data=False).opset_import
    return next(str(own.version) for own in imported if own.domain in ("", "ai.onnx"))
