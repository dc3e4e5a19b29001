"""Arithmetic twins: networks and inputs that fit a checkpoint, key for key, but compute something else.

Each twin is a change to a network or to its input that has been met in published checkpoints.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from resbench.accuracy import pixels
from resbench.accuracy.decoders import Decoder, cut_by_torch, decoder_named
from resbench.zoo.spec import Preprocess

STRIDES = "the stride of bottlenecks on the other convolution (1x1 or 3x3)"
_IMAGENET = Preprocess()  # its mean and spread are those of ImageNet's training images


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Twin:
    """A network that holds the same weights, or takes its input otherwise."""

    what: str
    module: nn.Module
    preprocess: Preprocess
    decoder: Decoder | None = None  # how its images are decoded and resized; None: as asked for


def twins(module: nn.Module, preprocess: Preprocess) -> Iterator[Twin]:
    """Yield every twin of a network that differs from it; what changes the network has a copy of the weights."""
    for what, changed in _other_inputs(preprocess):
        if changed != preprocess:
            decoder = decoder_named("pillow") if changed.interpolation == "lanczos" else None  # others cannot
            yield Twin(what=what, module=module, preprocess=changed, decoder=decoder)
    if preprocess.crop_mode != "border" and preprocess.interpolation != "lanczos":
        what = "resizing without antialiasing (OpenCV's, and torch's of tensors)"
        yield Twin(what=what, module=module, preprocess=preprocess, decoder=_ALIASING)
    reverse = _Reversed(copy.deepcopy(module))
    yield Twin(what="channels blue, green, red", module=reverse, preprocess=preprocess)
    caffes = replace(preprocess, mean=_IMAGENET.mean, std=(1 / 255,) * 3)
    yield Twin(what="Caffe's input: blue, green, red from 0 to 255 less the mean", module=reverse, preprocess=caffes)
    both = copy.deepcopy(module)
    if _swap_strides(both) and _pool_rounding_up(both):
        what = "Caffe's input, the stride of bottlenecks and the stem's pool as there"
        yield Twin(what=what, module=_Reversed(both), preprocess=caffes)
    for what, change in _CHANGES.items():
        other = copy.deepcopy(module)
        if change(other):
            yield Twin(what=what, module=other, preprocess=preprocess)


def _other_inputs(own: Preprocess) -> Iterator[tuple[str, Preprocess]]:
    levels = {
        "inputs from 0 to 1, not normalised": ((0.0,) * 3, (1.0,) * 3),
        "inputs from -1 to 1 (mean and std 0.5)": ((0.5,) * 3, (0.5,) * 3),
        "inputs from 0 to 255 less the mean, not divided": (_IMAGENET.mean, (1 / 255,) * 3),
        "ImageNet's mean and std": (_IMAGENET.mean, _IMAGENET.std),
    }
    for what, (mean, std) in levels.items():
        yield what, replace(own, mean=mean, std=std)
    yield "bilinear resizing", replace(own, interpolation="bilinear")
    yield "bicubic resizing", replace(own, interpolation="bicubic")
    yield "lanczos resizing", replace(own, interpolation="lanczos")
    for share in (0.875, 0.95, 1.0):
        yield f"crop of {share} of the image", replace(own, crop_pct=share)


def _aliased(planes: Tensor, size: tuple[int, int], mode: str) -> Tensor:
    """Resize so that a pixel is made of its nearest neighbours only, however many others are dropped."""
    return interpolate(planes.float(), size=size, mode=mode).round_().clamp_(0, 255).byte()


_ALIASING = Decoder(
    name=f"{pixels.DECODER}, resized without antialiasing",
    decode=lambda data: np.array(pixels.decode(data)),
    frame=lambda array, how: cut_by_torch("twin without antialiasing", torch.from_numpy(array), how, _aliased).numpy(),
)


class _Reversed(nn.Module):
    """A network behind a reversal of the channels."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        return self.module(x.flip(1))


def _epsilon(value: float) -> Callable[[nn.Module], bool]:
    def change(module: nn.Module) -> bool:
        norms = [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm2d) and layer.eps != value]
        for norm in norms:
            norm.eps = value
        return bool(norms)

    return change


def _swap_strides(module: nn.Module) -> bool:
    """Move the stride of bottlenecks from the 3x3 to the first 1x1 convolution, or back."""
    swapped = False
    for block in module.modules():
        first, second = getattr(block, "conv1", None), getattr(block, "conv2", None)
        if not (isinstance(first, nn.Conv2d) and isinstance(second, nn.Conv2d) and hasattr(block, "conv3")):
            continue
        if first.kernel_size == (1, 1) and second.kernel_size == (3, 3) and first.stride != second.stride:
            first.stride, second.stride = second.stride, first.stride
            swapped = True
    return swapped


def _relu_before_sum(module: nn.Module) -> bool:
    blocks = [block for block in module.modules() if hasattr(block, "downsample")]
    for block in blocks:
        last = getattr(block, "bn3", None) or getattr(block, "bn2", None)
        if isinstance(last, nn.Module):
            last.register_forward_hook(_rectified)
    return bool(blocks)


def _rectified(_: nn.Module, __: object, output: Tensor) -> Tensor:
    return torch.relu(output)


def _pool_rounding_up(module: nn.Module) -> bool:
    """Pool after the stem without padding, sizes rounded up, or the other way round."""
    pools = [layer for layer in module.modules() if isinstance(layer, nn.MaxPool2d) and layer.kernel_size == 3]
    for pool in pools:
        pool.padding, pool.ceil_mode = (1, False) if pool.ceil_mode else (0, True)
    return bool(pools)


_CHANGES: dict[str, Callable[[nn.Module], bool]] = {
    STRIDES: _swap_strides,
    "batch norm with an epsilon of 1e-3": _epsilon(1e-3),
    "batch norm with an epsilon of 1e-5": _epsilon(1e-5),
    "a ReLU before the sum": _relu_before_sum,
    "the stem's max pool without padding (or with it)": _pool_rounding_up,
}
