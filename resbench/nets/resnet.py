"""The residual network of He et al. 2015 and its descendants: one class, its arithmetic chosen by a ResNetSpec.

Module names are torchvision's (conv1, bn1, layer1.0.conv2, layer1.0.downsample.0, fc) and, for squeeze-and-excitation,
timm's (layer1.0.se.fc1), so that published checkpoints load key for key.
"""

import torch
from torch import Tensor, nn

from resbench.zoo.spec import ResNetSpec


def conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """A convolution that keeps the size at stride 1 and has no bias, since batch norm follows."""
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups, bias=False)


class SqueezeExcitation(nn.Module):
    """Channel gates from the global mean: x * sigmoid(fc2(relu(fc1(mean(x))))). (N, C, H, W) -> (N, C, H, W).

    Source: Hu et al. 2018 (1709.01507), reduction 16.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // reduction, 1)
        self.relu = nn.ReLU(inplace=True)
        self.fc2 = nn.Conv2d(channels // reduction, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        gates = self.fc2(self.relu(self.fc1(x.mean((2, 3), keepdim=True))))
        return x * gates.sigmoid()


class Basic(nn.Module):
    """Two 3x3 convolutions and a shortcut. (N, inputs, H, W) -> (N, planes, H/stride, W/stride)."""

    expansion = 1

    def __init__(self, spec: ResNetSpec, inputs: int, planes: int, stride: int, downsample: nn.Module | None) -> None:
        super().__init__()
        self.conv1 = conv(inputs, planes, 3, stride)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv(planes, planes, 3)
        self.bn2 = nn.BatchNorm2d(planes)
        self.se = SqueezeExcitation(planes) if spec.squeeze == "se" else nn.Identity()
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.se(self.bn2(self.conv2(out)))
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1x1, grouped 3x3, 1x1 and a shortcut. (N, inputs, H, W) -> (N, 4 planes, H/stride, W/stride).

    The stride is on the 3x3, as in torchvision, timm and gluon ("v1b"); He et al. had it on the first 1x1.
    """

    expansion = 4

    def __init__(self, spec: ResNetSpec, inputs: int, planes: int, stride: int, downsample: nn.Module | None) -> None:
        super().__init__()
        width = planes * spec.width_per_group // 64 * spec.groups
        self.conv1 = conv(inputs, width, 1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv(width, width, 3, stride, spec.groups)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = conv(width, planes * self.expansion, 1)
        self.bn3 = nn.BatchNorm2d(planes * self.expansion)
        self.se = SqueezeExcitation(planes * self.expansion) if spec.squeeze == "se" else nn.Identity()
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.se(self.bn3(self.conv3(out)))
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


BLOCKS: dict[str, type[Basic] | type[Bottleneck]] = {"basic": Basic, "bottleneck": Bottleneck}


class ResNet(nn.Module):
    """Stem, stages, global average pool, linear classifier. (N, 3, H, W) -> (N, classes)."""

    def __init__(self, spec: ResNetSpec, classes: int = 1000) -> None:
        super().__init__()
        self.spec = spec
        self.conv1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        channels = 64
        for index, depth in enumerate(spec.depths):
            stage, channels = self._stage(channels, 64 * 2**index, depth, stride=1 if index == 0 else 2)
            self.add_module(f"layer{index + 1}", stage)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def _stage(self, inputs: int, planes: int, depth: int, stride: int) -> tuple[nn.Sequential, int]:
        block = BLOCKS[self.spec.block]
        outputs = planes * block.expansion
        blocks = []
        for _ in range(depth):
            downsample = _downsample(inputs, outputs, stride) if stride > 1 or inputs != outputs else None
            blocks.append(block(self.spec, inputs, planes, stride, downsample))
            inputs, stride = outputs, 1
        return nn.Sequential(*blocks), outputs

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for index in range(len(self.spec.depths)):
            x = self.get_submodule(f"layer{index + 1}")(x)
        return self.fc(torch.flatten(self.avgpool(x), 1))


def _downsample(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))
