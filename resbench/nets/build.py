"""From a row of the table to a torch module."""

import torch
from torch import nn

from resbench.nets.inception_resnet import InceptionResNet
from resbench.nets.legacy_senet import LegacySENet
from resbench.nets.resnet import ResNet
from resbench.zoo.find import find
from resbench.zoo.spec import InceptionResNetSpec, LegacySENetSpec, ResNetSpec, Variant


def build(network: str | Variant, *, device: str | torch.device = "cpu") -> nn.Module:
    """Return the network with fresh weights, in eval mode: (N, 3, H, W) -> (N, classes).

    `device="meta"` gives shapes without memory. Raises ResbenchError for an unknown name.
    """
    variant = find(network) if isinstance(network, str) else network
    with torch.device(device):
        module = _topology(variant)
        for part in module.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
    return module.eval()


def _topology(variant: Variant) -> nn.Module:
    match variant.spec:
        case ResNetSpec() as spec:
            return ResNet(spec, variant.classes)
        case LegacySENetSpec() as spec:
            return LegacySENet(spec, variant.classes)
        case InceptionResNetSpec() as spec:
            return InceptionResNet(spec, variant.classes)
