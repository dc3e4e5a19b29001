"""The residual network of He et al. 2015 and its descendants: one class, its arithmetic chosen by a ResNetSpec.

Module names are torchvision's (conv1, bn1, layer1.0.conv2, layer1.0.downsample.0, fc) and, for what torchvision does
not have, timm's (layer1.0.se.fc1), so that published checkpoints load key for key.
"""

import torch
from torch import Tensor, nn

from resbench.nets.blocks import Basic, Bottleneck, Plain, SENetBottleneck
from resbench.nets.layers import BlurPool, conv
from resbench.nets.res2net import Res2NetBottleneck
from resbench.nets.resnest import ResNeStBottleneck, ResNeStFastBottleneck
from resbench.nets.selective_kernel import SelectiveBasic, SelectiveBottleneck
from resbench.zoo.spec import ResNetSpec

Block = Basic | Bottleneck | SelectiveBasic | SelectiveBottleneck | Res2NetBottleneck | ResNeStBottleneck
BLOCKS: dict[str, type[Block]] = {
    "basic": Basic,
    "bottleneck": Bottleneck,
    "plain": Plain,
    "senet": SENetBottleneck,
    "sk_basic": SelectiveBasic,
    "sk_bottleneck": SelectiveBottleneck,
    "res2net": Res2NetBottleneck,
    "resnest": ResNeStBottleneck,
    "resnest_fast": ResNeStFastBottleneck,
}
DEEP_STEMS = {"deep": (32, 32, 64), "deep_wide": (64, 64, 128), "deep_tiered": (24, 32, 64)}


class ResNet(nn.Module):
    """Stem, stages, global average pool, linear classifier. (N, 3, H, W) -> (N, classes)."""

    def __init__(self, spec: ResNetSpec, classes: int = 1000) -> None:
        super().__init__()
        self.spec = spec
        self.conv1, channels = _stem(spec)
        self.bn1 = nn.BatchNorm2d(channels)
        self.act1 = nn.ReLU(inplace=True)
        self.maxpool = _stem_pool(spec, channels)
        self.stages = [f"layer{number}" for number in range(1, len(spec.depths) + 1)]
        for index, (name, depth) in enumerate(zip(self.stages, spec.depths, strict=True)):
            stage, channels = _stage(spec, channels, spec.planes * 2**index, depth, stride=1 if index == 0 else 2)
            self.add_module(name, stage)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.act1(self.bn1(self.conv1(x))))
        for name in self.stages:
            x = getattr(self, name)(x)
        return self.fc(torch.flatten(self.avgpool(x), 1))


def _stem(spec: ResNetSpec) -> tuple[nn.Module, int]:
    if spec.stem == "conv7":
        return conv(3, spec.planes, 7, 2), spec.planes
    if spec.stem == "conv3":
        return conv(3, spec.planes, 3), spec.planes
    first, second, third = DEEP_STEMS[spec.stem]
    layers = (
        *(conv(3, first, 3, 2), nn.BatchNorm2d(first), nn.ReLU(inplace=True)),
        *(conv(first, second, 3), nn.BatchNorm2d(second), nn.ReLU(inplace=True)),
        conv(second, third, 3),
    )
    return nn.Sequential(*layers), third


def _stem_pool(spec: ResNetSpec, channels: int) -> nn.Module:
    if spec.stem == "conv3":
        return nn.Identity()
    if spec.anti_alias:
        return nn.Sequential(nn.MaxPool2d(3, 1, padding=1), BlurPool(channels))
    return nn.MaxPool2d(3, 2, padding=1)


def _stage(spec: ResNetSpec, inputs: int, planes: int, depth: int, stride: int) -> tuple[nn.Sequential, int]:
    block = BLOCKS[spec.block]
    outputs = planes * block.expansion
    first = block(spec, inputs, planes, stride)
    return nn.Sequential(first, *(block(spec, outputs, planes, 1) for _ in range(depth - 1))), outputs
