"""What the networks of the table show in one forward pass on the meta device, which several tests look at."""

import functools
from collections.abc import Iterable
from dataclasses import fields

import pytest
from torch import nn

from resbench.counting.counted import counted
from resbench.counting.tally import count_module
from resbench.nets.build import build
from resbench.nets.resnet_v2 import ResNetV2
from resbench.records.record import Counts
from resbench.zoo.spec import Variant
from resbench.zoo.variants import VARIANTS

STAGES = ("layer1", "layer2", "layer3", "layer4", "repeat", "repeat_1", "repeat_2")
Stage = tuple[int, tuple[int, ...]]  # blocks, and the (channels, height, width) that come out
SIZES = ("depths", "repeats", "planes", "width_per_group")  # which change no arithmetic
NUMBERS = ("groups", "splits")  # of which one, and more than one, do


def _traits(variant: Variant) -> set[tuple[str, ...]]:
    """What tells one kind of network from another: block, stem, shortcut and so on."""
    spec, kind = variant.spec, type(variant.spec).__name__
    values = {field.name: getattr(spec, field.name) for field in fields(spec) if field.name not in SIZES}
    return {(kind, name, str(value > 1 if name in NUMBERS else value)) for name, value in values.items()}


@functools.cache
def share() -> frozenset[str]:
    """The smallest networks of the table that have every trait between them."""
    seen, chosen = set[tuple[str, ...]](), []
    for variant in sorted(VARIANTS, key=lambda variant: counted(variant.name).terms.macs):
        if not _traits(variant) <= seen:
            seen |= _traits(variant)
            chosen.append(variant.name)
    return frozenset(chosen)


def cases(variants: Iterable[Variant] = VARIANTS) -> list[object]:
    """Networks as parameters of a test: the smallest with every trait in the plain run, all in the nightly run."""
    marks = {variant.name: () if variant.name in share() else (pytest.mark.nightly,) for variant in variants}
    return [pytest.param(variant, marks=marks[variant.name], id=variant.name) for variant in variants]


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
