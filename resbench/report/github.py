"""What GitHub shows of findings: annotations, the summary of the job, outputs for later steps.

Source of the formats and limits: GitHub's documentation of workflow commands (10 annotations of a kind and 1 MiB of
summary per step).
"""

import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from resbench import units
from resbench.errors import ExitCode
from resbench.judging.finding import Finding, Verdict, overall, tally
from resbench.report import location
from resbench.words import findings as wording
from resbench.words.escaped import visible

ANNOTATIONS = 10
SUMMARY_BYTES = 900_000
_KINDS = {
    "error": (Verdict.INVALID, Verdict.NOT_COMPARABLE, Verdict.REGRESSED),
    "warning": (Verdict.INCONCLUSIVE,),
    "notice": (Verdict.IMPROVED,),
}


def publish_to_github(findings: Sequence[Finding], code: ExitCode, root: Path) -> None:
    """Print annotations to stderr, and append to the files that $GITHUB_STEP_SUMMARY and $GITHUB_OUTPUT name.

    One of them that cannot be written is a warning, for it must not hide what was found. The records lie in `root`.
    """
    for line in annotations(findings, root):
        print(line, file=sys.stderr)
    if summary_file := os.environ.get("GITHUB_STEP_SUMMARY"):
        path = Path(summary_file)
        _append(path, summary(findings, SUMMARY_BYTES - _size(path)))
    if output_file := os.environ.get("GITHUB_OUTPUT"):
        _append(Path(output_file), outputs(findings, code))


def annotations(findings: Sequence[Finding], root: Path) -> Iterator[str]:
    """Yield workflow commands for `findings`, which come worst first; of each kind as many as GitHub shows."""
    for kind, verdicts in _KINDS.items():
        own = [_annotation(kind, finding, root) for finding in findings if finding.verdict in verdicts]
        yield from capped(kind, own, "see the summary of this job")


def _annotation(kind: str, finding: Finding, root: Path) -> str:
    title = f"{finding.verdict}: {finding.record}"
    return command(kind, wording.sentence(finding), file=location.of_finding(finding, root), title=title)


def capped(kind: str, commands: Sequence[str], where: str) -> Iterator[str]:
    """Yield as many `commands` as GitHub shows of one kind; the last says how many more there are, and where."""
    shown = commands if len(commands) <= ANNOTATIONS else commands[: ANNOTATIONS - 1]
    yield from shown
    if len(commands) > len(shown):
        yield command(kind, f"+{len(commands) - len(shown)} more; {where}", title="resbench")


def command(kind: str, message: str, **properties: object) -> str:
    """Return a workflow command; nothing in its message or properties (those that are not None) can end it."""
    given = {key: str(value) for key, value in properties.items() if value is not None}
    named = ",".join(f"{key}={_escape_property(value)}" for key, value in given.items())
    return f"::{kind} {named}::{_escape(message)}"


def summary(findings: Sequence[Finding], limit_bytes: int = SUMMARY_BYTES) -> str:
    """Return Markdown with a row per finding, worst first, as many as fit into `limit_bytes`."""
    text = f"## resbench: {overall(findings)}\n\n{tally(findings)}\n\n"
    table = [wording.cells(finding) for finding in findings]
    rows = [_row(table[0]), "|---" * len(table[0]) + "|\n", *(_row(row.values()) for row in table)] if table else []
    room = limit_bytes - len(text.encode()) - 100  # for the last line
    for index, row in enumerate(rows):
        room -= len(row.encode())
        if room < 0:
            return f"{text}\n+{units.count_of(len(rows) - index, 'row')} not shown, for lack of space.\n"
        text += row
    return f"{text}\n"


def outputs(findings: Sequence[Finding], code: ExitCode) -> str:
    """Return the lines for $GITHUB_OUTPUT: verdict, exit_code, worst_ratio (largest time or memory, after/before)."""
    ratios = [finding.ratio for finding in findings if finding.unit and finding.ratio is not None]
    worst = f"{max(ratios):.4f}" if ratios else ""
    return f"verdict={overall(findings)}\nexit_code={int(code)}\nworst_ratio={worst}\nsummary={tally(findings)}\n"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(map(table_cell, cells))} |\n"


def table_cell(value: str) -> str:
    """Return `value` for a cell of a table: nothing in it can end the cell or mean markup."""
    return re.sub(
        r"[|&<>\\`*\[\]~!#]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", lambda match: f"&#{ord(match[0])};", visible(value)
    )


def _escape(value: str) -> str:
    return visible(value).replace("%", "%25")


def _escape_property(value: str) -> str:
    return _escape(value).replace(":", "%3A").replace(",", "%2C")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # not there yet, or not to be had; then writing will say so
        return 0


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except OSError as error:
        print(command("warning", f"{path}: {error.strerror}; not written", title="resbench"), file=sys.stderr)
