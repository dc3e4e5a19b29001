"""What the networks of the table show in one forward pass on the meta device, which several tests look at."""

import functools

from torch import nn

from resbench.counting.tally import count_module
from resbench.nets.build import build
from resbench.nets.resnet_v2 import ResNetV2
from resbench.records.record import Counts
from resbench.zoo.spec import Variant

STAGES = ("layer1", "layer2", "layer3", "layer4", "repeat", "repeat_1", "repeat_2")
Stage = tuple[int, tuple[int, ...]]  # blocks, and the (channels, height, width) that come out


@functools.cache
def network(variant: Variant) -> nn.Module:
    """The network without memory; never to be changed."""
    return build(variant, device="meta")


@functools.cache
def observed(variant: Variant) -> tuple[Counts, list[Stage]]:
    """The counts at the network's own size, and its stages."""
    module, seen = network(variant), []
    stages = [stage for name in STAGES if (stage := getattr(module, name, None)) is not None]
    if isinstance(module, ResNetV2):
        stages = [stage.blocks for stage in module.stages]
    hooks = [
        stage.register_forward_hook(lambda own, _, output: seen.append((len(own), tuple(output.shape[1:]))))
        for stage in stages
    ]
    counts = count_module(module, variant.input_px)
    for hook in hooks:
        hook.remove()
    return counts, seen
