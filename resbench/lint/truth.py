"""The counts on a card against the architecture: parameters and operations, in every convention and rounding.

A figure is false only where no reading gives it: no convention, input, head, rounding, doubling, or look-alike.
"""

from collections.abc import Collection, Iterator

from resbench.counting.counted import counted
from resbench.counting.explain import Explanation
from resbench.counting.figures import parameters
from resbench.counting.reading import Reading
from resbench.lint import guests
from resbench.lint.activations import judged_activations
from resbench.lint.certain import NEAR, doubtful_share, is_known_checkpoint
from resbench.lint.entry import ModelEntry
from resbench.lint.explained import distance, explained
from resbench.lint.figure import COUNTS, StatedFigure
from resbench.lint.operations import judged_operations
from resbench.lint.places import about
from resbench.lint.problem import Edit, Level, Problem
from resbench.lint.readings import figures_of, nearest_off
from resbench.lint.sizes import countable, plain_count, side_of, square_counts
from resbench.zoo.spec import Variant

_CODES = {"params": "T001", "flops": "T002", "macs": "T002", "activations": "T015"}


def counts(entry: ModelEntry, classes: Collection[int] = ()) -> Iterator[Problem]:
    """Yield what is to be said about the counts of one entry, true and false.

    `classes` are the numbers of classes that the card states elsewhere.
    """
    figures, network = [figure for figure in entry.figures if figure.quantity in COUNTS], entry.network
    if network is None:
        unknown = about(entry, "F011", Level.NOTE, None, "no network of resbench's table; figures not checked")
        yield from (list(guests.guest_counts(entry)) or [unknown]) if figures else ()
        return
    for figure in (plain_count(stated, network) for stated in figures):
        code = _CODES[figure.quantity]
        if figure.number is None:
            yield about(entry, code, Level.FALSE, figure, f"{figure.text!r} is not a figure", "give a number")
        elif code != "T001" and not countable(network, side_of(entry, network, figure)):
            message = f"{figure}: {network.name} is not counted at this input; figure not checked"
            yield about(entry, "F011", Level.NOTE, figure, message)
        elif figure.unit_is_foreign:
            yield _foreign_unit(entry, network, figure, code)
        else:
            if not figure.unit and not figure.is_count and figure.number < 10**5:
                message = f"{figure}: no unit; millions or billions?"
                yield about(entry, "T003", Level.WARNING, figure, message, "name the unit in the column's header")
            yield _judged(entry, network, figure, classes)


def _judged(entry: ModelEntry, network: Variant, figure: StatedFigure, classes: Collection[int]) -> Problem:
    if figure.quantity == "activations":
        return judged_activations(entry, figure, network.name, square_counts(entry, network, figure))
    judge = _params if figure.quantity == "params" else judged_operations
    return judge(entry, network, figure, explained(entry, network, figure, classes))


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
    off = nearest_off(figure, exact)
    sure = bool(known) or is_known_checkpoint(entry)
    if not sure and abs(off) < doubtful_share(entry, network):
        message = f"{figure}: does not fit resbench's {network.name}, which has {exact:,} ({distance(off)})"
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
    return all(reading.value < trunk * (1 - NEAR) for reading in figures_of(figure))


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
