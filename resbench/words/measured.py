"""Figures from raw samples in words, with their 95 % intervals."""

from collections.abc import Callable

from resbench import units
from resbench.judging import stats
from resbench.records.record import RATES, Series


def time(interval: stats.Interval) -> str:
    """Return "51.8 ms [51.2, 52.5]"; the bounds have units where these differ: "999 ms [997 ms, 1.00 s]"."""
    values = (interval.estimate, interval.low, interval.high)
    unit_names = {units.seconds(value).rpartition(" ")[2] for value in values if value is not None}
    return _with_bounds(interval, units.seconds, units.seconds if len(unit_names) > 1 else _number_of_seconds)


def _number_of_seconds(value_s: float) -> str:
    return units.seconds(value_s).rpartition(" ")[0]


def time_span(interval: stats.Interval) -> str:
    """Return the bounds alone: "51.2 ms to 52.5 ms"."""
    if interval.low is None or interval.high is None:
        return "one cluster only"
    return f"{units.seconds(interval.low)} to {units.seconds(interval.high)}"


def rate(series: Series) -> str:
    """Return "20.7 [20.1, 21.3]" for speeds that are throughputs, else "-": speeds are never mixed."""
    return rate_words(stats.images_per_s(series)) if series.speed in RATES else "-"


def rate_words(interval: stats.Interval) -> str:
    """Return images per second: "20.7 [20.1, 21.3]"."""
    return _with_bounds(interval, units.figure)


def ratio_words(interval: stats.Interval) -> str:
    """Return "1.350 [1.320, 1.381]"."""
    return _with_bounds(interval, "{:.3f}".format)


def percentile_words(summary: stats.Summary, share: float) -> str:
    """Return the percentile with its interval, or how many samples it would need."""
    interval = summary.percentiles[share]
    return f"needs {stats.SAMPLES_FOR_PERCENTILE[share]} samples" if interval is None else time(interval)


def _with_bounds(
    interval: stats.Interval, shown: Callable[[float], str], bound: Callable[[float], str] | None = None
) -> str:
    bound = bound or shown
    if interval.low is None or interval.high is None:
        return shown(interval.estimate)
    return f"{shown(interval.estimate)} [{bound(interval.low)}, {bound(interval.high)}]"
