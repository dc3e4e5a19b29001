"""What a worker does: the jobs that it was given, one process, wherever it runs."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from resbench.bench.entrance import entered
from resbench.bench.entries import select
from resbench.bench.profiling import profiled
from resbench.bench.recorded import recorded_evaluation, recorded_profile
from resbench.bench.validation import validate_all
from resbench.errors import ResbenchError
from resbench.records import store
from resbench.records.record import Record
from resbench.running.allocator import keep_memory
from resbench.sweep.jobs import Job
from resbench.sweep.ledger import Ending, Ledger, code_sha256, hostname, open_jobs
from resbench.sweep.options import profiling_of, validating_of


def work(root: Path, keys: Sequence[str], code: str, attempt: int = 1) -> None:
    """Do the jobs `keys` of the sweep into `root` that are still open, and write down how each ended.

    Raises ResbenchError when the sweep was started by another version of resbench (`code`), or cannot be seen here.
    """
    ledger = Ledger(root)
    if code_sha256() != code:
        raise ResbenchError(
            f"resbench on {hostname()} is not the version that started the sweep into {root}; install the same one on "
            "both, and `resbench sweep resume`"
        )
    stored = ledger.stored()
    sys.argv = list(stored.command)  # which the records name
    by_key = {job.key: job for job in stored.jobs}
    jobs = open_jobs(ledger, [by_key[key] for key in keys])
    if jobs and jobs[0].kind == "validate":
        keep_memory()
        _validate(ledger, jobs, attempt)
    else:
        for job in jobs:
            _profile(ledger, job, attempt)


def record_there(job: Job, root: Path) -> Record | None:
    """Return the record of `job` below `root`, where this machine has measured it already.

    Raises ResbenchError for what this machine cannot measure.
    """
    if job.kind == "profile":
        how = profiling_of(job)
        return recorded_profile(entered(job.name, how.running.input_px), how, root)
    (images,), (entry,) = select(*_named([job]), [job.data], validating_of(job))
    return recorded_evaluation(entry, images, validating_of(job), root)


def known_ending(job: Job, root: Path) -> Ending | None:
    """Return how `job` ends without being measured: its record is there, or this machine refuses it; else None."""
    try:
        record = record_there(job, root)
    except ResbenchError as error:
        return _refused(error, 1)
    return _finished(record, True, 0.0, 1) if record else None


def _profile(ledger: Ledger, job: Job, attempt: int) -> None:
    started = time.monotonic()
    try:
        record, there = record_there(job, ledger.root), True
        if record is None:
            how = profiling_of(job)
            record, there = profiled(entered(job.name, how.running.input_px), how), False
            store.save(record, ledger.root)
    except ResbenchError as error:
        ledger.end(job, _refused(error, attempt))
    else:
        ledger.end(job, _finished(record, there, time.monotonic() - started, attempt))


def _validate(ledger: Ledger, jobs: Sequence[Job], attempt: int) -> None:
    """Validate checkpoints in one pass; where one of several cannot be, each alone."""
    started = time.monotonic()
    try:
        records = _evaluations(jobs, ledger.root)
    except ResbenchError as error:
        if len(jobs) == 1:
            ledger.end(jobs[0], _refused(error, attempt))
        else:
            for job in jobs:
                _validate(ledger, [job], attempt)
        return
    measured = [key for key, (_, there) in records.items() if not there]
    seconds = (time.monotonic() - started) / max(1, len(measured))
    for job in jobs:
        ledger.end(job, _finished(*records[job.key], seconds, attempt))


def _evaluations(jobs: Sequence[Job], root: Path) -> dict[str, tuple[Record, bool]]:
    """Return the record of each job by its key, and whether it was there before."""
    how, data = validating_of(jobs[0]), [jobs[0].data]
    (images,), entries = select(*_named(jobs), data, how)
    there = [recorded_evaluation(entry, images, how, root) for entry in entries]
    records: dict[str, tuple[Record, bool]] = {
        job.key: (record, True) for job, record in zip(jobs, there, strict=True) if record
    }
    if left := [job for job in jobs if job.key not in records]:
        results = validate_all(*_named(left), data, how, output=root)
        records |= {job.key: (result.record, False) for job, result in zip(left, results, strict=True)}
    return records


def _named(jobs: Sequence[Job]) -> tuple[list[str], list[str]]:
    return [job.name for job in jobs], [job.weights for job in jobs if job.weights]


def _finished(record: Record, there: bool, seconds: float, attempt: int) -> Ending:
    path = store.path_of(record).as_posix()
    if there:
        return Ending(state="there", record=path, host=hostname(), attempts=attempt)
    return Ending(state="done", record=path, seconds=round(seconds, 3), host=hostname(), attempts=attempt)


def _refused(error: ResbenchError, attempt: int) -> Ending:
    return Ending(state="failed", reason=str(error), exit_code=error.exit_code, host=hostname(), attempts=attempt)
