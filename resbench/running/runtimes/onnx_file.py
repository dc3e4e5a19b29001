"""ONNX files: written by torch's exporter, run by ONNX Runtime."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import onnxscript  # noqa: F401  torch's exporter needs it, and would say so in a traceback
import torch
from torch import Tensor

from resbench.errors import ResbenchError, first_line
from resbench.running.runtimes.modelfile import IMAGES, LOGITS, Content, Precision, exporting

PREFIX = "resbench."
# Operators that ONNX Runtime brings along; others are code of somebody's own.
_DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
_HALF = (onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16)
_BYTES = (onnx.TensorProto.INT8, onnx.TensorProto.UINT8)
_INT8_OPERATORS = ("QuantizeLinear", "DequantizeLinear", "QLinearConv", "ConvInteger", "MatMulInteger")


def weights_beside(path: Path) -> Path:
    """Return where torch puts weights of more than 1.5 GiB: protobuf writes no file of more than 2."""
    return path.with_name(f"{path.name}.data")


def _check(path: Path, model: onnx.ModelProto) -> None:
    """Raise ResbenchError for what ONNX Runtime would run as somebody's code, look for elsewhere, or not notice."""
    foreign = sorted({node.domain for node in model.graph.node if node.domain not in _DOMAINS})
    if foreign or model.functions:
        what = ", ".join(foreign) or "functions of its own"
        raise ResbenchError(f"{path}: refused: uses operators that ONNX does not define ({what}); leave them out")
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    for tensor in model.graph.initializer:
        beside = {entry.key: entry.value for entry in tensor.external_data}.get("location")
        if beside and not (path.parent / beside).is_file():
            raise ResbenchError(f"{path}: its weights in {beside} are missing; give both files")
    for node in model.graph.node:
        filters, bias = (shapes.get(name, ()) for name in (*node.input[1:3], "", "")[:2])
        if node.op_type == "Conv" and filters and bias and bias != filters[:1]:
            raise ResbenchError(
                f"{path}: {node.name} has a bias of {bias[0]} values for {filters[0]} channels; export it again"
            )


class OnnxFile:
    """An ONNX file in ONNX Runtime on the CPU."""

    @staticmethod
    def write(content: Content, path: Path) -> tuple[Path, ...]:
        """Write an ONNX file, and a second one with the weights if they are too large for it; return their paths.

        Raises ResbenchError for a network that cannot be exported.
        """
        dynamic = ({0: torch.export.Dim("batch")},) if content.dynamic_batch else None
        with exporting(content.module, "ONNX"):
            program = torch.onnx.export(
                content.module,
                (content.example,),
                dynamo=True,
                verbose=False,
                input_names=[IMAGES],
                output_names=[LOGITS],
                dynamic_shapes=dynamic,
            )
        assert program is not None
        program.model.metadata_props.update({f"{PREFIX}{key}": value for key, value in content.metadata.items()})
        program.save(path)
        beside = weights_beside(path)
        return (path, beside) if beside.exists() else (path,)

    @classmethod
    def open(cls, path: Path) -> "OnnxFile":
        """Open an ONNX file. Raises ResbenchError when it is damaged, incomplete, too new, or has other operators."""
        try:
            graph = onnx.load(str(path), load_external_data=False)
        except Exception as error:  # protobuf's own kinds
            raise ResbenchError(
                f"{path}: not an ONNX file, or a damaged one ({first_line(error)}); export it again"
            ) from None
        _check(path, graph)
        try:
            return cls(path, graph)
        except (*_RUNTIME_ERRORS, ValueError) as error:
            raise ResbenchError(f"{path}: ONNX Runtime cannot load it ({_reason(error)}); export it again") from None

    def __init__(self, path: Path, graph: onnx.ModelProto) -> None:
        self._path = path
        self._session = _started(str(path))
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            raise ValueError(f"it has {len(inputs)} inputs, and one was expected")
        self._input = inputs[0].name
        self.shape = tuple(side if isinstance(side, int) else None for side in inputs[0].shape)
        self.takes_uint8 = inputs[0].type == "tensor(uint8)"
        self.precision: Precision = _precision(graph)
        self._half = inputs[0].type == "tensor(float16)"
        properties = self._session.get_modelmeta().custom_metadata_map
        self.metadata: Mapping[str, str] = {
            key.removeprefix(PREFIX): value for key, value in properties.items() if key.startswith(PREFIX)
        }

    def run(self, batch: Tensor) -> Tensor:
        """Return the logits of `batch`. Raises ResbenchError where the file cannot take it."""
        try:
            return torch.from_numpy(self._session.run(None, self._fed(batch))[0]).float()
        except _RUNTIME_ERRORS as error:
            raise ResbenchError(f"{self._path}: does not take {len(batch)} images ({_reason(error)})") from None

    def layers(self, batch: Tensor) -> Iterator[Tensor]:
        """Yield what every operation inside gives for `batch`, in order."""
        graph = onnx.load(str(self._path), load_external_data=False)
        known = [output.name for output in graph.graph.output]
        names = [name for node in graph.graph.node for name in node.output if name and name not in known]
        graph.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
        session = _started(graph.SerializeToString(), self._path.parent)
        for value in session.run([*names, *known], self._fed(batch)):
            if isinstance(value, np.ndarray) and value.dtype.kind == "f":
                yield torch.from_numpy(value).float()

    def _fed(self, batch: Tensor) -> dict[str, np.ndarray]:
        return {self._input: (batch.half() if self._half else batch).numpy()}


def _started(model: str | bytes, folder: Path | None = None) -> onnxruntime.InferenceSession:
    """Return a session of a file, or of its bytes, whose weights may lie in another file of `folder`."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what is wrong is raised
    if folder:  # every operation as it is in the file
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(folder))
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _precision(graph: onnx.ModelProto) -> Precision:
    types = {tensor.data_type for tensor in graph.graph.initializer}
    if any(node.op_type in _INT8_OPERATORS for node in graph.graph.node):
        return "int8"
    return "half" if types & set(_HALF) else "fp32"


def _reason(error: BaseException) -> str:
    """Return what ONNX Runtime says, without its own codes."""
    return first_line(error).rpartition(" : ")[2]


_state = onnxruntime.capi.onnxruntime_pybind11_state
_RUNTIME_ERRORS = (
    _state.Fail,
    _state.InvalidArgument,
    _state.InvalidGraph,
    _state.InvalidProtobuf,
    _state.NoSuchFile,
    _state.NotImplemented,
    _state.RuntimeException,
)
