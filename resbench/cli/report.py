"""`resbench report`."""

from pathlib import Path
from typing import Annotated

import typer

from resbench.cli import options


def report_(
    records: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A folder of records, a pool, or one record.")
    ] = Path("results"),
    output: Annotated[Path, options.shown("--output", "-o", metavar="FILE", help="The file to write.")] = Path(
        "report.html"
    ),
    title: Annotated[
        str | None, options.shown(metavar="TEXT", help="The heading of the page. [default: the folder's name]")
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(
            metavar="CONDITION",
            help="Only records that meet a condition such as 'latency_ms<20 and top1>78' (see `results --help`).",
        ),
    ] = None,
    machine: options.OnMachine = None,
    quiet: options.Quiet = False,
) -> None:
    """Write all records as one HTML page with plots.

    The page has a table and the raw samples of every record too. It needs no network and no server: open the file in a
    browser, or send it to somebody.

    \b
    Examples:
      resbench report
      resbench report results -o report.html --title "Backbones on our servers"
      resbench report --machine here --where "top1 > 78"
    """
    from resbench.report.choosing import RowChoice
    from resbench.report.page.writing import write_report

    choice = RowChoice(where=where, machine=machine) if where is not None or machine else None
    write_report(records, output, title=title, choice=choice, quiet=quiet)
