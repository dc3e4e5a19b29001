"""Rows of a table of measurements, shown and written: for the terminal, as CSV, JSON, Markdown and Parquet."""

import io
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resbench import units
from resbench.bench.columns import RECORD_COLUMNS, SPEED_COLUMNS, Columns, Row, TableColumn, interval_columns
from resbench.bench.table import data_frame, record_rows, speed_rows
from resbench.errors import ResbenchError
from resbench.records.files import write_bytes
from resbench.records.record import Record
from resbench.report import tables, terminal
from resbench.report.choosing import RowChoice, chosen_rows, named_columns
from resbench.report.github import table_cell
from resbench.words.escaped import visible, visible_csv, visible_json

_FOR_PEOPLE = ("table", "markdown")
_USUAL = (
    "network", "checkpoint", "kind", "machine", "input_px", "settings", "speed", "batch_size", "latency_ms",
    "latency_batch", "time_ms", "images_per_s", "throughput_batch", "top1", "top1_source", "noise", "age_days",
)  # fmt: skip
_FIRST = (  # where not all have room
    "speed", "batch_size", "latency_ms", "time_ms", "top1", "images_per_s", "params", "macs", "checkpoint", "machine",
    "kind", "settings", "family", "noise", "top1_source",
)  # fmt: skip
_NAMES = ("network", "family")
_SIZES = ("input_px", "latency_batch", "throughput_batch", "batch_size")
_SUFFIXES = {".csv": "csv", ".json": "json", ".md": "markdown", ".parquet": "parquet"}


def format_of(wanted: str | None, output: Path | None, *, as_json: bool = False) -> str:
    """Return the format that is asked for, or that the suffix of `output` names. Raises ResbenchError when neither."""
    if as_json and wanted not in (None, "json"):
        raise ResbenchError(f"--json, --format {wanted}: give one of them")
    form = "json" if as_json else wanted or (_SUFFIXES.get(output.suffix) if output else "table")
    if form is None or (output and form == "table"):
        raise ResbenchError(f"{output}: choose --format csv, json, markdown or parquet for a file")
    return form


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """How rows are shown."""

    form: str = "table"  # or csv, json, markdown, parquet
    columns: str | None = None  # with commas between
    output: Path | None = None


def show_chosen(records: Mapping[str, Record], choice: RowChoice, written: Written, *, speeds: bool) -> None:
    """Print or write the rows of `records` that `choice` leaves: one per record, or per speed."""
    columns = SPEED_COLUMNS if speeds else RECORD_COLUMNS
    usual = [name for name in _USUAL if name in columns] if written.form in _FOR_PEOPLE else list(columns)
    shown = usual if written.columns is None else named_columns("--columns", written.columns, columns)
    rows = (speed_rows if speeds else record_rows)(records, cpu="cpu_ms" in {*shown, *choice.words})
    rows = chosen_rows(rows, columns, choice)
    if not rows:
        terminal.advice().print("no record meets these conditions")
    if written.form == "table":
        narrowing = Narrowing(first=choice.words, rest="--columns") if written.columns is None else None
        print_rows(rows, columns, shown, narrowing)
    else:
        _write(_content(rows, {name: columns[name] for name in shown}, written.form), written.output)


def _write(content: bytes, output: Path | None) -> None:
    if output:
        write_bytes(output, content)
        terminal.advice().print(f"wrote {output}", soft_wrap=True)
    else:
        sys.stdout.buffer.write(content)


def _content(rows: Sequence[Row], columns: Columns, form: str) -> bytes:
    match form:
        case "parquet":
            return _parquet(rows, columns)
        case "csv":
            text = visible_csv(list(columns), ([row[name] for name in columns] for row in rows))
        case "json":
            text = visible_json(terminal.json_text([{name: row[name] for name in columns} for row in rows])) + "\n"
        case _:
            text = "".join(f"{line}\n" for line in _markdown(rows, columns))
    return text.encode(errors="backslashreplace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """What becomes of columns where the terminal is too narrow for all."""

    first: Sequence[str]  # the words that were asked for: columns among them stay
    rest: str  # the option that shows the others


def print_rows(rows: Sequence[Row], columns: Columns, shown: Sequence[str], narrowing: Narrowing | None) -> None:
    """Print a table of a line for each row; what all rows have in common goes into a line below it.

    Columns in which no row says anything are left out, and so are those that have no room, which a note names. Without
    `narrowing` every column is shown, even if a row then takes several lines.
    """
    common = _common(rows, columns, shown) if len(rows) > 1 else {}
    titles = [name for name in shown if name not in common]
    cells = [tuple(map(visible, column_cells(rows, name, columns[name]))) for name in titles]
    sheet = tables.Sheet.of_columns(titles, cells, [columns[name].kind != "text" for name in titles])
    console = terminal.results_console()
    if narrowing:
        sheet = sheet.only(sheet.saying())
    fitted = sheet.fitting(console.width, ["network", *narrowing.first, *_FIRST]) if narrowing else sheet
    console.print(fitted)
    if shared := "; ".join(f"{name} {text}" for name, text in common.items() if text != "-" or not narrowing):
        console.print(f"all of them: {shared}")
    if narrowing and (left_out := [title for title in sheet.titles if title not in fitted.titles]):
        console.print(f"no room for {', '.join(left_out)} ({narrowing.rest} or a wider terminal shows them)")


def _common(rows: Sequence[Row], columns: Columns, shown: Sequence[str]) -> dict[str, str]:
    """Return the conditions that all rows share: texts but for names of networks and families, sizes of inputs."""
    names = [name for name in shown if (columns[name].kind == "text" or name in _SIZES) and name not in _NAMES]
    shared = [name for name in names if all(row[name] == rows[0][name] for row in rows)]
    return {name: column_cells(rows[:1], name, columns[name])[0] for name in shared}


def column_cells(rows: Sequence[Row], name: str, column: TableColumn) -> list[str]:
    """Return the values of a column for people, with their intervals where it has some: "51.73 [51.38, 52.08]"."""
    low, high = interval_columns(name)
    cells = [_cell(row[name], row.get(low), row.get(high), column) for row in rows]
    if name == "latency_ms":
        return [text if row["record"] else "no record" for row, text in zip(rows, cells, strict=True)]
    return cells


def _cell(value: Any, low: float | None, high: float | None, column: TableColumn) -> str:
    if value is None or value == "":
        return "-"
    if low is None or high is None:
        return _figure(value, column)
    bounds = f"[{_figure(low, column)}, {_figure(high, column)}]".replace(" %", "")
    return f"{_figure(value, column)} {bounds}"


def _figure(value: Any, column: TableColumn) -> str:
    if column.kind == "text":
        return str(value)
    if column.kind == "per cent":
        return f"{value:.2f} %"
    if column.whole:
        return units.si(value) if value >= 10**5 else str(value)
    return units.figure(value)


def _markdown(rows: Sequence[Row], columns: Columns) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|{'|'.join('---' if column.kind == 'text' else '---:' for column in columns.values())}|"
    for cells in zip(*(column_cells(rows, name, column) for name, column in columns.items()), strict=True):
        yield f"| {' | '.join(map(table_cell, cells))} |"


def _parquet(rows: Iterable[Row], columns: Columns) -> bytes:
    content = io.BytesIO()
    try:
        data_frame(rows, columns).to_parquet(content)
    except ImportError:
        raise ResbenchError("--format parquet: needs pyarrow; run `pip install pyarrow`") from None
    return content.getvalue()
