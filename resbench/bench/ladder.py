"""A network in every runtime side by side: their calls in turn, each runtime's time against eager torch's."""

import math
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from resbench import environment
from resbench.bench.entrance import headed
from resbench.bench.entries import Validating, select, square_side
from resbench.bench.requests import request_for
from resbench.bench.subject import OnProgress, Subject, loaded_network, ready
from resbench.bench.validation import validate_all
from resbench.bench.worker import Local
from resbench.errors import ResbenchError
from resbench.judging.paired import Clusters, paired_change, unit_logs
from resbench.judging.stats import Interval, cluster_medians, log_interval
from resbench.records.record import Engine, Environment, Evaluation, Exported, Run, Settings
from resbench.running.device import resolve
from resbench.running.proof import proved_answers
from resbench.running.runtimes.runtime import RUNTIMES
from resbench.running.settings import Running
from resbench.timing import interleave, speeds
from resbench.timing.contest import LEAST_UNITS
from resbench.timing.sampler import without_garbage_collection
from resbench.zoo.spec import Variant

BASE = "eager"  # the runtime that the others are compared with
MOST_UNITS = 12  # clusters of each runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class Laddering:
    """What can be said of how runtimes are set side by side."""

    running: Running = Running()  # but for the runtime
    weights: str | None = None  # a file, or the name of a published checkpoint; None: fresh weights
    key: str | None = None  # of the weights in a file that holds several sets
    classes: int | None = None  # of the head; None: those of the file of weights, or the network's own
    device: str | None = None  # None: the first there is
    batch_sizes: tuple[int, ...] = ()  # none: 1 and a full batch
    time_budget_s: float = 60.0  # for each batch size, all runtimes together
    data: Path | None = None  # images on which every runtime is evaluated


@dataclass(frozen=True, slots=True, kw_only=True)
class RungTime:
    """How long a call took in a runtime, in seconds, and how many times as fast as eager torch that is."""

    batch_size: int
    call_s: Interval
    speedup: Interval | None  # eager's time over this one's; None: this is eager


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """A runtime with what was measured in it, or why it cannot run the network."""

    runtime: str
    why: str = ""  # it cannot; empty: it can
    settings: Settings | None = None
    engine: Engine = field(default_factory=Engine)
    exported: Exported | None = None  # of a runtime that runs a file
    times: tuple[RungTime, ...] = ()
    evaluation: Evaluation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interleaved:
    """The samples at one batch size: in every unit a cluster of each runtime."""

    batch_size: int
    runtimes: tuple[str, ...]
    calls: int  # that a sample spans
    units: tuple[Clusters, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """A network in every runtime."""

    network: str
    weights: str | None
    batch_sizes: tuple[int, ...]
    rungs: tuple[Rung, ...]
    environment: Environment
    run: Run
    samples: tuple[Interleaved, ...] = ()


def ladder(network: Variant, how: Laddering, on_progress: OnProgress = lambda *_: None) -> Iterator[Ladder]:
    """Measure `network` in every runtime, and yield the ladder as it grows: per batch size, and per evaluation.

    A runtime that cannot run the network does not stop the others. Raises ResbenchError when eager torch cannot.
    """
    on = resolve(how.device)
    watch = environment.watch(on)
    network = headed(network, how.classes, how.weights, how.key)
    _check_images(network, how)
    sizes = how.batch_sizes or (1, speeds.FULL_BATCH[on.type])
    with tempfile.TemporaryDirectory(prefix="resbench-") as folder:
        build = partial(request_for, network, on=on, weights=how.weights, key=how.key, files=Path(folder))
        subjects, rungs = _ready_in_all(build, how.running, sizes, on_progress)
        grown = Ladder(
            network=network.name,
            weights=subjects[BASE].weights,
            batch_sizes=sizes,
            rungs=rungs,
            environment=watch.environment(),
            run=watch.run(),
        )
        for size in sizes:
            progress = partial(on_progress, f"all runtimes in turn at batch {size}")
            samples = interleaved_subjects(subjects, size, how.time_budget_s, progress)
            grown = _with_times(replace(grown, samples=(*grown.samples, samples)), samples)
            yield replace(grown, environment=watch.environment(), run=watch.run())
    for name in subjects if how.data else ():
        grown = _with_accuracy(grown, name, network, how, on_progress)
        yield replace(grown, environment=watch.environment(), run=watch.run())


def _running_in(runtime: str, running: Running) -> Running:
    """Return how a runtime runs; eager torch, which has no int8, shows what int8 gains over fp32."""
    own = replace(running, runtime=runtime)
    return replace(own, dtype="fp32", calibration=None) if (runtime, running.dtype) == (BASE, "int8") else own


def _check_images(network: Variant, how: Laddering) -> None:
    """Raise ResbenchError for images that the network cannot be evaluated on, before any time is taken."""
    if how.data is None:
        return
    if how.weights is None:
        raise ResbenchError("--data: fresh weights have no accuracy; give --weights too")
    select([network], [how.weights], [how.data], _validating_in(BASE, how))


def _validating_in(runtime: str, how: Laddering) -> Validating:
    size = how.running.input_px
    side = None if size is None else square_side(size, "--data")
    running = replace(_running_in(runtime, how.running), input_px=side)
    return Validating(running=running, key=how.key, classes=how.classes, device=how.device, plain=True)  # as timed


def _ready_in_all(
    build: Callable[[Running], speeds.Request], running: Running, sizes: Sequence[int], on_progress: OnProgress
) -> tuple[dict[str, Subject], tuple[Rung, ...]]:
    """Return the network in every runtime that can run it, and all rungs, those that cannot with the reason."""
    subjects: dict[str, Subject] = {}
    rungs = []
    for index, name in enumerate(RUNTIMES):
        on_progress(f"making {name} ready ({index + 1} of {len(RUNTIMES)})", index / len(RUNTIMES))
        try:
            request = build(_running_in(name, running))
            subject = ready(request, sizes)
            if name != BASE and subject.exported is None:  # of `compile`, which compiles in the first calls
                proved_answers(loaded_network(request).module, subject.arm, sizes)
            subjects[name] = subject
        except ResbenchError as error:
            if name == BASE:
                raise
            rungs.append(Rung(runtime=name, why=str(error)))
        else:
            engine, exported = subject.arm.engine, subject.exported
            rungs.append(Rung(runtime=name, settings=request.settings, engine=engine, exported=exported))
    return subjects, tuple(rungs)


def interleaved_subjects(
    subjects: Mapping[str, Subject], size: int, time_budget_s: float, progress: Callable[[float], None]
) -> Interleaved:
    """Let the calls of all subjects take turns at batch `size`, until there are MOST_UNITS or the time is up."""
    chance = random.Random()  # the same orders every time would favour the same runtime every time
    arms = [Local(subject.arm, size) for subject in subjects.values()]
    units: list[Clusters] = []
    with without_garbage_collection():
        shape = interleave.shape(arms)
        end_s, longest_s = time.monotonic() + time_budget_s, 0.0
        while len(units) < MOST_UNITS and (len(units) < LEAST_UNITS or time.monotonic() + longest_s <= end_s):
            before_s = time.monotonic()
            units.append(interleave.cluster(arms, shape, chance))
            longest_s = max(longest_s, time.monotonic() - before_s)
            progress(len(units) / MOST_UNITS)
    return Interleaved(batch_size=size, runtimes=tuple(subjects), calls=shape.calls, units=tuple(units))


def _with_times(grown: Ladder, samples: Interleaved) -> Ladder:
    def timed(rung: Rung) -> Rung:
        if rung.runtime not in samples.runtimes:
            return rung
        return replace(rung, times=(*rung.times, rung_time(samples, samples.runtimes.index(rung.runtime))))

    return replace(grown, rungs=tuple(map(timed, grown.rungs)))


def rung_time(samples: Interleaved, index: int) -> RungTime:
    """Return the time of a call in one runtime, and how it compares with the first, pair by pair of clusters."""
    call = log_interval(cluster_medians(unit[index] for unit in samples.units)).scaled(1 / samples.calls)
    if not index:
        return RungTime(batch_size=samples.batch_size, call_s=call, speedup=None)
    change = paired_change(unit_logs([(unit,) for unit in samples.units], "wall_ns", index))
    ratio = Interval(math.exp(change.log), *change.ratios())
    return RungTime(batch_size=samples.batch_size, call_s=call, speedup=ratio.inverted(1))


def _with_accuracy(grown: Ladder, name: str, network: Variant, how: Laddering, on_progress: OnProgress) -> Ladder:
    """Evaluate the network in one runtime on the images."""

    def progress(stage: str, done: int, total: int, _: int | None) -> None:
        on_progress(f"{stage} in {name}", done / max(total, 1))

    assert how.weights is not None, "looked at before"
    assert how.data is not None, "only called with images"
    (result,) = validate_all([network], [how.weights], [how.data], _validating_in(name, how), progress)
    rungs = (replace(rung, evaluation=result.record) if rung.runtime == name else rung for rung in grown.rungs)
    return replace(grown, rungs=tuple(rungs))
