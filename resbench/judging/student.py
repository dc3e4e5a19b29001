"""Student's distribution from scipy's special functions alone: loading scipy.stats takes as long as many records do."""

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@lru_cache(maxsize=1024)
def quantile(share: float, freedom: float) -> float:
    """Return the value below which Student's t with `freedom` degrees of freedom lies with probability `share`."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, share))


def tail(value: float, freedom: float) -> float:
    """Return how likely Student's t is at least `value`."""
    from scipy.special import stdtr

    return float(stdtr(freedom, -value))


def deviation(values: "Sequence[float] | NDArray[np.float64]") -> float:
    """Return the standard deviation of the population that two or more `values` come from."""
    centre = fmean(values)
    return math.sqrt(math.fsum([(value - centre) ** 2 for value in values]) / (len(values) - 1))
