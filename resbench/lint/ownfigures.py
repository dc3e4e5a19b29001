"""A zoo's own figures as truth: a CSV of results such as timm's, or any card or metafile that the linter reads."""

import csv
import re
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path

from resbench.errors import ResbenchError
from resbench.lint.accuracies import HALF
from resbench.lint.entry import ModelEntry
from resbench.lint.figure import ACCURACIES, COUNTS, StatedFigure
from resbench.lint.parse import parse
from resbench.lint.places import about
from resbench.lint.problem import Level, Problem
from resbench.lint.readings import figures_of
from resbench.records.files import read_exactly
from resbench.words.quantities import Quantity

OwnFigures = Mapping[tuple[str, Quantity], tuple[StatedFigure, Path]]


def own_figures(counts: Path | None, published: Path | None) -> OwnFigures:
    """Return what the file `counts` says of parameters and operations, and `published` of accuracies, by model.

    Raises ResbenchError for a file that cannot be read or has no such figures.
    """
    own: dict[tuple[str, Quantity], tuple[StatedFigure, Path]] = {}
    for path, wanted in ((counts, COUNTS), (published, ACCURACIES)):
        # Of several figures of a model, an accuracy and its error rate, the first.
        figures = dict(reversed(list(_read(path, wanted)))) if path else {}
        if path and not figures:
            raise ResbenchError(f"{path}: no {' or '.join(wanted)} of models in it; give a CSV or a card with a table")
        own |= figures
    return own


def _read(path: Path, wanted: tuple[Quantity, ...]) -> Iterator[tuple[tuple[str, Quantity], tuple[StatedFigure, Path]]]:
    text = read_exactly(path)
    if path.suffix == ".csv":
        text = _table(text)
    for entry in parse(path.with_suffix(".md") if path.suffix == ".csv" else path, text).entries:
        for figure in entry.figures:
            if figure.quantity in wanted and figure.value is not None:
                yield (_key(entry.name), figure.quantity), (figure, path)


def _table(text: str) -> str:
    """Return a CSV as a table in Markdown."""
    rows = [[cell.replace("|", "\\|").strip() for cell in row] for row in csv.reader(StringIO(text)) if row]
    rows[1:1] = [["---"] * len(rows[0])] if rows else []
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def judged(entry: ModelEntry, own: OwnFigures) -> Iterator[Problem]:
    """Yield what the zoo's own figures say of those of `entry`. Operations may follow another convention."""
    names = [name for whole in (entry.name, *entry.names) for name in (whole, whole.rpartition("/")[2]) if name]
    for figure in entry.figures:
        known = next((own[key] for name in names if (key := (_key(name), figure.quantity)) in own), None)
        if known is None or figure.value is None or not _same_evaluation(figure, known[0]):
            continue
        right, path = known
        if _agree(figure, right):
            yield about(entry, "T014", Level.NOTE, figure, f"{figure}: true, as in {path.name}")
        else:
            level = Level.WARNING if figure.quantity in ("flops", "macs") else Level.FALSE
            message = f"{figure}: {path.name} has {right.text}"
            yield about(entry, "T014", level, figure, message, f"{right.text}, if {path.name} is right")


def _same_evaluation(figure: StatedFigure, right: StatedFigure) -> bool:
    sizes = {stated.image_px for stated in (figure, right)} - {None}
    data = {stated.data_set for stated in (figure, right)} - {""}
    return len(sizes) < 2 and len(data) < 2 if figure.quantity in ACCURACIES else True


def _agree(figure: StatedFigure, right: StatedFigure) -> bool:
    """Whether the coarser of the two roundings makes them one figure, whatever unit was left out."""
    if figure.quantity in ACCURACIES:
        step = max(figure.step, right.step)
        return figure.value is not None and right.value is not None and abs(figure.value - right.value) <= step * HALF
    pairs = [(first, second) for first in figures_of(figure) for second in figures_of(right)]
    return any(abs(first.value - second.value) <= max(first.quantum, second.quantum) * HALF for first, second in pairs)


def _key(name: str) -> str:
    return re.sub(r"[-\s]", "_", name.strip().lower())
