"""The nouns of judgement: a verdict, the finding that it belongs to, and what a set of findings means to the shell."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from resbench.errors import ExitCode


class Verdict(StrEnum):
    """What a comparison says; in the order in which findings are shown, worst first."""

    INVALID = "invalid"  # a side cannot be believed: no samples, throttled, failed
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
    """One metric of one record, before and after.

    `limit` and `detectable` are shares of `before`; of an accuracy, they and `points_*` are differences of fractions.
    """

    record: str  # the path of the record, or its network's name
    metric: str  # "params", "latency b1", "top1"
    before: float | int | None
    after: float | int | None
    verdict: Verdict
    why: str
    network: str = ""
    unit: str = ""  # "s", "B"; empty for counts
    ratio_low: float | None = None  # 95 % interval of after/before
    ratio_high: float | None = None
    points_low: float | None = None  # 95 % interval of after - before
    points_high: float | None = None
    limit: float | None = None  # the change for the worse that is permitted
    detectable: float | None = None  # the smallest true change for the worse that is found in 9 of 10 runs

    @property
    def ratio(self) -> float | None:
        """Return after/before, or None where it has no meaning."""
        if not self.before or self.after is None:
            return None
        return self.after / self.before


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return `findings` sorted by verdict, worst first; of equal verdicts the larger change comes first."""
    order = list(Verdict)

    def rank(finding: Finding) -> tuple[int, float, str, str]:
        from_nothing = math.inf if finding.after else 0.0
        change = from_nothing if finding.ratio is None else abs(finding.ratio - 1)
        return order.index(finding.verdict), -change, finding.record, finding.metric

    return sorted(findings, key=rank)


def overall(findings: Iterable[Finding]) -> Verdict:
    """Return the worst verdict: invalid > not comparable > regressed > inconclusive > improved > ok."""
    return min((finding.verdict for finding in findings), key=list(Verdict).index, default=Verdict.OK)


def exit_code(findings: Iterable[Finding], *, fail_on_inconclusive: bool = False) -> ExitCode:
    """Return what the worst finding means to the shell."""
    worst = overall(findings)
    if worst == Verdict.INCONCLUSIVE and fail_on_inconclusive:
        return ExitCode.INCONCLUSIVE
    return _EXIT.get(worst, ExitCode.OK)


def tally(findings: Iterable[Finding]) -> str:
    """Return "1 regressed, 12 ok", worst first."""
    counts = Counter(finding.verdict for finding in findings)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict]) or "nothing to compare"
