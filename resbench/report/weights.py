"""Published checkpoints and files of weights, as tables, and downloads as bars."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from resbench import units
from resbench.nets import cache
from resbench.report import terminal
from resbench.zoo.spec import Metric, Weights

if TYPE_CHECKING:
    from resbench.nets.identify import Identity


def show_weights(published: Sequence[Weights], *, as_json: bool) -> None:
    """Print one row per checkpoint to stdout."""
    if as_json:
        terminal.print_json([_facts(weights) for weights in published])
        return
    columns = terminal.figure_columns("input px", "top-1", "top-5", "file", "here")
    table = Table("checkpoint", "network", "source", "licence", *columns)
    for weights in published:
        here = "yes" if cache.cached_path(weights).exists() else "no"
        numbers = (_accuracy(weights, "top1"), _accuracy(weights, "top5"), _size(weights), here)
        texts = (weights.name, weights.network, weights.source, weights.license, str(weights.preprocess.crop_px))
        table.add_row(*texts, *numbers)
    terminal.results_console().print(table)


def show_fetched(published: Sequence[Weights], *, trust: bool = False, quiet: bool = False) -> None:
    """Download what is not here, with a bar for each on a terminal, and print the path of each to stdout.

    `trust` takes what has no published hash.
    """
    columns = (
        terminal.Words("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    for weights in published:
        with terminal.bars(*columns, quiet=quiet) as bar:
            task = bar.add_task(weights.name, total=None)
            advance = partial(_advance, bar, task)
            path = cache.fetch(weights, advance, trust=trust)
        if not weights.sha256_prefix:
            terminal.advice().print(f"{weights.name}: no hash is published, so the file could not be verified")
        print(path)


def _advance(bar: Progress, task: TaskID, here: int, total: int | None) -> None:
    bar.update(task, completed=here, total=total)


def show_identity(identity: "Identity", *, as_json: bool) -> None:
    """Print what a file of weights is to stdout."""
    if as_json:
        terminal.print_json(identity)
        return
    names = ", ".join(identity.published)
    verdict = {
        "published": f"{names}, as published",
        "wrong": f"NOT {names}, although it has that name: a damaged or another file",
        "unknown": "no published checkpoint of the table",
    }
    table = Table(box=None, show_header=False)
    table.add_row("file", identity.file)
    table.add_row("sha256", identity.sha256)
    table.add_row("it is", verdict[identity.verdict])
    if identity.verdict != "wrong":
        table.add_row("it fits", " and ".join(identity.networks) or "no network of the table")
    if len(identity.networks) > 1:
        table.add_row("", "equal shapes, different strides or pooling: validate with each")
    for note in identity.notes:
        table.add_row("note", note)
    terminal.results_console().print(table)


def show_notes(path: Path, notes: Sequence[str]) -> None:
    """Print the path of a written file to stdout, and what was changed in it to stderr."""
    for note in notes:
        terminal.advice().print(note)
    print(path)


def _facts(weights: Weights) -> dict[str, Any]:
    path = cache.cached_path(weights)
    return {**asdict(weights), "path": str(path), "here": path.exists()}


def _accuracy(weights: Weights, metric: Metric) -> str:
    claim = weights.claim(metric)
    return "-" if claim is None else "false" if claim.error else units.percent(claim.value)


def _size(weights: Weights) -> str:
    claim = weights.claim("file_size")
    return units.size(claim.value) if claim else "-"
