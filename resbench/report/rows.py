"""What `resbench zoo` prints: the checks of the rows of a user's zoo."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from rich.table import Table

from resbench.errors import ExitCode
from resbench.report import terminal

if TYPE_CHECKING:
    from resbench.bench.rows import RowCheck

_WORDS = {True: "ok", False: "wrong", None: "unknown"}


def show_row_checks(checks: "Sequence[RowCheck]", *, as_json: bool) -> ExitCode:
    """Print one line per check to stdout; return 1 when one does not hold."""
    if as_json:
        terminal.print_json([msgspec.to_builtins(check) for check in checks])
    else:
        table = Table("row", "what", "verdict", "why")
        for check in checks:
            table.add_row(check.row, check.what, _WORDS[check.holds], check.why)
        terminal.results_console().print(table)
    return ExitCode.REGRESSED if any(check.holds is False for check in checks) else ExitCode.OK
