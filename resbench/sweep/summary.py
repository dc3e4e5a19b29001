"""What a sweep has come to: how many jobs ended, how long the rest will take."""

from collections import Counter
from collections.abc import Iterable
from math import ceil
from pathlib import Path
from statistics import fmean

import msgspec

from resbench.judging.peers import SlowMachine, slow_machines
from resbench.records.jsonio import read_record
from resbench.records.record import Profile
from resbench.sweep.jobs import Job
from resbench.sweep.ledger import Ending, EngineOptions, Ledger, StoredSweep


class JobState(msgspec.Struct, frozen=True, kw_only=True):
    """A job, and where it is."""

    job: Job
    state: str  # "waiting", "submitted", "done", "there", "failed"
    ending: Ending | None = None


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """A sweep, and how far it has come."""

    running: bool  # whether a process runs it now
    counts: dict[str, int]  # state -> jobs
    seconds_left: float | None
    jobs: tuple[JobState, ...]
    slow_machines: tuple[SlowMachine, ...] = ()


def status_of(ledger: Ledger, stored: StoredSweep) -> Status:
    """Return where every job of a sweep is."""
    running = ledger.is_owned()
    submitted = {key for ticket in ledger.tickets() for key in ticket.jobs}
    if not running and stored.engine.name == "here":  # what was started has ended with its process
        submitted = set()
    states = []
    for job in stored.jobs:
        ending = ledger.ending(job)
        state = ending.state if ending else "submitted" if job.key in submitted else "waiting"
        states.append(JobState(job=job, state=state, ending=ending))
    ended = [(each.job, each.ending) for each in states if each.ending]
    left = [each.job for each in states if not each.ending]
    return Status(
        running=running,
        counts=dict(Counter(each.state for each in states)),
        seconds_left=seconds_left(ended, left, stored.engine),
        jobs=tuple(states),
        slow_machines=tuple(slow_machines(_profiles_by_host(ledger.root, [ending for _, ending in ended]))),
    )


def _profiles_by_host(root: Path, endings: Iterable[Ending]) -> dict[str, list[Profile]]:
    """Return what each host of a sweep measured; nothing where one host measured all."""
    done = [ending for ending in endings if ending.state == "done" and ending.record]
    if len({ending.host for ending in done}) < 2:
        return {}
    profiles: dict[str, list[Profile]] = {}
    for ending in done:
        path = root / str(ending.record)
        if path.exists() and isinstance(record := read_record(path), Profile):
            profiles.setdefault(ending.host, []).append(record)
    return profiles


def seconds_left(ended: Iterable[tuple[Job, Ending]], left: Iterable[Job], engine: EngineOptions) -> float | None:
    """Return how long the jobs that are `left` will take, if they take as long as those of their kind that ended.

    None where none did that was measured; the times of the other kind where there are none of their own.
    """
    times = [(job.kind, ending.seconds) for job, ending in ended if ending.seconds is not None]
    seconds = 0.0
    for kind, number in Counter(job.kind for job in left).items():
        known = [own for of, own in times if of == kind] or [own for _, own in times]
        if not known:
            return None
        seconds += fmean(known) * ceil(number / engine.at_once(kind))
    return seconds
