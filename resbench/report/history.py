"""What became of figures over many runs."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.table import Column, Table

from resbench.judging.history import ChangePoint, Measure, Trace
from resbench.records.files import write_text
from resbench.report import terminal
from resbench.words import findings as wording
from resbench.words.observed import noise_words

_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 40  # runs in a trend; the newest are shown


def show_history(traces: Iterable[Trace], *, as_json: bool) -> None:
    """Print one row per figure to stdout: its trend, and where it changed for good."""
    if as_json:
        terminal.print_json_list(map(_as_dict, traces))
        return
    record, trend = (Column(name, overflow="fold") for name in ("record", "trend"))
    table = Table(record, "metric", "runs", trend, "first", "latest", "changes")
    unmarked = False
    for trace in traces:
        unmarked = unmarked or trace.changes is None
        first, latest = (_figure(trace.measures[i]) for i in (0, -1))
        table.add_row(
            trace.record,
            trace.metric,
            _runs(trace.measures),
            _trend([measure.value for measure in trace.measures]),
            first,
            latest,
            "; ".join(_change_point(trace, change) for change in trace.changes or ()),
        )
    terminal.results_console().print(table)
    if unmarked:
        terminal.advice().print("changes in timings and memory are not marked; run `pip install ruptures` to mark them")


def export(text: str, output: Path | None) -> None:
    """Write an export to `output`; to stdout where none is given."""
    print(text, end="") if output is None else write_text(output, text)


def _as_dict(trace: Trace) -> dict[str, Any]:
    runs = [
        {"started": run.started, "git_revision": run.git_revision, **msgspec.to_builtins(measure)}
        for run, measure in zip(trace.runs, trace.measures, strict=True)
    ]
    names = {"record": trace.record, "network": trace.network, "metric": trace.metric}
    return {**names, "runs": runs, "changes": trace.changes}


def _figure(measure: Measure) -> str:
    return wording.quantity(measure.value, measure.unit) + noise_words(measure.noise)


def _runs(measures: Sequence[Measure]) -> str:
    overloaded = sum(bool(noise_words(measure.noise)) for measure in measures)
    return f"{len(measures)} ({overloaded} on an overloaded machine)" if overloaded else str(len(measures))


def _trend(values: Sequence[float]) -> str:
    shown = values[-_WIDTH:]
    low, high = min(shown), max(shown)
    if low == high:
        return _BARS[3] * len(shown)
    return "".join(_BARS[round((value - low) / (high - low) * (len(_BARS) - 1))] for value in shown)


def _change_point(trace: Trace, change: ChangePoint) -> str:
    run = trace.runs[change.index]
    at = f"{run.started[:10]}{f' ({run.git_revision[:9]})' if run.git_revision else ''}"
    by = "from 0" if change.ratio is None else f"{change.ratio - 1:+.2%}"
    return f"{at} {by}{f', {change.why}' if change.why else ''}"
