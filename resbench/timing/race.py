"""Which of many settings is the fastest: they race in rounds, and those that are clearly behind leave."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from resbench.judging.standing import Round, Standings
from resbench.records.tuned import PLAIN
from resbench.timing.contest import LEAST_UNITS

SHARE = 5  # a race takes at most so small a part of the measurements of the whole grid
LEAST_SHARED = 8  # rounds of two settings that are called as good as one another: one of few may be an outlier
CLOSE = 0.02  # settings whose times differ by less are as good as one another


@dataclass(frozen=True, slots=True, kw_only=True)
class RaceSetup:
    """The settings that race, by number, and what the race asks of the world; PLAIN is one of them."""

    count: int
    whole_grid: int  # measurements that it takes to time each of them as well as without a race
    cost: Callable[[Sequence[int]], int]  # measurements that a round of these settings takes
    measure: Callable[[Sequence[int]], Round]  # times these settings, in turn
    holds: Callable[[int], bool]  # whether the answers of a setting are right; asked once of each that leads
    limits_s: Sequence[float] = ()  # per image, that the time of each must be below; none: there is no limit
    time_budget_s: float = math.inf
    now_s: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True, kw_only=True)
class RaceState:
    """A race after a round."""

    standings: Standings
    leader: int | None  # the fastest with right answers and below the limit; None: there is none yet
    contenders: tuple[int, ...]  # not clearly behind it, the fastest first
    measurements: int  # that were taken
    most: int  # that the race may take


def race(setup: RaceSetup) -> Iterator[RaceState]:
    """Let the settings race, and yield how they stand after every round.

    All run in the first round. After each round, settings drop out that are clearly behind the leader
    (`Standings.is_behind`) or certainly above their limit. A setting leads only once its answers were found right, so
    that a fast one with wrong answers sends nobody away. In all a fifth of the measurements of the whole grid is taken
    (SHARE): where those that are left would need more than half of what remains of it, or of the time, only the fastest
    run on. The race ends when certainly nobody is faster than the leader by CLOSE, or when nothing is left.
    Sources: Maron and Moore 1997 (Artif. Intell. Rev. 11:193) for races, Karnin, Koren and Somekh 2013 (ICML) for the
    halving.
    """
    end_s, pace_s = setup.now_s() + setup.time_budget_s, 0.0
    taken = 0
    rounds: list[Round] = []
    answers: dict[int, bool] = {}
    taking: Sequence[int] = range(setup.count)
    while taking:
        before_s = setup.now_s()
        taken += setup.cost(taking)
        rounds.append(setup.measure(taking))
        pace_s = max(pace_s, (setup.now_s() - before_s) / len(taking))
        state = _state(rounds, setup, answers, taken)
        yield state
        taking = _next(state, setup, pace_s, end_s - setup.now_s())


def _state(rounds: Sequence[Round], setup: RaceSetup, answers: dict[int, bool], taken: int) -> RaceState:
    standings = Standings(tuple(rounds))
    running = [
        index for index in standings.ranked(range(setup.count)) if not _is_above(standings, setup.limits_s, index)
    ]
    leader = next((index for index in running if _may_lead(index, standings, setup, answers)), None)
    contenders = tuple(
        index
        for index in running
        if answers.get(index, True) and (leader in (None, index) or not standings.is_behind(leader, index))
    )
    return RaceState(
        standings=standings,
        leader=leader,
        contenders=contenders,
        measurements=taken,
        most=setup.whole_grid // SHARE,
    )


def _is_above(standings: Standings, limits_s: Sequence[float], index: int) -> bool:
    """Tell whether the time of a setting is certainly above its limit."""
    return bool(limits_s) and (standings.time_s(index).low or 0.0) > limits_s[index]


def _is_below(standings: Standings, limits_s: Sequence[float], index: int) -> bool:
    """Tell whether the time of a setting is certainly below its limit."""
    return not limits_s or (standings.time_s(index).high or math.inf) < limits_s[index]


def _may_lead(index: int, standings: Standings, setup: RaceSetup, answers: dict[int, bool]) -> bool:
    if not _is_below(standings, setup.limits_s, index):
        return False
    if index not in answers:
        answers[index] = setup.holds(index)
    return answers[index]


def _next(state: RaceState, setup: RaceSetup, pace_s: float, left_s: float) -> list[int]:
    """Return which settings run in the next round, when each takes `pace_s` of it; none: the race is over."""
    if not state.contenders or _is_decided(state):
        return []
    first = state.contenders[0] if state.leader is None else state.leader
    taking = [first, *(index for index in state.contenders if index != first)]
    if PLAIN not in taking:
        taking.append(PLAIN)  # so that the ratio to it is known well
    left = state.most - state.measurements

    def fits(share: float) -> bool:
        return setup.cost(taking) <= share * left and len(taking) * pace_s <= share * left_s

    while len(taking) > 2 and not fits(1 / 2):
        taking.pop()
    return taking if fits(1) else []


def _is_decided(state: RaceState) -> bool:
    standings, leader = state.standings, state.leader
    if leader is None or standings.count(leader, PLAIN) < LEAST_UNITS:
        return False
    rivals = [index for index in state.contenders if index != leader]
    seen = min((standings.count(leader, index) for index in rivals), default=LEAST_SHARED)
    return seen >= LEAST_SHARED and not any(standings.may_be_ahead(leader, index, CLOSE) for index in rivals)
