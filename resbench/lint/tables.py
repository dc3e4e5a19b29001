"""Tables of models, of HTML or Markdown, as models with their figures."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from resbench.lint import cells
from resbench.lint.columns import Column, bare, column
from resbench.lint.datasets import known_in
from resbench.lint.entry import ModelEntry, side, stem
from resbench.lint.figure import ACCURACIES, COUNTS, PER_IMAGE, SCALES, StatedFigure
from resbench.lint.htmltables import Cell
from resbench.lint.markdown import Grid, targets
from resbench.lint.names import network_named
from resbench.words.quantities import WORDS

_QUANTITIES = (*COUNTS, *ACCURACIES, "file_size", "pair")
# Columns of tables about something else than classification of images, whose counts are those of a whole system.
_OTHER_TASK = re.compile(
    r"\bm?ap ?(@|50|75|\d|s\b|m\b|l\b|\(|$)|\b(box|bbox|mask|seg|whole) ?m?ap\b|\bm?iou\b|\bpckh?\b|\bnme\b|"
    r"\bmpjpe\b|\bepe\b|\bhmean\b|\bpq\b|\bfid\b|frame|\bclips?\b|\bvideos?\b|\blr schd\b|\bdetector\b|\bneck\b|"
    r"\bpsnr\b|\bar ?(@|50)|modality"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A figure that is recognised as one and not understood."""

    line: int
    heading: str  # of its column
    text: str


@dataclass(slots=True, kw_only=True)
class TextModels:
    """What was read of a document's text."""

    entries: list[ModelEntry] = field(default_factory=list)
    not_understood: list[Unread] = field(default_factory=list)
    fractions: list[tuple[int, str]] = field(default_factory=list)  # columns of fractions: line and heading


def table_models(path: Path, grid: Grid) -> TextModels:
    """Return the models of a table; figures in a table that is not of models are not understood."""
    reading = TextModels()
    columns = [column(heading) for heading in grid.headings]
    if not any(each.kind == "model" for each in columns) and (turned := _turned(grid, columns)):
        grid, columns = turned, [column(heading) for heading in turned.headings]
    columns = _of_models(columns)
    columns = [_with_commas(grid, at, own) for at, own in enumerate(columns)]
    numbers = [_numbers(grid, at, own) for at, own in enumerate(columns)]
    columns = [_decided(each, own) for each, own in zip(columns, numbers, strict=True)]
    columns = _by_caption(columns, numbers, grid)
    named = any(each.kind == "model" for each in columns)
    reading.fractions += [(grid.rows[0][0].line, bare(each.heading)) for each in columns if named and each.unit == "1"]
    is_foreign = any(_OTHER_TASK.search(bare(heading).lower()) for heading in grid.headings)
    table = ModelEntry(
        style="table",
        path=path,
        line=0,
        name="",
        section=" / ".join(dict.fromkeys(filter(None, (grid.section, grid.caption)))),
        classes=classes(f"{grid.caption} {grid.section}"),
    )
    dataset = _data_above(grid) or ("another task" if is_foreign else "")
    for row in grid.rows:
        _read_row(reading, table, columns, row, dataset, counts_are_its_own=not is_foreign)
    return reading


def _of_models(columns: list[Column]) -> list[Column]:
    """Leave one column of models: the one of the best rank; without any, checkpoints are the models."""
    models = [each for each in columns if each.kind == "model"]
    best = min((each.rank for each in models), default=0)
    chosen = [each for each in models if each.rank == best]
    if not models:
        return [replace(each, kind="model") if each.kind == "checkpoint" else each for each in columns]
    kept = chosen[0] if len(chosen) == 1 else None
    columns = [replace(each, kind="") if each.kind == "model" and each is not kept else each for each in columns]
    return [replace(each, kind="download") if each.kind == "checkpoint" else each for each in columns]


def _turned(grid: Grid, columns: list[Column]) -> Grid | None:
    """Return a table whose columns are models with its rows and columns exchanged; None for any other table."""
    labels = [column(row[0].text) for row in grid.rows if row]
    has_quantities = any(label.kind in _QUANTITIES for label in labels)
    known = any(network_named(bare(heading)) for heading in grid.headings[1:])
    if not has_quantities or not known or any(each.kind in _QUANTITIES for each in columns):
        return None
    line = grid.rows[0][0].line
    rows = [
        (Cell(line, heading), *(row[at] if at < len(row) else Cell(row[0].line, "") for row in grid.rows if row))
        for at, heading in enumerate(grid.headings[1:], 1)
    ]
    return replace(grid, headings=("model", *(row[0].text for row in grid.rows if row)), rows=tuple(rows))


def _with_commas(grid: Grid, at: int, own: Column) -> Column:
    if own.kind not in _QUANTITIES:
        return own
    return replace(own, decimal_comma=cells.decimal_commas(row[at].text for row in grid.rows if at < len(row)))


def _numbers(grid: Grid, at: int, own: Column) -> list[cells.Printed]:
    """Return the numbers of a column of figures."""
    texts = [row[at].text for row in grid.rows if at < len(row)] if own.kind in _QUANTITIES else []
    numbers = [cells.printed_number(text, own) for text in texts]
    return [each for each in numbers if each]


def _decided(own: Column, numbers: Sequence[cells.Printed]) -> Column:
    """Decide for a whole column what its cells leave open: fraction or per cent; the unit that some cells give."""
    if not numbers:
        return own
    if own.kind in ACCURACIES and not own.unit and not any(each.unit for each in numbers):
        fractions = [each for each in numbers if each.value is not None and each.value <= 1]
        return replace(own, unit="1") if 2 * len(fractions) > len(numbers) else own
    units = {each.unit for each in numbers if each.unit and each.unit in SCALES}
    if own.kind in COUNTS and not own.unit and len(units) == 1:
        without = [each.value for each in numbers if not each.unit]
        return replace(own, unit=units.pop()) if all(value and value < 10**5 for value in without) else own
    return own


def _by_caption(columns: list[Column], numbers: list[list[cells.Printed]], grid: Grid) -> list[Column]:
    """Take accuracies for error rates where the caption says so, or where every top-5 is below its top-1."""
    caption = grid.caption.lower()
    says_error = re.search(r"(?<![a-z])err(or)?s?\b", caption) and "acc" not in caption
    values = {
        each.kind: [None if number.value is None else number.value * (100 if each.unit == "1" else 1) for number in own]
        for each, own in zip(columns, numbers, strict=True)
        if each.kind in ACCURACIES and not each.says_accuracy and not each.is_error_rate
    }
    first, fifth = values.get("top1", []), values.get("top5", [])
    swapped = len(first) == len(fifth) > 1 and all(
        first_value is not None and fifth_value is not None and fifth_value < first_value and fifth_value < 50
        for first_value, fifth_value in zip(first, fifth, strict=True)
    )
    low = [value for value in first or fifth if value is not None and value < 50]
    if not swapped and not (says_error and 2 * len(low) > len(first or fifth)):
        return columns
    return [replace(each, is_error_rate=True) if each.kind in values else each for each in columns]


def _read_row(
    reading: TextModels,
    table: ModelEntry,
    columns: list[Column],
    row: tuple[Cell, ...],
    dataset: str,
    *,
    counts_are_its_own: bool,
) -> None:
    """Add the model of a row, which has in common with `table` what stands above both."""
    texts = {own.kind: cell.text for own, cell in reversed(list(zip(columns, row, strict=False)))}
    name, size = bare(texts.get("model", "")), texts.get("size", "")
    image_px = input_side(size)
    dataset = bare(texts.get("dataset", "")) or dataset
    figures: list[StatedFigure] = []
    for own, cell in zip(columns, row, strict=False):
        if own.kind not in _QUANTITIES or not cells.holds_a_figure(cell.text):
            continue
        stated_figures = stated(own, cell)
        is_unclear = own.kind in PER_IMAGE and image_px is None and cells.holds_a_figure(size)
        if not name or not stated_figures or is_unclear or not (counts_are_its_own or own.kind in ACCURACIES):
            reading.not_understood.append(Unread(line=cell.line, heading=bare(own.heading), text=bare(cell.text)))
        else:
            data, size_px = own.dataset or dataset, own.image_px or image_px
            figures += [replace(each, dataset=data, image_px=size_px) for each in stated_figures]
    if figures:
        reading.entries.append(
            replace(
                table,
                line=figures[0].line,
                name=name,
                figures=tuple(figures),
                names=(stem(next(iter(targets(texts.get("config", ""))), "")),),
                weights_url=next(iter(targets(texts.get("download", ""))), ""),
                image_px=image_px,
            )
        )


def _data_above(grid: Grid) -> str:
    """Return the data set of the caption, else of the innermost heading that names one."""
    words = [grid.caption, *reversed(grid.section.split(" / "))]
    return next((known for text in words if (known := known_in(text))), "")


def stated(own: Column, cell: Cell) -> list[StatedFigure]:
    """Return the figures that a cell prints in its column; none when it is not understood."""
    if own.kind == "pair":
        parts = re.split(r"[/,&;|]", cell.text)
        pair = [replace(own, kind="top1"), replace(own, kind="top5")]
        both = [stated(each, Cell(cell.line, part)) for each, part in zip(pair, parts, strict=False)]
        return [each for parsed in both for each in parsed] if len(parts) == 2 and all(both) else []
    number = cells.printed_number(cell.text, own)
    quantity = next((quantity for quantity in WORDS if quantity == own.kind), None)
    if number is None or quantity is None:
        return []
    if number.unit == "%" and own.kind not in ACCURACIES:  # a share of the parameters is no count
        return []
    figure = StatedFigure(
        quantity=quantity,
        text=number.text,
        unit=number.unit or own.unit,
        line=cell.line,
        is_error_rate=own.is_error_rate,
        decimal_comma=number.decimal_comma,
        approximate=number.approximate,
        heading=bare(own.heading),
        arguments=own.arguments,
    )
    figures = [replace(figure, margin=number.margin * figure.scale)]
    if number.in_parentheses and own.with_error:
        figures.append(replace(figure, text=number.in_parentheses.strip("% "), is_error_rate=True))
    return figures


def input_side(cell: str) -> int | None:
    """Return the side of a square input: of "224", "3x224x224", "224 px"; None for anything else."""
    words = re.sub(r"[()\[\]]", "", bare(cell).lower().replace(",", "x").replace("*", "x"))
    match = re.fullmatch(
        r"(?:3\s?x\s?)?(\d{2,4})\s?(?:\^2|(?:px)?(?:\s?x\s?(\d{2,4}))?\s?(?:px|pixels?)?)(?:\s?x\s?3)?", words
    )
    return side(match[1]) if match and match[2] in (None, match[1]) else None


def classes(text: str) -> int | None:
    """Return the number of classes that a heading or caption states."""
    match = re.search(
        r"(?<![\d.,])(\d{1,3}(?:,\d{3})|\d{1,5})[ -](?:way|class(?:es)?|categories|labels|species)\b", text
    )
    return int(match[1].replace(",", "")) if match and int(match[1].replace(",", "")) > 1 else None
