"""Why a network is hardly ever right: what the labels would have to be instead."""

from collections import defaultdict
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from resbench.accuracy.labels import devkit
from resbench.records.predictions import Rows, top1

FEWEST = 200  # images from which a guess is worth anything
FITS = 0.2  # share of right answers under other labels that no chance explains


def mislabelled(rows: Rows, classes: int) -> str | None:
    """Return what is wrong with the labels of a set on which a network is near chance, or None.

    None also when it is not near chance, or when no other labels fit it much better.
    """
    if not _near_chance(rows, classes):
        return None
    seen, labels = rows["top5"][:, 0].astype(int), rows["label"].astype(int)
    text_order = np.argsort([str(number) for number in range(classes)])
    as_text = np.argsort(text_order)
    kit = np.array([-1, *devkit()])  # by its numbers, which begin with 1
    relabelled = {
        "the labels are one too low: they count from 0 what the network counts from 1": labels + 1,
        "the labels are one too high: they count from 1 (as in sets of 1001 classes) what the network counts from 0": (
            labels - 1
        ),
        "the network's classes are in the order of folder names sorted as text (0, 1, 10, 100)": as_text[labels],
        "the labels are places in the order of folder names sorted as text (0, 1, 10, 100), not their numbers": (
            text_order[labels]
        ),
    }
    if classes == len(devkit()):
        relabelled |= {
            "the labels are the development kit's numbers (ILSVRC2012_ID), which are not in the order of WordNet ids": (
                kit[labels]
            ),
            "the labels are the development kit's numbers (ILSVRC2012_ID) less one, which are not in the order of "
            "WordNet ids": kit[labels + 1],
        }
    for sentence, others in relabelled.items():
        if (share := float((seen == others).mean())) >= FITS:
            return f"{sentence} ({share:.0%} would be right)"
    if (share := _agreement(seen, labels)) >= max(
        FITS, 5 * float((np.bincount(seen) / len(seen) @ np.bincount(seen)) / len(seen))
    ):
        return (
            f"the classes are permuted: images of one label are seen alike ({share:.0%} of pairs), but as another class"
        )
    return None


def unexplained(rows: Rows, classes: int) -> str | None:
    """Return what there is to say when a network was near chance to the end, or None."""
    if not _near_chance(rows, classes):
        return None
    return (
        f"{int(top1(rows).sum())} of {len(rows)} right is no more than guessing, and no other order of the labels that "
        "is known fits; do the weights and the labels belong to these images? --explain-gap tries other inputs"
    )


def _near_chance(rows: Rows, classes: int) -> bool:
    return len(rows) >= FEWEST and float(top1(rows).mean()) <= max(0.02, 1.5 / classes)


def _agreement(seen: NDArray[np.int_], labels: NDArray[np.int_]) -> float:
    """Return the share of pairs of images with one label in which the network sees one class."""
    by_label = defaultdict(list)
    for label, answer in zip(labels, seen, strict=True):
        by_label[label].append(answer)
    pairs = [a == b for answers in by_label.values() for a, b in combinations(answers[:20], 2)]
    return float(np.mean(pairs)) if len(pairs) >= 20 else 0.0
