"""The command line: collects the commands, runs one, and turns what went wrong into one line and an exit code."""

import sys
from importlib import import_module
from typing import Annotated

import typer

from resbench import __version__
from resbench.errors import ExitCode, ResbenchError

# The modules of this package, in the order of the help. Each defines a function of its own name and an underscore.
COMMANDS = (
    "list",
    "profile",
    "count",
    "explain",
    "validate",
    "card",
    "check",
)

app = typer.Typer(
    name="resbench",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # importing rich would more than double the time that --help takes
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Tells the truth about a residual network: what it is, what it costs, how fast it runs here, how accurate "
    "it is, and whether any of that changed.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"resbench {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options of the program itself."""


for _name in COMMANDS:
    app.command(_name)(getattr(import_module(f"resbench.cli.{_name}"), f"{_name}_"))


def main() -> None:
    """Run the program; the exit code is one of `errors.ExitCode`."""
    try:
        app()
    except ResbenchError as error:
        print(f"resbench: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("resbench: interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # `resbench list | head`
        sys.stderr.close()
        sys.exit(ExitCode.OK)
