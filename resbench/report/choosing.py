"""Rows of a table of measurements chosen and ordered: the options that `results` and `list` share."""

import fnmatch
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from resbench import environment
from resbench.bench.columns import Columns, Row
from resbench.errors import ResbenchError
from resbench.report.where import condition, no_column

_USUAL = ("latency_ms", "time_ms")  # what decides which row is the best, unless --sort does
_NAMES = ("machine", "device")  # of a machine


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChoice:
    """Which rows are shown, and in which order."""

    where: str | None = None
    machine: str | None = None  # "here", or a pattern for the machine's folder or device
    best_per: str | None = None  # a column: of the rows that agree in it only the best
    pareto: str | None = None  # columns: rows that no other row beats in all of them
    sort: str | None = None
    descending: bool = False

    @property
    def words(self) -> list[str]:
        """The words of the choice, among them the columns that it names."""
        return re.findall(r"\w+", f"{self.sort} {self.best_per} {self.pareto} {self.where}")


def chosen_rows(rows: Sequence[Row], columns: Columns, choice: RowChoice) -> list[Row]:
    """Return the rows that `choice` leaves, in its order. Raises ResbenchError for what it cannot mean."""
    if choice.sort:
        named_columns("--sort", choice.sort, columns)
    if choice.machine:
        rows = on_machine(rows, choice.machine)
    if choice.where is not None:
        holds = condition(choice.where, columns)
        rows = [row for row in rows if holds(row)]
    if choice.best_per:
        rows = best_per(rows, columns, choice.best_per, choice.sort or next(name for name in _USUAL if name in columns))
    if choice.pareto:
        rows = pareto_front(rows, columns, choice.pareto)
    return ordered(rows, choice.sort, descending=choice.descending)


def on_machine(rows: Sequence[Row], machine: str) -> list[Row]:
    """Return the rows measured on `machine`: "here", or a pattern. Raises ResbenchError when there are none."""
    is_meant = machine_test(machine)
    own = [row for row in rows if is_meant(row)]
    if rows and not own:
        folders = sorted({row["machine"] for row in rows})
        raise ResbenchError(f"--machine {machine}: no records of it; there are some of {', '.join(folders)}")
    return own


def machine_test(machine: str | None) -> Callable[[Row], bool]:
    """Return what tells whether a row was measured on `machine`: "here", a pattern, or any."""
    if machine is None:
        return lambda row: True  # noqa: ARG005
    if machine == "here":
        here = environment.machines_here()
        return lambda row: row["machine"] in here
    wanted = machine.casefold()
    return lambda row: any(fnmatch.fnmatchcase(row[name].casefold(), wanted) for name in _NAMES)


def best_per(rows: Iterable[Row], columns: Columns, group: str, by: str) -> list[Row]:
    """Return the best row by column `by` of those that agree in the column `group`, in the order of the rows.

    Where no row of a group has it, the most accurate stands for the group.
    """
    named_columns("--best-per", group, columns)
    sign = -1 if columns[by].better == "higher" else 1
    if columns[by].kind == "text":
        raise ResbenchError(f"--best-per {group} --sort {by}: a text; sort by a number, such as latency_ms")

    def rank(row: Row) -> tuple[bool, float, float]:
        return row[by] is None, sign * (row[by] or 0), -(row["top1"] or 0)

    best: dict[Any, Row] = {}
    for row in rows:
        if row[group] not in best or rank(row) < rank(best[row[group]]):
            best[row[group]] = row
    return list(best.values())


def pareto_front(rows: Iterable[Row], columns: Columns, names: str) -> list[Row]:
    """Return the Pareto front in the columns `names` ("top1,images_per_s"): no row that another one beats.

    One beats another that is as good in all columns and better in one. A row without one of the values is left out.
    Raises ResbenchError for a column of which no end is the better one.
    """
    axes = named_columns("--pareto", names, columns)
    for name in axes:
        if not columns[name].better:
            known = ", ".join(name for name, column in columns.items() if column.better)
            raise ResbenchError(f"--pareto {names}: {name} is neither better high nor better low; choose from {known}")
    signs = [1 if columns[name].better == "lower" else -1 for name in axes]
    points = [
        (tuple(sign * row[name] for sign, name in zip(signs, axes, strict=True)), row)
        for row in rows
        if all(row[name] is not None for name in axes)
    ]
    front: list[tuple[tuple[float, ...], Row]] = []
    for point, row in sorted(points, key=lambda pair: pair[0]):  # so that no later one beats an earlier one
        if not any(_beats(other, point) for other, _ in front):
            front.append((point, row))
    return [row for _, row in front]


def _beats(point: Sequence[float], other: Sequence[float]) -> bool:
    return point != other and all(a <= b for a, b in zip(point, other, strict=True))


def ordered(rows: Sequence[Row], sort: str | None, *, descending: bool) -> list[Row]:
    """Return `rows` by the column `sort`, what lacks it last; without one in their order."""
    if sort is None:
        return list(reversed(rows)) if descending else list(rows)
    present = [row for row in rows if row[sort] is not None]
    absent = [row for row in rows if row[sort] is None]
    return sorted(present, key=lambda row: row[sort], reverse=descending) + absent


def named_columns(option: str, text: str, columns: Columns) -> list[str]:
    """Return the columns that `text` names, with commas between. Raises ResbenchError for one that is none."""
    names = list(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in columns:
            raise ResbenchError(f"{option} {text}: {no_column(name, columns)}")
    return names
