"""The page of all commands and options.

It is made from the declarations of commands, not from their help texts, whose form depends on the version of typer.
"""

import inspect
import re
import typing
from collections.abc import Iterator
from enum import Enum
from typing import Any

import typer.main

from docs.reference.markdown import GENERATED, cell, markdown, table
from resbench.cli import groups
from resbench.cli.app import app

ARGUMENTS = "Arguments"
PANELS = (ARGUMENTS, groups.WHAT, groups.HOW, groups.OPTIONS, groups.OUTPUT, groups.ADVANCED)  # as in the help


def commands_page() -> str:
    """Return the page with all commands and options."""
    program = typer.main.get_command(app)
    commands = list(walked(program, "resbench"))
    listed = ((f"[{path}](#{path.replace(' ', '-')})", cell(summary(own))) for path, own in commands)
    parts = [
        "# Commands",
        GENERATED,
        "Every command with its arguments and options.\n"
        "`-h` and `--help` show the same in the terminal, for every command.\n"
        "`--json` prints a list with an object for each network, checkpoint, record or card, also when there is one.\n"
        "Commands that take one thing, compare all that they are given, or show the state of a sweep print an object.",
        table(("command", "what it does"), listed),
        "## Options of the program",
        "They stand before the command: `resbench --zoo models/zoo.toml list`.",
        *tables(program),
        *(part for path, own in commands for part in section(path, own)),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def walked(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the commands of a group, and those of its groups, with their names."""
    for name in group.list_commands(None):
        command = group.commands[name]
        if not command.hidden:
            yield f"{path} {name}", command
            yield from walked(command, f"{path} {name}") if hasattr(command, "commands") else ()


def summary(command: Any) -> str:
    """Return the first sentence of a command's help."""
    return (command.help or "").split("\n\n")[0]


def section(path: str, command: Any) -> Iterator[str]:
    """Yield what the page says of a command."""
    yield f"{'###' if path.count(' ') > 1 else '##'} {path}"
    examples = ""
    for paragraph in (command.help or "").split("\n\n"):
        if paragraph.startswith("\b"):  # which keeps its lines: examples, with a title
            lines = paragraph.splitlines()[2:]
            examples = "\n".join(["```sh", *(line.strip() for line in lines), "```"])
        else:
            yield markdown(" ".join(paragraph.split()))
    yield examples
    yield from tables(command)


def tables(command: Any) -> Iterator[str]:
    """Yield a table of the command's arguments, and one for each panel of options that its help has."""
    declared = Declared(command)
    shown = [own for own in command.params if not getattr(own, "hidden", False) and own.name != "help"]
    panels: dict[str, list[tuple[str, str]]] = {panel: [] for panel in PANELS}
    for parameter in shown:
        is_argument = parameter.param_type_name == "argument"
        panel = ARGUMENTS if is_argument else getattr(parameter, "rich_help_panel", None) or groups.OPTIONS
        panels[panel].append((declared.name(parameter), declared.meaning(parameter)))
    for panel, rows in panels.items():
        yield table((panel[0].lower() + panel[1:], "what it is" if panel == ARGUMENTS else "what it does"), rows)


class Declared:
    """How a function declares the parameters of its command."""

    def __init__(self, command: Any) -> None:
        function = inspect.unwrap(command.callback) if command.callback else lambda: None
        self.kinds = typing.get_type_hints(function)
        self.defaults = {own.name: own.default for own in inspect.signature(function).parameters.values()}

    def name(self, parameter: Any) -> str:
        """Return the names of a parameter with its value."""
        if parameter.param_type_name == "argument":
            return f"`{(parameter.metavar or parameter.name.upper()).replace(' | ', ' or ')}`"
        names = sorted([*parameter.opts, *parameter.secondary_opts], key=lambda word: word.startswith("--"))
        value = "" if parameter.is_flag else f" {parameter.metavar.replace('|', ' or ')}"
        return ", ".join([*(f"`{name}`" for name in names[:-1]), f"`{names[-1]}{value}`"])

    def meaning(self, parameter: Any) -> str:
        """Return what a parameter does, whether it is required, and its default if the help does not say it."""
        text = parameter.help or ""
        default = self.defaults.get(parameter.name)
        if default is ... or parameter.required:
            text += " Required."
        elif not (default is None or default is False or default == "" or "[default" in text):
            text += f" [default: {default.value if isinstance(default, Enum) else default}]"
        if typing.get_origin(without_none(self.kinds.get(parameter.name))) is list and parameter.opts[0][0] == "-":
            text += "" if re.search("again|repeated|several times|once for each", text) else " May be repeated."
        return cell(text)


def without_none(kind: Any) -> Any:
    """Return X of `X | None`."""
    parts = typing.get_args(kind)
    return parts[0] if len(parts) == 2 and parts[1] is type(None) else kind
