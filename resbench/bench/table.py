"""Records as rows of a table: one per speed (`speed_rows`), or one per record (`record_rows`).

`SPEED_COLUMNS` and `RECORD_COLUMNS` say what each column holds; a unit stands in its name, accuracies are in per cent,
and what was not measured is None. Every other table of measurements (the terminal's, CSV, the report page, pandas) is
made from these rows. No row needs torch, and pandas is imported where a frame is asked for.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from statistics import geometric_mean
from typing import TYPE_CHECKING

from resbench.bench.borrowed import ON_PUBLISHED_IMAGES, MeasuredAccuracies, published_accuracy
from resbench.bench.columns import RECORD_COLUMNS, SPEED_COLUMNS, Row, TableColumn
from resbench.counting.counted import counted_at
from resbench.errors import ResbenchError
from resbench.judging.accuracy import wilson
from resbench.judging.claims import on_published_images
from resbench.judging.history import has_samples
from resbench.judging.stats import Interval, log_interval
from resbench.judging.timings import doubt_of, has_cpu_times, unit_times_s
from resbench.records.record import RATES, TOP_K, Counts, Evaluation, Profile, Record, Series
from resbench.records.store import machine_folder, read_folder
from resbench.words.settings import setting_words
from resbench.zoo.find import networks

if TYPE_CHECKING:
    import pandas as pd

Records = Mapping[str, Record] | Iterable[tuple[str, Record]]  # by path

_MIB = 2**20
_DAY_S = 86_400


def results(path: str | Path = "results") -> "pd.DataFrame":
    """Return every result below `path` (a folder of records, a pool, or one record) as a data frame.

    A row is a speed at a batch size, or an evaluation. Units stand in the names of columns, accuracies are in per cent:

    - what was measured: network, family, checkpoint, kind ("profile" or "evaluation"), weights_sha256
    - where and how: machine, device, device_kind, cpu_cores, torch, settings (in words), input_px, input_width_px,
      runtime, dtype, threads
    - speed, batch_size, time_ms with time_low_ms and time_high_ms (95 % interval), images_per_s with images_per_s_low
      and images_per_s_high, cpu_ms, samples, clusters, launches, memory_mib, energy_mj (per image)
    - params, macs, activations (of one image)
    - top1 with top1_low and top1_high, top5, top1_source ("measured" or "published"), top1_checkpoint, published_top1,
      dataset, images
    - noise, doubt, started (UTC), age_days, resbench, record (the path below `path`)

    What was not measured is missing. Raises ResbenchError when there are no records, or one cannot be read.
    """
    return data_frame(speed_rows(read_folder(Path(path))), SPEED_COLUMNS)


def data_frame(rows: Iterable[Row], columns: Mapping[str, TableColumn]) -> "pd.DataFrame":
    """Return `rows` as a data frame with these columns, each with its type whether it holds anything or not."""
    import pandas as pd  # nothing else in resbench needs it

    found = pd.DataFrame(list(rows), columns=list(columns))
    kinds = {name: _dtype(column) for name, column in columns.items()}
    found = found.astype(kinds)
    if "started" in columns:
        found["started"] = pd.to_datetime(found["started"], utc=True, format="ISO8601")
    return found


def _dtype(column: TableColumn) -> str:
    return "string" if column.kind == "text" else "Int64" if column.whole else "float64"


def speed_rows(records: Records, now: datetime | None = None, *, cpu: bool = True) -> list[Row]:
    """Return a row per speed and batch size of every profile, and one per evaluation, in the order of `records`.

    Without `cpu` they have no `cpu_ms`, which takes as long as the other times.
    """
    return _rows(records, SPEED_COLUMNS, _speeds_of, now, cpu=cpu)


def record_rows(records: Records, now: datetime | None = None, *, cpu: bool = True) -> list[Row]:
    """Return a row per record, in the order of `records`; without `cpu` they have no `cpu_ms`."""
    return _rows(records, RECORD_COLUMNS, _speeds_together, now, cpu=cpu)


def _rows(
    records: Records,
    columns: Mapping[str, TableColumn],
    speeds: Callable[[Profile, bool], Iterable[Row]],
    now: datetime | None,
    *,
    cpu: bool,
) -> list[Row]:
    """Read each record once; accuracies are joined when all are known."""
    blank = {name: None for name in columns if cpu or name != "cpu_ms"}
    families = {variant.name: variant.family for variant in networks()}
    now = now or datetime.now(UTC)
    rows: list[Row] = []
    for path, record in records.items() if isinstance(records, Mapping) else records:
        parts = speeds(record, cpu) if isinstance(record, Profile) else [_evaluated(record)]
        owner = {"record": path, "family": families.get(record.network)}
        common = {**blank, **owner, **_subject(record), **_run(record, now)}
        rows += [common | part for part in parts]
    measured = MeasuredAccuracies(row for row in rows if row["kind"] == "evaluation")
    for row in rows:
        if row["kind"] == "profile":
            row.update(measured.beside(row))
    return rows


def _subject(record: Record) -> Row:
    machine, settings = record.environment.machine, record.settings
    height, width = settings.input_px
    return {
        "network": record.network,
        "checkpoint": record.weights,
        "kind": record.kind,
        "machine": machine_folder(machine),
        "device": machine.device_name,
        "device_kind": machine.device_kind,
        "cpu_cores": machine.cpu_cores,
        "torch": machine.torch,
        "settings": ", ".join(setting_words(settings)),
        "input_px": height,
        "input_width_px": width,
        "runtime": settings.runtime,
        "dtype": settings.dtype,
        "threads": settings.threads,
        "weights_sha256": record.weights_sha256,
    }


def _run(record: Record, now: datetime) -> Row:
    started = datetime.fromisoformat(record.run.started).astimezone(UTC)
    return {
        "noise": record.environment.conditions.noise,
        "started": started.isoformat(timespec="seconds"),
        "age_days": round((now - started).total_seconds() / _DAY_S, 2),
        "resbench": record.run.resbench,
        "doubt": "",
    }


def _evaluated(record: Evaluation) -> Row:
    """Return the columns of an accuracy."""
    found = _counted(record.network, record.settings.input_px) | {"dataset": record.dataset.name}
    found |= {"images": record.images, "top1_checkpoint": record.weights}
    if record.images:
        found |= {metric: 100 * record.right(metric) / record.images for metric in TOP_K}
        low, high = wilson(record.top1_right, record.images)
        found |= {"top1_low": 100 * low, "top1_high": 100 * high, "top1_source": "measured"}
    published = published_accuracy(record.network, record.weights, record.settings.input_px)
    known = None if record.pixels.tta else on_published_images(record)
    return found | {"published_top1": published.get("top1"), ON_PUBLISHED_IMAGES: known}


def _speeds_of(record: Profile, cpu: bool) -> Iterator[Row]:
    memories, energies, costs = _memories(record), _energies(record), _costs(record.counts)
    for series, doubt in _with_doubts(record):
        yield {
            **costs,
            **_timed(series),
            **_cpu(series, cpu),
            "speed": series.speed,
            "batch_size": series.batch_size,
            "samples": sum(len(cluster.wall_ns) for cluster in series.clusters),
            "clusters": sum(1 for _ in series.clusters),
            "launches": len(series.launches),
            "memory_mib": memories.get(series.batch_size),
            "energy_mj": energies.get(series.batch_size),
            "doubt": doubt,
        }


def _speeds_together(record: Profile, cpu: bool) -> Iterator[Row]:
    """Yield the one row of a profile: its latency, its best throughputs, and what a large batch takes."""
    doubts = list(_with_doubts(record))
    series = [one for one, _ in doubts]
    latencies = sorted((one for one in series if one.speed == "latency"), key=lambda one: one.batch_size)
    row = _costs(record.counts) | {"doubt": next((doubt for _, doubt in doubts if doubt), "")}
    if latencies:
        row |= _bounds(_call_s(latencies[0]).scaled(1000), "latency{}_ms")
        row |= {"latency_batch": latencies[0].batch_size, **_cpu(latencies[0], cpu)}
    if best := _fastest(series, "throughput"):
        rate, size = best
        row |= _bounds(rate, "images_per_s{}") | {"throughput_batch": size}
    if fed := _fastest(series, "end_to_end"):
        row["end_to_end_images_per_s"] = fed[0].estimate
    row["train_images_per_s"] = max(_training_rates(series), default=None)
    for name, by_batch in (("memory_mib", _memories(record)), ("energy_mj", _energies(record))):
        row[name] = by_batch[max(by_batch)] if by_batch else None
    yield row


def _with_doubts(record: Profile) -> Iterator[tuple[Series, str]]:
    """Yield each series that has samples, with why its figures may not repeat; nothing: no reason."""
    for series in record.series:
        doubt = doubt_of(series, record)
        if not doubt or has_samples(series):  # a series without doubts has some
            yield series, doubt


def _fastest(series: Iterable[Series], speed: str) -> tuple[Interval, int] | None:
    """Return the highest images per second of a speed, and its batch size."""
    rates = [(_call_s(one).inverted(one.batch_size), one.batch_size) for one in series if one.speed == speed]
    return max(rates, key=lambda rate: rate[0].estimate, default=None)


def _training_rates(series: Iterable[Series]) -> Iterator[float]:
    """Yield images per second of a training step at each batch size: its three phases together."""
    steps: dict[int, list[float]] = {}
    for one in series:
        if one.speed.startswith("train"):
            steps.setdefault(one.batch_size, []).append(1000 * _call_s(one).estimate)
    yield from (1000 * size / sum(times_ms) for size, times_ms in steps.items())


def _timed(series: Series) -> Row:
    """Return the columns of a time."""
    call = _call_s(series)
    row = _bounds(call.scaled(1000), "time{}_ms")
    return row | _bounds(call.inverted(series.batch_size), "images_per_s{}") if series.speed in RATES else row


def _call_s(series: Series) -> Interval:
    """Return the time of a call in seconds."""
    return log_interval(unit_times_s(series, "wall_ns"))


def _cpu(series: Series, wanted: bool) -> Row:
    """Return the column of CPU time, if it is `wanted`."""
    if not wanted:
        return {}
    return {"cpu_ms": 1000 * geometric_mean(unit_times_s(series, "cpu_ns")) if has_cpu_times(series) else None}


def _bounds(interval: Interval, name: str) -> Row:
    ends = {"": interval.estimate, "_low": interval.low, "_high": interval.high}
    return {name.format(end): value for end, value in ends.items()}


@lru_cache(maxsize=4096)
def _counted(network: str, size_px: tuple[int, int]) -> Row:
    """Return what a network of the table costs, as counted beforehand; nothing of any other."""
    try:
        return _costs(counted_at(network, size_px))
    except ResbenchError:
        return {}


def _costs(counts: Counts) -> Row:
    return {"params": counts.params, "macs": counts.terms.macs, "activations": counts.activations}


def _memories(record: Profile) -> dict[int, float]:
    """Return peak memory in MiB by batch size: the device's own account, else the resident set."""
    peaks = {memory.batch_size: memory.allocated_bytes or memory.resident_bytes for memory in record.memory}
    return {size: peak / _MIB for size, peak in peaks.items() if peak}


def _energies(record: Profile) -> dict[int, float]:
    return {energy.batch_size: energy.millijoules / energy.images for energy in record.energy}
