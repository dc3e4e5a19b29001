"""How a network was run: settings, what else than torch ran it, and how a file of it was proved."""

from dataclasses import dataclass, field, replace
from typing import Literal

from resbench.records.bounds import Natural, NotNegative, Pixel, Positive, Reading

DType = Literal["fp32", "tf32", "fp16", "bf16", "int8"]
MemoryFormat = Literal["contiguous", "channels_last"]
RuntimeName = Literal["eager", "compile", "aotinductor", "onnxruntime", "openvino", "tensorrt"]
FastOption = Literal["fuse", "channels-last", "onnxruntime", "simplejpeg"]  # as they are called on the command line


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a network was run; all of it must agree before two timings may be compared."""

    input_px: tuple[Pixel, Pixel]
    runtime: RuntimeName = "eager"
    dtype: DType = "fp32"
    memory_format: MemoryFormat = "contiguous"
    threads: Positive | None = None  # on the CPU
    compile: str | None = None  # torch.compile's mode, of the runtime "compile"; None: another runtime
    cuda_graph: bool = False
    fuse: bool = False  # batch norm folded into the convolutions
    amp: bool = False
    cudnn_benchmark: bool = False
    seed: Reading = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What ran the network besides torch, which `Machine` names; all of it must agree as settings must."""

    versions: dict[str, str] = field(default_factory=dict)  # of its packages
    providers: tuple[str, ...] = ()  # what computes inside it: "CPUExecutionProvider"
    options: dict[str, str] = field(default_factory=dict)  # of the export and of the runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """The file that ran, and how its answers differed from eager torch in fp32 before it was used."""

    file_bytes: Positive
    images: Positive  # that both answered
    batch_sizes: tuple[Positive, ...]  # that they were asked with
    difference: NotNegative  # the largest of a logit, as a share of the largest logit of that image
    bound: NotNegative  # of the difference


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenOptions:
    """Which options a validation chose by itself, and how its first images were answered with them."""

    options: tuple[FastOption, ...]  # none: plain torch and Pillow were kept
    images: Positive  # that were compared
    differing: Natural | None = None  # of these, with other five best classes than in plain torch; None: not compared
    difference: NotNegative | None = None  # the largest of a logit, as a share of the largest logit of that image
    failure: str = ""  # why the network cannot be run with them


def with_runtime(settings: Settings) -> Settings:
    """Return settings that a version before runtimes wrote with the one that they mean: a mode meant torch.compile."""
    return replace(settings, runtime="compile") if settings.compile and settings.runtime == "eager" else settings


def with_winograd(engine: Engine) -> Engine:
    """Return the engine of a record from before format 4 whose settings had `winograd`, an algorithm that is gone."""
    return replace(engine, options=engine.options | {"convolutions": "Winograd"})
