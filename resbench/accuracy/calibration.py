"""Whether the probabilities of stored predictions are right, and what accuracy the sure ones have; no forward pass."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.optimize import minimize_scalar

from resbench.accuracy.figures import BINS, calibration_error
from resbench.records.predictions import SCALES, Rows, is_scored, top1

COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """The images of which a network is surest."""

    images: int
    right: int
    confidence: float  # of the least sure one


@dataclass(frozen=True, slots=True, kw_only=True)
class Tempered:
    """Logits divided by a temperature that was fitted on one half of the images, and tested on the other."""

    temperature: float
    images: int  # of the other half
    nll: tuple[float, float]  # before and after
    calibration_error: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Scores of the probabilities; None where a file of predictions of version 0.1 does not have what it takes."""

    equal_width: float  # expected calibration error, in BINS bins
    equal_mass: float
    brier: float | None  # from 0 to 2
    nll: float | None  # natural logarithms
    tempered: Tempered | None
    coverage: tuple[Covered, ...]


def calibration(rows: Rows) -> Calibration:
    """Return the scores of all rows."""
    scored = is_scored(rows)
    return Calibration(
        equal_width=calibration_error(rows),
        equal_mass=equal_mass_error(rows),
        brier=brier(rows) if scored else None,
        nll=float(_losses(rows, 0.0).mean()) if scored else None,
        tempered=tempered(rows) if scored and len(rows) >= 4 * BINS else None,
        coverage=tuple(covered(rows, COVERAGES)),
    )


def confidence(rows: Rows, step: float = 0.0) -> Floats:
    """Return the probability of the first answer, of logits times 2**step."""
    return np.exp(2.0**step * rows["logits"][:, 0].astype(np.float64) - _logsumexp(rows, step))


def equal_mass_error(rows: Rows) -> float:
    """Return the expected calibration error over BINS bins of as many images each, sorted by confidence.

    Source: Nixon et al. 2019 (arXiv 1904.01685), section 3, adaptive calibration error of the first answer.
    """
    sure = confidence(rows)
    order = np.argsort(sure, kind="stable")
    gaps = (top1(rows) - sure)[order]
    return float(sum(abs(part.sum()) for part in np.array_split(gaps, BINS)) / len(rows))


def brier(rows: Rows) -> float:
    """Return the mean squared distance of the probabilities from those of a sure, right answer. Source: Brier 1950."""
    own = np.exp(rows["own"].astype(np.float64) - rows["logsumexp"])
    return float((rows["squares"] - 2 * own + 1).mean())


def tempered(rows: Rows) -> Tempered:
    """Fit a temperature from 1/4 to 4 on the images at even places, test it on the others; places are a random order.

    Source: Guo et al. 2017 (arXiv 1706.04599), section 4.2. Between the temperatures of SCALES, whose losses are
    stored, a cubic spline over the logarithm gives those of others.
    """
    fitted, tested = rows[::2], rows[1::2]
    reach = np.log2(SCALES[-1])
    best = minimize_scalar(lambda step: _losses(fitted, step).mean(), bounds=(-reach, reach), method="bounded").x
    return Tempered(
        temperature=float(2.0**-best),
        images=len(tested),
        nll=(float(_losses(tested, 0.0).mean()), float(_losses(tested, best).mean())),
        calibration_error=(calibration_error(tested), _error(top1(tested), confidence(tested, best))),
    )


def covered(rows: Rows, shares: Sequence[float]) -> list[Covered]:
    """Return how many of the surest images are right, for each share of all; at least one image."""
    sure = confidence(rows)
    order = np.argsort(-sure, kind="stable")
    right = np.cumsum(top1(rows)[order])
    counts = [max(1, round(share * len(rows))) for share in shares]
    return [
        Covered(images=count, right=int(right[count - 1]), confidence=float(sure[order[count - 1]])) for count in counts
    ]


def _losses(rows: Rows, step: float) -> Floats:
    """Return the negative log-likelihood of each image's class, of logits times 2**step."""
    return _logsumexp(rows, step) - 2.0**step * rows["own"].astype(np.float64)


def _logsumexp(rows: Rows, step: float) -> Floats:
    """Return the logsumexp of logits times 2**step; what exceeds the largest logit is smooth, and interpolated."""
    whole = rows["logsumexp"].astype(np.float64)
    if step == 0:
        return whole
    steps = np.log2([*SCALES[:4], 1.0, *SCALES[4:]])
    known = np.concatenate([rows["scaled"][:, :4], whole[:, None], rows["scaled"][:, 4:]], axis=1).astype(np.float64)
    largest = rows["logits"][:, :1].astype(np.float64)
    excess = known - 2.0**steps * largest
    return np.asarray(CubicSpline(steps, excess, axis=1)(step)) + 2.0**step * largest[:, 0]


def _error(right: NDArray[np.bool_], sure: Floats) -> float:
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    return float(np.abs(np.bincount(bins, weights=right - sure, minlength=BINS)).sum() / len(right))
