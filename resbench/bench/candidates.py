"""The settings that race for a network, each made ready to be timed."""

import copy
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import torch

from resbench import units
from resbench.bench.calibrating import calibration_from
from resbench.bench.subject import LoadedNetwork, OnProgress, loaded_network
from resbench.bench.worker import Local
from resbench.errors import ResbenchError, first_line
from resbench.records.settings import Settings
from resbench.records.tuned import CannotRace
from resbench.running.arm import Arm, prepare
from resbench.running.runtimes.runtime import RUNTIMES
from resbench.running.settings import weight_dtype
from resbench.timing.interleave import Burst
from resbench.timing.speeds import Request

COPIES = 8  # of the weights that there must be memory for before a setting is made ready: exporting takes several
HOPELESS = 4  # as many times plain eager torch's time: no noise makes that of the fastest
_TOO_SLOW = f"took more than {HOPELESS} times as long as plain eager torch in the first calls"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidate:
    """A setting at a batch size, ready to be timed."""

    request: Request
    arm: Arm
    batch_size: int
    burst: Burst

    @property
    def image_s(self) -> float:
        """Seconds per image, of one or two calls."""
        return self.burst.call_s / self.batch_size


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidates:
    """What races for a network, plain eager torch first, and what cannot."""

    loaded: LoadedNetwork
    ready: tuple[Candidate, ...]
    cannot: tuple[CannotRace, ...]


def made_ready(
    requests: Sequence[Request], batch_sizes: Sequence[int], folder: Path, until_s: float, on_progress: OnProgress
) -> Candidates:
    """Make every request ready at every batch size while there is time; the first one, plain eager torch, always.

    Files that runtimes run are made in `folder`. What cannot be made ready, or is hopelessly slow, does not stop the
    others. Raises ResbenchError when plain eager torch cannot be made ready.
    """
    loaded = loaded_network(requests[0])
    switching = len({request.settings.threads for request in requests}) > 1
    ready: list[Candidate] = []
    left_out: Counter[tuple[str, str]] = Counter()
    arms: dict[Settings, Arm] = {}
    for index, request in enumerate(requests):
        on_progress("making settings ready", index / len(requests))
        runtime = request.settings.runtime
        if ready and (why := _obstacle(until_s, loaded)):
            left_out[runtime, why] += 1
            continue
        for size in batch_sizes:
            try:
                arm = _arm(request, loaded, folder, arms)
                burst = Burst(Local(arm, size, switching=switching))
            except (ResbenchError, RuntimeError) as error:  # of a compiler that is missing, for one
                if not ready:
                    raise
                left_out[runtime, first_line(error).removeprefix(f"runtime {runtime}: ")] += 1
                continue
            candidate = Candidate(request=request, arm=arm, batch_size=size, burst=burst)
            if ready and candidate.image_s > HOPELESS * ready[0].image_s:
                left_out[runtime, _TOO_SLOW] += 1
            else:
                ready.append(candidate)
    return Candidates(loaded=loaded, ready=tuple(ready), cannot=tuple(_cannot(left_out)))


def _cannot(left_out: Counter[tuple[str, str]]) -> Iterator[CannotRace]:
    for (runtime, why), number in left_out.items():
        yield CannotRace(what=runtime, why=f"{units.count_of(number, 'setting')}: {why}")


def _obstacle(until_s: float, loaded: LoadedNetwork) -> str:
    """Return why no other setting can be made ready; empty: one can."""
    if time.monotonic() > until_s:
        return "no time was left; give a larger --time-budget"
    weights_bytes = sum(tensor.nbytes for tensor in loaded.module.state_dict().values())
    if psutil.virtual_memory().available < COPIES * weights_bytes:
        return "no memory was left; try fewer, with --runtime or --threads"
    return ""


def _arm(request: Request, loaded: LoadedNetwork, folder: Path, arms: dict[Settings, Arm]) -> Arm:
    """Return the network in the settings of `request`; `arms` has those that were made before.

    Numbers of threads share one in eager torch, where they are a switch, and batch sizes share one everywhere.
    """
    own = request.settings
    key = replace(own, threads=None) if own.runtime == "eager" else own
    if key not in arms:
        arms[key] = prepare(
            copy.deepcopy(loaded.module),
            own,
            torch.device(request.device),
            request.network.classes,
            _files(own, folder, len(arms)),
            calibration_from(request.calibration),
        )
    return replace(arms[key], settings=own)


def _files(settings: Settings, folder: Path, number: int) -> Path | None:
    """Return the folder of what a setting's runtime runs; those that heed no options run the same files."""
    row = RUNTIMES[settings.runtime]
    if not row.files:
        return None
    own = folder / (f"{row.name}-{number}" if row.options else str(weight_dtype(settings)))
    own.mkdir(exist_ok=True)
    return own
