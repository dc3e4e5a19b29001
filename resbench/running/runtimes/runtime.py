"""The runtimes: what each can do, and what brings a network into one. Adding one is a row here and a file beside."""

import importlib
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from resbench.errors import ResbenchError
from resbench.records.settings import DType, Engine, RuntimeName, Settings

_HALVES: tuple[DType, ...] = ("fp32", "fp16", "bf16")
_TORCH: Mapping[str, tuple[DType, ...]] = {"cpu": _HALVES, "mps": _HALVES, "cuda": ("fp32", "tf32", "fp16", "bf16")}
_EXPORTER = ("onnx", "onnxscript")
_MANY_BUILDS = ("onnxruntime", "tensorrt")  # distributed for each device by another name, perhaps several of them here


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What runs a network, and what it can do."""

    name: RuntimeName
    module: str  # below this package
    loader: str  # the function in it that makes a Program of a Source
    dtypes: Mapping[str, Sequence[DType]]  # by kind of device
    options: Sequence[str] = ()  # fields of Settings that it heeds
    trains: bool = False
    concurrent: bool = False  # on the CPU runs several batches at a time, each on the thread that asks
    casts: bool = False  # takes weights and images in fp32 and computes in the type of the settings by itself
    files: Sequence[str] = ()  # suffixes of the files that it runs, which are made of the network and proved
    packages: Sequence[str] = ()  # besides torch
    extra: str | None = None  # of resbench, that installs them


RUNTIMES: dict[str, Runtime] = {
    row.name: row
    for row in (
        Runtime(
            name="eager",
            module="eager",
            loader="eager_program",
            dtypes=_TORCH,
            options=("amp", "channels_last", "cuda_graph", "fuse"),
            trains=True,
            concurrent=True,
        ),
        Runtime(
            name="compile",
            module="compiled",
            loader="compiled_program",
            dtypes=_TORCH,
            options=("amp", "channels_last", "fuse"),
            trains=True,
        ),
        Runtime(
            name="aotinductor",
            module="aotinductor",
            loader="aotinductor_program",
            dtypes={"cpu": ("fp32", "bf16"), "cuda": ("fp32", "tf32", "fp16", "bf16")},
            options=("channels_last", "fuse"),
            files=(".pt2",),
        ),
        Runtime(
            name="onnxruntime",
            module="onnx_runtime",
            loader="onnxruntime_program",
            dtypes={"cpu": ("fp32", "int8"), "cuda": ("fp32", "fp16")},
            concurrent=True,
            files=(".onnx",),
            packages=(*_EXPORTER, "onnxruntime"),
            extra="onnx",
        ),
        Runtime(
            name="openvino",
            module="openvino_runtime",
            loader="openvino_program",
            dtypes={"cpu": ("fp32", "bf16", "int8")},
            casts=True,
            files=(".xml", ".bin"),
            packages=(*_EXPORTER, "onnxruntime", "openvino"),
            extra="openvino",
        ),
        Runtime(
            name="tensorrt",
            module="tensorrt_runtime",
            loader="tensorrt_program",
            dtypes={"cuda": ("fp32", "tf32", "fp16", "bf16")},
            files=(".plan",),
            packages=(*_EXPORTER, "onnxruntime", "tensorrt"),
            extra="tensorrt",
        ),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationImages:
    """Images by which a runtime sets the ranges of int8."""

    name: str  # of the folder or archive
    fingerprint: str
    images: int
    batches: Callable[[], Iterator[Tensor]]  # as the network takes them, (N, 3, H, W) fp32

    @property
    def options(self) -> dict[str, str]:
        """What a record says of them."""
        return {"calibration": f"{self.images} images of {self.name}", "calibration_fingerprint": self.fingerprint}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a runtime makes a program of."""

    module: nn.Module | None  # fp32, on the CPU, in eval mode, to be changed in place; None: `folder` has what it takes
    settings: Settings
    device: torch.device
    folder: Path  # for what is exported; what lies there already is not made again
    calibration: CalibrationImages | None = None  # for int8; None: another type, or `folder` has the file


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A network in a runtime, in its settings and on its device."""

    run: Callable[[Tensor], Tensor]  # (N, 3, H, W) in the type, order and place of the settings -> (N, classes)
    relocate: Callable[[random.Random], object]  # lays weights out afresh; what it returns is to be kept until the next
    module: nn.Module | None = None  # of those that torch runs from Python
    engine: Engine = field(default_factory=Engine)


def runtime_obstacle(settings: Settings, device: torch.device, *, train: bool = False) -> str:
    """Return why the runtime of `settings` cannot run them on `device`, and the next step; empty: it can."""
    row = RUNTIMES.get(settings.runtime)
    if row is None:
        return f"runtime {settings.runtime!r}: unknown; choose from {', '.join(RUNTIMES)}"
    if device.type not in row.dtypes:
        return f"runtime {row.name}: not on {device.type}; give --device {' or '.join(row.dtypes)}"
    if settings.dtype not in row.dtypes[device.type]:
        choice = " or ".join(row.dtypes[device.type])
        return f"runtime {row.name}: no {settings.dtype} on {device.type}; give --dtype {choice}, or another runtime"
    if train and not row.trains:
        return f"runtime {row.name}: runs forward passes only; leave out --train, or use eager or compile"
    asked = {
        "amp": settings.amp,
        "channels_last": settings.memory_format == "channels_last",
        "cuda_graph": settings.cuda_graph,
        "fuse": settings.fuse,
    }
    for option, on in asked.items():
        if on and option not in row.options:
            return f"{option.replace('_', '-')} with runtime {row.name}: has no effect there; leave one out"
    return ""


def missing(name: str) -> str:
    """Return which package of a runtime is not installed, and how to install it; empty: all are."""
    row = RUNTIMES[name]
    package = next((package for package in row.packages if find_spec(package) is None), None)
    return f"runtime {name}: needs {package}; pip install 'resbench[{row.extra}]'" if package else ""


def versions_of(name: str) -> dict[str, str]:
    """Return the versions of the packages of a runtime, which must be installed."""
    return {package: _version(package) for package in RUNTIMES[name].packages}


def _version(package: str) -> str:
    with suppress(PackageNotFoundError):
        if package not in _MANY_BUILDS:
            return version(package)
    return str(importlib.import_module(package).__version__)


def loader_of(name: str) -> Callable[[Source], Program]:
    """Import what a runtime takes, and return what brings a network into it. Raises ResbenchError where it is missing.

    The loader raises ResbenchError for a network that the runtime cannot take.
    """
    if reason := missing(name):
        raise ResbenchError(reason)
    module = importlib.import_module(f"resbench.running.runtimes.{RUNTIMES[name].module}")
    loader: Callable[[Source], Program] = getattr(module, RUNTIMES[name].loader)
    return loader
