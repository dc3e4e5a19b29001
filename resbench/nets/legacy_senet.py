"""The squeeze-and-excitation networks as their authors released them, under the key names of Cadene's ports.

What differs from resnet.py: the stem pool rounds up instead of padding, basic blocks have a ReLU before the squeeze,
bottlenecks have their stride on the first 1x1 convolution, and the names layer0, se_module and last_linear.
"""

from collections import OrderedDict
from itertools import pairwise

import torch
from torch import Tensor, nn

from resbench.nets.layers import SqueezeExcitation, conv
from resbench.zoo.spec import LegacySENetSpec


class LegacyBasic(nn.Module):
    """Two 3x3 convolutions with a ReLU after each, a squeeze, and a shortcut."""

    expansion = 1
    shortcut_kernel = 1

    def __init__(self, inputs: int, planes: int, stride: int, groups: int) -> None:
        super().__init__()
        self.conv1 = conv(inputs, planes, 3, stride)
        self.bn1 = nn.BatchNorm2d(planes)
        self.act1 = nn.ReLU(inplace=True)
        self.conv2 = conv(planes, planes, 3, groups=groups)
        self.bn2 = nn.BatchNorm2d(planes)
        self.act2 = nn.ReLU(inplace=True)
        self.se_module = SqueezeExcitation(planes)
        self.downsample = _shortcut(inputs, planes, stride, self.shortcut_kernel)
        self.act3 = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        out = self.act1(self.bn1(self.conv1(x)))
        out = self.se_module(self.act2(self.bn2(self.conv2(out))))
        out += x if self.downsample is None else self.downsample(x)
        return self.act3(out)


class LegacyBottleneck(nn.Module):
    """1x1 with the stride, 3x3, 1x1, a squeeze, and a shortcut."""

    expansion = 4
    shortcut_kernel = 1

    def __init__(self, inputs: int, planes: int, stride: int, groups: int) -> None:
        super().__init__()
        outputs = planes * self.expansion
        self.conv1, conv2 = self.entrance(inputs, planes, stride, groups)
        self.bn1 = nn.BatchNorm2d(self.conv1.out_channels)
        self.act1 = nn.ReLU(inplace=True)
        self.conv2 = conv2
        self.bn2 = nn.BatchNorm2d(conv2.out_channels)
        self.act2 = nn.ReLU(inplace=True)
        self.conv3 = conv(conv2.out_channels, outputs, 1)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.se_module = SqueezeExcitation(outputs)
        self.downsample = _shortcut(inputs, outputs, stride, self.shortcut_kernel)
        self.act3 = nn.ReLU(inplace=True)

    def entrance(self, inputs: int, planes: int, stride: int, groups: int) -> tuple[nn.Conv2d, nn.Conv2d]:
        """Return the first 1x1 and the 3x3 convolution, in which the three bottlenecks differ."""
        return conv(inputs, planes, 1, stride), conv(planes, planes, 3, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        out = self.act1(self.bn1(self.conv1(x)))
        out = self.act2(self.bn2(self.conv2(out)))
        out = self.se_module(self.bn3(self.conv3(out)))
        out += x if self.downsample is None else self.downsample(x)
        return self.act3(out)


class LegacyResNeXtBottleneck(LegacyBottleneck):
    """The bottleneck of 32 groups of 4 channels, with the stride on the 3x3."""

    def entrance(self, inputs: int, planes: int, stride: int, groups: int) -> tuple[nn.Conv2d, nn.Conv2d]:
        """Return the first 1x1 and the 3x3 convolution."""
        width = planes * 4 // 64 * groups
        return conv(inputs, width, 1), conv(width, width, 3, stride, groups)


class LegacySENetBottleneck(LegacyBottleneck):
    """The bottleneck of SENet-154: the first 1x1 halved, the stride on the 3x3, 3x3 convolutions as shortcuts."""

    shortcut_kernel = 3

    def entrance(self, inputs: int, planes: int, stride: int, groups: int) -> tuple[nn.Conv2d, nn.Conv2d]:
        """Return the first 1x1 and the 3x3 convolution."""
        return conv(inputs, planes * 2, 1), conv(planes * 2, planes * 4, 3, stride, groups)


BLOCKS: dict[str, type[LegacyBasic | LegacyBottleneck]] = {
    "basic": LegacyBasic,
    "bottleneck": LegacyBottleneck,
    "resnext": LegacyResNeXtBottleneck,
    "senet": LegacySENetBottleneck,
}


class LegacySENet(nn.Module):
    """Stem, four stages, global average pool, linear classifier. (N, 3, H, W) -> (N, classes)."""

    def __init__(self, spec: LegacySENetSpec, classes: int = 1000) -> None:
        super().__init__()
        self.layer0, channels = _stem(deep=spec.block == "senet")
        self.pool0 = nn.MaxPool2d(3, 2, ceil_mode=True)  # Caffe's rounding: the same size without padding
        self.layer1, channels = _stage(spec, channels, 64, spec.depths[0], 1)
        self.layer2, channels = _stage(spec, channels, 128, spec.depths[1], 2)
        self.layer3, channels = _stage(spec, channels, 256, spec.depths[2], 2)
        self.layer4, channels = _stage(spec, channels, 512, spec.depths[3], 2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.last_linear = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool0(self.layer0(x))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.last_linear(torch.flatten(self.avgpool(x), 1))


def _stem(*, deep: bool) -> tuple[nn.Sequential, int]:
    widths, kernel = ((3, 64, 64, 128), 3) if deep else ((3, 64), 7)
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for number, (inputs, outputs) in enumerate(pairwise(widths), start=1):
        layers[f"conv{number}"] = conv(inputs, outputs, kernel, 2 if number == 1 else 1)
        layers[f"bn{number}"] = nn.BatchNorm2d(outputs)
        layers[f"relu{number}"] = nn.ReLU(inplace=True)
    return nn.Sequential(layers), widths[-1]


def _stage(spec: LegacySENetSpec, inputs: int, planes: int, depth: int, stride: int) -> tuple[nn.Sequential, int]:
    block = BLOCKS[spec.block]
    outputs = planes * block.expansion
    first = block(inputs, planes, stride, spec.groups)
    return nn.Sequential(first, *(block(outputs, planes, 1, spec.groups) for _ in range(depth - 1))), outputs


def _shortcut(inputs: int, outputs: int, stride: int, kernel: int) -> nn.Sequential | None:
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(conv(inputs, outputs, kernel if stride > 1 else 1, stride), nn.BatchNorm2d(outputs))
