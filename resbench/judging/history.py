"""What became of a figure over many runs, and where it changed for good."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from statistics import fmean, median

from resbench.judging.exact import differences, run_facts
from resbench.judging.family import welch
from resbench.judging.metric import TimedMetric, timed
from resbench.judging.stats import log_interval
from resbench.judging.timings import clocks_of, unit_times_s
from resbench.records.record import TOP_K, Evaluation, Noise, Profile, Record, Run, Series

FEWEST_RUNS = 3  # on either side of a change of something that scatters
SIGNIFICANT = 0.001
SMALLEST_CHANGE = 0.01
EXACT = ("", "share")  # units of what does not scatter


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A figure of one run, with its 95 % interval where it scatters."""

    value: float
    unit: str = ""  # "s" per forward pass, "B", "share"; empty for counts
    low: float | None = None
    high: float | None = None
    noise: Noise | None = None  # how busy the machine was while a speed was measured


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePoint:
    """From run `index` on, a figure is another."""

    index: int
    ratio: float | None  # after/before; None: before was nothing
    why: str  # what else became another between the two runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One figure of one record, run by run."""

    record: str
    network: str
    metric: str
    runs: tuple[Run, ...]
    measures: tuple[Measure, ...]
    changes: tuple[ChangePoint, ...] | None  # None: what finds them is not installed


def traces(baseline: Mapping[str, Sequence[Record]]) -> Iterator[Trace]:
    """Yield every figure of every record over its runs (oldest first) that have it."""
    for path, runs in baseline.items():
        columns = [measures(run) for run in runs]
        for metric in columns[-1]:
            having = [(run, column[metric]) for run, column in zip(runs, columns, strict=True) if metric in column]
            owners, values = zip(*having, strict=True)
            yield Trace(
                record=path,
                network=runs[-1].network,
                metric=metric,
                runs=tuple(owner.run for owner in owners),
                measures=values,
                changes=_changes(owners, values),
            )


def measures(record: Record) -> dict[str, Measure]:
    """Return the figures of `record` by the names under which `resbench check` judges them."""
    match record:
        case Profile():
            exact = {metric: Measure(value=value) for metric, value in _counts(record) if value is not None}
            timings = {str(metric): measure for _, metric, measure in timings_of(record)}
            return exact | dict(_memories(record)) | timings
        case Evaluation():
            images = max(record.images, 1)
            return {metric: Measure(value=record.right(metric) / images, unit="share") for metric in TOP_K}


def steps(values: Sequence[float]) -> list[int] | None:
    """Return where `values` change for good, as indices of the first value after; None without `ruptures`.

    Candidates come from PELT (Killick 2012) on logs; Welch's test and the size of the step confirm them.
    """
    if len(values) < 2 * FEWEST_RUNS:
        return []
    try:
        import ruptures
    except ModuleNotFoundError:
        return None
    import numpy as np

    logs = np.log(np.asarray(values, dtype=float))
    # Differences of neighbours scatter by sqrt(2) more than the values; the few at changes do not move their median.
    scale = 1.4826 * median(abs(np.diff(logs))) / math.sqrt(2)
    if scale == 0:
        return [index for index in range(1, logs.size) if logs[index] != logs[index - 1]]
    search = ruptures.Pelt(model="l2", min_size=FEWEST_RUNS, jump=1).fit((logs / scale).reshape(-1, 1))
    bounds = [0, *search.predict(pen=3 * math.log(logs.size))]
    changes = []
    for start, middle, end in zip(bounds, bounds[1:], bounds[2:], strict=False):
        step = welch(values[start:middle], values[middle:end])
        if step.p_value() < SIGNIFICANT and abs(step.log) > math.log1p(SMALLEST_CHANGE):
            changes.append(int(middle))
    return changes


def _changes(runs: Sequence[Record], values: Sequence[Measure]) -> tuple[ChangePoint, ...] | None:
    figures = [measure.value for measure in values]
    if values[-1].unit in EXACT:
        indices: list[int] | None = [i for i in range(1, len(figures)) if figures[i] != figures[i - 1]]
    else:
        indices = steps(figures)
    if indices is None:
        return None
    bounds = [0, *indices, len(figures)]
    levels = [fmean(figures[start:end]) for start, end in pairwise(bounds)]
    return tuple(
        ChangePoint(index=index, ratio=after / before if before else None, why=_why(runs[index - 1], runs[index]))
        for index, before, after in zip(indices, levels, levels[1:], strict=False)
    )


def _why(before: Record, after: Record) -> str:
    def all_of(run: Record) -> dict[str, object]:
        conditions = run.environment.conditions
        soft = {"os": conditions.os, "python": conditions.python, **conditions.libraries}
        return {**run_facts(run), **soft}

    old, new = all_of(before), all_of(after)
    return differences(old, {key: new.get(key) for key in old})


def _counts(profile: Profile) -> Iterator[tuple[str, int | None]]:
    counts = profile.counts
    yield from (("params", counts.params), ("macs", counts.terms.macs), ("operators", counts.operators))
    for kernels in profile.kernels or ():
        yield f"kernel launches b{kernels.batch_size}", kernels.launches
        if kernels.kernels != kernels.launches:
            yield f"kernels b{kernels.batch_size}", kernels.kernels


def _memories(profile: Profile) -> Iterator[tuple[str, Measure]]:
    for memory in profile.memory:
        for kind in ("allocated", "resident"):
            value = getattr(memory, f"{kind}_bytes")
            if value:
                yield f"{kind} memory b{memory.batch_size}", Measure(value=value, unit="B")


def timings_of(profile: Profile) -> Iterator[tuple[Series, TimedMetric, Measure]]:
    """Yield what was timed, by each clock that tells of it, with its figure."""
    for series in filter(has_samples, profile.series):
        for clock in (clocks := clocks_of([series], profile)):
            interval = log_interval(unit_times_s(series, clock))
            measure = Measure(
                value=interval.estimate,
                unit="s",
                low=interval.low,
                high=interval.high,
                noise=profile.environment.conditions.noise,
            )
            yield series, timed(series, clock if len(clocks) > 1 else None), measure


def has_samples(series: Series) -> bool:
    """Tell whether there are samples in every launch and cluster of `series`, and all of them positive."""
    times = [*map(attrgetter("wall_ns"), series.clusters)]
    complete = bool(times) and all(times) and all(launch.clusters for launch in series.launches)
    return complete and min(map(min, times)) > 0
