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
    with torch.device("meta"):  # torch's layers draw weights when they are made; on meta that costs nothing
        module = _topology(variant)
    if torch.device(device).type != "meta":
        module.to_empty(device=device)
        module.apply(_draw)
    return module.eval()


def _topology(variant: Variant) -> nn.Module:
    match variant.spec:
        case ResNetSpec() as spec:
            return ResNet(spec, variant.classes)
        case LegacySENetSpec() as spec:
            return LegacySENet(spec, variant.classes)
        case InceptionResNetSpec() as spec:
            return InceptionResNet(spec, variant.classes)


def _draw(layer: nn.Module) -> None:
    """Give one layer its first weights; convolutions as in He et al. 2015 (arXiv 1502.01852)."""
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    elif callable(reset := getattr(layer, "reset_parameters", None)):
        reset()
