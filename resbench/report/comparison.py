"""An interleaved comparison as people read it: the ratio, what it means, and what could have been seen."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from resbench import units
from resbench.judging.finding import Finding, Verdict
from resbench.report import terminal
from resbench.words import findings as wording
from resbench.words.measured import device, noise
from resbench.words.settings import setting_words

if TYPE_CHECKING:
    from resbench.bench.comparing import Arm, Comparison


def show(comparison: "Comparison", findings: Sequence[Finding], *, as_json: bool) -> None:
    """Print both arms, the ratio by either clock and the verdict to stdout."""
    if as_json:
        terminal.print_json({"comparison": comparison, "findings": findings})
        return
    console = terminal.results()
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
            wording.change(finding),
            wording.share(finding, finding.limit),
            wording.share(finding, finding.detectable),
            finding.why,
        )
    console.print(table)
    console.print(noise(comparison.environment))
    for line in notes(comparison, findings[0]):
        console.print(line)


def notes(comparison: "Comparison", finding: Finding) -> Iterator[str]:
    """Yield what the verdict means and what to do next."""
    shares = (comparison.rules.floor, comparison.rules.limit, finding.detectable)
    floor, limit, smallest = (wording.share(finding, share) for share in shares)
    match finding.verdict:
        case Verdict.REGRESSED:
            if (finding.ratio_low or 0) > 1 + comparison.rules.limit:
                yield f"B is slower, by more than the limit of {limit}"
            else:
                yield f"B is slower, by more than the noise floor of {floor} and perhaps than the limit of {limit}"
        case Verdict.IMPROVED:
            yield f"B is faster, by more than the noise floor of {floor}"
        case Verdict.OK:
            yield f"B is not slower by {limit} or more"
        case _:
            yield "the data cannot tell; a larger --time-budget or a quieter machine may"
    yield f"a slowdown of {smallest} would have been found in 9 of 10 such comparisons"


def _arm(arm: "Arm") -> str:
    words = [f"{units.pixels(arm.settings.input_px)} px", *setting_words(arm.settings)]
    text = f"{arm.network}: {', '.join(words)}; {arm.program}"
    if arm.output_difference is None:
        return text
    return f"{text}; output within {arm.output_difference:.2g} of plain fp32 (relative to the largest logit)"
