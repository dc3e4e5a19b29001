"""One forward pass that tallies integer terms: parameters, operations, activations, traffic, receptive field.

A torch function mode sees every call of torch's interface: operations without a module of their own (a mean inside a
gate, a fixed blur) are counted like the others, and nothing depends on how a network names its modules. A dispatch mode
below it sees the ATen operators that the calls come to.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from resbench.counting.operators import Dispatched
from resbench.errors import ResbenchError
from resbench.records.record import Counts, Terms
from resbench.units import pixels

Pair = tuple[int, int]  # (height, width)
_KEPT = "resbench_view"  # where a tensor keeps its view: under a name that hides no method of tensors


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How a sliding window moves: it spans `reach` elements beyond its first, and steps by `stride`."""

    reach: Pair
    stride: Pair


@dataclass(frozen=True, slots=True)
class View:
    """What an element of a feature map sees of the image, and how far apart the views of neighbours lie."""

    size_px: Pair = (1, 1)
    step_px: Pair = (1, 1)

    def through(self, window: Window) -> "View":
        """Return what the output of `window` sees."""
        (tall, wide), (down, across) = self.size_px, self.step_px
        size = (tall + window.reach[0] * down, wide + window.reach[1] * across)
        return View(size, (down * window.stride[0], across * window.stride[1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One call that costs something."""

    kind: str  # "conv", "fc", "bn", "relu", "pool" or "global" (a pool over the whole map)
    inputs: int  # elements read
    outputs: int  # elements written
    terms: Mapping[str, int]
    window: Window | None = None
    part: str = ""  # the network's child that made it
    view: View | None = None  # of the feature map that came out (of a global pool: in); None behind a global pool


def count_module(module: nn.Module, input_px: int | Pair = 224) -> Counts:
    """Return what `module` costs for one image of `input_px` (height, width); exact.

    On the meta device this takes neither memory nor arithmetic.
    Raises ValueError in training mode, ResbenchError for an input that the network cannot take.
    """
    size = (input_px, input_px) if isinstance(input_px, int) else input_px
    return _counts([module], _pass(module, size), size)


def count_by_stage(module: nn.Module, input_px: int | Pair = 224) -> dict[str, Counts]:
    """Return what each stage of `module` costs, in the order in which they run; they add up to `count`.

    The stages are a network's children; those before layer1 are its stem, those behind the last layer its head.
    """
    size = (input_px, input_px) if isinstance(input_px, int) else input_px
    ran = _pass(module, size)
    stages: dict[str, list[str]] = {}
    for name, stage in _stages([name for name, _ in module.named_children()]).items():
        stages.setdefault(stage, []).append(name)
    return {
        stage: _counts([module.get_submodule(name) for name in names], ran.of(names), size)
        for stage, names in stages.items()
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pass:
    """What one forward pass did: the layers in the order they ran, and how many operators each child dispatched."""

    layers: Sequence[Layer]
    operators: Mapping[str, int]
    last_relus: Sequence[tuple[str, int]]  # the child, and the elements that the last ReLU module of a block put out

    def of(self, parts: Sequence[str]) -> "_Pass":
        """Return what the children called `parts` did."""
        return _Pass(
            layers=[layer for layer in self.layers if layer.part in parts],
            operators={part: self.operators[part] for part in parts},
            last_relus=[(part, outputs) for part, outputs in self.last_relus if part in parts],
        )


def _pass(module: nn.Module, input_px: Pair) -> _Pass:
    """Run `module` on one image of `input_px` where its weights lie."""
    if module.training:
        raise ValueError("module is in training mode; counts hold for inference, so call module.eval() first")
    recorder = _Recorder()
    with ExitStack() as stack:
        for name, child in module.named_children():
            stack.enter_context(child.register_forward_pre_hook(partial(recorder.enter, name)))
        for block, relu in _relus(module):
            stack.enter_context(relu.register_forward_hook(partial(recorder.rectified, block)))
        stack.enter_context(torch.no_grad())
        image = next(module.parameters()).new_empty(1, 3, *input_px)
        image.__dict__[_KEPT] = View()
        stack.enter_context(Dispatched(recorder.dispatched))
        stack.enter_context(recorder)
        try:
            module(image)
        except RuntimeError as error:
            reason = str(error).partition("\n")[0]
            raise ResbenchError(
                f"{type(module).__name__} cannot take {pixels(input_px)} px ({reason}); give a larger input"
            ) from error
    last_relus = list(recorder.last_relus.values())
    return _Pass(layers=_name_pools(recorder.layers), operators=recorder.operators, last_relus=last_relus)


def _relus(module: nn.Module) -> Iterator[tuple[nn.Module, nn.Module]]:
    """Yield each ReLU module with the block that it is the ReLU of: torchvision's blocks call one several times.

    In a container, every ReLU stands for itself.
    """
    for block in module.modules():
        for child in block.children():
            if isinstance(child, nn.ReLU):
                yield child if isinstance(block, nn.Sequential | nn.ModuleList) else block, child


class _Recorder(TorchFunctionMode):
    """Turns calls into layers, and passes the view of every tensor on to what is computed from it."""

    def __init__(self) -> None:
        super().__init__()
        self.part = ""
        self.layers: list[Layer] = []
        self.operators = Counter[str]()  # by part
        self.last_relus: dict[nn.Module, tuple[str, int]] = {}  # by block, the part and the elements

    def enter(self, part: str, *_: Any) -> None:
        self.part = part

    def rectified(self, block: nn.Module, _relu: nn.Module, _inputs: Any, out: Tensor) -> None:
        self.last_relus[block] = self.part, out.numel()

    def dispatched(self) -> None:
        self.operators[self.part] += 1

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        # A tensor on the meta device is only its shape, so what keeps it need not run; that took most of the time.
        idle = function in _SHAPE_KEEPING and args[0].is_meta
        outputs = args[0].detach() if idle else function(*args, **kwargs)
        if idle:  # one operator all the same; detach is a view and not counted
            self.dispatched()
        view = _widest([tensor.__dict__[_KEPT] for tensor in _tensors(args) if _KEPT in tensor.__dict__])
        rule = _RULES.get(function)
        layer = rule(outputs, *args, **kwargs) if rule else None
        if layer and layer.window and view:
            view = view.through(layer.window)
        if layer:
            self.layers.append(replace(layer, part=self.part, view=view))
        # What a global pool puts out carries no view: a gate sees everything, the field is that of the windows.
        if view and not (layer and layer.kind == "global"):
            for output in _tensors(outputs):
                output.__dict__[_KEPT] = view
        return outputs


def _conv(
    out: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, _padding: Any = 0,
    dilation: Any = 1, *_: Any, **__: Any,
) -> Layer:  # fmt: skip
    learned = "conv" if isinstance(weight, nn.Parameter) else "blur"
    biased = 0 if bias is None else out.numel()
    terms = {learned: out.numel() * math.prod(weight.shape[1:]), "conv_bias": biased}
    terms["bias_macs"] = biased * weight.shape[1]
    return _layer("conv", x, out, terms, _window(tuple(weight.shape[2:]), stride, dilation))


def _linear(out: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Layer:
    terms = {"fc": out.numel() * weight.shape[1], "fc_bias": 0 if bias is None else out.numel()}
    return _layer("fc", x, out, terms)


def _batch_norm(out: Tensor, x: Tensor, *_: Any, **__: Any) -> Layer:
    return _layer("bn", x, out, {"bn": x.numel()})


def _relu(out: Tensor, x: Tensor, *_: Any, **__: Any) -> Layer:
    return _layer("relu", x, out, {"relu": out.numel()})


def _max_pool(out: Tensor, x: Tensor, kernel: Any, stride: Any = None, *_: Any, **__: Any) -> Layer:
    terms = {"maxpool_in": x.numel(), "maxpool_side": out.numel() * _side(kernel)}
    return _layer("pool", x, out, terms, _window(kernel, stride or kernel))


def _avg_pool(out: Tensor, x: Tensor, kernel: Any, stride: Any = None, *_: Any, **__: Any) -> Layer:
    terms = {"avgpool_in": x.numel(), "avgpool_out": out.numel(), "avgpool_side": out.numel() * _side(kernel)}
    return _layer("pool", x, out, terms, _window(kernel, stride or kernel))


def _adaptive_pool(out: Tensor, x: Tensor, *_: Any, **__: Any) -> Layer | None:
    return _layer("global", x, out, {}) if tuple(out.shape[2:]) == (1, 1) else None


def _mean(out: Tensor, x: Tensor, dim: Any = None, *_: Any, **__: Any) -> Layer | None:
    over = {axis % x.dim() for axis in dim} if isinstance(dim, tuple | list) else set()
    return _layer("global", x, out, {}) if x.dim() == 4 and over == {2, 3} else None


_SHAPE_KEEPING = {F.batch_norm, F.relu}
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


def _widest(views: Sequence[View]) -> View | None:
    """Return the view of what is computed from tensors with `views`: on a residual path, the longest way counts."""
    if not views:
        return None
    talls, wides = zip(*(view.size_px for view in views), strict=True)
    downs, acrosses = zip(*(view.step_px for view in views), strict=True)
    return View((max(talls), max(wides)), (max(downs), max(acrosses)))


def _layer(kind: str, x: Tensor, out: Tensor, terms: Mapping[str, int], window: Window | None = None) -> Layer:
    return Layer(kind=kind, inputs=x.numel(), outputs=out.numel(), terms=terms, window=window)


def _window(kernel: Any, stride: Any, dilation: Any = 1) -> Window:
    (tall, wide), (down, across), (high, broad) = _pair(kernel), _pair(stride), _pair(dilation)
    return Window(reach=((tall - 1) * high, (wide - 1) * broad), stride=(down, across))


def _side(kernel: Any) -> int:
    """Return what thop before 2020 takes for the area of a window: of a square one that is given as a number, a side.

    It is torch.prod(torch.Tensor([kernel_size])).
    """
    return kernel if isinstance(kernel, int) else math.prod(kernel)


def _pair(value: Any) -> Pair:
    """Return 3, (3,) and (3, 3) as (3, 3)."""
    values = (value,) if isinstance(value, int) else tuple(value)
    return values[0], values[-1]


def _name_pools(ran: Sequence[Layer]) -> list[Layer]:
    """Give the global pools their terms: the last one feeds the classifier, those before it are squeezes."""
    last = max((index for index, layer in enumerate(ran) if layer.kind == "global"), default=-1)
    final = {"gap_in": ran[last].inputs, "gap_out": ran[last].outputs} if ran else {}
    return [
        layer if layer.kind != "global" else replace(layer, terms=final if index == last else {"se_in": layer.inputs})
        for index, layer in enumerate(ran)
    ]


def _counts(modules: Sequence[nn.Module], ran: _Pass, input_px: Pair) -> Counts:
    params = [tensor for module in modules for tensor in module.parameters()]
    buffers = [tensor for module in modules for tensor in module.buffers()]
    terms = Counter(bias_macs=0, maxpool_side=0, avgpool_side=0)
    terms["relu_last"] = sum(outputs for _, outputs in ran.last_relus)
    for layer in ran.layers:
        terms.update(layer.terms)
    return Counts(
        input_px=input_px,
        params=sum(tensor.numel() for tensor in params),
        buffers=sum(tensor.numel() for tensor in buffers),
        weights_bytes=sum(tensor.numel() * tensor.element_size() for tensor in params + buffers),
        activations=sum(layer.outputs for layer in ran.layers if layer.kind in ("conv", "fc")),
        terms=Terms(**terms),
        traffic=sum(layer.inputs + layer.outputs for layer in ran.layers if layer.kind not in ("bn", "relu")),
        receptive_field_px=next((layer.view.size_px for layer in reversed(ran.layers) if layer.view), (1, 1)),
        operators=sum(ran.operators.values()),
    )


def _stages(names: Sequence[str]) -> dict[str, str]:
    """Return the stage of each child: itself, or "stem" and "head" around the children called layerN."""
    staged = [index for index, name in enumerate(names) if name.startswith("layer")]
    if not staged:
        return {name: name for name in names}
    return {
        name: "stem" if index < staged[0] else "head" if index > staged[-1] else name
        for index, name in enumerate(names)
    }


def _tensors(values: Any) -> Iterator[Tensor]:
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, tuple | list):
        for value in values:
            yield from _tensors(value)
