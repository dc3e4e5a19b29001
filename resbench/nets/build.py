"""From a row of the table to a torch module."""

import torch
from torch import nn

from resbench.errors import ResbenchError, first_line
from resbench.nets.elsewhere import build_elsewhere
from resbench.nets.inception_resnet import InceptionResNet
from resbench.nets.legacy_senet import LegacySENet
from resbench.nets.resnet import ResNet
from resbench.nets.resnet_v2 import ResNetV2
from resbench.zoo.find import find
from resbench.zoo.spec import Elsewhere, InceptionResNetSpec, LegacySENetSpec, ResNetSpec, ResNetV2Spec, Variant


def build(network: str | Variant, *, device: str | torch.device = "cpu") -> nn.Module:
    """Return the network with fresh weights, in eval mode: (N, 3, H, W) -> (N, classes).

    A network is a row of the table or lies elsewhere: "mine.py:build", "package.module:Class", "timm:NAME"; building
    one of these runs its code. `device="meta"` gives shapes without memory. Raises ResbenchError for an unknown name,
    and for what cannot be built.
    """
    variant = find(network) if isinstance(network, str) else network
    if isinstance(variant.spec, Elsewhere):
        return build_elsewhere(variant.spec, device)
    try:
        with torch.device("meta"):  # torch's layers draw weights when they are made; on meta that costs nothing
            module = _topology(variant.spec, variant.classes)
    except (ValueError, RuntimeError, ZeroDivisionError) as error:  # channels that do not fit together
        raise ResbenchError(f"{variant.name}: cannot be built: {first_line(error)}") from None
    if torch.device(device).type != "meta":
        module.to_empty(device=device)
        module.apply(_draw)
    return module.eval()


def skeleton(variant: Variant) -> nn.Module:
    """Return the network to be counted: without memory, unless its forward pass reads the values of its image."""
    needs_data = isinstance(variant.spec, Elsewhere) and variant.spec.needs_data
    return build(variant, device="cpu" if needs_data else "meta")


def _topology(spec: ResNetSpec | ResNetV2Spec | LegacySENetSpec | InceptionResNetSpec, classes: int) -> nn.Module:
    match spec:
        case ResNetSpec():
            return ResNet(spec, classes)
        case ResNetV2Spec():
            return ResNetV2(spec, classes)
        case LegacySENetSpec():
            return LegacySENet(spec, classes)
        case InceptionResNetSpec():
            return InceptionResNet(spec, classes)


def _draw(layer: nn.Module) -> None:
    """Give one layer its first weights; convolutions as in He et al. 2015 (arXiv 1502.01852)."""
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    elif callable(reset := getattr(layer, "reset_parameters", None)):
        reset()
