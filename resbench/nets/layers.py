"""The layers that the topologies share."""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """A convolution that keeps the size at stride 1 and has no bias, since batch norm follows."""
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups, bias=False)


class SqueezeExcitation(nn.Module):
    """Channel gates from the global mean: x * sigmoid(fc2(relu(fc1(mean(x))))). (N, C, H, W) -> (N, C, H, W).

    Source: Hu et al. 2018 (1709.01507), reduction 16.
    """

    def __init__(self, channels: int, reduction: int = 16, least: int = 1) -> None:
        super().__init__()
        inner = max(least, channels // reduction)
        self.fc1 = nn.Conv2d(channels, inner, 1)
        self.relu = nn.ReLU(inplace=True)
        self.fc2 = nn.Conv2d(inner, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        gates = self.fc2(self.relu(self.fc1(x.mean((2, 3), keepdim=True))))
        return x * gates.sigmoid()


class EfficientChannelAttention(nn.Module):
    """Channel gates from a 1-D convolution over the channels' global means. (N, C, H, W) -> (N, C, H, W).

    Its kernel grows with the channels: the odd number next to (log2(C) + 1) / 2, at least 3.
    Source: Wang et al. 2020 (1910.03151), gamma 2 and b 1.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        kernel = max(3, int((math.log2(channels) + 1) / 2) | 1)
        self.conv = nn.Conv1d(1, 1, kernel, padding=kernel // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gates = self.conv(x.mean((2, 3)).unsqueeze(1))
        return x * gates.sigmoid().squeeze(1)[:, :, None, None]


SQUEEZES: dict[str, Callable[[int], nn.Module]] = {
    "se": partial(SqueezeExcitation, least=8),  # as in timm, which keeps multiples of 8
    "eca": EfficientChannelAttention,
}


class BlurPool(nn.Module):
    """A binomial 3x3 blur on every second pixel, edges mirrored. (N, C, H, W) -> (N, C, ceil(H/2), ceil(W/2)).

    The filter is not learnt and not in the state dict. Source: Zhang 2019 (1904.11486).
    """

    kernel: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.register_buffer("kernel", torch.empty(channels, 1, 3, 3), persistent=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Fill the filter, under torch's name for it, since the state dict does not bring it."""
        row = self.kernel.new_tensor([0.25, 0.5, 0.25])
        self.kernel.copy_(torch.outer(row, row))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), self.kernel, stride=2, groups=self.channels)


class ZeroPad(nn.Module):
    """A shortcut without parameters: every `stride`-th pixel, new channels of zeros on both sides ("option A").

    (N, inputs, H, W) -> (N, outputs, H/stride, W/stride). Source: He et al. 2015, section 3.3; that the zeros go on
    both sides is the choice of github.com/akamaster/pytorch_resnet_cifar10, whose checkpoints fill these networks.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.before = (outputs - inputs) // 2
        self.after = outputs - inputs - self.before

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.before, self.after))
