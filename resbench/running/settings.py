"""How a network is run: from options to settings that the device can do, and torch's switches set accordingly."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import cast

import torch

from resbench.errors import ResbenchError
from resbench.records.settings import DType, RuntimeName, Settings
from resbench.running.runtimes.runtime import RUNTIMES, runtime_obstacle

DTYPES = {
    "fp32": torch.float32,
    "tf32": torch.float32,
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
    "int8": torch.float32,  # of what goes in and comes out
}
COMPILE_MODES = ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What can be said of how a network is run."""

    input_px: int | tuple[int, int] | None = None  # (height, width); None: the network's own
    dtype: str = "fp32"  # or tf32, fp16, bf16, int8
    amp: bool = False
    channels_last: bool = False
    runtime: str = "eager"  # a name of runtimes.runtime.RUNTIMES
    compile_mode: str | None = None  # of torch.compile, for the runtime "compile"; None: its default
    cuda_graph: bool = False
    fuse: bool = False
    threads: int | None = None  # on the CPU; None: torch's own number
    calibration: str | None = None  # a folder or archive of images, for int8


def settings_for(running: Running, own_px: int, device: torch.device, *, train: bool = False) -> Settings:
    """Return the settings for a network whose own input is `own_px` square.

    Raises ResbenchError for settings that `device` cannot run, or that contradict one another.
    """
    size = running.input_px or own_px
    chosen = Settings(
        input_px=(size, size) if isinstance(size, int) else size,
        dtype=cast(DType, running.dtype),  # checked below
        memory_format="channels_last" if running.channels_last else "contiguous",
        threads=running.threads,
        runtime=cast(RuntimeName, running.runtime),  # checked below
        compile=(running.compile_mode or "default") if running.runtime == "compile" else running.compile_mode,
        cuda_graph=running.cuda_graph,
        fuse=running.fuse,
        amp=running.amp,
    )
    _check(chosen, device, train)
    if (chosen.dtype == "int8") != bool(running.calibration):
        raise ResbenchError(
            "dtype int8 and calibration: give both, --dtype int8 and --calibration with some 300 images"
        )
    if device.type == "cpu":
        return replace(chosen, threads=chosen.threads or torch.get_num_threads())
    return chosen


def plain(settings: Settings) -> bool:
    """Tell whether the settings leave the arithmetic as the network was defined: fp32, eager, nothing rearranged."""
    rearranged = settings.amp or settings.fuse or settings.runtime != "eager"
    return settings.dtype == "fp32" and not rearranged


def _check(settings: Settings, device: torch.device, train: bool) -> None:
    cuda = device.type == "cuda"
    faults = {
        f"dtype {settings.dtype!r}: unknown; choose from {', '.join(DTYPES)}": settings.dtype not in DTYPES,
        "dtype tf32: only on CUDA devices; use fp32 or bf16": settings.dtype == "tf32" and not cuda,
        "amp: runs in half precision; give --dtype fp16 or bf16 with it": settings.amp
        and settings.dtype not in ("fp16", "bf16"),
        f"compile mode {settings.compile!r}: unknown; choose from {', '.join(COMPILE_MODES)}": settings.compile
        not in (None, *COMPILE_MODES),
        "compile mode: belongs to the runtime compile; give --runtime compile with it": bool(
            settings.compile and settings.runtime != "compile"
        ),
        "cuda-graph: only on CUDA devices; leave it out": settings.cuda_graph and not cuda,
        "threads: only for the CPU; leave it out": settings.threads is not None and device.type != "cpu",
        "fuse with train: batch norm cannot be folded while it learns; leave one out": settings.fuse and train,
        "cuda-graph with train: graphs hold forward passes only; leave one out": settings.cuda_graph and train,
        "dtype fp16 with train: needs loss scaling, which is not measured here; use bf16": settings.dtype == "fp16"
        and train,
    }
    for message, wrong in faults.items():
        if wrong:
            raise ResbenchError(message)
    if reason := runtime_obstacle(settings, device, train=train):
        raise ResbenchError(reason)


@contextmanager
def switches(settings: Settings) -> Iterator[None]:
    """Set torch's global switches as `settings` say, and restore them whatever happens."""
    cuda, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = (cuda.allow_tf32, cudnn.allow_tf32, cudnn.benchmark, torch.get_num_threads())
    try:
        cuda.allow_tf32 = cudnn.allow_tf32 = settings.dtype == "tf32"
        cudnn.benchmark = settings.cudnn_benchmark
        torch.set_num_threads(settings.threads or before[3])
        yield
    finally:
        cuda.allow_tf32, cudnn.allow_tf32, cudnn.benchmark = before[:3]
        torch.set_num_threads(before[3])


def weight_dtype(settings: Settings) -> torch.dtype:
    """Return the type in which weights and images are kept."""
    return torch.float32 if settings.amp or RUNTIMES[settings.runtime].casts else DTYPES[settings.dtype]


def layout(settings: Settings) -> torch.memory_format:
    """Return the order in which weights and images lie in memory."""
    return torch.channels_last if settings.memory_format == "channels_last" else torch.contiguous_format
