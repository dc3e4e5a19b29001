"""Our logits against those of the houses that publish the checkpoints, with the same weights."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import nn

import resbench
from resbench.zoo.variants import VARIANTS
from tests import filled

timm = pytest.importorskip("timm", exc_type=ImportError)
torchvision = pytest.importorskip("torchvision", exc_type=ImportError)

pytestmark = pytest.mark.reference

NAMES = [variant.name for variant in VARIANTS]
IN_TIMM = [name for name in NAMES if timm.is_model(name)]
IN_TORCHVISION = [name for name in NAMES if name in set(torchvision.models.list_models())]


def small(depth: int, classes: int = 10) -> nn.Module:
    """timm's ResNet with MMPretrain's stem for 32 px."""
    module = timm.create_model(f"resnet{depth}", num_classes=classes)
    module.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    module.maxpool = nn.Identity()
    return module


def resnext(depths: tuple[int, ...], width_per_group: int) -> nn.Module:
    """timm's ResNeXt with 32 groups."""
    return timm.models.resnet.ResNet(timm.models.resnet.Bottleneck, depths, cardinality=32, base_width=width_per_group)


def pre_activation(depths: tuple[int, ...]) -> nn.Module:
    """timm's ResNet v2 with batch norms."""
    v2 = timm.models.resnetv2
    return v2.ResNetV2(layers=depths, conv_layer=v2.create_conv2d, norm_layer=v2.BatchNormAct2d)


def without_shortcuts(depth: int) -> nn.Module:
    """torchvision's ResNet, all its shortcuts replaced by zero."""
    module = torchvision.models.get_model(f"resnet{depth}")
    for block in module.modules():
        if isinstance(block, torchvision.models.resnet.BasicBlock):
            block.downsample = Zero()
    return module


def strided_first(depth: int) -> nn.Module:
    """torchvision's ResNet with the stride of a bottleneck in its first convolution, as in the paper."""
    module = torchvision.models.get_model(f"resnet{depth}")
    for block in module.modules():
        if isinstance(block, torchvision.models.resnet.Bottleneck):
            block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride
    return module


class Zero(nn.Module):
    """Nothing, of every shape."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.new_zeros(())


OTHERWISE = {
    "resnet50_cub": lambda: timm.create_model("resnet50", num_classes=200),
    "resnet50_cifar100": lambda: small(50, 100),
    **{f"resnet{depth}_cifar10": partial(small, depth) for depth in (18, 34, 50, 101, 152)},
    **{f"plain{depth}": partial(without_shortcuts, depth) for depth in (18, 34)},
    **{f"resnet{depth}_v1": partial(strided_first, depth) for depth in (50, 101, 152)},
    "resnext152_32x4d": lambda: resnext((3, 8, 36, 3), 4),
    "resnetv2_200": lambda: pre_activation((3, 24, 36, 3)),
    "resnext101_32x48d": lambda: resnext((3, 4, 23, 3), 48),
}
# Witnessed elsewhere: trained weights with known results, and tests/test_nets_inception_resnet.py.
OUTSIDE = {f"resnet{depth}_cifar10" for depth in (20, 32, 44, 56, 110)} | {"inception_resnet_v1"}


def agree(name: str, make: Callable[[], nn.Module]) -> bool:
    """Give the network that `make` builds our weights and compare the logits of one small image with odd sides.

    In float64, but for the networks that would then take gigabytes: those share our float32 tensors.
    """
    ours = resbench.build(name)
    heavy = sum(weight.numel() for weight in ours.parameters()) > 1.2e8
    with torch.device("meta" if heavy else "cpu"):
        theirs = make().eval()
    if not heavy:
        ours, theirs = filled.fill(ours), theirs.double()
    theirs.load_state_dict(ours.state_dict(), strict=True, assign=heavy)
    image = filled.image(99, 87).to(next(ours.parameters()).dtype)
    with torch.inference_mode():
        expected, logits = theirs(image), ours(image)
    error = (logits - expected).abs().max() / expected.abs().max()
    return bool(expected.std() > 0) and error.item() < (1e-5 if heavy else 1e-11)


@pytest.mark.parametrize("name", IN_TIMM)
def test_logits_equal_timms_with_copied_weights(name):
    assert agree(name, partial(timm.create_model, name))


@pytest.mark.parametrize("name", OTHERWISE)
def test_logits_equal_those_of_a_reference_network_put_together_by_hand(name):
    assert agree(name, OTHERWISE[name])


def test_every_network_is_witnessed_by_some_house():
    assert set(NAMES) == set(IN_TIMM) | set(OTHERWISE) | OUTSIDE


@pytest.mark.parametrize("name", IN_TORCHVISION)
def test_logits_equal_torchvisions_with_copied_weights(name):
    assert agree(name, partial(torchvision.models.get_model, name))


@pytest.mark.parametrize("name", IN_TIMM)
def test_state_dict_has_timms_keys_in_timms_order(name):
    with torch.device("meta"):
        theirs = timm.create_model(name)
    assert list(resbench.build(name, device="meta").state_dict()) == list(theirs.state_dict())
