"""Commands that have commands of their own."""

from typing import Any

from typer.core import TyperGroup


class WrappedGroup(TyperGroup):
    """A group whose help cuts nothing off."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands with summaries that are wrapped where the terminal is narrow, and never cut off."""
        commands = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        with formatter.section("Commands"):
            formatter.write_dl([(name, own.get_short_help_str(limit=1000)) for name, own in commands if own])


class RunByDefault(WrappedGroup):
    """A group in which `resbench GROUP NAME` means `resbench GROUP run NAME`, where NAME is no command of it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words of a command line."""
        return super().parse_args(ctx, self._with_command(args))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that words mean, and the words left for it."""
        return super().resolve_command(ctx, self._with_command(args))

    def _with_command(self, args: list[str]) -> list[str]:
        known = not args or args[0] in self.commands or args[0] in ("-h", "--help")
        return args if known else ["run", *args]
