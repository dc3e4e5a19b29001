"""The table of networks, beside what was measured of them where there are records."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from resbench import units
from resbench.bench.columns import RECORD_COLUMNS, Columns, Row, TableColumn
from resbench.bench.table import record_rows
from resbench.counting.counted import counted_or_none
from resbench.errors import ResbenchError
from resbench.records.files import json_names
from resbench.records.jsonio import read_record
from resbench.records.record import Record
from resbench.records.store import network_folder
from resbench.report import terminal
from resbench.report.choosing import RowChoice, chosen_rows, machine_test
from resbench.report.progress import timing_progress
from resbench.report.results import Narrowing, print_rows
from resbench.report.where import UNKNOWN, condition
from resbench.zoo.find import checkpoints
from resbench.zoo.spec import Variant

Candidates = dict[str, list[Row]]  # by network

COSTS = ("network", "family", "input_px", "params", "macs", "top1", "checkpoints")
COLUMNS: Columns = {
    **{name: RECORD_COLUMNS[name] for name in COSTS[:-1]},
    "checkpoints": TableColumn("number", "how many were published", whole=True),
    **{name: column for name, column in RECORD_COLUMNS.items() if name not in COSTS},
}
# What a record says, and a network alone does not.
MEASURED = tuple(name for name in COLUMNS if name not in (*COSTS, "activations", "input_width_px"))
_SHOWN = (
    *COSTS[:-1], "top1_source", "latency_ms", "latency_batch", "images_per_s", "throughput_batch", "machine",
    "settings", "noise",
)  # fmt: skip


def candidates(variants: Sequence[Variant], folder: Path, machine: str | None) -> Candidates:
    """Return what may stand for each network: its profiles below `folder`, or without one what is known beforehand.

    Records lie as --save puts them; files there that are none are noted.
    """
    is_meant = machine_test(machine)
    profiles: dict[str, list[Row]] = {variant.name: [] for variant in variants}
    known = {variant.name: _known(variant) for variant in variants}
    for row in record_rows(_records_of(variants, folder)):
        if row["kind"] == "profile" and row["network"] in profiles and is_meant(row):
            profiles[row["network"]].append(row | {"checkpoints": known[row["network"]]["checkpoints"]})
    return {name: rows or [known[name]] for name, rows in profiles.items()}


def _records_of(variants: Iterable[Variant], folder: Path) -> Iterator[tuple[str, Record]]:
    """Yield the records of `variants` below `folder` with their paths; files that are none are noted."""
    names = {network_folder(variant.name) for variant in variants}
    own = [path for path in json_names(folder) if names.intersection(path.split("/"))]
    faults: list[str] = []
    for path in own:
        try:
            yield path, read_record(f"{folder}/{path}")
        except ResbenchError as error:
            faults.append(str(error))
    if faults:
        more = f" (and {len(faults) - 1} more such files)" if len(faults) > 1 else ""
        terminal.advice().print(f"note: left out: {faults[0]}{more}", soft_wrap=True)


def network_rows(by_network: Candidates, choice: RowChoice) -> list[Row]:
    """Return one row per network that `choice` leaves: its best profile, or what is known without one.

    Raises ResbenchError for what `choice` cannot mean.
    """
    sort = choice.sort
    by = sort if sort in MEASURED and COLUMNS[sort].better else "latency_ms"
    rows = [row for own in by_network.values() for row in own]
    best = chosen_rows(rows, COLUMNS, RowChoice(where=choice.where, best_per="network", sort=by))
    order = {name: place for place, name in enumerate(by_network)}
    best.sort(key=lambda row: order[row["network"]])
    return chosen_rows(best, COLUMNS, RowChoice(sort=sort, descending=choice.descending))


def unmeasured(variants: Sequence[Variant], by_network: Candidates, choice: RowChoice) -> list[Variant]:
    """Return the networks without a profile that may meet the condition once they have one."""
    holds = condition(choice.where, COLUMNS) if choice.where is not None else lambda _: True
    open_ = dict.fromkeys(MEASURED, UNKNOWN)
    return [
        variant
        for variant in variants
        if (row := by_network[variant.name][0])["record"] is None and holds(row | open_) is not False
    ]


def _known(variant: Variant) -> Row:
    """Return the row of a network without a record, its accuracy the best that was published."""
    counts = counted_or_none(variant.name)
    published = checkpoints(variant.name)
    claims = {weights.name: claim for weights in published if (claim := weights.sound_claim("top1"))}
    best = max(claims, key=lambda name: claims[name].value, default=None)
    return dict.fromkeys(COLUMNS) | {
        "network": variant.name,
        "family": variant.family,
        "input_px": variant.input_px,
        "input_width_px": variant.input_px,
        "params": counts.params if counts else None,
        "macs": counts.terms.macs if counts else None,
        "activations": counts.activations if counts else None,
        "top1": best and round(100 * claims[best].value, 3),
        "top1_source": best and "published",
        "top1_checkpoint": best,
        "checkpoints": len(published),
    }


def show_networks(rows: Sequence[Row], choice: RowChoice, *, as_json: bool) -> None:
    """Print one row per network to stdout; what was measured only where anything was."""
    if not rows:
        terminal.advice().print("no network meets these conditions")
    measured = any(row["record"] for row in rows)
    if as_json:
        shown: Sequence[str] = list(COLUMNS) if measured else COSTS
        terminal.print_json([{name: _listed(row, name) for name in shown} for row in rows])
    else:
        print_rows(rows, COLUMNS, _SHOWN if measured else COSTS, Narrowing(first=choice.words, rest="--json"))


def _listed(row: Row, name: str) -> Any:
    return [weights.name for weights in checkpoints(row["network"])] if name == "checkpoints" else row[name]


def show_unmeasured(missing: Sequence[Variant], choice: RowChoice) -> None:
    """Say on stderr which networks may meet the condition and have no record, where it asks for what records say."""
    if missing and (choice.machine or set(choice.words).intersection(MEASURED)):
        names = ", ".join(variant.name for variant in missing[:3]) + (", ..." if len(missing) > 3 else "")
        number = units.count_of(len(missing), "network")
        text = f"note: no record of {number} that may fit ({names}); --measure profiles what is missing"
        terminal.advice().print(text, soft_wrap=True)


def measure_missing(variants: Sequence[Variant], results: Path, *, quiet: bool) -> None:
    """Profile `variants` on this machine as `resbench profile` does, each saved below `results` when it is finished."""
    from resbench.bench import profiles, profiling  # torch
    from resbench.report.profile import note_outcome

    with timing_progress(quiet=quiet) as on_progress:
        for outcome in profiles.profile_each(variants, profiling.Profiling(), root=results, on_progress=on_progress):
            note_outcome(outcome, quiet=quiet)


def machine_meant(machine: str | None, *, measure: bool) -> str | None:
    """Return whose records count: with --measure those of this machine. Raises ResbenchError for any other then."""
    if measure and machine not in (None, "here"):
        raise ResbenchError(f"--measure --machine {machine}: profiles run on this machine; give --machine here")
    return "here" if measure else machine
