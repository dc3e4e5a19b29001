"""What a published figure counts."""

from collections.abc import Iterator
from dataclasses import replace

import msgspec
from rich.table import Table

from resbench import units
from resbench.counting.conventions import NAMES, convention
from resbench.counting.explain import Explanation
from resbench.counting.reading import Reading
from resbench.report import terminal
from resbench.zoo.spec import Claim, Weights

_HOW = {
    "exact": "exactly",
    "rounded": "rounded",
    "truncated": "cut",
    "single": "as a float32",
    "float": "hundredths of a million, scaled in floating point",
}
_METRICS = {"params": "parameters", "flops": "operations", "file_size": "file size", "top1": "top-1", "top5": "top-5"}
_SHOWN = 8


def show_explanation(network: str, figure: str, explanation: Explanation, *, as_json: bool) -> None:
    """Print the readings of `figure`, who published it, and the known errors, to stdout."""
    if as_json:
        terminal.print_json(_plain(network, figure, explanation))
        return
    console = terminal.results_console()
    for line in _verdict(network, figure, explanation):
        console.print(line)
    rows = explanation.fits or (() if explanation.explained else explanation.nearest)
    if rows:
        console.print(_table(rows))
    for line in _sources(explanation):
        console.print(line)


def _verdict(network: str, figure: str, explanation: Explanation) -> Iterator[str]:
    if explanation.errors:
        yield from (f"{network}: {figure} is a known error: {reason}" for reason in explanation.errors)
    elif explanation.fits:
        yield f"{network}: {figure} {_likeliest(explanation.fits[0])}"
        if len(explanation.fits) > 1:
            others = len(explanation.fits) - 1
            yield f"{others} more readings give the same digits; the figure alone does not show which one is meant"
    elif explanation.explained:
        yield f"{network}: {figure} was published; it is not something that can be counted"
    elif not explanation.nearest:
        yield f"{network}: {figure} was published for none of its checkpoints in the table"
    else:
        yield f"{network}: {figure} matches no count of this network in any known convention; the nearest are"


def _likeliest(reading: Reading) -> str:
    """Say what a figure is, or could be where its digits leave other counts open."""
    verb = "is" if reading.rounding == "exact" else "could be"
    size = "" if reading.metric == "params" else f" at {units.pixels(reading.input_px)}"
    how = "exactly" if reading.rounding == "exact" else f"{_HOW[reading.rounding or 'rounded']} from {reading.value:,}"
    return f"{verb} {_name(reading)}{size}, {how}"


def _table(rows: tuple[Reading, ...]) -> Table:
    table = Table("count", "input", *terminal.figure_columns("value", "gives the figure"), "what it counts")
    for row in rows[:_SHOWN]:
        meaning = convention(row.counted).meaning if row.counted in NAMES else ""
        how = _HOW[row.rounding] if row.rounding else f"{100 * row.off:+.2f} %"
        table.add_row(row.meaning, units.pixels(row.input_px), units.integer(row.value), how, meaning)
    return table


def _sources(explanation: Explanation) -> Iterator[str]:
    sources: dict[tuple[str, str], list[str]] = {}
    for weights, claim in explanation.claims:
        sources.setdefault((_metric(claim), claim.source), []).append(weights.name)
    for (metric, source), names in sources.items():
        yield f"published as {metric} of {', '.join(names)}: {source}"


def _name(reading: Reading) -> str:
    prefix = "the" if reading.metric == "params" else "the operations by"
    return replace(reading, counted=f"{prefix} {reading.counted}").meaning


def _metric(claim: Claim) -> str:
    return f"operations by {claim.convention}" if claim.convention else _METRICS[claim.metric]


def _plain(network: str, figure: str, explanation: Explanation) -> dict[str, object]:
    return {
        "network": network,
        "figure": figure,
        "explained": explanation.explained,
        "errors": explanation.errors,
        "fits": explanation.fits,
        "nearest": explanation.nearest,
        "claims": [_published(weights, claim) for weights, claim in explanation.claims],
    }


def _published(weights: Weights, claim: Claim) -> dict[str, object]:
    return {"weights": weights.name, **msgspec.to_builtins(claim)}
