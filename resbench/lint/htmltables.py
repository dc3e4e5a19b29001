"""Tables of HTML as rows of cells, in linear time; cells that span rows or columns are repeated."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

_TAG = re.compile(r"<(/?)(table|thead|tr|td|th)\b", re.IGNORECASE)
_SPAN = re.compile(r"\b(col|row)span\s{0,9}=\s{0,9}[\"']?(\d{1,3})", re.IGNORECASE)
_MOST = 50  # rows or columns that one cell may span
WIDEST = 200  # columns of a table that are looked at


class Cell(NamedTuple):
    """A cell of a table: its line and its text as it stands there."""

    line: int
    text: str


@dataclass(slots=True)
class _Row:
    cells: list[Cell] = field(default_factory=list)
    headed: int = 0  # cells that are headings


@dataclass(slots=True)
class _Table:
    rows: list[_Row] = field(default_factory=list)
    below: dict[int, tuple[int, Cell, bool]] = field(default_factory=dict)  # column: rows that a cell still spans
    depth: int = 1

    def place(self, cell: Cell, columns: int, rows: int, *, is_heading: bool) -> None:
        row = self.rows[-1]
        self.carry()
        for _ in range(min(columns, _MOST, WIDEST - len(row.cells))):
            if rows > 1:
                self.below[len(row.cells)] = (min(rows, _MOST) - 1, cell, is_heading)
            row.cells.append(cell)
            row.headed += is_heading

    def carry(self) -> None:
        """Repeat the cells of the rows above that reach into the next columns of this row."""
        row = self.rows[-1]
        while len(row.cells) < WIDEST and (span := self.below.pop(len(row.cells), None)):
            left, cell, is_heading = span
            if left > 1:
                self.below[len(row.cells)] = (left - 1, cell, is_heading)
            row.cells.append(cell)
            row.headed += is_heading


def html_tables(lines: list[tuple[int, str]]) -> Iterator[tuple[list[str], list[tuple[Cell, ...]]]]:
    """Yield headings and rows of each table in the numbered `lines`; a table within a table is left out."""
    table: _Table | None = None
    for line, closes, tag, inside, after in _tags(lines):
        if tag == "table" and not closes:
            if table is None:
                table = _Table()
            else:
                table.depth += 1
        elif table is None:
            continue
        elif tag == "table":
            table.depth -= 1
            if not table.depth:
                yield from _finished(table)
                table = None
        elif table.depth == 1 and not closes and tag == "tr":
            table.rows.append(_Row())
        elif table.depth == 1 and not closes and tag in ("td", "th"):
            spans = {word.lower(): int(count) for word, count in _SPAN.findall(inside)}
            table.rows = table.rows or [_Row()]
            cell = Cell(line, " ".join(after.split()))
            table.place(cell, spans.get("col", 1), spans.get("row", 1), is_heading=tag == "th")
        elif table.depth == 1 and closes and tag == "tr" and table.rows:
            table.carry()
    if table:
        yield from _finished(table)


def _tags(lines: list[tuple[int, str]]) -> Iterator[tuple[int, bool, str, str, str]]:
    """Yield each tag of a table: its line, whether it closes, its name, its attributes, the text behind it."""
    numbers = [number for number, _ in lines]
    text = "\n".join(line for _, line in lines)
    tags = list(_TAG.finditer(text))
    line, position = 0, 0
    for tag, following in zip(tags, [*tags[1:], None], strict=False):
        line += text.count("\n", position, tag.start())
        position = tag.start()
        stop = following.start() if following else len(text)
        inside, _, after = text[tag.end() : stop].partition(">")
        yield numbers[line], bool(tag[1]), tag[2].lower(), inside[:500], after


def _finished(table: _Table) -> Iterator[tuple[list[str], list[tuple[Cell, ...]]]]:
    """Yield headings and rows: the first rows that are all headings, or else the first row, are the headings."""
    rows = [row for row in table.rows if row.cells]
    head = 0
    while head < len(rows) and rows[head].headed == len(rows[head].cells):
        head += 1
    head = head or 1
    if len(rows) > head:
        width = max(len(row.cells) for row in rows[:head])
        columns = [[row.cells[at].text for row in rows[:head] if at < len(row.cells)] for at in range(width)]
        yield [" ".join(dict.fromkeys(words)) for words in columns], [tuple(row.cells) for row in rows[head:]]
