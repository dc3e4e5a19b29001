"""Where the time of a forward pass goes, beside what it computes."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from rich.table import Table

from resbench import units
from resbench.counting.conventions import operations
from resbench.judging.metric import Clock
from resbench.judging.stages import accounted, clock_of_stages, operator_shares, stage_shares
from resbench.records.record import Counts, Profile, StageTimes
from resbench.report import terminal
from resbench.report.counts import bounded
from resbench.words.observed import conditions, device, noise_words

CLOCKS: dict[Clock, str] = {"wall_ns": "time", "cpu_ns": "CPU time"}


def show_shares(record: Profile) -> None:
    """Print the time of each stage and of each kind of operator to stdout, at each batch size."""
    for times in record.stages:
        _show_times(times, clock_of_stages(record))


def _show_times(times: StageTimes, clock: Clock) -> None:
    console = terminal.results_console()
    titles = {"stage": stage_shares(times, clock), "operators": operator_shares(times, clock)}
    for title, shares in titles.items():
        table = Table(title, *terminal.figure_columns(f"{CLOCKS[clock]} at batch {times.batch_size}", "share"))
        for share in shares:
            table.add_row(share.name, units.seconds(share.time_s), units.percent(share.share, 1))
        console.print(table)
    whole = units.percent(accounted(times, clock), 1)
    console.print(f"the stages add up to {whole} of a pass without hooks; operators are timed one by one")


def show_stages(
    stages: Iterable[tuple[str, Mapping[str, Counts], tuple[str, Profile] | None]],
    conventions: Iterable[str],
    *,
    as_json: bool,
) -> None:
    """Print what each stage of each network costs to stdout, and what it took in a record (with its path), if any.

    Operations are those at the stated input.
    """
    names = tuple(conventions)
    if as_json:
        plain = ({"network": name, "stages": _plain_stages(counts, names, timed)} for name, counts, timed in stages)
        terminal.print_json(list(plain))
        return
    for name, counts, timed in stages:
        _stage_table(name, counts, names, timed)


def _stage_table(
    name: str, stages: Mapping[str, Counts], conventions: tuple[str, ...], timed: tuple[str, Profile] | None
) -> None:
    times: tuple[StageTimes, ...] = timed[1].stages if timed else ()
    clock = clock_of_stages(timed[1]) if timed else "wall_ns"
    whole = sum(counts.terms.macs for counts in stages.values()) or 1
    headings = [
        *conventions,
        *(["MACs, share"] if times else []),
        *(f"{CLOCKS[clock]} at batch {of.batch_size}" for of in times),
    ]
    table = Table(
        "stage",
        *terminal.figure_columns("parameters", *headings, "activations", "operators", "receptive field"),
        title=name,
    )
    shares = [{share.name: share for share in stage_shares(of, clock)} for of in times]
    for stage, counts in stages.items():
        spans = [f"{units.seconds(of[stage].time_s)} {units.percent(of[stage].share, 1):>7}" for of in shares]
        table.add_row(
            stage,
            units.integer(counts.params),
            *(bounded(operations(counts.terms, convention), counts) for convention in conventions),
            *([units.percent(counts.terms.macs / whole, 1)] if times else []),
            *spans,
            units.integer(counts.activations),
            units.integer(counts.operators or 0),
            units.pixels(counts.receptive_field_px) if counts.receptive_field_px else "-",
        )
    console = terminal.results_console()
    console.print(table)
    if timed:
        console.print(source(*timed))


def source(path: str, record: Profile) -> str:
    """Return where times come from."""
    busy = noise_words(record.environment.conditions.noise)
    return f"times: {path}; {conditions(record)}{busy}; {device(record.environment)}"


def _plain_stages(
    stages: Mapping[str, Counts], conventions: tuple[str, ...], timed: tuple[str, Profile] | None
) -> dict[str, dict[str, Any]]:
    plain = {
        stage: {
            **msgspec.to_builtins(counts),
            "operations": {name: operations(counts.terms, name) for name in conventions},
        }
        for stage, counts in stages.items()
    }
    if timed:
        clock = clock_of_stages(timed[1])
        for times in timed[1].stages:
            for share in stage_shares(times, clock):
                plain[share.name].setdefault("time_s", {})[str(times.batch_size)] = share.time_s
    return plain
