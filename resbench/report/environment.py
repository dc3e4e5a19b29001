"""An environment: what must agree before timings are compared, and what may explain a difference."""

from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from resbench.records.record import Environment
from resbench.report import terminal
from resbench.words.escaped import visible
from resbench.words.observed import noise

ADVICE = {
    "quiet": "timings are reliable",
    "busy": "other programs disturb timings; CPU time is more reliable than wall time, `resbench ab` more than both",
    "overloaded": "wall times are not reliable; stop other programs, or use `resbench ab`",
    "unknown": "this system does not report how busy it is; `resbench selfcheck` shows how well it measures",
}


def show_environment(environment: Environment, *, as_json: bool) -> None:
    """Print both parts to stdout, and what the noise grade means."""
    if as_json:
        terminal.print_json(environment)
        return
    console = terminal.results_console()
    for title, part in (
        ("must agree before two timings are compared", environment.machine),
        ("may explain a difference", environment.conditions),
    ):
        table = Table(title=title, show_header=False)
        for name, value in asdict(part).items():
            if value is not None:
                table.add_row(name.replace("_", " "), _text(value))
        console.print(table)
    console.print(f"{noise(environment)}: {ADVICE[environment.conditions.noise]}")


def _text(value: Any) -> str | Text:
    if isinstance(value, dict):
        return Text("\n".join(visible(f"{name} {item}") for name, item in value.items()) or "none")
    return str(value)
