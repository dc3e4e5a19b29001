"""The two streams: results to stdout, progress and advice to stderr; and what is the same on them for every command."""

import json
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from itertools import groupby
from operator import itemgetter
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import Progress, ProgressColumn, Task, TextColumn
from rich.table import Column, Table
from rich.text import Text

from resbench.records.jsonio import dumps
from resbench.records.record import Record
from resbench.report import tables
from resbench.words.escaped import visible, visible_json

_MOST_ROWS = 1000  # that rich lays out in a time that people wait for
UNWRAPPED = 1000  # columns: a table that goes to a file or pipe keeps each row on one line
_DIFF = {"+": "green", "-": "red", "@": "cyan"}  # the rest in the terminal's own colour, light or dark


class _Edge(Console):
    """A console that shows every string as one line that hides nothing (`words.escaped`), and tables that fit.

    Tables lose the columns that say nothing.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **options)  # names may hold [anything] and :any:

    def render_str(self, text: str, **options: Any) -> Text:
        """Return `text` as rich shows it, escaped."""
        return super().render_str(visible(text), **options)

    def print(self, *objects: Any, **options: Any) -> None:
        if len(objects) == 1 and isinstance(objects[0], Table):
            self._print_table(objects[0])
        elif len(objects) == 1 and isinstance(objects[0], tables.Sheet):
            self._print_sheet(objects[0])
        else:
            super().print(*objects, **options)

    def _print_table(self, table: Table) -> None:
        sheet = tables.Sheet.of(table)
        kept = sheet.saying()
        table.columns[:] = [table.columns[index] for index in kept]
        if table.title:
            for text in tables.wrapped(visible(str(table.title)), self.width):
                super().print(Text(text, "italic"), soft_wrap=True)
            table.title = None
        self._print_sheet(sheet.only(kept), table)

    def _print_sheet(self, sheet: tables.Sheet, table: Table | None = None) -> None:
        """Print `sheet`; `table` is the one that it shows, with its styles."""
        framed = (table is None or table.box is not None) and sheet.framed_width() <= self.width
        if framed and self.is_terminal and len(sheet.styles) <= _MOST_ROWS:
            super().print(table or sheet.table())
        elif framed:
            print("\n".join(tables.framed_lines(sheet)), file=self.file)
        else:
            self._print_lines(tables.open_lines(sheet, self.width))

    def _print_lines(self, lines: Iterable[tables.Line]) -> None:
        """Print lines with their styles where there are colours; what has none goes past rich, which is slow."""
        for style, alike in groupby(lines, key=itemgetter(1)):
            text = "\n".join(line for line, _ in alike)
            if style and self.is_terminal:
                super().print(Text(text, style), soft_wrap=True)
            else:
                print(text, file=self.file)


def results_console() -> Console:
    """Return the console for results, on stdout."""
    return _Edge(width=None if sys.stdout.isatty() else UNWRAPPED)


def advice() -> Console:
    """Return the console for progress, warnings and logs, on stderr."""
    return _Edge(stderr=True, width=None if sys.stderr.isatty() else UNWRAPPED)


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


def print_records(records: Iterable[Record]) -> None:
    """Print records to stdout as a JSON list, each as `--save` writes it."""
    print_json_text(f"[\n{','.join(map(dumps, records))}]\n")


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
    """Return a display of progress on stderr, on a terminal or in a notebook only; it leaves nothing behind."""
    console = advice()
    seen = console.is_terminal or (console.is_jupyter and find_spec("ipywidgets") is not None)  # rich needs it there
    return Progress(*columns, console=console, disable=quiet or not seen, transient=True)
