"""Networks, checkpoints and records side by side, and one line that says what to take from it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

from rich.table import Column, Table

from resbench import units
from resbench.bench import abreast
from resbench.bench.abreast import AccuracyGap, Timing
from resbench.bench.subjects import Compared
from resbench.judging.family import holm
from resbench.judging.timings import GROSS
from resbench.records.store import machine_folder
from resbench.report import terminal
from resbench.words.measured import rate, ratio_words, time
from resbench.words.observed import settings, speed
from resbench.words.quantities import accuracy_words

MARK = "≠"  # in front of a row whose values differ


def show_abreast(subjects: Sequence[Compared], *, as_json: bool) -> None:
    """Print what is known of each, differences marked, and the verdict."""
    timings = abreast.timings_beside(subjects)
    if as_json:
        terminal.print_json(_plain(subjects, timings))
        return
    console = terminal.results_console()
    titles = [subject.title for subject in subjects]
    for subject in subjects:
        if subject.title != subject.asked:
            console.print(f"{subject.title}: {subject.asked}", soft_wrap=True)
    parts = {
        "": _subject_rows(subjects),
        "architecture": {name: [value or "-" for value in row] for name, row in abreast.architecture(subjects).items()},
        "counts": dict(_count_rows(subjects)),
        "speeds": dict(_speed_rows(timings, subjects)),
        "accuracy": dict(_accuracy_rows(subjects)),
    }
    for heading, rows in parts.items():
        side: Literal["right", "left"] = "right" if heading in _FIGURES else "left"
        table = Table("", heading, *(Column(title, justify=side) for title in titles))
        filled = {name: cells for name, cells in rows.items() if set(cells) != {"-"}}
        for name, cells in filled.items():
            differ = heading not in _MEASURED and len(set(cells)) > 1
            table.add_row(MARK if differ else "", name, *cells)
        if filled:
            console.print(table)
    console.print(f"verdict: {verdict(subjects, timings)}")


_MEASURED = ("speeds", "accuracy")  # which differ in any case, and by chance
_FIGURES = ("counts", *_MEASURED)


def _subject_rows(subjects: Sequence[Compared]) -> dict[str, list[str]]:
    profiles = [subject.profile for subject in subjects]
    evaluations = [subject.evaluation for subject in subjects]
    return {
        "network": [subject.network for subject in subjects],
        "checkpoint": [subject.checkpoint or "-" for subject in subjects],
        "machine": [machine_folder(profile.environment.machine) if profile else "-" for profile in profiles],
        "settings": [_settings(subject) for subject in subjects],
        "measured": [profile.run.started[:10] if profile else "-" for profile in profiles],
        "noise": [profile.environment.conditions.noise if profile else "-" for profile in profiles],
        "images": [f"{seen.images:,} of {seen.dataset.name}" if seen else "-" for seen in evaluations],
    }


def _settings(subject: Compared) -> str:
    if subject.profile:
        return settings(subject.profile.settings)
    return "no profile" if subject.evaluation else "no record"


def _count_rows(subjects: Sequence[Compared]) -> Iterator[tuple[str, list[str]]]:
    for name, values in abreast.count_rows(subjects).items():
        if any(value is not None for value in values):
            yield name, [_against_first(value, values[0], index) for index, value in enumerate(values)]


def _against_first(value: int | None, first: int | None, index: int) -> str:
    if value is None:
        return "-"
    share = f" ({value / first:.3f})" if index and first and value != first else ""
    return f"{units.integer(value)}{share}"


def _speed_rows(timings: Sequence[Timing], subjects: Sequence[Compared]) -> Iterator[tuple[str, list[str]]]:
    for timing in timings:
        name = f"{speed(timing.speed)} b{timing.batch_size}"
        intervals = [abreast.time_of(series) if series else None for series in timing.series]
        yield name, [time(interval) if interval else "-" for interval in intervals]
        rates = [rate(series) if series else "-" for series in timing.series]
        if set(rates) != {"-"}:
            yield f"{name}, images/s", rates
        ratios = [timing.ratio(index) if index else None for index in range(len(subjects))]
        if any(ratios):
            yield f"{name}, time to the first", ["1", *(ratio_words(ratio) if ratio else "-" for ratio in ratios[1:])]


def _accuracy_rows(subjects: Sequence[Compared]) -> Iterator[tuple[str, list[str]]]:
    if any(subject.evaluation for subject in subjects):
        yield "top-1, measured", [_measured_top1(subject) for subject in subjects]
        gaps = [abreast.accuracy_gap(subjects[0], subject) for subject in subjects[1:]]
        if any(gaps):
            yield "top-1 to the first", ["0", *(gap_words(gap) if gap else "-" for gap in gaps)]
    if any(subject.published_top1 for subject in subjects):
        shares = [subject.published_top1 for subject in subjects]
        yield "top-1, published", ["-" if share is None else units.percent(share) for share in shares]


def _measured_top1(subject: Compared) -> str:
    evaluation = subject.evaluation
    return accuracy_words(evaluation.top1_right, evaluation.images) if evaluation and evaluation.images else "-"


def gap_words(gap: AccuracyGap) -> str:
    """Return "+1.20 [-0.07, +2.41] points (12 lost, 24 gained, p = 0.065)"."""
    text = f"{100 * gap.change:+.2f} [{100 * gap.low:+.2f}, {100 * gap.high:+.2f}] points"
    if gap.p_value is None:
        return f"{text} (by counts alone)"
    return f"{text} ({gap.lost} lost, {gap.gained} gained, p = {gap.p_value:.3g})"


def verdict(subjects: Sequence[Compared], timings: Sequence[Timing]) -> str:
    """Return in one line which is fastest, which most accurate and which smallest, as far as the records tell."""
    parts = _speed_verdict(subjects, timings), _accuracy_verdict(subjects), _size_verdict(subjects)
    return "; ".join(filter(None, parts))


def _speed_verdict(subjects: Sequence[Compared], timings: Sequence[Timing]) -> str:
    common = [timing for timing in timings if None not in timing.series and timing.speed in ("latency", "throughput")]
    if not common:
        missing = [subject.title for subject in subjects if subject.profile is None]
        advice = "`resbench profile NAME --save` makes one"
        why = f"no profile of {', '.join(missing)} ({advice})" if missing else "no speed in common"
        return f"speeds are not comparable: {why}"
    timing = min(common, key=lambda timing: (timing.speed, timing.batch_size))
    order = sorted(range(len(subjects)), key=lambda index: _estimate(timing, index))
    best, second = order[:2]
    ratio = timing.ratio(second, to=best)
    where = f"{speed(timing.speed)} b{timing.batch_size}{_circumstances(subjects)}"
    if ratio is None or ratio.low is None or ratio.low <= 1 + GROSS:
        names = f"{subjects[best].title} and {subjects[second].title}"
        return f"{names} are too close in {where} for separate runs (under {GROSS:.0%}); use `resbench ab`"
    name, other = subjects[best].title, subjects[second].title
    return f"fastest: {name}, {ratio_words(ratio)} times as fast as {other} in {where}"


def _estimate(timing: Timing, index: int) -> float:
    series = timing.series[index]
    return abreast.time_of(series).estimate if series else float("inf")


def _circumstances(subjects: Sequence[Compared]) -> str:
    """Return what else may explain a difference between the profiles."""
    profiles = [subject.profile for subject in subjects if subject.profile]
    machines = {profile.environment.machine for profile in profiles}
    noisy = any(profile.environment.conditions.noise == "overloaded" for profile in profiles)
    words = {
        "on different machines": len(machines) > 1,
        "with different settings": len({profile.settings for profile in profiles}) > 1,
        "on an overloaded machine": noisy,
    }
    reasons = ", ".join(reason for reason, applies in words.items() if applies)
    return f" ({reasons})" if reasons else ""


def _accuracy_verdict(subjects: Sequence[Compared]) -> str:
    shares = [
        subject.evaluation.top1_right / subject.evaluation.images
        if subject.evaluation and subject.evaluation.images
        else None
        for subject in subjects
    ]
    if None in shares:
        return _published_verdict(subjects)
    best = max(range(len(subjects)), key=lambda index: shares[index] or 0.0)
    gaps = {
        index: abreast.accuracy_gap(subjects[index], subjects[best]) for index in range(len(subjects)) if index != best
    }
    if None in gaps.values():
        return "accuracies are not comparable: validated on different images"
    second = max(gaps, key=lambda index: shares[index] or 0.0)
    gap = gaps[second]
    assert gap is not None
    name, other = subjects[best].title, subjects[second].title
    if _all_beyond_chance([other_gap for other_gap in gaps.values() if other_gap]):
        return f"most accurate: {name}, by {gap_words(gap)} over {other}"
    return f"accuracies of {name} and {other} do not differ significantly: {gap_words(gap)}"


def _all_beyond_chance(gaps: Sequence[AccuracyGap]) -> bool:
    """Tell whether every difference is beyond chance; paired tests count as one family (Holm)."""
    p_values = [gap.p_value for gap in gaps if gap.p_value is not None]
    unpaired = [gap for gap in gaps if gap.p_value is None]
    return all(p < 0.05 for p in holm(p_values)) and all(gap.beyond_chance for gap in unpaired)


def _published_verdict(subjects: Sequence[Compared]) -> str:
    known = [(subject.published_top1, subject.title) for subject in subjects if subject.published_top1 is not None]
    if len(known) < len(subjects):
        return "accuracies are not comparable: not all are measured or published"
    share, name = max(known)
    if all(other == share for other, _ in known):
        return ""
    return f"most accurate as published: {name} ({units.percent(share or 0)})"


def _size_verdict(subjects: Sequence[Compared]) -> str:
    sizes = {subject.title: subject.counts.params for subject in subjects if subject.counts}
    if len(sizes) < 2 or len(set(sizes.values())) == 1:
        return ""
    name = min(sizes, key=sizes.__getitem__)
    return f"smallest: {name} ({units.si(sizes[name])} parameters)"


def _plain(subjects: Sequence[Compared], timings: Sequence[Timing]) -> Mapping[str, Any]:
    indices = range(len(subjects))
    return {
        "compared": [
            {
                "title": subject.title,
                "asked": subject.asked,
                "network": subject.network,
                "checkpoint": subject.checkpoint,
                "machine": machine_folder(subject.profile.environment.machine) if subject.profile else None,
                "settings": subject.profile.settings if subject.profile else None,
                "top1_right": subject.evaluation.top1_right if subject.evaluation else None,
                "images": subject.evaluation.images if subject.evaluation else None,
                "published_top1": subject.published_top1,
            }
            for subject in subjects
        ],
        "architecture": abreast.architecture(subjects),
        "counts": abreast.count_rows(subjects),
        "speeds": [
            {
                "speed": timing.speed,
                "batch_size": timing.batch_size,
                "time_s": [abreast.time_of(series) if series else None for series in timing.series],
                "ratio": [timing.ratio(index) for index in indices],
            }
            for timing in timings
        ],
        "accuracy": [
            asdict(gap) if (gap := abreast.accuracy_gap(subjects[0], subject)) else None for subject in subjects[1:]
        ],
        "verdict": verdict(subjects, timings),
    }
