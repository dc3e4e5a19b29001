"""What stored predictions tell without another forward pass: classes, confusions, calibration, paired comparison."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from resbench.accuracy import official
from resbench.accuracy.labels import real, superclasses
from resbench.errors import NotComparableError
from resbench.judging.answers import mcnemar
from resbench.records.predictions import Predictions, Rows, first, top1, top5
from resbench.records.record import Gap, TwinFigure

BINS = 15  # of equal width, as in Guo et al. 2017 (arXiv 1706.04599)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassFigure:
    """How the images of one class were seen."""

    label: int
    images: int
    top1_right: int
    top5_right: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SuperclassFigure:
    """How the images of all classes below one synset of WordNet were seen."""

    name: str
    classes: int  # that are there
    images: int
    top1_right: int
    top5_right: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """Images of one class that were seen as another."""

    label: int
    seen: int
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """An image that only one of two checkpoints got right."""

    name: str
    label: int
    before: int  # the answer of the one, -1 for a tie
    after: int  # the answer of the other


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """Two checkpoints on the same images."""

    images: int
    both: int
    lost: tuple[Flip, ...]  # right before, wrong after
    gained: tuple[Flip, ...]  # wrong before, right after
    neither: int
    p_value: float  # of McNemar's exact test, two-sided: how likely so uneven a split is if both are equally good
    top5_lost: int
    top5_gained: int
    changed: int  # first answers that differ, right or wrong


def gap(own: Predictions, twins: Sequence[tuple[str, str | None, Predictions]]) -> Gap:
    """Return how a checkpoint as it is did beside its twins: of each what differs, the command for it, its answers."""
    right = int(top1(own.rows).sum())
    differences_found = []
    for what, command, other in twins:
        compared = image_by_image(own, other)
        lost, gained = len(compared.lost), len(compared.gained)
        differences_found.append(
            TwinFigure(what=what, top1_right=right + gained - lost, gained=gained, lost=lost, command=command)
        )
    best_first = sorted(differences_found, key=lambda twin: -twin.top1_right)
    return Gap(images=len(own.rows), top1_right=right, twins=tuple(best_first))


def per_class(rows: Rows) -> list[ClassFigure]:
    """Return the figures of every class that is there, the worst first."""
    right1, right5 = top1(rows), top5(rows)
    accuracies = []
    for label in np.unique(rows["label"]):
        there = rows["label"] == label
        accuracies.append(
            ClassFigure(
                label=int(label),
                images=int(there.sum()),
                top1_right=int(right1[there].sum()),
                top5_right=int(right5[there].sum()),
            )
        )
    return sorted(accuracies, key=lambda figure: (figure.top1_right / figure.images, figure.label))


def per_superclass(rows: Rows) -> list[SuperclassFigure]:
    """Return the figures of WordNet's superclasses of ImageNet's classes that are there, the worst first.

    An answer is right as ever: the class itself, not another one below the same superclass.
    """
    right1, right5 = top1(rows), top5(rows)
    accuracies = []
    for name, classes in superclasses().items():
        there = np.isin(rows["label"], sorted(classes))
        if there.any():
            accuracies.append(
                SuperclassFigure(
                    name=name,
                    classes=len(np.unique(rows["label"][there])),
                    images=int(there.sum()),
                    top1_right=int(right1[there].sum()),
                    top5_right=int(right5[there].sum()),
                )
            )
    return sorted(accuracies, key=lambda figure: (figure.top1_right / figure.images, figure.name))


def confusions(rows: Rows) -> list[Confusion]:
    """Return which classes were taken for which, the most frequent first; an image whose answer is a tie for none."""
    seen, labels = first(rows), rows["label"]
    wrong = (seen >= 0) & (seen != labels)
    pairs = Counter(zip(labels[wrong].tolist(), seen[wrong].tolist(), strict=True))
    pairs_counted = [Confusion(label=label, seen=seen, images=count) for (label, seen), count in pairs.items()]
    return sorted(pairs_counted, key=lambda confusion: (-confusion.images, confusion.label, confusion.seen))


def calibration_error(rows: Rows) -> float:
    """Return the expected calibration error: how far confidence is from accuracy, on average over BINS bins.

    Source: Naeini et al. 2015 (AAAI), equation 3; Guo et al. 2017 (arXiv 1706.04599).
    """
    confidence = np.exp(rows["logits"][:, 0].astype(np.float64) - rows["logsumexp"])
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, weights=top1(rows) - confidence, minlength=BINS)
    return float(np.abs(gaps).sum() / len(rows))


def image_by_image(before: Predictions, after: Predictions) -> Paired:
    """Compare two checkpoints image by image.

    Raises NotComparableError unless both were asked about the same images.
    """
    if before.images != after.images:
        common = len(set(before.images) & set(after.images))
        raise NotComparableError(
            f"predictions of different images ({len(before.images)} and {len(after.images)}, {common} of them common); "
            "validate both checkpoints on the same set"
        )
    old, new = top1(before.rows), top1(after.rows)
    old5, new5 = top5(before.rows), top5(after.rows)
    lost, gained = np.flatnonzero(old & ~new), np.flatnonzero(~old & new)
    return Paired(
        images=len(old),
        both=int((old & new).sum()),
        lost=tuple(_flip(before, after, place) for place in lost.tolist()),
        gained=tuple(_flip(before, after, place) for place in gained.tolist()),
        neither=int((~old & ~new).sum()),
        p_value=mcnemar(len(lost), len(gained)),
        top5_lost=int((old5 & ~new5).sum()),
        top5_gained=int((~old5 & new5).sum()),
        changed=int((first(before.rows) != first(after.rows)).sum()),
    )


def _flip(before: Predictions, after: Predictions, place: int) -> Flip:
    return Flip(
        name=before.names[place],
        label=int(before.rows["label"][place]),
        before=int(first(before.rows[place : place + 1])[0]),
        after=int(first(after.rows[place : place + 1])[0]),
    )


def real_top1(predictions: Predictions) -> tuple[int, int] | None:
    """Return (right, images) by ReaL's labels, images without any left out; None unless all are ImageNet's own."""
    numbers = [official.number(name.rpartition("/")[2]) for name in predictions.names]
    shown = [real()[number - 1] for number in numbers if number]
    if len(shown) != len(numbers):
        return None
    right = [int(best) in classes for best, classes in zip(first(predictions.rows), shown, strict=True)]
    return sum(right), sum(bool(classes) for classes in shown)
