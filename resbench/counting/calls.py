"""What calls of torch's functions cost: one rule for each function that is a layer.

A rule takes what a call put out and the call's own arguments, by the names that torch gives them.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from resbench.counting.views import View, Window, window

Kind = Literal["conv", "fc", "matmul", "attention", "bn", "norm", "relu", "pool", "global", "resize"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One call that costs something."""

    kind: Kind  # "global" is a pool or mean over the whole map
    inputs: int  # elements read
    outputs: int  # elements written
    terms: Mapping[str, int] = field(default_factory=dict)
    window: Window | None = None
    scatters: bool = False  # an output depends on more than a window of inputs, or on a window of another grid
    part: str = ""  # the network's child that made it
    view: View | None = None  # of the feature map that came out (of a global pool: in); None behind a global pool


Rule = Callable[..., Layer | None]


# The rules have torch's own parameters, since calls may give arguments by name.
# ruff: noqa: A002, ARG001


def _conv(
    out: Tensor, input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Layer:  # fmt: skip
    flat = weight.dim() == 4
    biased = _biased(out, bias)
    terms = {"conv": out.numel() * math.prod(weight.shape[1:]), "conv_bias": biased}
    terms["bias_macs"] = biased * weight.shape[1]
    moves = window(tuple(weight.shape[2:]), stride, dilation) if flat else None
    return _layer("conv", input, out, terms, moves, scatters=not flat)


def _transposed_conv(
    out: Tensor, input: Tensor, weight: Tensor, bias: Tensor | None = None, *_: Any, **__: Any
) -> Layer:  # fmt: skip
    terms = {"conv": input.numel() * math.prod(weight.shape[1:]), "conv_bias": _biased(out, bias)}
    return _layer("conv", input, out, terms, scatters=True)


def _linear(out: Tensor, input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Layer:
    terms = {"fc": out.numel() * weight.shape[-1], "fc_bias": _biased(out, bias)}
    return _layer("fc", input, out, terms, scatters=input.dim() > 2)  # of tokens or over a map's axes


def _attention(out: Tensor, query: Tensor, key: Tensor, value: Tensor, *_: Any, **__: Any) -> Layer:
    products = math.prod(out.shape[:-1]) * key.shape[-2] * (query.shape[-1] + value.shape[-1])
    read = query.numel() + key.numel() + value.numel()
    return Layer(kind="attention", inputs=read, outputs=out.numel(), terms={"attention": products}, scatters=True)


def _batch_norm(
    out: Tensor, input: Tensor, running_mean: Any, running_var: Any, weight: Tensor | None = None,
    bias: Tensor | None = None, training: bool = False, *_: Any, **__: Any,
) -> Layer:  # fmt: skip
    # With statistics of its own input it is another norm: so timm standardises the weights of convolutions.
    return _normed(out, input, weight) if training else _layer("bn", input, out, {"bn": input.numel()})


def _layer_norm(out: Tensor, input: Tensor, shape: Any, weight: Tensor | None = None, *_: Any, **__: Any) -> Layer:
    return _normed(out, input, weight)


def _instance_norm(
    out: Tensor, input: Tensor, running_mean: Any = None, running_var: Any = None, weight: Tensor | None = None,
    *_: Any, **__: Any,
) -> Layer:  # fmt: skip
    return _normed(out, input, weight)


def _normed(out: Tensor, x: Tensor, weight: Tensor | None) -> Layer:
    return _layer("norm", x, out, {"norm": x.numel(), "norm_affine": 0 if weight is None else x.numel()})


def _relu(out: Tensor, *_: Any, **__: Any) -> Layer:
    return _layer("relu", out, out, {"relu": out.numel()})


def _max_pool(
    out: Any, input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    *_: Any, **__: Any,
) -> Layer:  # fmt: skip
    pooled = out[0] if isinstance(out, tuple) else out
    terms = {"maxpool_in": input.numel(), "maxpool_side": pooled.numel() * _side(kernel_size)}
    return _pool(pooled, input, terms, kernel_size, stride, dilation)


def _avg_pool(out: Tensor, input: Tensor, kernel_size: Any, stride: Any = None, *_: Any, **__: Any) -> Layer:
    terms = {"avgpool_in": input.numel(), "avgpool_out": out.numel(), "avgpool_side": out.numel() * _side(kernel_size)}
    return _pool(out, input, terms, kernel_size, stride)


def _pool(out: Tensor, x: Tensor, terms: Mapping[str, int], kernel: Any, stride: Any, dilation: Any = 1) -> Layer:
    flat = x.dim() == 4
    moves = window(kernel, stride or kernel, dilation) if flat else None
    return _layer("pool", x, out, terms, moves, scatters=not flat)


def _adaptive_pool(out: Tensor, input: Tensor, *_: Any, **__: Any) -> Layer:
    whole = math.prod(out.shape[2:]) == 1 and out.dim() == input.dim()
    return _layer("global" if whole else "pool", input, out, {"adaptive_in": input.numel()}, scatters=not whole)


def _mean(out: Tensor, input: Tensor, dim: Any = None, *_: Any, **__: Any) -> Layer | None:
    over = {axis % input.dim() for axis in dim} if isinstance(dim, tuple | list) else set()
    return _layer("global", input, out, {}) if input.dim() == 4 and over == {2, 3} else None


def _side(kernel: Any) -> int:
    """Return what thop before 2020 takes for the area of a window: of a square one that is given as a number, a side.

    It is torch.prod(torch.Tensor([kernel_size])).
    """
    return kernel if isinstance(kernel, int) else math.prod(kernel)


def _biased(out: Tensor, bias: Tensor | None) -> int:
    return 0 if bias is None else out.numel()


def _layer(
    kind: Kind, x: Tensor, out: Tensor, terms: Mapping[str, int], moves: Window | None = None, *, scatters: bool = False
) -> Layer:
    return Layer(kind=kind, inputs=x.numel(), outputs=out.numel(), terms=terms, window=moves, scatters=scatters)


RULES: dict[Any, Rule] = {
    **dict.fromkeys((torch.conv1d, torch.conv2d, torch.conv3d), _conv),
    **dict.fromkeys((torch.conv_transpose1d, torch.conv_transpose2d, torch.conv_transpose3d), _transposed_conv),
    F.linear: _linear,
    F.scaled_dot_product_attention: _attention,
    F.batch_norm: _batch_norm,
    F.layer_norm: _layer_norm,
    F.group_norm: _layer_norm,
    F.instance_norm: _instance_norm,
    **dict.fromkeys((F.relu, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_), _relu),
    **dict.fromkeys((F.max_pool1d, F.max_pool2d, F.max_pool3d), _max_pool),
    **dict.fromkeys((torch.max_pool1d, torch.max_pool2d, torch.max_pool3d), _max_pool),
    **dict.fromkeys((F.avg_pool1d, F.avg_pool2d, F.avg_pool3d), _avg_pool),
    **dict.fromkeys((F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d), _adaptive_pool),
    **dict.fromkeys((torch.mean, Tensor.mean), _mean),
}


def _unguarded(function: Any) -> Any:
    """Return a Python function of torch without its first question, whether a mode takes the call as a whole."""
    names = {**function.__globals__, "has_torch_function": lambda _: False}
    copy = FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


# Functions made of layers: their own calls are counted instead.
MADE_OF_LAYERS: dict[Any, Any] = {F.multi_head_attention_forward: _unguarded(F.multi_head_attention_forward)}


def tensors(values: Any) -> Iterator[Tensor]:
    """Yield the tensors among arguments or results, lists and tuples opened."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, tuple | list):
        for value in values:
            yield from tensors(value)
