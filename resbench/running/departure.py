"""Where a file departs from its network: the first layer whose output is not in the file."""

import torch
from torch import Tensor, nn

from resbench.running.runtimes.modelfile import ModelFile

_MERGED = 2


def departure(model: ModelFile, fed: Tensor, module: nn.Module, images: Tensor, bound: float) -> str | None:
    """Return the first layer of `module`, given `images`, whose output the file, given `fed`, has nowhere.

    Files merge a convolution with what follows it, its batch norm and activation: a layer counts as there when one of
    the next `_MERGED` is.
    """
    inside: dict[torch.Size, list[Tensor]] = {}
    for output in model.layers(fed):
        inside.setdefault(output.shape, []).append(output)
    layers = _layer_outputs(module, images)
    there = [any(_alike(output, other, bound) for other in inside.get(output.shape, ())) for _, output in layers]
    gaps = (name for place, (name, _) in enumerate(layers) if not any(there[place : place + 1 + _MERGED]))
    return next(gaps, None)


@torch.inference_mode()
def _layer_outputs(module: nn.Module, images: Tensor) -> list[tuple[str, Tensor]]:
    """Return the name and the output of every layer in order of its calls."""
    outputs: list[tuple[str, Tensor]] = []
    leaves = [(name, layer) for name, layer in module.named_modules() if not next(layer.children(), None)]
    hooks = [
        layer.register_forward_hook(lambda _, __, output, name=name: outputs.append((name, output.detach().clone())))
        for name, layer in leaves
    ]
    try:
        module(images)
    finally:
        for hook in hooks:
            hook.remove()
    return outputs


def _alike(output: Tensor, other: Tensor, bound: float) -> bool:
    return bool((output - other).abs().max() <= bound * output.abs().max())
