"""The nouns of judgement: a verdict, the finding that it belongs to, and what a set of findings means to the shell."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from resbench.errors import ExitCode


class Verdict(StrEnum):
    """What a comparison says; in the order in which findings are shown, worst first."""

    INVALID = "invalid"  # a side cannot be believed: no samples, unsteady, failed
    NOT_COMPARABLE = "not comparable"  # other machine, settings or data, or one side is missing
    REGRESSED = "regressed"
    INCONCLUSIVE = "inconclusive"  # the data cannot tell
    IMPROVED = "improved"
    OK = "ok"


_EXIT = {
    Verdict.INVALID: ExitCode.INVALID,
    Verdict.NOT_COMPARABLE: ExitCode.NOT_COMPARABLE,
    Verdict.REGRESSED: ExitCode.REGRESSED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One metric of one record, before and after."""

    record: str  # the path of the record, or its network's name
    metric: str  # "params", "latency b1", "top1"
    before: float | int | None
    after: float | int | None
    verdict: Verdict
    why: str
    unit: str = ""  # "s", "B"; empty for counts
    ratio_low: float | None = None  # 95 % interval of after/before
    ratio_high: float | None = None


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return `findings` sorted by verdict, worst first, then by record and metric."""
    order = list(Verdict)
    return sorted(findings, key=lambda finding: (order.index(finding.verdict), finding.record, finding.metric))


def exit_code(findings: Iterable[Finding], *, fail_on_inconclusive: bool = False) -> ExitCode:
    """Return what the worst finding means to the shell: invalid > not comparable > regressed > inconclusive > ok."""
    verdicts = {finding.verdict for finding in findings}
    for verdict, code in _EXIT.items():
        if verdict in verdicts:
            return code
    if fail_on_inconclusive and Verdict.INCONCLUSIVE in verdicts:
        return ExitCode.INCONCLUSIVE
    return ExitCode.OK
