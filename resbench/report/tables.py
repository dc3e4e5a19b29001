"""Tables that fit: in a frame, else without it and with cells of several lines, else with rows of several lines.

Tables of records lose the columns that have no room instead (`Sheet.fitting`).
Neither a word nor a number with its unit or its interval is broken, but a word that is longer than the whole line.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any, Self

from rich.cells import cell_len
from rich.style import StyleType
from rich.table import Column, Table
from rich.text import Text

from resbench.words.escaped import visible

# What stays on one line: an interval in brackets, a number with its unit, any other word.
_UNBROKEN = re.compile(r"\[[^\]]*\]\S*|[+±-]?\d[\d.,]* (?:%|[^\W\d]{1,3})[,;:)]*(?!\S)|\S+")
_GAP = "  "  # between columns without a frame
_INDENT = 2  # of the further lines of a row
_LEAST = 20  # characters of a line, however narrow the terminal
_SILENT = {"", "-"}

Line = tuple[str, StyleType]  # and its style


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What a table shows, as a terminal may show it."""

    titles: tuple[str, ...]  # of the columns; empty: none are shown
    columns: tuple[tuple[str, ...], ...]  # their cells
    right: tuple[bool, ...]  # whether a column stands on the right
    styles: tuple[StyleType, ...]  # of the rows
    widths: tuple[int, ...]  # of the columns, when no cell is wrapped

    @classmethod
    def of(cls, table: Table) -> Self:
        """Return what `table` shows."""
        titles = tuple(_plain(column.header) for column in table.columns) if table.show_header else ()
        columns = [tuple(map(_plain, column.cells)) for column in table.columns]
        sheet = cls.of_columns(titles, columns, [column.justify == "right" for column in table.columns])
        return replace(sheet, styles=tuple(row.style or "" for row in table.rows))

    @classmethod
    def of_columns(cls, titles: Sequence[str], columns: Sequence[tuple[str, ...]], right: Sequence[bool]) -> Self:
        """Return a sheet of texts that hide nothing, without styles."""
        return cls(
            titles=tuple(titles),
            columns=tuple(columns),
            right=tuple(right),
            styles=("",) * len(columns[0]) if columns else (),
            widths=tuple(max(map(_width, texts), default=0) for texts in _texts(titles, columns)),
        )

    def only(self, kept: Sequence[int]) -> Self:
        """Return the sheet with these of its columns."""
        return replace(
            self,
            titles=tuple(self.titles[index] for index in kept) if self.titles else (),
            columns=tuple(self.columns[index] for index in kept),
            right=tuple(self.right[index] for index in kept),
            widths=tuple(self.widths[index] for index in kept),
        )

    def framed_width(self) -> int:
        """Return how wide the table is with its frame."""
        return sum(self.widths) + 3 * len(self.columns) + 1

    def saying(self) -> list[int]:
        """Return which columns say something in any row; the first one stays, and so do all of a sheet without rows."""
        return [index for index, cells in enumerate(self.columns) if not index or not cells or set(cells) - _SILENT]

    def fitting(self, width: int, first: Sequence[str]) -> Self:
        """Return the sheet without the columns for which a line of `width` characters has no room.

        Columns whose titles are in `first` stay before all others, in that order; of the others those on the left do.
        """
        room = width + len(_GAP)
        ranks = {title: rank for rank, title in enumerate(dict.fromkeys(first))}
        kept: list[int] = []
        for index in sorted(range(len(self.columns)), key=lambda index: ranks.get(self.titles[index], len(ranks))):
            taken = sum(self.widths[other] + len(_GAP) for other in kept)
            if not kept or taken + self.widths[index] + len(_GAP) <= room:
                kept.append(index)
        return self.only(sorted(kept))

    def table(self) -> Table:
        """Return it for rich to draw."""
        titles = zip(self.titles, self.right, strict=True)
        table = Table(*(Column(title, justify="right" if right else "left") for title, right in titles))
        for cells in zip(*self.columns, strict=True):
            table.add_row(*cells)
        return table


def framed_lines(sheet: Sheet) -> Iterator[str]:
    """Yield the lines of a table as rich draws them without colours, which takes it seconds for thousands of rows."""
    widths = sheet.widths

    def row(edge: str, cells: Iterable[str]) -> Iterator[str]:
        for line in _aligned([cell.split("\n") for cell in cells], widths, sheet.right):
            yield f"{edge} " + f" {edge} ".join(line) + f" {edge}"

    def rule(left: str, line: str, middle: str, end: str) -> str:
        return left + middle.join(line * (size + 2) for size in widths) + end

    if sheet.titles:
        yield rule("┏", "━", "┳", "┓")
        yield from row("┃", sheet.titles)
        yield rule("┡", "━", "╇", "┩")
    else:
        yield rule("┌", "─", "┬", "┐")
    for cells in zip(*sheet.columns, strict=True):
        yield from row("│", cells)
    yield rule("└", "─", "┴", "┘")


def open_lines(sheet: Sheet, width: int) -> Iterator[Line]:
    """Yield the lines of a table without a frame in at most `width` characters."""
    width = max(width, _LEAST)
    parts, widths = _layout(sheet, width)

    def lines(cells: Sequence[str], style: StyleType) -> Iterator[Line]:
        for number, part in enumerate(parts):
            own, right = [widths[index] for index in part], [sheet.right[index] for index in part]
            blocks = [wrapped(cells[index], widths[index]) for index in part]
            for line in _aligned(blocks, own, right):
                yield (" " * (_INDENT if number else 0) + _GAP.join(line)).rstrip(), style

    if sheet.titles:
        yield from lines(sheet.titles, "bold")
        yield "─" * max(_part_width(part, widths) for part in parts), ""
    for cells, style in zip(zip(*sheet.columns, strict=True), sheet.styles, strict=True):
        yield from lines(cells, style)


def wrapped(text: str, width: int) -> list[str]:
    """Return the lines of `text`; what stands between two blanks is broken only where it is longer than a line."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        own = [paragraph] if _line_width(paragraph) <= width else _filled(_pieces(paragraph, width), width)
        lines += own
    return lines


def _layout(sheet: Sheet, width: int) -> tuple[list[list[int]], list[int]]:
    """Return the columns in each line of a row (one line, if they fit), and the width of every column."""
    full, columns = sheet.widths, list(range(len(sheet.columns)))
    least = [_longest(texts, width) for texts in _texts(sheet.titles, sheet.columns)]
    fitted = _narrowed(full, least, width - len(_GAP) * (len(columns) - 1))
    if fitted:
        return [columns], fitted
    widths = [min(size, width - _INDENT) for size in full]
    parts = [[0]]
    for index in columns[1:]:
        more = [*parts[-1], index]
        if _part_width(more, widths) + (_INDENT if len(parts) > 1 else 0) <= width:
            parts[-1] = more
        else:
            parts.append([index])
    return parts, widths


def _longest(texts: Iterable[str], width: int) -> int:
    longest = 0
    for text in texts:
        if _width(text) > longest:  # else no piece of it is longer
            longest = max([longest, *map(_line_width, _pieces(text, width))])
    return longest


def _narrowed(full: Sequence[int], least: Sequence[int], room: int) -> list[int] | None:
    """Return widths that fit into `room`, the widest columns narrowed first; None if the longest words do not fit."""
    if sum(least) > room:
        return None
    widths = list(full)
    for _ in range(sum(widths) - room):
        widest = max((index for index in range(len(widths)) if widths[index] > least[index]), key=widths.__getitem__)
        widths[widest] -= 1
    return widths


def _part_width(part: Sequence[int], widths: Sequence[int]) -> int:
    return sum(widths[index] for index in part) + len(_GAP) * (len(part) - 1)


def _filled(pieces: Iterable[str], width: int) -> list[str]:
    lines: list[str] = []
    for piece in pieces:
        if lines and _line_width(lines[-1]) + 1 + _line_width(piece) <= width:
            lines[-1] += f" {piece}"
        else:
            lines.append(piece)
    return lines


def _pieces(text: str, width: int) -> Iterator[str]:
    """Yield what stays on one line; of a word that is longer than `width`, parts that are not."""
    for piece in _UNBROKEN.findall(text):
        words = [piece] if _line_width(piece) <= width else piece.split()
        for word in words:
            while _line_width(word) > width:
                end = max(word.rfind(mark, 1, width) for mark in "/-_") + 1 or width
                yield word[:end]
                word = word[end:]
            yield word


def _aligned(blocks: Iterable[Sequence[str]], widths: Sequence[int], right: Sequence[bool]) -> Iterator[list[str]]:
    """Yield the lines of a row whose cells have these lines, as wide as their columns."""
    for texts in zip_longest(*blocks, fillvalue=""):
        yield [_padded(text, size, side) for text, size, side in zip(texts, widths, right, strict=True)]


def _padded(text: str, size: int, right: bool) -> str:
    blanks = " " * (size - _line_width(text))
    return blanks + text if right else text + blanks


def _texts(titles: Sequence[str], columns: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    return ((titles[index], *cells) if titles else cells for index, cells in enumerate(columns))


def _width(text: str) -> int:
    return max(map(_line_width, text.split("\n"))) if "\n" in text else _line_width(text)


def _line_width(line: str) -> int:
    """Return how many places `line` takes on a terminal; rich looks up each letter, which is slow for thousands."""
    return len(line) if line.isascii() and line.isprintable() else cell_len(line)


def _plain(cell: Any) -> str:
    return cell.plain if isinstance(cell, Text) else visible(str(cell))
