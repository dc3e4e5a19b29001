"""Operations on a card against a network of timm or torchvision: by today's conventions, and as on timm's pages."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

from resbench import units
from resbench.counting.conventions import CURRENT, convention, operations
from resbench.counting.reading import Reading, rounding
from resbench.lint.entry import ModelEntry
from resbench.lint.explained import distance
from resbench.lint.figure import StatedFigure
from resbench.lint.guestcounts import Guest
from resbench.lint.places import about
from resbench.lint.problem import Level, Problem
from resbench.lint.readings import figures_of
from resbench.lint.sizes import SCALED_OFF
from resbench.records.record import Terms

_TIMMS = "timm-card"  # the convention whose input is wider than high


def guest_operations(entry: ModelEntry, figure: StatedFigure, guest: Guest, sides: Sequence[int]) -> Problem | None:
    """Return what another library's network says of operations, at images of `sides`; None where it says nothing."""
    readings = [reading for side_px in sides for reading in _readings(figure, guest, side_px)]
    fits = [reading for reading in readings if reading.fits]
    if not fits:
        pages = [reading for side_px in sides for reading in _on_timms_pages(figure, guest, side_px)]
        readings, fits = [*readings, *pages], [reading for reading in pages if reading.fits]
    if fits:
        best = min(fits, key=lambda reading: reading.rounding != "exact")
        precision = "exactly" if best.rounding == "exact" else "to the printed digits"
        message = f"{figure}: true {precision} under {best.counted}, {_where(best, guest)}"
        is_stated = best.input_px[0] == best.input_px[1] or best.counted in entry.conventions
        level = Level.NOTE if is_stated else Level.WARNING
        return about(entry, "T002", level, figure, message, "" if is_stated else "say at which input it holds")
    near = min(readings, key=lambda reading: abs(reading.off), default=None)
    if near is None or not guest.exact:
        return None
    message = f"{figure}: no known count; {distance(near.off)} {near.counted}, {_where(near, guest)}"
    return about(entry, "T002", Level.WARNING, figure, message, "say what it counts")


def _where(reading: Reading, guest: Guest) -> str:
    return f"{reading.value:,} of {guest.name} at {units.pixels(reading.input_px)}"


def _readings(figure: StatedFigure, guest: Guest, side_px: int) -> Iterator[Reading]:
    """Yield how the count by each convention for squares fits `figure`.

    A convention that was not defined on layers of the network must give every digit.
    """
    for name, counts in product(CURRENT, guest.counts((side_px, side_px))):
        if name != _TIMMS and not (name == "torch" and figure.quantity == "macs"):
            must_be_exact = bool(convention(name).missing(counts.terms))
            yield from _as_printed(
                figure, name, operations(counts.terms, name), counts.input_px, must_be_exact=must_be_exact
            )


def _on_timms_pages(figure: StatedFigure, guest: Guest, side_px: int) -> Iterator[Reading]:
    """Yield how what the tool of timm's pages counted fits `figure`, at the square and at their wider input.

    It looked layers up by their very classes: it saw no norms of timm's own classes, and took a classifier that is a
    convolution for one; such counts must give every digit. The wider input is counted only where the square is near.
    """
    square, wide = (side_px, side_px), convention(_TIMMS).input_rule(side_px)
    readings = list(_by_class(figure, guest, square))
    yield from readings
    if any(abs((reading.off + 1) * square[1] / wide[1] - 1) < SCALED_OFF for reading in readings):
        yield from _by_class(figure, guest, wide)


def _by_class(figure: StatedFigure, guest: Guest, size: tuple[int, int]) -> Iterator[Reading]:
    for counts in guest.counts(size):
        for seen, terms in _seen_by_class(counts.terms):
            is_usual = not seen and size[0] != size[1] and not convention(_TIMMS).missing(terms)
            yield from _as_printed(
                figure, f"{_TIMMS}{seen}", operations(terms, _TIMMS), size, must_be_exact=not is_usual
            )


def _seen_by_class(terms: Terms) -> Iterator[tuple[str, Terms]]:
    for norms, kept in (("", terms), (" without norms", replace(terms, bn=0))):
        yield norms, kept
        convolved = replace(kept, conv=kept.conv + kept.fc, conv_bias=kept.conv_bias + kept.fc_bias)
        yield f"{norms} with the classifier", convolved


def _as_printed(
    figure: StatedFigure, name: str, value: int, input_px: tuple[int, int], *, must_be_exact: bool
) -> Iterator[Reading]:
    for number in figures_of(figure) if value else ():
        how, off = rounding(value, number), float(number.value / value - 1)
        fits = how if how == "exact" or not must_be_exact else None
        yield Reading(metric="flops", counted=name, input_px=input_px, value=value, rounding=fits, off=off)
