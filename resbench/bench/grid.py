"""Every way to run a network on this machine: what there is to choose from, and what there is not."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import torch

from resbench import environment
from resbench.errors import ResbenchError
from resbench.records.settings import Settings
from resbench.records.tuned import CannotRace
from resbench.running.runtimes.runtime import RUNTIMES, Runtime, missing, runtime_obstacle
from resbench.running.settings import Running

_SWITCHES = ("fuse", "channels_last")  # options of Running that are on or off
_COMPILING = ("compile", "aotinductor")  # these take long to make ready, so they come last


def runtimes_here(asked: Collection[str], on: torch.device) -> tuple[list[Runtime], list[CannotRace]]:
    """Return the runtimes that can run here, of those `asked` for (none: all), and why others cannot.

    Raises ResbenchError for a name that is none of them.
    """
    if unknown := [name for name in asked if name not in RUNTIMES]:
        raise ResbenchError(f"runtime {unknown[0]!r}: unknown; choose from {', '.join(RUNTIMES)}")
    here: list[Runtime] = []
    cannot: list[CannotRace] = []
    for row in RUNTIMES.values():
        if asked and row.name not in asked:
            continue
        # Any size and the type that all have: what else cannot be run shows when it is made ready.
        obstacle = runtime_obstacle(Settings(input_px=(1, 1), runtime=row.name), on)
        if why := obstacle or missing(row.name):
            cannot.append(CannotRace(what=row.name, why=why))
        else:
            here.append(row)
    return here, cannot


def grid(running: Running, runtimes: Sequence[Runtime], on: torch.device) -> list[Running]:
    """Return every way to run a network in `runtimes` on `on`, and plain eager torch, which ratios are shown to, first.

    Then what all runtimes do with the same number of threads, so that none is left out when time ends early; what
    compiles comes last. `running` says what is the same in all: image size, and threads where they are fixed; int8 is
    tried where it has images for calibration.
    """
    numbers: tuple[int | None, ...] = (running.threads,) if running.threads or on.type != "cpu" else thread_numbers()
    plain = replace(running, runtime="eager", dtype="fp32", threads=numbers[0], calibration=None)
    ways = [
        replace(plain, runtime=row.name, dtype=dtype, threads=threads, **switches)
        for compiling in (False, True)
        for threads in numbers
        for row in runtimes
        if (row.name in _COMPILING) == compiling
        for dtype in _dtypes(row, on, int8=running.calibration is not None)
        for switches in _switches(row)
    ]
    calibrated = (replace(way, calibration=running.calibration) if way.dtype == "int8" else way for way in ways)
    return list(dict.fromkeys([plain, *calibrated]))


def thread_numbers() -> tuple[int, ...]:
    """Return the numbers of CPU threads to try: torch's own first, then 1, 2, 4, ... up to all cores."""
    cores = environment.cpu_cores()
    doubled = [2**power for power in range(cores.bit_length()) if 2**power <= cores]
    return tuple(dict.fromkeys([torch.get_num_threads(), *reversed(doubled)]))


def _dtypes(row: Runtime, on: torch.device, *, int8: bool) -> Iterator[str]:
    for dtype in row.dtypes[on.type]:
        slow = dtype == "fp16" and on.type == "cpu"  # several times slower than fp32 on most
        if not slow and (dtype != "int8" or int8):
            yield dtype


def _switches(row: Runtime) -> Iterator[dict[str, Any]]:
    names = [name for name in _SWITCHES if name in row.options]
    for values in product((True, False), repeat=len(names)):
        yield dict(zip(names, values, strict=True))
