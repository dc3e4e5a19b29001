"""A network's operations in several conventions, each at the input for which that convention's figures hold."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from resbench.counting.conventions import convention, operations
from resbench.records.record import Counts

Pair = tuple[int, int]  # (height, width)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    """A number of operations by one convention."""

    convention: str
    input_px: Pair
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a network costs, and what the conventions make of it."""

    network: str
    counts: Counts
    operations: tuple[Operations, ...]


def figures(network: str, count_at: Callable[[Pair], Counts], input_px: Pair, names: Iterable[str]) -> Figures:
    """Return the figures of `network` at `input_px` in the conventions `names`; `count_at` counts it at a size.

    A convention that changes the shape of a square input (timm-card) does so; any other input is taken as it is.
    """
    sizes = {name: _input(name, input_px) for name in names}
    counts = {size: count_at(size) for size in dict.fromkeys((input_px, *sizes.values()))}
    rows = [
        Operations(convention=name, input_px=size, value=operations(counts[size].terms, name))
        for name, size in sizes.items()
    ]
    return Figures(network=network, counts=counts[input_px], operations=tuple(rows))


def _input(name: str, input_px: Pair) -> Pair:
    height, width = input_px
    return convention(name).input_rule(height) if height == width else input_px


def parameters(params: int) -> int:
    """Return a parameter count as timm's cards round it: in hundredths of a million, then cut to an integer."""
    return int(float(f"{params / 1e6:.2f}") * 1e6)
