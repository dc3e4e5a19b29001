"""What a pool of runs holds."""

from collections.abc import Sequence

from rich.table import Column, Table

from resbench import units
from resbench.records.pool import Shelf
from resbench.report import terminal


def show_baseline(shelves: Sequence[Shelf], *, as_json: bool) -> None:
    """Print one row per path to stdout."""
    if as_json:
        terminal.print_json(shelves)
        return
    table = Table(Column("record", overflow="fold"), "runs", "oldest", "newest")
    for shelf in shelves:
        table.add_row(shelf.path, str(shelf.runs), _day(shelf.oldest), _day(shelf.newest))
    terminal.results_console().print(table)


def print_count(runs: int, what: str, pool: object) -> None:
    """Print what was done to how many runs, to stderr."""
    terminal.advice().print(f"{what} {units.count_of(runs, 'run')}: {pool}")


def _day(started: str) -> str:
    return started[:16].replace("T", " ")
