"""A profile as people read it: costs, speeds with their intervals, memory, environment, and what to beware of."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rich.table import Table

from resbench import units
from resbench.counting.conventions import operations
from resbench.errors import ExitCode
from resbench.judging import stats
from resbench.judging.roofline import roofline
from resbench.judging.timings import ratio_between
from resbench.records.record import Gpu, Kernels, Memory, Profile, Series
from resbench.report import terminal
from resbench.report.stages import show_shares
from resbench.words.measured import rate, ratio_words, time
from resbench.words.observed import conditions, device, images, noise, overloaded, peak_words, run_by, speed, speed_at

if TYPE_CHECKING:
    from resbench.bench.profiles import Outcome

_STOPPED = {"precision": "target reached", "time_budget": "time budget", "cluster_cap": "most clusters"}
_PER_CENT_SHOWN = 100  # an interval wider than this says only that it is wide


def show_profiles(outcomes: "Iterable[Outcome]", *, single: bool, as_json: bool, quiet: bool) -> ExitCode:
    """Print what comes, one network in full, several as a table at the end (also after Ctrl-C)."""
    profiles: list[Profile] = []
    worst = ExitCode.OK
    try:
        for outcome in outcomes:
            if outcome.record:
                profiles.append(outcome.record)
            if outcome.error:
                worst = max(worst, outcome.error.exit_code)
            note_outcome(outcome, quiet=quiet)
    finally:
        _print(profiles, single=single, as_json=as_json, quiet=quiet)
    return worst


def note_outcome(outcome: "Outcome", *, quiet: bool) -> None:
    """Say on stderr how a network ran as saved, why it has no profile, or where its record lies."""
    if outcome.note and not quiet:
        terminal.advice().print(f"note: {outcome.note}", soft_wrap=True)
    if outcome.error:
        terminal.advice().print(f"resbench: {outcome.network}: {outcome.error}", soft_wrap=True)
    elif outcome.path and not quiet:
        terminal.advice().print(f"saved {outcome.path}", soft_wrap=True)


def profile_sheet(record: Profile, *, quiet: bool = False) -> None:
    """Print everything about one profile to stdout, and to stderr what to beware of."""
    console = terminal.results_console()
    console.print(terminal.titled(record.network, f" on {device(record.environment)}"))
    console.print(conditions(record))
    if runtime := run_by(record.engine, record.exported):
        console.print(runtime)
    console.print(_costs(record))
    if record.series:
        console.print(_speeds(record))
    for line in (*map(_sampling, record.series), *map(_memory, filter(peak_words, record.memory))):
        console.print(line)
    for table in (_kernels(record.kernels or ()), _roofline(record), _energy(record)):
        if table.row_count:
            console.print(table)
    show_shares(record)
    for line in dict.fromkeys(f"end to end: {images(series.pipeline)}" for series in record.series if series.pipeline):
        console.print(line)
    console.print(noise(record.environment))
    if not quiet:
        for note in profile_notes(record):
            terminal.advice().print(f"note: {note}")


def profiles_table(records: Iterable[Profile]) -> None:
    """Print one row per speed of each profile to stdout, in their order; ratios are to the first."""
    profiles = list(records)
    titles = ("network", "parameters", "MACs", "speed", "batch", "time per call", "CPU time", "images/s", "peak memory")
    out = Table(*titles, "time/first")
    for record in profiles:
        memory = {memory.batch_size: _peak(memory) for memory in record.memory}
        for series in record.series:
            out.add_row(
                record.network,
                units.integer(record.counts.params),
                units.si(record.counts.terms.macs),
                f"{speed(series.speed)}{overloaded(record.environment)}",
                str(series.batch_size),
                time(stats.summarise(series).median),
                _cpu_time(series),
                rate(series),
                memory.get(series.batch_size, "-"),
                _against(profiles[0], record, series),
            )
    terminal.results_console().print(out)


def _cpu_time(series: Series) -> str:
    cpu = stats.summarise(series).cpu
    return units.seconds(cpu.estimate) if cpu else "-"


def _against(first: Profile, record: Profile, series: Series) -> str:
    """Return the ratio of a time to that of the first network at the same batch size."""
    partner = first.series_at(series.speed, series.batch_size)
    if partner is None:
        return "-"
    return "1" if record is first else ratio_words(ratio_between(partner, series))


def profile_notes(record: Profile) -> Iterator[str]:
    """Yield what to beware of in the figures, each with what can be done about it."""
    if record.environment.conditions.noise == "overloaded":
        yield "other programs kept this machine busy; wall times will not repeat"
        if (record.settings.threads or 1) > 1:
            yield "threads that wait for one another use CPU time too; on a busy machine use --threads 1"
    for series in record.series:
        label = speed_at(series)
        if series.stop_reason == "time_budget":
            width = stats.summarise(series).median.half_width
            yield f"{label}: stopped by the time budget at {_width(width)}; a larger --time-budget narrows it"
        if not all(launch.steady for launch in series.launches):
            yield f"{label}: still changing when the warm-up ended; measure again on a quieter machine"
        if series.drifting:
            yield f"{label}: drifted while it was measured; the device may be heating up"
        if any(launch.discarded for launch in series.launches):
            yield f"{label}: clusters in which the device throttled itself were measured again"
        if any("power_capped" in cluster.flags for launch in series.launches for cluster in launch.clusters):
            yield f"{label}: the power limit held the clocks back in some clusters"
    if any(
        roof is not None and not roof.reliable for roof in (roofline(record, measured) for measured in record.series)
    ):
        yield (
            "faster than the ceilings of the same run, which are unreliable: other work slowed them down, or caches "
            "hold what this network needs; measure again on a quiet machine"
        )
    if record.gpu and record.gpu.other_processes:
        yield f"{record.gpu.other_processes} other processes computed on this GPU; measure again when it is free"
    if record.output_difference is not None and record.exported is None:
        yield f"outputs differ from plain fp32 by at most {record.output_difference:.2g} of the largest logit"


def _print(profiles: list[Profile], *, single: bool, as_json: bool, quiet: bool) -> None:
    if as_json:
        terminal.print_records(profiles)
    elif single and profiles:
        profile_sheet(profiles[0], quiet=quiet)
    elif profiles:
        profiles_table(profiles)
        if not quiet:
            text = "note: ratios of separate runs below 25 % prove nothing; `resbench ab A B` lets networks take turns"
            terminal.advice().print(text, soft_wrap=True)


def _costs(record: Profile) -> Table:
    counts = record.counts
    out = Table("cost", "value", show_header=False)
    out.columns[1].justify = "right"
    out.add_row("parameters", units.integer(counts.params))
    out.add_row("multiply-adds (MACs)", units.integer(counts.terms.macs))
    out.add_row('fvcore\'s "flops"', units.integer(operations(counts.terms, "fvcore")))
    out.add_row("activations", units.integer(counts.activations))
    if counts.operators is not None:
        out.add_row("operators", units.integer(counts.operators))
    out.add_row("weights in fp32", units.size(counts.weights_bytes))
    return out


def _speeds(record: Profile) -> Table:
    out = Table("speed", "batch", "median, 95 % interval", "images/s", "CPU time", "cold")
    for series in record.series:
        out.add_row(
            f"{speed(series.speed)}{overloaded(record.environment)}",
            str(series.batch_size),
            time(stats.summarise(series).median),
            rate(series),
            _cpu_time(series),
            units.seconds(series.launches[0].cold_start_ns / 1e9),
        )
    return out


def _sampling(series: Series) -> str:
    """Return how a speed was sampled, and its percentiles where there are samples enough."""
    summary = stats.summarise(series)
    parts = [
        f"{units.integer(summary.samples)} samples in {units.integer(summary.clusters)} clusters",
        f"{_width(summary.median.half_width)} ({_STOPPED[series.stop_reason]})",
        *(f"p{100 * share:.0f} {time(interval)}" for share, interval in summary.percentiles.items() if interval),
    ]
    return f"{speed_at(series)}: {', '.join(parts)}"


def _memory(memory: Memory) -> str:
    own = ""
    if memory.resident_bytes is not None and memory.resident_before_bytes is not None:
        own = f", {units.size(memory.resident_bytes - memory.resident_before_bytes)} of it network and activations"
    return f"peak memory at batch {memory.batch_size}: {_peak(memory)}{own}"


def _peak(memory: Memory) -> str:
    return ", ".join(peak_words(memory)) or "-"


def _kernels(kernels_by_batch: Iterable[Kernels]) -> Table:
    out = Table("kernels of the device", "batch", "launches by the host")
    for kernels in kernels_by_batch:
        out.add_row(units.integer(kernels.kernels), str(kernels.batch_size), units.integer(kernels.launches))
    return out


def _roofline(record: Profile) -> Table:
    out = Table("against ceilings", "batch", "FLOP/s", "bytes/s", "FLOP/byte", "of roof", "bound by")
    roofs = [(series, roof) for series in record.series if (roof := roofline(record, series))]
    for series, roof in roofs:
        waiting = "" if roof.waiting is None else f" (device waits {units.percent(roof.waiting, 0)})"
        out.add_row(
            speed(series.speed),
            str(series.batch_size),
            _of(roof.achieved_flop_per_s, roof.matmul_flop_per_s),
            _of(roof.achieved_bytes_per_s, roof.copy_bytes_per_s),
            units.figure(roof.intensity, 3),
            f"{units.percent(roof.of_roof, 0)}{'' if roof.reliable else ', unreliable'}",
            f"{roof.bound}{waiting}" if roof.reliable else "-",
        )
    for _, roof in roofs[:1]:  # they are of the whole run
        ceilings = (
            units.si(roof.matmul_flop_per_s, 1),
            units.si(roof.copy_bytes_per_s, 1),
            f"ridge {units.figure(roof.ridge, 3)}",
        )
        out.add_row("the ceilings", "", *ceilings)
    return out


def _energy(record: Profile) -> Table:
    out = Table("energy", "batch", "per image", "power", "SM clock", "temperature")
    gpu = record.gpu or Gpu()
    for energy in record.energy:
        out.add_row(
            f"{units.figure(energy.millijoules / 1e3)} J",
            str(energy.batch_size),
            f"{units.figure(energy.millijoules / energy.images)} mJ",
            f"{units.figure(energy.millijoules / 1e3 / (energy.wall_ns / 1e9))} W",
            _span(gpu.sm_clock_mhz, "MHz"),
            _span(gpu.temperature_c, "°C"),
        )
    return out


def _span(readings: tuple[int, ...], unit: str) -> str:
    return f"{min(readings)} to {max(readings)} {unit}" if readings else "-"


def _of(achieved: float, ceiling: float) -> str:
    return f"{units.si(achieved, 1)}, {units.percent(achieved / ceiling, 0)}"


def _width(half_width: float) -> str:
    return f"over ±{_PER_CENT_SHOWN} %" if 100 * half_width > _PER_CENT_SHOWN else f"±{100 * half_width:.2g} %"
