"""What networks cost."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from rich.table import Table

from resbench import units
from resbench.counting.conventions import convention
from resbench.counting.crosscheck import Crosscheck, Modules
from resbench.counting.figures import Figures, Operations
from resbench.errors import ExitCode, ResbenchError
from resbench.records.record import Counts
from resbench.report import terminal
from resbench.words.escaped import visible


def show_counts(figures: Iterable[Figures], *, as_json: bool) -> None:
    """Print the costs of networks to stdout: a sheet for one, a table for several."""
    rows = list(figures)
    if as_json:
        terminal.print_json([msgspec.to_builtins(row) | {"bytes_moved": row.counts.bytes_moved()} for row in rows])
    elif len(rows) == 1:
        _sheet(rows[0])
    else:
        _table(rows)


def show_failures(errors: Mapping[str, ResbenchError]) -> ExitCode:
    """Print to stderr why networks have no counts, a line for each, and return the exit code."""
    for network, error in errors.items():
        terminal.advice().print(f"resbench: {network}: {error}", soft_wrap=True)
    return max((error.exit_code for error in errors.values()), default=ExitCode.OK)


def show_modules(tables: Iterable[tuple[str, Modules]], *, as_json: bool) -> None:
    """Print fvcore's table of each network to stdout."""
    if as_json:
        terminal.print_json([{"network": name, "modules": modules.rows} for name, modules in tables])
        return
    for name, modules in tables:
        print(f"{name}, counted by fvcore\n{modules.text}")


def show_crosscheck(crosschecks: Iterable[tuple[str, Iterable[Crosscheck]]], *, as_json: bool) -> None:
    """Print our counts beside those of other counters to stdout."""
    rows = [{"network": name} | msgspec.to_builtins(row) for name, comparisons in crosschecks for row in comparisons]
    if as_json:
        terminal.print_json(rows)
        return
    table = Table("network", "quantity", "counter", *terminal.figure_columns("ours", "theirs"))
    for row in rows:
        table.add_row(
            row["network"], row["quantity"], row["counter"], units.integer(row["ours"]), units.integer(row["theirs"])
        )
    terminal.results_console().print(table)


def show_diff(diff: str) -> int:
    """Print `diff` to stdout and return the exit code: 1 when there is a difference."""
    terminal.print_diff(diff)
    return 1 if diff else 0


def _sheet(row: Figures) -> None:
    counts, console = row.counts, terminal.results_console()
    facts = {
        "parameters": units.integer(counts.params),
        "buffers": units.integer(counts.buffers),
        "weights": f"{units.integer(counts.weights_bytes)} bytes ({units.size(counts.weights_bytes)})",
        "activations": f"{units.integer(counts.activations)} elements, out of convolutions and linear layers",
        "operators": f"{_operators(counts)} ATen operators (views excluded)",
        "bytes moved": f"{units.integer(counts.bytes_moved() or 0)} at least, for one image in fp32",
        "receptive field": f"{_field(counts)} px"
        if counts.receptive_field_px
        else "- (not only windows connect it to the image)",
    }
    if counts.uncounted:
        facts["not counted"] = f"{_uncounted(counts)}; so operations are at least these"
    given = ", ".join(map(str, counts.inputs)) or units.pixels(counts.input_px)
    console.print(terminal.titled(row.network, f" at {given}"))
    for name, fact in facts.items():
        console.print(f"{name:<16} {fact}")
    table = Table("convention", "input", *terminal.figure_columns("operations"), "what it counts")
    for entry in row.operations:
        meaning = "; ".join(filter(None, (convention(entry.convention).meaning, entry.note)))
        table.add_row(entry.convention, units.pixels(entry.input_px), _value(entry, counts), meaning)
    console.print(table)


def _table(rows: Sequence[Figures]) -> None:
    conventions = [entry.convention for entry in rows[0].operations] if rows else []
    headings = ("parameters", *conventions, "activations", "operators", "weights", "receptive field")
    table = Table("network", "input", *terminal.figure_columns(*headings))
    for row in rows:
        table.add_row(
            row.network,
            units.pixels(row.counts.input_px),
            units.integer(row.counts.params),
            *(_value(entry, row.counts) for entry in row.operations),
            units.integer(row.counts.activations),
            _operators(row.counts),
            units.size(row.counts.weights_bytes),
            _field(row.counts),
        )
    terminal.results_console().print(table)


def _value(entry: Operations, counts: Counts) -> str:
    return "-" if entry.value is None else bounded(entry.value, counts)


def bounded(value: int, counts: Counts) -> str:
    """Return `value`, as a lower bound where operators of the network could not be costed."""
    return f"at least {units.integer(value)}" if counts.uncounted else units.integer(value)


def _uncounted(counts: Counts) -> str:
    """Return "aten._fft_r2c (2 calls)" for the operators that nobody can cost."""
    return ", ".join(f"{visible(name)} ({units.count_of(calls, 'call')})" for name, calls in counts.uncounted.items())


def _field(counts: Counts) -> str:
    return units.pixels(counts.receptive_field_px) if counts.receptive_field_px else "-"


def _operators(counts: Counts) -> str:
    return "-" if counts.operators is None else units.integer(counts.operators)
