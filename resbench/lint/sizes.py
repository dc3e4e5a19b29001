"""Counts of a network at any input: from the table where it has them, else counted on the meta device."""

from dataclasses import replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from resbench.counting.conventions import convention, operations
from resbench.counting.counted import counted, counted_or_none, sizes
from resbench.errors import ResbenchError
from resbench.lint.entry import ModelEntry
from resbench.lint.figure import StatedFigure
from resbench.records.record import Counts
from resbench.zoo.spec import Elsewhere, Variant

if TYPE_CHECKING:
    from torch import nn

AT_SIZE = "fvcore"  # the convention that timm and MMPretrain use today
SCALED_OFF = 0.06  # how far a count that is scaled from another size by its pixels may be off, as a share
USUAL_PX = 224  # what most counters are run at, whatever the network was trained at


def countable(network: Variant, size: int | tuple[int, int]) -> bool:
    """Tell whether there are counts at `size`; a user's own network is not built for a card that names it."""
    if not isinstance(network.spec, Elsewhere):
        return True
    size = (size, size) if isinstance(size, int) else size
    return size in sizes(network) and bool(
        counted_or_none(network.name, "macs" if size[0] == size[1] else "timm-card", size[0])
    )


@cache
def count_at(network: Variant, size: tuple[int, int]) -> Counts:
    """Return the counts at `size`; torch is needed for one that was not counted beforehand."""
    if size in sizes(network):
        height, width = size
        return counted(network.name, "macs" if height == width else "timm-card", height)
    if isinstance(network.spec, Elsewhere):
        raise ResbenchError(f"{network.name}: not counted at {size}, and lint builds no networks of others")
    from resbench.counting.tally import count_module

    return count_module(_module(network), size)


@lru_cache(maxsize=4)
def _module(network: Variant) -> "nn.Module":
    """Build `network` once for all the inputs of a page."""
    from resbench.nets.build import build

    return build(network, device="meta")


def plain_count(figure: StatedFigure, network: Variant) -> StatedFigure:
    """Return `figure`, as a plain count where it is a whole number without a unit and `network` has as few.

    Below 100,000 such a number is else one of millions or billions; only networks of a user's own are as small.
    """
    counts = counted(network.name)
    own = {"params": counts.params, "activations": counts.activations}.get(figure.quantity, counts.terms.macs)
    is_count = not figure.unit and figure.digits.isdecimal() and own < 10**5
    return replace(figure, is_count=True) if is_count else figure


def operations_at(network: Variant, size_px: int, name: str = AT_SIZE) -> int:
    """Return the operations by the convention called `name`, at the input that it makes of `size_px`."""
    return operations(count_at(network, convention(name).input_rule(size_px)).terms, name)


def side_of(entry: ModelEntry, network: Variant, figure: StatedFigure) -> int:
    """Return the size of the image that is meant: the stated one, else the checkpoint's or the network's."""
    own_px = entry.weights.preprocess.crop_px if entry.weights else network.input_px
    return figure.image_px or entry.image_px or own_px


def square_counts(entry: ModelEntry, network: Variant, figure: StatedFigure) -> list[Counts]:
    """Return the counts at the square sizes that a figure may hold at, the one that is meant first."""
    squares = [height for height, width in sizes(network) if height == width]
    sides = dict.fromkeys([side_of(entry, network, figure), *squares])
    return [count_at(network, (side, side)) for side in sides if countable(network, side)]
