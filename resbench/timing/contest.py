"""When a comparison of arms ends: it grows until it can tell, and confirms a change once with fresh clusters."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from resbench.judging.finding import Verdict
from resbench.judging.metric import Clock
from resbench.judging.paired import Clusters, Judgement, confirmed, judge_arms, unit_logs

CLUSTER_LOOKS = (12, 24, 48, 96)
LEAST_UNITS = 3  # fewer say nothing about their own scatter, so the time budget waits for them
Unit = Sequence[Clusters]  # what is independent of the rest: one cluster of each arm, or all those of a launch


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
    judgements: tuple[Judgement, ...]  # of B, C, ... against A
    confirmed: bool  # a change was found, and measured again
    doubts: tuple[str, ...]  # why a change that was found is no verdict, for each of them

    @property
    def judgement(self) -> Judgement:
        """The judgement of B."""
        return self.judgements[0]

    @property
    def doubt(self) -> str:
        """Why a change of B that was found is no verdict."""
        return self.doubts[0]


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
    changed = [index for index, judgement in enumerate(first.judgements) if judgement.changed]
    if not (rules.confirm and changed):
        return first
    if world.now_s() + LEAST_UNITS * unit_s > end_s:
        return _unconfirmed(first)
    # Evidence against a change is that there is less than the floor, not that it is within the limit.
    second, _ = _grow(draw, replace(rules, limit=rules.floor), world, end_s, changed)
    units = (*first.units, *second.units)
    both = _judge(units, rules, first.clock)
    judgements = tuple(map(confirmed, first.judgements, second.judgements, both))
    doubts = tuple(
        "the repeated measurement did not find the change again" if before.changed and _is_open(after) else ""
        for before, after in zip(first.judgements, judgements, strict=True)
    )
    return Contest(units=units, clock=first.clock, judgements=judgements, confirmed=True, doubts=doubts)


def _unconfirmed(first: Contest) -> Contest:
    """Return a contest whose changes could not be measured again."""
    return replace(
        first,
        judgements=tuple(
            replace(judgement, verdict=Verdict.INCONCLUSIVE) if judgement.changed else judgement
            for judgement in first.judgements
        ),
        doubts=tuple(
            "no time was left to repeat the measurement of a change" if judgement.changed else ""
            for judgement in first.judgements
        ),
    )


def _is_open(judgement: Judgement) -> bool:
    return judgement.verdict == Verdict.INCONCLUSIVE


def _grow(
    draw: Callable[[], Unit], rules: Rules, world: World, until_s: float, about: Sequence[int] | None = None
) -> tuple[Contest, float]:
    """Draw units until a look gives verdicts or there is no time for another; also return the time of the longest.

    `about`: which verdicts are waited for, as indices of the judgements; None: all.
    """
    units: list[Unit] = []
    longest_s = 0.0
    for look in rules.looks:
        while len(units) < look and (len(units) < LEAST_UNITS or world.now_s() + longest_s <= until_s):
            before_s = world.now_s()
            units.append(draw())
            longest_s = max(longest_s, world.now_s() - before_s)
            world.progress(len(units) / rules.looks[-1])
        clock = world.clock()
        judgements = _judge(units, rules, clock)
        awaited = judgements if about is None else [judgements[index] for index in about]
        if not any(map(_is_open, awaited)) or world.now_s() + longest_s > until_s:
            break
    doubts = ("",) * len(judgements)
    return Contest(units=tuple(units), clock=clock, judgements=judgements, confirmed=False, doubts=doubts), longest_s


def _judge(units: Sequence[Unit], rules: Rules, clock: Clock) -> tuple[Judgement, ...]:
    arms = len(units[0][0])
    logs = [unit_logs(units, clock, arm) for arm in range(1, arms)]
    return judge_arms(logs, floor=rules.floor, limit=rules.limit)
