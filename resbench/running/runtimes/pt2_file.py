"""torch.export's files (.pt2): written and run by torch."""

import json
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram
from torch.fx import Interpreter

from resbench.errors import ResbenchError, first_line
from resbench.running.runtimes.modelfile import Content, Precision, exporting

_EXTRA = "resbench.json"


class Pt2File:
    """A file of torch.export, run by torch on the CPU with as many threads as torch is set to."""

    @staticmethod
    def write(content: Content, path: Path) -> tuple[Path, ...]:
        """Write a file that torch.export.load reads. Raises ResbenchError for a network that cannot be exported."""
        dynamic = ({0: torch.export.Dim("batch")},) if content.dynamic_batch else None
        whole = BytesIO()  # a disk that is full would end the process in torch's own code
        with exporting(content.module, "pt2"):
            program = torch.export.export(content.module, (content.example,), dynamic_shapes=dynamic)
            torch.export.save(program, whole, extra_files={_EXTRA: json.dumps(dict(content.metadata))})
        path.write_bytes(whole.getbuffer())
        return (path,)

    @classmethod
    def open(cls, path: Path) -> "Pt2File":
        """Open a file of torch.export. Raises ResbenchError when it is damaged or uses operators other than ATen's."""
        extra = {_EXTRA: ""}
        if not zipfile.is_zipfile(path):
            raise ResbenchError(f"{path}: not a file of torch.export, or a damaged one; export it again")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                program = torch.export.load(path, extra_files=extra)
            except Exception as error:  # of torch's reader, of many kinds
                why = first_line(error)
                raise ResbenchError(f"{path}: torch.export cannot load it ({why}); export it again") from None
            return cls(path, program, json.loads(extra[_EXTRA] or "{}"))

    def __init__(self, path: Path, program: ExportedProgram, metadata: Mapping[str, str]) -> None:
        self._path, self._program = path, program.module()
        self.metadata = metadata
        (images,) = (node for node in program.graph.nodes if node.name in program.graph_signature.user_inputs)
        value = images.meta["val"]
        self.shape = tuple(side if isinstance(side, int) else None for side in value.shape)
        self.takes_uint8 = value.dtype == torch.uint8
        self.precision: Precision = _precision(program)

    @torch.inference_mode()
    def run(self, batch: Tensor) -> Tensor:
        """Return the logits of `batch`. Raises ResbenchError where the file cannot take it."""
        try:
            logits: Tensor = self._program(batch)
        except (RuntimeError, AssertionError) as error:
            raise ResbenchError(f"{self._path}: does not take {len(batch)} images ({first_line(error)})") from None
        return logits.float()

    @torch.inference_mode()
    def layers(self, batch: Tensor) -> Iterator[Tensor]:
        """Yield what every operation inside gives for `batch`, in order."""
        recorder = _Recorder(self._program)
        recorder.run(batch)
        yield from recorder.outputs


class _Recorder(Interpreter):
    def __init__(self, program: Any) -> None:
        super().__init__(program)
        self.outputs: list[Tensor] = []

    def run_node(self, node: torch.fx.Node) -> Any:
        result = super().run_node(node)
        if node.op == "call_function" and isinstance(result, Tensor) and result.is_floating_point():
            self.outputs.append(result.float().clone())  # what follows may write into it
        return result


def _precision(program: ExportedProgram) -> Precision:
    types = {tensor.dtype for tensor in program.state_dict.values()}
    if any("quantize" in str(node.target) for node in program.graph.nodes):
        return "int8"
    return "half" if types & {torch.float16, torch.bfloat16} else "fp32"
