"""A sweep at work: bundles go to an engine, and what dies is tried again."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from resbench.errors import ExitCode
from resbench.sweep.engines import Bundle, Ended, SweepEngine
from resbench.sweep.jobs import Job, parts_of, together
from resbench.sweep.ledger import Ending, Ledger, StoredSweep, Ticket, open_jobs
from resbench.sweep.work import known_ending

PAUSE_S = 0.5  # between two looks at what runs
OnEnding = Callable[[Job, Ending], None]


def drive(
    ledger: Ledger, engine: SweepEngine, stored: StoredSweep, on_ending: OnEnding, *, cancel: bool = False
) -> None:
    """Bring every open job of the sweep to its end; jobs that a process before this one has started are waited for.

    On Ctrl-C what runs is left running where the engine can do that, unless it is to `cancel`.
    """
    busy = _adopted(ledger, engine, stored)
    taken = {key for ticket in busy for key in ticket.jobs}
    jobs = [job for job in open_jobs(ledger, stored.jobs) if job.key not in taken]
    for job in jobs:
        ledger.forget(job)
    if engine.local:
        jobs = list(_unknown(ledger, jobs, on_ending))
    parts = parts_of(stored.jobs)
    try:
        first = [job for job in jobs if job.key not in parts]
        _complete(ledger, engine, stored, first, busy, on_ending)
        whole = list(_with_all_parts(ledger, [job for job in jobs if job.key in parts], parts, on_ending))
        _complete(ledger, engine, stored, whole, busy, on_ending)
    except BaseException:
        if cancel or not engine.outlives:
            _cancelled(ledger, engine, busy)
        raise


def cancel_all(ledger: Ledger, engine: SweepEngine, stored: StoredSweep) -> int:
    """Stop what an engine still runs of a sweep, and return how many workers that were."""
    busy = _adopted(ledger, engine, stored)
    _cancelled(ledger, engine, busy)
    return len(busy)


def _adopted(ledger: Ledger, engine: SweepEngine, stored: StoredSweep) -> dict[Ticket, Bundle]:
    """Return what an earlier process left running; it is no use where bundles end with the process."""
    by_key = {job.key: job for job in stored.jobs}
    tickets = ledger.tickets()
    if not engine.outlives:
        for ticket in tickets:
            ledger.drop(ticket)
        return {}
    return {
        ticket: Bundle(jobs=tuple(by_key[key] for key in ticket.jobs), attempt=ticket.attempt) for ticket in tickets
    }


def _unknown(ledger: Ledger, jobs: Sequence[Job], on_ending: OnEnding) -> Iterator[Job]:
    """Yield the jobs that have to be measured; the others end here."""
    for job in jobs:
        if ending := known_ending(job, ledger.root):
            ledger.end(job, ending)
            on_ending(job, ending)
        else:
            yield job


def _complete(
    ledger: Ledger,
    engine: SweepEngine,
    stored: StoredSweep,
    jobs: Sequence[Job],
    busy: dict[Ticket, Bundle],
    on_ending: OnEnding,
) -> None:
    """Bring `jobs`, and what is `busy` already, to their end; `busy` is kept up to date."""
    waiting = deque(Bundle(jobs=group) for group in together(jobs, stored.together))
    while waiting or busy:
        busy |= _submitted(ledger, engine, waiting, list(busy.values()))
        ended = _ended(engine, busy)
        for ticket, end in ended.items():
            waiting.extend(_settled(ledger, busy.pop(ticket), end, stored.retries, on_ending))
            ledger.drop(ticket)
        if busy and not ended:
            time.sleep(PAUSE_S)


def _with_all_parts(
    ledger: Ledger, jobs: Sequence[Job], parts: Mapping[str, Sequence[Job]], on_ending: OnEnding
) -> Iterator[Job]:
    """Yield the validations whose parts have all ended well; the others end here."""
    for job in jobs:
        failed = open_jobs(ledger, parts[job.key])
        if not failed:
            yield job
            continue
        cause = ledger.ending(failed[0]) or Ending(state="failed", reason="no result", exit_code=ExitCode.INVALID)
        ending = msgspec.structs.replace(cause, reason=f"{failed[0].part_words}: {cause.reason}", lines=())
        ledger.end(job, ending)
        on_ending(job, ending)


def _submitted(
    ledger: Ledger, engine: SweepEngine, waiting: deque[Bundle], busy: Sequence[Bundle]
) -> dict[Ticket, Bundle]:
    """Submit as many bundles as the engine has room for."""
    ready: list[Bundle] = []
    while waiting and engine.has_room([*busy, *ready], waiting[0]):
        ready.append(waiting.popleft())
    handles = engine.submit(ready) if ready else []
    tickets = {
        Ticket(jobs=bundle.keys, handle=handle, attempt=bundle.attempt): bundle
        for handle, bundle in zip(handles, ready, strict=True)
    }
    for ticket in tickets:
        ledger.note(ticket)
    return tickets


def _ended(engine: SweepEngine, busy: dict[Ticket, Bundle]) -> dict[Ticket, Ended]:
    polled = {ticket: engine.poll(ticket.handle, bundle) for ticket, bundle in busy.items()}
    return {ticket: end for ticket, end in polled.items() if end}


def _settled(ledger: Ledger, bundle: Bundle, end: Ended, retries: int, on_ending: OnEnding) -> Iterator[Bundle]:
    """Tell how the jobs of a bundle ended; yield those to be tried again: together, from the third time on alone."""
    again = []
    for job in bundle.jobs:
        ending = ledger.ending(job)
        if ending is None and end.exit_code == ExitCode.INVALID and bundle.attempt <= retries:
            again.append(job)
            continue
        if ending is None:
            ending = Ending(
                state="failed", reason=end.reason, lines=end.lines, exit_code=end.exit_code, attempts=bundle.attempt
            )
            ledger.end(job, ending)
        on_ending(job, ending)
    for jobs in together(again, 1 if bundle.attempt > 1 else None):
        yield Bundle(jobs=jobs, attempt=bundle.attempt + 1)


def _cancelled(ledger: Ledger, engine: SweepEngine, busy: dict[Ticket, Bundle]) -> None:
    for ticket in busy:
        engine.cancel(ticket.handle)
        ledger.drop(ticket)
