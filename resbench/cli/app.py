"""The command line: collects the commands, runs one, and turns what went wrong into one line and an exit code."""

import errno
import io
import os
import select
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from typer.core import TyperGroup

from resbench import __version__
from resbench.errors import ExitCode, ResbenchError

# The modules of this package, in the order of the help. Each defines a function of its own name and an underscore, or
# a Typer of that name for a group of commands.
COMMANDS = (
    "list",
    "weights",
    "profile",
    "ab",
    "selfcheck",
    "stats",
    "env",
    "count",
    "explain",
    "validate",
    "data",
    "results",
    "card",
    "lint",
    "check",
    "gate",
    "baseline",
    "history",
)


CLOSED_PIPE = 128 + 13  # what the shell makes of a program that SIGPIPE ended


class _InOrder(TyperGroup):
    def list_commands(self, ctx: object) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; when nobody reads what it prints any more, as behind `| head`, end as other tools do."""
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except BrokenPipeError:
            closed = [stream for stream in (sys.stdout, sys.stderr) if _is_closed(stream)]
            if not closed:  # then it was the pipe of a worker
                raise
            for stream in closed:
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # else the exit would try again
            raise typer.Exit(CLOSED_PIPE) from None


def _is_closed(stream: TextIO) -> bool:
    """Tell whether nobody reads `stream` any more."""
    poll = select.poll()
    poll.register(stream.fileno(), 0)  # errors are always reported
    return bool(poll.poll(0))


app = typer.Typer(
    name="resbench",
    cls=_InOrder,
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
    _command = getattr(import_module(f"resbench.cli.{_name}"), f"{_name}_")
    if isinstance(_command, typer.Typer):  # a command with commands of its own
        app.add_typer(_command, name=_name)
    else:
        app.command(_name)(_command)


def _open_streams() -> None:
    """Let what goes to a stream that the shell has closed (`>&-`) go nowhere, not into the next file opened."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115  # for as long as the process lives


def main() -> None:
    """Run the program; the exit code is one of `errors.ExitCode`."""
    _open_streams()
    try:
        Path.cwd()
    except OSError as error:
        print(f"resbench: the current folder: {error.strerror}; change to another one", file=sys.stderr)
        sys.exit(ExitCode.USAGE)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a pipe that cannot say "▆" gets "\\u2586"
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app()
    except ResbenchError as error:
        print(f"resbench: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        print(f"resbench: {error.strerror}; make room, or send the output elsewhere", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # else the exit would try again
        sys.exit(ExitCode.USAGE)
