"""Arms sampled in turn: the ratios of their times, verdicts against a noise floor and a limit, and their power."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from resbench.judging import family
from resbench.judging.family import Change
from resbench.judging.finding import Verdict
from resbench.judging.metric import Clock
from resbench.judging.robust import Floats, hodges_lehmann
from resbench.judging.stats import Interval
from resbench.records.record import Cluster

Clusters = tuple[Cluster, ...]  # samples of A, B, ...; those with the same index were taken one after the other


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """An arm's time over A's, and what it means."""

    verdict: Verdict
    ratio: Interval
    detectable: float  # the slowdown (0.05: five per cent) that so many units reveal in 9 of 10 comparisons
    units: int

    @property
    def changed(self) -> bool:
        """Whether the verdict is a change, for the worse or the better."""
        return self.verdict in (Verdict.REGRESSED, Verdict.IMPROVED)


def unit_logs(units: Sequence[Sequence[Clusters]], clock: Clock, arm: int = 1) -> Floats:
    """Return log(B/A) for each independent unit: the mean over its clusters of their Hodges-Lehmann estimates.

    `arm` is the index of B among the arms.

    Raises ValueError when a sample is not positive.
    """
    return np.array([np.mean([_log_ratio(arms[0], arms[arm], clock) for arms in unit]) for unit in units])


def paired_change(logs: ArrayLike) -> Change:
    """Return what two or more independent log ratios say together: one per cluster, or one per launch."""
    values = np.asarray(logs, dtype=float)
    error = float(values.std(ddof=1)) / math.sqrt(values.size)
    return Change(log=float(values.mean()), error=error, freedom=values.size - 1)


def judge(logs: ArrayLike, *, floor: float, limit: float) -> Judgement:
    """Judge independent log ratios of one arm: a family of one (`judge_arms`)."""
    return judge_arms([logs], floor=floor, limit=limit)[0]


def judge_arms(logs: Sequence[ArrayLike], *, floor: float, limit: float) -> tuple[Judgement, ...]:
    """Judge independent log ratios of each arm to the first, all arms as one family (Holm).

    `floor` is the slowdown that counts as no change, `limit` the one that is permitted when no larger one is likely.
    """
    columns = [np.asarray(values, dtype=float) for values in logs]
    sound = {index: paired_change(values) for index, values in enumerate(columns) if _is_sound(values)}
    verdicts = dict(zip(sound, family.judge_changes(list(sound.values()), floor=floor, limit=limit), strict=True))
    return tuple(
        Judgement(
            verdict=verdicts[index],
            ratio=Interval(math.exp(sound[index].log), *sound[index].ratios()),
            detectable=sound[index].detectable(floor, limit, len(sound)),
            units=values.size,
        )
        if index in sound
        else _invalid(values)
        for index, values in enumerate(columns)
    )


def _is_sound(values: Floats) -> bool:
    return values.size >= 2 and bool(np.all(np.isfinite(values)))


def _invalid(values: Floats) -> Judgement:
    centre = float(np.mean(values)) if values.size and np.all(np.isfinite(values)) else math.nan
    ratio = Interval(math.exp(centre), None, None)
    return Judgement(verdict=Verdict.INVALID, ratio=ratio, detectable=math.inf, units=values.size)


def confirmed(first: Judgement, second: Judgement, both: Judgement) -> Judgement:
    """Return the judgement over all units, whose verdict of a change holds only if two independent halves agree.

    An arm that had not changed in the first half, measured again with one that had, keeps the verdict of all units.
    """
    agreed = first.verdict == second.verdict or not (first.changed or both.changed)
    verdict = both.verdict if agreed else Verdict.INCONCLUSIVE
    return Judgement(verdict=verdict, ratio=both.ratio, detectable=both.detectable, units=both.units)


def _log_ratio(first: Cluster, second: Cluster, clock: Clock) -> float:
    times = np.array([getattr(first, clock), getattr(second, clock)], dtype=float)
    if times.size == 0 or np.any(times <= 0):
        raise ValueError(f"{clock}: samples must be positive, found {times.tolist()}")
    return hodges_lehmann(np.log(times[1] / times[0]))
