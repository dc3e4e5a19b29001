"""From a row of the table to a torch module."""

import torch
from torch import nn

from resbench.nets.resnet import ResNet
from resbench.zoo.find import find
from resbench.zoo.spec import ResNetSpec, Variant


def build(network: str | Variant, *, device: str | torch.device = "cpu") -> nn.Module:
    """Return the network with fresh weights, in eval mode: (N, 3, H, W) -> (N, classes).

    `device="meta"` gives shapes without memory. Raises ResbenchError for an unknown name.
    """
    variant = find(network) if isinstance(network, str) else network
    with torch.device(device):
        match variant.spec:
            case ResNetSpec():
                module = ResNet(variant.spec, variant.classes)
    return module.eval()
