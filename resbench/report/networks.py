"""The table of networks."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from resbench import units
from resbench.counting.counted import counted
from resbench.errors import ResbenchError
from resbench.report import terminal
from resbench.report.where import Kind, condition
from resbench.zoo.find import checkpoints
from resbench.zoo.spec import Variant

Row = dict[str, Any]

COLUMNS: dict[str, Kind] = {
    "name": "text",
    "family": "text",
    "input_px": "number",
    "params": "number",
    "macs": "number",
    "top1": "per cent",
    "checkpoints": "number",
}


def rows(
    variants: Sequence[Variant], *, where: str | None = None, sort: str | None = None, descending: bool = False
) -> list[Row]:
    """Return one row per network that fulfils `where`, in the order of the table or of the column `sort`.

    Raises ResbenchError for an unknown column or a condition that cannot be read.
    """
    table_rows = [_row(variant) for variant in variants]
    if where is not None:
        holds = condition(where, COLUMNS)
        table_rows = [row for row in table_rows if holds(_figures(row))]
    if sort is None:
        return table_rows[::-1] if descending else table_rows
    if sort not in COLUMNS:
        raise ResbenchError(f"--sort {sort}: no such column; choose from {', '.join(COLUMNS)}")
    present = [row for row in table_rows if row[sort] is not None]
    absent = [row for row in table_rows if row[sort] is None]
    return sorted(present, key=lambda row: _figures(row)[sort], reverse=descending) + absent


def show_networks(rows_: Sequence[Row], *, as_json: bool) -> None:
    """Print one row per network to stdout."""
    if as_json:
        terminal.print_json(rows_)
        return
    columns = terminal.figure_columns("input px", "parameters", "MACs", "top-1", "checkpoints")
    table = Table("name", "family", *columns)
    for row in rows_:
        top1 = "-" if row["top1"] is None else f"{row['top1']:.2f} %"
        numbers = (str(row["input_px"]), units.si(row["params"]), units.si(row["macs"]), top1)
        table.add_row(row["name"], row["family"], *numbers, str(len(row["checkpoints"])))
    terminal.results_console().print(table)


def _row(variant: Variant) -> Row:
    counts = counted(variant.name)
    published = checkpoints(variant.name)
    claims = [claim for weights in published if (claim := weights.claim("top1")) and not claim.error]
    return {
        "name": variant.name,
        "family": variant.family,
        "input_px": variant.input_px,
        "params": counts.params,
        "macs": counts.terms.macs,
        "top1": round(100 * max(claim.value for claim in claims), 3) if claims else None,
        "checkpoints": [weights.name for weights in published],
    }


def _figures(row: Row) -> Row:
    """Return `row` with the number of its checkpoints instead of their names."""
    return {**row, "checkpoints": len(row["checkpoints"])}
