"""torch.compile: a network as code that is made when it is called first."""

import torch

from resbench.running.runtimes.eager import placed_module, torch_program
from resbench.running.runtimes.runtime import Program, Source


def compiled_program(source: Source) -> Program:
    """Return the network as torch.compile runs it."""
    module = placed_module(source)
    # For the shape at hand only: code for shapes of any size is slower, and not what is asked for.
    return torch_program(module, torch.compile(module, mode=source.settings.compile, dynamic=False), source)
