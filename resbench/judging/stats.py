"""Figures from raw samples. The independent unit is the cluster (or the launch), never the iteration.

Iterations follow one another too closely: an interval that takes them as independent covers 36-61 % where it promises
95 % (docs/measuring.md, tests/test_stats.py). Times are lognormal rather than normal, so intervals are taken on logs.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from statistics import fmean, geometric_mean, median
from typing import TYPE_CHECKING

from resbench.judging import student
from resbench.judging.metric import Clock
from resbench.judging.student import deviation
from resbench.records.record import Cluster, Series

if TYPE_CHECKING:
    from resbench.judging.robust import Floats

LEVEL = 0.95
_LARGEST_LOG = 700.0  # of what a float can hold

# A percentile is shown from so many samples on: fewer cannot bound it from above with 99 % confidence
# (MLPerf Inference, loadgen/early_stopping.cc).
SAMPLES_FOR_PERCENTILE = {0.90: 64, 0.99: 662}


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and the bounds of its 95 % interval. With one unit only, the bounds are None."""

    estimate: float
    low: float | None
    high: float | None

    @property
    def half_width(self) -> float:
        """Half the interval's width relative to the estimate; infinite without bounds."""
        if self.low is None or self.high is None:
            return math.inf
        return (self.high - self.low) / (2 * self.estimate)

    def scaled(self, factor: float) -> "Interval":
        """Return the interval of the quantity times `factor`."""
        bounds = (None if bound is None else bound * factor for bound in (self.low, self.high))
        return Interval(self.estimate * factor, *bounds)

    def inverted(self, numerator: float) -> "Interval":
        """Return the interval of `numerator` over the quantity: seconds become images per second."""
        low, high = (None if bound is None else numerator / bound for bound in (self.high, self.low))
        return Interval(numerator / self.estimate, low, high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What the samples of one series say, in seconds per forward pass."""

    median: Interval  # geometric mean of the units' medians
    mean: Interval  # geometric mean of the units' means: for a full queue, elapsed time per pass
    cpu: Interval | None  # process time, as `median`; None where the clock is too coarse
    pooled_mean_s: float
    sd_s: float
    mad_s: float
    min_s: float
    between_clusters: float  # standard deviation of log cluster medians
    within_clusters: float  # typical standard deviation of log samples inside a cluster
    outliers: int  # samples further than 3 interquartile ranges from the quartiles; counted, never dropped
    samples: int
    clusters: int
    launches: int
    percentiles: dict[float, Interval | None]  # None: too few samples (SAMPLES_FOR_PERCENTILE)


def log_interval(values: "Sequence[float] | Floats", level: float = LEVEL) -> Interval:
    """Return the geometric mean of positive `values` with Student's t interval on their logs.

    Raises ValueError when there are none or one is not positive and finite.
    """
    logs = positive_logs(values)
    centre = math.exp(fmean(logs))
    if len(logs) < 2:
        return Interval(centre, None, None)
    factor = math.exp(min(t_half_width(logs, level), _LARGEST_LOG))
    return Interval(centre, centre / factor, centre * factor)


def t_half_width(values: "Sequence[float] | Floats", level: float = LEVEL) -> float:
    """Return half the width of Student's interval of the mean of two or more `values`."""
    return student.quantile((1 + level) / 2, len(values) - 1) * deviation(values) / math.sqrt(len(values))


def positive_logs(values: "Sequence[float] | Floats") -> list[float]:
    """Return the logs of `values`. Raises ValueError when there are none or one is not positive and finite."""
    try:
        logs = [math.log(value) for value in values]
    except ValueError:  # not positive
        logs = []
    if not logs or not math.isfinite(math.fsum(logs)):
        raise ValueError(f"values {list(values)}: give one or more positive finite numbers")
    return logs


def precision(values: "Sequence[float] | Floats") -> float:
    """Return the relative half-width of the interval over unit `values`; infinite with fewer than two."""
    logs = positive_logs(values)
    return math.inf if len(logs) < 2 else math.expm1(min(t_half_width(logs), _LARGEST_LOG))


def cluster_medians(clusters: Iterable[Cluster], clock: Clock = "wall_ns", middle: str = "median") -> list[float]:
    """Return each cluster's median (or mean) in seconds per sample."""
    samples = filter(None, map(attrgetter(clock), clusters))
    if middle == "mean":
        return [fmean(own) / 1e9 for own in samples]
    # An odd number of samples has a middle one, which takes half the time of `median`.
    return [(sorted(own)[len(own) // 2] if len(own) % 2 else median(own)) / 1e9 for own in samples]


def unit_values(series: Series, clock: Clock = "wall_ns", middle: str = "median") -> list[float]:
    """Return the independent values of a series: one per launch from three launches on, else one per cluster."""
    launches = [cluster_medians(launch.clusters, clock, middle) for launch in series.launches]
    if len(launches) >= 3:
        return [geometric_mean(values) / series.calls for values in launches]
    return [value / series.calls for values in launches for value in values]


def summarise(series: Series) -> Summary:
    """Return the figures of `series`, all from its raw samples."""
    samples = sorted(ns / (1e9 * series.calls) for cluster in series.clusters for ns in cluster.wall_ns)
    lower, centre, upper = (_quantile(samples, share) for share in (0.25, 0.5, 0.75))
    reach = 3 * (upper - lower)
    medians = cluster_medians(series.clusters)
    cpu = unit_values(series, "cpu_ns")
    return Summary(
        median=log_interval(unit_values(series)),
        mean=log_interval(unit_values(series, middle="mean")),
        cpu=log_interval(cpu) if min(cpu) > 0 else None,
        pooled_mean_s=fmean(samples),
        sd_s=deviation(samples) if len(samples) > 1 else 0.0,
        mad_s=median(abs(sample - centre) for sample in samples),
        min_s=samples[0],
        between_clusters=deviation(positive_logs(medians)) if len(medians) > 1 else 0.0,
        within_clusters=_within(series),
        outliers=sum(not lower - reach <= sample <= upper + reach for sample in samples),
        samples=len(samples),
        clusters=len(medians),
        launches=len(series.launches),
        percentiles={share: percentile(samples, share) for share in SAMPLES_FOR_PERCENTILE},
    )


def images_per_s(series: Series) -> Interval:
    """Return images over elapsed time, with the interval over clusters (or launches)."""
    return log_interval(unit_values(series, middle="mean")).inverted(series.batch_size)


def percentile(samples: "Sequence[float] | Floats", share: float) -> Interval | None:
    """Return the percentile with its exact order-statistic interval; None with too few samples to bound it."""
    if len(samples) < SAMPLES_FOR_PERCENTILE[share]:
        return None
    ordered = sorted(samples)
    low, high = _ranks(len(ordered), share)
    return Interval(_quantile(ordered, share), float(ordered[low]), float(ordered[high]))


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Return the quantile between the two values around it, as numpy does by default."""
    place = (len(ordered) - 1) * share
    below = math.floor(place)
    first, second = ordered[below], ordered[min(below + 1, len(ordered) - 1)]
    part = place - below
    step = second - first
    return float(first + step * part if part < 0.5 else second - step * (1 - part))


@cache
def _ranks(number: int, share: float) -> tuple[int, int]:
    """Return which of `number` ordered samples bound a quantile: those that so many are below with 95 % probability."""
    import numpy as np
    from scipy.special import bdtr

    below = bdtr(np.arange(number + 1), number, share)
    low, high = np.searchsorted(below, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return int(low) - 1, int(high)


def _within(series: Series) -> float:
    clusters = [positive_logs(cluster.wall_ns) for cluster in series.clusters]
    variances = [deviation(logs) ** 2 for logs in clusters if len(logs) > 1]
    return math.sqrt(median(variances)) if variances else 0.0
