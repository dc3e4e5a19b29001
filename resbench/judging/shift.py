"""How accuracies move from one set of images to another: ranks with intervals, and effective robustness."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from resbench.judging.answers import mcnemar
from resbench.judging.family import holm

FEWEST_NETWORKS = 3  # that a line is fitted to
_ERROR = 0.05
_HALF = _ERROR / 2  # of each of two ranks, whose difference then has an interval of 95 %
Right = NDArray[np.bool_]  # which images a network gets right


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank:
    """A place among networks, 1 for the best, or a difference of places, with its 95 % interval."""

    place: int
    low: int
    high: int


def ranked(right: Sequence[Right], error: float = _ERROR) -> list[Rank]:
    """Return the rank of each network by the images that it gets `right`; equal numbers share a place.

    The intervals hold for all ranks together: a network is surely behind those that are better by McNemar's exact test,
    corrected by Holm for all pairs. Source: Mogstad et al. 2024 (Review of Economic Studies 91:476), section 3.
    """
    counts = [int(answers.sum()) for answers in right]
    ahead = _surely_ahead(right, error)
    return [
        Rank(
            place=1 + sum(other > count for other in counts),
            low=1 + sum(ahead[other][place] for other in range(len(counts))),
            high=len(counts) - sum(ahead[place]),
        )
        for place, count in enumerate(counts)
    ]


def moved(base: Sequence[Right], right: Sequence[Right]) -> list[Rank]:
    """Return how many places each network loses (gains, below 0) from the images of one set to those of another."""
    before, after = ranked(base, _HALF), ranked(right, _HALF)
    return [
        Rank(place=new.place - old.place, low=new.low - old.high, high=new.high - old.low)
        for old, new in zip(before, after, strict=True)
    ]


def effective_robustness(base: Sequence[float], accuracies: Sequence[float]) -> list[float] | None:
    """Return how far each accuracy is above what the accuracies on the `base` let expect of it.

    That is a straight line, fitted by least squares to the logits of both, of all networks.
    Source: Taori et al. 2020 (arXiv 2007.00644), section 2: acc2(f) - beta(acc1(f)).
    None below FEWEST_NETWORKS, for accuracies of 0 and 1, and where all accuracies on the base are equal.
    """
    known, seen = np.asarray(base, dtype=float), np.asarray(accuracies, dtype=float)
    extreme = {0.0, 1.0} & {*known.tolist(), *seen.tolist()}
    if known.size < FEWEST_NETWORKS or extreme or np.ptp(known) == 0:
        return None
    slope, intercept = np.polyfit(_logit(known), _logit(seen), 1)
    expected = 1 / (1 + np.exp(-(slope * _logit(known) + intercept)))
    return [float(value) for value in seen - expected]


def _logit(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.log(shares / (1 - shares)))


def _surely_ahead(right: Sequence[Right], error: float) -> list[list[bool]]:
    """Return, for each network, which others are worse by more than chance."""
    pairs = []
    for first, second in combinations(range(len(right)), 2):
        only = int((right[first] & ~right[second]).sum()), int((~right[first] & right[second]).sum())
        pairs.append((mcnemar(*only), (first, second) if only[0] > only[1] else (second, first)))
    ahead = [[False] * len(right) for _ in right]
    for p_value, (_, (better, worse)) in zip(holm([pair[0] for pair in pairs]), pairs, strict=True):
        ahead[better][worse] = p_value <= error
    return ahead
