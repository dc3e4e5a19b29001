"""The block of Res2Net. Source: Gao et al. 2019 (1904.01169)."""

import torch
from torch import Tensor, nn

from resbench.nets.blocks import middle_width, shortcut
from resbench.nets.layers import conv
from resbench.zoo.spec import ResNetSpec


class Res2NetBottleneck(nn.Module):
    """1x1, a chain of 3x3 convolutions over slices of the channels, 1x1 and a shortcut.

    Each slice but the last is added to what came out of the slice before and convolved; the last passes as it is.
    In a stage's first block nothing is added and the last slice is average-pooled, so that all have one size.
    """

    expansion = 4

    def __init__(self, spec: ResNetSpec, inputs: int, planes: int, stride: int) -> None:
        super().__init__()
        width, outputs = middle_width(spec, planes), planes * self.expansion
        self.width = width
        self.conv1 = conv(inputs, width * spec.splits, 1)
        self.bn1 = nn.BatchNorm2d(width * spec.splits)
        self.act1 = nn.ReLU(inplace=True)
        slices = range(spec.splits - 1)
        self.convs = nn.ModuleList(conv(width, width, 3, stride, spec.groups) for _ in slices)
        self.bns = nn.ModuleList(nn.BatchNorm2d(width) for _ in slices)
        self.acts = nn.ModuleList(nn.ReLU(inplace=True) for _ in slices)
        self.conv3 = conv(width * spec.splits, outputs, 1)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.act3 = nn.ReLU(inplace=True)
        self.downsample = shortcut(spec, inputs, outputs, stride)
        self.pool = None if self.downsample is None else nn.AvgPool2d(3, stride, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        *parts, last = self.act1(self.bn1(self.conv1(x))).split(self.width, 1)
        outs: list[Tensor] = []
        for part, convolution, norm, act in zip(parts, self.convs, self.bns, self.acts, strict=True):
            chained = part if self.pool is not None or not outs else part + outs[-1]
            outs.append(act(norm(convolution(chained))))
        outs.append(last if self.pool is None else self.pool(last))
        out = self.bn3(self.conv3(torch.cat(outs, 1)))
        out += x if self.downsample is None else self.downsample(x)
        return self.act3(out)
