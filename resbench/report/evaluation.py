"""The result of a validation, and the progress towards it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from scipy.stats import binomtest

from resbench import units
from resbench.records import jsonio
from resbench.records.record import Evaluation
from resbench.zoo.find import find_weights
from resbench.zoo.spec import Metric


def show(record: Evaluation, *, as_json: bool) -> None:
    """Print the counts beside the published claim, if there is one, to stdout."""
    if as_json:
        print(jsonio.dumps(record), end="")
        return
    table = Table("", "right", "of", "accuracy", "95 % interval", "published")
    for metric, label, right in (("top1", "top-1", record.top1_right), ("top5", "top-5", record.top5_right)):
        table.add_row(
            label,
            units.integer(right),
            units.integer(record.images),
            units.percent(right / record.images),
            interval(right, record.images),
            _published(record, metric),  # type: ignore[arg-type]
        )
    console = Console()
    console.print(f"[bold]{escape(record.network)}[/] with {escape(record.weights)}")
    console.print(table)
    for line in _conditions(record):
        console.print(line, highlight=False, markup=False)


@contextmanager
def progress() -> Iterator[Callable[[str, int, int, int | None], None]]:
    """Yield what `bench.validate` reports its progress to: a bar on stderr, on a terminal only."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TextColumn("{task.fields[accuracy]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        tasks = {}

        def update(stage: str, done: int, total: int, right: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total, speed="", accuracy="")
            speed = bar.tasks[tasks[stage]].speed
            bar.update(
                tasks[stage],
                completed=done,
                speed=f"{speed:.0f} images/s" if speed else "",
                accuracy="" if right is None else f"top-1 {units.percent(right / done)}",
            )

        yield update


def interval(right: int, images: int) -> str:
    """Return Wilson's 95 % interval of an accuracy: what other images of the same kind would have given."""
    low, high = binomtest(right, images).proportion_ci(0.95, method="wilson")
    return f"{100 * low:.2f} to {100 * high:.2f} %"


def _published(record: Evaluation, metric: Metric) -> str:
    weights = find_weights(record.weights)
    claim = weights.claim(metric) if weights else None
    return units.percent(claim.value) if claim else "-"


def _conditions(record: Evaluation) -> Iterator[str]:
    data, pixels, machine = record.dataset, record.pixels, record.environment.machine
    yield f"images    {data.name}: {units.integer(data.images)} of {data.classes} classes, {data.layout}"
    yield (
        f"pixels    shorter side {pixels.resize_px}, centre crop {pixels.crop_px}, {pixels.interpolation}, "
        f"{pixels.decoder}"
    )
    yield f"run       {record.settings.dtype}, {machine.device_name}, batch {record.batch_size}, torch {machine.torch}"
    yield f"weights   sha256 {record.weights_sha256[:16]}"
