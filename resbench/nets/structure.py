"""What a network is, as a hash: equal for equal names, shapes and operators, whatever its weights and its file."""

import hashlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode, resolve_name

_OWN = "torch.nn."


def structure_sha256(module: nn.Module, input_px: tuple[int, int]) -> str:
    """Return the hash of the names and shapes of the weights, of torch's layers, and of the operators that run.

    Their settings (strides, paddings, groups) are in it, the size of the image is not.
    """
    lines = [*_tensors(module), *_layers(module), *_operators(module, input_px)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _tensors(module: nn.Module) -> Iterator[str]:
    for name, tensor in module.state_dict(keep_vars=True).items():
        yield f"{name} {tuple(tensor.shape)} {tensor.dtype}"


def _layers(module: nn.Module) -> Iterator[str]:
    for name, layer in module.named_modules():
        if type(layer).__module__.startswith(_OWN):
            yield f"{name} {type(layer).__name__} {layer.extra_repr()}"


def _operators(module: nn.Module, input_px: tuple[int, int]) -> Iterator[str]:
    recorder = _Names()
    image = torch.zeros(1, 3, *input_px, device=next(module.parameters()).device)
    with torch.no_grad(), recorder:
        module(image)
    yield from recorder.seen


class _Names(TorchFunctionMode):
    """Notes the name of every function of torch that makes a tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        name = resolve_name(function) or getattr(function, "__name__", "?")
        if isinstance(result, Tensor | tuple | list) and not name.endswith("__get__"):
            self.seen.append(name)
        return result
