"""When a comparison of two arms ends: it grows until it can tell, and confirms a change once with fresh clusters."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from resbench.judging.finding import Verdict
from resbench.judging.paired import Judgement, Pair, confirmed, judge, unit_logs
from resbench.judging.stats import Clock

CLUSTER_LOOKS = (12, 24, 48, 96)
LEAST_UNITS = 3  # fewer say nothing about their own scatter, so the time budget waits for them
Unit = Sequence[Pair]  # what is independent of the rest: one pair of clusters, or all those of a launch


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What is looked for, and how long."""

    floor: float = 0.01  # a slowdown that counts as none
    limit: float = 0.03  # a slowdown that is permitted
    looks: tuple[int, ...] = CLUSTER_LOOKS  # units after which the data are judged
    confirm: bool = True
    time_budget_s: float = 120.0  # in all


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """A finished comparison."""

    units: tuple[Unit, ...]
    clock: Clock  # that the verdict is about
    judgement: Judgement
    confirmed: bool  # a change was found, and looked for again


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the contest asks of the world; tests give their own."""

    clock: Callable[[], Clock]  # the one to judge by, asked at every look: it may depend on how busy the machine is
    now_s: Callable[[], float] = time.monotonic
    progress: Callable[[float], None] = lambda _: None  # the share that is done


def contest(draw: Callable[[], Unit], rules: Rules, surroundings: Surroundings) -> Contest:
    """Draw units until there is a verdict, the last look is over or the time is up; then confirm a change.

    Half of the time is kept for the confirmation.
    """
    started_s = surroundings.now_s()
    first = _grow(draw, rules, surroundings, started_s + rules.time_budget_s / (2 if rules.confirm else 1))
    changed = first.judgement.verdict in (Verdict.REGRESSED, Verdict.IMPROVED)
    if not (changed and rules.confirm):
        return first
    # Evidence against a change is that there is less than the floor, not that it is within the limit.
    strict = replace(rules, limit=rules.floor)
    second = _grow(draw, strict, surroundings, started_s + rules.time_budget_s)
    units = (*first.units, *second.units)
    verdict = confirmed(first.judgement, second.judgement, _judge(units, rules, first.clock))
    return Contest(units=units, clock=first.clock, judgement=verdict, confirmed=True)


def _grow(draw: Callable[[], Unit], rules: Rules, surroundings: Surroundings, until_s: float) -> Contest:
    units: list[Unit] = []
    for look in rules.looks:
        while len(units) < look and (len(units) < LEAST_UNITS or surroundings.now_s() < until_s):
            units.append(draw())
            surroundings.progress(len(units) / rules.looks[-1])
        clock = surroundings.clock()
        judgement = _judge(units, rules, clock)
        if judgement.verdict != Verdict.INCONCLUSIVE or surroundings.now_s() >= until_s:
            break
    return Contest(units=tuple(units), clock=clock, judgement=judgement, confirmed=False)


def _judge(units: Sequence[Unit], rules: Rules, clock: Clock) -> Judgement:
    return judge(unit_logs(units, clock), floor=rules.floor, limit=rules.limit)
