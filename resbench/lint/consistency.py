"""Figures of one card against each other, which needs no knowledge of the networks that they are about."""

import re
from collections.abc import Iterator, Sequence
from itertools import combinations

from resbench.lint.entry import ModelEntry, file_name
from resbench.lint.figure import ACCURACIES, StatedFigure
from resbench.lint.places import about
from resbench.lint.problem import Level, Problem

_WIDTHS = {4: 32, 2: 16, 1: 8}  # bytes and bits of a stored parameter
_BELOW, _ABOVE = 0.97, 1.10  # of the parameters' bytes: what a file with buffers and names, but no more, may have
_MANY = 3  # rows of one accuracy; two may be equal by chance
_SIZE = re.compile(r"[-_@]?(\d{2,3})(px)?$")


def inconsistencies(entries: Sequence[ModelEntry]) -> Iterator[Problem]:
    """Yield the figures of one card that do not belong together."""
    for entry in entries:
        yield from _file_of_another_size(entry)
    yield from _alike([entry for entry in entries if entry.style == "table"])
    fields = [entry for entry in entries if entry.style == "index"]
    for first, second in combinations(fields, 2):
        if first.name != second.name:
            yield from _shared_weights(first, second)
        if first.name and _base(first) == _base(second):
            yield from _two_counts(first, second)
            yield from _shrinking(*sorted((first, second), key=lambda entry: _side(entry)))


def _file_of_another_size(entry: ModelEntry) -> Iterator[Problem]:
    params, size = entry.figure("params"), entry.figure("file_size")
    if not params or not size or not params.value or not size.value or params.value < 10**5:
        return
    per_parameter = float(size.value / params.value)
    if holds(params, size) or per_parameter > max(_WIDTHS):  # more than the weights: optimizer, averages
        return
    needed = " or ".join(
        f"{float(params.value) * width / 1e6:,.1f} MB of {bits} bits" for width, bits in _WIDTHS.items()
    )
    message = f"{size} bytes, {per_parameter:.2f} per parameter; {params} take {needed}: the file of another network?"
    yield about(entry, "T010", Level.WARNING, size, message, "check the count and the file")


def holds(params: StatedFigure, size: StatedFigure) -> bool:
    """Whether a file of `size` is that of `params` of 32, 16 or 8 bits, with the buffers and names beside them."""
    per_parameter = float(size.value / params.value) if params.value and size.value else 0.0
    return any(width * _BELOW <= per_parameter <= width * _ABOVE for width in _WIDTHS)


def _shared_weights(first: ModelEntry, second: ModelEntry) -> Iterator[Problem]:
    count, other_count = first.figure("params"), second.figure("params")
    if not second.weights_url or first.weights_url != second.weights_url:
        return
    if _base(first) == _base(second) and not (count and other_count and _apart(count, other_count)):
        return
    if all(_publishes(entry, second.weights_url) for entry in (first, second)):
        return  # two publishers' names of one file
    message = f"{file_name(second.weights_url)} is the file of {first.name} (line {first.line}) too"
    yield about(second, "T011", Level.WARNING, None, message, "link the file of each model")


def _publishes(entry: ModelEntry, url: str) -> bool:
    """Whether `url` leads to the file that was published under the name of `entry`."""
    return entry.weights is not None and file_name(entry.weights.location) == file_name(url)


def _two_counts(first: ModelEntry, second: ModelEntry) -> Iterator[Problem]:
    count, other_count = first.figure("params"), second.figure("params")
    if count and other_count and _apart(count, other_count):
        message = (
            f"{other_count}, but {count} for {first.name} (line {count.line}): one network has one number of parameters"
        )
        yield about(second, "T013", Level.WARNING, other_count, message, "correct one of them")


def _shrinking(smaller: ModelEntry, larger: ModelEntry) -> Iterator[Problem]:
    flops, other_flops = smaller.figure("flops"), larger.figure("flops")
    if (
        flops
        and other_flops
        and flops.value
        and other_flops.value
        and _side(smaller) < _side(larger)
        and other_flops.value < flops.value
    ):
        message = f"{other_flops} at {_side(larger)} px, but {flops} at {_side(smaller)} px: a larger input takes more"
        yield about(larger, "T013", Level.WARNING, other_flops, message, "correct one of them")


def _alike(rows: Sequence[ModelEntry]) -> Iterator[Problem]:
    """Yield a top-5 accuracy that all rows under one heading have, though their top-1 accuracies differ."""
    for section in dict.fromkeys(entry.section for entry in rows):
        pairs = [(entry, *_tops(entry)) for entry in rows if entry.section == section]
        fifths = [(entry, fifth) for entry, first, fifth in pairs if first and fifth]
        firsts = {first.value for _, first, fifth in pairs if first and fifth}
        if len(fifths) >= _MANY and len(firsts) > 1 and len({fifth.value for _, fifth in fifths}) == 1:
            entry, figure = fifths[0]
            message = f"{figure} in all {len(fifths)} rows, though their top-1 accuracies differ"
            yield about(entry, "T013", Level.WARNING, figure, message, "check the column")


def _tops(entry: ModelEntry) -> tuple[StatedFigure | None, StatedFigure | None]:
    first, fifth = (entry.figure(quantity) for quantity in ACCURACIES)
    return first, fifth


def _apart(first: StatedFigure, second: StatedFigure) -> bool:
    """Whether two counts differ by more than roundings and a head make of one network."""
    return bool(first.value and second.value) and abs(float(first.value / second.value) - 1) > 0.1  # type: ignore[operator]


def _base(entry: ModelEntry) -> str:
    """Return the name without the size of its input."""
    match = _SIZE.search(entry.name)
    return entry.name[: match.start()] if match and int(match[1]) >= 96 else entry.name


def _side(entry: ModelEntry) -> int:
    match = _SIZE.search(entry.name)
    return entry.image_px or (int(match[1]) if match else 0)
