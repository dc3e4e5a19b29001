"""Every figure of the profiles in files, computed from their raw samples."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import chain, starmap
from pathlib import Path
from typing import Any

from rich.table import Table

from resbench import units
from resbench.errors import ResbenchError
from resbench.judging import stats
from resbench.judging.history import has_samples
from resbench.records.record import RATES, Profile, Record, Series
from resbench.report import terminal
from resbench.words.measured import percentile_words, rate, time
from resbench.words.observed import images, overloaded, speed_at


def show_stats(records: Mapping[Path, Mapping[str, Record]], *, as_json: bool) -> None:
    """Print one table (or JSON object) per series to stdout. Raises ResbenchError when there are no samples."""
    rows = (
        (name, record, series) for name, record in _profiles(records) for series in filter(has_samples, record.series)
    )
    first = next(rows, None)
    if first is None:
        raise ResbenchError(
            f"{', '.join(map(str, records))}: holds no timings; write some with `resbench profile --save`"
        )
    if as_json:
        terminal.print_json_list(starmap(stats_rows, chain([first], rows)))
        return
    console = terminal.results_console()
    for row in chain([first], rows):
        console.print(_table(*row))


def stats_rows(name: str, record: Profile, series: Series) -> dict[str, Any]:
    """Return the figures of one series as plain values; seconds are per forward pass."""
    throughput = series.speed in RATES
    summary = asdict(stats.summarise(series))
    summary["percentiles"] = {f"p{round(100 * share)}": value for share, value in summary["percentiles"].items()}
    return {
        "record": name,
        "network": record.network,
        "speed": series.speed,
        "batch_size": series.batch_size,
        "pipeline": asdict(series.pipeline) if series.pipeline else None,
        "stop_reason": series.stop_reason,
        "steady": all(launch.steady for launch in series.launches),
        "drifting": series.drifting,
        "noise": record.environment.conditions.noise,
        "cold_start_s": series.launches[0].cold_start_ns / 1e9,
        **summary,
        "images_per_s": asdict(stats.images_per_s(series)) if throughput else None,
    }


def _profiles(folders: Mapping[Path, Mapping[str, Record]]) -> Iterator[tuple[str, Profile]]:
    for root, records in folders.items():
        for name, record in records.items():
            if isinstance(record, Profile):
                yield str(root if root.is_file() else root / name), record


def _table(name: str, record: Profile, series: Series) -> Table:
    summary = stats.summarise(series)
    title = f"{record.network}, {speed_at(series)}{overloaded(record.environment)}: {name}"
    out = Table("figure", *terminal.figure_columns("value"), title=title)
    samples = f"{summary.samples} in {summary.clusters} clusters of {summary.launches} launches"
    rows = {
        "median": time(summary.median),
        "images/s": rate(series),
        "CPU time": time(summary.cpu) if summary.cpu else "-",
        "mean": units.seconds(summary.pooled_mean_s),
        "standard deviation": units.seconds(summary.sd_s),
        "median absolute deviation": units.seconds(summary.mad_s),
        "minimum": units.seconds(summary.min_s),
        **{f"p{round(100 * share)}": percentile_words(summary, share) for share in summary.percentiles},
        "between clusters": units.percent(summary.between_clusters),
        "within clusters": units.percent(summary.within_clusters),
        "outliers": str(summary.outliers),
        "samples": samples if summary.launches > 1 else f"{summary.samples} in {summary.clusters} clusters",
        "calls per sample": str(series.calls),
        "cold start": units.seconds(series.launches[0].cold_start_ns / 1e9),
        "warm-up": f"{series.launches[0].warmup_iterations} calls",
    }
    if series.pipeline:
        rows["images"] = images(series.pipeline)
    for figure, value in rows.items():
        out.add_row(figure, value)
    return out
