"""A file that holds a network with its weights, whoever wrote it; the formats, and what they have in common."""

import importlib
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from resbench.errors import ResbenchError, first_line

Precision = Literal["fp32", "half", "int8"]  # the narrowest arithmetic in the file
IMAGES, LOGITS = "images", "logits"  # names of the input and the output of a file that resbench writes


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format of such files."""

    name: str
    suffix: str
    module: str  # below this package
    noun: str  # the class in it
    extra: str | None  # of resbench, that installs what is needed; None: torch alone


FORMATS = {
    row.name: row
    for row in (
        Format(name="onnx", suffix=".onnx", module="onnx_file", noun="OnnxFile", extra="onnx"),
        Format(name="openvino", suffix=".xml", module="openvino_file", noun="OpenvinoFile", extra="openvino"),
        Format(name="pt2", suffix=".pt2", module="pt2_file", noun="Pt2File", extra=None),
    )
}


class ModelFile(Protocol):
    """A network from a file, ready to be run on the CPU."""

    shape: tuple[int | None, ...]  # of the input; None: any
    takes_uint8: bool
    precision: Precision
    metadata: Mapping[str, str]  # what resbench wrote into it; empty for anybody else's file

    def run(self, batch: Tensor) -> Tensor:
        """Return the logits of `batch`. Raises ResbenchError where the file cannot take it."""

    def layers(self, batch: Tensor) -> Iterator[Tensor]:
        """Yield what every operation inside gives for `batch`, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What an export is made of."""

    module: nn.Module  # in eval mode, on the CPU
    example: Tensor  # a batch
    dynamic_batch: bool
    metadata: Mapping[str, str]


@contextmanager
def quiet_logs() -> Iterator[None]:
    """Keep remarks of exporters, about packages that are not installed and about themselves, from the terminal."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


@contextmanager
def exporting(module: nn.Module, to: str) -> Iterator[None]:
    """Let torch export `module` in silence. Raises ResbenchError, which names its class, for whatever torch raises."""
    with warnings.catch_warnings(), quiet_logs(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        warnings.simplefilter("ignore")
        try:
            yield
        except Exception as error:  # of torch's exporters, of many kinds
            why = f"{type(module).__name__}: torch {torch.__version__} cannot export it to {to}"
            raise ResbenchError(
                f"{why} ({first_line(error.__cause__ or error)}); use eager torch, or try newer packages"
            ) from None


def suffix_format(path: Path) -> Format:
    """Return the format of a file by its name. Raises ResbenchError for any other."""
    for row in FORMATS.values():
        if path.suffix == row.suffix:
            return row
    known = ", ".join(f"{row.suffix} ({row.name})" for row in FORMATS.values())
    raise ResbenchError(f"{path}: unknown format; give a file whose name ends in {known}")


def opened_model(path: Path) -> ModelFile:
    """Open a file with a network. Raises ResbenchError when it is missing, damaged, or asks for code of its own."""
    row = suffix_format(path)
    if not path.is_file():
        raise ResbenchError(f"{path}: no such file; write one with `resbench export NAME --to {row.name}`")
    model: ModelFile = _noun(row).open(path)
    if len(model.shape) != 4:
        raise ResbenchError(f"{path}: its input has {len(model.shape)} dimensions; a network of images takes 4")
    return model


def write_model(content: Content, path: Path) -> tuple[Path, ...]:
    """Write `content` to `path`, in the format that its name says; return the files that were written."""
    files: tuple[Path, ...] = _noun(suffix_format(path)).write(content, path)
    return files


def _noun(row: Format) -> Any:
    try:
        return getattr(importlib.import_module(f"resbench.running.runtimes.{row.module}"), row.noun)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("resbench"):
            raise
        raise ResbenchError(f"{row.name}: needs {error.name}; pip install 'resbench[{row.extra}]'") from None
