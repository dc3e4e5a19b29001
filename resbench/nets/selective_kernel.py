"""Blocks with selective kernels, in timm's form: the 5x5 path is a dilated 3x3. Source: Li et al. 2019 (1903.06586)."""

import torch
from torch import Tensor, nn

from resbench.nets.blocks import middle_width, shortcut
from resbench.zoo.spec import ResNetSpec


class ConvNorm(nn.Sequential):
    """Convolution and batch norm, and a ReLU if `relu`."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        *,
        relu: bool = True,
    ) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        if relu:
            self.act = nn.ReLU(inplace=True)


class Selection(nn.Module):
    """Two weights per channel that sum to 1, from the global mean of both paths' sum.

    (N, C, H, W) twice -> (N, 2, C, 1, 1).
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc_reduce = nn.Conv2d(channels, hidden, 1, bias=False)
        self.bn = nn.BatchNorm2d(hidden)
        self.act = nn.ReLU(inplace=True)
        self.fc_select = nn.Conv2d(hidden, 2 * channels, 1, bias=False)

    def forward(self, near: Tensor, far: Tensor) -> Tensor:
        mean = (near + far).mean((2, 3), keepdim=True)
        scores = self.fc_select(self.act(self.bn(self.fc_reduce(mean))))
        return scores.unflatten(1, (2, -1)).softmax(1)


class SelectiveKernel(nn.Module):
    """Two 3x3 convolutions, one dilated, weighted per channel. (N, inputs, H, W) -> (N, outputs, H/stride, W/stride).

    With `split`, each of them sees one half of the input's channels.
    """

    def __init__(
        self, inputs: int, outputs: int, stride: int, groups: int = 1, *, hidden: int, split: bool = False
    ) -> None:
        super().__init__()
        self.split = split
        seen = inputs // 2 if split else inputs
        self.paths = nn.ModuleList(ConvNorm(seen, outputs, 3, stride, dilation, groups) for dilation in (1, 2))
        self.attn = Selection(outputs, hidden)

    def forward(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, 1) if self.split else (x, x)
        near, far = self.paths[0](first), self.paths[1](second)
        weights = self.attn(near, far)
        return torch.addcmul(near * weights[:, 0], far, weights[:, 1])


class SelectiveBasic(nn.Module):
    """The basic block with selective kernels, on split channels, instead of its first convolution."""

    expansion = 1

    def __init__(self, spec: ResNetSpec, inputs: int, planes: int, stride: int) -> None:
        super().__init__()
        self.conv1 = SelectiveKernel(inputs, planes, stride, hidden=max(16, planes // 8), split=True)
        self.conv2 = ConvNorm(planes, planes, 3, relu=False)
        self.act = nn.ReLU(inplace=True)
        self.downsample = shortcut(spec, inputs, planes, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv2(self.conv1(x))
        out += x if self.downsample is None else self.downsample(x)
        return self.act(out)


class SelectiveBottleneck(nn.Module):
    """The bottleneck with selective kernels instead of its 3x3 convolution."""

    expansion = 4

    def __init__(self, spec: ResNetSpec, inputs: int, planes: int, stride: int) -> None:
        super().__init__()
        width, outputs = middle_width(spec, planes), planes * self.expansion
        self.conv1 = ConvNorm(inputs, width, 1)
        self.conv2 = SelectiveKernel(width, width, stride, spec.groups, hidden=max(32, width // 16))
        self.conv3 = ConvNorm(width, outputs, 1, relu=False)
        self.act = nn.ReLU(inplace=True)
        self.downsample = shortcut(spec, inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv3(self.conv2(self.conv1(x)))
        out += x if self.downsample is None else self.downsample(x)
        return self.act(out)
