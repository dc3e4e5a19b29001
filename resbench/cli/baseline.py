"""`resbench baseline`."""

from pathlib import Path
from typing import Annotated

import typer

from resbench.cli import options

baseline_ = typer.Typer(
    no_args_is_help=True,
    help="""Keep a pool of runs, the baseline of `resbench check`.

    A pool is a folder to which runs are only added; any number of jobs may do so at once. Five runs of the same
    machine and settings are needed to see changes below 25 %; the newest 30 are used.

    \b
    Examples:
      resbench baseline save results --pool pool
      resbench check fresh --against pool
    """,
)
Pool = Annotated[Path, typer.Option(metavar="DIR", help="The folder of the pool.")]


@baseline_.command("save")
def save_(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="A record, or a folder of records.")] = Path(
        "results"
    ),
    pool: Pool = Path("baseline"),
) -> None:
    """Add records to the pool.

    Records that the pool already has are not changed.

    \b
    Examples:
      resbench baseline save fresh --pool pool
    """
    from resbench.records.pool import add_all
    from resbench.report import baseline as report

    report.print_count(add_all(source, pool), "added", pool)


@baseline_.command("list")
def baseline_list(
    pool: Pool = Path("baseline"),
    as_json: options.AsJson = False,
) -> None:
    """List what the pool holds.

    \b
    Examples:
      resbench baseline list --pool pool
    """
    from resbench.records.pool import shelves
    from resbench.report import baseline as report

    report.show_baseline(list(shelves(pool)), as_json=as_json)


@baseline_.command("prune")
def prune_(
    pool: Pool = Path("baseline"),
    keep: Annotated[
        int, typer.Option(min=1, metavar="N", help="How many of the newest runs of each record to keep.")
    ] = 30,
) -> None:
    """Delete old runs from the pool.

    \b
    Examples:
      resbench baseline prune --pool pool --keep 30
    """
    from resbench.records.pool import prune
    from resbench.report import baseline as report

    report.print_count(prune(pool, keep), "deleted", pool)


@baseline_.command("merge")
def merge_(
    sources: Annotated[list[Path], typer.Argument(metavar="SOURCE", help="Other pools, or folders of records.")],
    pool: Pool = Path("baseline"),
) -> None:
    """Add the runs of other pools to this one.

    For example the pools of the jobs of a CI matrix.

    \b
    Examples:
      resbench baseline merge artifacts/linux artifacts/macos --pool pool
    """
    from resbench.records.pool import add_all
    from resbench.report import baseline as report

    report.print_count(sum(add_all(source, pool) for source in sources), "added", pool)
