"""When a comparison of two arms ends: it grows until it can tell, and confirms a change once with fresh clusters."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from resbench.judging.finding import Verdict
from resbench.judging.metric import Clock
from resbench.judging.paired import Judgement, Pair, confirmed, judge, unit_logs

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
    time_budget_s: float = 120.0  # in all, from the start of the comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """A finished comparison."""

    units: tuple[Unit, ...]
    clock: Clock  # that the verdict is about
    judgement: Judgement
    confirmed: bool  # a change was found, and measured again
    doubt: str = ""  # why a change that was found is no verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the contest asks of the world; tests give their own."""

    clock: Callable[[], Clock]  # the one to judge by, asked at every look: it may depend on how busy the machine is
    now_s: Callable[[], float] = time.monotonic
    started_s: float | None = None  # by `now_s`, when the time budget began; None: when the contest does
    progress: Callable[[float], None] = lambda _: None  # the share that is done


def contest(draw: Callable[[], Unit], rules: Rules, world: World) -> Contest:
    """Draw units until there is a verdict, the last look is over or the time is up; then confirm a change.

    Half of the time is kept for the confirmation. No unit is begun that would probably end after the time budget, but
    for the LEAST_UNITS of the first look.
    """
    started_s = world.now_s() if world.started_s is None else world.started_s
    end_s = started_s + rules.time_budget_s
    first, unit_s = _grow(draw, rules, world, started_s + rules.time_budget_s / (2 if rules.confirm else 1))
    changed = first.judgement.verdict in (Verdict.REGRESSED, Verdict.IMPROVED)
    if not (changed and rules.confirm):
        return first
    if world.now_s() + LEAST_UNITS * unit_s > end_s:
        judgement = replace(first.judgement, verdict=Verdict.INCONCLUSIVE)
        return replace(first, judgement=judgement, doubt="no time was left to repeat the measurement of a change")
    # Evidence against a change is that there is less than the floor, not that it is within the limit.
    second, _ = _grow(draw, replace(rules, limit=rules.floor), world, end_s)
    units = (*first.units, *second.units)
    judgement = confirmed(first.judgement, second.judgement, _judge(units, rules, first.clock))
    torn = judgement.verdict == Verdict.INCONCLUSIVE
    doubt = "the repeated measurement did not find the change again" if torn else ""
    return Contest(units=units, clock=first.clock, judgement=judgement, confirmed=True, doubt=doubt)


def _grow(draw: Callable[[], Unit], rules: Rules, world: World, until_s: float) -> tuple[Contest, float]:
    """Draw units until a look gives a verdict or there is no time for another; also return the time of the longest."""
    units: list[Unit] = []
    longest_s = 0.0
    for look in rules.looks:
        while len(units) < look and (len(units) < LEAST_UNITS or world.now_s() + longest_s <= until_s):
            before_s = world.now_s()
            units.append(draw())
            longest_s = max(longest_s, world.now_s() - before_s)
            world.progress(len(units) / rules.looks[-1])
        clock = world.clock()
        judgement = _judge(units, rules, clock)
        if judgement.verdict != Verdict.INCONCLUSIVE or world.now_s() + longest_s > until_s:
            break
    return Contest(units=tuple(units), clock=clock, judgement=judgement, confirmed=False), longest_s


def _judge(units: Sequence[Unit], rules: Rules, clock: Clock) -> Judgement:
    return judge(unit_logs(units, clock), floor=rules.floor, limit=rules.limit)
