"""A network's operations in several conventions, each at the input for which that convention's figures hold."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from resbench.counting.conventions import convention, operations
from resbench.errors import InvalidMeasurementError, ResbenchError
from resbench.records.record import Counts

Pair = tuple[int, int]  # (height, width)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    """A number of operations by one convention; None where the network does not run at that convention's input."""

    convention: str
    input_px: Pair
    value: int | None
    note: str = ""  # why there is none, or what the convention was not defined on


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a network costs, and what the conventions make of it."""

    network: str
    counts: Counts
    operations: tuple[Operations, ...]


def figures(network: str, count_at: Callable[[Pair], Counts], input_px: Pair, names: Iterable[str]) -> Figures:
    """Return the figures of `network` at `input_px` in the conventions `names`; `count_at` counts it at a size.

    A convention that changes the shape of a square input (timm-card) does so; any other input is taken as it is.
    Raises what `count_at` raises at `input_px`, and InvalidMeasurementError at any size.
    """
    counts = count_at(input_px)
    return Figures(
        network=network,
        counts=counts,
        operations=tuple(_operations(name, count_at, _input(name, input_px), counts) for name in names),
    )


def declared_figures(network: str, counts: Counts, names: Iterable[str]) -> Figures:
    """Return the figures of `network` in the conventions `names`, for inputs that were declared."""
    rows = tuple(_figure(name, counts) for name in names)
    return Figures(network=network, counts=counts, operations=rows)


def _operations(name: str, count_at: Callable[[Pair], Counts], size: Pair, usual: Counts) -> Operations:
    """Return the operations by `name` at `size`; `usual` are the counts at the network's own."""
    if size == usual.input_px:
        return _figure(name, usual)
    try:
        return _figure(name, count_at(size))
    except InvalidMeasurementError:
        raise
    except ResbenchError:
        return Operations(convention=name, input_px=size, value=None, note="the network does not take this input")


def _figure(name: str, counts: Counts) -> Operations:
    missing = convention(name).missing(counts.terms)
    return Operations(
        convention=name,
        input_px=counts.input_px,
        value=operations(counts.terms, name),
        note=f"not defined for {', '.join(missing)}" if missing else "",
    )


def _input(name: str, input_px: Pair) -> Pair:
    height, width = input_px
    return convention(name).input_rule(height) if height == width else input_px


def parameters(params: int) -> int:
    """Return a parameter count as timm's cards round it: in hundredths of a million, then cut to an integer.

    One that those would hardly show is exact: timm has no network below 100,000.
    """
    if params < 10**5:
        return params
    return int(float(f"{params / 1e6:.2f}") * 1e6)
