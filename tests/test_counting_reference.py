"""The multiply-adds of tests/data/witnesses.yaml, counted by PyTorch's counter on other people's networks."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from resbench.zoo.variants import VARIANTS
from tests.test_witnesses import WITNESSES

BY_TIMM = [variant for variant in VARIANTS if "on timm" in WITNESSES.get(variant.name, {}).get("macs_counted_by", "")]


def timms(variant):
    """timm's module for `variant`; where timm has no name for it, timm's ResNet class with its arithmetic."""
    timm = pytest.importorskip("timm")
    resnet = timm.models.resnet
    own = {"resnext152_32x4d": ((3, 8, 36, 3), 4), "resnext101_32x48d": ((3, 4, 23, 3), 48)}
    with torch.device("meta"):
        if variant.name == "resnetv2_200":
            v2 = timm.models.resnetv2
            return v2.ResNetV2(layers=(3, 24, 36, 3), conv_layer=v2.create_conv2d, norm_layer=v2.BatchNormAct2d).eval()
        if variant.name in own:
            depths, width = own[variant.name]
            return resnet.ResNet(resnet.Bottleneck, depths, cardinality=32, base_width=width).eval()
        base, _, dataset = variant.name.partition("_")
        if dataset in ("cifar10", "cifar100", "cub"):
            module = timm.create_model(base, num_classes=variant.classes)
            if dataset != "cub":
                module.conv1, module.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()
            return module.eval()
        return timm.create_model(variant.name).eval()


def macs(module, height, width):
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(torch.empty(1, 3, height, width, device="meta"))
    return counter.get_total_flops() // 2


@pytest.mark.reference
@pytest.mark.filterwarnings("ignore")  # timm's own
@pytest.mark.parametrize("variant", BY_TIMM, ids=lambda variant: variant.name)
def test_timms_network_has_the_multiply_adds_of_the_witness(variant):
    assert macs(timms(variant), variant.input_px, variant.input_px) == WITNESSES[variant.name]["macs"]
