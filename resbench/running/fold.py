"""Batch norm folded into the convolutions before it: the same function of the images in fewer operations."""

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_batch_norms(module: nn.Module, input_px: tuple[int, int]) -> None:
    """Fold every batch norm that directly follows a convolution into it, in place. The module must be in eval mode."""
    for convolution, norm in _conv_norm_pairs(module, input_px):
        parent, _, name = convolution.rpartition(".")
        fused = fuse_conv_bn_eval(module.get_submodule(convolution), module.get_submodule(norm))  # type: ignore
        setattr(module.get_submodule(parent), name, fused)
        parent, _, name = norm.rpartition(".")
        setattr(module.get_submodule(parent), name, nn.Identity())


def _conv_norm_pairs(module: nn.Module, input_px: tuple[int, int]) -> list[tuple[str, str]]:
    """Return the names of convolutions and the batch norms that read their outputs, seen in one forward pass."""
    if not any(type(child) is nn.BatchNorm2d for child in module.modules()):
        return []
    made: dict[int, tuple[str, Tensor]] = {}
    pairs: list[tuple[str, str]] = []

    def note(name: str, child: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if isinstance(child, nn.Conv2d):
            made[id(output)] = (name, output)  # the tensor is kept: a freed one's id would come again
        elif id(inputs[0]) in made:
            pairs.append((made[id(inputs[0])][0], name))

    hooks = []
    for name, child in module.named_modules():
        if type(child) in (nn.Conv2d, nn.BatchNorm2d):  # what is derived from them may do more, such as a ReLU
            hooks.append(child.register_forward_hook(lambda *seen, name=name: note(name, *seen)))
    try:
        parameter = next(module.parameters())
        with torch.no_grad():
            module(torch.zeros(1, 3, *input_px, device=parameter.device, dtype=parameter.dtype))
    finally:
        for hook in hooks:
            hook.remove()
    return pairs
