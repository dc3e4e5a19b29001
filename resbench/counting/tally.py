"""One forward pass that tallies integer terms: parameters, operations, activations, traffic, receptive field.

A torch function mode sees every call of torch's interface: operations without a module of their own (a mean inside a
gate, a fixed blur) are counted like the others, and nothing depends on how a network names its modules.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from resbench.records.record import Counts, Terms

Pair = tuple[int, int]  # (height, width)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How a sliding window moves: it spans `reach` elements beyond its first, and steps by `stride`."""

    reach: Pair
    stride: Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One call that costs something."""

    part: str  # the network's child that made it
    kind: str  # "conv", "fc", "bn", "relu", "pool" or "global" (a pool over the whole map)
    inputs: int  # elements read
    outputs: int  # elements written
    terms: Mapping[str, int]
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class View:
    """What an element of a feature map sees of the image, and how far apart the views of neighbours lie."""

    size_px: Pair = (1, 1)
    step_px: Pair = (1, 1)

    def through(self, window: Window) -> "View":
        """Return what the output of `window` sees."""
        size = (
            self.size_px[0] + window.reach[0] * self.step_px[0],
            self.size_px[1] + window.reach[1] * self.step_px[1],
        )
        return View(size, (self.step_px[0] * window.stride[0], self.step_px[1] * window.stride[1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The layers of one forward pass in order, and what an element of the last feature map sees."""

    layers: tuple[Layer, ...]
    view: View

    def terms(self) -> Terms:
        """Return the sum over all layers."""
        return _sum(self.layers)

    def terms_by_part(self) -> dict[str, Terms]:
        """Return the sum over the layers of each child of the network, in the order in which they ran."""
        parts = dict.fromkeys(layer.part for layer in self.layers)
        return {part: _sum(layer for layer in self.layers if layer.part == part) for part in parts}


def count(module: nn.Module, input_px: int | Pair = 224) -> Counts:
    """Return what `module` costs for one image of `input_px` (height, width); exact.

    On the meta device this takes neither memory nor arithmetic. Raises ValueError in training mode.
    """
    size = (input_px, input_px) if isinstance(input_px, int) else input_px
    result = tally(module, size)
    params, buffers = list(module.parameters()), list(module.buffers())
    return Counts(
        input_px=size,
        params=sum(tensor.numel() for tensor in params),
        buffers=sum(tensor.numel() for tensor in buffers),
        weights_bytes=sum(tensor.numel() * tensor.element_size() for tensor in params + buffers),
        activations=sum(layer.outputs for layer in result.layers if layer.kind in ("conv", "fc")),
        terms=result.terms(),
        traffic=sum(layer.inputs + layer.outputs for layer in result.layers if layer.kind not in ("bn", "relu")),
        receptive_field_px=result.view.size_px,
    )


def tally(module: nn.Module, input_px: Pair) -> Tally:
    """Run `module` on one image of `input_px` where its weights lie, and return the layers that ran."""
    if module.training:
        raise ValueError("module is in training mode; counts hold for inference, so call module.eval() first")
    recorder = _Recorder()
    with ExitStack() as stack:
        for name, child in module.named_children():
            stack.enter_context(child.register_forward_pre_hook(partial(recorder.enter, name)))
        stack.enter_context(torch.no_grad())
        image = torch.empty(1, 3, *input_px, device=next(module.parameters()).device)
        image.__dict__["view"] = View()
        stack.enter_context(recorder)
        module(image)
    return recorder.result()


class _Recorder(TorchFunctionMode):
    """Turns calls into layers, and passes the view of every tensor on to what is computed from it."""

    def __init__(self) -> None:
        super().__init__()
        self.part = ""
        self.layers: list[Layer] = []
        self.view = View()  # of what the latest global pool read

    def enter(self, part: str, *_: Any) -> None:
        self.part = part

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        outputs = function(*args, **kwargs)
        rule = _RULES.get(function)
        layer = rule(outputs, *args, **kwargs) if rule else None
        if layer:
            self.layers.append(replace(layer, part=self.part))
        self._pass_on(layer, args, outputs)
        return outputs

    def _pass_on(self, layer: Layer | None, args: Any, outputs: Any) -> None:
        views = [tensor.__dict__["view"] for tensor in _tensors(args) if "view" in tensor.__dict__]
        if not views:
            return
        view = _widest(views)
        if layer and layer.kind == "global":
            self.view = view
            return  # a gate sees everything; the field is that of the windows
        for output in _tensors(outputs):
            output.__dict__["view"] = view.through(layer.window) if layer and layer.window else view

    def result(self) -> Tally:
        """Name the global pools: the last one feeds the classifier, those before it are squeezes."""
        last = max((index for index, layer in enumerate(self.layers) if layer.kind == "global"), default=-1)
        named = [_named_pool(layer, index == last) for index, layer in enumerate(self.layers)]
        return Tally(layers=tuple(named), view=self.view)


def _conv(
    out: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, _padding: Any = 0,
    dilation: Any = 1, *_: Any, **__: Any,
) -> Layer:  # fmt: skip
    learned = "conv" if isinstance(weight, nn.Parameter) else "blur"
    terms = {learned: out.numel() * math.prod(weight.shape[1:]), "conv_bias": 0 if bias is None else out.numel()}
    return _layer("conv", x, out, terms, _window(tuple(weight.shape[2:]), stride, dilation))


def _linear(out: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Layer:
    terms = {"fc": out.numel() * weight.shape[1], "fc_bias": 0 if bias is None else out.numel()}
    return _layer("fc", x, out, terms)


def _batch_norm(out: Tensor, x: Tensor, *_: Any, **__: Any) -> Layer:
    return _layer("bn", x, out, {"bn": x.numel()})


def _relu(out: Tensor, x: Tensor, *_: Any, **__: Any) -> Layer:
    return _layer("relu", x, out, {"relu": out.numel()})


def _max_pool(out: Tensor, x: Tensor, kernel: Any, stride: Any = None, *_: Any, **__: Any) -> Layer:
    return _layer("pool", x, out, {"maxpool_in": x.numel()}, _window(kernel, stride or kernel))


def _avg_pool(out: Tensor, x: Tensor, kernel: Any, stride: Any = None, *_: Any, **__: Any) -> Layer:
    terms = {"avgpool_in": x.numel(), "avgpool_out": out.numel()}
    return _layer("pool", x, out, terms, _window(kernel, stride or kernel))


def _adaptive_pool(out: Tensor, x: Tensor, *_: Any, **__: Any) -> Layer | None:
    return _layer("global", x, out, {}) if tuple(out.shape[2:]) == (1, 1) else None


def _mean(out: Tensor, x: Tensor, dim: Any = None, *_: Any, **__: Any) -> Layer | None:
    over = {axis % x.dim() for axis in dim} if isinstance(dim, tuple | list) else set()
    return _layer("global", x, out, {}) if x.dim() == 4 and over == {2, 3} else None


_RULES: dict[Any, Callable[..., Layer | None]] = {
    torch.conv1d: _conv,
    torch.conv2d: _conv,
    F.linear: _linear,
    F.batch_norm: _batch_norm,
    **dict.fromkeys((F.relu, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_), _relu),
    **dict.fromkeys((F.max_pool2d, torch.max_pool2d), _max_pool),
    F.avg_pool2d: _avg_pool,
    F.adaptive_avg_pool2d: _adaptive_pool,
    **dict.fromkeys((torch.mean, Tensor.mean), _mean),
}


def _widest(views: Sequence[View]) -> View:
    sizes, steps = (
        zip(*(view.size_px for view in views), strict=True),
        zip(*(view.step_px for view in views), strict=True),
    )
    (tall, wide), (down, across) = map(max, sizes), map(max, steps)
    return View((tall, wide), (down, across))


def _layer(kind: str, x: Tensor, out: Tensor, terms: Mapping[str, int], window: Window | None = None) -> Layer:
    return Layer(part="", kind=kind, inputs=x.numel(), outputs=out.numel(), terms=terms, window=window)


def _window(kernel: Any, stride: Any, dilation: Any = 1) -> Window:
    (tall, wide), (down, across), (high, broad) = _pair(kernel), _pair(stride), _pair(dilation)
    return Window(reach=((tall - 1) * high, (wide - 1) * broad), stride=(down, across))


def _pair(value: Any) -> Pair:
    """Return 3, (3,) and (3, 3) as (3, 3)."""
    values = (value,) if isinstance(value, int) else tuple(value)
    return values[0], values[-1]


def _named_pool(layer: Layer, last: bool) -> Layer:
    if layer.kind != "global":
        return layer
    return replace(layer, terms={"gap_in": layer.inputs, "gap_out": layer.outputs} if last else {"se_in": layer.inputs})


def _sum(layers: Iterator[Layer] | tuple[Layer, ...]) -> Terms:
    sums = {entry.name: 0 for entry in fields(Terms)}
    for layer in layers:
        for name, amount in layer.terms.items():
            sums[name] += amount
    return Terms(**sums)


def _tensors(values: Any) -> Iterator[Tensor]:
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, tuple | list):
        for value in values:
            yield from _tensors(value)
