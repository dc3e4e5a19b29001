"""What can be said of several things side by side: architecture, counts, speeds and accuracies, each to the first."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from resbench import units
from resbench.bench.subjects import Compared
from resbench.judging.accuracy import newcombe, paired_interval
from resbench.judging.answers import changed, mcnemar
from resbench.judging.history import has_samples
from resbench.judging.stats import Interval, log_interval
from resbench.judging.timings import ratio_between, unit_times_s
from resbench.records.record import Counts, Evaluation, Series, Speed
from resbench.zoo.spec import Elsewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """A speed at one batch size; None: not measured."""

    speed: Speed
    batch_size: int
    series: tuple[Series | None, ...]

    def ratio(self, index: int, to: int = 0) -> Interval | None:
        """Return the time of one over that of another."""
        before, after = self.series[to], self.series[index]
        return None if before is None or after is None else ratio_between(before, after)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyGap:
    """How much more accurate the second of two is on the same images, with a 95 % interval, as fractions.

    Paired where both have their predictions; else from the counts alone, which is conservative.
    """

    change: float
    low: float
    high: float
    lost: int | None = None  # images that only the first got right
    gained: int | None = None
    p_value: float | None = None  # of McNemar's exact test

    @property
    def beyond_chance(self) -> bool:
        """Whether the accuracies differ with 95 % confidence."""
        return self.p_value < 0.05 if self.p_value is not None else self.low > 0 or self.high < 0


def architecture(subjects: Sequence[Compared]) -> dict[str, list[str | None]]:
    """Return what each network is made of, by the names of its specification."""
    columns = [_parts(subject) for subject in subjects]
    names = dict.fromkeys(name for column in columns for name in column)
    return {name: [column.get(name) for column in columns] for name in names}


def _parts(subject: Compared) -> dict[str, str]:
    if subject.variant is None:
        return {}
    if isinstance(subject.variant.spec, Elsewhere):  # code, which says nothing of its parts
        return {"family": subject.variant.family, "built by": subject.variant.name}
    fields: dict[str, Any] = asdict(subject.variant.spec)
    parts = {name: _said(value) for name, value in fields.items()}
    size = units.pixels(subject.variant.input_px)
    return {"family": subject.variant.family, **parts, "input": size, "classes": str(subject.variant.classes)}


def _said(value: Any) -> str:
    if isinstance(value, tuple | list):
        return " ".join(f"({_said(part)})" if isinstance(part, tuple | list) else str(part) for part in value)
    if value is None or isinstance(value, bool):
        return {True: "yes", False: "no", None: "none"}[value]
    return str(value)


def count_rows(subjects: Sequence[Compared]) -> dict[str, list[int | None]]:
    """Return what each network costs, at the input of its profile or its own."""
    kinds: dict[str, Callable[[Counts], int | None]] = {
        "parameters": lambda counts: counts.params,
        "multiply-adds (MACs)": lambda counts: counts.terms.macs,
        "activations": lambda counts: counts.activations,
        "operators": lambda counts: counts.operators,
    }
    return {
        name: [take(subject.counts) if subject.counts else None for subject in subjects] for name, take in kinds.items()
    }


def timings_beside(subjects: Sequence[Compared]) -> list[Timing]:
    """Return every speed that any of the profiles has, with those of the others."""
    profiles = [subject.profile for subject in subjects]
    known = [series for profile in profiles if profile for series in profile.series if has_samples(series)]
    keys = dict.fromkeys((series.speed, series.batch_size) for series in known)
    return [
        Timing(
            speed=speed,
            batch_size=size,
            series=tuple(_sound(profile.series_at(speed, size)) if profile else None for profile in profiles),
        )
        for speed, size in keys
    ]


def time_of(series: Series) -> Interval:
    """Return the time of a pass in seconds: of throughputs the mean, else the median."""
    return log_interval(unit_times_s(series, "wall_ns"))


def _sound(series: Series | None) -> Series | None:
    return series if series and has_samples(series) else None


def _seen(record: Evaluation) -> tuple[object, ...]:
    """Return what must agree before two accuracies are compared: images, answers to choose from, averaged views."""
    data, views = record.dataset, (record.pixels.tta, record.pixels.tta_average)
    return data.fingerprint, record.images, data.among, views


def accuracy_gap(first: Compared, second: Compared) -> AccuracyGap | None:
    """Return how accuracies differ; None unless both were validated on the same images.

    Raises ResbenchError for predictions that are not those of their record.
    """
    before, after = first.evaluation, second.evaluation
    if before is None or after is None or not before.images:
        return None
    if _seen(before) != _seen(after):
        return None
    images = after.images
    change = (after.top1_right - before.top1_right) / images
    moved = changed(first.predictions, second.predictions, before, after)
    if moved is None:
        low, high = newcombe(before.top1_right, images, after.top1_right, images)
        return AccuracyGap(change=change, low=low, high=high)
    lost, gained = moved.top1
    low, high = paired_interval(lost, gained, images)
    return AccuracyGap(change=change, low=low, high=high, lost=lost, gained=gained, p_value=mcnemar(lost, gained))
