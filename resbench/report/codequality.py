"""Findings as GitLab's code quality report, which its merge requests show beside the changed files."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from resbench.judging.finding import Finding, Verdict
from resbench.report import location
from resbench.words import findings as wording
from resbench.words.escaped import visible, visible_json

_SEVERITY = {
    Verdict.INVALID: "blocker",
    Verdict.NOT_COMPARABLE: "critical",
    Verdict.REGRESSED: "major",
    Verdict.INCONCLUSIVE: "info",
}


def code_quality(findings: Sequence[Finding], root: Path) -> str:
    """Return the report on what is neither ok nor improved; the records lie in `root`."""
    issues = [_issue(finding, root) for finding in findings if finding.verdict in _SEVERITY]
    return visible_json(json.dumps(issues, indent=2)) + "\n"


def _issue(finding: Finding, root: Path) -> dict[str, object]:
    path = location.of_finding(finding, root) or finding.record
    # The same problem keeps its fingerprint, whatever its figures are this time.
    identity = f"{path}\n{finding.metric}\n{finding.verdict}"
    return {
        "description": visible(f"{finding.verdict}: {wording.sentence(finding)}"),
        "check_name": visible(f"resbench {finding.metric}"),
        "fingerprint": hashlib.sha256(identity.encode(errors="backslashreplace")).hexdigest(),
        "severity": _SEVERITY[finding.verdict],
        "location": {"path": path, "lines": {"begin": 1}},
    }
