"""The counts on a card against the architecture: parameters and operations, in every convention and rounding."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache

from resbench import units
from resbench.counting import explain
from resbench.counting.conventions import convention, operations
from resbench.counting.counted import counted, sizes
from resbench.counting.figures import parameters
from resbench.errors import ResbenchError
from resbench.lint.entry import ModelEntry
from resbench.lint.figure import SCALES, StatedFigure
from resbench.lint.places import about
from resbench.lint.problem import Edit, Level, Problem
from resbench.records.record import Counts
from resbench.zoo.spec import Variant

AT_SIZE = "fvcore"  # the convention that timm and MMPretrain use today


def counts(entry: ModelEntry) -> Iterator[Problem]:
    """Yield what is to be said about the counts of one entry, true and false."""
    counted_here = [said for quantity in ("params", "flops", "macs") if (said := entry.figure(quantity))]
    if counted_here and entry.network is None:
        yield about(entry, "F011", Level.NOTE, None, "no network of resbench's table; figures not checked")
        return
    for said in counted_here:
        if said.number is None or said.unit_is_foreign or entry.network is None:
            code = "T001" if said.quantity == "params" else "T002"
            yield about(entry, code, Level.FALSE, said, f"{said.text!r} is not a figure", "give a number")
            continue
        if not said.unit and not said.is_count and said.number < 10**5:
            message = f"{said}: no unit; millions or thousand millions?"
            yield about(entry, "T003", Level.WARNING, said, message, "name the unit in the column's header")
        yield (_params if said.quantity == "params" else _operations)(entry, entry.network, said)


def _params(entry: ModelEntry, network: Variant, said: StatedFigure) -> Problem:
    exact = counted(network.name).params
    explanation = _explain(entry, network, said)
    fits = sorted(explanation.fits, key=lambda fit: fit.counted != "parameters")
    best = next((fit for fit in fits if fit.metric == "params"), None)
    if best and best.counted == "parameters":
        how = {"exact": "exact", "rounded": f"rounded from {exact:,}", "truncated": f"cut from {exact:,}"}
        words = how.get(best.rounding or "", f"{exact:,} in hundredths of a million, as timm's table rounds")
        return about(entry, "T001", Level.NOTE, said, f"{said}: true, {words}")
    if best:
        message = f"{said}: only {best.counted} give that ({best.value:,}); all are {exact:,}"
        return about(entry, "T001", Level.WARNING, said, message, f"{exact:,}")
    reason = f"; {explanation.errors[0]}" if explanation.errors else ""
    message = f"{said}: false, {network.name} has {exact:,}{reason}"
    right = _printed_like(said, parameters(exact) if said.digits.endswith("0000") else exact)
    return about(entry, "T001", Level.FALSE, said, message, right, Edit(old=said.text, new=right))


def _operations(entry: ModelEntry, network: Variant, said: StatedFigure) -> Problem:
    explanation = _explain(entry, network, said)
    size_px = entry.image_px or (entry.weights.preprocess.crop_px if entry.weights else network.input_px)
    stated = (size_px, size_px)
    fits = [fit for fit in explanation.fits if fit.metric == "flops"]
    if said.quantity == "macs":  # a column that promises multiply-adds may not hold twice as many operations
        fits = [fit for fit in fits if fit.counted != "torch"]
    here = next((fit for fit in fits if fit.input_px == stated), None)
    if here:
        precision = "exactly" if here.rounding == "exact" else "to the printed digits"
        message = f"{said}: true {precision} under {_named(here.counted)}, {here.value:,}"
        return about(entry, "T002", Level.NOTE, said, f"{message} at {units.pixels(stated)}")
    at_size = f"at the stated {size_px}: {_at(network, stated):,} ({AT_SIZE})"
    if fits:
        size = units.pixels(fits[0].input_px)
        message = f"{said}: true at {size} under {_named(fits[0].counted)}; {at_size}"
        level = Level.NOTE if fits[0].counted in entry.conventions else Level.WARNING
        return about(entry, "T002", level, said, message, "say at which input it holds")
    if published := [claim for _, claim in explanation.claims if claim.metric == "flops" and not claim.error]:
        message = f"{said}: as published ({published[0].source}), but no convention known here gives it; {at_size}"
        return about(entry, "T002", Level.WARNING, said, message, "say what it counts")
    doubled = " (that is two per multiply-add)" if said.quantity == "macs" and explanation.fits else ""
    unit = _other_unit(entry, network, said)
    near = explanation.nearest[0] if explanation.nearest else None
    closest = f"; the nearest count is {near.value:,} ({_named(near.counted)})" if near and abs(near.off) < 0.2 else ""
    message = f"{said}: false{doubled}, {at_size}{unit or closest}"
    usual = _usual(entry)
    right = _printed_like(said, _at(network, stated, usual))
    edit = Edit(old=said.text, new=right) if usual != AT_SIZE else None  # else its convention is a guess
    return about(entry, "T002", Level.FALSE, said, message, right, edit)


def _explain(entry: ModelEntry, network: Variant, said: StatedFigure) -> explain.Explanation:
    word = "params" if said.quantity == "params" else "flops"
    try:
        figures = explain.parse(f"{said.digits}{said.unit} {word}")
    except ResbenchError:  # -1, 1e9: a number, but no count
        figures = ()
    if said.is_count:  # 4.27 in a field of counts is four operations, not thousand millions
        figures = tuple(_counted(figure) for figure in figures if figure.value == said.number)
    return explain.explain(network, figures, _counts(network, entry))


def _counted(figure: explain.Figure) -> explain.Figure:
    """Take three digits of a count as printed, 30000000 is not 27,559,896 rounded; fewer where the format has fewer.

    timm and MMPretrain print hundredths of a million parameters and of a thousand million operations.
    """
    coarsest = max(10 ** max(0, len(str(int(figure.value))) - 3), 10**4 if figure.metric == "params" else 10**7)
    return replace(figure, quantum=min(figure.quantum, Fraction(coarsest)))


def _counts(network: Variant, entry: ModelEntry) -> list[Counts]:
    """Return the counts at the sizes that the figure may hold at."""
    wanted = sizes(network)
    if entry.image_px:
        wanted += [convention(name).input_rule(entry.image_px) for name in (AT_SIZE, "timm-card")]
    return [_count(network, size) for size in dict.fromkeys(wanted)]


@cache
def _count(network: Variant, size: tuple[int, int]) -> Counts:
    """Return the counts at `size`; torch is needed for one that was not counted beforehand."""
    if size in sizes(network):
        height, width = size
        return counted(network.name, "macs" if height == width else "timm-card", height)
    from resbench.counting.tally import count
    from resbench.nets.build import build

    return count(build(network, device="meta"), size)


def _at(network: Variant, stated: tuple[int, int], name: str = AT_SIZE) -> int:
    return operations(_count(network, convention(name).input_rule(stated[0])).terms, name)


def _usual(entry: ModelEntry) -> str:
    """Return the convention in which this kind of card counts."""
    weights = entry.weights
    if entry.path.stem == "metafile" or (weights and weights.source == "mmpretrain"):
        return "mmcv"
    return "timm-card" if entry.style == "index" else AT_SIZE


def _other_unit(entry: ModelEntry, network: Variant, said: StatedFigure) -> str:
    """Say which unit would make the figure true, if one does."""
    names = {"K": "thousands", "M": "millions", "G": "thousand millions", "T": "million millions"}
    plain = said.digits.replace(".", "").isdecimal()  # no sign, no exponent
    for unit, word in names.items() if plain and said.number and said.number < 10**5 else ():
        figures = explain.parse(f"{said.digits}{unit} flops")
        if unit != said.unit and explain.explain(network, figures, _counts(network, entry)).fits:
            return f"; true in {word} ({unit})"
    return ""


def _printed_like(said: StatedFigure, count: int) -> str:
    """Return the true figure with the digits and in the unit of the false one."""
    return f"{count / SCALES[said.unit]:.{max(2, len(said.digits.partition('.')[2]))}f}" if said.unit else str(count)


def _named(name: str) -> str:
    return {"timm-card": "the timm-card convention", "mmcv": "mmcv without head"}.get(name, name)
