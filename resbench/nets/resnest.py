"""The blocks of ResNeSt. Source: Zhang et al. 2020 (2004.08955)."""

from torch import Tensor, nn

from resbench.nets.blocks import middle_width, shortcut
from resbench.nets.layers import conv
from resbench.zoo.spec import ResNetSpec


class SplitAttention(nn.Module):
    """`splits` grouped 3x3 convolutions of the same input, weighted per channel and added. Keeps the shape."""

    def __init__(self, channels: int, groups: int, splits: int) -> None:
        super().__init__()
        self.groups, self.splits = groups, splits
        hidden = max(32, channels * splits // 4)
        self.conv = conv(channels, channels * splits, 3, groups=groups * splits)
        self.bn0 = nn.BatchNorm2d(channels * splits)
        self.act0 = nn.ReLU(inplace=True)
        self.fc1 = nn.Conv2d(channels, hidden, 1, groups=groups)
        self.bn1 = nn.BatchNorm2d(hidden)
        self.act1 = nn.ReLU(inplace=True)
        self.fc2 = nn.Conv2d(hidden, channels * splits, 1, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act0(self.bn0(self.conv(x)))
        mean = x.mean((2, 3), keepdim=True).unflatten(1, (self.splits, -1)).sum(1)
        scores = self.fc2(self.act1(self.bn1(self.fc1(mean))))
        if self.splits == 1:
            return x * scores.sigmoid()
        # The grouped convolution puts out (group, split, channel); the features are (split, group, channel).
        weights = scores.unflatten(1, (self.groups, self.splits, -1)).softmax(2).transpose(1, 2).flatten(1, 3)
        first, *others = (x * weights).chunk(self.splits, 1)
        for other in others:
            first = first + other
        return first


class ResNeStBottleneck(nn.Module):
    """1x1, split attention, an average pool where the size halves, 1x1 and a shortcut."""

    expansion = 4
    pools_first = False

    def __init__(self, spec: ResNetSpec, inputs: int, planes: int, stride: int) -> None:
        super().__init__()
        width, outputs = middle_width(spec, planes), planes * self.expansion
        pool = nn.AvgPool2d(3, stride, padding=1) if stride > 1 else None
        self.conv1 = conv(inputs, width, 1)
        self.bn1 = nn.BatchNorm2d(width)
        self.act1 = nn.ReLU(inplace=True)
        self.pool_before = pool if self.pools_first else None
        self.conv2 = SplitAttention(width, spec.groups, spec.splits)
        self.pool_after = None if self.pools_first else pool
        self.conv3 = conv(width, outputs, 1)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.act3 = nn.ReLU(inplace=True)
        self.downsample = shortcut(spec, inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = self.act1(self.bn1(self.conv1(x)))
        if self.pool_before is not None:
            out = self.pool_before(out)
        out = self.conv2(out)
        if self.pool_after is not None:
            out = self.pool_after(out)
        out = self.bn3(self.conv3(out))
        out += x if self.downsample is None else self.downsample(x)
        return self.act3(out)


class ResNeStFastBottleneck(ResNeStBottleneck):
    """The same with the average pool before the split attention ("fast")."""

    pools_first = True
