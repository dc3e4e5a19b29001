"""`resbench zoo`."""

from pathlib import Path
from typing import Annotated

import typer

from resbench.cli import options

zoo_ = typer.Typer(no_args_is_help=True, help="Your own networks and checkpoints, described in resbench.toml.")


@zoo_.command("check")
def zoo_check(
    write: Annotated[
        bool, typer.Option("--write", help="Bring the counts beside the zoo's file up to date, for list and lint.")
    ] = False,
    results: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of the validations to compare claims with.")
    ] = Path("results"),
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Verify all rows of resbench.toml.

    Checks that networks can be built, that stored counts are up to date, and that files and claims are right. This
    builds every network of the file, which runs the code that it names. Exit code: 0, or 1 when a row is wrong.

    \b
    Examples:
      resbench zoo check
      resbench zoo check --write
      resbench --zoo models/zoo.toml zoo check --json
    """
    from resbench.bench import rows
    from resbench.records.store import stored_records
    from resbench.report.progress import timing_progress
    from resbench.report.rows import show_row_checks

    with timing_progress(quiet=quiet) as on_progress:
        checks = rows.check_zoo(stored_records(results), write=write, on_progress=on_progress)
    raise typer.Exit(show_row_checks(checks, as_json=as_json))


@zoo_.command("new")
def zoo_new(
    place: Annotated[
        str,
        typer.Argument(
            metavar="PLACE", help="The place of the network: mine.py:build, package.module:Class, timm:NAME."
        ),
    ],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="The name of the network. [default: from its place]")
    ] = None,
) -> None:
    """Add a network to resbench.toml, and print its row.

    Its counts are stored beside the file.

    \b
    Examples:
      resbench zoo new mine.py:build
      resbench zoo new 'mine.py:build(width=2)' --name mine_wide
    """
    from resbench.bench import rows
    from resbench.report.weights import show_notes

    path, row = rows.new_row(place, name)
    print(row, end="")
    show_notes(path, ())
