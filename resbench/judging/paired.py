"""Two arms sampled in turn: the ratio of their times, a verdict against a noise floor and a limit, and its power."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from resbench.judging import family
from resbench.judging.family import Change
from resbench.judging.finding import Verdict
from resbench.judging.metric import Clock
from resbench.judging.stats import Floats, Interval, hodges_lehmann
from resbench.records.record import Cluster

Pair = tuple[Cluster, Cluster]  # samples of A and of B; those with the same index were taken one after the other


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """B's time over A's, and what it means."""

    verdict: Verdict
    ratio: Interval
    detectable: float  # the slowdown (0.05: five per cent) that so many units reveal in 9 of 10 comparisons
    units: int


def unit_logs(units: Sequence[Sequence[Pair]], clock: Clock) -> Floats:
    """Return log(B/A) for each independent unit: the mean over its clusters of their Hodges-Lehmann estimates.

    Raises ValueError when a sample is not positive.
    """
    return np.array([np.mean([_log_ratio(*pair, clock) for pair in unit]) for unit in units])


def paired_change(logs: ArrayLike) -> Change:
    """Return what two or more independent log ratios say together: one per cluster, or one per launch."""
    values = np.asarray(logs, dtype=float)
    error = float(values.std(ddof=1)) / math.sqrt(values.size)
    return Change(log=float(values.mean()), error=error, freedom=values.size - 1)


def judge(logs: ArrayLike, *, floor: float, limit: float) -> Judgement:
    """Judge independent log ratios.

    `floor` is the slowdown that counts as no change, `limit` the one that is permitted when no larger one is likely.
    """
    values = np.asarray(logs, dtype=float)
    if values.size < 2 or not np.all(np.isfinite(values)):
        centre = float(np.mean(values)) if values.size and np.all(np.isfinite(values)) else math.nan
        ratio = Interval(math.exp(centre), None, None)
        return Judgement(verdict=Verdict.INVALID, ratio=ratio, detectable=math.inf, units=values.size)
    change = paired_change(values)
    return Judgement(
        verdict=family.judge_change(change, floor=floor, limit=limit),
        ratio=Interval(math.exp(change.log), *change.ratios()),
        detectable=change.detectable(floor, limit),
        units=values.size,
    )


def confirmed(first: Judgement, second: Judgement, both: Judgement) -> Judgement:
    """Return the judgement over all units, whose verdict of a change holds only if two independent halves agree."""
    agreed = first.verdict == second.verdict
    verdict = both.verdict if agreed else Verdict.INCONCLUSIVE
    return Judgement(verdict=verdict, ratio=both.ratio, detectable=both.detectable, units=both.units)


def _log_ratio(first: Cluster, second: Cluster, clock: Clock) -> float:
    times = np.array([getattr(first, clock), getattr(second, clock)], dtype=float)
    if times.size == 0 or np.any(times <= 0):
        raise ValueError(f"{clock}: samples must be positive, found {times.tolist()}")
    return hodges_lehmann(np.log(times[1] / times[0]))
