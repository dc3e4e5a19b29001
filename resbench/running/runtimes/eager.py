"""Eager torch: a network as torch runs it, operator by operator."""

import random
from collections.abc import Callable

import torch
from torch import Tensor, nn

from resbench.records.settings import Settings
from resbench.running.fold import fold_batch_norms
from resbench.running.runtimes.runtime import Program, Source
from resbench.running.settings import DTYPES, layout, weight_dtype


def eager_program(source: Source) -> Program:
    """Return the network as torch runs it."""
    module = placed_module(source)
    return torch_program(module, module, source)


def placed_module(source: Source) -> nn.Module:
    """Return the module of `source`, brought into its settings and to its device in place."""
    module, settings = source.module, source.settings
    assert module is not None, "torch runs modules"
    if settings.fuse:
        fold_batch_norms(module, settings.input_px)
    module.to(device=source.device, dtype=weight_dtype(settings))
    return module.to(memory_format=layout(settings))  # type: ignore[call-overload]


def torch_program(module: nn.Module, forward: Callable[[Tensor], Tensor], source: Source) -> Program:
    """Return the program of `forward`, which runs `module` in the settings of `source`."""
    run = _autocast(forward, source.settings, source.device) if source.settings.amp else forward
    return Program(run=run, relocate=lambda chance: relocate(module, chance), module=module)


def relocate(module: nn.Module, chance: random.Random) -> list[Tensor]:
    """Move every parameter and buffer to fresh memory at random distances; return the padding, to be kept alive.

    Where tensors lie makes identical networks differ by several per cent, for as long as they lie there.
    """
    old, padding = [], []
    with torch.inference_mode(False), torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            padding.append(torch.empty(chance.randrange(64, 1 << 16), dtype=torch.uint8, device=tensor.device))
            old.append(tensor.data)  # alive until the end, else the allocator hands the same place out again
            tensor.data = tensor.data.clone()
    return padding


def _autocast(
    forward: Callable[[Tensor], Tensor], settings: Settings, device: torch.device
) -> Callable[[Tensor], Tensor]:
    def run(batch: Tensor) -> Tensor:
        with torch.autocast(device.type, DTYPES[settings.dtype]):
            return forward(batch)

    return run
