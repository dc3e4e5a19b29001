"""What a self-check showed."""

from typing import TYPE_CHECKING

from rich.table import Table

from resbench import units
from resbench.judging.finding import Verdict
from resbench.judging.stats import Interval
from resbench.report import terminal
from resbench.words.observed import device, noise

if TYPE_CHECKING:
    from resbench.bench.selfcheck import Score, SelfCheck


def show_selfcheck(check: "SelfCheck", scores: "list[Score]", alarms: tuple[int, int, float], *, as_json: bool) -> None:
    """Print a row per injected slowdown, then the three figures that matter, to stdout."""
    if as_json:
        terminal.print_json({"check": check, "scores": scores, "false_alarms": alarms})
        return
    console = terminal.results_console()
    console.print(f"on {device(check.environment)}")
    shown = (Verdict.REGRESSED, Verdict.OK, Verdict.IMPROVED, Verdict.INCONCLUSIVE)
    table = Table("injected", "runs", *map(str, shown), "right, 95 % interval", "measured", "bias", "truth in interval")
    for score in scores:
        table.add_row(
            units.percent(score.injected, 1),
            str(score.runs),
            *(str(score.verdicts[verdict]) for verdict in shown),
            f"{units.percent(score.right / score.runs, 0)} [{100 * score.right_low:.0f}, {100 * score.right_high:.0f}]",
            f"{100 * score.measured.estimate:+.2f} % [{_bounds(score.measured)}]",
            f"{100 * (score.measured.estimate - score.injected):+.2f} points",
            f"{score.covered} of {score.runs}",
        )
    console.print(table)
    console.print(noise(check.environment))
    count, runs, bound = alarms
    console.print(
        f"false alarms: {count} of {runs}, so at most {units.percent(bound, 1)} of comparisons (95 % confidence)",
    )
    smallest = next(score.detectable for score in scores if score.injected == 0)
    console.print(
        f"a slowdown of {units.percent(smallest, 1)} is found in 9 of 10 comparisons (median of those of equal arms)",
    )


def _bounds(interval: Interval) -> str:
    if interval.low is None or interval.high is None:
        return "no interval"
    return f"{100 * interval.low:+.2f}, {100 * interval.high:+.2f}"
