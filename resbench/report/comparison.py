"""An interleaved comparison as people read it: the ratio, what it means, and what could have been seen."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from resbench import units
from resbench.judging.finding import Finding, Verdict
from resbench.report import terminal
from resbench.words import findings as wording
from resbench.words.observed import device, noise, run_by, settings

if TYPE_CHECKING:
    from resbench.bench.comparing import Comparison
    from resbench.bench.sides import MeasuredSide


def show_comparison(comparison: "Comparison", findings: Sequence[Finding], *, as_json: bool) -> None:
    """Print both arms, the ratio by either clock and the verdict to stdout."""
    if as_json:
        terminal.print_json({"comparison": comparison, "findings": findings})
        return
    console = terminal.results_console()
    others = comparison.others
    for letter, arm in {"A": comparison.a, **{letter: other.arm for letter, other in others.items()}}.items():
        console.print(f"{letter}: {_arm(arm)}")
    console.print(f"on {device(comparison.environment)}")
    titles = ("B", "B/A, 95 % interval") if len(others) == 1 else ("the other", "the other/A, 95 % interval")
    which = () if len(others) == 1 else ("arm",)
    table = Table(*which, "verdict", "metric", "A", *titles, "limit", "detectable", "")
    for letter, finding in zip([*others] * 2, findings, strict=False):
        table.add_row(
            *(letter for _ in which),
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
    for letter, finding in zip(others, findings, strict=False):
        for line in comparison_notes(comparison, finding, letter):
            console.print(line)


def comparison_notes(comparison: "Comparison", finding: Finding, letter: str = "B") -> Iterator[str]:
    """Yield what the verdict on an arm means and what to do next."""
    shares = (comparison.rules.floor, comparison.rules.limit, finding.detectable)
    floor, limit, smallest = (wording.share(finding, share) for share in shares)
    threads = _threads(comparison, letter)
    several = len(comparison.others) > 1
    match finding.verdict:
        case Verdict.REGRESSED:
            certain = (finding.ratio_low or 0) > 1 + comparison.rules.limit
            least = f"the limit of {limit}" if certain else f"the noise floor of {floor}, perhaps the limit of {limit}"
            yield f"{letter} is slower, by more than {least}{threads}"
        case Verdict.IMPROVED:
            yield f"{letter} is faster, by more than the noise floor of {floor}{threads}"
        case Verdict.OK:
            yield f"{letter} is not slower by {limit} or more{threads}"
        case _:
            about = f"{letter}: " if several else ""
            yield f"{about}inconclusive{threads}; measure longer (--time-budget), or on a quieter machine"
    whose = f"of {letter} " if several else ""
    yield f"a slowdown {whose}of {smallest} would have been found in 9 of 10 such comparisons"


def _threads(comparison: "Comparison", letter: str) -> str:
    """Return for how many CPU threads the verdict holds, and how to ask about another number."""
    a, b = (arm.settings.threads for arm in (comparison.a, comparison.others[letter].arm))
    if a is None or b is None:
        return ""
    if a != b:
        return f", with {units.count_of(a, 'thread')} for A and {units.count_of(b, 'thread')} for {letter}"
    cores = comparison.environment.machine.cpu_cores
    other = 1 if a == cores else cores
    asking = "" if a == other else f" (--threads {other} compares with {other})"
    return f", with {units.count_of(a, 'thread')}{asking}"


def _arm(arm: "MeasuredSide") -> str:
    own = run_by(arm.engine, arm.exported)
    text = f"{arm.network}: {settings(arm.settings)}; {arm.program}{own and f'; {own}'}"
    if arm.output_difference is None or arm.exported:
        return text
    return f"{text}; output within {arm.output_difference:.2g} of plain fp32 (relative to the largest logit)"
