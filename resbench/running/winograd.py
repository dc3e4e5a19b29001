"""Convolutions of 3x3 by Winograd's minimal filtering: the same function of the images in fewer multiplications.

Every tile of 4x4 outputs is made from 6x6 inputs with 36 multiplications per pair of channels instead of 144 (Lavin and
Gray 2016, F(4x4, 3x3)). In between are two linear transforms, of the inputs and of the outputs.

A runtime replaces this in a later version: remove it then, with the option and the setting.
"""

from math import ceil, sqrt

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

TILE, SIDE = 4, 6  # outputs and inputs of a tile, along an edge
# The points at which the polynomials are evaluated. Pairs of reciprocals keep the errors of fp32 half as large as the
# usual whole numbers do; those are chosen for transforms without multiplications, which gain nothing here.
POINTS = (0.0, sqrt(1 / 2), -sqrt(1 / 2), sqrt(2), -sqrt(2))
LEAST_CHANNELS = 128  # fewer do not repay the transforms
PART_FLOATS = 1_200_000  # of transformed inputs at a time: what stays in a core's cache until it is used


class Winograd(nn.Module):
    """A convolution of 3x3 with stride 1 and padding 1, for inference in fp32."""

    weight: Tensor  # (36, in, out)
    bias: Tensor
    inputs: Tensor  # (36, 36)
    outputs: Tensor  # (16, 36)

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        weight = convolution.weight.detach()
        inputs, filters, outputs = (torch.from_numpy(matrix).to(weight.device) for matrix in transforms())
        spread = torch.einsum("ik,ockl,jl->ijco", filters, weight.double(), filters)
        bias = weight.new_zeros(len(weight)) if convolution.bias is None else convolution.bias.detach()
        self.register_buffer("weight", spread.flatten(0, 1).to(weight).contiguous())
        self.register_buffer("bias", bias)
        self.register_buffer("inputs", torch.kron(inputs, inputs).to(weight))
        self.register_buffer("outputs", torch.kron(outputs, outputs).to(weight))

    def forward(self, images: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, out, H, W), channels last."""
        count, channels, height, width = images.shape
        rows, columns = ceil(height / TILE), ceil(width / TILE)
        made = images.new_empty(count, rows * TILE, columns * TILE, len(self.bias))
        parts = min(count, ceil(count * rows * columns * SIDE**2 * channels / PART_FLOATS))
        for part, into in zip(images.chunk(parts), made.chunk(parts), strict=True):
            self._convolve(part.permute(0, 2, 3, 1), into)
        return made.permute(0, 3, 1, 2)[..., :height, :width]

    def _convolve(self, images: Tensor, into: Tensor) -> None:
        """Fill `into` (N, rows * 4, columns * 4, out) from (N, H, W, in)."""
        count, height, width, channels = images.shape
        down, across = into.shape[1] - height, into.shape[2] - width
        padded = functional.pad(images, (0, 0, 1, 1 + across, 1, 1 + down))
        tiles = padded.unfold(1, SIDE, TILE).unfold(2, SIDE, TILE)  # (N, rows, columns, in, 6, 6)
        rows, columns = tiles.shape[1:3]
        spread = self.inputs @ tiles.permute(4, 5, 0, 1, 2, 3).reshape(SIDE**2, -1)
        summed = torch.bmm(spread.view(SIDE**2, -1, channels), self.weight)
        gathered = (self.outputs @ summed.flatten(1)).view(TILE, TILE, count, rows, columns, -1)
        places = into.view(count, rows, TILE, columns, TILE, -1)
        torch.add(gathered.permute(2, 3, 0, 4, 1, 5), self.bias, out=places)


def use_winograd(module: nn.Module) -> None:
    """Replace, in place, every convolution that gains: 3x3, stride 1, not grouped, of 128 and more channels."""
    for name, child in list(module.named_modules()):
        if type(child) is nn.Conv2d and _gains(child):  # a subclass may compute something else
            parent, _, last = name.rpartition(".")
            setattr(module.get_submodule(parent), last, Winograd(child))


def transforms() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the matrices for an edge of inputs (6, 6), of filters (6, 3) and of outputs (4, 6).

    Toom and Cook's: products of polynomials, taken at POINTS and at infinity.
    """
    others = [[other for other in POINTS if other != point] for point in POINTS]
    inputs = np.zeros((SIDE, SIDE))
    inputs[:-1, :-1] = [np.poly(some)[::-1] for some in others]
    inputs[-1] = np.poly(POINTS)[::-1]
    filters, outputs = np.zeros((SIDE, 3)), np.zeros((TILE, SIDE))
    scales = [np.prod(np.subtract(point, some)) for point, some in zip(POINTS, others, strict=True)]
    filters[:-1] = np.vander(POINTS, 3, increasing=True) / np.array(scales)[:, None]
    outputs[:, :-1] = np.vander(POINTS, TILE, increasing=True).T
    filters[-1, -1] = outputs[-1, -1] = 1
    return inputs, filters, outputs


def _gains(convolution: nn.Conv2d) -> bool:
    return (
        (convolution.kernel_size, convolution.stride, convolution.padding, convolution.dilation)
        == ((3, 3), (1, 1), (1, 1), (1, 1))
        and convolution.groups == 1
        and convolution.padding_mode == "zeros"
        and min(convolution.in_channels, convolution.out_channels) >= LEAST_CHANNELS
    )
