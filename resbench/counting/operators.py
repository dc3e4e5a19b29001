"""The ATen operators that a forward pass comes to: how many, and what those cost that no rule of `calls` saw."""

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from resbench.counting.calls import Layer, tensors

aten = torch.ops.aten


class Dispatched(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Calls `on_operator` with every operator that computes something, its arguments and what it put out."""

    def __init__(self, on_operator: Callable[[Any, tuple[Any, ...], Any], None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.on_operator = on_operator

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else torch imports its compiler, which takes seconds

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        run = _ON_META.get(function, function) if args and getattr(args[0], "is_meta", False) else function
        outputs = run(*args, **(kwargs or {}))
        if computes(function):
            self.on_operator(function, args, outputs)
        return outputs


def _mean_on_meta(x: Tensor, dims: Sequence[int] | None, keepdim: bool = False, **options: Any) -> Tensor:
    """Return a mean without values."""
    over = {dim % x.dim() for dim in dims or range(x.dim())}
    sides = [1 if dim in over else side for dim, side in enumerate(x.shape) if keepdim or dim not in over]
    return x.new_empty(sides, dtype=options.get("dtype"))


def _broadcast_on_meta(x: Tensor, other: Any, **_: Any) -> Tensor:
    """Return a sum or a product without values."""
    shape = torch.broadcast_shapes(x.shape, getattr(other, "shape", ()))  # type: ignore[no-untyped-call]
    return x.new_empty(shape, dtype=torch.result_type(x, other))


# For these torch imports its compiler, which takes seconds, and most networks need no others like them.
_ON_META: dict[Any, Callable[..., Tensor]] = {
    aten.mean.dim: _mean_on_meta,
    aten.add.Tensor: _broadcast_on_meta,
    aten.mul.Tensor: _broadcast_on_meta,
    aten.addmm.default: lambda _, first, second, **__: first.new_empty(first.shape[0], second.shape[1]),
}


@cache
def computes(operator: Any) -> bool:
    """Return whether `operator` makes new values out of tensors.

    Views and empty tensors are left out: they cost next to nothing, and how many there are differs between versions of
    torch. A view returns what shares its input's memory and does not write to it; _unsafe_view does not say so.
    """
    if not isinstance(operator, OpOverload):
        return True
    schema = operator._schema
    views = any(value.alias_info and not value.alias_info.is_write for value in schema.returns)
    takes = any("Tensor" in str(value.type) for value in schema.arguments)
    return takes and not views and operator.overloadpacket is not aten._unsafe_view


def cost(operator: Any, args: tuple[Any, ...], outputs: Any) -> Layer | None:
    """Return what a call of `operator` costs; None where nothing is multiplied and added, or nobody knows."""
    rule = _COSTS.get(operator.overloadpacket) if isinstance(operator, OpOverload) else None
    return rule(outputs, *args) if rule else None


@cache
def is_uncosted(operator: Any) -> bool:
    """Whether `operator` may multiply and add without a rule that says how much."""
    if not isinstance(operator, OpOverload):
        return True
    if operator.namespace not in ("aten", "prims"):
        return True
    packet = operator.overloadpacket
    elementwise = torch.Tag.pointwise in operator.tags
    return not (elementwise or packet in _COSTS or packet._qualified_op_name.rstrip("_") in _FREE)


def _product(out: Tensor, x: Tensor, y: Tensor, *_: Any) -> Layer:
    """A product of matrices, of vectors, or of batches of matrices: each element of `x` meets a row of `y`."""
    columns = y.shape[-1] if y.dim() > 1 else 1
    return _matmul(out, x.numel() * columns, x, y)


def _added_product(out: Tensor, _: Tensor, x: Tensor, y: Tensor, *__: Any) -> Layer:
    return _product(out, x, y)


def _outer(out: Tensor, _: Tensor, x: Tensor, y: Tensor, *__: Any) -> Layer:
    return _matmul(out, x.numel() * y.numel(), x, y)


def _matmul(out: Tensor, products: int, *read: Tensor) -> Layer:
    elements = sum(tensor.numel() for tensor in read)
    terms = {"matmul": products}
    return Layer(kind="matmul", inputs=elements, outputs=out.numel(), terms=terms, scatters=True)


def _convolution(
    out: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None, _stride: Any, _padding: Any, _dilation: Any,
    transposed: bool = False, *_: Any,
) -> Layer:  # fmt: skip
    """A convolution inside a scripted module, which does not show whether its filter is learned."""
    positions = x if transposed else out
    terms = {
        "conv": positions.numel() * math.prod(weight.shape[1:]),
        "conv_bias": 0 if bias is None else out.numel(),
    }
    return Layer(kind="conv", inputs=x.numel(), outputs=out.numel(), terms=terms, scatters=True)


def _attention(outputs: Any, query: Tensor, key: Tensor, value: Tensor, *_: Any) -> Layer:
    """Attention of (batch, heads, tokens, width), as the fused operators take it."""
    out = next(tensors(outputs))
    products = math.prod(query.shape[:-1]) * key.shape[-2] * (query.shape[-1] + value.shape[-1])
    read = query.numel() + key.numel() + value.numel()
    return Layer(kind="attention", inputs=read, outputs=out.numel(), terms={"attention": products}, scatters=True)


def _interpolation(taps: int) -> Callable[..., Layer]:
    def rule(out: Tensor, x: Tensor, *_: Any) -> Layer:
        terms = {"interpolated": taps * out.numel()}
        return Layer(kind="resize", inputs=x.numel(), outputs=out.numel(), terms=terms, scatters=True)

    return rule


_COSTS: dict[Any, Callable[..., Layer]] = {
    **dict.fromkeys((aten.mm, aten.bmm, aten.mv, aten.dot, aten.vdot, aten._int_mm), _product),
    **dict.fromkeys((aten.addmm, aten.baddbmm, aten.addmv, aten.addbmm), _added_product),
    aten.addr: _outer,
    aten.convolution: _convolution,
    aten._scaled_dot_product_flash_attention: _attention,
    aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    aten._scaled_dot_product_efficient_attention: _attention,
    aten._scaled_dot_product_cudnn_attention: _attention,
    aten.upsample_nearest2d: _interpolation(1),
    **dict.fromkeys((aten.upsample_bilinear2d, aten.grid_sampler_2d), _interpolation(4)),
}

# Beyond the operators that torch itself calls pointwise, those without a product of sums: they move elements, pick
# them, pool them, norm them, or take one sum of many.
_FREE = frozenset(
    f"aten::{name}"
    for names in (
        "cat stack copy _to_copy clone contiguous repeat repeat_interleave index index_select index_put gather scatter",
        "scatter_add index_add take roll flip im2col col2im pixel_shuffle pixel_unshuffle tril triu fill",
        "masked_fill masked_select nonzero one_hot embedding sort topk unique_dim _unique2 bincount bucketize zero",
        "channel_shuffle native_channel_shuffle constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d",
        "replication_pad1d replication_pad2d replication_pad3d",
        "new_zeros new_ones new_full new_empty zeros_like ones_like full_like empty_like rand_like randn_like",
        "bernoulli native_dropout _local_scalar_dense equal is_same_size floor_divide _assert_async",
        "unsafe_split unsafe_split_with_sizes unsafe_chunk",
        "sum mean amax amin max min argmax argmin prod var var_mean std std_mean any all norm linalg_vector_norm",
        "logsumexp cumsum cumprod count_nonzero median aminmax logcumsumexp cummax cummin",
        "softmax _softmax _log_softmax _safe_softmax hardswish glu prelu _prelu_kernel rrelu_with_noise",
        "celu elu hardsigmoid hardtanh leaky_relu",  # not called pointwise by torch 2.6, or not in place
        "max_pool2d_with_indices max_pool3d_with_indices adaptive_max_pool2d adaptive_max_pool3d avg_pool1d avg_pool2d",
        "avg_pool3d adaptive_avg_pool1d _adaptive_avg_pool2d _adaptive_avg_pool3d max_unpool2d",
        "native_batch_norm cudnn_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training",
        "_batch_norm_no_update _batch_norm_with_update native_layer_norm native_group_norm _fused_rms_norm",
        "upsample_nearest1d upsample_nearest3d upsample_linear1d upsample_bicubic2d upsample_trilinear3d",
        "_upsample_bilinear2d_aa _upsample_bicubic2d_aa _upsample_nearest_exact1d _upsample_nearest_exact2d",
    )
    for name in names.split()
)
