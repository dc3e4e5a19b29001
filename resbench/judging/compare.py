"""Two records of the same thing: what changed. Exact where exactness is possible, refused where nothing can be said."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from statistics import geometric_mean, median

from resbench.judging.finding import Finding, Verdict
from resbench.records.record import Counts, Evaluation, Memory, Profile, Record, Series

# A single stored run cannot carry a fine verdict: on a shared machine the medians of identical runs differ by several
# per cent in CPU time (and by far more in wall time). Only a gross change is called; `resbench ab` sees small ones.
GROSS = 1.25
# What the CUDA allocator reports repeats nearly exactly; the resident set of a process does not.
MEMORY_LIMITS = {"allocated_bytes": 1.01, "resident_bytes": 1.05}
MAX_DROP = 0.003  # of accuracy on the same images, as a fraction
CONFIDENCE = 0.95


def compare_folders(before: Mapping[str, Record], after: Mapping[str, Record]) -> list[Finding]:
    """Pair records by path and compare each pair; one that is missing on either side is a finding too."""
    findings: list[Finding] = []
    for path in sorted(before.keys() | after.keys()):
        if path not in after:
            findings.append(_missing(path, "the new side lacks this record; measure it again with --save"))
        elif path not in before:
            findings.append(_missing(path, "no baseline has this record; commit it to make it one"))
        else:
            findings.extend(compare(before[path], after[path], path))
    return findings


def compare(before: Record, after: Record, name: str) -> list[Finding]:
    """Return what changed from `before` to `after`, at least one finding; `name` is what they are reported under."""
    match before, after:
        case Profile(), Profile() if before.network == after.network:
            return list(_profiles(before, after, name))
        case Evaluation(), Evaluation() if before.network == after.network:
            return list(_evaluations(before, after, name))
    kinds = f"{before.kind} of {before.network} against {after.kind} of {after.network}"
    return [_missing(name, f"different things: {kinds}; give two records of the same network and kind")]


def _missing(name: str, why: str) -> Finding:
    return Finding(record=name, metric="record", before=None, after=None, verdict=Verdict.NOT_COMPARABLE, why=why)


def _profiles(before: Profile, after: Profile, name: str) -> Iterator[Finding]:
    yield from _counts(before.counts, after.counts, name)
    obstacle = _differences(
        asdict(before.environment.machine) | asdict(before.settings),
        asdict(after.environment.machine) | asdict(after.settings),
    )
    if obstacle:
        yield Finding(
            record=name,
            metric="timings",
            before=None,
            after=None,
            verdict=Verdict.NOT_COMPARABLE,
            why=f"measured under other conditions: {obstacle}",
        )
        return
    yield from _memories(before, after, name)
    noisy = "overloaded" in (before.environment.conditions.noise, after.environment.conditions.noise)
    # Wall time on a shared CPU differs by 40 % between identical runs, CPU time by 5 %.
    clock = "cpu_ns" if after.environment.machine.device_kind == "cpu" else "wall_ns"
    partners = {(series.speed, series.batch_size): series for series in after.series}
    for series in before.series:
        label = f"{series.speed} b{series.batch_size}"
        partner = partners.get((series.speed, series.batch_size))
        if partner is None:
            yield _missing(name, f"{label} was not measured on the new side; measure it with the same batch sizes")
        else:
            yield _timing(series, partner, name, label, clock=clock, noisy=noisy)


def _counts(before: Counts, after: Counts, name: str) -> Iterator[Finding]:
    if before.input_px != after.input_px:
        yield _missing(name, f"counted at {before.input_px} px against {after.input_px} px; give equal --input-px")
        return
    for metric, old in _flat(before).items():
        new = _flat(after)[metric]
        same = old == new
        if same and metric not in ("params", "macs"):
            continue
        yield Finding(
            record=name,
            metric=metric,
            before=old,
            after=new,
            verdict=Verdict.OK if same else Verdict.IMPROVED if new < old else Verdict.REGRESSED,
            why="equal" if same else f"changed by {new - old:+,}",
        )


def _flat(counts: Counts) -> dict[str, int]:
    whole = {key: value for key, value in asdict(counts).items() if isinstance(value, int)}
    return whole | {"macs": counts.terms.macs} | {f"terms.{key}": n for key, n in asdict(counts.terms).items()}


def _memories(before: Profile, after: Profile, name: str) -> Iterator[Finding]:
    partners = {memory.batch_size: memory for memory in after.memory}
    for memory in before.memory:
        partner = partners.get(memory.batch_size)
        if partner is None:
            yield _missing(name, f"memory at batch {memory.batch_size} was not measured on the new side")
            continue
        for metric, limit in MEMORY_LIMITS.items():
            if getattr(memory, metric) is not None or getattr(partner, metric) is not None:
                yield _memory(memory, partner, name, metric, limit)


def _memory(before: Memory, after: Memory, name: str, metric: str, limit: float) -> Finding:
    old, new = getattr(before, metric), getattr(after, metric)
    label = f"{metric.removesuffix('_bytes')} memory b{before.batch_size}"
    if not old or not new:
        return _missing(name, f"{label} was measured on one side only")
    ratio = new / old
    verdict = Verdict.REGRESSED if ratio > limit else Verdict.IMPROVED if ratio < 1 / limit else Verdict.OK
    return Finding(
        record=name,
        metric=label,
        unit="B",
        before=old,
        after=new,
        verdict=verdict,
        why=f"{ratio - 1:+.2%}, limit {limit - 1:+.0%}",
    )


def _timing(before: Series, after: Series, name: str, label: str, *, clock: str, noisy: bool) -> Finding:
    old, new = _cluster_medians(before, clock), _cluster_medians(after, clock)
    if min(len(old), len(new)) < 2:
        return Finding(
            record=name,
            metric=label,
            before=None,
            after=None,
            verdict=Verdict.INVALID,
            why="fewer than two clusters with samples; measure again",
        )
    low, high = _ratio_interval(old, new)
    verdict, why = _timing_verdict(low, high, noisy=noisy)
    return Finding(
        record=name,
        metric=f"{label} ({'CPU time' if clock == 'cpu_ns' else 'wall time'})",
        unit="s",
        before=geometric_mean(old) / 1e9,
        after=geometric_mean(new) / 1e9,
        ratio_low=low,
        ratio_high=high,
        verdict=verdict,
        why=why,
    )


def _timing_verdict(low: float, high: float, *, noisy: bool) -> tuple[Verdict, str]:
    if noisy:
        return Verdict.INCONCLUSIVE, "a side was measured on an overloaded machine"
    if low > GROSS:
        return Verdict.REGRESSED, f"beyond the limit for single stored runs, {GROSS - 1:.0%}"
    if high < 1 / GROSS:
        return Verdict.IMPROVED, f"beyond the limit for single stored runs, {GROSS - 1:.0%}"
    return Verdict.INCONCLUSIVE, f"single stored runs tell only changes beyond {GROSS - 1:.0%}; `resbench ab` sees more"


def _cluster_medians(series: Series, clock: str) -> list[float]:
    clusters = [cluster for launch in series.launches for cluster in launch.clusters]
    samples = [getattr(cluster, clock) for cluster in clusters]
    return [median(values) for values in samples if values and min(values) > 0]


def _ratio_interval(before: list[float], after: list[float]) -> tuple[float, float]:
    """Return Welch's interval of the ratio of geometric means: clusters, not iterations, are the independent unit."""
    if len(set(before)) == len(set(after)) == 1:
        return after[0] / before[0], after[0] / before[0]
    from scipy import stats

    test = stats.ttest_ind([math.log(value) for value in after], [math.log(value) for value in before], equal_var=False)
    interval = test.confidence_interval(CONFIDENCE)
    return math.exp(interval.low), math.exp(interval.high)


def _evaluations(before: Evaluation, after: Evaluation, name: str) -> Iterator[Finding]:
    obstacle = _differences(
        {"dataset": before.dataset.fingerprint, "images": before.images},
        {"dataset": after.dataset.fingerprint, "images": after.images},
    )
    for metric in ("top1", "top5"):
        old, new = getattr(before, f"{metric}_right"), getattr(after, f"{metric}_right")
        verdict, why = (
            (Verdict.NOT_COMPARABLE, f"scored on other images: {obstacle}")
            if obstacle
            else _accuracy_verdict(old, new, before.images)
        )
        yield Finding(record=name, metric=f"{metric} right", before=old, after=new, verdict=verdict, why=why)


def _accuracy_verdict(before: int, after: int, images: int) -> tuple[Verdict, str]:
    """Judge two bare counts on the same images; without predictions a small difference stays inconclusive."""
    if images == 0:
        return Verdict.INVALID, "no images were scored"
    if before == after:
        return Verdict.OK, f"equal, of {images:,}"
    change = (after - before) / images
    low, high = newcombe(before, images, after, images)
    interval = f"{change:+.2%} [{low:+.2%}, {high:+.2%}] of {images:,}"
    if high < 0 or change <= -MAX_DROP:
        return Verdict.REGRESSED, interval
    if low > 0:
        return Verdict.IMPROVED, interval
    return Verdict.INCONCLUSIVE, f"{interval}; bare counts cannot tell"


def newcombe(before: int, before_of: int, after: int, after_of: int) -> tuple[float, float]:
    """Return the 95 % interval of the difference of proportions, after - before; conservative on the same images.

    Source: Newcombe 1998 (Statistics in Medicine 17:873), method 10: from the Wilson intervals of both.
    """
    from scipy import stats

    first = stats.binomtest(before, before_of).proportion_ci(CONFIDENCE, method="wilson")
    second = stats.binomtest(after, after_of).proportion_ci(CONFIDENCE, method="wilson")
    old, new = before / before_of, after / after_of
    low = new - old - math.hypot(new - second.low, first.high - old)
    high = new - old + math.hypot(second.high - new, old - first.low)
    return low, high


def _differences(before: Mapping[str, object], after: Mapping[str, object]) -> str:
    """Return "threads 2 -> 4, torch ..." for the keys whose values differ; empty when all agree."""
    return ", ".join(f"{key} {before[key]} -> {after[key]}" for key in before if before[key] != after[key])
