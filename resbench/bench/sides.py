"""The sides of a comparison, and the two sources of its units: one process for all arms, or one for each."""

import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from resbench import environment
from resbench.bench.requests import request_for
from resbench.bench.subject import ready
from resbench.bench.worker import About, Local, Remote, described_subject
from resbench.errors import ResbenchError
from resbench.judging.metric import Clock
from resbench.records.record import Engine, Exported, Settings
from resbench.running.settings import Running
from resbench.timing import interleave, speeds
from resbench.timing.contest import Unit
from resbench.timing.sampler import without_garbage_collection
from resbench.zoo.spec import Variant

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
    engine: Engine = field(default_factory=Engine)
    exported: Exported | None = None  # of a runtime that runs a file


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitSource:
    """Where the units of a comparison come from."""

    draw: Callable[[], Unit]
    calls: int
    arms: tuple[MeasuredSide, ...]


def request_of(side: Side, on: torch.device) -> speeds.Request:
    """Return what builds one side; on the CPU with one thread unless its options say otherwise."""
    running = side.running
    if on.type == "cpu" and not running.threads:
        running = replace(running, threads=1)
    if running.dtype == "int8" and (side.python or side.tree):
        raise ResbenchError("dtype int8: is compared in this process only; leave out python and tree")
    return request_for(side.network, running, on, weights=side.weights)


def clock_of(requests: Sequence[speeds.Request], watch: environment.Watch) -> Clock:
    """Return the clock to judge by: on a busy CPU process time, unless the sides differ in threads (or on a device)."""
    if requests[0].device != "cpu" or _switching(requests):
        return "wall_ns"
    return "wall_ns" if watch.noise() == "quiet" else "cpu_ns"


@contextmanager
def units_together(requests: Sequence[speeds.Request], batch_size: int) -> Iterator[UnitSource]:
    """All arms in this process: each cluster is a unit."""
    subjects = [ready(request, [batch_size]) for request in requests]
    arms = [Local(subject.arm, batch_size, switching=_switching(requests)) for subject in subjects]
    abouts = [
        described_subject(request, subject, "this process") for request, subject in zip(requests, subjects, strict=True)
    ]
    chance = random.Random()  # the same orders every time would favour the same arm every time
    with without_garbage_collection():
        shape = interleave.shape(arms)
        yield UnitSource(
            draw=lambda: (interleave.cluster(arms, shape, chance),), calls=shape.calls, arms=_measured(requests, abouts)
        )


@contextmanager
def units_apart(sides: Sequence[Side], requests: Sequence[speeds.Request], batch_size: int) -> Iterator[UnitSource]:
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

        yield UnitSource(draw=draw, calls=shape.calls, arms=_measured(requests, abouts))


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
            engine=about.engine or Engine(),
            exported=about.exported,
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
