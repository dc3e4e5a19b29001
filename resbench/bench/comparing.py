"""Comparisons of arms, their calls in turn: networks, settings of one, work trees or interpreters."""

import string
import time
from dataclasses import dataclass, replace
from functools import partial

from resbench import environment
from resbench.bench.sides import MeasuredSide, Side, UnitSource, clock_of, request_of, units_apart, units_together
from resbench.bench.subject import OnProgress
from resbench.judging.family import Timed
from resbench.judging.finding import Finding
from resbench.judging.metric import Clock, TimedMetric
from resbench.judging.paired import Judgement, judge_arms, paired_change, unit_logs
from resbench.judging.stats import cluster_medians, log_interval
from resbench.records.record import Cluster, Environment, Run
from resbench.running.device import resolve
from resbench.timing.contest import Contest, Rules, World, contest
from resbench.words.observed import overloaded

LAUNCH_LOOKS = (4, 6, 9, 13, 20, 32)  # launches after which arms in processes of their own are judged
LETTERS = string.ascii_uppercase  # of the arms


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What a comparison saw, every sample of it, and what that means."""

    a: MeasuredSide
    b: MeasuredSide
    batch_size: int
    calls: int  # that a sample spans
    units: tuple[tuple[tuple[Cluster, ...], ...], ...]  # independent: a cluster of each arm, or those of a launch
    rules: Rules
    judged_by: Clock
    judgement: Judgement  # of B against A
    confirmed: bool  # a change was found, and measured again
    doubt: str  # why a change that was found is no verdict
    environment: Environment
    run: Run
    further: tuple["FurtherArm", ...] = ()  # C, D, ...

    @property
    def others(self) -> dict[str, "FurtherArm"]:
        """The arms that are compared with A, by letter."""
        first = FurtherArm(arm=self.b, judgement=self.judgement, doubt=self.doubt)
        return dict(zip(LETTERS[1:], (first, *self.further), strict=False))


@dataclass(frozen=True, slots=True, kw_only=True)
class FurtherArm:
    """An arm that was compared with A, and what its times mean."""

    arm: MeasuredSide
    judgement: Judgement
    doubt: str


def ab(
    *sides: Side,
    device: str | None = None,
    batch_size: int = 1,
    rules: Rules = Rules(),
    on_progress: OnProgress = lambda *_: None,
) -> Comparison:
    """Compare how long a call takes on two or more sides and judge B, and any further ones, against A.

    Of several comparisons false alarms stay as rare in all as in one (Holm). On the CPU one thread is used unless
    options say otherwise. Raises ResbenchError for a side that cannot be built, InvalidMeasurementError when a process
    dies.
    """
    started_s = time.monotonic()
    on = resolve(device)
    watch = environment.watch(on)
    requests = [request_of(side, on) for side in sides]
    on_progress("loading", 0.0)
    apart = any(side.python or side.tree for side in sides)
    if apart:
        rules = replace(rules, looks=LAUNCH_LOOKS)
    source = units_apart(sides, requests, batch_size) if apart else units_together(requests, batch_size)
    world = World(
        clock=partial(clock_of, requests, watch),
        started_s=started_s,
        progress=partial(on_progress, " against ".join(side.network.name for side in sides)),
    )
    with source as units:
        outcome = contest(units.draw, rules, world)
    return _compared(units, outcome, batch_size, rules, watch)


def _compared(
    units: UnitSource, outcome: Contest, batch_size: int, rules: Rules, watch: environment.Watch
) -> Comparison:
    return Comparison(
        a=units.arms[0],
        b=units.arms[1],
        further=tuple(
            FurtherArm(arm=arm, judgement=judgement, doubt=doubt)
            for arm, judgement, doubt in zip(units.arms[2:], outcome.judgements[1:], outcome.doubts[1:], strict=True)
        ),
        batch_size=batch_size,
        calls=units.calls,
        units=tuple(tuple(unit) for unit in outcome.units),
        rules=rules,
        judged_by=outcome.clock,
        judgement=outcome.judgement,
        confirmed=outcome.confirmed,
        doubt=outcome.doubt,
        environment=watch.environment(),
        run=watch.run(),
    )


def findings(comparison: Comparison) -> list[Finding]:
    """Return what was found of each arm by the clock that the verdicts are about, then what the other one shows."""
    other: Clock = "wall_ns" if comparison.judged_by == "cpu_ns" else "cpu_ns"
    of_arms = [
        _finding(comparison, letter, comparison.judged_by, arm.judgement, _reason(comparison, arm))
        for letter, arm in comparison.others.items()
    ]
    if _ticks(comparison, other) and comparison.environment.machine.device_kind == "cpu":
        logs = [unit_logs(comparison.units, other, LETTERS.index(letter)) for letter in comparison.others]
        judgements = judge_arms(logs, floor=comparison.rules.floor, limit=comparison.rules.limit)
        for letter, judgement in zip(comparison.others, judgements, strict=True):
            of_arms.append(_finding(comparison, letter, other, judgement, "for information"))
    return of_arms


def _reason(comparison: Comparison, arm: FurtherArm) -> str:
    return "; ".join(filter(None, (_why(comparison), arm.doubt)))


def _finding(comparison: Comparison, letter: str, clock: Clock, judgement: Judgement, why: str) -> Finding:
    of_a = (arms[0] for unit in comparison.units for arms in unit)
    before = log_interval(cluster_medians(of_a, clock)).estimate / comparison.calls
    network = comparison.others[letter].arm.network
    arms = f"{letter} against A: " if comparison.further else ""
    return Finding(
        record=f"{arms}{comparison.a.network} against {network}",
        network=network,
        metric=str(TimedMetric(speed="latency", batch_size=comparison.batch_size, clock=clock)),
        unit="s",
        before=before,
        after=before * judgement.ratio.estimate,
        ratio_low=judgement.ratio.low,
        ratio_high=judgement.ratio.high,
        limit=comparison.rules.limit,
        detectable=judgement.detectable,
        verdict=judgement.verdict,
        why=why,
    )


def timed_sides(comparison: Comparison, record: str) -> Timed:
    """Return what was found of B, to be judged together with other comparisons; it is reported under `record`."""
    why = f"{_why(comparison)}; "
    return Timed(
        finding=replace(_finding(comparison, "B", comparison.judged_by, comparison.judgement, why), record=record),
        change=paired_change(unit_logs(comparison.units, comparison.judged_by)),
        floor=comparison.rules.floor,
        doubt=comparison.doubt,
    )


def _why(comparison: Comparison) -> str:
    kind = "launches" if any(len(unit) > 1 for unit in comparison.units) else "clusters"
    twice = ", measured twice" if comparison.confirmed else ""
    return f"{comparison.judgement.units} {kind}{twice}{overloaded(comparison.environment)}"


def _ticks(comparison: Comparison, clock: Clock) -> bool:
    clusters = (cluster for unit in comparison.units for arms in unit for cluster in arms)
    return all(min(getattr(cluster, clock)) > 0 for cluster in clusters)
