"""The findings of a comparison, wherever people look at them."""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.table import Table

from resbench.errors import ExitCode
from resbench.judging.finding import Finding, Verdict, tally
from resbench.records.files import write_text
from resbench.report import codequality, github, junit, terminal
from resbench.words import findings as wording

_STYLE = {
    Verdict.INVALID: "bold red",
    Verdict.NOT_COMPARABLE: "magenta",
    Verdict.REGRESSED: "red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.IMPROVED: "green",
    Verdict.OK: "",
}
_ROWS = 40  # from more findings on, those that are ok are only counted


def publish(
    findings: Sequence[Finding],
    code: ExitCode,
    root: Path,
    *,
    as_json: bool,
    junit_file: Path | None = None,
    code_quality_file: Path | None = None,
) -> None:
    """Show `findings`, worst first, and write the reports asked for; on GitHub also what its pages show.

    `root` is the folder that the findings' records lie in. Raises ResbenchError, at the end, for a report that cannot
    be written.
    """
    show_findings(findings, as_json=as_json)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        github.publish_to_github(findings, code, root)
    if junit_file:
        write_text(junit_file, junit.junit_xml(findings))
    if code_quality_file:
        write_text(code_quality_file, codequality.code_quality(findings, root))


def show_findings(findings: Sequence[Finding], *, as_json: bool) -> None:
    """Print `findings` to stdout, one row each, and a line that counts the verdicts; of many only those not ok."""
    if as_json:
        terminal.print_json_list(msgspec.to_builtins(finding) | {"ratio": finding.ratio} for finding in findings)
        return
    console = terminal.results_console()
    notable = [finding_ for finding_ in findings if finding_.verdict != Verdict.OK]
    shown = list(findings) if len(findings) <= _ROWS else notable
    if shown:
        console.print(_table(shown))
    hidden = len(findings) - len(shown)
    console.print(tally(findings) + (" (not shown; --json has them)" if hidden else ""))


def advise(findings: Sequence[Finding], *, cut_off: bool) -> None:
    """Say on stderr why timings may not have been judged: the history of the baseline is `cut_off`."""
    if cut_off and any(finding.unit == "s" and finding.verdict == Verdict.INCONCLUSIVE for finding in findings):
        advice = "this clone is shallow, so timings may lack earlier runs to be judged by; "
        terminal.advice().print(f"{advice}git fetch --unshallow (in CI: fetch-depth: 0)")


def _table(findings: Sequence[Finding]) -> Table:
    rows = [wording.cells(finding) for finding in findings]
    table = Table(*rows[0])
    for row, finding in zip(rows, findings, strict=True):
        table.add_row(*row.values(), style=_STYLE[finding.verdict])
    return table
