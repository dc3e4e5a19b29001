"""OpenVINO's files: converted from ONNX, run by OpenVINO on the CPU."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import openvino
import torch
from torch import Tensor

from resbench.errors import ResbenchError, first_line
from resbench.running.runtimes import onnx_file
from resbench.running.runtimes.modelfile import Content, Precision

_KEY = "resbench"
_OPTIONS = {"INFERENCE_PRECISION_HINT": "f32"}  # else some CPUs would compute fp32 files in bf16


class OpenvinoFile:
    """OpenVINO's files in its CPU plugin, in the precision that they were written in."""

    @staticmethod
    def write(content: Content, path: Path) -> tuple[Path, ...]:
        """Write OpenVINO's two files, .xml and .bin, with weights in the type that the network has."""
        with tempfile.TemporaryDirectory() as folder:
            onnx_path = Path(folder) / "network.onnx"
            onnx_file.OnnxFile.write(content, onnx_path)
            return converted(onnx_path, path, content.metadata)

    @classmethod
    def open(cls, path: Path) -> "OpenvinoFile":
        """Open OpenVINO's files. Raises ResbenchError when they are damaged or one of them is missing."""
        weights = path.with_suffix(".bin")
        if not weights.is_file():
            raise ResbenchError(f"{path}: its weights, {weights.name}, are missing; give both files")
        try:
            return cls(path)
        except (RuntimeError, ValueError) as error:
            raise ResbenchError(f"{path}: OpenVINO cannot load it ({_reason(error)}); export it again") from None

    def __init__(self, path: Path) -> None:
        self._path, self._core = path, openvino.Core()
        self._model = self._core.read_model(path)
        if len(self._model.inputs) != 1:
            raise ValueError(f"it has {len(self._model.inputs)} inputs, and one was expected")
        own = self._model.input(0)
        self.shape = tuple(side.get_length() if side.is_static else None for side in own.get_partial_shape())
        self.takes_uint8 = own.get_element_type() == openvino.Type.u8
        self.precision: Precision = _precision(self._model)
        self.metadata: Mapping[str, str] = _metadata(self._model)
        self._program = self._core.compile_model(self._model, "CPU", _OPTIONS)

    def run(self, batch: Tensor) -> Tensor:
        """Return the logits of `batch`. Raises ResbenchError where the file cannot take it."""
        try:
            return _tensor(self._program([batch.numpy()])[0])
        except RuntimeError as error:
            raise ResbenchError(f"{self._path}: does not take {len(batch)} images ({_reason(error)})") from None

    def layers(self, batch: Tensor) -> Iterator[Tensor]:
        """Yield what every operation inside gives for `batch`, in order."""
        model = self._core.read_model(self._path)
        inside = [node for node in model.get_ordered_ops() if node.get_type_name() not in ("Parameter", "Result")]
        outputs = [node.output(0) for node in inside if node.get_output_element_type(0) == openvino.Type.f32]
        model.add_outputs([output for output in outputs if output.get_node().get_type_name() != "Constant"])
        for value in self._core.compile_model(model, "CPU", _OPTIONS)([batch.numpy()]).values():
            yield _tensor(value)


def converted(onnx_path: Path, path: Path, metadata: Mapping[str, str]) -> tuple[Path, ...]:
    """Write an ONNX file as OpenVINO's two files, with `metadata` in them, and return their paths."""
    model = openvino.Core().read_model(onnx_path)
    for key, value in metadata.items():
        model.set_rt_info(value, [_KEY, key])
    openvino.save_model(model, path, compress_to_fp16=False)
    return path, path.with_suffix(".bin")


def _tensor(value: object) -> Tensor:
    return torch.from_numpy(value.copy()).float()  # type: ignore[attr-defined]


def _precision(model: openvino.Model) -> Precision:
    kinds = {node.get_type_name() for node in model.get_ops()}
    types = {node.get_output_element_type(0) for node in model.get_ops() if node.get_type_name() == "Constant"}
    if "FakeQuantize" in kinds or types & {openvino.Type.i8}:
        return "int8"
    return "half" if types & {openvino.Type.f16, openvino.Type.bf16} else "fp32"


def _metadata(model: openvino.Model) -> dict[str, str]:
    if not model.has_rt_info([_KEY]):
        return {}
    return {key: str(value) for key, value in model.get_rt_info([_KEY]).value.items()}


def _reason(error: BaseException) -> str:
    """Return what OpenVINO says: the places in its own source come first, the reason last."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return first_line(ValueError(lines[-1] if lines else ""))
