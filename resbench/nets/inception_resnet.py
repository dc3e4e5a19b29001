"""The inception networks with shortcuts of Szegedy et al. 2016: one class, its widths chosen by an InceptionResNetSpec.

Module names are those of Cadene's port of tf.slim's inception_resnet_v2, which timm kept.
"""

import torch
from torch import Tensor, nn

from resbench.zoo.spec import InceptionResNetSpec

Kernel = int | tuple[int, int]
Kernels = tuple[tuple[Kernel, ...], ...]
Widths = tuple[tuple[int, ...], ...]

# The kernels of each branch, figures 10, 11 and 13 (v2: 16, 17, 19) of the paper, and 7, 12 (18) for the reductions.
A: Kernels = ((1,), (1, 3), (1, 3, 3))
B: Kernels = ((1,), (1, (1, 7), (7, 1)))
C: Kernels = ((1,), (1, (1, 3), (3, 1)))
REDUCTION_A: Kernels = ((3,), (1, 3, 3))
REDUCTION_B: Kernels = ((1, 3), (1, 3), (1, 3, 3))


class ConvNormReLU(nn.Sequential):
    """Convolution, batch norm with epsilon 0.001, ReLU. Without `same`, the convolution does not pad."""

    def __init__(self, inputs: int, outputs: int, kernel: Kernel, stride: int = 1, *, same: bool = False) -> None:
        height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (height // 2, width // 2) if same else 0
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, (height, width), stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)
        self.act = nn.ReLU(inplace=True)


class Concatenation(nn.Module):
    """Parallel branches, concatenated. (N, C, H, W) -> (N, sum of their channels, H', W')."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = [f"branch{index}" for index in range(len(branches))]
        for name, branch in zip(self.branches, branches, strict=True):
            self.add_module(name, branch)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([getattr(self, name)(x) for name in self.branches], 1)


class Residual(Concatenation):
    """Parallel branches, a 1x1 convolution of them all, scaled and added to the input. (N, C, H, W) -> (N, C, H, W).

    Source: Szegedy et al. 2016, figures 10, 11, 13 and 20; the scales are tf.slim's.
    """

    def __init__(self, channels: int, kernels: Kernels, widths: Widths, scale: float, *, relu: bool = True) -> None:
        super().__init__(*_branches(channels, kernels, widths))
        self.conv2d = nn.Conv2d(sum(branch[-1] for branch in widths), channels, 1)
        self.act = nn.ReLU(inplace=True) if relu else nn.Identity()
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return self.act(torch.add(x, self.conv2d(super().forward(x)), alpha=self.scale))


class Reduction(Concatenation):
    """Branches that end in an unpadded 3x3 convolution of stride 2, and a max pool of that kind, concatenated.

    (N, C, H, W) -> (N, C + sum of the branches' channels, (H - 1) // 2, (W - 1) // 2).
    Source: Szegedy et al. 2016, figures 7 and 12.
    """

    def __init__(self, inputs: int, kernels: Kernels, widths: Widths) -> None:
        super().__init__(*_branches(inputs, kernels, widths, reduce=True), nn.MaxPool2d(3, 2))


class InceptionResNet(nn.Module):
    """Stem, A blocks, reduction, B blocks, reduction, C blocks, classifier. (N, 3, H, W) -> (N, classes)."""

    def __init__(self, spec: InceptionResNetSpec, classes: int = 1000) -> None:
        super().__init__()
        self.conv2d_1a = ConvNormReLU(3, 32, 3, 2)
        self.conv2d_2a = ConvNormReLU(32, 32, 3)
        self.conv2d_2b = ConvNormReLU(32, 64, 3, same=True)
        self.maxpool_3a = nn.MaxPool2d(3, 2)
        self.conv2d_3b = ConvNormReLU(64, 80, 1)
        self.conv2d_4a = ConvNormReLU(80, 192, 3)
        if spec.slim:
            self.maxpool_5a = nn.MaxPool2d(3, 2)
            self.mixed_5b = _mixed_5b()
            channels = 320
        else:
            self.conv2d_4b = ConvNormReLU(192, 256, 3, 2)
            channels = 256
        self.repeat = nn.Sequential(*(Residual(channels, A, spec.a, 0.17) for _ in range(spec.repeats[0])))
        self.mixed_6a = Reduction(channels, REDUCTION_A, spec.reduction_a)
        channels += sum(branch[-1] for branch in spec.reduction_a)
        self.repeat_1 = nn.Sequential(*(Residual(channels, B, spec.b, 0.1) for _ in range(spec.repeats[1])))
        self.mixed_7a = Reduction(channels, REDUCTION_B, spec.reduction_b)
        channels += sum(branch[-1] for branch in spec.reduction_b)
        self.repeat_2 = nn.Sequential(*(Residual(channels, C, spec.c, 0.2) for _ in range(spec.repeats[2])))
        if spec.slim:
            self.block8 = Residual(channels, C, spec.c, 1.0, relu=False)
            self.conv2d_7b = ConvNormReLU(channels, 1536, 1)
            channels = 1536
        self.trunk = [name for name, _ in self.named_children()]
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classif = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        for name in self.trunk:
            x = getattr(self, name)(x)
        return self.classif(torch.flatten(self.avgpool(x), 1))


def _branches(inputs: int, kernels: Kernels, widths: Widths, *, reduce: bool = False) -> list[nn.Module]:
    return [_branch(inputs, *branch, reduce=reduce) for branch in zip(kernels, widths, strict=True)]


def _branch(inputs: int, kernels: tuple[Kernel, ...], widths: tuple[int, ...], *, reduce: bool = False) -> nn.Module:
    layers = []
    for index, (kernel, width) in enumerate(zip(kernels, widths, strict=True), start=1):
        strided = reduce and index == len(widths)
        layers.append(ConvNormReLU(inputs, width, kernel, 2 if strided else 1, same=not strided))
        inputs = width
    return nn.Sequential(*layers) if len(layers) > 1 else layers[0]


def _mixed_5b() -> Concatenation:
    """Return tf.slim's inception block between the stem and the first residual block: 192 to 320 channels."""
    pool = nn.AvgPool2d(3, 1, padding=1, count_include_pad=False)
    return Concatenation(
        *_branches(192, ((1,), (1, 5), (1, 3, 3)), ((96,), (48, 64), (64, 96, 96))),
        nn.Sequential(pool, ConvNormReLU(192, 64, 1)),
    )
