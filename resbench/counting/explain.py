"""What a published figure counts: the readings of a network's counts that give exactly its printed digits."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial

from resbench.counting.conventions import HISTORIC, NAMES, convention, operations
from resbench.counting.counted import counted_at, counted_or_none, sizes
from resbench.counting.heads import Head, head, one_channel, one_channel_macs
from resbench.counting.reading import PARTIAL, Figure, Reading, Rounding, rounding
from resbench.errors import ResbenchError
from resbench.records.record import Counts
from resbench.zoo.find import checkpoints, find
from resbench.zoo.spec import Claim, Metric, ResNetSpec, Spec, Variant, Weights
from resbench.zoo.variants import VARIANTS

_ORDER: tuple[Rounding, ...] = ("exact", "single", "rounded", "float", "truncated")
_SCALE = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9, "T": 10**12}
_FIGURE = re.compile(
    r"((?:\d{1,3}(?:,\d{3})+|\d[\d_]*)(?:\.\d+)?)\s*([KMGBT]?)\s*(%|flops?|macs?|ops|params?|parameters)?",
    re.IGNORECASE,
)
_BARE_UNITS = (10**9, 10**6)  # what "4.27" may mean: billions of operations, millions of parameters; or %
NOT_COUNTED: tuple[Metric, ...] = ("top1", "top5", "file_size")
_SHOWN = 5
_FAR = 0.5  # further off than by half, a reading explains nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything that gives the figure, best first; who published it; and the nearest readings when nothing does."""

    fits: tuple[Reading, ...]
    nearest: tuple[Reading, ...]
    claims: tuple[tuple[Weights, Claim], ...]

    @property
    def explained(self) -> bool:
        """Whether a count gives the figure; of what is not counted, whether it was published and is no known error."""
        if any(fit.direct for fit in self.fits) or (self.fits and not self.errors):
            return True
        return any(claim.metric in NOT_COUNTED and not claim.error for _, claim in self.claims)

    @property
    def errors(self) -> tuple[str, ...]:
        """Why the figure is false, where that is known; a figure that is a plain count is none."""
        true = any(fit.direct for fit in self.fits) or any(
            claim.metric in NOT_COUNTED and not claim.error for _, claim in self.claims
        )
        return () if true else tuple(dict.fromkeys(claim.error for _, claim in self.claims if claim.error))

    @property
    def settled(self) -> bool:
        """Whether other inputs need not be tried: something gives the figure, it is a known error, or not countable."""
        return self.explained or bool(self.errors) or not self.nearest


def parse_figure(text: str) -> tuple[Figure, ...]:
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
    return explain(variant, parse_figure(figure), known_counts(variant))


def known_counts(variant: Variant) -> list[Counts]:
    """Return the counts of `variant` at its own input, and at those of its other `sizes` that it takes."""
    first, *others = sizes(variant)
    rows = (counted_or_none(variant.name, "macs" if size[0] == size[1] else "timm-card", size[0]) for size in others)
    return [counted_at(variant.name, first), *(row for row in rows if row)]


def explain(
    variant: Variant, figures: Iterable[Figure], counts: Sequence[Counts], classes: Collection[int] = ()
) -> Explanation:
    """Return what gives one of `figures` among `counts`, those of `variant` at the inputs to consider.

    Where no plain count gives the digits at the network's own input, other heads (`classes` are the numbers that the
    text around the figure states), one input channel, doubled and halved counts, and look-alikes are tried too.
    Accuracies are not counted; for them only the claims are looked up.
    """
    figures = tuple(figures)
    claims = tuple(_published(variant, figures))
    home = counts[0].input_px[0]
    fits: dict[tuple[str, tuple[int, int]], Reading] = {}
    tried: list[Reading] = []
    for kind in (_plain, _converted, _look_alikes):
        readings = [reading for figure in figures for reading in kind(variant, figure, counts, classes)]
        fitting = [reading for reading in readings if reading.fits]
        for reading in sorted(fitting, key=lambda reading: _ORDER.index(reading.rounding or "truncated")):
            fits.setdefault((reading.meaning, reading.input_px), reading)  # of several roundings, the best
        tried += readings
        if any(fit.likely and (fit.metric == "params" or fit.input_px[0] == home) for fit in fits.values()):
            break
    ranked = sorted(fits.values(), key=partial(_rank, variant, claims))
    return Explanation(fits=tuple(ranked), nearest=() if fits else _nearest(tried), claims=claims)


def _scaled(value: Fraction, quantum: Fraction, scale: int, metric: Metric | None) -> Iterator[Figure]:
    yield Figure(value=value * scale, quantum=quantum * scale, metric=metric)
    zeros = len(str(value)) - len(str(value).rstrip("0"))
    if scale == 1 and zeros > 1:  # 4270000000: only the digits before the zeros were measured
        yield Figure(value=value, quantum=Fraction(10**zeros), metric=metric)


def _plain(_variant: Variant, figure: Figure, counts: Sequence[Counts], _classes: Collection[int]) -> Iterator[Reading]:
    """Yield how far every count of the network is from `figure`."""
    if figure.metric in (None, "params"):  # the same at every input, so the first will do
        for counted, value in _parameters(counts[0]).items():
            yield _reading("params", counted, counts[0].input_px, value, figure)
    if figure.metric in (None, "flops"):
        for name, row in _inputs(counts):
            yield _reading("flops", name, row.input_px, operations(row.terms, name), figure)


def _converted(
    variant: Variant, figure: Figure, counts: Sequence[Counts], classes: Collection[int]
) -> Iterator[Reading]:
    """Yield what another head, one input channel, and doubling or halving make of the network's counts."""
    if figure.metric in (None, "params"):
        yield from _other_heads(variant, figure, counts[0], classes)
    if figure.metric in (None, "flops"):
        yield from _operations_converted(variant, figure, counts, classes)


def _other_heads(variant: Variant, figure: Figure, counts: Counts, classes: Collection[int]) -> Iterator[Reading]:
    if not counts.terms.fc_bias:
        return
    trunk, per_class = counts.params - _classifier(counts), _classifier(counts) // counts.terms.fc_bias
    less = one_channel(variant)
    grey = _reading("params", "parameters", counts.input_px, counts.params - less, figure)
    yield replace(grey, one_channel=True)
    for channels in (3, 1):
        whole = trunk if channels == 3 else trunk - less
        other_head = head(whole, per_class, figure.value, figure.quantum, classes)
        if other_head and (channels == 3 or other_head.certain):
            value = whole + other_head.classes * per_class
            reading = _reading("params", "parameters", counts.input_px, value, figure, other_head)
            yield replace(reading, one_channel=channels == 1)


def _operations_converted(
    variant: Variant, figure: Figure, counts: Sequence[Counts], classes: Collection[int]
) -> Iterator[Reading]:
    for name, row in _inputs(counts):
        value = operations(row.terms, name)
        if name not in ("torch", "macs", *HISTORIC):  # the one has the factor, the other is half of it
            yield replace(_reading("flops", name, row.input_px, 2 * value, figure), times="twice")
        if name not in HISTORIC:
            yield replace(_reading("flops", name, row.input_px, value // 2, figure), times="half")
        grey = value - convention(name).coefficients.conv * one_channel_macs(variant, row.input_px)
        yield replace(_reading("flops", name, row.input_px, grey, figure), one_channel=True)
        trunk = operations(replace(row.terms, fc=0, fc_bias=0), name)
        if per_class := (value - trunk) // max(1, row.terms.fc_bias):
            other_head = head(trunk, per_class, figure.value, figure.quantum, classes)
            if other_head and (
                other_head.why == "stated" or (other_head.why == "exact" and other_head.usual)
            ):  # else by chance
                value = trunk + other_head.classes * per_class
                yield _reading("flops", name, row.input_px, value, figure, other_head)


def _look_alikes(variant: Variant, figure: Figure, _: Sequence[Counts], classes: Collection[int]) -> Iterator[Reading]:
    """Yield the counts of networks that are often called by the same name."""
    for other in namesakes(variant):
        counts = [counted_at(other.name, size) for size in sizes(other)[:2]]
        for reading in (*_plain(other, figure, counts, ()), *_converted(other, figure, counts, classes)):
            if reading.counted != "parameters and buffers" and not (reading.one_channel and reading.head is None):
                yield replace(reading, look_alike=other.name)


def namesakes(variant: Variant) -> tuple[Variant, ...]:
    """Return the networks that differ from `variant` in their stem, their shortcuts or the place of the stride."""
    return tuple(row for row in VARIANTS if row.spec != variant.spec and _outline(row) == _outline(variant))


def _outline(variant: Variant) -> Spec:
    spec = variant.spec
    if not isinstance(spec, ResNetSpec):
        return spec
    return replace(spec, stem="conv7", shortcut="conv", stride_on="3x3", anti_alias=False)


def _inputs(counts: Sequence[Counts]) -> Iterator[tuple[str, Counts]]:
    """Yield each convention with the counts at the inputs that it uses: a stretched one is timm-card's alone.

    An input that somebody asked for stands alone, and is taken as it is.
    """
    squares = {row.input_px[0] for row in counts if row.input_px[0] == row.input_px[1]}
    for row in counts:
        height, width = row.input_px
        for name in NAMES:
            if height not in squares or convention(name).input_rule(height) == (height, width):
                yield name, row


def _reading(
    metric: Metric, counted: str, input_px: tuple[int, int], value: int, figure: Figure, other_head: Head | None = None
) -> Reading:
    how, off = rounding(value, figure), float(figure.value / value - 1)
    return Reading(
        metric=metric, counted=counted, input_px=input_px, value=value, rounding=how, off=off, head=other_head
    )


def _parameters(counts: Counts) -> dict[str, int]:
    without, buffered = PARTIAL
    return {
        "parameters": counts.params,
        without: counts.params - _classifier(counts),
        buffered: counts.params + counts.buffers,
    }


def _classifier(counts: Counts) -> int:
    return counts.terms.fc + counts.terms.fc_bias  # one position, so as many weights as multiply-adds


def _nearest(readings: Sequence[Reading]) -> tuple[Reading, ...]:
    candidates = dict.fromkeys(reading for reading in readings if not reading.one_channel and reading.of_the_same_name)
    by_distance = sorted(candidates, key=lambda reading: (abs(reading.off), not reading.direct))
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


def _rank(
    variant: Variant, claims: Iterable[tuple[Weights, Claim]], reading: Reading
) -> tuple[bool, int, bool, bool, int]:
    """Exact digits first, then the plain counts, what was published so, the convention's own input, the rounding."""
    is_named = any(
        claim.metric == reading.metric
        and (claim.convention or "parameters") == reading.counted
        and claim.input_px in (None, reading.input_px)
        for _, claim in claims
    )
    usual = reading.metric == "params" or reading.input_px == convention(reading.counted).input_rule(variant.input_px)
    how = reading.rounding or "truncated"
    return how != "exact", _detour(reading), not is_named, not usual, _ORDER.index(how)


def _detour(reading: Reading) -> int:
    """Return how much has to be assumed for a reading; 0 for a plain count."""
    head_costs = {"stated": 1, "exact": 1, "known": 3, "coarse": 7}[reading.head.why] if reading.head else 0
    times_cost = {"": 0, "twice": 1, "half": 2}[reading.times]
    partial_cost = 4 if reading.counted in PARTIAL else 0
    return head_costs + times_cost + partial_cost + 2 * bool(reading.look_alike) + 3 * reading.one_channel
