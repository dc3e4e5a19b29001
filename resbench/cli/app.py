"""The command line: collects the commands and runs one."""

import io
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from resbench import __version__
from resbench.cli.groups import PanelCommand, PanelGroup
from resbench.words.escaped import visible

# The modules of this package by the panels of the help. Each defines a function of its own name and an underscore, or a
# Typer of that name for a group of commands.
PANELS = {
    "Begin": ("demo",),
    "Networks and checkpoints": ("list", "show", "zoo", "weights"),
    "Cost": ("count", "explain"),
    "Speed": ("profile", "sweep", "ab", "ladder", "tune", "compare", "selfcheck", "stats", "env"),
    "Accuracy": ("validate", "data"),
    "Exported files": ("export", "parity"),
    "Results and cards": ("results", "report", "card", "lint"),
    "Changes": ("check", "gate", "baseline", "history"),
}
COMMANDS = tuple(name for names in PANELS.values() for name in names)


WIDEST_HELP = 120  # columns: longer lines are hard to read


class _InOrder(PanelGroup):
    def list_commands(self, ctx: object) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def make_context(self, *words: Any, **options: Any) -> Any:
        with _in_one_line():
            return super().make_context(*words, **options)

    def invoke(self, ctx: Any) -> Any:
        try:
            with _in_one_line():
                return super().invoke(ctx)
        except EOFError as error:  # which typer takes for Ctrl-D, and answers with exit code 1
            raise RuntimeError(f"end of file: {error}") from error


@contextmanager
def _in_one_line() -> Iterator[None]:
    """Escape the message of a usage error, which quotes the command line."""
    try:
        yield
    except Exception as error:
        if isinstance(message := getattr(error, "message", None), str):
            error.message = visible(message)  # type: ignore[attr-defined]
        raise


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return visible(f"resbench: {record.getMessage()}")


app = typer.Typer(
    name="resbench",
    cls=_InOrder,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # importing rich would more than double the time that --help takes
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": WIDEST_HELP},
    help="Benchmarks ResNet-family models (cost, speed, accuracy), notices changes, and writes verifiable model cards.",
    epilog="Start with `resbench demo` or `resbench profile resnet50`. `resbench COMMAND --help` explains a command.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"resbench {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[  # noqa: ARG001  # its callback has done it
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    zoo: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A TOML file with networks and checkpoints of your own. [default: the nearest resbench.toml with any]",
        ),
    ] = None,
) -> None:
    """Options of the program itself."""
    if zoo is not None:
        from resbench.zoo.own import VARIABLE

        os.environ[VARIABLE] = str(zoo)  # where processes that a command starts find it too


for _panel, _names in PANELS.items():
    for _name in _names:
        _command = getattr(import_module(f"resbench.cli.{_name}"), f"{_name}_")
        if isinstance(_command, typer.Typer):  # a command with commands of its own
            for _own in _command.registered_commands:
                _own.cls = PanelCommand
            _group = _command.info.cls
            _group = _group if isinstance(_group, type) else PanelGroup
            app.add_typer(_command, name=_name, cls=_group, rich_help_panel=_panel)
        else:
            app.command(_name, cls=PanelCommand, rich_help_panel=_panel)(_command)


def _open_streams() -> None:
    """Let what goes to a stream that the shell has closed (`>&-`) go nowhere, not into the next file opened."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115  # for as long as the process lives


def run_command() -> None:
    """Run the program; it ends with a SystemExit, or with the exception that `resbench.__main__` explains."""
    _open_streams()
    notes = logging.StreamHandler()
    notes.setFormatter(_OneLine())
    logging.getLogger("resbench").addHandler(notes)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a pipe that cannot say "▆" gets "\\u2586"
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app()
    finally:
        logging.getLogger("resbench").removeHandler(notes)
