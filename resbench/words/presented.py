"""Records as Python and notebooks show them: a line, a small table, and their main figures (`records.shown`)."""

from collections.abc import Iterator
from html import escape

from resbench import units
from resbench.judging import stats
from resbench.judging.accuracy import wilson
from resbench.judging.history import has_samples
from resbench.records.record import Evaluation, Profile, Record, Series, Speed, TopK
from resbench.words import observed
from resbench.words.escaped import visible
from resbench.words.measured import rate_words, time
from resbench.words.quantities import WORDS, accuracy_words

_LEFT = 'style="text-align: left"'


def latency_of(record: Profile) -> stats.Interval | None:
    """Return the milliseconds of a call at the smallest batch size with a latency; None where there is none."""
    series = _latency_series(record)
    return None if series is None else stats.log_interval(stats.unit_values(series)).scaled(1000)


def throughput_of(record: Profile) -> stats.Interval | None:
    """Return the highest throughput in images per second; None where there is none."""
    series = _throughput_series(record)
    return None if series is None else stats.images_per_s(series)


def accuracy_of(record: Evaluation, metric: TopK) -> float | None:
    """Return an accuracy in per cent; None without images."""
    return 100 * record.right(metric) / record.images if record.images else None


def accuracy_bounds(record: Evaluation) -> tuple[float, float] | None:
    """Return the 95 % interval of the top-1 accuracy in per cent; None without images."""
    if not record.images:
        return None
    low, high = wilson(record.top1_right, record.images)
    return 100 * low, 100 * high


def record_line(record: Record) -> str:
    """Return a record in a line: what it is of, where and how it was run, and the main figures."""
    facts = "; ".join(f"{name} {value}" if name else value for name, value in _facts(record, named=False))
    return visible(f"<{type(record).__name__} of {record.network}: {facts}>")


def record_html(record: Record) -> str:
    """Return a record as a small table in HTML."""
    rows = "".join(
        f"<tr><th {_LEFT}>{escape(name)}</th><td {_LEFT}>{escape(visible(value))}</td></tr>"
        for name, value in [(type(record).__name__.lower(), record.network), *_facts(record, named=True)]
    )
    return f"<table>{rows}</table>"


def _facts(record: Record, *, named: bool) -> Iterator[tuple[str, str]]:
    """Yield names and values; where `named` is not, without the names of what needs none."""
    machine = record.environment.machine
    yield "machine" if named else "", f"{machine.device_kind} {machine.device_name}"
    yield "settings" if named else "", observed.settings(record.settings)
    yield from _speeds(record) if isinstance(record, Profile) else _accuracies(record)


def _speeds(record: Profile) -> Iterator[tuple[str, str]]:
    if record.weights:
        yield "weights", record.weights
    yield "parameters", units.integer(record.counts.params)
    if series := _latency_series(record):
        yield observed.speed_at(series), time(stats.log_interval(stats.unit_values(series)))
    if series := _throughput_series(record):
        yield observed.speed_at(series), f"{rate_words(stats.images_per_s(series))} images/s"
    yield "machine was", record.environment.conditions.noise


def _accuracies(record: Evaluation) -> Iterator[tuple[str, str]]:
    yield "weights", record.weights
    if record.images:
        yield WORDS["top1"], accuracy_words(record.top1_right, record.images)
        yield WORDS["top5"], accuracy_words(record.top5_right, record.images)
    yield "images", f"{units.integer(record.images)} of {record.dataset.name}"


def _latency_series(record: Profile) -> Series | None:
    return min(_of_speed(record, "latency"), key=lambda series: series.batch_size, default=None)


def _throughput_series(record: Profile) -> Series | None:
    return max(_of_speed(record, "throughput"), key=lambda series: stats.images_per_s(series).estimate, default=None)


def _of_speed(record: Profile, speed: Speed) -> Iterator[Series]:
    return (series for series in filter(has_samples, record.series) if series.speed == speed)
