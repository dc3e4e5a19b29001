"""Changes of times, and the one rule that judges them: those of stored records, and those of arms timed in turn."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from resbench.judging import student
from resbench.judging.finding import Finding, Verdict

CONFIDENCE = 0.95
POWER = 0.9
_POWER_SHARE = 1.282 / 1.960  # of the half-width of an interval, for nine findings in ten
_LARGEST_LOG = 700.0  # of what a float can hold
_SIDE = (1 - CONFIDENCE) / 2  # the chance of a false alarm, in one direction


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How the log of a time changed, after - before, and how well that is known."""

    log: float
    error: float  # standard error
    freedom: float  # degrees of freedom of `error`

    def ratios(self) -> tuple[float, float]:
        """Return the bounds of Student's 95 % interval of after/before."""
        half = student.quantile(1 - _SIDE, self.freedom) * self.error
        return _exp(self.log - half), _exp(self.log + half)

    def p_value(self) -> float:
        """Return how likely a change as large as this is, in either direction, when the truth is none."""
        return 2 * student.tail(abs(self.log) / self.error, self.freedom) if self.error else float(self.log == 0)

    def slower(self, floor: float) -> float:
        """Return how likely times as long as these are when the truth is a slowdown by `floor` (0.01: 1 %)."""
        return self._tail(self.log - math.log1p(floor))

    def faster(self, floor: float) -> float:
        """Return how likely times as short as these are when the truth is a speed-up by `floor`."""
        return self._tail(-self.log - math.log1p(floor))

    def detectable(self, floor: float, limit: float, family: int = 1) -> float:
        """Return the smallest slowdown that 9 of 10 such changes, judged with others of a `family`, would reveal."""
        shares = (1 - _SIDE, 1 - _SIDE / family, POWER)
        single, strictest, power = (student.quantile(share, self.freedom) for share in shares)
        beyond_floor = math.log1p(floor) + (strictest + power) * self.error
        beyond_limit = math.log1p(limit) - (single - power) * self.error
        return _exp(max(beyond_floor, beyond_limit)) - 1

    def detectable_by_interval(self, limit: float) -> float:
        """Return the smallest slowdown that 9 of 10 such changes show by an interval that is wholly above `limit`."""
        half = student.quantile(1 - _SIDE, self.freedom) * self.error
        return _exp(math.log1p(limit) + half * (1 + _POWER_SHARE)) - 1

    def _tail(self, beyond: float) -> float:
        if self.error == 0:
            return 0.0 if beyond > 0 else 1.0
        return student.tail(beyond / self.error, self.freedom)


def welch(before: Sequence[float], after: Sequence[float]) -> Change:
    """Return how the mean log time changed between two samples whose scatter may differ. Source: Welch 1947."""
    old, new = ([math.log(value) for value in values] for values in (before, after))
    errors = [student.deviation(logs) ** 2 / len(logs) if len(logs) > 1 else 0.0 for logs in (old, new)]
    spread = sum(errors)
    parts = sum(error**2 / (len(logs) - 1) for error, logs in zip(errors, (old, new), strict=True) if error)
    freedom = spread**2 / parts if parts else 1.0
    return Change(log=fmean(new) - fmean(old), error=math.sqrt(spread), freedom=freedom)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """A timing that is judged together with the others of its family, so that many of them do not cry wolf."""

    finding: Finding  # without its verdict
    change: Change
    floor: float  # the slowdown that counts as no change
    note: str = ""  # what else differs and may explain a change
    doubt: str = ""  # why the circumstances may explain it; then it is inconclusive


def judge_change(change: Change, *, floor: float, limit: float) -> Verdict:
    """Judge a change by itself: `floor` is the slowdown that counts as none, `limit` the one that is permitted."""
    return judge_changes([change], floor=floor, limit=limit)[0]


def judge_changes(changes: Sequence[Change], *, floor: float, limit: float) -> list[Verdict]:
    """Judge changes as one family: with Holm's procedure false alarms stay at 2.5 % in all, in either direction."""
    slower = holm([change.slower(floor) for change in changes])
    faster = holm([change.faster(floor) for change in changes])
    return [
        _verdict(change, limit, slower=p_slower < _SIDE, faster=p_faster < _SIDE)
        for change, p_slower, p_faster in zip(changes, slower, faster, strict=True)
    ]


def judge_together(family: Sequence[Timed]) -> Iterator[Finding]:
    """Yield the findings of timings that are judged together: Holm's procedure keeps false alarms at 2.5 % in all."""
    slower = holm([1.0 if timed.doubt else timed.change.slower(timed.floor) for timed in family])
    faster = holm([1.0 if timed.doubt else timed.change.faster(timed.floor) for timed in family])
    for timed, p_slower, p_faster in zip(family, slower, faster, strict=True):
        change, limit = timed.change, timed.finding.limit or 0.0
        verdict = _verdict(change, limit, slower=p_slower < _SIDE, faster=p_faster < _SIDE)
        why = _WHY[verdict].format(limit=limit)
        if timed.doubt:
            verdict, why = Verdict.INCONCLUSIVE, timed.doubt
        low, high = change.ratios()
        yield replace(
            timed.finding,
            ratio_low=low,
            ratio_high=high,
            detectable=change.detectable(timed.floor, limit, len(family)),
            verdict=verdict,
            why=f"{timed.finding.why}{why}{timed.note}",
        )


_WHY = {
    Verdict.IMPROVED: "faster beyond chance",
    Verdict.OK: "not slower by {limit:.1%}",
    Verdict.REGRESSED: "slower beyond chance",
    Verdict.INCONCLUSIVE: "slower by {limit:.1%} cannot be excluded",
}


def _verdict(change: Change, limit: float, *, slower: bool, faster: bool) -> Verdict:
    """A change that is certainly within the limit is permitted, however certain the change itself is."""
    if faster:
        return Verdict.IMPROVED
    if change.ratios()[1] < 1 + limit:
        return Verdict.OK
    return Verdict.REGRESSED if slower else Verdict.INCONCLUSIVE


def _exp(log: float) -> float:
    return math.exp(log) if log < _LARGEST_LOG else math.inf


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for the whole family, in the given order. Source: Holm 1979 (Scand. J. Stat. 6:65)."""
    adjusted, floor = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        floor = max(floor, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = floor
    return adjusted
