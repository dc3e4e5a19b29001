"""Which other labels fit a network that is hardly ever right, and whether it answers at all."""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from resbench.accuracy.labels import devkit
from resbench.records.predictions import Rows, first, top1

FEWEST = 30  # images from which a guess is worth anything
FITS = 0.2  # share of right answers under other labels that no chance explains
DEVIATIONS = 5  # standard deviations above chance, for the same
_RENUMBER = "give WordNet ids, or number the classes as the network does,"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mislabelling:
    """What is wrong with the labels of a set, and what would make them right."""

    what: str
    correction: str  # of a file of labels


def collapsed(rows: Rows) -> str | None:
    """Return how a network gives one answer to images of several classes, or None when it does not."""
    seen, labels, count = first(rows), rows["label"], len(rows)
    if len(np.unique(labels)) < 2:
        return None
    if all((rows[name] == rows[name][0]).all() for name in ("top5", "logits")):
        return f"its largest logits are the same for all {count} images"
    if (seen < 0).all():
        return f"several classes share the largest logit in each of the {count} images, so none of them is its answer"
    if count >= FEWEST and (seen == seen[0]).all() and (labels == seen[0]).mean() <= 0.5:
        return f"its answer is class {seen[0]} for all {count} images"
    return None


def mislabelled(rows: Rows, classes: int) -> Mislabelling | None:
    """Return what is wrong with the labels of a set on which a network is near chance, or None.

    None also when it is not near chance, when it gives every image the same answer, and when no other labels fit it
    much better.
    """
    if not _near_chance(rows, classes) or collapsed(rows):
        return None
    seen, labels = first(rows), rows["label"].astype(int)
    for what, correction, others in _other_labels(labels, classes):
        if share := _fit(seen, others):
            return Mislabelling(what=f"{what} ({share:.0%} would be right)", correction=correction)
    alike = _agreement(seen[seen >= 0], labels[seen >= 0])
    if alike >= max(FITS, 5 * _by_chance(seen, seen)):
        what = f"images of one label are seen alike ({alike:.0%} of pairs), but as another class"
        return Mislabelling(what=f"the classes are permuted: {what}", correction=_RENUMBER)
    return None


def _other_labels(labels: NDArray[np.int_], classes: int) -> Iterator[tuple[str, str, NDArray[np.int_]]]:
    """Yield what may be wrong with labels, what would correct them, and the labels that would be right then."""
    text_order = np.argsort([str(number) for number in range(classes)])
    as_text = "the order of folder names sorted as text (0, 1, 10, 100)"
    what = "the labels are one too low: they count from 0 what the network counts from 1"
    yield what, "add 1 to every class", labels + 1
    what = "the labels are one too high: they count from 1 (as in sets of 1001 classes) what the network counts from 0"
    yield what, "subtract 1 from every class", labels - 1
    yield f"the network's classes are in {as_text}", _RENUMBER, np.argsort(text_order)[labels]
    yield f"the labels are places in {as_text}, not their numbers", _RENUMBER, text_order[labels]
    if classes == len(devkit()):
        kit = np.array([-1, *devkit()])  # by its numbers, which begin with 1
        what = (
            "the labels are the development kit's numbers (ILSVRC2012_ID){}, which are not in the order of WordNet ids"
        )
        yield what.format(""), _RENUMBER, kit[labels]
        yield what.format(" less one"), _RENUMBER, kit[labels + 1]


def unexplained(rows: Rows, classes: int) -> str | None:
    """Return what there is to say when a network was near chance to the end, or gave one answer only, or None."""
    if sentence := collapsed(rows):
        return f"{sentence}; the checkpoint is damaged, was not trained, or does not fit this network"
    if not _near_chance(rows, classes):
        return None
    return (
        f"{int(top1(rows).sum())} of {len(rows)} right is no more than guessing, and no other order of the labels that "
        "is known fits; do the weights and the labels belong to these images? --explain-gap tries other inputs"
    )


def ties(rows: Rows) -> str | None:
    """Return of how many images the answer is undecided, or None when that is none."""
    count = int((first(rows) < 0).sum())
    return (
        f"{count} of {len(rows)} images have several classes with the largest logit; such a tie is not right"
        if count
        else None
    )


def _near_chance(rows: Rows, classes: int) -> bool:
    if len(rows) < FEWEST:
        return False
    by_chance = _by_chance(first(rows), rows["label"])  # much, where the images are of few classes
    return float(top1(rows).mean()) <= max(0.02, 1.5 / classes, by_chance / 2)


def _fit(seen: NDArray[np.int_], labels: NDArray[np.int_]) -> float:
    """Return the share of right answers under other labels; 0 when chance, or a few frequent classes, explain it."""
    share, chance = float((seen == labels)[seen >= 0].sum() / len(seen)), _by_chance(seen, labels)
    least = chance + DEVIATIONS * math.sqrt(chance * (1 - chance) / len(seen))
    return share if share >= max(FITS, least) else 0.0


def _by_chance(seen: NDArray[np.int_], labels: NDArray[np.int_]) -> float:
    """Return the share of equal pairs, were the answers dealt out to the images at random."""
    values, counts = np.unique(seen[seen >= 0], return_counts=True)
    return float(sum(count * (labels == value).mean() for value, count in zip(values, counts, strict=True)) / len(seen))


def _agreement(seen: NDArray[np.int_], labels: NDArray[np.int_]) -> float:
    """Return the share of pairs of images with one label in which the network sees one class."""
    by_label = defaultdict(list)
    for label, answer in zip(labels, seen, strict=True):
        by_label[label].append(answer)
    pairs = [a == b for answers in by_label.values() for a, b in combinations(answers[:20], 2)]
    return float(np.mean(pairs)) if len(pairs) >= 20 else 0.0
