"""Operations on a card against the architecture: in every convention and rounding, at every likely input."""

from collections.abc import Collection
from dataclasses import replace

from resbench import units
from resbench.counting import explain
from resbench.counting.conventions import NAMES, operations
from resbench.counting.counted import counted, sizes
from resbench.counting.explain import Explanation
from resbench.counting.reading import Reading
from resbench.lint.certain import NEAR, doubtful_share, is_known_checkpoint
from resbench.lint.entry import ModelEntry
from resbench.lint.explained import distance, explained
from resbench.lint.figure import StatedFigure
from resbench.lint.places import about
from resbench.lint.problem import Edit, Level, Problem
from resbench.lint.readings import figures_of
from resbench.lint.sizes import AT_SIZE, SCALED_OFF, USUAL_PX, count_at, countable, operations_at, side_of
from resbench.zoo.spec import Variant

# Sides that classifiers of the family are trained and tested at.
_SIDES_PX = (96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256, 288, 299, 320, 331, 352, 384, 416, 448, 480, 512)
_UNITS = {"K": "thousands", "M": "millions", "G": "billions", "T": "trillions"}


def judged_operations(entry: ModelEntry, network: Variant, figure: StatedFigure, explanation: Explanation) -> Problem:
    """Return what is to be said about one figure of operations."""
    stated_px = figure.image_px or entry.image_px
    size_px = side_of(entry, network, figure)
    fits = [
        fit for fit in explanation.fits if fit.metric == "flops" and not (doubled(fit) and figure.quantity == "macs")
    ]
    if here := next((fit for fit in fits if fit.input_px == _input(fit, size_px) and _is_here(fit, size_px)), None):
        return _true_here(entry, figure, here)
    which = "the stated" if stated_px else "its usual"
    at_size = f"at {which} {size_px}: {operations_at(network, size_px):,} ({AT_SIZE})"
    if fits and (level := _level_elsewhere(entry, fits[0])) is not Level.FALSE:
        message = f"{figure}: true at {units.pixels(fits[0].input_px)} under {_named(fits[0])}; {at_size}"
        return about(entry, "T002", level, figure, message, "say at which input it holds")
    if published := [claim for _, claim in explanation.claims if claim.metric == "flops" and not claim.error]:
        message = f"{figure}: published ({published[0].source}), but no convention known here gives it; {at_size}"
        return about(entry, "T002", Level.WARNING, figure, message, "say what it counts")
    if reading := _unknown(entry, network, figure, explanation, stated_px):
        return about(entry, "T002", Level.WARNING, figure, f"{figure}: {reading}; {at_size}", "say what it counts")
    return _contradicted_operations(entry, network, figure, size_px, at_size, explanation)


def doubled(fit: Reading) -> bool:
    """Whether it is twice the multiply-adds, which a column of multiply-adds may not hold."""
    return fit.counted == "torch" or fit.times == "twice"


def _is_here(fit: Reading, size_px: int) -> bool:
    """Whether a reading holds at the input that is meant; timm's wider input is never the stated one."""
    return fit.input_px[0] == fit.input_px[1] and (fit.input_px[0] == size_px or bool(fit.look_alike))


def _input(fit: Reading, size_px: int) -> tuple[int, int]:
    return fit.input_px if fit.look_alike else (size_px, size_px)


def _true_here(entry: ModelEntry, figure: StatedFigure, fit: Reading) -> Problem:
    precision = "exactly" if fit.rounding == "exact" else "to the printed digits"
    odd = fit.times == "half" or fit.one_channel or not fit.of_the_same_name
    message = f"{figure}: true {precision} under {_named(fit)}, {fit.value:,} at {units.pixels(fit.input_px)}"
    if not odd:
        return about(entry, "T002", Level.NOTE, figure, message)
    return about(entry, "T002", Level.WARNING, figure, message.replace("true", "true only", 1), "say what it counts")


def _level_elsewhere(entry: ModelEntry, fit: Reading) -> Level:
    if fit.direct:
        return Level.NOTE if fit.counted in entry.conventions else Level.WARNING
    return Level.FALSE if is_known_checkpoint(entry) else Level.WARNING


def _unknown(
    entry: ModelEntry, network: Variant, figure: StatedFigure, explanation: Explanation, stated_px: int | None
) -> str:
    """Say what else the author may have meant; empty when every reading is contradicted."""
    sides = (USUAL_PX,) if is_known_checkpoint(entry) else _SIDES_PX
    elsewhere = None if stated_px and len(sides) == 1 else _elsewhere(network, figure, sides)
    if elsewhere and not (figure.quantity == "macs" and doubled(elsewhere)):
        return f"true only at {units.pixels(elsewhere.input_px)} under {_named(elsewhere)}, {elsewhere.value:,}"
    if is_known_checkpoint(entry):
        return ""
    if explanation.fits:  # twice as many as a column of multiply-adds may hold
        return f"fits {_named(explanation.fits[0])}, {explanation.fits[0].value:,}, so two per multiply-add, not MACs"
    near = explanation.nearest[0] if explanation.nearest else None
    if (
        not stated_px
        and countable(network, USUAL_PX)
        and network.input_px != USUAL_PX
        and (near is None or abs(near.off) > NEAR)
    ):
        counts = [count_at(network, (USUAL_PX, USUAL_PX))]
        readings = explain.explain(network, figures_of(figure), counts)
        near = next(iter([*readings.nearest, *readings.fits]), near)
    if near and abs(near.off) < doubtful_share(entry, network):
        where = f"{near.value:,} at {units.pixels(near.input_px)}"
        return f"no known count; {distance(near.off)} {_named(near)}, {where}"
    return ""


def _elsewhere(network: Variant, figure: StatedFigure, sides: Collection[int]) -> Reading | None:
    """Return what gives the figure at an input of one of `sides`; None when nothing does.

    Counts are scaled by the number of pixels first, so that torch is needed only where a size is likely.
    """
    home = counted(network.name)
    figures = figures_of(figure)
    for side in sides:
        scale = (side / home.input_px[0]) ** 2
        values = [operations(home.terms, name) * scale * times for name in NAMES for times in (1, 2)]
        likely = any(abs(float(reading.value) / value - 1) < SCALED_OFF for reading in figures for value in values)
        if likely and countable(network, side):
            readings = explain.explain(network, figures, [count_at(network, (side, side))]).fits
            if fits := [fit for fit in readings if not fit.look_alike and not fit.head and not fit.one_channel]:
                return fits[0]
    return None


def _contradicted_operations(
    entry: ModelEntry, network: Variant, figure: StatedFigure, size_px: int, at_size: str, explanation: Explanation
) -> Problem:
    twice = " (that is two per multiply-add)" if figure.quantity == "macs" and explanation.fits else ""
    near = explanation.nearest[0] if explanation.nearest else None
    closest = f"; the nearest count is {near.value:,} ({_named(near)})" if near and abs(near.off) < 0.2 else ""
    tried = f"tried {len(NAMES)} conventions, doubled and halved, at {_sides(network, size_px)}"
    unit = _other_unit(entry, network, figure)
    message = f"{figure}: false{twice}, {at_size}{unit or closest}; {tried}"
    usual = _usual(entry)
    right = figure.written(operations_at(network, size_px, usual))
    edit = Edit(old=figure.text, new=right) if usual != AT_SIZE and is_known_checkpoint(entry) else None
    return about(entry, "T002", Level.FALSE, figure, message, right, edit)


def _sides(network: Variant, size_px: int) -> str:
    sides = dict.fromkeys([size_px, *(size[0] for size in sizes(network))])
    return f"{', '.join(map(str, sides))} and other usual sizes"


def _usual(entry: ModelEntry) -> str:
    """Return the convention in which this kind of card counts."""
    weights = entry.weights
    if entry.path.stem == "metafile" or (weights and weights.source == "mmpretrain"):
        return "mmcv"
    return "timm-card" if entry.style == "index" else AT_SIZE


def _other_unit(entry: ModelEntry, network: Variant, figure: StatedFigure) -> str:
    """Say which unit would make the figure true, if one does."""
    if figure.number is None or not 0 < figure.number < 10**5:
        return ""
    for unit, word in _UNITS.items():
        if unit != figure.unit:
            fits = explained(entry, network, replace(figure, unit=unit, is_count=False)).fits
            if any(fit.direct for fit in fits):
                return f"; true in {word} ({unit})"
    return ""


def _named(reading: Reading) -> str:
    name = {"timm-card": "the timm-card convention", "mmcv": "mmcv without head"}.get(reading.counted, reading.counted)
    return replace(reading, counted=name).meaning
