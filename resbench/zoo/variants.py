"""The table of networks. A row is a network; everything else (list, README, cards, tests) iterates over it."""

from resbench.zoo.papers import RESNET, RESNEXT, SENET
from resbench.zoo.spec import Paper, ResNetSpec, Spec, Variant

# Stage depths of He et al. 2015, table 1.
D18, D34 = (2, 2, 2, 2), (3, 4, 6, 3)
D50, D101, D152 = (3, 4, 6, 3), (3, 4, 23, 3), (3, 8, 36, 3)


def _resnet(name: str, spec: Spec) -> Variant:
    return Variant(name=name, family="ResNet", spec=spec, paper=RESNET)


def _resnext(name: str, depths: tuple[int, ...], groups: int, width_per_group: int) -> Variant:
    spec = ResNetSpec(block="bottleneck", depths=depths, groups=groups, width_per_group=width_per_group)
    return Variant(name=name, family="ResNeXt", spec=spec, paper=RESNEXT)


def _seresnext(name: str, depths: tuple[int, ...], groups: int, width_per_group: int, paper: Paper = SENET) -> Variant:
    spec = ResNetSpec(block="bottleneck", depths=depths, groups=groups, width_per_group=width_per_group, squeeze="se")
    return Variant(name=name, family="SE-ResNeXt", spec=spec, paper=paper)


VARIANTS: tuple[Variant, ...] = (
    _resnet("resnet18", ResNetSpec(block="basic", depths=D18)),
    _resnet("resnet34", ResNetSpec(block="basic", depths=D34)),
    _resnet("resnet50", ResNetSpec(block="bottleneck", depths=D50)),
    _resnet("resnet101", ResNetSpec(block="bottleneck", depths=D101)),
    _resnet("resnet152", ResNetSpec(block="bottleneck", depths=D152)),
    _resnext("resnext50_32x4d", D50, 32, 4),
    _resnext("resnext101_32x4d", D101, 32, 4),
    _resnext("resnext101_32x8d", D101, 32, 8),
    _resnext("resnext152_32x4d", D152, 32, 4),
    _seresnext("seresnext50_32x4d", D50, 32, 4),
    _seresnext("seresnext101_32x4d", D101, 32, 4),
    _seresnext("seresnext101_64x4d", D101, 64, 4),
)
