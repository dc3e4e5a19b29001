"""The table of findings of a comparison."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from rich.markup import escape
from rich.table import Table

from resbench import units
from resbench.judging.finding import Finding, Verdict
from resbench.report import terminal

_STYLE = {
    Verdict.INVALID: "bold red",
    Verdict.NOT_COMPARABLE: "magenta",
    Verdict.REGRESSED: "red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.IMPROVED: "green",
    Verdict.OK: "",
}


def show(findings: Sequence[Finding], *, as_json: bool) -> None:
    """Print `findings` to stdout, one row each, and a line that counts the verdicts."""
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
        return
    table = Table("record", "metric", "before", "after", "after/before", "verdict", "why")
    for finding in findings:
        style = _STYLE[finding.verdict]
        table.add_row(
            escape(finding.record),
            finding.metric,
            _quantity(finding.before, finding.unit),
            _quantity(finding.after, finding.unit),
            _ratio(finding),
            f"[{style}]{finding.verdict}[/]" if style else str(finding.verdict),
            escape(finding.why),
        )
    console = terminal.results()
    console.print(table)
    counts = Counter(finding.verdict for finding in findings)
    console.print(", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict]))


def _quantity(value: float | int | None, unit: str) -> str:
    match value, unit:
        case None, _:
            return "-"
        case _, "s":
            return units.seconds(value)
        case _, "B":
            return units.size(value)
    return f"{value:,}"


def _ratio(finding: Finding) -> str:
    if finding.ratio_low is not None and finding.ratio_high is not None:
        return f"[{finding.ratio_low:.3f}, {finding.ratio_high:.3f}]".replace("[", r"\[")
    if finding.before and finding.after is not None:
        return f"{finding.after / finding.before:.4f}"
    return "-"
