"""The entrance: what a user names, or hands over, becomes a network once, and travels on as that."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torch import nn

from resbench.counting import crosscheck, tally
from resbench.counting.counted import counted_or_none, remember, sizes
from resbench.counting.inputs import one_image
from resbench.errors import ResbenchError, first_line
from resbench.nets.build import skeleton
from resbench.nets.checkpoints import with_head_of
from resbench.nets.elsewhere import source_of, with_classes
from resbench.nets.probing import probed
from resbench.nets.structure import structure_sha256
from resbench.records.counts import Input
from resbench.records.record import Counts, Origin
from resbench.units import pixels
from resbench.zoo.find import find, match
from resbench.zoo.papers import UNPUBLISHED
from resbench.zoo.places import OWN_FAMILY
from resbench.zoo.spec import Elsewhere, Variant

Pair = tuple[int, int]


def entered(network: str | Variant | nn.Module, input_px: int | Pair | None = None, name: str | None = None) -> Variant:
    """Return the network that is meant: by its name or place, a row of a table, or a module that a program made.

    One that lies elsewhere is built once, to see what it is, and run on one image of `input_px` (None: its own size).
    `name` is what a module shall be called. Raises ResbenchError for an unknown name, and for what cannot be built.
    """
    if isinstance(network, nn.Module):
        called = name or type(network).__name__
        spec = Elsewhere(place="", name=called, module=network)
        network = Variant(name=called, family=OWN_FAMILY, spec=spec, paper=UNPUBLISHED)
    return probed(find(network) if isinstance(network, str) else network, input_px)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenNetworks:
    """The networks that were asked for, and why there is no other, by name, where the code elsewhere does not run."""

    networks: list[Variant]
    errors: dict[str, ResbenchError]


def chosen(
    names: Sequence[str],
    *,
    every: bool,
    input_px: int | Pair | None = None,
    classes: int | None = None,
    declared: bool = False,
) -> ChosenNetworks:
    """Return the networks that `names` match, or all, with heads of `classes` (None: their own).

    Where the inputs are `declared`, those elsewhere are not run on an image first. One of several that cannot be built
    does not stop the others. Raises ResbenchError when neither or both are asked for, and for one alone.
    """
    networks, errors = [], {}
    matched = match(patterns(names, every=every))
    for network in matched:
        try:
            ready = network if declared else probed(network, input_px)
            networks.append(with_classes(ready, classes) if classes else ready)
        except ResbenchError as error:
            if len(matched) == 1:
                raise
            errors[network.name] = error
    return ChosenNetworks(networks=networks, errors=errors)


def patterns(names: Sequence[str], *, every: bool) -> Sequence[str]:
    """Return `names`, or the pattern of all. Raises ResbenchError when neither or both are asked for."""
    if names and every:
        raise ResbenchError("names and --all: give one of them")
    if not names and not every:
        raise ResbenchError("no networks given; give names or patterns, or --all; `resbench list` shows the table")
    return ["*"] if every else names


def headed(network: Variant, classes: int | None, weights: str | Path | None, key: str | None) -> Variant:
    """Return `network` with a head of `classes`; None: of as many as the head in the file of weights has, if any."""
    return with_classes(network, classes) if classes else with_head_of(network, weights, key)


def counter_of(network: Variant) -> Callable[[Pair], Counts]:
    """Return what counts `network` at a size; one that lies elsewhere is counted by PyTorch's counter too.

    It raises InvalidMeasurementError where the two differ, ResbenchError for a size that the network cannot take.
    """
    module = skeleton(network)
    if not isinstance(network.spec, Elsewhere):
        return partial(tally.count_module, module)

    def confirmed(input_px: Pair) -> Counts:
        try:
            return crosscheck.confirmed_counts(module, one_image(input_px))
        except ResbenchError:
            raise
        except Exception as error:  # foreign code may raise anything
            reason = first_line(error)
            raise ResbenchError(
                f"{network.name}: cannot take {pixels(input_px)} px ({reason}); give another --input-px"
            ) from None

    return confirmed


def network_counts(network: Variant, input_px: Pair) -> Counts:
    """Return what `network` costs at `input_px`. Raises what `counter_of` does."""
    return counter_of(network)(input_px)


def declared_counts(network: Variant, inputs: tuple[Input, ...]) -> Counts:
    """Return what `network` costs for `inputs`. Raises what `counter_of` does."""
    module = skeleton(network)
    if isinstance(network.spec, Elsewhere):
        return crosscheck.confirmed_counts(module, inputs)
    return tally.count_module(module, inputs=inputs)


def counts_at(network: Variant, sizes: Sequence[Pair]) -> list[Counts]:
    """Return the counts of `network` at those of `sizes` that it takes; at the first, its own, it must."""
    count_at = counter_of(network)
    found = [count_at(sizes[0])]
    for size in sizes[1:]:
        try:
            found.append(count_at(size))
        except ResbenchError:
            if not isinstance(network.spec, Elsewhere):
                raise
    return found


def remember_counts(networks: Sequence[Variant]) -> None:
    """Count those `networks` that no table has the counts of, so that cards can be written of them."""
    for network in networks:
        if counted_or_none(network.name) is None:
            network = probed(network)
            remember(network, counts_at(network, sizes(network)))


def origin_of(network: Variant, input_px: Pair) -> Origin | None:
    """Return what tells `network` from another one of its name; None for a row of the shipped table."""
    spec = network.spec
    if not isinstance(spec, Elsewhere) and not network.builder:
        return None
    module = skeleton(network)
    source = source_of(spec, module) if isinstance(spec, Elsewhere) else None
    return Origin(
        place=network.builder or (str(spec) if isinstance(spec, Elsewhere) and spec.place else ""),
        source_sha256=hashlib.sha256(source.read_bytes()).hexdigest() if source and source.is_file() else None,
        structure_sha256=structure_sha256(module, input_px),
    )
