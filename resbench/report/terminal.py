"""The two streams: results to stdout, progress and advice to stderr; and what is the same on them for every command."""

import json
import sys
from typing import Any

import msgspec
from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.progress import Progress, ProgressColumn
from rich.table import Column, Table
from rich.text import Text

from resbench.words.escaped import visible, visible_json

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
        for table in objects:
            if isinstance(table, Table) and width(self, table) > self.width:
                table.box, table.padding = box.SIMPLE_HEAD, (0, 1, 0, 0)
                for column in table.columns:
                    column.overflow = "fold"
        super().print(*objects, **options)


def width(console: Console, table: Table) -> int:
    """Return how many columns of characters the rows of `table` take when none is broken."""
    return Measurement.get(console, console.options.update(max_width=UNWRAPPED), table).maximum


def results() -> Console:
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
    try:
        compact = msgspec.json.encode(value, enc_hook=float)  # numpy's scalars
        text = msgspec.json.format(compact, indent=2).decode()
    except UnicodeEncodeError:  # the name of a file that is not UTF-8
        text = json.dumps(msgspec.to_builtins(value, enc_hook=float), indent=2)
    print_json_text(text + "\n")


def print_json_text(text: str) -> None:
    """Print JSON to stdout."""
    print(visible_json(text), end="")


def diff(text: str) -> None:
    """Print a unified diff to stdout, coloured on a terminal; nothing when it is empty."""
    console = results()
    for line in text.removesuffix("\n").split("\n") if text else ():
        if sys.stdout.isatty():
            console.print(line, style=_DIFF.get(line[:1]), soft_wrap=True)
        else:
            print(visible(line))


def figures(*titles: str) -> list[Column]:
    """Return columns of a table for figures, which stand on the right."""
    return [Column(title, justify="right") for title in titles]


def bars(*columns: ProgressColumn, quiet: bool = False) -> Progress:
    """Return a display of progress on stderr, on a terminal only; it leaves nothing behind."""
    console = advice()
    return Progress(*columns, console=console, disable=quiet or not console.is_terminal, transient=True)
