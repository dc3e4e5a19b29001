"""A stored timing against a pool of earlier runs: is the new run where one more run of the same thing would lie?

With K runs in the pool the new one is judged by Student's prediction interval on log medians, whose scale is
s * sqrt(1 + 1/K). It therefore knows how much runs of this machine scatter. Fewer than five runs do not tell that;
then only a gross change is called.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from operator import attrgetter
from statistics import fmean, geometric_mean

from resbench import units
from resbench.judging import student
from resbench.judging.exact import differences, images_difference, incomparable, obstacle_to_comparing, same
from resbench.judging.family import Change, Timed, welch
from resbench.judging.finding import Finding, Verdict
from resbench.judging.limits import Limits
from resbench.judging.metric import Clock, timed
from resbench.judging.stats import Interval, unit_values
from resbench.records.record import RATES, Profile, Series

ENOUGH_RUNS = 5
# Within few runs the medians of identical code differ by several per cent in CPU time, by far more in wall time.
GROSS = 0.25

Judged = Finding | Timed


def timings(pool: Sequence[Profile], after: Profile, record: str, limits: Limits) -> Iterator[Judged]:
    """Yield what can be said of every series of the newest record of `pool` (oldest first).

    Only other runs with `after`'s machine and settings count.
    """
    newest = pool[-1]
    alike = [run for run in pool if not obstacle_to_comparing(run, after) and same(run.counts, newest.counts)]
    if not alike:
        why = f"measured under other conditions: {obstacle_to_comparing(newest, after)}"
        yield incomparable(record, after.network, why, metric="timings")
        return
    others = [run for run in alike if run.run != after.run and not any(_fault(series) for series in run.series)]
    sound = [run for run in others if not any(_doubt(series, run) for series in run.series)]
    doubt = "" if sound else "no run of the baseline was steady on a machine that was not overloaded"
    for series in newest.series:
        label = str(timed(series))
        partner = after.series_at(series.speed, series.batch_size)
        if partner is None:
            why = "was not measured on the new side; measure it with the same batch sizes"
            yield incomparable(record, after.network, why, metric=label)
            continue
        if other := images_difference(series, partner):
            yield incomparable(record, after.network, f"fed with other images: {other}", metric=label)
            continue
        blank = Finding(
            record=record,
            network=after.network,
            metric=label,
            unit="s",
            before=None,
            after=None,
            verdict=Verdict.INCONCLUSIVE,
            why="",
            limit=limits.of_speed(series.speed),
        )
        if not others and not _fault(partner) and any(run.run == after.run for run in alike):
            yield replace(blank, verdict=Verdict.OK, why="the baseline is this very run")
            continue
        yield from _series(sound or others, partner, after, blank, limits.noise_floor, doubt)


def _series(
    pool: Sequence[Profile], new: Series, after: Profile, blank: Finding, floor: float, doubt: str
) -> Iterator[Judged]:
    same = (run.series_at(new.speed, new.batch_size) for run in pool)
    runs = [series for series in same if series and series.pipeline == new.pipeline]
    if fault := _fault(new):
        yield replace(blank, verdict=Verdict.INVALID, why=f"{fault}; measure again")
    elif not runs:
        yield replace(blank, why="the baseline has no other run of this; measure again or add runs")
    else:
        quiet = all(run.environment.conditions.noise == "quiet" for run in (*pool, after))
        note = _circumstances(pool[-1], after)
        clocks = clocks_of((*runs, new), after)
        for clock in clocks:
            own = replace(blank, metric=str(timed(new, clock if len(clocks) > 1 else None)))
            comparison = _timed(runs, new, clock, own, floor)
            busier = _busier(pool, after) if clock == "wall_ns" else ""
            comparison = replace(comparison, note=note, doubt=_doubt(new, after) or doubt or busier)
            trusted = not comparison.doubt and (clock == clocks[0] or quiet)
            yield comparison if len(runs) >= ENOUGH_RUNS else _advice(comparison, runs, new, clock, trusted=trusted)


def _timed(runs: Sequence[Series], new: Series, clock: Clock, blank: Finding, floor: float) -> Timed:
    logs = [math.log(_middle(series, clock)) for series in runs]
    after_s = _middle(new, clock)
    pool = units.count_of(len(runs), "run")
    return Timed(
        finding=replace(blank, before=math.exp(fmean(logs)), after=after_s, why=f"{pool}; "),
        change=Change(
            log=math.log(after_s) - fmean(logs),
            error=student.deviation(logs) * math.sqrt(1 + 1 / len(runs)) if len(runs) > 1 else 0.0,
            freedom=len(runs) - 1,
        ),
        floor=floor,
    )


def _advice(comparison: Timed, runs: Sequence[Series], new: Series, clock: Clock, *, trusted: bool) -> Finding:
    """Judge by the scatter inside runs; it leaves out how runs differ, so only a gross change is called."""
    change = welch([value for series in runs for value in unit_times_s(series, clock)], unit_times_s(new, clock))
    low, high = change.ratios()
    limit = max(comparison.finding.limit or 0.0, GROSS)
    judged = replace(
        comparison.finding, ratio_low=low, ratio_high=high, limit=limit, detectable=change.detectable_by_interval(limit)
    )
    verdict, why = (
        Verdict.INCONCLUSIVE,
        comparison.doubt or f"fewer than {ENOUGH_RUNS} tell only changes beyond {limit:.0%}",
    )
    if trusted and low > 1 + limit:
        verdict, why = Verdict.REGRESSED, f"slower by more than {limit:.0%}"
    if trusted and high < 1 / (1 + GROSS):
        verdict, why = Verdict.IMPROVED, f"faster by more than {GROSS:.0%}"
    return replace(judged, verdict=verdict, why=f"{judged.why}{why}{comparison.note}")


def clocks_of(series: Iterable[Series], after: Profile) -> tuple[Clock, ...]:
    """On the CPU both clocks: CPU time repeats better, wall time alone sees waiting and idle cores."""
    on_cpu = after.environment.machine.device_kind == "cpu"
    return ("cpu_ns", "wall_ns") if on_cpu and all(map(has_cpu_times, series)) else ("wall_ns",)


def has_cpu_times(series: Series) -> bool:
    """Tell whether the clock of CPU time ticked during every sample of `series`."""
    times = [*map(attrgetter("cpu_ns"), series.clusters)]
    return all(times) and min(map(min, times), default=1) > 0


def _circumstances(before: Profile, after: Profile) -> str:
    """Return what else differs between two runs, to be read beside a verdict."""
    if before.environment.conditions == after.environment.conditions:
        return ""
    old, new = (asdict(run.environment.conditions) for run in (before, after))
    soft = {key: old[key] for key in ("host", "os", "python", "governor")} | old["libraries"] | (old["variables"] or {})
    other = {key: new.get(key, new["libraries"].get(key, (new["variables"] or {}).get(key))) for key in soft}
    differing = differences(soft, other)
    return f"; also differs: {differing}" if differing else ""


def _fault(series: Series) -> str:
    """Return why the samples of `series` must not be believed, or nothing."""
    times = [*map(attrgetter("wall_ns"), series.clusters)]
    if sum(map(bool, times)) < 2:
        return "fewer than two clusters with samples"
    if not all(launch.clusters for launch in series.launches) or not all(times):
        return "a launch or a cluster without samples"
    if min(map(min, times)) <= 0:
        return "the clock went backwards or stood still"
    if any("throttled" in flags for flags in filter(None, map(attrgetter("flags"), series.clusters))):
        return "the device was throttled"
    return ""


def doubt_of(series: Series, run: Profile) -> str:
    """Return why a figure of `series` may not repeat, or nothing."""
    return _fault(series) or _doubt(series, run)


def _doubt(series: Series, run: Profile) -> str:
    """Return why a difference may come from the circumstances, or nothing."""
    if run.environment.conditions.noise == "overloaded":
        return "the machine was overloaded"
    if not all(launch.steady for launch in series.launches):
        return "never became steady"
    return "drifted while it was measured" if series.drifting else ""


def _busier(pool: Iterable[Profile], after: Profile) -> str:
    """Return why wall time would tell of other programs: no run of the pool knows such a crowd."""
    noise = after.environment.conditions.noise
    known = {run.environment.conditions.noise for run in pool}
    return "" if noise in ("quiet", *known) else f"the machine was {noise}, as in no run of the baseline"


def unit_times_s(series: Series, clock: Clock) -> list[float]:
    """Return the independent values of `series` in seconds per forward pass, one per cluster or launch."""
    # A full queue has no latency: its figure is the time elapsed, the mean.
    middle = "mean" if series.speed in RATES else "median"
    return unit_values(series, clock, middle)


def ratio_between(before: Series, after: Series) -> Interval:
    """Return the time of a pass of `after` over that of `before`, with Welch's 95 % interval over units.

    It knows the scatter inside the two runs and not how runs differ: below GROSS it proves nothing.
    """
    old, new = unit_times_s(before, "wall_ns"), unit_times_s(after, "wall_ns")
    change = welch(old, new)
    bounds = change.ratios() if min(len(old), len(new)) > 1 else (None, None)
    return Interval(math.exp(change.log), *bounds)


def _middle(series: Series, clock: Clock) -> float:
    return geometric_mean(unit_times_s(series, clock))
