"""The ONNX file of a network, made once in a folder: what several runtimes run, or make their own files of."""

from collections.abc import Callable, Sequence
from pathlib import Path

import onnx
import torch

from resbench.running.runtimes.modelfile import Content, write_model
from resbench.running.runtimes.runtime import CalibrationImages, Source
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


def int8_network(source: Source, plain: Path, quantise: Callable[[CalibrationImages, Path, Path], None]) -> Path:
    """Return the file `plain` in int8, beside it; `quantise` makes it unless it is there."""
    path = plain.with_name(f"network-int8{plain.suffix}")
    if not path.exists():
        assert source.calibration is not None, "int8 needs images"
        quantise(source.calibration, plain, path)
    return path


def int8_options(source: Source, scheme: str, kept: Sequence[str]) -> dict[str, str]:
    """Return what a record says of int8: the scheme, the images, and which layers have stayed in fp32."""
    images = source.calibration.options if source.calibration else {}
    return {"int8": scheme, "layers_in_fp32": ", ".join(kept) or "none", **images}


def opset(path: Path) -> str:
    """Return the version of ONNX's operators that a file uses."""
    imported = onnx.load(str(path), load_external_data=False).opset_import
    return next(str(own.version) for own in imported if own.domain in ("", "ai.onnx"))
