"""The sampling loop: warm up until steady, then clusters on fresh materialisations until the interval is narrow enough.

It knows no network: `materialise` lays the work out afresh in memory and returns it as calls without arguments. Most
work is one call; a training step is three, timed one after the other.
"""

import gc
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from statistics import median

from resbench.errors import InvalidMeasurementError
from resbench.judging.robust import agree, drifts
from resbench.judging.stats import precision
from resbench.records.record import Cluster, Launch, StopReason
from resbench.timing.clock import Call, Timer

Watch = Callable[[], Callable[[], tuple[str, ...]]]  # starts to watch the device; the result names what went wrong
Materialise = Callable[[], Sequence[Call]]
Sweep = tuple[Cluster, ...]  # one cluster of each call, sampled in turn
THROTTLED = "throttled"
WINDOW_CALLS = 10  # of a window of the warm-up


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long and how finely to sample. The defaults are those of docs/measuring.md."""

    target: float  # relative half-width of the 95 % interval to stop at
    time_budget_s: float
    window_s: float = 0.0  # a sample lasts at least so long: 0 for latency, longer for throughput
    window_calls: int = 1  # ... and spans at least so many calls
    calls: int | None = None  # per sample, when an earlier launch decided it
    warmup_s: float = 0.5
    warmup_limit_s: float = 5.0
    tolerance: float = 0.02  # by which the last two warm-up windows may differ
    cluster_s: float = 0.05
    samples: tuple[int, int] = (5, 50)  # of a cluster, fewest and most
    least_clusters: int = 12
    most_clusters: int = 96
    look_every: int = 6  # clusters between two looks at the interval
    patience: int = 3  # throttled clusters in a row before giving up


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """What one launch gave, for each of the calls that were sampled together."""

    launches: tuple[Launch, ...]
    calls: int  # forward passes that a sample spans
    stop_reason: StopReason
    drifting: bool


def unwatched() -> Callable[[], tuple[str, ...]]:
    """Watch nothing: for devices that say nothing of themselves."""
    return tuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the loop asks of the world besides timing; tests give their own."""

    watch: Watch = unwatched
    now_s: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    progress: Callable[[float], None] = lambda _: None  # the share of the sampling that is done


@dataclass(frozen=True, slots=True, kw_only=True)
class _Warmth:
    iterations: int
    spent_ns: int
    steady: bool
    call_s: float  # median of the last window, all calls together


def sample(materialise: Materialise, timer: Timer, plan: Plan, surroundings: Surroundings = Surroundings()) -> Sampling:
    """Sample one launch. Raises InvalidMeasurementError when the device stays throttled or the clock goes back."""
    with without_garbage_collection():
        calls = materialise()
        cold = [timer(call, 1)[0] for call in calls]
        warmth = _warm_up(calls, timer, plan)
        plan = _sized(plan, warmth.call_s)
        sweeps, discarded, reason = _clusters(materialise, timer, plan, surroundings)
    return Sampling(
        launches=tuple(
            Launch(
                cold_start_ns=cold[index],
                warmup_iterations=warmth.iterations,
                warmup_ns=warmth.spent_ns,
                steady=warmth.steady,
                clusters=tuple(sweep[index] for sweep in sweeps),
                discarded=tuple(sweep[index] for sweep in discarded),
            )
            for index in range(len(calls))
        ),
        calls=plan.calls or 1,
        stop_reason=reason,
        drifting=drifts(_medians(sweeps)),
    )


def _warm_up(calls: Sequence[Call], timer: Timer, plan: Plan) -> _Warmth:
    """Call until two successive windows agree: of WINDOW_CALLS, or fewer when these last longer than a second."""
    samples: list[int] = []
    while True:
        samples.append(sum(timer(call, 1)[0] for call in calls))
        spent_s = sum(samples) / 1e9
        size = min(WINDOW_CALLS, max(2, math.ceil(len(samples) / spent_s)))
        if len(samples) < 2 * size or spent_s < plan.warmup_s:
            continue
        last = samples[-size:]
        steady = agree(samples[-2 * size : -size], last, plan.tolerance)
        if steady or spent_s >= plan.warmup_limit_s:
            return _Warmth(iterations=len(samples), spent_ns=sum(samples), steady=steady, call_s=median(last) / 1e9)


def _sized(plan: Plan, call_s: float) -> Plan:
    """Fix the calls per sample and the samples per cluster, so that the fewest clusters fit into the time budget."""
    calls = plan.calls or max(plan.window_calls, math.ceil(plan.window_s / call_s))
    fewest, most = plan.samples
    wanted = min(most, max(fewest, math.ceil(plan.cluster_s / (call_s * calls))))
    affordable = plan.time_budget_s / plan.least_clusters / (call_s * calls) - 1
    samples = max(1, min(wanted, int(affordable)))
    return replace(plan, calls=calls, samples=(samples, samples))


def _clusters(
    materialise: Materialise, timer: Timer, plan: Plan, surroundings: Surroundings
) -> tuple[list[Sweep], list[Sweep], StopReason]:
    started_s = surroundings.now_s()
    kept: list[Sweep] = []
    discarded: list[Sweep] = []
    patience = plan.patience
    while True:
        sweep = _sweep(materialise(), timer, plan, surroundings.watch)
        if THROTTLED in sweep[0].flags:
            discarded.append(sweep)
            patience -= 1
            if patience == 0:
                raise InvalidMeasurementError(
                    f"the device throttled itself in {plan.patience} clusters in a row; let it cool and measure again"
                )
            surroundings.pause(1.0)
            continue
        patience = plan.patience
        kept.append(sweep)
        spent = (surroundings.now_s() - started_s) / plan.time_budget_s
        surroundings.progress(min(1.0, max(spent, len(kept) / plan.most_clusters)))
        reason = _stop_reason(kept, plan, spent)
        if reason:
            return kept, discarded, reason


def _sweep(calls: Sequence[Call], timer: Timer, plan: Plan, watch: Watch) -> Sweep:
    """Take one cluster: a call or two that do not count, then the samples of every call in turn."""
    times, samples = plan.calls or 1, plan.samples[0]
    for _ in range(2 if samples >= 5 else 1):
        for call in calls:
            timer(call, 1)
    finish = watch()
    taken = [[timer(call, times) for call in calls] for _ in range(samples)]
    flags = finish()
    return tuple(
        Cluster(wall_ns=tuple(wall for wall, _ in column), cpu_ns=tuple(cpu for _, cpu in column), flags=flags)
        for column in zip(*taken, strict=True)
    )


def _stop_reason(sweeps: list[Sweep], plan: Plan, spent: float) -> StopReason | None:
    count = len(sweeps)
    if count < 3:  # fewer say nothing about their own scatter, so the budget waits for them
        return None
    look = count >= plan.least_clusters and (count - plan.least_clusters) % plan.look_every == 0
    if look and precision(_medians(sweeps)) <= plan.target:
        return "precision"
    if spent >= 1.0:
        return "time_budget"
    return "cluster_cap" if count >= plan.most_clusters else None


def _medians(sweeps: list[Sweep]) -> list[float]:
    """Return the time of each cluster: the medians of its calls, summed."""
    return [sum(median(cluster.wall_ns) for cluster in sweep) for sweep in sweeps]


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Collect once, then not before the end: a collection inside a sample is not the network's time."""
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
