"""A network in every runtime, as a table."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rich.table import Table

from resbench import units
from resbench.judging.stats import Interval
from resbench.report import terminal
from resbench.words.measured import rate_words, ratio_words, time
from resbench.words.observed import device, noise, run_by, settings
from resbench.words.quantities import accuracy_words

if TYPE_CHECKING:
    from resbench.bench.ladder import Ladder, Rung


def show_ladder(stages: "Iterable[Ladder]", *, as_json: bool) -> None:
    """Print the ladder when it is complete, or as far as it has come at Ctrl-C."""
    grown: Ladder | None = None
    try:
        for stage in stages:
            grown = stage
    finally:
        if grown and as_json:
            terminal.print_json(grown)
        elif grown:
            _print(grown)


def _print(ladder: "Ladder") -> None:
    console = terminal.results_console()
    console.print(terminal.titled(ladder.network, f" on {device(ladder.environment)}"))
    base = ladder.rungs[0].settings
    console.print(f"{settings(base) if base else ''}; {ladder.weights or 'fresh weights'}")
    evaluated = any(rung.evaluation for rung in ladder.rungs)
    speeds = [title for size in ladder.batch_sizes for title in (f"time at batch {size}", "images/s", "times eager")]
    out = Table("runtime", "file", *speeds, *(["top-1", "top-5"] if evaluated else []))
    for rung in ladder.rungs:
        if not rung.why:
            out.add_row(*_cells(rung, ladder.batch_sizes, evaluated=evaluated))
    console.print(out)
    for rung in ladder.rungs:
        if line := rung.why or run_by(rung.engine, rung.exported):
            console.print(f"{rung.runtime}: {line.removeprefix(f'runtime {rung.runtime}: ')}")
    console.print(noise(ladder.environment))


def _cells(rung: "Rung", sizes: Iterable[int], *, evaluated: bool) -> Iterator[str]:
    yield rung.runtime
    yield units.size(rung.exported.file_bytes) if rung.exported else "-"
    times = {timed.batch_size: timed for timed in rung.times}
    for size in sizes:
        timed = times.get(size)
        yield time(timed.call_s) if timed else "-"
        yield rate_words(timed.call_s.inverted(size)) if timed else "-"
        yield _factor(timed.speedup) if timed else "-"
    if evaluated:
        own = rung.evaluation
        yield f"{accuracy_words(own.top1_right, own.images)}, {own.top1_right} right" if own else "-"
        yield f"{own.top5_right} right of {own.images}" if own else "-"


def _factor(speedup: Interval | None) -> str:
    return ratio_words(speedup) if speedup else "1"
