"""Checkpoints on several sets of images: how ranks and accuracies move from one set to the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from resbench.accuracy.published import counterpart_name
from resbench.bench.entries import base_of
from resbench.bench.validation import Validated
from resbench.judging.accuracy import newcombe
from resbench.judging.shift import FEWEST_NETWORKS, Rank, effective_robustness, moved, ranked
from resbench.records.predictions import top1


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """An accuracy less that on the base, as fractions, with its 95 % interval (Newcombe)."""

    change: float
    low: float
    high: float
    base_right: int  # on the images of the base that show the same classes, by the same rules
    base_images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One checkpoint on one set."""

    weights: str
    right: int
    images: int
    rank: Rank
    moved: Rank | None = None  # places lost since the base, or since the first set
    difference: Difference | None = None  # from the base, where others are compared against one
    effective_robustness: float | None = None  # a fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class SetColumn:
    """All checkpoints on one set, in the order in which they were asked for."""

    name: str
    is_base: bool  # whether ranks and accuracies on the others are compared with those on it
    standings: tuple[Standing, ...]


def by_set(results: Sequence[Validated], data: Sequence[Path], against: str | None) -> list[SetColumn]:
    """Return a column for each set of `data`; `results` are those of `validate_all`."""
    sets: dict[str, list[Validated]] = {}
    for result in results:
        sets.setdefault(result.record.dataset.name, []).append(result)
    names = list(sets)[: len(data)]
    base = names[base_of(against, names, data) if against else 0]
    return [_column(name, base, sets, compared=against is not None) for name in names]


def remarks_on_sets(columns: Sequence[SetColumn]) -> list[str]:
    """Return why effective robustness is missing, where others are compared against one."""
    compared = [column for column in columns if column.standings[0].difference]
    networks = len(columns[0].standings) if columns else 0
    if compared and networks < FEWEST_NETWORKS:
        return [f"effective robustness needs {FEWEST_NETWORKS} networks; these are {networks}"]
    return [
        f"{column.name}: no effective robustness, for accuracies of 0 and 100 % and equal ones fit no line"
        for column in compared
        if column.standings[0].effective_robustness is None
    ]


def _column(name: str, base: str, sets: dict[str, list[Validated]], *, compared: bool) -> SetColumn:
    rights = {key: [top1(result.predictions.rows) for result in sets[key]] for key in (base, name)}
    shifts = moved(rights[base], rights[name]) if name != base else [None] * len(sets[name])
    counterpart = sets.get(counterpart_name(base, name), sets[base])
    differences: list[Difference | None] = [None] * len(sets[name])
    robustness: Sequence[float | None] = [None] * len(sets[name])
    if compared and name != base:
        differences = [_difference(*pair) for pair in zip(counterpart, sets[name], strict=True)]
        robustness = (
            effective_robustness(*([*map(_accuracy, side)] for side in (counterpart, sets[name]))) or robustness
        )
    return SetColumn(
        name=name,
        is_base=name == base,
        standings=tuple(
            Standing(
                weights=result.record.weights,
                right=result.record.top1_right,
                images=result.record.images,
                rank=rank,
                moved=shift,
                difference=difference,
                effective_robustness=above,
            )
            for result, rank, shift, difference, above in zip(
                sets[name], ranked(rights[name]), shifts, differences, robustness, strict=True
            )
        ),
    )


def _difference(base: Validated, other: Validated) -> Difference:
    counts = base.record.top1_right, base.record.images
    low, high = newcombe(*counts, other.record.top1_right, other.record.images)
    change = _accuracy(other) - _accuracy(base)
    return Difference(change=change, low=low, high=high, base_right=counts[0], base_images=counts[1])


def _accuracy(result: Validated) -> float:
    return result.record.top1_right / result.record.images
