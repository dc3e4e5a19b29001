"""A race of settings as people read it: the ranking, the winner's command line, and how little was measured."""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rich.table import Table

from resbench import units
from resbench.judging.ranking import Ranked, measurements_of, ranking
from resbench.records.tuned import PLAIN, Tuned, save_tuned
from resbench.report import terminal
from resbench.timing.race import SHARE
from resbench.words.measured import rate_words, ratio_words, time
from resbench.words.observed import device, noise, run_by
from resbench.words.settings import setting_options, setting_words

_SHOWN = 10  # settings, the fastest ones; all are in the JSON


def show_tuning(stages: Iterable[Tuned], *, as_json: bool) -> Tuned | None:
    """Print the race when it is over, or as far as it has come at Ctrl-C, and return it; None: nothing led yet."""
    tuned: Tuned | None = None
    try:
        for stage in stages:
            tuned = stage
    finally:
        if tuned and as_json:
            _print_json(tuned)
        elif tuned:
            _print(tuned)
    return tuned


def save_race(tuned: Tuned | None, root: Path) -> None:
    """Save a race below `root`, and say where on stderr."""
    if tuned:
        terminal.advice().print(
            f"saved {save_tuned(tuned, root)}; --tuned of profile and validate uses it", soft_wrap=True
        )


def command_of(tuned: Tuned) -> str:
    """Return the command line that profiles the network in the setting that won."""
    winner = tuned.raced[tuned.winner]
    images = ["--calibration", tuned.calibration] if tuned.calibration and winner.settings.dtype == "int8" else []
    words = [*setting_options(winner.settings), *images, "-b", str(winner.batch_size)]
    return shlex.join(["resbench", "profile", tuned.network, *words])


def _print_json(tuned: Tuned) -> None:
    terminal.print_json(
        {
            "tuned": tuned,
            "ranking": ranking(tuned),
            "measurements": measurements_of(tuned),
            "whole_grid": SHARE * tuned.most_measurements,
            "command": command_of(tuned),
        }
    )


def _print(tuned: Tuned) -> None:
    console = terminal.results_console()
    rows = ranking(tuned)
    size = units.pixels(tuned.input_px)
    console.print(terminal.titled(tuned.network, f" on {device(tuned.environment)}"))
    console.print(f"{size} px, {tuned.weights or 'fresh weights'}; the best for {tuned.goal}{_limit(tuned)}")
    console.print(_table(tuned, rows))
    for line in (*_notes(tuned, rows), noise(tuned.environment)):
        console.print(line)
    console.print(f"to use it: {command_of(tuned)}", soft_wrap=True)


def _limit(tuned: Tuned) -> str:
    return "" if tuned.max_latency_s is None else f" within {units.seconds(tuned.max_latency_s)}"


def _table(tuned: Tuned, rows: Sequence[Ranked]) -> Table:
    out = Table("", "setting", "batch", "time of a call", "images/s", "times eager", "answers")
    shown = [row for place, row in enumerate(rows) if place < _SHOWN or row.index == PLAIN or row.why_not]
    for row in shown:
        raced = tuned.raced[row.index]
        name = ", ".join(setting_words(raced.settings))
        out.add_row(
            "1" if row.index == tuned.winner else "tie" if row.tied else "",
            f"{name} (plain eager)" if row.index == PLAIN else name,
            str(raced.batch_size),
            time(row.call_s),
            rate_words(row.images_per_s),
            ratio_words(row.speedup) if row.speedup else "1",
            row.why_not or ("right" if raced.fault == "" or row.index == PLAIN else "not compared"),
        )
    return out


def _notes(tuned: Tuned, rows: Sequence[Ranked]) -> Iterator[str]:
    settings, taken = len(tuned.raced), measurements_of(tuned)
    if tied := sum(row.tied for row in rows):
        others = f"{tied} other settings" if tied > 1 else "another setting"
        yield f"a tie: {others} cannot be told from the first"
    yield (
        f"{taken} measurements (timed samples); the whole grid of {settings} settings would take "
        f"{SHARE * tuned.most_measurements}"
    )
    yield f"answers: {tuned.answers}"
    for own in tuned.cannot:
        yield f"{own.what}: {own.why.removeprefix(f'runtime {own.what}: ')}"
    winner = tuned.raced[tuned.winner]
    if engine := run_by(winner.engine, winner.exported):
        yield f"the first: {engine}"
