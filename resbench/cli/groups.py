"""How commands explain themselves: help in panels that fits the terminal, with nothing cut off; groups of commands."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from typer.core import TyperCommand, TyperGroup

# The panels that options stand in, in this order. Those of commands that measure nothing have no panel of their own.
WHAT = "What to measure"
HOW = "How to run it"
OPTIONS = "Options"
OUTPUT = "Output"
ADVANCED = "Advanced"
_PANELS = ("Arguments", WHAT, HOW, OPTIONS, OUTPUT, ADVANCED)
_WIDEST_NAME = 30  # characters; the explanation of a longer name begins on the next line
_BOUNDS = (  # of numbers, in typer's words and in ours
    (re.compile(r"\b([\d.]+)<=x<=([\d.]+)"), r"\1 to \2"),
    (re.compile(r"\bx>=([\d.]+)"), r"at least \1"),
    (re.compile(r"\bx<=([\d.]+)"), r"at most \1"),
)


class PanelCommand(TyperCommand):
    """A command whose options are shown in panels."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and options."""
        _write_parameters(self, ctx, formatter)


class PanelGroup(TyperGroup):
    """A group of commands whose help cuts nothing off."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options of the group itself, and its commands."""
        _write_parameters(self, ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands with summaries that are wrapped where the terminal is narrow, and never cut off."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            own: Any = self.get_command(ctx, name)
            if not own.hidden:
                row = name, own.get_short_help_str(limit=1000)
                panels.setdefault(getattr(own, "rich_help_panel", None) or "Commands", []).append(row)
        _write_panels(panels, formatter)


class RunByDefault(PanelGroup):
    """A group in which `resbench GROUP NAME` means `resbench GROUP run NAME`, where NAME is no command of it.

    A single word that is nearly the name of a command is refused, and that command is named.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words of a command line."""
        return super().parse_args(ctx, self._with_command(args))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that words mean, and the words left for it."""
        return super().resolve_command(ctx, self._with_command(args))

    def _with_command(self, args: list[str]) -> list[str]:
        known = not args or args[0] in self.commands or args[0] in ("-h", "--help")
        misspelt = len(args) == 1 and get_close_matches(args[0], self.commands, cutoff=0.8)
        return args if known or misspelt else ["run", *args]


def _write_parameters(command: Any, ctx: Any, formatter: Any) -> None:
    panels: dict[str, list[tuple[str, str]]] = {panel: [] for panel in _PANELS}
    for parameter in command.get_params(ctx):  # --help is the last
        if record := parameter.get_help_record(ctx):
            panel = (OUTPUT if panels[OUTPUT] else OPTIONS) if parameter.name == "help" else _panel(parameter)
            panels[panel].append((" / ".join(_names(parameter)), _in_words(record[1])))
    _write_panels({panel: rows for panel, rows in panels.items() if rows}, formatter)


def _panel(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return "Arguments"
    return getattr(parameter, "rich_help_panel", None) or OPTIONS


def _names(parameter: Any) -> Iterator[str]:
    """Yield how a parameter is written: its first long name, since the others are kept for older scripts."""
    if parameter.param_type_name == "argument":
        yield f"{parameter.metavar or parameter.name.upper()}{'' if parameter.nargs == 1 else '...'}"
        return
    long = [name for name in parameter.opts if name.startswith("--")]
    names = ", ".join([*(name for name in parameter.opts if name not in long), *long[:1]])
    yield names if parameter.is_flag else f"{names} {parameter.metavar or 'VALUE'}"
    yield from parameter.secondary_opts


def _in_words(text: str) -> str:
    for bounds, words in _BOUNDS:
        text = bounds.sub(words, text)
    return text.replace("]  [", "; ").replace("  [", " [")


def _write_panels(panels: dict[str, list[tuple[str, str]]], formatter: Any) -> None:
    most = min(_WIDEST_NAME, formatter.width // 3)
    width = min(most, max((len(name) for rows in panels.values() for name, _ in rows), default=0))
    for title, rows in panels.items():
        with formatter.section(title):
            formatter.write_dl([(name.ljust(width), text) for name, text in rows], col_max=most)
