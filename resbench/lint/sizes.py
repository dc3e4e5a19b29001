"""Counts of a network at any input: from the table where it has them, else counted on the meta device."""

from functools import cache, lru_cache
from typing import TYPE_CHECKING

from resbench.counting.conventions import convention, operations
from resbench.counting.counted import counted, sizes
from resbench.records.record import Counts
from resbench.zoo.spec import Variant

if TYPE_CHECKING:
    from torch import nn

AT_SIZE = "fvcore"  # the convention that timm and MMPretrain use today


@cache
def count_at(network: Variant, size: tuple[int, int]) -> Counts:
    """Return the counts at `size`; torch is needed for one that was not counted beforehand."""
    if size in sizes(network):
        height, width = size
        return counted(network.name, "macs" if height == width else "timm-card", height)
    from resbench.counting.tally import count_module

    return count_module(_module(network), size)


@lru_cache(maxsize=4)
def _module(network: Variant) -> "nn.Module":
    """Build `network` once for all the inputs of a page."""
    from resbench.nets.build import build

    return build(network, device="meta")


def operations_at(network: Variant, size_px: int, name: str = AT_SIZE) -> int:
    """Return the operations by the convention called `name`, at the input that it makes of `size_px`."""
    return operations(count_at(network, convention(name).input_rule(size_px)).terms, name)
