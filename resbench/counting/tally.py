"""One forward pass that tallies integer terms: parameters, operations, activations, traffic, receptive field.

A torch function mode sees every call of torch's interface: operations without a module of their own (a mean inside a
gate, a fixed blur) are counted like the others, and nothing depends on how a network names its modules. A dispatch mode
below it sees the ATen operators that the calls come to, costs those that no call explains (a product of matrices), and
lists those that nobody can cost.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.overrides import TorchFunctionMode

from resbench.counting.calls import MADE_OF_LAYERS, RULES, Layer, tensors
from resbench.counting.inputs import blanks, one_image, size_of
from resbench.counting.operators import Dispatched, cost, is_uncosted
from resbench.counting.views import Pair, View, pair, widest_view
from resbench.errors import ResbenchError
from resbench.records.counts import Input
from resbench.records.record import Counts, Terms
from resbench.units import pixels

_KEPT = "resbench_view"  # where a tensor keeps its view: under a name that hides no method of tensors


def count_module(module: nn.Module, input_px: int | Pair = 224, *, inputs: Sequence[Input] = ()) -> Counts:
    """Return what `module` costs for one image of `input_px` (height, width), or for `inputs`; exact.

    On the meta device this takes neither memory nor arithmetic.
    Raises ValueError in training mode, ResbenchError for an input that the network cannot take.
    """
    feed = tuple(inputs) or one_image(input_px)
    names = [name for name, _ in module.named_children()]
    return counts_of([module], run_once(module, feed, names), feed)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardPass:
    """What one forward pass did, part by part: its layers in the order they ran, its operators, its outputs' shapes."""

    layers: Sequence[Layer]
    operators: Mapping[str, int]
    uncounted: Mapping[tuple[str, str], int]  # by part and operator
    shapes: Mapping[str, tuple[int, ...]]  # that leave the parts, for one image; in the order in which they ended
    last_relus: Sequence[tuple[str, int]]  # the part, and the elements that the last ReLU module of a block put out

    def of(self, parts: Collection[str]) -> "ForwardPass":
        """Return what `parts` did."""
        return ForwardPass(
            layers=[layer for layer in self.layers if layer.part in parts],
            operators={part: self.operators[part] for part in parts},
            uncounted={key: calls for key, calls in self.uncounted.items() if key[0] in parts},
            shapes={part: shape for part, shape in self.shapes.items() if part in parts},
            last_relus=[(part, outputs) for part, outputs in self.last_relus if part in parts],
        )


def run_once(module: nn.Module, feed: Sequence[Input], parts: Iterable[str]) -> ForwardPass:
    """Run `module` on one example of `feed` where its weights lie; `parts` names submodules that are told apart.

    What runs in none of them belongs to the last one before.
    Raises ValueError in training mode, ResbenchError for an input that the network cannot take.
    """
    if module.training:
        raise ValueError("module is in training mode; counts hold for inference, so call module.eval() first")
    recorder = _Recorder(module, size_of(feed))
    with ExitStack() as stack:
        for name in parts:
            part = module.get_submodule(name)
            stack.enter_context(part.register_forward_pre_hook(partial(recorder.enter, name)))
            stack.enter_context(part.register_forward_hook(partial(recorder.leave, name)))
        for block, relu in _relus(module):
            stack.enter_context(relu.register_forward_hook(partial(recorder.rectified, block)))
        stack.enter_context(torch.no_grad())
        example = blanks(feed, module)
        if len(feed[0].shape) == 3:
            example[0].__dict__[_KEPT] = View()
        stack.enter_context(Dispatched(recorder.dispatched))
        stack.enter_context(recorder)
        try:
            module(*example)
        except Exception as error:  # whatever the code of a network raises about its input
            raise ResbenchError(_refusal(module, feed, error)) from error
    return ForwardPass(
        layers=_name_last(recorder.layers),
        operators=recorder.operators,
        uncounted=recorder.uncounted,
        shapes=recorder.shapes,
        last_relus=list(recorder.last_relus.values()),
    )


def _relus(module: nn.Module) -> Iterator[tuple[nn.Module, nn.Module]]:
    """Yield each ReLU module with the block that it is the ReLU of: torchvision's blocks call one several times.

    In a container, every ReLU stands for itself.
    """
    for block in module.modules():
        for child in block.children():
            if isinstance(child, nn.ReLU):
                yield child if isinstance(block, nn.Sequential | nn.ModuleList) else block, child


def _refusal(module: nn.Module, feed: Sequence[Input], error: Exception) -> str:
    reason = str(error).partition("\n")[0] or type(error).__name__
    if isinstance(error, RuntimeError) and feed == one_image(size_of(feed)):
        return f"{type(module).__name__} cannot take {pixels(size_of(feed))} px ({reason}); give a larger input"
    given = ",".join(map(str, feed))
    return f"{type(module).__name__} cannot take {given} ({reason}); declare its inputs, such as --input 3x224x224"


class _Recorder(TorchFunctionMode):
    """Turns calls into layers, and passes the view of every tensor on to what is computed from it."""

    def __init__(self, module: nn.Module, image_px: Pair) -> None:
        super().__init__()
        self.fixed = {id(buffer) for buffer in module.buffers()}
        self.image_px = image_px
        self.part = ""
        self.layers: list[Layer] = []
        self.operators = Counter[str]()  # by part
        self.uncounted = Counter[tuple[str, str]]()
        self.shapes: dict[str, tuple[int, ...]] = {}  # by part
        self.last_relus: dict[nn.Module, tuple[str, int]] = {}  # by block, the part and the elements
        self.ruled: Any = None  # the function that runs and has a rule

    def enter(self, part: str, *_: Any) -> None:
        self.part = part

    def leave(self, part: str, _module: nn.Module, _inputs: Any, outputs: Any) -> None:
        if isinstance(outputs, Tensor):
            self.shapes.pop(part, None)  # the last call's, in the order in which they ended
            self.shapes[part] = tuple(outputs.shape[1:])

    def rectified(self, block: nn.Module, _relu: nn.Module, _inputs: Any, out: Tensor) -> None:
        self.last_relus[block] = self.part, out.numel()

    def dispatched(self, operator: Any, args: tuple[Any, ...], outputs: Any) -> None:
        """Take an operator into account; its cost too, unless the function that it comes from has a rule."""
        if self.ruled is F.scaled_dot_product_attention:
            return  # one operator on one device, a dozen on another
        self.operators[self.part] += 1
        if self.ruled is not None:
            return
        if layer := cost(operator, args, outputs):
            self.layers.append(replace(layer, part=self.part))
        elif is_uncosted(operator):
            self.uncounted[self.part, _name(operator)] += 1

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function in MADE_OF_LAYERS:
            with self:
                return MADE_OF_LAYERS[function](*args, **kwargs)
        outputs = self._run(function, args, kwargs)
        given = list(tensors(args)) + (list(tensors(tuple(kwargs.values()))) if kwargs else [])
        view = widest_view([tensor.__dict__[_KEPT] for tensor in given if _KEPT in tensor.__dict__])
        rule = RULES.get(function)
        if layer := rule(outputs, *args, **kwargs) if rule else None:
            view = self._add(layer, view, given)
        if view:
            for output in tensors(outputs):
                output.__dict__[_KEPT] = view
        return outputs

    def _run(self, function: Any, args: Any, kwargs: Mapping[str, Any]) -> Any:
        # A tensor on the meta device is only its shape, so what keeps it need not run; that took most of the time.
        if function in _SHAPE_KEEPING and args and args[0].is_meta:
            self.operators[self.part] += 1  # one operator all the same; detach is a view and not counted
            return args[0].detach()
        outer, self.ruled = self.ruled, function if function in RULES else self.ruled
        try:
            return function(*args, **kwargs)
        finally:
            self.ruled = outer
            if function is F.scaled_dot_product_attention:
                self.operators[self.part] += 1

    def _add(self, layer: Layer, view: View | None, given: Sequence[Tensor]) -> View | None:
        """Append `layer` and return the view of what it puts out, from that of the tensors `given`.

        What a global pool puts out carries none: a gate sees everything, the field is that of the windows.
        """
        scatters, terms = layer.scatters and view is not None, layer.terms
        if layer.window and view:
            scatters = scatters or not view.covers(pair(given[0].shape[2:]), self.image_px)
            view = view.through(layer.window)
        if layer.kind == "conv" and self._is_fixed(given[1]):
            terms = {("blur" if term == "conv" else term): value for term, value in terms.items()}
        self.layers.append(replace(layer, part=self.part, view=view, scatters=scatters, terms=terms))
        return None if layer.kind == "global" else view

    def _is_fixed(self, weight: Tensor) -> bool:
        """Whether a filter is a buffer or a view of one, and not learned or computed from what is."""
        return (
            not isinstance(weight, nn.Parameter) and id(weight if weight._base is None else weight._base) in self.fixed
        )


_SHAPE_KEEPING = {F.batch_norm, F.relu}


def _name(operator: Any) -> str:
    return str(operator.overloadpacket) if isinstance(operator, OpOverload) else str(operator)


def _name_last(ran: Sequence[Layer]) -> list[Layer]:
    """Give the global pools and the linear layers their terms.

    The last pool feeds the classifier, those before it are squeezes. The last linear layer is the classifier, or a
    convolution of one place that comes behind it and behind the last pool.
    """
    pool = max((index for index, layer in enumerate(ran) if layer.kind == "global"), default=len(ran))
    behind = (index for index, layer in enumerate(ran) if layer.kind == "fc" or (index > pool and _is_dense(layer)))
    last = (pool, max(behind, default=-1))
    return [
        layer if layer.kind not in ("global", "fc") and index not in last
        else replace(layer, terms=_terms(layer, last=index in last))
        for index, layer in enumerate(ran)
    ]  # fmt: skip


def _is_dense(layer: Layer) -> bool:
    """Whether a convolution joins each input with each output, as on a map of one place."""
    return layer.kind == "conv" and layer.terms.get("conv") == layer.inputs * layer.outputs


def _terms(layer: Layer, *, last: bool) -> Mapping[str, int]:
    if layer.kind == "conv":
        return {"fc": layer.terms["conv"], "fc_bias": layer.terms["conv_bias"]}
    if layer.kind == "fc":
        return layer.terms if last else {"linear": layer.terms["fc"], "linear_bias": layer.terms["fc_bias"]}
    if not last:
        return {**layer.terms, "se_in": layer.inputs}
    # No tool counts a mean; a pool is a layer.
    return {"gap_in": layer.inputs, "gap_out": layer.outputs} if layer.terms else {"mean_in": layer.inputs}


def counts_of(modules: Sequence[nn.Module], ran: ForwardPass, feed: tuple[Input, ...]) -> Counts:
    """Return what `modules` cost in `ran`, a pass over `feed`."""
    params = [tensor for module in modules for tensor in module.parameters()]
    buffers = [tensor for module in modules for tensor in module.buffers()]
    terms, uncounted = Counter(bias_macs=0, maxpool_side=0, avgpool_side=0), Counter[str]()
    terms["relu_last"] = sum(outputs for _, outputs in ran.last_relus)
    for layer in ran.layers:
        terms.update(layer.terms)
    for (_, operator), calls in ran.uncounted.items():
        uncounted[operator] += calls
    size = size_of(feed)
    return Counts(
        input_px=size,
        params=sum(tensor.numel() for tensor in params),
        buffers=sum(tensor.numel() for tensor in buffers),
        weights_bytes=sum(tensor.numel() * tensor.element_size() for tensor in params + buffers),
        activations=sum(layer.outputs for layer in ran.layers if layer.kind in ("conv", "fc", "matmul")),
        terms=Terms(**terms),
        traffic=sum(layer.inputs + layer.outputs for layer in ran.layers if layer.kind not in ("bn", "norm", "relu")),
        receptive_field_px=_field(ran.layers),
        operators=sum(ran.operators.values()),
        inputs=() if feed == one_image(size) else feed,
        uncounted=dict(sorted(uncounted.items())),
    )


def _field(layers: Sequence[Layer]) -> Pair | None:
    """Return the receptive field of the last feature map; None where more than windows connects it to the image."""
    if any(layer.scatters for layer in layers):
        return None
    return next((layer.view.size_px for layer in reversed(layers) if layer.view), (1, 1))
