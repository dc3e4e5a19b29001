"""A zoo's own figures as truth: a CSV of results such as timm's, or any card or metafile that the linter reads."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from io import StringIO
from pathlib import Path

from resbench.errors import ResbenchError
from resbench.judging.limits import Limits
from resbench.lint.accuracies import HALF
from resbench.lint.entry import ModelEntry
from resbench.lint.figure import ACCURACIES, COUNTS, PER_IMAGE, StatedFigure
from resbench.lint.parse import parse
from resbench.lint.places import about
from resbench.lint.problem import Level, Problem
from resbench.lint.readings import figures_of
from resbench.records.files import read_exactly
from resbench.words.quantities import Quantity

_EVALUATED_AGAIN = Fraction(str(Limits().reproduction))  # how far two evaluations of one checkpoint may be apart
_EVALUATED_OTHERWISE = Fraction("0.005")  # and where the crop, the input or the averaged weights are not the same


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFigure:
    """A figure of a zoo's own file."""

    model: str  # as the file writes it
    figure: StatedFigure
    path: Path


# By the key of a name, and by that of a name without timm's tag ("resnet50" of "resnet50.a1_in1k").
OwnFigures = Mapping[tuple[str, Quantity], Sequence[OwnFigure]]


def own_figures(counts: Path | None, published: Path | None) -> OwnFigures:
    """Return what the file `counts` says of parameters and operations, and `published` of accuracies, by model.

    Raises ResbenchError for a file that cannot be read or has no such figures.
    """
    own: dict[tuple[str, Quantity], list[OwnFigure]] = {}
    for path, wanted in ((counts, COUNTS), (published, ACCURACIES)):
        rows = list(_read(path, wanted)) if path else []
        if path and not rows:
            raise ResbenchError(f"{path}: no {' or '.join(wanted)} of models in it; give a CSV or a card with a table")
        # Of several figures of a model, an accuracy and its error rate, the first.
        first = {(_key(row.model), row.figure.quantity): row for row in reversed(rows)}
        for (key, quantity), row in reversed(first.items()):
            for name in dict.fromkeys((key, key.partition(".")[0])):
                own.setdefault((name, quantity), []).append(row)
    return own


def _read(path: Path, wanted: tuple[Quantity, ...]) -> Iterator[OwnFigure]:
    text = read_exactly(path)
    if path.suffix == ".csv":
        text = _table(text)
    for entry in parse(path.with_suffix(".md") if path.suffix == ".csv" else path, text).entries:
        for figure in entry.figures:
            if figure.quantity in wanted and figure.value is not None:
                yield OwnFigure(model=entry.name, figure=figure, path=path)


def _table(text: str) -> str:
    """Return a CSV as a table in Markdown."""
    rows = [[cell.replace("|", "\\|").strip() for cell in row] for row in csv.reader(StringIO(text)) if row]
    rows[1:1] = [["---"] * len(rows[0])] if rows else []
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def judged(entry: ModelEntry, own: OwnFigures) -> Iterator[Problem]:
    """Yield what the zoo's own figures say of those of `entry`."""
    names = [name for whole in (entry.name, *entry.names) for name in (whole, whole.rpartition("/")[2]) if name]
    for figure in entry.figures:
        rows = next((own[key] for name in names if (key := (_key(name), figure.quantity)) in own), ())
        if figure.value is not None and rows:
            yield from _against(entry, figure, rows, {_key(name) for name in names})


def _against(entry: ModelEntry, figure: StatedFigure, rows: Sequence[OwnFigure], keys: set[str]) -> Iterator[Problem]:
    """Yield what `rows` say of a figure: the first of its very name, or all whose names have a tag behind it."""
    own = next((row for row in rows if _key(row.model) in keys), None)
    meant = [row for row in ([own] if own else rows) if _same_evaluation(figure, row.figure)]
    agreeing = next((row for row in meant if _agree(figure, row.figure)), None)
    if agreeing:
        which = "" if own else f" for {agreeing.model}"
        yield about(entry, "T014", Level.NOTE, figure, f"{figure}: true, as in {agreeing.path.name}{which}")
    elif len(meant) == 1:  # of several checkpoints, it may be about another one
        yield _differing(entry, figure, meant[0], is_named=own is not None)


def _differing(entry: ModelEntry, figure: StatedFigure, right: OwnFigure, *, is_named: bool) -> Problem:
    """Return what it means that a figure differs.

    Operations may follow another convention; two evaluations of one checkpoint are a little apart.
    """
    source, has = right.path.name, right.figure.text
    if figure.is_error_rate != right.figure.is_error_rate:
        has = str(right.figure)
    words = f"{source} has {has}{'' if is_named else f' for {right.model}'}"
    apart = _apart(figure, right.figure) if figure.quantity in ACCURACIES else Fraction(1)
    if apart <= _EVALUATED_AGAIN:
        return about(entry, "T014", Level.NOTE, figure, f"{figure}: reproduced, {words}")
    is_otherwise = apart <= _EVALUATED_OTHERWISE
    unsure = not is_named or is_otherwise or figure.quantity in PER_IMAGE
    message = f"{figure}: {words}{'; with another input or crop?' if is_otherwise else ''}"
    level = Level.WARNING if unsure else Level.FALSE
    return about(entry, "T014", level, figure, message, f"{has}, if {source} is right")


def _apart(first: StatedFigure, second: StatedFigure) -> Fraction:
    """Return how far two accuracies are apart beyond their roundings."""
    steps = (first.step + second.step) / 2
    return abs((first.value or Fraction(0)) - (second.value or Fraction(0))) - steps


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
