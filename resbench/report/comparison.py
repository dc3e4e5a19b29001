"""An interleaved comparison as people read it: the ratio, what it means, and what could have been seen."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from resbench.judging.finding import Finding, Verdict
from resbench.report import terminal
from resbench.words import findings as wording
from resbench.words.observed import device, noise, settings

if TYPE_CHECKING:
    from resbench.bench.comparing import Comparison, MeasuredSide


def show_comparison(comparison: "Comparison", findings: Sequence[Finding], *, as_json: bool) -> None:
    """Print both arms, the ratio by either clock and the verdict to stdout."""
    if as_json:
        terminal.print_json({"comparison": comparison, "findings": findings})
        return
    console = terminal.results_console()
    for letter, arm in (("A", comparison.a), ("B", comparison.b)):
        console.print(f"{letter}: {_arm(arm)}")
    console.print(f"on {device(comparison.environment)}")
    table = Table("verdict", "metric", "A", "B", "B/A, 95 % interval", "limit", "detectable", "")
    for finding in findings:
        table.add_row(
            str(finding.verdict),
            finding.metric,
            wording.quantity(finding.before, finding.unit),
            wording.quantity(finding.after, finding.unit),
            wording.change_words(finding),
            wording.share(finding, finding.limit),
            wording.share(finding, finding.detectable),
            finding.why,
        )
    console.print(table)
    console.print(noise(comparison.environment))
    for line in comparison_notes(comparison, findings[0]):
        console.print(line)


def comparison_notes(comparison: "Comparison", finding: Finding) -> Iterator[str]:
    """Yield what the verdict means and what to do next."""
    shares = (comparison.rules.floor, comparison.rules.limit, finding.detectable)
    floor, limit, smallest = (wording.share(finding, share) for share in shares)
    threads = _threads(comparison)
    match finding.verdict:
        case Verdict.REGRESSED:
            if (finding.ratio_low or 0) > 1 + comparison.rules.limit:
                yield f"B is slower, by more than the limit of {limit}{threads}"
            else:
                yield f"B is slower, by more than the noise floor of {floor}, perhaps the limit of {limit}{threads}"
        case Verdict.IMPROVED:
            yield f"B is faster, by more than the noise floor of {floor}{threads}"
        case Verdict.OK:
            yield f"B is not slower by {limit} or more{threads}"
        case _:
            yield f"the data cannot tell{threads}; measure longer (--time-budget), or on a quieter machine"
    yield f"a slowdown of {smallest} would have been found in 9 of 10 such comparisons"


def _threads(comparison: "Comparison") -> str:
    """Return for how many CPU threads the verdict holds, and how to ask about another number."""
    a, b = (arm.settings.threads for arm in (comparison.a, comparison.b))
    if a is None or b is None:
        return ""
    if a != b:
        return f", with {_number(a)} for A and {_number(b)} for B"
    cores = comparison.environment.machine.cpu_cores
    other = 1 if a == cores else cores
    asking = "" if a == other else f" (--threads {other} compares with {other})"
    return f", with {_number(a)}{asking}"


def _number(threads: int) -> str:
    return "1 thread" if threads == 1 else f"{threads} threads"


def _arm(arm: "MeasuredSide") -> str:
    text = f"{arm.network}: {settings(arm.settings)}; {arm.program}"
    if arm.output_difference is None:
        return text
    return f"{text}; output within {arm.output_difference:.2g} of plain fp32 (relative to the largest logit)"
