"""The residual blocks of He et al. 2015 and their next of kin.

Every block takes (spec, inputs, planes, stride) and maps (N, inputs, H, W) to (N, planes * expansion, H/s, W/s).
"""

from torch import Tensor, nn

from resbench.nets.layers import SQUEEZES, BlurPool, ZeroPad, conv
from resbench.zoo.spec import ResNetSpec


class Basic(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    expansion = 1

    def __init__(self, spec: ResNetSpec, inputs: int, planes: int, stride: int) -> None:
        super().__init__()
        blurs = spec.anti_alias and stride > 1
        self.conv1 = conv(inputs, planes, 3, 1 if blurs else stride)
        self.bn1 = nn.BatchNorm2d(planes)
        self.act1 = nn.ReLU(inplace=True)
        self.aa = BlurPool(planes) if blurs else None
        self.conv2 = conv(planes, planes, 3)
        self.bn2 = nn.BatchNorm2d(planes)
        self.se = squeeze(spec, planes)
        self.act2 = nn.ReLU(inplace=True)
        self.downsample = shortcut(spec, inputs, planes, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = self.act1(self.bn1(self.conv1(x)))
        if self.aa is not None:
            out = self.aa(out)
        out = self.bn2(self.conv2(out))
        if self.se is not None:
            out = self.se(out)
        out += x if self.downsample is None else self.downsample(x)
        return self.act2(out)


class Plain(Basic):
    """Two 3x3 convolutions without a shortcut: the network that residual learning was compared with."""

    def forward(self, x: Tensor) -> Tensor:
        return self.act2(self.bn2(self.conv2(self.act1(self.bn1(self.conv1(x))))))


class Bottleneck(nn.Module):
    """1x1, grouped 3x3, 1x1 and a shortcut.

    The stride is on the 3x3 as in torchvision and timm, or on the first 1x1 as in He et al. 2015 (`spec.stride_on`).
    """

    expansion = 4

    def __init__(self, spec: ResNetSpec, inputs: int, planes: int, stride: int) -> None:
        super().__init__()
        width, outputs = middle_width(spec, planes), planes * self.expansion
        blurs = spec.anti_alias and stride > 1
        strides = (stride, 1) if spec.stride_on == "1x1" else (1, 1 if blurs else stride)
        self.conv1 = conv(inputs, width, 1, strides[0])
        self.bn1 = nn.BatchNorm2d(width)
        self.act1 = nn.ReLU(inplace=True)
        self.conv2 = conv(width, width, 3, strides[1], spec.groups)
        self.bn2 = nn.BatchNorm2d(width)
        self.act2 = nn.ReLU(inplace=True)
        self.aa = BlurPool(width) if blurs else None
        self.conv3 = conv(width, outputs, 1)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.se = squeeze(spec, outputs)
        self.act3 = nn.ReLU(inplace=True)
        self.downsample = shortcut(spec, inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = self.act1(self.bn1(self.conv1(x)))
        out = self.act2(self.bn2(self.conv2(out)))
        if self.aa is not None:
            out = self.aa(out)
        out = self.bn3(self.conv3(out))
        if self.se is not None:
            out = self.se(out)
        out += x if self.downsample is None else self.downsample(x)
        return self.act3(out)


class SENetBottleneck(Bottleneck):
    """The bottleneck of SENet-154: half as many channels between 1x1 and 3x3, and 3x3 convolutions as shortcuts.

    Source: Hu et al. 2018 (1709.01507), appendix.
    """

    def __init__(self, spec: ResNetSpec, inputs: int, planes: int, stride: int) -> None:
        super().__init__(spec, inputs, planes, stride)
        width = middle_width(spec, planes)
        self.conv1 = conv(inputs, width // 2, 1)
        self.bn1 = nn.BatchNorm2d(width // 2)
        self.conv2 = conv(width // 2, width, 3, stride, spec.groups)
        if stride > 1:
            outputs = planes * self.expansion
            self.downsample = nn.Sequential(conv(inputs, outputs, 3, stride), nn.BatchNorm2d(outputs))


def middle_width(spec: ResNetSpec, planes: int) -> int:
    """Return the channels of a bottleneck's 3x3 convolution."""
    return planes * spec.width_per_group // 64 * spec.groups


def squeeze(spec: ResNetSpec, channels: int) -> nn.Module | None:
    """Return the channel attention at the end of a block's residual path, if the network has any."""
    return SQUEEZES[spec.squeeze](channels) if spec.squeeze else None


def shortcut(spec: ResNetSpec, inputs: int, outputs: int, stride: int) -> nn.Module | None:
    """Return what brings a block's input to the shape of its output; None where it has that shape already."""
    if spec.block == "plain" or (stride == 1 and inputs == outputs):
        return None
    if spec.shortcut == "pad":
        return ZeroPad(inputs, outputs, stride)
    if spec.shortcut == "avg_pool":
        pool = nn.AvgPool2d(2, stride, ceil_mode=True, count_include_pad=False) if stride > 1 else nn.Identity()
        return nn.Sequential(pool, conv(inputs, outputs, 1), nn.BatchNorm2d(outputs))
    return nn.Sequential(conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))
