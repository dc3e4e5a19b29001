"""Lists of a model's counts under its title, as on timm's cards at the hub; tables of a metric and its value."""

import re
from dataclasses import replace
from pathlib import Path

from resbench.lint import cells
from resbench.lint.columns import LONGEST, bare, column
from resbench.lint.entry import ModelEntry
from resbench.lint.figure import COUNTS
from resbench.lint.htmltables import Cell
from resbench.lint.markdown import Grid, heading_level, prose
from resbench.lint.tables import TextModels, Unread, input_side, stated

_ITEM = re.compile(r"\s{0,12}[-*+]\s{1,9}([^:]{1,40}):(.*)")
_LISTED = (*COUNTS, "size", "file_size")


def listed_models(path: Path, text: str) -> TextModels:
    """Return a model for each title that is followed by a list of its counts.

    The first size that a list gives is the one that the counts hold at.
    """
    reading = TextModels()
    titled = _titled(path, 1, "")
    for number, line in prose(text):
        if heading_level(line) == 1:
            _finish(reading, titled)
            titled = _titled(path, number, line)
        elif item := _ITEM.fullmatch(line):
            titled = _with(reading, titled, item[1].strip("* "), Cell(number, item[2].strip(" *")))
    _finish(reading, titled)
    return reading


def is_of_values(grid: Grid) -> bool:
    """Whether a table lists metrics and their values, all of the model in the page's title."""
    heads = [bare(heading).lower() for heading in grid.headings]
    return (
        len(heads) == 2 and heads[0] in ("", "metric", "metrics", "property", "attribute") and heads[1] in ("value", "")
    )


def listed_values(path: Path, grid: Grid) -> TextModels:
    """Return the model of the page's title with the values of a table that `is_of_values`."""
    reading = TextModels()
    titled = _titled(path, grid.rows[0][0].line if grid.rows else 1, grid.title)
    for row in grid.rows:
        if len(row) == 2:
            titled = _with(reading, titled, row[0].text, row[1])
    _finish(reading, titled)
    return reading


def _titled(path: Path, line: int, title: str) -> ModelEntry:
    words = re.sub(r"[`*\\]", "", title[:LONGEST]).strip("# \t").split()
    return ModelEntry(style="table", path=path, line=line, name=words[-1] if words else "")


def _with(reading: TextModels, titled: ModelEntry, key: str, cell: Cell) -> ModelEntry:
    """Add what a line of a list says to its model."""
    own = column(key)
    if own.kind not in _LISTED or not cells.holds_a_figure(cell.text):
        return titled
    if own.kind == "size":
        size = re.search(r"\d{1,4}\s?[x×]\s?\d{1,4}|\d{1,4}", cell.text)
        return replace(titled, image_px=titled.image_px or (input_side(size[0]) if size else None))
    cell_figures = [] if own.kind in {figure.quantity for figure in titled.figures} else stated(own, cell)
    if not cell_figures:
        reading.not_understood.append(Unread(line=cell.line, heading=bare(key), text=bare(cell.text)))
    return replace(titled, figures=(*titled.figures, *cell_figures))


def _finish(reading: TextModels, titled: ModelEntry) -> None:
    if titled.figures:
        figures = tuple(replace(figure, image_px=titled.image_px) for figure in titled.figures)
        reading.entries.append(replace(titled, figures=figures))
