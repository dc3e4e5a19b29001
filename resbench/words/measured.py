"""Figures from raw samples in words."""

from resbench import units
from resbench.judging import stats
from resbench.records.record import RATES, Series


def time(interval: stats.Interval) -> str:
    """Return "51.8 ms [51.2 ms, 52.5 ms]"."""
    if interval.low is None or interval.high is None:
        return units.seconds(interval.estimate)
    return f"{units.seconds(interval.estimate)} [{units.seconds(interval.low)}, {units.seconds(interval.high)}]"


def rate(series: Series) -> str:
    """Return "20.7 [20.1, 21.3]" for speeds that are throughputs, else "-": speeds are never mixed."""
    if series.speed not in RATES:
        return "-"
    interval = stats.images_per_s(series)
    bounds = "" if interval.low is None else f" [{interval.low:.4g}, {interval.high:.4g}]"
    return f"{interval.estimate:.4g}{bounds}"


def ratio_words(interval: stats.Interval) -> str:
    """Return "1.350 [1.320, 1.381]"."""
    bounds = "" if interval.low is None else f" [{interval.low:.3f}, {interval.high:.3f}]"
    return f"{interval.estimate:.3f}{bounds}"


def percentile_words(summary: stats.Summary, share: float) -> str:
    """Return the percentile with its interval, or how many samples it would need."""
    interval = summary.percentiles[share]
    return f"needs {stats.SAMPLES_FOR_PERCENTILE[share]} samples" if interval is None else time(interval)
