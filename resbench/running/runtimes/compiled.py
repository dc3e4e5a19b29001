"""torch.compile: a network as code that is made when it is called first with a batch size."""

import errno
import os
import warnings
from collections.abc import Callable
from types import FunctionType

import torch
from torch import Tensor, nn

from resbench.errors import ResbenchError, first_line
from resbench.running.runtimes.eager import placed_module, torch_program
from resbench.running.runtimes.runtime import Program, Source


def compiled_program(source: Source) -> Program:
    """Return the network as torch.compile runs it, compiled for each batch size alone: other code is slower."""
    module = placed_module(source)
    programs: dict[int, Callable[[Tensor], Tensor]] = {}

    def run(batch: Tensor) -> Tensor:
        if len(batch) in programs:
            return programs[len(batch)](batch)
        forward = _with_own_code(module, len(batch))
        programs[len(batch)] = torch.compile(forward, mode=source.settings.compile, dynamic=False)
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "TensorFloat32 tensor cores")  # fp32 is what was asked for
                return programs[len(batch)](batch)
        except torch._dynamo.exc.TorchDynamoException as error:
            raise uncompiled("compile", error) from None

    return torch_program(module, run, source)


def uncompiled(runtime: str, error: Exception) -> Exception:
    """Return the error for what torch's compiler raised in a runtime: a full disk, or ResbenchError with the cause."""
    if os.strerror(errno.ENOSPC) in str(error):  # as the C++ compiler says it
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    cause = f"{type(error).__name__}: {first_line(error)}"
    return ResbenchError(f"runtime {runtime}: cannot compile this network ({cause}); it needs a C++ compiler, as g++")


def _with_own_code(module: nn.Module, images: int) -> Callable[[Tensor], Tensor]:
    """Return what calls `module`, with a code object of its own.

    torch compiles eight variants of one code object, of all networks that share it, then silently runs eagerly.
    """

    def forward(batch: Tensor) -> Tensor:
        logits: Tensor = module(batch)
        return logits

    code = forward.__code__.replace(co_name=f"forward_{id(module)}_{images}")
    return FunctionType(code, forward.__globals__, code.co_name, None, forward.__closure__)
