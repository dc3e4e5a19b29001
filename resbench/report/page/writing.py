"""The report of a folder of records, written to a file."""

import sys
from collections.abc import Mapping
from pathlib import Path

from resbench import units
from resbench.bench.columns import RECORD_COLUMNS, Row
from resbench.bench.table import record_rows, speed_rows
from resbench.errors import ResbenchError
from resbench.records.files import write_text
from resbench.records.record import Record
from resbench.records.store import read_folder
from resbench.report.choosing import RowChoice, chosen_rows
from resbench.report.page.contents import contents
from resbench.report.page.details import details
from resbench.report.page.html import GENERATOR, page
from resbench.report.progress import tracked


def write_report(
    folder: Path, output: Path, *, title: str | None = None, choice: RowChoice | None = None, quiet: bool = False
) -> None:
    """Write the page about the records in `folder` that `choice` leaves to `output`, and say how large it is.

    Raises ResbenchError when there are no records, one cannot be read, or `output` was not written by resbench.
    """
    if output.exists() and not _is_report(output):
        raise ResbenchError(f"{output}: was not written by `resbench report`; choose another --output, or remove it")
    records = read_folder(folder)
    rows = speed_rows(records)
    if not rows:
        raise ResbenchError(
            f"{folder}: no record holds a sample or an image; measure with `resbench profile NAME --save`"
        )
    if choice and not (rows := _chosen(rows, records, choice)):
        raise ResbenchError(f"{folder}: no record meets these conditions; `resbench results` lists all records")
    paths = list(dict.fromkeys(row["record"] for row in rows))
    opened = (details(path, records[path]) for path in tracked("records", paths, len(paths), quiet=quiet))
    name = title or f"Records of {folder.resolve().name}"
    write_text(output, page(name, _summary(rows, paths), contents(rows), opened))
    size = units.size(output.stat().st_size)
    print(f"wrote {output}: {units.count_of(len(paths), 'record')}, {size}", file=sys.stderr)


def _chosen(rows: list[Row], records: Mapping[str, Record], choice: RowChoice) -> list[Row]:
    """Return the rows of the records that `choice` leaves: conditions are about records, as those of `results`."""
    chosen = {row["record"] for row in chosen_rows(record_rows(records), RECORD_COLUMNS, choice)}
    return [row for row in rows if row["record"] in chosen]


def _is_report(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return GENERATOR.encode() in file.read(4096)


def _summary(rows: list[Row], paths: list[str]) -> str:
    networks, machines = (units.count_of(len({row[noun] for row in rows}), noun) for noun in ("network", "machine"))
    days = sorted(row["started"][:10] for row in rows)
    measured = f"measured {days[0]}" + (f" to {days[-1]}" if days[-1] != days[0] else "")
    return f"{units.count_of(len(paths), 'record')} of {networks} on {machines}, {measured}"
