"""Which counts of a network give the digits of a stated figure."""

from collections.abc import Collection

from resbench.counting import explain
from resbench.counting.conventions import convention
from resbench.counting.counted import sizes
from resbench.lint.certain import stated_classes
from resbench.lint.entry import ModelEntry
from resbench.lint.figure import StatedFigure
from resbench.lint.readings import figures_of
from resbench.lint.sizes import AT_SIZE, count_at, countable
from resbench.records.record import Counts
from resbench.zoo.spec import Variant


def explained(
    entry: ModelEntry, network: Variant, figure: StatedFigure, classes: Collection[int] = ()
) -> explain.Explanation:
    """Return which counts of `network` give a figure; `classes` are numbers of classes that the card states."""
    stated = (*stated_classes(entry), *classes)
    return explain.explain(network, figures_of(figure), _counts(network, entry, figure), stated)


def distance(off: float) -> str:
    """Say how far a figure is from a count: "3.2 % above"."""
    return f"{100 * abs(off):.1f} % {'above' if off > 0 else 'below'}"


def _counts(network: Variant, entry: ModelEntry, figure: StatedFigure) -> list[Counts]:
    """Return the counts at the sizes that the figure may hold at, the stated one first."""
    stated = figure.image_px or entry.image_px if figure.quantity != "params" else None
    wanted = [convention(name).input_rule(stated) for name in (AT_SIZE, "timm-card")] if stated else []
    asked = dict.fromkeys([*wanted, *sizes(network)])
    return [count_at(network, size) for size in asked if countable(network, size)]
