"""A sweep as people read it: its jobs, how far it has come, what failed and why."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn
from rich.table import Table

from resbench import units
from resbench.report import terminal
from resbench.sweep.summary import seconds_left, status_of

if TYPE_CHECKING:
    from resbench.judging.peers import SlowMachine
    from resbench.sweep.forecast import Forecast
    from resbench.sweep.jobs import Job
    from resbench.sweep.ledger import Ending, EngineOptions
    from resbench.sweep.start import Sweep
    from resbench.sweep.summary import JobState, Status

_ORDER = ("done", "there", "submitted", "waiting", "failed")
_LINES_SHOWN = 5


@contextmanager
def sweep_progress(
    jobs: "Sequence[Job]", engine: "EngineOptions", before: "Sequence[tuple[Job, Ending]]" = (), *, quiet: bool = False
) -> "Iterator[Callable[[Job, Ending], None]]":
    """Yield what takes each job that ended, and shows how long the rest will take; `before`: others that ended."""
    columns = (terminal.Words("{task.description}"), BarColumn(), MofNCompleteColumn())
    left = {job.key: job for job in jobs}
    ended = list(before)

    def description() -> str:
        seconds = seconds_left(ended, left.values(), engine)
        words = "" if seconds is None else f", about {_about(seconds)} left"
        return f"jobs ({sum(each.state == 'failed' for _, each in ended)} failed{words})"

    with terminal.bars(*columns, quiet=quiet) as bar:
        task = bar.add_task(description(), total=len(jobs))

        def on_ending(job: "Job", ending: "Ending") -> None:
            left.pop(job.key, None)
            ended.append((job, ending))
            bar.update(task, advance=1, description=description())
            if not quiet:
                _note(job, ending)

        yield on_ending


def follow(sweep: "Sweep", *, as_json: bool, quiet: bool) -> int:
    """Run a sweep, show its jobs at the end (also after Ctrl-C), and return the exit code of the worst of them."""
    root = sweep.ledger.root
    try:
        with sweep_progress(sweep.open(), sweep.stored.engine, sweep.ended(), quiet=quiet) as on_ending:
            sweep.run(on_ending)
    except KeyboardInterrupt:
        status = status_of(sweep.ledger, sweep.stored)
        show_status(status, root, as_json=as_json)
        left = status.counts.get("submitted", 0)
        running = f"{units.count_of(left, 'job')} left running; `resbench sweep cancel -o {root}` stops what runs, "
        still = running if left else ""
        raise KeyboardInterrupt(f"{still}`resbench sweep resume -o {root}` goes on") from None
    status = status_of(sweep.ledger, sweep.stored)
    show_status(status, root, as_json=as_json)
    return max(each.ending.exit_code if each.ending else 0 for each in status.jobs)


def print_script(text: str, root: Path) -> None:
    """Print a script to stdout, and to stderr what to do with it."""
    print(text, end="")
    terminal.advice().print(
        f"submit it with sbatch; `resbench sweep status -o {root}` shows how far it is", soft_wrap=True
    )


def show_cancelled(number: int) -> None:
    """Say how many workers were stopped."""
    terminal.advice().print(f"stopped {units.count_of(number, 'worker')}")


def show_forecast(forecast: "Forecast", *, as_json: bool) -> None:
    """Print which jobs there are, which have records, and how long the rest may take."""
    if as_json:
        terminal.print_json(forecast)
        return
    terminal.results_console().print(_table(forecast.jobs))
    terminal.results_console().print(f"{units.count_of(len(forecast.jobs), 'job')}: {_counts(forecast.counts)}")
    if forecast.seconds is not None:
        source = "" if forecast.estimated_alike else " (by records of other networks)"
        terminal.results_console().print(f"those that wait take about {_about(forecast.seconds)}{source}")


def show_status(status: "Status", root: Path, *, as_json: bool) -> None:
    """Print where every job of a sweep is, and the last lines of those that failed."""
    if as_json:
        terminal.print_json(status)
        return
    terminal.results_console().print(_table(status.jobs))
    for each in status.jobs:
        if each.ending and each.ending.lines:
            lines = each.ending.lines[-_LINES_SHOWN:]
            terminal.results_console().print(
                f"{_name(each.job)} printed last:", *(f"  {line}" for line in lines), sep="\n"
            )
    for slow in status.slow_machines:
        terminal.results_console().print(_slow(slow))
    terminal.results_console().print(_counts(status.counts))
    if status.running:
        left = "" if status.seconds_left is None else f"; about {_about(status.seconds_left)} left"
        terminal.results_console().print(f"running{left}")
    elif any(status.counts.get(state) for state in ("waiting", "submitted", "failed")):
        terminal.advice().print(f"`resbench sweep resume -o {root}` goes on with what is not done", soft_wrap=True)


def _table(states: "Sequence[JobState]") -> Table:
    out = Table("job", "settings", "state", *terminal.figure_columns("time"), "record, or why there is none")
    for each in states:
        ending = each.ending
        seconds = "-" if ending is None or ending.seconds is None else units.seconds(ending.seconds)
        outcome = (ending and (ending.record or ending.reason)) or "-"
        out.add_row(_name(each.job), each.job.words or "-", _state(each), seconds, outcome)
    return out


def _state(each: "JobState") -> str:
    again = f" ({each.ending.attempts} attempts)" if each.ending and each.ending.attempts > 1 else ""
    return f"{each.state}{again}"


def _name(job: "Job") -> str:
    return f"{job.kind} {job.name}"


def _slow(machine: "SlowMachine") -> str:
    return (
        f"{machine.host} is slower than {machine.peers} other machines of its kind: its {machine.what} takes "
        f"{machine.ratio:.3f} [{machine.low:.3f}, {machine.high:.3f}] times as long "
        f"({units.count_of(machine.records, 'record')})"
    )


def _about(seconds: float) -> str:
    """Return a time that is estimated: "40 s", "12 min", "3 h 20 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{counts[state]} {state}" for state in _ORDER if counts.get(state))


def _note(job: "Job", ending: "Ending") -> None:
    words = f" ({job.words})" if job.words else ""
    if ending.state == "failed":
        terminal.advice().print(f"resbench: {_name(job)}{words}: {ending.reason}", soft_wrap=True)
    elif ending.state == "done" and ending.record:
        terminal.advice().print(f"saved {ending.record}", soft_wrap=True)
