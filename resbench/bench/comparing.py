"""Comparisons of arms, their calls in turn: networks, settings of one, work trees or interpreters."""

import os
import random
import string
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from resbench import environment
from resbench.bench.subject import OnProgress, difference_from_plain, ready
from resbench.bench.worker import About, Local, Remote
from resbench.judging.family import Timed
from resbench.judging.finding import Finding
from resbench.judging.metric import Clock, TimedMetric
from resbench.judging.paired import Judgement, judge_arms, paired_change, unit_logs
from resbench.judging.stats import cluster_medians, log_interval
from resbench.records.record import Cluster, Environment, Run, Settings
from resbench.running.device import resolve
from resbench.running.settings import Running, settings_for
from resbench.timing import interleave, speeds
from resbench.timing.contest import Rules, Unit, World, contest
from resbench.timing.sampler import without_garbage_collection
from resbench.words.observed import overloaded
from resbench.zoo.spec import Variant

LAUNCH_LOOKS = (4, 6, 9, 13, 20, 32)  # launches after which arms in processes of their own are judged
# Starting costs as much as eight clusters of short calls, and launches scatter less than clusters (docs/measuring.md).
CLUSTERS_PER_LAUNCH = 8
LETTERS = string.ascii_uppercase  # of the arms


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a comparison: what is run, and by which program."""

    network: Variant
    weights: str | None = None
    running: Running = Running()
    python: str | None = None  # an interpreter of its own
    tree: Path | None = None  # a work tree of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredSide:
    """One side as it was measured."""

    network: str
    weights: str | None
    settings: Settings
    program: str  # what ran it
    output_difference: float | None  # from plain fp32, relative to the largest logit


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """Where the units of a comparison come from."""

    draw: Callable[[], Unit]
    calls: int
    arms: tuple[MeasuredSide, ...]


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
    source = _apart(sides, requests, batch_size) if apart else _together(requests, batch_size)
    world = World(
        clock=partial(clock_of, requests, watch),
        started_s=started_s,
        progress=partial(on_progress, " against ".join(side.network.name for side in sides)),
    )
    with source as units:
        outcome = contest(units.draw, rules, world)
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
    found = [
        _finding(comparison, letter, comparison.judged_by, one.judgement, _reason(comparison, one))
        for letter, one in comparison.others.items()
    ]
    if _ticks(comparison, other) and comparison.environment.machine.device_kind == "cpu":
        logs = [unit_logs(comparison.units, other, LETTERS.index(letter)) for letter in comparison.others]
        judgements = judge_arms(logs, floor=comparison.rules.floor, limit=comparison.rules.limit)
        for letter, judgement in zip(comparison.others, judgements, strict=True):
            found.append(_finding(comparison, letter, other, judgement, "for information"))
    return found


def _reason(comparison: Comparison, one: FurtherArm) -> str:
    return "; ".join(filter(None, (_why(comparison), one.doubt)))


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


def request_of(side: Side, on: torch.device) -> speeds.Request:
    """Return what builds one side; on the CPU with one thread unless its options say otherwise."""
    running = side.running
    if on.type == "cpu" and not running.threads:
        running = replace(running, threads=1)
    return speeds.Request(
        network=side.network,
        weights=side.weights,
        device=str(on),
        settings=settings_for(running, side.network.input_px, on),
    )


def clock_of(requests: Sequence[speeds.Request], watch: environment.Watch) -> Clock:
    """Return the clock to judge by: on a busy CPU process time, unless the sides differ in threads (or on a device)."""
    if requests[0].device != "cpu" or _switching(requests):
        return "wall_ns"
    return "wall_ns" if watch.noise() == "quiet" else "cpu_ns"


@contextmanager
def _together(requests: Sequence[speeds.Request], batch_size: int) -> Iterator[_Source]:
    """All arms in this process: each cluster is a unit."""
    subjects = [ready(request) for request in requests]
    arms = [Local(subject.arm, batch_size, switching=_switching(requests)) for subject in subjects]
    abouts = [
        About(program="this process", output_difference=difference_from_plain(request, subject.arm))
        for request, subject in zip(requests, subjects, strict=True)
    ]
    chance = random.Random()  # the same orders every time would favour the same arm every time
    with without_garbage_collection():
        shape = interleave.shape(arms)
        yield _Source(
            draw=lambda: (interleave.cluster(arms, shape, chance),), calls=shape.calls, arms=_measured(requests, abouts)
        )


@contextmanager
def _apart(sides: Sequence[Side], requests: Sequence[speeds.Request], batch_size: int) -> Iterator[_Source]:
    """Each arm in a process of its own, started afresh for every unit: processes differ for good.

    Those that size the clusters also give the first unit.
    """
    chance = random.Random()  # the same orders every time would favour the same arm every time
    with ExitStack() as first:
        arms, abouts = first.enter_context(_processes(sides, requests, batch_size, chance))
        shape = interleave.shape(arms)
        started = [arms]

        def draw() -> Unit:
            if started:
                unit = clusters(started.pop())
                first.close()
                return unit
            with _processes(sides, requests, batch_size, chance) as (fresh, _):
                return clusters(fresh)

        def clusters(arms: list[Remote]) -> Unit:
            return tuple(interleave.cluster(arms, shape, chance) for _ in range(CLUSTERS_PER_LAUNCH))

        yield _Source(draw=draw, calls=shape.calls, arms=_measured(requests, abouts))


def _switching(requests: Sequence[speeds.Request]) -> bool:
    return len({request.settings.threads for request in requests}) > 1


def _measured(requests: Sequence[speeds.Request], abouts: Sequence[About]) -> tuple[MeasuredSide, ...]:
    return tuple(
        MeasuredSide(
            network=request.network.name,
            weights=request.weights,
            settings=request.settings,
            program=about.program,
            output_difference=about.output_difference,
        )
        for request, about in zip(requests, abouts, strict=True)
    )


@contextmanager
def _processes(
    sides: Sequence[Side], requests: Sequence[speeds.Request], batch_size: int, chance: random.Random
) -> Iterator[tuple[list[Remote], list[About]]]:
    """Start one process per side, in random order: which comes first makes a difference.

    They get ready at the same time. Arms of one thread then share a core, drawn anew each time: cores differ in their
    caches, neighbours and clocks, and what differs between two cores would look like a difference between the arms.
    """
    order = list(range(len(sides)))
    chance.shuffle(order)
    with ExitStack() as stack:
        started = {
            index: stack.enter_context(
                closing(Remote(requests[index], batch_size, python=sides[index].python, tree=sides[index].tree))
            )
            for index in order
        }
        arms = [started[index] for index in sorted(started)]
        abouts = [arm.ready() for arm in arms]
        if hasattr(os, "sched_setaffinity") and all(_single_threaded(request) for request in requests):
            core = chance.choice(sorted(os.sched_getaffinity(0)))
            for arm in arms:
                arm.keep_to(core)
        yield arms, abouts


def _single_threaded(request: speeds.Request) -> bool:
    return request.device == "cpu" and request.settings.threads == 1
