"""A network drawn in the terminal, and as an SVG file."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
from rich.table import Table

from resbench import units
from resbench.bench.costs import Shown
from resbench.cards import drawing
from resbench.cards.shapes import Stage
from resbench.counting.stages import Part, Shape, StageOutline
from resbench.errors import ResbenchError
from resbench.judging.stages import TimeShare, clock_of_stages, stage_shares
from resbench.records.files import write_text
from resbench.report import terminal
from resbench.report.stages import CLOCKS, source

_BAR = 20  # characters of a stage with all multiply-adds
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def show_network(shown: Shown, *, as_json: bool) -> None:
    """Print the stages of a network and their blocks to stdout, with what they cost."""
    if as_json:
        terminal.print_json(_plain(shown))
        return
    console = terminal.results_console()
    params, macs = (units.integer(sum(of)) for of in zip(*map(_costs, shown.stages), strict=True))
    size = units.pixels(shown.input_px)
    console.print(
        terminal.titled(shown.network.name, f": {params} parameters, {macs} multiply-adds of an image of {size} px")
    )
    console.print(_table(shown))
    if shown.timed:
        console.print(source(*shown.timed))


def write_drawing(shown: Shown, output: Path) -> None:
    """Write the drawing of a network to an SVG file. Raises ResbenchError for a file of another kind."""
    if output.suffix.lower() != ".svg":
        raise ResbenchError(f"{output}: the drawing is an SVG file; give a name that ends in .svg")
    write_text(output, drawing.network(shown.network, shown.input_px, _drawn(shown.stages), _notes(shown)).svg)
    terminal.advice().print(f"wrote {output}", soft_wrap=True)


def _table(shown: Shown) -> Table:
    timed = [f"{CLOCKS[clock]} at batch {batch_size}" for clock, batch_size, _ in _times(shown)]
    costs, spent = terminal.figure_columns("parameters", "MACs"), terminal.figure_columns(*timed)
    table = Table("", "", "out", *costs, "share of MACs", *spent, box=None)
    height, width = shown.input_px
    table.add_row("image", "", _shape((3, height, width)))
    whole = sum(macs for _, macs in map(_costs, shown.stages)) or 1
    for stage in shown.stages:
        params, macs = _costs(stage)
        spans = [
            f"{units.seconds(share.time_s)} {units.percent(share.share, 1):>7}"
            for _, _, shares in _times(shown)
            if (share := shares.get(stage.name))
        ]
        cells = (units.integer(params), units.si(macs), _bar(macs / whole))
        table.add_row(stage.name, "", _shape(stage.shape), *cells, *spans)
        for row in _parts(stage):
            table.add_row("", *row)
    return table


def _parts(stage: StageOutline) -> Iterator[tuple[str, str, str, str]]:
    """Yield a row for each part of a stage, equal ones in a row as one; none for a stage of a single layer."""
    groups = [list(group) for _, group in groupby(stage.parts, key=_alike)]
    for index, group in enumerate(groups if len(stage.parts) > 1 else ()):
        first, last = group[0], group[-1]
        branch = "└" if index == len(groups) - 1 else "├"
        number = "" if len(group) == 1 else f" to {last.name.rpartition('.')[2]}, each"
        name = first.name.removeprefix(f"{stage.name}.")
        params, macs = first.counts.params, first.counts.terms.macs
        yield f"{branch} {name}{number} {first.kind}", _shape(first.shape), units.integer(params), units.si(macs)


def _alike(part: Part) -> tuple[Any, ...]:
    return part.kind, part.shape, part.counts.params, part.counts.terms.macs


def _times(shown: Shown) -> list[tuple[Any, int, dict[str, TimeShare]]]:
    """Return (clock, batch size, shares by stage) for each batch size of the record."""
    if shown.timed is None:
        return []
    record = shown.timed[1]
    clock = clock_of_stages(record)
    return [
        (clock, times.batch_size, {share.name: share for share in stage_shares(times, clock)})
        for times in record.stages
    ]


def _drawn(stages: Sequence[StageOutline]) -> list[Stage]:
    """Return the boxes of the drawing: stages of blocks that put out feature maps."""
    return [
        Stage(
            name=stage.name,
            blocks=len(stage.parts),
            channels=stage.shape[0],
            side_px=stage.shape[1],
            width_px=stage.shape[2],
        )
        for stage in stages
        if _is_drawn(stage) and stage.shape
    ]


def _is_drawn(stage: StageOutline) -> bool:
    named = len(stage.parts) > 1 and stage.parts[0].name.startswith(f"{stage.name}.")
    return named and stage.shape is not None and len(stage.shape) == 3


def _notes(shown: Shown) -> list[list[str]]:
    """Return the lines under the boxes: of the stem (all before the first stage), of each stage, of all behind it."""
    boxes: list[list[StageOutline]] = [[]]
    for stage in shown.stages:
        if _is_drawn(stage):
            boxes.append([])
        boxes[-1].append(stage)  # what lies between two stages belongs to the one before it
    drawn = len(boxes) > 1
    boxes[-1:] = [boxes[-1][:1], boxes[-1][1:]] if drawn else [boxes[-1], []]
    return [_lines(box, shown) for box in boxes]


def _lines(stages: Sequence[StageOutline], shown: Shown) -> list[str]:
    params, macs = (sum(of) for of in zip(*map(_costs, stages), strict=True)) if stages else (0, 0)
    lines = [f"{units.si(params)} params", f"{units.si(macs)} MACs"]
    for clock, batch_size, shares in _times(shown):
        spans = [share.time_s for stage in stages if (share := shares.get(stage.name))]
        lines.append(f"{units.seconds(sum(spans))} {'CPU ' if clock == 'cpu_ns' else ''}at b{batch_size}")
    return lines


def _costs(stage: StageOutline) -> tuple[int, int]:
    return stage.counts.params, stage.counts.terms.macs


def _shape(shape: Shape | None) -> str:
    return " x ".join(map(str, shape)) if shape else "-"


def _bar(share: float) -> str:
    """Return a bar of the terminal, in eighths of a character, and the per cent."""
    eighths = round(share * _BAR * 8)
    bar = "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
    return f"{bar:<{_BAR}} {units.percent(share, 1):>7}"


def _plain(shown: Shown) -> dict[str, Any]:
    times = [(batch_size, shares) for _, batch_size, shares in _times(shown)]
    stages = []
    for stage in shown.stages:
        spans = {str(batch_size): shares[stage.name].time_s for batch_size, shares in times if stage.name in shares}
        stages.append({**msgspec.to_builtins(stage), **({"time_s": spans} if times else {})})
    record = shown.timed[0] if shown.timed else None
    return {"network": shown.network.name, "input_px": shown.input_px, "record": record, "stages": stages}
