"""The counts on a card against the architecture: parameters and operations, in every convention and rounding.

A figure is false only where no reading gives it: no convention, input, head, rounding, doubling, or look-alike.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

from resbench import units
from resbench.counting import explain
from resbench.counting.conventions import NAMES, convention, operations
from resbench.counting.counted import counted, sizes
from resbench.counting.explain import Explanation
from resbench.counting.figures import parameters
from resbench.counting.reading import Reading
from resbench.lint import guests
from resbench.lint.certain import is_known_checkpoint, is_plain_network, stated_classes
from resbench.lint.entry import ModelEntry
from resbench.lint.figure import COUNTS, StatedFigure
from resbench.lint.places import about
from resbench.lint.problem import Edit, Level, Problem
from resbench.lint.readings import figures_of
from resbench.lint.sizes import AT_SIZE, count_at, countable, operations_at, plain_count
from resbench.records.record import Counts
from resbench.zoo.spec import Variant

_NEAR = 0.10  # a figure this near to a count, its double or its half may be of a counter that is not known here
_NEAR_PARAMS = 0.10  # folded or counted norms, other shortcuts, whole millions
_FAR = 0.25  # parameters of a network that others also build: further off than this, they are none of its kind
# Sides that classifiers of the family are trained and tested at.
_SIDES_PX = (96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256, 288, 299, 320, 331, 352, 384, 416, 448, 480, 512)
_USUAL_PX = 224  # what most counters are run at, whatever the network was trained at
_SCREENED = 0.06  # how far a count that is scaled from another size may be off

_UNITS = {"K": "thousands", "M": "millions", "G": "billions", "T": "trillions"}


def counts(entry: ModelEntry, classes: Collection[int] = ()) -> Iterator[Problem]:
    """Yield what is to be said about the counts of one entry, true and false.

    `classes` are the numbers of classes that the card states elsewhere.
    """
    figures, network = [figure for figure in entry.figures if figure.quantity in COUNTS], entry.network
    if network is None:
        unknown = about(entry, "F011", Level.NOTE, None, "no network of resbench's table; figures not checked")
        yield from (list(guests.guest_parameters(entry)) or [unknown]) if figures else ()
        return
    for figure in (plain_count(stated, network) for stated in figures):
        code = "T001" if figure.quantity == "params" else "T002"
        if figure.number is None:
            yield about(entry, code, Level.FALSE, figure, f"{figure.text!r} is not a figure", "give a number")
        elif code == "T002" and not countable(network, _side(entry, network, figure)):
            message = f"{figure}: {network.name} is not counted at this input; figure not checked"
            yield about(entry, "F011", Level.NOTE, figure, message)
        elif figure.unit_is_foreign:
            yield _foreign_unit(entry, network, figure, code)
        else:
            if not figure.unit and not figure.is_count and figure.number < 10**5:
                message = f"{figure}: no unit; millions or billions?"
                yield about(entry, "T003", Level.WARNING, figure, message, "name the unit in the column's header")
            judge = _params if figure.quantity == "params" else _operations
            yield judge(entry, network, figure, _explain(entry, network, figure, classes))


def _params(entry: ModelEntry, network: Variant, figure: StatedFigure, explanation: Explanation) -> Problem:
    best = next((fit for fit in explanation.fits if fit.metric == "params"), None)
    exact = counted(network.name).params
    if best and best.direct and best.counted == "parameters":
        how = {"exact": "exact", "rounded": f"rounded from {exact:,}", "truncated": f"cut from {exact:,}"}
        words = how.get(best.rounding or "", f"{exact:,} in hundredths of a million, as timm's table rounds")
        return about(entry, "T001", Level.NOTE, figure, f"{figure}: true, {words}")
    if best and (level := _level_of_detour(entry, best)) is not Level.FALSE:
        verb = "true as" if level is Level.NOTE else "fits only"
        known = f"; {explanation.errors[0]}" if explanation.errors else ""
        message = f"{figure}: {_true_for(best, verb)}; {network.name} has {exact:,}{known}"
        return about(entry, "T001", level, figure, message, "say what is counted")
    return _contradicted_params(entry, network, figure, explanation)


def _true_for(reading: Reading, verb: str) -> str:
    """Say which count it is: "true for 10 classes (23,528,522)"."""
    if verb == "true as" and reading.head and not reading.look_alike and not reading.one_channel:
        return f"true for {reading.head}, {reading.value:,}"
    return f"{verb} {reading.meaning}, {reading.value:,}"


def _level_of_detour(entry: ModelEntry, fit: Reading) -> Level:
    """Return how much it matters that a figure is no plain count of the network that the entry names."""
    if is_known_checkpoint(entry):  # its classes and channels are known
        likely = fit.counted != "parameters" or (fit.head is not None and fit.head.why == "known")
        return Level.WARNING if likely and not (fit.look_alike or fit.one_channel) else Level.FALSE
    if fit.counted != "parameters" or (fit.head is not None and not fit.head.certain):
        return Level.WARNING
    return Level.WARNING if not fit.of_the_same_name else Level.NOTE


def _contradicted_params(
    entry: ModelEntry, network: Variant, figure: StatedFigure, explanation: Explanation
) -> Problem:
    exact = counted(network.name).params
    known = f"; {explanation.errors[0]}" if explanation.errors else ""
    off = min((float(reading.value / exact - 1) for reading in figures_of(figure)), key=abs, default=-1.0)
    sure = bool(known) or is_known_checkpoint(entry)
    if not sure and abs(off) < (_NEAR_PARAMS if is_plain_network(entry, network) else _FAR):
        message = f"{figure}: does not fit resbench's {network.name}, which has {exact:,} ({_distance(off)})"
        return about(entry, "T001", Level.WARNING, figure, message, "say which network it is")
    right = parameters(exact) if figure.is_count and figure.digits.endswith("0000") else exact
    written = figure.written(right)
    reason = known or "; no other head, stem or rounding gives it"
    message = f"{figure}: false, {network.name} has {exact:,}{reason}"
    edit = Edit(old=figure.text, new=written) if sure or _is_below_the_trunk(network, figure) else None
    return about(entry, "T001", Level.FALSE, figure, message, written, edit)


def _is_below_the_trunk(network: Variant, figure: StatedFigure) -> bool:
    """Whether a count is too small for any head, so that the network's own is the only one that can be meant."""
    trunk = counted(network.name).params - counted(network.name).terms.fc - network.classes
    return all(reading.value < trunk * (1 - _NEAR_PARAMS) for reading in figures_of(figure))


def _operations(entry: ModelEntry, network: Variant, figure: StatedFigure, explanation: Explanation) -> Problem:
    stated_px = figure.image_px or entry.image_px
    size_px = _side(entry, network, figure)
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


def _side(entry: ModelEntry, network: Variant, figure: StatedFigure) -> int:
    """Return the size of the image that is meant: the stated one, else the checkpoint's or the network's."""
    own_px = entry.weights.preprocess.crop_px if entry.weights else network.input_px
    return figure.image_px or entry.image_px or own_px


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
    sides = (_USUAL_PX,) if is_known_checkpoint(entry) else _SIDES_PX
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
        and countable(network, _USUAL_PX)
        and network.input_px != _USUAL_PX
        and (near is None or abs(near.off) > _NEAR)
    ):
        counts = [count_at(network, (_USUAL_PX, _USUAL_PX))]
        readings = explain.explain(network, figures_of(figure), counts)
        near = next(iter([*readings.nearest, *readings.fits]), near)
    if near and abs(near.off) < (_NEAR if is_plain_network(entry, network) else _FAR):
        where = f"{near.value:,} at {units.pixels(near.input_px)}"
        return f"no known count; {_distance(near.off)} {_named(near)}, {where}"
    return ""


def _distance(off: float) -> str:
    return f"{100 * abs(off):.1f} % {'above' if off > 0 else 'below'}"


def _elsewhere(network: Variant, figure: StatedFigure, sides: Collection[int]) -> Reading | None:
    """Return what gives the figure at an input of one of `sides`; None when nothing does.

    Counts are scaled by the number of pixels first, so that torch is needed only where a size is likely.
    """
    home = counted(network.name)
    figures = figures_of(figure)
    for side in sides:
        scale = (side / home.input_px[0]) ** 2
        values = [operations(home.terms, name) * scale * times for name in NAMES for times in (1, 2)]
        likely = any(abs(float(reading.value) / value - 1) < _SCREENED for reading in figures for value in values)
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


def _foreign_unit(entry: ModelEntry, network: Variant, figure: StatedFigure, code: str) -> Problem:
    """Judge megabytes of parameters, which are the size of a file."""
    params = counted(network.name).params
    bytes_each = {4: "32", 2: "16", 1: "8"}
    size = (figure.number or 0) * {"KB": 10**3, "MB": 10**6, "GB": 10**9}.get(figure.unit.replace("IB", "B"), 0)
    message = f"{figure} {figure.unit}: a unit of files, not of {'parameters' if code == 'T001' else 'operations'}"
    for width, bits in bytes_each.items():
        if size and abs(float(size / (params * width)) - 1) < 0.06:
            message = f"{message}; {params:,} parameters of {bits} bits take about that"
            return about(entry, code, Level.WARNING, figure, message, "call it the size of the file")
    if code == "T001":
        message = f"{message}; {network.name} has {params:,} parameters, {params * 4 / 1e6:.1f} MB of 32 bits"
        return about(entry, code, Level.FALSE, figure, message, f"{params / 1e6:.2f}M")
    return about(entry, code, Level.WARNING, figure, message, "give the unit of a count")


def _explain(entry: ModelEntry, network: Variant, figure: StatedFigure, classes: Collection[int] = ()) -> Explanation:
    stated = (*stated_classes(entry), *classes)
    return explain.explain(network, figures_of(figure), _counts(network, entry, figure), stated)


def _counts(network: Variant, entry: ModelEntry, figure: StatedFigure) -> list[Counts]:
    """Return the counts at the sizes that the figure may hold at, the stated one first."""
    stated = figure.image_px or entry.image_px if figure.quantity != "params" else None
    wanted = [convention(name).input_rule(stated) for name in (AT_SIZE, "timm-card")] if stated else []
    asked = dict.fromkeys([*wanted, *sizes(network)])
    return [count_at(network, size) for size in asked if countable(network, size)]


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
            fits = _explain(entry, network, replace(figure, unit=unit, is_count=False)).fits
            if any(fit.direct for fit in fits):
                return f"; true in {word} ({unit})"
    return ""


def _named(reading: Reading) -> str:
    name = {"timm-card": "the timm-card convention", "mmcv": "mmcv without head"}.get(reading.counted, reading.counted)
    return replace(reading, counted=name).meaning
