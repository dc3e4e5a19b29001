"""What a published figure counts: the readings of a network's counts that give exactly its printed digits."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Literal

from resbench.counting.conventions import NAMES, convention, operations
from resbench.counting.counted import counted_at, sizes
from resbench.errors import ResbenchError
from resbench.records.record import Counts
from resbench.zoo.find import checkpoints, find
from resbench.zoo.spec import Claim, Metric, Variant, Weights

Rounding = Literal["exact", "rounded", "truncated", "float"]
_ORDER: tuple[Rounding, ...] = ("exact", "rounded", "float", "truncated")
_SCALE = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9, "T": 10**12}
_FIGURE = re.compile(
    r"((?:\d{1,3}(?:,\d{3})+|\d[\d_]*)(?:\.\d+)?)\s*([KMGBT]?)\s*(%|flops?|macs?|ops|params?|parameters)?",
    re.IGNORECASE,
)
_BARE_UNITS = (10**9, 10**6)  # what "4.27" may mean: thousand millions of operations, millions of parameters; or %
NOT_COUNTED: tuple[Metric, ...] = ("top1", "top5", "file_size")
_SHOWN = 5
_FAR = 0.5  # further off than by half, a reading explains nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number as it was printed: it stands for anything that rounds to `value` in steps of `quantum`."""

    value: Fraction
    quantum: Fraction
    metric: Metric | None = None  # what the words beside it say; None: parameters or operations


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One way to get a figure: a count, and what rounding makes it of the figure's digits."""

    metric: Metric
    counted: str  # "parameters", or a convention
    input_px: tuple[int, int]
    value: int
    rounding: Rounding | None  # None: no rounding gives the digits
    off: float  # (figure - value) / value


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything that gives the figure, best first; who published it; and the nearest readings when nothing does."""

    fits: tuple[Reading, ...]
    nearest: tuple[Reading, ...]
    claims: tuple[tuple[Weights, Claim], ...]

    @property
    def explained(self) -> bool:
        """Whether a count gives the figure; of what is not counted, whether it was published and is no known error."""
        return bool(self.fits) or any(claim.metric in NOT_COUNTED and not claim.error for _, claim in self.claims)

    @property
    def errors(self) -> tuple[str, ...]:
        """Why the figure is false, where that is known."""
        reasons = [] if self.explained else [claim.error for _, claim in self.claims if claim.error]
        return tuple(dict.fromkeys(reasons))

    @property
    def settled(self) -> bool:
        """Whether other inputs need not be tried: something gives the figure, it is a known error, or not countable."""
        return self.explained or bool(self.errors) or not self.nearest


def parse(text: str) -> tuple[Figure, ...]:
    """Read "5.28G", "5282531328", "4.27", "25.56M params", "79.3%": all figures that the text may be, likeliest first.

    Raises ResbenchError for anything else.
    """
    match = _FIGURE.fullmatch(text.strip())
    if not match or not match[1].strip("0.,_"):
        raise ResbenchError(f"{text!r}: not a figure; give one such as 5.28G, 5282531328, 4.27, 25.56M or 79.04%")
    digits, unit, word = match[1].replace(",", "").replace("_", ""), match[2].upper(), (match[3] or "").lower()
    value, quantum = Fraction(digits), Fraction(1, 10 ** len(digits.partition(".")[2]))
    accuracies = tuple(Figure(value=value / 100, quantum=quantum / 100, metric=name) for name in ("top1", "top5"))
    if word == "%":
        return accuracies
    metric: Metric | None = "params" if word.startswith("param") else "flops" if word else None
    if unit or value >= 10**5:
        return tuple(_scaled(value, quantum, _SCALE[unit], metric))
    counts = tuple(figure for scale in _BARE_UNITS for figure in _scaled(value, quantum, scale, metric))
    return counts if metric else counts + accuracies


def explain_usual(network: str, figure: str) -> Explanation:
    """Return what `figure` ("5.28G") counts of `network` at its own input and those of its checkpoints; without torch.

    Raises ResbenchError for an unknown network and for what is not a figure.
    """
    variant = find(network)
    return explain(variant, parse(figure), [counted_at(variant.name, size) for size in sizes(variant)])


def explain(variant: Variant, figures: Iterable[Figure], counts: Sequence[Counts]) -> Explanation:
    """Return what gives one of `figures` among `counts`, those of `variant` at the inputs to consider.

    Accuracies are not counted; for them only the claims are looked up.
    """
    figures = tuple(figures)
    claims = tuple(_published(variant, figures))
    readings = [reading for figure in figures for reading in _readings(figure, counts)]
    fits: dict[tuple[str, tuple[int, int]], Reading] = {}
    for reading in sorted((reading for reading in readings if reading.rounding), key=partial(_rank, variant, claims)):
        fits.setdefault((reading.counted, reading.input_px), reading)  # of several roundings, the best
    return Explanation(
        fits=tuple(fits.values()),
        nearest=() if fits else _nearest(readings),
        claims=claims,
    )


def rounding(value: int, figure: Figure) -> Rounding | None:
    """Return what makes the digits of `figure` of the count `value`, or None."""
    if value == figure.value:
        return "exact"
    if abs(value - figure.value) * 2 <= figure.quantum and figure.quantum > 1:
        return "rounded"
    if 0 < value - figure.value < figure.quantum:
        return "truncated"
    # 66.82 * 1e6 is 66819999.99...: hundredths of a million, scaled in floating point, without their fraction.
    return "float" if figure.value == int(round(value / 1e6, 2) * 1e6) else None


def _scaled(value: Fraction, quantum: Fraction, scale: int, metric: Metric | None) -> Iterator[Figure]:
    yield Figure(value=value * scale, quantum=quantum * scale, metric=metric)
    zeros = len(str(value)) - len(str(value).rstrip("0"))
    if scale == 1 and zeros > 1:  # 4270000000: only the digits before the zeros were measured
        yield Figure(value=value, quantum=Fraction(10**zeros), metric=metric)


def _readings(figure: Figure, counts: Sequence[Counts]) -> Iterator[Reading]:
    """Yield how far every count is from `figure`. Parameters are the same at every input, so the first will do."""
    if figure.metric in (None, "params"):
        for counted, value in _parameters(counts[0]).items():
            yield _reading("params", counted, counts[0].input_px, value, figure)
    if figure.metric in (None, "flops"):
        for row in counts:
            for name in NAMES:
                yield _reading("flops", name, row.input_px, operations(row.terms, name), figure)


def _reading(metric: Metric, counted: str, input_px: tuple[int, int], value: int, figure: Figure) -> Reading:
    how, off = rounding(value, figure), float(figure.value / value - 1)
    return Reading(metric=metric, counted=counted, input_px=input_px, value=value, rounding=how, off=off)


def _parameters(counts: Counts) -> dict[str, int]:
    classifier = counts.terms.fc + counts.terms.fc_bias  # one position, so as many weights as multiply-adds
    return {
        "parameters": counts.params,
        "parameters without the classifier": counts.params - classifier,
        "parameters and buffers": counts.params + counts.buffers,
    }


def _nearest(readings: Sequence[Reading]) -> tuple[Reading, ...]:
    by_distance = sorted(dict.fromkeys(readings), key=lambda reading: abs(reading.off))
    near = [reading for reading in by_distance if abs(reading.off) < _FAR]
    return tuple(near[:_SHOWN] or readings[:1])


def _published(variant: Variant, figures: Iterable[Figure]) -> Iterator[tuple[Weights, Claim]]:
    for weights in checkpoints(variant.name):
        for claim in weights.claims:
            if any(figure.metric in (None, claim.metric) and _agree(figure, claim) for figure in figures):
                yield weights, claim


def _agree(figure: Figure, claim: Claim) -> bool:
    """Whether the coarser of the two roundings makes them one figure."""
    return abs(float(figure.value) - claim.value) <= 0.500001 * max(float(figure.quantum), claim.quantum)


def _rank(variant: Variant, claims: Iterable[tuple[Weights, Claim]], reading: Reading) -> tuple[bool, bool, bool, int]:
    """Exact digits first, then what was published so, then the convention's own input, then the kind of rounding."""
    said = any(
        claim.metric == reading.metric
        and (claim.convention or "parameters") == reading.counted
        and claim.input_px in (None, reading.input_px)
        for _, claim in claims
    )
    usual = reading.metric == "params" or reading.input_px == convention(reading.counted).input_rule(variant.input_px)
    how = reading.rounding or "truncated"
    return how != "exact", not said, not usual, _ORDER.index(how)
