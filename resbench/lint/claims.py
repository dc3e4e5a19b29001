"""Figures of a card against each other: two places of one folder, and the files of weights on disk."""

import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

from resbench import units
from resbench.lint.accuracies import HALF, confirmed_by_record
from resbench.lint.entry import ModelEntry, file_name
from resbench.lint.figure import PER_IMAGE, StatedFigure
from resbench.lint.places import about
from resbench.lint.problem import Edit, Level, Problem
from resbench.nets.cache import sha256
from resbench.words.quantities import Quantity


def disagreements(entries: Iterable[ModelEntry]) -> Iterator[Problem]:
    """Yield figures of one checkpoint that differ between its data and another place of one card or folder.

    Two tables of text are not compared: they may be about different recipes or sizes.
    """
    first: dict[tuple[str, str, Quantity], tuple[ModelEntry, StatedFigure]] = {}
    for entry in sorted(entries, key=lambda entry: entry.style == "table"):
        name = entry.weights.name if entry.weights else entry.name
        if not name:
            continue
        for figure in entry.figures:
            quantity = figure.quantity
            # Operations by two conventions, or at two inputs, may both be true, and each is checked for itself.
            if quantity in PER_IMAGE and entry.network:
                continue
            key = (name, f"{figure.data_set} {figure.arguments}" if _hub(entry) else "", quantity)
            known, other = first.get(key, (entry, figure))
            if entry.style != "table":
                first.setdefault(key, (entry, figure))
            if known is not entry and _same_evaluation(figure, other) and not _agree(figure, other):
                message = f"{figure} here, {other} at {known.path.name}:{other.line}"
                right = _which(
                    figure in confirmed_by_record(entry), other in confirmed_by_record(known), known.path.name
                )
                yield about(entry, "T008", Level.FALSE, figure, f"{message}{right}", "make both say the same")


def _same_evaluation(first: StatedFigure, second: StatedFigure) -> bool:
    """Whether nothing says that they were measured on other data or at another input."""
    data = {figure.data_set for figure in (first, second)} - {""}
    sizes = {figure.image_px for figure in (first, second)} - {None}
    return len(data) < 2 and len(sizes) < 2


def _which(here: bool, there: bool, name: str) -> str:
    """Say which of two figures was published, where one was."""
    if here == there:
        return ""
    return "; the one here was published" if here else f"; the one in {name} was published"


def on_disk(entry: ModelEntry, folder: Path) -> Iterator[Problem]:
    """Yield where the weights' file in `folder` contradicts the card. Raises ResbenchError when it cannot be read."""
    path = folder / file_name(entry.weights_url)
    if not entry.weights_url or not path.is_file():
        return
    size = path.stat().st_size
    figure = entry.figure("file_size")
    if figure and (figure.value is None or abs(figure.value - size) > figure.step * HALF):
        message = f"{figure}, but {path.name} in {folder} has {units.integer(size)} bytes"
        written = figure.written(size)
        yield about(entry, "T010", Level.FALSE, figure, message, written, Edit(old=figure.text, new=written))
    promised = re.search(r"-([0-9a-f]{8,64})\.", path.name)
    if promised and not (digest := sha256(path)).startswith(promised[1]):
        message = f"the name promises sha256 {promised[1]}, but the file in {folder} has {digest[:16]}"
        yield about(entry, "T011", Level.FALSE, None, message, "name the file that the card is about")


def _hub(entry: ModelEntry) -> bool:
    return entry.style in ("huggingface", "results")


def _agree(first: StatedFigure, second: StatedFigure) -> bool:
    if first.value is None or second.value is None:
        return True
    steps = [first.step, second.step]
    if first.quantity == "params":  # counts in fields of their own are often rounded to hundredths of a million
        steps += [Fraction(10_000) for figure in (first, second) if figure.is_count]
    return abs(first.value - second.value) <= max(steps) * HALF
