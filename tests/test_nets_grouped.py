"""The three equivalent forms of the ResNeXt block (Xie et al. 2017, figure 3), from one set of weights in float64."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from resbench.nets.blocks import Bottleneck
from resbench.zoo.spec import ResNetSpec
from tests import filled

SHAPES = [(32, 4, 1), (32, 4, 2), (64, 4, 1), (8, 16, 2), (1, 64, 2)]


def block(groups: int, width_per_group: int, stride: int) -> Bottleneck:
    """The block as our networks have it: one grouped convolution."""
    spec = ResNetSpec(block="bottleneck", depths=(1,), groups=groups, width_per_group=width_per_group)
    return filled.fill(Bottleneck(spec, 96, 64, stride))


def norm(x: Tensor, layer: torch.nn.BatchNorm2d, part: slice = slice(None)) -> Tensor:
    """The batch norm of some of its channels."""
    mean, variance, weight, bias = layer.running_mean, layer.running_var, layer.weight, layer.bias
    return F.batch_norm(x, mean[part], variance[part], weight[part], bias[part], eps=layer.eps)


def branches(module: Bottleneck, x: Tensor) -> list[Tensor]:
    """What each of the G narrow paths, 1x1 then 3x3 without groups, puts out."""
    groups = module.conv2.groups
    width = module.conv2.in_channels // groups
    outs = []
    for group in range(groups):
        part = slice(group * width, (group + 1) * width)
        narrow = F.relu(norm(F.conv2d(x, module.conv1.weight[part]), module.bn1, part))
        middle = F.conv2d(narrow, module.conv2.weight[part], stride=module.conv2.stride, padding=1)
        outs.append(F.relu(norm(middle, module.bn2, part)))
    return outs


def finish(module: Bottleneck, summed: Tensor, x: Tensor) -> Tensor:
    return F.relu(norm(summed, module.bn3) + module.downsample(x))


@pytest.mark.parametrize(("groups", "width_per_group", "stride"), SHAPES)
def test_a_sum_of_branches_equals_the_grouped_convolution(groups, width_per_group, stride):
    module, x = block(groups, width_per_group, stride), filled.image(10, 9 * 32).reshape(1, 96, 10, 9)
    with torch.inference_mode():
        outs = branches(module, x)
        slices = module.conv3.weight.chunk(groups, 1)
        summed = sum(F.conv2d(out, weight) for out, weight in zip(outs, slices, strict=True))
        torch.testing.assert_close(finish(module, summed, x), module(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("groups", "width_per_group", "stride"), SHAPES)
def test_concatenated_branches_and_one_1x1_equal_the_grouped_convolution(groups, width_per_group, stride):
    module, x = block(groups, width_per_group, stride), filled.image(10, 9 * 32).reshape(1, 96, 10, 9)
    with torch.inference_mode():
        summed = F.conv2d(torch.cat(branches(module, x), 1), module.conv3.weight)
        torch.testing.assert_close(finish(module, summed, x), module(x), rtol=1e-12, atol=1e-12)


def test_branches_in_another_order_are_another_block():
    module, x = block(32, 4, 1), filled.image(10, 9 * 32).reshape(1, 96, 10, 9)
    with torch.inference_mode():
        summed = F.conv2d(torch.cat(branches(module, x)[::-1], 1), module.conv3.weight)
        assert not torch.allclose(finish(module, summed, x), module(x), rtol=0.01)


def test_thirty_two_branches_of_four_cost_what_one_branch_of_64_costs():
    # Xie et al. 2017, section 3.3: about 70 thousand weights either way, at 256 channels.
    def weights(groups: int, width_per_group: int) -> int:
        spec = ResNetSpec(block="bottleneck", depths=(1,), groups=groups, width_per_group=width_per_group)
        module = Bottleneck(spec, 256, 64, 1)
        return sum(part.weight.numel() for part in (module.conv1, module.conv2, module.conv3))

    assert weights(1, 64) == 256 * 64 + 3 * 3 * 64 * 64 + 64 * 256
    assert weights(32, 4) == 32 * (256 * 4 + 3 * 3 * 4 * 4 + 4 * 256)
