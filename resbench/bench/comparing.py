"""Comparisons of two arms, their calls in turn: two networks, two settings of one, or two interpreters."""

import os
import random
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
from resbench.judging.paired import Judgement, judge, paired_change, unit_logs
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
    units: tuple[tuple[tuple[Cluster, Cluster], ...], ...]  # independent: a pair of clusters, or those of a launch
    rules: Rules
    judged_by: Clock
    judgement: Judgement
    confirmed: bool  # a change was found, and measured again
    doubt: str  # why a change that was found is no verdict
    environment: Environment
    run: Run


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """Where the units of a comparison come from."""

    draw: Callable[[], Unit]
    calls: int
    arms: tuple[MeasuredSide, MeasuredSide]


def ab(
    a: Side,
    b: Side,
    *,
    device: str | None = None,
    batch_size: int = 1,
    rules: Rules = Rules(),
    on_progress: OnProgress = lambda *_: None,
) -> Comparison:
    """Compare how long a call takes on two sides and judge B against A.

    On the CPU one thread is used unless options say otherwise. Raises ResbenchError for a side that cannot be built,
    InvalidMeasurementError when a process dies.
    """
    started_s = time.monotonic()
    on = resolve(device)
    watch = environment.watch(on)
    requests = request_of(a, on), request_of(b, on)
    on_progress("loading", 0.0)
    apart = any(side.python or side.tree for side in (a, b))
    if apart:
        rules = replace(rules, looks=LAUNCH_LOOKS)
    source = _apart((a, b), requests, batch_size) if apart else _together(requests, batch_size)
    world = World(
        clock=partial(clock_of, requests, watch),
        started_s=started_s,
        progress=partial(on_progress, f"{a.network.name} against {b.network.name}"),
    )
    with source as units:
        outcome = contest(units.draw, rules, world)
    return Comparison(
        a=units.arms[0],
        b=units.arms[1],
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
    """Return what was found by the clock that the verdict is about, then what the other one shows."""
    other: Clock = "wall_ns" if comparison.judged_by == "cpu_ns" else "cpu_ns"
    why = "; ".join(filter(None, (_why(comparison), comparison.doubt)))
    judged = [_finding(comparison, comparison.judged_by, comparison.judgement, why)]
    logs = unit_logs(comparison.units, other) if _ticks(comparison, other) else None
    if logs is not None and comparison.environment.machine.device_kind == "cpu":
        judgement = judge(logs, floor=comparison.rules.floor, limit=comparison.rules.limit)
        judged.append(_finding(comparison, other, judgement, "for information"))
    return judged


def _finding(comparison: Comparison, clock: Clock, judgement: Judgement, why: str) -> Finding:
    of_a = (pair[0] for unit in comparison.units for pair in unit)
    before = log_interval(cluster_medians(of_a, clock)).estimate / comparison.calls
    return Finding(
        record=f"{comparison.a.network} against {comparison.b.network}",
        network=comparison.b.network,
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
    """Return what was found, to be judged together with other comparisons; it is reported under `record`."""
    why = f"{_why(comparison)}; "
    return Timed(
        finding=replace(_finding(comparison, comparison.judged_by, comparison.judgement, why), record=record),
        change=paired_change(unit_logs(comparison.units, comparison.judged_by)),
        floor=comparison.rules.floor,
        doubt=comparison.doubt,
    )


def _why(comparison: Comparison) -> str:
    kind = "launches" if any(len(unit) > 1 for unit in comparison.units) else "clusters"
    twice = ", measured twice" if comparison.confirmed else ""
    return f"{comparison.judgement.units} {kind}{twice}{overloaded(comparison.environment)}"


def _ticks(comparison: Comparison, clock: Clock) -> bool:
    clusters = (cluster for unit in comparison.units for pair in unit for cluster in pair)
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


def clock_of(requests: tuple[speeds.Request, speeds.Request], watch: environment.Watch) -> Clock:
    """Return the clock to judge by: on a busy CPU process time, unless the sides differ in threads (or on a device)."""
    first, second = requests
    if first.device != "cpu" or first.settings.threads != second.settings.threads:
        return "wall_ns"
    return "wall_ns" if watch.noise() == "quiet" else "cpu_ns"


@contextmanager
def _together(requests: tuple[speeds.Request, speeds.Request], batch_size: int) -> Iterator[_Source]:
    """Both arms in this process: each cluster is a unit."""
    subjects = [ready(request) for request in requests]
    switching = requests[0].settings.threads != requests[1].settings.threads
    arms = [Local(subject.arm, batch_size, switching=switching) for subject in subjects]
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
def _apart(
    sides: tuple[Side, Side], requests: tuple[speeds.Request, speeds.Request], batch_size: int
) -> Iterator[_Source]:
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


def _measured(
    requests: tuple[speeds.Request, speeds.Request], abouts: Sequence[About]
) -> tuple[MeasuredSide, MeasuredSide]:
    a, b = (
        MeasuredSide(
            network=request.network.name,
            weights=request.weights,
            settings=request.settings,
            program=about.program,
            output_difference=about.output_difference,
        )
        for request, about in zip(requests, abouts, strict=True)
    )
    return a, b


@contextmanager
def _processes(
    sides: tuple[Side, Side], requests: tuple[speeds.Request, speeds.Request], batch_size: int, chance: random.Random
) -> Iterator[tuple[list[Remote], list[About]]]:
    """Start one process per side, in random order: which comes first makes a difference.

    They get ready at the same time. Arms of one thread then share a core, drawn anew each time: cores differ in their
    caches, neighbours and clocks, and what differs between two cores would look like a difference between the arms.
    """
    order = [0, 1]
    chance.shuffle(order)
    with ExitStack() as stack:
        started = {
            index: stack.enter_context(
                closing(Remote(requests[index], batch_size, python=sides[index].python, tree=sides[index].tree))
            )
            for index in order
        }
        arms = [started[0], started[1]]
        abouts = [arm.ready() for arm in arms]
        if hasattr(os, "sched_setaffinity") and all(_single_threaded(request) for request in requests):
            core = chance.choice(sorted(os.sched_getaffinity(0)))
            for arm in arms:
                arm.keep_to(core)
        yield arms, abouts


def _single_threaded(request: speeds.Request) -> bool:
    return request.device == "cpu" and request.settings.threads == 1
