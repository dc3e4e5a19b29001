"""The residual network of He et al. 2016 ("v2"): norm and ReLU in front of each convolution, shortcuts left alone.

Module names are timm's (stem.conv, stages.0.blocks.0.norm1, head.fc), so that published checkpoints load key for key.
As there, a bottleneck has its stride on the 3x3; He et al. had it on the first 1x1.
"""

from torch import Tensor, nn

from resbench.nets.layers import conv
from resbench.nets.resnet import DEEP_STEMS
from resbench.zoo.spec import ResNetV2Spec


class PreActivationBasic(nn.Module):
    """Norm, 3x3, norm, 3x3 and a shortcut, which starts behind the first ReLU where it has a convolution.

    (N, inputs, H, W) -> (N, planes, H/s, W/s).
    """

    expansion = 1

    def __init__(self, spec: ResNetV2Spec, inputs: int, planes: int, stride: int, *, first: bool) -> None:
        super().__init__()
        changes = first and (stride > 1 or inputs != planes)
        self.downsample = Projection(spec, inputs, planes, stride) if changes else None
        self.norm1 = nn.BatchNorm2d(inputs)
        self.act1 = nn.ReLU(inplace=True)
        self.conv1 = conv(inputs, planes, 3, stride)
        self.norm2 = nn.BatchNorm2d(planes)
        self.act2 = nn.ReLU(inplace=True)
        self.conv2 = conv(planes, planes, 3)

    def forward(self, x: Tensor) -> Tensor:
        active = self.act1(self.norm1(x))
        shortcut = x if self.downsample is None else self.downsample(active)
        return self.conv2(self.act2(self.norm2(self.conv1(active)))) + shortcut


class PreActivationBottleneck(nn.Module):
    """Norm, 1x1, norm, 3x3, norm, 1x1 and a shortcut, which has a convolution in the first block of a stage.

    (N, inputs, H, W) -> (N, 4 * planes, H/s, W/s).
    """

    expansion = 4

    def __init__(self, spec: ResNetV2Spec, inputs: int, planes: int, stride: int, *, first: bool) -> None:
        super().__init__()
        outputs = planes * self.expansion
        self.downsample = Projection(spec, inputs, outputs, stride) if first else None
        self.norm1 = nn.BatchNorm2d(inputs)
        self.act1 = nn.ReLU(inplace=True)
        self.conv1 = conv(inputs, planes, 1)
        self.norm2 = nn.BatchNorm2d(planes)
        self.act2 = nn.ReLU(inplace=True)
        self.conv2 = conv(planes, planes, 3, stride)
        self.norm3 = nn.BatchNorm2d(planes)
        self.act3 = nn.ReLU(inplace=True)
        self.conv3 = conv(planes, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        active = self.act1(self.norm1(x))
        shortcut = x if self.downsample is None else self.downsample(active)
        out = self.act2(self.norm2(self.conv1(active)))
        return self.conv3(self.act3(self.norm3(self.conv2(out)))) + shortcut


class Projection(nn.Module):
    """What brings a block's input to the shape of its output: a 1x1 convolution, in ResNet-D behind an average pool."""

    def __init__(self, spec: ResNetV2Spec, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        pools = spec.shortcut == "avg_pool" and stride > 1
        self.pool = nn.AvgPool2d(2, stride, ceil_mode=True, count_include_pad=False) if pools else nn.Identity()
        self.conv = conv(inputs, outputs, 1, 1 if pools else stride)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.pool(x))


class PreActivationStage(nn.Module):
    """Blocks in a row."""

    def __init__(self, spec: ResNetV2Spec, inputs: int, planes: int, depth: int, stride: int) -> None:
        super().__init__()
        block = PreActivationBasic if spec.block == "basic" else PreActivationBottleneck
        self.outputs = planes * block.expansion
        later = (block(spec, self.outputs, planes, 1, first=False) for _ in range(depth - 1))
        self.blocks = nn.Sequential(block(spec, inputs, planes, stride, first=True), *later)

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(x)


class ConvolutionalHead(nn.Module):
    """Global average pool and a classifier, which is a 1x1 convolution. (N, C, H, W) -> (N, classes)."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Conv2d(channels, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.pool(x)).flatten(1)


class ResNetV2(nn.Module):
    """Stem, stages, norm, global average pool, classifier. (N, 3, H, W) -> (N, classes)."""

    def __init__(self, spec: ResNetV2Spec, classes: int = 1000) -> None:
        super().__init__()
        self.spec = spec
        self.stem = _stem(spec)
        stages, channels = [], 64
        for index, depth in enumerate(spec.depths):
            stages.append(PreActivationStage(spec, channels, 64 * 2**index, depth, stride=1 if index == 0 else 2))
            channels = stages[-1].outputs
        self.stages = nn.Sequential(*stages)
        self.norm = nn.BatchNorm2d(channels)
        self.act = nn.ReLU(inplace=True)
        self.head = ConvolutionalHead(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.act(self.norm(self.stages(self.stem(x)))))


def _stem(spec: ResNetV2Spec) -> nn.Sequential:
    if spec.stem == "conv7":
        layers: dict[str, nn.Module] = {"conv": conv(3, 64, 7, 2)}
    else:
        first, second, third = DEEP_STEMS[spec.stem]
        layers = {
            **{"conv1": conv(3, first, 3, 2), "norm1": nn.BatchNorm2d(first), "act1": nn.ReLU(inplace=True)},
            **{"conv2": conv(first, second, 3), "norm2": nn.BatchNorm2d(second), "act2": nn.ReLU(inplace=True)},
            "conv3": conv(second, third, 3),
        }
    stem = nn.Sequential()
    for name, layer in {**layers, "pool": nn.MaxPool2d(3, 2, padding=1)}.items():
        stem.add_module(name, layer)
    return stem
