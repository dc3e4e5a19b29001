"""Robust figures and exact proportions, by numpy and scipy, which take longer to load than many records to read."""

import math
from functools import lru_cache
from statistics import NormalDist, median

import numpy as np
import scipy  # which loads scipy.stats when it is used: processes that only measure do without
from numpy.typing import ArrayLike, NDArray

from resbench.judging.stats import LEVEL, positive_logs

Floats = NDArray[np.float64]


def agree(before: ArrayLike, after: ArrayLike, tolerance: float) -> bool:
    """Tell whether the medians of two windows differ by no more than `tolerance`, or than their own scatter explains.

    Two standard errors of a median's difference are allowed, else a busy machine would never count as warm.
    """
    first, second = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    error = math.hypot(_median_error(first), _median_error(second))
    return abs(math.log(np.median(second) / np.median(first))) <= max(tolerance, 2 * error)


def drifts(values: ArrayLike, *, limit: float = 0.02, alpha: float = 0.01) -> bool:
    """Tell whether `values` in order of time rise or fall by more than `limit` over all, beyond chance.

    Kendall's test for the trend, the Theil-Sen slope for its size.
    """
    logs: Floats = np.array(positive_logs(np.asarray(values, dtype=float)))
    if logs.size < 4:
        return False
    first, second = np.triu_indices(logs.size, 1)
    slope = np.median((logs[second] - logs[first]) / (second - first))
    if abs(slope) * (logs.size - 1) <= math.log1p(limit):  # mostly, and without scipy.stats, which takes long to load
        return False
    return bool(scipy.stats.kendalltau(np.arange(logs.size), logs).pvalue < alpha)


def hodges_lehmann(values: ArrayLike) -> float:
    """Return the median of all pairwise means: as robust as the median, nearly as precise as the mean."""
    sample = np.asarray(values, dtype=float)
    first, second = _pairs(sample.size)
    means: list[float] = ((sample[first] + sample[second]) / 2).tolist()
    return median(means)


@lru_cache(16)
def _pairs(number: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the places of all pairs of `number` values, a value with itself among them."""
    return np.triu_indices(number)


def clopper_pearson(hits: int, trials: int, level: float = LEVEL) -> tuple[float, float]:
    """Return the exact two-sided interval of a proportion."""
    interval = scipy.stats.binomtest(hits, trials).proportion_ci(level, method="exact")
    return float(interval.low), float(interval.high)


def upper_bound(hits: int, trials: int, level: float = LEVEL) -> float:
    """Return the exact one-sided upper bound of a proportion: none in 20 still allows 13.9 %."""
    return float(scipy.stats.binomtest(hits, trials, alternative="less").proportion_ci(level, method="exact").high)


def _median_error(values: Floats) -> float:
    """Return the relative standard error of a median, from the median absolute deviation."""
    middle = np.median(values)
    scatter = np.median(np.abs(values - middle)) / NormalDist().inv_cdf(0.75)  # the deviation, were they normal
    return float(1.2533 * scatter / math.sqrt(values.size) / middle)
