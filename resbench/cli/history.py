"""`resbench history`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from resbench.cli import options


class HistoryFormat(StrEnum):
    """Formats of other tools."""

    TIMM_BENCHMARK = "timm-benchmark"
    TIMM_RESULTS = "timm-results"
    PYPERF = "pyperf"


def history_(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="A pool, or a folder of records under git.")] = Path(
        "results"
    ),
    revision: Annotated[str, typer.Option(metavar="REV", help="Where the history under git ends.")] = "HEAD",
    last: Annotated[
        int, typer.Option(min=1, metavar="N", help="How many of the newest runs of each record to read.")
    ] = 100,
    export: Annotated[
        HistoryFormat | None,
        options.shown(
            "--format", metavar="|".join(HistoryFormat), help="Write another tool's format instead of a table."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        options.shown("--output", "-o", metavar="FILE", help="The file that --format writes. [default: stdout]"),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Show every figure over its runs, and mark lasting changes.

    Any difference of a count or an accuracy is a change; for timings and memory it is a step that PELT finds and
    Welch's test confirms (this needs `pip install ruptures`). The formats timm-benchmark and timm-results hold the
    newest run of each record, pyperf holds all of them.

    \b
    Examples:
      resbench history pool
      resbench history results --revision main --json
      resbench history pool --format pyperf --output suite.json
    """
    from resbench.errors import ResbenchError
    from resbench.judging.history import traces
    from resbench.records.runs import read_history
    from resbench.report import history as report

    if (output and not export) or (as_json and export):
        raise ResbenchError("--output goes with --format, and --json without it; redirect --json to a file")
    runs = read_history(source, revision, last)
    if export:
        from resbench.report.exports import FORMATS

        report.export(FORMATS[export](runs), output)
    else:
        report.show_history(traces(runs), as_json=as_json)
