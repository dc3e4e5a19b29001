"""What a sweep would do, and how long that may take."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

import msgspec

from resbench.records.store import stored_records
from resbench.sweep.jobs import Job, Kind
from resbench.sweep.ledger import EngineOptions
from resbench.sweep.summary import JobState
from resbench.sweep.work import known_ending

_KINDS: dict[str, Kind] = {"profile": "profile", "evaluation": "validate"}


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What a sweep would do."""

    jobs: tuple[JobState, ...]  # "there" or "waiting"; "failed": this machine cannot measure it
    counts: dict[str, int]
    seconds: float | None  # that the waiting ones will take; None: no record tells
    estimated_alike: int  # waiting jobs whose time is that of a record of the same network or checkpoint


def forecast(jobs: Sequence[Job], root: Path, engine: EngineOptions) -> Forecast:
    """Return which jobs have records below `root` already, and how long the rest will take by the records there.

    On a cluster only the workers can tell what their machines have measured.
    """
    local = engine.name in ("here", "processes")
    states = [_state(job, root) if local else JobState(job=job, state="waiting") for job in jobs]
    durations = _durations(root)
    waiting = [each.job for each in states if each.state == "waiting"]
    times = [(job.kind, durations.get((job.kind, job.name)) or _typical(durations, job.kind)) for job in waiting]
    known = bool(times) and all(own for _, own in times)
    return Forecast(
        jobs=tuple(states),
        counts=dict(Counter(each.state for each in states)),
        seconds=sum((own or 0.0) / engine.at_once(kind) for kind, own in times) if known else None,
        estimated_alike=sum((job.kind, job.name) in durations for job in waiting),
    )


def _state(job: Job, root: Path) -> JobState:
    ending = known_ending(job, root)
    return JobState(job=job, state=ending.state if ending else "waiting", ending=ending)


def _durations(root: Path) -> Mapping[tuple[Kind, str], float]:
    """Return how long a job of each kind and network took, by the records below `root`."""
    durations: dict[tuple[Kind, str], float] = {}
    for record in stored_records(root).values():
        kind = _KINDS[record.kind]
        for name in (record.network, record.weights):
            if name:
                durations[kind, name] = record.run.duration_s
    return durations


def _typical(durations: Mapping[tuple[Kind, str], float], kind: Kind) -> float | None:
    alike = [seconds for (own, _), seconds in durations.items() if own == kind]
    return fmean(alike) if alike else None
