"""A finding in words and figures, the same in the terminal, on GitHub, in JUnit."""

import math

from resbench import units
from resbench.judging.finding import Finding


def quantity(value: float | int | None, unit: str) -> str:
    """1234 -> "1,234"; with a unit "1.23 ms" or "97.7 MiB"; None -> "-"."""
    match value, unit:
        case None, _:
            return "-"
        case _, "s":
            return units.seconds(value)
        case _, "B":
            return units.size(value)
        case _, "share":
            return units.percent(value)
    return f"{value:,}"


def change_words(finding: Finding) -> str:
    """The ratio with its 95 % interval, "1.300 [1.251, 1.349]"; of accuracies the interval of the difference."""
    if finding.ratio is None:
        return "-"
    if finding.points_low is not None and finding.points_high is not None:
        interval = f" [{100 * finding.points_low:+.2f}, {100 * finding.points_high:+.2f} points]"
        return f"{finding.ratio:.4f}{interval}"
    if finding.ratio_low is not None and finding.ratio_high is not None:
        return f"{finding.ratio:.3f} [{finding.ratio_low:.3f}, {finding.ratio_high:.3f}]"
    if finding.before == finding.after:
        return "equal"
    short = f"{finding.ratio:.6g}"
    return short if short != "1" else f"{finding.ratio:.12g}"  # one parameter of millions is a change too


def share(finding: Finding, value: float | None) -> str:
    """A limit or a minimum detectable effect: "5 %", "0.30 points", "exact"."""
    if value is None or value == math.inf:
        return "-"
    if finding.points_low is not None:
        return f"{100 * value:.2f} points"
    percent = 100 * value
    return "exact" if value == 0 and not finding.unit else f"{percent:.0f} %" if percent >= 100 else f"{percent:.2g} %"


def cells(finding: Finding) -> dict[str, str]:
    """Return a row of a table: heading -> text."""
    return {
        "verdict": str(finding.verdict),
        "record": finding.record,
        "metric": finding.metric,
        "before": quantity(finding.before, finding.unit),
        "after": quantity(finding.after, finding.unit),
        "after/before": change_words(finding),
        "limit": share(finding, finding.limit),
        "detectable": share(finding, finding.detectable),
        "why": finding.why,
    }


def sentence(finding: Finding) -> str:
    """Everything about a finding in one line, but for its record and verdict."""
    if finding.before is None and finding.after is None:
        return f"{finding.metric}: {finding.why}"
    values = f"{quantity(finding.before, finding.unit)} -> {quantity(finding.after, finding.unit)}"
    figures = [f"after/before {change_words(finding)}", f"limit {share(finding, finding.limit)}"]
    if finding.detectable is not None:
        figures.append(f"detectable {share(finding, finding.detectable)}")
    return f"{finding.metric}: {values}, {', '.join(figures)}; {finding.why}"
