"""Activations on a card: what convolutions, linear layers and products of matrices put out for one image.

timm and pycls print them. Source: fvcore, ActivationCountAnalysis.
"""

from collections.abc import Sequence

from resbench import units
from resbench.counting.reading import rounding
from resbench.lint.entry import ModelEntry
from resbench.lint.explained import distance
from resbench.lint.figure import StatedFigure
from resbench.lint.places import about
from resbench.lint.problem import Level, Problem
from resbench.lint.readings import figures_of, nearest_off
from resbench.records.record import Counts

_FAR = 0.25  # further off, a figure is at another input, or of another network


def judged_activations(entry: ModelEntry, figure: StatedFigure, network: str, counts: Sequence[Counts]) -> Problem:
    """Return what `counts` of `network` say of a figure; the first are those at the input that is meant.

    There is no one definition, so a figure that no count gives is a warning.
    """
    home, stated = counts[0], figures_of(figure)
    here = f"{home.activations:,} of {network} at {units.pixels(home.input_px)}"
    fitting = next((row for row in counts if any(rounding(row.activations, number) for number in stated)), None)
    if fitting and fitting.input_px == home.input_px:
        right = f"{fitting.activations:,} of {network} at {units.pixels(home.input_px)}"
        return about(entry, "T015", Level.NOTE, figure, f"{figure}: true, {right}")
    if fitting:
        message = f"{figure}: true at {units.pixels(fitting.input_px)}; {here}"
        return about(entry, "T015", Level.WARNING, figure, message, "say at which input it holds")
    off = nearest_off(figure, home.activations)
    message = f"{figure}: no known count; {distance(off) if abs(off) < _FAR else 'the nearest is'} {here}"
    return about(entry, "T015", Level.WARNING, figure, message, "say what it counts")
