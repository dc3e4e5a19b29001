"""`resbench stats`."""

from pathlib import Path
from typing import Annotated

import typer

from resbench.cli import options


def stats_(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="Records that `resbench profile --save` wrote, or folders.")
    ],
    as_json: options.AsJson = False,
) -> None:
    """Recompute the figures of profiles from their raw samples.

    \b
    Examples:
      resbench stats results
      resbench stats results/*/resnet50/*.json --json
    """
    from resbench.records.store import read_folder
    from resbench.report import stats as report

    report.show_stats({path: read_folder(path) for path in files}, as_json=as_json)
