"""The two streams: results to stdout, progress and advice to stderr; and what is the same on them for every command."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.progress import Progress, ProgressColumn, Task, TextColumn
from rich.table import Column, Table
from rich.text import Text

from resbench.words.escaped import visible, visible_json

_MOST_ROWS = 1000  # that rich lays out in a time that people wait for
UNWRAPPED = 1000  # columns: a table that goes to a file or pipe keeps each row on one line
_PLAIN: dict[str, Any] = {"highlight": False, "markup": False, "emoji": False}  # names may hold [anything] and :any:
_DIFF = {"+": "green", "-": "red", "@": "cyan"}  # the rest in the terminal's own colour, light or dark


class _Edge(Console):
    """A console that shows every string as one line that hides nothing (`words.escaped`)."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Return `text` as rich shows it, escaped."""
        return super().render_str(visible(text), **options)


class _Whole(_Edge):
    """A console that cuts nothing off: a table that is too wide for it loses its frame, and words are broken."""

    def print(self, *objects: Any, **options: Any) -> None:
        for shown in objects:
            if isinstance(shown, Table):
                self._print_table(shown)
            else:
                super().print(shown, **options)

    def _print_table(self, table: Table) -> None:
        if _is_plain(table) and (not self.is_terminal or table.row_count > _MOST_ROWS):
            columns = _visible_columns(table)
            if _whole_width(widths := _widths(columns)) <= self.width:
                print("\n".join(_drawn(table, columns, widths)))
                return
        wide = width(self, table) > self.width
        if wide:
            table.box, table.padding = box.SIMPLE_HEAD, (0, 1, 0, 0)
            for column in table.columns:
                column.overflow = "fold"
        super().print(table)


def width(console: Console, table: Table) -> int:
    """Return how many columns of characters the rows of `table` take when none is broken."""
    if _is_plain(table):
        return _whole_width(_widths(_visible_columns(table)))
    return Measurement.get(console, console.options.update(max_width=UNWRAPPED), table).maximum


def _is_plain(table: Table) -> bool:
    return table.show_header and all(isinstance(cell, str) for column in table.columns for cell in column.cells)


def _visible_columns(table: Table) -> list[list[str]]:
    """Return the columns of a plain table with their headers, as a terminal may show them."""
    return [[visible(str(cell)) for cell in (column.header, *column.cells)] for column in table.columns]


def _widths(columns: Iterable[Iterable[str]]) -> list[int]:
    return [max(map(cell_len, column)) for column in columns]


def _whole_width(widths: Sequence[int]) -> int:
    """Return how wide a table is with its frame."""
    return sum(widths) + 3 * len(widths) + 1


def _drawn(table: Table, columns: Iterable[Sequence[str]], widths: Sequence[int]) -> Iterator[str]:
    """Yield the lines of `table` as rich draws them without colours, which takes it seconds for thousands of rows."""
    right = [column.justify == "right" for column in table.columns]

    def row(edge: str, cells: Iterable[str]) -> str:
        return f"{edge} " + f" {edge} ".join(map(_padded, cells, widths, right)) + f" {edge}"

    def rule(left: str, line: str, middle: str, end: str) -> str:
        return left + middle.join(line * (size + 2) for size in widths) + end

    if table.title:
        title = visible(str(table.title))
        yield title if table.title_justify == "left" else title.center(_whole_width(widths)).rstrip()
    rows = zip(*columns, strict=True)
    yield rule("┏", "━", "┳", "┓")
    yield row("┃", next(rows))
    yield rule("┡", "━", "╇", "┩")
    yield from (row("│", cells) for cells in rows)
    yield rule("└", "─", "┴", "┘")


def _padded(text: str, size: int, right: bool) -> str:
    blanks = " " * (size - cell_len(text))
    return blanks + text if right else text + blanks


def results_console() -> Console:
    """Return the console for results, on stdout."""
    return _Whole(width=None if sys.stdout.isatty() else UNWRAPPED, **_PLAIN)


def advice() -> Console:
    """Return the console for progress, warnings and logs, on stderr."""
    return _Edge(stderr=True, width=None if sys.stderr.isatty() else UNWRAPPED, **_PLAIN)


def titled(title: str, rest: str) -> Text:
    """Return a line that begins with what it is about."""
    return line((title, "bold"), rest)


def line(*parts: str | tuple[str, str]) -> Text:
    """Return a line of texts, some with a style."""
    return Text.assemble(*(visible(part) if isinstance(part, str) else (visible(part[0]), part[1]) for part in parts))


def print_json(value: object) -> None:
    """Print plain values, dataclasses and structs to stdout as JSON; what is infinite or not a number is null."""
    print_json_text(f"{json_text(value)}\n")


def json_text(value: object) -> str:
    """Return plain values, dataclasses and structs as JSON; what is infinite or not a number is null."""
    try:
        compact = msgspec.json.encode(value, enc_hook=float)  # numpy's scalars
        return msgspec.json.format(compact, indent=2).decode()
    except UnicodeEncodeError:  # the name of a file that is not UTF-8
        return json.dumps(msgspec.to_builtins(value, enc_hook=float), indent=2)


def print_json_list(values: Iterable[object]) -> None:
    """Print a list to stdout as `print_json` does, item by item, so that it is never in memory whole."""
    between = "[\n  "
    for value in values:
        print_json_text(between + json_text(value).replace("\n", "\n  "))
        between = ",\n  "
    print("\n]" if between.startswith(",") else "[]")


def print_json_text(text: str) -> None:
    """Print JSON to stdout."""
    print(visible_json(text), end="")


def print_diff(text: str) -> None:
    """Print a unified diff to stdout, coloured on a terminal; nothing when it is empty."""
    console = results_console()
    for line in text.removesuffix("\n").split("\n") if text else ():
        if sys.stdout.isatty():
            console.print(line, style=_DIFF.get(line[:1]), soft_wrap=True)
        else:
            print(visible(line))


def figure_columns(*titles: str) -> list[Column]:
    """Return columns of a table for figures, which stand on the right."""
    return [Column(title, justify="right") for title in titles]


class Words(TextColumn):
    """A column of a display of progress: its text hides nothing and is no markup, whatever a file is called."""

    def render(self, task: Task) -> Text:
        """Return the text of `task`."""
        return line(self.text_format.format(task=task))


def bars(*columns: ProgressColumn, quiet: bool = False) -> Progress:
    """Return a display of progress on stderr, on a terminal only; it leaves nothing behind."""
    console = advice()
    return Progress(*columns, console=console, disable=quiet or not console.is_terminal, transient=True)
