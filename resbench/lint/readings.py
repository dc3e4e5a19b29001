"""What the digits of a stated figure may stand for."""

from dataclasses import replace
from fractions import Fraction

from resbench.counting.reading import Figure
from resbench.lint.figure import OPERATIONS, StatedFigure
from resbench.zoo.spec import Metric


def figures_of(figure: StatedFigure) -> tuple[Figure, ...]:
    """Return what the printed number may stand for."""
    if figure.value is None or figure.value <= 0:
        return ()
    metric: Metric = "params" if figure.quantity == "params" else "flops"
    small = not figure.unit and not figure.is_count and figure.value < 10**5
    scales = (10**6, 10**9) if small and figure.quantity not in OPERATIONS else (10**9, 10**6) if small else (1,)
    plain = [
        Figure(value=figure.value * scale, quantum=max(figure.step, Fraction(0)) * scale, metric=metric)
        for scale in scales
    ]
    if figure.approximate:
        return tuple(replace(reading, quantum=max(reading.quantum, reading.value / 20)) for reading in plain)
    zeros = len(figure.digits) - len(figure.digits.rstrip("0")) if figure.digits.isdecimal() and scales == (1,) else 0
    if zeros > 1 and not figure.unit:  # 4270000000: only the digits before the zeros were measured
        plain.append(replace(plain[0], quantum=_measured(plain[0], zeros, is_count=figure.is_count)))
    return tuple(plain)


def nearest_off(figure: StatedFigure, count: int) -> float:
    """Return how far a printed number is from `count` at the least, as a share of it: 0.1 is 10 % above, -1 nothing."""
    return min((float(reading.value / count - 1) for reading in figures_of(figure)), key=abs, default=-1.0)


def _measured(figure: Figure, zeros: int, *, is_count: bool) -> Fraction:
    """Return the step of the digits before the zeros; in a field of counts at least three were measured.

    timm and MMPretrain print hundredths of a million parameters and of a billion operations there.
    """
    coarsest = max(10 ** max(0, len(str(int(figure.value))) - 3), 10**4 if figure.metric == "params" else 10**7)
    return Fraction(min(10**zeros, coarsest) if is_count else 10**zeros)
